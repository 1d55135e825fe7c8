/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * vmi-conform - judges VMI ROMs, anybody's. This file does what the command line says.
 *
 * Reading order: conform/machine.h, a processor with an image; test.h and calls.c, what each call
 * does; abi.c, what the ABI leaves free of it; answers.h, guests.h, judge.h, report.h.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conform/report.h"
#include "romsum/file.h"
#include "romsum/text.h"

#ifndef VMIROM_VERSION
#define VMIROM_VERSION "unknown"
#endif

#define ROUNDS      40
#define MOST_ROUNDS 100000

enum { WRONG_OR_BAD = 1, USAGE = 2 };
enum format { TEXT, TAP, JSON };

struct options {
    enum format format;
    bool all;
    uint32_t seed, rounds;
    const char **images;
    int count;
};

static const char help[] =
    "usage: vmi-conform [--all | --tap | --json] [--seed NUMBER] [--rounds NUMBER] IMAGE...\n"
    "       vmi-conform --rules, --help, --version\n"
    "\n"
    "Judges VMI ROMs of API 13.0, 13.3 and 3.0: what firmware and the known guests make\n"
    "of each, and whether its calls do what their rows of the table say.\n"
    "\n"
    "  --all            lists every call, and what the ABI leaves free of it\n"
    "  --tap, --json    for programs\n"
    "  --seed NUMBER    other random inputs\n"
    "  --rounds NUMBER  how often each call is run at each place, at least; 40 if not said\n"
    "  --rules          what the ABI leaves free, call by call\n"
    "\n"
    "Status: 0 nothing is wrong, 1 something is, or bad input, 2 wrong usage.\n";

static bool take_number(const char *option, const char *text, uint32_t first, uint32_t last,
                        uint32_t *number) {
    char *end = NULL;
    if (!text) {
        return usage_error("%s needs an argument: NUMBER", option);
    }
    errno = 0;
    unsigned long value = strtoul(text, &end, 0);
    if (*text < '0' || *text > '9' || *end || errno || value < first || value > last) {
        return usage_error("%s %s: no number from %u to %u", option, text, first, last);
    }
    *number = (uint32_t)value;
    return true;
}

static bool take_option(struct options *options, const char *option, const char *next, int *i) {
    bool is_tap = strcmp(option, "--tap") == 0;
    if (is_tap || strcmp(option, "--json") == 0) {
        if (options->format != TEXT && options->format != (is_tap ? TAP : JSON)) {
            return usage_error("--tap and --json: one of them");
        }
        options->format = is_tap ? TAP : JSON;
    } else if (strcmp(option, "--all") == 0) {
        options->all = true;
    } else if (strncmp(option, "--seed=", 7) == 0) {
        return take_number("--seed", option + 7, 0, UINT32_MAX, &options->seed);
    } else if (strncmp(option, "--rounds=", 9) == 0) {
        return take_number("--rounds", option + 9, 1, MOST_ROUNDS, &options->rounds);
    } else if (strcmp(option, "--seed") == 0) {
        ++*i;
        return take_number(option, next, 0, UINT32_MAX, &options->seed);
    } else if (strcmp(option, "--rounds") == 0) {
        ++*i;
        return take_number(option, next, 1, MOST_ROUNDS, &options->rounds);
    } else if (strcmp(option, "--help") == 0 || strcmp(option, "--version") == 0 ||
               strcmp(option, "--rules") == 0) {
        return usage_error("%s stands alone", option);
    } else {
        return usage_error("unknown option %s", option);
    }
    return true;
}

static bool parse(struct options *options, int argc, char **argv) {
    bool only_names = false;
    for (int i = 1; i < argc; i++) {
        bool is_option = !only_names && argv[i][0] == '-' && argv[i][1];
        if (is_option && strcmp(argv[i], "--") == 0) {
            only_names = true;
        } else if (!is_option) {
            options->images[options->count++] = argv[i];
        } else if (!take_option(options, argv[i], argv[i + 1], &i)) {
            return false;
        }
    }
    if (options->all && options->format != TEXT) {
        return usage_error("--all is for text: --tap and --json have every call");
    }
    return options->count > 0 || usage_error("no IMAGE given");
}

/* The verdict on one file, printed; the status. */
static int judge_named(const struct options *options, const char *name, unsigned *number) {
    static struct judgement j;
    char why[WHY_SIZE] = "cannot be read";
    struct image file = {0};
    bool good = read_image(name, &file);
    if (good && !judge_file(&file, options->seed, options->rounds, &j, why)) {
        print_name(name);
        fprintf(stderr, "%s\n", why);
        good = false;
    }
    int status = good && !is_wrong(&j) ? 0 : WRONG_OR_BAD;
    if (options->format == TAP) {
        good ? print_tap(&j, number) : print_tap_failure(name, why, number);
    } else if (options->format == JSON && good) {
        print_object(&j);
    } else if (options->format == JSON) {
        printf("  {\"file\": ");
        print_json_text(name);
        printf(", \"right\": false, \"images\": [], \"error\": ");
        print_json_text(why);
        putchar('}');
    } else if (good) {
        print_judgement(&j, options->all);
    }
    if (good) {
        judgement_end(&j);
    }
    free(file.bytes);
    return status;
}

static int judge_all(const struct options *options) {
    unsigned number = 0;
    int status = 0;
    if (options->format == JSON) {
        puts("[");
    }
    for (int i = 0; i < options->count; i++) {
        status |= judge_named(options, options->images[i], &number);
        if (options->format == JSON) {
            puts(i + 1 < options->count ? "," : "\n]");
        }
    }
    if (options->format == TAP) {
        printf("1..%u\n", number);
    }
    return status;
}

int main(int argc, char **argv) {
    struct options options = {.seed = 1, .rounds = ROUNDS};
    program_name = "vmi-conform";
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        fputs(help, stdout);
        return end_output(0);
    }
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        puts("vmi-conform " VMIROM_VERSION);
        return end_output(0);
    }
    if (argc == 2 && strcmp(argv[1], "--rules") == 0) {
        print_rules();
        return end_output(0);
    }
    options.images = malloc((size_t)argc * sizeof(*options.images));
    if (!options.images) {
        out_of_memory();
    }
    int status = parse(&options, argc, argv) ? judge_all(&options) : USAGE;
    free(options.images);
    return end_output(status);
}
