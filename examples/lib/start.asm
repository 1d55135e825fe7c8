; SPDX-License-Identifier: GPL-2.0-only OR MIT
;
; First bytes of every guest kernel, at 0x10000: entered by boot.asm in real mode. Asks the BIOS for
; the memory map, enables A20, enters flat protected mode and calls guest_start in C.

KERNEL_BASE equ 0x10000
E820_MAX equ 32
E820_ENTRY_SIZE equ 24
STACK_SIZE equ 32768

        extern guest_start
        extern guest_bss_start
        extern guest_bss_end

        global guest_entry
        global guest_e820
        global guest_e820_count
        global guest_boot_drive
        global guest_stack
        global guest_stack_top

        section .start progbits alloc exec write align=16
        bits 16
start16:
guest_entry equ start16
        cli
        cld
        mov ax, cs
        mov ds, ax
        mov es, ax
        xor ax, ax                      ; the boot sector's stack
        mov ss, ax
        mov sp, 0x7C00
        mov [guest_boot_drive - start16], dl
        sti

        xor ebx, ebx
        xor bp, bp                      ; entries so far
        mov di, guest_e820 - start16
.next_range:
        mov eax, 0xE820
        mov edx, 0x534D4150             ; "SMAP"
        mov ecx, E820_ENTRY_SIZE
        int 0x15
        jc .ranges_done
        cmp eax, 0x534D4150
        jne .ranges_done
        inc bp
        add di, E820_ENTRY_SIZE
        test ebx, ebx
        jz .ranges_done
        cmp bp, E820_MAX
        jb .next_range
.ranges_done:
        mov [guest_e820_count - start16], bp

        mov ax, 0x2401                  ; A20 by the BIOS, then by port 92h for BIOSes that do nothing
        int 0x15
        in al, 0x92
        test al, 2
        jnz .a20_done
        or al, 2
        and al, 0xFE
        out 0x92, al
.a20_done:
        cli
        lgdt [boot_gdt_pointer - start16]
        mov eax, cr0
        and eax, 0x7FFFFFFF
        or al, 1
        mov cr0, eax
        jmp dword 0x08:start32

        bits 32
start32:
        mov ax, 0x10
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov fs, ax
        mov gs, ax
        mov esp, guest_stack_top
        mov edi, guest_bss_start
        mov ecx, guest_bss_end
        sub ecx, edi
        xor eax, eax
        rep stosb
        push dword KERNEL_BASE - 512    ; the command-line sector
        call guest_start
.stop:
        cli
        hlt
        jmp .stop

        align 8
boot_gdt:                               ; accessed bits set: the processor writes nothing to the image
        dq 0
        dq 0x00CF9B000000FFFF
        dq 0x00CF93000000FFFF
boot_gdt_end:
boot_gdt_pointer:
        dw boot_gdt_end - boot_gdt - 1
        dd KERNEL_BASE + (boot_gdt - start16)

        align 4
guest_e820_count dd 0
guest_boot_drive dd 0
guest_e820      times E820_MAX * E820_ENTRY_SIZE db 0

        ; Not in .bss: the code above uses this stack while it clears .bss.
        section .stack nobits alloc write align=4096
guest_stack     resb STACK_SIZE
guest_stack_top:

        section .note.GNU-stack noalloc noexec nowrite progbits
