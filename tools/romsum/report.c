/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * The list of problems that a check finds.
 */
#define _XOPEN_SOURCE 700 /* strdup() */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image.h"
#include "report.h"

_Noreturn void out_of_memory(void) {
    fputs("romsum: out of memory\n", stderr);
    exit(1);
}

void look_at(struct report *report, const struct image *image) {
    bool alone = image && image->number == 1 && !image->more;

    report->base = image ? image->base : 0;
    report->number = image && !alone ? image->number : 0;
}

__attribute__((format(printf, 3, 4))) void problem(struct report *report, uint32_t at,
                                                   const char *format, ...) {
    struct problem *list = realloc(report->list, (report->count + 1) * sizeof(*list));
    char text[256];
    va_list args;

    if (!list)
        out_of_memory();
    report->list = list;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    list[report->count].at = at == NOWHERE ? NOWHERE : report->base + at;
    list[report->count].number = report->number;
    list[report->count].shown = false;
    list[report->count].text = strdup(text);
    if (!list[report->count].text)
        out_of_memory();
    report->count++;
}

void print_report(const struct report *report, const char *name) {
    for (size_t i = 0; i < report->count; i++) {
        const struct problem *p = &report->list[i];

        fprintf(stderr, "romsum: %s: ", name);
        if (p->at != NOWHERE)
            fprintf(stderr, "at 0x%02X: ", p->at);
        if (p->number != 0)
            fprintf(stderr, "image %u: ", p->number);
        fprintf(stderr, "%s\n", p->text);
    }
}

void clear_report(struct report *report) {
    for (size_t i = 0; i < report->count; i++)
        free(report->list[i].text);
    free(report->list);
    report->list = NULL;
    report->count = 0;
}
