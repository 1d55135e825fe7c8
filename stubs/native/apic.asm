; SPDX-License-Identifier: GPL-2.0-only OR MIT
; The local APIC, by linear address.

%include "stub.inc"

; APICWrite (76): EAX=register EDX=value -> -; clobbers none
stub APICWrite
        mov     [eax],edx
        ret
endstub inline

; APICRead (77): EAX=register -> EAX=value; clobbers none
stub APICRead
        mov     eax,[eax]
        ret
endstub inline
