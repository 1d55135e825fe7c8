/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

#include "descriptor.h"
#include "memory.h"
#include "processor.h"

#define DESCRIPTOR_P        0x00008000u
#define DESCRIPTOR_DPL      0x00006000u
#define DESCRIPTOR_S        0x00001000u
#define DESCRIPTOR_CODE     0x00000800u
#define DESCRIPTOR_G        0x00800000u
#define DESCRIPTOR_ACCESSED 0x00000100u
#define DPL_1               0x00002000u
#define TYPE(high)          ((high) >> 8 & 15)
#define TYPE_BUSY           0x00000200u /* of a TSS */
#define DESCRIPTOR_WRITABLE 0x00000200u /* data; code: readable */

#define TYPE_CALL_16 4u
#define TYPE_CALL_32 12u
#define TSS_32_MIN   103u

#define SELECTOR_OFFSET       0xFFF8u     /* in the table */
#define DESCRIPTOR_CONFORMING 0x00000400u /* code; in data: expand down */

#define FLAT_LIMIT ((uint32_t)(PRIVATE >> 12) - 1) /* in pages */

uint32_t base_of(struct descriptor d) {
    return d.low >> 16 | (d.high & 0xFF) << 16 | (d.high & 0xFF000000);
}

uint32_t limit_of(struct descriptor d) {
    uint32_t limit = (d.low & 0xFFFF) | (d.high & 0xF0000);
    return d.high & DESCRIPTOR_G ? limit << 12 | 0xFFF : limit;
}

/* --- the guest's descriptors in our table --- */

static bool is_flat(struct descriptor d) {
    bool down = !(d.high & DESCRIPTOR_CODE) && d.high & DESCRIPTOR_CONFORMING;
    return d.high & DESCRIPTOR_G && base_of(d) == 0 && !down;
}

/* System descriptors: an LDT, or a call gate into the guest itself. A TSS of the guest's is never
 * loaded, and a task gate leads to one. */
static bool is_usable_system(struct descriptor d) {
    uint32_t type = TYPE(d.high);
    if (type == TYPE_CALL_16 || type == TYPE_CALL_32) {
        return (d.low >> 16 & SELECTOR_OFFSET) < GDT_GUEST || d.low >> 16 & SELECTOR_LDT;
    }
    return type == TYPE_LDT;
}

static struct descriptor lowered(struct descriptor d) {
    if (!(d.high & DESCRIPTOR_S)) {
        if (!is_usable_system(d)) {
            d.high &= ~DESCRIPTOR_P;
        }
        return d;
    }
    if (!(d.high & DESCRIPTOR_DPL)) {
        d.high |= DPL_1;
    }
    if (is_flat(d) && limit_of(d) >> 12 > FLAT_LIMIT) {
        d.low = (d.low & 0xFFFF0000) | (FLAT_LIMIT & 0xFFFF);
        d.high = (d.high & ~0xF0000u) | (FLAT_LIMIT & 0xF0000);
    }
    return d;
}

static void set_entry(struct cpu *cpu, uint32_t index, struct descriptor d) {
    uint32_t *entry = gdt_of(cpu) + 2 * index;
    d = lowered(d);
    entry[0] = d.low;
    entry[1] = d.high;
}

static struct descriptor guest_entry(struct cpu *cpu, uint32_t index) {
    struct descriptor d = {0, 0};
    if (index * 8 + 7 > cpu->gdtr_limit ||
        !guest_read(cpu, cpu->gdtr_base + index * 8, &d, sizeof(d))) {
        d.low = d.high = 0;
    }
    return d;
}

void renew_gdt_entry(struct cpu *cpu, uint32_t index) {
    if (index && index < GDT_GUEST / 8) {
        set_entry(cpu, index, guest_entry(cpu, index));
    }
}

/* An LDT is the guest's memory: there a descriptor of ring 0 is made ring 1's when it is used. */
static bool lower_ldt_entry(struct cpu *cpu, uint32_t selector) {
    struct descriptor ldt = descriptor_of(cpu, cpu->ldt & ~SELECTOR_LDT);
    struct descriptor d = descriptor_of(cpu, selector | 3);
    if (!(d.high & DESCRIPTOR_S) || d.high & DESCRIPTOR_DPL) {
        return false;
    }
    d.high |= DPL_1;
    return guest_write(cpu, base_of(ldt) + (selector & SELECTOR_OFFSET) + 4, &d.high,
                       sizeof(d.high));
}

bool renew_after_fault(struct cpu *cpu, uint32_t error) {
    const uint32_t *entry = gdt_of(cpu) + (error & SELECTOR_OFFSET) / 4;
    uint32_t low, high;
    if ((error & 7) == SELECTOR_LDT) {
        return lower_ldt_entry(cpu, error);
    }
    if (error & 7 || !error || error >= GDT_GUEST) {
        return false;
    }
    low = entry[0];
    high = entry[1];
    renew_gdt_entry(cpu, error / 8);
    return ((entry[0] ^ low) | ((entry[1] ^ high) & ~DESCRIPTOR_ACCESSED)) != 0;
}

void take_gdt(struct cpu *cpu, const struct table *gdtr) {
    cpu->gdtr_limit = gdtr->limit;
    cpu->gdtr_base = gdtr->base;
    for (uint32_t i = 1; i < GDT_GUEST / 8; i++) {
        renew_gdt_entry(cpu, i);
    }
}

/* --- ours --- */

static void own_entry(struct cpu *cpu, uint32_t selector, uint32_t low, uint32_t high) {
    uint32_t *entry = gdt_of(cpu) + selector / 4;
    entry[0] = low;
    entry[1] = high;
}

void start_tables(struct cpu *cpu, uint32_t port_map_end) {
    struct table gdtr = {PAGE_SIZE - 1, (uint32_t)gdt_of(cpu)};
    uint32_t tss = (uint32_t)tss_of(cpu), selector = HV_TSS + HV_TSS_STEP * cpu->number;
    uint32_t limit = TSS_SIZE - 1;
    if (port_map_end) {
        tss = tss - SHARED_DATA + CONTROL_TSS;
        limit = port_map_end - tss;
    }
    cpu->own_tss = (uint32_t)tss_of(cpu);
    own_entry(cpu, HV_CS, 0x0000FFFF, 0x00CF9B00);
    own_entry(cpu, HV_DS, 0x0000FFFF, 0x00CF9300);
    own_entry(cpu, selector, tss << 16 | limit, (tss & 0xFF000000) | 0x8900 | (tss >> 16 & 0xFF));
    tss_of(cpu)->ss0 = HV_DS;
    tss_of(cpu)->esp0 = (uint32_t)cpu + CPU_STACK_END - 32;
    tss_of(cpu)->io_map = 0xFFFF; /* none: ports of ring 3 are looked up when it faults */
    load_gdt(&gdtr);
    load_own_segments();
    load_task((uint16_t)selector);
    load_ldt(0);
}

/* --- the registers --- */

fault take_ldt(struct cpu *cpu, uint16_t selector) {
    struct descriptor d;
    if (selector & ~3u) {
        renew_gdt_entry(cpu, selector >> 3);
        d = descriptor_of(cpu, selector);
        if (selector & SELECTOR_LDT || d.high & DESCRIPTOR_S || TYPE(d.high) != TYPE_LDT) {
            return FAULT(VECTOR_GP, selector & ~3u);
        }
        if (!(d.high & DESCRIPTOR_P)) {
            return FAULT(VECTOR_NP, selector & ~3u);
        }
    }
    cpu->ldt = selector;
    load_ldt(selector);
    return 0;
}

void renew_kernel_stack(struct cpu *cpu) {
    uint32_t stack[2]; /* ESP0, SS0 */
    if (!cpu->tss || cpu->tss_limit < TSS_32_MIN ||
        !guest_read(cpu, cpu->tss + offsetof(struct tss, esp0), stack, sizeof(stack))) {
        return;
    }
    tss_of(cpu)->esp1 = stack[0];
    tss_of(cpu)->ss1 = (stack[1] & 0xFFFC) | 1;
}

fault take_task(struct cpu *cpu, uint16_t selector) {
    struct descriptor d = guest_entry(cpu, selector >> 3);
    uint32_t code = selector & ~3u;
    if (!code || selector & SELECTOR_LDT || d.high & DESCRIPTOR_S ||
        (TYPE(d.high) != TYPE_TSS_32 && TYPE(d.high) != TYPE_TSS_16)) {
        return FAULT(VECTOR_GP, code);
    }
    if (!(d.high & DESCRIPTOR_P)) {
        return FAULT(VECTOR_NP, code);
    }
    d.high |= TYPE_BUSY;
    guest_write(cpu, cpu->gdtr_base + (selector & SELECTOR_OFFSET) + 4, &d.high, sizeof(d.high));
    cpu->tr = selector;
    cpu->tss = base_of(d);
    cpu->tss_limit = TYPE(d.high) & 8 ? limit_of(d) : 0;
    renew_kernel_stack(cpu);
    return 0;
}

/* --- what a selector means --- */

struct descriptor descriptor_of(struct cpu *cpu, uint32_t selector) {
    struct descriptor none = {0, 0}, d;
    uint32_t index = selector & SELECTOR_OFFSET;
    const uint32_t *entry = gdt_of(cpu) + index / 4;
    if (!(selector & ~3u & 0xFFFF)) {
        return none;
    }
    if (!(selector & SELECTOR_LDT)) {
        if (index >= PAGE_SIZE) {
            return none;
        }
        d.low = entry[0];
        d.high = entry[1];
        return d;
    }
    d = cpu->ldt & ~3u ? descriptor_of(cpu, cpu->ldt & ~4u) : none;
    if (!(d.high & DESCRIPTOR_P) || index + 7 > limit_of(d) ||
        !guest_read(cpu, base_of(d) + index, &d, sizeof(d))) {
        return none;
    }
    return d;
}

uint32_t segment_base(struct cpu *cpu, const struct frame *f, uint32_t selector) {
    return is_v86(f) ? (selector & 0xFFFF) << 4 : base_of(descriptor_of(cpu, selector));
}

uint32_t stack_of(struct cpu *cpu, const struct frame *f) {
    struct descriptor d;
    if (is_v86(f)) {
        return ((f->ss & 0xFFFF) << 4) + (f->esp & 0xFFFF);
    }
    d = descriptor_of(cpu, f->ss);
    return base_of(d) + (d.high & DESCRIPTOR_BIG ? f->esp : f->esp & 0xFFFF);
}

#define DPL_SHIFT 13

bool is_good_return(struct cpu *cpu, uint32_t cs, uint32_t eip, uint32_t ss, bool outer) {
    struct descriptor code = descriptor_of(cpu, cs), stack = descriptor_of(cpu, ss);
    uint32_t rpl = cs & 3, dpl = code.high >> DPL_SHIFT & 3;
    uint32_t is_code = DESCRIPTOR_P | DESCRIPTOR_S | DESCRIPTOR_CODE;
    uint32_t is_stack = DESCRIPTOR_P | DESCRIPTOR_S | TYPE_BUSY; /* writable */
    bool conforming = code.high & DESCRIPTOR_CONFORMING;
    if (!rpl || (code.high & is_code) != is_code || eip > limit_of(code) ||
        (conforming ? dpl > rpl : dpl != rpl)) {
        return false;
    }
    return !outer || ((stack.high & (is_stack | DESCRIPTOR_CODE)) == is_stack && (ss & 3) == rpl &&
                      (stack.high >> DPL_SHIFT & 3) == rpl);
}

bool is_loadable(struct cpu *cpu, uint32_t selector) {
    struct descriptor d = descriptor_of(cpu, selector);
    bool code = d.high & DESCRIPTOR_CODE, readable = d.high & DESCRIPTOR_WRITABLE;
    return d.high & DESCRIPTOR_P && d.high & DESCRIPTOR_S && (!code || readable) &&
           (d.high & DESCRIPTOR_DPL) >= DPL_1;
}

fault check_stack(struct cpu *cpu, uint32_t selector) {
    struct descriptor d = descriptor_of(cpu, selector);
    uint32_t code = selector & ~3u;
    bool writable = !(d.high & DESCRIPTOR_CODE) && d.high & DESCRIPTOR_WRITABLE;
    if (!code || selector & 3 || !(d.high & DESCRIPTOR_S) || !writable ||
        (d.high & DESCRIPTOR_DPL) != DPL_1) {
        return FAULT(VECTOR_GP, code);
    }
    return d.high & DESCRIPTOR_P ? 0 : FAULT(VECTOR_SS, code);
}

static fault check_code(struct cpu *cpu, uint32_t selector, uint32_t eip) {
    struct descriptor d = descriptor_of(cpu, selector);
    uint32_t code = selector & 0xFFFC, is_code = DESCRIPTOR_S | DESCRIPTOR_CODE;
    if ((d.high & is_code) != is_code || (d.high & DESCRIPTOR_DPL) != DPL_1) {
        return FAULT(VECTOR_GP, code);
    }
    if (!(d.high & DESCRIPTOR_P)) {
        return FAULT(VECTOR_NP, code);
    }
    return eip > limit_of(d) ? FAULT(VECTOR_GP, 0) : 0;
}

fault check_handler(struct cpu *cpu, uint32_t selector, uint32_t eip) {
    fault f = check_code(cpu, selector, eip);
    return f && renew_after_fault(cpu, selector & 0xFFFC) ? check_code(cpu, selector, eip) : f;
}

fault check_handler_stack(struct cpu *cpu, uint32_t selector) {
    fault f = check_stack(cpu, selector & 0xFFFC);
    if (f && renew_after_fault(cpu, selector & 0xFFFC)) {
        f = check_stack(cpu, selector & 0xFFFC);
    }
    return f >> 16 == VECTOR_GP ? FAULT(VECTOR_TS, f & 0xFFFF) : f;
}
