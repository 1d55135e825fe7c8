/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* Devices of a small PC, enough for SeaBIOS to boot a disk: COM1, CMOS, an ATA disk, QEMU's fw_cfg.
 * The kernel has the interrupt controllers and the timer. */
#ifndef KVM_DEVICES_H
#define KVM_DEVICES_H

#include "vmm.h"

/* A disk image, held in memory: what the guest writes is lost. Ends the program on errors. */
void disk_open(const char *file);

/* A ROM that SeaBIOS is to run: it copies it to a 2 KiB boundary from C0000h on. The bytes stay the
 * caller's. */
void rom_offer(const void *bytes, uint32_t size);

/* One access of 1, 2 or 4 bytes. */
void port_out(struct vmm *vmm, uint16_t port, uint32_t size, uint32_t value);
uint32_t port_in(uint16_t port, uint32_t size);

#endif
