# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# Whether each excuse in a log of the hostile guest is within its bound. Prints those that are not. A log without
# excuses fails.
/^# allowed: / {
    excuses++
    if ($4 != "of" || $8 != "times:" || $3 !~ /^[0-9]+$/ || $7 !~ /^[0-9]+$/) {
        print "no count and no bound: " $0
        bad = 1
    } else if ($3 + 0 > $7 + 0) {
        print
        bad = 1
    }
}
END {
    if (!excuses) {
        print "no excuses are listed"
    }
    exit bad || !excuses
}
