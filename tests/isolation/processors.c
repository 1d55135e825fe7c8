/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* What one processor can send to others: to some that nobody has started, to one that runs. All
 * others must run under the monitor, whatever is sent to them, and start as without it. */

#include "isolation.h"
#include "vmi/api.h"
#include "vmi/calls.h"

#define MSR_APIC_BASE  0x1Bu
#define MSR_X2APIC     0x800u
#define APIC_LDR       0xD0u
#define ICR_ASSERT     0x4000u
#define ICR_SMI        0x0200u
#define ICR_NMI        0x0400u
#define ICR_INIT       0x0500u
#define ICR_STARTUP    0x0600u
#define ICR_LOGICAL    0x0800u
#define ICR_ALL        0x80000u
#define ICR_OTHERS     0xC0000u
#define SMBASE_CODE    0x38000u
#define SPIN_AT        0x8000u
#define BEAT_AT        0x9000u
#define ANSWER_AT      0xA000u
#define STARTUP(at)    (ICR_STARTUP | (at) >> 12)
#define TELL_AT        PAYLOAD
#define PORT_A20       0x92u
#define RESET_FAST     0x01
#define GATE_OPEN      0x02
#define A20            0x100000u
#define IN_VAIN        20000u /* microseconds in which nothing is to come */
#define NO_LOGICAL_ID  (is_x2apic ? 0x10001u : 1u)
#define TRIES          10u
#define MOST           8u /* that the monitor runs */
#define NMI_PACE       2000u
#define SPINS          3000000u
#define LATEST         50000u
#define LATEST_TO_STOP 1000u

static int is_x2apic;

static void send(uint32_t id, uint32_t command) {
    if (is_x2apic) {
        native_wrmsr(MSR_X2APIC + APIC_ICR_LOW / 16, (uint64_t)id << 32 | command | ICR_ASSERT);
        return;
    }
    guest_apic_write(APIC_ICR_HIGH, id << 24);
    guest_apic_write(APIC_ICR_LOW, command | ICR_ASSERT);
}

static void start(uint32_t id, uint32_t at) {
    send(id, ICR_INIT);
    guest_delay_us(10000);
    send(id, STARTUP(at));
}

static void wait_in_vain(void) {
    for (uint32_t us = 0; us < IN_VAIN; us += NMI_PACE) {
        guest_delay_us(NMI_PACE);
    }
}

static void place(uint32_t at, const uint8_t *from, const uint8_t *end) {
    memcpy(guest_at(at), from, (size_t)(end - from));
}

/* Everything that would lead a processor to the payload outside of the monitor. */
static void lay_traps(void) {
    place(SMBASE_CODE, jump, jump_end);
    place(SPIN_AT, spin, spin_end);
    place(BEAT_AT, beat, beat_end);
    place(ANSWER_AT, answer, answer_end);
    COUNTER(2 * 4) = PAYLOAD; /* NMI */
    place(0x42, jump, jump_end);
}

static void reaches_nobody(uint32_t count) {
    static const uint32_t commands[] = {ICR_SMI, ICR_NMI, STARTUP(TELL_AT), 0x41};
    for (uint32_t n = 0; n < sizeof(commands) / sizeof(*commands); n++) {
        for (uint32_t id = 1; id < count; id++) {
            send(id, commands[n]);
        }
    }
    send(0, ICR_OTHERS | ICR_SMI);
    send(0, ICR_OTHERS | ICR_NMI);
    send(0, ICR_OTHERS | STARTUP(TELL_AT));
    send(NO_LOGICAL_ID, ICR_LOGICAL | ICR_INIT);
    send(NO_LOGICAL_ID, ICR_LOGICAL | STARTUP(TELL_AT));
    wait_in_vain();
    same("no_interrupt_starts_those_that_wait", 0, TOLD);
}

/* Machines take a store beside the registers for a message, or for a register. */
static void stores_are_no_messages(void) {
    volatile uint32_t *message = guest_at(guest_apic_base() + 0x1000);
    volatile uint32_t *low = guest_at(guest_apic_base());
    volatile uint32_t *other_name = guest_at(guest_apic_base() + APIC_ICR_LOW + 4);
    if (!is_x2apic) {
        guest_apic_write(APIC_ICR_HIGH, 1u << 24);
    }
    *other_name = ICR_ASSERT | ICR_INIT;
    *message = ICR_ASSERT | ICR_INIT;
    *low = ICR_ASSERT | ICR_INIT;
    __asm__ volatile("lock orl %1, %0" : "+m"(*message) : "r"(ICR_ASSERT | ICR_INIT));
    guest_delay_us(10000);
    *other_name = ICR_ASSERT | STARTUP(TELL_AT);
    *message = ICR_ASSERT | STARTUP(TELL_AT);
    *low = ICR_ASSERT | STARTUP(TELL_AT);
    wait_in_vain();
    same("stores_beside_the_registers_send_nothing", 0, TOLD);
}

/* With the A20 gate closed an address whose bit 20 is set means the one 1 MiB below it, to the
 * machine. */
static void store_past_the_gate(uint32_t offset, uint32_t value) {
    volatile uint32_t *alias = guest_at(guest_apic_base() | A20 | offset);
    outb(PORT_A20, inb(PORT_A20) & ~(RESET_FAST | GATE_OPEN));
    *alias = value;
    outb(PORT_A20, (inb(PORT_A20) & ~RESET_FAST) | GATE_OPEN);
}

static void the_a20_gate_leads_to_no_register(void) {
    uint32_t before = TOLD, priority = guest_apic_read(APIC_TPR);
    store_past_the_gate(APIC_TPR, priority ^ 0x50);
    same("a_store_through_the_closed_a20_gate_is_none_to_a_register", priority,
         guest_apic_read(APIC_TPR));
    guest_apic_write(APIC_TPR, priority);
    guest_apic_write(APIC_ICR_HIGH, 1u << 24);
    store_past_the_gate(APIC_ICR_LOW, ICR_ASSERT | ICR_SMI);
    store_past_the_gate(APIC_ICR_LOW, ICR_ASSERT | ICR_INIT);
    guest_delay_us(10000);
    store_past_the_gate(APIC_ICR_LOW, ICR_ASSERT | STARTUP(TELL_AT));
    call(VMI_CALL_SetPxE0, (guest_apic_base() | A20) + APIC_ICR_LOW, 0, ICR_ASSERT | ICR_SMI);
    wait_in_vain();
    same("nor_does_it_start_another", before, TOLD);
}

static void starts_each(uint32_t count) {
    uint32_t most = count < MOST ? count : MOST;
    for (uint32_t id = 1; id < most; id++) {
        uint32_t before = TOLD;
        start(id, TELL_AT);
        rises(&TOLD, before);
    }
    same("each_starts_when_it_is_told_to", most - 1, TOLD);
    for (uint32_t id = most; id < count; id++) {
        start(id, TELL_AT);
    }
    send(1, STARTUP(TELL_AT));
    wait_in_vain();
    same("no_other_does_nor_one_twice", most - 1, TOLD);
}

/* While another processor rewrites what is at address 0. */
static void starts_in_a_race(void) {
    uint32_t before = TOLD, started = 0;
    start(1, SPIN_AT);
    wait_in_vain();
    same("a_processor_writes_at_address_0", 0x40EB, COUNTER(0) & 0xFFFF);
    for (uint32_t n = 0; n < TRIES; n++, before = TOLD) {
        start(2, TELL_AT);
        started += rises(&TOLD, before);
    }
    same("nothing_of_ours_is_at_address_0_when_another_starts", TRIES, started);
}

static uint32_t beats(void) {
    return rises(&BEATS, BEATS);
}

static uint32_t beats_on(void) {
    uint32_t before = BEATS;
    wait_in_vain();
    return BEATS != before;
}

/* The message may come late on a busy machine. */
static uint32_t stops(void) {
    for (uint32_t n = 0; n < LATEST_TO_STOP; n++) {
        if (!beats_on()) {
            return 1;
        }
    }
    return 0;
}

static void stops_one_that_runs(void) {
    start(1, BEAT_AT);
    same("a_processor_runs", 1, beats());
    send(1, STARTUP(TELL_AT));
    same("it_hears_no_startup", 1, beats());
    send(1, ICR_SMI);
    same("nor_an_smi", 1, beats());
    send(1, ICR_INIT);
    same("an_init_stops_it", 1, stops());
    send(1, STARTUP(BEAT_AT));
    same("and_a_startup_starts_it_again", 1, beats());
    if (!is_x2apic) {
        return;
    }
    send(1, ICR_INIT);
    stops();
    send(1u << 1, ICR_LOGICAL | STARTUP(BEAT_AT)); /* cluster 0 */
    same("also_by_its_logical_id", 1, beats());
}

static void answers_nmis(void) {
    uint32_t seen = 0;
    COUNTER(2 * 4) = ANSWER_AT;
    for (uint32_t n = 0; n < TRIES; n++) {
        uint32_t before = NMIS;
        send(1, ICR_NMI);
        seen += rises(&NMIS, before);
    }
    same("one_that_runs_takes_every_nmi", TRIES, seen);
    same("once", TRIES, NMIS);
    same("and_runs_on", 1, beats());
    send(1, ICR_INIT);
    same("it_is_stopped_again", 1, stops());
    send(1, ICR_NMI);
    send(1, STARTUP(BEAT_AT));
    same("after_an_init_it_starts", 1, beats());
    wait_in_vain();
    same("without_an_nmi_of_before", TRIES, NMIS);
    COUNTER(2 * 4) = PAYLOAD;
}

/* Its own timer sends it SMIs; the BIOS has not set its SMBASE. */
static void asks_itself(void *unused) {
    (void)unused;
    guest_apic_write(APIC_SVR, 0x1FF);
    guest_apic_write(APIC_LVT_TIMER, ICR_SMI);
    guest_apic_write(APIC_TIMER_INITIAL, 1000);
    for (volatile uint32_t n = 0; n < SPINS; n++) {
    }
}

static void sends_itself_smis(void) {
    uint32_t before = TOLD;
    same("a_processor_asks_its_own_timer", 0, (uint32_t)guest_ap_start(asks_itself, NULL));
    for (uint32_t i = 0; i < LATEST && !guest_ap_done(); i++) {
        guest_delay_us(200);
    }
    same("it_comes_back", 1, (uint32_t)guest_ap_done());
    same("and_its_own_interrupts_are_no_smis", before, TOLD);
}

/* A state that no processor takes is ignored: the AP starts as without one. */
static void hands_it_bad_states(void) {
    static const uint32_t bad[][3] = {
        {CR0_NW, 0, 0},     {0, 0xFFFFFFFF, 0}, {0, 0x20000, 0}, {0, 0x80000000, 0},
        {0, 0, 0xFFFFFEFF}, {0, 0, 0x400},      {0, 0, 0x2},     {CR0_NW, 0x8000, 0x2000},
    };
    struct guest_space space = guest_space_new(0);
    struct descriptor_pointer gdt;
    uint32_t started = 0;
    native_sgdt(&gdt);
    for (uint32_t n = 0; n < sizeof(bad) / sizeof(*bad); n++) {
        struct vmi_ap_state state = {.cr0 = CR0_PE | CR0_ET | CR0_PG | bad[n][0],
                                     .cr3 = space.cr3,
                                     .cr4 = bad[n][1],
                                     .efer_low = bad[n][2],
                                     .eip = TELL_AT + 0x800,
                                     .eflags = EFLAGS_FIXED,
                                     .cs = SEL_KCODE,
                                     .ss = SEL_KDATA,
                                     .gdtr_limit = gdt.limit,
                                     .gdtr_base = gdt.base};
        uint32_t before = TOLD;
        call(VMI_CALL_SetInitialAPState, (uint32_t)&state, 0, 1);
        start(1, TELL_AT);
        started += rises(&TOLD, before);
    }
    same("a_state_that_no_processor_takes_is_none", sizeof(bad) / sizeof(*bad), started);
}

static void bears_the_registers(void) {
    same("the_local_apics_id_stays", guest_apic_id(),
         (guest_apic_write(APIC_ID, 5u << 24), guest_apic_id()));
}

/* --- x2APIC --- */

static void read_reserved(void *msr) {
    native_rdmsr((uint32_t)msr);
}

static void write_reserved(void *msr) {
    native_wrmsr((uint32_t)msr, UINT64_MAX);
}

static void turn_on_x2apic(void) {
    native_wrmsr(MSR_APIC_BASE, native_rdmsr(MSR_APIC_BASE) | 0x400);
    same("the_mode_is_on", 0x400, (uint32_t)native_rdmsr(MSR_APIC_BASE) & 0x400);
    same("a_register_that_is_none_is_not_there", VECTOR_GP, fault_of(read_reserved, (void *)0x805));
    same("nor_written", VECTOR_GP, fault_of(write_reserved, (void *)0x805));
    fault_of(write_reserved, (void *)(MSR_X2APIC + APIC_ICR_LOW / 16));
    *(volatile uint32_t *)guest_at(guest_apic_base() + 0x400) = 1;
    __asm__ volatile("lock incl %0"
                     : "+m"(*(volatile uint32_t *)guest_at(guest_apic_base() + 0x400)));
    report("memory_without_registers_does_no_harm", 1, 0);
}

void try_others(uint32_t count, int x2apic) {
    lay_traps();
    guest_apic_enable();
    if (x2apic) {
        turn_on_x2apic();
    }
    is_x2apic = x2apic;
    reaches_nobody(count);
    stores_are_no_messages();
    if (!x2apic) {
        the_a20_gate_leads_to_no_register();
    }
    starts_each(count);
    if (!x2apic) {
        bears_the_registers();
    }
    if (count > 2) {
        starts_in_a_race();
    }
    stops_one_that_runs();
    answers_nmis();
    hands_it_bad_states();
    if (!x2apic) {
        sends_itself_smis();
    }
}
