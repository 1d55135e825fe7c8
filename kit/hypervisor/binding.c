/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* The header's inline functions, for bindings in other languages: as functions. */

#include "vmi/hypervisor.h"

void vmi_hv_return_eax(struct vmi_frame *frame, uint32_t value) {
    vmi_return_eax(frame, value);
}

void vmi_hv_return_edx_eax(struct vmi_frame *frame, uint64_t value) {
    vmi_return_edx_eax(frame, value);
}

void vmi_hv_return_ax(struct vmi_frame *frame, uint16_t value) {
    vmi_return_ax(frame, value);
}

void vmi_hv_return_al(struct vmi_frame *frame, uint8_t value) {
    vmi_return_al(frame, value);
}
