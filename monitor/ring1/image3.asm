; SPDX-License-Identifier: GPL-2.0-only OR MIT
;
; The image that guests of API 3.0 find. It has no slots: its calls are those of the hypervisor's
; shared page. It lies at IMAGE_3 of rom.asm, whose Init it has.
        cpu     p6
        org     0

%include "ring1/header.inc"
%include "layout.inc"
%include "gen/slots.inc"
%include "gen/ring1.inc"

IMAGE_3         equ 2000h

rom:    db      55h, 0AAh
        db      0                       ; length: romsum
        jmp     near post
        db      0, 0                    ; checksum: romsum
        db      'cVmi', 0, 3, API3_LAST + 1, 0
        dd      HV_BASE                 ; 10 virtual_top: the linear space above is the hypervisor's
        dw      0
        dw      licence
        dw      pci_data, pnp_header
        dd      0
        vmi_headers
licence:
        db      'GPL v2', 0
        times   FLAGS_3 - ($ - rom) db 0
flags:  db      0, 0                    ; as in the descriptor of the image around, and their negative: they sum to 0
        times   80h - ($ - rom) int3

        bits    32
        jmp     near $$ - IMAGE_3 + SLOT_Init * 32
        times   88h - ($ - rom) int3
        jmp     near get_reloc
        times   90h - ($ - rom) int3

; GetRelocationInfo: EAX=number -> EAX=eip EDX=type; clobbers ECX flags
get_reloc:
        call    .here
.here:  pop     ecx
        cmp     eax,API3_LAST
        ja      .none
        test    byte [ecx + flags - .here],FLAG_CONTROL
        mov     edx,answers - .here
        jz      .look
        mov     edx,answers_control - .here
.look:  add     ecx,edx
        movzx   eax,byte [ecx + eax]
        test    eax,eax
        jz      .none
        shl     eax,5
        add     eax,SHARED_ENTRIES
        push    byte 1                  ; CALL_REL
        pop     edx
        ret
.none:  xor     eax,eax
        cdq
        ret

; The entry of each call, 0 where the guest keeps its own code.
answers:
        ring1_answers
answers_control:                        ; where the hypervisor keeps the interrupt flag
        ring1_answers_control

        bits    16
post:   xor     ax,ax                   ; the image around it has done all
        retf

manufacturer:
        db      'vmirom', 0
product:
        db      'VMI 3.0 ring 1 ROM ', VERSION, 0
