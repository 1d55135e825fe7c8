; SPDX-License-Identifier: GPL-2.0-only OR MIT
; Time. With a frequency of zero the guest keeps its own timers.

%include "stub.inc"

; GetCycleFrequency (79): - -> EDX:EAX=0; clobbers flags
stub GetCycleFrequency
        xor     eax,eax
        cdq
        ret
endstub inline

; GetCycleCounter (80): EAX=counter -> EDX:EAX=cycles; clobbers flags
stub GetCycleCounter
        cmp     eax,1
        ja      .none                   ; no time is stolen: there is no other guest
        rdtsc
        early_ret
.none:  xor     eax,eax
        cdq
        ret
endstub inline

; SetAlarm (81): EAX=flags EDX=expiry_low ECX=expiry_high stack=period_low period_high -> -; clobbers none
stub SetAlarm
        ret
endstub inline

; CancelAlarm (82): EAX=flags -> EAX=0; clobbers flags
stub CancelAlarm
        xor     eax,eax
        ret
endstub inline

; GetWallclockTime (83): - -> EDX:EAX=0; clobbers flags
stub GetWallclockTime
        xor     eax,eax
        cdq
        ret
endstub inline

; WallclockUpdated (84): - -> EAX=0; clobbers flags
stub WallclockUpdated
        xor     eax,eax
        ret
endstub inline
