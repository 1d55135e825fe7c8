/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * Tests of the program romsum, run in an empty folder that holds it (./romsum), a built ROM
 * (./vmi-native.rom, ./vmi-hypercall.rom) and the in-process tests (./changes, ./mutants). Offsets
 * and messages are written down here by hand: neither rom.h nor romsum is asked what is right. What
 * the call table counts comes from it.
 */
#define _XOPEN_SOURCE 700
#define _DEFAULT_SOURCE

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "call_names.h"
#include "harness.h"
#include "vmi/calls.h"

/* A trap as the command line and as the descriptor name it, and its site. */
struct trap {
    const char *name;
    uint8_t kind, operand;
    const char *site;
};

static const struct trap traps[] = {
    {"vmmcall", 0, 0, "\x0F\x01\xD9"},      {"vmcall", 1, 0, "\x0F\x01\xC1"},
    {"int:0x20", 2, 0x20, "\xCD\x20\x90"},  {"int:80h", 2, 0x80, "\xCD\x80\x90"},
    {"int:0xFF", 2, 0xFF, "\xCD\xFF\x90"},  {"out:0x00", 3, 0x00, "\xE6\x00\x90"},
    {"out:0x0e9", 3, 0xE9, "\xE6\xE9\x90"}, {"out:FFh", 3, 0xFF, "\xE6\xFF\x90"},
};

enum { VMMCALL, VMCALL, INT_20, INT_80, INT_FF, OUT_00, OUT_E9, OUT_FF };

static size_t descriptor_at;

static bool is_trapping(size_t slot) {
    return (slot >= 5 && slot <= 15) || (slot >= 45 && slot <= 60) || slot == 80;
}

/* 28 traps, a nop in slots 28 and 78, native bodies else. */
static void put_slots(const struct trap *trap) {
    for (size_t slot = 5; slot < 128; slot++) {
        memset(image + slot * 32, 0xCC, 32);
        if (is_trapping(slot)) {
            put(slot * 32, trap->site, 3);
        } else {
            put(slot * 32, "\x31\xC0\x99", 3);
        }
        image[slot * 32 + 3] = 0xC3;
    }
    memset(image + 28 * 32, 0xCC, 32);
    memset(image + 78 * 32, 0xCC, 32);
    image[28 * 32] = image[78 * 32] = 0xC3;
}

static void put_descriptor(size_t at, const struct trap *trap) {
    static const uint8_t refusal[] = {0x83, 0xC8, 0xFF, 0xC3, 0xCC, 0xCC, 0xCC};

    descriptor_at = at;
    put_number(0x14, 2, (uint32_t)at);
    memset(image + at, 0, 136);
    put(at, "VmiT\3", 5);
    memcpy(image + 0x98, refusal, sizeof(refusal));
    image[at + 5] = trap->kind;
    image[at + 6] = trap->operand;
    memset(image + at + 8, 3, 5);
    for (size_t slot = 5; slot < 128; slot++) {
        image[at + 8 + slot] = is_trapping(slot);
    }
    image[at + 8 + 28] = image[at + 8 + 78] = 2;
}

/* The descriptor at 0x1010, its kinds from 0x1018 on. */
static void make_hypercall_of(const struct trap *trap) {
    make_13_of(5120);
    put_slots(trap);
    put_descriptor(0x1010, trap);
    put_sums();
}

static void make_hypercall(void) {
    make_hypercall_of(&traps[VMMCALL]);
}

static void make_hypercall_int(void) {
    make_hypercall_of(&traps[INT_80]);
}

static void make_hypercall_int_1f(void) {
    static const struct trap low = {"", 2, 0x1F, "\xCD\x1F\x90"};

    make_hypercall_of(&low);
}

static void make_hypercall_vmcall(void) {
    make_hypercall_of(&traps[VMCALL]);
}

/* The slots that the descriptor covers are native ones. */
static void make_hypercall_with_descriptor_in_slots(void) {
    make_hypercall();
    put_descriptor(0x210, &traps[VMMCALL]);
}

static void make_hypercall_without_traps(void) {
    make_hypercall();
    for (size_t slot = 5; slot <= 87; slot++) {
        put(slot * 32, "\xC3\xCC\xCC\xCC", 4);
        image[0x1018 + slot] = slot == 85 ? 0 : 2;
    }
}

/* The slots of API 3.0 are those of API 13, but slot 4 holds the two entries. */
static void make_3_hypercall_of(const struct trap *trap) {
    make_3_of(5120);
    put_slots(trap);
    put_descriptor(0x1010, trap);
    put_sums();
}

static void make_3_hypercall(void) {
    make_3_hypercall_of(&traps[VMMCALL]);
}

static void make_3_hypercall_with_descriptor_in_slots(void) {
    make_3_hypercall();
    put_descriptor(0x210, &traps[VMMCALL]);
}

static void make_3_hypercall_without_slots(void) {
    make_3();
    put_descriptor(0x200, &traps[VMMCALL]);
}

static void make_pci_rev_3(void) {
    put_start(2048);
    put_pcir(0x1C, 3);
    put_number(0x32, 2, 1);
    put_sums();
}

static void make_pcir_at_3e(void) {
    put_start(2048);
    put_pcir(0x3E, 0);
}

static void make_pcir_in_header(void) {
    put_start(4096); /* 8 blocks at PCIR + 10h are also the pointer to 08h at 18h */
    put_pcir(0x08, 0);
}

static void make_pci_rev_3_at_the_end(void) {
    put_start(2048);
    put_pcir(0x7E8, 3);
}

/* Large enough for "PCIR", read as boot vectors, to lie inside. */
static void make_pnp_over_pcir(void) {
    put_start(64 * 512);
    put_pnp(0x40);
    put_pcir(0x58, 0);
    put_number(0x4E, 4, 0);
}

static void make_pnp_in_foreign_rom(void) {
    make_legacy();
    put_pnp(0x24);
    put_number(0x18, 2, 0);
    put_number(0x32, 2, 0x02);
    put_number(0x3E, 2, 0x30);
    put_sums();
}

static void make_13_with_pnp_at_48(void) {
    make_13();
    memset(image + 0x40, 0, 0x40);
    put_pnp(0x48);
    image[3] = 0xCB;
}

static void make_13_with_pcir_in_slot_7(void) {
    make_13();
    memset(image + 0xE0, 0, 0x20);
    put_pcir(0xE0, 0);
}

static void make_3_with_pcir_at_84(void) {
    make_3();
    put_pcir(0x84, 0);
}

/* ---- Images that are good ---- */

static void check_good(const char *name) {
    struct run seen;

    write_file("good.rom", image, image_size);
    seen = ROMSUM("--check", "good.rom");
    result(name, gave(&seen, 0, "") && holds(seen.out[0] == '\0', "stdout is empty"));
}

static void test_good_images(void) {
    struct run seen = ROMSUM("--check", "vmi-native.rom");

    result("check_accepts_the_built_native_rom",
           gave(&seen, 0, "") && holds(seen.out[0] == '\0', "stdout is empty"));
    make_13();
    check_good("check_accepts_an_api_13_image_of_8_blocks");
    make_13_of(32 * 512);
    check_good("check_accepts_an_api_13_image_of_32_blocks");
    make_13_rev_3();
    check_good("check_accepts_an_api_13_image_with_pcir_revision_3");
    make_13();
    image[0x0C] = 255;
    put_sums();
    check_good("check_accepts_any_api_13_minor");
    make_13();
    memset(image + 0x14, 0xA5, 4);
    put_sums();
    check_good("check_accepts_anything_in_the_private_dword");
    make_13();
    put_number(0x18, 4, 0);
    memset(image + 0x20, 0, 0x60);
    put(3, "\xCB\0\0", 3);
    put_sums();
    check_good("check_accepts_an_api_13_image_without_pcir_and_pnp");
    make_13();
    put_number(0x50, 2, 0x62);
    put_sums();
    check_good("check_accepts_strings_that_share_their_bytes");
    make_13();
    put_number(0x14, 2, 0x0FFD);
    put(0x0FFD, "Vmi", 3);
    put_sums();
    check_good("check_accepts_a_private_word_that_leads_to_three_bytes_of_the_magic");
    make_3();
    check_good("check_accepts_an_api_3_image_under_gpl_v2");
    make_3();
    put(0x70, "GPL\0\0\0", 6);
    put_sums();
    check_good("check_accepts_an_api_3_image_under_gpl");
    make_legacy();
    check_good("check_accepts_a_legacy_rom_with_code_at_18h");
    make_pci();
    check_good("check_accepts_a_pci_rom_whose_length_byte_is_below_the_pcir_length");
    make_pci_rev_3();
    check_good("check_accepts_a_pci_rom_of_revision_3_that_keeps_less_than_it_brings");
    make_13();
    put(3, "\xEB\x33\0", 3);
    image[0x38] = 0xCB;
    put_sums();
    check_good("check_accepts_an_entry_jump_right_behind_pcir");
    make_13();
    put(0x7A, "Thing", 6);
    put_number(0x50, 2, 0x7A);
    put_sums();
    check_good("check_accepts_a_string_right_before_the_call_slots");
    make_13();
    put_number(0x46, 2, 0x100);
    put_sums();
    check_good("check_accepts_a_next_pnp_header_inside_the_image");
    make_pci();
    put_number(0x24, 2, 0x8000);
    put_sums();
    check_good("check_accepts_any_vpd_pointer_in_pcir_revision_0");
    make_pnp_in_foreign_rom();
    check_good("check_accepts_a_foreign_rom_with_strings_and_boot_vectors_of_its_own");
    put_start(255 * 512);
    put_sums();
    check_good("check_accepts_a_legacy_rom_of_255_blocks");
}

static void test_good_hypercall_images(void) {
    struct run seen = ROMSUM("--check", "vmi-hypercall.rom");
    char name[96];

    result("check_accepts_the_built_hypercall_rom",
           gave(&seen, 0, "") && holds(seen.out[0] == '\0', "stdout is empty"));
    for (size_t i = 0; i < COUNT(traps); i++) {
        make_hypercall_of(&traps[i]);
        snprintf(name, sizeof(name), "check_accepts_a_hypercall_image_of_trap_%s", traps[i].name);
        check_good(name);
    }
    make_3_hypercall();
    check_good("check_accepts_a_hypercall_image_of_api_3");
    make_hypercall();
    memset(image + 0x1010, 0, 136);
    put_descriptor(5120 - 136, &traps[VMMCALL]);
    put_sums();
    check_good("check_accepts_a_descriptor_at_the_end_of_the_image");
    make_hypercall();
    put_number(0x16, 2, 0xABCD);
    put_sums();
    check_good("check_accepts_anything_behind_the_pointer_to_the_descriptor");
    make_hypercall();
    memset(image + 0x1018 + 5, 0, 122);
    memset(image + 5 * 32, 0x90, 4096 - 5 * 32);
    put(87 * 32, "\x0F\x01\xD9\xC3", 4);
    memset(image + 87 * 32 + 4, 0xCC, 28);
    image[0x1018 + 87] = 1;
    put_sums();
    check_good("check_accepts_a_single_trap_in_the_last_call");
}

/* ---- Images that are bad ---- */

struct poke {
    uint16_t at;
    uint8_t width; /* 0: no more pokes */
    uint32_t value;
};

enum { FIX_SUMS, KEEP_PNP_SUM, KEEP_SUMS };

struct bad {
    const char *name;
    void (*make)(void);
    struct poke pokes[5];
    const char *expected; /* all lines, without "romsum: bad.rom: " and "warning: " */
    int sums;
    bool warns;                /* no more than that: a BIOS runs it */
    size_t size;               /* of the file, 0: the image's own */
    uint8_t first, last, fill; /* slots to fill, 0: none */
};

static const struct bad bad_images[] = {
    {.name = "check_refuses_a_wrong_signature_and_stops_there",
     .make = make_legacy,
     .pokes = {{0, 2, 0x5A4D}, {2, 1, 0}},
     .expected = "at 0x00: signature is 4D 5A, not 55 AA: not an option ROM\n"},
    {.name = "check_refuses_a_wrong_signature_of_a_vmi_rom",
     .make = make_13,
     .pokes = {{1, 1, 0xAB}},
     .expected = "at 0x00: signature is 55 AB, not 55 AA: not an option ROM\n"},
    {.name = "check_refuses_a_zero_length_byte",
     .make = make_13,
     .pokes = {{2, 1, 0}},
     .expected = "at 0x02: length byte is 0: a BIOS skips the ROM\n"},
    {.name = "check_refuses_a_length_byte_past_the_end_of_the_file",
     .make = make_13,
     .pokes = {{2, 1, 9}},
     .expected =
         "at 0x02: length byte says 9 blocks (4608 bytes), the file ends after 4096 bytes: cut "
         "short?\n"},
    {.name = "check_refuses_a_vmi_rom_with_a_length_byte_below_the_file_size",
     .make = make_13_rev_3,
     .pokes = {{2, 1, 8}},
     .expected = "at 0x02: length byte says 8 blocks (4096 bytes), the file has 4608 bytes\n"},
    {.name = "check_warns_of_what_is_behind_a_legacy_rom",
     .make = make_legacy,
     .pokes = {{2, 1, 3}},
     .warns = true,
     .expected = "at 0x600: 512 bytes of 00 behind the image: not part of it\n"},
    {.name = "check_refuses_an_api_13_image_of_33_blocks",
     .make = make_13,
     .pokes = {{2, 1, 33}, {0x30, 2, 33}},
     .size = 33 * 512,
     .expected = "at 0x02: length byte says 33 blocks: Linux 13.0 panics above 32 (16384 bytes)\n"},
    {.name = "check_refuses_an_api_13_image_too_short_for_its_table",
     .make = make_13,
     .pokes = {{2, 1, 7}, {0x30, 2, 7}},
     .size = 7 * 512,
     .expected = "at 0x02: length byte says 7 blocks: the call table of API 13 fills 8\n"},
    {.name = "check_refuses_a_wrong_checksum_of_a_legacy_rom",
     .make = make_legacy,
     .pokes = {{6, 1, 0x33}},
     .sums = KEEP_SUMS,
     .expected = "at 0x06: the image's 2048 bytes sum to 0xCB, not 0: checksum 0x33, right 0x68\n"},
    {.name = "check_refuses_an_entry_jump_out_of_the_image",
     .make = make_13,
     .pokes = {{4, 2, 0x0FFA}},
     .expected = "at 0x03: entry jumps to 0x1000, outside the image (4096 bytes)\n"},
    {.name = "check_refuses_an_entry_jump_back_over_the_start",
     .make = make_13,
     .pokes = {{4, 2, 0xFFF0}},
     .expected = "at 0x03: entry jumps to 0xFFF6, outside the image (4096 bytes)\n"},
    {.name = "check_refuses_an_entry_jump_into_the_header",
     .make = make_13,
     .pokes = {{4, 2, 0x0010}},
     .expected = "at 0x03: entry jumps to 0x16, into the header\n"},
    {.name = "check_refuses_an_entry_jump_to_the_checksum_of_a_vmi_rom",
     .make = make_13,
     .pokes = {{3, 2, 0x01EB}},
     .expected = "at 0x03: entry jumps to 0x06, into the header\n"},
    {.name = "check_warns_of_an_entry_that_jumps_to_itself",
     .make = make_legacy,
     .pokes = {{3, 2, 0xFEEB}},
     .warns = true,
     .expected = "at 0x03: entry jumps to 0x03, into the header\n"},
    {.name = "check_refuses_a_backward_short_jump_of_the_entry",
     .make = make_13,
     .pokes = {{3, 2, 0xFBEB}},
     .expected = "at 0x03: entry jumps to 0x00, into the header\n"},
    {.name = "check_refuses_an_entry_jump_into_pcir",
     .make = make_13,
     .pokes = {{3, 2, 0x20EB}},
     .expected = "at 0x03: entry jumps to 0x25, into PCIR\n"},
    {.name = "check_refuses_an_entry_jump_to_the_first_byte_of_pcir",
     .make = make_13,
     .pokes = {{3, 2, 0x1BEB}},
     .expected = "at 0x03: entry jumps to 0x20, into PCIR\n"},
    {.name = "check_refuses_an_entry_jump_into_pnp",
     .make = make_13,
     .pokes = {{3, 2, 0x5AEB}},
     .expected = "at 0x03: entry jumps to 0x5F, into $PnP\n"},
    {.name = "check_refuses_an_entry_jump_into_a_string",
     .make = make_13,
     .pokes = {{3, 2, 0x5CEB}},
     .expected = "at 0x03: entry jumps to 0x61, into the manufacturer string\n"},
    {.name = "check_refuses_a_vmi_entry_that_is_neither_jump_nor_retf",
     .make = make_13,
     .pokes = {{3, 1, 0x90}},
     .expected = "at 0x03: entry code 0x90 is neither a jump (E9, EB) nor RETF (CB)\n"},
    {.name = "check_refuses_an_unknown_api_major",
     .make = make_13,
     .pokes = {{0x0D, 1, 12}},
     .expected = "at 0x0D: API major 12 is not known (13 and 3 are)\n"},
    {.name = "check_refuses_reserved0_that_is_not_zero",
     .make = make_13,
     .pokes = {{0x0E, 1, 4}},
     .expected = "at 0x0E: reserved0 is 0x04, must be 0\n"},
    {.name = "check_refuses_reserved1_that_is_not_zero",
     .make = make_13,
     .pokes = {{0x0F, 1, 0xFF}},
     .expected = "at 0x0F: reserved1 is 0xFF, must be 0\n"},
    {.name = "check_refuses_reserved2_that_is_not_zero",
     .make = make_13,
     .pokes = {{0x13, 1, 0xFC}},
     .expected = "at 0x10: reserved2 is 0xFC000000, must be 0\n"},
    {.name = "check_refuses_pad3_that_is_not_zero",
     .make = make_13,
     .pokes = {{0x1C, 4, 0x100}},
     .expected = "at 0x1C: pad3 is 0x100, must be 0\n"},
    {.name = "check_refuses_a_pcir_offset_outside_the_image",
     .make = make_13,
     .pokes = {{0x18, 2, 0x9000}},
     .expected = "at 0x18: PCIR offset 0x9000 lies outside the image (4096 bytes)\n"},
    {.name = "check_refuses_pcir_that_ends_outside_the_image",
     .make = make_13,
     .pokes = {{0x18, 2, 0x0FEC}},
     .expected = "at 0x18: PCIR offset 0xFEC lies outside the image (4096 bytes)\n"},
    {.name = "check_warns_of_a_pcir_offset_off_its_boundary",
     .make = make_pcir_at_3e,
     .warns = true,
     .expected = "at 0x18: PCIR offset 0x3E is not a multiple of 4\n"},
    {.name = "check_refuses_a_wrong_pcir_signature",
     .make = make_13,
     .pokes = {{0x22, 1, 'Q'}},
     .expected = "at 0x20: PCIR signature is 50 43 51 52, not \"PCIR\"\n"},
    {.name = "check_refuses_an_unknown_pcir_revision",
     .make = make_13,
     .pokes = {{0x2C, 1, 1}},
     .expected = "at 0x2C: PCIR revision 1 is not known (0 and 3 are)\n"},
    {.name = "check_refuses_a_wrong_length_of_pcir_revision_0",
     .make = make_13,
     .pokes = {{0x2A, 2, 28}},
     .expected = "at 0x2A: PCIR structure length is 28, revision 0 has 24\n"},
    {.name = "check_refuses_a_wrong_length_of_pcir_revision_3",
     .make = make_13_rev_3,
     .pokes = {{0x2A, 2, 24}},
     .expected = "at 0x2A: PCIR structure length is 24, revision 3 has 28\n"},
    {.name = "check_refuses_a_pcir_length_past_the_end_of_the_image",
     .make = make_13,
     .pokes = {{0x2A, 2, 0xFFFF}},
     .expected = "at 0x2A: PCIR structure length is 65535, revision 0 has 24\n"
                 "at 0x2A: PCIR ends outside the image (4096 bytes)\n"},
    {.name = "check_warns_of_an_unknown_pcir_code_type",
     .make = make_pci,
     .pokes = {{0x30, 1, 4}},
     .warns = true,
     .expected = "at 0x30: PCIR code type 4 is not known (0 x86 BIOS, 1 Open Firmware, 2 PA-RISC, "
                 "3 EFI): a BIOS that reads the ROM from its device skips it\n"},
    {.name = "check_refuses_a_vmi_rom_whose_code_type_is_not_x86",
     .make = make_13,
     .pokes = {{0x34, 1, 1}},
     .expected = "at 0x34: PCIR code type is 1, not 0 (x86 BIOS)\n"},
    {.name = "check_refuses_a_wrong_pcir_image_length",
     .make = make_13,
     .pokes = {{0x30, 2, 10}},
     .expected =
         "at 0x30: PCIR image length says 10 blocks (5120 bytes), the file has 4096 bytes\n"},
    {.name = "check_warns_of_a_zero_pcir_image_length",
     .make = make_pci,
     .pokes = {{0x2C, 2, 0}},
     .warns = true,
     .expected = "at 0x2C: PCIR image length says 0 blocks (0 bytes): less than the image has\n"
                 "at 0x400: 1024 bytes of 00 behind the image: not part of it\n"},
    {.name = "check_refuses_a_clear_last_image_bit_at_the_end_of_the_file",
     .make = make_13,
     .pokes = {{0x35, 1, 0x7F}},
     .expected =
         "at 0x35: last-image bit is clear, but no image follows: firmware looks for one; cut "
         "short?\n"},
    {.name = "check_warns_of_a_clear_last_image_bit_that_leads_to_no_image",
     .make = make_pci,
     .pokes = {{0x2C, 2, 2}, {0x31, 1, 0}},
     .warns = true,
     .expected = "at 0x31: last-image bit is clear, but no image follows at 0x400 (00 00, not 55 "
                 "AA): firmware looks for one\n"
                 "at 0x400: 1024 bytes of 00 behind the image: not part of it\n"},
    {.name = "check_warns_of_what_begins_like_an_image_behind_the_last_one",
     .make = make_pci,
     .pokes = {{0x2C, 2, 2}, {0x400, 2, 0xAA55}},
     .warns = true,
     .expected = "at 0x400: 1024 bytes of something else behind the image: not part of it\n"},
    {.name = "check_refuses_a_zero_vendor_in_a_vmi_rom",
     .make = make_13,
     .pokes = {{0x24, 2, 0}},
     .expected = "at 0x24: PCIR vendor 0x0000 is not a PCI vendor\n"},
    {.name = "check_refuses_vendor_ffff_in_a_vmi_rom",
     .make = make_3,
     .pokes = {{0x24, 2, 0xFFFF}},
     .expected = "at 0x24: PCIR vendor 0xFFFF is not a PCI vendor\n"},
    {.name = "check_refuses_a_run_time_length_unlike_the_image_length_in_a_vmi_rom",
     .make = make_13_rev_3,
     .pokes = {{0x36, 2, 4}},
     .expected = "at 0x36: PCIR run-time length says 4 blocks, the image length 9\n"},
    {.name = "check_refuses_a_pcir_device_list_outside_the_image",
     .make = make_13_rev_3,
     .pokes = {{0x28, 2, 0x8000}},
     .expected = "at 0x28: PCIR device list at 0x8020 does not end inside the image\n"},
    {.name = "check_warns_of_a_pcir_device_list_without_end",
     .make = make_pci_rev_3,
     .pokes = {{0x24, 2, 0x07E0}, {0x7FC, 2, 1}, {0x7FE, 2, 2}},
     .warns = true,
     .expected = "at 0x24: PCIR device list at 0x7FC does not end inside the image\n"},
    {.name = "check_refuses_a_pnp_offset_outside_the_image",
     .make = make_13,
     .pokes = {{0x1A, 2, 0x0FF0}},
     .expected = "at 0x1A: $PnP offset 0xFF0 lies outside the image (4096 bytes)\n"},
    {.name = "check_refuses_a_pnp_offset_off_its_boundary_in_a_vmi_rom",
     .make = make_13_with_pnp_at_48,
     .expected = "at 0x1A: $PnP offset 0x48 is not a multiple of 16\n"},
    {.name = "check_refuses_a_wrong_pnp_signature",
     .make = make_13,
     .pokes = {{0x43, 1, 'p'}},
     .expected = "at 0x40: $PnP signature is 24 50 6E 70, not \"$PnP\"\n"},
    {.name = "check_refuses_an_unknown_pnp_revision",
     .make = make_13,
     .pokes = {{0x44, 1, 2}},
     .expected = "at 0x44: $PnP revision 2 is not known (1 is)\n"},
    {.name = "check_refuses_a_pnp_length_of_16_bytes",
     .make = make_13,
     .pokes = {{0x45, 1, 1}},
     .expected = "at 0x45: $PnP length is 1 units of 16 bytes, at least 2 needed\n"},
    {.name = "check_refuses_pnp_that_ends_outside_the_image",
     .make = make_3,
     .pokes = {{0x45, 1, 0xFF}},
     .expected = "at 0x45: $PnP ends outside the image (1024 bytes)\n"
                 "at 0x40: $PnP (0x40 to 0x102F) overlaps the API 3.0 entries (0x80 to 0x8F)\n"
                 "at 0x40: $PnP (0x40 to 0x102F) overlaps the licence string (0x70 to 0x76)\n"
                 "at 0x60: the manufacturer string (0x60 to 0x65) overlaps $PnP (0x40 to 0x102F)\n"
                 "at 0x66: the product string (0x66 to 0x6B) overlaps $PnP (0x40 to 0x102F)\n"},
    {.name = "check_refuses_a_wrong_pnp_checksum",
     .make = make_13,
     .pokes = {{0x49, 1, 0x77}},
     .sums = KEEP_PNP_SUM,
     .expected = "at 0x49: $PnP's 32 bytes sum to 0x72, not 0: checksum 0x77, right 0x05\n"},
    {.name = "check_refuses_a_next_pnp_header_outside_the_image",
     .make = make_13,
     .pokes = {{0x46, 2, 0x0FE1}},
     .expected = "at 0x46: next $PnP offset 0xFE1 lies outside the image (4096 bytes)\n"},
    {.name = "check_refuses_a_missing_manufacturer_string_in_api_13",
     .make = make_13,
     .pokes = {{0x4E, 2, 0}},
     .expected = "at 0x4E: manufacturer string offset is 0: Linux 13.0 prints it untested\n"},
    {.name = "check_refuses_a_missing_product_string_in_api_13",
     .make = make_13,
     .pokes = {{0x50, 2, 0}},
     .expected = "at 0x50: product string offset is 0: Linux 13.0 prints it untested\n"},
    {.name = "check_refuses_a_manufacturer_string_outside_the_image",
     .make = make_13,
     .pokes = {{0x4E, 2, 0x1000}},
     .expected =
         "at 0x4E: manufacturer string offset 0x1000 lies outside the image (4096 bytes)\n"},
    {.name = "check_refuses_a_product_string_without_nul",
     .make = make_13,
     .pokes = {{0x50, 2, 0x0FFE}, {0x0FFE, 2, 0x4141}},
     .expected = "at 0xFFE: product string has no NUL before the end of the image\n"},
    {.name = "check_refuses_a_boot_connection_vector_in_a_vmi_rom",
     .make = make_13,
     .pokes = {{0x56, 2, 0x70}},
     .expected = "at 0x56: boot connection vector is 0x70, must be 0, or the BIOS will offer the "
                 "ROM as a boot "
                 "device\n"},
    {.name = "check_refuses_a_bootstrap_entry_vector_in_a_vmi_rom",
     .make = make_3,
     .pokes = {{0x5A, 2, 0x3}},
     .expected = "at 0x5A: bootstrap entry vector is 0x03, must be 0, or the BIOS will offer the "
                 "ROM as a boot "
                 "device\n"},
    {.name = "check_refuses_a_disconnect_vector_outside_the_image",
     .make = make_13,
     .pokes = {{0x58, 2, 0xF000}},
     .expected = "at 0x58: disconnect vector 0xF000 lies outside the image (4096 bytes)\n"},
    {.name = "check_refuses_a_static_resource_vector_outside_the_image",
     .make = make_13,
     .pokes = {{0x5E, 2, 0x1000}},
     .expected = "at 0x5E: static resource vector 0x1000 lies outside the image (4096 bytes)\n"},
    {.name = "check_warns_of_pcir_that_ends_behind_the_last_byte",
     .make = make_pci_rev_3_at_the_end,
     .warns = true,
     .expected = "at 0x7F2: PCIR ends outside the image (2048 bytes)\n"},
    {.name = "check_warns_of_pnp_that_overlaps_pcir",
     .make = make_pnp_over_pcir,
     .warns = true,
     .expected = "at 0x40: $PnP (0x40 to 0x5F) overlaps PCIR (0x58 to 0x6F)\n"},
    {.name = "check_warns_of_pcir_in_the_header",
     .make = make_pcir_in_header,
     .warns = true,
     .expected = "at 0x08: PCIR (0x08 to 0x1F) overlaps the header (0x00 to 0x1B)\n"},
    {.name = "check_refuses_pcir_in_the_call_slots",
     .make = make_13_with_pcir_in_slot_7,
     .expected = "at 0xE0: PCIR (0xE0 to 0xF7) overlaps the call slots (0x80 to 0xFFF)\n"},
    {.name = "check_refuses_pcir_over_the_entries_of_api_3",
     .make = make_3_with_pcir_at_84,
     .expected = "at 0x84: PCIR (0x84 to 0x9B) overlaps the API 3.0 entries (0x80 to 0x8F)\n"},
    {.name = "check_refuses_a_string_in_the_call_slots",
     .make = make_13,
     .pokes = {{0x50, 2, 0x9C}, {0x9C, 4, 0x00424344}},
     .expected =
         "at 0x9C: the product string (0x9C to 0x9F) overlaps the call slots (0x80 to 0xFFF)\n"},
    {.name = "check_refuses_a_string_in_the_header",
     .make = make_13,
     .pokes = {{0x50, 2, 0x08}},
     .expected = "at 0x08: the product string (0x08 to 0x0E) overlaps the header (0x00 to 0x1F)\n"},
    {.name = "check_refuses_a_zero_filled_slot",
     .make = make_13,
     .first = 45,
     .last = 45,
     .fill = 0x00,
     .expected = "at 0x5A0: slot 45 holds nothing but 00: a guest that calls it crashes\n"},
    {.name = "check_refuses_an_erased_slot",
     .make = make_13,
     .first = 4,
     .last = 4,
     .fill = 0xFF,
     .expected = "at 0x80: slot 4 holds nothing but FF: a guest that calls it crashes\n"},
    {.name = "check_refuses_a_slot_of_fill_only",
     .make = make_13,
     .first = 127,
     .last = 127,
     .fill = 0xCC,
     .expected = "at 0xFE0: slot 127 holds nothing but CC: a guest that calls it crashes\n"},
    {.name = "check_names_a_run_of_empty_slots_once",
     .make = make_13_rev_3,
     .first = 88,
     .last = 127,
     .fill = 0x00,
     .expected =
         "at 0xB00: slots 88 to 127 hold nothing but 00: a guest that calls them crashes\n"},
    {.name = "check_refuses_an_api_3_image_without_licence",
     .make = make_3,
     .pokes = {{0x16, 2, 0}},
     .expected = "at 0x16: licence offset is 0: Linux refuses a ROM without a licence\n"},
    {.name = "check_refuses_a_licence_offset_outside_the_image",
     .make = make_3,
     .pokes = {{0x16, 2, 0x400}},
     .expected = "at 0x16: licence offset 0x400 lies outside the image (1024 bytes)\n"},
    {.name = "check_refuses_a_licence_without_nul",
     .make = make_3,
     .pokes = {{0x16, 2, 0x3FD}, {0x3FD, 3, 0x4C5047}},
     .expected = "at 0x3FD: licence string has no NUL before the end of the image\n"},
    {.name = "check_refuses_a_foreign_licence",
     .make = make_3,
     .pokes = {{0x75, 1, '3'}},
     .expected = "at 0x70: licence string is neither \"GPL\" nor \"GPL v2\": Linux refuses it\n"},
    {.name = "check_refuses_an_api_3_image_without_pcir",
     .make = make_3,
     .pokes = {{0x18, 2, 0}},
     .expected = "at 0x18: PCIR offset is 0: Linux refuses a ROM without PCIR\n"},
    {.name = "check_refuses_an_empty_init_entry_of_api_3",
     .make = make_3,
     .pokes = {{0x80, 4, 0}, {0x84, 4, 0}},
     .expected = "at 0x80: Init entry holds nothing but 00: a guest that calls it crashes\n"},
    {.name = "check_refuses_an_empty_get_relocation_info_entry_of_api_3",
     .make = make_3,
     .pokes = {{0x88, 4, 0xFFFFFFFF}, {0x8C, 4, 0xFFFFFFFF}},
     .expected =
         "at 0x88: GetRelocationInfo entry holds nothing but FF: a guest that calls it crashes\n"},
    {.name = "check_names_every_reason",
     .make = make_13,
     .pokes = {{0x0E, 1, 1}, {0x24, 2, 0}, {0x49, 1, 0}, {0x56, 2, 1}},
     .sums = KEEP_PNP_SUM,
     .first = 45,
     .last = 46,
     .fill = 0x00,
     .expected = "at 0x0E: reserved0 is 0x01, must be 0\n"
                 "at 0x24: PCIR vendor 0x0000 is not a PCI vendor\n"
                 "at 0x49: $PnP's 32 bytes sum to 0xFC, not 0: checksum 0x00, right 0x04\n"
                 "at 0x56: boot connection vector is 0x01, must be 0, or the BIOS will offer the "
                 "ROM as a boot "
                 "device\n"
                 "at 0x5A0: slots 45 to 46 hold nothing but 00: a guest that calls them crashes\n"},
    {.name = "check_warns_of_100_bytes_behind_a_vmi_rom",
     .make = make_13,
     .size = 4196,
     .warns = true,
     .expected = "at 0x1000: 100 bytes of 00 behind the image: not part of it\n"},
    {.name = "check_refuses_a_file_shorter_than_a_header",
     .make = make_13,
     .sums = KEEP_SUMS,
     .size = 31,
     .expected = "the file's 31 bytes are too few for a ROM header (32 bytes)\n"},
    {.name = "check_warns_of_what_is_behind_a_rom_up_to_256_blocks",
     .make = make_legacy,
     .size = 256 * 512,
     .warns = true,
     .expected = "at 0x800: 129024 bytes of 00 behind the image: not part of it\n"},
    {.name = "check_refuses_an_unknown_descriptor_version_and_stops_there",
     .make = make_hypercall,
     .pokes = {{0x1014, 1, 4}, {0x1015, 4, 0xFFFFFFFF}},
     .expected = "at 0x1014: hypercall descriptor version 4 is not known (3 is)\n"},
    {.name = "check_refuses_descriptor_version_0",
     .make = make_hypercall,
     .pokes = {{0x1014, 1, 0}},
     .expected = "at 0x1014: hypercall descriptor version 0 is not known (3 is)\n"},
    {.name = "check_refuses_a_descriptor_that_ends_behind_the_last_byte",
     .make = make_hypercall,
     .pokes = {{0x14, 2, 0x1379}, {0x1379, 4, 0x54696D56}, {0x137D, 1, 1}},
     .expected = "at 0x14: hypercall descriptor at 0x1379 ends outside the image (5120 bytes)\n"},
    {.name = "check_refuses_a_descriptor_magic_in_the_last_bytes",
     .make = make_hypercall,
     .pokes = {{0x14, 2, 0x13FC}, {0x13FC, 4, 0x54696D56}},
     .expected = "at 0x14: hypercall descriptor at 0x13FC ends outside the image (5120 bytes)\n"},
    {.name = "check_refuses_an_unknown_trap_kind_and_judges_no_slot_by_it",
     .make = make_hypercall,
     .pokes = {{0x1015, 1, 4}},
     .expected = "at 0x1015: trap kind 4 is not known (0 to 3 are)\n"},
    {.name = "check_refuses_an_operand_of_vmmcall",
     .make = make_hypercall,
     .pokes = {{0x1016, 1, 0x80}},
     .expected = "at 0x1016: operand is 0x80, must be 0 for vmmcall\n"},
    {.name = "check_refuses_an_operand_of_vmcall",
     .make = make_hypercall_vmcall,
     .pokes = {{0x1016, 1, 1}},
     .expected = "at 0x1016: operand is 0x01, must be 0 for vmcall\n"},
    {.name = "check_refuses_an_exception_vector",
     .make = make_hypercall_int_1f,
     .expected = "at 0x1016: vector 0x1F of int is not in 0x20 to 0xFF\n"},
    {.name = "check_refuses_an_unknown_flag",
     .make = make_hypercall,
     .pokes = {{0x1017, 1, 0x41}},
     .expected = "at 0x1017: flags are 0x41: only 0x01 is known\n"},
    {.name = "check_refuses_a_question_by_another_trap_than_out",
     .make = make_hypercall_int,
     .pokes = {{0x1017, 1, 1}},
     .expected = "at 0x1017: Init may ask by out only, not by int\n"},
    {.name = "check_refuses_a_damaged_question",
     .make = make_hypercall,
     .pokes = {{0x9A, 1, 0xFE}},
     .expected = "at 0x98: Init's question is not what trap and flags of the descriptor say\n"},
    {.name = "check_refuses_an_unknown_slot_kind",
     .make = make_hypercall,
     .pokes = {{0x1018 + 127, 1, 5}},
     .expected = "at 0x1097: slot 127 is of kind 5 (unknown): only 0 to 4 are known\n"},
    {.name = "check_tells_the_first_of_several_unknown_slot_kinds",
     .make = make_hypercall,
     .pokes = {{0x1018, 4, 0xFFFFFFFF}},
     .expected =
         "at 0x1018: slot 0 is of kind 255 (unknown): only 0 to 4 are known; 3 more likewise\n"},
    {.name = "check_refuses_a_header_slot_that_is_native",
     .make = make_hypercall,
     .pokes = {{0x1018, 1, 0}},
     .expected =
         "at 0x1018: slot 0 is of kind 0 (native): the header's slots are the image's own (3)\n"},
    {.name = "check_refuses_a_header_slot_that_traps",
     .make = make_hypercall,
     .pokes = {{0x101B, 1, 1}},
     .expected =
         "at 0x101B: slot 3 is of kind 1 (trap): the header's slots are the image's own (3)\n"},
    {.name = "check_refuses_a_native_init",
     .make = make_hypercall,
     .pokes = {{0x101C, 1, 0}},
     .expected = "at 0x101C: slot 4 is of kind 0 (native): Init is the image's own (3)\n"},
    {.name = "check_refuses_an_init_that_traps",
     .make = make_hypercall,
     .pokes = {{0x101C, 1, 1}, {0x80, 4, 0xC3D9010F}},
     .expected = "at 0x101C: slot 4 is of kind 1 (trap): Init is the image's own (3)\n"},
    {.name = "check_refuses_another_call_that_is_the_images_own",
     .make = make_hypercall,
     .pokes = {{0x1018 + 30, 1, 3}},
     .expected =
         "at 0x1036: slot 30 is of kind 3 (own): only the header and Init are the image's own\n"},
    {.name = "check_refuses_a_get_relocation_info_that_traps",
     .make = make_hypercall,
     .pokes = {{0x1018 + 85, 1, 1}, {85 * 32, 4, 0xC3D9010F}},
     .expected = "at 0x106D: slot 85 is of kind 1 (trap): GetRelocationInfo stays native (0)\n"},
    {.name = "check_refuses_a_get_relocation_info_that_does_nothing",
     .make = make_hypercall,
     .pokes = {{0x1018 + 85, 1, 2}, {85 * 32, 4, 0xCCCCCCC3}},
     .expected = "at 0x106D: slot 85 is of kind 2 (nop): GetRelocationInfo stays native (0)\n"},
    {.name = "check_refuses_a_trap_site_of_another_trap",
     .make = make_hypercall,
     .pokes = {{45 * 32 + 2, 1, 0xC1}},
     .expected = "at 0x5A0: slot 45 is of kind 1 (trap): it is not the descriptor's trap, RET and "
                 "INT3 to its end\n"},
    {.name = "check_refuses_trap_sites_with_another_operand",
     .make = make_hypercall_int,
     .pokes = {{5 * 32 + 1, 1, 0x81}, {45 * 32 + 1, 1, 0x81}, {80 * 32 + 1, 1, 0x81}},
     .expected = "at 0xA0: slot 5 is of kind 1 (trap): it is not the descriptor's trap, RET and "
                 "INT3 to its end; 2 more likewise\n"},
    {.name = "check_refuses_a_trap_kind_that_no_site_is_of",
     .make = make_hypercall,
     .pokes = {{0x1015, 1, 1}},
     .expected = "at 0xA0: slot 5 is of kind 1 (trap): it is not the descriptor's trap, RET and "
                 "INT3 to its end; 27 more likewise\n"},
    {.name = "check_refuses_a_trap_without_ret",
     .make = make_hypercall,
     .pokes = {{80 * 32 + 3, 1, 0xC2}},
     .expected = "at 0xA00: slot 80 is of kind 1 (trap): it is not the descriptor's trap, RET and "
                 "INT3 to its end\n"},
    {.name = "check_refuses_a_trap_slot_that_holds_more_than_the_trap",
     .make = make_hypercall,
     .pokes = {{81 * 32 - 1, 1, 0xC3}},
     .expected = "at 0xA00: slot 80 is of kind 1 (trap): it is not the descriptor's trap, RET and "
                 "INT3 to its end\n"},
    {.name = "check_refuses_a_nop_that_is_no_ret",
     .make = make_hypercall,
     .pokes = {{28 * 32, 1, 0xCB}},
     .expected = "at 0x380: slot 28 is of kind 2 (nop): it is not RET and INT3 to its end\n"},
    {.name = "check_refuses_a_nop_slot_that_holds_more_than_ret",
     .make = make_hypercall,
     .pokes = {{79 * 32 - 1, 1, 0x90}},
     .expected = "at 0x9C0: slot 78 is of kind 2 (nop): it is not RET and INT3 to its end\n"},
    {.name = "check_refuses_a_trap_that_the_descriptor_calls_native",
     .make = make_hypercall,
     .pokes = {{0x1018 + 5, 1, 0}},
     .expected = "at 0xA0: slot 5 is of kind 0 (native): it holds a trap stub\n"},
    {.name = "check_refuses_a_trap_that_the_descriptor_calls_nop",
     .make = make_hypercall,
     .pokes = {{0x1018 + 5, 1, 2}},
     .expected = "at 0xA0: slot 5 is of kind 2 (nop): it is not RET and INT3 to its end\n"},
    {.name = "check_refuses_a_trap_in_a_slot_without_a_call",
     .make = make_hypercall,
     .pokes = {{0x1018 + 100, 1, 1}},
     .expected = "at 0x107C: slot 100 is of kind 1 (trap): no call of API 13 has this slot: it "
                 "stays native (0)\n"},
    {.name = "check_refuses_a_stray_stub_of_another_trap",
     .make = make_hypercall,
     .pokes = {{127 * 32, 4, 0xC39080CD}},
     .expected = "at 0xFE0: slot 127 is of kind 0 (native): it holds a trap stub\n"},
    {.name = "check_refuses_a_trap_stub_as_init",
     .make = make_hypercall,
     .pokes = {{4 * 32, 4, 0xC39000E6}},
     .expected = "at 0x80: slot 4 is of kind 3 (own): it holds a trap stub\n"},
    {.name = "check_refuses_a_descriptor_of_no_trap",
     .make = make_hypercall_without_traps,
     .expected = "at 0x1018: no trap sites: not a hypercall image\n"},
    {.name = "check_refuses_a_descriptor_in_the_call_slots",
     .make = make_hypercall_with_descriptor_in_slots,
     .expected = "at 0x210: the hypercall descriptor (0x210 to 0x297) overlaps the call slots "
                 "(0x80 to 0xFFF)\n"},
    {.name = "check_refuses_a_descriptor_in_the_call_slots_of_api_3",
     .make = make_3_hypercall_with_descriptor_in_slots,
     .expected = "at 0x210: the hypercall descriptor (0x210 to 0x297) overlaps the call slots "
                 "(0xA0 to 0xFFF)\n"},
    {.name = "check_refuses_a_string_in_the_descriptor",
     .make = make_hypercall,
     .pokes = {{0x50, 2, 0x1097}},
     .expected = "at 0x1097: the product string (0x1097 to 0x1097) overlaps the hypercall "
                 "descriptor (0x1010 to 0x1097)\n"},
    {.name = "check_refuses_an_entry_jump_into_the_descriptor",
     .make = make_hypercall,
     .pokes = {{4, 2, 0x100A}},
     .expected = "at 0x03: entry jumps to 0x1010, into the hypercall descriptor\n"},
    {.name = "check_refuses_an_api_3_image_with_a_descriptor_but_no_slots",
     .make = make_3_hypercall_without_slots,
     .expected =
         "the file's 1024 bytes are too short for the slots of a hypercall image (4096 bytes)\n"},
    {.name = "check_refuses_a_damaged_trap_of_api_3",
     .make = make_3_hypercall,
     .pokes = {{80 * 32, 1, 0x0E}},
     .expected = "at 0xA00: slot 80 is of kind 1 (trap): it is not the descriptor's trap, RET and "
                 "INT3 to its end\n"},
    {.name = "check_names_every_reason_against_a_hypercall_image",
     .make = make_hypercall,
     .pokes = {{0x1017, 1, 1}, {0x1018, 1, 9}, {0x101A, 3, 0}, {45 * 32, 1, 0}, {28 * 32, 1, 0}},
     .expected = "at 0x1017: Init may ask by out only, not by vmmcall\n"
                 "at 0x1018: slot 0 is of kind 9 (unknown): only 0 to 4 are known\n"
                 "at 0x101A: slot 2 is of kind 0 (native): the header's slots are the image's own "
                 "(3); 1 more likewise\n"
                 "at 0x101C: slot 4 is of kind 0 (native): Init is the image's own (3)\n"
                 "at 0x5A0: slot 45 is of kind 1 (trap): it is not the descriptor's trap, RET and "
                 "INT3 to its end\n"
                 "at 0x380: slot 28 is of kind 2 (nop): it is not RET and INT3 to its end\n"},
};

static bool trap_says_the_same = true;

/* The lines as romsum prints them, as problems or as warnings. */
static void expect_lines(char *expected, size_t size, const char *line, bool warns) {
    for (; *line; line += strcspn(line, "\n") + 1) {
        size_t used = strlen(expected);
        int at = warns && strncmp(line, "at ", 3) == 0 ? (int)(strchr(line, ':') - line) + 2 : 0;

        snprintf(expected + used, size - used, "romsum: bad.rom: %.*s%s%.*s\n", at, line,
                 warns ? "warning: " : "", (int)strcspn(line, "\n") - at, line + at);
    }
}

static void check_bad(const struct bad *bad) {
    char expected[4096] = "", strict[4096] = "";
    struct run seen;
    bool good;

    bad->make();
    if (bad->size != 0) {
        image_size = bad->size;
    }
    for (size_t i = 0; i < COUNT(bad->pokes) && bad->pokes[i].width != 0; i++) {
        put_number(bad->pokes[i].at, bad->pokes[i].width, bad->pokes[i].value);
    }
    if (bad->first != 0) {
        memset(image + bad->first * 32, bad->fill, (size_t)(bad->last - bad->first + 1) * 32);
    }
    if (bad->sums == FIX_SUMS) {
        put_pnp_sum();
    }
    if (bad->sums != KEEP_SUMS) {
        put_image_sum();
    }
    expect_lines(expected, sizeof(expected), bad->expected, bad->warns);
    expect_lines(strict, sizeof(strict), bad->expected, false);
    write_file("bad.rom", image, image_size);
    seen = ROMSUM("--check", "bad.rom");
    good = gave(&seen, bad->warns ? 0 : 1, expected);
    good &= holds(seen.out[0] == '\0', "stdout is empty");
    seen = ROMSUM("--check", "--strict", "bad.rom");
    result(bad->name, good && gave(&seen, 1, strict));
    if (bad->warns) {
        return;
    }
    seen = ROMSUM("--trap", "out:0xE9", "bad.rom");
    trap_says_the_same &=
        gave(&seen, 1, expected) && holds(file_is("bad.rom", image, image_size), bad->name);
}

static void test_bad_images(void) {
    for (size_t i = 0; i < COUNT(bad_images); i++) {
        check_bad(&bad_images[i]);
    }
    result("trap_refuses_what_check_refuses_in_the_same_words", trap_says_the_same);
}

static void test_bad_sum_of_api_13(void) {
    char expected[256];
    struct run seen;

    make_13();
    snprintf(expected, sizeof(expected),
             "romsum: bad.rom: at 0x06: the image's 4096 bytes sum to 0x01, not 0: "
             "checksum 0x%02X, right 0x%02X\n",
             image[6], (uint8_t)(image[6] - 1));
    image[0xA1]++;
    write_file("bad.rom", image, image_size);
    seen = ROMSUM("--check", "bad.rom");
    result("check_refuses_a_wrong_image_checksum", gave(&seen, 1, expected));
}

static void test_several_files(void) {
    struct run seen;

    make_13();
    write_file("good.rom", image, image_size);
    seen = ROMSUM("--check", "good.rom", "vmi-native.rom", "good.rom");
    result("check_is_silent_on_several_good_images", gave(&seen, 0, ""));
    image[0x0D] = 6;
    put_sums();
    write_file("bad.rom", image, image_size);
    seen = ROMSUM("--check", "bad.rom", "missing.rom", "good.rom");
    result("check_goes_on_after_a_bad_image",
           gave(&seen, 1,
                "romsum: bad.rom: at 0x0D: API major 6 is not known (13 and 3 are)\n"
                "romsum: missing.rom: No such file or directory\n"));
    seen = ROMSUM("bad.rom", "good.rom");
    result("seal_goes_on_after_a_bad_image",
           gave(&seen, 1, "romsum: bad.rom: at 0x0D: API major 6 is not known (13 and 3 are)\n"));
}

/* ---- Files that are no images ---- */

static void check_no_file(const char *name, const char *file, const char *expected) {
    struct run check, seal;

    check = ROMSUM("--check", file);
    bool good = gave(&check, 1, expected);
    seal = ROMSUM(file, "-o", "out.rom");
    good &= gave(&seal, 1, expected) && holds(!exists("out.rom"), "no output");
    result(name, good);
}

static void test_no_files(void) {
    static const char unreadable[] = "check_refuses_a_file_it_may_not_read";
    struct run seen;

    check_no_file("a_missing_file_is_refused", "missing.rom",
                  "romsum: missing.rom: No such file or directory\n");
    mkdir("folder", 0777);
    check_no_file("a_directory_is_refused", "folder",
                  "romsum: folder: is a directory, not a regular file\n");
    mkfifo("pipe", 0666);
    check_no_file("a_pipe_is_refused_without_waiting_on_it", "pipe",
                  "romsum: pipe: is a pipe, not a regular file\n");
    check_no_file("a_device_is_refused", "/dev/zero",
                  "romsum: /dev/zero: is a device, not a regular file\n");
    write_file("empty.rom", image, 0);
    check_no_file("an_empty_file_is_refused", "empty.rom", "romsum: empty.rom: is empty\n");
    write_file("large.rom", image, 512);
    if (truncate("large.rom", (16 << 20) + 1) == 0) {
        check_no_file("a_file_larger_than_any_option_rom_is_refused", "large.rom",
                      "romsum: large.rom: 16777217 bytes are too many for an option ROM (16777216 "
                      "at most)\n");
    }
    unlink("large.rom");
    make_13();
    write_file("secret.rom", image, image_size);
    chmod("secret.rom", 0);
    special.user = geteuid() == 0 ? 65534 : 0;
    seen = ROMSUM("--check", "secret.rom");
    if (seen.status == 99) {
        result_skipped(unreadable, "cannot change the user");
    } else {
        result(unreadable, gave(&seen, 1, "romsum: secret.rom: cannot open: Permission denied\n"));
    }
}

/* ---- Sealing ---- */

/* What an assembler leaves: no lengths, no sums, an odd size. */
static void make_raw_13(void) {
    make_13_of(4608);
    memset(image + 4096, 0x90, 100);
    image[2] = image[6] = image[0x49] = 0;
    put_number(0x30, 2, 0);
    image_size = 4196;
}

/* The same, sealed by this test. */
static void seal_raw_13(void) {
    memset(image + 4196, 0xFF, 4608 - 4196);
    image_size = 4608;
    image[2] = 9;
    image[0x30] = 9;
    put_sums();
}

static void test_seal(void) {
    static uint8_t raw[MAX_IMAGE], once[MAX_IMAGE];
    size_t raw_size;
    struct run seen;
    bool good;

    make_raw_13();
    raw_size = image_size;
    memcpy(raw, image, raw_size);
    write_file("raw.bin", raw, raw_size);
    seal_raw_13();
    seen = ROMSUM("raw.bin", "-o", "sealed.rom");
    good = gave(&seen, 0, "") && holds(seen.out[0] == '\0', "stdout is empty");
    result("seal_pads_and_sets_lengths_and_sums_and_nothing_else",
           good && holds(file_is("sealed.rom", image, image_size), "the bytes of a seal by hand"));
    result("seal_leaves_its_input_alone", file_is("raw.bin", raw, raw_size));
    seen = ROMSUM("--check", "sealed.rom");
    result("check_accepts_what_seal_made", gave(&seen, 0, ""));
    seen = ROMSUM("sealed.rom", "-o", "again.rom");
    result("seal_of_a_sealed_image_changes_nothing",
           gave(&seen, 0, "") && holds(file_is("again.rom", image, image_size), "the same bytes"));
    seen = ROMSUM("-o", "twice.rom", "raw.bin");
    result("seal_gives_the_same_bytes_twice_and_takes_o_first",
           gave(&seen, 0, "") && holds(file_is("twice.rom", image, image_size), "the same bytes"));
    seen = ROMSUM("raw.bin", "-o", "raw.bin");
    result("seal_may_write_over_its_input",
           gave(&seen, 0, "") && holds(file_is("raw.bin", image, image_size), "the same bytes"));
    read_file("vmi-native.rom", once, sizeof(once));
    seen = ROMSUM("vmi-native.rom", "-o", "native.rom");
    raw_size = read_file("vmi-native.rom", once, sizeof(once));
    result("seal_of_the_built_native_rom_changes_nothing",
           gave(&seen, 0, "") && holds(file_is("native.rom", once, raw_size), "the same bytes"));
}

static mode_t mode_of(const char *name) {
    struct stat status;

    return lstat(name, &status) == 0 ? status.st_mode & 07777 : 0;
}

static void test_seal_in_place(void) {
    struct run seen;
    bool good;

    make_raw_13();
    write_file("a.bin", image, image_size);
    write_file("b.bin", image, image_size);
    chmod("a.bin", 0640);
    seal_raw_13();
    seen = ROMSUM("a.bin", "b.bin");
    good = gave(&seen, 0, "") && holds(file_is("a.bin", image, image_size), "a.bin is sealed");
    good &= holds(file_is("b.bin", image, image_size), "b.bin is sealed");
    result("seal_in_place_takes_several_images",
           good && holds(!has_leftovers("."), "no leftovers"));
    result("seal_in_place_keeps_the_permissions", holds(mode_of("a.bin") == 0640, "mode 0640"));
    if (geteuid() == 0) {
        struct stat status = {.st_uid = 0};

        good = chown("a.bin", 65534, 65534) == 0;
        seen = ROMSUM("--pci", "15ad:0802", "a.bin");
        good &= gave(&seen, 0, "") && stat("a.bin", &status) == 0;
        result("seal_in_place_keeps_the_owner",
               good && holds(status.st_uid == 65534 && status.st_gid == 65534, "65534") &&
                   holds(mode_of("a.bin") == 0640, "mode 0640"));
    } else {
        result_skipped("seal_in_place_keeps_the_owner", "only root can give files away");
    }
    umask(027);
    unlink("new.rom");
    seen = ROMSUM("a.bin", "-o", "new.rom");
    umask(022);
    result("seal_gives_a_new_file_the_permissions_of_the_umask",
           gave(&seen, 0, "") && holds(mode_of("new.rom") == 0640, "mode 0640"));
    make_raw_13();
    write_file("target.bin", image, image_size);
    good = symlink("target.bin", "link.bin") == 0;
    seal_raw_13();
    seen = ROMSUM("link.bin");
    good &= gave(&seen, 0, "") && holds(file_is("target.bin", image, image_size), "it is sealed");
    result("seal_through_a_link_writes_the_file_and_keeps_the_link",
           good && holds(readlink("link.bin", (char[16]){0}, 16) == 10, "link.bin is a link"));
    good = symlink("no such file", "broken.bin") == 0 && symlink("loop.bin", "loop.bin") == 0;
    seen = ROMSUM("target.bin", "-o", "broken.bin");
    good &= gave(&seen, 1,
                 "romsum: broken.bin: is a dangling symbolic link: No such file or directory\n");
    seen = ROMSUM("target.bin", "-o", "loop.bin");
    good &= gave(&seen, 1,
                 "romsum: loop.bin: is a dangling symbolic link: Too many levels of symbolic "
                 "links\n");
    good &= holds(readlink("broken.bin", (char[16]){0}, 16) == 12, "broken.bin is a link");
    result("seal_onto_a_link_that_leads_nowhere_keeps_the_link",
           good && holds(readlink("loop.bin", (char[16]){0}, 16) == 8, "loop.bin is a link") &&
               holds(!has_leftovers("."), "no leftovers"));
    write_file("-o", image, image_size);
    seen = ROMSUM("--", "-o");
    result("an_argument_behind_two_dashes_is_an_image", gave(&seen, 0, ""));
}

/* Seals the image and compares with what `change` makes of it. */
static void check_seal(const char *name, void (*change)(void)) {
    struct run seen;

    write_file("raw.bin", image, image_size);
    seen = ROMSUM("raw.bin", "-o", "sealed.rom");
    change();
    result(name, gave(&seen, 0, "") && holds(file_is("sealed.rom", image, image_size),
                                             "the bytes of a seal by hand"));
}

static void nothing(void) {
}

static void make_code_in_byte_6(void) {
    make_legacy();
    put(3, "\x0E\x07\x31\xC0\xC3", 5); /* push cs, pop es, xor ax,ax */
    set_sum(0x7FF, 0, 2048);
}

static void make_code_in_byte_6_unsummed(void) {
    make_code_in_byte_6();
    image[0x7FF] = 1;
}

static void make_13_with_code_in_byte_6(void) {
    make_13();
    put(3, "\x0E\x07\x31\xC0", 4);
}

/* Nothing tells the last byte from the code before it. */
static void make_full_of_code(void) {
    make_code_in_byte_6();
    put(0x7FC, "CODA", 4);
}

/* A byte behind the jump, and one behind a run of zeros. */
static void make_two_places(void) {
    make_legacy();
    put(3, "\xE9\x10\0\x5A", 4);
    image[0x7FF] = 0x33;
}

static void make_jump_to_byte_5_unsummed(void) {
    make_legacy();
    put(3, "\xEB\x00\x90\x90\xCB", 5);
}

static void make_four_bytes(void) {
    make_legacy();
    image[2] = 0;
    image_size = 4;
}

static void seal_four_bytes(void) {
    memset(image + 4, 0xFF, 508);
    image_size = 512;
    image[2] = 1;
    put_sums();
}

static void sum_at_end(void) {
    set_sum(image_size - 1, 0, image_size);
}

static void test_seal_of_others(void) {
    make_13_rev_3();
    put_number(0x36, 2, 0);
    check_seal("seal_sets_the_run_time_length_of_pcir_revision_3_in_a_vmi_rom", make_13_rev_3);
    make_3();
    image[2] = image[6] = image[0x30] = 0;
    check_seal("seal_makes_an_api_3_image", make_3);
    make_legacy();
    image[2] = image[6] = 0;
    check_seal("seal_makes_a_legacy_rom", make_legacy);
    make_four_bytes();
    check_seal("seal_makes_a_rom_of_four_bytes", seal_four_bytes);
    put_start(255 * 512);
    check_seal("seal_makes_a_rom_of_255_blocks", put_sums);
    make_code_in_byte_6();
    check_seal("seal_leaves_an_image_alone_that_sums_to_0_by_another_byte", nothing);
    make_code_in_byte_6_unsummed();
    check_seal("seal_uses_the_last_byte_where_code_runs_through_byte_6", make_code_in_byte_6);
    make_jump_to_byte_5_unsummed();
    check_seal("seal_uses_the_last_byte_behind_a_jump_to_byte_5", sum_at_end);
    make_legacy();
    put(3, "\xEB\x02\x90\x00\x90\xCB", 6);
    image[2] = 4;
    check_seal("seal_uses_byte_6_behind_a_short_jump", put_sums);
}

/* ---- What seal refuses ---- */

static void make_short_13(void) {
    make_13_of(7 * 512);
}

static void make_long_13(void) {
    make_13_of(32 * 512);
    image[2] = 0;
    put_number(0x30, 2, 0);
    image_size++;
}

static void make_too_long(void) {
    make_legacy();
    image[2] = 0;
    image_size = 255 * 512 + 1;
}

static void make_three_bytes(void) {
    make_legacy();
    image_size = 3;
}

static void make_text(void) {
    put_start(1024);
    put(0, "#!/bin/sh\n", 10);
}

static void make_broken_signature(void) {
    make_13();
    image[1] = 0xAB;
    image[6] = 0;
}

static void make_zero_slot(void) {
    make_13();
    memset(image + 45 * 32, 0, 32);
}

static void make_far_pcir(void) {
    make_13();
    put_number(0x18, 2, 0x9000);
}

static const struct {
    const char *name;
    void (*make)(void);
    const char *expected;
} unsealable[] = {
    {"seal_refuses_an_api_13_image_too_short_for_its_table", make_short_13,
     "at 0x02: length byte says 7 blocks: the call table of API 13 fills 8"},
    {"seal_refuses_an_api_13_image_of_33_blocks", make_long_13,
     "at 0x02: length byte says 33 blocks: Linux 13.0 panics above 32 (16384 bytes)"},
    {"seal_refuses_more_than_255_blocks", make_too_long,
     "the file's 131072 bytes are more than an image can have (130560)"},
    {"seal_refuses_three_bytes", make_three_bytes, "the file's 3 bytes are too few for a ROM"},
    {"seal_refuses_what_is_no_rom", make_text,
     "at 0x00: signature is 23 21, not 55 AA: not an option ROM"},
    {"seal_refuses_a_wrong_signature_of_a_vmi_rom", make_broken_signature,
     "at 0x00: signature is 55 AB, not 55 AA: not an option ROM"},
    {"seal_refuses_a_zero_filled_slot", make_zero_slot,
     "at 0x5A0: slot 45 holds nothing but 00: a guest that calls it crashes"},
    {"seal_refuses_a_pcir_offset_outside_the_image", make_far_pcir,
     "at 0x18: PCIR offset 0x9000 lies outside the image (4096 bytes)"},
    {"seal_refuses_a_vmi_rom_whose_entry_needs_byte_6", make_13_with_code_in_byte_6,
     "at 0x03: entry code 0E 07 31 runs through byte 6, where the checksum goes: begin with a jump "
     "(E9, EB) over it or with RETF (CB)"},
    {"seal_refuses_to_guess_where_the_checksum_of_code_goes", make_full_of_code,
     "at 0x7FF: no place for the checksum: byte 6 belongs to the entry code (entry 0E 07 31 C0), "
     "and the last byte (0x41) may be data: choose with --sum-at end or --sum-at OFFSET"},
    {"seal_refuses_to_choose_between_two_places", make_two_places,
     "at 0x06: the checksum may be this byte (0x5A) or the last one, at 0x7FF (0x33): choose with "
     "--sum-at 6 or --sum-at end"},
};

static void test_unsealable(void) {
    for (size_t i = 0; i < COUNT(unsealable); i++) {
        char expected[256];
        struct run seen;
        bool good;

        unsealable[i].make();
        write_file("raw.bin", image, image_size);
        unlink("out.rom");
        snprintf(expected, sizeof(expected), "romsum: raw.bin: %s\n", unsealable[i].expected);
        seen = ROMSUM("raw.bin", "-o", "out.rom");
        good = gave(&seen, 1, expected) && holds(!exists("out.rom"), "no output");
        seen = ROMSUM("raw.bin");
        good &= gave(&seen, 1, expected);
        good &= holds(file_is("raw.bin", image, image_size), "the input is as it was");
        result(unsealable[i].name, good && holds(!has_leftovers("."), "no temporary file"));
    }
}

/* ---- Choosing the trap ---- */

/* Every trap chosen for an image of this one; this one again and the way back are among them. */
static void check_trap_from(const char *name, void (*make)(const struct trap *),
                            const struct trap *from) {
    bool good = true;

    for (size_t i = 0; i < COUNT(traps); i++) {
        struct run seen;

        make(from);
        write_file("in.rom", image, image_size);
        unlink("out.rom");
        seen = ROMSUM("--trap", traps[i].name, "in.rom", "-o", "out.rom");
        good &= gave(&seen, 0, "") && holds(seen.out[0] == '\0', "stdout is empty");
        good &= holds(file_is("in.rom", image, image_size), "the input is as it was");
        make(&traps[i]);
        good &= holds(file_is("out.rom", image, image_size), "the bytes of a change by hand");
    }
    result(name, good);
}

static void test_trap(void) {
    char name[96];

    for (size_t i = 0; i < COUNT(traps); i++) {
        snprintf(name, sizeof(name), "trap_changes_%s_to_any_trap_and_nothing_else", traps[i].name);
        check_trap_from(name, make_hypercall_of, &traps[i]);
    }
    check_trap_from("trap_changes_an_api_3_image_likewise", make_3_hypercall_of, &traps[INT_80]);
}

static void test_trap_of_the_built_rom(void) {
    static uint8_t rom[MAX_IMAGE], seen_rom[MAX_IMAGE];
    size_t size = read_file("vmi-hypercall.rom", rom, sizeof(rom));
    size_t at = size > 0x16 ? rom[0x14] | (size_t)rom[0x15] << 8 : 0;
    size_t sites = 0;
    bool good = holds(at != 0 && at + 136 <= size, "a descriptor"), back;
    struct run seen;

    write_file("built.rom", rom, size);
    for (size_t i = 0; good && i < COUNT(traps); i++) {
        seen = ROMSUM("--trap", traps[i].name, "built.rom");
        good &= gave(&seen, 0, "");
        seen = ROMSUM("--check", "built.rom");
        good &= gave(&seen, 0, "");
        good &= holds(read_file("built.rom", seen_rom, sizeof(seen_rom)) == size, "the same size");
        sites = 0;
        for (size_t slot = 0; slot < 128; slot++) {
            if (rom[at + 8 + slot] != 1) {
                continue;
            }
            sites++;
            good &= holds(memcmp(seen_rom + slot * 32, traps[i].site, 3) == 0, "a site of it");
            memcpy(seen_rom + slot * 32, rom + slot * 32, 3);
        }
        good &= holds(seen_rom[at + 5] == traps[i].kind, "its kind in the descriptor");
        good &= holds(seen_rom[at + 6] == traps[i].operand, "its operand in the descriptor");
        memcpy(seen_rom + at + 5, rom + at + 5, 2);
        seen_rom[6] = rom[6];
        good &= holds(memcmp(seen_rom, rom, size) == 0, "no other change");
    }
    result("trap_changes_all_sites_of_the_built_rom_and_nothing_else",
           good && holds(sites > 50, "more than 50 sites"));
    seen = ROMSUM("--trap", "vmmcall", "built.rom");
    back = gave(&seen, 0, "") && holds(file_is("built.rom", rom, size), "the built bytes");
    seen = ROMSUM("--trap", "vmmcall", "built.rom");
    back &= gave(&seen, 0, "") && holds(file_is("built.rom", rom, size), "the built bytes");
    result("trap_brings_the_built_rom_back_and_then_changes_nothing", back);
}

static void test_trap_in_place(void) {
    static const char *const forms[] = {"int:0x80", "int:0X80",  "int:80h",
                                        "int:80H",  "int:0x080", "int:00000000080h"};
    struct run seen;
    bool good = true;

    for (size_t i = 0; i < COUNT(forms); i++) {
        make_hypercall();
        write_file("a.rom", image, image_size);
        seen = ROMSUM("a.rom", "--trap", forms[i]);
        make_hypercall_int();
        good &= gave(&seen, 0, "") && holds(file_is("a.rom", image, image_size), forms[i]);
    }
    result("trap_takes_its_number_as_0x80_or_80h", good);
    make_hypercall();
    write_file("a.rom", image, image_size);
    write_file("c.rom", image, image_size);
    chmod("a.rom", 0640);
    image[0x1015] = 7;
    put_sums();
    write_file("b.rom", image, image_size);
    seen = ROMSUM("--trap", "int:80h", "a.rom", "b.rom", "c.rom");
    good = gave(&seen, 1, "romsum: b.rom: at 0x1015: trap kind 7 is not known (0 to 3 are)\n");
    good &= holds(file_is("b.rom", image, image_size), "b.rom is as it was");
    make_hypercall_int();
    good &= holds(file_is("a.rom", image, image_size), "a.rom is changed");
    good &= holds(file_is("c.rom", image, image_size), "c.rom is changed");
    result("trap_takes_several_images_and_goes_on_after_a_bad_one",
           good && holds(!has_leftovers("."), "no leftovers"));
    result("trap_keeps_the_permissions", holds(mode_of("a.rom") == 0640, "mode 0640"));
    write_file("b.rom", image, image_size - 100);
    seen = ROMSUM("--trap", "int:80h", "b.rom", "-o", "c.rom");
    good = holds(seen.status == 1, "it is refused");
    result("a_refused_trap_leaves_the_output_as_it_was",
           good && holds(file_is("c.rom", image, image_size), "c.rom is as it was"));
}

/* Good images that have no traps. */
static void make_13_with_pointer_outside(void) {
    make_13();
    put_number(0x14, 2, 0x9000);
    put_sums();
}

static void make_13_with_pointer_to_no_magic(void) {
    make_hypercall();
    image[0x1013] = 't';
    put_sums();
}

static void make_legacy_with_magic(void) {
    make_legacy();
    put_descriptor(0x100, &traps[VMMCALL]);
    put_sums();
}

static const struct {
    const char *name;
    void (*make)(void);
    const char *expected;
} trapless[] = {
    {"trap_refuses_an_image_without_descriptor", make_13, ""},
    {"trap_refuses_an_api_3_image_without_descriptor", make_3, ""},
    {"trap_refuses_a_pointer_outside_the_image", make_13_with_pointer_outside,
     " (no descriptor at 0x9000)"},
    {"trap_refuses_a_pointer_that_does_not_lead_to_the_magic", make_13_with_pointer_to_no_magic,
     " (no descriptor at 0x1010)"},
    {"trap_refuses_a_rom_without_vmi", make_legacy, ""},
    {"trap_refuses_a_rom_without_vmi_whatever_it_holds", make_legacy_with_magic, ""},
};

static void test_trapless(void) {
    struct run seen;

    for (size_t i = 0; i < COUNT(trapless); i++) {
        char expected[128];
        bool good;

        trapless[i].make();
        write_file("in.rom", image, image_size);
        unlink("out.rom");
        snprintf(expected, sizeof(expected),
                 "romsum: in.rom: at 0x14: no trap sites: not a hypercall image%s\n",
                 trapless[i].expected);
        seen = ROMSUM("--check", "in.rom");
        good = gave(&seen, 0, "");
        seen = ROMSUM("--trap", "vmcall", "in.rom", "-o", "out.rom");
        good &= gave(&seen, 1, expected) && holds(!exists("out.rom"), "no output");
        seen = ROMSUM("--trap", "vmcall", "in.rom");
        good &= gave(&seen, 1, expected);
        good &= holds(file_is("in.rom", image, image_size), "the input is as it was");
        result(trapless[i].name, good && holds(!has_leftovers("."), "no temporary file"));
    }
    seen = ROMSUM("--trap", "vmcall", "vmi-native.rom", "-o", "out.rom");
    result(
        "trap_refuses_the_built_native_rom",
        gave(&seen, 1, "romsum: vmi-native.rom: at 0x14: no trap sites: not a hypercall image\n") &&
            holds(!exists("out.rom"), "no output"));
}

static void check_usage(const char *name, const struct run *seen, const char *message) {
    char expected[256];

    snprintf(expected, sizeof(expected), "romsum: %s; try romsum --help\n", message);
    result(name, gave(seen, 2, expected) && holds(seen->out[0] == '\0', "stdout is empty"));
}

/* ---- Choosing the policy ---- */

enum { POLICY_AT = 0x1000, POLICY_CALLS = 0x1006, CALLS_OF_3 = VMI3_CALL_LAST + 1 };

/* What the table says of mainline Linux: all that it looks up but for what one kernel or another
 * gets wrong, has no use for, or needs a hypervisor for. */
static uint8_t full_policy[CALLS_OF_3];
static size_t full_count;

static void make_full_policy(void) {
    full_count = 0;
    for (size_t i = 0; i < CALLS_OF_3; i++) {
        if (vmi3_call_names[i].reloc <= VMI3_RELOC_FULL) {
            full_policy[full_count++] = (uint8_t)i;
        }
    }
}

static uint8_t lean_policy[CALLS_OF_3];
static size_t lean_count;

static void make_lean_policy(void) {
    static const uint8_t dear[] = {14, 38, 39, 40, 41, 44, 45, 47, 48, 73};
    lean_count = 0;
    for (size_t i = 0; i < full_count; i++) {
        if (!memchr(dear, full_policy[i], sizeof(dear))) {
            lean_policy[lean_count++] = full_policy[i];
        }
    }
}

static const uint8_t minimal_policy[] = {33, 34};

static void make_built_3(void) {
    image_size = read_file("vmi-3-native.rom", image, sizeof(image));
}

/* The built image with just these calls answered, by hand. */
static void make_policy(const uint8_t *numbers, size_t count) {
    make_built_3();
    for (size_t i = 0; i < CALLS_OF_3; i++) {
        image[POLICY_CALLS + i] &= 0x7F;
    }
    for (size_t i = 0; i < count; i++) {
        image[POLICY_CALLS + numbers[i]] |= 0x80;
    }
    put_image_sum();
}

static void check_policy(const char *name, const char *list, const uint8_t *numbers, size_t count) {
    struct run seen;
    bool good;

    make_built_3();
    write_file("in.rom", image, image_size);
    unlink("out.rom");
    seen = ROMSUM("--policy", list, "in.rom", "-o", "out.rom");
    good = gave(&seen, 0, "") && holds(seen.out[0] == '\0', "stdout is empty");
    good &= holds(file_is("in.rom", image, image_size), "the input is as it was");
    make_policy(numbers, count);
    good &= holds(file_is("out.rom", image, image_size), "the bytes of a change by hand");
    seen = ROMSUM("--check", "out.rom");
    good &= gave(&seen, 0, "");
    seen = ROMSUM("--policy", "minimal", "out.rom");
    make_policy(minimal_policy, COUNT(minimal_policy));
    good &= gave(&seen, 0, "") && holds(file_is("out.rom", image, image_size), "the way back");
    result(name, good);
}

static const char *const hosted[] = {"SetInitialAPState", "APICWrite",        "APICRead",
                                     "GetCycleFrequency", "GetCycleCounter",  "SetAlarm",
                                     "CancelAlarm",       "GetWallclockTime", "WallclockUpdated"};
static const uint8_t hosted_numbers[] = {62, 63, 64, 66, 67, 68, 69, 70, 71};

static void test_policy(void) {
    static const uint8_t named[] = {11, 21, 33, 34};
    uint8_t full_and_more[CALLS_OF_3];
    struct run seen;
    bool good = true;

    make_full_policy();
    memcpy(full_and_more, full_policy, full_count);
    full_and_more[full_count] = VMI3_CALL_WriteIDTEntry;
    check_policy("policy_full_answers_with_what_every_kernel_does_right", "full", full_policy,
                 full_count);
    make_lean_policy();
    check_policy("policy_lean_leaves_out_what_costs_a_kernel_more_than_it_gives", "lean",
                 lean_policy, lean_count);
    check_policy("policy_minimal_answers_with_iret_and_sysexit", "minimal", minimal_policy,
                 COUNT(minimal_policy));
    check_policy("policy_takes_names_and_never_leaves_out_iret_and_sysexit", "GetCR3,WriteGDTEntry",
                 named, COUNT(named));
    check_policy("policy_takes_full_and_a_name", "full,WriteIDTEntry", full_and_more,
                 full_count + 1);
    make_policy(lean_policy, lean_count);
    result("the_built_image_has_the_policy_lean",
           holds(file_is("vmi-3-native.rom", image, image_size), "the same bytes"));
    write_file("in.rom", image, image_size);
    for (size_t i = 0; i < COUNT(hosted); i++) {
        char expected[160];

        unlink("out.rom");
        seen = ROMSUM("--policy", hosted[i], "in.rom", "-o", "out.rom");
        snprintf(expected, sizeof(expected),
                 "romsum: in.rom: at 0x%X: policy answers with call %u, %s, which only a "
                 "hypervisor can serve\n",
                 POLICY_CALLS + hosted_numbers[i], hosted_numbers[i], hosted[i]);
        good &= gave(&seen, 1, expected) && holds(!exists("out.rom"), "no output");
    }
    result("policy_refuses_what_only_a_hypervisor_serves", good);
    good = true;
    for (size_t i = 0; i < COUNT(hosted); i++) {
        seen = ROMSUM("--policy", hosted[i], "vmi-3-hypercall.rom", "-o", "out.rom");
        good &= gave(&seen, 0, "");
    }
    result("policy_lets_a_hypercall_image_answer_with_it", good);
}

static const struct {
    const char *name;
    void (*make)(void);
} policyless[] = {
    {"policy_refuses_an_image_of_api_13", make_13},
    {"policy_refuses_an_api_3_image_without_one", make_3},
    {"policy_refuses_a_rom_without_vmi", make_legacy},
};

static void test_policyless(void) {
    struct run seen;

    for (size_t i = 0; i < COUNT(policyless); i++) {
        policyless[i].make();
        write_file("in.rom", image, image_size);
        seen = ROMSUM("--policy", "full", "in.rom");
        result(policyless[i].name,
               gave(&seen, 1, "romsum: in.rom: no policy: not an API 3.0 image of vmirom\n") &&
                   holds(file_is("in.rom", image, image_size), "the input is as it was"));
    }
}

static const struct bad bad_policies[] = {
    {.name = "check_refuses_an_unknown_policy_version",
     .make = make_built_3,
     .pokes = {{0x1004, 1, 2}},
     .expected = "at 0x1004: policy version 2 is not known (1 is)\n"},
    {.name = "check_refuses_a_call_that_leads_to_another_slot",
     .make = make_built_3,
     .pokes = {{POLICY_CALLS + 17, 1, 23}},
     .expected = "at 0x1017: policy maps call 17, SetCR3, to slot 23, not 22\n"},
    {.name = "check_refuses_a_policy_without_iret",
     .make = make_built_3,
     .pokes = {{POLICY_CALLS + 33, 1, 39}},
     .expected = "at 0x1027: policy omits call 33, IRET: Linux has no code of its own for "
                 "it\n"},
    {.name = "check_refuses_a_policy_without_sysexit",
     .make = make_built_3,
     .pokes = {{POLICY_CALLS + 34, 1, 40}},
     .expected = "at 0x1028: policy omits call 34, SYSEXIT: Linux has no code of its own for "
                 "it\n"},
    {.name = "check_refuses_an_answer_that_only_a_hypervisor_serves",
     .make = make_built_3,
     .pokes = {{POLICY_CALLS + 66, 1, 79 | 0x80}},
     .expected = "at 0x1048: policy answers with call 66, GetCycleFrequency, which only a "
                 "hypervisor can serve\n"},
    {.name = "check_refuses_an_empty_slot_of_an_api_3_image",
     .make = make_built_3,
     .expected = "at 0xAE0: slot 87 holds nothing but CC: a guest that calls it crashes\n",
     .first = 87,
     .last = 87,
     .fill = 0xCC},
    {.name = "check_refuses_a_licence_in_the_slots",
     .make = make_built_3,
     .pokes = {{0x16, 2, 0x1F8}, {0x1F8, 4, 0x4C5047}},
     .expected = "at 0x1F8: the licence string (0x1F8 to 0x1FB) overlaps the call slots (0xA0 to "
                 "0xFFF)\n"},
};

static void test_policies_of_a_size(void) {
    char expected[400];
    struct bad of_another_length = {.name = "check_refuses_a_policy_of_another_length",
                                    .make = make_built_3,
                                    .pokes = {{0x1005, 1, CALLS_OF_3 - 1}},
                                    .expected = expected};
    struct bad with_a_licence = {.name = "check_refuses_a_licence_in_the_policy",
                                 .make = make_built_3,
                                 .pokes = {{0x16, 2, 0x1010}, {0x1010, 4, 0x4C5047}},
                                 .expected = expected};

    snprintf(expected, sizeof(expected), "at 0x1005: policy has %d calls, API 3.0 has %d\n",
             CALLS_OF_3 - 1, CALLS_OF_3);
    check_bad(&of_another_length);
    snprintf(expected, sizeof(expected),
             "at 0x1010: the licence string (0x1010 to 0x1013) overlaps the policy (0x1000 to "
             "0x%X)\n"
             "at 0x1010: policy maps call 10, GetTR, to slot 71, not 15\n"
             "at 0x1011: policy maps call 11, WriteGDTEntry, to slot 80, not 16\n"
             "at 0x1012: policy maps call 12, WriteLDTEntry, to slot 76, not 17\n"
             "at 0x1013: policy maps call 13, WriteIDTEntry, to slot 0, not 18\n",
             POLICY_CALLS + CALLS_OF_3 - 1);
    check_bad(&with_a_licence);
}

static void test_bad_policies(void) {
    test_policies_of_a_size();
    for (size_t i = 0; i < COUNT(bad_policies); i++) {
        check_bad(&bad_policies[i]);
    }
}

static const struct {
    const char *name, *list, *message;
} bad_lists[] = {
    {"an_unknown_call_is_wrong_usage", "full,SetCR8",
     "unknown policy SetCR8: minimal, lean, full and the calls of API 3.0 are known"},
    {"half_a_call_is_wrong_usage", "SetCR",
     "unknown policy SetCR: minimal, lean, full and the calls of API 3.0 are known"},
    {"a_call_of_api_13_only_is_wrong_usage", "SetPxE0",
     "unknown policy SetPxE0: minimal, lean, full and the calls of API 3.0 are known"},
    {"an_empty_list_is_wrong_usage", "",
     "unknown policy : minimal, lean, full and the calls of API 3.0 are known"},
    {"an_empty_item_is_wrong_usage", "full,",
     "unknown policy : minimal, lean, full and the calls of API 3.0 are known"},
};

static void test_policy_usage(void) {
    struct run seen;

    make_built_3();
    write_file("in.rom", image, image_size);
    for (size_t i = 0; i < COUNT(bad_lists); i++) {
        seen = ROMSUM("--policy", bad_lists[i].list, "in.rom");
        check_usage(bad_lists[i].name, &seen, bad_lists[i].message);
    }
    seen = ROMSUM("in.rom", "--policy");
    check_usage("policy_without_list_is_wrong_usage", &seen, "--policy needs an argument: LIST");
    seen = ROMSUM("--policy", "full", "--policy", "full", "in.rom");
    check_usage("policy_given_twice_is_wrong_usage", &seen, "--policy given twice");
    result("wrong_usage_of_policy_leaves_the_image_as_it_was",
           holds(file_is("in.rom", image, image_size), "the same bytes"));
}

static void test_show_policy(void) {
    struct run seen;
    bool good;

    make_policy(minimal_policy, COUNT(minimal_policy));
    write_file("show.rom", image, image_size);
    seen = ROMSUM("--show", "show.rom");
    good = gave(&seen, 0, "") &&
           prints_figures(&seen,
                          "\nPolicy of GetRelocationInfo\n"
                          "  0x1000  magic, version       \"VmiP\", 1\n"
                          "  0x1006  policy               minimal: a CALL for 2 of %d calls\n"
                          "    IRET SYSEXIT\n",
                          CALLS_OF_3);
    good &= prints(&seen, " 39 IRET                    22k######.. ");
    good &= prints(&seen, " 95 SetInitialAPState ");
    good &=
        prints_figures(&seen, "\n%d to 127 no calls: 7 bytes each, all alike\n", VMI_SLOT_LAST + 1);
    result("show_prints_policy_and_slots_of_an_api_3_image", good);
    make_policy(lean_policy, lean_count);
    write_file("show.rom", image, image_size);
    seen = ROMSUM("--show", "show.rom");
    result("show_names_the_policy_lean",
           gave(&seen, 0, "") &&
               prints_figures(&seen, "lean: a CALL for %zu of %d calls\n", lean_count, CALLS_OF_3));
    make_policy(full_policy, full_count);
    write_file("show.rom", image, image_size);
    seen = ROMSUM("--show", "show.rom");
    good = gave(&seen, 0, "") &&
           prints_figures(&seen, "full: a CALL for %zu of %d calls\n    CPUID SetGDT", full_count,
                          CALLS_OF_3);
    image[POLICY_CALLS] = 5;
    image[POLICY_CALLS + 33] = 39;
    put_image_sum();
    write_file("show.rom", image, image_size);
    seen = ROMSUM("--show", "show.rom");
    good &= gave(&seen, 1, "") &&
            prints_figures(&seen, "a list: a CALL for %zu of %d calls\n    WRONG: ", full_count - 2,
                           CALLS_OF_3);
    result("show_names_the_policy_and_marks_what_is_wrong", good);
}

/* ---- Output that fails ---- */

static void check_no_output(const char *name, const struct run *seen, const char *folder,
                            const char *expected) {
    bool good = gave(seen, 1, expected);

    good &= holds(file_is("in.rom", image, image_size), "the input is as it was");
    good &= holds(!has_leftovers(folder), "no temporary file");
    result(name, good);
}

static void test_full_disk(const char *name) {
    struct run seen;

    mkdir("disk", 0777);
    if (mount("none", "disk", "tmpfs", 0, "size=4096") != 0) {
        result_skipped(name, "no right to mount a small disk");
        return;
    }
    write_file("disk/fill", image, 2048);
    seen = ROMSUM("in.rom", "-o", "disk/out.rom");
    check_no_output(name, &seen, "disk",
                    "romsum: disk/out.rom: cannot write: No space left on device\n");
    umount("disk");
}

static void test_read_only_folder(const char *name) {
    struct run seen;

    mkdir("closed", 0755);
    write_file("closed/out.rom", image, 512);
    if (geteuid() == 0) {
        special.user = 65534;
    } else {
        chmod("closed", 0555);
    }
    seen = ROMSUM("in.rom", "-o", "closed/out.rom");
    chmod("closed", 0755);
    if (seen.status == 99) {
        result_skipped(name, "cannot change the user");
    } else {
        check_no_output(
            name, &seen, "closed",
            "romsum: closed/out.rom: cannot create a temporary file in its directory: Permission "
            "denied\n");
    }
}

static void test_failing_output(void) {
    struct run seen;

    make_13_of(8192);
    image[6]++; /* so that there is something to write */
    write_file("in.rom", image, image_size);
    seen = ROMSUM("in.rom", "-o", "nowhere/out.rom");
    check_no_output(
        "seal_into_a_missing_folder_fails", &seen, ".",
        "romsum: nowhere/out.rom: cannot create a temporary file in its directory: No such file "
        "or directory\n");
    seen = ROMSUM("in.rom", "-o", "folder");
    check_no_output("seal_over_a_directory_fails", &seen, ".",
                    "romsum: folder: is a directory, not a regular file\n");
    seen = ROMSUM("in.rom", "-o", "pipe");
    check_no_output("seal_over_a_pipe_fails", &seen, ".",
                    "romsum: pipe: is a pipe, not a regular file\n");
    special.file_size = 4096;
    seen = ROMSUM("in.rom", "-o", "limited.rom");
    check_no_output("seal_beyond_the_file_size_limit_fails", &seen, ".",
                    "romsum: limited.rom: cannot write: File too large\n");
    result("a_failed_seal_leaves_no_output", holds(!exists("limited.rom"), "no output"));
    special.file_size = 4096;
    seen = ROMSUM("in.rom");
    check_no_output("a_failed_seal_in_place_keeps_the_input", &seen, ".",
                    "romsum: in.rom: cannot write: File too large\n");
    make_hypercall();
    write_file("in.rom", image, image_size);
    seen = ROMSUM("--trap", "vmcall", "in.rom", "-o", "nowhere/out.rom");
    check_no_output(
        "trap_into_a_missing_folder_fails", &seen, ".",
        "romsum: nowhere/out.rom: cannot create a temporary file in its directory: No such file "
        "or directory\n");
    special.file_size = 4096;
    seen = ROMSUM("--trap", "vmcall", "in.rom");
    check_no_output("a_failed_trap_in_place_keeps_the_input", &seen, ".",
                    "romsum: in.rom: cannot write: File too large\n");
    make_13_of(8192);
    write_file("in.rom", image, image_size);
    test_full_disk("seal_onto_a_full_disk_fails");
    test_read_only_folder("seal_into_a_read_only_folder_fails");
    special.out = "/dev/full";
    seen = ROMSUM("--show", "in.rom");
    result("show_fails_when_its_output_is_lost",
           gave(&seen, 1, "romsum: standard output: No space left on device\n"));
}

/* ---- Usage ---- */

static void test_usage(const char *version) {
    char expected[64];
    struct run seen;

    make_13();
    write_file("in.rom", image, image_size);
    seen = run("./romsum", NULL);
    check_usage("no_argument_is_wrong_usage", &seen, "no IMAGE given");
    seen = ROMSUM("--check");
    check_usage("check_without_image_is_wrong_usage", &seen, "no IMAGE given");
    seen = ROMSUM("-o", "out.rom");
    check_usage("output_without_image_is_wrong_usage", &seen, "no IMAGE given");
    seen = ROMSUM("in.rom", "-o");
    check_usage("o_without_a_name_is_wrong_usage", &seen, "-o needs an argument: file name");
    seen = ROMSUM("in.rom", "-o", "a", "-o", "b");
    check_usage("o_given_twice_is_wrong_usage", &seen, "-o given twice");
    seen = ROMSUM("in.rom", "in.rom", "-o", "out.rom");
    check_usage("o_with_several_images_is_wrong_usage", &seen, "-o takes a single IMAGE");
    seen = ROMSUM("--check", "in.rom", "-o", "out.rom");
    check_usage("o_with_check_is_wrong_usage", &seen,
                "-o does not go with --check, which changes nothing");
    seen = ROMSUM("--check", "--show", "in.rom");
    check_usage("check_with_show_is_wrong_usage", &seen, "--check and --show cannot be combined");
    seen = ROMSUM("--show", "--trap", "vmcall", "in.rom");
    check_usage("show_with_trap_is_wrong_usage", &seen,
                "--trap does not go with --show, which changes nothing");
    seen = ROMSUM("--trap", "vmcall", "--check", "in.rom");
    check_usage("trap_with_check_is_wrong_usage", &seen,
                "--trap does not go with --check, which changes nothing");
    seen = ROMSUM("--chekc", "in.rom");
    check_usage("an_unknown_option_is_wrong_usage", &seen, "unknown option --chekc");
    seen = ROMSUM("");
    check_usage("an_empty_name_is_wrong_usage", &seen, "empty file name");
    seen = ROMSUM("in.rom", "-o", "");
    check_usage("an_empty_output_is_wrong_usage", &seen, "empty file name");
    seen = ROMSUM("--show", "--svg=", "in.rom");
    check_usage("an_empty_picture_is_wrong_usage", &seen, "empty file name");
    seen = ROMSUM("--check", "-");
    check_usage("standard_input_is_wrong_usage", &seen,
                "-: files only, no standard input or output; ./- is a file of that name");
    seen = ROMSUM("in.rom", "-o", "-");
    check_usage("standard_output_is_wrong_usage", &seen,
                "-: files only, no standard input or output; ./- is a file of that name");
    seen = ROMSUM("--show", "--svg", "-", "in.rom");
    check_usage("a_picture_on_standard_output_is_wrong_usage", &seen,
                "-: files only, no standard input or output; ./- is a file of that name");
    write_file("-", image, image_size);
    seen = ROMSUM("--check", "--", "-");
    result("a_dash_behind_two_dashes_is_an_image", gave(&seen, 0, ""));
    seen = ROMSUM("--help");
    result("help_names_every_verb",
           gave(&seen, 0, "") && prints(&seen, "romsum [CHANGE...] IMAGE... [-o OUT]") &&
               prints(&seen, "romsum --check [--json] IMAGE...") &&
               prints(&seen, "romsum --show [--json] IMAGE...") &&
               prints(&seen, "romsum --show --svg FILE IMAGE") &&
               prints(&seen, "  --pci VENDOR:DEVICE[:CLASS] ") &&
               prints(&seen, "  --strings MANUFACTURER,PRODUCT ") &&
               prints(&seen, "  --sum-at OFFSET|end|auto ") && prints(&seen, "  --pad SIZE ") &&
               prints(&seen, "  --trap KIND ") && prints(&seen, "  --policy LIST "));
    result("help_says_how_to_write_a_trap",
           prints(&seen, "KIND is vmmcall, vmcall, int:NN with a vector from 0x20 to 0xFF, out "
                         "(port 0xE7) or out:NN\nwith a port from 0x00 to 0xFF. NN is hexadecimal: "
                         "0x80 or 80h.\n"));
    seen = ROMSUM("--version");
    snprintf(expected, sizeof(expected), "romsum %s\n", version);
    result("version_is_that_of_the_tree",
           gave(&seen, 0, "") && holds(strcmp(seen.out, expected) == 0, "the text of VERSION"));
}

static const struct {
    const char *name, *kind, *message;
} bad_kinds[] = {
    {"an_unknown_trap_is_wrong_usage", "hlt",
     "unknown trap hlt: vmmcall, vmcall, int:NN, out and out:NN are known"},
    {"half_a_trap_is_wrong_usage", "vmmcal",
     "unknown trap vmmcal: vmmcall, vmcall, int:NN, out and out:NN are known"},
    {"more_than_a_trap_is_wrong_usage", "int80h:80h",
     "unknown trap int80h:80h: vmmcall, vmcall, int:NN, out and out:NN are known"},
    {"an_empty_trap_is_wrong_usage", "",
     "unknown trap : vmmcall, vmcall, int:NN, out and out:NN are known"},
    {"a_number_of_vmmcall_is_wrong_usage", "vmmcall:0x01", "vmmcall:0x01: vmmcall takes no number"},
    {"int_without_a_vector_is_wrong_usage", "int", "int needs a vector, as in int:0x80"},
    {"an_empty_number_is_wrong_usage",
     "int:", "int:: the vector must be hexadecimal, as in 0x80 or 80h"},
    {"a_number_that_does_not_say_what_it_is_is_wrong_usage", "int:80",
     "int:80: the vector must be hexadecimal, as in 0x80 or 80h"},
    {"a_number_that_says_it_twice_is_wrong_usage", "int:0x80h",
     "int:0x80h: the vector must be hexadecimal, as in 0x80 or 80h"},
    {"a_prefix_without_digits_is_wrong_usage", "out:0x",
     "out:0x: the port must be hexadecimal, as in 0x80 or 80h"},
    {"a_suffix_without_digits_is_wrong_usage", "out:h",
     "out:h: the port must be hexadecimal, as in 0x80 or 80h"},
    {"a_sign_is_wrong_usage", "out:-0x1",
     "out:-0x1: the port must be hexadecimal, as in 0x80 or 80h"},
    {"something_behind_the_number_is_wrong_usage", "out:0x80 ",
     "out:0x80 : the port must be hexadecimal, as in 0x80 or 80h"},
    {"an_exception_vector_is_wrong_usage", "int:0x1F",
     "int:0x1F: the vector is below 0x20, among the exceptions"},
    {"a_vector_above_a_byte_is_wrong_usage", "int:100h",
     "int:100h: the vector is above 0xFF: the instruction holds one byte"},
    {"a_port_above_a_byte_is_wrong_usage", "out:0x100",
     "out:0x100: the port is above 0xFF: the instruction holds one byte"},
    {"a_port_above_any_number_is_wrong_usage", "out:0x100000000000000E9",
     "out:0x100000000000000E9: the port is above 0xFF: the instruction holds one byte"},
};

static void test_trap_usage(void) {
    struct run seen;

    make_hypercall();
    write_file("in.rom", image, image_size);
    for (size_t i = 0; i < COUNT(bad_kinds); i++) {
        seen = ROMSUM("--trap", bad_kinds[i].kind, "in.rom");
        check_usage(bad_kinds[i].name, &seen, bad_kinds[i].message);
    }
    seen = ROMSUM("--trap");
    check_usage("trap_without_kind_is_wrong_usage", &seen, "--trap needs an argument: KIND");
    seen = ROMSUM("--trap", "vmcall");
    check_usage("trap_without_image_is_wrong_usage", &seen, "no IMAGE given");
    seen = ROMSUM("--trap", "vmcall", "--trap", "vmcall", "in.rom");
    check_usage("trap_given_twice_is_wrong_usage", &seen, "--trap given twice");
    seen = ROMSUM("--trap", "vmcall", "in.rom", "in.rom", "-o", "out.rom");
    check_usage("o_with_several_images_to_trap_is_wrong_usage", &seen, "-o takes a single IMAGE");
    result("wrong_usage_of_trap_leaves_the_image_as_it_was",
           holds(file_is("in.rom", image, image_size), "the same bytes"));
}

/* ---- Showing ---- */

static void test_show_good(void) {
    char sums[128];
    struct run seen;
    bool good;

    make_13();
    memset(image + 45 * 32, 0x90, 5);
    image[100 * 32] = 0x90;
    put_number(0x32, 2, 0x0102);
    put_sums();
    write_file("show.rom", image, image_size);
    seen = ROMSUM("--show", "show.rom");
    good = gave(&seen, 0, "");
    good &= prints(&seen, "show.rom: 4096 bytes, VMI ROM, API 13.3; 0 problems\n");
    good &= prints(&seen, "  0x0002  length               8 blocks (4096 bytes)\n");
    good &= prints(&seen, "  0x0003  entry                jmp 0x0070\n");
    good &= prints(&seen, "  0x0018  PCIR                 0x0020\n");
    good &= prints(&seen, "  0x0024  vendor:device        15AD:0801\n");
    good &= prints(&seen, "  0x002D  class                05 80 00 (base, sub, interface)\n");
    good &= prints(&seen, "  0x0032  code revision        1.2\n");
    good &= prints(&seen, "  0x0035  indicator            0x80 (last image)\n");
    good &= prints(&seen, "  0x004E  manufacturer         0x0060 \"Maker\"\n");
    good &= prints(&seen, "  0x0050  product              0x0066 \"Thing\"\n");
    good &= holds(!strstr(seen.out, "WRONG"), "nothing is marked");
    result("show_prints_the_fields_of_a_good_image", good);
    good = prints(&seen, " 44 Shutdown                 1 #.......");
    good &= prints(&seen, " 45 SetPxE0                  5 ##......");
    good &= prints_figures(&seen,
                           "\n%3d to 99 no calls: 1 bytes each, all alike\n"
                           "100 no call: 1 bytes\n101 to 127 no calls: 1 bytes each, all alike\n",
                           VMI_CALL_LAST + 1);
    good &= prints(&seen, "128 of 3968 bytes used in all.\n");
    result("show_maps_the_slots_with_the_bytes_they_use", good);
    snprintf(sums, sizeof(sums), "checksum             stated 0x%02X, right 0x%02X (4096 bytes)\n",
             image[6], image[6]);
    good = prints(&seen, sums);
    good &= prints(&seen, "checksum             stated 0x05, right 0x05 (32 bytes)\n");
    result("show_prints_both_sums", good);
}

static void test_show_space(void) {
    struct run seen;

    make_13_of(4608);
    memset(image + 4096, 0xFF, 512);
    memset(image + 4096, 0xCC, 0x30);
    memset(image + 4096, 0x90, 0x20);
    put_sums();
    write_file("show.rom", image, image_size);
    seen = ROMSUM("--show", "show.rom");
    result("show_tells_the_space_behind_the_last_used_byte",
           gave(&seen, 0, "") &&
               prints(&seen, "Last used byte 0x101F, 480 bytes free after it.\n"));
    put(0x60, "\33[2J\"", 6);
    put_sums();
    write_file("show.rom", image, image_size);
    seen = ROMSUM("--show", "show.rom");
    result("show_prints_no_control_character_of_a_string",
           gave(&seen, 0, "") && prints(&seen, "manufacturer         0x0060 \"\\x1B[2J\\x22\"\n") &&
               holds(!strchr(seen.out, 27), "no escape character"));
}

static void test_show_damaged(void) {
    struct run seen;
    bool good;

    make_13();
    put_number(0x0E, 1, 7);
    put_number(0x24, 2, 0);
    put_number(0x50, 2, 0x1000);
    memset(image + 45 * 32, 0, 32);
    put_sums();
    image[6]++;
    write_file("show.rom", image, image_size);
    seen = ROMSUM("--show", "show.rom");
    good =
        gave(&seen, 1, "") && prints(&seen, "show.rom: 4096 bytes, VMI ROM, API 13.3; 5 problems");
    good &= prints(&seen, "(4096 bytes)\n    WRONG: the image's 4096 bytes sum to 0x01, not 0");
    good &= prints(&seen, "    WRONG: reserved0 is 0x07, must be 0\n");
    good &= prints(&seen, "0000:0801\n    WRONG: PCIR vendor 0x0000 is not a PCI vendor\n");
    good &= prints(&seen, "0x1000 (no string there)\n    WRONG: product string offset 0x1000 lies "
                          "outside the image (4096 bytes)\n");
    good &=
        prints(&seen, "    WRONG: slot 45 holds nothing but 00: a guest that calls it crashes\n");
    result("show_marks_what_is_wrong_beside_the_field", good);
    write_file("show.rom", image, 0x44);
    seen = ROMSUM("--show", "show.rom");
    good = gave(&seen, 1, "") && prints(&seen, "0x0020  signature            \"PCIR\"\n");
    good &= prints(&seen,
                   "\nOther problems\n    WRONG: the file's 68 bytes are not a multiple of 512\n");
    good &=
        prints(&seen, "0x0040 (none there)\n    WRONG: $PnP offset 0x40 lies outside the image");
    result("show_gets_as_far_as_it_can_in_a_truncated_image", good);
    write_file("show.rom", image, 5);
    seen = ROMSUM("--show", "show.rom");
    result("show_names_what_is_wrong_with_five_bytes",
           gave(&seen, 1, "") &&
               prints(&seen, "    WRONG: the file's 5 bytes are too few for a ROM header"));
    make_text();
    write_file("show.rom", image, image_size);
    seen = ROMSUM("--show", "show.rom");
    result("show_names_what_is_no_rom",
           gave(&seen, 1, "") && prints(&seen, "show.rom: 1024 bytes, not an option ROM;"));
}

static void test_show_hypercall(void) {
    struct run seen;
    bool good;

    make_hypercall_int();
    put_number(0x16, 2, 0xABCD);
    put_sums();
    write_file("show.rom", image, image_size);
    seen = ROMSUM("--show", "show.rom");
    good = gave(&seen, 0, "");
    good &= prints(&seen, "  0x0014  hypercall descriptor 0x1010\n"
                          "  0x0016  private use          0xABCD\n");
    good &= prints(&seen,
                   "\nHypercall descriptor\n"
                   "  0x1010  magic                \"VmiT\"\n"
                   "  0x1014  version              3\n"
                   "  0x1015  trap                 int 0x80\n"
                   "  0x1017  flags                0x00\n"
                   "  0x1018  slots                28 trap, 0 soft, 2 nop, 93 native, 5 own\n\n");
    result("show_prints_the_descriptor", good);
    good = prints(&seen, "(a mark = 4 bytes: # native, t trap, n nop, o own, ? unknown)\n");
    good &= prints(&seen, "\n  4 Init                    28 ooooooo. ");
    good &= prints(&seen, " 46 GetPxE                   4 t.......\n");
    good &= prints(&seen, " 28 INVD                     1 n....... ");
    good &= prints(&seen, " 70 OUTSW                    4 #.......\n");
    good &= prints_figures(&seen, "\n%3d to 127 no calls: native, 4 bytes each, all alike\n",
                           VMI_CALL_LAST + 1);
    result("show_marks_the_kind_of_each_slot", good);
    good = holds(!strstr(seen.out, "WRONG"), "nothing is marked");
    for (size_t i = 0; i < COUNT(traps); i++) {
        char row[64];

        make_hypercall_of(&traps[i]);
        write_file("show.rom", image, image_size);
        seen = ROMSUM("--show", "show.rom");
        snprintf(row, sizeof(row), "trap                 %.*s", (int)strcspn(traps[i].name, ":"),
                 traps[i].name);
        if (traps[i].kind >= 2) {
            snprintf(row + strlen(row), 8, " 0x%02X", traps[i].operand);
        }
        strcat(row, "\n");
        good &= gave(&seen, 0, "") && prints(&seen, row);
    }
    result("show_names_every_trap", good);
    make_3_hypercall();
    write_file("show.rom", image, image_size);
    seen = ROMSUM("--show", "show.rom");
    result("show_prints_the_descriptor_of_an_api_3_image",
           gave(&seen, 0, "") && prints(&seen, "  0x0014  hypercall descriptor 0x1010\n") &&
               prints(&seen, "  0x1015  trap                 vmmcall\n"));
}

static void test_show_damaged_hypercall(void) {
    struct run seen;
    bool good;

    make_hypercall();
    image[0x1016] = 5;
    image[0x1017] = 1;
    put_sums();
    write_file("show.rom", image, image_size);
    seen = ROMSUM("--show", "show.rom");
    good = gave(&seen, 1, "");
    good &= prints(&seen, "vmmcall 0x05\n    WRONG: operand is 0x05, must be 0 for vmmcall\n");
    image[0x1016] = 0;
    image[0x1018 + 5] = 200;
    image[0x1018 + 127] = 5;
    image[46 * 32] = 0;
    put_sums();
    write_file("show.rom", image, image_size);
    seen = ROMSUM("--show", "show.rom");
    good &= gave(&seen, 1, "");
    good &=
        prints(&seen, "27 trap, 0 soft, 2 nop, 92 native, 5 own\n    WRONG: slot 5 is of kind 200 "
                      "(unknown): only 0 to 4 are known; 1 more likewise\n");
    good &= prints(&seen, "  5 CPUID                    4 ?.......");
    good &= prints(&seen, "127 no call: unknown, 4 bytes\n");
    good &= prints(&seen, " bytes used in all.\n    WRONG: slot 46 is of kind 1 (trap): it is not");
    result("show_marks_what_is_wrong_with_a_descriptor", good);
    make_hypercall();
    image[0x1015] = 9;
    put_sums();
    write_file("show.rom", image, image_size);
    seen = ROMSUM("--show", "show.rom");
    good = gave(&seen, 1, "") && prints(&seen, "kind 9, 0x00\n    WRONG: trap kind 9 is not");
    make_hypercall();
    image[0x1014] = 4;
    put_sums();
    write_file("show.rom", image, image_size);
    seen = ROMSUM("--show", "show.rom");
    good &= gave(&seen, 1, "") && prints(&seen, "  0x1014  version              4\n    WRONG: ");
    good &= prints(&seen, "(3 is)\n\nCall slots: number, name, bytes used of 32 (# = 4 bytes)\n");
    result("show_reads_no_more_than_it_knows_of_a_descriptor", good);
    make_hypercall();
    write_file("show.rom", image, 0x1020);
    seen = ROMSUM("--show", "show.rom");
    result("show_gets_as_far_as_it_can_in_a_truncated_descriptor",
           gave(&seen, 1, "") &&
               prints(&seen, "0x1010\n    WRONG: hypercall descriptor at 0x1010 "
                             "ends outside the image (4128 bytes)\n") &&
               holds(!strstr(seen.out, "  0x1018  slots"), "no row of what is not there"));
}

static void test_show_others(void) {
    struct run seen;

    make_3();
    write_file("show.rom", image, image_size);
    seen = ROMSUM("--show", "show.rom");
    result("show_prints_an_api_3_image",
           gave(&seen, 0, "") && prints(&seen, "VMI ROM, API 3.0; 0 problems\n") &&
               prints(&seen, "  0x0016  licence              0x0070 \"GPL v2\"\n"));
    make_legacy();
    write_file("show.rom", image, image_size);
    seen = ROMSUM("--show", "show.rom");
    result("show_prints_a_legacy_rom",
           gave(&seen, 0, "") &&
               prints(&seen, "2048 bytes, option ROM without VMI; 0 problems\n") &&
               prints(&seen, "entry                retf\n"));
    make_13_rev_3();
    write_file("show.rom", image, image_size);
    seen = ROMSUM("--show", "show.rom", "show.rom");
    result("show_prints_the_run_time_length_of_pcir_revision_3",
           gave(&seen, 0, "") && prints(&seen, "  0x0036  run-time length      9 blocks\n"));
    result("show_parts_several_images_by_an_empty_line",
           prints(&seen, " free after it.\n\nshow.rom: 4608 bytes") &&
               holds(strncmp(seen.out, "show.rom: ", 10) == 0, "no empty line at the start"));
    memset(image + 0x1000, 'A', 70);
    put_number(0x50, 2, 0x1000);
    put_sums();
    write_file("show.rom", image, image_size);
    seen = ROMSUM("--show", "show.rom");
    result("show_cuts_a_long_string",
           gave(&seen, 0, "") &&
               prints(&seen, "0x1000 \"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
                             "AAAAAAAAAAAAAAAAAAA\"...\n"));
}

static void test_show_broken_structures(void) {
    struct run seen;
    bool good;

    make_13();
    image[2] = 0;
    image[0x20] = 'Q';
    put_number(0x50, 2, 0x0FFE);
    put_number(0x0FFE, 2, 0x4141);
    memset(image + 46 * 32, 0xCC, 32);
    put_pnp_sum();
    write_file("show.rom", image, image_size);
    seen = ROMSUM("--show", "show.rom");
    good = gave(&seen, 1, "") && prints(&seen, "API 13.3; 4 problems\n");
    good &= prints(&seen, "0 blocks (0 bytes)\n    WRONG: length byte is 0");
    good &= prints(&seen, "(4096 bytes)\n");
    good &= prints(&seen, "0x0020 (none there)\n    WRONG: PCIR signature is 51 43 49 52");
    good &= prints(&seen, "0x0FFE (no string there)\n    WRONG: product string has no NUL");
    good &= prints(&seen, " 46 GetPxE                   0 ........");
    result("show_marks_what_is_wrong_beside_the_pointer_to_it", good);
}

/* ---- In one process ---- */

static void test_in_process(void) {
    struct run seen;

    seen = run("./changes", "changes", "vmi-native.rom", NULL);
    result("check_refuses_every_change_of_any_byte_of_the_native_rom",
           gave(&seen, 0, "") && prints(&seen, " changes, 0 accepted\n"));
    make_3();
    write_file("good.rom", image, image_size);
    seen = run("./changes", "changes", "good.rom", NULL);
    result("check_refuses_every_change_of_any_byte_of_an_api_3_image",
           gave(&seen, 0, "") && prints(&seen, "261120 changes, 0 accepted\n"));
    seen = run("./changes", "changes", "vmi-3-native.rom", "128", NULL);
    result(
        "check_notices_every_change_of_the_header_and_any_changed_byte_of_the_native_rom_of_api_3",
        gave(&seen, 0, "") && prints(&seen, " changes, 0 accepted\n"));
    seen = run("./changes", "changes", "vmi-hypercall.rom", "128", NULL);
    result("check_notices_every_change_of_the_header_and_any_changed_byte_of_the_hypercall_rom",
           gave(&seen, 0, "") && prints(&seen, " changes, 0 accepted\n"));
    seen = run("./changes", "changes", "vmi-3-hypercall.rom", "128", NULL);
    result("check_notices_every_change_of_the_header_and_any_changed_byte_of_the_hypercall_rom_of_"
           "api_3",
           gave(&seen, 0, "") && prints(&seen, " changes, 0 accepted\n"));
    seen = run("./changes", "changes", "vmi-monitor.rom", "128", NULL);
    result("check_notices_every_change_of_the_header_and_any_changed_byte_of_the_monitors_rom",
           gave(&seen, 0, "") && prints(&seen, " changes, 0 accepted\n"));
    /* The two slots that do nothing by default are right as native bodies too, and what does not
     * trap as soft: of the calls 5 to 87 of API 13 those that do not trap but GetRelocationInfo; in
     * the other image the slots 5 to 127 without 28 traps and that one. */
    seen = run("./changes", "resealed", "vmi-hypercall.rom", NULL);
    result("trap_refuses_every_change_of_the_descriptor_and_the_traps_under_a_new_seal",
           gave(&seen, 0, "") && prints(&seen, " changes, 6 accepted, 6 alike\n"));
    make_3_hypercall();
    write_file("good.rom", image, image_size);
    seen = run("./changes", "resealed", "good.rom", NULL);
    result("trap_refuses_every_such_change_of_an_api_3_image",
           gave(&seen, 0, "") && prints(&seen, "69512 changes, 96 accepted, 96 alike\n"));
    seen = run("./mutants", "mutants", "good.rom", "1500", NULL);
    result("damaged_hypercall_images_of_api_3_are_read_inside_their_bytes_only",
           gave(&seen, 0, ""));
    make_3();
    write_file("good.rom", image, image_size);
    seen = run("./mutants", "mutants", "vmi-native.rom", "1500", NULL);
    result("damaged_native_roms_are_read_inside_their_bytes_only", gave(&seen, 0, ""));
    seen = run("./mutants", "mutants", "vmi-3-native.rom", "1500", NULL);
    result("damaged_native_roms_of_api_3_are_read_inside_their_bytes_only", gave(&seen, 0, ""));
    seen = run("./mutants", "mutants", "vmi-hypercall.rom", "1500", NULL);
    result("damaged_hypercall_roms_are_read_inside_their_bytes_only", gave(&seen, 0, ""));
    seen = run("./mutants", "mutants", "good.rom", "1500", NULL);
    result("damaged_api_3_images_are_read_inside_their_bytes_only", gave(&seen, 0, ""));
    make_13_rev_3();
    write_file("good.rom", image, image_size);
    seen = run("./mutants", "mutants", "good.rom", "1500", NULL);
    result("damaged_images_of_pcir_revision_3_are_read_inside_their_bytes_only",
           gave(&seen, 0, ""));
}

int main(int argc, char **argv) {
    umask(022);
    test_good_images();
    test_good_hypercall_images();
    test_bad_images();
    test_bad_sum_of_api_13();
    test_several_files();
    test_no_files();
    test_seal();
    test_seal_in_place();
    test_seal_of_others();
    test_unsealable();
    test_trap();
    test_trap_of_the_built_rom();
    test_trap_in_place();
    test_trapless();
    test_policy();
    test_policyless();
    test_bad_policies();
    test_policy_usage();
    test_show_policy();
    test_failing_output();
    test_usage(argc > 1 ? argv[1] : "");
    test_trap_usage();
    test_show_good();
    test_show_space();
    test_show_damaged();
    test_show_hypercall();
    test_show_damaged_hypercall();
    test_show_others();
    test_show_broken_structures();
    test_kinds();
    test_options();
    test_slots();
    test_several_images();
    test_changes();
    test_in_process();
    result("no_run_left_a_temporary_file", holds(!has_leftovers("."), "no temporary file"));
    return results_end();
}
