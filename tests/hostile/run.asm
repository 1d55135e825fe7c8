; SPDX-License-Identifier: GPL-2.0-only OR MIT
;
; One run of the hostile guest: from a start state to where it returns or traps, with everything
; recorded before the kernel's own state is put back. Offsets: hostile.h.

KERNEL_CODE equ 0x08
KERNEL_DATA equ 0x10
SEL_SS16 equ 0x30
WINDOW equ 0x40000000
WINDOW_SIZE equ 0x10000
SS16_BASE equ 0x400000                  ; the arena
MSR_FS_BASE equ 0xC0000100

; struct start
S_EAX equ 28
S_ESP equ 12
S_EFLAGS equ 32
S_EIP equ 36
S_CS equ 40
S_SS equ 44
S_DS equ 48
S_ES equ 52
S_FS equ 56
S_GS equ 60
S_CR0 equ 64
S_CR2 equ 68
S_CR3 equ 72
S_CR4 equ 76
S_GDT equ 80
S_IDT equ 88
S_FRAME_WORDS equ 96
S_FRAME equ 100

RECORDED equ 36                         ; dwords of struct end

        bits 32

        global hostile_run
        global hostile_back
        global hostile_back_call
        global hostile_vectors
        global hostile_interrupts
        global hostile_trap_stack_top
        global hostile_good_gdt
        global hostile_good_idt
        global hostile_good_cr0
        global hostile_good_cr4
        global hostile_native
        global hostile_native_end

        section .text

; void hostile_run(const struct start *, struct end *)
hostile_run:
        pushfd
        pushad
        mov ebx, [esp + 40]
        mov eax, [esp + 44]
        mov [end_at], eax
        mov [kernel_esp], esp
        mov eax, [ebx + S_EIP]
        mov [target], eax
        mov eax, [ebx + S_CS]
        mov [target + 4], ax
        mov eax, [ebx + S_SS]
        mov [target_ss], eax
        mov eax, [ebx + S_ESP]
        mov [target_esp], eax
        lgdt [ebx + S_GDT + 2]
        lidt [ebx + S_IDT + 2]
        mov eax, [ebx + S_CR2]
        mov cr2, eax
        mov eax, [ebx + S_CR4]
        mov cr4, eax
        mov eax, [ebx + S_CR3]
        mov cr3, eax
        mov eax, [ebx + S_CR0]
        mov cr0, eax
        jmp near .paged
.paged:
        mov ecx, [ebx + S_FRAME_WORDS]
        jecxz .jump
.push_frame:
        push dword [ebx + S_FRAME + ecx * 4 - 4]
        loop .push_frame
        call load
        iretd

.jump:
        push dword [ebx + S_EFLAGS]
        call load
        popfd
        mov ss, [cs:target_ss]
        mov esp, [cs:target_esp]
        jmp far [cs:target]

; Data segments and general registers of the struct at EBX; ESP stays.
load:
        lea edx, [ebx + S_EAX]
        mov ecx, 8
.push:
        push dword [edx]
        sub edx, 4
        loop .push
        mov fs, [ebx + S_FS]
        mov gs, [ebx + S_GS]
        mov es, [ebx + S_ES]
        mov ds, [ebx + S_DS]
        popad
        ret

; Where calls return to. The first has no CALL before it, as IRET's fault sees it.
        align 16
        times 8 nop
hostile_back:
        jmp returned
        align 16
        call hostile_back
hostile_back_call:
returned:
        pushfd
        push cs
        push dword 0
        push dword 0
        push dword -1
record:
        pushad
        push ds
        push es
        push fs
        push gs
        mov eax, ss
        push eax
        cmp ax, SEL_SS16
        jne .wide
        and esp, 0xFFFF                 ; SP is right, the rest of ESP may be anything
.wide:
        sub esp, 16
        sidt [esp + 10]
        sgdt [esp + 2]
        mov eax, cr0
        push eax
        mov eax, cr2
        push eax
        mov eax, cr3
        push eax
        mov eax, cr4
        push eax
        mov ecx, MSR_FS_BASE
        rdmsr
        push edx
        push eax
        inc ecx
        rdmsr
        push edx
        push eax
        lgdt [cs:hostile_good_gdt + 2]
        lidt [cs:hostile_good_idt + 2]
        mov eax, [cs:hostile_good_cr0]
        mov cr0, eax
        jmp near .unpaged
.unpaged:
        mov eax, [cs:hostile_good_cr4]
        mov cr4, eax
        xor eax, eax
        mov cr3, eax
        mov esi, esp
        mov ebx, ss
        mov eax, KERNEL_DATA
        mov ds, eax
        mov es, eax
        mov fs, eax
        mov gs, eax
        cmp bx, SEL_SS16
        jne .copy
        add esi, SS16_BASE
.copy:
        mov edx, esi                    ; in the window it is the arena's first page
        sub edx, WINDOW
        cmp edx, WINDOW_SIZE
        jae .plain
        and esi, 0xFFF
        add esi, SS16_BASE
.plain:
        cld
        mov edi, [end_at]
        mov ecx, RECORDED
        rep movsd
        mov ss, ax
        mov esp, [kernel_esp]
        jmp KERNEL_CODE:.flat
.flat:
        popad
        popfd
        ret

        align 16
hostile_vectors:
%assign vector 0
%rep 256
        align 16, int3
%if vector >= 0x20 && vector < 0x30
        jmp near interrupt
%else
%if vector = 8 || (vector >= 10 && vector <= 14) || vector = 17 || vector = 21
%else
        push dword 0
%endif
        push dword vector
        jmp near record
%endif
%assign vector vector + 1
%endrep

; An interrupt, also a spurious one, is taken and counted, and the run continues.
        align 16
interrupt:
        push eax
        push ds
        mov eax, KERNEL_DATA
        mov ds, eax
        inc dword [hostile_interrupts]
        mov al, 0x20
        out 0x20, al
        pop ds
        pop eax
        iretd

        section .rodata
        align 16
hostile_native:
        incbin "vmi-native.rom"
hostile_native_end:

        section .bss
        alignb 16
hostile_good_gdt resb 8
hostile_good_idt resb 8
hostile_good_cr0 resd 1
hostile_good_cr4 resd 1
hostile_interrupts resd 1
end_at          resd 1
kernel_esp      resd 1
target          resd 2
target_ss       resd 1
target_esp      resd 1
        alignb 16
trap_stack      resb 1024
hostile_trap_stack_top:
        resb 64                         ; what is copied beyond a short frame

        section .note.GNU-stack noalloc noexec nowrite progbits
