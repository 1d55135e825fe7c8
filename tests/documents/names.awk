# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# awk -f names.awk DOCUMENT...: what Markdown documents name, one a line, as DOCUMENT:LINE KIND NAME. KIND: link, the
# target of a link; path, a word in backticks that looks like a path or a source file; command, a word in a fenced block
# with a slash; heading, the anchor of a heading.

function say(kind, name) {
    print FILENAME ":" FNR, kind, name
}

function is_path(word) {
    return word ~ /^[a-z][A-Za-z0-9_.*-]*\/[A-Za-z0-9_.*\/-]*$/
}

function is_source(word) {
    return word ~ /^[A-Za-z][A-Za-z0-9_*-]*\.(md|1|c|h|asm|inc|ld|sh|awk|py|tsv)$/
}

function say_words(text, kind, word, n, i) {
    n = split(text, word, /[ \t]+/)
    for (i = 1; i <= n; i++)
        if (is_path(word[i]) || (kind == "path" && is_source(word[i])))
            say(kind, word[i])
}

FNR == 1 {
    fenced = 0
}

/^ *```/ {
    fenced = !fenced
    next
}

fenced {
    say_words($0, "command")
    next
}

/^#+ / {
    anchor = tolower($0)
    sub(/^#+ /, "", anchor)
    gsub(/[^a-z0-9 _-]/, "", anchor)
    gsub(/ /, "-", anchor)
    say("heading", anchor)
}

{
    rest = $0
    while (match(rest, /\]\([^)]*\)/)) {
        target = substr(rest, RSTART + 2, RLENGTH - 3)
        if (target !~ /^[a-z]+:/)
            say("link", target)
        rest = substr(rest, RSTART + RLENGTH)
    }
    rest = $0
    while (match(rest, /`[^`]+`/)) {
        say_words(substr(rest, RSTART + 1, RLENGTH - 2), "path")
        rest = substr(rest, RSTART + RLENGTH)
    }
}
