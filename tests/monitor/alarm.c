/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * A guest that tries the monitor's time: counters, and alarms on both counters by each way that
 * their interrupt may come. Prints TAP to port E9h. All times are cycles of the counters, and only
 * lower bounds count: on a slow machine everything may come late. With `init` it calls Init before,
 * and runs in ring 1.
 */

#include <stdbool.h>

#include "report.h"
#include "vmi/api.h"
#include "vmi/calls.h"
#include "vmi/rom.h"

#define VECTOR_NMI         0x02
#define VECTOR_IRQ0        0x20
#define VECTOR_RTC         0x28
#define VECTOR_LVTT        0x41
#define VECTOR_IO_APIC     0x42
#define VECTOR_IPI         0x43
#define VECTOR_SYSTEM_CALL 0x80

#define MSR_TSC        0x10
#define MSR_APIC_BASE  0x1B
#define APIC_BASE_X2   0x400
#define MSR_X2APIC     0x800
#define LVT_MASKED     0x10000u
#define IO_APIC        0xFEC00000u
#define IO_APIC_TIMER  (0x10 + 2 * 2) /* the entry of its input */
#define DELIVER_NMI    0x400u
#define PORT_PIT_0     0x40
#define PORT_PIT_LATCH 0x43
#define CMOS_INDEX     0x70
#define CMOS_DATA      0x71
#define RTC_SECOND     0x00
#define RTC_A          0x0A
#define RTC_A_UPDATING 0x80
#define RTC_B          0x0B
#define RTC_C          0x0C
#define RTC_1024_HZ    0x26
#define RTC_PERIODIC   0x40
#define PATIENCE_S     20
#define PIT_LAST_SHOT  80 /* ms: what a timer that was left running could bring has come */
#define LOG            16

static uint32_t rom;
static int in_ring_1;
static struct guest_space space;
static uint64_t hz, ms; /* cycles */

/* The interrupts of alarms. */
static volatile struct {
    uint32_t count;
    uint64_t at[LOG];
} fired;

static volatile uint32_t others; /* interrupts that are no alarm's */

/* How an alarm's interrupt comes. */
struct way {
    const char *name;
    uint32_t flags;
    void (*open)(void), (*close)(void);
};

static uint64_t call(uint32_t number, uint32_t eax, uint32_t edx, uint32_t ecx, uint64_t period) {
    uint32_t words[2] = {(uint32_t)period, (uint32_t)(period >> 32)};
    struct call_regs r;
    guest_call_regs_init(&r, 1);
    r.eflags |= read_eflags() & EFLAGS_IF;
    r.eax = eax;
    r.edx = edx;
    r.ecx = ecx;
    guest_call(&r, rom + VMI_CALL_OFFSET(number), words, 2);
    return (uint64_t)r.edx << 32 | r.eax;
}

static void call_init(void) {
    space = guest_space_new(0);
    guest_paging_on(&space);
    in_ring_1 = (uint32_t)call(VMI_CALL_Init, 0, 0, 0, 0) == 0;
    report("init_takes_the_kernel", in_ring_1, 0);
    guest_tell_gdt = rom + VMI_CALL_OFFSET(VMI_CALL_WriteGDTEntry);
    guest_tell_stack = rom + VMI_CALL_OFFSET(VMI_CALL_UpdateKernelStack);
    guest_tell_stack_eax = (uint32_t)&guest_tss;
}

static uint64_t counter(uint32_t which) {
    return call(VMI_CALL_GetCycleCounter, which, 0, 0, 0);
}

static void set(uint32_t flags, uint64_t expiry, uint64_t period) {
    call(VMI_CALL_SetAlarm, flags, (uint32_t)expiry, (uint32_t)(expiry >> 32), period);
}

static uint32_t cancel(uint32_t flags) {
    return (uint32_t)call(VMI_CALL_CancelAlarm, flags, 0, 0, 0);
}

/* The guest's TSC is the counter, but for the last test. */
static uint64_t now(void) {
    return native_rdtsc();
}

static void io_apic_write(uint32_t reg, uint32_t value) {
    *(volatile uint32_t *)guest_at(IO_APIC) = reg;
    *(volatile uint32_t *)guest_at(IO_APIC + 0x10) = value;
}

/* --- interrupts --- */

static bool is_x2apic;

static void write_apic(uint32_t reg, uint32_t value) {
    if (is_x2apic) {
        native_wrmsr(MSR_X2APIC + reg / 16, value);
    } else {
        guest_apic_write(reg, value);
    }
}

static void on_alarm(struct trap_frame *frame) {
    if (fired.count < LOG) {
        fired.at[fired.count] = now();
    }
    fired.count++;
    if (frame->vector != VECTOR_IRQ0) { /* the library does the PICs' */
        write_apic(APIC_EOI, 0);
    }
}

static void on_rtc(struct trap_frame *frame) {
    (void)frame;
    outb(CMOS_INDEX, RTC_C);
    inb(CMOS_DATA);
    others++;
}

static void on_ipi(struct trap_frame *frame) {
    (void)frame;
    others++;
    guest_apic_write(APIC_EOI, 0);
}

static void on_nmi(struct trap_frame *frame) {
    (void)frame;
    others++;
}

static void open_pic(void) {
    guest_pic_unmask(0);
}

static void close_pic(void) {
    guest_pic_mask(0);
}

static void open_lvtt(void) {
    guest_apic_write(APIC_LVT_TIMER, VECTOR_LVTT);
}

static void close_lvtt(void) {
    guest_apic_write(APIC_LVT_TIMER, VECTOR_LVTT | LVT_MASKED);
}

static void open_io_apic(void) {
    io_apic_write(IO_APIC_TIMER + 1, guest_apic_id() << 24);
    io_apic_write(IO_APIC_TIMER, VECTOR_IO_APIC);
}

static void close_io_apic(void) {
    io_apic_write(IO_APIC_TIMER, VECTOR_IO_APIC | LVT_MASKED);
}

static void open_lvtt_by_msr(void) {
    native_wrmsr(MSR_X2APIC + APIC_LVT_TIMER / 16, VECTOR_LVTT);
}

static void close_lvtt_by_msr(void) {
    native_wrmsr(MSR_X2APIC + APIC_LVT_TIMER / 16, VECTOR_LVTT | LVT_MASKED);
}

static void open_lvtt_by_msr_call(void) {
    call(VMI_CALL_WRMSR, VECTOR_LVTT, 0, MSR_X2APIC + APIC_LVT_TIMER / 16, 0);
}

static void close_lvtt_by_msr_call(void) {
    call(VMI_CALL_WRMSR, VECTOR_LVTT | LVT_MASKED, 0, MSR_X2APIC + APIC_LVT_TIMER / 16, 0);
}

static void open_lvtt_by_call(void) {
    call(VMI_CALL_APICWrite, guest_apic_base() + APIC_LVT_TIMER, VECTOR_LVTT, 0, 0);
}

static void close_lvtt_by_call(void) {
    call(VMI_CALL_APICWrite, guest_apic_base() + APIC_LVT_TIMER, VECTOR_LVTT | LVT_MASKED, 0, 0);
}

static const struct way ways[] = {
    {"IRQ0 by the PIC", VMI_ALARM_WIRED_IRQ0, open_pic, close_pic},
    {"IRQ0 by the I/O APIC", VMI_ALARM_WIRED_IRQ0, open_io_apic, close_io_apic},
    {"LVTT", VMI_ALARM_WIRED_LVTT, open_lvtt, close_lvtt},
};

static const struct way lvtt_by_call = {"LVTT by APICWrite", VMI_ALARM_WIRED_LVTT,
                                        open_lvtt_by_call, close_lvtt_by_call};

/* In x2APIC mode */
static const struct way msr_ways[] = {
    {"LVTT by WRMSR", VMI_ALARM_WIRED_LVTT, open_lvtt_by_msr, close_lvtt_by_msr},
    {"LVTT by the call WRMSR", VMI_ALARM_WIRED_LVTT, open_lvtt_by_msr_call, close_lvtt_by_msr_call},
};

/* Interrupts off and no alarm: where each part of a test starts. */
static uint64_t begin(void) {
    native_cli();
    cancel(VMI_CYCLES_REAL);
    cancel(VMI_CYCLES_AVAILABLE);
    fired.count = 0;
    others = 0;
    return now();
}

/* PAUSE and RDTSC are dear where instructions are counted: not more often than each microsecond.
 * Without PAUSE QEMU 7.2 lets interrupts past the intercept then. */
static void spin(void) {
    uint32_t turns = 50;
    native_pause();
    __asm__ volatile("1: loop 1b" : "+c"(turns));
}

/* Interrupts come until then. */
static void open_until(uint64_t end) {
    native_sti();
    while (now() < end) {
        spin();
    }
    native_cli();
}

static void open_until_fired(uint32_t count) {
    uint64_t end = now() + PATIENCE_S * hz;
    native_sti();
    while (fired.count < count && now() < end) {
        spin();
    }
    native_cli();
}

static void closed_until(uint64_t end) {
    while (now() < end) {
        spin();
    }
}

/* --- each way and each counter --- */

static const struct way *way;
static uint32_t flags; /* of SetAlarm: the way and the counter */

static void result(const char *name, int good, uint32_t seen) {
    char full[120];
    guest_snprintf(full, sizeof(full), "%s (%s, %s)", name, way->name,
                   flags & VMI_ALARM_COUNTER_MASK ? "available" : "real");
    report(full, good, seen);
}

/* One interrupt has come, not before it was due; and no other one does. */
static void fires_once(const char *name, uint64_t due) {
    open_until_fired(1);
    open_until(now() + 5 * ms);
    result(name, fired.count == 1 && fired.at[0] >= due && !cancel(flags), fired.count);
}

static void never_fires(const char *name) {
    open_until(now() + (way->flags & VMI_ALARM_WIRED_LVTT ? 10 : PIT_LAST_SHOT) * ms);
    result(name, fired.count == 0, fired.count);
}

static void one_shots(void) {
    uint64_t due = begin() + 2 * ms;
    set(flags, due, 0);
    fires_once("a_near_alarm_fires_once_when_due", due);
    due = begin() + 130 * ms; /* three shots of the PIT */
    set(flags, due, 0);
    fires_once("a_far_alarm_fires_once_when_due", due);
    due = begin() - 1;
    set(flags, due, 0);
    fires_once("an_expiry_in_the_past_fires_at_once", due);
    begin();
    set(flags, 0, 0);
    fires_once("so_does_0", 0);
    due = begin() + 2 * ms;
    set(flags, due, ms);
    fires_once("a_period_means_nothing_without_the_flag", due);
    due = begin() + 2 * ms;
    set(flags | VMI_ALARM_IS_PERIODIC, due, 0);
    fires_once("a_period_of_0_is_one_shot", due);
}

static void replacing(void) {
    uint64_t start = begin();
    set(flags, start + 2 * ms, 0);
    set(flags, start + 20 * ms, 0);
    fires_once("another_replaces_it", start + 20 * ms);
    start = begin();
    set(flags, start + ms, 0);
    closed_until(start + 3 * ms);
    start = now();
    set(flags, start + 60 * ms, 0);
    fires_once("even_when_its_interrupt_waits", start + 60 * ms);
    start = begin();
    set(flags, start + 10000 * ms, 0);
    set(flags, start + 2 * ms, 0);
    fires_once("a_near_one_replaces_a_far_one", start + 2 * ms);
}

static void cancelling(void) {
    uint64_t start = begin();
    set(flags, start + 2 * ms, 0);
    result("cancel_says_that_it_was_armed", cancel(flags) == 1, 0);
    result("cancelled_twice_it_was_not", cancel(flags) == 0, 0);
    never_fires("a_cancelled_near_alarm_does_not_fire");
    set(flags, begin() + 10000 * ms, 0);
    open_until(now() + ms);
    cancel(flags);
    never_fires("nor_does_a_far_one");
    set(flags | VMI_ALARM_IS_PERIODIC, begin() + 200 * ms, ms);
    result("a_whole_flags_word_cancels", cancel(flags | VMI_ALARM_IS_PERIODIC | 0xFE000) == 1, 0);
    start = begin();
    set(flags, start + ms, 0);
    closed_until(start + 3 * ms);
    result("what_waits_is_armed", cancel(flags) == 1, 0);
    never_fires("and_does_not_fire_when_cancelled");
}

static void periods(void) {
    uint64_t start = begin() + 3 * ms, period = 2 * ms;
    uint32_t good = 1;
    set(flags | VMI_ALARM_IS_PERIODIC, start, period);
    open_until_fired(LOG);
    for (uint32_t i = 0; i < LOG; i++) {
        good &= fired.at[i] >= start + i * period;
    }
    result("a_periodic_alarm_fires_at_its_multiples", good && fired.count >= LOG, fired.count);
    result("it_stays_armed", cancel(flags) == 1, 0);
    fired.count = 0;
    never_fires("until_it_is_cancelled");

    start = begin() + 10 * ms;
    period = 80 * ms;
    set(flags | VMI_ALARM_IS_PERIODIC, start, period);
    open_until_fired(2);
    result("a_long_period_has_nothing_between",
           fired.at[0] >= start && fired.at[1] >= start + period, fired.count);
}

/* Interrupts stay off up to the middle of a period some turns on. The next interrupt may be late,
 * but not each time. */
static void missed_periods(void) {
    uint64_t period = 20 * ms, start = begin() + ms;
    uint32_t in_phase = 0, right = 1;
    set(flags | VMI_ALARM_IS_PERIODIC, start, period);
    for (uint32_t i = 0; i < 20 && !in_phase; i++) {
        uint64_t turn, opened;
        turn = guest_divide(now() - start, (uint32_t)period, NULL) + 4;
        closed_until(start + turn * period + period / 2);
        fired.count = 0;
        opened = now();
        turn = guest_divide(opened - start, (uint32_t)period, NULL) + 1;
        open_until_fired(2);
        right &= fired.count >= 2 && fired.at[0] >= opened && fired.at[1] >= start + turn * period;
        in_phase += fired.at[1] < start + turn * period + period / 3;
    }
    result("missed_periods_are_one_interrupt", right != 0, right);
    result("the_next_is_in_phase", in_phase > 0, in_phase);
}

static void halting(void) {
    uint64_t due = begin() + 70 * ms;
    set(flags, due, 0);
    call(VMI_CALL_Halt, 0, 0, 0, 0);
    native_cli();
    result("halt_waits_for_a_far_alarm", fired.count == 1 && fired.at[0] >= due, fired.count);
    set(flags | VMI_ALARM_IS_PERIODIC, begin() + ms, 2 * ms);
    for (uint32_t i = 0; i < 4; i++) {
        call(VMI_CALL_Halt, 0, 0, 0, 0);
    }
    native_cli();
    result("halt_wakes_at_each_period", fired.count >= 4, fired.count);
    cancel(flags);
}

/* The shot ends while nobody listens. The mask may go before the alarm is set, or behind it; a long
 * shot is still under way when it goes. */
static void opened_later(void) {
    uint64_t due = begin() + 2 * ms;
    way->close();
    set(flags, due, 0);
    open_until(due + 5 * ms);
    way->open();
    fires_once("a_one_shot_that_was_due_while_masked_fires_when_unmasked", due);

    due = begin();
    way->close();
    set(flags | VMI_ALARM_IS_PERIODIC, due, 4 * ms);
    open_until(due + 10 * ms);
    way->open();
    open_until_fired(4);
    result("a_periodic_one_that_was_due_while_masked_fires_on", fired.count >= 4, fired.count);
    result("it_stays_armed_as_well", cancel(flags) == 1, 0);

    due = begin() + 70 * ms;
    way->close();
    set(flags, due, 0);
    open_until(due - 30 * ms);
    way->open();
    fires_once("one_that_is_unmasked_before_it_is_due_fires_when_due", due);
}

static void set_rtc(uint8_t index, uint8_t value) {
    outb(CMOS_INDEX, index);
    outb(CMOS_DATA, value);
}

static uint8_t get_rtc(uint8_t index) {
    outb(CMOS_INDEX, index);
    return inb(CMOS_DATA);
}

#define NEAR (VMI_WALLCLOCK_HZ / 50)

/* Both seconds begin at one moment. */
static void the_wall_clock_has_the_cmos_clocks_seconds(void) {
    uint32_t patience = 100000000, fraction;
    uint8_t before = get_rtc(RTC_SECOND), second;
    uint64_t wall;
    while ((get_rtc(RTC_A) & RTC_A_UPDATING || get_rtc(RTC_SECOND) == before) && --patience) {
        ;
    }
    wall = call(VMI_CALL_GetWallclockTime, 0, 0, 0, 0) + NEAR;
    second = get_rtc(RTC_SECOND);
    wall = guest_divide(wall, VMI_WALLCLOCK_HZ, &fraction);
    same("the_wall_clock_has_the_cmos_clocks_second", (second >> 4) * 10u + second % 16,
         (uint32_t)(wall - guest_divide(wall, 60, NULL) * 60));
    report("it_begins_with_the_cmos_clocks", fraction < 2 * NEAR, fraction);
}

static void try_way(const struct way *tried) {
    way = tried;
    way->open();
    for (uint32_t which = 0; which < VMI_ALARM_COUNTERS; which++) {
        flags = way->flags | which;
        one_shots();
        cancelling();
        if (which == VMI_CYCLES_AVAILABLE) { /* the same counter, and an alarm of its own */
            continue;
        }
        replacing();
        periods();
        missed_periods();
        halting();
        opened_later();
    }
    way->close();
}

static void in_every_way(void) {
    for (uint32_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        try_way(&ways[i]);
    }
    way = &lvtt_by_call;
    flags = way->flags | VMI_CYCLES_REAL;
    opened_later();
    way->close();
}

/* --- counters, and alarms beside each other --- */

static void counters_count(void) {
    uint64_t before = now(), real = counter(VMI_CYCLES_REAL);
    uint64_t available = counter(VMI_CYCLES_AVAILABLE), after = now();
    report("the_counters_are_the_tsc", before <= real && real <= available && available <= after,
           0);
    report("nothing_is_stolen", counter(VMI_CYCLES_STOLEN) == 0, 0);
    report("no_other_counter_is_there", counter(3) == 0 && counter(0x100) == 0, 0);
    report("the_frequency_is_high_enough_for_guests", hz >= 1000000, (uint32_t)hz);
    before = now();
    guest_delay_us(50000);
    report("and_no_higher_than_the_tsc_s", now() - before >= 49 * ms, (uint32_t)(now() - before));
    report("the_wall_clock_does_not_jump", call(VMI_CALL_WallclockUpdated, 0, 0, 0, 0) << 32 == 0,
           0);
}

/* In nanoseconds, by the cycles. */
static void the_wall_clock_goes_on(void) {
    uint64_t first = call(VMI_CALL_GetWallclockTime, 0, 0, 0, 0), passed;
    closed_until(now() + 20 * ms);
    passed = call(VMI_CALL_GetWallclockTime, 0, 0, 0, 0) - first;
    report("the_wall_clock_goes_on", first && passed >= 19999000, (uint32_t)passed);
}

static void other_counters_have_no_alarm(void) {
    static const uint32_t others_than[] = {VMI_CYCLES_STOLEN, 3, 0xFF};
    uint32_t armed = 0;
    set(VMI_CYCLES_REAL, begin() + 100000 * ms, 0);
    for (uint32_t i = 0; i < sizeof(others_than) / sizeof(others_than[0]); i++) {
        set(others_than[i], 0, 0);
        set(others_than[i] | VMI_ALARM_WIRED_LVTT, 0, 0);
        armed += cancel(others_than[i]);
    }
    open_until(now() + 5 * ms);
    report("other_counters_have_no_alarm", fired.count == 0 && armed == 0, fired.count);
    same("and_do_not_disturb_those_that_have", 1, cancel(VMI_CYCLES_REAL));
}

static void both_counters(void) {
    uint64_t start = begin();
    set(VMI_CYCLES_AVAILABLE, start + 100 * ms, 0);
    set(VMI_CYCLES_REAL, start + 20 * ms, 0);
    open_until_fired(1);
    report("the_first_of_two_fires_first", fired.at[0] >= start + 20 * ms, fired.count);
    open_until_fired(2);
    report("then_the_other", fired.at[1] >= start + 100 * ms, fired.count);

    start = begin();
    set(VMI_CYCLES_REAL | VMI_ALARM_WIRED_LVTT, start + 10 * ms, 0);
    set(VMI_CYCLES_AVAILABLE, start + 10 * ms, 0);
    open_until_fired(2);
    open_until(now() + 5 * ms);
    report("two_wirings_are_two_interrupts",
           fired.count == 2 && fired.at[0] >= start + 10 * ms && fired.at[1] >= start + 10 * ms,
           fired.count);

    start = begin();
    set(VMI_CYCLES_REAL, start + 5 * ms, 0);
    set(VMI_CYCLES_AVAILABLE, start + 60 * ms, 0);
    cancel(VMI_CYCLES_REAL);
    open_until_fired(1);
    report("to_cancel_one_leaves_the_other", fired.count == 1 && fired.at[0] >= start + 60 * ms,
           fired.count);
}

static void masked_alarms_wait(void) {
    uint64_t start = begin();
    close_lvtt();
    set(VMI_CYCLES_REAL | VMI_ALARM_WIRED_LVTT, start + ms, 0);
    open_until(start + 10 * ms);
    same("a_masked_timer_is_silent", 0, fired.count);
    same("its_mask_and_vector_are_kept", VECTOR_LVTT | LVT_MASKED,
         guest_apic_read(APIC_LVT_TIMER) & ~0x1000u);
    same("and_the_alarm_armed", 1, cancel(VMI_CYCLES_REAL));
    open_lvtt();

    close_pic();
    set(VMI_CYCLES_REAL, begin() + ms, 0);
    closed_until(now() + 10 * ms);
    guest_apic_send_ipi(guest_apic_id(), VECTOR_IPI);
    open_until(now() + ms);
    report("a_masked_line_is_silent", fired.count == 0 && others == 1, others);
    same("and_its_alarm_armed", 1, cancel(VMI_CYCLES_REAL));
    set(VMI_CYCLES_REAL, begin() + 100000 * ms, 0);
    closed_until(now() + PIT_LAST_SHOT * ms);
    guest_apic_send_ipi(guest_apic_id(), VECTOR_IPI);
    open_until(now() + ms);
    same("its_interim_expiry_takes_nobody's_place", 1, others);
    open_pic();
}

/* --- shots that are lost unseen --- */

/* The monitor does not see that the guest stops the timer: the first exit after the alarm's expiry
 * starts its shot anew. */
static void cpuid_exits(void) {
    uint32_t regs[4];
    native_cpuid(0, 0, regs);
}

static void call_exits(void) {
    call(VMI_CALL_GetCycleFrequency, 0, 0, 0, 0);
}

static void look_at_every_exit(const char *name, void (*leave)(void)) {
    char full[100];
    uint64_t due = begin() + 2 * ms;
    open_lvtt();
    set(VMI_CYCLES_REAL | VMI_ALARM_WIRED_LVTT, due, 0);
    guest_apic_write(APIC_TIMER_INITIAL, 0);
    open_until(due + 5 * ms);
    same("a_timer_that_is_stopped_is_silent", 0, fired.count);
    leave();
    open_until_fired(1);
    guest_snprintf(full, sizeof(full), "%s_starts_its_overdue_alarm_anew", name);
    report(full, fired.count == 1 && !cancel(VMI_CYCLES_REAL), fired.count);
}

/* --- what the alarms have to leave alone --- */

static void other_interrupts_come(const char *name, uint32_t alarm) {
    uint8_t a = get_rtc(RTC_A), b = get_rtc(RTC_B);
    uint64_t end;
    char full[80];
    begin();
    guest_irq_count[8] = 0;
    set_rtc(RTC_A, RTC_1024_HZ);
    set_rtc(RTC_B, b | RTC_PERIODIC);
    get_rtc(RTC_C);
    guest_pic_unmask(8);
    set(alarm, now() + 100000 * ms, 0);
    end = now() + PATIENCE_S * hz;
    native_sti();
    while (others < 20 && now() < end) {
        native_halt(); /* an interim expiry ends it, too */
    }
    native_cli();
    guest_pic_mask(8);
    set_rtc(RTC_A, a);
    set_rtc(RTC_B, b);
    get_rtc(RTC_C);
    guest_snprintf(full, sizeof(full), "the_clock's_interrupts_come_beside_an_alarm (%s)", name);
    report(full, others >= 20 && guest_irq_count[8] == others && fired.count == 0, others);

    others = 0;
    for (uint32_t i = 0; i < 20; i++) {
        guest_apic_send_ipi(guest_apic_id(), VECTOR_IPI);
        open_until(now() + ms / 10);
    }
    guest_snprintf(full, sizeof(full), "so_do_the_local_apic's, each_once (%s)", name);
    report(full, others == 20 && fired.count == 0, others);
    cancel(alarm);
}

/* The guest has its PIT back. One interrupt of the alarm's last shot may wait at the PIC then. */
static void the_pit_is_given_back(void) {
    uint64_t due;
    set(VMI_CYCLES_REAL, begin() + 100000 * ms, 0);
    cancel(VMI_CYCLES_REAL);
    guest_pit_oneshot(1000);
    open_until_fired(1);
    report("the_pit_is_the_guest's_again", fired.count >= 1, fired.count);

    set(VMI_CYCLES_REAL, begin() + 100000 * ms, 0);
    cancel(VMI_CYCLES_REAL);
    outb(PORT_PIT_LATCH, 0x30);
    call(VMI_CALL_OUTB, 0xE8, PORT_PIT_0, 0, 0);
    call(VMI_CALL_OUTB, 0x03, PORT_PIT_0, 0, 0);
    open_until_fired(1);
    report("by_calls_too", fired.count >= 1, fired.count);

    open_until(now() + 5 * ms); /* where the other one waited, the guest's own comes now */
    due = begin() + 70 * ms;
    set(VMI_CYCLES_REAL, due, 0);
    native_sti();
    while (!fired.count && now() < due + PATIENCE_S * hz) {
        outb(PORT_PIT_LATCH, 0);
        inb(PORT_PIT_0);
        inb(PORT_PIT_0);
    }
    native_cli();
    report("reading_it_disturbs_no_alarm", fired.count == 1 && fired.at[0] >= due, fired.count);
}

/* The monitor asks for the timer's status between the two bytes of a count that the guest latched.
 */
static void a_half_read_count_disturbs_no_alarm(void) {
    for (uint32_t i = 0; i < 2; i++) { /* IRQ0's ways */
        uint64_t due = begin() + 70 * ms;
        close_pic();
        ways[i].open();
        set(VMI_CYCLES_REAL, due, 0);
        outb(PORT_PIT_LATCH, 0);
        inb(PORT_PIT_0);
        open_until_fired(1);
        inb(PORT_PIT_0);
        ways[i].close();
        report(i ? "nor_by_the_io_apic" : "a_half_read_count_disturbs_no_alarm",
               fired.count == 1 && fired.at[0] >= due, fired.count);
    }
    open_pic();
}

static void nmi_ends_halt(void) {
    begin();
    close_pic();
    guest_pit_stop();
    io_apic_write(IO_APIC_TIMER + 1, guest_apic_id() << 24);
    io_apic_write(IO_APIC_TIMER, DELIVER_NMI);
    guest_pit_oneshot(10000);
    call(VMI_CALL_Halt, 0, 0, 0, 0);
    native_cli();
    same("an_nmi_ends_halt_and_comes_once", 1, others);
    close_io_apic();
    guest_pit_stop();
}

/* On a 16-bit stack, with garbage above it: calls a slot, and notes where the interrupt came. */
extern uint32_t came_at;
extern const uint8_t behind_call[], note_interrupt[];
void call_on_stack16(uint32_t target);
__asm__("call_on_stack16: pushal; movl 36(%esp), %eax; movl %esp, flat_stack\n"
        "   movl $0x40, %edx; movl $0x5A5A0800, %ecx; movl %edx, %ss; movl %ecx, %esp\n"
        "   call *%eax\n"
        "behind_call: nop; cli\n"
        "   movl $0x10, %edx; movl %edx, %ss; movl flat_stack, %esp; popal; ret\n"
        "note_interrupt: popl came_at; pushl came_at\n"
        "   pushl %eax; movb $0x60, %al; outb %al, $0x20; popl %eax; iretl\n"
        ".comm flat_stack, 4; .comm came_at, 4");
_Static_assert(SEL_STACK16 == 0x40 && SEL_KDATA == 0x10, "the text above knows them");

static void interrupts_come_behind_the_ret(void) {
    begin();
    guest_pit_oneshot(100);
    while (!(guest_pic_pending() & 1)) {
        native_pause();
    }
    guest_idt[VECTOR_IRQ0] = guest_gate(note_interrupt, 0xE, 0);
    call_on_stack16(rom + VMI_CALL_OFFSET(VMI_CALL_EnableInterrupts));
    guest_idt_reset();
    same("on_a_16_bit_stack_interrupts_come_behind_the_ret", (uint32_t)behind_call, came_at);
}

/* The guest's own TSC goes elsewhere; counters and alarms do not. */
static void tsc_is_the_guests(void) {
    uint64_t moved = 1ull << 50, real = counter(VMI_CYCLES_REAL), due;
    uint64_t seen, before, after;
    begin();
    open_pic();
    due = real + 100 * ms;
    set(VMI_CYCLES_REAL, due, 0);
    native_wrmsr(MSR_TSC, moved);
    before = now();
    seen = native_rdmsr(MSR_TSC);
    after = now();
    report("the_tsc_can_be_set", before >= moved && before < moved + PATIENCE_S * hz, 0);
    report("rdmsr_reads_it", before <= seen && seen <= after, (uint32_t)seen);
    report("so_does_the_call", call(VMI_CALL_RDTSC, 0, 0, 0, 0) >= after, 0);
    report("the_counter_goes_on", counter(VMI_CYCLES_REAL) - real < PATIENCE_S * hz, 0);
    native_sti();
    while (!fired.count && now() < after + PATIENCE_S * hz) {
        native_pause();
    }
    native_cli();
    report("and_so_do_alarms", fired.count == 1 && counter(VMI_CYCLES_REAL) - due < PATIENCE_S * hz,
           fired.count);
    call(VMI_CALL_WRMSR, (uint32_t)moved, (uint32_t)(moved >> 31), MSR_TSC, 0);
    report("the_call_sets_it_too", now() >= 2 * moved && counter(VMI_CYCLES_REAL) < moved, 0);
    close_pic();
}

/* --- what only a guest in ring 1 shows: its interrupts come by ring 0 for as long as a shot lasts
 * --- */

extern volatile uint32_t loops_end;
extern const uint8_t user_loop[];
__asm__("user_loop: cmpl $0, loops_end; je user_loop; int $0x80\n"
        ".comm loops_end, 4");

static void end_loop(struct trap_frame *frame) {
    on_alarm(frame);
    loops_end = 1;
}

/* The interrupt changes the stack, and the process goes on where it was. */
static void alarms_interrupt_ring_3(void) {
    static uint8_t user_stack[4096] __attribute__((aligned(16)));
    static struct guest_entry entry;
    uint64_t due = begin() + 5 * ms;
    uint32_t vector;
    guest_set_handler(VECTOR_IRQ0, end_loop);
    open_pic();
    set(VMI_CYCLES_REAL, due, 0);
    guest_entry_user(&entry, user_loop, user_stack + sizeof(user_stack));
    entry.in.eflags |= EFLAGS_IF;
    entry.target = rom + VMI_CALL_OFFSET(VMI_CALL_IRET);
    vector = guest_enter(&entry);
    native_cli();
    same("an_alarm_comes_to_ring_3_and_the_process_goes_on", VECTOR_SYSTEM_CALL, vector);
    report("when_it_was_due", fired.count == 1 && fired.at[0] >= due, fired.count);
    guest_set_handler(VECTOR_IRQ0, on_alarm);
    close_pic();
}

/* Masked behind SetAlarm, and opened when the shot is over: nobody has seen it. */
static void lost_shots_are_found(void) {
    uint64_t due = begin() + 2 * ms;
    open_lvtt();
    set(VMI_CYCLES_REAL | VMI_ALARM_WIRED_LVTT, due, 0);
    close_lvtt();
    closed_until(due + 2 * ms);
    open_lvtt();
    call(VMI_CALL_GetTR, 0, 0, 0, 0);
    open_until_fired(1);
    report("a_call_finds_a_shot_that_was_lost", fired.count == 1, fired.count);
    close_lvtt();
}

/* LVTT is the guest's own again, whatever it was. */
static void held_shots_are_released(void) {
    static const uint32_t values[] = {LVT_MASKED, VECTOR_LVTT | LVT_MASKED, VECTOR_LVTT};
    uint32_t good = 1;
    for (uint32_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        uint64_t due = begin() + ms;
        guest_apic_write(APIC_LVT_TIMER, values[i]);
        set(VMI_CYCLES_REAL | VMI_ALARM_WIRED_LVTT, due, 0);
        if (values[i] & LVT_MASKED) {
            open_until(due + 20 * ms);
        }
        good &= cancel(VMI_CYCLES_REAL);
        open_until(now() + ms);
        good &= (guest_apic_read(APIC_LVT_TIMER) & ~0x1000u) == values[i] && !fired.count;
    }
    report("a_cancelled_alarm_leaves_lvtt_as_it_was", good != 0, guest_apic_read(APIC_LVT_TIMER));
}

/* The guest's own tick, in the mode that Linux gives the PIT. */
static void ticks_are_the_guests(void) {
    set(VMI_CYCLES_REAL, begin() + 100000 * ms, 0);
    cancel(VMI_CYCLES_REAL);
    open_pic();
    guest_pit_periodic(1000);
    open_until_fired(8);
    report("a_periodic_pit_is_the_guests", fired.count >= 8, fired.count);
    guest_pit_stop();
    close_pic();
}

static void try_ring_1(void) {
    alarms_interrupt_ring_3();
    lost_shots_are_found();
    held_shots_are_released();
    ticks_are_the_guests();
}

/* --- a second processor --- */

#define VECTOR_OTHER 0x44
#define INIT         0x4500u
#define OTHER_WAITS  50000u /* of 200 us */

static volatile struct {
    uint32_t count, irq0_armed, own_armed, unmasked[2];
    uint64_t due, at;
} other;

static void on_other(struct trap_frame *frame) {
    (void)frame;
    other.at = now();
    other.count++;
    guest_apic_write(APIC_EOI, 0);
}

/* guest_call is the boot processor's. */
static uint32_t other_calls(uint32_t number, uint32_t eax, uint64_t expiry, uint64_t period) {
    uint32_t edx = (uint32_t)expiry, ecx = (uint32_t)(expiry >> 32);
    __asm__ volatile("pushl %5; pushl %4; call *%3; addl $8, %%esp"
                     : "+a"(eax), "+d"(edx), "+c"(ecx)
                     : "r"(rom + VMI_CALL_OFFSET(number)), "r"((uint32_t)period),
                       "r"((uint32_t)(period >> 32))
                     : "memory", "cc");
    return eax;
}

/* What Linux does on its other processors: a periodic alarm whose expiry is now, set while masked.
 */
static uint32_t unmask_later(int by_call) {
    uint32_t seen;
    uint64_t end;
    guest_apic_write(APIC_LVT_TIMER, VECTOR_OTHER | LVT_MASKED);
    other_calls(VMI_CALL_SetAlarm, VMI_CYCLES_REAL | VMI_ALARM_WIRED_LVTT | VMI_ALARM_IS_PERIODIC,
                now(), 2 * ms);
    closed_until(now() + 5 * ms);
    other.count = 0;
    if (by_call) {
        other_calls(VMI_CALL_APICWrite, guest_apic_base() + APIC_LVT_TIMER, VECTOR_OTHER, 0);
    } else {
        guest_apic_write(APIC_LVT_TIMER, VECTOR_OTHER);
    }
    end = now() + PATIENCE_S * hz;
    native_sti();
    while (other.count < 3 && now() < end) {
        native_pause();
    }
    native_cli();
    seen = other.count;
    other_calls(VMI_CALL_CancelAlarm, VMI_CYCLES_REAL, 0, 0);
    other.count = 0;
    return seen;
}

static volatile uint32_t other_is_done;

static void use_alarms(void *unused) {
    (void)unused;
    guest_apic_write(APIC_TPR, 0);
    guest_apic_write(APIC_SVR, 0x1FF); /* LINT0 stays masked: the PIC is the first one's */
    other.unmasked[0] = unmask_later(0);
    other.unmasked[1] = unmask_later(1);
    other_calls(VMI_CALL_SetAlarm, VMI_CYCLES_REAL, 0, 0);
    other.irq0_armed = other_calls(VMI_CALL_CancelAlarm, VMI_CYCLES_REAL, 0, 0);
    other.due = now() + 50 * ms;
    other_calls(VMI_CALL_SetAlarm, VMI_CYCLES_REAL | VMI_ALARM_WIRED_LVTT | VMI_ALARM_IS_PERIODIC,
                other.due, ms);
    other_calls(VMI_CALL_Halt, 0, 0, 0);
    native_cli();
    other.own_armed = other_calls(VMI_CALL_CancelAlarm, VMI_CYCLES_REAL, 0, 0);
    other_is_done = 1;
}

static void use_alarms_for_ever(void) {
    use_alarms(NULL);
    for (;;) {
        native_pause();
    }
}

/* Below the hypervisor there is one way to start it. */
static int start_in_ring_1(void) {
    static uint8_t stack[4096] __attribute__((aligned(16)));
    struct vmi_ap_state state;
    uint32_t apic_id = guest_apic_id() ^ 1;
    memset(&state, 0, sizeof(state));
    state.cr0 = read_cr0();
    state.cr3 = space.cr3;
    state.cr4 = read_cr4();
    state.eip = (uint32_t)use_alarms_for_ever;
    state.esp = (uint32_t)stack + sizeof(stack) - 16;
    state.cs = SEL_KCODE;
    state.ss = state.ds = state.es = SEL_KDATA;
    state.gdtr_limit = sizeof(guest_gdt) - 1;
    state.gdtr_base = (uint32_t)guest_gdt;
    guest_apic_write(APIC_ICR_HIGH, apic_id << 24);
    guest_apic_write(APIC_ICR_LOW, INIT);
    guest_delay_us(10000);
    call(VMI_CALL_SetInitialAPState, (uint32_t)&state, apic_id, 0, 0);
    return 0;
}

/* Each has its own alarms: those of the first one go on meanwhile. */
static void try_other_processor(void) {
    open_pic();
    set(VMI_CYCLES_REAL | VMI_ALARM_IS_PERIODIC, begin() + ms, 2 * ms);
    same("the_other_processor_starts", 0,
         (uint32_t)(in_ring_1 ? start_in_ring_1() : guest_ap_start(use_alarms, NULL)));
    native_sti();
    for (uint32_t i = 0; i < OTHER_WAITS && !other_is_done; i++) {
        guest_delay_us(200);
    }
    native_cli();
    report("its_alarm_goes_on_when_a_store_unmasks_it", other.unmasked[0] >= 3, other.unmasked[0]);
    report("and_when_a_call_does", other.unmasked[1] >= 3, other.unmasked[1]);
    same("its_alarm_ends_its_halt", 1, other.count);
    report("when_it_is_due", other.at >= other.due, (uint32_t)(other.at - other.due));
    same("it_is_its_own", 1, other.own_armed);
    same("irq0_is_not", 0, other.irq0_armed);
    fired.count = 0;
    open_until_fired(2);
    report("ours_goes_on", fired.count >= 2, fired.count);
    same("and_stays_armed", 1, cancel(VMI_CYCLES_REAL));
    close_pic();
}

void guest_main(const char *cmdline) {
    struct rom_found found[16];
    uint32_t count;
    char value[8];
    guest_console_select(GUEST_TO_E9);
    rom = guest_find_rom(found, 16, &count);
    if (!rom) {
        guest_exit(1);
    }
    if (guest_option(cmdline, "init", value, sizeof(value))) {
        call_init();
    }
    hz = call(VMI_CALL_GetCycleFrequency, 0, 0, 0, 0);
    ms = guest_divide(hz, 1000, NULL);
    guest_printf("# %llu cycles a second\n", hz);
    guest_set_handler(VECTOR_IRQ0, on_alarm);
    guest_set_handler(VECTOR_IO_APIC, on_alarm);
    guest_set_handler(VECTOR_LVTT, on_alarm);
    guest_set_handler(VECTOR_RTC, on_rtc);
    guest_set_handler(VECTOR_IPI, on_ipi);
    guest_set_handler(VECTOR_NMI, on_nmi);
    guest_set_handler(VECTOR_OTHER, on_other);
    guest_apic_enable();
    guest_pit_stop();
    open_pic();
    open_until(now() + ms); /* the BIOS's last tick */
    close_pic();

    the_wall_clock_goes_on();
    if (guest_option(cmdline, "x2apic", value, sizeof(value))) {
        native_wrmsr(MSR_APIC_BASE, native_rdmsr(MSR_APIC_BASE) | APIC_BASE_X2);
        is_x2apic = true;
        for (uint32_t i = 0; i < sizeof(msr_ways) / sizeof(msr_ways[0]); i++) {
            try_way(&msr_ways[i]);
        }
        guest_puts("# end\n");
        guest_exit(0x10);
    }
    if (guest_option(cmdline, "smp", value, sizeof(value))) {
        try_other_processor();
        guest_puts("# end\n");
        guest_exit(0x10);
    }
    counters_count();
    the_wall_clock_has_the_cmos_clocks_seconds();
    in_every_way();
    open_pic();
    open_lvtt();
    other_counters_have_no_alarm();
    both_counters();
    if (!in_ring_1) { /* where it does not exit */
        look_at_every_exit("cpuid", cpuid_exits);
    }
    look_at_every_exit("a_call", call_exits);
    masked_alarms_wait();
    other_interrupts_come("IRQ0", VMI_CYCLES_REAL);
    other_interrupts_come("LVTT", VMI_CYCLES_REAL | VMI_ALARM_WIRED_LVTT);
    the_pit_is_given_back();
    a_half_read_count_disturbs_no_alarm();
    if (in_ring_1) {
        try_ring_1();
    } else { /* STI and its next instruction are the guest's own there */
        interrupts_come_behind_the_ret();
    }
    nmi_ends_halt();
    tsc_is_the_guests();
    guest_puts("# end\n");
    guest_exit(0x10);
}
