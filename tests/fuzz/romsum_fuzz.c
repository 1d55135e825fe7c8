/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * romsum under libFuzzer: any file is checked, sealed, changed and shown, in memory. Besides what
 * the sanitizers see:
 *
 *   - checking changes nothing, and a good file stays as it is when it is sealed
 *   - the law: an image whose stated bytes sum to 0, and its $PnP headers' too, comes out byte for
 *     byte as it went in, and is not refused; so does all that is not part of an image
 *   - every change is said: no byte is different that no change is about, none is said in vain
 *   - no byte that is executed or read in the header becomes a checksum unless that is forced
 *   - what a seal or a change leaves is good, and a second seal changes nothing
 *   - a seal changes no more bytes than lengths and sums
 *   - one changed byte of a sealed VMI image is refused
 *   - the JSON is JSON
 *
 * Which changes are tried depends on the bytes of the file alone.
 */
#define _XOPEN_SOURCE 700

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "change.h"
#include "check.h"
#include "json.h"
#include "show.h"
#include "sum.h"
#include "svg.h"
#include "vmi/hypervisor.h"
#include "walk.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct changes plain_seal = {.sealing = {.sum_at = SUM_AUTO}};

static void must(bool condition, const char *what) {
    if (condition) {
        return;
    }
    fprintf(stderr, "romsum_fuzz: it does not hold that %s\n", what);
    abort();
}

static struct image copy_of(const uint8_t *bytes, size_t size) {
    struct image copy = {.name = "x", .bytes = malloc(size), .size = (uint32_t)size};

    must(copy.bytes != NULL, "there is memory");
    memcpy(copy.bytes, bytes, size);
    return copy;
}

static bool same(const struct image *a, const struct image *b) {
    return a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0;
}

static bool is_good(const struct image *image) {
    struct report report = {.count = 0};
    bool good;

    check_image(image, &report);
    good = report.count == 0;
    clear_report(&report);
    return good;
}

/* Whether a change that was said is about this byte. */
static bool is_said(const struct report *report, uint32_t at) {
    for (size_t i = 0; i < report->total; i++) {
        const struct finding *f = &report->list[i];

        if (f->severity == CHANGE && at >= f->at && at - f->at < f->length) {
            return true;
        }
    }
    return false;
}

static void every_change_is_said(const struct image *before, const struct image *after,
                                 const struct report *report) {
    uint32_t common = before->size < after->size ? before->size : after->size;
    uint32_t differ = before->size != after->size;

    for (uint32_t at = 0; at < common; at++) {
        if (at % 64 == 0 && common - at >= 64 &&
            memcmp(before->bytes + at, after->bytes + at, 64) == 0) {
            at += 63;
        }
        if (before->bytes[at] == after->bytes[at]) {
            continue;
        }
        differ++;
        must(is_said(report, at), "every change is said");
    }
    if (common < before->size || common < after->size) {
        must(is_said(report, common), "it is told where bytes are added or taken");
    }
    must(differ != 0 || report->changes == 0, "no change is said in vain");
}

/* Changes the image; whether it was taken. */
static bool change(struct image *image, const struct changes *changes) {
    struct image before = copy_of(image->bytes, image->size);
    struct report report = {.count = 0};
    bool good;

    change_image(image, changes, &report);
    good = report.count == 0;
    if (good) {
        every_change_is_said(&before, image, &report);
    }
    clear_report(&report);
    free(before.bytes);
    return good;
}

/* ---- The law ---- */

/* Whether all images that firmware reaches are for the BIOS and right as they are. */
static bool is_lawful(const struct image *file) {
    struct image image;

    if (file->size < VMI_ROM_FIELDS_END || get16(file, 0) != VMI_ROM_SIGNATURE) {
        return false;
    }
    first_image(file, &image);
    do {
        if (!image.hidden && (is_vmi(&image) || !sums_are_right(&image))) {
            return false;
        }
    } while (next_image(file, &image));
    return true;
}

static bool stayed(const struct image *before, const struct image *after, uint32_t start,
                   uint32_t end) {
    return end <= after->size &&
           memcmp(before->bytes + start, after->bytes + start, end - start) == 0;
}

/* No byte that is executed or read is different, but for those of structures. */
static void no_use_is_broken(const struct image *image, const struct image *after) {
    for (uint32_t at = HEADER(entry); is_x86(image) && at < image->size; at++) {
        must(get8(image, at) == get8(after, image->base + at) || image->base + at >= after->size ||
                 structure_at(image, at) || !use_of(image, at),
             "a byte that is executed is no checksum");
    }
}

/* What a plain seal has to leave alone, whatever the rest of the file is. */
static void the_law_holds(const struct image *before, const struct image *after) {
    struct image image;
    uint32_t end = 0;

    first_image(before, &image);
    do {
        uint32_t size = stated_size(&image);
        bool right = sums_are_right(&image) && size <= image.size;

        must(stayed(before, after, end, image.base), "what is between images stays");
        if (image.hidden || right) {
            must(stayed(before, after, image.base, image.base + image.size),
                 "an image that is right, or hidden, stays");
        }
        no_use_is_broken(&image, after);
        end = image.base + image.size;
    } while (next_image(before, &image));
    must(stayed(before, after, end, before->size), "what is behind the images stays");
}

/* ---- Seal ---- */

/* Bytes that a seal may set: in each image four lengths and a sum, and a sum in each header. */
static uint32_t most_changes(const struct image *file) {
    struct pnp_chain chain;
    struct image image;
    uint32_t most = 0;

    first_image(file, &image);
    do {
        follow_pnp(&image, &chain);
        most += 6 + chain.count;
    } while (next_image(file, &image));
    return most;
}

static void test_seal(const uint8_t *data, size_t size, uint32_t dice) {
    struct image image = copy_of(data, size), before;
    bool was_good = is_good(&image);
    bool lawful = is_lawful(&image);
    uint32_t changed = 0;

    must(memcmp(image.bytes, data, size) == 0, "checking changes nothing");
    if (!change(&image, &plain_seal)) {
        must(!was_good, "a good file can be sealed");
        must(!lawful, "what is right is not refused");
        free(image.bytes);
        return;
    }
    before = copy_of(data, size);
    the_law_holds(&before, &image);
    must(!lawful || same(&image, &before), "what is right stays as it is");
    free(before.bytes);
    must(is_good(&image), "check accepts what seal made");
    must(image.size >= size && image.size < size + VMI_ROM_BLOCK, "a seal pads to a block");
    for (size_t i = 0; i < size; i++) {
        changed += image.bytes[i] != data[i];
    }
    must(changed <= most_changes(&image), "a seal sets lengths and sums only");
    must(!was_good || changed == 0, "a good file stays as it is");
    before = copy_of(image.bytes, image.size);
    must(change(&image, &plain_seal), "a sealed file can be sealed");
    must(same(&image, &before), "a second seal changes nothing");
    if (is_vmi(&image) && count_images(&image) == 1) {
        image.bytes[dice % sealed_size(&image)] ^= (uint8_t)(1 + (dice >> 16) % 255);
        must(!is_good(&image), "one changed byte of a VMI image is refused");
    }
    free(before.bytes);
    free(image.bytes);
}

/* ---- Changes ---- */

static void test_changes(const uint8_t *data, size_t size, uint32_t dice) {
    static const struct identity identity = {0x8086, 0x100E, 0x020000, true};
    static const struct strings some_strings[4] = {
        {"Acme", "A longer product string of 37 bytes."}, {"B", "x"}, {NULL, "Thing"}, {"A", NULL}};
    static const uint32_t pads[] = {0, 512, 4096, 5120, 8192, 16384};
    struct trap trap = {dice % VMI_TRAP_KINDS, 0};
    static const struct mixture all = {.policy = VMI_POLICY_ALL};
    const uint32_t flags = dice >> 12 & VMI_RING1_INTERRUPT_CONTROL;
    struct policy policy = {{false}};
    struct changes changes = {.sealing = {.sum_at = dice >> 4 & 3}};
    struct image image = copy_of(data, size), before, first;

    if (trap.kind >= VMI_TRAP_INT) {
        trap.operand = 0x20 + (dice >> 8) % 0xE0;
    }
    if (changes.sealing.sum_at > SUM_HERE) {
        changes.sealing.sum_at = SUM_AUTO;
    }
    changes.sealing.sum_offset = (dice >> 6 & 1) ? dice >> 8 & 0x1F : (dice >> 8) % (uint32_t)size;
    changes.sealing.pad = pads[(dice >> 3) % 6];
    changes.sealing.force = (dice >> 15 & 7) == 0;
    if ((dice >> 18 & 3) == 0) {
        changes.sealing.length_from = dice >> 20 & 1 ? LENGTH_FILE : LENGTH_HEADER;
    }
    if ((dice >> 21 & 3) == 0) {
        changes.last = 1 + (dice >> 23 & 1) + (dice >> 24 & 1);
    }
    if ((dice >> 25 & 3) == 0) {
        changes.mixture = &all;
    }
    if ((dice >> 27 & 3) == 0) {
        changes.flags = &flags;
    }
    add_to_policy(&policy, VMI3_RELOC_ALWAYS);
    if (dice & 0x100) {
        add_to_policy(&policy, VMI3_RELOC_FULL);
    }
    if (dice & 0x200) {
        changes.trap = &trap;
    }
    if (dice & 0x400) {
        changes.policy = &policy;
    }
    if (dice & 0x800) {
        changes.identity = &identity;
    }
    if (dice & 0x1000) {
        changes.strings = &some_strings[dice >> 13 & 3];
    }
    if (change(&image, &changes)) {
        if (!changes.sealing.force && !changes.strings) {
            before = copy_of(data, size);
            first_image(&before, &first);
            no_use_is_broken(&first, &image);
            free(before.bytes);
        }
        must(is_good(&image), "check accepts what a change made");
        must(changes.sealing.pad == 0 || image.size == changes.sealing.pad, "it has its size");
        before = copy_of(image.bytes, image.size);
        must(change(&image, &plain_seal), "a changed file can be sealed");
        must(same(&image, &before), "a seal behind a change changes nothing");
        /* A length that was taken from the file may lead to an image that was out of reach. */
        if (changes.sealing.length_from != LENGTH_FILE) {
            must(change(&image, &changes), "the same change again is taken");
            must(same(&image, &before), "the same change again changes nothing");
        }
        free(before.bytes);
    }
    free(image.bytes);
}

/* ---- Showing ---- */

static const char *skip_value(const char *at, int depth);

static const char *skip_space(const char *at) {
    while (isspace((unsigned char)*at)) {
        at++;
    }
    return at;
}

/* Behind a string that begins at `at`; NULL if there is none. */
static const char *skip_string(const char *at) {
    if (*at++ != '"') {
        return NULL;
    }
    for (; *at != '"'; at++) {
        if ((unsigned char)*at < 0x20) {
            return NULL;
        }
        if (*at != '\\') {
            continue;
        }
        at++;
        if (*at == 'u' && strspn(at + 1, "0123456789ABCDEFabcdef") < 4) {
            return NULL;
        }
        if (*at == '\0' || !strchr("\"\\/bfnrtu", *at)) {
            return NULL;
        }
    }
    return at + 1;
}

static const char *skip_members(const char *at, char end, int depth) {
    at = skip_space(at);
    if (*at == end) {
        return at + 1;
    }
    for (;; at++) {
        at = skip_space(at);
        if (end == '}') {
            at = skip_string(at);
            if (!at || *at++ != ':') {
                return NULL;
            }
        }
        at = skip_value(at, depth + 1);
        if (!at || *at == end) {
            return at ? at + 1 : NULL;
        }
        if (*at != ',') {
            return NULL;
        }
    }
}

static const char *skip_value(const char *at, int depth) {
    size_t digits;

    at = skip_space(at);
    if (depth > 16) {
        return NULL;
    }
    if (*at == '{' || *at == '[') {
        at = skip_members(at + 1, *at == '{' ? '}' : ']', depth);
    } else if (*at == '"') {
        at = skip_string(at);
    } else if (strncmp(at, "true", 4) == 0 || strncmp(at, "null", 4) == 0) {
        at += 4;
    } else if (strncmp(at, "false", 5) == 0) {
        at += 5;
    } else if ((digits = strspn(at, "0123456789")) > 0) {
        at += digits;
    } else {
        return NULL;
    }
    return at ? skip_space(at) : NULL;
}

/* Prints to memory what would go to standard output. */
static void test_showing(const uint8_t *data, size_t size, uint32_t dice) {
    struct image image = copy_of(data, size);
    struct report report = {.count = 0};
    FILE *terminal = stdout;
    char *text = NULL, *picture;
    size_t length, picture_length;

    check_image(&image, &report);
    stdout = open_memstream(&text, &length);
    must(stdout != NULL, "there is memory");
    if (dice & 1) {
        show_image(&image, &report);
    } else {
        print_json(&image, &report, (dice & 2) != 0);
    }
    fclose(stdout);
    stdout = terminal;
    if (!(dice & 1)) {
        const char *end = skip_value(text, 0);

        must(end && *end == '\0', "the JSON is JSON");
    }
    free(text);
    if ((dice & 0x3C) == 0) {
        picture = draw_image(&image, &report, &picture_length);
        must(picture_length == strlen(picture), "a picture is text");
        free(picture);
    }
    clear_report(&report);
    free(image.bytes);
}

/* ---- libFuzzer ---- */

static uint32_t hash_of(const uint8_t *data, size_t size) {
    uint32_t hash = 2166136261u;

    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ data[i]) * 16777619u;
    }
    return hash ^ hash >> 15;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint32_t dice = hash_of(data, size);

    if (size == 0) {
        return 0;
    }
    test_seal(data, size, dice);
    if (dice >> 29 < 4) {
        test_changes(data, size, dice);
    }
    if (dice >> 29 == 7) {
        test_showing(data, size, dice);
    }
    return 0;
}

/* Half of the mutants are made where it hurts: in the header and in what it points to. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed) {
    static const uint8_t values[] = {0x00, 0x01, 0x02, 0x08, 0x0A, 0x18, 0x1C, 0x20,
                                     0x40, 0x7F, 0x80, 0xCB, 0xE9, 0xEB, 0xFE, 0xFF};
    struct image image;

    srand(seed);
    if (rand() % 2 == 0 || size < 64) {
        return LLVMFuzzerMutate(data, size, max_size);
    }
    for (int i = 1 + rand() % 3; i > 0; i--) {
        static const uint8_t pointers[] = {0x00, 0x14, 0x16, 0x18, 0x1A};
        uint32_t field = pointers[(uint32_t)rand() % sizeof(pointers)];
        uint32_t start = field == 0 ? 0 : data[field] | (uint32_t)data[field + 1] << 8;
        uint32_t at = (start + (uint32_t)rand() % (field == 0 ? 0x20 : 0x24)) % (uint32_t)size;

        data[at] = rand() % 2 == 0 ? values[(uint32_t)rand() % sizeof(values)] : (uint8_t)rand();
    }
    if (rand() % 2 == 0) {
        return size;
    }
    /* Behind a right seal other checks are reached. */
    image = copy_of(data, size);
    if (change(&image, &plain_seal) && image.size <= max_size) {
        memcpy(data, image.bytes, image.size);
        size = image.size;
    }
    free(image.bytes);
    return size;
}
