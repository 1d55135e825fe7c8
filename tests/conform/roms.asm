; SPDX-License-Identifier: GPL-2.0-only OR MIT
;
; ROMs that are made to be judged: an image of ours with something put in its place, chosen by
; -DROM=name. Lengths and sums are the script's.
        bits    32
        cpu     686
        org     0

%include "gen/slots.inc"

%xdefine is_%[ROM] 1
%ifndef IMAGE
 %define IMAGE "vmi-native.rom"
%endif
%define IMAGE_SIZE 5120
%define COPY       0x2C00               ; of the whole image, in the one that takes every liberty

; The image as it is, up to an offset.
%assign at 0
%macro as_it_is 1
 %if %1 > at
        incbin  IMAGE, at, %1 - at
 %endif
 %assign at %1
%endmacro

; What stands between these two takes the place of a slot, or of the two entries of API 3.0.
%macro slot 1
        as_it_is SLOT_%1 * 32
 %assign end SLOT_%1 * 32 + 32
%endmacro
%macro end_slot 0
        times   end - ($ - $$) int3
 %assign at end
%endmacro

; Behind the image.
%macro behind 0
        as_it_is IMAGE_SIZE
%endmacro

; GetRelocationInfo by the code behind this: ECX=the address of slot 85, and 5; EDX=0
%macro answers 0
        slot    GetRelocationInfo
        call    %%here
%%here: pop     ecx
        jmp     near answer
        end_slot
        behind
answer: xor     edx,edx
%endmacro

; The same of API 3.0, for one call; ours goes on with the others.
%macro answers_3 1
        as_it_is 0x88
        jmp     near answer
        times   0x90 - ($ - $$) int3
 %assign at 0x90
        behind
answer: cmp     eax,%1
        jne     near GetRelocationInfo3
%endmacro

; --- a wrong call ---------------------------------------------------------------------------------

%ifdef is_clobbers_ebx
        slot    SetCR3
        mov     cr3,eax
        mov     ebx,eax
        ret
        end_slot
%elifdef is_pops_mask
        slot    SetInterruptMask
        push    eax
        popfd
        ret
        end_slot
%elifdef is_stores_beside
        slot    SetPxE
        mov     [edx + 4],eax
        ret
        end_slot
%elifdef is_pops_arguments
        slot    GetCR0
        mov     eax,cr0
        ret     4
        end_slot
%elifdef is_pushes_too_much
        slot    CLTS
        clts
        push    eax
        ret
        end_slot
%elifdef is_runs_into_the_next
        slot    CLTS
        clts
        times 30 nop
        end_slot
%elifdef is_writes_low_first
        slot    SetPxELong0
        mov     [ecx],eax
        mov     [ecx + 4],edx
        ret
        end_slot
%elifdef is_without_lock
        slot    TestAndSetPxEBit
        bts     [eax],edx
        sbb     eax,eax
        ret
        end_slot
%elifdef is_absolute
        slot    GetCR2
        mov     ecx,0xC0200000 + .there
        jmp     ecx
.there: mov     eax,cr2
        ret
        end_slot
%elifdef is_stores_in_itself
        slot    RDTSC
        call    .here
.here:  pop     ecx
        mov     [ecx + 16],ecx
        rdtsc
        ret
        end_slot
%elifdef is_drops_caches
        slot    INVD
        invd
        ret
        end_slot
%elifdef is_does_not_flush
        slot    InvalPage
        ret
        end_slot
%elifdef is_returns_to_its_caller
        slot    IRET
        iretd
        end_slot
%elifdef is_needs_ds
        slot    DisableInterrupts
        cmp     byte [0x10000],0
        cli
        ret
        end_slot
%elifdef is_deep
        slot    GetCR3
 %rep 9
        push    eax
 %endrep
        lea     esp,[esp + 36]
        mov     eax,cr3
        ret
        end_slot
%elifdef is_empty
        slot    OUTB
        times 32 db 0
        end_slot
%elifdef is_starts_with_5
        slot    Init
        mov     eax,5
        ret
        end_slot
%elifdef is_counts_slowly
        slot    GetCycleFrequency
        mov     eax,999999
        xor     edx,edx
        ret
        end_slot
%elifdef is_lies_about_copies
        slot    WBINVD
        wbinvd
        nop
        nop                             ; RET is to stand here
        ret
        times 31 - ($ - $$ - SLOT_WBINVD * 32) db 0x90
        db      4
 %assign at end

; --- wrong answers --------------------------------------------------------------------------------

; 45 with NONE; plain addresses otherwise.
%elifdef is_answers_none
        answers
        cmp     eax,45
        je      .none
 %define is_answers 1
%elifdef is_answers_plainly
        answers
 %define is_answers 1
%elifdef is_answers_outside
        answers
        cmp     eax,SLOT_SetTR
        jne     .known
        add     ecx,0x10000
.known:
 %define is_answers 1

; --- API 3.0 --------------------------------------------------------------------------------------

%elifdef is_has_nothing
        as_it_is 0x88
        xor     eax,eax
        cdq
        ret
        times   0x90 - ($ - $$) int3
 %assign at 0x90
%elifdef is_answers_7
        answers_3 33
        mov     edx,7
        ret

%elifdef is_jumps                       ; right: IRET by a JMP
        answers_3 33
        call    .here
.here:  pop     eax
        add     eax,.body - .here
        mov     edx,2
        ret
.body:  iretd
%elifdef is_jumps_to_a_call
        answers_3 17
        call    near GetRelocationInfo3
        inc     edx
        ret
%elifdef is_deletes_a_call
        answers_3 17
        mov     edx,3
        ret
%elifdef is_has_half_a_timer
        answers_3 66
        call    .here
.here:  pop     eax
        add     eax,.body - .here
        xor     edx,edx
        inc     edx
        ret
.body:  xor     eax,eax
        cdq
        ret

; --- what the emulator gives up on ----------------------------------------------------------------

%elifdef is_locks_a_register
        slot    TestAndClearPxEBit
        db      0xF0, 0x0F, 0xB3, 0xD6  ; lock btr esi,edx
        ret
        end_slot

; --- every liberty --------------------------------------------------------------------------------

%elifdef is_takes_liberties
 %define BEHIND_RET 0x0BADF1A6

; Results and ways of its own, where the ABI leaves them free.
%macro body_INVD 0
        wbinvd
%endmacro
%macro body_WriteIDTEntry 0
        push    dword [esp + 4]
        pop     dword [eax + edx * 8 + 4]
        mov     [eax + edx * 8],ecx
%endmacro
%macro body_SetDR 0
        and     eax,7
        call    near $$ + COPY + SLOT_SetDR * 32
%endmacro
%macro body_GetInterruptMask 0
        pushfd
        pop     eax
%endmacro
%macro body_IRET 0
        add     esp,4
        iretd
%endmacro
%macro body_SYSEXIT 0
        sti
        sysexit
%endmacro
%macro body_Reboot 0
        ret
%endmacro
%macro body_Shutdown 0
        cli
%%stop: hlt
        jmp     %%stop
%endmacro
; The new entry in EDX:EAX, its place in ECX.
%macro exchange 0
        push    ebx
        push    esi
        mov     esi,ecx
        mov     ebx,eax
        mov     ecx,edx
        mov     eax,[esi]
        mov     edx,[esi + 4]
%%again:
        lock cmpxchg8b [esi]
        jne     %%again
        pop     esi
        pop     ebx
%endmacro
%macro body_SetPxELong 0
        exchange
%endmacro
%macro body_SetPxELong0 0
        exchange
%endmacro
%macro body_DeactivatePxELongAtomic 0
        mov     ecx,eax
        xor     eax,eax
        xor     edx,edx
        exchange
%endmacro
%macro body_TestAndSetPxEBit 0
        lock bts [eax],edx
        setc    al
        movzx   eax,al
        shl     eax,7
%endmacro
%macro body_InvalPage 0
        mov     eax,cr3
        mov     cr3,eax
%endmacro
%macro body_FlushDeferredCalls 0
        mov     eax,BEHIND_RET
%endmacro
%macro body_IODelay 0
        in      al,dx
%endmacro
%macro body_GetCycleFrequency 0
        mov     eax,2600000000
        xor     edx,edx
%endmacro
%macro body_GetCycleCounter 0
        mov     edx,BEHIND_RET
%endmacro
%macro body_CancelAlarm 0
        mov     eax,1
%endmacro
%macro body_GetWallclockTime 0
        mov     eax,BEHIND_RET
        mov     edx,eax
%endmacro
%macro body_WallclockUpdated 0
        mov     eax,1
%endmacro
%macro body_GetRelocationInfo 0
        call    near $$ + COPY + SLOT_GetRelocationInfo * 32
        or      edx,0xABCDEF00
%endmacro

; First the slots, which lead to what is behind the image; then that.
%macro liberty 5-*
        as_it_is %2 * 32
        jmp     near liberty_%2
        times   %2 * 32 + 32 - ($ - $$) int3
 %assign at %2 * 32 + 32
%endmacro
%include "liberties.inc"
%unmacro liberty 5-*
        behind
%macro liberty 5-*
liberty_%2:
 %ifmacro body_%1 0
        body_%1
 %else
  %rep %3
        push    dword [esp + 4 * %3]
  %endrep
        call    near $$ + COPY + %2 * 32
  %if %3
        lea     esp,[esp + 4 * %3]
  %endif
 %endif
 %ifidn %4,ret
  %if %5
        cmp     esp,0x7FFFFFFF          ; flags of its own
  %endif
  %rotate 5
  %rep %0 - 5
        mov     %1,BEHIND_RET
   %rotate 1
  %endrep
        ret
 %endif
%endmacro
%include "liberties.inc"
        times   COPY - ($ - $$) int3
        incbin  IMAGE, 0, IMAGE_SIZE
%elifndef is_as_it_is
 %error no such ROM
%endif

%ifdef is_answers                       ; EAX=number ECX=.here EDX=0
        cmp     eax,4
        jb      .none
        cmp     eax,87
        ja      .none
        shl     eax,5
        lea     eax,[ecx + eax - SLOT_GetRelocationInfo * 32 - 5]
        inc     edx
.none:  ret
%endif
        as_it_is IMAGE_SIZE
        times   (512 - ($ - $$) % 512) % 512 db 0
