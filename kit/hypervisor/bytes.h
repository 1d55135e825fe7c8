/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* Byte functions, for code without a library. */
#ifndef VMI_KIT_BYTES_H
#define VMI_KIT_BYTES_H

#include <stdbool.h>
#include <stdint.h>

/* A machine word of any type and alignment. */
typedef uintptr_t __attribute__((may_alias, aligned(1))) any_machine_word;

/* By words: each hypercall does this twice. The empty asm statements keep compilers from replacing
 * the loops by calls of memcpy and memset. */
static inline void copy_bytes(void *to, const void *from, uint32_t size) {
    const uint8_t *f = from;
    uint8_t *t = to;
    for (; size >= sizeof(any_machine_word); size -= sizeof(any_machine_word)) {
        *(any_machine_word *)t = *(const any_machine_word *)f;
        t += sizeof(any_machine_word), f += sizeof(any_machine_word);
        __asm__ volatile("" ::: "memory");
    }
    for (; size; size--) {
        *t++ = *f++;
        __asm__ volatile("" ::: "memory");
    }
}

static inline void fill_bytes(void *to, uint8_t value, uint32_t size) {
    uint8_t *t = to;
    for (; size >= sizeof(any_machine_word); size -= sizeof(any_machine_word)) {
        *(any_machine_word *)t = UINTPTR_MAX / UINT8_MAX * value;
        t += sizeof(any_machine_word);
        __asm__ volatile("" ::: "memory");
    }
    for (; size; size--) {
        *t++ = value;
        __asm__ volatile("" ::: "memory");
    }
}

static inline bool equal_bytes(const void *a, const void *b, uint32_t size) {
    const uint8_t *x = a, *y = b;
    for (; size >= sizeof(any_machine_word); size -= sizeof(any_machine_word)) {
        if (*(const any_machine_word *)x != *(const any_machine_word *)y) {
            return false;
        }
        x += sizeof(any_machine_word), y += sizeof(any_machine_word);
    }
    for (; size; size--) {
        if (*x++ != *y++) {
            return false;
        }
    }
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
