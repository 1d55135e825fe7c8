; SPDX-License-Identifier: GPL-2.0-only OR MIT
; Descriptor tables.

%include "stub.inc"

; SetGDT (8): EAX=dtr -> -; clobbers none of EAX ECX EDX flags
stub SetGDT
        lgdt    [eax]
        ret
endstub inline

; SetLDT (9): AX=selector -> -; clobbers none of EAX ECX EDX flags
stub SetLDT
        lldt    ax
        ret
endstub inline

; SetIDT (10): EAX=dtr -> -; clobbers none of EAX ECX EDX flags
stub SetIDT
        lidt    [eax]
        ret
endstub inline

; SetTR (11): AX=selector -> -; clobbers none of EAX ECX EDX flags
stub SetTR
        ltr     ax
        ret
endstub inline

; GetGDT (12): EAX=buffer -> [EAX]=dtr; clobbers none of EAX ECX EDX flags
stub GetGDT
        sgdt    [eax]
        ret
endstub inline

; GetLDT (13): - -> EAX=selector; clobbers flags of ECX EDX flags
stub GetLDT
        xor     eax,eax                 ; SLDT leaves the high half undefined on the oldest processors
        sldt    ax
        ret
endstub inline

; GetIDT (14): EAX=buffer -> [EAX]=dtr; clobbers none of EAX ECX EDX flags
stub GetIDT
        sidt    [eax]
        ret
endstub inline

; GetTR (15): - -> EAX=selector; clobbers flags of ECX EDX flags
stub GetTR
        xor     eax,eax
        str     ax
        ret
endstub inline

; Low dword first, as in the guests' own code: an entry in use gets its present bit last.
%macro write_entry 0
        mov     [eax + edx*8],ecx
        mov     ecx,[esp + 4]
        mov     [eax + edx*8 + 4],ecx
        ret
%endmacro

; WriteGDTEntry (16): EAX=table EDX=index ECX=low stack: high -> [EAX]=entry; clobbers ECX of EAX ECX EDX flags
; docs/image.md, Policies: of API 3.0 only where it is named.
stub WriteGDTEntry
        write_entry
endstub native

; WriteLDTEntry (17): EAX=table EDX=index ECX=low stack: high -> [EAX]=entry; clobbers ECX of EAX ECX EDX flags
; docs/image.md, Policies: of API 3.0 only where it is named.
stub WriteLDTEntry
        write_entry
endstub native

; WriteIDTEntry (18): EAX=table EDX=index ECX=low stack: high -> [EAX]=entry; clobbers ECX of EAX ECX EDX flags
; docs/image.md, Policies: of API 3.0 only where it is named.
stub WriteIDTEntry
        write_entry
endstub native

; UpdateKernelStack (19): EAX=tss EDX=esp0 -> -; clobbers none of EAX ECX EDX flags
stub UpdateKernelStack
        ret                             ; the guest stores esp0 in its TSS itself
endstub inline
