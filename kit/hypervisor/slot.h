/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* What the kit's files share about slots: the table's rows, and the bytes of slots without a body.
 */
#ifndef VMI_KIT_SLOT_H
#define VMI_KIT_SLOT_H

#include <stdbool.h>
#include <stdint.h>

#include "vmi/handlers.h"
#include "vmi/hypercall.h"
#include "vmi/rom.h"

#define VMI_KIT_PAGE 4096u

/* The table's rows, slots 0 to 127. Here the kit has one for all files; in the kit of one file it
 * is the header's. */
#ifndef vmi_kit_slots
extern __attribute__((visibility("hidden"))) const struct vmi_slot vmi_kit_slots[VMI_CALL_SLOTS];
#endif

static inline const struct vmi_slot *vmi_kit_slot(uint32_t slot) {
    return &vmi_kit_slots[slot % VMI_CALL_SLOTS];
}

/* Its flags in an image of this API: 0 if no call of the API has the slot. */
uint8_t vmi_kit_slot_flags(uint8_t api, uint32_t slot);

/* Writes the 32 bytes of a slot of kind VMI_SLOT_TRAP or VMI_SLOT_NOP. */
void vmi_kit_slot_bytes(uint8_t slot[VMI_CALL_SIZE], uint8_t kind, uint8_t trap, uint8_t operand);

/* Writes Init's question, VMI_HYPERCALL_ASK_SIZE bytes: with the trap if the flags say so. */
void vmi_kit_ask_bytes(uint8_t *bytes, uint8_t flags, uint8_t operand);

/* Whether a trap kind exists and can have this operand. */
bool vmi_kit_trap_is_valid(uint8_t trap, uint8_t operand);

/* The length of the trapping instruction: the rest of a site is NOP. */
static inline uint32_t vmi_kit_trap_length(uint8_t trap) {
    return trap == VMI_TRAP_INT || trap == VMI_TRAP_OUT ? 2 : 3;
}

#endif
