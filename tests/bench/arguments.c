/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

#include "arguments.h"

#include "guest.h"
#include "vmi/api.h"
#include "vmi/calls.h"

static uint64_t entry[2] __attribute__((aligned(16)));
static uint8_t buffer[64] __attribute__((aligned(16)));
static struct descriptor_pointer pointer;

static uint32_t address(const volatile void *p) {
    return (uint32_t)p;
}

/* A process has its data segment in other registers than SS, too: by that it is accessed. */
static void use_user_data(void) {
    __asm__ volatile("movw %w0, %%es; movw %w1, %%es" ::"r"(SEL_UDATA), "r"(SEL_KDATA));
}

void bench_arguments(unsigned slot, struct bench_regs *r) {
    *r = (struct bench_regs){.eax = 0};
    switch (slot) {
    case VMI_CALL_WRMSR:
    case VMI_CALL_RDMSR:
        r->ecx = 0x174;
        r->eax = SEL_KCODE;
        break;
    case VMI_CALL_SetGDT:
    case VMI_CALL_GetGDT:
        __asm__("sgdt %0" : "=m"(*(uint8_t(*)[6]) & pointer.limit));
        r->eax = address(&pointer.limit);
        break;
    case VMI_CALL_SetIDT:
    case VMI_CALL_GetIDT:
        __asm__("sidt %0" : "=m"(*(uint8_t(*)[6]) & pointer.limit));
        r->eax = address(&pointer.limit);
        break;
    case VMI_CALL_SetTR:
        r->eax = SEL_TSS;
        break;
    case VMI_CALL_SetCR0:
        r->eax = read_cr0();
        break;
    case VMI_CALL_SetCR3:
        r->eax = read_cr3();
        break;
    case VMI_CALL_SetCR4:
        r->eax = read_cr4();
        break;
    case VMI_CALL_IRET:
        r->iret_frame = 1;
        use_user_data();
        break;
    case VMI_CALL_INB:
    case VMI_CALL_INW:
    case VMI_CALL_IN:
    case VMI_CALL_OUTB:
    case VMI_CALL_OUTW:
    case VMI_CALL_OUT:
    case VMI_CALL_INS:
    case VMI_CALL_INSB:
    case VMI_CALL_INSW:
    case VMI_CALL_OUTS:
    case VMI_CALL_OUTSB:
    case VMI_CALL_OUTSW:
        r->edx = 0x80;
        r->ecx = 1;
        r->esi = r->edi = address(buffer);
        break;
    case VMI_CALL_SetPxELong0:
    case VMI_CALL_SetPxELong:
    case VMI_CALL_SwapPxELongAtomic:
        r->ecx = address(entry);
        break;
    case VMI_CALL_SetPxE:
        r->edx = address(entry);
        break;
    case VMI_CALL_FlushTLB:
        r->eax = VMI_FLUSH_TLB;
        break;
    case VMI_CALL_GetRelocationInfo:
        r->eax = VMI_CALL_SetCR3;
        break;
    case VMI_CALL_CPUID:
    case VMI_CALL_GetInterruptMask:
    case VMI_CALL_GetCycleCounter:
    case VMI_CALL_GetDR:
    case VMI_CALL_SetDR:
    case VMI_CALL_SetLDT:
    case VMI_CALL_SetCR2:
    case VMI_CALL_SetIOPLMask:
    case VMI_CALL_SYSEXIT:
        break;
    default:
        r->eax = address(entry);
        break;
    }
}
