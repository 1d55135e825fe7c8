/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Counts what each call takes in each way to make it, without a monitor or under one: run under
 * QEMU with -icount shift=0, where the time-stamp counter counts instructions. A loop of the call
 * less the same loop without it, so that what is left is exact:
 *
 *     variant NUMBER NAME WAY BYTES CALLS INSTRUCTIONS
 *
 * for all CALLS together, and "uncounted NUMBER NAME WHY". The way `called` is that of a ROM that
 * allows no inlining, `page` only there where the ROM's slot traps.
 */

#include "../arguments.h"
#include "guest.h"
#include "variants.h"

enum { TURNS = 4, ROM_MAX = 16384, SAVED = 65536, USER_STACK = 64 };

static const uint8_t vmmcall_ret[4] = {0x0F, 0x01, 0xD9, 0xC3};
static uint8_t silent_rom[ROM_MAX] __attribute__((aligned(4096)));
static uint8_t saved[2][SAVED];
static struct vmi_linkage linked, called;
static uint32_t user_stack[USER_STACK];
static const struct vmi_rom *rom;

extern const uint8_t guest_text_start[], guest_text_end[];

static void link_sites(struct vmi_linkage *l, const struct vmi_annotation *first,
                       const struct vmi_annotation *end, uint8_t *space, const struct vmi_rom *to) {
    *l = (struct vmi_linkage){.first = first,
                              .end = end,
                              .translations = vmi_translations,
                              .translations_end = vmi_translations_end,
                              .text = guest_text_start,
                              .text_end = guest_text_end,
                              .saved = space,
                              .saved_end = space + SAVED};
    int error = vmi_link(l, to);
    if (error) {
        guest_panic(NULL, "linking: %s", vmi_link_text(error));
    }
}

/* The same ROM without a word on what may be inlined: every site becomes a call of it. */
static const struct vmi_rom *silent(void) {
    static struct vmi_rom copy;
    copy = *rom;
    copy.base = silent_rom;
    memcpy(silent_rom, rom->base, rom->size);
    memset(silent_rom + VMI_INLINE_OFFSET, 0, sizeof(uint32_t));
    return &copy;
}

static int traps(uint32_t number) {
    return memcmp(rom->base + VMI_CALL_OFFSET(number), vmmcall_ret, sizeof(vmmcall_ret)) == 0;
}

/* MOV EBP, number in front of a copy of the ROM's slot. */
static void fill_hypercall_pages(void) {
    for (uint32_t number = VMI_CALL_FIRST; number < LOOP_NUMBERS; number++) {
        uint8_t *slot = hypercall_pages[number % 2] + VMI_CALL_OFFSET(number);
        memcpy(slot, rom->base + VMI_CALL_OFFSET(number), VMI_CALL_SIZE);
        slot[-5] = 0xBD;
        memcpy(slot - 4, &number, sizeof(number));
    }
}

static void prepare(const struct call_loop *c, int to_user) {
    struct bench_regs r;
    bench_arguments(c->number, &r);
    if (to_user) {
        guest_idt[0x81] = guest_gate((const void *)loop_back, 0xE, 3);
        r.edx = (uint32_t)loop_user;
        r.ecx = (uint32_t)(user_stack + USER_STACK);
    }
    memcpy(loop_arguments, &r, sizeof(loop_arguments));
}

/* Not inlined: all that lies between the readings is the same for every loop. */
__attribute__((noinline)) static uint32_t count(const struct call_loop *c) {
    uint32_t start, ticks;
    c->loop(1);
    start = (uint32_t)native_rdtsc();
    c->loop(TURNS);
    ticks = (uint32_t)native_rdtsc() - start;
    native_cli();
    return ticks;
}

struct way {
    const char *name;
    const struct call_loop *loops;
};

static void count_call(unsigned n) {
    static const struct way ways[] = {{"inline", loops_bare},
                                      {"linked", loops_linked},
                                      {"called", loops_called},
                                      {"pointer", loops_pointer},
                                      {"page", loops_page}};
    const struct call_loop *c = &loops_empty[n];
    int from_user = c->number == VMI_CALL_SYSEXIT || strcmp(c->name, "IRET_user") == 0;
    /* what the empty loop has in its place */
    uint32_t instead = from_user || c->number == VMI_CALL_IRET ? 1 : 0;
    uint32_t around = from_user ? 1 : 0; /* the INT of ring 3 */
    uint32_t calls = TURNS * LOOP_COPIES, empty;
    if (c->why_not) {
        guest_printf("uncounted %u %s %s\n", c->number, c->name, c->why_not);
        return;
    }
    prepare(c, from_user);
    empty = count(c);
    for (unsigned w = 0; w < sizeof(ways) / sizeof(ways[0]); w++) {
        const struct call_loop *made = &ways[w].loops[n];
        if (ways[w].loops == loops_page && !traps(c->number)) {
            continue;
        }
        guest_printf("variant %u %s %s %u %u %u\n", c->number, c->name, ways[w].name, made->bytes,
                     calls, count(made) - empty + (instead - around) * calls);
    }
    if (c->number == VMI_CALL_SetTR || from_user) {
        guest_descriptors_reset();
    }
}

void guest_main(const char *cmdline) {
    static struct vmi_rom roms[8];
    struct guest_space space = guest_space_new(0);
    (void)cmdline;
    guest_sysenter_setup();
    guest_paging_on(&space);
    rom = vmi_start(roms, vmi_find(guest_at(0), roms, 8), VMI_SPEAKS_13 | VMI_SPEAKS_3);
    if (!rom || rom->major != VMI_API_MAJOR_13) {
        guest_panic(NULL, "no ROM of API 13");
    }
    link_sites(&linked, records_linked, records_linked_end, saved[0], rom);
    link_sites(&called, records_called, records_called_end, saved[1], silent());
    guest_printf("sites native %u inlined %u called %u\n", linked.count[VMI_SITE_NATIVE],
                 linked.count[VMI_SITE_INLINED], linked.count[VMI_SITE_CALLED]);
    fill_hypercall_pages();
    for (uint32_t number = 0; number < LOOP_NUMBERS; number++) {
        loop_slots[number] = (uint32_t)rom->base + VMI_CALL_OFFSET(number);
    }
    for (unsigned n = 0; &loops_empty[n] < loops_empty_end; n++) {
        count_call(n);
    }
    guest_puts("bench end\n");
    guest_exit(0);
}
