/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * Hypercall images: the descriptor, the kinds of slots, the trap.
 */
#include <stdio.h>
#include <string.h>

#include "hypercall.h"

const struct trap_kind trap_kinds[VMI_TRAP_KINDS] = {
    [VMI_TRAP_VMMCALL] = {"vmmcall", NULL, 0x00, VMI_TRAP_SITE_VMMCALL},
    [VMI_TRAP_VMCALL] = {"vmcall", NULL, 0x00, VMI_TRAP_SITE_VMCALL},
    [VMI_TRAP_INT] = {"int", "vector", VMI_TRAP_INT_FIRST, VMI_TRAP_SITE_INT(0)},
    [VMI_TRAP_OUT] = {"out", "port", 0x00, VMI_TRAP_SITE_OUT(0)},
};

const char *const slot_kinds[VMI_SLOT_KINDS] = {
    [VMI_SLOT_NATIVE] = "native", [VMI_SLOT_TRAP] = "trap", [VMI_SLOT_NOP] = "nop",
    [VMI_SLOT_OWN] = "own",       [VMI_SLOT_SOFT] = "soft",
};

struct trap trap_of(const struct image *image, uint32_t descriptor) {
    return (struct trap){get8(image, descriptor + HYPERCALL(trap)),
                         get8(image, descriptor + HYPERCALL(operand))};
}

uint32_t slot_kind(const struct image *image, uint32_t descriptor, uint32_t number) {
    return get8(image, descriptor + HYPERCALL(kind) + number);
}

/* A slot that returns at once. */
static struct vmi_call_entry nop_slot(void) {
    struct vmi_call_entry slot;

    memset(slot.code, CALL_FILL, sizeof(slot.code));
    slot.code[0] = CODE_RET;
    return slot;
}

static struct vmi_call_entry trap_slot(struct trap trap) {
    struct vmi_call_entry slot = nop_slot();

    memcpy(slot.code, trap_kinds[trap.kind].site, VMI_TRAP_SITE_SIZE);
    if (trap_kinds[trap.kind].operand) {
        slot.code[1] = (uint8_t)trap.operand;
    }
    slot.code[VMI_TRAP_SITE_SIZE] = CODE_RET;
    return slot;
}

/* Asked only about images that have all slots. */
static bool slot_is(const struct image *image, uint32_t number, const struct vmi_call_entry *slot) {
    return memcmp(image->bytes + VMI_CALL_OFFSET(number), slot->code, sizeof(slot->code)) == 0;
}

/* Whatever trap it is: choosing another one would leave it behind. In front of Init's question a
 * stub's first bytes are enough. */
static bool slot_is_any_trap(const struct image *image, uint32_t number) {
    uint32_t at = VMI_CALL_OFFSET(number);
    uint32_t operand = get8(image, at + 1);
    uint32_t size =
        number == VMI_CALL_Init ? VMI_HYPERCALL_ASK_OFFSET % VMI_CALL_SIZE : VMI_CALL_SIZE;

    if (get8(image, at + VMI_TRAP_SITE_SIZE) != CODE_RET) {
        return false;
    }
    for (uint32_t kind = 0; kind < VMI_TRAP_KINDS; kind++) {
        struct vmi_call_entry stub = trap_slot((struct trap){kind, operand});

        if (memcmp(image->bytes + at, stub.code, size) == 0) {
            return true;
        }
    }
    return false;
}

/* What a slot has to obey. */
enum slot_rule {
    KIND_IS_KNOWN,
    HEADER_IS_OWN,
    INIT_IS_OWN,
    NO_OTHER_IS_OWN,
    RELOCATION_IS_NATIVE,
    UNASSIGNED_IS_NATIVE,
    TRAP_IS_WHOLE,
    NOP_IS_WHOLE,
    NO_OTHER_IS_TRAP,
    SLOT_RULES, /* none is broken */
};

static const struct {
    bool in_slot; /* the slot is wrong, not its kind in the descriptor */
    const char *says;
} slot_rules[SLOT_RULES] = {
    [KIND_IS_KNOWN] = {false, "only 0 to 4 are known"},
    [HEADER_IS_OWN] = {false, "the header's slots are the image's own (3)"},
    [INIT_IS_OWN] = {false, "Init is the image's own (3)"},
    [NO_OTHER_IS_OWN] = {false, "only the header and Init are the image's own"},
    [RELOCATION_IS_NATIVE] = {false, "GetRelocationInfo stays native (0)"},
    [UNASSIGNED_IS_NATIVE] = {false, "no call of API 13 has this slot: it stays native (0)"},
    [TRAP_IS_WHOLE] = {true, "it is not the descriptor's trap, RET and INT3 to its end"},
    [NOP_IS_WHOLE] = {true, "it is not RET and INT3 to its end"},
    [NO_OTHER_IS_TRAP] = {true, "it holds a trap stub"},
};

static enum slot_rule broken_kind_rule(uint32_t number, uint32_t kind) {
    if (kind >= VMI_SLOT_KINDS) {
        return KIND_IS_KNOWN;
    }
    if (number < VMI_CALL_FIRST) {
        return kind == VMI_SLOT_OWN ? SLOT_RULES : HEADER_IS_OWN;
    }
    if (number == VMI_CALL_Init) {
        return kind == VMI_SLOT_OWN ? SLOT_RULES : INIT_IS_OWN;
    }
    if (kind == VMI_SLOT_OWN) {
        return NO_OTHER_IS_OWN;
    }
    if (number == VMI_CALL_GetRelocationInfo && kind != VMI_SLOT_NATIVE) {
        return RELOCATION_IS_NATIVE;
    }
    return SLOT_RULES;
}

/* The first rule that the slot breaks. `stubs` is what a slot of each kind holds, if it is one. */
static enum slot_rule broken_rule(const struct image *image, uint32_t number, uint32_t kind,
                                  const struct vmi_call_entry stubs[VMI_SLOT_KINDS]) {
    enum slot_rule rule = broken_kind_rule(number, kind);

    if (rule != SLOT_RULES) {
        return rule;
    }
    if (is_api(image, VMI_API_MAJOR_13) && number > VMI_CALL_LAST && kind != VMI_SLOT_NATIVE) {
        return UNASSIGNED_IS_NATIVE;
    }
    if (kind == VMI_SLOT_TRAP) {
        return slot_is(image, number, &stubs[kind]) ? SLOT_RULES : TRAP_IS_WHOLE;
    }
    if (kind == VMI_SLOT_NOP) {
        return slot_is(image, number, &stubs[kind]) ? SLOT_RULES : NOP_IS_WHOLE;
    }
    return slot_is_any_trap(image, number) ? NO_OTHER_IS_TRAP : SLOT_RULES;
}

static void report_slot(const struct image *image, struct report *report, uint32_t descriptor,
                        uint32_t number, enum slot_rule rule, uint32_t others) {
    uint32_t kind = slot_kind(image, descriptor, number);
    uint32_t at =
        slot_rules[rule].in_slot ? VMI_CALL_OFFSET(number) : descriptor + HYPERCALL(kind) + number;
    char more[32] = "";

    if (others > 0) {
        snprintf(more, sizeof(more), "; %u more likewise", others);
    }
    problem(report, at, "slot", "slot %u is of kind %u (%s): %s%s", number, kind,
            kind < VMI_SLOT_KINDS ? slot_kinds[kind] : "unknown", slot_rules[rule].says, more);
}

/* One line for each rule, about the first slot that breaks it: one wrong byte may spoil all. */
static void check_slot_rules(const struct image *image, struct report *report,
                             uint32_t descriptor) {
    uint32_t first[SLOT_RULES + 1], count[SLOT_RULES + 1] = {0};
    struct vmi_call_entry stubs[VMI_SLOT_KINDS] = {
        [VMI_SLOT_TRAP] = trap_slot(trap_of(image, descriptor)),
        [VMI_SLOT_NOP] = nop_slot(),
    };

    for (uint32_t number = 0; number < VMI_CALL_SLOTS; number++) {
        uint32_t kind = slot_kind(image, descriptor, number);
        enum slot_rule rule = broken_rule(image, number, kind, stubs);

        if (count[rule]++ == 0) {
            first[rule] = number;
        }
    }
    for (uint32_t rule = 0; rule < SLOT_RULES; rule++) {
        if (count[rule] != 0) {
            report_slot(image, report, descriptor, first[rule], rule, count[rule] - 1);
        }
    }
}

static bool check_trap(const struct image *image, struct report *report, uint32_t descriptor) {
    struct trap trap = trap_of(image, descriptor);
    const struct trap_kind *kind;

    if (trap.kind >= VMI_TRAP_KINDS) {
        problem(report, descriptor + HYPERCALL(trap), "trap",
                "trap kind %u is not known (0 to %u are)", trap.kind, VMI_TRAP_KINDS - 1);
        return false;
    }
    kind = &trap_kinds[trap.kind];
    if (!kind->operand && trap.operand != 0) {
        problem(report, descriptor + HYPERCALL(operand), "trap",
                "operand is 0x%02X, must be 0 for %s", trap.operand, kind->name);
    } else if (trap.operand < kind->lowest) {
        problem(report, descriptor + HYPERCALL(operand), "trap",
                "%s 0x%02X of %s is not in 0x%02X to 0xFF", kind->operand, trap.operand, kind->name,
                kind->lowest);
    } else {
        return true;
    }
    return false;
}

static bool has_trap_slots(const struct image *image, uint32_t descriptor) {
    for (uint32_t number = 0; number < VMI_CALL_SLOTS; number++) {
        if (slot_kind(image, descriptor, number) == VMI_SLOT_TRAP) {
            return true;
        }
    }
    return false;
}

/* The bytes of Init's question. */
static void make_question(uint8_t bytes[VMI_HYPERCALL_ASK_SIZE], uint32_t flags, struct trap trap) {
    static const uint8_t refusal[] = {0x83, 0xC8, 0xFF}; /* OR EAX,-1 */
    uint32_t n = sizeof(refusal);

    memset(bytes, 0xCC, VMI_HYPERCALL_ASK_SIZE);
    memcpy(bytes, refusal, n);
    if (flags & VMI_HYPERCALL_ASKS) {
        memcpy(bytes + n, trap_slot(trap).code, VMI_TRAP_SITE_SIZE);
        n += VMI_TRAP_SITE_SIZE;
    }
    bytes[n] = 0xC3; /* RET */
}

static void check_question(const struct image *image, struct report *report, uint32_t descriptor) {
    uint32_t flags = get8(image, descriptor + HYPERCALL(flags));
    struct trap trap = trap_of(image, descriptor);
    uint8_t question[VMI_HYPERCALL_ASK_SIZE];

    if (flags & ~VMI_HYPERCALL_ASKS) {
        problem(report, descriptor + HYPERCALL(flags), "flags",
                "flags are 0x%02X: only 0x%02X is known", flags, VMI_HYPERCALL_ASKS);
    } else if (flags && trap.kind != VMI_TRAP_OUT) {
        problem(report, descriptor + HYPERCALL(flags), "flags",
                "Init may ask by out only, not by %s", trap_kinds[trap.kind].name);
    } else {
        make_question(question, flags, trap);
        if (memcmp(image->bytes + VMI_HYPERCALL_ASK_OFFSET, question, sizeof(question)) != 0) {
            problem(report, VMI_HYPERCALL_ASK_OFFSET, "slot",
                    "Init's question is not what trap and flags of the descriptor say");
        }
    }
}

void check_hypercall(const struct image *image, struct report *report) {
    uint32_t at = find_descriptor(image);
    uint32_t version = get8(image, at + HYPERCALL(version));

    if (at == 0) {
        return;
    }
    if (!inside(image, at, HYPERCALL_SIZE)) {
        problem(report, VMI_HYPERCALL_POINTER, "descriptor",
                "hypercall descriptor at 0x%02X ends outside the image (%u bytes)", at,
                image->size);
    } else if (version != VMI_HYPERCALL_VERSION) {
        problem(report, at + HYPERCALL(version), "descriptor",
                "hypercall descriptor version %u is not known (%u is)", version,
                VMI_HYPERCALL_VERSION);
    } else if (!inside(image, 0, VMI_CALLS_END)) {
        problem(report, NOWHERE, "descriptor",
                "the file's %u bytes are too short for the slots of a hypercall image (%u bytes)",
                image->size, VMI_CALLS_END);
    } else {
        if (!has_trap_slots(image, at)) {
            problem(report, at + HYPERCALL(kind), "descriptor",
                    "no trap sites: not a hypercall image");
        }
        if (check_trap(image, report, at)) {
            check_question(image, report, at);
            check_slot_rules(image, report, at);
        }
    }
}

/* ---- Choosing the trap ---- */

static void report_no_descriptor(const struct image *image, struct report *report) {
    uint32_t at = get16(image, VMI_HYPERCALL_POINTER);

    if (at == 0 || !is_vmi(image)) {
        problem(report, VMI_HYPERCALL_POINTER, "descriptor",
                "no trap sites: not a hypercall image");
    } else {
        problem(report, VMI_HYPERCALL_POINTER, "descriptor",
                "no trap sites: not a hypercall image (no descriptor at 0x%02X)", at);
    }
}

/* As the command line has it. */
static void name_trap(struct trap trap, char *text, size_t size) {
    const struct trap_kind *kind = &trap_kinds[trap.kind];

    if (kind->operand) {
        snprintf(text, size, "%s:0x%02X", kind->name, trap.operand);
    } else {
        snprintf(text, size, "%s", kind->name);
    }
}

static void set_question(struct image *image, uint32_t descriptor) {
    make_question(image->bytes + VMI_HYPERCALL_ASK_OFFSET,
                  get8(image, descriptor + HYPERCALL(flags)), trap_of(image, descriptor));
}

void set_ask(struct image *image, bool asks, struct report *report) {
    uint32_t at = find_readable_descriptor(image);

    if ((get8(image, at + HYPERCALL(flags)) != 0) == asks) {
        return;
    }
    if (asks && trap_of(image, at).kind != VMI_TRAP_OUT) {
        problem(report, at + HYPERCALL(flags), "flags", "Init may ask by out only: --trap out");
        return;
    }
    put8(image, at + HYPERCALL(flags), asks ? VMI_HYPERCALL_ASKS : 0);
    set_question(image, at);
    changed(report, VMI_HYPERCALL_ASK_OFFSET, VMI_HYPERCALL_ASK_SIZE, "%s", "");
    changed(report, at + HYPERCALL(flags), 1, "Init's question: %s", asks ? "on" : "off");
}

void set_trap(struct image *image, struct trap trap, struct report *report) {
    struct vmi_call_entry stub = trap_slot(trap);
    uint32_t at = find_descriptor(image);
    struct trap before = trap_of(image, at);
    char from[16], to[16];

    if (at == 0) {
        report_no_descriptor(image, report);
        return;
    }
    if (before.kind == trap.kind && before.operand == trap.operand) {
        return;
    }
    name_trap(before, from, sizeof(from));
    name_trap(trap, to, sizeof(to));
    if (get8(image, at + HYPERCALL(flags)) && trap.kind != VMI_TRAP_OUT) {
        problem(report, at + HYPERCALL(flags), "flags", "Init may ask by out only, not by %s", to);
        return;
    }
    changed(report, at + HYPERCALL(trap), 2, "trap %s -> %s", from, to);
    for (uint32_t number = 0; number < VMI_CALL_SLOTS; number++) {
        if (slot_kind(image, at, number) == VMI_SLOT_TRAP) {
            memcpy(image->bytes + VMI_CALL_OFFSET(number), stub.code, VMI_TRAP_SITE_SIZE);
            changed(report, VMI_CALL_OFFSET(number), VMI_TRAP_SITE_SIZE, "%s", "");
        }
    }
    put8(image, at + HYPERCALL(trap), trap.kind);
    put8(image, at + HYPERCALL(operand), trap.operand);
    set_question(image, at);
}
