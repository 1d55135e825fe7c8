/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Time. A ROM whose frequency is 0 has no timer: no alarm is armed, and the wall clock is 0. */
#include "tour.h"

static uint64_t frequency(void) {
    return vmi0(VMI_CALL_GetCycleFrequency);
}

enum tour_verdict show_get_cycle_frequency(void) {
    uint64_t hz = frequency();
    if (!hz) {
        return tour_effect(1, "0: the guest keeps its own timers");
    }
    return tour_effect(hz >= 1000000 && hz < 1ull << 40, "%llu cycles a second", hz);
}

enum tour_verdict show_get_cycle_counter(void) {
    uint64_t real = vmi1(VMI_CALL_GetCycleCounter, VMI_CYCLES_REAL);
    uint64_t available = vmi1(VMI_CALL_GetCycleCounter, VMI_CYCLES_AVAILABLE);
    uint64_t again = vmi1(VMI_CALL_GetCycleCounter, VMI_CYCLES_REAL);
    uint64_t stolen = vmi1(VMI_CALL_GetCycleCounter, VMI_CYCLES_STOLEN);
    return tour_effect(real <= available && available <= again && stolen == 0,
                       "real and available run, none stolen");
}

enum tour_verdict show_set_alarm(void) {
    vmi5(VMI_CALL_SetAlarm, VMI_CYCLES_AVAILABLE | VMI_ALARM_IS_PERIODIC, 0xFFFFFFFF, 0x7FFFFFFF,
         1000000, 0);
    return tour_effect(1, frequency() ? "armed far in the future" : "no timer, so nothing armed");
}

enum tour_verdict show_cancel_alarm(void) {
    uint32_t was_armed = (uint32_t)vmi1(VMI_CALL_CancelAlarm, VMI_CYCLES_AVAILABLE);
    return tour_effect(was_armed == (frequency() != 0), "%u: an alarm was %sarmed", was_armed,
                       was_armed ? "" : "not ");
}

enum tour_verdict show_get_wallclock_time(void) {
    static const uint64_t year_2020 = 1577836800, year_2200 = 7258118400;
    uint64_t ns = vmi0(VMI_CALL_GetWallclockTime), seconds;
    if (!ns) {
        return tour_effect(1, "0: unknown, the guest reads its CMOS");
    }
    seconds = guest_divide(ns, VMI_WALLCLOCK_HZ, NULL);
    return tour_effect(seconds > year_2020 && seconds < year_2200, "%llu s since 1970", seconds);
}

enum tour_verdict show_wallclock_updated(void) {
    uint32_t jumped = (uint32_t)vmi0(VMI_CALL_WallclockUpdated);
    return tour_effect(jumped <= 1, "%u: the clock did %sjump", jumped, jumped ? "" : "not ");
}
