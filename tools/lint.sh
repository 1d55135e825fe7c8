#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# lint.sh BUILD_DIR [--fix [PATH...]]: what can be said of the sources without running them. `make lint` calls it.
# Each check finds its files among those that git knows. Status 0: nothing was found; 1: something was.
#
# --fix (`make format`, PATHS=) changes the sources, or those in PATHs, instead: `sizeof x` becomes `sizeof(x)`, single
# statements get braces, and clang-format does the rest.
#
# A file that clang-tidy has found clean is not looked at again until it, a header of its, its flags or .clang-tidy
# change: BUILD_DIR/lint has a stamp for each.
set -u

[ $# -ge 1 ] || {
    echo "usage: $0 BUILD_DIR [--fix [PATH...]]" >&2
    exit 2
}
build=$1
mode=${2:-}
lint=$build/lint
status=0
shift $(($# < 2 ? $# : 2))
paths=$* # none: all

# --- the files -------------------------------------------------------------------------------------------

tracked() { # [REGEX]: those that are there and match
    # shellcheck disable=SC2086 # words are wanted
    git ls-files -- $paths | grep -E "${1:-.}" | while IFS= read -r file; do
        [ ! -f "$file" ] || echo "$file"
    done
}

# Generated files look as the generator writes them.
c_files() {
    tracked '\.[ch]$' | xargs grep -L 'Generated from calls\.tsv'
}

# This one includes headers of SeaBIOS, which are not here.
tidy_files() {
    tracked '\.c$' | grep -v '^tests/firmware/seabios/'
}

scripts() {
    tracked '\.sh$'
    tracked | xargs awk 'FNR == 1 && /^#!.*sh$/ && FILENAME !~ /\.sh$/ { print FILENAME }'
}

# --- clang-tidy ------------------------------------------------------------------------------------------

# FILE and its flags, a line each, as make would compile it: those that clang has too and that matter to a reader.
flags_of_all() {
    env -u MAKEFLAGS make -B -n V=1 B="$build" check bench 2>/dev/null | awk '
    /^(gcc|clang) / {
        flags = ""
        for (i = 2; i <= NF; i++)
            if ($i ~ /^-(-target=|std=|m(32|64|arch=)|ffreestanding|[IDUW])/ && $i != "-Werror")
                flags = flags " " $i
            else if ($i == "-iquote")
                flags = flags " " $i " " $(i + 1)
        for (i = 2; i <= NF; i++)
            if ($i ~ /\.c$/ && !seen[$i]++)
                print $i "\t" flags
    }'
}

# The flags of a file that a test compiles by itself: those of a program on this machine.
other_flags="-std=c11 -I$build/gen -Iinclude -Itools/romsum -iquote tests/unit -iquote tools/conform -DVMIROM_VERSION='\"0.0.0\"' -Wall -Wextra"

tidy() { # FILE
    flags=$(awk -F'\t' -v file="$1" '$1 == file { print $2; exit }' "$lint/flags")
    flags=${flags:-$other_flags}
    out=$lint/$1.out
    key=$({
        echo "$flags"
        cat "$lint/version" .clang-tidy
        eval "clang $flags -E -CC -dD $1" 2>&1
    } | sha256sum)
    mkdir -p "$(dirname "$out")"
    [ "$key" != "$(cat "$lint/$1.clean" 2>/dev/null)" ] || return 0
    if eval "clang-tidy --quiet $1 -- $flags" >"$out" 2>"$out.stderr"; then
        echo "$key" >"$lint/$1.clean"
        rm -f "$out" "$out.stderr"
    else
        grep -E '^error|: error: ' "$out.stderr" >>"$out"
        return 1
    fi
}

# What was found, each in a header once.
findings() {
    tidy_files | sed "s|.*|$lint/&.out|" | while IFS= read -r out; do
        [ ! -f "$out" ] || cat "$out"
    done | sed "s|^$PWD/||" | awk '
    /^[^ ].*: (warning|error): / { show = !seen[$0]++ }
    show'
}

# --- the checks: each prints what it finds ------------------------------------------------------------------

check_format() {
    c_files | xargs clang-format --dry-run -Werror 2>&1 | grep ': error: ' | cut -d: -f1 | sort | uniq -c |
        awk '{ print $2 ": " $1 " places that clang-format would change (make format)" }'
}

# With parentheses for a type they are everywhere.
check_sizeof() {
    c_files | xargs grep -nE '(^|[^a-z_])sizeof([^(a-z_]|$)' | sed 's/$/   (sizeof(x): make format)/'
}

check_text() {
    tracked | grep -v -e '^LICENSES/' -e '\.png$' -e '^VERSION$' -e '^\.gitignore$' -e '^\.gitattributes$' -e '^debian/\(changelog\|copyright\|source/format\)$' | xargs awk '
    FNR == 1 { if (said && !licensed) print file ": no SPDX-License-Identifier in the first lines"; licensed = 0; said = 1; file = FILENAME }
    FNR <= 5 && /SPDX-License-Identifier: GPL-2\.0-only OR MIT/ { licensed = 1 }
    /[ \t\r]$/ && FILENAME !~ /\.tsv$/ { print FILENAME ":" FNR ": space at the end of the line" }
    END { if (!licensed) print file ": no SPDX-License-Identifier in the first lines" }'
}

check_shell() {
    scripts | xargs -n 4 -P "$(nproc)" shellcheck -f gcc
}

check_manual() {
    tracked '\.1$' | xargs -n 1 mandoc -T lint -W warning
}

check_tidy() {
    mkdir -p "$lint"
    clang-tidy --version >"$lint/version"
    flags_of_all >"$lint/flags"
    [ -s "$lint/flags" ] || echo "make -n shows no compiler: flags are missing"
    tidy_files | xargs -n 1 -P "$(nproc)" "$0" "$build" --tidy
    findings
}

# run NAME FUNCTION: says what was found, or that nothing was
run() {
    found=$($2)
    if [ -z "$found" ]; then
        echo "lint: $1: nothing"
    else
        printf '%s\n' "$found"
        echo "lint: $1: see above"
        status=1
    fi
}

# --- --fix --------------------------------------------------------------------------------------------------

# clang-tidy takes an asm statement to end before its semicolon, and puts the brace there.
asm_semicolons() { # FILE
    awk '
    inside && /^ *};$/ { held = held ";"; sub(/;$/, "") }
    NR > 1 { print held }
    { held = $0 }
    /^ *__asm__/ { inside = 1 }
    /;$|}$/ { inside = 0 }
    END { print held }' "$1"
}

fix() {
    mkdir -p "$lint"
    flags_of_all >"$lint/flags"
    # An operand is a name behind stars, with its members and indices; a cast or call has parentheses of its own.
    c_files | xargs sed -i -E \
        's/\bsizeof ([*&]*[A-Za-z_][A-Za-z_0-9]*((->|\.)[A-Za-z_][A-Za-z_0-9]*|\[[^]]*\])*)/sizeof(\1)/g; s/\bsizeof (\*+)\(([^()]*)\)/sizeof(\1(\2))/g'
    # One after the other: two must not change one header.
    headers=$(tracked '\.h$' | tr '\n' '|')
    tidy_files | while IFS= read -r file; do
        flags=$(awk -F'\t' -v file="$file" '$1 == file { print $2; exit }' "$lint/flags")
        eval "clang-tidy --quiet --fix --header-filter='(${headers%|})\$' --checks='-*,readability-braces-around-statements' $file -- ${flags:-$other_flags}" \
            >/dev/null 2>&1
    done
    for file in $(c_files); do
        asm_semicolons "$file" >"$lint/fixed"
        cmp -s "$lint/fixed" "$file" || cat "$lint/fixed" >"$file"
    done
    c_files | xargs clang-format -i
}

[ "$mode" = --tidy ] || [ -n "$(c_files)" ] || {
    echo "lint: git knows of no C file here" >&2
    exit 1
}
case $mode in
--tidy) tidy "$1" ;;
--fix) fix ;;
'')
    run clang-format check_format
    run sizeof check_sizeof
    run text check_text
    run shellcheck check_shell
    run mandoc check_manual
    run clang-tidy check_tidy
    exit $status
    ;;
*)
    echo "lint: $mode: not an option" >&2
    exit 2
    ;;
esac
