/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * What each operation of a steady run costs where the time-stamp counter counts instructions: made
 * once more, at a place patched like all others. "cost OPERATION MADE INSTRUCTIONS"; the returns to
 * user mode are only counted here.
 */
#include "kernel.h"

static void say(const char *name, uint32_t made, uint32_t instructions) {
    guest_printf("cost %s %u %u\n", name, made, instructions);
}

#define MEASURE(op, a, d, c)                                                                       \
    do {                                                                                           \
        uint32_t made = pv_count[op], start = (uint32_t)native_rdtsc();                            \
        PV_CALL(op, a, d, c);                                                                      \
        say(#op, made, (uint32_t)native_rdtsc() - start);                                          \
    } while (0)

#define MEASURE_SITE(op, site)                                                                     \
    do {                                                                                           \
        uint32_t made = pv_site_count[op], start = (uint32_t)native_rdtsc();                       \
        site();                                                                                    \
        say(#op "_ENTRY", made, (uint32_t)native_rdtsc() - start);                                 \
    } while (0)

void cost_report(void) {
    uint32_t *page = page_new(), cr0 = read_cr0();
    uint64_t tls = guest_gdt[SEL_SPARE / 8];
    uint32_t frame = (uint32_t)page >> 12;
    say("PV_IRET", pv_site_count[PV_IRET], 0);
    say("PV_SYSEXIT", pv_site_count[PV_SYSEXIT], 0);
    MEASURE_SITE(PV_IRQ_DISABLE, entry_irq_disable);
    MEASURE_SITE(PV_IRQ_ENABLE, entry_irq_enable);
    MEASURE(PV_IRQ_ENABLE, 0, 0, 0);
    MEASURE(PV_IRQ_DISABLE, 0, 0, 0);
    MEASURE(PV_SAVE_FL, 0, 0, 0);
    MEASURE(PV_RESTORE_FL, 0, 0, 0);
    MEASURE(PV_CLTS, 0, 0, 0);
    MEASURE(PV_READ_CR0, 0, 0, 0);
    MEASURE(PV_WRITE_CR0, cr0, 0, 0);
    MEASURE(PV_READ_CR2, 0, 0, 0);
    MEASURE(PV_WRITE_CR3, read_cr3(), 0, 0);
    MEASURE(PV_WRITE_GDT_ENTRY, guest_gdt, SEL_SPARE / 8, &tls);
    MEASURE(PV_WRITE_IDT_ENTRY, guest_idt, 0, &guest_idt[0]);
    MEASURE(PV_LOAD_SP0, guest_tss.esp0, 0, 0);
    MEASURE(PV_LAZY_CPU, 0, 0, 0);
    MEASURE(PV_LAZY_MMU, 0, 0, 0);
    MEASURE(PV_FLUSH_USER, 0, 0, 0);
    MEASURE(PV_FLUSH_SINGLE, page, 0, 0);
    MEASURE(PV_SET_PTE, page, 0, 0);
    MEASURE(PV_SET_PTE_AT, page, 0, 0);
    MEASURE(PV_SET_PTE_PRESENT, page, 0, 0);
    MEASURE(PV_SET_PMD, page, 0, 0);
    MEASURE(PV_SET_PUD, page, 0, 0);
    MEASURE(PV_PTE_CLEAR, page, 0, 0);
    MEASURE(PV_PTE_UPDATE, page, 0, 0);
    MEASURE(PV_PTE_VALUE, 0, 0, 0);
    MEASURE(PV_ALLOC_PT, frame, 0, 0);
    MEASURE(PV_ALLOC_PD, frame, 0, 0);
    MEASURE(PV_ALLOC_PD_CLONE, frame, frame, 0);
    MEASURE(PV_RELEASE_PT, frame, 0, 0);
    MEASURE(PV_RELEASE_PD, frame, 0, 0);
    page_drop((uint32_t)page);
}
