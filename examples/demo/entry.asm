; SPDX-License-Identifier: GPL-2.0-only OR MIT
;
; The entries into the kernel, and its only exit: IRET, which is a call site too.

%include "vmi/sites-nasm.inc"

SYSTEM_CALL equ 0x80
LAST    equ 0x2F                        ; exceptions and the interrupt controllers' lines

        extern  trap
        global  vector_stubs

        section .text
        bits    32

%macro entry 1                          ; vector: 16 bytes each
        align   16, int3
  %if !(%1 = 8 || (%1 >= 10 && %1 <= 14) || %1 = 17)
        push    dword 0                 ; the processor pushes no error code here
  %endif
        push    dword %1
        jmp     near enter_kernel
%endmacro

        align   16
vector_stubs:
%assign vector 0
%rep LAST + 1
        entry   vector
  %assign vector vector + 1
%endrep
        entry   SYSTEM_CALL

enter_kernel:
        pushad                          ; struct frame from here down
        push    ds
        push    es
        mov     eax,ss                  ; the kernel's data segment, in whatever ring it runs
        mov     ds,eax
        mov     es,eax
        cld
        push    esp
        call    trap
        mov     esp,eax                 ; the frame to resume, perhaps another process's
        pop     es
        pop     ds
        popad
        add     esp,8                   ; vector and error code
        vmi_iret

        section .note.GNU-stack noalloc noexec nowrite progbits
