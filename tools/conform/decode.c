/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

#include <capstone/capstone.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "calls.h"
#include "vmi/calls.h"
#include "vmi/rom.h"

/* Calls whose entry update must be locked: a race is chance, the prefix is not. */
static const struct {
    uint8_t slot;
    const char *mnemonic;
} locked[] = {
    {VMI_CALL_SwapPxELongAtomic, "lock cmpxchg8b"}, {VMI_CALL_TestAndSetPxEBit, "lock bts"},
    {VMI_CALL_TestAndClearPxEBit, "lock btr"},      {VMI_CALL_TestAndSetPxELongBit, "lock bts"},
    {VMI_CALL_TestAndClearPxELongBit, "lock btr"},  {VMI_CALL_SwapPxE, "xchg"},
    {VMI_CALL_DeactivatePxELongAtomic, "xchg"},
};

/* SetPxELong of API 3.0 jumps to it. */
#define LOCKED_IN_3 "lock cmpxchg8b"

/* Calls whose instruction has no effect that software can see. */
static const struct {
    uint8_t slot;
    const char *mnemonic;
} invisible[] = {
    {VMI_CALL_Pause, "pause"},
    {VMI_CALL_WBINVD, "wbinvd"},
};

struct listing {
    unsigned n;
    char text[16][64];
};

static void disassemble(const uint8_t *code, struct listing *list) {
    csh handle;
    cs_insn *insn;
    list->n = 0;
    if (cs_open(CS_ARCH_X86, CS_MODE_32, &handle) != CS_ERR_OK) {
        return;
    }
    size_t count = cs_disasm(handle, code, 32, 0, 16, &insn);
    for (size_t i = 0; i < count; i++) {
        snprintf(list->text[list->n++], sizeof(list->text[0]), "%.31s %.31s", insn[i].mnemonic,
                 insn[i].op_str);
        if (strcmp(insn[i].mnemonic, "ret") == 0 || strcmp(insn[i].mnemonic, "int3") == 0) {
            break;
        }
    }
    if (count) {
        cs_free(insn, count);
    }
    cs_close(&handle);
}

static bool starts_with(const char *text, const char *prefix) {
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool has(const struct listing *list, const char *mnemonic, const char *operand) {
    for (unsigned i = 0; i < list->n; i++) {
        if (starts_with(list->text[i], mnemonic) && strstr(list->text[i], operand)) {
            return true;
        }
    }
    return false;
}

/* Whether the image has a call in the slot. */
static bool is_call(const struct expect *e) {
    return strcmp(e->name, "unassigned") != 0;
}

/* Of the code that a conditional jump leads to from the slot; nothing where there is none. */
static void disassemble_outside(const uint8_t *image, uint32_t image_size, unsigned slot,
                                struct listing *list) {
    struct listing inside;
    disassemble(image + slot * 32, &inside);
    list->n = 0;
    for (unsigned i = 0; i < inside.n; i++) {
        const char *target = strstr(inside.text[i], " 0x");
        unsigned at = target ? (unsigned)strtoul(target, NULL, 0) : 0;
        if (inside.text[i][0] == 'j' && at >= 32 && at <= image_size - (slot + 1) * 32) {
            disassemble(image + slot * 32 + at, list);
        }
    }
}

bool check_decoding(const uint8_t *image, uint32_t image_size, unsigned slot, char why[WHY_SIZE]) {
    struct listing list;
    const struct expect *e = expect_of(slot);
    if (image_size < (slot + 1) * 32) {
        return false;
    }
    disassemble_outside(image, image_size, slot, &list);
    if (strcmp(e->name, "SetPxELong") == 0 && e->call3 >= 0 && !has(&list, LOCKED_IN_3, "ptr [")) {
        snprintf(why, WHY_SIZE, "%s (%u): no `%s` on memory", e->name, slot, LOCKED_IN_3);
        return false;
    }
    disassemble(image + slot * 32, &list);
    for (size_t i = 0; i < sizeof(locked) / sizeof(locked[0]); i++) {
        if (is_call(e) && locked[i].slot == slot && !has(&list, locked[i].mnemonic, "ptr [")) {
            snprintf(why, WHY_SIZE, "%s (%u): no `%s` on memory", e->name, slot,
                     locked[i].mnemonic);
            return false;
        }
    }
    for (size_t i = 0; i < sizeof(invisible) / sizeof(invisible[0]); i++) {
        if (is_call(e) && invisible[i].slot == slot &&
            !starts_with(list.text[0], invisible[i].mnemonic)) {
            snprintf(why, WHY_SIZE, "%s (%u): begins with `%s`, not `%s`", e->name, slot,
                     list.text[0], invisible[i].mnemonic);
            return false;
        }
    }
    if (e->body == BODY_RET && !starts_with(list.text[0], "ret")) {
        snprintf(why, WHY_SIZE, "%s (%u): begins with `%s`, not a bare return", e->name, slot,
                 list.text[0]);
        return false;
    }
    return true;
}

bool check_kind(const uint8_t *image, uint32_t image_size, unsigned slot, char why[WHY_SIZE]) {
    struct listing list;
    const struct expect *e = expect_of(slot);
    if (image_size < (slot + 1) * 32) {
        return false;
    }
    disassemble(image + slot * 32, &list);
    if (e->body == BODY_INSN && !(list.n == 2 && starts_with(list.text[1], "ret"))) {
        snprintf(why, WHY_SIZE, "%s (%u): is not one instruction and a return", e->name, slot);
        return false;
    }
    return true;
}

/* A body that runs wherever its first `size` bytes are copied, but for the RET at their end. */
struct copy {
    const uint8_t *code;
    uint32_t size;
    bool leaves;
    unsigned early_returns;
    uint32_t pushed; /* bytes of the stack that are its own */
};

/* Why the instruction cannot be in such a copy, or NULL. */
static const char *misfit(csh handle, struct copy *copy, const cs_insn *insn) {
    const cs_x86 *x86 = &insn->detail->x86;
    uint32_t end = (uint32_t)insn->address + insn->size;
    if (insn->address == 0 && (insn->size > 5 || x86->prefix[1] != 0)) {
        return "the first instruction is long or has a segment prefix";
    }
    if (end > copy->size) {
        return "the size ends within an instruction";
    }
    if (cs_insn_group(handle, insn, CS_GRP_CALL)) {
        return "it calls";
    }
    if (cs_insn_group(handle, insn, CS_GRP_JUMP) && x86->operands[0].type != X86_OP_IMM) {
        return "it jumps anywhere";
    }
    if (cs_insn_group(handle, insn, CS_GRP_JUMP) && (uint32_t)x86->operands[0].imm >= copy->size) {
        return "it jumps out of itself";
    }
    if (insn->id == X86_INS_RET && end < copy->size) {
        copy->early_returns++;
        if (!copy->leaves || insn->size != 1 || copy->code[end] != 0x90) {
            return "it returns early without saying so";
        }
    }
    for (uint8_t i = 0; i < x86->op_count; i++) {
        if (x86->operands[i].type != X86_OP_MEM || x86->operands[i].mem.base != X86_REG_ESP) {
            continue;
        }
        if (x86->operands[i].mem.disp < 0 || x86->operands[i].mem.disp >= (int64_t)copy->pushed) {
            return "it reads the caller's stack";
        }
    }
    if (insn->id == X86_INS_PUSH || insn->id == X86_INS_PUSHFD) {
        copy->pushed += 4;
    }
    if (insn->id == X86_INS_POP || insn->id == X86_INS_POPFD) {
        copy->pushed -= 4;
    }
    return NULL;
}

static const char *misfit_of_copy(struct copy *copy) {
    const char *why = NULL;
    csh handle;
    cs_insn *insn;
    if (copy->size > VMI_INLINE_MAX || copy->code[copy->size - 1] != 0xC3) {
        return "it does not end with a RET";
    }
    if (cs_open(CS_ARCH_X86, CS_MODE_32, &handle) != CS_ERR_OK) {
        return "cannot be decoded";
    }
    cs_option(handle, CS_OPT_DETAIL, CS_OPT_ON);
    size_t count = cs_disasm(handle, copy->code, VMI_CALL_SIZE, 0, 0, &insn);
    for (size_t i = 0; i < count && insn[i].address < copy->size && !why; i++) {
        why = misfit(handle, copy, &insn[i]);
    }
    if (count) {
        cs_free(insn, count);
    }
    cs_close(&handle);
    if (!why && copy->pushed != 0) {
        why = "it leaves something on the stack";
    }
    if (!why && copy->early_returns != copy->leaves) {
        why = "it does not return early as it says";
    }
    for (uint32_t i = 0, n = 0; !why && copy->leaves && i + 1 < copy->size; i++) {
        if (copy->code[i] == 0xC3 && copy->code[i + 1] == 0x90 && n++) {
            why = "its early return is not the only C3 90";
        }
    }
    return why;
}

/* What the row wants of the stub's end (docs/image.md, Inlining): 0 nothing, VMI_INLINE_NATIVE, or
 * 1: a size. */
static unsigned expected_inlining(const struct expect *e) {
    if (e->number == VMI_CALL_Init || e->number == VMI_CALL_GetRelocationInfo ||
        e->number > VMI_CALL_LAST || strcmp(e->name, "unassigned") == 0) {
        return 0;
    }
    bool reads_stack = e->number >= VMI_CALL_WriteGDTEntry && e->number <= VMI_CALL_WriteIDTEntry;
    bool is_native = e->returns != RETURNS_RET || e->body == BODY_JUMP || reads_stack;
    return is_native ? VMI_INLINE_NATIVE : 1;
}

bool check_copy(const uint8_t *image, uint32_t image_size, unsigned slot, char why[WHY_SIZE]) {
    uint32_t at = slot * VMI_CALL_SIZE;
    if (image_size < at + VMI_CALL_SIZE) {
        return true;
    }
    uint8_t fact = image[at + VMI_INLINE_AT], size = fact & ~VMI_INLINE_LEAVES;
    if (size == 0 || size > VMI_INLINE_MAX) {
        return true;
    }
    struct copy copy = {.code = image + at, .size = size, .leaves = fact & VMI_INLINE_LEAVES};
    const char *misfit = misfit_of_copy(&copy);
    if (misfit) {
        snprintf(why, WHY_SIZE, "says that %u byte%s of it may be copied, but %s", size - 1u,
                 size == 2 ? "" : "s", misfit);
    }
    return !misfit;
}

bool check_inlining(const uint8_t *image, uint32_t image_size, unsigned slot, char why[WHY_SIZE]) {
    const struct expect *e = expect_of(slot);
    if (image_size < (slot + 1) * VMI_CALL_SIZE) {
        return false;
    }
    const uint8_t *code = image + slot * VMI_CALL_SIZE;
    uint8_t fact = code[VMI_INLINE_AT];
    unsigned expected = expected_inlining(e);
    const char *misfit = NULL;
    if (expected == 1) {
        struct copy copy = {
            .code = code, .size = fact & ~VMI_INLINE_LEAVES, .leaves = fact & VMI_INLINE_LEAVES};
        misfit = copy.size == 0 ? "it has no size" : misfit_of_copy(&copy);
    } else if (fact != (expected ? expected : 0xCC)) {
        misfit = expected ? "the row wants `endstub native` (docs/image.md, Inlining)"
                          : "the row wants `endstub` alone (docs/image.md, Inlining)";
    }
    if (misfit) {
        snprintf(why, WHY_SIZE, "%s (%u): inlining is %02x: %s", e->name, slot, fact, misfit);
    }
    return !misfit;
}
