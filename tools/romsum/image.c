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

bool is_pnp(const struct image *image, uint32_t at) {
    return at != 0 && inside(image, at, PNP_SIZE) && get32(image, at) == VMI_PNP_SIGNATURE;
}

uint32_t find_pnp(const struct image *image) {
    uint32_t at = get16(image, HEADER(pnp_offset));

    return is_x86(image) && is_pnp(image, at) ? at : 0;
}

static bool is_in_chain(const struct pnp_chain *chain, uint32_t at) {
    for (uint32_t i = 0; i < chain->count; i++)
        if (chain->at[i] == at)
            return true;
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

uint32_t pcir_size(const struct image *image) {
    uint32_t at = find_pcir(image);

    return at != 0 ? get16(image, at + PCIR(image_length)) * VMI_ROM_BLOCK : 0;
}

/* ---- The images of a file ---- */

static bool is_followed(const struct image *image) {
    uint32_t at = find_pcir(image);
    uint32_t size = pcir_size(image);

    return size >= at + VMI_PCIR_SIZE_0 && at != 0 && size < image->size &&
           !(get8(image, at + PCIR(indicator)) & VMI_PCIR_LAST_IMAGE) &&
           get16(image, size) == VMI_ROM_SIGNATURE;
}

/* Whether there is nothing but padding from `at` on. */
static bool is_padding(const struct image *image, uint32_t at) {
    uint32_t length = image->size - at;

    return length % VMI_ROM_BLOCK == 0 && run_of(image, at, length, 0xFF) == length;
}

/* `image` is the rest of the file: takes off what is not of the first image in it. */
static void cut(struct image *image) {
    uint32_t pcir = find_pcir(image);
    uint32_t size = pcir != 0 ? pcir_size(image) : get8(image, HEADER(length)) * VMI_ROM_BLOCK;

    image->more = image->number < MAX_IMAGES && is_followed(image);
    if (pcir != 0 && size < pcir + VMI_PCIR_SIZE_0)
        return;
    if (size != 0 && size < image->size && (image->more || is_padding(image, size)))
        image->size = size;
}

void first_image(const struct image *file, struct image *image) {
    *image = *file;
    image->base = 0;
    image->number = 1;
    cut(image);
    image->part = image->size != file->size;
}

bool next_image(const struct image *file, struct image *image) {
    if (!image->more)
        return false;
    image->base += image->size;
    image->bytes = file->bytes + image->base;
    image->size = file->size - image->base;
    image->number++;
    cut(image);
    return true;
}

uint32_t count_images(const struct image *file) {
    struct image image;

    first_image(file, &image);
    while (next_image(file, &image)) {
    }
    return image.number;
}

uint32_t padding_of(const struct image *file) {
    struct image image;

    first_image(file, &image);
    while (next_image(file, &image)) {
    }
    return file->size - image.base - image.size;
}

/* ---- What is in an image ---- */

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
