# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# From calls.tsv: a line for each call of API 13, for roms.asm: liberty NAME, SLOT, STACK, RETURNS, FLAGS, REGISTER...
# with the registers that the call may change and gives no result in, and whether it may change the flags.
BEGIN { FS = "\t" }
/^#/ || $1 == "slot" || $2 == "-" { next }
{
    flags = 0
    registers = ""
    n = split($10, word, " ")
    for (i = 1; i <= n; i++) {
        if (word[i] == "flags")
            flags = 1
        else if (word[i] != "-")
            registers = registers ", " tolower(word[i])
    }
    print "liberty " $4 ", " $1 ", " ($8 == "-" || $12 != "ret" ? 0 : split($8, stack, " ")) ", " $12 ", " flags registers
}
