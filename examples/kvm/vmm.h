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

/* An exception that a call has raised. */
struct fault {
    bool raised;
    uint8_t vector;
    uint32_t error, address;
};

struct vmm {
    int kvm, vm, cpu;
    struct kvm_run *run;
    uint8_t *memory;
    enum vmm_end end; /* what a device or a call has asked for */
    int status;       /* the program's, with VMM_OFF */

    struct vmi_publication publication;
    bool published;
    struct kvm_sregs sregs; /* of the call that is being served; changed: to be set */
    bool sregs_changed, flush;
    struct fault fault;
    struct kvm_cpuid2 *cpuid;
    unsigned long calls[VMI_CALL_SLOTS], repeats, faults, ended_exits;
};

/* Ends the program with a message and errno's text. */
_Noreturn void die(const char *what);

/* ioctl, which ends the program where it fails. */
int control(int file, unsigned long request, void *argument, const char *name);

#define CONTROL(file, request, argument)                                                           \
    control(file, request, (void *)(uintptr_t)(argument), #request)

#endif
