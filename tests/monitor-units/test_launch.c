/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* The launch as main.c does it: what the guest resumes with, and how the other processors follow.
 * The images are those of the build's folder, $build or `build`. TAP. */

#define _GNU_SOURCE /* NOLINT(bugprone-reserved-identifier): the library wants this name */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "common/debug.h"
#include "common/publish.h"
#include "guest.h"
#include "image_file.h"
#include "svm/boot.h"
#include "svm/cpuid.h"
#include "svm/figures.h"
#include "vmi/calls.h"

_Noreturn void monitor_main(const struct launch *launch, const uint8_t *code, uint64_t size);
_Noreturn void monitor_processor(unsigned number);
_Noreturn void monitor_spare(void);

extern uint64_t host_pml4[];

#define AREA     0xC0000u
#define AREA_END 0xE0000u
#define ROM      0xC8000u
#define IMAGE    0x140000u
#define LOW      0x90000u /* the stack's page */
#define LENT     32u

static struct {
    struct guest_registers *registers;
    uint64_t vmcb;
    void *on_exit, *on_call, *on_message, *context;
    unsigned times;
} ran;

static struct launch launch;
static uint8_t trampoline[LENT + 1];
static unsigned lent, sent;
static bool last_is_late;

_Noreturn void run_guest(struct guest_registers *registers, uint64_t vmcb, run_fn *on_exit,
                         run_fn *on_call, run_fn *on_message, void *context) {
    ran.registers = registers;
    ran.vmcb = vmcb;
    ran.on_exit = (void *)on_exit;
    ran.on_call = (void *)on_call;
    ran.on_message = (void *)on_message;
    ran.context = context;
    ran.times++;
    longjmp(guest_end, 1);
}

/* The clock is another test's. */
static uint64_t (*clock_counter)(void);

void start_time(uint64_t (*counter)(void)) {
    clock_counter = counter;
}

static void come(uint32_t reg) {
    if (reg != APIC_ICR) {
        return;
    }
    lent += !memcmp(bare_low, trampoline, LENT) && bare_low[LENT] != trampoline[LENT];
    for (unsigned i = 1; sent == 1 && i < MAX_PROCESSORS - last_is_late; i++) {
        has_arrived(i);
    }
    sent++;
}

static void load_image(struct rom_table *table) {
    static const char *const names[] = {"vmi-hypercall.rom", "vmi-native.rom",
                                        "vmi-3-hypercall.rom", "vmi-3-native.rom"};
    const char *build = getenv("build");
    for (unsigned i = 0; i < 4; i++) {
        struct rom_image *image = &table->images[i / 2];
        char path[512];
        uint32_t offset = 0x1000 + i * 0x2000;
        uint32_t size;
        snprintf(path, sizeof(path), "%s/%s", build ? build : "build", names[i]);
        size = image_load(path, (uint8_t *)(uintptr_t)IMAGE + offset, 0x2000);
        *(i % 2 ? &image->native : &image->hypercall) = offset;
        *(i % 2 ? &image->native_size : &image->hypercall_size) = size;
    }
}

static void prepare(uint16_t options, uint32_t block) {
    struct rom_table table = {.resume = 0x1234,
                              .int15 = 0x5678,
                              .policy = VMI_POLICY_TUNED,
                              .options = options,
                              .block = block,
                              .resident = 0x400};
    bare_reset();
    bare_set_msr(MSR_APIC_BASE, APIC_BASE | APIC_BASE_ENABLED);
    bare_set_msr(MSR_PAT, 0x0007040600070406);
    bare_set_cpuid(LEAF_FEATURES, 0, (const uint32_t[]){0x123456, BSP_ID << ID_BITS, 0, 0});
    bare_set_cpuid(LEAF_AMD_FEATURES, 0, (const uint32_t[]){0, 0, 0, 1u << 26}); /* huge pages */
    memset((void *)(uintptr_t)AREA, 0, AREA_END - AREA);
    memset((void *)(uintptr_t)LOW, 0, PAGE_SIZE);
    memset(iopm, 0, PAGE_SIZE);
    memset(msrpm, 0, PAGE_SIZE);
    host_pml4[512 + 4] = 0;
    memset(&ran, 0, sizeof(ran));
    clock_counter = NULL;
    host = (struct host){
        .interrupt = {NO_VECTOR, 0}, .nmi = {NO_VECTOR, 1}, .waited_nmi = {NO_VECTOR, 0}};
    load_image(&table);
    memcpy((void *)(uintptr_t)(IMAGE + ROM_TABLE), &table, sizeof(table));
    memcpy((void *)(uintptr_t)ROM, (const uint8_t[]){0x55, 0xAA, 32}, 3);
    for (unsigned i = 0; i < 64; i++) {
        bare_low[i] = (uint8_t)(0x80 + i);
    }
    for (unsigned i = 0; i <= LENT; i++) {
        trampoline[i] = (uint8_t)(1 + i);
    }
    put((uintptr_t)bare_low + 0x15 * 4, 0xF000E739, 4);
    bare_cr[2] = 0x2222;
    bare_dr[6] = 0x6666;
    bare_dr[7] = 0x7777;
    bare_tsc_step = 1000;
    bare_store_hook = come;
    launch = (struct launch){.rom = ROM,
                             .image = IMAGE,
                             .block = BLOCK,
                             .cr0 = 0x10,
                             .cr3 = 0x3333,
                             .cr4 = 0x4444,
                             .efer = 0x800,
                             .gdt_limit = 0x67,
                             .gdt_base = 0x6789,
                             .idt_limit = 0x3FF,
                             .idt_base = 0x89,
                             .int19 = 0xF000E6F2,
                             .ss = LOW >> 4,
                             .sp = 0x100};
}

static bool launches(uint16_t options, uint32_t block) {
    prepare(options, block);
    return ENDS(monitor_main(&launch, trampoline, LENT)) && ran.times == 1;
}

static void expect_segment_(int line, const struct segment *s, uint32_t selector, uint32_t attrib,
                            uint32_t limit, uint64_t base) {
    expect_(line, "selector", selector, s->selector);
    expect_(line, "attrib", attrib, s->attrib);
    expect_(line, "limit", limit, s->limit);
    expect_(line, "base", (int64_t)base, (int64_t)s->base);
}

#define EXPECT_SEGMENT(...) expect_segment_(__LINE__, __VA_ARGS__)

static void the_guest_resumes_as_the_bios_left_the_machine(void) {
    expect(true, launches(0, 0x12345678));
    vcpu = &vcpus[0];
    state = state_of(vcpu);
    EXPECT_SEGMENT(&state->cs, ROM >> 4, 0x9B, 0xFFFF, ROM);
    EXPECT_SEGMENT(&state->ss, LOW >> 4, 0x93, 0xFFFFFFFF, LOW);
    EXPECT_SEGMENT(&state->ds, 0, 0x93, 0xFFFFFFFF, 0);
    EXPECT_SEGMENT(&state->es, 0, 0x93, 0xFFFFFFFF, 0);
    EXPECT_SEGMENT(&state->gdtr, 0, 0, 0x67, 0x6789);
    EXPECT_SEGMENT(&state->idtr, 0, 0, 0x3FF, 0x89);
    expect(0x800 | EFER_SVME, state->efer);
    expect(0x10, state->cr0);
    expect(0x2222, state->cr2);
    expect(0x3333, state->cr3);
    expect(0x4444, state->cr4);
    expect(0x6666, state->dr6);
    expect(0x7777, state->dr7);
    expect(2, state->rflags);
    expect(0x1234, state->rip);
    expect(0x100, state->rsp);
    expect(0xF000E6F2, look(LOW + 0x100 + 2 + 2 + 32 + 4, 4)); /* below its saved registers */
    expect(0, look(LOW + 0x100 + 2 + 2 + 32, 4) | look(LOW + 0x100 + 2 + 2 + 32 + 8, 4));
    expect(0xF000E739, look((uintptr_t)bare_low + 0x15 * 4, 4)); /* the BIOS knows by PMM */
    expect(0, bios_hook.block | bios_hook.reserved | bios_hook.int15);
    expect(true, ran.context == vcpu && ran.registers == &vcpu->registers);
    expect(vcpu->vmcb_address, ran.vmcb);
    expect(true, ran.on_exit == (void *)handle_exit && ran.on_call == (void *)handle_call &&
                     ran.on_message == (void *)obey);
    expect(physical_of(vcpu->vmcb), vcpu->vmcb_address);
    expect(BLOCK, physical_of((void *)(uintptr_t)HOST_BASE));
    expect(1, host.enters); /* to find how breakpoints are armed */
    expect(TLB_FLUSH, vcpu->vmcb->tlb_control);
}

static void faults_of_the_host_have_gates(void) {
    expect(true, launches(0, 1));
    expect(1, bare_idtr.loads);
    expect(256 * 16 - 1, bare_idtr.limit);
    for (unsigned i = 0; i < 256; i++) {
        const uint8_t *gate = (const uint8_t *)bare_idtr.base + i * 16;
        uint64_t at = look((uintptr_t)gate, 2) | look((uintptr_t)gate + 6, 2) << 16 |
                      look((uintptr_t)gate + 8, 4) << 32;
        expect((uintptr_t)host_vectors + i * 16, at);
        expect(0x08, look((uintptr_t)gate + 2, 2));
        expect(0x8E00, look((uintptr_t)gate + 4, 2));
        expect(0, look((uintptr_t)gate + 12, 4));
    }
}

/* As memory.c and intercept.c have it. */
static void the_maps_are_made(void) {
    unsigned efer = 0x4000 + 0x80 * 2;
    expect(true, launches(0, 1));
    expect(3, msrpm[efer / 8] >> efer % 8 & 3);
    expect(0x100000087, host_pml4[512 + 4]); /* a GiB from 4 GiB on */
}

static bool port_exits(uint16_t port) {
    return iopm[port / 8] >> port % 8 & 1;
}

static void the_image_says_what_is_done(void) {
    expect(true, launches(0, 1));
    expect(true, spare_com1 && !tracing);
    expect(false, port_exits(0x64));
    expect(true, port_exits(0x71) && port_exits(0xF4)); /* the maps are there */
    expect(true, launches(OPTION_TRACE, 1));
    expect(true, spare_com1 && tracing);
    expect(false, port_exits(0x64));
    expect(true, launches(OPTION_COM1, 1));
    expect(false, spare_com1 || tracing);
    expect(true, launches(OPTION_RESETS, 1));
    expect(true, spare_com1 && !tracing);
    expect(true, port_exits(0x64));
    tracing = spare_com1 = false;
}

static void without_pmm_int_15h_is_hooked(void) {
    expect(true, launches(0, 0));
    expect(BLOCK, bios_hook.block);
    expect(0x200000, bios_hook.reserved);
    expect(0xF000E739, bios_hook.int15);
    expect(ROM << 12 | 0x5678, look((uintptr_t)bare_low + 0x15 * 4, 4));
    expect(0x97969594, look((uintptr_t)bare_low + 0x14, 4));
}

/* Of tables, the area of option ROMs, the clock. */
static void what_the_guest_finds_is_prepared(void) {
    uint32_t published;
    expect(true, launches(0, 1));
    expect(0xC0000, publications[0].address);
    expect(0xC2000, publications[1].address);
    expect(VMI_TRAP_VMMCALL, publications[0].trap);
    expect(VMI_SLOT_NATIVE, publications[0].kind[VMI_CALL_GetCycleCounter]); /* tuned */
    expect(true, is_shown(0xC0000) && is_shown(ROM) && !is_shown(0xCC000));
    published = publications[0].size;
    expect(0x1400, published);
    expect(0, guest_physical(BLOCK, false) == (void *)(uintptr_t)BLOCK);
    bare_tsc = 12345;
    expect(12345 + 1000, clock_counter());
    expect(2, sent); /* to the other processors, at the code that is lent */
    expect(2, lent);
    for (unsigned i = 0; i < 64; i++) {
        expect(i / 4 == 0x15 ? bare_low[i] : 0x80 + i, bare_low[i]);
    }
}

static void startup(void) {
    if (host.wait_nmis == 1) {
        send_interrupt(&vcpus[0], ICR_INIT | ICR_ASSERT, guest_ids[MAX_PROCESSORS - 1]);
        send_interrupt(&vcpus[0], ICR_STARTUP | 0x9A, guest_ids[MAX_PROCESSORS - 1]);
    }
}

static void another_processor_waits_until_it_is_called(void) {
    struct vcpu *last = &vcpus[MAX_PROCESSORS - 1];
    uint64_t base;
    last_is_late = true;
    expect(true, launches(0, 1));
    base = bare_idtr.base;
    memset(&ran, 0, sizeof(ran));
    memset(&bare_idtr, 0, sizeof(bare_idtr));
    last->registers.called = false;
    send_interrupt(&vcpus[0], ICR_INIT | ICR_ASSERT, guest_ids[MAX_PROCESSORS - 1]);
    expect(false, last->registers.called); /* it has not come yet */
    host.patience = 0;
    expect(true, ENDS(monitor_processor(MAX_PROCESSORS - 1)));
    expect(0, ran.times);
    expect(1, host.wait_nmis);
    expect(1, bare_idtr.loads);
    expect(base, (int64_t)bare_idtr.base);
    expect(MAX_PROCESSORS - 1, last->number);
    host.patience = 3;
    host.wait_nmis = 0;
    host.on_wait = startup;
    expect(true, ENDS(monitor_processor(MAX_PROCESSORS - 1)));
    expect(1, ran.times);
    expect(true, ran.context == last && ran.vmcb == last->vmcb_address);
    expect(0x9A00, state_of(last)->cs.selector);
}

static void one_without_a_place_is_parked(void) {
    expect(true, launches(0, 1));
    memset(&bare_idtr, 0, sizeof(bare_idtr));
    memset(&ran, 0, sizeof(ran));
    host.patience = 0;
    host.wait_nmis = 0;
    expect(true, ENDS(monitor_spare()));
    expect(1, bare_idtr.loads);
    expect(1, host.wait_nmis);
    expect(0, ran.times);
}

int main(void) {
    bare_start();
    if (mmap((void *)(uintptr_t)AREA, AREA_END - AREA, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED ||
        mmap((void *)(uintptr_t)LOW, PAGE_SIZE, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED) {
        perror("the first MiB");
        return 1;
    }
    guest_listed = MAX_PROCESSORS;
    guest_reset();
    RUN_ALONE(the_guest_resumes_as_the_bios_left_the_machine);
    RUN_ALONE(faults_of_the_host_have_gates);
    RUN_ALONE(the_maps_are_made);
    RUN_ALONE(the_image_says_what_is_done);
    RUN_ALONE(without_pmm_int_15h_is_hooked);
    RUN_ALONE(what_the_guest_finds_is_prepared);
    RUN_ALONE(another_processor_waits_until_it_is_called);
    RUN_ALONE(one_without_a_place_is_parked);
    return results_end();
}
