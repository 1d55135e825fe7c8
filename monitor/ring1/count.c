/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

#include "count.h"
#include "debug.h"
#include "call_names.h"

uint32_t call_counts[VMI_CALL_SLOTS];
static uint32_t traps[VECTORS], injected[VECTORS], emulated[EMULATED_KINDS], unknown, repairs;

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

void count_repair(void) {
    repairs++;
}

static const char *call_name(uint32_t slot) {
    for (uint32_t i = 0; i < sizeof vmi_call_names / sizeof *vmi_call_names; i++)
        if (vmi_call_names[i].slot == slot)
            return vmi_call_names[i].name;
    for (uint32_t i = 0; i < sizeof vmi3_call_names / sizeof *vmi3_call_names; i++)
        if (vmi3_call_names[i].slot == slot)
            return vmi3_call_names[i].name;
    return slot == ENTRY_TO_V86 ? "return to V86 mode" : "?";
}

static void say_count(const char *what, const char *name, uint32_t count) {
    if (!count)
        return;
    say("# ring1: ");
    say(what);
    say(" ");
    say(name);
    say(" ");
    say_number(count);
    say("\n");
}

static void say_vector(const char *what, uint32_t vector, uint32_t count) {
    if (!count)
        return;
    say("# ring1: ");
    say(what);
    say(" ");
    say_number(vector);
    say(": ");
    say_number(count);
    say("\n");
}

void say_counts(void) {
    static const char *const kinds[EMULATED_KINDS] = {
        "HLT", "MOV CR, CLTS, LMSW", "MOV DR", "RDMSR, WRMSR", "LGDT, LIDT, LLDT, LTR",
        "WBINVD, INVD, INVLPG", "selectors of ring 0", "ports of ring 3", "others"};
    for (uint32_t i = 0; i < VMI_CALL_SLOTS; i++)
        say_count("call", call_name(i), call_counts[i]);
    for (uint32_t i = 0; i < VECTORS; i++)
        say_vector("trap", i, traps[i]);
    for (uint32_t i = 0; i < VECTORS; i++)
        say_vector("given to the guest, vector", i, injected[i]);
    for (uint32_t i = 0; i < EMULATED_KINDS; i++)
        say_count("emulated:", kinds[i], emulated[i]);
    say_count("unknown", "instructions", unknown);
    say_count("repaired", "directories", repairs);
}
