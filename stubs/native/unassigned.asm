; SPDX-License-Identifier: GPL-2.0-only OR MIT
; The body of each slot without a call: it returns a 64-bit zero and touches nothing else, so that a guest
; of a later minor version survives a call that this ROM does not know.

%include "stub.inc"

%assign n CALL_SLOT_FIRST + 1
%rep CALL_SLOT_COUNT - n
  %define SLOT_Unassigned%[n] n
stub Unassigned%[n]
        mov     eax,0                   ; not XOR: the flags are preserved
        cdq
        ret
endstub
  %assign n n + 1
%endrep
