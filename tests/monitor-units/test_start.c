/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* Before the guest runs: ACPI's tables, the published ROMs: acpi.c, publish.c. The images are those
 * of the build's folder, $build or `build`. TAP. */

#define _GNU_SOURCE /* NOLINT(bugprone-reserved-identifier): the library wants this name */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bare.h"
#include "common/acpi.h"
#include "common/publish.h"
#include "common/x86.h"
#include "image_file.h"
#include "results.h"
#include "vmi/calls.h"

/* --- ACPI --- */

#define RSDT 0x110000u
#define FADT 0x111000u
#define MADT 0x112000u
#define DSDT 0x113000u
#define SSDT 0x114000u /* and the next page */
#define EBDA 0x9FC00u
#define HIGH 0xA5000000u

static uint8_t *at(uint64_t address) {
    return (uint8_t *)(uintptr_t)address;
}

static void put(uint64_t address, uint64_t value, unsigned size) {
    memcpy(at(address), &value, size);
}

static void rsdp(uint64_t address, uint32_t rsdt) {
    uint8_t sum = 0;
    memset(at(address), 0, 20);
    memcpy(at(address), "RSD PTR ", 8);
    put(address + 16, rsdt, 4);
    for (unsigned i = 0; i < 20; i++) {
        sum = (uint8_t)(sum + at(address)[i]);
    }
    at(address)[8] = (uint8_t)-sum;
}

static void table(uint32_t address, const char *name, uint32_t length) {
    memset(at(address), 0, PAGE_SIZE);
    memcpy(at(address), name, 4);
    put(address + 4, length, 4);
}

static void rsdt_of(unsigned count, const uint32_t *tables) {
    table(RSDT, "RSDT", 36 + 4 * count);
    for (unsigned i = 0; i < count; i++) {
        put(RSDT + 36 + 4 * i, tables[i], 4);
    }
}

static void forget_rsdps(void) {
    memset(at(0xE0000), 0, 0x20000);
    memset(at(0x100000), 0, 0x1000);
}

/* By the BIOS's area alone. */
static void acpi(void) {
    static const uint32_t tables[] = {FADT, MADT, SSDT, SSDT + PAGE_SIZE};
    forget_rsdps();
    put((uintptr_t)bare_low + 0x40E, 0xFFFF, 2);
    rsdp(0xE0000, RSDT);
    rsdt_of(4, tables);
    table(FADT, "FACP", 116);
    table(MADT, "APIC", 44);
    table(DSDT, "DSDT", 200);
    table(SSDT, "SSDT", 200);
    table(SSDT + PAGE_SIZE, "SSDT", 200);
    put(FADT + 40, DSDT, 4);
    put(FADT + 48, 0x123400B2, 4);
    put(FADT + 64, 0x12340604, 4);
    put(FADT + 68, 0x12340B04, 4);
}

static void s5(uint32_t address, const char *bytes, unsigned size) {
    memcpy(at(address), "_S5_", 4);
    memcpy(at(address + 4), bytes, size);
}

static unsigned off(void) {
    struct sleep_ports ports;
    find_sleep_ports(&ports);
    return ports.off;
}

static void the_tables_are_found_in_either_place(void) {
    struct sleep_ports ports;
    acpi();
    put(FADT + 64, 0x11110604, 4);
    s5(DSDT + 36, "\x12\x06\x04\x0A\x07", 5);
    for (unsigned i = 0; i < 12; i++) {
        static const struct {
            uint32_t at;
            bool found;
        } places[] = {{0xE0000, true}, {0xE0010, true},   {0xE0008, false}, {0xFFFE0, true},
                      {0xF0000, true}, {0x100000, true},  {0x1003E0, true}, {0x1003F0, false},
                      {0xFFFF0, true}, {0x100008, false}, {0xDFFF0, false}, {0x100400, false}};
        forget_rsdps();
        rsdp(places[i].at, RSDT);
        find_sleep_ports(&ports);
        expect(places[i].found ? 0x604 : 0, ports.control[0]);
        expect(places[i].found ? 0xB04 : 0, ports.control[1]);
        expect(places[i].found ? 0xB2 : 0, ports.smi_command);
        expect(places[i].found ? 7 : NO_SLEEP_TYPE, ports.off);
    }
    forget_rsdps(); /* the BIOS data area's is first */
    rsdp(0xE0000, SSDT);
    rsdp(0x100000, RSDT);
    expect(7, off());
    at(0x100009)[0]++; /* its sum is wrong */
    expect(NO_SLEEP_TYPE, off());
    forget_rsdps();
    rsdp(0xE0000, RSDT);
    at(0xE0000)[19]++;
    expect(NO_SLEEP_TYPE, off());
    rsdp(0xE0000, RSDT);
    at(0xE0014)[0] = 0x55; /* no part of it */
    expect(7, off());
    at(0xE0007)[0] = 'x';
    at(0xE0008)[0] = (uint8_t)(at(0xE0008)[0] + ' ' - 'x');
    expect(NO_SLEEP_TYPE, off());
}

/* The extended BIOS data area is looked at as far as a kilobyte. */
static void the_data_area_is_where_the_bios_says(void) {
    acpi();
    s5(DSDT + 36, "\x12\x06\x04\x0A\x05", 5);
    put((uintptr_t)bare_low + 0x40E, EBDA / 16, 2);
    forget_rsdps();
    expect(NO_SLEEP_TYPE, off());
    rsdp(EBDA + 0x3E0, RSDT);
    expect(5, off());
    memset(at(EBDA + 0x3E0), 0, 20);
    rsdp(0xFFFF0, RSDT);
    expect(5, off());
    forget_rsdps();
    rsdp(0x100000, RSDT); /* behind the BIOS */
    expect(NO_SLEEP_TYPE, off());
    put((uintptr_t)bare_low + 4, 40, 4); /* no table: there is no address of one */
    put((uintptr_t)bare_low + 36, FADT, 4);
    expect(NO_SLEEP_TYPE, off());
}

static void a_table_may_be_above_16_mib(void) {
    acpi();
    memcpy(at(HIGH), at(DSDT), PAGE_SIZE);
    s5(HIGH + 36, "\x12\x06\x04\x0A\x06", 5);
    put(FADT + 40, HIGH, 4);
    expect(6, off());
}

static void a_table_is_as_long_as_it_says(void) {
    struct sleep_ports ports;
    acpi();
    put(RSDT + 4, 36 + 3, 4); /* the first entry is not all there */
    find_sleep_ports(&ports);
    expect(0, ports.control[0]);
    put(RSDT + 4, 36 + 4, 4);
    find_sleep_ports(&ports);
    expect(0x604, ports.control[0]);
    expect(0, list_processors((uint8_t[8]){0}, 8));
    put(RSDT + 4, 0x10000, 4); /* it cannot be */
    find_sleep_ports(&ports);
    expect(0, ports.control[0]);
    acpi();
    s5(DSDT + 36, "\x12\x06\x04\x0A\x05", 5);
    put(DSDT + 4, 0xFFFF, 4);
    expect(5, off());
    put(DSDT + 4, 36 + 16, 4);
    expect(5, off());
    put(DSDT + 4, 36 + 15, 4);
    expect(NO_SLEEP_TYPE, off());
}

static void s5s_type_is_the_first_number_of_its_package(void) {
    static const struct {
        const char *bytes;
        unsigned type;
    } cases[] = {{"\x12\x06\x04\x0A\x05", 5},         {"\x12\x46\x04\x02\x0A\x06", 6},
                 {"\x12\x86\x04\x02\x02\x0A\x07", 7}, {"\x12\xC6\x04\x02\x02\x02\x0A\x04", 4},
                 {"\x12\x06\x04\x00\x07", 0},         {"\x12\x06\x04\x01\x07", 1},
                 {"\x12\x06\x04\x02\x07", 0xFF},      {"\x12\x06\x04\x0B\x07", 0xFF},
                 {"\x11\x06\x04\x0A\x05", 0xFF},      {"\x13\x06\x04\x0A\x05", 0xFF}};
    for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        acpi();
        s5(DSDT + 77, cases[i].bytes, 8);
        expect(cases[i].type, off());
    }
    acpi();
    s5(DSDT + 35, "\x12\x06\x04\x0A\x05", 5); /* in the header */
    expect(NO_SLEEP_TYPE, off());
    s5(DSDT + 60, "\x12\x06\x04\x05\x05", 5); /* one that says nothing, and one that does */
    s5(DSDT + 90, "\x12\x06\x04\x0A\x02", 5);
    expect(2, off());
}

static void other_tables_are_looked_at_for_it_in_turn(void) {
    acpi();
    s5(SSDT + PAGE_SIZE + 50, "\x12\x06\x04\x0A\x03", 5);
    expect(3, off());
    s5(SSDT + 50, "\x12\x06\x04\x0A\x04", 5);
    expect(4, off());
    s5(DSDT + 50, "\x12\x06\x04\x0A\x05", 5);
    expect(5, off());
    put(RSDT + 36, 0x115000, 4); /* no FADT */
    expect(NO_SLEEP_TYPE, off());
}

static void processors_are_those_that_are_enabled(void) {
    static const uint8_t entries[] = {
        0, 8,  9, 0x11, 1,    0,    0,    0,                               /* yes */
        0, 8,  9, 0x12, 0,    0,    0,    0,                               /* no */
        0, 8,  9, 0x13, 0xFE, 0xFF, 0xFF, 0xFF,                            /* no */
        1, 12, 9, 0x14, 1,    0,    0,    0,    1,    1, 1, 1,             /* an I/O APIC */
        9, 16, 1, 1,    0x15, 0,    0,    0,    1,    0, 0, 0, 1, 1, 1, 1, /* yes */
        9, 16, 1, 1,    0xFF, 0,    0,    0,    1,    0, 0, 0, 1, 1, 1, 1, /* not by 8 bits */
        9, 16, 1, 1,    0xFE, 0,    0,    0,    0xFF, 0, 0, 0, 1, 1, 1, 1, /* yes */
        9, 16, 1, 1,    0x16, 1,    0,    0,    1,    0, 0, 0, 1, 1, 1, 1, /* no */
        9, 16, 1, 1,    0x17, 0,    0,    0,    0,    0, 0, 0, 1, 1, 1, 1, /* no */
        0, 8,  9, 0x18, 0xFF, 0,    0,    0};                              /* yes */
    uint8_t ids[8];
    acpi();
    memcpy(at(MADT + 44), entries, sizeof(entries));
    put(MADT + 4, 44 + sizeof(entries), 4);
    expect(4, list_processors(ids, 8));
    expect(0x11, ids[0]);
    expect(0x15, ids[1]);
    expect(0xFE, ids[2]);
    expect(0x18, ids[3]);
    ids[2] = 0x77;
    expect(2, list_processors(ids, 2));
    expect(0x77, ids[2]);
    put(MADT + 4, 44 + sizeof(entries) - 1, 4);
    expect(3, list_processors(ids, 8));
    put(MADT + 4, 44 + 8 * 3 + 12 + 15, 4); /* half of the other kind */
    expect(1, list_processors(ids, 8));
    put(MADT + 4, 44 + 8 * 3 + 12 + 16, 4);
    expect(2, list_processors(ids, 8));
    put(MADT + 4, 44 + 7, 4);
    expect(0, list_processors(ids, 8));
    put(MADT + 4, 44 + sizeof(entries), 4);
    at(MADT + 45)[0] = 0; /* a length that leads nowhere */
    expect(1, list_processors(ids, 8));
    memcpy(at(MADT), "APIX", 4);
    expect(0, list_processors(ids, 8));
}

/* --- ROMs --- */

#define AREA     0xC0000u
#define AREA_END 0xE0000u

static uint8_t option_rom[0x10000];
static struct rom_image images[APIS];
static const uint8_t *shown[32]; /* by page of the area */
static unsigned shows;

static void shows_page(uint32_t guest, const void *page) {
    expect(true, guest >= AREA && guest < AREA_END);
    expect(0, (uintptr_t)page % PAGE_SIZE);
    expect(true, !shown[(guest - AREA) / PAGE_SIZE]);
    shown[(guest - AREA) / PAGE_SIZE] = page;
    shows++;
}

/* As the guest sees it. */
static const uint8_t *seen(uint32_t address) {
    const uint8_t *page = shown[(address - AREA) / PAGE_SIZE];
    return page ? page + address % PAGE_SIZE : at(address);
}

static void load_images(void) {
    static const char *const names[] = {"vmi-hypercall.rom", "vmi-native.rom",
                                        "vmi-3-hypercall.rom", "vmi-3-native.rom"};
    const char *build = getenv("build");
    for (unsigned i = 0; i < 4; i++) {
        char path[512];
        uint32_t size, offset = 0x1000 + i * 0x2000;
        snprintf(path, sizeof(path), "%s/%s", build ? build : "build", names[i]);
        size = image_load(path, option_rom + offset, 0x2000);
        if (i % 2) {
            images[i / 2].native = offset;
            images[i / 2].native_size = size;
        } else {
            images[i / 2].hypercall = offset;
            images[i / 2].hypercall_size = size;
        }
    }
}

static int sum_of(uint32_t address, uint32_t size) {
    uint8_t sum = 0;
    for (uint32_t i = 0; i < size; i++) {
        sum = (uint8_t)(sum + *seen(address + i));
    }
    return sum;
}

static void other_rom(uint32_t address, uint8_t blocks, bool vmi) {
    at(address)[0] = 0x55;
    at(address)[1] = 0xAA;
    at(address)[2] = blocks;
    if (vmi) {
        put(address + offsetof(struct vmi_rom_header, vmi_signature), VMI_SIGNATURE, 4);
    }
}

static void the_roms_lie_behind_the_others_and_no_other_is_vmis(void) {
    struct vmi_plan plan = {.trap = VMI_TRAP_VMMCALL, .policy = VMI_POLICY_TUNED};
    uint32_t sizes[2] = {images[0].hypercall_size, images[1].hypercall_size};
    uint8_t cleared;
    memset(at(0xC2000), 0x5A, PAGE_SIZE);
    other_rom(0xC0000, 19, false); /* to C2600h: C2800h is next */
    other_rom(0xC2800, 20, true);  /* to C5000h; its signature goes */
    other_rom(0xC6800, 3, true);   /* in the way of C6000h, not of C5000h */
    other_rom(0xC9000, 0, false);  /* of no length: none */
    other_rom(0xDF800, 4, true);
    at(0xCA000)[0] = 0x55; /* no ROM */
    at(0xCB000)[1] = 0xAA;
    /* our own, of which the guest needs less */
    other_rom(0xCC000, 32, false);
    put(0xCC000 + 6, 0x99, 1);
    for (unsigned i = 7; i < 0x600; i++) {
        at(0xCC000)[i] = (uint8_t)(i * 7);
    }
    shorten_rom(0xCC000, 0x4000, shows_page); /* it is no longer */
    expect(0, shows);
    shorten_rom(0xBF000, 0x200, shows_page);
    shorten_rom(AREA_END, 0x200, shows_page);
    expect(0, shows);
    shorten_rom(0xCC000, 0x600, shows_page);
    expect(1, shows);
    expect(3, seen(0xCC002)[0]);
    expect(0, sum_of(0xCC000, 0x600));
    expect(32, at(0xCC002)[0]);
    bare_count = 0;
    publish(option_rom, images, &plan, shows_page);
    cleared = seen(0xC2800 + offsetof(struct vmi_rom_header, vmi_signature))[0];
    expect(0, cleared);
    expect(0, seen(0xC6800 + offsetof(struct vmi_rom_header, vmi_signature))[0]);
    expect(0, seen(0xDF800 + offsetof(struct vmi_rom_header, vmi_signature))[0]);
    expect('V', seen(0xC2800 + offsetof(struct vmi_rom_header, vmi_signature))[1]);
    expect(0xC5000, publications[0].address);
    expect(0xC7000, publications[1].address);
    for (unsigned i = 0; i < APIS; i++) {
        uint32_t rom = publications[i].address;
        expect(sizes[i], publications[i].size);
        expect(0, sum_of(rom, sizes[i]));
        expect(0x55, seen(rom)[0]);
        expect(VMI_SLOT_NATIVE, publications[i].kind[VMI_CALL_GetCycleCounter]);
        expect(true, is_cycle_counter(seen(rom + VMI_CALL_GetCycleCounter * 32)));
    }
    expect(0, bare_count);                /* nothing to be said */
    for (unsigned i = 0; i < APIS; i++) { /* they are whole images, and say what they hold */
        static uint8_t copy[0x2000];
        struct vmi_image image;
        for (uint32_t n = 0; n < sizes[i]; n++) {
            copy[n] = *seen(publications[i].address + n);
        }
        expect(0, vmi_hv_open(&image, option_rom + images[i].hypercall, sizes[i]));
        expect(VMI_SLOT_NATIVE,
               copy[image.descriptor + offsetof(struct vmi_hypercall_descriptor, kind) +
                    VMI_CALL_GetCycleCounter]);
        expect(0, memcmp(copy + 7, option_rom + images[i].hypercall + 7, 20));
        expect(0, memcmp(copy + VMI_CALL_OFFSET(VMI_CALL_GetCycleCounter) + CYCLE_COUNTER_SIZE,
                         option_rom + images[i].hypercall +
                             VMI_CALL_OFFSET(VMI_CALL_GetCycleCounter) + CYCLE_COUNTER_SIZE,
                         32 - CYCLE_COUNTER_SIZE));
    }
    for (uint32_t i = 0; i < PAGE_SIZE; i++) { /* of a page that is shown the rest stays */
        uint32_t place = 0xC2000 + i;
        if (place != 0xC2800 + offsetof(struct vmi_rom_header, vmi_signature)) {
            expect(at(place)[0], *seen(place));
        }
    }
}

static void a_rom_without_a_place_is_said_to_be_missing(void) {
    struct vmi_plan plan = {.trap = VMI_TRAP_VMMCALL, .policy = VMI_POLICY_ALL};
    char text[256];
    unsigned size = 0;
    for (unsigned i = 0; i < 32; i++) {
        other_rom(AREA + i * 0x1000, 8, false);
    }
    memset(at(0xDE000), 0, 0x2000);
    publish(option_rom, images, &plan, shows_page);
    expect(0xDE000, publications[0].address);
    expect(0, publications[1].address);
    expect(VMI_SLOT_TRAP, publications[0].kind[VMI_CALL_GetCycleCounter]);
    for (unsigned i = 0; i < bare_count && size < sizeof(text) - 1; i++) {
        if (bare_events[i].kind == BARE_OUT && bare_events[i].where == 0xE9 &&
            bare_events[i].value != '\r') {
            text[size++] = (char)bare_events[i].value;
        }
    }
    text[size] = 0;
    expect(true,
           !strncmp(text, "# monitor: a ROM is not published: ", 35) && text[size - 1] == '\n');
    text[size - 1] = 0;
    expect(0, strcmp(text + 35, vmi_hv_error_text(VMI_ERROR_ADDRESS)));
}

static void pad(uint32_t offset, uint32_t *size, uint32_t to) {
    uint8_t more = (uint8_t)((to - *size) / 512);
    option_rom[offset + 2] = (uint8_t)(option_rom[offset + 2] + more);
    option_rom[offset + 6] = (uint8_t)(option_rom[offset + 6] - more);
    *size = to;
}

/* Of the API whose number it is. */
static void pad_images(unsigned i, uint32_t to) {
    pad(images[i].hypercall, &images[i].hypercall_size, to);
    pad(images[i].native, &images[i].native_size, to);
}

static void an_area_without_roms_is_used_from_its_start(void) {
    struct vmi_plan plan = {.trap = VMI_TRAP_VMMCALL, .policy = VMI_POLICY_TUNED};
    publish(option_rom, images, &plan, shows_page);
    expect(0xC0000, publications[0].address);
    expect(0xC2000, publications[1].address);
}

/* Whatever is between two ROMs: they begin on 2 KiB. */
static void a_rom_in_the_way_is_seen_from_afar(void) {
    struct vmi_plan plan = {.trap = VMI_TRAP_VMMCALL, .policy = VMI_POLICY_TUNED};
    other_rom(0xC1000, 2, false);
    other_rom(0xE0000, 2, true); /* behind the area */
    publish(option_rom, images, &plan, shows_page);
    expect(0xC2000, publications[0].address);
    expect(0xC4000, publications[1].address);
    expect('c', at(0xE0000 + offsetof(struct vmi_rom_header, vmi_signature))[0]);
    memset(at(0xE0000), 0, PAGE_SIZE);
}

/* The second image fits into a gap in front of the first. */
static void api_13_is_first_though_the_other_is_smaller(void) {
    struct vmi_plan plan = {.trap = VMI_TRAP_VMMCALL, .policy = VMI_POLICY_TUNED};
    pad_images(0, 0x1A00);
    other_rom(0xC0000, 8, false);
    other_rom(0xC2800, 3, false); /* C1000h to C2800h is free */
    publish(option_rom, images, &plan, shows_page);
    expect(0xC3000, publications[0].address);
    expect(0xC5000, publications[1].address);
}

static void one_without_a_place_leaves_its_place_to_the_other(void) {
    struct vmi_plan plan = {.trap = VMI_TRAP_VMMCALL, .policy = VMI_POLICY_TUNED};
    pad_images(0, 0x1A00);
    other_rom(0xC0000, 8, false);
    other_rom(0xC2800, 235, false); /* C1000h to C2800h is all that is free */
    publish(option_rom, images, &plan, shows_page);
    expect(0, publications[0].address);
    expect(0xC1000, publications[1].address);
}

static void a_rom_may_end_with_the_area(void) {
    struct vmi_plan plan = {.trap = VMI_TRAP_VMMCALL, .policy = VMI_POLICY_TUNED};
    pad_images(0, 0x2000);
    other_rom(AREA, 240, false);
    publish(option_rom, images, &plan, shows_page);
    expect(0xDE000, publications[0].address);
    expect(0, publications[1].address);
}

static void our_own_rom_may_be_the_first(void) {
    other_rom(AREA, 32, false);
    shorten_rom(AREA - 1, 0x200, shows_page);
    expect(0, shows);
    shorten_rom(AREA, 0x200, shows_page);
    expect(1, shows);
    expect(1, seen(AREA + 2)[0]);
}

static void a_broken_image_is_not_published(void) {
    struct vmi_plan plan = {.trap = VMI_TRAP_VMMCALL, .policy = VMI_POLICY_ALL};
    struct rom_image broken[APIS] = {images[0], images[1]};
    broken[0].hypercall = 0x100;
    broken[1].native = 0x100;
    publish(option_rom, broken, &plan, shows_page);
    expect(0, publications[0].address | publications[1].address);
    expect(0, shows);
}

static void get_cycle_counter_is_known_by_each_byte(void) {
    uint8_t code[CYCLE_COUNTER_SIZE] = {0x83, 0xF8, 0x01, 0x77, 0x03, 0x0F, 0x31,
                                        0xC3, 0x31, 0xC0, 0x31, 0xD2, 0xC3};
    expect(true, is_cycle_counter(code));
    for (unsigned i = 0; i < CYCLE_COUNTER_SIZE; i++) {
        code[i] ^= 1;
        expect(false, is_cycle_counter(code));
        code[i] ^= 1;
    }
}

static void reset(void) {
    bare_reset();
    bare_ports[0x3FD] = 0x20;
    memset(at(AREA), 0, AREA_END - AREA);
    memset(shown, 0, sizeof(shown));
    shows = 0;
}

int main(void) {
    bare_start();
    if (mmap((void *)(uintptr_t)AREA, AREA_END - AREA, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED) {
        perror("the option ROMs' area");
        return 1;
    }
    if (mmap((void *)(uintptr_t)(EBDA & -PAGE_SIZE), PAGE_SIZE, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED ||
        mmap((void *)(uintptr_t)HIGH, PAGE_SIZE, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED) {
        perror("the places of ACPI's tables");
        return 1;
    }
    mprotect((void *)(uintptr_t)BARE_BIOS, 0x20000, PROT_READ | PROT_WRITE);
    load_images();
    each_test_starts_with(reset);
    RUN(the_tables_are_found_in_either_place);
    RUN(the_data_area_is_where_the_bios_says);
    RUN(a_table_may_be_above_16_mib);
    RUN(a_table_is_as_long_as_it_says);
    RUN(s5s_type_is_the_first_number_of_its_package);
    RUN(other_tables_are_looked_at_for_it_in_turn);
    RUN(processors_are_those_that_are_enabled);
    RUN(get_cycle_counter_is_known_by_each_byte);
    RUN_ALONE(the_roms_lie_behind_the_others_and_no_other_is_vmis);
    RUN_ALONE(a_rom_without_a_place_is_said_to_be_missing);
    RUN_ALONE(an_area_without_roms_is_used_from_its_start);
    RUN_ALONE(a_rom_in_the_way_is_seen_from_afar);
    RUN_ALONE(api_13_is_first_though_the_other_is_smaller);
    RUN_ALONE(one_without_a_place_leaves_its_place_to_the_other);
    RUN_ALONE(a_rom_may_end_with_the_area);
    RUN_ALONE(our_own_rom_may_be_the_first);
    RUN_ALONE(a_broken_image_is_not_published);
    return results_end();
}
