#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# compile.sh FILE WHAT OBJECT: a file of the monitor, as it is (WHAT is as-it-is), with all of its mutants (all), or with
# one (its number), as the monitor's own is compiled, but that an index beyond its array traps. run.sh has set $dir and $build.
set -u
: "${build:?}" "${dir:?}"

# What cannot have been meant.
errors="-Wno-error -Werror=return-type -Werror=int-conversion -Werror=incompatible-pointer-types
    -Werror=implicit-function-declaration"
[ "$2" != all ] || errors="-Wno-error -w"

# By way of the standard input: all have the same name.
if [ "$2" = as-it-is ]; then
    cat "$1"
else
    "$build/tests/monitor-mutants/mutate" "$1" "$2"
fi >"$3.c" || exit
# shellcheck disable=SC2046,SC2086 # words are wanted
$(cat "$dir/flags") -g0 -fsanitize=bounds -fsanitize-undefined-trap-on-error $errors -iquote "${1%/*}" -c -o "$3" -x c - <"$3.c" 2>"$3.log"
status=$?
[ "$2" != all ] || [ $status = 0 ] || cat "$3.log" >&2
rm -f "$3.c" "$3.log"
exit $status
