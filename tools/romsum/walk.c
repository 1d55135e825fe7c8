/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * The images of a file.
 */
#include "entry.h"
#include "walk.h"

/* ---- How long an image is ---- */

static bool is_followed(const struct image *image) {
    uint32_t at = find_pcir(image);
    uint32_t size = pcir_size(image);

    return at != 0 && size >= at + VMI_PCIR_SIZE_0 && size < image->size &&
           !(get8(image, at + PCIR(indicator)) & VMI_PCIR_LAST_IMAGE) &&
           get16(image, size) == VMI_ROM_SIGNATURE;
}

static bool is_padding(const struct image *image, uint32_t at) {
    return run_of(image, at, image->size - at, 0xFF) == image->size - at;
}

/* A guest maps a VMI image by its length byte, so PCIR has to agree before bytes are left out. */
static uint32_t vmi_extent(const struct image *image, uint32_t length, uint32_t pcir) {
    uint32_t size = find_pcir(image) != 0 ? pcir : length;

    if (size == 0 || size > image->size) {
        return image->size;
    }
    return length == pcir || image->more || is_padding(image, size) ? size : image->size;
}

/* `image` is the rest of the file. */
static uint32_t extent(const struct image *image) {
    uint32_t length = is_x86(image) ? stated_size(image) : 0;
    uint32_t pcir = pcir_size(image);

    if (pcir < find_pcir(image) + VMI_PCIR_SIZE_0) {
        pcir = 0;
    }
    if (is_vmi(image)) {
        return vmi_extent(image, length, pcir);
    }
    if (image->more) {
        return pcir;
    }
    if (length > image->size || (pcir > image->size && length == 0)) {
        return image->size;
    }
    if (pcir > image->size) {
        pcir = 0;
    }
    if (length == 0 && pcir == 0) {
        return image->size;
    }
    return length > pcir ? length : pcir;
}

/* ---- Where another ROM begins ---- */

/* The rest of the file from `at` on, as if it were an image. */
static struct image rest_from(const struct image *file, uint32_t at) {
    struct image image = *file;

    image.bytes = file->bytes + at;
    image.base = at;
    image.rest = image.size = file->size - at;
    image.first = true;
    image.more = is_followed(&image);
    return image;
}

static bool is_jump_inside(const struct image *image) {
    uint32_t code = get8(image, HEADER(entry));
    uint32_t target = entry_target(image);

    return (code == 0xE9 || code == 0xEB) && target > HEADER(entry) && target < stated_size(image);
}

/*
 * Whether this is a ROM, as its signature says. What is not whole is none. A right sum, where
 * firmware looks at it, PCIR or $PnP is no chance; `weak`: a jump that stays inside does.
 */
static bool is_rom(const struct image *image, bool weak) {
    uint32_t pcir = find_pcir(image);
    uint32_t size = pcir_size(image);

    if (is_x86(image) && !has_stated_bytes(image)) {
        return false;
    }
    if (pcir >= HEADER(pci_offset) && size >= pcir + VMI_PCIR_SIZE_0 && size <= image->rest) {
        return true;
    }
    return is_x86(image) && has_stated_bytes(image) &&
           (pcir >= HEADER(pci_offset) || find_pnp(image) != 0 || stated_sum(image) == 0 ||
            (weak && is_jump_inside(image)));
}

/* Behind an image that ends at `from`. A BIOS scans each 2 KiB; PCI counts blocks. */
static uint32_t find_next(const struct image *file, uint32_t from, bool weak) {
    for (uint32_t at = from; at < file->size; at = (at / VMI_ROM_BLOCK + 1) * VMI_ROM_BLOCK) {
        struct image image;

        if (get16(file, at) != VMI_ROM_SIGNATURE) {
            continue;
        }
        image = rest_from(file, at);
        if (is_rom(&image, weak && (at == from || at % VMI_SCAN_STEP == 0))) {
            return at;
        }
    }
    return 0;
}

uint32_t find_rom(const struct image *file, uint32_t from) {
    for (uint32_t at = from; at < file->size; at++) {
        struct image image;

        if (get16(file, at) != VMI_ROM_SIGNATURE) {
            continue;
        }
        image = rest_from(file, at);
        if (is_rom(&image, at % VMI_ROM_BLOCK == 0)) {
            return at;
        }
    }
    return NOWHERE;
}

/* ---- One behind the other ---- */

/* Ends the image, which is the rest of the file, where it states its end. */
static void cut(const struct image *file, struct image *image) {
    uint32_t end;

    image->more = image->number < MAX_IMAGES && is_followed(image);
    image->size = extent(image);
    end = image->base + image->size;
    if (image->more) {
        image->next = end;
    } else if (image->number == MAX_IMAGES || get16(image, 0) != VMI_ROM_SIGNATURE) {
        image->next = 0;
    } else {
        image->next = find_next(file, end, find_pcir(image) == 0);
    }
}

void first_image(const struct image *file, struct image *image) {
    *image = rest_from(file, 0);
    image->number = 1;
    image->hidden = false;
    cut(file, image);
    image->part = image->size != file->size;
}

/*
 * Whether the ROM at `next` is out of firmware's reach: right behind the image that PCIR calls the
 * last one, or anywhere behind in a file that begins with PCIR, which a BIOS does not scan.
 */
static bool is_hidden(const struct image *file, const struct image *before, uint32_t next) {
    struct image first = rest_from(file, 0);

    return find_pcir(&first) != 0 ||
           (find_pcir(before) != 0 && next == before->base + before->size);
}

bool next_image(const struct image *file, struct image *image) {
    struct image next;

    if (is_last(image)) {
        return false;
    }
    next = rest_from(file, image->next);
    next.number = image->number + 1;
    next.first = !image->more;
    next.hidden = image->more ? image->hidden : is_hidden(file, image, image->next);
    next.part = true;
    cut(file, &next);
    *image = next;
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
    uint32_t end = file->size;

    first_image(file, &image);
    while (next_image(file, &image)) {
    }
    while (end > image.base + image.size && file->bytes[end - 1] == 0xFF) {
        end--;
    }
    return file->size - end;
}
