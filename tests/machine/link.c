/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The kit for kernels on a machine: the second CPU runs through call sites, with interrupts on,
 * while the first links and unlinks them, each time with an IPI that finds the second one anywhere.
 * It is sent away from within sites and the ROM (vmi_may_park) until it can be parked.
 */
#include "machine.h"
#include "vmi/guest.h"

enum { STOP_VECTOR = 0x40, ROUNDS = 16, ROM_MAX = 16384 };
enum { SPIN = 200000000, TRIES = 100000, DELAYS = 613 };
enum { GO_ON, STOP, PARKED, NOT_HERE };

/* One page-aligned ROM that says nothing of inlining: every site becomes a call. */
static uint8_t silent_rom[ROM_MAX] __attribute__((aligned(4096)));
static uint8_t saved[8192];
static uint8_t thunks[4096];
static struct vmi_linkage linkage;
static volatile uint32_t order, state, done, errors, rounds, sent_away, writes_alone;
static uint32_t other_apic_id, cr0_expected;

/* --- the second CPU --- */

static void on_stop(struct trap_frame *frame) {
    guest_apic_write(APIC_EOI, 0);
    if (order != STOP) {
        return;
    }
    if (!vmi_may_park(&linkage, frame->eip)) {
        state = NOT_HERE;
        return;
    }
    state = PARKED;
    while (order == STOP) {
        native_pause();
    }
    vmi_serialize();
    state = GO_ON;
}

static void error_unless(int right) {
    if (!right) {
        errors++;
    }
}

static void run_sites(void) {
    static volatile uint32_t entry;
    static volatile uint64_t wide;
    static uint64_t table[4];
    uint32_t n = rounds, leaf[4];
    entry = n;
    error_unless(vmi_swap_pxe(&entry, ~n) == n && entry == ~n);
    vmi_set_pxe(n, &entry, VMI_PAGE_PT);
    error_unless(entry == n);
    error_unless((vmi_test_and_set_pxe_bit(&entry, 3) != 0) == ((n & 8) != 0));
    vmi_set_pxe_long(0x123456789ull * n, &wide, VMI_PAGE_PT);
    error_unless(wide == 0x123456789ull * n);
    vmi_write_gdt_entry(table, n % 4, ~0x123456789ull * n);
    error_unless(table[n % 4] == ~0x123456789ull * n);
    error_unless(vmi_get_cr0() == cr0_expected);
    vmi_disable_interrupts();
    error_unless((vmi_get_interrupt_mask() & VMI_INTERRUPT_MASK) == 0);
    vmi_set_interrupt_mask(VMI_INTERRUPT_MASK);
    error_unless((vmi_get_interrupt_mask() & VMI_INTERRUPT_MASK) != 0);
    vmi_flush_tlb(VMI_FLUSH_TLB);
    vmi_allocate_page(n, VMI_PAGE_PT, 0, 0, 0);
    vmi_cpuid(0, 0, leaf);
    error_unless(leaf[0] != 0);
    vmi_pause();
    rounds = n + 1;
}

static void second_cpu(void *arg) {
    (void)arg;
    guest_apic_enable();
    cr0_expected = read_cr0();
    other_apic_id = guest_apic_id();
    vmi_enable_interrupts();
    while (!done) {
        run_sites();
    }
    vmi_disable_interrupts();
}

/* --- the first CPU --- */

static int stop_other(void) {
    order = STOP;
    for (uint32_t i = 0; i < TRIES; i++) {
        state = GO_ON;
        guest_apic_send_ipi(other_apic_id, STOP_VECTOR);
        for (uint32_t n = 0; n < SPIN && state == GO_ON; n++) {
            native_pause();
        }
        if (state != NOT_HERE) {
            return state == PARKED;
        }
        sent_away++;
        /* In step, each would find it at one place: behind what a hypervisor serves. The longest
         * delay is longer than serving a call. */
        for (uint32_t n = 0; n < i % DELAYS; n++) {
            native_pause();
        }
    }
    return 0;
}

static VMI_CDECL void alone(VMI_CDECL void (*work)(void *), void *argument) {
    if (!stop_other()) {
        fail("the second CPU cannot be stopped: state %u, sent away %u times, %u rounds", state,
             sent_away, rounds);
        return;
    }
    uint32_t before = rounds;
    work(argument);
    writes_alone += before == rounds;
    order = GO_ON;
    for (uint32_t n = 0; n < SPIN && state == PARKED; n++) {
        native_pause();
    }
}

/* So that every state of the sites is run. */
static void let_it_run(void) {
    uint32_t from = rounds;
    for (uint32_t n = 0; n < SPIN && rounds - from < 3; n++) {
        native_pause();
    }
    if (rounds == from) {
        fail("the second CPU is lost after %u rounds", rounds);
    }
}

static struct vmi_rom describe(uint8_t *base) {
    struct vmi_rom rom = {.base = base,
                          .physical = (uint32_t)base,
                          .size = rom_size,
                          .minor = base[0x0C],
                          .major = base[0x0D]};
    return rom;
}

static void link_rounds(void) {
    struct vmi_rom found = describe(guest_at(rom_physical));
    memcpy(silent_rom, rom_first, rom_size);
    memset(silent_rom + VMI_INLINE_OFFSET, 0, 4);
    struct vmi_rom silent = describe(silent_rom);
    uint32_t sites = (uint32_t)(linkage.end - linkage.first);
    for (uint32_t round = 0; round < ROUNDS && !errors; round++) {
        equal("linking to calls", (uint32_t)vmi_link(&linkage, &silent), 0);
        if (silent.major == VMI_API_MAJOR_13) { /* in API 3.0 the policy says which */
            equal("sites called", linkage.count[VMI_SITE_CALLED], sites);
        }
        let_it_run();
        equal("linking to the ROM", (uint32_t)vmi_link(&linkage, &found), 0);
        equal("sites of any kind",
              linkage.count[VMI_SITE_NATIVE] + linkage.count[VMI_SITE_INLINED] +
                  linkage.count[VMI_SITE_CALLED],
              sites);
        let_it_run();
        equal("linking to calls again", (uint32_t)vmi_link(&linkage, &silent), 0);
        equal("unlinking", (uint32_t)vmi_unlink(&linkage), 0);
        let_it_run();
    }
}

static void other_cpu_runs_through_sites(void) {
    extern const uint8_t guest_text_start[], guest_text_end[];
    struct vmi_linkage fresh = {.first = vmi_annotations,
                                .end = vmi_annotations_end,
                                .translations = vmi_translations,
                                .translations_end = vmi_translations_end,
                                .text = guest_text_start,
                                .text_end = guest_text_end,
                                .saved = saved,
                                .saved_end = saved + sizeof(saved),
                                .thunks = thunks,
                                .thunks_end = thunks + sizeof(thunks),
                                .alone = alone};
    linkage = fresh;
    order = state = GO_ON;
    done = errors = rounds = sent_away = writes_alone = 0;
    guest_set_handler(STOP_VECTOR, on_stop);
    if (guest_ap_start(second_cpu, NULL)) {
        skip("no second CPU");
        return;
    }
    let_it_run();
    link_rounds();
    done = 1;
    for (uint32_t i = 0; i < 5000 && !guest_ap_done(); i++) {
        guest_delay_us(1000);
    }
    equal("the second CPU is done", (uint32_t)guest_ap_done(), 1);
    equal("wrong results of sites", errors, 0);
    equal("writes while the other ran", 4 * ROUNDS - writes_alone, 0);
    note("%u rounds through the sites, sent away %u times", rounds, sent_away);
}

const struct test link_tests[] = {
    {"sites_are_linked_while_another_cpu_runs_through_them", other_cpu_runs_through_sites, 0, {0}},
    {NULL, NULL, 0, {0}}};
