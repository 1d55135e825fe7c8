; SPDX-License-Identifier: GPL-2.0-only OR MIT
;
; Instructions of ring 0 that may fault, on behalf of the guest: ring1_trap looks the place up.

        extern  mend_start, mend_end    ; ring1.ld

        bits    32

section .text progbits alloc exec nowrite align=16

; EAX=to EDX=from ECX=bytes -> EAX=bytes that were not copied
        global  copy_bytes_guarded
copy_bytes_guarded:
        push    esi
        push    edi
        mov     edi,eax
        mov     esi,edx
guarded_copy:
        rep movsb
copy_ends:
        mov     eax,ecx
        pop     edi
        pop     esi
        ret

; EAX=msr EDX=uint64_t* -> EAX=0, 1: it faults
        global  read_msr_guarded, write_msr_guarded
read_msr_guarded:
        mov     ecx,eax
        push    edx
guarded_rdmsr:
        rdmsr
        pop     ecx
        mov     [ecx],eax
        mov     [ecx + 4],edx
        xor     eax,eax
        ret
write_msr_guarded:
        push    edx
        mov     ecx,eax
        mov     eax,[edx]
        mov     edx,[edx + 4]
guarded_wrmsr:
        wrmsr
        pop     edx
        xor     eax,eax
        ret
msr_faults:
        pop     edx
        mov     eax,1
        ret

; EAX=where the fault was -> EAX=where to go on, 0: nowhere
        global  mend_fault
mend_fault:
        mov     ecx,mend_start
.next:  cmp     [ecx],eax
        je      .found
        add     ecx,8
        cmp     ecx,mend_end
        jb      .next
        xor     eax,eax
        ret
.found: mov     eax,[ecx + 4]
        ret

; EAX=uint32_t of CR0, CR3 or CR4: loads of these may fault too
        global  load_cr0_guarded, load_cr4_guarded, load_xcr_guarded, read_pmc_guarded
load_cr0_guarded:
guarded_cr0:
        mov     cr0,eax
        xor     eax,eax
        ret
load_cr4_guarded:
guarded_cr4:
        mov     cr4,eax
        xor     eax,eax
        ret
one:    mov     eax,1
        ret
; EAX=low EDX=high ECX=number
load_xcr_guarded:
guarded_xsetbv:
        xsetbv
        xor     eax,eax
        ret
; EAX=counter EDX=uint64_t*
read_pmc_guarded:
        mov     ecx,eax
        push    edx
guarded_rdpmc:
        rdpmc
        pop     ecx
        mov     [ecx],eax
        mov     [ecx + 4],edx
        xor     eax,eax
        ret

section .mend progbits alloc noexec nowrite align=4
        dd      guarded_copy, copy_ends, guarded_rdmsr, msr_faults, guarded_wrmsr, msr_faults
        dd      guarded_cr0, one, guarded_cr4, one, guarded_xsetbv, one, guarded_rdpmc, msr_faults

section .note.GNU-stack noalloc noexec nowrite progbits
