; SPDX-License-Identifier: GPL-2.0-only OR MIT
;
; What the host does in assembly: the world switch, its own exceptions, instructions that may fault,
; and waiting for an interrupt. FS, GS, TR, LDTR and the FPU are the guest's throughout: the host
; never touches them.
        bits    64
        default rel

        extern  host_fault
        global  run_guest, enter_guest, write_cr2
        global  try_rdmsr, try_wrmsr, try_rdpmc
        global  take_interrupt, take_nmi, wait_for_interrupt, wait_for_nmi
        global  unmask_nmi
        global  host_vectors

        section .text

%define NO_VECTOR       0x100           ; host.h
%define VECTOR_NMI      2

; svm.h
%define VMCB_EXITCODE   0x070
%define VMCB_EFER       0x4D0
%define VMCB_CR2        0x640
%define VMEXIT_VMMCALL  0x81
%define EFER_LMA        0x400

%define CALLED          208

; struct guest_registers of host.h: struct gprs, and struct vmi_frame behind it
        struc   GPRS
.rax    resq    1
.rcx    resq    1
.rdx    resq    1
.rbx    resq    1
.rsp    resq    1
.rbp    resq    1
.rsi    resq    1
.rdi    resq    1
.r8     resq    1
.r9     resq    1
.r10    resq    1
.r11    resq    1
.r12    resq    1
.r13    resq    1
.r14    resq    1
.r15    resq    1
        endstruc

        struc   FRAME, GPRS_size
.eax    resd    1
.ecx    resd    1
.edx    resd    1
.ebx    resd    1
.esp    resd    1
.ebp    resd    1
.esi    resd    1
.edi    resd    1
        endstruc

; RAX=struct guest_registers
%macro save_r8_to_r11 0
        mov     [rax + GPRS.r8], r8
        mov     [rax + GPRS.r9], r9
        mov     [rax + GPRS.r10], r10
        mov     [rax + GPRS.r11], r11
%endmacro

%macro save_registers 0
        mov     [rax + GPRS.rcx], rcx
        mov     [rax + GPRS.rdx], rdx
        mov     [rax + GPRS.rbx], rbx
        mov     [rax + GPRS.rbp], rbp
        mov     [rax + GPRS.rsi], rsi
        mov     [rax + GPRS.rdi], rdi
        save_r8_to_r11
        mov     [rax + GPRS.r12], r12
        mov     [rax + GPRS.r13], r13
        mov     [rax + GPRS.r14], r14
        mov     [rax + GPRS.r15], r15
%endmacro

; RDI=struct guest_registers
%macro load_r8_to_r11 0
        mov     r8, [rdi + GPRS.r8]
        mov     r9, [rdi + GPRS.r9]
        mov     r10, [rdi + GPRS.r10]
        mov     r11, [rdi + GPRS.r11]
%endmacro

; _Noreturn void run_guest(struct guest_registers *, uint64_t vmcb, run_fn *on_exit, run_fn *on_call,
; run_fn *on_message, void *context): runs forever. VMRUN swaps RAX, RSP and the host's state by itself;
; under Bochs it does not load CR2.
run_guest:
        push    r9
        push    r8
        push    rcx
        push    rdx
        push    rsi
        push    rdi
        sub     rsp, 8                  ; aligned for a call
%define STACK_REGISTERS rsp + 8
%define STACK_VMCB      rsp + 16
%define STACK_EXIT      rsp + 24
%define STACK_CALL      rsp + 32
%define STACK_MESSAGE   rsp + 40
%define STACK_CONTEXT   rsp + 48
.next:  mov     rdi, [STACK_REGISTERS]
        cmp     byte [rdi + CALLED], 0
        je      .load
        mov     rdi, [STACK_CONTEXT]
        call    [STACK_MESSAGE]
        mov     rdi, [STACK_REGISTERS]
.load:  mov     rax, [STACK_VMCB]
        mov     rcx, [rax + VMCB_CR2]
        mov     cr2, rcx
        mov     rcx, [rdi + GPRS.rcx]
        mov     rdx, [rdi + GPRS.rdx]
        mov     rbx, [rdi + GPRS.rbx]
        mov     rbp, [rdi + GPRS.rbp]
        mov     rsi, [rdi + GPRS.rsi]
        load_r8_to_r11
        mov     r12, [rdi + GPRS.r12]
        mov     r13, [rdi + GPRS.r13]
        mov     r14, [rdi + GPRS.r14]
        mov     r15, [rdi + GPRS.r15]
        mov     rdi, [rdi + GPRS.rdi]
        vmrun
        cmp     qword [rax + VMCB_EXITCODE], VMEXIT_VMMCALL
        jne     .exit
        test    byte [rax + VMCB_EFER + 1], EFER_LMA >> 8
        jz      .call
.exit:  mov     rax, [STACK_REGISTERS]
        save_registers
        mov     rdi, [STACK_CONTEXT]
        cld
        call    [STACK_EXIT]
        jmp     .next

; A call, outside of long mode: the registers go into the frame and come out of it. C keeps R12 to
; R15, and no call knows those.
.call:  mov     rax, [STACK_REGISTERS]
        mov     [rax + FRAME.ecx], ecx
        mov     [rax + FRAME.edx], edx
        mov     [rax + FRAME.ebx], ebx
        mov     [rax + FRAME.ebp], ebp
        mov     [rax + FRAME.esi], esi
        mov     [rax + FRAME.edi], edi
        save_r8_to_r11
        mov     rdi, [STACK_CONTEXT]
        call    [STACK_CALL]
        mov     rdi, [STACK_REGISTERS]
        mov     rax, [STACK_VMCB]
        mov     ecx, [rdi + FRAME.ecx]
        mov     edx, [rdi + FRAME.edx]
        mov     ebx, [rdi + FRAME.ebx]
        mov     ebp, [rdi + FRAME.ebp]
        mov     esi, [rdi + FRAME.esi]
        load_r8_to_r11
        cmp     byte [rdi + CALLED], 0
        mov     edi, [rdi + FRAME.edi]
        jne     .called
        vmrun
        cmp     qword [rax + VMCB_EXITCODE], VMEXIT_VMMCALL
        jne     .exit
        test    byte [rax + VMCB_EFER + 1], EFER_LMA >> 8
        jz      .call
        jmp     .exit

; A message for this processor, in its own call or meanwhile.
.called:
        mov     rax, [STACK_REGISTERS]
        save_registers
        jmp     .next

; void enter_guest(uint64_t vmcb)
enter_guest:
        mov     rax, rdi
        vmrun
        ret

; void write_cr2(uint64_t)
write_cr2:
        mov     cr2, rdi
        ret

; uint8_t try_...(uint32_t number, uint64_t *value): 0, or the vector of the fault
try_rdmsr:
        mov     ecx, edi
fault_rdmsr:
        rdmsr
        jmp     store

try_rdpmc:
        mov     ecx, edi
fault_rdpmc:
        rdpmc
store:  mov     [rsi], eax
        mov     [rsi + 4], edx
        xor     eax, eax
        ret

; uint8_t try_wrmsr(uint32_t msr, uint64_t value)
try_wrmsr:
        mov     ecx, edi
        mov     eax, esi
        mov     rdx, rsi
        shr     rdx, 32
fault_wrmsr:
        wrmsr
        xor     eax, eax
faulted:
        ret

; struct taken take_interrupt(void), wait_for_interrupt(void): RAX = the vector, RDX = 1 for an NMI.
; host_vector puts them there. Between `open` and `opened` an interrupt or an NMI may come, and sends
; us to close; from there to the end of host_vector's part for interrupts, no more than an NMI.
open:
take_interrupt:
        mov     eax, NO_VECTOR
        xor     edx, edx
        stgi
        sti
        nop                             ; interrupts come behind it
        jmp     short close

; struct taken take_nmi(void): one that is pending; interrupts wait.
take_nmi:
        mov     eax, NO_VECTOR
        xor     edx, edx
        stgi
        nop
        jmp     short close

; struct taken wait_for_nmi(void): interrupts wait, too.
wait_for_nmi:
        mov     eax, NO_VECTOR
        xor     edx, edx
        stgi
        hlt
        jmp     short close

wait_for_interrupt:
        mov     eax, NO_VECTOR
        xor     edx, edx
        stgi
        sti
        hlt
close:  cli
        clgi
opened: ret

; void unmask_nmi(void): IRET is what ends an NMI.
unmask_nmi:
        mov     rdx, rsp
        mov     eax, ss
        push    rax
        push    rdx
        pushfq
        mov     eax, cs
        push    rax
        lea     rax, [.behind]
        push    rax
        iretq
.behind:
        ret

; One entry of 16 bytes for each vector. PUSH imm32 extends the sign: no vector is lost by it.
        align   16
host_vectors:
%assign vector 0
%rep 256
        align   16
        push    strict dword vector
        jmp     near host_vector
%assign vector vector + 1
%endrep

; [RSP] = vector; behind it what the processor pushed: no error code for an interrupt
host_vector:
        push    rcx
        lea     rcx, [open]
        cmp     [rsp + 16], rcx         ; RIP, or an error code, which is small
        jb      .closed
        lea     rcx, [opened]
        cmp     [rsp + 16], rcx
        jae     .closed
        lea     rcx, [close]
        mov     [rsp + 16], rcx
        and     dword [rsp + 32], ~0x200 ; no second interrupt: IF is clear from here
        pop     rcx
        cmp     dword [rsp], VECTOR_NMI
        je      .nmi
        mov     eax, [rsp]              ; an interrupt, even if its vector is 8 to 15
        add     rsp, 8
        iretq
.nmi:   mov     edx, 1
        add     rsp, 8
        iretq

; An NMI right after an interrupt arrives in the lines above.
.closed:
        cmp     dword [rsp + 8], VECTOR_NMI
        jne     .exception
        lea     rcx, [host_vectors]
        cmp     [rsp + 16], rcx
        jb      .exception
        lea     rcx, [.closed]
        cmp     [rsp + 16], rcx
        jae     .exception
        pop     rcx
        jmp     .nmi

.exception:
        pop     rcx
        push    rax
        push    rcx
        mov     eax, [rsp + 16]
        lea     rcx, [rsp + 24]         ; at RIP
        cmp     eax, 1
        je      .debug
        cmp     eax, 6
        je      .fixup
        cmp     eax, 13
        jne     .fatal
        add     rcx, 8                  ; behind the error code
.fixup: mov     rax, [rcx]
        push    rdx
%macro  may_fault 1
        lea     rdx, [%1]
        cmp     rax, rdx
        je      .fixed
%endmacro
        may_fault fault_rdmsr
        may_fault fault_wrmsr
        may_fault fault_rdpmc
        pop     rdx
        jmp     .fatal
.fixed: pop     rdx
        lea     rax, [faulted]
        mov     [rcx], rax
        mov     eax, [rsp + 16]
        mov     [rsp + 8], rax          ; what try_... returns
        pop     rcx
        cmp     eax, 13
        pop     rax
        lea     rsp, [rsp + 8]
        jne     .return
        lea     rsp, [rsp + 8]
.return:
        iretq

; Under TCG the guest's breakpoints stay armed in the host: go over them.
.debug: or      dword [rcx + 16], 0x10000 ; RF
        pop     rcx
        pop     rax
        add     rsp, 8
        iretq

.fatal: mov     edi, [rsp + 16]
        lea     rsi, [rsp + 24]
        and     rsp, -16
        call    host_fault
        ud2

        section .note.GNU-stack noalloc noexec nowrite progbits ; for the unit tests
