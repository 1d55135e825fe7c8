/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* A hypervisor's first steps with what is installed: opens the images that it carries. */
#include <stdio.h>

#include "vmi/embed.h"
#include "vmi/hypervisor.h"

int main(void) {
    const struct vmi_embedded_rom *rom = vmi_embedded_rom(VMI_API_MAJOR_13, VMI_EMBED_HYPERCALL);
    const struct vmi_embedded_rom *twin = vmi_embedded_rom(VMI_API_MAJOR_13, VMI_EMBED_NATIVE);
    struct vmi_image image, native;
    int error = vmi_hv_open(&image, rom->bytes, rom->size);
    if (!error) {
        error = vmi_hv_open_twin(&native, &image, twin->bytes, twin->size);
    }
    printf("%s: %s\n", rom->name, error ? vmi_hv_error_text(error) : "opened");
    return error != 0;
}
