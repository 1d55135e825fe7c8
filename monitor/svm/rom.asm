; SPDX-License-Identifier: GPL-2.0-only OR MIT
;
; The monitor's option ROM, all that runs before long mode: POST finds memory for the monitor and
; hooks INT 19h; INT 19h copies the monitor there and enters it; after that `resume` and the INT 15h
; hook run in the guest. The image is written during POST only, and only where it can be:
; there it keeps a copy of itself in the block, and is then as short as these two are.
;
; nasm -f bin -DVERSION='"..."' -DPOLICY=n, with build/ as an include path
        cpu     x64
        bits    16
        org     0

%include "common/post.inc"

%define BLOCK_SIZE      0x100000        ; what the monitor uses: bit 20 of no address is set, so that
%define BLOCK_RESERVED  0x200000        ; a closed A20 gate of the guest's cannot cut one of ours
%define LEAST_MEMORY    0x1400000       ; that is left below the block
%define SAVED_INT19     BLOCK_SIZE - 4  ; the BIOS's vector, from POST to INT 19h
%define IMAGE_COPY      0xE0000         ; in the block, when POST could put it there: behind the monitor

rom:
        db      0x55, 0xAA
        db      0                       ; length: romsum
        jmp     near post
        db      0                       ; checksum: romsum
        times   0x18 - ($ - rom) db 0
        dw      0                       ; no PCI device is ours
        dw      pnp                     ; makes SeaBIOS call POST while there is PMM
        times   0x20 - ($ - rom) db 0

; struct rom_table of boot.h
        dd      hypercall_13, hypercall_13.end - hypercall_13, native_13, native_13.end - native_13
        dd      hypercall_3, hypercall_3.end - hypercall_3, native_3, native_3.end - native_3
        dw      resume, int15
        dw      POLICY
        dw      0                       ; options: set in a copy
block:  dd      0                       ; POST: the block that PMM gave
        dw      resident_end - rom      ; what the guest needs of the image

        align   16, db 0
pnp:    db      '$PnP', 1, 2
        dw      0                       ; no further header
        db      0, 0                    ; checksum: romsum
        dd      0
        dw      manufacturer, product
        db      0xFF, 0x80, 0           ; device class: other
        db      0
        dw      0, 0, 0, 0, 0
        times   32 - ($ - pnp) db 0

manufacturer:
        db      'vmirom', 0
product:
        db      'VMI monitor ', VERSION, 0

        post_gdt

; --- POST ----------------------------------------------------------------------------------------

post:   pushfd
        pushad
        push    ds
        push    es
        push    cs
        pop     ds
        cld
        mov     si, text_no_svm
        call    has_svm
        jc      .say
        mov     si, text_no_long_mode
        call    has_long_mode
        jc      .say
        call    allocate
        call    find_block
        call    shrink
        mov     si, text_no_memory
        test    edi, edi
        jz      .say
        call    hook_int19
        mov     si, text_ready
.say:   push    si
        mov     si, text_name
        call    print
        pop     si
        call    print
        mov     si, text_end
        call    print
        pop     es
        pop     ds
        popad
        popfd
        xor     ax, ax                  ; no boot device
        retf

; CF: no SVM with nested paging, or the firmware has locked it.
has_svm:
        mov     eax, 0x80000000
        cpuid
        cmp     eax, 0x8000000A
        jb      .no
        mov     eax, 0x80000001
        cpuid
        test    cl, 4                   ; SVM
        jz      .no
        mov     eax, 0x8000000A
        cpuid
        test    dl, 1                   ; NP
        jz      .no
        jmp     read_vm_cr
.no:    stc
        ret

; CF: no long mode, which the monitor runs in. Some emulators have SVM without it.
has_long_mode:
        mov     eax, 0x80000001
        cpuid
        bt      edx, 29                 ; LM
        cmc
        ret

; CF: VM_CR is there and its SVMDIS is set. Bochs has SVM without it: RDMSR faults.
read_vm_cr:
        push    word 0
        pop     es
        pushf
        cli
        push    dword [es:13 * 4]
        mov     word [es:13 * 4], .fault
        mov     [es:13 * 4 + 2], cs
        mov     ecx, 0xC0010114         ; VM_CR
        xor     eax, eax
        rdmsr
.next:  pop     dword [es:13 * 4]
        popf
        test    al, 0x10                ; SVMDIS
        jz      .done
        stc
.done:  ret
.fault: add     sp, 6
        jmp     .next

; Asks PMM for the block, when there is PMM, and keeps its address in the image.
allocate:
        post_allocate BLOCK_RESERVED, ret
        ret

; Where PMM has given the block the image can be written: all of it goes to the block, and option
; ROMs behind this one, and the published ones, get the place.
shrink: cmp     dword [block], 0
        je      .done
        push    edi
        add     edi, IMAGE_COPY
        call    big_segments            ; EBX = the image
        mov     esi, ebx
        mov     ecx, (image_end - rom + 3) / 4
        a32 rep movsd
        pop     edi
        push    cs
        pop     ds
        mov     byte [2], (resident_end - rom) / 512
        post_seal resident_end - rom
.done:  ret

; EDI = the block: PMM's, or without PMM the last aligned 2 MiB of the memory below 4 GiB that INT 15h
; reports; 0: none.
find_block:
        mov     edi, [cs:block]
        test    edi, edi
        jnz     .done
        push    bp
        push    es
        sub     sp, E820_size
        mov     bp, sp
        push    ss
        pop     es
        xor     ebx, ebx
        xor     esi, esi                ; ESI = the highest so far
.next:  mov     eax, 0xE820
        mov     edx, 'PAMS'             ; 'SMAP'
        mov     ecx, E820_size
        mov     di, bp
        push    esi
        int     0x15
        pop     esi
        jc      .found
        cmp     eax, 'PAMS'
        jne     .found
        call    last_block
        cmp     eax, esi
        jbe     .lower
        mov     esi, eax
.lower: test    ebx, ebx
        jnz     .next
.found: mov     edi, esi
        add     sp, E820_size
        pop     es
        pop     bp
.done:  ret

        struc   E820
.base   resq    1
.length resq    1
.type   resd    1
        endstruc

; EAX = the last block in the range at SS:BP; 0: none. A small machine keeps its memory.
last_block:
        cmp     dword [bp + E820.type], 1
        jne     .none
        cmp     dword [bp + E820.base + 4], 0
        jne     .none
        mov     eax, [bp + E820.base]
        add     eax, [bp + E820.length]
        mov     edx, [bp + E820.length + 4]
        adc     edx, 0
        jz      .below
        mov     eax, -1                 ; it goes on above 4 GiB
.below: sub     eax, BLOCK_RESERVED
        jb      .none
        and     eax, -BLOCK_RESERVED
        cmp     eax, LEAST_MEMORY
        jb      .none
        cmp     eax, [bp + E820.base]
        jb      .none
        ret
.none:  xor     eax, eax
        ret

; EDI = the block
hook_int19:
        pushf
        cli
        call    big_segments
        mov     eax, [0x19 * 4]
        mov     [es:edi + SAVED_INT19], eax
        mov     word [0x19 * 4], int19
        mov     [0x19 * 4 + 2], cs
        push    cs
        pop     ds
        popf
        ret

        post_routines

text_name:
        db      'vmirom monitor ', VERSION, ': ', 0
text_ready:
        db      'starts at boot', 0
text_no_svm:
        db      'needs SVM with nested paging', 0
text_no_long_mode:
        db      'needs long mode', 0
text_no_memory:
        db      'not enough memory', 0
text_end:
        db      13, 10, 0

; --- INT 19h: the launch -------------------------------------------------------------------------

; struct launch of boot.h, on the stack
        struc   LAUNCH
.rom    resd    1
.image  resd    1
.block  resd    1
.cr0    resd    1
.cr3    resd    1
.cr4    resd    1
.efer   resd    1
        resw    1
.gdt    resw    3                       ; limit, base
        resw    1
.idt    resw    3
.int19  resd    1
.ss     resw    1
.sp     resw    1
        endstruc

int19:  cli
        cld
        sub     sp, 4                   ; the BIOS's vector comes here
        pushfd
        pushad
        push    ds
        push    es
        sub     sp, LAUNCH_size
        mov     bp, sp
        call    find_block
        mov     [bp + LAUNCH.block], edi
        mov     eax, cr0
        mov     [bp + LAUNCH.cr0], eax
        mov     eax, cr3
        mov     [bp + LAUNCH.cr3], eax
        mov     eax, cr4
        mov     [bp + LAUNCH.cr4], eax
        mov     ecx, 0xC0000080         ; EFER
        rdmsr
        mov     [bp + LAUNCH.efer], eax
        o32 sgdt [bp + LAUNCH.gdt]
        o32 sidt [bp + LAUNCH.idt]
        mov     [bp + LAUNCH.ss], ss
        lea     ax, [bp + LAUNCH_size]
        mov     [bp + LAUNCH.sp], ax
        call    load_gdt
        mov     [bp + LAUNCH.rom], ebx
        xor     eax, eax                ; EBP = struct launch, linear
        mov     ax, ss
        shl     eax, 4
        movzx   ebp, bp
        add     ebp, eax
        lea     ecx, [ebx + copy]
        push    dword FLAT_CODE
        push    ecx
        mov     eax, cr0
        or      al, 1
        mov     cr0, eax
        o32 retf

        bits    32
copy:   mov     ax, FLAT_DATA
        mov     ds, ax
        mov     es, ax
        mov     ss, ax
        mov     edx, edi                ; EDX = the block
        mov     eax, [edx + SAVED_INT19]
        mov     [ebp + LAUNCH.int19], eax
        xor     eax, eax
        mov     ecx, IMAGE_COPY / 4
        rep stosd
        mov     edi, edx
        mov     esi, ebx
        cmp     dword [ebx + block], 0
        je      .true_rom
        lea     esi, [edx + IMAGE_COPY]
.true_rom:
        mov     [ebp + LAUNCH.image], esi
        add     esi, blob
        mov     ecx, (blob_end - blob + 3) / 4
        rep movsd
        jmp     edx                     ; launch.asm

; --- in the guest --------------------------------------------------------------------------------

        bits    16
; The guest's first instructions, on the stack of INT 19h: on to the BIOS's own handler.
resume:
        pop     es
        pop     ds
        popad
        popfd
        retf

; Without PMM: takes the monitor's block out of the memory that INT 15h reports. The BIOS's vector and
; the block come from the monitor, since there is no place to keep them.
int15:
        int15_filter
.pass:  sub     sp, 4
        pushad
        call    ask_monitor
        mov     bp, sp
        mov     [bp + 32], ecx
        popad
        retf

        int15_memory ask_monitor, eax

; EAX = the block, ECX = the BIOS's INT 15h
ask_monitor:
        mov     eax, 0x40000001
        cpuid
        ret

; --- what is copied and published ----------------------------------------------------------------

        align   512, db 0
resident_end:
blob:   incbin  "monitor/monitor.bin"
        align   16, db 0
blob_end:
; Nothing in here may look like a VMI ROM: guests look at every 2 KiB.
%macro image 2
        times   16 * ((($ - rom) & 2047) == 0) db 0
%1:     incbin  %2
.end:
%endmacro
        image   hypercall_13, "vmi-hypercall.rom"
        image   native_13, "vmi-native.rom"
        image   hypercall_3, "vmi-3-hypercall.rom"
        image   native_3, "vmi-3-native.rom"
image_end:
