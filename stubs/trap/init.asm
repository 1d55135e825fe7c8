; SPDX-License-Identifier: GPL-2.0-only OR MIT
;
; Init of a hypercall image: the image works only on a page boundary and under a
; hypervisor that announces that it serves it. Init executes no trap to find out,
; so on a machine without one it just refuses.

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

section .private progbits alloc exec nowrite align=1

; From slot 4: stack=its end, return address -> EAX=0 if a hypervisor serves this image, else -1; clobbers ECX EDX flags
        global  find_hypervisor:function (find_hypervisor.end - find_hypervisor)
find_hypervisor:
        pop     eax
        and     eax,0FFFh               ; a trap's number is the offset of its site in the page
        cmp     eax,SLOT_Init*32 + (hypercall_Init.end - hypercall_Init)
        jne     .none
        call    has_cpuid
        jz      .none
        push    ebx
        push    esi
        mov     eax,1
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
.none:  or      eax,-1
        ret
.found: xor     eax,eax
        pop     esi
        pop     ebx
        ret
.end:
