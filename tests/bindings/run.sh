#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# run.sh BUILD: the hypervisor's kit from another language than C. TAP.
set -u

# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"

# --- the headers ---

headers="include/vmi/hypervisor.h include/vmi/defaults.h include/vmi/hypercall.h include/vmi/rom.h include/vmi/embed.h \
include/vmi/handlers.h include/vmi/calls.h include/vmi/version.h"

# An inline function vmi_NAME has the function vmi_hv_NAME beside it. The search in the table of images is a loop over it.
# shellcheck disable=SC2086 # words are wanted
inline=$(cat $headers | sed -n 's/^static inline.* \**vmi_\([a-z0-9_]*\)(.*/\1/p' | grep -v '^embedded_rom$')
same the_inline_functions_are_known "return_eax return_edx_eax return_ax return_al" "$(echo "$inline" | tr '\n' ' ' | sed 's/ $//')"
for name in $inline; do
    check "an_inline_function_has_a_function_beside_it: $name" sh -c 'nm "$1" 2>/dev/null | grep -q " T vmi_hv_$2\$"' \
        sh "$build/libvmihv.a" "$name"
done

# A constant is an expression of numbers and other constants, which a binding's generator can compute. The rest are what C
# alone needs: assertions, the bytes of sites as initialisers, the address of a slot, the parts of a relocation record.
# shellcheck disable=SC2086
same a_macro_is_a_constant_or_of_no_use_elsewhere "VMI_ASSERT_OFFSET VMI_ASSERT_SIZE VMI_CALL_OFFSET VMI_OFFSETOF \
VMI_RELOCATION_EIP VMI_RELOCATION_TYPE VMI_SLOTS VMI_STATIC_ASSERT VMI_TRAP_SITE_INT VMI_TRAP_SITE_OUT VMI_TRAP_SITE_VMCALL \
VMI_TRAP_SITE_VMMCALL" "$(cat $headers | awk '
    { while (/\\$/) { sub(/[ \t]*\\$/, ""); if ((getline more) <= 0) break; $0 = $0 more } }
    /^#define/ {
        gsub(/\/\*.*/, "")
        name = $2
        sub(/^#define[ \t]+[A-Za-z0-9_]+/, "")
        if ($0 ~ /^[ \t]*$/ || name ~ /_H$/)
            next
        if ($0 ~ /^\(/ || $0 !~ /^[ \t]*("[^"]*"|[-+*|<>() \t]|0x[0-9A-Fa-f]+u?|[0-9]+u?|VMI3?_[A-Z0-9_]+)*[ \t]*$/) {
            sub(/\(.*/, "", name)
            print name
        }
    }' | sort -u | tr '\n' ' ' | sed 's/ $//')"

# --- Rust ---

if ! command -v rustc >/dev/null; then
    skip a_hypervisor_in_rust "no rustc: the package cannot be installed"
    finish
fi
check the_rust_example_compiles_without_a_warning rustc --edition 2021 -D warnings -C debuginfo=0 -C link-arg="$build/libvmihv.a" \
    -C link-arg="$build/vmi_roms.o" -o "$work/example" examples/rust/main.rs
check the_layout_of_c_compiles cc -std=c11 -Wall -Wextra -Werror -I"$build/gen" -Iinclude -o "$work/layout" "$here/layout.c"
same the_structures_of_rust_are_those_of_c "$("$work/layout")" "$("$work/example" --layout)"
same the_rust_example_publishes_and_serves "OK, served from Rust
CR3 5000, 1 flush
IF 0
entry [67, 50, 34, 12]
outcome -29, EIP d0ac0, fault Some((e, 100000))
outcome 3, stopped true
EAX 7" "$("$work/example" 2>&1)"

finish
