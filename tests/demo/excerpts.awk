# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# awk -f excerpts.awk DOCUMENT: names each excerpt that its file does not hold. An excerpt is a fenced block behind the
# line `<!-- FILE -->`; its lines stand in the file together, save that `...` stands for any, and that it may be indented.

function strip(text) {
    gsub(/^[ \t]+|[ \t]+$/, "", text)
    return text
}

/^<!-- [^ ]+ -->$/ {
    file = $2
    next
}

/^```/ && !inside {
    inside = 1
    n = 0
    next
}

/^```/ {
    inside = 0
    if (file != "") {
        excerpts++
        if (!stands_in(file))
            print "not in " file ": " lines[1]
    }
    file = ""
    next
}

inside {
    lines[++n] = strip($0)
    next
}

/./ {
    file = ""
}

function stands_in(name, text, m, i, j, skipping, line) {
    m = 0
    while ((getline line < name) > 0)
        text[++m] = strip(line)
    close(name)
    for (i = 1; i <= m; i++) {
        if (text[i] != lines[1])
            continue
        skipping = 0
        for (j = 1; j <= n; j++) {
            if (lines[j] == "...") {
                skipping = 1
                continue
            }
            if (j == 1)
                at = i
            else
                at++
            while (skipping && at <= m && text[at] != lines[j])
                at++
            if (at > m || text[at] != lines[j])
                break
            skipping = 0
        }
        if (j > n)
            return 1
    }
    return 0
}

END {
    print excerpts + 0, "excerpts"
}
