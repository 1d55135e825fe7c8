# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# awk -f table.awk calls.tsv bench.md api=13 SYMBOLS DISASSEMBLY api=3 SYMBOLS DISASSEMBLY: the table of the page, as a module
# of JavaScript. SYMBOLS are nm -S's of a native image, which say how long bodies are, DISASSEMBLY is ndisasm's. Costs are
# those of the table "stubs" in docs/bench.md.

FILENAME ~ /calls\.tsv$/ {
    if (/^#/)
        next
    n = split($0, column, "\t")
    if (!columns) { # the names of the columns
        columns = n
        for (i = 1; i <= n; i++)
            name[i] = column[i]
        next
    }
    if (n != columns) {
        print FILENAME ":" FNR ": " n " columns, not " columns > "/dev/stderr"
        exit failed = 1
    }
    rows++
    for (i = 1; i <= columns; i++)
        cell[rows, name[i]] = column[i]
    next
}

FILENAME ~ /bench\.md$/ {
    if (/^<!-- make bench-docs: stubs -->$/)
        inside = 1
    else if (/^<!-- end -->$/)
        inside = 0
    else if (inside && split($0, column, / *\| */) > 5 && column[2] ~ /^[0-9]+$/ && !((column[2], "trip") in cost)) {
        cost[column[2], "instructions"] = column[5]
        cost[column[2], "trip"] = column[6]
    }
    next
}

# nm -S: 00000700 0000001f T FlushTLB
$3 == "T" && NF == 4 {
    at = hex(toupper($1))
    if (at < 4096)
        size[api, int(at / 32)] = hex(toupper($2))
    next
}

# ndisasm: 000000A0  0FA2              cpuid; long ones go on in a line that begins with spaces and a minus
/^[0-9A-F]+ +[0-9A-F]+ / {
    at = hex($1)
    slot = int(at / 32)
    ended = at % 32 >= size[api, slot]
    if (ended)
        next
    bytes[api, slot] = bytes[api, slot] $2
    text = $0
    sub(/^[0-9A-F]+ +[0-9A-F]+ */, "", text)
    code[api, slot] = code[api, slot] (code[api, slot] == "" ? "" : "\n") text
    next
}

/^ +-[0-9A-F]+/ {
    if (!ended)
        bytes[api, slot] = bytes[api, slot] substr($1, 2)
}

function hex(digits,    i, value) {
    value = 0
    for (i = 1; i <= length(digits); i++)
        value = value * 16 + index("0123456789ABCDEF", substr(digits, i, 1)) - 1
    return value
}

# A string of JavaScript.
function quote(text) {
    gsub(/\\/, "\\\\", text)
    gsub(/"/, "\\\"", text)
    gsub(/\n/, "\\n", text)
    return "\"" text "\""
}

# The cell, a number where it is one; - is null.
function value(row, column) {
    if (cell[row, column] == "-")
        return "null"
    return column ~ /^(slot|api13|api3)$/ ? cell[row, column] : quote(cell[row, column])
}

function spaced(digits) {
    gsub(/../, "& ", digits)
    sub(/ $/, "", digits)
    return digits
}

END {
    if (failed)
        exit 1
    print "/* SPDX-License-Identifier: GPL-2.0-only OR MIT */"
    print "/* Made by table.awk from calls.tsv, the native images and docs/bench.md. */"
    print "export const calls = ["
    for (row = 1; row <= rows; row++) {
        slot = cell[row, "slot"]
        of = cell[row, "api13"] == "-" ? 3 : 13
        if (!((of, slot) in bytes)) {
            print "table.awk: no body in slot " slot " for " cell[row, "name"] > "/dev/stderr"
            exit 1
        }
        line = "    {"
        for (i = 1; i <= columns; i++)
            line = line name[i] ": " value(row, name[i]) ", "
        print line "bytes: " quote(spaced(bytes[of, slot])) ", code: " quote(code[of, slot]) \
            ", instructions: " (of == 13 && (slot, "trip") in cost ? quote(cost[slot, "instructions"]) : "null") \
            ", trip: " (of == 13 && (slot, "trip") in cost && cost[slot, "trip"] != "-" ? quote(cost[slot, "trip"]) : "null") "},"
    }
    print "];"
}
