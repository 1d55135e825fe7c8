/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Port I/O and the APIC against devices: CMOS, PCI configuration, VGA, IDE, PIT. */
#include "machine.h"

enum { CMOS = 0x70, CMOS_SCRATCH = 0x5F, PCI_ADDRESS = 0xCF8, PCI_DATA = 0xCFC };
enum { CRTC = 0x3D4, CRTC_CURSOR_LOW = 15, DAC_READ = 0x3C7, DAC_WRITE = 0x3C8, DAC_DATA = 0x3C9 };
enum { IDE = 0x1F0, IDE_COUNT = 0x1F2, IDE_LBA = 0x1F3, IDE_DEVICE = 0x1F6, IDE_STATUS = 0x1F7 };
enum { IDE_IDENTIFY = 0xEC, IDE_READ = 0x20, IDE_WRITE = 0x30, IDE_CONTROL = 0x3F6 };
enum { SCRATCH_SECTOR = 2879, SECTOR = 512 };
#define GARBAGE_PORT 0xBEEF0000u /* above a 16-bit port number */

static uint8_t buffer[SECTOR + 16], reference[SECTOR], scratch[SECTOR];

static int pci_present(void) {
    outl(PCI_ADDRESS, 0x80000000);
    return inl(PCI_ADDRESS) == 0x80000000 && inl(PCI_DATA) != 0xFFFFFFFF;
}

static void in_reads_pci_configuration(void) {
    if (!pci_present()) {
        skip("no PCI");
        return;
    }
    for (uint32_t i = 0; i < 0x40; i += 4) {
        outl(PCI_ADDRESS, 0x80000000 | i);
        uint32_t native = inl(PCI_DATA);
        equal("IN", vmi(VMI_CALL_IN, 0x99999999, GARBAGE_PORT | PCI_DATA, 0x1234), native);
        equal("EDX", result.edx, GARBAGE_PORT | PCI_DATA);
        equal("INW", vmi(VMI_CALL_INW, 0, GARBAGE_PORT | PCI_DATA, 0) & 0xFFFF, native & 0xFFFF);
        equal("INW, upper half", vmi(VMI_CALL_INW, 0, PCI_DATA + 2, 0), native >> 16);
        equal("INB", vmi(VMI_CALL_INB, 0, GARBAGE_PORT | (PCI_DATA + 1), 0), (native >> 8) & 0xFF);
        uint32_t seen = vmi(VMI_CALL_INB, 0x99887766, PCI_DATA, 0);
        equal("INB keeps the rest of EAX", seen, 0x99887700 | (native & 0xFF));
        seen = vmi(VMI_CALL_INW, 0x99887766, PCI_DATA, 0) >> 16;
        if (seen != 0x9988 && seen != 0) {
            fail("INW: the upper half is neither kept nor zero: %04x", seen);
        }
    }
}

static void out_selects_pci_configuration(void) {
    if (!pci_present()) {
        skip("no PCI");
        return;
    }
    for (uint32_t i = 0; i < 16; i++) {
        uint32_t address = 0x80000000 | i << 11 | i << 2;
        vmi(VMI_CALL_OUT, address, GARBAGE_PORT | PCI_ADDRESS, 0x4321);
        equal("port CF8h, the address register", inl(PCI_ADDRESS), address);
        equal("EAX", result.eax, address);
    }
}

static void outb_and_inb_reach_the_cmos(void) {
    outb(CMOS, CMOS_SCRATCH);
    uint8_t old = inb(CMOS + 1);
    for (uint32_t value = 0; value < 256; value += 15) {
        vmi(VMI_CALL_OUTB, 0xFFFFFF00 | CMOS_SCRATCH, GARBAGE_PORT | CMOS, 0);
        vmi(VMI_CALL_OUTB, 0xABCDEF00 | value, CMOS + 1, 0);
        outb(CMOS, CMOS_SCRATCH);
        equal("CMOS byte 5Fh by IN", inb(CMOS + 1), value);
        equal("CMOS byte 5Fh", vmi(VMI_CALL_INB, 0, CMOS + 1, 0), value);
    }
    outb(CMOS, CMOS_SCRATCH);
    outb(CMOS + 1, old);
}

static int vga_present(void) {
    outb(CRTC, CRTC_CURSOR_LOW);
    uint8_t old = inb(CRTC + 1);
    outb(CRTC + 1, 0x5A);
    int there = inb(CRTC + 1) == 0x5A;
    outb(CRTC + 1, old);
    return there;
}

static void outw_reaches_the_vga(void) {
    if (!vga_present()) {
        skip("no VGA");
        return;
    }
    for (uint32_t value = 1; value < 256; value += 31) {
        vmi(VMI_CALL_OUTW, 0x77770000 | value << 8 | CRTC_CURSOR_LOW, GARBAGE_PORT | CRTC, 0);
        outb(CRTC, CRTC_CURSOR_LOW);
        equal("CRTC register 15 by IN", inb(CRTC + 1), value);
        equal("ports 3D4h and 3D5h as a word", vmi(VMI_CALL_INW, 0, CRTC, 0) & 0xFFFF,
              value << 8 | CRTC_CURSOR_LOW);
    }
}

/* ---- Strings ---- */

static void string_call(uint32_t call, uint16_t port, uint32_t address, uint32_t count,
                        uint32_t element) {
    struct call_regs r;
    int input = call <= VMI_CALL_INSW;
    guest_call_regs_init(&r, call);
    r.edx = GARBAGE_PORT | port;
    r.ecx = count;
    *(input ? &r.edi : &r.esi) = address;
    vmi_registers(call, &r, NULL, 0);
    equal("ECX", r.ecx, 0);
    equal("the pointer", input ? r.edi : r.esi, address + count * element);
}

static void byte_strings_reach_the_palette(void) {
    uint8_t out[96];
    if (!vga_present()) {
        skip("no VGA");
        return;
    }
    for (uint32_t i = 0; i < sizeof(out); i++) {
        out[i] = (i * 37 + 5) & 0x3F;
    }
    outb(DAC_WRITE, 16);
    string_call(VMI_CALL_OUTSB, DAC_DATA, (uint32_t)out, sizeof(out), 1);
    outb(DAC_READ, 16);
    for (uint32_t i = 0; i < sizeof(out); i++) {
        equal("a colour, read natively", inb(DAC_DATA), out[i]);
    }
    memset(buffer, 0xEE, sizeof(buffer));
    outb(DAC_READ, 16);
    string_call(VMI_CALL_INSB, DAC_DATA, (uint32_t)buffer + 1, sizeof(out), 1);
    equal("colours that differ", (uint32_t) !!memcmp(buffer + 1, out, sizeof(out)), 0);
    equal("byte before", buffer[0], 0xEE);
    equal("byte after", buffer[sizeof(out) + 1], 0xEE);
}

static int ide_wait(uint8_t set) {
    for (uint32_t i = 0; i < 1000000; i++) {
        uint8_t status = inb(IDE_STATUS);
        if (!(status & 0x80) && (status & set) == set) {
            return 1;
        }
    }
    return 0;
}

static int ide_command(uint8_t command, uint32_t sector) {
    outb(IDE_CONTROL, 2); /* no interrupts */
    outb(IDE_DEVICE, 0xE0);
    if (!ide_wait(0x40)) {
        return 0;
    }
    outb(IDE_COUNT, 1);
    outb(IDE_LBA, (uint8_t)sector);
    outb(IDE_LBA + 1, (uint8_t)(sector >> 8));
    outb(IDE_LBA + 2, (uint8_t)(sector >> 16));
    outb(IDE_STATUS, command);
    return ide_wait(0x08);
}

static int ide_present(void) {
    outb(IDE_DEVICE, 0xE0);
    if (inb(IDE_STATUS) == 0xFF || !ide_command(IDE_IDENTIFY, 0)) {
        skip("no IDE disk");
        return 0;
    }
    for (uint32_t i = 0; i < SECTOR / 2; i++) {
        uint16_t word = inw(IDE);
        memcpy(reference + i * 2, &word, 2);
    }
    return 1;
}

static void ide_words_identify_the_disk(void) {
    static const uint32_t calls[][2] = {{VMI_CALL_INSW, 2}, {VMI_CALL_INS, 4}};
    if (!ide_present()) {
        return;
    }
    for (uint32_t i = 0; i < 2; i++) {
        memset(buffer, 0xEE, sizeof(buffer));
        if (!ide_command(IDE_IDENTIFY, 0)) {
            fail("IDENTIFY");
            return;
        }
        string_call(calls[i][0], IDE, (uint32_t)buffer + 2, SECTOR / calls[i][1], calls[i][1]);
        equal("bytes that differ", (uint32_t) !!memcmp(buffer + 2, reference, SECTOR), 0);
        equal("byte before", buffer[1], 0xEE);
        equal("byte after", buffer[SECTOR + 2], 0xEE);
    }
}

/* A read of the data port takes data away: so a port that must not be touched would show. */
static void linear_mapping_touches_no_port(void) {
    static const uint32_t words[1] = {0};
    uint16_t first;
    if (!ide_present()) {
        return;
    }
    if (!ide_command(IDE_IDENTIFY, 0)) {
        fail("IDENTIFY");
        return;
    }
    vmi_words(VMI_CALL_SetLinearMapping, 0, 0xC0000000 | IDE, 0x1000, words, 1);
    memcpy(&first, reference, 2);
    equal("the first word", inw(IDE), first);
    memcpy(&first, reference + 2, 2);
    equal("the second", inw(IDE), first);
    for (uint32_t i = 2; i < SECTOR / 2; i++) {
        inw(IDE);
    }
}

static int read_scratch_sector(void) {
    if (!ide_command(IDE_READ, SCRATCH_SECTOR)) {
        return 0;
    }
    for (uint32_t i = 0; i < SECTOR / 2; i++) {
        uint16_t word = inw(IDE);
        memcpy(buffer + i * 2, &word, 2);
    }
    return 1;
}

/* A machine's own disk is not written to: the sector bears our mark (mkdisk.sh), and gets it back.
 */
static int scratch_sector_is_ours(void) {
    static const char mark[] = "vmirom scratch sector";
    if (!ide_present()) {
        return 0;
    }
    if (!read_scratch_sector() || memcmp(buffer, mark, sizeof(mark)) != 0) {
        skip("the IDE disk is not ours");
        return 0;
    }
    memcpy(scratch, buffer, SECTOR);
    return 1;
}

static void restore_scratch_sector(void) {
    if (!ide_command(IDE_WRITE, SCRATCH_SECTOR)) {
        fail("WRITE SECTOR");
        return;
    }
    for (uint32_t i = 0; i < SECTOR / 2; i++) {
        uint16_t word;
        memcpy(&word, scratch + i * 2, 2);
        outw(IDE, word);
    }
    ide_wait(0x40);
}

static void ide_sector_is_written_and_read(void) {
    static const uint32_t calls[][3] = {{VMI_CALL_OUTSW, VMI_CALL_INSW, 2},
                                        {VMI_CALL_OUTS, VMI_CALL_INS, 4}};
    if (!scratch_sector_is_ours()) {
        return;
    }
    for (uint32_t i = 0; i < 2; i++) {
        uint32_t element = calls[i][2];
        for (uint32_t j = 0; j < SECTOR; j++) {
            reference[j] = (uint8_t)(j * 7 + j / 256 + i);
        }
        if (!ide_command(IDE_WRITE, SCRATCH_SECTOR)) {
            fail("WRITE SECTOR");
            return;
        }
        string_call(calls[i][0], IDE, (uint32_t)reference, SECTOR / element, element);
        if (!ide_wait(0x40) || !ide_command(IDE_READ, SCRATCH_SECTOR)) {
            fail("READ SECTOR");
            return;
        }
        memset(buffer, 0, sizeof(buffer));
        string_call(calls[i][1], IDE, (uint32_t)buffer, SECTOR / element, element);
        equal("bytes that differ", (uint32_t) !!memcmp(buffer, reference, SECTOR), 0);
    }
    restore_scratch_sector();
}

static void strings_of_no_length_do_nothing(void) {
    for (uint32_t call = VMI_CALL_INS; call <= VMI_CALL_INSW; call++) {
        memset(buffer, 0xEE, 16);
        string_call(call, CMOS + 1, (uint32_t)buffer, 0, 1);
        equal("the buffer", buffer[0], 0xEE);
    }
    for (uint32_t call = VMI_CALL_OUTS; call <= VMI_CALL_OUTSW; call++) {
        string_call(call, 0x80, (uint32_t)buffer, 0, 1);
    }
}

static void delay_and_cache_calls_return(void) {
    volatile uint32_t *page = guest_at(GUEST_FREE_MEMORY);
    uint32_t dr0 = read_dr0();
    for (uint32_t i = 0; i < 64; i++) {
        page[i * 16] = i + 0x100;
    }
    for (uint32_t i = 0; i < 8; i++) {
        if (!has_call(VMI_CALL_IODelay)) {
            continue;
        }
        vmi(VMI_CALL_IODelay, i, 0x22, 0x33);
        if (has_call(VMI_CALL_INVD)) {
            vmi(VMI_CALL_Pause, i, 0x22, 0x33);
            vmi(VMI_CALL_INVD, i, 0x22, 0x33);
        }
    }
    for (uint32_t i = 0; i < 64; i++) {
        equal("memory after INVD", page[i * 16], i + 0x100);
        page[i * 16] = i + 0x200;
    }
    for (uint32_t i = 0; i < 8; i++) {
        vmi(VMI_CALL_WBINVD, i, 0x700, 0x33);
    }
    equal("DR0", read_dr0(), dr0); /* not SetDR's body */
    equal("DR7", read_dr7(), 0x400);
    for (uint32_t i = 0; i < 64; i++) {
        equal("memory after WBINVD", page[i * 16], i + 0x200);
    }
}

/* ---- Local APIC ---- */

static volatile uint32_t ipi_hits;
static void take_ipi(struct trap_frame *frame) {
    (void)frame;
    ipi_hits++;
    guest_apic_write(APIC_EOI, 0);
}

static void apic_registers_are_read_and_written(void) {
    enum { VECTOR_IPI = 0x61 };
    uint32_t base = guest_apic_base();
    if (!guest_apic_present()) {
        skip("no local APIC");
        return;
    }
    guest_apic_enable();
    equal("version", vmi(VMI_CALL_APICRead, base + APIC_VERSION, 1, 2),
          guest_apic_read(APIC_VERSION));
    equal("ID", vmi(VMI_CALL_APICRead, base + APIC_ID, 1, 2), guest_apic_read(APIC_ID));
    for (uint32_t value = 0x10; value < 0x100; value += 0x30) {
        vmi(VMI_CALL_APICWrite, base + APIC_TPR, value, 3);
        equal("TPR", guest_apic_read(APIC_TPR), value);
        equal("TPR, read by the call", vmi(VMI_CALL_APICRead, base + APIC_TPR, 1, 2), value);
    }
    guest_apic_write(APIC_TPR, 0);
    ipi_hits = 0;
    guest_set_handler(VECTOR_IPI, take_ipi);
    vmi(VMI_CALL_APICWrite, base + APIC_ICR_LOW, 0x44000 | VECTOR_IPI, 3); /* to itself */
    equal("hits, disabled", ipi_hits, 0);
    native_sti();
    for (uint32_t i = 0; i < 100000 && !ipi_hits; i++) {
        native_pause();
    }
    native_cli();
    equal("hits", ipi_hits, 1);
}

const struct test port_tests[] = {
    {"in_reads_pci_configuration",
     in_reads_pci_configuration,
     0,
     {VMI_CALL_IN, VMI_CALL_INB, VMI_CALL_INW}},
    {"out_selects_pci_configuration", out_selects_pci_configuration, 0, {VMI_CALL_OUT}},
    {"outb_and_inb_reach_the_cmos", outb_and_inb_reach_the_cmos, 0, {VMI_CALL_OUTB, VMI_CALL_INB}},
    {"outw_reaches_the_vga", outw_reaches_the_vga, 0, {VMI_CALL_OUTW, VMI_CALL_INW}},
    {"byte_strings_reach_the_palette",
     byte_strings_reach_the_palette,
     TWICE,
     {VMI_CALL_OUTSB, VMI_CALL_INSB}},
    {"linear_mapping_touches_no_port",
     linear_mapping_touches_no_port,
     0,
     {VMI_CALL_SetLinearMapping}},
    {"ide_words_identify_the_disk", ide_words_identify_the_disk, 0, {VMI_CALL_INSW, VMI_CALL_INS}},
    {"ide_sector_is_written_and_read",
     ide_sector_is_written_and_read,
     TWICE,
     {VMI_CALL_OUTSW, VMI_CALL_OUTS, VMI_CALL_INSW, VMI_CALL_INS}},
    {"strings_of_no_length_do_nothing",
     strings_of_no_length_do_nothing,
     0,
     {VMI_CALL_INS, VMI_CALL_INSB, VMI_CALL_INSW, VMI_CALL_OUTS, VMI_CALL_OUTSB, VMI_CALL_OUTSW}},
    {"delay_and_cache_calls_return",
     delay_and_cache_calls_return,
     ANY,
     {VMI_CALL_IODelay, VMI_CALL_Pause, VMI_CALL_INVD, VMI_CALL_WBINVD}},
    {"apic_registers_are_read_and_written",
     apic_registers_are_read_and_written,
     0,
     {VMI_CALL_APICRead, VMI_CALL_APICWrite}},
    {NULL, NULL, 0, {0}}};
