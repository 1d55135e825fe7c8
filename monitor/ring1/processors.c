/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * The guest sends INIT, says what state the processor shall start in, and sends STARTUP. Between
 * the two we send our own, to code of the option ROM: the guest's comes too late and does nothing.
 */

#include "processors.h"
#include "gate.h"
#include "memory.h"
#include "vif.h"

#define APIC_ICR      0x300u
#define APIC_ICR_HIGH 0x310u
#define ICR_STARTUP   0x4600u
#define PATIENCE      3000000u
#define TRIES         2u

/* What a processor finds in real mode; entry.asm and rom.asm know the offsets. */
struct start_data {
    uint32_t gdt[8];
    uint32_t eip, cs; /* START_FAR */
    uint32_t root, cpu;
};
_Static_assert(offsetof(struct start_data, eip) == START_FAR, "layout.h");
_Static_assert(offsetof(struct start_data, root) == START_ROOT, "layout.h");
_Static_assert(offsetof(struct start_data, cpu) == START_CPU, "layout.h");

static struct vmi_ap_state states[MAX_CPUS];
static uint32_t apic_ids[MAX_CPUS];
static volatile uint32_t arrived[MAX_CPUS];
static uint32_t count = 1; /* with the BSP */

const struct vmi_ap_state *start_state(void) {
    return &states[this_cpu()->number];
}

void has_arrived(void) {
    arrived[this_cpu()->number] = 1;
}

/* The number of a processor, the same when it is started again; MAX_CPUS: there is no room. */
static uint32_t number_of(uint32_t apic_id) {
    for (uint32_t i = 1; i < count; i++) {
        if (apic_ids[i] == apic_id) {
            return i;
        }
    }
    if (count == MAX_CPUS) {
        return MAX_CPUS;
    }
    apic_ids[count] = apic_id;
    return count++;
}

static void fill_start_data(struct cpu *cpu) {
    struct start_data *d = (struct start_data *)(HV_BASE + START_DATA);
    uint32_t block = shared()->block;
    struct start_data fresh = {
        .gdt = {0, 0, 0x0000FFFF, 0x00CF9B00, 0x0000FFFF, 0x00CF9300, block << 16 | 0xFFFF,
                0x00CF9300 | (block & 0xFF000000) | (block >> 16 & 0xFF)},
        .eip = block + (ways_in.start - HV_BASE),
        .cs = START_CODE,
        .root = block + ROOT_IDENTITY,
        .cpu = (uint32_t)cpu,
    };
    *d = fresh;
}

/* The operand of its LGDT, in the first MiB. */
static void fill_gdtr(void) {
    struct table *gdtr = (struct table *)((uint32_t)show_page(this_cpu(), 0, 0) + START_GDTR);
    gdtr->limit = 31;
    gdtr->base = shared()->block + START_DATA;
}

static void send_startup(uint32_t apic_id) {
    volatile uint32_t *apic = (volatile uint32_t *)(HV_BASE + APIC_PAGE);
    /* The code lies at 1000h and at 1800h of the image: one of them begins a page. */
    uint32_t page = (shared()->image + 0x1000 + PAGE_SIZE - 1) / PAGE_SIZE;
    apic[APIC_ICR_HIGH / 4] = apic_id << 24;
    apic[APIC_ICR / 4] = ICR_STARTUP | page;
}

void start_processor(uint32_t apic_id, const struct vmi_ap_state *state) {
    uint32_t number = number_of(apic_id);
    struct cpu *cpu = (struct cpu *)(HV_BASE + CPUS + number * CPU_SIZE);
    if (number == MAX_CPUS || (has_interrupt_control && !is_for_many()) ||
        (state->cr0 & (CR0_PE | CR0_PG)) != (CR0_PE | CR0_PG)) {
        return;
    }
    states[number] = *state;
    cpu->number = number;
    arrived[number] = 0;
    fill_start_data(cpu);
    fill_gdtr();
    for (uint32_t n = 0; n < TRIES && !arrived[number]; n++) {
        send_startup(apic_id);
        for (uint32_t i = 0; i < PATIENCE && !arrived[number]; i++) {
            __asm__ volatile("pause");
        }
    }
}
