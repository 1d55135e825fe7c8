# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# trips.awk CALLS.TSV ALL: the least, median and greatest round trip of each group of calls.

BEGIN {
    FS = "\t"
}

FNR == NR {
    if (!/^#/ && $2 ~ /^[0-9]+$/ && $14 != "fixed") {
        group[$1] = $6
        if (!($6 in calls))
            order[++groups] = $6
    }
    calls[$6] += 0
    next
}

/^bench [0-9]/ {
    split($0, field, " ")
    g = group[field[2]]
    if (g == "" || field[4] !~ /^[0-9]+$/ || field[3] ~ /\(/)
        next
    # inserted in order
    for (i = ++calls[g]; i > 1 && trip[g, i - 1] > field[4] + 0; i--)
        trip[g, i] = trip[g, i - 1]
    trip[g, i] = field[4] + 0
}

END {
    print "| group | calls | least | median | most |"
    print "| --- | --- | --- | --- | --- |"
    for (n = 1; n <= groups; n++) {
        g = order[n]
        if (calls[g])
            printf "| %s | %d | %d | %d | %d |\n", g, calls[g], trip[g, 1], trip[g, int((calls[g] + 1) / 2)], trip[g, calls[g]]
    }
}
