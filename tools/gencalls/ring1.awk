# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# What the ring 1 images are made of, from the column `ring1` of calls.tsv:
#   awk -v emit=entries|image -f ring1.awk calls.tsv
# entries: the page that ring 1 runs; image: the slots of API 13's image and the answers of API 3.0's.

BEGIN { FS = "\t" }

/^#/ { next }

!n_columns {
    for (n_columns = 1; n_columns <= NF; n_columns++)
        at[$n_columns] = n_columns
    next
}

{
    slot = $at["slot"]; name = $at["name"]; kind = $at["ring1"]
    in_13 = $at["api13"] != "-"
    if (in_13 || !(slot in kinds)) {
        kinds[slot] = kind
        names[slot] = name (in_13 || !(name in named) ? "" : "3")
        from_3[slot] = !in_13
    }
    if (in_13)
        named[name] = 1
    if ($at["api3"] != "-") {
        answer[$at["api3"]] = kind ~ /^(trap|soft)$/ || $at["reloc"] == "always" ? slot : 0
        if (name == "IRET")
            answer[$at["api3"]] = "ENTRY_IRET3"
        n_answers++
    }
}

END {
    print "; SPDX-License-Identifier: GPL-2.0-only OR MIT"
    print "; Generated from calls.tsv: edit that."
    if (emit == "entries") {
        print "%macro ring1_entries 0"
        for (i = 4; i < 128; i++)
            if (i in kinds)
                printf "        entry_%s%s %d, %s\n", kinds[i] == "fixed" ? "own" : kinds[i], kinds[i] == "native" && from_3[i] ? "3" : "", i, names[i]
            else
                printf "        entry_native %d, Unassigned\n", i
        print "%endmacro"
        exit
    }
    print "%macro ring1_slots 0"
    for (i = 4; i < 128; i++)
        if (i in kinds && !from_3[i])
            printf "        slot_%s %d, %s\n", kinds[i] == "fixed" ? "own" : kinds[i] ~ /^(trap|soft)$/ ? "entry" : kinds[i], i, names[i]
        else
            printf "        slot_native %d, Unassigned\n", i
    print "%endmacro"
    print "%macro ring1_answers 0"
    for (i = 0; i < n_answers; i++)
        printf "        db      %s\n", answer[i]
    print "%endmacro"
}
