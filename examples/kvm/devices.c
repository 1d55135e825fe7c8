/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
#include "devices.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SECTOR 512u

static bool in_range(uint16_t port, uint16_t first, uint16_t last) {
    return port >= first && port <= last;
}

/* --- COM1 --- */

#define COM1 0x3F8

static uint8_t com[8];

static void com_out(uint16_t port, uint8_t value) {
    uint16_t n = port - COM1;
    if (n == 0 && !(com[3] & 0x80)) { /* DLAB */
        putchar(value);
        if (value == '\n') {
            fflush(stdout);
        }
        return;
    }
    com[n] = value;
}

static uint8_t com_in(uint16_t port) {
    switch (port - COM1) {
    case 0:
        return 0;
    case 2:
        return 0x01; /* no interrupt pending */
    case 5:
        return 0x60; /* the transmitter is empty */
    case 6:
        return 0xB0;
    default:
        return com[port - COM1];
    }
}

/* --- CMOS: the clock, the size of memory, where to boot --- */

static uint8_t cmos_index, cmos[128];

static uint8_t bcd(int n) {
    return (uint8_t)(n / 10 << 4 | n % 10);
}

static uint8_t cmos_in(void) {
    const uint32_t above_1m = (MEMORY_SIZE - (1u << 20)) >> 10;
    const uint32_t above_16m = (MEMORY_SIZE - (16u << 20)) >> 16;
    time_t now = time(NULL);
    struct tm *t = gmtime(&now);
    switch (cmos_index) {
    case 0x00:
        return bcd(t->tm_sec);
    case 0x02:
        return bcd(t->tm_min);
    case 0x04:
        return bcd(t->tm_hour);
    case 0x06:
        return (uint8_t)(t->tm_wday + 1);
    case 0x07:
        return bcd(t->tm_mday);
    case 0x08:
        return bcd(t->tm_mon + 1);
    case 0x09:
        return bcd(t->tm_year % 100);
    case 0x32:
        return bcd(19 + t->tm_year / 100);
    case 0x0A:
        return 0x26;
    case 0x0B:
        return 0x02;
    case 0x0D:
        return 0x80;
    case 0x17: /* KiB above 1 MiB, at most 63 MiB */
    case 0x30:
        return (uint8_t)(above_1m > 0xFFFF ? 0xFF : above_1m);
    case 0x18:
    case 0x31:
        return (uint8_t)(above_1m > 0xFFFF ? 0xFF : above_1m >> 8);
    case 0x34: /* 64 KiB above 16 MiB */
        return (uint8_t)above_16m;
    case 0x35:
        return (uint8_t)(above_16m >> 8);
    case 0x3D:
        return 0x02; /* from the hard disk */
    default:
        return cmos[cmos_index];
    }
}

/* --- fw_cfg: how QEMU tells SeaBIOS of files --- */

#define FW_CFG_SIGNATURE 0x00
#define FW_CFG_ID        0x01
#define FW_CFG_CPUS      0x05
#define FW_CFG_CPUS_MAX  0x0F
#define FW_CFG_DIRECTORY 0x19
#define FW_CFG_ROM       0x20

static uint16_t fw_key;
static uint32_t fw_at, fw_rom_size;
static const uint8_t *fw_rom;
static uint8_t fw_directory[4 + 64];

static void put_be(uint8_t *at, uint32_t value, uint32_t bytes) {
    for (uint32_t i = 0; i < bytes; i++) {
        at[i] = (uint8_t)(value >> 8 * (bytes - 1 - i));
    }
}

void rom_offer(const void *bytes, uint32_t size) {
    fw_rom = bytes;
    fw_rom_size = size;
    put_be(fw_directory, 1, 4);
    put_be(fw_directory + 4, size, 4);
    put_be(fw_directory + 8, FW_CFG_ROM, 2);
    memcpy(fw_directory + 12, "genroms/vmi.rom", sizeof("genroms/vmi.rom"));
}

static uint8_t fw_in(void) {
    static const uint8_t one[] = {1, 0, 0, 0}; /* little-endian here */
    const uint8_t *bytes = NULL;
    uint32_t size = 0, at = fw_at++;
    switch (fw_key) {
    case FW_CFG_SIGNATURE:
        bytes = (const uint8_t *)"QEMU", size = 4;
        break;
    case FW_CFG_ID:
    case FW_CFG_CPUS:
    case FW_CFG_CPUS_MAX:
        bytes = one, size = sizeof(one);
        break;
    case FW_CFG_DIRECTORY:
        bytes = fw_directory, size = sizeof(fw_directory);
        break;
    case FW_CFG_ROM:
        bytes = fw_rom, size = fw_rom_size;
        break;
    }
    return at < size ? bytes[at] : 0;
}

/* --- one ATA disk, read by PIO --- */

#define ATA        0x1F0
#define ATA_BUSY   0x80
#define ATA_READY  0x50 /* DRDY, DSC */
#define ATA_DATA   0x08 /* DRQ */
#define ATA_FAILED 0x01

static uint8_t *disk;
static uint32_t disk_sectors, disk_heads = 16, disk_track = 63;
static uint8_t ata[8], ata_status = ATA_READY, ata_buffer[SECTOR];
static uint32_t ata_at, ata_lba, ata_left;

void disk_open(const char *file) {
    FILE *f = fopen(file, "rb");
    long size;
    if (!f || fseek(f, 0, SEEK_END) != 0 || (size = ftell(f)) <= 0) {
        die(file);
    }
    disk_sectors = (uint32_t)((size + SECTOR - 1) / SECTOR);
    disk = calloc(disk_sectors, SECTOR);
    rewind(f);
    if (!disk || fread(disk, 1, (size_t)size, f) != (size_t)size) {
        die(file);
    }
    fclose(f);
}

static void ata_identify(void) {
    uint16_t w[SECTOR / 2] = {0};
    static const char model[] = "MVV Iidks";
    w[0] = 0x40;
    w[1] = (uint16_t)(disk_sectors / (disk_heads * disk_track) + 1);
    w[3] = (uint16_t)disk_heads;
    w[6] = (uint16_t)disk_track;
    w[47] = 0x8001;
    w[49] = 0x0200; /* LBA */
    w[53] = 1;
    w[60] = (uint16_t)disk_sectors;
    w[61] = (uint16_t)(disk_sectors >> 16);
    w[80] = 0x70;
    memset(&w[27], ' ', 40);
    memcpy(&w[27], model, sizeof(model) - 1);
    memcpy(ata_buffer, w, sizeof(w));
    ata_at = 0, ata_left = 1;
    ata_status = ATA_READY | ATA_DATA;
}

static void ata_next(void) {
    if (ata_left == 0 || ata_lba >= disk_sectors) {
        ata_status = (uint8_t)(ATA_READY | (ata_left ? ATA_FAILED : 0));
        return;
    }
    memcpy(ata_buffer, disk + (size_t)ata_lba * SECTOR, SECTOR);
    ata_lba++, ata_at = 0;
    ata_status = ATA_READY | ATA_DATA;
}

static void ata_command(uint8_t command) {
    switch (command) {
    case 0xEC:
        ata_identify();
        break;
    case 0x20: /* READ SECTORS */
    case 0x21:
        ata_lba = ata[3] | (uint32_t)ata[4] << 8 | (uint32_t)ata[5] << 16;
        if (ata[6] & 0x40) {
            ata_lba |= (uint32_t)(ata[6] & 15) << 24;
        } else {
            ata_lba = ((ata_lba >> 8) * disk_heads + (ata[6] & 15)) * disk_track + ata[3] - 1;
        }
        ata_left = ata[2] ? ata[2] : 256;
        ata_next();
        break;
    case 0x91: /* INITIALIZE DEVICE PARAMETERS */
        disk_track = ata[2], disk_heads = (ata[6] & 15u) + 1;
        ata_status = ATA_READY;
        break;
    case 0xEF: /* SET FEATURES */
    case 0xE7: /* FLUSH CACHE */
        ata_status = ATA_READY;
        break;
    default:
        ata[1] = 0x04; /* ABRT */
        ata_status = ATA_READY | ATA_FAILED;
    }
}

static uint32_t ata_data(uint32_t size) {
    uint32_t value = 0;
    if (!(ata_status & ATA_DATA)) {
        return 0xFFFFFFFF;
    }
    memcpy(&value, ata_buffer + ata_at, size);
    ata_at += size;
    if (ata_at >= SECTOR) {
        ata_left--;
        ata_next();
    }
    return value;
}

static bool second_drive(void) {
    return ata[6] & 0x10;
}

static void ata_out(uint16_t port, uint8_t value) {
    if (port == 0x3F6) {
        if (value & 4) { /* reset: the signature of a disk */
            ata[2] = ata[3] = 1, ata[4] = ata[5] = ata[6] = 0;
            ata_status = ATA_READY;
        }
    } else if (port == ATA + 7) {
        if (!second_drive() && disk) {
            ata_command(value);
        }
    } else if (port != ATA) {
        ata[port - ATA] = value;
    }
}

static uint8_t ata_in(uint16_t port) {
    if (second_drive() || !disk) {
        return port == ATA + 6 ? ata[6] : 0;
    }
    return port == ATA + 7 || port == 0x3F6 ? ata_status : ata[port - ATA];
}

/* --- all --- */

void port_out(struct vmm *vmm, uint16_t port, uint32_t size, uint32_t value) {
    uint8_t byte = (uint8_t)value;
    (void)size;
    if (in_range(port, COM1, COM1 + 7)) {
        com_out(port, byte);
    } else if (in_range(port, ATA, ATA + 7) || port == 0x3F6) {
        ata_out(port, byte);
    } else if (port == 0x70) {
        cmos_index = byte & 0x7F;
    } else if (port == 0x71) {
        cmos[cmos_index] = byte;
    } else if (port == 0x510) {
        fw_key = (uint16_t)value, fw_at = 0;
    } else if ((port == 0x64 && byte == 0xFE) || (port == 0xCF9 && byte & 4)) { /* ways to reset */
        vmm->end = VMM_RESET;
    } else if (port == 0xF4) { /* as QEMU's isa-debug-exit */
        vmm->end = VMM_OFF, vmm->status = byte << 1 | 1;
    }
}

uint32_t port_in(uint16_t port, uint32_t size) {
    if (in_range(port, COM1, COM1 + 7)) {
        return com_in(port);
    }
    if (port == ATA) {
        return ata_data(size);
    }
    if (in_range(port, ATA, ATA + 7) || port == 0x3F6) {
        return ata_in(port);
    }
    switch (port) {
    case 0x71:
        return cmos_in();
    case 0x511:
        return fw_in();
    case 0x60:
    case 0x64:
        return 0;
    case 0x92:
        return 2; /* A20 is on */
    default:
        return 0xFFFFFFFF;
    }
}
