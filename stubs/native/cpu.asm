; SPDX-License-Identifier: GPL-2.0-only OR MIT
; Processor identification, model-specific registers and counters.

%include "stub.inc"

; CPUID (5): EAX=leaf ECX=subleaf -> EAX=eax EBX=ebx ECX=ecx EDX=edx; clobbers none of flags
stub CPUID
        cpuid
        ret
endstub inline

; WRMSR (6): ECX=msr EAX=low EDX=high -> -; clobbers none of EAX ECX EDX flags
; docs/image.md, Known limits of a native ROM.
stub WRMSR
        wrmsr
        ret
endstub inline

; RDMSR (7): ECX=msr -> EAX=low EDX=high; clobbers none of ECX flags
; docs/image.md, Known limits of a native ROM.
stub RDMSR
        rdmsr
        ret
endstub inline

; RDPMC (32): ECX=counter -> EAX=low EDX=high; clobbers none of ECX flags
stub RDPMC
        rdpmc
        ret
endstub inline

; RDTSC (33): - -> EAX=low EDX=high; clobbers none of ECX flags
stub RDTSC
        rdtsc
        ret
endstub inline
