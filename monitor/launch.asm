; SPDX-License-Identifier: GPL-2.0-only OR MIT
;
; From the option ROM's protected mode to monitor_main in long mode. Position independent up to the
; jump to HOST_BASE, where the monitor is linked.
        default rel

        extern  monitor_main
        global  launch32, host_pml4, host_stack_top

%define HOST_BASE       0x8000000000
%define BLOCK_SIZE      0x100000

%define PRESENT         0x03            ; and writable
%define LARGE           0x83

; Offsets in host_pml4 of the tables that follow it.
%define PDPT            0x1000          ; the first 512 GiB, as they are
%define PD              0x2000          ; of the first 4 GiB
%define BLOCK_PDPT      0x6000          ; the block at HOST_BASE
%define BLOCK_PD        0x7000
%define BLOCK_PT        0x8000
%define TABLES          0x9000

        section .launch progbits alloc exec nowrite align=16

        extern  host_pml4_offset        ; of the linker script

        bits    32
; EDX = the block, EBP = struct launch; flat segments; the block behind the image is zero
launch32:
        mov     esi, host_pml4_offset
        add     esi, edx                ; ESI = the tables
        lea     eax, [esi + PDPT + PRESENT]
        mov     [esi], eax
        lea     eax, [esi + BLOCK_PDPT + PRESENT]
        mov     [esi + 8], eax
        lea     eax, [esi + BLOCK_PD + PRESENT]
        mov     [esi + BLOCK_PDPT], eax
        lea     eax, [esi + BLOCK_PT + PRESENT]
        mov     [esi + BLOCK_PD], eax

        lea     eax, [edx + PRESENT]
        lea     edi, [esi + BLOCK_PT]
        mov     ebx, 0x1000
        mov     ecx, BLOCK_SIZE / 0x1000
        call    fill
        lea     eax, [esi + PD + PRESENT]
        lea     edi, [esi + PDPT]
        mov     ecx, 4
        call    fill
        mov     eax, LARGE
        lea     edi, [esi + PD]
        mov     ebx, 0x200000
        mov     ecx, 4 * 512
        call    fill

        mov     eax, cr4
        or      al, 0x20                ; PAE
        mov     cr4, eax
        mov     cr3, esi
        mov     edi, edx                ; EDI = the block
        mov     ecx, 0xC0000080         ; EFER
        rdmsr
        or      eax, 0x1100             ; SVME, LME
        wrmsr
        lea     eax, [edi + gdt - launch32]
        mov     [edi + gdt.base - launch32], eax
        lgdt    [edi + gdt.limit - launch32]
        lea     eax, [edi + launch64 - launch32]
        push    dword 0x08
        push    eax
        mov     eax, cr0
        or      eax, 0x80000000         ; PG
        mov     cr0, eax
        retf

; ECX entries at EDI: EAX and on by EBX
fill:   mov     [edi], eax
        add     edi, 8
        add     eax, ebx
        loop    fill
        ret

        bits    64
launch64:
        mov     rax, .high
        jmp     rax
.high:  lea     rax, [gdt]
        mov     [gdt.base], rax
        lgdt    [gdt.limit]
        mov     eax, 0x10
        mov     ds, eax
        mov     es, eax
        mov     ss, eax
        lea     rsp, [host_stack_top]
        mov     edi, ebp
        xor     ebp, ebp
        call    monitor_main
        ud2

        align   8, db 0
gdt:    dq      0
        dq      0x00AF9B000000FFFF      ; 64-bit code
        dq      0x00CF93000000FFFF
        dw      0, 0, 0
.limit: dw      23
.base:  dq      0

        section .bss nobits alloc noexec write align=4096
host_pml4:
        resb    TABLES
        resb    0x4000
host_stack_top:
