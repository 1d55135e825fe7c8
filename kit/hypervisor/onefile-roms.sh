#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# onefile-roms.sh {ROM SYMBOL API KIND}...: the images and their table (include/vmi/embed.h) as C.
set -eu

cat <<'END'
/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* The images as data, sealed and byte for byte the files. Made by vmirom's build. */
#include "vmihv.h"
END
table=
while [ $# -gt 0 ]; do
    printf '\nconst uint8_t vmi_rom_%s[] = {\n' "$2"
    od -An -v -tx1 -w16 "$1" | sed 's/ \([0-9a-f][0-9a-f]\)/ 0x\1,/g; s/^/   /'
    echo '};'
    table="$table    {\"$(basename "$1" .rom)\", vmi_rom_$2, sizeof(vmi_rom_$2), $3, VMI_EMBED_$4},
"
    shift 4
done
printf '\nconst struct vmi_embedded_rom vmi_embedded_roms[] = {\n%s};\n' "$table"
echo
echo 'const uint32_t vmi_embedded_rom_count = sizeof(vmi_embedded_roms) / sizeof(vmi_embedded_roms[0]);'
