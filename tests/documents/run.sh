#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# The documents: their links lead somewhere, the paths that they name are in the tree, and the README's reading order
# has all of them. run.sh BUILD_DIR; prints TAP.
set -u

# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"

# In the tree, or for a name without a folder anywhere in it.
is_there() {
    case $1 in
    */*)
        # shellcheck disable=SC2086 # a pattern is wanted
        set -- $1
        [ -e "$1" ]
        ;;
    *) [ -n "$(find . -name build -prune -o -name .git -prune -o -name "$1" -print | sed -n 1p)" ] ;;
    esac
}

# Paths of other trees: what is built, where it is installed, SeaBIOS's files and its sources.
is_elsewhere() {
    case $1 in
    build/* | share/* | lib/* | genroms/* | etc/* | src/*) true ;;
    *) false ;;
    esac
}

# A link is relative to its document; behind # is the anchor of a heading.
leads_somewhere() { # DOCUMENT TARGET
    to=${2%%#*}
    if [ -n "$to" ]; then
        to=$(dirname "$1")/$to
        [ -e "$to" ] || return 1
    else
        to=$1
    fi
    case $2 in
    *#*) awk -f "$here/names.awk" "$to" | grep -q " heading ${2#*#}\$" ;;
    esac
}

# wrong_names DOCUMENT: a line for each name that leads nowhere
wrong_names() {
    awk -f "$here/names.awk" "$1" | while read -r place kind name; do
        case $kind in
        link) leads_somewhere "$1" "$name" && continue ;;
        path)
            is_elsewhere "$name" && continue
            is_there "$name" && continue
            is_there "include/$name" && continue # as in #include
            ;;
        command) # only what is in a folder of ours
            [ -d "${name%%/*}" ] || continue
            is_elsewhere "$name" && continue
            is_there "$name" && continue
            ;;
        *) continue ;;
        esac
        echo "$place: $name is not there"
    done
}

# missing_from_order DOCUMENT...: those that the README's reading order has no link to
missing_from_order() {
    awk '/^## / { inside = /reading order/ } inside' README.md >"$work/order"
    for document; do
        grep -q "]($document)" "$work/order" || echo "$document is not in the reading order"
    done
}

# Documents that a file of the tree names and that are not there; this test names some that must not be.
missing_documents() {
    for document in $(find . -name build -prune -o -name .git -prune -o -type f -print | grep -v '^./tests/documents/' |
        xargs grep -hoE '\bdocs/[a-z0-9-]+\.(md|1)\b' | sort -u); do
        [ -e "$document" ] || echo "$document is not there"
    done
}

documents() {
    for document in *.md docs/*.md docs/*.1; do
        [ ! -e "$document" ] || echo "$document"
    done
}

for document in $(documents | grep '\.md$'); do
    same "every_name_leads_somewhere: $document" "" "$(wrong_names "$document")"
done
# shellcheck disable=SC2046 # words are wanted
same the_reading_order_has_every_document "" "$(missing_from_order $(documents | grep -v '^README.md$'))"
same the_documents_that_files_name_are_there "" "$(missing_documents)"

# --- that mistakes are seen: a tree with one of each kind ---

mkdir -p "$work/tree/docs" "$work/tree/tools" "$work/tree/include/vmi"
cd "$work/tree" || exit 1
: >include/vmi/here.h
: >docs/forgotten.md
cat >README.md <<'MD'
# A tree
[right](docs/page.md), [right](docs/page.md#one-heading), [wrong](docs/gone.md), [wrong](docs/page.md#no-heading),
[elsewhere](https://example.org/)
`tools/here.sh ARGUMENT`, `here.sh`, `vmi/here.h`, `build/anything`, `tools/*.sh`, `and` / `or`
`hv/`, `tools/gone.sh`, `gone.c`
```
tools/here.sh /dev/null other/word
tools/gone.sh
```
## In reading order
[page](docs/page.md)
MD
printf '# Page\n## One heading\n' >docs/page.md
echo '# see docs/page.md and docs/missing.md' >tools/here.sh
same a_wrong_name_is_seen "README.md:2: docs/gone.md is not there
README.md:2: docs/page.md#no-heading is not there
README.md:5: hv/ is not there
README.md:5: tools/gone.sh is not there
README.md:5: gone.c is not there
README.md:8: tools/gone.sh is not there" "$(wrong_names README.md)"
same a_document_missing_from_the_order_is_seen "docs/forgotten.md is not in the reading order" \
    "$(missing_from_order docs/forgotten.md docs/page.md)"
same a_missing_document_is_seen "docs/gone.md is not there
docs/missing.md is not there" "$(missing_documents)"

finish
