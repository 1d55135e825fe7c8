; SPDX-License-Identifier: GPL-2.0-only OR MIT
;
; Time-stamp readings around one call of a slot. Under QEMU's -icount the counter counts instructions.

        bits    32

        global  measure, bench_ret, bench_irq_stub, bench_int_stub, bench_user

; What lies between the two readings besides the slot: the handlers below.
BENCH_IRQ_INSTRUCTIONS  equ 5
BENCH_INT_INSTRUCTIONS  equ 3           ; with the INT itself

        section .bss
saved_esp: resd 1
start_tsc: resd 1

        section .text

; uint32_t measure(const struct bench_regs *regs, uint32_t target)
; regs: EAX ECX EDX EBX ESI EDI and two stack arguments, all dwords
measure:
        pushfd
        push    ebx
        push    esi
        push    edi
        push    ebp
        mov     [saved_esp],esp
        mov     ebp,[esp + 28]          ; target
        mov     ebx,[esp + 24]          ; regs
        push    dword [ebx + 28]
        push    dword [ebx + 24]
        cmp     dword [ebx + 32],1      ; an IRET frame in their place
        jb      .no_frame
        je      .kernel_frame
        push    dword 23h               ; to ring 3, and back by INT
        push    dword [ebx + 4]
        pushfd
        push    dword 1Bh
        push    dword bench_user
        jmp     .no_frame
.kernel_frame:
        pushfd
        push    cs
        push    dword .landing
.no_frame:
        rdtsc
        mov     [start_tsc],eax
        mov     eax,[ebx + 0]
        mov     ecx,[ebx + 4]
        mov     edx,[ebx + 8]
        mov     esi,[ebx + 16]
        mov     edi,[ebx + 20]
        mov     ebx,[ebx + 12]
        call    ebp
.landing:
        rdtsc
        mov     esp,[saved_esp]
        sub     eax,[start_tsc]
        pop     ebp
        pop     edi
        pop     esi
        pop     ebx
        popfd
        cld
        ret

bench_ret:
        ret

; Wakes a halted processor: five instructions.
bench_irq_stub:
        push    eax
        mov     al,20h
        out     20h,al
        pop     eax
        iretd

; The way back from ring 3: INT, two instructions.
bench_user:
        int     81h
bench_int_stub:
        mov     esp,[saved_esp]
        jmp     measure.landing
