/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* The monitor's start, in long mode, and its loop. */

#include "boot.h"
#include "breakpoints.h"
#include "common/block.h"
#include "common/clock.h"
#include "common/debug.h"
#include "common/publish.h"
#include "cpuid.h"
#include "exits.h"
#include "figures.h"
#include "intercept.h"
#include "machine.h"
#include "memory.h"
#include "ports.h"
#include "processors.h"
#include "vcpu.h"

#define INT15_VECTOR 0x15
#define REAL_LIMIT   0xFFFFu
#define REAL_CODE    0x9Bu /* attrib: accessed, present */
#define REAL_DATA    0x93u
#define BIG          0xFFFFFFFFu
#define GUEST_RFLAGS 2u
#define IDT_GATE     0x8E00u /* present, 64-bit interrupt gate */
#define HOST_CODE    0x08u

struct gate {
    uint16_t offset_low, selector, type, offset_middle;
    uint32_t offset_high, unused;
};

_Static_assert(sizeof(struct gate) == 16, "gate");

static struct gate idt[256];

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
    } idtr = {.limit = sizeof(idt) - 1, .base = (uint64_t)idt};
    __asm__ volatile("lidt %0" ::"m"(*(const uint8_t(*)[10]) & idtr.limit)); /* the base, too */
}

/* The segments' hidden limits cannot be read. A BIOS may have made them big, and all but the code
 * segment lose nothing by it. */
static void set_segment(struct segment *segment, uint16_t selector, uint16_t attrib,
                        uint32_t limit) {
    segment->selector = selector;
    segment->attrib = attrib;
    segment->limit = limit;
    segment->base = (uint64_t)selector << 4;
}

/* The guest resumes at `resume` in the option ROM, in real mode, on the stack of INT 19h. */
static void set_state(struct vmcb *vmcb, const struct launch *launch, uint16_t rip) {
    uint64_t cr2, dr6, dr7;
    __asm__ volatile("movq %%cr2, %0" : "=r"(cr2));
    __asm__ volatile("movq %%dr6, %0" : "=r"(dr6));
    __asm__ volatile("movq %%dr7, %0" : "=r"(dr7));
    set_segment(&vmcb->state.cs, (uint16_t)(launch->rom >> 4), REAL_CODE, REAL_LIMIT);
    set_segment(&vmcb->state.ss, launch->ss, REAL_DATA, BIG);
    set_segment(&vmcb->state.ds, 0, REAL_DATA, BIG);
    set_segment(&vmcb->state.es, 0, REAL_DATA, BIG);
    vmcb->state.gdtr.limit = launch->gdt_limit;
    vmcb->state.gdtr.base = launch->gdt_base;
    vmcb->state.idtr.limit = launch->idt_limit;
    vmcb->state.idtr.base = launch->idt_base;
    vmcb->state.efer = launch->efer | EFER_SVME;
    vmcb->state.cr0 = launch->cr0;
    vmcb->state.cr2 = cr2;
    vmcb->state.cr3 = launch->cr3;
    vmcb->state.cr4 = launch->cr4;
    vmcb->state.dr6 = dr6;
    vmcb->state.dr7 = dr7;
    vmcb->state.rflags = GUEST_RFLAGS;
    vmcb->state.rip = rip;
    vmcb->state.rsp = launch->sp;
}

/* Without PMM the BIOS does not know of the block. */
static void hook_int15(const struct launch *launch, const struct rom_table *table) {
    volatile uint32_t *vectors = (uint32_t *)0;
    __asm__("" : "+r"(vectors)); /* address 0 is valid here */
    if (table->block) {
        return;
    }
    bios_hook.block = launch->block;
    bios_hook.reserved = BLOCK_RESERVED;
    bios_hook.int15 = vectors[INT15_VECTOR];
    vectors[INT15_VECTOR] = launch->rom << 12 | table->int15;
}

_Noreturn static void run(struct vcpu *vcpu) {
    run_guest(&vcpu->registers, vcpu->vmcb_address, handle_exit, handle_call, obey, vcpu);
}

/* From launch.asm, with what starts the APs. */
_Noreturn void monitor_main(const struct launch *launch, const uint8_t *code, uint64_t size) {
    const uint8_t *image = (const uint8_t *)(uint64_t)launch->image;
    const struct rom_table *table = (const void *)(image + ROM_TABLE);
    struct vmi_plan plan = {.trap = VMI_TRAP_VMMCALL, .policy = table->policy};
    struct vcpu *vcpu;
    uint32_t *vector;
    tracing = table->options & OPTION_TRACE;
    fill_idt();
    load_idt();
    start_intercepts();
    start_block(HOST_BASE, launch->block);
    start_memory();
    shorten_rom(launch->rom, table->resident, show_page);
    publish(image, table->images, &plan, show_page);
    start_time(read_tsc);
    take_processors(code, (uint32_t)size);
    start_ports(table->options & OPTION_RESETS);
    vcpu = new_vcpu(0);
    set_state(vcpu->vmcb, launch, table->resume);
    start_breakpoints(vcpu);
    hook_int15(launch, table);
    vector = (uint32_t *)(((uint64_t)launch->ss << 4) + launch->sp + LAUNCH_VECTOR_OFFSET);
    *vector = launch->int19;
    spare_com1 = !(table->options & OPTION_COM1);
    run(vcpu);
}

/* The others, with the IDT of the first. */
_Noreturn void monitor_processor(unsigned number) {
    struct vcpu *vcpu;
    load_idt();
    vcpu = new_vcpu(number);
    has_arrived(number);
    obey(vcpu);
    run(vcpu);
}

_Noreturn void monitor_spare(void) {
    load_idt();
    park();
}
