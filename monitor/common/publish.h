/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* Publishing the guest's ROMs. */
#ifndef MONITOR_PUBLISH_H
#define MONITOR_PUBLISH_H

#include <stdbool.h>
#include <stdint.h>

#include "vmi/hypervisor.h"

#define APIS 2u /* 13, 3.0 */

/* Where the option ROM has the images of one API: offsets in it. */
struct rom_image {
    uint32_t hypercall, hypercall_size;
    uint32_t native, native_size; /* its twin */
};

/* Where and how the ROMs of both APIs are published. */
extern struct vmi_publication publications[APIS];

/* From here on the guest finds in this page of its first MiB one of the monitor's, read-only. */
typedef void show_page_fn(uint32_t guest, const void *page);

/* Where calls that need no trap have none, GetCycleCounter is this body: the counters are the
 * processor's own, for as long as the guest has not set that. */
#define CYCLE_COUNTER_SIZE  13u
#define CYCLE_COUNTER_RDTSC 5u /* where RDTSC is in it */
bool is_cycle_counter(const uint8_t code[CYCLE_COUNTER_SIZE]);

/* Publishes the hypercall images of the option ROM at `rom` as the plan says, that of API 13 as the
 * first VMI ROM that the guest meets. An image for which there is no room is left out, with a
 * message. */
void publish(const uint8_t *rom, const struct rom_image images[APIS], const struct vmi_plan *plan,
             show_page_fn *show);

/* Before that: the monitor's own option ROM need be no longer for the guest than so many bytes, a
 * multiple of 512 within a page. */
void shorten_rom(uint32_t at, uint32_t size, show_page_fn *show);

#endif
