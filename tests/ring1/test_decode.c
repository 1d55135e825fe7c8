/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * test_decode: the decoder of ring 1's hypervisor against Capstone, for every form of an operand in
 * memory, and against a list for what Capstone has no words for. TAP.
 */

#include <capstone/capstone.h>
#include <stdio.h>
#include <string.h>

#include "results.h"
#include "ring1/decode.h"

static const struct registers registers = {{0x11111111, 0x22222222, 0x33333333, 0x44444444,
                                            0x55555555, 0x66666666, 0x77777777, 0x88888888}};

/* --- the list --- */

struct known {
    uint8_t code[INSTRUCTION_MAX];
    uint8_t size; /* of the code that is given */
    bool wide;
    uint8_t operation, length, operand;
};

static void known_instructions_are_known(void) {
    static const struct known list[] = {
        {{0xF4}, 15, true, OP_HLT, 1, 4},
        {{0xF4}, 15, false, OP_HLT, 1, 2},
        {{0x66, 0xF4}, 15, false, OP_HLT, 2, 4},
        {{0x0F, 0x06}, 15, true, OP_CLTS, 2, 4},
        {{0x0F, 0x08}, 15, true, OP_INVD, 2, 4},
        {{0x0F, 0x09}, 15, true, OP_WBINVD, 2, 4},
        {{0x0F, 0x20, 0xD8}, 15, true, OP_READ_CR, 3, 4},
        {{0x0F, 0x22, 0x18}, 15, true, OP_WRITE_CR, 3, 4}, /* mod does not count */
        {{0x0F, 0x21, 0xF8}, 15, true, OP_READ_DR, 3, 4},
        {{0x0F, 0x23, 0xF8}, 15, true, OP_WRITE_DR, 3, 4},
        {{0x0F, 0x30}, 15, true, OP_WRMSR, 2, 4},
        {{0x0F, 0x31}, 15, true, OP_RDTSC, 2, 4},
        {{0x0F, 0x32}, 15, true, OP_RDMSR, 2, 4},
        {{0x0F, 0x33}, 15, true, OP_RDPMC, 2, 4},
        {{0x0F, 0x35}, 15, true, OP_SYSEXIT, 2, 4},
        {{0x0F, 0x01, 0xD1}, 15, true, OP_XSETBV, 3, 4},
        {{0x0F, 0x01, 0xC8}, 15, true, OP_MONITOR, 3, 4},
        {{0x0F, 0x01, 0xC9}, 15, true, OP_MWAIT, 3, 4},
        {{0x0F, 0x01, 0xF0}, 15, true, OP_LMSW, 3, 4},
        {{0x0F, 0x00, 0xD0}, 15, true, OP_LLDT, 3, 4},
        {{0x0F, 0x00, 0xD8}, 15, true, OP_LTR, 3, 4},
        {{0x8E, 0xD0}, 15, true, OP_MOV_SS, 2, 4},
        {{0x17}, 15, true, OP_POP_SS, 1, 4},
        {{0xCF}, 15, true, OP_IRET, 1, 4},
        {{0x66, 0xCF}, 15, true, OP_IRET, 2, 2},
        {{0xCB}, 15, true, OP_RETF, 1, 4},
        {{0xCD, 0x82}, 15, true, OP_INT, 2, 4},
        {{0xFA}, 15, true, OP_CLI, 1, 4},
        {{0xFB}, 15, true, OP_STI, 1, 4},
        {{0xE4, 0x70}, 15, true, OP_IN, 2, 1},
        {{0xE7, 0x70}, 15, true, OP_OUT, 2, 4},
        {{0x66, 0xED}, 15, true, OP_IN, 2, 2},
        {{0xEE}, 15, true, OP_OUT, 1, 1},
        {{0xF3, 0x6C}, 15, true, OP_INS, 2, 1},
        {{0xF3, 0x66, 0x6F}, 15, true, OP_OUTS, 3, 2},
        /* none of ours, or not all there */
        {{0x90}, 15, true, OP_NONE, 0, 0},
        {{0x0F, 0x0B}, 15, true, OP_NONE, 0, 0},
        {{0x0F, 0x01, 0x00}, 15, true, OP_NONE, 0, 0}, /* SGDT is nobody's privilege */
        {{0x0F, 0x01, 0xD9}, 15, true, OP_NONE, 0, 0}, /* VMMCALL */
        {{0x8E, 0xD8}, 15, true, OP_NONE, 0, 0},       /* DS */
        {{0x0F, 0xB2, 0xC0}, 15, true, OP_NONE, 0, 0},
        {{0x0F}, 1, true, OP_NONE, 0, 0},
        {{0x0F, 0x01, 0x14}, 3, true, OP_NONE, 0, 0},
        {{0xE4}, 1, true, OP_NONE, 0, 0},
        {{0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66},
         15,
         true,
         OP_NONE,
         0,
         0},
    };
    for (size_t n = 0; n < sizeof(list) / sizeof(*list); n++) {
        const struct known *k = &list[n];
        struct instruction i = decode(k->code, k->size, k->wide, &registers);
        expect(k->operation, i.operation);
        if (i.operation == OP_NONE) {
            continue;
        }
        expect(k->length, i.length);
        expect(k->operand, i.size);
    }
}

static void ports_are_told(void) {
    static const uint8_t in[] = {0xE4, 0x71, 0, 0}, out[] = {0xEF, 0, 0, 0},
                         ins[] = {0xF3, 0x6C, 0, 0};
    struct instruction i = decode(in, sizeof(in), true, &registers);
    expect(0x71, i.port);
    expect(false, i.port_is_dx);
    i = decode(out, sizeof(out), true, &registers);
    expect(true, i.port_is_dx);
    i = decode(ins, sizeof(ins), true, &registers);
    expect(true, i.port_is_dx);
    expect(true, i.repeat);
}

/* --- against Capstone --- */

static uint32_t value_of(csh cs, unsigned reg) {
    static const char *const names[] = {"eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"};
    const char *name = reg == X86_REG_INVALID ? "" : cs_reg_name(cs, reg);
    for (uint32_t n = 0; n < 8; n++) {
        if (!strcmp(name, names[n])) {
            return registers.value[n];
        }
        if (!strcmp(name, names[n] + 1)) { /* bx, bp, si, di */
            return registers.value[n] & 0xFFFF;
        }
    }
    return 0;
}

static bool is_stack(csh cs, unsigned reg) {
    const char *name = reg == X86_REG_INVALID ? "" : cs_reg_name(cs, reg);
    return !strcmp(name, "ebp") || !strcmp(name, "esp") || !strcmp(name, "bp");
}

/* One instruction: length, address and segment. */
static void compare(csh cs, const uint8_t *code, bool wide) {
    struct instruction i = decode(code, INSTRUCTION_MAX, wide, &registers);
    uint32_t offset, segment;
    const cs_x86_op *op;
    cs_insn *insn;
    if (!cs_disasm(cs, code, INSTRUCTION_MAX, 0, 1, &insn)) {
        expect(OP_NONE, i.operation);
        return;
    }
    op = &insn->detail->x86.operands[insn->detail->x86.op_count - 1];
    expect(insn->size, i.length);
    expect(true, i.memory);
    offset = value_of(cs, op->mem.base) + value_of(cs, op->mem.index) * (uint32_t)op->mem.scale +
             (uint32_t)op->mem.disp;
    if (i.address == 2) {
        offset &= 0xFFFF;
    }
    segment = is_stack(cs, op->mem.base) ? SEGMENT_SS : SEGMENT_DS;
    expect(offset, i.offset);
    expect(segment, i.segment);
    cs_free(insn, 1);
}

/* LIDT and INVLPG with every ModRM byte that is memory, every SIB byte, in both sizes. */
static void every_operand_in_memory_is_where_capstone_has_it(void) {
    for (int wide = 0; wide < 2; wide++) {
        csh cs;
        expect(CS_ERR_OK, cs_open(CS_ARCH_X86, wide ? CS_MODE_32 : CS_MODE_16, &cs));
        cs_option(cs, CS_OPT_DETAIL, CS_OPT_ON);
        for (int prefix = 0; prefix < 2; prefix++) {
            for (unsigned modrm = 0; modrm < 0xC0; modrm++) {
                for (unsigned sib = 0; sib < 256; sib++) {
                    uint8_t code[INSTRUCTION_MAX] = {
                        0x67, 0x0F, 0x01, (uint8_t)modrm, (uint8_t)sib, 0x9A, 0x12, 0xF5, 0x43};
                    if ((modrm >> 3 & 7) != 3 && (modrm >> 3 & 7) != 7) {
                        continue;
                    }
                    compare(cs, code + !prefix, wide);
                }
            }
        }
        cs_close(&cs);
    }
}

int main(void) {
    RUN(known_instructions_are_known);
    RUN(ports_are_told);
    RUN(every_operand_in_memory_is_where_capstone_has_it);
    return results_end();
}
