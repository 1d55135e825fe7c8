/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* What each call does to the VMCB and to its frame, and that it does no more: calls_*.c. TAP. */

#include "guest.h"
#include "svm/breakpoints.h"
#include "svm/calls.h"
#include "svm/calls_control.h"
#include "svm/calls_descriptor.h"
#include "svm/calls_entry.h"
#include "svm/calls_port.h"
#include "svm/calls_time.h"
#include "svm/calls_transfer.h"
#include "svm/cpuid.h"
#include "svm/guest_memory.h"
#include "vmi/calls.h"

#define DATA 0x150000u

static struct vmi_frame f, was_f;

/* Registers of which each is another. */
static void reset(void) {
    guest_reset();
    f = (struct vmi_frame){.guest = &monitor_guest,
                           .context = vcpu,
                           .eax = 0x11111111,
                           .ecx = 0x22222222,
                           .edx = 0x33333333,
                           .ebx = 0x44444444,
                           .esp = STACK,
                           .ebp = 0x55555555,
                           .esi = 0x66666666,
                           .edi = 0x77777777,
                           .eip = CODE,
                           .eflags = 0x46};
}

/* The call, by what it is to return; what is then changed in was_f and was_vmcb is expected. */
static void call_(int line, vmi_handler *handler, int outcome) {
    keep();
    was_f = f;
    expect_(line, "outcome", outcome, handler(vcpu, &f));
}
#define CALL(handler, outcome) call_(__LINE__, handler, outcome)

static void expect_all(int line) {
    expect_(line, "frame", 0, memcmp(&was_f, &f, sizeof(f)));
    was.fault = vcpu->fault;
    expect_kept(line);
}
#define EXPECT_ALL() expect_all(__LINE__)

static void expect_fault_(int line, vmi_handler *handler, uint8_t vector, uint32_t error) {
    call_(line, handler, VMI_ERROR_FAULT);
    expect_(line, "vector", vector, vcpu->fault.vector);
    expect_(line, "error", error, vcpu->fault.error);
    expect_(line, "has_error", vector != VECTOR_DB && vector != VECTOR_UD, vcpu->fault.has_error);
    expect_all(line);
}
#define EXPECT_FAULT(handler, vector, error) expect_fault_(__LINE__, handler, vector, error)

/* The debug registers' guard goes, and says so. */
static void expect_guarded(int line, vmi_handler *handler) {
    call_(line, handler, VMI_ERROR_FAULT);
    was_state.dr7 &= ~(uint64_t)DR7_GD;
    was_state.dr6 |= DR6_BD;
    expect_all(line);
}
#define EXPECT_GUARDED(handler) expect_guarded(__LINE__, handler)

/* Nothing is there. */
static void unmap(void) {
    state->cr0 = CR0_PE | CR0_PG;
    state->cr3 = TABLE;
    memset((void *)(uintptr_t)TABLE, 0, PAGE_SIZE);
}

/* The first 4 MiB as they are, but for one page. */
static void map_but(uint32_t missing) {
    unmap();
    put(TABLE, (TABLE + PAGE_SIZE) | 7, 4);
    for (uint32_t at = 0; at < 0x400000; at += PAGE_SIZE) {
        put(TABLE + PAGE_SIZE + (at >> 12) * 4, at == missing ? 0 : at | 7, 4);
    }
}

/* --- control --- */

static void cpuid_has_leaf_and_subleaf(void) {
    bare_set_cpuid(0x11111111, 0x22222222, (const uint32_t[]){1, 2, 3, 4});
    CALL(call_cpuid, VMI_RETURNS);
    was_f.eax = 1;
    was_f.ebx = 2;
    was_f.ecx = 3;
    was_f.edx = 4;
    EXPECT_ALL();
}

static void each_saved_msr_is_written_and_read_in_its_place(void) {
    static const uint32_t msrs[] = {0x174,      0x175,      0x176,      0xC0000081, 0xC0000082,
                                    0xC0000083, 0xC0000084, 0xC0000100, 0xC0000101, 0xC0000102};
    uint64_t *const at[] = {&was_state.sysenter_cs,  &was_state.sysenter_esp,
                            &was_state.sysenter_eip, &was_state.star,
                            &was_state.lstar,        &was_state.cstar,
                            &was_state.sfmask,       &was_state.fs.base,
                            &was_state.gs.base,      &was_state.kernel_gs_base};
    for (unsigned i = 0; i < 10; i++) {
        uint64_t value = i == 0 ? 0x3344 : i == 6 ? 0x11223344 : 0x00007654F1223344 + i;
        f.ecx = msrs[i];
        f.eax = (uint32_t)value;
        f.edx = (uint32_t)(value >> 32);
        CALL(call_wrmsr, VMI_RETURNS);
        *at[i] = value;
        EXPECT_ALL();
        f.eax = f.edx = 0;
        CALL(call_rdmsr, VMI_RETURNS);
        was_f.eax = (uint32_t)value;
        was_f.edx = (uint32_t)(value >> 32);
        EXPECT_ALL();
        f.eax = 0xFFFFFFFF; /* beyond what the register has */
        f.edx = 0x80007FFF;
        if (i == 0 || i == 6 || i == 3) {
            CALL(call_wrmsr, VMI_RETURNS);
            *at[i] = i == 0 ? 0xFFFF : i == 6 ? 0xFFFFFFFF : 0x80007FFFFFFFFFFF;
            EXPECT_ALL();
        } else {
            EXPECT_FAULT(call_wrmsr, VECTOR_GP, 0);
        }
        if (i != 0 && i != 6) { /* canonical: the upper half */
            f.edx = 0xFFFF8000;
            CALL(call_wrmsr, VMI_RETURNS);
            *at[i] = 0xFFFF8000FFFFFFFF;
            EXPECT_ALL();
        }
    }
    for (unsigned i = 0; i < 10; i++) { /* their neighbours are none */
        bool saved = false;
        for (unsigned k = 0; k < 10; k++) {
            saved |= msrs[k] == msrs[i] + 1;
        }
        f.ecx = msrs[i] + 1;
        if (!saved) {
            EXPECT_FAULT(call_rdmsr, VECTOR_GP, 0);
        }
    }
    bare_set_msr(0x200, 0x123456789);
    f.ecx = 0x200;
    CALL(call_rdmsr, VMI_RETURNS);
    was_f.eax = 0x23456789;
    was_f.edx = 1;
    EXPECT_ALL();
    f.eax = 0x55;
    CALL(call_wrmsr, VMI_RETURNS);
    EXPECT_ALL();
    expect(0x100000055, bare_events[bare_count - 1].value);
    f.ecx = 0x201;
    EXPECT_FAULT(call_wrmsr, VECTOR_GP, 0);
}

static void performance_counters_are_the_processors(void) {
    f.ecx = 2;
    CALL(call_rdpmc, VMI_RETURNS);
    was_f.eax = 0x55667702;
    was_f.edx = 0x11223344;
    EXPECT_ALL();
    f.ecx = 4;
    EXPECT_FAULT(call_rdpmc, VECTOR_GP, 0);
}

static void set_cr0_by_bits(uint64_t before, uint32_t value, uint64_t behind, bool flush) {
    state->cr0 = before;
    vcpu->vmcb->tlb_control = TLB_KEEP;
    f.eax = value;
    CALL(call_set_cr0, VMI_RETURNS);
    was_state.cr0 = behind;
    was_vmcb.tlb_control = flush;
    EXPECT_ALL();
}

static void cr0_has_the_bits_that_there_are(void) {
    for (unsigned bit = 0; bit < 32; bit++) {
        uint32_t value = (CR0_PE | CR0_ET) ^ 1u << bit;
        bool known = 0xE005003F >> bit & 1, bad = bit == 29 || bit == 31;
        if (bit == 31) { /* PG with PE: fine */
            set_cr0_by_bits(CR0_PE | CR0_ET, value, value, true);
            set_cr0_by_bits(value, CR0_PE | CR0_ET, CR0_PE | CR0_ET, true);
            continue;
        }
        if (bad) {
            f.eax = value;
            EXPECT_FAULT(call_set_cr0, VECTOR_GP, 0);
            continue;
        }
        set_cr0_by_bits(CR0_PE | CR0_ET, value, (known ? value : CR0_PE) | CR0_ET,
                        bit == 0 || bit == 16);
    }
    set_cr0_by_bits(CR0_PE | CR0_ET, CR0_PE | CR0_NW | CR0_CD, CR0_PE | CR0_ET | CR0_NW | CR0_CD,
                    false);
    f.eax = CR0_PG;
    EXPECT_FAULT(call_set_cr0, VECTOR_GP, 0);
}

static void paging_goes_in_and_out_of_long_mode(void) {
    struct walked *w = &vcpu->walked[1];
    state->cr0 = CR0_PE | CR0_ET;
    state->efer = EFER_SVME | EFER_LME;
    f.eax = CR0_PE | CR0_PG | CR0_ET;
    state->cr4 = ~(uint64_t)CR4_PAE;
    EXPECT_FAULT(call_set_cr0, VECTOR_GP, 0);
    state->cr4 = CR4_PAE;
    state->cs.attrib = ATTRIB_64;
    EXPECT_FAULT(call_set_cr0, VECTOR_GP, 0);
    state->cs.attrib = (uint16_t)~ATTRIB_L;
    w->cr0 = 5;
    CALL(call_set_cr0, VMI_RETURNS);
    was_state.cr0 = f.eax;
    was_state.efer = EFER_SVME | EFER_LME | EFER_LMA;
    was_vmcb.tlb_control = TLB_FLUSH;
    EXPECT_ALL();
    expect(0, w->cr0);
    f.eax = CR0_PE | CR0_ET;
    state->cs.attrib = ATTRIB_64;
    CALL(call_set_cr0, VMI_RETURNS);
    was_state.cr0 = f.eax;
    was_state.efer = EFER_SVME | EFER_LME;
    EXPECT_ALL();
    state->efer = EFER_SVME; /* not in long mode: nothing but paging */
    state->cr4 = 0;
    f.eax = CR0_PE | CR0_PG | CR0_ET;
    w->cr0 = 5;
    CALL(call_set_cr0, VMI_RETURNS);
    was_state.cr0 = f.eax;
    EXPECT_ALL();
    expect(5, w->cr0);
    state->efer = EFER_SVME | EFER_LME | EFER_LMA;
    f.eax |= CR0_TS;
    CALL(call_set_cr0, VMI_RETURNS);
    was_state.cr0 = f.eax;
    EXPECT_ALL();
}

static void other_bits_than_paging_and_lme_are_no_matter(void) {
    state->cr0 = CR0_ET;
    state->efer = EFER_SVME | EFER_LME;
    f.eax = CR0_PE | CR0_ET;
    CALL(call_set_cr0, VMI_RETURNS);
    was_state.cr0 = f.eax;
    was_vmcb.tlb_control = vcpu->vmcb->tlb_control;
    EXPECT_ALL();
    state->efer = EFER_SVME | 1;
    f.eax = CR0_PE | CR0_ET | CR0_PG;
    CALL(call_set_cr0, VMI_RETURNS);
    was_state.cr0 = f.eax;
    EXPECT_ALL();
    bare_set_cpuid(1, 0, (const uint32_t[]){0, 0, ~0u, ~0u});
    state->efer = 1;
    f.eax = CR4_PSE;
    CALL(call_set_cr4, VMI_RETURNS);
    state->efer = EFER_LMA;
    f.eax = 1;
    EXPECT_FAULT(call_set_cr4, VECTOR_GP, 0);
    state->efer = 0;
    state->cr4 = 1;
    f.eax = 4;
    CALL(call_get_dr, VMI_RETURNS);
    state->dr7 = DR7_GD | 0x401;
    EXPECT_GUARDED(call_get_dr);
    state->dr7 = DR7_GD | 0x401;
    f.eax = 8;
    CALL(call_get_dr, VMI_RETURNS);
    was_f.eax = 0;
    EXPECT_ALL();
    vcpu->fault.error = 7;
    expect(VMI_ERROR_FAULT, (state->dr7 = 0x400, write_debug(vcpu, 6, 1ull << 40)));
    expect(0, vcpu->fault.error);
}

static void disarms(void) {
    bare_dr[7] = DR7_ONES;
}

static void leaves_armed(void) {
    bare_dr[7] = DR7_ONES | DR7_LE;
}

/* Where exits leave breakpoints armed, DR7's call arms them. */
static void dr7_is_armed_when_it_has_changed(void) {
    host.on_enter = leaves_armed;
    start_breakpoints(vcpu);
    state->dr7 = 0x400;
    f.eax = 7;
    f.edx = 0x455;
    bare_dr[7] = 0;
    CALL(call_set_dr, VMI_RETURNS);
    expect(0x455, bare_dr[7]);
    bare_dr[7] = 0;
    CALL(call_set_dr, VMI_RETURNS);
    expect(0, bare_dr[7]);
    host.on_enter = disarms;
    start_breakpoints(vcpu);
}

static void registers_are_set_and_got(void) {
    vcpu->vmcb->tlb_control = TLB_KEEP;
    CALL(call_set_cr2, VMI_RETURNS);
    was_state.cr2 = 0x11111111;
    EXPECT_ALL();
    expect(0x11111111, host.cr2);
    CALL(call_set_cr3, VMI_RETURNS);
    was_state.cr3 = 0x11111111;
    was_vmcb.tlb_control = TLB_FLUSH;
    EXPECT_ALL();
    state->cr0 = 0xFFFFFFFFA0000000;
    state->cr2 = 0xFFFFFFFFA2222222;
    state->cr3 = 0xFFFFFFFFA3333333;
    state->cr4 = 0xFFFFFFFFA4444444;
    CALL(call_get_cr0, VMI_RETURNS);
    was_f.eax = 0xA0000000;
    EXPECT_ALL();
    CALL(call_get_cr2, VMI_RETURNS);
    was_f.eax = 0xA2222222;
    EXPECT_ALL();
    CALL(call_get_cr3, VMI_RETURNS);
    was_f.eax = 0xA3333333;
    EXPECT_ALL();
    CALL(call_get_cr4, VMI_RETURNS);
    was_f.eax = 0xA4444444;
    EXPECT_ALL();
    state->cr0 = 0xFF;
    CALL(call_clts, VMI_RETURNS);
    was_state.cr0 = 0xF7;
    EXPECT_ALL();
}

/* Each bit of CR4 and the CPUID bit that says so. */
static void cr4_has_the_bits_that_cpuid_names(void) {
    static const struct {
        unsigned leaf, reg, bit, cr4;
    } features[] = {{1, 3, 1, 0},   {1, 3, 1, 1},  {1, 3, 4, 2},   {1, 3, 2, 3},  {1, 3, 3, 4},
                    {1, 3, 6, 5},   {1, 3, 7, 6},  {1, 3, 13, 7},  {0, 0, 0, 8},  {1, 3, 24, 9},
                    {1, 3, 25, 10}, {7, 2, 2, 11}, {7, 2, 16, 12}, {7, 1, 0, 16}, {1, 2, 17, 17},
                    {1, 2, 26, 18}, {7, 1, 7, 20}, {7, 1, 20, 21}, {7, 2, 3, 22}};
    for (unsigned bit = 0; bit < 32; bit++) {
        unsigned n = 0;
        while (n < sizeof(features) / sizeof(*features) && features[n].cr4 != bit) {
            n++;
        }
        for (unsigned there = 0; there < 4; there++) {
            uint32_t one[4] = {~0u, ~0u, ~0u, ~0u}, seven[4] = {~0u, ~0u, ~0u, ~0u};
            bool good = n < sizeof(features) / sizeof(*features), flush = 0x007210B0 >> bit & 1;
            if (good && features[n].leaf && there < 2) { /* that feature alone, or all others */
                uint32_t *leaf = features[n].leaf == 1 ? one : seven, all = there ? 0 : ~0u;
                memset(one, there ? 0 : 0xFF, sizeof(one));
                memset(seven, there ? 0 : 0xFF, sizeof(seven));
                leaf[features[n].reg] = all ^ 1u << features[n].bit;
                good = there;
            }
            bare_set_cpuid(0, 0, (const uint32_t[]){there == 3 ? 6 : there == 2 ? 8 : 7, 0, 0, 0});
            bare_set_cpuid(1, 0, one);
            bare_set_cpuid(7, 0, seven);
            if (there == 3 && good && features[n].leaf == 7) {
                good = false; /* the leaf is not there */
            }
            if (bit == 17 && good) {
                state->efer = EFER_LMA;
                state->cr4 = CR4_PAE;
            } else {
                state->efer = 0;
                state->cr4 = 0;
            }
            f.eax = (uint32_t)state->cr4 | 1u << bit;
            vcpu->vmcb->tlb_control = TLB_KEEP;
            if (!good) {
                EXPECT_FAULT(call_set_cr4, VECTOR_GP, 0);
                continue;
            }
            CALL(call_set_cr4, VMI_RETURNS);
            was_state.cr4 = f.eax;
            was_vmcb.tlb_control = flush;
            EXPECT_ALL();
            state->cr4 |= 1u << bit;
            state->efer = 0;
            f.eax = 0; /* to take it away is always good, but PAE in long mode */
            vcpu->vmcb->tlb_control = TLB_KEEP;
            CALL(call_set_cr4, VMI_RETURNS);
            was_state.cr4 = 0;
            was_vmcb.tlb_control = flush || bit == 17;
            EXPECT_ALL();
        }
    }
}

static void cr4_knows_what_long_mode_needs(void) {
    bare_set_cpuid(1, 0, (const uint32_t[]){0, 0, ~0u, ~0u});
    f.eax = CR4_PCIDE;
    state->efer = ~(uint64_t)EFER_LMA;
    EXPECT_FAULT(call_set_cr4, VECTOR_GP, 0);
    state->efer = EFER_LMA;
    f.eax = CR4_PSE;
    EXPECT_FAULT(call_set_cr4, VECTOR_GP, 0);
    f.eax = CR4_PAE;
    CALL(call_set_cr4, VMI_RETURNS);
    was_state.cr4 = CR4_PAE;
    was_vmcb.tlb_control = TLB_FLUSH;
    EXPECT_ALL();
    state->cr4 = 1u << 30; /* one that is there already is no matter */
    state->efer = 0;
    f.eax = 1u << 30;
    CALL(call_set_cr4, VMI_RETURNS);
    EXPECT_ALL();
}

static void debug_registers_are_set_and_got_each(void) {
    for (unsigned n = 0; n < 10; n++) {
        uint32_t value = 0xA0A0A000 + n * 2;
        state->dr7 = 0x400;
        f.eax = n;
        f.edx = value;
        CALL(call_set_dr, VMI_RETURNS);
        if (n == 4 || n == 6) {
            was_state.dr6 = (value & 0xFFFFEFFF) | 0xFFFF0FF0;
        } else if (n == 5 || n == 7) {
            was_state.dr7 = (value & 0xFFFF27FF) | 0x400;
        }
        EXPECT_ALL();
        if (n < 4) {
            expect(value, bare_dr[n]);
        }
        state->dr7 &= ~(uint64_t)DR7_GD;
        CALL(call_get_dr, VMI_RETURNS);
        was_f.eax = n < 4              ? value
                    : n == 4 || n == 6 ? (uint32_t)state->dr6
                    : n == 5 || n == 7 ? (uint32_t)state->dr7
                                       : 0;
        EXPECT_ALL();
        state->dr7 = 0x400;
    }
    state->cr4 = CR4_DE;
    for (unsigned n = 4; n < 6; n++) {
        f.eax = n;
        EXPECT_FAULT(call_get_dr, VECTOR_UD, 0);
        EXPECT_FAULT(call_set_dr, VECTOR_UD, 0);
    }
    for (unsigned n = 6; n < 10; n += 3) {
        f.eax = n;
        CALL(call_get_dr, VMI_RETURNS);
        f.eax = n;
    }
    for (unsigned n = 0; n < 10; n++) {
        state->cr4 = 0;
        state->dr7 = 0x400 | DR7_GD;
        state->dr6 = 0x100;
        f.eax = n;
        CALL(call_set_dr, n > 7 ? VMI_RETURNS : VMI_ERROR_FAULT);
        if (n <= 7) {
            was_state.dr7 = 0x400;
            was_state.dr6 = 0x100 | DR6_BD;
            expect(VECTOR_DB, vcpu->fault.vector);
        }
        EXPECT_ALL();
    }
}

static void long_values_of_debug_registers_are_for_addresses(void) {
    expect(VMI_RETURNS, write_debug(vcpu, 3, 0x1234567800000001));
    expect(0x1234567800000001, bare_dr[3]);
    expect(VMI_ERROR_FAULT, write_debug(vcpu, 6, 0x100000000));
    expect(VECTOR_GP, vcpu->fault.vector);
    expect(VMI_ERROR_FAULT, write_debug(vcpu, 4, 0x100000000));
    expect(VMI_RETURNS, write_debug(vcpu, 7, 0xFFFFFFFF));
    expect(0, write_debug(vcpu, 8, 0x100000000));
}

static void caches_and_tlb(void) {
    vcpu->vmcb->tlb_control = TLB_KEEP;
    CALL(call_wbinvd, VMI_RETURNS);
    EXPECT_ALL();
    expect(1, bare_wbinvds);
    CALL(call_inval_page, VMI_RETURNS);
    EXPECT_ALL();
    expect(1, bare_svm[BARE_INVLPGA].times);
    expect(0x11111111, bare_svm[BARE_INVLPGA].rax);
    expect(1, bare_svm[BARE_INVLPGA].ecx);
    CALL(call_flush_tlb, VMI_RETURNS);
    was_vmcb.tlb_control = TLB_FLUSH;
    EXPECT_ALL();
}

/* --- descriptors --- */

static void table_registers_are_six_bytes(void) {
    static const struct {
        vmi_handler *set, *get;
        struct segment *at;
    } tables[] = {{call_set_gdt, call_get_gdt, &was_state.gdtr},
                  {call_set_idt, call_get_idt, &was_state.idtr}};
    for (unsigned i = 0; i < 2; i++) {
        put(DATA, 0x9988A1B2C3D4E5F6, 8);
        f.eax = DATA;
        CALL(tables[i].set, VMI_RETURNS);
        tables[i].at->limit = 0xE5F6;
        tables[i].at->base = 0xA1B2C3D4;
        EXPECT_ALL();
        put(DATA + 16, ~0ull, 8);
        f.eax = DATA + 16;
        CALL(tables[i].get, VMI_RETURNS);
        EXPECT_ALL();
        expect(0xFFFFA1B2C3D4E5F6, look(DATA + 16, 8));
        map_but(DATA);
        EXPECT_FAULT(tables[i].set, VECTOR_PF, 0);
        EXPECT_FAULT(tables[i].get, VECTOR_PF, PF_W);
        state->cr0 = CR0_PE;
    }
}

#define GDT 0x140000u

static void system_descriptors_are_loaded_by_their_type(void) {
    state->gdtr = (struct segment){0, 0, 0x7F, GDT};
    for (unsigned type = 0; type < 32; type++) {
        for (unsigned present = 0; present < 2; present++) {
            bool ldt = type == 2, tss = type == 1 || type == 9;
            uint64_t d =
                0x1200000034560067ull | (uint64_t)(type | present << 7) << 40 | 0x78ull << 32;
            put(GDT + 0x18, d, 8);
            f.eax = 0xFFFF0018;
            if (!ldt) {
                EXPECT_FAULT(call_set_ldt, VECTOR_GP, 0x18);
            } else if (!present) {
                EXPECT_FAULT(call_set_ldt, VECTOR_NP, 0x18);
            } else {
                CALL(call_set_ldt, VMI_RETURNS);
                was_state.ldtr = (struct segment){0x18, 0x82, 0x67, 0x12783456};
                EXPECT_ALL();
            }
            if (!tss) {
                EXPECT_FAULT(call_set_tr, VECTOR_GP, 0x18);
            } else if (!present) {
                EXPECT_FAULT(call_set_tr, VECTOR_NP, 0x18);
            } else {
                CALL(call_set_tr, VMI_RETURNS);
                was_state.tr = (struct segment){0x18, (uint16_t)(0x80 | type), 0x67, 0x12783456};
                EXPECT_ALL();
                expect(d | 2ull << 40, look(GDT + 0x18, 8));
            }
        }
    }
    f.eax = 0x1C; /* in the LDT */
    EXPECT_FAULT(call_set_ldt, VECTOR_GP, 0x1C);
    f.eax = 0x80;
    EXPECT_FAULT(call_set_ldt, VECTOR_GP, 0x80);
    put(GDT, 0x89ull << 40 | 0x67, 8); /* a null selector's is none */
    f.eax = 3;
    EXPECT_FAULT(call_set_tr, VECTOR_GP, 0);
    CALL(call_set_ldt, VMI_RETURNS);
    was_state.ldtr = (struct segment){.selector = 3};
    EXPECT_ALL();
    state->ldtr.selector = 0xABCD;
    state->tr.selector = 0x1234;
    CALL(call_get_ldt, VMI_RETURNS);
    was_f.eax = 0xABCD;
    EXPECT_ALL();
    CALL(call_get_tr, VMI_RETURNS);
    was_f.eax = 0x1234;
    EXPECT_ALL();
    map_but(0);
    put(GDT + 0x18, 0x89ull << 40, 8);
    put(TABLE + PAGE_SIZE + (GDT >> 12) * 4, GDT | 5, 4); /* it cannot be marked */
    state->cr0 |= CR0_WP;
    f.eax = 0x18;
    EXPECT_FAULT(call_set_tr, VECTOR_PF, PF_P | PF_W);
}

static void an_entry_is_written_low_dword_first(void) {
    f.slot = VMI_CALL_WriteGDTEntry;
    f.eax = DATA;
    f.edx = 3;
    put(STACK, 0xAABBCCDD, 4);
    put(STACK + 4, 0x99887766, 4);
    put(DATA + 24, 0, 8);
    CALL(call_write_entry, VMI_RETURNS);
    EXPECT_ALL();
    expect(look(STACK + 4, 4) << 32 | 0x22222222, look(DATA + 24, 8));
    f.eax = STACK - 24; /* its argument is its second half */
    CALL(call_write_entry, VMI_RETURNS);
    expect(0x9988776622222222, (int64_t)look(STACK, 8));
    f.eax = STACK - 24 + 4; /* onto its own argument */
    CALL(call_write_entry, VMI_RETURNS);
    expect(0x22222222, look(STACK + 4, 4));
    expect(0x22222222, look(STACK + 8, 4));
    f.eax = DATA;
    map_but(STACK);
    EXPECT_FAULT(call_write_entry, VECTOR_PF, 0);
    map_but(DATA);
    EXPECT_FAULT(call_write_entry, VECTOR_PF, PF_W);
    map_but(DATA);
    f.eax = DATA - 4 - 24; /* half of it */
    put(DATA - 4, 0, 4);
    EXPECT_FAULT(call_write_entry, VECTOR_PF, PF_W);
    expect(0, look(DATA - 4, 4));
}

/* --- entries --- */

static void entries_are_set_got_and_exchanged(void) {
    f.eax = DATA;
    CALL(call_set_pxe0, VMI_RETURNS);
    EXPECT_ALL();
    expect(0x33333333, look(DATA, 8));
    f.edx = DATA + 8;
    CALL(call_set_pxe, VMI_RETURNS);
    EXPECT_ALL();
    expect(DATA, look(DATA + 8, 8));
    f.edx = 0x33333333;
    CALL(call_get_pxe, VMI_RETURNS);
    was_f.eax = 0x33333333;
    EXPECT_ALL();
    f.eax = DATA;
    f.edx = 0x12121212;
    CALL(call_swap_pxe, VMI_RETURNS);
    was_f.eax = 0x33333333;
    EXPECT_ALL();
    expect(0x12121212, look(DATA, 8));
    f.ecx = DATA + 0x10;
    f.eax = 0x77777777;
    CALL(call_set_pxe_long, VMI_RETURNS);
    EXPECT_ALL();
    expect(0x1212121277777777, look(DATA + 0x10, 8));
    f.eax = DATA + 0x10;
    CALL(call_get_pxe_long, VMI_RETURNS);
    was_f.eax = 0x77777777;
    was_f.edx = 0x12121212;
    EXPECT_ALL();
    f.eax = 1;
    f.edx = 2;
    CALL(call_swap_pxe_long, VMI_RETURNS);
    was_f.eax = 0x77777777;
    was_f.edx = 0x12121212;
    EXPECT_ALL();
    expect(0x200000001, look(DATA + 0x10, 8));
    f.eax = DATA + 0x10;
    CALL(call_deactivate_pxe_long, VMI_RETURNS);
    was_f.eax = 1;
    was_f.edx = 2;
    EXPECT_ALL();
    expect(0, look(DATA + 0x10, 8));
}

static void bits_are_set_and_cleared(void) {
    for (int bit = -33; bit < 70; bit++) {
        uint32_t at = DATA + 0x20, dword = at + (uint32_t)(bit >> 5) * 4, mask = 1u << (bit & 31);
        memset((void *)(uintptr_t)DATA, 0, 64);
        f.eax = at;
        f.edx = (uint32_t)bit;
        CALL(call_set_bit, VMI_RETURNS);
        was_f.eax = 0;
        EXPECT_ALL();
        expect(mask, look(dword, 4));
        put(dword, 0xFFFFFFFF, 4);
        f.eax = at;
        CALL(call_clear_bit, VMI_RETURNS);
        was_f.eax = 0xFFFFFFFF;
        EXPECT_ALL();
        expect(~mask, look(dword, 4));
    }
}

static void entries_across_pages_and_faults(void) {
    static vmi_handler *const calls[] = {call_get_pxe,      call_swap_pxe,
                                         call_get_pxe_long, call_deactivate_pxe_long,
                                         call_set_bit,      call_clear_bit};
    for (unsigned offset = 0; offset < 9; offset++) {
        uint32_t at = DATA + PAGE_SIZE - offset;
        put(at, 0x8877665544332211, 8);
        f.eax = at;
        CALL(call_get_pxe_long, VMI_RETURNS);
        was_f.eax = 0x44332211;
        was_f.edx = 0x88776655;
        EXPECT_ALL();
        f.eax = at;
        CALL(call_get_pxe, VMI_RETURNS);
        expect(0x44332211, f.eax);
        f.eax = at;
        f.edx = 0xA;
        CALL(call_swap_pxe, VMI_RETURNS);
        expect(0x44332211, f.eax);
        expect(0x887766550000000A, look(at, 8));
        f.eax = at;
        CALL(call_deactivate_pxe_long, VMI_RETURNS);
        expect(0xA, f.eax);
        expect(0x88776655, f.edx);
        expect(0, look(at, 8));
        f.eax = at;
        f.edx = 1;
        CALL(call_set_bit, VMI_RETURNS);
        expect(2, look(at, 8));
    }
    map_but(DATA + PAGE_SIZE);
    for (unsigned i = 0; i < 6; i++) {
        f.eax = DATA + PAGE_SIZE - 2;
        f.edx = 0;
        put(DATA + PAGE_SIZE - 2, 0x1234, 2);
        CALL(calls[i], VMI_ERROR_FAULT);
        expect(VECTOR_PF, vcpu->fault.vector);
        expect(DATA + PAGE_SIZE, vcpu->fault.cr2);
        was_f.eip = f.eip;
        EXPECT_ALL();
        expect(0x1234, look(DATA + PAGE_SIZE - 2, 2));
        f.eax = DATA + PAGE_SIZE;
        CALL(calls[i], VMI_ERROR_FAULT);
        EXPECT_ALL();
    }
    f.ecx = DATA + PAGE_SIZE - 4;
    EXPECT_FAULT(call_set_pxe_long, VECTOR_PF, PF_W);
    EXPECT_FAULT(call_swap_pxe_long, VECTOR_PF, PF_W);
    f.eax = DATA + PAGE_SIZE;
    EXPECT_FAULT(call_set_pxe0, VECTOR_PF, PF_W);
    f.edx = DATA + PAGE_SIZE;
    EXPECT_FAULT(call_set_pxe, VECTOR_PF, PF_W);
}

/* Where writes are dropped an exchange reads what is there. */
static void entries_in_memory_that_can_only_be_read_stay(void) {
    f.eax = 0xF0010;
    f.edx = 5;
    CALL(call_swap_pxe, VMI_RETURNS);
    was_f.eax = 0;
    EXPECT_ALL();
    expect(0, look(0xF0010, 4));
}

/* What a call asks of guest memory by the kit's way, and what it is told. */
static struct {
    unsigned reads, writes, size; /* of the longest */
    unsigned changes;   /* so many times the first of two looks is another than the second */
    bool refuses_write; /* another processor has taken the page away meanwhile */
} asked;

static bool asked_read(void *context, uint32_t linear, void *to, uint32_t size) {
    bool good = monitor_guest.read(context, linear, to, size);
    asked.size = size > asked.size ? size : asked.size;
    if (++asked.reads % 3 == 0 && asked.changes) {
        asked.changes--;
        *(uint8_t *)to = (uint8_t) ~*(uint8_t *)to;
    }
    return good;
}

static bool asked_write(void *context, uint32_t linear, const void *from, uint32_t size) {
    asked.writes++;
    return !asked.refuses_write && monitor_guest.write(context, linear, from, size);
}

static const struct vmi_guest asking = {.read = asked_read, .write = asked_write};

static void expect_asked_(int line, vmi_handler *handler, unsigned reads, unsigned writes) {
    memset(&asked, 0, sizeof(asked));
    expect_(line, "outcome", VMI_RETURNS, handler(vcpu, &f));
    expect_(line, "reads", reads, asked.reads);
    expect_(line, "writes", writes, asked.writes);
}

#define EXPECT_ASKED(handler, reads, writes) expect_asked_(__LINE__, handler, reads, writes)

/* No more than one: another processor sees nothing in between. Where that cannot be, a copy. */
static void an_entry_in_a_page_is_one_access(void) {
    static uint8_t page[PAGE_SIZE] __attribute__((aligned(4096)));
    static vmi_handler *const dwords[] = {call_swap_pxe, call_set_bit, call_clear_bit},
                              *const qwords[] = {call_deactivate_pxe_long};
    f.guest = &asking;
    for (unsigned across = 0; across < 2; across++) {
        for (unsigned i = 0; i < 3; i++) {
            f.eax = DATA + PAGE_SIZE - 4 + across;
            f.edx = 0;
            EXPECT_ASKED(dwords[i], across, across);
        }
        f.eax = DATA + PAGE_SIZE - 8 + across;
        EXPECT_ASKED(qwords[0], across, across);
        f.eax = DATA + PAGE_SIZE - 8 + across;
        EXPECT_ASKED(call_get_pxe_long, 3 * across, 0);
        expect(across ? 4 : 0, asked.size);
    }
    show_page(0xD1000, page); /* writes to it are lost */
    f.eax = 0xD1010;
    EXPECT_ASKED(call_swap_pxe, 1, 1);
    expect(0, page[0x10]);
    show_page(0xD1000, (void *)0xD1000);
}

static void a_long_entry_is_read_where_it_must_not_be_written(void) {
    map_but(DATA);
    state->cr0 |= CR0_WP;
    put(TABLE + PAGE_SIZE + (DATA >> 12) * 4, DATA | 1, 4);
    put(DATA, 0x8877665544332211, 8);
    f.eax = DATA;
    expect(VMI_RETURNS, call_get_pxe_long(vcpu, &f));
    expect(0x44332211, f.eax);
    expect(DATA | 0x21, look(TABLE + PAGE_SIZE + (DATA >> 12) * 4, 4));
}

/* Across pages it is read until two looks agree, sixteen times at most. */
static void a_long_entry_across_pages_is_what_two_looks_say(void) {
    f.guest = &asking;
    put(DATA + PAGE_SIZE - 4, 0x8877665544332211, 8);
    for (unsigned i = 0; i < 3; i++) {
        memset(&asked, 0, sizeof(asked));
        asked.changes = i == 2 ? 1000 : i * 2;
        f.eax = DATA + PAGE_SIZE - 4;
        expect(VMI_RETURNS, call_get_pxe_long(vcpu, &f));
        expect(0x44332211, f.eax);
        expect(0x88776655, f.edx);
        expect(3 * (i == 0 ? 1 : i == 1 ? 3 : 16), asked.reads);
    }
}

/* --- ports --- */

static void what_is_read_from_a_port_and_cannot_be_stored_is_a_fault(void) {
    memset(&asked, 0, sizeof(asked));
    asked.refuses_write = true;
    f.guest = &asking;
    f.ecx = 1;
    f.edi = DATA;
    f.edx = 0x3210;
    expect(VMI_ERROR_FAULT, call_insb(vcpu, &f));
    expect(1, f.ecx);
}

static void ports_are_read_and_written_in_each_size(void) {
    put((uintptr_t)bare_ports + 0x3210, 0x88776655, 4);
    f.edx = 0x99993210;
    CALL(call_in, VMI_RETURNS);
    was_f.eax = 0x88776655;
    EXPECT_ALL();
    f.eax = 0x11111111;
    CALL(call_inb, VMI_RETURNS);
    was_f.eax = 0x11111155;
    EXPECT_ALL();
    f.eax = 0x11111111;
    CALL(call_inw, VMI_RETURNS);
    was_f.eax = 0x11116655;
    EXPECT_ALL();
    f.eax = 0xA1B2C3D4;
    CALL(call_out, VMI_RETURNS);
    CALL(call_outw, VMI_RETURNS);
    CALL(call_outb, VMI_RETURNS);
    CALL(call_io_delay, VMI_RETURNS);
    EXPECT_ALL();
    expect(4, bare_count);
    for (unsigned i = 0; i < 4; i++) {
        static const uint32_t sizes[] = {4, 2, 1, 1}, values[] = {0xA1B2C3D4, 0xC3D4, 0xD4, 0xD4};
        expect(i == 3 ? 0x80 : 0x3210, bare_events[i].where);
        expect(sizes[i], bare_events[i].size);
        expect(values[i], bare_events[i].value);
    }
}

static void strings_go_to_and_from_ports(void) {
    static vmi_handler *const ins[] = {call_insb, call_insw, call_ins}, *const outs[] = {call_outsb,
                                                                                         call_outsw,
                                                                                         call_outs};
    for (unsigned i = 0; i < 3; i++) {
        for (unsigned watched = 0; watched < 2; watched++) {
            for (unsigned down = 0; down < 2; down++) {
                uint32_t size = 1u << i, step = down ? 0 - size : size, expected = 0;
                f.edx = watched ? 0x70 : 0x3210;
                f.ecx = 3;
                f.eflags = down ? RFLAGS_DF : 0;
                f.edi = f.esi = DATA + 32;
                put((uintptr_t)bare_ports + (f.edx & 0xFFFF), 0x88776655, 4);
                memset((void *)(uintptr_t)DATA, 0, 64);
                CALL(ins[i], VMI_RETURNS);
                was_f.ecx = 0;
                was_f.edi = DATA + 32 + 3 * step;
                EXPECT_ALL();
                memcpy(&expected, bare_ports + (f.edx & 0xFFFF), size);
                for (unsigned n = 0; n < 3 && !watched; n++) {
                    expect(expected, look(DATA + 32 + n * step, size));
                }
                put(DATA + 24, 0x0706050403020100, 8);
                put(DATA + 32, 0x1716151413121110, 8);
                put(DATA + 40, 0x2726252423222120, 8);
                f.ecx = 3;
                bare_count = 0;
                CALL(outs[i], VMI_RETURNS);
                was_f.ecx = 0;
                was_f.esi = DATA + 32 + 3 * step;
                EXPECT_ALL();
                for (unsigned n = 0; n < 3 && !watched; n++) {
                    expect(look(DATA + 32 + n * step, size), bare_events[n].value);
                    expect(size, bare_events[n].size);
                    expect(0x3210, bare_events[n].where);
                }
            }
        }
    }
}

/* What the port gives is not lost. */
static void a_string_that_faults_has_not_touched_the_port(void) {
    static const uint32_t ports[] = {0x3210, 0x71};
    map_but(DATA);
    for (unsigned watched = 0; watched < 2; watched++) {
        for (unsigned one = 0; one < 2; one++) {
            f.edx = ports[watched];
            f.ecx = one ? 1 : 4;
            f.edi = f.esi = DATA;
            bare_count = 0;
            EXPECT_FAULT(call_ins, VECTOR_PF, PF_W);
            EXPECT_FAULT(call_outs, VECTOR_PF, 0);
            expect(0, bare_count);
            f.edi = f.esi = DATA - 2; /* half of one */
            EXPECT_FAULT(call_ins, VECTOR_PF, PF_W);
            EXPECT_FAULT(call_outs, VECTOR_PF, 0);
            expect(0, bare_count);
        }
    }
    f.edx = 0x70; /* of two the first has been done */
    f.esi = DATA - 1;
    f.ecx = 2;
    CALL(call_outsb, VMI_REPEATS);
    was_f.esi = DATA;
    was_f.ecx = 1;
    EXPECT_ALL();
}

static void elements_go_in_batches_to_the_end_of_the_page(void) {
    expect(1, elements_together(&f, 0x1000, 4, 1));
    expect(1024, elements_together(&f, 0x1000, 4, 5000));
    expect(1, elements_together(&f, 0x1FFC, 4, 5000));
    expect(4095, elements_together(&f, 0x1001, 1, 5000));
    expect(4096, elements_together(&f, 0x1000, 1, 5000));
    expect(7, elements_together(&f, 0x1000, 1, 7));
}

/* --- time --- */

static void counters_are_the_hosts_and_rdtsc_the_guests(void) {
    bare_tsc_step = 0;
    bare_tsc = 0x500000006;
    vcpu->vmcb->tsc_offset = 0x100000001;
    CALL(call_rdtsc, VMI_RETURNS);
    was_f.eax = 7;
    was_f.edx = 6;
    EXPECT_ALL();
    for (uint32_t counter = 0; counter < 4; counter++) {
        f.eax = counter;
        CALL(call_get_cycle_counter, VMI_RETURNS);
        was_f.eax = counter < 2 ? 6 : 0;
        was_f.edx = counter < 2 ? 5 : 0;
        EXPECT_ALL();
    }
    guest_hz = 0x700000009;
    CALL(call_get_cycle_frequency, VMI_RETURNS);
    was_f.eax = 9;
    was_f.edx = 7;
    EXPECT_ALL();
    guest_hz = 1000000;
}

static void an_alarm_has_its_expiry_and_period(void) {
    f.slot = VMI_CALL_SetAlarm;
    f.ecx = 0x40;
    f.edx = 0x12345678;
    put(STACK + 4, 0x1111222233334444, 8); /* behind the return address */
    for (unsigned i = 0; i < 4; i++) {
        bool periodic = i & 1;
        f.eax = (i >> 1) | (periodic ? VMI_ALARM_IS_PERIODIC : 0);
        vcpu->vmcb->intercept_misc1 = 0;
        CALL(call_set_alarm, VMI_RETURNS);
        was_vmcb.intercept_misc1 = INTERCEPT_INTR;
        was.alarms = vcpu->alarms;
        EXPECT_ALL();
        expect(0x4012345678, vcpu->alarms.alarm[i >> 1].expiry);
        expect(periodic ? 0x1111222233334444 : 0, vcpu->alarms.alarm[i >> 1].period);
        expect(true, vcpu->alarms.alarm[i >> 1].armed && !vcpu->alarms.alarm[i >> 1].lvtt);
    }
    give_pit_back();
    f.eax = 1;
    vcpu->vmcb->intercept_misc1 = INTERCEPT_INTR;
    CALL(call_cancel_alarm, VMI_RETURNS);
    expect(1, f.eax);
    f.eax = 1;
    vcpu->vmcb->intercept_misc1 = INTERCEPT_INTR;
    CALL(call_cancel_alarm, VMI_RETURNS);
    was_f.eax = 0;
    EXPECT_ALL();
    f.eax = 0;
    CALL(call_cancel_alarm, VMI_RETURNS);
    expect(1, f.eax);
    expect(true, vcpu->vmcb->intercept_misc1 == INTERCEPT_INTR); /* its last shot runs out */
    give_pit_back();
    map_but(STACK);
    EXPECT_FAULT(call_set_alarm, VECTOR_PF, 0);
    f.esp = STACK - 8;
    EXPECT_FAULT(call_set_alarm, VECTOR_PF, 0);
    expect(false, vcpu->alarms.alarm[0].armed);
}

static void an_alarm_that_cannot_be_served_changes_nothing(void) {
    f.slot = VMI_CALL_SetAlarm;
    bare_set_msr(MSR_APIC_BASE, APIC_BASE);
    f.eax = VMI_ALARM_WIRED_LVTT;
    vcpu->vmcb->intercept_misc1 = INTERCEPT_INTR;
    CALL(call_set_alarm, VMI_RETURNS);
    EXPECT_ALL();
}

static void the_wallclock_is_the_clocks(void) {
    uint64_t ns;
    bare_tsc_step = 0;
    ns = wallclock_time();
    CALL(call_get_wallclock_time, VMI_RETURNS);
    expect(ns, f.eax | (uint64_t)f.edx << 32);
}

/* --- transfer --- */

static void the_interrupt_flag_and_iopl_alone_change(void) {
    f.eflags = 0;
    CALL(call_enable_interrupts, VMI_RETURNS);
    was_f.eflags = 0x200;
    EXPECT_ALL();
    f.eflags = 0xFFFFFDFF;
    CALL(call_enable_interrupts, VMI_RETURNS);
    was_f.eflags = 0xFFFFFFFF;
    EXPECT_ALL();
    CALL(call_disable_interrupts, VMI_RETURNS);
    was_f.eflags = 0xFFFFFDFF;
    EXPECT_ALL();
    CALL(call_get_interrupt_mask, VMI_RETURNS);
    was_f.eax = 0;
    EXPECT_ALL();
    f.eax = 0x200;
    CALL(call_set_interrupt_mask, VMI_RETURNS);
    was_f.eflags = 0xFFFFFFFF;
    EXPECT_ALL();
    CALL(call_get_interrupt_mask, VMI_RETURNS);
    was_f.eax = 0x200;
    EXPECT_ALL();
    f.eax = 0xFFFFFDFF;
    CALL(call_set_interrupt_mask, VMI_RETURNS);
    was_f.eflags = 0xFFFFFDFF;
    EXPECT_ALL();
    f.eflags = 0xFFFFFFFF;
    f.eax = 0x1000;
    CALL(call_set_iopl_mask, VMI_RETURNS);
    was_f.eflags = 0xFFFFDFFF;
    EXPECT_ALL();
    f.eflags = 0;
    f.eax = 0xFFFFFFFF;
    CALL(call_set_iopl_mask, VMI_RETURNS);
    was_f.eflags = 0x3000;
    EXPECT_ALL();
}

static void halt_waits_for_what_is_the_guests_or_a_message(void) {
    vcpu->vmcb->interrupt_shadow = 3;
    host.waited_interrupt = (struct taken){0x77, 0};
    CALL(call_halt, VMI_RETURNS);
    was_f.eflags = 0x246;
    was_vmcb.interrupt_shadow = 2;
    was_vmcb.eventinj = event(EVENT_INTERRUPT, 0x77);
    EXPECT_ALL();
    host.waited_interrupt = (struct taken){NO_VECTOR, 1};
    vcpu->kicked = true;
    vcpu->registers.called = true;
    vcpu->vmcb->eventinj = 0;
    CALL(call_halt, VMI_RETURNS);
    expect(0, vcpu->vmcb->eventinj);
    vcpu->registers.called = false;
}

static void shutdown_waits_for_nmis_and_starts_over(void) {
    host.patience = 5;
    host.waited_nmi = (struct taken){NO_VECTOR, 1};
    f.eflags = 0x247;
    CALL(call_shutdown, VMI_REPEATS);
    was_f.eflags = 0x47;
    was_vmcb.eventinj = event(EVENT_NMI, VECTOR_NMI);
    EXPECT_ALL();
    expect(1, host.wait_nmis);
}

static void reboot_resets(void) {
    host.patience = 0;
    expect(true, ENDS(call_reboot(vcpu, &f)));
    expect(2, bare_times(BARE_OUT, 0xCF9));
}

static void sysexit_is_flat_and_needs_a_segment(void) {
    for (uint32_t cs = 0; cs < 4; cs++) {
        state->sysenter_cs = 0xFFFF0000 | cs;
        EXPECT_FAULT(call_sysexit, VECTOR_GP, 0);
    }
    state->sysenter_cs = 0x63;
    vcpu->vmcb->interrupt_shadow = 3;
    CALL(call_sysexit, VMI_TRANSFERS);
    was_f.cs = 0x73;
    was_f.ss = 0x7B;
    was_f.eip = 0x33333333;
    was_f.esp = 0x22222222;
    was_f.eflags = 0x246;
    was_state.cs = (struct segment){0x73, 0xCFB, 0xFFFFFFFF, 0};
    was_state.ss = (struct segment){0x7B, 0xCF3, 0xFFFFFFFF, 0};
    was_state.cpl = 3;
    was_vmcb.interrupt_shadow = 2;
    EXPECT_ALL();
}

/* --- IRET --- */

enum { KCODE = 0x08, KDATA = 0x10, UCODE = 0x1B, UDATA = 0x23, CONFORMING = 0x2B, STACK16 = 0x33 };

static void descriptors(void) {
    f.slot = VMI_CALL_IRET;
    state->gdtr = (struct segment){0, 0, 0x3F, GDT};
    put(GDT + 0x08, 0x00CF9B000000FFFF, 8);
    put(GDT + 0x10, 0x00CF93000000FFFF, 8);
    put(GDT + 0x18, 0x00CFFA000000FFFF, 8);
    put(GDT + 0x20, 0x00CFF2000000FFFF, 8);
    put(GDT + 0x28, 0x00CF9E000000FFFF, 8);
    put(GDT + 0x30, 0x000FF2000000FFFF, 8);
    state->cs = (struct segment){KCODE, 0xC9B, 0xFFFFFFFF, 0};
    state->ss = (struct segment){KDATA, 0xC93, 0xFFFFFFFF, 0};
    state->es = (struct segment){UDATA, 0xCF3, 0xFFFFFFFF, 0};
    state->ds = (struct segment){KDATA, 0xC93, 0xFFFFFFFF, 0};
    state->fs = (struct segment){CONFORMING, 0xC9F, 0xFFFFFFFF, 0};
    state->gs = (struct segment){0, 0, 0, 0};
    state->tr.base = DATA;
}

/* As call 39 finds it: the return address, EIP, CS, EFLAGS, ESP, SS. */
static void frame_at_stack(uint32_t cs, uint32_t ss, uint32_t eflags) {
    put(STACK, CODE + 0x105, 4);
    put(STACK + 4, 0x00654321, 4);
    put(STACK + 8, cs, 4);
    put(STACK + 12, eflags, 4);
    put(STACK + 16, 0x87654321, 4);
    put(STACK + 20, ss, 4);
    put(CODE + 0x100, 0xE8, 1);
    f.esp = STACK;
}

static void iret_to_an_outer_ring_loads_all(void) {
    descriptors();
    frame_at_stack(UCODE, UDATA, 0xFFFFFFFF & ~RFLAGS_VM);
    vcpu->vmcb->interrupt_shadow = 3;
    vcpu->vmcb->intercept_misc1 = INTERCEPT_IRET;
    state->gs = (struct segment){KDATA, 0xC93, 0xFFFFFFFF, 0};
    CALL(call_iret, VMI_TRANSFERS);
    was_f.cs = UCODE;
    was_f.ss = UDATA;
    was_f.es = UDATA;
    was_f.ds = 0;
    was_f.fs = CONFORMING;
    was_f.gs = 0;
    was_f.eip = 0x00654321;
    was_f.esp = 0x87654321;
    was_f.eflags = 0x003D7FD7;
    was_state.cs = (struct segment){UCODE, 0xCFB, 0xFFFFFFFF, 0};
    was_state.ss = (struct segment){UDATA, 0xCF3, 0xFFFFFFFF, 0};
    was_state.ds = was_state.gs = (struct segment){0, 0, 0, 0};
    was_state.cpl = 3;
    was_vmcb.interrupt_shadow = 2;
    was_vmcb.intercept_misc1 = INTERCEPT_NMI;
    EXPECT_ALL();
    expect(1, host.unmasks);
    expect(0xFB, look(GDT + 0x1D, 1));
    expect(0xF3, look(GDT + 0x25, 1));
}

static void iret_keeps_what_the_outer_ring_may_have(void) {
    static const struct {
        uint16_t attrib;
        bool kept;
    } cases[] = {{0xC93, false}, {0xCF3, true},  {0xCB3, false}, {0xC9F, true},
                 {0xC9B, false}, {0xC97, false}, {0xC13, true}};
    for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        descriptors();
        frame_at_stack(UCODE, UDATA, 2);
        state->es = state->fs = (struct segment){0x10, cases[i].attrib, 0xFFFFFFFF, 5};
        CALL(call_iret, VMI_TRANSFERS);
        expect(cases[i].kept ? 0x10 : 0, f.fs);
        expect(0, memcmp(&state->es, &state->fs, sizeof(state->es)));
        expect(cases[i].kept ? 0x10 : 0, f.es);
        expect(cases[i].kept ? cases[i].attrib : 0, state->es.attrib);
        expect(cases[i].kept ? 5 : 0, state->es.base);
    }
}

static void iret_to_a_16_bit_stack_loads_sp(void) {
    descriptors();
    frame_at_stack(UCODE, STACK16, 2);
    state->rsp = 0xABCD1235;
    put(STACK + 16, 0x87654320, 4);
    CALL(call_iret, VMI_TRANSFERS);
    expect(0xABCD4320, f.esp);
}

/* It wraps within 64 KiB, and the upper half stays. */
static void a_fault_from_a_16_bit_stack_moves_sp(void) {
    descriptors();
    frame_at_stack(3, UDATA, 2);
    f.ss_16bit = true;
    f.ss_base = STACK - 0xFFFF;
    f.esp = 0xABCCFFFF;
    put(f.ss_base + 3, 0x654321, 4);
    put(f.ss_base + 7, 3, 4);
    put(f.ss_base + 11, 2, 4);
    CALL(call_iret, VMI_TRANSFERS);
    expect(0xABCC0003, f.esp);
    expect(CODE + 0x100, f.eip);
}

static void iret_to_its_own_ring_keeps_the_stack(void) {
    descriptors();
    frame_at_stack(KCODE, 0, 2);
    f.eflags |= 1;
    state->gs = (struct segment){UDATA, 0xCF3, 0xFFFFFFFF, 0};
    CALL(call_iret, VMI_TRANSFERS);
    was_f.cs = KCODE;
    was_f.ss = KDATA;
    was_f.es = UDATA;
    was_f.ds = KDATA;
    was_f.fs = CONFORMING;
    was_f.gs = UDATA;
    was_f.eip = 0x00654321;
    was_f.esp = STACK + 16;
    was_f.eflags = 2;
    was_state.cs = (struct segment){KCODE, 0xC9B, 0xFFFFFFFF, 0};
    was_vmcb.intercept_misc1 = vcpu->vmcb->intercept_misc1;
    EXPECT_ALL();
}

static void iret_to_v86_loads_nine(void) {
    descriptors();
    frame_at_stack(0x1111, 0x2222, 0xFFFFFFFF);
    put(STACK + 4, 0x12345678, 4);
    put(STACK + 24, 0x3333, 4);
    put(STACK + 28, 0x4444, 4);
    put(STACK + 32, 0x5555, 4);
    put(STACK + 36, 0x6666, 4);
    CALL(call_iret, VMI_TRANSFERS);
    was_f.cs = 0x1111;
    was_f.ss = 0x2222;
    was_f.es = 0x3333;
    was_f.ds = 0x4444;
    was_f.fs = 0x5555;
    was_f.gs = 0x6666;
    was_f.eip = 0x5678;
    was_f.esp = 0x87654321;
    was_f.eflags = 0x3F7FD7;
    was_state.cs = (struct segment){0x1111, 0xF3, 0xFFFF, 0x11110};
    was_state.ss = (struct segment){0x2222, 0xF3, 0xFFFF, 0x22220};
    was_state.es = (struct segment){0x3333, 0xF3, 0xFFFF, 0x33330};
    was_state.ds = (struct segment){0x4444, 0xF3, 0xFFFF, 0x44440};
    was_state.fs = (struct segment){0x5555, 0xF3, 0xFFFF, 0x55550};
    was_state.gs = (struct segment){0x6666, 0xF3, 0xFFFF, 0x66660};
    was_state.cpl = 3;
    was_vmcb.intercept_misc1 = vcpu->vmcb->intercept_misc1;
    EXPECT_ALL();
}

static void expect_reflected_(int line, uint8_t vector, uint32_t error) {
    call_(line, call_iret, VMI_TRANSFERS);
    expect_(line, "event",
            (int64_t)(event(EVENT_EXCEPTION | EVENT_ERROR, vector) | (uint64_t)error << 32),
            (int64_t)vcpu->vmcb->eventinj);
    expect_(line, "eip", CODE + 0x100, f.eip);
    expect_(line, "esp", STACK + 4, f.esp);
    expect_(line, "eflags", was_f.eflags | RFLAGS_RF, f.eflags);
    expect_(line, "cs", KCODE, state->cs.selector);
    f.eflags &= ~RFLAGS_RF;
    vcpu->vmcb->eventinj = 0;
}
#define EXPECT_REFLECTED(vector, error) expect_reflected_(__LINE__, vector, error)

/* Each kind of descriptor for CS and SS, in each ring. */
static void iret_refuses_what_the_processor_does(void) {
    for (unsigned access = 0; access < 256; access++) {
        unsigned dpl = access >> 5 & 3;
        bool code = (access & 0x18) == 0x18, present = access & 0x80;
        bool good = code && (access & 4 ? dpl <= 3 : dpl == 3);
        bool stack = (access & 0x1A) == 0x12 && dpl == 3;
        host.unmasks = 0;
        descriptors();
        put(GDT + 0x1D, access, 1);
        frame_at_stack(UCODE, UDATA, 2);
        if (!good || !present) {
            EXPECT_REFLECTED(good ? VECTOR_NP : VECTOR_GP, 0x18);
        } else {
            CALL(call_iret, VMI_TRANSFERS);
            expect(0, vcpu->vmcb->eventinj);
        }
        host.unmasks = 0;
        descriptors();
        put(GDT + 0x25, access, 1);
        frame_at_stack(UCODE, UDATA, 2);
        if (!stack || !present) {
            EXPECT_REFLECTED(stack ? VECTOR_SS : VECTOR_GP, 0x20);
        } else {
            CALL(call_iret, VMI_TRANSFERS);
            expect(0, vcpu->vmcb->eventinj);
        }
    }
    host.unmasks = 0;
    descriptors();
    frame_at_stack(3, UDATA, 2);
    EXPECT_REFLECTED(VECTOR_GP, 0);
    frame_at_stack(UCODE, 3, 2);
    EXPECT_REFLECTED(VECTOR_GP, 0);
    frame_at_stack(UCODE, 0x22, 2); /* another RPL */
    EXPECT_REFLECTED(VECTOR_GP, 0x20);
    frame_at_stack(0x43, UDATA, 2); /* beyond the table */
    EXPECT_REFLECTED(VECTOR_GP, 0x40);
    frame_at_stack(UCODE, 0x43, 2);
    EXPECT_REFLECTED(VECTOR_GP, 0x40);
    put(GDT + 0x18, 0x0000FA0000004320, 8); /* EIP is 654321h */
    frame_at_stack(UCODE, UDATA, 2);
    EXPECT_REFLECTED(VECTOR_GP, 0);
    put(GDT + 0x18, 0x0046FA0000004321, 8);
    frame_at_stack(UCODE, UDATA, 2);
    put(STACK + 4, 0x64321, 4);
    CALL(call_iret, VMI_TRANSFERS);
    expect(0x64321, f.eip);
}

static void iret_to_a_conforming_segment_of_an_inner_ring(void) {
    descriptors();
    frame_at_stack(0x2A, UDATA, 2); /* ring 2, SS of ring 3 */
    EXPECT_REFLECTED(VECTOR_GP, 0x20);
    put(GDT + 0x2D, 0xFE, 1); /* of an outer ring: not for ring 2 */
    frame_at_stack(0x2A, UDATA, 2);
    EXPECT_REFLECTED(VECTOR_GP, 0x28);
}

static void a_bad_return_to_ring_0_faults_at_the_trap(void) {
    descriptors();
    frame_at_stack(KDATA, 0, 2);
    put(GDT + 0x15, 0x93, 1);
    CALL(call_iret, VMI_ERROR_FAULT);
    expect(VECTOR_GP, vcpu->fault.vector);
    expect(0x10, vcpu->fault.error);
    expect(0, vcpu->vmcb->eventinj);
    expect(CODE, f.eip);
}

static void without_a_call_the_fault_is_behind_it(void) {
    descriptors();
    frame_at_stack(3, UDATA, 2);
    put(CODE + 0x100, 0xE9, 1);
    CALL(call_iret, VMI_TRANSFERS);
    expect(CODE + 0x105, f.eip);
    expect(STACK + 4, f.esp);
    f.ss_16bit = true;
    f.esp = 0xABCD0000;
    f.ss_base = STACK;
    f.eip = CODE;
    CALL(call_iret, VMI_ERROR_FAULT);
}

static void a_return_between_tasks_is_ts(void) {
    descriptors();
    frame_at_stack(UCODE, UDATA, 2);
    put(DATA, 0x1237, 2);
    f.eflags = RFLAGS_NT | 2;
    EXPECT_REFLECTED(VECTOR_TS, 0x1234);
    map_but(DATA);
    CALL(call_iret, VMI_ERROR_FAULT);
    expect(VECTOR_PF, vcpu->fault.vector);
}

/* Page faults of the frame, the tables and their marks are the call's own. */
static void page_faults_are_the_calls(void) {
    descriptors();
    frame_at_stack(UCODE, UDATA, 2);
    map_but(GDT);
    CALL(call_iret, VMI_ERROR_FAULT);
    expect(VECTOR_PF, vcpu->fault.vector);
    map_but(STACK);
    CALL(call_iret, VMI_ERROR_FAULT);
    expect(VECTOR_PF, vcpu->fault.vector);
    map_but(0);
    put(TABLE + PAGE_SIZE + (GDT >> 12) * 4, GDT | 5, 4);
    state->cr0 |= CR0_WP;
    CALL(call_iret, VMI_ERROR_FAULT);
    expect(VECTOR_PF, vcpu->fault.vector);
    expect(PF_P | PF_W, vcpu->fault.error);
    expect(KCODE, state->cs.selector);
    put(GDT + 0x1D, 0xFB, 1);
    CALL(call_iret, VMI_ERROR_FAULT);
    expect(KCODE, state->cs.selector);
    put(GDT + 0x25, 0xF3, 1);
    CALL(call_iret, VMI_TRANSFERS);
}

/* --- tables of handlers, and the ends of what is there --- */

static void calls_without_an_effect_have_none(void) {
    CALL(monitor_handlers.Pause, VMI_RETURNS);
    EXPECT_ALL();
    CALL(monitor_handlers.FlushDeferredCalls, VMI_RETURNS);
    was_f.eax = 0;
    EXPECT_ALL();
}

/* The last bytes of the last page that is mapped. */
static void no_call_reaches_beyond_what_it_is_for(void) {
    uint32_t end = DATA + PAGE_SIZE;
    map_but(end);
    f.eax = end - 4;
    CALL(call_get_pxe, VMI_RETURNS);
    f.eax = end - 4;
    CALL(call_swap_pxe, VMI_RETURNS);
    f.eax = end - 4;
    f.edx = 3;
    CALL(call_set_bit, VMI_RETURNS);
    f.eax = end - 4;
    CALL(call_set_pxe0, VMI_RETURNS);
    f.eax = end - 8;
    CALL(call_get_pxe_long, VMI_RETURNS);
    f.ecx = end - 8;
    CALL(call_set_pxe_long, VMI_RETURNS);
    CALL(call_swap_pxe_long, VMI_RETURNS);
    f.eax = end - 8;
    CALL(call_deactivate_pxe_long, VMI_RETURNS);
    f.slot = VMI_CALL_WriteGDTEntry;
    f.eax = end - 8;
    f.edx = 0;
    CALL(call_write_entry, VMI_RETURNS);
    f.eax = end - 6;
    CALL(call_set_gdt, VMI_RETURNS);
    CALL(call_get_gdt, VMI_RETURNS);
}

/* Two frames that are not one behind the other. */
static void an_entry_across_pages_is_of_both_frames(void) {
    map_but(0);
    put(TABLE + PAGE_SIZE + ((DATA + PAGE_SIZE) >> 12) * 4, (DATA + 3 * PAGE_SIZE) | 7, 4);
    for (uint32_t before = 1; before < 8; before++) {
        uint32_t at = DATA + PAGE_SIZE - before;
        uint8_t bytes[8];
        uint64_t value;
        for (unsigned i = 0; i < 8; i++) {
            uint32_t place = i < before ? at + i : DATA + 3 * PAGE_SIZE + i - before;
            bytes[i] = (uint8_t)(0x10 * before + i);
            put(place, bytes[i], 1);
        }
        memcpy(&value, bytes, 8);
        f.eax = at;
        CALL(call_get_pxe_long, VMI_RETURNS);
        expect(value, f.eax | (uint64_t)f.edx << 32);
        f.eax = at;
        f.edx = 0x12345678;
        CALL(call_swap_pxe, VMI_RETURNS);
        expect((uint32_t)value, f.eax);
        f.eax = at;
        CALL(call_deactivate_pxe_long, VMI_RETURNS);
        expect(0x12345678 | value >> 32 << 32, f.eax | (uint64_t)f.edx << 32);
        f.eax = at;
        f.edx = 0;
        CALL(call_set_bit, VMI_RETURNS);
        expect(1, look(at, 1));
        expect(0, look(DATA + 3 * PAGE_SIZE, 1) & (before < 4 ? 0xFF : 0));
    }
}

static unsigned port_size;

static bool notes_size(uint16_t port, unsigned size, bool write, uint32_t *value) {
    (void)port, (void)write;
    *value = 0;
    port_size = size;
    return true;
}

static void ports_see_the_size_that_is_asked_for(void) {
    static vmi_handler *const calls[] = {call_inb,  call_inw,  call_in,
                                         call_outb, call_outw, call_out};
    bare_port_hook = notes_size;
    for (unsigned i = 0; i < 12; i++) { /* up to CMOS, which sees bytes */
        unsigned size = 1u << i % 3;
        f.edx = i < 6 ? 0x3210 : 0x70 - size;
        CALL(calls[i % 6], VMI_RETURNS);
        expect(size, port_size);
    }
    bare_port_hook = NULL;
}

/* The kept byte of CMOS, not the machine's. */
static void strings_at_watched_ports_go_the_guests_way(void) {
    f.edx = 0x70;
    f.eax = 0x0F;
    CALL(call_outb, VMI_RETURNS);
    memcpy((void *)(uintptr_t)DATA, "\x11\x22\x33\x44", 4);
    f.edx = 0x71;
    f.ecx = 3;
    f.esi = DATA;
    bare_count = 0;
    CALL(call_outsb, VMI_RETURNS);
    expect(0, bare_times(BARE_OUT, 0x71));
    bare_ports[0x71] = 0x99;
    f.ecx = 2;
    f.edi = DATA;
    CALL(call_insb, VMI_RETURNS);
    expect(0x44333333, look(DATA, 4));
    f.eflags = 1;
    f.ecx = 2;
    f.edx = 0x3210;
    f.esi = DATA;
    CALL(call_outsb, VMI_RETURNS);
    expect(DATA + 2, f.esi);
    expect(5, elements_together(&f, 0x1000, 1, 5));
}

static void what_is_refused_has_changed_nothing(void) {
    state->gdtr = (struct segment){0, 0, 0x7F, GDT};
    put(GDT + 0x18, 0x1200820034560067, 8);
    f.eax = 0x19; /* the table is bit 2 */
    CALL(call_set_ldt, VMI_RETURNS);
    was_state.ldtr = (struct segment){0x19, 0x82, 0x67, 0x12003456};
    EXPECT_ALL();
    put(GDT + 0x18, 0x1200930034560067, 8);
    EXPECT_FAULT(call_set_ldt, VECTOR_GP, 0x18);
    f.eax = 1;
    EXPECT_FAULT(call_set_tr, VECTOR_GP, 0);
    map_but(GDT);
    f.eax = 0x18;
    EXPECT_FAULT(call_set_ldt, VECTOR_PF, 0);
    f.slot = VMI_CALL_WriteGDTEntry;
    f.eax = DATA;
    f.edx = 0;
    put(DATA, 0, 8);
    map_but(STACK);
    EXPECT_FAULT(call_write_entry, VECTOR_PF, 0);
    expect(0, look(DATA, 8));
}

static void the_timers_are_looked_at_when_an_alarm_goes(void) {
    struct alarm alarm = {.armed = true, .expiry = ~0ull};
    set_alarm(&vcpu->alarms, 0, &alarm);
    vcpu->vmcb->intercept_misc1 = 0;
    f.eax = 0;
    CALL(call_cancel_alarm, VMI_RETURNS);
    expect(INTERCEPT_INTR, vcpu->vmcb->intercept_misc1); /* its last shot runs out */
    vcpu->vmcb->intercept_misc1 = 0;
    f.eax = 0;
    CALL(call_cancel_alarm, VMI_RETURNS);
    expect(0, vcpu->vmcb->intercept_misc1);
    give_pit_back();
}

int main(void) {
    bare_start();
    each_test_starts_with(reset);
    RUN(cpuid_has_leaf_and_subleaf);
    RUN(each_saved_msr_is_written_and_read_in_its_place);
    RUN(performance_counters_are_the_processors);
    RUN(cr0_has_the_bits_that_there_are);
    RUN(paging_goes_in_and_out_of_long_mode);
    RUN(other_bits_than_paging_and_lme_are_no_matter);
    RUN(dr7_is_armed_when_it_has_changed);
    RUN(registers_are_set_and_got);
    RUN(cr4_has_the_bits_that_cpuid_names);
    RUN(cr4_knows_what_long_mode_needs);
    RUN(debug_registers_are_set_and_got_each);
    RUN(long_values_of_debug_registers_are_for_addresses);
    RUN(caches_and_tlb);
    RUN(table_registers_are_six_bytes);
    RUN(system_descriptors_are_loaded_by_their_type);
    RUN(an_entry_is_written_low_dword_first);
    RUN(entries_are_set_got_and_exchanged);
    RUN(bits_are_set_and_cleared);
    RUN(entries_across_pages_and_faults);
    RUN(entries_in_memory_that_can_only_be_read_stay);
    RUN(ports_are_read_and_written_in_each_size);
    RUN(strings_go_to_and_from_ports);
    RUN(a_string_that_faults_has_not_touched_the_port);
    RUN(elements_go_in_batches_to_the_end_of_the_page);
    RUN(counters_are_the_hosts_and_rdtsc_the_guests);
    RUN(an_alarm_has_its_expiry_and_period);
    RUN(an_alarm_that_cannot_be_served_changes_nothing);
    RUN(the_wallclock_is_the_clocks);
    RUN(the_interrupt_flag_and_iopl_alone_change);
    RUN(halt_waits_for_what_is_the_guests_or_a_message);
    RUN(shutdown_waits_for_nmis_and_starts_over);
    RUN(reboot_resets);
    RUN(sysexit_is_flat_and_needs_a_segment);
    RUN(iret_to_an_outer_ring_loads_all);
    RUN(iret_keeps_what_the_outer_ring_may_have);
    RUN(iret_to_a_16_bit_stack_loads_sp);
    RUN(a_fault_from_a_16_bit_stack_moves_sp);
    RUN(iret_to_its_own_ring_keeps_the_stack);
    RUN(iret_to_v86_loads_nine);
    RUN(iret_refuses_what_the_processor_does);
    RUN(iret_to_a_conforming_segment_of_an_inner_ring);
    RUN(a_bad_return_to_ring_0_faults_at_the_trap);
    RUN(without_a_call_the_fault_is_behind_it);
    RUN(a_return_between_tasks_is_ts);
    RUN(page_faults_are_the_calls);
    RUN(calls_without_an_effect_have_none);
    RUN(no_call_reaches_beyond_what_it_is_for);
    RUN(an_entry_across_pages_is_of_both_frames);
    RUN(ports_see_the_size_that_is_asked_for);
    RUN(strings_at_watched_ports_go_the_guests_way);
    RUN(what_is_refused_has_changed_nothing);
    RUN(the_timers_are_looked_at_when_an_alarm_goes);
    RUN(an_entry_in_a_page_is_one_access);
    RUN(a_long_entry_is_read_where_it_must_not_be_written);
    RUN(a_long_entry_across_pages_is_what_two_looks_say);
    RUN(what_is_read_from_a_port_and_cannot_be_stored_is_a_fault);
    return results_end();
}
