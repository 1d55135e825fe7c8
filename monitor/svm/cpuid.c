/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* The machine's own, without SVM and with the hypervisor's leaves. */

#include "cpuid.h"
#include "vmi/api.h"

#define LEAF_HYPERVISOR   VMI_HYPERVISOR_LEAF_FIRST
#define LEAF_BIOS         0x40000001u /* for our INT 15h hook */
#define LEAF_LAST_OF_OURS 0x400000FFu
#define LEAF_SVM          0x8000000Au
#define LEAF_EXTENDED     0x00000007u
#define LEAF_IBS          0x8000001Bu
#define LEAF_LWP          0x8000001Cu
#define LEAF_ENCRYPTION   0x8000001Fu

#define FEATURE_HYPERVISOR (1u << 31)
#define FEATURE_OSXSAVE    (1u << 27)
#define EXTENDED_OSPKE     (1u << 4)
#define AMD_FEATURE_SVM    (1u << 2)
#define AMD_FEATURE_IBS    (1u << 10)
#define AMD_FEATURE_SKINIT (1u << 12)
#define AMD_FEATURE_LWP    (1u << 15)
#define INVLPGB            (1u << 3)
#define INVLPGB_NESTED     (1u << 21)

/* SVM, and what needs SVM or MSRs that the guest may not write. */
#define AMD_HIDDEN (AMD_FEATURE_SVM | AMD_FEATURE_IBS | AMD_FEATURE_SKINIT | AMD_FEATURE_LWP)

struct bios_hook bios_hook;

static bool is_hidden(uint32_t leaf) {
    return leaf == LEAF_SVM || leaf == LEAF_IBS || leaf == LEAF_LWP || leaf == LEAF_ENCRYPTION;
}

static uint32_t mirror(uint32_t word, uint32_t bit, bool set) {
    return set ? word | bit : word & ~bit;
}

struct cpuid guest_cpuid(const struct vcpu *vcpu, uint32_t leaf, uint32_t subleaf) {
    uint64_t cr4 = state_of(vcpu)->cr4;
    struct cpuid r;
    if (leaf == LEAF_HYPERVISOR) {
        return (struct cpuid){LEAF_BIOS, VMI_HYPERVISOR_EBX, VMI_HYPERVISOR_ECX,
                              VMI_HYPERVISOR_EDX};
    }
    if (leaf == LEAF_BIOS) {
        return (struct cpuid){bios_hook.block, bios_hook.reserved, bios_hook.int15, 0};
    }
    if ((leaf > LEAF_BIOS && leaf <= LEAF_LAST_OF_OURS) || is_hidden(leaf)) {
        return (struct cpuid){0, 0, 0, 0};
    }
    r = cpuid(leaf, subleaf);
    /* Two bits mirror CR4: the guest's, not the host's. */
    if (leaf == LEAF_FEATURES) {
        r.ecx = mirror(r.ecx | FEATURE_HYPERVISOR, FEATURE_OSXSAVE, cr4 & CR4_OSXSAVE);
    }
    if (leaf == LEAF_EXTENDED && subleaf == 0) {
        r.ecx = mirror(r.ecx, EXTENDED_OSPKE, cr4 & CR4_PKE);
    }
    if (leaf == LEAF_AMD_FEATURES) {
        r.ecx &= ~AMD_HIDDEN;
    }
    if (leaf == LEAF_ADDRESSES) {
        r.ebx &= ~(INVLPGB | INVLPGB_NESTED);
        r.edx &= ~0xFFFFu; /* INVLPGB's pages */
    }
    return r;
}

uint32_t guest_cr4(const struct vcpu *vcpu) {
    static const struct {
        uint8_t leaf, reg, bit, cr4;
    } features[] = {
        {1, 3, 1, 0},   {1, 3, 1, 1},   {1, 3, 4, 2},  {1, 3, 2, 3},   {1, 3, 3, 4},
        {1, 3, 6, 5},   {1, 3, 7, 6},   {1, 3, 13, 7}, {1, 3, 24, 9},  {1, 3, 25, 10},
        {1, 2, 17, 17}, {1, 2, 26, 18}, {7, 2, 2, 11}, {7, 2, 16, 12}, {7, 1, 0, 16},
        {7, 1, 7, 20},  {7, 1, 20, 21}, {7, 2, 3, 22},
    };
    struct cpuid one = guest_cpuid(vcpu, 1, 0), seven = {0, 0, 0, 0};
    uint32_t known = 1u << 8; /* PCE */
    if (guest_cpuid(vcpu, 0, 0).eax >= 7) {
        seven = guest_cpuid(vcpu, 7, 0);
    }
    for (unsigned n = 0; n < sizeof(features) / sizeof(*features); n++) {
        const struct cpuid *c = features[n].leaf == 1 ? &one : &seven;
        const uint32_t regs[] = {c->eax, c->ebx, c->ecx, c->edx};
        if (regs[features[n].reg] >> features[n].bit & 1) {
            known |= 1u << features[n].cr4;
        }
    }
    return known;
}
