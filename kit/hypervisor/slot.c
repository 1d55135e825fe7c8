/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

#ifndef vmi_kit_slots
#define VMI_SLOTS                                                                                  \
    __attribute__((visibility("hidden"))) const struct vmi_slot vmi_kit_slots[VMI_CALL_SLOTS]
#endif

#include "bytes.h"
#include "slot.h"

#define OPCODE_RET    0xC3
#define OPCODE_INT3   0xCC
#define NO_HYPERVISOR 0x83, 0xC8, 0xFF /* OR EAX,-1 */

static const uint8_t sites[VMI_TRAP_KINDS][VMI_TRAP_SITE_SIZE] = {
    [VMI_TRAP_VMMCALL] = VMI_TRAP_SITE_VMMCALL,
    [VMI_TRAP_VMCALL] = VMI_TRAP_SITE_VMCALL,
    [VMI_TRAP_INT] = VMI_TRAP_SITE_INT(0),
    [VMI_TRAP_OUT] = VMI_TRAP_SITE_OUT(0),
};

uint8_t vmi_kit_slot_flags(uint8_t api, uint32_t slot) {
    uint8_t flags = slot < VMI_CALL_SLOTS ? vmi_kit_slots[slot].flags : 0;
    return flags & (api == VMI_API_MAJOR_3 ? VMI_CALL_IN_3 : VMI_CALL_IN_13) ? flags : 0;
}

bool vmi_kit_trap_is_valid(uint8_t trap, uint8_t operand) {
    if (trap == VMI_TRAP_INT) {
        return operand >= VMI_TRAP_INT_FIRST;
    }
    if (trap == VMI_TRAP_OUT) {
        return true;
    }
    return trap < VMI_TRAP_KINDS && operand == 0;
}

void vmi_kit_slot_bytes(uint8_t slot[VMI_CALL_SIZE], uint8_t kind, uint8_t trap, uint8_t operand) {
    uint32_t n = 0;
    fill_bytes(slot, OPCODE_INT3, VMI_CALL_SIZE);
    if (kind == VMI_SLOT_TRAP) {
        copy_bytes(slot, sites[trap], VMI_TRAP_SITE_SIZE);
        if (vmi_kit_trap_length(trap) == 2) {
            slot[1] = operand;
        }
        n = VMI_TRAP_SITE_SIZE;
    }
    slot[n] = OPCODE_RET;
}

void vmi_kit_ask_bytes(uint8_t *bytes, uint8_t flags, uint8_t operand) {
    static const uint8_t no[] = {NO_HYPERVISOR};
    uint32_t n = sizeof(no);
    fill_bytes(bytes, OPCODE_INT3, VMI_HYPERCALL_ASK_SIZE);
    copy_bytes(bytes, no, sizeof(no));
    if (flags & VMI_HYPERCALL_ASKS) {
        copy_bytes(bytes + n, sites[VMI_TRAP_OUT], VMI_TRAP_SITE_SIZE);
        bytes[n + 1] = operand;
        n += VMI_TRAP_SITE_SIZE;
    }
    bytes[n] = OPCODE_RET;
}
