# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# Call sites as functions of C, by the macros of include/vmi/site-macros.h.

BEGIN {
    set(emitters, "sites.h")
}

END {
    if (emit == "sites.h") emit_sites()
}

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

function emit_sites(k) {
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
    print "#include \"vmi/site-macros.h\""
    for (k = 1; k <= rows; k++)
        if (returns[k] != "noret" && collect_site(k))
            emit_wrapper(k)
    emit_numbers()
    print ""
    print "#endif"
}

# For the linker: what API 3.0 calls a slot.
function emit_numbers(s, k, number) {
    for (k = 1; k <= rows; k++)
        if (api3[k] != "-" && trap[k] != "fixed")
            number[slot[k] + 0] = api3[k]
    print ""
    print "/* Sites have call numbers of API 13, and behind them the slots of the calls that only API 3.0 has. */"
    printf "#define VMI_SITE_CALL_LAST %d\n", last_slot
    print ""
    print "/* The number of each in API 3.0, VMI_NOT_IN_3 for none. */"
    print "#define VMI_NOT_IN_3 0xFF"
    print "#define VMI_NUMBERS_IN_3 { \\"
    for (s = 0; s <= last_slot; s++)
        printf "%s%s,%s", s % 16 ? " " : "    ", s in number ? number[s] : "0xFF", s % 16 == 15 || s == last_slot ? " \\\n" : ""
    print "    }"
}
