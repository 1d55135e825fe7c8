/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * Sensitive instructions. Which call stands for one is in calls.tsv; here is how to tell them.
 */
#include <stdio.h>
#include <string.h>

#include "instruction.h"

#include "lint_calls.h"

/* Those that the opcode tells. */
static const struct {
    unsigned id;
    const char *name;
} plain[] = {
    {X86_INS_CLI, "cli"},
    {X86_INS_STI, "sti"},
    {X86_INS_HLT, "hlt"},
    {X86_INS_PUSHF, "pushf"},
    {X86_INS_PUSHFD, "pushf"},
    {X86_INS_POPF, "popf"},
    {X86_INS_POPFD, "popf"},
    {X86_INS_IRET, "iret"},
    {X86_INS_IRETD, "iret"},
    {X86_INS_SYSEXIT, "sysexit"},
    {X86_INS_LGDT, "lgdt"},
    {X86_INS_LIDT, "lidt"},
    {X86_INS_LLDT, "lldt"},
    {X86_INS_LTR, "ltr"},
    {X86_INS_SGDT, "sgdt"},
    {X86_INS_SIDT, "sidt"},
    {X86_INS_SLDT, "sldt"},
    {X86_INS_STR, "str"},
    {X86_INS_SMSW, "smsw"},
    {X86_INS_LMSW, "lmsw"},
    {X86_INS_CLTS, "clts"},
    {X86_INS_INVLPG, "invlpg"},
    {X86_INS_INVD, "invd"},
    {X86_INS_WBINVD, "wbinvd"},
    {X86_INS_RDMSR, "rdmsr"},
    {X86_INS_WRMSR, "wrmsr"},
    {X86_INS_RDTSC, "rdtsc"},
    {X86_INS_RDPMC, "rdpmc"},
    {X86_INS_CPUID, "cpuid"},
    {X86_INS_INSB, "insb"},
    {X86_INS_INSW, "insw"},
    {X86_INS_INSD, "insl"},
    {X86_INS_OUTSB, "outsb"},
    {X86_INS_OUTSW, "outsw"},
    {X86_INS_OUTSD, "outsl"},
    /* without a call */
    {X86_INS_RDTSCP, "rdtscp"},
    {X86_INS_SYSRET, "sysret"},
    {X86_INS_LAR, "lar"},
    {X86_INS_LSL, "lsl"},
    {X86_INS_VERR, "verr"},
    {X86_INS_VERW, "verw"},
    {X86_INS_LSS, "load-ss"},
    {X86_INS_LJMP, "far-jump"},
    {X86_INS_LCALL, "far-call"},
    {X86_INS_RETF, "far-return"},
    {X86_INS_MONITOR, "monitor"},
    {X86_INS_MWAIT, "mwait"},
    {X86_INS_XSETBV, "xsetbv"},
    {X86_INS_INVPCID, "invpcid"},
    {X86_INS_CLAC, "clac"},
    {X86_INS_STAC, "stac"},
    {X86_INS_RSM, "rsm"},
};

/* What to do about those without a call. */
static const struct {
    const char *name, *advice;
} advices[] = {
    {"read-cs", "shows the kernel's ring: vmi_kernel_ring()"},
    {"read-ss", "shows the kernel's ring: vmi_kernel_ring()"},
    {"load-ss", "the selector needs the kernel's ring: vmi_kernel_ring()"},
    {"far-jump", "the selector needs the kernel's ring: vmi_kernel_ring()"},
    {"far-call", "the selector needs the kernel's ring: vmi_kernel_ring()"},
    {"far-return", "the selector needs the kernel's ring: vmi_kernel_ring()"},
    {"lar", "shows privilege levels, which a hypervisor may have lowered"},
    {"lsl", "shows limits, which a hypervisor may have lowered"},
    {"verr", "depends on privilege levels, which a hypervisor may have lowered"},
    {"verw", "depends on privilege levels, which a hypervisor may have lowered"},
    {"rdtscp", "vmi_rdtsc() is without the processor's number"},
};

static const cs_x86_op *operand(const cs_insn *insn, unsigned n) {
    const cs_x86 *x86 = &insn->detail->x86;
    return n < x86->op_count ? &x86->operands[n] : NULL;
}

static bool is_register(const cs_x86_op *op, unsigned first, unsigned last) {
    return op && op->type == X86_OP_REG && op->reg >= first && op->reg <= last;
}

/* By its operands: control, debug and segment registers. */
static const char *name_of_move(const cs_insn *insn, char *buffer, size_t size) {
    const cs_x86_op *to = operand(insn, 0), *from = operand(insn, 1);
    if (is_register(to, X86_REG_CR0, X86_REG_CR15)) {
        snprintf(buffer, size, "mov-to-cr%u", to->reg - X86_REG_CR0);
    } else if (is_register(from, X86_REG_CR0, X86_REG_CR15)) {
        snprintf(buffer, size, "mov-from-cr%u", from->reg - X86_REG_CR0);
    } else if (is_register(to, X86_REG_DR0, X86_REG_DR15)) {
        return "mov-to-dr";
    } else if (is_register(from, X86_REG_DR0, X86_REG_DR15)) {
        return "mov-from-dr";
    } else if (is_register(to, X86_REG_SS, X86_REG_SS)) {
        return "load-ss";
    } else if (is_register(from, X86_REG_CS, X86_REG_CS)) {
        return "read-cs";
    } else if (is_register(from, X86_REG_SS, X86_REG_SS)) {
        return "read-ss";
    } else {
        return NULL;
    }
    return buffer;
}

static const char *name_of_port(const cs_insn *insn, char *buffer, size_t size) {
    bool is_in = insn->id == X86_INS_IN;
    const cs_x86_op *data = operand(insn, is_in ? 0 : 1), *port = operand(insn, is_in ? 1 : 0);
    const char *width = is_register(data, X86_REG_AL, X86_REG_AL)   ? "b"
                        : is_register(data, X86_REG_AX, X86_REG_AX) ? "w"
                                                                    : "l";
    bool is_delay =
        !is_in && *width == 'b' && port && port->type == X86_OP_IMM && (port->imm & 0xFF) == 0x80;
    snprintf(buffer, size, "%s%s%s", is_in ? "in" : "out", width, is_delay ? "-80h" : "");
    return buffer;
}

static const char *name_of(const cs_insn *insn, char *buffer, size_t size) {
    const cs_x86_op *op = operand(insn, 0);
    switch (insn->id) {
    case X86_INS_MOV:
        return name_of_move(insn, buffer, size);
    case X86_INS_IN:
    case X86_INS_OUT:
        return name_of_port(insn, buffer, size);
    case X86_INS_PUSH:
        return is_register(op, X86_REG_CS, X86_REG_CS)   ? "read-cs"
               : is_register(op, X86_REG_SS, X86_REG_SS) ? "read-ss"
                                                         : NULL;
    case X86_INS_POP:
        return is_register(op, X86_REG_SS, X86_REG_SS) ? "load-ss" : NULL;
    default:
        break;
    }
    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
        if (plain[i].id == insn->id) {
            return plain[i].name;
        }
    }
    return NULL;
}

bool is_sensitive(const cs_insn *insn, struct instruction *result) {
    static const char none[] = "no call stands for it";
    static char buffer[16];
    const char *name = name_of(insn, buffer, sizeof(buffer));
    if (!name) {
        return false;
    }
    result->call = NULL;
    result->use = none;
    for (size_t i = 0; i < sizeof(lint_calls) / sizeof(lint_calls[0]); i++) {
        if (strcmp(lint_calls[i].instruction, name) == 0) {
            result->name = lint_calls[i].instruction;
            result->call = lint_calls[i].call;
            result->use = lint_calls[i].site;
            return true;
        }
    }
    result->name = name == buffer ? "mov-cr" : name; /* of a register that i386 does not have */
    for (size_t i = 0; i < sizeof(advices) / sizeof(advices[0]); i++) {
        if (strcmp(advices[i].name, name) == 0) {
            result->use = advices[i].advice;
        }
    }
    return true;
}
