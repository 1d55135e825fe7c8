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

# --- sites whose operands may be anywhere ---

function out_operand(name, constraint, value) {
    outputs = joined(outputs, "[" name "] \"" constraint "\"(" value ")", ", ")
}

function in_operand(name, constraint, value) {
    inputs = joined(inputs, "[" name "] " constraint "(" value ")", ", ")
}

# Either syntax, for an instruction with its operands in the order of AT&T.
function two_ways(mnemonic, suffix, from, to, intel_from, intel_to) {
    intel_from = from
    intel_to = to
    sub(/^%%/, "", intel_from)
    sub(/^%%/, "", intel_to)
    return "{" mnemonic suffix " " from "," to "|" mnemonic " " intel_to "," intel_from "}"
}

# A memory operand whose size clang leaves out in Intel's syntax.
function store_of(from, to) {
    return "{movl " from "," to "|mov dword ptr " to "," from "}"
}

function load_of(from, to) {
    return "{movl " from "," to "|mov " to ",dword ptr " from "}"
}

# What a pointer points at, as an operand that is the address.
function pointed(k, i) {
    if (meaning[i] == "linear") return "*(volatile char *)linear"
    if (c_type(k, arg_reg[i], meaning[i]) ~ /void/) return "*(const volatile char *)" meaning[i]
    return "*" meaning[i]
}

function is_address(k, shape, i) {
    return c_type(k, arg_reg[i], meaning[i]) ~ /\*/ || shape == "address"
}

# The argument that the instruction has in a field of its ModRM byte: 1 for rm, 8 for reg.
function argument_in(field, i) {
    for (i = 0; i < n_arg; i++)
        if (arg_reg[i] != "stack" && bit[arg_reg[i]] == 2 ^ (int(modrm / field) % 8))
            return i
}

# What brings the arguments to where the call has them: pushes, the address, and pops. Registers are as the site has them
# until the address is taken.
function c_before(k, shape, number, i, pushes, pops, address) {
    for (i = 0; i < n_arg; i++) {
        if (is_address(k, shape, i)) {
            address = "{leal %[" meaning[i] "],%%" tolower(arg_reg[i]) "|lea " tolower(arg_reg[i]) ",%[" meaning[i] "]}; "
            continue
        }
        if (meaning[i] == "number")
            pushes = "{pushl $" number "|push " number "}; " pushes
        else
            pushes = "{pushl|push} %" (arg_reg[i] ~ /X$/ && arg_reg[i] !~ /^E/ ? "k" : "") "[" meaning[i] "]; " pushes
        if (arg_reg[i] != "stack")
            pops = pops ",0x" sprintf("%x", 88 + log2(bit[wide(arg_reg[i])]))
    }
    return pushes address (pops == "" ? "" : ".byte " substr(pops, 2) "; ")
}

function log2(n, i) {
    for (i = 0; n > 1; i++)
        n /= 2
    return i
}

function c_after(result) {
    if (n_out == 1)
        return "; " two_ways("mov", "l", "%%eax", "%[" result "]")
    return n_out == 2 ? "; .byte 0x52,0x50; pop %[result_low]; pop %[result_high]" : ""
}

# Sets outputs, inputs, lost, what the site returns, and returns the native instructions.
function c_shape(k, shape, number, v, a, i, text) {
    outputs = inputs = ""
    lost = group[k] != "cpu-info" && names[k] !~ /^Get[A-Z]/ ? "\"memory\", " : ""
    if (shape ~ /^(store|load|entry)/)
        lost = ""
    if (shape ~ /^(nothing|same|number|entry)$/ || shape ~ /mask$/ || shape ~ /^store64/)
        v = -1
    for (i = 0; i < n_arg; i++)
        if (is_address(k, shape, i))
            a = i
    if (shape == "nothing" || shape == "same") {
        for (i = 0; i < n_arg; i++)
            any_operand(k, shape, i)
        return ".byte " (shape == "nothing" ? "0x90" : byte_list())
    }
    if (shape == "address") {
        in_operand(meaning[a], "\"m\"", pointed(k, a))
        return "invlpg %[" meaning[a] "]"
    }
    if (shape == "store") {
        v = argument_in(8)
        out_operand(meaning[a], "=m", pointed(k, a))
        in_operand(meaning[v], "VMI_VALUE", meaning[v])
        for (i = 0; i < n_arg; i++)
            if (i != a && i != v)
                any_operand(k, shape, i)
        return store_of("%[" meaning[v] "]", "%[" meaning[a] "]")
    }
    if (shape == "load") {
        out_operand("result", "=r", "result")
        in_operand(meaning[a], "\"m\"", pointed(k, a))
        return load_of("%[" meaning[a] "]", "%[result]")
    }
    if (shape == "store64") {
        out_operand(meaning[a], "=m", "dwords[0]")
        out_operand("upper", "=m", "dwords[1]")
        for (i = 0; i < n_arg; i++)
            if (meaning[i] ~ /^(low|high)$/)
                in_operand(meaning[i], "VMI_VALUE", meaning[i])
            else if (i != a)
                any_operand(k, shape, i)
        return store_of("%[high]", "%[upper]") "; " store_of("%[low]", "%[" meaning[a] "]")
    }
    if (shape == "load64") {
        out_operand("result_low", "=&r", "result_low")
        out_operand("result_high", "=&r", "result_high")
        in_operand(meaning[a], "\"m\"", "dwords[0]")
        in_operand("upper", "\"m\"", "dwords[1]")
        return "776: " load_of("%[" meaning[a] "]", "%[result_low]") "; " load_of("%[upper]", "%[result_high]") \
            "; {cmpl %[" meaning[a] "],%[result_low]|cmp %[result_low],dword ptr %[" meaning[a] "]}; .byte 0x75,776b-773f"
    }
    if (shape == "exchange") {
        v = argument_in(8)
        out_operand(meaning[a], "+m", pointed(k, a))
        out_operand(meaning[v], "+r", meaning[v])
        result_operand = meaning[v]
        return "{xchgl %[" meaning[v] "],%[" meaning[a] "]|xchg dword ptr %[" meaning[a] "],%[" meaning[v] "]}"
    }
    if (shape == "bit") {
        out_operand(meaning[a], "+m", group[k] == "mmu-pae" ? "dwords[0]" : pointed(k, a))
        out_operand("result", "=r", "result")
        in_operand("bit", "\"Ir\"", "bit")
        text = shape_name(k, shape)
        return "lock; {" text "l %[bit],%[" meaning[a] "]|" text " dword ptr %[" meaning[a] "],%[bit]}; {sbbl|sbb} %[result],%[result]"
    }
    if (shape == "to") {
        v = 0
        in_operand(meaning[v], "\"r\"", meaning[v])
        text = shape_name(k, shape)
        return text ~ /^l/ ? text " %w[" meaning[v] "]" : two_ways("mov", "", "%[" meaning[v] "]", "%%" text)
    }
    if (shape == "from") {
        out_operand("result", "=r", "result")
        return "{mov %%" shape_name(k, shape) ",%[result]|mov %[result]," shape_name(k, shape) "}"
    }
    if (shape == "get_mask") {
        out_operand("result", "=r", "result")
        return ".byte 0x9c; pop %[result]"
    }
    if (shape == "set_mask") {
        in_operand(meaning[0], "VMI_ANY", meaning[0])
        return "{pushl|push} %[" meaning[0] "]; .byte 0x9d"
    }
    if (shape == "number" && n_out) {
        out_operand("result", "=r", "result")
        return "{mov %%dr" number ",%[result]|mov %[result],dr" number "}"
    }
    if (shape == "number") {
        in_operand("value", "\"r\"", "value")
        return "{mov %[value],%%dr" number "|mov dr" number ",%[value]}"
    }
    if (shape == "entry") {
        out_operand("lower", "=m", "dwords[0]")
        out_operand("upper", "=m", "dwords[1]")
        for (i = 0; i < n_arg; i++)
            if (meaning[i] ~ /^(low|high)$/)
                in_operand(meaning[i], "VMI_VALUE", meaning[i])
            else
                any_operand(k, shape, i)
        return store_of("%[low]", "%[lower]") "; " store_of("%[high]", "%[upper]")
    }
}

# An argument that the native instructions do not have.
function any_operand(k, shape, i) {
    if (is_address(k, shape, i))
        in_operand(meaning[i], "\"m\"", pointed(k, i))
    else
        in_operand(meaning[i], arg_reg[i] ~ /^[AD]X$/ ? "VMI_VALUE" : "VMI_ANY", meaning[i])
}

function emit_free_asm(k, shape, indent, number, native, before, after) {
    result_operand = "result"
    native = c_shape(k, shape, number)
    before = c_before(k, shape, number)
    after = c_after(result_operand)
    printf "%sVMI_ASM(VMI_SITE_%s(%d, %d, %d, \"%s\"", indent, before after == "" ? "KEEP" : "FREE", slot[k], room_of(k), scratch_mask(k), native
    if (before after != "")
        printf ", \"%s\", \"%s\"", before, after
    print ")"
    printf "%s        :%s\n%s        :%s\n", indent, outputs == "" ? "" : " " outputs, indent, inputs == "" ? "" : " " inputs
    printf "%s        : %s\"cc\");\n", indent, lost
    if (n_out == 1 && shape == "exchange")
        printf "%sresult = %s;\n", indent, result_operand
}

# A debug register's number is a part of the instruction, and only the compiler knows whether it is a constant.
function emit_numbered(k, n) {
    print "    if (__builtin_constant_p(number) && number < 8) {"
    for (n = 0; n < 8; n++) {
        printf "        if (number == %d) {\n", n
        emit_free_asm(k, "number", "            ", n)
        print "        }"
    }
    print n_out ? "        return result;" : "        return;"
    print "    }"
}

# UpdateKernelStack with the store that it announces: natively the store is all. A hypervisor may read the TSS or not.
function emit_kernel_stack(k) {
    printf "\n/* %d: The same with the store, to ESP0 of a 32-bit TSS */\n", slot[k]
    print "VMI_WRAPPER void vmi_set_kernel_stack(void *tss, uint32_t esp0) {"
    print "    volatile vmi_dword *dwords = (volatile vmi_dword *)tss;"
    printf "    VMI_ASM(VMI_SITE_FREE(%d, %d, %d, \"%s\", \"%s; %s\", \"\")\n", slot[k], room_of(k), scratch_mask(k), \
        store_of("%[esp0]", "%[stored]"), store_of("%[esp0]", "%[stored]"), c_before(k, "nothing")
    print "            : [stored] \"=m\"(dwords[1])"
    print "            : [tss] \"m\"(*(const volatile char *)tss), [esp0] VMI_VALUE(esp0)"
    print "            : \"cc\");\n}"
}

# The dwords of what takes two.
function emit_dwords(shape, i) {
    if (shape == "entry")
        print "    volatile vmi_dword *dwords = (volatile vmi_dword *)((volatile uint64_t *)table + index);"
    else if (shape ~ /64$/ || shape == "bit")
        print "    volatile vmi_dword *dwords = (volatile vmi_dword *)ptep;"
}

function c_pushes(k, i, w, text) {
    for (i = split(stack[k], w, " "); i > 0; i--)
        text = text "push %[" w[i] "]; "
    return text
}

function emit_wrapper(k, i, type, shape) {
    collect_arguments(k)
    collect_results(k)
    shape = shape_of(k)
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
    if (shape == "number")
        emit_numbered(k)
    if (shape ~ /64$|^entry$/ || shape == "bit" && group[k] == "mmu-pae")
        emit_dwords(shape)
    if (shape != "" && shape != "number")
        emit_free_asm(k, shape, "    ")
    else
        emit_fixed_asm(k)
    if (n_out == 1)
        print "    return result;"
    if (n_out == 2)
        print "    return (uint64_t)result_high << 32 | result_low;"
    print "}"
    if (in_list[k] == "EAX=tss EDX=esp0")
        emit_kernel_stack(k)
    if (shape == "entry")
        emit_entry_kinds(k)
}

# A descriptor as the kernel has it: its dwords, or where it is.
function emit_entry_kinds(k) {
    printf "\n/* %d: The same from two dwords, and from memory */\n", slot[k]
    printf "VMI_WRAPPER void %s_dwords(void *table, uint32_t index, uint32_t low, uint32_t high) {\n", site_name(k)
    printf "    %s(table, index, (uint64_t)high << 32 | low);\n}\n", site_name(k)
    printf "VMI_WRAPPER void %s_from(void *table, uint32_t index, const void *entry) {\n", site_name(k)
    print "    const vmi_dword *dwords = (const vmi_dword *)entry;"
    printf "    %s_dwords(table, index, dwords[0], dwords[1]);\n}\n", site_name(k)
}

# A call whose native instructions have their registers fixed.
function emit_fixed_asm(k) {
    collect_operands(k)
    if (pushed(k))
        printf "    VMI_ASM(VMI_SITE_STACK(%d, %d, %s, \"%s\", %d)\n", slot[k], call_size(k) - n_native, c_native(k), \
            c_pushes(k), 4 * n_stack[k]
    else
        printf "    VMI_ASM(VMI_SITE(%d, %d, %s)\n", slot[k], call_size(k) - n_native, c_native(k)
    printf "            :%s\n            :%s\n", outputs == "" ? "" : " " outputs, inputs == "" ? "" : " " inputs
    printf "            : %s\"cc\");\n", lost
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
    print "#include \"vmi/site-macros.h\""
    print ""
    print "/* The text of a site is longer than C90 promises to take. */"
    print "#ifdef __clang__"
    print "#pragma clang diagnostic push"
    print "#pragma clang diagnostic ignored \"-Woverlength-strings\""
    print "#endif"
    for (k = 1; k <= rows; k++)
        if (returns[k] != "noret" && collect_site(k))
            emit_wrapper(k)
    print ""
    print "#ifdef __clang__"
    print "#pragma clang diagnostic pop"
    print "#endif"
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
    emit_bodies()
    print ""
    print "/* The number of each in API 3.0, VMI_NOT_IN_3 for none. */"
    print "#define VMI_NOT_IN_3 0xFF"
    print "#define VMI_NUMBERS_IN_3 { \\"
    for (s = 0; s <= last_slot; s++)
        printf "%s%s,%s", s % 16 ? " " : "    ", s in number ? number[s] : "0xFF", s % 16 == 15 || s == last_slot ? " \\\n" : ""
    print "    }"
}

# For the linker: what a body is where the site does the same in registers of its own.
function emit_bodies(k, s, i, fact, list) {
    print ""
    print "/* The native bodies of the calls whose sites may have any registers: call, size, bytes; 0 behind the last. */"
    print "#define VMI_NATIVE_BODIES { \\"
    split("", site_taken)
    for (k = 1; k <= rows; k++) {
        if (!collect_site(k) || shape_of(k) == "")
            continue
        s = slot[k] + 0
        fact = api13[k] == "-" ? 1 : from_hex(slot_byte[s, 31])
        if (fact % 64 < 2 && shape_of(k) != "nothing") # RET says nothing of itself
            continue
        if (shape_of(k) == "nothing" && slot_byte[s, 0] == "c3")
            fact = 1
        list = ""
        for (i = 0; i < fact % 64 - 1; i++)
            list = list ", 0x" slot_byte[s, i]
        printf "    %d, %d%s, \\\n", s, i, list
    }
    print "    0 \\"
    print "    }"
}
