/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * The calls are the kit's default handlers: here is what they get and set, which KVM has. What an
 * accessor changes in `sregs` is set when the call is done.
 */
#include "calls.h"

#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#include "devices.h"

#define MSR_TIME_STAMP 0x10u
#define STRING_PART    8u /* few, to be seen: interrupts get in between */

/* --- registers --- */

static __u64 *control_register(struct vmm *vmm, uint32_t which) {
    switch (which) {
    case VMI_REGISTER_CR0:
        return &vmm->sregs.cr0;
    case VMI_REGISTER_CR2:
        return &vmm->sregs.cr2;
    case VMI_REGISTER_CR3:
        return &vmm->sregs.cr3;
    case VMI_REGISTER_CR4:
        return &vmm->sregs.cr4;
    default:
        return NULL;
    }
}

static __u64 *debug_register(struct kvm_debugregs *all, uint32_t which) {
    return which == VMI_REGISTER_DR6   ? &all->dr6
           : which == VMI_REGISTER_DR7 ? &all->dr7
                                       : &all->db[which - VMI_REGISTER_DR0];
}

static uint32_t get_register(void *context, uint32_t which) {
    struct vmm *vmm = context;
    const __u64 *cr = control_register(vmm, which);
    struct kvm_debugregs debug;
    if (cr) {
        return (uint32_t)*cr;
    }
    CONTROL(vmm->cpu, KVM_GET_DEBUGREGS, &debug);
    return (uint32_t)*debug_register(&debug, which);
}

static bool set_register(void *context, uint32_t which, uint32_t value) {
    struct vmm *vmm = context;
    __u64 *cr = control_register(vmm, which);
    struct kvm_debugregs debug;
    if (cr) {
        *cr = value;
        vmm->sregs_changed = true;
        return true;
    }
    CONTROL(vmm->cpu, KVM_GET_DEBUGREGS, &debug);
    *debug_register(&debug, which) = value;
    return ioctl(vmm->cpu, KVM_SET_DEBUGREGS, &debug) == 0;
}

/* KVM drops what its TLB has where CR3 changes: it is changed, and set back. */
static void flush(void *context, uint32_t what, uint32_t linear) {
    struct vmm *vmm = context;
    (void)what, (void)linear;
    vmm->flush = true;
}

/* --- segments --- */

static struct kvm_segment *segment_register(struct vmm *vmm, uint32_t which) {
    struct kvm_sregs *s = &vmm->sregs;
    struct kvm_segment *const all[] = {&s->es, &s->cs, &s->ss,  &s->ds,
                                       &s->fs, &s->gs, &s->ldt, &s->tr};
    return all[which];
}

static struct kvm_dtable *table_register(struct vmm *vmm, uint32_t which) {
    return which == VMI_SEGMENT_GDTR ? &vmm->sregs.gdt : &vmm->sregs.idt;
}

static void get_segment(void *context, uint32_t which, struct vmi_segment *to) {
    const struct kvm_segment *s;
    memset(to, 0, sizeof(*to));
    if (which >= VMI_SEGMENT_GDTR) {
        to->base = (uint32_t)table_register(context, which)->base;
        to->limit = table_register(context, which)->limit;
        return;
    }
    s = segment_register(context, which);
    to->selector = s->selector, to->base = (uint32_t)s->base, to->limit = s->limit;
    if (!s->unusable) {
        to->attributes = (uint16_t)(s->type | s->s << 4 | s->dpl << 5 | s->present << 7 |
                                    s->avl << 8 | s->l << 9 | s->db << 10 | s->g << 11);
    }
}

static void set_segment(void *context, uint32_t which, const struct vmi_segment *from) {
    struct vmm *vmm = context;
    uint16_t a = from->attributes;
    vmm->sregs_changed = true;
    if (which >= VMI_SEGMENT_GDTR) {
        table_register(vmm, which)->base = from->base;
        table_register(vmm, which)->limit = (uint16_t)from->limit;
        return;
    }
    *segment_register(vmm, which) = (struct kvm_segment){.selector = from->selector,
                                                         .base = from->base,
                                                         .limit = from->limit,
                                                         .type = a & VMI_SEGMENT_TYPE,
                                                         .s = a >> 4 & 1,
                                                         .dpl = a >> 5 & 3,
                                                         .present = a >> 7 & 1,
                                                         .avl = a >> 8 & 1,
                                                         .l = a >> 9 & 1,
                                                         .db = a >> 10 & 1,
                                                         .g = a >> 11 & 1,
                                                         .unusable = !(a & VMI_SEGMENT_P)};
}

/* --- MSRs, CPUID, counters --- */

/* One MSR; the structure ends with as many entries as it says. */
static bool access_msr(struct vmm *vmm, unsigned long request, uint32_t msr, uint64_t *value) {
    static union {
        struct kvm_msrs msrs;
        uint8_t room[sizeof(struct kvm_msrs) + sizeof(struct kvm_msr_entry)];
    } one;
    one.msrs.nmsrs = 1;
    one.msrs.entries[0] = (struct kvm_msr_entry){.index = msr, .data = *value};
    if (ioctl(vmm->cpu, request, &one) != 1) {
        return false;
    }
    *value = one.msrs.entries[0].data;
    return true;
}

static bool get_msr(void *context, uint32_t msr, uint64_t *value) {
    *value = 0;
    return access_msr(context, KVM_GET_MSRS, msr, value);
}

static bool set_msr(void *context, uint32_t msr, uint64_t value) {
    return access_msr(context, KVM_SET_MSRS, msr, &value);
}

static bool get_performance_counter(void *context, uint32_t counter, uint64_t *value) {
    (void)context, (void)counter, (void)value;
    return false; /* the guest has none */
}

static uint64_t get_time_stamp(void *context) {
    uint64_t value = 0;
    get_msr(context, MSR_TIME_STAMP, &value);
    return value;
}

static void cpuid(void *context, uint32_t registers[4]) {
    const struct vmm *vmm = context;
    uint32_t leaf = registers[0], subleaf = registers[2];
    memset(registers, 0, 4 * sizeof(registers[0]));
    for (uint32_t i = 0; i < vmm->cpuid->nent; i++) {
        const struct kvm_cpuid_entry2 *e = &vmm->cpuid->entries[i];
        if (e->function == leaf &&
            (!(e->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX) || e->index == subleaf)) {
            registers[0] = e->eax, registers[1] = e->ebx;
            registers[2] = e->ecx, registers[3] = e->edx;
            return;
        }
    }
}

static uint64_t wallclock(void *context) {
    struct timespec now;
    (void)context;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* --- ports, interrupts, the end --- */

static uint32_t read_port(void *context, uint32_t port, uint32_t size) {
    (void)context;
    return port_in((uint16_t)port, size);
}

static void write_port(void *context, uint32_t port, uint32_t size, uint32_t value) {
    port_out(context, (uint16_t)port, size, value);
}

static void raise_fault(void *context, uint32_t vector, uint32_t error, uint32_t address) {
    struct vmm *vmm = context;
    vmm->fault = (struct fault){true, (uint8_t)vector, error, address};
}

/* The kernel has the interrupt controllers, so it is the kernel that waits. */
static int halt(void *context, struct vmi_frame *f) {
    struct vmm *vmm = context;
    struct kvm_mp_state state = {KVM_MP_STATE_HALTED};
    (void)f;
    CONTROL(vmm->cpu, KVM_SET_MP_STATE, &state);
    return VMI_RETURNS;
}

static void stop(void *context, uint32_t how) {
    struct vmm *vmm = context;
    vmm->end = how == VMI_END_SHUTDOWN ? VMM_OFF : VMM_RESET;
}

/* --- memory: one processor, so nothing has to be done in one step --- */

static uint8_t *host_address(struct vmm *vmm, uint64_t physical) {
    return physical < MEMORY_SIZE ? vmm->memory + physical : NULL;
}

static bool read_physical(void *context, uint64_t physical, void *to, uint32_t size) {
    const uint8_t *at = host_address(context, physical);
    return at && memcpy(to, at, size);
}

static bool write_physical(void *context, uint64_t physical, const void *from, uint32_t size) {
    uint8_t *at = host_address(context, physical);
    return at && memcpy(at, from, size);
}

static struct vmi_paging paging_of(const struct vmm *vmm) {
    return (struct vmi_paging){.cr0 = (uint32_t)vmm->sregs.cr0,
                               .cr3 = (uint32_t)vmm->sregs.cr3,
                               .cr4 = (uint32_t)vmm->sregs.cr4,
                               .read = read_physical,
                               .write = write_physical,
                               .raise = raise_fault};
}

static bool guest_read(void *context, uint32_t linear, void *to, uint32_t size) {
    struct vmi_paging paging = paging_of(context);
    return vmi_paging_read(&paging, context, linear, to, size);
}

static bool guest_write(void *context, uint32_t linear, const void *from, uint32_t size) {
    struct vmi_paging paging = paging_of(context);
    return vmi_paging_write(&paging, context, linear, from, size);
}

static const struct vmi_accessors accessors = {
    .get_register = get_register,
    .set_register = set_register,
    .get_segment = get_segment,
    .set_segment = set_segment,
    .get_msr = get_msr,
    .set_msr = set_msr,
    .get_performance_counter = get_performance_counter,
    .get_time_stamp = get_time_stamp,
    .cpuid = cpuid,
    .port_in = read_port,
    .port_out = write_port,
    .flush = flush,
    .raise = raise_fault,
    .halt = halt,
    .stop = stop,
    .wallclock = wallclock,
    .string_elements = STRING_PART,
};

const struct vmi_guest call_guest = {
    .read = guest_read, .write = guest_write, .accessors = &accessors};
