/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * Time: slots 33 and 79 to 84. The counters are the TSC, as in the native ROM: the guest has the
 * processor for itself, so that nothing is stolen and available time is real time.
 *
 * Alarms are not served yet. GetCycleFrequency therefore says 0, which tells a guest to stay on its
 * own timers; SetAlarm does nothing and CancelAlarm finds nothing armed.
 */

#include "calls.h"
#include "vmi/api.h"

#define PORT_PIT_2       0x42u
#define PORT_PIT_COMMAND 0x43u
#define PIT_2_MODE_0     0xB0u /* both bytes, output high at the end of the count */
#define PIT_HZ           1193182u
#define PIT_COUNT        11932u /* 10 ms */
#define PORT_B           0x61u
#define PORT_B_GATE      0x01u
#define PORT_B_SPEAKER   0x02u
#define PORT_B_OUTPUT    0x20u

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

#define PATIENCE 10000000u /* looks at a port: a missing device must not stop the launch */

/* Machine-wide, written before the guest runs. */
static uint64_t launch_tsc, tsc_hz, launch_ns;

/* --- at launch --- */

/* By the PIT's channel 2, which nobody counts on: its gate is a port bit. */
static uint64_t measure_tsc(void) {
    uint8_t port_b = inb(PORT_B);
    uint64_t from, to;
    uint32_t patience = PATIENCE;
    outb(PORT_B, (uint8_t)((port_b & ~PORT_B_SPEAKER) | PORT_B_GATE));
    outb(PORT_PIT_COMMAND, PIT_2_MODE_0);
    outb(PORT_PIT_2, PIT_COUNT & 0xFF);
    outb(PORT_PIT_2, PIT_COUNT >> 8);
    from = read_tsc();
    while (!(inb(PORT_B) & PORT_B_OUTPUT) && --patience)
        ;
    to = read_tsc();
    outb(PORT_B, port_b);
    return patience ? (to - from) * PIT_HZ / PIT_COUNT : 0;
}

static uint8_t cmos(uint8_t index) {
    outb(PORT_CMOS_INDEX, index);
    return inb(PORT_CMOS_DATA);
}

struct clock {
    uint8_t second, minute, hour, day, month, year, century, mode;
};

static struct clock read_clock(void) {
    uint32_t patience = PATIENCE;
    while (cmos(CMOS_A) & CMOS_A_UPDATING && --patience)
        ;
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
    if (!(c->mode & CMOS_B_24_HOURS))
        hour = hour % 12 + (c->hour & HOUR_PM ? 12 : 0);
    year += (century < 19 || century > 29 ? 20 : century) * 100; /* not every machine keeps it */
    return days_since_1970(year, plain(c->month, c->mode), plain(c->day, c->mode)) * 86400ull +
           hour * 3600 + plain(c->minute, c->mode) * 60 + plain(c->second, c->mode);
}

void start_time(void) {
    struct clock first, again = read_clock();
    uint32_t tries = 4;
    tsc_hz = measure_tsc();
    do { /* until no update fell between */
        first = again;
        again = read_clock();
    } while ((first.second != again.second || first.minute != again.minute) && --tries);
    launch_ns = seconds_of(&again) * VMI_WALLCLOCK_HZ;
    launch_tsc = read_tsc();
}

/* --- calls --- */

/* The counter as the guest's own RDTSC shows it. */
static uint64_t guest_tsc(const struct vcpu *vcpu) {
    return read_tsc() + vcpu->vmcb->tsc_offset;
}

int call_rdtsc(void *context, struct vmi_frame *f) {
    vmi_return_edx_eax(f, guest_tsc(context));
    return VMI_RETURNS;
}

int call_get_cycle_frequency(void *context, struct vmi_frame *f) {
    (void)context;
    vmi_return_edx_eax(f, 0); /* tsc_hz, once alarms are served */
    return VMI_RETURNS;
}

int call_get_cycle_counter(void *context, struct vmi_frame *f) {
    vmi_return_edx_eax(f, f->eax <= VMI_CYCLES_AVAILABLE ? guest_tsc(context) : 0);
    return VMI_RETURNS;
}

int call_get_wallclock_time(void *context, struct vmi_frame *f) {
    uint64_t cycles = read_tsc() - launch_tsc, ns = 0;
    (void)context;
    if (tsc_hz) /* in two steps: the product of all cycles would not fit */
        ns = cycles / tsc_hz * VMI_WALLCLOCK_HZ + cycles % tsc_hz * VMI_WALLCLOCK_HZ / tsc_hz;
    vmi_return_edx_eax(f, launch_ns + ns);
    return VMI_RETURNS;
}
