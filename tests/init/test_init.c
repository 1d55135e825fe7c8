/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* test_init IMAGE: Init of a hypercall image finds its hypervisor, or refuses and executes no trap.
 * TAP. */

#include <stdio.h>
#include <string.h>

#include "image_file.h"
#include "machine.h"
#include "results.h"
#include "vmi/calls.h"
#include "vmi/rom.h"

static void check_signature(struct machine *m, const char *name, int cpuid, uint32_t leaf,
                            bool high, uint32_t want, const char *signature, bool hidden) {
    static struct world have, got;
    char why[200] = "";
    machine_reset(m, &have);
    for (int i = 0; i < 8; i++) {
        if (i != ESP) {
            have.gpr[i] = 0x1B2C3D4Eu * (uint32_t)(i + 1);
        }
    }
    have.eflags = EFLAGS_IF | EFLAGS_AC | EFLAGS_IOPL | 2;
    have.gpr[ESP] -= 4;
    world_store(&have, have.gpr[ESP], LANDING);
    m->cpuid = cpuid;
    m->hypervisor_signature = signature;
    m->hypervisor_hidden = hidden;
    m->hypervisor_leaf = leaf;
    have.eip = m->places[high] + VMI_CALL_Init * VMI_CALL_SIZE;
    got = have;
    enum stop stop = machine_run(m, &got, m->places[high], LANDING);
    if (stop != STOP_ARRIVED) {
        snprintf(why, sizeof(why), "did not return: stop %d, exception %u", (int)stop,
                 m->exception);
    } else if (got.gpr[EAX] != want) {
        snprintf(why, sizeof(why), "EAX is %08x, not %08x", got.gpr[EAX], want);
    } else if ((got.eflags ^ have.eflags) & ~EFLAGS_ARITH) {
        snprintf(why, sizeof(why), "EFLAGS are %08x, were %08x", got.eflags, have.eflags);
    } else if (got.gpr[ESP] != have.gpr[ESP] + 4 || got.gpr[EBX] != have.gpr[EBX] ||
               got.gpr[ESI] != have.gpr[ESI] || got.gpr[EDI] != have.gpr[EDI] ||
               got.gpr[EBP] != have.gpr[EBP]) {
        snprintf(why, sizeof(why), "a register was lost");
    } else if (m->n_ports) {
        snprintf(why, sizeof(why), "a port was used");
    }
    result_why(name, !why[0], why);
}

static void check(struct machine *m, const char *name, int cpuid, uint32_t leaf, bool high,
                  uint32_t want) {
    check_signature(m, name, cpuid, leaf, high, want, "vmiromvmirom", false);
}

int main(int argc, char **argv) {
    static uint8_t image[IMAGE_MAX];
    struct machine m;
    if (argc != 2) {
        fprintf(stderr, "usage: %s IMAGE\n", argv[0]);
        return 2;
    }
    uint32_t size = image_load(argv[1], image, sizeof(image));
    machine_open(&m, image, size, IMAGE_PAGE);
    check(&m, "init_accepts_at_the_images_place", CPUID_HYPERVISOR, 0x40000000, false, 0);
    check(&m, "init_accepts_in_a_copy", CPUID_HYPERVISOR, 0x40000000, true, 0);
    check(&m, "init_finds_the_signature_behind_a_foreign_one", CPUID_HYPERVISOR, 0x40000100, false,
          0);
    check(&m, "init_looks_as_far_as_leaf_40010000h", CPUID_HYPERVISOR, 0x40010000, false, 0);
    check(&m, "init_looks_no_further_than_leaf_40010000h", CPUID_HYPERVISOR, 0x40010100, false,
          0xFFFFFFFF);
    check(&m, "init_looks_at_every_100h_only", CPUID_HYPERVISOR, 0x40000080, false, 0xFFFFFFFF);
    check(&m, "init_refuses_under_a_foreign_hypervisor", CPUID_HYPERVISOR, 0, false, 0xFFFFFFFF);
    check(&m, "init_refuses_without_a_hypervisor", CPUID_WITH_PSE, 0, false, 0xFFFFFFFF);
    check(&m, "init_refuses_on_a_processor_without_cpuid", CPUID_ABSENT, 0, false, 0xFFFFFFFF);
    check_signature(&m, "init_refuses_when_leaf_1_denies_a_hypervisor", CPUID_HYPERVISOR,
                    0x40000000, false, 0xFFFFFFFF, "vmiromvmirom", true);
    check_signature(&m, "init_compares_the_signature_in_ebx", CPUID_HYPERVISOR, 0x40000000, false,
                    0xFFFFFFFF, "Vmiromvmirom", false);
    check_signature(&m, "init_compares_the_signature_in_ecx", CPUID_HYPERVISOR, 0x40000000, false,
                    0xFFFFFFFF, "vmirOmvmirom", false);
    check_signature(&m, "init_compares_the_signature_in_edx", CPUID_HYPERVISOR, 0x40000000, false,
                    0xFFFFFFFF, "vmiromvmiroM", false);
    machine_close(&m);

    machine_open(&m, image, size, IMAGE_LOW);
    check(&m, "init_refuses_off_a_page_boundary", CPUID_HYPERVISOR, 0x40000000, false, 0xFFFFFFFF);
    machine_close(&m);
    return results_end();
}
