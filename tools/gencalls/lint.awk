# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# What vmi-lint knows of the calls: which one stands for an instruction.

BEGIN {
    set(emitters, "lint_calls.h")
}

END {
    if (emit == "lint_calls.h") emit_lint()
}

function emit_lint(i) {
    c_banner("The calls that stand for instructions.")
    print "static const struct {"
    print "    const char *instruction;"
    print "    const char *call;"
    print "    const char *site; /* its function in C, or its macro in the assemblers */"
    print "} lint_calls[] = {"
    for (i = 1; i <= n_instructions; i++)
        printf "    {\"%s\", \"%s\", \"%s\"},\n", instruction[i], names[stands_for[i]], site_use(stands_for[i])
    print "};"
}
