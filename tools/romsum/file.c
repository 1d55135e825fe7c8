/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * Reading and writing files.
 */
#define _XOPEN_SOURCE     700
#define _FILE_OFFSET_BITS 64

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "file.h"
#include "report.h"
#include "text.h"

/* Says it of a file on stderr; false, to be returned. */
__attribute__((format(printf, 2, 3))) static bool complain(const char *name, const char *format,
                                                           ...) {
    va_list args;

    print_name(name);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    putc('\n', stderr);
    return false;
}

static const char *kind_of(mode_t mode) {
    if (S_ISDIR(mode)) {
        return "a directory";
    }
    if (S_ISFIFO(mode)) {
        return "a pipe";
    }
    if (S_ISCHR(mode) || S_ISBLK(mode)) {
        return "a device";
    }
    return "something else";
}

static bool read_bytes(int fd, struct image *image) {
    uint32_t done = 0;

    while (done < image->size) {
        ssize_t n = read(fd, image->bytes + done, image->size - done);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return complain(image->name, "cannot read: %s", strerror(errno));
        }
        if (n == 0) {
            return complain(image->name, "ended after %u of %u bytes", done, image->size);
        }
        done += (uint32_t)n;
    }
    return true;
}

static bool is_readable(const char *name, struct stat *status) {
    if (stat(name, status) != 0) {
        return complain(name, "%s", strerror(errno));
    }
    if (!S_ISREG(status->st_mode)) {
        return complain(name, "is %s, not a regular file", kind_of(status->st_mode));
    }
    if (status->st_size == 0) {
        return complain(name, "is empty");
    }
    if (status->st_size > (off_t)MAX_FILE) {
        return complain(name, "%lld bytes are too many for an option ROM (%u at most)",
                        (long long)status->st_size, MAX_FILE);
    }
    return true;
}

bool read_image(const char *name, struct image *image) {
    struct stat status;
    bool good;
    int fd;

    if (!is_readable(name, &status)) {
        return false;
    }
    fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return complain(name, "cannot open: %s", strerror(errno));
    }
    image->name = name;
    image->size = (uint32_t)status.st_size;
    image->bytes = malloc(image->size);
    if (!image->bytes) {
        out_of_memory();
    }
    good = read_bytes(fd, image);
    close(fd);
    if (!good) {
        free(image->bytes);
    }
    return good;
}

/* A template for mkstemp() beside `target`. */
static char *temporary_name(const char *target) {
    static const char name[] = ".romsum-XXXXXX";
    const char *slash = strrchr(target, '/');
    size_t folder = slash ? (size_t)(slash - target) + 1 : 0;
    char *template = malloc(folder + sizeof(name));

    if (!template) {
        out_of_memory();
    }
    memcpy(template, target, folder);
    memcpy(template + folder, name, sizeof(name));
    return template;
}

static mode_t new_file_mode(void) {
    mode_t mask = umask(0);

    umask(mask);
    return 0666 & ~mask;
}

static bool write_bytes(int fd, const struct image *image) {
    uint32_t done = 0;

    while (done < image->size) {
        ssize_t n = write(fd, image->bytes + done, image->size - done);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return false;
        }
        done += (uint32_t)n;
    }
    return fsync(fd) == 0;
}

/*
 * Writes a temporary file, then gives it the name `target`. A file that is replaced, `old`, hands
 * down its permissions, and its owner where that is allowed. On failure nothing is left, errno
 * tells why, and the answer is what could not be done; else NULL.
 */
static const char *write_and_rename(const struct image *image, const char *target,
                                    const struct stat *old) {
    mode_t mode = old ? old->st_mode & 0777 : new_file_mode();
    char *temporary = temporary_name(target);
    int fd = mkstemp(temporary);
    const char *failed =
        fd < 0 ? "cannot create a temporary file in its directory" : "cannot write";
    bool good = fd >= 0 && write_bytes(fd, image);
    int error;

    if (good && old && fchown(fd, old->st_uid, old->st_gid) != 0) {
        mode &= ~(mode_t)0070; /* not for another group than before */
    }
    good = good && fchmod(fd, mode) == 0;
    error = errno;

    if (fd >= 0 && close(fd) != 0 && good) {
        good = false;
        error = errno;
    }
    if (good && rename(temporary, target) != 0) {
        good = false;
        error = errno;
    }
    if (fd >= 0 && !good) {
        unlink(temporary);
    }
    free(temporary);
    errno = error;
    return good ? NULL : failed;
}

/* Whether the file holds just these bytes. */
static bool has_bytes(const struct image *image, const char *target) {
    struct stat status;
    uint8_t *bytes;
    FILE *file;
    bool same;

    if (stat(target, &status) != 0 || !S_ISREG(status.st_mode) ||
        status.st_size != (off_t)image->size) {
        return false;
    }
    bytes = malloc((size_t)image->size + 1);
    if (!bytes) {
        out_of_memory();
    }
    file = fopen(target, "rb");
    same = file && fread(bytes, 1, (size_t)image->size + 1, file) == image->size &&
           memcmp(bytes, image->bytes, image->size) == 0;
    if (file) {
        fclose(file);
    }
    free(bytes);
    return same;
}

/* Whether the shell sends standard output or error there, or the name leads to an open file. */
static bool is_open_already(const char *name) {
    char *folder = strdup(name), *slash, *resolved;
    char link[4096];
    ssize_t length;
    bool in_proc;

    if (!folder) {
        out_of_memory();
    }
    slash = strrchr(folder, '/');
    if (slash) {
        slash[slash == folder ? 1 : 0] = '\0';
    }
    resolved = realpath(slash ? folder : ".", NULL);
    in_proc = resolved && strncmp(resolved, "/proc/", 6) == 0;
    free(folder);
    free(resolved);
    length = readlink(name, link, sizeof(link) - 1);
    if (in_proc || length <= 0 || link[0] != '/') {
        return in_proc;
    }
    link[length] = '\0';
    return is_open_already(link); /* /dev/stdout, a link to /dev/stdout */
}

static bool is_output(const struct stat *old) {
    struct stat output;

    for (int fd = 1; fd <= 2; fd++) {
        if (fstat(fd, &output) == 0 && output.st_dev == old->st_dev &&
            output.st_ino == old->st_ino) {
            return true;
        }
    }
    return false;
}

static bool is_writable(const char *name, const char *target, struct stat *old, bool *exists) {
    struct stat link;

    *exists = stat(target, old) == 0;
    if (*exists && !S_ISREG(old->st_mode)) {
        return complain(name, "is %s, not a regular file", kind_of(old->st_mode));
    }
    if (is_open_already(name) || (*exists && is_output(old))) {
        return complain(name, "is already open, as standard output or error: name another file");
    }
    if (*exists && !(old->st_mode & S_IWUSR)) {
        return complain(name, "has no write permission for its owner");
    }
    if (!*exists && lstat(target, &link) == 0 && S_ISLNK(link.st_mode) && stat(target, old) != 0) {
        return complain(name, "is a dangling symbolic link: %s", strerror(errno));
    }
    return true;
}

/* No signal may leave the temporary file behind. */
static bool replace(const struct image *image, const char *name, const char *target,
                    const struct stat *old) {
    sigset_t all, before;
    const char *failed;

    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before);
    failed = write_and_rename(image, target, old);
    if (failed) {
        complain(name, "%s: %s", failed, strerror(errno));
    }
    sigprocmask(SIG_SETMASK, &before, NULL);
    return !failed;
}

bool write_image(const struct image *image, const char *name, bool dry) {
    char *resolved = realpath(name, NULL); /* a link stays a link */
    const char *target = resolved ? resolved : name;
    struct stat old;
    bool exists;
    bool good =
        has_bytes(image, target) || (is_writable(name, target, &old, &exists) &&
                                     (dry || replace(image, name, target, exists ? &old : NULL)));

    free(resolved);
    return good;
}

bool holds_other_than(const char *name, char first) {
    struct stat status;
    FILE *file;
    int seen;

    if (stat(name, &status) != 0 || !S_ISREG(status.st_mode)) {
        return false;
    }
    file = fopen(name, "rb");
    if (!file) {
        return true;
    }
    seen = getc(file);
    fclose(file);
    return seen != EOF && seen != first;
}

bool is_same_file(const char *one, const char *other) {
    struct stat a, b;

    return stat(one, &a) == 0 && stat(other, &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}
