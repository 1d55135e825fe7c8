/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * The time of day at launch, by a made-up CMOS clock that goes on while it is looked at. During an
 * update its registers hold garbage. TAP.
 */

#include <string.h>

#include "bare.h"
#include "common/clock.h"
#include "results.h"

#define PIT_2      0x42u
#define CMOS_INDEX 0x70u
#define CMOS_DATA  0x71u
#define UPDATING   0x80u
#define BINARY     0x04u
#define HOURS_24   0x02u
#define GARBAGE    0x59u
#define LOOKS      3u /* of an update, at register A */
#define SECOND     1000000000ull

/* The registers, and those of the second behind it. */
static struct {
    uint8_t now[128], next[128];
    unsigned looks;  /* at register A until the update */
    unsigned left;   /* of the update */
    bool is_stopped; /* the clock is there, and stands */
} clock_of;

static uint16_t pit, pit_step;
static unsigned pit_reads;

static void read_cmos(void) {
    uint8_t index = bare_ports[CMOS_INDEX] & 0x7F;
    bool date = index < 0x0A || index == 0x32;
    if (index == 0x0A && !clock_of.is_stopped) {
        if (clock_of.looks && !--clock_of.looks) {
            clock_of.left = LOOKS;
        } else if (clock_of.left && !--clock_of.left) {
            memcpy(clock_of.now, clock_of.next, sizeof(clock_of.now));
        }
    }
    bare_ports[CMOS_DATA] = clock_of.left && date ? GARBAGE : clock_of.now[index];
    if (index == 0x0A && clock_of.left) {
        bare_ports[CMOS_DATA] |= UPDATING;
    }
}

/* Two bytes a count. With small steps a second of the clock is several of this process's. */
static void read_pit(void) {
    if (pit_reads++ % 2 == 0) {
        pit -= pit_step;
        bare_ports[PIT_2] = (uint8_t)pit;
    } else {
        bare_ports[PIT_2] = (uint8_t)(pit >> 8);
    }
}

static void before_in(uint16_t port) {
    if (port == CMOS_DATA) {
        read_cmos();
    } else if (port == PIT_2) {
        read_pit();
    }
}

static void reset(void) {
    bare_reset();
    memset(&clock_of, 0, sizeof(clock_of));
    pit = 0;
    pit_step = 1;
    pit_reads = 0;
    bare_before_in = before_in;
}

/* The registers in the order of the CMOS: second, minute, hour, day, month, year, century. */
static void set(uint8_t *registers, const uint8_t fields[7], uint8_t mode) {
    static const uint8_t at[] = {0, 2, 4, 7, 8, 9, 0x32};
    for (unsigned i = 0; i < 7; i++) {
        registers[at[i]] = fields[i];
    }
    registers[0x0A] = 0x26;
    registers[0x0B] = mode;
}

/* The wall clock says SECONDS, and the update is over. */
static void begins(uint64_t seconds) {
    expect(seconds, wallclock_time() / SECOND);
    expect(0, clock_of.left);
    expect(0, clock_of.looks);
}

static void the_clock_is_taken_when_it_goes_on(void) {
    static const uint8_t before[] = {0x59, 0x59, 0x23, 0x31, 0x12, 0x25, 0x20},
                         behind[] = {0x00, 0x00, 0x00, 0x01, 0x01, 0x26, 0x20};
    set(clock_of.now, before, HOURS_24);
    set(clock_of.next, behind, HOURS_24);
    clock_of.looks = 40;
    start_time();
    begins(1767225600); /* 2026-01-01 00:00:00 */
}

static void an_update_at_the_start_is_the_edge(void) {
    static const uint8_t before[] = {0x07, 0x30, 0x12, 0x28, 0x02, 0x24, 0x20},
                         behind[] = {0x08, 0x30, 0x12, 0x28, 0x02, 0x24, 0x20};
    set(clock_of.now, before, HOURS_24);
    set(clock_of.next, behind, HOURS_24);
    clock_of.left = LOOKS;
    start_time();
    begins(1709123408); /* 2024-02-28 12:30:08 */
}

static void binary_hours_of_twelve_are_understood(void) {
    static const uint8_t before[] = {58, 59, 0x80 | 11, 28, 2, 24, 20},
                         behind[] = {59, 59, 0x80 | 11, 28, 2, 24, 20};
    set(clock_of.now, before, BINARY);
    set(clock_of.next, behind, BINARY);
    clock_of.looks = 5;
    start_time();
    begins(1709164799); /* 2024-02-28 23:59:59 */
}

static void midnight_is_twelve_without_pm(void) {
    static const uint8_t before[] = {0x00, 0x00, 0x12, 0x01, 0x03, 0x24, 0x00},
                         behind[] = {0x01, 0x00, 0x12, 0x01, 0x03, 0x24, 0x00};
    set(clock_of.now, before, 0);
    set(clock_of.next, behind, 0);
    clock_of.looks = 5;
    start_time();
    begins(1709251201); /* 2024-03-01 00:00:01 */
}

static void a_clock_that_stands_is_taken_as_it_is(void) {
    static const uint8_t now[] = {0x00, 0x00, 0x00, 0x01, 0x01, 0x26, 0x20};
    set(clock_of.now, now, HOURS_24);
    clock_of.is_stopped = true;
    pit_step = 500;
    start_time();
    expect(true, wallclock_time() >= 1767225600 * SECOND);
}

static void without_a_rate_nothing_is_waited_for(void) {
    static const uint8_t now[] = {0x00, 0x00, 0x00, 0x01, 0x01, 0x26, 0x20};
    set(clock_of.now, now, HOURS_24);
    clock_of.looks = 1000;
    bare_ports[0x61] = 0x20; /* the PIT's count is always over */
    start_time();
    expect(0, cycle_frequency());
    expect(1767225600 * SECOND, wallclock_time());
}

int main(void) {
    bare_start();
    each_test_starts_with(reset);
    RUN(the_clock_is_taken_when_it_goes_on);
    RUN(an_update_at_the_start_is_the_edge);
    RUN(binary_hours_of_twelve_are_understood);
    RUN(midnight_is_twelve_without_pm);
    RUN(a_clock_that_stands_is_taken_as_it_is);
    RUN(without_a_rate_nothing_is_waited_for);
    return results_end();
}
