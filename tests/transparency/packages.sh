#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# packages.sh DIR NAME...: takes the files of other people's software out of Debian packages into DIR/NAME.
# Names: grub memtest86+ busybox 686-pae amd64 cloud-amd64; seabios-source; qemu. What is there already is left alone. Nothing is
# installed: apt works with lists and a status of its own, in DIR/apt, from the machine's sources, for both
# architectures. qemu is the one of the release's backports.
set -eu

[ $# -ge 2 ] || {
    echo "usage: $0 DIR NAME..." >&2
    exit 2
}
mkdir -p "$1"
dir=$(cd "$1" && pwd)
shift
apt=$dir/apt
export LC_ALL=C

private() {
    tool=$1
    shift
    "$tool" -q -c "$apt/apt.conf" "$@"
}

# An index that does not come is no reason to stop: what is wanted may be in the others.
update() {
    mkdir -p "$apt/lists/partial" "$apt/archives/partial"
    cat >"$apt/apt.conf" <<END
APT::Architecture "i386";
#clear APT::Architectures;
APT::Architectures { "i386"; "amd64"; };
APT::Sandbox::User "root";
Dir::State::lists "$apt/lists";
Dir::State::status "$apt/status";
Dir::Cache "$apt";
Dir::Cache::archives "$apt/archives";
END
    private apt-get update >"$apt/update.log" 2>&1 || :
}

# package_of META: the kernel that a meta package stands for
package_of() {
    private apt-cache depends "$1" | awk '/Depends: linux-image-/ { print $2; exit }'
}

# unpack PACKAGE PATTERN...: those files to DIR/apt/files
unpack() {
    package=$1
    shift
    rm -rf "$apt/files" "$apt/deb"
    mkdir "$apt/files" "$apt/deb"
    (cd "$apt/deb" && private apt-get download "$package")
    dpkg-deb --fsys-tarfile "$apt"/deb/*.deb | tar -x -C "$apt/files" --wildcards "$@"
    rm -rf "$apt/deb"
}

# A kernel, and the modules that reach an IDE disk.
kernel() {
    unpack "$(package_of "$1")" './boot/vmlinuz-*' \
        './lib/modules/*/ata_piix.ko' './lib/modules/*/libata.ko' \
        './lib/modules/*/scsi_common.ko' './lib/modules/*/scsi_mod.ko' './lib/modules/*/sd_mod.ko' \
        './lib/modules/*/t10-pi.ko' './lib/modules/*/crc*.ko'
    mv "$apt"/files/boot/vmlinuz-* "$apt/files/vmlinuz"
}

# A kernel with KVM for AMD's processors.
kvm_kernel() {
    unpack "$(package_of "$1")" './boot/vmlinuz-*' './lib/modules/*/irqbypass.ko' './lib/modules/*/kvm.ko' \
        './lib/modules/*/kvm-amd.ko'
    mv "$apt"/files/boot/vmlinuz-* "$apt/files/vmlinuz"
}

# The sources that the machine has, as sources of source packages: with lists of their own, in apt/source.
update_source() {
    rm -rf "$apt/source"
    mkdir -p "$apt/source/lists/partial" "$apt/source/parts"
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
        [ -f "$file" ] || continue
        sed -e 's/^Types:.*/Types: deb-src/' -e 's/^deb /deb-src /' "$file" >"$apt/source/parts/$(basename "$file")"
    done
    [ ! -f "$apt/source/parts/sources.list" ] || mv "$apt/source/parts/sources.list" "$apt/source/parts/machine.list"
    cat >"$apt/source/apt.conf" <<END
APT::Sandbox::User "root";
Dir::State::lists "$apt/source/lists";
Dir::State::status "$apt/status";
Dir::Cache "$apt/source";
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "$apt/source/parts";
END
    apt-get -q -c "$apt/source/apt.conf" update >"$apt/update.log" 2>&1 || :
}

# unpack_source PACKAGE: its tree as its authors made it, without Debian's changes, to DIR/apt/files
unpack_source() {
    update_source
    rm -rf "$apt/files"
    mkdir "$apt/files"
    (cd "$apt/source" && apt-get -q -c apt.conf source --download-only "$1")
    tar -x -C "$apt/files" --strip-components=1 -f "$apt/source/$1"_*.orig.tar.*
    rm -rf "$apt/source"
}

# The sources of the release, as those of its backports: with lists of their own, in apt/backports.
update_backports() {
    release=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
    rm -rf "$apt/backports"
    mkdir -p "$apt/backports/lists/partial" "$apt/backports/parts"
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        [ -f "$file" ] || continue
        sed -n "s/ $release main.*/ $release-backports main/p" "$file" >"$apt/backports/parts/$(basename "$file" .list).list"
    done
    for file in /etc/apt/sources.list.d/*.sources; do
        [ -f "$file" ] || continue
        awk -v release="$release" 'BEGIN { RS = ""; ORS = "\n\n" }
            ("\n" $0) ~ "\nSuites:( [^\n]*)? " release "[ \n]" { sub(/Suites:[^\n]*/, "Suites: " release "-backports"); print }' \
            "$file" >"$apt/backports/parts/$(basename "$file")"
    done
    cat >"$apt/backports/apt.conf" <<END
APT::Sandbox::User "root";
Dir::State::lists "$apt/backports/lists";
Dir::State::status "$apt/status";
Dir::Cache "$apt/backports";
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "$apt/backports/parts";
END
    apt-get -q -c "$apt/backports/apt.conf" update >"$apt/update.log" 2>&1 || :
}

# Of the package, which needs libraries that the release's own QEMU has brought along.
unpack_qemu() {
    update_backports
    rm -rf "$apt/files"
    mkdir "$apt/files"
    (cd "$apt/backports" && apt-get -q -c apt.conf download qemu-system-x86)
    dpkg-deb --fsys-tarfile "$apt"/backports/qemu-system-x86_*.deb |
        tar -x -C "$apt/files" ./usr/bin/qemu-system-x86_64
    rm -rf "$apt/backports"
}

fetch() {
    case $1 in
    qemu) unpack_qemu ;;
    seabios-source) unpack_source seabios ;;
    grub)
        unpack grub-rescue-pc './usr/lib/grub-rescue/*'
        mv "$apt"/files/usr/lib/grub-rescue/* "$apt/files"
        ;;
    memtest86+)
        unpack memtest86+ './boot/*.bin'
        mv "$apt"/files/boot/* "$apt/files"
        ;;
    busybox)
        unpack busybox-static ./bin/busybox
        mv "$apt/files/bin/busybox" "$apt/files"
        ;;
    686-pae) kernel linux-image-686-pae ;;
    amd64) kernel linux-image-amd64:amd64 ;;
    cloud-amd64) kvm_kernel linux-image-cloud-amd64:amd64 ;;
    *)
        echo "packages: $1: unknown" >&2
        return 2
        ;;
    esac
}

updated=
for name in "$@"; do
    [ ! -d "$dir/$name" ] || continue
    mkdir -p "$apt"
    : >"$apt/status"
    [ "$name" = qemu ] || [ "$updated" ] || update
    [ "$name" = qemu ] || updated=1
    fetch "$name"
    mv "$apt/files" "$dir/$name"
done
