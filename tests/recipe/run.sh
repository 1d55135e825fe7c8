#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# run.sh BUILD [long]: does to a copy of the tree what docs/developing.md says under "Adding a call", its blocks as they
# stand there. What the build is said to say on the way is looked for, and suites pass in the end: some of the document's
# last block; with `long`, all of them, and those in which a machine runs. TAP.
set -u

arguments="[long]"
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
length=${2:-short}
short="slots hypercall kit-api monitor-calls"
long="hypercall-3 slots-3-full init init-3 romsum machine guest demo mainline monitor hostile embed install"

# What was built before is taken along, as in a tree that one works in.
mkdir -p "$work/steps" "$work/tree/build"
for entry in .gitattributes *; do
    [ "$entry" = build ] || [ "$entry" = "$build" ] || cp -Rp "$entry" "$work/tree"
done
tar -C "$build" -c --exclude=./bench --exclude=./firmware --exclude=./packages --exclude=./transparency . |
    tar -C "$work/tree/build" -x

awk -v dir="$work/steps" -f tests/recipe/steps.awk docs/developing.md
cd "$work/tree" || exit 1

# edit HOW FILE PLACE [NEW]: ./text goes to the one line that holds PLACE, or NEW takes its place. In the table blanks are tabs.
edit() {
    HOW=$1 PLACE=${3:-} NEW=${4:-} awk '
    BEGIN {
        how = ENVIRON["HOW"]
        place = ENVIRON["PLACE"]
        new = ENVIRON["NEW"]
        while ((getline line < "text") > 0)
            text = text line "\n"
    }
    FILENAME ~ /\.tsv$/ && how == "becomes" && FNR == 1 {
        gsub(/ /, "\t", place)
        gsub(/ /, "\t", new)
    }
    {
        at = how == "end" ? 0 : index($0, place)
        found += at > 0
        if (at && how == "before") printf "%s", text
        if (at && how == "becomes") $0 = substr($0, 1, at - 1) new substr($0, at + length(place))
        print
        if (at && how == "behind") printf "%s", text
    }
    END {
        if (how == "end") printf "%s", text
        else if (found != 1) {
            printf "%s: %d lines hold %s, not one\n", FILENAME, found, place > "/dev/stderr"
            exit 1
        }
    }' "$2" > new && cat new > "$2"
}

# make_says COMMAND MESSAGE: the command fails, and that is why
make_says() {
    tap_seen=$(env -u MAKEFLAGS -u MAKELEVEL sh -c "$1" 2>&1) && tap_seen="it succeeded"
    case $tap_seen in
    *"$2"*) pass "the error says what is left to do: $2" ;;
    *) fail "the error says what is left to do: $2" "$1 gave:" "$(printf '%s\n' "$tap_seen" | tail -n 20)" ;;
    esac
}

# said_by SUITE: what the log has of it; the lines of a suite end with its counts. Without counts the build has failed.
said_by() {
    if grep -q "^$1 " log; then
        awk -v suite="$1" '/^  [A-Z]+ / { next } { lines = lines $0 "\n" } /^[a-z0-9-]+ +[0-9]+ passed/ { if ($1 == suite) printf "%s", lines; lines = "" }' log
    else
        tail -n 20 log
    fi
}

# has_word WORD WORDS
has_word() {
    case " $2 " in *" $1 "*) ;; *) return 1 ;; esac
}

# suites_pass COMMAND: the suites of this make check
suites_pass() {
    env -u MAKEFLAGS -u MAKELEVEL sh -c "$1" > log 2>&1
    for suite in $(echo "$1" | sed 's/.*SUITES="\(.*\)"/\1/'); do
        if grep -qE "^$suite +[0-9]+ passed, 0 failed, 0 skipped" log; then
            pass "with the calls added: $suite"
        else
            fail "with the calls added: $suite" "$(said_by "$suite")"
        fi
    done
}

for step in "$work"/steps/*; do
    IFS= read -r line < "$step"
    sed 1d "$step" > text
    what=${line%% *}
    line=${line#* }
    tab=$(printf '\t')
    file=${line%%"$tab"*}
    line=${line#*"$tab"}
    case $what in
    says) make_says "$file" "$line" ;;
    becomes) check "the document knows the place: $file: ${line%%"$tab"*}" edit becomes "$file" "${line%%"$tab"*}" "${line#*"$tab"}" ;;
    end) check "the document knows the place: $file: its end" edit end "$file" ;;
    run)
        check make_regen_succeeds env -u MAKEFLAGS -u MAKELEVEL make -s regen
        said=$(echo "$file" | sed -n 's/^make check SUITES="\(.*\)"$/\1/p')
        suites=$short
        [ "$length" = short ] || suites="$said $long"
        for suite in $short; do
            check "the document's last command has the suite $suite" has_word "$suite" "$said"
        done
        suites_pass "make check SUITES=\"$suites\""
        ;;
    *) check "the document knows the place: $file: $line" edit "$what" "$file" "$line" ;;
    esac
done
check "the document has all of it" test "$tap_number" -gt 20

finish
