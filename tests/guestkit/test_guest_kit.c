/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * test_guest_kit BLOB NATIVE-IMAGE HYPERCALL-IMAGE API-3-IMAGE...: the kit for kernels. Every site
 * is run before and after linking, against our ROMs, ROMs of other kinds, and ROMs that lie, and
 * does what the slot suite demands of a ROM's slot; bad records and bad ROMs are refused with no
 * site written. TAP.
 */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "calls.h"
#include "hypervisor.h"
#include "image_file.h"
#include "lab.h"
#include "results.h"
#include "vmi/calls.h"
#include "vmi/rom.h"

#define ROUNDS 24

/* As in guest.h, which is for 32-bit compilers. */
enum { GOOD, LENGTH, CHECKSUM, API, SHORT, LONG, PCI, LICENCE, REFUSED, OTHER_API };
enum { NATIVE, INLINED, CALLED };
enum {
    BAD_CALL = -1,
    BAD_SIZE = -2,
    OUTSIDE = -3,
    TRANSLATION = -4,
    OVERLAP = -5,
    SITE = -6,
    SPACE = -7,
    TYPE = -8,
    ADDRESS = -9,
    INLINE = -10,
    CHANGED = -11
};

static uint8_t blob[LAB_SIZE - LAB_ROM_MAX];
static uint32_t blob_size;
static uint8_t native_bytes[IMAGE_MAX], hypercall_bytes[IMAGE_MAX];
static uint32_t native_size, hypercall_size;

__attribute__((format(printf, 2, 3))) static void report(bool passed, const char *format, ...) {
    char name[200];
    va_list args;
    va_start(args, format);
    vsnprintf(name, sizeof(name), format, args);
    va_end(args);
    result(name, passed);
}

static void same(const char *name, long expected, long seen) {
    char why[80];
    snprintf(why, sizeof(why), "expected %ld, seen %ld", expected, seen);
    result_why(name, expected == seen, why);
}

static void seal(uint8_t *rom) {
    uint32_t size = rom[2] * VMI_ROM_BLOCK;
    uint8_t sum = 0;
    rom[VMI_ROM_CHECKSUM_OFFSET] = 0;
    for (uint32_t i = 0; i < size; i++) {
        sum = (uint8_t)(sum + rom[i]);
    }
    rom[VMI_ROM_CHECKSUM_OFFSET] = (uint8_t)-sum;
}

static void put32(uint8_t *p, uint32_t value) {
    memcpy(p, &value, 4); /* both little-endian */
}

/* --- finding and starting --- */

#define ROM_3_SIZE    0x1800u
#define ROM_3_LICENCE 0x20u
#define ROM_3_CODE    0x1400u
#define ROM_3_TABLE   0x1000u /* eight bytes a number */

/* A ROM of API 3.0 with the native slots, whose answers are a table. */
static void make_rom_3(uint8_t *rom) {
    static const uint8_t answer[] = {0xE8, 0,    0,    0,    0,    0x59,       /* call, pop ecx */
                                     0x8B, 0x94, 0xC1, 0xFF, 0xFB, 0xFF, 0xFF, /* mov edx,[...] */
                                     0x8B, 0x84, 0xC1, 0xFB, 0xFB, 0xFF, 0xFF, /* mov eax,[...] */
                                     0xC3};
    memset(rom, 0xCC, ROM_3_SIZE);
    memcpy(rom, native_bytes, 4096);
    rom[2] = ROM_3_SIZE / VMI_ROM_BLOCK;
    rom[0x0C] = 0;
    rom[0x0D] = VMI_API_MAJOR_3;
    put32(rom + 0x10, 0);
    rom[0x16] = ROM_3_LICENCE;
    rom[0x17] = 0;
    rom[0x18] = 0x20;
    memcpy(rom + ROM_3_LICENCE, "GPL", 4);
    memcpy(rom + 0x80, "\x31\xC0\xC3", 3); /* Init: xor eax,eax; ret */
    rom[0x88] = 0xE9;
    put32(rom + 0x89, ROM_3_CODE - 0x8D);
    memcpy(rom + ROM_3_CODE, answer, sizeof(answer));
    memset(rom + ROM_3_TABLE, 0, ROM_3_CODE - ROM_3_TABLE);
    seal(rom);
}

static void set_answer(uint8_t *rom, uint32_t call, uint32_t eip, uint32_t type) {
    put32(rom + ROM_3_TABLE + 8 * call, eip);
    put32(rom + ROM_3_TABLE + 8 * call + 4, type);
    seal(rom);
}

static void load_other(struct lab *lab, uint32_t at, const uint8_t *rom, uint32_t size) {
    lab_write(lab, LAB_OTHER_MIB + at, rom, size);
}

static uint32_t find(struct lab *lab, uint32_t max, struct lab_rom *list) {
    memset(list, 0xEE, 8 * sizeof(*list));
    lab_write(lab, LAB_ROMS, list, 8 * sizeof(*list));
    uint32_t count =
        lab_call(lab, lab->blob.exports.find, 3, (uint32_t[]){LAB_OTHER_MIB, LAB_ROMS, max});
    lab_read(lab, LAB_ROMS, list, 8 * sizeof(*list));
    return count;
}

/* One ROM with one thing changed, at C8000h. */
static void try_verdict(const char *name, uint8_t expected, uint8_t *rom, uint32_t size,
                        uint32_t at) {
    struct lab lab;
    struct lab_rom list[8];
    lab_open(&lab, blob, blob_size, native_bytes, native_size);
    load_other(&lab, at, rom, size);
    uint32_t count = find(&lab, 8, list);
    report(count == 1 && list[0].verdict == expected && list[0].physical == at &&
               list[0].base == LAB_OTHER_MIB + at,
           "finding: %s", name);
    if (count != 1 || list[0].verdict != expected) {
        printf("# %u ROMs, verdict %u, not %u\n", count, list[0].verdict, expected);
    }
    lab_close(&lab);
}

static void finds_by_the_rules(void) {
    static uint8_t rom[0x8000];
#define FRESH(from, n) (memset(rom, 0, sizeof(rom)), memcpy(rom, from, n))
    FRESH(native_bytes, native_size);
    try_verdict("the native ROM is good", GOOD, rom, native_size, 0xC8000);
    try_verdict("at the start of the window", GOOD, rom, native_size, 0xC0000);
    try_verdict("at an odd 2 KiB, at the end of the window", GOOD, rom, native_size,
                0xE0000 - 0x1800);
    try_verdict("an image that leaves the window", LENGTH, rom, 0x1000, 0xDF000);
    rom[2] = 0;
    try_verdict("a length of 0", LENGTH, rom, native_size, 0xC8000);
    FRESH(native_bytes, native_size);
    rom[0x500]++;
    try_verdict("a wrong sum", CHECKSUM, rom, native_size, 0xC8000);
    FRESH(native_bytes, native_size);
    rom[0x0D] = 12;
    seal(rom);
    try_verdict("API 12", API, rom, native_size, 0xC8000);
    FRESH(native_bytes, native_size);
    rom[2] = 7;
    seal(rom);
    try_verdict("API 13 without the whole call table", SHORT, rom, native_size, 0xC8000);
    rom[2] = 8;
    seal(rom);
    try_verdict("API 13 with just the call table", GOOD, rom, native_size, 0xC8000);
    rom[2] = 32;
    seal(rom);
    try_verdict("API 13 with 16 KiB", GOOD, rom, 0x4000, 0xC8000);
    rom[2] = 33;
    seal(rom);
    try_verdict("API 13 with more", LONG, rom, 0x4200, 0xC8000);
    make_rom_3(rom);
    try_verdict("API 3", GOOD, rom, ROM_3_SIZE, 0xC8000);
    memcpy(rom + ROM_3_LICENCE, "GPL v2", 7);
    seal(rom);
    try_verdict("API 3 under GPL v2", GOOD, rom, ROM_3_SIZE, 0xC8000);
    memcpy(rom + ROM_3_LICENCE, "GPL v3", 7);
    seal(rom);
    try_verdict("API 3 under another licence", LICENCE, rom, ROM_3_SIZE, 0xC8000);
    memcpy(rom + ROM_3_LICENCE, "GPL v22", 8);
    seal(rom);
    try_verdict("API 3 under a licence that goes on", LICENCE, rom, ROM_3_SIZE, 0xC8000);
    memcpy(rom + ROM_3_LICENCE, "GPLv2", 6);
    seal(rom);
    try_verdict("API 3 under a licence that begins alike", LICENCE, rom, ROM_3_SIZE, 0xC8000);
    make_rom_3(rom);
    rom[0x16] = 0;
    seal(rom);
    try_verdict("API 3 without a licence", LICENCE, rom, ROM_3_SIZE, 0xC8000);
    memcpy(rom + ROM_3_SIZE - 2, "GPL", 4);
    rom[0x16] = 0xFE, rom[0x17] = 0x17;
    seal(rom);
    try_verdict("API 3 with a licence that leaves it", LICENCE, rom, ROM_3_SIZE + 2, 0xC8000);
    make_rom_3(rom);
    rom[0x18] = rom[0x19] = 0;
    seal(rom);
    try_verdict("API 3 without a PCI data structure", PCI, rom, ROM_3_SIZE, 0xC8000);
#undef FRESH
}

static uint32_t start(struct lab *lab, uint32_t count) {
    return lab_call(lab, lab->blob.exports.start, 3, (uint32_t[]){LAB_ROMS, count, 3});
}

/* Of API 13 alone, or of 3.0. */
static uint32_t start_of(struct lab *lab, uint32_t count, uint32_t apis) {
    return lab_call(lab, lab->blob.exports.start, 3, (uint32_t[]){LAB_ROMS, count, apis});
}

static void starts_the_first_that_accepts(void) {
    static uint8_t rom_3[ROM_3_SIZE], corrupt[IMAGE_MAX];
    uint8_t vga[4] = {0x55, 0xAA, 0x40, 0xCB};
    struct lab lab;
    struct lab_rom list[8];
    make_rom_3(rom_3);
    memcpy(corrupt, hypercall_bytes, hypercall_size);
    corrupt[0x300]++;
    lab_open(&lab, blob, blob_size, native_bytes, native_size);
    load_other(&lab, 0xC0000, vga, sizeof(vga));
    load_other(&lab, 0xC4000 + 8, (const uint8_t *)"cVmi", 4);
    load_other(&lab, 0xC8000, corrupt, hypercall_size);
    load_other(&lab, 0xCA000, hypercall_bytes, hypercall_size);
    load_other(&lab, 0xCC800, native_bytes, native_size);
    load_other(&lab, 0xCF000, rom_3, ROM_3_SIZE);

    same("finding: nothing with VMI nowhere", 0,
         (long)lab_call(&lab, lab.blob.exports.find, 3, (uint32_t[]){0x40000, LAB_ROMS, 8}));
    same("finding: no more than there is room for", 2, find(&lab, 2, list));
    same("finding: nothing is written behind them", 0xEEEEEEEE, list[2].base);
    same("finding: several ROMs, and the others are passed over", 4, find(&lab, 8, list));
    report(list[0].physical == 0xC8000 && list[1].physical == 0xCA000 &&
               list[2].physical == 0xCC800 && list[3].physical == 0xCF000,
           "finding: they come by rising address");
    report(list[2].major == 13 && list[2].minor == 3 && list[2].size == native_size &&
               list[3].major == 3 && list[3].minor == 0 && list[3].size == ROM_3_SIZE,
           "finding: each with its API and size");
    same("starting: without a hypervisor the native ROM", LAB_ROMS + 2 * sizeof(list[0]),
         start(&lab, 4));
    lab_read(&lab, LAB_ROMS, list, sizeof(list));
    same("starting: the hypercall ROM refused", REFUSED, list[1].verdict);
    same("starting: the corrupt one was not called", CHECKSUM, list[0].verdict);
    same("starting: nothing when none is left", 0, start(&lab, 2));
    lab.hypervisor = true;
    find(&lab, 8, list);
    same("starting: with its hypervisor the hypercall ROM", LAB_ROMS + sizeof(list[0]),
         start(&lab, 4));
    same("starting: API 3", LAB_ROMS,
         (find(&lab, 8, list), lab_write(&lab, LAB_ROMS, &list[3], sizeof(list[3])),
          start(&lab, 1)));
    find(&lab, 8, list);
    same("starting: not of an API that the kernel does not speak", LAB_ROMS + 3 * sizeof(list[0]),
         start_of(&lab, 4, 2));
    lab_read(&lab, LAB_ROMS, list, 4 * sizeof(list[0]));
    report(list[1].verdict == OTHER_API && list[2].verdict == OTHER_API, "starting: which is said");
    find(&lab, 8, list);
    same("starting: API 13 does not take one of API 3.0", LAB_ROMS + sizeof(list[0]),
         start_of(&lab, 4, 1));
    same("starting: every call came back", 0, lab.lost_at);
    lab_close(&lab);
}

/* --- what sites do --- */

/* The ROM and the blob as they are in the lab, on a machine that enters calls at the sites. */
static uint8_t whole[LAB_SIZE];
static uint32_t entries[VMI_CALL_SLOTS];

static void take_whole(struct lab *lab) {
    lab_read(lab, LAB_ROM, whole, LAB_SIZE);
    for (unsigned i = 0; i < VMI_CALL_SLOTS; i++) {
        entries[i] = lab->blob.thunks[i] ? lab->blob.thunks[i] - LAB_ROM : 0;
    }
}

static bool run_call(struct hypervisor *h, unsigned call, const uint32_t *enter,
                     char why[WHY_SIZE]) {
    struct machine m;
    machine_open(&m, whole, LAB_SIZE, IMAGE_PAGE);
    m.entries = enter;
    if (h) {
        hypervisor_attach(h, &m);
    }
    bool passed = check_slot(&m, call, ROUNDS, 1, why);
    machine_close(&m);
    return passed;
}

static bool has_site(unsigned call) {
    return call > VMI_CALL_Init && call <= VMI_CALL_LAST && call != VMI_CALL_GetRelocationInfo;
}

/* Executed instructions of each call's last round, by the state that was run. */
static unsigned of_site[VMI_CALL_SLOTS], of_slot[VMI_CALL_SLOTS], unlinked[VMI_CALL_SLOTS];

static void run_sites(struct hypervisor *h, const char *state) {
    char why[WHY_SIZE];
    for (unsigned call = 0; call < VMI_CALL_SLOTS; call++) {
        if (!has_site(call)) {
            continue;
        }
        bool passed = run_call(h, call, entries, why);
        of_site[call] = last_instructions();
        report(passed, "%s: the site does the call: %s (%u)", state, expect_of(call)->name, call);
        if (!passed) {
            printf("# %s\n", why);
        }
    }
}

static bool never_returns(unsigned call) {
    return expect_of(call)->returns != RETURNS_RET;
}

/* What the thunks have besides their sites: thunks.awk. */
static unsigned around(unsigned call) {
    static const unsigned by_arguments[3] = {1, 4, 7};
    return call == VMI_CALL_IRET      ? 1
           : call == VMI_CALL_SYSEXIT ? 0
                                      : by_arguments[expect_of(call)->n_stack];
}

/* The slot's instructions without the RET; one that leaves early has a jump in its place. An empty
 * body is a NOP. */
static bool is_native_count(unsigned call, unsigned site) {
    unsigned body = of_slot[call] - (never_returns(call) ? 0 : 1);
    switch (call) {
    case VMI_CALL_WriteGDTEntry:
    case VMI_CALL_WriteLDTEntry:
    case VMI_CALL_WriteIDTEntry:
        return site == 2; /* the two stores */
    case VMI_CALL_IRET:
        return site == 1;
    case VMI_CALL_SetDR:
    case VMI_CALL_GetDR:
        return site == of_slot[call] + 1; /* calls the kit's own */
    case VMI_CALL_SetInterruptMask:
    case VMI_CALL_FlushTLB:
    case VMI_CALL_GetCycleCounter:
        return site == body || site == body + 1;
    case VMI_CALL_Halt:
    case VMI_CALL_Reboot:
    case VMI_CALL_Shutdown:
        return true; /* their last run is no whole call */
    default:
        return site == (body ? body : 1);
    }
}

static void count_slots(struct lab *lab) {
    char why[WHY_SIZE];
    take_whole(lab);
    for (unsigned call = 0; call < VMI_CALL_SLOTS; call++) {
        if (has_site(call)) {
            run_call(NULL, call, NULL, why);
            of_slot[call] = last_instructions();
        }
    }
}

static void sites_are_native_instructions(void) {
    for (unsigned call = 0; call < VMI_CALL_SLOTS; call++) {
        if (!has_site(call)) {
            continue;
        }
        unlinked[call] = of_site[call];
        unsigned site = of_site[call] - around(call);
        report(is_native_count(call, site), "no padding is executed: %s (%u)",
               expect_of(call)->name, call);
        if (!is_native_count(call, site)) {
            printf("# %u instructions at the site, %u in the slot\n", site, of_slot[call]);
        }
    }
}

static void same_count(const char *name) {
    unsigned differ = 0;
    for (unsigned call = 0; call < VMI_CALL_SLOTS; call++) {
        if (has_site(call) && of_site[call] != unlinked[call]) {
            printf("# %s: %u, not %u\n", expect_of(call)->name, of_site[call], unlinked[call]);
            differ++;
        }
    }
    same(name, 0, differ);
}

/* A site that is a call: pushes, call, the slot, removal; a jump over what is longer than prefixes
 * can be. */
static void count_called_sites(void) {
    unsigned differ = 0;
    for (unsigned call = 0; call < VMI_CALL_SLOTS; call++) {
        const struct expect *e = expect_of(call);
        if (!has_site(call) || call == VMI_CALL_Halt || e->returns == RETURNS_MAY) {
            continue;
        }
        unsigned arguments = never_returns(call) ? 0 : e->n_stack;
        bool is_long = call == VMI_CALL_SetIOPLMask || call == VMI_CALL_SwapPxELongAtomic ||
                       call == VMI_CALL_FlushTLB || call == VMI_CALL_DeactivatePxELongAtomic;
        unsigned expected =
            around(call) + 1 + of_slot[call] + arguments + (arguments ? 1 : 0) + (is_long ? 1 : 0);
        if (of_site[call] != expected) {
            printf("# %s: %u, not %u\n", e->name, of_site[call], expected);
            differ++;
        }
    }
    same("a called site costs pushes, call, the slot and removal", 0, differ);
}

static void all_of_one_kind(const char *name, struct lab *lab, int kind) {
    struct lab_linkage l = lab_linkage(lab);
    report(l.count[kind] == lab->n_sites && l.bad == 0, "%s", name);
    if (l.count[kind] != lab->n_sites) {
        printf("# %u native, %u inlined, %u called of %u\n", l.count[0], l.count[1], l.count[2],
               lab->n_sites);
    }
}

static void keep(struct lab *lab, uint8_t copy[LAB_SIZE]) {
    lab_read(lab, LAB_ROM, copy, LAB_SIZE);
}

static bool is_kept(struct lab *lab, const uint8_t copy[LAB_SIZE]) {
    uint8_t now[LAB_SIZE];
    keep(lab, now);
    return memcmp(now, copy, LAB_SIZE) == 0;
}

static void link_to_native(void) {
    static uint8_t before[LAB_SIZE];
    struct lab lab;
    lab_open(&lab, blob, blob_size, native_bytes, native_size);
    lab_prepare(&lab);
    keep(&lab, before);
    count_slots(&lab);
    run_sites(NULL, "unlinked");
    sites_are_native_instructions();
    same("linking to the native ROM", 0, lab_link(&lab, true));
    struct lab_linkage l = lab_linkage(&lab);
    /* The calls that only API 3.0 has are not there; the others' bodies are the sites' own. */
    same("native ROM: every site is left as it is", lab.n_sites, l.count[NATIVE]);
    report(is_kept(&lab, before), "native ROM: no byte of a site differs");
    take_whole(&lab);
    run_sites(NULL, "native ROM");
    same_count("native ROM: 1.000 of the native instructions, in every call");
    lab_close(&lab);
}

static void link_to_a_rom_that_says_nothing(void) {
    static uint8_t before[LAB_SIZE], linked[LAB_SIZE], rom[IMAGE_MAX];
    struct lab lab;
    memcpy(rom, native_bytes, native_size);
    memset(rom + VMI_INLINE_OFFSET, 0, 4);
    seal(rom);
    lab_open(&lab, blob, blob_size, rom, native_size);
    lab_prepare(&lab);
    keep(&lab, before);
    same("linking to a ROM that says nothing of inlining", 0, lab_link(&lab, true));
    struct lab_linkage l = lab_linkage(&lab);
    unsigned in_13 = VMI_CALL_LAST - VMI_CALL_Init - 1; /* without GetRelocationInfo */
    same("silent ROM: every call that it has is called", in_13, l.count[CALLED]);
    same("silent ROM: the others stay native", lab.n_sites - in_13, l.count[NATIVE]);
    take_whole(&lab);
    run_sites(NULL, "silent ROM");
    count_called_sites();
    keep(&lab, linked);
    same("linking once more", 0, lab_link(&lab, true));
    report(is_kept(&lab, linked), "linking once more changes nothing");
    same("unlinking", 0, lab_link(&lab, false));
    same("unlinked is not linked", 0, lab_linkage(&lab).rom);
    report(is_kept(&lab, before), "unlinking restores every byte");
    all_of_one_kind("unlinked sites are native", &lab, NATIVE);
    same("unlinking twice", 0, lab_link(&lab, false));
    report(is_kept(&lab, before), "unlinking twice changes nothing");
    same("linking after unlinking", 0, lab_link(&lab, true));
    report(is_kept(&lab, linked), "linking after unlinking is linking");
    lab_write(&lab, LAB_ROM, native_bytes, native_size);
    same("linking to another ROM without unlinking", 0, lab_link(&lab, true));
    memcpy(before, native_bytes, native_size);
    report(is_kept(&lab, before), "linking to another ROM starts from the native bytes");
    lab_close(&lab);
}

static void link_to_hypercalls(void) {
    static const struct {
        const char *name;
        struct vmi_plan plan;
    } plans[] = {
        {"hypercall ROM as it comes", {VMI_TRAP_VMMCALL, 0, VMI_POLICY_DEFAULT, NULL, NULL, false}},
        {"all trap", {VMI_TRAP_INT, 0x81, VMI_POLICY_ALL, NULL, NULL, false}},
        {"tuned", {VMI_TRAP_VMCALL, 0, VMI_POLICY_TUNED, NULL, NULL, false}},
    };
    static struct hypervisor h;
    struct vmi_image image, twin;
    static uint8_t before[LAB_SIZE];
    vmi_hv_open(&image, hypercall_bytes, hypercall_size);
    vmi_hv_open_twin(&twin, &image, native_bytes, native_size);
    for (size_t n = 0; n < sizeof(plans) / sizeof(plans[0]); n++) {
        struct lab lab;
        unsigned wrong = 0;
        hypervisor_publish(&h, &image, &twin, &plans[n].plan);
        lab_open(&lab, blob, blob_size, h.image, h.image_size);
        lab_prepare(&lab);
        keep(&lab, before);
        report(lab_link(&lab, true) == 0, "%s: linking", plans[n].name);
        for (uint32_t i = 0; i < lab.n_sites; i++) {
            static const int by_slot[VMI_SLOT_KINDS] = {
                [VMI_SLOT_NATIVE] = NATIVE, [VMI_SLOT_TRAP] = CALLED, [VMI_SLOT_NOP] = INLINED};
            uint32_t call = lab_record(&lab, i).call;
            bool empty = expect_of(call)->body == BODY_RET; /* natively as well */
            int expected = call > VMI_CALL_LAST ? NATIVE : by_slot[h.publication.kind[call]];
            if (expected == INLINED && empty) {
                expected = NATIVE;
            }
            int kind =
                (int)lab_call(&lab, lab.blob.exports.site_kind, 2, (uint32_t[]){LAB_LINKAGE, i});
            if (kind != expected) {
                printf("# %s: kind %d, not %d\n", expect_of(call)->name, kind, expected);
                wrong++;
            }
        }
        report(wrong == 0, "%s: traps are called, the rest is not", plans[n].name);
        take_whole(&lab);
        run_sites(&h, plans[n].name);
        report(lab_link(&lab, false) == 0 && is_kept(&lab, before),
               "%s: unlinking restores every byte", plans[n].name);
        lab_close(&lab);
    }
}

/* --- a ROM's own bodies --- */

static uint32_t record_of(struct lab *lab, uint32_t call) {
    for (uint32_t i = 0; i < lab->n_sites; i++) {
        if (lab_record(lab, i).call == call) {
            return i;
        }
    }
    return 0;
}

/* Another body in one slot, with what it says of itself. */
static void try_body(const char *name, uint32_t call, const uint8_t *body, uint32_t size,
                     uint8_t fact, int expected) {
    static uint8_t rom[IMAGE_MAX], before[LAB_SIZE];
    char why[WHY_SIZE] = "";
    struct lab lab;
    memcpy(rom, native_bytes, native_size);
    memset(rom + VMI_CALL_OFFSET(call), 0xCC, VMI_CALL_SIZE);
    memcpy(rom + VMI_CALL_OFFSET(call), body, size);
    rom[VMI_CALL_OFFSET(call) + VMI_INLINE_AT] = fact;
    seal(rom);
    lab_open(&lab, blob, blob_size, rom, native_size);
    lab_prepare(&lab);
    keep(&lab, before);
    lab.text_writes = 0;
    int error = lab_link(&lab, true);
    if (expected < 0) {
        struct lab_linkage l = lab_linkage(&lab);
        report(error == expected && lab.text_writes == 0 && is_kept(&lab, before) && l.rom == 0 &&
                   l.bad == lab.blob.exports.annotations + 16 * record_of(&lab, call),
               "%s: refused, with nothing written", name);
        if (error != expected) {
            printf("# %d, not %d\n", error, expected);
        }
    } else {
        uint32_t kind = lab_call(&lab, lab.blob.exports.site_kind, 2,
                                 (uint32_t[]){LAB_LINKAGE, record_of(&lab, call)});
        take_whole(&lab);
        bool passed =
            error == 0 && kind == (uint32_t)expected &&
            (size == 1 || run_call(NULL, call, entries, why)); /* RET alone does nothing */
        report(passed, "%s", name);
        if (!passed) {
            printf("# error %d, kind %u, %s\n", error, kind, why);
        }
    }
    lab_close(&lab);
}

static void rom_bodies(void) {
    /* Longer encodings of what the native bodies do, or other ways. */
    static const uint8_t mask[] = {0x9C, 0x58, 0x81, 0xE0, 0, 2, 0, 0, 0xC3};
    static const uint8_t short_mask[] = {0x9C, 0x58, 0x25, 0, 2, 0, 0, 0xC3};
    static const uint8_t zero[] = {0x29, 0xC0, 0xC3};
    static const uint8_t set_mask[] = {0xF6, 0xC4, 2,    0x75, 3, /* test ah,2; jnz */
                                       0xFA, 0xC3, 0x90,          /* cli; leave */
                                       0xFB, 0xC3};               /* sti; ret */
    static const uint8_t no_pair[] = {0xF6, 0xC4, 2, 0x75, 2, 0xFA, 0xC3, 0xFB, 0xC3};
    static const uint8_t cli[] = {0xFA, 0xC3};
    static const uint8_t eight[] = {0x65, 0x65, 0x65, 0x65, 0x65, 0x65, 0x65, 0xFA, 0xC3};
    static const uint8_t nine[] = {0x65, 0x65, 0x65, 0x65, 0x65, 0x65, 0x65, 0x65, 0xFA, 0xC3};
    static const uint8_t iopl[] = {0x9C, 0x25, 0x00, 0x30, 0,    0,    0x81, 0x24, 0x24,
                                   0xFF, 0xCF, 0xFF, 0xFF, 0x09, 0x04, 0x24, 0x9D, 0xC3};
    static const uint8_t ret[] = {0xC3};
    try_body("a body as long as the site is inlined", VMI_CALL_GetInterruptMask, short_mask,
             sizeof(short_mask), sizeof(short_mask), NATIVE);
    try_body("a body longer than the site is called", VMI_CALL_GetInterruptMask, mask, sizeof(mask),
             sizeof(mask), CALLED);
    try_body("a body of its own is inlined behind prefixes", VMI_CALL_CancelAlarm, zero,
             sizeof(zero), sizeof(zero), INLINED);
    try_body("a body that leaves early jumps to the end of the site", VMI_CALL_SetInterruptMask,
             set_mask, sizeof(set_mask), sizeof(set_mask) | VMI_INLINE_LEAVES, INLINED);
    try_body("a long body of its own is inlined", VMI_CALL_SetIOPLMask, iopl, sizeof(iopl),
             sizeof(iopl), INLINED);
    try_body("a body much shorter than the site is inlined behind a jump", VMI_CALL_FlushTLB, zero,
             sizeof(zero), sizeof(zero), INLINED);
    try_body("a bare return is nothing, whatever it says", VMI_CALL_IODelay, ret, 1, 0xCC, INLINED);
    try_body("a body of eight bytes is inlined where the flag is cleared",
             VMI_CALL_DisableInterrupts, eight, sizeof(eight), sizeof(eight), INLINED);
    try_body("one of nine is called", VMI_CALL_DisableInterrupts, nine, sizeof(nine), sizeof(nine),
             CALLED);
    try_body("a body that says nothing is called", VMI_CALL_DisableInterrupts, cli, sizeof(cli),
             0xCC, CALLED);
    try_body("a body that says 0 is called", VMI_CALL_DisableInterrupts, cli, sizeof(cli), 0,
             CALLED);
    try_body("a body that says what is not defined is called", VMI_CALL_DisableInterrupts, cli,
             sizeof(cli), 0x82, CALLED);
    try_body("a body with the wrong size", VMI_CALL_DisableInterrupts, cli, sizeof(cli), 3, INLINE);
    try_body("a body whose size is the slot's", VMI_CALL_DisableInterrupts, cli, sizeof(cli), 31,
             INLINE);
    try_body("a body that leaves early and has no room for the jump", VMI_CALL_SetInterruptMask,
             no_pair, sizeof(no_pair), sizeof(no_pair) | VMI_INLINE_LEAVES, INLINE);
}

/* --- bad records --- */

static void try_record(const char *name, int expected, uint32_t n,
                       void (*corrupt)(struct lab_annotation *record)) {
    static uint8_t before[LAB_SIZE];
    struct lab lab;
    lab_open(&lab, blob, blob_size, native_bytes, native_size);
    struct lab_annotation record = lab_record(&lab, n);
    corrupt(&record);
    lab_set_record(&lab, n, &record);
    lab_prepare(&lab);
    struct lab_linkage l = lab_linkage(&lab);
    l.saved_end = LAB_SAVED + LAB_SAVED_MAX;
    lab_write(&lab, LAB_LINKAGE, &l, sizeof(l));
    keep(&lab, before);
    lab.text_writes = 0;
    int error = lab_link(&lab, true);
    l = lab_linkage(&lab);
    bool passed = error == expected && is_kept(&lab, before) && lab.text_writes == 0 &&
                  l.rom == 0 && l.bad == l.first + 16 * n && lab.lost_at == 0;
    report(passed, "a record with %s is refused, with nothing written", name);
    if (!passed) {
        printf("# error %d, not %d; bad record %u, not %u; %u stores\n", error, expected,
               (l.bad - l.first) / 16, n, lab.text_writes);
    }
    lab_close(&lab);
}

#define SPOIL(name, change)                                                                        \
    static void name(struct lab_annotation *record) {                                              \
        change;                                                                                    \
    }
SPOIL(call_3, record->call = 3)
SPOIL(call_init, record->call = VMI_CALL_Init)
SPOIL(call_beyond, record->call = VMI_SLOT_LAST + 1)
SPOIL(call_huge, record->call = 0xFFFFFFFF)
SPOIL(other_call, record->call++)
SPOIL(site_0, record->site = 0)
SPOIL(site_before, record->site = BLOB_BASE - 1)
SPOIL(site_behind, record->site = LAB_TEXT_END - record->size + 1)
SPOIL(site_at_end, record->site = LAB_TEXT_END)
SPOIL(site_late, record->site++)
SPOIL(site_early, record->site--)
SPOIL(size_more, record->size++)
SPOIL(size_less, record->size--)
SPOIL(size_0, record->size = 0)
SPOIL(size_255, record->size = 255)
SPOIL(sizes_255, (record->size = record->translation_size = 255))
SPOIL(translation_more, record->translation_size++)
SPOIL(translation_less, record->translation_size--)
SPOIL(translation_size_0, record->translation_size = 0)
SPOIL(padding_more, record->padding++)
SPOIL(padding_less, record->padding--)
SPOIL(padding_negative, record->padding = -128)
SPOIL(padding_huge, record->padding = 127)
SPOIL(not_zero, record->form = 1)
SPOIL(form_88h, record->form = 0x88)
SPOIL(translation_size_255, record->translation_size = 255)
SPOIL(translation_0, record->translation = 0)
SPOIL(translation_late, record->translation++)
SPOIL(translation_in_text, record->translation = BLOB_BASE)
SPOIL(translation_high, record->translation = 0xFFFFFFFE)

static uint32_t other_site;
SPOIL(same_site, record->site = other_site)
SPOIL(half_site, record->site = other_site + 4)

static void bad_records(void) {
    struct lab lab;
    lab_open(&lab, blob, blob_size, native_bytes, native_size);
    uint32_t plain = record_of(&lab, VMI_CALL_CLTS);
    uint32_t kept = record_of(&lab, VMI_CALL_DisableInterrupts);
    uint32_t stacked = record_of(&lab, VMI_CALL_SetPxELong);
    uint32_t written = record_of(&lab, VMI_CALL_WriteGDTEntry);
    uint32_t longer = record_of(&lab, VMI_CALL_FlushTLB);
    other_site = lab_record(&lab, record_of(&lab, VMI_CALL_RDTSC)).site;
    lab_close(&lab);

    try_record("call 3", BAD_CALL, plain, call_3);
    try_record("Init", BAD_CALL, plain, call_init);
    try_record("a call beyond the last", BAD_CALL, plain, call_beyond);
    try_record("a huge call", BAD_CALL, plain, call_huge);
    try_record("another call than its translation", TRANSLATION, plain, other_call);
    try_record("a site at 0", OUTSIDE, plain, site_0);
    try_record("a site before the text", OUTSIDE, plain, site_before);
    try_record("a site that leaves the text", OUTSIDE, plain, site_behind);
    try_record("a site behind the text", OUTSIDE, plain, site_at_end);
    try_record("a site one too late", SITE, plain, site_late);
    try_record("a site one too early", SITE, plain, site_early);
    try_record("a size one too large", BAD_SIZE, plain, size_more);
    try_record("a size one too small", BAD_SIZE, plain, size_less);
    try_record("size 0", BAD_SIZE, plain, size_0);
    try_record("size 255", BAD_SIZE, plain, size_255);
    try_record("both sizes 255", BAD_SIZE, plain, sizes_255);
    try_record("a larger size than its native code", BAD_SIZE, longer, size_more);
    try_record("a smaller size than its native code", BAD_SIZE, longer, size_less);
    try_record("a longer translation", BAD_SIZE, plain, translation_more);
    try_record("a longer translation of a long site", BAD_SIZE, longer, translation_more);
    try_record("a shorter translation", BAD_SIZE, plain, translation_less);
    try_record("no translation", BAD_SIZE, plain, translation_size_0);
    try_record("more padding", SITE, plain, padding_more);
    try_record("more padding before its arguments' stores", SITE, written, padding_more);
    try_record("less padding than none", BAD_SIZE, plain, padding_negative);
    try_record("more padding than site", BAD_SIZE, plain, padding_huge);
    try_record("less padding of a long site", BAD_SIZE, longer, padding_less);
    try_record("a last byte that is not 0", BAD_SIZE, plain, not_zero);
    try_record("its translation at 0", OUTSIDE, plain, translation_0);
    try_record("its translation one too late", TRANSLATION, plain, translation_late);
    try_record("its translation in the text", OUTSIDE, plain, translation_in_text);
    try_record("its translation at the top", OUTSIDE, plain, translation_high);
    try_record("a translation without its push", TRANSLATION, stacked, translation_late);
    try_record("a size one too large of a site that keeps its registers", BAD_SIZE, kept,
               size_more);
    try_record("one too small", BAD_SIZE, kept, size_less);
    try_record("size 0", BAD_SIZE, kept, size_0);
    try_record("more padding than site", BAD_SIZE, kept, padding_huge);
    try_record("negative padding", BAD_SIZE, kept, padding_negative);
    try_record("a form that is none", BAD_SIZE, kept, form_88h);
    try_record("nothing but padding", BAD_SIZE, kept, padding_more);
    try_record("a translation that is longer", TRANSLATION, kept, translation_more);
    try_record("no translation", TRANSLATION, kept, translation_size_0);
    try_record("a huge translation", TRANSLATION, kept, translation_size_255);
    try_record("another one's site", OVERLAP, plain, same_site);
    try_record("another one's half site", OVERLAP, plain, half_site);
}

/* Every byte of a translation matters but the register that is pushed. */
static void bad_translations(void) {
    struct lab lab;
    unsigned accepted = 0;
    lab_open(&lab, blob, blob_size, native_bytes, native_size);
    lab_prepare(&lab);
    struct lab_annotation record = lab_record(&lab, record_of(&lab, VMI_CALL_SetAlarm));
    for (uint32_t i = 0; i < record.translation_size; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            uint8_t byte = lab_byte(&lab, record.translation + i);
            uint8_t flipped = byte ^ (uint8_t)(1u << bit);
            bool is_push = i < 2 && (flipped & 0xF8) == 0x50 && flipped != 0x54;
            lab_write(&lab, record.translation + i, &flipped, 1);
            if (!is_push && lab_link(&lab, true) != TRANSLATION) {
                accepted++;
            }
            lab_write(&lab, record.translation + i, &byte, 1);
        }
    }
    same("a translation with any bit changed is refused", 0, accepted);
    uint8_t push_esp = 0x54;
    lab_write(&lab, record.translation, &push_esp, 1);
    same("a translation that pushes ESP is refused", TRANSLATION, lab_link(&lab, true));
    lab_close(&lab);
}

static void records_in_any_order(void) {
    struct lab lab;
    lab_open(&lab, blob, blob_size, native_bytes, native_size);
    lab_prepare(&lab);
    struct lab_annotation a = lab_record(&lab, 3), b = lab_record(&lab, 60);
    lab_set_record(&lab, 3, &b);
    lab_set_record(&lab, 60, &a);
    same("records may come in any order", 0, lab_link(&lab, true));
    lab_close(&lab);
}

static void too_little_memory(void) {
    static uint8_t before[LAB_SIZE];
    struct lab lab;
    lab_open(&lab, blob, blob_size, native_bytes, native_size);
    struct lab_linkage l = lab_prepare(&lab);
    uint32_t right = l.saved_end, guard = 0x5AFE5AFE;
    keep(&lab, before);
    lab_write(&lab, right, &guard, 4);
    l.saved_end = right - 1;
    lab_write(&lab, LAB_LINKAGE, &l, sizeof(l));
    lab.text_writes = 0;
    same("one byte too little memory is refused", SPACE, lab_link(&lab, true));
    report(is_kept(&lab, before) && lab.text_writes == 0, "too little memory: nothing is written");
    l.saved_end = right;
    lab_write(&lab, LAB_LINKAGE, &l, sizeof(l));
    same("vmi_link_space() is enough", 0, lab_link(&lab, true));
    uint32_t seen;
    lab_read(&lab, right, &seen, 4);
    same("nothing is written behind the memory given", guard, seen);
    lab_close(&lab);
}

/* --- API 3.0 --- */

static void try_answer(const char *name, uint32_t call_3, uint32_t call, uint32_t eip,
                       uint32_t type, int expected) {
    static uint8_t rom[ROM_3_SIZE], before[LAB_SIZE];
    struct lab lab;
    make_rom_3(rom);
    set_answer(rom, call_3, eip, type);
    lab_open(&lab, blob, blob_size, rom, ROM_3_SIZE);
    lab_prepare(&lab);
    keep(&lab, before);
    lab.text_writes = 0;
    int error = lab_link(&lab, true);
    if (expected < 0) {
        report(error == expected && is_kept(&lab, before) && lab.text_writes == 0,
               "API 3: %s is refused, with nothing written", name);
    } else {
        struct lab_linkage l = lab_linkage(&lab);
        uint32_t n = record_of(&lab, call);
        uint32_t kind = lab_call(&lab, lab.blob.exports.site_kind, 2, (uint32_t[]){LAB_LINKAGE, n});
        report(error == 0 && kind == (uint32_t)expected &&
                   l.count[NATIVE] == lab.n_sites - (expected != NATIVE),
               "API 3: %s", name);
        if (kind == CALLED) {
            struct lab_annotation r = lab_record(&lab, n);
            uint32_t at = r.site + r.size - 5, distance;
            lab_read(&lab, at + 1, &distance, 4);
            report(at + 5 + distance == eip &&
                       lab_byte(&lab, at) == (type % 256 == VMI_RELOCATION_JUMP_REL ? 0xE9 : 0xE8),
                   "API 3: %s: it goes there", name);
        }
    }
    if (error != (expected < 0 ? expected : 0)) {
        printf("# error %d\n", error);
    }
    lab_close(&lab);
}

static void top_of_linear_space(void) {
    static uint8_t rom[ROM_3_SIZE];
    struct lab lab;
    for (int inside = 0; inside < 2; inside++) {
        make_rom_3(rom);
        put32(rom + 0x10, 0xFC000000);
        set_answer(rom, VMI3_CALL_CLTS, 0xFC000000 - !inside, VMI_RELOCATION_CALL_REL);
        lab_open(&lab, blob, blob_size, rom, ROM_3_SIZE);
        lab_prepare(&lab);
        same(inside ? "API 3: an address in the hypervisor's area is called"
                    : "API 3: an address below the hypervisor's area is refused",
             inside ? 0 : ADDRESS, lab_link(&lab, true));
        lab_close(&lab);
    }
}

/* A ROM whose answers all become type 4 after a number of questions that is in memory. */
static void answers_that_change(void) {
    static const uint8_t answer_for_a_while[] = {0xFF,
                                                 0x0D,
                                                 LAB_FREE % 256,
                                                 LAB_FREE / 256 % 256,
                                                 LAB_FREE >> 16,
                                                 0, /* dec [LAB_FREE] */
                                                 0x79,
                                                 6, /* jns */
                                                 0xBA,
                                                 4,
                                                 0,
                                                 0,
                                                 0,
                                                 0xC3 /* mov edx,4; ret */}; /* ret */
    static uint8_t rom[ROM_3_SIZE], before[LAB_SIZE];
    uint32_t code = ROM_3_CODE + 0x40, questions = 0, often = 100000;
    struct lab lab;
    make_rom_3(rom);
    for (uint32_t call = 0; call <= VMI3_CALL_LAST; call++) {
        set_answer(rom, call, LAB_ROM + 0x1500, VMI_RELOCATION_CALL_REL);
    }
    put32(rom + 0x89, code - 0x8D);
    memcpy(rom + code, answer_for_a_while, sizeof(answer_for_a_while));
    code += sizeof(answer_for_a_while);
    rom[code] = 0xE9;
    put32(rom + code + 1, ROM_3_CODE - (code + 5));
    seal(rom);
    lab_open(&lab, blob, blob_size, rom, ROM_3_SIZE);
    lab_prepare(&lab);
    keep(&lab, before);
    for (uint32_t i = 0; i < lab.n_sites; i++) {
        questions += vmi_slots[lab_record(&lab, i).call].flags & VMI_CALL_IN_3 ? 1 : 0;
    }
    for (int linked_before = 0; linked_before < 2; linked_before++) {
        lab_write(&lab, LAB_FREE, &often, 4);
        if (linked_before) {
            same("API 3: linking to a ROM before its answers change", 0, lab_link(&lab, true));
        }
        uint32_t half_way = questions + questions / 2;
        lab_write(&lab, LAB_FREE, &half_way, 4);
        same("API 3: answers that change while sites are written", CHANGED, lab_link(&lab, true));
        report(is_kept(&lab, before), "API 3: then every byte is native");
        struct lab_linkage l = lab_linkage(&lab);
        report(l.rom == 0 && l.bad == 0 && l.count[NATIVE] == lab.n_sites && l.count[CALLED] == 0,
               "API 3: and nothing is linked");
        all_of_one_kind("API 3: so its sites say", &lab, NATIVE);
    }
    lab_close(&lab);
}

static uint32_t own_slot(uint32_t call) {
    return LAB_ROM + VMI_CALL_OFFSET(call);
}

static void link_to_api_3(void) {
    static uint8_t rom[ROM_3_SIZE];
    struct lab lab;
    uint32_t behind = LAB_ROM + 0x1500; /* no slot: nothing is said of inlining */
    try_answer("NONE leaves the site as it is", VMI3_CALL_CLTS, VMI_CALL_CLTS, 0,
               VMI_RELOCATION_NONE, NATIVE);
    try_answer("a slot whose body is the site's", VMI3_CALL_CLTS, VMI_CALL_CLTS,
               own_slot(VMI_CALL_CLTS), VMI_RELOCATION_CALL_REL, NATIVE);
    try_answer("CALL to another place", VMI3_CALL_CLTS, VMI_CALL_CLTS, behind,
               VMI_RELOCATION_CALL_REL, CALLED);
    try_answer("only the type's byte counts", VMI3_CALL_CLTS, VMI_CALL_CLTS, behind,
               0xABCDEF00 | VMI_RELOCATION_CALL_REL, CALLED);
    try_answer("an address within a slot", VMI3_CALL_CLTS, VMI_CALL_CLTS,
               own_slot(VMI_CALL_CLTS) + 2, VMI_RELOCATION_CALL_REL, CALLED);
    try_answer("NOP deletes", VMI3_CALL_IODelay, VMI_CALL_IODelay, 0, VMI_RELOCATION_NOP, INLINED);
    try_answer("JUMP to IRET", VMI3_CALL_IRET, VMI_CALL_IRET, behind, VMI_RELOCATION_JUMP_REL,
               CALLED);
    try_answer("JUMP to SYSEXIT", VMI3_CALL_SYSEXIT, VMI_CALL_SYSEXIT, behind,
               VMI_RELOCATION_JUMP_REL, CALLED);
    try_answer("CALL to IRET", VMI3_CALL_IRET, VMI_CALL_IRET, behind, VMI_RELOCATION_CALL_REL,
               CALLED);
    try_answer("a call that only API 3 has", VMI3_CALL_SetLazyMode, VMI3_SLOT_SetLazyMode, behind,
               VMI_RELOCATION_CALL_REL, CALLED);
    try_answer("the last number of a shared call", VMI3_CALL_WallclockUpdated,
               VMI_CALL_WallclockUpdated, behind, VMI_RELOCATION_CALL_REL, CALLED);
    try_answer("JUMP to a call that returns", VMI3_CALL_CLTS, 0, behind, VMI_RELOCATION_JUMP_REL,
               TYPE);
    try_answer("type 4", VMI3_CALL_CLTS, 0, behind, 4, TYPE);
    try_answer("type 255", VMI3_CALL_CLTS, 0, behind, 255, TYPE);
    try_answer("an address behind the ROM", VMI3_CALL_CLTS, 0, LAB_ROM + ROM_3_SIZE,
               VMI_RELOCATION_CALL_REL, ADDRESS);
    try_answer("an address before the ROM", VMI3_CALL_CLTS, 0, LAB_ROM - 1, VMI_RELOCATION_CALL_REL,
               ADDRESS);
    try_answer("address 0", VMI3_CALL_CLTS, 0, 0, VMI_RELOCATION_CALL_REL, ADDRESS);
    top_of_linear_space();
    answers_that_change();

    make_rom_3(rom);
    for (uint32_t call = 0; call <= VMI3_CALL_LAST; call++) {
        set_answer(rom, call, behind, VMI_RELOCATION_CALL_REL);
    }
    lab_open(&lab, blob, blob_size, rom, ROM_3_SIZE);
    lab_prepare(&lab);
    same("API 3: linking to a ROM that has every call", 0, lab_link(&lab, true));
    unsigned wrong = 0;
    for (uint32_t i = 0; i < lab.n_sites; i++) {
        uint32_t call = lab_record(&lab, i).call;
        bool in_3 = vmi_slots[call].flags & VMI_CALL_IN_3;
        if (lab_call(&lab, lab.blob.exports.site_kind, 2, (uint32_t[]){LAB_LINKAGE, i}) !=
            (in_3 ? CALLED : NATIVE)) {
            printf("# call %u\n", call);
            wrong++;
        }
    }
    same("API 3: the calls that it has are called, the others are not", 0, wrong);
    lab_close(&lab);
}

/* What the image says of a call: the descriptor's kind, if there is one. */
static int expected_in_3(const uint8_t *rom, uint32_t call, bool answered) {
    uint32_t descriptor =
        (uint32_t)(rom[VMI_HYPERCALL_POINTER] | rom[VMI_HYPERCALL_POINTER + 1] << 8);
    const uint8_t *slot = rom + VMI_CALL_OFFSET(call);
    uint8_t kind = descriptor
                       ? rom[descriptor + offsetof(struct vmi_hypercall_descriptor, kind) + call]
                       : VMI_SLOT_NATIVE;
    bool empty = slot[0] == 0xC3;
    if (!answered) {
        return NATIVE;
    }
    if (kind == VMI_SLOT_TRAP) {
        return CALLED;
    }
    return empty && expect_of(call)->body != BODY_RET && call <= VMI_CALL_LAST ? INLINED : NATIVE;
}

static void link_to_our_api_3(const char *path) {
    static uint8_t rom[IMAGE_MAX], before[LAB_SIZE];
    uint32_t size = image_load(path, rom, sizeof(rom)), wrong = 0, answers = 0;
    const uint8_t *policy = rom + VMI_CALLS_END;
    struct lab lab;
    lab_open(&lab, blob, blob_size, rom, size);
    lab_prepare(&lab);
    keep(&lab, before);
    report(lab_link(&lab, true) == 0, "%s: linking", path);
    for (uint32_t i = 0; i < lab.n_sites; i++) {
        uint32_t call = lab_record(&lab, i).call;
        bool answered = false;
        for (uint32_t n = 0; n < policy[5]; n++) {
            answered |= policy[6 + n] == (0x80 | call);
        }
        answers += answered;
        int kind = (int)lab_call(&lab, lab.blob.exports.site_kind, 2, (uint32_t[]){LAB_LINKAGE, i});
        if (kind != expected_in_3(rom, call, answered)) {
            printf("# call %u: kind %d, not %d\n", call, kind, expected_in_3(rom, call, answered));
            wrong++;
        }
    }
    report(wrong == 0 && answers > 0, "%s: sites are what its policy and its slots let them be",
           path);
    report(lab_link(&lab, false) == 0 && is_kept(&lab, before), "%s: unlinking restores every byte",
           path);
    lab_close(&lab);
}

static void old_minor(void) {
    static uint8_t rom[IMAGE_MAX];
    struct lab lab;
    memcpy(rom, native_bytes, native_size);
    memset(rom + VMI_INLINE_OFFSET, 0, 4);
    rom[0x0C] = 2;
    seal(rom);
    lab_open(&lab, blob, blob_size, rom, native_size);
    lab_prepare(&lab);
    same("API 13.2: linking", 0, lab_link(&lab, true));
    same("API 13.2: the calls of 13.3 stay native", VMI_CALL_WallclockUpdated - VMI_CALL_Init,
         lab_linkage(&lab).count[CALLED]);
    lab_close(&lab);
}

/* --- all of it --- */

#define PRINTED LAB_FREE /* the function, where it writes, and the text */

static void boots_and_tells(void) {
    static const uint8_t print[] = {0x56, 0x57, 0x8B, 0x74, 0x24, 0x0C, /* mov esi,[esp + 12] */
                                    0x8B, 0x3D, 0x40, 0x80, 0x10, 0x00, /* mov edi,[108040h] */
                                    0xAC, 0xAA, 0x84, 0xC0, 0x75, 0xFA, /* copy up to the NUL */
                                    0x4F, 0x89, 0x3D, 0x40, 0x80, 0x10,
                                    0x00, 0x5F, 0x5E, /* mov [108040h],edi */
                                    0xC3};
    static uint8_t rom_3[ROM_3_SIZE];
    char expected[200], seen[1024] = "";
    uint32_t text = PRINTED + 0x80;
    struct lab lab;
    make_rom_3(rom_3);
    for (int with_rom = 0; with_rom < 2; with_rom++) {
        lab_open(&lab, blob, blob_size, native_bytes, native_size);
        lab_prepare(&lab);
        lab_write(&lab, PRINTED, print, sizeof(print));
        lab_write(&lab, PRINTED + 0x40, &text, 4);
        load_other(&lab, 0xCF000, rom_3, ROM_3_SIZE);
        if (with_rom) {
            load_other(&lab, 0xC8000, native_bytes, native_size);
        }
        same(with_rom ? "booting: the ROM is linked to" : "booting: without one natively",
             with_rom ? LAB_ROMS : 0,
             lab_call(&lab, lab.blob.exports.boot, 6,
                      (uint32_t[]){LAB_LINKAGE, LAB_OTHER_MIB, LAB_ROMS, 8, 1, PRINTED}));
        lab_read(&lab, text, seen, sizeof(seen) - 1);
        snprintf(expected, sizeof(expected), "%s\nVMI sites: %u native, 0 inlined, 0 called\n",
                 with_rom ? "VMI ROM at C8000h, API 13.3: started\n"
                            "VMI ROM at CF000h, API 3.0: good"
                          : "VMI ROM at CF000h, API 3.0: an API that this kernel does not speak",
                 lab.n_sites);
        report(strcmp(seen, expected) == 0 && lab.lost_at == 0, "booting: and it is told");
        if (strcmp(seen, expected) != 0) {
            printf("# %s", seen);
        }
        struct lab_linkage l = lab_linkage(&lab);
        same("booting: the counts are right", lab.n_sites, l.count[NATIVE]);
        same("booting: without a word", with_rom ? LAB_ROMS : 0,
             lab_call(&lab, lab.blob.exports.boot, 6,
                      (uint32_t[]){LAB_LINKAGE, LAB_OTHER_MIB, LAB_ROMS, 8, 1, 0}));
        lab_close(&lab);
    }
}

/* --- with other processors --- */

/* The kernel's callback: counts before and after the work, and notes the ROM that others may be in.
 */
static const uint8_t stop_others[] = {
    0xFF, 0x05, 0,    0,    0x11, 0,       /* inc dword [110000h] */
    0xA1, 0x3C, 0x10, 0x10, 0,             /* mov eax,[LAB_LINKAGE + rom] */
    0xA3, 8,    0,    0x11, 0,             /* mov [110008h],eax */
    0xFF, 0x74, 0x24, 0x08,                /* push dword [esp + 8] */
    0xFF, 0x54, 0x24, 0x08,                /* call [esp + 8] */
    0x58,                                  /* pop eax */
    0xFF, 0x05, 4,    0,    0x11, 0, 0xC3, /* inc dword [110004h]; ret */
};
_Static_assert(offsetof(struct lab_linkage, rom) == 0x3C, "stop_others");
static const uint8_t does_nothing[] = {0xC3};

static void others_are_stopped(void) {
    static uint8_t rom[IMAGE_MAX], before[LAB_SIZE];
    uint32_t seen[3] = {0, 0, 1};
    struct lab lab;
    memcpy(rom, native_bytes, native_size);
    memset(rom + VMI_INLINE_OFFSET, 0, 4);
    seal(rom);
    lab_open(&lab, blob, blob_size, rom, native_size);
    struct lab_linkage l = lab_prepare(&lab);
    keep(&lab, before);
    l.alone = LAB_FREE;
    lab_write(&lab, LAB_LINKAGE, &l, sizeof(l));
    lab_write(&lab, LAB_FREE, stop_others, sizeof(stop_others));
    lab_write(&lab, 0x110000, seen, sizeof(seen));
    same("linking with the others stopped", 0, lab_link(&lab, true));
    lab_read(&lab, 0x110000, seen, sizeof(seen));
    report(seen[0] == 1 && seen[1] == 1, "the others are stopped once");
    report(!is_kept(&lab, before), "the sites are written");
    same("nobody is in a ROM before", 0, seen[2]);
    lab_link(&lab, false);
    lab_read(&lab, 0x110000, seen, sizeof(seen));
    same("while unlinking others may be in the ROM still", LAB_ROMS, seen[2]);
    lab_close(&lab);

    lab_open(&lab, blob, blob_size, rom, native_size);
    l = lab_prepare(&lab);
    l.alone = LAB_FREE;
    lab_write(&lab, LAB_LINKAGE, &l, sizeof(l));
    lab_write(&lab, LAB_FREE, does_nothing, sizeof(does_nothing));
    lab.text_writes = 0;
    lab_link(&lab, true);
    report(is_kept(&lab, before) && lab.text_writes == 0,
           "no site is written outside the callback");
    lab_close(&lab);
}

/* A callback, or a ROM, that corrupts a record after all were checked. */
static void records_that_change_end_the_writing(void) {
    uint8_t corrupt[] = {
        0xC7, 0x05, 0,    0,    0, 0, 0, 0, 0, 0, /* mov dword [record],0: no call's number */
        0xFF, 0x74, 0x24, 0x08,                   /* push dword [esp + 8] */
        0xFF, 0x54, 0x24, 0x08,                   /* call [esp + 8] */
        0x58, 0xC3,                               /* pop eax; ret */
    };
    for (int rom = 0; rom < 2; rom++) {
        struct lab lab;
        lab_open(&lab, blob, blob_size, native_bytes, native_size);
        struct lab_linkage l = lab_prepare(&lab);
        put32(corrupt + 2, lab.blob.exports.annotations);
        l.alone = LAB_FREE;
        lab_write(&lab, LAB_LINKAGE, &l, sizeof(l));
        lab_write(&lab, LAB_FREE, corrupt, sizeof(corrupt));
        same(rom ? "records that change while sites are linked" : "while they are unlinked",
             CHANGED, lab_link(&lab, rom));
        l = lab_linkage(&lab);
        report(l.rom == 0 && l.bad == lab.blob.exports.annotations, "and the record is named");
        lab_close(&lab);
    }
}

static bool may_park(struct lab *lab, uint32_t eip) {
    return lab_call(lab, lab->blob.exports.may_park, 2, (uint32_t[]){LAB_LINKAGE, eip}) & 0xFF;
}

static void parking(void) {
    struct lab lab;
    lab_open(&lab, blob, blob_size, native_bytes, native_size);
    lab_prepare(&lab);
    struct lab_annotation r = lab_record(&lab, record_of(&lab, VMI_CALL_FlushTLB));
    report(may_park(&lab, r.site) && may_park(&lab, r.site - 1) && may_park(&lab, r.site + r.size),
           "a processor may be parked before and behind a site");
    unsigned wrong = 0;
    for (uint32_t i = 1; i < r.size; i++) {
        wrong += may_park(&lab, r.site + i);
    }
    same("a processor may not be parked within a site", 0, wrong);
    report(may_park(&lab, LAB_ROM + 0x480), "unlinked, the ROM is no matter");
    lab_link(&lab, true);
    report(!may_park(&lab, LAB_ROM) && !may_park(&lab, LAB_ROM + native_size - 1) &&
               may_park(&lab, LAB_ROM - 1) && may_park(&lab, LAB_ROM + native_size),
           "linked, a processor may not be parked in the ROM");
    struct lab_linkage l = lab_linkage(&lab);
    l.thunks_end = LAB_THUNKS + 0x100;
    lab_write(&lab, LAB_LINKAGE, &l, sizeof(l));
    report(!may_park(&lab, LAB_THUNKS) && !may_park(&lab, LAB_THUNKS + 0xFF) &&
               may_park(&lab, LAB_THUNKS - 1) && may_park(&lab, LAB_THUNKS + 0x100),
           "nor in a thunk");
    report(may_park(&lab, 0xFFFFFFFF),
           "other memory at the end is the kernel's with a ROM of API 13");
    lab_write(&lab, LAB_ROMS + offsetof(struct lab_rom, major), (uint8_t[]){VMI_API_MAJOR_3}, 1);
    report(!may_park(&lab, LAB_ROM) && may_park(&lab, 0xFFFFFFFF),
           "and with one of API 3.0 whose hypervisor keeps none of it");
    const uint32_t top = 0xFE000000;
    lab_write(&lab, LAB_ROM + offsetof(struct vmi_rom_header_3, virtual_top), &top, sizeof(top));
    report(may_park(&lab, top - 1) && !may_park(&lab, top) && !may_park(&lab, 0xFFFFFFFF),
           "nor in the area that its hypervisor keeps");
    lab_close(&lab);
}

/* --- overlay and texts --- */

static uint32_t overlay(struct lab *lab, uint32_t area) {
    return lab_call(lab, lab->blob.exports.overlay, 2, (uint32_t[]){LAB_ROMS, area}) & 0xFF;
}

static void overlays(void) {
    static uint8_t area[0x4000], expected[0x4000], rom_3[ROM_3_SIZE];
    struct lab lab;
    uint32_t at = LAB_FREE + 0x1000;
    lab_open(&lab, blob, blob_size, hypercall_bytes, hypercall_size);
    lab_prepare(&lab);
    lab_link(&lab, true); /* describes the ROM */
    memset(area, 0x5A, sizeof(area));
    lab_write(&lab, at, area, sizeof(area));
    memcpy(expected, area, sizeof(area));
    same("an area off a page boundary is refused", 0, overlay(&lab, at + 0x800));
    same("a ROM is copied over the area", 1, overlay(&lab, at));
    memcpy(expected, hypercall_bytes, hypercall_size);
    lab_read(&lab, at, area, sizeof(area));
    report(memcmp(area, expected, sizeof(area)) == 0, "its bytes are, and no others");
    uint8_t changed = (uint8_t)(hypercall_bytes[0x700] + 1);
    lab_write(&lab, LAB_ROM + 0x700, &changed, 1);
    same("a corrupt ROM is refused", 0, overlay(&lab, at));
    make_rom_3(rom_3);
    lab_write(&lab, LAB_ROM, rom_3, ROM_3_SIZE);
    lab_link(&lab, true);
    same("a ROM of API 3 is refused", 0, overlay(&lab, at));
    lab_read(&lab, at, area, sizeof(area));
    report(memcmp(area, expected, sizeof(area)) == 0, "what is refused is not copied");
    lab_close(&lab);
}

static uint32_t text_of(struct lab *lab, uint32_t function, uint32_t value) {
    char text[80] = "";
    uint32_t at = lab_call(lab, function, 1, &value), hash = 5381;
    if (at >= BLOB_BASE && at < LAB_ROM + LAB_SIZE - sizeof(text)) {
        lab_read(lab, at, text, sizeof(text) - 1);
    }
    for (const char *p = text; *p; p++) {
        hash = hash * 33 + (uint8_t)*p;
    }
    return text[0] && !strchr(text, '.') ? hash : 0;
}

static void texts(void) {
    struct lab lab;
    uint32_t seen[32], n = 0, alike = 0;
    lab_open(&lab, blob, blob_size, native_bytes, native_size);
    for (uint32_t verdict = 0; verdict <= OTHER_API + 1; verdict++) {
        seen[n++] = text_of(&lab, lab.blob.exports.verdict_text, verdict);
    }
    for (int error = 0; error >= INLINE - 1; error--) {
        seen[n++] = text_of(&lab, lab.blob.exports.link_text, (uint32_t)error);
    }
    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t j = 0; j < i; j++) {
            alike += seen[i] == seen[j];
        }
    }
    for (uint32_t i = 0; i < n; i++) {
        alike += seen[i] == 0;
    }
    same("every verdict and error has words of its own", 0, alike);
    lab_close(&lab);
}

int main(int argc, char **argv) {
    if (argc < 5) {
        fprintf(stderr, "usage: %s BLOB NATIVE-IMAGE HYPERCALL-IMAGE API-3-IMAGE...\n", argv[0]);
        return 2;
    }
    blob_size = image_load(argv[1], blob, sizeof(blob));
    native_size = image_load(argv[2], native_bytes, sizeof(native_bytes));
    hypercall_size = image_load(argv[3], hypercall_bytes, sizeof(hypercall_bytes));
    finds_by_the_rules();
    starts_the_first_that_accepts();
    link_to_native();
    link_to_a_rom_that_says_nothing();
    link_to_hypercalls();
    rom_bodies();
    bad_records();
    bad_translations();
    records_in_any_order();
    too_little_memory();
    link_to_api_3();
    for (int i = 4; i < argc; i++) {
        link_to_our_api_3(argv[i]);
    }
    old_minor();
    boots_and_tells();
    others_are_stopped();
    records_that_change_end_the_writing();
    parking();
    overlays();
    texts();
    return results_end();
}
