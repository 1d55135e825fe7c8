/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* Every way to stop. */

#include "common/debug.h"
#include "figures.h"
#include "intercept.h"
#include "machine.h"

#define RESET_COLD     0x02
#define KEYBOARD_PULSE 0xFE /* the reset line */

_Noreturn void stop(void) {
    for (;;) {
        wait_for_nmi(); /* only INIT ends this */
    }
}

/* An exception of the monitor's own, from host.asm: `frame` is what the processor pushed. */
_Noreturn void host_fault(uint32_t vector, const uint64_t *frame) {
    uint64_t cr2;
    __asm__ volatile("movq %%cr2, %0" : "=r"(cr2));
    spare_com1 = false;
    say("# monitor: FAULT ");
    say_hex(vector, 2);
    for (unsigned i = 0; i < 5; i++) {
        say(" ");
        say_hex(frame[i], 16);
    }
    say(" cr2 ");
    say_hex(cr2, 16);
    say("\n");
    stop();
}

void on_end(void) {
    static bool said;
    if (!said) {
        said = true;
        say_exits();
        leave_end_ports(0, UINT16_MAX);
    }
}

_Noreturn void reset_machine(void) {
    on_end();
    outb(PORT_RESET, RESET_COLD);
    outb(PORT_RESET, RESET_COLD | RESET_NOW);
    outb(PORT_KEYBOARD, KEYBOARD_PULSE);
    stop();
}
