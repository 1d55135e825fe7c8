; SPDX-License-Identifier: GPL-2.0-only OR MIT
;
; The POST entry: far-called by the BIOS in (big) real mode at offset 3 of the
; image; CS:0 is the image. Prints one line and changes nothing else.

        extern  strings, strings_end

        bits    16

section .post progbits alloc exec nowrite align=1

; The first thing that an image does not share with its twin: strings differ.
; post: CS=image -> AX=0 (PnP status: no boot device); clobbers none
        global  post:function (post.end - post)
post:
        pushf
        pushad
        cld
        mov     si,strings
        mov     cx,strings_end          ; both are offsets in the image
        sub     cx,si
.next:  cs lodsb
        test    al,al
        jnz     .text
        mov     al,' '
.text:  call    .put
        loop    .next
        mov     dx,cs                   ; four hexadecimal digits
        mov     cl,4
.digit: rol     dx,4
        mov     al,dl
        and     al,0Fh
        cmp     al,10
        sbb     al,69h                  ; with DAS: 0..9 to '0'..'9', 10..15 to 'A'..'F'
        das
        call    .put
        loop    .digit
        mov     al,13
        call    .put
        mov     al,10
        call    .put
        popad
        xor     ax,ax
        popf
        retf

; AL=character; some BIOSes destroy registers in teletype output
.put:   pushad
        mov     ah,0Eh
        mov     bx,7                    ; page 0, light grey
        int     10h
        popad
        ret
.end:
