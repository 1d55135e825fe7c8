/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * The policy of an image of API 3.0: what GetRelocationInfo answers with.
 */
#ifndef ROMSUM_POLICY_H
#define ROMSUM_POLICY_H

#include "image.h"
#include "report.h"

/* The calls that GetRelocationInfo is to answer with. */
struct policy {
    bool answered[sizeof(vmi3_call_names) / sizeof(vmi3_call_names[0])];
};

/* Where the policy has its byte about a call. */
static inline uint32_t policy_entry(uint32_t number) {
    return VMI3_POLICY_OFFSET + VMI3_POLICY_AT_CALLS + number;
}

static inline bool is_answered(const struct image *image, uint32_t number) {
    return (get8(image, policy_entry(number)) & VMI3_POLICY_CALL) != 0;
}

void check_policy(const struct image *image, struct report *report);

/* Adds the calls that calls.tsv marks so. */
void add_to_policy(struct policy *policy, enum vmi3_reloc reloc);

/* Lets a good image answer with these calls. The seal has to be renewed. */
void set_policy(struct image *image, const struct policy *policy, struct report *report);

#endif
