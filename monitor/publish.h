/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* Showing the guest its ROM. */
#ifndef MONITOR_PUBLISH_H
#define MONITOR_PUBLISH_H

#include "launch.h"
#include "monitor.h"

/* Publishes the hypercall image of the option ROM at `rom` as the first VMI ROM that the guest
 * meets. Without a result the guest runs all the same, and finds no ROM. */
void publish(const uint8_t *rom);

#endif
