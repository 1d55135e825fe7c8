/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * Reading an ELF file for i386: the header, the section table, the symbol table.
 */
#include <elf.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel.h"
#include "text.h"

#define FILE_MAX    (1u << 30)
#define EHDR(field) ((uint32_t)offsetof(Elf32_Ehdr, field))
#define SHDR(field) ((uint32_t)offsetof(Elf32_Shdr, field))
#define SYM(field)  ((uint32_t)offsetof(Elf32_Sym, field))

static uint32_t get16(const struct elf *elf, uint32_t offset) {
    return elf->bytes[offset] | (uint32_t)elf->bytes[offset + 1] << 8;
}

uint32_t get32(const struct elf *elf, uint32_t offset) {
    return get16(elf, offset) | get16(elf, offset + 2) << 16;
}

/* --- the file --- */

static bool read_file(struct elf *elf) {
    FILE *file = fopen(elf->name, "rb");
    size_t room = 0, got = 0;
    if (!file) {
        complain(elf->name, "%s", strerror(errno));
        return false;
    }
    do {
        elf->size += (uint32_t)got;
        if (elf->size == room) {
            room = room ? 2 * room : 1u << 16;
            elf->bytes = grow(elf->bytes, room, 1);
        }
        got = fread(elf->bytes + elf->size, 1, room - elf->size, file);
    } while (got > 0 && elf->size < FILE_MAX);
    int error = ferror(file) ? errno : 0;
    fclose(file);
    if (error) {
        complain(elf->name, "%s", strerror(error));
        return false;
    }
    if (got > 0) {
        complain(elf->name, "larger than 1 GiB");
        return false;
    }
    return true;
}

static bool holds(const struct elf *elf, uint32_t offset, uint32_t size) {
    return offset <= elf->size && size <= elf->size - offset;
}

/* --- the header --- */

static bool check_header(const struct elf *elf) {
    if (elf->size < sizeof(Elf32_Ehdr) || memcmp(elf->bytes, ELFMAG, SELFMAG) != 0) {
        complain(elf->name, "at 0x0: no ELF file");
        return false;
    }
    if (elf->bytes[EI_CLASS] != ELFCLASS32) {
        complain(elf->name, "at 0x%X: class %u, not 1: VMI is for 32-bit kernels", EI_CLASS,
                 elf->bytes[EI_CLASS]);
        return false;
    }
    if (elf->bytes[EI_DATA] != ELFDATA2LSB) {
        complain(elf->name, "at 0x%X: byte order %u, not 1", EI_DATA, elf->bytes[EI_DATA]);
        return false;
    }
    if (get16(elf, EHDR(e_machine)) != EM_386) {
        complain(elf->name, "at 0x%X: machine %u, not 3 (i386)", EHDR(e_machine),
                 get16(elf, EHDR(e_machine)));
        return false;
    }
    uint32_t type = get16(elf, EHDR(e_type));
    if (type != ET_EXEC && type != ET_DYN) {
        complain(elf->name, "at 0x%X: type %u: not linked", EHDR(e_type), type);
        return false;
    }
    return true;
}

/* --- sections --- */

static const char *string_at(const struct elf *elf, uint32_t table, uint32_t offset,
                             uint32_t said_at) {
    const struct section *s = &elf->sections[table];
    if (offset < s->size &&
        memchr(elf->bytes + s->offset + offset, 0, (size_t)(s->size - offset))) {
        return (const char *)elf->bytes + s->offset + offset;
    }
    complain(elf->name, "at 0x%X: name 0x%X does not end in its table of %u bytes", said_at, offset,
             s->size);
    return NULL;
}

static bool read_sections(struct elf *elf) {
    uint32_t table = get32(elf, EHDR(e_shoff)), n = get16(elf, EHDR(e_shnum));
    uint32_t names = get16(elf, EHDR(e_shstrndx));
    if (table == 0 || !holds(elf, table, sizeof(Elf32_Shdr))) {
        complain(elf->name, "at 0x%X: no section table", EHDR(e_shoff));
        return false;
    }
    n = n ? n : get32(elf, table + SHDR(sh_size)); /* of many sections */
    names = names == SHN_XINDEX ? get32(elf, table + SHDR(sh_link)) : names;
    if (get16(elf, EHDR(e_shentsize)) != sizeof(Elf32_Shdr)) {
        complain(elf->name, "at 0x%X: sections of %u bytes, not %zu", EHDR(e_shentsize),
                 get16(elf, EHDR(e_shentsize)), sizeof(Elf32_Shdr));
        return false;
    }
    if (n > (elf->size - table) / sizeof(Elf32_Shdr)) {
        complain(elf->name, "at 0x%X: %u sections do not fit in the file", EHDR(e_shnum), n);
        return false;
    }
    elf->n_sections = n;
    elf->sections = grow(NULL, n + 1, sizeof(struct section));
    memset(elf->sections, 0, (n + 1) * sizeof(struct section));
    for (uint32_t i = 0; i < n; i++) {
        uint32_t at = table + i * (uint32_t)sizeof(Elf32_Shdr), type, flags;
        struct section *s = &elf->sections[i];
        type = get32(elf, at + SHDR(sh_type));
        flags = get32(elf, at + SHDR(sh_flags));
        if (type == SHT_NULL || type == SHT_NOBITS) {
            continue;
        }
        s->address = get32(elf, at + SHDR(sh_addr));
        s->offset = get32(elf, at + SHDR(sh_offset));
        s->size = get32(elf, at + SHDR(sh_size));
        s->is_data = flags & SHF_ALLOC;
        s->is_code = s->is_data && flags & SHF_EXECINSTR;
        if (!holds(elf, s->offset, s->size)) {
            complain(elf->name, "at 0x%X: section %u, 0x%X bytes from 0x%X, ends behind the file",
                     at, i, s->size, s->offset);
            return false;
        }
        if (s->is_data && s->size > UINT32_MAX - s->address) {
            complain(elf->name, "at 0x%X: section %u, 0x%X bytes from address 0x%X, passes 4 GiB",
                     at, i, s->size, s->address);
            return false;
        }
    }
    if (names >= n) {
        complain(elf->name, "at 0x%X: the sections' names are in section %u of %u",
                 EHDR(e_shstrndx), names, n);
        return false;
    }
    for (uint32_t i = 0; i < n; i++) {
        uint32_t at = table + i * (uint32_t)sizeof(Elf32_Shdr);
        elf->sections[i].name = string_at(elf, names, get32(elf, at + SHDR(sh_name)), at);
        if (!elf->sections[i].name) {
            return false;
        }
    }
    return true;
}

/* --- symbols --- */

static int by_place(const void *one, const void *other) {
    const struct symbol *a = one, *b = other;
    if (a->section != b->section) {
        return a->section < b->section ? -1 : 1;
    }
    if (a->address != b->address) {
        return a->address < b->address ? -1 : 1;
    }
    return a->kind != b->kind ? (int)a->kind - (int)b->kind : strcmp(a->name, b->name);
}

static bool is_of_kit_ld(const char *name) {
    return strncmp(name, "vmi_annotations", 15) == 0 || strncmp(name, "vmi_translations", 16) == 0;
}

static bool read_symbol(struct elf *elf, uint32_t at, uint32_t strings) {
    uint32_t section = get16(elf, at + SYM(st_shndx));
    uint32_t type = ELF32_ST_TYPE(elf->bytes[at + SYM(st_info)]);
    struct symbol *symbol = &elf->symbols[elf->n_symbols];
    if (section == SHN_UNDEF || (section >= elf->n_sections && section != SHN_ABS) ||
        type == STT_SECTION || type == STT_FILE) {
        return true;
    }
    symbol->name = string_at(elf, strings, get32(elf, at + SYM(st_name)), at);
    symbol->address = get32(elf, at + SYM(st_value));
    symbol->size = get32(elf, at + SYM(st_size));
    symbol->section = section;
    if (!symbol->name) {
        return false;
    }
    symbol->kind = type == STT_FUNC             ? SYMBOL_FUNCTION
                   : type == STT_OBJECT         ? SYMBOL_OBJECT
                   : is_of_kit_ld(symbol->name) ? SYMBOL_OF_KIT_LD
                                                : SYMBOL_LABEL;
    elf->n_symbols += *symbol->name != 0;
    return true;
}

/* A kernel without symbols is one without functions and sites. */
static bool read_symbols(struct elf *elf) {
    uint32_t table = get32(elf, EHDR(e_shoff));
    for (uint32_t i = 0; i < elf->n_sections; i++) {
        uint32_t at = table + i * (uint32_t)sizeof(Elf32_Shdr);
        uint32_t strings = get32(elf, at + SHDR(sh_link));
        const struct section *s = &elf->sections[i];
        if (get32(elf, at + SHDR(sh_type)) != SHT_SYMTAB) {
            continue;
        }
        if (strings >= elf->n_sections) {
            complain(elf->name, "at 0x%X: the symbols' names are in section %u of %u", at, strings,
                     elf->n_sections);
            return false;
        }
        uint32_t n = s->size / (uint32_t)sizeof(Elf32_Sym);
        elf->symbols = grow(elf->symbols, elf->n_symbols + n + 1, sizeof(struct symbol));
        for (uint32_t j = 0; j < n; j++) {
            if (!read_symbol(elf, s->offset + j * (uint32_t)sizeof(Elf32_Sym), strings)) {
                return false;
            }
        }
    }
    if (elf->n_symbols) {
        qsort(elf->symbols, elf->n_symbols, sizeof(struct symbol), by_place);
    }
    return true;
}

bool read_elf(const char *name, struct elf *elf) {
    memset(elf, 0, sizeof(*elf));
    elf->name = name;
    return read_file(elf) && check_header(elf) && read_sections(elf) && read_symbols(elf);
}

/* --- looking --- */

static bool covers(const struct section *s, uint32_t address, uint32_t size) {
    return address >= s->address && address - s->address <= s->size &&
           size <= s->size - (address - s->address);
}

bool offset_of(const struct elf *elf, uint32_t address, uint32_t size, uint32_t *offset) {
    for (uint32_t i = 0; i < elf->n_sections; i++) {
        const struct section *s = &elf->sections[i];
        if (s->is_data && covers(s, address, size)) {
            *offset = s->offset + (address - s->address);
            return true;
        }
    }
    return false;
}

const struct section *code_at(const struct elf *elf, uint32_t address, uint32_t size) {
    for (uint32_t i = 0; i < elf->n_sections; i++) {
        const struct section *s = &elf->sections[i];
        if (s->is_code && covers(s, address, size)) {
            return s;
        }
    }
    return NULL;
}

const struct section *section_named(const struct elf *elf, const char *name) {
    for (uint32_t i = 0; i < elf->n_sections; i++) {
        if (elf->sections[i].is_data && strcmp(elf->sections[i].name, name) == 0) {
            return &elf->sections[i];
        }
    }
    return NULL;
}

const struct symbol *symbol_named(const struct elf *elf, const char *name) {
    for (uint32_t i = 0; i < elf->n_symbols; i++) {
        if (strcmp(elf->symbols[i].name, name) == 0) {
            return &elf->symbols[i];
        }
    }
    return NULL;
}
