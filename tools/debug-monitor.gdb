# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# For gdb, behind what debug.sh prints, in place of debug.gdb: under the monitor. The published ROMs are
# in pages that the guest's nested tables show: gdb, to which QEMU shows physical memory, cannot find them.

define at-boot
  hbreak run_guest
  continue
  delete $bpnum
  set $i = 0
  while $i < sizeof publications / sizeof publications[0]
    if publications[$i].api == 13
      load-13 publications[$i].address
    else
      load-3 publications[$i].address
    end
    set $i = $i + 1
  end
end
document at-boot
Goes on to the guest's first instruction under the monitor. From there on the published ROMs are known by name.
end
