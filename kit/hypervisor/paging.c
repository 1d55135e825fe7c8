/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* The guest's page tables, and memory by linear address. */

#include "bytes.h"
#include "slot.h"
#include "vmi/defaults.h"

#define CR0_WP  0x00010000u
#define CR0_PG  0x80000000u
#define CR4_PSE 0x00000010u
#define CR4_PAE 0x00000020u

#define PTE_P        0x001u
#define PTE_RW       0x002u
#define PTE_A        0x020u
#define PTE_D        0x040u
#define PTE_PS       0x080u
#define PAE_ADDRESS  0x000FFFFFFFFFF000u
#define PAE_RESERVED 0x7FF0000000000000u

#define FAULT_PRESENT  1u
#define FAULT_WRITE    2u
#define FAULT_RESERVED 8u
#define FAULT_VECTOR   14u

#define OFFSET_IN_PAGE (VMI_KIT_PAGE - 1)

/* One walk. */
struct walk {
    const struct vmi_paging *paging;
    void *context;
    uint32_t linear;
    bool write;
    bool writable; /* by all entries so far */
};

static bool walk_faults(const struct walk *w, uint32_t error) {
    if (w->paging->raise) {
        w->paging->raise(w->context, FAULT_VECTOR, error | (w->write ? FAULT_WRITE : 0), w->linear);
    }
    return false;
}

static uint64_t entry_value(const uint8_t *bytes, uint32_t size) {
    return read_dword(bytes) | (size == 8 ? (uint64_t)read_dword(bytes + 4) << 32 : 0);
}

static void entry_bytes(uint8_t bytes[8], uint64_t value) {
    for (uint32_t n = 0; n < 8; n++) {
        bytes[n] = (uint8_t)(value >> 8 * n);
    }
}

/* An entry and its accessed bit; false: the page fault has been raised. */
static bool read_entry(struct walk *w, uint64_t at, uint32_t size, uint64_t *entry) {
    uint8_t bytes[8];
    if (!w->paging->read || !w->paging->read(w->context, at, bytes, size)) {
        return walk_faults(w, 0);
    }
    *entry = entry_value(bytes, size);
    if (!(*entry & PTE_P)) {
        return walk_faults(w, 0);
    }
    if (size == 8 && *entry & PAE_RESERVED) {
        return walk_faults(w, FAULT_PRESENT | FAULT_RESERVED);
    }
    w->writable = w->writable && *entry & PTE_RW;
    return true;
}

/* Sets bits of an entry that another processor may change meanwhile; it is to be present still. */
static bool mark_entry(const struct walk *w, uint64_t at, uint32_t size, uint64_t entry,
                       uint32_t bits) {
    uint8_t bytes[8];
    while ((entry & bits) != bits) {
        int seen;
        if (!w->paging->compare_exchange) {
            entry_bytes(bytes, entry | bits);
            return (w->paging->write && w->paging->write(w->context, at, bytes, size)) ||
                   walk_faults(w, 0);
        }
        seen = w->paging->compare_exchange(w->context, at, size, &entry, entry | bits);
        if (seen == 0) {
            return true;
        }
        if (seen < 0 || !(entry & PTE_P)) {
            return walk_faults(w, 0);
        }
    }
    return true;
}

/* The last entry of a walk allows it, or the guest gets its fault. */
static bool end_walk(const struct walk *w, uint64_t at, uint32_t size, uint64_t entry) {
    if (w->write && !w->writable && w->paging->cr0 & CR0_WP) {
        return walk_faults(w, FAULT_PRESENT);
    }
    return mark_entry(w, at, size, entry, w->write ? PTE_A | PTE_D : PTE_A);
}

static bool walk_32(struct walk *w, uint64_t *physical) {
    uint64_t at = (w->paging->cr3 & ~OFFSET_IN_PAGE) + (w->linear >> 22) * 4, entry;
    if (!read_entry(w, at, 4, &entry)) {
        return false;
    }
    if (entry & PTE_PS && w->paging->cr4 & CR4_PSE) {
        *physical = (entry & 0xFFC00000u) | (entry >> 13 & 0xFF) << 32 | (w->linear & 0x3FFFFFu);
        return end_walk(w, at, 4, entry);
    }
    if (!mark_entry(w, at, 4, entry, PTE_A)) {
        return false;
    }
    at = (entry & ~(uint64_t)OFFSET_IN_PAGE) + (w->linear >> 12 & 0x3FF) * 4;
    if (!read_entry(w, at, 4, &entry)) {
        return false;
    }
    *physical = (entry & ~(uint64_t)OFFSET_IN_PAGE) | (w->linear & OFFSET_IN_PAGE);
    return end_walk(w, at, 4, entry);
}

static bool walk_pae(struct walk *w, uint64_t *physical) {
    uint64_t at = (w->paging->cr3 & ~0x1Fu) + (w->linear >> 30) * 8, entry;
    if (!read_entry(w, at, 8, &entry)) {
        return false;
    }
    w->writable = true; /* these entries have no such bit */
    at = (entry & PAE_ADDRESS) + (w->linear >> 21 & 0x1FF) * 8;
    if (!read_entry(w, at, 8, &entry)) {
        return false;
    }
    if (entry & PTE_PS) {
        *physical = (entry & PAE_ADDRESS & ~(uint64_t)0x1FFFFF) | (w->linear & 0x1FFFFFu);
        return end_walk(w, at, 8, entry);
    }
    if (!mark_entry(w, at, 8, entry, PTE_A)) {
        return false;
    }
    at = (entry & PAE_ADDRESS) + (w->linear >> 12 & 0x1FF) * 8;
    if (!read_entry(w, at, 8, &entry)) {
        return false;
    }
    *physical = (entry & PAE_ADDRESS) | (w->linear & OFFSET_IN_PAGE);
    return end_walk(w, at, 8, entry);
}

bool vmi_paging_translate(const struct vmi_paging *paging, void *context, uint32_t linear,
                          bool write, uint64_t *physical) {
    struct walk w;
    w.paging = paging, w.context = context, w.linear = linear, w.write = write, w.writable = true;
    if (!(paging->cr0 & CR0_PG)) {
        *physical = linear;
        return true;
    }
    return paging->cr4 & CR4_PAE ? walk_pae(&w, physical) : walk_32(&w, physical);
}

/* Bytes at a linear address, in one page or two. */
struct span {
    uint64_t at[2];
    uint32_t first; /* bytes in the first */
};

static bool find_span(const struct vmi_paging *paging, void *context, uint32_t linear,
                      uint32_t size, bool write, struct span *span) {
    span->first = VMI_KIT_PAGE - linear % VMI_KIT_PAGE;
    if (size <= span->first) {
        span->first = size;
        return vmi_paging_translate(paging, context, linear, write, &span->at[0]);
    }
    return size <= VMI_KIT_PAGE &&
           vmi_paging_translate(paging, context, linear, write, &span->at[0]) &&
           vmi_paging_translate(paging, context, linear + span->first, write, &span->at[1]);
}

static bool span_faults(const struct vmi_paging *paging, void *context, uint32_t linear,
                        uint32_t error) {
    if (paging->raise) {
        paging->raise(context, FAULT_VECTOR, error, linear);
    }
    return false;
}

bool vmi_paging_read(const struct vmi_paging *paging, void *context, uint32_t linear, void *to,
                     uint32_t size) {
    struct span span;
    if (!find_span(paging, context, linear, size, false, &span)) {
        return false;
    }
    if (!paging->read || !paging->read(context, span.at[0], to, span.first)) {
        return span_faults(paging, context, linear, 0);
    }
    if (span.first < size &&
        !paging->read(context, span.at[1], (uint8_t *)to + span.first, size - span.first)) {
        return span_faults(paging, context, linear + span.first, 0);
    }
    return true;
}

bool vmi_paging_write(const struct vmi_paging *paging, void *context, uint32_t linear,
                      const void *from, uint32_t size) {
    struct span span;
    uint8_t old;
    if (!find_span(paging, context, linear, size, true, &span)) {
        return false;
    }
    if (!paging->write || !paging->read) {
        return span_faults(paging, context, linear, FAULT_WRITE);
    }
    /* Memory there is checked before the first half is written. */
    if (span.first < size && !paging->read(context, span.at[1], &old, 1)) {
        return span_faults(paging, context, linear + span.first, FAULT_WRITE);
    }
    if (!paging->write(context, span.at[0], from, span.first)) {
        return span_faults(paging, context, linear, FAULT_WRITE);
    }
    if (span.first < size && !paging->write(context, span.at[1], (const uint8_t *)from + span.first,
                                            size - span.first)) {
        return span_faults(paging, context, linear + span.first, FAULT_WRITE);
    }
    return true;
}

int vmi_paging_compare_exchange(const struct vmi_paging *paging, void *context, uint32_t linear,
                                uint32_t size, uint64_t *old, uint64_t value) {
    uint8_t bytes[8];
    uint64_t physical, seen;
    if (paging->compare_exchange && linear % VMI_KIT_PAGE <= VMI_KIT_PAGE - size) {
        if (!vmi_paging_translate(paging, context, linear, true, &physical)) {
            return VMI_ERROR_FAULT;
        }
        return paging->compare_exchange(context, physical, size, old, value);
    }
    if (!vmi_paging_read(paging, context, linear, bytes, size)) {
        return VMI_ERROR_FAULT;
    }
    seen = entry_value(bytes, size);
    if (seen != *old) {
        *old = seen;
        return 1;
    }
    entry_bytes(bytes, value);
    return vmi_paging_write(paging, context, linear, bytes, size) ? 0 : VMI_ERROR_FAULT;
}
