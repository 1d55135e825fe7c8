# shellcheck shell=sh disable=SC2154
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# Sourced behind tests/tap.sh: a system of some of this machine's packages, in a folder.
#   make_root ROOT PACKAGE...    the essential packages and PACKAGEs, with all that they depend on; dpkg there knows of
#                                no others
#   in_root ROOT COMMAND...      runs it there, with no variable of ours
# Nothing is downloaded, nothing mounted. Only the files of the packages are there, the names of users and of the
# vendor, and what alternatives lead to. Needs root rights.

# closure PACKAGE...: names, a line each. Of alternatives the first that is installed counts.
closure() {
    dpkg-query -W -f '${db:Status-Status}\t${Package}\t${Essential}\t${Pre-Depends}, ${Depends}\t${Provides}\n' |
        awk -F'\t' -v start="$*" '
        function bare(name) {
            sub(/^ +/, "", name)
            sub(/[ (:].*/, "", name)
            return name
        }
        function add(name) {
            if (!(name in wanted)) {
                wanted[name]
                queue[++last] = name
            }
        }
        $1 == "installed" {
            depends[$2] = $4
            n = split($5, provided, ",")
            for (i = 1; i <= n; i++)
                if (!(bare(provided[i]) in provider))
                    provider[bare(provided[i])] = $2
            if ($3 == "yes")
                add($2)
        }
        END {
            n = split(start, name, " ")
            for (i = 1; i <= n; i++)
                add(name[i])
            for (next_one = 1; next_one <= last; next_one++) {
                n = split(depends[queue[next_one]], group, ",")
                for (i = 1; i <= n; i++) {
                    m = split(group[i], choice, "|")
                    for (j = 1; j <= m; j++)
                        if (bare(choice[j]) in depends)
                            break
                    if (j <= m)
                        add(bare(choice[j]))
                    else
                        for (j = 1; j <= m; j++)
                            if (bare(choice[j]) in provider) {
                                add(provider[bare(choice[j])])
                                break
                            }
                }
            }
            for (i = 1; i <= last; i++)
                print queue[i]
        }'
}

make_root() {
    root=$1
    shift
    closure "$@" | sort >"$root.packages"
    mkdir -p "$root"
    # Links first: what dpkg lists in /bin and /lib goes through them.
    for link in bin sbin lib lib32 lib64 libx32; do
        [ ! -L "/$link" ] || cp -P "/$link" "$root"
        mkdir -p "$root/usr/$link"
    done
    # Documents, pages and translations are not asked for.
    xargs dpkg-query -L <"$root.packages" | grep -v -E '^/usr/share/(doc|man|info|locale|lintian)/.' | sort -u |
        while IFS= read -r path; do
            [ ! -e "$path" ] && [ ! -L "$path" ] || printf '%s\n' "${path#/}"
        done >"$root.files"
    tar -C / --no-recursion -c -T "$root.files" | tar -C "$root" --keep-directory-symlink -x -p
    cp /etc/passwd /etc/group "$root/etc"
    cp -P /etc/dpkg/origins/default "$root/etc/dpkg/origins" # what a build's flags depend on
    mkdir -p "$root/etc/alternatives" "$root/proc" "$root/dev" "$root/tmp" "$root/root" "$root/run"
    chmod 1777 "$root/tmp"
    for link in /etc/alternatives/*; do
        target=$(readlink "$link")
        [ ! -e "$root$target" ] || cp -P "$link" "$root/etc/alternatives"
        [ ! -e "$root$target" ] || [ ! -f "/var/lib/dpkg/alternatives/${link##*/}" ] ||
            cp -P "$(sed -n 2p "/var/lib/dpkg/alternatives/${link##*/}")" "$root/usr/bin" 2>/dev/null
    done
    mknod -m 666 "$root/dev/null" c 1 3
    mknod -m 666 "$root/dev/zero" c 1 5
    mknod -m 666 "$root/dev/urandom" c 1 9
    # dpkg's own knowledge
    db=$root/var/lib/dpkg
    mkdir -p "$db/info" "$db/updates" "$db/triggers"
    cp /var/lib/dpkg/info/format "$db/info"
    awk 'BEGIN { RS = ""; ORS = "\n\n" } NR == FNR { n = split($0, name, "\n"); for (i = 1; i <= n; i++) wanted[name[i]]; next }
        { split($0, line, "\n"); sub(/^Package: /, "", line[1]) } line[1] in wanted' "$root.packages" /var/lib/dpkg/status >"$db/status"
    while read -r package; do
        cp /var/lib/dpkg/info/"$package".* /var/lib/dpkg/info/"$package":*.* "$db/info" 2>/dev/null
    done <"$root.packages"
    in_root "$root" ldconfig
    # What packages want to do when files of others come; without a record of it all are due.
    in_root "$root" dpkg --triggers-only -a >"$root.triggers" 2>&1
}

in_root() {
    root=$1
    shift
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 chroot "$root" "$@" </dev/null
}
