/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* The machine of the example: one processor, memory from 0 up, the devices of devices.c. */
#ifndef KVM_VMM_H
#define KVM_VMM_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stdint.h>

#include "vmihv.h"

#define MEMORY_SIZE (64u << 20)

enum vmm_end { VMM_RUNS, VMM_RESET, VMM_OFF };

struct vmm {
    int kvm, vm, cpu;
    struct kvm_run *run;
    uint8_t *memory;
    enum vmm_end end; /* what a device or a call has asked for */
    int status;       /* the program's, with VMM_OFF */

    struct vmi_publication publication;
    bool published;
    struct kvm_sregs sregs; /* of the call that is being served; changed: to be set */
    bool sregs_changed;
    unsigned long calls[VMI_CALL_SLOTS], repeats, faults, ended_exits;
};

/* Guest memory by linear address, through the guest's page tables (KVM_TRANSLATE). */
bool guest_read(void *vmm, uint32_t linear, void *to, uint32_t size);
bool guest_write(void *vmm, uint32_t linear, const void *from, uint32_t size);

/* Ends the program with a message and errno's text. */
_Noreturn void die(const char *what);

#endif
