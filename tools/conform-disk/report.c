/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* What is said: all of it on port E9h and COM1, what a person needs on the screen. */
#include "conform.h"
#include "lint_calls.h"
#include "vmi/version.h"

enum { PLAIN = 0x07, TITLE = 0x1F, GOOD = 0x2F, BAD = 0x4F, NOTED = 0x1F };
enum {
    ROW_PROCESSOR = 1,
    ROW_IMAGES = 2,
    ROW_PROGRESS = 6,
    ROW_HINT = 7,
    ROW_FAILURES = 9,
    LAST_FAILURE = 19,
    ROW_UNTESTED = 21,
    ROW_VERDICT = 24
};

static char line[GUEST_COLUMNS + 1];

static __attribute__((format(printf, 3, 4))) void put(uint32_t row, uint8_t attribute,
                                                      const char *format, ...) {
    va_list args;
    va_start(args, format);
    guest_vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    guest_screen_put(row, 0, attribute, line, GUEST_COLUMNS);
}

/* The instruction that a call stands for, or "". */
static const char *instruction_of(const char *call) {
    for (uint32_t i = 0; i < sizeof(lint_calls) / sizeof(lint_calls[0]); i++) {
        if (!strcmp(lint_calls[i].call, call)) {
            return lint_calls[i].instruction;
        }
    }
    return "";
}

static const char *image_name(uint32_t image) {
    static char text[16];
    if (image == IMAGE_NATIVE) {
        return "native";
    }
    guest_snprintf(text, sizeof(text), "API %u.%u", results()->images[image].major,
                   results()->images[image].minor);
    return text;
}

static void describe_processor(char *text, size_t size) {
    uint32_t regs[4];
    char vendor[13] = "";
    if (!guest_has_cpuid) {
        guest_snprintf(text, size, "processor without CPUID");
        return;
    }
    native_cpuid(0, 0, regs);
    memcpy(vendor, &regs[1], 4);
    memcpy(vendor + 4, &regs[3], 4);
    memcpy(vendor + 8, &regs[2], 4);
    native_cpuid(1, 0, regs);
    guest_snprintf(text, size, "processor %s %08X, features %08X%s%s%s%s%s", vendor, regs[0],
                   regs[3], regs[3] & CPU_APIC ? "" : ", no APIC",
                   regs[3] & CPU_PAE ? "" : ", no PAE", regs[3] & CPU_PSE ? "" : ", no PSE",
                   regs[3] & CPU_TSC ? "" : ", no TSC", regs[3] & CPU_SEP ? "" : ", no SYSENTER");
}

void report_start(void) {
    char text[GUEST_COLUMNS + 1];
    uint32_t row = ROW_IMAGES;
    guest_screen_clear(PLAIN);
    put(0, TITLE, " vmirom %s conformance disk", VMI_VERSION);
    guest_printf("# vmirom %s conformance disk\n", VMI_VERSION);
    describe_processor(text, sizeof(text));
    put(ROW_PROCESSOR, PLAIN, " %s", text);
    guest_printf("# %s\n", text);
    for (uint32_t i = 0; i < IMAGES; i++) {
        const struct image *image = &results()->images[i];
        if (image->state == ABSENT) {
            continue;
        }
        if (i == IMAGE_NATIVE) {
            guest_snprintf(text, sizeof(text),
                           "no usable VMI ROM: the native instructions are tested");
        } else {
            guest_snprintf(text, sizeof(text), "VMI ROM of API %u.%u at %05Xh, %u bytes%s%s",
                           image->major, image->minor, image->physical, image->size,
                           image->why ? ": " : "", image->why ? image->why : "");
        }
        put(row++, PLAIN, " %s", text);
        guest_printf("# %s\n", text);
    }
    put(ROW_HINT, PLAIN,
        " Where this stays for a minute, the test hangs: reset the machine, and the disk goes on.");
}

void report_progress(const struct test *t, uint32_t number, uint32_t of) {
    put(ROW_PROGRESS, PLAIN, " %s, test %u of %u: %s", image_name(results()->at), number, of,
        t->name);
}

static void put_failure(uint32_t row, const struct failure *f) {
    const char *instruction = instruction_of(f->name);
    put(row, PLAIN, " %s %s%s%s%s: %s",
        f->image == IMAGE_NATIVE || f->is_machines ? "machine:" : "ROM:", f->name,
        *instruction ? " (" : "", instruction, *instruction ? ")" : "", f->text);
}

void report_failure(const struct failure *f) {
    uint32_t row = ROW_FAILURES + (uint32_t)(f - results()->failure);
    if (row <= LAST_FAILURE) {
        put_failure(row, f);
    }
}

/* ---- The end ---- */

struct totals {
    uint32_t right, wrong, untested, unanswered;
};

static struct totals count(const struct image *image) {
    struct totals t = {0, 0, 0, 0};
    for (uint32_t call = 0; call < VMI_CALL_SLOTS; call++) {
        if (image->name[call]) {
            t.right += image->call[call] == RIGHT;
            t.wrong += image->call[call] == WRONG;
            t.untested += image->call[call] == NOT_TESTED;
            t.unanswered += image->call[call] == NOT_ANSWERED;
        }
    }
    return t;
}

static void print_calls(uint32_t at) {
    static const char *const words[] = {"not tested", "right", "WRONG", "the ROM answers NONE"};
    const struct image *image = &results()->images[at];
    for (uint32_t call = 0; call < VMI_CALL_SLOTS; call++) {
        if (!image->name[call] || image->state != PRESENT) {
            continue;
        }
        const char *instruction = instruction_of(image->name[call]);
        int is_untested = image->call[call] == NOT_TESTED;
        guest_printf("call %s, slot %u: %s%s%s%s: %s%s%s\n", image_name(at), call,
                     image->name[call], *instruction ? " (" : "", instruction,
                     *instruction ? ")" : "", words[image->call[call]], is_untested ? ", " : "",
                     is_untested ? image->reason[call] : "");
    }
}

static void print_failure(const struct failure *f) {
    const char *instruction = instruction_of(f->name);
    const char *whose = f->image == IMAGE_NATIVE ? "the machine"
                        : f->is_machines         ? "the machine: the native instructions fail too"
                        : f->was_checked         ? "the ROM: the native instructions do not fail"
                                                 : "the ROM";
    guest_printf("failure: %s: %s%s%s%s: %s [%s] (%s)\n", image_name(f->image), f->name,
                 *instruction ? " (" : "", instruction, *instruction ? ")" : "", f->text,
                 f->test->name, whose);
    if (f->image == IMAGE_NATIVE && f->call) {
        const uint8_t *code = conform_native_13 + VMI_CALL_OFFSET(f->call);
        guest_printf("#   code:");
        for (uint32_t i = 0; i < VMI_CALL_SIZE; i++) {
            guest_printf(" %02x", code[i]);
        }
        guest_printf("\n");
    }
}

/* The names, over two rows of the screen; the reasons are on the other outputs. */
static void put_untested(void) {
    static char text[2 * GUEST_COLUMNS + 1];
    size_t used = 0;
    for (uint32_t i = 0; i < IMAGES; i++) {
        const struct image *image = &results()->images[i];
        for (uint32_t call = 0; image->state == PRESENT && call < VMI_CALL_SLOTS; call++) {
            if (image->name[call] && image->call[call] == NOT_TESTED) {
                used += (size_t)guest_snprintf(text + used, sizeof(text) - used, "%s%s",
                                               used ? ", " : " Not tested: ", image->name[call]);
            }
        }
    }
    put(ROW_UNTESTED, PLAIN, "%s", text);
    put(ROW_UNTESTED + 1, PLAIN, "%s", used > GUEST_COLUMNS ? text + GUEST_COLUMNS : "");
}

static enum conform_code judge(void) {
    const struct results *r = results();
    enum conform_code code =
        r->images[IMAGE_NATIVE].state == PRESENT ? CODE_NATIVE_RIGHT : CODE_ROM_RIGHT;
    for (uint32_t i = 0; i < r->failures; i++) {
        if (r->failure[i].is_machines && code < CODE_ROM_WRONG) {
            code = CODE_MACHINE_WRONG;
        } else if (!r->failure[i].is_machines && r->images[r->failure[i].image].state != REFUSED) {
            code = CODE_ROM_WRONG;
        }
    }
    for (uint32_t i = 0; i < IMAGES; i++) {
        if (r->images[i].state == UNUSABLE) {
            code = CODE_ROM_WRONG;
        }
        if (r->images[i].state == REFUSED && code != CODE_ROM_WRONG) {
            code = CODE_ROM_REFUSED;
        }
    }
    return code;
}

static const char *code_text(enum conform_code code) {
    switch (code) {
    case CODE_ROM_RIGHT:
        return "PASS: the ROM does what was tested";
    case CODE_NATIVE_RIGHT:
        return "PASS: there is no usable ROM, and the native instructions do what was tested";
    case CODE_ROM_WRONG:
        return "FAIL: the ROM";
    case CODE_MACHINE_WRONG:
        return "FAIL: the machine, whose native instructions fail";
    default:
        return "FAIL: the ROM's Init refuses";
    }
}

enum conform_code report_end(void) {
    const struct results *r = results();
    enum conform_code code = judge();
    uint32_t row = ROW_IMAGES + 3;
    put(ROW_PROGRESS, PLAIN, "%s", "");
    put(ROW_HINT, PLAIN, "%s", "");
    for (uint32_t i = 0; i < IMAGES; i++) {
        print_calls(i);
    }
    for (uint32_t i = 0; i < r->failures; i++) {
        print_failure(&r->failure[i]);
        if (ROW_FAILURES + i <= LAST_FAILURE) {
            put_failure(ROW_FAILURES + i, &r->failure[i]);
        }
    }
    if (ROW_FAILURES + r->failures + r->lost_failures > LAST_FAILURE + 1) {
        put(LAST_FAILURE + 1, PLAIN, " ... %u more: on the serial line and port E9h",
            ROW_FAILURES + r->failures + r->lost_failures - LAST_FAILURE - 1);
    }
    for (uint32_t i = 0; i < IMAGES; i++) {
        const struct image *image = &r->images[i];
        struct totals t = count(image);
        char text[GUEST_COLUMNS + 1];
        if (image->state != PRESENT || !(t.right + t.wrong)) {
            continue;
        }
        char unanswered[24] = "";
        if (t.unanswered) {
            guest_snprintf(unanswered, sizeof(unanswered), ", %u answered NONE", t.unanswered);
        }
        guest_snprintf(text, sizeof(text), "%s: %u calls, %u right, %u wrong, %u not tested%s",
                       image_name(i), t.right + t.wrong + t.untested + t.unanswered, t.right,
                       t.wrong, t.untested, unanswered);
        put(row++, t.wrong ? BAD : NOTED, " %s", text);
        guest_printf("conform: %s\n", text);
    }
    put_untested();
    put(ROW_VERDICT, code < CODE_ROM_WRONG ? GOOD : BAD, " %s. Code %u", code_text(code), code);
    guest_printf("conform: result: %s, code %u\n", code_text(code), code);
    return code;
}
