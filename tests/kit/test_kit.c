/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * test_kit HYPERCALL-IMAGE NATIVE-IMAGE ROMSUM: the hypervisor's kit publishes, decodes and serves,
 * and refuses what it must. Guest code runs in Unicorn; the rest needs no guest. TAP.
 */

#define _XOPEN_SOURCE 700 /* mkstemp, P_tmpdir */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unicorn/unicorn.h>
#include <unistd.h>

#include "image_file.h"
#include "results.h"
#include "vmi/calls.h"
#include "vmi/hypervisor.h"

#define MEMORY 0x100000u
#define ROM    0xD0000u
#define COPY   0x40000u
#define KERNEL 0x10000u
#define STACK  0x8000u
#define MAX    0x8000u

#define HYPERCALL_AT(field) offsetof(struct vmi_hypercall_descriptor, field)

/* --- results --- */

static bool seen[-VMI_ERROR_LAST + 1];

/* Which errors a test has got as it should, too. */
static void expect_error_(int line, const char *what, int64_t want, int64_t got) {
    if (got < 0 && got >= VMI_ERROR_LAST && want == got) {
        seen[-got] = true;
    }
    expect_(line, what, want, got);
}

#undef expect
#define expect(want, got) expect_error_(__LINE__, #got, (int64_t)(want), (int64_t)(got))

/* --- images and memory --- */

static uint8_t hypercall_bytes[MAX], native_bytes[MAX];
static uint32_t hypercall_size, native_size;
static const char *romsum;
static char **api_3_names; /* the hypercall and the native image of API 3.0 */

static struct vmi_image image, twin;
static uint8_t memory[MEMORY], before[MEMORY], scratch[MAX];
static uint8_t corrupt[MAX]; /* a copy of the hypercall image for a test to change */

static int writes, fail_at; /* fail_at: the write that fails, -1: none */
static bool rom_seen_early;

static bool write_memory(void *context, uint32_t address, const void *from, uint32_t size) {
    (void)context;
    /* What a guest on another processor would see just before this write. */
    if (writes > 0 && memory[ROM] == 0x55 && memory[ROM + 1] == 0xAA) {
        rom_seen_early = true;
    }
    if (size == 0 || address / 4096 != (address + size - 1) / 4096) {
        rom_seen_early = true; /* a write must stay in its page */
    }
    if (writes++ == fail_at || address > MEMORY || size > MEMORY - address) {
        return false;
    }
    memcpy(memory + address, from, size);
    return true;
}

static bool read_memory(void *context, uint32_t linear, void *to, uint32_t size) {
    (void)context;
    if (linear > MEMORY || size > MEMORY - linear) {
        return false;
    }
    memcpy(to, memory + linear, size);
    return true;
}

static const struct vmi_guest guest = {.read = read_memory, .write = write_memory};

static uint8_t sum_of(const uint8_t *bytes, uint32_t size) {
    uint8_t sum = 0;
    for (uint32_t i = 0; i < size; i++) {
        sum = (uint8_t)(sum + bytes[i]);
    }
    return sum;
}

static void reseal(uint8_t *bytes) {
    bytes[VMI_ROM_CHECKSUM_OFFSET] -= sum_of(bytes, bytes[2] * 512u);
}

static uint8_t *fresh_copy(void) {
    memcpy(corrupt, hypercall_bytes, sizeof(corrupt));
    return corrupt;
}

static uint8_t *descriptor_in(uint8_t *bytes) {
    return bytes + (bytes[VMI_HYPERCALL_POINTER] | bytes[VMI_HYPERCALL_POINTER + 1] << 8);
}

static int open_corrupt(void) {
    struct vmi_image result;
    memset(&result, 0xEE, sizeof(result));
    reseal(corrupt);
    int error = vmi_hv_open(&result, corrupt, hypercall_size);
    if (error) { /* written only on success */
        for (size_t i = 0; i < sizeof(result); i++) {
            expect(0xEE, ((uint8_t *)&result)[i]);
        }
    }
    return error;
}

static int open_corrupt_twin(void) {
    struct vmi_image result;
    reseal(corrupt);
    return vmi_hv_open_twin(&result, &image, corrupt, native_size);
}

/* The same image as an API 3.0 one: 13's bodies at their slots, and a trap in UpdateKernelStack's.
 */
static struct vmi_image api_3_image(void) {
    static uint8_t bytes[MAX];
    struct vmi_image result = {0};
    memcpy(bytes, hypercall_bytes, sizeof(bytes));
    bytes[0x0C] = 0, bytes[0x0D] = VMI_API_MAJOR_3;
    descriptor_in(bytes)[HYPERCALL_AT(kind) + VMI3_SLOT_UpdateKernelStack] = VMI_SLOT_TRAP;
    memcpy(bytes + VMI3_SLOT_UpdateKernelStack * 32, bytes + VMI_CALL_SetCR3 * 32, 32);
    reseal(bytes);
    expect(0, vmi_hv_open(&result, bytes, hypercall_size));
    return result;
}

static const uint8_t *kinds_of(const struct vmi_image *i) {
    return i->bytes + i->descriptor + HYPERCALL_AT(kind);
}

/* --- opening --- */

static void the_hypercall_image_opens(void) {
    struct vmi_image i;
    expect(0, vmi_hv_open(&i, hypercall_bytes, hypercall_size));
    expect(hypercall_size, i.size);
    expect(VMI_API_MAJOR_13, i.api);
    expect(true, i.bytes == hypercall_bytes);
    expect('V', i.bytes[i.descriptor]);
}

static void an_image_may_be_followed_by_other_bytes(void) {
    struct vmi_image i;
    expect(0, vmi_hv_open(&i, hypercall_bytes, sizeof(hypercall_bytes)));
    expect(hypercall_size, i.size);
}

static void an_image_that_is_too_short_is_refused(void) {
    struct vmi_image i;
    for (uint32_t size = 0; size < hypercall_size; size++) {
        expect(VMI_ERROR_SHORT, vmi_hv_open(&i, hypercall_bytes, size));
    }
    fresh_copy()[2] = 7; /* a sound option ROM, but of 3,584 bytes */
    expect(VMI_ERROR_SHORT, open_corrupt());
}

static void what_is_not_an_option_rom_is_refused(void) {
    fresh_copy()[0] = 0x54;
    expect(VMI_ERROR_NOT_ROM, open_corrupt());
    fresh_copy()[1] = 0xAB;
    expect(VMI_ERROR_NOT_ROM, open_corrupt());
}

static void a_bad_sum_is_refused_wherever_the_bad_byte_is(void) {
    struct vmi_image i;
    for (uint32_t at = 3; at < hypercall_size; at++) {
        fresh_copy()[at] ^= 0x10;
        expect(VMI_ERROR_CHECKSUM, vmi_hv_open(&i, corrupt, hypercall_size));
    }
}

static void another_option_rom_is_refused(void) {
    fresh_copy()[8] = 'C';
    expect(VMI_ERROR_NOT_VMI, open_corrupt());
}

static void another_api_is_refused(void) {
    for (int major = 0; major < 256; major++) {
        fresh_copy()[0x0D] = (uint8_t)major;
        expect(major == 13 || major == 3 ? 0 : VMI_ERROR_API, open_corrupt());
    }
}

static void a_slot_without_a_call_cannot_trap(void) {
    uint8_t *bytes = fresh_copy();
    bytes[image.descriptor + 8 + VMI_CALL_LAST + 1] = VMI_SLOT_TRAP;
    memcpy(bytes + (VMI_CALL_LAST + 1) * 32, bytes + VMI_CALL_SetCR3 * 32, 32);
    expect(VMI_ERROR_KINDS, open_corrupt());
}

static void a_bare_return_is_for_calls_that_do_nothing(void) {
    static const uint8_t calls[] = {VMI_CALL_WRMSR,
                                    VMI_CALL_SetIDT,
                                    VMI_CALL_SetCR3,
                                    VMI_CALL_EnableInterrupts,
                                    VMI_CALL_SetInterruptMask,
                                    VMI_CALL_Halt,
                                    VMI_CALL_FlushTLB,
                                    VMI_CALL_OUT};
    uint8_t kinds[128];
    vmi_hv_kinds(&image, VMI_POLICY_DEFAULT, kinds);
    for (size_t n = 0; n < sizeof(calls); n++) {
        expect(VMI_ERROR_KIND, vmi_hv_choose(&image, kinds, calls[n], VMI_SLOT_NOP));
    }
    expect(0, vmi_hv_choose(&image, kinds, VMI_CALL_SetInitialAPState, VMI_SLOT_NOP));
}

static void a_native_image_is_not_a_hypercall_image(void) {
    struct vmi_image i;
    expect(VMI_ERROR_DESCRIPTOR, vmi_hv_open(&i, native_bytes, native_size));
}

static void a_pointer_to_no_descriptor_is_refused(void) {
    uint32_t right = (uint32_t)(descriptor_in(hypercall_bytes) - hypercall_bytes);
    for (uint32_t offset = 0; offset < 0x10000; offset++) {
        fresh_copy()[VMI_HYPERCALL_POINTER] = (uint8_t)offset;
        corrupt[VMI_HYPERCALL_POINTER + 1] = (uint8_t)(offset >> 8);
        expect(offset == right ? 0 : VMI_ERROR_DESCRIPTOR, open_corrupt());
    }
    for (int n = 0; n < 4; n++) {
        descriptor_in(fresh_copy())[n] ^= 0x20;
        expect(VMI_ERROR_DESCRIPTOR, open_corrupt());
    }
}

static void a_descriptor_that_the_image_cuts_off_is_refused(void) {
    uint32_t at = hypercall_size - (uint32_t)sizeof(struct vmi_hypercall_descriptor);
    for (uint32_t n = 0; n < 2; n++) {
        uint8_t *from = descriptor_in(fresh_copy());
        memmove(corrupt + at + n, from, sizeof(struct vmi_hypercall_descriptor) - n);
        corrupt[VMI_HYPERCALL_POINTER] = (uint8_t)(at + n);
        corrupt[VMI_HYPERCALL_POINTER + 1] = (uint8_t)((at + n) >> 8);
        expect(n ? VMI_ERROR_DESCRIPTOR : 0, open_corrupt());
    }
}

static void a_descriptor_among_the_slots_is_refused(void) {
    for (uint32_t at = VMI_CALLS_END - 32; at <= VMI_CALLS_END; at++) {
        uint8_t *from = descriptor_in(fresh_copy());
        memmove(corrupt + at, from, sizeof(struct vmi_hypercall_descriptor));
        corrupt[VMI_HYPERCALL_POINTER] = (uint8_t)at;
        corrupt[VMI_HYPERCALL_POINTER + 1] = (uint8_t)(at >> 8);
        expect(at < VMI_CALLS_END ? VMI_ERROR_DESCRIPTOR : 0, open_corrupt());
    }
}

static void another_version_of_the_descriptor_is_refused(void) {
    for (int version = 0; version < 256; version++) {
        descriptor_in(fresh_copy())[HYPERCALL_AT(version)] = (uint8_t)version;
        expect(version == VMI_HYPERCALL_VERSION ? 0 : VMI_ERROR_VERSION, open_corrupt());
    }
}

static void a_descriptor_with_an_impossible_trap_is_refused(void) {
    static const uint8_t bad[][3] = {{4, 0, 0},    {255, 0, 0}, {0, 1, 0}, {1, 0xFF, 0},
                                     {2, 0x1F, 0}, {2, 0, 0},   {0, 0, 1}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        memcpy(descriptor_in(fresh_copy()) + HYPERCALL_AT(trap), bad[i], 3);
        expect(VMI_ERROR_KINDS, open_corrupt());
    }
}

static void a_descriptor_that_contradicts_the_call_table_is_refused(void) {
    static const uint8_t bad[][2] = {{0, VMI_SLOT_NATIVE},
                                     {3, VMI_SLOT_NATIVE},
                                     {3, VMI_SLOT_NOP},
                                     {VMI_CALL_Init, VMI_SLOT_NATIVE},
                                     {VMI_CALL_Init, VMI_SLOT_TRAP},
                                     {VMI_CALL_CPUID, VMI_SLOT_OWN},
                                     {VMI_CALL_CPUID, VMI_SLOT_KINDS},
                                     {VMI_CALL_CPUID, 255},
                                     {VMI_CALL_CPUID, VMI_SLOT_NOP},
                                     {VMI_CALL_IRET, VMI_SLOT_NOP},
                                     {VMI_CALL_SetAlarm, VMI_SLOT_NATIVE},
                                     {VMI_CALL_SetAlarm, VMI_SLOT_NOP},
                                     {VMI_CALL_GetRelocationInfo, VMI_SLOT_TRAP},
                                     {VMI3_SLOT_SetCallbacks, VMI_SLOT_TRAP},
                                     {VMI_SLOT_LAST + 1, VMI_SLOT_TRAP},
                                     {127, VMI_SLOT_NOP}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        descriptor_in(fresh_copy())[HYPERCALL_AT(kind) + bad[i][0]] = bad[i][1];
        expect(VMI_ERROR_KINDS, open_corrupt());
    }
}

static void a_slot_that_is_not_what_the_descriptor_says_is_refused(void) {
    const uint8_t *kind = descriptor_in(hypercall_bytes) + HYPERCALL_AT(kind);
    for (uint32_t n = 0; n < 128; n++) {
        for (uint32_t at = 0; at < 32; at++) {
            if (kind[n] != VMI_SLOT_TRAP && kind[n] != VMI_SLOT_NOP) {
                continue;
            }
            fresh_copy()[n * 32 + at] ^= 1;
            expect(VMI_ERROR_SITE, open_corrupt());
        }
    }
    descriptor_in(fresh_copy())[HYPERCALL_AT(trap)] = VMI_TRAP_VMCALL;
    expect(VMI_ERROR_SITE, open_corrupt());
    fresh_copy();
    descriptor_in(corrupt)[HYPERCALL_AT(kind) + VMI_CALL_RDTSC] = VMI_SLOT_TRAP;
    expect(VMI_ERROR_SITE, open_corrupt());
}

static void the_native_twin_opens(void) {
    struct vmi_image t;
    expect(0, vmi_hv_open_twin(&t, &image, native_bytes, native_size));
    expect(0, t.descriptor);
    memcpy(corrupt, native_bytes, sizeof(corrupt));
    corrupt[2] = 8; /* its slots are all that is needed */
    expect(0, open_corrupt_twin());
}

static void a_twin_is_looked_over_like_an_image(void) {
    struct vmi_image t;
    expect(VMI_ERROR_SHORT, vmi_hv_open_twin(&t, &image, native_bytes, 4096));
    expect(VMI_ERROR_NOT_ROM, vmi_hv_open_twin(&t, &image, native_bytes + 1, native_size - 1));
    memcpy(corrupt, native_bytes, sizeof(corrupt));
    corrupt[100]++;
    expect(VMI_ERROR_CHECKSUM, vmi_hv_open_twin(&t, &image, corrupt, native_size));
    corrupt[8] = 0;
    expect(VMI_ERROR_NOT_VMI, open_corrupt_twin());
    memcpy(corrupt, native_bytes, sizeof(corrupt));
    corrupt[0x0D] = 12;
    expect(VMI_ERROR_API, open_corrupt_twin());
}

static void a_hypercall_image_is_nobodys_twin(void) {
    struct vmi_image t;
    expect(VMI_ERROR_NOT_NATIVE, vmi_hv_open_twin(&t, &image, hypercall_bytes, hypercall_size));
}

static void a_twin_of_another_api_version_or_layout_is_refused(void) {
    static const struct {
        uint16_t at;
        uint8_t value;
    } bad[] = {
        {0x0D, 3},                               /* API major */
        {0x0C, 2},                               /* API minor */
        {0x32, 0x77},                            /* PCIR code revision, minor */
        {0x33, 0x77},                            /* major */
        {0x04, 0x77},                            /* the POST entry elsewhere */
        {0x18, 0x24},                            /* PCIR elsewhere */
        {0x1A, 0x50},                            /* $PnP elsewhere */
        {VMI_CALL_GetRelocationInfo * 32, 0x90}, /* GetRelocationInfo jumps elsewhere */
        {VMI_CALL_RDTSC * 32, 0x90},             /* RDTSC, native in both */
        {127 * 32, 0x90},                        /* the last slot */
        {0x03, 0xEB}                             /* a POST entry that is no jump of three bytes */
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        memcpy(corrupt, native_bytes, sizeof(corrupt));
        corrupt[bad[i].at] = bad[i].value;
        expect(VMI_ERROR_TWIN, open_corrupt_twin());
    }
    memcpy(corrupt, native_bytes, sizeof(corrupt)); /* strings may differ */
    corrupt[native_size - 1] = 'x';
    expect(0, open_corrupt_twin());
}

static uint32_t post_of(const uint8_t *rom) {
    return 6u + rom[4] + rom[5] * 0x100u;
}

static void a_twin_is_the_same_behind_the_slots_up_to_its_post(void) {
    uint32_t post = post_of(native_bytes);
    for (uint32_t at = 0x1000; at < post + 1; at++) {
        memcpy(corrupt, native_bytes, sizeof(corrupt));
        corrupt[at] ^= at & 1 ? 0x80 : 0x01;
        expect(at < post ? VMI_ERROR_TWIN : 0, open_corrupt_twin());
    }
}

/* Both images of API 3.0: a policy may say what it likes, but for the slots. */
static void a_twin_of_api_3_may_have_another_policy(void) {
    static uint8_t hypercall_3[MAX], native_3[MAX];
    struct vmi_image i, t;
    uint32_t size = image_load(api_3_names[0], hypercall_3, sizeof(hypercall_3));
    uint32_t twin_size = image_load(api_3_names[1], native_3, sizeof(native_3));
    uint32_t post = post_of(native_3);
    expect(0, vmi_hv_open(&i, hypercall_3, size));
    for (uint32_t at = 0x1000; at < post + 1; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            bool is_call = at >= 0x1006 && at < 0x1006u + native_3[0x1005];
            native_3[at] ^= 1u << bit;
            reseal(native_3);
            expect(at == post || (is_call && bit == 7) ? 0 : VMI_ERROR_TWIN,
                   vmi_hv_open_twin(&t, &i, native_3, twin_size));
            native_3[at] ^= 1u << bit;
        }
    }
}

/* The jump of both leads behind the images' ends. */
static void a_post_entry_outside_the_image_makes_no_twin(void) {
    static uint8_t other[MAX];
    struct vmi_image i, t;
    memcpy(corrupt, native_bytes, sizeof(corrupt));
    memcpy(other, hypercall_bytes, sizeof(other));
    corrupt[5] = other[5] = 0x7F;
    reseal(corrupt);
    reseal(other);
    expect(0, vmi_hv_open(&i, other, hypercall_size));
    expect(VMI_ERROR_TWIN, vmi_hv_open_twin(&t, &i, corrupt, native_size));
}

/* Both images point to a PCIR at `pcir`. */
static int twin_with_pcir_at(uint32_t pcir) {
    static uint8_t other[MAX];
    struct vmi_image i, t;
    memcpy(corrupt, native_bytes, sizeof(corrupt));
    memcpy(other, hypercall_bytes, sizeof(other));
    for (int n = 0; n < 2; n++) {
        uint8_t *bytes = n ? other : corrupt;
        bytes[0x18] = (uint8_t)pcir, bytes[0x19] = (uint8_t)(pcir >> 8);
        if (pcir >= 0x20 && pcir < native_size) { /* the same, also behind the end */
            memset(bytes + pcir, 0, 24);
        }
        reseal(bytes);
    }
    expect(0, vmi_hv_open(&i, other, hypercall_size));
    return vmi_hv_open_twin(&t, &i, corrupt, native_size);
}

static void images_without_a_code_revision_are_no_twins(void) {
    expect(0, twin_with_pcir_at(0x20));
    expect(0, twin_with_pcir_at(native_size - 24));
    expect(VMI_ERROR_TWIN, twin_with_pcir_at(native_size - 23));
    expect(VMI_ERROR_TWIN, twin_with_pcir_at(native_size));
    expect(VMI_ERROR_TWIN, twin_with_pcir_at(0xFFFF));
    expect(VMI_ERROR_TWIN, twin_with_pcir_at(0));
    expect(VMI_ERROR_TWIN, twin_with_pcir_at(0x1F));
}

/* --- policies --- */

static void the_default_policy_is_the_image_as_it_comes(void) {
    uint8_t kinds[128];
    expect(0, vmi_hv_kinds(&image, VMI_POLICY_DEFAULT, kinds));
    expect(0, memcmp(kinds, kinds_of(&image), 128));
    for (uint32_t n = VMI_CALL_FIRST + 1; n <= VMI_CALL_LAST; n++) {
        expect(vmi_slots[n].kind, kinds[n]);
    }
}

static void everything_traps_means_every_call_that_may(void) {
    uint8_t kinds[128];
    expect(0, vmi_hv_kinds(&image, VMI_POLICY_ALL, kinds));
    for (uint32_t n = 0; n < 128; n++) {
        if (n > VMI_CALL_Init && n <= VMI_CALL_LAST && n != VMI_CALL_GetRelocationInfo) {
            expect(VMI_SLOT_TRAP, kinds[n]);
        } else {
            expect(kinds_of(&image)[n], kinds[n]);
        }
    }
}

static void the_tuned_policy_is_the_tables_column(void) {
    uint8_t kinds[128];
    expect(0, vmi_hv_kinds(&image, VMI_POLICY_TUNED, kinds));
    expect(VMI_SLOT_OWN, kinds[VMI_CALL_Init]);
    expect(VMI_SLOT_NATIVE, kinds[VMI_CALL_SetPxE0]);
    expect(VMI_SLOT_TRAP, kinds[VMI_CALL_SetAlarm]);
    expect(VMI_SLOT_NOP, kinds[VMI_CALL_IODelay]);
    for (uint32_t n = VMI_CALL_CPUID; n <= VMI_CALL_LAST; n++) {
        expect(vmi_slots[n].tuned, kinds[n]);
    }
    for (uint32_t n = VMI_CALL_LAST + 1; n < 128; n++) {
        expect(VMI_SLOT_NATIVE, kinds[n]);
    }
}

/* What the host's virtualisation does is left to it: a guest of KVM spends no exit on a TLB call,
 * and one with an interrupt controller in the kernel none on Halt. */
static void the_hosted_policy_is_the_tables_column(void) {
    static const uint8_t natives[] = {VMI_CALL_CPUID,     VMI_CALL_SetCR3,       VMI_CALL_InvalPage,
                                      VMI_CALL_FlushTLB,  VMI_CALL_Halt,         VMI_CALL_INB,
                                      VMI_CALL_APICWrite, VMI_CALL_SetPxE0,      VMI_CALL_IRET,
                                      VMI_CALL_RDTSC,     VMI_CALL_WriteGDTEntry};
    static const uint8_t trapping[] = {VMI_CALL_Reboot, VMI_CALL_Shutdown,
                                       VMI_CALL_GetCycleFrequency, VMI_CALL_SetAlarm};
    struct vmi_image i3 = api_3_image();
    uint8_t kinds[128];
    expect(0, vmi_hv_kinds(&i3, VMI_POLICY_HOSTED, kinds));
    expect(VMI_SLOT_TRAP, kinds[VMI3_SLOT_APICWrite]);
    expect(0, vmi_hv_kinds(&image, VMI_POLICY_HOSTED, kinds));
    expect(VMI_SLOT_OWN, kinds[VMI_CALL_Init]);
    for (size_t i = 0; i < sizeof(natives); i++) {
        expect(VMI_SLOT_NATIVE, kinds[natives[i]]);
    }
    for (size_t i = 0; i < sizeof(trapping); i++) {
        expect(VMI_SLOT_TRAP, kinds[trapping[i]]);
    }
    for (uint32_t n = VMI_CALL_CPUID; n <= VMI_CALL_LAST; n++) {
        expect(vmi_slots[n].hosted, kinds[n]);
    }
}

static void only_a_call_that_has_returned_needs_no_end_of_its_exit(void) {
    for (int outcome = VMI_ERROR_LAST; outcome <= VMI_STOPS; outcome++) {
        expect(outcome != VMI_RETURNS, vmi_hv_must_end_exit(outcome));
    }
}

static void an_unknown_policy_is_refused(void) {
    uint8_t kinds[128];
    struct vmi_publication p;
    struct vmi_plan plan = {.policy = VMI_POLICY_LIST};
    expect(VMI_ERROR_POLICY, vmi_hv_kinds(&image, VMI_POLICY_LIST, kinds));
    expect(VMI_ERROR_POLICY, vmi_hv_kinds(&image, (enum vmi_policy)5, kinds));
    writes = 0;
    expect(VMI_ERROR_POLICY, vmi_hv_publish(&p, &image, &twin, &plan, ROM, write_memory, NULL,
                                            scratch, sizeof(scratch)));
    expect(0, writes);
}

static void api_3_has_policies_for_its_own_calls(void) {
    struct vmi_image i = api_3_image();
    uint8_t kinds[128];
    expect(0, vmi_hv_kinds(&i, VMI_POLICY_ALL, kinds));
    for (uint32_t n = VMI_CALL_LAST + 1; n <= VMI_SLOT_LAST; n++) {
        expect(n == VMI3_SLOT_SetCallbacks ? VMI_SLOT_NATIVE : VMI_SLOT_TRAP, kinds[n]);
    }
    expect(VMI_SLOT_NOP, kinds[VMI_CALL_INVD]); /* of API 13 only: as it comes */
    expect(0, vmi_hv_choose(&i, kinds, VMI3_SLOT_UpdateKernelStack, VMI_SLOT_NATIVE));
    expect(VMI_SLOT_NATIVE, kinds[VMI3_SLOT_UpdateKernelStack]);
    expect(VMI_ERROR_SLOT, vmi_hv_choose(&i, kinds, VMI_CALL_INVD, VMI_SLOT_TRAP));
}

static void a_choice_changes_one_slot(void) {
    uint8_t kinds[128], expected[128];
    vmi_hv_kinds(&image, VMI_POLICY_DEFAULT, kinds);
    memcpy(expected, kinds, 128);
    expect(0, vmi_hv_choose(&image, kinds, VMI_CALL_SetCR3, VMI_SLOT_NATIVE));
    expected[VMI_CALL_SetCR3] = VMI_SLOT_NATIVE;
    expect(0, vmi_hv_choose(&image, kinds, VMI_CALL_UpdateKernelStack, VMI_SLOT_NOP));
    expected[VMI_CALL_UpdateKernelStack] = VMI_SLOT_NOP;
    expect(0, vmi_hv_choose(&image, kinds, VMI_CALL_RDTSC, VMI_SLOT_TRAP));
    expected[VMI_CALL_RDTSC] = VMI_SLOT_TRAP;
    expect(0, vmi_hv_choose(&image, kinds, VMI_CALL_GetRelocationInfo, VMI_SLOT_NATIVE));
    expect(0, memcmp(kinds, expected, 128));
}

static const struct {
    int error;
    uint32_t slot;
    uint8_t kind;
} bad_choices[] = {{VMI_ERROR_MUST_TRAP, VMI_CALL_GetCycleFrequency, VMI_SLOT_NATIVE},
                   {VMI_ERROR_MUST_TRAP, VMI_CALL_SetAlarm, VMI_SLOT_NOP},
                   {VMI_ERROR_MUST_TRAP, VMI_CALL_WallclockUpdated, VMI_SLOT_NATIVE},
                   {VMI_ERROR_FIXED, VMI_CALL_Init, VMI_SLOT_TRAP},
                   {VMI_ERROR_FIXED, VMI_CALL_Init, VMI_SLOT_NATIVE},
                   {VMI_ERROR_FIXED, VMI_CALL_GetRelocationInfo, VMI_SLOT_TRAP},
                   {VMI_ERROR_FIXED, VMI_CALL_GetRelocationInfo, VMI_SLOT_NOP},
                   {VMI_ERROR_SLOT, 0, VMI_SLOT_TRAP},
                   {VMI_ERROR_SLOT, 3, VMI_SLOT_NATIVE},
                   {VMI_ERROR_SLOT, VMI_CALL_LAST + 1, VMI_SLOT_TRAP},
                   {VMI_ERROR_SLOT, 127, VMI_SLOT_NOP},
                   {VMI_ERROR_KIND, VMI_CALL_SetCR3, VMI_SLOT_OWN},
                   {VMI_ERROR_KIND, VMI_CALL_SetCR3, VMI_SLOT_KINDS},
                   {VMI_ERROR_KIND, VMI_CALL_SetCR3, 255},
                   {VMI_ERROR_KIND, VMI_CALL_GetCR3, VMI_SLOT_NOP},
                   {VMI_ERROR_KIND, VMI_CALL_SetPxE, VMI_SLOT_NOP},
                   {VMI_ERROR_KIND, VMI_CALL_IRET, VMI_SLOT_NOP}};

static void an_impossible_choice_is_refused_and_changes_nothing(void) {
    uint8_t kinds[128], expected[128];
    vmi_hv_kinds(&image, VMI_POLICY_DEFAULT, kinds);
    memcpy(expected, kinds, 128);
    for (size_t i = 0; i < sizeof(bad_choices) / sizeof(*bad_choices); i++) {
        expect(bad_choices[i].error,
               vmi_hv_choose(&image, kinds, bad_choices[i].slot, bad_choices[i].kind));
    }
    expect(VMI_ERROR_SLOT, vmi_hv_choose(&image, kinds, 0, VMI_SLOT_OWN));
    expect(VMI_ERROR_SLOT, vmi_hv_choose(&image, kinds, 128, VMI_SLOT_TRAP));
    expect(VMI_ERROR_SLOT, vmi_hv_choose(&image, kinds, UINT32_MAX, VMI_SLOT_TRAP));
    expect(0, memcmp(kinds, expected, 128));
}

static void an_impossible_list_is_refused_and_nothing_is_written(void) {
    struct vmi_publication p;
    uint8_t kinds[128];
    struct vmi_plan plan = {.policy = VMI_POLICY_LIST, .kinds = kinds};
    writes = 0;
    for (size_t i = 0; i < sizeof(bad_choices) / sizeof(*bad_choices); i++) {
        vmi_hv_kinds(&image, VMI_POLICY_TUNED, kinds);
        kinds[bad_choices[i].slot] = bad_choices[i].kind;
        expect(bad_choices[i].kind == kinds_of(&image)[bad_choices[i].slot] ? 0
                                                                            : bad_choices[i].error,
               vmi_hv_publish(&p, &image, &twin, &plan, ROM, write_memory, NULL, scratch,
                              sizeof(scratch)));
    }
    expect(0, writes);
}

/* --- publishing --- */

static int publish(struct vmi_publication *p, const struct vmi_plan *plan) {
    writes = 0;
    fail_at = -1;
    rom_seen_early = false;
    memset(scratch, 0x5A, sizeof(scratch));
    return vmi_hv_publish(p, &image, &twin, plan, ROM, write_memory, NULL, scratch, image.size);
}

static bool romsum_accepts(const uint8_t *bytes, uint32_t size) {
    char path[] = P_tmpdir "/test_kit.XXXXXX", command[600];
    int fd = mkstemp(path);
    bool good = fd >= 0 && write(fd, bytes, size) == (ssize_t)size;
    snprintf(command, sizeof(command), "'%s' --check '%s'", romsum, path);
    good = good && system(command) == 0;
    close(fd);
    unlink(path);
    return good;
}

/* Bodies of the publisher's own: they come out as they are, and are no traps. */
static void soft_bodies_are_published_as_they_are(void) {
    static uint8_t bodies[VMI_CALL_SLOTS][VMI_CALL_SIZE];
    static const uint8_t soft[] = {VMI_CALL_GetCR0, VMI_CALL_SetAlarm, VMI_CALL_IRET};
    struct vmi_publication p;
    struct vmi_image again;
    uint8_t kinds[VMI_CALL_SLOTS];
    struct vmi_plan plan = {.policy = VMI_POLICY_LIST, .kinds = kinds};
    struct vmi_trap trap = {.page = VMI_PAGE_UNKNOWN};
    expect(0, vmi_hv_kinds(&image, VMI_POLICY_DEFAULT, kinds));
    expect(VMI_ERROR_FIXED,
           vmi_hv_choose(&image, kinds, VMI_CALL_GetRelocationInfo, VMI_SLOT_SOFT));
    for (size_t i = 0; i < sizeof(soft); i++) {
        memset(bodies[soft[i]], 0x90 + (int)i, VMI_CALL_SIZE);
        expect(0, vmi_hv_choose(&image, kinds, soft[i], VMI_SLOT_SOFT));
    }
    expect(VMI_ERROR_NO_SOFT, publish(&p, &plan));
    expect(0, writes);
    plan.soft = (const uint8_t(*)[VMI_CALL_SIZE])bodies;
    expect(0, publish(&p, &plan));
    for (size_t i = 0; i < sizeof(soft); i++) {
        uint32_t at = ROM + VMI_CALL_OFFSET(soft[i]);
        expect(0, memcmp(memory + at, bodies[soft[i]], VMI_CALL_SIZE));
        expect(VMI_ERROR_NOT_TRAP, vmi_hv_decode(&p, at, &trap, NULL, NULL));
    }
    expect(VMI_CALL_SetCR3,
           vmi_hv_decode(&p, ROM + VMI_CALL_OFFSET(VMI_CALL_SetCR3), &trap, NULL, NULL));
    expect(true, romsum_accepts(memory + ROM, p.size));
    expect(0, vmi_hv_open(&again, memory + ROM, p.size)); /* an image like others */
}

static const struct {
    uint8_t trap, operand, site[3];
} traps[] = {{VMI_TRAP_VMMCALL, 0, {0x0F, 0x01, 0xD9}}, {VMI_TRAP_VMCALL, 0, {0x0F, 0x01, 0xC1}},
             {VMI_TRAP_INT, 0x20, {0xCD, 0x20, 0x90}},  {VMI_TRAP_INT, 0xFF, {0xCD, 0xFF, 0x90}},
             {VMI_TRAP_OUT, 0x00, {0xE6, 0x00, 0x90}},  {VMI_TRAP_OUT, 0xE9, {0xE6, 0xE9, 0x90}}};
#define TRAPS (sizeof(traps) / sizeof(*traps))

static struct vmi_plan plan_of(size_t trap, enum vmi_policy policy) {
    return (struct vmi_plan){
        .trap = traps[trap].trap, .operand = traps[trap].operand, .policy = policy};
}

/* Every byte of what was published, against the images and the plan. */
static void judge(const struct vmi_publication *p, size_t trap, const uint8_t *kinds) {
    const uint8_t *rom = memory + ROM;
    for (uint32_t at = 0; at < image.size; at++) {
        uint32_t n = at / 32, d = at - image.descriptor;
        uint8_t want = image.bytes[at];
        if (n < 128 && kinds[n] == VMI_SLOT_TRAP) {
            want = at % 32 < 3 ? traps[trap].site[at % 32] : at % 32 == 3 ? 0xC3 : 0xCC;
        } else if (n < 128 && kinds[n] == VMI_SLOT_NOP) {
            want = at % 32 == 0 ? 0xC3 : 0xCC;
        } else if (n < 128 && kinds[n] == VMI_SLOT_NATIVE) {
            want = native_bytes[at];
        } else if (d == HYPERCALL_AT(trap)) {
            want = traps[trap].trap;
        } else if (d == HYPERCALL_AT(operand)) {
            want = traps[trap].operand;
        } else if (d - HYPERCALL_AT(kind) < 128) {
            want = kinds[d - HYPERCALL_AT(kind)];
        }
        if (at != VMI_ROM_CHECKSUM_OFFSET) {
            expect(want, rom[at]);
        }
    }
    expect(0, sum_of(rom, image.size));
    expect(0, memcmp(p->kind, kinds, 128));
    expect(ROM, p->address);
    expect(image.size, p->size);
    expect(traps[trap].trap, p->trap);
    expect(traps[trap].operand, p->operand);
    expect(VMI_API_MAJOR_13, p->api);
}

static void each_trap_and_policy_gives_the_image_it_says_sealed(void) {
    for (size_t t = 0; t < TRAPS; t++) {
        for (int policy = VMI_POLICY_DEFAULT; policy <= VMI_POLICY_TUNED; policy++) {
            struct vmi_plan plan = plan_of(t, (enum vmi_policy)policy);
            struct vmi_publication p;
            uint8_t kinds[128];
            vmi_hv_kinds(&image, plan.policy, kinds);
            memset(memory, 0xA5, sizeof(memory));
            expect(0, publish(&p, &plan));
            judge(&p, t, kinds);
            expect(true, romsum_accepts(memory + ROM, image.size));
            expect(0xA5, memory[ROM - 1]);
            expect(0xA5, memory[ROM + image.size]);
        }
    }
}

static void the_image_published_as_it_comes_is_the_image(void) {
    struct vmi_plan plan = {.trap = VMI_TRAP_VMMCALL};
    struct vmi_publication p;
    expect(0, publish(&p, &plan));
    expect(0, memcmp(memory + ROM, hypercall_bytes, image.size));
}

static void a_list_gives_the_kinds_it_names(void) {
    struct vmi_publication p;
    uint8_t kinds[128];
    struct vmi_plan plan = plan_of(1, VMI_POLICY_LIST);
    vmi_hv_kinds(&image, VMI_POLICY_DEFAULT, kinds);
    expect(0, vmi_hv_choose(&image, kinds, VMI_CALL_SetDR, VMI_SLOT_NATIVE));
    expect(0, vmi_hv_choose(&image, kinds, VMI_CALL_UpdateKernelStack, VMI_SLOT_NOP));
    expect(0, vmi_hv_choose(&image, kinds, VMI_CALL_INVD, VMI_SLOT_NATIVE));
    expect(0, vmi_hv_choose(&image, kinds, VMI_CALL_IODelay, VMI_SLOT_TRAP));
    plan.kinds = kinds;
    expect(0, publish(&p, &plan));
    judge(&p, 1, kinds);
    expect(true, romsum_accepts(memory + ROM, image.size));
}

static void an_image_bound_again_and_again_ends_as_if_bound_once(void) {
    static uint8_t first[MAX], second[MAX];
    static const struct vmi_plan last = {.trap = VMI_TRAP_VMCALL, .policy = VMI_POLICY_ALL};
    struct vmi_publication p;
    struct vmi_image again = image, again_twin;
    struct vmi_plan plan = plan_of(3, VMI_POLICY_TUNED);
    expect(0, publish(&p, &last));
    memcpy(first, memory + ROM, image.size);

    expect(0, publish(&p, &plan));
    memcpy(second, memory + ROM, image.size);
    expect(0, vmi_hv_open(&again, second, image.size));
    expect(0, vmi_hv_open_twin(&again_twin, &again, native_bytes, native_size));
    plan = plan_of(5, VMI_POLICY_ALL);
    expect(0, vmi_hv_publish(&p, &again, &again_twin, &plan, ROM, write_memory, NULL, scratch,
                             sizeof(scratch)));
    expect(true, romsum_accepts(memory + ROM, image.size));
    memcpy(second, memory + ROM, image.size);
    expect(0, vmi_hv_open(&again, second, image.size));
    expect(0, vmi_hv_publish(&p, &again, NULL, &last, ROM, write_memory, NULL, scratch,
                             sizeof(scratch)));
    expect(0, memcmp(first, memory + ROM, image.size));
}

/* Whether an image's GetRelocationInfo answers a call of API 3.0 with its slot. */
static bool is_answered(const uint8_t *rom, uint32_t call) {
    return rom[VMI3_POLICY_OFFSET + VMI3_POLICY_AT_CALLS + call] & VMI3_POLICY_CALL;
}

static void answers_chosen_by_romsum_survive_publishing(void) {
    static uint8_t bytes[MAX], twin_bytes[MAX];
    char path[] = P_tmpdir "/test_kit.XXXXXX", command[1200];
    int fd = mkstemp(path);
    expect(true, fd >= 0);
    snprintf(command, sizeof(command), "'%s' --policy minimal,SetCR3 '%s' -o '%s'", romsum,
             api_3_names[0], path);
    expect(0, system(command));
    uint32_t size = image_load(path, bytes, sizeof(bytes));
    close(fd);
    unlink(path);
    struct vmi_image i3, twin_3;
    expect(0, vmi_hv_open(&i3, bytes, size));
    expect(0, vmi_hv_open_twin(&twin_3, &i3, twin_bytes,
                               image_load(api_3_names[1], twin_bytes, sizeof(twin_bytes))));
    for (int policy = VMI_POLICY_DEFAULT; policy <= VMI_POLICY_TUNED; policy++) {
        struct vmi_plan plan = plan_of(0, (enum vmi_policy)policy);
        struct vmi_publication p;
        memset(memory, 0xA5, sizeof(memory));
        fail_at = -1;
        expect(0, vmi_hv_publish(&p, &i3, &twin_3, &plan, ROM, write_memory, NULL, scratch,
                                 sizeof(scratch)));
        for (uint32_t call = 0; call <= VMI3_CALL_LAST; call++) {
            expect(call == VMI3_CALL_IRET || call == VMI3_CALL_SYSEXIT || call == VMI3_CALL_SetCR3,
                   is_answered(memory + ROM, call));
        }
        expect(true, romsum_accepts(memory + ROM, size));
    }
}

static void native_bodies_need_the_twin_and_others_do_not(void) {
    struct vmi_publication p;
    for (int policy = VMI_POLICY_DEFAULT; policy <= VMI_POLICY_TUNED; policy++) {
        struct vmi_plan plan = plan_of(0, (enum vmi_policy)policy);
        expect(policy == VMI_POLICY_TUNED ? VMI_ERROR_NO_TWIN : 0,
               vmi_hv_publish(&p, &image, NULL, &plan, ROM, write_memory, NULL, scratch,
                              sizeof(scratch)));
    }
}

static void every_trap_and_operand_is_taken_or_refused_as_documented(void) {
    struct vmi_publication p;
    for (int trap = 0; trap < 256; trap++) {
        for (int operand = 0; operand < 256; operand++) {
            struct vmi_plan plan = {.trap = (uint8_t)trap, .operand = (uint8_t)operand};
            bool good = trap < 2 ? operand == 0 : trap == 2 ? operand >= 0x20 : trap == 3;
            expect(good ? 0 : VMI_ERROR_TRAP, publish(&p, &plan));
            expect(good, writes > 0);
        }
    }
}

/* The bytes of Init's question, by hand. */
static const uint8_t refusal[] = {0x83, 0xC8, 0xFF, 0xC3, 0xCC, 0xCC, 0xCC};
static const uint8_t question[] = {0x83, 0xC8, 0xFF, 0xE6, 0x7C, 0x90, 0xC3};

static void init_asks_by_out_alone_and_only_if_the_plan_says_so(void) {
    struct vmi_plan plan = {.asks = true};
    struct vmi_publication p;
    struct vmi_image i;
    for (uint8_t trap = 0; trap < VMI_TRAP_OUT; trap++) {
        plan.trap = trap, plan.operand = trap == VMI_TRAP_INT ? 0x7C : 0;
        expect(VMI_ERROR_TRAP, publish(&p, &plan));
        expect(0, writes);
    }
    plan.trap = VMI_TRAP_OUT, plan.operand = 0x7C;
    for (uint32_t n = 0; n < 4; n++) {
        bool asks = plan.asks = n % 2 == 0;
        expect(0, publish(&p, &plan));
        expect(asks, p.flags);
        expect(0, memcmp(memory + ROM + 0x98, asks ? question : refusal, 7));
        expect(0xCC, memory[ROM + 0x9F]);
        expect(asks, descriptor_in(memory + ROM)[7]);
        expect(0, sum_of(memory + ROM, p.size));
        expect(0, vmi_hv_open(&i, memory + ROM, p.size));
        memset(&p, 0, sizeof(p));
        expect(0, vmi_hv_adopt(&p, memory + ROM, i.size, ROM));
        expect(asks, p.flags);
    }
}

static void a_question_that_is_not_what_the_descriptor_says_is_refused(void) {
    for (uint32_t at = 0x98; at < 0x9F; at++) {
        fresh_copy()[at] ^= 1;
        expect(VMI_ERROR_SITE, open_corrupt());
    }
    descriptor_in(fresh_copy())[7] = 1; /* VMMCALL would fault where nobody serves it */
    expect(VMI_ERROR_KINDS, open_corrupt());
    for (uint32_t flags = 2; flags < 256; flags++) {
        descriptor_in(fresh_copy())[7] = (uint8_t)flags;
        expect(VMI_ERROR_KINDS, open_corrupt());
    }
}

static void inits_question_is_answered_where_it_may_be_asked(void) {
    static const struct vmi_handlers none;
    struct vmi_plan plan = {.trap = VMI_TRAP_OUT, .operand = 0x7C, .asks = true};
    struct vmi_trap trap = {.page = ROM};
    struct vmi_publication p;
    struct vmi_frame f;
    expect(0, publish(&p, &plan));
    for (uint32_t eip = ROM + 0x80; eip < ROM + 0xA0; eip++) {
        bool good = eip == ROM + 0x9B || eip == ROM + 0x9D;
        int refused =
            eip == ROM + 0x80 || eip == ROM + 0x82 ? VMI_ERROR_NOT_TRAP : VMI_ERROR_OFFSET;
        expect(good ? VMI_CALL_Init : refused, vmi_hv_decode(&p, eip, &trap, NULL, NULL));
        memset(&f, 0x5A, sizeof(f));
        f.eip = eip;
        expect(good ? VMI_RETURNS : refused, vmi_hv_serve(&p, &none, &guest, NULL, &trap, &f));
        expect(good ? 0 : 0x5A5A5A5A, f.eax);
        expect(good ? ROM + 0x9E : eip, f.eip);
        expect(0x5A5A5A5A, f.edx);
        expect(0x5A5A5A5A, f.esp);
        expect(good ? VMI_CALL_Init : 0x5A, f.slot);
    }
    trap.cpl = 3;
    expect(VMI_ERROR_USER, vmi_hv_decode(&p, ROM + 0x9B, &trap, NULL, NULL));
    trap.cpl = 0, trap.page = COPY, trap.read_code = true;
    memcpy(memory + COPY, memory + ROM, p.size);
    expect(VMI_CALL_Init, vmi_hv_decode(&p, COPY + 0x9D, &trap, &guest, NULL));
    memory[COPY + 0x98]++;
    expect(VMI_ERROR_ELSEWHERE, vmi_hv_decode(&p, COPY + 0x9D, &trap, &guest, NULL));
    trap.code = memory + ROM + 0x80;
    expect(VMI_CALL_Init, vmi_hv_decode(&p, COPY + 0x9B, &trap, NULL, NULL));
    trap.code = NULL, trap.read_code = false;
    expect(VMI_ERROR_ELSEWHERE, vmi_hv_decode(&p, COPY + 0x9B, &trap, NULL, NULL));
    plan.asks = false, trap.page = ROM;
    expect(0, publish(&p, &plan));
    expect(VMI_ERROR_OFFSET, vmi_hv_decode(&p, ROM + 0x9B, &trap, NULL, NULL));
}

static void an_address_off_a_page_boundary_is_refused(void) {
    struct vmi_plan plan = plan_of(0, VMI_POLICY_DEFAULT);
    struct vmi_publication p;
    writes = 0;
    for (uint32_t offset = 1; offset < 4096; offset++) {
        expect(VMI_ERROR_ADDRESS, vmi_hv_publish(&p, &image, &twin, &plan, ROM + offset,
                                                 write_memory, NULL, scratch, sizeof(scratch)));
    }
    expect(VMI_ERROR_ADDRESS, vmi_hv_publish(&p, &image, &twin, &plan, 0xFFFFF000, write_memory,
                                             NULL, scratch, sizeof(scratch)));
    expect(0, writes);
}

static bool note_end(void *context, uint32_t address, const void *from, uint32_t size) {
    (void)from;
    *(uint64_t *)context = (uint64_t)address + size;
    return true;
}

static void an_image_may_end_at_4_gib_but_not_above(void) {
    struct vmi_plan plan = plan_of(0, VMI_POLICY_DEFAULT);
    struct vmi_publication p;
    struct vmi_image two_pages;
    uint64_t end = 0;
    fresh_copy()[2] = 16;
    reseal(corrupt);
    expect(0, vmi_hv_open(&two_pages, corrupt, sizeof(corrupt)));
    expect(0, vmi_hv_publish(&p, &two_pages, NULL, &plan, 0xFFFFE000, note_end, &end, scratch,
                             sizeof(scratch)));
    expect(0xFFFFE002, end); /* the last write is the signature's */
    expect(VMI_ERROR_ADDRESS, vmi_hv_publish(&p, &two_pages, NULL, &plan, 0xFFFFF000, note_end,
                                             &end, scratch, sizeof(scratch)));
}

static void a_scratch_buffer_that_is_too_small_is_refused(void) {
    struct vmi_plan plan = plan_of(0, VMI_POLICY_DEFAULT);
    struct vmi_publication p;
    writes = 0;
    expect(VMI_ERROR_SCRATCH, vmi_hv_publish(&p, &image, &twin, &plan, ROM, write_memory, NULL,
                                             scratch, image.size - 1));
    expect(0, writes);
}

/* Fails each write in turn: over bare memory, and over a ROM that stands there. */
static void nothing_is_half_published_when_a_write_fails(void) {
    struct vmi_plan plan = plan_of(0, VMI_POLICY_DEFAULT), other = plan_of(1, VMI_POLICY_ALL);
    struct vmi_publication p, untouched;
    memset(&untouched, 0xEE, sizeof(untouched));
    expect(0, publish(&p, &plan));
    int total = writes;
    expect(4, total); /* signature off, two pages, signature on */
    for (int over = 0; over < 2; over++) {
        for (int n = 0; n < total; n++) {
            memset(memory, 0, sizeof(memory));
            if (over) {
                expect(0, publish(&p, &plan));
            }
            memcpy(before, memory, sizeof(before));
            memset(&p, 0xEE, sizeof(p));
            writes = 0;
            fail_at = n;
            expect(VMI_ERROR_WRITE, vmi_hv_publish(&p, &image, &twin, &other, ROM, write_memory,
                                                   NULL, scratch, sizeof(scratch)));
            expect(n + 1, writes);
            expect(0, memcmp(&p, &untouched, sizeof(p)));
            if (n == 0) {
                expect(0, memcmp(before, memory, sizeof(before)));
            } else {
                expect(0, memory[ROM] | memory[ROM + 1]);
            }
        }
    }
    fail_at = -1;
}

static void no_guest_sees_the_rom_before_the_last_write(void) {
    struct vmi_plan plan = plan_of(0, VMI_POLICY_DEFAULT);
    struct vmi_publication p;
    expect(0, publish(&p, &plan)); /* bare memory, then over the ROM */
    expect(false, rom_seen_early);
    expect(0, publish(&p, &plan));
    expect(false, rom_seen_early);
}

/* --- decoding --- */

static struct vmi_publication published(size_t trap, enum vmi_policy policy) {
    struct vmi_plan plan = plan_of(trap, policy);
    struct vmi_publication p;
    expect(0, publish(&p, &plan));
    return p;
}

static const struct vmi_trap anywhere = {.page = VMI_PAGE_UNKNOWN};

static void a_trap_at_or_behind_every_offset_is_decoded_or_refused(void) {
    for (size_t t = 0; t < TRAPS; t++) {
        for (int policy = VMI_POLICY_DEFAULT; policy <= VMI_POLICY_TUNED; policy++) {
            struct vmi_publication p = published(t, (enum vmi_policy)policy);
            uint32_t length =
                traps[t].trap == VMI_TRAP_INT || traps[t].trap == VMI_TRAP_OUT ? 2 : 3;
            for (uint32_t at = 0; at < 4096; at++) {
                struct vmi_trap trap = anywhere;
                int want = at % 32 && at % 32 != length       ? VMI_ERROR_OFFSET
                           : p.kind[at / 32] != VMI_SLOT_TRAP ? VMI_ERROR_NOT_TRAP
                                                              : (int)at / 32;
                expect(want, vmi_hv_decode(&p, 0xC0300000 + at, &trap, NULL, NULL));
            }
        }
    }
}

static void a_published_rom_can_be_adopted(void) {
    for (size_t t = 0; t < TRAPS; t++) {
        for (int policy = VMI_POLICY_DEFAULT; policy <= VMI_POLICY_HOSTED; policy++) {
            struct vmi_publication p, adopted;
            if (policy == VMI_POLICY_LIST) {
                continue;
            }
            p = published(t, (enum vmi_policy)policy);
            memset(&adopted, 0xEE, sizeof(adopted));
            memcpy(before, memory, sizeof(memory));
            expect(0, vmi_hv_adopt(&adopted, memory + ROM, MEMORY - ROM, ROM));
            expect(p.address, adopted.address);
            expect(p.size, adopted.size);
            expect(p.api, adopted.api);
            expect(p.trap, adopted.trap);
            expect(p.operand, adopted.operand);
            expect(0, memcmp(p.kind, adopted.kind, sizeof(p.kind)));
            expect(0, memcmp(before, memory, sizeof(memory)));
        }
    }
}

static void what_is_no_published_rom_is_not_adopted(void) {
    struct vmi_publication p = published(3, VMI_POLICY_ALL), adopted, untouched;
    memset(&adopted, 0xEE, sizeof(adopted));
    untouched = adopted;
    expect(VMI_ERROR_ADDRESS, vmi_hv_adopt(&adopted, memory + ROM, p.size, ROM + 0x800));
    expect(VMI_ERROR_ADDRESS, vmi_hv_adopt(&adopted, memory + ROM, p.size, 0xFFFFF000u));
    expect(VMI_ERROR_SHORT, vmi_hv_adopt(&adopted, memory + ROM, p.size - 1, ROM));
    expect(VMI_ERROR_DESCRIPTOR, vmi_hv_adopt(&adopted, native_bytes, native_size, ROM));
    memory[ROM] = 0; /* as a write that failed leaves it */
    expect(VMI_ERROR_NOT_ROM, vmi_hv_adopt(&adopted, memory + ROM, p.size, ROM));
    memory[ROM] = 0x55;
    memory[ROM + p.size - 1] ^= 1;
    expect(VMI_ERROR_CHECKSUM, vmi_hv_adopt(&adopted, memory + ROM, p.size, ROM));
    expect(0, memcmp(&adopted, &untouched, sizeof(adopted)));
}

static void user_mode_is_refused(void) {
    struct vmi_publication p = published(0, VMI_POLICY_ALL);
    struct vmi_trap trap = anywhere;
    for (uint8_t cpl = 0; cpl < 4; cpl++) {
        trap.cpl = cpl;
        expect(cpl == 3 ? VMI_ERROR_USER : VMI_CALL_CPUID,
               vmi_hv_decode(&p, ROM + VMI_CALL_CPUID * 32, &trap, NULL, NULL));
    }
}

#define EIP (COPY + VMI_CALL_SetCR3 * 32)

static int decode_at(const struct vmi_publication *p, struct vmi_trap trap) {
    return vmi_hv_decode(p, EIP, &trap, &guest, NULL);
}

static void the_published_page_is_known_by_its_address(void) {
    struct vmi_publication p = published(0, VMI_POLICY_DEFAULT);
    memset(memory, 0, sizeof(memory)); /* its bytes are not looked at */
    expect(VMI_CALL_SetCR3, decode_at(&p, (struct vmi_trap){.page = ROM}));
    expect(VMI_CALL_SetCR3, decode_at(&p, (struct vmi_trap){.page = ROM + 0xFFF}));
    expect(VMI_ERROR_ELSEWHERE, decode_at(&p, (struct vmi_trap){.page = ROM + 0x1000}));
    expect(VMI_ERROR_ELSEWHERE, decode_at(&p, (struct vmi_trap){.page = ROM - 1}));
    expect(VMI_ERROR_ELSEWHERE, decode_at(&p, (struct vmi_trap){.page = ROM + (1ull << 32)}));
}

static void a_copy_is_known_by_its_bytes(void) {
    struct vmi_publication p = published(4, VMI_POLICY_DEFAULT);
    struct vmi_trap read = {.page = VMI_PAGE_UNKNOWN, .read_code = true}, page = read;
    page.page = COPY;
    memcpy(memory + COPY, memory + ROM, image.size);
    for (uint32_t at = 0; at < 32; at++) {
        struct vmi_trap code = {.page = VMI_PAGE_UNKNOWN, .code = memory + EIP};
        expect(VMI_CALL_SetCR3, decode_at(&p, read));
        expect(VMI_CALL_SetCR3, decode_at(&p, page));
        expect(VMI_CALL_SetCR3, decode_at(&p, code));
        memory[EIP + at] ^= 0x80;
        expect(VMI_ERROR_ELSEWHERE, decode_at(&p, read));
        expect(VMI_ERROR_ELSEWHERE, decode_at(&p, page));
        expect(VMI_ERROR_ELSEWHERE, decode_at(&p, code));
        code.read_code = true; /* given bytes come first */
        code.code = memory + ROM + VMI_CALL_SetCR4 * 32;
        expect(VMI_CALL_SetCR3, decode_at(&p, code));
        memory[EIP + at] ^= 0x80;
    }
}

static void code_that_cannot_be_read_is_no_copy(void) {
    static const struct vmi_guest blind = {0};
    struct vmi_publication p = published(0, VMI_POLICY_DEFAULT);
    struct vmi_trap trap = {.page = VMI_PAGE_UNKNOWN, .read_code = true};
    uint32_t high = 0xC0300000 + VMI_CALL_SetCR3 * 32;
    expect(VMI_ERROR_ELSEWHERE, vmi_hv_decode(&p, high, &trap, &guest, NULL));
    expect(VMI_ERROR_ELSEWHERE, vmi_hv_decode(&p, high, &trap, &blind, NULL));
    expect(VMI_ERROR_ELSEWHERE, vmi_hv_decode(&p, high, &trap, NULL, NULL));
}

/* --- serving, without a guest --- */

static struct {
    unsigned calls;
    struct vmi_frame frame; /* as the handler got it */
    void *context;
    int outcome;
    uint32_t eip; /* what it sets EIP to */
} served;

static int record(void *context, struct vmi_frame *frame) {
    served.calls++;
    served.frame = *frame;
    served.context = context;
    frame->eax += 1, frame->ebx += 2, frame->esp += 3, frame->eflags ^= 1, frame->gs += 1;
    frame->eip = served.eip;
    return served.outcome;
}

static struct vmi_handlers all(vmi_handler *handler) {
    struct vmi_handlers handlers;
    for (size_t at = 0; at < sizeof(handlers); at += sizeof(handler)) {
        memcpy((char *)&handlers + at, &handler, sizeof(handler));
    }
    return handlers;
}

static struct vmi_frame some_frame(uint32_t eip) {
    return (struct vmi_frame){.eax = 0x01020304,
                              .ecx = 0x11121314,
                              .edx = 0x21222324,
                              .ebx = 0x31323334,
                              .esp = STACK,
                              .ebp = 0x41424344,
                              .esi = 0x51525354,
                              .edi = 0x61626364,
                              .eip = eip,
                              .eflags = 0x202,
                              .es = 1,
                              .cs = 8,
                              .ss = 16,
                              .ds = 17,
                              .fs = 18,
                              .gs = 19};
}

static bool same_registers(const struct vmi_frame *a, const struct vmi_frame *b) {
    return memcmp(a, b, offsetof(struct vmi_frame, ss_base)) == 0;
}

static void every_slot_reaches_its_own_handler_and_returns_to_its_ret(void) {
    struct vmi_image i3 = api_3_image(), *images[] = {&image, &i3};
    for (size_t t = 0; t < TRAPS; t++) {
        for (int i = 0; i < 2; i++) {
            for (uint32_t n = 0; n < 128; n++) {
                struct vmi_plan plan = plan_of(t, VMI_POLICY_ALL);
                struct vmi_publication p;
                struct vmi_handlers handlers = all(NULL);
                struct vmi_trap trap = anywhere;
                struct vmi_frame f = some_frame(COPY + n * 32), expected;
                vmi_handler *handler = record;
                writes = 0;
                expect(0, vmi_hv_publish(&p, images[i], &twin, &plan, ROM, write_memory, NULL,
                                         scratch, sizeof(scratch)));
                if (p.kind[n] != VMI_SLOT_TRAP) {
                    continue;
                }
                if ((n + t) % 2) {
                    f.eip += traps[t].trap >= VMI_TRAP_INT ? 2 : 3;
                }
                expected = f;
                served.calls = 0;
                served.outcome = VMI_RETURNS;
                if (n == VMI_CALL_IRET || n == VMI_CALL_SYSEXIT) {
                    served.outcome = VMI_TRANSFERS;
                }
                served.eip = 0x12345678;
                expect(VMI_ERROR_HANDLER, vmi_hv_serve(&p, &handlers, &guest, &p, &trap, &f));
                expect(0, memcmp(&f, &expected, sizeof(f)));
                memcpy((char *)&handlers + vmi_slots[n].handler, &handler, sizeof(handler));
                expect(served.outcome, vmi_hv_serve(&p, &handlers, &guest, &p, &trap, &f));
                expect(1, served.calls);
                expect(n, served.frame.slot);
                expect(COPY + n * 32, served.frame.eip);
                expect(true, served.context == &p);
                expected.eip = served.frame.eip;
                expect(true, same_registers(&served.frame, &expected));
                expected.eip = served.outcome ? served.eip : COPY + n * 32 + 3;
                expected.eax += 1, expected.ebx += 2, expected.esp += 3, expected.eflags ^= 1;
                expected.gs += 1;
                expect(true, same_registers(&f, &expected));
            }
        }
    }
}

static void each_call_has_a_member_of_its_own_name(void) {
    static const struct {
        uint32_t slot;
        size_t offset;
    } members[] = {{VMI_CALL_Init, offsetof(struct vmi_handlers, Init)},
                   {VMI_CALL_CPUID, offsetof(struct vmi_handlers, CPUID)},
                   {VMI_CALL_IRET, offsetof(struct vmi_handlers, IRET)},
                   {VMI_CALL_OUTSW, offsetof(struct vmi_handlers, OUTSW)},
                   {VMI_CALL_SetPxE0, offsetof(struct vmi_handlers, SetPxE0)},
                   {VMI_CALL_SetPxE, offsetof(struct vmi_handlers, SetPxE)},
                   {VMI_CALL_SetPxELong, offsetof(struct vmi_handlers, SetPxELong)},
                   {VMI3_SLOT_UpdateKernelStack, offsetof(struct vmi_handlers, UpdateKernelStack3)},
                   {VMI3_SLOT_AllocatePage, offsetof(struct vmi_handlers, AllocatePage3)},
                   {VMI3_SLOT_APICRead, offsetof(struct vmi_handlers, APICRead3)},
                   {VMI3_SLOT_SetLazyMode, offsetof(struct vmi_handlers, SetLazyMode)}};
    for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++) {
        expect(members[i].offset, vmi_slots[members[i].slot].handler);
    }
}

/* Serves one call in which `outcome` is the handler's result. */
static int serve(uint32_t n, int outcome, struct vmi_frame *f, bool behind) {
    struct vmi_publication p = published(2, VMI_POLICY_ALL);
    struct vmi_handlers handlers = all(record);
    struct vmi_trap trap = {.page = VMI_PAGE_UNKNOWN};
    *f = some_frame(ROM + n * 32 + (behind ? 2 : 0));
    served.outcome = outcome;
    served.eip = 0x00ABCDEF;
    return vmi_hv_serve(&p, &handlers, &guest, NULL, &trap, f);
}

static void a_transfer_or_a_stop_leaves_the_frame_as_the_handler_set_it(void) {
    static const int outcomes[] = {VMI_TRANSFERS, VMI_STOPS};
    for (int i = 0; i < 2; i++) {
        struct vmi_frame f;
        expect(outcomes[i], serve(VMI_CALL_Reboot, outcomes[i], &f, false));
        expect(0x00ABCDEF, f.eip);
        expect(0x01020305, f.eax);
        expect(STACK + 3, f.esp);
    }
}

static void a_call_done_in_part_traps_again_with_its_registers_as_set(void) {
    for (int behind = 0; behind < 2; behind++) {
        struct vmi_frame f;
        expect(VMI_REPEATS, serve(VMI_CALL_INSB, VMI_REPEATS, &f, behind));
        expect(ROM + VMI_CALL_INSB * 32, f.eip);
        expect(0x01020305, f.eax);
    }
}

#define REGISTERS offsetof(struct vmi_frame, es) /* what comes back */

static void a_fault_restores_the_registers_and_starts_the_call_over(void) {
    for (int behind = 0; behind < 2; behind++) {
        struct vmi_frame f, expected = some_frame(ROM + VMI_CALL_SetAlarm * 32);
        expect(VMI_ERROR_FAULT, serve(VMI_CALL_SetAlarm, VMI_ERROR_FAULT, &f, behind));
        expect(0, memcmp(&f, &expected, REGISTERS));
    }
}

static void any_other_error_of_a_handler_leaves_the_registers_as_they_came(void) {
    static const int outcomes[] = {VMI_ERROR_ARGUMENT, VMI_ERROR_SHORT};
    for (int i = 0; i < 2; i++) {
        for (int behind = 0; behind < 2; behind++) {
            struct vmi_frame f,
                expected = some_frame(ROM + VMI_CALL_SetAlarm * 32 + (behind ? 2 : 0));
            expect(outcomes[i], serve(VMI_CALL_SetAlarm, outcomes[i], &f, behind));
            expect(0, memcmp(&f, &expected, REGISTERS));
        }
    }
}

static void an_outcome_that_cannot_be_is_refused(void) {
    static const struct {
        uint32_t slot;
        int outcome;
    } bad[] = {{VMI_CALL_SetCR3, VMI_STOPS + 1},
               {VMI_CALL_SetCR3, VMI_ERROR_LAST - 1},
               {VMI_CALL_IRET, VMI_RETURNS},
               {VMI_CALL_SYSEXIT, VMI_RETURNS}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct vmi_frame f, expected = some_frame(ROM + bad[i].slot * 32);
        expect(VMI_ERROR_OUTCOME, serve(bad[i].slot, bad[i].outcome, &f, false));
        expect(0, memcmp(&f, &expected, REGISTERS));
    }
    struct vmi_frame f;
    expect(VMI_RETURNS, serve(VMI_CALL_Reboot, VMI_RETURNS, &f, false)); /* a refusal may return */
}

static void what_is_not_decoded_is_not_served(void) {
    struct vmi_publication p = published(0, VMI_POLICY_DEFAULT);
    struct vmi_handlers handlers = all(record);
    struct vmi_trap trap = anywhere;
    struct vmi_frame f = some_frame(ROM + VMI_CALL_RDTSC * 32), expected = f;
    served.calls = 0;
    expect(VMI_ERROR_NOT_TRAP, vmi_hv_serve(&p, &handlers, &guest, NULL, &trap, &f));
    expect(0, memcmp(&f, &expected, sizeof(f)));
    f.eip = expected.eip = ROM + VMI_CALL_SetCR3 * 32 + 1;
    expect(VMI_ERROR_OFFSET, vmi_hv_serve(&p, &handlers, &guest, NULL, &trap, &f));
    f.eip = expected.eip = ROM + VMI_CALL_SetCR3 * 32;
    trap.cpl = 3;
    expect(VMI_ERROR_USER, vmi_hv_serve(&p, &handlers, &guest, NULL, &trap, &f));
    expect(0, memcmp(&f, &expected, sizeof(f)));
    expect(0, served.calls);
}

static void two_contexts_do_not_mix(void) {
    struct vmi_publication p = published(0, VMI_POLICY_DEFAULT);
    struct vmi_handlers handlers = all(record);
    int cpu[2];
    for (int i = 0; i < 2; i++) {
        struct vmi_frame f = some_frame(ROM + VMI_CALL_SetCR3 * 32);
        served.outcome = VMI_RETURNS;
        expect(VMI_RETURNS, vmi_hv_serve(&p, &handlers, &guest, &cpu[i], &anywhere, &f));
        expect(true, served.context == &cpu[i]);
        expect(true, served.frame.context == &cpu[i]);
    }
}

/* --- stack arguments, guest memory, results --- */

static void put(uint32_t address, uint32_t value) {
    memcpy(memory + address, &value, 4);
}

static struct vmi_frame frame_of(uint32_t slot, const struct vmi_guest *g) {
    struct vmi_frame f = some_frame(ROM + slot * 32);
    f.slot = (uint8_t)slot;
    f.guest = g;
    return f;
}

static void stack_arguments_are_those_of_the_table(void) {
    static const struct {
        uint32_t slot, arguments;
    } with_stack[] = {
        {VMI_CALL_WriteGDTEntry, 1}, {VMI_CALL_WriteLDTEntry, 1}, {VMI_CALL_WriteIDTEntry, 1},
        {VMI_CALL_IRET, 3},          {VMI_CALL_AllocatePage, 2},  {VMI_CALL_SetLinearMapping, 1},
        {VMI_CALL_SetAlarm, 2},      {VMI_CALL_SetPxELong, 1},    {VMI3_SLOT_AllocatePage, 2}};
    for (uint32_t i = 0; i < 8; i++) {
        put(STACK + 4 * i, 0xA0B0C000 + i);
    }
    for (uint32_t slot = 0; slot < 128; slot++) {
        struct vmi_frame f = frame_of(slot, &guest);
        uint32_t arguments = 0, value;
        for (size_t i = 0; i < sizeof(with_stack) / sizeof(*with_stack); i++) {
            if (with_stack[i].slot == slot) {
                arguments = with_stack[i].arguments;
            }
        }
        for (uint32_t n = 0; n < 6; n++) {
            value = 0x77777777;
            expect(n < arguments ? 0 : VMI_ERROR_ARGUMENT, vmi_argument_stack(&f, n, &value));
            expect(n < arguments ? 0xA0B0C001 + n : 0x77777777, value);
        }
        expect(VMI_ERROR_ARGUMENT, vmi_argument_stack(&f, UINT32_MAX, &value));
    }
}

static int alarms, alarm_error;
static uint32_t alarm_period[2];

static int set_alarm(void *context, struct vmi_frame *frame) {
    uint32_t low, high;
    (void)context;
    frame->eax = 0xBAD; /* a handler that is careless with the frame */
    for (int n = 0; n < 2; n++) {
        if ((alarm_error = vmi_argument_stack(frame, (uint32_t)n, n ? &high : &low)) != 0) {
            return alarm_error;
        }
    }
    alarms++;
    alarm_period[0] = low, alarm_period[1] = high;
    return VMI_RETURNS;
}

static int reads, fail_read_at;

static bool read_or_fail(void *context, uint32_t linear, void *to, uint32_t size) {
    if (reads++ == fail_read_at) {
        return false;
    }
    return read_memory(context, linear, to, size);
}

static const struct vmi_guest failing = {.read = read_or_fail};

static void a_read_that_fails_in_a_call_leaves_no_half_effect(void) {
    struct vmi_publication p = published(0, VMI_POLICY_DEFAULT);
    struct vmi_handlers handlers = {.SetAlarm = set_alarm};
    put(STACK, 0x10000), put(STACK + 4, 5), put(STACK + 8, 6);
    alarms = 0;
    for (fail_read_at = 0; fail_read_at < 3; fail_read_at++) {
        struct vmi_frame f = some_frame(ROM + VMI_CALL_SetAlarm * 32), expected = f;
        reads = 0;
        expect(fail_read_at < 2 ? VMI_ERROR_FAULT : VMI_RETURNS,
               vmi_hv_serve(&p, &handlers, &failing, NULL, &anywhere, &f));
        expect(fail_read_at == 2, alarms);
        if (fail_read_at < 2) {
            expect(0, memcmp(&f, &expected, REGISTERS));
        }
    }
    expect(5, alarm_period[0]);
    expect(6, alarm_period[1]);
}

static void only_calls_with_stack_arguments_read_guest_memory(void) {
    struct vmi_publication p = published(0, VMI_POLICY_ALL);
    struct vmi_handlers handlers = all(record);
    reads = 0, fail_read_at = -1;
    served.outcome = VMI_TRANSFERS;
    for (uint32_t n = VMI_CALL_CPUID; n <= VMI_CALL_LAST; n++) {
        struct vmi_frame f = some_frame(ROM + n * 32);
        if (n != VMI_CALL_GetRelocationInfo) {
            expect(VMI_TRANSFERS,
                   vmi_hv_serve(&p, &handlers, &failing, NULL,
                                &(struct vmi_trap){.page = ROM, .read_code = true}, &f));
        }
    }
    expect(0, reads);
}

static void guest_memory_is_read_and_written_or_fails(void) {
    static const struct vmi_guest blind = {0};
    struct vmi_frame f = frame_of(VMI_CALL_SetPxE, &guest);
    uint32_t value = 0x12345678, got = 0;
    writes = 0, fail_at = -1;
    expect(0, vmi_guest_write(&f, 0x9000, &value, 4));
    expect(0, vmi_guest_read(&f, 0x9000, &got, 4));
    expect(value, got);
    expect(VMI_ERROR_FAULT, vmi_guest_read(&f, 0xC0000000, &got, 4));
    expect(VMI_ERROR_FAULT, vmi_guest_write(&f, 0xC0000000, &value, 4));
    f.guest = &blind;
    expect(VMI_ERROR_FAULT, vmi_guest_read(&f, 0x9000, &got, 4));
    expect(VMI_ERROR_FAULT, vmi_guest_write(&f, 0x9000, &value, 4));
    f.guest = NULL;
    expect(VMI_ERROR_FAULT, vmi_guest_read(&f, 0x9000, &got, 4));
    expect(VMI_ERROR_FAULT, vmi_guest_write(&f, 0x9000, &value, 4));
}

static void results_change_what_they_name_only(void) {
    struct vmi_frame f = some_frame(0), expected = f;
    vmi_return_al(&f, 0xEE);
    expected.eax = 0x010203EE;
    expect(0, memcmp(&f, &expected, sizeof(f)));
    vmi_return_ax(&f, 0xFEDC);
    expected.eax = 0x0102FEDC;
    expect(0, memcmp(&f, &expected, sizeof(f)));
    vmi_return_eax(&f, 0xFFFFFFFF);
    expected.eax = 0xFFFFFFFF;
    expect(0, memcmp(&f, &expected, sizeof(f)));
    vmi_return_edx_eax(&f, 0x0123456789ABCDEF);
    expected.eax = 0x89ABCDEF, expected.edx = 0x01234567;
    expect(0, memcmp(&f, &expected, sizeof(f)));
}

static void put_iret(uint32_t cs, uint32_t eflags) {
    static const uint32_t rest[] = {0x5000,     0xEEEE0023, 0xEEEE0E50,
                                    0xEEEE0D50, 0xEEEE0F50, 0xEEEE0650};
    put(STACK, 0xC0100005);
    put(STACK + 4, 0x08048000);
    put(STACK + 8, 0xEEEE0000 | cs);
    put(STACK + 12, eflags);
    for (uint32_t i = 0; i < 6; i++) {
        put(STACK + 16 + 4 * i, rest[i]);
    }
}

static void expect_iret(const struct vmi_iret *i, uint8_t dwords, uint32_t cs, uint32_t esp,
                        uint16_t ss, uint16_t es) {
    expect(dwords, i->dwords);
    expect(0xC0100005, i->return_address);
    expect(0x08048000, i->eip);
    expect(cs, i->cs);
    expect(esp, i->esp);
    expect(ss, i->ss);
    expect(es, i->es);
    expect(es == 1 ? 17 : es - 0x100, i->ds);
    expect(es == 1 ? 18 : es + 0x100, i->fs);
    expect(es == 1 ? 19 : es - 0x800, i->gs);
}

static void an_iret_frame_is_as_long_as_its_destination_says(void) {
    struct vmi_frame f = frame_of(VMI_CALL_IRET, &guest);
    struct vmi_iret i;
    put_iret(0x08, 0x202); /* to the same ring */
    expect(0, vmi_iret_read(&f, &i));
    expect_iret(&i, 3, 0x08, STACK + 16, 16, 1);
    expect(0x202, i.eflags);
    put_iret(0x1B, 0x3202); /* to user mode */
    expect(0, vmi_iret_read(&f, &i));
    expect_iret(&i, 5, 0x1B, 0x5000, 0x23, 1);
    f.cs = 0x09; /* a kernel in ring 1 */
    put_iret(0x19, 0x202);
    expect(0, vmi_iret_read(&f, &i));
    expect_iret(&i, 3, 0x19, STACK + 16, 16, 1);
    put_iret(0x1234, 0x23202); /* to V86 mode, where CS is a paragraph */
    expect(0, vmi_iret_read(&f, &i));
    expect_iret(&i, 9, 0x1234, 0x5000, 0x23, 0xE50);
    expect(0x23202, i.eflags);
}

static void an_iret_frame_is_read_no_further_than_it_goes(void) {
    static const struct {
        uint32_t cs, eflags;
        int dwords;
    } to[] = {{0x08, 0x202, 3}, {0x1B, 0x202, 5}, {0x1B, 0x20202, 9}};
    for (int k = 0; k < 3; k++) {
        for (fail_read_at = 0; fail_read_at <= to[k].dwords + 1; fail_read_at++) {
            struct vmi_frame f = frame_of(VMI_CALL_IRET, &failing);
            struct vmi_iret i, untouched;
            memset(&i, 0xEE, sizeof(i));
            memset(&untouched, 0xEE, sizeof(i));
            put_iret(to[k].cs, to[k].eflags);
            reads = 0;
            if (fail_read_at <= to[k].dwords) {
                expect(VMI_ERROR_FAULT, vmi_iret_read(&f, &i));
                expect(0, memcmp(&i, &untouched, sizeof(i)));
            } else {
                expect(0, vmi_iret_read(&f, &i));
                expect(to[k].dwords + 1, reads);
            }
        }
    }
}

static void a_16_bit_stack_wraps_and_keeps_the_high_half_of_esp(void) {
    struct vmi_frame f = frame_of(VMI_CALL_IRET, &guest);
    struct vmi_iret i;
    uint32_t value;
    static const uint32_t frame[] = {0xC0100005, 0x1111, 0x08, 0x202};
    f.ss_base = 0x20000;
    f.ss_16bit = true;
    f.esp = 0xDEADFFF8;
    for (uint32_t n = 0; n < 4; n++) {
        put(0x20000 + ((0xFFF8 + 4 * n) & 0xFFFF), frame[n]);
    }
    expect(0, vmi_iret_read(&f, &i));
    expect(0x1111, i.eip);
    expect(8, i.cs);
    expect(0x202, i.eflags);
    expect(0xDEAD0008, i.esp);
    expect(0, vmi_argument_stack(&f, 1, &value));
    expect(8, value);
    put(0x20004, 0x1B); /* to user mode, with a stack of 32 bits */
    put(0x20008, 0x202), put(0x2000C, 0x12345678), put(0x20010, 0x23);
    f.esp = 0xDEADFFFC;
    put(0x2FFFC, 0xC0100005), put(0x20000, 0x1111);
    expect(0, vmi_iret_read(&f, &i));
    expect(5, i.dwords);
    expect(0x12345678, i.esp);
    f.ss_16bit = false; /* the base counts on a 32-bit stack too */
    f.ss_base = 0x18000, f.esp = 0x8000;
    expect(0, vmi_argument_stack(&f, 0, &value));
    expect(0x1B, value);
}

static void no_other_call_has_an_iret_frame(void) {
    struct vmi_iret i;
    for (uint32_t n = 0; n < 128; n++) {
        struct vmi_frame f = frame_of(n, &guest);
        put_iret(0x1B, 0x202);
        expect(n == VMI_CALL_IRET ? 0 : VMI_ERROR_ARGUMENT, vmi_iret_read(&f, &i));
    }
}

/* --- serving a guest: Unicorn runs the published image --- */

/* clang-format off */
#define CALL(n) 0xBB, (n) * 32 & 0xFF, (n) * 32 >> 8, 0, 0, 0xFF, 0xD3 /* MOV EBX,place; CALL EBX */
static const uint8_t program[] = {
    CALL(VMI_CALL_GetCycleFrequency),
    0x89, 0xC6, 0x89, 0xD7,                             /* MOV ESI,EAX; MOV EDI,EDX */
    0x6A, 0x07, 0x6A, 0x05, CALL(VMI_CALL_SetAlarm),    /* PUSH 7; PUSH 5 */
    0x83, 0xC4, 0x08,                                   /* ADD ESP,8 */
    0x31, 0xC0, 0xB0, 0x41, CALL(VMI_CALL_OUTB),        /* XOR EAX,EAX; MOV AL,'A' */
    CALL(VMI_CALL_RDTSC),                               /* native */
    CALL(VMI_CALL_IODelay)};                            /* returns at once */
/* clang-format on */

static struct vmi_publication running;
static unsigned exits, outb_value;
static uint32_t last_eip;
static int last_outcome;

static int frequency(void *context, struct vmi_frame *frame) {
    (void)context;
    vmi_return_edx_eax(frame, 0x1122334455667788);
    return VMI_RETURNS;
}

static int outb(void *context, struct vmi_frame *frame) {
    (void)context;
    outb_value = frame->eax;
    return VMI_RETURNS;
}

static void serve_exit(uc_engine *uc, uint32_t eip) {
    static const struct vmi_handlers handlers = {
        .GetCycleFrequency = frequency, .SetAlarm = set_alarm, .OUTB = outb};
    int ids[] = {UC_X86_REG_EAX, UC_X86_REG_ECX, UC_X86_REG_EDX, UC_X86_REG_ESP};
    struct vmi_frame f = {.eip = eip};
    void *values[] = {&f.eax, &f.ecx, &f.edx, &f.esp};
    struct vmi_trap trap = {.page = eip, .read_code = true};
    uc_reg_read_batch(uc, ids, values, 4);
    exits++;
    last_outcome = vmi_hv_serve(&running, &handlers, &guest, NULL, &trap, &f);
    if (last_outcome < 0) {
        uc_emu_stop(uc);
    }
    uc_reg_write_batch(uc, ids, values, 4);
    uc_reg_write(uc, UC_X86_REG_EIP, &f.eip);
}

static bool on_invalid(uc_engine *uc, void *user) {
    uint32_t eip = 0;
    (void)user;
    uc_reg_read(uc, UC_X86_REG_EIP, &eip);
    serve_exit(uc, eip);
    return true;
}

static void on_interrupt(uc_engine *uc, uint32_t vector, void *user) {
    uint32_t eip = 0;
    (void)user;
    uc_reg_read(uc, UC_X86_REG_EIP, &eip);
    if (vector == running.operand) {
        serve_exit(uc, eip);
    } else {
        uc_emu_stop(uc);
    }
}

/* The engine's EIP is not certain here: the last instruction's address is. */
static void on_out(uc_engine *uc, uint32_t port, int size, uint32_t value, void *user) {
    (void)user, (void)size, (void)value;
    if (port == running.operand) {
        serve_exit(uc, last_eip);
    }
}

static void on_code(uc_engine *uc, uint64_t address, uint32_t size, void *user) {
    (void)uc, (void)size, (void)user;
    last_eip = (uint32_t)address;
}

/* Runs the program against the image at `place`; three of its five calls trap. */
static void run_guest(size_t trap, uint32_t place) {
    static const uint8_t call[] = {0xFF, 0xD3};
    uint32_t eip = KERNEL, esp = STACK, regs[3] = {0};
    uc_engine *uc;
    uc_hook hook;
    uc_err error = uc_open(UC_ARCH_X86, UC_MODE_32, &uc);
    if (error) {
        fprintf(stderr, "unicorn: %s\n", uc_strerror(error));
        exit(2);
    }
    memcpy(memory + KERNEL, program, sizeof(program));
    for (size_t i = 0; i + 7 <= sizeof(program); i++) { /* the call's place is ROM or COPY */
        if (program[i] == 0xBB && memcmp(program + i + 5, call, 2) == 0) {
            memory[KERNEL + i + 3] = (uint8_t)(place >> 16);
        }
    }
    uc_mem_map_ptr(uc, 0, MEMORY, UC_PROT_ALL, memory);
    if (traps[trap].trap <= VMI_TRAP_VMCALL) {
        uc_hook_add(uc, &hook, UC_HOOK_INSN_INVALID, on_invalid, NULL, 1, 0);
    }
    uc_hook_add(uc, &hook, UC_HOOK_INTR, on_interrupt, NULL, 1, 0);
    uc_hook_add(uc, &hook, UC_HOOK_INSN, on_out, NULL, 1, 0, UC_X86_INS_OUT);
    uc_hook_add(uc, &hook, UC_HOOK_CODE, on_code, NULL, 1, 0);
    uc_reg_write(uc, UC_X86_REG_ESP, &esp);
    exits = 0, alarms = 0, outb_value = 0, last_outcome = 0;
    for (int n = 0; n < 20 && !error && last_outcome >= 0 && eip != KERNEL + sizeof(program); n++) {
        error = uc_emu_start(uc, eip, KERNEL + sizeof(program), 0, 0);
        uc_reg_read(uc, UC_X86_REG_EIP, &eip);
    }
    uc_reg_read(uc, UC_X86_REG_ESI, &regs[0]);
    uc_reg_read(uc, UC_X86_REG_EDI, &regs[1]);
    uc_reg_read(uc, UC_X86_REG_ESP, &regs[2]);
    expect(UC_ERR_OK, error);
    expect(KERNEL + sizeof(program), eip);
    expect(3, exits);
    expect(0, last_outcome);
    expect(0x55667788, regs[0]);
    expect(0x11223344, regs[1]);
    expect(STACK, regs[2]);
    expect(1, alarms);
    expect(5, alarm_period[0]);
    expect(7, alarm_period[1]);
    expect(0x41, outb_value);
    uc_close(uc);
}

static void a_guest_is_served_through_each_trap(void) {
    for (size_t t = 0; t < TRAPS; t++) {
        running = published(t, VMI_POLICY_DEFAULT);
        run_guest(t, ROM);
    }
}

static void a_guest_is_served_from_a_copy(void) {
    for (size_t t = 0; t < TRAPS; t++) {
        running = published(t, VMI_POLICY_DEFAULT);
        memcpy(memory + COPY, memory + ROM, image.size);
        memset(memory + ROM, 0, image.size);
        run_guest(t, COPY);
    }
}

/* --- errors --- */

static void every_error_says_what_it_is_and_no_two_alike(void) {
    expect(0, strcmp("no error", vmi_hv_error_text(0)));
    expect(0, strcmp("no error", vmi_hv_error_text(VMI_STOPS)));
    expect(0, strcmp("no such error", vmi_hv_error_text(VMI_ERROR_LAST - 1)));
    for (int a = -1; a >= VMI_ERROR_LAST; a--) {
        for (int b = VMI_ERROR_LAST - 1; b < a; b++) {
            expect(true, strcmp(vmi_hv_error_text(a), vmi_hv_error_text(b)) != 0);
        }
    }
}

static void every_error_has_been_provoked(void) {
    for (int error = -1; error >= VMI_ERROR_LAST; error--) {
        if (!seen[-error]) {
            expect_(__LINE__, vmi_hv_error_text(error), error, 0);
        }
    }
}

int main(int argc, char **argv) {
    if (argc != 6) {
        fprintf(stderr, "usage: %s HYPERCALL-IMAGE NATIVE-IMAGE ROMSUM HYPERCALL-3 NATIVE-3\n",
                argv[0]);
        return 2;
    }
    hypercall_size = image_load(argv[1], hypercall_bytes, sizeof(hypercall_bytes));
    native_size = image_load(argv[2], native_bytes, sizeof(native_bytes));
    romsum = argv[3];
    api_3_names = argv + 4;
    fail_at = -1;
    if (vmi_hv_open(&image, hypercall_bytes, hypercall_size) ||
        vmi_hv_open_twin(&twin, &image, native_bytes, native_size)) {
        fprintf(stderr, "%s: the images do not fit the kit\n", argv[0]);
        return 2;
    }

    RUN(the_hypercall_image_opens);
    RUN(an_image_may_be_followed_by_other_bytes);
    RUN(an_image_that_is_too_short_is_refused);
    RUN(what_is_not_an_option_rom_is_refused);
    RUN(a_bad_sum_is_refused_wherever_the_bad_byte_is);
    RUN(another_option_rom_is_refused);
    RUN(another_api_is_refused);
    RUN(a_slot_without_a_call_cannot_trap);
    RUN(a_bare_return_is_for_calls_that_do_nothing);
    RUN(a_native_image_is_not_a_hypercall_image);
    RUN(a_pointer_to_no_descriptor_is_refused);
    RUN(a_descriptor_that_the_image_cuts_off_is_refused);
    RUN(a_descriptor_among_the_slots_is_refused);
    RUN(another_version_of_the_descriptor_is_refused);
    RUN(soft_bodies_are_published_as_they_are);
    RUN(a_descriptor_with_an_impossible_trap_is_refused);
    RUN(a_descriptor_that_contradicts_the_call_table_is_refused);
    RUN(a_slot_that_is_not_what_the_descriptor_says_is_refused);
    RUN(the_native_twin_opens);
    RUN(a_twin_is_looked_over_like_an_image);
    RUN(a_hypercall_image_is_nobodys_twin);
    RUN(a_twin_of_another_api_version_or_layout_is_refused);
    RUN(a_twin_is_the_same_behind_the_slots_up_to_its_post);
    RUN(a_twin_of_api_3_may_have_another_policy);
    RUN(a_post_entry_outside_the_image_makes_no_twin);
    RUN(images_without_a_code_revision_are_no_twins);

    RUN(the_default_policy_is_the_image_as_it_comes);
    RUN(everything_traps_means_every_call_that_may);
    RUN(the_tuned_policy_is_the_tables_column);
    RUN(the_hosted_policy_is_the_tables_column);
    RUN(only_a_call_that_has_returned_needs_no_end_of_its_exit);
    RUN(an_unknown_policy_is_refused);
    RUN(api_3_has_policies_for_its_own_calls);
    RUN(a_choice_changes_one_slot);
    RUN(an_impossible_choice_is_refused_and_changes_nothing);
    RUN(an_impossible_list_is_refused_and_nothing_is_written);

    RUN(each_trap_and_policy_gives_the_image_it_says_sealed);
    RUN(the_image_published_as_it_comes_is_the_image);
    RUN(answers_chosen_by_romsum_survive_publishing);
    RUN(a_list_gives_the_kinds_it_names);
    RUN(an_image_bound_again_and_again_ends_as_if_bound_once);
    RUN(native_bodies_need_the_twin_and_others_do_not);
    RUN(every_trap_and_operand_is_taken_or_refused_as_documented);
    RUN(init_asks_by_out_alone_and_only_if_the_plan_says_so);
    RUN(a_question_that_is_not_what_the_descriptor_says_is_refused);
    RUN(inits_question_is_answered_where_it_may_be_asked);
    RUN(an_address_off_a_page_boundary_is_refused);
    RUN(an_image_may_end_at_4_gib_but_not_above);
    RUN(a_scratch_buffer_that_is_too_small_is_refused);
    RUN(nothing_is_half_published_when_a_write_fails);
    RUN(no_guest_sees_the_rom_before_the_last_write);

    RUN(a_trap_at_or_behind_every_offset_is_decoded_or_refused);
    RUN(a_published_rom_can_be_adopted);
    RUN(what_is_no_published_rom_is_not_adopted);
    RUN(user_mode_is_refused);
    RUN(the_published_page_is_known_by_its_address);
    RUN(a_copy_is_known_by_its_bytes);
    RUN(code_that_cannot_be_read_is_no_copy);

    RUN(every_slot_reaches_its_own_handler_and_returns_to_its_ret);
    RUN(each_call_has_a_member_of_its_own_name);
    RUN(a_transfer_or_a_stop_leaves_the_frame_as_the_handler_set_it);
    RUN(a_call_done_in_part_traps_again_with_its_registers_as_set);
    RUN(a_fault_restores_the_registers_and_starts_the_call_over);
    RUN(any_other_error_of_a_handler_leaves_the_registers_as_they_came);
    RUN(an_outcome_that_cannot_be_is_refused);
    RUN(what_is_not_decoded_is_not_served);
    RUN(two_contexts_do_not_mix);
    RUN(stack_arguments_are_those_of_the_table);
    RUN(a_read_that_fails_in_a_call_leaves_no_half_effect);
    RUN(only_calls_with_stack_arguments_read_guest_memory);
    RUN(guest_memory_is_read_and_written_or_fails);
    RUN(results_change_what_they_name_only);
    RUN(an_iret_frame_is_as_long_as_its_destination_says);
    RUN(an_iret_frame_is_read_no_further_than_it_goes);
    RUN(a_16_bit_stack_wraps_and_keeps_the_high_half_of_esp);
    RUN(no_other_call_has_an_iret_frame);

    RUN(a_guest_is_served_through_each_trap);
    RUN(a_guest_is_served_from_a_copy);

    RUN(every_error_says_what_it_is_and_no_two_alike);
    if (all_wanted()) {
        RUN(every_error_has_been_provoked);
    } else {
        result_skipped("every_error_has_been_provoked", "TEST leaves out those that provoke them");
    }

    return results_end();
}
