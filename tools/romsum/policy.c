/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * The policy of an image of API 3.0: what GetRelocationInfo answers with.
 */
#include "hypercall.h"
#include "policy.h"

/* A native image has no body for these that could be right. */
static bool needs_hypervisor(const struct image *image, uint32_t number) {
    return vmi3_call_names[number].reloc == VMI3_RELOC_HOST && find_descriptor(image) == 0;
}

static void check_policy_entry(const struct image *image, struct report *report, uint32_t number) {
    const char *name = vmi3_call_names[number].name;
    uint32_t at = policy_entry(number);
    uint32_t slot = get8(image, at) & ~VMI3_POLICY_CALL;

    if (slot != vmi3_call_names[number].slot) {
        problem(report, at, "policy", "policy maps call %u, %s, to slot %u, not %u", number, name,
                slot, vmi3_call_names[number].slot);
    }
    if (vmi3_call_names[number].reloc == VMI3_RELOC_ALWAYS && !is_answered(image, number)) {
        problem(report, at, "policy",
                "policy omits call %u, %s: Linux has no code of its own for it", number, name);
    }
    if (is_answered(image, number) && needs_hypervisor(image, number)) {
        problem(report, at, "policy",
                "policy answers with call %u, %s, which only a hypervisor can serve", number, name);
    }
}

void check_policy(const struct image *image, struct report *report) {
    uint32_t at = find_policy(image);
    uint32_t version = get8(image, at + VMI3_POLICY_AT_VERSION);
    uint32_t count = get8(image, at + VMI3_POLICY_AT_COUNT);

    if (at == 0) {
        return;
    }
    if (version != VMI3_POLICY_VERSION) {
        problem(report, at + VMI3_POLICY_AT_VERSION, "policy",
                "policy version %u is not known (%u is)", version, VMI3_POLICY_VERSION);
    } else if (count != CALLS_3) {
        problem(report, at + VMI3_POLICY_AT_COUNT, "policy", "policy has %u calls, API 3.0 has %u",
                count, CALLS_3);
    } else if (!inside(image, at, VMI3_POLICY_AT_CALLS + count)) {
        problem(report, at, "policy", "policy ends outside the image (%u bytes)", image->size);
    } else {
        for (uint32_t number = 0; number < count; number++) {
            check_policy_entry(image, report, number);
        }
    }
}

/* ---- Choosing the policy ---- */

void add_to_policy(struct policy *policy, enum vmi3_reloc reloc) {
    for (uint32_t number = 0; number < CALLS_3; number++) {
        if (vmi3_call_names[number].reloc <= reloc) {
            policy->answered[number] = true;
        }
    }
}

void set_policy(struct image *image, const struct policy *policy, struct report *report) {
    uint32_t answered = 0, differ = 0;

    if (find_policy(image) == 0) {
        problem(report, NOWHERE, "policy", "no policy: not an API 3.0 image of vmirom");
        return;
    }
    for (uint32_t number = 0; number < CALLS_3; number++) {
        answered += policy->answered[number];
        differ += policy->answered[number] != is_answered(image, number);
        put8(image, policy_entry(number),
             vmi3_call_names[number].slot | (policy->answered[number] ? VMI3_POLICY_CALL : 0));
    }
    if (differ != 0) {
        changed(report, policy_entry(0), CALLS_3, "policy: a CALL for %u of %u calls, %u changed",
                answered, CALLS_3, differ);
    }
}
