/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * Guest memory by linear address. The guest's own tables are walked as its processor would for the
 * supervisor: rights, accessed and dirty bits, faults. guest_physical() maps physical addresses;
 * where it has nothing, reads give all ones and writes are lost.
 *
 * A walk is cached with the entries that it used, which are compared at the next access: the result
 * is that of a new walk, and needs no flush.
 *
 * Differences from a processor: nothing stale is used, PAE's four root entries are read each
 * time (as with nested paging), and an access is at most a page long.
 */

#include "cpuid.h"
#include "guest_memory.h"

#define FRAME_4K 0x000FFFFFFFFFF000ull
#define FRAME_2M 0x000FFFFFFFE00000ull
#define FRAME_4M 0x00000000FFC00000ull

#define ROOT_RESERVED 0x1C6ull    /* of a PAE root entry; TCG sets bit 5, accessed */
#define RESERVED_2M   0x1FE000ull /* below the frame; bit 12 is PAT */
#define RESERVED_4M   0x200000ull /* 13 to 20 are the frame's bits 32 to 39 */

/* Give up if the tables keep changing. */
#define TRIES 64

enum walk { WALK_FAULT, WALK_DONE, WALK_AGAIN };

typedef uint64_t __attribute__((may_alias, aligned(1))) any_qword;
typedef uint32_t __attribute__((may_alias, aligned(1))) any_dword;
typedef uint16_t __attribute__((may_alias, aligned(1))) any_word;

static uint8_t nowhere[PAGE_SIZE];

static void *place(uint64_t physical, bool write) {
    void *at = guest_physical(physical, write), *to = nowhere;
    uint64_t count = sizeof(nowhere);
    if (at || physical == 0) { /* which is at 0 in the host too */
        return at;
    }
    __asm__ volatile("rep stosb" : "+D"(to), "+c"(count) : "a"(0xFF) : "memory");
    return nowhere + physical % PAGE_SIZE;
}

static enum walk page_fault(struct vcpu *vcpu, uint32_t linear, bool write, uint32_t error) {
    call_faults(vcpu, VECTOR_PF, error | (write ? PF_W : 0));
    vcpu->fault.cr2 = linear;
    return WALK_FAULT;
}

static uint64_t load_entry(uint64_t at, bool pae) {
    const volatile void *entry = place(at, false);
    return pae ? *(const volatile any_qword *)entry : *(const volatile any_dword *)entry;
}

/* Sets accessed and dirty bits; false when the entry has changed since it was read. */
static bool mark_entry(uint64_t at, bool pae, uint64_t entry, uint32_t bits) {
    void *to;
    uint64_t now = entry;
    uint32_t now32 = (uint32_t)entry;
    if ((entry & bits) == bits) {
        return true;
    }
    to = place(at, true);
    if (pae ? __atomic_compare_exchange_n((any_qword *)to, &now, entry | bits, false,
                                          __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)
            : __atomic_compare_exchange_n((any_dword *)to, &now32, now32 | bits, false,
                                          __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
        return true;
    }
    return load_entry(at, pae) == entry; /* in read-only memory it stays as it is */
}

/* The bits that a PAE entry must not have, the frame's position aside. */
static uint64_t pae_reserved(const struct vcpu *vcpu) {
    static uint32_t bits;
    uint64_t reserved;
    if (!bits) {
        bits = guest_cpuid(vcpu, LEAF_ADDRESSES, 0).eax & 0xFF;
    }
    reserved = bits < 32 || bits > 51 ? 0 : FRAME_4K & ~((1ull << bits) - 1);
    reserved |= 0x7FFull << 52;
    return state_of(vcpu)->efer & EFER_NXE ? reserved : reserved | ENTRY_NX;
}

static bool is_nowhere(const void *at) {
    return (uintptr_t)at - (uintptr_t)nowhere < sizeof(nowhere);
}

/* An entry of a walk as it now is. */
static void note_entry(struct walked *w, uint64_t at, uint64_t entry) {
    w->entry[w->count] = place(at, false);
    w->value[w->count++] = entry;
}

static enum walk walk(struct vcpu *vcpu, uint32_t linear, bool write, struct walked *w) {
    const struct guest_state *state = state_of(vcpu);
    bool pae = w->pae, large;
    uint32_t used = write ? ENTRY_A | ENTRY_D : ENTRY_A;
    uint64_t at, entry, reserved = 0, rights = ENTRY_RW | ENTRY_US;

    w->count = 0;
    if (pae) {
        reserved = pae_reserved(vcpu);
        at = (state->cr3 & 0xFFFFFFE0u) + (linear >> 30) * 8;
        entry = load_entry(at, pae);
        if (!(entry & ENTRY_P)) {
            return page_fault(vcpu, linear, write, 0);
        }
        if (entry & (reserved | ENTRY_NX | ROOT_RESERVED)) {
            return page_fault(vcpu, linear, write, PF_P | PF_RSVD);
        }
        note_entry(w, at, entry);
        at = (entry & FRAME_4K) + (linear >> 21 & 511) * 8;
    } else {
        at = (state->cr3 & 0xFFFFF000u) + (linear >> 22) * 4;
    }

    entry = load_entry(at, pae);
    if (!(entry & ENTRY_P)) {
        return page_fault(vcpu, linear, write, 0);
    }
    large = entry & ENTRY_PS && (pae || state->cr4 & CR4_PSE);
    if (entry & (reserved | (!large ? 0 : pae ? RESERVED_2M : RESERVED_4M))) {
        return page_fault(vcpu, linear, write, PF_P | PF_RSVD);
    }
    rights &= entry;

    if (!large) {
        if (!mark_entry(at, pae, entry, ENTRY_A)) {
            return WALK_AGAIN;
        }
        note_entry(w, at, entry | ENTRY_A);
        at = (entry & FRAME_4K) + (pae ? (linear >> 12 & 511) * 8 : (linear >> 12 & 1023) * 4);
        entry = load_entry(at, pae);
        if (!(entry & ENTRY_P)) {
            return page_fault(vcpu, linear, write, 0);
        }
        if (entry & reserved) {
            return page_fault(vcpu, linear, write, PF_P | PF_RSVD);
        }
        rights &= entry;
    }

    if (write && !(rights & ENTRY_RW) && state->cr0 & CR0_WP) {
        return page_fault(vcpu, linear, write, PF_P);
    }
    if (rights & ENTRY_US && state->cr4 & CR4_SMAP && !(state->rflags & RFLAGS_AC)) {
        return page_fault(vcpu, linear, write, PF_P);
    }
    if (!mark_entry(at, pae, entry, used)) {
        return WALK_AGAIN;
    }
    note_entry(w, at, entry | used);

    if (!large) {
        w->physical = entry & FRAME_4K;
    } else if (pae) {
        w->physical = (entry & FRAME_2M) | (linear & 0x1FF000);
    } else {
        w->physical = (entry & FRAME_4M) | (entry >> 13 & 0xFF) << 32 | (linear & 0x3FF000);
    }
    return WALK_DONE;
}

/* Not cached: what depends on a flag beside the tables (AC, under SMAP), and what has no fixed
 * address: writes to a page that the guest may only read. */
static bool is_lasting(const struct walked *w) {
    for (unsigned i = 0; i < w->count; i++) {
        if (is_nowhere(w->entry[i])) {
            return false;
        }
    }
    return !(w->cr4 & CR4_SMAP) && !is_nowhere((void *)w->at) &&
           (!w->write || w->at == w->physical);
}

/* A walk that fails, or must not be cached, is not found again: its CR0 is 0. */
static const struct walked *find_page(struct vcpu *vcpu, uint32_t linear, bool write,
                                      struct walked *w) {
    const struct guest_state *state = state_of(vcpu);
    enum walk outcome = WALK_AGAIN;
    *w = (struct walked){.linear = linear & -PAGE_SIZE,
                         .write = write,
                         .pae = state->cr4 & CR4_PAE,
                         .cr3 = state->cr3,
                         .cr4 = state->cr4,
                         .physical = linear & -PAGE_SIZE};
    if (state->efer & EFER_LMA) { /* four levels: nobody makes calls from there */
        call_faults(vcpu, VECTOR_GP, 0);
        return NULL;
    }
    if (!(state->cr0 & CR0_PG)) {
        outcome = WALK_DONE;
    }
    for (int n = 0; n < TRIES && outcome == WALK_AGAIN; n++) {
        outcome = walk(vcpu, linear, write, w);
    }
    if (outcome == WALK_AGAIN) {
        outcome = page_fault(vcpu, linear, write, 0);
    }
    if (outcome != WALK_DONE) {
        return NULL;
    }
    w->at = (uint64_t)place(w->physical, write);
    if (is_lasting(w)) {
        w->cr0 = state->cr0;
    }
    for (unsigned i = w->count; i < WALK_ENTRIES; i++) {
        w->entry[i] = &w->value[i];
    }
    return w;
}

/* The third one and high dwords are PAE's. */
static bool pae_entries_hold(const struct walked *w) {
    for (unsigned i = 0; i < w->count; i++) {
        if (*(const volatile any_qword *)w->entry[i] != w->value[i]) {
            return false;
        }
    }
    return true;
}

static inline bool entry_holds(const struct walked *w, unsigned i) {
    return *(const volatile any_dword *)w->entry[i] == (uint32_t)w->value[i];
}

static inline bool holds(const struct walked *w, const struct guest_state *state) {
    return w->cr0 == state->cr0 && w->cr3 == state->cr3 && w->cr4 == state->cr4 &&
           entry_holds(w, 0) && entry_holds(w, 1) && (!w->pae || pae_entries_hold(w));
}

const struct walked *guest_code(struct vcpu *vcpu, uint32_t linear) {
    struct walked *w = &vcpu->walked_code;
    if (w->linear == (linear & -PAGE_SIZE) && holds(w, state_of(vcpu))) {
        return w;
    }
    mend_cr0(vcpu); /* no cached walk has such a CR0 */
    return state_of(vcpu)->cr0 & CR0_PE ? find_page(vcpu, linear, false, w) : NULL;
}

bool guest_linear(struct vcpu *vcpu, uint32_t linear, bool write, void **at) {
    struct walked *kept = &vcpu->walked[linear / PAGE_SIZE % WALKED];
    const struct walked *w = kept;
    if (w->linear != (linear & -PAGE_SIZE) || w->write < write || !holds(w, state_of(vcpu))) {
        w = find_page(vcpu, linear, write, kept);
    }
    if (w) {
        *at = (void *)(w->at + linear % PAGE_SIZE);
    }
    return w;
}

/* The bytes up to the end of the page. */
static uint32_t first_part(uint32_t linear, uint32_t size) {
    uint32_t left = PAGE_SIZE - linear % PAGE_SIZE;
    return size < left ? size : left;
}

bool guest_probe(struct vcpu *vcpu, uint32_t linear, uint32_t size, bool write) {
    uint32_t first = first_part(linear, size);
    void *at;
    return guest_linear(vcpu, linear, write, &at) &&
           (first == size || guest_linear(vcpu, linear + first, write, &at));
}

/* Devices and other processors see what the guest's own instruction would do: one access of a
 * word or dword, a descriptor's low dword first. */
static void move(void *to, const void *from, uint32_t size) {
    volatile uint8_t *t = to;
    const volatile uint8_t *f = from;
    for (; size >= 4; size -= 4, t += 4, f += 4) {
        *(volatile any_dword *)t = *(const volatile any_dword *)f;
    }
    if (size >= 2) {
        *(volatile any_word *)t = *(const volatile any_word *)f;
        size -= 2, t += 2, f += 2;
    }
    if (size) {
        *t = *f;
    }
}

static bool access(struct vcpu *vcpu, uint32_t linear, uint8_t *bytes, uint32_t size, bool write) {
    uint32_t first = first_part(linear, size);
    void *at[2];
    if (!guest_linear(vcpu, linear, write, &at[0])) {
        return false;
    }
    if (first < size && !guest_linear(vcpu, linear + first, write, &at[1])) {
        return false; /* before a byte has moved */
    }
    move(write ? at[0] : bytes, write ? bytes : at[0], first);
    if (first < size) {
        move(write ? at[1] : bytes + first, write ? bytes + first : at[1], size - first);
    }
    return true;
}

static bool read_guest(void *context, uint32_t linear, void *to, uint32_t size) {
    return access(context, linear, to, size, false);
}

static bool write_guest(void *context, uint32_t linear, const void *from, uint32_t size) {
    return access(context, linear, (uint8_t *)(uintptr_t)from, size, true);
}

const struct vmi_guest monitor_guest = {.read = read_guest, .write = write_guest};
