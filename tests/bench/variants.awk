# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# awk -v format=txt|json|svg|md [-v cycles_skipped=REASON] -v version=V -v date=D -f variants.awk LOG: each call in
# every way to make it, and the workload. LOG is what variants.sh has put together:
#
#     native|monitor variant NUMBER NAME WAY BYTES CALLS INSTRUCTIONS     tests/bench/variants/main.c
#     native uncounted NUMBER NAME WHY
#     host cycles NUMBER NAME WAY BYTES CALLS CYCLES                      tests/bench/variants/host.c
#     work KEY INSTRUCTIONS TEXT

function shown_name(name) {
    return name == "IRET_user" ? "IRET(user)" : name
}

$2 == "variant" || $2 == "cycles" {
    if (!($4 in number)) {
        number[$4] = $3
        call[++calls] = $4
    }
    value[$1, $4, $5] = $8
    made[$1, $4, $5] = $7
    bytes[$4, $5] = $6
    if ($1 == "host")
        cycled++
}

$1 == "native" && $2 == "uncounted" {
    uncounted[++n_uncounted] = $4
    number_of[$4] = $3
    why[$4] = $5
    for (i = 6; i <= NF; i++)
        why[$4] = why[$4] " " $i
}

$1 == "work" {
    work[++works] = $2
    work_instructions[$2] = $3
    work_text[$2] = $4
    for (i = 5; i <= NF; i++)
        work_text[$2] = work_text[$2] " " $i
}

# --- figures ---

function has(where, name, way) {
    return (where, name, way) in value
}

# Instructions of one call: whole numbers, as each turn is alike.
function each(where, name, way,    v) {
    if (!has(where, name, way))
        return "-"
    v = value[where, name, way] / made[where, name, way]
    return v == int(v) ? v : sprintf("%.2f", v)
}

# Cycles of the loop, as a ratio to the same loop of inline instructions.
function ratio(name, way) {
    return has("host", name, way) ? sprintf("%.2f", value["host", name, way] / value["host", name, "inline"]) : "-"
}

function of(key, base) {
    return sprintf("%.4f", work_instructions[key] / work_instructions[base])
}

function is_exact(name) {
    return each("native", name, "linked") == each("native", name, "inline")
}

END {
    if (!calls || !works) {
        print "variants.awk: nothing was counted" > "/dev/stderr"
        exit 1
    }
    for (i = 1; i <= calls; i++)
        if (has("native", call[i], "inline"))
            if (is_exact(call[i]))
                exact++
            else
                others = others (others == "" ? "" : ", ") shown_name(call[i])
    if (format == "txt")
        text()
    else if (format == "md")
        markdown()
    else if (format == "json")
        json()
    else
        svg()
}

# --- text ---

function text(    i, c) {
    print "Instructions of one call. inline: bare instructions in place. linked: the kit's site, linked to the ROM."
    print "called: the same, where every site is a CALL. pointer: CALL through a table. page: a hypercall page's slot,"
    print "which loads the call's number and traps. copy: `called`, with the ROM in RAM as the page is."
    print "Cycles: of loops of the call, as ratios to inline."
    print ""
    printf "%3s %-24s %6s %5s | %6s %6s %6s %7s | %6s %6s %6s | %6s %6s %7s\n", "", "", "bytes:", "", "no", "moni-", "tor:", "", \
        "every-", "thing", "traps:", "cycles", "of", "inline:"
    printf "%3s %-24s %6s %5s | %6s %6s %6s %7s | %6s %6s %6s | %6s %6s %7s\n", "", "call", "inline", "site", "inline", "linked", \
        "called", "pointer", "linked", "copy", "page", "linked", "called", "pointer"
    for (i = 1; i <= calls; i++) {
        c = call[i]
        printf "%3d %-24s %6d %5d | %6s %6s %6s %7s | %6s %6s %6s | %6s %6s %7s\n", number[c], shown_name(c), bytes[c, "inline"], \
            bytes[c, "linked"], each("native", c, "inline"), each("native", c, "linked"), each("native", c, "called"), \
            each("native", c, "pointer"), each("monitor", c, "linked"), each("monitor", c, "called"), each("monitor", c, "page"), \
            ratio(c, "linked"), ratio(c, "called"), ratio(c, "pointer")
    }
    for (i = 1; i <= n_uncounted; i++)
        printf "%3d %-24s not counted: %s\n", number_of[uncounted[i]], uncounted[i], why[uncounted[i]]
    if (cycles_skipped != "")
        print "Cycles were not taken: " cycles_skipped "."
    print ""
    printf "%-66s %12s %10s %10s\n", "The workload", "instructions", "of inline", "of its own"
    for (i = 1; i <= works; i++)
        printf "%-66s %12d %10s %10s\n", work_text[work[i]], work_instructions[work[i]], of(work[i], "inline"), of(work[i], "own")
}

# --- markdown ---

function markdown(    i, c) {
    print "| number | name | inline | linked | called | pointer | traps: linked | copy | page | cycles: linked | called | pointer |"
    print "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    for (i = 1; i <= calls; i++) {
        c = call[i]
        printf "| %d | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", number[c], shown_name(c), \
            each("native", c, "inline"), each("native", c, "linked"), each("native", c, "called"), each("native", c, "pointer"), \
            each("monitor", c, "linked"), each("monitor", c, "called"), each("monitor", c, "page"), \
            ratio(c, "linked"), ratio(c, "called"), ratio(c, "pointer")
    }
    printf "\nLinked on the native ROM: exactly the instructions of inline in %d of %d calls; not in %s.\n", exact, calls, others
    printf "\nNot counted: "
    for (i = 1; i <= n_uncounted; i++)
        printf "%s%s (%s)", (i > 1 ? ", " : ""), uncounted[i], why[uncounted[i]]
    print "."
    if (cycles_skipped != "")
        print "\nCycles were not taken: " cycles_skipped "."
    print "\n| the workload | instructions | of inline | of its own |"
    print "| --- | --- | --- | --- |"
    for (i = 1; i <= works; i++)
        printf "| %s | %d | %s | %s |\n", work_text[work[i]], work_instructions[work[i]], of(work[i], "inline"), of(work[i], "own")
}

# --- JSON ---

function quoted(s) {
    gsub(/\\/, "\\\\", s)
    gsub(/"/, "\\\"", s)
    return "\"" s "\""
}

function json_counts(where, name, ways,    way, n, i, out) {
    n = split(ways, way, " ")
    for (i = 1; i <= n; i++)
        if (has(where, name, way[i]))
            out = out (out == "" ? "" : ", ") quoted(way[i]) ": " value[where, name, way[i]] / made[where, name, way[i]]
    return out == "" ? "null" : "{" out "}"
}

function json(    i, c) {
    print "{"
    print "  \"version\": " quoted(version) ", \"date\": " quoted(date) ","
    print "  \"units\": {\"native\": \"instructions per call\", \"monitor\": \"instructions per call, everything traps\","
    print "    \"cycles\": \"of the time-stamp counter per call, loop and arguments included; median; compare ratios only\"},"
    print "  \"calls\": ["
    for (i = 1; i <= calls; i++) {
        c = call[i]
        printf "    {\"number\": %d, \"name\": %s, \"bytes\": {\"inline\": %d, \"site\": %d, \"pointer\": %d},\n", number[c], quoted(shown_name(c)), \
            bytes[c, "inline"], bytes[c, "linked"], bytes[c, "pointer"]
        printf "      \"native\": %s,\n", json_counts("native", c, "inline linked called pointer")
        printf "      \"monitor\": %s,\n", json_counts("monitor", c, "inline linked called pointer page")
        printf "      \"cycles\": %s}%s\n", json_counts("host", c, "empty inline linked called pointer"), (i < calls ? "," : "")
    }
    print "  ],"
    print "  \"uncounted\": ["
    for (i = 1; i <= n_uncounted; i++)
        printf "    {\"number\": %d, \"name\": %s, \"why\": %s}%s\n", number_of[uncounted[i]], quoted(uncounted[i]), \
            quoted(why[uncounted[i]]), (i < n_uncounted ? "," : "")
    print "  ],"
    print "  \"cycles_skipped\": " (cycles_skipped == "" ? "null" : quoted(cycles_skipped)) ","
    print "  \"workload\": ["
    for (i = 1; i <= works; i++)
        printf "    {\"variant\": %s, \"text\": %s, \"instructions\": %d, \"of_inline\": %s, \"of_own\": %s}%s\n", quoted(work[i]), \
            quoted(work_text[work[i]]), work_instructions[work[i]], of(work[i], "inline"), of(work[i], "own"), (i < works ? "," : "")
    print "  ]"
    print "}"
}

# --- SVG ---

function escaped(s) {
    gsub(/&/, "\\&amp;", s)
    gsub(/</, "\\&lt;", s)
    gsub(/>/, "\\&gt;", s)
    return s
}

function label(x, y, s, more) {
    printf "<text x=\"%.1f\" y=\"%.1f\"%s>%s</text>\n", x, y, more == "" ? "" : " " more, escaped(s)
}

function line(x1, y1, x2, y2, class) {
    printf "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" class=\"%s\"/>\n", x1, y1, x2, y2, class
}

# A panel's axis: from LEAST to MOST over WIDTH pixels from LEFT on.
function axis(name, left, width, least, most, is_log) {
    p_left[name] = left
    p_width[name] = width
    p_least[name] = least
    p_most[name] = most
    p_log[name] = is_log
}

function at(name, v,    least, most) {
    least = p_least[name]
    most = p_most[name]
    if (v < least) v = least
    if (v > most) v = most
    if (p_log[name])
        return p_left[name] + p_width[name] * log(v / least) / log(most / least)
    return p_left[name] + p_width[name] * (v - least) / (most - least)
}

function grid(name, ticks, top, bottom,    tick, n, i) {
    n = split(ticks, tick, " ")
    for (i = 1; i <= n; i++) {
        line(at(name, tick[i]), top, at(name, tick[i]), bottom, "grid")
        label(at(name, tick[i]), top - 4, tick[i], "class=\"tick\"")
    }
}

# A ring for inline, a dot for linked, a stroke upwards for called and one downwards for the third way.
function mark(panel, way, v, y,    x) {
    x = at(panel, v)
    if (way == "inline")
        printf "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4.5\" class=\"inline\"/>\n", x, y
    else if (way == "linked")
        printf "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"2.5\" class=\"linked\"/>\n", x, y
    else if (way == "called")
        line(x, y - 6, x, y, "called")
    else
        line(x, y, x, y + 6, way)
}

function row_marks(panel, where, name, ways, y,    way, n, i, v) {
    n = split(ways, way, " ")
    for (i = 1; i <= n; i++)
        if (has(where, name, way[i])) {
            v = value[where, name, way[i]] / made[where, name, way[i]]
            if (where == "host")
                v = value[where, name, way[i]] / value[where, name, "inline"]
            mark(panel, way[i], v, y)
        }
}

function svg(    i, c, y, row, top, work_top, bottom, height) {
    row = 15
    work_top = 120
    top = work_top + works * 18 + 90
    bottom = top + calls * row + 4
    height = bottom + 30
    print "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
    printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"1120\" height=\"%d\" viewBox=\"0 0 1120 %d\">\n", height, height
    print "<style>"
    print "text { font: 11px sans-serif; fill: #222; } .title { font-size: 17px; } .head { font-weight: bold; }"
    print ".tick { font-size: 9px; fill: #666; text-anchor: middle; } .right { text-anchor: end; }"
    print "line { stroke-width: 2.5; } .grid { stroke: #ddd; stroke-width: 1; }"
    print ".inline { fill: none; stroke: #000; } .linked { fill: #0072b2; } .called { stroke: #d55e00; }"
    print ".pointer { stroke: #009e73; } .page { stroke: #cc79a7; } .bar { fill: #0072b2; } .clipped { fill: #d55e00; }"
    print "</style>"
    printf "<rect width=\"1120\" height=\"%d\" fill=\"#fff\"/>\n", height
    label(20, 30, "What a call costs, by the way to make it (vmirom " version ", " date ")", "class=\"title\"")

    label(20, 58, "The workload: instructions, of those of bare instructions in place (cut off at 1.05)", "class=\"head\"")
    axis("work", 420, 600, 1, 1.05, 0)
    grid("work", "1 1.01 1.02 1.03 1.04 1.05", work_top - 30, work_top + works * 18 - 20)
    for (i = 1; i <= works; i++) {
        y = work_top - 14 + (i - 1) * 18
        v = work_instructions[work[i]] / work_instructions["inline"]
        label(410, y, work_text[work[i]], "class=\"right\"")
        printf "<rect x=\"420\" y=\"%.1f\" width=\"%.1f\" height=\"10\" class=\"%s\"/>\n", y - 9, at("work", v) - 419, (v > 1.05 ? "clipped" : "bar")
        label(at("work", v) + 6, y, of(work[i], "inline"))
    }

    axis("native", 190, 270, 0, 25, 0)
    axis("monitor", 510, 250, 500, 5000, 1)
    axis("host", 810, 270, 0.5, 20, 1)
    y = top - 44
    label(190, y, "instructions, no monitor", "class=\"head\"")
    label(510, y, "instructions, everything traps", "class=\"head\"")
    label(810, y, "cycles of a loop, of inline", "class=\"head\"")
    y -= 20
    mark("native", "inline", 0, y - 4); label(200, y, "inline")
    mark("native", "linked", 5, y - 4); label(at("native", 5) + 8, y, "linked")
    mark("native", "called", 10.5, y); label(at("native", 10.5) + 8, y, "called")
    mark("native", "pointer", 16, y - 8); label(at("native", 16) + 8, y, "pointer")
    mark("monitor", "page", 520, y - 8); label(at("monitor", 520) + 8, y, "hypercall page")
    grid("native", "0 5 10 15 20 25", top - 16, bottom)
    grid("monitor", "500 1000 2000 5000", top - 16, bottom)
    grid("host", "0.5 1 2 5 10 20", top - 16, bottom)
    if (cycles_skipped != "")
        label(820, top + 20, "not taken: " cycles_skipped)
    for (i = 1; i <= calls; i++) {
        c = call[i]
        y = top + (i - 0.5) * row
        label(180, y + 4, shown_name(c), "class=\"right\"")
        row_marks("native", "native", c, "inline linked called pointer", y)
        row_marks("monitor", "monitor", c, "linked called page", y)
        row_marks("host", "host", c, "inline linked called pointer", y)
    }
    print "</svg>"
}
