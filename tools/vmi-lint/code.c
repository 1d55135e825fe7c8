/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * Going through a kernel's code from one symbol or site to the next.
 */
#include <string.h>

#include "code.h"
#include "text.h"

#define DS_PREFIX 0x3E

struct walk {
    const struct elf *elf;
    const struct sites *sites;
    struct findings *findings;
    csh decoder;
    cs_insn *insn;
    uint32_t section;              /* its number */
    uint32_t symbol;               /* the next one */
    uint32_t site;                 /* the next one */
    const struct symbol *function; /* the code's */
};

/* --- symbols --- */

/* A label of NASM within a function: FUNCTION.LABEL. */
static bool is_local_label(const struct symbol *symbol) {
    const char *dot = strchr(symbol->name + 1, '.');
    return symbol->kind == SYMBOL_LABEL && dot && dot[1];
}

static bool is_inside(const struct symbol *symbol, uint32_t address) {
    return symbol && address - symbol->address < symbol->size;
}

/* Takes the symbols up to the address: the last one that is no label inside a function. */
static void pass_symbols(struct walk *w, uint32_t address) {
    for (; w->symbol < w->elf->n_symbols; w->symbol++) {
        const struct symbol *symbol = &w->elf->symbols[w->symbol];
        bool is_inner = symbol->kind != SYMBOL_FUNCTION && w->function &&
                        w->function->kind == SYMBOL_FUNCTION &&
                        is_inside(w->function, symbol->address);
        if (symbol->section != w->section || symbol->address > address) {
            break;
        }
        if (!is_inner && !is_local_label(symbol)) {
            w->function = symbol;
        }
    }
}

static bool is_of_the_kit(const struct symbol *function) {
    return function && (strncmp(function->name, "vmi_native_", 11) == 0 ||
                        strncmp(function->name, "vmi_area_", 9) == 0);
}

/* --- instructions --- */

static bool is_meant(const cs_insn *insn) {
    static const uint8_t prefixes[] = {0x26, 0x2E, 0x36, DS_PREFIX, 0x64, 0x65,
                                       0x66, 0x67, 0xF0, 0xF2,      0xF3};
    for (uint32_t i = 0; i < insn->size && memchr(prefixes, insn->bytes[i], sizeof(prefixes));
         i++) {
        if (insn->bytes[i] == DS_PREFIX) {
            return true;
        }
    }
    return false;
}

static void look_at(struct walk *w, uint32_t address) {
    struct instruction instruction;
    if (!is_sensitive(w->insn, &instruction) || is_meant(w->insn) || is_of_the_kit(w->function)) {
        return;
    }
    struct findings *f = w->findings;
    if ((f->count & (f->count - 1)) == 0) {
        f->list = grow(f->list, f->count ? 2u * f->count : 1, sizeof(struct finding));
    }
    f->list[f->count++] = (struct finding){address, w->function, instruction};
}

/* Decodes what is between two known beginnings of instructions. Bytes that are none are skipped. */
static void decode(struct walk *w, const struct section *s, uint32_t from, uint32_t to) {
    while (from < to) {
        const uint8_t *code = w->elf->bytes + s->offset + (from - s->address);
        size_t size = to - from;
        uint64_t address = from;
        if (cs_disasm_iter(w->decoder, &code, &size, &address, w->insn)) {
            look_at(w, from);
            from += w->insn->size;
        } else {
            from++;
        }
    }
}

/* Where the next symbol or site begins, `end` if none does before. */
static uint32_t next_beginning(const struct walk *w, uint32_t end) {
    if (w->symbol < w->elf->n_symbols && w->elf->symbols[w->symbol].section == w->section &&
        w->elf->symbols[w->symbol].address < end) {
        end = w->elf->symbols[w->symbol].address;
    }
    if (w->site < w->sites->count && w->sites->list[w->site].address < end) {
        end = w->sites->list[w->site].address;
    }
    return end;
}

/* Behind the end of a function are constants, where a linker script puts them among the code. */
static uint32_t end_of_code(const struct walk *w, uint32_t from, uint32_t to) {
    const struct symbol *f = w->function;
    if (f && (f->kind == SYMBOL_OBJECT || f->kind == SYMBOL_OF_KIT_LD)) {
        return from;
    }
    if (!f || f->size == 0) {
        return to;
    }
    uint32_t end = f->size < to - f->address ? f->address + f->size : to;
    return end < from ? from : end;
}

static void go_through(struct walk *w, const struct section *s) {
    uint32_t at = s->address, end = s->address + s->size;
    w->symbol = w->site = 0;
    w->function = NULL;
    while (w->symbol < w->elf->n_symbols && w->elf->symbols[w->symbol].section < w->section) {
        w->symbol++;
    }
    while (w->site < w->sites->count && w->sites->list[w->site].address < at) {
        w->site++;
    }
    while (at < end) {
        pass_symbols(w, at);
        if (w->site < w->sites->count && w->sites->list[w->site].address <= at) {
            at = w->sites->list[w->site].address + w->sites->list[w->site].size;
            w->site++;
        } else {
            uint32_t next = next_beginning(w, end), code_end = end_of_code(w, at, next);
            decode(w, s, at, code_end);
            at = next;
        }
    }
}

bool find_instructions(const struct elf *elf, const struct sites *sites,
                       struct findings *findings) {
    struct walk w = {.elf = elf, .sites = sites, .findings = findings};
    memset(findings, 0, sizeof(*findings));
    if (cs_open(CS_ARCH_X86, CS_MODE_32, &w.decoder) != CS_ERR_OK ||
        cs_option(w.decoder, CS_OPT_DETAIL, CS_OPT_ON) != CS_ERR_OK) {
        complain(elf->name, "the decoder does not start");
        return false;
    }
    w.insn = cs_malloc(w.decoder);
    for (uint32_t i = 0; i < elf->n_sections; i++) {
        w.section = i;
        if (elf->sections[i].is_code) {
            go_through(&w, &elf->sections[i]);
        }
    }
    cs_free(w.insn, 1);
    cs_close(&w.decoder);
    return true;
}
