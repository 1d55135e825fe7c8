/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * Time is looked at when the guest first asks, so that one that never does meets no delay. An alarm
 * fires through the timer that it is wired to. While a shot of that is under way the guest's gates
 * of interrupts lead to ring 0, which gives on what is no interim expiry.
 */

#include "time.h"
#include "common/apic.h"
#include "common/clock.h"
#include "common/lock.h"
#include "gate.h"
#include "memory.h"
#include "processor.h"
#include "vif.h"

/* Before the guest asks there is nothing but the offsets. */
static volatile bool busy, started;
static bool has_counter;

static uint64_t rdtsc(void) {
    uint64_t value;
    __asm__ volatile("rdtsc" : "=A"(value)::"memory");
    return value;
}

static uint64_t count_cycles(void) {
    return rdtsc() + this_cpu()->tsc_offset;
}

static void find_apics(void) {
    uint64_t base;
    apic_place.local = HV_BASE + APIC_PAGE - APIC_BASE;
    apic_place.io = HV_BASE + IO_APIC_PAGE - IO_APIC_BASE;
    apic_place.absent = !(processor_features() & FEATURE_APIC) ||
                        read_msr_guarded(MSR_APIC_BASE, &base) ||
                        (base & APIC_BASE_ADDRESS) != APIC_BASE;
    map_device(IO_APIC_PAGE, IO_APIC_BASE);
}

static bool is_started(void) {
    lock(&busy);
    if (!started) {
        has_counter = processor_features() & FEATURE_TSC;
        if (has_counter) {
            find_apics();
            start_time(count_cycles);
        }
        started = true;
    }
    unlock(&busy);
    return has_counter;
}

uint64_t guest_frequency(void) {
    return is_started() ? cycle_frequency() : 0;
}

uint64_t guest_wallclock(void) {
    return guest_frequency() ? wallclock_time() : 0;
}

uint32_t write_tsc(struct cpu *cpu, uint64_t value) {
    uint64_t before = rdtsc();
    uint32_t faults = write_msr_guarded(MSR_TSC, &value);
    cpu->tsc_offset += before - rdtsc();
    *(volatile uint64_t *)(SHARED_TSC + HV_TSS_STEP * cpu->number) = cpu->tsc_offset;
    return faults;
}

/* --- alarms --- */

static void watch(struct cpu *cpu) {
    watch_interrupts(cpu, alarms_wait(&cpu->alarms));
}

void start_alarms(struct cpu *cpu) {
    struct alarms none = {.has_irq0 = cpu->number == 0, .unseen = true};
    cpu->alarms = none;
    cpu->watching = false;
}

/* With interrupt control an interrupt may wait that has been taken from the APIC. */
static void note_held(struct cpu *cpu) {
    cpu->alarms.waiting = held_vector(cpu);
}

void guest_sets_alarm(struct cpu *cpu, uint32_t flags, uint64_t expiry, uint64_t period) {
    struct alarm alarm = {.armed = true,
                          .lvtt = flags & VMI_ALARM_WIRED_LVTT,
                          .expiry = expiry,
                          .period = flags & VMI_ALARM_IS_PERIODIC ? period : 0};
    note_held(cpu);
    if (is_started() && set_alarm(&cpu->alarms, flags & VMI_ALARM_COUNTER_MASK, &alarm)) {
        watch(cpu);
    }
}

bool guest_cancels_alarm(struct cpu *cpu, uint32_t flags) {
    bool was_set;
    note_held(cpu);
    was_set = cancel_alarm(&cpu->alarms, flags & VMI_ALARM_COUNTER_MASK);
    if (was_set) {
        watch(cpu);
    }
    return was_set;
}

bool is_guests_interrupt(struct cpu *cpu, uint32_t vector) {
    bool guests;
    if (!cpu->watching) {
        return true;
    }
    guests = is_for_guest(&cpu->alarms, (uint8_t)vector);
    watch(cpu);
    return guests;
}

void look_for_lost_alarms(struct cpu *cpu) {
    look_for_overdue(&cpu->alarms);
    watch(cpu);
}
