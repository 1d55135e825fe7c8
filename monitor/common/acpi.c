/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* The BIOS's list of processors: ACPI's MADT (ACPI specification 5.2.5, 5.2.7, 5.2.12). */

#include <stdbool.h>
#include <stddef.h>

#include "acpi.h"

#define BDA_EBDA   0x40Eu /* segment of the extended BIOS data area, which may begin with it */
#define EBDA_SIZE  0x400u
#define BIOS_START 0xE0000u
#define BIOS_END   0x100000u

#define RSDP_STEP 16u
#define RSDP_SIZE 20u
#define RSDP_RSDT 16u

#define TABLE_LENGTH 4u
#define TABLE_MAX    0x10000u
#define RSDT_ENTRIES 36u
#define MADT_ENTRIES 44u

#define LOCAL_APIC      0u /* an entry of MADT */
#define LOCAL_APIC_SIZE 8u
#define LOCAL_APIC_ID   3u
#define LOCAL_APIC_FLAG 4u
#define ENABLED         1u

static const uint8_t *at(uintptr_t address) {
    __asm__("" : "+r"(address)); /* low ones are places like others */
    return (const uint8_t *)address;
}

static uint32_t dword(const uint8_t *bytes) {
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static bool begins_with(const uint8_t *bytes, const char *text) {
    for (; *text; text++, bytes++)
        if (*bytes != (uint8_t)*text)
            return false;
    return true;
}

static bool sums_to_zero(const uint8_t *bytes, uint32_t size) {
    uint8_t sum = 0;
    for (uint32_t i = 0; i < size; i++)
        sum = (uint8_t)(sum + bytes[i]);
    return sum == 0;
}

static const uint8_t *find_rsdp(uint32_t from, uint32_t to) {
    for (; from < to; from += RSDP_STEP)
        if (begins_with(at(from), "RSD PTR ") && sums_to_zero(at(from), RSDP_SIZE))
            return at(from);
    return NULL;
}

static uint32_t length_of(const uint8_t *table) {
    uint32_t length = dword(table + TABLE_LENGTH);
    return length < TABLE_MAX ? length : 0;
}

static const uint8_t *find_madt(void) {
    uint32_t ebda = (at(BDA_EBDA)[0] | at(BDA_EBDA)[1] << 8) * 16u;
    const uint8_t *rsdp = find_rsdp(ebda, ebda + EBDA_SIZE), *rsdt;
    if (!rsdp)
        rsdp = find_rsdp(BIOS_START, BIOS_END);
    if (!rsdp)
        return NULL;
    rsdt = at(dword(rsdp + RSDP_RSDT));
    for (uint32_t i = RSDT_ENTRIES; i + 4 <= length_of(rsdt); i += 4)
        if (begins_with(at(dword(rsdt + i)), "APIC"))
            return at(dword(rsdt + i));
    return NULL;
}

unsigned list_processors(uint8_t *apic_ids, unsigned max) {
    const uint8_t *madt = find_madt();
    uint32_t length = madt ? length_of(madt) : 0;
    unsigned count = 0;
    for (uint32_t i = MADT_ENTRIES; i + LOCAL_APIC_SIZE <= length && count < max;) {
        const uint8_t *entry = madt + i;
        if (entry[0] == LOCAL_APIC && dword(entry + LOCAL_APIC_FLAG) & ENABLED)
            apic_ids[count++] = entry[LOCAL_APIC_ID];
        if (!entry[1])
            break;
        i += entry[1];
    }
    return count;
}
