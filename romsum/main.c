/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * romsum - seal, check and show option ROM images, VMI ROMs above all; choose the trap of a
 * hypercall image and the policy of an image of API 3.0. This file is the command line.
 *
 * Reading order: image.h, the image and its checked accessors; report.h, the list of problems;
 * check.c, the judge for all verbs; seal.c; hypercall.c and policy.c; show.c; file.c; this file.
 */
#define _XOPEN_SOURCE 700 /* SIGXFSZ */

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "file.h"
#include "hypercall.h"
#include "policy.h"
#include "seal.h"
#include "show.h"

#ifndef VMIROM_VERSION
#define VMIROM_VERSION "unknown"
#endif

enum verb { SEAL, TRAP, POLICY, CHECK, SHOW };

struct options {
    enum verb verb;
    struct trap trap;
    struct policy policy;
    const char *out;
    const char **images;
    int count;
};

static const char help[] =
    "romsum - seal, check and show option ROM images; choose the trap of a hypercall image, the\n"
    "policy of an image of API 3.0\n"
    "\n"
    "  romsum IMAGE... [-o OUT]   seal: pad with FFh to 512-byte blocks, set the lengths and the\n"
    "                             checksums; in place, or to OUT for a single IMAGE\n"
    "  romsum --trap KIND IMAGE... [-o OUT]\n"
    "                             make all traps of a hypercall image of this KIND and seal it\n"
    "                             again; in place, or to OUT; the IMAGE has to be a good one\n"
    "  romsum --policy LIST IMAGE... [-o OUT]\n"
    "                             let GetRelocationInfo of an API 3.0 image answer with the calls\n"
    "                             of LIST, and seal it again; likewise\n"
    "  romsum --check IMAGE...    verify; silent if good, else every reason on stderr\n"
    "  romsum --show IMAGE...     print headers, strings, sums and the map of the call slots\n"
    "  romsum --help, --version\n"
    "\n"
    "KIND is vmmcall, vmcall, int:NN with a vector from 0x20 to 0xFF, or out:NN with a port from\n"
    "0x00 to 0xFF. NN is hexadecimal and says so: 0x80 or 80h.\n"
    "\n"
    "LIST is minimal (IRET and SYSEXIT, which are in every list), full (all calls that every "
    "known\n"
    "kernel makes rightly), names of calls, or several of these with commas between.\n"
    "\n"
    "An argument after -- is an IMAGE whatever it looks like. The image checksum goes to byte 6,\n"
    "behind the jump at byte 3. A file that is refused is left as it is.\n"
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

/* Seals the file, with another trap or policy if it is asked for. */
static int seal_file(const struct options *options, const char *name) {
    struct report report = {NULL, 0};
    struct image image;
    int status = 1;

    if (!read_image(name, &image))
        return 1;
    if (options->verb == TRAP)
        bind_image(&image, options->trap, &report);
    else if (options->verb == POLICY)
        set_policy(&image, &options->policy, &report);
    else
        seal_image(&image, &report);
    if (report.count == 0)
        status = write_image(&image, options->out ? options->out : name) ? 0 : 1;
    else
        print_report(&report, name);
    clear_report(&report);
    free(image.bytes);
    return status;
}

static int judge_file(const char *name, enum verb verb) {
    struct report report = {NULL, 0};
    struct image image;
    int status;

    if (!read_image(name, &image))
        return 1;
    if (verb == SHOW) {
        show_image(&image, &report);
    } else {
        check_image(&image, &report);
        print_report(&report, name);
    }
    status = report.count == 0 ? 0 : 1;
    clear_report(&report);
    free(image.bytes);
    return status;
}

static int run(const struct options *options) {
    int status = 0;

    for (int i = 0; i < options->count; i++) {
        const char *name = options->images[i];

        if (options->verb == SHOW && i > 0)
            putchar('\n');
        if (options->verb == CHECK || options->verb == SHOW)
            status |= judge_file(name, options->verb);
        else
            status |= seal_file(options, name);
    }
    return status;
}

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

static bool take_verb(struct options *options, enum verb verb) {
    if (options->verb != SEAL && options->verb != verb)
        return usage_error("--trap, --policy, --check and --show exclude each other");
    options->verb = verb;
    return true;
}

/* Takes the option at argv[*i] and leaves *i on the last argument that belongs to it. */
static bool take_option(struct options *options, int argc, char **argv, int *i) {
    const char *option = argv[*i];

    if (strcmp(option, "-o") == 0) {
        if (options->out)
            return usage_error("-o given twice");
        if (++*i == argc)
            return usage_error("-o needs a file name");
        options->out = argv[*i];
        return true;
    }
    if (strcmp(option, "--trap") == 0) {
        if (options->verb == TRAP)
            return usage_error("--trap given twice");
        if (++*i == argc)
            return usage_error("--trap needs a KIND");
        return take_verb(options, TRAP) && parse_trap(&options->trap, argv[*i]);
    }
    if (strcmp(option, "--policy") == 0) {
        if (options->verb == POLICY)
            return usage_error("--policy given twice");
        if (++*i == argc)
            return usage_error("--policy needs a LIST");
        return take_verb(options, POLICY) && parse_policy(&options->policy, argv[*i]);
    }
    if (strcmp(option, "--check") == 0)
        return take_verb(options, CHECK);
    if (strcmp(option, "--show") == 0)
        return take_verb(options, SHOW);
    return usage_error("unknown option %s", option);
}

static bool parse(struct options *options, int argc, char **argv) {
    bool only_images = false;

    for (int i = 1; i < argc; i++) {
        if (only_images || argv[i][0] != '-')
            options->images[options->count++] = argv[i];
        else if (strcmp(argv[i], "--") == 0)
            only_images = true;
        else if (!take_option(options, argc, argv, &i))
            return false;
    }
    if (options->count == 0)
        return usage_error("no IMAGE given");
    if (options->out && (options->verb == CHECK || options->verb == SHOW))
        return usage_error("-o goes with sealing, --trap and --policy only");
    if (options->out && options->count > 1)
        return usage_error("-o takes a single IMAGE");
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
        if (strcmp(argv[i], "--help") == 0) {
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
    return finish(status);
}
