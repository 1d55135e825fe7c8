/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * Showing and checking for machines.
 */
#include <stdio.h>
#include <string.h>

#include "entry.h"
#include "hypercall.h"
#include "json.h"
#include "policy.h"
#include "ring1.h"
#include "slots.h"
#include "sum.h"
#include "text.h"
#include "walk.h"

/* ---- Writing ---- */

static void put_string(const struct image *image, uint32_t at) {
    uint32_t length = at == 0 ? NOWHERE : string_length(image, at);

    if (length == NOWHERE) {
        printf("null");
        return;
    }
    putchar('"');
    for (uint32_t i = 0; i < length; i++) {
        print_json_character(get8(image, at + i));
    }
    putchar('"');
}

/* ---- What an image holds ---- */

static void put_sum(uint32_t at, uint32_t stated, uint32_t sum) {
    printf("{\"offset\": %u, \"stated\": %u, \"right\": %u}", at, stated, (stated - sum) & 0xFF);
}

static void put_pcir(const struct image *image) {
    uint32_t at = find_pcir(image);
    uint32_t revision = get8(image, at + PCIR(revision));

    printf(",\n      \"pcir\": {\"offset\": %u, \"vendor\": %u, \"device\": %u, \"revision\": %u, "
           "\"length\": %u, ",
           image->base + at, get16(image, at + PCIR(vendor)), get16(image, at + PCIR(device)),
           revision, get16(image, at + PCIR(length)));
    printf("\"class\": [%u, %u, %u], \"image_length\": %u, \"code_revision\": %u, \"code_type\": "
           "%u, \"last_image\": %s",
           get8(image, at + PCIR(base_class)), get8(image, at + PCIR(subclass)),
           get8(image, at + PCIR(prog_if)), pcir_size(image),
           get16(image, at + PCIR(code_revision)), code_type(image),
           get8(image, at + PCIR(indicator)) & VMI_PCIR_LAST_IMAGE ? "true" : "false");
    if (revision == 3) {
        printf(", \"device_list\": %u, \"run_time_length\": %u",
               get16(image, at + PCIR(device_list)),
               get16(image, at + PCIR(max_run_time_length)) * VMI_ROM_BLOCK);
    }
    putchar('}');
}

static void put_pnp(const struct image *image, uint32_t at) {
    uint32_t bytes = get8(image, at + PNP(length)) * VMI_PNP_UNIT;

    printf("{\"offset\": %u, \"revision\": %u, \"length\": %u, \"next\": %u, \"checksum\": ",
           image->base + at, get8(image, at + PNP(revision)), bytes, get16(image, at + PNP(next)));
    put_sum(image->base + at + PNP(checksum), get8(image, at + PNP(checksum)),
            sum_of(image, at, bytes));
    printf(", \"device_id\": %u, \"manufacturer\": ", get32(image, at + PNP(device_id)));
    put_string(image, get16(image, at + PNP(manufacturer)));
    printf(", \"product\": ");
    put_string(image, get16(image, at + PNP(product)));
    printf(", \"class\": [%u, %u, %u], \"indicators\": %u, \"bcv\": %u, \"dv\": %u, \"bev\": %u}",
           get8(image, at + PNP(base_class)), get8(image, at + PNP(subclass)),
           get8(image, at + PNP(prog_if)), get8(image, at + PNP(indicators)),
           get16(image, at + PNP(bcv)), get16(image, at + PNP(dv)), get16(image, at + PNP(bev)));
}

static void put_pnp_headers(const struct image *image) {
    struct pnp_chain chain;

    follow_pnp(image, &chain);
    printf(",\n      \"pnp\": [");
    for (uint32_t i = 0; i < chain.count; i++) {
        fputs(i == 0 ? "" : ", ", stdout);
        put_pnp(image, chain.at[i]);
    }
    putchar(']');
}

static void put_slot(const struct image *image, uint32_t number) {
    uint32_t kind = shown_kind(image, number);
    const char *name = slot_name(image, number);

    printf("{\"number\": %u, \"name\": ", number);
    if (name) {
        print_json_text(name);
    } else {
        printf("null");
    }
    printf(", \"kind\": \"%s\", \"used\": %u}",
           kind < VMI_SLOT_KINDS ? slot_kinds[kind] : "unknown", slot_used(image, number));
}

static void put_vmi(const struct image *image) {
    uint32_t descriptor = find_readable_descriptor(image);

    printf(",\n      \"vmi\": {\"api\": [%u, %u]", get8(image, HEADER(api_major)),
           get8(image, HEADER(api_minor)));
    if (descriptor != 0) {
        struct trap trap = trap_of(image, descriptor);

        printf(", \"trap\": {\"kind\": %u, \"name\": ", trap.kind);
        print_json_text(trap.kind < VMI_TRAP_KINDS ? trap_kinds[trap.kind].name : "unknown");
        printf(", \"operand\": %u}", trap.operand);
    }
    if (find_policy(image) != 0) {
        const char *comma = "";

        printf(", \"policy\": [");
        for (uint32_t number = 0; number < CALLS_3; number++) {
            if (!is_answered(image, number)) {
                continue;
            }
            fputs(comma, stdout);
            print_json_text(vmi3_call_names[number].name);
            comma = ", ";
        }
        putchar(']');
    }
    if (find_readable_ring1(image) != 0) {
        uint32_t flags = get8(image, find_readable_ring1(image) + RING1(flags));

        printf(", \"flags\": [%s]",
               flags & VMI_RING1_INTERRUPT_CONTROL ? "\"interrupt-control\"" : "");
    }
    if (has_slots(image)) {
        printf(",\n        \"slots\": [");
        for (uint32_t number = first_slot(image); number < VMI_CALL_SLOTS; number++) {
            fputs(number == first_slot(image) ? "\n          " : ",\n          ", stdout);
            put_slot(image, number);
        }
        putchar(']');
    }
    putchar('}');
}

static void put_rom_header(const struct image *image) {
    uint32_t size = sealed_size(image);
    struct place place = find_place(image, size);

    printf(",\n      \"sealed\": %u, \"entry\": %u, \"checksum\": ",
           get8(image, HEADER(length)) * VMI_ROM_BLOCK, entry_target(image));
    put_sum(image->base + place.at, get8(image, place.at), sum_of(image, 0, size));
}

static void put_image(const struct image *found, uint32_t origin) {
    static const char *const types[] = {"x86", "open-firmware", "pa-risc", "efi"};
    struct image in_file = *found, *image = &in_file;

    image->base += origin;
    printf("    {\"offset\": %u, \"size\": %u, \"type\": \"%s\", \"hidden\": %s", image->base,
           image->size,
           get16(image, 0) != VMI_ROM_SIGNATURE ? "none"
           : code_type(image) <= CODE_EFI       ? types[code_type(image)]
                                                : "unknown",
           image->hidden ? "true" : "false");
    if (is_x86(image)) {
        put_rom_header(image);
    }
    if (find_pcir(image) != 0) {
        put_pcir(image);
    }
    if (is_x86(image)) {
        put_pnp_headers(image);
    }
    if (is_vmi(image)) {
        put_vmi(image);
    }
    putchar('}');
}

/* ---- The file ---- */

static void put_findings(const struct report *report, enum severity severity) {
    const char *comma = "";

    for (size_t i = 0; i < report->total; i++) {
        const struct finding *f = &report->list[i];

        if (f->severity != severity) {
            continue;
        }
        printf("%s\n    {\"code\": \"%s\", ", comma, f->code);
        if (f->at != NOWHERE) {
            printf("\"offset\": %u, ", f->at);
        }
        if (f->number != 0) {
            printf("\"image\": %u, ", f->number);
        }
        printf("\"text\": ");
        print_json_text(f->text);
        putchar('}');
        comma = ",";
    }
}

void print_json(const struct image *file, const struct report *report, bool all) {
    struct image image;

    printf("{\"file\": ");
    print_json_text(file->name);
    printf(", \"size\": %u, \"good\": %s,\n", file->size, report->count == 0 ? "true" : "false");
    printf("  \"problems\": [");
    put_findings(report, PROBLEM);
    printf("],\n  \"warnings\": [");
    put_findings(report, WARNING);
    putchar(']');
    if (all && file->size >= VMI_ROM_FIELDS_END) {
        printf(",\n  \"padding\": %u,\n  \"images\": [\n", padding_of(file));
        first_image(file, &image);
        put_image(&image, report->origin);
        while (next_image(file, &image)) {
            puts(",");
            put_image(&image, report->origin);
        }
        putchar(']');
    }
    putchar('}');
}

void print_json_of_nothing(const char *name) {
    printf("{\"file\": ");
    print_json_text(name);
    printf(", \"good\": false, \"problems\": [{\"code\": \"unreadable\", \"text\": \"cannot be "
           "read\"}], \"warnings\": []}");
}
