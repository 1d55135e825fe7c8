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
    print "; registers that the macro is given (not ESP)."
    print ""
    print "%ifndef VMI_SITES_INC"
    print "%define VMI_SITES_INC"
    print ""
    print "%include \"vmi/site-macros-nasm.inc\""
    for (k = 1; k <= rows; k++)
        if (collect_site(k))
            emit_macro_nasm(k)
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
    c_banner("The calls of VMI as call sites for GNU as and clang.")
    print "/* vmi/guest.h says what a site is. Arguments and results are in the call's registers, arguments that go to the stack in"
    print "   registers that the macro is given (not %esp). */"
    print ""
    print ".ifndef vmi_sites_inc"
    print ".set vmi_sites_inc, 1"
    print ""
    print ".include \"vmi/site-macros-gas.inc\""
    for (k = 1; k <= rows; k++)
        if (collect_site(k))
            emit_macro_gas(k)
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
