; SPDX-License-Identifier: GPL-2.0-only OR MIT
;
; An option ROM for the firmware tests: BLOCKS blocks of 512 bytes whose POST entry executes BODY
; and returns AX as BODY leaves it. Without BODY it does no harm.

%ifndef BODY
  %define BODY nop
%endif

        bits    16
        org     0

        db      55h, 0AAh
        db      BLOCKS
        jmp     near post
        db      0                       ; 06 checksum byte: romsum
        times   18h-($-$$) db 0
        dw      pci_data, pnp_header
        dd      0

pci_data:
        db      'PCIR'
        dw      0FFFFh, 0FFFFh          ; nobody's identity
        dw      0, 18h
        db      0, 0, 0, 0FFh
        dw      BLOCKS
        dw      0
        db      0, 80h
        dw      0

        align   16, db 0
pnp_header:
        db      '$PnP', 1, 2
        times   26 db 0

post:   mov     ax,0                    ; flags stay
        BODY
        retf

        align   256, db 0
scratch: times  16 db 0A5h

        times   BLOCKS*512-($-$$) db 0FFh
