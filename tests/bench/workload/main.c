/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The workload's start: with the calls of a ROM if there is one that can be used, else with
 * instructions. Command line: native (looks for no ROM), lives=NUMBER.
 */
#include "workload.h"

#include <vmi/calls.h>
#include <vmi/rom.h>

enum { LIVES = 280 };

uint32_t call_address[VMI_CALL_SLOTS];

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

void guest_main(const char *cmdline) {
    struct work_done done = {.lives = 0};
    uint32_t lives = number_option(cmdline, "lives", LIVES), rom = usable_rom(cmdline);
    for (uint32_t slot = 0; slot < VMI_CALL_SLOTS; slot++) {
        call_address[slot] = rom + slot * VMI_CALL_SIZE;
    }
    (rom ? work_by_calls : work_by_instructions)(lives, &done);
    guest_printf("workload by %s\n", rom ? "calls" : "instructions");
    guest_printf("workload done %u %u %u %u %u %u %u %08x\n", done.lives, done.entries, done.faults,
                 done.fpu_faults, done.switches, done.ticks, done.lines, done.sum);
    guest_printf("workload instructions %llu\n", done.instructions);
    guest_puts("bench end\n");
    guest_exit(0);
}
