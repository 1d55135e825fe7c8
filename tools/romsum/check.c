/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * The checks, one function per structure.
 */
#include "advice.h"
#include "behind.h"
#include "check.h"
#include "entry.h"
#include "hypercall.h"
#include "policy.h"
#include "spans.h"
#include "sum.h"
#include "walk.h"

bool check_is_rom(const struct image *image, struct report *report) {
    char looks[128] = "";

    if (get16(image, HEADER(signature)) == VMI_ROM_SIGNATURE)
        return true;
    if (image->base == 0)
        advise(image, looks, sizeof(looks));
    problem(report, HEADER(signature), "not-rom",
            "signature is %02X %02X, not 55 AA: not an option ROM%s", get8(image, 0),
            get8(image, 1), looks);
    return is_vmi(image);
}

static void check_length_13(struct report *report, uint32_t blocks) {
    uint32_t at = HEADER(length);

    if (blocks > VMI_ROM_MAX_BLOCKS_13)
        problem(report, at, "vmi-length",
                "length byte says %u blocks: Linux 13.0 panics above %u (%u bytes)", blocks,
                VMI_ROM_MAX_BLOCKS_13, VMI_ROM_MAX_SIZE_13);
    if (blocks < VMI_ROM_MIN_BLOCKS_13)
        problem(report, at, "vmi-length",
                "length byte says %u blocks: the call table of API 13 fills %u", blocks,
                VMI_ROM_MIN_BLOCKS_13);
}

static void check_length(const struct image *image, struct report *report) {
    uint32_t at = HEADER(length);
    uint32_t blocks = get8(image, at);
    uint32_t bytes = blocks * VMI_ROM_BLOCK;

    if (blocks == 0) {
        problem(report, at, "length-0", "length byte is 0: a BIOS passes over the ROM");
        return;
    }
    if (bytes > image->rest)
        problem(report, at, "cut-short",
                "length byte says %u blocks (%u bytes), the %s ends after %u bytes: cut short?",
                blocks, bytes, noun(image), image->rest);
    else if (bytes > image->size)
        doubt(image, report, at, "length",
              "length byte says %u blocks (%u bytes), and another image begins after %u bytes",
              blocks, bytes, image->size);
    /* A guest maps and copies by this byte. */
    if (bytes < image->size && is_vmi(image))
        problem(report, at, "vmi-length",
                "length byte says %u blocks (%u bytes), the %s has %u bytes", blocks, bytes,
                noun(image), image->size);
    if (is_api(image, VMI_API_MAJOR_13))
        check_length_13(report, blocks);
}

static void check_entry(const struct image *image, struct report *report) {
    uint32_t at = HEADER(entry);
    uint32_t code = get8(image, at);
    uint32_t target = entry_target(image);
    /* Other ROMs may have code right behind a short jump. */
    uint32_t fields_end = is_vmi(image) ? VMI_ROM_FIELDS_END : HEADER(entry) + 2;

    if (entry_is_empty(image))
        doubt(image, report, at, "entry",
              "entry is %02X %02X %02X, no code: a BIOS that calls it "
              "may not come back",
              code, code, code);
    if (code != 0xE9 && code != 0xEB) {
        if (is_vmi(image) && code != 0xCB)
            problem(report, at, "entry",
                    "entry code 0x%02X is neither a jump (E9, EB) nor RETF (CB)", code);
        return;
    }
    if (!inside(image, target, 1))
        doubt(image, report, at, "entry", "entry jumps to 0x%02X, outside the image (%u bytes)",
              target, image->size);
    else if (target < fields_end && target != HEADER(pad0))
        doubt(image, report, at, "entry", "entry jumps to 0x%02X, into the header", target);
}

static void check_sum(const struct image *image, struct report *report) {
    uint32_t bytes = stated_size(image);
    struct place place;
    uint32_t sum;

    if (!has_stated_bytes(image))
        return;
    sum = stated_sum(image);
    if (sum == 0)
        return;
    place = find_place(image, bytes < image->size ? bytes : image->size);
    if (place.other == 0)
        problem(report, place.at, "sum",
                "the image's %u bytes sum to 0x%02X, not 0: checksum 0x%02X, right 0x%02X", bytes,
                sum, get8(image, place.at), (get8(image, place.at) - sum) & 0xFF);
    else
        problem(report, place.at, "sum",
                "the image's %u bytes sum to 0x%02X, not 0: checksum here (0x%02X, right 0x%02X) "
                "or at 0x%02X (0x%02X, right 0x%02X)",
                bytes, sum, get8(image, place.at), (get8(image, place.at) - sum) & 0xFF,
                report->base + place.other, get8(image, place.other),
                (get8(image, place.other) - sum) & 0xFF);
}

static void check_settings(const struct image *image, struct report *report) {
    uint32_t settings = find_settings(image, sealed_size(image));

    if (settings != 0 && !is_vmi(image) && sums_are_right(image))
        warning(
            report, settings - 1, "two-sums",
            "two sums: the code sums to 0 by the byte here, and the %u bytes of settings behind "
            "it on their own",
            sealed_size(image) - settings);
}

void check_zero(const struct image *image, struct report *report, uint32_t at, uint32_t size,
                const char *name) {
    uint32_t value = size == 1 ? get8(image, at) : get32(image, at);

    if (value != 0)
        problem(report, at, "reserved", "%s is 0x%02X, must be 0", name, value);
}

static void check_license(const struct image *image, struct report *report) {
    uint32_t field = HEADER_3(license_offset);
    uint32_t at = get16(image, field);

    if (at == 0)
        problem(report, field, "licence",
                "licence offset is 0: Linux refuses a ROM without a licence");
    else if (!inside(image, at, 1))
        problem(report, field, "licence", "licence offset 0x%02X lies outside the image (%u bytes)",
                at, image->size);
    else if (string_length(image, at) == NOWHERE)
        problem(report, at, "licence", "licence string has no NUL before the end of the image");
    else if (!string_is(image, at, "GPL") && !string_is(image, at, "GPL v2"))
        problem(report, at, "licence",
                "licence string is neither \"GPL\" nor \"GPL v2\": Linux refuses it");
}

static void check_empty(const struct image *image, struct report *report, uint32_t at,
                        uint32_t length, const char *name) {
    uint32_t fill = get8(image, at);

    if ((fill == 0x00 || fill == 0xFF || fill == CALL_FILL) &&
        run_of(image, at, length, fill) == length)
        problem(report, at, "empty", "%s holds nothing but %02X: a guest that calls it dies", name,
                fill);
}

static void check_vmi_header(const struct image *image, struct report *report) {
    if (!is_vmi(image))
        return;
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

static void check_pcir_ids(const struct image *image, struct report *report, uint32_t at) {
    uint32_t vendor = get16(image, at + PCIR(vendor));

    if (is_vmi(image) && (vendor == 0 || vendor == 0xFFFF))
        problem(report, at + PCIR(vendor), "pcir-vendor", "PCIR vendor 0x%04X is no PCI vendor",
                vendor);
    if (code_type(image) > CODE_EFI)
        doubt(image, report, at + PCIR(code_type), "pcir-code-type",
              "PCIR code type %u is not known (0 x86 BIOS, 1 Open Firmware, 2 PA-RISC, 3 EFI): a "
              "BIOS that takes the ROM from its device passes over it",
              code_type(image));
    else if (is_vmi(image) && code_type(image) != VMI_PCIR_CODE_X86)
        problem(report, at + PCIR(code_type), "pcir-code-type",
                "PCIR code type is %u, not 0 (x86 BIOS)", code_type(image));
}

/* A VMI image never shrinks itself, so all of it stays. */
static void check_run_time_length(const struct image *image, struct report *report, uint32_t at) {
    uint32_t blocks = get16(image, at + PCIR(image_length));
    uint32_t kept = get16(image, at + PCIR(max_run_time_length));

    if (is_vmi(image) && get8(image, at + PCIR(revision)) == 3 && kept != blocks)
        problem(report, at + PCIR(max_run_time_length), "pcir-length",
                "PCIR run-time length says %u blocks, the image length %u", kept, blocks);
}

/* Where nothing follows though the last-image bit is clear. */
static void check_chain_end(const struct image *image, struct report *report, uint32_t at,
                            uint32_t size) {
    struct image all = *image;

    all.size = image->rest;
    if (image->number == MAX_IMAGES)
        doubt(image, report, at, "too-many", "more than %u images", MAX_IMAGES);
    else if (size != 0 && inside(&all, size, 2))
        doubt(image, report, at, "last-image",
              "last-image bit is clear, but no image follows at 0x%02X (%02X %02X, not 55 AA): a "
              "BIOS reads on",
              report->base + size, get8(&all, size), get8(&all, size + 1));
    else
        doubt(image, report, at, "last-image",
              "last-image bit is clear, but no image follows: a BIOS reads on%s",
              size >= image->rest ? "; cut short?" : "");
}

/* An image for the BIOS is loaded and summed by its length byte. */
static void check_image_length(const struct image *image, struct report *report, uint32_t at) {
    uint32_t blocks = get16(image, at + PCIR(image_length));
    uint32_t size = blocks * VMI_ROM_BLOCK;
    uint32_t field = at + PCIR(image_length);

    if (is_vmi(image) && size != image->size)
        problem(report, field, "pcir-length",
                "PCIR image length says %u blocks (%u bytes), the %s has %u bytes", blocks, size,
                noun(image), image->size);
    else if (size == 0 && !is_x86(image))
        problem(report, field, "length-0",
                "PCIR image length is 0: firmware cannot read the image");
    else if (size > image->rest && !is_x86(image))
        problem(report, field, "cut-short",
                "PCIR image length says %u blocks (%u bytes), the %s ends after %u bytes: cut "
                "short?",
                blocks, size, noun(image), image->rest);
    else if (size > image->rest)
        warning(report, field, "pcir-length",
                "PCIR image length says %u blocks (%u bytes), the %s ends after %u bytes: cut "
                "short?",
                blocks, size, noun(image), image->rest);
    else if (size < at + VMI_PCIR_SIZE_0 || size < stated_size(image))
        if (!is_vmi(image) && (is_x86(image) || size < at + VMI_PCIR_SIZE_0))
            warning(report, field, "pcir-length",
                    "PCIR image length says %u blocks (%u bytes): less than the image has", blocks,
                    size);
}

static void check_pcir_lengths(const struct image *image, struct report *report, uint32_t at) {
    bool last = (get8(image, at + PCIR(indicator)) & VMI_PCIR_LAST_IMAGE) != 0;

    check_image_length(image, report, at);
    if (!last && !image->more)
        check_chain_end(image, report, at + PCIR(indicator), pcir_size(image));
    check_run_time_length(image, report, at);
}

static void check_device_list(const struct image *image, struct report *report, uint32_t pcir) {
    uint32_t offset = get16(image, pcir + PCIR(device_list));
    uint32_t at = pcir + offset;

    if (offset == 0 || get8(image, pcir + PCIR(revision)) != 3)
        return;
    while (inside(image, at, 2) && get16(image, at) != 0)
        at += 2;
    if (!inside(image, at, 2))
        doubt(image, report, pcir + PCIR(device_list), "pcir-devices",
              "PCIR device list at 0x%02X does not end inside the image", pcir + offset);
}

/* The EFI loader and some BIOSes want it; others, and Linux, do not look. */
static void check_pcir_place(const struct image *image, struct report *report, uint32_t at) {
    uint32_t field = HEADER(pci_offset);

    if (at % VMI_PCIR_ALIGN == 0)
        return;
    if (code_type(image) == CODE_EFI && !is_vmi(image))
        problem(report, field, "pcir-place",
                "PCIR offset 0x%02X is not a multiple of %u: EFI firmware passes over the image",
                at, VMI_PCIR_ALIGN);
    else
        doubt(image, report, field, "pcir-place", "PCIR offset 0x%02X is not a multiple of %u", at,
              VMI_PCIR_ALIGN);
}

static void check_pcir_fields(const struct image *image, struct report *report, uint32_t at) {
    uint32_t revision = get8(image, at + PCIR(revision));
    uint32_t length = get16(image, at + PCIR(length));
    uint32_t right = revision == 3 ? VMI_PCIR_SIZE_3 : VMI_PCIR_SIZE_0;

    if (revision != 0 && revision != 3)
        doubt(image, report, at + PCIR(revision), "pcir-revision",
              "PCIR revision %u is not known (0 and 3 are)", revision);
    else if (length != right)
        doubt(image, report, at + PCIR(length), "pcir-size",
              "PCIR structure length is %u, revision %u has %u", length, revision, right);
    if (!inside(image, at, length))
        doubt(image, report, at + PCIR(length), "pcir-size",
              "PCIR ends outside the image (%u bytes)", image->size);
    check_pcir_ids(image, report, at);
    check_pcir_lengths(image, report, at);
    check_device_list(image, report, at);
}

static void check_pcir(const struct image *image, struct report *report) {
    uint32_t field = HEADER(pci_offset);
    uint32_t at = get16(image, field);

    if (at == 0 && is_api(image, VMI_API_MAJOR_3))
        problem(report, field, "pcir-place", "PCIR offset is 0: Linux refuses a ROM without PCIR");
    if (!image->first && find_pcir(image) == 0)
        doubt(image, report, field, "pcir-place",
              "PCIR offset 0x%02X leads to no PCIR: a BIOS cannot read on", at);
    if (at == 0 || (!is_vmi(image) && find_pcir(image) == 0))
        return;
    check_pcir_place(image, report, at);
    if (!inside(image, at, VMI_PCIR_SIZE_0))
        problem(report, field, "pcir-place", "PCIR offset 0x%02X lies outside the image (%u bytes)",
                at, image->size);
    else if (find_pcir(image) == 0)
        problem(report, at, "pcir-place", "PCIR signature is %02X %02X %02X %02X, not \"PCIR\"",
                get8(image, at), get8(image, at + 1), get8(image, at + 2), get8(image, at + 3));
    else
        check_pcir_fields(image, report, at);
}

static void check_string(const struct image *image, struct report *report, uint32_t field,
                         const char *name) {
    uint32_t at = get16(image, field);

    if (at == 0) {
        if (is_api(image, VMI_API_MAJOR_13))
            problem(report, field, "pnp-string",
                    "%s string offset is 0: Linux 13.0 prints it untested", name);
    } else if (!inside(image, at, 1)) {
        doubt(image, report, field, "pnp-string",
              "%s string offset 0x%02X lies outside the image (%u bytes)", name, at, image->size);
    } else if (string_length(image, at) == NOWHERE) {
        doubt(image, report, at, "pnp-string", "%s string has no NUL before the end of the image",
              name);
    }
}

static void check_vector(const struct image *image, struct report *report, uint32_t field,
                         bool boots, const char *name) {
    uint32_t at = get16(image, field);

    if (at != 0 && is_vmi(image) && boots)
        problem(report, field, "pnp-vector",
                "%s is 0x%02X, must be 0, or the BIOS will offer the ROM as a boot device", name,
                at);
    else if (at != 0 && !inside(image, at, 1))
        doubt(image, report, field, "pnp-vector", "%s 0x%02X lies outside the image (%u bytes)",
              name, at, image->size);
}

static void check_pnp_sum(const struct image *image, struct report *report, uint32_t at) {
    uint32_t units = get8(image, at + PNP(length));
    uint32_t bytes = units * VMI_PNP_UNIT;
    uint32_t stated = get8(image, at + PNP(checksum));
    uint32_t sum;

    if (bytes < PNP_SIZE) {
        doubt(image, report, at + PNP(length), "pnp-size",
              "$PnP length is %u units of 16 bytes, at least 2 needed", units);
        return;
    }
    if (!inside(image, at, bytes)) {
        doubt(image, report, at + PNP(length), "pnp-size", "$PnP ends outside the image (%u bytes)",
              image->size);
        return;
    }
    sum = sum_of(image, at, bytes);
    if (sum != 0)
        problem(report, at + PNP(checksum), "pnp-sum",
                "$PnP's %u bytes sum to 0x%02X, not 0: checksum 0x%02X, right 0x%02X", bytes, sum,
                stated, (stated - sum) & 0xFF);
}

static void check_pnp_fields(const struct image *image, struct report *report, uint32_t at) {
    uint32_t next = get16(image, at + PNP(next));

    if (get8(image, at + PNP(revision)) != 1)
        doubt(image, report, at + PNP(revision), "pnp-revision",
              "$PnP revision %u is not known (1 is)", get8(image, at + PNP(revision)));
    check_pnp_sum(image, report, at);
    if (next != 0 && !inside(image, next, PNP_SIZE))
        doubt(image, report, at + PNP(next), "pnp-chain",
              "next $PnP offset 0x%02X lies outside the image (%u bytes)", next, image->size);
    check_string(image, report, at + PNP(manufacturer), "manufacturer");
    check_string(image, report, at + PNP(product), "product");
    check_vector(image, report, at + PNP(bcv), true, "boot connection vector");
    check_vector(image, report, at + PNP(dv), false, "disconnect vector");
    check_vector(image, report, at + PNP(bev), true, "bootstrap entry vector");
    check_vector(image, report, at + PNP(static_resources), false, "static resource vector");
}

/* Linux 13.0 reads the first header only, but a BIOS reads all. */
static void check_pnp_chain(const struct image *image, struct report *report) {
    struct pnp_chain chain;

    follow_pnp(image, &chain);
    for (uint32_t i = 0; i < chain.count; i++)
        check_pnp_fields(image, report, chain.at[i]);
    if (chain.endless)
        doubt(image, report, chain.at[chain.count - 1] + PNP(next), "pnp-chain",
              "the chain of $PnP headers runs in a circle, or has more than %u", MAX_PNP);
}

static void check_pnp(const struct image *image, struct report *report) {
    uint32_t field = HEADER(pnp_offset);
    uint32_t at = get16(image, field);

    if (at == 0 || (!is_vmi(image) && find_pnp(image) == 0))
        return;
    if (is_vmi(image) && at % VMI_PNP_ALIGN != 0)
        problem(report, field, "pnp-place", "$PnP offset 0x%02X is not a multiple of %u", at,
                VMI_PNP_ALIGN);
    if (!inside(image, at, PNP_SIZE))
        problem(report, field, "pnp-place", "$PnP offset 0x%02X lies outside the image (%u bytes)",
                at, image->size);
    else if (find_pnp(image) == 0)
        problem(report, at, "pnp-place", "$PnP signature is %02X %02X %02X %02X, not \"$PnP\"",
                get8(image, at), get8(image, at + 1), get8(image, at + 2), get8(image, at + 3));
    else
        check_pnp_chain(image, report);
}

/* ---- Overlaps ---- */

static void check_entry_span(const struct image *image, struct report *report,
                             const struct span *span) {
    uint32_t target = entry_target(image);

    if (span->start >= VMI_ROM_FIELDS_END && span->start != VMI_CALLS_START &&
        target >= span->start && target < span->end)
        doubt(image, report, HEADER(entry), "entry", "entry jumps to 0x%02X, into %s", target,
              span->name);
}

static void check_overlaps(const struct image *image, struct report *report) {
    struct spans spans = {.count = 0};

    collect_spans(image, &spans);
    for (uint32_t i = 0; i < spans.count; i++) {
        const struct span *a = &spans.list[i];

        check_entry_span(image, report, a);
        for (uint32_t j = 0; j < i; j++) {
            const struct span *b = &spans.list[j];

            if (a->start < b->end && b->start < a->end && !(a->text && b->text))
                doubt(image, report, a->start, "overlap",
                      "%s (0x%02X to 0x%02X) overlaps %s (0x%02X to 0x%02X)", a->name, a->start,
                      a->end - 1, b->name, b->start, b->end - 1);
        }
    }
}

/* ---- Slots ---- */

/* The byte that fills slot `number` from end to end, NOWHERE if it holds code. */
static uint32_t slot_fill(const struct image *image, uint32_t number) {
    uint32_t at = VMI_CALL_OFFSET(number);
    uint32_t fill = get8(image, at);

    if (fill != 0x00 && fill != 0xFF && fill != CALL_FILL)
        return NOWHERE;
    return run_of(image, at, VMI_CALL_SIZE, fill) == VMI_CALL_SIZE ? fill : NOWHERE;
}

static void check_slots(const struct image *image, struct report *report) {
    uint32_t last;

    if (!has_slots(image) || (is_api(image, VMI_API_MAJOR_3) && find_policy(image) == 0))
        return;
    for (uint32_t first = first_slot(image); first < VMI_CALL_SLOTS; first = last + 1) {
        uint32_t fill = slot_fill(image, first);

        last = first;
        if (fill == NOWHERE)
            continue;
        while (last + 1 < VMI_CALL_SLOTS && slot_fill(image, last + 1) == fill)
            last++;
        if (first == last)
            problem(report, VMI_CALL_OFFSET(first), "empty",
                    "slot %u holds nothing but %02X: a guest that calls it dies", first, fill);
        else
            problem(report, VMI_CALL_OFFSET(first), "empty",
                    "slots %u to %u hold nothing but %02X: a guest that calls them dies", first,
                    last, fill);
    }
}

/* ---- Images for other firmware ---- */

static void check_efi_header(const struct image *image, struct report *report) {
    uint32_t blocks = get16(image, EFI_INIT_SIZE);
    uint32_t compression = get16(image, EFI_COMPRESSION);
    uint32_t at = get16(image, EFI_IMAGE);

    if (get32(image, EFI_SIGNATURE) != EFI_MAGIC)
        problem(report, EFI_SIGNATURE, "efi", "EFI signature is 0x%08X, not 0x%08X",
                get32(image, EFI_SIGNATURE), EFI_MAGIC);
    if (blocks == 0 || blocks * VMI_ROM_BLOCK > image->size)
        problem(report, EFI_INIT_SIZE, "efi",
                "EFI initialisation size says %u blocks (%u bytes), the %s has %u bytes", blocks,
                blocks * VMI_ROM_BLOCK, noun(image), image->size);
    if (compression > 1)
        problem(report, EFI_COMPRESSION, "efi",
                "EFI compression type %u is not known (0 and 1 are)", compression);
    if (at < VMI_ROM_FIELDS_END - 4 || !inside(image, at, 2))
        problem(report, EFI_IMAGE, "efi", "EFI image offset 0x%02X lies %s (%u bytes)", at,
                at < VMI_ROM_FIELDS_END ? "in the header" : "outside the image", image->size);
    else if (compression == 0 && get16(image, at) != 0x5A4D)
        problem(report, at, "efi", "EFI image begins with %02X %02X, not \"MZ\"", get8(image, at),
                get8(image, at + 1));
}

static void check_foreign_header(const struct image *image, struct report *report) {
    if (code_type(image) == CODE_EFI)
        check_efi_header(image, report);
}

/* ---- All of it ---- */

static void check_one(const struct image *image, struct report *report) {
    if (!check_is_rom(image, report))
        return;
    if (!is_x86(image)) {
        check_foreign_header(image, report);
        check_pcir(image, report);
        return;
    }
    if (blocks_of(image->size) > VMI_ROM_MAX_BLOCKS && (is_vmi(image) || find_pcir(image) == 0))
        problem(report, NOWHERE, "too-long",
                "the %s's %u bytes are more than an image can have (%u)", noun(image), image->size,
                VMI_ROM_MAX_BLOCKS * VMI_ROM_BLOCK);
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
}

void check_image(const struct image *file, struct report *report) {
    struct image image;

    if (file->size < VMI_ROM_FIELDS_END) {
        problem(report, NOWHERE, "short",
                "the file's %u bytes are too short for a ROM header (%u bytes)", file->size,
                VMI_ROM_FIELDS_END);
        return;
    }
    first_image(file, &image);
    do {
        look_at(report, &image);
        if (image.size % VMI_ROM_BLOCK != 0)
            problem(report, NOWHERE, "blocks",
                    "the %s's %u bytes are no whole number of 512-byte blocks", noun(&image),
                    image.size);
        check_one(&image, report);
    } while (next_image(file, &image));
    look_at(report, NULL);
    if (get16(file, 0) == VMI_ROM_SIGNATURE)
        check_behind(file, report);
}
