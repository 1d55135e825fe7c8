/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * test_hypercall HYPERCALL-IMAGE NATIVE-IMAGE: the native ROM's slot suite on the hypercall ROM,
 * published by the kit and served by a hypervisor that was made with it; and the suite itself, by
 * breaking every stub and every handler. TAP.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "calls.h"
#include "hypervisor.h"
#include "image_file.h"
#include "results.h"
#include "vmi/calls.h"

#define ROUNDS 60

static const struct {
    const char *name;
    struct vmi_plan plan;
} plans[] = {
    {"as it comes, vmmcall", {VMI_TRAP_VMMCALL, 0, VMI_POLICY_DEFAULT, NULL, NULL, false}},
    {"all trap, vmmcall", {VMI_TRAP_VMMCALL, 0, VMI_POLICY_ALL, NULL, NULL, false}},
    {"all trap, vmcall", {VMI_TRAP_VMCALL, 0, VMI_POLICY_ALL, NULL, NULL, false}},
    {"all trap, int", {VMI_TRAP_INT, 0x81, VMI_POLICY_ALL, NULL, NULL, false}},
    {"all trap, out", {VMI_TRAP_OUT, 0xE4, VMI_POLICY_ALL, NULL, NULL, false}},
    {"tuned, vmmcall", {VMI_TRAP_VMMCALL, 0, VMI_POLICY_TUNED, NULL, NULL, false}},
    {"tuned, out", {VMI_TRAP_OUT, 0xE4, VMI_POLICY_TUNED, NULL, NULL, false}},
};

static uint8_t hypercall_bytes[IMAGE_MAX], native_bytes[IMAGE_MAX];
static struct vmi_image image, twin;
static struct hypervisor h;
static unsigned most_instructions, trapping;
static unsigned stub_mutants, handler_mutants, survivors, harmless;

static bool suite(unsigned slot, unsigned rounds, char why[WHY_SIZE]) {
    struct machine m;
    machine_open(&m, h.image, h.image_size, IMAGE_PAGE);
    hypervisor_attach(&h, &m);
    bool passed = check_slot(&m, slot, rounds, 1, why);
    if (!passed && h.error) {
        size_t end = strlen(why);
        snprintf(why + end, WHY_SIZE - end, "; the kit says: %s", vmi_hv_error_text(h.error));
    }
    machine_close(&m);
    return passed;
}

static void check_plan(size_t n) {
    char name[200], why[WHY_SIZE] = "";
    int error = hypervisor_publish(&h, &image, &twin, &plans[n].plan);
    snprintf(name, sizeof(name), "kit publishes: %s", plans[n].name);
    result_why(name, error == 0, vmi_hv_error_text(error));
    for (unsigned slot = VMI_CALL_FIRST + 1; error == 0 && slot < VMI_CALL_SLOTS; slot++) {
        const struct expect *e = expect_of(slot);
        snprintf(name, sizeof(name), "%s: gives what the native ROM gives, in %u traps: %s (%u)",
                 plans[n].name, h.publication.kind[slot] == VMI_SLOT_TRAP, e->name, slot);
        if (!wanted(name)) {
            continue;
        }
        bool passed = suite(slot, ROUNDS, why);
        if (passed && h.publication.kind[slot] == VMI_SLOT_TRAP) {
            trapping++;
            if (last_instructions() > most_instructions) {
                most_instructions = last_instructions();
            }
        }
        if (passed && h.publication.kind[slot] == VMI_SLOT_TRAP && last_instructions() > 2) {
            snprintf(why, sizeof(why), "%u instructions, not the trap and a ret",
                     last_instructions());
            passed = false;
        }
        result_why(name, passed, why);
    }
}

/* Slots that keep a native body hold its very bytes, out-of-line code too. */
static void check_twins(void) {
    bool same = true;
    hypervisor_publish(&h, &image, &twin, &plans[5].plan);
    for (unsigned slot = VMI_CALL_FIRST; slot < VMI_CALL_SLOTS; slot++) {
        if (h.publication.kind[slot] == VMI_SLOT_NATIVE) {
            same = same && memcmp(h.image + slot * 32, native_bytes + slot * 32, 32) == 0;
        }
    }
    result_why("native_slots_are_byte_for_byte_the_native_roms", same, "a slot differs");
}

/* --- mutants: survivors are failures --- */

static void judge(unsigned slot, const char *what, const char *excuse) {
    char why[WHY_SIZE];
    if (!suite(slot, 40, why)) {
        return;
    }
    if (excuse) {
        harmless++;
        printf("# equivalent: %u %s %s: %s\n", slot, expect_of(slot)->name, what, excuse);
        return;
    }
    survivors++;
    printf("# survived: %u %s %s\n", slot, expect_of(slot)->name, what);
}

static void publish_all(void) {
    hypervisor_publish(&h, &image, &twin, &plans[1].plan);
}

static void put_jump(unsigned slot, uint32_t to) {
    uint8_t *p = h.image + slot * 32;
    uint32_t distance = to - (slot * 32 + 5);
    p[0] = 0xE9;
    memcpy(p + 1, &distance, 4); /* both little-endian */
}

/* Why the next slot's call (SetPxELong: the previous one's) is as good, if it is. */
static const char *neighbour_excuse(unsigned slot) {
    switch (slot) {
    case VMI_CALL_WriteGDTEntry:
    case VMI_CALL_WriteLDTEntry:
        return "the two calls do the same";
    case VMI_CALL_InvalPage:
    case VMI_CALL_FlushTLB:
        return "has no effect in this engine";
    case VMI_CALL_CancelAlarm:
        return "zero in EAX is all that is asked; EDX may change";
    default:
        return expect_of(slot)->body == BODY_RET ? "asks for nothing" : NULL;
    }
}

static void mutate_stub(unsigned slot) {
    const struct expect *e = expect_of(slot);
    uint8_t *stub = h.image + slot * 32;

    publish_all();
    memset(stub, 0x90, VMI_TRAP_SITE_SIZE);
    judge(slot, "without its trap", NULL);
    if (e->returns == RETURNS_RET) {
        publish_all();
        stub[VMI_TRAP_SITE_SIZE] = 0xCC;
        judge(slot, "without its ret",
              slot == VMI_CALL_CPUID || slot == VMI_CALL_RDTSC || slot == VMI_CALL_Halt ||
                      slot == VMI_CALL_GetCycleCounter
                  ? "returns from the monitor's code"
                  : NULL);
    }
    publish_all();
    put_jump(slot,
             (slot == VMI_CALL_LAST && image.api == VMI_API_MAJOR_13 ? slot - 1 : slot + 1) * 32);
    judge(slot, "as its neighbour's", neighbour_excuse(slot));
    publish_all();
    memmove(stub + 2, stub,
            VMI_TRAP_STUB_SIZE); /* the number still follows from the address, but not the start */
    stub[0] = 0xF7;
    stub[1] = 0xD0 + 5; /* not ebp */
    judge(slot, "with a clobber before", e->returns == RETURNS_MAY ? "does not return" : NULL);
    stub_mutants += e->returns == RETURNS_RET ? 4 : 3;
}

static vmi_handler **handler_of(unsigned slot) {
    return (vmi_handler **)((char *)&h.handlers + vmi_slots[slot].handler);
}

static vmi_handler *original;

static int does_nothing(void *context, struct vmi_frame *f) {
    (void)context, (void)f;
    return VMI_RETURNS;
}

static int clobbers_ebx(void *context, struct vmi_frame *f) {
    int outcome = original(context, f);
    f->ebx ^= 0x10;
    return outcome;
}

static int clobbers_flags(void *context, struct vmi_frame *f) {
    int outcome = original(context, f);
    f->eflags ^= EFLAGS_AC;
    return outcome;
}

static void mutate_handler(unsigned slot) {
    const struct expect *e = expect_of(slot);
    static const uint8_t like_nothing[] = {VMI_CALL_WBINVD, VMI_CALL_Pause, VMI_CALL_InvalPage,
                                           VMI_CALL_FlushTLB};
    const char *excuse = e->body == BODY_RET ? "the call does nothing" : NULL;
    for (size_t i = 0; i < sizeof(like_nothing); i++) {
        if (like_nothing[i] == slot) {
            excuse = "has no effect in this engine";
        }
    }
    publish_all();
    original = *handler_of(slot);
    *handler_of(slot) = does_nothing;
    judge(slot, "handled by nothing", excuse);
    *handler_of(slot) = clobbers_ebx;
    judge(slot, "handler changes EBX",
          e->returns == RETURNS_MAY ? "does not return"
          : slot == VMI_CALL_CPUID  ? "EBX is a result"
                                    : NULL);
    *handler_of(slot) = clobbers_flags;
    judge(slot, "handler changes EFLAGS",
          slot == VMI_CALL_IRET       ? "the frame's flags are loaded"
          : e->returns == RETURNS_MAY ? "does not return"
                                      : NULL);
    *handler_of(slot) = NULL;
    judge(slot, "without a handler", NULL);
    handler_mutants += 4;
}

static void break_all(void) {
    char why[200];
    publish_all();
    for (unsigned slot = VMI_CALL_FIRST; slot < VMI_CALL_SLOTS; slot++) {
        if (h.publication.kind[slot] == VMI_SLOT_TRAP) {
            mutate_stub(slot);
            mutate_handler(slot);
            publish_all();
        }
    }
    printf("# figures: %u trapping slots over all plans: 1 trap a call, at most %u instructions a "
           "stub\n",
           trapping, most_instructions);
    printf("# figures: %u stub mutants, %u handler mutants, %u equivalent, %u survived\n",
           stub_mutants, handler_mutants, harmless, survivors);
    snprintf(why, sizeof(why), "%u survived", survivors);
    result_why("every_broken_stub_and_handler_is_killed", survivors == 0, why);
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: %s HYPERCALL-IMAGE NATIVE-IMAGE\n", argv[0]);
        return 2;
    }
    uint32_t size = image_load(argv[1], hypercall_bytes, sizeof(hypercall_bytes));
    uint32_t twin_size = image_load(argv[2], native_bytes, sizeof(native_bytes));
    int error = vmi_hv_open(&image, hypercall_bytes, size);
    result_why("kit_accepts_the_hypercall_image", error == 0, vmi_hv_error_text(error));
    error = error ? error : vmi_hv_open_twin(&twin, &image, native_bytes, twin_size);
    result_why("kit_accepts_its_native_twin", error == 0, vmi_hv_error_text(error));
    if (error) {
        return 1;
    }
    if (image.api == VMI_API_MAJOR_3) {
        choose_api(API_3, RELOC_HOST);
    }
    for (size_t n = 0; n < sizeof(plans) / sizeof(plans[0]); n++) {
        check_plan(n);
    }
    check_twins();
    if (wanted("every_broken_stub_and_handler_is_killed")) {
        break_all();
    }
    return results_end();
}
