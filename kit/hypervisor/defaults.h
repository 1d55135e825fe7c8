/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* What the files of default handlers share. */
#ifndef VMI_KIT_DEFAULTS_H
#define VMI_KIT_DEFAULTS_H

#include "vmi/defaults.h"

#define VECTOR_DB 1u
#define VECTOR_UD 6u
#define VECTOR_TS 10u
#define VECTOR_NP 11u
#define VECTOR_SS 12u
#define VECTOR_GP 13u

/* Never NULL. */
const struct vmi_accessors *vmi_kit_accessors(const struct vmi_frame *f);

/* Raises an exception with this error code: what the handler then returns. */
int vmi_kit_raise(const struct vmi_frame *f, uint32_t vector, uint32_t error);

/* How an entry of 4 or 8 bytes changes. */
enum vmi_kit_change { VMI_KIT_REPLACE, VMI_KIT_SET, VMI_KIT_CLEAR };

/* Changes it in one step for all processors. Returns 0, with what it was, or VMI_ERROR_FAULT. */
int vmi_kit_change(const struct vmi_frame *f, uint32_t linear, uint32_t size,
                   enum vmi_kit_change change, uint64_t operand, uint64_t *old);

/* clang-format off */
vmi_handler vmi_kit_set_gdt, vmi_kit_set_ldt, vmi_kit_set_idt, vmi_kit_set_tr, vmi_kit_get_gdt,
            vmi_kit_get_ldt, vmi_kit_get_idt, vmi_kit_get_tr, vmi_kit_write_entry,
            vmi_kit_iret, vmi_kit_sysexit,
            vmi_kit_set_pxe0, vmi_kit_set_pxe, vmi_kit_get_pxe, vmi_kit_swap_pxe,
            vmi_kit_set_pxe_long, vmi_kit_get_pxe_long, vmi_kit_swap_pxe_long,
            vmi_kit_deactivate_pxe_long, vmi_kit_set_bit, vmi_kit_clear_bit,
            vmi_kit_in, vmi_kit_inb, vmi_kit_inw, vmi_kit_ins, vmi_kit_insb, vmi_kit_insw,
            vmi_kit_out, vmi_kit_outb, vmi_kit_outw, vmi_kit_outs, vmi_kit_outsb, vmi_kit_outsw,
            vmi_kit_io_delay;
/* clang-format on */

#endif
