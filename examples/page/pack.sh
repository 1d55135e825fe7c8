#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# pack.sh BUILD_DIR PAGE: prints PAGE as one file that needs no other. Its comments say what to put where; build/ in a
# file's name is BUILD_DIR:
#   <!-- text: ID FILE -->      a text, as it is
#   <!-- data: ID FILE -->      bytes, compressed by gzip and in base64
#   <!-- script: FILE -->       a script
#   <!-- module: FILE... -->    modules as one, so their imports from each other and their exports go: each is one line
set -eu

build=$1 page=$2

file() {
    case $1 in
    build/*) echo "$build/${1#build/}" ;;
    *) echo "$1" ;;
    esac
}

# A script may not hold what ends it.
checked() {
    if grep -qi '</script' "$1"; then
        echo "pack.sh: $1 has </script in it" >&2
        exit 1
    fi
    cat "$1"
}

while IFS= read -r line; do
    case $line in
    "<!-- "*": "*" -->")
        # shellcheck disable=SC2086 # words are wanted
        set -- $line
        kind=$2
        shift 2
        ;;
    *)
        printf '%s\n' "$line"
        continue
        ;;
    esac
    case $kind in
    text:)
        echo "<script type=\"text/plain\" id=\"$1\">"
        checked "$(file "$2")"
        ;;
    data:)
        echo "<script type=\"application/octet-stream\" id=\"$1\">"
        gzip -9nc "$(file "$2")" | base64 -w 0
        echo
        ;;
    script:)
        echo "<script>"
        checked "$(file "$1")"
        ;;
    module:)
        echo "<script type=\"module\">"
        while [ "$1" != "-->" ]; do
            checked "$(file "$1")" | sed '/^import .* from "\.\//d; s/^export //'
            shift
        done
        ;;
    *)
        printf '%s\n' "$line"
        continue
        ;;
    esac
    echo "</script>"
done <"$page"
