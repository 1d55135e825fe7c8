; SPDX-License-Identifier: GPL-2.0-only OR MIT
;
; The hypervisor as a ROM of its own behind the one that guests find: no VMI ROM, and a BIOS that
; runs it finds nothing to do.
        cpu     p6
        org     0
%include "layout.inc"

        db      55h, 0AAh
        db      0                       ; length: romsum
        jmp     near post
        db      0, 0                    ; checksum: romsum
        dd      MAGIC
        dd      payload_end - payload
        times   20h - ($ - $$) db 0     ; no PCI device is ours, no PnP header
payload:
        incbin  "ring1/ring1.bin"
payload_end:
        bits    16
post:   xor     ax,ax
        retf
