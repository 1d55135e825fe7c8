/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * Where the byte is that makes an image sum to 0.
 */
#include "spans.h"
#include "sum.h"

#define TELLING_RUN 16u /* fill before a lone last byte: that is a checksum */

static bool is_fill(uint32_t byte) {
    return byte == 0x00 || byte == 0xFF || byte == CALL_FILL || byte == 0x90;
}

static bool is_printable(uint32_t byte) {
    return byte >= 0x20 && byte < 0x7F;
}

/* Some vendors have text right behind the jump. */
static bool is_text_at_6(const struct image *image) {
    return is_printable(get8(image, 6)) && is_printable(get8(image, 7)) &&
           is_printable(get8(image, 8));
}

/* How many bytes of one fill come before `at`. */
static uint32_t run_before(const struct image *image, uint32_t at) {
    uint32_t fill = get8(image, at - 1);
    uint32_t n = 0;

    while (is_fill(fill) && n < at && n < TELLING_RUN && get8(image, at - n - 1) == fill)
        n++;
    return n;
}

const char *what_is_at(const struct image *image, uint32_t at) {
    struct spans spans = {.count = 0};
    uint32_t code = get8(image, HEADER(entry));
    uint32_t jump = code == 0xE9 ? 3 : code == 0xEB ? 2 : 1;

    if (at < HEADER(entry))
        return "the signature and the length";
    if (at < HEADER(entry) + jump ||
        (at == VMI_ROM_CHECKSUM_OFFSET && !entry_spares_checksum(image)))
        return "the entry code";
    if (at < HEADER(pci_offset))
        return is_vmi(image) && at > HEADER(pad0) ? "the header" : NULL;
    collect_spans(image, &spans);
    for (uint32_t i = 0; i < spans.count; i++)
        if (at >= spans.list[i].start && at < spans.list[i].end)
            return spans.list[i].name;
    return NULL;
}

struct place find_place(const struct image *image, uint32_t size) {
    uint32_t six = VMI_ROM_CHECKSUM_OFFSET;
    uint32_t last = size - 1;
    uint32_t run = run_before(image, last);
    bool lone = run == 0 || get8(image, last) != get8(image, last - 1); /* it means something */
    bool last_is_free = what_is_at(image, last) == NULL;
    bool six_is_free = entry_spares_checksum(image) && (is_vmi(image) || !is_text_at_6(image));

    if (is_vmi(image))
        return (struct place){six, 0, six_is_free};
    if (six_is_free && last_is_free && lone && !is_fill(get8(image, six)))
        return (struct place){six, last, true};
    if (last_is_free && lone && run >= TELLING_RUN)
        return (struct place){last, 0, true};
    if (six_is_free)
        return (struct place){six, 0, true};
    return (struct place){last, 0, last_is_free && !lone};
}
