/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * Alarms: each processor has one for each of its two counters, which both are the host's TSC.
 * Devices are the guest's, so an alarm fires through the very timer that it is wired to: the PIT's
 * channel 0 for IRQ0, or the processor's local APIC timer. As long as a shot of a timer is under
 * way, interrupts come to the monitor, and is_for_guest() says which ones the guest gets: a shot
 * that ends before its alarm is due, since no timer counts far enough, is an interim expiry.
 *
 * A monitor may not see what the guest does to the timers (`unseen`). Then a shot of the local APIC
 * timer whose interrupt the guest masks is held: LVTT is not masked but periodic, as a mark, and
 * each interrupt starts the shot anew, until a store of the guest's takes the mark away.
 */

#include "alarms.h"
#include "apic.h"
#include "clock.h"

#define PIT_0_MODE_0     0x30u /* both bytes, output high at the end of the count */
#define PIT_0_MODE_2     0x34u /* the count starts over at its end */
#define PIT_0_MODE_4     0x38u /* waits for a count, its output high */
#define PIT_0_STATUS     0xE2u /* read-back */
#define PIT_STATUS_UP    0x80u /* the output */
#define PIT_STATUS_MODE  0x3Fu /* as the control word */
#define PIT_STATUS_BYTES 0x30u /* which bytes of a count are accessed: one at least */
#define PIT_COUNT_MAX    0x10000u
#define PIT_COUNT_FAST   128u /* a tenth of a millisecond: the least that is repeated */
#define PIT_EARLY        256u /* part of a shot: more than the rate is wrong */
#define PIT_LATE         10u /* part of a second: on a busy machine, too, its interrupt comes sooner */

#define PORT_PIC       0x20u
#define PORT_PIC_MASK  0x21u
#define PIC_READ_IRR   0x0Au
#define PIC_READ_ISR   0x0Bu
#define PIC_EOI_0      0x60u
#define PIC_IRQ0       0x01u
#define PIC_LINES      8u    /* its first vector is a multiple */
#define IO_APIC_ENTRY  0x10u /* the first; two registers each */
#define IO_APIC_WINDOW 4u    /* behind the register select, in dwords */

#define APIC_MEASURE 512u /* part of a second */

#define LVT_VECTOR   0x000000FFu
#define LVT_PENDING  0x00001000u
#define LVTT_REPEATS 0x00020000u
#define HELD_VECTOR  0xF7u /* where the guest has none yet */
#define HELD_SHOTS   256u  /* in a second, of an overdue alarm */
#define VECTORS_KEPT 32u   /* the processor's own */

/* The PIT, for the processor that has IRQ0. */
static struct {
    bool running; /* a shot is under way, or its interrupt has not been taken */
    bool stale;   /* an interrupt from before the last shot may come first */
    enum { PIT_ONCE, PIT_REPEATS, PIT_STOPPED } shot;
    uint64_t end; /* of the host's TSC: a shot that repeats or is stopped has ended once */
} pit;

static const uint8_t pit_modes[] = {
    [PIT_ONCE] = PIT_0_MODE_0, [PIT_REPEATS] = PIT_0_MODE_2, [PIT_STOPPED] = PIT_0_MODE_4};

static uint64_t apic_hz; /* of local APIC timers with our divider; 0: not known yet */

/* --- arithmetic --- */

uint64_t next_expiry(uint64_t expiry, uint64_t period, uint64_t now) {
    uint64_t turns = (now - expiry) / period + 1;
    return turns > (UINT64_MAX - expiry) / period ? UINT64_MAX : expiry + turns * period;
}

uint32_t counts_for(uint64_t cycles, uint64_t timer_hz, uint64_t cycles_hz, uint32_t most) {
    uint64_t seconds = cycles / cycles_hz, counts;
    if (seconds > most / timer_hz) {
        return most;
    }
    counts = seconds * timer_hz + (cycles % cycles_hz * timer_hz + cycles_hz - 1) / cycles_hz;
    if (counts > most) {
        return most;
    }
    return counts ? (uint32_t)counts : 1;
}

/* --- the PIT --- */

static uint8_t latch_pit_status(void) {
    outb(PORT_PIT_COMMAND, PIT_0_STATUS);
    return inb(PORT_PIT_0);
}

/* Between the two bytes of a count that the guest latched it is undefined: the other byte on some
 * machines, and 0, which is no status, on others until the next shot. */
static uint8_t pit_status(void) {
    uint8_t status = latch_pit_status();
    return (status & PIT_STATUS_MODE) == pit_modes[pit.shot] ? status : latch_pit_status();
}

static bool pit_has_ended(void) {
    uint8_t status = pit.shot == PIT_ONCE ? pit_status() : 0;
    return status & PIT_STATUS_BYTES ? status & PIT_STATUS_UP : cycles() >= pit.end;
}

static void load_pit(uint8_t mode, uint32_t count) {
    outb(PORT_PIT_COMMAND, mode);
    outb(PORT_PIT_0, (uint8_t)count);
    outb(PORT_PIT_0, (uint8_t)(count >> 8)); /* 0 counts as 10000h */
}

static bool pic_masks_irq0(void) {
    return inb(PORT_PIC_MASK) & PIC_IRQ0;
}

/* The PIC remembers an interrupt that it masks. Without it the line leads to the I/O APIC, which
 * forgets what it masks, and whose unmasking nobody shows us: the shot is repeated. */
static void start_pit(uint64_t cycles_left) {
    uint32_t count = counts_for(cycles_left, PIT_HZ, cycle_frequency(), PIT_COUNT_MAX);
    uint64_t taken;
    pit.stale |= pit.running && pit_has_ended();
    pit.running = true;
    pit.shot = pic_masks_irq0() ? PIT_REPEATS : PIT_ONCE;
    if (pit.shot == PIT_REPEATS && count < PIT_COUNT_FAST) {
        count = PIT_COUNT_FAST;
    }
    taken = count * cycle_frequency() / PIT_HZ;
    pit.end = cycles() + taken - taken / PIT_EARLY;
    load_pit(pit.shot == PIT_REPEATS ? PIT_0_MODE_2 : PIT_0_MODE_0, count);
}

/* With no alarm left a shot runs out, since no mode stops it on every machine. One that repeats
 * stops, but QEMU goes on to the end of the first. */
static void finish_pit(void) {
    if (pit.shot != PIT_REPEATS) {
        return;
    }
    pit.shot = PIT_STOPPED;
    outb(PORT_PIT_COMMAND, PIT_0_MODE_4);
}

/* Where the first shot did not go on, no interrupt comes. */
static void forget_stopped_pit(void) {
    if (pit.running && pit.shot == PIT_STOPPED &&
        cycles() >= pit.end + cycle_frequency() / PIT_LATE) {
        pit.running = false;
    }
}

void guest_takes_pit(void) {
    pit.running = pit.stale = false;
    pit.shot = PIT_ONCE;
}

/* It is in another mode, or has counted faster than our shot does. */
static bool guest_has_pit(void) {
    uint8_t status = pit_status();
    if (!(status & PIT_STATUS_BYTES)) {
        return false;
    }
    return (status & PIT_STATUS_MODE) != pit_modes[pit.shot] ||
           (pit.shot == PIT_ONCE && status & PIT_STATUS_UP && cycles() < pit.end);
}

/* --- the local APIC --- */

static uint32_t read_apic_timer(void) {
    return apic_read(APIC_CURRENT);
}

static uint64_t measure_apic_timer(void) {
    struct sample first, last;
    apic_write(APIC_COUNT, UINT32_MAX);
    first = sample_timer(read_apic_timer);
    while (cycles() - first.cycles < cycle_frequency() / APIC_MEASURE) {
        ;
    }
    last = sample_timer(read_apic_timer);
    return (first.count - last.count) * cycle_frequency() / (last.cycles - first.cycles);
}

/* Whether a shot is held, and the guest has not taken the mark away. */
static bool is_held(const struct alarms *alarms) {
    return alarms->holds && (apic_read(APIC_LVTT) & ~LVT_PENDING) == alarms->held;
}

/* With the guest's vector, where it has one that can come. */
static void hold_shot(struct alarms *alarms) {
    uint32_t lvtt, vector;
    if (!alarms->unseen || is_held(alarms)) {
        return;
    }
    lvtt = apic_read(APIC_LVTT) & ~LVT_PENDING;
    vector = lvtt & LVT_VECTOR;
    alarms->holds = lvtt & LVT_MASKED;
    if (alarms->holds) {
        alarms->held_for = lvtt;
        alarms->held = LVTT_REPEATS | (vector < VECTORS_KEPT ? HELD_VECTOR : vector);
        apic_write(APIC_LVTT, alarms->held);
    }
}

/* LVTT is the guest's. An interrupt may be pending. */
static void release_shot(struct alarms *alarms) {
    if (is_held(alarms)) {
        apic_write(APIC_LVTT, alarms->held_for);
    }
    alarms->holds = false;
}

/* False when there is none that counts. Vector and mask are the guest's. The first time the rate is
 * found out: at launch the timer may not have been there. */
static bool prepare_apic_timer(struct alarms *alarms) {
    uint32_t lvtt;
    if (!has_apic()) {
        return false;
    }
    release_shot(alarms);
    lvtt = apic_read(APIC_LVTT) & ~LVTT_MODES;
    apic_write(APIC_DIVIDER, APIC_BY_16);
    if (!apic_hz) {
        apic_write(APIC_LVTT, lvtt | LVT_MASKED);
        apic_hz = measure_apic_timer();
        apic_write(APIC_COUNT, 0);
    }
    apic_write(APIC_LVTT, lvtt);
    return apic_hz;
}

static void start_apic_timer(struct alarms *alarms, uint64_t cycles_left) {
    uint64_t least = cycle_frequency() / HELD_SHOTS;
    alarms->apic_timer_runs = true;
    hold_shot(alarms);
    if (is_held(alarms) && cycles_left < least) {
        cycles_left = least;
    }
    apic_write(APIC_COUNT, counts_for(cycles_left, apic_hz, cycle_frequency(), UINT32_MAX));
}

/* Its interrupt may be pending: that one is still ours. */
static void stop_apic_timer(struct alarms *alarms) {
    uint32_t vector = apic_read(APIC_LVTT) & LVT_VECTOR;
    apic_write(APIC_COUNT, 0);
    alarms->apic_timer_runs =
        apic_has(APIC_IRR, (uint8_t)vector) || (vector && alarms->waiting == vector);
    release_shot(alarms);
}

/* --- arming --- */

/* Cycles until the first alarm of a wiring; false when none is armed. */
static bool find_first(const struct alarms *alarms, bool lvtt, uint64_t *cycles_left) {
    uint64_t now = cycles(), first = 0;
    bool found = false;
    for (unsigned i = 0; i < VMI_ALARM_COUNTERS; i++) {
        const struct alarm *a = &alarms->alarm[i];
        if (!a->armed || a->lvtt != lvtt || (found && a->expiry >= first)) {
            continue;
        }
        found = true;
        first = a->expiry;
    }
    *cycles_left = first > now ? first - now : 0;
    return found;
}

bool alarms_have_pit(void) {
    return pit.running;
}

bool alarms_wait(const struct alarms *alarms) {
    return (alarms->has_irq0 && pit.running) || alarms->apic_timer_runs;
}

static void start_timers(struct alarms *alarms) {
    uint64_t cycles_left;
    if (find_first(alarms, false, &cycles_left)) {
        start_pit(cycles_left);
    } else if (alarms->has_irq0) {
        finish_pit();
    }
    if (!has_apic()) {
        alarms->apic_timer_runs = false;
    } else if (find_first(alarms, true, &cycles_left)) {
        start_apic_timer(alarms, cycles_left);
    } else if (alarms->apic_timer_runs) {
        stop_apic_timer(alarms);
    }
}

bool set_alarm(struct alarms *alarms, uint32_t counter, const struct alarm *alarm) {
    if (!cycle_frequency() || counter >= VMI_ALARM_COUNTERS) {
        return false;
    }
    if (alarm->lvtt ? !prepare_apic_timer(alarms) : !alarms->has_irq0) {
        return false;
    }
    alarms->alarm[counter] = *alarm;
    start_timers(alarms);
    return true;
}

bool cancel_alarm(struct alarms *alarms, uint32_t counter) {
    if (counter >= VMI_ALARM_COUNTERS || !alarms->alarm[counter].armed) {
        return false;
    }
    alarms->alarm[counter].armed = false;
    start_timers(alarms);
    return true;
}

/* --- shots whose interrupt is lost --- */

/* A timer that is in another mode is the guest's own. */
void renew_apic_timer(struct alarms *alarms) {
    uint64_t cycles_left;
    if (has_apic() && !(apic_read(APIC_LVTT) & LVTT_MODES) &&
        find_first(alarms, true, &cycles_left)) {
        start_apic_timer(alarms, cycles_left);
    }
}

static bool is_overdue(const struct alarms *alarms, bool lvtt) {
    uint64_t cycles_left;
    return find_first(alarms, lvtt, &cycles_left) && !cycles_left;
}

/* It ended while masked, and no write to LVTT has been seen since. */
static bool has_lost_shot(void) {
    uint32_t lvtt = apic_read(APIC_LVTT);
    uint8_t vector = (uint8_t)lvtt;
    return !(lvtt & (LVT_MASKED | LVTT_MODES)) && !apic_read(APIC_CURRENT) &&
           !apic_has(APIC_IRR, vector) && !apic_has(APIC_ISR, vector);
}

void look_for_overdue(struct alarms *alarms) {
    forget_stopped_pit();
    if (alarms->has_irq0 && pit.running && pit.shot == PIT_ONCE && is_overdue(alarms, false) &&
        pic_masks_irq0()) {
        start_pit(0);
    }
    if (alarms->apic_timer_runs && is_overdue(alarms, true) && has_apic() && has_lost_shot()) {
        start_apic_timer(alarms, 0);
    }
}

/* --- firing --- */

static bool io_apic_leads_to(unsigned line, uint8_t vector) {
    volatile uint32_t *io_apic = io_apic_registers();
    uint32_t select = io_apic[0], entry;
    io_apic[0] = IO_APIC_ENTRY + line * 2;
    entry = io_apic[IO_APIC_WINDOW];
    io_apic[0] = select;
    return !(entry & LVT_MASKED) && (uint8_t)entry == vector;
}

static bool pic_serves_irq0(void) {
    uint8_t isr;
    outb(PORT_PIC, PIC_READ_ISR);
    isr = inb(PORT_PIC);
    outb(PORT_PIC, PIC_READ_IRR); /* the usual selection */
    return isr & PIC_IRQ0;
}

/* The I/O APIC has the line at input 2, or 0. Another processor may be at work on it: it is not
 * looked at without need. */
static bool has_come_by_irq0(uint8_t vector, bool by_apic) {
    if (!by_apic) {
        return vector % PIC_LINES == 0 && pic_serves_irq0();
    }
    return (pit.stale || pit_has_ended()) &&
           (io_apic_leads_to(2, vector) || io_apic_leads_to(0, vector));
}

static bool is_irq0(const struct alarms *alarms, uint8_t vector, bool by_apic) {
    if (!alarms->has_irq0 || !pit.running || !has_come_by_irq0(vector, by_apic)) {
        return false;
    }
    if (alarms->unseen && guest_has_pit()) {
        guest_takes_pit();
        return false;
    }
    return true;
}

/* A timer in another mode is the guest's own again. */
static bool is_lvtt(const struct alarms *alarms, uint8_t vector, bool by_apic) {
    uint32_t lvtt;
    if (!by_apic || !alarms->apic_timer_runs) {
        return false;
    }
    lvtt = apic_read(APIC_LVTT);
    return !(lvtt & LVTT_MODES) && (uint8_t)lvtt == vector;
}

/* The guest may have taken the mark away since. */
static bool is_of_held_shot(const struct alarms *alarms, uint8_t vector, bool by_apic) {
    return by_apic && alarms->apic_timer_runs && (uint8_t)alarms->held == vector &&
           (vector == HELD_VECTOR || is_held(alarms));
}

/* Whether an alarm of the wiring has fired: a periodic one then has its next expiry. */
static bool fire(struct alarms *alarms, bool lvtt) {
    uint64_t now = cycles();
    bool fired = false;
    for (unsigned i = 0; i < VMI_ALARM_COUNTERS; i++) {
        struct alarm *a = &alarms->alarm[i];
        if (!a->armed || a->lvtt != lvtt || a->expiry > now) {
            continue;
        }
        fired = true;
        if (a->period) {
            a->expiry = next_expiry(a->expiry, a->period, now);
        } else {
            a->armed = false;
        }
    }
    return fired;
}

bool is_for_guest(struct alarms *alarms, uint8_t vector) {
    bool by_apic = has_apic() && apic_has(APIC_ISR, vector);
    bool lvtt = is_lvtt(alarms, vector, by_apic), fired;
    if (is_of_held_shot(alarms, vector, by_apic)) {
        apic_write(APIC_EOI, 0);
        start_timers(alarms);
        return false;
    }
    if (!lvtt && !is_irq0(alarms, vector, by_apic)) {
        return true;
    }
    if (!lvtt) { /* a shot that repeats may have come again meanwhile */
        pit.stale = by_apic && apic_has(APIC_IRR, vector);
        pit.running = pit.stale || !pit_has_ended(); /* else it was one from before this shot */
    }
    fired = fire(alarms, lvtt);
    if (!fired && by_apic) {
        apic_write(APIC_EOI, 0);
    } else if (!fired) {
        outb(PORT_PIC, PIC_EOI_0);
    }
    start_timers(alarms);
    return fired;
}
