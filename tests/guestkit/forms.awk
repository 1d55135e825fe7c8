# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# awk -v as=nasm|gas -v every=N -v phase=K -f forms.awk calls.tsv include/vmi/sites-nasm.inc: functions that are one site each,
# with the operands that a compiler may choose: every combination of registers with the plainest memory operand, and every
# form of memory operand with some registers. Of all these every Nth from the Kth on, and those of both masks, of which
# one may be inlined. The table at the start:
#   dword cases, their number, zeros up to 128 dwords
#   cases, 8 dwords each: function, call, which of the arguments are known (bit 0 EAX, 1 EDX, 2 ECX, 3 and 4 the stack),
#   the arguments as the call has to get them
# A function sets all registers and returns with what the site leaves in them; its stack operands go to DATA + 200h.

BEGIN {
    FS = "\t"
    DATA = 1081344 # 108000h, as test_forms.c has it
    names = split("eax ecx edx ebx ebp esi edi", reg, " ")
    for (i = 1; i <= names; i++)
        pattern[reg[i]] = 1592590336 + 4369 * i # 5EED....
    seed = 12345
    print as == "nasm" ? "%include \"vmi/sites-nasm.inc\"\nbits 32\nsection .text progbits alloc exec nowrite align=1" : \
        ".include \"vmi/sites-gas.inc\"\n.text"
}

FILENAME ~ /calls.tsv$/ {
    if (!($1 in in_list) && $1 ~ /^[0-9]+$/) {
        in_list[$1] = $7
        stack[$1] = $8
    }
    next
}

/^; [A-Za-z0-9]+ \([0-9]+\):/ {
    number = $0
    sub(/^[^(]*\(/, "", number)
    number += 0
}

/^%macro vmi3?_.* ; / {
    split($0, head, / /)
    macro = head[2]
    operands = $0
    sub(/.* ; /, "", operands)
    n_op = split(operands, op, ", ")
    if (macro !~ /set_(ldt|tr)$/)
        enumerate()
}

# --- which cases ---

function random(n) {
    seed = (seed * 69069 + 12345) % 4294967296
    return int(seed / 65536) % n
}

function kind_of(name) {
    if (name ~ /^result/) return "result"
    if (macro ~ /^vmi3_update_pxe/ && name == "ptep" || name == "tss" || name == "table") return "pointer"
    if (name == "ptep" || name == "apic_register" || macro == "vmi_inval_page") return "memory"
    if (name == "number" || name == "index" || name == "bit") return name
    if (macro ~ /^vmi_set_(cr|dr)/) return "register"
    if (name == "mask") return "register"
    if (macro ~ /_pxe|write/ && name ~ /^(pte|low|high|value)$/) return "value"
    return "any"
}

# Ways to give an operand of a kind.
function ways(kind) {
    if (kind == "value" || kind == "bit") return names + 1
    if (kind == "any") return names + 3
    if (kind == "number") return 6
    return names
}

function enumerate(i, all, form, step) {
    all = 1
    has_memory = 0
    for (i = 1; i <= n_op; i++) {
        kind[i] = kind_of(op[i])
        all *= ways(kind[i])
        if (kind[i] == "memory")
            has_memory = 1
    }
    step = all > 1000 ? int(all / 1000) + 1 : 1
    for (i = 0; i < all; i += step)
        one_case(i, 0)
    if (has_memory)
        for (form = 1; form <= 9; form++)
            for (i = 0; i < 40; i++)
                one_case(random(all), form)
}

# --- one case ---

function r(name) {
    return as == "nasm" ? name : "%" name
}

function imm(value) {
    return (as == "nasm" ? "" : "$") value
}

function mem(base, index_reg, scale, disp) {
    if (as == "nasm")
        return "[" base (index_reg != "" ? (base != "" ? " + " : "") index_reg "*" scale : "") \
            (base index_reg == "" ? disp : disp ? " + " disp : "") "]"
    return base index_reg == "" ? disp : "\"" disp "(" r_or_none(base) (index_reg != "" ? "," r(index_reg) "," scale : "") ")\""
}

function r_or_none(name) {
    return name == "" ? "" : r(name)
}

# A register that has to have a value; false if it has another one already.
function need(name, value) {
    if (name in fixed && fixed[name] != value)
        impossible = 1
    fixed[name] = value
}

# The address that a memory operand is to have is DATA + 20h, or on the stack.
function memory_operand(base, form, i, s) {
    i = reg[1 + random(names)]
    s = 2 ^ random(4)
    at = DATA + 32
    if (form == 0) { need(base, at); return mem(base, "", 0, 0) }
    if (form == 1) { need(base, at - 36); return mem(base, "", 0, 36) }
    if (form == 2) { need(base, 64); return mem(base, "", 0, at - 64) }
    if (form == 3) { need(i, 3); need(base, at - 3 * s); return mem(base, i, s, 0) }
    if (form == 4) { need(i, 5); need(base, at - 5 * s - 12); return mem(base, i, s, 12) }
    if (form == 5) { need(i, 2); need(base, 48); return mem(base, i, s, at - 2 * s - 48) }
    if (form == 6) { need(base, 2); return mem("", base, 4, at - 8) }
    if (form == 7) return mem("", "", 0, at)
    on_stack = 1
    at = -1
    if (form == 8) return mem("esp", "", 0, 8)
    need(i, 2)
    return mem("esp", i, 4, 4)
}

# A case is the same in whichever part it is.
function one_case(i, form, kept) {
    if (n_cases++ % every != phase && macro !~ /interrupt_mask$/)
        return
    kept = seed
    seed = n_cases
    make_case(i, form)
    seed = kept
}

function make_case(i, form, n, k, w, text, name) {
    split("", fixed)
    impossible = on_stack = 0
    text = ""
    split("", used)
    for (k = 1; k <= n_op; k++) {
        n = i % ways(kind[k])
        i = int(i / ways(kind[k]))
        name = reg[n + 1]
        value_of[op[k]] = ""
        if (kind[k] == "memory") {
            w = memory_operand(name, form)
            value_of[op[k]] = at
        } else if (kind[k] == "number") {
            n = n > 3 ? n + 2 : n
            w = n
            value_of[op[k]] = n
        } else if (kind[k] == "pointer") {
            need(name, DATA + 64)
            w = r(name)
        } else if (kind[k] == "index") {
            need(name, 3)
            w = r(name)
        } else if (n >= names) {
            value_of[op[k]] = n == names ? (kind[k] == "bit" ? 7 : n == 7 && random(2) ? 19088743 : 5) : n == names + 1 ? 1517944832 + 128 : 1468792836
            if (n == names)
                w = imm(value_of[op[k]])
            else if (n == names + 1)
                w = mem("", "", 0, DATA + 128)
            else {
                w = mem("esp", "", 0, 16)
                on_stack = 1
            }
        } else {
            if (kind[k] == "bit")
                need(name, 5)
            if (kind[k] == "register")
                need(name, macro ~ /cr0/ ? 17 : macro ~ /cr4/ ? 0 : macro ~ /dr/ ? 1024 : macro ~ /mask/ ? (random(2) ? 514 : 2) : pattern[name])
            w = r(name)
            if (kind[k] == "result") {
                if (name in used)
                    impossible = 1 # two results in one register
                used[name] = 1
            }
        }
        if (kind[k] != "number" && (w == r(name) || kind[k] == "result"))
            from_register[op[k]] = name
        else
            delete from_register[op[k]]
        text = text (k > 1 ? ", " : " ") w
    }
    # A result of two that is written before the address is used for the last time.
    if (macro ~ /get_pxe_long/)
        for (k in fixed)
            if (k in used)
                impossible = 1
    if (!impossible)
        emit(text)
}

function line(text) {
    print "        " text
}

function move(to, value) {
    line(as == "nasm" ? "mov     " to "," value : "movl    $" value ",%" to)
}

function emit(text, k, name) {
    n_emitted++
    print "case_" n_emitted ":"
    if (on_stack)
        for (k = 7; k >= 0; k--)
            line("push    " (as == "nasm" ? "dword " : "$") 1468792832 + k) # 578C0000h; the fifth is that of an operand
    for (k = 1; k <= names; k++)
        move(reg[k], (reg[k] in fixed) ? fixed[reg[k]] : pattern[reg[k]])
    line(macro text)
    if (on_stack)
        for (k = 0; k < 8; k++)
            line(as == "nasm" ? "pop     dword [" DATA + 512 + 4 * k "]" : "popl    " DATA + 512 + 4 * k)
    line("ret")
    table = table describe()
}

# What the call gets, as far as it is known: on the stack an address is not.
function describe(k, n, w, part, place, values, known, name, v) {
    split("EAX EDX ECX", place, " ")
    n = in_list[number] == "-" ? 0 : split(in_list[number], w, " ")
    for (k = 1; k <= n; k++) {
        split(w[k], part, "=")
        name = part[2]
        if (name == "register")
            name = "apic_register"
        where[name] = part[1] ~ /^(EAX|AX)$/ ? 0 : part[1] ~ /^E?DX$/ ? 1 : 2
        known += learn(name, 2 ^ where[name], where[name], values)
    }
    n = stack[number] == "-" ? 0 : split(stack[number], w, " ")
    for (k = 1; k <= n; k++)
        known += learn(w[k], 2 ^ (2 + k), 2 + k, values)
    k = (as == "nasm" ? "        dd      " : "        .long   ") "case_" n_emitted ", " number ", " known + 0
    for (n = 0; n < 5; n++)
        k = k ", " values[n] + 0
    return k "\n"
}

function learn(name, b, place, values, v) {
    if (name == "pte" && macro == "vmi_swap_pxe")
        name = "result"
    v = value_of[name]
    if (name in from_register)
        v = (from_register[name] in fixed) ? fixed[from_register[name]] : pattern[from_register[name]]
    if (v == "" || v < 0)
        return 0
    values[place] = v
    return b
}

END {
    print as == "nasm" ? "section .table progbits alloc noexec nowrite align=4" : ".section .table,\"a\""
    line((as == "nasm" ? "dd      " : ".long   ") "cases, " n_emitted)
    line(as == "nasm" ? "times 126 dd 0" : ".fill 126, 4, 0")
    print as == "nasm" ? "section .rodata progbits alloc noexec nowrite align=4\ncases:" : ".section .rodata,\"a\"\ncases:"
    printf "%s", table
    print as == "nasm" ? "section .note.GNU-stack noalloc noexec nowrite progbits" : ".section .note.GNU-stack,\"\",@progbits"
    print "forms.awk: " n_cases " cases, " n_emitted + 0 " of them here" > "/dev/stderr"
}
