; SPDX-License-Identifier: GPL-2.0-only OR MIT
;
; What ring 0 puts on the pages of calls and soft bodies when it keeps the interrupt flag (vif.c), in
; the layout of struct vif_code: for one processor, or for many.
;
; nasm -f bin -DPROCESSORS=one|many

%include "layout.inc"
%include "gen/slots.inc"
%include "gen/entries.inc"

ADJUST_POP      equ 1                   ; EAX is on the stack
ADJUST_PUSHED   equ 2                   ; the return address is below the stack
ADJUST_BOTH     equ 3

%include "interrupt.inc"

        bits    32

%assign WINDOWS 0
; An interrupt that comes with EIP from %1 to %2: it goes on at %3 (0: what has been a return is done
; first), when the stack is what it was: %4.
%macro window 4
  %xdefine WINDOW_%[WINDOWS] %1, %2, %3, %4
  %assign WINDOWS WINDOWS + 1
%endmacro

; The body between these two begins again, where its first instruction has pushed EAX.
%macro again 2
  %ifidn PROCESSORS,many
        window  %1 + 1, %2, %1, ADJUST_POP
  %endif
%endmacro

; A return that faults there has %2 bytes on the stack above where it was called.
%assign FAULTS 0
%macro fault_at 2
  %xdefine FAULT_%[FAULTS] %1, %2
  %assign FAULTS FAULTS + 1
%endmacro

%if CONTROL_CALLS != SHARED_ENTRIES + CONTROL_FIRST * 32 || CONTROL_CALLS_SIZE != CONTROL_COUNT * 32
  %error layout.h has other calls than calls.tsv
%endif
section .calls vstart=CONTROL_CALLS
calls:
%macro control_call 2
        times   (%1 - CONTROL_FIRST) * 32 - ($ - calls) int3
place_%2:
        control_%2
%endmacro
        control_calls
        times   CONTROL_COUNT * 32 - ($ - calls) int3

section .returns vstart=SHARED_CONTROL follows=.calls
returns:
        control_IRET3
        control_outline_SYSEXIT
        times   CONTROL_SIZE - ($ - returns) int3

%macro gate 2
section .gate_%1_%2 vstart=0 follows=PREVIOUS
  %xdefine PREVIOUS .gate_%1_%2
gate_%1_%2:
        control_gate %1, %2
.end:   times   GATE_SIZE - 2 - ($ - gate_%1_%2) int3
        db      .end - gate_%1_%2, .known - gate_%1_%2
%endmacro

%xdefine PREVIOUS .returns
        gate    0, interrupt
        gate    0, trap
        gate    4, interrupt
        gate    4, trap

section .rows follows=PREVIOUS
        dd      look, touch, look_trap, plain
        dd      FAULTS
%assign n 0
%rep MAX_FAULTS
  %if n < FAULTS
        dd      FAULT_%[n]
  %else
        dd      0, 0
  %endif
  %assign n n + 1
%endrep
        dd      WINDOWS
%assign n 0
%rep MAX_WINDOWS
  %if n < WINDOWS
        dd      WINDOW_%[n]
  %else
        dd      0, 0, 0, 0
  %endif
  %assign n n + 1
%endrep
