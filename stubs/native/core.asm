; SPDX-License-Identifier: GPL-2.0-only OR MIT
; Calls that concern VMI itself. GetRelocationInfo is in rom/relocation.asm.

%include "stub.inc"

; Init (4): -> EAX=0; clobbers flags
stub Init
        xor     eax,eax
        ret
endstub
