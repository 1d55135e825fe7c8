/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

#include "decode.h"

enum { EAX, ECX, EDX, EBX, ESP, EBP, ESI, EDI };

/* What is read of an instruction. */
struct reader {
    const uint8_t *code;
    uint32_t size, at;
    bool short_of_bytes;
};

static uint8_t next(struct reader *r) {
    if (r->at >= r->size || r->at >= INSTRUCTION_MAX) {
        r->short_of_bytes = true;
        return 0;
    }
    return r->code[r->at++];
}

static uint32_t next_bytes(struct reader *r, uint32_t count) {
    uint32_t value = 0;
    for (uint32_t i = 0; i < count; i++) {
        value |= (uint32_t)next(r) << 8 * i;
    }
    return value;
}

/* A displacement, its sign extended. */
static uint32_t displacement(struct reader *r, uint32_t mod, uint32_t wide_size) {
    if (mod == 1) {
        return (uint32_t)(int8_t)next(r);
    }
    return mod == 2 ? next_bytes(r, wide_size) : 0;
}

/* --- operands in memory --- */

static void memory_16(struct reader *r, struct instruction *i, uint32_t mod, uint32_t rm,
                      const uint32_t *value, bool *is_stack) {
    static const uint8_t bases[8] = {EBX, EBX, EBP, EBP, ESI, EDI, EBP, EBX};
    static const uint8_t indices[4] = {ESI, EDI, ESI, EDI};
    uint32_t offset;
    if (mod == 0 && rm == 6) {
        i->offset = next_bytes(r, 2);
        return;
    }
    offset = value[bases[rm]];
    if (rm < 4) {
        offset += value[indices[rm]];
    }
    *is_stack = bases[rm] == EBP;
    i->offset = (offset + displacement(r, mod, 2)) & 0xFFFF;
}

static uint32_t scaled(struct reader *r, uint32_t mod, const uint32_t *value, bool *is_stack) {
    uint32_t sib = next(r), base = sib & 7, index = sib >> 3 & 7;
    uint32_t offset = index == ESP ? 0 : value[index] << (sib >> 6);
    if (base == EBP && mod == 0) {
        return offset + next_bytes(r, 4);
    }
    *is_stack = base == ESP || base == EBP;
    return offset + value[base];
}

static void memory_32(struct reader *r, struct instruction *i, uint32_t mod, uint32_t rm,
                      const uint32_t *value, bool *is_stack) {
    uint32_t offset;
    if (rm == ESP) {
        offset = scaled(r, mod, value, is_stack);
    } else if (rm == EBP && mod == 0) {
        offset = next_bytes(r, 4);
    } else {
        offset = value[rm];
        *is_stack = rm == EBP;
    }
    i->offset = offset + displacement(r, mod, 4);
}

#define NO_OVERRIDE 0xFF

static void operand(struct reader *r, struct instruction *i, uint8_t override,
                    const struct registers *registers) {
    uint32_t modrm = next(r), mod = modrm >> 6;
    bool is_stack = false;
    i->reg = modrm >> 3 & 7;
    i->rm = modrm & 7;
    i->memory = mod != 3;
    if (!i->memory) {
        return;
    }
    if (i->address == 2) {
        memory_16(r, i, mod, i->rm, registers->value, &is_stack);
    } else {
        memory_32(r, i, mod, i->rm, registers->value, &is_stack);
    }
    i->segment = override != NO_OVERRIDE ? override : is_stack ? SEGMENT_SS : SEGMENT_DS;
}

/* --- opcodes --- */

static uint8_t group_6(const struct instruction *i) {
    return i->reg == 2 ? OP_LLDT : i->reg == 3 ? OP_LTR : OP_NONE;
}

static uint8_t group_7(const struct instruction *i) {
    static const uint8_t in_memory[8] = {OP_NONE, OP_NONE, OP_LGDT, OP_LIDT,
                                         OP_NONE, OP_NONE, OP_LMSW, OP_INVLPG};
    if (i->memory) {
        return in_memory[i->reg];
    }
    if (i->reg == 6) {
        return OP_LMSW;
    }
    if (i->reg == 1 && i->rm < 2) {
        return i->rm ? OP_MWAIT : OP_MONITOR;
    }
    return i->reg == 2 && i->rm == 1 ? OP_XSETBV : OP_NONE;
}

static uint8_t two_bytes(struct reader *r, struct instruction *i, uint8_t override,
                         const struct registers *registers) {
    uint8_t opcode = next(r);
    switch (opcode) {
    case 0x00:
        operand(r, i, override, registers);
        return group_6(i);
    case 0x01:
        operand(r, i, override, registers);
        return group_7(i);
    case 0x06:
        return OP_CLTS;
    case 0x08:
        return OP_INVD;
    case 0x09:
        return OP_WBINVD;
    case 0x20:
    case 0x21:
    case 0x22:
    case 0x23: {
        uint32_t modrm = next(r); /* its mod counts as 3 */
        i->reg = modrm >> 3 & 7;
        i->rm = modrm & 7;
        if (opcode & 1) {
            return opcode & 2 ? OP_WRITE_DR : OP_READ_DR;
        }
        return opcode & 2 ? OP_WRITE_CR : OP_READ_CR;
    }
    case 0x30:
        return OP_WRMSR;
    case 0x31:
        return OP_RDTSC;
    case 0x32:
        return OP_RDMSR;
    case 0x33:
        return OP_RDPMC;
    case 0x35:
        return OP_SYSEXIT;
    case 0xB2:
        operand(r, i, override, registers);
        return i->memory ? OP_LSS : OP_NONE;
    default:
        return OP_NONE;
    }
}

static uint8_t port_operation(struct reader *r, struct instruction *i, uint8_t opcode) {
    if (!(opcode & 1)) {
        i->size = 1;
    }
    i->port_is_dx = opcode >= 0xEC || opcode < 0x70;
    if (!i->port_is_dx) {
        i->port = next(r);
    }
    if (opcode < 0x70) {
        return opcode & 2 ? OP_OUTS : OP_INS;
    }
    return opcode & 2 ? OP_OUT : OP_IN;
}

static uint8_t one_byte(struct reader *r, struct instruction *i, uint8_t override,
                        const struct registers *registers) {
    uint8_t opcode = next(r);
    switch (opcode) {
    case 0x0F:
        return two_bytes(r, i, override, registers);
    case 0x17:
        return OP_POP_SS;
    case 0x6C:
    case 0x6D:
    case 0x6E:
    case 0x6F:
        i->segment = override != NO_OVERRIDE ? override : SEGMENT_DS; /* of OUTS */
        return port_operation(r, i, opcode);
    case 0xE4:
    case 0xE5:
    case 0xE6:
    case 0xE7:
    case 0xEC:
    case 0xED:
    case 0xEE:
    case 0xEF:
        return port_operation(r, i, opcode);
    case 0x8E:
        operand(r, i, override, registers);
        return i->reg == SEGMENT_SS ? OP_MOV_SS : OP_NONE;
    case 0xCA:
    case 0xCB:
        return OP_RETF;
    case 0xCD:
        i->port = next(r);
        return OP_INT;
    case 0xCF:
        return OP_IRET;
    case 0xF4:
        return OP_HLT;
    case 0xFA:
        return OP_CLI;
    case 0xFB:
        return OP_STI;
    default:
        return OP_NONE;
    }
}

/* Prefixes: true when the byte is one. */
static bool prefix(struct instruction *i, uint8_t byte, bool wide, uint8_t *override) {
    switch (byte) {
    case 0x26:
    case 0x2E:
    case 0x36:
    case 0x3E:
        *override = byte >> 3 & 3;
        return true;
    case 0x64:
    case 0x65:
        *override = byte & 7;
        return true;
    case 0x66:
        i->size = wide ? 2 : 4;
        return true;
    case 0x67:
        i->address = wide ? 2 : 4;
        return true;
    case 0xF2:
    case 0xF3:
        i->repeat = true;
        return true;
    default:
        return false;
    }
}

struct instruction decode(const uint8_t *code, uint32_t size, bool wide,
                          const struct registers *registers) {
    struct reader r = {code, size, 0, false};
    uint8_t override = NO_OVERRIDE, narrow = wide ? 4 : 2;
    struct instruction i = {.size = narrow, .address = narrow};
    while (r.at < size && r.at < INSTRUCTION_MAX && prefix(&i, code[r.at], wide, &override)) {
        r.at++;
    }
    i.operation = one_byte(&r, &i, override, registers);
    if (r.short_of_bytes) {
        i.operation = OP_NONE;
    }
    i.length = (uint8_t)r.at;
    return i;
}
