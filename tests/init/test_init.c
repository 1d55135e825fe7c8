/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* test_init IMAGE: Init of a hypercall image finds its hypervisor, or refuses and executes no trap;
 * of an image that asks it executes one, and believes nobody but who serves it. TAP. */

#include <stdio.h>
#include <string.h>

#include "hypervisor.h"
#include "image_file.h"
#include "results.h"
#include "vmi/calls.h"
#include "vmi/rom.h"

static unsigned questions; /* OUTs to the trap's port that go to nobody */

static bool asked_as_it_should(const struct machine *m) {
    return m->n_ports == questions &&
           (!questions ||
            (m->ports[0].out && m->ports[0].port == VMI_TRAP_PORT && m->ports[0].size == 1));
}

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
    } else if (!asked_as_it_should(m)) {
        snprintf(why, sizeof(why), "%u port accesses, not %u", m->n_ports, questions);
    }
    result_why(name, !why[0], why);
}

static void check(struct machine *m, const char *name, int cpuid, uint32_t leaf, bool high,
                  uint32_t want) {
    check_signature(m, name, cpuid, leaf, high, want, "vmiromvmirom", false);
}

/* The same image, published so that it asks. */
static void check_asking(const uint8_t *bytes, uint32_t size) {
    static struct hypervisor h;
    const struct vmi_plan plan = {.trap = VMI_TRAP_OUT, .operand = VMI_TRAP_PORT, .asks = true};
    struct vmi_image image;
    struct machine m;
    int error = vmi_hv_open(&image, bytes, size);
    if (!error) {
        error = hypervisor_publish(&h, &image, NULL, &plan);
    }
    result_why("an_image_that_asks_is_published", !error, vmi_hv_error_text(error));
    if (error) {
        return;
    }

    machine_open(&m, h.image, h.image_size, IMAGE_PAGE);
    check(&m, "cpuid_comes_first", CPUID_HYPERVISOR, 0x40000000, false, 0);
    questions = 1;
    check(&m, "the_question_alone_proves_nothing", CPUID_WITH_PSE, 0, false, 0xFFFFFFFF);
    check(&m, "the_question_alone_proves_nothing_to_a_copy", CPUID_WITH_PSE, 0, true, 0xFFFFFFFF);
    check(&m, "a_foreign_hypervisor_does_not_answer", CPUID_HYPERVISOR, 0, false, 0xFFFFFFFF);
    check(&m, "a_machine_without_cpuid_does_not_answer", CPUID_ABSENT, 0, false, 0xFFFFFFFF);
    questions = 0;
    hypervisor_attach(&h, &m);
    check(&m, "who_serves_the_trap_answers", CPUID_WITH_PSE, 0, false, 0);
    result("it_was_one_trap", m.traps == 1);
    check(&m, "who_serves_the_trap_answers_a_copy", CPUID_WITH_PSE, 0, true, 0);
    check(&m, "who_serves_the_trap_answers_without_cpuid", CPUID_ABSENT, 0, false, 0);
    check(&m, "who_serves_the_trap_answers_behind_a_foreign_signature", CPUID_HYPERVISOR, 0, false,
          0);
    machine_close(&m);

    machine_open(&m, h.image, h.image_size, IMAGE_LOW);
    check(&m, "nothing_is_asked_off_a_page_boundary", CPUID_WITH_PSE, 0, false, 0xFFFFFFFF);
    machine_close(&m);
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
    check_asking(image, size);
    return results_end();
}
