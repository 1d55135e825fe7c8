/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * What a kernel may have where it stands.
 */
#define _XOPEN_SOURCE 700

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "allow.h"
#include "text.h"

#define BLANKS " \t\r\n"

static bool read_line(struct allowances *allowances, const char *file, unsigned number,
                      char *text) {
    char *rest = text;
    text[strcspn(text, "#")] = 0;
    const char *function = strtok_r(text, BLANKS, &rest), *word;
    unsigned words = 0;
    while (function && (word = strtok_r(NULL, BLANKS, &rest))) {
        struct allowance *list =
            grow(allowances->list, allowances->count + 1, sizeof(struct allowance));
        list[allowances->count++] = (struct allowance){file, number, function, word, false};
        allowances->list = list;
        words++;
    }
    if (function && words == 0) {
        complain(file, "line %u: %s without an instruction; * allows all", number, function);
        return false;
    }
    return true;
}

bool read_allowances(const char *file, struct allowances *allowances) {
    FILE *in = fopen(file, "r");
    char *text = NULL;
    size_t room = 0;
    bool is_good = true;
    if (!in) {
        complain(file, "%s", strerror(errno));
        return false;
    }
    for (unsigned number = 1; is_good && getline(&text, &room, in) >= 0; number++) {
        is_good = read_line(allowances, file, number, text);
        text = NULL; /* the list points into it */
        room = 0;
    }
    if (ferror(in)) {
        complain(file, "%s", strerror(errno));
        is_good = false;
    }
    free(text);
    fclose(in);
    return is_good;
}

bool is_allowed(struct allowances *allowances, const char *function, const char *instruction) {
    bool result = false;
    for (unsigned i = 0; i < allowances->count; i++) {
        struct allowance *a = &allowances->list[i];
        if (fnmatch(a->function, function, 0) == 0 &&
            fnmatch(a->instruction, instruction, 0) == 0) {
            a->is_used = true;
            result = true;
        }
    }
    return result;
}
