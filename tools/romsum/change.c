/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * What can be changed in an image on the way to its seal.
 */
#include <string.h>

#include "chain.h"
#include "change.h"
#include "check.h"
#include "sum.h"
#include "walk.h"

static void set_ids(struct image *image, uint32_t at, const struct identity *identity,
                    struct report *report) {
    uint32_t vendor = get16(image, at + PCIR(vendor)), device = get16(image, at + PCIR(device));

    if (vendor == identity->vendor && device == identity->device) {
        return;
    }
    put16(image, at + PCIR(vendor), identity->vendor);
    put16(image, at + PCIR(device), identity->device);
    changed(report, at + PCIR(vendor), 4, "identity %04X:%04X -> %04X:%04X", vendor, device,
            identity->vendor, identity->device);
}

static void set_class(struct image *image, uint32_t at, uint32_t class_code,
                      struct report *report) {
    uint32_t before = get8(image, at + PCIR(base_class)) << 16 |
                      get8(image, at + PCIR(subclass)) << 8 | get8(image, at + PCIR(prog_if));

    if (before == class_code) {
        return;
    }
    put8(image, at + PCIR(base_class), class_code >> 16);
    put8(image, at + PCIR(subclass), class_code >> 8 & 0xFF);
    put8(image, at + PCIR(prog_if), class_code & 0xFF);
    changed(report, at + PCIR(prog_if), 3, "class %06X -> %06X", before, class_code);
}

static void set_identity(struct image *file, const struct identity *identity,
                         struct report *report) {
    bool found = false;
    struct image image;

    first_image(file, &image);
    do {
        uint32_t at = find_pcir(&image);

        if (at == 0 || image.hidden) {
            continue;
        }
        found = true;
        look_at(report, &image);
        set_ids(&image, at, identity, report);
        if (identity->has_class) {
            set_class(&image, at, identity->class_code, report);
        }
    } while (next_image(file, &image));
    look_at(report, NULL);
    if (!found) {
        problem(report, HEADER(pci_offset), "no-pcir", "no PCIR to hold a PCI identity");
    }
}

/* ---- Strings ---- */

struct room {
    uint32_t at, length;
};

/* Whether a string and its NUL are bytes of something else as well, which may change. */
static bool is_in_structure(const struct image *image, uint32_t at) {
    uint32_t length = string_length(image, at);

    for (uint32_t i = 0; length != NOWHERE && i <= length; i++) {
        if (is_more_than_text(image, at + i)) {
            return true;
        }
    }
    return false;
}

/* Whether the string at `at` shares bytes with the one that the field `other` leads to. */
static bool shares_bytes(const struct image *image, uint32_t at, uint32_t other) {
    uint32_t there = get16(image, other);
    uint32_t length = string_length(image, there);

    return there != 0 && length != NOWHERE && at <= there + length &&
           there <= at + string_length(image, at);
}

/* Whether another string of the chain, of this header or of a further one, has some of its bytes.
 */
static bool is_shared(const struct image *image, uint32_t field) {
    uint32_t at = get16(image, field);
    struct pnp_chain chain;

    follow_pnp(image, &chain);
    for (uint32_t i = 0; i < chain.count; i++) {
        uint32_t manufacturer = chain.at[i] + PNP(manufacturer);
        uint32_t product = chain.at[i] + PNP(product);

        if ((manufacturer != field && shares_bytes(image, at, manufacturer)) ||
            (product != field && shares_bytes(image, at, product))) {
            return true;
        }
    }
    return false;
}

/* The bytes of a string and its NUL; none if they have to stay. */
static struct room own_room(const struct image *image, uint32_t field) {
    uint32_t at = get16(image, field);
    uint32_t length = string_length(image, at);

    if (at == 0 || length == NOWHERE || is_shared(image, field) || is_in_structure(image, at)) {
        return (struct room){0, 0};
    }
    return (struct room){at, length + 1};
}

/* The padding at the end of the sealed bytes, but for their last one: a checksum may go there. */
static struct room room_at_end(const struct image *image) {
    uint32_t end = sealed_size(image) - 1;
    uint32_t start = end;

    if (end > UINT16_MAX) {
        return (struct room){0, 0};
    }
    while (start > VMI_ROM_FIELDS_END && end - start < 512 && get8(image, start - 1) == 0xFF &&
           what_is_at(image, start - 1) == NULL) {
        start--;
    }
    return (struct room){start, end - start};
}

static void set_string(struct image *image, uint32_t field, const char *name, const char *text,
                       struct report *report) {
    struct room own = own_room(image, field);
    struct room end = room_at_end(image);
    uint32_t need = (uint32_t)strlen(text) + 1;
    uint32_t at = need <= own.length ? own.at : end.at;

    if (string_is(image, get16(image, field), text) &&
        !is_in_structure(image, get16(image, field))) {
        return;
    }
    if (need > own.length && sealed_size(image) > UINT16_MAX + 1) {
        problem(report, field, "no-room",
                "the new %s string and its NUL need %u bytes: the old one has %u, and the image "
                "ends above 64 KiB, out of reach of a string offset",
                name, need, own.length);
        return;
    }
    if (need > own.length && need > end.length) {
        problem(report, field, "no-room",
                "the new %s string and its NUL need %u bytes: the old one has %u, and %u are free "
                "at the end of the image",
                name, need, own.length, end.length);
        return;
    }
    if (get16(image, field) == at && string_is(image, at, text)) {
        return; /* it has no better place */
    }
    memset(image->bytes + own.at, 0, own.length);
    memcpy(image->bytes + at, text, need);
    put16(image, field, at);
    changed(report, at, need, "%s string at 0x%02X \"%s\"", name, report->base + at, text);
    changed(report, own.at, own.length, "%s", "");
    changed(report, field, 2, "%s", "");
}

static void set_strings(struct image *file, const struct strings *strings, struct report *report) {
    bool found = false;
    struct image image;

    first_image(file, &image);
    do {
        uint32_t at = find_pnp(&image);
        uint32_t manufacturer = at + PNP(manufacturer);
        uint32_t product = at + PNP(product);

        if (at == 0 || image.hidden) {
            continue;
        }
        found = true;
        look_at(report, &image);
        if (strings->manufacturer) {
            set_string(&image, manufacturer, "manufacturer", strings->manufacturer, report);
        }
        if (strings->product) {
            set_string(&image, product, "product", strings->product, report);
        }
    } while (next_image(file, &image));
    look_at(report, NULL);
    if (!found) {
        problem(report, HEADER(pnp_offset), "no-pnp", "no $PnP header to hold the strings");
    }
}

static void check_one_string(const struct image *image, uint32_t field, const char *name,
                             const char *text, struct report *report) {
    uint32_t at = get16(image, field);

    if (text && !string_is(image, at, text)) {
        problem(report, at, "place", "the checksum cannot go here: it is in the new %s string",
                name);
    }
}

/* Whether the seal has left the new strings alone. */
static void check_strings(const struct image *file, const struct strings *strings,
                          struct report *report) {
    struct image image;

    first_image(file, &image);
    do {
        uint32_t at = find_pnp(&image);

        if (at == 0 || image.hidden) {
            continue;
        }
        look_at(report, &image);
        check_one_string(&image, at + PNP(manufacturer), "manufacturer", strings->manufacturer,
                         report);
        check_one_string(&image, at + PNP(product), "product", strings->product, report);
    } while (next_image(file, &image));
    look_at(report, NULL);
}

/* ---- All of it ---- */

/* What is only for a good image of VMI. */
static void change_vmi(struct image *file, const struct changes *changes, struct report *report) {
    struct image image;

    first_image(file, &image);
    if (changes->mixture) {
        set_mixture(&image, changes->mixture, report);
    }
    if (changes->trap && report->count == 0) {
        set_trap(&image, *changes->trap, report);
    }
    if (changes->policy && report->count == 0) {
        set_policy(&image, changes->policy, report);
    }
    if (changes->flags && report->count == 0) {
        set_flags(&image, *changes->flags, report);
    }
}

static bool is_good(const struct image *file, struct report *report) {
    bool good;

    check_image(file, report);
    good = report->count == 0;
    if (good) {
        clear_report(report); /* the warnings come again behind the seal */
    }
    return good;
}

/* ---- Images that are right before a change ---- */

struct right_images {
    uint32_t at[MAX_IMAGES];
    uint32_t count;
};

static void note_right_images(const struct image *file, struct right_images *right) {
    struct image image;

    right->count = 0;
    first_image(file, &image);
    do {
        if (!image.hidden && sums_are_right(&image)) {
            right->at[right->count++] = image.base;
        }
    } while (next_image(file, &image));
}

/* Without its right sum an image may be taken for something else, and not be sealed. */
static void check_right_images(const struct image *file, const struct right_images *right,
                               struct report *report) {
    for (uint32_t i = 0; i < right->count; i++) {
        uint32_t at = right->at[i];
        uint32_t size = get8(file, at + HEADER(length)) * VMI_ROM_BLOCK;

        if (sum_of(file, at, size) != 0) {
            problem(report, at, "sum",
                    "the changes break the sum of the image that begins here, and without it the "
                    "image is none for the BIOS");
        }
    }
}

void change_image(struct image *file, const struct changes *changes, struct report *report) {
    bool needs_good = changes->mixture || changes->trap || changes->policy || changes->flags;
    struct right_images right = {.count = 0};

    if (needs_good && !is_good(file, report)) {
        return;
    }
    /* Whether the lengths are to be believed is told by the sums that there are before a change. */
    seal_lengths(file, &changes->sealing, report);
    if (report->count == 0) {
        note_right_images(file, &right);
        change_vmi(file, changes, report);
    }
    if (report->count == 0 && changes->last != 0) {
        set_last(file, changes->last, report);
    }
    if (report->count == 0 && changes->identity) {
        set_identity(file, changes->identity, report);
    }
    if (report->count == 0 && changes->strings) {
        set_strings(file, changes->strings, report);
    }
    if (report->count == 0) {
        seal_sums(file, &changes->sealing, report);
    }
    if (report->count == 0 && changes->strings) {
        check_strings(file, changes->strings, report);
    }
    if (report->count == 0) {
        check_right_images(file, &right, report);
    }
}
