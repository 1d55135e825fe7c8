#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# What is built from the source archive: the binary archive and Debian's packages, and what becomes of them in systems of
# their own (root.sh). run: long.sh BUILD_DIR, prints TAP. KEEP=DIR keeps the packages, and lintian's output, there.
set -u

# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/dist/root.sh
. "$here/root.sh"
name=vmirom-$version
packages="vmirom romsum vmi-tools libvmi-dev"

# make_in TREE GOAL...
make_in() (
    cd "$1" && shift && env -u MAKEFLAGS -u MAKELEVEL make -s -j"$(nproc)" "$@"
)

# --- the archives, from two folders ---

make_in "$top" B="$work/sources" dist-source >"$work/log" 2>&1
archive=$work/sources/dist/$name.tar.gz
mkdir -p "$work/one" "$work/another/way/there"
tar -xzf "$archive" -C "$work/one"
tar -xzf "$archive" -C "$work/another/way/there"
one=$work/one/$name
another=$work/another/way/there/$name
check make_dist_succeeds_in_one_folder make_in "$one" dist
check make_dist_succeeds_in_another sh -c "umask 077; cd '$another' && TZ=Asia/Kolkata env -u MAKEFLAGS -u MAKELEVEL make -s dist"
check the_archive_makes_itself_again cmp "$archive" "$one/build/dist/$name.tar.gz"
check both_archives_have_the_same_bytes_from_another_folder diff "$one/build/dist/SHA256SUMS" "$another/build/dist/SHA256SUMS"
same the_sums_are_those_of_both_archives 2 "$(cd "$another/build/dist" && sha256sum -c SHA256SUMS 2>&1 | grep -c ': OK$')"
for image in "$build"/vmi-*.rom; do
    check "the_archive_builds_the_same_image: ${image##*/}" cmp "$image" "$one/build/${image##*/}"
done

mkdir "$work/unpacked"
tar -xzf "$one/build/dist/$name-linux-amd64.tar.gz" -C "$work/unpacked"
unpacked=$work/unpacked/$name-linux-amd64
same the_binary_archive_has_its_sums "" "$(cd "$unpacked" && sha256sum --quiet -c SHA256SUMS 2>&1)"
same SHA256SUMS_has_every_file "$(cd "$unpacked" && find . -type f ! -name SHA256SUMS | sed 's|^\./||' | LC_ALL=C sort)" \
    "$(sed 's/^[0-9a-f]*  //' "$unpacked/SHA256SUMS")"
for part in bin/romsum bin/vmi-lint bin/vmi-conform share/vmirom/vmi-conform.img share/vmirom/vmi-conform.iso lib/libvmihv.a lib/vmirom/libvmiguest.a include/vmi/guest.h share/vmirom/vmi-native.rom \
    share/man/man1/romsum.1 share/doc/vmirom/README.md README CHANGELOG.md; do
    check "the_binary_archive_has: $part" test -s "$unpacked/$part"
done
mkdir -p "$work/nothing/bin"
cp -R "$unpacked/bin/romsum" "$unpacked/share/vmirom" "$work/nothing"
check its_romsum_needs_no_library chroot "$work/nothing" /romsum --check vmirom/vmi-native.rom vmirom/vmi-ring1.rom
for program in vmi-lint vmi-conform; do
    check "it_has_a_program_that_runs: $program" "$unpacked/bin/$program" --version
done
same nothing_in_it_names_where_it_was_built "" "$(grep -rlF -e "$one" "$unpacked")"
# shellcheck disable=SC2046 # words are wanted
same a_hypervisor_is_made_of_it "vmi-hypercall: opened" "$(
    export PKG_CONFIG_PATH="$unpacked/lib/pkgconfig" PKG_CONFIG_LIBDIR=
    cc $(pkg-config --cflags vmirom) tests/install/hypervisor.c "$(pkg-config --variable=kitdir vmirom)/vmi_roms.o" \
        $(pkg-config --libs vmirom) -o "$work/hypervisor" 2>&1 && "$work/hypervisor" 2>&1
)"

# --- Debian's packages, built where only what they ask for is installed ---

asked=$(awk '/^Build-Depends:/ { inside = 1; sub(/^[^:]*:/, "") } inside && /^[^ ]/ { inside = 0 } inside' debian/control | tr ',\n' '  ' |
    sed 's/([^)]*)//g; s/debhelper-compat/debhelper/')
if [ "$(id -u)" != 0 ]; then
    skip debians_packages_are_built "a system of its own needs root rights"
    finish
    exit
fi

# shellcheck disable=SC2086 # words are wanted
make_root "$work/builder" build-essential $asked
# packages_in FOLDER: of the builder, from the archive
packages_in() {
    mkdir -p "$work/builder$1"
    cp "$archive" "$work/builder$1/vmirom_$version.orig.tar.gz"
    tar -xzf "$archive" -C "$work/builder$1"
    in_root "$work/builder" sh -c "cd '$1/$name' && dpkg-buildpackage -us -uc" >"$work/builder$1/log" 2>&1 || {
        tail -n 50 "$work/builder$1/log"
        return 1
    }
}
check the_packages_are_built_with_what_they_ask_for packages_in /first
check the_packages_are_built_once_more packages_in /and/once/more
first=$work/builder/first
same the_packages_are_those_of_control "$(for package in $packages; do echo "$package"; done | sort)" \
    "$(find "$first" -maxdepth 1 -name '*.deb' ! -name '*-dbgsym_*' -exec dpkg-deb -f {} Package \; | sort)"
for deb in "$first"/*.deb "$first"/*.dsc; do
    check "a_package_has_the_same_bytes_from_another_folder: ${deb##*/}" cmp "$deb" "$work/builder/and/once/more/${deb##*/}"
done
# One package less: what the build does not need is not asked for.
for package in $asked; do
    [ "$package" != debhelper ] || continue
    less=$(echo " $asked " | sed "s/ $package / /")
    # shellcheck disable=SC2086
    same "the_build_needs: $package" "" "$(closure build-essential $less | grep -x "$package")"
done

lintian --allow-root -I --show-overrides --fail-on none "$first/vmirom_$version-1_amd64.changes" >"$work/lintian" 2>&1
status=$?
want "lintian's status" 0 $status
want "what is not explained" "" "$(grep -E '^[EW]:' "$work/lintian")"
want "overrides that are used" "$(cat debian/*.lintian-overrides debian/source/lintian-overrides | grep -c '^[^#]')" "$(grep -c '^O:' "$work/lintian")"
conclude lintian_finds_nothing_that_is_not_explained "$(cat "$work/lintian")"
for overrides in debian/*.lintian-overrides debian/source/lintian-overrides; do
    same "every_override_has_its_reason: $overrides" "" "$(awk '!/^#/ && previous !~ /^#/ { print } { previous = $0 }
        /SPDX/ { previous = "" }' "$overrides")"
done
if [ -n "${KEEP:-}" ]; then
    mkdir -p "$KEEP"
    cp "$first"/vmirom_* "$first"/*.deb "$work/lintian" "$KEEP"
fi

# --- installed ---

user=$work/user
make_root "$user" qemu-system-x86 seabios build-essential nasm pkgconf libunicorn-dev libcapstone4 libdw1 "$(dpkg-query -W -f '${Package}' libelf1t64 2>/dev/null || echo libelf1)"
listing() {
    (cd "$user" && find . -path ./var/lib/dpkg -prune -o -path ./var/log -prune -o -print | sort)
}
listing >"$work/before"
# user COMMAND: in a shell there, in a folder of its own
mkdir "$user/root/work"
user() {
    in_root "$user" sh -ec "cd /root/work; $1"
}
# QEMU goes on without a ROM that it does not find.
qemu_starts="echo quit | timeout -k 2 $limit qemu-system-i386 -S -display none -nodefaults -monitor stdio -option-rom vmi-native.rom 2>&1 >monitor"
check without_the_package_qemu_does_not_find_the_name user "$qemu_starts | grep 'vmi-native.rom'"
for package in $packages; do
    cp "$first/${package}_$version-1"_*.deb "$user/root"
done
check the_packages_are_installed user "dpkg -i ../*.deb"
same dpkg_knows_them "$(for package in $packages; do echo "ii $package $version-1"; done | sort)" \
    "$(user "dpkg-query -W -f '\${db:Status-Abbrev}\${Package} \${Version}\\n' $packages" | sort)"
same dpkg_misses_nothing "" "$(user "dpkg --audit; dpkg -V $packages")"

for image in "$build"/vmi-*.rom; do
    image=${image##*/}
    check "the_installed_image_is_the_built_one: $image" cmp "$build/$image" "$user/usr/share/vmirom/$image"
    check "qemu_has_a_name_for: $image" user "cmp /usr/share/vmirom/$image /usr/share/qemu/$image"
done
same with_it_qemu_finds_the_name "" "$(user "$qemu_starts")"
check vmi_conform_finds_an_installed_image_right user "vmi-conform /usr/share/vmirom/vmi-native.rom"
check romsum_accepts_the_installed_images user "romsum --check --strict /usr/share/vmirom/*.rom"
same every_command_has_a_manual_page "" "$(user "dpkg -L $packages | sed -n 's|^/usr/bin/\\(.\\)|\\1|p' | while read -r command; do
    [ -s /usr/share/man/man1/\$command.1.gz ] || echo \$command; \$command --version >/dev/null || echo \$command does not run; done")"
same every_package_has_its_licence_and_changes "" "$(for package in $packages; do
    for file in copyright changelog.gz changelog.Debian.gz; do
        [ -s "$user/usr/share/doc/$package/$file" ] || echo "$package: $file"
    done
done)"
# Links of a document, relative to it; and the folders that the texts were rewritten to.
same the_documents_name_what_is_there "" "$(cd "$user/usr/share/doc/libvmi-dev" && for text in *.md; do
    { grep -o '](\([^)#:]*\))' "$text" | sed 's/^](//; s/)$//'; tr -c 'A-Za-z0-9_./*-' '\n' <"$text" | grep '^/usr/' | sed "s|[.]$||; s|^|$user|"; } |
        sort -u | while read -r target; do
        # shellcheck disable=SC2086 # a pattern
        ls -d $target >/dev/null 2>&1 || echo "$text: $target"
    done
done)"

# The kernel's example, from what is installed; QEMU gets the README's command, and finds the ROM by its name too.
examples=/usr/share/doc/libvmi-dev/examples
check the_kernels_example_is_made user "
    flags='-std=c11 -m32 -march=i586 -O2 -g -ffreestanding -fno-pic -fno-pie -fno-stack-protector -fno-asynchronous-unwind-tables -mgeneral-regs-only'
    kit=\$(pkg-config --variable=kitdir vmirom)
    for file in $examples/lib/*.c $examples/demo/*.c; do
        cc \$flags -I$examples/lib \$(pkg-config --cflags vmirom) -c -o obj\$(echo \$file | tr / -).o \$file
    done
    for file in $examples/lib/glue.asm $examples/lib/start.asm $examples/demo/*.asm; do
        nasm -f elf32 -g -I$examples/lib/ -I/usr/include/ -o obj\$(echo \$file | tr / -).o \$file
    done
    ld -m elf_i386 -z noexecstack -L\$kit -T $examples/demo/demo.ld -o demo.elf obj*.o \$kit/libvmiguest.a
    objcopy -O binary demo.elf demo.bin
    nasm -f bin -o boot.bin $examples/lib/boot.asm
    sh $examples/lib/mkdisk.sh boot.bin demo.bin demo.img"
check vmi_lint_reads_it user "vmi-lint --strict --allow $examples/demo/lint.allow demo.elf"
readme=$(user "sed -n 's/^qemu-system-i386 .*-option-rom .*/&/p' /usr/share/doc/libvmi-dev/README.md" | head -n 1)
machine='-m 64 -display none -nodefaults -vga std -device isa-debug-exit,iobase=0xf4,iosize=1 -serial file:said -drive if=ide,index=0,format=raw,file=demo.img -boot c'
# boots NAME COMMAND: the demo kernel finds the native ROM of this version, and links its sites to it
boots() {
    user "rm -f said; timeout -k 2 $limit ${2%...} $machine || :; cat said" >"$work/said" 2>&1
    want "the ROM" 1 "$(grep -c "API 13.3, \"VMI native ROM $version\", checksum right" "$work/said")"
    want "linked sites" 1 "$(grep -c ' call sites, ROM at .*: .* native, 0 inlined' "$work/said")"
    want "result" 1 "$(grep -c '^Result: OK' "$work/said")"
    conclude "$1" "$2" "$(cat "$work/said")"
}
boots the_readmes_command_boots_the_example "$readme"
boots qemu_finds_the_rom_by_its_name "qemu-system-i386 -global apic-common.vapic=off -option-rom vmi-native.rom"

# The hypervisor's example.
check the_hypervisors_example_is_made user "cc \$(pkg-config --cflags vmirom) -o example $examples/example.c \$(pkg-config --libs vmirom) -lunicorn"
same the_hypervisors_example_serves_its_guest "the guest is gone" "$(user "./example /usr/share/vmirom/vmi-hypercall.rom" 2>&1 | tail -n 1)"

# --- gone again ---

check the_packages_are_removed user "dpkg --purge $packages"
rm -rf "$user/root/work" "$user"/root/*.deb
listing >"$work/after"
check nothing_is_left diff "$work/before" "$work/after"

finish
