/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* The checks of an image before it is used. */

#include "bytes.h"
#include "slot.h"
#include "vmi/hypervisor.h"

#define AT(field)            offsetof(struct vmi_rom_header, field)
#define JUMP_REL16           0xE9 /* of 16-bit code */
#define JUMP_SIZE            3
#define IN_DESCRIPTOR(field) offsetof(struct vmi_hypercall_descriptor, field)

static uint32_t slot_of(uint32_t n) {
    return VMI_CALL_OFFSET(n);
}

/* The checks for hypercall and native images. API 3.0 has these fields where API 13 has them. */
static int open_any(struct vmi_image *image, const uint8_t *bytes, size_t size) {
    uint8_t sum = 0;
    if (size < sizeof(struct vmi_rom_header)) {
        return VMI_ERROR_SHORT;
    }
    if (read_word(bytes) != VMI_ROM_SIGNATURE) {
        return VMI_ERROR_NOT_ROM;
    }
    image->bytes = bytes;
    image->size = bytes[AT(length)] * VMI_ROM_BLOCK;
    if (image->size > size) {
        return VMI_ERROR_SHORT;
    }
    for (uint32_t i = 0; i < image->size; i++) {
        sum = (uint8_t)(sum + bytes[i]);
    }
    if (sum != 0) {
        return VMI_ERROR_CHECKSUM;
    }
    if (read_dword(bytes + AT(vmi_signature)) != VMI_SIGNATURE) {
        return VMI_ERROR_NOT_VMI;
    }
    image->api = bytes[AT(api_major)];
    if (image->api != VMI_API_MAJOR_13 && image->api != VMI_API_MAJOR_3) {
        return VMI_ERROR_API;
    }
    if (image->size < VMI_CALLS_END) {
        return VMI_ERROR_SHORT;
    }
    image->descriptor = read_word(bytes + VMI_HYPERCALL_POINTER);
    return 0;
}

/* What the call table allows: some slots are never exchanged, and some calls always trap. */
static bool kind_is_allowed(const struct vmi_image *image, uint8_t kind, uint32_t n) {
    /* An API 3.0 image may keep calls that only API 13 has: its guests cannot name them. */
    uint8_t flags =
        image->api == VMI_API_MAJOR_13 ? vmi_kit_slot_flags(image->api, n) : vmi_kit_slot(n)->flags;
    switch (kind) {
    case VMI_SLOT_NATIVE:
        return n > VMI_CALL_FIRST && (flags & VMI_MAY_NATIVE || !(flags & VMI_MAY_TRAP));
    case VMI_SLOT_TRAP:
    case VMI_SLOT_SOFT:
        return flags & VMI_MAY_TRAP;
    case VMI_SLOT_NOP:
        return flags & VMI_MAY_NOP;
    case VMI_SLOT_OWN:
        return n <= VMI_CALL_FIRST;
    default:
        return false;
    }
}

static int check_descriptor(const struct vmi_image *image) {
    const uint8_t *d = image->bytes + image->descriptor;
    uint8_t trap, operand, flags, expected[VMI_CALL_SIZE];
    if (image->descriptor < VMI_CALLS_END ||
        image->size - image->descriptor < sizeof(struct vmi_hypercall_descriptor) ||
        image->descriptor > image->size || read_dword(d) != VMI_HYPERCALL_MAGIC) {
        return VMI_ERROR_DESCRIPTOR;
    }
    if (d[IN_DESCRIPTOR(version)] != VMI_HYPERCALL_VERSION) {
        return VMI_ERROR_VERSION;
    }
    trap = d[IN_DESCRIPTOR(trap)];
    operand = d[IN_DESCRIPTOR(operand)];
    flags = d[IN_DESCRIPTOR(flags)];
    if (!vmi_kit_trap_is_valid(trap, operand) || flags & ~VMI_HYPERCALL_ASKS ||
        (flags && trap != VMI_TRAP_OUT)) {
        return VMI_ERROR_KINDS;
    }
    vmi_kit_ask_bytes(expected, flags, operand);
    if (!equal_bytes(image->bytes + VMI_HYPERCALL_ASK_OFFSET, expected, VMI_HYPERCALL_ASK_SIZE)) {
        return VMI_ERROR_SITE;
    }
    for (uint32_t n = 0; n < VMI_CALL_SLOTS; n++) {
        uint8_t kind = d[IN_DESCRIPTOR(kind) + n];
        if (!kind_is_allowed(image, kind, n)) {
            return VMI_ERROR_KINDS;
        }
        if (kind != VMI_SLOT_TRAP && kind != VMI_SLOT_NOP) {
            continue;
        }
        vmi_kit_slot_bytes(expected, kind, trap, operand);
        if (!equal_bytes(image->bytes + slot_of(n), expected, VMI_CALL_SIZE)) {
            return VMI_ERROR_SITE;
        }
    }
    return 0;
}

int vmi_hv_open(struct vmi_image *image, const void *bytes, size_t size) {
    struct vmi_image found;
    int error = open_any(&found, bytes, size);
    if (!error) {
        error = check_descriptor(&found);
    }
    if (!error) {
        copy_bytes(image, &found, sizeof(found));
    }
    return error;
}

int vmi_hv_adopt(struct vmi_publication *publication, const void *bytes, size_t size,
                 uint32_t address) {
    struct vmi_image found;
    const uint8_t *descriptor;
    int error = vmi_hv_open(&found, bytes, size);
    if (error) {
        return error;
    }
    if (address % VMI_KIT_PAGE != 0 || address > UINT32_MAX - (found.size - 1)) {
        return VMI_ERROR_ADDRESS;
    }
    descriptor = found.bytes + found.descriptor;
    publication->address = address;
    publication->size = found.size;
    publication->api = found.api;
    publication->trap = descriptor[IN_DESCRIPTOR(trap)];
    publication->operand = descriptor[IN_DESCRIPTOR(operand)];
    publication->flags = descriptor[IN_DESCRIPTOR(flags)];
    copy_bytes(publication->kind, descriptor + IN_DESCRIPTOR(kind), VMI_CALL_SLOTS);
    return 0;
}

/* The code revision in PCIR; false if there is no PCIR. */
static bool code_revision(const struct vmi_image *image, uint32_t *revision) {
    uint32_t pcir = read_word(image->bytes + AT(pci_offset));
    if (pcir < VMI_ROM_FIELDS_END || pcir > image->size - VMI_PCIR_SIZE_0) {
        return false;
    }
    *revision = read_word(image->bytes + pcir + offsetof(struct vmi_pci_data, code_revision));
    return true;
}

/* Native bodies jump out of their slots: what they lead to ends at the POST entry, the first thing
 * that has to differ. Policies may: only the slots that they name count. */
static bool are_alike_outside(const struct vmi_image *twin, const struct vmi_image *image) {
    const uint8_t *a = twin->bytes, *b = image->bytes;
    const uint32_t calls = VMI3_POLICY_OFFSET + VMI3_POLICY_AT_CALLS;
    uint32_t calls_end = calls, end = AT(entry) + JUMP_SIZE + read_word(a + AT(entry) + 1);
    if (a[AT(entry)] != JUMP_REL16 || end > image->size) {
        return false;
    }
    if (end > twin->size) { /* it may be the slots alone */
        end = twin->size;
    }
    if (twin->api == VMI_API_MAJOR_3) {
        calls_end += b[VMI3_POLICY_OFFSET + VMI3_POLICY_AT_COUNT];
    }
    for (uint32_t at = VMI_CALLS_END; at < end; at++) {
        uint8_t may_differ = at >= calls && at < calls_end ? VMI3_POLICY_CALL : 0;
        if ((a[at] ^ b[at]) & ~may_differ) {
            return false;
        }
    }
    return true;
}

static bool are_twins(const struct vmi_image *twin, const struct vmi_image *image) {
    const uint8_t *a = twin->bytes, *b = image->bytes;
    const uint8_t *kind = b + image->descriptor + IN_DESCRIPTOR(kind);
    uint32_t revision, other;
    if (twin->api != image->api || a[AT(api_minor)] != b[AT(api_minor)] ||
        !code_revision(twin, &revision) || !code_revision(image, &other) || revision != other) {
        return false;
    }
    if (!equal_bytes(a + AT(entry), b + AT(entry), VMI_ROM_CHECKSUM_OFFSET - AT(entry)) ||
        !equal_bytes(a + AT(pci_offset), b + AT(pci_offset), 4)) {
        return false;
    }
    for (uint32_t n = VMI_CALL_FIRST; n < VMI_CALL_SLOTS; n++) {
        if (kind[n] == VMI_SLOT_NATIVE &&
            !equal_bytes(a + slot_of(n), b + slot_of(n), VMI_CALL_SIZE)) {
            return false;
        }
    }
    return are_alike_outside(twin, image);
}

int vmi_hv_open_twin(struct vmi_image *twin, const struct vmi_image *image, const void *bytes,
                     size_t size) {
    struct vmi_image found;
    int error = open_any(&found, bytes, size);
    if (error) {
        return error;
    }
    if (found.descriptor != 0) {
        return VMI_ERROR_NOT_NATIVE;
    }
    if (!are_twins(&found, image)) {
        return VMI_ERROR_TWIN;
    }
    copy_bytes(twin, &found, sizeof(found));
    return 0;
}
