; SPDX-License-Identifier: GPL-2.0-only OR MIT
;
; Init of a hypercall image: the image works only on a page boundary and under a
; hypervisor that announces that it serves it. Init executes no trap to find out,
; so on a machine without one it just refuses. Only where a publisher has chosen
; so it asks by one trap, an OUT, what CPUID does not tell.

%include "stub.inc"

        extern  has_cpuid

HYPERVISOR_LEAF_FIRST   equ 40000000h
HYPERVISOR_LEAF_LAST    equ 40010000h
HYPERVISOR_LEAF_STEP    equ 100h

; Init (4): - -> EAX=status (0 or -1); clobbers ECX EDX flags
; docs/hypercalls.md, What a guest needs to see.
; In an image of API 3.0 there is room for 8 bytes.
section .own.Init progbits alloc exec nowrite align=1
        global  hypercall_Init:function (hypercall_Init.end - hypercall_Init)
hypercall_Init:
        call    find_hypervisor         ; the return address tells it where this copy runs
.end:

; Where CPUID tells of no hypervisor. A publisher puts its trap in front of the RET:
; who serves it clears EAX, and on any other machine an OUT leaves EAX alone.
section .own.ask progbits alloc exec nowrite align=1
        global  hypercall_ask:function (hypercall_ask.end - hypercall_ask)
hypercall_ask:
        or      eax,-1
        ret
.end:

section .private progbits alloc exec nowrite align=1

; From slot 4: stack=its end, return address -> EAX=0 if a hypervisor serves this image, else -1; clobbers ECX EDX flags
        global  find_hypervisor:function (find_hypervisor.end - find_hypervisor)
find_hypervisor:
        pop     eax
        shl     ah,4                    ; a trap's number is the offset of its site in the page
        cmp     ax,SLOT_Init*32 + (hypercall_Init.end - hypercall_Init)
        jne     .off
        call    has_cpuid
        jz      .ask
        push    ebx
        push    esi
        xor     eax,eax
        inc     eax
        cpuid
        test    ecx,ecx                 ; bit 31: a hypervisor is present
        jns     .refuse
        mov     esi,HYPERVISOR_LEAF_FIRST
.next:  mov     eax,esi
        cpuid
        cmp     ebx,'vmir'
        jne     .other
        cmp     ecx,'omvm'
        jne     .other
        cmp     edx,'irom'
        je      .found
.other: add     esi,HYPERVISOR_LEAF_STEP
        cmp     esi,HYPERVISOR_LEAF_LAST
        jbe     .next
.refuse:
        pop     esi
        pop     ebx
.ask:   jmp     hypercall_ask
.found: xor     eax,eax
        pop     esi
        pop     ebx
        ret
.off:   or      eax,-1
        ret
.end:
