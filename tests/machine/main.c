/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Chooses and runs the tests, prints TAP, judges every call against the table. */
#include "machine.h"
#include "expect.h"
#include "vmi/hypercall.h"

enum { ARITHMETIC_FLAGS = 0x8D5, ANY_FLAGS_BUT = EFLAGS_RF, MAX_IMAGE = 128 * 1024 };
enum {
    MARKER_RUNNING = 0x00800000,
    MARKER_FAILED = 0x00400000,
    MARKER_PHASE_SHIFT = 24,
    MARKER_INDEX = 0xFFFF
};

static const struct test *const groups[] = {
    processor_tests, descriptor_tests, interrupt_tests, transfer_tests, port_tests, tlb_tests,
    entry_tests,     race_tests,       alias_tests,     quiet_tests,    link_tests, power_tests};

uint32_t rom_physical, rom_size, rom_base, rom_api, features, boot_phase;
const uint8_t *rom_first;
struct call_regs result;

static uint32_t copy_base, initial_cr0, initial_cr4;
static char filter[512]; /* as long as a command line can be */
static uint32_t run_count, failed;
static int test_failed;
static const char *test_skipped;
static uint32_t running_index;
static uint32_t last_call;
static int is_hypercall;
static uint32_t offset_of[VMI_CALL_SLOTS]; /* of the calls' entries, from rom_base */

/* ---- Verdicts ---- */

void fail(const char *format, ...) {
    va_list args;
    test_failed = 1;
    guest_puts("# ");
    va_start(args, format);
    guest_vprintf(format, args);
    va_end(args);
    guest_putc('\n');
}

void note(const char *format, ...) {
    va_list args;
    guest_puts("# note: ");
    va_start(args, format);
    guest_vprintf(format, args);
    va_end(args);
    guest_putc('\n');
}

void skip(const char *reason) {
    test_skipped = reason;
}

void equal(const char *what, uint32_t seen, uint32_t expected) {
    if (seen != expected) {
        fail("%s: expected %08x, seen %08x", what, expected, seen);
    }
}

/* ---- Calls ---- */

uint32_t call_target(uint32_t call) {
    return rom_base + offset_of[call];
}

/* The calls of the image's API. */
static const struct expect *rows(uint32_t *count) {
    int is_3 = rom_api == VMI_API_MAJOR_3;
    *count = is_3 ? sizeof(expect_calls_3) / sizeof(expect_calls_3[0])
                  : sizeof(expect_calls) / sizeof(expect_calls[0]);
    return is_3 ? expect_calls_3 : expect_calls;
}

static const struct expect *expectation(uint32_t call) {
    uint32_t count;
    const struct expect *row = rows(&count);
    for (; count; row++, count--) {
        if (row->number == call) {
            return row;
        }
    }
    return NULL;
}

/* API 3.0: whether GetRelocationInfo is to answer with it. A hypercall image's answers with what it
 * has to serve. */
static uint32_t entries; /* a hypervisor's page of calls, 0: none */
static int asks;         /* after Init: only what it really answers with */
static uint8_t is_none[VMI_CALL_SLOTS];

static int is_answered(const struct expect *row) {
    if (row->call3 < 0) {
        return 0;
    }
    if (asks) {
        return !is_none[row->number];
    }
    return is_hypercall ? row->reloc != RELOC_NAMED : row->reloc <= RELOC_NAMED;
}

int has_call(uint32_t call) {
    const struct expect *row = expectation(call);
    if (!row) {
        return call > VMI3_SLOT_SetLazyMode; /* of neither API: to be called all the same */
    }
    return rom_api == VMI_API_MAJOR_13 || is_answered(row) || call == VMI_CALL_Init ||
           call == VMI_CALL_GetRelocationInfo;
}

uint32_t call_number(uint32_t call) {
    const struct expect *row = expectation(call);
    return rom_api == VMI_API_MAJOR_3 && row ? (uint32_t)row->call3 : call;
}

uint32_t call_of_number(uint32_t number) {
    uint32_t count;
    const struct expect *row = rows(&count);
    for (; count; row++, count--) {
        if (rom_api == VMI_API_MAJOR_13 ? row->number == number
                                        : is_answered(row) && (uint32_t)row->call3 == number) {
            return row->number;
        }
    }
    return 0;
}

typedef uint64_t get_reloc(uint32_t number) __attribute__((regparm(1)));

/* Paging is off, or the answers could be those of the alias. */
static void find_entries(void) {
    for (uint32_t call = 0; call < VMI_CALL_SLOTS; call++) {
        offset_of[call] = call * SLOT_SIZE;
    }
    if (rom_api == VMI_API_MAJOR_13) {
        return;
    }
    offset_of[VMI_CALL_GetRelocationInfo] = offsetof(struct vmi_rom_header_3, get_reloc);
    get_reloc *ask = (get_reloc *)call_target(VMI_CALL_GetRelocationInfo);
    uint32_t count;
    const struct expect *row = rows(&count);
    for (; asks && count; row++, count--) {
        is_none[row->number] = row->call3 < 0 || !VMI_RELOCATION_TYPE(ask((uint32_t)row->call3));
    }
    for (uint32_t number = 0; number <= VMI3_CALL_LAST; number++) {
        uint32_t call = call_of_number(number);
        if (call) {
            offset_of[call] = VMI_RELOCATION_EIP(ask(number)) - rom_base;
        }
    }
    for (uint32_t call = VMI3_SLOT_SetLazyMode + 1; entries && call < VMI_CALL_SLOTS; call++) {
        offset_of[call] = entries + call * SLOT_SIZE - rom_base;
    }
}

uint32_t kernel_ring(void) {
    uint32_t cs;
    __asm__("mov %%cs, %0" : "=r"(cs));
    return cs & 3;
}

int is_in_calls(uint32_t address) {
    return address - rom_base < rom_size || (entries && address - entries < VMI_CALLS_END);
}

static const char *call_name(uint32_t call) {
    const struct expect *e = expectation(call);
    return e ? e->name : "unassigned";
}

/* System flags that it is the purpose of a call to change. */
static uint32_t flags_meant(uint32_t call) {
    switch (call) {
    case VMI_CALL_EnableInterrupts:
    case VMI_CALL_DisableInterrupts:
    case VMI_CALL_SetInterruptMask:
    case VMI_CALL_Halt:
        return EFLAGS_IF;
    case VMI_CALL_SetIOPLMask:
        return EFLAGS_IOPL;
    default:
        return 0;
    }
}

static void judge_call(uint32_t call, const struct call_regs *in, const struct call_regs *out) {
    static const struct {
        const char *name;
        uint32_t offset, mask;
    } registers[] = {{"EAX", 28, EXPECT_EAX}, {"ECX", 24, EXPECT_ECX}, {"EDX", 20, EXPECT_EDX},
                     {"EBX", 16, EXPECT_EBX}, {"EBP", 8, EXPECT_EBP},  {"ESI", 4, EXPECT_ESI},
                     {"EDI", 0, EXPECT_EDI}};
    const struct expect *e = expectation(call);
    uint32_t may_change = e ? (uint32_t)(e->out | e->clobbers) : EXPECT_EAX | EXPECT_EDX;
    uint32_t may_flags = (e && e->flags ? ARITHMETIC_FLAGS : 0) | ANY_FLAGS_BUT | flags_meant(call);
    may_flags |= kernel_ring() ? EFLAGS_IOPL : 0; /* ring 1 loads it with no effect */
    const char *name = call_name(call);
    for (uint32_t i = 0; i < sizeof(registers) / sizeof(registers[0]); i++) {
        uint32_t before = *(const uint32_t *)((const uint8_t *)in + registers[i].offset);
        uint32_t after = *(const uint32_t *)((const uint8_t *)out + registers[i].offset);
        if (before != after && !(may_change & registers[i].mask)) {
            fail("%s changed %s: expected %08x, seen %08x", name, registers[i].name, before, after);
        }
    }
    if (out->esp_delta) {
        fail("%s returned with ESP off by %d", name, (int32_t)out->esp_delta);
    }
    if (out->args_changed) {
        fail("%s changed %u of its stack words", name, out->args_changed);
    }
    if ((in->eflags ^ out->eflags) & ~may_flags) {
        fail("%s changed EFLAGS: expected %08x, seen %08x", name, in->eflags, out->eflags);
    }
    if (in->ds != out->ds || in->es != out->es || in->fs != out->fs || in->gs != out->gs) {
        fail("%s changed a segment register", name);
    }
}

/* Where a hypervisor keeps the interrupt flag, PUSHF and POPF have another. */
typedef uint32_t flag_call(uint32_t mask) __attribute__((regparm(1)));

static void set_kept_flag(uint32_t eflags) {
    if (guest_flag_is_kept()) {
        ((flag_call *)call_target(VMI_CALL_SetInterruptMask))(eflags & EFLAGS_IF);
    }
}

static uint32_t with_kept_flag(uint32_t eflags) {
    if (!guest_flag_is_kept()) {
        return eflags;
    }
    return (eflags & ~(uint32_t)EFLAGS_IF) |
           ((flag_call *)call_target(VMI_CALL_GetInterruptMask))(0);
}

void vmi_registers(uint32_t call, struct call_regs *r, const uint32_t *words, uint32_t count) {
    struct call_regs in = *r;
    last_call = call;
    set_kept_flag(in.eflags);
    guest_call(r, call_target(call), words, count);
    r->eflags = with_kept_flag(r->eflags);
    judge_call(call, &in, r);
}

uint32_t vmi_words(uint32_t call, uint32_t eax, uint32_t edx, uint32_t ecx, const uint32_t *words,
                   uint32_t count) {
    static uint32_t seed = 1;
    guest_call_regs_init(&result, seed++);
    result.eax = eax;
    result.edx = edx;
    result.ecx = ecx;
    result.eflags = EFLAGS_FIXED | (seed & 1 ? ARITHMETIC_FLAGS : 0);
    vmi_registers(call, &result, words, count);
    return result.eax;
}

uint32_t vmi(uint32_t call, uint32_t eax, uint32_t edx, uint32_t ecx) {
    return vmi_words(call, eax, edx, ecx, NULL, 0);
}

int32_t vector_of(void (*fn)(void *), void *arg, struct guest_fault *fault) {
    return guest_try(fn, arg, fault) ? (int32_t)fault->frame.vector : -1;
}

struct faulting_call {
    uint32_t call;
    struct call_regs *regs;
};

static void make_call(void *arg) {
    struct faulting_call *c = arg;
    vmi_registers(c->call, c->regs, NULL, 0);
}

int32_t vmi_fault(uint32_t call, struct call_regs *r, struct guest_fault *fault) {
    struct faulting_call c = {call, r};
    int32_t vector = vector_of(make_call, &c, fault);
    if (vector >= 0 && !is_in_calls(fault->frame.eip)) {
        fail("%s: trap %d at %08x, outside the image", call_name(call), vector, fault->frame.eip);
    }
    return vector;
}

/* ---- The machine ---- */

void expect_reset(uint32_t phase) {
    guest_marker_set(phase << MARKER_PHASE_SHIFT | (failed ? MARKER_FAILED : 0) | running_index);
}

void drain_interrupts(void) {
    guest_pit_stop();
    for (uint32_t i = 0; i < 3; i++) {
        native_sti();
        __asm__ volatile("nop; nop");
        native_cli();
        guest_pic_unmask(0);
    }
    guest_pic_mask(0);
    guest_irq_count[0] = 0;
}

int make_irq0_pending(void) {
    guest_irq_count[0] = 0;
    guest_pit_oneshot(50);
    guest_pic_unmask(0);
    for (uint32_t i = 0; i < 10000000; i++) {
        if (guest_pic_pending() & 1) {
            return 1;
        }
    }
    fail("the PIT raised no interrupt");
    return 0;
}

static void machine_reset(void) {
    native_cli();
    guest_paging_off();
    guest_page_free_all();
    write_cr0(initial_cr0);
    if (initial_cr4 || features) {
        write_cr4(initial_cr4);
    }
    guest_descriptors_reset();
    for (uint32_t vector = 0; vector < 256; vector++) {
        guest_set_handler((uint8_t)vector, NULL);
    }
    write_dr7(0x400);
    write_dr6(0xFFFF0FF0);
    drain_interrupts();
    write_eflags(EFLAGS_FIXED);
}

/* ---- Choosing ---- */

static int listed(const char *word) {
    size_t length = strlen(word);
    for (const char *s = filter; *s;) {
        if (!strncmp(s, word, length) && (s[length] == ',' || !s[length])) {
            return 1;
        }
        while (*s && *s != ',') {
            s++;
        }
        s += *s == ',';
    }
    return 0;
}

static int chosen(const struct test *t) {
    if (!filter[0] || listed(t->name)) {
        return 1;
    }
    for (uint32_t i = 0; i < MAX_CALLS && t->calls[i]; i++) {
        if (has_call(t->calls[i]) && listed(call_name(t->calls[i]))) {
            return 1;
        }
    }
    return 0;
}

/* Whether the API has the calls of the test. */
static int is_possible(const struct test *t) {
    int any = 0, all = 1;
    for (uint32_t i = 0; i < MAX_CALLS && t->calls[i]; i++) {
        any |= has_call(t->calls[i]);
        all &= has_call(t->calls[i]);
    }
    return t->flags & ANY ? any : all;
}

/* ---- Running ---- */

static void run_body(void *arg) {
    ((const struct test *)arg)->run();
}

static void report_fault(const struct guest_fault *fault) {
    const struct trap_frame *f = &fault->frame;
    fail("trap %u (error %x, cr2 %08x) at %08x; the last call was %s", f->vector, f->error,
         fault->cr2, f->eip, call_name(last_call));
    if (f->eip - rom_base < rom_size) {
        fail("that is the image at offset %x: slot %u", f->eip - rom_base,
             (f->eip - rom_base) / SLOT_SIZE);
    }
}

static void run_test(const struct test *t, const char *suffix) {
    static struct guest_fault fault;
    run_count++;
    test_failed = 0;
    test_skipped = NULL;
    last_call = 0;
    guest_marker_set(MARKER_RUNNING | running_index);
    if (guest_try(run_body, (void *)t, &fault)) {
        report_fault(&fault);
    }
    machine_reset();
    if (memcmp((const void *)rom_physical, rom_first, rom_size) != 0) {
        fail("the image was written to");
    }
    if (test_failed) {
        failed++;
        guest_printf("not ok - %s%s\n", t->name, suffix);
    } else if (test_skipped) {
        guest_printf("ok - %s%s # SKIP %s\n", t->name, suffix, test_skipped);
    } else {
        guest_printf("ok - %s%s\n", t->name, suffix);
    }
    boot_phase = 0;
}

static void run_everywhere(const struct test *t) {
    rom_base = rom_physical;
    find_entries();
    run_test(t, "");
    if (t->flags & TWICE) {
        rom_base = copy_base;
        memcpy((void *)copy_base, rom_first, rom_size);
        find_entries();
        run_test(t, "_from_copy");
        rom_base = rom_physical;
        if (memcmp((const void *)copy_base, rom_first, rom_size) != 0) {
            failed++;
            guest_printf("not ok - %s leaves the copy as it was\n", t->name);
        }
    }
}

static const char *test_name(uint32_t wanted) {
    uint32_t index = 0;
    for (uint32_t g = 0; g < sizeof(groups) / sizeof(groups[0]); g++) {
        for (const struct test *t = groups[g]; t->name; t++, index++) {
            if (index == wanted) {
                return t->name;
            }
        }
    }
    return "a test unknown";
}

static int is_test(const char *name, size_t length) {
    for (uint32_t g = 0; g < sizeof(groups) / sizeof(groups[0]); g++) {
        for (const struct test *t = groups[g]; t->name; t++) {
            if (strlen(t->name) == length && !strncmp(t->name, name, length)) {
                return 1;
            }
        }
    }
    return 0;
}

/* One name may be a call's that no test here has; a list is of tests. */
static void check_list(void) {
    int is_list = 0;
    for (const char *s = filter; *s;) {
        size_t length = 0;
        while (s[length] && s[length] != ',') {
            length++;
        }
        is_list |= s[length] == ',';
        if (is_list && !is_test(s, length)) {
            failed++;
            guest_printf("not ok - every name of the list is a test's: %s\n", s);
        }
        s += length + (s[length] == ',');
    }
}

static void run_all(uint32_t first) {
    uint32_t index = 0;
    for (uint32_t g = 0; g < sizeof(groups) / sizeof(groups[0]); g++) {
        for (const struct test *t = groups[g]; t->name; t++, index++) {
            if (index < first || !chosen(t) || !is_possible(t) ||
                (groups[g] == alias_tests && kernel_ring())) { /* answers lead to the hypervisor */
                continue;
            }
            running_index = index;
            run_everywhere(t);
        }
    }
}

/* The BIOS has made it read-only: what is written to it is lost. */
static void test_image_is_untouched(void) {
    for (uint32_t at = rom_physical; at < rom_physical + rom_size; at++) {
        volatile uint8_t *byte = guest_at(at);
        *byte = (uint8_t) ~*byte;
    }
    equal("bytes that differ", (uint32_t) !!memcmp((const void *)rom_physical, rom_first, rom_size),
          0);
    equal("sum", guest_sum((const void *)rom_physical, rom_size), 0);
}

/* For the host, which has its file. */
static void print_image(void) {
    const uint8_t *bytes = guest_at(rom_physical);
    for (uint32_t i = 0; i < rom_size; i++) {
        guest_printf("%s%02x%s", i % 32 ? "" : "# image ", bytes[i], i % 32 == 31 ? "\n" : "");
    }
}

/* The first of API 13, unless there is none or the other one is asked for. */
static void find_image(const char *api) {
    struct rom_found list[16];
    uint32_t count;
    rom_api = VMI_API_MAJOR_13;
    rom_physical = strcmp(api, "3") ? guest_find_rom(list, 16, &count) : 0;
    if (!rom_physical) {
        rom_api = VMI_API_MAJOR_3;
        rom_physical = guest_find_rom_of(VMI_API_MAJOR_3, list, 16, &count);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (list[i].verdict == ROM_GOOD) {
            rom_size = list[i].size;
        } else if (list[i].verdict != ROM_NOT_VMI) {
            guest_printf("# at %05x: %s\n", list[i].phys, guest_rom_verdict_name(list[i].verdict));
        }
    }
    if (!rom_physical) {
        guest_panic(NULL, "no VMI ROM");
    }
    rom_base = rom_physical;
    is_hypercall = *(const uint16_t *)(rom_base + VMI_HYPERCALL_POINTER) != 0;
    guest_printf("# VMI ROM of API %u at %05x, %u bytes\n", rom_api, rom_physical, rom_size);
    rom_first = guest_at(GUEST_FREE_MEMORY + 0x200000);
    copy_base = GUEST_FREE_MEMORY + 0x280000;
}

/* Where a hypervisor has the calls: what API 13's slots lead to. */
static uint32_t vmi_entries(void) {
    uint32_t call = rom_api == VMI_API_MAJOR_13 ? VMI_CALL_GetCR3 : VMI3_CALL_GetCR3;
    uint64_t answer = ((get_reloc *)call_target(VMI_CALL_GetRelocationInfo))(call);
    return VMI_RELOCATION_EIP(answer) & ~0xFFFu;
}

/* With `init` all tests run after a successful Init: in ring 1, where a hypervisor lowers it. */
static void call_init(const char *cmdline) {
    char text[4];
    if (!guest_option(cmdline, "init", text, sizeof(text))) {
        return;
    }
    struct guest_space space = guest_space_new(0);
    int is_13 = rom_api == VMI_API_MAJOR_13;
    asks = 1;
    find_entries();
    guest_paging_on(&space);
    if ((uint32_t)((get_reloc *)call_target(VMI_CALL_Init))(0)) {
        guest_panic(NULL, "Init refuses");
    }
    guest_paging_off();
    guest_page_free_all();
    entries = vmi_entries();
    guest_tell_gdt = call_target(VMI_CALL_WriteGDTEntry);
    guest_tell_stack_eax = is_13 ? (uint32_t)&guest_tss : SEL_KDATA;
    guest_tell_stack =
        call_target(is_13 ? VMI_CALL_UpdateKernelStack : VMI3_SLOT_UpdateKernelStack);
}

void guest_main(const char *cmdline) {
    static const struct test image = {
        "image_is_unwritten_and_still_sealed", test_image_is_untouched, 0, {0}};
    uint32_t marker = guest_marker_get();
    uint32_t first = 0;
    char api[4] = "";
    guest_marker_clear();
    guest_option(cmdline, "only", filter, sizeof(filter));
    guest_option(cmdline, "api", api, sizeof(api));
    features = guest_cpu_features();
    initial_cr0 = read_cr0() & ~(uint32_t)(CR0_TS | CR0_EM | CR0_WP);
    initial_cr4 = features ? read_cr4() & ~(uint32_t)(CR4_PAE | CR4_PGE | CR4_PSE) : 0;
    find_image(api);
    if (marker & MARKER_RUNNING) {
        guest_printf("not ok - %s (the machine was reset)\n", test_name(marker & MARKER_INDEX));
        guest_exit(1);
    }
    if (marker) {
        boot_phase = marker >> MARKER_PHASE_SHIFT;
        first = marker & MARKER_INDEX;
        failed = (marker & MARKER_FAILED) != 0;
        if (memcmp((const void *)rom_physical, rom_first, rom_size) != 0) {
            guest_puts("not ok - the image is the same after a reset\n");
            failed++;
        }
    } else {
        memcpy((void *)rom_first, (const void *)rom_physical, rom_size);
    }
    machine_reset();
    call_init(cmdline);
    check_list();
    run_all(first);
    int uncovered = run_count == 0 && !marker;
    run_test(&image, "");
    if (!filter[0]) {
        print_image();
    }
    guest_marker_clear();
    guest_printf("# end%s\n", uncovered ? ", uncovered" : "");
    guest_exit(failed ? 1 : 0);
}
