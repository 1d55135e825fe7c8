; SPDX-License-Identifier: GPL-2.0-only OR MIT
; Time. With a frequency of zero the guest keeps its own timers.

%include "stub.inc"

; GetCycleFrequency (79): - -> EAX=low EDX=high (0); clobbers flags of ECX flags
; docs/image.md, Known limits of a native ROM.
stub GetCycleFrequency
        xor     eax,eax
        cdq
        ret
endstub inline

; GetCycleCounter (80): EAX=counter -> EAX=low EDX=high (0 for all but 0 and 1); clobbers flags of ECX flags
stub GetCycleCounter
        cmp     eax,1
        ja      .none                   ; no time is stolen: there is no other guest
        rdtsc
        early_ret
.none:  xor     eax,eax
        cdq
        ret
endstub inline

; SetAlarm (81): EAX=flags EDX=expiry_low ECX=expiry_high stack: period_low period_high -> -; clobbers none of EAX ECX EDX flags
; docs/image.md, Known limits of a native ROM.
stub SetAlarm
        ret
endstub inline

; CancelAlarm (82): EAX=flags -> EAX=was_armed (0); clobbers flags of ECX EDX flags
stub CancelAlarm
        xor     eax,eax
        ret
endstub inline

; GetWallclockTime (83): - -> EAX=low EDX=high (0); clobbers flags of ECX flags
stub GetWallclockTime
        xor     eax,eax
        cdq
        ret
endstub inline

; WallclockUpdated (84): - -> EAX=jumped (0); clobbers flags of ECX EDX flags
stub WallclockUpdated
        xor     eax,eax
        ret
endstub inline
