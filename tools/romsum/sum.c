/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * Where the byte is that makes an image sum to 0.
 */
#include <string.h>

#include "entry.h"
#include "spans.h"
#include "sum.h"

#define TELLING_RUN 16u /* fill before a lone byte: that is a checksum */
#define SURE_RUN    4u  /* of one fill at the end: its last byte means nothing */
#define AMD_SUM     0x21u
#define AMD_TEXT    0x30u

/* How many bytes of one fill come before `at`, `most` at most. */
static uint32_t run_before(const struct image *image, uint32_t at, uint32_t most) {
    uint32_t fill = get8(image, at - 1);
    uint32_t n = 0;

    while (is_fill(fill) && n < at && n < most && get8(image, at - n - 1) == fill) {
        n++;
    }
    return n;
}

static const struct span *find_span(const struct spans *spans, uint32_t at) {
    for (uint32_t i = 0; i < spans->count; i++) {
        if (at >= spans->list[i].start && at < spans->list[i].end) {
            return &spans->list[i];
        }
    }
    return NULL;
}

static const char *span_at(const struct spans *spans, uint32_t at) {
    const struct span *span = find_span(spans, at);

    return span ? span->name : NULL;
}

const char *structure_at(const struct image *image, uint32_t at) {
    struct spans spans = {.count = 0};
    uint32_t code = get8(image, HEADER(entry));
    uint32_t jump = code == 0xE9 ? 3 : code == 0xEB ? 2 : 1;

    if (at < HEADER(entry)) {
        return "the signature and the length";
    }
    if (at < HEADER(entry) + jump) {
        return "the entry code";
    }
    if (at < HEADER(pci_offset)) {
        return is_vmi(image) && at > HEADER(pad0) ? "the header" : NULL;
    }
    collect_spans(image, &spans);
    return span_at(&spans, at);
}

const char *use_of(const struct image *image, uint32_t at) {
    struct spans spans = {.count = 0};
    const char *use = entry_use(image, at);

    if (use) {
        return use;
    }
    collect_foreign_strings(image, &spans);
    return span_at(&spans, at);
}

const char *what_is_at(const struct image *image, uint32_t at) {
    const char *structure = structure_at(image, at);

    return structure ? structure : use_of(image, at);
}

bool is_more_than_text(const struct image *image, uint32_t at) {
    struct spans spans = {.count = 0};
    const char *use = entry_use(image, at);
    const struct span *span;

    if (at < HEADER(pci_offset) && structure_at(image, at)) {
        return true;
    }
    collect_spans(image, &spans);
    span = at < HEADER(pci_offset) ? NULL : find_span(&spans, at);
    return (span && !span->text) || (use && use != text_use);
}

/* ---- Two sums ---- */

/* A lone byte behind fill, on the last place of a unit of 16. */
static bool is_lone(const struct image *image, uint32_t at) {
    return run_before(image, at, TELLING_RUN) >= TELLING_RUN &&
           get8(image, at) != get8(image, at - 1);
}

uint32_t find_settings(const struct image *image, uint32_t size) {
    uint32_t tail = 0;

    /* 16 to 512 bytes of settings, not all of them fill. */
    for (uint32_t at = size; at-- > 0 && size - at <= 512;) {
        tail = (tail + get8(image, at)) & 0xFF;
        if (size - at < 16 || at % 16 != 0 || at < 64 || tail != 0 || !is_lone(image, at - 1)) {
            continue;
        }
        if (run_of(image, at, size - at, get8(image, at)) < size - at &&
            !what_is_at(image, at - 1)) {
            return at;
        }
    }
    return 0;
}

/* ---- Candidates ---- */

/* Whether bytes that mean something begin here, so that the first of them is hardly a checksum. */
static bool begins_something(const struct image *image, uint32_t at) {
    return !is_fill(get8(image, at)) && !is_fill(get8(image, at + 1)) &&
           !is_fill(get8(image, at + 2)) && !is_text(image, at + 1);
}

/* Byte 5 counts behind a short jump, where it is alone or a second entry follows. */
static bool five_is_free(const struct image *image) {
    if (get8(image, HEADER(entry)) != 0xEB || what_is_at(image, 5)) {
        return false;
    }
    return is_fill(get8(image, 5)) || is_fill(get8(image, 6)) || entry_use(image, 6);
}

static bool six_is_free(const struct image *image) {
    bool short_jump = get8(image, HEADER(entry)) == 0xEB;

    if (what_is_at(image, VMI_ROM_CHECKSUM_OFFSET)) {
        return false;
    }
    return !short_jump || is_fill(get8(image, 5)) || is_fill(get8(image, 6));
}

/* The place near the entry: 0 if there is none. */
static uint32_t place_in_header(const struct image *image) {
    bool five = five_is_free(image), six = six_is_free(image);

    if (five && six) {
        return is_fill(get8(image, 5)) ? VMI_ROM_CHECKSUM_OFFSET : 5;
    }
    return six ? VMI_ROM_CHECKSUM_OFFSET : five ? 5 : 0;
}

static struct place place_of_vmi(const struct image *image) {
    uint32_t six = VMI_ROM_CHECKSUM_OFFSET;

    return (struct place){six, 0, !entry_use(image, six), NULL};
}

static struct place make_place(uint32_t at, uint32_t other, const char *why) {
    return (struct place){at, other, true, why};
}

/* Whether its last bytes are padding that the seal has added. */
static bool is_fresh(const struct image *image) {
    return image->fresh != 0 && image->size == image->rest;
}

/* Header or last byte. */
static struct place choose_end(const struct image *image, uint32_t size) {
    uint32_t head = place_in_header(image);
    uint32_t last = size - 1;
    uint32_t run = run_before(image, last, TELLING_RUN);
    bool lone = run == 0 || get8(image, last) != get8(image, last - 1); /* it means something */
    bool last_is_free = what_is_at(image, last) == NULL;
    bool head_tells = head != 0 && !is_fill(get8(image, head));
    bool head_doubts = head == VMI_ROM_CHECKSUM_OFFSET && begins_something(image, head);

    if (head_tells && last_is_free && lone) {
        return make_place(head, last, NULL);
    }
    if (last_is_free && lone && run >= TELLING_RUN) {
        return make_place(last, 0,
                          head != 0 ? "the last byte stands alone after fill"
                                    : "the last byte stands alone after fill, and bytes 5 "
                                      "to 7 are in use");
    }
    if (head != 0 && !(head_doubts && last_is_free)) {
        return make_place(head, 0,
                          head == 5               ? "after the short jump"
                          : head_doubts           ? "after the jump; the last byte is in use"
                          : lone && !last_is_free ? NULL
                          : lone                  ? "after the jump; the last byte may be data"
                                                  : NULL);
    }
    if (last_is_free && !lone && (run >= SURE_RUN - 1 || is_fresh(image))) {
        return make_place(last, 0, "the last byte is fill, and bytes 5 to 7 are in use");
    }
    return (struct place){last, 0, false, NULL};
}

struct place find_place(const struct image *image, uint32_t size) {
    uint32_t settings;

    if (is_vmi(image)) {
        return place_of_vmi(image);
    }
    if (inside(image, AMD_TEXT, 9) && memcmp(image->bytes + AMD_TEXT, "761295520", 9) == 0 &&
        AMD_SUM < size && !what_is_at(image, AMD_SUM)) {
        return make_place(AMD_SUM, 0, "AMD's place");
    }
    settings = is_lone(image, size - 1) ? 0 : find_settings(image, size);
    if (settings != 0) {
        return make_place(settings - 1, 0, "it ends the code; the settings after it sum to 0");
    }
    return choose_end(image, size);
}

/* ---- Whether they are right ---- */

bool pnp_sum_is_right(const struct image *image, uint32_t at) {
    uint32_t bytes = get8(image, at + PNP(length)) * VMI_PNP_UNIT;

    return bytes < PNP_SIZE || !inside(image, at, bytes) || sum_of(image, at, bytes) == 0;
}

bool sums_are_right(const struct image *image) {
    struct pnp_chain chain;

    if (!is_x86(image) || !has_stated_bytes(image) || stated_sum(image) != 0) {
        return false;
    }
    follow_pnp(image, &chain);
    for (uint32_t i = 0; i < chain.count; i++) {
        if (!pnp_sum_is_right(image, chain.at[i])) {
            return false;
        }
    }
    return true;
}
