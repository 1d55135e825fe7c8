/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * Tests of what an owner can choose where nothing tells, of what romsum says of its changes, and of
 * when it writes a file.
 */
#define _XOPEN_SOURCE 700

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utime.h>

#include "harness.h"

static void save(void) {
    write_file("in.rom", image, image_size);
    unlink("out.rom");
}

static bool made(const char *what) {
    return holds(file_is("out.rom", image, image_size), what);
}

static bool kept(void) {
    return holds(file_is("in.rom", image, image_size), "the file is as it was");
}

/* A patched ROM of 4 blocks, as much else behind it. */
static void make_patched(void) {
    make_rom(4);
    add_noise(2048);
    image[0x100] ^= 1;
    image[6] = 0x77;
    image[0xFFF] = 0x64;
}

static void make_two(void) {
    make_device();
    image[0x31] = 0;
    reseal(6);
    put_efi(2048, 4);
    image_size = 4096;
}

static void make_hiding(void) {
    make_device();
    put_efi(2048, 4);
    image_size = 4096;
}

/* ---- Lengths ---- */

static void test_length(void) {
    struct run seen;

    make_patched();
    save();
    seen = ROMSUM("--length", "header", "in.rom", "-o", "out.rom");
    reseal(6);
    result("length_header_seals_what_the_header_states",
           holds(seen.status == 0, "status 0") && made("by hand"));
    make_patched();
    save();
    seen = ROMSUM("--length", "file", "in.rom", "-o", "out.rom");
    result("length_file_is_refused_where_two_places_are_left",
           gave(&seen, 1,
                "romsum: in.rom: at 0x06: the checksum may be this byte (0x77) or the last one, at "
                "0xFFF (0x64): choose with --sum-at 6 or --sum-at end\n") &&
               holds(!exists("out.rom"), "no output"));
    make_patched();
    save();
    seen = ROMSUM("--length", "file", "--sum-at", "6", "in.rom", "-o", "out.rom");
    image[2] = 8;
    set_sum(6, 0, 4096);
    result("length_file_makes_all_of_the_file_the_image",
           gave(&seen, 0, "") && made("by hand") &&
               says(seen.said, "in.rom: length 4 -> 8 blocks, checksum at 0x06 77 -> "));
    make_rom(16);
    image_size = 6989;
    save();
    seen = ROMSUM("--length", "header", "in.rom", "-o", "out.rom");
    memset(image + 6989, 0xFF, 8192 - 6989);
    image_size = 8192;
    reseal(6);
    result("length_header_pads_what_is_missing",
           gave(&seen, 0, "") && made("by hand") &&
               says(seen.said, "in.rom: padded 6989 -> 8192 bytes, checksum at 0x06 "));
    make_rom(16);
    image_size = 6989;
    save();
    seen = ROMSUM("--length", "file", "in.rom", "-o", "out.rom");
    memset(image + 6989, 0xFF, 7168 - 6989);
    image_size = 7168;
    image[2] = 14;
    reseal(6);
    result("length_file_takes_the_length_of_a_build",
           gave(&seen, 0, "") && made("by hand") &&
               says(seen.said, "padded 6989 -> 7168 bytes, length 16 -> 14 blocks, "));
    seen = ROMSUM("--length", "both", "in.rom");
    result("another_length_is_wrong_usage", holds(seen.status == 2, "status 2"));
}

/* ---- The last image ---- */

static void test_last(void) {
    struct run seen;
    bool good;

    make_hiding();
    save();
    seen = ROMSUM("--last", "2", "in.rom", "-o", "out.rom");
    make_two();
    result(
        "last_2_shows_a_hidden_image",
        gave(&seen, 0, "") && made("by hand") &&
            says(seen.said, "in.rom: image 1 at 0x00: last-image bit cleared, checksum at 0x06"));
    save();
    seen = ROMSUM("--last", "1", "in.rom", "-o", "out.rom");
    make_hiding();
    result("last_1_hides_the_second_image",
           holds(seen.status == 0, "status 0") && made("by hand") &&
               says(seen.said, "last-image bit set, checksum at 0x06"));
    save();
    seen = ROMSUM("--last", "1", "in.rom");
    result("last_that_is_so_already_changes_nothing", holds(seen.status == 0, "status 0") &&
                                                          kept() &&
                                                          holds(!seen.said[0], "nothing is said"));
    /* A gap of 1 KiB between them: PCIR has to lead over it. */
    make_device();
    add(0xFF, 1024);
    put_efi(3072, 4);
    image_size = 5120;
    save();
    seen = ROMSUM("--last", "2", "in.rom", "-o", "out.rom");
    image[0x31] = 0;
    image[0x2C] = 6;
    reseal(6);
    result("last_2_sets_the_length_that_leads_to_it",
           gave(&seen, 0, "") && made("by hand") &&
               says(seen.said, "last-image bit cleared, PCIR length 4 -> 6 blocks, checksum"));
    save();
    seen = ROMSUM("--last", "3", "in.rom");
    good = gave(&seen, 1, "romsum: in.rom: there is no image 3: the file has 2\n") && kept();
    /* A hidden ROM without PCIR. */
    make_device();
    put_legacy(2048, 4);
    image_size = 4096;
    save();
    seen = ROMSUM("--last", "2", "in.rom");
    good &= gave(&seen, 1, "romsum: in.rom: at 0x818: image 2: no PCIR, so no last-image bit\n") &&
            kept();
    make_rom(4);
    save();
    seen = ROMSUM("--last", "1", "in.rom");
    good &= gave(&seen, 1, "romsum: in.rom: at 0x18: no PCIR, so no last-image bit\n");
    result("last_refuses_an_image_that_is_not_there_or_has_no_pcir", good && kept());
    seen = ROMSUM("--last", "0", "in.rom");
    good = holds(seen.status == 2, "0");
    seen = ROMSUM("--last", "x", "in.rom");
    result("last_wants_a_number", good && holds(seen.status == 2, "x"));
}

/* ---- One ROM of several ---- */

static void make_three(void) {
    make_rom(4);
    put_legacy(2048, 4);
    put_legacy(4096, 4);
    image_size = 6144;
    image[6]++;
    image[2048 + 6]++;
}

static void test_at(void) {
    struct run seen;
    bool good;

    make_three();
    save();
    seen = ROMSUM("--at", "0x800", "in.rom", "-o", "out.rom");
    set_sum(2048 + 6, 2048, 2048);
    result("at_seals_the_rom_that_begins_there_and_no_other",
           gave(&seen, 0, "") && made("by hand") && says(seen.said, "in.rom: checksum at 0x806 "));
    make_three();
    save();
    seen = ROMSUM("--check", "--at", "4096", "in.rom");
    good = gave(&seen, 0, "");
    seen = ROMSUM("--check", "--at", "800h", "in.rom");
    result("at_checks_it_with_offsets_in_the_file",
           good && holds(seen.status == 1, "status 1") &&
               says(seen.err, "romsum: in.rom: at 0x806: the image's 2048 bytes sum to 0x01"));
    seen = ROMSUM("--at", "0x800", "--sum-at", "0x807", "in.rom", "-o", "out.rom");
    good = gave(&seen, 0, "");
    set_sum(2048 + 7, 2048, 2048);
    result("sum_at_counts_from_the_file_with_at", good && made("by hand"));
    memmove(image + 0x200, image + 4096, 2048);
    put_noise(0, 0x200, 3);
    image_size = 0x200 + 2048;
    image[0x260]++;
    save();
    seen = ROMSUM("--at", "0x200", "in.rom", "-o", "out.rom");
    set_sum(0x206, 0x200, 2048);
    result("at_seals_a_rom_behind_a_header", gave(&seen, 0, "") && made("by hand"));
    make_hiding();
    put_legacy(2048, 4);
    put_device(2048, 0x1C, 4);
    image[2048 + 6]++;
    save();
    seen = ROMSUM("--at", "0x800", "in.rom", "-o", "out.rom");
    set_sum(2048 + 6, 2048, 2048);
    result("at_seals_a_hidden_image", gave(&seen, 0, "") && made("by hand"));
    seen = ROMSUM("--at", "1M", "in.rom");
    good = gave(&seen, 1, "romsum: in.rom: offset 0x100000 lies outside the file (4096 bytes)\n");
    seen = ROMSUM("--at", "0x400", "in.rom");
    good &= holds(seen.status == 1, "no ROM there") && says(seen.err, "at 0x400: signature is ");
    result("at_refuses_where_no_rom_is", good);
    seen = ROMSUM("--at", "0x800", "--pad", "64K", "in.rom");
    result("at_with_pad_is_wrong_usage",
           gave(&seen, 2, "romsum: --at and --pad cannot be combined; try romsum --help\n"));
}

/* ---- Forcing the sum ---- */

/* A change is sealed where a seal would be. */
static void test_change_and_sum(void) {
    struct run seen;

    memset(image, 0, sizeof(image));
    image_size = 2048;
    put_device(0, 0x1C, 4);
    put(0, "\x55\xAA\4\xE9\x47\0\xE9\x4A\0\xE9\x48\0", 12);
    image[0x4D] = image[0x53] = image[0x54] = 0xCB;
    put_noise(0x100, 0x300, 1);
    reseal(0x7FF);
    save();
    seen = ROMSUM("--pci", "8086:100e", "in.rom", "-o", "out.rom");
    put_number(0x20, 4, 0x100E8086);
    reseal(0x7FF);
    result("pci_leaves_a_jump_table_alone", gave(&seen, 0, "") && made("by hand"));
    save();
    seen = ROMSUM("--pci", "1:2", "--sum-at", "6", "in.rom");
    result(
        "pci_with_sum_at_refuses_a_byte_that_is_executed",
        gave(&seen, 1,
             "romsum: in.rom: at 0x06: the checksum cannot go here: the byte belongs to a second "
             "entry (--force overrides this)\n") &&
            kept());
}

static void test_force(void) {
    struct run seen;
    bool good;

    make_rom(4);
    put(3, "\xEB\x3B\xE9\x48\0", 5);
    image[0x100] = 3;
    save();
    seen = ROMSUM("--sum-at", "6", "in.rom", "-o", "out.rom");
    good =
        gave(&seen, 1,
             "romsum: in.rom: at 0x06: the checksum cannot go here: the byte belongs to a second "
             "entry (--force overrides this)\n");
    seen = ROMSUM("--sum-at", "6", "--force", "in.rom", "-o", "out.rom");
    reseal(6);
    result("force_puts_the_sum_on_a_byte_that_is_executed",
           good && gave(&seen, 0, "") && made("by hand"));
    unlink("out.rom");
    seen = ROMSUM("--sum-at", "4", "--force", "in.rom", "-o", "out.rom");
    good =
        gave(&seen, 1,
             "romsum: in.rom: at 0x04: the checksum cannot go here: the byte belongs to the entry "
             "code\n");
    result("force_never_breaks_the_entry", good && holds(!exists("out.rom"), "no output"));
    seen = ROMSUM("--force", "in.rom");
    result("force_alone_is_wrong_usage",
           gave(&seen, 2, "romsum: --force goes with --sum-at OFFSET or end; try romsum --help\n"));
}

/* ---- What is said ---- */

static void test_saying(void) {
    struct run seen;
    bool good;

    make_rom(12);
    image[2] = 0;
    image[6] = 0;
    save();
    seen = ROMSUM("in.rom", "-o", "out.rom");
    make_rom(12);
    result("a_seal_says_each_change_in_one_line",
           gave(&seen, 0, "") && made("by hand") &&
               holds(strncmp(seen.said, "in.rom: length 0 -> 12 blocks, checksum at 0x06 00 -> ",
                             54) == 0 &&
                         strchr(seen.said, '\n')[1] == '\0',
                     "just this line"));
    make_two();
    save();
    seen = ROMSUM("--pci", "1:2", "--pad", "8K", "in.rom", "-o", "out.rom");
    good = gave(&seen, 0, "");
    good &=
        says(seen.said, "in.rom: image 1 at 0x00: identity 1234:5678 -> 0001:0002, checksum at ");
    good &= says(seen.said, "\nin.rom: image 2 at 0x800: identity 1234:5678 -> 0001:0002\n");
    result("a_seal_says_a_line_for_each_image",
           good && says(seen.said, "\nin.rom: padded 4096 -> 8192 bytes\n"));
    make_rom(12);
    image[6]++;
    save();
    seen = ROMSUM("--quiet", "in.rom", "-o", "out.rom");
    make_rom(12);
    result("quiet_says_nothing",
           gave(&seen, 0, "") && made("by hand") && holds(!seen.said[0], "nothing is said"));
    add_noise(512);
    save();
    seen = ROMSUM("--quiet", "--check", "in.rom");
    good = gave(&seen, 0, "");
    seen = ROMSUM("--quiet", "in.rom");
    result("quiet_says_no_warning", good && gave(&seen, 0, ""));
    image[6]++;
    image_size -= 512;
    save();
    seen = ROMSUM("--dry-run", "in.rom", "-o", "out.rom");
    good = gave(&seen, 0, "") && says(seen.said, "in.rom: checksum at 0x06 ");
    good &= holds(!exists("out.rom"), "no output");
    seen = ROMSUM("--dry-run", "in.rom");
    result("dry_run_says_what_would_change_and_writes_nothing",
           good && gave(&seen, 0, "") && kept());
    make_rom(4);
    put_device(0, 0x4E, 4);
    image[0x100]++;
    save();
    seen = ROMSUM("--strict", "in.rom");
    result("a_strict_seal_refuses_what_a_plain_one_warns_of",
           gave(&seen, 1, "romsum: in.rom: at 0x18: PCIR offset 0x4E is not a multiple of 4\n") &&
               kept());
    seen = ROMSUM("--check", "--dry-run", "in.rom");
    result("dry_run_with_check_is_wrong_usage", holds(seen.status == 2, "status 2"));
    write_file("a\33[31m\n\302\233.rom", image, image_size);
    seen = ROMSUM("a\33[31m\n\302\233.rom");
    good = says(seen.said, "a\\x1B[31m\\x0A\\xC2\\x9B.rom: checksum at 0x06 ");
    seen = ROMSUM("--show", "a\33[31m\n\302\233.rom");
    good &= prints(&seen, "a\\x1B[31m\\x0A\\xC2\\x9B.rom: 2048 bytes, ");
    seen = ROMSUM("--check", "no\33");
    good &= gave(&seen, 1, "romsum: no\\x1B: No such file or directory\n");
    seen = ROMSUM("--\33");
    result("control_characters_of_names_come_out_escaped",
           good && gave(&seen, 2, "romsum: unknown option --\\x1B; try romsum --help\n"));
    unlink("a\33[31m\n\302\233.rom");
}

static void test_codes(void) {
    struct run seen;
    bool good;

    make_rom(4);
    put_device(0, 0x4E, 4);
    image[0x100]++;
    add_noise(512);
    save();
    seen = ROMSUM("--check", "--json", "in.rom");
    good = prints(&seen,
                  "\"good\": false,\n  \"problems\": [\n    {\"code\": \"sum\", \"offset\": 6, ");
    good &= prints(&seen, "\"warnings\": [\n    {\"code\": \"pcir-place\", \"offset\": 24, ");
    good &= prints(&seen, "    {\"code\": \"behind\", \"offset\": 2048, \"text\": \"512 bytes of ");
    result("json_has_a_code_for_each_problem_and_warning", good);
    seen = ROMSUM("--check", "--json", "--strict", "in.rom");
    good = prints(&seen, "{\"code\": \"pcir-place\", \"offset\": 24, ");
    result("strict_json_has_problems_only", good && prints(&seen, "],\n  \"warnings\": []}"));
}

/* ---- When a file is written ---- */

static void test_writing(void) {
    static const struct utimbuf old = {1000000, 1000000};
    struct stat before, after;
    struct run seen;
    bool good;

    make_rom(4);
    save();
    chmod("in.rom", 0444);
    unlink("other.rom");
    good = link("in.rom", "other.rom") == 0 && utime("in.rom", &old) == 0;
    good &= stat("in.rom", &before) == 0;
    seen = ROMSUM("in.rom");
    good &= gave(&seen, 0, "") && stat("in.rom", &after) == 0;
    result("a_file_that_would_not_change_is_not_written",
           good && holds(before.st_ino == after.st_ino && after.st_mtime == 1000000 &&
                             after.st_nlink == 2 && before.st_mode == after.st_mode,
                         "the same inode, time, links and mode"));
    write_file("out.rom", image, image_size);
    utime("out.rom", &old);
    seen = ROMSUM("in.rom", "-o", "out.rom");
    good = gave(&seen, 0, "") && stat("out.rom", &after) == 0;
    result("nor_is_an_output_that_holds_these_bytes_already",
           good && holds(after.st_mtime == 1000000, "the same time"));
    unlink("other.rom");
    chmod("in.rom", 0644);
    image[0x100]++;
    save();
    chmod("in.rom", 0444);
    seen = ROMSUM("in.rom");
    good = gave(&seen, 1, "romsum: in.rom: has no write permission for its owner\n") && kept();
    seen = ROMSUM("--dry-run", "in.rom");
    good &= gave(&seen, 1, "romsum: in.rom: has no write permission for its owner\n");
    seen = ROMSUM("in.rom", "-o", "out.rom");
    good &= holds(seen.status == 0, "another file may be");
    chmod("out.rom", 0444);
    seen = ROMSUM("--sum-at", "7", "in.rom", "-o", "out.rom");
    result("a_file_that_its_user_may_not_write_to_is_refused",
           good && gave(&seen, 1, "romsum: out.rom: has no write permission for its owner\n"));
    chmod("in.rom", 0644);
    chmod("out.rom", 0644);
    special.out = "out.rom";
    seen = ROMSUM("in.rom", "-o", "/dev/stdout");
    good = gave(
        &seen, 1,
        "romsum: /dev/stdout: is already open, as standard output or error: name another file\n");
    special.out = "out.rom";
    seen = ROMSUM("in.rom", "-o", "out.rom");
    good &=
        gave(&seen, 1,
             "romsum: out.rom: is already open, as standard output or error: name another file\n");
    unlink("link");
    good &= symlink("/dev/stdout", "link") == 0;
    special.out = "out.rom";
    seen = ROMSUM("in.rom", "-o", "link");
    good &= gave(&seen, 1,
                 "romsum: link: is already open, as standard output or error: name another file\n");
    special.out = "out.rom";
    seen = ROMSUM("--show", "--svg", "/dev/fd/1", "in.rom");
    good &= says(seen.err, "romsum: /dev/fd/1: is already open");
    result("what_the_shell_redirected_to_is_not_replaced", good && kept());
    unlink("link");
}

/* ---- What the manual page says in CAVEATS ---- */

static void test_caveats(void) {
    struct run seen;
    bool good;

    make_two();
    image[0x900] ^= 0xFF; /* inside the EFI program */
    save();
    seen = ROMSUM("--check", "in.rom");
    result("an_efi_image_is_checked_by_its_header_only", gave(&seen, 0, ""));
    make_two();
    put_number(0x82C, 2, 0);
    image[6]++;
    save();
    seen = ROMSUM("in.rom", "-o", "out.rom");
    put_number(0x82C, 2, 4);
    reseal(6);
    good = gave(&seen, 0, "") && made("its length is taken from the file, and no more");
    save();
    seen = ROMSUM("--pci", "1:2", "in.rom", "-o", "out.rom");
    put_number(0x20, 4, 0x00020001);
    put_number(0x820, 4, 0x00020001);
    reseal(6);
    result("an_efi_image_is_changed_by_what_is_asked_for_and_a_length_of_0",
           good && gave(&seen, 0, "") && made("its identity is set, and no more"));
    make_rom(4);
    put(0x40, "\xEB\xC4", 2); /* to byte 6 */
    image[6] = 0;
    save();
    seen = ROMSUM("in.rom", "-o", "out.rom");
    reseal(6);
    result("code_is_not_followed", gave(&seen, 0, "") && made("byte 6 is the checksum"));
    make_patched();
    save();
    seen = ROMSUM("in.rom", "-o", "out.rom");
    result("what_nothing_confirms_is_left_to_the_user",
           holds(seen.status == 1, "status 1") && holds(!seen.said[0], "no change is said") &&
               kept());
    make_rom(4);
    add(0xFF, 2048);
    save();
    seen = ROMSUM("--length", "file", "in.rom", "-o", "out.rom");
    image[2] = 8;
    set_sum(6, 0, 4096);
    result("length_file_takes_padding_into_the_image",
           gave(&seen, 0, "") && made("8 blocks, all summed"));
}

void test_options(void) {
    test_caveats();
    test_length();
    test_last();
    test_at();
    test_change_and_sum();
    test_force();
    test_saying();
    test_codes();
    test_writing();
}
