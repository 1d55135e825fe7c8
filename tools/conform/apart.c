/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* Work in a process of its own: apart.h. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "apart.h"

_Noreturn static void give_up(const char *what) {
    fprintf(stderr, "vmi-conform: %s: %s\n", what, strerror(errno));
    exit(1);
}

void *shared_memory(size_t size) {
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        give_up("shared memory");
    }
    return memory;
}

/* The emulator's last words are nobody's business, nor is its core. */
static void be_quiet(void) {
    const struct rlimit none = {0, 0};
    int null = open("/dev/null", O_WRONLY);
    if (null >= 0) {
        dup2(null, STDERR_FILENO);
    }
    setrlimit(RLIMIT_CORE, &none);
}

bool run_apart(void (*work)(void *context), void *context) {
    int status = 0;
    pid_t child = fork();
    if (child < 0) {
        give_up("fork");
    }
    if (child == 0) {
        be_quiet();
        work(context);
        _exit(0);
    }
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR) {
            give_up("waitpid");
        }
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
