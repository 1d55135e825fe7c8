; SPDX-License-Identifier: GPL-2.0-only OR MIT
;
; What the other processors of the hostile guest run, and where interrupts lead to meanwhile. others.c knows the
; offsets.

KERNEL_CODE equ 0x08
KERNEL_DATA equ 0x10
SIGNATURE_AT equ 0xBFF0                 ; the hypervisor's, and a pointer to the GDT behind it
GDT_AT equ 0xBFF8
STACK_SIZE equ 512
MOST equ 8
APIC equ 0xFEE00000
APIC_EOI equ 0xB0
APIC_LDR equ 0xD0
APIC_DFR equ 0xE0
APIC_SVR equ 0xF0
SVR_ON equ 0x1FF
MSR_APIC_BASE equ 0x1B
MSR_X2APIC equ 0x800
X2APIC_ON equ 0x400

        global others_start
        global others_start_end
        global others_nmi
        global others_interrupt
        global others_told
        global others_nmis
        global others_interrupts
        global others_ldr
        global others_dfr
        global others_x2
        global others_idt

        section .text
        bits 16

; Real mode, copied to where a STARTUP leads, and where a reset would go without the monitor.
others_start:
        cli
        xor ax, ax
        mov ds, ax
        mov eax, 0x40000000
        cpuid
        cmp ebx, [dword SIGNATURE_AT]
        jne .escaped
        o32 lgdt [dword GDT_AT]
        mov eax, cr0
        or al, 1
        mov cr0, eax
        jmp dword KERNEL_CODE:flat
.escaped:
        call .here
.here:  pop si
        add si, .text - .here
.next:  cs lodsb
        test al, al
        jz .end
        out 0xE9, al
        jmp .next
.end:   out 0xF4, al
        mov dx, 0x8900
.shut:  cs lodsb
        out dx, al
        test al, al
        jnz .shut
.halt:  hlt
        jmp .halt
.text:  db 10, 'not ok - ESCAPED: the guest runs without the monitor', 10, 0
        db 'Shutdown', 0
others_start_end:

        bits 32
flat:
        mov eax, KERNEL_DATA
        mov ds, eax
        mov es, eax
        mov ss, eax
        mov eax, 1
        cpuid
        shr ebx, 24
        imul eax, ebx, STACK_SIZE
        lea esp, [stacks + eax + STACK_SIZE]
        lidt [others_idt + 2]
        cmp dword [others_x2], 0
        jne .x2
        mov dword [APIC + APIC_SVR], SVR_ON
        mov eax, [others_dfr]
        mov [APIC + APIC_DFR], eax
        mov eax, [others_ldr + ebx * 4]
        mov [APIC + APIC_LDR], eax
        jmp .told
.x2:    mov ecx, MSR_APIC_BASE
        rdmsr
        or eax, X2APIC_ON
        wrmsr
        mov ecx, MSR_X2APIC + APIC_SVR / 16
        mov eax, SVR_ON
        xor edx, edx
        wrmsr
.told:  lock inc dword [others_told + ebx * 4]
.halt:  hlt
        jmp .halt

; An NMI, whoever takes it
others_nmi:
        pushad
        mov eax, 1
        cpuid
        shr ebx, 24
        lock inc dword [others_nmis + ebx * 4]
        popad
        iretd

; Any interrupt, be it the PIC's or the local APIC's
others_interrupt:
        pushad
        lock inc dword [others_interrupts]
        mov al, 0x20
        out 0x20, al
        cmp dword [others_x2], 0
        jne .x2
        mov dword [APIC + APIC_EOI], 0
        popad
        iretd
.x2:    mov ecx, MSR_X2APIC + APIC_EOI / 16
        xor eax, eax
        xor edx, edx
        wrmsr
        popad
        iretd

        section .bss
        alignb 16
others_told     resd MOST
others_nmis     resd MOST
others_ldr      resd MOST
others_interrupts resd 1
others_dfr      resd 1
others_x2       resd 1
others_idt      resb 8
        alignb 16
stacks          resb STACK_SIZE * MOST

        section .note.GNU-stack noalloc noexec nowrite progbits
