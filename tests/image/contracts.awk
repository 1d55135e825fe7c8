# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# awk -f tools/gencalls/table.awk -f contracts.awk calls.tsv: the contract of each stub, as stubs/stub.inc has its form,
# in the words of the row alone.

END {
    for (k = 1; k <= rows; k++)
        printf "; %s (%d): %s%s; clobbers %s\n", member_of(k), slot[k], comment_of(k), \
            returns[k] == "ret" ? "" : "; does not return", clobbers[k] == "-" ? "none" : clobbers[k]
}
