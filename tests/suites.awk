# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# awk -v emit=KIND -f suites.awk tests/*/suite: what the folders of tests/ declare. A declaration:
#
#   suite NAME...       one suite, or variants that differ in $suite; begins a block
#   proves SENTENCE     for the table in docs/developing.md
#   needs PACKAGE...    Debian packages, beside those of tools/setup.sh build
#   takes SECONDS       about; those that take longest start first
#   long                for `make check-long` only
#   run COMMAND         for the shell, with $build, $suite and $version; by default tests/FOLDER/run.sh "$build"
#
# or, for a folder without a suite of its own:
#
#   library SENTENCE    what suites share there
#
# A line that begins with a space goes on with the one before; # begins a comment.
#
# emit=list    a line a suite: name, check or long, seconds, packages, command, between tabs
# emit=check   a table for docs/developing.md: suites of `make check`
# emit=long    the same: those that only `make check-long` runs

function refuse(reason) {
    printf "%s:%d: %s\n", file, line, reason > "/dev/stderr"
    failed = 1
    exit 1
}

# The block that has ended.
function end_block(    i, n, name, names, variant) {
    if (!open)
        return
    open = 0
    if (is_library)
        return
    names = value["suite"]
    n = split(names, name, " ")
    if (!n)
        refuse("suite without a name")
    if (value["proves"] == "")
        refuse(name[1] ": `proves` is missing: what the suite proves")
    if (value["takes"] !~ /^[0-9]*$/)
        refuse(name[1] ": takes " value["takes"] ": not a number of seconds")
    for (i = 1; i <= n; i++) {
        variant = name[i]
        if (variant !~ /^[a-z0-9][a-z0-9-]*$/)
            refuse("suite " variant ": a name is of a-z, 0-9 and -")
        if (variant in place)
            refuse("suite " variant " is declared in " place[variant] " too")
        place[variant] = file
        if (emit == "list")
            printf "%s\t%s\t%d\t%s\t%s\n", variant, is_long ? "long" : "check", value["takes"], value["needs"],
                value["run"] != "" ? value["run"] : folder "/run.sh \"$build\""
    }
    if (emit == (is_long ? "long" : "check")) {
        gsub(/ /, ", ", names)
        row[++rows] = "| " names " | " value["proves"] " |"
    }
}

function begin_block() {
    end_block()
    open = declares[file] = 1
    is_long = is_library = 0
    split("", value)
}

# A line with all that goes on with it.
function take(text,    word, rest) {
    word = text
    sub(/ .*/, "", word)
    rest = substr(text, length(word) + 2)
    if (word == "suite" || word == "library")
        begin_block()
    else if (!open)
        refuse("`" word "` before the first suite")
    if (word == "library" && rest != "")
        is_library = 1
    else if (word == "long" && rest == "")
        is_long = 1
    else if (word == "suite" || word == "proves" || word == "takes" || word == "run" || word == "needs") {
        if (is_library || (word != "needs" && word in value))
            refuse("`" word "` once more in one block")
        value[word] = value[word] (value[word] == "" ? "" : " ") rest
    } else
        refuse("`" text "`: not of a declaration")
}

function flush_line() {
    if (pending != "")
        take(pending)
    pending = ""
}

BEGIN {
    for (i = 1; i < ARGC; i++) {
        file = ARGV[i]
        if ((getline < file) < 0)
            refuse("the folder declares no suite")
        close(file)
    }
}
FNR == 1 {
    flush_line()
    end_block()
    file = folder = FILENAME
    sub(/\/suite$/, "", folder)
}
/^#/ || /^[ \t]*$/ {
    next
}
/^[ \t]/ {
    sub(/^[ \t]+/, "")
    pending = pending " " $0
    next
}
{
    flush_line()
    line = FNR
    pending = $0
}
END {
    if (failed)
        exit 1
    flush_line()
    end_block()
    for (i = 1; i < ARGC; i++)
        if (!(ARGV[i] in declares)) {
            file = ARGV[i]
            line = 0
            refuse("the file declares no suite")
        }
    if (emit == "check" || emit == "long") {
        print "| suite | what it proves |\n| --- | --- |"
        for (i = 1; i <= rows; i++)
            print row[i]
    }
}
