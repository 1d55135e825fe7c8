/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * The layout of a VMI ROM image, for guests, hypervisors and tools alike.
 *
 * Sources: the VMI ABI of API 13 (2006, 13.0 and 13.3) and API 3.0 for the VMI fields, the PCI
 * Firmware specification 3.0 for PCIR, the Plug and Play BIOS specification 1.0A for $PnP. "Seed"
 * is the interface header that came with API 13; its names are given for comparison with old code.
 *
 * All fields are little-endian. Offsets are in bytes from the start of the image, lengths in the
 * unit that each comment names; a block is 512 bytes. Every structure has its true layout without
 * packing; misaligned fields are byte arrays. The header needs no library and no other file, and
 * works in C from C89 with GNU's extensions on and in C++ from C++11 on.
 *
 * With VMI_OWN_TYPES defined it includes nothing, nor do api.h, calls.h and guest.h: int8_t,
 * int32_t and uint8_t to uint64_t are there before, types or macros.
 */
#ifndef VMI_ROM_H
#define VMI_ROM_H

#ifdef VMI_OWN_TYPES
#define VMI_OFFSETOF __builtin_offsetof
#else
#include <stddef.h>
#include <stdint.h>
#define VMI_OFFSETOF offsetof
#endif

#if defined(__cplusplus)
#define VMI_STATIC_ASSERT static_assert
#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
#define VMI_STATIC_ASSERT _Static_assert
#else
#define VMI_STATIC_ASSERT(condition, text) extern char vmi_assertion[(condition) ? 1 : -1]
#endif

#define VMI_ASSERT_OFFSET(type, field, offset)                                                     \
    VMI_STATIC_ASSERT(VMI_OFFSETOF(struct type, field) == (offset), #type "." #field)
#define VMI_ASSERT_SIZE(type, size) VMI_STATIC_ASSERT(sizeof(struct type) == (size), #type)

/* Where a guest looks for a ROM: physical addresses; END is the first byte behind the area. */
#define VMI_SCAN_START 0xC0000u
#define VMI_SCAN_END   0xE0000u
#define VMI_SCAN_STEP  2048u

/* Sizes. The length byte of the ROM header counts blocks, so an image has at most 255 of them. */
#define VMI_ROM_BLOCK         512u
#define VMI_ROM_MAX_BLOCKS    255u
/* API 13: a Linux 13.0 guest panics above 16 KiB and reads the length byte as signed. */
#define VMI_ROM_MAX_BLOCKS_13 32u
#define VMI_ROM_MAX_SIZE_13   (VMI_ROM_MAX_BLOCKS_13 * VMI_ROM_BLOCK)
/* API 13: the image holds the whole call table. */
#define VMI_ROM_MIN_BLOCKS_13 8u

/* Signatures, as little-endian numbers. */
#define VMI_ROM_SIGNATURE  0xAA55u     /* bytes 55 AA: any option ROM */
#define VMI_SIGNATURE      0x696D5663u /* bytes "cVmi": a VMI ROM */
#define VMI_PCIR_SIGNATURE 0x52494350u /* bytes "PCIR" */
#define VMI_PNP_SIGNATURE  0x506E5024u /* bytes "$PnP" */

/* API versions. The major number must match, a higher minor only adds calls. */
#define VMI_API_MAJOR_13 13u
#define VMI_API_MAJOR_3  3u

/* The vendor's PCI identity, carried in PCIR. */
#define VMI_PCI_VENDOR 0x15ADu
#define VMI_PCI_DEVICE 0x0801u

/* Calls of API 13: number N stands at VMI_CALL_SIZE * N from the start of the ROM. */
#define VMI_CALL_SIZE           32u
#define VMI_CALL_SLOTS          128u
#define VMI_CALL_FIRST          4u /* slots 0 to 3 hold the header */
#define VMI_CALL_OFFSET(number) ((number)*VMI_CALL_SIZE)
#define VMI_CALLS_START         (VMI_CALL_FIRST * VMI_CALL_SIZE)
#define VMI_CALLS_END           (VMI_CALL_SLOTS * VMI_CALL_SIZE)

/* One call's code (seed: VROMCallEntry). A body that is longer jumps out of its slot. */
struct vmi_call_entry {
    uint8_t code[VMI_CALL_SIZE]; /* seed: f */
};

VMI_ASSERT_SIZE(vmi_call_entry, 32);

/*
 * All slots (seed: VROMCallTable). The table begins at the START of the ROM: its first four entries
 * are the header, so the index is the call number itself. The seed's remark "@ 0x80: ROM calls
 * 4-127" tells where entry 4 is, not where the table begins.
 */
struct vmi_call_table {
    struct vmi_call_entry call[VMI_CALL_SLOTS]; /* seed: vromCall */
};

VMI_ASSERT_SIZE(vmi_call_table, 4096);

/* Where call `number` (4..127) of the API 13 ROM mapped at `rom` begins: rom + 32 * number. */
static __inline__ const struct vmi_call_entry *vmi_call_slot(const void *rom, uint32_t number) {
    return &((const struct vmi_call_table *)rom)->call[number];
}

/*
 * What a kernel may do instead of a call: private to this implementation, in both APIs. An image
 * with this data has VMI_INLINE_SIGNATURE at VMI_INLINE_OFFSET, in the free part of the header.
 * Then the last byte of each slot is one of the values below; any other value, above all INT3,
 * means that the slot must be called. The byte belongs to the body: it is exchanged with the 32
 * bytes of its slot, and trap stubs never have it.
 *
 * 1 to VMI_INLINE_MAX: that many bytes of the slot, minus the last one, which is the RET of the
 * body, may be copied into a call site. They run at any address and use no stack arguments; the
 * first instruction has at most five bytes and tolerates DS prefixes. With VMI_INLINE_LEAVES the
 * body also returns once by a RET and a NOP; a copy has a short jump there. VMI_INLINE_NATIVE: the
 * body cannot be copied, but does what the kernel's own instructions do. A slot that begins with
 * RET has nothing to copy, whatever its last byte.
 */
#define VMI_INLINE_OFFSET    0x38u
#define VMI_INLINE_SIGNATURE 0x49696D56u /* bytes "VmiI" */
#define VMI_INLINE_AT        (VMI_CALL_SIZE - 1)
#define VMI_INLINE_MAX       31u
#define VMI_INLINE_LEAVES    0x40u
#define VMI_INLINE_NATIVE    0x80u

/* The header of API 13 (seed: VROMHeader), 128 bytes. */
struct vmi_rom_header {
    /* seed romSignature: VMI_ROM_SIGNATURE */
    uint16_t signature;
    /* seed romLength: blocks in the image. Signed there, hence 8..32 only; their bytes sum to 0 */
    uint8_t length;
    /* seed romEntry: 16-bit code, far-called by the BIOS. The byte behind a 3-byte jump is the
     * checksum byte */
    uint8_t entry[4];
    /* seed romPad0: free, a fifth code byte if needed */
    uint8_t pad0;
    /* seed vRomSignature: VMI_SIGNATURE */
    uint32_t vmi_signature;
    /* seed APIVersionMinor: 0.., the guest's own minor or more */
    uint8_t api_minor;
    /* seed APIVersionMajor: VMI_API_MAJOR_13 */
    uint8_t api_major;
    /* seed reserved0: 0 */
    uint8_t reserved0;
    /* seed reserved1: 0 */
    uint8_t reserved1;
    /* seed reserved2: 0 */
    uint32_t reserved2;
    /* seed reserved3: for the ROM's own use, guests ignore it */
    uint32_t reserved3;
    /* seed pciHeaderOffset: offset of struct vmi_pci_data, 0 = none */
    uint16_t pci_offset;
    /* seed pnpHeaderOffset: offset of struct vmi_pnp_header, 0 = none */
    uint16_t pnp_offset;
    /* seed romPad3: 0 */
    uint32_t pad3;
    /* seed romCallReserved: slots 1 to 3, free space for the structures below and their strings */
    struct vmi_call_entry reserved_calls[3];
};

VMI_ASSERT_OFFSET(vmi_rom_header, signature, 0x00);
VMI_ASSERT_OFFSET(vmi_rom_header, length, 0x02);
VMI_ASSERT_OFFSET(vmi_rom_header, entry, 0x03);
VMI_ASSERT_OFFSET(vmi_rom_header, pad0, 0x07);
VMI_ASSERT_OFFSET(vmi_rom_header, vmi_signature, 0x08);
VMI_ASSERT_OFFSET(vmi_rom_header, api_minor, 0x0C);
VMI_ASSERT_OFFSET(vmi_rom_header, api_major, 0x0D);
VMI_ASSERT_OFFSET(vmi_rom_header, reserved0, 0x0E);
VMI_ASSERT_OFFSET(vmi_rom_header, reserved1, 0x0F);
VMI_ASSERT_OFFSET(vmi_rom_header, reserved2, 0x10);
VMI_ASSERT_OFFSET(vmi_rom_header, reserved3, 0x14);
VMI_ASSERT_OFFSET(vmi_rom_header, pci_offset, 0x18);
VMI_ASSERT_OFFSET(vmi_rom_header, pnp_offset, 0x1A);
VMI_ASSERT_OFFSET(vmi_rom_header, pad3, 0x1C);
VMI_ASSERT_OFFSET(vmi_rom_header, reserved_calls, 0x20);
VMI_ASSERT_SIZE(vmi_rom_header, 0x80);

#define VMI_ROM_FIELDS_END      0x20u /* where the fields end and the free header space begins */
#define VMI_ROM_CHECKSUM_OFFSET 6u    /* last byte of entry[]: makes the image's bytes sum to 0 */

/*
 * The header of API 3.0, 144 bytes. Seed names in brackets: fields that both layouts have keep
 * their meaning. There are no slots: every call is found by asking get_reloc.
 */
struct vmi_rom_header_3 {
    /* [romSignature] VMI_ROM_SIGNATURE */
    uint16_t signature;
    /* [romLength] blocks in the image, 1..255 */
    uint8_t length;
    /* [romEntry] 16-bit code, far-called by the BIOS */
    uint8_t entry[4];
    /* [romPad0] free */
    uint8_t pad0;
    /* [vRomSignature] VMI_SIGNATURE */
    uint32_t vmi_signature;
    /* [APIVersionMinor] 0.. */
    uint8_t api_minor;
    /* [APIVersionMajor] VMI_API_MAJOR_3 */
    uint8_t api_major;
    /* [reserved0] number of jump slots; no guest reads it */
    uint8_t jump_slots;
    /* [reserved1] 0 */
    uint8_t reserved1;
    /* [reserved2] lowest linear address that the hypervisor reserves, 0 = none reserved */
    uint32_t virtual_top;
    /* [reserved3, low half] 0 */
    uint16_t reserved2;
    /* [reserved3, high half] offset of the licence: "GPL" or "GPL v2", NUL behind it */
    uint16_t license_offset;
    /* [pciHeaderOffset] offset of struct vmi_pci_data; 0 makes Linux refuse the ROM */
    uint16_t pci_offset;
    /* [pnpHeaderOffset] offset of struct vmi_pnp_header, 0 = none */
    uint16_t pnp_offset;
    /* [romPad3] 0 */
    uint32_t pad3;
    /* [romCallReserved] free space */
    uint8_t reserved[96];
    /* code: Init, usually a jump */
    uint8_t init[8];
    /* code: GetRelocationInfo */
    uint8_t get_reloc[8];
};

VMI_ASSERT_OFFSET(vmi_rom_header_3, signature, 0x00);
VMI_ASSERT_OFFSET(vmi_rom_header_3, length, 0x02);
VMI_ASSERT_OFFSET(vmi_rom_header_3, entry, 0x03);
VMI_ASSERT_OFFSET(vmi_rom_header_3, pad0, 0x07);
VMI_ASSERT_OFFSET(vmi_rom_header_3, vmi_signature, 0x08);
VMI_ASSERT_OFFSET(vmi_rom_header_3, api_minor, 0x0C);
VMI_ASSERT_OFFSET(vmi_rom_header_3, api_major, 0x0D);
VMI_ASSERT_OFFSET(vmi_rom_header_3, jump_slots, 0x0E);
VMI_ASSERT_OFFSET(vmi_rom_header_3, reserved1, 0x0F);
VMI_ASSERT_OFFSET(vmi_rom_header_3, virtual_top, 0x10);
VMI_ASSERT_OFFSET(vmi_rom_header_3, reserved2, 0x14);
VMI_ASSERT_OFFSET(vmi_rom_header_3, license_offset, 0x16);
VMI_ASSERT_OFFSET(vmi_rom_header_3, pci_offset, 0x18);
VMI_ASSERT_OFFSET(vmi_rom_header_3, pnp_offset, 0x1A);
VMI_ASSERT_OFFSET(vmi_rom_header_3, pad3, 0x1C);
VMI_ASSERT_OFFSET(vmi_rom_header_3, reserved, 0x20);
VMI_ASSERT_OFFSET(vmi_rom_header_3, init, 0x80);
VMI_ASSERT_OFFSET(vmi_rom_header_3, get_reloc, 0x88);
VMI_ASSERT_SIZE(vmi_rom_header_3, 0x90);

/*
 * The policy of our images of API 3.0, right behind the slot page: which calls GetRelocationInfo
 * answers with. A byte for each call number: its slot, and VMI3_POLICY_CALL if the answer is
 * CALL_REL; without that bit it is NONE and the guest keeps its own code. `romsum --policy` changes
 * it. Guests need none of this, and other ROMs of API 3.0 may have anything here.
 */
#define VMI3_POLICY_OFFSET     VMI_CALLS_END
#define VMI3_POLICY_MAGIC      0x50696D56u /* bytes "VmiP" */
#define VMI3_POLICY_VERSION    1u
#define VMI3_POLICY_CALL       0x80u
#define VMI3_POLICY_AT_MAGIC   0u /* 4 bytes; offsets in the policy */
#define VMI3_POLICY_AT_VERSION 4u /* 1 byte */
#define VMI3_POLICY_AT_COUNT   5u /* 1 byte: call numbers that follow, from 0 */
#define VMI3_POLICY_AT_CALLS   6u

/*
 * What GetRelocationInfo returns in EDX:EAX for a call number in EAX (call 85 of API 13.3,
 * get_reloc of API 3.0): EAX is eip, DL the type, EDX[31:8] reserved.
 */
#define VMI_RELOCATION_NONE     0u /* no such call: keep the native code; eip means nothing */
#define VMI_RELOCATION_CALL_REL 1u /* near CALL to eip */
#define VMI_RELOCATION_JUMP_REL 2u /* near JMP to eip, for a call that does not return */
#define VMI_RELOCATION_NOP      3u /* API 3.0 only: omit the operation */

/* The same eight bytes in memory. */
struct vmi_relocation {
    uint32_t eip;        /* linear address of the code */
    uint8_t type;        /* VMI_RELOCATION_... */
    uint8_t reserved[3]; /* do not read */
};

VMI_ASSERT_OFFSET(vmi_relocation, eip, 0);
VMI_ASSERT_OFFSET(vmi_relocation, type, 4);
VMI_ASSERT_OFFSET(vmi_relocation, reserved, 5);
VMI_ASSERT_SIZE(vmi_relocation, 8);

/* The parts of the record; `record` is the 64-bit result with EDX as its high half. */
#define VMI_RELOCATION_EIP(record)  ((uint32_t)(record))
#define VMI_RELOCATION_TYPE(record) ((uint32_t)(((record) >> 32) & 0xFFu))

/*
 * PCI data structure ("PCIR"), on a 4-byte boundary. Revision 0 has 24 bytes and ends with a
 * reserved word at 0x16, revision 3 (PCI Firmware 3.0) has 28.
 */
struct vmi_pci_data {
    uint8_t signature[4]; /* "PCIR" */
    uint16_t vendor;      /* VMI_PCI_VENDOR, or the ids of the device that carries the ROM */
    uint16_t device;      /* VMI_PCI_DEVICE */
    uint16_t device_list; /* revision 3: more device ids, offset from PCIR, 0 = none */
    uint16_t length;      /* of this structure, in bytes */
    uint8_t revision;     /* 0 or 3 */
    uint8_t prog_if;      /* class code, lowest byte first */
    uint8_t subclass;
    uint8_t base_class;
    uint16_t image_length;  /* blocks up to the next image or the end */
    uint16_t code_revision; /* the vendor's; Linux prints it as major, minor from the high byte */
    uint8_t code_type;      /* VMI_PCIR_CODE_X86 */
    uint8_t indicator;      /* VMI_PCIR_LAST_IMAGE */
    uint16_t max_run_time_length; /* revision 3: blocks kept after initialisation; else reserved */
    uint16_t config_utility;      /* revision 3: offset of the configuration utility code header */
    uint16_t clp_entry;           /* revision 3: offset of the DMTF CLP entry */
};

VMI_ASSERT_OFFSET(vmi_pci_data, signature, 0x00);
VMI_ASSERT_OFFSET(vmi_pci_data, vendor, 0x04);
VMI_ASSERT_OFFSET(vmi_pci_data, device, 0x06);
VMI_ASSERT_OFFSET(vmi_pci_data, device_list, 0x08);
VMI_ASSERT_OFFSET(vmi_pci_data, length, 0x0A);
VMI_ASSERT_OFFSET(vmi_pci_data, revision, 0x0C);
VMI_ASSERT_OFFSET(vmi_pci_data, prog_if, 0x0D);
VMI_ASSERT_OFFSET(vmi_pci_data, subclass, 0x0E);
VMI_ASSERT_OFFSET(vmi_pci_data, base_class, 0x0F);
VMI_ASSERT_OFFSET(vmi_pci_data, image_length, 0x10);
VMI_ASSERT_OFFSET(vmi_pci_data, code_revision, 0x12);
VMI_ASSERT_OFFSET(vmi_pci_data, code_type, 0x14);
VMI_ASSERT_OFFSET(vmi_pci_data, indicator, 0x15);
VMI_ASSERT_OFFSET(vmi_pci_data, max_run_time_length, 0x16);
VMI_ASSERT_OFFSET(vmi_pci_data, config_utility, 0x18);
VMI_ASSERT_OFFSET(vmi_pci_data, clp_entry, 0x1A);
VMI_ASSERT_SIZE(vmi_pci_data, 0x1C);

#define VMI_PCIR_ALIGN      4u
#define VMI_PCIR_SIZE_0     0x18u /* bytes of revision 0 */
#define VMI_PCIR_SIZE_3     0x1Cu /* bytes of revision 3 */
#define VMI_PCIR_CODE_X86   0u    /* code type: x86, PC-AT BIOS */
#define VMI_PCIR_LAST_IMAGE 0x80u /* indicator: no image behind this one */

/* Plug and Play expansion header ("$PnP"), on a 16-byte boundary, 32 bytes. */
struct vmi_pnp_header {
    uint8_t signature[4];  /* "$PnP" */
    uint8_t revision;      /* 1 */
    uint8_t length;        /* of this header, in units of 16 bytes: 2 */
    uint16_t next;         /* offset of the next expansion header, 0 = none */
    uint8_t reserved0;     /* 0 */
    uint8_t checksum;      /* makes the bytes of this header sum to 0 */
    uint8_t device_id[4];  /* EISA product id, 32 bits, misaligned */
    uint16_t manufacturer; /* offset of a NUL-terminated string; Linux 13.0 prints it unchecked */
    uint16_t product;      /* likewise */
    uint8_t base_class;    /* class code, highest byte first, unlike PCIR */
    uint8_t subclass;
    uint8_t prog_if;
    uint8_t indicators; /* VMI_PNP_... below */
    uint16_t bcv;       /* boot connection vector; 0 in a VMI ROM, or it becomes a boot device */
    uint16_t dv;        /* disconnect vector */
    uint16_t bev;       /* bootstrap entry vector; 0 in a VMI ROM, likewise */
    uint16_t reserved1; /* 0 */
    uint16_t static_resources; /* static resource information vector */
};

VMI_ASSERT_OFFSET(vmi_pnp_header, signature, 0x00);
VMI_ASSERT_OFFSET(vmi_pnp_header, revision, 0x04);
VMI_ASSERT_OFFSET(vmi_pnp_header, length, 0x05);
VMI_ASSERT_OFFSET(vmi_pnp_header, next, 0x06);
VMI_ASSERT_OFFSET(vmi_pnp_header, reserved0, 0x08);
VMI_ASSERT_OFFSET(vmi_pnp_header, checksum, 0x09);
VMI_ASSERT_OFFSET(vmi_pnp_header, device_id, 0x0A);
VMI_ASSERT_OFFSET(vmi_pnp_header, manufacturer, 0x0E);
VMI_ASSERT_OFFSET(vmi_pnp_header, product, 0x10);
VMI_ASSERT_OFFSET(vmi_pnp_header, base_class, 0x12);
VMI_ASSERT_OFFSET(vmi_pnp_header, subclass, 0x13);
VMI_ASSERT_OFFSET(vmi_pnp_header, prog_if, 0x14);
VMI_ASSERT_OFFSET(vmi_pnp_header, indicators, 0x15);
VMI_ASSERT_OFFSET(vmi_pnp_header, bcv, 0x16);
VMI_ASSERT_OFFSET(vmi_pnp_header, dv, 0x18);
VMI_ASSERT_OFFSET(vmi_pnp_header, bev, 0x1A);
VMI_ASSERT_OFFSET(vmi_pnp_header, reserved1, 0x1C);
VMI_ASSERT_OFFSET(vmi_pnp_header, static_resources, 0x1E);
VMI_ASSERT_SIZE(vmi_pnp_header, 0x20);

#define VMI_PNP_ALIGN      16u
#define VMI_PNP_UNIT       16u   /* bytes that one step of the length field counts */
#define VMI_PNP_IPL        0x01u /* indicators: an initial program load device */
#define VMI_PNP_INPUT      0x02u /* an input device */
#define VMI_PNP_DISPLAY    0x04u /* a display device */
#define VMI_PNP_NEEDED     0x10u /* the ROM is only needed when its device boots the machine */
#define VMI_PNP_CACHEABLE  0x20u /* read-cacheable */
#define VMI_PNP_SHADOWABLE 0x40u /* may run from a copy in memory */
#define VMI_PNP_DDIM       0x80u /* follows the device driver initialisation model */

#endif
