; SPDX-License-Identifier: GPL-2.0-only OR MIT
;
; Used by the alias of API 13 and by Init of hypercall images.

%include "stub.inc"

EFLAGS_ID       equ 200000h

; Whether the processor has CPUID: EFLAGS.ID can then be changed.
; -> ZF clear if it has; clobbers EAX
section .private.cpuid progbits alloc exec nowrite align=1
        global  has_cpuid:function (has_cpuid.end - has_cpuid)
has_cpuid:
        pushfd
        pushfd
        xor     dword [esp],EFLAGS_ID
        popfd
        pushfd
        pop     eax
        xor     eax,[esp]
        popfd
        test    eax,EFLAGS_ID
        ret
.end:
