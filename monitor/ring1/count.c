/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

#include "count.h"
#include "common/debug.h"

uint32_t call_counts[VMI_CALL_SLOTS];
static uint32_t traps[VECTORS], injected[VECTORS], emulated[EMULATED_KINDS], unknown, finished,
    repairs;

void count_trap(uint32_t vector) {
    traps[vector % VECTORS]++;
}

void count_injected(uint32_t vector) {
    injected[vector % VECTORS]++;
}

void count_emulated(enum emulated kind) {
    emulated[kind]++;
}

void count_unknown(void) {
    unknown++;
}

void count_finished(void) {
    finished++;
}

void count_repair(void) {
    repairs++;
}

static uint32_t count_of_call(unsigned slot) {
    return call_counts[slot];
}

static void say_one(const char *what, const char *name, uint32_t count) {
    if (!count) {
        return;
    }
    say(what);
    say_count(name, count);
    say("\n");
}

/* Those of an array that are not 0. */
static void say_vectors(const char *what, const uint32_t counts[VECTORS]) {
    for (uint32_t i = 0; i < VECTORS; i++) {
        if (!counts[i]) {
            continue;
        }
        say(what);
        say_hex(i, 2);
        say_count("h:", counts[i]);
        say("\n");
    }
}

void say_counts(void) {
    static const char *const kinds[EMULATED_KINDS] = {"HLT",
                                                      "MOV CR, CLTS, LMSW",
                                                      "MOV DR",
                                                      "RDMSR, WRMSR",
                                                      "LGDT, LIDT, LLDT, LTR",
                                                      "WBINVD, INVD, INVLPG",
                                                      "selectors of ring 0",
                                                      "ports of ring 3",
                                                      "CLI, STI",
                                                      "others"};
    say_calls(count_of_call);
    say_one("# monitor: calls:", "returns to V86 mode", call_counts[ENTRY_TO_V86]);
    say_vectors("# monitor: traps, vector ", traps);
    say_vectors("# monitor: injected, vector ", injected);
    for (uint32_t i = 0; i < EMULATED_KINDS; i++) {
        say_one("# monitor: emulated:", kinds[i], emulated[i]);
    }
    say_one("# monitor:", "unknown instructions", unknown);
    say_one("# monitor:", "half-done returns", finished);
    say_one("# monitor:", "repaired directories", repairs);
    say("# monitor: end of counts\n");
}
