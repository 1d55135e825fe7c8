; SPDX-License-Identifier: GPL-2.0-only OR MIT
; Calls that only API 3.0 has, or that take other arguments there. Numbers are
; slots. A native ROM has nothing to do for any of them.

%include "stub.inc"

; UpdateKernelStack (88): AX=ss EDX=esp0 -> -; clobbers none
stub UpdateKernelStack3
        ret                             ; the processor reads the guest's own TSS
endstub

; UpdatePxE (89): EAX=ptep EDX=flags -> -; clobbers none
stub UpdatePxE
        ret
endstub

; UpdatePxELong (90): EAX=ptep EDX=flags -> -; clobbers none
stub UpdatePxELong
        ret
endstub

; MachineToPhysical (91): EAX=value -> EAX=value; clobbers none
stub MachineToPhysical
        ret
endstub

; PhysicalToMachine (92): EAX=value -> EAX=value; clobbers none
stub PhysicalToMachine
        ret
endstub

; AllocatePage (93): EAX=pfn EDX=flags ECX=clone_pfn stack=first count -> -; clobbers none
stub AllocatePage3
        ret
endstub

; ReleasePage (94): EAX=pfn EDX=flags -> -; clobbers none
stub ReleasePage3
        ret
endstub

; SetInitialAPState (95): EAX=apstate EDX=apic_id -> -; clobbers none
stub SetInitialAPState3
        ret
endstub

; APICWrite (96): EAX=offset EDX=value -> -; clobbers none
; GetRelocationInfo never answers with it: the ROM does not know where a guest maps its APIC.
stub APICWrite3
        ret
endstub

; APICRead (97): EAX=offset -> EAX=offset; clobbers none
stub APICRead3
        ret
endstub

; SetCallbacks (98): - -> EAX=0; clobbers flags
stub SetCallbacks
        xor     eax,eax
        ret
endstub

; SetLazyMode (99): EAX=mode -> -; clobbers none
stub SetLazyMode
        ret                             ; nothing is ever queued
endstub
