/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The operations as the bare machine has them, and the patching of the places that call them. */
#include "kernel.h"

uint32_t pv_count[PV_OPS], pv_site_count[PV_OPS];
uint8_t pv_in_rom[PV_OPS];
const char *pv_name = "bare hardware";
int is_pae;

/* ---- Native operations ---- */

/* Kernels call the four of the interrupt flag from places where nothing but EAX may change. What
 * saves ECX and EDX is a function around the native one, and is left out where that is patched in.
 */
#define KEEPS_REGISTERS(name)                                                                      \
    void name(void);                                                                               \
    __asm__(#name ": pushl %ecx; pushl %edx; call " #name "_inside; popl %edx; popl %ecx; ret")

__attribute__((used)) static REGPARM void native_irq_disable_inside(void) {
    __asm__ volatile("cli" : : : "memory");
}
__attribute__((used)) static REGPARM void native_irq_enable_inside(void) {
    __asm__ volatile("sti" : : : "memory");
}
__attribute__((used)) static REGPARM uint32_t native_save_fl_inside(void) {
    return read_eflags();
}
__attribute__((used)) static REGPARM void native_restore_fl_inside(uint32_t flags) {
    write_eflags(flags);
}
KEEPS_REGISTERS(native_irq_disable);
KEEPS_REGISTERS(native_irq_enable);
KEEPS_REGISTERS(native_save_fl);
KEEPS_REGISTERS(native_restore_fl);
static REGPARM void native_safe_halt(void) {
    __asm__ volatile("sti; hlt" : : : "memory");
}
static REGPARM void native_cpuid_op(uint32_t *regs) {
    native_cpuid(regs[0], regs[2], regs);
}
static REGPARM uint32_t native_get_dr(uint32_t number) {
    return number == 7 ? read_dr7() : number == 6 ? read_dr6() : read_dr0();
}
static REGPARM void native_set_dr(uint32_t number, uint32_t value) {
    if (number == 7) {
        write_dr7(value);
    } else if (number == 6) {
        write_dr6(value);
    } else {
        write_dr0(value);
    }
}
static REGPARM void native_clts(void) {
    __asm__ volatile("clts");
}
static REGPARM uint32_t native_read_cr0(void) {
    return read_cr0();
}
static REGPARM void native_write_cr0(uint32_t value) {
    write_cr0(value);
}
static REGPARM uint32_t native_read_cr2(void) {
    return read_cr2();
}
static REGPARM void native_write_cr2(uint32_t value) {
    write_cr2(value);
}
static REGPARM uint32_t native_read_cr3(void) {
    return read_cr3();
}
static REGPARM void native_write_cr3(uint32_t value) {
    write_cr3(value);
}
static REGPARM uint32_t native_read_cr4(void) {
    return read_cr4();
}
static REGPARM void native_write_cr4(uint32_t value) {
    write_cr4(value);
}
static REGPARM void native_wbinvd(void) {
    __asm__ volatile("wbinvd" : : : "memory");
}
static REGPARM uint64_t native_read_tsc(void) {
    return native_rdtsc();
}
static REGPARM void native_load_tr(void) {
    __asm__ volatile("ltr %w0" : : "r"(SEL_TSS));
}
static REGPARM void native_load_gdt(const uint16_t *limit) {
    __asm__ volatile("lgdt %0" : : "m"(*(const uint8_t(*)[6])limit));
}
static REGPARM void native_load_idt(const uint16_t *limit) {
    __asm__ volatile("lidt %0" : : "m"(*(const uint8_t(*)[6])limit));
}
static REGPARM void native_store_gdt(uint16_t *limit) {
    __asm__ volatile("sgdt %0" : "=m"(*(uint8_t(*)[6])limit));
}
static REGPARM void native_store_idt(uint16_t *limit) {
    __asm__ volatile("sidt %0" : "=m"(*(uint8_t(*)[6])limit));
}
static REGPARM uint32_t native_store_tr(void) {
    uint32_t selector = 0;
    __asm__ volatile("str %w0" : "+r"(selector));
    return selector;
}
static REGPARM void native_write_entry(uint64_t *table, uint32_t index, const uint32_t *words) {
    ((uint32_t *)(table + index))[0] = words[0];
    ((uint32_t *)(table + index))[1] = words[1];
}
static REGPARM void native_set_ldt(uint64_t *table, uint32_t entries) {
    uint64_t d = guest_descriptor((uint32_t)table, entries * 8 - 1, ACCESS_LDT, 0);
    native_write_entry(guest_gdt, SEL_LDT / 8, (const uint32_t *)&d);
    __asm__ volatile("lldt %w0" : : "r"(entries ? SEL_LDT : 0));
}
static REGPARM void native_load_sp0(uint32_t esp0) {
    guest_tss.esp0 = esp0;
}
static REGPARM void native_set_iopl(uint32_t mask) {
    write_eflags((read_eflags() & ~(uint32_t)EFLAGS_IOPL) | mask);
}
static REGPARM void native_io_delay(void) {
    outb(0x80, 0);
}
static REGPARM void nothing(void) {
}
static REGPARM uint32_t same_value(uint32_t value) {
    return value;
}
static REGPARM void native_flush_user(void) {
    write_cr3(read_cr3());
}
static REGPARM void native_flush_kernel(void) {
    uint32_t cr4 = read_cr4();
    write_cr4(cr4 & ~(uint32_t)CR4_PGE);
    write_cr4(cr4);
    write_cr3(read_cr3());
}
static REGPARM void native_flush_single(uint32_t address) {
    native_invlpg(address);
}

/* An entry in the format in use: the high half first, so that it never is present with a wrong
 * frame. */
static REGPARM void native_set_pte(uint32_t *entry, uint32_t low, uint32_t high) {
    if (is_pae) {
        ((volatile uint32_t *)entry)[1] = high;
    }
    *(volatile uint32_t *)entry = low;
}
static REGPARM void native_set_pte_at(uint32_t *entry, uint32_t low, uint32_t address) {
    (void)address;
    native_set_pte(entry, low, 0);
}
static REGPARM void native_pte_clear(uint32_t *entry, uint32_t address) {
    (void)address;
    *(volatile uint32_t *)entry = 0;
    if (is_pae) {
        ((volatile uint32_t *)entry)[1] = 0;
    }
}
static REGPARM uint32_t native_apic_read(uint32_t offset) {
    return guest_apic_read(offset);
}
static REGPARM void native_apic_write(uint32_t offset, uint32_t value) {
    guest_apic_write(offset, value);
}

void *pv_ops[PV_OPS] = {
    [PV_IRQ_DISABLE] = native_irq_disable,
    [PV_IRQ_ENABLE] = native_irq_enable,
    [PV_IRET] = (void *)native_iret,
    [PV_SYSEXIT] = (void *)native_sysexit,
    [PV_SAVE_FL] = native_save_fl,
    [PV_RESTORE_FL] = native_restore_fl,
    [PV_SAFE_HALT] = native_safe_halt,
    [PV_CPUID] = native_cpuid_op,
    [PV_GET_DR] = native_get_dr,
    [PV_SET_DR] = native_set_dr,
    [PV_CLTS] = native_clts,
    [PV_READ_CR0] = native_read_cr0,
    [PV_WRITE_CR0] = native_write_cr0,
    [PV_READ_CR2] = native_read_cr2,
    [PV_WRITE_CR2] = native_write_cr2,
    [PV_READ_CR3] = native_read_cr3,
    [PV_WRITE_CR3] = native_write_cr3,
    [PV_READ_CR4] = native_read_cr4,
    [PV_WRITE_CR4] = native_write_cr4,
    [PV_WBINVD] = native_wbinvd,
    [PV_READ_TSC] = native_read_tsc,
    [PV_LOAD_TR] = native_load_tr,
    [PV_SET_LDT] = native_set_ldt,
    [PV_LOAD_GDT] = native_load_gdt,
    [PV_LOAD_IDT] = native_load_idt,
    [PV_STORE_GDT] = native_store_gdt,
    [PV_STORE_IDT] = native_store_idt,
    [PV_STORE_TR] = native_store_tr,
    [PV_WRITE_LDT_ENTRY] = native_write_entry,
    [PV_WRITE_GDT_ENTRY] = native_write_entry,
    [PV_WRITE_IDT_ENTRY] = native_write_entry,
    [PV_LOAD_SP0] = native_load_sp0,
    [PV_SET_IOPL] = native_set_iopl,
    [PV_IO_DELAY] = native_io_delay,
    [PV_LAZY_CPU] = nothing,
    [PV_LAZY_MMU] = nothing,
    [PV_FLUSH_USER] = native_flush_user,
    [PV_FLUSH_KERNEL] = native_flush_kernel,
    [PV_FLUSH_SINGLE] = native_flush_single,
    [PV_SET_PTE] = native_set_pte,
    [PV_SET_PTE_AT] = native_set_pte_at,
    [PV_SET_PTE_PRESENT] = native_set_pte_at,
    [PV_SET_PMD] = native_set_pte_at,
    [PV_SET_PUD] = native_set_pte_at,
    [PV_PTE_CLEAR] = native_pte_clear,
    [PV_PTE_UPDATE] = nothing,
    [PV_ALLOC_PT] = nothing,
    [PV_ALLOC_PD] = nothing,
    [PV_ALLOC_PD_CLONE] = nothing,
    [PV_RELEASE_PT] = nothing,
    [PV_RELEASE_PD] = nothing,
    [PV_PTE_VALUE] = same_value,
    [PV_APIC_READ] = native_apic_read,
    [PV_APIC_WRITE] = native_apic_write,
    [PV_STARTUP_IPI] = nothing,
};

/* ---- Patching ---- */

enum { CALL_REL = 0xE8, JUMP_REL = 0xE9, BRANCH_SIZE = 5, LONGEST_SITE = 16 };

uint32_t pv_put_branch(uint8_t *buffer, uint8_t opcode, uint32_t address, uint32_t target) {
    uint32_t distance = target - (address + BRANCH_SIZE);
    buffer[0] = opcode;
    memcpy(buffer + 1, &distance, sizeof(distance));
    return BRANCH_SIZE;
}

/* Instructions that take the place of a call on the bare machine. */
static const struct {
    uint8_t op, length, code[4];
} in_line[] = {
    {PV_IRQ_DISABLE, 1, {0xFA}},
    {PV_IRQ_ENABLE, 1, {0xFB}},
    {PV_IRET, 1, {0xCF}},
    {PV_SYSEXIT, 3, {0xFB, 0x0F, 0x35}},
    {PV_SAVE_FL, 2, {0x9C, 0x58}},
    {PV_RESTORE_FL, 2, {0x50, 0x9D}},
    {PV_CLTS, 2, {0x0F, 0x06}},
    {PV_READ_CR2, 3, {0x0F, 0x20, 0xD0}},
    {PV_READ_CR3, 3, {0x0F, 0x20, 0xD8}},
    {PV_WRITE_CR3, 3, {0x0F, 0x22, 0xD8}},
};

uint32_t pv_patch_native(enum pv_op op, uint8_t *buffer, uint32_t address, uint32_t length) {
    for (uint32_t i = 0; i < sizeof(in_line) / sizeof(in_line[0]); i++) {
        if (in_line[i].op == op) {
            memcpy(buffer, in_line[i].code, in_line[i].length);
            return in_line[i].length;
        }
    }
    return pv_ops[op] == (void *)nothing || pv_ops[op] == (void *)same_value ? 0
           : length < BRANCH_SIZE                                            ? length
                                  : pv_put_branch(buffer, CALL_REL, address, (uint32_t)pv_ops[op]);
}

static void apply(const struct pv_site *site, const struct pv_site *end, pv_patch *patch) {
    static const uint8_t nops[8][8] = {{0},
                                       {0x90},
                                       {0x66, 0x90},
                                       {0x8D, 0x76, 0x00},
                                       {0x8D, 0x74, 0x26, 0x00},
                                       {0x90, 0x8D, 0x74, 0x26, 0x00},
                                       {0x8D, 0xB6, 0, 0, 0, 0},
                                       {0x8D, 0xB4, 0x26, 0, 0, 0, 0}};
    for (; site < end; site++) {
        uint8_t buffer[LONGEST_SITE];
        memcpy(buffer, site->code, site->length);
        uint32_t used = patch(site->op, buffer, (uint32_t)site->code, site->length);
        memcpy(buffer + used, nops[site->length - used], site->length - used);
        memcpy(site->code, buffer, site->length);
    }
}

void pv_apply(pv_patch *patch) {
    apply(__start_pv_sites, __stop_pv_sites, patch);
    apply(pv_asm_sites, pv_asm_sites_end, patch);
}
