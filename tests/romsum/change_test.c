/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * Tests of what romsum changes on request: identity, strings, the checksum's place, padding; of
 * files with several images; of JSON and pictures. Each expectation is made by hand in here.
 */
#define _DEFAULT_SOURCE /* mknod(), makedev() */

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "harness.h"

/* ---- Helpers ---- */

/* What a run made of in.rom is `image`, and in.rom is as `before` was. */
static bool made(const struct run *seen, const char *what) {
    return gave(seen, 0, "") && holds(file_is("out.rom", image, image_size), what);
}

static void start(void (*make)(void)) {
    make();
    write_file("in.rom", image, image_size);
    unlink("out.rom");
}

static bool refused(const struct run *seen, const char *message) {
    char expected[512];

    snprintf(expected, sizeof(expected), "romsum: in.rom: %s\n", message);
    return gave(seen, 1, expected) && holds(!exists("out.rom"), "no output");
}

static bool is_usage_error(const struct run *seen, const char *message) {
    char expected[512];

    snprintf(expected, sizeof(expected), "romsum: %s; try romsum --help\n", message);
    return gave(seen, 2, expected) && holds(seen->out[0] == '\0', "stdout is empty");
}

/* ---- Two images ---- */

/* An EFI image of two blocks behind a PCI ROM of four, of which two are initialised. */
static void make_two_images(void) {
    make_pci();
    image[0x31] = 0;
    put_sums();
    image_size = 3072;
    put_number(0x800, 2, 0xAA55);
    put_number(0x802, 2, 2);
    put_number(0x804, 4, 0x0EF1);
    put_number(0x808, 2, 11);
    put_number(0x80A, 2, 0x8664);
    put_number(0x816, 2, 0x40);
    put_number(0x818, 2, 0x1C);
    put(0x81C, "PCIR", 4);
    put_number(0x820, 4, 0x080115AD);
    put_number(0x826, 2, 24);
    put_number(0x82C, 2, 2);
    put_number(0x830, 2, 0x8003);
    put(0x840, "MZ", 2);
}

static void make_two_bios_images(void) {
    make_two_images();
    memset(image + 0x800, 0, 0x400);
    put(0x800, "\x55\xAA\x02\xCB", 4);
    put_number(0x818, 2, 0x1C);
    put(0x81C, "PCIR", 4);
    put_number(0x820, 4, 0x80111234);
    put_number(0x826, 2, 24);
    put_number(0x82C, 2, 2);
    put_number(0x830, 2, 0x8000);
    set_sum(0x806, 0x800, 0x400);
}

static const struct {
    const char *name;
    uint16_t at;
    uint8_t width;
    uint32_t value;
    const char *expected;
} bad_efi[] = {
    {"check_refuses_a_wrong_efi_signature", 0x804, 4, 0x0EF2,
     "at 0x804: image 2: EFI signature is 0x00000EF2, not 0x00000EF1"},
    {"check_refuses_an_efi_size_beyond_the_image", 0x802, 2, 3,
     "at 0x802: image 2: EFI initialisation size says 3 blocks (1536 bytes), the image has 1024 "
     "bytes"},
    {"check_refuses_an_efi_size_of_0", 0x802, 2, 0,
     "at 0x802: image 2: EFI initialisation size says 0 blocks (0 bytes), the image has 1024 "
     "bytes"},
    {"check_refuses_an_unknown_efi_compression", 0x80C, 2, 2,
     "at 0x80C: image 2: EFI compression type 2 is not known (0 and 1 are)"},
    {"check_refuses_an_efi_program_outside_the_image", 0x816, 2, 0x3FF,
     "at 0x816: image 2: EFI image offset 0x3FF lies outside the image (1024 bytes)"},
    {"check_refuses_an_efi_program_in_the_header", 0x816, 2, 0x18,
     "at 0x816: image 2: EFI image offset 0x18 lies in the header (1024 bytes)"},
    {"check_refuses_an_efi_program_that_is_none", 0x841, 1, 'X',
     "at 0x840: image 2: EFI image begins with 4D 58, not \"MZ\""},
    {"check_refuses_an_efi_image_that_is_cut_short", 0x82C, 2, 3,
     "at 0x82C: image 2: PCIR image length says 3 blocks (1536 bytes), the image ends after 1024 "
     "bytes: cut short?"},
    {"check_refuses_an_efi_image_with_pcir_off_its_boundary", 0x818, 2, 0x1E,
     "at 0x818: image 2: PCIR offset 0x1E is not a multiple of 4: EFI firmware skips the image"},
    {"check_refuses_a_wrong_sum_of_the_first_of_two_images", 0x06, 1, 0,
     "at 0x06: image 1: the image's 1024 bytes sum to 0x"},
};

static void test_bad_efi(void) {
    for (size_t i = 0; i < COUNT(bad_efi); i++) {
        char expected[256];
        struct run seen;

        make_two_images();
        put_number(bad_efi[i].at, bad_efi[i].width, bad_efi[i].value);
        if (bad_efi[i].at == 0x818) {
            memmove(image + 0x81E, image + 0x81C, 24);
        }
        write_file("in.rom", image, image_size);
        seen = ROMSUM("--check", "in.rom");
        snprintf(expected, sizeof(expected), "romsum: in.rom: %s", bad_efi[i].expected);
        if (strncmp(seen.err, expected, strlen(expected)) != 0) {
            gave(&seen, 1, expected);
        }
        result(bad_efi[i].name, holds(seen.status == 1, "status 1") &&
                                    strncmp(seen.err, expected, strlen(expected)) == 0);
    }
}

static void check_chain(const char *name, const char *expected) {
    struct run seen;

    write_file("in.rom", image, image_size);
    seen = ROMSUM("--check", "in.rom");
    result(name, gave(&seen, 0, expected));
}

void test_several_images(void) {
    uint8_t efi[1024];
    struct run seen;
    bool good;

    start(make_two_images);
    seen = ROMSUM("--check", "in.rom");
    result("check_accepts_a_bios_image_and_an_efi_image", gave(&seen, 0, ""));
    seen = ROMSUM("--show", "in.rom");
    good = gave(&seen, 0, "") && prints(&seen, "in.rom: 3072 bytes, 2 images; 0 problems\n");
    good &= prints(&seen, "\nImage 1 at 0x0000, 2048 bytes: option ROM without VMI\n");
    good &= prints(&seen, "\nImage 2 at 0x0800, 1024 bytes: image for EFI\n");
    good &= prints(&seen, "  0x0802  initialisation size  2 blocks (1024 bytes)\n");
    good &= prints(&seen, "  0x080A  machine              0x8664 (x86-64)\n");
    good &= prints(&seen, "  0x0820  vendor:device        15AD:0801\n");
    good &= prints(&seen, "  0x0830  code type            3 (EFI)\n");
    result("show_prints_both_images_with_offsets_in_the_file", good);
    memcpy(efi, image + 0x800, sizeof(efi));
    image[6] = image[0x49] = 0x77;
    write_file("in.rom", image, image_size);
    seen = ROMSUM("in.rom", "-o", "out.rom");
    make_two_images();
    result("seal_sums_the_bios_image_and_leaves_the_efi_image_alone",
           gave(&seen, 0, "") &&
               holds(memcmp(efi, image + 0x800, sizeof(efi)) == 0, "the test's own image"));
    make_two_images();
    image_size += 100;
    put_number(0x82C, 2, 0);
    write_file("in.rom", image, image_size);
    seen = ROMSUM("in.rom", "-o", "out.rom");
    memset(image + image_size, 0xFF, 412);
    image_size += 412;
    image[0x82C] = 3;
    result("seal_pads_an_efi_image_without_length_and_leaves_its_own_size", made(&seen, "by hand"));
    start(make_two_bios_images);
    seen = ROMSUM("--check", "in.rom");
    good = gave(&seen, 0, "");
    image[6] = image[0x806] = 0;
    write_file("in.rom", image, image_size);
    seen = ROMSUM("in.rom", "-o", "out.rom");
    make_two_bios_images();
    result("seal_sums_both_of_two_bios_images", good && made(&seen, "the bytes of a seal by hand"));
    start(make_two_images);
    seen = ROMSUM("--pci", "8086:100e:020001", "in.rom", "-o", "out.rom");
    put(0x20, "\x86\x80\x0E\x10", 4);
    put(0x29, "\x01\x00\x02", 3);
    put_sums();
    put(0x820, "\x86\x80\x0E\x10", 4);
    put(0x829, "\x01\x00\x02", 3);
    result("pci_sets_the_identity_of_all_images", made(&seen, "the bytes of a change by hand"));
    start(make_two_images);
    seen = ROMSUM("--sum-at", "0x800", "in.rom", "-o", "out.rom");
    result(
        "sum_at_refuses_an_offset_in_an_efi_image",
        refused(
            &seen,
            "at 0x800: the checksum cannot go here: no BIOS image includes this byte in its sum"));
    make_two_bios_images();
    image[0x831] = 0;
    set_sum(0x806, 0x800, 0x400);
    for (size_t i = 0; i < 64; i++) {
        memcpy(image + i * 0x400, image + 0x800, 0x400);
    }
    image_size = 64 * 0x400;
    image[63 * 0x400 + 0x31] = 0x80;
    set_sum(63 * 0x400 + 6, 63 * 0x400, 0x400);
    check_chain("check_accepts_64_images", "");
    image[63 * 0x400 + 0x31] = 0;
    memcpy(image + 64 * 0x400, image + 0x800, 0x400);
    set_sum(63 * 0x400 + 6, 63 * 0x400, 0x400);
    image_size = 65 * 0x400;
    check_chain("check_warns_of_more_than_64_images",
                "romsum: in.rom: at 0xFC31: image 64: warning: more than 64 images\n"
                "romsum: in.rom: at 0x10000: warning: 1024 bytes of something else behind the "
                "image: not part of it\n");
    start(make_two_images);
    put_number(0x2C, 2, 2);
    put_number(0x400, 2, 0xAA55);
    write_file("in.rom", image, image_size);
    seen = ROMSUM("--check", "in.rom");
    result("check_follows_the_lengths_that_pcir_states",
           holds(seen.status == 1, "status 1") &&
               holds(strstr(seen.err, "at 0x418: image 2: warning: PCIR offset 0x00 leads to no "
                                      "PCIR: firmware finds no further image\n") != NULL,
                     "the second image is at 0x400"));
    start(make_two_bios_images);
    put_number(0x818, 2, 0x1E);
    set_sum(0x806, 0x800, 0x400);
    write_file("in.rom", image, image_size);
    seen = ROMSUM("--check", "in.rom");
    result("check_warns_of_a_second_image_without_pcir",
           gave(&seen, 0,
                "romsum: in.rom: at 0x818: image 2: warning: PCIR offset 0x1E leads to no PCIR: "
                "firmware finds no further image\n"));
    test_bad_efi();
}

/* ---- Chains of $PnP headers ---- */

static void put_second_pnp(void) {
    put_number(pnp_at + 6, 2, 0x100);
    memcpy(image + 0x100, image + pnp_at, 0x20);
    put_number(0x106, 2, 0);
    put_number(0x110, 2, 0x66);
    set_sum(0x109, 0x100, 0x20);
    put_sums();
}

static void make_pnp_chain(void) {
    make_legacy();
    memset(image + 0x18, 0, 6);
    put_pnp(0x40);
    put_second_pnp();
}

static void test_pnp_chain(void) {
    struct run seen;
    bool good;

    start(make_pnp_chain);
    seen = ROMSUM("--check", "in.rom");
    result("check_accepts_a_chain_of_pnp_headers", gave(&seen, 0, ""));
    seen = ROMSUM("--show", "in.rom");
    result("show_prints_every_header_of_a_chain",
           gave(&seen, 0, "") && prints(&seen, "  0x0046  next header          0x0100\n") &&
               prints(&seen, "  0x0110  product              0x0066 \"Thing\"\n"));
    image[0x49] = image[0x109] = image[6] = 0;
    write_file("in.rom", image, image_size);
    seen = ROMSUM("in.rom", "-o", "out.rom");
    make_pnp_chain();
    result("seal_sums_every_header_of_a_chain", made(&seen, "the bytes of a seal by hand"));
    image[0x10A] = 1;
    put_sums();
    write_file("in.rom", image, image_size);
    seen = ROMSUM("--check", "in.rom");
    good = holds(strstr(seen.err, "at 0x109: $PnP's 32 bytes sum to 0x01, not 0") != NULL,
                 "the second header is named");
    result("check_refuses_a_wrong_sum_of_a_later_header", good && holds(seen.status == 1, "1"));
    make_pnp_chain();
    put_number(0x106, 2, 0x40);
    set_sum(0x109, 0x100, 0x20);
    put_sums();
    write_file("in.rom", image, image_size);
    seen = ROMSUM("--check", "in.rom");
    result("check_warns_of_a_chain_that_runs_in_a_circle",
           gave(&seen, 0,
                "romsum: in.rom: at 0x106: warning: the chain of $PnP headers loops, or "
                "has more "
                "than 32\n"));
}

/* ---- Identity ---- */

static void test_pci(void) {
    static const char *const bad[] = {"8086",       "8086:",         ":100e",
                                      "80861:100e", "8086:100e:02",  "8086:100e:0200000",
                                      "8086:100g",  "8086:100e ",    "0x8086:100e",
                                      "8086:100e:", "8086:100e:02:0"};
    struct run seen;
    bool good = true;

    start(make_13);
    seen = ROMSUM("--pci", "8086:100E", "in.rom", "-o", "out.rom");
    put(0x24, "\x86\x80\x0E\x10", 4);
    put_sums();
    result("pci_sets_vendor_and_device_and_nothing_else", made(&seen, "by hand"));
    start(make_13_rev_3);
    seen = ROMSUM("in.rom", "--pci=1:2:0a0B0c", "-o", "out.rom");
    put(0x24, "\1\0\2\0", 4);
    put(0x2D, "\x0C\x0B\x0A", 3);
    put_sums();
    result("pci_sets_the_class_and_takes_an_equals_sign", made(&seen, "by hand"));
    start(make_legacy);
    seen = ROMSUM("--pci", "8086:100e", "in.rom", "-o", "out.rom");
    result("pci_refuses_an_image_without_pcir",
           refused(&seen, "at 0x18: no PCIR to hold a PCI identity"));
    start(make_13);
    seen = ROMSUM("--pci", "ffff:100e", "in.rom", "-o", "out.rom");
    result("pci_refuses_what_check_refuses",
           refused(&seen, "at 0x24: PCIR vendor 0xFFFF is not a PCI vendor"));
    for (size_t i = 0; i < COUNT(bad); i++) {
        char expected[256];

        seen = ROMSUM("--pci", bad[i], "in.rom", "-o", "out.rom");
        snprintf(expected, sizeof(expected),
                 "%s: the identity is VENDOR:DEVICE or VENDOR:DEVICE:CLASS, hexadecimal, as in "
                 "8086:100e:020000",
                 bad[i]);
        good &= is_usage_error(&seen, expected);
    }
    result("a_malformed_identity_is_wrong_usage", good && holds(!exists("out.rom"), "no output"));
}

/* ---- Strings ---- */

/* Strings of 5 at 60h and 66h, and 40 bytes of padding at the end. */
static void make_13_with_padding(void) {
    make_13_of(4608);
    memset(image + 4096, 0x90, 472);
    memset(image + 4568, 0xFF, 40);
    put_sums();
}

/* The manufacturer string stands behind the entry, where programs have names. */
static void make_string_in_front(void) {
    put_start(512);
    memset(image + 0x40, 0xFF, 512 - 0x40);
    put(3, "\xEB\x3B", 2);
    image[0x40] = 0xCB;
    put(8, "B\xE3\xFF\x34", 5);
    put_number(0x1A, 2, 0x20);
    put(0x20, "$PnP\1\2", 6);
    put_number(0x2E, 2, 8);
    pnp_at = 0x20;
    put_sums();
}

/* Two headers of a chain that share the manufacturer string; 40 bytes of padding at the end. */
static void make_two_headers(void) {
    put_start(2048);
    memset(image + 3, 0x90, 2045);
    put(3, "\xE9\x3A\0\0", 4);
    image[0x40] = 0xCB;
    put_number(0x18, 2, 0);
    put_number(0x1A, 2, 0x60);
    for (size_t at = 0x60; at <= 0x80; at += 0x20) {
        memset(image + at, 0, 32);
        put(at, "$PnP\1\2", 6);
        put_number(at + 0x0E, 2, 0xA0);
        put_number(at + 0x10, 2, at == 0x60 ? 0xA6 : 0xAC);
    }
    put_number(0x66, 2, 0x80);
    put(0xA0, "Maker\0Disk1\0Disk2", 18);
    memset(image + 2008, 0xFF, 40);
    set_sum(0x69, 0x60, 32);
    set_sum(0x89, 0x80, 32);
    set_sum(6, 0, 2048);
}

/* The first header has its new manufacturer string in the padding; the other keeps the old one. */
static bool has_moved_maker(const struct run *seen, const char *text) {
    put(2008, text, strlen(text) + 1);
    put_number(0x6E, 2, 2008);
    set_sum(0x69, 0x60, 32);
    set_sum(6, 0, 2048);
    return made(seen, "by hand");
}

static void test_strings(void) {
    struct run seen;

    start(make_13);
    seen = ROMSUM("--strings", "Acme,Box", "in.rom", "-o", "out.rom");
    put(0x60, "Acme\0\0Box\0\0\0", 12);
    put_sums();
    result("strings_go_where_the_old_ones_are", made(&seen, "by hand"));
    start(make_13);
    seen = ROMSUM("--strings", ",A,B", "in.rom", "-o", "out.rom");
    put(0x66, "A,B\0\0\0", 6);
    put_sums();
    result("an_empty_string_stays_and_a_product_may_have_commas", made(&seen, "by hand"));
    start(make_13_with_padding);
    seen = ROMSUM("--strings", "Maker,Longer thing", "in.rom", "-o", "out.rom");
    memset(image + 0x66, 0, 6);
    put(4568, "Longer thing", 13);
    put_number(0x50, 2, 4568);
    put_sums();
    result("a_longer_string_goes_to_the_padding", made(&seen, "by hand"));
    write_file("in.rom", image, image_size);
    seen = ROMSUM("--strings", ",Longer thing", "in.rom", "-o", "out.rom");
    result("the_same_strings_again_change_nothing", made(&seen, "the same bytes"));
    start(make_string_in_front);
    seen = ROMSUM("--strings", "Acme,", "--sum-at", "6", "in.rom", "-o", "out.rom");
    put(8, "Acme", 5);
    put_sums();
    result("a_string_in_front_stays_there", made(&seen, "by hand"));
    write_file("in.rom", image, image_size);
    seen = ROMSUM("--strings", "Acme,", "--sum-at", "6", "in.rom", "-o", "out.rom");
    result("and_stays_with_the_same_string_again", made(&seen, "the same bytes"));
    start(make_13);
    seen = ROMSUM("--strings", "Makers,Thing", "in.rom", "-o", "out.rom");
    result("strings_that_do_not_fit_are_refused",
           refused(&seen, "at 0x4E: the new manufacturer string and its NUL need 7 bytes: the old "
                          "one has 6, and 0 are free at the end of the image"));
    start(make_13);
    put_number(0x50, 2, 0x62);
    put_sums();
    write_file("in.rom", image, image_size);
    seen = ROMSUM("--strings", ",X", "in.rom", "-o", "out.rom");
    result("a_string_that_shares_its_bytes_is_not_written_over",
           refused(&seen, "at 0x50: the new product string and its NUL need 2 bytes: the old one "
                          "has 0, and 0 are free at the end of the image"));
    seen = ROMSUM("--strings", "X,", "in.rom", "-o", "out.rom");
    result("a_string_that_holds_another_one_is_not_written_over",
           refused(&seen, "at 0x4E: the new manufacturer string and its NUL need 2 bytes: the old "
                          "one has 0, and 0 are free at the end of the image"));
    start(make_two_headers);
    seen = ROMSUM("--strings", "AB,", "in.rom", "-o", "out.rom");
    result("a_string_that_a_further_header_shares_is_not_written_over",
           has_moved_maker(&seen, "AB"));
    seen = ROMSUM("--strings", "A longer maker,", "in.rom", "-o", "out.rom");
    result("nor_is_it_emptied_for_a_longer_one", has_moved_maker(&seen, "A longer maker"));
    start(make_13_with_padding);
    put(0x4A, "AB\0\0", 4); /* the device ID */
    put_number(0x4E, 2, 0x4A);
    put_sums();
    write_file("in.rom", image, image_size);
    seen = ROMSUM("--strings", "AB,", "in.rom", "-o", "out.rom");
    put(4568, "AB", 3);
    put_number(0x4E, 2, 4568);
    put_sums();
    result("a_string_within_a_structure_gets_bytes_of_its_own", made(&seen, "by hand"));
    unlink("out.rom");
    make_legacy();
    memset(image + 0x18, 0, 6);
    put_pnp(0x40);
    image[0x45] = 0;
    put_number(0x4E, 2, 0x40);
    write_file("in.rom", image, image_size);
    seen = ROMSUM("--strings", "Acme,Box", "in.rom", "-o", "out.rom");
    result("a_string_does_not_write_over_a_header_of_length_0",
           refused(&seen, "at 0x4E: the new manufacturer string and its NUL need 5 bytes: the old "
                          "one has 0, and 0 are free at the end of the image"));
    make_legacy();
    memset(image + 0x18, 0, 6);
    put_pnp(0x40);
    image_size = 66048;
    memset(image + 2048, 0xFF, image_size - 2048);
    image[2] = 129;
    write_file("in.rom", image, image_size);
    seen = ROMSUM("--strings", "Makers,Thing", "in.rom", "-o", "out.rom");
    result("strings_that_no_pointer_can_reach_are_refused",
           refused(&seen,
                   "at 0x4E: the new manufacturer string and its NUL need 7 bytes: the old "
                   "one has 6, and the image ends above 64 KiB, out of reach of a string offset"));
    start(make_legacy);
    seen = ROMSUM("--strings", "A,B", "in.rom", "-o", "out.rom");
    result("strings_refuse_an_image_without_pnp",
           refused(&seen, "at 0x1A: no $PnP header to hold the strings"));
    seen = ROMSUM("--strings", "Acme", "in.rom");
    result(
        "strings_without_a_comma_are_wrong_usage",
        is_usage_error(&seen, "Acme: the strings are MANUFACTURER,PRODUCT, separated by a comma"));
    seen = ROMSUM("--strings", ",", "in.rom");
    result("two_empty_strings_are_wrong_usage",
           is_usage_error(&seen, ",: both strings are empty: nothing to change"));
    seen = ROMSUM("--strings", "A,B\n", "in.rom");
    result("a_control_character_in_a_string_is_wrong_usage",
           is_usage_error(&seen, "the strings may hold printable ASCII characters only"));
}

/* ---- The checksum's place ---- */

/* As make_legacy(), summed at this byte. */
static void make_summed_at(size_t at) {
    make_legacy();
    image[6] = 0;
    set_sum(at, 0, image_size);
}

static void make_summed_at_end(void) {
    make_summed_at(0x7FF);
}

static void check_place(const char *name, const char *place, size_t at, uint8_t six) {
    struct run seen;

    make_legacy();
    image[6] = six;
    image[0x100] = 0x42;
    write_file("in.rom", image, image_size);
    unlink("out.rom");
    seen = ROMSUM("--sum-at", place, "in.rom", "-o", "out.rom");
    set_sum(at, 0, image_size);
    result(name, made(&seen, "by hand"));
}

static void test_sum_at(void) {
    char expected[256];
    struct run seen;

    check_place("sum_at_end_uses_the_last_byte", "end", 0x7FF, 0x11);
    check_place("sum_at_takes_a_decimal_offset", "7", 0x007, 0x11);
    check_place("sum_at_takes_an_offset_with_0x", "0x7F0", 0x7F0, 0x11);
    check_place("sum_at_takes_an_offset_with_h", "7F0h", 0x7F0, 0x11);
    check_place("sum_at_auto_keeps_byte_6", "auto", 6, 0x11);
    check_place("sum_at_auto_takes_byte_6_where_nothing_tells", "auto", 6, 0x00);
    make_summed_at_end();
    image[0x100] ^= 0x55;
    write_file("in.rom", image, image_size);
    seen = ROMSUM("in.rom", "-o", "out.rom");
    set_sum(0x7FF, 0, image_size);
    result("sum_at_auto_keeps_the_last_byte_where_it_tells", made(&seen, "by hand"));
    image[0x7FF]++;
    write_file("in.rom", image, image_size);
    seen = ROMSUM("--check", "in.rom");
    result("check_names_the_checksum_at_its_own_place",
           holds(strstr(seen.err, "at 0x7FF: the image's 2048 bytes sum to 0x01, not 0: checksum "
                                  "0x") != NULL,
                 "the last byte is named"));
    make_legacy();
    image[6] = 0;
    memset(image + 0x7E0, 0x55, 16);
    image[0x7FF] = 0x33;
    write_file("in.rom", image, image_size);
    seen = ROMSUM("in.rom", "-o", "out.rom");
    set_sum(6, 0, image_size);
    result("sum_at_auto_spares_a_last_byte_that_is_likely_data", made(&seen, "by hand"));
    make_legacy();
    put(3, "\xE9\x10\0JIM", 6);
    write_file("in.rom", image, image_size);
    seen = ROMSUM("in.rom", "-o", "out.rom");
    set_sum(0x7FF, 0, image_size);
    result("sum_at_auto_spares_text_behind_the_jump", made(&seen, "by hand"));
    make_legacy();
    put(3, "\xE9\x10\0\x5A", 4);
    set_sum(0x7FF, 0, image_size);
    image[0x7FF] += 3;
    snprintf(expected, sizeof(expected),
             "romsum: in.rom: at 0x06: the image's 2048 bytes sum to 0x03, not 0: checksum here "
             "(0x5A, right 0x57) or at 0x7FF (0x%02X, right 0x%02X)\n",
             image[0x7FF], image[0x7FF] - 3);
    write_file("in.rom", image, image_size);
    seen = ROMSUM("--check", "in.rom");
    result("check_names_both_places_where_nothing_tells", gave(&seen, 1, expected));
    start(make_13);
    seen = ROMSUM("--sum-at", "4", "in.rom", "-o", "out.rom");
    result("sum_at_refuses_the_entry_code",
           refused(&seen, "at 0x04: the checksum cannot go here: the byte belongs to the entry "
                          "code"));
    seen = ROMSUM("--sum-at", "end", "in.rom", "-o", "out.rom");
    result("sum_at_refuses_the_call_slots",
           refused(&seen, "at 0xFFF: the checksum cannot go here: the byte belongs to the call "
                          "slots"));
    seen = ROMSUM("--sum-at", "0x1000", "in.rom", "-o", "out.rom");
    result(
        "sum_at_refuses_what_is_beyond_the_image",
        refused(
            &seen,
            "at 0x1000: the checksum cannot go here: no BIOS image includes this byte in its sum"));
    start(make_13_with_padding);
    put_number(0x50, 2, 4568); /* a product string of 39 FFh and what will be the sum */
    image[4607] = 0;
    put_sums();
    image[4607] = 0xFF;
    write_file("in.rom", image, image_size);
    seen = ROMSUM("--sum-at", "end", "in.rom", "-o", "out.rom");
    result("the_checksum_does_not_end_a_string",
           refused(&seen, "at 0x11FF: the checksum cannot go here: as 0x00 the byte belongs to the "
                          "product string"));
    make_legacy();
    memset(image + 0x18, 0, 6);
    put_pnp(0x40);
    put_sums();
    image[0x100]++;
    write_file("in.rom", image, image_size);
    seen = ROMSUM("--sum-at", "0x61", "in.rom", "-o", "out.rom");
    result("sum_at_refuses_a_string",
           refused(&seen, "at 0x61: the checksum cannot go here: the byte belongs to the "
                          "manufacturer string (--force overrides this)"));
    seen = ROMSUM("--strings", "Acme,", "--sum-at", "0x61", "--force", "in.rom", "-o", "out.rom");
    result("the_checksum_does_not_spoil_a_new_string",
           refused(&seen, "at 0x60: the checksum cannot go here: it is in the new manufacturer "
                          "string"));
    seen = ROMSUM("--sum-at", "last", "in.rom");
    result("an_unknown_place_is_wrong_usage",
           is_usage_error(&seen, "last: the checksum's place is auto, end or an offset, as in 6 or "
                                 "0x7FF"));
}

/* ---- Padding ---- */

static void make_13_padded(void) {
    make_13();
    image_size = 65536;
    memset(image + 4096, 0xFF, 65536 - 4096);
}

/* PCIR of the first image states 8 KiB, with more bytes than there are. */
static void make_cut_short(void) {
    make_rom(4);
    put_device(0, 0x1C, 16);
    image[0x31] = 0;
    reseal(6);
    put_legacy(2048, 4);
    image_size = 4096;
}

static void test_pad(void) {
    static const char *const sizes[] = {"65536", "0x10000", "10000h", "64K", "64k"};
    static const char *const bad[] = {
        "0", "1000", "-512", "64G", "0x", "17M", "", "64KB", "99999999999999999999"};
    struct run seen;
    bool good = true;

    for (size_t i = 0; i < COUNT(sizes); i++) {
        start(make_13);
        seen = ROMSUM("--pad", sizes[i], "in.rom", "-o", "out.rom");
        make_13_padded();
        good &= made(&seen, sizes[i]);
    }
    result("pad_fills_the_file_with_ff_and_seals_no_more_than_before", good);
    start(make_13_padded);
    seen = ROMSUM("--check", "in.rom");
    result("check_accepts_a_padded_image", gave(&seen, 0, ""));
    seen = ROMSUM("--show", "in.rom");
    result("show_tells_the_padding",
           gave(&seen, 0, "") &&
               prints(&seen, "\nPadding: 61440 bytes of FF after the image, from 0x1000.\n"));
    seen = ROMSUM("in.rom", "-o", "out.rom");
    result("seal_of_a_padded_image_changes_nothing", made(&seen, "the same bytes"));
    seen = ROMSUM("--pad", "8K", "in.rom", "-o", "out.rom");
    image_size = 8192;
    result("pad_makes_a_padded_file_smaller", made(&seen, "by hand"));
    start(make_13_padded);
    image[0x24] = 1;
    write_file("in.rom", image, image_size);
    seen = ROMSUM("in.rom", "-o", "out.rom");
    put_sums();
    result("seal_of_a_changed_padded_image_keeps_padding_and_length", made(&seen, "by hand"));
    image[60000] = 0;
    write_file("in.rom", image, image_size);
    seen = ROMSUM("--check", "in.rom");
    result("check_warns_of_padding_that_is_not_ff",
           gave(&seen, 0,
                "romsum: in.rom: at 0x1000: warning: 55905 bytes of something else behind the "
                "image: not part of it\n"));
    start(make_13_rev_3);
    seen = ROMSUM("--pad", "4K", "in.rom", "-o", "out.rom");
    result("pad_refuses_less_than_the_image_has",
           refused(&seen, "the sealed image has 4608 bytes, more than the 4096 of --pad"));
    start(make_cut_short);
    seen = ROMSUM("--pad", "8K", "in.rom", "-o", "out.rom");
    result("pad_does_not_put_an_image_out_of_reach",
           refused(&seen, "with 8192 bytes the file would have 1 image, not 2: a PCIR image length "
                          "that lay beyond the file would lead elsewhere"));
    good = true;
    for (size_t i = 0; i < COUNT(bad); i++) {
        seen = ROMSUM("--pad", bad[i], "in.rom", "-o", "out.rom");
        good &= holds(seen.status == 2, bad[i]);
    }
    result("a_senseless_size_is_wrong_usage", good && holds(!exists("out.rom"), "no output"));
}

/* ---- Lengths of PCI ROMs ---- */

/* 256 blocks, of which the BIOS is to load one. */
static void make_large_pci(void) {
    put_start(256 * 512);
    put_pcir(0x1C, 0);
    image[2] = 1;
    put_sums();
}

static void test_pci_lengths(void) {
    struct run seen;

    start(make_pci);
    seen = ROMSUM("in.rom", "-o", "out.rom");
    result("seal_keeps_a_length_byte_below_a_right_pcir_length", made(&seen, "the same bytes"));
    start(make_pci);
    put_number(0x2C, 2, 0);
    image[2] = 0;
    write_file("in.rom", image, image_size);
    seen = ROMSUM("in.rom", "-o", "out.rom");
    put_number(0x2C, 2, 4);
    image[2] = 4;
    put_sums();
    result("seal_sets_both_lengths_where_there_are_none", made(&seen, "by hand"));
    start(make_large_pci);
    seen = ROMSUM("in.rom", "-o", "out.rom");
    result("seal_takes_a_pci_rom_of_256_blocks_that_loads_less", made(&seen, "the same bytes"));
    start(make_large_pci);
    put_number(0x2C, 2, 0);
    image[2] = 0;
    write_file("in.rom", image, image_size);
    seen = ROMSUM("in.rom", "-o", "out.rom");
    result("seal_refuses_a_length_that_the_byte_cannot_say",
           refused(&seen, "at 0x02: length byte cannot hold 256 blocks: set it to what the BIOS "
                          "should load (255 at most), and the image length in PCIR to 256"));
}

/* ---- JSON and pictures ---- */

static void test_json(void) {
    struct run seen;
    bool good;

    start(make_13);
    seen = ROMSUM("--check", "--json", "in.rom");
    result("check_in_json_says_good",
           gave(&seen, 0, "") &&
               holds(strcmp(seen.out, "[\n{\"file\": \"in.rom\", \"size\": 4096, \"good\": true,\n"
                                      "  \"problems\": [],\n  \"warnings\": []}\n]\n") == 0,
                     "just this object"));
    image[0x0E] = 7;
    put_sums();
    image_size -= 1;
    write_file("a\"b\\\n\xC3\xA9\xFF.rom", image, image_size);
    seen = ROMSUM("--json", "--check", "a\"b\\\n\xC3\xA9\xFF.rom", "missing.rom");
    good = gave(&seen, 1, "romsum: missing.rom: No such file or directory\n");
    good &= prints(&seen, "{\"file\": \"a\\\"b\\\\\\u000A\xC3\xA9\\uFFFD.rom\", \"size\": 4095, "
                          "\"good\": false,\n");
    good &= prints(&seen, "    {\"code\": \"blocks\", \"text\": \"the file's 4095 bytes are not a "
                          "multiple of 512\"},\n");
    good &= prints(
        &seen, "    {\"code\": \"reserved\", \"offset\": 14, \"text\": \"reserved0 is 0x07, must "
               "be 0\"}");
    good &= prints(&seen, "{\"file\": \"missing.rom\", \"good\": false, ");
    result("check_in_json_names_every_problem_and_escapes_names", good);
    start(make_two_images);
    seen = ROMSUM("--show", "--json", "in.rom");
    good = gave(&seen, 0, "");
    good &=
        prints(&seen, "{\"offset\": 0, \"size\": 2048, \"type\": \"x86\", \"hidden\": false,\n");
    good &= prints(&seen, "\"sealed\": 1024, \"entry\": 3, \"checksum\": {\"offset\": 6, ");
    good &=
        prints(&seen, "{\"offset\": 2048, \"size\": 1024, \"type\": \"efi\", \"hidden\": false,\n");
    good &= prints(&seen, "\"pcir\": {\"offset\": 2076, \"vendor\": 5549, \"device\": 2049, ");
    result("show_in_json_tells_of_both_images", good);
}

static void test_svg(void) {
    struct stat status;
    static uint8_t picture[1 << 18];
    struct run seen;
    size_t size;
    bool good;

    start(make_13);
    unlink("out.svg");
    seen = ROMSUM("--show", "--svg", "out.svg", "in.rom");
    size = read_file("out.svg", picture, sizeof(picture) - 1);
    picture[size] = 0;
    good = gave(&seen, 0, "") && holds(seen.out[0] == '\0', "stdout is empty");
    good &= holds(strstr((char *)picture, "<title>slot 45, SetPxE0: native, 1 of 32 bytes</title>"),
                  "slot 45 is drawn");
    good &= holds(strstr((char *)picture, "<title>PCIR: 0x0020 to 0x0037, 24 bytes</title>"),
                  "PCIR is drawn");
    result("svg_draws_slots_and_structures", good);
    seen = ROMSUM("--show", "--svg", "out.svg", "vmi-hypercall.rom");
    size = read_file("out.svg", picture, sizeof(picture) - 1);
    picture[size] = 0;
    good = gave(&seen, 0, "");
    good &= holds(strstr((char *)picture, ">19 UpdateKernelStack</text>") &&
                      strstr((char *)picture, ">50 SwapPxELongAtomic</text>"),
                  "names are whole");
    good &= holds(strstr((char *)picture, "<title>slots 5 to 27, trap: 0x00A0 to 0x037F, 736") &&
                      strstr((char *)picture, "<title>slot 4, own: 0x0080 to 0x009F, 32 bytes"),
                  "the bar has slots by what they hold");
    result("svg_has_whole_names_and_slots_by_kind", good);
    make_legacy();
    memset(image + 0x18, 0, 6);
    put_pnp(0x40);
    put_sums();
    write_file("in.rom", image, image_size);
    seen = ROMSUM("--show", "--svg", "out.svg", "in.rom");
    size = read_file("out.svg", picture, sizeof(picture) - 1);
    picture[size] = 0;
    result(
        "svg_draws_the_strings_of_any_rom",
        gave(&seen, 0, "") &&
            holds(strstr((char *)picture,
                         "<title>the manufacturer string: 0x0060 to 0x0065, 6 bytes</title>") &&
                      strstr((char *)picture, "<title>0x60: 4D, the manufacturer string</title>"),
                  "a string is drawn"));
    start(make_13);
    image[0x0E] = 7;
    put_sums();
    write_file("in.rom", image, image_size);
    seen = ROMSUM("--show", "--svg", "out.svg", "in.rom");
    size = read_file("out.svg", picture, sizeof(picture) - 1);
    picture[size] = 0;
    result("svg_of_a_bad_image_names_the_problem_in_the_picture_and_on_stderr",
           gave(&seen, 1, "romsum: in.rom: at 0x0E: reserved0 is 0x07, must be 0\n") &&
               holds(strstr((char *)picture, "at 0x0E: reserved0 is 0x07"), "it is drawn"));
    seen = ROMSUM("--show", "--svg", "in.rom", "in.rom");
    good = gave(&seen, 1, "romsum: in.rom: is the image itself: name another file\n");
    result("svg_does_not_write_over_its_image",
           good && holds(file_is("in.rom", image, image_size), "it is as it was"));
    write_file("other.rom", image, image_size);
    seen = ROMSUM("--show", "--svg", "other.rom", "in.rom");
    good = gave(&seen, 1, "romsum: other.rom: exists and is not a picture: name another file\n");
    result("svg_does_not_write_over_another_rom",
           good && holds(file_is("other.rom", image, image_size), "it is as it was"));
    unlink("other.rom");
    /* Root could really replace /dev/full, so it gets one of its own. */
    if (geteuid() == 0) {
        good = mknod("full", S_IFCHR | 0666, makedev(1, 7)) == 0;
    } else {
        good = symlink("/dev/full", "full") == 0;
    }
    seen = ROMSUM("--show", "--svg", "full", "in.rom");
    good &= holds(seen.status == 1, "status 1");
    good &= holds(strstr(seen.err, "romsum: full: is a device, not a regular file\n") != NULL,
                  "the reason");
    seen = ROMSUM("in.rom", "--sum-at", "6", "-o", "full");
    good &= holds(stat("full", &status) == 0 && S_ISCHR(status.st_mode), "it is a device still");
    result("a_device_is_not_replaced", good);
}

static void test_usage_of_changes(void) {
    struct run seen;
    bool good = true;

    start(make_13);
    seen = ROMSUM("--json", "in.rom");
    good &= is_usage_error(&seen, "--json goes with --check and --show only");
    seen = ROMSUM("--svg", "out.svg", "in.rom");
    good &= is_usage_error(&seen, "--svg goes with --show only");
    seen = ROMSUM("--check", "--svg", "out.svg", "in.rom");
    good &= is_usage_error(&seen, "--svg goes with --show only");
    seen = ROMSUM("--show", "--svg", "out.svg", "--json", "in.rom");
    good &= is_usage_error(&seen, "--svg and --json cannot be combined");
    seen = ROMSUM("--show", "--svg", "out.svg", "in.rom", "in.rom");
    good &= is_usage_error(&seen, "--svg takes a single IMAGE");
    seen = ROMSUM("--show", "--pad", "64K", "in.rom");
    good &= is_usage_error(&seen, "--pad does not go with --show, which changes nothing");
    seen = ROMSUM("--check", "--sum-at", "6", "in.rom");
    good &= is_usage_error(&seen, "--sum-at does not go with --check, which changes nothing");
    seen = ROMSUM("--check=yes", "in.rom");
    good &= is_usage_error(&seen, "--check takes no value");
    seen = ROMSUM("in.rom", "--pad");
    good &= is_usage_error(&seen, "--pad needs an argument: SIZE");
    seen = ROMSUM("--pad", "8K", "--pad", "8K", "in.rom");
    good &= is_usage_error(&seen, "--pad given twice");
    result("senseless_combinations_are_wrong_usage",
           good && holds(file_is("in.rom", image, image_size), "the image is as it was"));
    seen = ROMSUM("--trap", "int:80h", "vmi-3-hypercall.rom", "-o", "a.rom");
    good = gave(&seen, 0, "");
    seen = ROMSUM("--policy", "full", "a.rom");
    good &= gave(&seen, 0, "");
    seen = ROMSUM("--pci", "1234:5678", "a.rom");
    good &= gave(&seen, 0, "");
    image_size = read_file("a.rom", image, sizeof(image));
    seen = ROMSUM("--pci", "1234:5678", "--policy", "full", "--trap", "int:80h",
                  "vmi-3-hypercall.rom", "-o", "out.rom");
    result("changes_combine", good && made(&seen, "the bytes of one change after the other"));
}

void test_changes(void) {
    test_pnp_chain();
    test_pci();
    test_strings();
    test_sum_at();
    test_pad();
    test_pci_lengths();
    test_json();
    test_svg();
    test_usage_of_changes();
}
