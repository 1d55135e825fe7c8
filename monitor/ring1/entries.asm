; SPDX-License-Identifier: GPL-2.0-only OR MIT
;
; The page of calls that ring 1 sees, 32 bytes a call as in every image; what each is: calls.tsv. A
; trap's address is its call, as everywhere. Behind it what does not fit 32 bytes.

%include "layout.inc"
%include "gen/slots.inc"
%include "gen/entries.inc"
%include "transition.inc"
%include "stack.inc"
%include "cpu.inc"
%include "time.inc"

        global  entries, entry_iret3, soft_iret_at, soft_iret3_at, soft_sysexit_at, soft_iret3_look, soft_iret3_plain

        bits    32
section .shared progbits alloc noexec write align=4096
        dd      MAGIC, 0, 0, 0, 0, 0, 0

section .entries progbits alloc exec nowrite align=4096
entries:

%macro at_entry 1
        times   %1 * 32 - ($ - entries) int3
%endmacro

%macro entry_trap 2                     ; number, name
        at_entry %1
entry_%2:
        int     CALL_VECTOR
        ret
%endmacro

%macro entry_nop 2
        at_entry %1
        ret
%endmacro

%macro entry_native 2
        at_entry %1
        incbin  "vmi-native.rom", %1 * 32, 32
%endmacro

%macro entry_control 2
        entry_native %1, %2
%endmacro

%macro entry_native3 2                  ; of an image of API 3.0
        at_entry %1
        incbin  "vmi-3-native.rom", %1 * 32, 32
%endmacro

%macro entry_soft 2
        at_entry %1
entry_%2:
        soft_%2
%endmacro

; Init and GetRelocationInfo: who is in already is refused; the rest is the image's affair.
%macro entry_own 2
        at_entry %1
  %if %1 = SLOT_Init
        or      eax,-1
        ret
  %else
        lea     edx,[eax - CALL_SLOT_FIRST]
        cmp     edx,API13_LAST - CALL_SLOT_FIRST
        ja      .none
        shl     eax,5
        add     eax,SHARED_ENTRIES
        push    byte 1                  ; CALL_REL
        pop     edx
        ret
.none:  xor     eax,eax
        cdq
        ret
  %endif
%endmacro

        at_entry ENTRY_ENABLE
        int     CALL_VECTOR
        ret
        at_entry ENTRY_TO_V86
entry_to_v86:
        int     CALL_VECTOR
        at_entry ENTRY_RETURN
        int     CALL_VECTOR
        ring1_entries
        at_entry CALL_SLOT_COUNT

section .soft progbits alloc exec nowrite align=4096
soft_page:
        soft_outline_CPUID
        soft_outline_GetCycleCounter
        times   SHARED_CONTROL - SHARED_SOFT - ($ - soft_page) int3
entry_iret3:
        soft_IRET3

; What takes the place of the above when the hypervisor keeps the interrupt flag (vif.c).
section .rodata progbits alloc noexec nowrite align=4
        global  code_for_one, code_for_many
code_for_one:
        incbin  "ring1/vif-one.bin"
code_for_many:
        incbin  "ring1/vif-many.bin"

section .note.GNU-stack noalloc noexec nowrite progbits
