; SPDX-License-Identifier: GPL-2.0-only OR MIT
; The interrupt flag. DS and ES may hold anything here, and callers have every
; register live.

%include "stub.inc"

; EnableInterrupts (35): - -> -; clobbers none of flags
stub EnableInterrupts
        sti                             ; its shadow covers the RET: interrupts are taken at the call site
        ret
endstub inline

; DisableInterrupts (36): - -> -; clobbers none of flags
stub DisableInterrupts
        cli
        ret
endstub inline

; GetInterruptMask (37): - -> EAX=mask (200h or 0); clobbers flags
stub GetInterruptMask
        pushfd
        pop     eax
        and     eax,200h
        ret
endstub inline

; SetInterruptMask (38): EAX=mask -> -; clobbers flags
; No POPFD: a mask of 200h alone would clear IOPL, AC and ID.
stub SetInterruptMask
        test    ah,2
        jz      .disable
        sti
        early_ret
.disable:
        cli
        ret
endstub inline
