# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# A run's log: whether the hostile guest has used each of its excuses no more often than it may. Says which it has used
# too often; a log without any is none.
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
