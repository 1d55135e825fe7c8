# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# Headers of C: the numbers and the handlers, which are public; the names and what is expected, for tools and tests.

BEGIN {
    set(emitters, "calls.h handlers.h call_names.h expect.h")
}

END {
    if (emit == "calls.h") emit_calls()
    if (emit == "handlers.h") emit_handlers()
    if (emit == "call_names.h") emit_names()
    if (emit == "expect.h") emit_expect()
}

function emit_calls(i, k) {
    c_banner("The calls of VMI, the Virtual Machine Interface for i386, by number.")
    print "#ifndef VMI_CALLS_H"
    print "#define VMI_CALLS_H"
    print ""
    print "/* clang-format off */"
    print ""
    print "/* API 13.0 to 13.3: call N is the code at ROM start + N * 32. */"
    for (i = first_slot; i <= last13; i++) {
        k = row13[i]
        printf "#define %-36s %3d /* %s */\n", "VMI_CALL_" names[k], i, comment_of(k)
    }
    print ""
    printf "#define %-36s %3d /* the first is VMI_CALL_FIRST in rom.h */\n", "VMI_CALL_LAST", last13
    print ""
    print "/* API 3.0: call numbers for GetRelocationInfo; the calls have no fixed place. */"
    for (i = 0; i < n3; i++) {
        k = row3[i]
        printf "#define %-36s %3d /* %s */\n", "VMI3_CALL_" names[k], i, comment_of(k)
    }
    print ""
    printf "#define %-36s %3d\n", "VMI3_CALL_LAST", n3 - 1
    print ""
    print "/* Slots of the calls that only API 3.0 has, or takes other arguments for. */"
    for (k = 1; k <= rows; k++)
        if (api13[k] == "-" && !(slot[k] in row13))
            printf "#define %-36s %3d\n", "VMI3_SLOT_" names[k], slot[k]
    print ""
    printf "#define %-36s %3d /* the last slot that a call of either API has */\n", "VMI_SLOT_LAST", last_slot
    print ""
    print "#endif"
}

# A bare return serves where it is the native body of a call without a result, and where the table says so.
function may_nop(k) {
    return trap[k] == "nop" || tuned[k] == "nop" || hosted[k] == "nop" || \
        body[k] == "ret" && out_list[k] == "-" && trap[k] != "must" && trap[k] != "fixed"
}

function slot_kind(word) {
    return word == "nop" ? "VMI_SLOT_NOP" : word == "trap" || word == "must" ? "VMI_SLOT_TRAP" : "VMI_SLOT_NATIVE"
}

function emit_handlers(s, k, flags) {
    c_banner("What serves each call in a hypervisor, and what a slot may hold.")
    print "#ifndef VMI_HANDLERS_H"
    print "#define VMI_HANDLERS_H"
    print ""
    print "/* clang-format off */"
    print ""
    print "#include <stddef.h>"
    print "#include <stdint.h>"
    print ""
    print "#include \"vmi/hypercall.h\""
    print ""
    print "/* Serves one call; hypervisor.h says what it gets and what it returns. */"
    print "struct vmi_frame;"
    print "typedef int vmi_handler(void *context, struct vmi_frame *frame);"
    print ""
    print "/* By slot. The calls of API 13 serve API 3.0 too; a 3 behind a name marks the call that takes other arguments there. */"
    print "struct vmi_handlers {"
    for (s = first_slot; s < n_slots; s++)
        if (s in slot_row)
            printf "    vmi_handler *%-27s /* %3d: %s */\n", member_of(slot_row[s]) ";", s, comment_of(slot_row[s])
    print "};"
    print ""
    print "/* What a slot may hold, and who calls it. */"
    print "#define VMI_CALL_IN_13   0x01 /* a call of API 13 */"
    print "#define VMI_CALL_IN_3    0x02 /* a call of API 3.0 */"
    print "#define VMI_MAY_TRAP     0x04"
    print "#define VMI_MAY_NATIVE   0x08"
    print "#define VMI_MAY_NOP      0x10 /* a bare return does: it gives nothing back */"
    print "#define VMI_CALL_NORET   0x20 /* never returns to its caller */"
    print ""
    print "struct vmi_slot {"
    print "    uint16_t handler;  /* offset of its member in struct vmi_handlers */"
    print "    uint8_t kind;      /* VMI_SLOT_... by default */"
    print "    uint8_t tuned;     /* VMI_SLOT_... with nested paging and devices passed through */"
    print "    uint8_t hosted;    /* VMI_SLOT_... in user space above KVM and the like */"
    print "    uint8_t flags;     /* the above; with none the slot has no call, without MAY it is never exchanged */"
    print "    uint8_t arguments; /* dwords on the stack from [ESP+4] up */"
    print "};"
    print ""
    print "#ifndef __cplusplus /* which has no such initialisers */"
    print "#ifndef VMI_SLOTS /* who wants one table for several files defines it, and a table of another name */"
    print "#define VMI_SLOTS static const struct vmi_slot vmi_slots[" n_slots "]"
    print "#endif"
    print "VMI_SLOTS = {"
    for (s = first_slot; s < n_slots; s++) {
        if (!(s in slot_row))
            continue
        k = slot_row[s]
        flags = joined(s in row13 ? "VMI_CALL_IN_13" : "", s in in_3 ? "VMI_CALL_IN_3" : "", " | ")
        if (trap[k] != "fixed")
            flags = flags " | VMI_MAY_TRAP"
        if (trap[k] != "fixed" && trap[k] != "must")
            flags = flags " | VMI_MAY_NATIVE"
        if (may_nop(k))
            flags = flags " | VMI_MAY_NOP"
        if (returns[k] == "noret")
            flags = flags " | VMI_CALL_NORET"
        printf "    [%d] = {offsetof(struct vmi_handlers, %s), %s, %s, %s, %s, %d},\n", s, member_of(k), slot_kind(trap[k]), \
            slot_kind(tuned[k]), slot_kind(hosted[k]), flags, n_stack[k]
    }
    print "};"
    print "#endif"
    print ""
    print "#endif"
}

function emit_names(i) {
    c_banner("The names of the calls.")
    print "#include <stdint.h>"
    print ""
    print "/* API 13, by slot. */"
    print "static const struct {"
    print "    uint8_t slot;"
    print "    const char *name;"
    print "} vmi_call_names[] = {"
    for (i = first_slot; i <= last13; i++)
        printf "    {%d, \"%s\"},\n", i, names[row13[i]]
    print "};"
    print ""
    print "/* API 3.0, by number, with the policy that answers with the call. */"
    print "enum vmi3_reloc { VMI3_RELOC_ALWAYS, VMI3_RELOC_LEAN, VMI3_RELOC_FULL, VMI3_RELOC_NAMED, VMI3_RELOC_HOST };"
    print ""
    print "static const struct {"
    print "    uint8_t slot;"
    print "    enum vmi3_reloc reloc;"
    print "    const char *name;"
    print "} vmi3_call_names[] = {"
    for (i = 0; i < n3; i++)
        printf "    {%d, VMI3_RELOC_%s, \"%s\"},\n", slot[row3[i]], toupper(reloc[row3[i]]), names[row3[i]]
    print "};"
}

function emit_expect(i, k) {
    c_banner("What each call takes, gives and may change, for tests.")
    print "#ifndef VMIROM_EXPECT_H"
    print "#define VMIROM_EXPECT_H"
    print ""
    print "/* clang-format off */"
    print ""
    print "#include <stdint.h>"
    print ""
    print "/* Bits of the register masks, in the order of the processor's register numbers. */"
    for (i = 1; i <= split(registers, w, " "); i++)
        printf "#define EXPECT_%s 0x%02xu\n", w[i], bit[w[i]]
    print ""
    print "enum expect_body { BODY_RET, BODY_INSN, BODY_CODE, BODY_JUMP };"
    print "enum expect_returns { RETURNS_RET, RETURNS_NORET, RETURNS_MAY };"
    print ""
    print "enum expect_reloc { RELOC_NONE, RELOC_ALWAYS, RELOC_LEAN, RELOC_FULL, RELOC_NAMED, RELOC_HOST };"
    print ""
    print "enum expect_ring1 { RING1_TRAP, RING1_NATIVE, RING1_NOP, RING1_SOFT, RING1_CONTROL, RING1_FIXED };"
    print ""
    print "struct expect {"
    print "    const char *name;"
    print "    uint8_t number;              /* its slot; in API 13 it is the call's number */"
    print "    int16_t call3;               /* number in API 3.0, -1: none */"
    print "    enum expect_reloc reloc;     /* policy of API 3.0 that answers with the call */"
    print "    uint8_t in, out, clobbers;   /* register masks */"
    print "    uint8_t flags;               /* 1: arithmetic flags may change */"
    print "    uint8_t any_data_segments;   /* 1: DS and ES may be null */"
    print "    uint8_t n_stack;             /* dwords on the stack, popped by the caller */"
    print "    enum expect_returns returns;"
    print "    enum expect_body body;"
    print "    enum expect_ring1 ring1;"
    print "};"
    print ""
    print "static const struct expect expect_calls[] = {"
    for (i = first_slot; i <= last13; i++)
        expect_row(row13[i])
    print "};"
    print ""
    print "/* API 3.0, by slot. GetRelocationInfo has no number there, and no slot that a guest could name. */"
    print "static const struct expect expect_calls_3[] = {"
    for (i = first_slot; i < n_slots; i++)
        if (i in slot3)
            expect_row(slot3[i])
    expect_row(row13[relocation_slot])
    print "};"
    print ""
    print "#endif"
}

function expect_row(k) {
    printf "    {\"%s\", %d, %d, RELOC_%s, 0x%02x, 0x%02x, 0x%02x, %d, %d, %d, RETURNS_%s, BODY_%s, RING1_%s},\n", names[k], slot[k], \
        api3[k] == "-" ? -1 : api3[k], reloc[k] == "-" ? "NONE" : toupper(reloc[k]), in_mask[k], out_mask[k], clobber_mask[k], \
        clobber_flags[k], segments[k] == "cs-ss", n_stack[k], toupper(returns[k]), toupper(body[k]), toupper(ring1[k])
}
