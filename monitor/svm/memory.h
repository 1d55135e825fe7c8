/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* The nested tables: what the guest's physical addresses lead to. */
#ifndef MONITOR_MEMORY_H
#define MONITOR_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#define MAX_PROCESSORS 8u /* launch.asm says the same */

/* Comes before all else here, and behind start_block. */
void start_memory(void);

/* What the guest finds in a page of its first MiB: one of the monitor's pages, read-only. For the
 * processors that are mapped later. Hidden: its address is taken, and the monitor has no GOT. */
__attribute__((visibility("hidden"))) void show_page(uint32_t guest, const void *page);

/* Makes a processor's own tables; returns vmcb.n_cr3. */
uint64_t map_guest(unsigned processor);

/* Whether a guest page is one that show_page has shown, or the BIOS's. */
bool is_shown(uint64_t guest);

/* Whether it is in the local APIC's range. */
bool is_apic(uint64_t guest);

/* Lets one processor write to a page of its own in the place of one of these, and back.
 * It starts as a copy of what is shown; of the APIC's page it is no copy. Returns that page. */
uint8_t *open_page(unsigned processor, uint64_t guest);
void close_page(unsigned processor, uint64_t guest);

/* Guest-physical memory as the guest sees it: our own memory is the decoy, and writes to the
 * published ROM and to the local APIC go to a page that nobody reads; where there is certainly no
 * memory, it is the decoy too. Good up to the end of the page. */
void *guest_physical(uint64_t address, bool write);

#endif
