/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* The clock, alarms on their timers, and words for people: clock.c, alarms.c, debug.c. The TSC goes
 * by a step at each look, and the PIT, the local APIC's timer and the CMOS clock go by it. TAP. */

#include <string.h>

#include "bare.h"
#include "call_names.h"
#include "common/alarms.h"
#include "common/apic.h"
#include "common/clock.h"
#include "common/debug.h"
#include "common/x86.h"
#include "results.h"
#include "vmi/calls.h"

#define HZ   1193182000ull /* a thousand cycles for a tick of the PIT */
#define FAST 200000u       /* cycles for each look, where one waits */
#define SLOW 1000u         /* where it has to be exact */

/* --- the machine --- */

static struct {
    uint64_t loaded[3]; /* channels of the PIT: when, */
    uint32_t count[3];  /* with what, */
    uint8_t mode[3], bytes[3];
    uint32_t latched;
    uint8_t latch_bytes;
    uint8_t cmos_index, cmos[128];
    unsigned updating;  /* so many looks at register A yet */
    unsigned old;       /* so many looks at the second see the one before */
    unsigned later;     /* when that is over, an update of so many looks */
    uint64_t looked_at; /* when the second first was, and the mode at last */
    uint64_t read_at;
    void (*on_update)(void);
    bool status; /* of channel 0 is to be read */
    bool bcd;    /* which it says, too */
    uint8_t pic_read;
    uint8_t irr, isr;
} pc;

static uint32_t pit_left(unsigned channel) {
    uint64_t ticks = (bare_tsc - pc.loaded[channel]) / 1000;
    return ticks >= pc.count[channel] ? 0 : pc.count[channel] - (uint32_t)ticks;
}

static void load(unsigned channel, uint8_t byte) {
    if (pc.bytes[channel]++ % 2 == 0) {
        pc.count[channel] = byte;
        return;
    }
    pc.count[channel] |= (uint32_t)byte << 8;
    pc.count[channel] = pc.count[channel] ? pc.count[channel] : 0x10000;
    pc.loaded[channel] = bare_tsc;
}

static uint8_t read_cmos(void) {
    uint8_t index = pc.cmos_index & 0x7F;
    if (index == 0x0A && pc.updating) {
        if (!--pc.updating && pc.on_update) {
            pc.on_update();
        }
        return 0x80;
    }
    if (index == 0) {
        pc.looked_at = pc.looked_at ? pc.looked_at : bare_tsc;
        if (pc.old) {
            pc.old--;
            return pc.cmos[0] ^ 1;
        }
        pc.updating = pc.later;
        pc.later = 0;
    }
    pc.read_at = bare_tsc;
    return pc.cmos[index];
}

static bool port(uint16_t at, unsigned size, bool write, uint32_t *value) {
    (void)size;
    if (write) {
        uint8_t byte = (uint8_t)*value;
        if (at == 0x43 && byte == 0xE2) {
            pc.status = true;
        } else if (at == 0x43 && byte == 0x80) {
            pc.latched = pit_left(2);
            pc.latch_bytes = 0;
        } else if (at == 0x43) {
            pc.mode[byte >> 6] = byte;
            pc.bytes[byte >> 6] = 0;
        } else if (at >= 0x40 && at <= 0x42) {
            load(at - 0x40u, byte);
        } else if (at == 0x70) {
            pc.cmos_index = byte;
        } else if (at == 0x20) {
            pc.pic_read = byte == 0x0B || byte == 0x0A ? byte : pc.pic_read;
        } else {
            bare_ports[at] = byte;
        }
        return true;
    }
    *value = bare_ports[at];
    if (at == 0x42) {
        *value = pc.latched >> 8 * (pc.latch_bytes++ % 2) & 0xFF;
    } else if (at == 0x40 && pc.status) {
        *value = (pit_left(0) && !(pc.mode[0] & 0xE) ? 0x40 : 0xC0) | (pc.mode[0] & 0x3Fu) | pc.bcd;
        pc.status = false;
    } else if (at == 0x71) {
        *value = read_cmos();
    } else if (at == 0x20) {
        *value = pc.pic_read == 0x0B ? pc.isr : pc.irr;
    } else if (at == 0x61) {
        *value = (bare_ports[0x61] & 0xDFu) | (pit_left(2) ? 0 : 0x20u);
    }
    return true;
}

static uint64_t timer_started;

static void notice(uint32_t reg) {
    expect(0, reg % 16);
    if (reg == APIC_COUNT) {
        timer_started = bare_tsc;
    }
}

static uint64_t timer_reads[2 * 16]; /* the first ones: when */
static unsigned timer_looks;

static uint32_t timer(uint32_t reg) {
    uint64_t counts = (bare_tsc - timer_started) / 16;
    expect(0, reg % 16);
    if (reg != APIC_CURRENT) {
        return *bare_apic(reg);
    }
    if (timer_looks < 2 * 16) {
        timer_reads[timer_looks++] = bare_tsc;
    }
    return counts >= *bare_apic(APIC_COUNT) ? 0 : *bare_apic(APIC_COUNT) - (uint32_t)counts;
}

static void machine(void) {
    bare_reset();
    memset(&pc, 0, sizeof(pc));
    pc.bcd = true;
    pc.old = 1;
    bare_set_msr(MSR_APIC_BASE, APIC_BASE | APIC_BASE_ENABLED);
    bare_port_hook = port;
    bare_tsc_step = 100;
    bare_ports[0x3FD] = 0x20;
    memcpy(pc.cmos, (const uint8_t[]){0x56, 0, 0x34, 0, 0x12, 0, 0, 0x29, 0x02, 0x24},
           10); /* 2024-02-29 12:34:56 */
    pc.cmos[0x32] = 0x20;
    pc.cmos[0x0A] = 0x27;
    pc.cmos[0x0B] = 0x02;
}

/* --- the clock --- */

static void the_rate_is_measured_by_the_pit(void) {
    uint64_t begun = bare_tsc;
    bare_ports[0x61] = 0xCE;
    bare_tsc_step = FAST;
    start_time(read_tsc);
    expect(true, bare_tsc - begun > 20 * (HZ / 1000)); /* over 20 ms */
    bare_tsc_step = 0;
    expect(true, wallclock_time() % 1000000000 < 1000000); /* from the end of it on */
    expect(true, cycle_frequency() > HZ - HZ / 1000 && cycle_frequency() < HZ + HZ / 1000);
    expect(0xEE, bare_ports[0x61]); /* as it read */
    expect(0xB0, pc.mode[2]);
    expect(0xFFFF, pc.count[2]);
    for (unsigned i = 0; i < bare_count; i++) {
        if (bare_events[i].where == 0x61) {
            expect(0xED, bare_events[i].value); /* its gate on, the speaker off */
            break;
        }
    }
}

static unsigned too_late;

/* Held up for longer than it counts, so many times. */
static void hold_up(void) {
    if (too_late && pc.count[2] == 0xFFFF && pit_left(2) && pit_left(2) < 0xFFFF - 10000) {
        too_late--;
        bare_tsc += HZ / 10;
    }
}

static void a_measurement_that_was_held_up_is_made_again(void) {
    too_late = 2;
    bare_tsc_step = FAST;
    bare_tsc_hook = hold_up;
    start_time(read_tsc);
    expect(0, too_late);
    expect(true, cycle_frequency() > HZ - HZ / 1000 && cycle_frequency() < HZ + HZ / 1000);
    too_late = 100;
    start_time(read_tsc);
    expect(92, too_late);
    expect(0, cycle_frequency());
    bare_tsc_hook = NULL;
    expect(1709210096000000000, (int64_t)wallclock_time());
}

static uint64_t seconds(const uint8_t *clock, uint8_t century, uint8_t mode) {
    memcpy(pc.cmos, clock, 10);
    pc.cmos[0x32] = century;
    pc.cmos[0x0B] = mode;
    pc.old = 1;
    bare_tsc_step = FAST;
    start_time(read_tsc);
    bare_tsc_step = 0;
    return wallclock_time() / 1000000000;
}

static void the_clock_is_read_in_each_of_its_forms(void) {
    static const struct {
        uint8_t clock[10], century, mode;
        uint64_t seconds;
    } cases[] = {
        {{0x56, 0, 0x34, 0, 0x12, 0, 0, 0x29, 0x02, 0x24}, 0x20, 2, 1709210096},
        {{56, 0, 34, 0, 12, 0, 0, 29, 2, 24}, 20, 6, 1709210096},
        {{0x56, 0, 0x34, 0, 0x12, 0, 0, 0x29, 0x02, 0x24}, 0x20, 0, 1709166896}, /* 12 is 0 */
        {{0x56, 0, 0x34, 0, 0x92, 0, 0, 0x29, 0x02, 0x24}, 0x20, 0, 1709210096}, /* 12 p.m. */
        {{0x00, 0, 0x00, 0, 0x81, 0, 0, 0x01, 0x03, 0x24}, 0x20, 0, 1709298000}, /* 1 p.m. */
        {{0x00, 0, 0x00, 0, 0x01, 0, 0, 0x01, 0x03, 0x24}, 0x20, 0, 1709254800}, /* 1 a.m. */
        {{0x00, 0, 0x00, 0, 0x81, 0, 0, 0x01, 0x03, 0x24}, 0x20, 1, 1709298000}, /* and DSE */
        {{0x56, 0, 0x34, 0, 0x12, 0, 0, 0x29, 0x02, 0x24}, 0x20, 3, 1709210096},
        {{0, 0, 0, 0, 0, 0, 0, 0x01, 0x03, 0x00}, 0x20, 2, 951868800},
        {{0, 0, 0, 0, 0, 0, 0, 0x01, 0x03, 0x00}, 0x21, 2, 4107542400},
        {{0, 0, 0, 0, 0x81, 0, 0, 1, 3, 24}, 20, 4, 1709298000},
        {{0x59, 0, 0x59, 0, 0x23, 0, 0, 0x31, 0x12, 0x99}, 0x19, 2, 946684799},
        {{0, 0, 0, 0, 0, 0, 0, 0x01, 0x01, 0x00}, 0x21, 2, 4102444800},
        {{0, 0, 0, 0, 0, 0, 0, 0x01, 0x01, 0x70}, 0x19, 2, 0},
        {{0, 0, 0, 0, 0, 0, 0, 0x28, 0x02, 0x00}, 0x29, 2, 29353017600},
        {{0, 0, 0, 0, 0, 0, 0, 0x01, 0x01, 0x24}, 0x30, 2, 1704067200}, /* no century */
        {{0, 0, 0, 0, 0, 0, 0, 0x01, 0x01, 0x24}, 0x18, 2, 1704067200},
        {{0, 0, 0, 0, 0, 0, 0, 0x01, 0x01, 0x24}, 0x00, 2, 1704067200}};
    for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        expect(cases[i].seconds * 1000000000 / 1000000000,
               seconds(cases[i].clock, cases[i].century, cases[i].mode));
    }
}

static void minute_is_over(void) {
    pc.cmos[0] = 0;
    pc.cmos[2] = 0x35;
}

static void the_clock_is_read_behind_an_update(void) {
    pc.updating = 3;
    pc.on_update = minute_is_over;
    bare_tsc_step = FAST;
    start_time(read_tsc);
    expect(0, pc.updating);
    bare_tsc_step = 0;
    expect(1709210100, wallclock_time() / 1000000000);
}

static void an_update_behind_the_edge_is_waited_for(void) {
    pc.old = 5;
    pc.later = 3;
    pc.on_update = minute_is_over;
    bare_tsc_step = FAST;
    start_time(read_tsc);
    bare_tsc_step = 0;
    expect(1709210100, wallclock_time() / 1000000000);
    machine();
    pc.old = 5;
    bare_tsc_step = FAST;
    start_time(read_tsc);
    bare_tsc_step = 0;
    expect(1709210096, wallclock_time() / 1000000000);
}

static void a_clock_that_stands_still_is_taken_after_a_second_and_a_quarter(void) {
    uint64_t taken;
    pc.old = 0;
    bare_tsc_step = FAST;
    start_time(read_tsc);
    taken = pc.read_at - pc.looked_at;
    expect(true, taken > HZ / 100 * 124 && taken < HZ / 100 * 126);
    bare_tsc_step = 0;
    expect(1709210096, wallclock_time() / 1000000000);
}

/* A counter, and a count of the PIT, that stay for sixteen looks each, and their next values. The
 * first look sees neither. */
static struct {
    unsigned looks;
    uint16_t count[4];
    uint64_t cycles[4], more;
} made;

static uint64_t made_counter(void) {
    unsigned n = made.looks ? (made.looks - 1) / 16 : 0;
    return made.cycles[n < 3 ? n : 3] + made.more;
}

static bool made_port(uint16_t at, unsigned size, bool write, uint32_t *value) {
    bool done = port(at, size, write, value);
    if (write && at == 0x43 && *value == 0x80) {
        unsigned n = made.looks++ ? (made.looks - 2) / 16 : 4;
        pc.latched = n == 4 ? 0x1234 : made.count[n < 3 ? n : 3];
    }
    return done;
}

static void start_made(uint32_t ticks, uint64_t cycles) {
    memset(&made, 0, sizeof(made));
    for (unsigned i = 0; i < 4; i++) {
        made.count[i] = (uint16_t)(65000 - (i ? ticks : 0));
        made.cycles[i] = i ? cycles : 0;
    }
    pc.old = 1;
    bare_port_hook = made_port;
    start_time(made_counter);
}

static void the_rate_is_that_of_20_ms_and_at_least_a_mhz(void) {
    uint64_t hz, at;
    start_made(23864, 64000000); /* no earlier, and no later */
    hz = 64000000ull * 1193182 / 23864;
    expect(hz, (int64_t)cycle_frequency());
    expect(1 + 2 * 16, made.looks);
    made.looks = 0;
    for (unsigned i = 1; i < 4; i++) {
        made.count[i] = (uint16_t)(65000 - 23862 - i);
        made.cycles[i] = 64000000ull * i;
    }
    pc.old = 1;
    start_time(made_counter);
    expect(128000000ll * 1193182 / 23864, (int64_t)cycle_frequency());
    expect(1 + 3 * 16, made.looks);
    hz = cycle_frequency();
    at = wallclock_time();
    expect(1709210096000000000, (int64_t)at); /* no time has gone by since */
    made.more = 3 * hz + hz - 1;
    expect(3999999999, (int64_t)(wallclock_time() - at));
    start_made(23940, 20064);
    expect(1000000, cycle_frequency());
    start_made(29616, 24821);
    expect(0, cycle_frequency());
}

static void the_wallclock_goes_by_the_counter(void) {
    uint64_t hz, at;
    bare_tsc_step = FAST;
    start_time(read_tsc);
    hz = cycle_frequency();
    bare_tsc_step = 0;
    at = wallclock_time();
    expect(1709210096, at / 1000000000);
    bare_tsc += hz * 1000000 + hz / 2;
    at = wallclock_time() - at;
    expect(true, at > 1000000499999000 && at < 1000000500001000);
}

static unsigned calls_of_sample;

static uint32_t sampled(void) {
    bare_tsc += ++calls_of_sample == 5 ? 10 : 500;
    return calls_of_sample;
}

static void a_sample_is_the_quickest_of_sixteen(void) {
    struct sample s;
    calls_of_sample = 0;
    s = sample_timer(sampled);
    expect(16, calls_of_sample);
    expect(5, s.count);
}

/* --- alarms: when --- */

static void expiries_and_counts_are_exact(void) {
    expect(110, next_expiry(100, 10, 100));
    expect(110, next_expiry(100, 10, 109));
    expect(120, next_expiry(100, 10, 110));
    expect(-1, (int64_t)next_expiry(~0ull - 5, 10, ~0ull - 5));
    expect(-1, (int64_t)next_expiry(~0ull - 9, 10, ~0ull - 9));
    expect(-3, (int64_t)next_expiry(~0ull - 12, 10, ~0ull - 12));
    expect(1, counts_for(0, 1000, 1000000, 100));
    expect(1, counts_for(1000, 1000, 1000000, 100));
    expect(2, counts_for(1001, 1000, 1000000, 100));
    expect(100, counts_for(100000, 1000, 1000000, 100));
    expect(100, counts_for(100001, 1000, 1000000, 100));
    expect(3000, counts_for(3000000, 1000, 1000000, 5000));
    expect(3500, counts_for(3500000, 1000, 1000000, 5000));
    expect(5000, counts_for(6000000, 1000, 1000000, 5000));
    expect(2, counts_for(1000001, 1, 1000000, 100));
    expect(100, counts_for(1ull << 32, 1ull << 32, 1, 100));
    expect(0xFFFFFFFF, counts_for(~0ull, 1000000000, 1000000, 0xFFFFFFFF));
}

/* --- alarms: IRQ0 --- */

static struct alarms alarms, others;

static void fresh(void) {
    alarms = (struct alarms){.has_irq0 = true};
    others = (struct alarms){.has_irq0 = false};
}

static struct alarm in(uint64_t cycles, bool lvtt, uint64_t period) {
    return (struct alarm){
        .armed = true, .lvtt = lvtt, .expiry = bare_tsc + cycles, .period = period};
}

static bool set(unsigned counter, uint64_t cycles, bool lvtt, uint64_t period) {
    struct alarm alarm = in(cycles, lvtt, period);
    return set_alarm(&alarms, counter, &alarm);
}

static void go(uint64_t cycles) {
    bare_tsc += cycles;
}

static void expect_near_(int line, uint64_t wanted, uint64_t seen) {
    if (seen + 3 < wanted || seen > wanted + 3) {
        expect_(line, "near", (int64_t)wanted, (int64_t)seen);
    }
}
#define EXPECT_NEAR(wanted, seen) expect_near_(__LINE__, wanted, seen)

static void an_alarm_by_irq0_is_a_shot_of_the_pit(void) {
    fresh();
    expect(true, set(0, 5000000, false, 0));
    expect(0x30, pc.mode[0]);
    EXPECT_NEAR(5000, pc.count[0]);
    expect(true, alarms_have_pit() && alarms_wait(&alarms));
    expect(false, alarms_wait(&others));
    pc.isr = 1;
    bare_count = 0;
    expect(false, is_for_guest(&alarms, 0x08)); /* an interim one is ended here */
    expect(1, bare_times(BARE_OUT, 0x20) - 2);
    for (unsigned i = 0, n = 0; i < bare_count; i++) {
        n += bare_events[i].kind == BARE_OUT && bare_events[i].where == 0x20;
        if (n == 3) {
            expect(0x60, bare_events[i].value);
            break;
        }
    }
    expect(true, alarms.alarm[0].armed);
    go(6000000);
    bare_count = 0;
    expect(true, is_for_guest(&alarms, 0x08));
    for (unsigned i = 0; i < bare_count; i++) {
        expect(false, bare_events[i].where == 0x20 && bare_events[i].value == 0x60);
    }
    expect(false, alarms.alarm[0].armed);
    expect(false, alarms_have_pit());
    expect(0x0A, pc.pic_read);
}

static void a_long_alarm_is_several_shots(void) {
    fresh();
    set(0, 200000000, false, 0);
    expect(0x10000, pc.count[0]);
    pc.isr = 1;
    for (unsigned shots = 0; shots < 3; shots++) {
        go(65536000);
        expect(false, is_for_guest(&alarms, 0x20));
        expect(true, alarms_have_pit());
    }
    EXPECT_NEAR((200000000 - 3 * 65536000) / 1000, pc.count[0]);
    go(4000000);
    expect(true, is_for_guest(&alarms, 0x20));
}

static void only_irq0s_vector_is_an_alarms(void) {
    fresh();
    set(0, 1000000, false, 0);
    go(2000000);
    pc.isr = 1;
    expect(true, is_for_guest(&alarms, 0x09)); /* no first one of a PIC */
    expect(true, alarms.alarm[0].armed);
    pc.isr = 0xFE;
    expect(true, is_for_guest(&alarms, 0x08)); /* another line's */
    expect(true, alarms.alarm[0].armed);
    pc.isr = 1;
    others.alarm[0] = alarms.alarm[0];
    expect(true, is_for_guest(&others, 0x08)); /* not this processor's */
    expect(true, others.alarm[0].armed);
    expect(true, is_for_guest(&alarms, 0x08));
    expect(false, alarms.alarm[0].armed);
    fresh();
    expect(true, is_for_guest(&alarms, 0x08)); /* none is set */
}

static void a_periodic_one_is_set_again(void) {
    uint64_t first;
    fresh();
    set(1, 1000000, false, 3000000);
    first = alarms.alarm[1].expiry;
    go(1500000);
    pc.isr = 1;
    expect(true, is_for_guest(&alarms, 0x08));
    expect(first + 3000000, alarms.alarm[1].expiry);
    EXPECT_NEAR(2498, pc.count[0]);
    go(7000000);
    expect(true, is_for_guest(&alarms, 0x08));
    expect(first + 9000000, alarms.alarm[1].expiry);
}

static void the_first_of_two_has_the_timer(void) {
    fresh();
    set(0, 9000000, false, 0);
    set(1, 3000000, false, 0);
    EXPECT_NEAR(3000, pc.count[0]);
    expect(true, cancel_alarm(&alarms, 1));
    EXPECT_NEAR(8998, pc.count[0]);
    set(1, 12000000, false, 0);
    EXPECT_NEAR(8997, pc.count[0]);
    expect(true, cancel_alarm(&alarms, 0));
    expect(false, cancel_alarm(&alarms, 0));
    expect(false, cancel_alarm(&alarms, VMI_ALARM_COUNTERS));
    go(20000000);
    set(0, 20000000, false, 0);
    EXPECT_NEAR(1, pc.count[0]); /* the other is overdue */
}

static void what_cannot_be_served_is_refused(void) {
    struct alarm alarm = in(1000, false, 0);
    fresh();
    expect(false, set_alarm(&others, 0, &alarm));
    expect(false, set_alarm(&alarms, VMI_ALARM_COUNTERS, &alarm));
    alarm.lvtt = true;
    bare_set_msr(MSR_APIC_BASE, APIC_BASE);
    expect(false, set_alarm(&alarms, 0, &alarm));
    expect(false, alarms.alarm[0].armed || alarms.alarm[1].armed || alarms_have_pit());
    too_late = 100;
    bare_set_msr(MSR_APIC_BASE, APIC_BASE | APIC_BASE_ENABLED);
    bare_tsc_step = FAST;
    bare_tsc_hook = hold_up;
    start_time(read_tsc);
    alarm.lvtt = false;
    expect(false, set_alarm(&alarms, 0, &alarm)); /* no rate is known */
}

/* In cycles of a counter that stands still. */
static void a_shot_is_exact(void) {
    uint64_t hz = cycle_frequency(), taken = 65536 * hz / 1193182;
    fresh();
    bare_tsc_step = 0;
    for (unsigned n = 1; n < 65536; n += 4999) {
        set(0, n * hz / 1193182, false, 0);
        expect(n, pc.count[0]);
    }
    bare_io_apic[0x14] = 0x55;
    *bare_apic(APIC_ISR + 0x20) = 1u << 0x15;
    bare_ports[0x21] = 1; /* one that repeats ends by the counter, a 256th early */
    guest_takes_pit();
    set(0, 10 * taken, false, 0);
    go(taken - taken / 256 - 1);
    expect(true, is_for_guest(&alarms, 0x55));
    go(1);
    expect(false, is_for_guest(&alarms, 0x55));
}

/* The PIC masks IRQ0: it may lead to an I/O APIC, whose mask nobody shows. */
static void a_masked_line_is_asked_for_again_and_again(void) {
    fresh();
    bare_ports[0x21] = 0xFF;
    set(0, 5000000, false, 0);
    expect(0x34, pc.mode[0]);
    EXPECT_NEAR(5000, pc.count[0]);
    set(0, 100, false, 0);
    expect(128, pc.count[0]); /* not too often */
    set(0, 126500, false, 0);
    expect(128, pc.count[0]);
    bare_ports[0x21] = 0xFE;
    set(0, 100, false, 0);
    expect(0x30, pc.mode[0]);
    expect(1, pc.count[0]);
}

static void with_no_alarm_left_a_shot_that_repeats_is_stopped(void) {
    fresh();
    bare_ports[0x21] = 1;
    set(0, 5000000, false, 0);
    go(1000000);
    cancel_alarm(&alarms, 0);
    expect(0x38, pc.mode[0]);
    expect(true, alarms_have_pit()); /* QEMU goes on to the end of the first shot */
    go(4000000);
    look_for_overdue(&alarms);
    expect(true, alarms_have_pit());
    go(120000000);
    look_for_overdue(&alarms);
    expect(false, alarms_have_pit()); /* other machines do not */
    set(0, 5000000, false, 0);
    go(6000000);
    cancel_alarm(&alarms, 0);
    expect(true, alarms_have_pit()); /* its interrupt may be on the way */
    bare_ports[0x21] = 0;
    guest_takes_pit();
    set(0, 5000000, false, 0);
    cancel_alarm(&alarms, 0);
    expect(0x30, pc.mode[0]); /* one that does not is let run out */
    expect(true, alarms_have_pit());
    guest_takes_pit();
    expect(false, alarms_have_pit() || alarms_wait(&alarms));
}

/* The channel is the guest's, or has been stopped once. */
static void what_is_stopped_is_not_stopped_again(void) {
    fresh();
    for (unsigned i = 0; i < 2; i++) {
        bare_ports[0x21] = 1;
        set(0, 5000000, false, 0);
        i ? guest_takes_pit() : (void)cancel_alarm(&alarms, 0);
        bare_count = 0;
        if (!i) { /* nothing is armed before it, or behind it */
            set(1, 5000000, true, 0);
        }
        expect(true, cancel_alarm(&alarms, !i));
        expect(0, bare_times(BARE_OUT, 0x43));
    }
}

/* With 0, as an x2APIC wants it. */
static unsigned ends(void) {
    unsigned n = 0;
    for (unsigned i = 0; i < bare_count; i++) {
        if (bare_events[i].kind == BARE_STORE && bare_events[i].where == APIC_EOI) {
            expect(0, bare_events[i].value);
            n++;
        }
    }
    bare_count = 0;
    return n;
}

/* By the I/O APIC: a vector of ISR, an entry that leads there. */
static void in_service(uint8_t vector) {
    memset(bare_apic(APIC_ISR), 0, 0x80);
    *bare_apic(APIC_ISR + vector / 32 * 16) = 1u << vector % 32;
}

static void irq0_through_the_io_apic_is_known_by_its_entry(void) {
    static const struct {
        unsigned entry;
        uint32_t value;
        bool is;
    } cases[] = {{2, 0x55, true},  {0, 0x55, true},  {2, 0x10055, false},  {2, 0x56, false},
                 {1, 0x55, false}, {3, 0x55, false}, {2, 0xFFFEFF55, true}};
    for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        fresh();
        guest_takes_pit();
        memset(bare_io_apic, 0, sizeof(bare_io_apic));
        bare_io_apic[0x10 + cases[i].entry * 2] = cases[i].value;
        bare_io_apic[0x11 + cases[i].entry * 2] = 0x55;
        *(volatile uint32_t *)(uintptr_t)0xFEC00000 = 0x33;
        set(0, 1000000, false, 0);
        in_service(0x55);
        expect(true, is_for_guest(&alarms, 0x55)); /* the shot has not ended */
        expect(true, alarms.alarm[0].armed);
        go(900000);
        bare_tsc_step = 0;
        alarms.alarm[0].expiry += 10000000;
        go(200000);
        bare_count = 0;
        expect(!cases[i].is, is_for_guest(&alarms, 0x55));
        expect(cases[i].is, ends());
        expect(0x33, *(volatile uint32_t *)(uintptr_t)0xFEC00000);
        bare_tsc_step = 100;
    }
}

/* An interrupt from before the last shot may come first. */
static void one_that_is_left_from_before_is_not_the_new_alarms(void) {
    fresh();
    bare_io_apic[0x14] = 0x55;
    in_service(0x55);
    set(0, 1000000, false, 0);
    go(2000000);
    set(0, 5000000, false, 0); /* its interrupt is on the way */
    expect(false, is_for_guest(&alarms, 0x55));
    expect(true, alarms_have_pit());
    expect(true, is_for_guest(&alarms, 0x55)); /* no more than once */
}

static void a_shot_that_repeats_ends_by_the_counter(void) {
    fresh();
    bare_ports[0x21] = 1;
    bare_io_apic[0x14] = 0x55;
    in_service(0x55);
    set(0, 10000000, false, 0);
    bare_tsc_step = 0;
    go(9900000);
    expect(true, is_for_guest(&alarms, 0x55));
    expect(true, alarms.alarm[0].armed);
    go(70000); /* a 256th is early enough */
    alarms.alarm[0].expiry -= 100000;
    expect(true, is_for_guest(&alarms, 0x55));
    expect(false, alarms.alarm[0].armed);
}

/* Its next interrupt waits already while the one before is served. */
static void a_shot_that_has_come_again_is_not_the_next_alarms(void) {
    for (unsigned i = 0; i < 2; i++) {
        fresh();
        guest_takes_pit();
        bare_io_apic[0x14] = i ? 0 : 0x55;
        memset(bare_apic(APIC_ISR), 0, 0x80);
        if (!i) {
            in_service(0x55);
        }
        pc.isr = (uint8_t)i;
        *bare_apic(APIC_IRR + (0x55 + 3 * i) / 32 * 16) = 1u << (0x55 + 3 * i) % 32;
        set(0, 1000000, false, 0);
        go(2000000);
        expect(true, is_for_guest(&alarms, (uint8_t)(0x55 + 3 * i)));
        expect(!i, alarms_have_pit()); /* the PIC has no second one */
        *bare_apic(APIC_IRR + 0x20) = 0;
        set(0, 9000000, false, 0);
        expect(i, is_for_guest(&alarms, 0x55)); /* the one that waited */
        expect(true, alarms.alarm[0].armed);
    }
}

/* Where the guest's accesses are unseen: what it does to the channel shows when the line comes. */
static void a_channel_that_the_guest_has_programmed_is_its_own(void) {
    static const uint8_t modes[] = {0x30, 0x34, 0x38, 0x36, 0x31};
    for (unsigned shot = 0; shot < 3; shot++) { /* one, one that repeats, one that is stopped */
        for (unsigned i = 0; i < 2 * sizeof(modes); i++) {
            bool unseen = i % 2, is_guests = unseen && i / 2 != shot;
            fresh();
            guest_takes_pit();
            pc.bcd = false;
            alarms.unseen = unseen;
            bare_io_apic[0x14] = 0x55;
            in_service(0x55);
            bare_ports[0x21] = shot != 0;
            set(0, 1000000, false, 0);
            go(2000000);
            if (shot == 2) {
                cancel_alarm(&alarms, 0);
            }
            pc.mode[0] = modes[i / 2];
            bare_count = 0;
            expect(is_guests || shot != 2, is_for_guest(&alarms, 0x55));
            expect(is_guests && shot != 2, alarms.alarm[0].armed);
            expect(!is_guests && shot == 2, ends());
            expect(false, alarms_have_pit());
        }
    }
}

/* By the PIC: it says that the line has come, whatever the channel says. */
static void a_shot_that_ends_too_soon_is_the_guests(void) {
    for (unsigned i = 0; i < 5; i++) {
        bool repeats = i == 3, is_guests = i == 1;
        fresh();
        guest_takes_pit();
        pc.bcd = false;
        alarms.unseen = i != 2;
        pc.isr = 1;
        bare_ports[0x21] = repeats;
        set(0, 5000000, false, 0);
        pc.count[0] = i == 0 ? pc.count[0] : 100;
        go(i == 4 ? 4990000 : 1000000); /* at last it is early enough */
        expect(is_guests, is_for_guest(&alarms, 0x08));
        expect(true, alarms.alarm[0].armed);
        expect(!is_guests, alarms_have_pit());
    }
}

/* --- alarms: the local APIC's timer --- */

static void use_timer(void) {
    fresh();
    bare_hook_apic(timer);
    bare_store_hook = notice;
}

static void an_alarm_by_lvtt_is_a_shot_of_the_apics_timer(void) {
    use_timer();
    *bare_apic(APIC_LVTT) = 0x20000 | 0x31;
    expect(true, set(0, 16000000, true, 0));
    expect(3, *bare_apic(APIC_DIVIDER));
    expect(0x31, *bare_apic(APIC_LVTT));
    expect(true, *bare_apic(APIC_COUNT) > 990000 && *bare_apic(APIC_COUNT) < 1010000);
    expect(true, alarms_wait(&alarms) && !alarms_have_pit());
    in_service(0x31);
    bare_count = 0;
    expect(false, is_for_guest(&alarms, 0x31));
    expect(1, ends());
    expect(true, is_for_guest(&alarms, 0x32));
    go(17000000);
    bare_count = 0;
    expect(true, is_for_guest(&alarms, 0x31));
    expect(0, bare_times(BARE_STORE, APIC_EOI));
    expect(0, *bare_apic(APIC_COUNT)); /* stopped */
    expect(false, alarms_wait(&alarms));
}

static void a_timer_that_is_stopped_may_still_owe_an_interrupt(void) {
    use_timer();
    *bare_apic(APIC_LVTT) = 0x31;
    set(0, 16000000, true, 0);
    *bare_apic(APIC_IRR + 0x10) = 1u << 0x11;
    expect(true, cancel_alarm(&alarms, 0));
    expect(0, *bare_apic(APIC_COUNT));
    expect(true, alarms_wait(&alarms));
    in_service(0x31);
    *bare_apic(APIC_IRR + 0x10) = 0;
    expect(false, is_for_guest(&alarms, 0x31));
    expect(false, alarms_wait(&alarms));
    expect(true, is_for_guest(&alarms, 0x31));
}

static void a_timer_in_another_mode_is_the_guests(void) {
    use_timer();
    *bare_apic(APIC_LVTT) = 0x31;
    set(0, 100, true, 0);
    go(10000);
    in_service(0x31);
    *bare_apic(APIC_LVTT) = 0x20031;
    expect(true, is_for_guest(&alarms, 0x31));
    expect(true, alarms.alarm[0].armed);
    memset(bare_apic(APIC_ISR), 0, 0x80);
    *bare_apic(APIC_LVTT) = 0x31;
    expect(true, is_for_guest(&alarms, 0x31)); /* the PIC's, of that number */
    expect(true, alarms.alarm[0].armed);
    in_service(0x31);
    expect(true, is_for_guest(&alarms, 0x31));
    expect(false, alarms.alarm[0].armed);
}

static void one_that_was_taken_and_is_not_asked_about_is_owed_too(void) {
    for (unsigned i = 0; i < 4; i++) {
        uint32_t vector = i < 2 ? 0x31 : 0;
        use_timer();
        *bare_apic(APIC_LVTT) = vector;
        set(0, 16000000, true, 0);
        alarms.waiting = i == 0 ? 0x31 : i == 1 ? 0x32 : i == 2 ? 0 : 1;
        cancel_alarm(&alarms, 0);
        expect(i == 0, alarms_wait(&alarms));
    }
}

/* One behind the counters, if there were such a one. */
static void there_are_two_counters(void) {
    static struct {
        struct alarms alarms;
        struct alarm behind;
    } all;
    use_timer();
    *bare_apic(APIC_LVTT) = 0x31;
    all.alarms.alarm[1] = in(1600, true, 0);
    all.alarms.apic_timer_runs = true;
    all.behind = all.alarms.alarm[1];
    in_service(0x31);
    go(10000);
    expect(true, is_for_guest(&all.alarms, 0x31));
    expect(false, all.alarms.alarm[1].armed);
    expect(true, all.behind.armed);
    expect(false, alarms_wait(&all.alarms));
}

static unsigned starts(void) {
    unsigned n = bare_times(BARE_STORE, APIC_COUNT);
    bare_count = 0;
    return n;
}

static void a_write_to_lvtt_starts_the_shot_anew(void) {
    use_timer();
    *bare_apic(APIC_LVTT) = 0x31;
    set(0, 16000000, true, 0);
    starts();
    renew_apic_timer(&alarms);
    expect(1, starts());
    *bare_apic(APIC_LVTT) = 0x40031;
    renew_apic_timer(&alarms);
    expect(0, starts());
    *bare_apic(APIC_LVTT) = 0x10031;
    renew_apic_timer(&alarms);
    expect(1, starts());
    alarms.alarm[0].armed = false;
    renew_apic_timer(&alarms);
    expect(0, starts());
    alarms.alarm[0].armed = true;
    bare_set_msr(MSR_APIC_BASE, APIC_BASE);
    renew_apic_timer(&alarms);
    expect(0, starts());
}

static void an_overdue_alarm_of_the_apic_has_another_shot_where_its_interrupt_is_lost(void) {
    static const struct {
        uint32_t lvtt, irr, isr, left;
        bool lost;
    } cases[] = {{0x31, 0, 0, 0, true},
                 {0x10031, 0, 0, 0, false},
                 {0x20031, 0, 0, 0, false},
                 {0x31, 1u << 17, 0, 0, false},
                 {0x31, 0, 1u << 17, 0, false},
                 {0x31, 0, 0, 1, false},
                 {0x31, 1u << 18, 1u << 18, 0, true}};
    for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        use_timer();
        *bare_apic(APIC_LVTT) = 0x31;
        *bare_apic(APIC_IRR + 0x10) = *bare_apic(APIC_ISR + 0x10) = 0;
        set(0, 1600000, true, 0);
        starts();
        look_for_overdue(&alarms);
        expect(0, starts()); /* not yet */
        go(1700000);
        *bare_apic(APIC_LVTT) = cases[i].lvtt;
        *bare_apic(APIC_IRR + 0x10) = cases[i].irr;
        *bare_apic(APIC_ISR + 0x10) = cases[i].isr;
        *bare_apic(APIC_COUNT) = cases[i].left ? 0xFFFFFFFF : 0;
        look_for_overdue(&alarms);
        expect(cases[i].lost, starts());
        if (cases[i].lost) {
            expect(1, *bare_apic(APIC_COUNT));
        }
    }
    bare_set_msr(MSR_APIC_BASE, APIC_BASE);
    look_for_overdue(&alarms);
    expect(0, starts());
    bare_set_msr(MSR_APIC_BASE, APIC_BASE | APIC_BASE_ENABLED);
    alarms.apic_timer_runs = false;
    look_for_overdue(&alarms);
    expect(0, starts());
}

/* --- alarms: a shot that is held, where the guest's accesses are unseen --- */

static void set_held(uint32_t lvtt, uint64_t cycles) {
    use_timer();
    alarms.unseen = true;
    *bare_apic(APIC_LVTT) = lvtt;
    memset(bare_apic(APIC_ISR), 0, 0x80);
    set(0, cycles, true, 0);
}

static void a_shot_that_the_guest_masks_is_held_by_a_mark(void) {
    static const struct {
        uint32_t lvtt, held;
    } cases[] = {{0x10031, 0x20031}, {0x11031, 0x20031}, {0x10020, 0x20020},
                 {0x1001F, 0x200F7}, {0x10000, 0x200F7}, {0x31, 0x31}};
    for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        set_held(cases[i].lvtt, 16000000);
        expect(cases[i].held, *bare_apic(APIC_LVTT));
        expect(true, *bare_apic(APIC_COUNT) > 990000 && *bare_apic(APIC_COUNT) < 1010000);
        *bare_apic(APIC_LVTT) |= 0x1000; /* an interrupt is on its way */
        set(1, 20000000, true, 0);       /* it is taken out of the mark, and held again */
        expect(cases[i].held, *bare_apic(APIC_LVTT) & ~0x1000u);
        cancel_alarm(&alarms, 0);
        cancel_alarm(&alarms, 1);
        expect(cases[i].lvtt & ~0x1000u, *bare_apic(APIC_LVTT) & ~0x1000u);
        expect(false, alarms_wait(&alarms));
    }
    set_held(0x10031, 16000000);
    alarms.unseen = false;
    *bare_apic(APIC_LVTT) = 0x10031;
    set(0, 16000000, true, 0);
    expect(0x10031, *bare_apic(APIC_LVTT));
}

static void an_overdue_one_is_not_held_too_often(void) {
    set_held(0x31, 0);
    expect(1, *bare_apic(APIC_COUNT));
    set_held(0x10031, 0);
    expect(true, *bare_apic(APIC_COUNT) > HZ / 16 / 256 * 998 / 1000);
    expect(true, *bare_apic(APIC_COUNT) < HZ / 16 / 256 * 1002 / 1000);
}

static void what_the_guest_makes_of_lvtt_is_left_to_it(void) {
    set_held(0x10031, 16000000);
    *bare_apic(APIC_LVTT) = 0x10045;
    cancel_alarm(&alarms, 0);
    expect(0x10045, *bare_apic(APIC_LVTT));
    set_held(0x10031, 16000000);
    cancel_alarm(&alarms, 0);
    *bare_apic(APIC_LVTT) = 0x20031; /* as the mark, and none */
    set(0, 16000000, true, 0);
    expect(0x31, *bare_apic(APIC_LVTT));
    expect(false, alarms.holds);
}

/* The guest sees neither the interrupt nor the alarm. */
static void each_interrupt_of_a_held_shot_starts_it_anew(void) {
    for (unsigned i = 0; i < 2; i++) {
        uint8_t vector = i ? 0xF7 : 0x31;
        set_held(i ? 0x10005 : 0x10031, 1600);
        go(10000);
        in_service(vector);
        bare_count = 0;
        expect(false, is_for_guest(&alarms, vector));
        expect(1, bare_times(BARE_STORE, APIC_COUNT));
        expect(0, bare_times(BARE_STORE, APIC_LVTT));
        expect(1, ends());
        expect(true, alarms.alarm[0].armed);
        in_service(0x32);
        expect(true, is_for_guest(&alarms, 0x32)); /* another one */
        in_service(0x55);
        expect(true, is_for_guest(&alarms, vector)); /* the PIC's, of that number */
        expect(0, bare_times(BARE_STORE, APIC_COUNT));
        in_service(vector);
        *bare_apic(APIC_LVTT) = 0x31; /* the guest's: the mark is gone */
        expect(!i, is_for_guest(&alarms, vector));
        expect(i, alarms.alarm[0].armed);
        expect(0x31, *bare_apic(APIC_LVTT));
        alarms.apic_timer_runs = false;
        *bare_apic(APIC_LVTT) = 0x20000u | vector;
        alarms.holds = true;
        bare_count = 0;
        expect(true, is_for_guest(&alarms, vector)); /* no timer runs */
        expect(0, ends());
    }
}

static void an_overdue_alarm_of_irq0_is_asked_for_again_where_it_is_masked(void) {
    fresh();
    set(0, 1000000, false, 0);
    bare_count = 0;
    bare_ports[0x21] = 1;
    look_for_overdue(&alarms); /* not yet */
    expect(0, bare_times(BARE_OUT, 0x43));
    go(2000000);
    bare_ports[0x21] = 0;
    look_for_overdue(&alarms); /* the PIC remembers it */
    expect(0, bare_times(BARE_OUT, 0x40));
    bare_ports[0x21] = 1;
    alarms.has_irq0 = false;
    look_for_overdue(&alarms);
    expect(0, bare_times(BARE_OUT, 0x40));
    alarms.has_irq0 = true;
    look_for_overdue(&alarms);
    expect(2, bare_times(BARE_OUT, 0x40));
    expect(0x34, pc.mode[0]);
    expect(128, pc.count[0]);
    look_for_overdue(&alarms); /* that one repeats by itself */
    expect(2, bare_times(BARE_OUT, 0x40));
    guest_takes_pit();
    look_for_overdue(&alarms);
    expect(2, bare_times(BARE_OUT, 0x40));
}

static void without_a_local_apic_its_timer_is_no_matter(void) {
    use_timer();
    *bare_apic(APIC_LVTT) = 0x31;
    set(0, 16000000, true, 0);
    bare_set_msr(MSR_APIC_BASE, APIC_BASE);
    set(1, 16000000, false, 0);
    expect(false, alarms.apic_timer_runs);
    expect(true, alarms_have_pit());
    in_service(0x08); /* no APIC to have it */
    pc.isr = 1;
    go(17000000);
    expect(true, is_for_guest(&alarms, 0x08));
    expect(false, alarms.alarm[1].armed);
}

/* --- words --- */

static const char *said(uint16_t at) {
    static char text[4096];
    unsigned size = 0;
    for (unsigned i = 0; i < bare_count && size + 1 < sizeof(text); i++) {
        if (bare_events[i].kind == BARE_OUT && bare_events[i].where == at) {
            text[size++] = (char)bare_events[i].value;
        }
    }
    text[size] = 0;
    return text;
}

static uint32_t none_but(unsigned slot) {
    return slot == VMI_CALL_GetCR0         ? 7
           : slot == VMI3_SLOT_SetLazyMode ? 4000000000u
           : slot == VMI_CALL_GetCR3       ? 10
                                           : 0;
}

static uint32_t some(unsigned slot) {
    return slot < 20 ? slot : 0;
}

static void words_go_to_both_ports(void) {
    say("a\nb");
    say_hex(0x123456789ABCDEF0, 16);
    say_hex(0x123456789ABCDEF0, 3);
    say_count("n", 4294967295u);
    expect(0, strcmp(said(0xE9), "a\r\nb123456789ABCDEF0EF0 n 4294967295"));
    expect(0, strcmp(said(0x3F8), "a\r\nb123456789ABCDEF0EF0 n 4294967295"));
}

static void calls_are_named_eight_to_a_line(void) {
    unsigned lines = 0, names = 0;
    const char *text;
    say_calls(none_but);
    expect(0,
           strcmp(said(0xE9), "# monitor: calls: GetCR0 7 GetCR3 10 SetLazyMode 4000000000\r\n"));
    bare_count = 0;
    say_calls(some);
    text = said(0xE9);
    for (const char *at = text; (at = strstr(at, "# monitor: calls:")); at++) {
        lines++;
    }
    for (unsigned i = 0; i < sizeof(vmi_call_names) / sizeof(*vmi_call_names); i++) {
        names += some(vmi_call_names[i].slot) != 0;
    }
    expect((names + 7) / 8, lines);
    expect(true, !strncmp(text, "# monitor: calls:", 17));
}

static uint32_t one(unsigned slot) {
    (void)slot;
    return 1;
}

static uint32_t nine(unsigned slot) {
    return slot == VMI_CALL_GetCR0 ? 9 : 0;
}

static void each_call_is_named_once(void) {
    unsigned names = sizeof(vmi_call_names) / sizeof(*vmi_call_names), seen = 0;
    const char *text;
    for (unsigned i = 0; i < sizeof(vmi3_call_names) / sizeof(*vmi3_call_names); i++) {
        names += vmi3_call_names[i].slot > VMI_CALL_LAST;
    }
    say_calls(one);
    text = said(0xE9);
    for (const char *at = text; (at = strstr(at, " 1")); at++) {
        seen += at[2] == ' ' || at[2] == '\r';
    }
    expect(names, seen);
    seen = 0;
    for (const char *at = text; (at = strstr(at, "# monitor: calls:")); at++) {
        seen++;
    }
    expect((names + 7) / 8, seen);
    bare_count = 0;
    say_calls(nine);
    expect(0, strcmp(said(0xE9), "# monitor: calls: GetCR0 9\r\n"));
}

static unsigned line_looks;

static bool busy_line(uint16_t at, unsigned size, bool write, uint32_t *value) {
    if (at == 0x3FD && !write) {
        line_looks++;
        *value = line_looks < 5 ? 0xDF : 0x20;
        return true;
    }
    return port(at, size, write, value);
}

static void a_line_that_is_busy_is_waited_for(void) {
    line_looks = 0;
    bare_port_hook = busy_line;
    say("x");
    expect(5, line_looks);
    expect(0, strcmp(said(0x3F8), "x"));
}

static void com1_can_be_left_to_the_guest(void) {
    spare_com1 = true;
    say("x");
    spare_com1 = false;
    expect(1, bare_times(BARE_OUT, 0xE9));
    expect(0, bare_times(BARE_OUT, 0x3F8));
}

/* The first shot of the process, with the measurement before it. */
static struct bare_event first_shot[8];
static unsigned first_stores;

static void the_timers_rate_is_measured_masked_and_stopped_at_its_end(void) {
    static const struct {
        uint32_t reg, value;
    } stores[] = {{APIC_DIVIDER, 3},
                  {APIC_LVTT, 0x10030},
                  {APIC_COUNT, 0xFFFFFFFF},
                  {APIC_COUNT, 0},
                  {APIC_LVTT, 0x30}};
    expect(7, first_stores); /* then it is started, and stopped */
    for (unsigned i = 0; i < sizeof(stores) / sizeof(*stores); i++) {
        expect(stores[i].reg, first_shot[i].where);
        expect(stores[i].value, first_shot[i].value);
    }
    expect(APIC_COUNT, first_shot[5].where);
    expect(APIC_COUNT, first_shot[6].where);
    expect(0, first_shot[6].value);
    expect(32, timer_looks); /* for a 512th of a second: */
    expect(true, timer_reads[16] - timer_reads[0] >= cycle_frequency() / 512);
    expect(true, timer_reads[16] - timer_reads[0] <= cycle_frequency() / 512 + 2 * SLOW);
}

/* The rates are measured once; who has measured anew has done so last. */
static void reset(void) {
    static bool measured;
    machine();
    bare_tsc = 1000000;
    if (!measured || cycle_frequency() < HZ - HZ / 1000 || cycle_frequency() > HZ + HZ / 1000) {
        bare_tsc_step = FAST;
        start_time(read_tsc);
        use_timer();
        *bare_apic(APIC_LVTT) = 0x30;
        bare_count = 0;
        bare_tsc_step = SLOW;
        set(0, 1000, true, 0);
        cancel_alarm(&alarms, 0);
        for (unsigned i = 0; !measured && i < bare_count; i++) {
            if (bare_events[i].kind == BARE_STORE && first_stores < 8) {
                first_shot[first_stores++] = bare_events[i];
            }
        }
        measured = true;
        machine();
        bare_tsc = 1000000;
    }
    bare_count = 0;
    guest_takes_pit();
}

int main(void) {
    bare_start();
    bare_take_cpuid_and_tsc();
    each_test_starts_with(reset);
    RUN(the_rate_is_measured_by_the_pit);
    RUN(a_measurement_that_was_held_up_is_made_again);
    RUN(the_clock_is_read_in_each_of_its_forms);
    RUN(the_clock_is_read_behind_an_update);
    RUN(an_update_behind_the_edge_is_waited_for);
    RUN(a_clock_that_stands_still_is_taken_after_a_second_and_a_quarter);
    RUN(the_rate_is_that_of_20_ms_and_at_least_a_mhz);
    RUN(the_wallclock_goes_by_the_counter);
    RUN(a_sample_is_the_quickest_of_sixteen);
    RUN(expiries_and_counts_are_exact);
    RUN(an_alarm_by_irq0_is_a_shot_of_the_pit);
    RUN(a_long_alarm_is_several_shots);
    RUN(only_irq0s_vector_is_an_alarms);
    RUN(a_periodic_one_is_set_again);
    RUN(the_first_of_two_has_the_timer);
    RUN(what_cannot_be_served_is_refused);
    RUN(a_shot_is_exact);
    RUN(a_masked_line_is_asked_for_again_and_again);
    RUN(with_no_alarm_left_a_shot_that_repeats_is_stopped);
    RUN(what_is_stopped_is_not_stopped_again);
    RUN(irq0_through_the_io_apic_is_known_by_its_entry);
    RUN(one_that_is_left_from_before_is_not_the_new_alarms);
    RUN(a_shot_that_repeats_ends_by_the_counter);
    RUN(a_shot_that_has_come_again_is_not_the_next_alarms);
    RUN(a_channel_that_the_guest_has_programmed_is_its_own);
    RUN(a_shot_that_ends_too_soon_is_the_guests);
    RUN(the_timers_rate_is_measured_masked_and_stopped_at_its_end);
    RUN(an_alarm_by_lvtt_is_a_shot_of_the_apics_timer);
    RUN(a_timer_that_is_stopped_may_still_owe_an_interrupt);
    RUN(one_that_was_taken_and_is_not_asked_about_is_owed_too);
    RUN(there_are_two_counters);
    RUN(a_timer_in_another_mode_is_the_guests);
    RUN(a_write_to_lvtt_starts_the_shot_anew);
    RUN(an_overdue_alarm_of_the_apic_has_another_shot_where_its_interrupt_is_lost);
    RUN(a_shot_that_the_guest_masks_is_held_by_a_mark);
    RUN(an_overdue_one_is_not_held_too_often);
    RUN(what_the_guest_makes_of_lvtt_is_left_to_it);
    RUN(each_interrupt_of_a_held_shot_starts_it_anew);
    RUN(an_overdue_alarm_of_irq0_is_asked_for_again_where_it_is_masked);
    RUN(without_a_local_apic_its_timer_is_no_matter);
    RUN(words_go_to_both_ports);
    RUN(calls_are_named_eight_to_a_line);
    RUN(each_call_is_named_once);
    RUN(a_line_that_is_busy_is_waited_for);
    RUN(com1_can_be_left_to_the_guest);
    return results_end();
}
