; SPDX-License-Identifier: GPL-2.0-only OR MIT
;
; What cannot be written in C: vector stubs, the exit from an expected fault, the entries into ring 3,
; V86 mode and 16-bit stacks, calls of a ROM slot with every register set and read back, the AP's first
; instructions. guest.h documents the functions; trap.c and guest.h assert the offsets used here.

KERNEL_DATA equ 0x10

; struct trap_frame
TF_GS equ 0
TF_DS equ 12
TF_EDI equ 16
TF_EAX equ 44
TF_EIP equ 56
TF_CS equ 60
TF_EFLAGS equ 64
TF_ESP equ 68
TF_SS equ 72
TF_V86_ES equ 76
TF_V86_DS equ 80
TF_V86_FS equ 84
TF_V86_GS equ 88
TF_SIZE equ 92

; struct guest_entry
GE_IN equ 0
GE_OUT equ TF_SIZE
GE_TARGET equ 2 * TF_SIZE
GE_KIND equ GE_TARGET + 4
GE_STACK_SELECTOR equ GE_TARGET + 8
GE_ESP_GARBAGE equ GE_TARGET + 12
KIND_SYSEXIT equ 1

; struct call_regs: EDI ESI EBP ESP EBX EDX ECX EAX as PUSHAD has them, then
CR_EAX equ 28
CR_EFLAGS equ 32
CR_SET_SEGMENTS equ 36
CR_DS equ 40
CR_ES equ 44
CR_FS equ 48
CR_GS equ 52
CR_ESP_DELTA equ 56
CR_ARGS_CHANGED equ 60

        bits 32

        extern guest_trap
        extern guest_tss
        extern guest_stack16
        extern guest_gdt_pointer
        extern guest_idt_pointer
        extern guest_ap_main

        global guest_vector_stubs
        global guest_double_fault_entry
        extern guest_double_fault
        global guest_try
        global guest_try_resume
        global guest_try_esp
        global guest_enter
        global guest_enter_resume
        global guest_enter_esp
        global guest_tell_stack
        global guest_tell_stack_eax
        global guest_call
        global guest_ap_trampoline
        global guest_ap_trampoline_end
        global guest_ap_ticket
        global guest_ap_stack_top

        section .text

; -----------------------------------------------------------------------------------------------
; Vector stubs: 16 bytes each, so that the IDT is filled by arithmetic.

        align 16
guest_vector_stubs:
%assign vector 0
%rep 256
        align 16, int3
%if vector = 8 || (vector >= 10 && vector <= 14) || vector = 17 || vector = 21
%else
        push dword 0
%endif
        push dword vector
        jmp near trap_common
%assign vector vector + 1
%endrep

        align 16
trap_common:
        pushad
        push ds
        push es
        push fs
        push gs
        mov eax, ss
        and al, 0xFC                    ; of whatever ring
        cmp ax, KERNEL_DATA
        je .flat
        ; A trap on the 16-bit test stack: only SP is valid. Switch to the flat stack segment: such a
        ; frame is reported or recovered from, never resumed.
        movzx ecx, sp
        lea ecx, [ecx + guest_stack16]
        mov ax, KERNEL_DATA
        mov ss, ax
        mov esp, ecx
.flat:
        mov eax, KERNEL_DATA
        mov ds, eax
        mov es, eax
        mov fs, eax
        mov gs, eax
        cld
        push esp
        call guest_trap
        add esp, 4
        pop gs
        pop fs
        pop es
        pop ds
        popad
        add esp, 8
        iretd

; Target of the task gate for #DF: it has a stack of its own and trusts nothing else.
guest_double_fault_entry:
        call guest_double_fault
.stop:
        cli
        hlt
        jmp .stop

; -----------------------------------------------------------------------------------------------
; int guest_try(void (*fn)(void *), void *arg, struct guest_fault *fault)

guest_try:
        push ebp
        push ebx
        push esi
        push edi
        pushfd
        push dword [guest_try_esp]
        mov [guest_try_esp], esp
        mov eax, [esp + 28]
        push dword [esp + 32]
        call eax
        add esp, 4
        xor eax, eax
.out:
        pop dword [guest_try_esp]
        popfd
        pop edi
        pop esi
        pop ebx
        pop ebp
        ret

; Called by guest_trap once the fault is recorded; does not return.
guest_try_resume:
        mov esp, [guest_try_esp]
        mov eax, 1
        jmp guest_try.out

; -----------------------------------------------------------------------------------------------
; uint32_t guest_enter(struct guest_entry *entry)

guest_enter:
        push ebp
        push ebx
        push esi
        push edi
        pushfd
        push dword [guest_enter_esp]
        mov [guest_enter_esp], esp
        mov [guest_tss + 4], esp        ; traps from ring 3 push below this frame
        cmp dword [guest_tell_stack], 0
        je .told
        mov eax, [guest_tell_stack_eax]
        mov edx, esp
        call [guest_tell_stack]
.told:
        mov esi, [esp + 28]
        mov eax, [esi + GE_TARGET]
        mov [enter_target], eax
        mov eax, [esi + GE_KIND]
        mov [enter_kind], eax
        cmp dword [esi + GE_STACK_SELECTOR], 0
        je .stack_chosen
        mov esp, guest_stack16 + 4096
.stack_chosen:
        cmp dword [enter_kind], KIND_SYSEXIT
        je .frame_done
        test dword [esi + TF_EFLAGS], 0x20000
        jz .not_v86
        push dword [esi + TF_V86_GS]
        push dword [esi + TF_V86_FS]
        push dword [esi + TF_V86_DS]
        push dword [esi + TF_V86_ES]
        jmp .outer
.not_v86:
        test byte [esi + TF_CS], 3
        jz .inner
.outer:
        push dword [esi + TF_SS]
        push dword [esi + TF_ESP]
.inner:
        push dword [esi + TF_EFLAGS]
        push dword [esi + TF_CS]
        push dword [esi + TF_EIP]
.frame_done:
        lea ebx, [esi + TF_EAX]         ; GPRs and segments of the target, in POPAD's order
        mov ecx, 12
.push_register:
        push dword [ebx]
        sub ebx, 4
        loop .push_register
        mov eax, [esi + GE_STACK_SELECTOR]
        test eax, eax
        jz .load
        mov ecx, esp
        sub ecx, guest_stack16
        or ecx, [esi + GE_ESP_GARBAGE]
        mov ss, ax
        mov esp, ecx
.load:
        pop gs
        pop fs
        pop es
        pop ds
        popad
        cmp dword [cs:enter_target], 0
        je .native
        call [cs:enter_target]
        ud2
.native:
        cmp dword [cs:enter_kind], KIND_SYSEXIT
        je .native_sysexit
        iretd
.native_sysexit:
        sti
        sysexit

; Called by guest_trap with the frame copied into entry->out; EAX = the vector, in [esp + 4].
guest_enter_resume:
        mov eax, [esp + 4]
        mov esp, [guest_enter_esp]
        pop dword [guest_enter_esp]
        popfd
        pop edi
        pop esi
        pop ebx
        pop ebp
        ret

; -----------------------------------------------------------------------------------------------
; void guest_call(struct call_regs *r, uint32_t target, const uint32_t *args, uint32_t count)

guest_call:
        push ebp
        push ebx
        push esi
        push edi
        pushfd
        mov ebx, [esp + 24]
        mov eax, [esp + 28]
        mov esi, [esp + 32]
        mov ecx, [esp + 36]
        mov [call_esp], esp
        mov [call_target], eax
        sub esp, 1024                   ; keeps the arguments intact while the results are read below
        jecxz .args_done
.push_arg:
        push dword [esi + ecx * 4 - 4]
        loop .push_arg
.args_done:
        mov [call_args_esp], esp
        push dword [ebx + CR_EFLAGS]
        lea edx, [ebx + CR_EAX]
        mov ecx, 8
.push_register:
        push dword [edx]
        sub edx, 4
        loop .push_register
        cmp dword [ebx + CR_SET_SEGMENTS], 0
        je .segments_done
        mov fs, [ebx + CR_FS]
        mov gs, [ebx + CR_GS]
        mov es, [ebx + CR_ES]
        mov ds, [ebx + CR_DS]
.segments_done:
        popad
        popfd
        call [cs:call_target]
        mov [ss:call_after_esp], esp
        mov esp, [ss:call_esp]          ; the callee may have changed ESP
        pushfd
        pushad
        push ds
        push es
        push fs
        push gs
        mov eax, KERNEL_DATA
        mov ds, eax
        mov es, eax
        mov fs, eax
        mov gs, eax
        cld
        mov ebx, [call_esp]
        mov ebx, [ebx + 24]
        lea edi, [ebx + CR_GS]
        mov ecx, 4
.take_segment:
        pop eax                         ; PUSH of a selector may not write the upper half
        movzx eax, ax
        mov [edi], eax
        sub edi, 4
        loop .take_segment
        mov edi, ebx
        mov ecx, 9                      ; PUSHAD's eight and EFLAGS
.take:
        pop eax
        stosd
        loop .take
        mov eax, [call_after_esp]
        sub eax, [call_args_esp]
        mov [ebx + CR_ESP_DELTA], eax
        mov dword [ebx + CR_ARGS_CHANGED], 0
        mov edi, [call_args_esp]
        mov esi, [esp + 32]
        mov ecx, [esp + 36]
        jecxz .compared
.compare:
        mov eax, [edi + ecx * 4 - 4]
        cmp eax, [esi + ecx * 4 - 4]
        je .same
        inc dword [ebx + CR_ARGS_CHANGED]
.same:
        loop .compare
.compared:
        popfd
        pop edi
        pop esi
        pop ebx
        pop ebp
        ret

; -----------------------------------------------------------------------------------------------
; The AP's trampoline: copied to GUEST_AP_TRAMPOLINE, entered in real mode with CS = its page.
; The first AP to take the ticket continues, the others halt.

        align 16
guest_ap_trampoline:
        bits 16
        cli
        cld
        mov ax, cs
        mov ds, ax
        lock dec word [.ticket - guest_ap_trampoline]
        jnz .park
        o32 lgdt [.gdt_pointer - guest_ap_trampoline]
        mov eax, cr0
        and eax, 0x1FFFFFFF             ; enable caches: after INIT CD and NW are set
        or al, 1
        mov cr0, eax
        jmp dword 0x08:ap_start32
.park:
        hlt
        jmp .park
        align 4
.ticket dw 1
        align 4
.gdt_pointer:
        times 6 db 0
guest_ap_trampoline_end:
guest_ap_ticket equ guest_ap_trampoline.ticket
guest_ap_gdt_pointer equ guest_ap_trampoline.gdt_pointer
        global guest_ap_gdt_pointer

        bits 32
ap_start32:
        mov ax, KERNEL_DATA
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov fs, ax
        mov gs, ax
        mov esp, [guest_ap_stack_top]
        lidt [guest_idt_pointer]
        call guest_ap_main
.stop:
        cli
        hlt
        jmp .stop

        section .bss
        alignb 4
guest_try_esp   resd 1
guest_tell_stack resd 1
guest_tell_stack_eax resd 1
guest_enter_esp resd 1
enter_target    resd 1
enter_kind      resd 1
call_target     resd 1
call_esp        resd 1
call_args_esp   resd 1
call_after_esp  resd 1
guest_ap_stack_top resd 1

        section .note.GNU-stack noalloc noexec nowrite progbits
