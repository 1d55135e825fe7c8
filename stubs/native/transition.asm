; SPDX-License-Identifier: GPL-2.0-only OR MIT
; Returns to other code. All registers already hold the target's values.

%include "stub.inc"

EFLAGS_TF       equ 100h
EFLAGS_IF       equ 200h
EFLAGS_NT       equ 4000h
EFLAGS_RF       equ 10000h
EFLAGS_VM       equ 20000h
VECTOR_TS       equ 10
VECTOR_NP       equ 11
VECTOR_SS       equ 12
VECTOR_GP       equ 13
SELECTOR        equ 0FFFCh              ; index and table
CALL_REL32      equ 0E8h
CALL_SIZE       equ 5

; In a descriptor's high dword, as LAR returns it: a bit, and parts of its second byte.
AR_BIG          equ 22                  ; a stack of 32 bits
AR_P            equ 80h
AR_CODE         equ 98h                 ; mask, and right value of CS: present, segment, code
AR_SS           equ 9Ah                 ; mask; right value of SS: present, segment, writable data
AR_SS_RIGHT     equ 92h
AR_GATE         equ 9Eh                 ; mask; right value of a gate: present, 32-bit interrupt or trap gate
AR_GATE_RIGHT   equ 8Eh
AR_GATE_TRAP    equ 1                   ; makes it a trap gate

; All checks of a user frame but that of EIP, in one dword, highest byte first:
; CS, the second byte of the live EFLAGS, SS, the difference of the two RPLs.
LOOK            equ AR_CODE << 24 | (EFLAGS_NT >> 8) << 16 | AR_SS << 8 | 3
LOOK_RIGHT      equ AR_CODE << 24 | AR_SS_RIGHT << 8

; The stack after the `push eax` of slot 39, lowest address first.
S_EAX           equ 0
S_LIVE          equ 4                   ; the current EFLAGS
S_RETURN        equ 8                   ; the call's return address
S_EIP           equ 12                  ; the frame
S_CS            equ 16
S_EFLAGS        equ 20
S_ESP           equ 24
S_SS            equ 28

; IRET (39): stack: eip cs eflags (and esp ss es ds fs gs where they go with it) -> -; does not return; clobbers none
; docs/image.md, A return that faults.
; A return to user mode that faults must do so at the guest's site. On a 16-bit
; stack ESP[31:16] may hold anything, so only PUSH and POP work there.
stub IRET
        pushfd
        push    eax
        mov     eax,ss
        lar     eax,eax
        bt      eax,AR_BIG
        jnc     .plain
        test    byte [esp + S_CS],3
        jnz     iret_to_user
.plain: pop     eax
        add     esp,S_EIP - S_LIVE
        iretd
endstub native

; From slot 39: checks all that the processor would check, and returns only if
; that cannot fault. A return to V86 mode and one from a nested task are left to
; the processor.
outline iret_to_user
        lar     eax,[esp + S_CS]        ; fails also if the DPL is below the RPL: AH is then still that of SS
        mov     al,[esp + S_LIVE + 1]
        shl     eax,16
        lar     ax,[esp + S_SS]         ; if it fails, AH is 0
        mov     al,[esp + S_SS]
        xor     al,[esp + S_CS]
        and     eax,LOOK
        cmp     eax,LOOK_RIGHT
        jne     .wrong
        lsl     eax,[esp + S_CS]
        cmp     [esp + S_EIP],eax
        ja      .bad_eip
.plain: pop     eax
        add     esp,S_EIP - S_LIVE
        iretd

; EAX: the bits of LOOK that were found. Which fault it is, in the processor's order.
.wrong: rol     eax,16                  ; AL is of EFLAGS, AH of CS
        test    al,al
        jnz     .nested                 ; SYSENTER does not clear NT
        test    byte [esp + S_EFLAGS + 2],EFLAGS_VM >> 16
        jnz     .plain                  ; in V86 mode these are not selectors
        cmp     ah,AR_CODE
        je      .bad_ss
        cmp     ah,AR_CODE & ~AR_P
        movzx   eax,word [esp + S_CS]
        jne     .general
        add     eax,VECTOR_NP << 16
        jmp     .reflect
.bad_ss:
        shr     eax,16                  ; AL is the difference of the RPLs, AH is of SS
        cmp     ax,(AR_SS_RIGHT & ~AR_P) << 8
        movzx   eax,word [esp + S_SS]
        jne     .general
        add     eax,VECTOR_SS << 16
        jmp     .reflect
.bad_eip:
        test    byte [esp + S_EFLAGS + 2],EFLAGS_VM >> 16
        jnz     .plain
        xor     eax,eax
.general:
        add     eax,VECTOR_GP << 16
        jmp     .reflect

.nested:
        push    ecx
        push    ecx                     ; these two make room for SGDT
        push    ecx
        sgdt    [esp]
        str     ecx
        and     ecx,0FFF8h
        add     ecx,[esp + 2]           ; the descriptor of the TSS
        add     esp,8
        mov     eax,[ss:ecx + 2]
        mov     ecx,[ss:ecx + 4]
        and     eax,00FFFFFFh
        and     ecx,0FF000000h
        test    word [ss:eax + ecx],SELECTOR ; its link
        pop     ecx
        jnz     .plain
        mov     eax,VECTOR_TS << 16     ; there is no task to return to

; EAX=vector << 16 | selector: does what the processor does for a fault at the
; guest's site. It pushes EFLAGS, CS, EIP and the error code on top of the frame;
; an IRETD through three more dwords enters the handler with every register as it
; was. Nothing that is still needed is ever below ESP.
R_ECX           equ 0                   ; the stack then, lowest address first
R_EAX           equ 4
R_HANDLER       equ 8                   ; EIP CS EFLAGS; at first the IDT's limit and base
R_ERROR         equ 20
R_EIP           equ 24                  ; S_EAX until it is written
R_CS            equ 28                  ; S_LIVE
R_EFLAGS        equ 32                  ; S_RETURN
.reflect:
        sub     esp,R_EIP - R_EAX
        push    ecx
        mov     ecx,[esp + R_EIP]
        mov     [esp + R_EAX],ecx
        movzx   ecx,ax
        and     cl,~3                   ; index and table
        mov     [esp + R_ERROR],ecx
        shr     eax,16
        sidt    [esp + R_HANDLER]
        lea     ecx,[eax*8 + 7]
        cmp     cx,[esp + R_HANDLER]
        ja      .no_gate
        mov     ecx,[esp + R_HANDLER + 2]
        lea     eax,[ecx + eax*8]
        mov     ecx,[cs:eax + 4]
        xor     ch,AR_GATE_RIGHT        ; keeps the bit AR_GATE_TRAP
        test    ch,AR_GATE
        jnz     .no_gate
        test    ch,AR_GATE_TRAP
        mov     cx,[cs:eax]
        mov     [esp + R_HANDLER],ecx
        movzx   eax,word [cs:eax + 2]
        mov     ecx,[esp + R_CS]
        jnz     .trap
        and     ch,~(EFLAGS_IF >> 8)
.trap:  and     ch,~((EFLAGS_TF | EFLAGS_NT) >> 8)
        and     al,~3                   ; the RPL of a gate's selector is ignored
        mov     [esp + R_HANDLER + 4],eax
        mov     [esp + R_HANDLER + 8],ecx
        mov     ecx,[esp + R_CS]
        or      ecx,EFLAGS_RF
        mov     eax,[esp + R_EFLAGS]
        mov     [esp + R_EFLAGS],ecx
        cmp     byte [cs:eax - CALL_SIZE],CALL_REL32
        jne     .site
        sub     eax,CALL_SIZE
.site:  mov     [esp + R_EIP],eax
        mov     eax,cs
        mov     [esp + R_CS],eax
        pop     ecx
        pop     eax
        push    dword [esp + 8]
        popfd                           ; with NT set, IRETD would switch tasks
        iretd
.no_gate:                               ; leave it to the processor
        pop     ecx
        add     esp,R_EIP - R_EAX
        jmp     .plain
.end:

; SYSEXIT (40): EDX=eip ECX=esp -> -; does not return; clobbers none
; docs/image.md, Known limits of a native ROM.
stub SYSEXIT
        sti                             ; its shadow covers SYSEXIT: no interrupt is taken on the kernel's stack
        sysexit
endstub native
