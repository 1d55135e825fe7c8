/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * Where code comes from, by libdw. The rows of all units are put in order here: clang writes no
 * table of address ranges, which libdw's own search wants.
 */
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lines.h"
#include "text.h"

struct row {
    uint32_t address;
    bool is_end; /* of a sequence: no code from here on */
    uint32_t order;
    const char *file;
    int line;
    Dwarf_Off unit;
};

struct lines {
    Dwarf *dwarf;
    struct row *rows;
    size_t count, room;
};

static int by_address(const void *one, const void *other) {
    const struct row *a = one, *b = other;
    if (a->address != b->address) {
        return a->address < b->address ? -1 : 1;
    }
    if (a->is_end != b->is_end) {
        return a->is_end ? -1 : 1; /* another sequence begins where this one ends */
    }
    return a->order < b->order ? -1 : a->order > b->order;
}

static void add_row(struct lines *lines, Dwarf_Line *line, Dwarf_Off unit) {
    Dwarf_Addr address = 0;
    struct row row = {0};
    if (dwarf_lineaddr(line, &address) != 0 || dwarf_lineendsequence(line, &row.is_end) != 0 ||
        dwarf_lineno(line, &row.line) != 0 || address > UINT32_MAX) {
        return;
    }
    row.address = (uint32_t)address;
    row.file = dwarf_linesrc(line, NULL, NULL);
    row.order = (uint32_t)lines->count;
    row.unit = unit;
    if (lines->count == lines->room) {
        lines->room = lines->room ? 2 * lines->room : 1024;
        lines->rows = grow(lines->rows, lines->room, sizeof(struct row));
    }
    lines->rows[lines->count++] = row;
}

struct lines *read_lines(const struct elf *elf) {
    Dwarf_Off offset = 0, next, header;
    size_t header_size = 0;
    if (elf_version(EV_CURRENT) == EV_NONE) {
        return NULL;
    }
    Elf *handle = elf_memory((char *)elf->bytes, elf->size);
    Dwarf *dwarf = handle ? dwarf_begin_elf(handle, DWARF_C_READ, NULL) : NULL;
    if (!dwarf) {
        return NULL;
    }
    struct lines *lines = grow(NULL, 1, sizeof(*lines));
    memset(lines, 0, sizeof(*lines));
    lines->dwarf = dwarf;
    while (dwarf_nextcu(dwarf, offset, &next, &header_size, NULL, NULL, NULL) == 0) {
        Dwarf_Die die;
        Dwarf_Lines *of_unit;
        size_t n;
        header = offset + header_size;
        offset = next;
        if (!dwarf_offdie(dwarf, header, &die) || dwarf_getsrclines(&die, &of_unit, &n) != 0) {
            continue;
        }
        for (size_t i = 0; i < n; i++) {
            add_row(lines, dwarf_onesrcline(of_unit, i), header);
        }
    }
    if (lines->count) {
        qsort(lines->rows, lines->count, sizeof(struct row), by_address);
    }
    return lines;
}

/* A path below the current folder is shown as one from there. */
static const char *shortened(const char *file) {
    static char folder[4096];
    if (!folder[0] && !getcwd(folder, sizeof(folder))) {
        folder[0] = '\n'; /* no path begins with it */
    }
    size_t length = strlen(folder);
    bool is_below = file && strncmp(file, folder, length) == 0 && file[length] == '/';
    file = is_below ? file + length + 1 : file;
    const char *twice = file ? strstr(file, "//") : NULL; /* NASM repeats the folder */
    bool is_twice = twice && strncmp(file, twice + 2, (size_t)(twice - file)) == 0;
    return is_twice ? twice + 2 : file;
}

/* The first answer goes on where the innermost function stands in the source, the second with what
 * it is inlined in. */
static void find_inlined(const struct lines *lines, Dwarf_Off unit, uint32_t address,
                         struct place *place) {
    Dwarf_Die die, *at = NULL, *scopes = NULL;
    if (!dwarf_offdie(lines->dwarf, unit, &die)) {
        return;
    }
    int n = dwarf_getscopes(&die, address, &at) > 0 ? dwarf_getscopes_die(at, &scopes) : 0;
    for (int i = 0; i < n && place->n_inlined < INLINED_MAX; i++) {
        const char *name = dwarf_diename(&scopes[i]);
        if (dwarf_tag(&scopes[i]) == DW_TAG_inlined_subroutine && name) {
            place->inlined[place->n_inlined++] = name;
        }
    }
    free(at);
    free(scopes);
}

void find_place(const struct lines *lines, uint32_t address, struct place *place) {
    size_t low = 0, high = lines ? lines->count : 0;
    memset(place, 0, sizeof(*place));
    while (low < high) { /* the first row behind the address */
        size_t middle = low + (high - low) / 2;
        if (lines->rows[middle].address <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == 0 || lines->rows[low - 1].is_end) {
        return;
    }
    const struct row *row = &lines->rows[low - 1];
    place->file = shortened(row->file);
    place->line = row->line;
    find_inlined(lines, row->unit, address, place);
}
