; SPDX-License-Identifier: GPL-2.0-only OR MIT
;
; The ways into the kernel and out of it. The ways out are patched: see paravirt.c.

PV_IRQ_DISABLE  equ 0                   ; enum pv_op
PV_IRQ_ENABLE   equ 1
PV_IRET         equ 2
PV_SYSEXIT      equ 3
KERNEL_DATA     equ 0x10
USER_CODE_SEL   equ 0x1B
USER_DATA_SEL   equ 0x23
VECTOR_SYSCALL  equ 0x80
VECTOR_BAD_IRET equ 0xFF

        extern  pv_ops, pv_site_count, do_trap

        global  entry_stubs, entry_syscall, entry_sysenter, entry_return
        global  entry_iret_site, entry_iret_fixup, native_iret, native_sysexit
        global  entry_irq_disable, entry_irq_enable, switch_stacks, pv_asm_sites, pv_asm_sites_end

section .rodata
pv_asm_sites:

; A place of 7 bytes that is patched: site call|jmp, operation
%macro site 2
        inc     dword [ss:pv_site_count + 4*%2]
  %%at: %1      [cs:pv_ops + 4*%2]
  %%end:
        section .rodata
        dd      %%at
        db      %2, %%end - %%at, 0, 0
        section .text
%endmacro

section .text
        bits    32

; Vectors 0 to 47, 16 bytes each.
        align   16
entry_stubs:
%assign vector 0
%rep 48
        align   16, int3
  %if !(vector = 8 || (vector >= 10 && vector <= 14) || vector = 17)
        push    dword 0
  %endif
        push    dword vector
        jmp     near enter_c
  %assign vector vector + 1
%endrep

entry_syscall:
        push    dword 0
        push    dword VECTOR_SYSCALL
        jmp     enter_c

; A user return that faulted: its frame is on top of the stack again. The user gets the blame.
entry_iret_fixup:
        push    dword 0
        push    dword VECTOR_BAD_IRET
enter_c:
        cld
        call    save_all
        mov     eax,esp
        call    do_trap
entry_return:
        site    call, PV_IRQ_DISABLE
        pop     ebx
        pop     ecx
        pop     edx
        pop     esi
        pop     edi
        pop     ebp
        pop     eax
        pop     ds
        pop     es
        add     esp,8
        inc     dword [ss:pv_site_count + 4*PV_IRET]
entry_iret_site:
        jmp     [cs:pv_ops + 4*PV_IRET]
.end:
        section .rodata
        dd      entry_iret_site
        db      PV_IRET, entry_iret_site.end - entry_iret_site, 0, 0
        section .text

; Pushes struct frame's part from ES down to EBX over its own return address.
save_all:
        xchg    eax,[esp]               ; the return address
        push    ds
        push    eax
        mov     eax,[esp + 8]
        push    ebp
        push    edi
        push    esi
        push    edx
        push    ecx
        push    ebx
        mov     ecx,[esp + 24]          ; the return address again
        mov     [esp + 24],eax
        mov     [esp + 32],es
        mov     eax,KERNEL_DATA
        mov     ds,eax
        mov     es,eax
        jmp     ecx

; SYSENTER: EAX=call, EBP=the user's stack. Every register is live until the flags are open.
entry_sysenter:
        mov     esp,[esp]               ; the MSR leads to TSS.esp0
        site    call, PV_IRQ_ENABLE
        push    dword USER_DATA_SEL
        push    ebp
        pushfd
        push    dword USER_CODE_SEL
        push    dword [ss:sysenter_return]
        push    dword 0
        push    dword VECTOR_SYSCALL
        cld
        call    save_all
        mov     eax,esp
        call    do_trap
        test    eax,eax
        jnz     entry_return
        site    call, PV_IRQ_DISABLE
        pop     ebx
        pop     ecx
        pop     edx
        pop     esi
        pop     edi
        pop     ebp
        pop     eax
        pop     ds
        pop     es
        mov     edx,[esp + 8]
        mov     ecx,[esp + 20]
        site    jmp, PV_SYSEXIT

entry_irq_disable:
        site    call, PV_IRQ_DISABLE
        ret

entry_irq_enable:
        site    call, PV_IRQ_ENABLE
        ret

native_iret:
        iretd

native_sysexit:
        sti
        sysexit

; void switch_stacks(uint32_t *save_esp, uint32_t load_esp)
switch_stacks:
        push    ebp
        push    ebx
        push    esi
        push    edi
        mov     eax,[esp + 20]
        mov     edx,[esp + 24]
        mov     [eax],esp
        mov     esp,edx
        pop     edi
        pop     esi
        pop     ebx
        pop     ebp
        ret

section .rodata
pv_asm_sites_end:

section .data
        global  sysenter_return
sysenter_return dd 0

section .note.GNU-stack noalloc noexec nowrite progbits
