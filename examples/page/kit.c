/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* The hypervisor's kit, in one file, as a WebAssembly module: it publishes the ROM into a buffer
 * and serves calls with its default handlers, over functions of the host, which is JavaScript
 * (host.mjs). What is best done by the emulator's own instructions the host serves itself. */
#include "vmihv.h"

#define IMPORT(name) __attribute__((import_module("host"), import_name(#name)))
#define EXPORT(name) __attribute__((export_name(#name)))

IMPORT(call) int host_call(uint32_t slot);
IMPORT(read) bool host_read(uint32_t physical, void *to, uint32_t size);
IMPORT(write) bool host_write(uint32_t physical, const void *from, uint32_t size);
IMPORT(get_register) uint32_t host_get_register(uint32_t which);
IMPORT(set_register) bool host_set_register(uint32_t which, uint32_t value);
IMPORT(flush) void host_flush(uint32_t what, uint32_t linear);
IMPORT(port_in) uint32_t host_port_in(uint32_t port, uint32_t size);
IMPORT(port_out) void host_port_out(uint32_t port, uint32_t size, uint32_t value);
IMPORT(raise) void host_raise(uint32_t vector, uint32_t error, uint32_t address);
IMPORT(time_stamp) uint64_t host_time_stamp(void);
IMPORT(halt) void host_halt(void);
IMPORT(stop) void host_stop(uint32_t how);
IMPORT(wallclock) uint64_t host_wallclock(void);

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

/* All others are the kit's. */
static struct vmi_handlers handlers = {
    .CPUID = forward,
    .WRMSR = forward,
    .RDMSR = forward,
    .SetGDT = forward,
    .SetLDT = forward,
    .SetIDT = forward,
    .SetTR = forward,
    .GetGDT = forward,
    .GetLDT = forward,
    .GetIDT = forward,
    .GetTR = forward,
    .IRET = forward,
    .SYSEXIT = forward,
};

/* --- guest memory, through the guest's page tables --- */

static bool read_physical(void *context, uint64_t physical, void *to, uint32_t size) {
    (void)context;
    return physical <= UINT32_MAX && host_read((uint32_t)physical, to, size);
}

static bool write_physical(void *context, uint64_t physical, const void *from, uint32_t size) {
    (void)context;
    return physical <= UINT32_MAX && host_write((uint32_t)physical, from, size);
}

static void raise_exception(void *context, uint32_t vector, uint32_t error, uint32_t address) {
    (void)context;
    host_raise(vector, error, address);
}

static struct vmi_paging current_paging(void) {
    struct vmi_paging paging = {.cr0 = host_get_register(VMI_REGISTER_CR0),
                                .cr3 = host_get_register(VMI_REGISTER_CR3),
                                .cr4 = host_get_register(VMI_REGISTER_CR4),
                                .read = read_physical,
                                .write = write_physical,
                                .raise = raise_exception};
    return paging;
}

static bool read_guest(void *context, uint32_t linear, void *to, uint32_t size) {
    struct vmi_paging paging = current_paging();
    return vmi_paging_read(&paging, context, linear, to, size);
}

static bool write_guest(void *context, uint32_t linear, const void *from, uint32_t size) {
    struct vmi_paging paging = current_paging();
    return vmi_paging_write(&paging, context, linear, from, size);
}

/* --- what the default handlers ask for --- */

static uint32_t get_register(void *context, uint32_t which) {
    (void)context;
    return host_get_register(which);
}

static bool set_register(void *context, uint32_t which, uint32_t value) {
    (void)context;
    return host_set_register(which, value);
}

static void flush(void *context, uint32_t what, uint32_t linear) {
    (void)context;
    host_flush(what, linear);
}

static uint32_t port_in(void *context, uint32_t port, uint32_t size) {
    (void)context;
    return host_port_in(port, size);
}

static void port_out(void *context, uint32_t port, uint32_t size, uint32_t value) {
    (void)context;
    host_port_out(port, size, value);
}

static uint64_t time_stamp(void *context) {
    (void)context;
    return host_time_stamp();
}

/* The emulator waits, and takes the interrupt at the RET. */
static int halt(void *context, struct vmi_frame *f) {
    (void)context, (void)f;
    host_halt();
    return VMI_RETURNS;
}

static void stop(void *context, uint32_t how) {
    (void)context;
    host_stop(how);
}

static uint64_t wallclock(void *context) {
    (void)context;
    return host_wallclock();
}

static const struct vmi_accessors accessors = {
    .get_register = get_register,
    .set_register = set_register,
    .get_time_stamp = time_stamp,
    .flush = flush,
    .raise = raise_exception,
    .port_in = port_in,
    .port_out = port_out,
    .halt = halt,
    .stop = stop,
    .wallclock = wallclock,
    .string_elements = 1, /* interrupts get in between */
};

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
    vmi_hv_default_handlers(&handlers);
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

EXPORT(serve) int kit_serve(uint32_t cpl) {
    static const struct vmi_guest guest = {
        .read = read_guest, .write = write_guest, .accessors = &accessors};
    struct vmi_trap trap = {.cpl = (uint8_t)cpl, .read_code = true}; /* copies too */
    struct vmi_paging paging = current_paging();
    if (!vmi_paging_translate(&paging, NULL, frame.eip, false, &trap.page)) {
        trap.page = VMI_PAGE_UNKNOWN;
    }
    return vmi_hv_serve(&publication, &handlers, &guest, NULL, &trap, &frame);
}

/* The bytes at a linear address of the guest's, for the calls that the host serves. */
EXPORT(bytes) uint8_t *kit_bytes(void) {
    static uint8_t bytes[8];
    return bytes;
}

EXPORT(read_guest) bool kit_read_guest(uint32_t linear, uint32_t size) {
    return read_guest(NULL, linear, kit_bytes(), size);
}

EXPORT(write_guest) bool kit_write_guest(uint32_t linear, uint32_t size) {
    return write_guest(NULL, linear, kit_bytes(), size);
}

EXPORT(error_text) const char *kit_error_text(int error) {
    return vmi_hv_error_text(error);
}
