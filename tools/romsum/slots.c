/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * What is in the call slots of a VMI image.
 */
#include "hypercall.h"
#include "ring1.h"
#include "slots.h"

uint32_t inlining(const struct image *image, uint32_t number) {
    uint32_t fact = get8(image, VMI_CALL_OFFSET(number) + VMI_INLINE_AT);
    uint32_t size = fact & ~VMI_INLINE_LEAVES;

    if (get32(image, VMI_INLINE_OFFSET) != VMI_INLINE_SIGNATURE) {
        return 0;
    }
    return fact == VMI_INLINE_NATIVE || (size > 0 && size <= VMI_INLINE_MAX) ? fact : 0;
}

uint32_t slot_used(const struct image *image, uint32_t number) {
    uint32_t at = VMI_CALL_OFFSET(number);
    uint32_t used = inlining(image, number) != 0 ? VMI_INLINE_AT : VMI_CALL_SIZE;

    while (used > 0 && get8(image, at + used - 1) == CALL_FILL) {
        used--;
    }
    return used;
}

const char *slot_name(const struct image *image, uint32_t slot) {
    if (is_api(image, VMI_API_MAJOR_13)) {
        for (uint32_t i = 0; i < CALLS_13; i++) {
            if (vmi_call_names[i].slot == slot) {
                return vmi_call_names[i].name;
            }
        }
        return NULL;
    }
    for (uint32_t number = 0; number < CALLS_3; number++) {
        if (vmi3_call_names[number].slot == slot) {
            return vmi3_call_names[number].name;
        }
    }
    return slot == VMI_CALL_GetRelocationInfo ? "GetRelocationInfo" : NULL;
}

uint32_t shown_kind(const struct image *image, uint32_t number) {
    uint32_t descriptor = find_readable_descriptor(image), ring1 = find_readable_ring1(image);

    if (ring1 != 0) {
        return ring1_kind(image, ring1, number);
    }
    return descriptor != 0 ? slot_kind(image, descriptor, number) : VMI_SLOT_NATIVE;
}
