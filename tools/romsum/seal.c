/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * Sealing: padding, lengths, checksums.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "entry.h"
#include "lengths.h"
#include "seal.h"
#include "sum.h"
#include "walk.h"

#define MIN_SEALABLE 4u /* signature, length byte and one byte of entry code */

/* New bytes are FFh. */
static void set_size(struct image *file, uint32_t size) {
    uint8_t *bytes = realloc(file->bytes, size);

    if (!bytes) {
        out_of_memory();
    }
    file->bytes = bytes;
    if (size > file->size) {
        memset(bytes + file->size, 0xFF, size - file->size);
    }
    file->size = size;
}

/*
 * A PCIR image length that lies beyond the file is not believed; with more bytes it is, and what
 * stood there is in no image.
 */
static void pad_to(struct image *file, uint32_t size, struct report *report) {
    uint32_t before = count_images(file), after;

    set_size(file, size);
    after = count_images(file);
    if (after != before) {
        problem(report, NOWHERE, "size",
                "with %u bytes the file would have %u image%s, not %u: a PCIR image length that "
                "lay beyond the file would lead elsewhere",
                size, after, after == 1 ? "" : "s", before);
    }
}

static void pad_last_image(struct image *file, const struct sealing *how, struct report *report) {
    uint32_t before = file->size;
    struct image image;
    uint32_t size;

    first_image(file, &image);
    while (next_image(file, &image)) {
    }
    look_at(report, &image);
    size = whole_size(&image, how->length_from, report);
    if (size > image.rest) {
        changed(report, image.rest, size - image.rest, "padded %u -> %u bytes", before,
                before - image.rest + size);
        pad_to(file, before - image.rest + size, report);
        file->fresh += file->size - before;
    }
    look_at(report, NULL);
}

/* ---- Sums ---- */

static void seal_pnp_sums(struct image *image, struct report *report) {
    struct pnp_chain chain;

    follow_pnp(image, &chain);
    for (uint32_t i = 0; i < chain.count; i++) {
        uint32_t at = chain.at[i] + PNP(checksum);
        uint32_t bytes = get8(image, chain.at[i] + PNP(length)) * VMI_PNP_UNIT;
        uint32_t stated = get8(image, at);
        uint32_t right;

        if (pnp_sum_is_right(image, chain.at[i])) {
            continue;
        }
        right = (stated - sum_of(image, chain.at[i], bytes)) & 0xFF;
        changed(report, at, 1, "$PnP checksum at 0x%02X %02X -> %02X", report->base + at, stated,
                right);
        put8(image, at, right);
    }
}

static void report_no_place(const struct image *image, struct report *report,
                            const struct place *place) {
    uint32_t code = HEADER(entry);
    uint32_t six = VMI_ROM_CHECKSUM_OFFSET;

    if (place->other != 0) {
        problem(report, place->at, "place",
                "the checksum may be this byte (0x%02X) or the last one, at 0x%02X (0x%02X): "
                "choose with --sum-at %u or --sum-at end",
                get8(image, place->at), report->base + place->other, get8(image, place->other),
                report->base + place->at);
    } else if (is_vmi(image)) {
        problem(report, code, "place",
                "entry code %02X %02X %02X runs through byte 6, where the checksum goes: begin "
                "with a jump (E9, EB) over it or with RETF (CB)",
                get8(image, code), get8(image, code + 1), get8(image, code + 2));
    } else {
        problem(report, place->at, "place",
                "no place for the checksum: byte 6 belongs to %s (entry %02X %02X %02X %02X), and "
                "the last byte (0x%02X) may be data: choose with --sum-at end or --sum-at OFFSET",
                entry_use(image, six) ? entry_use(image, six) : "what begins there",
                get8(image, code), get8(image, code + 1), get8(image, code + 2),
                get8(image, code + 3), get8(image, place->at));
    }
}

/* Whether the user may have the checksum here; one that is right already may be read as code. */
static bool may_be_here(const struct image *image, uint32_t at, bool any_code,
                        struct report *report) {
    const char *structure = structure_at(image, at);
    const char *use = any_code ? NULL : use_of(image, at);

    if (structure || use) {
        problem(report, at, "place", "the checksum cannot go here: the byte belongs to %s%s",
                structure ? structure : use, structure ? "" : " (--force overrides this)");
    }
    return !structure && !use;
}

/* Where to put the sum of `size` bytes; its `free` is false if the report says why not. */
static struct place choose_place(const struct image *image, uint32_t size,
                                 const struct sealing *how, bool is_right, struct report *report) {
    struct place place = {size - 1, 0, true, NULL};

    if (how->sum_at == SUM_AUTO) {
        place = find_place(image, size);
        if (place.free && place.other == 0) {
            return place;
        }
        report_no_place(image, report, &place);
        place.free = false;
        return place;
    }
    if (how->sum_at == SUM_HERE) {
        place.at = how->sum_offset - image->base;
    }
    place.free = may_be_here(image, place.at, how->force || is_right, report);
    return place;
}

static void seal_sum(struct image *image, const struct sealing *how, struct report *report) {
    uint32_t size = stated_size(image);
    uint32_t sum = sum_of(image, 0, size);
    struct sealing own = *how;
    struct place place;
    const char *what;
    uint32_t before;

    if (how->sum_at == SUM_HERE &&
        (how->sum_offset < image->base || how->sum_offset - image->base >= size)) {
        own.sum_at = SUM_AUTO;
    }
    /* An image that sums to 0 by a byte of its own stays as it is. */
    if (sum == 0 && own.sum_at == SUM_AUTO) {
        return;
    }
    place = choose_place(image, size, &own, sum == 0, report);
    if (!place.free || sum == 0) {
        return;
    }
    before = get8(image, place.at);
    put8(image, place.at, before - sum);
    what = structure_at(image, place.at); /* a 0 may end a string that had no end */
    if (what) {
        problem(report, place.at, "place",
                "the checksum cannot go here: as 0x%02X the byte belongs to %s",
                get8(image, place.at), what);
    }
    changed(report, place.at, 1, "checksum at 0x%02X %02X -> %02X%s%s%s", report->base + place.at,
            before, get8(image, place.at), place.why ? " (" : "", place.why ? place.why : "",
            place.why ? ")" : "");
}

/* Whether an image's checksum can be at this offset of the file. */
static bool is_sealed(const struct image *file, uint32_t offset) {
    struct image image;

    first_image(file, &image);
    do {
        uint32_t size = stated_size(&image);

        if (is_x86(&image) && !image.hidden && offset >= image.base && offset - image.base < size &&
            offset - image.base < image.size) {
            return true;
        }
    } while (next_image(file, &image));
    return false;
}

/* ---- All of it ---- */

static void pad_file(struct image *file, uint32_t size, struct report *report) {
    uint32_t end = file->size - padding_of(file);
    uint32_t before = file->size;

    if (end > size) {
        problem(report, NOWHERE, "size", "the sealed image has %u bytes, more than the %u of --pad",
                end, size);
        return;
    }
    if (size != before) {
        changed(report, size > before ? before : size,
                size > before ? size - before : before - size, "%s %u -> %u bytes",
                size > before ? "padded" : "padding cut", before, size);
        pad_to(file, size, report);
    }
}

void seal_lengths(struct image *file, const struct sealing *how, struct report *report) {
    struct image image;

    if (file->size < MIN_SEALABLE) {
        problem(report, NOWHERE, "short", "the file's %u bytes are too few for a ROM", file->size);
        return;
    }
    if (!check_is_rom(file, report) || report->count != 0) {
        return;
    }
    pad_last_image(file, how, report);
    if (report->count != 0) {
        return;
    }
    first_image(file, &image);
    do {
        look_at(report, &image);
        if (!image.hidden) {
            set_lengths(&image, how->length_from, report);
        }
    } while (next_image(file, &image));
    look_at(report, NULL);
}

void seal_sums(struct image *file, const struct sealing *how, struct report *report) {
    struct image image;

    first_image(file, &image);
    do {
        look_at(report, &image);
        if (image.hidden || !is_x86(&image) || report->count != 0) {
            continue;
        }
        seal_pnp_sums(&image, report);
        if (stated_size(&image) != 0 && inside(&image, 0, stated_size(&image))) {
            seal_sum(&image, how, report);
        }
    } while (next_image(file, &image));
    look_at(report, NULL);
    if (how->sum_at == SUM_HERE && report->count == 0 && !is_sealed(file, how->sum_offset)) {
        problem(report, how->sum_offset, "place",
                "the checksum cannot go here: no BIOS image includes this byte in its sum");
    }
    if (how->pad != 0 && report->count == 0) {
        pad_file(file, how->pad, report);
    }
    if (report->count == 0) {
        check_image(file, report);
    }
}

void seal_image(struct image *file, const struct sealing *how, struct report *report) {
    seal_lengths(file, how, report);
    if (report->count == 0) {
        seal_sums(file, how, report);
    }
}
