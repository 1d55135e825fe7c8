# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# What the assembler and the linker make an image from. Those in the second line differ between images, and want
# -v image=[3-]native|[3-]hypercall.

BEGIN {
    set(emitters, "slots.inc traps.inc area.inc")
    set(emitters, "slots.ld discard.ld image.inc")
    if (emit ~ /^(slots\.ld|discard\.ld|image\.inc)$/ && image !~ /^(3-)?(native|hypercall)$/)
        fail_usage("image must be native, hypercall, 3-native or 3-hypercall")
    api = image ~ /^3-/ ? 3 : 13
    traps = image ~ /hypercall$/
}

END {
    if (emit == "slots.inc") emit_slots()
    if (emit == "traps.inc") emit_traps()
    if (emit == "area.inc") emit_area()
    if (emit == "slots.ld") emit_ld()
    if (emit == "discard.ld") emit_discard()
    if (emit == "image.inc") emit_image()
}

function emit_slots(k) {
    asm_banner("The slots.")
    for (k = 1; k <= rows; k++)
        printf "%%define SLOT_%-24s %3d\n", member_of(k), slot[k]
    printf "%%define CALL_SLOT_FIRST %d\n", first_slot
    printf "%%define CALL_SLOT_COUNT %d\n", n_slots
    printf "%%define API13_LAST %d\n", last13
    printf "%%define API3_LAST  %d\n", n3 - 1
}

# The calls of the native ROM that is compiled into a kernel.
function emit_area(i) {
    asm_banner("The calls of API 13 by slot.")
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
        return api == 3 && i == relocation_slot ? ".api3.GetRelocationInfo" : ".slot.Unassigned" i
    if (!traps || trap[k] == "native" || names[k] == "GetRelocationInfo" || trap[k] == "fixed" && i != first_slot)
        return ".slot." member_of(k)
    if (trap[k] == "fixed")
        return ".own." member_of(k)
    return (trap[k] == "nop" ? ".nop." : ".trap.") member_of(k)
}

# One body at its place; `.` counts from the start of the output section. MAX lets an oversize body reach its ASSERT.
function emit_body(what, section, from, to) {
    printf ". = MAX(., %d); KEEP(*(%s))\n", from, section
    printf "ASSERT(. > %d, \"%s: no body\");\n", from, what
    printf "ASSERT(. <= %d, \"%s: the body does not fit its slot of %d bytes\");\n", to, what, to - from
}

function emit_ld(i, k, what) {
    c_banner("The slot page.")
    for (i = first_slot; i < n_slots; i++) {
        k = row_in(i)
        what = k ? FILENAME ":" line[k] ": " names[k] : "slot " i
        if (api == 3 && i == first_slot) {
            emit_body(what, section_in(i), i * 32, i * 32 + 8)
            emit_body("GetRelocationInfo", ".api3.get_reloc", i * 32 + 8, i * 32 + 16)
        } else if (traps && i == first_slot)
            emit_body(what, section_in(i), i * 32, i * 32 + 24)
        else
            emit_body(what, section_in(i), i * 32, i * 32 + 32)
        if (traps && i == first_slot)
            emit_body("Init's question", ".own.ask", i * 32 + 24, i * 32 + 31)
    }
    if (api == 3)
        emit_body("the policy", ".api3.policy", n_slots * 32, n_slots * 32 + 256)
    printf ". = MAX(., %d); *(.api%d.outline)%s\n", n_slots * 32, api, api == 13 ? " *(.private.cpuid)" : ""
}

# Bodies without a place in the image.
function emit_discard(i, k) {
    c_banner("Bodies without a place in this image.")
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
    asm_banner("The stubs of the hypercall images.")
    print "%macro trap_stubs 0"
    for (k = 1; k <= rows; k++)
        if (trap[k] !~ /^(native|fixed)$/)
            printf "%s_stub %s\n", trap[k] == "nop" ? "nop" : "trap", member_of(k)
    print "%endmacro"
}

# The image's descriptor: the kind of every slot of a hypercall image, and the policy of API 3.0.
function emit_image(i, k, s, kind, answered) {
    asm_banner("The image's own tables.")
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
        answered = traps ? reloc[k] != "named" : reloc[k] ~ /^(always|lean)$/
        printf "        db      %3d%s ; %d %s\n", slot[k], answered ? " | POLICY_CALL" : "", i, names[k]
    }
    print "%endmacro"
}
