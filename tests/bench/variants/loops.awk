# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# loops.awk calls.tsv include/vmi/sites-nasm.inc: a line for each call of API 13 that has a site, for
# loops.asm: call_loop NAME, NUMBER, MACRO OF THE SITE, STACK ARGUMENTS, REGISTER...
# Registers are those that the call takes arguments in. A return to ring 3 is a line of its own.

FNR == 1 {
    file++
}

file == 1 && !/^#/ && split($0, row, "\t") > 12 && row[2] ~ /^[0-9]+$/ {
    in_list[row[2]] = row[7]
}

file == 2 && /^; [A-Za-z0-9]+ \([0-9]+\):/ {
    name = $2
    number = substr($3, 2) + 0
}

file == 2 && /^%macro vmi_[a-z0-9_]+ [0-9]$/ && number in in_list {
    line = number ", " $2 ", " $3
    n = in_list[number] == "-" ? 0 : split(in_list[number], words, " ")
    for (i = 1; i <= n; i++) {
        register = words[i]
        sub(/=.*/, "", register)
        sub(/L$/, "X", register)
        line = line ", " tolower(register ~ /^E/ ? register : "E" register)
    }
    print "call_loop " name ", " line
    if (name == "IRET")
        print "call_loop IRET_user, " line
}
