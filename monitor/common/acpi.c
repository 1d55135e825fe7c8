/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* ACPI's tables: the list of processors (MADT), and what puts the machine to sleep (FADT, and \_S5
 * in DSDT). ACPI specification 5.2.5, 5.2.7, 5.2.9, 5.2.12, 7.4.2, 20.2. */

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
#define LOCAL_X2APIC    9u /* another */
#define X2APIC_SIZE     16u
#define X2APIC_ID       4u
#define X2APIC_FLAG     8u
#define APIC_ID_END     0xFFu /* those from here on no IPI of 8 bits reaches */
#define ENABLED         1u

#define FADT_DSDT      40u
#define FADT_SMI_CMD   48u
#define FADT_PM1A_CNT  64u
#define FADT_PM1B_CNT  68u
#define TABLE_HEADER   36u
#define AML_ZERO       0x00u
#define AML_ONE        0x01u
#define AML_BYTE       0x0Au
#define AML_PACKAGE    0x12u
#define PACKAGE_HEADER 3u /* its opcode, the first byte of its length, the number of elements */

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

static const uint8_t *find_rsdt(void) {
    uint32_t ebda = (at(BDA_EBDA)[0] | at(BDA_EBDA)[1] << 8) * 16u;
    const uint8_t *rsdp = find_rsdp(ebda, ebda + EBDA_SIZE);
    if (!rsdp)
        rsdp = find_rsdp(BIOS_START, BIOS_END);
    return rsdp ? at(dword(rsdp + RSDP_RSDT)) : NULL;
}

/* The first of that name behind another one, or behind none. */
static const uint8_t *find_table(const char *name, const uint8_t *after) {
    const uint8_t *rsdt = find_rsdt();
    if (!rsdt)
        return NULL;
    for (uint32_t i = RSDT_ENTRIES; i + 4 <= length_of(rsdt); i += 4) {
        const uint8_t *table = at(dword(rsdt + i));
        if (!after && begins_with(table, name))
            return table;
        if (table == after)
            after = NULL;
    }
    return NULL;
}

unsigned list_processors(uint8_t *apic_ids, unsigned max) {
    const uint8_t *madt = find_table("APIC", NULL);
    uint32_t length = madt ? length_of(madt) : 0;
    unsigned count = 0;
    for (uint32_t i = MADT_ENTRIES; i + LOCAL_APIC_SIZE <= length && count < max;) {
        const uint8_t *entry = madt + i;
        if (entry[0] == LOCAL_APIC && dword(entry + LOCAL_APIC_FLAG) & ENABLED)
            apic_ids[count++] = entry[LOCAL_APIC_ID];
        if (entry[0] == LOCAL_X2APIC && i + X2APIC_SIZE <= length &&
            dword(entry + X2APIC_FLAG) & ENABLED && dword(entry + X2APIC_ID) < APIC_ID_END)
            apic_ids[count++] = entry[X2APIC_ID];
        if (!entry[1])
            break;
        i += entry[1];
    }
    return count;
}

/* The first number in the package of that name, or NO_SLEEP_TYPE. */
static uint8_t type_in(const uint8_t *table, const char *name) {
    uint32_t length = length_of(table);
    for (uint32_t i = TABLE_HEADER; i + 16 <= length; i++) {
        const uint8_t *package = table + i + 4, *first;
        if (!begins_with(table + i, name) || package[0] != AML_PACKAGE)
            continue;
        first = package + PACKAGE_HEADER + (package[1] >> 6);
        if (first[0] == AML_BYTE)
            return first[1];
        if (first[0] == AML_ZERO || first[0] == AML_ONE)
            return first[0];
    }
    return NO_SLEEP_TYPE;
}

void find_sleep_ports(struct sleep_ports *ports) {
    const uint8_t *fadt = find_table("FACP", NULL), *ssdt = NULL;
    *ports = (struct sleep_ports){.off = NO_SLEEP_TYPE};
    if (!fadt)
        return;
    ports->control[0] = (uint16_t)dword(fadt + FADT_PM1A_CNT);
    ports->control[1] = (uint16_t)dword(fadt + FADT_PM1B_CNT);
    ports->smi_command = (uint16_t)dword(fadt + FADT_SMI_CMD);
    ports->off = type_in(at(dword(fadt + FADT_DSDT)), "_S5_");
    while (ports->off == NO_SLEEP_TYPE && (ssdt = find_table("SSDT", ssdt)))
        ports->off = type_in(ssdt, "_S5_");
}
