#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# Tests of romsum. usage: tests/romsum/run.sh BUILD_DIR
# Needs romsum, the images and gen/ in BUILD_DIR. Prints TAP; status 0 on success.
set -eu

# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
cc=${CC:-gcc}
chmod 755 "$work" # tests step down to another user in there

# shellcheck disable=SC2086 # words are wanted
flags="-std=c11 -O1 -g -Wall -Wextra -Werror"
# Reads outside a buffer show under the sanitizers; without them the test still sees crashes.
asan="-O0 -fsanitize=address,undefined -fno-sanitize-recover=all"
echo 'int main(void) { return 0; }' > "$work/try.c"
# shellcheck disable=SC2086 # words are wanted
$cc $asan "$work/try.c" -o "$work/try" 2> /dev/null && "$work/try" 2> /dev/null || asan=

romsum="$(echo "$top"/tools/romsum/*.c) $build/libvmihv.a"
include="-I$build/gen -I$top/include -I$top/tools/romsum"
# shellcheck disable=SC2086 # words are wanted
{
    $cc $flags "-I$build/gen" -iquote "$top/tests/unit" "$here/romsum_test.c" "$here/harness.c" "$here/change_test.c" "$here/kinds_test.c" "$here/options_test.c" "$here/slots_test.c" "$top/tests/unit/results.c" -o "$work/romsum_test" &
    $cc $flags $include "$here/in_process.c" "$build"/obj/tools/romsum/*.o "$build/libvmihv.a" -o "$work/changes" &
    $cc $flags $include "$here/publish.c" "$build/libvmihv.a" -o "$work/publish" &
    $cc $flags $asan $include "$here/in_process.c" $romsum -o "$work/mutants" &
}
wait # a failed compilation shows as a missing program just below
cp "$build/romsum" "$build/vmi-native.rom" "$build/vmi-hypercall.rom" "$build/vmi-3-native.rom" "$build/vmi-3-hypercall.rom" "$build/vmi-monitor.rom" "$work"

cd "$work"
./romsum_test "$version"
