/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Cycles that each call takes in each way to make it, for calls that need no privilege: a 32-bit
 * process of Linux without a library, with the ROM in its memory (host.asm).
 *
 *     cycles NUMBER NAME WAY BYTES CALLS CYCLES
 *
 * CYCLES of the time-stamp counter for all CALLS together, the loop and the loading of arguments
 * with them: the median of RUNS. In each run all ways take turns, so that what disturbs the machine
 * disturbs all of them.
 */

#include "variants.h"

enum { SYS_EXIT = 1, SYS_WRITE = 4, STDOUT = 1, RUNS = 201, LEAST_CYCLES = 20000 };
enum { TURNS_MAX = 1024, SAVED = 32768 };

extern const uint8_t host_rom[], host_rom_end[], host_text[], host_text_end[];
extern uint8_t silent_rom[];
static uint8_t saved[2][SAVED];
static uint64_t entries[4] __attribute__((aligned(16)));

/* --- what a process has from a library --- */

static int system_call(int number, int a, const void *b, unsigned c) {
    __asm__ volatile("int $0x80" : "+a"(number) : "b"(a), "c"(b), "d"(c) : "memory");
    return number;
}

static void put(const char *text) {
    unsigned length = 0;
    while (text[length]) {
        length++;
    }
    system_call(SYS_WRITE, STDOUT, text, length);
}

static void put_number(uint32_t number) {
    char text[12], *at = text + sizeof(text) - 1;
    *at = 0;
    do {
        *--at = (char)('0' + number % 10);
    } while (number /= 10);
    *--at = ' ';
    put(at);
}

__attribute__((noreturn)) static void leave(int status) {
    for (;;) {
        system_call(SYS_EXIT, status, 0, 0);
    }
}

/* --- sites --- */

static void link_sites(const struct vmi_annotation *first, const struct vmi_annotation *end,
                       uint8_t *space, const uint8_t *image) {
    struct vmi_rom rom = {.base = image,
                          .physical = 0xC0000,
                          .size = (uint32_t)(host_rom_end - host_rom),
                          .minor = 3,
                          .major = VMI_API_MAJOR_13};
    struct vmi_linkage l = {.first = first,
                            .end = end,
                            .translations = vmi_translations,
                            .translations_end = vmi_translations_end,
                            .text = host_text,
                            .text_end = host_text_end,
                            .saved = space,
                            .saved_end = space + SAVED};
    if (vmi_link(&l, &rom)) {
        put("the sites could not be linked\n");
        leave(1);
    }
}

/* --- time --- */

static uint32_t run(const struct call_loop *c, uint32_t turns) {
    uint32_t start, end;
    __asm__ volatile("lfence; rdtsc" : "=a"(start) : : "edx", "memory");
    c->loop(turns);
    __asm__ volatile("lfence; rdtsc" : "=a"(end) : : "edx", "memory");
    return end - start;
}

static uint32_t median(uint32_t *values) {
    for (int i = 1; i < RUNS; i++) {
        for (int k = i; k > 0 && values[k - 1] > values[k]; k--) {
            uint32_t v = values[k];
            values[k] = values[k - 1];
            values[k - 1] = v;
        }
    }
    return values[RUNS / 2];
}

/* Arguments that serve every call here: an entry, bits and values. */
static void prepare(uint32_t number) {
    uint32_t entry = (uint32_t)entries;
    for (int i = 0; i < 6; i++) {
        loop_arguments[i] = 0;
    }
    switch (number) {
    case VMI_CALL_SetPxELong0:
    case VMI_CALL_SetPxELong:
    case VMI_CALL_SwapPxELongAtomic:
        loop_arguments[1] = entry; /* ECX */
        break;
    case VMI_CALL_SetPxE:
        loop_arguments[2] = entry; /* EDX */
        break;
    case VMI_CALL_CPUID:
    case VMI_CALL_GetCycleCounter:
        break;
    default:
        loop_arguments[0] = entry; /* EAX */
    }
}

static void measure(unsigned n) {
    static const struct {
        const char *name;
        const struct call_loop *loops;
    } ways[] = {{" inline", loops_bare},
                {" linked", loops_linked},
                {" called", loops_called},
                {" pointer", loops_pointer},
                {" empty", loops_empty}};
    enum { WAYS = sizeof(ways) / sizeof(ways[0]) };
    static uint32_t cycles[WAYS][RUNS];
    uint32_t turns = 1;
    prepare(loops_bare[n].number);
    while (turns < TURNS_MAX && run(&loops_bare[n], turns) < LEAST_CYCLES) {
        turns *= 2;
    }
    for (int r = 0; r < RUNS; r++) {
        for (int w = 0; w < WAYS; w++) {
            cycles[w][r] = run(&ways[w].loops[n], turns);
        }
    }
    for (int w = 0; w < WAYS; w++) {
        put("cycles");
        put_number(loops_bare[n].number);
        put(" ");
        put(loops_bare[n].name);
        put(ways[w].name);
        put_number(ways[w].loops[n].bytes);
        put_number(turns * LOOP_COPIES);
        put_number(median(cycles[w]));
        put("\n");
    }
}

__attribute__((noreturn, force_align_arg_pointer)) void _start(void) {
    for (const uint8_t *from = host_rom; from < host_rom_end; from++) {
        silent_rom[from - host_rom] = *from;
    }
    for (int i = 0; i < 4; i++) {
        silent_rom[VMI_INLINE_OFFSET + i] = 0;
    }
    link_sites(records_linked, records_linked_end, saved[0], host_rom);
    link_sites(records_called, records_called_end, saved[1], silent_rom);
    for (uint32_t number = 0; number < LOOP_NUMBERS; number++) {
        loop_slots[number] = (uint32_t)host_rom + VMI_CALL_OFFSET(number);
    }
    for (unsigned n = 0; &loops_empty[n] < loops_empty_end; n++) {
        measure(n);
    }
    put("cycles end\n");
    leave(0);
}
