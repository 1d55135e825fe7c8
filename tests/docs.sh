#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# docs.sh DIR TARGET FILE...: puts the sections DIR/NAME.md where the files have their places:
#     <!-- make TARGET: NAME -->
#     <!-- end -->
set -eu

sections=$1 target=$2
shift 2
new=$(mktemp)
trap 'rm -f "$new"' EXIT
for file; do
    awk -v sections="$sections" -v marker="<!-- make $target: " '
    !inside {
        print
    }
    index($0, marker) == 1 && / -->$/ {
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
