/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The workload's start: with the calls of a ROM if there is one that can be used, else with
 * instructions. Command line: native (looks for no ROM), lives=NUMBER, and for the calls
 *     sites         call sites of the kernels' kit, linked to the ROM if there is one
 *     sites=called  the same, but every site becomes a call
 *     page          hypercall pages
 *     contract      where no ROM is used: instructions that do what the calls' contracts say
 */
#include "workload.h"

#include <vmi/calls.h>
#include <vmi/guest.h>
#include <vmi/rom.h>

enum { LIVES = 280, ROM_MAX = 16384, SAVED = 16384, MOV_EBP = 0xBD };

uint32_t call_address[VMI_CALL_SLOTS];
uint8_t hypercall_pages[2][4096] __attribute__((aligned(4096)));
static uint8_t silent_rom[ROM_MAX] __attribute__((aligned(4096)));
static uint8_t saved[SAVED];

extern const uint8_t guest_text_start[], guest_text_end[];

static uint32_t number_option(const char *cmdline, const char *key, uint32_t number) {
    char text[12];
    if (!guest_option(cmdline, key, text, sizeof(text))) {
        return number;
    }
    number = 0;
    for (const char *digit = text; *digit >= '0' && *digit <= '9'; digit++) {
        number = number * 10 + (uint32_t)(*digit - '0');
    }
    return number;
}

/* Init wants paging; the kernel turns it on again with tables of its own. */
static uint32_t start_rom(uint32_t rom) {
    struct guest_space space = guest_space_new(0);
    uint32_t status;
    guest_paging_on(&space);
    __asm__ volatile("call *%1"
                     : "=a"(status)
                     : "r"(rom + VMI_CALL_Init * VMI_CALL_SIZE)
                     : "ecx", "edx", "memory", "cc");
    guest_paging_off();
    guest_page_free_all();
    return status;
}

static uint32_t usable_rom(const char *cmdline) {
    struct rom_found found[8];
    uint32_t count, rom;
    char text[2];
    if (guest_option(cmdline, "native", text, sizeof(text))) {
        return 0;
    }
    rom = guest_find_rom(found, 8, &count);
    return rom && start_rom(rom) == 0 ? rom : 0;
}

/* A ROM without a word on what may be inlined is called by every site. */
static void link_sites(uint32_t base, int all_called) {
    static struct vmi_linkage linkage = {.saved = saved, .saved_end = saved + SAVED};
    static struct vmi_rom found[8], rom;
    for (unsigned n = vmi_find(guest_at(0), found, 8); n; n--) {
        if ((uint32_t)found[n - 1].base == base) {
            rom = found[n - 1];
        }
    }
    linkage.first = vmi_annotations;
    linkage.end = vmi_annotations_end;
    linkage.translations = vmi_translations;
    linkage.translations_end = vmi_translations_end;
    linkage.text = guest_text_start;
    linkage.text_end = guest_text_end;
    if (all_called) {
        memcpy(silent_rom, rom.base, rom.size);
        memset(silent_rom + VMI_INLINE_OFFSET, 0, sizeof(uint32_t));
        rom.base = silent_rom;
    }
    int error = vmi_link(&linkage, &rom);
    if (error) {
        guest_panic(NULL, "linking: %s", vmi_link_text(error));
    }
    guest_printf("workload sites native %u inlined %u called %u\n", linkage.count[VMI_SITE_NATIVE],
                 linkage.count[VMI_SITE_INLINED], linkage.count[VMI_SITE_CALLED]);
}

static void fill_hypercall_pages(uint32_t rom) {
    for (uint32_t number = VMI_CALL_FIRST; number < VMI_CALL_SLOTS; number++) {
        uint8_t *slot = hypercall_pages[number % 2] + VMI_CALL_OFFSET(number);
        memcpy(slot, guest_at(rom + VMI_CALL_OFFSET(number)), VMI_CALL_SIZE);
        slot[-5] = MOV_EBP;
        memcpy(slot - 4, &number, sizeof(number));
    }
}

/* How the work is to be done, and in a word or two. */
static work_function *choose(const char *cmdline, uint32_t rom, const char **how) {
    char text[8];
    if (guest_option(cmdline, "sites", text, sizeof(text))) {
        if (rom) {
            link_sites(rom, strcmp(text, "called") == 0);
        }
        *how = "sites";
        return work_by_sites;
    }
    if (!rom && guest_option(cmdline, "contract", text, sizeof(text))) {
        *how = "contract";
        return work_by_contract;
    }
    *how = rom ? "calls" : "instructions";
    if (rom && guest_option(cmdline, "page", text, sizeof(text))) {
        fill_hypercall_pages(rom);
        return work_by_page;
    }
    return rom ? work_by_calls : work_by_instructions;
}

void guest_main(const char *cmdline) {
    struct work_done done = {.lives = 0};
    const char *how;
    uint32_t lives = number_option(cmdline, "lives", LIVES), rom = usable_rom(cmdline);
    for (uint32_t slot = 0; slot < VMI_CALL_SLOTS; slot++) {
        call_address[slot] = rom + slot * VMI_CALL_SIZE;
    }
    guest_puts("workload begins\n");
    choose(cmdline, rom, &how)(lives, &done);
    guest_printf("workload by %s\n", how);
    guest_printf("workload done %u %u %u %u %u %u %u %08x\n", done.lives, done.entries, done.faults,
                 done.fpu_faults, done.switches, done.ticks, done.lines, done.sum);
    guest_printf("workload instructions %llu\n", done.instructions);
    guest_puts("bench end\n");
    guest_exit(0);
}
