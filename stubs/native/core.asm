; SPDX-License-Identifier: GPL-2.0-only OR MIT
; Calls that concern VMI itself. GetRelocationInfo is in rom/relocation.asm.

%include "stub.inc"

; Init (4): - -> EAX=status (0); clobbers flags of ECX EDX flags
stub Init
        xor     eax,eax
        ret
endstub
