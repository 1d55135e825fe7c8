#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# setup.sh build|run|iso|page|npm|check|check-long|lint: installs the Debian packages that a step needs.
# Without root rights it prints the command to type instead.
set -eu

build="gcc make binutils libc6-dev nasm mawk libcapstone-dev libunicorn-dev libdw-dev"
run="$build qemu-system-x86 seabios"
iso="$build xorriso"
page="$run clang lld"
npm=
command -v npm >/dev/null || npm=npm # other packages of Node than Debian's bring it
# clang-tidy reads what the tests include
lint="$build git clang clang-format clang-tidy shellcheck mandoc libc6-dev-i386"

# suites WHICH...: what those declare
suites() {
    "$(dirname "$0")/../tests/suites.sh" list | awk -F'\t' -v which=" $* " 'index(which, " " $2 " ") { print $4 }' | tr ' ' '\n' | sort -u
}

case ${1:-} in
build) wanted=$build ;;
run) wanted=$run ;;
iso) wanted=$iso ;;
page) wanted=$page ;;
npm) wanted=$npm ;;
check) wanted="$run $(suites check)" ;;
check-long) wanted="$run $(suites check long)" ;;
lint) wanted=$lint ;;
*) echo "usage: $0 build|run|iso|page|npm|check|check-long|lint" >&2; exit 2 ;;
esac

missing=
for package in $wanted; do
    case $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true) in
    installed) ;;
    *) missing="$missing $package" ;;
    esac
done
[ -n "$missing" ] || exit 0

install="apt-get install -y --no-install-recommends$missing"
if [ "$(id -u)" != 0 ]; then
    echo "setup: these packages are missing; to install them: sudo $install" >&2
    exit 1
fi
echo "setup: $install" >&2
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
trap 'exit 1' HUP INT TERM
if ! { apt-get update && $install; } > "$log" 2>&1; then
    cat "$log" >&2
    echo "setup: could not install:$missing" >&2
    exit 1
fi
