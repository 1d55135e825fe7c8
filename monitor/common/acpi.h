/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* The BIOS's list of processors. */
#ifndef MONITOR_ACPI_H
#define MONITOR_ACPI_H

#include <stdint.h>

/* The APIC IDs that the BIOS lists, no more than `max`; 0: there is no list. */
unsigned list_processors(uint8_t *apic_ids, unsigned max);

#endif
