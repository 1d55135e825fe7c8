/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * mutate IMAGE DIRECTORY [STEP]: breaks every slot of an image in many small ways, and runs the
 * slot's suite on each mutant. STEP takes every STEPth mutant only. An image of API 3.0 has to
 * answer with all its calls. Survivors are written to DIRECTORY, for the tests on a machine, as
 * SLOT-NAME-KIND.bin; DIRECTORY/list names them. Equivalent mutants are printed with the reason.
 */

#include <capstone/capstone.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "calls.h"
#include "image_file.h"
#include "vmi/calls.h"
#include "vmi/rom.h"

#define PRISTINE   0x2000u /* the whole image once more, for mutants that go on in the right body */
#define TRAMPOLINE 0x3F00u
#define TOTAL      0x4000u
#define ROUNDS     40

/* Equivalent mutants, with the reason: they keep the contract. One that is killed is a mistake
 * here. */
static const struct {
    uint8_t slot;
    const char *kind, *reason;
} harmless[] = {
    {VMI_CALL_SYSEXIT, "ESP", "the stack pointer is replaced"},
    {VMI_CALL_Reboot, "ESP", "does not return"},
    {VMI_CALL_Shutdown, "ESP", "does not return"},
    {VMI_CALL_SwapPxELongAtomic, "without-8-mov", "the first look only saves a turn of the loop"},
    {VMI_CALL_SwapPxELongAtomic, "without-a-mov", "the first look only saves a turn of the loop"},
    {VMI_CALL_CancelAlarm, "next", "zero in EAX is all that is asked; EDX may change"},
    {VMI_CALL_WallclockUpdated, "previous", "zero in EAX is all that is asked; EDX may change"},
};

struct tally {
    unsigned total, killed, decoded, equivalent, survived, mistakes;
};

struct run {
    uint8_t image[TOTAL];
    uint32_t image_size;
    uint8_t mutant[TOTAL];
    const char *directory;
    FILE *list;
    unsigned step, count;
    struct tally tally;
};

static void put32(uint8_t *p, uint32_t value) {
    for (int i = 0; i < 4; i++) {
        p[i] = (uint8_t)(value >> 8 * i);
    }
}

static void put_jump(struct run *r, uint32_t at, uint32_t to) {
    r->mutant[at] = 0xE9;
    put32(r->mutant + at + 1, to - (at + 5));
}

static void start(struct run *r) {
    memcpy(r->mutant, r->image, TOTAL);
}

static void write_survivor(struct run *r, unsigned slot, const char *kind) {
    char path[512];
    const char *name = expect_of(slot)->name;
    snprintf(path, sizeof(path), "%s/%u-%s-%s.bin", r->directory, slot, name, kind);
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(r->mutant, 1, TOTAL, f) != TOTAL || fclose(f) != 0) {
        perror(path);
        exit(2);
    }
    fprintf(r->list, "%u %s %s\n", slot, name, kind);
}

static void equivalent(struct run *r, unsigned slot, const char *kind, const char *reason) {
    r->tally.total++;
    r->tally.equivalent++;
    printf("# equivalent: %u %s %s: %s\n", slot, expect_of(slot)->name, kind, reason);
}

/* True for every STEPth mutant. */
static bool is_due(struct run *r) {
    return r->count++ % r->step == 0;
}

static void judge(struct run *r, unsigned slot, const char *kind) {
    char why[WHY_SIZE];
    struct machine m;
    if (!is_due(r)) {
        return;
    }
    machine_open(&m, r->mutant, TOTAL, IMAGE_LOW);
    bool ran_well = check_slot(&m, slot, ROUNDS, 1, why);
    machine_close(&m);
    bool decodes_well = check_decoding(r->mutant, TOTAL, slot, why);
    for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++) {
        if (harmless[i].slot == slot && strcmp(harmless[i].kind, kind) == 0) {
            equivalent(r, slot, kind, harmless[i].reason);
            if (!ran_well || !decodes_well) {
                printf("# but it was killed: %s\n", why);
                r->tally.mistakes++;
            }
            return;
        }
    }
    r->tally.total++;
    if (!ran_well) {
        r->tally.killed++;
    } else if (!decodes_well) {
        r->tally.decoded++;
    } else {
        r->tally.survived++;
        write_survivor(r, slot, kind);
    }
}

static void mutate_to_return(struct run *r, unsigned slot) {
    start(r);
    if (r->image[slot * 32] == 0xC3) {
        if (is_due(r)) {
            equivalent(r, slot, "ret", "the body is a bare return");
        }
        return;
    }
    r->mutant[slot * 32] = 0xC3;
    judge(r, slot, "ret");
}

/* `prefix` runs first, then the right body. Slot 85 knows where it runs: its prefix runs where it
 * leaves the slot, by a conditional jump. */
static void mutate_with_prefix(struct run *r, unsigned slot, const uint8_t *prefix, uint32_t size,
                               const char *kind) {
    uint32_t at = slot * 32, to = PRISTINE + slot * 32;
    start(r);
    if (slot == VMI_CALL_GetRelocationInfo) {
        while (r->image[at] != 0x0F || (r->image[at + 1] & 0xF0) != 0x80) {
            at++;
        }
        to = at + 6 + (r->image[at + 2] | (uint32_t)r->image[at + 3] << 8);
        put32(r->mutant + at + 2, TRAMPOLINE - (at + 6));
    } else {
        put_jump(r, at, TRAMPOLINE);
    }
    memcpy(r->mutant + TRAMPOLINE, prefix, size);
    put_jump(r, TRAMPOLINE + size, to);
    judge(r, slot, kind);
}

static void mutate_registers(struct run *r, unsigned slot) {
    static const char *const kinds[8] = {"EAX", "ECX", "EDX", "EBX", "ESP", "EBP", "ESI", "EDI"};
    const struct expect *e = expect_of(slot);
    for (uint8_t reg = 0; reg < 8; reg++) {
        uint8_t not_reg[2] = {0xF7, (uint8_t)(0xD0 + reg)};
        uint8_t push_eax[1] = {0x50};
        bool may_change = (e->clobbers | e->out) >> reg & 1;
        if (reg == ESP) {
            mutate_with_prefix(r, slot, push_eax, 1, kinds[reg]);
        } else if (!may_change && e->returns != RETURNS_MAY) {
            mutate_with_prefix(r, slot, not_reg, 2, kinds[reg]);
        }
    }
    static const uint8_t std[1] = {0xFD}, cmc[1] = {0xF5};
    if (e->returns == RETURNS_RET) {
        mutate_with_prefix(r, slot, std, 1, "DF");
    }
    if (e->returns == RETURNS_RET && !e->flags) {
        mutate_with_prefix(r, slot, cmc, 1, "CF");
    }
}

static void mutate_to_other(struct run *r, unsigned slot, unsigned other, const char *kind) {
    if (other < VMI_CALL_FIRST || other >= VMI_CALL_SLOTS) {
        return;
    }
    if (memcmp(r->image + slot * 32, r->image + other * 32, 32) == 0) {
        if (is_due(r)) {
            equivalent(r, slot, kind, "the two slots hold the same bytes");
        }
        return;
    }
    start(r);
    put_jump(r, slot * 32, PRISTINE + other * 32);
    judge(r, slot, kind);
}

/* Without one instruction, and without one LOCK prefix; `at` is the slot or a part of its body
 * outside. */
static void mutate_instructions(struct run *r, unsigned slot, uint32_t at, uint32_t size) {
    csh handle;
    cs_insn *insn;
    if (cs_open(CS_ARCH_X86, CS_MODE_32, &handle) != CS_ERR_OK) {
        exit(2);
    }
    size_t count = cs_disasm(handle, r->image + at, size, at, 0, &insn);
    for (size_t i = 0; i < count && insn[i].bytes[0] != 0xCC; i++) {
        char kind[48];
        if (insn[i].bytes[0] == 0xC3) {
            continue; /* running on into what follows is the neighbour's business */
        }
        if (insn[i].bytes[0] == 0x90) {
            continue; /* the room behind an early return: never executed */
        }
        start(r);
        memset(r->mutant + insn[i].address, 0x90, insn[i].size);
        snprintf(kind, sizeof(kind), "without-%x-%s", (unsigned)(insn[i].address - slot * 32),
                 insn[i].mnemonic);
        for (char *p = kind; *p; p++) {
            if (*p == ' ') {
                *p = '_';
            }
        }
        judge(r, slot, kind);
        if (insn[i].bytes[0] == 0xF0) {
            start(r);
            r->mutant[insn[i].address] = 0x90;
            judge(r, slot, "without-lock");
        }
    }
    if (count) {
        cs_free(insn, count);
    }
    cs_close(&handle);
}

int main(int argc, char **argv) {
    static struct run r;
    char path[512];
    if (argc < 4) {
        fprintf(stderr, "usage: %s IMAGE DIRECTORY STEP [SLOT:OFFSET:SIZE]...\n", argv[0]);
        return 2;
    }
    r.image_size = image_load(argv[1], r.image, TRAMPOLINE - PRISTINE);
    memcpy(r.image + PRISTINE, r.image, TRAMPOLINE - PRISTINE);
    bool api_3 = r.image[offsetof(struct vmi_rom_header, api_major)] == VMI_API_MAJOR_3;
    if (api_3) {
        choose_policy("all");
    }
    r.directory = argv[2];
    r.step = (unsigned)strtoul(argv[3], NULL, 0);
    if (r.step == 0) {
        r.step = 1;
    }
    snprintf(path, sizeof(path), "%s/list", r.directory);
    r.list = fopen(path, "w");
    if (!r.list) {
        perror(path);
        return 2;
    }
    for (unsigned slot = VMI_CALL_FIRST; slot < VMI_CALL_SLOTS; slot++) {
        mutate_to_return(&r, slot);
        mutate_registers(&r, slot);
        mutate_to_other(&r, slot, slot - 1, "previous");
        mutate_to_other(&r, slot, slot + 1, "next");
        /* In API 3.0 the slot of Init holds another entry, too: "outside" as far as it goes. */
        mutate_instructions(&r, slot, slot * 32,
                            api_3 && slot == VMI_CALL_Init ? 8 : VMI_INLINE_AT);
    }
    for (int i = 4; i < argc; i++) {
        unsigned slot, at, size;
        if (sscanf(argv[i], "%u:%x:%x", &slot, &at, &size) != 3 || slot >= VMI_CALL_SLOTS ||
            at + size > r.image_size) {
            fprintf(stderr, "%s: not SLOT:OFFSET:SIZE inside the image\n", argv[i]);
            return 2;
        }
        mutate_instructions(&r, slot, at, size);
    }
    if (fclose(r.list) != 0) {
        perror(path);
        return 2;
    }
    printf("mutants %u killed %u decoded %u equivalent %u survived %u\n", r.tally.total,
           r.tally.killed, r.tally.decoded, r.tally.equivalent, r.tally.survived);
    return r.tally.mistakes ? 1 : 0;
}
