# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# What stubs.awk and stubs3.awk share.

function hex(s, i, v) {
    for (i = 1; i <= length(s); i++)
        v = v * 16 + index("0123456789abcdef", substr(s, i, 1)) - 1
    return v
}

function shown(count, vector) {
    if (count == "never")
        return "does not return"
    if (count == "fault")
        return vector == 6 ? "#UD under QEMU" : "exception " vector
    return count
}
