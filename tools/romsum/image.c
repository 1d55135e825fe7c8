/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * Where the structures of an image are.
 */
#include <string.h>

#include "image.h"

uint32_t string_length(const struct image *image, uint32_t at) {
    const uint8_t *nul;

    if (!inside(image, at, 1)) {
        return NOWHERE;
    }
    nul = memchr(image->bytes + at, 0, image->size - at);
    return nul ? (uint32_t)(nul - (image->bytes + at)) : NOWHERE;
}

bool string_is(const struct image *image, uint32_t at, const char *text) {
    uint32_t length = (uint32_t)strlen(text);

    return inside(image, at, length + 1) && memcmp(image->bytes + at, text, length + 1) == 0;
}

bool is_licensed(const struct image *image) {
    uint32_t at = get16(image, HEADER_3(license_offset));

    return at != 0 && (string_is(image, at, "GPL") || string_is(image, at, "GPL v2"));
}

uint32_t find_pcir(const struct image *image) {
    uint32_t at = get16(image, HEADER(pci_offset));

    return inside(image, at, VMI_PCIR_SIZE_0) && get32(image, at) == VMI_PCIR_SIGNATURE ? at : 0;
}

bool is_pnp(const struct image *image, uint32_t at) {
    return at != 0 && inside(image, at, PNP_SIZE) && get32(image, at) == VMI_PNP_SIGNATURE;
}

uint32_t find_pnp(const struct image *image) {
    uint32_t at = get16(image, HEADER(pnp_offset));

    return is_x86(image) && is_pnp(image, at) ? at : 0;
}

static bool is_in_chain(const struct pnp_chain *chain, uint32_t at) {
    for (uint32_t i = 0; i < chain->count; i++) {
        if (chain->at[i] == at) {
            return true;
        }
    }
    return false;
}

void follow_pnp(const struct image *image, struct pnp_chain *chain) {
    uint32_t at = find_pnp(image);

    chain->count = 0;
    while (is_pnp(image, at) && !is_in_chain(chain, at) && chain->count < MAX_PNP) {
        chain->at[chain->count++] = at;
        at = get16(image, at + PNP(next));
    }
    chain->endless = is_pnp(image, at);
}

uint32_t code_type(const struct image *image) {
    uint32_t at = find_pcir(image);

    return at != 0 ? get8(image, at + PCIR(code_type)) : VMI_PCIR_CODE_X86;
}

bool is_x86(const struct image *image) {
    uint32_t code = get8(image, HEADER(entry));

    if (code_type(image) <= CODE_EFI || !image->first) {
        return code_type(image) == VMI_PCIR_CODE_X86 || is_vmi(image);
    }
    return is_vmi(image) || code == 0xE9 || code == 0xEB || code == 0xCB ||
           (has_stated_bytes(image) && stated_sum(image) == 0);
}

uint32_t pcir_size(const struct image *image) {
    uint32_t at = find_pcir(image);

    return at != 0 ? get16(image, at + PCIR(image_length)) * VMI_ROM_BLOCK : 0;
}

/* ---- What is in an image ---- */

uint32_t find_descriptor(const struct image *image) {
    uint32_t at = get16(image, VMI_HYPERCALL_POINTER);

    if (!is_api(image, VMI_API_MAJOR_13) && !is_api(image, VMI_API_MAJOR_3)) {
        return 0;
    }
    return at != 0 && get32(image, at) == VMI_HYPERCALL_MAGIC ? at : 0;
}

uint32_t find_readable_descriptor(const struct image *image) {
    uint32_t at = find_descriptor(image);

    if (!inside(image, at, HYPERCALL_SIZE) || !inside(image, 0, VMI_CALLS_END)) {
        return 0;
    }
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
    uint32_t length = stated_size(image);

    return length != 0 && inside(image, 0, length) ? length : image->size;
}

bool has_stated_bytes(const struct image *image) {
    return stated_size(image) != 0 && stated_size(image) <= image->rest;
}

uint32_t stated_sum(const struct image *image) {
    struct image all = *image;

    all.size = image->rest;
    return sum_of(&all, 0, stated_size(image));
}

uint32_t used_end(const struct image *image) {
    uint32_t end = image->size;
    uint32_t pad = get8(image, image->size - 1);

    while ((pad == 0xFF || pad == 0x00) && end > 0 && get8(image, end - 1) == pad) {
        end--;
    }
    while (end > 0 && get8(image, end - 1) == CALL_FILL) {
        end--;
    }
    return end;
}
