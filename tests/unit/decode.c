/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

#include <capstone/capstone.h>
#include <stdio.h>
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

/* In API 3.0 its slot holds a body of its own. */
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
    if (cs_open(CS_ARCH_X86, CS_MODE_32, &handle) != CS_ERR_OK)
        return;
    size_t count = cs_disasm(handle, code, 32, 0, 16, &insn);
    for (size_t i = 0; i < count; i++) {
        snprintf(list->text[list->n++], sizeof list->text[0], "%.31s %.31s", insn[i].mnemonic,
                 insn[i].op_str);
        if (strcmp(insn[i].mnemonic, "ret") == 0 || strcmp(insn[i].mnemonic, "int3") == 0)
            break;
    }
    if (count)
        cs_free(insn, count);
    cs_close(&handle);
}

static bool starts_with(const char *text, const char *prefix) {
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool has(const struct listing *list, const char *mnemonic, const char *operand) {
    for (unsigned i = 0; i < list->n; i++)
        if (starts_with(list->text[i], mnemonic) && strstr(list->text[i], operand))
            return true;
    return false;
}

/* Whether the image has a call in the slot. */
static bool is_call(const struct expect *e) {
    return strcmp(e->name, "unassigned") != 0;
}

bool check_decoding(const uint8_t *image, uint32_t image_size, unsigned slot, char why[WHY_SIZE]) {
    struct listing list;
    const struct expect *e = expect_of(slot);
    if (image_size < (slot + 1) * 32)
        return false;
    disassemble(image + slot * 32, &list);
    if (strcmp(e->name, "SetPxELong") == 0 && e->call3 >= 0 && !has(&list, LOCKED_IN_3, "ptr [")) {
        snprintf(why, WHY_SIZE, "%s (%u): no `%s` on memory", e->name, slot, LOCKED_IN_3);
        return false;
    }
    for (size_t i = 0; i < sizeof locked / sizeof locked[0]; i++)
        if (is_call(e) && locked[i].slot == slot && !has(&list, locked[i].mnemonic, "ptr [")) {
            snprintf(why, WHY_SIZE, "%s (%u): no `%s` on memory", e->name, slot,
                     locked[i].mnemonic);
            return false;
        }
    for (size_t i = 0; i < sizeof invisible / sizeof invisible[0]; i++)
        if (is_call(e) && invisible[i].slot == slot &&
            !starts_with(list.text[0], invisible[i].mnemonic)) {
            snprintf(why, WHY_SIZE, "%s (%u): begins with `%s`, not `%s`", e->name, slot,
                     list.text[0], invisible[i].mnemonic);
            return false;
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
    if (image_size < (slot + 1) * 32)
        return false;
    disassemble(image + slot * 32, &list);
    if (e->body == BODY_INSN && !(list.n == 2 && starts_with(list.text[1], "ret"))) {
        snprintf(why, WHY_SIZE, "%s (%u): is not one instruction and a return", e->name, slot);
        return false;
    }
    return true;
}
