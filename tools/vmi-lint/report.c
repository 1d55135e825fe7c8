/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * What was found, for people and for programs.
 */
#include <inttypes.h>
#include <stdio.h>

#include "report.h"
#include "text.h"

static const char *function_of(const struct finding *finding) {
    return finding->function ? finding->function->name : "";
}

void judge(struct report *report, struct allowances *allowances) {
    uint32_t kept = 0;
    report->allowances = allowances;
    for (uint32_t i = 0; i < report->findings.count; i++) {
        const struct finding *f = &report->findings.list[i];
        struct place place;
        find_place(report->lines, f->address, &place);
        bool fine = is_allowed(allowances, function_of(f), f->instruction.name);
        for (unsigned n = 0; n < place.n_inlined; n++) {
            fine |= is_allowed(allowances, place.inlined[n], f->instruction.name);
        }
        if (!fine) {
            report->findings.list[kept++] = *f;
        }
    }
    report->n_allowed = report->findings.count - kept;
    report->findings.count = kept;
}

unsigned count_unused(const struct report *report) {
    unsigned n = 0;
    for (unsigned i = 0; i < report->allowances->count; i++) {
        n += !report->allowances->list[i].is_used;
    }
    return n;
}

/* FILE:LINE: FUNCTION: INSTRUCTION: what to use */
static void print_finding(const struct report *report, const struct finding *finding) {
    struct place place;
    find_place(report->lines, finding->address, &place);
    if (place.file) {
        print_text(stdout, place.file);
        printf(":%d: ", place.line);
    } else {
        print_text(stdout, report->elf->name);
        printf(": ");
    }
    for (unsigned n = 0; n < place.n_inlined; n++) {
        print_text(stdout, place.inlined[n]);
        printf(" in ");
    }
    print_text(stdout, finding->function ? function_of(finding) : "no function");
    printf(" (0x%" PRIX32 "): %s: %s\n", finding->address, finding->instruction.name,
           finding->instruction.use);
}

static const char *plural(uint32_t n) {
    return n == 1 ? "" : "s";
}

void print_report(const struct report *report) {
    uint32_t found = report->findings.count;
    for (uint32_t i = 0; i < found; i++) {
        print_finding(report, &report->findings.list[i]);
    }
    print_text(stdout, report->elf->name);
    printf(": %" PRIu32 " site%s, %" PRIu32 " sensitive instruction%s outside of them, %" PRIu32
           " more allowed\n",
           report->sites->count, plural(report->sites->count), found, plural(found),
           report->n_allowed);
    for (unsigned i = 0; i < report->allowances->count; i++) {
        const struct allowance *a = &report->allowances->list[i];
        if (!a->is_used) {
            fflush(stdout);
            complain(a->file, "line %u: warning: %s %s allows nothing", a->line, a->function,
                     a->instruction);
        }
    }
}

static void print_json_finding(const struct report *report, const struct finding *finding) {
    struct place place;
    find_place(report->lines, finding->address, &place);
    printf("    {\"address\": %" PRIu32 ", \"function\": ", finding->address);
    if (finding->function) {
        print_json_text(stdout, function_of(finding));
        printf(", \"offset\": %" PRIu32, finding->address - finding->function->address);
    } else {
        printf("null, \"offset\": null");
    }
    printf(", \"inlined\": [");
    for (unsigned n = 0; n < place.n_inlined; n++) {
        printf("%s", n ? ", " : "");
        print_json_text(stdout, place.inlined[n]);
    }
    printf("], \"file\": ");
    if (place.file) {
        print_json_text(stdout, place.file);
        printf(", \"line\": %d", place.line);
    } else {
        printf("null, \"line\": null");
    }
    printf(", \"instruction\": ");
    print_json_text(stdout, finding->instruction.name);
    printf(", \"call\": ");
    if (finding->instruction.call) {
        print_json_text(stdout, finding->instruction.call);
    } else {
        printf("null");
    }
    printf(", \"use\": ");
    print_json_text(stdout, finding->instruction.use);
    printf("}");
}

void print_json(const struct report *report) {
    const char *between = "";
    printf("{\n  \"file\": ");
    print_json_text(stdout, report->elf->name);
    printf(",\n  \"sites\": %" PRIu32 ",\n  \"allowed\": %" PRIu32 ",\n  \"findings\": [",
           report->sites->count, report->n_allowed);
    for (uint32_t i = 0; i < report->findings.count; i++) {
        printf("%s\n", i ? "," : "");
        print_json_finding(report, &report->findings.list[i]);
    }
    printf("\n  ],\n  \"unused\": [");
    for (unsigned i = 0; i < report->allowances->count; i++) {
        const struct allowance *a = &report->allowances->list[i];
        if (a->is_used) {
            continue;
        }
        printf("%s\n    {\"file\": ", between);
        between = ",";
        print_json_text(stdout, a->file);
        printf(", \"line\": %u, \"function\": ", a->line);
        print_json_text(stdout, a->function);
        printf(", \"instruction\": ");
        print_json_text(stdout, a->instruction);
        printf("}");
    }
    printf("\n  ]\n}\n");
}
