# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# Reads calls.tsv and refuses, with file, line and reason, what cannot be right. The files behind this one print what is
# made from it; `emit` is the name of the file to print:
#   awk -f tools/gencalls/table.awk calls.tsv                       (says what is wrong, prints nothing)
#   awk -v emit=FILE [-v image=IMAGE] [-v slots=FILE] -f tools/gencalls/table.awk -f EMITTER... calls.tsv
# Each emitter registers its files in `emitters` and has an END of its own, which runs behind the one here.

BEGIN {
    FS = "\t"
    columns = "slot api13 api3 name since group in stack out clobbers segments returns body trap tuned hosted ring1 reloc summary replaces"
    n_columns = split(columns, column, " ")
    set(ok_since, "13.0 13.3 3.0")
    set(ok_segments, "flat cs-ss")
    set(ok_returns, "ret noret may")
    set(ok_body, "ret insn code jump")
    set(ok_trap, "trap must native nop fixed")
    set(ok_tuned, "trap native nop")
    set(ok_ring1, "trap native nop soft control fixed")
    set(ok_reloc, "always lean full named host")
    set(ok_group, "core cpu-info cpu-control descriptor stack io interrupt transition processor mmu mmu-pae smp apic timer")
    registers = "EAX ECX EDX EBX ESP EBP ESI EDI"
    for (i = split(registers, r, " "); i > 0; i--)
        bit[r[i]] = 2 ^ (i - 1)
    bit["AX"] = bit["AL"] = bit["EAX"]
    bit["DX"] = bit["EDX"]
    first_slot = 4
    n_slots = 128
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
    if (!($16 in ok_tuned)) fail(name ": unknown hosted kind `" $16 "`")
    if (!($17 in ok_ring1)) fail(name ": unknown ring1 kind `" $17 "`")
    if ($3 == "-" ? $18 != "-" : !($18 in ok_reloc)) fail(name ": unknown reloc kind `" $18 "`")
    if ($14 == "must" && $15 != "trap" || $14 == "fixed" && $15 != "native")
        fail(name ": is `" $14 "` but tuned to `" $15 "`")
    if ($14 == "must" && $16 != "trap" || $14 == "fixed" && $16 != "native")
        fail(name ": is `" $14 "` but hosted as `" $16 "`")

    rows++
    slot[rows] = $1; api13[rows] = $2; api3[rows] = $3; names[rows] = name; since[rows] = $5
    group[rows] = $6; in_list[rows] = $7; stack[rows] = $8; out_list[rows] = $9; clobbers[rows] = $10
    segments[rows] = $11; returns[rows] = $12; body[rows] = $13; trap[rows] = $14; tuned[rows] = $15; hosted[rows] = $16
    ring1[rows] = $17; reloc[rows] = $18; summary[rows] = $19
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

    n = $20 == "-" ? 0 : split($20, w, " ")
    for (i = 1; i <= n; i++) {
        if (w[i] !~ /^[a-z][a-z0-9-]*$/)
            fail(name ": replaces: `" w[i] "` is not the name of an instruction")
        if (w[i] in replaced)
            fail(name ": replaces: `" w[i] "` is what " replaced[w[i]] " replaces")
        replaced[w[i]] = name
        instruction[++n_instructions] = w[i]
        stands_for[n_instructions] = rows
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
    for (k = 1; k <= rows; k++)
        check_slot(k)
    slot3[first_slot] = row13[first_slot] # the two entries of API 3.0 are in the slot of Init
    if (emit != "" && !(emit in emitters))
        fail_usage("nothing here prints `" emit "`")
}

# One slot has one handler, whichever API calls it: its two rows must agree on what the kit relies on.
function check_slot(k, s, first, member) {
    FNR = line[k]
    name = names[k]
    s = slot[k] + 0
    if (s > last_slot)
        last_slot = s
    if (api3[k] != "-")
        in_3[s] = 1
    if (name == "GetRelocationInfo") # which API 3.0 has too, but not by a number
        relocation_slot = s
    if (returns[k] == "noret" && (trap[k] == "nop" || tuned[k] == "nop" || hosted[k] == "nop"))
        fail(name ": cannot be a bare return, it does not return")
    if (s in slot_row) {
        first = slot_row[s]
        if (names[first] != name)
            fail_clash(api13[k] == "-" ? k : first, api13[k] == "-" ? first : k)
        if (stack[first] != stack[k] || returns[first] != returns[k] || trap[first] != trap[k] || tuned[first] != tuned[k] || \
            hosted[first] != hosted[k] || out_list[first] != out_list[k])
            fail(name ": stack, out, returns, trap, tuned or hosted differ from line " line[first] ", which has the same slot")
        return
    }
    member = member_of(k)
    if (member in member_line)
        fail(name ": line " member_line[member] " has a handler called " member)
    member_line[member] = line[k]
    slot_row[s] = k
}

# Two calls in one slot: that of API 3.0 alone may have any other.
function fail_clash(k, owner) {
    FNR = line[k]
    fail(names[k] ": slot " slot[k] " belongs to " names[owner] " in line " line[owner] "; slot " free_slot() " is free")
}

# The first slot behind the calls of API 13 that has no row.
function free_slot(s, k, taken) {
    for (k = 1; k <= rows; k++)
        taken[slot[k] + 0] = 1
    for (s = last13 + 1; s in taken; s++)
        ;
    return s
}

# A name of its own for the body of row k: a 3 marks the call that takes other arguments in API 3.0.
function member_of(k) {
    return names[k] (api13[k] == "-" && names[k] in named13 ? "3" : "")
}

# What the call takes and gives, in a line.
function comment_of(k, s) {
    s = in_list[k]
    if (stack[k] != "-")
        s = (s == "-" ? "" : s " ") "stack: " stack[k]
    return s " -> " out_list[k]
}

function c_banner(what) {
    print "/* SPDX-License-Identifier: GPL-2.0-only OR MIT */"
    print "/* " what " Generated from calls.tsv: edit calls.tsv instead. */"
}

function asm_banner(what) {
    print "; SPDX-License-Identifier: GPL-2.0-only OR MIT"
    print "; " what " Generated from calls.tsv: edit calls.tsv instead."
}

function joined(a, b, between) {
    return a == "" || b == "" ? a b : a between b
}
