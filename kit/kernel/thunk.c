/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * Thunks. A site keeps every register but those of its results, so the thunk saves what the call
 * may change and what arguments are put into. Operands on the stack are farther away in it than at
 * the site, by what has been pushed since.
 */

#include "thunk.h"

#include "bytes.h"

#define PUSH_EAX     0x50 /* to PUSH_EAX + 7, EDI */
#define POP_EAX      0x58
#define PUSH_IMM32   0x68
#define PUSH_IMM8    0x6A
#define MOV_TO_RM    0x89
#define MOV_FROM_EAX 0xA3
#define MOV_IMM32    0xC7
#define LEA          0x8D
#define RET          0xC3
#define CALL_REL32   0xE8
#define GROUP_5      0xFF
#define PUSH_RM      0x30 /* its reg field, in a ModRM byte */
#define FROM_EAX     0xC0 /* the same of a move from EAX to a register */
#define MOD_DISP8    0x40
#define MOD_DISP32   0x80
#define HAS_SIB      4
#define ESP          4
#define LEA_ESP      0x0024648Du /* LEA ESP,[ESP + disp8], without the fourth byte */
#define DWORD        4u
#define SCRATCH_END  3 /* EAX, ECX and EDX are the registers below */

#define NOINLINE __attribute__((noinline)) /* the code is smaller so */

struct maker {
    const uint8_t *from, *end;
    uint8_t *to;
    uint8_t *pushed; /* the last instruction, if it is the push of a register */
    uint32_t depth;  /* bytes on the stack more than at the site */
    uint32_t base;   /* what of them the thunk has by itself */
};

static NOINLINE void put(struct maker *m, uint32_t size) {
    copy_bytes(m->to, m->from, size);
    m->to += size;
    m->from += size;
}

/* A ModRM byte with what belongs to it. Where the base is ESP it becomes one with 32 bits of
 * distance. */
static NOINLINE bool put_memory(struct maker *m) {
    uint8_t *to = m->to, modrm = m->from[0];
    uint32_t size = (modrm & 7) == HAS_SIB ? 2 : 1, base = m->from[size - 1] & 7, distance = 0;
    if (modrm >= FROM_EAX) {
        return false;
    }
    put(m, size);
    if (modrm & MOD_DISP8) {
        distance = (uint32_t)(int8_t)*m->from;
        put(m, 1);
    } else if (modrm & MOD_DISP32 || base == 5) {
        distance = read_dword(m->from);
        put(m, DWORD);
    }
    if (size == 2 && base == ESP) {
        *to = (uint8_t)((modrm & 0x3F) | MOD_DISP32);
        write_dword(to + 2, distance + m->depth);
        m->to = to + 2 + DWORD;
    }
    return true;
}

/* A value that goes back to where it came from has not moved: 0. Otherwise the register's bit. */
static uint8_t put_pop(struct maker *m, uint32_t reg) {
    m->depth -= DWORD;
    if (m->pushed && *m->pushed == PUSH_EAX + reg) {
        m->to = m->pushed;
        m->from++;
        return 0;
    }
    put(m, 1);
    return (uint8_t)(1 << reg);
}

/*
 * One instruction. In front of the call those that load arguments, and stores that come with it;
 * behind it those that bring results to their registers.
 */
static NOINLINE bool put_instruction(struct maker *m, struct vmi_kit_thunk *thunk) {
    uint8_t op = m->from[0], field = m->from[1] & 0x38, *start = m->to, *pushed = NULL;
    uint32_t reg = op & 7;
    bool behind = thunk->target != 0;
    if ((op & 0xF0) == PUSH_EAX && reg != ESP) {
        if (op < POP_EAX) {
            put(m, 1);
            m->depth += DWORD;
            pushed = start;
        } else if (behind) {
            put_pop(m, reg);
            thunk->results |= (uint8_t)(1 << reg);
        } else if (reg < SCRATCH_END) {
            thunk->loaded |= put_pop(m, reg);
        } else {
            return false;
        }
    } else if (behind) {
        reg = m->from[1] - FROM_EAX;
        if (op != MOV_TO_RM || reg > 7) {
            return false;
        }
        thunk->results |= (uint8_t)(1 << reg);
        put(m, 2);
        if (reg == 0) {
            m->to = start;
        }
    } else if (op == PUSH_IMM8 || op == PUSH_IMM32) {
        put(m, op == PUSH_IMM8 ? 2 : 1 + DWORD);
        m->depth += DWORD;
    } else if (op == MOV_FROM_EAX) { /* a store that comes with the call */
        put(m, 1 + DWORD);
    } else if (op == MOV_TO_RM || (op == MOV_IMM32 && field == 0) ||
               (op == GROUP_5 && field == PUSH_RM) || (op == LEA && field < SCRATCH_END << 3)) {
        put(m, 1);
        if (!put_memory(m)) {
            return false;
        }
        if (op == MOV_IMM32) {
            put(m, DWORD);
        } else if (op == GROUP_5) {
            m->depth += DWORD;
        } else if (op == LEA) {
            thunk->loaded |= (uint8_t)(1 << (field >> 3));
        }
    } else {
        return false;
    }
    m->pushed = pushed;
    return true;
}

static bool put_call(struct maker *m, struct vmi_kit_thunk *thunk, uint32_t call) {
    if (read_dword(m->from + 1) != call) {
        return false;
    }
    thunk->target = (uint8_t)(m->to + 1 - thunk->code);
    put(m, 1 + DWORD);
    m->pushed = NULL;
    if (m->depth != m->base) {
        write_dword(m->to, LEA_ESP | (m->depth - m->base) << 24);
        m->to += DWORD;
        m->depth = m->base;
    }
    return true;
}

/* `saved` are the registers to save; what they have to be is known once the thunk is made. */
static NOINLINE bool make(const struct vmi_annotation *r, struct vmi_kit_thunk *thunk,
                          uint32_t saved) {
    struct maker m = {
        r->translation, r->translation + r->translation_size, thunk->code, NULL, 0, 0};
    thunk->target = thunk->loaded = thunk->results = 0;
    m.base = DWORD; /* the return address */
    for (uint32_t reg = 0; reg < SCRATCH_END; reg++) {
        if (saved >> reg & 1) {
            *m.to++ = (uint8_t)(PUSH_EAX + reg);
            m.base += DWORD;
        }
    }
    m.depth = m.base;
    while (m.from < m.end) {
        bool good = !thunk->target && *m.from == CALL_REL32 ? put_call(&m, thunk, r->call)
                                                            : put_instruction(&m, thunk);
        if (!good || m.depth < m.base) {
            return false;
        }
    }
    if (m.from != m.end || !thunk->target || m.depth != m.base) {
        return false;
    }
    thunk->size = (uint8_t)(m.to - thunk->code);
    for (uint32_t reg = SCRATCH_END; reg-- > 0;) {
        if (saved >> reg & 1) {
            thunk->code[thunk->size++] = (uint8_t)(POP_EAX + reg);
        }
    }
    thunk->code[thunk->size++] = RET;
    return true;
}

bool vmi_kit_make_thunk(const struct vmi_annotation *r, struct vmi_kit_thunk *thunk) {
    if (r->translation_size > TRANSLATION_MAX || !make(r, thunk, 0)) {
        return false;
    }
    uint32_t saved = ((r->form & THUNK_CHANGES) | thunk->loaded) & ~(uint32_t)thunk->results;
    if (thunk->target == 1 && thunk->size == 2 + DWORD && saved == 0) {
        thunk->size = 0;
        return true;
    }
    return make(r, thunk, saved);
}

const struct vmi_annotation *vmi_kit_same_thunk(const struct vmi_annotation *first,
                                                const struct vmi_annotation *r) {
    while (first < r && (first->call != r->call || first->form != r->form ||
                         first->translation_size != r->translation_size ||
                         !are_equal(first->translation, r->translation, r->translation_size))) {
        first++;
    }
    return first;
}
