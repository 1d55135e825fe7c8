# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# Call sites as macros of NASM and GNU as, by those of include/vmi/site-macros-*.inc. Arguments and results are in the
# call's registers, stack arguments in registers that a macro is given.

BEGIN {
    set(emitters, "sites-nasm.inc sites-gas.inc")
}

END {
    if (emit == "sites-nasm.inc") emit_sites_nasm()
    if (emit == "sites-gas.inc") emit_sites_gas()
}

function stack_names(k, i, w, text) {
    for (i = 1; i <= split(stack[k], w, " "); i++)
        text = text (i > 1 ? ", " : "") w[i]
    return text
}

function emit_sites_nasm(k, n, i) {
    asm_banner("The calls of VMI as call sites for NASM.")
    print "; vmi/guest.h says what a site is. Arguments and results are in the call's registers, arguments that go to the stack in"
    print "; registers that the macro is given (not ESP). With operands, in the order of the function in C behind a result, a site"
    print "; takes any registers, constants and memory and keeps all registers but its results: vmi_set_pxe esi, [edi + eax*4], 1."
    print "; A pointer that natively is not used is a register or a symbol, without brackets."
    print ""
    print "%ifndef VMI_SITES_INC"
    print "%define VMI_SITES_INC"
    print ""
    print "%include \"vmi/site-macros-nasm.inc\""
    for (k = 1; k <= rows; k++)
        if (collect_site(k)) {
            emit_macro_nasm(k)
            if (has_operands(k))
                emit_free_nasm(k, shape_of(k))
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
        printf "        vmi_record %d, %%%%site, %d%s\n", slot[k], site_size(k) - n_native, keeps_all(k) ? ", 0x80" : ""
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
    c_banner("The calls of VMI as call sites for GNU as and clang.")
    print "/* vmi/guest.h says what a site is. Arguments and results are in the call's registers, arguments that go to the stack in"
    print "   registers that the macro is given (not %esp). With operands, in the order of the function in C behind a result, a site"
    print "   takes any registers, constants and memory and keeps all registers but its results: vmi_set_pxe %esi, \"(%edi,%eax,4)\", $1."
    print "   A pointer that natively is not used is a register or a symbol; memory of 64 bits has its displacement written, 0(%edi)."
    print "   Operands are in AT&T syntax; with the symbol VMI_INTEL set before, the file goes on in .intel_syntax noprefix. */"
    print ""
    print ".ifndef vmi_sites_inc"
    print ".set vmi_sites_inc, 1"
    print ""
    print ".ifndef vmi_site_macros_inc"
    print ".include \"vmi/site-macros-gas.inc\""
    print ".endif"
    for (k = 1; k <= rows; k++)
        if (collect_site(k))
            emit_macro_gas(k)
    print ""
    print ".endif"
}

# Whether the assemblers have a form of the macro whose operands may be anywhere.
function has_operands(k, shape) {
    shape = shape_of(k)
    if (shape == "" || shape == "same")
        return 0
    asm_shape(k, shape)
    return n_operand > 0 && n_operand != pushed(k)
}

# One macro for both forms: with the stack arguments alone it is the form with the call's registers.
function emit_macro_gas(k, i, w, list, free) {
    free = has_operands(k)
    printf "\n/* %s (%d): %s */\n", names[k], slot[k], comment_of(k)
    if (free) {
        for (i = 1; i <= n_operand; i++)
            list = list ((i > 1) ? ", " : " ") operand[i]
        printf ".macro %s%s\n", site_name(k), list
        print "vmi_att"
        printf ".ifnb \\%s\n", operand[pushed(k) + 1]
        emit_free_gas(k, shape_of(k))
        print ".else"
        n = split(stack[k], w, " ")
        if (pushed(k))
            for (i = 1; i <= pushed(k); i++)
                stack_operand[i] = operand[i]
    } else {
        printf ".macro %s%s\n", site_name(k), pushed(k) ? " " stack_names(k) : ""
        if (pushed(k))
            print "vmi_att"
        for (i = 1; i <= split(stack[k], w, " "); i++)
            stack_operand[i] = w[i]
    }
    if (pushed(k)) {
        print ".pushsection .vmi.translation.stack,\"a\",@progbits"
        print "773:"
        for (i = split(stack[k], w, " "); i > 0; i--)
            print "push \\" stack_operand[i]
        printf ".byte 0xe8\n.long %d\n.byte 0x8d, 0x64, 0x24, %d\n774:\n.popsection\n", slot[k], 4 * n_stack[k]
    } else {
        printf "vmi_translation %d\n", slot[k]
    }
    print "771:"
    emit_native_asm(k, ".byte ", "movl %ecx, (%eax,%edx,8)\nmovl \\" stack_operand[1] ", 4(%eax,%edx,8)", "")
    printf "vmi_record %d, %d%s\n%s.endm\n", slot[k], site_size(k) - n_native, keeps_all(k) ? ", 0x80" : "", \
        (free ? ".endif\n" : "") (free || pushed(k) ? "vmi_back\n" : "")
}

# --- sites whose operands may be anywhere ---
# A macro of the same name with operands in the order of the function in C, behind a result, if there is one. Instructions
# are written with the destination first; @name is an operand of the macro, %name a register.

# The macro's operands: operand[1] to operand[n_operand], and the native instructions and moves, a line each.
function asm_shape(k, shape, i, a) {
    collect_arguments(k)
    collect_results(k)
    n_operand = 0
    natives = befores = afters = ""
    a = -1
    if (n_out == 1)
        operand[++n_operand] = "result"
    if (n_out == 2) {
        operand[++n_operand] = "result_low"
        operand[++n_operand] = "result_high"
    }
    for (i = 0; i < n_arg; i++) {
        if (shape == "exchange" && meaning[i] == "pte")
            meaning[i] = "result" # XCHG: the value is lost, so one operand serves both
        else
            operand[++n_operand] = meaning[i]
        if (is_address(k, shape, i))
            a = i
    }
    for (i = n_arg - 1; i >= 0; i--)
        if (i != a || shape == "nothing" && !is_address(k, shape, i))
            befores = befores "push @" meaning[i] "\n"
    if (a >= 0)
        befores = befores "lea %" tolower(arg_reg[a]) ",@" (is_address(k, shape, a) && shape ~ /^(nothing|entry)$/ ? "&" : "") meaning[a] "\n"
    for (i = 0; i < n_arg; i++)
        if (i != a && arg_reg[i] != "stack")
            befores = befores "pop %" tolower(wide(arg_reg[i])) "\n"
    if (n_out == 1)
        afters = "mov @result,%eax\n"
    if (n_out == 2)
        afters = "push %edx\npush %eax\npop @result_low\npop @result_high\n"
    natives = asm_natives(k, shape, a)
}

function asm_natives(k, shape, a, v, at) {
    at = "@" meaning[a]
    if (shape == "nothing") return "nop\n"
    if (shape == "address") return "invlpg " at "\n"
    if (shape == "store") return "mov dword " at ",@" meaning[argument_in(8)] "\n"
    if (shape == "load") return "mov @result,dword " at "\n"
    if (shape == "store64") return "mov dword @^" meaning[a] ",@high\nmov dword " at ",@low\n"
    if (shape == "exchange") return "xchg dword " at ",@result\n"
    if (shape == "bit") return "lock " shape_name(k, shape) " dword " at ",@bit\nsbb @result,@result\n"
    if (shape == "from") return "mov @result,%" shape_name(k, shape) "\n"
    if (shape == "to" && shape_name(k, shape) ~ /^l/) return shape_name(k, shape) " @" meaning[0] "\n"
    if (shape == "to") return "mov %" shape_name(k, shape) ",@" meaning[0] "\n"
    if (shape == "get_mask") return "pushf\npop @result\n"
    if (shape == "set_mask") return "push @" meaning[0] "\npopf\n"
    if (shape == "number") return n_out ? "mov @result,%dr@number\n" : "mov %dr@number,@value\n"
    if (shape == "entry") return "mov dword @[,@low\nmov dword @],@high\n"
    if (shape == "load64") return "again:\nmov @result_low,dword " at "\nmov @result_high,dword @^" meaning[a] \
        "\ncmp @result_low,dword " at "\njne again\n"
}

function operand_number(name, i) {
    for (i = 1; i <= n_operand; i++)
        if (operand[i] == name)
            return i
}

# One operand of an instruction for NASM.
function nasm_operand(text, sized, n) {
    sized = sub(/^dword /, "", text) ? "dword " : ""
    if (text == "%dr@number") return "dr%" operand_number("number")
    if (text ~ /^%/) return substr(text, 2)
    if (text == "@[") return "dword [%" operand_number("table") " + %" operand_number("index") "*8]"
    if (text == "@]") return "dword [%" operand_number("table") " + %" operand_number("index") "*8 + 4]"
    if (text ~ /^@&/) return "[%" operand_number(substr(text, 3)) "]"
    if (text ~ /^@\^/) return sized "%[vmi_upper]"
    return text ~ /^@/ ? sized "%" operand_number(substr(text, 2)) : text
}

function gas_operand(text) {
    sub(/^dword /, "", text)
    if (text == "%dr@number") return "%dr\\number"
    if (text == "@number") return "$\\number"
    if (text == "@[") return "0(\\table,\\index,8)"
    if (text == "@]") return "4(\\table,\\index,8)"
    if (text ~ /^@&/) return "(\\" substr(text, 3) ")"
    if (text ~ /^@\^/) return "4+\\" substr(text, 3)
    return text ~ /^@/ ? "\\" substr(text, 2) : text
}

function emit_lines(as, text, i, n, lines, space, word, args, operands, m) {
    n = split(text, lines, "\n")
    for (i = 1; i < n; i++) {
        if (lines[i] == "again:") {
            print as == "nasm" ? "%%again" letter_of_copy ":" : "776:"
            continue
        }
        word = lines[i]
        args = ""
        if (match(word, /^(lock )?[a-z]+ /)) {
            args = substr(word, RLENGTH + 1)
            word = substr(word, 1, RLENGTH - 1)
        }
        m = split(args, operands, ",")
        if (as == "nasm")
            print "        " (word ~ /^l[lt]/ ? "vmi_selector" : word) nasm_arguments(word, m, operands)
        else
            print gas_instruction(word, m, operands)
    }
}

function nasm_arguments(word, m, operands) {
    if (m == 0) return ""
    if (word == "jne") return " %%again" letter_of_copy
    if (word == "push") return " dword " nasm_operand(operands[1])
    if (word ~ /^l[lt]/) return " " word ", " nasm_operand(operands[1])
    return " " nasm_operand(operands[1]) (m > 1 ? "," nasm_operand(operands[2]) : "")
}

function gas_instruction(word, m, operands) {
    if (word == "nop" || word == "pushf" || word == "popf") return word
    if (word == "jne") return ".byte 0x75, 776b-773f"
    if (word ~ /^l[lt]/) return "vmi_selector " word ", \"" gas_operand(operands[1]) "\""
    if (word == "invlpg") return word " " gas_operand(operands[1])
    if (word == "mov" && (operands[1] operands[2]) ~ /%[cd]r/) return "movl " gas_operand(operands[2]) "," gas_operand(operands[1])
    return word "l " (m > 1 ? gas_operand(operands[2]) "," : "") gas_operand(operands[1])
}

function emit_free_nasm(k, shape, i, name) {
    asm_shape(k, shape)
    name = names[k]
    printf "\n%%macro %s %d ; ", site_name(k), n_operand
    for (i = 1; i <= n_operand; i++)
        printf "%s%s", (i > 1 ? ", " : ""), operand[i]
    print ""
    if (natives ~ /@\^/)
        printf "        vmi_upper_of %%%d\n", operand_number(meaning[pointer_argument(k, shape)])
    print "vmi_section_sizes\n%%size:"
    letter_of_copy = "_size"
    emit_lines("nasm", natives)
    print "%%size_end:\nvmi_section_translations\n%%translation:"
    emit_lines("nasm", befores)
    printf "        db      0xe8\n        dd      %d\n", slot[k]
    emit_lines("nasm", afters)
    print "%%translation_end:\n__?SECT?__\n%%site:"
    printf "        times   (%d - (%%%%size_end - %%%%size)) * (%%%%size_end - %%%%size < %d) db 0x3e\n%%%%native:\n", room_of(k), room_of(k)
    letter_of_copy = ""
    emit_lines("nasm", natives)
    print "%%end:\nvmi_section_records"
    printf "        dd      %d, %%%%site, %%%%translation\n", slot[k]
    printf "        db      %%%%end - %%%%site, %%%%translation_end - %%%%translation, %%%%native - %%%%site, 0x%x\n", 128 + scratch_mask(k)
    print "__?SECT?__\n%endmacro"
}

function pointer_argument(k, shape, i) {
    for (i = 0; i < n_arg; i++)
        if (is_address(k, shape, i))
            return i
}

# The part of a macro of GNU as behind `.else`: it has been given operands.
function emit_free_gas(k, shape) {
    print ".pushsection .vmi.translation.stack,\"a?\",@progbits\n774:"
    emit_lines("gas", befores)
    printf ".byte 0xe8\n.long %d\n", slot[k]
    emit_lines("gas", afters)
    print "775:\n.popsection"
    printf "vmi_pad %d\n", room_of(k)
    emit_lines("gas", natives)
    printf "vmi_record_free %d, 0x%x\n", slot[k], 128 + scratch_mask(k)
}
