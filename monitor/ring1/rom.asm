; SPDX-License-Identifier: GPL-2.0-only OR MIT
;
; The ROM that guests find: the image of API 13 with its slots, POST, Init and a second processor's
; first steps, and within it the image of API 3.0 (image3.asm), sealed already. The hypervisor itself
; lies behind it in a ROM of its own (payload.asm), which POST copies to memory.
;
; nasm -f bin -DVERSION="'...'" -DVERSION_MAJOR=n -DVERSION_MINOR=n
        cpu     p6
        org     0

%include "common/post.inc"
%include "ring1/header.inc"
%include "layout.inc"
%include "gen/slots.inc"
%include "gen/ring1.inc"
%include "ring1/syms.inc"               ; HV_INIT, HV_START: where the hypervisor has them

BLOCK_RESERVED  equ 0x80000             ; without PMM
BLOCK_ALIGN     equ 0x80000
PDE_OURS        equ 63h
PTE_OURS        equ 163h                ; global, as memory.c has it
PTE_OURS_CODE   equ 61h                 ; not to be written, where the guest has CR0.WP set
PTE_APIC        equ 17Bh                 ; not cached
APIC            equ 0xFEE00000
IMAGE_3         equ 2000h
KEPT            equ 0x4F0               ; inter-application area of the BIOS: INT 15h's old vector
KEPT_MAGIC      equ 0x4F4
INT15_STANDARD  equ 0xF000F859

rom:    db      55h, 0AAh
        db      0                       ; length: romsum
        jmp     near post
        db      0, 0                    ; checksum: romsum
        db      'cVmi', 3, 13, 0, 0
        dd      0
        dw      descriptor, 0
        dw      pci_data, pnp_header
        dd      0
        vmi_headers 'VmiI'              ; the native slots' last bytes tell what may be inlined

%macro at_slot 1
        times   %1 * 32 - ($ - rom) int3
%endmacro

; What is no native body leads to the numbered entry on the hypervisor's shared page: from any copy.
%macro slot_native 2
        at_slot %1
        incbin  "vmi-native.rom", %1 * 32, 32
%endmacro
%macro slot_control 2
        slot_native %1, %2
%endmacro
%macro slot_entry 2
        at_slot %1
        push    dword SHARED_ENTRIES + %1 * 32
        ret
%endmacro
%macro slot_nop 2
        at_slot %1
        ret
%endmacro
%macro slot_own 2
        at_slot %1
  %if %1 = SLOT_Init
        jmp     near init
  %else
        push    dword SHARED_ENTRIES + %1 * 32
        ret
  %endif
%endmacro

; What one does: the hypervisor has left it a table, and the way on (start.c). It has no stack.
%macro start_processor 0
        cli
        xor     ax,ax
        mov     ds,ax
        o32 lgdt [START_GDTR]
        mov     eax,cr0
        and     eax,9FFFFFFFh           ; caches on
        or      al,1
        mov     cr0,eax
        mov     ax,START_BLOCK
        mov     ds,ax
        a32 o32 jmp far [START_DATA + START_FAR]
%endmacro

        bits    32
        ring1_slots
        at_slot CALL_SLOT_COUNT

; --- a second processor: STARTUP leads to a page, this one or the one below -----------------------

        bits    16
        start_processor
block:  dd      0                       ; POST: what PMM gave

        post_gdt

; --- POST -----------------------------------------------------------------------------------------

post:   pushfd
        pushad
        push    ds
        push    es
        push    cs
        pop     ds
        cld
        mov     si,text_no_payload
        mov     di,image_end
        cmp     word [di],0AA55h
        jne     .say
        cmp     dword [di + 8],MAGIC
        jne     .say
        call    allocate
        call    find_block
        mov     si,text_no_memory
        test    edi,edi
        jz      .say
        call    unpack
        mov     si,text_ready
.say:   push    si
        mov     si,text_name
        call    print
        pop     si
        call    print
        mov     si,text_end
        call    print
        pop     es
        pop     ds
        popad
        popfd
        xor     ax,ax
        retf

; Asks PMM, where there is PMM and the image can keep its answer. Else INT 15h must not report the
; block.
allocate:
        mov     dword [block],1
        cmp     dword [block],1
        jne     hook_int15
        mov     dword [block],0
        post_allocate HV_SIZE, jmp hook_int15
; The image is sealed again.
        post_seal image_end
        ret

; -> EDI=the block; 0: none. Where the image could not keep it, it is computed from CMOS.
find_block:
        mov     edi,[cs:block]
        test    edi,edi
        jnz     .done
        mov     al,35h                  ; CMOS 34h, 35h: memory above 16 MiB in 64 KiB
        call    read_cmos
        mov     ah,al
        mov     al,34h
        call    read_cmos
        cmp     ax,0x20                 ; too little memory
        jb      .done
        movzx   edi,ax
        shl     edi,16
        add     edi,0x1000000 - BLOCK_RESERVED - 0x10000 ; the BIOS keeps its tables at the top
        and     edi,-BLOCK_ALIGN
.done:  ret

read_cmos:
        out     70h,al
        in      al,71h
        ret

hook_int15:
        push    word 0
        pop     es
        cmp     word [es:15h * 4],int15 ; a warm boot may find it there
        je      .done
        mov     eax,[es:15h * 4]
        mov     [es:KEPT],eax
        mov     dword [es:KEPT_MAGIC],MAGIC
        mov     word [es:15h * 4],int15
        mov     [es:15h * 4 + 2],cs
.done:  ret

; EDI=the block: clears it, copies the hypervisor, makes the two page tables that Init needs.
unpack: pushf
        cli
        call    big_segments            ; EBX=the image
        mov     edx,edi
        mov     ecx,HV_SIZE / 4
        xor     eax,eax
        a32 rep stosd
        mov     edi,edx
        lea     esi,[ebx + image_end + 20h]
        mov     ecx,[es:ebx + image_end + 12]
        a32 rep movsb
        mov     [es:edx + SHARED_BLOCK],edx
        lea     edi,[edx + PAGE_TABLE]
        lea     esi,[edx + PAGE_TABLE_PAE]
        xor     ecx,ecx
.page:  mov     eax,ecx
        shl     eax,12
        lea     ebx,[eax + edx + PTE_OURS]
        cmp     ecx,(SHARED_ENTRIES - HV_BASE) / 4096
        je      .code
        cmp     ecx,(SHARED_SOFT - HV_BASE) / 4096
        jne     .set
.code:  and     bl,PTE_OURS_CODE
.set:   cmp     eax,APIC_PAGE
        jne     .memory
        mov     ebx,APIC | PTE_APIC
.memory:
        mov     [es:edi + ecx * 4],ebx
        mov     [es:esi + ecx * 8],ebx
        inc     ecx
        cmp     ecx,HV_SIZE / 4096
        jb      .page
        push    cs
        pop     ds
        popf
        ret

        post_routines

; --- INT 15h without PMM: the block is taken out of the memory that it reports ----------------------

int15:
        int15_filter
.pass:  sub     sp,4
        pushad
        push    ds
        mov     bp,sp
        xor     ax,ax
        mov     ds,ax
        mov     eax,INT15_STANDARD
        cmp     dword [KEPT_MAGIC],MAGIC
        jne     .go
        mov     eax,[KEPT]
.go:    mov     [bp + 34],eax
        pop     ds
        popad
        retf

        int15_memory find_block, edi

; How the image describes itself to tools (struct vmi_ring1_descriptor in include/vmi/rom.h).
descriptor:
        db      'VmiR'                  ; 00 magic
        db      1                       ; 04 version
flags:  db      0                       ; 05 flags that are set: FLAG_CONTROL
        db      FLAGGED_FIRST           ; 06 slots that are exchanged with a flag: the first,
        db      FLAGGED_COUNT           ; 07 and how many
        dw      flagged                 ; 08 what they are exchanged with
        dw      IMAGE_3 + FLAGS_3       ; 0A the flags in the image of API 3.0
        ring1_kinds                     ; 0C kind of each slot
        bits    32
flagged:
%assign n FLAGGED_FIRST
%rep FLAGGED_COUNT
        push    dword SHARED_ENTRIES + n * 32
        ret
        times   32 - 6 int3
  %assign n n + 1
%endrep
        bits    16

manufacturer:
        db      'vmirom', 0
product:
        db      'VMI ring 1 ROM ', VERSION, 0
text_name:
        db      'vmirom VMI ring 1 ROM ', VERSION, ': ', 0
text_ready:
        db      'waiting for Init', 0
text_no_payload:
        db      'the second ROM is missing', 0
text_no_memory:
        db      'not enough memory', 0
text_end:
        db      13, 10, 0

        times   1800h - ($ - rom) int3
        start_processor

; --- Init -----------------------------------------------------------------------------------------

        bits    32
EFLAGS_ID       equ 200000h
ALL             equ 32 + 4              ; PUSHAD, PUSHFD
WINDOW_START    equ 0xC0000
WINDOW_END      equ 0xE0000

; Init: -> EAX=0 in ring 1, or -1 with nothing changed; clobbers ECX EDX flags
init:   pushfd
        cli
        pushad
        sub     esp,16
        mov     ax,cs
        test    al,3
        jnz     .refuse
        mov     eax,cr0
        test    eax,eax                 ; PG
        jns     .refuse
        pushfd
        xor     dword [esp],EFLAGS_ID
        popfd
        pushfd
        pop     eax
        xor     eax,[esp + 16 + 32]
        test    eax,EFLAGS_ID           ; no CPUID: perhaps no CR4
        jz      .refuse
        call    .here
.here:  pop     ebx
        sub     ebx,.here - rom
        mov     esi,ebx                 ; where physical memory is mapped: the image is in the first MiB
        mov     ebp,ebx
        and     esi,0FFF00000h
        and     ebp,000FFFFFh
        cmp     ebp,WINDOW_START
        jb      .refuse
        cmp     ebp,WINDOW_END
        jae     .refuse
        cmp     ebx,HV_BASE             ; nothing of the guest's may be where we shall be
        jae     .refuse
        cmp     esp,HV_BASE
        jae     .refuse
        sgdt    [esp + 2]
        cmp     dword [esp + 4],HV_BASE
        jae     .refuse
        sidt    [esp + 2]
        cmp     dword [esp + 4],HV_BASE
        jae     .refuse
        call    find_memory             ; EDI=the block
        test    edi,edi
        jz      .refuse
        mov     eax,cr4
        test    al,20h                  ; PAE
        jnz     .pae
        call    maps_image
        jne     .refuse
        mov     ecx,cr3
        and     ecx,0FFFFF000h
        lea     ecx,[ecx + esi + 0FFCh]
        lea     edx,[edi + PAGE_TABLE + PDE_OURS]
        jmp     .enter
.pae:   call    maps_image_pae
        jne     .refuse
        mov     ecx,cr3
        and     ecx,0FFFFFFE0h
        mov     eax,[ecx + esi + 24]    ; the directory of the last GiB
        test    al,1
        jz      .refuse
        cmp     dword [ecx + esi + 28],0
        jne     .refuse
        and     eax,0FFFFF000h
        add     eax,esi
        jc      .refuse
        lea     ecx,[eax + 510 * 8]
        lea     edx,[edi + PAGE_TABLE_PAE + PDE_OURS]
.enter: push    dword [ecx]             ; what was there
        mov     [ecx],edx
        call    forget_pages
        cmp     dword [HV_BASE + SHARED_MAGIC],MAGIC
        jne     .take_back
        cmp     [HV_BASE + SHARED_BLOCK],edi
        jne     .take_back
        cmp     dword [HV_BASE + SHARED_ACTIVE],0
        jne     .take_back
        pop     eax
        mov     [HV_BASE + SHARED_IMAGE],ebp
        movzx   eax,byte [ebx + flags]
        mov     [HV_BASE + SHARED_FLAGS],eax
        lea     eax,[ebx + .ring1 - rom]
        mov     edx,HV_INIT
        jmp     edx
.ring1: add     esp,16
        popad
        popfd
        xor     eax,eax
        ret

.take_back:
        pop     dword [ecx]
        call    forget_pages
.refuse:
        add     esp,16
        popad
        popfd
        or      eax,-1
        ret

; Global pages too, which may be the guest's own; clobbers EAX EDX
CR4_PGE         equ 80h
forget_pages:
        mov     edx,cr3
        mov     eax,cr4
        test    al,CR4_PGE
        jz      .load
        xor     al,CR4_PGE
        mov     cr4,eax
        xor     al,CR4_PGE
        mov     cr4,eax
.load:  mov     cr3,edx
        ret

; EBX=the image -> EDI=the block or 0; clobbers EAX
find_memory:
        mov     edi,[ebx + block]
        test    edi,edi
        jnz     .done
        mov     al,35h
        out     70h,al
        in      al,71h
        mov     ah,al
        mov     al,34h
        out     70h,al
        in      al,71h
        cmp     ax,0x20
        jb      .done
        movzx   edi,ax
        shl     edi,16
        add     edi,0x1000000 - BLOCK_RESERVED - 0x10000
        and     edi,-BLOCK_ALIGN
.done:  ret

; EBX=the image EBP=its physical address ESI=where physical memory is mapped -> ZF: CR3's tables map
; the one to the other. Clobbers EAX, ECX, EDX
maps_image:
        mov     ecx,cr3
        and     ecx,0FFFFF000h
        add     ecx,esi
        jc      .no
        mov     edx,ebx
        shr     edx,22
        mov     eax,[ecx + edx * 4]
        test    al,1
        jz      .no
        test    al,80h                  ; 4 MiB, if CR4 has it
        jnz     .large
        and     eax,0FFFFF000h
        add     eax,esi
        jc      .no
        mov     edx,ebx
        shr     edx,12
        and     edx,3FFh
        mov     eax,[eax + edx * 4]
        jmp     is_page
.large: and     eax,0FFC00000h
        jmp     is_large
.no:    or      eax,1                   ; clears ZF
        ret

maps_image_pae:
        mov     ecx,cr3
        and     ecx,0FFFFFFE0h
        add     ecx,esi
        jc      maps_image.no
        mov     edx,ebx
        shr     edx,30
        mov     eax,[ecx + edx * 8]
        test    al,1
        jz      maps_image.no
        and     eax,0FFFFF000h
        add     eax,esi
        jc      maps_image.no
        mov     edx,ebx
        shr     edx,21
        and     edx,1FFh
        mov     eax,[eax + edx * 8]
        test    al,1
        jz      maps_image.no
        test    al,80h
        jnz     .large
        and     eax,0FFFFF000h
        add     eax,esi
        jc      maps_image.no
        mov     edx,ebx
        shr     edx,12
        and     edx,1FFh
        mov     eax,[eax + edx * 8]
is_page:
        test    al,1
        jz      maps_image.no
        xor     eax,ebp
        test    eax,0FFFFF000h
        ret
.none:
maps_image_pae.large:
        and     eax,0FFE00000h
is_large:
        test    eax,eax                 ; of the first memory
        ret

        times   IMAGE_3 - ($ - rom) int3
        incbin  "ring1/image3.rom"
        align   512, db 0FFh
image_end:
