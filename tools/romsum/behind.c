/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * What is in a file besides its images.
 */
#include <string.h>

#include "behind.h"
#include "ring1.h"
#include "walk.h"

static bool repeats(const struct image *file) {
    uint32_t half = file->size / 2;

    return file->size % (2 * VMI_ROM_BLOCK) == 0 &&
           memcmp(file->bytes, file->bytes + half, half) == 0;
}

/* FF is an empty chip and needs no word. */
static void tell_of(const struct image *file, struct report *report, uint32_t from, uint32_t to) {
    uint32_t length = to - from;
    uint32_t zeros = run_of(file, from, length, 0x00);

    while (length > 0 && file->bytes[from + length - 1] == 0xFF) {
        length--;
    }
    if (length == 0) {
        return;
    }
    warning(report, from, "behind", "%u byte%s of %s behind the image: not part of it", length,
            length == 1 ? "" : "s", zeros >= length ? "00" : "something else");
}

static void tell_of_hidden(const struct image *image, struct report *report) {
    look_at(report, image);
    if (find_pcir(image) != 0) {
        warning(report, 0, "hidden",
                "hidden behind the last-image bit of another image: firmware never reads it "
                "(--last %u makes it reachable, --at 0x%X seals it alone)",
                image->number, image->base);
    } else {
        warning(report, 0, "hidden",
                "a ROM behind the last image: firmware never reads it (--at 0x%X seals it alone)",
                image->base);
    }
    look_at(report, NULL);
}

void check_behind(const struct image *file, struct report *report) {
    bool mirrored = repeats(file), second = false;
    struct image image;

    if (file->single) {
        return;
    }
    if (mirrored) {
        warning(report, file->size / 2, "repeats",
                "the second half repeats the first: %u bytes, dumped twice", file->size / 2);
    }
    first_image(file, &image);
    for (;;) {
        uint32_t end = image.base + image.size;
        uint32_t next = image.next != 0 ? image.next : file->size;
        bool known = mirrored && end <= file->size / 2 && next > file->size / 2;

        second = second || (find_ring1(&image) != 0 && !image.hidden);
        if (image.hidden && second && is_ring1_second(&image)) {
            second = false; /* the BIOS comes there, by its own signature */
        } else if (image.hidden && !(mirrored && image.base >= file->size / 2)) {
            tell_of_hidden(&image, report);
        }
        if (next > end && !known && !(mirrored && end > file->size / 2)) {
            tell_of(file, report, end, next);
        }
        if (!next_image(file, &image)) {
            return;
        }
    }
}
