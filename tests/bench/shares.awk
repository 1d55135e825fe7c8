# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# shares.awk -v user_iret=N NONE ROM: the difference of two steady runs of tests/mainline, operation by
# operation: calls made, instructions that each takes more than without a ROM, and the part of the difference that is
# their product. user_iret: of slot 39 (bench.c); a CALL leads to it and to SYSEXIT, in place of IRETD and STI, SYSEXIT.

FNR == 1 {
    file++
}

/^instructions / {
    total[file] = $2 + 0
    start[file] = $NF
}

/^cost / {
    made[file, $2] = $3
    each[file, $2] = $4
    if (file == 1)
        order[++kinds] = $2
}

END {
    each[2, "PV_IRET"] = user_iret # and CALL, for IRETD
    each[2, "PV_SYSEXIT"] = 1
    difference = total[2] - total[1]
    explained = start[2] - start[1]
    print "| operation | made | each | share |"
    print "| --- | --- | --- | --- |"
    for (i = 1; i <= kinds; i++) {
        op = order[i]
        n = made[2, op]
        more = each[2, op] - each[1, op]
        if (!n || !more)
            continue
        explained += n * more
        name = tolower(substr(op, 4))
        printf "| %s | %d | %+d | %d |\n", name, n, more, n * more
    }
    printf "| finding the ROM and patching | 1 | %+d | %d |\n", start[2] - start[1], start[2] - start[1]
    printf "| left over | | | %d |\n", difference - explained
    printf "| difference | | | %d |\n", difference
}
