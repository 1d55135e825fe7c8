/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* What the monitor does when the guest exits, reason by reason. handle_exit is at the end. */

#include "calls.h"
#include "common/clock.h"
#include "common/debug.h"
#include "common/publish.h"
#include "cpuid.h"
#include "event.h"
#include "exits.h"
#include "figures.h"
#include "guest_memory.h"
#include "machine.h"
#include "msr.h"
#include "watch.h"

/* There may be no next RIP in the VMCB: these instructions have one length behind their prefixes.
 */
#define LENGTH_CPUID   2
#define LENGTH_MSR     2
#define PREFIXES_MAX   13
#define LENGTH_VMMCALL 3

static uint32_t low(uint64_t value) {
    return (uint32_t)value;
}

static bool is_prefix(uint8_t byte) {
    switch (byte) {
    case 0x26:
    case 0x2E:
    case 0x36:
    case 0x3E:
    case 0x64:
    case 0x65:
    case 0x66:
    case 0x67:
    case 0xF2:
    case 0xF3:
        return true;
    default:
        return false;
    }
}

/* Those of the instruction that exited: call sites of kernels are padded with them. Long mode's
 * tables are not walked here; nobody is known to pad there. */
static unsigned count_prefixes(struct vcpu *vcpu) {
    unsigned n = 0;
    void *at;
    if (vcpu->vmcb->state.efer & EFER_LMA)
        return 0;
    while (n < PREFIXES_MAX &&
           guest_linear(vcpu, low(vcpu->vmcb->state.cs.base + vcpu->vmcb->state.rip + n), false,
                        &at) &&
           is_prefix(*(const uint8_t *)at))
        n++;
    return n;
}

/* The instruction is done: an interrupt shadow ends with it. */
static void skip(struct vcpu *vcpu, unsigned length) {
    vcpu->vmcb->state.rip += count_prefixes(vcpu) + length;
    end_interrupt_shadow(vcpu);
}

static void deliver_ud(struct vcpu *vcpu) {
    static const struct fault ud = {.vector = VECTOR_UD};
    deliver_exception(vcpu, &ud);
}

static void deliver_gp(struct vcpu *vcpu) {
    static const struct fault gp = {.vector = VECTOR_GP, .has_error = true};
    deliver_exception(vcpu, &gp);
}

/* An exit that nothing below explains: the guest ends here, with all that is known of it. */
static void say_value(const char *name, uint64_t value) {
    say(name);
    say_hex(value, 16);
}

_Noreturn static void unknown_exit(struct vcpu *vcpu) {
    const struct vmcb *vmcb = vcpu->vmcb;
    say_value("# monitor: unknown exit ", vmcb->exitcode);
    say_value(" info ", vmcb->exitinfo1);
    say_value(" ", vmcb->exitinfo2);
    say_value(" event ", vmcb->exitintinfo);
    say_value("\n# monitor: cs ", vmcb->state.cs.selector);
    say_value(" rip ", vmcb->state.rip);
    say_value(" rflags ", vmcb->state.rflags);
    say_value("\n# monitor: rax ", vmcb->state.rax);
    say_value(" rcx ", vcpu->gpr.rcx);
    say_value(" rdx ", vcpu->gpr.rdx);
    say_value(" rbx ", vcpu->gpr.rbx);
    say_value("\n# monitor: rsp ", vmcb->state.rsp);
    say_value(" rbp ", vcpu->gpr.rbp);
    say_value(" rsi ", vcpu->gpr.rsi);
    say_value(" rdi ", vcpu->gpr.rdi);
    say_value("\n# monitor: cr0 ", vmcb->state.cr0);
    say_value(" cr2 ", vmcb->state.cr2);
    say_value(" cr3 ", vmcb->state.cr3);
    say_value(" cr4 ", vmcb->state.cr4);
    say("\n");
    say_exits();
    stop();
}

/* --- CPUID ------------------------------------------------------------------------------------ */

static void on_cpuid(struct vcpu *vcpu) {
    struct cpuid r = guest_cpuid(vcpu, low(vcpu->vmcb->state.rax), low(vcpu->gpr.rcx));
    vcpu->vmcb->state.rax = r.eax;
    vcpu->gpr.rbx = r.ebx;
    vcpu->gpr.rcx = r.ecx;
    vcpu->gpr.rdx = r.edx;
    skip(vcpu, LENGTH_CPUID);
}

/* --- MSRs ------------------------------------------------------------------------------------- */

static void on_msr(struct vcpu *vcpu) {
    uint32_t msr = low(vcpu->gpr.rcx);
    bool write = vcpu->vmcb->exitinfo1 & 1, done;
    uint64_t value = (uint64_t)low(vcpu->gpr.rdx) << 32 | low(vcpu->vmcb->state.rax);
    done = write ? guest_wrmsr(vcpu, msr, value) : guest_rdmsr(vcpu, msr, &value);
    if (!done) {
        deliver_gp(vcpu);
        return;
    }
    if (!write) {
        vcpu->vmcb->state.rax = low(value);
        vcpu->gpr.rdx = value >> 32;
    }
    skip(vcpu, LENGTH_MSR);
}

/* --- VMMCALL: the calls ----------------------------------------------------------------------- */

/* VMI is for 32-bit protected mode; the kit sees to the rest. */
static bool may_call(const struct vmcb *vmcb) {
    return (vmcb->state.cr0 & CR0_PE) && !(vmcb->state.rflags & RFLAGS_VM) &&
           !(vmcb->state.efer & EFER_LMA) && vmcb->state.cpl == 0;
}

static void load_frame(const struct vcpu *vcpu, struct vmi_frame *frame) {
    const struct vmcb *vmcb = vcpu->vmcb;
    *frame = (struct vmi_frame){
        .eax = low(vmcb->state.rax),
        .ecx = low(vcpu->gpr.rcx),
        .edx = low(vcpu->gpr.rdx),
        .ebx = low(vcpu->gpr.rbx),
        .esp = low(vmcb->state.rsp),
        .ebp = low(vcpu->gpr.rbp),
        .esi = low(vcpu->gpr.rsi),
        .edi = low(vcpu->gpr.rdi),
        .eip = low(vmcb->state.rip),
        .eflags = low(vmcb->state.rflags),
        .es = vmcb->state.es.selector,
        .cs = vmcb->state.cs.selector,
        .ss = vmcb->state.ss.selector,
        .ds = vmcb->state.ds.selector,
        .fs = vmcb->state.fs.selector,
        .gs = vmcb->state.gs.selector,
        .ss_base = low(vmcb->state.ss.base),
        .ss_16bit = !(vmcb->state.ss.attrib & ATTRIB_DB),
    };
}

static void store_frame(struct vcpu *vcpu, const struct vmi_frame *frame) {
    vcpu->vmcb->state.rax = frame->eax;
    vcpu->gpr.rcx = frame->ecx;
    vcpu->gpr.rdx = frame->edx;
    vcpu->gpr.rbx = frame->ebx;
    vcpu->vmcb->state.rsp = frame->esp;
    vcpu->gpr.rbp = frame->ebp;
    vcpu->gpr.rsi = frame->esi;
    vcpu->gpr.rdi = frame->edi;
    vcpu->vmcb->state.rip = frame->eip;
    vcpu->vmcb->state.rflags = frame->eflags;
}

/* STI lets interrupts in after the instruction behind it, which in a native body is the RET. No
 * shadow of ours would do: TCG's VMRUN forgets it. So the RET is done here. */
static void return_before_interrupts(struct vcpu *vcpu, struct vmi_frame *frame) {
    uint32_t sp_bits = frame->ss_16bit ? 0xFFFF : 0xFFFFFFFF, sp = frame->esp & sp_bits, to;
    if (vcpu->vmcb->eventinj || vmi_guest_read(frame, frame->ss_base + sp, &to, sizeof to))
        return;
    frame->eip = to;
    frame->esp = (frame->esp & ~sp_bits) | ((sp + sizeof to) & sp_bits);
}

/* TCG arms breakpoints at MOV to DR7, not at VMRUN. GD would guard the registers from us. */
static void arm_breakpoints(uint64_t dr7) {
    __asm__ volatile("movq %0, %%dr7" ::"r"(dr7 & ~(uint64_t)DR7_GD));
}

/* Where the kit would look by itself, one word at a time. A slot does not cross its page. */
static const void *slot_bytes(struct vcpu *vcpu, uint32_t eip) {
    void *code;
    return guest_linear(vcpu, eip, false, &code) ? code : NULL;
}

/* A slot of one ROM means the same in the other, where it traps. */
static int serve(struct vcpu *vcpu, const struct vmi_trap *trap, struct vmi_frame *frame) {
    int outcome = VMI_ERROR_ELSEWHERE;
    for (unsigned i = 0; i < APIS; i++) {
        outcome =
            vmi_hv_serve(&publications[i], &monitor_handlers, &monitor_guest, vcpu, trap, frame);
        if (outcome != VMI_ERROR_NOT_TRAP && outcome != VMI_ERROR_ELSEWHERE)
            break;
    }
    return outcome;
}

/* What has no meaning as a call is what it is on a machine without us. */
static void on_vmmcall(struct vcpu *vcpu) {
    struct vmi_trap trap = {
        .cpl = vcpu->vmcb->state.cpl, .page = VMI_PAGE_UNKNOWN, .read_code = true};
    uint64_t dr7 = vcpu->vmcb->state.dr7;
    struct vmi_frame frame;
    int outcome;
    if (!may_call(vcpu->vmcb)) {
        deliver_ud(vcpu);
        return;
    }
    load_frame(vcpu, &frame);
    trap.code = slot_bytes(vcpu, frame.eip);
    end_interrupt_shadow(vcpu); /* a handler may want one */
    vmcb_save(vcpu->vmcb_address);
    outcome = serve(vcpu, &trap, &frame);
    if (outcome == VMI_RETURNS && ~vcpu->vmcb->state.rflags & frame.eflags & RFLAGS_IF)
        return_before_interrupts(vcpu, &frame);
    vmcb_load(vcpu->vmcb_address);
    if (vcpu->vmcb->state.dr7 != dr7)
        arm_breakpoints(vcpu->vmcb->state.dr7);
    if (outcome == VMI_ERROR_FAULT) {
        deliver_exception(vcpu, &vcpu->fault);
    } else if (outcome < 0) {
        deliver_ud(vcpu);
    } else {
        vcpu->calls[frame.slot]++;
        store_frame(vcpu, &frame);
    }
}

/* --- interrupts ------------------------------------------------------------------------------- */

/* They exit while an alarm is set. What the guest was about to take is taken for it. */
static void on_interrupt(struct vcpu *vcpu) {
    deliver_taken(vcpu, take_interrupt());
}

/* --- ports ------------------------------------------------------------------------------------ */

/* While an alarm has the PIT: the guest may look. Anything else takes it back, and the instruction
 * starts over. */
static void on_pit(struct vcpu *vcpu) {
    struct vmcb *vmcb = vcpu->vmcb;
    uint32_t kind = low(vmcb->exitinfo1) & (IOIO_IN | IOIO_STRING | IOIO_BYTE);
    if (kind != (IOIO_IN | IOIO_BYTE)) {
        give_pit_back();
        return;
    }
    vmcb->state.rax = (vmcb->state.rax & ~0xFFull) | inb(PORT_PIT_0);
    vmcb->state.rip = vmcb->exitinfo2;
    end_interrupt_shadow(vcpu);
}

/* --- what TCG calls a failed VMRUN ------------------------------------------------------------ */

#define OPCODE_ESCAPE    0x0Fu
#define OPCODE_MOV_TO_CR 0x22u
#define MODRM_CR4        0xE0u /* and a general register in the low three bits */
#define MODRM_REG        0xF8u

/* The guest's MOV to CR4 with bits that the processor has not: it is to have its #GP. */
static void on_invalid(struct vcpu *vcpu) {
    uint32_t at = low(vcpu->vmcb->state.cs.base + vcpu->vmcb->state.rip);
    uint8_t code[3];
    if (!monitor_guest.read(vcpu, at, code, sizeof code) || code[0] != OPCODE_ESCAPE ||
        code[1] != OPCODE_MOV_TO_CR || (code[2] & MODRM_REG) != MODRM_CR4)
        unknown_exit(vcpu);
    deliver_gp(vcpu);
}

static bool is_exception(uint64_t exitcode) {
    return exitcode >= VMEXIT_EXCP0 && exitcode <= VMEXIT_EXCP31;
}

void handle_exit(struct vcpu *vcpu) {
    struct vmcb *vmcb = vcpu->vmcb;
    if (tracing)
        trace_exit(vcpu);
    vmcb->tlb_control = TLB_KEEP;
    vmcb->eventinj = 0;
    if (vmcb->intercept_misc1 & INTERCEPT_INTR)
        look_for_overdue(&vcpu->alarms);
    if (vmcb->exitcode != VMEXIT_NPF && !is_exception(vmcb->exitcode))
        give_up_write(vcpu);
    if (low(vmcb->exitcode) == VMEXIT_INVALID) {
        on_invalid(vcpu);
        return;
    }
    switch (vmcb->exitcode) {
    case VMEXIT_CPUID:
        vcpu->exits[EXIT_CPUID]++;
        on_cpuid(vcpu);
        break;
    case VMEXIT_MSR:
        vcpu->exits[EXIT_MSR]++;
        on_msr(vcpu);
        break;
    case VMEXIT_VMMCALL:
        vcpu->exits[EXIT_VMMCALL]++;
        on_vmmcall(vcpu);
        break;
    case VMEXIT_VMRUN:
    case VMEXIT_VMLOAD:
    case VMEXIT_VMSAVE:
    case VMEXIT_STGI:
    case VMEXIT_CLGI:
    case VMEXIT_SKINIT:
    case VMEXIT_INVLPGA:
        vcpu->exits[EXIT_SVM]++;
        deliver_ud(vcpu);
        break;
    case VMEXIT_NPF:
        vcpu->exits[EXIT_NPF]++;
        if (!watched_write(vcpu))
            unknown_exit(vcpu);
        break;
    case VMEXIT_EXCP0 ... VMEXIT_EXCP31:
        vcpu->exits[EXIT_STEP]++;
        if (!watched_exception(vcpu, (uint8_t)(vmcb->exitcode - VMEXIT_EXCP0)))
            unknown_exit(vcpu);
        break;
    case VMEXIT_NMI: /* it comes when the guest goes on */
        vcpu->exits[EXIT_STEP]++;
        break;
    case VMEXIT_IOIO:
        vcpu->exits[EXIT_IOIO]++;
        if (vmcb->exitinfo1 >> IOIO_PORT_SHIFT == PORT_PIT_0)
            on_pit(vcpu);
        else
            on_last_port(vcpu);
        break;
    case VMEXIT_INTR:
        vcpu->exits[EXIT_INTR]++;
        on_interrupt(vcpu);
        break;
    case VMEXIT_SHUTDOWN: /* a triple fault: the chip set resets the machine */
        reset_machine();
    default:
        unknown_exit(vcpu);
    }
}
