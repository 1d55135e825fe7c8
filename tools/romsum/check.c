/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * The checks but for those of PCIR and $PnP.
 */
#include "advice.h"
#include "behind.h"
#include "check.h"
#include "check_pcir.h"
#include "check_pnp.h"
#include "entry.h"
#include "hypercall.h"
#include "policy.h"
#include "ring1.h"
#include "spans.h"
#include "sum.h"
#include "walk.h"

bool check_is_rom(const struct image *image, struct report *report) {
    struct image all = *image;
    char looks[128] = "";

    if (get16(image, HEADER(signature)) == VMI_ROM_SIGNATURE) {
        return true;
    }
    all.size = image->rest > image->size ? image->rest : image->size;
    if (image->base == 0) {
        advise(&all, looks, sizeof(looks));
    }
    problem(report, HEADER(signature), "not-rom",
            "signature is %02X %02X, not 55 AA: not an option ROM%s", get8(image, 0),
            get8(image, 1), looks);
    return is_vmi(image);
}

static void check_length_13(struct report *report, uint32_t blocks) {
    uint32_t at = HEADER(length);

    if (blocks > VMI_ROM_MAX_BLOCKS_13) {
        problem(report, at, "vmi-length",
                "length byte says %u blocks: Linux 13.0 panics above %u (%u bytes)", blocks,
                VMI_ROM_MAX_BLOCKS_13, VMI_ROM_MAX_SIZE_13);
    }
    if (blocks < VMI_ROM_MIN_BLOCKS_13) {
        problem(report, at, "vmi-length",
                "length byte says %u blocks: the call table of API 13 fills %u", blocks,
                VMI_ROM_MIN_BLOCKS_13);
    }
}

static void check_length(const struct image *image, struct report *report) {
    uint32_t at = HEADER(length);
    uint32_t blocks = get8(image, at);
    uint32_t bytes = blocks * VMI_ROM_BLOCK;

    if (blocks == 0) {
        problem(report, at, "length-0", "length byte is 0: a BIOS skips the ROM");
        return;
    }
    if (bytes > image->rest) {
        problem(report, at, "cut-short",
                "length byte says %u blocks (%u bytes), the %s ends after %u bytes: cut short?",
                blocks, bytes, noun(image), image->rest);
    } else if (bytes > image->size) {
        doubt(image, report, at, "length",
              "length byte says %u blocks (%u bytes), and another image begins after %u bytes",
              blocks, bytes, image->size);
    }
    /* A guest maps and copies by this byte. */
    if (bytes < image->size && is_vmi(image)) {
        problem(report, at, "vmi-length",
                "length byte says %u blocks (%u bytes), the %s has %u bytes", blocks, bytes,
                noun(image), image->size);
    }
    if (is_api(image, VMI_API_MAJOR_13)) {
        check_length_13(report, blocks);
    }
}

static void check_entry(const struct image *image, struct report *report) {
    uint32_t at = HEADER(entry);
    uint32_t code = get8(image, at);
    uint32_t target = entry_target(image);
    /* Other ROMs may have code right behind a short jump. */
    uint32_t fields_end = is_vmi(image) ? VMI_ROM_FIELDS_END : HEADER(entry) + 2;

    if (entry_is_empty(image)) {
        doubt(image, report, at, "entry",
              "entry is %02X %02X %02X, no code: a BIOS that calls it may hang", code, code, code);
    }
    if (code != 0xE9 && code != 0xEB) {
        if (is_vmi(image) && code != 0xCB) {
            problem(report, at, "entry",
                    "entry code 0x%02X is neither a jump (E9, EB) nor RETF (CB)", code);
        }
        return;
    }
    if (!inside(image, target, 1)) {
        doubt(image, report, at, "entry", "entry jumps to 0x%02X, outside the image (%u bytes)",
              target, image->size);
    } else if (target < fields_end && target != HEADER(pad0)) {
        doubt(image, report, at, "entry", "entry jumps to 0x%02X, into the header", target);
    }
}

static void check_sum(const struct image *image, struct report *report) {
    uint32_t bytes = stated_size(image);
    struct place place;
    uint32_t sum;

    if (!has_stated_bytes(image)) {
        return;
    }
    sum = stated_sum(image);
    if (sum == 0) {
        return;
    }
    place = find_place(image, bytes < image->size ? bytes : image->size);
    if (!place.free) {
        problem(report, place.at, "sum",
                "the image's %u bytes sum to 0x%02X, not 0; the place of its checksum is not known",
                bytes, sum);
    } else if (place.other == 0) {
        problem(report, place.at, "sum",
                "the image's %u bytes sum to 0x%02X, not 0: checksum 0x%02X, right 0x%02X", bytes,
                sum, get8(image, place.at), (get8(image, place.at) - sum) & 0xFF);
    } else {
        problem(report, place.at, "sum",
                "the image's %u bytes sum to 0x%02X, not 0: checksum here (0x%02X, right 0x%02X) "
                "or at 0x%02X (0x%02X, right 0x%02X)",
                bytes, sum, get8(image, place.at), (get8(image, place.at) - sum) & 0xFF,
                report->base + place.other, get8(image, place.other),
                (get8(image, place.other) - sum) & 0xFF);
    }
}

static void check_settings(const struct image *image, struct report *report) {
    uint32_t settings = find_settings(image, sealed_size(image));

    if (settings != 0 && !is_vmi(image) && sums_are_right(image)) {
        warning(report, settings - 1, "two-sums",
                "two checksums: this byte makes the code sum to 0, and the %u bytes of settings "
                "after it sum to 0 on their own",
                sealed_size(image) - settings);
    }
}

static void check_license(const struct image *image, struct report *report) {
    uint32_t field = HEADER_3(license_offset);
    uint32_t at = get16(image, field);

    if (at == 0) {
        problem(report, field, "licence",
                "licence offset is 0: Linux refuses a ROM without a licence");
    } else if (!inside(image, at, 1)) {
        problem(report, field, "licence", "licence offset 0x%02X lies outside the image (%u bytes)",
                at, image->size);
    } else if (string_length(image, at) == NOWHERE) {
        problem(report, at, "licence", "licence string has no NUL before the end of the image");
    } else if (!is_licensed(image)) {
        problem(report, at, "licence",
                "licence string is neither \"GPL\" nor \"GPL v2\": Linux refuses it");
    }
}

static void check_empty(const struct image *image, struct report *report, uint32_t at,
                        uint32_t length, const char *name) {
    uint32_t fill = get8(image, at);

    if ((fill == 0x00 || fill == 0xFF || fill == CALL_FILL) &&
        run_of(image, at, length, fill) == length) {
        problem(report, at, "empty", "%s holds nothing but %02X: a guest that calls it crashes",
                name, fill);
    }
}

static void check_vmi_header(const struct image *image, struct report *report) {
    if (!is_vmi(image)) {
        return;
    }
    if (is_api(image, VMI_API_MAJOR_13)) {
        check_zero(image, report, HEADER(reserved0), 1, "reserved0");
        check_zero(image, report, HEADER(reserved1), 1, "reserved1");
        check_zero(image, report, HEADER(reserved2), 4, "reserved2");
        check_zero(image, report, HEADER(pad3), 4, "pad3");
    } else if (is_api(image, VMI_API_MAJOR_3)) {
        check_license(image, report);
        check_empty(image, report, HEADER_3(init), 8, "Init entry");
        check_empty(image, report, HEADER_3(get_reloc), 8, "GetRelocationInfo entry");
    } else {
        problem(report, HEADER(api_major), "vmi-api", "API major %u is not known (13 and 3 are)",
                get8(image, HEADER(api_major)));
    }
}

/* ---- Overlaps ---- */

static void check_entry_span(const struct image *image, struct report *report,
                             const struct span *span) {
    uint32_t target = entry_target(image);

    if (span->start >= VMI_ROM_FIELDS_END && span->start != VMI_CALLS_START &&
        target >= span->start && target < span->end) {
        doubt(image, report, HEADER(entry), "entry", "entry jumps to 0x%02X, into %s", target,
              span->name);
    }
}

static void check_overlaps(const struct image *image, struct report *report) {
    struct spans spans = {.count = 0};

    collect_spans(image, &spans);
    for (uint32_t i = 0; i < spans.count; i++) {
        const struct span *a = &spans.list[i];

        check_entry_span(image, report, a);
        for (uint32_t j = 0; j < i; j++) {
            const struct span *b = &spans.list[j];

            if (a->start < b->end && b->start < a->end && !(a->text && b->text)) {
                doubt(image, report, a->start, "overlap",
                      "%s (0x%02X to 0x%02X) overlaps %s (0x%02X to 0x%02X)", a->name, a->start,
                      a->end - 1, b->name, b->start, b->end - 1);
            }
        }
    }
}

/* ---- Slots ---- */

/* The byte that fills slot `number` from end to end, NOWHERE if it holds code. */
static uint32_t slot_fill(const struct image *image, uint32_t number) {
    uint32_t at = VMI_CALL_OFFSET(number);
    uint32_t fill = get8(image, at);

    if (fill != 0x00 && fill != 0xFF && fill != CALL_FILL) {
        return NOWHERE;
    }
    return run_of(image, at, VMI_CALL_SIZE, fill) == VMI_CALL_SIZE ? fill : NOWHERE;
}

static void check_slots(const struct image *image, struct report *report) {
    uint32_t last;

    if (!has_slots(image) || (is_api(image, VMI_API_MAJOR_3) && find_policy(image) == 0)) {
        return;
    }
    for (uint32_t first = first_slot(image); first < VMI_CALL_SLOTS; first = last + 1) {
        uint32_t fill = slot_fill(image, first);

        last = first;
        if (fill == NOWHERE) {
            continue;
        }
        while (last + 1 < VMI_CALL_SLOTS && slot_fill(image, last + 1) == fill) {
            last++;
        }
        if (first == last) {
            problem(report, VMI_CALL_OFFSET(first), "empty",
                    "slot %u holds nothing but %02X: a guest that calls it crashes", first, fill);
        } else {
            problem(report, VMI_CALL_OFFSET(first), "empty",
                    "slots %u to %u hold nothing but %02X: a guest that calls them crashes", first,
                    last, fill);
        }
    }
}

/* ---- Images for other firmware ---- */

static void check_efi_header(const struct image *image, struct report *report) {
    uint32_t blocks = get16(image, EFI_INIT_SIZE);
    uint32_t compression = get16(image, EFI_COMPRESSION);
    uint32_t at = get16(image, EFI_IMAGE);

    if (get32(image, EFI_SIGNATURE) != EFI_MAGIC) {
        problem(report, EFI_SIGNATURE, "efi", "EFI signature is 0x%08X, not 0x%08X",
                get32(image, EFI_SIGNATURE), EFI_MAGIC);
    }
    if (blocks == 0 || blocks * VMI_ROM_BLOCK > image->size) {
        problem(report, EFI_INIT_SIZE, "efi",
                "EFI initialisation size says %u blocks (%u bytes), the %s has %u bytes", blocks,
                blocks * VMI_ROM_BLOCK, noun(image), image->size);
    }
    if (compression > 1) {
        problem(report, EFI_COMPRESSION, "efi",
                "EFI compression type %u is not known (0 and 1 are)", compression);
    }
    if (at < VMI_ROM_FIELDS_END - 4 || !inside(image, at, 2)) {
        problem(report, EFI_IMAGE, "efi", "EFI image offset 0x%02X lies %s (%u bytes)", at,
                at < VMI_ROM_FIELDS_END ? "in the header" : "outside the image", image->size);
    } else if (compression == 0 && get16(image, at) != 0x5A4D) {
        problem(report, at, "efi", "EFI image begins with %02X %02X, not \"MZ\"", get8(image, at),
                get8(image, at + 1));
    }
}

static void check_foreign_header(const struct image *image, struct report *report) {
    if (code_type(image) == CODE_EFI) {
        check_efi_header(image, report);
    }
}

/* ---- All of it ---- */

static void check_one(const struct image *image, struct report *report) {
    if (!check_is_rom(image, report)) {
        return;
    }
    if (!is_x86(image)) {
        check_foreign_header(image, report);
        check_pcir(image, report);
        return;
    }
    if (blocks_of(image->size) > VMI_ROM_MAX_BLOCKS && (is_vmi(image) || find_pcir(image) == 0)) {
        problem(report, NOWHERE, "too-long",
                "the %s's %u bytes are more than an image can have (%u)", noun(image), image->size,
                VMI_ROM_MAX_BLOCKS * VMI_ROM_BLOCK);
    }
    check_length(image, report);
    check_entry(image, report);
    check_sum(image, report);
    check_settings(image, report);
    check_vmi_header(image, report);
    check_pcir(image, report);
    check_pnp(image, report);
    check_overlaps(image, report);
    check_slots(image, report);
    check_hypercall(image, report);
    check_policy(image, report);
    check_ring1(image, report);
}

void check_image(const struct image *file, struct report *report) {
    struct image image;

    if (file->size < VMI_ROM_FIELDS_END) {
        problem(report, NOWHERE, "short",
                "the file's %u bytes are too few for a ROM header (%u bytes)", file->size,
                VMI_ROM_FIELDS_END);
        return;
    }
    first_image(file, &image);
    do {
        look_at(report, &image);
        if (image.size % VMI_ROM_BLOCK != 0) {
            problem(report, NOWHERE, "blocks", "the %s's %u bytes are not a multiple of 512",
                    noun(&image), image.size);
        }
        check_one(&image, report);
    } while (next_image(file, &image));
    look_at(report, NULL);
    if (get16(file, 0) == VMI_ROM_SIGNATURE) {
        check_behind(file, report);
    }
}
