/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* Results as TAP: results.h. */

#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "results.h"

static unsigned number, failures;
static void (*start_of_test)(void);
static const char *test_name;
static bool test_failed;
static unsigned failed_expectations;

bool all_wanted(void) {
    const char *test = getenv("TEST");
    return !test || !*test;
}

bool wanted(const char *name) {
    const char *test = getenv("TEST");
    return all_wanted() || strcmp(test, name) == 0 || fnmatch(test, name, 0) == 0;
}

void result(const char *name, bool passed) {
    result_why(name, passed, NULL);
}

void result_why(const char *name, bool passed, const char *why) {
    if (!wanted(name)) {
        return;
    }
    printf("%sok %u - %s\n", passed ? "" : "not ", ++number, name);
    if (!passed && why) {
        printf("# %s\n", why);
    }
    failures += !passed;
    fflush(stdout); /* a crash must not lose it */
}

void result_skipped(const char *name, const char *reason) {
    if (wanted(name)) {
        printf("ok %u - %s # SKIP %s\n", ++number, name, reason);
        fflush(stdout);
    }
}

int results_end(void) {
    printf("1..%u\n", number);
    return failures != 0;
}

void each_test_starts_with(void (*reset)(void)) {
    start_of_test = reset;
}

void run_test(const char *name, void (*test)(void)) {
    if (!wanted(name)) {
        return;
    }
    test_name = name;
    test_failed = false;
    if (start_of_test) {
        start_of_test();
    }
    test();
    if (!test_failed) {
        result(name, true);
    }
}

/* The child prints why, and its status says whether. */
void run_test_alone(const char *name, void (*test)(void)) {
    int status = 1;
    pid_t child;
    if (!wanted(name)) {
        return;
    }
    fflush(stdout);
    child = fork();
    if (child == 0) {
        start_of_test ? start_of_test() : (void)0;
        test_failed = true; /* the result is the parent's to print */
        failed_expectations = 0;
        test();
        fflush(stdout);
        _exit(failed_expectations != 0);
    }
    waitpid(child, &status, 0);
    result(name, status == 0);
}

void expect_(int line, const char *what, int64_t expected, int64_t seen) {
    if (expected == seen) {
        return;
    }
    if (!test_failed) {
        result(test_name, false);
    }
    test_failed = true;
    failed_expectations++;
    printf("# line %d: %s: expected %" PRId64 " (%" PRIx64 "), seen %" PRId64 " (%" PRIx64 ")\n",
           line, what, expected, (uint64_t)expected, seen, (uint64_t)seen);
}
