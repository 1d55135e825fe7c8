/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* The hypervisor's kit, in one file, as a WebAssembly module: it publishes the ROM into a buffer
 * and serves calls with functions of the host, which is JavaScript (host.mjs). */
#include "vmihv.h"

#define IMPORT(name) __attribute__((import_module("host"), import_name(#name)))
#define EXPORT(name) __attribute__((export_name(#name)))

IMPORT(call) int host_call(uint32_t slot);
IMPORT(read) bool host_read(uint32_t linear, void *to, uint32_t size);
IMPORT(write) bool host_write(uint32_t linear, const void *from, uint32_t size);

enum { ROM_MAX = 0x2000 };

/* What host.mjs finds in the frame by number, in dwords. */
_Static_assert(offsetof(struct vmi_frame, eax) == 0, "as v86 orders its registers");
_Static_assert(offsetof(struct vmi_frame, ecx) == 4, "as v86 orders its registers");
_Static_assert(offsetof(struct vmi_frame, esp) == 16, "as v86 orders its registers");
_Static_assert(offsetof(struct vmi_frame, edi) == 28, "as v86 orders its registers");
_Static_assert(offsetof(struct vmi_frame, eip) == 32, "dword 8");
_Static_assert(offsetof(struct vmi_frame, eflags) == 36, "dword 9");

static struct vmi_image image, twin;
static struct vmi_publication publication;
static struct vmi_frame frame;
static uint8_t kinds[VMI_CALL_SLOTS], rom[ROM_MAX], scratch[ROM_MAX];

/* The frame says which call it is, so one function serves them all. */
static int forward(void *context, struct vmi_frame *f) {
    (void)context;
    return host_call(f->slot);
}

static union {
    struct vmi_handlers calls;
    vmi_handler *each[sizeof(struct vmi_handlers) / sizeof(vmi_handler *)];
} handlers;

static bool read_guest(void *context, uint32_t linear, void *to, uint32_t size) {
    (void)context;
    return host_read(linear, to, size);
}

static bool write_guest(void *context, uint32_t linear, const void *from, uint32_t size) {
    (void)context;
    return host_write(linear, from, size);
}

static bool write_rom(void *context, uint32_t address, const void *from, uint32_t size) {
    const uint8_t *bytes = from;
    uint32_t at = address - *(const uint32_t *)context;
    if (at > sizeof(rom) || size > sizeof(rom) - at) {
        return false;
    }
    for (uint32_t i = 0; i < size; i++) {
        rom[at + i] = bytes[i];
    }
    return true;
}

/* --- for host.mjs: errors are those of the kit --- */

/* Opens the images of API 13 and takes the kinds of a policy (enum vmi_policy). */
EXPORT(open) int kit_open(uint32_t policy) {
    const struct vmi_embedded_rom *hypercall =
        vmi_embedded_rom(VMI_API_MAJOR_13, VMI_EMBED_HYPERCALL);
    const struct vmi_embedded_rom *native = vmi_embedded_rom(VMI_API_MAJOR_13, VMI_EMBED_NATIVE);
    int error = vmi_hv_open(&image, hypercall->bytes, hypercall->size);
    for (uint32_t i = 0; i < sizeof(handlers.each) / sizeof(handlers.each[0]); i++) {
        handlers.each[i] = forward;
    }
    error = error ? error : vmi_hv_open_twin(&twin, &image, native->bytes, native->size);
    return error ? error : vmi_hv_kinds(&image, (enum vmi_policy)policy, kinds);
}

/* The kind of a slot. */
EXPORT(kind) uint32_t kit_kind(uint32_t slot) {
    return kinds[slot % VMI_CALL_SLOTS];
}

/* The slot becomes native: nobody serves its call. */
EXPORT(leave) int kit_leave(uint32_t slot) {
    return vmi_hv_choose(&image, kinds, slot, VMI_SLOT_NATIVE);
}

/* Publishes into the buffer for that address, where a BIOS is to put it. Init asks by a trap: the
 * emulator's CPUID says nothing of us. */
EXPORT(publish) int kit_publish(uint32_t address) {
    struct vmi_plan plan = {.trap = VMI_TRAP_OUT,
                            .operand = VMI_TRAP_PORT,
                            .policy = VMI_POLICY_LIST,
                            .kinds = kinds,
                            .asks = true};
    return vmi_hv_publish(&publication, &image, &twin, &plan, address, write_rom, &address, scratch,
                          sizeof(scratch));
}

EXPORT(rom) const uint8_t *kit_rom(void) {
    return rom;
}

EXPORT(rom_size) uint32_t kit_rom_size(void) {
    return publication.size;
}

EXPORT(trap_port) uint32_t kit_trap_port(void) {
    return VMI_TRAP_PORT;
}

/* The registers: host.mjs fills it before `serve` and loads it afterwards. */
EXPORT(frame) struct vmi_frame *kit_frame(void) {
    return &frame;
}

/* `page` is the physical address of the code. */
EXPORT(serve) int kit_serve(uint32_t cpl, uint32_t page) {
    static const struct vmi_guest guest = {.read = read_guest, .write = write_guest};
    struct vmi_trap trap = {.cpl = (uint8_t)cpl, .page = page};
    return vmi_hv_serve(&publication, &handlers.calls, &guest, NULL, &trap, &frame);
}

/* Stack argument `n` of the call that is served; `argument_error` says whether it was there. */
static int argument_failed;

EXPORT(argument) uint32_t kit_argument(uint32_t n) {
    uint32_t value = 0;
    argument_failed = vmi_argument_stack(&frame, n, &value);
    return value;
}

EXPORT(argument_error) int kit_argument_error(void) {
    return argument_failed;
}

EXPORT(error_text) const char *kit_error_text(int error) {
    return vmi_hv_error_text(error);
}
