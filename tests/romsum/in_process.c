/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * Tests of romsum that need too many runs for a process each: linked with romsum
 * but for its main.c.
 *
 *   in_process changes IMAGE [FULL]     change every byte to every other value, check each; with
 *                                       FULL, bytes from there on to one other value only
 *   in_process resealed IMAGE           change every byte of the descriptor and of the trap stubs
 *                                       to every other value and every bit behind the stubs, set
 *                                       the image's checksum, choose a trap
 *   in_process mutants IMAGE COUNT      check, show, seal and choose the trap of COUNT seeded
 *                                       random mutants
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "change.h"
#include "check.h"
#include "file.h"
#include "show.h"

static bool is_refused(const struct image *image) {
    struct report report = {.count = 0};
    bool refused;

    check_image(image, &report);
    refused = report.count != 0;
    clear_report(&report);
    return refused;
}

/*
 * A shorter length byte may happen to cover bytes that sum to 0. Firmware takes that; where nothing
 * else states the length, check can only warn of what is behind.
 */
static bool is_noticed(const struct image *image) {
    struct report report = {.count = 0};
    bool noticed;

    check_image(image, &report);
    noticed = report.count != 0 || (!is_vmi(image) && report.warnings != 0);
    clear_report(&report);
    return noticed;
}

static int changes(struct image *image, uint32_t full) {
    uint32_t tried = 0, refused = 0;

    if (is_noticed(image))
        return 1;
    for (uint32_t at = 0; at < image->size; at++) {
        uint32_t first = at < full ? 1 : 1 + at % 255;
        uint32_t last = at < full ? 255 : first;

        for (uint32_t change = first; change <= last; change++) {
            image->bytes[at] ^= (uint8_t)change;
            tried++;
            if (is_noticed(image))
                refused++;
            else
                printf("at 0x%X, changed by 0x%02X: accepted\n", at, change);
            image->bytes[at] ^= (uint8_t)change;
        }
    }
    printf("%u changes, %u accepted\n", tried, tried - refused);
    return tried == refused ? 0 : 1;
}

/* ---- Hypercall images ---- */

/* A copy in a buffer of just its size, so that a read past its end is seen. */
static struct image copy_of(const struct image *image, uint32_t size) {
    struct image copy = {.name = image->name, .bytes = malloc(size), .size = size};

    if (!copy.bytes)
        exit(1);
    memcpy(copy.bytes, image->bytes, size);
    return copy;
}

static bool same(const struct image *a, const struct image *b) {
    return a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0;
}

static bool binds(struct image *image, struct trap trap) {
    struct changes changes = {.trap = &trap};
    struct report report = {.count = 0};
    bool good;

    change_image(image, &changes, &report);
    good = report.count == 0;
    clear_report(&report);
    return good;
}

/* A slot of one RET is right as native and as nop: no other byte tells them apart. */
static bool says_the_same(const struct image *image, uint32_t kinds, uint32_t at, uint8_t before) {
    uint32_t slot = at - kinds;
    uint8_t now = image->bytes[at];

    return at >= kinds && slot < 128 && now % 2 == 0 && now < 4 && before % 2 == 0 && before < 4 &&
           image->bytes[slot * 32] == 0xC3 && run_of(image, slot * 32 + 1, 31, 0xCC) == 31;
}

/* A native body, and one that does nothing, may be called soft: soft is whatever its publisher made. */
static bool may_be_soft(const struct image *image, uint32_t kinds, uint32_t at, uint8_t before) {
    uint32_t slot = at - kinds;

    return at >= kinds && slot > 4 && slot < (image->bytes[13] == 13 ? 88u : 128u) && slot != 85 &&
           before % 2 == 0 && before < 4 && image->bytes[at] == 4;
}

static int resealed(const struct image *good) {
    static const struct trap out_e9 = {VMI_TRAP_OUT, 0xE9};
    uint32_t descriptor = get16(good, 0x14);
    uint32_t tried = 0, accepted = 0, alike = 0;
    struct image image = copy_of(good, good->size);

    for (uint32_t at = 0x80; at < image.size; at++) {
        uint8_t before = good->bytes[at];
        bool in_descriptor = at >= descriptor && at < descriptor + 136;
        bool in_fill = !in_descriptor && at % 32 >= 4;

        if (!in_descriptor && (at >= 0x1000 || good->bytes[descriptor + 8 + at / 32] != 1))
            continue;
        for (uint32_t change = 1; change < 256; change = in_fill ? change * 2 : change + 1) {
            bool same_meaning;

            image.bytes[at] = (uint8_t)(before ^ change);
            image.bytes[6] = (uint8_t)(good->bytes[6] + before - image.bytes[at]);
            tried++;
            same_meaning = says_the_same(&image, descriptor + 8, at, before) ||
                           may_be_soft(&image, descriptor + 8, at, before);
            if (!binds(&image, out_e9))
                continue;
            if (same_meaning)
                alike++;
            else
                printf("at 0x%X, changed by 0x%02X: accepted\n", at, change);
            accepted++;
            memcpy(image.bytes, good->bytes, image.size);
        }
        memcpy(image.bytes, good->bytes, image.size);
    }
    free(image.bytes);
    printf("%u changes, %u accepted, %u alike\n", tried, accepted, alike);
    return accepted == alike ? 0 : 1;
}

/* ---- Mutants ---- */

static const struct sealing as_usual = {.sum_at = SUM_AUTO};

static uint32_t random_state = 20060313;
static uint32_t bound; /* mutants that got another trap */

static uint32_t random_number(uint32_t below) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return random_state % below;
}

/* Where damage does most: the header and the structures behind it, and the descriptor. */
static uint32_t sore_point(const struct image *image) {
    uint32_t descriptor = get16(image, 0x14);

    if (descriptor == 0 || random_number(2) == 0)
        return random_number(128);
    return descriptor + random_number(136);
}

static struct image make_mutant(const struct image *image) {
    static const uint8_t favourites[] = {0x00, 0x01, 0x7F, 0x80, 0xFE, 0xFF, 0x0D, 0x03};
    uint32_t size = image->size;
    uint32_t pokes = 1 + random_number(6);
    struct image mutant;

    if (random_number(2) == 0)
        size = 1 + random_number(random_number(2) == 0 ? 160 : image->size);
    mutant = copy_of(image, size);
    while (pokes-- > 0) {
        uint32_t at = random_number(2) == 0 ? random_number(size) : sore_point(image) % size;
        uint32_t value = random_number(2) == 0 ? favourites[random_number(8)] : random_number(256);

        mutant.bytes[at] = (uint8_t)value;
    }
    return mutant;
}

/*
 * What seal_image() refuses may hold anything. What it leaves must be good, and a second seal must
 * change nothing.
 */
static bool seals_well(struct image *image) {
    struct report report = {.count = 0};
    struct image before;
    bool good;

    seal_image(image, &as_usual, &report);
    if (report.count != 0) {
        clear_report(&report);
        return true;
    }
    before = copy_of(image, image->size);
    seal_image(image, &as_usual, &report);
    good =
        report.count == 0 && !is_refused(image) && image->size % 512 == 0 && same(&before, image);
    clear_report(&report);
    free(before.bytes);
    return good;
}

/*
 * What change_image() refuses it must leave alone. What it changes must be good, and the old trap
 * must bring the old bytes back.
 */
static bool binds_well(struct image *image) {
    struct trap trap = {random_number(4), 0};
    struct image before = copy_of(image, image->size);
    bool refused = is_refused(image);
    uint32_t descriptor = get16(image, 0x14);
    bool good;

    if (trap.kind >= 2)
        trap.operand = 0x20 + random_number(0xE0);
    if (binds(image, trap)) {
        bound++;
        good = !refused && !is_refused(image);
        good &= get8(image, descriptor + 5) == trap.kind;
        good &= get8(image, descriptor + 6) == trap.operand;
        good &= binds(image, trap_of(&before, descriptor)) && same(&before, image);
    } else {
        good = (refused || find_descriptor(image) == 0) && same(&before, image);
    }
    free(before.bytes);
    return good;
}

static int mutants(const struct image *image, uint32_t count) {
    uint32_t bad = 0;

    if (!freopen("/dev/null", "w", stdout))
        return 1;
    for (uint32_t i = 0; i < count; i++) {
        struct image mutant = make_mutant(image);
        struct report report = {.count = 0};

        check_image(&mutant, &report);
        show_image(&mutant, &report);
        if ((report.count != 0) != is_refused(&mutant))
            bad++;
        clear_report(&report);
        if (!binds_well(&mutant) || !seals_well(&mutant) || !binds_well(&mutant))
            bad++;
        free(mutant.bytes);
    }
    /* Of damaged hypercall images some stay good, and their traps are really chosen. */
    return bad == 0 && (bound != 0) == (find_descriptor(image) != 0) ? 0 : 1;
}

int main(int argc, char **argv) {
    struct image image;
    int status = 2;

    if (argc < 3 || !read_image(argv[2], &image))
        return 2;
    if (strcmp(argv[1], "changes") == 0)
        status = changes(&image, argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : UINT32_MAX);
    if (strcmp(argv[1], "resealed") == 0)
        status = resealed(&image);
    if (strcmp(argv[1], "mutants") == 0 && argc > 3)
        status = mutants(&image, (uint32_t)strtoul(argv[3], NULL, 10));
    free(image.bytes);
    return status;
}
