#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# rust.sh BUILD: a kernel in Rust, by Debian's compiler, with the macros of GNU as in its own functions: it works as those of
# shapes.sh do. TAP.
set -u

# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/guest/places.sh
. tests/guest/places.sh
rustc=/usr/bin/rustc
source=/usr/lib/rustlib/src/rust/library/core/src/lib.rs
cache=$build/rust

# Debian has the library for i386 as source: what the compiler has to know of it is made once. Nothing of it is linked.
core() {
    [ "$(cat "$cache/version" 2> /dev/null)" != "$($rustc --version)" ] || return 0
    mkdir -p "$cache"
    printf '#![feature(no_core, compiler_builtins)]\n#![no_core]\n#![compiler_builtins]\n' > "$cache/builtins.rs"
    RUSTC_BOOTSTRAP=1 $rustc --edition 2021 --target i686-unknown-linux-gnu --crate-type rlib --crate-name compiler_builtins \
        --emit metadata --out-dir "$cache" "$cache/builtins.rs" &&
        RUSTC_BOOTSTRAP=1 $rustc --edition 2021 --target i686-unknown-linux-gnu --crate-type rlib --crate-name core --cap-lints allow \
            -Z always-encode-mir -C panic=abort --emit metadata --out-dir "$cache" $source &&
        $rustc --version > "$cache/version"
}

# The files that the source includes are beside it.
mkdir "$work/vmi"
cp include/vmi/site-macros-gas.inc "$build/gen/vmi/sites-gas.inc" "$work/vmi"
cp tests/guest/shape.rs "$work"

# kernel SHAPE OPTION...: WORK/SHAPE.elf
kernel() {
    name=$1
    shift
    $rustc --edition 2021 --target i686-unknown-linux-gnu -D warnings --crate-type lib --emit obj -L "$cache" --extern core="$cache/libcore.rmeta" \
        -C panic=abort -C codegen-units=1 -C relocation-model=static -C target-cpu=pentium -C target-feature=-sse,-sse2 "$@" \
        -o "$work/$name.o" "$work/shape.rs" && link "$name" ld
}

check the_compiler_knows_its_library core
check "a_kernel_is_made: rust" kernel rust -O && places rust
check "a_kernel_is_made: rust-debug" kernel rust-debug -g -C opt-level=1 -C overflow-checks=off

finish
