; SPDX-License-Identifier: GPL-2.0-only OR MIT
; Waiting, stopping and resetting.

%include "stub.inc"

; Pause (41): - -> -; clobbers none of EAX ECX EDX flags
stub Pause
        pause
        ret
endstub inline

; Halt (42): - -> -; clobbers none of EAX ECX EDX flags
stub Halt
        sti                             ; its shadow covers HLT: no wake-up is lost in between
        hlt
        ret
endstub inline

; Reboot (43): EAX=how (0 soft, 1 hard) -> -; does not return (the row permits it); clobbers flags
; docs/image.md, Known limits of a native ROM.
; Hard: first the reset control register of the PCI chipset. Then, and for soft,
; the keyboard controller's reset line; last, a triple fault.
stub Reboot
        cli
        test    eax,eax
        jz      .soft
        mov     dx,0CF9h
        mov     al,02h                  ; selects a full reset
        out     dx,al
        mov     al,06h                  ; a 0 to 1 transition of bit 2 resets
        out     dx,al
.soft:  mov     al,0FEh
        out     64h,al
        push    byte 0
        lidt    [esp]                   ; limit 0, any base: neither INT3 nor the faults that follow can be delivered
        int3
endstub native

; Shutdown (44): - -> -; does not return (the row permits it); clobbers flags
; docs/image.md, Known limits of a native ROM.
stub Shutdown
        cli
.stopped:
        hlt                             ; an NMI or SMI wakes the processor
        jmp     .stopped
endstub native
