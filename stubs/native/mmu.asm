; SPDX-License-Identifier: GPL-2.0-only OR MIT
; Page-table entries and the TLB.

%include "stub.inc"

; SetPxE0 (45): EAX=ptep EDX=pte -> [EAX]=entry; clobbers none of EAX ECX EDX flags
stub SetPxE0
        mov     [eax],edx
        ret
endstub inline

; GetPxE (46): EAX=ptep -> EAX=pte; clobbers none of ECX EDX flags
stub GetPxE
        mov     eax,[eax]
        ret
endstub inline

; SwapPxE (47): EAX=ptep EDX=pte -> EAX=old [EAX]=entry; clobbers EDX of ECX EDX flags
stub SwapPxE
        xchg    [eax],edx               ; XCHG is locked by itself
        mov     eax,edx
        ret
endstub inline

; SetPxELong0 (48): EAX=low EDX=high ECX=ptep -> [ECX]=entry; clobbers none of EAX ECX EDX flags
stub SetPxELong0
        mov     [ecx + 4],edx           ; the low dword holds the present bit: last
        mov     [ecx],eax
        ret
endstub inline

; GetPxELong (49): EAX=ptep -> EAX=low EDX=high; clobbers ECX flags
stub GetPxELong
        mov     ecx,eax
.again: mov     eax,[ecx]
        mov     edx,[ecx + 4]
        cmp     eax,[ecx]               ; changed between the two reads
        jne     .again
        ret
endstub inline

; SwapPxELongAtomic (50): EAX=low EDX=high ECX=ptep -> EAX=old_low EDX=old_high [ECX]=entry; clobbers ECX flags
stub SwapPxELongAtomic
        push    ebx
        push    edi
        mov     edi,ecx
        mov     ebx,eax
        mov     ecx,edx
        mov     eax,[edi]
        mov     edx,[edi + 4]
.again: lock cmpxchg8b [edi]            ; on failure EDX:EAX is what is there now
        jne     .again
        pop     edi
        pop     ebx
        ret
endstub inline

; BTS and BTR with a register address bits beyond the first dword, so the same
; body serves 32-bit and 64-bit entries.
%macro test_and 1
        lock %1 [eax],edx
        sbb     eax,eax                 ; the old bit is in CF
        ret
%endmacro

; TestAndSetPxEBit (51): EAX=ptep EDX=bit -> EAX=was_set (-1 or 0) [EAX]=entry; clobbers flags of ECX EDX flags
stub TestAndSetPxEBit
        test_and bts
endstub inline

; TestAndClearPxEBit (52): EAX=ptep EDX=bit -> EAX=was_set (-1 or 0) [EAX]=entry; clobbers flags of ECX EDX flags
stub TestAndClearPxEBit
        test_and btr
endstub inline

; AllocatePage (53): EAX=pfn EDX=flags ECX=clone_pfn stack: first count -> -; clobbers none of EAX ECX EDX flags
stub AllocatePage
        ret                             ; the processor accepts any frame as a page table
endstub inline

; ReleasePage (54): EAX=pfn EDX=flags -> -; clobbers none of EAX ECX EDX flags
stub ReleasePage
        ret
endstub inline

; InvalPage (55): EAX=linear -> -; clobbers none of EAX ECX EDX flags
stub InvalPage
        invlpg  [eax]
        ret
endstub inline

; FlushTLB (56): EAX=flags (bit 1: global pages too) -> -; clobbers EAX ECX flags of EAX ECX EDX flags
; Only a change of CR4.PGE flushes global entries; with PGE clear there are none,
; and a CR4 write that changes nothing flushes nothing, so CR3 is reloaded.
stub FlushTLB
        test    al,2
        jz      .reload
        mov     ecx,cr4
        btr     ecx,7                   ; CR4.PGE
        jnc     .reload
        mov     cr4,ecx
        or      cl,80h
        mov     cr4,ecx
        early_ret
.reload:
        mov     eax,cr3
        mov     cr3,eax
        ret
endstub inline

; FlushDeferredCalls (57): EAX=what -> EAX=zero; clobbers flags of ECX EDX flags
stub FlushDeferredCalls
        xor     eax,eax                 ; nothing is ever queued
        ret
endstub inline

; SetLinearMapping (58): EAX=slot EDX=linear ECX=pages stack: pfn -> -; clobbers none of EAX ECX EDX flags
stub SetLinearMapping
        ret
endstub inline

; DeactivatePxELongAtomic (72): EAX=ptep -> EAX=old_low EDX=old_high [EAX]=entry; clobbers ECX flags
stub DeactivatePxELongAtomic
        mov     ecx,eax
        xor     eax,eax
        xchg    [ecx],eax               ; no longer present, A and D exact; XCHG is locked by itself
        mov     edx,[ecx + 4]
        mov     dword [ecx + 4],0
        ret
endstub inline

; TestAndSetPxELongBit (73): EAX=ptep EDX=bit -> EAX=was_set (-1 or 0) [EAX]=entry; clobbers flags of ECX EDX flags
stub TestAndSetPxELongBit
        test_and bts
endstub inline

; TestAndClearPxELongBit (74): EAX=ptep EDX=bit -> EAX=was_set (-1 or 0) [EAX]=entry; clobbers flags of ECX EDX flags
stub TestAndClearPxELongBit
        test_and btr
endstub inline

; SetInitialAPState (75): EAX=apstate EDX=apic_id -> -; clobbers none of EAX ECX EDX flags
stub SetInitialAPState
        ret                             ; the guest's own trampoline starts the AP
endstub inline

; SetPxE (86): EAX=pte EDX=ptep ECX=flags -> [EDX]=entry; clobbers none of EAX ECX EDX flags
stub SetPxE
        mov     [edx],eax
        ret
endstub inline

; SetPxELong (87): EAX=low EDX=high ECX=ptep stack: flags -> [ECX]=entry; clobbers none of EAX ECX EDX flags
; The flags are ignored, so a caller that passes none works too.
stub SetPxELong
        mov     [ecx + 4],edx
        mov     [ecx],eax
        ret
endstub inline

PTE_P           equ 1

; SetPxELong3 (87): EAX=low EDX=high ECX=ptep stack: flags -> [ECX]=entry; clobbers EAX ECX EDX flags
; The entry may be present: Linux sets live directory entries with this call. No processor may see a
; frame half changed in a present entry, nor one that stays present gone for a moment.
stub SetPxELong3
        cmp     [ecx + 4],edx
        je      .low                    ; most frames are below 4 GiB: one store is all
        test    byte [ecx],PTE_P
        jz      .high
        test    al,PTE_P
        jnz     set_present
        mov     [ecx],eax               ; gone before its frame changes
        mov     [ecx + 4],edx
        ret
.high:  mov     [ecx + 4],edx           ; its frame is there before it is
.low:   mov     [ecx],eax
        ret
endstub native

; From the above, with the same registers: the entry stays present.
outline set_present, 3
        push    ebx
        push    edi
        mov     edi,ecx
        mov     ebx,eax
        mov     ecx,edx
.again: lock cmpxchg8b [edi]            ; EDX:EAX is a guess at first, then what is there
        jne     .again
        pop     edi
        pop     ebx
        ret
.end:
