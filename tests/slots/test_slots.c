/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* test_slots IMAGE [minimal|lean|full|all]: the suite of every slot of an image, as TAP; for
 * API 3.0 with the policy that the image was given. SEED=n in the environment varies the random
 * inputs. */

#include <stdio.h>
#include <stdlib.h>

#include "calls.h"
#include "image_file.h"
#include "results.h"
#include "vmi/calls.h"
#include "vmi/rom.h"

#define ROUNDS 250

static uint8_t image[IMAGE_MAX];
static uint32_t size, seed;
static struct machine m;

static bool runs(unsigned slot, char why[WHY_SIZE]) {
    return check_slot(&m, slot, ROUNDS, seed, why);
}

static bool decodes(unsigned slot, char why[WHY_SIZE]) {
    return check_decoding(image, size, slot, why);
}

static bool may_be_inlined(unsigned slot, char why[WHY_SIZE]) {
    return check_inlining(image, size, slot, why);
}

static bool is_of_its_kind(unsigned slot, char why[WHY_SIZE]) {
    return check_kind(image, size, slot, why);
}

static const struct {
    const char *name;
    bool (*check)(unsigned slot, char why[WHY_SIZE]);
} tests[] = {
    {"does what the table says and nothing else, at both places", runs},
    {"has its locks and its invisible instructions", decodes},
    {"says truly whether it may be inlined", may_be_inlined},
    {"is of the kind that the table says", is_of_its_kind},
};

int main(int argc, char **argv) {
    if (argc < 2 || argc > 3 || (argc == 3 && !choose_policy(argv[2]))) {
        fprintf(stderr, "usage: %s IMAGE [minimal|lean|full|all]\n", argv[0]);
        return 2;
    }
    size = image_load(argv[1], image, sizeof(image));
    seed = getenv("SEED") ? (uint32_t)strtoul(getenv("SEED"), NULL, 0) : 1;
    char name[200], why[WHY_SIZE];
    machine_open(&m, image, size, IMAGE_LOW);
    printf("# seed %u\n", seed);
    for (unsigned slot = VMI_CALL_FIRST; slot < VMI_CALL_SLOTS; slot++) {
        for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
            const struct expect *e = expect_of(slot);
            snprintf(name, sizeof(name), "%s: %s (%u)", tests[i].name, e->name, e->number);
            if (wanted(name)) {
                result_why(name, tests[i].check(slot, why), why);
            }
        }
    }
    machine_close(&m);
    return results_end();
}
