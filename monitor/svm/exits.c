/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* What the monitor does when the guest exits, reason by reason. handle_exit is at the end. */

#include "breakpoints.h"
#include "calls.h"
#include "calls_control.h"
#include "code.h"
#include "common/debug.h"
#include "common/publish.h"
#include "cpuid.h"
#include "event.h"
#include "exits.h"
#include "figures.h"
#include "guest_memory.h"
#include "machine.h"
#include "msr.h"
#include "ports.h"
#include "vmi/calls.h"
#include "watch.h"

/* There may be no next RIP in the VMCB: these instructions have one length behind their prefixes.
 */
#define LENGTH_CPUID 2
#define LENGTH_MSR   2
#define LENGTH_INVD  2

static uint32_t low(uint64_t value) {
    return (uint32_t)value;
}

static void skip(struct vcpu *vcpu, unsigned length) {
    struct instruction instruction;
    read_instruction(vcpu, &instruction);
    end_instruction(vcpu, vcpu->vmcb->state.rip + instruction.prefixes + length);
}

static void deliver_ud(struct vcpu *vcpu) {
    static const struct fault ud = {.vector = VECTOR_UD};
    deliver_exception(vcpu, &ud);
}

static void deliver_gp(struct vcpu *vcpu) {
    static const struct fault gp = {.vector = VECTOR_GP, .has_error = true};
    deliver_exception(vcpu, &gp);
}

/* Unexpected exit: stops the guest and prints its state. */
static void say_value(const char *name, uint64_t value) {
    say(name);
    say_hex(value, 16);
}

_Noreturn static void unknown_exit(struct vcpu *vcpu) {
    const struct vmcb *vmcb = vcpu->vmcb;
    spare_com1 = false;
    say_value("# monitor: unknown exit ", vmcb->exitcode);
    say_value(" info ", vmcb->exitinfo1);
    say_value(" ", vmcb->exitinfo2);
    say_value(" event ", vmcb->exitintinfo);
    say_value("\n# monitor: cs ", vmcb->state.cs.selector);
    say_value(" rip ", vmcb->state.rip);
    say_value(" rflags ", vmcb->state.rflags);
    say_value("\n# monitor: rax ", vmcb->state.rax);
    say_value(" rcx ", vcpu->registers.gpr.rcx);
    say_value(" rdx ", vcpu->registers.gpr.rdx);
    say_value(" rbx ", vcpu->registers.gpr.rbx);
    say_value("\n# monitor: rsp ", vmcb->state.rsp);
    say_value(" rbp ", vcpu->registers.gpr.rbp);
    say_value(" rsi ", vcpu->registers.gpr.rsi);
    say_value(" rdi ", vcpu->registers.gpr.rdi);
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
    struct cpuid r = guest_cpuid(vcpu, low(vcpu->vmcb->state.rax), low(vcpu->registers.gpr.rcx));
    vcpu->vmcb->state.rax = r.eax;
    vcpu->registers.gpr.rbx = r.ebx;
    vcpu->registers.gpr.rcx = r.ecx;
    vcpu->registers.gpr.rdx = r.edx;
    skip(vcpu, LENGTH_CPUID);
}

/* --- MSRs ------------------------------------------------------------------------------------- */

static void on_msr(struct vcpu *vcpu) {
    uint32_t msr = low(vcpu->registers.gpr.rcx);
    bool write = vcpu->vmcb->exitinfo1 & 1, done;
    uint64_t value = (uint64_t)low(vcpu->registers.gpr.rdx) << 32 | low(vcpu->vmcb->state.rax);
    done = write ? guest_wrmsr(vcpu, msr, value) : guest_rdmsr(vcpu, msr, &value);
    if (!done) {
        deliver_gp(vcpu);
        return;
    }
    if (!write) {
        vcpu->vmcb->state.rax = low(value);
        vcpu->registers.gpr.rdx = value >> 32;
    }
    skip(vcpu, LENGTH_MSR);
}

/* --- RDTSC ------------------------------------------------------------------------------------ */

#define LENGTH_RDTSC 2

/* Of a body of GetCycleCounter, in the ROM or in a copy. */
static bool is_counter(struct vcpu *vcpu) {
    const struct guest_state *state = state_of(vcpu);
    uint8_t code[CYCLE_COUNTER_SIZE];
    if (!(state->cr0 & CR0_PE) || state->efer & EFER_LMA || state->cpl) {
        return false;
    }
    return monitor_guest.read(vcpu, low(state->cs.base + state->rip) - CYCLE_COUNTER_RDTSC, code,
                              sizeof(code)) &&
           is_cycle_counter(code);
}

/* They exit once the guest has set its TSC: what GetCycleCounter reads is not moved by that. */
static void on_rdtsc(struct vcpu *vcpu) {
    uint64_t value = is_counter(vcpu) ? read_tsc() : guest_tsc(vcpu);
    vcpu->vmcb->state.rax = low(value);
    vcpu->registers.gpr.rdx = value >> 32;
    skip(vcpu, LENGTH_RDTSC);
}

/* --- INVD ------------------------------------------------------------------------------------- */

/* It would discard the monitor's writes, too. */
static void on_invd(struct vcpu *vcpu) {
    __asm__ volatile("wbinvd" ::: "memory");
    skip(vcpu, LENGTH_INVD);
}

/* --- VMMCALL: the calls ----------------------------------------------------------------------- */

/* The rest of the frame: host.asm has put the other general registers there. Selectors are filled
 * in by the one call that wants them (calls_transfer.c). */
static void load_frame(const struct guest_state *state, struct vmi_frame *frame) {
    frame->eax = low(state->rax);
    frame->esp = low(state->rsp);
    frame->eip = low(state->rip);
    frame->eflags = low(state->rflags);
    frame->ss_base = low(state->ss.base);
    frame->ss_16bit = !(*(const uint8_t *)((const char *)&state->ss.attrib + 1) & ATTRIB_DB >> 8);
}

static void store_frame(struct guest_state *state, const struct vmi_frame *frame) {
    state->rax = frame->eax;
    state->rsp = frame->esp;
    state->rip = frame->eip;
    state->rflags = frame->eflags;
}

/* STI admits interrupts after the next instruction, which in a native body is the RET. An interrupt
 * shadow in the VMCB would not do: TCG's VMRUN ignores it. So the RET is emulated. */
__attribute__((noinline)) static void return_before_interrupts(struct vcpu *vcpu,
                                                               struct vmi_frame *frame) {
    uint32_t sp_bits = frame->ss_16bit ? 0xFFFF : 0xFFFFFFFF, sp = frame->esp & sp_bits, to;
    if (vcpu->vmcb->eventinj || vmi_guest_read(frame, frame->ss_base + sp, &to, sizeof(to))) {
        return;
    }
    frame->eip = to;
    frame->esp = (frame->esp & ~sp_bits) | ((sp + sizeof(to)) & sp_bits);
}

static bool is_exception(uint64_t exitcode) {
    return exitcode >= VMEXIT_EXCP0 && exitcode <= VMEXIT_EXCP31;
}

/* At every exit, before anything else. */
static inline void start_exit(struct vcpu *vcpu) {
    struct vmcb *vmcb = vcpu->vmcb;
    if (tracing) {
        trace_exit(vcpu);
    }
    vmcb->tlb_control = TLB_KEEP;
    vmcb->eventinj = 0;
    if (vmcb->intercept_misc1 & INTERCEPT_INTR) {
        look_for_overdue(&vcpu->alarms);
    }
    if (vcpu->step.count && vmcb->exitcode != VMEXIT_NPF && !is_exception(vmcb->exitcode)) {
        give_up_write(vcpu);
    }
}

static int serve(unsigned api, struct vcpu *vcpu, const struct vmi_trap *trap) {
    return vmi_hv_serve(&publications[api], &monitor_handlers, &monitor_guest, vcpu, trap,
                        &vcpu->registers.frame);
}

/* A slot of one ROM means the same in the other, where it traps. */
__attribute__((noinline)) static int serve_by_other(int outcome, struct vcpu *vcpu,
                                                    const struct vmi_trap *trap) {
    for (unsigned i = 1;
         i < APIS && (outcome == VMI_ERROR_NOT_TRAP || outcome == VMI_ERROR_ELSEWHERE); i++) {
        outcome = serve(i, vcpu, trap);
    }
    return outcome;
}

__attribute__((noinline)) static void refuse_call(struct vcpu *vcpu, int error) {
    vcpu->exits[EXIT_VMMCALL]++;
    if (error == VMI_ERROR_FAULT) {
        deliver_exception(vcpu, &vcpu->fault);
    } else {
        deliver_ud(vcpu);
    }
    write_cr2(state_of(vcpu)->cr2);
}

/* VMI is for 32-bit protected mode (guest_code checks it), ring 0. Anything else gets #UD. */
void handle_call(void *context) {
    struct vcpu *vcpu = context;
    struct vmcb *vmcb = vcpu->vmcb;
    struct guest_state *state = &vmcb->state;
    struct vmi_trap trap = {.read_code = true};
    const struct walked *page;
    int outcome;
    start_exit(vcpu);
    page = state->cpl ? NULL : guest_code(vcpu, low(state->rip));
    if (!page) {
        mend_cr0(vcpu);
        vcpu->exits[EXIT_VMMCALL]++;
        deliver_ud(vcpu);
        return;
    }
    trap.page = page->physical;
    load_frame(state, &vcpu->registers.frame);
    vmcb->interrupt_shadow &= ~1ull; /* a handler may want one */
    vmcb_save(vcpu->vmcb_address);
    outcome = serve(0, vcpu, &trap);
    if (outcome < 0) {
        outcome = serve_by_other(outcome, vcpu, &trap);
    }
    if (outcome == VMI_RETURNS && ~state->rflags & vcpu->registers.frame.eflags & RFLAGS_IF) {
        return_before_interrupts(vcpu, &vcpu->registers.frame);
    }
    vmcb_load(vcpu->vmcb_address);
    if (outcome < 0) {
        refuse_call(vcpu, outcome);
        return;
    }
    vcpu->calls[vcpu->registers.frame.slot]++;
    store_frame(state, &vcpu->registers.frame);
}

/* --- breakpoints and CR4 ---------------------------------------------------------------------- */

#define OPCODE_MOV_TO_DR 0x23u
#define OPCODE_MOV_TO_CR 0x22u
#define LENGTH_MOV       3
#define REX_B            0x01u

/* The value of the guest's MOV to a register of that kind, and the next RIP. */
static uint64_t moved_value(struct vcpu *vcpu, uint8_t opcode, uint64_t *next) {
    struct instruction i;
    uint64_t value;
    read_instruction(vcpu, &i);
    if (i.size < i.prefixes + LENGTH_MOV || i.bytes[i.prefixes + 1] != opcode) {
        unknown_exit(vcpu);
    }
    value = *general_register(vcpu, (i.bytes[i.prefixes + 2] & 7) + (i.rex & REX_B ? 8 : 0));
    *next = vcpu->vmcb->state.rip + i.prefixes + LENGTH_MOV;
    return i.is_64 ? value : low(value);
}

/* Only where the guest's breakpoints stay in the host. */
static void on_debug_write(struct vcpu *vcpu) {
    uint32_t number = low(vcpu->vmcb->exitcode) - VMEXIT_WRITE_DR0;
    uint64_t next, value = moved_value(vcpu, OPCODE_MOV_TO_DR, &next);
    int outcome;
    disarm_breakpoints();
    outcome = write_debug(vcpu, number, value);
    arm_breakpoints(vcpu);
    if (outcome) {
        deliver_exception(vcpu, &vcpu->fault);
        return;
    }
    end_instruction(vcpu, next);
}

/* Also only there: EFER.LME depends on it (settle_lme). */
static void on_cr4_write(struct vcpu *vcpu) {
    uint64_t next, value = moved_value(vcpu, OPCODE_MOV_TO_CR, &next);
    if (set_cr4(vcpu, value) < 0) {
        deliver_exception(vcpu, &vcpu->fault);
        return;
    }
    end_instruction(vcpu, next);
}

/* --- interrupts ------------------------------------------------------------------------------- */

/* They exit while an alarm is set. The host takes what the guest was about to take. */
static void on_interrupt(struct vcpu *vcpu) {
    deliver_taken(vcpu, take_interrupt());
}

/* --- what TCG calls a failed VMRUN ------------------------------------------------------------ */

#define OPCODE_ESCAPE 0x0Fu
#define MODRM_CR4     0xE0u /* and a general register in the low three bits */
#define MODRM_REG     0xF8u

/* The guest's MOV to CR4 with bits that the processor does not have: #GP. */
static void on_invalid(struct vcpu *vcpu) {
    uint32_t at = low(vcpu->vmcb->state.cs.base + vcpu->vmcb->state.rip);
    uint8_t code[3];
    if (!monitor_guest.read(vcpu, at, code, sizeof(code)) || code[0] != OPCODE_ESCAPE ||
        code[1] != OPCODE_MOV_TO_CR || (code[2] & MODRM_REG) != MODRM_CR4) {
        unknown_exit(vcpu);
    }
    deliver_gp(vcpu);
}

void handle_exit(void *context) {
    struct vcpu *vcpu = context;
    struct vmcb *vmcb = vcpu->vmcb;
    start_exit(vcpu);
    mend_cr0(vcpu);
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
    case VMEXIT_RDTSC:
        vcpu->exits[EXIT_TSC]++;
        on_rdtsc(vcpu);
        break;
    case VMEXIT_INVD:
        vcpu->exits[EXIT_INVD]++;
        on_invd(vcpu);
        break;
    case VMEXIT_VMMCALL: /* in long mode */
        vcpu->exits[EXIT_VMMCALL]++;
        deliver_ud(vcpu);
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
        if (!watched_write(vcpu)) {
            unknown_exit(vcpu);
        }
        break;
    case VMEXIT_EXCP0 ... VMEXIT_EXCP31:
        vcpu->exits[EXIT_STEP]++;
        if (!watched_exception(vcpu, (uint8_t)(vmcb->exitcode - VMEXIT_EXCP0))) {
            unknown_exit(vcpu);
        }
        break;
    case VMEXIT_NMI:
        vcpu->exits[EXIT_NMI]++;
        on_nmi(vcpu);
        break;
    case VMEXIT_IRET:
        vcpu->exits[EXIT_NMI]++;
        watch_nmis(vcpu);
        break;
    case VMEXIT_WRITE_CR4:
        vcpu->exits[EXIT_STEP]++;
        on_cr4_write(vcpu);
        break;
    case VMEXIT_WRITE_DR0 ... VMEXIT_WRITE_DR7:
        vcpu->exits[EXIT_STEP]++;
        on_debug_write(vcpu);
        break;
    case VMEXIT_IOIO:
        vcpu->exits[EXIT_IOIO]++;
        if (!on_port(vcpu)) {
            deliver_gp(vcpu);
        }
        break;
    case VMEXIT_INTR:
        vcpu->exits[EXIT_INTR]++;
        on_interrupt(vcpu);
        break;
    case VMEXIT_SHUTDOWN: /* a triple fault: the chipset resets the machine */
        reset_machine();
    default:
        unknown_exit(vcpu);
    }
}
