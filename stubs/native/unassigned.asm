; SPDX-License-Identifier: GPL-2.0-only OR MIT
; What stands in each slot that no call of an image has: a 64-bit zero, and nothing else touched, so that
; a guest of a later minor version survives a call that this ROM does not know.

%include "stub.inc"

%assign n CALL_SLOT_FIRST + 1
%rep CALL_SLOT_COUNT - n
  %define SLOT_Unassigned%[n] n
stub Unassigned%[n]
        mov     eax,0                   ; not XOR: flags stay as they are
        cdq
        ret
endstub
  %assign n n + 1
%endrep
