#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# run.sh BUILD [STEP [FILE...]]: every mutant, or every STEPth, of the reference hypervisor's files goes through the
# unit tests that tests/monitor-mutants/units names for its file. All of a file are compiled at once, and its survivors
# once more alone: one whose object is the original's is equivalent; one that the compiler refuses is none; and what the
# compiler leaves out among all, as what follows is never reached, shows. What survives has to be in
# tests/monitor-mutants/survivors with its reason: equivalent, or "open". TAP.
# For whoever is writing tests, in the environment: QUICK=1, and none is compiled alone; ONLY=FILE, and no others are tried
# than those of FILE, lines of results.
# BUILD/monitor-mutants/results says what became of each: file, number, refused, equivalent, killed or survived, by what.
set -u

arguments="[STEP [FILE...]]"
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
step=${2:-1}
shift
[ $# = 0 ] || shift
dir=$build/monitor-mutants
jobs=$(nproc)
parts=$dir/parts
export dir build parts
rm -rf "$parts"
mkdir -p "$parts"
: >"$dir/results"
: >"$dir/all"
# shellcheck disable=SC2046 # words are wanted
[ $# != 0 ] || set -- $(awk '!/^#/ { print $1 }' tests/monitor-mutants/units)

# in_parts PATH: where something made of that file stands
in_parts() {
    echo "$parts/$(echo "${1#"$build/"}" | tr / -)"
}

# As in the unit tests' own programs: a test's definitions take the place of the monitor's.
while read -r object; do
    objcopy --weaken "$object" "$(in_parts "$object").weak" || exit 1
done <"$dir/objects"

# What they are linked with, as it is now.
grep -v '^#' tests/monitor-mutants/units | cut -d ' ' -f 2- | tr ' ' '\n' | sort -u | sed "s|.*|$build/tests/&.o|" |
    xargs cp -t "$parts" -- "$build/tests/unit/unit.a" "$build/libvmihv.a" "$build/tests/monitor-mutants/number.o" || exit 1

# programs FILE: links its unit tests with all of its mutants, and says their names
programs() {
    of_file=$(awk -v file="$1" '$1 == file { for (i = 2; i <= NF; i++) print $i }' tests/monitor-mutants/units)
    for program in $of_file; do
        at=$base.$(basename "$program")
        (cd "$parts" && gcc -o "$at" "$(basename "$program").o" "$base.all.o" "$base.rest.o" number.o unit.a libvmihv.a \
            -Wl,--as-needed -lunicorn -lcapstone) || return
        echo "$at"
    done
}

# try_all FILE: the mutants of a file that are in one program
try_all() {
    file=$1
    base=$(in_parts "$file")
    export base
    weak=$(in_parts "$(grep -x ".*/$file.o" "$dir/objects")").weak
    tests/monitor-mutants/compile.sh "$file" as-it-is "$base.as-it-is.o" || return
    tests/monitor-mutants/compile.sh "$file" all "$base.all.o" || return
    objcopy --weaken "$base.all.o" || return
    set -- "$parts"/*.weak
    for object; do
        shift
        [ "$object" = "$weak" ] || set -- "$@" "$object"
    done
    ld -m elf_x86_64 -r -o "$base.rest.o" "$@" || return
    programs "$file" >"$base.programs" || return
    "$build/tests/monitor-mutants/mutate" "$file" >"$base.mutants" || return
    sed "s|^|$file	|" "$base.mutants" >>"$dir/all"
    # shellcheck disable=SC2046 # words are wanted
    echo 0 | "$build/tests/monitor-mutants/try" 1 $(cat "$base.programs") >"$base.unchanged"
    same "$file: the unit tests pass without a mutant" "0	survived	-" "$(cat "$base.unchanged")"
    grep -q survived "$base.unchanged" || return
    awk -F'\t' -v OFS='\t' -v file="$file" -v step="$step" '
        FILENAME ~ /mutants$/ { if ($1 % step == 1 % step && (!some || $1 in only)) print file, $1, $6; next }
        { some = 1 }
        $1 == file { only[$2] }' ${ONLY:+"$ONLY"} "$base.mutants" >"$base.chosen"
    # shellcheck disable=SC2046
    awk -F'\t' '$3 != "alone" { print $2 }' "$base.chosen" |
        "$build/tests/monitor-mutants/try" "$jobs" $(cat "$base.programs") | sed "s|^|$file	|" >"$base.tried"
    grep -v '	survived	' "$base.tried" >>"$dir/results"
    if [ -n "${QUICK:-}" ]; then
        grep '	survived	' "$base.tried" >>"$dir/results"
        return 0
    fi
    {
        awk -F'\t' '$3 == "survived" { print $1, $2 }' "$base.tried"
        awk -F'\t' '$3 == "alone" { print $1, $2 }' "$base.chosen"
    } | xargs -r -n 2 -P "$jobs" tests/monitor-mutants/one.sh
}

for file; do
    try_all "$file" || fail "$file: compiled, linked and run"
done

# Each survivor, listed or not, and the figures.
awk -F'\t' -v OFS='\t' -v listed="$dir/listed" -v unlisted="$dir/unlisted" -v unused="$dir/unused" '
    FILENAME ~ /survivors$/ {
        if (!/^#/ && NF == 4) {
            n++
            whose[n] = $1 FS $2
            file_of[n] = $1
            text[n] = $3
            is_open[n] = $4 ~ /^open/
        }
        next
    }
    FILENAME ~ /all$/ { where[$1 FS $2] = $3; of[$1 FS $2] = $4; what[$1 FS $2] = $6; next }
    {
        mutants[$1] += $3 != "refused"
        count[$1, $3]++
        if (!($1 in seen)) {
            seen[$1]
            order[++files] = $1
        }
        if ($3 != "survived") next
        is = what[$1 FS $2]
        for (i = 1; i <= n; i++) {
            if (whose[i] == $1 FS of[$1 FS $2] && (text[i] == is || (text[i] ~ /\*$/ &&
                substr(is, 1, length(text[i]) - 1) == substr(text[i], 1, length(text[i]) - 1)))) {
                used[i]
                if (is_open[i]) open[$1]++
                else in_list[$1]++
                print $1, $2, where[$1 FS $2], of[$1 FS $2], is > listed
                next
            }
        }
        print $1, $2, where[$1 FS $2], of[$1 FS $2], is > unlisted
        left[$1]++
    }
    END {
        printf "" > listed
        printf "" > unlisted
        printf "" > unused
        for (i = 1; i <= n; i++)
            if (!(i in used) && (file_of[i] in seen))
                print whose[i], text[i] > unused
        for (f = 1; f <= files; f++) {
            file = order[f]
            printf "%s\t%d\t%d\t%d\t%d\t%d\t%d\n", file, mutants[file], count[file, "killed"],
                count[file, "equivalent"], in_list[file], open[file], left[file]
        }
    }' tests/monitor-mutants/survivors "$dir/all" "$dir/results" | sort >"$dir/figures"

while IFS='	' read -r file number line function what; do
    fail "$file: mutant $number is killed" "line $line, $function: $what"
done <"$dir/unlisted"
while IFS='	' read -r file mutants killed equivalent listed open left; do
    [ "$left" != 0 ] || pass "$file: every mutant is killed or listed"
    echo "# $file: $mutants mutants, $killed killed, $equivalent the same object, $listed listed as equivalent," \
        "$open as open, $left others survive"
done <"$dir/figures"
[ "$step" != 1 ] || same "no survivor is listed that is killed" "" "$(cat "$dir/unused")"
# The share of those that are not equivalent, and that of all whose object is another.
awk -F'\t' '{ m += $2; k += $3; e += $4; l += $5; o += $6; s += $7 } END {
    printf "# all: %d mutants, %d killed, %d the same object, %d listed as equivalent, %d as open, %d others survive\n",
        m, k, e, l, o, s
    printf "# killed: %.1f %% of %d that are not equivalent, %.1f %% of %d whose object is another\n",
        (m > e + l ? 100 * k / (m - e - l) : 100), m - e - l, (m > e ? 100 * k / (m - e) : 100), m - e }' "$dir/figures"
rm -rf "$parts"
finish
