/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Runs a test, and brings the machine back to where it was. */
#include "machine.h"

uint32_t features, boot_phase;
const uint8_t *rom_first;

static uint32_t initial_cr0, initial_cr4;
static enum {
    TIMER_UNKNOWN,
    TIMER_WORKS,
    TIMER_ABSENT
} timer; /* ABSENT: it was waited for in vain */

void machine_start(void) {
    features = guest_cpu_features();
    initial_cr0 = read_cr0() & ~(uint32_t)(CR0_TS | CR0_EM | CR0_WP);
    initial_cr4 = kernel_cr4() & ~(uint32_t)(CR4_PAE | CR4_PGE | CR4_PSE);
    rom_first = guest_at(GUEST_FREE_MEMORY + 0x200000);
}

/* ---- The machine ---- */

void drain_interrupts(void) {
    guest_pit_stop();
    for (uint32_t i = 0; i < 3; i++) {
        native_sti();
        __asm__ volatile("nop; nop");
        native_cli();
        guest_pic_unmask(0);
    }
    guest_pic_mask(0);
    guest_irq_count[0] = 0;
}

int make_irq0_pending(void) {
    guest_irq_count[0] = 0;
    guest_pit_oneshot(50);
    guest_pic_unmask(0);
    for (uint32_t i = 0; i < 10000000 && timer != TIMER_ABSENT; i++) {
        if (guest_pic_pending() & 1) {
            timer = TIMER_WORKS;
            return 1;
        }
    }
    if (timer != TIMER_WORKS) {
        timer = TIMER_ABSENT;
        skip("no timer interrupt");
        return 0;
    }
    fail("the PIT raised no interrupt");
    return 0;
}

void machine_reset(void) {
    native_cli();
    guest_paging_off();
    guest_page_free_all();
    write_cr0(initial_cr0);
    if (guest_has_cpuid) {
        write_cr4(initial_cr4);
    }
    guest_descriptors_reset();
    for (uint32_t vector = 0; vector < 256; vector++) {
        guest_set_handler((uint8_t)vector, NULL);
    }
    write_dr7(0x400);
    write_dr6(0xFFFF0FF0);
    drain_interrupts();
    write_eflags(EFLAGS_FIXED);
}

/* ---- Running ---- */

/* Whether the API has the calls of the test. */
int is_possible(const struct test *t) {
    int any = 0, all = 1;
    for (uint32_t i = 0; i < MAX_CALLS && t->calls[i]; i++) {
        any |= has_call(t->calls[i]);
        all &= has_call(t->calls[i]);
    }
    return t->flags & ANY ? any : all;
}

static void run_body(void *arg) {
    ((const struct test *)arg)->run();
}

static void report_fault(const struct guest_fault *fault) {
    const struct trap_frame *f = &fault->frame;
    fail("trap %u (error %x, cr2 %08x) at %08x; the last call was %s", f->vector, f->error,
         fault->cr2, f->eip, call_name(last_call));
    if (f->eip - rom_base < rom_size) {
        fail("that is the image at offset %x: slot %u", f->eip - rom_base,
             (f->eip - rom_base) / SLOT_SIZE);
    }
}

void run_test(const struct test *t) {
    static struct guest_fault fault;
    memset(&verdict, 0, sizeof(verdict));
    memset(calls_made, 0, VMI_CALL_SLOTS);
    last_call = 0;
    if (guest_try(run_body, (void *)t, &fault)) {
        report_fault(&fault);
    }
    machine_reset();
    if (memcmp((const void *)rom_physical, rom_first, rom_size) != 0) {
        fail("the image was written to");
    }
}
