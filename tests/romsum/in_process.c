/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * Tests of romsum that need too many runs for a process each: romsum itself is compiled in.
 *
 *   in_process changes IMAGE            change every byte to every other value, check each
 *   in_process mutants IMAGE COUNT      check, show and seal COUNT seeded random mutants
 */
#define main romsum_main
#include "../../tools/romsum.c"
#undef main

static bool is_refused(const struct image *image) {
    struct report report = {NULL, 0};
    bool refused;

    check_image(image, &report);
    refused = report.count != 0;
    clear_report(&report);
    return refused;
}

static int changes(struct image *image) {
    uint32_t tried = 0, refused = 0;

    if (is_refused(image))
        return 1;
    for (uint32_t at = 0; at < image->size; at++) {
        for (uint32_t change = 1; change < 256; change++) {
            image->bytes[at] ^= (uint8_t)change;
            tried++;
            if (is_refused(image))
                refused++;
            else
                printf("at 0x%X, changed by 0x%02X: accepted\n", at, change);
            image->bytes[at] ^= (uint8_t)change;
        }
    }
    printf("%u changes, %u accepted\n", tried, tried - refused);
    return tried == refused ? 0 : 1;
}

static uint32_t random_state = 20060313;

static uint32_t random_number(uint32_t below) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return random_state % below;
}

/* A copy in a buffer of just its size, so that a read past its end is seen. */
static struct image make_mutant(const struct image *image) {
    static const uint8_t favourites[] = {0x00, 0x01, 0x7F, 0x80, 0xFE, 0xFF, 0x0D, 0x03};
    struct image mutant = {"mutant", NULL, image->size};
    uint32_t pokes = 1 + random_number(6);

    if (random_number(2) == 0)
        mutant.size = 1 + random_number(random_number(2) == 0 ? 160 : image->size);
    mutant.bytes = malloc(mutant.size);
    if (!mutant.bytes)
        exit(1);
    memcpy(mutant.bytes, image->bytes, mutant.size);
    while (pokes-- > 0) {
        uint32_t at = random_number(random_number(4) == 0 ? mutant.size : 128) % mutant.size;
        uint32_t value = random_number(2) == 0 ? favourites[random_number(8)] : random_number(256);

        mutant.bytes[at] = (uint8_t)value;
    }
    return mutant;
}

/* What seal_image() leaves alone it must leave good, and a second seal must change nothing. */
static bool seals_well(struct image *image) {
    struct report report = {NULL, 0};
    uint8_t *before;
    bool good;

    seal_image(image, &report);
    if (report.count != 0) {
        clear_report(&report);
        return true;
    }
    before = malloc(image->size);
    if (!before)
        exit(1);
    memcpy(before, image->bytes, image->size);
    seal_image(image, &report);
    good = report.count == 0 && !is_refused(image) && image->size % 512 == 0 &&
           memcmp(before, image->bytes, image->size) == 0;
    clear_report(&report);
    free(before);
    return good;
}

static int mutants(const struct image *image, uint32_t count) {
    uint32_t bad = 0;

    if (!freopen("/dev/null", "w", stdout))
        return 1;
    for (uint32_t i = 0; i < count; i++) {
        struct image mutant = make_mutant(image);
        struct report report = {NULL, 0};

        show_image(&mutant, &report);
        if ((report.count != 0) != is_refused(&mutant))
            bad++;
        clear_report(&report);
        if (!seals_well(&mutant))
            bad++;
        free(mutant.bytes);
    }
    return bad == 0 ? 0 : 1;
}

int main(int argc, char **argv) {
    struct image image;
    int status = 2;

    if (argc < 3 || !read_image(argv[2], &image))
        return 2;
    if (strcmp(argv[1], "changes") == 0)
        status = changes(&image);
    if (strcmp(argv[1], "mutants") == 0 && argc > 3)
        status = mutants(&image, (uint32_t)strtoul(argv[3], NULL, 10));
    free(image.bytes);
    return status;
}
