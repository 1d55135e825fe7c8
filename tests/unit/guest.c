/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

#include <stdio.h>
#include <unistd.h>

#include "common/debug.h"
#include "guest.h"
#include "svm/ports.h"

const uint8_t guest_ids[LISTED] = {BSP_ID, 0x22, 0x24, 0x28, 0x31, 0x32, 0x34, 0x38, 0x41, 0x42};

unsigned guest_listed = LISTED, guest_first, guest_room;
uint64_t guest_hz = 1000000;
struct vcpu *vcpu;
struct guest_state *state;
struct host host;
jmp_buf guest_end;
bool guest_may_end;
struct vmcb was_vmcb;
struct vcpu was;

/* --- host.asm --- */

uint8_t try_rdmsr(uint32_t msr, uint64_t *value) {
    return bare_msr(msr, value) ? 0 : VECTOR_GP;
}

uint8_t try_wrmsr(uint32_t msr, uint64_t value) {
    if (!bare_msr(msr, &(uint64_t){0}) || bare_refuses(msr)) {
        return VECTOR_GP;
    }
    wrmsr(msr, value);
    return 0;
}

uint8_t try_rdpmc(uint32_t counter, uint64_t *value) {
    *value = 0x1122334455667700 + counter;
    return counter > 3 ? VECTOR_GP : 0;
}

struct taken take_interrupt(void) {
    host.take_interrupts++;
    if (host.on_take) {
        host.on_take();
    }
    return host.interrupt;
}

struct taken wait_for_interrupt(void) {
    host.wait_interrupts++;
    return host.waited_interrupt;
}

struct taken take_nmi(void) {
    host.take_nmis++;
    return host.nmi;
}

struct taken wait_for_nmi(void) {
    if (++host.wait_nmis > host.patience) {
        if (!guest_may_end) {
            fprintf(stderr, "the guest's processor has stopped\n");
            _exit(1);
        }
        longjmp(guest_end, 1);
    }
    if (host.on_wait) {
        host.on_wait();
    }
    return host.waited_nmi;
}

void unmask_nmi(void) {
    host.unmasks++;
}

void write_cr2(uint64_t value) {
    host.cr2 = value;
    host.cr2s++;
}

void enter_guest(uint64_t vmcb) {
    (void)vmcb;
    host.enters++;
    if (host.on_enter) {
        host.on_enter();
    }
}

/* --- words: as common/debug.c puts them out, without a fault for each character --- */

void say(const char *text) {
    for (; *text && bare_count < sizeof(bare_events) / sizeof(*bare_events); text++) {
        bare_events[bare_count++] = (struct bare_event){BARE_OUT, 0xE9, 1, (uint8_t)*text};
    }
}

void say_hex(uint64_t value, unsigned digits) {
    char text[17];
    snprintf(text, sizeof(text), "%0*lX", (int)digits, value);
    say(text + strlen(text) - digits);
}

void say_count(const char *name, uint32_t count) {
    char text[64];
    snprintf(text, sizeof(text), " %s %u", name, count);
    say(text);
}

/* --- what the BIOS says --- */

unsigned list_processors(uint8_t *ids, unsigned max) {
    guest_room = max;
    for (unsigned i = 0; i < guest_listed && i < max; i++) {
        ids[i] = guest_ids[(i + guest_first) % LISTED];
    }
    return guest_listed;
}

void find_sleep_ports(struct sleep_ports *ports) {
    *ports = (struct sleep_ports){{PM1A, PM1B}, SMI, 5};
}

uint64_t cycle_frequency(void) {
    return guest_hz;
}

/* --- the guest --- */

static void set_machine(void) {
    bare_reset();
    bare_set_msr(MSR_APIC_BASE, APIC_BASE | APIC_BASE_ENABLED);
    bare_set_msr(MSR_PAT, 0x0007040600070406);
    bare_set_msr(MSR_EFER, 0x1501);
    bare_set_cpuid(LEAF_FEATURES, 0, (const uint32_t[]){0x123456, BSP_ID << ID_BITS, 0, 0});
    bare_set_cpuid(LEAF_AMD_FEATURES, 0, (const uint32_t[]){0, 0, ~0u, 1u << 26});
    bare_ports[0x3FD] = 0x20;
}

/* Registers of which each is another. */
static void fill(void) {
    struct gprs *gpr = &vcpu->registers.gpr;
    uint64_t *registers = &gpr->rax;
    for (unsigned i = 0; i < 16; i++) {
        registers[i] = 0x0101010101010101ull * (i + 1);
    }
    state->rax = 0xA0A1A2A3A4A5A6A7;
    state->rsp = STACK;
}

/* A counter of the PIT that runs out quickly, and a clock whose second is another at each look. */
static bool clocks(uint16_t port, unsigned size, bool write, uint32_t *value) {
    static unsigned looks;
    (void)size;
    if (write || (port != 0x42 && port != 0x71)) {
        return false;
    }
    looks++;
    *value = port == 0x71 ? looks % 0x60 : looks < 64 ? 0xFF : 0x10;
    return true;
}

static void start_clock(void) {
    bare_port_hook = clocks;
    start_time(read_tsc);
    set_machine();
}

void guest_reset(void) {
    static bool started;
    set_machine();
    if (!started) {
        bare_take_cpuid_and_tsc();
        start_clock();
        start_block(BLOCK, BLOCK);
        start_memory();
        start_intercepts();
        start_ports(false);
        for (unsigned i = 0; i < MAX_PROCESSORS; i++) {
            new_vcpu(i);
        }
        started = true;
    }
    for (unsigned i = 0; i < MAX_PROCESSORS; i++) {
        vcpus[i].vmcb->tsc_offset = vcpus[i].vmcb->state.g_pat = 0;
        new_vcpu(i);
        vcpus[i].registers.called = vcpus[i].kicked = false;
        memset(vcpus[i].exits, 0, sizeof(vcpus[i].exits));
        memset(vcpus[i].calls, 0, sizeof(vcpus[i].calls));
    }
    host = (struct host){
        .interrupt = {NO_VECTOR, 0}, .nmi = {NO_VECTOR, 1}, .waited_nmi = {NO_VECTOR, 0}};
    bare_count = 0;
    bare_tsc = 1000;
    vcpu = &vcpus[0];
    state = state_of(vcpu);
    fill();
    state->cs.attrib = ATTRIB_32;
    state->cr0 = CR0_PE;
    state->rip = CODE;
    state->rflags = 2;
}

void put(uint64_t at, uint64_t value, unsigned size) {
    memcpy((void *)(uintptr_t)at, &value, size);
}

void put_code(const char *bytes, unsigned size) {
    memcpy((void *)(uintptr_t)state->rip, bytes, size);
}

uint64_t look(uint64_t at, unsigned size) {
    uint64_t value = 0;
    memcpy(&value, (void *)(uintptr_t)at, size);
    return value;
}

void exits(uint64_t code, uint64_t info1, uint64_t info2) {
    vcpu->vmcb->exitcode = code;
    vcpu->vmcb->exitinfo1 = info1;
    vcpu->vmcb->exitinfo2 = info2;
    handle_exit(vcpu);
}

uint64_t event(uint32_t kind, uint8_t vector) {
    return EVENT_VALID | kind | vector;
}

const char *said(void) {
    static char text[4096];
    unsigned size = 0;
    for (unsigned i = 0; i < bare_count && size + 1 < sizeof(text); i++) {
        if (bare_events[i].kind == BARE_OUT && bare_events[i].where == 0xE9 &&
            bare_events[i].value != '\r') {
            text[size++] = (char)bare_events[i].value;
        }
    }
    text[size] = 0;
    return text;
}

void expect_said(int line, const char *text) {
    if (strcmp(text, said()) != 0) {
        printf("# said: %s", said());
    }
    expect_(line, "said", 0, strcmp(text, said()));
}

void keep(void) {
    was = *vcpu;
    was_vmcb = *vcpu->vmcb;
}

static void compare(int line, const char *what, const void *expected, const void *seen,
                    unsigned size) {
    const uint8_t *e = expected, *s = seen;
    for (unsigned i = 0; i < size; i++) {
        if (e[i] != s[i]) {
            char text[64];
            snprintf(text, sizeof(text), "%s at %Xh", what, i);
            expect_(line, text, e[i], s[i]);
            return;
        }
    }
}

/* What guest_memory.c remembers is its own matter. */
void expect_kept(int line) {
    was.walked_code = vcpu->walked_code;
    memcpy(was.walked, vcpu->walked, sizeof(was.walked));
    compare(line, "VMCB", &was_vmcb, vcpu->vmcb, sizeof(was_vmcb));
    compare(line, "processor", &was, vcpu, sizeof(was));
}
