/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Ports. The demonstrations use three registers that every PC with PCI has and that can be read
 * back: the PCI configuration address (32 bits), an interrupt-line byte in configuration space (as
 * a word), and the DMA controller's address register (16 bits, low byte first, through one 8-bit
 * port).
 */
#include "tour.h"

enum { PCI_ADDRESS = 0xCF8, PCI_DATA = 0xCFC, CMOS_INDEX = 0x70, CMOS_DATA = 0x71 };
enum { DMA3_ADDRESS = 0x06, DMA_FLIP_FLOP = 0x0C, PIC1_MASK = 0x21 };
enum { VECTOR_GP = 13 };
#define PCI_HOST_BRIDGE    0x80000000u
#define PCI_INTERRUPT_LINE 0x3Cu
#define PORT_GARBAGE       0xDEAD0000u /* the upper half of EDX */

/* One IN or OUT; all of EAX is passed and returned. */
static uint32_t port_call(uint32_t number, uint32_t port, uint32_t eax) {
    struct call_regs r;
    guest_call_regs_init(&r, number);
    r.eax = eax;
    r.edx = PORT_GARBAGE | port;
    guest_call(&r, vmi_address(number), NULL, 0);
    return r.eax;
}

/* INS and OUTS of all widths. Returns 1 when counter and pointer are as they should be. */
static int string_call(uint32_t number, uint32_t port, void *buffer, uint32_t count,
                       uint32_t width) {
    struct call_regs r;
    int in = number == VMI_CALL_INS || number == VMI_CALL_INSB || number == VMI_CALL_INSW;
    guest_call_regs_init(&r, number);
    r.edx = PORT_GARBAGE | port;
    r.ecx = count;
    *(in ? &r.edi : &r.esi) = (uint32_t)buffer;
    guest_call(&r, vmi_address(number), NULL, 0);
    return r.ecx == 0 && (in ? r.edi : r.esi) == (uint32_t)buffer + count * width;
}

enum tour_verdict show_in(void) {
    uint32_t ids;
    outl(PCI_ADDRESS, PCI_HOST_BRIDGE);
    ids = port_call(VMI_CALL_IN, PCI_DATA, 0);
    return tour_effect(ids == inl(PCI_DATA), "PCI 00:00.0 is %04x:%04x", ids & 0xFFFF, ids >> 16);
}

static uint8_t cmos(uint8_t index) {
    outb(CMOS_INDEX, index);
    return inb(CMOS_DATA);
}

enum tour_verdict show_inb(void) {
    uint8_t before = cmos(0);
    uint32_t eax;
    uint8_t after;
    int between;
    outb(CMOS_INDEX, 0);
    eax = port_call(VMI_CALL_INB, CMOS_DATA, 0x12345600);
    after = cmos(0);
    between = (uint8_t)eax == before || (uint8_t)eax == after;
    return tour_effect(between && eax >> 8 == 0x123456, "CMOS seconds %02x, rest of EAX kept",
                       eax & 0xFF);
}

enum tour_verdict show_inw(void) {
    uint32_t eax;
    outl(PCI_ADDRESS, PCI_HOST_BRIDGE);
    eax = port_call(VMI_CALL_INW, PCI_DATA, 0x12340000);
    return tour_effect((eax & 0xFFFF) == inw(PCI_DATA), "PCI 00:00.0 made by %04Xh", eax & 0xFFFF);
}

enum tour_verdict show_ins(void) {
    static uint32_t words[4];
    int moved;
    memset(words, 0, sizeof(words));
    outl(PCI_ADDRESS, PCI_HOST_BRIDGE | 0x40);
    moved = string_call(VMI_CALL_INS, PCI_ADDRESS, words, 3, sizeof(words[0]));
    return tour_effect(moved && words[0] == (PCI_HOST_BRIDGE | 0x40) && words[2] == words[0] &&
                           words[3] == 0,
                       "3 dwords, each %08Xh", words[2]);
}

/* Makes the DMA controller's next byte the low one. */
static void dma_low_byte_next(void) {
    outb(DMA_FLIP_FLOP, 0);
}

enum tour_verdict show_insb(void) {
    static uint8_t bytes[3];
    int moved;
    dma_low_byte_next();
    outb(DMA3_ADDRESS, 0x34);
    outb(DMA3_ADDRESS, 0x12);
    dma_low_byte_next();
    bytes[2] = 0;
    moved = string_call(VMI_CALL_INSB, DMA3_ADDRESS, bytes, 2, sizeof(bytes[0]));
    return tour_effect(moved && bytes[0] == 0x34 && bytes[1] == 0x12 && bytes[2] == 0,
                       "DMA address in 2 bytes: %02Xh %02Xh", bytes[0], bytes[1]);
}

enum tour_verdict show_insw(void) {
    static uint16_t words[3];
    int moved;
    memset(words, 0, sizeof(words));
    outl(PCI_ADDRESS, PCI_HOST_BRIDGE);
    moved = string_call(VMI_CALL_INSW, PCI_DATA, words, 2, sizeof(words[0]));
    return tour_effect(moved && words[0] == inw(PCI_DATA) && words[1] == words[0] && words[2] == 0,
                       "2 words, each %04Xh", words[1]);
}

enum tour_verdict show_out(void) {
    uint32_t seen;
    port_call(VMI_CALL_OUT, PCI_ADDRESS, PCI_HOST_BRIDGE | 0x44);
    seen = inl(PCI_ADDRESS);
    return tour_effect(seen == (PCI_HOST_BRIDGE | 0x44), "port CF8h holds %08Xh", seen);
}

enum tour_verdict show_outb(void) {
    uint8_t old = inb(PIC1_MASK), seen;
    port_call(VMI_CALL_OUTB, PIC1_MASK, 0x123456FE);
    seen = inb(PIC1_MASK);
    outb(PIC1_MASK, old);
    return tour_effect(seen == 0xFE, "interrupt mask register holds %02Xh", seen);
}

/* Selects the word at the interrupt-line byte, which can be read back; returns its value. */
static uint16_t select_scratch_word(void) {
    outl(PCI_ADDRESS, PCI_HOST_BRIDGE | PCI_INTERRUPT_LINE);
    return inw(PCI_DATA);
}

enum tour_verdict show_outw(void) {
    uint16_t old = select_scratch_word(), seen;
    port_call(VMI_CALL_OUTW, PCI_DATA, 0x123400A5);
    seen = inw(PCI_DATA);
    outw(PCI_DATA, old);
    return tour_effect(seen == 0x00A5, "PCI 00:00.0 register 3Ch holds %04Xh", seen);
}

enum tour_verdict show_outs(void) {
    static uint32_t words[3] = {PCI_HOST_BRIDGE | 4, PCI_HOST_BRIDGE | 8, PCI_HOST_BRIDGE | 12};
    int moved = string_call(VMI_CALL_OUTS, PCI_ADDRESS, words, 3, sizeof(words[0]));
    uint32_t seen = inl(PCI_ADDRESS);
    return tour_effect(moved && seen == words[2], "last of 3 dwords in CF8h: %08Xh", seen);
}

enum tour_verdict show_outsb(void) {
    static uint8_t bytes[2] = {0x78, 0x56};
    uint32_t seen;
    int moved;
    dma_low_byte_next();
    moved = string_call(VMI_CALL_OUTSB, DMA3_ADDRESS, bytes, 2, sizeof(bytes[0]));
    dma_low_byte_next();
    seen = inb(DMA3_ADDRESS);
    seen |= (uint32_t)inb(DMA3_ADDRESS) << 8;
    return tour_effect(moved && seen == 0x5678, "DMA address is %04Xh after 2 bytes", seen);
}

enum tour_verdict show_outsw(void) {
    static uint16_t words[3] = {0x0011, 0x0022, 0x0033};
    uint16_t old = select_scratch_word(), seen;
    int moved = string_call(VMI_CALL_OUTSW, PCI_DATA, words, 3, sizeof(words[0]));
    seen = inw(PCI_DATA);
    outw(PCI_DATA, old);
    return tour_effect(moved && seen == words[2], "last of 3 words in PCI 3Ch: %04Xh", seen);
}

enum tour_verdict show_set_iopl_mask(void) {
    uint32_t with, without;
    vmi1(VMI_CALL_SetIOPLMask, EFLAGS_IOPL);
    with = tour_in_ring3(tour_user_port, read_eflags());
    vmi1(VMI_CALL_SetIOPLMask, 0);
    without = tour_in_ring3(tour_user_port, read_eflags());
    write_eflags(EFLAGS_FIXED);
    return tour_effect(with == 0x80 && without == VECTOR_GP, "3: ring 3 may use ports; 0: #GP");
}

enum tour_verdict show_io_delay(void) {
    vmi0(VMI_CALL_IODelay);
    return tour_effect(1, "waited for one slow bus cycle");
}
