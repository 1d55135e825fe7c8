/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * test_forms BLOB IMAGE...: sites with the operands that forms.awk chose. Each leaves the same in
 * registers and memory natively and called in a ROM, which gets the call's arguments and spoils
 * what the table lets it spoil. TAP.
 */

#include <stdio.h>
#include <string.h>

#include "expect.h"
#include "image_file.h"
#include "lab.h"
#include "results.h"
#include "vmi/calls.h"
#include "vmi/rom.h"

#define DATA      LAB_FREE /* forms.awk has it too */
#define DWORDS    256
#define PATTERN   0x5A7A0000u
#define REGISTERS 7
#define CASES_MAX 2048

struct form {
    uint32_t function, call, known, arguments[5];
};

struct state {
    uint32_t registers[REGISTERS], eflags, data[DWORDS];
};

static struct form forms[CASES_MAX];
static struct state native[CASES_MAX];
static uint32_t n_forms;
static struct lab lab;

/* What the ROM is in. */
static bool is_running;
static uint32_t entered, entry_esp, entries, wrong_arguments;
static const struct form *current;

static const int ids[REGISTERS] = {UC_X86_REG_EAX, UC_X86_REG_ECX, UC_X86_REG_EDX, UC_X86_REG_EBX,
                                   UC_X86_REG_EBP, UC_X86_REG_ESI, UC_X86_REG_EDI};

static uint32_t get(int id) {
    uint32_t value = 0;
    uc_reg_read(lab.uc, id, &value);
    return value;
}

static void set(int id, uint32_t value) {
    uc_reg_write(lab.uc, id, &value);
}

static uint8_t spoilt_by(uint32_t call) {
    for (size_t i = 0; i < sizeof(expect_calls) / sizeof(expect_calls[0]); i++) {
        if (expect_calls[i].number == call) {
            return expect_calls[i].clobbers;
        }
    }
    return EXPECT_EAX | EXPECT_ECX | EXPECT_EDX; /* only API 3.0 has it */
}

static void check_arguments(uint32_t call) {
    uint32_t seen[5] = {get(UC_X86_REG_EAX), get(UC_X86_REG_EDX), get(UC_X86_REG_ECX), 0, 0};
    lab_read(&lab, entry_esp + 4, seen + 3, 8);
    if (call != current->call) {
        printf("# call %u entered, not %u\n", call, current->call);
        wrong_arguments++;
    }
    for (int i = 0; i < 5; i++) {
        if (current->known >> i & 1 && seen[i] != current->arguments[i]) {
            printf("# case %d, call %u: argument %d is %08x, not %08x\n",
                   (int)(current - forms) + 1, call, i, seen[i], current->arguments[i]);
            wrong_arguments++;
        }
    }
}

/* At the start of a slot the arguments are there; where it returns the spoiling is done. */
static void on_rom(uc_engine *uc, uint64_t address, uint32_t size, void *user) {
    uint32_t offset = (uint32_t)address - LAB_ROM;
    (void)uc, (void)size, (void)user;
    if (!is_running) {
        return;
    }
    if (!entered && offset % VMI_CALL_SIZE == 0) {
        entered = offset / VMI_CALL_SIZE;
        entry_esp = get(UC_X86_REG_ESP);
        entries++;
        check_arguments(entered);
    }
    if (entered && lab_byte(&lab, (uint32_t)address) == 0xC3 && get(UC_X86_REG_ESP) == entry_esp) {
        for (int i = 0; i < 3; i++) {
            if (spoilt_by(entered) >> i & 1) {
                set(ids[i], 0xBAD00000 | entered << 8 | (uint32_t)i);
            }
        }
        set(UC_X86_REG_EFLAGS, get(UC_X86_REG_EFLAGS) ^ 0x8D5);
        entered = 0;
    }
}

static void run(const struct form *form, struct state *state) {
    uint32_t data[DWORDS];
    for (uint32_t i = 0; i < DWORDS; i++) {
        data[i] = PATTERN + 4 * i;
    }
    lab_write(&lab, DATA, data, sizeof(data));
    current = form;
    entered = entries = 0;
    is_running = true;
    lab_call(&lab, form->function, 0, NULL);
    is_running = false;
    for (int i = 0; i < REGISTERS; i++) {
        state->registers[i] = get(ids[i]);
    }
    state->eflags = get(UC_X86_REG_EFLAGS);
    lab_read(&lab, DATA, state->data, sizeof(state->data));
}

/* Registers of the processor that cases read and others have written. */
static void start_over(void) {
    set(UC_X86_REG_CR2, 0x22222000);
    set(UC_X86_REG_CR3, 0x33333000);
    set(UC_X86_REG_CR4, 0);
    for (int i = 0; i < 4; i++) {
        set(UC_X86_REG_DR0 + i, 0x44440000 + (uint32_t)i);
    }
}

/* GetInterruptMask gives the other flags natively, and none of them called. */
static bool is_same(const struct form *form, const struct state *a, const struct state *b) {
    int differ = 0;
    for (int i = 0; i < REGISTERS; i++) {
        uint32_t bits = a->registers[i] ^ b->registers[i];
        differ += bits != 0;
        if (bits && (form->call != VMI_CALL_GetInterruptMask || bits & 0x200)) {
            return false;
        }
    }
    return differ <= 1 && memcmp(a->data, b->data, sizeof(a->data)) == 0 &&
           !((a->eflags ^ b->eflags) & 0x200);
}

static void show(const struct form *form, const struct state *seen) {
    const struct state *expected = &native[form - forms];
    printf("# case %d, call %u, EIP %08x\n", (int)(form - forms) + 1, form->call, lab.lost_at);
    for (int i = 0; i < REGISTERS; i++) {
        if (seen->registers[i] != expected->registers[i]) {
            printf("#   register %d: %08x, not %08x\n", i, seen->registers[i],
                   expected->registers[i]);
        }
    }
    for (int i = 0; i < DWORDS; i++) {
        if (seen->data[i] != expected->data[i]) {
            printf("#   dword %d: %08x, not %08x\n", i, seen->data[i], expected->data[i]);
        }
    }
}

static void named(const char *format, const char *path, bool passed) {
    char name[200];
    const char *file = strrchr(path, '/');
    snprintf(name, sizeof(name), format, file ? file + 1 : path);
    result(name, passed);
}

static void load(const char *blob_path, const char *rom_path, bool is_silent) {
    static uint8_t blob[LAB_TEXT_END - BLOB_BASE], rom[LAB_ROM_MAX];
    uint32_t blob_size = image_load(blob_path, blob, sizeof(blob));
    uint32_t rom_size = image_load(rom_path, rom, sizeof(rom));
    uc_hook hook;
    if (is_silent) {
        memset(rom + VMI_INLINE_OFFSET, 0, 4);
    }
    lab_open(&lab, blob, blob_size, rom, rom_size);
    uc_hook_add(lab.uc, &hook, UC_HOOK_CODE, (void *)on_rom, NULL, LAB_ROM + VMI_CALLS_START,
                LAB_ROM + VMI_CALLS_END - 1);
    n_forms = lab.blob.thunks[1];
    lab_read(&lab, lab.blob.thunks[0], forms, n_forms * (uint32_t)sizeof(forms[0]));
    lab_prepare(&lab);
}

static void try_rom(const char *blob_path, const char *rom_path) {
    uint32_t called = 0, differ = 0, lost = 0;
    struct state seen;
    load(blob_path, rom_path, true);
    start_over();
    for (uint32_t i = 0; i < n_forms; i++) {
        run(&forms[i], &native[i]);
        lost += lab.lost_at != 0 || entries != 0;
        if (lab.lost_at) {
            show(&forms[i], &native[i]);
        }
    }
    named("%s: every case runs natively", rom_path, lost == 0);
    int error = lab_link(&lab, true);
    named("%s: linking", rom_path, error == 0);
    if (error) {
        printf("# error %d\n", error);
    }
    start_over();
    wrong_arguments = 0;
    for (uint32_t i = 0; i < n_forms && !error; i++) {
        run(&forms[i], &seen);
        called += entries == 1;
        if (lab.lost_at || entries > 1 || !is_same(&forms[i], &native[i], &seen)) {
            show(&forms[i], &seen);
            differ++;
        }
    }
    named("%s: a called site leaves what the native one leaves", rom_path, !error && differ == 0);
    named("%s: the ROM gets the arguments", rom_path, !error && wrong_arguments == 0);
    printf("# %u of %u cases are called\n", called, n_forms);
    struct lab_linkage l = lab_linkage(&lab);
    named("%s: sites that count as called call", rom_path, called == l.count[2] && called > 0);
    named("%s: unlinking", rom_path, lab_link(&lab, false) == 0);
    start_over();
    for (uint32_t i = 0; i < n_forms; i++) {
        run(&forms[i], &seen);
        differ += memcmp(&seen, &native[i], sizeof(seen)) != 0;
    }
    named("%s: unlinked it is native", rom_path, differ == 0);
    lab_close(&lab);
}

static void stays_native(const char *blob_path, const char *rom_path) {
    load(blob_path, rom_path, false);
    int error = lab_link(&lab, true);
    struct lab_linkage l = lab_linkage(&lab);
    named("%s: where its bodies are the native ones every site stays", rom_path,
          error == 0 && l.count[0] == lab.n_sites);
    lab_close(&lab);
}

/* --- a hypervisor whose interrupt flag is in memory --- */

#define FLAG (DATA + 0x100)

/* The body is put into the slot of GetInterruptMask. */
static void try_load(const char *name, const char *blob_path, const char *rom_path,
                     const uint8_t *body, uint32_t size, bool is_inlined, uint32_t expected) {
    const uint32_t slot = LAB_ROM + VMI_CALL_OFFSET(VMI_CALL_GetInterruptMask);
    uint8_t fact = (uint8_t)size;
    uint32_t gs = 0x10, wrong = 0, sites = 0;
    struct state seen;
    char text[120];
    load(blob_path, rom_path, false);
    uc_reg_write(lab.uc, UC_X86_REG_GS, &gs);
    lab_write(&lab, slot, body, size);
    lab_write(&lab, slot + VMI_INLINE_AT, &fact, 1);
    int error = lab_link(&lab, true);
    struct lab_linkage l = lab_linkage(&lab);
    for (uint32_t i = 0; i < n_forms && !error; i++) {
        uint8_t at = 0;
        if (forms[i].call == VMI_CALL_SetInterruptMask) {
            run(&forms[i], &seen);
            wrong += entries != 1; /* not POPFD: what GetInterruptMask gives is not all flags */
        }
        if (forms[i].call != VMI_CALL_GetInterruptMask) {
            continue;
        }
        sites++;
        run(&forms[i], &seen);
        for (int r = 0; r < REGISTERS; r++) {
            at += seen.registers[r] == expected;
        }
        wrong += at != 1 || lab.lost_at || entries != !is_inlined;
    }
    snprintf(text, sizeof(text), "%s is %s in every register", name,
             is_inlined ? "inlined" : "called");
    result(text,
           error == 0 && wrong == 0 && sites == REGISTERS && l.count[is_inlined ? 1 : 2] >= sites);
    if (error || wrong) {
        printf("# error %d, %u of %u wrong\n", error, wrong, sites);
    }
    lab_close(&lab);
}

#define ADDRESS (uint8_t) FLAG, (uint8_t)(FLAG >> 8), (uint8_t)(FLAG >> 16), FLAG >> 24

static void inlined_loads(const char *blob_path, const char *rom_path) {
    static const uint8_t move[] = {0x65, 0xA1, ADDRESS, 0xC3};
    static const uint8_t plain[] = {0xA1, ADDRESS, 0xC3};
    static const uint8_t longer[] = {0x65, 0x8B, 0x05, ADDRESS, 0xC3};
    static const uint8_t byte[] = {0x65, 0x0F, 0xB6, 0x05, ADDRESS, 0xC3};
    static const uint8_t word[] = {0x64, 0x0F, 0xB7, 0x05, ADDRESS, 0xC3};
    static const uint8_t other[] = {0xB8, 2, 2, 0, 0, 0x90, 0xC3};
    static const uint8_t more[] = {0x65, 0xA1, ADDRESS, 0x90, 0xC3};
    static const uint8_t late[] = {0x90, 0x65, 0xA1, ADDRESS, 0xC3};
    uint32_t value = PATTERN + 0x100;
    try_load("MOV from a segment", blob_path, rom_path, move, sizeof(move), true, value);
    try_load("MOV without one", blob_path, rom_path, plain, sizeof(plain), true, value);
    try_load("its longer form", blob_path, rom_path, longer, sizeof(longer), true, value);
    try_load("MOVZX of a byte", blob_path, rom_path, byte, sizeof(byte), true, value & 0xFF);
    try_load("MOVZX of a word", blob_path, rom_path, word, sizeof(word), true, value & 0xFFFF);
    try_load("a constant", blob_path, rom_path, other, sizeof(other), false, 0x202);
    try_load("more than one load", blob_path, rom_path, more, sizeof(more), false, value);
    try_load("a load behind something", blob_path, rom_path, late, sizeof(late), false, value);
}

/* --- bad translations --- */

enum { TRANSLATION = -4 };

/* Each bit of some translations is changed: linking refuses it, or makes a thunk in its memory. */
static void bad_translations(const char *blob_path, const char *rom_path) {
    static const uint32_t guard = 0x5AFE5AFE;
    unsigned refused = 0, taken = 0, wrong = 0;
    load(blob_path, rom_path, true);
    struct lab_linkage l = lab_linkage(&lab);
    uint32_t records = l.first;
    l.thunks_end = LAB_THUNKS + 128;
    for (uint32_t i = 0; i < lab.n_sites; i += 31) {
        struct lab_annotation r = lab_record(&lab, i);
        l.first = records + 16 * i;
        l.end = l.first + 16;
        for (uint32_t bit = 0; bit < 8u * r.translation_size; bit++) {
            uint32_t at = r.translation + bit / 8, seen;
            uint8_t byte = lab_byte(&lab, at), spoilt = byte ^ (uint8_t)(1u << bit % 8);
            l.rom = 0;
            lab_write(&lab, LAB_LINKAGE, &l, sizeof(l));
            lab_write(&lab, l.thunks_end, &guard, 4);
            lab_write(&lab, at, &spoilt, 1);
            int error = lab_link(&lab, true);
            lab_read(&lab, l.thunks_end, &seen, 4);
            wrong += (error != 0 && error != TRANSLATION) || lab.lost_at || seen != guard;
            refused += error == TRANSLATION;
            taken += error == 0;
            if (error == 0) {
                wrong += lab_link(&lab, false) != 0;
            }
            lab_write(&lab, at, &byte, 1);
        }
    }
    result("a translation with any bit changed is refused, or makes a thunk where it belongs",
           wrong == 0 && refused > taken / 4 && taken > 0);
    printf("# %u refused, %u taken, %u wrong\n", refused, taken, wrong);
    lab_close(&lab);
}

int main(int argc, char **argv) {
    if (argc < 3) {
        fprintf(stderr, "usage: %s BLOB NATIVE-IMAGE [API-3-IMAGE...]\n", argv[0]);
        return 2;
    }
    stays_native(argv[1], argv[2]);
    for (int i = 2; i < argc; i++) {
        try_rom(argv[1], argv[i]);
    }
    inlined_loads(argv[1], argv[2]);
    bad_translations(argv[1], argv[2]);
    return results_end();
}
