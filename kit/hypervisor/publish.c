/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* From an image and a plan to a ROM in guest memory. */

#include "bytes.h"
#include "slot.h"
#include "vmi/hypervisor.h"

#define SIGNATURE 2u /* 55 AA: marks an option ROM */

static const uint8_t *image_kinds(const struct vmi_image *image) {
    return image->bytes + image->descriptor + offsetof(struct vmi_hypercall_descriptor, kind);
}

int vmi_hv_kinds(const struct vmi_image *image, enum vmi_policy policy,
                 uint8_t kinds[VMI_CALL_SLOTS]) {
    if (policy != VMI_POLICY_DEFAULT && policy != VMI_POLICY_ALL && policy != VMI_POLICY_TUNED &&
        policy != VMI_POLICY_HOSTED) {
        return VMI_ERROR_POLICY;
    }
    for (uint32_t n = 0; n < VMI_CALL_SLOTS; n++) {
        kinds[n] = image_kinds(image)[n];
        if (policy == VMI_POLICY_DEFAULT || !(vmi_kit_slot_flags(image->api, n) & VMI_MAY_TRAP)) {
            continue;
        }
        kinds[n] = policy == VMI_POLICY_ALL     ? VMI_SLOT_TRAP
                   : policy == VMI_POLICY_TUNED ? vmi_kit_slot(n)->tuned
                                                : vmi_kit_slot(n)->hosted;
    }
    return 0;
}

/* Whether a slot of the image may change to this kind; keeping its kind is always allowed. */
static int check_kind(const struct vmi_image *image, uint32_t slot, uint8_t kind) {
    uint8_t flags = vmi_kit_slot_flags(image->api, slot);
    if (slot < VMI_CALL_SLOTS && kind == image_kinds(image)[slot]) {
        return 0;
    }
    if (!flags) {
        return VMI_ERROR_SLOT;
    }
    if (!(flags & VMI_MAY_TRAP)) {
        return VMI_ERROR_FIXED;
    }
    if (kind == VMI_SLOT_TRAP || kind == VMI_SLOT_SOFT) {
        return 0;
    }
    if (kind != VMI_SLOT_NATIVE && kind != VMI_SLOT_NOP) {
        return VMI_ERROR_KIND;
    }
    if (!(flags & VMI_MAY_NATIVE)) {
        return VMI_ERROR_MUST_TRAP;
    }
    return kind == VMI_SLOT_NOP && !(flags & VMI_MAY_NOP) ? VMI_ERROR_KIND : 0;
}

int vmi_hv_choose(const struct vmi_image *image, uint8_t kinds[VMI_CALL_SLOTS], uint32_t slot,
                  uint8_t kind) {
    int error =
        vmi_kit_slot_flags(image->api, slot) ? check_kind(image, slot, kind) : VMI_ERROR_SLOT;
    if (!error) {
        kinds[slot] = kind;
    }
    return error;
}

/* The kinds of a plan, all checked. */
static int plan_kinds(const struct vmi_image *image, const struct vmi_image *twin,
                      const struct vmi_plan *plan, uint8_t kinds[VMI_CALL_SLOTS]) {
    if (plan->policy == VMI_POLICY_LIST && plan->kinds) {
        copy_bytes(kinds, plan->kinds, VMI_CALL_SLOTS);
    } else if (vmi_hv_kinds(image, plan->policy, kinds)) {
        return VMI_ERROR_POLICY;
    }
    for (uint32_t n = 0; n < VMI_CALL_SLOTS; n++) {
        int error = check_kind(image, n, kinds[n]);
        if (error) {
            return error;
        }
        if (kinds[n] == VMI_SLOT_NATIVE && kinds[n] != image_kinds(image)[n] && !twin) {
            return VMI_ERROR_NO_TWIN;
        }
        if (kinds[n] == VMI_SLOT_SOFT && !plan->soft && kinds[n] != image_kinds(image)[n]) {
            return VMI_ERROR_NO_SOFT;
        }
    }
    return 0;
}

/* Sets the header's checksum byte so that all bytes sum to 0. */
static void seal(uint8_t *rom, uint32_t size) {
    uint8_t sum = 0;
    rom[VMI_ROM_CHECKSUM_OFFSET] = 0;
    for (uint32_t i = 0; i < size; i++) {
        sum = (uint8_t)(sum + rom[i]);
    }
    rom[VMI_ROM_CHECKSUM_OFFSET] = (uint8_t)-sum;
}

static void build(uint8_t *rom, const struct vmi_image *image, const struct vmi_image *twin,
                  const struct vmi_plan *plan, const struct vmi_publication *p) {
    uint8_t *descriptor = rom + image->descriptor;
    copy_bytes(rom, image->bytes, image->size);
    for (uint32_t n = VMI_CALL_FIRST; n < VMI_CALL_SLOTS; n++) {
        uint8_t *slot = rom + VMI_CALL_OFFSET(n);
        if (p->kind[n] == VMI_SLOT_TRAP || p->kind[n] == VMI_SLOT_NOP) {
            vmi_kit_slot_bytes(slot, p->kind[n], p->trap, p->operand);
        } else if (p->kind[n] == VMI_SLOT_SOFT && plan->soft) {
            copy_bytes(slot, plan->soft[n], VMI_CALL_SIZE);
        } else if (p->kind[n] != image_kinds(image)[n]) {
            copy_bytes(slot, twin->bytes + VMI_CALL_OFFSET(n), VMI_CALL_SIZE);
        }
    }
    descriptor[offsetof(struct vmi_hypercall_descriptor, trap)] = p->trap;
    descriptor[offsetof(struct vmi_hypercall_descriptor, operand)] = p->operand;
    descriptor[offsetof(struct vmi_hypercall_descriptor, flags)] = p->flags;
    vmi_kit_ask_bytes(rom + VMI_HYPERCALL_ASK_OFFSET, p->flags, p->operand);
    copy_bytes(descriptor + offsetof(struct vmi_hypercall_descriptor, kind), p->kind,
               VMI_CALL_SLOTS);
    seal(rom, image->size);
}

/* Clears the signature before the first byte changes and restores it after the last. */
static bool write_out(const uint8_t *rom, uint32_t size, uint32_t address,
                      vmi_physical_write *write, void *context) {
    static const uint8_t none[SIGNATURE];
    if (!write(context, address, none, SIGNATURE)) {
        return false;
    }
    for (uint32_t at = SIGNATURE, end; at < size; at = end) {
        end = (at | (VMI_KIT_PAGE - 1)) + 1;
        if (end > size) {
            end = size;
        }
        if (!write(context, address + at, rom + at, end - at)) {
            return false;
        }
    }
    return write(context, address, rom, SIGNATURE);
}

int vmi_hv_publish(struct vmi_publication *publication, const struct vmi_image *image,
                   const struct vmi_image *twin, const struct vmi_plan *plan, uint32_t address,
                   vmi_physical_write *write, void *context, void *scratch, size_t scratch_size) {
    struct vmi_publication p;
    int error = plan_kinds(image, twin, plan, p.kind);
    if (error) {
        return error;
    }
    if (!vmi_kit_trap_is_valid(plan->trap, plan->operand) ||
        (plan->asks && plan->trap != VMI_TRAP_OUT)) {
        return VMI_ERROR_TRAP;
    }
    if (address % VMI_KIT_PAGE != 0 || address > UINT32_MAX - (image->size - 1)) {
        return VMI_ERROR_ADDRESS;
    }
    if (scratch_size < image->size) {
        return VMI_ERROR_SCRATCH;
    }
    p.address = address;
    p.size = image->size;
    p.api = image->api;
    p.trap = plan->trap;
    p.operand = plan->operand;
    p.flags = plan->asks ? VMI_HYPERCALL_ASKS : 0;
    build(scratch, image, twin, plan, &p);
    if (!write_out(scratch, p.size, address, write, context)) {
        return VMI_ERROR_WRITE;
    }
    copy_bytes(publication, &p, sizeof(p));
    return 0;
}
