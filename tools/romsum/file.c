/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * Reading and writing files.
 */
#define _XOPEN_SOURCE     700
#define _FILE_OFFSET_BITS 64

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "file.h"
#include "report.h"

static const char *kind_of(mode_t mode) {
    if (S_ISDIR(mode))
        return "a directory";
    if (S_ISFIFO(mode))
        return "a pipe";
    if (S_ISCHR(mode) || S_ISBLK(mode))
        return "a device";
    return "something else";
}

static bool read_bytes(int fd, struct image *image) {
    uint32_t done = 0;

    while (done < image->size) {
        ssize_t n = read(fd, image->bytes + done, image->size - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            fprintf(stderr, "romsum: %s: cannot read: %s\n", image->name, strerror(errno));
            return false;
        }
        if (n == 0) {
            fprintf(stderr, "romsum: %s: ended after %u of %u bytes\n", image->name, done,
                    image->size);
            return false;
        }
        done += (uint32_t)n;
    }
    return true;
}

static bool is_readable(const char *name, struct stat *status) {
    if (stat(name, status) != 0)
        fprintf(stderr, "romsum: %s: %s\n", name, strerror(errno));
    else if (!S_ISREG(status->st_mode))
        fprintf(stderr, "romsum: %s: is %s, not a file\n", name, kind_of(status->st_mode));
    else if (status->st_size == 0)
        fprintf(stderr, "romsum: %s: is empty\n", name);
    else if (status->st_size > (off_t)MAX_FILE)
        fprintf(stderr, "romsum: %s: %lld bytes are too large for an option ROM (%u at most)\n",
                name, (long long)status->st_size, MAX_FILE);
    else
        return true;
    return false;
}

bool read_image(const char *name, struct image *image) {
    struct stat status;
    bool good;
    int fd;

    if (!is_readable(name, &status))
        return false;
    fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        fprintf(stderr, "romsum: %s: cannot open: %s\n", name, strerror(errno));
        return false;
    }
    image->name = name;
    image->size = (uint32_t)status.st_size;
    image->bytes = malloc(image->size);
    if (!image->bytes)
        out_of_memory();
    good = read_bytes(fd, image);
    close(fd);
    if (!good)
        free(image->bytes);
    return good;
}

/* A template for mkstemp() beside `target`. */
static char *temporary_name(const char *target) {
    static const char name[] = ".romsum-XXXXXX";
    const char *slash = strrchr(target, '/');
    size_t folder = slash ? (size_t)(slash - target) + 1 : 0;
    char *template = malloc(folder + sizeof(name));

    if (!template)
        out_of_memory();
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

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
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
    const char *failed = fd < 0 ? "cannot make a new file in its folder" : "cannot write";
    bool good = fd >= 0 && write_bytes(fd, image);
    int error;

    if (good && old && fchown(fd, old->st_uid, old->st_gid) != 0)
        mode &= ~(mode_t)0070; /* not for another group than before */
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
    if (fd >= 0 && !good)
        unlink(temporary);
    free(temporary);
    errno = error;
    return good ? NULL : failed;
}

static bool is_writable(const char *name, const char *target, struct stat *old, bool *exists) {
    struct stat link;

    *exists = stat(target, old) == 0;
    if (*exists && !S_ISREG(old->st_mode))
        fprintf(stderr, "romsum: %s: is %s, not a file\n", name, kind_of(old->st_mode));
    else if (!*exists && lstat(target, &link) == 0 && S_ISLNK(link.st_mode) &&
             stat(target, old) != 0)
        fprintf(stderr, "romsum: %s: is a link that leads nowhere: %s\n", name, strerror(errno));
    else
        return true;
    return false;
}

bool write_image(const struct image *image, const char *name) {
    char *resolved = realpath(name, NULL); /* a link stays a link */
    const char *target = resolved ? resolved : name;
    const char *failed = NULL;
    struct stat old;
    bool exists;
    bool good = is_writable(name, target, &old, &exists);
    sigset_t all, before;

    if (good) {
        /* No signal may leave the temporary file behind. */
        sigfillset(&all);
        sigprocmask(SIG_BLOCK, &all, &before);
        failed = write_and_rename(image, target, exists ? &old : NULL);
        if (failed)
            fprintf(stderr, "romsum: %s: %s: %s\n", name, failed, strerror(errno));
        sigprocmask(SIG_SETMASK, &before, NULL);
    }
    free(resolved);
    return good && !failed;
}

bool is_same_file(const char *one, const char *other) {
    struct stat a, b;

    return stat(one, &a) == 0 && stat(other, &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}
