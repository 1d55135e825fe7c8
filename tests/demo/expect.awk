# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# awk -v place=PLACE -f expect.awk calls.tsv RECORDS: what is to become of the demo kernel's sites, as `CALL KIND NUMBER`
# lines. RECORDS: the number of a call for each site, one a line. PLACE: none; native, whatever the API; or a column of
# the table, `tuned` for a hypercall ROM of API 13, `ring1` for the ring 1 ROM, and tuned-3 for one of API 3.0; all: every
# call traps that may.

BEGIN {
    FS = "\t"
}

FILENAME ~ /calls.tsv$/ {
    if ($1 == "slot")
        for (i = 1; i <= NF; i++)
            column[$i] = i
    # A call that only API 3.0 has comes from the rows behind those of API 13.
    if ($1 !~ /^[0-9]+$/ || ($1 in row))
        next
    row[$1] = $0
    next
}

{
    sites[$1]++
}

# The ROM has the call, or a guest that asks for it is answered.
function is_there(f) {
    if (place ~ /-3$/)
        return f[column["reloc"]] ~ /^(always|lean|full|host)$/
    return f[column["api13"]] != "-"
}

# What linking makes of a site.
function kind(f, what) {
    # a native ROM holds the site's own instructions, or says that it does no more than those
    if (place == "none" || place == "native" || !is_there(f))
        return "native"
    if (place == "all")
        return f[column["trap"]] == "fixed" ? "native" : "called"
    what = f[column[substr(place, 1, match(place "-3", /-3/) - 1)]]
    if (what == "trap" || what == "must" || what == "soft")
        return "called"
    if (what == "nop")
        return f[column["body"]] == "ret" ? "native" : "inlined"
    return "native"
}

END {
    for (call in sites) {
        split(row[call], f, "\t")
        print f[column["name"]] (f[column["api13"]] == "-" ? "(3.0)" : ""), kind(f), sites[call]
    }
}
