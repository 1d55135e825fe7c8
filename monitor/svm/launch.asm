; SPDX-License-Identifier: GPL-2.0-only OR MIT
;
; From 32-bit mode to C in long mode: the BSP, from the option ROM to monitor_main,
; and the APs, from their STARTUP to monitor_processor or monitor_spare. Position independent up to the jump to
; HOST_BASE, where the monitor is linked.
        default rel

        extern  monitor_main, monitor_processor, monitor_spare, processor_numbers
        global  launch32

%define HOST_BASE       0x8000000000
%define BLOCK_SIZE      0x100000
%define MAX_PROCESSORS  8               ; memory.h
%define STACK_SIZE      0x2000
%define MAX_SPARES      248             ; of 8 bits of APIC ID, those that have no place
%define SPARE_STACK     0x100

%define PRESENT         0x03            ; and writable
%define LARGE           0x83

; Offsets in host_pml4 (memory.c) of the tables that follow it.
%define PDPT            0x1000          ; the first 512 GiB, as they are
%define PD              0x2000          ; of the first 4 GiB
%define BLOCK_PDPT      0x6000          ; the block at HOST_BASE
%define BLOCK_PD        0x7000
%define BLOCK_PT        0x8000

%define CODE_64         0x08
%define DATA            0x10
%define CODE_32         0x18

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

        lea     eax, [edx + gdt - launch32]
        mov     [edx + gdt.physical - launch32], eax
        mov     [edx + trampoline.gdt - launch32], eax
        lea     eax, [edx + processor32 - launch32]
        mov     [edx + trampoline.entry - launch32], eax
        lea     eax, [edx + launch64 - launch32]
        mov     [edx + entry64 - launch32], eax
        jmp     long_mode

; From the trampoline at 0. There is no stack.
processor32:
        mov     eax, DATA
        mov     ds, eax
        mov     edx, [trampoline.gdt - trampoline]
        sub     edx, gdt - launch32
        mov     esi, host_pml4_offset
        add     esi, edx
        xor     ebp, ebp
; EDX = the block, ESI = the tables, EBP = struct launch or 0
long_mode:
        mov     eax, cr4
        or      al, 0x20                ; PAE
        mov     cr4, eax
        mov     cr3, esi
        mov     edi, edx                ; EDI = the block
        mov     ecx, 0xC0000080         ; EFER
        rdmsr
        or      eax, 0x1100             ; SVME, LME
        wrmsr
        lgdt    [edi + gdt.physical_limit - launch32]
        mov     eax, cr0
        or      eax, 0x80000000         ; PG
        mov     cr0, eax
        jmp     far [edi + entry64 - launch32]

; ECX entries at EDI: EAX and on by EBX
fill:   mov     [edi], eax
        add     edi, 8
        add     eax, ebx
        loop    fill
        ret

; What another processor finds at address 0 before the guest runs: real mode, DS and CS are 0.
; processors.c puts it there.
        bits    16
trampoline:
        o32 lgdt [.gdt_limit - trampoline]
        mov     eax, 0x11               ; PE, ET: the caches are on
        mov     cr0, eax
        jmp     dword CODE_32:0         ; to processor32
.entry  equ     $ - 6
.gdt_limit:
        dw      gdt.end - gdt - 1
.gdt:   dd      0
.end:

        bits    64
launch64:
        mov     rax, .high
        jmp     rax
.high:  lgdt    [gdt.limit]
        mov     eax, DATA
        mov     ds, eax
        mov     es, eax
        mov     ss, eax
        clgi                            ; from here on nothing interrupts the host
        test    ebp, ebp
        jz      .processor
        lea     rsp, [stacks + STACK_SIZE]
        mov     edi, ebp
        lea     rsi, [trampoline]
        mov     edx, trampoline.end - trampoline
        xor     ebp, ebp
        call    monitor_main

.processor:
        mov     eax, 1
        cpuid
        shr     ebx, 24                 ; APIC ID
        lea     rax, [processor_numbers]
        movzx   edi, byte [rax + rbx]
        cmp     edi, MAX_PROCESSORS
        jae     .spare
        lea     eax, [edi + 1]
        imul    eax, STACK_SIZE
        lea     rsp, [stacks]
        add     rsp, rax
        call    monitor_processor

.spare: mov     eax, 1
        lock xadd [spare_count], eax
        cmp     eax, MAX_SPARES
        jae     .lost
        inc     eax
        imul    eax, SPARE_STACK
        lea     rsp, [spare_stacks]
        add     rsp, rax
        call    monitor_spare
.lost:  hlt                             ; GIF is clear
        jmp     .lost

        align   8, db 0
gdt:    dq      0
        dq      0x00AF9B000000FFFF      ; CODE_64
        dq      0x00CF93000000FFFF      ; DATA
        dq      0x00CF9B000000FFFF      ; CODE_32
.end:   dw      0
.physical_limit:
        dw      .end - gdt - 1
.physical:
        dd      0
        dw      0, 0, 0
.limit: dw      .end - gdt - 1
        dq      gdt
entry64:
        dd      0
        dw      CODE_64

        section .bss nobits alloc noexec write align=4096
stacks: resb    STACK_SIZE * MAX_PROCESSORS
spare_stacks:
        resb    SPARE_STACK * MAX_SPARES
spare_count:
        resd    1
