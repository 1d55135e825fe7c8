/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* A 32-bit hypervisor without a C library publishes an image that it carries. */
#include "vmi/embed.h"
#include "vmi/hypervisor.h"

static uint8_t memory[0x100000], scratch[0x2000];

static bool write_guest(void *context, uint32_t address, const void *from, uint32_t size) {
    (void)context;
    for (uint32_t i = 0; i < size; i++) {
        memory[address + i] = ((const uint8_t *)from)[i];
    }
    return true;
}

int publish(struct vmi_publication *publication);

int publish(struct vmi_publication *publication) {
    const struct vmi_embedded_rom *rom = vmi_embedded_rom(VMI_API_MAJOR_13, VMI_EMBED_HYPERCALL);
    static const struct vmi_plan plan = {.trap = VMI_TRAP_VMCALL, .policy = VMI_POLICY_DEFAULT};
    struct vmi_image image;
    int error = vmi_hv_open(&image, rom->bytes, rom->size);

    return error ? error
                 : vmi_hv_publish(publication, &image, NULL, &plan, 0xC8000, write_guest, NULL,
                                  scratch, sizeof(scratch));
}
