# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# stubs.awk NM ALL NATIVE: a row per call: the stub's bytes by the image's symbols, its instructions
# in the native ROM, and those of a round trip to the monitor where everything traps.

FNR == 1 {
    file++
}

file == 1 && NF == 4 && $3 == "T" && hex($1) % 32 == 0 && hex($1) < 4096 {
    bytes[hex($1) / 32] = hex($2)
}

file == 2 && /^bench [0-9]/ {
    trip[$3] = shown($4, $6)
}

/^# monitor: calls:/ {
    for (i = 4; i < NF; i += 2)
        traps[$i] = 1
}

file == 3 && /^bench [0-9]/ {
    if (!rows++) {
        print "| number | name | bytes | instructions | round trip |"
        print "| --- | --- | --- | --- | --- |"
    }
    count = shown($4, $6)
    name = $3
    sub(/\(.*/, "", name)
    printf "| %d | %s | %d | %s | %s |\n", $2, $3, bytes[$2], count, traps[name] ? trip[$3] : "-"
    if (count ~ /^[0-9]+$/ && $3 == name) {
        total += count
        calls++
        two += count == 2
    }
}

END {
    printf "\n%d calls counted: %.2f instructions on average, 2 in %d of them.\n", calls, total / calls, two
}
