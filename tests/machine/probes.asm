; SPDX-License-Identifier: GPL-2.0-only OR MIT
;
; Pieces of code that the machine tests enter in other modes or place elsewhere. machine.h says what
; each one does.

        global probe_call_site
        global probe_call_site_next
        global probe_return
        global probe_native_iret
        global probe_native_iret_site
        global probe_called_iret
        global probe_called_iret_site
        global probe_called_iret_to
        global probe_live_eflags
        global probe_handlers
        global probe_handler_next
        global probe_handler_eflags
        global probe_handler_esp
        global probe_int81
        global probe_in
        global probe_v86
        global probe_code16
        global probe_loop
        global probe_fpu
        global probe_without_low_memory
        global probe_without_low_memory_end
        global probe_elsewhere

        section .text
        bits 32

; void probe_call_site(uint32_t target, uint32_t eax)
probe_call_site:
        push ebx
        mov ecx, [esp + 8]
        mov eax, [esp + 12]
        call ecx
probe_call_site_next:
        nop
        nop
        nop
        cli
        pop ebx
        ret

probe_native_iret:
        add esp, 4
        push dword [cs:probe_live_eflags]
        popfd
probe_native_iret_site:
        iretd

probe_called_iret:
        add esp, 4
        push dword [cs:probe_live_eflags]
        popfd
probe_called_iret_site:
        db 0xE8
called_iret_distance:
        dd 0
        ud2

        align 32
probe_handlers:
%assign vector 10
%rep 4
        align 32, int3
        mov [ss:probe_handler_esp], esp
        pushfd
        pop dword [ss:probe_handler_eflags]
        jmp [ss:probe_handler_next + 4 * (vector - 10)]
  %assign vector vector + 1
%endrep

; void probe_called_iret_to(uint32_t address): the code is writable
probe_called_iret_to:
        mov eax, [esp + 4]
        sub eax, probe_called_iret_site + 5
        mov [called_iret_distance], eax
        ret

probe_int81:
        int 0x81
probe_return:
        int 0x80

probe_in:
        in al, dx
        int 0x80

probe_loop:
        dec eax
        jnz probe_loop
        int 0x80

probe_fpu:
        fninit
        ret

        bits 16
probe_v86:
probe_code16:
        int 0x80
        bits 32

; void probe_without_low_memory(struct alias_probe *p): runs from a copy above 4 MiB. Takes the
; directory's first entry away, makes the calls, puts it back. Interrupts off: there is no IDT then.
probe_without_low_memory:
        push ebp
        push ebx
        push esi
        push edi
        mov esi, [esp + 20]
        mov ebx, [esi]
        mov [esi + 8], esp
        mov esp, [esi + 4]
        mov edi, [ebx]
        mov dword [ebx], 0
        mov eax, cr3
        mov cr3, eax
        xor ebp, ebp
.next:
        mov eax, [esi + ebp * 4 + 28]
        push esi
        push edi
        push ebx
        push ebp
        call [esi + ebp * 4 + 12]
        pop ebp
        pop ebx
        pop edi
        pop esi
        mov [esi + ebp * 4 + 44], eax
        inc ebp
        cmp ebp, 4
        jb .next
        mov [ebx], edi
        mov eax, cr3
        mov cr3, eax
        mov esp, [esi + 8]
        pop edi
        pop esi
        pop ebx
        pop ebp
        ret
probe_without_low_memory_end:

; void probe_elsewhere(struct elsewhere_probe *p): nothing live crosses the switch on the stack.
probe_elsewhere:
        push ebp
        push ebx
        push esi
        push edi
        mov esi, [esp + 20]
        mov ebx, cr3
        mov eax, [esi]
        mov ecx, [esi + 4]
        mov edi, eax
        mov eax, [esi + 8]
        mov cr3, edi
        call ecx
        mov cr3, ebx
        mov [esi + 12], eax
        pop edi
        pop esi
        pop ebx
        pop ebp
        ret

        section .bss
        alignb 4
probe_live_eflags resd 1
probe_handler_next resd 4
probe_handler_eflags resd 1
probe_handler_esp resd 1

        section .note.GNU-stack noalloc noexec nowrite progbits
