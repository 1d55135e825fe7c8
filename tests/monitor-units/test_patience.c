/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* How long a device is waited for that is not there, or never ready: clock.c, debug.c. A test for
 * these alone, as they take many looks. TAP. */

#include "bare.h"
#include "common/clock.h"
#include "common/debug.h"
#include "results.h"

static unsigned looks; /* at what never comes */
static uint64_t counter;
static uint8_t cmos_index;
static uint16_t pit;
static unsigned pit_bytes;

/* Those before the last look at the counter are an edge's, which ends by it. */
static uint64_t count_cycles(void) {
    looks = 0;
    return counter += 100000;
}

/* A PIT that is quick, a CMOS clock that is always in an update, and a busy COM1. */
static bool port(uint16_t at, unsigned size, bool write, uint32_t *value) {
    (void)size;
    if (write) {
        cmos_index = at == 0x70 ? (uint8_t)*value : cmos_index;
        pit = at == 0x43 && *value == 0x80 ? (uint16_t)(pit - 1000) : pit;
        return true;
    }
    *value = 0;
    if (at == 0x42) {
        *value = pit >> 8 * (pit_bytes++ % 2) & 0xFF;
    } else if (at == 0x71 && (cmos_index & 0x7F) == 0x0A) {
        looks++;
        *value = 0x80;
    } else if (at == 0x3FD) {
        looks++;
    }
    return true;
}

static void an_update_without_end_is_given_up_after_100000_looks(void) {
    start_time(count_cycles);
    expect(true, cycle_frequency() > 1000000);
    expect(100000, looks);
}

static void a_line_that_stays_busy_is_given_up_after_100000_looks(void) {
    looks = 0;
    say("x");
    expect(100000, looks);
    expect(1, bare_times(BARE_OUT, 0x3F8));
}

static void reset(void) {
    bare_reset();
    bare_port_hook = port;
}

int main(void) {
    bare_start();
    each_test_starts_with(reset);
    RUN_ALONE(an_update_without_end_is_given_up_after_100000_looks);
    RUN_ALONE(a_line_that_stays_busy_is_given_up_after_100000_looks);
    return results_end();
}
