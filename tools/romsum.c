/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * romsum - seal, check, show and change option ROM images, VMI ROMs above all. This file does what
 * the command line says.
 *
 * Reading order: options.h, the command line; image.h, an image and its checked accessors; walk.h,
 * the images of a file; report.h, what there is to say; check.c, the judge for all verbs, with
 * entry.c, behind.c and advice.c; sum.c, lengths.c and seal.c; change.c with chain.c, hypercall.c,
 * mixture.c, policy.c and ring1.c; show.c, json.c and svg.c; file.c; this file.
 */
#define _XOPEN_SOURCE 700 /* SIGXFSZ */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "romsum/check.h"
#include "romsum/file.h"
#include "romsum/json.h"
#include "romsum/options.h"
#include "romsum/show.h"
#include "romsum/svg.h"
#include "romsum/text.h"

#ifndef VMIROM_VERSION
#define VMIROM_VERSION "unknown"
#endif

/* ---- The ROM at an offset ---- */

/* A copy of the file from there on; false: there is nothing. */
static bool take_rom(const struct options *options, const struct image *file, struct image *rom) {
    *rom = *file;
    if (options->at >= file->size) {
        print_name(file->name);
        fprintf(stderr, "offset 0x%X lies outside the file (%u bytes)\n", options->at, file->size);
        return false;
    }
    rom->single = true;
    rom->size = file->size - options->at;
    rom->bytes = malloc(rom->size);
    if (!rom->bytes) {
        out_of_memory();
    }
    memcpy(rom->bytes, file->bytes + options->at, rom->size);
    return true;
}

/* Puts it back; it may have grown. */
static void put_rom_back(const struct options *options, struct image *file,
                         const struct image *rom) {
    uint8_t *bytes = realloc(file->bytes, (size_t)options->at + rom->size);

    if (!bytes) {
        out_of_memory();
    }
    file->bytes = bytes;
    file->size = options->at + rom->size;
    memcpy(bytes + options->at, rom->bytes, rom->size);
}

static void change_rom(const struct options *options, struct image *file, struct report *report) {
    struct changes changes = options->changes;
    struct image rom;

    if (!options->has_at) {
        change_image(file, &changes, report);
        return;
    }
    if (changes.sealing.sum_at == SUM_HERE) {
        changes.sealing.sum_offset -= options->at; /* before the ROM: wraps beyond its end */
    }
    if (!take_rom(options, file, &rom)) {
        report->count++;
        return;
    }
    change_image(&rom, &changes, report);
    put_rom_back(options, file, &rom);
    free(rom.bytes);
}

/* ---- Running ---- */

static int seal_file(const struct options *options, const char *name) {
    struct report report = {.strict = options->strict};
    struct image image = {.name = name};
    bool good;

    report.origin = report.base = options->at;
    if (!read_image(name, &image)) {
        return 1;
    }
    change_rom(options, &image, &report);
    good = report.count == 0;
    if (good) {
        good = write_image(&image, options->out ? options->out : name, options->dry_run);
    }
    if (good && !options->quiet) {
        print_changes(&report, name);
    }
    if (good || report.count != 0) {
        print_report(&report, name, !options->quiet);
    }
    clear_report(&report);
    free(image.bytes);
    return good ? 0 : 1;
}

static bool draw_file(const struct image *image, struct report *report, const char *svg) {
    struct image picture = {.name = svg};
    size_t size;
    bool good;

    if (is_same_file(image->name, svg)) {
        print_name(svg);
        fputs("is the image itself: name another file\n", stderr);
        return false;
    }
    /* IMAGE and FILE may have changed places on the command line. */
    if (holds_other_than(svg, '<')) {
        print_name(svg);
        fputs("exists and is not a picture: name another file\n", stderr);
        return false;
    }
    picture.bytes = (uint8_t *)draw_image(image, report, &size);
    picture.size = (uint32_t)size;
    good = write_image(&picture, svg, false);
    free(picture.bytes);
    return good;
}

static int judge_image(const struct options *options, const struct image *image) {
    struct report report = {.strict = options->strict};
    int status;

    report.origin = report.base = options->at;
    check_image(image, &report);
    status = report.count == 0 ? 0 : 1;
    if (options->svg && !draw_file(image, &report, options->svg)) {
        status = 1;
    } else if (options->json) {
        print_json(image, &report, options->verb == SHOW);
    } else if (options->verb == SHOW && !options->svg) {
        show_image(image, &report);
    } else {
        print_report(&report, image->name, !options->quiet);
    }
    clear_report(&report);
    return status;
}

static int judge_file(const struct options *options, const char *name) {
    struct image image = {.name = name}, rom;
    bool good = read_image(name, &image);
    int status = 1;

    if (good && options->has_at) {
        good = take_rom(options, &image, &rom);
        free(image.bytes);
        image = rom;
    }
    if (good) {
        status = judge_image(options, &image);
    } else if (options->json) {
        print_json_of_nothing(name);
    }
    if (good) {
        free(image.bytes);
    }
    return status;
}

/* What comes between two images, before the first one and behind the last one. */
static void print_between(const struct options *options, int i) {
    if (options->json) {
        fputs(i == 0 ? "[\n" : i < options->count ? ",\n" : "\n]\n", stdout);
    } else if (options->verb == SHOW && !options->svg && i > 0 && i < options->count) {
        putchar('\n');
    }
}

static int run(struct options *options) {
    int status = 0;

    if (options->twin && !read_image(options->twin, &options->mixture.twin)) {
        return 1;
    }
    if (options->soft && !read_image(options->soft, &options->mixture.soft)) {
        return 1;
    }
    for (int i = 0; i < options->count; i++) {
        const char *name = options->images[i];

        print_between(options, i);
        status |= options->verb == SEAL ? seal_file(options, name) : judge_file(options, name);
    }
    print_between(options, options->count);
    free(options->mixture.twin.bytes);
    free(options->mixture.soft.bytes);
    return status;
}

int main(int argc, char **argv) {
    static struct options options = {.verb = SEAL};
    int status;

    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            fputs(help, stdout);
            return end_output(0);
        }
        if (strcmp(argv[i], "--version") == 0) {
            puts("romsum " VMIROM_VERSION);
            return end_output(0);
        }
    }
    /* A file size limit is then an error of write(), not a death that leaves a temporary file. */
    signal(SIGXFSZ, SIG_IGN);
    options.images = malloc((size_t)argc * sizeof(*options.images));
    if (!options.images) {
        out_of_memory();
    }
    status = parse_options(&options, argc, argv) ? run(&options) : 2;
    free(options.images);
    free(options.text);
    return end_output(status);
}
