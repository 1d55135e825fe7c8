/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* What a kernel may want to know about its sites. */

#include "bytes.h"
#include "thunk.h"
#include "vmi/guest.h"

VMI_CDECL uint32_t vmi_link_space(const struct vmi_linkage *l) {
    uint32_t space = 0;
    for (const struct vmi_annotation *r = l->first; r < l->end; r++) {
        space += r->size + 1u;
    }
    return space;
}

VMI_CDECL uint32_t vmi_thunk_space(const struct vmi_linkage *l) {
    struct vmi_kit_thunk thunk;
    uint32_t space = 0;
    for (const struct vmi_annotation *r = l->first; r < l->end; r++) {
        if (r->form && vmi_kit_same_thunk(l->first, r) == r && vmi_kit_make_thunk(r, &thunk)) {
            space += thunk.size;
        }
    }
    return space;
}

VMI_CDECL enum vmi_site_kind vmi_site_kind(const struct vmi_linkage *l, uint32_t n) {
    const uint8_t *saved = l->saved;
    for (uint32_t i = 0; i < n; i++) {
        saved += l->first[i].size + 1u;
    }
    return l->rom ? (enum vmi_site_kind) * saved : VMI_SITE_NATIVE;
}

VMI_CDECL vmi_bool vmi_may_park(const struct vmi_linkage *l, uint32_t eip) {
    for (const struct vmi_annotation *r = l->first; r < l->end; r++) {
        if (eip - (uint32_t)r->site - 1 < r->size - 1u) {
            return false;
        }
    }
    const struct vmi_rom *rom = l->rom;
    if (!rom) {
        return true;
    }
    if (eip - (uint32_t)l->thunks < (uint32_t)(l->thunks_end - l->thunks) ||
        eip - (uint32_t)rom->base < rom->size) {
        return false;
    }
    if (rom->major != VMI_API_MAJOR_3) {
        return true;
    }
    uint32_t top = ((const struct vmi_rom_header_3 *)rom->base)->virtual_top;
    return top == 0 || eip < top;
}
