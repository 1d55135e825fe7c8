#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# The source archive: run.sh BUILD_DIR, prints TAP. Nothing is compiled; long.sh builds from it.
set -u

# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
name=vmirom-$version

# source_of TREE [VARIABLE=VALUE...]: its archive goes to TREE.tar.gz
source_of() (
    tree=$1
    shift
    cd "$tree" && env -u MAKEFLAGS -u MAKELEVEL "$@" make -s SETUP=: B="$work/build-$(basename "$tree")" dist-source &&
        mv "$work/build-$(basename "$tree")/dist/$name.tar.gz" "$work/$(basename "$tree").tar.gz"
)

# The files that git knows, or MANIFEST where there is no git.
files() {
    if [ -e .git ]; then git ls-files; else sed -n 's/^100[0-9]* //p' MANIFEST; fi
}

# --- this tree ---

ln -s "$top" "$work/here"
check make_dist_source_succeeds source_of "$work/here"
files | LC_ALL=C sort >"$work/files"
check the_tree_has_files test "$(wc -l <"$work/files")" -gt 500
same it_has_every_committed_file_and_MANIFEST "$({ cat "$work/files"; echo MANIFEST; } | sed "s|^|$name/|" | LC_ALL=C sort)" \
    "$(tar -tzf "$work/here.tar.gz")"
time=$(tar -xzOf "$work/here.tar.gz" "$name/MANIFEST" | sed -n 's/^time //p')
same every_file_has_one_owner_and_time "0/0 $time" \
    "$(TZ=UTC tar --numeric-owner --full-time -tvzf "$work/here.tar.gz" | awk '{ print $2, $4, $5 }' | sort -u |
        while read -r owner day clock; do echo "$owner $(date -u -d "$day $clock" +%s)"; done)"

# --- elsewhere: of the archive, without git ---

mkdir -p "$work/a" "$work/b/long/way"
tar -xzf "$work/here.tar.gz" -C "$work/a"
# contents TREE: of each file, and who may execute it
contents() (
    cd "$1" && xargs -d '\n' sha256sum <"$work/files" && xargs -d '\n' stat -c '%A %n' <"$work/files" | sed 's/^...\(.\)[^ ]*/\1/'
)
contents "$top" >"$work/contents"
contents "$work/a/$name" >"$work/contents-a"
check its_files_are_those_of_the_tree diff "$work/contents" "$work/contents-a"
mv "$work/a/$name" "$work/without-git"
echo "not in MANIFEST" >"$work/without-git/scratch.c"
find "$work/without-git" -exec touch -d 2001-02-03 {} +
(umask 077 && TZ=Asia/Kolkata LC_ALL=C.UTF-8 source_of "$work/without-git") >"$work/log" 2>&1
check the_unpacked_archive_makes_the_same_bytes cmp "$work/here.tar.gz" "$work/without-git.tar.gz"

# --- and with git, committed at that time ---

tree=$work/b/long/way/with-git
mkdir "$tree"
tar -xzf "$work/here.tar.gz" -C "$tree" --strip-components=1
rm "$tree/MANIFEST"
export GIT_COMMITTER_DATE="@$time +0200"
git -c init.defaultBranch=main init -q "$tree"
git -C "$tree" add .
git -c user.name=nobody -c user.email=nobody@example.org -c commit.gpgsign=false -C "$tree" commit -q -m "Try"
touch "$tree/untracked"
source_of "$tree" >"$work/log" 2>&1
check a_checkout_makes_the_same_bytes cmp "$work/here.tar.gz" "$work/with-git.tar.gz"
same a_clean_checkout_is_not_told_of_changes "" "$(grep '^dist.sh' "$work/log")"
echo "/* more */" >>"$tree/include/vmi/rom.h"
source_of "$tree" >"$work/log" 2>&1
check uncommitted_changes_are_told grep -q '^dist.sh: uncommitted changes go into ' "$work/log"
check uncommitted_changes_make_other_bytes sh -c "! cmp -s '$work/here.tar.gz' '$work/with-git.tar.gz'"
git -C "$tree" checkout -q .
source_of "$tree" SOURCE_DATE_EPOCH=1000000000 >"$work/log" 2>&1
same SOURCE_DATE_EPOCH_is_the_time "time 1000000000" "$(tar -xzOf "$work/with-git.tar.gz" "$name/MANIFEST" | grep '^time')"

# --- what cannot be made leaves nothing ---

rm "$tree/calls.tsv" "$work/with-git.tar.gz"
source_of "$tree" >"$work/log" 2>&1
want "what is said" 1 "$(grep -c 'calls.tsv' "$work/log")"
want "an archive" "" "$(find "$work/build-with-git/dist" -name '*.gz*')"
conclude a_file_that_is_not_there_is_named "$(cat "$work/log")"
mv "$work/without-git/MANIFEST" "$work/manifest"
source_of "$work/without-git" >"$work/log" 2>&1
check without_git_and_MANIFEST_there_is_no_archive grep -q '^dist.sh: .*neither git nor MANIFEST' "$work/log"
sed '/^time/d' "$work/manifest" >"$work/without-git/MANIFEST"
source_of "$work/without-git" >"$work/log" 2>&1
check without_a_time_there_is_no_archive grep -q '^dist.sh: the time of the files is ' "$work/log"

# --- Debian's package ---

same debian_has_the_version "vmirom ($version-1)" "$(sed -n '1s/).*/)/p' debian/changelog)"

finish
