/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * test_post IMAGE LINE: the POST entry of an image, far-called in real mode from true ROM at an odd
 * 2 KiB place, under a BIOS whose INT 10h loses every general register. LINE is what it has to
 * print, without the segment at its end. TAP.
 */

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unicorn/unicorn.h>

#include "image_file.h"
#include "results.h"

#define IMAGE_MAX   0x8000u
#define SEGMENT     0xCA80u
#define IMAGE_BASE  (SEGMENT * 16u)
#define RETURN_SEG  0x0F00u
#define RETURN_OFF  0x0123u
#define RETURN_AT   (RETURN_SEG * 16u + RETURN_OFF)
#define STACK_SEG   0x1000u
#define STACK_TOP   0x0800u
#define FLAGS_START 0x00000ED7u /* IF, DF, OF and the other arithmetic flags set */

static const int gpr_ids[8] = {UC_X86_REG_EAX, UC_X86_REG_ECX, UC_X86_REG_EDX, UC_X86_REG_EBX,
                               UC_X86_REG_ESP, UC_X86_REG_EBP, UC_X86_REG_ESI, UC_X86_REG_EDI};
static const int seg_ids[6] = {UC_X86_REG_ES, UC_X86_REG_CS, UC_X86_REG_SS,
                               UC_X86_REG_DS, UC_X86_REG_FS, UC_X86_REG_GS};

static char printed[256];
static unsigned n_printed, other_interrupts;
static bool ports_used, trouble;

static void must(uc_err err, const char *what) {
    if (err != UC_ERR_OK) {
        fprintf(stderr, "unicorn: %s: %s\n", what, uc_strerror(err));
        exit(2);
    }
}

static uint32_t get(uc_engine *uc, int id) {
    uint64_t value = 0;
    must(uc_reg_read(uc, id, &value), "reading a register");
    return (uint32_t)value;
}

static void set(uc_engine *uc, int id, uint32_t value) {
    uint64_t wide = value;
    must(uc_reg_write(uc, id, &wide), "writing a register");
}

static void on_interrupt(uc_engine *uc, uint32_t vector, void *user) {
    (void)user;
    uint32_t eax = get(uc, UC_X86_REG_EAX), ebx = get(uc, UC_X86_REG_EBX);
    if (vector != 0x10 || (eax >> 8 & 0xFF) != 0x0E || (ebx >> 8 & 0xFF) != 0) {
        other_interrupts++;
        return;
    }
    if (n_printed < sizeof(printed) - 1) {
        printed[n_printed++] = (char)eax;
    }
    for (int i = 0; i < 8; i++) {
        if (gpr_ids[i] != UC_X86_REG_ESP) {
            set(uc, gpr_ids[i], 0xBAD00000u + (uint32_t)i);
        }
    }
}

static uint32_t on_in(uc_engine *uc, uint32_t port, int size, void *user) {
    (void)uc, (void)port, (void)size, (void)user;
    ports_used = true;
    return 0;
}

static void on_out(uc_engine *uc, uint32_t port, int size, uint32_t value, void *user) {
    (void)uc, (void)port, (void)size, (void)value, (void)user;
    ports_used = true;
}

static bool on_bad_memory(uc_engine *uc, uc_mem_type type, uint64_t address, int size,
                          int64_t value, void *user) {
    (void)uc, (void)size, (void)value, (void)user;
    printf("# memory access of type %d at %05x\n", (int)type, (unsigned)address);
    trouble = true;
    return false;
}

int main(int argc, char **argv) {
    static uint8_t image[IMAGE_MAX], after[IMAGE_MAX];
    if (argc != 3) {
        fprintf(stderr, "usage: %s IMAGE LINE\n", argv[0]);
        return 2;
    }
    uint32_t size = image_load(argv[1], image, sizeof(image));

    uc_engine *uc;
    uc_hook hook;
    must(uc_open(UC_ARCH_X86, UC_MODE_16, &uc), "opening");
    must(uc_mem_map(uc, IMAGE_BASE & ~0xFFFu, IMAGE_MAX + 0x1000, UC_PROT_READ | UC_PROT_EXEC),
         "mapping the image");
    must(uc_mem_map(uc, STACK_SEG * 16, 0x1000, UC_PROT_READ | UC_PROT_WRITE), "mapping the stack");
    must(uc_mem_map(uc, RETURN_AT & ~0xFFFu, 0x1000, UC_PROT_READ | UC_PROT_EXEC),
         "mapping the caller");
    must(uc_mem_write(uc, IMAGE_BASE, image, size), "loading the image");
    must(uc_hook_add(uc, &hook, UC_HOOK_INTR, (void *)on_interrupt, NULL, 1, 0), "adding a hook");
    must(uc_hook_add(uc, &hook, UC_HOOK_MEM_INVALID, (void *)on_bad_memory, NULL, 1, 0),
         "adding a hook");
    must(uc_hook_add(uc, &hook, UC_HOOK_INSN, (void *)on_in, NULL, 1, 0, UC_X86_INS_IN),
         "adding a hook");
    must(uc_hook_add(uc, &hook, UC_HOOK_INSN, (void *)on_out, NULL, 1, 0, UC_X86_INS_OUT),
         "adding a hook");

    static const uint32_t gpr[8] = {0x1A2B0010, 0x3C4D5E6F, 0x7081FFFF, 0x92A3FFFF,
                                    STACK_TOP,  0xB4C5D6E7, 0xF8091A2B, 0x4C5D6E7F};
    static const uint32_t seg[6] = {0xF000, SEGMENT, STACK_SEG, 0x0040, 0x1234, 0x5678};
    uint16_t far_return[2] = {RETURN_OFF, RETURN_SEG};
    must(uc_mem_write(uc, STACK_SEG * 16 + STACK_TOP, far_return, sizeof(far_return)),
         "writing the stack");
    for (int i = 0; i < 8; i++) {
        set(uc, gpr_ids[i], gpr[i]);
    }
    for (int i = 0; i < 6; i++) {
        set(uc, seg_ids[i], seg[i]);
    }
    set(uc, UC_X86_REG_EFLAGS, FLAGS_START);
    uc_err err = uc_emu_start(uc, IMAGE_BASE + 3, RETURN_AT, 0, 100000);
    uint32_t cs = get(uc, UC_X86_REG_CS), ip = get(uc, UC_X86_REG_IP) & 0xFFFF;
    result("post_returns_to_its_far_caller",
           err == UC_ERR_OK && !trouble && cs == RETURN_SEG && ip == RETURN_OFF);

    result("post_returns_pnp_status_0_in_ax", (get(uc, UC_X86_REG_EAX) & 0xFFFF) == 0);
    bool kept = get(uc, UC_X86_REG_EAX) >> 16 == gpr[0] >> 16;
    for (int i = 1; i < 8; i++) {
        uint32_t want = gpr_ids[i] == UC_X86_REG_ESP ? STACK_TOP + 4 : gpr[i],
                 seen = get(uc, gpr_ids[i]);
        if (seen != want) {
            printf("# register %d: expected %08x, seen %08x\n", i, want, seen);
        }
        kept = kept && seen == want;
    }
    result("post_keeps_every_other_general_register_even_if_int10h_does_not", kept);
    kept = true;
    for (int i = 0; i < 6; i++) {
        kept = kept && (i == 1 || get(uc, seg_ids[i]) == seg[i]);
    }
    result("post_keeps_the_segment_registers", kept);
    uint32_t flags = get(uc, UC_X86_REG_EFLAGS);
    if (flags != FLAGS_START) {
        printf("# expected %08x, seen %08x\n", FLAGS_START, flags);
    }
    result("post_keeps_the_flags", flags == FLAGS_START);

    char line[256];
    snprintf(line, sizeof(line), "%s %04X\r\n", argv[2], SEGMENT);
    if (strcmp(printed, line) != 0) {
        printf("# expected: %s# seen: %s", line, printed);
    }
    result("post_prints_one_line_with_name_version_and_segment", strcmp(printed, line) == 0);
    result("post_asks_the_bios_for_nothing_but_teletype_output",
           other_interrupts == 0 && !ports_used);
    must(uc_mem_read(uc, IMAGE_BASE, after, size), "reading the image");
    result("post_works_from_true_rom_and_leaves_the_image_as_it_was",
           memcmp(image, after, size) == 0);
    uc_close(uc);
    return results_end();
}
