; SPDX-License-Identifier: GPL-2.0-only OR MIT
;
; What a hypercall image has in place of native bodies; calls.tsv says which
; call gets what.

%include "stub.inc"
%include "gen/traps.inc"

; Any call: the hypervisor serves it, with the argument and result registers of
; the native body. It identifies the call by this address, and resumes at the RET
; or, for IRET and SYSEXIT, at the target. A publisher exchanges the three bytes.
; docs/hypercalls.md, How a call arrives.
%macro trap_stub 1
        section .trap.%1 progbits alloc exec nowrite align=1
        global  trap_%1:function (trap_%1.end - trap_%1)
trap_%1:
        vmmcall
        ret
.end:
%endmacro

; A call that has nothing to do under any hypervisor.
%macro nop_stub 1
        section .nop.%1 progbits alloc exec nowrite align=1
        global  nop_%1:function (nop_%1.end - nop_%1)
nop_%1:
        ret
.end:
%endmacro

        trap_stubs
