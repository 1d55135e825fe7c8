/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * Ring 1 ROMs: the descriptor, and the flags that choose how the hypervisor runs its guests.
 */
#include <stdio.h>
#include <string.h>

#include "hypercall.h"
#include "ring1.h"

const char *const ring1_flag_names[8] = {"interrupt-control"};

uint32_t find_ring1(const struct image *image) {
    uint32_t at = get16(image, VMI_HYPERCALL_POINTER);

    return is_api(image, VMI_API_MAJOR_13) && at != 0 && get32(image, at) == VMI_RING1_MAGIC ? at
                                                                                             : 0;
}

uint32_t exchanged_size(const struct image *image, uint32_t descriptor) {
    return get8(image, descriptor + RING1(count)) * VMI_CALL_SIZE;
}

static bool leads_inside(const struct image *image, uint32_t at) {
    uint32_t twins = get16(image, at + RING1(twins)), size = exchanged_size(image, at);
    uint32_t again = get16(image, at + RING1(again));
    uint32_t first = get8(image, at + RING1(first));

    return first >= VMI_CALL_FIRST && VMI_CALL_OFFSET(first) + size <= VMI_CALLS_END &&
           twins >= VMI_CALLS_END && inside(image, twins, size) && again >= VMI_CALLS_END &&
           inside(image, again, 2);
}

uint32_t find_readable_ring1(const struct image *image) {
    uint32_t at = find_ring1(image);

    if (at == 0 || !inside(image, at, RING1_SIZE) || !inside(image, 0, VMI_CALLS_END) ||
        get8(image, at + RING1(version)) != VMI_RING1_VERSION) {
        return 0;
    }
    return leads_inside(image, at) ? at : 0;
}

uint32_t ring1_kind(const struct image *image, uint32_t descriptor, uint32_t number) {
    uint32_t first = get8(image, descriptor + RING1(first));
    uint32_t count = get8(image, descriptor + RING1(count));
    bool control = get8(image, descriptor + RING1(flags)) & VMI_RING1_INTERRUPT_CONTROL;

    if (control && number >= first && number - first < count) {
        return VMI_SLOT_SOFT;
    }
    return get8(image, descriptor + RING1(kind) + number);
}

bool is_ring1_second(const struct image *image) {
    return !is_vmi(image) && get32(image, VMI_RING1_SECOND_AT) == VMI_RING1_SECOND_MAGIC;
}

void check_ring1(const struct image *image, struct report *report) {
    uint32_t at = find_ring1(image);
    uint32_t version = get8(image, at + RING1(version));
    uint32_t again = get8(image, get16(image, at + RING1(again)));

    if (at == 0) {
        return;
    }
    if (!inside(image, at, RING1_SIZE)) {
        problem(report, VMI_HYPERCALL_POINTER, "descriptor",
                "ring 1 descriptor at 0x%02X ends outside the image (%u bytes)", at, image->size);
    } else if (version != VMI_RING1_VERSION) {
        problem(report, at + RING1(version), "descriptor",
                "ring 1 descriptor version %u is not known (%u is)", version, VMI_RING1_VERSION);
    } else if (!leads_inside(image, at)) {
        problem(report, at + RING1(first), "descriptor",
                "what a flag changes lies elsewhere than it can");
    } else if (get8(image, at + RING1(flags)) & ~VMI_RING1_INTERRUPT_CONTROL) {
        problem(report, at + RING1(flags), "flags", "flags are 0x%02X: only 0x%02X is known",
                get8(image, at + RING1(flags)), VMI_RING1_INTERRUPT_CONTROL);
    } else if (get8(image, at + RING1(flags)) != again ||
               (uint8_t)(again + get8(image, get16(image, at + RING1(again)) + 1)) != 0) {
        problem(report, get16(image, at + RING1(again)), "flags",
                "the flags in the image of API 3.0 are not those of the descriptor");
    }
}

/* ---- Choosing the flags ---- */

bool ring1_flags(const char *list, uint32_t *flags, const char **bad, uint32_t *length) {
    *flags = 0;
    for (;; list++) {
        size_t size = strcspn(list, ",");
        uint32_t bit = 0;

        while (bit < 8 && (!ring1_flag_names[bit] || strlen(ring1_flag_names[bit]) != size ||
                           memcmp(ring1_flag_names[bit], list, size) != 0)) {
            bit++;
        }
        if (bit < 8) {
            *flags |= 1u << bit;
        } else if (size == 3 && memcmp(list, "ask", 3) == 0) {
            *flags |= FLAG_ASK;
        } else if (size != 4 || memcmp(list, "none", 4) != 0) {
            *bad = list;
            *length = (uint32_t)size;
            return false;
        }
        list += size;
        if (*list == '\0') {
            return true;
        }
    }
}

static void exchange(struct image *image, uint32_t a, uint32_t b, uint32_t size) {
    for (uint32_t i = 0; i < size; i++) {
        uint32_t byte = get8(image, a + i);

        put8(image, a + i, get8(image, b + i));
        put8(image, b + i, byte);
    }
}

void set_flags(struct image *image, uint32_t flags, struct report *report) {
    uint32_t at = find_readable_ring1(image), first, size;

    if (find_readable_descriptor(image) != 0 && !(flags & ~FLAG_ASK)) {
        set_ask(image, flags != 0, report);
        return;
    }
    if (at == 0 || flags & FLAG_ASK) {
        problem(report, NOWHERE, "flags",
                at == 0 ? "no such flags: not a ring 1 ROM of ours"
                        : "no such flag: not a hypercall image");
        return;
    }
    if (get8(image, at + RING1(flags)) == flags) {
        return;
    }
    first = VMI_CALL_OFFSET(get8(image, at + RING1(first)));
    size = exchanged_size(image, at);
    exchange(image, first, get16(image, at + RING1(twins)), size);
    put8(image, at + RING1(flags), flags);
    put8(image, get16(image, at + RING1(again)), flags);
    put8(image, get16(image, at + RING1(again)) + 1, (uint8_t)-flags);
    changed(report, first, size, "%s", "");
    changed(report, get16(image, at + RING1(twins)), size, "%s", "");
    changed(report, get16(image, at + RING1(again)), 2, "%s", "");
    changed(report, at + RING1(flags), 1, "interrupt control: %s",
            flags & VMI_RING1_INTERRUPT_CONTROL ? "on" : "off");
}
