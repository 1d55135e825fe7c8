# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# For gdb, behind what debug.sh prints: finds the VMI ROMs. load-13 and load-3 ADDRESS load the symbols of
# the ROM of that API.

define load-rom-at
  if *(unsigned short *) $arg0 == 0xaa55 && *(unsigned int *) ($arg0 + 8) == 0x696d5663
    set $api = *(unsigned char *) ($arg0 + 13)
    printf "VMI ROM of API %d at 0x%x\n", $api, $arg0
    if $api == 13
      load-13 $arg0
    else
      load-3 $arg0
    end
  end
end
document load-rom-at
load-rom-at ADDRESS: the symbols of a VMI ROM, if one is there.
end

# FE6F2h is INT 19h in every BIOS.
define at-boot
  hbreak *0xfe6f2
  continue
  delete $bpnum
  set $at = 0xc0000
  while $at < 0xe0000
    load-rom-at $at
    set $at = $at + 0x800
  end
end
document at-boot
Goes on to INT 19h, the end of POST. From there on the VMI ROMs are known by name.
end
