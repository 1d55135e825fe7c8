/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The part of the kernel that knows of ROMs: find one, start it, link the call sites to it. */
#include "demo.h"
#include "call_names.h"

enum { ROMS = 8, LINE = 79 };

static struct vmi_rom roms[ROMS];
static uint8_t saved[8192];
static uint8_t thunks[4096]; /* executable, as all memory without NX */
static struct vmi_linkage linkage = {
    .first = vmi_annotations,
    .end = vmi_annotations_end,
    .translations = vmi_translations,
    .translations_end = vmi_translations_end,
    .text = kernel_text,
    .text_end = kernel_text_end,
    .saved = saved,
    .saved_end = saved + sizeof(saved),
    .thunks = thunks,
    .thunks_end = thunks + sizeof(thunks),
};

/* The ROM's product string. */
static const char *product(const struct vmi_rom *rom) {
    uint32_t header = ((const struct vmi_rom_header *)rom->base)->pnp_offset;
    uint32_t text = ((const struct vmi_pnp_header *)(rom->base + header))->product;
    for (uint32_t at = text; header && text && at < rom->size; at++) {
        if (!rom->base[at]) {
            return (const char *)rom->base + text;
        }
    }
    return "no name";
}

const struct vmi_rom *rom_start(uint8_t api) {
    unsigned found = vmi_find(guest_at(0), roms, ROMS), count = 0;
    for (unsigned i = 0; i < found; i++) {
        const struct vmi_rom *rom = &roms[i];
        print("VMI ROM at %05Xh: API %u.%u, ", rom->physical, rom->major, rom->minor);
        if (rom->verdict != VMI_ROM_GOOD) {
            print("refused: %s\n", vmi_verdict_text(rom->verdict));
            continue;
        }
        print("\"%s\", %s\n", product(rom),
              api && rom->major != api ? "not asked for" : "checksum right");
        if (!api || rom->major == api) {
            roms[count++] = *rom;
        }
    }
    if (!found) {
        print("No VMI ROM from %Xh to %Xh\n", VMI_SCAN_START, VMI_SCAN_END - 1);
    }

    const struct vmi_rom *rom = vmi_start(roms, count, VMI_SPEAKS_13 | VMI_SPEAKS_3);
    for (unsigned i = 0; i < count; i++) {
        if (roms[i].verdict != VMI_ROM_GOOD) {
            print("VMI ROM at %05Xh: %s\n", roms[i].physical, vmi_verdict_text(roms[i].verdict));
        }
    }
    return rom;
}

/* ---- What became of the sites ---- */

enum { JUMPED = VMI_SITE_KINDS, KINDS };

static const char *const kind_names[KINDS] = {"native", "inlined", "called", "jumped"};

static int kind_of(uint32_t site) {
    const struct vmi_annotation *a = &linkage.first[site];
    int kind = vmi_site_kind(&linkage, site);
    /* The kit counts a JMP, which API 3.0 may request, as a call. */
    return kind == VMI_SITE_CALLED && a->site[a->size - 5] == 0xE9 ? JUMPED : kind;
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *name_of(uint32_t call) {
    for (uint32_t i = 0; i < COUNT(vmi_call_names); i++) {
        if (vmi_call_names[i].slot == call) {
            return vmi_call_names[i].name;
        }
    }
    for (uint32_t i = 0; i < COUNT(vmi3_call_names); i++) {
        if (vmi3_call_names[i].slot == call) {
            return vmi3_call_names[i].name;
        }
    }
    return "?";
}

/* Lists the calls of one kind with their number of sites, in lines that fit the screen. */
static void print_kind(int kind, uint8_t counts[VMI_SITE_CALL_LAST + 1]) {
    char item[40];
    uint32_t column = 0; /* 0: nothing is printed yet */
    for (uint32_t call = 0; call <= VMI_SITE_CALL_LAST; call++) {
        if (!counts[call]) {
            continue;
        }
        uint32_t size = (uint32_t)guest_snprintf(item, sizeof(item), " %s%s %u", name_of(call),
                                                 call > VMI_CALL_LAST ? "(3.0)" : "", counts[call]);
        if (!column || column + size > LINE) {
            print("%s  %-8s", column ? "\n" : "", column ? "" : kind_names[kind]);
            column = 10;
        }
        print("%s", item);
        column += size;
    }
    if (column) {
        print("\n");
    }
}

int rom_link(const struct vmi_rom *rom) {
    static uint8_t counts[KINDS][VMI_SITE_CALL_LAST + 1];
    uint32_t sums[KINDS] = {0}, sites = (uint32_t)(linkage.end - linkage.first);
    int error = rom ? vmi_link(&linkage, rom) : 0;
    if (error) {
        print("Not linked: %s (call %u)\n", vmi_link_text(error),
              linkage.bad ? linkage.bad->call : 0);
    }
    for (uint32_t site = 0; site < sites; site++) {
        counts[kind_of(site)][linkage.first[site].call]++;
        sums[kind_of(site)]++;
    }
    print("%u call sites, ", sites);
    if (linkage.rom) {
        print("ROM at %05Xh:", linkage.rom->physical);
    } else {
        print("no ROM:");
    }
    for (int kind = 0; kind < KINDS; kind++) {
        print(" %u %s%s", sums[kind], kind_names[kind], kind == KINDS - 1 ? "\n" : ",");
    }
    for (int kind = 0; kind < KINDS; kind++) {
        print_kind(kind, counts[kind]);
    }
    return !error;
}
