; SPDX-License-Identifier: GPL-2.0-only OR MIT
;
; The native functions of the calls that are not inline in a site: they select
; one of many instructions, or do not return. Registers are those of the calls.

        bits    32

section .text progbits alloc exec nowrite align=1

; vmi_native_set_dr: EAX=number EDX=value; clobbers ECX flags
        global  vmi_native_set_dr:function (vmi_native_set_dr.end - vmi_native_set_dr)
vmi_native_set_dr:
        cmp     eax,7
        ja      .done
        call    .here
.here:  pop     ecx
        lea     ecx,[ecx + eax*4 + (.row - .here)]
        jmp     ecx
.row:
%assign n 0
%rep 8
        mov     dr%[n],edx
        ret
  %assign n n + 1
%endrep
.done:  ret
.end:

; vmi_native_get_dr: EAX=number -> EAX=value; clobbers ECX flags
        global  vmi_native_get_dr:function (vmi_native_get_dr.end - vmi_native_get_dr)
vmi_native_get_dr:
        cmp     eax,7
        ja      .none
        call    .here
.here:  pop     ecx
        lea     ecx,[ecx + eax*4 + (.row - .here)]
        jmp     ecx
.row:
%assign n 0
%rep 8
        mov     eax,dr%[n]
        ret
  %assign n n + 1
%endrep
.none:  xor     eax,eax
        ret
.end:

; vmi_native_reboot: EAX=0 soft, 1 hard; does not return
        global  vmi_native_reboot:function (vmi_native_reboot.end - vmi_native_reboot)
vmi_native_reboot:
        cli
        test    eax,eax
        jz      .soft
        mov     dx,0CF9h                ; the chipset's reset control: a 0 to 1 transition of bit 2 resets
        mov     al,02h
        out     dx,al
        mov     al,06h
        out     dx,al
.soft:  mov     al,0FEh                 ; the keyboard controller's reset line
        out     64h,al
        push    byte 0
        lidt    [esp]                   ; limit 0: INT3 cannot be delivered, and a triple fault follows
        int3
.end:

; vmi_native_shutdown: does not return
        global  vmi_native_shutdown:function (vmi_native_shutdown.end - vmi_native_shutdown)
vmi_native_shutdown:
        cli
.stopped:
        hlt
        jmp     .stopped
.end:

section .note.GNU-stack noalloc noexec nowrite progbits
