; SPDX-License-Identifier: GPL-2.0-only OR MIT
;
; All ways into ring 0 and out of it: Init, a processor that is started, the gates, and the calls that
; are served right here.

%include "layout.inc"
%include "gen/slots.inc"

ENTRIES         equ 128
VECTORS         equ 256
CR4_PAE         equ 20h
PTE_OURS        equ 63h                 ; dirty, accessed, writable, present
PDE_SAME        equ 0FFFFF087h          ; what counts of a directory entry: frame, size, ring, writable, present

; struct frame
F_VECTOR        equ 40

VECTOR_REFUSED  equ 200h                ; ring1.h

        extern  ring1_init, ring1_trap, start_cpu
        extern  call_counts, our_directory_entry, slow_cr3, any_paging_off, known_directory
        extern  wrong_generation, own_root

        bits    32

; To the guest; when the processor refuses what it shall go on with, that is the guest's fault.
%macro leave_by 1-2 refused
%%at:   %1
[section .mend progbits alloc noexec nowrite align=4]
        dd      %%at, %2
__SECT__
%endmacro

; --- Init -----------------------------------------------------------------------------------------

; What C gets of the state in which the guest called, and what the guest gets of C. PUSHAD's order
; and IRETD's come first.
        struc   START
.gprs   resd    4
.ebx    resd    4
.eip    resd    1
.cs     resd    1
.eflags resd    1
.esp    resd    1
.ss     resd    1
.ds     resd    1
.es     resd    1
.fs     resd    1
.gs     resd    1
.ldt    resd    1
.tr     resd    1
.gdtr   resd    2
.idtr   resd    2
.vectors        resd    1               ; addresses of ours
.sysenter       resd    2
.start  resd    1
.control        resd    2
        endstruc
START_EBP       equ START.gprs + 8

section .text.first progbits alloc exec nowrite align=16
; From the image: ring 0, interrupts off, the guest's stack and tables; EAX=the address to go on at.
; Goes on there in ring 1 with EBX, EBP and ESP as they were.
        global  hv_init
hv_init:
        mov     edx,HV_BASE + CPUS + CPU_STACK_END - 32 - START_size
        mov     [edx + START.eip],eax
        mov     [edx + START.esp],esp
        mov     [edx + START.ebx],ebx
        mov     [edx + START_EBP],ebp
        mov     esp,edx
        mov     [esp + START.cs],cs
        mov     [esp + START.ss],ss
        mov     [esp + START.ds],ds
        mov     [esp + START.es],es
        mov     [esp + START.fs],fs
        mov     [esp + START.gs],gs
        sldt    [esp + START.ldt]
        str     [esp + START.tr]
        sgdt    [esp + START.gdtr]
        sidt    [esp + START.idtr]
        mov     dword [esp + START.vectors],vectors
        mov     dword [esp + START.sysenter],sysenter_gate
        mov     dword [esp + START.sysenter + 4],sysenter_step
        mov     dword [esp + START.start],start_32
        mov     dword [esp + START.control],sysenter_control
        mov     dword [esp + START.control + 4],sysenter_control_step
        mov     dword [esp + START.eflags],EFLAGS_IOPL_1 | 2
        mov     eax,esp
        call    ring1_init

; ESP=struct start as ring 1 shall have it; GDTR, IDTR, TR, LDTR are ours.
to_guest:
        mov     ax,HV_DS
        mov     ss,ax
        jmp     HV_CS:.next
.next:  mov     es,[esp + START.es]
        mov     fs,[esp + START.fs]
        mov     gs,[esp + START.gs]
        mov     ds,[esp + START.ds]
        popad
        leave_by iretd

; A processor that is started comes here from the image, at the physical address, without paging and
; with DS on the block.
start_32:
        mov     eax,cr4
        or      al,10h                  ; PSE
        mov     cr4,eax
        mov     eax,[START_DATA + START_ROOT]
        mov     cr3,eax
        mov     edi,[START_DATA + START_CPU]
        mov     eax,cr0
        or      eax,80000000h           ; PG
        mov     cr0,eax
        mov     eax,start_linear
        jmp     eax
start_linear:
        mov     ax,START_FLAT
        mov     ds,ax
        mov     es,ax
        mov     ss,ax
        lea     esp,[edi + CPU_STACK_END - 32 - START_size]
        mov     dword [esp + START.eflags],EFLAGS_IOPL_1 | 2
        mov     eax,esp
        call    start_cpu
        jmp     to_guest

; --- calls ----------------------------------------------------------------------------------------

section .text progbits alloc exec nowrite align=16
; INT of a trapping call: its address is its number. DS and ES may be anything here.
        align   16
call_gate:
        push    ebx                     ; where an error code would be
        mov     ebx,[esp + 4]
        sub     ebx,SHARED_ENTRIES + 2
        ror     ebx,5
        cmp     ebx,ENTRIES
        jae     .stray
        inc     dword [ss:call_counts + ebx * 4]
        jmp     [ss:served + ebx * 4]
.stray: mov     ebx,[esp]               ; INT from elsewhere
        push    dword CALL_VECTOR
        jmp     to_c

; To C with the call's number: EBX=slot
slow:   or      ebx,100h
        push    ebx
        mov     ebx,[esp + 4]
        jmp     to_c

; Served here, EBX on the stack. Each has its like in C, for the instruction of the same name.
serve_SetCR0:
        test    eax,eax                 ; with paging on, the rest is the processor's affair
        jns     slow
        cmp     byte [ss:any_paging_off],0
        jne     slow
served_cr0:
        mov     cr0,eax
        pop     ebx
        leave_by iretd
refused_cr0:
        mov     ebx,SLOT_SetCR0         ; it faults: C says so
        jmp     slow

serve_CLTS:
        pop     ebx
        clts
        leave_by iretd

serve_GetCR0:
        mov     eax,cr0
        jmp     virtual

serve_GetCR2:
        pop     ebx
        mov     eax,cr2
        leave_by iretd

serve_GetCR3:
        mov     eax,cr3
        jmp     virtual

serve_GetCR4:
        mov     eax,cr4
; While the guest has paging off the registers are not its own.
virtual:
        cmp     byte [ss:any_paging_off],0
        jne     slow
        pop     ebx
        leave_by iretd

serve_InvalPage:
        pop     ebx
        invlpg  [ss:eax]
        leave_by iretd

; The new directory's last entry has to be ours before it is loaded. The page at CPU_WINDOW shows
; it: its entry in our page table is at CPU_WINDOW_ENTRY of the processor. The one that is loaded may
; have lost us: a root of our own comes first. FlushTLB loads the same one again.
serve_FlushTLB:
        test    al,2                    ; global pages too
        jnz     slow
        cmp     byte [ss:any_paging_off],0
        jne     slow
        mov     eax,cr3
serve_SetCR3:
        cmp     byte [ss:slow_cr3],0    ; PAE, or paging is off
        jne     serve_SetCR3_pae
        mov     ebx,[ss:own_root]
        mov     cr3,ebx
        push    ecx
        push    edx
        mov     ecx,esp
        and     ecx,-CPU_SIZE
        mov     edx,ecx
        shr     edx,10                  ; 4 bytes for each page
        mov     ebx,eax
        and     ebx,~0FFFh
        or      ebx,PTE_OURS
        mov     [ss:edx + WINDOW_ENTRY],ebx
        invlpg  [ss:ecx + CPU_WINDOW]
        mov     ebx,[ss:ecx + CPU_WINDOW + 0FFCh]
        xor     ebx,[ss:our_directory_entry]
        pop     edx
        pop     ecx
        test    ebx,PDE_SAME
        jnz     slow_SetCR3
        pop     ebx
        mov     cr3,eax
        leave_by iretd
slow_SetCR3:
        mov     ebx,SLOT_SetCR3
        jmp     slow

; With PAE: the directory of the last GiB is the one that C has looked at last, as it is where all
; spaces share it.
serve_SetCR3_pae:
        cmp     byte [ss:any_paging_off],0
        jne     slow
        mov     ebx,[ss:own_root]
        mov     cr3,ebx
        push    ecx
        push    edx
        mov     ecx,esp
        and     ecx,-CPU_SIZE
        mov     edx,ecx
        shr     edx,9                   ; 8 bytes for each page
        mov     ebx,eax
        and     ebx,~0FFFh
        or      ebx,PTE_OURS
        mov     [ss:edx + WINDOW_ENTRY_PAE],ebx
        invlpg  [ss:ecx + CPU_WINDOW]
        mov     ebx,eax
        and     ebx,0FE0h
        mov     ebx,[ss:ecx + ebx + CPU_WINDOW + 24]
        cmp     ebx,[ss:known_directory]
        pop     edx
        pop     ecx
        jne     slow_SetCR3
        pop     ebx
        mov     cr3,eax
        leave_by iretd
WINDOW_ENTRY_PAE equ HV_BASE + PAGE_TABLE_PAE - HV_BASE / 512 + CPU_WINDOW / 512
WINDOW_ENTRY    equ HV_BASE + PAGE_TABLE - HV_BASE / 1024 + CPU_WINDOW / 1024

; A descriptor of ring 3, as a thread's own segments are, with no limit to be cut: it goes into both
; tables. C has the others, and what faults here.
serve_WriteGDTEntry:
        cmp     edx,GDT_GUEST / 8
        jae     slow
        cmp     byte [ss:wrong_generation],0
        jne     slow
        push    esi
        mov     esi,esp
        and     esi,-CPU_SIZE
        cmp     eax,[ss:esi + CPU_GDTR_BASE]
        jne     gdt_slow
        mov     ebx,[esp + 20]          ; the guest's ESP
gdt_high:
        mov     ebx,[ss:ebx + 4]        ; the high dword
        test    bh,80h                  ; P
        jz      gdt_absent
        cmp     bh,0F0h                 ; DPL 3, a segment
        jb      gdt_slow
        test    ebx,800000h             ; G
        jz      gdt_low
        test    ecx,0FFFF0000h          ; the base: not flat
        jnz     gdt_low
        test    ebx,0FF0000FFh
        jz      gdt_slow
gdt_low:
        mov     [ss:eax + edx * 8],ecx
        mov     [ss:eax + edx * 8 + 4],ebx
        mov     [ss:esi + edx * 8 + CPU_GDT],ecx
        mov     [ss:esi + edx * 8 + CPU_GDT + 4],ebx
        mov     ebx,[ss:esi + CPU_GUEST_TSS]
        test    ebx,ebx
        jz      gdt_done
gdt_stack:
        mov     ebx,[ss:ebx + 4]        ; one guest (Sanos) never tells its threads' stacks
        mov     esi,[ss:esi + CPU_OWN_TSS]
        mov     [ss:esi + 12],ebx       ; ESP1
gdt_done:
        pop     esi
        pop     ebx
        leave_by iretd
gdt_absent:
        test    bh,10h                  ; a segment's DPL counts all the same
        jz      gdt_low
gdt_slow:
        pop     esi
        mov     ebx,SLOT_WriteGDTEntry
        jmp     slow

; By slot; the others are C's.
        align   4
served:
%assign n 0
%rep ENTRIES
  %if n = SLOT_SetCR0
        dd      serve_SetCR0
  %elif n = SLOT_WriteGDTEntry
        dd      serve_WriteGDTEntry
  %elif n = SLOT_CLTS
        dd      serve_CLTS
  %elif n = SLOT_GetCR0
        dd      serve_GetCR0
  %elif n = SLOT_GetCR2
        dd      serve_GetCR2
  %elif n = SLOT_GetCR3
        dd      serve_GetCR3
  %elif n = SLOT_GetCR4
        dd      serve_GetCR4
  %elif n = SLOT_InvalPage
        dd      serve_InvalPage
  %elif n = SLOT_FlushTLB
        dd      serve_FlushTLB
  %elif n = SLOT_SetCR3
        dd      serve_SetCR3
  %else
        dd      slow
  %endif
  %assign n n + 1
%endrep

; --- gates ----------------------------------------------------------------------------------------

%assign n 0
%rep VECTORS
vector_%+n:
  %if n = 8 || (n >= 10 && n <= 14) || n = 17
  %else
        push    dword 0
  %endif
        push    dword n
        jmp     to_c
  %assign n n + 1
%endrep

        align   16
to_c:   pushad
        push    ds
        push    es
        mov     eax,HV_DS
        mov     ds,eax
        mov     es,eax
        cld
        mov     eax,esp
        call    ring1_trap              ; EAX=struct frame
leave_es:
        pop     es
leave_ds:
        pop     ds
        popad
        add     esp,8
        leave_by iretd

; Here from an IRETD, with ESP at its frame, and from SYSENTER's RETF.
refused_sysenter:
        push    dword [esp + 12]        ; SS
        push    dword [esp + 12]        ; ESP
        pushfd
        push    dword [esp + 16]        ; CS
        push    dword [esp + 16]        ; EIP
refused:
        push    dword 0
        push    dword VECTOR_REFUSED
        jmp     to_c

; A selector that cannot be loaded any more is null from now on.
zero_es:
        mov     dword [esp],0
        jmp     leave_es
zero_ds:
        mov     dword [esp],0
        jmp     leave_ds

; The guest's SYSENTER: MSRs lead here, with ESP at the frame that struct cpu keeps. EFLAGS stay.
sysenter_gate:
        leave_by retf, refused_sysenter
; The same with TF, which SYSENTER leaves set, so that ring 0 was stepped.
sysenter_step:
        push    dword [esp + 12]        ; SS
        push    dword [esp + 12]        ; ESP
        pushfd
        or      byte [esp + 1],1
        push    dword [esp + 16]        ; CS
        push    dword [esp + 16]        ; EIP
        leave_by iretd

; The two with interrupt control: the guest's flag is cleared, the real one is set again. Processors
; with SYSENTER clear what is above a selector that is stored.
sysenter_control:
        push    eax
        str     eax
        mov     byte [ss:eax * 8 + SHARED_TSS + VIRTUAL_IF + 1 - HV_TSS * 8],0
        pop     eax
        sti
        leave_by retf, refused_sysenter
sysenter_control_step:
        push    dword [esp + 12]
        push    dword [esp + 12]
        pushfd
        or      byte [esp + 1],3
        push    dword [esp + 16]
        push    dword [esp + 16]
        leave_by iretd

; Faults of ring 0 that are none of its mistakes: where, and where it goes on (guarded.asm).
section .mend progbits alloc noexec nowrite align=4
        dd      leave_es, zero_es, leave_ds, zero_ds, served_cr0, refused_cr0
        dd      gdt_high, gdt_slow, gdt_low, gdt_slow, gdt_stack, gdt_slow

section .rodata progbits alloc noexec nowrite align=4
vectors:
%assign n 0
%rep VECTORS
  %if n = CALL_VECTOR
        dd      call_gate
  %else
        dd      vector_%+n
  %endif
  %assign n n + 1
%endrep

section .note.GNU-stack noalloc noexec nowrite progbits
