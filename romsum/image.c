/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * Where the structures of an image are.
 */
#include <string.h>

#include "image.h"

uint32_t string_length(const struct image *image, uint32_t at) {
    const uint8_t *nul;

    if (!inside(image, at, 1))
        return NOWHERE;
    nul = memchr(image->bytes + at, 0, image->size - at);
    return nul ? (uint32_t)(nul - (image->bytes + at)) : NOWHERE;
}

bool string_is(const struct image *image, uint32_t at, const char *text) {
    uint32_t length = (uint32_t)strlen(text);

    return inside(image, at, length + 1) && memcmp(image->bytes + at, text, length + 1) == 0;
}

uint32_t find_pcir(const struct image *image) {
    uint32_t at = get16(image, HEADER(pci_offset));

    return inside(image, at, VMI_PCIR_SIZE_0) && get32(image, at) == VMI_PCIR_SIGNATURE ? at : 0;
}

uint32_t find_pnp(const struct image *image) {
    uint32_t at = get16(image, HEADER(pnp_offset));

    return inside(image, at, PNP_SIZE) && get32(image, at) == VMI_PNP_SIGNATURE ? at : 0;
}

uint32_t find_descriptor(const struct image *image) {
    uint32_t at = get16(image, VMI_HYPERCALL_POINTER);

    if (!is_api(image, VMI_API_MAJOR_13) && !is_api(image, VMI_API_MAJOR_3))
        return 0;
    return at != 0 && get32(image, at) == VMI_HYPERCALL_MAGIC ? at : 0;
}

uint32_t find_readable_descriptor(const struct image *image) {
    uint32_t at = find_descriptor(image);

    if (!inside(image, at, HYPERCALL_SIZE) || !inside(image, 0, VMI_CALLS_END))
        return 0;
    return get8(image, at + HYPERCALL(version)) == VMI_HYPERCALL_VERSION ? at : 0;
}

uint32_t find_policy(const struct image *image) {
    uint32_t at = VMI3_POLICY_OFFSET;

    return is_api(image, VMI_API_MAJOR_3) && get32(image, at) == VMI3_POLICY_MAGIC ? at : 0;
}

bool has_slots(const struct image *image) {
    return inside(image, 0, VMI_CALLS_END) &&
           (is_api(image, VMI_API_MAJOR_13) || find_policy(image) != 0 ||
            find_readable_descriptor(image) != 0);
}

uint32_t first_slot(const struct image *image) {
    return is_api(image, VMI_API_MAJOR_3) ? VMI_CALL_Init + 1 : VMI_CALL_FIRST;
}

uint32_t sealed_size(const struct image *image) {
    uint32_t length = get8(image, HEADER(length)) * VMI_ROM_BLOCK;

    return length != 0 && inside(image, 0, length) ? length : image->size;
}

uint32_t entry_target(const struct image *image) {
    uint32_t at = HEADER(entry);

    switch (get8(image, at)) {
    case 0xE9:
        return (at + 3 + get16(image, at + 1)) & 0xFFFF;
    case 0xEB:
        return (at + 2 + get8(image, at + 1) - ((get8(image, at + 1) & 0x80) << 1)) & 0xFFFF;
    default:
        return at;
    }
}

bool entry_spares_checksum(const struct image *image) {
    uint32_t target = entry_target(image);

    return get8(image, HEADER(entry)) == 0xCB || target < HEADER(entry) || target >= HEADER(pad0);
}
