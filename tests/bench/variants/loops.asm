; SPDX-License-Identifier: GPL-2.0-only OR MIT
;
; Loops that make a call COPIES times a turn, one for each call and each way to make it, and tables
; of them (variants.h). With USER defined, only those calls that a process may make.

        bits    32

%include "vmi/sites-nasm.inc"
%include "tests/bench/variants/bare.inc"

COPIES          equ 8
SLOT_SIZE       equ 32
PAGE_SIZE       equ 4096
NUMBER_SIZE     equ 5                   ; MOV EBP, number

USER_CODE       equ 1Bh                 ; guest.h
USER_DATA       equ 23h
TSS             equ 28h
BUSY            equ 200h

        global  loop_arguments, loop_slots, hypercall_pages
%ifndef USER
        extern  guest_gdt
        global  loop_back, loop_user
%endif

section .bss
loop_arguments: resd 6                  ; EAX ECX EDX EBX ESI EDI
loop_slots:     resd 128
turns_left:     resd 1
back_esp:       resd 1                  ; where to go on after a return to ring 3
back_eip:       resd 1
alignb PAGE_SIZE
hypercall_pages: resb 2*PAGE_SIZE

argument_eax    equ loop_arguments
argument_ecx    equ loop_arguments + 4
argument_edx    equ loop_arguments + 8
argument_ebx    equ loop_arguments + 12
argument_esi    equ loop_arguments + 16
argument_edi    equ loop_arguments + 20

section .text align=64

; --- the ways to make a call: name, number, macro of the site, stack arguments -----------------------

; What they are compared with. A return by IRET leaves, so there is an instruction in its place.
%macro do_nothing 4
  %ifidn %1,IRET
        add     esp,12
  %elifidn %1,IRET_user
        int     81h
  %elifidn %1,SYSEXIT
        int     81h
  %endif
%endmacro

%macro do_bare 4
        bare_%1
%endmacro

%macro do_site 4
  %if %4 = 0
        %3
  %elif %4 = 1
        %3 ebx
  %else
        %3 ebx, esi
  %endif
%endmacro

%macro push_arguments 1
  %if %1 > 1
        push    esi
  %endif
  %if %1 > 0
        push    ebx
  %endif
%endmacro

%macro drop_arguments 1
  %if %1 > 0
        add     esp,4*%1
  %endif
%endmacro

; As tables of operations have it.
%macro do_pointer 4
        push_arguments %4
        call    [loop_slots + 4*%2]
        drop_arguments %4
%endmacro

; To a slot that loads the call's number and traps. The number is not in EAX, as Xen has it, where
; this interface has an argument. Slots with an odd number are on a page of their own: the
; hypervisor accepts copies of slots, and the MOV is in front of one.
%macro do_page 4
        push_arguments %4
        call    hypercall_pages + (%2 & 1)*PAGE_SIZE + %2*SLOT_SIZE - NUMBER_SIZE
        drop_arguments %4
%endmacro

; --- what a call needs before it is made ---------------------------------------------------------------

; name, back
%macro prepare 2
  %ifidn %1,SetTR
        and     dword [guest_gdt + TSS + 4],~BUSY
  %elifidn %1,IRET
        pushfd
        push    cs
        push    dword %2
  %elifidn %1,IRET_user
        mov     [back_esp],esp
        mov     dword [back_eip],%2
        push    dword USER_DATA
        push    dword [argument_ecx]
        pushfd
        push    dword USER_CODE
        push    dword loop_user
  %elifidn %1,SYSEXIT
        mov     [back_esp],esp
        mov     dword [back_eip],%2
  %endif
%endmacro

%ifndef USER
loop_user:
        int     81h

; Where that leads. A return to ring 3 has emptied the segments.
loop_back:
        mov     esp,[ss:back_esp]
        push    ss
        pop     ds
        push    ss
        pop     es
        jmp     [back_eip]
%endif

; --- a loop ----------------------------------------------------------------------------------------------

; name, number, macro of the site, stack arguments, register...
%macro one_copy 4-*
        prepare %1,%%back
  %if %4 > 0
        mov     ebx,[argument_ebx]
  %endif
  %if %4 > 1
        mov     esi,[argument_esi]
  %endif
  %rotate 4
  %rep %0 - 4
        mov     %1,[argument_%1]
    %rotate 1
  %endrep
%%start:
        DO      %1,%2,%3,%4
%%back:
  %assign copy copy + 1
  %if copy = 1
section .rodata
        dd      %%back - %%start
section .text
  %endif
%endmacro

; An entry of the table: variants.h. The loop is a function: void loop(uint32_t turns).
%macro call_loop 4-*
  %ifndef bare_%1
    %ifnmacro bare_%1 0
      %ifndef uncounted_%1
        %fatal tests/bench/variants/bare.inc: neither bare_%1 nor uncounted_%1
      %endif
    %endif
  %endif
  %ifdef USER
    %ifdef unprivileged_%1
        make_loop %{1:-1}
    %endif
  %else
        make_loop %{1:-1}
  %endif
%endmacro

%macro make_loop 4-*
  %ifdef uncounted_%1
section .rodata
        dd      %%name, %2, %%why, 0, 0
    %defstr name_text %1
section .rodata.texts
%%name: db      name_text, 0
%%why:  db      uncounted_%1, 0
section .text
  %else
section .rodata
        dd      %%name, %2, 0, %%loop
section .rodata.texts
    %defstr name_text %1
%%name: db      name_text, 0
section .text
        align   64
%%loop: push    ebx
        push    esi
        push    edi
        push    ebp
        mov     eax,[esp + 20]
        mov     [turns_left],eax
%%turn:
    %assign copy 0
    %rep COPIES
        one_copy %{1:-1}
    %endrep
        dec     dword [turns_left]
        jnz     near %%turn
        pop     ebp
        pop     edi
        pop     esi
        pop     ebx
        ret
  %endif
%endmacro

; --- all of them -----------------------------------------------------------------------------------------

; name, way: the table loops_NAME
%macro loops 2
        global  loops_%1, loops_%1_end
%define DO do_%2
section .rodata
        align   4
loops_%1:
%include "gen/loops.inc"
section .rodata
loops_%1_end:
section .text
%endmacro

; The same, and where the records of its sites are.
%macro site_loops 1
        global  records_%1, records_%1_end
section .vmi.annotation progbits alloc noexec nowrite align=4
records_%1:
        loops   %1,site
section .vmi.annotation
records_%1_end:
section .text
%endmacro

        loops   empty,nothing
        loops   bare,bare
        site_loops linked
        site_loops called
        loops   pointer,pointer
        loops   page,page

section .note.GNU-stack noalloc noexec nowrite progbits

