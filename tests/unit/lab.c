/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab.h"
#include "vmi/hypercall.h"
#include "vmi/rom.h"

#define WINDOW      0x000C0000u
#define WINDOW_SIZE 0x00020000u
#define WORK        0x00100000u
#define WORK_SIZE   0x00020000u
#define GDT         WORK
#define RETURN      (LAB_STACK + 0x800)
#define CALL_LIMIT  20000000u /* instructions */

_Static_assert(sizeof(struct lab_annotation) == 16, "a record");
_Static_assert(sizeof(struct lab_rom) == 16, "struct vmi_rom");
_Static_assert(sizeof(struct lab_linkage) == 68, "struct vmi_linkage");

static void must(uc_err err, const char *what) {
    if (err != UC_ERR_OK) {
        fprintf(stderr, "unicorn: %s: %s\n", what, uc_strerror(err));
        exit(2);
    }
}

static void on_write(uc_engine *uc, uc_mem_type type, uint64_t address, int size, int64_t value,
                     void *user) {
    struct lab *lab = user;
    (void)uc, (void)type, (void)address, (void)size, (void)value;
    lab->text_writes++;
}

static void put(struct lab *lab, int reg, uint32_t value) {
    must(uc_reg_write(lab->uc, reg, &value), "writing a register");
}

static uint32_t get(struct lab *lab, int reg) {
    uint32_t value = 0;
    must(uc_reg_read(lab->uc, reg, &value), "reading a register");
    return value;
}

/* Leaf 1 says that there is a hypervisor, or not, and every other leaf that it is ours. */
static int on_cpuid(uc_engine *uc, void *user) {
    struct lab *lab = user;
    uint32_t leaf = get(lab, UC_X86_REG_EAX);
    (void)uc;
    put(lab, UC_X86_REG_EAX, 0);
    put(lab, UC_X86_REG_EBX, VMI_HYPERVISOR_EBX);
    put(lab, UC_X86_REG_EDX, VMI_HYPERVISOR_EDX);
    put(lab, UC_X86_REG_ECX, leaf != 1 ? VMI_HYPERVISOR_ECX : lab->hypervisor ? 0x80000000u : 0);
    return 1;
}

void lab_read(struct lab *lab, uint32_t address, void *to, uint32_t size) {
    must(uc_mem_read(lab->uc, address, to, size), "reading memory");
}

void lab_write(struct lab *lab, uint32_t address, const void *from, uint32_t size) {
    must(uc_mem_write(lab->uc, address, from, size), "writing memory");
}

uint8_t lab_byte(struct lab *lab, uint32_t address) {
    uint8_t byte;
    lab_read(lab, address, &byte, 1);
    return byte;
}

/* IRET looks at descriptors. */
static void load_segments(struct lab *lab) {
    static const uint64_t gdt[3] = {0, 0x00CF9B000000FFFF, 0x00CF93000000FFFF};
    uc_x86_mmr gdtr = {.base = GDT, .limit = sizeof(gdt) - 1};
    lab_write(lab, GDT, gdt, sizeof(gdt));
    must(uc_reg_write(lab->uc, UC_X86_REG_GDTR, &gdtr), "writing GDTR");
    put(lab, UC_X86_REG_CS, 0x08);
    put(lab, UC_X86_REG_SS, 0x10);
    put(lab, UC_X86_REG_DS, 0x10);
    put(lab, UC_X86_REG_ES, 0x10);
}

void lab_open(struct lab *lab, const void *blob, uint32_t blob_size, const void *rom,
              uint32_t rom_size) {
    uc_hook hook;
    memset(lab, 0, sizeof(*lab));
    must(uc_open(UC_ARCH_X86, UC_MODE_32, &lab->uc), "opening");
    must(uc_mem_map(lab->uc, WINDOW, WINDOW_SIZE, UC_PROT_ALL), "mapping the window");
    must(uc_mem_map(lab->uc, WORK, WORK_SIZE, UC_PROT_ALL), "mapping memory");
    must(uc_mem_map(lab->uc, LAB_OTHER_MIB + WINDOW, WINDOW_SIZE, UC_PROT_ALL), "mapping ROMs");
    must(uc_hook_add(lab->uc, &hook, UC_HOOK_MEM_WRITE, (void *)on_write, lab, WINDOW,
                     WINDOW + WINDOW_SIZE - 1),
         "adding a hook");
    must(uc_hook_add(lab->uc, &hook, UC_HOOK_INSN, (void *)on_cpuid, lab, 1, 0, UC_X86_INS_CPUID),
         "adding a hook");
    load_segments(lab);
    lab_write(lab, LAB_ROM, rom, rom_size);
    lab_write(lab, BLOB_BASE, blob, blob_size);
    memcpy(&lab->blob, blob, sizeof(lab->blob));
    lab->n_sites = (lab->blob.exports.annotations_end - lab->blob.exports.annotations) /
                   sizeof(struct lab_annotation);
}

void lab_close(struct lab *lab) {
    uc_close(lab->uc);
}

uint32_t lab_call(struct lab *lab, uint32_t function, unsigned n, const uint32_t *arguments) {
    uint32_t esp = LAB_STACK - 4 * n, return_address = RETURN;
    lab_write(lab, esp, arguments, 4 * n);
    lab_write(lab, esp - 4, &return_address, 4);
    put(lab, UC_X86_REG_ESP, esp - 4);
    put(lab, UC_X86_REG_EFLAGS, 2);
    lab->lost_at = 0;
    uc_err err = uc_emu_start(lab->uc, function, RETURN, 0, CALL_LIMIT);
    if (err != UC_ERR_OK || get(lab, UC_X86_REG_EIP) != RETURN || get(lab, UC_X86_REG_ESP) != esp) {
        lab->lost_at = get(lab, UC_X86_REG_EIP);
    }
    return get(lab, UC_X86_REG_EAX);
}

struct lab_linkage lab_prepare(struct lab *lab) {
    const struct blob_exports *x = &lab->blob.exports;
    struct lab_linkage l = {.first = x->annotations,
                            .end = x->annotations_end,
                            .translations = x->translations,
                            .translations_end = x->translations_end,
                            .text = BLOB_BASE,
                            .text_end = LAB_TEXT_END,
                            .saved = LAB_SAVED,
                            .thunks = LAB_THUNKS};
    lab_write(lab, LAB_LINKAGE, &l, sizeof(l));
    l.saved_end = LAB_SAVED + lab_call(lab, x->link_space, 1, (uint32_t[]){LAB_LINKAGE});
    l.thunks_end = LAB_THUNKS + lab_call(lab, x->thunk_space, 1, (uint32_t[]){LAB_LINKAGE});
    lab_write(lab, LAB_LINKAGE, &l, sizeof(l));
    return l;
}

struct lab_linkage lab_linkage(struct lab *lab) {
    struct lab_linkage l;
    lab_read(lab, LAB_LINKAGE, &l, sizeof(l));
    return l;
}

struct lab_annotation lab_record(struct lab *lab, uint32_t n) {
    struct lab_annotation record;
    lab_read(lab, lab->blob.exports.annotations + n * (uint32_t)sizeof(record), &record,
             sizeof(record));
    return record;
}

void lab_set_record(struct lab *lab, uint32_t n, const struct lab_annotation *record) {
    lab_write(lab, lab->blob.exports.annotations + n * (uint32_t)sizeof(*record), record,
              sizeof(*record));
}

int lab_link(struct lab *lab, bool rom) {
    struct vmi_rom_header header;
    lab_read(lab, LAB_ROM, &header, sizeof(header));
    struct lab_rom found = {
        LAB_ROM, LAB_ROM, header.length * VMI_ROM_BLOCK, header.api_minor, header.api_major, 0, 0};
    lab_write(lab, LAB_ROMS, &found, sizeof(found));
    int error = (int)lab_call(lab, lab->blob.exports.link, 2,
                              (uint32_t[]){LAB_LINKAGE, rom ? LAB_ROMS : 0});
    return lab->lost_at ? LAB_LOST : error;
}
