/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* Bytes, for code without a library. */
#ifndef HV_BYTES_H
#define HV_BYTES_H

#include <stdbool.h>
#include <stdint.h>

/* The empty statement keeps compilers from making a call of memcpy out of the loop. */
static inline void copy_bytes(void *to, const void *from, uint32_t size) {
    for (uint32_t i = 0; i < size; i++) {
        ((uint8_t *)to)[i] = ((const uint8_t *)from)[i];
        __asm__ volatile("" ::: "memory");
    }
}

static inline bool equal_bytes(const void *a, const void *b, uint32_t size) {
    for (uint32_t i = 0; i < size; i++)
        if (((const uint8_t *)a)[i] != ((const uint8_t *)b)[i])
            return false;
    return true;
}

/* Guests are little-endian, whatever the host is. */
static inline uint32_t read_word(const uint8_t *p) {
    return p[0] | (uint32_t)p[1] << 8;
}

static inline uint32_t read_dword(const uint8_t *p) {
    return read_word(p) | read_word(p + 2) << 16;
}

#endif
