/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * The checks of $PnP headers.
 */
#include "check_pnp.h"

static void check_string(const struct image *image, struct report *report, uint32_t field,
                         const char *name) {
    uint32_t at = get16(image, field);

    if (at == 0) {
        if (is_api(image, VMI_API_MAJOR_13)) {
            problem(report, field, "pnp-string",
                    "%s string offset is 0: Linux 13.0 prints it untested", name);
        }
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

    if (at != 0 && is_vmi(image) && boots) {
        problem(report, field, "pnp-vector",
                "%s is 0x%02X, must be 0, or the BIOS will offer the ROM as a boot device", name,
                at);
    } else if (at != 0 && !inside(image, at, 1)) {
        doubt(image, report, field, "pnp-vector", "%s 0x%02X lies outside the image (%u bytes)",
              name, at, image->size);
    }
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
    if (sum != 0) {
        problem(report, at + PNP(checksum), "pnp-sum",
                "$PnP's %u bytes sum to 0x%02X, not 0: checksum 0x%02X, right 0x%02X", bytes, sum,
                stated, (stated - sum) & 0xFF);
    }
}

static void check_pnp_fields(const struct image *image, struct report *report, uint32_t at) {
    uint32_t next = get16(image, at + PNP(next));

    if (get8(image, at + PNP(revision)) != 1) {
        doubt(image, report, at + PNP(revision), "pnp-revision",
              "$PnP revision %u is not known (1 is)", get8(image, at + PNP(revision)));
    }
    check_pnp_sum(image, report, at);
    if (next != 0 && !inside(image, next, PNP_SIZE)) {
        doubt(image, report, at + PNP(next), "pnp-chain",
              "next $PnP offset 0x%02X lies outside the image (%u bytes)", next, image->size);
    }
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
    for (uint32_t i = 0; i < chain.count; i++) {
        check_pnp_fields(image, report, chain.at[i]);
    }
    if (chain.endless) {
        doubt(image, report, chain.at[chain.count - 1] + PNP(next), "pnp-chain",
              "the chain of $PnP headers loops, or has more than %u", MAX_PNP);
    }
}

void check_pnp(const struct image *image, struct report *report) {
    uint32_t field = HEADER(pnp_offset);
    uint32_t at = get16(image, field);

    if (at == 0 || (!is_vmi(image) && find_pnp(image) == 0)) {
        return;
    }
    if (is_vmi(image) && at % VMI_PNP_ALIGN != 0) {
        problem(report, field, "pnp-place", "$PnP offset 0x%02X is not a multiple of %u", at,
                VMI_PNP_ALIGN);
    }
    if (!inside(image, at, PNP_SIZE)) {
        problem(report, field, "pnp-place", "$PnP offset 0x%02X lies outside the image (%u bytes)",
                at, image->size);
    } else if (find_pnp(image) == 0) {
        problem(report, at, "pnp-place", "$PnP signature is %02X %02X %02X %02X, not \"$PnP\"",
                get8(image, at), get8(image, at + 1), get8(image, at + 2), get8(image, at + 3));
    } else {
        check_pnp_chain(image, report);
    }
}
