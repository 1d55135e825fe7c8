# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# awk -f seen.awk LOG: what the demo kernel says of its sites, as `CALL KIND NUMBER` lines.

/^[0-9]+ call sites, / {
    in_list = 1
    next
}

in_list && /^  / {
    first = 1
    if ($1 ~ /^(native|inlined|called|jumped)$/) {
        kind = $1
        first = 2
    }
    for (i = first; i < NF; i += 2)
        print $i, kind, $(i + 1)
    next
}

{
    in_list = 0
}
