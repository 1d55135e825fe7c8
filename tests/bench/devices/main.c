/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * Guests that are busy with devices; their instructions are counted under QEMU with -icount.
 * Command line: console writes to a serial line and reads the keyboard, with the calls of a ROM
 * where there is one; timer computes while the local APIC's timer ticks, and ends each tick with a
 * store.
 */

#include "guest.h"
#include "vmi/api.h"
#include "vmi/calls.h"
#include "vmi/rom.h"

#define COM1          0x3F8
#define COM1_LINE     0x3FD
#define LINE_EMPTY    0x20
#define KEYBOARD_DATA 0x60
#define KEYBOARD      0x64
#define KEYBOARD_FULL 0x01
#define KEYBOARD_BUSY 0x02
#define KEYBOARD_ECHO 0xD2 /* what is written next is read as a key's */
#define LINES         200
#define COLUMNS       80

#define VECTOR_TICK 0x41
#define BY_1        0xB
#define PERIODIC    0x20000u
#define TICK        50000u /* of QEMU's 1 GHz: as many instructions */
#define WORK        10000000u

static uint32_t rom;
static volatile uint32_t ticks, *end_of_interrupt;

static uint8_t port_in(uint16_t port) {
    uint32_t value = 0;
    if (!rom) {
        return inb(port);
    }
    __asm__ volatile("call *%2"
                     : "+a"(value)
                     : "d"(port), "r"(rom + VMI_CALL_OFFSET(VMI_CALL_INB))
                     : "memory", "cc");
    return (uint8_t)value;
}

static void port_out(uint16_t port, uint8_t value) {
    if (!rom) {
        outb(port, value);
        return;
    }
    __asm__ volatile("call *%2"
                     :
                     : "a"(value), "d"(port), "r"(rom + VMI_CALL_OFFSET(VMI_CALL_OUTB))
                     : "memory", "cc");
}

/* Init wants paging. */
static void start_rom(void) {
    struct rom_found found[8];
    uint32_t count, status;
    struct guest_space space;
    rom = guest_find_rom(found, 8, &count);
    if (!rom) {
        return;
    }
    space = guest_space_new(0);
    guest_paging_on(&space);
    __asm__ volatile("call *%1"
                     : "=a"(status)
                     : "r"(rom + VMI_CALL_OFFSET(VMI_CALL_Init))
                     : "ecx", "edx", "memory", "cc");
    if (status) {
        rom = 0;
    }
}

/* A character goes out, and a key comes in: they sum to the same everywhere. */
static uint32_t use_console(void) {
    uint32_t sum = 0;
    for (uint32_t n = 0; n < LINES * COLUMNS; n++) {
        uint8_t c = (uint8_t)(n % COLUMNS == COLUMNS - 1 ? '\n' : 'a' + n % 26);
        while (!(port_in(COM1_LINE) & LINE_EMPTY)) {
            ;
        }
        port_out(COM1, c);
        if (n % COLUMNS) {
            continue;
        }
        while (port_in(KEYBOARD) & KEYBOARD_BUSY) {
            ;
        }
        port_out(KEYBOARD, KEYBOARD_ECHO);
        while (port_in(KEYBOARD) & KEYBOARD_BUSY) {
            ;
        }
        port_out(KEYBOARD_DATA, c);
        while (!(port_in(KEYBOARD) & KEYBOARD_FULL)) {
            ;
        }
        sum = sum * 31 + port_in(KEYBOARD_DATA);
    }
    return sum;
}

static void on_tick(struct trap_frame *frame) {
    (void)frame;
    ticks++;
    *end_of_interrupt = 0;
}

static uint32_t compute(void) {
    uint32_t sum = 1;
    end_of_interrupt = (volatile uint32_t *)(guest_apic_base() + APIC_EOI);
    guest_set_handler(VECTOR_TICK, on_tick);
    guest_apic_enable();
    guest_apic_write(APIC_TIMER_DIVIDE, BY_1);
    guest_apic_write(APIC_LVT_TIMER, VECTOR_TICK | PERIODIC);
    guest_apic_write(APIC_TIMER_INITIAL, TICK);
    native_sti();
    for (uint32_t n = 0; n < WORK; n++) {
        sum = sum * 1103515245u + 12345u;
        __asm__ volatile("" : "+r"(sum));
    }
    native_cli();
    guest_apic_write(APIC_TIMER_INITIAL, 0);
    return sum;
}

void guest_main(const char *cmdline) {
    char value[2];
    int timer = guest_option(cmdline, "timer", value, sizeof(value));
    uint64_t start;
    uint32_t sum;
    guest_console_select(GUEST_TO_E9);
    start_rom();
    guest_puts("workload begins\n");
    start = native_rdtsc();
    sum = timer ? compute() : use_console();
    guest_printf("workload instructions %llu\n", native_rdtsc() - start);
    guest_printf("workload done %08x by %s\n", sum, rom ? "calls" : "instructions");
    guest_printf("# ticks %u\n# end\n", ticks);
    guest_exit(0);
}
