/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* The APs: taken over, called by each other, started, as processors.c does it. TAP. */

#define _GNU_SOURCE /* NOLINT(bugprone-reserved-identifier): the library wants this name */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "guest.h"
#include "svm/breakpoints.h"
#include "svm/guest_memory.h"
#include "svm/watch.h"
#include "vmi/api.h"

extern uint8_t processor_numbers[IDS];

/* --- the launch, which is once in a process --- */

#define CODE_SIZE 40u
#define SENT      8u

static struct {
    unsigned sent;
    uint32_t command[SENT], high[SENT];
    uint64_t at[SENT]; /* of the counter */
    bool lent[SENT];   /* the code is at address 0 */
    uint64_t end;
    uint8_t low[64];
    uint32_t kept_high;
    char said[256];
} launch;

static uint64_t step = 100;         /* of the counter */
static bool late;                   /* they come 20 ms behind the last one */
static unsigned come_at, spares_at; /* by how many interrupts; 0: never */
static uint8_t trampoline[CODE_SIZE];
static unsigned stayed; /* for good */

static void come(void) {
    for (unsigned i = 1; i < MAX_PROCESSORS; i++) {
        has_arrived(i);
    }
}

static void come_to_stay(void) {
    jmp_buf end;
    memcpy(&end, &guest_end, sizeof(end));
    host.patience = 0;
    host.wait_nmis = 0;
    guest_may_end = true;
    if (setjmp(guest_end)) {
        stayed++;
    } else {
        park();
    }
    guest_may_end = false;
    memcpy(&guest_end, &end, sizeof(end));
}

/* At each look at the counter. */
static void watch_the_launch(void) {
    unsigned sent = 0;
    if (late && launch.sent == 3 && bare_tsc > launch.at[2] + 20000) {
        late = false;
        come();
        come_to_stay();
        come_to_stay();
    }
    for (unsigned i = 0; i < bare_count; i++) {
        bool is = bare_events[i].kind == BARE_STORE && bare_events[i].where == APIC_ICR;
        is |= bare_events[i].kind == BARE_WRMSR && bare_events[i].where == MSR_X2APIC_ICR;
        if (is && sent++ == launch.sent && launch.sent < SENT) {
            launch.command[launch.sent] = (uint32_t)bare_events[i].value;
            launch.high[launch.sent] = (uint32_t)(bare_events[i].value >> 32);
            launch.lent[launch.sent] = !memcmp(bare_low, trampoline, CODE_SIZE);
            launch.at[launch.sent++] = bare_tsc;
            if (launch.sent == come_at) {
                come();
            }
            if (launch.sent == spares_at) {
                come_to_stay();
                come_to_stay();
            }
        }
    }
}

static void take(void) {
    guest_reset();
    for (unsigned i = 0; i < 64; i++) {
        bare_low[i] = (uint8_t)(0x80 + i);
        trampoline[i % CODE_SIZE] = (uint8_t)(1 + i % CODE_SIZE);
    }
    *bare_apic(APIC_ICR_HIGH) = 0x5A000000;
    *bare_apic(APIC_LDR) = 0x01000000;
    *bare_apic(APIC_DFR) = DFR_FLAT;
    bare_tsc_step = step;
    bare_tsc_hook = watch_the_launch;
    take_processors(trampoline, CODE_SIZE);
    bare_tsc_hook = NULL;
    launch.end = bare_tsc;
    launch.kept_high = *bare_apic(APIC_ICR_HIGH);
    memcpy(launch.low, bare_low, 64);
    strncpy(launch.said, said(), sizeof(launch.said) - 1);
}

/* Another launch, in a process of its own. */
static bool in_a_child(bool (*scenario)(void)) {
    int status = 1;
    pid_t child;
    fflush(stdout);
    child = fork();
    if (!child) {
        _exit(!scenario());
    }
    waitpid(child, &status, 0);
    return !status;
}

static bool between(uint64_t value, uint64_t least, uint64_t most) {
    return value >= least && value <= most;
}

static bool some_come_late(void) {
    late = true;
    step = 1000; /* two for each wait of a millisecond */
    take();
    return launch.sent == 3 && between(launch.end - launch.at[2], 20000, 25000) && *launch.said;
}

static bool others_come_at_once(void) {
    come_at = 2;
    spares_at = 2;
    take();
    /* of the BSP the logical ID is known, too */
    return launch.sent == 2 && launch.end - launch.at[1] < 2000 && stayed == 2 &&
           ENDS(send_interrupt(&vcpus[1], ICR_INIT | ICR_ASSERT | ICR_LOGICAL, 1));
}

/* For a second behind the last STARTUP: two steps of the counter for each wait of a millisecond. */
static bool nobody_comes(void) {
    step = 1000;
    take();
    return launch.sent == 3 && between(launch.end - launch.at[2], 1999000, 2001000) &&
           stayed == 0 && !*launch.said;
}

static bool listed_from_another_one_on(void) {
    guest_first = 1;
    come_at = spares_at = 2;
    take();
    for (unsigned i = 0; i < MAX_PROCESSORS; i++) {
        if (processor_numbers[guest_ids[i]] != i) {
            return false;
        }
    }
    return processor_numbers[0] == 0xFF;
}

static bool without_a_list_and_alone(void) {
    guest_listed = 0;
    guest_reset();
    bare_set_cpuid(LEAF_FEATURES, 0, (const uint32_t[]){0, 3u << ID_BITS, 0, 0});
    bare_tsc_step = 100;
    bare_tsc_hook = watch_the_launch;
    take_processors(trampoline, 0);
    for (unsigned id = 0; id < MAX_PROCESSORS; id++) {
        if (processor_numbers[id] != (id < 3 ? id + 1 : id == 3 ? 0 : id)) {
            return false;
        }
    }
    return launch.sent == 2; /* nobody is missed */
}

static bool without_an_apic(void) {
    guest_reset();
    bare_set_msr(MSR_APIC_BASE, APIC_BASE);
    take_processors(trampoline, CODE_SIZE);
    return bare_count == 0 && bare_low[0] == 0;
}

static bool without_a_list(void) {
    unsigned named = 0;
    guest_listed = 0;
    come_at = 2;
    take();
    for (unsigned id = 0; id < IDS; id++) {
        named += processor_numbers[id] != 0xFF;
        if (id < 7 && processor_numbers[id] != id + 1) {
            return false;
        }
    }
    /* nobody is waited for but those that come by themselves */
    return named == 8 && processor_numbers[BSP_ID] == 0 && launch.sent == 2 &&
           launch.end - launch.at[1] < 2000;
}

static bool without_a_frequency(void) {
    guest_hz = 0;
    come_at = spares_at = 2;
    guest_reset();
    bare_tsc_step = 37000; /* a thousandth less would be a step less */
    *bare_apic(APIC_ICR_HIGH) = 0;
    bare_tsc_hook = watch_the_launch;
    take_processors(trampoline, 0);
    return launch.sent == 2 && between(launch.at[1] - launch.at[0], 40050000, 41000000);
}

static bool by_x2apic(void) {
    come_at = spares_at = 2;
    guest_reset();
    bare_set_msr(MSR_APIC_BASE, APIC_BASE | APIC_BASE_ENABLED | APIC_BASE_X2);
    for (uint32_t msr = MSR_X2APIC; msr < MSR_X2APIC + 0x40; msr++) {
        bare_set_msr(msr, 0x1000);
    }
    bare_tsc_step = 100;
    bare_tsc_hook = watch_the_launch;
    take_processors(trampoline, 0);
    return launch.sent == 2 && launch.command[0] == (ICR_OTHERS | ICR_ASSERT | ICR_INIT) &&
           launch.high[0] == 0 && bare_times(BARE_WRMSR, MSR_X2APIC_ICR) == 2 &&
           !bare_times(BARE_STORE, APIC_ICR_HIGH);
}

static bool alone[9];

static void the_others_are_waited_for_and_no_longer(void) {
    expect(true, alone[0]);
    expect(true, alone[1]);
    expect(true, alone[6]);
}

static void without_a_local_apic_nobody_is_called(void) {
    expect(true, alone[2]);
}

static void without_a_list_the_first_ids_are_theirs(void) {
    expect(true, alone[3]);
    expect(true, alone[8]);
}

static void without_a_frequency_the_counter_is_taken_for_fast(void) {
    expect(true, alone[4]);
}

static void an_x2apic_is_told_by_its_msr(void) {
    expect(true, alone[5]);
}

static void an_init_and_two_startups_lend_the_code_and_give_the_memory_back(void) {
    expect(3, launch.sent);
    expect(ICR_OTHERS | ICR_ASSERT | ICR_INIT, launch.command[0]);
    expect(ICR_OTHERS | ICR_ASSERT | ICR_STARTUP, launch.command[1]);
    expect(ICR_OTHERS | ICR_ASSERT | ICR_STARTUP, launch.command[2]);
    expect(true, between(launch.at[1] - launch.at[0], 10000, 10500));
    expect(true, between(launch.at[2] - launch.at[1], 1000, 1500));
    expect(true, launch.end - launch.at[2] < 3000);
    expect(true, launch.lent[0] && launch.lent[1] && launch.lent[2]);
    for (unsigned i = 0; i < 64; i++) {
        expect(0x80 + i, launch.low[i]);
    }
    expect(0x5A000000, launch.kept_high);
    expect(0, strcmp(launch.said, "# monitor: launched: processors 8 parked for good 2\n"));
}

static void each_has_its_place_by_its_id(void) {
    unsigned named = 0;
    for (unsigned i = 0; i < MAX_PROCESSORS; i++) {
        expect(i, processor_numbers[guest_ids[i]]);
    }
    for (unsigned id = 0; id < IDS; id++) {
        named += processor_numbers[id] != 0xFF;
    }
    expect(MAX_PROCESSORS, named);
    expect(true, alone[7]);
    expect(IDS, guest_room); /* each ID once */
}

/* --- sending --- */

static void flat(void) {
    for (unsigned i = 0; i < MAX_PROCESSORS; i++) {
        *bare_apic(APIC_LDR) = 1u << (24 + i);
        *bare_apic(APIC_DFR) = DFR_FLAT;
        note_logical_id(&vcpus[i]);
    }
    *bare_apic(APIC_LDR) = 0;
}

static void reset(void) {
    guest_reset();
    flat();
    bare_count = 0;
}

static void use_x2apic(void) {
    bare_set_msr(MSR_APIC_BASE, APIC_BASE | APIC_BASE_ENABLED | APIC_BASE_X2);
    for (uint32_t msr = MSR_X2APIC; msr < MSR_X2APIC + 0x40; msr++) {
        bare_set_msr(msr, 0);
    }
}

static uint32_t called(void) {
    uint32_t bits = 0;
    for (unsigned i = 0; i < MAX_PROCESSORS; i++) {
        bits |= (uint32_t)vcpus[i].registers.called << i;
        vcpus[i].registers.called = vcpus[i].kicked = false;
    }
    return bits;
}

static uint32_t whom(uint32_t command, uint32_t destination) {
    called();
    expect(true, send_interrupt(vcpu, command, destination));
    return called();
}

#define INIT (ICR_INIT | ICR_ASSERT)

static void an_init_is_for_whom_the_destination_names(void) {
    vcpu = &vcpus[1];
    for (unsigned i = 1; i < MAX_PROCESSORS; i++) {
        expect(1u << i, whom(INIT, guest_ids[i]));
        expect(1u << i, whom(INIT | ICR_LOGICAL, 1u << i));
    }
    expect(0, whom(INIT, guest_ids[8])); /* parked */
    expect(0, whom(INIT, 0));
    expect(0, whom(INIT, 0x100 + guest_ids[3]));
    expect(0xFE, whom(INIT | ICR_LOGICAL, 0xFE));
    expect(1u << 1, whom(INIT | ICR_SELF, guest_ids[3]));
    vcpu = &vcpus[0];
    expect(0xFE, whom(INIT | ICR_OTHERS, guest_ids[3]));
    vcpu = &vcpus[2];
    expect(true, ENDS(send_interrupt(vcpu, INIT | ICR_OTHERS, 0))); /* the BSP too: a reset */
}

/* By the guest's stores to its own local APIC. */
static void a_logical_id_is_known_when_it_is_written(void) {
    struct vcpu *second = &vcpus[2];
    guest_apic_write(second, APIC_LDR, 0x80000000);
    expect(0x84, whom(INIT | ICR_LOGICAL, 0x80));
    *bare_apic(APIC_LDR) = 0x24000000;
    guest_apic_write(second, APIC_DFR, 0x0FFFFFFF);
    expect(0x04, whom(INIT | ICR_LOGICAL, 0x2C) & 4);
    expect(0, whom(INIT | ICR_LOGICAL, 0x14) & 4); /* of another cluster */
    *bare_apic(APIC_LDR) = 0x40000000;
    guest_apic_write(second, APIC_LDR + 0x20, 0); /* SVR: no matter */
    guest_apic_write(second, APIC_TPR, 0);
    expect(0x04, whom(INIT | ICR_LOGICAL, 0x2C) & 4);
    called();
    *bare_apic(APIC_ICR_HIGH) = (uint32_t)guest_ids[5] << 24;
    guest_apic_write(vcpu, APIC_ICR, INIT);
    expect(1u << 5, called());
}

static void clusters_are_of_four(void) {
    for (unsigned i = 0; i < MAX_PROCESSORS; i++) {
        *bare_apic(APIC_LDR) = (i / 4 * 0x10u + 0x10 + (1u << i % 4)) << 24 | 0xFFFFFF;
        *bare_apic(APIC_DFR) = 0x0FFFFFFF;
        note_logical_id(&vcpus[i]);
    }
    expect(0x06, whom(INIT | ICR_LOGICAL, 0x16));
    expect(0xC0, whom(INIT | ICR_LOGICAL, 0x2C));
    expect(0xF0, whom(INIT | ICR_LOGICAL, 0x2F));
    expect(0, whom(INIT | ICR_LOGICAL, 0x20));
    expect(0, whom(INIT | ICR_LOGICAL, 0x3F));
}

static void in_x2apic_mode_the_logical_id_follows_from_the_id(void) {
    use_x2apic();
    vcpu = &vcpus[0];
    for (unsigned i = 1; i < MAX_PROCESSORS; i++) {
        uint32_t id = guest_ids[i];
        expect(1u << i, whom(INIT | ICR_LOGICAL, id / 16 << 16 | 1u << id % 16));
        expect(0, whom(INIT | ICR_LOGICAL, (id / 16 + 2) << 16 | 1u << id % 16));
        expect(1u << i, whom(INIT, id));
    }
    expect(0x0E, whom(INIT | ICR_LOGICAL, 2u << 16 | 0xFFFD));
    expect(0, whom(INIT, 0xFF)); /* nobody's */
    expect(true, ENDS(send_interrupt(vcpu, INIT, 0xFFFFFFFF)));
    bare_set_msr(MSR_X2APIC + APIC_LDR / 16, 0x55);
    note_logical_id(&vcpus[1]);
    bare_set_msr(MSR_APIC_BASE, APIC_BASE | APIC_BASE_ENABLED);
    expect(1u << 1, whom(INIT | ICR_LOGICAL, 2));
}

static void a_broadcast_with_the_bsp_is_a_reset(void) {
    static const struct {
        uint32_t command, destination;
    } cases[] = {{INIT | ICR_ALL, 0},        {INIT | ICR_SELF, 0}, {INIT, 0xFF},
                 {INIT | ICR_LOGICAL, 0xFF}, {INIT, BSP_ID},       {INIT | ICR_LOGICAL, 1}};
    for (volatile unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        bare_count = 0;
        expect(true, ENDS(send_interrupt(vcpu, cases[i].command, cases[i].destination)));
        expect(2, bare_times(BARE_OUT, 0xCF9));
        expect(0, called());
    }
    vcpu = &vcpus[3];
    expect(false, ENDS(send_interrupt(vcpu, ICR_STARTUP | ICR_ALL, 0)));
    called();
}

/* It is a level, of which the end means nothing. */
static void the_end_of_an_init_is_none(void) {
    expect(0, whom(ICR_INIT | ICR_LEVEL, guest_ids[2]));
    expect(4, whom(ICR_INIT, guest_ids[2]));
    expect(4, whom(ICR_INIT | ICR_LEVEL | ICR_ASSERT, guest_ids[2]));
    expect(0, whom(ICR_INIT | ICR_LEVEL | 1, guest_ids[2])); /* the vector is no matter */
    expect(4, whom(ICR_INIT | 1, guest_ids[2]));
}

static void a_startup_is_for_those_that_have_had_an_init(void) {
    uint32_t all = ICR_STARTUP | ICR_OTHERS | 0x13;
    whom(INIT | ICR_OTHERS, 0);
    whom(all, 0);
    expect(0, whom(all, 0));
    expect(8, whom(INIT, guest_ids[3]));
    expect(8, whom(all, 0));
    expect(8, whom(INIT, guest_ids[3]));
    expect(8, whom(all & ~1u, 0));
    expect(0, whom(ICR_STARTUP | 0x13, guest_ids[3]));
    expect(8, whom(INIT, guest_ids[3]));
    expect(8, whom(ICR_STARTUP | 0x13, guest_ids[3]));
}

static void a_kick_is_an_nmi_at_a_time(void) {
    *bare_apic(APIC_ICR_HIGH) = 0x77000000;
    called();
    send_interrupt(vcpu, INIT, guest_ids[3]);
    expect(true, vcpus[3].kicked);
    expect(3, bare_count);
    expect(APIC_ICR_HIGH, bare_events[0].where);
    expect((uint32_t)guest_ids[3] << 24, bare_events[0].value);
    expect(APIC_ICR, bare_events[1].where);
    expect(ICR_NMI | ICR_ASSERT, bare_events[1].value);
    expect(0x77000000, *bare_apic(APIC_ICR_HIGH));
    send_interrupt(vcpu, INIT, guest_ids[3]);
    expect(3, bare_count);
    vcpu = &vcpus[3];
    vcpu->kicked = false;
    send_interrupt(vcpu, INIT | ICR_SELF, 0);
    expect(3, bare_count);
    use_x2apic();
    called();
    bare_count = 0;
    vcpu = &vcpus[0];
    send_interrupt(vcpu, INIT, guest_ids[3]);
    expect(1, bare_count);
    expect((uint64_t)guest_ids[3] << 32 | ICR_NMI | ICR_ASSERT, bare_events[0].value);
    called();
}

static unsigned pending, icr_looks;

static uint32_t is_pending(uint32_t reg) {
    icr_looks += reg == APIC_ICR;
    if (reg == APIC_ICR && pending) {
        pending--;
        return ICR_PENDING;
    }
    return reg == APIC_ICR ? ~ICR_PENDING : *bare_apic(reg);
}

/* No store while a command is on its way; the one that is sent is on its way, too. */
static void send_slowly(uint32_t reg) {
    expect(0, pending);
    if (reg == APIC_ICR) {
        pending = 7;
    }
}

/* The last command is let go, and so is this one; for a while. */
static void a_command_that_is_on_its_way_is_waited_for(void) {
    pending = 20;
    icr_looks = 0;
    bare_hook_apic(is_pending);
    bare_store_hook = send_slowly;
    called();
    send_interrupt(vcpu, INIT, guest_ids[3]);
    expect(0, pending);
    expect(20 + 1 + 7 + 1, icr_looks);
    bare_hook_apic(NULL);
    bare_store_hook = NULL;
    *bare_apic(APIC_ICR) = ICR_PENDING;
    called();
    send_interrupt(vcpu, INIT, guest_ids[3]);
    called();
    bare_hook_apic(is_pending); /* one that never leaves: 10,000 looks in front and behind */
    pending = ~0u;
    icr_looks = 0;
    send_interrupt(vcpu, INIT, guest_ids[3]);
    expect(2 * 10000, icr_looks);
    bare_hook_apic(NULL);
    called();
}

static void an_smi_is_dropped_and_other_modes_are_sent(void) {
    called();
    for (uint32_t mode = 0; mode < 8; mode++) {
        uint32_t command = mode << 8 | 0x41 | ICR_ASSERT;
        bare_count = 0;
        *bare_apic(APIC_ICR) = 0;
        if (mode == 5 || mode == 6) {
            continue;
        }
        expect(true, send_interrupt(vcpu, command, guest_ids[3]));
        expect(mode == 2 ? 0 : command, *bare_apic(APIC_ICR));
        expect(mode == 2 ? 0 : 1, bare_count);
        expect(0, called());
    }
    use_x2apic();
    expect(true, send_interrupt(vcpu, 0x4041, 0x12345678));
    expect(0x1234567800004041, bare_events[bare_count - 1].value);
    bare_refuse(MSR_X2APIC_ICR);
    expect(false, send_interrupt(vcpu, 0x4041, 0));
    bare_refuse(0);
}

static void reserved_bits_are_gp_in_x2apic_mode_alone(void) {
    for (unsigned bit = 0; bit < 32; bit++) {
        bool reserved = ICR_RESERVED >> bit & 1;
        if (bit >= 8 && bit < 12) {
            continue;
        }
        bare_set_msr(MSR_APIC_BASE, APIC_BASE | APIC_BASE_ENABLED);
        expect(true, send_interrupt(vcpu, (ICR_SMI | 1u << bit) & ~0u, guest_ids[3]));
        use_x2apic();
        expect(!reserved, send_interrupt(vcpu, ICR_SMI | 1u << bit, guest_ids[3]));
        if (reserved) {
            expect(false, send_interrupt(vcpu, ICR_STARTUP | 1u << bit, guest_ids[3]));
        }
    }
    called();
}

/* --- being called --- */

static struct vcpu *other;

static void call_it(unsigned number, uint8_t vector) {
    other = &vcpus[number];
    vcpu = &vcpus[0];
    called();
    send_interrupt(vcpu, INIT, guest_ids[number]);
    send_interrupt(vcpu, ICR_STARTUP | vector, guest_ids[number]);
}

static void what_init_does_to_a_local_apic(void) {
    for (uint32_t reg = 0; reg < 0x400; reg += 16) {
        *bare_apic(reg) = reg >= APIC_ISR && reg < APIC_ESR ? 0 : 0x12345678;
    }
    call_it(4, 0x9A);
    bare_count = 0;
    obey(other);
    for (uint32_t reg = APIC_LVTT; reg <= APIC_LVT_LAST; reg += 16) {
        expect(LVT_MASKED, *bare_apic(reg));
        expect(1, bare_times(BARE_STORE, reg));
    }
    expect(0x12345678, *bare_apic(APIC_ICR - 0x10));
    expect(0, *bare_apic(APIC_COUNT) | *bare_apic(APIC_DIVIDER) | *bare_apic(APIC_TPR) |
                  *bare_apic(APIC_ESR) | *bare_apic(APIC_LDR));
    expect(SVR_INIT, *bare_apic(APIC_SVR));
    expect(2, bare_times(BARE_STORE, APIC_SVR));
    for (unsigned i = 0; i < bare_count; i++) {
        if (bare_events[i].where == APIC_SVR) {
            expect(SVR_ENABLED | SVR_INIT,
                   bare_events[i].value); /* the first: interrupts can be taken */
            break;
        }
    }
    expect(DFR_FLAT, *bare_apic(APIC_DFR));
    expect(0, bare_times(BARE_STORE, APIC_EOI));
    expect(1, host.unmasks);
    whom(INIT, guest_ids[4]); /* its logical ID is gone */
    expect(0, whom(ICR_STARTUP | ICR_LOGICAL, 1u << 4));
    whom(ICR_STARTUP, guest_ids[4]);
}

static void take_the_first(void) {
    for (uint32_t reg = APIC_IRR; reg <= APIC_IRR + 0x70; reg += 16) {
        if (*bare_apic(reg)) {
            *bare_apic(reg) &= *bare_apic(reg) - 1;
            return;
        }
    }
}

static void end_the_first(uint32_t reg) {
    for (uint32_t isr = APIC_ISR; reg == APIC_EOI && isr <= APIC_ISR + 0x70; isr += 16) {
        if (*bare_apic(isr)) {
            *bare_apic(isr) &= *bare_apic(isr) - 1;
            return;
        }
    }
}

static void interrupts_that_it_holds_are_lost(void) {
    host.on_take = take_the_first;
    *bare_apic(APIC_IRR) = 1u << 31;
    *bare_apic(APIC_IRR + 0x70) = 5;
    *bare_apic(APIC_IRR + 0x80) = *bare_apic(APIC_ISR - 0x10) = 1; /* no such registers */
    call_it(4, 1);
    bare_count = 0;
    obey(other);
    expect(3, bare_times(BARE_STORE, APIC_EOI));
    expect(3, host.take_interrupts);
    *bare_apic(APIC_ISR) = *bare_apic(APIC_ISR + 0x70) = 3;
    bare_store_hook = end_the_first;
    call_it(4, 1);
    bare_count = 0;
    obey(other);
    expect(4, bare_times(BARE_STORE, APIC_EOI));
    expect(3, host.take_interrupts);
    bare_store_hook = NULL; /* one that does not go */
    *bare_apic(APIC_ISR) = 1;
    call_it(4, 1);
    bare_count = 0;
    obey(other);
    expect(2 * 256, bare_times(BARE_STORE, APIC_EOI));
    for (unsigned i = 0; i < bare_count; i++) {
        expect(0, bare_events[i].where == APIC_EOI && bare_events[i].value);
    }
}

/* Else the mark would stay, and nobody would send the next one. */
static void a_kick_that_comes_with_them_is_taken(void) {
    host.on_take = take_the_first;
    host.interrupt = (struct taken){NO_VECTOR, 1};
    *bare_apic(APIC_IRR) = 1u << 31;
    call_it(4, 1);
    obey(other);
    expect(false, other->kicked);
    expect(0, host.take_nmis);
}

static void an_x2apic_keeps_its_logical_id(void) {
    use_x2apic();
    call_it(4, 1);
    bare_count = 0;
    obey(other);
    expect(1, bare_times(BARE_WRMSR, MSR_X2APIC + APIC_ESR / 16));
    expect(0, bare_times(BARE_WRMSR, MSR_X2APIC + APIC_LDR / 16));
    expect(0, bare_times(BARE_WRMSR, MSR_X2APIC + APIC_DFR / 16));
    expect(6, bare_times(BARE_WRMSR, MSR_X2APIC_LVTT) +
                  bare_times(BARE_WRMSR, MSR_X2APIC_LVTT + 1) +
                  bare_times(BARE_WRMSR, MSR_X2APIC_LVTT + 2) +
                  bare_times(BARE_WRMSR, MSR_X2APIC_LVTT + 3) +
                  bare_times(BARE_WRMSR, MSR_X2APIC_LVTT + 4) +
                  bare_times(BARE_WRMSR, MSR_X2APIC_LVTT + 5));
    bare_set_msr(MSR_APIC_BASE, APIC_BASE);
    call_it(4, 1);
    bare_count = 0;
    obey(other);
    expect(0, bare_times(BARE_STORE, APIC_SVR));
}

static void a_startup_is_real_mode_at_its_page(void) {
    static const struct segment data = {0, 0x93, 0xFFFF, 0}, ldt = {0, 0x82, 0xFFFF, 0},
                                tss = {0, 0x8B, 0xFFFF, 0};
    struct guest_state *s;
    other = &vcpus[5];
    s = state_of(other);
    other->vmcb->tsc_offset = 0x77;
    s->g_pat = 0x0606060606060606;
    s->cr3 = s->cr4 = s->rax = s->cr2 = s->lstar = 0x55;
    other->registers.gpr.rcx = 0x44;
    for (unsigned i = 0; i < 4; i++) {
        bare_dr[i] = 0x1000;
    }
    call_it(5, 0x9A);
    other->vmcb->eventinj = 0x99;
    obey(other);
    expect(0, memcmp(&s->cs, &(struct segment){0x9A00, 0x9B, 0xFFFF, 0x9A000}, sizeof(s->cs)));
    expect(0, memcmp(&s->ss, &data, sizeof(data)));
    expect(0, memcmp(&s->ds, &data, sizeof(data)));
    expect(0, memcmp(&s->es, &data, sizeof(data)));
    expect(0, memcmp(&s->fs, &data, sizeof(data)));
    expect(0, memcmp(&s->gs, &data, sizeof(data)));
    expect(0, memcmp(&s->ldtr, &ldt, sizeof(ldt)));
    expect(0, memcmp(&s->tr, &tss, sizeof(tss)));
    expect(0xFFFF, s->gdtr.limit);
    expect(0xFFFF, s->idtr.limit);
    expect(0, s->gdtr.base | s->idtr.base);
    expect(EFER_SVME, s->efer);
    expect(0x60000010, s->cr0);
    expect(0xFFFF0FF0, s->dr6);
    expect(0x400, s->dr7);
    expect(2, s->rflags);
    expect(0, s->rip | s->cr3 | s->cr4 | s->rax | s->cr2 | s->rsp);
    expect(0x0606060606060606, s->g_pat);
    expect(0x77, other->vmcb->tsc_offset);
    expect(INTERCEPT_RDTSC, other->vmcb->intercept_misc1 & INTERCEPT_RDTSC);
    expect(0x123456, other->registers.gpr.rdx);
    expect(0, other->registers.gpr.rcx);
    expect(0, bare_dr[0] | bare_dr[1] | bare_dr[2] | bare_dr[3]);
    expect(0, other->vmcb->eventinj);
    expect(1, bare_svm[BARE_VMSAVE].times);
    expect(1, bare_svm[BARE_VMLOAD].times);
    expect(other->vmcb_address, bare_svm[BARE_VMSAVE].rax);
    expect(other->vmcb_address, bare_svm[BARE_VMLOAD].rax);
    expect(false, other->registers.called);
}

static void exit_leaves_armed(void) {
    bare_dr[7] = DR7_ONES | DR7_LE;
}

static void exit_disarms(void) {
    bare_dr[7] = DR7_ONES;
}

/* On a processor that leaves breakpoints as they are. */
static void a_startup_disarms_breakpoints(void) {
    host.on_enter = exit_leaves_armed;
    start_breakpoints(vcpu);
    bare_dr[7] = DR7_ONES | 0xFF; /* of the guest before */
    call_it(5, 0x9A);
    obey(other);
    expect(DR7_ONES, bare_dr[7]);
    host.on_enter = exit_disarms;
    start_breakpoints(vcpu);
}

/* Until it is called it waits, and an NMI of before is dropped. */
static void one_that_waits_takes_nmis_and_no_more(void) {
    call_it(6, 0x10);
    obey(other);
    send_interrupt(vcpu, INIT, guest_ids[6]);
    host.patience = 3;
    host.wait_nmis = 0;
    host.waited_nmi = (struct taken){NO_VECTOR, 1};
    expect(true, ENDS(obey(other)));
    expect(4, host.wait_nmis);
    expect(false, other->kicked);
    expect(false, other->registers.called);
}

static void an_init_comes_before_a_startup_that_came_with_it(void) {
    call_it(6, 0x10);
    obey(other);
    call_it(6, 0x20);
    expect(true, other->registers.called);
    host.unmasks = 0;
    obey(other);
    expect(1, host.unmasks);
    expect(0x2000, state_of(other)->cs.selector);
    send_interrupt(vcpu, INIT, guest_ids[6]);
    send_interrupt(vcpu, ICR_STARTUP | 0x30, guest_ids[6]);
    send_interrupt(vcpu, INIT, guest_ids[6]); /* it takes the STARTUP away */
    host.patience = 0;
    host.wait_nmis = 0;
    expect(true, ENDS(obey(other)));
    expect(0x2000, state_of(other)->cs.selector);
}

static void one_that_runs_is_not_held_up(void) {
    call_it(6, 0x10);
    obey(other);
    other->kicked = false;
    other->registers.called = false;
    state_of(other)->cs.selector = 0x1234;
    host.wait_nmis = 0;
    obey(other);
    expect(0, host.wait_nmis);
    expect(0x1234, state_of(other)->cs.selector);
}

static void a_kick_of_before_is_taken_or_waited_for(void) {
    call_it(6, 0x10);
    obey(other);
    expect(1, host.take_nmis);
    host.take_nmis = 0;
    other->kicked = true;
    host.nmi = (struct taken){NO_VECTOR, 0};
    bare_tsc_step = 1000000000;
    obey(other);
    expect(3, host.take_nmis);
    expect(false, other->kicked);
    host.take_nmis = 0;
    other->kicked = true;
    bare_tsc_step = 1333333333; /* the third is a cycle early enough */
    obey(other);
    expect(3, host.take_nmis);
}

/* --- one at a time --- */

static struct sigaction usual;
static void *locked; /* the page with what is written in one processor's turn */
static bool waited;
static volatile bool has_returned;

static void *take_messages(void *unused) {
    vcpus[2].registers.called = true;
    obey(&vcpus[2]);
    has_returned = true;
    return unused;
}

/* In the middle of it another processor looks for its messages: it does not get on, for as long as
 * it turns round. */
static void on_access(int number, siginfo_t *info, void *context) {
    struct timespec taken = {0, 0};
    pthread_t thread;
    clockid_t clock;
    if ((uintptr_t)info->si_addr / PAGE_SIZE != (uintptr_t)locked / PAGE_SIZE) {
        usual.sa_sigaction(number, info, context);
        return;
    }
    mprotect(locked, PAGE_SIZE, PROT_READ | PROT_WRITE);
    pthread_create(&thread, NULL, take_messages, NULL);
    pthread_getcpuclockid(thread, &clock);
    while (!has_returned && taken.tv_nsec < 50000000 && !clock_gettime(clock, &taken)) {
        sched_yield();
    }
    waited = !has_returned;
    pthread_detach(thread);
}

static void messages_are_sent_and_taken_by_one_processor_at_a_time(void) {
    struct sigaction action = {.sa_sigaction = on_access, .sa_flags = SA_SIGINFO | SA_NODEFER};
    call_it(2, 0x10);
    obey(other);
    locked = (void *)((uintptr_t)&vcpus[6].registers.called & ~(uintptr_t)(PAGE_SIZE - 1));
    expect(true, (uintptr_t)(&vcpus[2] + 1) <= (uintptr_t)locked);
    vcpu = &vcpus[1];
    called();
    sigaction(SIGSEGV, &action, &usual);
    mprotect(locked, PAGE_SIZE, PROT_READ);
    waited = has_returned = false;
    send_interrupt(vcpu, INIT, guest_ids[6]);
    sigaction(SIGSEGV, &usual, NULL);
    expect(true, waited);
    while (!has_returned) { /* the other gets its turn */
        sched_yield();
    }
    called();
}

/* --- states --- */

#define GDT 0x140000u
#define AT  0x150000u

static void descriptor(unsigned index, uint64_t value) {
    put(GDT + index * 8, value, 8);
}

static struct vmi_ap_state made_up(void) {
    struct vmi_ap_state s = {.cr0 = CR0_PE | CR0_PG,
                             .cr2 = 0x22,
                             .cr3 = 0x33000,
                             .cr4 = 0x44,
                             .efer_low = EFER_NXE,
                             .eip = 0xE1,
                             .eflags = 0x200,
                             .eax = 0xA,
                             .ebx = 0xB,
                             .ecx = 0xC,
                             .edx = 0xD,
                             .esp = 0x5B,
                             .ebp = 0xB9,
                             .esi = 0x51,
                             .edi = 0xD1,
                             .cs = 0x08,
                             .ss = 0x10,
                             .ds = 0x18,
                             .es = 0x20,
                             .fs = 0x28,
                             .gs = 0x30,
                             .ldtr = 0x38,
                             .gdtr_limit = 0x3F,
                             .gdtr_base = GDT,
                             .idtr_base = 0x1D7,
                             .idtr_limit = 0x7FF};
    descriptor(1, 0x00CF9B000000FFFF);
    descriptor(2, 0x00CF93000000FFFF);
    descriptor(3, 0x01CF93000000FFFF);
    descriptor(4, 0x02CF93000000FFFF);
    descriptor(5, 0x03CF93000000FFFF);
    descriptor(6, 0x04CF93000000FFFF);
    descriptor(7, 0x05008200000000FF);
    return s;
}

static void leave(const struct vmi_ap_state *s, uint32_t eax, uint32_t id, vmi_handler *call) {
    struct vmi_frame f = {.guest = &monitor_guest, .context = vcpu, .eax = eax, .edx = id};
    memcpy((void *)(uintptr_t)AT, s, VMI_AP_STATE_SIZE);
    expect(VMI_RETURNS, call(vcpu, &f));
}

/* All that CR4 can have. */
static void has_features(void) {
    bare_set_cpuid(LEAF_FEATURES, 0, (const uint32_t[]){0x123456, BSP_ID << ID_BITS, ~0u, ~0u});
}

/* The real mode's descriptor table cannot be read without paging: none here. */
static void a_state_is_all_of_the_processor(void) {
    struct vmi_ap_state s = made_up();
    struct guest_state *state5;
    s.cr3 = TABLE;
    s.cr4 = CR4_PSE;
    has_features();
    put(TABLE, (TABLE + PAGE_SIZE) | 7, 4);
    put(TABLE + PAGE_SIZE + (GDT >> 12) * 4, GDT | 7, 4);
    leave(&s, AT, guest_ids[5], call_set_initial_ap_state);
    call_it(5, 0x9A);
    other->registers.gpr.rcx = 0;
    obey(other);
    state5 = state_of(other);
    expect(s.cr0, state5->cr0);
    expect(s.cr2, state5->cr2);
    expect(s.cr3, state5->cr3);
    expect(s.cr4, state5->cr4);
    expect(EFER_NXE | EFER_SVME, state5->efer);
    expect(s.eip, state5->rip);
    expect(0x202, state5->rflags);
    expect(s.eax, state5->rax);
    expect(s.ebx, other->registers.gpr.rbx);
    expect(s.ecx, other->registers.gpr.rcx);
    expect(s.edx, other->registers.gpr.rdx);
    expect(s.esp, state5->rsp);
    expect(s.ebp, other->registers.gpr.rbp);
    expect(s.esi, other->registers.gpr.rsi);
    expect(s.edi, other->registers.gpr.rdi);
    expect(GDT, state5->gdtr.base);
    expect(0x3F, state5->gdtr.limit);
    expect(0x1D7, state5->idtr.base);
    expect(0x7FF, state5->idtr.limit);
    expect(0xC9B, state5->cs.attrib);
    expect(0x08, state5->cs.selector);
    expect(0x10, state5->ss.selector);
    expect(0x1000000, state5->ds.base);
    expect(0x2000000, state5->es.base);
    expect(0x3000000, state5->fs.base);
    expect(0x4000000, state5->gs.base);
    expect(0x5000000, state5->ldtr.base);
    expect(2, bare_svm[BARE_VMSAVE].times);
    expect(2, bare_svm[BARE_VMLOAD].times);
    expect(other->vmcb_address, bare_svm[BARE_VMLOAD].rax);
    call_it(5, 0x9B); /* it is used once */
    obey(other);
    expect(0x9B00, state5->cs.selector);
}

static bool starts_with(const struct vmi_ap_state *s) {
    put(TABLE, (TABLE + PAGE_SIZE) | 7, 4);
    put(TABLE + PAGE_SIZE + (GDT >> 12) * 4, GDT | 7, 4);
    leave(s, AT, guest_ids[5], call_set_initial_ap_state);
    call_it(5, 0x9A);
    host.patience = 0;
    host.wait_nmis = 0;
    return !ENDS(obey(other));
}

static void with_a_state_that_cannot_be_loaded_it_does_not_start(void) {
    struct vmi_ap_state good = made_up(), s;
    good.cr3 = TABLE;
    good.cr4 = 0;
    s = good;
    expect(true, starts_with(&s));
    s.ds = s.es = s.fs = s.gs = s.ldtr = 3; /* null */
    expect(true, starts_with(&s));
    expect(3, state_of(other)->ds.selector);
    expect(0, state_of(other)->ds.attrib);
    for (unsigned i = 0; i < 7; i++) {
        uint16_t *const selectors[] = {&s.cs, &s.ss, &s.ds, &s.es, &s.fs, &s.gs, &s.ldtr};
        s = good;
        *selectors[i] = 0x40; /* beyond the table */
        expect(false, starts_with(&s));
        s = good;
        descriptor(*selectors[i] / 8,
                   look(GDT + *selectors[i], 8) & ~(0x80ull << 40)); /* not present */
        expect(false, starts_with(&s));
        made_up();
    }
    s = good;
    s.cs = 0x10; /* data */
    expect(false, starts_with(&s));
    s = good;
    s.cs = 0;
    expect(false, starts_with(&s));
    s = good;
    s.ss = 0;
    expect(false, starts_with(&s));
    s = good;
    descriptor(2, 0x00CF91000000FFFF); /* read-only */
    expect(false, starts_with(&s));
    made_up();
    expect(true, starts_with(&good));
}

/* Else it is ignored: it starts as it would natively. */
static void a_state_is_paged_protected_mode_with_bits_that_vmrun_takes(void) {
    static const struct {
        uint32_t cr0, efer, cr4;
        bool is;
    } cases[] = {{CR0_PE | CR0_PG, 0, 0, true},
                 {CR0_PE, 0, 0, false},
                 {CR0_PG, 0, 0, false},
                 {CR0_PE | CR0_PG | CR0_CD, 0, 0, true},
                 {CR0_PE | CR0_PG | CR0_CD | CR0_NW, 0, 0, true},
                 {CR0_PE | CR0_PG | CR0_NW, 0, 0, false},
                 {CR0_PE | CR0_PG, EFER_SCE | EFER_NXE, 0, true},
                 {CR0_PE | CR0_PG, 2, 0, false},
                 {CR0_PE | CR0_PG, EFER_LME, 0, false},
                 {CR0_PE | CR0_PG, EFER_SVME, 0, false},
                 {CR0_PE | CR0_PG, 0, 1, true}, /* VME */
                 {CR0_PE | CR0_PG, 0, 1u << 11, false},
                 {CR0_PE | CR0_PG, 0, CR4_PCIDE, false}};
    has_features();
    put(TABLE, (TABLE + PAGE_SIZE) | 7, 4);
    put(TABLE + PAGE_SIZE + (GDT >> 12) * 4, GDT | 7, 4);
    for (unsigned i = 0; i < 2 * sizeof(cases) / sizeof(*cases); i++) {
        struct vmi_ap_state s = made_up();
        s.cr0 = cases[i / 2].cr0;
        s.cr3 = TABLE;
        s.efer_low = cases[i / 2].efer;
        s.cr4 = cases[i / 2].cr4;
        leave(&s, AT, guest_ids[5], i % 2 ? call_set_initial_ap_state : call_set_linear_ap_state);
        call_it(5, 0x9A);
        obey(other);
        expect(cases[i / 2].is ? 8 : 0x9A00, state_of(other)->cs.selector);
    }
}

static bool is_given(uint64_t address, uint32_t eax) {
    struct vmi_ap_state s = made_up();
    struct vmi_frame f = {
        .guest = &monitor_guest, .context = vcpu, .eax = eax, .edx = guest_ids[5]};
    s.cr3 = TABLE;
    s.cr4 = 0;
    for (unsigned i = 0; i < VMI_AP_STATE_SIZE; i++) {
        put(address + i, ((const uint8_t *)&s)[i], 1);
    }
    call_set_initial_ap_state(vcpu, &f);
    call_it(5, 0x9A);
    obey(other);
    vcpu = &vcpus[0];
    return state_of(other)->rip == 0xE1;
}

/* By its physical address alone: the caller's paging has none of these. */
static void a_physical_address_is_below_the_kernels(void) {
    static uint8_t page[PAGE_SIZE] __attribute__((aligned(4096)));
    uint64_t kernel = 0xC0000000;
    bool mapped =
        mmap((void *)(uintptr_t)(kernel - PAGE_SIZE), 2 * PAGE_SIZE, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != MAP_FAILED;
    expect(true, mapped);
    put(TABLE, (TABLE + PAGE_SIZE) | 7, 4);
    put(TABLE + PAGE_SIZE + (GDT >> 12) * 4, GDT | 7, 4);
    state->cr0 = CR0_PE | CR0_PG;
    state->cr3 = TABLE + 3 * PAGE_SIZE;
    expect(true, is_given(AT, AT));
    expect(true, is_given(kernel - 1, (uint32_t)kernel - 1));
    expect(false, is_given(kernel, (uint32_t)kernel));
    show_page(0xE1000, page); /* which the guest may only read */
    expect(true, is_given((uintptr_t)page, 0xE1000));
    expect(false, is_given(AT, BLOCK + 0x1000));
    memcpy(bare_low, (void *)(uintptr_t)AT, VMI_AP_STATE_SIZE);
    expect(false, is_given(AT, 0)); /* no variable is there */
    munmap((void *)(uintptr_t)(kernel - PAGE_SIZE), 2 * PAGE_SIZE);
}

extern uint8_t __bss_start, _end; /* NOLINT(bugprone-reserved-identifier): the linker's */

/* It is nowhere kept: nothing in the program is another than before. */
static void a_state_for_nobody_is_dropped(void) {
    size_t size = (size_t)(&_end - &__bss_start);
    uint8_t *before = malloc(size);
    struct vmi_ap_state s = made_up();
    struct vmi_frame f = {.guest = &monitor_guest, .context = vcpu, .eax = AT, .edx = 5};
    s.cr3 = TABLE;
    s.cr4 = 0;
    memcpy((void *)(uintptr_t)AT, &s, VMI_AP_STATE_SIZE);
    call_set_initial_ap_state(vcpu, &f);
    s.edi++;
    memcpy((void *)(uintptr_t)AT, &s, VMI_AP_STATE_SIZE);
    bare_count = 0;
    memcpy(before, &__bss_start, size);
    call_set_initial_ap_state(vcpu, &f);
    expect(0, memcmp(before, &__bss_start, size));
    free(before);
}

static void a_state_is_found_by_either_kind_of_address(void) {
    struct vmi_ap_state s = made_up();
    struct vmi_frame f;
    uint32_t linear = 0xC0005000;
    memset(&f, 0, sizeof(f));
    s.cr3 = TABLE;
    s.cr4 = 0;
    put(TABLE, (TABLE + PAGE_SIZE) | 7, 4);
    put(TABLE + PAGE_SIZE + (GDT >> 12) * 4, GDT | 7, 4);
    put(TABLE + (linear >> 22) * 4, (TABLE + 2 * PAGE_SIZE) | 7, 4);
    put(TABLE + 2 * PAGE_SIZE + (linear >> 12 & 1023) * 4, AT | 7, 4);
    state->cr0 = CR0_PE | CR0_PG;
    state->cr3 = TABLE;
    for (unsigned i = 0; i < 4; i++) {
        static const uint32_t places[] = {0xC0005000, 0xC0005000, AT, AT};
        bool found = i < 3;
        leave(&s, places[i], guest_ids[5],
              i % 2 ? call_set_linear_ap_state : call_set_initial_ap_state);
        call_it(5, 0x9A);
        obey(other);
        expect(found ? 0xE1 : 0, state_of(other)->rip);
    }
    /* up to the end of a page, with none behind it */
    memcpy((void *)(uintptr_t)(AT + PAGE_SIZE - VMI_AP_STATE_SIZE), &s, VMI_AP_STATE_SIZE);
    memset(&f, 0, sizeof(f));
    f.guest = &monitor_guest;
    f.context = vcpu = &vcpus[0];
    f.eax = linear + PAGE_SIZE - VMI_AP_STATE_SIZE;
    f.edx = guest_ids[5];
    call_set_linear_ap_state(vcpu, &f);
    call_it(5, 0x9A);
    obey(other);
    expect(0xE1, state_of(other)->rip);
    leave(&s, AT, 0x05, call_set_initial_ap_state); /* nobody's ID */
    leave(&s, AT, 0x100, call_set_initial_ap_state);
    leave(&s, AT, 0x100 + guest_ids[5], call_set_initial_ap_state);
    call_it(5, 0x9A);
    obey(other);
    expect(0, state_of(other)->rip);
}

int main(void) {
    static bool (*const scenarios[])(void) = {
        some_come_late, others_come_at_once,        without_an_apic,
        without_a_list, without_a_frequency,        by_x2apic,
        nobody_comes,   listed_from_another_one_on, without_a_list_and_alone};
    bare_start();
    guest_reset();
    for (unsigned i = 0; i < sizeof(scenarios) / sizeof(*scenarios); i++) {
        alone[i] = in_a_child(scenarios[i]);
    }
    come_at = spares_at = 3;
    take();
    each_test_starts_with(reset);
    RUN(the_others_are_waited_for_and_no_longer);
    RUN(without_a_local_apic_nobody_is_called);
    RUN(without_a_list_the_first_ids_are_theirs);
    RUN(without_a_frequency_the_counter_is_taken_for_fast);
    RUN(an_x2apic_is_told_by_its_msr);
    RUN(an_init_and_two_startups_lend_the_code_and_give_the_memory_back);
    RUN(each_has_its_place_by_its_id);
    RUN(an_init_is_for_whom_the_destination_names);
    RUN(a_logical_id_is_known_when_it_is_written);
    RUN(clusters_are_of_four);
    RUN(in_x2apic_mode_the_logical_id_follows_from_the_id);
    RUN(a_broadcast_with_the_bsp_is_a_reset);
    RUN(the_end_of_an_init_is_none);
    RUN(a_startup_is_for_those_that_have_had_an_init);
    RUN(a_kick_is_an_nmi_at_a_time);
    RUN(a_command_that_is_on_its_way_is_waited_for);
    RUN(an_smi_is_dropped_and_other_modes_are_sent);
    RUN(reserved_bits_are_gp_in_x2apic_mode_alone);
    RUN(what_init_does_to_a_local_apic);
    RUN(interrupts_that_it_holds_are_lost);
    RUN(a_kick_that_comes_with_them_is_taken);
    RUN(an_x2apic_keeps_its_logical_id);
    RUN(a_startup_is_real_mode_at_its_page);
    RUN(a_startup_disarms_breakpoints);
    RUN(one_that_waits_takes_nmis_and_no_more);
    RUN(an_init_comes_before_a_startup_that_came_with_it);
    RUN(one_that_runs_is_not_held_up);
    RUN(a_kick_of_before_is_taken_or_waited_for);
    RUN(messages_are_sent_and_taken_by_one_processor_at_a_time);
    RUN(a_state_is_all_of_the_processor);
    RUN(with_a_state_that_cannot_be_loaded_it_does_not_start);
    RUN(a_state_is_paged_protected_mode_with_bits_that_vmrun_takes);
    RUN(a_physical_address_is_below_the_kernels);
    RUN(a_state_for_nobody_is_dropped);
    RUN(a_state_is_found_by_either_kind_of_address);
    return results_end();
}
