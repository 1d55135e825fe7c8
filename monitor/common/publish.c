/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* The hypercall ROM in the guest's option-ROM area, and no other VMI ROM beside it. */

#include "debug.h"
#include "publish.h"
#include "vmi/calls.h"
#include "x86.h"

#define AREA_START VMI_SCAN_START
#define AREA_END   VMI_SCAN_END
#define PAGES      ((AREA_END - AREA_START) / PAGE_SIZE)
#define MAX_PAGES  4u /* of an image */

static uint8_t pages[PAGES][PAGE_SIZE] __attribute__((aligned(4096)));
struct vmi_publication publications[APIS];
static uint8_t scratch[MAX_PAGES * PAGE_SIZE];
static bool is_own[PAGES];
static show_page_fn *show_page;

static bool is_rom(const uint8_t *at) {
    return at[0] == 0x55 && at[1] == 0xAA;
}

static bool is_vmi(const uint8_t *at) {
    const struct vmi_rom_header *header = (const void *)at;
    return is_rom(at) && header->vmi_signature == VMI_SIGNATURE;
}

/* From here on the guest sees our copy of the page, which we may change. */
static uint8_t *own_page(uint32_t address) {
    unsigned n = (address - AREA_START) / PAGE_SIZE;
    const uint8_t *machine = (const uint8_t *)(uintptr_t)(address & -PAGE_SIZE);
    if (is_own[n]) {
        return pages[n];
    }
    for (unsigned i = 0; i < PAGE_SIZE; i++) {
        pages[n][i] = machine[i];
    }
    is_own[n] = true;
    show_page(address, pages[n]);
    return pages[n];
}

/* As the guest sees it. */
static const uint8_t *seen(uint32_t address) {
    unsigned n = (address - AREA_START) / PAGE_SIZE;
    return is_own[n] ? pages[n] + address % PAGE_SIZE : (const uint8_t *)(uintptr_t)address;
}

/* Hides a native ROM's signature: the guest must find ours, wherever it looks first. */
static void hide_other_roms(void) {
    for (uint32_t at = AREA_START; at < AREA_END; at += VMI_SCAN_STEP) {
        if (is_vmi(seen(at))) {
            own_page(at)[at % PAGE_SIZE + offsetof(struct vmi_rom_header, vmi_signature)] = 0;
        }
    }
}

/* The end of the option ROM that covers `from` to `to`; 0: none does. */
static uint32_t rom_within(uint32_t from, uint32_t to) {
    for (uint32_t at = AREA_START; at < to;) {
        const uint8_t *rom = seen(at);
        uint32_t end = at + VMI_SCAN_STEP;
        if (is_rom(rom) && rom[2]) {
            end = (at + rom[2] * 512u + VMI_SCAN_STEP - 1) & -VMI_SCAN_STEP;
            if (end > from) {
                return end;
            }
        }
        at = end;
    }
    return 0;
}

/* Where `size` bytes from a page boundary belong to no option ROM, from `from` on; 0: nowhere. */
static uint32_t find_place(uint32_t from, uint32_t size) {
    uint32_t end;
    for (uint32_t at = (from + PAGE_SIZE - 1) & -PAGE_SIZE; at + size <= AREA_END;
         at = (end + PAGE_SIZE - 1) & -PAGE_SIZE) {
        end = rom_within(at, at + size);
        if (!end) {
            return at;
        }
    }
    return 0;
}

static bool write_page(void *context, uint32_t address, const void *from, uint32_t size) {
    uint8_t *to = own_page(address) + address % PAGE_SIZE;
    (void)context;
    for (uint32_t i = 0; i < size; i++) {
        to[i] = ((const uint8_t *)from)[i];
    }
    return true;
}

static const uint8_t cycle_counter[CYCLE_COUNTER_SIZE] = {
    0x83, 0xF8, 0x01, /* cmp eax, 1 */
    0x77, 0x03,       /* ja  .other */
    0x0F, 0x31,       /* rdtsc */
    0xC3,             /* ret */
    0x31, 0xC0,       /* .other: xor eax, eax */
    0x31, 0xD2,       /* xor edx, edx */
    0xC3,             /* ret */
};

bool is_cycle_counter(const uint8_t code[CYCLE_COUNTER_SIZE]) {
    for (unsigned i = 0; i < CYCLE_COUNTER_SIZE; i++) {
        if (code[i] != cycle_counter[i]) {
            return false;
        }
    }
    return true;
}

/* Of a published ROM; its bytes sum to 0 as before. */
static void change_byte(uint32_t rom, uint32_t offset, uint8_t value) {
    uint8_t *at = own_page(rom + offset) + (rom + offset) % PAGE_SIZE;
    own_page(rom)[VMI_ROM_CHECKSUM_OFFSET] += (uint8_t)(*at - value);
    *at = value;
}

/* The table says that this call always traps, since the images' native body has no counter. */
static void count_natively(struct vmi_publication *p, uint32_t descriptor) {
    for (unsigned i = 0; i < CYCLE_COUNTER_SIZE; i++) {
        change_byte(p->address, VMI_CALL_OFFSET(VMI_CALL_GetCycleCounter) + i, cycle_counter[i]);
    }
    p->kind[VMI_CALL_GetCycleCounter] = VMI_SLOT_NATIVE;
    change_byte(p->address,
                descriptor + offsetof(struct vmi_hypercall_descriptor, kind) +
                    VMI_CALL_GetCycleCounter,
                VMI_SLOT_NATIVE);
}

/* The image behind `from`; *end is where it ends. */
static int try_publish(struct vmi_publication *publication, const uint8_t *rom,
                       const struct rom_image *i, const struct vmi_plan *plan, uint32_t from,
                       uint32_t *end) {
    struct vmi_image image, twin;
    uint32_t place;
    int error = vmi_hv_open(&image, rom + i->hypercall, i->hypercall_size);
    if (!error) {
        error = vmi_hv_open_twin(&twin, &image, rom + i->native, i->native_size);
    }
    if (error) {
        return error;
    }
    place = find_place(from, image.size);
    if (!place) {
        return VMI_ERROR_ADDRESS;
    }
    *end = place + image.size;
    error = vmi_hv_publish(publication, &image, &twin, plan, place, write_page, NULL, scratch,
                           sizeof(scratch));
    if (!error && plan->policy == VMI_POLICY_TUNED) {
        count_natively(publication, image.descriptor);
    }
    return error;
}

/* Our own image, in true ROM, takes space: the guest sees no more of it than it needs. */
void shorten_rom(uint32_t at, uint32_t size, show_page_fn *show) {
    uint8_t *rom, sum = 0;
    show_page = show;
    if (at < AREA_START || at >= AREA_END || ((const uint8_t *)(uintptr_t)at)[2] * 512u <= size) {
        return;
    }
    rom = own_page(at) + at % PAGE_SIZE;
    rom[2] = (uint8_t)(size / 512);
    rom[6] = 0;
    for (uint32_t i = 0; i < size; i++) {
        sum = (uint8_t)(sum + rom[i]);
    }
    rom[6] = (uint8_t)-sum;
}

/* API 13 comes first: its guests stop at the first VMI ROM, whatever its API. */
void publish(const uint8_t *rom, const struct rom_image images[APIS], const struct vmi_plan *plan,
             show_page_fn *show) {
    uint32_t end = AREA_START;
    show_page = show;
    hide_other_roms();
    for (unsigned i = 0; i < APIS; i++) {
        int error = try_publish(&publications[i], rom, &images[i], plan, end, &end);
        if (!error) {
            continue;
        }
        say("# monitor: a ROM is not published: ");
        say(vmi_hv_error_text(error));
        say("\n");
    }
}
