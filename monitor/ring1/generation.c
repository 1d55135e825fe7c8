/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

#include "generation.h"
#include "descriptor.h"
#include "memory.h"

#define STACK_WORDS 96u
#define GATE_FIXED  0x000080FFu /* of a gate: present; what is 0 */
#define GATE_RIGHT  0x00008000u
#define GATE_TYPE   0x00001F00u
#define GATE_TASK   0x00000500u

uint8_t wrong_generation;

/* What no kernel writes into its IDT else. */
static bool is_gate(uint32_t high) {
    uint32_t type = high & GATE_TYPE & ~0x900u;
    return (high & GATE_FIXED) == GATE_RIGHT && ((high & GATE_TYPE) == GATE_TASK || type == 0x600);
}

/* Whether the descriptor lies there: its low dword, something, and what the guest took for the high
 * one. */
static bool is_there(struct cpu *cpu, uint32_t at, uint32_t low, uint32_t high, uint32_t *meant) {
    uint32_t words[3];
    if (at & 3 || !guest_read(cpu, at, words, sizeof words) || words[0] != low || words[2] != high)
        return false;
    *meant = words[1];
    return true;
}

/* On the stack itself, or where a register or a word of the stack points. */
static bool find(struct cpu *cpu, const struct frame *f, uint32_t high, uint32_t *meant) {
    const uint32_t registers[] = {f->ebx, f->esi, f->edi, f->ebp};
    uint32_t stack = stack_of(cpu, f), word;
    for (uint32_t i = 0; i < sizeof registers / sizeof *registers; i++)
        if (is_there(cpu, registers[i], f->ecx, high, meant))
            return true;
    for (uint32_t at = stack; at < stack + 4 * STACK_WORDS; at += 4) {
        if (is_there(cpu, at, f->ecx, high, meant))
            return true;
        if (guest_read(cpu, at, &word, sizeof word) && is_there(cpu, word, f->ecx, high, meant))
            return true;
    }
    return false;
}

uint32_t meant_high(struct cpu *cpu, const struct frame *f, uint32_t high, bool gate) {
    uint32_t meant;
    if (!wrong_generation && (!gate || !f->ecx || is_gate(high)))
        return high;
    if (!find(cpu, f, high, &meant) || (gate && !is_gate(meant)))
        return high;
    wrong_generation = 1;
    return meant;
}
