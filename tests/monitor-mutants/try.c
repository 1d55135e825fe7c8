/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * try JOBS PROGRAM... < NUMBERS: each number is a mutant, which the programs are asked to be, one
 * after the other, until one of them fails. Prints the number, killed or survived, and the program;
 * so many at once. One that hangs ends by the processor's time that it takes: a machine's load does
 * not count.
 */

#define _DEFAULT_SOURCE /* NOLINT(bugprone-reserved-identifier): the library wants this name */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define LIMIT_MS 2000 /* a program takes a tenth of it */
#define MAX_JOBS 64

static char **programs;

static int run(const char *program, const char *number) {
    int status;
    pid_t child = fork();
    if (child == 0) {
        struct itimerval limit = {.it_value = {LIMIT_MS / 1000, LIMIT_MS % 1000 * 1000}};
        int none = open("/dev/null", O_RDWR);
        dup2(none, 0);
        dup2(none, 1);
        dup2(none, 2);
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){1 << 20, 1 << 20});
        setitimer(ITIMER_PROF, &limit, NULL);
        setrlimit(RLIMIT_CPU, &(struct rlimit){2, 3}); /* of its own children, too */
        setenv("MUTANT", number, 1);
        execl(program, program, (char *)NULL);
        _exit(127);
    }
    if (child < 0 || waitpid(child, &status, 0) != child) {
        perror("try");
        exit(1);
    }
    return status;
}

/* One mutant; its line goes out in one piece. */
static void judge(const char *number) {
    char line[512];
    int length = snprintf(line, sizeof(line), "%s\tsurvived\t-\n", number);
    for (char **program = programs; *program; program++) {
        if (run(*program, number)) {
            length = snprintf(line, sizeof(line), "%s\tkilled\t%s\n", number, *program);
            break;
        }
    }
    if (write(1, line, (size_t)length) != length) {
        perror("try");
        exit(1);
    }
}

int main(int argc, char **argv) {
    char number[32];
    int jobs = argc > 2 ? atoi(argv[1]) : 0, running = 0, failed = 0, status;
    if (jobs < 1 || jobs > MAX_JOBS) {
        fprintf(stderr, "usage: try JOBS PROGRAM... < NUMBERS\n");
        return 2;
    }
    programs = argv + 2;
    while (fgets(number, sizeof(number), stdin)) {
        number[strcspn(number, "\n")] = 0;
        if (running == jobs) {
            wait(&status);
            failed |= status;
            running--;
        }
        fflush(stdout);
        if (fork() == 0) {
            judge(number);
            _exit(0);
        }
        running++;
    }
    for (; running; running--) {
        wait(&status);
        failed |= status;
    }
    return failed != 0;
}
