/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* The nested tables: what the guest's physical addresses lead to. */
#ifndef MONITOR_MEMORY_H
#define MONITOR_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include "monitor.h"

/* Makes the tables for a monitor at this physical address; returns vmcb.n_cr3. */
uint64_t map_guest(uint64_t block);

/* The physical address of something in the monitor. */
uint64_t physical_of(const void *host);

/* What the guest finds in a page of its first MiB: one of the monitor's pages, read-only. */
void show_page(uint32_t guest, const void *page);

/* Whether a guest page of the first MiB is one that show_page has shown. */
bool is_shown(uint64_t guest);

/* Lets writes to a shown page go to waste, and back. */
void waste_writes(uint64_t guest);
void stop_waste(uint64_t guest);

#endif
