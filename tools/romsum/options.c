/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * The command line.
 */
#define _XOPEN_SOURCE 700 /* strdup() */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "options.h"
#include "text.h"
#include "vmi/hypervisor.h"

const char help[] =
    "romsum - seal, check, show and change option ROM images\n"
    "\n"
    "  romsum [CHANGE...] IMAGE... [-o OUT]\n"
    "      seal: set lengths and checksums where the sums are wrong; in place, or to OUT for a\n"
    "      single IMAGE. Every change is reported on stderr\n"
    "  romsum --check [--json] IMAGE...\n"
    "      verify; silent if good, else every reason on stderr\n"
    "  romsum --show [--json] IMAGE...\n"
    "      print headers, strings, sums and the map of the call slots\n"
    "  romsum --show --svg FILE IMAGE\n"
    "      draw them instead\n"
    "  romsum --help, --version\n"
    "\n"
    "CHANGE, any number of them, made before the seal:\n"
    "  --pci VENDOR:DEVICE[:CLASS]   the device identity in PCIR, hexadecimal: 8086:100e or\n"
    "                                8086:100e:020000\n"
    "  --strings MANUFACTURER,PRODUCT   the strings of $PnP, where they fit; an empty one keeps\n"
    "                                the old string\n"
    "  --last NUMBER                 make this image the last one of its ROM: images behind it\n"
    "                                are hidden, those before it lead to it\n"
    "  --length header|file          which length to trust where the header and the file differ\n"
    "  --sum-at OFFSET|end|auto      where the checksum byte goes; auto: where the image has it,\n"
    "                                or at a byte that nothing executes or reads\n"
    "  --force                       put it there even if the byte is executed or read\n"
    "  --pad SIZE                    fill the file to SIZE bytes with FFh behind the image, for a\n"
    "                                chip or a BAR: 65536, 0x10000 or 64K\n"
    "  --trap KIND                   the trap of a VMI hypercall image\n"
    "  --slots SLOTS [--twin FILE] [--soft FILE]   which of its slots trap; the native image, and\n"
    "                                bodies of your own, 32 bytes for each of 128 slots\n"
    "  --policy LIST                 the calls that GetRelocationInfo of a VMI 3.0 image answers\n"
    "  --flag FLAGS                  how the hypervisor of a ring 1 ROM runs its guests: none, or\n"
    "                                interrupt-control; of a hypercall image: none, or ask\n"
    "\n"
    "With any of these:\n"
    "  --at OFFSET                   only the ROM that begins at this offset of the file\n"
    "  --strict                      warnings are errors\n"
    "  --quiet                       report neither changes nor warnings\n"
    "  --dry-run                     report the changes, write nothing\n"
    "\n"
    "KIND is vmmcall, vmcall, int:NN with a vector from 0x20 to 0xFF, out (port 0xE7) or out:NN\n"
    "with a port from 0x00 to 0xFF. NN is hexadecimal: 0x80 or 80h.\n"
    "\n"
    "SLOTS is default (as the image comes), all, tuned, hosted, or one of these followed by "
    "calls,\n"
    "as in tuned,RDTSC=native,INVD=nop,IN=trap,CLTS=soft.\n"
    "\n"
    "LIST is minimal (IRET and SYSEXIT, which are in every list), full (all calls that every "
    "known\n"
    "kernel makes rightly), lean (full without those that cost a kernel more than they give),\n"
    "names of calls, or several of these with commas between.\n"
    "\n"
    "A file is replaced in one step or left as it is; one that would not change is not written.\n"
    "--trap, --slots, --policy and --flag take good images only. An argument after -- is an\n"
    "IMAGE whatever it looks like. More: romsum(1).\n"
    "Status: 0 good, 1 bad image or failed read or write, 2 wrong usage.\n";

/* ---- VMI ---- */

/* 0x80 or 80h. What does not fit 16 bits may come out as any other such number. */
static bool parse_hexadecimal(const char *text, uint32_t *number) {
    bool prefix = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    const char *digits = prefix ? text + 2 : text;
    size_t count = strspn(digits, "0123456789ABCDEFabcdef");
    const char *end = digits + count;
    bool suffix = end[0] == 'h' || end[0] == 'H';

    if (count == 0 || prefix == suffix || end[suffix ? 1 : 0] != '\0') {
        return false;
    }
    *number = 0;
    for (; digits < end; digits++) {
        uint32_t digit = (uint32_t)(*digits <= '9' ? *digits - '0' : (*digits | 0x20) - 'a' + 10);

        *number = *number > 0xFFFF ? *number : *number << 4 | digit;
    }
    return true;
}

static bool parse_operand(struct trap *trap, const char *text, const char *number) {
    const struct trap_kind *kind = &trap_kinds[trap->kind];

    if (!kind->operand) {
        return usage_error("%s: %s takes no number", text, kind->name);
    }
    if (!parse_hexadecimal(number, &trap->operand)) {
        return usage_error("%s: the %s must be hexadecimal, as in 0x80 or 80h", text,
                           kind->operand);
    }
    if (trap->operand > 0xFF) {
        return usage_error("%s: the %s is above 0xFF: the instruction holds one byte", text,
                           kind->operand);
    }
    if (trap->operand < kind->lowest) {
        return usage_error("%s: the %s is below 0x%02X, among the exceptions", text, kind->operand,
                           kind->lowest);
    }
    return true;
}

static bool parse_trap(struct trap *trap, const char *text) {
    size_t length = strcspn(text, ":");

    trap->operand = 0;
    for (trap->kind = 0; trap->kind < VMI_TRAP_KINDS; trap->kind++) {
        const struct trap_kind *kind = &trap_kinds[trap->kind];

        if (strlen(kind->name) != length || memcmp(kind->name, text, length) != 0) {
            continue;
        }
        if (text[length] == ':') {
            return parse_operand(trap, text, text + length + 1);
        }
        if (trap->kind == VMI_TRAP_OUT) {
            trap->operand = VMI_TRAP_PORT;
        } else if (kind->operand) {
            return usage_error("%s needs a %s, as in %s:0x80", kind->name, kind->operand,
                               kind->name);
        }
        return true;
    }
    return usage_error("unknown trap %s: vmmcall, vmcall, int:NN, out and out:NN are known", text);
}

static bool add_named(struct policy *policy, const char *name, size_t length) {
    for (uint32_t number = 0; number < CALLS_3; number++) {
        if (strlen(vmi3_call_names[number].name) == length &&
            memcmp(vmi3_call_names[number].name, name, length) == 0) {
            policy->answered[number] = true;
            return true;
        }
    }
    return usage_error(
        "unknown policy %.*s: minimal, lean, full and the calls of API 3.0 are known", (int)length,
        name);
}

static bool is_word(const char *text, size_t length, const char *word) {
    return strlen(word) == length && memcmp(text, word, length) == 0;
}

static bool parse_policy(struct policy *policy, const char *text) {
    memset(policy, 0, sizeof(*policy));
    add_to_policy(policy, VMI3_RELOC_ALWAYS);
    for (;; text++) {
        size_t length = strcspn(text, ",");

        if (is_word(text, length, "full")) {
            add_to_policy(policy, VMI3_RELOC_FULL);
        } else if (is_word(text, length, "lean")) {
            add_to_policy(policy, VMI3_RELOC_LEAN);
        } else if (!is_word(text, length, "minimal") && !add_named(policy, text, length)) {
            return false;
        }
        text += length;
        if (*text == '\0') {
            return true;
        }
    }
}

static bool parse_flags(uint32_t *flags, const char *text) {
    const char *bad;
    uint32_t length;

    return ring1_flags(text, flags, &bad, &length) ||
           usage_error("unknown flag %.*s: none, interrupt-control and ask are known", (int)length,
                       bad);
}

static bool parse_choice(struct mixture *mixture, const char *text, size_t length) {
    static const struct {
        const char *word;
        uint8_t kind;
    } kinds[] = {{"native", VMI_SLOT_NATIVE},
                 {"trap", VMI_SLOT_TRAP},
                 {"nop", VMI_SLOT_NOP},
                 {"soft", VMI_SLOT_SOFT}};
    size_t i = 0;
    const char *equals = memchr(text, '=', length);
    struct choice choice = {text, (uint32_t)(equals ? equals - text : 0), 0};
    size_t left = equals ? length - choice.length - 1 : 0;

    if (!equals || !is_call(text, choice.length)) {
        return usage_error(
            "unknown slots %.*s: default, all, tuned, hosted and CALL=KIND are known", (int)length,
            text);
    }
    while (i < 4 && !is_word(equals + 1, left, kinds[i].word)) {
        i++;
    }
    if (i == 4) {
        return usage_error("%.*s: a slot is native, trap, nop or soft", (int)length, text);
    }
    choice.kind = kinds[i].kind;
    if (mixture->count == sizeof(mixture->choices) / sizeof(mixture->choices[0])) {
        return usage_error("more than %u calls in a list of slots", mixture->count);
    }
    mixture->choices[mixture->count++] = choice;
    return true;
}

static bool parse_slots(struct mixture *mixture, const char *text) {
    mixture->policy = VMI_POLICY_DEFAULT;
    for (bool first = true;; first = false, text++) {
        size_t length = strcspn(text, ",");

        if (first && is_word(text, length, "all")) {
            mixture->policy = VMI_POLICY_ALL;
        } else if (first && is_word(text, length, "tuned")) {
            mixture->policy = VMI_POLICY_TUNED;
        } else if (first && is_word(text, length, "hosted")) {
            mixture->policy = VMI_POLICY_HOSTED;
        } else if (!(first && is_word(text, length, "default")) &&
                   !parse_choice(mixture, text, length)) {
            return false;
        }
        text += length;
        if (*text == '\0') {
            return true;
        }
    }
}

/* ---- What any ROM has ---- */

/* Hexadecimal digits and no more, at least one and `most` at most. */
static const char *take_digits(const char *text, size_t most, uint32_t *number) {
    size_t count = strspn(text, "0123456789ABCDEFabcdef");

    if (count == 0 || count > most) {
        return NULL;
    }
    *number = (uint32_t)strtoul(text, NULL, 16);
    return text + count;
}

static bool parse_identity(struct identity *identity, const char *text) {
    const char *at = take_digits(text, 4, &identity->vendor);

    if (at && *at == ':') {
        at = take_digits(at + 1, 4, &identity->device);
    } else {
        at = NULL;
    }
    identity->has_class = at && *at == ':';
    if (identity->has_class) {
        const char *digits = at + 1;

        at = take_digits(digits, 6, &identity->class_code);
        if (at && at - digits != 6) {
            at = NULL;
        }
    }
    if (at && *at == '\0') {
        return true;
    }
    return usage_error("%s: the identity is VENDOR:DEVICE or VENDOR:DEVICE:CLASS, hexadecimal, as "
                       "in 8086:100e:020000",
                       text);
}

static bool is_plain(const char *text) {
    for (; *text; text++) {
        if (*text < 0x20 || *text > 0x7E) {
            return false;
        }
    }
    return true;
}

static bool parse_strings(struct options *options, const char *text) {
    char *comma;

    options->text = strdup(text);
    if (!options->text) {
        out_of_memory();
    }
    comma = strchr(options->text, ',');
    if (!comma) {
        return usage_error("%s: the strings are MANUFACTURER,PRODUCT, separated by a comma", text);
    }
    if (!is_plain(text)) {
        return usage_error("the strings may hold printable ASCII characters only");
    }
    *comma = '\0';
    options->strings.manufacturer = *options->text ? options->text : NULL;
    options->strings.product = comma[1] ? comma + 1 : NULL;
    if (!options->strings.manufacturer && !options->strings.product) {
        return usage_error("%s: both strings are empty: nothing to change", text);
    }
    return true;
}

/* 1024, 0x400, 400h or 1K; 16 MiB at most. */
static bool parse_size(const char *text, uint32_t *number) {
    unsigned long long value;
    const char *digits = text;
    char *end;

    if (*text < '0' || *text > '9') {
        return false;
    }
    value = strtoull(text, &end, text[0] == '0' && (text[1] | 0x20) == 'x' ? 16 : 10);
    if ((*end | 0x20) == 'k' && value < MAX_FILE) {
        value <<= 10;
        end++;
    } else if ((*end | 0x20) == 'm' && value < MAX_FILE) {
        value <<= 20;
        end++;
    } else if (*end != '\0') {
        value = strtoull(digits, &end, 16);
        if ((*end | 0x20) != 'h') {
            return false;
        }
        end++;
    }
    *number = value > MAX_FILE ? MAX_FILE + 1 : (uint32_t)value;
    return *end == '\0';
}

static bool parse_pad(uint32_t *pad, const char *text) {
    if (!parse_size(text, pad)) {
        return usage_error("%s: the size is a number of bytes, as in 65536, 0x10000 or 64K", text);
    }
    if (*pad == 0 || *pad % VMI_ROM_BLOCK != 0 || *pad > MAX_FILE) {
        return usage_error("%s: the size must be a multiple of 512 bytes, from 512 to 16M", text);
    }
    return true;
}

static bool parse_sum_at(struct sealing *sealing, const char *text) {
    if (strcmp(text, "auto") == 0) {
        sealing->sum_at = SUM_AUTO;
    } else if (strcmp(text, "end") == 0) {
        sealing->sum_at = SUM_END;
    } else if (parse_size(text, &sealing->sum_offset)) {
        sealing->sum_at = SUM_HERE;
    } else {
        return usage_error("%s: the checksum's place is auto, end or an offset, as in 6 or 0x7FF",
                           text);
    }
    return true;
}

static bool parse_length(struct sealing *sealing, const char *text) {
    if (strcmp(text, "header") == 0) {
        sealing->length_from = LENGTH_HEADER;
    } else if (strcmp(text, "file") == 0) {
        sealing->length_from = LENGTH_FILE;
    } else {
        return usage_error("%s: the length to trust is header or file", text);
    }
    return true;
}

static bool parse_last(uint32_t *last, const char *text) {
    *last = strspn(text, "0123456789") == strlen(text) && strlen(text) < 4
                ? (uint32_t)strtoul(text, NULL, 10)
                : 0;
    if (*last == 0 || *last > MAX_IMAGES) {
        return usage_error("%s: the last image is given by its number, 1 to %u", text, MAX_IMAGES);
    }
    return true;
}

static bool parse_at(uint32_t *at, const char *text) {
    if (parse_size(text, at) && *at < MAX_FILE) {
        return true;
    }
    return usage_error("%s: the ROM's start is an offset, as in 512 or 0x200", text);
}

/* ---- Arguments ---- */

/* From OUT on they go with a seal only. */
enum option {
    CHECK_IT,
    SHOW_IT,
    JSON,
    SVG,
    AT,
    STRICT,
    QUIET,
    OUT,
    DRY_RUN,
    TRAP,
    SLOTS,
    TWIN,
    SOFT,
    POLICY,
    FLAG,
    PCI,
    STRINGS,
    LAST,
    LENGTH,
    SUM_AT,
    FORCE,
    PAD,
    OPTIONS
};

static const struct {
    const char *name;
    const char *argument; /* NULL: it takes none */
} known[OPTIONS] = {
    [CHECK_IT] = {"--check", NULL},
    [SHOW_IT] = {"--show", NULL},
    [JSON] = {"--json", NULL},
    [SVG] = {"--svg", "file name"},
    [AT] = {"--at", "place"},
    [STRICT] = {"--strict", NULL},
    [QUIET] = {"--quiet", NULL},
    [OUT] = {"-o", "file name"},
    [DRY_RUN] = {"--dry-run", NULL},
    [TRAP] = {"--trap", "KIND"},
    [SLOTS] = {"--slots", "SLOTS"},
    [TWIN] = {"--twin", "file name"},
    [SOFT] = {"--soft", "file name"},
    [POLICY] = {"--policy", "LIST"},
    [FLAG] = {"--flag", "FLAGS"},
    [PCI] = {"--pci", "VENDOR:DEVICE"},
    [STRINGS] = {"--strings", "MANUFACTURER,PRODUCT"},
    [LAST] = {"--last", "NUMBER"},
    [LENGTH] = {"--length", "header or file"},
    [SUM_AT] = {"--sum-at", "place"},
    [FORCE] = {"--force", NULL},
    [PAD] = {"--pad", "SIZE"},
};

static bool is_given(const struct options *options, enum option option) {
    return (options->given & 1u << option) != 0;
}

static bool is_file_name(const char *text) {
    if (*text == '\0') {
        return usage_error("empty file name");
    }
    if (strcmp(text, "-") == 0) {
        return usage_error("-: files only, no standard input or output; ./- is a file of that "
                           "name");
    }
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
    case TWIN:
        options->twin = value;
        return is_file_name(value);
    case SOFT:
        options->soft = value;
        return is_file_name(value);
    case AT:
        return parse_at(&options->at, value);
    case SLOTS:
        changes->mixture = &options->mixture;
        return parse_slots(&options->mixture, value);
    case LAST:
        return parse_last(&changes->last, value);
    case LENGTH:
        return parse_length(&changes->sealing, value);
    case TRAP:
        changes->trap = &options->trap;
        return parse_trap(&options->trap, value);
    case POLICY:
        changes->policy = &options->policy;
        return parse_policy(&options->policy, value);
    case FLAG:
        changes->flags = &options->flags;
        return parse_flags(&options->flags, value);
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

    while (option < OPTIONS && !is_word(argv[*i], length, known[option].name)) {
        option++;
    }
    if (option == OPTIONS || (equals && option == OUT)) {
        return usage_error("unknown option %s", argv[*i]);
    }
    if (equals && !known[option].argument) {
        return usage_error("%s takes no value", known[option].name);
    }
    if (is_given(options, option) && known[option].argument) {
        return usage_error("%s given twice", known[option].name);
    }
    options->given |= 1u << option;
    if (!known[option].argument) {
        return true;
    }
    if (!equals && ++*i == argc) {
        return usage_error("%s needs an argument: %s", known[option].name, known[option].argument);
    }
    return take_value(options, option, equals ? equals + 1 : argv[*i]);
}

static bool verbs_agree(struct options *options) {
    const char *verb = is_given(options, CHECK_IT) ? "--check" : "--show";

    if (is_given(options, CHECK_IT) && is_given(options, SHOW_IT)) {
        return usage_error("--check and --show cannot be combined");
    }
    if (is_given(options, CHECK_IT)) {
        options->verb = CHECK;
    }
    if (is_given(options, SHOW_IT)) {
        options->verb = SHOW;
    }
    options->json = is_given(options, JSON);
    options->strict = is_given(options, STRICT);
    options->quiet = is_given(options, QUIET);
    options->dry_run = is_given(options, DRY_RUN);
    options->has_at = is_given(options, AT);
    options->changes.sealing.force = is_given(options, FORCE);
    for (uint32_t option = OUT; option < OPTIONS && options->verb != SEAL; option++) {
        if (is_given(options, option)) {
            return usage_error("%s does not go with %s, which changes nothing", known[option].name,
                               verb);
        }
    }
    return true;
}

/* Combinations that make no sense. */
static bool agree(struct options *options) {
    if (!verbs_agree(options)) {
        return false;
    }
    if (options->twin && !options->changes.mixture) {
        return usage_error("--twin goes with --slots only");
    }
    if (options->soft && !options->changes.mixture) {
        return usage_error("--soft goes with --slots only");
    }
    if (options->changes.sealing.force && options->changes.sealing.sum_at == SUM_AUTO) {
        return usage_error("--force goes with --sum-at OFFSET or end");
    }
    if (options->has_at && options->changes.sealing.pad != 0) {
        return usage_error("--at and --pad cannot be combined");
    }
    if (options->json && options->verb == SEAL) {
        return usage_error("--json goes with --check and --show only");
    }
    if (options->svg && options->verb != SHOW) {
        return usage_error("--svg goes with --show only");
    }
    if (options->svg && options->json) {
        return usage_error("--svg and --json cannot be combined");
    }
    return true;
}

bool parse_options(struct options *options, int argc, char **argv) {
    bool only_images = false;

    for (int i = 1; i < argc; i++) {
        bool is_option = !only_images && argv[i][0] == '-' && argv[i][1] != '\0';

        if (!is_option && !only_images && !is_file_name(argv[i])) {
            return false;
        }
        if (!is_option) {
            options->images[options->count++] = argv[i];
        } else if (strcmp(argv[i], "--") == 0) {
            only_images = true;
        } else if (!take_option(options, argc, argv, &i)) {
            return false;
        }
    }
    if (!agree(options)) {
        return false;
    }
    if (options->count == 0) {
        return usage_error("no IMAGE given");
    }
    if (options->out && options->count > 1) {
        return usage_error("-o takes a single IMAGE");
    }
    if (options->svg && options->count > 1) {
        return usage_error("--svg takes a single IMAGE");
    }
    return true;
}
