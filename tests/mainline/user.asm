; SPDX-License-Identifier: GPL-2.0-only OR MIT
;
; A process: copied to USER_CODE and run there in ring 3, flat. Data: [0] a counter, [4] its number,
; [8] rounds to go, [12] whether there is SYSENTER, [16] the user's stack before a bad return,
; [20] turns to compute, [24] whether to be steady: no bad returns, and ticks by INT.

USER_CODE       equ 0x40000000
DATA            equ USER_CODE + 0x1000
ARENA           equ USER_CODE + 0x100000
ARENA_PAGES     equ 8

SYS_PID         equ 0
SYS_FORK        equ 1
SYS_EXIT        equ 2
SYS_YIELD       equ 3
SYS_UNMAP       equ 4
SYS_BAD         equ 5
SYS_ROUNDS      equ 6
SYS_FAIL        equ 7
SYS_MISC        equ 8
STEADY_CALLS    equ 7                   ; more by SYSENTER in a steady round
STEADY_FORKS    equ 2                   ; rounds to a fork, a power of two
SYS_SLOW        equ 9                   ; as SYS_PID, and the way back is by IRET

EFLAGS_NT       equ 0x4000
KIND_NT         equ 15

        global  user_start, user_end, user_sysenter_return, user_signal, user_came_back

%define here(label) (USER_CODE + (label - user_start))

%macro system 1
        mov     eax,%1
        int     80h
%endmacro

; fail CODE unless the condition holds
%macro must 2
        j%1     %%ok
        mov     ebx,%2
        system  SYS_FAIL
  %%ok:
%endmacro

section .rodata
        bits    32
        align   16
user_start:
        mov     esi,DATA
        system  SYS_PID
        mov     [esi + 4],eax
        system  SYS_ROUNDS
        mov     [esi + 8],eax
        mov     [esi + 12],ebx
        mov     [esi + 20],ecx
        mov     [esi + 24],edx

.round:
        inc     dword [esi]
        call    .patterns
        system  SYS_PID
        call    .check
        cmp     eax,[DATA + 4]
        must    e, 1

        cmp     dword [DATA + 12],0
        je      .no_sysenter
        call    .patterns
        call    .sysenter_pid
        cmp     ebx,0x11111111
        must    e, 2
        cmp     edi,0x55555555
        must    e, 3
        mov     esi,DATA
        cmp     eax,[esi + 4]
        must    e, 4
        cmp     dword [esi + 24],0
        je      .no_sysenter
        mov     ebx,STEADY_CALLS
.more:  call    .sysenter_pid
        dec     ebx
        jnz     .more
.no_sysenter:
        mov     esi,DATA

        ; pages that come when they are touched, and go
        mov     ecx,ARENA_PAGES
        mov     edi,ARENA
.touch: mov     [edi],ecx
        add     edi,4096
        loop    .touch
        mov     ecx,ARENA_PAGES
        mov     edi,ARENA
.look:  cmp     [edi],ecx
        must    e, 5
        add     edi,4096
        loop    .look
        system  SYS_UNMAP
        cmp     dword [ARENA],0         ; a fresh page
        must    e, 6

        cmp     dword [esi + 24],0
        jne     .steady
        mov     eax,[esi + 8]
        and     eax,3
        jnz     .no_bad_return
        mov     ebx,[esi + 8]
        shr     ebx,2
        and     ebx,15
        call    .bad_return
        jmp     .no_bad_return
.steady:
        mov     eax,[esi + 8]
        and     eax,15
        cmp     eax,8
        jne     .no_bad_return
        int     20h
.no_bad_return:
        mov     ecx,15
        cmp     dword [esi + 24],0
        je      .fork_mask
        mov     ecx,STEADY_FORKS - 1
.fork_mask:
        test    [esi + 8],ecx
        jnz     .no_fork
        mov     ebx,[esi]
        system  SYS_FORK
        test    eax,eax
        jz      .child
        cmp     [esi],ebx
        must    e, 7
.no_fork:
        mov     eax,[esi + 8]
        and     eax,31
        or      eax,[esi + 24]
        jnz     .no_misc
        system  SYS_MISC
.no_misc:
        call    .spin
        system  SYS_YIELD
        dec     dword [esi + 8]
        jnz     .round
        xor     ebx,ebx
        system  SYS_EXIT

; What it writes its parent does not see, and the other way round.
.child: cmp     [esi],ebx
        must    e, 8
        add     dword [esi],1000
        system  SYS_YIELD
        sub     ebx,[esi]
        cmp     ebx,-1000
        must    e, 9
        system  SYS_PID
        cmp     eax,[esi + 4]
        must    ne, 10
        cmp     dword [esi + 24],0
        jne     .gone
        mov     ebx,[esi + 8]
        and     ebx,7
        call    .bad_return
.gone:  system  SYS_EXIT

; Long enough for a tick now and then; the registers are a task's own.
.spin:  call    .patterns
        mov     eax,[DATA + 20]
.turn:  dec     eax
        jnz     .turn
        call    .check
        mov     esi,DATA
        ret

.patterns:
        mov     ebx,0x11111111
        mov     ecx,0x22222222
        mov     edx,0x33333333
        mov     esi,0x44444444
        mov     edi,0x55555555
        mov     ebp,0x66666666
        ret
.check: cmp     ebx,0x11111111
        must    e, 11
        cmp     ecx,0x22222222
        must    e, 12
        cmp     edx,0x33333333
        must    e, 13
        cmp     esi,0x44444444
        must    e, 14
        cmp     edi,0x55555555
        must    e, 15
        cmp     ebp,0x66666666
        must    e, 16
        ret

.sysenter_pid:
        mov     eax,SYS_PID
.sysenter:
        push    ebp
        mov     ebp,esp
        sysenter
user_sysenter_return:
        pop     ebp
        ret

; EBX=kind: a return that faults. The signal finds the registers as they were.
user_start.bad_return:
        mov     [DATA + 16],esp
        cmp     ebx,KIND_NT
        jne     .by_call
        cmp     dword [DATA + 12],0
        je      .by_call
        pushfd
        or      dword [esp],EFLAGS_NT
        popfd
        mov     eax,SYS_SLOW
        mov     edi,0x55555555
        call    user_start.sysenter
        mov     ebx,17                  ; IRET was to fault
        system  SYS_FAIL
.by_call:
        mov     ecx,0x22222222
        mov     edx,0x33333333
        mov     edi,0x55555555
        system  SYS_BAD
        mov     ebx,18
        system  SYS_FAIL

; Where the kernel puts a process whose return faulted.
user_signal:
        mov     esp,[DATA + 16]
        mov     esi,DATA
        cmp     edi,0x55555555
        must    e, 19
        ret

; Where a bad EIP leads that nobody refused.
user_came_back:
        mov     esp,[DATA + 16]
        mov     esi,DATA
        ret
user_end:

section .note.GNU-stack noalloc noexec nowrite progbits
