#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# docs.sh BUILD FILE...: puts the sections that run.sh made where the files have their places:
#     <!-- make bench-docs: NAME -->
#     <!-- end -->
set -eu

sections=$1/bench
shift
new=$(mktemp)
trap 'rm -f "$new"' EXIT
for file; do
    awk -v sections="$sections" '
    !inside {
        print
    }
    /^<!-- make bench-docs: [a-z0-9]+ -->$/ {
        inside = sections "/" $4 ".md"
        while ((status = (getline line < inside)) > 0)
            print line
        if (status < 0) {
            print FILENAME ": no " inside > "/dev/stderr"
            exit 1
        }
    }
    /^<!-- end -->$/ && inside {
        print
        inside = ""
    }' "$file" >"$new"
    cat "$new" >"$file"
done
