/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* The machine by ACPI's tables. */
#ifndef MONITOR_ACPI_H
#define MONITOR_ACPI_H

#include <stdint.h>

/* The APIC IDs that the BIOS lists, no more than `max`; 0: there is no list. */
unsigned list_processors(uint8_t *apic_ids, unsigned max);

/* Ports that put the machine to sleep; 0: there is none. */
#define NO_SLEEP_TYPE 0xFFu
struct sleep_ports {
    uint16_t control[2];  /* PM1a and PM1b */
    uint16_t smi_command; /* starts system management mode */
    uint8_t off;          /* the type of S5 */
};
void find_sleep_ports(struct sleep_ports *ports);

#endif
