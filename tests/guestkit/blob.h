/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* A piece of a kernel for the tests: a site of every call, and the kit. Flat, linked at BLOB_BASE.
 */
#ifndef TESTS_GUESTKIT_BLOB_H
#define TESTS_GUESTKIT_BLOB_H

#include <stdint.h>

#define BLOB_BASE 0xD2000 /* blob.ld has it too */

struct blob_exports {
    uint32_t find, start, link, link_space, thunk_space, site_kind, may_park, overlay, verdict_text,
        link_text, boot;
    uint32_t annotations, annotations_end, translations, translations_end;
};

struct blob {
    uint32_t thunks[128];
    struct blob_exports exports;
};

#endif
