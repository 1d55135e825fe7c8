# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# stubs3.awk CALLS.TSV NM LOG: a row per call of API 3.0: which policy answers with it, its bytes by
# the image's symbols, and its instructions (bench.c, api=3).

function row(name, count) {
    printf "| %d | %s | %s | %s | %s |\n", number, name, answers[policy[number]], count == "-" ? "-" : bytes[slot[number]], count
}

BEGIN {
    FS = "\t"
    answers["always"] = "minimal, lean, full"
    answers["lean"] = "lean, full"
    answers["full"] = "full"
    answers["named"] = "when named"
    answers["host"] = "never"
}

FNR == 1 {
    file++
    if (file == 2)
        FS = " "
    $0 = $0
}

file == 1 && !/^#/ && $3 ~ /^[0-9]+$/ {
    slot[$3] = $1
    policy[$3] = $18
}

file == 2 && NF == 4 && $3 == "T" && hex($1) % 32 == 0 && hex($1) < 4096 {
    bytes[hex($1) / 32] = hex($2)
}

# What follows the answer is its call's.
file == 3 && $1 == "asked" {
    if (!rows++) {
        print "| number | name | policy | bytes | instructions |"
        print "| --- | --- | --- | --- | --- |"
    }
    number = $2
    type = $4
    asked[type ? "call" : "none"] = $5
    if (!type)
        row($3, "-")
}

file == 3 && $1 == "bench" && $2 ~ /^[0-9]+$/ {
    count = shown($4, $6)
    row($3, count)
    if (count ~ /^[0-9]+$/ && $3 !~ /\(/) {
        total += count
        calls++
        two += count == 2
    }
}

END {
    printf "\n%d calls counted: %.2f instructions on average, 2 in %d of them.\n", calls, total / calls, two
    printf "\nThe question itself, without paging: %d instructions where a call is the answer, %d where there is none.\n", \
        asked["call"], asked["none"]
}
