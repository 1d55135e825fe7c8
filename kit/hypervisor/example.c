/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* example IMAGE: the smallest hypervisor that serves VMI. Its processor is Unicorn, where VMMCALL
 * is an invalid instruction: that is the exit. The guest prints, sets an alarm and goes away. */

#include <stdio.h>
#include <string.h>
#include <unicorn/unicorn.h>

#include "vmi/calls.h"
#include "vmi/hypervisor.h"

#define MEMORY 0x100000u
#define KERNEL 0x1000u
#define STACK  0x8000u
#define ROM    0xD0000u

static uint8_t memory[MEMORY]; /* the guest's: linear = physical here */
static struct vmi_publication publication;
static bool stopped;

/* --- guest memory; with paging, walk the guest's tables, and fail where they do --- */

static bool reaches(uint32_t address, uint32_t size) {
    return address < MEMORY && size <= MEMORY - address;
}

static bool read_guest(void *context, uint32_t linear, void *to, uint32_t size) {
    (void)context;
    return reaches(linear, size) && memcpy(to, memory + linear, size);
}

static bool write_guest(void *context, uint32_t address, const void *from, uint32_t size) {
    (void)context;
    return reaches(address, size) && memcpy(memory + address, from, size);
}

/* --- the calls --- */

static int outb(void *context, struct vmi_frame *frame) {
    (void)context;
    if ((frame->edx & 0xFFFF) == 0x3F8) { /* DX and AL count: above them is whatever was there */
        putchar((int)(frame->eax & 0xFF));
    }
    return VMI_RETURNS;
}

static int set_alarm(void *context, struct vmi_frame *frame) {
    uint32_t low, high;
    (void)context;
    if (vmi_argument_stack(frame, 0, &low) || vmi_argument_stack(frame, 1, &high)) {
        return VMI_ERROR_FAULT; /* before anything is done: the call can start over */
    }
    printf("alarm every %llu cycles\n", (unsigned long long)high << 32 | low);
    return VMI_RETURNS;
}

static int shutdown(void *context, struct vmi_frame *frame) {
    (void)context, (void)frame;
    stopped = true;
    return VMI_STOPS;
}

static const struct vmi_handlers handlers = {
    .OUTB = outb, .SetAlarm = set_alarm, .Shutdown = shutdown};
static const struct vmi_guest guest = {.read = read_guest, .write = write_guest};

/* --- exits --- */

static bool on_vmmcall(uc_engine *uc, void *context) {
    int ids[] = {UC_X86_REG_EAX, UC_X86_REG_ECX, UC_X86_REG_EDX,
                 UC_X86_REG_ESP, UC_X86_REG_EIP, UC_X86_REG_EFLAGS};
    struct vmi_frame f = {0}; /* a real one has them all: EBX for CPUID, segments for IRET */
    void *values[] = {&f.eax, &f.ecx, &f.edx, &f.esp, &f.eip, &f.eflags};
    uc_reg_read_batch(uc, ids, values, 6);

    struct vmi_trap trap = {.cpl = 0, .page = f.eip, .read_code = true}; /* copies too */
    int outcome = vmi_hv_serve(&publication, &handlers, &guest, context, &trap, &f);
    if (outcome < 0) { /* here a real one gives the guest its fault: #PF or #UD */
        printf("at %08x: %s\n", f.eip, vmi_hv_error_text(outcome));
        stopped = true;
    }
    uc_reg_write_batch(uc, ids, values, 6);
    return true; /* Unicorn stops once EIP is written; main goes on */
}

/* What Init looks for: bit 31 of leaf 1 ECX, then our signature. */
static int on_cpuid(uc_engine *uc, void *context) {
    static const int ids[] = {UC_X86_REG_EAX, UC_X86_REG_EBX, UC_X86_REG_ECX, UC_X86_REG_EDX};
    uint32_t leaf = 0, result[4] = {0, VMI_HYPERVISOR_EBX, VMI_HYPERVISOR_ECX, VMI_HYPERVISOR_EDX};
    (void)context;
    uc_reg_read(uc, UC_X86_REG_EAX, &leaf);
    if (leaf != VMI_HYPERVISOR_LEAF_FIRST) {
        memset(result, 0, sizeof(result));
    }
    result[2] |= leaf == 1 ? 1u << 31 : 0;
    for (int i = 0; i < 4; i++) {
        uc_reg_write(uc, ids[i], &result[i]);
    }
    return 1;
}

/* --- the guest --- */

/* clang-format off */
#define CALL(n) 0xBB, (n) * 32 % 256, (n) * 32 / 256, ROM >> 16, 0, 0xFF, 0xD3 /* MOV EBX; CALL */
#define PUT(c)  0xB0, c, 0x66, 0xBA, 0xF8, 0x03, CALL(VMI_CALL_OUTB) /* MOV AL; MOV DX; CALL */

static const uint8_t kernel[] = {
    CALL(VMI_CALL_Init), 0x85, 0xC0, 0x75, 60,                   /* TEST EAX,EAX; JNZ end */
    PUT('o'), PUT('k'), PUT('\n'),
    0x6A, 1, 0x6A, 0, CALL(VMI_CALL_SetAlarm), 0x83, 0xC4, 8,    /* PUSH; PUSH; ADD ESP,8 */
    CALL(VMI_CALL_Shutdown)};
/* clang-format on */

int main(int argc, char **argv) {
    static uint8_t bytes[0x10000], scratch[sizeof(bytes)];
    struct vmi_plan plan = {.trap = VMI_TRAP_VMMCALL, .policy = VMI_POLICY_DEFAULT};
    struct vmi_image image;
    FILE *file = fopen(argc == 2 ? argv[1] : "build/vmi-hypercall.rom", "rb");
    size_t size = file ? fread(bytes, 1, sizeof(bytes), file) : 0;

    /* Publish. */
    int error = vmi_hv_open(&image, bytes, size);
    if (!error) {
        error = vmi_hv_publish(&publication, &image, NULL, &plan, ROM, write_guest, NULL, scratch,
                               sizeof(scratch));
    }
    if (error) {
        fprintf(stderr, "example: %s\n", vmi_hv_error_text(error));
        return 1;
    }

    /* Run. */
    uc_engine *uc;
    uc_hook hook;
    uint32_t eip = KERNEL, esp = STACK;
    uc_err fault = uc_open(UC_ARCH_X86, UC_MODE_32, &uc);
    memcpy(memory + KERNEL, kernel, sizeof(kernel));
    uc_mem_map_ptr(uc, 0, MEMORY, UC_PROT_ALL, memory);
    uc_hook_add(uc, &hook, UC_HOOK_INSN_INVALID, on_vmmcall, NULL, 1, 0);
    uc_hook_add(uc, &hook, UC_HOOK_INSN, on_cpuid, NULL, 1, 0, UC_X86_INS_CPUID);
    uc_reg_write(uc, UC_X86_REG_ESP, &esp);
    while (!fault && !stopped && eip != KERNEL + sizeof(kernel)) {
        fault = uc_emu_start(uc, eip, KERNEL + sizeof(kernel), 0, 0);
        uc_reg_read(uc, UC_X86_REG_EIP, &eip);
    }
    puts(stopped ? "the guest is gone" : "the guest ran natively");
    return fault != UC_ERR_OK;
}
