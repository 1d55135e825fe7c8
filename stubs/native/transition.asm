; SPDX-License-Identifier: GPL-2.0-only OR MIT
; Returns to other code. All registers already hold the target's values.

%include "stub.inc"

; IRET (39): stack=eip cs eflags [esp ss [es ds fs gs]]; does not return; clobbers none
stub IRET
        add     esp,4                   ; the return address of the call
        iretd
endstub native

; SYSEXIT (40): EDX=eip ECX=esp; does not return; clobbers none
stub SYSEXIT
        sti                             ; its shadow covers SYSEXIT: no interrupt on the kernel's stack
        sysexit
endstub native
