/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* The guest has fetched the instruction itself, so no rights are checked and no accessed bit is
 * set on the way. */

#include "code.h"

#define FRAME     0x000FFFFFFFFFF000ull
#define FRAME_PAE 0xFFFFFFE0u /* of CR3 */
#define LEVELS_64 4u
#define LEVELS_57 5u

typedef uint64_t __attribute__((may_alias, aligned(1))) any_qword;
typedef uint32_t __attribute__((may_alias, aligned(1))) any_dword;

/* --- its bytes --- */

static uint64_t load_entry(uint64_t at, bool wide) {
    const void *entry = guest_physical(at, false);
    return wide ? *(const any_qword *)entry : *(const any_dword *)entry;
}

/* PAE's root entries have no size bit, and large pages of two levels need PSE. */
static bool is_leaf(const struct guest_state *state, uint64_t entry, unsigned level) {
    bool is_long = state->efer & EFER_LMA, pae = state->cr4 & CR4_PAE;
    if (!level) {
        return true;
    }
    return entry & ENTRY_PS && level <= (is_long ? 2u : 1u) && (pae || state->cr4 & CR4_PSE);
}

static bool find(const struct guest_state *state, uint64_t linear, uint64_t *physical) {
    bool is_long = state->efer & EFER_LMA, pae = state->cr4 & CR4_PAE;
    unsigned bits = pae ? 9 : 10;
    unsigned level = is_long ? (state->cr4 & CR4_LA57 ? LEVELS_57 : LEVELS_64) : pae ? 3 : 2;
    uint64_t entry = is_long ? state->cr3 : (uint32_t)state->cr3, offset, table;
    *physical = linear;
    if (!(state->cr0 & CR0_PG)) {
        return true;
    }
    table = entry & (pae && !is_long ? FRAME_PAE : FRAME);
    do {
        unsigned shift = 12 + --level * bits;
        uint64_t index = linear >> shift & ((1u << bits) - 1);
        entry = load_entry(table + index * (pae ? 8 : 4), pae);
        if (!(entry & ENTRY_P)) {
            return false;
        }
        table = entry & FRAME;
        offset = (1ull << shift) - 1;
    } while (!is_leaf(state, entry, level));
    *physical = (table & ~offset) | (linear & offset);
    if (!pae && level) { /* 4 MiB: bits 13 to 20 are 32 to 39 */
        *physical = (entry & 0xFFC00000u) | (entry >> 13 & 0xFF) << 32 | (linear & offset);
    }
    return true;
}

static void read_bytes(const struct guest_state *state, struct instruction *i) {
    uint64_t linear = state->rip, physical;
    const uint8_t *at;
    unsigned room;
    if (!i->is_64) {
        linear = (uint32_t)(state->cs.base + state->rip);
    }
    i->size = 0;
    if (!find(state, linear, &physical)) {
        return;
    }
    at = guest_physical(physical, false);
    room = PAGE_SIZE - (unsigned)(linear % PAGE_SIZE);
    if (room >= INSTRUCTION_MAX) {
        __builtin_memcpy(i->bytes, at, INSTRUCTION_MAX); /* in two moves */
        i->size = INSTRUCTION_MAX;
        return;
    }
    for (; i->size < room; i->size++) {
        i->bytes[i->size] = at[i->size];
    }
    if (!find(state, linear + room, &physical)) {
        return;
    }
    at = guest_physical(physical, false);
    for (; i->size < INSTRUCTION_MAX; i->size++) {
        i->bytes[i->size] = at[i->size - room];
    }
}

/* --- its prefixes --- */

static bool is_prefix(uint8_t byte) {
    switch (byte) {
    case 0x26:
    case 0x2E:
    case 0x36:
    case 0x3E:
    case 0x64:
    case 0x65:
    case 0x66:
    case 0x67:
    case 0xF0:
    case 0xF2:
    case 0xF3:
        return true;
    default:
        return false;
    }
}

static bool is_rex(const struct instruction *i, uint8_t byte) {
    return i->is_64 && (byte & 0xF0) == 0x40;
}

/* A REX prefix counts when it is the last. */
void read_instruction(const struct vcpu *vcpu, struct instruction *i) {
    const struct guest_state *state = state_of(vcpu);
    bool small;
    *i = (struct instruction){.is_64 = state->efer & EFER_LMA && state->cs.attrib & ATTRIB_L};
    small = !i->is_64 && (!(state->cs.attrib & ATTRIB_DB) || state->rflags & RFLAGS_VM);
    i->operand_16 = i->address_16 = small;
    read_bytes(state, i);
    for (; i->prefixes < i->size; i->prefixes++) {
        uint8_t byte = i->bytes[i->prefixes];
        if (!is_prefix(byte) && !is_rex(i, byte)) {
            return;
        }
        i->rex = is_rex(i, byte) ? byte : 0;
        i->is_locked |= byte == 0xF0;
        if (byte == 0x66) {
            i->operand_16 = !small;
        }
        if (byte == 0x67) {
            i->address_16 = !small;
        }
    }
}

uint64_t *general_register(struct vcpu *vcpu, unsigned number) {
    if (number == 0) {
        return &state_of(vcpu)->rax;
    }
    if (number == 4) {
        return &state_of(vcpu)->rsp;
    }
    return &vcpu->registers.gpr.rax + number;
}

/* --- stores --- */

#define REX_W         0x08u
#define REX_R         0x04u
#define OPCODE_MOV    0x89u
#define OPCODE_MOV_C  0xC7u /* a constant */
#define OPCODE_MOV_EA 0xA3u /* EAX, to an address that is in the instruction */
#define OPCODE_XCHG   0x87u

/* ModRM of an operand in memory and what belongs to it, in bytes. */
static unsigned operand_length(const struct instruction *i, unsigned at) {
    uint8_t modrm = i->bytes[at], mod = modrm >> 6, rm = modrm & 7;
    if (i->address_16 && !i->is_64) {
        return 1 + (mod == 1 ? 1 : mod == 2 || (mod == 0 && rm == 6) ? 2 : 0);
    }
    if (rm != 4) {
        return 1 + (mod == 1 ? 1 : mod == 2 || (mod == 0 && rm == 5) ? 4 : 0);
    }
    return 2 + (mod == 1 ? 1 : mod == 2 || (mod == 0 && (i->bytes[at + 1] & 7) == 5) ? 4 : 0);
}

static unsigned address_length(const struct instruction *i) {
    if (i->is_64) {
        return i->address_16 ? 4 : 8; /* 67h makes it 32 bits there */
    }
    return i->address_16 ? 2 : 4;
}

static uint32_t dword_at(const struct instruction *i, unsigned at) {
    return *(const any_dword *)(i->bytes + at);
}

bool decode_store(struct vcpu *vcpu, struct store *store) {
    struct instruction i;
    unsigned at, number = 0;
    uint8_t opcode;
    read_instruction(vcpu, &i);
    at = i.prefixes + 1;
    if (i.operand_16 || i.rex & REX_W || i.size < at) {
        return false;
    }
    opcode = i.bytes[i.prefixes];
    store->exchanged = NULL;
    if (opcode == OPCODE_MOV_EA) {
        store->length = at + address_length(&i);
    } else {
        if (i.size < at + 2 || i.bytes[at] >> 6 == 3) {
            return false;
        }
        store->length = at + operand_length(&i, at);
        number = (i.bytes[at] >> 3 & 7) + (i.rex & REX_R ? 8 : 0);
    }
    if (opcode == OPCODE_MOV_C) {
        if (number % 8 || i.is_locked || i.size < store->length + 4) {
            return false;
        }
        store->value = dword_at(&i, store->length);
        store->length += 4;
        return true;
    }
    if (opcode == OPCODE_XCHG) {
        store->exchanged = general_register(vcpu, number);
    } else if (i.is_locked || (opcode != OPCODE_MOV && opcode != OPCODE_MOV_EA)) {
        return false;
    }
    store->value = (uint32_t)*general_register(vcpu, number);
    return i.size >= store->length;
}
