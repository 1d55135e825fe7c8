/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The calls of VMI as call sites in C. Generated from calls.tsv: edit calls.tsv instead. */
#ifndef VMI_SITES_H
#define VMI_SITES_H

/* clang-format off */

/*
 * guest.h says what a site is. IRET and SYSEXIT have no function: they are macros of the assemblers. A kernel for both
 * APIs makes a call that differs between them twice, as vmi_ and as vmi3_: a ROM takes the one that it knows.
 */

#include "vmi/site-macros.h"

/* The text of a site is longer than C90 promises to take. */
#ifdef __clang__
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Woverlength-strings"
#endif

/* 5: Identify the processor */
VMI_WRAPPER void vmi_cpuid(uint32_t leaf, uint32_t subleaf, uint32_t result[4]) {
    VMI_ASM(VMI_SITE(5, 3, ".byte 0x3e,0x3e,0x3e,0x0f,0xa2")
            : "=a"(result[0]), "=b"(result[1]), "=c"(result[2]), "=d"(result[3])
            : "a"(leaf), "c"(subleaf)
            : "cc");
}

/* 6: Write a model-specific register */
VMI_WRAPPER void vmi_wrmsr(uint32_t msr, uint64_t value) {
    uint32_t low = (uint32_t)value;
    uint32_t high = (uint32_t)(value >> 32);
    VMI_ASM(VMI_SITE(6, 3, ".byte 0x3e,0x3e,0x3e,0x0f,0x30")
            : "+c"(msr), "+a"(low), "+d"(high)
            :
            : "memory", "cc");
}

/* 7: Read a model-specific register */
VMI_WRAPPER uint64_t vmi_rdmsr(uint32_t msr) {
    uint32_t result_low, result_high;
    VMI_ASM(VMI_SITE(7, 3, ".byte 0x3e,0x3e,0x3e,0x0f,0x32")
            : "=a"(result_low), "=d"(result_high), "+c"(msr)
            :
            : "memory", "cc");
    return (uint64_t)result_high << 32 | result_low;
}

/* 8: Load GDTR from the 6 bytes at dtr; segment registers stay as they are */
VMI_WRAPPER void vmi_set_gdt(const void *dtr) {
    VMI_ASM(VMI_SITE(8, 2, ".byte 0x3e,0x3e,0x0f,0x01,0x10")
            : "+a"(dtr)
            :
            : "ecx", "edx", "memory", "cc");
}

/* 9: Load LDTR */
VMI_WRAPPER void vmi_set_ldt(uint16_t selector) {
    VMI_ASM(VMI_SITE_FREE(9, 5, 7, "lldt %w[selector]", "{pushl|push} %k[selector]; .byte 0x58; ", "")
            :
            : [selector] "r"(selector)
            : "memory", "cc");
}

/* 10: Load IDTR from the 6 bytes at dtr */
VMI_WRAPPER void vmi_set_idt(const void *dtr) {
    VMI_ASM(VMI_SITE(10, 2, ".byte 0x3e,0x3e,0x0f,0x01,0x18")
            : "+a"(dtr)
            :
            : "ecx", "edx", "memory", "cc");
}

/* 11: Load the task register and mark its descriptor busy */
VMI_WRAPPER void vmi_set_tr(uint16_t selector) {
    VMI_ASM(VMI_SITE_FREE(11, 5, 7, "ltr %w[selector]", "{pushl|push} %k[selector]; .byte 0x58; ", "")
            :
            : [selector] "r"(selector)
            : "memory", "cc");
}

/* 12: Store GDTR in the 6 bytes at buffer */
VMI_WRAPPER void vmi_get_gdt(void *buffer) {
    VMI_ASM(VMI_SITE(12, 2, ".byte 0x3e,0x3e,0x0f,0x01,0x00")
            : "+a"(buffer)
            :
            : "ecx", "edx", "memory", "cc");
}

/* 13: Read LDTR, zero-extended */
VMI_WRAPPER uint32_t vmi_get_ldt(void) {
    uint32_t result;
    VMI_ASM(VMI_SITE(13, -1, ".byte 0x31,0xc0,0x66,0x0f,0x00,0xc0")
            : "=a"(result)
            :
            : "ecx", "edx", "cc");
    return result;
}

/* 14: Store IDTR in the 6 bytes at buffer */
VMI_WRAPPER void vmi_get_idt(void *buffer) {
    VMI_ASM(VMI_SITE(14, 2, ".byte 0x3e,0x3e,0x0f,0x01,0x08")
            : "+a"(buffer)
            :
            : "ecx", "edx", "memory", "cc");
}

/* 15: Read the task register, zero-extended */
VMI_WRAPPER uint32_t vmi_get_tr(void) {
    uint32_t result;
    VMI_ASM(VMI_SITE(15, -1, ".byte 0x31,0xc0,0x66,0x0f,0x00,0xc8")
            : "=a"(result)
            :
            : "ecx", "edx", "cc");
    return result;
}

/* 16: Write one GDT descriptor, low dword first */
VMI_WRAPPER void vmi_write_gdt_entry(void *table, uint32_t index, uint64_t entry) {
    uint32_t low = (uint32_t)entry;
    uint32_t high = (uint32_t)(entry >> 32);
    volatile vmi_dword *dwords = (volatile vmi_dword *)((volatile uint64_t *)table + index);
    VMI_ASM(VMI_SITE_FREE(16, 5, 7, "{movl %[low],%[lower]|mov dword ptr %[lower],%[low]}; {movl %[high],%[upper]|mov dword ptr %[upper],%[high]}", "{pushl|push} %[high]; {pushl|push} %[low]; {pushl|push} %[index]; {leal %[table],%%eax|lea eax,%[table]}; .byte 0x5a,0x59; ", "")
            : [lower] "=m"(dwords[0]), [upper] "=m"(dwords[1])
            : [table] "m"(*(const volatile char *)table), [index] VMI_ANY(index), [low] VMI_VALUE(low), [high] VMI_VALUE(high)
            : "cc");
}

/* 16: The same from two dwords, and from memory */
VMI_WRAPPER void vmi_write_gdt_entry_dwords(void *table, uint32_t index, uint32_t low, uint32_t high) {
    vmi_write_gdt_entry(table, index, (uint64_t)high << 32 | low);
}
VMI_WRAPPER void vmi_write_gdt_entry_from(void *table, uint32_t index, const void *entry) {
    const vmi_dword *dwords = (const vmi_dword *)entry;
    vmi_write_gdt_entry_dwords(table, index, dwords[0], dwords[1]);
}

/* 17: Write one LDT descriptor, low dword first */
VMI_WRAPPER void vmi_write_ldt_entry(void *table, uint32_t index, uint64_t entry) {
    uint32_t low = (uint32_t)entry;
    uint32_t high = (uint32_t)(entry >> 32);
    volatile vmi_dword *dwords = (volatile vmi_dword *)((volatile uint64_t *)table + index);
    VMI_ASM(VMI_SITE_FREE(17, 5, 7, "{movl %[low],%[lower]|mov dword ptr %[lower],%[low]}; {movl %[high],%[upper]|mov dword ptr %[upper],%[high]}", "{pushl|push} %[high]; {pushl|push} %[low]; {pushl|push} %[index]; {leal %[table],%%eax|lea eax,%[table]}; .byte 0x5a,0x59; ", "")
            : [lower] "=m"(dwords[0]), [upper] "=m"(dwords[1])
            : [table] "m"(*(const volatile char *)table), [index] VMI_ANY(index), [low] VMI_VALUE(low), [high] VMI_VALUE(high)
            : "cc");
}

/* 17: The same from two dwords, and from memory */
VMI_WRAPPER void vmi_write_ldt_entry_dwords(void *table, uint32_t index, uint32_t low, uint32_t high) {
    vmi_write_ldt_entry(table, index, (uint64_t)high << 32 | low);
}
VMI_WRAPPER void vmi_write_ldt_entry_from(void *table, uint32_t index, const void *entry) {
    const vmi_dword *dwords = (const vmi_dword *)entry;
    vmi_write_ldt_entry_dwords(table, index, dwords[0], dwords[1]);
}

/* 18: Write one IDT gate, low dword first */
VMI_WRAPPER void vmi_write_idt_entry(void *table, uint32_t index, uint64_t entry) {
    uint32_t low = (uint32_t)entry;
    uint32_t high = (uint32_t)(entry >> 32);
    volatile vmi_dword *dwords = (volatile vmi_dword *)((volatile uint64_t *)table + index);
    VMI_ASM(VMI_SITE_FREE(18, 5, 7, "{movl %[low],%[lower]|mov dword ptr %[lower],%[low]}; {movl %[high],%[upper]|mov dword ptr %[upper],%[high]}", "{pushl|push} %[high]; {pushl|push} %[low]; {pushl|push} %[index]; {leal %[table],%%eax|lea eax,%[table]}; .byte 0x5a,0x59; ", "")
            : [lower] "=m"(dwords[0]), [upper] "=m"(dwords[1])
            : [table] "m"(*(const volatile char *)table), [index] VMI_ANY(index), [low] VMI_VALUE(low), [high] VMI_VALUE(high)
            : "cc");
}

/* 18: The same from two dwords, and from memory */
VMI_WRAPPER void vmi_write_idt_entry_dwords(void *table, uint32_t index, uint32_t low, uint32_t high) {
    vmi_write_idt_entry(table, index, (uint64_t)high << 32 | low);
}
VMI_WRAPPER void vmi_write_idt_entry_from(void *table, uint32_t index, const void *entry) {
    const vmi_dword *dwords = (const vmi_dword *)entry;
    vmi_write_idt_entry_dwords(table, index, dwords[0], dwords[1]);
}

/* 19: Announce the stack for the next entry from user mode; the guest stores it in its TSS itself */
VMI_WRAPPER void vmi_update_kernel_stack(const void *tss, uint32_t esp0) {
    VMI_ASM(VMI_SITE_FREE(19, 5, 7, ".byte 0x90", "{pushl|push} %[esp0]; {leal %[tss],%%eax|lea eax,%[tss]}; .byte 0x5a; ", "")
            :
            : [tss] "m"(*(const volatile char *)tss), [esp0] VMI_ANY(esp0)
            : "memory", "cc");
}

/* 19: The same with the store, to ESP0 of a 32-bit TSS */
VMI_WRAPPER void vmi_set_kernel_stack(void *tss, uint32_t esp0) {
    volatile vmi_dword *dwords = (volatile vmi_dword *)tss;
    VMI_ASM(VMI_SITE_FREE(19, 5, 7, "{movl %[esp0],%[stored]|mov dword ptr %[stored],%[esp0]}", "{movl %[esp0],%[stored]|mov dword ptr %[stored],%[esp0]}; {pushl|push} %[esp0]; {leal %[tss],%%eax|lea eax,%[tss]}; .byte 0x5a; ", "")
            : [stored] "=m"(dwords[1])
            : [tss] "m"(*(const volatile char *)tss), [esp0] VMI_VALUE(esp0)
            : "cc");
}

/* 20: Write CR0 */
VMI_WRAPPER void vmi_set_cr0(uint32_t value) {
    VMI_ASM(VMI_SITE_FREE(20, 5, 7, "{mov %[value],%%cr0|mov cr0,%[value]}", "{pushl|push} %[value]; .byte 0x58; ", "")
            :
            : [value] "r"(value)
            : "memory", "cc");
}

/* 21: Write CR2 */
VMI_WRAPPER void vmi_set_cr2(uint32_t value) {
    VMI_ASM(VMI_SITE_FREE(21, 5, 7, "{mov %[value],%%cr2|mov cr2,%[value]}", "{pushl|push} %[value]; .byte 0x58; ", "")
            :
            : [value] "r"(value)
            : "memory", "cc");
}

/* 22: Write CR3 and drop the TLB's non-global entries */
VMI_WRAPPER void vmi_set_cr3(uint32_t value) {
    VMI_ASM(VMI_SITE_FREE(22, 5, 7, "{mov %[value],%%cr3|mov cr3,%[value]}", "{pushl|push} %[value]; .byte 0x58; ", "")
            :
            : [value] "r"(value)
            : "memory", "cc");
}

/* 23: Write CR4 */
VMI_WRAPPER void vmi_set_cr4(uint32_t value) {
    VMI_ASM(VMI_SITE_FREE(23, 5, 7, "{mov %[value],%%cr4|mov cr4,%[value]}", "{pushl|push} %[value]; .byte 0x58; ", "")
            :
            : [value] "r"(value)
            : "memory", "cc");
}

/* 24: Read CR0 */
VMI_WRAPPER uint32_t vmi_get_cr0(void) {
    uint32_t result;
    VMI_ASM(VMI_SITE_FREE(24, 5, 7, "{mov %%cr0,%[result]|mov %[result],cr0}", "", "; {movl %%eax,%[result]|mov %[result],eax}")
            : [result] "=r"(result)
            :
            : "cc");
    return result;
}

/* 25: Read CR2 */
VMI_WRAPPER uint32_t vmi_get_cr2(void) {
    uint32_t result;
    VMI_ASM(VMI_SITE_FREE(25, 5, 7, "{mov %%cr2,%[result]|mov %[result],cr2}", "", "; {movl %%eax,%[result]|mov %[result],eax}")
            : [result] "=r"(result)
            :
            : "cc");
    return result;
}

/* 26: Read CR3 */
VMI_WRAPPER uint32_t vmi_get_cr3(void) {
    uint32_t result;
    VMI_ASM(VMI_SITE_FREE(26, 5, 7, "{mov %%cr3,%[result]|mov %[result],cr3}", "", "; {movl %%eax,%[result]|mov %[result],eax}")
            : [result] "=r"(result)
            :
            : "cc");
    return result;
}

/* 27: Read CR4 */
VMI_WRAPPER uint32_t vmi_get_cr4(void) {
    uint32_t result;
    VMI_ASM(VMI_SITE_FREE(27, 5, 7, "{mov %%cr4,%[result]|mov %[result],cr4}", "", "; {movl %%eax,%[result]|mov %[result],eax}")
            : [result] "=r"(result)
            :
            : "cc");
    return result;
}

/* 28: Deprecated; never drops dirty cache lines */
VMI_WRAPPER void vmi_invd(void) {
    VMI_ASM(VMI_SITE_KEEP(28, 5, 7, ".byte 0x90")
            :
            :
            : "memory", "cc");
}

/* 29: Write back and invalidate the caches */
VMI_WRAPPER void vmi_wbinvd(void) {
    VMI_ASM(VMI_SITE_KEEP(29, 5, 7, ".byte 0x0f,0x09")
            :
            :
            : "memory", "cc");
}

/* 30: Write a debug register; numbers above 7 do nothing */
VMI_WRAPPER void vmi_set_dr(uint32_t number, uint32_t value) {
    if (__builtin_constant_p(number) && number < 8) {
        if (number == 0) {
            VMI_ASM(VMI_SITE_FREE(30, 5, 7, "{mov %[value],%%dr0|mov dr0,%[value]}", "{pushl|push} %[value]; {pushl $0|push 0}; .byte 0x58,0x5a; ", "")
                    :
                    : [value] "r"(value)
                    : "memory", "cc");
        }
        if (number == 1) {
            VMI_ASM(VMI_SITE_FREE(30, 5, 7, "{mov %[value],%%dr1|mov dr1,%[value]}", "{pushl|push} %[value]; {pushl $1|push 1}; .byte 0x58,0x5a; ", "")
                    :
                    : [value] "r"(value)
                    : "memory", "cc");
        }
        if (number == 2) {
            VMI_ASM(VMI_SITE_FREE(30, 5, 7, "{mov %[value],%%dr2|mov dr2,%[value]}", "{pushl|push} %[value]; {pushl $2|push 2}; .byte 0x58,0x5a; ", "")
                    :
                    : [value] "r"(value)
                    : "memory", "cc");
        }
        if (number == 3) {
            VMI_ASM(VMI_SITE_FREE(30, 5, 7, "{mov %[value],%%dr3|mov dr3,%[value]}", "{pushl|push} %[value]; {pushl $3|push 3}; .byte 0x58,0x5a; ", "")
                    :
                    : [value] "r"(value)
                    : "memory", "cc");
        }
        if (number == 4) {
            VMI_ASM(VMI_SITE_FREE(30, 5, 7, "{mov %[value],%%dr4|mov dr4,%[value]}", "{pushl|push} %[value]; {pushl $4|push 4}; .byte 0x58,0x5a; ", "")
                    :
                    : [value] "r"(value)
                    : "memory", "cc");
        }
        if (number == 5) {
            VMI_ASM(VMI_SITE_FREE(30, 5, 7, "{mov %[value],%%dr5|mov dr5,%[value]}", "{pushl|push} %[value]; {pushl $5|push 5}; .byte 0x58,0x5a; ", "")
                    :
                    : [value] "r"(value)
                    : "memory", "cc");
        }
        if (number == 6) {
            VMI_ASM(VMI_SITE_FREE(30, 5, 7, "{mov %[value],%%dr6|mov dr6,%[value]}", "{pushl|push} %[value]; {pushl $6|push 6}; .byte 0x58,0x5a; ", "")
                    :
                    : [value] "r"(value)
                    : "memory", "cc");
        }
        if (number == 7) {
            VMI_ASM(VMI_SITE_FREE(30, 5, 7, "{mov %[value],%%dr7|mov dr7,%[value]}", "{pushl|push} %[value]; {pushl $7|push 7}; .byte 0x58,0x5a; ", "")
                    :
                    : [value] "r"(value)
                    : "memory", "cc");
        }
        return;
    }
    VMI_ASM(VMI_SITE(30, 0, "call vmi_native_set_dr")
            : "+a"(number), "+d"(value)
            :
            : "ecx", "memory", "cc");
}

/* 31: Read a debug register; 0 for numbers above 7 */
VMI_WRAPPER uint32_t vmi_get_dr(uint32_t number) {
    uint32_t result;
    if (__builtin_constant_p(number) && number < 8) {
        if (number == 0) {
            VMI_ASM(VMI_SITE_FREE(31, 5, 7, "{mov %%dr0,%[result]|mov %[result],dr0}", "{pushl $0|push 0}; .byte 0x58; ", "; {movl %%eax,%[result]|mov %[result],eax}")
                    : [result] "=r"(result)
                    :
                    : "cc");
        }
        if (number == 1) {
            VMI_ASM(VMI_SITE_FREE(31, 5, 7, "{mov %%dr1,%[result]|mov %[result],dr1}", "{pushl $1|push 1}; .byte 0x58; ", "; {movl %%eax,%[result]|mov %[result],eax}")
                    : [result] "=r"(result)
                    :
                    : "cc");
        }
        if (number == 2) {
            VMI_ASM(VMI_SITE_FREE(31, 5, 7, "{mov %%dr2,%[result]|mov %[result],dr2}", "{pushl $2|push 2}; .byte 0x58; ", "; {movl %%eax,%[result]|mov %[result],eax}")
                    : [result] "=r"(result)
                    :
                    : "cc");
        }
        if (number == 3) {
            VMI_ASM(VMI_SITE_FREE(31, 5, 7, "{mov %%dr3,%[result]|mov %[result],dr3}", "{pushl $3|push 3}; .byte 0x58; ", "; {movl %%eax,%[result]|mov %[result],eax}")
                    : [result] "=r"(result)
                    :
                    : "cc");
        }
        if (number == 4) {
            VMI_ASM(VMI_SITE_FREE(31, 5, 7, "{mov %%dr4,%[result]|mov %[result],dr4}", "{pushl $4|push 4}; .byte 0x58; ", "; {movl %%eax,%[result]|mov %[result],eax}")
                    : [result] "=r"(result)
                    :
                    : "cc");
        }
        if (number == 5) {
            VMI_ASM(VMI_SITE_FREE(31, 5, 7, "{mov %%dr5,%[result]|mov %[result],dr5}", "{pushl $5|push 5}; .byte 0x58; ", "; {movl %%eax,%[result]|mov %[result],eax}")
                    : [result] "=r"(result)
                    :
                    : "cc");
        }
        if (number == 6) {
            VMI_ASM(VMI_SITE_FREE(31, 5, 7, "{mov %%dr6,%[result]|mov %[result],dr6}", "{pushl $6|push 6}; .byte 0x58; ", "; {movl %%eax,%[result]|mov %[result],eax}")
                    : [result] "=r"(result)
                    :
                    : "cc");
        }
        if (number == 7) {
            VMI_ASM(VMI_SITE_FREE(31, 5, 7, "{mov %%dr7,%[result]|mov %[result],dr7}", "{pushl $7|push 7}; .byte 0x58; ", "; {movl %%eax,%[result]|mov %[result],eax}")
                    : [result] "=r"(result)
                    :
                    : "cc");
        }
        return result;
    }
    VMI_ASM(VMI_SITE(31, 0, "call vmi_native_get_dr")
            : "=a"(result)
            : "a"(number)
            : "ecx", "edx", "cc");
    return result;
}

/* 32: Read a performance counter */
VMI_WRAPPER uint64_t vmi_rdpmc(uint32_t counter) {
    uint32_t result_low, result_high;
    VMI_ASM(VMI_SITE(32, 3, ".byte 0x3e,0x3e,0x3e,0x0f,0x33")
            : "=a"(result_low), "=d"(result_high), "+c"(counter)
            :
            : "cc");
    return (uint64_t)result_high << 32 | result_low;
}

/* 33: Read the time-stamp counter */
VMI_WRAPPER uint64_t vmi_rdtsc(void) {
    uint32_t result_low, result_high;
    VMI_ASM(VMI_SITE(33, 3, ".byte 0x3e,0x3e,0x3e,0x0f,0x31")
            : "=a"(result_low), "=d"(result_high)
            :
            : "ecx", "cc");
    return (uint64_t)result_high << 32 | result_low;
}

/* 34: Clear CR0.TS */
VMI_WRAPPER void vmi_clts(void) {
    VMI_ASM(VMI_SITE_KEEP(34, 5, 7, ".byte 0x0f,0x06")
            :
            :
            : "memory", "cc");
}

/* 35: Set the interrupt flag and let pending interrupts in */
VMI_WRAPPER void vmi_enable_interrupts(void) {
    VMI_ASM(VMI_SITE_KEEP(35, 5, 0, ".byte 0xfb")
            :
            :
            : "memory", "cc");
}

/* 36: Clear the interrupt flag */
VMI_WRAPPER void vmi_disable_interrupts(void) {
    VMI_ASM(VMI_SITE_KEEP(36, 8, 0, ".byte 0xfa")
            :
            :
            : "memory", "cc");
}

/* 37: Read the interrupt flag: 200h when enabled, else 0 */
VMI_WRAPPER uint32_t vmi_get_interrupt_mask(void) {
    uint32_t result;
    VMI_ASM(VMI_SITE_FREE(37, 8, 1, ".byte 0x9c; pop %[result]", "", "; {movl %%eax,%[result]|mov %[result],eax}")
            : [result] "=r"(result)
            :
            : "cc");
    return result;
}

/* 38: Set or clear the interrupt flag by bit 9 of mask; the other bits mean nothing */
VMI_WRAPPER void vmi_set_interrupt_mask(uint32_t mask) {
    VMI_ASM(VMI_SITE_FREE(38, 5, 0, "{pushl|push} %[mask]; .byte 0x9d", "{pushl|push} %[mask]; .byte 0x58; ", "")
            :
            : [mask] VMI_ANY(mask)
            : "memory", "cc");
}

/* 41: Spin-loop hint */
VMI_WRAPPER void vmi_pause(void) {
    VMI_ASM(VMI_SITE_KEEP(41, 5, 7, ".byte 0xf3,0x90")
            :
            :
            : "memory", "cc");
}

/* 42: Enable interrupts and wait for one, with no window between */
VMI_WRAPPER void vmi_halt(void) {
    VMI_ASM(VMI_SITE(42, 3, ".byte 0x3e,0x3e,0x3e,0xfb,0xf4")
            :
            :
            : "eax", "ecx", "edx", "memory", "cc");
}

/* 43: Reset: 0 soft (INIT), 1 hard (the whole machine) */
VMI_WRAPPER void vmi_reboot(uint32_t how) {
    VMI_ASM(VMI_SITE(43, 0, "call vmi_native_reboot")
            :
            : "a"(how)
            : "memory", "cc");
}

/* 44: Stop this processor for good */
VMI_WRAPPER void vmi_shutdown(void) {
    VMI_ASM(VMI_SITE(44, 0, "call vmi_native_shutdown")
            :
            :
            : "memory", "cc");
}

/* 45: Write a 32-bit page-table entry in one store; named SetPxE in 13.0 */
VMI_WRAPPER void vmi_set_pxe0(volatile uint32_t *ptep, uint32_t pte) {
    VMI_ASM(VMI_SITE_FREE(45, 5, 7, "{movl %[pte],%[ptep]|mov dword ptr %[ptep],%[pte]}", "{pushl|push} %[pte]; {leal %[ptep],%%eax|lea eax,%[ptep]}; .byte 0x5a; ", "")
            : [ptep] "=m"(*ptep)
            : [pte] VMI_VALUE(pte)
            : "cc");
}

/* 46: Read a 32-bit page-table entry */
VMI_WRAPPER uint32_t vmi_get_pxe(volatile uint32_t *ptep) {
    uint32_t result;
    VMI_ASM(VMI_SITE_FREE(46, 5, 7, "{movl %[ptep],%[result]|mov %[result],dword ptr %[ptep]}", "{leal %[ptep],%%eax|lea eax,%[ptep]}; ", "; {movl %%eax,%[result]|mov %[result],eax}")
            : [result] "=r"(result)
            : [ptep] "m"(*ptep)
            : "cc");
    return result;
}

/* 47: Exchange a 32-bit page-table entry atomically */
VMI_WRAPPER uint32_t vmi_swap_pxe(volatile uint32_t *ptep, uint32_t pte) {
    uint32_t result;
    VMI_ASM(VMI_SITE_FREE(47, 5, 7, "{xchgl %[pte],%[ptep]|xchg dword ptr %[ptep],%[pte]}", "{pushl|push} %[pte]; {leal %[ptep],%%eax|lea eax,%[ptep]}; .byte 0x5a; ", "; {movl %%eax,%[pte]|mov %[pte],eax}")
            : [ptep] "+m"(*ptep), [pte] "+r"(pte)
            :
            : "memory", "cc");
    result = pte;
    return result;
}

/* 48: Write a 64-bit entry that no TLB can reach, high dword first; named SetPxELong in 13.0 */
VMI_WRAPPER void vmi_set_pxe_long0(uint64_t pte, volatile uint64_t *ptep) {
    uint32_t low = (uint32_t)pte;
    uint32_t high = (uint32_t)(pte >> 32);
    volatile vmi_dword *dwords = (volatile vmi_dword *)ptep;
    VMI_ASM(VMI_SITE_FREE(48, 5, 7, "{movl %[high],%[upper]|mov dword ptr %[upper],%[high]}; {movl %[low],%[ptep]|mov dword ptr %[ptep],%[low]}", "{pushl|push} %[high]; {pushl|push} %[low]; {leal %[ptep],%%ecx|lea ecx,%[ptep]}; .byte 0x58,0x5a; ", "")
            : [ptep] "=m"(dwords[0]), [upper] "=m"(dwords[1])
            : [low] VMI_VALUE(low), [high] VMI_VALUE(high)
            : "cc");
}

/* 49: Read a 64-bit page-table entry without tearing */
VMI_WRAPPER uint64_t vmi_get_pxe_long(volatile uint64_t *ptep) {
    uint32_t result_low, result_high;
    volatile vmi_dword *dwords = (volatile vmi_dword *)ptep;
    VMI_ASM(VMI_SITE_FREE(49, 5, 7, "776: {movl %[ptep],%[result_low]|mov %[result_low],dword ptr %[ptep]}; {movl %[upper],%[result_high]|mov %[result_high],dword ptr %[upper]}; {cmpl %[ptep],%[result_low]|cmp %[result_low],dword ptr %[ptep]}; .byte 0x75,776b-773f", "{leal %[ptep],%%eax|lea eax,%[ptep]}; ", "; .byte 0x52,0x50; pop %[result_low]; pop %[result_high]")
            : [result_low] "=&r"(result_low), [result_high] "=&r"(result_high)
            : [ptep] "m"(dwords[0]), [upper] "m"(dwords[1])
            : "cc");
    return (uint64_t)result_high << 32 | result_low;
}

/* 50: Exchange a 64-bit page-table entry atomically */
VMI_WRAPPER uint64_t vmi_swap_pxe_long_atomic(uint64_t pte, volatile uint64_t *ptep) {
    uint32_t low = (uint32_t)pte;
    uint32_t high = (uint32_t)(pte >> 32);
    uint32_t result_low, result_high;
    VMI_ASM(VMI_SITE(50, -16, ".byte 0x53,0x57,0x89,0xcf,0x89,0xc3,0x89,0xd1,0x8b,0x07,0x8b,0x57,0x04,0xf0,0x0f,0xc7,0x0f,0x75,0xfa,0x5f,0x5b")
            : "=a"(result_low), "=d"(result_high), "+c"(ptep)
            : "a"(low), "d"(high)
            : "memory", "cc");
    return (uint64_t)result_high << 32 | result_low;
}

/* 51: Set a bit of a 32-bit entry atomically; non-zero when it was set */
VMI_WRAPPER uint32_t vmi_test_and_set_pxe_bit(volatile uint32_t *ptep, uint32_t bit) {
    uint32_t result;
    VMI_ASM(VMI_SITE_FREE(51, 5, 7, "lock; {btsl %[bit],%[ptep]|bts dword ptr %[ptep],%[bit]}; {sbbl|sbb} %[result],%[result]", "{pushl|push} %[bit]; {leal %[ptep],%%eax|lea eax,%[ptep]}; .byte 0x5a; ", "; {movl %%eax,%[result]|mov %[result],eax}")
            : [ptep] "+m"(*ptep), [result] "=r"(result)
            : [bit] "Ir"(bit)
            : "memory", "cc");
    return result;
}

/* 52: Clear a bit of a 32-bit entry atomically; non-zero when it was set */
VMI_WRAPPER uint32_t vmi_test_and_clear_pxe_bit(volatile uint32_t *ptep, uint32_t bit) {
    uint32_t result;
    VMI_ASM(VMI_SITE_FREE(52, 5, 7, "lock; {btrl %[bit],%[ptep]|btr dword ptr %[ptep],%[bit]}; {sbbl|sbb} %[result],%[result]", "{pushl|push} %[bit]; {leal %[ptep],%%eax|lea eax,%[ptep]}; .byte 0x5a; ", "; {movl %%eax,%[result]|mov %[result],eax}")
            : [ptep] "+m"(*ptep), [result] "=r"(result)
            : [bit] "Ir"(bit)
            : "memory", "cc");
    return result;
}

/* 53: Announce a frame that is to serve as a page table */
VMI_WRAPPER void vmi_allocate_page(uint32_t pfn, uint32_t flags, uint32_t clone_pfn, uint32_t first, uint32_t count) {
    VMI_ASM(VMI_SITE_FREE(53, 5, 7, ".byte 0x90", "{pushl|push} %[count]; {pushl|push} %[first]; {pushl|push} %[clone_pfn]; {pushl|push} %[flags]; {pushl|push} %[pfn]; .byte 0x58,0x5a,0x59; ", "")
            :
            : [pfn] VMI_ANY(pfn), [flags] VMI_ANY(flags), [clone_pfn] VMI_ANY(clone_pfn), [first] VMI_ANY(first), [count] VMI_ANY(count)
            : "memory", "cc");
}

/* 54: Take back an announced page table */
VMI_WRAPPER void vmi_release_page(uint32_t pfn, uint32_t flags) {
    VMI_ASM(VMI_SITE_FREE(54, 5, 7, ".byte 0x90", "{pushl|push} %[flags]; {pushl|push} %[pfn]; .byte 0x58,0x5a; ", "")
            :
            : [pfn] VMI_ANY(pfn), [flags] VMI_ANY(flags)
            : "memory", "cc");
}

/* 55: Drop the TLB entry of one page */
VMI_WRAPPER void vmi_inval_page(uint32_t linear) {
    VMI_ASM(VMI_SITE_FREE(55, 5, 7, "invlpg %[linear]", "{leal %[linear],%%eax|lea eax,%[linear]}; ", "")
            :
            : [linear] "m"(*(volatile char *)linear)
            : "memory", "cc");
}

/* 56: Drop the TLB; global pages too when bit 1 is set */
VMI_WRAPPER void vmi_flush_tlb(uint32_t flags) {
    VMI_ASM(VMI_SITE(56, -25, ".byte 0xa8,0x02,0x74,0x14,0x0f,0x20,0xe1,0x0f,0xba,0xf1,0x07,0x73,0x0b,0x0f,0x22,0xe1,0x80,0xc9,0x80,0x0f,0x22,0xe1,0xeb,0x06,0x0f,0x20,0xd8,0x0f,0x22,0xd8")
            : "+a"(flags)
            :
            : "ecx", "edx", "memory", "cc");
}

/* 57: Carry out what a hypervisor may have queued */
VMI_WRAPPER void vmi_flush_deferred_calls(uint32_t what) {
    VMI_ASM(VMI_SITE_FREE(57, 5, 7, ".byte 0x90", "{pushl|push} %[what]; .byte 0x58; ", "")
            :
            : [what] VMI_ANY(what)
            : "memory", "cc");
}

/* 58: Tell where page tables are mapped */
VMI_WRAPPER void vmi_set_linear_mapping(uint32_t slot, uint32_t linear, uint32_t pages, uint32_t pfn) {
    VMI_ASM(VMI_SITE_FREE(58, 5, 7, ".byte 0x90", "{pushl|push} %[pfn]; {pushl|push} %[pages]; {pushl|push} %[linear]; {pushl|push} %[slot]; .byte 0x58,0x5a,0x59; ", "")
            :
            : [slot] VMI_ANY(slot), [linear] VMI_ANY(linear), [pages] VMI_ANY(pages), [pfn] VMI_ANY(pfn)
            : "memory", "cc");
}

/* 59: Read a 32-bit port; named INL in 3.0 */
VMI_WRAPPER uint32_t vmi_in(uint16_t port) {
    uint32_t result;
    VMI_ASM(VMI_SITE(59, 4, ".byte 0x3e,0x3e,0x3e,0x3e,0xed")
            : "=a"(result)
            : "d"(port)
            : "memory", "cc");
    return result;
}

/* 60: Read an 8-bit port; the rest of EAX stays */
VMI_WRAPPER uint8_t vmi_inb(uint16_t port) {
    uint8_t result;
    VMI_ASM(VMI_SITE(60, 4, ".byte 0x3e,0x3e,0x3e,0x3e,0xec")
            : "=a"(result)
            : "d"(port)
            : "memory", "cc");
    return result;
}

/* 61: Read a 16-bit port; the rest of EAX stays */
VMI_WRAPPER uint16_t vmi_inw(uint16_t port) {
    uint16_t result;
    VMI_ASM(VMI_SITE(61, 3, ".byte 0x3e,0x3e,0x3e,0x66,0xed")
            : "=a"(result)
            : "d"(port)
            : "memory", "cc");
    return result;
}

/* 62: Read count dwords from a port; named INSL in 3.0 */
VMI_WRAPPER void vmi_ins(uint16_t port, void *buffer, uint32_t count) {
    VMI_ASM(VMI_SITE(62, 3, ".byte 0x3e,0x3e,0x3e,0xf3,0x6d")
            : "+D"(buffer), "+c"(count)
            : "d"(port)
            : "memory", "cc");
}

/* 63: Read count bytes from a port */
VMI_WRAPPER void vmi_insb(uint16_t port, void *buffer, uint32_t count) {
    VMI_ASM(VMI_SITE(63, 3, ".byte 0x3e,0x3e,0x3e,0xf3,0x6c")
            : "+D"(buffer), "+c"(count)
            : "d"(port)
            : "memory", "cc");
}

/* 64: Read count words from a port */
VMI_WRAPPER void vmi_insw(uint16_t port, void *buffer, uint32_t count) {
    VMI_ASM(VMI_SITE(64, 2, ".byte 0x3e,0x3e,0xf3,0x66,0x6d")
            : "+D"(buffer), "+c"(count)
            : "d"(port)
            : "memory", "cc");
}

/* 65: Write a 32-bit port; named OUTL in 3.0 */
VMI_WRAPPER void vmi_out(uint16_t port, uint32_t data) {
    VMI_ASM(VMI_SITE(65, 4, ".byte 0x3e,0x3e,0x3e,0x3e,0xef")
            :
            : "d"(port), "a"(data)
            : "memory", "cc");
}

/* 66: Write an 8-bit port */
VMI_WRAPPER void vmi_outb(uint16_t port, uint8_t data) {
    VMI_ASM(VMI_SITE(66, 4, ".byte 0x3e,0x3e,0x3e,0x3e,0xee")
            :
            : "d"(port), "a"(data)
            : "memory", "cc");
}

/* 67: Write a 16-bit port */
VMI_WRAPPER void vmi_outw(uint16_t port, uint16_t data) {
    VMI_ASM(VMI_SITE(67, 3, ".byte 0x3e,0x3e,0x3e,0x66,0xef")
            :
            : "d"(port), "a"(data)
            : "memory", "cc");
}

/* 68: Write count dwords to a port; named OUTSL in 3.0 */
VMI_WRAPPER void vmi_outs(uint16_t port, const void *buffer, uint32_t count) {
    VMI_ASM(VMI_SITE(68, 3, ".byte 0x3e,0x3e,0x3e,0xf3,0x6f")
            : "+S"(buffer), "+c"(count)
            : "d"(port)
            : "memory", "cc");
}

/* 69: Write count bytes to a port */
VMI_WRAPPER void vmi_outsb(uint16_t port, const void *buffer, uint32_t count) {
    VMI_ASM(VMI_SITE(69, 3, ".byte 0x3e,0x3e,0x3e,0xf3,0x6e")
            : "+S"(buffer), "+c"(count)
            : "d"(port)
            : "memory", "cc");
}

/* 70: Write count words to a port */
VMI_WRAPPER void vmi_outsw(uint16_t port, const void *buffer, uint32_t count) {
    VMI_ASM(VMI_SITE(70, 2, ".byte 0x3e,0x3e,0xf3,0x66,0x6f")
            : "+S"(buffer), "+c"(count)
            : "d"(port)
            : "memory", "cc");
}

/* 71: Set EFLAGS.IOPL from bits 12 and 13 */
VMI_WRAPPER void vmi_set_iopl_mask(uint32_t iopl) {
    VMI_ASM(VMI_SITE(71, -12, ".byte 0x25,0x00,0x30,0x00,0x00,0x9c,0x81,0x24,0x24,0xff,0xcf,0xff,0xff,0x09,0x04,0x24,0x9d")
            : "+a"(iopl)
            :
            : "ecx", "edx", "memory", "cc");
}

/* 72: Clear a 64-bit entry, low dword first and atomically, and return it */
VMI_WRAPPER uint64_t vmi_deactivate_pxe_long_atomic(volatile uint64_t *ptep) {
    uint32_t result_low, result_high;
    VMI_ASM(VMI_SITE(72, -11, ".byte 0x89,0xc1,0x31,0xc0,0x87,0x01,0x8b,0x51,0x04,0xc7,0x41,0x04,0x00,0x00,0x00,0x00")
            : "=a"(result_low), "=d"(result_high)
            : "a"(ptep)
            : "ecx", "memory", "cc");
    return (uint64_t)result_high << 32 | result_low;
}

/* 73: Set a bit of a 64-bit entry atomically; non-zero when it was set */
VMI_WRAPPER uint32_t vmi_test_and_set_pxe_long_bit(volatile uint64_t *ptep, uint32_t bit) {
    uint32_t result;
    volatile vmi_dword *dwords = (volatile vmi_dword *)ptep;
    VMI_ASM(VMI_SITE_FREE(73, 5, 7, "lock; {btsl %[bit],%[ptep]|bts dword ptr %[ptep],%[bit]}; {sbbl|sbb} %[result],%[result]", "{pushl|push} %[bit]; {leal %[ptep],%%eax|lea eax,%[ptep]}; .byte 0x5a; ", "; {movl %%eax,%[result]|mov %[result],eax}")
            : [ptep] "+m"(dwords[0]), [result] "=r"(result)
            : [bit] "Ir"(bit)
            : "memory", "cc");
    return result;
}

/* 74: Clear a bit of a 64-bit entry atomically; non-zero when it was set */
VMI_WRAPPER uint32_t vmi_test_and_clear_pxe_long_bit(volatile uint64_t *ptep, uint32_t bit) {
    uint32_t result;
    volatile vmi_dword *dwords = (volatile vmi_dword *)ptep;
    VMI_ASM(VMI_SITE_FREE(74, 5, 7, "lock; {btrl %[bit],%[ptep]|btr dword ptr %[ptep],%[bit]}; {sbbl|sbb} %[result],%[result]", "{pushl|push} %[bit]; {leal %[ptep],%%eax|lea eax,%[ptep]}; .byte 0x5a; ", "; {movl %%eax,%[result]|mov %[result],eax}")
            : [ptep] "+m"(dwords[0]), [result] "=r"(result)
            : [bit] "Ir"(bit)
            : "memory", "cc");
    return result;
}

/* 75: Give a processor the state that it is to start in */
VMI_WRAPPER void vmi_set_initial_ap_state(uint32_t apstate, uint32_t apic_id) {
    VMI_ASM(VMI_SITE_FREE(75, 5, 7, ".byte 0x90", "{pushl|push} %[apic_id]; {pushl|push} %[apstate]; .byte 0x58,0x5a; ", "")
            :
            : [apstate] VMI_ANY(apstate), [apic_id] VMI_ANY(apic_id)
            : "memory", "cc");
}

/* 76: Write the local APIC register at a linear address */
VMI_WRAPPER void vmi_apic_write(volatile uint32_t *apic_register, uint32_t value) {
    VMI_ASM(VMI_SITE_FREE(76, 5, 7, "{movl %[value],%[apic_register]|mov dword ptr %[apic_register],%[value]}", "{pushl|push} %[value]; {leal %[apic_register],%%eax|lea eax,%[apic_register]}; .byte 0x5a; ", "")
            : [apic_register] "=m"(*apic_register)
            : [value] VMI_VALUE(value)
            : "cc");
}

/* 77: Read the local APIC register at a linear address */
VMI_WRAPPER uint32_t vmi_apic_read(volatile uint32_t *apic_register) {
    uint32_t result;
    VMI_ASM(VMI_SITE_FREE(77, 5, 7, "{movl %[apic_register],%[result]|mov %[result],dword ptr %[apic_register]}", "{leal %[apic_register],%%eax|lea eax,%[apic_register]}; ", "; {movl %%eax,%[result]|mov %[result],eax}")
            : [result] "=r"(result)
            : [apic_register] "m"(*apic_register)
            : "cc");
    return result;
}

/* 78: Wait one slow bus cycle */
VMI_WRAPPER void vmi_io_delay(void) {
    VMI_ASM(VMI_SITE_KEEP(78, 5, 7, ".byte 0xe6,0x80")
            :
            :
            : "memory", "cc");
}

/* 79: Cycles per second of the counters; 0 when there is no VMI timer */
VMI_WRAPPER uint64_t vmi_get_cycle_frequency(void) {
    uint32_t result_low, result_high;
    VMI_ASM(VMI_SITE(79, 2, ".byte 0x3e,0x3e,0x31,0xc0,0x99")
            : "=a"(result_low), "=d"(result_high)
            :
            : "ecx", "cc");
    return (uint64_t)result_high << 32 | result_low;
}

/* 80: Read the real (0), available (1) or stolen (2) cycle counter */
VMI_WRAPPER uint64_t vmi_get_cycle_counter(uint32_t counter) {
    uint32_t result_low, result_high;
    VMI_ASM(VMI_SITE(80, -7, ".byte 0x83,0xf8,0x01,0x77,0x04,0x0f,0x31,0xeb,0x03,0x31,0xc0,0x99")
            : "=a"(result_low), "=d"(result_high)
            : "a"(counter)
            : "ecx", "cc");
    return (uint64_t)result_high << 32 | result_low;
}

/* 81: Arm a counter's alarm */
VMI_WRAPPER void vmi_set_alarm(uint32_t flags, uint64_t expiry, uint64_t period) {
    uint32_t expiry_low = (uint32_t)expiry;
    uint32_t expiry_high = (uint32_t)(expiry >> 32);
    uint32_t period_low = (uint32_t)period;
    uint32_t period_high = (uint32_t)(period >> 32);
    VMI_ASM(VMI_SITE_FREE(81, 5, 7, ".byte 0x90", "{pushl|push} %[period_high]; {pushl|push} %[period_low]; {pushl|push} %[expiry_high]; {pushl|push} %[expiry_low]; {pushl|push} %[flags]; .byte 0x58,0x5a,0x59; ", "")
            :
            : [flags] VMI_ANY(flags), [expiry_low] VMI_ANY(expiry_low), [expiry_high] VMI_ANY(expiry_high), [period_low] VMI_ANY(period_low), [period_high] VMI_ANY(period_high)
            : "memory", "cc");
}

/* 82: Disarm a counter's alarm */
VMI_WRAPPER uint32_t vmi_cancel_alarm(uint32_t flags) {
    uint32_t result;
    VMI_ASM(VMI_SITE(82, 3, ".byte 0x3e,0x3e,0x3e,0x31,0xc0")
            : "=a"(result)
            : "a"(flags)
            : "ecx", "edx", "memory", "cc");
    return result;
}

/* 83: Nanoseconds since 1970-01-01 UTC; 0 when unknown */
VMI_WRAPPER uint64_t vmi_get_wallclock_time(void) {
    uint32_t result_low, result_high;
    VMI_ASM(VMI_SITE(83, 2, ".byte 0x3e,0x3e,0x31,0xc0,0x99")
            : "=a"(result_low), "=d"(result_high)
            :
            : "ecx", "cc");
    return (uint64_t)result_high << 32 | result_low;
}

/* 84: 1 when the wall clock jumped since the last question */
VMI_WRAPPER uint32_t vmi_wallclock_updated(void) {
    uint32_t result;
    VMI_ASM(VMI_SITE(84, 3, ".byte 0x3e,0x3e,0x3e,0x31,0xc0")
            : "=a"(result)
            :
            : "ecx", "edx", "memory", "cc");
    return result;
}

/* 86: Write a 32-bit page-table entry in one store */
VMI_WRAPPER void vmi_set_pxe(uint32_t pte, volatile uint32_t *ptep, uint32_t flags) {
    VMI_ASM(VMI_SITE_FREE(86, 5, 7, "{movl %[pte],%[ptep]|mov dword ptr %[ptep],%[pte]}", "{pushl|push} %[flags]; {pushl|push} %[pte]; {leal %[ptep],%%edx|lea edx,%[ptep]}; .byte 0x58,0x59; ", "")
            : [ptep] "=m"(*ptep)
            : [pte] VMI_VALUE(pte), [flags] VMI_ANY(flags)
            : "cc");
}

/* 87: Write a 64-bit entry that no TLB can reach, high dword first */
VMI_WRAPPER void vmi_set_pxe_long(uint64_t pte, volatile uint64_t *ptep, uint32_t flags) {
    uint32_t low = (uint32_t)pte;
    uint32_t high = (uint32_t)(pte >> 32);
    volatile vmi_dword *dwords = (volatile vmi_dword *)ptep;
    VMI_ASM(VMI_SITE_FREE(87, 5, 7, "{movl %[high],%[upper]|mov dword ptr %[upper],%[high]}; {movl %[low],%[ptep]|mov dword ptr %[ptep],%[low]}", "{pushl|push} %[flags]; {pushl|push} %[high]; {pushl|push} %[low]; {leal %[ptep],%%ecx|lea ecx,%[ptep]}; .byte 0x58,0x5a; ", "")
            : [ptep] "=m"(dwords[0]), [upper] "=m"(dwords[1])
            : [low] VMI_VALUE(low), [high] VMI_VALUE(high), [flags] VMI_ANY(flags)
            : "cc");
}

/* 88: Announce the stack for the next entry from user mode */
VMI_WRAPPER void vmi3_update_kernel_stack(uint16_t ss, uint32_t esp0) {
    VMI_ASM(VMI_SITE_FREE(88, 5, 7, ".byte 0x90", "{pushl|push} %[esp0]; {pushl|push} %k[ss]; .byte 0x58,0x5a; ", "")
            :
            : [ss] VMI_VALUE(ss), [esp0] VMI_ANY(esp0)
            : "memory", "cc");
}

/* 89: Tell that the guest changed a 32-bit entry itself */
VMI_WRAPPER void vmi3_update_pxe(volatile uint32_t *ptep, uint32_t flags) {
    VMI_ASM(VMI_SITE_FREE(89, 5, 7, ".byte 0x90", "{pushl|push} %[flags]; {leal %[ptep],%%eax|lea eax,%[ptep]}; .byte 0x5a; ", "")
            :
            : [ptep] "m"(*ptep), [flags] VMI_ANY(flags)
            : "memory", "cc");
}

/* 90: Tell that the guest changed a 64-bit entry itself */
VMI_WRAPPER void vmi3_update_pxe_long(volatile uint64_t *ptep, uint32_t flags) {
    VMI_ASM(VMI_SITE_FREE(90, 5, 7, ".byte 0x90", "{pushl|push} %[flags]; {leal %[ptep],%%eax|lea eax,%[ptep]}; .byte 0x5a; ", "")
            :
            : [ptep] "m"(*ptep), [flags] VMI_ANY(flags)
            : "memory", "cc");
}

/* 91: Reserved for direct paging; the identity */
VMI_WRAPPER uint32_t vmi3_machine_to_physical(uint32_t value) {
    uint32_t result;
    VMI_ASM(VMI_SITE(91, 4, ".byte 0x3e,0x3e,0x3e,0x3e,0x90")
            : "=a"(result)
            : "a"(value)
            : "ecx", "edx", "memory", "cc");
    return result;
}

/* 92: Reserved for direct paging; the identity */
VMI_WRAPPER uint32_t vmi3_physical_to_machine(uint32_t value) {
    uint32_t result;
    VMI_ASM(VMI_SITE(92, 4, ".byte 0x3e,0x3e,0x3e,0x3e,0x90")
            : "=a"(result)
            : "a"(value)
            : "ecx", "edx", "memory", "cc");
    return result;
}

/* 93: Announce a frame that is to serve as a page table; flag values of 3.0 */
VMI_WRAPPER void vmi3_allocate_page(uint32_t pfn, uint32_t flags, uint32_t clone_pfn, uint32_t first, uint32_t count) {
    VMI_ASM(VMI_SITE_FREE(93, 5, 7, ".byte 0x90", "{pushl|push} %[count]; {pushl|push} %[first]; {pushl|push} %[clone_pfn]; {pushl|push} %[flags]; {pushl|push} %[pfn]; .byte 0x58,0x5a,0x59; ", "")
            :
            : [pfn] VMI_ANY(pfn), [flags] VMI_ANY(flags), [clone_pfn] VMI_ANY(clone_pfn), [first] VMI_ANY(first), [count] VMI_ANY(count)
            : "memory", "cc");
}

/* 94: Take back an announced page table; flag values of 3.0 */
VMI_WRAPPER void vmi3_release_page(uint32_t pfn, uint32_t flags) {
    VMI_ASM(VMI_SITE_FREE(94, 5, 7, ".byte 0x90", "{pushl|push} %[flags]; {pushl|push} %[pfn]; .byte 0x58,0x5a; ", "")
            :
            : [pfn] VMI_ANY(pfn), [flags] VMI_ANY(flags)
            : "memory", "cc");
}

/* 95: Give a processor the state that it is to start in, at a linear address */
VMI_WRAPPER void vmi3_set_initial_ap_state(uint32_t apstate, uint32_t apic_id) {
    VMI_ASM(VMI_SITE_FREE(95, 5, 7, ".byte 0x90", "{pushl|push} %[apic_id]; {pushl|push} %[apstate]; .byte 0x58,0x5a; ", "")
            :
            : [apstate] VMI_ANY(apstate), [apic_id] VMI_ANY(apic_id)
            : "memory", "cc");
}

/* 99: Tell what may be queued; lowering the mode carries it out */
VMI_WRAPPER void vmi3_set_lazy_mode(uint32_t mode) {
    VMI_ASM(VMI_SITE_FREE(99, 5, 7, ".byte 0x90", "{pushl|push} %[mode]; .byte 0x58; ", "")
            :
            : [mode] VMI_ANY(mode)
            : "memory", "cc");
}

#ifdef __clang__
#pragma clang diagnostic pop
#endif

/* Sites have call numbers of API 13, and behind them the slots of the calls that only API 3.0 has. */
#define VMI_SITE_CALL_LAST 99

/* The native bodies of the calls whose sites may have any registers: call, size, bytes; 0 behind the last. */
#define VMI_NATIVE_BODIES { \
    9, 3, 0x0f, 0x00, 0xd0, \
    11, 3, 0x0f, 0x00, 0xd8, \
    19, 0, \
    20, 3, 0x0f, 0x22, 0xc0, \
    21, 3, 0x0f, 0x22, 0xd0, \
    22, 3, 0x0f, 0x22, 0xd8, \
    23, 3, 0x0f, 0x22, 0xe0, \
    24, 3, 0x0f, 0x20, 0xc0, \
    25, 3, 0x0f, 0x20, 0xd0, \
    26, 3, 0x0f, 0x20, 0xd8, \
    27, 3, 0x0f, 0x20, 0xe0, \
    28, 0, \
    29, 2, 0x0f, 0x09, \
    34, 2, 0x0f, 0x06, \
    35, 1, 0xfb, \
    36, 1, 0xfa, \
    37, 7, 0x9c, 0x58, 0x25, 0x00, 0x02, 0x00, 0x00, \
    38, 9, 0xf6, 0xc4, 0x02, 0x74, 0x03, 0xfb, 0xc3, 0x90, 0xfa, \
    41, 2, 0xf3, 0x90, \
    45, 2, 0x89, 0x10, \
    46, 2, 0x8b, 0x00, \
    47, 4, 0x87, 0x10, 0x89, 0xd0, \
    48, 5, 0x89, 0x51, 0x04, 0x89, 0x01, \
    49, 11, 0x89, 0xc1, 0x8b, 0x01, 0x8b, 0x51, 0x04, 0x3b, 0x01, 0x75, 0xf7, \
    51, 6, 0xf0, 0x0f, 0xab, 0x10, 0x19, 0xc0, \
    52, 6, 0xf0, 0x0f, 0xb3, 0x10, 0x19, 0xc0, \
    53, 0, \
    54, 0, \
    55, 3, 0x0f, 0x01, 0x38, \
    57, 2, 0x31, 0xc0, \
    58, 0, \
    73, 6, 0xf0, 0x0f, 0xab, 0x10, 0x19, 0xc0, \
    74, 6, 0xf0, 0x0f, 0xb3, 0x10, 0x19, 0xc0, \
    75, 0, \
    76, 2, 0x89, 0x10, \
    77, 2, 0x8b, 0x00, \
    78, 2, 0xe6, 0x80, \
    81, 0, \
    86, 2, 0x89, 0x02, \
    87, 5, 0x89, 0x51, 0x04, 0x89, 0x01, \
    88, 0, \
    89, 0, \
    90, 0, \
    93, 0, \
    94, 0, \
    95, 0, \
    99, 0, \
    0 \
    }

/* The number of each in API 3.0, VMI_NOT_IN_3 for none. */
#define VMI_NOT_IN_3 0xFF
#define VMI_NUMBERS_IN_3 { \
    0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, \
    11, 12, 13, 0xFF, 15, 16, 17, 18, 19, 20, 21, 22, 0xFF, 23, 24, 25, \
    26, 27, 28, 29, 30, 31, 32, 33, 34, 0xFF, 35, 36, 37, 0xFF, 0xFF, 0xFF, \
    0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 46, 47, 0xFF, 48, 49, 50, 51, 52, 53, \
    54, 55, 56, 57, 58, 59, 60, 61, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 65, 66, \
    67, 68, 69, 70, 71, 0xFF, 38, 39, 14, 40, 41, 42, 43, 44, 45, 62, \
    63, 64, 0xFF, 73, \
    }

#endif
