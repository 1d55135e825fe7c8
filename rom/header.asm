; SPDX-License-Identifier: GPL-2.0-only OR MIT
;
; The first 128 bytes of an image: the option ROM header with VMI's fields in
; its reserved part (ABI notes, 2.1), and in the three slots that no call uses
; the PCI data structure, the PnP expansion header and the strings.
; romsum fills in what depends on the whole image: lengths and checksums.

        extern  post

%include "gen/slots.inc"
%include "image.inc"                    ; generated: the tables of this image

        bits    16

section .header progbits alloc exec nowrite align=1

        global  rom_header:object (rom_header.end - rom_header)
rom_header:
        db      55h, 0AAh               ; 00 romSignature
        db      0                       ; 02 romLength, in 512-byte blocks: romsum
        jmp     near post               ; 03 romEntry: the BIOS far-calls offset 3
        db      0                       ; 06 checksum byte: romsum
        db      0                       ; 07 romPad0
        db      'cVmi'                  ; 08 vRomSignature
%if API = 3
        db      0                       ; 0C api_version_min
        db      3                       ; 0D api_version_maj
        db      API3_LAST + 1           ; 0E jump_slots: calls that GetRelocationInfo knows
        db      0                       ; 0F reserved1
        dd      0                       ; 10 virtual_top: no linear space is reserved
%else
        db      3                       ; 0C APIVersionMinor
        db      13                      ; 0D APIVersionMajor
        db      0                       ; 0E reserved0
        db      0                       ; 0F reserved1
        dd      0                       ; 10 reserved2
%endif
%ifdef HYPERCALL
        dw      descriptor              ; 14 reserved3 (3.0: reserved2): offset of the descriptor
%else
        dw      0                       ; 14 reserved3 (3.0: reserved2)
%endif
%if API = 3
        dw      licence                 ; 16 license_offs
%else
        dw      0                       ; 16 reserved3, high half
%endif
        dw      pci_data - rom_header   ; 18 pciHeaderOffset
        dw      pnp_header - rom_header ; 1A pnpHeaderOffset
        dd      0                       ; 1C romPad3
.end:

; Revision 0: a PCI 3.0 BIOS then runs the image in place, as is required.
        global  pci_data:object (pci_data.end - pci_data)
pci_data:
        db      'PCIR'                  ; 00 signature
        dw      15ADh                   ; 04 vendor id
        dw      0801h                   ; 06 device id: Virtual Machine Interface
        dw      0                       ; 08 vital product data: none
        dw      .end - pci_data         ; 0A structure length
        db      0                       ; 0C structure revision
        db      00h, 80h, 05h           ; 0D class: interface, sub-class other, memory controller
        dw      0                       ; 10 image length, in 512-byte blocks: romsum
        db      VERSION_MINOR           ; 12 code revision, minor
        db      VERSION_MAJOR           ; 13 code revision, major
        db      0                       ; 14 code type: x86 PC-AT
        db      80h                     ; 15 indicator: last image
        dw      0                       ; 16 reserved
.end:
        db      'VmiI'                  ; 38: the slots' last bytes are inlining data
        align   16, db 0

; No BCV, no BEV: the BIOS must not offer the ROM as a boot device.
        global  pnp_header:object (pnp_header.end - pnp_header)
pnp_header:
        db      '$PnP'                  ; 00 signature
        db      1                       ; 04 structure revision
        db      (.end - pnp_header)/16  ; 05 length, in 16-byte units
        dw      0                       ; 06 next header: none
        db      0                       ; 08 reserved
        db      0                       ; 09 checksum: romsum
        dd      0                       ; 0A device id: none
        dw      manufacturer            ; 0E manufacturer string
        dw      product                 ; 10 product string
        db      05h, 80h, 00h           ; 12 class: base class first here
        db      60h                     ; 15 device indicators: shadowable, cacheable
        dw      0                       ; 16 boot connection vector
        dw      0                       ; 18 disconnect vector
        dw      0                       ; 1A bootstrap entry vector
        dw      0                       ; 1C reserved
        dw      0                       ; 1E static resource information vector
.end:
%if API = 3
licence:
        db      'GPL v2', 0             ; one of the two that Linux accepts
%endif

; The POST entry prints all of this as one line, with spaces for the NULs.
%ifdef HYPERCALL
  %define KIND 'hypercall'
%else
  %define KIND 'native'
%endif
%if API = 3
  %define PRODUCT 'VMI 3.0 ', KIND, ' ROM '
%else
  %define PRODUCT 'VMI ', KIND, ' ROM '
%endif
%ifnidn IMAGE,native
section .private progbits alloc exec nowrite align=1 ; a name too long for slot 3
%endif
        global  strings:object (strings_end - strings)
        global  strings_end
strings:
manufacturer:
        db      'vmirom', 0
product:
        db      PRODUCT, VERSION, 0
        db      'at '
strings_end:

%ifdef HYPERCALL
; How an image describes itself to publishers (include/vmi/hypercall.h).
TRAP_VMMCALL    equ 0
SLOT_KIND_NATIVE equ 0
SLOT_KIND_TRAP  equ 1
SLOT_KIND_NOP   equ 2
SLOT_KIND_OWN   equ 3

        global  descriptor:object (descriptor.end - descriptor)
descriptor:
        db      'VmiT'                  ; 00 magic
        db      3                       ; 04 version
        db      TRAP_VMMCALL            ; 05 trap
        db      0                       ; 06 operand
        db      0                       ; 07 flags
        slot_kinds                      ; 08 kind of each slot
.end:
%endif

%if API = 3
        bits    32

section .api3.get_reloc progbits alloc exec nowrite align=1
        extern  $GetRelocationInfo3
        global  get_reloc:function (get_reloc.end - get_reloc)
get_reloc:
        jmp     $GetRelocationInfo3
.end:

%include "policy.inc"

section .api3.policy progbits alloc exec nowrite align=1
        global  policy:object (policy.end - policy)
policy:
        db      'VmiP'                  ; 00 magic
        db      1                       ; 04 version
        db      API3_LAST + 1           ; 05 calls
.calls: policy_calls                    ; 06 slot of each call, and POLICY_CALL
.end:
  %if .calls - policy != POLICY_HEADER
    %error policy.inc and the policy differ
  %endif
%endif
