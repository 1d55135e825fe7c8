/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* Byte functions that the kit's files share. They use string instructions, so that no compiler
 * turns them into library calls. */
#ifndef GUEST_KIT_BYTES_H
#define GUEST_KIT_BYTES_H

#include <stdbool.h>
#include <stdint.h>

static inline void copy_bytes(void *to, const void *from, uint32_t size) {
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
}

static inline void fill_bytes(void *to, uint8_t byte, uint32_t size) {
    __asm__ volatile("rep stosb" : "+D"(to), "+c"(size) : "a"(byte) : "memory");
}

static inline bool are_equal(const void *a, const void *b, uint32_t size) {
    bool equal;
    __asm__ volatile("repe cmpsb" : "+S"(a), "+D"(b), "+c"(size), "=@ccz"(equal) : : "memory");
    return equal;
}

/* The address may be misaligned: the processor allows it. */
static inline uint32_t read_dword(const void *from) {
    uint32_t value;
    __asm__("movl %1, %0" : "=r"(value) : "m"(*(const uint8_t(*)[4])from));
    return value;
}

static inline void write_dword(void *to, uint32_t value) {
    __asm__("movl %1, %0" : "=m"(*(uint8_t(*)[4])to) : "ri"(value));
}

static inline bool sums_to_zero(const uint8_t *bytes, uint32_t size) {
    uint8_t sum = 0;
    while (size-- > 0) {
        sum = (uint8_t)(sum + *bytes++);
    }
    return sum == 0;
}

#endif
