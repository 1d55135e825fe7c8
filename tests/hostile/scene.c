/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* A step from the seed and its number: what is called from where, with which registers, tables and
 * modes. Values come from sets that a native processor survives, and a share that it does not. */

#include "hostile.h"

#define ARITHMETIC 0x8D5u
#define CR0_AM     0x40000u

enum {
    CR4_VME = 1,
    CR4_PVI = 2,
    CR4_TSD = 4,
    CR4_MCE = 0x40,
    CR4_PCE = 0x100,
    CR4_OSXMMEXCPT = 0x400,
    CR4_UMIP = 0x800,
    CR4_FSGSBASE = 0x10000,
    CR4_SMEP = 0x100000,
    CR4_SMAP = 0x200000
};

#define MSR_SYSENTER_CS 0x174u
#define MSR_PAT         0x277u
#define MSR_EFER        0xC0000080u

const uint32_t hostile_msrs[MSRS] = {
    MSR_SYSENTER_CS, 0x175,      0x176,      MSR_PAT,    MSR_EFER,   0xC0000081, 0xC0000082,
    0xC0000083,      0xC0000084, 0xC0000100, 0xC0000101, 0xC0000102, 0xC0000103};

/* --- chance ----------------------------------------------------------------------------------- */

static uint32_t state;

static uint32_t chance(void) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state * 0x9E3779B1u ^ state >> 15;
}

static uint32_t below(uint32_t limit) {
    return (uint32_t)((uint64_t)chance() * limit >> 32);
}

static bool percent(uint32_t n) {
    return below(100) < n;
}

#define PICK(list) ((list)[below(sizeof(list) / sizeof(*(list)))])

static void start_chance(uint32_t seed, uint32_t number) {
    state = (seed * 0x85EBCA6Bu) ^ (number * 0xC2B2AE35u) ^ 0x27D4EB2Fu;
    if (!state) {
        state = 1;
    }
    for (int i = 0; i < 8; i++) {
        chance();
    }
}

/* Any dword, and those at the edges of things. */
static uint32_t odd_value(void) {
    static const uint32_t edges[] = {0,
                                     1,
                                     2,
                                     7,
                                     8,
                                     31,
                                     32,
                                     0x7F,
                                     0x80,
                                     0xFF,
                                     0x200,
                                     0x3000,
                                     0xFFF,
                                     0x1000,
                                     0x7FFF,
                                     0xFFFF,
                                     0x10000,
                                     0x7FFFFFFF,
                                     0x80000000,
                                     0x80000001,
                                     0xFFFFF000,
                                     0xFFFFFFF8,
                                     0xFFFFFFFF,
                                     MONITOR_START,
                                     MONITOR_START + 0x1234,
                                     ARENA,
                                     WINDOW,
                                     0xC0000000,
                                     0xFEE00000,
                                     0xC0000080};
    return percent(50) ? chance() : PICK(edges);
}

/* --- pointers --------------------------------------------------------------------------------- */

static uint32_t rom_at;

/* An offset in a page, often where `size` bytes end with it or cross its end. */
static uint32_t page_offset(uint32_t size) {
    if (percent(40)) {
        return (PAGE - size + below(2 * size)) % PAGE;
    }
    return percent(50) ? below(PAGE / 8) * 8 : below(PAGE);
}

static uint32_t data_pointer(uint32_t size) {
    return ARENA_PAGE(PAGE_DATA + 1) + below(5) * PAGE + page_offset(size);
}

/* Not the one that has the stack: a call would return to where nobody knows. */
static uint32_t window_page(const struct step *s) {
    uint32_t page = below(WINDOW_PAGES);
    return page == (s->start.esp - WINDOW) / PAGE ? (page + 1) % WINDOW_PAGES : page;
}

static uint32_t pointer(const struct step *s, uint32_t size) {
    uint32_t n = below(100), inside = below(PAGE - 8);
    if (s->paging != PAGING_OFF) {
        uint32_t large = s->paging == PAGING_PAE ? LARGE_WINDOW_PAE : LARGE_WINDOW;
        if (n < 65) {
            return WINDOW + window_page(s) * PAGE + page_offset(size);
        }
        if (n < 75) {
            return large + data_pointer(size) - ARENA;
        }
        if (n < 80) {
            return 0x50000000 + below(0x60000000);
        }
        if (n < 83) {
            return 0xC0000000 + below(0x3FFFFF00);
        }
    }
    n = below(100);
    if (n < 80) {
        return data_pointer(size);
    }
    if (n < 88) {
        return rom_at + inside;
    }
    if (n < 97) {
        return MONITOR_START + below(MONITOR_SIZE / PAGE) * PAGE + inside;
    }
    return NOBODY + below(0x10000);
}

/* --- the window ------------------------------------------------------------------------------- */

static uint32_t any_frame(void) {
    uint32_t n = below(100);
    if (n < 60) {
        return ARENA_PAGE(PAGE_DATA + 1 + below(6));
    }
    if (n < 70) {
        return rom_at;
    }
    if (n < 80) {
        return MONITOR_START + below(MONITOR_SIZE / PAGE) * PAGE;
    }
    if (n < 84) {
        return NOBODY;
    }
    if (n < 88) {
        return ARENA_PAGE(PAGE_TABLE);
    }
    if (n < 92) {
        return ARENA_PAGE(PAGE_PAE_TABLE);
    }
    return ARENA_PAGE(PAGE_DATA + 1);
}

static uint32_t entry_bits(void) {
    uint32_t bits = percent(85) ? PTE_P : 0;
    bits |= percent(75) ? PTE_RW : 0;
    bits |= percent(50) ? PTE_US : 0;
    return bits | (chance() & (PTE_A | PTE_D | PTE_G | 0xE00));
}

static uint64_t pae_high(void) {
    uint32_t n = below(100);
    if (n < 75) {
        return 0;
    }
    if (n < 80) {
        return 1ull << 63;
    }
    if (n < 85) {
        return 1ull << (52 + below(11));
    }
    if (n < 90) {
        return 1ull << (40 + below(12)); /* more address lines than there are */
    }
    if (n < 95) {
        return 1ull << 39; /* 512 GiB */
    }
    return (uint64_t)(1 + below(8)) << 32;
}

static void make_window(struct step *s) {
    uint32_t bits = entry_bits();
    if (s->paging == PAGING_32) {
        for (uint32_t i = 0; i < WINDOW_PAGES; i++) {
            poke_dword(ARENA_PAGE(PAGE_TABLE) + i * 4, any_frame() | entry_bits());
        }
        bits = (bits & 0xFFF) | ARENA;
        if (s->start.cr4 & CR4_PSE) {
            bits |= PTE_PS | (percent(10) ? 1u << (13 + below(9)) : 0);
        } else {
            bits = (bits & ~(ARENA | 0u)) | ARENA_PAGE(PAGE_TABLE);
        }
        poke_dword(ARENA_PAGE(PAGE_DIRECTORY) + (LARGE_WINDOW >> 22) * 4, bits);
        if (percent(20)) {
            bits = ARENA_PAGE(PAGE_TABLE) | PTE_P | (chance() & (PTE_RW | PTE_US | PTE_A));
            poke_dword(ARENA_PAGE(PAGE_DIRECTORY) + (WINDOW >> 22) * 4, bits);
        }
    } else if (s->paging == PAGING_PAE) {
        for (uint32_t i = 0; i < WINDOW_PAGES; i++) {
            uint64_t entry = any_frame() | entry_bits() | pae_high();
            poke(ARENA_PAGE(PAGE_PAE_TABLE) + i * 8, &entry, 8);
        }
        uint64_t entry = ARENA | bits | PTE_PS | pae_high();
        if (percent(10)) {
            entry |= 1u << (13 + below(8));
        }
        poke(ARENA_PAGE(PAGE_PAE_DIRECTORY) + 8, &entry, 8);
        if (percent(20)) {
            entry = ARENA_PAGE(PAGE_PAE_TABLE) | PTE_P | (chance() & (PTE_RW | PTE_US | PTE_A));
            if (percent(20)) {
                entry |= pae_high();
            }
            poke(ARENA_PAGE(PAGE_PAE_DIRECTORY), &entry, 8);
        }
    }
}

/* --- the start state -------------------------------------------------------------------------- */

/* The bits that this processor has, as far as they are tried. */
static uint32_t known_cr4(void) {
    static uint32_t known;
    uint32_t regs[4];
    if (known) {
        return known;
    }
    native_cpuid(7, 0, regs);
    known = (guest_cpu_features() & 2 ? CR4_VME | CR4_PVI : 0) | CR4_TSD | CR4_DE | CR4_MCE |
            CR4_PGE | CR4_PCE | CR4_OSFXSR | CR4_OSXMMEXCPT;
    known |= regs[1] & 1 ? CR4_FSGSBASE : 0;
    known |= regs[1] & 1u << 7 ? CR4_SMEP : 0;
    known |= regs[1] & 1u << 20 ? CR4_SMAP : 0;
    known |= regs[2] & 1u << 2 ? CR4_UMIP : 0;
    return known;
}

static uint32_t good_cr4(const struct step *s) {
    static const uint32_t bits[] = {CR4_VME,    CR4_PVI,        CR4_TSD,  CR4_DE,
                                    CR4_PGE,    CR4_PCE,        CR4_UMIP, CR4_FSGSBASE,
                                    CR4_OSFXSR, CR4_OSXMMEXCPT, CR4_SMEP, CR4_SMAP};
    uint32_t cr4 = hostile_good_cr4 & ~(uint32_t)(CR4_PAE | CR4_PSE | CR4_PGE | CR4_OSFXSR);
    for (uint32_t n = below(5); n; n--) {
        cr4 |= PICK(bits);
    }
    cr4 &= known_cr4();
    if (percent(50)) {
        cr4 |= CR4_PSE;
    }
    if (s->paging == PAGING_PAE || (s->paging == PAGING_OFF && percent(30))) {
        cr4 |= CR4_PAE;
    }
    return cr4;
}

static uint32_t good_cr0(const struct step *s) {
    static const uint32_t bits[] = {CR0_MP, CR0_EM, CR0_TS, CR0_NE, CR0_WP, CR0_WP, CR0_AM, CR0_CD};
    uint32_t cr0 = CR0_PE | CR0_ET | (s->paging == PAGING_OFF ? 0 : CR0_PG);
    for (uint32_t n = below(4); n; n--) {
        cr0 |= PICK(bits);
    }
    return cr0;
}

static void make_registers(struct step *s) {
    struct start *r = &s->start;
    static const uint32_t flags[] = {0,         EFLAGS_DF, EFLAGS_IOPL, EFLAGS_AC,
                                     EFLAGS_ID, 0x1000,    EFLAGS_IF};
    r->eax = odd_value();
    r->ecx = odd_value();
    r->edx = odd_value();
    r->ebx = odd_value();
    r->ebp = odd_value();
    r->esi = odd_value();
    r->edi = odd_value();
    r->eflags = EFLAGS_FIXED | (chance() & ARITHMETIC) | PICK(flags) | PICK(flags);
    r->cs = SEL_KCODE;
    r->ss = r->ds = r->es = r->fs = r->gs = SEL_KDATA;
    r->cr0 = good_cr0(s);
    r->cr4 = good_cr4(s);
    r->cr3 = cr3_of(s->paging);
    if (s->paging == PAGING_OFF && percent(50)) {
        r->cr3 = cr3_of(r->cr4 & CR4_PAE ? PAGING_PAE : PAGING_32);
    }
    r->cr2 = odd_value();
    r->gdt.base = ARENA_PAGE(PAGE_TABLES) + GDT_OFFSET;
    r->gdt.limit = SELECTORS - 1;
    r->idt = hostile_idt;
    s->dr7 = percent(5) ? 0x2400 : 0x400;
    s->sysenter_cs = percent(80) ? SEL_KCODE : odd_value() & 0xFFFF;
    s->port_value = below(256);
}

static void spare_tables(uint32_t entry) {
    uint32_t value = *(const uint32_t *)guest_at(entry);
    if (value - ARENA_PAGE(PAGE_TABLES) < 5 * PAGE) {
        poke_dword(entry, ARENA_PAGE(PAGE_DATA + 1) | (value & (PAGE - 1)));
    }
}

/* Into the window: the words above the page's last one are in a page of any kind. */
static void move_stack(struct step *s, uint32_t back) {
    uint32_t page = below(WINDOW_PAGES - 1);
    uint64_t entry = ARENA_PAGE(PAGE_STACK) | PTE_P | PTE_RW | PTE_A | PTE_D;
    uint64_t directory = ARENA_PAGE(PAGE_TABLE) | PTE_P | PTE_RW | PTE_US | PTE_A;
    if (s->stack >= ARENA_PAGE(PAGE_STACK) + PAGE - 4) {
        s->stack = ARENA_PAGE(PAGE_STACK) + PAGE - 4;
    }
    poke_dword(s->stack, back);
    s->start.esp = WINDOW + page * PAGE + s->stack % PAGE;
    /* The page tables are not the stack's neighbours: a call could take them from under it. */
    for (uint32_t i = 0; i < WINDOW_PAGES; i++) {
        if (s->paging == PAGING_PAE) {
            spare_tables(ARENA_PAGE(PAGE_PAE_TABLE) + i * 8);
        } else {
            spare_tables(ARENA_PAGE(PAGE_TABLE) + i * 4);
        }
    }
    if (s->paging == PAGING_PAE) {
        directory += ARENA_PAGE(PAGE_PAE_TABLE) - ARENA_PAGE(PAGE_TABLE);
        poke(ARENA_PAGE(PAGE_PAE_TABLE) + page * 8, &entry, 8);
        poke(ARENA_PAGE(PAGE_PAE_DIRECTORY), &directory, 8);
    } else {
        poke(ARENA_PAGE(PAGE_TABLE) + page * 4, &entry, 4);
        poke(ARENA_PAGE(PAGE_DIRECTORY) + (WINDOW >> 22) * 4, &directory, 4);
    }
}

/* The stack of the call: a return address, and what lies above it. */
static void make_stack(struct step *s) {
    uint32_t back = (uint32_t)(percent(50) ? hostile_back : hostile_back_call);
    uint32_t at = ARENA_PAGE(PAGE_STACK) + PAGE - 64 + below(32) * 4, high;
    if (percent(10)) {
        at += below(3) + 1;
    }
    poke_dword(at, back);
    for (uint32_t i = 1; i < 3; i++) {
        poke_dword(at + i * 4, odd_value());
    }
    s->start.esp = s->stack = at;
    high = below(100);
    if (high < 10) {
        s->start.ss = SEL_SS16;
        s->start.esp = at - ARENA;
    } else if (high < 25 && s->paging != PAGING_OFF) {
        move_stack(s, back);
    }
}

/* --- what single calls take ------------------------------------------------------------------- */

static uint32_t random_selector(void) {
    uint32_t n = below(100);
    if (n < 70) {
        return below(SELECTORS / 8) * 8 | below(4) | (percent(15) ? 4 : 0);
    }
    return n < 80 ? below(4) : chance();
}

/* Where some descriptors may be out of reach: behind those that a run needs. */
static void shorten_gdt(struct step *s) {
    if (percent(20)) {
        s->start.gdt.limit = (uint16_t)(SEL_LDT_USED + 7 + below(0x90));
    }
}

static void give_entry(struct step *s, uint32_t *pointed, uint32_t size) {
    *pointed = pointer(s, size);
}

static void give_bit(struct step *s) {
    s->start.eax = pointer(s, 4);
    s->start.edx = percent(60) || s->start.esp >= WINDOW
                       ? below(64)
                       : (uint32_t)((int32_t)below(32768) - 16384);
    if (s->paging == PAGING_OFF || percent(50)) { /* the rest of a page would be left */
        s->start.eax = (s->start.eax & ~(PAGE - 1)) + 2048;
    }
}

static void give_index(struct step *s) {
    s->start.edx = percent(70) ? below(8192) : odd_value();
    s->start.eax = pointer(s, 8) - s->start.edx * 8;
}

static void give_string(struct step *s, bool input) {
    struct start *r = &s->start;
    static const uint16_t inputs[] = {0x80, 0x83, 0x21, 0xA1, 0x1230};
    static const uint16_t outputs[] = {0x80, 0x83, 0x82, 0x1230};
    uint32_t at;
    r->edx = input ? PICK(inputs) : PICK(outputs);
    if (percent(50)) {
        r->edx |= chance() << 16;
    }
    r->ecx = percent(10) ? 0 : percent(70) ? 1 + below(8) : below(600);
    at = pointer(s, 4);
    if (s->paging == PAGING_OFF || percent(30)) {
        at = ARENA_PAGE(PAGE_DATA + 3) + below(PAGE * 2);
    }
    if (percent(2) && s->paging != PAGING_OFF && input && s->start.esp < WINDOW) {
        r->ecx = odd_value();
    }
    if (s->start.esp >= WINDOW) { /* backwards it could reach the stack */
        r->eflags &= ~(uint32_t)EFLAGS_DF;
    }
    if (r->ecx > 600) { /* only where it soon meets its end */
        at = WINDOW + below(WINDOW_PAGES) * PAGE + below(PAGE);
    }
    if (at - MONITOR_START < MONITOR_SIZE || at - rom_at < PAGE || at - NOBODY < 0x10000) {
        at = ARENA_PAGE(PAGE_DATA + 4) + below(256);
    }
    if (input) {
        r->edi = at;
    } else {
        r->esi = at;
    }
}

static void give_port(struct step *s, bool input) {
    static const uint16_t inputs[] = {0x80, 0x83, 0x82, 0x21, 0xA1, 0x1230};
    static const uint16_t outputs[] = {0x83, 0x83, 0x82, 0x80, 0x1230};
    s->start.edx = (input ? PICK(inputs) : PICK(outputs)) | (percent(50) ? chance() << 16 : 0);
}

static void give_cr0(struct step *s) {
    static const uint32_t bits[] = {CR0_MP, CR0_EM, CR0_TS, CR0_NE, CR0_WP, CR0_AM, CR0_CD};
    uint32_t cr0 = s->start.cr0;
    for (uint32_t n = below(5); n; n--) {
        cr0 ^= PICK(bits);
    }
    if (percent(10) && s->paging == PAGING_OFF) {
        cr0 &= ~(uint32_t)CR0_PE;
    } else if (percent(10) && s->start.esp < WINDOW) { /* where the stack stays */
        cr0 &= ~CR0_PG;
    } else if (percent(20) && s->start.cr3 != NOTHING_MAPPED) {
        cr0 |= CR0_PG;
    }
    if (percent(10)) {
        cr0 |= chance() & 0x1FFAFFC0; /* there are no such bits */
    }
    if (percent(5)) {
        cr0 |= CR0_NW;
    }
    s->start.eax = cr0;
}

static void give_cr4(struct step *s) {
    uint32_t keep = s->paging == PAGING_OFF ? 0 : CR4_PAE | CR4_PSE;
    uint32_t cr4 = (good_cr4(s) & ~keep) | (s->start.cr4 & keep);
    if (percent(10)) {
        cr4 |= 1u << below(32);
    }
    if (s->paging != PAGING_OFF) {
        cr4 = (cr4 & ~(uint32_t)CR4_PAE) | (s->start.cr4 & CR4_PAE);
    }
    s->start.eax = cr4 & ~0x40000u; /* OSXSAVE: the host does not switch XCR0 */
}

static void give_cr3(struct step *s) {
    s->start.eax = cr3_of(s->paging);
    if (s->paging == PAGING_32) {
        s->start.eax |= chance() & 0xFFF;
    } else if (s->paging == PAGING_PAE) {
        s->start.eax |= chance() & 0x1F;
    } else {
        s->start.eax = odd_value();
    }
}

static void give_msr(struct step *s, bool write) {
    static const uint32_t others[] = {0xC0010114, 0xC0010117, 0x12345, 0xC0000105, 0x40000000, 0};
    struct start *r = &s->start;
    uint32_t n = percent(85) ? below(MSRS) : MSRS;
    r->ecx = n < MSRS ? hostile_msrs[n] : PICK(others);
    if (!write) {
        return;
    }
    switch (r->ecx) {
    case MSR_PAT:
        r->eax = 0x00070106 ^ (percent(50) ? 0x06060000 : 0);
        r->edx = 0x00070406;
        break;
    case MSR_EFER:
        r->eax = chance() & 0x901;
        if (percent(20)) {
            r->eax |= 1u << below(32);
        }
        r->edx = percent(10) ? odd_value() : 0;
        break;
    case 0xC0000103:
        r->edx = 0;
        break;
    case 0:
        r->ecx = 0xC0010114;
        break;
    default:
        if (percent(80)) {
            r->edx = percent(50) ? 0 : 0xFFFFFFFF;
        }
    }
}

static void give_iret(struct step *s) {
    static const uint32_t flags[] = {0,           EFLAGS_IF, EFLAGS_TF, EFLAGS_DF, EFLAGS_NT,
                                     EFLAGS_IOPL, EFLAGS_AC, EFLAGS_ID, EFLAGS_RF};
    static const uint32_t kinds[] = {SEL_KCODE, SEL_UCODE, SEL_UCODE, SEL_UCODE, 0xC3};
    uint32_t words[9];
    uint32_t places[] = {USER_CODE, 0x50000000, 0x50000000 | (odd_value() & 0xFFFFFFF)};
    uint32_t eflags = EFLAGS_FIXED | (chance() & ARITHMETIC) | PICK(flags) | PICK(flags);
    words[0] = percent(80) ? USER_CODE : PICK(places);
    words[1] = percent(70) ? PICK(kinds) : random_selector();
    if (percent(20)) {
        eflags |= EFLAGS_VM;
        words[0] = 0;
        words[1] = V86_CODE >> 4;
    } else if (words[0] != USER_CODE && s->paging == PAGING_OFF) {
        words[0] = USER_CODE; /* there is something everywhere, and it would be executed */
    }
    if ((words[1] & 0xFFFC) == SEL_CODE16_ROM) { /* where it would execute who knows what */
        words[1] = SEL_CODE16_FLAT;
    }
    if (!(eflags & EFLAGS_VM) && percent(10)) {
        words[1] |= chance() << 16;
    }
    words[2] = eflags;
    words[3] = odd_value();
    words[4] = percent(70) ? (words[1] & 3 ? SEL_UDATA : SEL_KDATA) : random_selector();
    for (uint32_t i = 5; i < 9; i++) {
        words[i] = chance() & 0xFFFF;
    }
    poke(s->stack + 4, words, sizeof(words));
    if (s->start.esp >=
        WINDOW) { /* a frame of chance would go anywhere: there is none behind the page */
        uint32_t page = (s->start.esp - WINDOW) / PAGE + 1;
        static const uint64_t nothing;
        if (s->paging == PAGING_PAE) {
            poke(ARENA_PAGE(PAGE_PAE_TABLE) + page * 8, &nothing, 8);
        } else {
            poke(ARENA_PAGE(PAGE_TABLE) + page * 4, &nothing, 4);
        }
    }
    if (percent(4)) {
        s->start.eflags |= EFLAGS_NT;
    }
    if (percent(50)) {
        static const uint32_t data[] = {SEL_KDATA, SEL_UDATA, 0, SEL_RING1_DATA};
        s->start.ds = PICK(data);
        s->start.es = PICK(data);
        s->start.fs = PICK(data);
        s->start.gs = PICK(data);
    }
}

static void give_sysexit(struct step *s) {
    s->start.edx = percent(90) || s->paging == PAGING_OFF ? USER_CODE : 0x50000000 + below(0x10000);
}

/* Registers of the APIC that both runs may write, as a dword. */
static void give_apic(struct step *s, uint32_t *pointed, bool write) {
    static const uint16_t readable[] = {APIC_ID, APIC_VERSION, 0xD0, 0xE0},
                          writable[] = {0xD0, 0xE0};
    if (s->paging != PAGING_OFF || percent(50)) {
        give_entry(s, pointed, 4);
    } else {
        *pointed = 0xFEE00000u + (write ? PICK(writable) : PICK(readable));
    }
}

static void give_registers(struct step *s) {
    struct start *r = &s->start;
    static const uint32_t any_data[] = {0, SEL_UDATA, SEL_KDATA, 0xC8, 0x88};
    switch (s->slot) {
    case VMI_CALL_CPUID: {
        static const uint32_t leaves[] = {
            0, 1, 7, 0xD, 0x40000000, 0x40000001, 0x80000000, 0x80000001, 0x80000008, 0x8000000A};
        r->eax = percent(80) ? PICK(leaves) : odd_value();
        break;
    }
    case VMI_CALL_WRMSR:
    case VMI_CALL_RDMSR:
        give_msr(s, s->slot == VMI_CALL_WRMSR);
        break;
    case VMI_CALL_SetGDT:
    case VMI_CALL_SetIDT:
    case VMI_CALL_GetGDT:
    case VMI_CALL_GetIDT:
        give_entry(s, &r->eax, 6);
        break;
    case VMI_CALL_SetLDT:
    case VMI_CALL_SetTR:
        shorten_gdt(s);
        r->eax = (chance() & 0xFFFF0000) | (random_selector() & 0xFFFF);
        if (percent(30)) {
            r->eax = (r->eax & 0xFFFF0000) | (s->slot == VMI_CALL_SetTR ? 0x50 : SEL_LDT_USED);
        }
        break;
    case VMI_CALL_WriteGDTEntry:
    case VMI_CALL_WriteLDTEntry:
    case VMI_CALL_WriteIDTEntry:
        give_index(s);
        break;
    case VMI_CALL_SetCR0:
        give_cr0(s);
        break;
    case VMI_CALL_SetCR3:
        give_cr3(s);
        break;
    case VMI_CALL_SetCR4:
        give_cr4(s);
        break;
    case VMI_CALL_SetDR:
        r->eax = percent(90) ? below(9) : odd_value();
        if (r->eax == 5 || r->eax == 7) {
            r->edx &= 0xFFFF2400; /* none is armed: the host's accesses meet no breakpoint */
        }
        break;
    case VMI_CALL_GetDR:
        r->eax = percent(90) ? below(9) : odd_value();
        break;
    case VMI_CALL_EnableInterrupts:
    case VMI_CALL_DisableInterrupts:
    case VMI_CALL_GetInterruptMask:
    case VMI_CALL_SetInterruptMask:
        if (percent(50)) {
            r->ds = PICK(any_data);
            r->es = PICK(any_data);
        }
        break;
    case VMI_CALL_IRET:
        give_iret(s);
        break;
    case VMI_CALL_SYSEXIT:
        give_sysexit(s);
        break;
    case VMI_CALL_GetRelocationInfo:
        r->eax = below(140);
        break;
    case VMI_CALL_SetAlarm: /* it is cancelled before anybody may be interrupted */
        r->eflags &= ~(uint32_t)EFLAGS_IF;
        break;
    case VMI_CALL_Halt:
        s->wants_interrupt = true;
        r->eflags &= ~(uint32_t)EFLAGS_IF; /* it is to wait for it */
        break;
    case VMI_CALL_SetPxE0:
    case VMI_CALL_SwapPxE:
    case VMI_CALL_GetPxE:
        give_entry(s, &r->eax, 4);
        break;
    case VMI_CALL_APICWrite:
        give_apic(s, &r->eax, true);
        break;
    case VMI_CALL_APICRead:
        give_apic(s, &r->eax, false);
        break;
    case VMI_CALL_SetPxE:
        give_entry(s, &r->edx, 4);
        break;
    case VMI_CALL_SetPxELong0:
    case VMI_CALL_SwapPxELongAtomic:
    case VMI_CALL_SetPxELong:
        give_entry(s, &r->ecx, 8);
        break;
    case VMI_CALL_GetPxELong:
    case VMI_CALL_DeactivatePxELongAtomic:
        give_entry(s, &r->eax, 8);
        break;
    case VMI_CALL_TestAndSetPxEBit:
    case VMI_CALL_TestAndClearPxEBit:
    case VMI_CALL_TestAndSetPxELongBit:
    case VMI_CALL_TestAndClearPxELongBit:
        give_bit(s);
        break;
    case VMI_CALL_IN:
    case VMI_CALL_INB:
    case VMI_CALL_INW:
        give_port(s, true);
        break;
    case VMI_CALL_OUT:
    case VMI_CALL_OUTB:
    case VMI_CALL_OUTW:
        give_port(s, false);
        break;
    case VMI_CALL_INS:
    case VMI_CALL_INSB:
    case VMI_CALL_INSW:
        give_string(s, true);
        break;
    case VMI_CALL_OUTS:
    case VMI_CALL_OUTSB:
    case VMI_CALL_OUTSW:
        give_string(s, false);
        break;
    default:
        break;
    }
}

/* --- kinds of steps --------------------------------------------------------------------------- */

static const uint8_t *slot_kinds(void) {
    const uint8_t *rom = guest_at(rom_at);
    const uint16_t at = *(const uint16_t *)(rom + VMI_HYPERCALL_POINTER);
    return ((const struct vmi_hypercall_descriptor *)(rom + at))->kind;
}

/* Of API 3.0, whose ROM is there too. */
static bool is_of_3(uint32_t slot) {
    return slot > VMI_CALL_LAST && slot <= VMI_SLOT_LAST;
}

/* A slot whose kind is, or is not, a trap; in no ROM. */
static uint32_t some_slot(bool trap) {
    uint32_t slot;
    do {
        slot = 4 + below(124);
    } while ((slot_kinds()[slot] == VMI_SLOT_TRAP) != trap || (!trap && is_of_3(slot)));
    return slot;
}

enum { FIRST_OF_NOBODY = VMI_SLOT_LAST + 1 }; /* slots that no API has */

static bool ends_the_guest(uint32_t slot) {
    return slot == VMI_CALL_Reboot || slot == VMI_CALL_Shutdown;
}

static void make_call(struct step *s) {
    uint32_t from = percent(85) ? rom_at : ROM_COPY;
    s->kind = KIND_CALL;
    do {
        s->slot = percent(90) ? some_slot(true) : 4 + below(124);
    } while (ends_the_guest(s->slot) || (s->slot == VMI_CALL_Halt && percent(95)));
    if (hostile_slot) {
        s->slot = hostile_slot;
    }
    s->what = from == rom_at ? "call" : "call through a copy";
    s->reference = NATIVE_ROM + s->slot * SLOT_SIZE;
    s->start.eip = from + s->slot * SLOT_SIZE;
    give_registers(s);
}

static void make_wild(struct step *s) {
    uint32_t offset;
    s->kind = KIND_SAME;
    s->what = "wild offset";
    s->slot = some_slot(true);
    offset = 1 + below(SLOT_SIZE - 1);
    s->start.eip = rom_at + s->slot * SLOT_SIZE + offset;
    s->reference = ROM_COPY + s->slot * SLOT_SIZE + offset;
}

static void make_false(struct step *s) {
    static const uint8_t vmmcall[] = {0x0F, 0x01, 0xD9};
    uint8_t *page = guest_at(FALSE_COPY);
    uint32_t at;
    s->kind = KIND_UD;
    s->slot = percent(60) ? some_slot(true) : FIRST_OF_NOBODY + below(128 - FIRST_OF_NOBODY);
    memcpy(page, guest_at(rom_at), PAGE);
    at = s->slot * SLOT_SIZE;
    s->what = "trap in a false copy";
    if (slot_kinds()[s->slot] != VMI_SLOT_TRAP) {
        s->what = "trap in a slot without one";
        memcpy(page + at, guest_at(rom_at + VMI_CALL_SetPxE0 * SLOT_SIZE), SLOT_SIZE);
    } else if (percent(50)) {
        page[at + 3 + below(SLOT_SIZE - 3)] ^= (uint8_t)(1 + below(255));
    } else {
        s->what = "trap at an odd offset";
        at += 4 + below(SLOT_SIZE - 8);
        memcpy(page + at, vmmcall, sizeof(vmmcall));
    }
    s->start.eip = FALSE_COPY + at;
}

static void make_svm(struct step *s) {
    static const uint8_t codes[] = {0xD8, 0xDA, 0xDB, 0xDC, 0xDD, 0xDE, 0xDF};
    uint8_t *page = guest_at(FALSE_COPY);
    s->kind = KIND_UD;
    s->what = "SVM instruction";
    page[0] = 0x0F;
    page[1] = 0x01;
    page[2] = PICK(codes);
    s->start.eip = FALSE_COPY;
    if (percent(50)) {
        s->start.eax = MONITOR_START + below(MONITOR_SIZE);
    }
    s->start.eax &= ~(PAGE - 1); /* else some look at the operand first */
}

/* In ring 1, in user mode, in V86 mode, in a 16-bit segment that makes the address another. */
static void make_misplaced(struct step *s) {
    struct start *r = &s->start;
    uint32_t n = below(4), page, eip;
    if (n == 2 && !on_qemu) { /* Bochs panics at an exit from V86 mode */
        n = 0;
    }
    s->kind = KIND_UD;
    s->slot = some_slot(true);
    page = s->paging == PAGING_OFF || n % 2 ? rom_at : USER_COPY; /* for rings 0 and 1: SMEP */
    eip = page + s->slot * SLOT_SIZE;
    r->eip = eip;
    switch (n) {
    case 0:
        s->what = "trap in user mode";
        r->cs = SEL_UCODE;
        r->ss = SEL_UDATA;
        break;
    case 1:
        s->what = "trap in ring 1";
        r->cs = SEL_RING1_CODE;
        r->ss = SEL_RING1_DATA;
        break;
    case 2:
        s->what = "trap in V86 mode";
        r->cs = page >> 4;
        r->eip = eip - page;
        r->ss = 0x800;
        r->eflags |= EFLAGS_VM;
        break;
    default:
        s->what = "trap in a 16-bit segment";
        r->cs = SEL_CODE16_ROM;
        r->eip = eip - rom_at;
        return;
    }
    r->esp = odd_value();
    r->frame[0] = r->eip;
    r->frame[1] = r->cs;
    r->frame[2] = r->eflags;
    r->frame[3] = r->esp;
    r->frame[4] = r->ss;
    for (uint32_t i = 5; i < 9; i++) {
        r->frame[i] = chance() & 0xFFFF;
    }
    r->frame_words = n == 2 ? 9 : 5;
    if (n != 2) {
        r->ds = r->es = r->fs = r->gs = SEL_UDATA;
    }
}

static void make_deadly(struct step *s) {
    struct start *r = &s->start;
    s->kind = KIND_DEADLY;
    s->slot = VMI_CALL_Reboot;
    switch (below(6)) {
    case 0:
    case 1:
        s->what = "Reboot";
        r->eax = below(2);
        break;
    case 2:
        s->what = "SetCR3 to where nothing is mapped";
        s->slot = VMI_CALL_SetCR3;
        r->eax = percent(50) ? NOTHING_MAPPED : NOBODY;
        r->cr0 |= CR0_PG;
        r->cr4 &= ~(uint32_t)CR4_PAE;
        r->cr3 = cr3_of(PAGING_32);
        break;
    case 3:
        s->what = "SetCR0 pages where nothing is mapped";
        s->slot = VMI_CALL_SetCR0;
        r->cr3 = NOTHING_MAPPED;
        r->cr0 &= ~CR0_PG;
        r->eax = CR0_PE | CR0_ET | CR0_PG;
        break;
    case 4:
        s->what = "SetIDT, then a fault";
        s->slot = VMI_CALL_GetPxE;
        r->idt.limit = (uint16_t)below(8);
        r->cr0 |= CR0_PG;
        r->cr4 &= ~(uint32_t)CR4_PAE;
        r->cr3 = cr3_of(PAGING_32);
        r->eax = 0x50000000;
        break;
    default:
        s->what = "IRET without a table";
        s->slot = VMI_CALL_IRET;
        r->idt.limit = 0;
        poke_dword(ARENA_PAGE(PAGE_STACK), (uint32_t)hostile_back);
        poke_dword(ARENA_PAGE(PAGE_STACK) + 4, USER_CODE);
        poke_dword(ARENA_PAGE(PAGE_STACK) + 8, SEL_UCODE);
        poke_dword(ARENA_PAGE(PAGE_STACK) + 12, EFLAGS_FIXED);
        poke_dword(ARENA_PAGE(PAGE_STACK) + 16, 0);
        poke_dword(ARENA_PAGE(PAGE_STACK) + 20, SEL_UDATA);
        r->esp = ARENA_PAGE(PAGE_STACK);
        r->ss = SEL_KDATA;
        break;
    }
    r->eip = rom_at + s->slot * SLOT_SIZE;
}

void make_step(struct step *s, uint32_t seed, uint32_t number, uint32_t rom) {
    uint32_t n;
    memset(s, 0, sizeof(*s));
    rom_at = rom;
    s->number = number;
    start_chance(seed, number);
    memory_begin();
    s->paging = below(3);
    make_registers(s);
    make_window(s);
    make_stack(s);
    n = below(10000);
    if (n < 2 && !hostile_slot) {
        make_deadly(s);
    } else if (n < 8000 || hostile_slot) {
        make_call(s);
    } else if (n < 8500) {
        make_wild(s);
    } else if (n < 9000) {
        make_false(s);
    } else if (n < 9300) {
        make_svm(s);
    } else {
        make_misplaced(s);
    }
}
