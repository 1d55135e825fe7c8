/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* Showing the guest its ROM. */
#ifndef MONITOR_PUBLISH_H
#define MONITOR_PUBLISH_H

#include "launch.h"
#include "monitor.h"

/* Publishes the hypercall images of the option ROM at `rom`, that of API 13 as the first VMI ROM
 * that the guest meets. An image that finds no place is missing, and said so. */
void publish(const uint8_t *rom);

#endif
