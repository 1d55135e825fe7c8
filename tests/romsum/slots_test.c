/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * Tests of --slots: what romsum makes is what the hypervisor's kit publishes (./publish), byte for
 * byte, for every policy and trap and for lists of calls, from images of both APIs.
 */
#define _POSIX_C_SOURCE 200809L /* setenv */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"
#include "vmi/calls.h"

static const char *const policies[] = {"default", "all", "tuned", NULL,
                                       "hosted"}; /* by VMI_POLICY_...; a list is tested apart */

static const struct {
    const char *name, *kind, *operand;
} traps[] = {
    {"vmmcall", "0", "0"},   {"vmcall", "1", "0"},     {"int:0x80", "2", "128"},
    {"int:0x20", "2", "32"}, {"out:0xE9", "3", "233"}, {"out:0x00", "3", "0"},
    {"out", "3", "231"},
};

static const struct {
    const char *name, *image, *twin;
} apis[] = {
    {"13", "vmi-hypercall.rom", "vmi-native.rom"},
    {"3", "vmi-3-hypercall.rom", "vmi-3-native.rom"},
};

static bool is_published(void) {
    image_size = read_file("published.rom", image, sizeof(image));
    return holds(image_size == 5120 && file_is("out.rom", image, image_size),
                 "the bytes that the kit publishes");
}

static void test_policies(void) {
    char policy[2] = "0", name[96];

    for (size_t api = 0; api < COUNT(apis); api++) {
        for (size_t p = 0; p < COUNT(policies); p++) {
            bool good = true;

            if (!policies[p]) {
                continue;
            }
            policy[0] = (char)('0' + p);
            for (size_t t = 0; t < COUNT(traps); t++) {
                struct run seen = run("./publish", apis[api].image, apis[api].twin, "published.rom",
                                      policy, traps[t].kind, traps[t].operand, NULL);

                good &= holds(seen.status == 0, "the kit publishes it");
                unlink("out.rom");
                seen = ROMSUM("--slots", policies[p], "--twin", apis[api].twin, "--trap",
                              traps[t].name, apis[api].image, "-o", "out.rom");
                good &= gave(&seen, 0, "") && is_published();
                seen = ROMSUM("--check", "out.rom");
                good &= gave(&seen, 0, "");
            }
            snprintf(name, sizeof(name), "slots_%s_of_api_%s_is_what_the_kit_publishes",
                     policies[p], apis[api].name);
            result(name, good);
        }
    }
}

static void test_lists(void) {
    char slot[8];
    struct run seen = run("./publish", "vmi-hypercall.rom", "vmi-native.rom", "published.rom", "2",
                          "0", "0", "33", "1", "28", "2", "5", "0", "59", "1", NULL);
    bool good = holds(seen.status == 0, "the kit publishes it");

    seen = ROMSUM("--slots", "tuned,RDTSC=trap,INVD=nop,CPUID=native,IN=trap", "--twin",
                  "vmi-native.rom", "vmi-hypercall.rom", "-o", "out.rom");
    result("slots_takes_calls_behind_a_policy", good && gave(&seen, 0, "") && is_published());
    seen =
        run("./publish", "vmi-hypercall.rom", "-", "published.rom", "0", "0", "0", "28", "1", NULL);
    good = holds(seen.status == 0, "the kit publishes it");
    seen = ROMSUM("--slots", "INVD=trap", "vmi-hypercall.rom", "-o", "out.rom");
    good &= gave(&seen, 0, "") && is_published();
    result("slots_needs_no_twin_where_none_becomes_native",
           good && says(seen.said, "vmi-hypercall.rom: 1 slot: now "));
    snprintf(slot, sizeof(slot), "%d", VMI3_SLOT_UpdateKernelStack);
    seen = run("./publish", "vmi-3-hypercall.rom", "vmi-3-native.rom", "published.rom", "1", "0",
               "0", slot, "0", NULL);
    good = holds(seen.status == 0, "the kit publishes it");
    seen = ROMSUM("--slots", "all,UpdateKernelStack=native", "--twin", "vmi-3-native.rom",
                  "vmi-3-hypercall.rom", "-o", "out.rom");
    result("slots_finds_the_slot_that_a_call_has_in_api_3",
           good && gave(&seen, 0, "") && is_published());
    seen = ROMSUM("--slots", "default", "--twin", "vmi-native.rom", "vmi-hypercall.rom", "-o",
                  "out.rom");
    image_size = read_file("vmi-hypercall.rom", image, sizeof(image));
    result("slots_default_changes_nothing",
           gave(&seen, 0, "") && holds(file_is("out.rom", image, image_size), "the same bytes") &&
               holds(seen.said[0] == '\0', "no change is said"));
    good = true;
    for (size_t p = 0; p < 3; p++) { /* from one to the next and on top of each other */
        char policy[2] = {(char)('0' + (p + 1) % 3), 0};

        seen = ROMSUM("--slots", policies[(p + 1) % 3], "--twin", "vmi-native.rom", "out.rom");
        good &= gave(&seen, 0, "");
        if (policy[0] == '0') {
            continue; /* default is as the image comes */
        }
        run("./publish", "vmi-hypercall.rom", "vmi-native.rom", "published.rom", policy, "0", "0",
            NULL);
        good &= is_published();
    }
    result("slots_of_a_mixture_can_be_chosen_again", good);
}

/* Bodies of our own for slots 37 and 38: one returns at once, one sets carry. */
static void test_soft(void) {
    static uint8_t bodies[4096];
    struct run seen;
    bool good;

    memset(bodies, 0xCC, sizeof(bodies));
    bodies[37 * 32] = 0xC3;
    bodies[38 * 32] = 0xF9;
    bodies[38 * 32 + 1] = 0xC3;
    write_file("soft.bin", bodies, sizeof(bodies));
    seen = run("./publish", "vmi-hypercall.rom", "vmi-native.rom", "published.rom", "2", "0", "0",
               "37", "4", "38", "4", NULL);
    good = holds(seen.status == 0, "the kit publishes it");
    seen = ROMSUM("--slots", "tuned,GetInterruptMask=soft,SetInterruptMask=soft", "--twin",
                  "vmi-native.rom", "--soft", "soft.bin", "vmi-hypercall.rom", "-o", "out.rom");
    good &= gave(&seen, 0, "") && is_published() && says(seen.said, " native, 2 soft, checksum ");
    seen = ROMSUM("--check", "out.rom");
    result("slots_takes_soft_bodies_as_the_kit_does", good && gave(&seen, 0, ""));
    bodies[38 * 32] = 0xF8;
    write_file("soft.bin", bodies, sizeof(bodies));
    seen = ROMSUM("--slots", "default", "--soft", "soft.bin", "out.rom");
    good = gave(&seen, 0, "") && says(seen.said, "out.rom: 1 slot: now ");
    image[38 * 32] = 0xF8;
    set_sum(6, 0, 5120);
    result("a_soft_body_can_be_replaced",
           good && holds(file_is("out.rom", image, image_size), "by hand"));
    write_file("soft.bin", bodies, 64);
    unlink("out.rom");
    seen = ROMSUM("--slots", "default", "--soft", "soft.bin", "vmi-hypercall.rom", "-o", "out.rom");
    good = gave(&seen, 1,
                "romsum: vmi-hypercall.rom: soft.bin has 64 bytes, not the 4096 of 128 bodies\n");
    unlink("soft.bin");
    seen = ROMSUM("--slots", "IN=soft", "vmi-hypercall.rom", "-o", "out.rom");
    good &= gave(&seen, 1,
                 "romsum: vmi-hypercall.rom: a soft body is requested and the plan has none; "
                 "--soft names the file with the bodies\n");
    seen = ROMSUM("--soft", "soft.bin", "vmi-hypercall.rom");
    good &= gave(&seen, 2, "romsum: --soft goes with --slots only; try romsum --help\n");
    result("soft_bodies_that_are_not_there_are_refused",
           good && holds(!exists("out.rom"), "no output"));
}

static const struct {
    const char *name, *slots, *twin, *image, *message;
} refused[] = {
    {"slots_refuses_a_native_body_without_a_twin", "tuned", NULL, "vmi-hypercall.rom",
     "romsum: vmi-hypercall.rom: a native body is requested and no twin is given; --twin names the "
     "native image\n"},
    {"slots_refuses_a_twin_of_another_api", "all", "vmi-3-native.rom", "vmi-hypercall.rom",
     "romsum: vmi-hypercall.rom: the twin has another API, version or layout\n"},
    {"slots_refuses_a_twin_that_is_no_native_image", "all", "vmi-hypercall.rom",
     "vmi-hypercall.rom", "romsum: vmi-hypercall.rom: the twin is not a native image\n"},
    {"slots_refuses_a_native_image", "all", NULL, "vmi-native.rom",
     "romsum: vmi-native.rom: no descriptor: not a hypercall image\n"},
    {"slots_refuses_a_kind_that_a_call_cannot_be", "CPUID=nop", NULL, "vmi-hypercall.rom",
     "romsum: vmi-hypercall.rom: CPUID: the slot cannot be of this kind\n"},
    {"slots_refuses_to_exchange_init", "Init=trap", NULL, "vmi-hypercall.rom",
     "romsum: vmi-hypercall.rom: Init: the call is never exchanged\n"},
    {"slots_refuses_a_call_of_the_other_api", "SetPxE0=trap", NULL, "vmi-3-hypercall.rom",
     "romsum: vmi-3-hypercall.rom: SetPxE0: no call of this API has the slot\n"},
    {"slots_refuses_a_twin_that_is_not_there", "all", "missing.rom", "vmi-hypercall.rom",
     "romsum: missing.rom: No such file or directory\n"},
};

static void test_refused(void) {
    for (size_t i = 0; i < COUNT(refused); i++) {
        struct run seen;

        unlink("out.rom");
        if (refused[i].twin) {
            seen = ROMSUM("--slots", refused[i].slots, "--twin", refused[i].twin, refused[i].image,
                          "-o", "out.rom");
        } else {
            seen = ROMSUM("--slots", refused[i].slots, refused[i].image, "-o", "out.rom");
        }
        result(refused[i].name,
               gave(&seen, 1, refused[i].message) && holds(!exists("out.rom"), "no output"));
    }
}

/* Init's question: as the kit publishes it, and off again. */
static void test_ask(void) {
    bool good = true;
    struct run seen;

    for (size_t api = 0; api < COUNT(apis); api++) {
        setenv("ASKS", "1", 1);
        seen = run("./publish", apis[api].image, apis[api].twin, "published.rom", "2", "3", "231",
                   NULL);
        unsetenv("ASKS");
        good &= holds(seen.status == 0, "the kit publishes it");
        seen = ROMSUM("--slots", "tuned", "--twin", apis[api].twin, "--trap", "out", "--flag",
                      "ask", apis[api].image, "-o", "out.rom");
        good &= gave(&seen, 0, "") && is_published();
        seen = ROMSUM("--check", "out.rom");
        good &= gave(&seen, 0, "");
        seen = ROMSUM("--show", "out.rom");
        good &= prints(&seen, "flags                0x01, Init asks\n");
        seen = ROMSUM("--slots", "tuned", "--trap", "out", "--flag", "ask", "out.rom");
        good &= gave(&seen, 0, "") && is_published() && holds(!seen.said[0], "no change is said");
    }
    result("a_question_is_what_the_kit_publishes", good);
    seen = ROMSUM("--trap", "vmmcall", "out.rom");
    good = holds(seen.status == 1, "it fails") && is_published() &&
           says(seen.said, "Init may ask by out only, not by vmmcall\n");
    seen = ROMSUM("--flag", "ask", "vmi-hypercall.rom", "-o", "no.rom");
    good &= holds(seen.status == 1, "it fails") &&
            says(seen.said, "Init may ask by out only: --trap out\n");
    seen = ROMSUM("--flag", "ask", "vmi-native.rom", "-o", "no.rom");
    good &= gave(&seen, 1, "romsum: vmi-native.rom: no such flags: not a ring 1 ROM of ours\n");
    seen = ROMSUM("--flag", "interrupt-control", "vmi-hypercall.rom", "-o", "no.rom");
    good &= gave(&seen, 1, "romsum: vmi-hypercall.rom: no such flags: not a ring 1 ROM of ours\n");
    result("a_question_that_cannot_be_is_refused", good && holds(!exists("no.rom"), "no output"));
    seen = ROMSUM("--flag", "none", "--trap", "out:0x7C", "out.rom");
    good = gave(&seen, 0, "");
    run("./publish", apis[1].image, apis[1].twin, "published.rom", "2", "3", "124", NULL);
    result("a_question_can_be_taken_back", good && is_published());
}

static void test_usage(void) {
    static const char *const bad[] = {
        "",       "most",  "all,",       "all,tuned",         "RDTSC",    "RDTSC=own",
        "RDTSC=", "=trap", "SetCR8=nop", "all,RDTSC,IN=trap", "tuned,all"};
    bool good = true;
    struct run seen;

    for (size_t i = 0; i < COUNT(bad); i++) {
        seen = ROMSUM("--slots", bad[i], "vmi-hypercall.rom", "-o", "out.rom");
        good &= holds(seen.status == 2, bad[i]);
    }
    seen = ROMSUM("--twin", "vmi-native.rom", "vmi-hypercall.rom", "-o", "out.rom");
    good &= gave(&seen, 2, "romsum: --twin goes with --slots only; try romsum --help\n");
    result("senseless_slots_are_wrong_usage", good);
}

void test_slots(void) {
    test_policies();
    test_lists();
    test_soft();
    test_refused();
    test_ask();
    unlink("out.rom");
    test_usage();
    result("wrong_usage_of_slots_writes_nothing", holds(!exists("out.rom"), "no output"));
}
