/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * The call sites of a kernel, from their records.
 */
#include <stdlib.h>
#include <string.h>

#include "sites.h"
#include "text.h"
#include "vmi/calls.h"

/* A record's fields, as a 32-bit kernel has them. */
#define RECORD_CALL 0
#define RECORD_SITE 4
#define RECORD_SIZE 12
#define RECORD      16

#define SITE_MAX 48 /* VMI_SITE_MAX of vmi/guest.h, which is for 32 bits alone */

static int by_address(const void *one, const void *other) {
    const struct site *a = one, *b = other;
    return a->address < b->address ? -1 : a->address > b->address;
}

static bool find_records(const struct elf *elf, uint32_t *offset, uint32_t *size) {
    const struct symbol *first = symbol_named(elf, "vmi_annotations");
    const struct symbol *end = symbol_named(elf, "vmi_annotations_end");
    const struct section *section = section_named(elf, ".vmi.annotation");
    *size = 0;
    if (first && end) {
        *size = end->address - first->address;
        if (*size && !offset_of(elf, first->address, *size, offset)) {
            complain(elf->name, "records from address 0x%X to 0x%X: in no section", first->address,
                     end->address);
            return false;
        }
    } else if (section) {
        *offset = section->offset;
        *size = section->size;
    }
    if (*size % RECORD != 0) {
        complain(elf->name, "at 0x%X: 0x%X bytes of records, not a multiple of %u", *offset, *size,
                 RECORD);
        return false;
    }
    return true;
}

static bool read_record(const struct elf *elf, uint32_t at, struct site *site) {
    uint32_t call = get32(elf, at + RECORD_CALL);
    site->address = get32(elf, at + RECORD_SITE);
    site->size = elf->bytes[at + RECORD_SIZE];
    if (call <= VMI_CALL_Init || call > VMI_SLOT_LAST) {
        complain(elf->name, "at 0x%X: record of call %u, which has no sites", at, call);
        return false;
    }
    if (site->size == 0 || site->size > SITE_MAX) {
        complain(elf->name, "at 0x%X: record of a site of %u bytes, not 1 to %u", at, site->size,
                 SITE_MAX);
        return false;
    }
    if (!code_at(elf, site->address, site->size)) {
        complain(elf->name, "at 0x%X: record of a site at address 0x%X, which is no code", at,
                 site->address);
        return false;
    }
    return true;
}

bool read_sites(const struct elf *elf, struct sites *sites) {
    uint32_t offset = 0, size;
    memset(sites, 0, sizeof(*sites));
    if (!find_records(elf, &offset, &size)) {
        return false;
    }
    sites->list = grow(NULL, size / RECORD + 1, sizeof(struct site));
    for (; sites->count < size / RECORD; sites->count++) {
        if (!read_record(elf, offset + sites->count * RECORD, &sites->list[sites->count])) {
            return false;
        }
    }
    qsort(sites->list, sites->count, sizeof(struct site), by_address);
    for (uint32_t i = 1; i < sites->count; i++) {
        if (sites->list[i].address < sites->list[i - 1].address + sites->list[i - 1].size) {
            complain(elf->name, "sites at address 0x%X and 0x%X overlap",
                     sites->list[i - 1].address, sites->list[i].address);
            return false;
        }
    }
    return true;
}
