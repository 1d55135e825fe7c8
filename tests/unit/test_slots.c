/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* test_slots IMAGE [minimal|full|all]: the suite of every slot of an image, as TAP; for API 3.0
 * with the policy that the image was given. SEED=n in the environment varies the random inputs. */

#include <stdio.h>
#include <stdlib.h>

#include "calls.h"
#include "image_file.h"
#include "vmi/calls.h"
#include "vmi/rom.h"

static unsigned number, failures;

static void report(bool passed, const char *what, const struct expect *e, const char *why) {
    printf("%sok %u - %s: %s (%u)\n", passed ? "" : "not ", ++number, what, e->name, e->number);
    if (!passed) {
        printf("# %s\n", why);
        failures++;
    }
}

int main(int argc, char **argv) {
    static uint8_t image[IMAGE_MAX];
    if (argc < 2 || argc > 3 || (argc == 3 && !choose_policy(argv[2]))) {
        fprintf(stderr, "usage: %s IMAGE [minimal|full|all]\n", argv[0]);
        return 2;
    }
    uint32_t size = image_load(argv[1], image, sizeof image);
    uint32_t seed = getenv("SEED") ? (uint32_t)strtoul(getenv("SEED"), NULL, 0) : 1;
    char why[WHY_SIZE];
    struct machine m;
    machine_open(&m, image, size, IMAGE_LOW);
    printf("# seed %u\n", seed);
    for (unsigned slot = VMI_CALL_FIRST; slot < VMI_CALL_SLOTS; slot++) {
        const struct expect *e = expect_of(slot);
        report(check_slot(&m, slot, 250, seed, why),
               "does what the table says and nothing else, at both places", e, why);
        report(check_decoding(image, size, slot, why),
               "has its locks and its invisible instructions", e, why);
        report(check_inlining(image, size, slot, why), "says truly whether it may be inlined", e,
               why);
        report(check_kind(image, size, slot, why), "is of the kind that the table says", e, why);
    }
    machine_close(&m);
    printf("1..%u\n", number);
    return failures ? 1 : 0;
}
