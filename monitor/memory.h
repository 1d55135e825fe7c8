/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* The nested tables: what the guest's physical addresses lead to. */
#ifndef MONITOR_MEMORY_H
#define MONITOR_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include "monitor.h"

/* Says where the monitor's memory is. Comes before all else here. */
void start_memory(uint64_t block);

/* The physical address of something in the monitor. */
uint64_t physical_of(const void *host);

/* What the guest finds in a page of its first MiB: one of the monitor's pages, read-only. For the
 * processors that are mapped later. */
void show_page(uint32_t guest, const void *page);

/* Makes the local APIC's page read-only. For the processors that are mapped later. */
void watch_apic(void);

/* Makes a processor's own tables; returns vmcb.n_cr3. */
uint64_t map_guest(unsigned processor);

/* Whether a guest page is one that show_page has shown. */
bool is_shown(uint64_t guest);

/* Whether it is the local APIC's, and watched. */
bool is_watched_apic(uint64_t guest);

/* Lets one processor write to a page of its own in the place of a shown or watched one, and back.
 * It starts as a copy of what is shown; of the APIC's page it is no copy. Returns that page. */
uint8_t *open_page(unsigned processor, uint64_t guest);
void close_page(unsigned processor, uint64_t guest);

#endif
