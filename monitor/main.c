/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* The monitor's start, in long mode, and its loop. */

#include "apic.h"
#include "calls.h"
#include "launch.h"
#include "memory.h"
#include "monitor.h"
#include "processors.h"
#include "publish.h"

#define PAGES(n)      [(n)*PAGE_SIZE] __attribute__((aligned(4096)))
#define INT15_VECTOR  0x15
#define REAL_LIMIT    0xFFFFu
#define REAL_CODE     0x9Bu /* attrib: accessed, present */
#define REAL_DATA     0x93u
#define BIG           0xFFFFFFFFu
#define ASID          1u
#define GUEST_RFLAGS  2u
#define IDT_GATE      0x8E00u /* present, 64-bit interrupt gate */
#define VECTOR_STRIDE 16u
#define HOST_CODE     0x08u
#define MSR_READ      0x01u /* in msrpm */
#define MSR_WRITE     0x02u

struct gate {
    uint16_t offset_low, selector, type, offset_middle;
    uint32_t offset_high, unused;
};

_Static_assert(sizeof(struct gate) == 16, "gate");

extern const uint8_t host_vectors[];

struct bios_hook bios_hook;

struct vcpu vcpus[MAX_PROCESSORS];

static struct vmcb vmcbs[MAX_PROCESSORS] __attribute__((aligned(4096)));
static uint8_t host_saves[MAX_PROCESSORS] PAGES(1);
static uint8_t msrpm PAGES(2); /* two bits for each MSR: read, write */
static uint8_t iopm PAGES(3);
static struct gate idt[256];

/* What the compiler calls for by itself. */
void *memset(void *to, int value, size_t size) {
    uint8_t *bytes = to;
    __asm__ volatile("rep stosb" : "+D"(bytes), "+c"(size) : "a"(value) : "memory");
    return to;
}

void *memcpy(void *restrict to, const void *restrict from, size_t size) {
    void *at = to;
    __asm__ volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(size)::"memory");
    return to;
}

_Noreturn void stop(void) {
    for (;;)
        wait_for_nmi(); /* INIT gets through */
}

/* An exception of the monitor's own: `frame` is what the processor pushed. */
_Noreturn void host_fault(uint32_t vector, const uint64_t *frame) {
    uint64_t cr2;
    __asm__ volatile("movq %%cr2, %0" : "=r"(cr2));
    say("# monitor: FAULT ");
    say_hex(vector, 2);
    for (unsigned i = 0; i < 5; i++) {
        say(" ");
        say_hex(frame[i], 16);
    }
    say(" cr2 ");
    say_hex(cr2, 16);
    say("\n");
    stop();
}

static void fill_idt(void) {
    for (unsigned i = 0; i < 256; i++) {
        uint64_t at = (uint64_t)host_vectors + i * VECTOR_STRIDE;
        idt[i] = (struct gate){(uint16_t)at,         HOST_CODE, IDT_GATE, (uint16_t)(at >> 16),
                               (uint32_t)(at >> 32), 0};
    }
}

static void load_idt(void) {
    struct {
        uint16_t unused[3], limit;
        uint64_t base;
    } idtr = {.limit = sizeof idt - 1, .base = (uint64_t)idt};
    __asm__ volatile("lidt %0" ::"m"(idtr.limit));
}

/* The segments' hidden limits cannot be read. A BIOS may have made them big, and all but the code
 * segment lose nothing by it. */
static void set_segment(struct vmcb_segment *segment, uint16_t selector, uint16_t attrib,
                        uint32_t limit) {
    segment->selector = selector;
    segment->attrib = attrib;
    segment->limit = limit;
    segment->base = (uint64_t)selector << 4;
}

/* The guest goes on in the option ROM's `underneath`, in real mode, on the stack of INT 19h. */
static void set_state(struct vmcb *vmcb, const struct launch *launch, uint16_t rip) {
    uint64_t cr2, dr6, dr7;
    __asm__ volatile("movq %%cr2, %0" : "=r"(cr2));
    __asm__ volatile("movq %%dr6, %0" : "=r"(dr6));
    __asm__ volatile("movq %%dr7, %0" : "=r"(dr7));
    set_segment(&vmcb->cs, (uint16_t)(launch->rom >> 4), REAL_CODE, REAL_LIMIT);
    set_segment(&vmcb->ss, launch->ss, REAL_DATA, BIG);
    set_segment(&vmcb->ds, 0, REAL_DATA, BIG);
    set_segment(&vmcb->es, 0, REAL_DATA, BIG);
    vmcb->gdtr.limit = launch->gdt_limit;
    vmcb->gdtr.base = launch->gdt_base;
    vmcb->idtr.limit = launch->idt_limit;
    vmcb->idtr.base = launch->idt_base;
    vmcb->efer = launch->efer | EFER_SVME;
    vmcb->cr0 = launch->cr0;
    vmcb->cr2 = cr2;
    vmcb->cr3 = launch->cr3;
    vmcb->cr4 = launch->cr4;
    vmcb->dr6 = dr6;
    vmcb->dr7 = dr7;
    vmcb->rflags = GUEST_RFLAGS;
    vmcb->rip = rip;
    vmcb->rsp = launch->sp;
}

/* Each 2000h MSRs, from 0, C0000000h and C0010000h on, have 2 KiB of the map. */
static void intercept_msr(uint32_t msr, uint8_t accesses) {
    uint32_t part = msr < 0xC0000000u ? 0 : msr < 0xC0010000u ? 1 : 2;
    uint32_t bit = part * 0x4000 + (msr & 0x1FFF) * 2;
    msrpm[bit / 8] |= (uint8_t)(accesses << bit % 8);
}

void intercept_port(uint16_t port, bool on) {
    uint8_t bit = (uint8_t)(1u << port % 8);
    iopm[port / 8] = (uint8_t)(on ? iopm[port / 8] | bit : iopm[port / 8] & ~bit);
}

static void set_maps(void) {
    static const uint32_t kept[] = {MSR_TSC, MSR_EFER, MSR_VM_CR, MSR_VM_HSAVE_PA};
    static const uint32_t guarded[] = {MSR_APIC_BASE, MSR_PAT,     MSR_X2APIC_ICR,
                                       MSR_SYSCFG,    MSR_TOP_MEM, MSR_TOP_MEM2};
    for (unsigned i = 0; i < sizeof kept / sizeof *kept; i++)
        intercept_msr(kept[i], MSR_READ | MSR_WRITE);
    for (unsigned i = 0; i < sizeof guarded / sizeof *guarded; i++)
        intercept_msr(guarded[i], MSR_WRITE);
    intercept_port(PORT_QEMU_EXIT, true);
    intercept_port(PORT_BOCHS_EXIT, true);
}

static void set_controls(struct vcpu *vcpu) {
    struct vmcb *vmcb = vcpu->vmcb;
    vmcb->intercept_misc1 =
        INTERCEPT_CPUID | INTERCEPT_INVLPGA | INTERCEPT_IOIO | INTERCEPT_MSR | INTERCEPT_SHUTDOWN;
    vmcb->intercept_misc2 = INTERCEPT_VMRUN | INTERCEPT_VMMCALL | INTERCEPT_VMLOAD |
                            INTERCEPT_VMSAVE | INTERCEPT_STGI | INTERCEPT_CLGI | INTERCEPT_SKINIT;
    vmcb->n_cr3 = map_guest(vcpu->number);
    vmcb->np_enable = 1;
    vmcb->iopm_base_pa = physical_of(iopm);
    vmcb->msrpm_base_pa = physical_of(msrpm);
    vmcb->asid = ASID;
    vmcb->tlb_control = TLB_FLUSH;
    vmcb->g_pat = rdmsr(MSR_PAT);
    wrmsr(MSR_VM_HSAVE_PA, physical_of(host_saves[vcpu->number]));
}

/* Without PMM the BIOS does not know that we are here. */
static void hook_int15(const struct launch *launch, const struct rom_table *table) {
    volatile uint32_t *vectors = (uint32_t *)0;
    __asm__("" : "+r"(vectors)); /* address 0 is a place like another */
    if (table->block)
        return;
    bios_hook.block = launch->block;
    bios_hook.reserved = BLOCK_RESERVED;
    bios_hook.int15 = vectors[INT15_VECTOR];
    vectors[INT15_VECTOR] = launch->rom << 12 | table->int15;
}

/* A processor with nothing in its VMCB. Its counter goes on. */
static struct vcpu *new_vcpu(unsigned number) {
    struct vcpu *vcpu = &vcpus[number];
    uint64_t tsc_offset = vmcbs[number].tsc_offset;
    memset(&vmcbs[number], 0, sizeof vmcbs[number]);
    memset(&vcpu->gpr, 0, sizeof vcpu->gpr);
    memset(&vcpu->step, 0, sizeof vcpu->step);
    memset(&vcpu->alarms, 0, sizeof vcpu->alarms);
    vcpu->apic_timer_runs = false;
    vmcbs[number].tsc_offset = tsc_offset;
    vcpu->number = number;
    vcpu->vmcb = &vmcbs[number];
    vcpu->vmcb_address = physical_of(vcpu->vmcb);
    set_controls(vcpu);
    return vcpu;
}

_Noreturn static void run(struct vcpu *vcpu) {
    for (;;) {
        __asm__ volatile("movq %0, %%cr2" ::"r"(vcpu->vmcb->cr2)); /* VMRUN under Bochs does not */
        run_guest(&vcpu->gpr, vcpu->vmcb_address);
        handle_exit(vcpu);
    }
}

_Noreturn void monitor_main(const struct launch *launch) {
    const uint8_t *image = (const uint8_t *)(uint64_t)launch->image;
    const struct rom_table *table = (const void *)(image + ROM_TABLE);
    struct vcpu *vcpu;
    uint32_t *vector;
    tracing = table->options & OPTION_TRACE;
    fill_idt();
    load_idt();
    set_maps();
    start_memory(launch->block);
    publish(image);
    if (find_processors() > 1)
        watch_apic();
    vcpu = new_vcpu(0);
    set_state(vcpu->vmcb, launch, table->underneath);
    hook_int15(launch, table);
    start_time();
    vector = (uint32_t *)(((uint64_t)launch->ss << 4) + launch->sp + LAUNCH_VECTOR_OFFSET);
    *vector = launch->int19;
    run(vcpu);
}

_Noreturn void monitor_processor(unsigned number) {
    struct vcpu *vcpu;
    bool starts;
    load_idt();
    vcpu = new_vcpu(number);
    starts = start_state(vcpu);
    has_arrived(vcpu);
    if (!starts)
        stop();
    run(vcpu);
}
