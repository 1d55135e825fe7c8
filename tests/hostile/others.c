/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * What a hostile guest sends to its processors: interrupts of every mode to every destination, in
 * every way that leads to the command register; resets; sleeps. A model says who starts and who
 * takes an NMI, as the local APIC's manual has it. No other processor may, none may escape from the
 * monitor, and at the end of each round all must start.
 */

#include "hostile.h"
#include "others.h"
#include "vmi/api.h"

#define MSR_APIC_BASE 0x1Bu
#define MSR_X2APIC    0x800u
#define APIC_LDR      0xD0u
#define APIC_DFR      0xE0u
#define DFR_FLAT      0xFFFFFFFFu
#define DFR_CLUSTER   0x0FFFFFFFu
#define ICR_ASSERT    0x4000u
#define ICR_LEVEL     0x8000u
#define ICR_LOGICAL   0x0800u
#define ICR_SELF      0x40000u
#define ICR_ALL       0x80000u
#define ICR_OTHERS    0xC0000u

enum { FIXED, LOWEST, SMI, RESERVED, NMI, INIT, STARTUP, EXTINT, MODES };

#define START_AT      0xA000u
#define WRONG_AT      0xC000u /* where no processor is sent: it says so */
#define SIGNATURE_AT  0xBFF0u
#define GDT_AT        0xBFF8u
#define RESET_VECTOR  0x467u
#define SMBASE_CODE   0x38000u
#define CMOS_SHUTDOWN 0x0Fu
#define CMOS_JUMP     0x0Au
#define ROUND         32u
#define DEADLY        50u     /* one step in so many resets the machine */
#define LATEST        100000u /* of 200 us: nothing is too slow */
#define NOBODY_ID     0x2Au
#define SLEEP         0x20u /* in the second byte of PM1 control */

/* others.asm */
extern const uint8_t others_start[], others_start_end[], others_nmi[], others_interrupt[];
extern volatile uint32_t others_told[8], others_nmis[8], others_interrupts;
extern uint32_t others_ldr[8], others_dfr, others_x2;
extern struct descriptor_pointer others_idt;

static struct others *counted;
static bool verbose;
static uint32_t count, rom, rom_3, state;
static bool waits[8], runs[8];
static uint32_t told[8], nmis[8]; /* as the model has them */

static uint32_t chance(void) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state * 0x9E3779B1u ^ state >> 15;
}

static uint32_t below(uint32_t limit) {
    return (uint32_t)((uint64_t)chance() * limit >> 32);
}

static void call_slot(uint32_t at, uint32_t slot, uint32_t eax, uint32_t ecx, uint32_t edx) {
    struct call_regs r;
    guest_call_regs_init(&r, 1);
    r.eax = eax;
    r.ecx = ecx;
    r.edx = edx;
    guest_call(&r, at + VMI_CALL_OFFSET(slot), NULL, 0);
}

static void load_idt(const struct descriptor_pointer *idt) {
    __asm__ volatile("lidt %0" : : "m"(*(const uint8_t(*)[6]) & idt->limit));
}

/* --- the command register, in each way --- */

static void write_register(uint32_t reg, uint32_t value) {
    volatile uint32_t *at = guest_at(guest_apic_base() + reg);
    const uint32_t *from;
    switch (below(5)) {
    case 0:
        *at = value;
        break;
    case 1:
        __asm__ volatile("xchgl %1, %0" : "+m"(*at), "+r"(value));
        break;
    case 2:
        from = &value;
        __asm__ volatile("cld; movsl" : "+D"(at), "+S"(from) : : "memory");
        break;
    case 3:
        call_slot(rom, VMI_CALL_APICWrite, (uint32_t)at, 0, value);
        break;
    default:
        call_slot(rom_3, VMI3_SLOT_APICWrite, reg, 0, value);
    }
}

static void command(uint32_t value, uint32_t destination) {
    if (!others_x2) {
        guest_apic_write(APIC_ICR_HIGH, destination << 24);
        write_register(APIC_ICR_LOW, value);
    } else if (below(2)) {
        native_wrmsr(MSR_X2APIC + APIC_ICR_LOW / 16, (uint64_t)destination << 32 | value);
    } else {
        call_slot(rom, VMI_CALL_WRMSR, value, MSR_X2APIC + APIC_ICR_LOW / 16, destination);
    }
}

/* --- the model --- */

static uint32_t everybody(void) {
    return others_x2 ? 0xFFFFFFFFu : 0xFFu;
}

/* An AP that does not run has no logical ID yet. */
static bool is_named(uint32_t id, uint32_t value, uint32_t destination) {
    uint32_t own = others_ldr[id] >> 24;
    if (!(value & ICR_LOGICAL)) {
        return destination == id;
    }
    if (others_x2) {
        return destination >> 16 == id >> 4 && destination & 1u << id % 16;
    }
    if (id && !runs[id]) {
        return false;
    }
    if (others_dfr == DFR_FLAT) {
        return own & destination;
    }
    return own >> 4 == destination >> 4 && own & destination & 0xF;
}

static uint32_t targets_of(uint32_t value, uint32_t destination) {
    uint32_t all = (1u << count) - 1, targets = 0;
    switch (value & ICR_OTHERS) {
    case ICR_SELF:
        return 1;
    case ICR_ALL:
        return all;
    case ICR_OTHERS:
        return all & ~1u;
    }
    if (destination == everybody()) {
        return all;
    }
    for (uint32_t id = 0; id < count; id++) {
        targets |= (uint32_t)is_named(id, value, destination) << id;
    }
    return targets;
}

static bool rises_to(volatile uint32_t *counter, uint32_t value) {
    for (uint32_t i = 0; i < LATEST && *counter < value; i++) {
        guest_delay_us(200);
    }
    return *counter == value;
}

static void fails(const char *what, uint32_t id, uint32_t seen, uint32_t expected) {
    counted->different++;
    guest_printf("not ok - interrupt %u: %s: processor %u, expected %u, seen %u\n",
                 counted->steps - 1, what, id, expected, seen);
    guest_exit(1);
}

static void expect_starts(void) {
    for (uint32_t id = 1; id < count; id++) {
        if (!rises_to(&others_told[id], told[id])) {
            fails("starts", id, others_told[id], told[id]);
        }
    }
}

static void model(uint32_t value, uint32_t targets) {
    uint32_t mode = value >> 8 & 7;
    for (uint32_t id = 0; id < count; id++) {
        if (!(targets & 1u << id)) {
            continue;
        }
        if (mode == INIT && id) {
            waits[id] = true;
            runs[id] = false;
        } else if (mode == STARTUP && waits[id]) {
            waits[id] = false;
            runs[id] = true;
            told[id]++;
        } else if (mode == NMI && (runs[id] || !id)) {
            nmis[id]++;
        }
    }
}

/* --- a step --- */

static uint32_t logical_destination(void) {
    if (others_x2) {
        return below(4) ? below(1u << count) : below(4) << 16 | chance() % 0x10000;
    }
    return others_dfr == DFR_FLAT ? below(256) : below(3) << 4 | below(16);
}

static uint32_t destination_for(uint32_t value) {
    if (below(10) == 0) {
        return everybody();
    }
    if (value & ICR_LOGICAL) {
        return logical_destination();
    }
    return below(5) ? below(count) : NOBODY_ID;
}

static void open_interrupts(void) {
    native_sti();
    guest_delay_us(100);
    native_cli();
}

/* An INIT of the BSP is a reset: only deadly steps send it. */
static bool send_something(bool deadly) {
    static const uint32_t shorthands[] = {0, 0, 0, ICR_SELF, ICR_ALL, ICR_OTHERS};
    static const uint8_t modes[] = {FIXED,   LOWEST,  SMI,     RESERVED, NMI,
                                    INIT,    INIT,    INIT,    NMI,      STARTUP,
                                    STARTUP, STARTUP, STARTUP, STARTUP,  EXTINT};
    uint32_t number = counted->steps - 1, value, destination, targets, mode;
    bool ends;
    mode = number < 2 * MODES ? number % MODES : modes[below(sizeof(modes))];
    mode = deadly ? INIT : mode;
    value = mode << 8 | shorthands[below(6)] | (below(4) ? 0 : ICR_LOGICAL);
    value |= mode == INIT && !deadly && !below(4) ? ICR_LEVEL : ICR_ASSERT;
    value |= mode == STARTUP                   ? START_AT >> 12
             : mode == FIXED || mode == LOWEST ? 16 + below(240)
                                               : 0;
    destination = destination_for(value);
    targets = targets_of(value, destination);
    if ((value & ICR_OTHERS) && mode != FIXED && mode != NMI && mode != INIT && mode != STARTUP) {
        value &= ~ICR_OTHERS; /* which are not valid with the others: engines differ */
        targets = targets_of(value, destination);
    }
    if ((value & ICR_OTHERS) == ICR_SELF && mode != FIXED && mode != INIT) {
        return false;
    }
    if (mode == NMI && value & ICR_LOGICAL && destination == everybody()) {
        return false; /* TCG's clusters know no such destination */
    }
    ends = mode == INIT && targets & 1 && value & ICR_ASSERT;
    if (ends != deadly || (mode == STARTUP && targets & 1)) {
        return false;
    }
    counted->modes[mode]++;
    if (verbose) {
        guest_printf("# %u: command %05x to %x\n", counted->steps - 1, value, destination);
    }
    if (deadly) {
        command(value, destination);
        return true;
    }
    if (mode != INIT || value & ICR_ASSERT) {
        model(value, targets);
    }
    command(value, destination);
    if (mode == STARTUP) {
        expect_starts();
    }
    for (uint32_t id = 0; mode == NMI && id < count; id++) {
        if (!rises_to(&others_nmis[id], nmis[id])) {
            fails("NMIs", id, others_nmis[id], nmis[id]);
        }
    }
    return true;
}

/* --- sleep --- */

static uint32_t dword_at(uint32_t address) {
    return *(const uint32_t *)guest_at(address);
}

static uint16_t sleep_port(void) {
    uint32_t rsdp = 0xE0000, rsdt;
    while (rsdp < 0x100000 && memcmp(guest_at(rsdp), "RSD PTR ", 8) != 0) {
        rsdp += 16;
    }
    rsdt = rsdp < 0x100000 ? dword_at(rsdp + 16) : 0;
    for (uint32_t i = 36; rsdt && i < dword_at(rsdt + 4); i += 4) {
        if (!memcmp(guest_at(dword_at(rsdt + i)), "FACP", 4)) {
            return (uint16_t)dword_at(dword_at(rsdt + i) + 64);
        }
    }
    return 0;
}

static void out_string(void *port) {
    uint16_t value = (uint16_t)((1 + below(7)) << 2 | SLEEP) << 8;
    const uint16_t *at = &value;
    __asm__ volatile("cld; outsw" : "+S"(at) : "d"(port) : "memory");
}

/* Of every type but S5's, which is 0 on both machines. */
static void try_to_sleep(void) {
    uint16_t port = sleep_port();
    uint32_t high = (1 + below(7)) << 2 | SLEEP;
    struct guest_fault fault;
    if (!port) {
        return;
    }
    counted->sleeps++;
    if (verbose) {
        guest_printf("# %u: sleep %02x at %x\n", counted->steps - 1, high, port);
    }
    switch (below(7)) {
    case 0:
        outw(port, (uint16_t)(high << 8 | 1));
        break;
    case 1:
        outb(port + 1, (uint8_t)high);
        break;
    case 2:
        outl(port, high << 8 | 1);
        break;
    case 3:
        outl(port - 2, high << 24 | 1u << 16);
        break;
    case 4:
        call_slot(rom, VMI_CALL_OUTW, high << 8 | 1, 0, port);
        break;
    case 5:
        call_slot(rom, VMI_CALL_OUT, high << 8 | 1, 0, port);
        break;
    default:
        guest_descriptors_reload();
        guest_try(out_string, (void *)(uint32_t)port, &fault);
        load_idt(&others_idt);
    }
    guest_delay_us(500);
}

/* --- resets --- */

static void reset_somehow(void) {
    static const struct descriptor_pointer none;
    outb(0x70, CMOS_SHUTDOWN);
    outb(0x71, CMOS_JUMP);
    switch (below(5)) {
    case 0:
        outb(0x64, 0xFE);
        break;
    case 1:
        outb(0xCF9, 2);
        outb(0xCF9, 6);
        break;
    case 2:
        outb(0x92, inb(0x92) & ~1u);
        outb(0x92, inb(0x92) | 1);
        break;
    case 3:
        load_idt(&none);
        __asm__ volatile("int3");
        break;
    default:
        while (!send_something(true)) {
        }
    }
    for (;;) {
        __asm__ volatile("hlt");
    }
}

/* --- rounds --- */

static void all_start(void) {
    for (uint32_t id = 1; id < count; id++) {
        command(INIT << 8 | ICR_ASSERT, id);
        model(INIT << 8, 1u << id);
        guest_delay_us(1000);
        command(STARTUP << 8 | START_AT >> 12, id);
        model(STARTUP << 8, 1u << id);
    }
    expect_starts();
    open_interrupts();
}

/* The others take theirs when they start. */
static void choose_ids(void) {
    if (others_x2) {
        return;
    }
    others_dfr = below(2) ? DFR_FLAT : DFR_CLUSTER;
    for (uint32_t id = 0; id < count; id++) {
        others_ldr[id] = (others_dfr == DFR_FLAT ? 1u << id : id / 4 << 4 | 1u << id % 4) << 24;
    }
    guest_apic_write(APIC_DFR, others_dfr);
    guest_apic_write(APIC_LDR, others_ldr[0]);
}

static void get_ready(bool x2) {
    static uint64_t idt[256];
    struct descriptor_pointer gdt;
    static const uint8_t jump[] = {0xEA, 0, (uint8_t)(WRONG_AT >> 8), 0, 0};
    size_t size = (size_t)(others_start_end - others_start);
    guest_apic_enable();
    if (x2) {
        native_wrmsr(MSR_APIC_BASE, native_rdmsr(MSR_APIC_BASE) | 0x400);
    }
    others_x2 = x2;
    memcpy(guest_at(START_AT), others_start, size);
    memcpy(guest_at(WRONG_AT), others_start, size);
    memcpy(guest_at(SMBASE_CODE), jump, sizeof(jump));
    *(volatile uint32_t *)guest_at(RESET_VECTOR) = WRONG_AT;
    *(volatile uint32_t *)guest_at(SIGNATURE_AT) = VMI_HYPERVISOR_EBX;
    native_sgdt(&gdt);
    memcpy(guest_at(GDT_AT), &gdt.limit, 6);
    for (uint32_t i = 0; i < 256; i++) {
        idt[i] = guest_gate(i == 2 ? others_nmi : others_interrupt, 0xE, 0);
    }
    others_idt = (struct descriptor_pointer){0, sizeof(idt) - 1, (uint32_t)idt};
    load_idt(&others_idt);
    choose_ids();
    all_start();
}

uint32_t try_others(struct others *counts, uint32_t processors, bool x2, uint32_t seed,
                    uint32_t from, uint32_t steps, uint32_t at, uint32_t at_3) {
    counted = counts;
    verbose = counts->verbose;
    count = processors;
    rom = at;
    rom_3 = at_3;
    get_ready(x2);
    for (uint32_t n = from; n < steps; n++) {
        counted->steps++;
        state = (seed * 0x85EBCA6Bu ^ n * 0xC2B2AE35u ^ 0x27D4EB2Fu) | 1;
        for (int i = 0; i < 8; i++) {
            chance();
        }
        if (n % DEADLY == DEADLY - 1) {
            counted->deadly++;
            guest_marker_set((n + 1) | MARKER_DEADLY);
            reset_somehow();
        }
        guest_marker_set(n + 1);
        if (n >= 2 * MODES && !below(12)) {
            try_to_sleep();
        } else {
            while (!send_something(false)) {
            }
        }
        if (n % ROUND == ROUND - 1) {
            choose_ids();
            all_start();
        }
    }
    guest_descriptors_reload();
    return counted->different;
}

void print_others(const struct others *counts) {
    static const char *const names[MODES] = {"fixed", "lowest", "SMI",     "reserved",
                                             "NMI",   "INIT",   "STARTUP", "ExtINT"};
    guest_printf("# interrupts %u:", counts->steps);
    for (uint32_t i = 0; i < MODES; i++) {
        guest_printf(" %s %u,", names[i], counts->modes[i]);
    }
    guest_printf(" sleeps %u, deadly %u; restarts %u\n", counts->sleeps, counts->deadly,
                 counts->restarts);
}
