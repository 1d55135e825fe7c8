/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Finding the ROM, and what is printed about it. */
#include "tour.h"
#include "call_names.h"

const void *tour_rom;
uint8_t tour_api = VMI_API_MAJOR_13;

static uint32_t entries[VMI_CALL_SLOTS]; /* API 3.0: the answers by slot; 0: NONE */

uint32_t vmi_address(uint32_t call) {
    uint32_t slot = (uint32_t)vmi_call_slot(tour_rom, call);
    return entries[call] ? entries[call] : slot;
}

int tour_has(uint32_t call) {
    return tour_api == VMI_API_MAJOR_13 || entries[call] || call == VMI_CALL_Init;
}

void tour_ask(void) {
    const struct vmi_rom_header_3 *header = tour_rom;
    entries[VMI_CALL_GetRelocationInfo] = (uint32_t)header->get_reloc;
    for (uint32_t i = 0; i <= VMI3_CALL_LAST; i++) {
        uint64_t answer = vmi1(VMI_CALL_GetRelocationInfo, i);
        entries[vmi3_call_names[i].slot] =
            VMI_RELOCATION_TYPE(answer) == VMI_RELOCATION_CALL_REL ? VMI_RELOCATION_EIP(answer) : 0;
    }
}

static uint32_t crc32(const uint8_t *bytes, uint32_t size) {
    uint32_t crc = 0xFFFFFFFF;
    while (size--) {
        crc ^= *bytes++;
        for (int bit = 0; bit < 8; bit++) {
            crc = crc & 1 ? crc >> 1 ^ 0xEDB88320 : crc >> 1;
        }
    }
    return ~crc;
}

uint32_t tour_rom_size(void) {
    return tour_header()->length * VMI_ROM_BLOCK;
}

uint32_t tour_rom_crc(void) {
    return crc32(tour_rom, tour_rom_size());
}

/* A string of the ROM, or a placeholder if the offset is outside the image. */
static const char *rom_string(uint32_t offset) {
    const char *rom = tour_rom;
    for (uint32_t i = offset; offset && i < tour_rom_size(); i++) {
        if (!rom[i]) {
            return rom + offset;
        }
    }
    return "(none)";
}

static const struct vmi_pnp_header *pnp_header(void) {
    uint32_t offset = tour_header()->pnp_offset;
    return offset && offset + sizeof(struct vmi_pnp_header) <= tour_rom_size()
               ? (const void *)((const uint8_t *)tour_rom + offset)
               : NULL;
}

const char *tour_manufacturer(void) {
    const struct vmi_pnp_header *pnp = pnp_header();
    return pnp ? rom_string(pnp->manufacturer) : "(none)";
}

const char *tour_product(void) {
    const struct vmi_pnp_header *pnp = pnp_header();
    return pnp ? rom_string(pnp->product) : "(none)";
}

static void print_rom(void) {
    uint32_t offset = tour_header()->pci_offset;
    if (offset && offset + VMI_PCIR_SIZE_0 <= tour_rom_size()) {
        const struct vmi_pci_data *pci = (const void *)((const uint8_t *)tour_rom + offset);
        guest_printf("  PCI %04x:%04x, ROM revision %u.%u\n", pci->vendor, pci->device,
                     pci->code_revision >> 8, pci->code_revision & 0xFF);
    }
    guest_printf("  Plug and Play: \"%s\", \"%s\"\n", tour_manufacturer(), tour_product());
    if (tour_api == VMI_API_MAJOR_3) {
        const struct vmi_rom_header_3 *header = tour_rom;
        guest_printf("  licence \"%s\"\n", rom_string(header->license_offset));
    }
    guest_printf("  CRC-32 of the image %08X\n", tour_rom_crc());
}

static void print_finding(const struct rom_found *found) {
    guest_printf("  %08Xh %6u bytes  ", found->phys, found->size);
    if (found->verdict == ROM_NOT_VMI) {
        guest_puts("another option ROM\n");
        return;
    }
    guest_printf("VMI API %u.%u, ", found->major, found->minor);
    if (found->verdict == ROM_BAD_CHECKSUM) {
        guest_printf("checksum WRONG: the bytes sum to %02Xh\n", found->sum);
    } else if (found->verdict == ROM_BAD_LENGTH) {
        guest_puts("length WRONG\n");
    } else {
        guest_printf("checksum right%s\n", found->verdict == ROM_UNUSED ? ", not used" : "");
    }
}

/* Prints one line: why there is no usable ROM. */
static void say_why_not(const struct rom_found *found, uint32_t count) {
    for (; count; found++, count--) {
        switch (found->verdict) {
        case ROM_BAD_CHECKSUM:
            guest_printf("VMI ROM at %08Xh refused: its bytes sum to %02Xh, not to 0; "
                         "going on natively.\n",
                         found->phys, found->sum);
            return;
        case ROM_BAD_LENGTH:
            guest_printf("VMI ROM at %08Xh refused: its length is wrong; going on natively.\n",
                         found->phys);
            return;
        case ROM_FOREIGN_MAJOR:
            guest_printf("VMI ROM at %08Xh refused: API %u.%u, wanted %u; going on natively.\n",
                         found->phys, found->major, found->minor, tour_api);
            return;
        default:
            break;
        }
    }
    guest_puts("No VMI ROM from C0000h to DFFFFh; going on natively.\n");
}

int tour_find_rom(int talk) {
    struct rom_found found[16];
    uint32_t count;
    tour_rom =
        (const void *)guest_find_rom_of(tour_api, found, sizeof(found) / sizeof(found[0]), &count);
    if (!talk) {
        return tour_rom != NULL;
    }
    guest_puts("Looking for a VMI ROM from C0000h to DFFFFh:\n");
    for (uint32_t i = 0; i < count; i++) {
        print_finding(&found[i]);
    }
    if (!tour_rom) {
        say_why_not(found, count);
        return 0;
    }
    print_rom();
    return 1;
}
