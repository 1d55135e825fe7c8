/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * publish IMAGE TWIN OUT POLICY TRAP OPERAND [SLOT KIND]...: what the hypervisor's kit publishes,
 * as a file. POLICY is VMI_POLICY_..., TRAP is VMI_TRAP_..., KIND is VMI_SLOT_...; all numbers.
 * TWIN may be -: there is none. Soft bodies come from the file soft.bin, if that exists. With ASKS
 * in the environment Init asks by the trap. Status 0, or the kit's error below 0 as a positive
 * number.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmi/hypervisor.h"

#define MAX (64u << 10)

static uint8_t memory[MAX];

static size_t read_rom(const char *name, uint8_t *bytes) {
    FILE *file = fopen(name, "rb");
    size_t size = file ? fread(bytes, 1, MAX, file) : 0;

    if (file) {
        fclose(file);
    }
    return size;
}

static bool write_rom(void *context, uint32_t address, const void *from, uint32_t size) {
    (void)context;
    memcpy(memory + address, from, size);
    return true;
}

static int publish(char **words, int count, uint32_t *size) {
    static uint8_t image_bytes[MAX], twin_bytes[MAX], scratch[MAX], soft[MAX];
    uint8_t kinds[VMI_CALL_SLOTS];
    struct vmi_image image, twin;
    struct vmi_publication publication;
    struct vmi_plan plan = {.trap = (uint8_t)atoi(words[5]),
                            .operand = (uint8_t)atoi(words[6]),
                            .policy = VMI_POLICY_LIST,
                            .kinds = kinds,
                            .asks = getenv("ASKS")};
    bool has_twin = strcmp(words[2], "-") != 0;
    int error = vmi_hv_open(&image, image_bytes, read_rom(words[1], image_bytes));

    if (read_rom("soft.bin", soft) != 0) {
        plan.soft = (const uint8_t(*)[VMI_CALL_SIZE])soft;
    }
    if (!error && has_twin) {
        error = vmi_hv_open_twin(&twin, &image, twin_bytes, read_rom(words[2], twin_bytes));
    }
    if (!error) {
        error = vmi_hv_kinds(&image, (enum vmi_policy)atoi(words[4]), kinds);
    }
    for (int i = 7; i + 1 < count && !error; i += 2) {
        error = vmi_hv_choose(&image, kinds, (uint32_t)atoi(words[i]), (uint8_t)atoi(words[i + 1]));
    }
    if (!error) {
        error = vmi_hv_publish(&publication, &image, has_twin ? &twin : NULL, &plan, 0, write_rom,
                               NULL, scratch, sizeof(scratch));
    }
    *size = image.size;
    return error;
}

int main(int argc, char **argv) {
    uint32_t size = 0;
    FILE *out;
    int error;

    if (argc < 7) {
        return 120;
    }
    error = publish(argv, argc, &size);
    if (error) {
        return -error;
    }
    out = fopen(argv[3], "wb");
    return out && fwrite(memory, 1, size, out) == size && fclose(out) == 0 ? 0 : 121;
}
