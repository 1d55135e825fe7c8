# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# awk -v dir=DIR -f steps.awk docs/developing.md: what "Adding a call" says, as files DIR/001 and so on. The first line is
# what to do, the others are the text for it:
#   says COMMAND<tab>MESSAGE       from: `COMMAND` says `MESSAGE`
#   becomes FILE<tab>OLD<tab>NEW   from: In `FILE`, `OLD` becomes `NEW`
#   behind FILE<tab>LINE           from: In `FILE`, behind `LINE`:     and likewise: in front of
#   end FILE                       from: At the end of `FILE`:
#   run COMMAND                    from: a block that begins with make

BEGIN {
    quoted = "`[^`]*`"
    says = "`make[^`]*`[^`.]* says " quoted
    becomes = "[Ii]n " quoted ", " quoted " becomes " quoted
    place = "[Ii]n " quoted ", (behind|in front of) " quoted ":$"
    end = "[Aa]t the end of " quoted ":$"
}

/^## / {
    inside = $0 == "## Adding a call"
}

!inside {
    next
}

/^```/ {
    in_block = !in_block
    first = in_block
    next
}

in_block {
    if (!file && first && /^make /)
        step("run " $0)
    else if (file)
        print > file
    first = 0
    next
}

# A block belongs to the line before it.
/./ {
    file = ""
    rest = $0
    while (match(rest, says "|" becomes "|" place "|" end)) {
        found = substr(rest, RSTART, RLENGTH)
        rest = substr(rest, RSTART + RLENGTH)
        split(found, part, "`")
        if (found ~ "^" says "$")
            step("says " part[2] "\t" part[4])
        else if (found ~ / becomes /)
            step("becomes " part[2] "\t" part[4] "\t" part[6])
        else if (found ~ end)
            step("end " part[2])
        else
            step((part[3] ~ /behind/ ? "behind " : "before ") part[2] "\t" part[4])
    }
}

function step(what) {
    close(file)
    file = sprintf("%s/%03d", dir, ++steps)
    print what > file
}
