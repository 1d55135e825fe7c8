; SPDX-License-Identifier: GPL-2.0-only OR MIT
; Returns to other code. All registers already hold the target's values.

%include "stub.inc"

EFLAGS_TF       equ 100h
EFLAGS_IF       equ 200h
EFLAGS_NT       equ 4000h
EFLAGS_NT_BIT   equ 14
EFLAGS_RF       equ 10000h
EFLAGS_VM       equ 20000h

; Where the last byte of an exception's gate is in the IDT.
GATE_SIZE       equ 8
GATE_TS         equ 10*GATE_SIZE + GATE_SIZE - 1
GATE_NP         equ 11*GATE_SIZE + GATE_SIZE - 1
GATE_SS         equ 12*GATE_SIZE + GATE_SIZE - 1
GATE_GP         equ 13*GATE_SIZE + GATE_SIZE - 1

SELECTOR        equ 0FFFCh              ; index and table
CALL_REL32      equ 0E8h
CALL_SIZE       equ 5

; In a descriptor's high dword, as LAR returns it: a bit, and parts of its second byte.
AR_BIG          equ 22                  ; a stack of 32 bits
AR_P            equ 80h
AR_CODE         equ 98h                 ; mask, and right value of CS: present, segment, code
AR_SS           equ 9Ah                 ; mask; right value of SS: present, segment, writable data
AR_SS_RIGHT     equ 92h
AR_USER_CODE    equ 0F8h                ; ring 3; the three bits below may be anything
AR_USER_DATA    equ 0F3h                ; what most processes have: ring 3, writable, accessed
AR_GATE         equ 9Eh                 ; mask; right value of a gate: present, 32-bit interrupt or trap gate
AR_GATE_RIGHT   equ 8Eh
AR_GATE_TRAP    equ 1                   ; makes it a trap gate

; A user frame in one dword, the highest bits first: RPL of SS, access rights of
; CS without their low bits, and of SS. CS is shifted into the upper half, and
; its low bits stay behind; so is the RPL, over whose place the selector goes out.
LOOK_SHIFT      equ 5
LOOK_RPL        equ 1 << (30 - LOOK_SHIFT)
LOOK_RIGHT      equ 3 << 30 | (AR_USER_CODE << 8 << LOOK_SHIFT & 0FFFF0000h) | AR_USER_DATA << 8

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
        jc      iret_look
        pop     eax
        add     esp,S_EIP - S_LIVE
        iretd
endstub native

; From slot 39: looks at all that the processor would look at, and returns only
; where it would not fault. A return to V86 mode and one from a nested task are
; left to the processor.
;
; First what most returns are, in as few instructions as will do: to ring 0, or
; with an SS as nearly every process has it. Only a frame for another ring has an
; SS to be read. LAR keeps CF, and leaves AL zero: so NT cannot make another
; frame look right.
outline iret_look
        test    byte [esp + S_CS],3
        jz      .plain                  ; to ring 0
        jnp     .other                  ; one of the two bits: ring 1 or 2
        imul    eax,[esp + S_SS],LOOK_RPL
        lar     ax,[esp + S_CS]         ; where it fails, AX is 0
        shl     eax,LOOK_SHIFT
        lar     ax,[esp + S_SS]         ; where it fails, AH has no low bits
        bt      dword [esp + S_LIVE],EFLAGS_NT_BIT
        sbb     eax,LOOK_RIGHT          ; with NT
        jne     .other
.limit: lsl     eax,[esp + S_CS]
        cmp     [esp + S_EIP],eax
        ja      .bad_eip
.plain: pop     eax
        add     esp,S_EIP - S_LIVE
        iretd

; Any other frame, in the processor's order.
.other: test    byte [esp + S_LIVE + 1],EFLAGS_NT >> 8
        jnz     .nested                 ; SYSENTER leaves the flag as the user had it
        xor     eax,eax
        lar     eax,[esp + S_CS]        ; fails, too, where the DPL is below the RPL
        and     ah,AR_CODE
        xor     ah,AR_CODE
        jnz     .bad_cs
        lar     ax,[esp + S_SS]
        mov     al,[esp + S_SS]
        xor     al,[esp + S_CS]
        and     ax,AR_SS << 8 | 3       ; the RPLs' difference
        sub     ax,AR_SS_RIGHT << 8
        jz      .limit
        add     ax,ax                   ; nothing but the bit that is missing: AR_P << 8
        mov     eax,[esp + S_SS - 2]    ; in the upper half
        jne     .general
        mov     al,GATE_SS
        jmp     .fault
.bad_cs:
        cmp     ah,AR_P
        mov     eax,[esp + S_CS - 2]
        jne     .general
        mov     al,GATE_NP
        jmp     .fault
.bad_eip:
        xor     eax,eax
.general:
        mov     al,GATE_GP
.fault: test    byte [esp + S_EFLAGS + 2],EFLAGS_VM >> 16
        jnz     .plain                  ; what was looked at were no selectors
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
        rol     eax,8
        mov     al,[ss:ecx + 7]
        ror     eax,8                   ; its base
        test    word [ss:eax],SELECTOR  ; its link
        pop     ecx
        jnz     .plain
        push    byte GATE_TS            ; there is no task to go back to
        pop     eax

; AL=gate, EAX[31:16]=selector: does what the processor does at a fault at the
; guest's site. On top of the frame it pushes EFLAGS, CS, EIP, error code; an
; IRETD through three more dwords enters the handler with every register as it
; was. Nothing that is needed later is ever below ESP.
R_ECX           equ 0                   ; the stack then, the lowest first
R_EAX           equ 4
R_HANDLER       equ 8                   ; EIP CS EFLAGS; at first the IDT's limit and base
R_ERROR         equ 20
R_EIP           equ 24                  ; S_EAX until it is written
R_CS            equ 28                  ; S_LIVE
R_EFLAGS        equ 32                  ; S_RETURN
.reflect:
        sub     esp,R_EIP - R_HANDLER
        push    dword [esp + R_EIP - R_HANDLER]
        push    ecx
        mov     ecx,eax
        shr     ecx,16
        and     cl,~3                   ; index and table
        mov     [esp + R_ERROR],ecx
        movzx   eax,al
        sidt    [esp + R_HANDLER]
        cmp     ax,[esp + R_HANDLER]
        ja      .no_gate
        add     eax,[esp + R_HANDLER + 2]
        mov     ecx,[cs:eax + 4 - (GATE_SIZE - 1)]
        xor     ch,AR_GATE_RIGHT        ; leaves the bit AR_GATE_TRAP as it is
        test    ch,AR_GATE
        jnz     .no_gate
        test    ch,AR_GATE_TRAP
        mov     cx,[cs:eax - (GATE_SIZE - 1)]
        mov     [esp + R_HANDLER],ecx
        movzx   eax,word [cs:eax + 2 - (GATE_SIZE - 1)]
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
