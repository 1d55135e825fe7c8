/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * What can be changed in an image on the way to its seal.
 */
#include <string.h>

#include "change.h"
#include "check.h"
#include "sum.h"

static void set_identity(struct image *file, const struct identity *identity,
                         struct report *report) {
    bool found = false;
    struct image image;

    first_image(file, &image);
    do {
        uint32_t at = find_pcir(&image);

        if (at == 0)
            continue;
        found = true;
        put16(&image, at + PCIR(vendor), identity->vendor);
        put16(&image, at + PCIR(device), identity->device);
        if (!identity->has_class)
            continue;
        put8(&image, at + PCIR(base_class), identity->class_code >> 16);
        put8(&image, at + PCIR(subclass), identity->class_code >> 8 & 0xFF);
        put8(&image, at + PCIR(prog_if), identity->class_code & 0xFF);
    } while (next_image(file, &image));
    if (!found)
        problem(report, HEADER(pci_offset), "no PCIR: nothing holds a PCI identity");
}

/* ---- Strings ---- */

struct room {
    uint32_t at, length;
};

/* Whether a string and its NUL are bytes of a structure as well, which may change. */
static bool is_in_structure(const struct image *image, uint32_t at) {
    uint32_t length = string_length(image, at);

    for (uint32_t i = 0; length != NOWHERE && i <= length; i++) {
        const char *what = what_is_at(image, at + i);

        if (what && !strstr(what, "string"))
            return true;
    }
    return false;
}

/* The bytes of a string and its NUL; none if they have to stay. */
static struct room own_room(const struct image *image, uint32_t at, uint32_t other) {
    uint32_t length = string_length(image, at);
    uint32_t other_length = string_length(image, other);

    if (at == 0 || length == NOWHERE)
        return (struct room){0, 0};
    if (other != 0 && other_length != NOWHERE && at <= other + other_length && other <= at + length)
        return (struct room){0, 0};
    if (is_in_structure(image, at))
        return (struct room){0, 0};
    return (struct room){at, length + 1};
}

/* The padding at the end of the sealed bytes, but for their last one: a checksum may go there. */
static struct room room_at_end(const struct image *image) {
    uint32_t end = sealed_size(image) - 1;
    uint32_t start = end;

    if (end > UINT16_MAX)
        return (struct room){0, 0};
    while (start > VMI_ROM_FIELDS_END && end - start < 512 && get8(image, start - 1) == 0xFF &&
           what_is_at(image, start - 1) == NULL)
        start--;
    return (struct room){start, end - start};
}

static void set_string(struct image *image, uint32_t field, uint32_t other_field, const char *name,
                       const char *text, struct report *report) {
    struct room own = own_room(image, get16(image, field), get16(image, other_field));
    struct room end = room_at_end(image);
    uint32_t need = (uint32_t)strlen(text) + 1;
    uint32_t at = need <= own.length ? own.at : end.at;

    if (string_is(image, get16(image, field), text) && !is_in_structure(image, get16(image, field)))
        return;
    if (need > own.length && sealed_size(image) > UINT16_MAX + 1) {
        problem(report, field,
                "the new %s string and its NUL need %u bytes: the old one has %u, and the image "
                "ends above 64 KiB, where no string can be",
                name, need, own.length);
        return;
    }
    if (need > own.length && need > end.length) {
        problem(report, field,
                "the new %s string and its NUL need %u bytes: the old one has %u, and %u are free "
                "at the end of the image",
                name, need, own.length, end.length);
        return;
    }
    memset(image->bytes + own.at, 0, own.length);
    memcpy(image->bytes + at, text, need);
    put16(image, field, at);
}

static void set_strings(struct image *file, const struct strings *strings, struct report *report) {
    bool found = false;
    struct image image;

    pad_to_blocks(file);
    first_image(file, &image);
    do {
        uint32_t at = find_pnp(&image);
        uint32_t manufacturer = at + PNP(manufacturer);
        uint32_t product = at + PNP(product);

        if (at == 0)
            continue;
        found = true;
        look_at(report, &image);
        if (strings->manufacturer)
            set_string(&image, manufacturer, product, "manufacturer", strings->manufacturer,
                       report);
        if (strings->product)
            set_string(&image, product, manufacturer, "product", strings->product, report);
    } while (next_image(file, &image));
    look_at(report, NULL);
    if (!found)
        problem(report, HEADER(pnp_offset), "no $PnP: nothing holds these strings");
}

/* ---- All of it ---- */

void change_image(struct image *file, const struct changes *changes, struct report *report) {
    struct image image;

    if (changes->trap || changes->policy)
        check_image(file, report);
    if (report->count != 0)
        return;
    first_image(file, &image);
    if (changes->trap)
        set_trap(&image, *changes->trap, report);
    if (changes->policy)
        set_policy(&image, changes->policy, report);
    if (changes->identity)
        set_identity(file, changes->identity, report);
    if (changes->strings)
        set_strings(file, changes->strings, report);
    if (report->count == 0)
        seal_image(file, &changes->sealing, report);
}
