#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# make install and uninstall, and programs made with what is installed: run.sh BUILD_DIR, prints TAP.
set -u

# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
warnings="-Wall -Wextra -Werror -Wpedantic"
flags="-std=c11 $warnings"

# make_in GOAL DESTDIR VARIABLES...: with a umask that must not matter
make_in() (
    umask 077
    goal=$1 dest=$2
    shift 2
    env -u MAKEFLAGS -u MAKELEVEL make -s B="$build" "$goal" DESTDIR="$dest" "$@"
) >"$work/log" 2>&1

# listing DIR: every directory and file with its rights
listing() {
    (cd "$1" && find . -mindepth 1 -printf '%M %P\n' | sort -k 2)
}

# The pages that there are: romsum's comes with it.
pages=$(cd docs && find . -name '*.1' -printf '%f\n' | sort)
examples="example.c rust/main.rs rust/vmi.rs seabios/build.sh seabios/vmirom.c $(cd examples && echo kvm/*)"
expected() {
    {
        for dir in bin include include/vmi lib lib/pkgconfig lib/vmirom share share/doc share/doc/vmirom share/doc/vmirom/examples \
            share/doc/vmirom/examples/demo share/doc/vmirom/examples/kvm share/doc/vmirom/examples/lib share/doc/vmirom/examples/rust \
            share/doc/vmirom/examples/seabios share/man share/man/man1 share/vmirom; do
            echo "drwxr-xr-x $1$dir"
        done
        echo "-rwxr-xr-x $1bin/romsum"
        echo "-rwxr-xr-x $1bin/vmi-conform"
        echo "-rwxr-xr-x $1bin/vmi-lint"
        for file in include/vmi/api.h include/vmi/calls.h include/vmi/defaults.h include/vmi/embed.h include/vmi/guest.h include/vmi/handlers.h \
            include/vmi/hypercall.h include/vmi/hypervisor.h include/vmi/rom.h include/vmi/site-macros-gas.inc \
            include/vmi/site-macros-nasm.inc include/vmi/site-macros.h include/vmi/sites-gas.inc \
            include/vmi/sites-nasm.inc include/vmi/sites.h include/vmi/version.h lib/libvmihv.a lib/pkgconfig/vmirom.pc lib/vmirom/kit.ld \
            lib/vmirom/libvmiguest.a lib/vmirom/libvmihv-32.a lib/vmirom/vmi_native_area.o lib/vmirom/vmi_roms-32.o \
            lib/vmirom/vmi_roms.o share/doc/vmirom/GPL-2.0-only.txt share/doc/vmirom/MIT.txt share/vmirom/vmi-3-hypercall.rom \
            share/vmirom/vmi-3-native.rom share/vmirom/vmi-conform.img share/vmirom/vmi-hypercall.rom share/vmirom/vmi-monitor-all.rom \
            share/vmirom/vmi-monitor.rom share/vmirom/vmi-native.rom share/vmirom/vmi-ring1.rom share/vmirom/vmi-ring1-control.rom share/vmirom/vmi_roms.c share/vmirom/vmihv.c share/vmirom/vmihv.h; do
            echo "-rw-r--r-- $1$file"
        done
        for file in $examples; do
            echo "-rw-r--r-- $1share/doc/vmirom/examples/$file"
        done
        for text in bench calls conform conform-disk firmware hypercalls image monitor porting ring1 roms; do # those for users
            echo "-rw-r--r-- $1share/doc/vmirom/$text.md"
        done
        for file in README.md calls.tsv examples/lib/call_names.h examples/demo/* examples/lib/*; do # what they name
            echo "-rw-r--r-- $1share/doc/vmirom/$file"
        done
        for page in $pages; do
            echo "-rw-r--r-- $1share/man/man1/$page"
        done
    } | sort -k 2
}

# --- what is installed, and where ---

# The prefix is a place that could be written to, so a file outside DESTDIR would show.
prefix=$work/away/usr
dest=$work/dest
check make_install_succeeds make_in install "$dest" prefix="$prefix"
same the_files_and_their_rights_are_as_they_should "$(expected "")" "$(listing "$dest$prefix")"
check nothing_is_outside_destdir test ! -e "$work/away"
for image in native hypercall 3-native 3-hypercall monitor; do
    check "the_installed_image_is_the_built_one: $image" \
        cmp "$build/vmi-$image.rom" "$dest$prefix/share/vmirom/vmi-$image.rom"
done
check the_installed_romsum_accepts_the_installed_images "$dest$prefix/bin/romsum" --check "$dest$prefix"/share/vmirom/*.rom

sums() {
    (cd "$dest" && find . -type f -exec sha256sum {} + | sort)
}
same the_installed_vmi_lint_runs "vmi-lint $version" "$("$dest$prefix/bin/vmi-lint" --version)"
check the_installed_vmi_conform_finds_an_installed_image_right "$dest$prefix/bin/vmi-conform" "$dest$prefix/share/vmirom/vmi-3-native.rom"
before=$(sums; listing "$dest")
check a_second_install_succeeds make_in install "$dest" prefix="$prefix"
same a_second_install_changes_nothing "$before" "$(sums; listing "$dest")"

# In a build folder with nothing in it, "make" alone has to make whatever is installed of it.
make_in all "" -n B="$work/none"
tr -s ' ' '\n' <"$work/log" | sed -n "s|^$work/none/.*/||p; s|^$work/none/||p" | sort -u >"$work/made"
same make_alone_makes_all_that_is_installed "" \
    "$(cd "$dest$prefix" && printf '%s\n' bin/* lib/*.a lib/vmirom/*.[ao] share/vmirom/* | sed 's|.*/||' | sort | comm -23 - "$work/made")"

# --- nothing there leads to where it was built ---

same no_file_names_the_checkout_or_the_build "" "$(cd "$dest" && grep -rlF -e "$top/" -e "$build/" . | sort)"
same no_document_names_a_build_tree "" "$(grep -rn 'build/' "$dest$prefix/share/doc" --include='*.md' | cut -c 1-200)"

# links FILE: what its links lead to, and every path under the prefix
links() {
    grep -o '](\([^)#]*\)' "$1" | sed 's/^](//' | grep -v '^https\{0,1\}:'
    tr -c 'A-Za-z0-9_./*-' '\n' <"$1" | grep "^$prefix/" | sed 's/[.]$//'
}
for file in "$dest$prefix"/share/doc/vmirom/*.md "$dest$prefix"/lib/pkgconfig/vmirom.pc; do
    seen=$(links "$file" | sort -u | while read -r target; do
        case $target in
        "") continue ;;
        /*) path=$dest$target ;;
        *) path=$(dirname "$file")/$target ;;
        esac
        # shellcheck disable=SC2086 # a pattern
        ls -d $path >/dev/null 2>&1 || echo "$target"
    done)
    same "every_link_has_a_target: ${file##*/}" "" "$seen"
done
check the_walk_sees_links test "$(links "$dest$prefix/share/doc/vmirom/hypercalls.md" | wc -l)" -gt 10

# command PATTERN: that line of the installed guide, for where the tree is
command_of() {
    grep -h "$1" "$dest$prefix/share/doc/vmirom/hypercalls.md" | sed "s|$prefix|$dest$prefix|g"
}
mkdir "$work/examples"
check the_kvm_example_is_made_from_there sh -ec "cd '$work/examples'; $(command_of '^cc .*-o vmm')"
check the_kvm_example_runs sh -c "'$work/examples/vmm' 2>&1 | grep -q '^usage: vmm'"
if command -v rustc >/dev/null; then
    check the_rust_example_is_made_from_there sh -ec "cd '$work/examples'; $(command_of '^rustc ')"
    same the_rust_example_runs "OK, served from Rust" "$("$work/examples/vmi-rust" | head -n 1)"
else
    skip the_rust_example_is_made_from_there "no rustc"
fi
same the_recipe_for_seabios_is_there "usage: $dest$prefix/share/doc/vmirom/examples/seabios/build.sh SOURCE INCLUDE OBJECT BIOS" \
    "$(sh "$dest$prefix/share/doc/vmirom/examples/seabios/build.sh" 2>&1)"

# --- a hypervisor's author: pkg-config, the libraries, the objects ---

pc() {
    PKG_CONFIG_PATH=$dest$prefix/lib/pkgconfig PKG_CONFIG_LIBDIR='' PKG_CONFIG_SYSROOT_DIR=$dest pkg-config "$@" vmirom
}
same pkg_config_knows_the_version "$version" "$(pc --modversion)"
check pkg_config_finds_no_fault sh -c "PKG_CONFIG_PATH='$dest$prefix/lib/pkgconfig' pkg-config --validate vmirom"
# A variable may come with the sysroot in front or without.
kitdir=$dest$(pc --variable=kitdir | sed "s|^$dest||")
romdir=$dest$(pc --variable=romdir | sed "s|^$dest||")
check pkg_config_tells_where_the_images_are test -f "$romdir/vmi-native.rom"
check pkg_config_tells_where_the_kits_are test -f "$kitdir/vmi_roms.o"
for cc in gcc clang; do
    # shellcheck disable=SC2046,SC2086 # words are wanted
    same "a_hypervisor_is_made_with_what_is_installed: $cc" "vmi-hypercall: opened" "$(
        $cc $flags $(pc --cflags) "$here/hypervisor.c" "$kitdir/vmi_roms.o" $(pc --libs) -o "$work/hypervisor" 2>&1 &&
            "$work/hypervisor" 2>&1
    )"
done

# shellcheck disable=SC2046,SC2086
same a_hypervisor_in_cpp_is_made_with_what_is_installed "vmi-hypercall: opened" "$(
    g++ -x c++ -std=c++11 $warnings $(pc --cflags) "$here/hypervisor.c" -x none "$kitdir/vmi_roms.o" \
        $(pc --libs) -o "$work/hypervisor" 2>&1 && "$work/hypervisor" 2>&1
)"
for cc in gcc clang; do
    # shellcheck disable=SC2046,SC2086
    check "a_32_bit_hypervisor_compiles_without_a_library: $cc" $cc $flags -m32 -ffreestanding -fno-pic \
        -fno-stack-protector $(pc --cflags) -c "$here/freestanding.c" -o "$work/freestanding.o"
    check "a_32_bit_hypervisor_links_with_what_is_installed: $cc" ld -m elf_i386 -z noexecstack --fatal-warnings \
        -e publish -L"$kitdir" -o "$work/freestanding" "$work/freestanding.o" "$kitdir/vmi_roms-32.o" -lvmihv-32
done

# --- a kernel's author: the blob of the kit's tests, from the installed headers, script and archive alone ---

mkdir "$work/kernel"
awk -v as=nasm -f tests/guestkit/thunks.awk "$dest$prefix/include/vmi/sites-nasm.inc" >"$work/kernel/thunks.s"
nasm -Werror -f elf32 -I"$dest$prefix/include/" -o "$work/kernel/thunks.o" "$work/kernel/thunks.s"
cp tests/guestkit/blob.c tests/guestkit/blob.h tests/guestkit/blob.ld "$work/kernel"
# shellcheck disable=SC2046,SC2086
check a_kernel_compiles_with_the_installed_headers gcc $flags -m32 -march=i386 -ffreestanding -fno-pic -fno-pie \
    -fno-stack-protector -fno-asynchronous-unwind-tables -mgeneral-regs-only $(pc --cflags) -c \
    "$work/kernel/blob.c" -o "$work/kernel/blob.o"
check a_kernel_links_with_the_installed_kit ld -m elf_i386 -z noexecstack --no-warn-rwx-segments --fatal-warnings \
    -L"$kitdir" -T "$work/kernel/blob.ld" -o "$work/kernel/blob.elf" "$work/kernel/thunks.o" "$work/kernel/blob.o" \
    "$kitdir/libvmiguest.a"

# The example of porting.md, and what vmi-lint finds in it.
examples=$dest$prefix/share/doc/vmirom/examples
the_example() {
    for file in lib/*.asm demo/*.asm lib/*.c demo/*.c; do
        object=$work/kernel/$(echo "$file" | tr / -).o
        case $file in
        lib/boot.asm) continue ;;
        *.asm) nasm -Werror -f elf32 -g -Ilib/ -I"$dest$prefix/include/" -o "$object" "$file" || return 1 ;;
        *) # shellcheck disable=SC2046,SC2086
            gcc $flags -m32 -march=i586 -O2 -g -ffreestanding -fno-pic -fno-pie -fno-stack-protector -Wno-pedantic \
                -fno-asynchronous-unwind-tables -mgeneral-regs-only -Ilib $(pc --cflags) -c -o "$object" "$file" || return 1 ;;
        esac
    done
    ld -m elf_i386 -z noexecstack --fatal-warnings -L"$kitdir" -T demo/demo.ld -o "$work/kernel/demo.elf" "$work"/kernel/lib-*.o \
        "$work"/kernel/demo-*.o "$kitdir/libvmiguest.a" &&
        "$dest$prefix/bin/vmi-lint" --strict --allow demo/lint.allow "$work/kernel/demo.elf"
}
in_examples() (
    cd "$examples" && "$@"
)
check the_installed_example_is_made_with_what_is_installed in_examples the_example

# Each assembler's sites, from what is installed alone, and twice in a file.
for name in site-macros-nasm.inc sites-nasm.inc; do
    printf '%%include "vmi/%s"\n%%include "vmi/%s"\n' $name $name >"$work/twice.asm"
    check "an_installed_file_may_be_included_twice: $name" nasm -Werror -f elf32 -I"$dest$prefix/include/" -o "$work/twice.o" "$work/twice.asm"
done
for name in site-macros-gas.inc sites-gas.inc; do
    printf '.include "vmi/%s"\n.include "vmi/%s"\n' $name $name >"$work/twice.s"
    check "an_installed_file_may_be_included_twice: $name" as --32 --fatal-warnings -I"$dest$prefix/include" -o "$work/twice.o" "$work/twice.s"
done
awk -v as=gas -f tests/guestkit/thunks.awk "$dest$prefix/include/vmi/sites-nasm.inc" >"$work/kernel/gas.s"
check the_installed_macros_of_gas_make_sites as --32 --fatal-warnings -I"$dest$prefix/include" -o "$work/kernel/gas.o" "$work/kernel/gas.s"

# --- the headers ---

for header in "$dest$prefix"/include/vmi/*.h; do
    name=$(basename "$header")
    width=
    case $name in guest.h | sites.h) width=-m32 ;; esac # for kernels
    printf '#include "vmi/%s"\ntypedef int empty;\n' "$name" >"$work/alone.c"
    for cc in "gcc -std=c11" "clang -std=c11" "g++ -x c++ -std=c++11" "clang++ -x c++ -std=c++11"; do
        # shellcheck disable=SC2046,SC2086
        check "an_installed_header_stands_alone: $name, $cc" $cc $warnings -ffreestanding $width $(pc --cflags) \
            -fsyntax-only "$work/alone.c"
    done
done

# --- elsewhere ---

check the_usual_variables_are_used make_in install "$work/other" prefix=/opt/vmi libdir=/opt/vmi/lib/x86_64-linux-gnu \
    includedir=/usr/include datadir=/var/share bindir=/opt/bin mandir=/opt/man docdir=/opt/doc
for file in opt/vmi/lib/x86_64-linux-gnu/libvmihv.a opt/vmi/lib/x86_64-linux-gnu/pkgconfig/vmirom.pc usr/include/vmi/rom.h \
    var/share/vmirom/vmi-native.rom opt/bin/romsum opt/doc/MIT.txt; do
    check "the_usual_variables_are_used: $file" test -f "$work/other/$file"
done
same vmirom_pc_tells_of_them "prefix=/opt/vmi
exec_prefix=\${prefix}
includedir=/usr/include
libdir=\${prefix}/lib/x86_64-linux-gnu
datadir=/var/share" "$(sed -n 2,6p "$work/other/opt/vmi/lib/x86_64-linux-gnu/pkgconfig/vmirom.pc")"
check prefix_may_be_in_capitals make_in install "$work/capitals" PREFIX=/usr
check "prefix_may_be_in_capitals: it is there" test -f "$work/capitals/usr/share/vmirom/vmi-native.rom"
check a_path_may_have_blanks make_in install "$work/with blank" prefix=/usr
check "a_path_may_have_blanks: it is there" test -f "$work/with blank/usr/share/vmirom/vmi-native.rom"

# --- gone again ---

echo mine >"$dest$prefix/share/vmirom/mine.rom"
check make_uninstall_succeeds make_in uninstall "$dest" prefix="$prefix"
same only_a_foreign_file_and_common_directories_are_left "bin include lib lib/pkgconfig share share/doc share/man \
share/man/man1 share/vmirom share/vmirom/mine.rom " \
    "$(cd "$dest$prefix" && find . -mindepth 1 -printf '%P\n' | sort | tr '\n' ' ')"
check make_uninstall_may_be_said_twice make_in uninstall "$dest" prefix="$prefix"

finish
