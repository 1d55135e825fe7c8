; SPDX-License-Identifier: GPL-2.0-only OR MIT
; The local APIC, by linear address.

%include "stub.inc"

; APICWrite (76): EAX=register EDX=value -> [EAX]=value; clobbers none of EAX ECX EDX flags
stub APICWrite
        mov     [eax],edx
        ret
endstub inline

; APICRead (77): EAX=register -> EAX=value; clobbers none of ECX EDX flags
stub APICRead
        mov     eax,[eax]
        ret
endstub inline
