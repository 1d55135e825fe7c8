/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * Results of the unit tests as TAP: each test is a function whose name is the sentence that it
 * proves. A file that includes this defines `static void reset(void)`, what every test starts from.
 */
#ifndef TESTS_UNIT_RESULTS_H
#define TESTS_UNIT_RESULTS_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

static unsigned number, failures;
static const char *test_name;
static bool test_failed;

static void expect_(int line, const char *what, uint64_t want, uint64_t got) {
    if (want == got)
        return;
    if (!test_failed)
        number++, failures++, printf("not ok %u - %s\n", number, test_name);
    printf("# line %d: %s: expected %" PRIx64 ", seen %" PRIx64 "\n", line, what, want, got);
    test_failed = true;
}

#define expect(want, got) expect_(__LINE__, #got, (uint64_t)(want), (uint64_t)(got))

#define RUN(test)                                                                                  \
    do {                                                                                           \
        test_name = #test;                                                                         \
        test_failed = false;                                                                       \
        reset();                                                                                   \
        test();                                                                                    \
        if (!test_failed)                                                                          \
            printf("ok %u - %s\n", ++number, test_name);                                           \
    } while (0)

#endif
