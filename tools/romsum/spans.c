/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * Which bytes belong to which structure.
 */
#include "policy.h"
#include "ring1.h"
#include "spans.h"

static void add_span(struct spans *spans, const char *name, uint32_t start, uint32_t length) {
    if (start == NOWHERE || length == 0 || spans->count == MAX_SPANS) {
        return;
    }
    spans->list[spans->count++] = (struct span){name, start, start + length, false};
}

static void add_string(const struct image *image, struct spans *spans, const char *name,
                       uint32_t at) {
    uint32_t length = string_length(image, at);

    if (at == 0 || length == NOWHERE) {
        return;
    }
    add_span(spans, name, at, length + 1);
    spans->list[spans->count - 1].text = true;
}

/* The strings of one $PnP. */
static void add_strings(const struct image *image, struct spans *spans, uint32_t pnp) {
    add_string(image, spans, "the manufacturer string", get16(image, pnp + PNP(manufacturer)));
    add_string(image, spans, "the product string", get16(image, pnp + PNP(product)));
}

/* Whether text that ends is there, as no pointer leads to by chance. */
static bool is_string(const struct image *image, uint32_t at) {
    uint32_t length = at >= HEADER(pci_offset) ? string_length(image, at) : NOWHERE;

    for (uint32_t i = 0; length != NOWHERE && i < length; i++) {
        uint32_t byte = get8(image, at + i);

        if (byte == 0x7F || byte == 0xFF ||
            (byte < 0x20 && byte != '\t' && byte != '\r' && byte != '\n')) {
            return false;
        }
    }
    return length != NOWHERE;
}

void collect_foreign_strings(const struct image *image, struct spans *spans) {
    struct pnp_chain chain;

    follow_pnp(image, &chain);
    for (uint32_t i = 0; i < chain.count && !is_vmi(image); i++) {
        uint32_t pnp = chain.at[i];

        if (is_string(image, get16(image, pnp + PNP(manufacturer)))) {
            add_string(image, spans, "the manufacturer string",
                       get16(image, pnp + PNP(manufacturer)));
        }
        if (is_string(image, get16(image, pnp + PNP(product)))) {
            add_string(image, spans, "the product string", get16(image, pnp + PNP(product)));
        }
    }
}

void collect_spans(const struct image *image, struct spans *spans) {
    struct pnp_chain chain;
    uint32_t pcir = find_pcir(image);
    uint32_t descriptor = find_readable_descriptor(image);
    uint32_t ring1 = find_readable_ring1(image);
    bool rev3 = get8(image, pcir + PCIR(revision)) == 3;

    add_span(spans, "the header", 0, is_vmi(image) ? VMI_ROM_FIELDS_END : HEADER(pad3));
    if (has_slots(image) || is_api(image, VMI_API_MAJOR_13)) {
        add_span(spans, "the call slots", VMI_CALL_OFFSET(first_slot(image)),
                 VMI_CALLS_END - VMI_CALL_OFFSET(first_slot(image)));
    }
    if (descriptor != 0) {
        add_span(spans, "the hypercall descriptor", descriptor, HYPERCALL_SIZE);
    }
    if (ring1 != 0) {
        add_span(spans, "the ring 1 descriptor", ring1, RING1_SIZE);
        add_span(spans, "the twins of slots", get16(image, ring1 + RING1(twins)),
                 exchanged_size(image, ring1));
        add_span(spans, "the flags of API 3.0", get16(image, ring1 + RING1(again)), 2);
    }
    if (find_policy(image) != 0) {
        add_span(spans, "the policy", VMI3_POLICY_OFFSET,
                 VMI3_POLICY_AT_CALLS + get8(image, VMI3_POLICY_OFFSET + VMI3_POLICY_AT_COUNT));
    }
    if (is_api(image, VMI_API_MAJOR_3)) {
        add_span(spans, "the API 3.0 entries", HEADER_3(init), 16);
        add_string(image, spans, "the licence string", get16(image, HEADER_3(license_offset)));
    }
    if (pcir != 0) {
        add_span(spans, "PCIR", pcir, rev3 ? VMI_PCIR_SIZE_3 : VMI_PCIR_SIZE_0);
    }
    follow_pnp(image, &chain);
    for (uint32_t i = 0; i < chain.count; i++) {
        uint32_t pnp = chain.at[i];
        uint32_t length = get8(image, pnp + PNP(length)) * VMI_PNP_UNIT;

        add_span(spans, "$PnP", pnp, length > PNP_SIZE ? length : PNP_SIZE);
        if (is_vmi(image)) {
            add_strings(image, spans, pnp);
        }
    }
}
