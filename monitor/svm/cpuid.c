/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* The machine's own, without SVM and with the hypervisor's leaves. */

#include "cpuid.h"
#include "vmi/api.h"

#define LEAF_HYPERVISOR   VMI_HYPERVISOR_LEAF_FIRST
#define LEAF_BIOS         0x40000001u /* for our INT 15h hook */
#define LEAF_LAST_OF_OURS 0x400000FFu
#define LEAF_SVM          0x8000000Au

#define FEATURE_HYPERVISOR (1u << 31)
#define FEATURE_OSXSAVE    (1u << 27)
#define AMD_FEATURE_SVM    (1u << 2)

struct bios_hook bios_hook;

struct cpuid guest_cpuid(const struct vcpu *vcpu, uint32_t leaf, uint32_t subleaf) {
    struct cpuid r;
    if (leaf == LEAF_HYPERVISOR)
        return (struct cpuid){LEAF_BIOS, VMI_HYPERVISOR_EBX, VMI_HYPERVISOR_ECX,
                              VMI_HYPERVISOR_EDX};
    if (leaf == LEAF_BIOS)
        return (struct cpuid){bios_hook.block, bios_hook.reserved, bios_hook.int15, 0};
    if ((leaf > LEAF_BIOS && leaf <= LEAF_LAST_OF_OURS) || leaf == LEAF_SVM)
        return (struct cpuid){0, 0, 0, 0};
    r = cpuid(leaf, subleaf);
    if (leaf == LEAF_FEATURES) {
        r.ecx = (r.ecx | FEATURE_HYPERVISOR) & ~FEATURE_OSXSAVE;
        if (state_of(vcpu)->cr4 & CR4_OSXSAVE) /* it mirrors CR4: the guest's, not the host's */
            r.ecx |= FEATURE_OSXSAVE;
    }
    if (leaf == LEAF_AMD_FEATURES)
        r.ecx &= ~AMD_FEATURE_SVM;
    return r;
}
