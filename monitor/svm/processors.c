/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * The machine's other processors. When the BIOS boots they halt, outside of the monitor. A guest
 * starts one by an INIT and a STARTUP through its local APIC, which is watched (watch.c). The INIT
 * goes through. The STARTUP leads to a few instructions of ours, which lie at address 0 for as long
 * as it takes (trampoline in launch.asm). So the processor comes to monitor_processor and runs the
 * guest from where the guest's STARTUP has sent it, or from the state that SetInitialAPState has
 * left for it.
 */

#include "common/acpi.h"
#include "common/apic.h"
#include "descriptor.h"
#include "guest_memory.h"
#include "machine.h"
#include "processors.h"
#include "vmi/api.h"

#define BOOT     0u /* the place of the processor that boots */
#define NOBODY   0xFFu
#define IDS      256u
#define PATIENCE (1ull << 32) /* cycles, about a second: a processor may be broken */

#define APIC_ID_SHIFT 24

#define INIT_CR0     0x60000010u
#define INIT_DR6     0xFFFF0FF0u
#define INIT_DR7     0x00000400u
#define INIT_RFLAGS  0x00000002u
#define INIT_LIMIT   0x0000FFFFu
#define ATTRIB_CODE  0x9Bu /* present, accessed */
#define ATTRIB_DATA  0x93u
#define KERNEL_START 0xC0000000u /* Linux's */

static struct processor {
    uint8_t apic_id;
    uint8_t vector; /* of the guest's STARTUP */
    bool waits;     /* for a STARTUP */
    volatile bool arrived;
    bool has_state;
    struct vmi_ap_state state;
} processors[MAX_PROCESSORS];

static unsigned processor_count;
static bool starting; /* a lock: there is one address 0 */
static const uint8_t *trampoline;
static uint32_t trampoline_size;

/* The place of each APIC ID above: launch.asm asks. */
uint8_t processor_numbers[IDS];

/* --- who is there --- */

static void add_processor(uint8_t apic_id) {
    if (processor_numbers[apic_id] != NOBODY || processor_count == MAX_PROCESSORS)
        return;
    processor_numbers[apic_id] = (uint8_t)processor_count;
    processors[processor_count++].apic_id = apic_id;
}

/* Without a list the first few IDs are taken for theirs. */
unsigned find_processors(const uint8_t *code, uint32_t size) {
    uint8_t ids[IDS];
    unsigned listed = list_processors(ids, IDS);
    trampoline = code;
    trampoline_size = size;
    for (unsigned i = 0; i < IDS; i++)
        processor_numbers[i] = NOBODY;
    add_processor((uint8_t)(cpuid(LEAF_FEATURES, 0).ebx >> APIC_ID_SHIFT));
    for (unsigned i = 0; i < listed; i++)
        add_processor(ids[i]);
    for (uint8_t id = 0; !listed && id < MAX_PROCESSORS; id++)
        add_processor(id);
    return processor_count;
}

static struct processor *processor_of(uint32_t apic_id) {
    if (apic_id >= IDS || processor_numbers[apic_id] == NOBODY)
        return NULL;
    return &processors[processor_numbers[apic_id]];
}

/* --- INIT and STARTUP --- */

/* Bit n: processor n. Whom a logical destination names only they know: anybody. */
static uint32_t targets_of(const struct vcpu *vcpu, uint32_t command, uint32_t destination) {
    uint32_t all = (1u << processor_count) - 1, self = 1u << vcpu->number;
    const struct processor *one = processor_of(destination);
    switch (command & ICR_SHORTHAND) {
    case ICR_SELF:
        return self;
    case ICR_ALL:
        return all;
    case ICR_OTHERS:
        return all & ~self;
    }
    if (destination == apic_everybody())
        return all;
    if (command & ICR_LOGICAL)
        return all & ~self & ~(1u << BOOT);
    return one ? 1u << (one - processors) : 0;
}

/* The one that boots would start the BIOS over: the machine's reset does, too. */
static void on_init(uint32_t targets) {
    if (targets & 1u << BOOT)
        reset_machine();
    for (unsigned i = 0; i < processor_count; i++)
        if (targets & 1u << i)
            processors[i].waits = true;
}

static bool all_arrived(uint32_t targets) {
    for (unsigned i = 0; i < processor_count; i++)
        if (targets & 1u << i && !processors[i].arrived)
            return false;
    return true;
}

static void copy(volatile uint8_t *to, const volatile uint8_t *from, uint32_t size) {
    while (size--)
        *to++ = *from++;
}

/* Sends the STARTUP to our trampoline, and takes that away again when all have passed it. */
static void start(uint32_t targets, uint32_t command, uint32_t destination) {
    uint8_t lent[64];
    volatile uint8_t *zero = NULL;
    uint64_t from;
    __asm__("" : "+r"(zero)); /* address 0 is a place like another */
    while (__atomic_test_and_set(&starting, __ATOMIC_ACQUIRE))
        __asm__ volatile("pause");
    for (unsigned i = 0; i < processor_count; i++) {
        if (!(targets & 1u << i))
            continue;
        processors[i].vector = command & ICR_VECTOR;
        processors[i].arrived = false;
    }
    copy(lent, zero, trampoline_size);
    copy(zero, trampoline, trampoline_size);
    apic_command(command & ~ICR_VECTOR, destination);
    from = read_tsc();
    while (!all_arrived(targets) && read_tsc() - from < PATIENCE)
        __asm__ volatile("pause");
    copy(zero, lent, trampoline_size);
    __atomic_clear(&starting, __ATOMIC_RELEASE);
}

/* A STARTUP counts for those that wait for it: the guest's second one for nobody. */
static void on_startup(uint32_t targets, uint32_t command, uint32_t destination) {
    uint32_t waiting = 0;
    for (unsigned i = 0; i < processor_count; i++)
        if (targets & 1u << i && processors[i].waits)
            waiting |= 1u << i;
    if (waiting)
        start(waiting, command, destination);
}

void send_interrupt(const struct vcpu *vcpu, uint32_t command, uint32_t destination) {
    uint32_t mode = command & ICR_MODE, targets = targets_of(vcpu, command, destination);
    if (mode == ICR_STARTUP) {
        on_startup(targets, command, destination);
        return;
    }
    if (mode == ICR_INIT && (command & ICR_ASSERT || !(command & ICR_LEVEL)))
        on_init(targets);
    apic_command(command, destination);
}

/* --- on the processor that has come --- */

static struct segment real_segment(uint16_t selector, uint16_t attrib) {
    return (struct segment){selector, attrib, INIT_LIMIT, (uint64_t)selector << 4};
}

/* As after INIT and STARTUP. What INIT leaves alone is in the processor already. */
static void real_mode(struct vcpu *vcpu, uint8_t vector) {
    struct vmcb *vmcb = vcpu->vmcb;
    vmcb->state.cs = real_segment((uint16_t)(vector << 8), ATTRIB_CODE);
    vmcb->state.ss = vmcb->state.ds = vmcb->state.es = real_segment(0, ATTRIB_DATA);
    vmcb->state.gdtr.limit = vmcb->state.idtr.limit = INIT_LIMIT;
    vmcb->state.efer = EFER_SVME;
    vmcb->state.cr0 = INIT_CR0;
    vmcb->state.dr6 = INIT_DR6;
    vmcb->state.dr7 = INIT_DR7;
    vmcb->state.rflags = INIT_RFLAGS;
    vcpu->registers.gpr.rdx = cpuid(LEAF_FEATURES, 0).eax;
}

/* A segment that is not there may be a null selector's, but for code and stack. */
static bool load_segment(struct vcpu *vcpu, const struct vmi_frame *frame, uint16_t selector,
                         struct segment *segment) {
    struct descriptor d;
    *segment = (struct segment){.selector = selector};
    if (!(selector & SELECTOR_INDEX))
        return true;
    if (read_descriptor(vcpu, frame, selector, &d) || !(d.segment.attrib & ATTRIB_P))
        return false;
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

bool start_state(struct vcpu *vcpu) {
    struct processor *own = &processors[vcpu->number];
    real_mode(vcpu, own->vector);
    if (!own->has_state)
        return true;
    own->has_state = false;
    return given_state(vcpu, &own->state);
}

void has_arrived(const struct vcpu *vcpu) {
    processors[vcpu->number].waits = false;
    __atomic_store_n(&processors[vcpu->number].arrived, true, __ATOMIC_RELEASE);
}

/* --- calls --- */

/* To start in paged protected mode, and not in long mode. */
static bool is_state(const struct vmi_ap_state *state) {
    return state->cr0 & CR0_PE && state->cr0 & CR0_PG && !(state->efer_low & EFER_LME);
}

static bool read_physical(uint32_t address, struct vmi_ap_state *state) {
    for (uint32_t i = 0; i < VMI_AP_STATE_SIZE; i++) {
        const uint8_t *at = guest_physical(address + i, false);
        if (!at)
            return false;
        ((uint8_t *)state)[i] = *at;
    }
    return is_state(state);
}

static bool read_linear(struct vmi_frame *f, struct vmi_ap_state *state) {
    return !vmi_guest_read(f, f->eax, state, VMI_AP_STATE_SIZE) && is_state(state);
}

static void leave_state(uint32_t apic_id, const struct vmi_ap_state *state) {
    struct processor *other = processor_of(apic_id);
    if (!other)
        return;
    other->state = *state;
    other->has_state = true;
}

/* Linux gives the physical address of a variable, others a linear one. What is no state in either
 * place is none: the processor starts as it would natively. */
int call_set_initial_ap_state(void *context, struct vmi_frame *f) {
    struct vmi_ap_state state;
    (void)context;
    if ((f->eax < KERNEL_START && read_physical(f->eax, &state)) || read_linear(f, &state))
        leave_state(f->edx, &state);
    return VMI_RETURNS;
}

/* API 3.0 */
int call_set_linear_ap_state(void *context, struct vmi_frame *f) {
    struct vmi_ap_state state;
    (void)context;
    if (read_linear(f, &state))
        leave_state(f->edx, &state);
    return VMI_RETURNS;
}
