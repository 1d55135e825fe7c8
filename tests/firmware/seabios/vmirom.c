/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * The VMI ROMs inside SeaBIOS: to be compiled as its src/fw/vmirom.c. They become files under
 * genroms/, which SeaBIOS runs like option ROMs that QEMU has brought. The bytes are those of
 * vmi_roms-32.o; SeaBIOS copies them to the option-ROM area itself.
 */
#include "malloc.h"
#include "romfile.h"
#include "string.h"
#include "util.h"
#include "vmi/embed.h"

struct carried {
    struct romfile_s file;
    const u8 *bytes;
};

static int copy_carried(struct romfile_s *file, void *to, u32 size) {
    if (size < file->size) {
        return -1;
    }
    memcpy(to, ((struct carried *)file)->bytes, file->size);
    return file->size;
}

static void carry(const char *name, const u8 *start, const u8 *end) {
    struct carried *rom = malloc_tmp(sizeof(*rom));
    if (!rom) {
        return;
    }
    memset(rom, 0, sizeof(*rom));
    strtcpy(rom->file.name, name, sizeof(rom->file.name));
    rom->file.size = end - start;
    rom->file.copy = copy_carried;
    rom->bytes = start;
    romfile_add(&rom->file);
}

/* What is added last is run first, and gets the lower address: that has to be API 13. */
void vmirom_setup(void) {
    carry("genroms/vmi-3-native.rom", vmi_rom_3_native, vmi_rom_3_native_end);
    carry("genroms/vmi-native.rom", vmi_rom_native, vmi_rom_native_end);
}
