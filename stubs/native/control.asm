; SPDX-License-Identifier: GPL-2.0-only OR MIT
; Control and debug registers.

%include "stub.inc"

; SetCR0 (20): EAX=value -> -; clobbers none of EAX ECX EDX flags
stub SetCR0
        mov     cr0,eax
        ret
endstub inline

; SetCR2 (21): EAX=value -> -; clobbers none of EAX ECX EDX flags
stub SetCR2
        mov     cr2,eax
        ret
endstub inline

; SetCR3 (22): EAX=value -> -; clobbers none of EAX ECX EDX flags
stub SetCR3
        mov     cr3,eax
        ret
endstub inline

; SetCR4 (23): EAX=value -> -; clobbers none of EAX ECX EDX flags
stub SetCR4
        mov     cr4,eax
        ret
endstub inline

; GetCR0 (24): - -> EAX=value; clobbers none of ECX EDX flags
stub GetCR0
        mov     eax,cr0
        ret
endstub inline

; GetCR2 (25): - -> EAX=value; clobbers none of ECX EDX flags
stub GetCR2
        mov     eax,cr2
        ret
endstub inline

; GetCR3 (26): - -> EAX=value; clobbers none of ECX EDX flags
stub GetCR3
        mov     eax,cr3
        ret
endstub inline

; GetCR4 (27): - -> EAX=value; clobbers none of ECX EDX flags
stub GetCR4
        mov     eax,cr4
        ret
endstub inline

; CLTS (34): - -> -; clobbers none of EAX ECX EDX flags
stub CLTS
        clts
        ret
endstub inline

; A debug register's number is part of the instruction, so the two calls jump
; into a table of eight 4-byte accessors. The jump's target is relative to the
; running copy: the image has no fixed address.

; SetDR (30): EAX=number EDX=value -> -; clobbers ECX flags of EAX ECX EDX flags
stub SetDR
        cmp     eax,7
        ja      .done
        call    .here
.here:  pop     ecx
        lea     ecx,[ecx + eax*4 + (set_dr - .here)]
        jmp     ecx
.done:  ret
endstub native

; GetDR (31): EAX=number -> EAX=value; clobbers ECX flags of ECX EDX flags
stub GetDR
        cmp     eax,7
        ja      .none
        call    .here
.here:  pop     ecx
        lea     ecx,[ecx + eax*4 + (get_dr - .here)]
        jmp     ecx
.none:  xor     eax,eax
        ret
endstub native

outline set_dr
%assign n 0
%rep 8
        mov     dr%[n],edx
        ret
  %assign n n + 1
%endrep
.end:

outline get_dr
%assign n 0
%rep 8
        mov     eax,dr%[n]
        ret
  %assign n n + 1
%endrep
.end:
