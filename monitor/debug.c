/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* Words for people, on port E9h and COM1: when the guest ends, and when the monitor gives up. */

#include "call_names.h"
#include "monitor.h"

#define PORT_E9       0xE9
#define COM1          0x3F8
#define COM1_LINE     (COM1 + 5)
#define LINE_EMPTY    0x20 /* THRE */
#define COM1_PATIENCE 100000

/* The guest's settings of COM1 stay as they are; without COM1 the line status reads FFh. */
static void say_char(char c) {
    outb(PORT_E9, (uint8_t)c);
    for (unsigned i = 0; i < COM1_PATIENCE && !(inb(COM1_LINE) & LINE_EMPTY); i++)
        ;
    outb(COM1, (uint8_t)c);
}

void say(const char *text) {
    for (; *text; text++) {
        if (*text == '\n')
            say_char('\r');
        say_char(*text);
    }
}

void say_hex(uint64_t value, unsigned digits) {
    while (digits--)
        say_char("0123456789ABCDEF"[value >> 4 * digits & 15]);
}

static void say_number(uint32_t value) {
    if (value >= 10)
        say_number(value / 10);
    say_char((char)('0' + value % 10));
}

static void say_count(const char *name, uint32_t count) {
    say(" ");
    say(name);
    say(" ");
    say_number(count);
}

bool tracing;

static void say_register(const char *name, uint64_t value) {
    say(name);
    say_hex(value, 8);
}

/* The exit code is AMD's; a VMMCALL's slot is that of its address, whether it is a call or not. */
void trace_exit(const struct vcpu *vcpu) {
    const struct vmcb *vmcb = vcpu->vmcb;
    say("# exit ");
    say_hex(vmcb->exitcode, 3);
    if (vmcb->exitcode == VMEXIT_VMMCALL)
        say_count("slot", (uint32_t)(vmcb->rip % PAGE_SIZE / VMI_CALL_SIZE));
    say_register(" info ", vmcb->exitinfo1);
    say_register(" at ", vmcb->cs.selector);
    say_register(":", vmcb->rip);
    say_register(" eax ", vmcb->rax);
    say_register(" ecx ", vcpu->gpr.rcx);
    say_register(" edx ", vcpu->gpr.rdx);
    say("\n");
}

/* Of all processors. */
static uint32_t sum_exits(unsigned reason) {
    uint32_t sum = 0;
    for (unsigned i = 0; i < MAX_PROCESSORS; i++)
        sum += vcpus[i].exits[reason];
    return sum;
}

static uint32_t sum_calls(unsigned slot) {
    uint32_t sum = 0;
    for (unsigned i = 0; i < MAX_PROCESSORS; i++)
        sum += vcpus[i].calls[slot];
    return sum;
}

/* As comments of TAP: guests that print tests are read by a program. */
void say_exits(void) {
    static const char *const reasons[EXIT_REASONS] = {
        [EXIT_CPUID] = "CPUID", [EXIT_MSR] = "MSR",  [EXIT_VMMCALL] = "VMMCALL",
        [EXIT_SVM] = "SVM",     [EXIT_NPF] = "NPF",  [EXIT_STEP] = "step",
        [EXIT_IOIO] = "IOIO",   [EXIT_INTR] = "INTR"};
    say("# monitor: exits:");
    for (unsigned i = 0; i < EXIT_REASONS; i++)
        say_count(reasons[i], sum_exits(i));
    say("\n");
    for (unsigned i = 0, shown = 0; i < sizeof vmi_call_names / sizeof *vmi_call_names; i++) {
        uint32_t count = sum_calls(vmi_call_names[i].slot);
        if (!count)
            continue;
        if (shown++ % 8 == 0)
            say(shown == 1 ? "# monitor: calls:" : "\n# monitor: calls:");
        say_count(vmi_call_names[i].name, count);
    }
    say("\n");
}
