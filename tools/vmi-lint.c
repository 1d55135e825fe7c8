/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * vmi-lint - what of a kernel's sensitive instructions is no call site. This file does what the
 * command line says.
 *
 * Reading order: vmi-lint/kernel.h, the kernel's file; sites.h, its sites; instruction.h, what is
 * sensitive; code.h, going through the code; lines.h, where it comes from; allow.h; report.h.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "vmi-lint/report.h"
#include "vmi-lint/text.h"

#ifndef VMIROM_VERSION
#define VMIROM_VERSION "unknown"
#endif

enum { FOUND = 1, USAGE = 2 };

struct options {
    const char *kernel;
    bool json, strict;
    struct allowances allowances;
};

static const char help[] =
    "usage: vmi-lint [--allow FILE]... [--json] [--strict] KERNEL.elf\n"
    "       vmi-lint --help, --version\n"
    "\n"
    "Lists the sensitive instructions of a 32-bit kernel that are no call sites of VMI,\n"
    "with function, file and line, and what to use instead.\n"
    "\n"
    "  --allow FILE  what is fine where: lines of FUNCTION INSTRUCTION..., patterns of the\n"
    "                shell, as in start* cli lgdt; behind # is a comment\n"
    "  --json        for programs\n"
    "  --strict      an allowance that allows nothing is an error too\n"
    "\n"
    "Status: 0 nothing was found, 1 something was, or bad input, 2 wrong usage.\n";

__attribute__((format(printf, 1, 2))) static int usage_error(const char *format, ...) {
    va_list arguments;
    fputs("vmi-lint: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputs("; try vmi-lint --help\n", stderr);
    return USAGE;
}

/* 0, or the program's status. */
static int take_option(struct options *options, const char *option, const char *next, int *i) {
    const char *file = NULL;
    if (strcmp(option, "--json") == 0) {
        options->json = true;
    } else if (strcmp(option, "--strict") == 0) {
        options->strict = true;
    } else if (strncmp(option, "--allow=", 8) == 0) {
        file = option + 8;
    } else if (strcmp(option, "--allow") != 0) {
        return usage_error("unknown option %s", option);
    } else if (!next) {
        return usage_error("--allow needs an argument: FILE");
    } else {
        file = next;
        ++*i;
    }
    return file && !read_allowances(file, &options->allowances) ? FOUND : 0;
}

static int parse(struct options *options, int argc, char **argv) {
    bool only_names = false;
    for (int i = 1; i < argc; i++) {
        bool is_option = !only_names && argv[i][0] == '-' && argv[i][1];
        if (is_option && strcmp(argv[i], "--") == 0) {
            only_names = true;
        } else if (is_option) {
            int status = take_option(options, argv[i], argv[i + 1], &i);
            if (status) {
                return status;
            }
        } else if (options->kernel) {
            return usage_error("one KERNEL.elf at a time");
        } else {
            options->kernel = argv[i];
        }
    }
    return options->kernel ? 0 : usage_error("no KERNEL.elf given");
}

static int lint(struct options *options) {
    struct elf elf;
    struct sites sites;
    struct report report = {.elf = &elf, .sites = &sites};
    if (!read_elf(options->kernel, &elf) || !read_sites(&elf, &sites) ||
        !find_instructions(&elf, &sites, &report.findings)) {
        return FOUND;
    }
    report.lines = read_lines(&elf);
    judge(&report, &options->allowances);
    if (options->json) {
        print_json(&report);
    } else {
        print_report(&report);
    }
    if (fflush(stdout) != 0 || ferror(stdout)) {
        complain("standard output", "%s", strerror(errno));
        return FOUND;
    }
    return report.findings.count > 0 || (options->strict && count_unused(&report) > 0) ? FOUND : 0;
}

int main(int argc, char **argv) {
    struct options options = {0};
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        return fputs(help, stdout) < 0 || fflush(stdout) != 0;
    }
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        return printf("vmi-lint %s\n", VMIROM_VERSION) < 0 || fflush(stdout) != 0;
    }
    int status = parse(&options, argc, argv);
    return status ? status : lint(&options);
}
