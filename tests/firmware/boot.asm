; SPDX-License-Identifier: GPL-2.0-only OR MIT
;
; The boot sector of the firmware tests. It turns every byte of the option-ROM area over, C0000h to
; DFFFFh, as far as the machine lets it, then waits at 7DF0h for the debugger to look.

        bits    16
        org     7C00h

        cli
        cld
        mov     dx,0C000h
.segment:
        mov     ds,dx
        xor     si,si
.byte:  not     byte [si]
        inc     si
        jnz     .byte
        add     dx,1000h
        cmp     dx,0E000h
        jne     .segment
        jmp     done

        times   1F0h-($-$$) db 0
done:   jmp     done

        times   1FEh-($-$$) db 0
        dw      0AA55h
