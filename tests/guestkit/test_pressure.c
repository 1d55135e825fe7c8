/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * test_pressure BLOB CALLS.TSV: the wrappers in C as one compiler made them (pressure.awk), with
 * more values alive than there are registers, linked to a ROM that sees whether the arguments
 * arrive and clobbers everything that the table permits. A line for each failure; status 0 when
 * there is none.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "expect.h"
#include "image_file.h"
#include "lab.h"
#include "vmi/calls.h"
#include "vmi/rom.h"

#define VALUES   LAB_FREE
#define SURVIVE  0
#define ARGUMENT 8
#define SURVIVED 16
#define RESULT   24
#define COUNT    28
#define MAX_ARGS 8

struct call {
    char in[64], stack[64], out[64]; /* the columns; "-" for nothing */
    bool is_there;
};

static struct call calls[VMI_CALL_SLOTS];
static struct lab lab;
static uint32_t values[COUNT];
static unsigned entered, failures, tried;

static const char *const names[8] = {"EAX", "ECX", "EDX", "EBX", "ESP", "EBP", "ESI", "EDI"};
static const int ids[8] = {UC_X86_REG_EAX, UC_X86_REG_ECX, UC_X86_REG_EDX, UC_X86_REG_EBX,
                           UC_X86_REG_ESP, UC_X86_REG_EBP, UC_X86_REG_ESI, UC_X86_REG_EDI};

static void wrong(unsigned call, const char *what, uint32_t seen, uint32_t expected) {
    printf("call %u: %s: %08x, not %08x\n", call, what, seen, expected);
    failures++;
}

static void read_table(const char *path) {
    char line[1024];
    FILE *f = fopen(path, "r");
    if (!f) {
        perror(path);
        exit(2);
    }
    while (fgets(line, sizeof(line), f)) {
        char *column[16], *p = line;
        int n = 0;
        for (; n < 16 && p; n++) {
            column[n] = p;
            p = strchr(p, '\t');
            if (p) {
                *p++ = 0;
            }
        }
        unsigned slot = (unsigned)atoi(line);
        if (n < 16 || slot == 0 || slot >= VMI_CALL_SLOTS || calls[slot].is_there) {
            continue;
        }
        calls[slot].is_there = true;
        snprintf(calls[slot].in, sizeof(calls[slot].in), "%.63s", column[6]);
        snprintf(calls[slot].stack, sizeof(calls[slot].stack), "%.63s", column[7]);
        snprintf(calls[slot].out, sizeof(calls[slot].out), "%.63s", column[8]);
    }
    fclose(f);
}

/* The register and the mask of the bits that a name like AL, DX or EBX stands for. */
static int register_of(const char *name, uint32_t *mask) {
    char wide[4] = {'E', name[0], 'X', 0};
    *mask = name[0] == 'E' ? 0xFFFFFFFF : name[1] == 'L' ? 0xFF : 0xFFFF;
    for (int i = 0; i < 8; i++) {
        if (strncmp(names[i], name[0] == 'E' ? name : wide, 3) == 0) {
            return i;
        }
    }
    fprintf(stderr, "%s: no such register\n", name);
    exit(2);
}

static uint32_t get(int id) {
    uint32_t value = 0;
    uc_reg_read(lab.uc, id, &value);
    return value;
}

static uint32_t garbage(unsigned call, int reg) {
    return 0xBAD00000 | call << 8 | (uint32_t)reg;
}

static void check_arguments(unsigned call) {
    char list[64];
    uint32_t mask, n = 0, word;
    snprintf(list, sizeof(list), "%s", calls[call].in);
    for (char *w = strtok(list, " "); w && *w != '-'; w = strtok(NULL, " ")) {
        uint32_t seen = get(ids[register_of(w, &mask)]), expected = values[ARGUMENT + n++];
        if ((seen ^ expected) & mask) {
            wrong(call, w, seen & mask, expected & mask);
        }
    }
    snprintf(list, sizeof(list), "%s", calls[call].stack);
    uint32_t at = get(UC_X86_REG_ESP) + 4;
    for (char *w = strtok(list, " "); w && *w != '-'; w = strtok(NULL, " ")) {
        lab_read(&lab, at, &word, 4);
        if (word != values[ARGUMENT + n]) {
            wrong(call, w, word, values[ARGUMENT + n]);
        }
        at += 4;
        n++;
    }
}

/* Results and what may be lost; EDI and ESI that end behind the buffer too. */
static uint8_t changed_by(unsigned call) {
    for (size_t i = 0; i < sizeof(expect_calls) / sizeof(expect_calls[0]); i++) {
        if (expect_calls[i].number == call) {
            return expect_calls[i].out | expect_calls[i].clobbers;
        }
    }
    return EXPECT_EAX | EXPECT_ECX | EXPECT_EDX;
}

/* At the first instruction of a slot, which is a RET. */
static void on_slot(uc_engine *uc, uint64_t address, uint32_t size, void *user) {
    unsigned call = ((uint32_t)address - LAB_ROM) / VMI_CALL_SIZE;
    (void)size, (void)user;
    entered = call;
    check_arguments(call);
    for (int reg = 0; reg < 8; reg++) {
        uint32_t value = garbage(call, reg);
        if (changed_by(call) >> reg & 1) {
            uc_reg_write(uc, ids[reg], &value);
        }
    }
    uint32_t flags = get(UC_X86_REG_EFLAGS) ^ 0x8D5;
    uc_reg_write(uc, UC_X86_REG_EFLAGS, &flags);
}

static void check_results(unsigned call) {
    char list[64];
    uint32_t mask, n = 0;
    snprintf(list, sizeof(list), "%s", calls[call].out);
    for (char *w = strtok(list, " "); w && *w != '-'; w = strtok(NULL, " ")) {
        if (*w == '[' || strstr(w, "=zero") || strstr(w, "=end")) {
            continue;
        }
        uint32_t expected = garbage(call, register_of(w, &mask)) & mask;
        if (values[RESULT + n] != expected) {
            wrong(call, w, values[RESULT + n], expected);
        }
        n++;
    }
}

static void run(unsigned call) {
    static const int saved[4] = {UC_X86_REG_EBX, UC_X86_REG_EBP, UC_X86_REG_ESI, UC_X86_REG_EDI};
    uint32_t before[4];
    for (int i = 0; i < COUNT; i++) {
        values[i] = 0x01010101u * (uint32_t)(i + 1) ^ call << 20;
    }
    lab_write(&lab, VALUES, values, sizeof(values));
    for (int i = 0; i < 4; i++) {
        before[i] = 0x5EED0000u + (uint32_t)i;
        uc_reg_write(lab.uc, saved[i], &before[i]);
    }
    entered = 0;
    lab_call(&lab, lab.blob.thunks[call], 1, (uint32_t[]){VALUES});
    lab_read(&lab, VALUES, values, sizeof(values));
    if (entered != call || lab.lost_at) {
        wrong(call, "the slot entered", entered, call);
    }
    for (int i = 0; i < 8; i++) {
        if (values[SURVIVED + i] != values[SURVIVE + i]) {
            wrong(call, "a value alive", values[SURVIVED + i], values[SURVIVE + i]);
        }
    }
    for (int i = 0; i < 4; i++) {
        if (get(saved[i]) != before[i]) {
            wrong(call, "a register that C keeps", get(saved[i]), before[i]);
        }
    }
    check_results(call);
    tried++;
}

/* The only native instructions that a wrapper makes of its own operands. */
static void run_native(unsigned call) {
    uint32_t index = 3, table = VALUES + 0x100, entry[2];
    memset(values, 0, sizeof(values));
    values[ARGUMENT] = table;
    values[ARGUMENT + 1] = index;
    values[ARGUMENT + 2] = 0x11112222;
    values[ARGUMENT + 3] = 0x33334444;
    lab_write(&lab, VALUES, values, sizeof(values));
    lab_call(&lab, lab.blob.thunks[call], 1, (uint32_t[]){VALUES});
    lab_read(&lab, table + 8 * index, entry, sizeof(entry));
    if (lab.lost_at || entry[0] != 0x11112222) {
        wrong(call, "the low half written natively", entry[0], 0x11112222);
    }
    if (entry[1] != 0x33334444) {
        wrong(call, "the high half written natively", entry[1], 0x33334444);
    }
}

/* A ROM of bare returns, of either API's every call: 13's numbers are the slots. */
static void make_rom(uint8_t *rom, uint32_t size) {
    static const uint8_t signature[] = {0x55, 0xAA};
    static const uint8_t version[] = {'c', 'V', 'm', 'i', 3, 13};
    memset(rom, 0xC3, size);
    memset(rom, 0, VMI_ROM_FIELDS_END);
    memcpy(rom, signature, sizeof(signature));
    rom[2] = (uint8_t)(size / VMI_ROM_BLOCK);
    memcpy(rom + 8, version, sizeof(version));
    memset(rom + VMI_INLINE_OFFSET, 0, 4);
}

int main(int argc, char **argv) {
    static uint8_t blob[LAB_TEXT_END - BLOB_BASE], rom[4096];
    uc_hook hook;
    if (argc != 3) {
        fprintf(stderr, "usage: %s BLOB CALLS.TSV\n", argv[0]);
        return 2;
    }
    uint32_t size = image_load(argv[1], blob, sizeof(blob));
    read_table(argv[2]);
    make_rom(rom, sizeof(rom));
    lab_open(&lab, blob, size, rom, sizeof(rom));
    uc_hook_add(lab.uc, &hook, UC_HOOK_CODE, (void *)on_slot, NULL, LAB_ROM + VMI_CALLS_START,
                LAB_ROM + VMI_CALLS_END - 1);
    lab_prepare(&lab);
    for (unsigned call = VMI_CALL_WriteGDTEntry; call <= VMI_CALL_WriteIDTEntry; call++) {
        run_native(call);
    }
    if (lab_link(&lab, true) != 0) {
        puts("linking failed");
        return 1;
    }
    for (unsigned call = 0; call <= VMI_CALL_LAST; call++) {
        if (lab.blob.thunks[call]) {
            run(call);
        }
    }
    lab_close(&lab);
    if (tried != VMI_CALL_LAST - VMI_CALL_Init - 3) { /* GetRelocationInfo, IRET, SYSEXIT */
        printf("%u calls have been tried\n", tried);
        return 1;
    }
    return failures ? 1 : 0;
}
