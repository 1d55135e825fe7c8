/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * Results of a test program in C, as TAP. A test's name is the sentence that it proves. TEST in the
 * environment, a name or a pattern of fnmatch(3), chooses: no other test is counted or printed, and
 * what asks wanted() does not run it either.
 */
#ifndef TESTS_UNIT_RESULTS_H
#define TESTS_UNIT_RESULTS_H

#include <stdbool.h>
#include <stdint.h>

/* Whether TEST chooses the test of this name, or all, not being set. */
bool wanted(const char *name);
bool all_wanted(void);

/* The result of a test; with why, a line about a failure. */
void result(const char *name, bool passed);
void result_why(const char *name, bool passed, const char *why);
void result_skipped(const char *name, const char *reason);

/* Prints the plan. Returns the status for main(). */
int results_end(void);

/*
 * A test that is a function: each expectation that fails prints a line; the first one decides.
 * RUN(test) calls it, and before it what each_test_starts_with() was given, if TEST chooses it.
 */
#define RUN(test)              run_test(#test, test)
#define expect(expected, seen) expect_(__LINE__, #seen, (int64_t)(expected), (int64_t)(seen))

/* The same in a process of its own, where what the test changes stays. */
#define RUN_ALONE(test) run_test_alone(#test, test)
void run_test_alone(const char *name, void (*test)(void));

void each_test_starts_with(void (*reset)(void));
void run_test(const char *name, void (*test)(void));
void expect_(int line, const char *what, int64_t expected, int64_t seen);

#endif
