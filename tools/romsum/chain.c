/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * The last-image bits of a chain of PCI images.
 */
#include "chain.h"
#include "walk.h"

static void set_bit(struct image *image, bool last, struct report *report) {
    uint32_t at = find_pcir(image) + PCIR(indicator);
    uint32_t before = get8(image, at);
    uint32_t after = (before & ~(uint32_t)VMI_PCIR_LAST_IMAGE) | (last ? VMI_PCIR_LAST_IMAGE : 0);

    if (before == after) {
        return;
    }
    put8(image, at, after);
    changed(report, at, 1, "last-image bit %s", last ? "set" : "cleared");
}

/* Lets PCIR lead to the next image. */
static void lead_on(struct image *image, struct report *report) {
    uint32_t at = find_pcir(image) + PCIR(image_length);
    uint32_t before = get16(image, at);
    uint32_t distance = image->next - image->base;

    set_bit(image, false, report);
    if (distance == before * VMI_ROM_BLOCK) {
        return;
    }
    if (distance % VMI_ROM_BLOCK != 0 || distance / VMI_ROM_BLOCK > UINT16_MAX) {
        problem(report, at, "chain", "PCIR cannot state the distance to the next image, %u bytes",
                distance);
        return;
    }
    put16(image, at, distance / VMI_ROM_BLOCK);
    changed(report, at, 2, "PCIR length %u -> %u blocks", before, distance / VMI_ROM_BLOCK);
}

/* The first image of the ROM that image `number` belongs to or is hidden behind. */
static uint32_t rom_of(const struct image *file, uint32_t number) {
    struct image image;
    uint32_t start = 1;

    first_image(file, &image);
    do {
        if (image.first && !image.hidden) {
            start = image.number;
        }
    } while (image.number < number && next_image(file, &image));
    return start;
}

void set_last(struct image *file, uint32_t number, struct report *report) {
    uint32_t count = count_images(file);
    uint32_t start = rom_of(file, number);
    struct image image;

    if (number > count) {
        problem(report, NOWHERE, "chain", "there is no image %u: the file has %u", number, count);
        return;
    }
    first_image(file, &image);
    do {
        look_at(report, &image);
        report->unreached = false; /* it is to be reached */
        if (image.number < start) {
            continue;
        }
        if (find_pcir(&image) == 0) {
            problem(report, HEADER(pci_offset), "no-pcir", "no PCIR, so no last-image bit");
        } else if (image.number == number) {
            set_bit(&image, true, report);
        } else {
            lead_on(&image, report);
        }
    } while (image.number < number && report->count == 0 && next_image(file, &image));
    look_at(report, NULL);
}
