/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * romsum - seal, check, show and change option ROM images, VMI ROMs above all. This file is the
 * command line.
 *
 * Reading order: image.h, the images of a file and their checked accessors; report.h, the list of
 * problems; check.c, the judge for all verbs; sum.c and seal.c; change.c with hypercall.c and
 * policy.c; show.c, json.c and svg.c; file.c; this file.
 */
#define _XOPEN_SOURCE 700 /* SIGXFSZ */

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "romsum/change.h"
#include "romsum/check.h"
#include "romsum/file.h"
#include "romsum/json.h"
#include "romsum/show.h"
#include "romsum/svg.h"

#ifndef VMIROM_VERSION
#define VMIROM_VERSION "unknown"
#endif

enum verb { SEAL, CHECK, SHOW };

struct options {
    enum verb verb;
    uint32_t given; /* a bit for each row of `known` */
    bool json;
    const char *out, *svg;
    struct changes changes;
    struct trap trap;
    struct policy policy;
    struct identity identity;
    struct strings strings;
    char *text; /* of the strings */
    const char **images;
    int count;
};

static const char help[] =
    "romsum - seal, check, show and change option ROM images\n"
    "\n"
    "  romsum [CHANGE...] IMAGE... [-o OUT]\n"
    "      seal: pad with FFh to 512-byte blocks, set the lengths and the checksums; in place, or\n"
    "      to OUT for a single IMAGE\n"
    "  romsum --check [--json] IMAGE...\n"
    "      verify; silent if good, else every reason on stderr\n"
    "  romsum --show [--json] IMAGE...\n"
    "      print headers, strings, sums and the map of the call slots\n"
    "  romsum --show --svg FILE IMAGE\n"
    "      draw them instead\n"
    "  romsum --help, --version\n"
    "\n"
    "CHANGE, as many as are wanted, before the seal:\n"
    "  --pci VENDOR:DEVICE[:CLASS]   the device's identity in PCIR, hexadecimal: 8086:100e or\n"
    "                                8086:100e:020000\n"
    "  --strings MANUFACTURER,PRODUCT   the strings of $PnP, where they fit; either may be left\n"
    "                                empty and stays\n"
    "  --sum-at OFFSET|end|auto      where the checksum byte goes: auto is where the image has\n"
    "                                it, else byte 6 behind the jump at byte 3, else the last "
    "byte\n"
    "  --pad SIZE                    fill the file to SIZE bytes with FFh behind the image, for a\n"
    "                                chip or a BAR: 65536, 0x10000 or 64K\n"
    "  --trap KIND                   the trap of a hypercall image of VMI\n"
    "  --policy LIST                 what GetRelocationInfo of an image of VMI 3.0 answers with\n"
    "\n"
    "KIND is vmmcall, vmcall, int:NN with a vector from 0x20 to 0xFF, or out:NN with a port from\n"
    "0x00 to 0xFF. NN is hexadecimal and says so: 0x80 or 80h.\n"
    "\n"
    "LIST is minimal (IRET and SYSEXIT, which are in every list), full (all calls that every "
    "known\n"
    "kernel makes rightly), names of calls, or several of these with commas between.\n"
    "\n"
    "A file is replaced in one step or left as it is. --trap and --policy take good images only.\n"
    "An argument after -- is an IMAGE whatever it looks like. More: romsum(1).\n"
    "Status: 0 good, 1 bad image or failed read or write, 2 wrong usage.\n";

__attribute__((format(printf, 1, 2))) static bool usage_error(const char *format, ...) {
    va_list args;

    fputs("romsum: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputs("; try romsum --help\n", stderr);
    return false;
}

/* ---- Running ---- */

static int seal_file(const struct options *options, const char *name) {
    struct report report = {.count = 0};
    struct image image;
    int status = 1;

    if (!read_image(name, &image))
        return 1;
    change_image(&image, &options->changes, &report);
    if (report.count == 0)
        status = write_image(&image, options->out ? options->out : name) ? 0 : 1;
    else
        print_report(&report, name);
    clear_report(&report);
    free(image.bytes);
    return status;
}

static bool draw_file(const struct image *image, struct report *report, const char *svg) {
    struct image picture = {.name = svg};
    size_t size;
    bool good;

    if (is_same_file(image->name, svg)) {
        fprintf(stderr, "romsum: %s: is the image itself\n", svg);
        return false;
    }
    picture.bytes = (uint8_t *)draw_image(image, report, &size);
    picture.size = (uint32_t)size;
    good = write_image(&picture, svg);
    free(picture.bytes);
    return good;
}

static int judge_file(const struct options *options, const char *name) {
    struct report report = {.count = 0};
    struct image image;
    int status;

    if (!read_image(name, &image)) {
        if (options->json)
            print_json_of_nothing(name);
        return 1;
    }
    check_image(&image, &report);
    status = report.count == 0 ? 0 : 1;
    if (options->svg && !draw_file(&image, &report, options->svg))
        status = 1;
    else if (options->svg)
        print_report(&report, name);
    else if (options->json)
        print_json(&image, &report, options->verb == SHOW);
    else if (options->verb == SHOW)
        show_image(&image, &report);
    else
        print_report(&report, name);
    clear_report(&report);
    free(image.bytes);
    return status;
}

/* What comes between two images, before the first one and behind the last one. */
static void print_between(const struct options *options, int i) {
    if (options->json)
        fputs(i == 0 ? "[\n" : i < options->count ? ",\n" : "\n]\n", stdout);
    else if (options->verb == SHOW && !options->svg && i > 0 && i < options->count)
        putchar('\n');
}

static int run(const struct options *options) {
    int status = 0;

    for (int i = 0; i < options->count; i++) {
        const char *name = options->images[i];

        print_between(options, i);
        status |= options->verb == SEAL ? seal_file(options, name) : judge_file(options, name);
    }
    print_between(options, options->count);
    return status;
}

/* ---- Arguments ---- */

/* 0x80 or 80h. What does not fit 16 bits may come out as any other such number. */
static bool parse_hexadecimal(const char *text, uint32_t *number) {
    bool prefix = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    const char *digits = prefix ? text + 2 : text;
    size_t count = strspn(digits, "0123456789ABCDEFabcdef");
    const char *end = digits + count;
    bool suffix = end[0] == 'h' || end[0] == 'H';

    if (count == 0 || prefix == suffix || end[suffix ? 1 : 0] != '\0')
        return false;
    *number = 0;
    for (; digits < end; digits++) {
        uint32_t digit = (uint32_t)(*digits <= '9' ? *digits - '0' : (*digits | 0x20) - 'a' + 10);

        *number = *number > 0xFFFF ? *number : *number << 4 | digit;
    }
    return true;
}

static bool parse_operand(struct trap *trap, const char *text, const char *number) {
    const struct trap_kind *kind = &trap_kinds[trap->kind];

    if (!kind->operand)
        return usage_error("%s: %s takes no number", text, kind->name);
    if (!parse_hexadecimal(number, &trap->operand))
        return usage_error("%s: the %s is hexadecimal and says so, 0x80 or 80h", text,
                           kind->operand);
    if (trap->operand > 0xFF)
        return usage_error("%s: the %s is above 0xFF, the instruction holds a byte", text,
                           kind->operand);
    if (trap->operand < kind->lowest)
        return usage_error("%s: the %s is below 0x%02X, among the exceptions", text, kind->operand,
                           kind->lowest);
    return true;
}

static bool parse_trap(struct trap *trap, const char *text) {
    size_t length = strcspn(text, ":");

    trap->operand = 0;
    for (trap->kind = 0; trap->kind < VMI_TRAP_KINDS; trap->kind++) {
        const struct trap_kind *kind = &trap_kinds[trap->kind];

        if (strlen(kind->name) != length || memcmp(kind->name, text, length) != 0)
            continue;
        if (text[length] == ':')
            return parse_operand(trap, text, text + length + 1);
        if (kind->operand)
            return usage_error("%s needs a %s, as in %s:0x80", kind->name, kind->operand,
                               kind->name);
        return true;
    }
    return usage_error("unknown trap %s: vmmcall, vmcall, int:NN and out:NN are known", text);
}

static bool add_named(struct policy *policy, const char *name, size_t length) {
    for (uint32_t number = 0; number < CALLS_3; number++)
        if (strlen(vmi3_call_names[number].name) == length &&
            memcmp(vmi3_call_names[number].name, name, length) == 0) {
            policy->answered[number] = true;
            return true;
        }
    return usage_error("unknown policy %.*s: minimal, full and the calls of API 3.0 are known",
                       (int)length, name);
}

static bool is_word(const char *text, size_t length, const char *word) {
    return strlen(word) == length && memcmp(text, word, length) == 0;
}

static bool parse_policy(struct policy *policy, const char *text) {
    memset(policy, 0, sizeof(*policy));
    add_to_policy(policy, VMI3_RELOC_ALWAYS);
    for (;; text++) {
        size_t length = strcspn(text, ",");

        if (is_word(text, length, "full"))
            add_to_policy(policy, VMI3_RELOC_FULL);
        else if (!is_word(text, length, "minimal") && !add_named(policy, text, length))
            return false;
        text += length;
        if (*text == '\0')
            return true;
    }
}

/* Hexadecimal digits and no more, at least one and `most` at most. */
static const char *take_digits(const char *text, size_t most, uint32_t *number) {
    size_t count = strspn(text, "0123456789ABCDEFabcdef");

    if (count == 0 || count > most)
        return NULL;
    *number = (uint32_t)strtoul(text, NULL, 16);
    return text + count;
}

static bool parse_identity(struct identity *identity, const char *text) {
    const char *at = take_digits(text, 4, &identity->vendor);

    if (at && *at == ':')
        at = take_digits(at + 1, 4, &identity->device);
    else
        at = NULL;
    identity->has_class = at && *at == ':';
    if (identity->has_class) {
        const char *digits = at + 1;

        at = take_digits(digits, 6, &identity->class_code);
        if (at && at - digits != 6)
            at = NULL;
    }
    if (at && *at == '\0')
        return true;
    return usage_error("%s: the identity is VENDOR:DEVICE or VENDOR:DEVICE:CLASS, hexadecimal, as "
                       "in 8086:100e:020000",
                       text);
}

static bool is_text(const char *text) {
    for (; *text; text++)
        if (*text < 0x20 || *text > 0x7E)
            return false;
    return true;
}

static bool parse_strings(struct options *options, const char *text) {
    char *comma;

    options->text = strdup(text);
    if (!options->text)
        out_of_memory();
    comma = strchr(options->text, ',');
    if (!comma)
        return usage_error("%s: the strings are MANUFACTURER,PRODUCT with a comma between", text);
    if (!is_text(text))
        return usage_error("the strings are to have printable ASCII characters only");
    *comma = '\0';
    options->strings.manufacturer = *options->text ? options->text : NULL;
    options->strings.product = comma[1] ? comma + 1 : NULL;
    if (!options->strings.manufacturer && !options->strings.product)
        return usage_error("%s: both strings are empty, nothing is to be changed", text);
    return true;
}

/* 1024, 0x400, 400h or 1K; 16 MiB at most. */
static bool parse_size(const char *text, uint32_t *number) {
    unsigned long long value;
    const char *digits = text;
    char *end;

    if (*text < '0' || *text > '9')
        return false;
    value = strtoull(text, &end, text[0] == '0' && (text[1] | 0x20) == 'x' ? 16 : 10);
    if ((*end | 0x20) == 'k' && value < MAX_FILE) {
        value <<= 10;
        end++;
    } else if ((*end | 0x20) == 'm' && value < MAX_FILE) {
        value <<= 20;
        end++;
    } else if (*end != '\0') {
        value = strtoull(digits, &end, 16);
        if ((*end | 0x20) != 'h')
            return false;
        end++;
    }
    *number = value > MAX_FILE ? MAX_FILE + 1 : (uint32_t)value;
    return *end == '\0';
}

static bool parse_pad(uint32_t *pad, const char *text) {
    if (!parse_size(text, pad))
        return usage_error("%s: the size is a number of bytes, as in 65536, 0x10000 or 64K", text);
    if (*pad == 0 || *pad % VMI_ROM_BLOCK != 0 || *pad > MAX_FILE)
        return usage_error("%s: the size is a multiple of 512 bytes from 512 to 16M", text);
    return true;
}

static bool parse_sum_at(struct sealing *sealing, const char *text) {
    if (strcmp(text, "auto") == 0)
        sealing->sum_at = SUM_AUTO;
    else if (strcmp(text, "end") == 0)
        sealing->sum_at = SUM_END;
    else if (parse_size(text, &sealing->sum_offset))
        sealing->sum_at = SUM_HERE;
    else
        return usage_error("%s: the checksum's place is auto, end or an offset, as in 6 or 0x7FF",
                           text);
    return true;
}

enum option { CHECK_IT, SHOW_IT, JSON, SVG, OUT, TRAP, POLICY, PCI, STRINGS, SUM_AT, PAD, OPTIONS };

static const struct {
    const char *name;
    const char *argument; /* NULL: it takes none */
} known[OPTIONS] = {
    [CHECK_IT] = {"--check", NULL},
    [SHOW_IT] = {"--show", NULL},
    [JSON] = {"--json", NULL},
    [SVG] = {"--svg", "file name"},
    [OUT] = {"-o", "file name"},
    [TRAP] = {"--trap", "KIND"},
    [POLICY] = {"--policy", "LIST"},
    [PCI] = {"--pci", "VENDOR:DEVICE"},
    [STRINGS] = {"--strings", "MANUFACTURER,PRODUCT"},
    [SUM_AT] = {"--sum-at", "place"},
    [PAD] = {"--pad", "SIZE"},
};

static bool is_given(const struct options *options, enum option option) {
    return (options->given & 1u << option) != 0;
}

static bool is_file_name(const char *text) {
    if (*text == '\0')
        return usage_error("a file name is empty");
    if (strcmp(text, "-") == 0)
        return usage_error("-: files only, no standard input or output; ./- is a file of that "
                           "name");
    return true;
}

static bool take_value(struct options *options, enum option option, const char *value) {
    struct changes *changes = &options->changes;

    switch (option) {
    case SVG:
        options->svg = value;
        return is_file_name(value);
    case OUT:
        options->out = value;
        return is_file_name(value);
    case TRAP:
        changes->trap = &options->trap;
        return parse_trap(&options->trap, value);
    case POLICY:
        changes->policy = &options->policy;
        return parse_policy(&options->policy, value);
    case PCI:
        changes->identity = &options->identity;
        return parse_identity(&options->identity, value);
    case STRINGS:
        changes->strings = &options->strings;
        return parse_strings(options, value);
    case SUM_AT:
        return parse_sum_at(&changes->sealing, value);
    case PAD:
        return parse_pad(&changes->sealing.pad, value);
    default: /* those without a value: `given` says it all */
        return true;
    }
}

/* Takes the option at argv[*i] and leaves *i on the last argument that belongs to it. */
static bool take_option(struct options *options, int argc, char **argv, int *i) {
    const char *equals = strchr(argv[*i], '=');
    size_t length = equals ? (size_t)(equals - argv[*i]) : strlen(argv[*i]);
    uint32_t option = 0;

    while (option < OPTIONS && !is_word(argv[*i], length, known[option].name))
        option++;
    if (option == OPTIONS || (equals && option == OUT))
        return usage_error("unknown option %s", argv[*i]);
    if (equals && !known[option].argument)
        return usage_error("%s takes no value", known[option].name);
    if (is_given(options, option) && known[option].argument)
        return usage_error("%s given twice", known[option].name);
    options->given |= 1u << option;
    if (!known[option].argument)
        return true;
    if (!equals && ++*i == argc)
        return usage_error("%s needs a %s", known[option].name, known[option].argument);
    return take_value(options, option, equals ? equals + 1 : argv[*i]);
}

/* Combinations that make no sense. */
static bool agree(struct options *options) {
    const char *verb = is_given(options, CHECK_IT) ? "--check" : "--show";

    if (is_given(options, CHECK_IT) && is_given(options, SHOW_IT))
        return usage_error("--check and --show exclude each other");
    if (is_given(options, CHECK_IT))
        options->verb = CHECK;
    if (is_given(options, SHOW_IT))
        options->verb = SHOW;
    options->json = is_given(options, JSON);
    for (uint32_t option = OUT; option < OPTIONS && options->verb != SEAL; option++)
        if (is_given(options, option))
            return usage_error("%s does not go with %s, which changes nothing", known[option].name,
                               verb);
    if (options->json && options->verb == SEAL)
        return usage_error("--json goes with --check and --show only");
    if (options->svg && options->verb != SHOW)
        return usage_error("--svg goes with --show only");
    if (options->svg && options->json)
        return usage_error("--svg and --json exclude each other");
    return true;
}

static bool parse(struct options *options, int argc, char **argv) {
    bool only_images = false;

    for (int i = 1; i < argc; i++) {
        bool is_option = !only_images && argv[i][0] == '-' && argv[i][1] != '\0';

        if (!is_option && !only_images && !is_file_name(argv[i]))
            return false;
        if (!is_option)
            options->images[options->count++] = argv[i];
        else if (strcmp(argv[i], "--") == 0)
            only_images = true;
        else if (!take_option(options, argc, argv, &i))
            return false;
    }
    if (!agree(options))
        return false;
    if (options->count == 0)
        return usage_error("no IMAGE given");
    if (options->out && options->count > 1)
        return usage_error("-o takes a single IMAGE");
    if (options->svg && options->count > 1)
        return usage_error("--svg takes a single IMAGE");
    return true;
}

/* Output that was lost is a failure. */
static int finish(int status) {
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    fprintf(stderr, "romsum: standard output: %s\n", strerror(errno));
    return status ? status : 1;
}

int main(int argc, char **argv) {
    struct options options = {.verb = SEAL};
    int status;

    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            fputs(help, stdout);
            return finish(0);
        }
        if (strcmp(argv[i], "--version") == 0) {
            puts("romsum " VMIROM_VERSION);
            return finish(0);
        }
    }
    /* A file size limit is then an error of write(), not a death that leaves a temporary file. */
    signal(SIGXFSZ, SIG_IGN);
    options.images = malloc((size_t)argc * sizeof(*options.images));
    if (!options.images)
        out_of_memory();
    status = parse(&options, argc, argv) ? run(&options) : 2;
    free(options.images);
    free(options.text);
    return finish(status);
}
