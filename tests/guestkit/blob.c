/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* What the test calls in the blob: behind the table of thunks, in this order. */

#include "blob.h"
#include "vmi/guest.h"

__attribute__((section(".exports"), used)) static const struct blob_exports exports = {
    .find = (uint32_t)vmi_find,
    .start = (uint32_t)vmi_start,
    .link = (uint32_t)vmi_link,
    .link_space = (uint32_t)vmi_link_space,
    .thunk_space = (uint32_t)vmi_thunk_space,
    .site_kind = (uint32_t)vmi_site_kind,
    .may_park = (uint32_t)vmi_may_park,
    .overlay = (uint32_t)vmi_overlay,
    .verdict_text = (uint32_t)vmi_verdict_text,
    .link_text = (uint32_t)vmi_link_text,
    .boot = (uint32_t)vmi_boot,
    .annotations = (uint32_t)vmi_annotations,
    .annotations_end = (uint32_t)vmi_annotations_end,
    .translations = (uint32_t)vmi_translations,
    .translations_end = (uint32_t)vmi_translations_end,
};
