/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * What the ABI alone says of calls that it leaves something free in: a ROM of other people's may do
 * it otherwise than our stubs (docs/conform.md, What is free).
 */

#include <string.h>

#include "test.h"

#define PTE_P 1u

/* --- results that are the ROM's --- */

static void free_result(struct test *t) {
    begin(t);
    t->ignore = EXPECT_EAX | EXPECT_EDX;
    t->free_ports = true;
}

static void free_eax(struct test *t) {
    begin(t);
    t->ignore = EXPECT_EAX;
    t->free_ports = true;
}

static void free_port(struct test *t) {
    begin(t);
    t->free_ports = true;
}

static bool is_status(struct test *t) {
    uint32_t status = t->got.gpr[EAX];
    return status == 0 || status == 0xFFFFFFFF ||
           fail(t, "returns %08Xh, neither 0 nor -1", status);
}

static void init(struct test *t) {
    free_eax(t);
    t->finish = is_status;
}

#define LEAST_FREQUENCY 1000000u

static bool is_frequency(struct test *t) {
    uint64_t hz = t->got.gpr[EAX] | (uint64_t)t->got.gpr[EDX] << 32;
    return hz == 0 || hz >= LEAST_FREQUENCY ||
           fail(t, "returns %u Hz: below %u Linux 2.6.16 divides by 0", (unsigned)hz,
                LEAST_FREQUENCY);
}

static void get_cycle_frequency(struct test *t) {
    free_result(t);
    t->finish = is_frequency;
}

/* Features may be hidden, and leaves of a hypervisor shown. */
static bool is_cpuid(struct test *t) {
    static const int order[4] = {EAX, EBX, ECX, EDX};
    static const char *const names[4] = {"EAX", "EBX", "ECX", "EDX"};
    uint32_t leaf = t->have.gpr[EAX];
    bool features = leaf == 1 || leaf == 0x80000001;
    for (int i = 0; i < 4; i++) {
        uint32_t got = t->got.gpr[order[i]], want = t->note[i];
        bool good = !features ? got == want : i > 1 ? (got & ~want) == 0 : i == 1 || got == want;
        if (!good) {
            return fail(t, "%s of leaf %X is %08X, the processor's is %08X", names[i], leaf, got,
                        want);
        }
    }
    return true;
}

static void cpuid(struct test *t) {
    static const uint8_t code[] = {0x0F, 0xA2};
    static const uint32_t leaves[] = {0, 1, 0x80000000, 0x80000001};
    t->have.gpr[EAX] = leaves[t->round % 4];
    t->have.gpr[ECX] = 0;
    machine_probe(t->m, code, sizeof(code), t->have.gpr[EAX], 0, t->note);
    begin(t);
    t->ignore = EXPECT_EAX | EXPECT_EBX | EXPECT_ECX | EXPECT_EDX;
    t->finish = is_cpuid;
}

/* --- the processor --- */

static void set_dr(struct test *t) {
    set_debug_register(t, t->round % 8);
}

static void get_dr(struct test *t) {
    get_debug_register(t, t->round % 8);
}

static bool is_mask(struct test *t) {
    return !((t->got.gpr[EAX] ^ t->have.eflags) & EFLAGS_IF) ||
           fail(t, "bit 9 of EAX is %u, the interrupt flag is %u",
                (t->got.gpr[EAX] & EFLAGS_IF) != 0, (t->have.eflags & EFLAGS_IF) != 0);
}

static void get_interrupt_mask(struct test *t) {
    begin(t);
    t->ignore = EXPECT_EAX;
    t->finish = is_mask;
}

static bool has_written_back(struct test *t) {
    return t->m->seen & SEEN_WBINVD || fail(t, "does not execute WBINVD");
}

static bool has_not_dropped(struct test *t) {
    return !(t->m->seen & SEEN_INVD) || fail(t, "executes INVD, which loses what the caches hold");
}

static bool has_flushed(struct test *t) {
    return t->m->seen & (SEEN_TO_CR3 | SEEN_TO_CR4) || fail(t, "writes neither CR3 nor CR4");
}

static bool has_flushed_a_page(struct test *t) {
    return t->m->seen & (SEEN_INVLPG | SEEN_TO_CR3 | SEEN_TO_CR4) ||
           fail(t, "executes no INVLPG, and writes neither CR3 nor CR4");
}

static void wbinvd(struct test *t) {
    begin(t);
    t->finish = has_written_back;
}

static void invd(struct test *t) {
    begin(t);
    t->finish = has_not_dropped;
}

static void flush_tlb(struct test *t) {
    t->have.gpr[EAX] = t->round & 1 ? 3 : 1;
    t->have.cr3 &= 0xFFFFF018;
    begin(t);
    t->finish = has_flushed;
}

static void inval_page(struct test *t) {
    t->have.cr3 &= 0xFFFFF018;
    begin(t);
    t->finish = has_flushed_a_page;
}

/* Resets, halts for good, or returns with everything as it was. */
static void may_return(struct test *t) {
    t->have.gpr[EAX] = t->round & 1;
    t->skip_run = true;
    t->free_ports = true;
    t->got = t->have;
    enum stop stop = machine_run(t->m, &t->got, t->base, RETURN_SITE);
    begin(t);
    if (stop == STOP_ARRIVED && !t->jumped) {
        compare_registers(t);
    } else if (stop == STOP_EXCEPTION && t->got.idtr.limit == 0) {
        return; /* a triple fault */
    } else if (stop != STOP_HALTED && stop != STOP_TOO_LONG) {
        stopped(t, stop);
    }
}

/* --- page tables and descriptors --- */

static void write_entry(struct test *t) {
    uint32_t table = random_data(t, 8), index = random32(t) % 16;
    t->have.gpr[EAX] = table;
    t->have.gpr[EDX] = index;
    begin(t);
    world_store(&t->want, table + index * 8, t->have.gpr[ECX]);
    world_store(&t->want, table + index * 8 + 4, t->stack[0]);
}

/* Of the entry at note[0], `size` bytes: what changes it does so with LOCK, whole. */
static bool are_locked(struct test *t, uint32_t size, uint32_t whole) {
    struct machine *m = t->m;
    for (unsigned i = 0; i < m->n_stores && i < MAX_ACCESSES; i++) {
        if (m->stores[i].address - t->note[0] >= size) {
            continue;
        }
        if (!m->locked[i]) {
            return fail(t, "store %u to the entry has no LOCK", i + 1);
        }
        if (m->stores[i].size < whole) {
            return fail(t, "store %u to the entry has %u bytes, not %u", i + 1, m->stores[i].size,
                        whole);
        }
    }
    return true;
}

static bool is_exchanged(struct test *t) {
    return are_locked(t, 4, 4);
}

static bool is_exchanged_long(struct test *t) {
    return are_locked(t, 8, 8);
}

static void swap(struct test *t) {
    swap_pxe(t);
    t->note[0] = t->have.gpr[EAX];
    t->finish = is_exchanged;
}

static void swap_long(struct test *t) {
    swap_pxe_long_atomic(t);
    t->note[0] = t->have.gpr[ECX];
    t->finish = is_exchanged_long;
}

static bool is_locked_bit(struct test *t) {
    uint32_t bit = t->note[0];
    if (!bit_result(t)) {
        return false;
    }
    t->note[0] = t->have.gpr[EAX];
    bool good = are_locked(t, 8, 0);
    t->note[0] = bit;
    return good;
}

static void set_bit(struct test *t) {
    bit_call(t, 32, true);
    t->finish = is_locked_bit;
}

static void clear_bit(struct test *t) {
    bit_call(t, 32, false);
    t->finish = is_locked_bit;
}

static void set_bit_long(struct test *t) {
    bit_call(t, 64, true);
    t->finish = is_locked_bit;
}

static void clear_bit_long(struct test *t) {
    bit_call(t, 64, false);
    t->finish = is_locked_bit;
}

static void get_pxe_long(struct test *t) {
    uint32_t ptep = t->have.gpr[EAX] = random_data(t, 8);
    begin(t);
    want_pair(t, world_load(&t->have, ptep), world_load(&t->have, ptep + 4));
}

struct entry {
    uint32_t low, high;
};

static struct entry entry_in(const struct world *w, uint32_t at) {
    return (struct entry){world_load(w, at), world_load(w, at + 4)};
}

static bool is_same(struct entry a, struct entry b) {
    return a.low == b.low && a.high == b.high;
}

/* After no store is the entry at note[0] present with a frame that is neither the old nor the new.
 */
static bool is_never_half_written(struct test *t) {
    const struct entry old = entry_in(&t->have, t->note[0]), new = entry_in(&t->want, t->note[0]);
    struct entry now = old;
    for (unsigned i = 0; i < t->m->n_stores && i < MAX_ACCESSES; i++) {
        const struct store *s = &t->m->stores[i];
        uint32_t offset = s->address - t->note[0];
        if (offset >= 8) {
            continue;
        }
        if (s->size == 8) {
            now = new;
        } else if (s->size == 4 && offset % 4 == 0) {
            *(offset ? &now.high : &now.low) = s->value;
        } else {
            return fail(t, "store %u to the entry has %u bytes", i + 1, s->size);
        }
        if (now.low & PTE_P && !is_same(now, old) && !is_same(now, new)) {
            return fail(t, "store %u leaves the entry present and half written: %08X:%08X", i + 1,
                        now.high, now.low);
        }
    }
    return true;
}

static void put_entry(struct test *t, bool was_present) {
    uint32_t ptep = t->have.gpr[ECX] = random_data(t, 8);
    world_store(&t->have, ptep, (world_load(&t->have, ptep) & ~PTE_P) | was_present);
    t->note[0] = ptep;
    begin(t);
    world_store(&t->want, ptep, t->have.gpr[EAX]);
    world_store(&t->want, ptep + 4, t->have.gpr[EDX]);
    t->finish = is_never_half_written;
}

/* The caller sees to it that the old entry is not present. */
static void set_pxe_long(struct test *t) {
    put_entry(t, false);
}

static void set_pxe_long_3(struct test *t) {
    put_entry(t, t->round & 1);
}

static bool is_taken(struct test *t) {
    const struct store *s = t->m->stores;
    uint32_t i = 0, ptep = t->note[0];
    while (i < t->m->n_stores && i < MAX_ACCESSES && s[i].address - ptep >= 8) {
        i++;
    }
    if (i < t->m->n_stores && (s[i].address != ptep || !t->m->locked[i])) {
        return fail(t, "does not exchange the low dword first, with LOCK");
    }
    return true;
}

static void deactivate(struct test *t) {
    uint32_t ptep = t->have.gpr[EAX] = random_data(t, 8);
    t->note[0] = ptep;
    begin(t);
    want_pair(t, world_load(&t->have, ptep), world_load(&t->have, ptep + 4));
    world_store(&t->want, ptep, 0);
    world_store(&t->want, ptep + 4, 0);
    t->finish = is_taken;
}

/* --- relocation --- */

static const char *const type_names[] = {"NONE", "CALL_REL", "JUMP_REL", "NOP"};

/* The call of a number, NULL: none. */
static const struct expect *call_of(uint32_t number) {
    if (chosen_api() == API_3) {
        return call_of_api_3(number);
    }
    return number >= VMI_CALL_FIRST && number <= VMI_CALL_LAST ? expect_of(number) : NULL;
}

static bool is_good_answer(struct test *t) {
    uint32_t number = t->have.gpr[EAX], type = t->got.gpr[EDX] & 0xFF, eip = t->got.gpr[EAX];
    const struct expect *e = call_of(number);
    unsigned last = chosen_api() == API_3 ? VMI_RELOCATION_NOP : VMI_RELOCATION_JUMP_REL;
    if (!e) {
        return type == VMI_RELOCATION_NONE ||
               fail(t, "answers %u, which is no call, with type %u", number, type);
    }
    if (type > last) {
        return fail(t, "answers %s (%u) with type %u, which there is not", e->name, number, type);
    }
    if (type == VMI_RELOCATION_NOP && e->body != BODY_RET && e->number != VMI_CALL_IODelay) {
        return fail(t, "answers %s (%u) with NOP, which deletes it", e->name, number);
    }
    if (type == VMI_RELOCATION_JUMP_REL && e->returns == RETURNS_RET) {
        return fail(t, "answers %s (%u), which returns, with JUMP_REL", e->name, number);
    }
    if ((type == VMI_RELOCATION_CALL_REL || type == VMI_RELOCATION_JUMP_REL) &&
        eip - t->base >= t->m->image_size && !is_hypervisors(eip)) {
        return fail(t, "answers %s (%u) with %s to %08Xh, outside the image", e->name, number,
                    type_names[type], eip);
    }
    return true;
}

static void get_relocation_info(struct test *t) {
    static const uint32_t wild[] = {0xFFFFFFFF, 0xFFFFFFDF, 0x80000000, 0x80000021,
                                    0x7FFFFFFF, 0x10000,    0x10021,    0x00F00000};
    t->have.gpr[EAX] = t->round < 300 ? t->round : wild[t->round % 8];
    begin(t);
    t->ignore = EXPECT_EAX | EXPECT_EDX;
    t->finish = is_good_answer;
}

/* --- which --- */

static const struct abi_rule {
    void (*check)(struct test *t);
    const char *free;
} rules[VMI_CALL_SLOTS] = {
    [VMI_CALL_Init] = {init, "0 or -1; ports, and memory that it knows of"},
    [VMI_CALL_CPUID] = {cpuid, "bits of features may be hidden"},
    [VMI_CALL_WriteGDTEntry] = {write_entry, "the order of the stores"},
    [VMI_CALL_WriteLDTEntry] = {write_entry, "the order of the stores"},
    [VMI_CALL_WriteIDTEntry] = {write_entry, "the order of the stores"},
    [VMI_CALL_INVD] = {invd, "WBINVD, or nothing"},
    [VMI_CALL_WBINVD] = {wbinvd, NULL},
    [VMI_CALL_SetDR] = {set_dr, "numbers above 7"},
    [VMI_CALL_GetDR] = {get_dr, "numbers above 7"},
    [VMI_CALL_GetInterruptMask] = {get_interrupt_mask, "all bits of the result but bit 9"},
    [VMI_CALL_IRET] = {right_iret, "returns that fault: the processor's exception, or the site's"},
    [VMI_CALL_Reboot] = {may_return, "how; it may also return"},
    [VMI_CALL_Shutdown] = {may_return, "how; it may also return"},
    [VMI_CALL_SwapPxE] = {swap, NULL},
    [VMI_CALL_SetPxELong0] = {set_pxe_long, "any stores that never leave it half written"},
    [VMI_CALL_GetPxELong] = {get_pxe_long, "an entry that another processor changes meanwhile"},
    [VMI_CALL_SwapPxELongAtomic] = {swap_long, NULL},
    [VMI_CALL_TestAndSetPxEBit] = {set_bit, "which value other than 0 stands for a set bit"},
    [VMI_CALL_TestAndClearPxEBit] = {clear_bit, "which value other than 0 stands for a set bit"},
    [VMI_CALL_InvalPage] = {inval_page, "more may be flushed"},
    [VMI_CALL_FlushTLB] = {flush_tlb, "more may be flushed"},
    [VMI_CALL_FlushDeferredCalls] = {free_eax, "the result"},
    [VMI_CALL_DeactivatePxELongAtomic] = {deactivate, "the high dword's store"},
    [VMI_CALL_TestAndSetPxELongBit] = {set_bit_long,
                                       "which value other than 0 stands for a set bit"},
    [VMI_CALL_TestAndClearPxELongBit] = {clear_bit_long,
                                         "which value other than 0 stands for a set bit"},
    [VMI_CALL_IODelay] = {free_port, "the port, if any"},
    [VMI_CALL_GetCycleFrequency] = {get_cycle_frequency, "0, or any value from 1,000,000 up"},
    [VMI_CALL_GetCycleCounter] = {free_result, "the result"},
    [VMI_CALL_SetAlarm] = {free_port, "ports"},
    [VMI_CALL_CancelAlarm] = {free_eax, "the result; ports"},
    [VMI_CALL_GetWallclockTime] = {free_result, "the result; ports"},
    [VMI_CALL_WallclockUpdated] = {free_eax, "the result; ports"},
    [VMI_CALL_GetRelocationInfo] = {get_relocation_info,
                                    "bits 8 to 31 of EDX; the address where the type is NONE"},
    [VMI_CALL_SetPxELong] = {set_pxe_long, "any stores that never leave it half written"},
};

void (*check_of_abi(unsigned slot))(struct test *) {
    if (slot == VMI_CALL_SetPxELong && chosen_api() == API_3) {
        return set_pxe_long_3;
    }
    return rules[slot].check;
}

const char *free_of(unsigned slot) {
    return slot < VMI_CALL_SLOTS ? rules[slot].free : NULL;
}
