/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * A linked kernel: a 32-bit ELF file for i386 with its sections and symbols. Every access is
 * checked: the file may hold anything.
 */
#ifndef VMI_LINT_KERNEL_H
#define VMI_LINT_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

struct section {
    const char *name;
    uint32_t address, offset, size;
    bool is_code; /* in memory, in the file and executable */
    bool is_data; /* in memory and in the file, code included */
};

/* At one address a later kind says better what is there. */
enum symbol_kind {
    SYMBOL_OF_KIT_LD, /* of data, though without a type */
    SYMBOL_LABEL,
    SYMBOL_OBJECT,
    SYMBOL_FUNCTION
};

struct symbol {
    const char *name;
    uint32_t address, size;
    uint32_t section; /* its number */
    enum symbol_kind kind;
};

struct elf {
    const char *name; /* of the file */
    uint8_t *bytes;
    uint32_t size;
    struct section *sections;
    uint32_t n_sections;
    struct symbol *symbols; /* by section, address and kind */
    uint32_t n_symbols;
};

/* Reads it; says on stderr what is wrong, with the offset in the file. Nothing is freed: the
 * program ends with it. */
bool read_elf(const char *name, struct elf *elf);

/* Where these bytes of memory are in the file; false: not in one section that is there. */
bool offset_of(const struct elf *elf, uint32_t address, uint32_t size, uint32_t *offset);

/* The section of code that holds all of these bytes, or NULL. */
const struct section *code_at(const struct elf *elf, uint32_t address, uint32_t size);

const struct section *section_named(const struct elf *elf, const char *name);
const struct symbol *symbol_named(const struct elf *elf, const char *name);

/* Little-endian, from an offset that is known to be in the file. */
uint32_t get32(const struct elf *elf, uint32_t offset);

#endif
