/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Command line: pae, rounds=N, processes=N, work=N (what a process computes in a round); steady: do
 * the same in every run, and say what the operations cost; wrong: be of the generation that passes
 * wrong descriptors; alarm: have the ROM's alarms for ticks; smp: on every processor; gather: unmap
 * with one flush of the TLB. The last line is "# end ..." when all went well; what goes wrong is a
 * panic.
 */
#include "kernel.h"

static uint32_t number(const char *cmdline, const char *key, uint32_t otherwise) {
    char text[12];
    uint32_t value = 0;
    if (!guest_option(cmdline, key, text, sizeof(text))) {
        return otherwise;
    }
    for (const char *s = text; *s >= '0' && *s <= '9'; s++) {
        value = value * 10 + (uint32_t)(*s - '0');
    }
    return value;
}

static void report(uint32_t pages) {
    uint32_t made = 0, in_rom = 0, kinds = 0;
    for (uint32_t op = 0; op < PV_OPS; op++) {
        uint32_t count = pv_count[op] + pv_site_count[op];
        made += count;
        if (pv_in_rom[op]) {
            in_rom += count;
            kinds++;
        }
    }
    guest_printf("operations %u, %u of them by the ROM (%u kinds)\n", made, in_rom, kinds);
    guest_printf("system calls %u, forks %u, bad returns %u, signals %u, kinds %x\n", system_calls,
                 forks, bad_returns, signals_sent, bad_kinds_seen);
    guest_printf("irets %u, ticks %u%s\n", pv_site_count[PV_IRET], ticks,
                 ticks_by_alarm ? " of an alarm" : "");
    if (pages_free() != pages) {
        guest_panic(NULL, "%u pages were free, %u are", pages, pages_free());
    }
}

void guest_main(const char *cmdline) {
    char text[2];
    uint64_t begin = native_rdtsc();
    int steady = guest_option(cmdline, "steady", text, sizeof(text));
    int many = guest_option(cmdline, "smp", text, sizeof(text));
    const struct load load = {number(cmdline, "processes", 4), number(cmdline, "rounds", 256),
                              number(cmdline, "work", 200), (uint32_t)steady};
    is_pae = guest_option(cmdline, "pae", text, sizeof(text));
    vmi_wrong_descriptors = guest_option(cmdline, "wrong", text, sizeof(text));
    mm_gathers = guest_option(cmdline, "gather", text, sizeof(text));
    ticks_by_alarm = guest_option(cmdline, "alarm", text, sizeof(text));
    memory_init();
    vmi_init();
    guest_printf("Booting paravirtualized kernel on %s\n", pv_name);
    if (vmi_rom_physical()) {
        guest_printf("the ROM is at %05x\n", vmi_rom_physical());
    } else {
        pv_apply(pv_patch_native);
    }
    if (many) {
        processors_start(&load);
    }
    tasks_init();
    uint32_t pages = pages_free();
    uint64_t start = native_rdtsc();
    tasks_run(&load);
    uint64_t end = native_rdtsc();
    if (steady) {
        guest_printf("instructions %u, of them before the first process %u\n",
                     (uint32_t)(end - begin), (uint32_t)(start - begin));
        cost_report();
    } else {
        tasks_end();
    }
    report(pages);
    if (many) {
        processors_end();
    }
    guest_printf("# end on %s\n", pv_name);
    guest_exit(0);
}
