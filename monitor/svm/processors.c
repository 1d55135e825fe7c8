/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * The APs. Before the guest runs, the monitor takes each one over by an INIT and a STARTUP
 * (take_processors). It then waits in the host, where only an NMI reaches it.
 * Writes to the local APIC's command register are intercepted (watch.c): an INIT and a STARTUP
 * become messages from processor to processor, and no such interrupt is ever sent again. An NMI
 * makes a processor exit from the guest, or wakes it: a kick.
 */

#include "breakpoints.h"
#include "common/acpi.h"
#include "common/apic.h"
#include "common/clock.h"
#include "common/debug.h"
#include "common/lock.h"
#include "cpuid.h"
#include "descriptor.h"
#include "event.h"
#include "guest_memory.h"
#include "machine.h"
#include "processors.h"
#include "vmi/api.h"

#define BOOT       0u /* the place of the BSP */
#define NOBODY     0xFFu
#define FAST       4000000000ull /* cycles a second, where their rate is not known */
#define INIT_MS    10u           /* between INIT and STARTUP */
#define STARTUP_MS 1u
#define LATEST_MS  1000u  /* a processor that is broken does not come */
#define PENDING    10000u /* looks at a command that is on its way */

#define APIC_ID_SHIFT 24 /* in CPUID */

#define INIT_CR0     0x60000010u
#define INIT_DR6     0xFFFF0FF0u
#define INIT_RFLAGS  0x00000002u
#define INIT_LIMIT   0x0000FFFFu
#define ATTRIB_CODE  0x9Bu /* present, accessed */
#define ATTRIB_DATA  0x93u
#define ATTRIB_LDT   0x82u
#define ATTRIB_TSS   0x8Bu
#define KERNEL_START 0xC0000000u /* Linux's */

static struct processor {
    uint8_t apic_id;
    volatile bool arrived;
    uint8_t vector;     /* of the guest's STARTUP */
    bool waits;         /* has had an INIT and waits for a STARTUP */
    bool init, startup; /* messages: the INIT comes first */
    uint32_t ldr, dfr;  /* the logical ID in the local APIC */
    bool runs;          /* the guest */
    bool has_state;
    struct vmi_ap_state state;
} processors[MAX_PROCESSORS];

static unsigned processor_count; /* with a place */
static volatile unsigned spares; /* without */
static volatile bool messages;   /* the lock */

/* The place of each APIC ID, for launch.asm. */
uint8_t processor_numbers[IDS];

/* --- who is there --- */

static void add_processor(uint8_t apic_id) {
    if (processor_numbers[apic_id] != NOBODY || processor_count == MAX_PROCESSORS) {
        return;
    }
    processor_numbers[apic_id] = (uint8_t)processor_count;
    processors[processor_count].dfr = DFR_FLAT;
    processors[processor_count++].apic_id = apic_id;
}

/* How many the BIOS lists. Without a list the first few IDs are taken for theirs. */
static unsigned number_processors(void) {
    static uint8_t ids[IDS];
    unsigned listed = list_processors(ids, IDS);
    for (unsigned i = 0; i < IDS; i++) {
        processor_numbers[i] = NOBODY;
    }
    add_processor((uint8_t)(cpuid(LEAF_FEATURES, 0).ebx >> APIC_ID_SHIFT));
    for (unsigned i = 0; i < listed; i++) {
        add_processor(ids[i]);
    }
    for (unsigned id = 0; !listed && id < MAX_PROCESSORS; id++) {
        add_processor((uint8_t)id);
    }
    return listed ? listed : 1;
}

static struct processor *processor_of(uint32_t apic_id) {
    if (apic_id >= IDS || processor_numbers[apic_id] == NOBODY) {
        return NULL;
    }
    return &processors[processor_numbers[apic_id]];
}

/* --- the local APIC --- */

static void write_apic(uint32_t reg, uint32_t value) {
    if (apic_is_x2()) {
        try_wrmsr(MSR_X2APIC + reg / 16, value);
    } else {
        apic_write(reg, value);
    }
}

static bool has_any(uint32_t registers) {
    uint32_t any = 0;
    for (uint32_t reg = registers; reg < registers + 8 * 16; reg += 16) {
        any |= apic_read(reg);
    }
    return any;
}

/* Sends what the guest has asked for; a destination in memory's register is there already. */
static bool apic_command(uint32_t command, uint32_t destination) {
    if (apic_is_x2()) {
        return !try_wrmsr(MSR_X2APIC_ICR, (uint64_t)destination << 32 | command);
    }
    apic_write(APIC_ICR, command);
    return true;
}

static void wait_until_sent(void) {
    for (unsigned i = 0; i < PENDING && !apic_is_x2() && apic_read(APIC_ICR) & ICR_PENDING; i++) {
        __asm__ volatile("pause");
    }
}

/* Sent by the monitor: the guest's destination is preserved. */
static void apic_send(uint32_t command, uint8_t destination) {
    uint32_t high = 0;
    wait_until_sent();
    if (!apic_is_x2()) {
        high = apic_read(APIC_ICR_HIGH);
        apic_write(APIC_ICR_HIGH, (uint32_t)destination << ICR_HIGH_SHIFT);
    }
    apic_command(command, destination);
    wait_until_sent();
    if (!apic_is_x2()) {
        apic_write(APIC_ICR_HIGH, high);
    }
}

/* --- taking them over --- */

static void wait(unsigned ms) {
    uint64_t from = read_tsc(), hz = cycle_frequency() ? cycle_frequency() : FAST;
    while (read_tsc() - from < hz / 1000 * ms) {
        __asm__ volatile("pause");
    }
}

/* Those that have arrived, without the BSP. */
static unsigned arrivals(void) {
    unsigned count = __atomic_load_n(&spares, __ATOMIC_ACQUIRE);
    for (unsigned i = BOOT + 1; i < processor_count; i++) {
        count += __atomic_load_n(&processors[i].arrived, __ATOMIC_ACQUIRE);
    }
    return count;
}

static void copy(volatile uint8_t *to, const volatile uint8_t *from, uint32_t size) {
    while (size--) {
        *to++ = *from++;
    }
}

static void send_to_others(uint32_t mode) {
    apic_send(ICR_OTHERS | ICR_ASSERT | mode, 0);
}

/* All of them, listed or not. */
static void start_others(unsigned others) {
    send_to_others(ICR_INIT);
    wait(INIT_MS);
    send_to_others(ICR_STARTUP);
    wait(STARTUP_MS);
    if (arrivals() < others) {
        send_to_others(ICR_STARTUP);
    }
    for (unsigned ms = 0; ms < LATEST_MS && arrivals() < others; ms++) {
        wait(1);
    }
}

static void say_spares(void) {
    if (!spares) {
        return;
    }
    say("# monitor: launched:");
    say_count("processors", MAX_PROCESSORS);
    say_count("parked for good", spares);
    say("\n");
}

void take_processors(const uint8_t *code, uint32_t size) {
    unsigned listed = number_processors();
    uint8_t saved[64];
    volatile uint8_t *zero = NULL;
    __asm__("" : "+r"(zero)); /* address 0 is valid here */
    if (!has_apic()) {
        return;
    }
    copy(saved, zero, size);
    copy(zero, code, size);
    start_others(listed - 1);
    copy(zero, saved, size);
    note_logical_id(&vcpus[BOOT]);
    say_spares();
}

void has_arrived(unsigned number) {
    __atomic_store_n(&processors[number].arrived, true, __ATOMIC_RELEASE);
}

_Noreturn void park(void) {
    __atomic_fetch_add(&spares, 1, __ATOMIC_RELEASE);
    stop();
}

/* --- INIT and STARTUP --- */

/* In x2APIC mode the logical ID follows from the ID. */
void note_logical_id(const struct vcpu *vcpu) {
    struct processor *own = &processors[vcpu->number];
    if (apic_is_x2()) {
        return;
    }
    own->ldr = apic_read(APIC_LDR);
    own->dfr = apic_read(APIC_DFR);
}

static bool is_logical_target(const struct processor *p, uint32_t destination) {
    uint32_t id = p->ldr >> 24;
    if (apic_is_x2()) {
        return destination >> 16 == p->apic_id >> 4 && destination & 1u << p->apic_id % 16;
    }
    if (p->dfr == DFR_FLAT) {
        return id & destination;
    }
    return id >> 4 == destination >> 4 && id & destination & 0xF; /* clusters of four */
}

/* Bit n: processor n. */
static uint32_t targets_of(const struct vcpu *vcpu, uint32_t command, uint32_t destination) {
    uint32_t all = (1u << processor_count) - 1, self = 1u << vcpu->number, targets = 0;
    switch (command & ICR_SHORTHAND) {
    case ICR_SELF:
        return self;
    case ICR_ALL:
        return all;
    case ICR_OTHERS:
        return all & ~self;
    }
    if (destination == apic_everybody()) {
        return all;
    }
    for (unsigned i = 0; i < processor_count; i++) {
        if (command & ICR_LOGICAL ? is_logical_target(&processors[i], destination)
                                  : processors[i].apic_id == destination) {
            targets |= 1u << i;
        }
    }
    return targets;
}

/* An NMI at a time: whoever takes it clears the mark. */
static void kick(const struct vcpu *from, unsigned number) {
    struct vcpu *vcpu = &vcpus[number];
    if (vcpu != from && !__atomic_exchange_n(&vcpu->kicked, true, __ATOMIC_ACQ_REL)) {
        apic_send(ICR_ASSERT | ICR_NMI, processors[number].apic_id);
    }
}

/* The BSP would start the BIOS over: the machine's reset does, too. A STARTUP counts for
 * those that wait for it: the guest's second one for nobody. */
static void send_message(const struct vcpu *vcpu, uint32_t mode, uint8_t vector, uint32_t targets) {
    if (mode == ICR_INIT && targets & 1u << BOOT) {
        reset_machine();
    }
    for (unsigned i = 0; i < processor_count; i++) {
        struct processor *p = &processors[i];
        bool heard = targets & 1u << i && p->arrived;
        lock(&messages);
        if (heard && mode == ICR_INIT) {
            p->init = p->waits = true;
            p->startup = false;
        } else if (heard && p->waits) {
            p->startup = true;
            p->waits = false;
            p->vector = vector;
        } else {
            heard = false;
        }
        vcpus[i].registers.called |= heard;
        unlock(&messages);
        if (heard) {
            kick(vcpu, i);
        }
    }
}

/* Only the BSP's SMBASE has been set by the BIOS. */
bool send_interrupt(const struct vcpu *vcpu, uint32_t command, uint32_t destination) {
    uint32_t mode = command & ICR_MODE;
    if (mode != ICR_INIT && mode != ICR_STARTUP && mode != ICR_SMI) {
        return apic_command(command, destination);
    }
    if (apic_is_x2() && command & ICR_RESERVED) {
        return false;
    }
    if (mode == ICR_STARTUP ||
        (mode == ICR_INIT && (command & ICR_ASSERT || !(command & ICR_LEVEL)))) {
        send_message(vcpu, mode, command & ICR_VECTOR, targets_of(vcpu, command, destination));
    }
    return true;
}

uint32_t without_smi(uint32_t reg, uint32_t value) {
    uint32_t mode = value & ICR_MODE;
    return apic_is_lvt(reg) && (mode == ICR_SMI || mode == ICR_INIT) ? value | LVT_MASKED : value;
}

/* --- on the target --- */

/* What INIT does to a local APIC. Interrupts that it holds are lost, so they are taken first. A
 * kick may come with them: of the next message, which is looked for behind this. */
static void init_apic(struct vcpu *vcpu) {
    if (!has_apic()) {
        return;
    }
    for (uint32_t lvt = APIC_LVTT; lvt <= APIC_LVT_LAST; lvt += 16) {
        write_apic(lvt, LVT_MASKED);
    }
    write_apic(APIC_COUNT, 0);
    write_apic(APIC_DIVIDER, 0);
    write_apic(APIC_TPR, 0);
    write_apic(APIC_SVR, SVR_ENABLED | SVR_INIT);
    for (unsigned i = 0; i < 2 * IDS && (has_any(APIC_ISR) || has_any(APIC_IRR)); i++) {
        if (!has_any(APIC_ISR) && take_interrupt().nmi) {
            vcpu->kicked = false;
        }
        write_apic(APIC_EOI, 0);
    }
    write_apic(APIC_SVR, SVR_INIT);
    write_apic(APIC_ESR, 0);
    if (apic_is_x2()) {
        return;
    }
    write_apic(APIC_LDR, 0);
    write_apic(APIC_DFR, DFR_FLAT);
}

/* What is on its way to the processor is not the guest's. */
static void drop_kick(struct vcpu *vcpu) {
    for (uint64_t from = read_tsc(); vcpu->kicked && read_tsc() - from < FAST;) {
        if (take_nmi().nmi) {
            vcpu->kicked = false;
        }
    }
    vcpu->kicked = false;
}

static uint32_t take_message(struct vcpu *vcpu, struct processor *own) {
    uint32_t mode = 0;
    lock(&messages);
    if (own->init) {
        mode = ICR_INIT;
    } else if (own->startup) {
        mode = ICR_STARTUP;
    }
    if (mode == ICR_INIT) {
        own->init = false;
    } else {
        own->startup = false;
    }
    vcpu->registers.called = own->init || own->startup;
    unlock(&messages);
    return mode;
}

static void init(struct vcpu *vcpu) {
    unmask_nmi();
    init_apic(vcpu);
    note_logical_id(vcpu);
}

/* As after INIT and STARTUP. What INIT leaves alone is in the processor already. */
static struct segment real_segment(uint16_t selector, uint16_t attrib) {
    return (struct segment){selector, attrib, INIT_LIMIT, (uint64_t)selector << 4};
}

static void real_mode(struct vcpu *vcpu, uint8_t vector) {
    struct guest_state *state = state_of(vcpu);
    vmcb_save(vcpu->vmcb_address); /* FS, GS, LDTR and TR are beside MSRs that stay */
    state->cs = real_segment((uint16_t)(vector << 8), ATTRIB_CODE);
    state->ss = state->ds = state->es = state->fs = state->gs = real_segment(0, ATTRIB_DATA);
    state->ldtr = real_segment(0, ATTRIB_LDT);
    state->tr = real_segment(0, ATTRIB_TSS);
    vmcb_load(vcpu->vmcb_address);
    state->gdtr.limit = state->idtr.limit = INIT_LIMIT;
    state->efer = EFER_SVME;
    state->cr0 = INIT_CR0;
    state->dr6 = INIT_DR6;
    state->dr7 = DR7_ONES;
    state->rflags = INIT_RFLAGS;
    vcpu->registers.gpr.rdx = cpuid(LEAF_FEATURES, 0).eax;
    for (unsigned i = 0; i < 4; i++) {
        write_breakpoint(i, 0);
    }
    arm_breakpoints(vcpu);
}

/* A segment that is not there may be a null selector's, but for code and stack. */
static bool load_segment(struct vcpu *vcpu, const struct vmi_frame *frame, uint16_t selector,
                         struct segment *segment) {
    struct descriptor d;
    *segment = (struct segment){.selector = selector};
    if (!(selector & SELECTOR_INDEX)) {
        return true;
    }
    if (read_descriptor(vcpu, frame, selector, &d) || !(d.segment.attrib & ATTRIB_P)) {
        return false;
    }
    *segment = d.segment;
    return true;
}

static bool load_segments(struct vcpu *vcpu, const struct vmi_ap_state *state) {
    struct vmcb *vmcb = vcpu->vmcb;
    struct vmi_frame frame = {.guest = &monitor_guest, .context = vcpu};
    return load_segment(vcpu, &frame, state->ldtr, &vmcb->state.ldtr) &&
           load_segment(vcpu, &frame, state->cs, &vmcb->state.cs) &&
           load_segment(vcpu, &frame, state->ss, &vmcb->state.ss) &&
           load_segment(vcpu, &frame, state->ds, &vmcb->state.ds) &&
           load_segment(vcpu, &frame, state->es, &vmcb->state.es) &&
           load_segment(vcpu, &frame, state->fs, &vmcb->state.fs) &&
           load_segment(vcpu, &frame, state->gs, &vmcb->state.gs) &&
           vmcb->state.cs.attrib & TYPE_CODE && vmcb->state.ss.attrib & TYPE_WRITABLE;
}

static bool given_state(struct vcpu *vcpu, const struct vmi_ap_state *state) {
    struct vmcb *vmcb = vcpu->vmcb;
    bool good;
    vmcb->state.cr0 = state->cr0;
    vmcb->state.cr2 = state->cr2;
    vmcb->state.cr3 = state->cr3;
    vmcb->state.cr4 = state->cr4;
    vmcb->state.efer = state->efer_low | EFER_SVME;
    vmcb->state.rip = state->eip;
    vmcb->state.rflags = state->eflags | INIT_RFLAGS;
    vmcb->state.rax = state->eax;
    vcpu->registers.gpr.rbx = state->ebx;
    vcpu->registers.gpr.rcx = state->ecx;
    vcpu->registers.gpr.rdx = state->edx;
    vmcb->state.rsp = state->esp;
    vcpu->registers.gpr.rbp = state->ebp;
    vcpu->registers.gpr.rsi = state->esi;
    vcpu->registers.gpr.rdi = state->edi;
    vmcb->state.gdtr.limit = state->gdtr_limit;
    vmcb->state.gdtr.base = state->gdtr_base;
    vmcb->state.idtr.limit = state->idtr_limit;
    vmcb->state.idtr.base = state->idtr_base;
    vmcb_save(vcpu->vmcb_address); /* FS, GS and LDTR are loaded beside the rest */
    good = load_segments(vcpu, state);
    vmcb_load(vcpu->vmcb_address);
    return good;
}

/* With a state that cannot be loaded it does not start. */
static bool start_state(struct vcpu *vcpu, struct processor *own) {
    real_mode(vcpu, own->vector);
    if (!own->has_state) {
        return true;
    }
    own->has_state = false;
    return given_state(vcpu, &own->state);
}

void obey(void *context) {
    struct vcpu *vcpu = context;
    struct processor *own = &processors[vcpu->number];
    while (!own->runs || vcpu->registers.called) {
        uint32_t mode = take_message(vcpu, own);
        if (mode == ICR_INIT) {
            own->runs = false;
            init(vcpu);
        } else if (mode == ICR_STARTUP) {
            new_vcpu(vcpu->number);
            own->runs = start_state(vcpu, own);
        } else if (!own->runs) {
            deliver_taken(vcpu, wait_for_nmi());
        }
    }
    drop_kick(vcpu);
}

/* --- calls --- */

/* To start in paged protected mode, and not in long mode; with no bits that VMRUN refuses. */
static bool is_state(const struct vcpu *vcpu, const struct vmi_ap_state *state) {
    uint32_t efer = EFER_SCE | EFER_NXE;
    return state->cr0 & CR0_PE && state->cr0 & CR0_PG &&
           (state->cr0 & CR0_CD || !(state->cr0 & CR0_NW)) && !(state->efer_low & ~efer) &&
           !(state->cr4 & (~guest_cr4(vcpu) | CR4_PCIDE));
}

static bool read_physical(const struct vcpu *vcpu, uint32_t address, struct vmi_ap_state *state) {
    for (uint32_t i = 0; i < VMI_AP_STATE_SIZE; i++) {
        const uint8_t *at = guest_physical(address + i, false);
        if (!at) {
            return false;
        }
        ((uint8_t *)state)[i] = *at;
    }
    return is_state(vcpu, state);
}

static bool read_linear(const struct vcpu *vcpu, struct vmi_frame *f, struct vmi_ap_state *state) {
    return !vmi_guest_read(f, f->eax, state, VMI_AP_STATE_SIZE) && is_state(vcpu, state);
}

static void leave_state(uint32_t apic_id, const struct vmi_ap_state *state) {
    struct processor *other = processor_of(apic_id);
    if (!other) {
        return;
    }
    other->state = *state;
    other->has_state = true;
}

/* Linux gives the physical address of a variable, others a linear one. An invalid state is
 * ignored: the processor starts as it would natively. */
int call_set_initial_ap_state(void *context, struct vmi_frame *f) {
    struct vmi_ap_state state;
    if ((f->eax < KERNEL_START && read_physical(context, f->eax, &state)) ||
        read_linear(context, f, &state)) {
        leave_state(f->edx, &state);
    }
    return VMI_RETURNS;
}

/* API 3.0 */
int call_set_linear_ap_state(void *context, struct vmi_frame *f) {
    struct vmi_ap_state state;
    if (read_linear(context, f, &state)) {
        leave_state(f->edx, &state);
    }
    return VMI_RETURNS;
}
