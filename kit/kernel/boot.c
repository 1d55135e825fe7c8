/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* The kit's functions in the order in which every kernel calls them. */

#include <stddef.h>

#include "vmi/guest.h"

#define LINE_MAX 160

struct line {
    char text[LINE_MAX];
    unsigned size;
};

static void add(struct line *line, const char *text) {
    while (*text && line->size < LINE_MAX - 1) {
        line->text[line->size++] = *text++;
    }
}

static void add_number(struct line *line, uint32_t number, uint32_t base) {
    char digits[12], *at = digits + sizeof(digits) - 1;
    *at = 0;
    do {
        *--at = "0123456789ABCDEF"[number % base];
        number /= base;
    } while (number);
    add(line, at);
}

static void end(struct line *line, VMI_CDECL void (*print)(const char *text)) {
    line->text[line->size] = 0;
    if (print) {
        print(line->text);
    }
    line->size = 0;
}

VMI_CDECL const struct vmi_rom *vmi_boot(struct vmi_linkage *l, const void *first_mib,
                                         struct vmi_rom *roms, unsigned max, unsigned apis,
                                         VMI_CDECL void (*print)(const char *text)) {
    unsigned found = vmi_find(first_mib, roms, max);
    const struct vmi_rom *rom = vmi_start(roms, found, apis);
    struct line line;
    line.size = 0;
    for (unsigned i = 0; i < found; i++) {
        add(&line, "VMI ROM at ");
        add_number(&line, roms[i].physical, 16);
        add(&line, "h, API ");
        add_number(&line, roms[i].major, 10);
        add(&line, ".");
        add_number(&line, roms[i].minor, 10);
        add(&line, ": ");
        add(&line, &roms[i] == rom ? "started" : vmi_verdict_text(roms[i].verdict));
        add(&line, "\n");
        end(&line, print);
    }
    l->first = vmi_annotations;
    l->end = vmi_annotations_end;
    l->translations = vmi_translations;
    l->translations_end = vmi_translations_end;
    int error = vmi_link(l, rom);
    if (error && rom) {
        add(&line, "VMI sites not linked: ");
        add(&line, vmi_link_text(error));
        if (l->bad) {
            add(&line, " (call ");
            add_number(&line, l->bad->call, 10);
            add(&line, ")");
        }
        add(&line, "\n");
        end(&line, print);
        rom = NULL;
        vmi_unlink(l);
    }
    add(&line, "VMI sites: ");
    add_number(&line, l->count[VMI_SITE_NATIVE], 10);
    add(&line, " native, ");
    add_number(&line, l->count[VMI_SITE_INLINED], 10);
    add(&line, " inlined, ");
    add_number(&line, l->count[VMI_SITE_CALLED], 10);
    add(&line, " called\n");
    end(&line, print);
    return rom;
}
