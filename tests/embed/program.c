/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* A program that carries the images. For 64 bits: program DIRECTORY writes each to a file of its
 * name there and prints the table. For 32 bits it is only linked: FREESTANDING. */
#include <stdint.h>

#include "vmi/embed.h"

#ifdef FREESTANDING
_Static_assert(sizeof(struct vmi_embedded_rom) == 16, "as roms.asm has it");

const struct vmi_embedded_rom *start(void);
const struct vmi_embedded_rom *start(void) {
    return vmi_embedded_rom(VMI_API_MAJOR_3, VMI_EMBED_HYPERCALL);
}
#else
#include <stdio.h>

_Static_assert(sizeof(struct vmi_embedded_rom) == 24, "as roms.asm has it");

static int symbols_agree(void) {
    static const struct {
        uint32_t api, kind;
        const uint8_t *start, *end;
    } symbols[] = {
        {VMI_API_MAJOR_13, VMI_EMBED_NATIVE, vmi_rom_native, vmi_rom_native_end},
        {VMI_API_MAJOR_13, VMI_EMBED_HYPERCALL, vmi_rom_hypercall, vmi_rom_hypercall_end},
        {VMI_API_MAJOR_3, VMI_EMBED_NATIVE, vmi_rom_3_native, vmi_rom_3_native_end},
        {VMI_API_MAJOR_3, VMI_EMBED_HYPERCALL, vmi_rom_3_hypercall, vmi_rom_3_hypercall_end},
    };
    uint32_t count = sizeof(symbols) / sizeof(symbols[0]);
    for (uint32_t i = 0; i < count; i++) {
        const struct vmi_embedded_rom *rom = vmi_embedded_rom(symbols[i].api, symbols[i].kind);
        if (!rom || rom->bytes != symbols[i].start ||
            rom->size != (uint32_t)(symbols[i].end - symbols[i].start)) {
            return 0;
        }
    }
    return vmi_embedded_rom_count == count && !vmi_embedded_rom(4, VMI_EMBED_NATIVE);
}

int main(int argc, char **argv) {
    for (uint32_t i = 0; argc > 1 && i < vmi_embedded_rom_count; i++) {
        const struct vmi_embedded_rom *rom = &vmi_embedded_roms[i];
        char path[4096];
        snprintf(path, sizeof(path), "%s/%s.rom", argv[1], rom->name);
        FILE *file = fopen(path, "wb");
        if (!file || fwrite(rom->bytes, 1, rom->size, file) != rom->size || fclose(file)) {
            return 2;
        }
        printf("%s %u %u %u\n", rom->name, rom->api, rom->kind, rom->size);
    }
    return !symbols_agree();
}
#endif
