/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* For the calls that load a segment register, and for the state that a processor starts in. */

#include "descriptor.h"
#include "guest_memory.h"

#define ACCESS_BYTE 5u
#define ATTRIB_HIGH 0xF00u /* bits 52 to 55 of a descriptor */

int read_descriptor(struct vcpu *vcpu, const struct vmi_frame *f, uint16_t selector,
                    struct descriptor *d) {
    const struct segment *table = &state_of(vcpu)->gdtr;
    uint32_t half[2], limit, index = selector & 0xFFF8u;
    int error;
    if (selector & SELECTOR_LDT) {
        table = &state_of(vcpu)->ldtr;
    }
    if (selector & SELECTOR_LDT && !(table->attrib & ATTRIB_P)) {
        return call_faults(vcpu, VECTOR_GP, selector & SELECTOR_INDEX);
    }
    if (index + DESCRIPTOR_SIZE - 1 > table->limit) {
        return call_faults(vcpu, VECTOR_GP, selector & SELECTOR_INDEX);
    }
    d->at = (uint32_t)table->base + index;
    error = vmi_guest_read(f, d->at, half, sizeof(half));
    if (error) {
        return error;
    }
    limit = (half[0] & 0xFFFF) | (half[1] & 0xF0000);
    d->segment.selector = selector;
    d->segment.attrib = (uint16_t)((half[1] >> 8 & 0xFF) | (half[1] >> 12 & ATTRIB_HIGH));
    d->segment.limit = d->segment.attrib & ATTRIB_G ? limit << 12 | 0xFFF : limit;
    d->segment.base = half[0] >> 16 | (half[1] & 0xFF) << 16 | (half[1] & 0xFF000000);
    return 0;
}

int mark_descriptor(struct vcpu *vcpu, const struct descriptor *d, uint8_t bits) {
    void *at;
    if ((d->segment.attrib & bits) == bits) {
        return 0;
    }
    if (!guest_linear(vcpu, d->at + ACCESS_BYTE, true, &at)) {
        return VMI_ERROR_FAULT;
    }
    __atomic_fetch_or((uint8_t *)at, bits, __ATOMIC_SEQ_CST);
    return 0;
}
