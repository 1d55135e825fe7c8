# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# Whether modules only look down. Input, in any order: names of source files, one a line; their
# `#include "..."` lines as grep -H prints them; the symbols of their objects as nm -A prints them.
# A module is a header and what has its name (svm/msr: msr.h, msr.c, msr.c.o); the kit is one. It uses
# another when it includes its header or its object needs a symbol of it.
#
#   root=FOLDER     what the names of modules are relative to, in a build folder too (monitor)
#   except="M S"    module M may use symbol S whatever comes of it
#   table=1         prints the levels, as rows of a table in Markdown, and nothing else
#
# Prints a line for each circle, for each use of one folder's module by another's that may not, and for
# an exception that nothing needs. Exit 0: there was none; else 1.

function module_of(file) {
    sub("^(.*/)?" root "/", "", file)
    if (file ~ /^kit\//)
        return "kit"
    sub(/(\.c|\.h|\.asm)?(\.o)?$/, "", file)
    return file
}

function folder_of(module) {
    return module ~ /\// ? substr(module, 1, index(module, "/") - 1) : module
}

function add(module) {
    if (!(module in level)) {
        level[module] = -1
        modules[n_modules++] = module
    }
}

function use(from, to, why) {
    if (from == to || (from, to) in reason)
        return
    reason[from, to] = why
    used[from] = used[from] " " to
}

# The kit is for everybody, common for the monitors; of these none knows the other.
function may_use(from, to) {
    return from == to || to == "kit" || to == "common" && from != "kit"
}

function complain(line) {
    if (!table)
        print line
    bad = 1
}

function tell_circle(first, i, text) {
    for (i = depth - 1; path[i] != first; i--)
        ;
    for (text = first; i + 1 < depth; i++)
        text = text " -> " path[i + 1] " (" reason[path[i], path[i + 1]] ")"
    complain("circle: " text " -> " first " (" reason[path[depth - 1], first] ")")
}

# Who has the symbol for the module; each monitor may have one of the same name. Nobody: the linker.
function definer_for(module, symbol, list, n, i) {
    n = split(definers[symbol], list, " ")
    for (i = 1; i <= n; i++)
        if (folder_of(list[i]) == folder_of(module))
            return list[i]
    return list[1]
}

# Depth first; level -2 stands for a module that is on the path.
function visit(module, list, n, i, highest) {
    level[module] = -2
    path[depth++] = module
    n = split(used[module], list, " ")
    highest = -1
    for (i = 1; i <= n; i++) {
        if (level[list[i]] == -2)
            tell_circle(list[i])
        else if (level[list[i]] == -1)
            visit(list[i])
        if (level[list[i]] > highest)
            highest = level[list[i]]
    }
    depth--
    level[module] = highest + 1
    if (level[module] > top)
        top = level[module]
}

BEGIN { n_modules = n_includes = n_needs = depth = top = bad = 0 }

/^[^ :]+\.(c|h|asm)$/ {
    add(module_of($0))
    next
}

/^[^ :]+:#include "/ {
    file = substr($0, 1, index($0, ":") - 1)
    split($0, part, "\"")
    name = part[2]
    if (name !~ /\//)
        name = folder_of(module_of(file)) "/" name
    include_from[n_includes] = module_of(file)
    include_name[n_includes] = part[2]
    include_to[n_includes++] = module_of(name)
    next
}

/^[^ :]+:/ {
    module = module_of(substr($1, 1, index($1, ":") - 1))
    add(module)
    if ($(NF - 1) ~ /^[UwV]$/) {
        need_by[n_needs] = module
        need[n_needs++] = $NF
    } else if ($(NF - 1) ~ /^[ABCDRTW]$/) {
        definers[$NF] = definers[$NF] " " module
    }
    next
}

{ complain("not understood: " $0) }

END {
    split(except, exception, " ")
    for (i = 0; i < n_includes; i++)
        if (include_to[i] in level)
            use(include_from[i], include_to[i], "includes " include_name[i])
    for (i = 0; i < n_needs; i++) {
        if (!(need[i] in definers))
            continue
        if (need_by[i] == exception[1] && need[i] == exception[2])
            excepted = 1
        else
            use(need_by[i], definer_for(need_by[i], need[i]), need[i])
    }
    for (i = 0; i < n_modules; i++) {
        n = split(used[modules[i]], list, " ")
        for (k = 1; k <= n; k++)
            if (!may_use(folder_of(modules[i]), folder_of(list[k])))
                complain("forbidden: " modules[i] " uses " list[k] " (" reason[modules[i], list[k]] ")")
    }
    if (except && !excepted)
        complain("exception without a use: " except)
    for (i = 0; i < n_modules; i++)
        if (level[modules[i]] == -1)
            visit(modules[i])
    for (l = 0; table && l <= top; l++) {
        text = ""
        for (i = 0; i < n_modules; i++)
            if (level[modules[i]] == l)
                text = text (text ? ", " : "") modules[i]
        print "| " l " | " text " |"
    }
    exit bad
}
