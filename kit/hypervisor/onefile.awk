# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# awk -v name=vmihv.h -f onefile.awk HEADER...; awk -v name=vmihv.c -f onefile.awk SOURCE...: files of the kit as one, which
# includes nothing of the project but, in vmihv.c, vmihv.h.

BEGIN {
    print "/* SPDX-License-Identifier: GPL-2.0-only OR MIT */"
    print ""
    if (name ~ /\.h$/) {
        print "/* The headers of the hypervisor's kit as one; vmihv.c is the kit, vmi_roms.c the images. docs/hypercalls.md is the guide."
        print " * Put together by vmirom's build from include/vmi/: edit those. */"
    } else {
        print "/* The hypervisor's kit as one file. Put together by vmirom's build from kit/hypervisor/: edit those. */"
        print "#include \"vmihv.h\""
        print "#define vmi_kit_slots vmi_slots /* the header's table, in the one file that uses it */"
    }
}

# vmi_roms.c has the images' ends in its table: C has no symbols for them.
FILENAME ~ /embed\.h$/ {
    gsub(/, vmi_rom_[a-z0-9_]*_end\[\]/, "")
    sub(/; \.\.\._end is the first byte behind the image/, "")
}

# Once is enough; a comment may go on behind it.
/SPDX-License-Identifier/ {
    if ($0 !~ /\*\/$/)
        print "/*"
    next
}

/^#include "/ {
    next
}

{
    print
}
