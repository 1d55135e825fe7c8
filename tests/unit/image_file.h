/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

#ifndef TESTS_UNIT_IMAGE_FILE_H
#define TESTS_UNIT_IMAGE_FILE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Reads a whole image and returns its size; exits with status 2 and the reason when that cannot be
 * done. */
static inline uint32_t image_load(const char *path, uint8_t *image, uint32_t max) {
    FILE *f = fopen(path, "rb");
    if (!f) {
        perror(path);
        exit(2);
    }
    size_t size = fread(image, 1, max, f);
    if (ferror(f) || fgetc(f) != EOF || size < 4096) {
        fprintf(stderr, "%s: not an image of 4096 to %u bytes\n", path, max);
        exit(2);
    }
    fclose(f);
    return (uint32_t)size;
}

#endif
