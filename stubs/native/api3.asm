; SPDX-License-Identifier: GPL-2.0-only OR MIT
; Calls that only API 3.0 has, or that take other arguments there. Numbers are
; slots. A native ROM has nothing to do for any of them.

%include "stub.inc"

; UpdateKernelStack3 (88): AX=ss EDX=esp0 -> -; clobbers none of EAX ECX EDX flags
stub UpdateKernelStack3
        ret                             ; the processor reads the guest's own TSS
endstub

; UpdatePxE (89): EAX=ptep EDX=flags -> -; clobbers none of EAX ECX EDX flags
stub UpdatePxE
        ret
endstub

; UpdatePxELong (90): EAX=ptep EDX=flags -> -; clobbers none of EAX ECX EDX flags
stub UpdatePxELong
        ret
endstub

; MachineToPhysical (91): EAX=value -> EAX=translated (the value); clobbers none of ECX EDX flags
stub MachineToPhysical
        ret
endstub

; PhysicalToMachine (92): EAX=value -> EAX=translated (the value); clobbers none of ECX EDX flags
stub PhysicalToMachine
        ret
endstub

; AllocatePage3 (93): EAX=pfn EDX=flags ECX=clone_pfn stack: first count -> -; clobbers none of EAX ECX EDX flags
stub AllocatePage3
        ret
endstub

; ReleasePage3 (94): EAX=pfn EDX=flags -> -; clobbers none of EAX ECX EDX flags
stub ReleasePage3
        ret
endstub

; SetInitialAPState3 (95): EAX=apstate EDX=apic_id -> -; clobbers none of EAX ECX EDX flags
; docs/image.md, Policies.
stub SetInitialAPState3
        ret
endstub

; APICWrite3 (96): EAX=offset EDX=value -> -; clobbers none of EAX ECX EDX flags
; docs/image.md, Policies: the ROM does not know where a guest maps its APIC.
stub APICWrite3
        ret
endstub

; APICRead3 (97): EAX=offset -> EAX=value (the offset); clobbers none of ECX EDX flags
; docs/image.md, Policies.
stub APICRead3
        ret
endstub

; SetCallbacks (98): - -> EAX=zero; clobbers flags of ECX EDX flags
stub SetCallbacks
        xor     eax,eax
        ret
endstub

; SetLazyMode (99): EAX=mode -> -; clobbers none of EAX ECX EDX flags
stub SetLazyMode
        ret                             ; nothing is ever queued
endstub
