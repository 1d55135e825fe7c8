# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# What the ring 1 images are made of: entries.inc, the page of calls that ring 1 runs; ring1.inc, the
# slots of the image of API 13 and the answers of that of API 3.0.

BEGIN { set(emitters, "entries.inc ring1.inc") }

END {
    if (emit == "entries.inc") emit_entries()
    if (emit == "ring1.inc") emit_ring1()
}

function entry_kind(k) {
    return ring1[k] == "fixed" ? "own" : ring1[k]
}

# Those that have another body where the hypervisor keeps the interrupt flag: they deal with it.
function is_control(k) {
    return ring1[k] == "control" || ring1[k] == "soft" && returns[k] == "noret"
}

function emit_entries(i, k, first, count) {
    asm_banner("The calls that ring 1 runs, by slot.")
    print "%macro ring1_entries 0"
    for (i = first_slot; i < n_slots; i++)
        if (i in row13)
            printf "        entry_%s %d, %s\n", entry_kind(row13[i]), i, names[row13[i]]
        else if (i in slot3) {
            k = slot3[i]
            printf "        entry_%s%s %d, %s\n", entry_kind(k), ring1[k] == "native" ? "3" : "", i, member_of(k)
        } else
            printf "        entry_native %d, Unassigned\n", i
    print "%endmacro"
    print "%macro control_calls 0"
    for (i = first_slot; i < n_slots; i++)
        if (i in row13 && is_control(row13[i])) {
            if (!count++)
                first = i
            if (i != first + count - 1)
                fail(names[row13[i]] ": the calls of the interrupt flag have to stand together")
            printf "        control_call %d, %s\n", i, names[row13[i]]
        }
    print "%endmacro"
    printf "%%assign CONTROL_FIRST %d\n%%assign CONTROL_COUNT %d\n", first, count
}

# The entry that a call of API 3.0 is answered with; 0: the guest keeps its own instructions. What
# policy lean answers natively is answered here, too: a call costs the guest less than its own.
function answer_of(k, kept) {
    if (ring1[k] !~ /^(trap|soft)$/ && reloc[k] !~ /^(always|lean)$/ && !(kept && is_control(k)))
        return 0
    return names[k] == "IRET" ? "ENTRY_IRET3" : slot[k]
}

function emit_answers(name, kept, i) {
    printf "%%macro %s 0\n", name
    for (i = 0; i < n3; i++)
        printf "        db      %s ; %d %s\n", answer_of(row3[i], kept), i, names[row3[i]]
    print "%endmacro"
}

function emit_ring1(i, kind, first, count) {
    asm_banner("The images of the ring 1 ROM.")
    print "%macro ring1_slots 0"
    for (i = first_slot; i < n_slots; i++) {
        kind = i in row13 ? entry_kind(row13[i]) : "native"
        printf "        slot_%s %d, %s\n", kind ~ /^(trap|soft)$/ ? "entry" : kind, i, i in row13 ? names[row13[i]] : "Unassigned"
        if (kind == "control") {
            if (!count++)
                first = i
            if (i != first + count - 1)
                fail(names[row13[i]] ": the slots that a flag exchanges have to stand together")
        }
    }
    print "%endmacro"
    print "%macro ring1_kinds 0"
    for (i = 0; i < n_slots; i++) {
        kind = i < first_slot ? "own" : i in row13 ? entry_kind(row13[i]) : "native"
        printf "        db      %d ; %d\n", kind == "native" || kind == "control" ? 0 : kind == "nop" ? 2 : kind == "own" ? 3 : 4, i
    }
    print "%endmacro"
    printf "%%assign FLAGGED_FIRST %d\n%%assign FLAGGED_COUNT %d\n", first, count
    emit_answers("ring1_answers", 0)
    emit_answers("ring1_answers_control", 1)
}
