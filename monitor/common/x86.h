/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* The processor: registers, exceptions, descriptors, page tables, and the instructions that C has
 * no words for. Names and values: AMD64 Architecture Programmer's Manual, volumes 2 and 3. */
#ifndef MONITOR_X86_H
#define MONITOR_X86_H

#include <stdint.h>

#define PAGE_SIZE 4096u

#define CR0_PE 0x00000001u
#define CR0_TS 0x00000008u
#define CR0_ET 0x00000010u
#define CR0_WP 0x00010000u
#define CR0_NW 0x20000000u
#define CR0_CD 0x40000000u
#define CR0_PG 0x80000000u

#define CR4_DE      0x00000008u
#define CR4_PSE     0x00000010u
#define CR4_PAE     0x00000020u
#define CR4_LA57    0x00001000u
#define CR4_PCIDE   0x00020000u
#define CR4_OSXSAVE 0x00040000u
#define CR4_SMAP    0x00200000u
#define CR4_PKE     0x00400000u

#define DR6_BD   0x00002000u
#define DR6_BS   0x00004000u
#define DR7_GD   0x00002000u
#define DR7_LE   0x00000100u /* without effect */
#define DR7_ONES 0x00000400u

#define RFLAGS_TF   0x00000100u
#define RFLAGS_IF   0x00000200u
#define RFLAGS_DF   0x00000400u
#define RFLAGS_IOPL 0x00003000u
#define RFLAGS_NT   0x00004000u
#define RFLAGS_RF   0x00010000u
#define RFLAGS_VM   0x00020000u
#define RFLAGS_AC   0x00040000u

#define EFER_SCE 0x0001u
#define EFER_LME 0x0100u
#define EFER_LMA 0x0400u
#define EFER_NXE 0x0800u

#define MSR_TSC            0x00000010u
#define MSR_APIC_BASE      0x0000001Bu
#define MSR_SYSENTER_CS    0x00000174u
#define MSR_SYSENTER_ESP   0x00000175u
#define MSR_SYSENTER_EIP   0x00000176u
#define MSR_PAT            0x00000277u
#define MSR_EFER           0xC0000080u
#define MSR_STAR           0xC0000081u
#define MSR_LSTAR          0xC0000082u
#define MSR_CSTAR          0xC0000083u
#define MSR_SFMASK         0xC0000084u
#define MSR_FS_BASE        0xC0000100u
#define MSR_GS_BASE        0xC0000101u
#define MSR_KERNEL_GS_BASE 0xC0000102u

#define VECTOR_DB  1u
#define VECTOR_NMI 2u
#define VECTOR_UD  6u
#define VECTOR_DF  8u
#define VECTOR_TS  10u
#define VECTOR_NP  11u
#define VECTOR_SS  12u
#define VECTOR_GP  13u
#define VECTOR_PF  14u
#define VECTOR_AC  17u

/* Error code of #PF. */
#define PF_P    0x01u
#define PF_W    0x02u
#define PF_RSVD 0x08u

/* An entry of a page table. */
#define ENTRY_P  0x001u
#define ENTRY_RW 0x002u
#define ENTRY_US 0x004u
#define ENTRY_A  0x020u
#define ENTRY_D  0x040u
#define ENTRY_PS 0x080u
#define ENTRY_NX (1ull << 63)

#define SELECTOR_LDT   0x0004u
#define SELECTOR_INDEX 0xFFFCu /* with the table: an error code, and 0 of a null selector */

/* A segment as it is loaded. attrib: bits 0 to 7 are the descriptor's byte 5, bits 8 to 11 the high
 * half of its byte 6. */
struct segment {
    uint16_t selector, attrib;
    uint32_t limit;
    uint64_t base;
};

#define ATTRIB_P         0x080u
#define ATTRIB_DPL_SHIFT 5
#define ATTRIB_DPL       0x060u
#define ATTRIB_L         0x200u
#define ATTRIB_DB        0x400u
#define ATTRIB_G         0x800u

#define TYPE_MASK       0x1Fu /* with S, clear in system descriptors */
#define TYPE_ACCESSED   0x01u
#define TYPE_WRITABLE   0x02u /* data */
#define TYPE_CONFORMING 0x04u /* code */
#define TYPE_CODE       0x08u
#define TYPE_S          0x10u
#define TYPE_LDT        0x02u
#define TYPE_TSS_16     0x01u
#define TYPE_TSS_32     0x09u
#define TYPE_TSS_BUSY   0x02u

#define LEAF_FEATURES     0x00000001u /* EAX is the signature, too */
#define LEAF_AMD_FEATURES 0x80000001u
#define LEAF_ADDRESSES    0x80000008u

struct cpuid {
    uint32_t eax, ebx, ecx, edx;
};

static inline struct cpuid cpuid(uint32_t leaf, uint32_t subleaf) {
    struct cpuid r = {leaf, 0, subleaf, 0};
    __asm__ volatile("cpuid" : "+a"(r.eax), "=b"(r.ebx), "+c"(r.ecx), "=d"(r.edx));
    return r;
}

static inline uint64_t rdmsr(uint32_t msr) {
    uint32_t low, high;
    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
    return (uint64_t)high << 32 | low;
}

static inline void wrmsr(uint32_t msr, uint64_t value) {
    __asm__ volatile("wrmsr" ::"c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}

/* The cycle counter. The guest's own TSC may have been set. */
static inline uint64_t read_tsc(void) {
    uint32_t low, high;
    __asm__ volatile("lfence\n\trdtsc" : "=a"(low), "=d"(high)::"memory");
    return low | (uint64_t)high << 32;
}

/* DR0 to DR3. The numbers are in the instructions. */
static inline uint64_t read_breakpoint(unsigned number) {
    uint64_t value;
    switch (number) {
    case 0:
        __asm__ volatile("mov %%dr0, %0" : "=r"(value));
        break;
    case 1:
        __asm__ volatile("mov %%dr1, %0" : "=r"(value));
        break;
    case 2:
        __asm__ volatile("mov %%dr2, %0" : "=r"(value));
        break;
    default:
        __asm__ volatile("mov %%dr3, %0" : "=r"(value));
        break;
    }
    return value;
}

static inline void write_breakpoint(unsigned number, uint64_t value) {
    switch (number) {
    case 0:
        __asm__ volatile("mov %0, %%dr0" ::"r"(value));
        break;
    case 1:
        __asm__ volatile("mov %0, %%dr1" ::"r"(value));
        break;
    case 2:
        __asm__ volatile("mov %0, %%dr2" ::"r"(value));
        break;
    default:
        __asm__ volatile("mov %0, %%dr3" ::"r"(value));
        break;
    }
}

static inline uint64_t read_dr7(void) {
    uint64_t value;
    __asm__ volatile("mov %%dr7, %0" : "=r"(value));
    return value;
}

static inline void write_dr7(uint64_t value) {
    __asm__ volatile("mov %0, %%dr7" ::"r"(value));
}

static inline void outb(uint16_t port, uint8_t value) {
    __asm__ volatile("outb %0, %1" ::"a"(value), "Nd"(port));
}

static inline uint8_t inb(uint16_t port) {
    uint8_t value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

#endif
