/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* The first program of the Linux on which the example is tested: loads the modules of /modules,
 * runs the lines of /runs, `NAME ARGUMENT...` for the example's program, and turns the machine off.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORDS 32

static void load(const char *module) {
    int file = open(module, O_RDONLY | O_CLOEXEC);
    if (file < 0 || syscall(SYS_finit_module, file, "", 0) < 0) {
        perror(module);
    }
    close(file);
}

static char *next_line(FILE *from) {
    static char line[512];
    if (!fgets(line, sizeof(line), from)) {
        return NULL;
    }
    line[strcspn(line, "\n")] = 0;
    return line;
}

static void execute(char *line) {
    char *words[WORDS + 1] = {"/vmm"};
    int count = 0, status = 0;
    char *name = strtok(line, " ");
    while (count < WORDS && (words[++count] = strtok(NULL, " "))) {
    }
    printf("\n=== %s\n", name);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        execv(words[0], words);
        _exit(127);
    }
    waitpid(child, &status, 0);
    printf("\n=== end %s %d\n", name,
           WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    fflush(stdout);
}

int main(void) {
    FILE *file;
    char *line;
    mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
    file = fopen("/modules", "r");
    while (file && (line = next_line(file))) {
        load(line);
    }
    file = fopen("/runs", "r");
    while (file && (line = next_line(file))) {
        execute(line);
    }
    puts("=== all done");
    fflush(stdout);
    sync();
    reboot(RB_POWER_OFF);
    return 0;
}
