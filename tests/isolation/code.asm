; SPDX-License-Identifier: GPL-2.0-only OR MIT
;
; Code that the guest puts where a processor may come to it outside of the monitor, and a way through
; long mode.
        global  payload, payload_end, jump, jump_end, spin, spin_end, beat, beat_end
        global  answer, answer_end, long_mode
        extern  lm_pml4

%define PAYLOAD         0x7000          ; guest.h of this folder says the same
%define TOLD            0x6FF0
%define BEATS           0x6FE0
%define NMIS            0x6FD0

        section .text
        bits    16

; Real mode, at PAYLOAD: counts at TOLD under the monitor; without it prints ESCAPED and stops.
payload:
        cli
        xor     ax, ax
        mov     ds, ax
        mov     eax, 0x40000000
        cpuid
        cmp     ebx, [dword TOLD - 4]
        jne     .escaped
        lock inc dword [dword TOLD]
.halt:  hlt
        jmp     .halt
.escaped:
        mov     si, PAYLOAD + .text - payload
.next:  lodsb
        test    al, al
        jz      .end
        out     0xE9, al
        jmp     .next
.end:   out     0xF4, al
        mov     si, PAYLOAD + .last - payload
        mov     dx, 0x8900
.shut:  lodsb
        out     dx, al
        test    al, al
        jnz     .shut
        jmp     .halt
.text:  db      10, 'not ok - ESCAPED: the guest runs without the monitor', 10, 0
.last:  db      'Shutdown', 0
payload_end:

; Where a processor is sent, to get there.
jump:   jmp     0:PAYLOAD
jump_end:

; Writes a jump to 42h to address 0, forever.
spin:   xor     ax, ax
        mov     es, ax
.again: mov     word [es:0], 0x40EB
        jmp     .again
spin_end:

; Asks for system management mode, then counts forever, with a stack for interrupts.
beat:   mov     al, 0x55
        out     0xB2, al
        xor     ax, ax
        mov     ds, ax
        mov     ss, ax
        mov     sp, BEATS - 0x100
.again: lock inc dword [dword BEATS]
        jmp     .again
beat_end:

; An NMI's handler
answer: push    ds
        push    word 0
        pop     ds
        lock inc dword [dword NMIS]
        pop     ds
        iret
answer_end:

; void long_mode(uint64_t *v): in 64-bit mode: DR0 and DR1 of v[0] and v[1], DR7 of v[2], which is then
; 0 again; CPUID and RDMSR of EFER with prefixes: EBX and EAX to v[3] and v[4]; a store to the local
; APIC's TPR from R9, whose value is read back to v[5].
        bits    32
long_mode:
        pushad
        mov     esi, [esp + 36]
        sgdt    [old]
        mov     eax, cr4
        or      eax, 0x20               ; PAE
        mov     cr4, eax
        mov     eax, lm_pml4
        mov     cr3, eax
        mov     ecx, 0xC0000080
        rdmsr
        or      eax, 0x100              ; LME
        wrmsr
        mov     eax, cr0
        or      eax, 0x80000000
        mov     cr0, eax
        lgdt    [gdtr]
        jmp     0x08:.long
        bits    64
.long:  mov     esi, esi
        mov     rax, [rsi]
        mov     dr0, rax
        mov     rax, [rsi + 8]
        mov     dr1, rax
        mov     rax, [rsi + 16]
        mov     dr7, rax
        mov     eax, 0x40000000
        xor     ecx, ecx
        db      0x2E, 0x48, 0x0F, 0xA2  ; CPUID behind CS and REX.W
        mov     [rsi + 24], rbx
        xor     eax, eax
        mov     dr7, rax
        mov     ecx, 0xC0000080
        db      0x66, 0x41, 0x0F, 0x32  ; RDMSR behind 66h and REX.B
        mov     [rsi + 32], rax
        mov     r9d, 0x35
        mov     r10d, 0xFEE00000
        mov     [r10 + 0x80], r9d
        mov     eax, [r10 + 0x80]
        mov     [rsi + 40], rax
        mov     dword [r10 + 0x80], 0
        jmp     dword far [back]
        bits    32
.compat:
        mov     eax, cr0
        and     eax, 0x7FFFFFFF
        mov     cr0, eax
        mov     ecx, 0xC0000080
        rdmsr
        and     eax, ~0x100
        wrmsr
        mov     eax, cr4
        and     eax, ~0x20
        mov     cr4, eax
        lgdt    [old]
        jmp     0x08:.flat
.flat:  popad
        ret

        section .data
        align   16
gdt:    dq      0
        dq      0x00AF9B000000FFFF
        dq      0x00CF93000000FFFF
        dq      0x00CF9B000000FFFF
gdtr:   dw      31
        dd      gdt
old:    dw      0
        dd      0
back:   dd      long_mode.compat
        dw      0x18

        section .note.GNU-stack noalloc noexec nowrite progbits
