/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * The lengths that an image states.
 */
#include <stdio.h>

#include "file.h"
#include "lengths.h"
#include "sum.h"

/* ---- What is missing ---- */

static void report_cut_short(const struct image *image, struct report *report, uint32_t stated) {
    uint32_t field = is_x86(image) ? HEADER(length) : find_pcir(image) + PCIR(image_length);

    problem(report, field, "cut-short",
            "%s says %u blocks (%u bytes), the file ends after %u: cut short? (--length header "
            "pads it with FF, --length file sets the length to %u blocks)",
            is_x86(image) ? "length byte" : "PCIR image length", stated / VMI_ROM_BLOCK, stated,
            image->rest, blocks_of(image->rest));
}

uint32_t whole_size(const struct image *image, enum length_from from, struct report *report) {
    uint32_t whole = blocks_of(image->rest) * VMI_ROM_BLOCK;
    uint32_t stated = is_x86(image) ? stated_size(image) : 0;

    if (stated == 0) {
        stated = pcir_size(image);
    }
    if (image->hidden || image->next != 0) {
        return image->rest;
    }
    if (stated == 0 || from == LENGTH_FILE) {
        return whole;
    }
    if (stated <= image->rest) {
        return image->rest;
    }
    if (stated > MAX_FILE - image->base || (stated != whole && from != LENGTH_HEADER)) {
        report_cut_short(image, report, stated);
        return image->rest;
    }
    return stated;
}

/* ---- Setting ---- */

static void set_length_byte(struct image *image, uint32_t blocks, struct report *report) {
    uint32_t before = get8(image, HEADER(length));
    uint32_t pcir = find_pcir(image);

    if (blocks > VMI_ROM_MAX_BLOCKS && pcir != 0 && !is_vmi(image)) {
        problem(report, HEADER(length), "too-long",
                "length byte cannot hold %u blocks: set it to what the BIOS should load (%u at "
                "most), and the image length in PCIR to %u",
                blocks, VMI_ROM_MAX_BLOCKS, blocks);
    } else if (blocks > VMI_ROM_MAX_BLOCKS) {
        problem(report, NOWHERE, "too-long",
                "the %s's %u bytes are more than an image can have (%u)", noun(image),
                blocks * VMI_ROM_BLOCK, VMI_ROM_MAX_BLOCKS * VMI_ROM_BLOCK);
    } else if (blocks != before) {
        put8(image, HEADER(length), blocks);
        changed(report, HEADER(length), 1, "length %u -> %u blocks", before, blocks);
    }
}

static void set_pcir_field(struct image *image, uint32_t field, uint32_t blocks, const char *name,
                           struct report *report) {
    uint32_t before = get16(image, field);

    if (blocks > UINT16_MAX) {
        problem(report, field, "too-long", "PCIR cannot hold %u blocks (65535 at most)", blocks);
    } else if (blocks != before) {
        put16(image, field, blocks);
        changed(report, field, 2, "%s %u -> %u blocks", name, before, blocks);
    }
}

static void set_pcir_length(struct image *image, uint32_t blocks, struct report *report) {
    uint32_t pcir = find_pcir(image);

    if (pcir == 0) {
        return;
    }
    set_pcir_field(image, pcir + PCIR(image_length), blocks, "PCIR length", report);
    if (is_vmi(image) && get8(image, pcir + PCIR(revision)) == 3) {
        set_pcir_field(image, pcir + PCIR(max_run_time_length), blocks, "run-time length", report);
    }
}

/* Sets both to what the image has from its first byte to the next image, or to the file's end. */
static void take_from_file(struct image *image, struct report *report) {
    uint32_t size = image->next != 0 ? image->next - image->base : image->rest;

    if (size % VMI_ROM_BLOCK != 0) {
        problem(report, NOWHERE, "blocks",
                "the image's %u bytes up to the next one are not a multiple of 512", size);
        return;
    }
    if (is_x86(image)) {
        set_length_byte(image, size / VMI_ROM_BLOCK, report);
    }
    set_pcir_length(image, size / VMI_ROM_BLOCK, report);
    image->size = size;
}

/* ---- Believing ---- */

/* Whether nothing but fill is from the stated end on, up to another ROM or FF to the end. */
static bool is_set_apart(const struct image *image) {
    uint32_t start = stated_size(image);
    uint32_t end = image->next != 0 ? image->next - image->base : image->rest;
    struct image all = *image;

    all.size = image->rest;
    if (start >= end || run_of(&all, start, end - start, 0xFF) == end - start) {
        return true;
    }
    return image->next != 0 && run_of(&all, start, end - start, 0x00) == end - start;
}

/* An image of a PCI device may be initialised with less than it has. */
static bool is_confirmed(const struct image *image) {
    uint32_t pcir = pcir_size(image);

    if (is_vmi(image)) {
        return pcir == stated_size(image);
    }
    return pcir >= stated_size(image) && pcir <= image->rest;
}

/* The sum is wrong, and so one of the two is: the image was changed, or it has outgrown a length.
 */
static void report_two_readings(const struct image *image, struct report *report) {
    uint32_t size = stated_size(image);
    uint32_t whole = image->next != 0 ? image->next - image->base : image->rest;
    struct image all = *image;
    char more[64] = "";

    all.size = image->rest;
    if (blocks_of(whole) > VMI_ROM_MAX_BLOCKS) {
        snprintf(more, sizeof(more), ", too many for the length byte");
    } else if (sum_of(&all, 0, whole) == 0) {
        snprintf(more, sizeof(more), ", which sum to 0 already");
    }
    problem(report, HEADER(length), "two-readings",
            "length byte says %u blocks (%u bytes), whose sum is wrong, and %u more bytes follow: "
            "either a patched image with something else behind it (--length header), or a new "
            "build with an old length byte (--length file: %u blocks%s)",
            size / VMI_ROM_BLOCK, size, whole - size, blocks_of(whole), more);
}

void set_lengths(struct image *image, enum length_from from, struct report *report) {
    if (from == LENGTH_FILE && !image->more) {
        take_from_file(image, report);
        return;
    }
    if (!is_x86(image)) {
        if (pcir_size(image) == 0 && code_type(image) <= CODE_EFI) {
            set_pcir_length(image, image->size / VMI_ROM_BLOCK, report);
        }
        return;
    }
    if (sums_are_right(image) || stated_size(image) > image->rest) {
        return;
    }
    if (stated_size(image) == 0) {
        set_length_byte(image, image->size / VMI_ROM_BLOCK, report);
        if (pcir_size(image) == 0) {
            set_pcir_length(image, image->size / VMI_ROM_BLOCK, report);
        }
    } else if (from == LENGTH_AUTO && stated_sum(image) != 0 && !is_confirmed(image) &&
               !is_set_apart(image)) {
        report_two_readings(image, report);
    }
    if (is_vmi(image) && report->count == 0) {
        set_pcir_length(image, get8(image, HEADER(length)), report);
        image->size = stated_size(image);
    }
}
