; SPDX-License-Identifier: GPL-2.0-only OR MIT
;
; GetRelocationInfo, and the alias that keeps its answers valid for a guest of
; API 13 that later unmaps the low 4 MiB in which it runs (ABI notes, 10.3).

%include "stub.inc"
%include "policy.inc"

LOW_MEMORY      equ 400000h             ; what one directory entry maps
ALIAS_BASE      equ 0FFC00000h          ; what directory entry 1023 maps
ALIAS_ENTRY     equ 0FFCh               ; entry 1023 in the page directory
ALIAS           equ 83h                 ; frame 0, PS, writable, present
PTE_P           equ 1
PTE_RW          equ 2
PTE_A_D         equ 60h
PDE_PS          equ 80h
FRAME           equ 0FFFFF000h
CR4_PSE         equ 10h
CR4_PAE         equ 20h
CPUID_PSE       equ 8

RELOCATION_CALL_REL equ 1

        extern  has_cpuid

; The two bodies of slot 85 begin alike, so .here is at the same offset.
%macro here 0
        call    .here                   ; where this copy runs
.here:  pop     ecx
%endmacro
HERE    equ SLOT_GetRelocationInfo*32 + 5

; GetRelocationInfo (85): EAX=number -> EAX=eip EDX=type (both 0: no such call); clobbers ECX flags
; docs/image.md, GetRelocationInfo and the alias.
stub GetRelocationInfo
        here
        lea     edx,[eax - CALL_SLOT_FIRST]
        cmp     edx,API13_LAST - CALL_SLOT_FIRST
        jbe     relocate
        xor     edx,edx                 ; NONE; EAX stays, for what else one kernel means by 85
        ret
endstub

; The same in an image of API 3.0, from its entry at 88h: the policy has the slot
; of each number, and whether the guest is to call it.
; docs/image.md, Policies.
section .api3.GetRelocationInfo progbits alloc exec nowrite align=1
        global  $GetRelocationInfo3:function ($GetRelocationInfo3.end - $GetRelocationInfo3)
$GetRelocationInfo3:
        here
        cmp     eax,API3_LAST
        ja      .none
        movzx   eax,byte [ecx + eax + POLICY + POLICY_HEADER - HERE]
        sub     al,POLICY_CALL
        jae     answer
.none:  xor     eax,eax
        cdq
        ret
.end:

; From both bodies: EAX=slot ECX=address of .here -> EAX=eip EDX=CALL_REL.
outline answer, 3
        shl     eax,5
        lea     eax,[eax + ecx - HERE]
        push    RELOCATION_CALL_REL
        pop     edx
        ret
.end:

; From slot 85: EAX=slot ECX=address of .here -> EAX=eip EDX=CALL_REL.
;
; The answer is the plain address unless all of this holds: paging is on without
; PAE; the processor has 4 MiB pages; this copy, the page directory and the
; page table that maps them are in the low 4 MiB and mapped one to one; entry
; 1023 of the directory is free or is the alias already. Then that entry maps
; the low 4 MiB a second time, at the top of linear space, and the answer points
; there. Nothing is written before everything has been checked.
outline relocate, 13
        shl     eax,5
        lea     eax,[eax + ecx - HERE]
        cmp     eax,LOW_MEMORY
        jae     .answer
        mov     ecx,cr0
        test    ecx,ecx                 ; PG is the sign bit
        jns     .answer
        push    ebx
        push    esi
        push    edi
        push    eax
        mov     esi,cr3
        and     esi,FRAME
        cmp     esi,LOW_MEMORY
        jae     .plain

        call    has_cpuid
        jz      .plain
        mov     eax,1
        cpuid
        test    dl,CPUID_PSE
        jz      .plain
        mov     edi,cr4
        test    edi,CR4_PAE
        jnz     .plain

        mov     ebx,[esi]               ; the entry that maps this code
        mov     ecx,ebx
        not     ecx
        test    cl,PTE_P | PTE_RW       ; the directory will be written
        jnz     .plain
        test    bl,PDE_PS
        jz      .table
        test    edi,CR4_PSE             ; clear: bit 7 has no meaning yet, and must not get one
        jz      .plain
        and     ebx,0FFFFE000h          ; the frame, PSE-36 and reserved bits, not PAT
        jnz     .plain
        jmp     .one_to_one
.table: and     ebx,FRAME
        cmp     ebx,LOW_MEMORY
        jae     .plain
        mov     edx,ebx
        call    .maps_itself
        jne     .plain
        mov     edx,[esp]
        call    .maps_itself
        jne     .plain
        mov     edx,esi
        call    .maps_itself
        jne     .plain
        test    cl,PTE_RW
        jz      .plain

.one_to_one:
        mov     edx,[esi + ALIAS_ENTRY]
        mov     ecx,edx
        and     ecx,~PTE_A_D            ; the processor may have set A and D
        cmp     ecx,ALIAS
        je      .made
        test    edx,FRAME | PTE_P
        jnz     .plain
        mov     dword [esi + ALIAS_ENTRY],ALIAS
.made:  or      edi,CR4_PSE
        mov     cr4,edi                 ; a change of PSE flushes the TLB
        or      dword [esp],ALIAS_BASE
.plain: pop     eax
        pop     edi
        pop     esi
        pop     ebx
.answer:
        mov     edx,RELOCATION_CALL_REL
        ret

; EBX=page table of the low 4 MiB, EDX=address in them
; -> ZF set if its page is mapped one to one, ECX=entry; clobbers EDX
.maps_itself:
        shr     edx,12
        mov     ecx,[ebx + edx*4]
        shl     edx,12
        inc     edx                     ; PTE_P
        xor     edx,ecx
        test    edx,FRAME | PTE_P
        ret
.end:
