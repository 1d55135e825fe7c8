/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * Which slots of a hypercall image trap and which are native.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hypercall.h"
#include "mixture.h"
#include "slots.h"
#include "vmi/hypervisor.h"

static bool is_named(const char *call, const char *name, uint32_t length) {
    return strlen(call) == length && memcmp(call, name, length) == 0;
}

bool is_call(const char *name, uint32_t length) {
    for (uint32_t i = 0; i < CALLS_13; i++) {
        if (is_named(vmi_call_names[i].name, name, length)) {
            return true;
        }
    }
    for (uint32_t i = 0; i < CALLS_3; i++) {
        if (is_named(vmi3_call_names[i].name, name, length)) {
            return true;
        }
    }
    return false;
}

static void report_error(struct report *report, const struct choice *choice, int error) {
    const char *hint = error == VMI_ERROR_NO_TWIN   ? "; --twin names the native image"
                       : error == VMI_ERROR_NO_SOFT ? "; --soft names the file with the bodies"
                                                    : "";

    if (choice) {
        problem(report, NOWHERE, "slots", "%.*s: %s", (int)choice->length, choice->name,
                vmi_hv_error_text(error));
    } else {
        problem(report, NOWHERE, "slots", "%s%s", vmi_hv_error_text(error), hint);
    }
}

/* The slot of a call in this image; VMI_CALL_SLOTS, which no call has, if its API lacks it. */
static uint32_t slot_of(const struct image *image, const struct choice *choice) {
    uint32_t slot = first_slot(image);

    while (slot < VMI_CALL_SLOTS &&
           !(slot_name(image, slot) &&
             is_named(slot_name(image, slot), choice->name, choice->length))) {
        slot++;
    }
    return slot;
}

static bool choose(const struct image *image, const struct vmi_image *opened,
                   const struct mixture *mixture, uint8_t kinds[VMI_CALL_SLOTS],
                   struct report *report) {
    int error = vmi_hv_kinds(opened, (enum vmi_policy)mixture->policy, kinds);

    if (error) {
        report_error(report, NULL, error);
    }
    for (uint32_t i = 0; i < mixture->count && !error; i++) {
        const struct choice *choice = &mixture->choices[i];

        error = vmi_hv_choose(opened, kinds, slot_of(image, choice), choice->kind);
        if (error) {
            report_error(report, choice, error);
        }
    }
    return !error;
}

static bool write_rom(void *context, uint32_t address, const void *from, uint32_t size) {
    memcpy((uint8_t *)context + address, from, size);
    return true;
}

/* Takes over what was published but for the checksum, which the seal sets and tells. */
static void take_over(struct image *image, const uint8_t *rom, struct report *report) {
    uint32_t descriptor = find_descriptor(image);
    uint32_t count[UINT8_MAX + 1] = {0};
    uint32_t differ = 0;
    char soft[24] = "";

    for (uint32_t slot = VMI_CALL_FIRST; slot < VMI_CALL_SLOTS; slot++) {
        uint32_t at = VMI_CALL_OFFSET(slot);
        bool same = memcmp(image->bytes + at, rom + at, VMI_CALL_SIZE) == 0;

        count[rom[descriptor + HYPERCALL(kind) + slot]]++;
        differ += !same;
        memcpy(image->bytes + at, rom + at, VMI_CALL_SIZE);
        if (!same) {
            changed(report, at, VMI_CALL_SIZE, "%s", "");
        }
    }
    if (differ == 0 && memcmp(image->bytes + descriptor, rom + descriptor, HYPERCALL_SIZE) == 0) {
        return;
    }
    memcpy(image->bytes + descriptor, rom + descriptor, HYPERCALL_SIZE);
    if (count[VMI_SLOT_SOFT] != 0) {
        snprintf(soft, sizeof(soft), ", %u soft", count[VMI_SLOT_SOFT]);
    }
    changed(report, descriptor, HYPERCALL_SIZE, "%u slot%s: now %u trap, %u nop, %u native%s",
            differ, differ == 1 ? "" : "s", count[VMI_SLOT_TRAP], count[VMI_SLOT_NOP],
            count[VMI_SLOT_NATIVE], soft);
}

void set_mixture(struct image *image, const struct mixture *mixture, struct report *report) {
    struct vmi_image opened, twin;
    struct vmi_publication publication;
    uint8_t kinds[VMI_CALL_SLOTS], bodies[VMI_CALL_SLOTS][VMI_CALL_SIZE], *room;
    struct vmi_plan plan = {.policy = VMI_POLICY_LIST, .kinds = kinds};
    int error = vmi_hv_open(&opened, image->bytes, image->size);

    if (!error && mixture->twin.bytes) {
        error = vmi_hv_open_twin(&twin, &opened, mixture->twin.bytes, mixture->twin.size);
    }
    if (error) {
        report_error(report, NULL, error);
        return;
    }
    if (mixture->soft.bytes && mixture->soft.size != sizeof(bodies)) {
        problem(report, NOWHERE, "slots", "%s has %u bytes, not the %zu of 128 bodies",
                mixture->soft.name, mixture->soft.size, sizeof(bodies));
        return;
    }
    if (!choose(image, &opened, mixture, kinds, report)) {
        return;
    }
    if (mixture->soft.bytes) {
        memcpy(bodies, mixture->soft.bytes, sizeof(bodies));
        plan.soft = (const uint8_t(*)[VMI_CALL_SIZE])bodies;
    }
    plan.trap = (uint8_t)trap_of(image, opened.descriptor).kind;
    plan.operand = (uint8_t)trap_of(image, opened.descriptor).operand;
    plan.asks = get8(image, opened.descriptor + HYPERCALL(flags)) & VMI_HYPERCALL_ASKS;
    room = malloc(2 * (size_t)opened.size);
    if (!room) {
        out_of_memory();
    }
    error = vmi_hv_publish(&publication, &opened, mixture->twin.bytes ? &twin : NULL, &plan, 0,
                           write_rom, room, room + opened.size, opened.size);
    if (error) {
        report_error(report, NULL, error);
    } else {
        take_over(image, room, report);
    }
    free(room);
}
