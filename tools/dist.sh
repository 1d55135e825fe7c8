#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# dist.sh source OUT | pack FOLDER OUT: archives whose bytes depend on what is in them alone. `make dist` calls it.
#
#   source   what git knows, as it stands in the tree, in a folder that is named as OUT is. It has a file more, MANIFEST,
#            which says the same where there is no git: the archive, unpacked, makes the archive again.
#   pack     FOLDER, and in it SHA256SUMS of the rest
#
# Every file has one time, SOURCE_DATE_EPOCH, or else the last commit's; one owner; and one of two modes.
set -eu
export LC_ALL=C
umask 022

usage() {
    echo "usage: $0 source OUT.tar.gz | pack FOLDER OUT.tar.gz" >&2
    exit 2
}

die() {
    echo "dist.sh: $1" >&2
    exit 1
}

# The files: mode and path, a line each.
list() {
    if [ -e .git ]; then
        git ls-files -s | awk -F'\t' '{ print substr($1, 1, 6), $2 }'
    elif [ -f MANIFEST ]; then
        sed -n 's/^100/100/p' MANIFEST
    else
        die "neither git nor MANIFEST says which files there are"
    fi
}

# The time of all files.
epoch() {
    if [ -n "${SOURCE_DATE_EPOCH:-}" ]; then
        echo "$SOURCE_DATE_EPOCH"
    elif [ -e .git ]; then
        git log -1 --format=%ct
    elif [ -f MANIFEST ]; then
        sed -n 's/^time //p' MANIFEST
    else
        die "SOURCE_DATE_EPOCH is not set, and there is neither git nor MANIFEST"
    fi
}

# archive FOLDER OUT: OUT is whole or not there.
archive() {
    mkdir -p "$(dirname "$2")"
    (cd "$(dirname "$1")" && find "$(basename "$1")" -type f | sort) > "$work/names"
    tar -C "$(dirname "$1")" --format=ustar --owner=0 --group=0 --numeric-owner --mtime="@$time" --no-recursion -T "$work/names" \
        -cf "$work/tar"
    gzip -9n < "$work/tar" > "$2.part"
    mv "$2.part" "$2"
}

source_archive() {
    tree=$work/$(basename "$1" .tar.gz)
    list > "$work/list"
    [ -s "$work/list" ] || die "no files"
    mkdir "$tree"
    {
        printf '# SPDX-License-Identifier: GPL-2.0-only OR MIT\n# What tools/dist.sh asks where there is no git: the time of all files, modes and names.\ntime %s\n' "$time"
        cat "$work/list"
    } > "$tree/MANIFEST"
    awk '!/^100(644|755) / { print "dist.sh: " $0 ": not the mode of a file"; bad = 1 } END { exit bad }' "$work/list" >&2
    sed 's/^[0-9]* //' "$work/list" > "$work/paths"
    tar -c -T "$work/paths" > "$work/tar" || die "$1 is not made" # not in a pipe: a missing file ends it here
    tar -x -C "$tree" -f "$work/tar"
    (cd "$tree" && xargs -d '\n' chmod 644 MANIFEST < "$work/paths" && sed -n 's/^100755 //p' "$work/list" | xargs -d '\n' -r chmod 755)
    if [ -e .git ] && [ -n "$(git status --porcelain --untracked-files=no)" ]; then
        echo "dist.sh: uncommitted changes go into $1" >&2
    fi
    archive "$tree" "$1"
}

pack() {
    [ -d "$1" ] || die "$1 is not there"
    find "$1" -type f -perm /111 -exec chmod 755 {} +
    find "$1" -type f ! -perm /111 -exec chmod 644 {} +
    (cd "$1" && find . -type f ! -name SHA256SUMS | sed 's|^\./||' | sort | xargs -d '\n' sha256sum) > "$work/sums"
    install -m 644 "$work/sums" "$1/SHA256SUMS"
    archive "$1" "$2"
}

mode=${1:-}
case $mode:$# in
source:2 | pack:3) ;;
*) usage ;;
esac
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
time=$(epoch)
case $time in
'' | *[!0-9]*) die "the time of the files is \`$time\`, not seconds" ;;
esac
if [ "$mode" = source ]; then
    source_archive "$@"
else
    pack "$@"
fi
