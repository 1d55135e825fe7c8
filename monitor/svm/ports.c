/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * Ports that exit:
 * - CMOS: register 0Fh tells the BIOS after a reset to resume somewhere without POST, and so
 * without the monitor. The guest's byte is kept here; the machine's own stays 0.
 * - ACPI's PM1 control registers: of the sleep states only S5 goes through. From S3 the BIOS would
 * wake the guest alone.
 * - the port that starts system management mode: only the BSP has been told by the
 *   BIOS where that mode's memory is. It goes by itself: the mode's own code reads the port, and
 * TCG has intercepts there, too.
 * - PCI configuration: at an i440FX host bridge the BIOS's memory stays read-only. Its nested pages
 * are read-only, but with the A20 gate closed it has aliases.
 * - the PIT's channel 0 while an alarm has it;
 * - the ports that end the emulator, and, where the image asks for it, those that reset the
 * machine: for the figures. An access counts for every port that it covers.
 */

#include "code.h"
#include "common/acpi.h"
#include "common/clock.h"
#include "common/lock.h"
#include "event.h"
#include "guest_memory.h"
#include "intercept.h"
#include "machine.h"
#include "ports.h"

#define CMOS_FIRST    0x70u
#define CMOS_LAST     0x77u /* chip sets have the first two ports again, and a second bank */
#define CMOS_BANKS    2u
#define CMOS_INDEX    0x7Fu /* bit 7 masks NMI */
#define CMOS_SHUTDOWN 0x0Fu

#define SLP_TYPE   0x07u /* in the second byte of a control register, shifted */
#define SLP_SHIFT  2
#define SLP_ENABLE 0x20u

#define KEYBOARD_PULSES 0xF1u /* of the command that pulses lines: which, and the reset's bit */
#define KEYBOARD_RESET  0xF0u /* low */
#define A20_RESET       0x01u

static struct {
    volatile bool locked;
    uint8_t
        index[(CMOS_LAST + 1 - CMOS_FIRST) / 2]; /* that the guest has chosen, by pair of ports */
    uint8_t shutdown[CMOS_BANKS];                /* its register 0Fh */
} cmos;

#define PCI_ADDRESS     0xCF8u
#define PCI_DATA        0xCFCu
#define PCI_HOST_BRIDGE 0x80000000u /* the first function of the first bus */
#define PCI_FUNCTION    0x80FFFF00u
#define PCI_REGISTER    0xFCu
#define PCI_NO_ADDRESS  0x03u /* bits of the address that are 0; QEMU has them in the register's */
#define I440FX          0x12378086u
#define PAM_F0000       0x59u
#define PAM_E0000       0x5Eu
#define PAM_E8000       0x5Fu
#define PAM_WRITE       0x22u /* for each half of the range */

static struct sleep_ports sleep;
static bool knows_bridge;
static volatile bool pci_locked; /* from the look at the address to the access to the data */

static uint32_t in(uint16_t port, unsigned size) {
    uint32_t value = 0;
    if (size == 1) {
        __asm__ volatile("inb %1, %b0" : "+a"(value) : "d"(port));
    } else if (size == 2) {
        __asm__ volatile("inw %1, %w0" : "+a"(value) : "d"(port));
    } else {
        __asm__ volatile("inl %1, %0" : "=a"(value) : "d"(port));
    }
    return value;
}

static void out(uint16_t port, unsigned size, uint32_t value) {
    if (size == 1) {
        __asm__ volatile("outb %b0, %1" ::"a"(value), "d"(port));
    } else if (size == 2) {
        __asm__ volatile("outw %w0, %1" ::"a"(value), "d"(port));
    } else {
        __asm__ volatile("outl %0, %1" ::"a"(value), "d"(port));
    }
}

static bool covers(uint16_t port, unsigned size, uint16_t watched) {
    return (uint16_t)(watched - port) < size;
}

static bool covers_cmos(uint16_t port, unsigned size) {
    return port <= CMOS_LAST && port + size > CMOS_FIRST;
}

/* --- CMOS --- */

static unsigned pair_of(uint16_t port) {
    return (port - CMOS_FIRST) / 2;
}

static uint8_t *shutdown_byte(unsigned pair) {
    return (cmos.index[pair] & CMOS_INDEX) == CMOS_SHUTDOWN ? &cmos.shutdown[pair % CMOS_BANKS] : 0;
}

/* The index is written again before the data, so that it is known. */
static uint8_t cmos_in(uint16_t port) {
    unsigned pair = pair_of(port);
    uint8_t *kept = shutdown_byte(pair);
    if (port % 2 == 0) {
        return inb(port);
    }
    if (kept) {
        return *kept;
    }
    outb(port - 1, cmos.index[pair]);
    return inb(port);
}

static void cmos_out(uint16_t port, uint8_t value) {
    unsigned pair = pair_of(port);
    uint8_t *kept = shutdown_byte(pair);
    if (port % 2 == 0) {
        cmos.index[pair] = value;
        outb(port, value);
    } else if (kept) {
        *kept = value;
    } else {
        outb(port - 1, cmos.index[pair]);
        outb(port, value);
    }
}

/* Devices of 8 bits: the bus makes bytes of a longer access. */
static uint32_t bytes_in(uint16_t port, unsigned size) {
    uint32_t value = 0;
    lock(&cmos.locked);
    for (unsigned i = 0; i < size; i++) {
        uint16_t at = (uint16_t)(port + i);
        value |= (uint32_t)(covers_cmos(at, 1) ? cmos_in(at) : inb(at)) << 8 * i;
    }
    unlock(&cmos.locked);
    return value;
}

static void bytes_out(uint16_t port, unsigned size, uint32_t value) {
    lock(&cmos.locked);
    for (unsigned i = 0; i < size; i++) {
        uint16_t at = (uint16_t)(port + i);
        if (covers_cmos(at, 1)) {
            cmos_out(at, (uint8_t)(value >> 8 * i));
        } else {
            outb(at, (uint8_t)(value >> 8 * i));
        }
    }
    unlock(&cmos.locked);
}

static void start_cmos(void) {
    outb(CMOS_FIRST, CMOS_SHUTDOWN);
    for (unsigned bank = 0; bank < CMOS_BANKS; bank++) {
        cmos.shutdown[bank] = 0;
    }
    outb(CMOS_FIRST + 1, 0);
    for (uint16_t port = CMOS_FIRST; port <= CMOS_LAST; port++) {
        intercept_port(port, true);
    }
}

/* --- the BIOS's memory --- */

static bool covers_pci_data(uint16_t port, unsigned size) {
    return port < PCI_DATA + 4 && port + size > PCI_DATA;
}

/* The address is written as one dword; the chip set's own port beside it is none of PCI's. */
static bool covers_pci(uint16_t port, unsigned size) {
    return knows_bridge && (covers_pci_data(port, size) || covers(port, size, PCI_ADDRESS));
}

static bool is_pam(uint32_t reg) {
    return reg == PAM_F0000 || reg == PAM_E0000 || reg == PAM_E8000;
}

/* What is read-only now stays so. */
static uint32_t without_bios(uint16_t port, unsigned size, uint32_t value) {
    uint32_t address = in(PCI_ADDRESS, 4);
    if ((address & PCI_FUNCTION) != PCI_HOST_BRIDGE) {
        return value;
    }
    for (unsigned i = 0; i < size; i++) {
        uint32_t at = port + i - PCI_DATA;
        if (at < 4 && is_pam((address & PCI_REGISTER) + at)) {
            value &= ~((PAM_WRITE & ~(uint32_t)inb((uint16_t)(port + i))) << 8 * i);
        }
    }
    return value;
}

static void pci_out(uint16_t port, unsigned size, uint32_t value) {
    lock(&pci_locked);
    if (covers_pci_data(port, size)) {
        value = without_bios(port, size, value);
    } else if (port == PCI_ADDRESS && size == 4) {
        value &= ~PCI_NO_ADDRESS;
    }
    out(port, size, value);
    unlock(&pci_locked);
}

static void start_pci(void) {
    uint32_t address = in(PCI_ADDRESS, 4), id;
    out(PCI_ADDRESS, 4, PCI_HOST_BRIDGE);
    id = in(PCI_DATA, 4);
    out(PCI_ADDRESS, 4, address & ~PCI_NO_ADDRESS);
    knows_bridge = id == I440FX;
    intercept_port(PCI_ADDRESS, knows_bridge);
    for (uint16_t port = PCI_DATA; port < PCI_DATA + 4; port++) {
        intercept_port(port, knows_bridge);
    }
}

/* --- sleep --- */

/* The enable bit goes when the type beside it is not S5's. */
static uint32_t without_sleep(uint16_t port, unsigned size, uint32_t value) {
    for (unsigned i = 0; i < size; i++) {
        uint8_t byte = (uint8_t)(value >> 8 * i);
        for (unsigned n = 0; n < 2; n++) {
            if (sleep.control[n] && port + i == sleep.control[n] + 1u &&
                (byte >> SLP_SHIFT & SLP_TYPE) != sleep.off) {
                value &= ~(SLP_ENABLE << 8 * i);
            }
        }
    }
    return value;
}

static bool covers_sleep(uint16_t port, unsigned size) {
    for (unsigned n = 0; n < 2; n++) {
        if (sleep.control[n] && covers(port, size, sleep.control[n] + 1)) {
            return true;
        }
    }
    return false;
}

static bool covers_smi(uint16_t port, unsigned size) {
    return sleep.smi_command && covers(port, size, sleep.smi_command);
}

/* --- all --- */

void start_ports(bool resets) {
    find_sleep_ports(&sleep);
    for (unsigned n = 0; n < 2; n++) {
        if (sleep.control[n]) {
            intercept_port(sleep.control[n] + 1, true);
        }
    }
    if (sleep.smi_command) {
        intercept_port_of_others(sleep.smi_command);
    }
    start_cmos();
    start_pci();
    watch_end_ports(resets);
}

static bool is_guarded(uint16_t port, unsigned size) {
    return covers_cmos(port, size) || covers_sleep(port, size) || covers_smi(port, size) ||
           covers_pci(port, size);
}

/* The byte of a value that goes to a port, or 0. */
static uint8_t byte_for(uint16_t to, uint16_t port, unsigned size, uint32_t value) {
    return covers(port, size, to) ? (uint8_t)(value >> 8 * (to - port)) : 0;
}

/* The dword in front of the chip set's port is PCI's address, which is not for it. */
static bool resets_machine(uint16_t port, unsigned size, uint32_t value) {
    return (byte_for(PORT_KEYBOARD, port, size, value) & KEYBOARD_PULSES) == KEYBOARD_RESET ||
           byte_for(PORT_A20, port, size, value) & A20_RESET ||
           (size < 4 && byte_for(PORT_RESET, port, size, value) & RESET_NOW);
}

/* Of an ACPI control register, behind without_sleep. */
static bool powers_off(uint16_t port, unsigned size, uint32_t value) {
    return (sleep.control[0] && byte_for(sleep.control[0] + 1, port, size, value) & SLP_ENABLE) ||
           (sleep.control[1] && byte_for(sleep.control[1] + 1, port, size, value) & SLP_ENABLE);
}

/* An OUT to these is no more than noted. */
static void note_out(uint16_t port, unsigned size) {
    if (covers(port, size, PORT_PIT_0)) {
        give_pit_back();
    }
    if (covers(port, size, PORT_QEMU_EXIT) || covers(port, size, PORT_BOCHS_EXIT)) {
        on_end();
    }
}

static bool is_in(const uint8_t *map, uint16_t port, unsigned size) {
    return (map[port / 8] | map[port / 8 + 1] << 8) >> port % 8 & ((1u << size) - 1);
}

bool is_watched_port(uint16_t port, unsigned size) {
    return is_in(iopm_others, port, size); /* the BSP's ports, and one more */
}

uint32_t guest_in(struct vcpu *vcpu, uint16_t port, unsigned size) {
    (void)vcpu;
    return covers_cmos(port, size) ? bytes_in(port, size) : in(port, size);
}

void guest_out(struct vcpu *vcpu, uint16_t port, unsigned size, uint32_t value) {
    if (!is_in(vcpu->number ? iopm_others : iopm, port, size)) {
        out(port, size, value);
        return;
    }
    note_out(port, size);
    if (covers_cmos(port, size)) {
        bytes_out(port, size, value);
        return;
    }
    if (covers_smi(port, size) && vcpu->number) {
        return;
    }
    value = without_sleep(port, size, value);
    if (resets_machine(port, size, value) || powers_off(port, size, value)) {
        on_end();
    }
    if (covers_pci(port, size)) {
        pci_out(port, size, value);
    } else {
        out(port, size, value);
    }
}

/* --- exits --- */

static uint64_t merge(uint64_t rax, unsigned size, uint32_t value) {
    if (size == 1) {
        return (rax & ~0xFFull) | value;
    }
    if (size == 2) {
        return (rax & ~0xFFFFull) | value;
    }
    return value;
}

/* A string that is no danger is the guest's own from here on, and so are the ports. */
static bool on_string(uint16_t port, unsigned size) {
    if (is_guarded(port, size)) {
        return false;
    }
    note_out(port, size);
    leave_end_ports(port, (uint16_t)(port + size - 1));
    return true;
}

static bool has_segment_prefix(const struct instruction *i) {
    for (unsigned n = 0; n < i->prefixes; n++) {
        uint8_t byte = i->bytes[n];
        if ((byte & 0xE7) == 0x26 || byte == 0x64 || byte == 0x65) {
            return true;
        }
    }
    return false;
}

/* Ring 0 in protected mode, with flat segments and 32-bit addresses. */
static bool is_flat_string(const struct vcpu *vcpu, bool is_in) {
    const struct guest_state *state = state_of(vcpu);
    uint64_t base = is_in ? state->es.base : state->ds.base;
    uint32_t limit = is_in ? state->es.limit : state->ds.limit;
    struct instruction i;
    if (state->cpl || state->efer & EFER_LMA || !(state->cr0 & CR0_PE) || base || ~limit) {
        return false;
    }
    read_instruction(vcpu, &i);
    return !i.address_16 && !has_segment_prefix(&i);
}

/* Memory is checked first, so that no input is lost. */
static bool move_element(struct vcpu *vcpu, bool is_in, uint32_t at, uint16_t port, unsigned size) {
    uint32_t value = 0;
    if (!is_in) {
        if (!monitor_guest.read(vcpu, at, &value, size)) {
            return false;
        }
        guest_out(vcpu, port, size, value);
        return true;
    }
    if (!guest_probe(vcpu, at, size, true)) {
        return false;
    }
    value = guest_in(vcpu, port, size);
    return monitor_guest.write(vcpu, at, &value, size);
}

/* A string at PCI's data ports: one element an exit, REP exits again for the next. */
static bool on_pci_string(struct vcpu *vcpu, uint32_t info, uint16_t port, unsigned size) {
    const struct guest_state *state = state_of(vcpu);
    bool is_in = info & IOIO_IN;
    uint64_t *at = is_in ? &vcpu->registers.gpr.rdi : &vcpu->registers.gpr.rsi;
    uint64_t *count = &vcpu->registers.gpr.rcx;
    if (!is_flat_string(vcpu, is_in)) {
        return false;
    }
    if (!move_element(vcpu, is_in, (uint32_t)*at, port, size)) {
        deliver_exception(vcpu, &vcpu->fault);
        return true;
    }
    *at = (uint32_t)(*at + (state->rflags & RFLAGS_DF ? 0 - size : size));
    if (info & IOIO_REP) {
        *count = (uint32_t)(*count - 1);
    }
    end_instruction(vcpu, info & IOIO_REP && *count ? state->rip : vcpu->vmcb->exitinfo2);
    return true;
}

/* A string operation of no length exits, too, and does nothing. QEMU leaves IOIO_A32 out. */
static bool is_empty(const struct vcpu *vcpu, uint32_t info) {
    uint64_t count = vcpu->registers.gpr.rcx;
    if (info & IOIO_A16) {
        return (uint16_t)count == 0;
    }
    return info & IOIO_A64 ? count == 0 : (uint32_t)count == 0;
}

bool on_port(struct vcpu *vcpu) {
    struct vmcb *vmcb = vcpu->vmcb;
    uint32_t info = (uint32_t)vmcb->exitinfo1;
    uint16_t port = (uint16_t)(info >> IOIO_PORT_SHIFT);
    unsigned size = info >> IOIO_SIZE_SHIFT & IOIO_SIZE;
    if (info & IOIO_STRING) {
        if (info & IOIO_REP && is_empty(vcpu, info)) {
            end_instruction(vcpu, vmcb->exitinfo2);
            return true;
        }
        if (covers_pci(port, size)) {
            return on_pci_string(vcpu, info, port, size);
        }
        return on_string(port, size);
    }
    if (info & IOIO_IN) {
        vmcb->state.rax = merge(vmcb->state.rax, size, guest_in(vcpu, port, size));
    } else {
        guest_out(vcpu, port, size, (uint32_t)vmcb->state.rax);
    }
    end_instruction(vcpu, vmcb->exitinfo2);
    return true;
}
