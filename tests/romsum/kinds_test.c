/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * Tests of what romsum says to the kinds of ROMs that chips and dumps hold: docs/roms.md. Each kind
 * is made here, all bytes our own; what is right for it is written down by hand. KEPT: --check has
 * status 0 and a seal writes nothing. A place: the seal changes that byte alone and says so.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"

#define KEPT    SIZE_MAX
#define REFUSED (SIZE_MAX - 1)

/* ---- 01 to 14: something behind ---- */

static void kind_01(void) {
    make_rom(4);
    add_noise(2048);
}

static void kind_01_odd(void) {
    make_rom(4);
    add_noise(77);
}

static void kind_02(void) {
    make_rom(4);
    add(0, 2048);
}

static void kind_03(void) {
    make_rom(4);
    memcpy(image + 2048, image, 2048);
    image_size = 4096;
}

static void kind_04(void) {
    make_device();
    add_noise(2048);
}

static void kind_05(void) {
    make_device();
    add(0, 2048);
}

static void kind_07(void) {
    make_device();
    add_noise(131072 - 2048);
}

static void kind_08(void) {
    make_rom(4);
    add_noise(131072 - 2048);
}

static void kind_10(void) {
    memset(image, 0, sizeof(image));
    put_efi(0, 4);
    image_size = 2048;
    add_noise(4096);
}

static void kind_11(void) {
    make_device();
    put_efi(2048, 4);
    image_size = 4096;
}

static void kind_12(void) {
    kind_11();
    image[6] = (uint8_t)(image[6] + 0x55);
}

static void kind_13(void) {
    make_rom(4);
    put_legacy(2048, 8);
    image_size = 6144;
}

static void kind_13_patched(void) {
    kind_13();
    image[2048 + 0x60]++;
}

/* Two copies, the first one patched: what is behind is a ROM of its own. */
static void kind_03_patched(void) {
    kind_03();
    image[0x60]++;
}

static void kind_13_and_device(void) {
    kind_13();
    put_legacy(6144, 4);
    put_device(6144, 0x1C, 4);
    put_efi(8192, 2);
    image[6144 + 0x31] = 0;
    set_sum(6144 + 6, 6144, 2048);
    image_size = 9216;
}

/* What sums to 0 behind it is for EFI and has no length: no firmware finds it. */
static void make_lengthless_behind(void) {
    make_rom(4);
    put_efi(2048, 4);
    put_number(2048 + 0x2C, 2, 0);
    set_sum(2048 + 0x100, 2048, 2048);
    image_size = 4096;
}

/* A hidden image for the BIOS with a wrong sum: no firmware comes there. */
static void make_hidden_bad(void) {
    make_device();
    put_legacy(2048, 4);
    put_device(2048, 0x1C, 4);
    image[2048 + 6]++;
    image_size = 4096;
}

static void kind_14(void) {
    kind_01();
    image[0x100] ^= 1;
}

static void kind_14_zeros(void) {
    kind_02();
    image[0x100] ^= 1;
}

static void kind_14_device(void) {
    kind_04();
    image[0x100] ^= 1;
}

static void kind_80(void) {
    make_rom(32);
    add(0xFF, 16384);
}

static void kind_80_patched(void) {
    kind_80();
    image[0x100] ^= 1;
}

/* ---- 20 to 27, 70, 71: what is executed or read ---- */

static void make_disk(uint8_t fill, bool sealed) {
    memset(image, fill, sizeof(image));
    image_size = 2048;
    put(0,
        "\x55\xAA\4\xEB\x3B\xE9\x48\0"
        "01/01/85",
        16);
    memset(image + 0x10, 0, 0x30);
    image[0x40] = 0xCB;
    put(0x50, "FORMATS A DRIVE.", 16);
    if (sealed) {
        reseal(0x7FF);
    }
}

static void kind_20(void) {
    make_disk(0xFF, true);
}

static void kind_21(void) {
    kind_20();
    image[8] = '1';
}

static void kind_22(void) {
    make_disk(0, false);
}

static void kind_23(void) {
    make_disk(0, false);
    put(5, "\xEB\x09\x90", 3);
}

static void kind_23_call(void) {
    make_disk(0xFF, false);
    put(5, "\xE8\x48\0", 3);
}

static void kind_24(void) {
    memset(image, 0, sizeof(image));
    image_size = 2048;
    put(0, "\x55\xAA\4\xEB\x3B\0\xE9\x37\0NetLoader", 18);
    image[0x40] = 0xCB;
    put_noise(0x100, 0x300, 1);
    reseal(5);
}

static void kind_25(void) {
    kind_24();
    image[0x100] ^= 1;
}

static void kind_26(void) {
    memset(image, 0, sizeof(image));
    image_size = 2048;
    put(0, "\x55\xAA\4\xE9\x3A\0\xE9\x47\0\xE9\x44\0", 12);
    image[0x40] = image[0x50] = 0xCB;
    put_noise(0x100, 0x300, 1);
    reseal(0x7FF);
}

static void kind_27(void) {
    kind_26();
    image[0x100] ^= 1;
}

static void kind_27_unsealed(void) {
    kind_26();
    image[0x7FF] = 0;
}

/* A far jump at 6, into the system BIOS. */
static void kind_27_far(void) {
    kind_27();
    put(6, "\xEA\x65\xF0\0\xF0\0", 6);
}

/* NOP between the jumps, as assemblers leave it: G=C800:5 comes over it. */
static void kind_27_nop(void) {
    kind_27();
    put(3, "\xEB\x3B\x90\xE9\x47\0", 6);
}

static void kind_70(void) {
    make_device();
    put(3, "\xE8\x3A\0\x0B", 4);
    reseal(7);
}

static void kind_70_patched(void) {
    kind_70();
    image[0x100] ^= 1;
}

static void kind_71(void) {
    make_rom(4);
    put(6, "\4TEST\xE9\x32\0\0", 9);
    reseal(0x7FF);
}

static void kind_71_patched(void) {
    kind_71();
    image[0x100] ^= 1;
}

static void kind_71_unsealed(void) {
    kind_71();
    image[0x7FF] = 0;
}

static void make_text(void) {
    make_rom(4);
    put(6, "ACME BIOS", 9);
    image[0x100] = 3;
}

/* Code at 6 that is no jump: cli, cld, xor ax,ax. */
static void make_code_at_6(void) {
    make_rom(4);
    put(6, "\xFA\xFC\x31\xC0\xCB", 5);
    image[0x100] = 3;
}

static void make_code_at_5(void) {
    make_rom(4);
    put(3, "\xEB\x3B\xFA\xFC\x31\xC0\xCB", 7);
    image[0x100] = 3;
}

/* ---- 73, 81: other places ---- */

static void kind_73(void) {
    make_rom(4);
    put(0x1E, "IBM", 3);
    put(0x30, "761295520", 9);
    put_device(0, 0xA0, 4);
    image[0x7FF] = 0x5A;
    reseal(0x21);
}

static void kind_73_patched(void) {
    kind_73();
    image[0x100] ^= 1;
}

/* AMD's text where 21h is the first byte of the entry, or belongs to a structure. */
static void kind_73_entry(void) {
    kind_73();
    put(3, "\xE9\x1B\0", 3);
    image[0x21] = 0xCB;
    image[0x7FF] = 0;
}

static void kind_73_pcir(void) {
    make_device();
    put(0x30, "761295520", 9);
    image[0x7FF] = 0;
}

/* The last byte behind fill is the RETF that the entry jumps to. */
static void make_entry_at_end(void) {
    make_rom(4);
    put(3, "\xE9\xF9\x07", 3);
    image[6] = 0;
    image[0x7FF] = 0xCB;
}

/* The same for the entry at 6, and for a vector of $PnP. */
static void make_second_entry_at_end(void) {
    kind_24();
    put(6, "\xE9\xF6\x07", 3);
    image[0x7FF] = 0xCB;
}

static void kind_81(void) {
    make_rom(16);
    put(3, "\xEB\0\x50\x53\x51", 5);
    memset(image + 0x1FC0, 0, 0x40);
    for (uint8_t i = 0; i < 16; i++) {
        image[0x1FC4 + i] = (uint8_t)(i + 1);
    }
    set_sum(0x1FC0, 0x1FC0, 0x40);
    set_sum(0x1FBF, 0, 0x1FC0);
}

static void kind_81_patched(void) {
    kind_81();
    image[0x100] ^= 1;
}

/* ---- 30 to 36: what BIOSes run ---- */

static void kind_30(void) {
    make_rom(4);
    put_device(0, 0x1A, 4);
}

static void kind_31(void) {
    make_rom(4);
    put_device(0, 0x4E, 4);
}

static void kind_31_odd(void) {
    make_rom(4);
    put_device(0, 0x91, 4);
}

static void kind_31_patched(void) {
    kind_31();
    image[0x100] ^= 1;
}

static void kind_32(void) {
    make_device();
    image[0x31] = 0;
    reseal(6);
}

static void kind_33(void) {
    make_device();
    image[0x28] = 1;
    reseal(6);
}

static void kind_34(void) {
    make_device();
    image[0x30] = 0xE0;
    reseal(6);
}

static void kind_34_patched(void) {
    kind_34();
    image[0x100] ^= 1;
}

static void kind_36(void) {
    make_rom(4);
    put_number(0x1A, 2, 0x60);
    memset(image + 0x60, 0, 32);
    put(0x60, "$PnP\2\2", 6);
    image[0x72] = 2;
    set_sum(0x69, 0x60, 32);
    reseal(6);
}

static void kind_36_pnp_unsealed(void) {
    kind_36();
    image[0x69]++;
    reseal(6);
}

static void make_vector_to_end(void) {
    kind_36();
    put_number(0x76, 2, 0x7FF);
    set_sum(0x69, 0x60, 32);
    image[6] = 0;
    image[0x7FF] = 0xCB;
}

/* A string of $PnP ends with the image. */
static void make_string_at_end(void) {
    kind_36();
    put_number(0x70, 2, 0x7F8);
    put(0x7F8, "Thing 2", 8);
    set_sum(0x69, 0x60, 32);
    image[6] = 1;
}

static void kind_42(void) {
    kind_32();
}

static void make_no_entry(void) {
    make_rom(4);
    memset(image + 3, 0, 3);
    reseal(6);
}

static void make_ff_entry(void) {
    make_rom(4);
    memset(image + 3, 0xFF, 3);
    reseal(0x7FF);
}

static void make_zeros(void) {
    memset(image, 0, sizeof(image));
    image_size = 2048;
    put(0, "\x55\xAA\4", 3);
    reseal(6);
}

/* ---- 40 to 54: not whole, no ROM as such ---- */

static void kind_40(void) {
    make_rom(16);
    image_size = 6989;
}

static void kind_41(void) {
    make_rom(8);
    image_size = 2048;
}

static void make_half(size_t first) {
    make_rom(4);
    for (size_t i = 0; i < 1024; i++) {
        image[i] = image[2 * i + first];
    }
    image_size = 1024;
}

static void kind_50(void) {
    make_half(0);
}

static void kind_51(void) {
    make_half(1);
}

static void kind_52(void) {
    memset(image, 0, sizeof(image));
    put_legacy(512, 4);
    put(0, "NVGI", 4);
    put_noise(4, 508, 1);
    image_size = 512 + 2048;
}

/* Nothing begins at the start, so nothing is judged by what is behind. */
static void kind_52_block(void) {
    memset(image, 0, sizeof(image));
    put_legacy(2048, 4);
    put_legacy(4096, 4);
    image_size = 6144;
    put_noise(0, 2048, 1);
    put(0, "\x56\x4E\4", 3);
}

static void kind_53(void) {
    image_size = 0;
    add_noise(8192 - 16);
    add(0, 16);
    put(8192 - 16,
        "\xEA\x5B\xE0\0\xF0"
        "01/01/85\0\xFE",
        15);
}

static void kind_54(void) {
    make_rom(4);
    for (size_t i = 0; i < 2048; i += 2) {
        uint8_t first = image[i];

        image[i] = image[i + 1];
        image[i + 1] = first;
    }
}

static void make_blank(void) {
    image_size = 0;
    add(0xFF, 4096);
}

/* ---- 60 to 64: lengths ---- */

static void kind_61(void) {
    make_rom(255);
}

static void kind_62(void) {
    make_rom(5);
}

static void kind_63(void) {
    make_rom(1);
    image[6] = 0;
    reseal(0x1FF);
}

static void kind_64(void) {
    image_size = 0;
    add_noise(512);
    put(0, "\x55\xAA\1\xCE\xC4\x11", 6);
    image[0x1FF] = 0xD4;
}

/* ---- What is right ---- */

static const struct {
    const char *name;
    void (*make)(void);
    int status;        /* of --check */
    const char *says;  /* --check, in one of its lines; NULL: it is silent */
    size_t at;         /* the byte that a seal changes, KEPT or REFUSED */
    const char *seals; /* the seal, in a line; NULL: no matter */
} kinds[] = {
    {"data_behind_a_rom_is_left_alone", kind_01, 0,
     "at 0x800: warning: 2048 bytes of something else behind the image", KEPT, NULL},
    {"less_than_a_block_behind_a_rom_is_left_alone", kind_01_odd, 0,
     "at 0x800: warning: 77 bytes of something else behind the image", KEPT, NULL},
    {"zeros_behind_a_rom_are_left_alone", kind_02, 0,
     "at 0x800: warning: 2048 bytes of 00 behind the image", KEPT, NULL},
    {"a_rom_read_twice_is_left_alone", kind_03, 0,
     "at 0x800: warning: the second half repeats the first: 2048 bytes, dumped twice", KEPT, NULL},
    {"a_patched_rom_before_its_old_copy_is_sealed", kind_03_patched, 1, "at 0x06: image 1: ", 6,
     "image 1 at 0x00: checksum at 0x06"},
    {"data_behind_a_pci_rom_is_left_alone", kind_04, 0, "0x800: warning: 2048 bytes", KEPT, NULL},
    {"zeros_behind_a_pci_rom_are_left_alone", kind_05, 0, "0x800: warning: 2048 bytes of 00", KEPT,
     NULL},
    {"firmware_behind_a_pci_rom_is_left_alone", kind_07, 0, "warning: 129024 bytes", KEPT, NULL},
    {"a_system_bios_behind_a_rom_is_left_alone", kind_08, 0, "warning: 129024 bytes", KEPT, NULL},
    {"data_behind_an_efi_image_is_left_alone", kind_10, 0, "warning: 4096 bytes", KEPT, NULL},
    {"an_image_behind_the_last_image_bit_stays_hidden", kind_11, 0,
     "at 0x800: image 2: warning: hidden behind the last-image bit", KEPT, NULL},
    {"the_sum_of_an_image_that_hides_one_is_set_and_nothing_else", kind_12, 1,
     "at 0x06: image 1: the image's 2048 bytes sum to 0x55", 6, "checksum at 0x06"},
    {"a_hidden_image_is_never_sealed", make_hidden_bad, 0,
     "at 0x806: image 2: warning: the image's", KEPT, NULL},
    {"two_roms_in_a_chip_are_left_alone", kind_13, 0, NULL, KEPT, NULL},
    {"the_second_rom_of_a_chip_is_sealed", kind_13_patched, 1,
     "at 0x806: image 2: the image's 4096", 0x806, "image 2 at 0x800: checksum at 0x806"},
    {"pci_images_behind_roms_in_a_chip_are_left_alone", kind_13_and_device, 0, NULL, KEPT, NULL},
    {"a_right_sum_makes_no_rom_of_an_efi_image", make_lengthless_behind, 0,
     "at 0x800: warning: 2048 bytes of something else behind the image", KEPT, NULL},
    {"a_patched_rom_with_data_behind_is_no_clear_case", kind_14, 1, "sum to 0x", REFUSED,
     "--length header), or a new build with an old length byte (--length file: 8 blocks"},
    {"nor_is_one_with_zeros_behind", kind_14_zeros, 1, "sum to 0x", REFUSED, "--length header"},
    {"pcir_tells_a_patched_rom_from_a_stale_build", kind_14_device, 1, "sum to 0x", 6, "0x06"},
    {"ff_behind_a_rom_is_an_empty_chip", kind_80, 0, NULL, KEPT, NULL},
    {"a_patched_rom_in_an_empty_chip_is_sealed", kind_80_patched, 1, "sum to 0x", 6, "0x06"},
    {"a_format_entry_at_5_is_kept", kind_20, 0, NULL, KEPT, NULL},
    {"a_patched_rom_with_a_format_entry_is_sealed_in_its_last_byte", kind_21, 1,
     "at 0x7FF: ", 0x7FF, "(the last byte stands alone after fill, and bytes 5 to 7 are in use)"},
    {"a_format_entry_is_no_place_for_the_sum", kind_22, 1, "at 0x7FF: ", 0x7FF,
     "(the last byte is fill, and bytes 5 to 7 are in use)"},
    {"a_short_format_entry_is_none_either", kind_23, 1, NULL, 0x7FF, NULL},
    {"nor_is_a_call_at_5", kind_23_call, 1, NULL, 0x7FF, NULL},
    {"a_sum_at_5_before_an_entry_at_6_is_kept", kind_24, 0, NULL, KEPT, NULL},
    {"a_patched_rom_with_its_sum_at_5_is_sealed_there", kind_25, 1, "at 0x05: ", 5,
     "(after the short jump)"},
    {"a_jump_table_is_kept", kind_26, 0, NULL, KEPT, NULL},
    {"a_patched_rom_with_a_jump_table_is_sealed_in_its_last_byte", kind_27, 1, NULL, 0x7FF, NULL},
    {"a_jump_table_is_no_place_for_the_sum", kind_27_unsealed, 1, NULL, 0x7FF, NULL},
    {"nor_is_a_far_jump_at_6", kind_27_far, 1, NULL, 0x7FF, NULL},
    {"nor_is_a_nop_before_a_jump", kind_27_nop, 1, NULL, 0x7FF, NULL},
    {"an_entry_that_calls_is_kept", kind_70, 0, NULL, KEPT, NULL},
    {"behind_a_call_is_no_place_for_the_sum", kind_70_patched, 1, NULL, 0x7FF, NULL},
    {"a_list_of_names_is_kept", kind_71, 0, NULL, KEPT, NULL},
    {"a_patched_rom_with_names_is_sealed_in_its_last_byte", kind_71_patched, 1, NULL, 0x7FF, NULL},
    {"a_list_of_names_is_no_place_for_the_sum", kind_71_unsealed, 1, NULL, 0x7FF, NULL},
    {"text_at_6_is_no_place_for_the_sum", make_text, 1, NULL, 0x7FF, NULL},
    {"code_at_6_is_no_place_for_the_sum", make_code_at_6, 1, NULL, 0x7FF, NULL},
    {"code_at_5_is_no_place_for_the_sum", make_code_at_5, 1, NULL, 0x7FF, NULL},
    {"amds_sum_at_21_is_kept", kind_73, 0, NULL, KEPT, NULL},
    {"a_patched_rom_of_amd_is_sealed_at_21", kind_73_patched, 1, "at 0x21: ", 0x21, "AMD's place"},
    {"amds_text_makes_no_place_of_the_entry_code", kind_73_entry, 1, "at 0x06: ", 6, "at 0x06 "},
    {"nor_of_a_structure", kind_73_pcir, 1, "at 0x06: ", 6, "at 0x06 "},
    {"a_last_byte_that_the_entry_jumps_to_is_no_place", make_entry_at_end, 1, NULL, 6, NULL},
    {"nor_is_one_that_a_second_entry_jumps_to", make_second_entry_at_end, 1, NULL, 5, NULL},
    {"nor_is_one_that_a_vector_leads_to", make_vector_to_end, 1, NULL, 6, NULL},
    {"nor_is_the_end_of_a_string", make_string_at_end, 1, NULL, 6, NULL},
    {"two_sums_are_kept_and_told", kind_81, 0,
     "at 0x1FBF: warning: two checksums: this byte makes the code sum to 0, and the 64 bytes of "
     "settings",
     KEPT, NULL},
    {"patched_code_before_settings_is_sealed_where_it_ends", kind_81_patched, 1,
     "at 0x1FBF: ", 0x1FBF, "(it ends the code; the settings after it sum to 0)"},
    {"pcir_at_1a_is_kept", kind_30, 0, "at 0x18: warning: PCIR offset 0x1A", KEPT, NULL},
    {"pcir_off_its_boundary_is_kept", kind_31, 0, "at 0x18: warning: PCIR offset 0x4E", KEPT, NULL},
    {"pcir_on_an_odd_place_is_kept", kind_31_odd, 0, "at 0x18: warning: PCIR offset 0x91", KEPT,
     NULL},
    {"a_patched_rom_with_pcir_off_its_boundary_is_sealed", kind_31_patched, 1, NULL, 6, NULL},
    {"a_clear_last_image_bit_is_kept", kind_32, 0, "at 0x31: warning: last-image bit is clear",
     KEPT, NULL},
    {"pcir_revision_1_is_kept", kind_33, 0, "at 0x28: warning: PCIR revision 1", KEPT, NULL},
    {"a_code_type_of_a_vendors_own_is_kept", kind_34, 0, "at 0x30: warning: PCIR code type 224",
     KEPT, NULL},
    {"a_patched_rom_of_such_a_type_is_sealed", kind_34_patched, 1, NULL, 6, NULL},
    {"pnp_revision_2_is_kept", kind_36, 0, "at 0x64: warning: $PnP revision 2", KEPT, NULL},
    {"a_chain_whose_second_image_is_missing_is_kept", kind_42, 0, "cut short?", KEPT, NULL},
    {"an_entry_of_zeros_is_kept", make_no_entry, 0, "at 0x03: warning: entry is 00 00 00", KEPT,
     NULL},
    {"an_entry_of_ff_is_kept", make_ff_entry, 0, "at 0x03: warning: entry is FF FF FF", KEPT, NULL},
    {"a_rom_of_zeros_is_kept", make_zeros, 0, "at 0x03: warning: entry is 00 00 00", KEPT, NULL},
    {"a_build_shorter_than_its_length_is_cut_short", kind_40, 1, "cut short?", REFUSED,
     "(--length header pads it with FF, --length file sets the length to 14 blocks)"},
    {"half_a_chip_is_cut_short", kind_41, 1, "cut short?", REFUSED, "cut short?"},
    {"an_even_half_is_told", kind_50, 1, "looks like the even half", REFUSED, "even half"},
    {"an_odd_half_is_told", kind_51, 1, "looks like the odd half", REFUSED, "odd half"},
    {"a_header_in_front_is_told", kind_52, 1, "55 AA is at 0x200", REFUSED, "--at 0x200"},
    {"a_rom_behind_other_data_is_told", kind_52_block, 1,
     "romsum: kind.rom: at 0x00: signature is 56 4E, not 55 AA: not an option ROM; 55 AA is at "
     "0x800",
     REFUSED, "--at 0x800"},
    {"a_system_bios_is_told", kind_53, 1, "looks like a system BIOS", REFUSED, "system BIOS"},
    {"swapped_bytes_are_told", kind_54, 1, "looks like a byte-swapped ROM", REFUSED, "swapped"},
    {"a_blank_chip_is_told", make_blank, 1, "blank: all bytes are FF", REFUSED, "blank"},
    {"a_rom_of_255_blocks_is_kept", kind_61, 0, NULL, KEPT, NULL},
    {"a_rom_of_5_blocks_is_kept", kind_62, 0, NULL, KEPT, NULL},
    {"a_rom_of_one_block_is_kept", kind_63, 0, NULL, KEPT, NULL},
    {"a_full_block_without_jump_has_no_place_for_the_sum", kind_64, 1,
     "not 0; the place of its checksum is not known", REFUSED, "no place for the checksum"},
};

/* What the file is after the seal: one byte of the image whose ROM begins there is different. */
static bool is_sealed_at(size_t at) {
    size_t start = at >= 2048 && image[0] == 0x55 && image[2] == 4 ? 2048 : 0;

    set_sum(at, start, image[start + 2] * (size_t)512);
    return holds(file_is("kind.rom", image, image_size), "that byte and no other one is set");
}

static void check_kind(size_t i) {
    struct run seen;
    bool good;

    kinds[i].make();
    write_file("kind.rom", image, image_size);
    seen = ROMSUM("--check", "kind.rom");
    good = holds(seen.status == kinds[i].status, "--check has its status");
    good &=
        kinds[i].says || kinds[i].status != 0 ? says(seen.err, kinds[i].says) : gave(&seen, 0, "");
    seen = ROMSUM("kind.rom");
    good &= holds(seen.status == (kinds[i].at == REFUSED), "the seal has its status");
    good &= says(seen.status == 0 && kinds[i].at != KEPT ? seen.said : seen.err, kinds[i].seals);
    if (kinds[i].at == KEPT || kinds[i].at == REFUSED) {
        good &= holds(file_is("kind.rom", image, image_size), "the file is as it was") &&
                holds(seen.said[0] == '\0', "no change is said");
    } else {
        good &= is_sealed_at(kinds[i].at);
    }
    seen = ROMSUM("--check", "kind.rom");
    good &= holds(seen.status == (kinds[i].at == REFUSED), "what is sealed is good");
    result(kinds[i].name, good);
}

/* The header's sum is wrong, that of the image is right: both bytes are set. */
static void test_pnp_sum(void) {
    struct run seen;
    bool good;

    kind_36_pnp_unsealed();
    write_file("kind.rom", image, image_size);
    seen = ROMSUM("kind.rom");
    kind_36();
    good = says(seen.said, "kind.rom: $PnP checksum at 0x69 ") &&
           says(seen.said, ", checksum at 0x06 ");
    result("a_wrong_sum_of_pnp_is_set_and_then_that_of_the_image",
           good && holds(file_is("kind.rom", image, image_size), "the bytes of a seal by hand"));
    kind_36_pnp_unsealed();
    add_noise(2048);
    write_file("kind.rom", image, image_size);
    seen = ROMSUM("kind.rom");
    kind_36();
    add_noise(2048);
    good = holds(seen.status == 0, "it is sealed") && says(seen.said, ", checksum at 0x06 ");
    result("the_sum_of_the_image_confirms_its_length_where_that_of_pnp_is_wrong",
           good && holds(file_is("kind.rom", image, image_size), "the bytes of a seal by hand"));
}

void test_kinds(void) {
    test_pnp_sum();
    for (size_t i = 0; i < COUNT(kinds); i++) {
        check_kind(i);
    }
}
