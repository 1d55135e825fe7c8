/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * The checks of the PCI data structure: a BIOS minds little of it, EFI firmware more.
 */
#include "check_pcir.h"

static void check_pcir_ids(const struct image *image, struct report *report, uint32_t at) {
    uint32_t vendor = get16(image, at + PCIR(vendor));

    if (is_vmi(image) && (vendor == 0 || vendor == 0xFFFF)) {
        problem(report, at + PCIR(vendor), "pcir-vendor", "PCIR vendor 0x%04X is not a PCI vendor",
                vendor);
    }
    if (code_type(image) > CODE_EFI) {
        doubt(image, report, at + PCIR(code_type), "pcir-code-type",
              "PCIR code type %u is not known (0 x86 BIOS, 1 Open Firmware, 2 PA-RISC, 3 EFI): a "
              "BIOS that reads the ROM from its device skips it",
              code_type(image));
    } else if (is_vmi(image) && code_type(image) != VMI_PCIR_CODE_X86) {
        problem(report, at + PCIR(code_type), "pcir-code-type",
                "PCIR code type is %u, not 0 (x86 BIOS)", code_type(image));
    }
}

/* A VMI image never shrinks itself, so all of it stays. */
static void check_run_time_length(const struct image *image, struct report *report, uint32_t at) {
    uint32_t blocks = get16(image, at + PCIR(image_length));
    uint32_t kept = get16(image, at + PCIR(max_run_time_length));

    if (is_vmi(image) && get8(image, at + PCIR(revision)) == 3 && kept != blocks) {
        problem(report, at + PCIR(max_run_time_length), "pcir-length",
                "PCIR run-time length says %u blocks, the image length %u", kept, blocks);
    }
}

/* Where nothing follows though the last-image bit is clear. */
static void check_chain_end(const struct image *image, struct report *report, uint32_t at,
                            uint32_t size) {
    struct image all = *image;

    all.size = image->rest;
    if (image->number == MAX_IMAGES) {
        doubt(image, report, at, "too-many", "more than %u images", MAX_IMAGES);
    } else if (size != 0 && inside(&all, size, 2)) {
        doubt(image, report, at, "last-image",
              "last-image bit is clear, but no image follows at 0x%02X (%02X %02X, not 55 AA): "
              "firmware looks for one",
              report->base + size, get8(&all, size), get8(&all, size + 1));
    } else {
        doubt(image, report, at, "last-image",
              "last-image bit is clear, but no image follows: firmware looks for one%s",
              size >= image->rest ? "; cut short?" : "");
    }
}

/* An image for the BIOS is loaded and summed by its length byte. */
static void check_image_length(const struct image *image, struct report *report, uint32_t at) {
    uint32_t blocks = get16(image, at + PCIR(image_length));
    uint32_t size = blocks * VMI_ROM_BLOCK;
    uint32_t field = at + PCIR(image_length);

    if (is_vmi(image) && size != image->size) {
        problem(report, field, "pcir-length",
                "PCIR image length says %u blocks (%u bytes), the %s has %u bytes", blocks, size,
                noun(image), image->size);
    } else if (size == 0 && !is_x86(image)) {
        problem(report, field, "length-0",
                "PCIR image length is 0: firmware cannot read the image");
    } else if (size > image->rest && !is_x86(image)) {
        problem(report, field, "cut-short",
                "PCIR image length says %u blocks (%u bytes), the %s ends after %u bytes: cut "
                "short?",
                blocks, size, noun(image), image->rest);
    } else if (size > image->rest) {
        warning(report, field, "pcir-length",
                "PCIR image length says %u blocks (%u bytes), the %s ends after %u bytes: cut "
                "short?",
                blocks, size, noun(image), image->rest);
    } else if (size < at + VMI_PCIR_SIZE_0 || size < stated_size(image)) {
        if (!is_vmi(image) && (is_x86(image) || size < at + VMI_PCIR_SIZE_0)) {
            warning(report, field, "pcir-length",
                    "PCIR image length says %u blocks (%u bytes): less than the image has", blocks,
                    size);
        }
    }
}

static void check_pcir_lengths(const struct image *image, struct report *report, uint32_t at) {
    bool last = (get8(image, at + PCIR(indicator)) & VMI_PCIR_LAST_IMAGE) != 0;

    check_image_length(image, report, at);
    if (!last && !image->more) {
        check_chain_end(image, report, at + PCIR(indicator), pcir_size(image));
    }
    check_run_time_length(image, report, at);
}

static void check_device_list(const struct image *image, struct report *report, uint32_t pcir) {
    uint32_t offset = get16(image, pcir + PCIR(device_list));
    uint32_t at = pcir + offset;

    if (offset == 0 || get8(image, pcir + PCIR(revision)) != 3) {
        return;
    }
    while (inside(image, at, 2) && get16(image, at) != 0) {
        at += 2;
    }
    if (!inside(image, at, 2)) {
        doubt(image, report, pcir + PCIR(device_list), "pcir-devices",
              "PCIR device list at 0x%02X does not end inside the image", pcir + offset);
    }
}

/* The EFI loader and some BIOSes want it; others, and Linux, do not look. */
static void check_pcir_place(const struct image *image, struct report *report, uint32_t at) {
    uint32_t field = HEADER(pci_offset);

    if (at % VMI_PCIR_ALIGN == 0) {
        return;
    }
    if (code_type(image) == CODE_EFI && !is_vmi(image)) {
        problem(report, field, "pcir-place",
                "PCIR offset 0x%02X is not a multiple of %u: EFI firmware skips the image", at,
                VMI_PCIR_ALIGN);
    } else {
        doubt(image, report, field, "pcir-place", "PCIR offset 0x%02X is not a multiple of %u", at,
              VMI_PCIR_ALIGN);
    }
}

static void check_pcir_fields(const struct image *image, struct report *report, uint32_t at) {
    uint32_t revision = get8(image, at + PCIR(revision));
    uint32_t length = get16(image, at + PCIR(length));
    uint32_t right = revision == 3 ? VMI_PCIR_SIZE_3 : VMI_PCIR_SIZE_0;

    if (revision != 0 && revision != 3) {
        doubt(image, report, at + PCIR(revision), "pcir-revision",
              "PCIR revision %u is not known (0 and 3 are)", revision);
    } else if (length != right) {
        doubt(image, report, at + PCIR(length), "pcir-size",
              "PCIR structure length is %u, revision %u has %u", length, revision, right);
    }
    if (!inside(image, at, length)) {
        doubt(image, report, at + PCIR(length), "pcir-size",
              "PCIR ends outside the image (%u bytes)", image->size);
    }
    check_pcir_ids(image, report, at);
    check_pcir_lengths(image, report, at);
    check_device_list(image, report, at);
}

void check_pcir(const struct image *image, struct report *report) {
    uint32_t field = HEADER(pci_offset);
    uint32_t at = get16(image, field);

    if (at == 0 && is_api(image, VMI_API_MAJOR_3)) {
        problem(report, field, "pcir-place", "PCIR offset is 0: Linux refuses a ROM without PCIR");
    }
    if (!image->first && find_pcir(image) == 0) {
        doubt(image, report, field, "pcir-place",
              "PCIR offset 0x%02X leads to no PCIR: firmware finds no further image", at);
    }
    if (at == 0 || (!is_vmi(image) && find_pcir(image) == 0)) {
        return;
    }
    check_pcir_place(image, report, at);
    if (!inside(image, at, VMI_PCIR_SIZE_0)) {
        problem(report, field, "pcir-place", "PCIR offset 0x%02X lies outside the image (%u bytes)",
                at, image->size);
    } else if (find_pcir(image) == 0) {
        problem(report, at, "pcir-place", "PCIR signature is %02X %02X %02X %02X, not \"PCIR\"",
                get8(image, at), get8(image, at + 1), get8(image, at + 2), get8(image, at + 3));
    } else {
        check_pcir_fields(image, report, at);
    }
}
