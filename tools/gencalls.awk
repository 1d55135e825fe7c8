# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# Reads calls.tsv and prints one of the files made from it:
#   awk -v emit=header|asm|traps|doc|expect|names|handlers|area -f tools/gencalls.awk calls.tsv
#   awk -v emit=ld|discard|image -v image=[3-]native|[3-]hypercall -f tools/gencalls.awk calls.tsv
#   awk -v emit=sites|sites-nasm|sites-gas -v slots=FILE -f tools/gencalls.awk calls.tsv
# FILE holds the slots of the native image of API 13, a line each: od -An -v -tx1 -w32.
# A row that cannot be right stops it with file, line and reason.

BEGIN {
    FS = "\t"
    columns = "slot api13 api3 name since group in stack out clobbers segments returns body trap tuned ring1 reloc summary"
    n_columns = split(columns, column, " ")
    set(ok_since, "13.0 13.3 3.0")
    set(ok_segments, "flat cs-ss")
    set(ok_returns, "ret noret may")
    set(ok_body, "ret insn code jump")
    set(ok_trap, "trap must native nop fixed")
    set(ok_tuned, "trap native nop")
    set(ok_ring1, "trap native nop soft fixed")
    set(ok_reloc, "always full named host")
    set(ok_group, "core cpu-info cpu-control descriptor stack io interrupt transition processor mmu mmu-pae smp apic timer")
    registers = "EAX ECX EDX EBX ESP EBP ESI EDI"
    for (i = split(registers, r, " "); i > 0; i--)
        bit[r[i]] = 2 ^ (i - 1)
    bit["AX"] = bit["AL"] = bit["EAX"]
    bit["DX"] = bit["EDX"]
    first_slot = 4
    n_slots = 128
    if (emit !~ /^(header|asm|traps|ld|discard|image|doc|expect|names|handlers|area|sites|sites-nasm|sites-gas)$/)
        fail_usage("emit must be header, asm, traps, ld, discard, image, doc, expect, names, handlers, area, sites, sites-nasm or sites-gas")
    if (emit ~ /^sites/)
        read_slots()
    if (emit ~ /^(ld|discard|image)$/ && image !~ /^(3-)?(native|hypercall)$/)
        fail_usage("image must be native, hypercall, 3-native or 3-hypercall")
    api = image ~ /^3-/ ? 3 : 13
    traps = image ~ /hypercall$/
}

function set(array, words, n, w) {
    for (n = split(words, w, " "); n > 0; n--)
        array[w[n]] = 1
}

function fail_usage(why) {
    print "gencalls: " why > "/dev/stderr"
    failed = 2
    exit 2
}

function fail(why) {
    printf "%s:%d: %s\n", FILENAME, FNR, why > "/dev/stderr"
    failed = 1
    exit 1
}

function check_number(what, value, low, high) {
    if (value !~ /^[0-9]+$/ || value + 0 < low || value + 0 > high)
        fail(name ": " what " is `" value "`, not a number from " low " to " high)
}

# The mask of the registers in a list of REGISTER=meaning; memory operands ([REG]=meaning) only when `memory` is set.
function mask_of(what, list, memory, n, w, part, mask) {
    mask = 0
    if (list == "-")
        return 0
    for (n = split(list, w, " "); n > 0; n--) {
        if (split(w[n], part, "=") != 2 || part[2] !~ /^[a-z0-9_]+$/)
            fail(name ": " what ": `" w[n] "` is not REGISTER=meaning")
        if (memory && part[1] ~ /^\[E[A-Z]+\]$/ && substr(part[1], 2, 3) in bit)
            continue
        if (!(part[1] in bit))
            fail(name ": " what ": unknown register `" part[1] "`")
        if (!mask_has(mask, bit[part[1]]))
            mask += bit[part[1]]
        else
            fail(name ": " what ": register `" part[1] "` is named twice")
    }
    return mask
}

function mask_has(mask, b) {
    return int(mask / b) % 2
}

/^#/ { next }

!have_header {
    if (NF != n_columns)
        fail("the header names " NF " columns, not " n_columns)
    for (i = 1; i <= n_columns; i++)
        if ($i != column[i])
            fail("column " i " is called `" $i "`, not `" column[i] "`")
    have_header = 1
    next
}

{
    if (NF != n_columns)
        fail("the row has " NF " columns, not " n_columns)
    for (i = 1; i <= NF; i++)
        if ($i == "" || $i ~ /^ | $/)
            fail("column `" column[i] "` is empty or has blanks around it")
    name = $4
    if (name !~ /^[A-Za-z][A-Za-z0-9]*$/)
        fail("`" name "` is not a name")
    check_number("slot", $1, first_slot, n_slots - 1)
    if ($2 == "-" && $3 == "-")
        fail(name ": has a number in neither API")
    if (!($5 in ok_since)) fail(name ": unknown `since` value `" $5 "`")
    if (!($6 in ok_group)) fail(name ": unknown group `" $6 "`")
    if (!($11 in ok_segments)) fail(name ": unknown segments `" $11 "`")
    if (!($12 in ok_returns)) fail(name ": unknown returns `" $12 "`")
    if (!($13 in ok_body)) fail(name ": unknown kind of body `" $13 "`")
    if (!($14 in ok_trap)) fail(name ": unknown trap kind `" $14 "`")
    if (!($15 in ok_tuned)) fail(name ": unknown tuned kind `" $15 "`")
    if (!($16 in ok_ring1)) fail(name ": unknown ring1 kind `" $16 "`")
    if ($3 == "-" ? $17 != "-" : !($17 in ok_reloc)) fail(name ": unknown reloc kind `" $17 "`")
    if ($14 == "must" && $15 != "trap" || $14 == "fixed" && $15 != "native")
        fail(name ": is `" $14 "` but tuned to `" $15 "`")

    rows++
    slot[rows] = $1; api13[rows] = $2; api3[rows] = $3; names[rows] = name; since[rows] = $5
    group[rows] = $6; in_list[rows] = $7; stack[rows] = $8; out_list[rows] = $9; clobbers[rows] = $10
    segments[rows] = $11; returns[rows] = $12; body[rows] = $13; trap[rows] = $14; tuned[rows] = $15; reloc[rows] = $17
    summary[rows] = $18
    line[rows] = FNR

    in_mask[rows] = mask_of("in", $7, 0)
    out_mask[rows] = mask_of("out", $9, 1)
    n_stack[rows] = $8 == "-" ? 0 : split($8, w, " ")
    clobber_mask[rows] = 0
    clobber_flags[rows] = 0
    if ($10 != "-")
        for (i = split($10, w, " "); i > 0; i--) {
            if (w[i] == "flags")
                clobber_flags[rows] = 1
            else if (w[i] ~ /^E/ && w[i] in bit)
                clobber_mask[rows] += bit[w[i]]
            else
                fail(name ": clobbers: unknown register `" w[i] "`")
            if (w[i] in bit && mask_has(out_mask[rows], bit[w[i]]))
                fail(name ": clobbers: `" w[i] "` is a result")
        }

    if ($2 != "-") {
        check_number("api13", $2, first_slot, n_slots - 1)
        if ($2 != $1)
            fail(name ": number " $2 " of API 13 must be its slot, not " $1)
        if ($2 in row13)
            fail(name ": number " $2 " of API 13 is taken by " names[row13[$2]] " in line " line[row13[$2]])
        if ($2 != first_slot + n13)
            fail(name ": gap before number " $2 " of API 13: " first_slot + n13 " is next")
        if (name in named13)
            fail(name ": API 13 has this name in line " named13[name])
        row13[$2] = rows
        named13[name] = FNR
        n13++
    }
    if ($3 != "-") {
        check_number("api3", $3, 0, 255)
        if ($3 in row3)
            fail(name ": number " $3 " of API 3.0 is taken by " names[row3[$3]] " in line " line[row3[$3]])
        if (name in named3)
            fail(name ": API 3.0 has this name in line " named3[name])
        if ($1 in slot3)
            fail(name ": API 3.0 has slot " $1 " in line " line[slot3[$1]])
        row3[$3] = rows
        named3[name] = FNR
        slot3[$1] = rows
        n3++
    }
}

END {
    if (failed)
        exit failed
    if (!have_header || !n13)
        fail("no calls of API 13")
    for (i = 0; i < n3; i++)
        if (!(i in row3))
            fail("gap in API 3.0: number " i " is missing")
    last13 = first_slot + n13 - 1
    slot3[first_slot] = row13[first_slot] # its two entries are in the slot of Init
    if (emit == "header") emit_header()
    if (emit == "asm") emit_asm()
    if (emit == "ld") emit_ld()
    if (emit == "discard") emit_discard()
    if (emit == "traps") emit_traps()
    if (emit == "image") emit_image()
    if (emit == "doc") emit_doc()
    if (emit == "expect") emit_expect()
    if (emit == "names") emit_names()
    if (emit == "handlers") emit_handlers()
    if (emit == "area") emit_area()
    if (emit == "sites") emit_sites()
    if (emit == "sites-nasm") emit_sites_nasm()
    if (emit == "sites-gas") emit_sites_gas()
}

function c_banner(what) {
    print "/* SPDX-License-Identifier: GPL-2.0-only OR MIT */"
    print "/* " what " Generated from calls.tsv: edit that. */"
}

function emit_header(i, k) {
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
    print "#endif"
}

function comment_of(k, s) {
    s = in_list[k]
    if (stack[k] != "-")
        s = (s == "-" ? "" : s " ") "stack: " stack[k]
    return s " -> " out_list[k]
}

# A name of its own for the body of row k: a 3 marks the call that takes other arguments in API 3.0.
function member_of(k) {
    return names[k] (api13[k] == "-" && names[k] in named13 ? "3" : "")
}

function emit_asm(k) {
    print "; SPDX-License-Identifier: GPL-2.0-only OR MIT"
    print "; The slots. Generated from calls.tsv: edit that."
    for (k = 1; k <= rows; k++)
        printf "%%define SLOT_%-24s %3d\n", member_of(k), slot[k]
    printf "%%define CALL_SLOT_FIRST %d\n", first_slot
    printf "%%define CALL_SLOT_COUNT %d\n", n_slots
    printf "%%define API13_LAST %d\n", last13
    printf "%%define API3_LAST  %d\n", n3 - 1
}

# The calls of the native ROM that is compiled into a kernel.
function emit_area(i) {
    print "; SPDX-License-Identifier: GPL-2.0-only OR MIT"
    print "; The calls of API 13 by slot. Generated from calls.tsv: edit that."
    printf "%%define AREA_FIRST %d\n", first_slot
    printf "%%define AREA_LAST  %d\n", last13
    print "%macro area_calls 0"
    for (i = first_slot; i <= last13; i++)
        printf "area_call %s, %d\n", names[row13[i]], i
    print "%endmacro"
}

# The row of the call that the image has in slot i, 0 for none.
function row_in(i) {
    if (api == 13)
        return i in row13 ? row13[i] : 0
    return i in slot3 ? slot3[i] : 0
}

# What slot i of the image holds, as the section of its body.
function section_in(i, k) {
    k = row_in(i)
    if (!k)
        return api == 3 && i == row_relocation() ? ".api3.GetRelocationInfo" : ".slot.Unassigned" i
    if (!traps || trap[k] == "native" || names[k] == "GetRelocationInfo" || trap[k] == "fixed" && i != first_slot)
        return ".slot." member_of(k)
    if (trap[k] == "fixed")
        return ".own." member_of(k)
    return (trap[k] == "nop" ? ".nop." : ".trap.") member_of(k)
}

# The slot of GetRelocationInfo, which API 3.0 has too, but not by a number.
function row_relocation(i) {
    for (i in row13)
        if (names[row13[i]] == "GetRelocationInfo")
            return i
}

# One body at its place; `.` counts from the start of the output section. MAX lets an oversize body reach its ASSERT.
function emit_body(what, section, from, to) {
    printf ". = MAX(., %d); KEEP(*(%s))\n", from, section
    printf "ASSERT(. > %d, \"%s: no body\");\n", from, what
    printf "ASSERT(. <= %d, \"%s: the body does not fit its slot of %d bytes\");\n", to, what, to - from
}

function emit_ld(i, k, what) {
    print "/* SPDX-License-Identifier: GPL-2.0-only OR MIT */"
    print "/* The slot page. Generated from calls.tsv: edit that. */"
    for (i = first_slot; i < n_slots; i++) {
        k = row_in(i)
        what = k ? FILENAME ":" line[k] ": " names[k] : "slot " i
        if (api == 3 && i == first_slot) {
            emit_body(what, section_in(i), i * 32, i * 32 + 8)
            emit_body("GetRelocationInfo", ".api3.get_reloc", i * 32 + 8, i * 32 + 16)
        } else
            emit_body(what, section_in(i), i * 32, i * 32 + 32)
    }
    if (api == 3)
        emit_body("the policy", ".api3.policy", n_slots * 32, n_slots * 32 + 256)
    printf ". = MAX(., %d); *(.api%d.outline)%s\n", n_slots * 32, api, api == 13 ? " *(.private.cpuid)" : ""
}

# Bodies without a place in the image.
function emit_discard(i, k) {
    print "/* SPDX-License-Identifier: GPL-2.0-only OR MIT */"
    print "/* Bodies without a place in this image. Generated from calls.tsv: edit that. */"
    for (i = first_slot; i < n_slots; i++)
        placed[section_in(i)] = 1
    for (k = 1; k <= rows; k++) {
        discard(".slot." member_of(k))
        discard(".trap." member_of(k))
        discard(".nop." member_of(k))
        discard(".own." member_of(k))
    }
    for (i = first_slot; i < n_slots; i++)
        discard(".slot.Unassigned" i)
    print api == 13 ? "*(.api3.*)" : "*(.api13.*)"
}

function discard(section) {
    if (!(section in placed))
        printf "*(%s)\n", section
}

# A stub for each call that traps or has nothing to do in a hypercall image of either API.
function emit_traps(k) {
    print "; SPDX-License-Identifier: GPL-2.0-only OR MIT"
    print "; The stubs of the hypercall images. Generated from calls.tsv: edit that."
    print "%macro trap_stubs 0"
    for (k = 1; k <= rows; k++)
        if (trap[k] !~ /^(native|fixed)$/)
            printf "%s_stub %s\n", trap[k] == "nop" ? "nop" : "trap", member_of(k)
    print "%endmacro"
}

# What the image says of itself: the kind of every slot for a hypercall image's descriptor, the policy of API 3.0.
function emit_image(i, k, s, kind, answered) {
    print "; SPDX-License-Identifier: GPL-2.0-only OR MIT"
    print "; The image's own tables. Generated from calls.tsv: edit that."
    print "%macro slot_kinds 0"
    for (i = 0; i < n_slots; i++) {
        k = row_in(i)
        s = i < first_slot ? ".own" : section_in(i)
        kind = s ~ /^\.own/ ? "OWN" : s ~ /^\.trap/ ? "TRAP" : s ~ /^\.nop/ ? "NOP" : "NATIVE"
        printf "        db      SLOT_KIND_%-6s ; %d%s\n", kind, i, k ? " " names[k] : ""
    }
    print "%endmacro"
    print "%macro policy_calls 0"
    for (i = 0; i < n3; i++) {
        k = row3[i]
        answered = traps ? reloc[k] != "named" : reloc[k] == "always"
        printf "        db      %3d%s ; %d %s\n", slot[k], answered ? " | POLICY_CALL" : "", i, names[k]
    }
    print "%endmacro"
}

function code(text) {
    return text == "-" ? "" : "`" text "`"
}

function emit_doc(i, k) {
    print "<!-- SPDX-License-Identifier: GPL-2.0-only OR MIT -->"
    print "# The calls"
    print ""
    print "Generated from `calls.tsv`: edit that. A call is a near CALL to ROM start + 32 * number (API 13); arguments are in"
    print "the registers named, then on the stack from `[ESP+4]` up, popped by the caller. What is neither a result nor named"
    print "under \"may change\" is preserved, and so are IOPL, AC, ID, DF and the segment registers. \"flags\" are the arithmetic"
    print "flags. In the calls marked CS/SS, DS and ES may hold anything, null included."
    print ""
    print "*Body* is the native ROM's: `ret` a bare return, `insn` one instruction and a return, `code` several instructions,"
    print "`jump` continues outside the slot. *Hypercall* is what the call's slot holds in a hypercall image by default, *tuned*"
    print "under a hypervisor with nested paging and devices passed through: `trap`, `native` (the native body), `nop` (returns"
    print "at once); `must` always traps, `fixed` never. *Relocation* is the policy that answers the question for the call with its"
    print "address (docs/image.md): `always`, `full`, `named` only when a policy names it, `host` likewise where a hypervisor serves it."
    print ""
    print "## API 13.0 to 13.3"
    print ""
    doc_table(row13, first_slot, last13)
    print ""
    print "Numbers " last13 + 1 " to " n_slots - 1 " are not assigned: each returns zero in EAX and EDX and touches nothing else."
    print ""
    print "## API 3.0"
    print ""
    print "Numbers are those that GetRelocationInfo takes; *slot* is the call's place in the slot page."
    print ""
    doc_table(row3, 0, n3 - 1)
}

function doc_table(row, from, to, i, k) {
    print "| number | slot | name | since | in | stack | out | may change | segments | returns | body | hypercall | tuned |" \
        (from ? "" : " relocation |") " what it does |"
    print "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |" (from ? "" : " --- |")
    for (i = from; i <= to; i++) {
        k = row[i]
        printf "| %d | %d | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |%s %s |\n", i, slot[k], names[k], since[k], \
            code(in_list[k]), code(stack[k]), code(out_list[k]), clobbers[k] == "-" ? "nothing" : clobbers[k], \
            segments[k] == "flat" ? "flat" : "CS/SS", returns[k], body[k], trap[k], tuned[k], from ? "" : " " reloc[k] " |", summary[k]
    }
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
    print "enum expect_reloc { RELOC_NONE, RELOC_ALWAYS, RELOC_FULL, RELOC_NAMED, RELOC_HOST };"
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
    expect_row(row13[row_relocation()])
    print "};"
    print ""
    print "#endif"
}

function expect_row(k) {
    printf "    {\"%s\", %d, %d, RELOC_%s, 0x%02x, 0x%02x, 0x%02x, %d, %d, %d, RETURNS_%s, BODY_%s},\n", names[k], slot[k], \
        api3[k] == "-" ? -1 : api3[k], reloc[k] == "-" ? "NONE" : toupper(reloc[k]), in_mask[k], out_mask[k], clobber_mask[k], \
        clobber_flags[k], segments[k] == "cs-ss", n_stack[k], toupper(returns[k]), toupper(body[k])
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
    print "enum vmi3_reloc { VMI3_RELOC_ALWAYS, VMI3_RELOC_FULL, VMI3_RELOC_NAMED, VMI3_RELOC_HOST };"
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

# A handler for each slot, whichever API calls it: two rows of one slot must agree on what the kit goes by.
function collect_handlers(k, s, member) {
    for (k = 1; k <= rows; k++) {
        FNR = line[k]
        name = names[k]
        s = slot[k] + 0
        if (s in slot_row) {
            if (names[slot_row[s]] != name)
                fail(name ": slot " s " belongs to " names[slot_row[s]] " in line " line[slot_row[s]])
            if (stack[slot_row[s]] != stack[k] || returns[slot_row[s]] != returns[k] || \
                trap[slot_row[s]] != trap[k] || tuned[slot_row[s]] != tuned[k] || out_list[slot_row[s]] != out_list[k])
                fail(name ": stack, out, returns, trap or tuned differ from line " line[slot_row[s]] ", which has the same slot")
            apis[s] = apis[s] " | VMI_CALL_IN_3"
            continue
        }
        if (returns[k] == "noret" && (trap[k] == "nop" || tuned[k] == "nop"))
            fail(name ": cannot be a bare return, it does not return")
        member = member_of(k)
        if (member in member_line)
            fail(name ": line " member_line[member] " has a handler called " member)
        member_line[member] = line[k]
        slot_member[s] = member
        slot_row[s] = k
        apis[s] = api13[k] == "-" ? "VMI_CALL_IN_3" : "VMI_CALL_IN_13"
        if (api13[k] != "-" && api3[k] != "-")
            apis[s] = apis[s] " | VMI_CALL_IN_3"
    }
}

# A bare return serves where it is the native body of a call without a result, and where the table says so.
function may_nop(k) {
    return trap[k] == "nop" || tuned[k] == "nop" || \
        body[k] == "ret" && out_list[k] == "-" && trap[k] != "must" && trap[k] != "fixed"
}

function slot_kind(word) {
    return word == "nop" ? "VMI_SLOT_NOP" : word == "trap" || word == "must" ? "VMI_SLOT_TRAP" : "VMI_SLOT_NATIVE"
}

function emit_handlers(s, k, flags) {
    collect_handlers()
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
            printf "    vmi_handler *%-27s /* %3d: %s */\n", slot_member[s] ";", s, comment_of(slot_row[s])
    print "};"
    print ""
    print "/* What may stand in a slot, and who calls it. */"
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
    print "    uint8_t flags;     /* the above; with none the slot has no call, without MAY it is never exchanged */"
    print "    uint8_t arguments; /* dwords on the stack from [ESP+4] up */"
    print "};"
    print ""
    print "#ifndef __cplusplus /* which has no such initialisers */"
    print "static const struct vmi_slot vmi_slots[" n_slots "] = {"
    for (s = first_slot; s < n_slots; s++) {
        if (!(s in slot_row))
            continue
        k = slot_row[s]
        flags = apis[s]
        if (trap[k] != "fixed")
            flags = flags " | VMI_MAY_TRAP"
        if (trap[k] != "fixed" && trap[k] != "must")
            flags = flags " | VMI_MAY_NATIVE"
        if (may_nop(k))
            flags = flags " | VMI_MAY_NOP"
        if (returns[k] == "noret")
            flags = flags " | VMI_CALL_NORET"
        printf "    [%d] = {offsetof(struct vmi_handlers, %s), %s, %s, %s, %d},\n", s, slot_member[s], slot_kind(trap[k]), \
            slot_kind(tuned[k]), flags, n_stack[k]
    }
    print "};"
    print "#endif"
    print ""
    print "#endif"
}

# --- call sites: include/vmi/guest.h says what they are ---

function read_slots(n, i, row, w) {
    while ((getline row < slots) > 0) {
        if (split(row, w, " ") == 32)
            for (i = 1; i <= 32; i++)
                slot_byte[n + 0, i - 1] = w[i]
        n++
    }
    if (n < n_slots)
        fail_usage("`" slots "` does not hold " n_slots " slots")
}

function from_hex(text, i, n) {
    for (i = 1; i <= length(text); i++)
        n = n * 16 + index("0123456789abcdef", substr(text, i, 1)) - 1
    return n
}

# The name in C and in both assemblers: SetPxELong is vmi_set_pxe_long, what only API 3.0 has begins with vmi3_.
function site_name(k, text, result, i, c, before, after) {
    text = names[k]
    gsub(/PxE/, "Pxe", text)
    for (i = 1; i <= length(text); i++) {
        c = substr(text, i, 1)
        before = substr(text, i - 1, 1)
        after = substr(text, i + 1, 1)
        if (i > 1 && c ~ /[A-Z]/ && (before ~ /[a-z]/ || after ~ /[a-z]/))
            result = result "_"
        result = result tolower(c)
    }
    return (api13[k] == "-" ? "vmi3_" : "vmi_") result
}

function add_native(byte) {
    native[n_native++] = byte
}

# Fills native[] with the bytes of the call's own instructions (a NOP for none), or native_text where they have operands; n_native is their
# size either way. False: the call has no sites.
function collect_site(k, s, fact, size, i) {
    n_native = 0
    native_text = ""
    if (trap[k] == "fixed" || site_taken[slot[k]] || api13[k] == "-" && (body[k] != "ret" || group[k] == "apic"))
        return 0
    s = slot[k] + 0
    if (api13[k] == "-") {
        add_native("90")
        return 1
    }
    fact = from_hex(slot_byte[s, 31])
    if (fact == 128)
        return collect_kept_site(k)
    size = fact % 64
    if (fact >= 128 || size == 0 || slot_byte[s, size - 1] != "c3") {
        FNR = line[k]
        fail(names[k] ": its slot in " slots " does not say what of it may be inlined")
    }
    for (i = 0; i < size - 1; i++) {
        if (fact >= 64 && slot_byte[s, i] == "c3" && slot_byte[s, i + 1] == "90") {
            add_native("eb")
            add_native(sprintf("%02x", size - 1 - (i + 2)))
            i++
        } else {
            add_native(slot_byte[s, i])
        }
    }
    if (size == 1)
        add_native("90")
    return 1
}

# Calls whose body is not what stands at a site: stack arguments are in a register there, and IRET has no return address to
# drop; what picks one of many instructions, or is long, is a function of the kit.
function collect_kept_site(k) {
    if (names[k] ~ /^Write.*Entry$/) {
        native_text = "entry"
        n_native = 7
    } else if (names[k] == "IRET") {
        add_native("cf")
    } else if (names[k] == "SYSEXIT") {
        add_native("fb"); add_native("0f"); add_native("35")
    } else {
        native_text = "call"
        n_native = 5
    }
    return 1
}

# Stack arguments that a site pushes. IRET's frame is none: it is on the stack already.
function pushed(k) {
    return returns[k] == "noret" ? 0 : n_stack[k]
}

# What a site with a call in it has: the argument pushes, the call, and what drops the arguments.
function call_size(k) {
    return 5 + (pushed(k) ? pushed(k) + 4 : 0)
}

# The padding in front of the native instructions: prefixes without a meaning there.
function padding(k, size, n, list) {
    size = call_size(k) - n_native
    for (n = 0; n < size; n++)
        list = list ",0x3e"
    return substr(list, 2)
}

function byte_list(i, list) {
    for (i = 0; i < n_native; i++)
        list = list ",0x" native[i]
    return substr(list, 2)
}

function joined(a, b, between) {
    return a == "" || b == "" ? a b : a between b
}

# --- the wrappers in C ---

# The arguments in order: reg[i], meaning[i], and the parameter of i; a pair of low and high is one.
function collect_arguments(k, n, i, j, w, part, prefix) {
    n_arg = 0
    if (in_list[k] != "-")
        for (i = 1; i <= split(in_list[k], w, " "); i++) {
            split(w[i], part, "=")
            arg_reg[n_arg] = part[1]
            meaning[n_arg++] = part[2]
        }
    if (stack[k] != "-")
        for (i = 1; i <= split(stack[k], w, " "); i++) {
            arg_reg[n_arg] = "stack"
            meaning[n_arg++] = w[i]
        }
    for (i = 0; i < n_arg; i++) {
        sub(/^register$/, "apic_register", meaning[i]) # a word of C
        pair[i] = ""
        if (meaning[i] !~ /^(.*_)?(low|high)$/)
            continue
        prefix = meaning[i]
        sub(/_?(low|high)$/, "", prefix)
        pair[i] = prefix != "" ? prefix : group[k] == "descriptor" ? "entry" : group[k] == "mmu-pae" ? "pte" : "value"
    }
}

function c_type(k, reg, what) {
    if (what == "dtr" || what == "tss") return "const void *"
    if (what == "buffer") return reg == "ESI" ? "const void *" : "void *"
    if (what == "table") return "void *"
    if (what == "ptep") return group[k] == "mmu-pae" ? "volatile uint64_t *" : "volatile uint32_t *"
    if (what == "apic_register") return "volatile uint32_t *"
    if (reg == "AL") return "uint8_t "
    return reg == "AX" || reg == "DX" ? "uint16_t " : "uint32_t "
}

function parameters(k, i, list) {
    for (i = 0; i < n_arg; i++)
        if (pair[i] == "")
            list = list ", " c_type(k, arg_reg[i], meaning[i]) meaning[i]
        else if (meaning[i] ~ /low$/)
            list = list ", uint64_t " pair[i]
    if (names[k] == "CPUID")
        list = list ", uint32_t result[4]"
    return list == "" ? "void" : substr(list, 3)
}

# The results in order: out_reg[i]; what only says that a register ends as zero is none.
function collect_results(k, i, w, part) {
    n_out = 0
    if (out_list[k] == "-")
        return
    for (i = 1; i <= split(out_list[k], w, " "); i++) {
        split(w[i], part, "=")
        if (part[1] !~ /^\[/ && part[2] !~ /^(zero|end)$/)
            out_reg[n_out++] = part[1]
    }
}

function result_type(k) {
    if (n_out == 0 || n_out > 2) return "void "
    return n_out == 2 ? "uint64_t " : c_type(k, out_reg[0], "")
}

function wide(reg) {
    return reg == "AL" || reg == "AX" ? "EAX" : reg == "DX" ? "EDX" : reg
}

function letter(reg) {
    return reg == "ESI" ? "S" : reg == "EDI" ? "D" : tolower(substr(reg, 2, 1))
}

# A result of its own may come in a register that an argument went into; one that is merely lost is an operand in and out.
function collect_operands(k, i, changed, r, w) {
    outputs = inputs = lost = ""
    split("", is_out)
    split("", is_in)
    for (i = 0; i < n_out; i++) {
        is_out[wide(out_reg[i])] = 1
        outputs = outputs ", \"=" letter(wide(out_reg[i])) "\"(" \
            (n_out > 2 ? "result[" i "]" : n_out == 2 ? (i ? "result_high" : "result_low") : "result") ")"
    }
    for (i = 0; i < n_arg; i++) {
        r = wide(arg_reg[i])
        if (r == "stack") {
            inputs = inputs ", [" meaning[i] "] \"r\"(" meaning[i] ")"
            continue
        }
        is_in[r] = 1
        changed = !is_out[r] && (mask_has(clobber_mask[k], bit[r]) || mask_has(out_mask[k], bit[r]))
        if (changed)
            outputs = outputs ", \"+" letter(r) "\"(" meaning[i] ")"
        else
            inputs = inputs ", \"" letter(r) "\"(" meaning[i] ")"
    }
    for (i = 1; i <= split(registers, w, " "); i++)
        if (!is_in[w[i]] && !is_out[w[i]] && (mask_has(clobber_mask[k], bit[w[i]]) || mask_has(out_mask[k], bit[w[i]])))
            lost = lost "\"" tolower(w[i]) "\", "
    # What only reads the processor's own state orders nothing else.
    if (group[k] != "cpu-info" && (names[k] !~ /^Get[A-Z]/ || in_list[k] ~ /buffer|ptep/))
        lost = lost "\"memory\", "
    outputs = substr(outputs, 3)
    inputs = substr(inputs, 3)
}

function c_native(k, text) {
    text = padding(k)
    if (native_text == "entry") # in either syntax
        return "\".byte " text "; {movl %%ecx,(%%eax,%%edx,8)|mov dword ptr [eax+edx*8],ecx}; " \
            "{movl %[high],4(%%eax,%%edx,8)|mov dword ptr [eax+edx*8+4],%[high]}\""
    if (native_text == "call")
        return "\"call vmi_native_" substr(site_name(k), 5) "\""
    return "\".byte " (n_native ? joined(text, byte_list(), ",") : text) "\""
}

function c_pushes(k, i, w, text) {
    for (i = split(stack[k], w, " "); i > 0; i--)
        text = text "push %[" w[i] "]; "
    return text
}

function emit_wrapper(k, i, type) {
    collect_arguments(k)
    collect_results(k)
    collect_operands(k)
    type = result_type(k)
    printf "\n/* %d: %s */\n", slot[k], summary[k]
    printf "VMI_WRAPPER %s%s(%s) {\n", type, site_name(k), parameters(k)
    for (i = 0; i < n_arg; i++)
        if (pair[i] != "" && meaning[i] ~ /low$/)
            printf "    uint32_t %s = (uint32_t)%s;\n", meaning[i], pair[i]
        else if (pair[i] != "")
            printf "    uint32_t %s = (uint32_t)(%s >> 32);\n", meaning[i], pair[i]
    if (n_out == 1)
        printf "    %sresult;\n", type
    if (n_out == 2)
        print "    uint32_t result_low, result_high;"
    if (pushed(k))
        printf "    VMI_ASM(VMI_SITE_STACK(%d, %d, %s, \"%s\", %d)\n", slot[k], call_size(k) - n_native, c_native(k), \
            c_pushes(k), 4 * n_stack[k]
    else
        printf "    VMI_ASM(VMI_SITE(%d, %d, %s)\n", slot[k], call_size(k) - n_native, c_native(k)
    printf "            :%s\n            :%s\n", outputs == "" ? "" : " " outputs, inputs == "" ? "" : " " inputs
    printf "            : %s\"cc\");\n", lost
    if (n_out == 1)
        print "    return result;"
    if (n_out == 2)
        print "    return (uint64_t)result_high << 32 | result_low;"
    print "}"
}

# One site a slot: of two rows of one slot, that of API 13.
function emit_sites(k, s, last) {
    c_banner("The calls of VMI as call sites in C.")
    print "#ifndef VMI_SITES_H"
    print "#define VMI_SITES_H"
    print ""
    print "/* clang-format off */"
    print ""
    print "/*"
    print " * guest.h says what a site is. IRET and SYSEXIT have no function: they are macros of the assemblers. A kernel for both"
    print " * APIs makes a call that differs between them twice, as vmi_ and as vmi3_: a ROM takes the one that it knows."
    print " */"
    print ""
    print "#include <stdint.h>"
    print ""
    print "#define VMI_WRAPPER static inline __attribute__((always_inline))"
    print ""
    print "/* By their lines the sites look large, and functions with some of them would not be inlined. */"
    print "#if defined(__clang__) ? __clang_major__ >= 11 : __GNUC__ >= 9"
    print "#define VMI_ASM __asm__ __inline__ volatile"
    print "#else"
    print "#define VMI_ASM __asm__ volatile"
    print "#endif"
    print ""
    print "#define VMI_SITE_TEXT(call, pad, native, section, translation) \\"
    print "    \"771: \" native \"\\n772:\\n\" \\"
    print "    \".pushsection .vmi.translation\" section \"\\n773: \" translation \"\\n774:\\n.popsection\\n\" \\"
    print "    \".pushsection .vmi.annotation,\\\"a?\\\",@progbits\\n.balign 4\\n\" \\"
    print "    \".long \" #call \",771b,773b\\n.byte 772b-771b,774b-773b,\" #pad \",0\\n.popsection\""
    print ""
    print "/* All sites of a call without stack arguments share one translation once they are linked. */"
    print "#define VMI_SITE(call, pad, native) \\"
    print "    VMI_SITE_TEXT(call, pad, native, \",\\\"aM\\\",@progbits,5\", \".byte 0xe8; .long \" #call)"
    print "#define VMI_SITE_STACK(call, pad, native, pushes, drop) \\"
    print "    VMI_SITE_TEXT(call, pad, native, \".stack,\\\"a\\\",@progbits\", \\"
    print "                  pushes \".byte 0xe8; .long \" #call \"; .byte 0x8d,0x64,0x24,\" #drop)"
    for (k = 1; k <= rows; k++)
        if (returns[k] != "noret" && collect_site(k)) {
            emit_wrapper(k)
            site_taken[slot[k]] = 1
        }
    emit_numbers()
    print ""
    print "#endif"
}

# For the linker: what API 3.0 calls a slot.
function emit_numbers(s, k, last, number) {
    for (k = 1; k <= rows; k++) {
        if (slot[k] + 0 > last)
            last = slot[k] + 0
        if (api3[k] != "-" && trap[k] != "fixed")
            number[slot[k] + 0] = api3[k]
    }
    print ""
    print "/* Sites have call numbers of API 13, and behind them the slots of the calls that only API 3.0 has. */"
    printf "#define VMI_SITE_CALL_LAST %d\n", last
    print ""
    print "/* The number of each in API 3.0, VMI_NOT_IN_3 for none. */"
    print "#define VMI_NOT_IN_3 0xFF"
    print "#define VMI_NUMBERS_IN_3 { \\"
    for (s = 0; s <= last; s++)
        printf "%s%s,%s", s % 16 ? " " : "    ", s in number ? number[s] : "0xFF", s % 16 == 15 || s == last ? " \\\n" : ""
    print "    }"
}

# --- the macros for assemblers: arguments and results in the call's registers, stack arguments in registers named ---

function stack_names(k, i, w, text) {
    for (i = 1; i <= split(stack[k], w, " "); i++)
        text = text (i > 1 ? ", " : "") w[i]
    return text
}

function emit_sites_nasm(k, n, i) {
    print "; SPDX-License-Identifier: GPL-2.0-only OR MIT"
    print "; The calls of VMI as call sites for NASM. Generated from calls.tsv: edit that."
    print "; vmi/guest.h says what a site is. Arguments and results are in the call's registers, arguments that go to the stack in"
    print "; registers that the macro is given (not ESP)."
    print ""
    print "%ifndef VMI_SITES_INC"
    print "%define VMI_SITES_INC"
    print ""
    print "; call, site, padding: the record of a site that ends here; the translation is shared in a file."
    print "%macro vmi_record 3"
    print "%%end:"
    print "  %ifndef VMI_TRANSLATION_%1"
    print "    %define VMI_TRANSLATION_%1"
    print "[section .vmi.translation progbits alloc noexec nowrite align=1]"
    print "..@vmi_translation_%1:"
    print "        db      0xe8"
    print "        dd      %1"
    print "  %endif"
    print "[section .vmi.annotation progbits alloc noexec nowrite align=4]"
    print "        dd      %1, %2, ..@vmi_translation_%1"
    print "        db      %%end - %2, 5, %3, 0"
    print "__?SECT?__"
    print "%endmacro"
    print ""
    print "; call, site, padding, bytes to drop, register...: the same with registers to push, the last one first."
    print "%macro vmi_record_stack 5-*"
    print "%%end:"
    print "[section .vmi.translation.stack progbits alloc noexec nowrite align=1]"
    print "%%translation:"
    print "  %rotate -1"
    print "  %rep %0 - 4"
    print "        push    %1"
    print "    %rotate -1"
    print "  %endrep"
    print "  %rotate -3"
    print "        db      0xe8"
    print "        dd      %1"
    print "        db      0x8d, 0x64, 0x24, %4"
    print "%%translation_end:"
    print "[section .vmi.annotation progbits alloc noexec nowrite align=4]"
    print "        dd      %1, %2, %%translation"
    print "        db      %%end - %2, %%translation_end - %%translation, %3, 0"
    print "__?SECT?__"
    print "%endmacro"
    for (k = 1; k <= rows; k++)
        if (collect_site(k)) {
            emit_macro_nasm(k)
            site_taken[slot[k]] = 1
        }
    print ""
    print "%endif"
}

function emit_macro_nasm(k, i, regs, size) {
    for (i = 1; i <= pushed(k); i++)
        regs = regs ", %" i
    printf "\n; %s (%d): %s%s\n", names[k], slot[k], comment_of(k), pushed(k) ? "; macro arguments: " stack_names(k) : ""
    printf "%%macro %s %d\n", site_name(k), pushed(k)
    print "%%site:"
    emit_native_asm(k, "        db      ", "        mov     [eax + edx*8], ecx\n        mov     [eax + edx*8 + 4], %1", \
        "        extern  vmi_native_" substr(site_name(k), 5) "\n")
    if (pushed(k))
        printf "        vmi_record_stack %d, %%%%site, %d, %d%s\n", slot[k], call_size(k) - n_native, 4 * n_stack[k], regs
    else
        printf "        vmi_record %d, %%%%site, %d\n", slot[k], call_size(k) - n_native
    print "%endmacro"
}

function emit_native_asm(k, data, entry, declaration, pad) {
    pad = padding(k)
    if (native_text == "call")
        printf "%s        call    vmi_native_%s\n", declaration, substr(site_name(k), 5)
    else if (native_text == "entry")
        printf "%s%s\n%s\n", data, pad, entry
    else
        printf "%s%s\n", data, n_native ? joined(pad, byte_list(), ",") : pad
}

function emit_sites_gas(k, i, regs, w) {
    print "/* SPDX-License-Identifier: GPL-2.0-only OR MIT */"
    print "/* The calls of VMI as call sites for GNU as and clang. Generated from calls.tsv: edit that. */"
    print "/* vmi/guest.h says what a site is. Arguments and results are in the call's registers, arguments that go to the stack in"
    print "   registers that the macro is given (not %esp). */"
    print ""
    print ".ifndef vmi_sites_inc"
    print ".set vmi_sites_inc, 1"
    print ""
    print ".macro vmi_record call, pad"
    print "772:"
    print ".pushsection .vmi.annotation,\"a?\",@progbits"
    print ".balign 4"
    print ".long \\call, 771b, 773b"
    print ".byte 772b-771b, 774b-773b, \\pad, 0"
    print ".popsection"
    print ".endm"
    print ""
    print ".macro vmi_translation call"
    print ".pushsection .vmi.translation,\"aM\",@progbits,5"
    print "773: .byte 0xe8"
    print ".long \\call"
    print "774:"
    print ".popsection"
    print ".endm"
    for (k = 1; k <= rows; k++)
        if (collect_site(k)) {
            emit_macro_gas(k)
            site_taken[slot[k]] = 1
        }
    print ""
    print ".endif"
}

function emit_macro_gas(k, i, w) {
    printf "\n/* %s (%d): %s */\n", names[k], slot[k], comment_of(k)
    printf ".macro %s%s\n", site_name(k), pushed(k) ? " " stack_names(k) : ""
    if (pushed(k)) {
        print ".pushsection .vmi.translation.stack,\"a\",@progbits"
        print "773:"
        for (i = split(stack[k], w, " "); i > 0; i--)
            print "push \\" w[i]
        printf ".byte 0xe8\n.long %d\n.byte 0x8d, 0x64, 0x24, %d\n774:\n.popsection\n", slot[k], 4 * n_stack[k]
    } else {
        printf "vmi_translation %d\n", slot[k]
    }
    print "771:"
    emit_native_asm(k, ".byte ", "movl %ecx, (%eax,%edx,8)\nmovl \\high, 4(%eax,%edx,8)", "")
    printf "vmi_record %d, %d\n.endm\n", slot[k], call_size(k) - n_native
}
