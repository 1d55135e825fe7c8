/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * What the tests of romsum have in common: results, files, runs of the program, images of our own.
 */
#define _XOPEN_SOURCE 700

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

#include "harness.h"

/* ---- TAP ---- */

void print_lines(const char *label, const char *text) {
    printf("# %s:\n", label);
    while (*text) {
        size_t length = strcspn(text, "\n");

        printf("#   %.*s\n", (int)length, text);
        text += length + (text[length] == '\n');
    }
}

/* ---- Files ---- */

size_t read_file(const char *name, uint8_t *bytes, size_t size) {
    FILE *file = fopen(name, "rb");
    size_t length = file ? fread(bytes, 1, size, file) : 0;

    if (file)
        fclose(file);
    return length;
}

void write_file(const char *name, const uint8_t *bytes, size_t size) {
    FILE *file = fopen(name, "wb");

    if (!file || fwrite(bytes, 1, size, file) != size || fclose(file) != 0) {
        printf("Bail out! cannot write %s\n", name);
        exit(1);
    }
}

bool file_is(const char *name, const uint8_t *bytes, size_t size) {
    static uint8_t seen[MAX_IMAGE + 1];

    return read_file(name, seen, sizeof(seen)) == size && memcmp(seen, bytes, size) == 0;
}

bool exists(const char *name) {
    struct stat status;

    return lstat(name, &status) == 0;
}

bool has_leftovers(const char *folder) {
    DIR *dir = opendir(folder);
    struct dirent *entry;
    bool found = false;

    while (dir && (entry = readdir(dir)) != NULL)
        found |= strstr(entry->d_name, ".romsum") != NULL;
    if (dir)
        closedir(dir);
    return found;
}

/* ---- Running romsum ---- */

struct special special;

static void become_special(void) {
    struct rlimit limit = {special.file_size, special.file_size};

    if (special.file_size != 0 && setrlimit(RLIMIT_FSIZE, &limit) != 0)
        _exit(99);
    if (special.user != 0 && setuid(special.user) != 0)
        _exit(99);
}

static void redirect(int fd, const char *name) {
    int file = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0666);

    if (file < 0 || dup2(file, fd) < 0)
        _exit(99);
    close(file);
}

/* Messages stay in err, lines about changes go to said. */
static void part_stderr(struct run *seen) {
    static char all[sizeof(seen->err)];
    char *line = all, *err = seen->err, *said = seen->said;

    memset(all, 0, sizeof(all));
    read_file("stderr.txt", (uint8_t *)all, sizeof(all) - 1);
    while (*line) {
        size_t length = strcspn(line, "\n");
        char **to = strncmp(line, "romsum: ", 8) == 0 ? &err : &said;

        length += line[length] == '\n';
        memcpy(*to, line, length);
        *to += length;
        line += length;
    }
}

struct run run(const char *program, ...) {
    static struct run seen;
    char *words[24] = {(char *)(uintptr_t)program};
    size_t n = 1;
    va_list args;
    pid_t pid;
    int status;

    va_start(args, program);
    while (n < COUNT(words) - 1 && (words[n] = va_arg(args, char *)) != NULL)
        n++;
    va_end(args);
    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        redirect(1, special.out ? special.out : "stdout.txt");
        redirect(2, "stderr.txt");
        become_special();
        alarm(300); /* no test may hang */
        execv(program, words);
        _exit(98);
    }
    memset(&seen, 0, sizeof(seen));
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        seen.status = -1;
    else
        seen.status = WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
    read_file("stdout.txt", (uint8_t *)seen.out, sizeof(seen.out) - 1);
    part_stderr(&seen);
    special.user = 0;
    special.file_size = 0;
    special.out = NULL;
    return seen;
}

bool gave(const struct run *seen, int status, const char *err) {
    if (seen->status == status && strcmp(seen->err, err) == 0)
        return true;
    printf("# expected status: %d, seen: %d\n", status, seen->status);
    print_lines("expected stderr", err);
    print_lines("seen stderr", seen->err);
    return false;
}

bool prints(const struct run *seen, const char *text) {
    if (strstr(seen->out, text))
        return true;
    print_lines("expected in stdout", text);
    print_lines("seen stdout", seen->out);
    return false;
}

bool prints_figures(const struct run *seen, const char *format, ...) {
    char text[256];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    return prints(seen, text);
}

bool says(const char *text, const char *part) {
    if (!part || strstr(text, part))
        return true;
    print_lines("expected in what it says", part);
    print_lines("seen", text);
    return false;
}

bool holds(bool condition, const char *what) {
    if (!condition)
        printf("# expected: %s, seen: it does not hold\n", what);
    return condition;
}

/* ---- Images of our own ---- */

uint8_t image[MAX_IMAGE];
size_t image_size;

void put(size_t at, const void *bytes, size_t size) {
    memcpy(image + at, bytes, size);
}

void put_number(size_t at, int width, uint32_t value) {
    for (int i = 0; i < width; i++)
        image[at + (size_t)i] = (uint8_t)(value >> (8 * i));
}

void set_sum(size_t at, size_t start, size_t size) {
    uint8_t sum = 0;

    image[at] = 0;
    for (size_t i = 0; i < size; i++)
        sum = (uint8_t)(sum + image[start + i]);
    image[at] = (uint8_t)-sum;
}

void put_pcir(size_t at, int revision) {
    put_number(0x18, 2, (uint32_t)at);
    put(at, "PCIR", 4);
    put_number(at + 0x04, 2, 0x15AD);
    put_number(at + 0x06, 2, 0x0801);
    put_number(at + 0x0A, 2, revision == 3 ? 28 : 24);
    put_number(at + 0x0C, 1, (uint32_t)revision);
    put_number(at + 0x0D, 3, 0x058000);
    put_number(at + 0x10, 2, (uint32_t)image_size / 512);
    put_number(at + 0x15, 1, 0x80);
    if (revision == 3)
        put_number(at + 0x16, 2, (uint32_t)image_size / 512);
}

size_t pnp_at;

void put_pnp(size_t at) {
    pnp_at = at;
    put_number(0x1A, 2, (uint32_t)at);
    put(at, "$PnP\1\2", 6);
    put_number(at + 0x0E, 2, (uint32_t)at + 0x20);
    put_number(at + 0x10, 2, (uint32_t)at + 0x26);
    put(at + 0x20, "Maker", 6);
    put(at + 0x26, "Thing", 6);
}

void put_start(size_t size) {
    memset(image, 0, sizeof(image));
    image_size = size;
    pnp_at = 0;
    put_number(0, 2, 0xAA55);
    put_number(2, 1, (uint32_t)size / 512);
    put_number(3, 1, 0xCB);
}

void put_pnp_sum(void) {
    size_t size = image[pnp_at + 5] * (size_t)16;

    if (pnp_at != 0 && pnp_at + size <= image_size)
        set_sum(pnp_at + 9, pnp_at, size);
}

void put_image_sum(void) {
    if (image[2] * (size_t)512 <= image_size)
        set_sum(6, 0, image[2] * (size_t)512);
}

void put_sums(void) {
    put_pnp_sum();
    put_image_sum();
}

void make_13_of(size_t size) {
    put_start(size);
    put(8, "cVmi\3\15", 6);
    put_pcir(0x20, 0);
    put_pnp(0x40);
    put(3, "\xE9\x6A\0", 3);
    image[0x70] = 0xCB;
    for (size_t slot = 4; slot < 128 && (slot + 1) * 32 <= size; slot++) {
        memset(image + slot * 32, 0xCC, 32);
        image[slot * 32] = 0xC3;
    }
    put_sums();
}

void make_13(void) {
    make_13_of(4096);
}

void make_13_rev_3(void) {
    make_13_of(4608);
    put_pcir(0x20, 3);
    put_sums();
}

void make_3_of(size_t size) {
    put_start(size);
    put(8, "cVmi\0\3", 6);
    put_number(0x16, 2, 0x70);
    put(0x70, "GPL v2", 7);
    put_pcir(0x20, 0);
    put_pnp(0x40);
    put(0x80, "\xE9\x0B\0\0\0", 5);
    put(0x88, "\xE9\x03\0\0\0", 5);
    put_sums();
}

void make_3(void) {
    make_3_of(1024);
}

void make_legacy(void) {
    put_start(2048);
    put(0x18, "\x8D\xB4\x26\xCB\xCC\xCC", 6);
    put_sums();
}

void make_pci(void) {
    put_start(2048);
    put_pcir(0x1C, 0);
    put_number(2, 1, 2);
    put_sums();
}

/* ---- Pieces of chips ---- */

/* Bytes like code, none of them 0 or FFh. */
void put_noise(size_t at, size_t size, uint32_t seed) {
    for (size_t i = 0; i < size; i++) {
        seed = seed * 1664525u + 1013904223u;
        image[at + i] = (uint8_t)(1 + (seed >> 16) % 254);
    }
}

/* A ROM without PCIR at `at`: a jump to a RETF at 40h, code from 50h on, the checksum at 6. */
void put_legacy(size_t at, size_t blocks) {
    memset(image + at, 0, blocks * 512);
    put(at, "\x55\xAA", 2);
    image[at + 2] = (uint8_t)blocks;
    put(at + 3, "\xE9\x3A\0", 3);
    image[at + 0x40] = 0xCB;
    put_noise(at + 0x50, 64, (uint32_t)blocks);
    set_sum(at + 6, at, blocks * 512);
}

void make_rom(size_t blocks) {
    memset(image, 0, sizeof(image));
    image_size = blocks * 512;
    put_legacy(0, blocks);
}

/* PCIR of revision 0, last image, at offset `pcir` of the ROM at `at`. */
void put_device(size_t at, size_t pcir, size_t blocks) {
    put_number(at + 0x18, 2, (uint32_t)pcir);
    memset(image + at + pcir, 0, 24);
    put(at + pcir, "PCIR\x34\x12\x78\x56", 8);
    put_number(at + pcir + 0x0A, 2, 24);
    image[at + pcir + 0x0F] = 2;
    put_number(at + pcir + 0x10, 2, (uint32_t)blocks);
    image[at + pcir + 0x15] = 0x80;
    set_sum(at + 6, at, image[at + 2] * (size_t)512);
}

void make_device(void) {
    make_rom(4);
    put_device(0, 0x1C, 4);
}

void put_efi(size_t at, size_t blocks) {
    memset(image + at, 0, 0x38);
    put_noise(at + 0x38, blocks * 512 - 0x38, 7);
    put_number(at, 2, 0xAA55);
    put_number(at + 2, 2, (uint32_t)blocks);
    put_number(at + 4, 4, 0x0EF1);
    put_number(at + 8, 2, 11);
    put_number(at + 0x0A, 2, 0x8664);
    put_number(at + 0x0C, 2, 1);
    put_number(at + 0x16, 2, 0x38);
    put_number(at + 0x18, 2, 0x1C);
    put(at + 0x1C, "PCIR\x34\x12\x78\x56", 8);
    put_number(at + 0x26, 2, 28);
    image[at + 0x28] = 3;
    image[at + 0x2B] = 2;
    put_number(at + 0x2C, 2, (uint32_t)blocks);
    image[at + 0x30] = 3;
    image[at + 0x31] = 0x80;
    put_number(at + 0x32, 2, (uint32_t)blocks);
}

void add_noise(size_t size) {
    put_noise(image_size, size, 1);
    image_size += size;
}

void add(uint8_t value, size_t size) {
    memset(image + image_size, value, size);
    image_size += size;
}

void reseal(size_t at) {
    set_sum(at, 0, image[2] * (size_t)512);
}
