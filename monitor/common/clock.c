/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * The TSC's rate is measured once, at launch, and the CMOS clock read once: from then on time is
 * the TSC.
 */

#include <stdbool.h>

#include "clock.h"
#include "vmi/api.h"
#include "x86.h"

#define PORT_PIT_2     0x42u
#define PIT_2_MODE_0   0xB0u /* both bytes, output high at the end of the count */
#define PIT_2_LATCH    0x80u
#define PIT_COUNT      0xFFFFu /* 55 ms, of which are measured: */
#define PIT_MEASURED   23864u  /* 20 ms */
#define PIT_TRIES      8u      /* we may be held up for longer */
#define SAMPLES        16u
#define PORT_B         0x61u
#define PORT_B_GATE    0x01u
#define PORT_B_SPEAKER 0x02u
#define PORT_B_OUTPUT  0x20u

#define PORT_CMOS_INDEX 0x70u
#define PORT_CMOS_DATA  0x71u
#define CMOS_SECOND     0x00u
#define CMOS_MINUTE     0x02u
#define CMOS_HOUR       0x04u
#define CMOS_DAY        0x07u
#define CMOS_MONTH      0x08u
#define CMOS_YEAR       0x09u
#define CMOS_CENTURY    0x32u
#define CMOS_A          0x0Au
#define CMOS_A_UPDATING 0x80u
#define CMOS_B          0x0Bu
#define CMOS_B_24_HOURS 0x02u
#define CMOS_B_BINARY   0x04u
#define HOUR_PM         0x80u

#define SLOWEST_HZ 1000000u /* guests divide by less */

#define EDGE_PAUSE   2000u   /* turns of a loop between two looks: for some hosts they are dear */
#define PATIENCE_PIT 200000u /* samples */
#define PATIENCE     100000u /* looks at a port: a missing device must not stop the launch */

/* Machine-wide, written before the guest runs. */
static uint64_t launch_tsc, tsc_hz, launch_ns;

/* The fastest of several tries: nothing came between its two readings. */
struct sample sample_timer(uint32_t (*read)(void)) {
    struct sample best = {0, 0};
    uint64_t least = UINT64_MAX;
    for (unsigned i = 0; i < SAMPLES; i++) {
        struct sample s = {read_tsc(), read()};
        uint64_t taken = read_tsc() - s.tsc;
        if (taken >= least) {
            continue;
        }
        least = taken;
        best = s;
    }
    return best;
}

static uint32_t read_pit_2(void) {
    uint32_t count;
    outb(PORT_PIT_COMMAND, PIT_2_LATCH);
    count = inb(PORT_PIT_2);
    return count | (uint32_t)inb(PORT_PIT_2) << 8;
}

/* 0 when the count has run out meanwhile, or does not run at all. */
static uint64_t try_to_measure_tsc(void) {
    struct sample first, last;
    uint32_t patience = PATIENCE_PIT;
    outb(PORT_PIT_COMMAND, PIT_2_MODE_0);
    outb(PORT_PIT_2, PIT_COUNT & 0xFF);
    outb(PORT_PIT_2, PIT_COUNT >> 8);
    read_pit_2(); /* it is loaded with the next tick */
    first = sample_timer(read_pit_2);
    do {
        last = sample_timer(read_pit_2);
    } while (first.count - last.count < PIT_MEASURED && --patience);
    if (!patience || (inb(PORT_B) & PORT_B_OUTPUT)) {
        return 0;
    }
    return (last.tsc - first.tsc) * PIT_HZ / (first.count - last.count);
}

/* By the PIT's channel 2, which nobody needs: its gate is a port bit. */
static uint64_t measure_tsc(void) {
    uint8_t port_b = inb(PORT_B);
    uint64_t measured = 0;
    outb(PORT_B, (uint8_t)((port_b & ~PORT_B_SPEAKER) | PORT_B_GATE));
    for (unsigned i = 0; !measured && i < PIT_TRIES; i++) {
        measured = try_to_measure_tsc();
    }
    outb(PORT_B, port_b);
    return measured;
}

static uint8_t cmos(uint8_t index) {
    outb(PORT_CMOS_INDEX, index);
    return inb(PORT_CMOS_DATA);
}

struct clock {
    uint8_t second, minute, hour, day, month, year, century, mode;
};

static bool is_updating(void) {
    return cmos(CMOS_A) & CMOS_A_UPDATING;
}

static struct clock read_clock(void) {
    uint32_t patience = PATIENCE;
    while (is_updating() && --patience) {
        ;
    }
    return (struct clock){cmos(CMOS_SECOND), cmos(CMOS_MINUTE), cmos(CMOS_HOUR),    cmos(CMOS_DAY),
                          cmos(CMOS_MONTH),  cmos(CMOS_YEAR),   cmos(CMOS_CENTURY), cmos(CMOS_B)};
}

static uint32_t plain(uint8_t value, uint8_t mode) {
    return mode & CMOS_B_BINARY ? value : (value >> 4) * 10u + (value & 0xF);
}

/* Days since 1970 of a date in the Gregorian calendar: a year that starts in March has its odd day
 * last. */
static uint32_t days_since_1970(uint32_t year, uint32_t month, uint32_t day) {
    uint32_t y = month < 3 ? year - 1 : year, m = month < 3 ? month + 9 : month - 3;
    return y * 365 + y / 4 - y / 100 + y / 400 + (m * 153 + 2) / 5 + day - 1 - 719468;
}

static uint64_t seconds_of(const struct clock *c) {
    uint32_t century = plain(c->century, c->mode), year = plain(c->year, c->mode);
    uint32_t hour = plain(c->hour & (uint8_t)~HOUR_PM, c->mode);
    if (!(c->mode & CMOS_B_24_HOURS)) {
        hour = hour % 12 + (c->hour & HOUR_PM ? 12 : 0);
    }
    year += (century < 19 || century > 29 ? 20 : century) * 100; /* not every machine keeps it */
    return days_since_1970(year, plain(c->month, c->mode), plain(c->day, c->mode)) * 86400ull +
           hour * 3600 + plain(c->minute, c->mode) * 60 + plain(c->second, c->mode);
}

static void spin(void) {
    for (unsigned i = 0; i < EDGE_PAUSE; i++) {
        __asm__ volatile("");
    }
}

/* A clock that has just gone on says what its fraction is, too. A value that an update garbled at
 * the start lets the wait end with that update. */
static void wait_for_edge(void) {
    uint64_t most = tsc_hz + tsc_hz / 4;
    uint8_t before = cmos(CMOS_SECOND);
    uint64_t start = launch_tsc = read_tsc();
    while (is_updating() || cmos(CMOS_SECOND) == before) {
        spin();
        launch_tsc = read_tsc();
        if (launch_tsc - start > most) {
            return;
        }
    }
}

/* One that stands still or is not there is taken as it is. */
void start_time(void) {
    struct clock now;
    tsc_hz = measure_tsc();
    wait_for_edge();
    now = read_clock();
    launch_ns = seconds_of(&now) * VMI_WALLCLOCK_HZ;
}

uint64_t cycle_frequency(void) {
    return tsc_hz < SLOWEST_HZ ? 0 : tsc_hz;
}

uint64_t wallclock_time(void) {
    uint64_t cycles = read_tsc() - launch_tsc, ns = 0;
    if (tsc_hz) { /* in two steps: the product of all cycles would not fit */
        ns = cycles / tsc_hz * VMI_WALLCLOCK_HZ + cycles % tsc_hz * VMI_WALLCLOCK_HZ / tsc_hz;
    }
    return launch_ns + ns;
}
