# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# The table for people: docs/calls.md.

BEGIN {
    set(emitters, "calls.md")
}

END {
    if (emit == "calls.md") emit_doc()
}

function code(text) {
    return text == "-" ? "" : "`" text "`"
}

function emit_doc(i, k, n, w) {
    print "<!-- SPDX-License-Identifier: GPL-2.0-only OR MIT -->"
    print "# The calls"
    print ""
    print "Generated from `calls.tsv`: edit calls.tsv instead. A call is a near CALL to ROM start + 32 * number (API 13); arguments are in"
    print "the registers named, then on the stack from `[ESP+4]` up, popped by the caller. What is neither a result nor named"
    print "under \"may change\" is preserved, and so are IOPL, AC, ID, DF and the segment registers. \"flags\" are the arithmetic"
    print "flags. In the calls marked CS/SS, DS and ES may hold anything, null included."
    print ""
    print "*Body* is the native ROM's: `ret` a bare return, `insn` one instruction and a return, `code` several instructions,"
    print "`jump` continues outside the slot. *Hypercall* is what the call's slot holds in a hypercall image by default, *tuned*"
    print "under a hypervisor with nested paging and devices passed through, *hosted* under one in user space above"
    print "KVM and the like: `trap`, `native` (the native body), `nop` (returns at once); `must` always traps, `fixed` never. *Relocation* is the policy that answers the question for the call with its"
    print "address (docs/image.md): `always`, `lean`, `full`, `named` only when a policy names it, `host` likewise where a hypervisor serves it."
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
    print ""
    print "## Instructions"
    print ""
    print "What a kernel without VMI executes, by the names that vmi-lint gives it (docs/vmi-lint.1), the call that stands for it, and its"
    print "site: a function in C, or a macro of the assemblers. Stores to page tables, descriptors and the local APIC are calls too."
    print ""
    print "| instruction | call | site |"
    print "| --- | --- | --- |"
    for (i = 1; i <= n_instructions; i++)
        printf "| `%s` | %s | `%s` |\n", instruction[i], names[stands_for[i]], site_use(stands_for[i])
}

function doc_table(row, from, to, i, k) {
    print "| number | slot | name | since | in | stack | out | may change | segments | returns | body | hypercall | tuned | hosted |" \
        (from ? "" : " relocation |") " what it does |"
    print "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |" (from ? "" : " --- |")
    for (i = from; i <= to; i++) {
        k = row[i]
        printf "| %d | %d | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |%s %s |\n", i, slot[k], names[k], since[k], \
            code(in_list[k]), code(stack[k]), code(out_list[k]), clobbers[k] == "-" ? "nothing" : clobbers[k], \
            segments[k] == "flat" ? "flat" : "CS/SS", returns[k], body[k], trap[k], tuned[k], hosted[k], from ? "" : " " reloc[k] " |", summary[k]
    }
}
