# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# awk -v as=nasm|gas -f thunks.awk include/vmi/sites-nasm.inc: a function for each call that is nothing but its site, to be
# called as a ROM's slot is, and the table of them at the start: 128 addresses, 0 for none.

BEGIN {
    if (as == "nasm")
        print "%include \"vmi/sites-nasm.inc\"\nbits 32\nsection .text progbits alloc exec nowrite align=1"
    else
        print ".include \"vmi/sites-gas.inc\"\n.text"
}

/^; [A-Za-z0-9]+ \([0-9]+\):/ {
    name = $2
    number = substr($3, 2) + 0
}

/^%macro vmi3?_[a-z0-9_]+ [0-9]$/ { # with the registers of the call
    print "thunk_" number ":"
    if (name == "IRET")
        print as == "nasm" ? "add esp, 4" : "addl $4, %esp" # the frame is on top at a site
    if ($3 == 0)
        print $2
    else if (as == "nasm")
        printf "%s", $3 == 1 ? "push ebx\nmov ebx, [esp + 8]\n" $2 " ebx\npop ebx\n" : \
            "push ebx\npush esi\nmov ebx, [esp + 12]\nmov esi, [esp + 16]\n" $2 " ebx, esi\npop esi\npop ebx\n"
    else
        printf "%s", $3 == 1 ? "push %ebx\nmovl 8(%esp), %ebx\n" $2 " %ebx\npop %ebx\n" : \
            "push %ebx\npush %esi\nmovl 12(%esp), %ebx\nmovl 16(%esp), %esi\n" $2 " %ebx, %esi\npop %esi\npop %ebx\n"
    print "ret"
    have[number] = 1
}

END {
    print as == "nasm" ? "section .table progbits alloc noexec nowrite align=4" : ".section .table,\"a\""
    for (n = 0; n < 128; n++)
        print (as == "nasm" ? "dd " : ".long ") (have[n] ? "thunk_" n : 0)
    print as == "nasm" ? "section .note.GNU-stack noalloc noexec nowrite progbits" : ".section .note.GNU-stack,\"\",@progbits"
}
