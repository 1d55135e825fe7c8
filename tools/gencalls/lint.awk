# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# What vmi-lint knows of the calls: which one stands for an instruction.

BEGIN {
    set(emitters, "lint_calls.h")
}

END {
    if (emit == "lint_calls.h") emit_lint()
}

function emit_lint(k, i, n, w) {
    c_banner("The calls that stand for instructions.")
    print "static const struct {"
    print "    const char *instruction;"
    print "    const char *call;"
    print "    const char *site; /* its function in C, or its macro in the assemblers */"
    print "} lint_calls[] = {"
    for (k = 1; k <= rows; k++) {
        n = replaces[k] == "-" ? 0 : split(replaces[k], w, " ")
        for (i = 1; i <= n; i++)
            printf "    {\"%s\", \"%s\", \"%s\"},\n", w[i], names[k], site_use(k)
    }
    print "};"
}
