; SPDX-License-Identifier: GPL-2.0-only OR MIT
;
; The ways into the workload's kernel and out of it, for all of its versions: they differ in how
; IRET and SYSEXIT are done.

%include "vmi/sites-nasm.inc"

KERNEL_DATA equ 0x10
USER_CODE   equ 0x18 | 3
USER_DATA   equ 0x20 | 3

VECTOR_NM       equ 7
VECTOR_PF       equ 14
VECTOR_TIMER    equ 0x20
VECTOR_INT80    equ 0x80
VECTOR_SYSENTER equ 0x81

CALL_IRET    equ 39
CALL_SYSEXIT equ 40

        bits 32

        extern call_address
        global switch_stack

        section .text

; The frame is struct trap_frame.
%macro save 0
        pushad
        push ds
        push es
        push fs
        push gs
        mov eax, KERNEL_DATA
        mov ds, eax
        mov es, eax
        cld
        push esp
%endmacro

%macro restore 0
        pop gs
        pop fs
        pop es
        pop ds
        popad
        add esp, 8                      ; vector and error code
%endmacro

; entries VERSION, IRET, SYSEXIT
%macro entries 3
        extern trap_%1
        global entries_%1

%1_device:
        push dword 0
        push dword VECTOR_NM
        jmp %1_common
%1_timer:
        push dword 0
        push dword VECTOR_TIMER
        jmp %1_common
%1_system_call:
        push dword 0
        push dword VECTOR_INT80
        jmp %1_common
%1_fault:
        push dword VECTOR_PF
%1_common:
        save
        call trap_%1
        add esp, 4
%1_leave:
        restore
        %2

; SYSENTER_ESP points at the TSS's esp0. The user has its ESP in ECX and where to go on in EDX.
%1_sysenter:
        mov esp, [esp]
        push dword USER_DATA
        push ecx
        pushfd
        push dword USER_CODE
        push edx
        push dword 0
        push dword VECTOR_SYSENTER
        save
        call trap_%1
        add esp, 4
        restore
        mov edx, [esp]
        mov ecx, [esp + 12]
        %3

        align 4
entries_%1:
        dd %1_fault, %1_device, %1_timer, %1_system_call, %1_sysenter, %1_leave
%endmacro

%macro native_sysexit 0
        sti
        sysexit
%endmacro

        entries by_instructions, iretd, native_sysexit
        entries by_contract, iretd, native_sysexit
        entries by_calls, {call [cs:call_address + 4 * CALL_IRET]}, {call [cs:call_address + 4 * CALL_SYSEXIT]}
        entries by_sites, vmi_iret, vmi_sysexit
        ; no register is free for a number here
        entries by_page, {call [cs:call_address + 4 * CALL_IRET]}, {call [cs:call_address + 4 * CALL_SYSEXIT]}

; void switch_stack(uint32_t *save, uint32_t load)
switch_stack:
        mov eax, [esp + 4]
        mov edx, [esp + 8]
        push ebp
        push ebx
        push esi
        push edi
        mov [eax], esp
        mov esp, edx
        pop edi
        pop esi
        pop ebx
        pop ebp
        ret

        section .note.GNU-stack noalloc noexec nowrite progbits
