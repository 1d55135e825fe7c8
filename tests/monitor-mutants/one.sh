#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# one.sh FILE NUMBER: a mutant compiled alone; a line in $dir/results. run.sh has prepared $parts, and $base for the file.
set -u
: "${build:?}" "${dir:?}" "${parts:?}" "${base:?}"

file=$1 number=$2
at=$base.$number

say() {
    printf '%s\t%s\t%s\t%s\n' "$file" "$number" "$1" "${2:--}" >>"$dir/results"
    rm -f "$at".*
    exit 0
}

tests/monitor-mutants/compile.sh "$file" "$number" "$at.o" || say refused
! cmp -s "$at.o" "$base.as-it-is.o" || say equivalent
objcopy --weaken "$at.o"
programs=$(awk -v file="$file" '$1 == file { for (i = 2; i <= NF; i++) print $i }' tests/monitor-mutants/units)
for program in $programs; do
    (cd "$parts" && gcc -o "$at.program" "$(basename "$program").o" "$at.o" "$base.rest.o" number.o unit.a libvmihv.a \
        -Wl,--as-needed -lunicorn -lcapstone 2>/dev/null) || say killed link
    echo 0 | "$build/tests/monitor-mutants/try" 1 "$at.program" | grep -q survived || say killed "$program"
done
say survived
