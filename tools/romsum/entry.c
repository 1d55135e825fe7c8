/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * What is executed or read in the header of a ROM for the BIOS.
 */
#include "entry.h"

#define JUMP_NEAR  0xE9u
#define JUMP_SHORT 0xEBu
#define CALL_NEAR  0xE8u
#define JUMP_FAR   0xEAu
#define RETF       0xCBu
#define NOP        0x90u

/* Where a jump or call of this kind leads, within the segment. */
static uint32_t target_of(const struct image *image, uint32_t at) {
    if (get8(image, at) == JUMP_SHORT) {
        return (at + 2 + get8(image, at + 1) - ((get8(image, at + 1) & 0x80) << 1)) & 0xFFFF;
    }
    return (at + 3 + get16(image, at + 1)) & 0xFFFF;
}

uint32_t entry_target(const struct image *image) {
    uint32_t at = HEADER(entry);
    uint32_t code = get8(image, at);

    return code == JUMP_NEAR || code == JUMP_SHORT ? target_of(image, at) : at;
}

bool entry_is_empty(const struct image *image) {
    uint32_t fill = get8(image, HEADER(entry));

    return (fill == 0x00 || fill == 0xFF) && run_of(image, HEADER(entry), 3, fill) == 3;
}

static bool is_printable(uint32_t byte) {
    return byte >= 0x20 && byte < 0x7F;
}

bool is_text(const struct image *image, uint32_t at) {
    return is_printable(get8(image, at)) && is_printable(get8(image, at + 1)) &&
           is_printable(get8(image, at + 2));
}

/*
 * The length of the jump at `at` that may be an entry of its own; 0: none. It leads into the image,
 * and further than to the byte behind it.
 */
static uint32_t jump_at(const struct image *image, uint32_t at) {
    uint32_t code = get8(image, at);
    uint32_t length = code == JUMP_SHORT ? 2 : 3;
    uint32_t target = target_of(image, at);

    if (code == JUMP_FAR) {
        return get16(image, at + 3) >= 0xC000 ? 5 : 0;
    }
    if (code != JUMP_NEAR && code != JUMP_SHORT && code != CALL_NEAR) {
        return 0;
    }
    return target != at + length && target > at && target < image->size ? length : 0;
}

/* Where the names that DOS runs end: each a length, as many characters, a jump; at 6, 0 behind. */
static uint32_t names_end(const struct image *image) {
    uint32_t at = VMI_ROM_CHECKSUM_OFFSET;

    for (;;) {
        uint32_t length = get8(image, at);
        uint32_t i = 0;

        while (i < length && is_printable(get8(image, at + 1 + i))) {
            i++;
        }
        if (length == 0 || i < length || length > 32) {
            return at;
        }
        if (jump_at(image, at + 1 + length) == 0) {
            return length >= 3 && !is_printable(get8(image, at + 1 + length)) ? at + 1 + length
                                                                              : at;
        }
        at += 1 + length + jump_at(image, at + 1 + length);
    }
}

/* Where the code ends that runs from the entry on without leaving the header. */
static uint32_t entry_code_end(const struct image *image) {
    uint32_t target = entry_target(image);
    uint32_t code = get8(image, HEADER(entry));
    uint32_t behind = HEADER(entry) + (code == JUMP_NEAR ? 3 : code == JUMP_SHORT ? 2 : 1);

    if (code == RETF) {
        return behind;
    }
    return target >= behind - 1 && target < VMI_ROM_CHECKSUM_OFFSET + 1 ? HEADER(pci_offset)
                                                                        : behind;
}

/* The first byte behind the jumps that follow each other from the entry's end on. */
static uint32_t jumps_end(const struct image *image, uint32_t at) {
    if (jump_at(image, at) == 0 && get8(image, at) == NOP && jump_at(image, at + 1) != 0) {
        at++;
    }
    while (at < HEADER(pci_offset) && jump_at(image, at) != 0) {
        at += jump_at(image, at);
    }
    return at;
}

/* Whether one of the jumps that follow each other from `from` on leads to `at`. */
static bool jumps_lead_to(const struct image *image, uint32_t from, uint32_t at) {
    uint32_t end = jumps_end(image, from);

    for (uint32_t i = from; i < end; i += jump_at(image, i) != 0 ? jump_at(image, i) : 1) {
        if (jump_at(image, i) != 0 && get8(image, i) != JUMP_FAR && target_of(image, i) == at) {
            return true;
        }
    }
    return false;
}

/* Whether a vector of $PnP or PCIR leads to `at`. */
static bool vector_leads_to(const struct image *image, uint32_t at) {
    static const uint32_t vectors[] = {PNP(bcv), PNP(dv), PNP(bev), PNP(static_resources)};
    uint32_t pcir = find_pcir(image);
    struct pnp_chain chain;

    if (pcir != 0 && get8(image, pcir + PCIR(revision)) == 3 &&
        (get16(image, pcir + PCIR(clp_entry)) == at ||
         get16(image, pcir + PCIR(config_utility)) == at)) {
        return true;
    }
    follow_pnp(image, &chain);
    for (uint32_t i = 0; i < chain.count; i++) {
        for (uint32_t j = 0; j < sizeof(vectors) / sizeof(vectors[0]); j++) {
            if (get16(image, chain.at[i] + vectors[j]) == at) {
                return true;
            }
        }
    }
    return false;
}

/* What begins behind the header, as far as the header, PCIR and $PnP tell. */
static const char *code_at(const struct image *image, uint32_t at) {
    if (entry_target(image) == at) {
        return "the entry code";
    }
    if (jumps_lead_to(image, entry_code_end(image), at) ||
        jumps_lead_to(image, VMI_ROM_CHECKSUM_OFFSET, at)) {
        return "a second entry";
    }
    return vector_leads_to(image, at) ? "the code that a vector leads to" : NULL;
}

const char text_use[] = "text";

const char *entry_use(const struct image *image, uint32_t at) {
    uint32_t end = entry_code_end(image);
    uint32_t target = entry_target(image);
    uint32_t six = VMI_ROM_CHECKSUM_OFFSET;

    if (at < HEADER(entry)) {
        return NULL;
    }
    if (at >= HEADER(pci_offset)) {
        return code_at(image, at);
    }
    if (at < end || (target >= end && at >= target)) {
        return "the entry code";
    }
    if (is_vmi(image) && at < HEADER(vmi_signature)) {
        return NULL; /* VMI's header has nothing but the entry there, whatever a sum looks like */
    }
    if (at < jumps_end(image, end)) {
        return "a second entry";
    }
    if (at >= six && jump_at(image, six) != 0 && at < jumps_end(image, six)) {
        return "a second entry";
    }
    if (at >= six && at < names_end(image)) {
        return "a list of names";
    }
    for (uint32_t start = at - 2; start <= at; start++) {
        if (start >= end && is_text(image, start)) {
            return text_use;
        }
    }
    return NULL;
}
