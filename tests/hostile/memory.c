/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* What memory a step finds, what a run changed of it, and all the rest, which nothing may change.
 */

#include "hostile.h"

#define WORDS(size) ((size) / 4)

enum { MOST_POKES = 4096, LINE = 16 }; /* dwords */
enum { READY = PTE_P | PTE_A | PTE_D, KERNEL = READY | PTE_RW };

static uint32_t poked[MOST_POKES], pokes;

static uint32_t *words_at(uint32_t address) {
    return guest_at(address);
}

/* --- the arena's base ------------------------------------------------------------------------- */

static void set_gdt(uint16_t selector, uint64_t descriptor) {
    memcpy(guest_at(ARENA_PAGE(PAGE_TABLES) + GDT_OFFSET + (selector & ~7u)), &descriptor, 8);
}

static void make_gdt(uint32_t rom) {
    enum { FLAT = 0xFFFFF, WIDE = GRANULAR_4K | SIZE_32 };
    static const struct {
        uint16_t selector;
        uint8_t access, flags;
    } flat[] = {
        {SEL_KCODE, 0x9B, WIDE},
        {SEL_KDATA, 0x93, WIDE},
        {SEL_UCODE, 0xFB, WIDE},
        {SEL_UDATA, 0xF3, WIDE},
        {SEL_CODE16_FLAT, 0x9B, 0},
        {0x70, 0x9E, WIDE},           /* conforming */
        {0x78, 0x7A, WIDE},           /* not present: code */
        {0x80, 0x72, WIDE},           /* data */
        {0x88, 0xF0, WIDE},           /* read-only */
        {0x90, 0xF6, WIDE},           /* expands down */
        {0x98, 0xF8, WIDE},           /* execute-only */
        {0xA0, 0x8C, 0},              /* call gate */
        {SEL_RING1_CODE, 0xBB, WIDE}, /* ring 1 */
        {SEL_RING1_DATA, 0xB3, WIDE},
        {0xB8, 0xFA, 0},    /* 16-bit code of ring 3 */
        {0xC0, 0xFA, WIDE}, /* not accessed yet */
        {0xC8, 0xF2, WIDE},
        {0xD0, 0xFE, WIDE}, /* conforming, ring 3 */
        {0xD8, 0xDE, WIDE}, /* ring 2 */
        {0xE0, 0x9A, WIDE}, /* ring 0, not accessed yet */
    };
    uint32_t tss = ARENA_PAGE(PAGE_TABLES) + TSS_OFFSET, ldt = ARENA_PAGE(PAGE_TABLES) + LDT_OFFSET;
    for (uint32_t i = 0; i < sizeof(flat) / sizeof(flat[0]); i++) {
        set_gdt(flat[i].selector, guest_descriptor(0, FLAT, flat[i].access, flat[i].flags));
    }
    set_gdt(SEL_TSS_USED, guest_descriptor(tss, 103, 0x8B, 0));
    set_gdt(SEL_SS16, guest_descriptor(ARENA, 2 * PAGE - 1, 0x93, 0));
    set_gdt(SEL_CODE16_ROM, guest_descriptor(rom, 0xFFFF, 0x9B, 0));
    set_gdt(SEL_LDT_USED, guest_descriptor(ldt, 0x7F, ACCESS_LDT, 0));
    set_gdt(0x50, guest_descriptor(tss, 103, ACCESS_TSS, 0));
    set_gdt(0x58, guest_descriptor(tss, 43, 0x81, 0));  /* 16-bit */
    set_gdt(0x60, guest_descriptor(tss, 103, 0x09, 0)); /* not present */
    set_gdt(0x68, guest_descriptor(ldt, 0x7F, 0x02, 0));
    memcpy(guest_at(ldt), guest_at(ARENA_PAGE(PAGE_TABLES) + GDT_OFFSET + 0x70), 0x70);
}

static void make_tss(void) {
    struct guest_tss *tss = guest_at(ARENA_PAGE(PAGE_TABLES) + TSS_OFFSET);
    tss->ss0 = tss->ss1 = SEL_KDATA;
    tss->esp0 = (uint32_t)hostile_trap_stack_top;
    tss->io_map_base = 104;
}

/* The first 8 MiB as they are, for the supervisor alone but for two pages, and the window. */
static void make_tables(void) {
    static const uint32_t user_pages[] = {USER_CODE, V86_CODE, USER_COPY};
    uint32_t *directory = words_at(ARENA_PAGE(PAGE_DIRECTORY));
    uint64_t *roots = guest_at(ARENA_PAGE(PAGE_TABLES) + ROOTS_OFFSET);
    uint64_t *pae_directory = guest_at(ARENA_PAGE(PAGE_PAE_DIRECTORY));
    uint32_t *table = words_at(IDENTITY);
    uint64_t *identity_directory = guest_at(IDENTITY + 2 * PAGE);
    uint64_t *pae_table = guest_at(IDENTITY + 3 * PAGE);
    for (uint32_t i = 0; i < 2048; i++) {
        pae_table[i] = table[i] = i * PAGE | KERNEL;
    }
    for (uint32_t i = 0; i < sizeof(user_pages) / sizeof(user_pages[0]); i++) {
        pae_table[user_pages[i] / PAGE] |= PTE_US;
        table[user_pages[i] / PAGE] |= PTE_US;
    }
    for (uint32_t i = 0; i < 2; i++) {
        directory[i] = (IDENTITY + i * PAGE) | KERNEL | PTE_US;
    }
    for (uint32_t i = 0; i < 4; i++) {
        identity_directory[i] = (IDENTITY + (3 + i) * PAGE) | KERNEL | PTE_US;
    }
    directory[WINDOW >> 22] = ARENA_PAGE(PAGE_TABLE) | PTE_P | PTE_RW | PTE_US;
    pae_directory[0] = ARENA_PAGE(PAGE_PAE_TABLE) | PTE_P | PTE_RW | PTE_US;
    /* TCG sets an accessed bit there, which others reserve. */
    roots[0] = (IDENTITY + 2 * PAGE) | PTE_P | (on_qemu ? PTE_A : 0);
    roots[1] = ARENA_PAGE(PAGE_PAE_DIRECTORY) | PTE_P | (on_qemu ? PTE_A : 0);
}

uint32_t cr3_of(enum paging paging) {
    return paging == PAGING_PAE  ? ARENA_PAGE(PAGE_TABLES) + ROOTS_OFFSET
           : paging == PAGING_32 ? ARENA_PAGE(PAGE_DIRECTORY)
                                 : NOTHING_MAPPED;
}

/* --- all the rest ----------------------------------------------------------------------------- */

static uint32_t pattern(uint32_t address) {
    return address * 0x9E3779B1u;
}

static const struct {
    uint32_t from, to;
} patterned[] = {{GUEST_POOL_START, GUEST_POOL_END}, {PATTERN_START, PATTERN_END}};

static void fill_rest(void) {
    for (uint32_t i = 0; i < 2; i++) {
        for (uint32_t at = patterned[i].from; at < patterned[i].to; at += 4) {
            *words_at(at) = pattern(at);
        }
    }
}

uint32_t find_stray(void) {
    for (uint32_t i = 0; i < 2; i++) {
        for (uint32_t at = patterned[i].from; at < patterned[i].to; at += 4) {
            if (*words_at(at) != pattern(at)) {
                return at;
            }
        }
    }
    return 0;
}

/* --- steps ------------------------------------------------------------------------------------ */

void memory_init(uint32_t rom) {
    uint8_t *arena = guest_at(ARENA);
    uint32_t *decoy = words_at(MONITOR_START);
    memset(arena, 0, ARENA_SIZE);
    for (uint32_t i = 0; i < WORDS(10 * PAGE); i++) {
        words_at(ARENA)[i] = pattern(i + 1);
    }
    memset(guest_at(NATIVE_ROM), 0xCC, 2 * PAGE);
    memcpy(guest_at(NATIVE_ROM), hostile_native, (size_t)(hostile_native_end - hostile_native));
    memcpy(guest_at(ROM_COPY), guest_at(rom), 2 * PAGE);
    memcpy(guest_at(USER_COPY), guest_at(rom), PAGE);
    memset(guest_at(NOTHING_MAPPED), 0, PAGE);
    memcpy(guest_at(USER_CODE), "\xCD\x80\xF4", 3); /* INT 80h */
    memset(guest_at(V86_CODE), 0xF4, 3); /* HLT: with VME an INT would stay in V86 mode */
    make_gdt(rom);
    make_tss();
    make_tables();
    memcpy(guest_at(ARENA_BASE), arena, ARENA_SIZE);
    memcpy(guest_at(ARENA_START), arena, ARENA_SIZE);
    for (uint32_t i = 0; i < WORDS(PAGE); i++) {
        decoy[i] = pattern(i);
    }
    memcpy(guest_at(DECOY_START), decoy, PAGE);
    if (!hostile_slot) {
        fill_rest();
    }
}

void memory_begin(void) {
    while (pokes) {
        uint32_t at = poked[--pokes];
        *words_at(ARENA + at) = *words_at(ARENA_START + at) = *words_at(ARENA_BASE + at);
    }
}

void poke(uint32_t address, const void *bytes, uint32_t size) {
    uint32_t at = address - ARENA;
    for (uint32_t word = at & ~3u; word < at + size; word += 4) {
        if (pokes == MOST_POKES) {
            guest_panic(NULL, "too many pokes");
        }
        poked[pokes++] = word;
    }
    memcpy(guest_at(address), bytes, size);
    memcpy(guest_at(ARENA_START + at), bytes, size);
}

void poke_dword(uint32_t address, uint32_t value) {
    poke(address, &value, 4);
}

/* By SSE2, which every processor with SVM has: most of a run's time goes here. */
static bool same_line(const void *a, const void *b) {
    uint32_t equal;
    __asm__("movdqa (%1), %%xmm0; pxor (%2), %%xmm0\n\t"
            "movdqa 16(%1), %%xmm1; pxor 16(%2), %%xmm1; por %%xmm1, %%xmm0\n\t"
            "movdqa 32(%1), %%xmm1; pxor 32(%2), %%xmm1; por %%xmm1, %%xmm0\n\t"
            "movdqa 48(%1), %%xmm1; pxor 48(%2), %%xmm1; por %%xmm1, %%xmm0\n\t"
            "pxor %%xmm1, %%xmm1; pcmpeqb %%xmm1, %%xmm0; pmovmskb %%xmm0, %0"
            : "=r"(equal)
            : "r"(a), "r"(b)
            : "memory");
    return equal == 0xFFFF;
}

static void take_word(struct outcome *o, uint32_t at, uint32_t *now, uint32_t before, uint32_t skip,
                      uint32_t skip_end) {
    if (*now == before) {
        return;
    }
    if (at + 4 <= skip || at >= skip_end) {
        if (o->changes == MAX_CHANGES) {
            guest_panic(NULL, "too many changes");
        }
        o->change[o->changes++] = (struct change){at, *now};
    }
    *now = before;
}

static void take(struct outcome *o, uint32_t from, uint32_t start, uint32_t size, uint32_t skip,
                 uint32_t skip_end) {
    uint32_t *now = words_at(from);
    const uint32_t *before = words_at(start);
    for (uint32_t line = 0; line < WORDS(size); line += LINE) {
        if (same_line(now + line, before + line)) {
            continue;
        }
        for (uint32_t n = line; n < line + LINE; n++) {
            take_word(o, from + n * 4, now + n, before[n], skip, skip_end);
        }
    }
}

void take_changes(struct outcome *o, uint32_t stack, uint32_t stack_end) {
    o->changes = 0;
    take(o, ARENA, ARENA_START, ARENA_SIZE, stack, stack_end);
    take(o, MONITOR_START, DECOY_START, PAGE, 0, 0);
}
