/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * What there is to say about a file.
 */
#define _XOPEN_SOURCE 700 /* strdup() */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image.h"
#include "report.h"
#include "text.h"

_Noreturn void out_of_memory(void) {
    fprintf(stderr, "%s: out of memory\n", program_name);
    exit(1);
}

void look_at(struct report *report, const struct image *image) {
    bool alone = image && image->number == 1 && is_last(image);

    report->base = report->origin + (image ? image->base : 0);
    report->number = image && !alone ? image->number : 0;
    report->unreached = image && image->hidden;
}

__attribute__((format(printf, 4, 0))) static struct finding *
add(struct report *report, enum severity severity, uint32_t at, const char *format, va_list args) {
    struct finding *list = realloc(report->list, (report->total + 1) * sizeof(*list));
    struct finding *finding;
    char text[320];

    if (!list) {
        out_of_memory();
    }
    report->list = list;
    finding = &list[report->total++];
    vsnprintf(text, sizeof(text), format, args);
    memset(finding, 0, sizeof(*finding));
    finding->severity = severity;
    finding->at = at == NOWHERE ? NOWHERE : report->base + at;
    finding->number = report->number;
    finding->base = report->base;
    finding->text = strdup(text);
    if (!finding->text) {
        out_of_memory();
    }
    report->count += severity == PROBLEM;
    report->warnings += severity == WARNING;
    report->changes += severity == CHANGE;
    return finding;
}

__attribute__((format(printf, 4, 5))) void problem(struct report *report, uint32_t at,
                                                   const char *code, const char *format, ...) {
    enum severity severity = report->unreached && !report->strict ? WARNING : PROBLEM;
    va_list args;

    va_start(args, format);
    add(report, severity, at, format, args)->code = code;
    va_end(args);
}

__attribute__((format(printf, 4, 5))) void warning(struct report *report, uint32_t at,
                                                   const char *code, const char *format, ...) {
    va_list args;

    va_start(args, format);
    add(report, report->strict ? PROBLEM : WARNING, at, format, args)->code = code;
    va_end(args);
}

__attribute__((format(printf, 5, 6))) void doubt(const struct image *image, struct report *report,
                                                 uint32_t at, const char *code, const char *format,
                                                 ...) {
    bool bad = (is_vmi(image) && !report->unreached) || report->strict;
    va_list args;

    va_start(args, format);
    add(report, bad ? PROBLEM : WARNING, at, format, args)->code = code;
    va_end(args);
}

void check_zero(const struct image *image, struct report *report, uint32_t at, uint32_t size,
                const char *name) {
    uint32_t value = size == 1 ? get8(image, at) : get32(image, at);

    if (value != 0) {
        problem(report, at, "reserved", "%s is 0x%02X, must be 0", name, value);
    }
}

__attribute__((format(printf, 4, 5))) void changed(struct report *report, uint32_t at,
                                                   uint32_t length, const char *format, ...) {
    va_list args;

    va_start(args, format);
    add(report, CHANGE, at, format, args)->length = length;
    va_end(args);
}

void print_report(const struct report *report, const char *name, bool with_warnings) {
    for (size_t i = 0; i < report->total; i++) {
        const struct finding *f = &report->list[i];

        if (f->severity == CHANGE || (f->severity == WARNING && !with_warnings)) {
            continue;
        }
        print_name(name);
        if (f->at != NOWHERE) {
            fprintf(stderr, "at 0x%02X: ", f->at);
        }
        if (f->number != 0) {
            fprintf(stderr, "image %u: ", f->number);
        }
        fprintf(stderr, "%s%s\n", f->severity == WARNING ? "warning: " : "", f->text);
    }
}

static bool is_told_of(const struct finding *finding) {
    return finding->severity == CHANGE && finding->text[0] != '\0';
}

static bool is_about_same(const struct finding *a, const struct finding *b) {
    return a->number == b->number && a->base == b->base;
}

/* The line of the image that list[first] is about, if that is the first change of it. */
static void print_line(const struct report *report, size_t first, const char *name) {
    const struct finding *f = &report->list[first];

    for (size_t i = 0; i < first; i++) {
        if (is_told_of(&report->list[i]) && is_about_same(&report->list[i], f)) {
            return;
        }
    }
    print_text(stderr, name);
    fputs(": ", stderr);
    if (f->number != 0) {
        fprintf(stderr, "image %u at 0x%02X: ", f->number, f->base);
    }
    fputs(f->text, stderr);
    for (size_t i = first + 1; i < report->total; i++) {
        if (is_told_of(&report->list[i]) && is_about_same(&report->list[i], f)) {
            fprintf(stderr, ", %s", report->list[i].text);
        }
    }
    putc('\n', stderr);
}

void print_changes(const struct report *report, const char *name) {
    for (size_t i = 0; i < report->total; i++) {
        if (is_told_of(&report->list[i])) {
            print_line(report, i, name);
        }
    }
}

void clear_report(struct report *report) {
    for (size_t i = 0; i < report->total; i++) {
        free(report->list[i].text);
    }
    free(report->list);
    report->list = NULL;
    report->total = report->count = report->warnings = report->changes = 0;
}
