/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 *
 * Showing an image to a person.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "entry.h"
#include "hypercall.h"
#include "policy.h"
#include "ring1.h"
#include "show.h"
#include "slots.h"
#include "sum.h"
#include "text.h"
#include "walk.h"

static const char *word_for(const struct finding *finding) {
    return finding->severity == PROBLEM ? "WRONG" : "warning";
}

/* Marks everything found at these bytes; each is told once. */
static void show_problems(struct report *report, uint32_t at, uint32_t length) {
    for (size_t i = 0; i < report->total; i++) {
        struct finding *f = &report->list[i];

        if (f->shown || f->at == NOWHERE || f->at < report->base + at ||
            f->at - report->base - at >= length) {
            continue;
        }
        f->shown = true;
        printf("    %s: %s\n", word_for(f), f->text);
    }
}

__attribute__((format(printf, 5, 6))) static void show_row(struct report *report, uint32_t at,
                                                           uint32_t length, const char *name,
                                                           const char *format, ...) {
    va_list args;

    printf("  0x%04X  %-20s ", report->base + at, name);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
    show_problems(report, at, length);
}

/* A string of the image between quotes, with everything unprintable as \xNN. */
static void show_string(const struct image *image, struct report *report, uint32_t field,
                        const char *name) {
    uint32_t at = get16(image, field);
    uint32_t length = string_length(image, at);

    printf("  0x%04X  %-20s ", report->base + field, name);
    if (at == 0) {
        printf("none");
    } else {
        printf("0x%04X ", at);
    }
    if (at != 0 && length == NOWHERE) {
        printf("(no string there)");
    }
    if (at != 0 && length != NOWHERE) {
        putchar('"');
        for (uint32_t i = 0; i < length && i < 64; i++) {
            uint32_t c = get8(image, at + i);

            if (c >= 0x20 && c < 0x7F && c != '"' && c != '\\') {
                putchar((int)c);
            } else {
                printf("\\x%02X", c);
            }
        }
        puts(length > 64 ? "\"..." : "\"");
    } else {
        putchar('\n');
    }
    show_problems(report, field, 2);
    if (at != 0) {
        show_problems(report, at, 1);
    }
}

static void show_sum(const struct image *image, struct report *report, uint32_t at, uint32_t start,
                     uint32_t length) {
    uint32_t stated = get8(image, at);
    uint32_t right = (stated - sum_of(image, start, length)) & 0xFF;

    show_row(report, at, 1, "checksum", "stated 0x%02X, right 0x%02X (%u bytes)", stated, right,
             length);
}

static void show_entry(const struct image *image, struct report *report) {
    uint32_t at = HEADER(entry);
    uint32_t code = get8(image, at);

    if (code == 0xE9 || code == 0xEB) {
        show_row(report, at, 3, "entry", "jmp 0x%04X", entry_target(image));
    } else if (code == 0xCB) {
        show_row(report, at, 3, "entry", "retf");
    } else {
        show_row(report, at, 3, "entry", "code %02X %02X %02X %02X", code, get8(image, at + 1),
                 get8(image, at + 2), get8(image, at + 3));
    }
}

static void show_vmi_fields(const struct image *image, struct report *report) {
    uint32_t descriptor = find_descriptor(image);

    show_row(report, HEADER(vmi_signature), 4, "VMI signature", "\"cVmi\"");
    show_row(report, HEADER(api_minor), 2, "API version", "%u.%u", get8(image, HEADER(api_major)),
             get8(image, HEADER(api_minor)));
    if (is_api(image, VMI_API_MAJOR_3)) {
        show_row(report, HEADER_3(jump_slots), 1, "jump slots", "%u",
                 get8(image, HEADER_3(jump_slots)));
        show_row(report, HEADER_3(virtual_top), 4, "virtual top", "0x%08X",
                 get32(image, HEADER_3(virtual_top)));
        if (descriptor != 0) {
            show_row(report, VMI_HYPERCALL_POINTER, 2, "hypercall descriptor", "0x%04X",
                     descriptor);
        }
        show_string(image, report, HEADER_3(license_offset), "licence");
        return;
    }
    show_row(report, HEADER(reserved0), 6, "reserved 0, 1, 2", "0x%02X 0x%02X 0x%08X",
             get8(image, HEADER(reserved0)), get8(image, HEADER(reserved1)),
             get32(image, HEADER(reserved2)));
    if (descriptor == 0) {
        show_row(report, HEADER(reserved3), 4, "private use", "0x%08X",
                 get32(image, HEADER(reserved3)));
        return;
    }
    show_row(report, VMI_HYPERCALL_POINTER, 2, "hypercall descriptor", "0x%04X", descriptor);
    show_row(report, VMI_HYPERCALL_POINTER + 2, 2, "private use", "0x%04X",
             get16(image, VMI_HYPERCALL_POINTER + 2));
}

static void show_pointer(const struct image *image, struct report *report, uint32_t field,
                         const char *name, uint32_t found) {
    uint32_t at = get16(image, field);

    show_row(report, field, 2, name, "0x%04X%s", at,
             at == 0 ? " (none)" : (found == 0 ? " (none there)" : ""));
    if (at != 0 && found == 0) {
        show_problems(report, at, 4);
    }
}

/* Of an image with two sums, where the code's is not the one that is shown already. */
static void show_settings(const struct image *image, struct report *report, uint32_t size) {
    uint32_t settings = is_vmi(image) ? 0 : find_settings(image, size);

    if (settings == 0) {
        return;
    }
    show_sum(image, report, settings - 1, 0, settings);
    show_row(report, settings, size - settings, "settings", "%u bytes that sum to 0",
             size - settings);
}

static void show_header(const struct image *image, struct report *report) {
    uint32_t blocks = get8(image, HEADER(length));
    uint32_t size = sealed_size(image);
    struct place place = find_place(image, size);

    puts("ROM header");
    show_row(report, HEADER(signature), 2, "signature", "%02X %02X", get8(image, 0),
             get8(image, 1));
    show_row(report, HEADER(length), 1, "length", "%u blocks (%u bytes)", blocks,
             blocks * VMI_ROM_BLOCK);
    show_entry(image, report);
    if (place.free) {
        show_sum(image, report, place.at, 0, size);
    } else {
        show_row(report, place.at, 1, "checksum", "place unknown, sum 0x%02X (%u bytes)",
                 sum_of(image, 0, size), size);
    }
    if (place.other != 0 && sum_of(image, 0, size) != 0) {
        show_sum(image, report, place.other, 0, size);
    }
    show_settings(image, report, size);
    if (is_vmi(image)) {
        show_vmi_fields(image, report);
    }
    show_pointer(image, report, HEADER(pci_offset), "PCIR", find_pcir(image));
    show_pointer(image, report, HEADER(pnp_offset), "$PnP", find_pnp(image));
    if (is_api(image, VMI_API_MAJOR_13)) {
        show_row(report, HEADER(pad3), 4, "pad3", "0x%08X", get32(image, HEADER(pad3)));
    }
    if (is_api(image, VMI_API_MAJOR_3)) {
        show_row(report, HEADER_3(init), 8, "Init entry", "code %02X...",
                 get8(image, HEADER_3(init)));
        show_row(report, HEADER_3(get_reloc), 8, "GetRelocationInfo", "code %02X...",
                 get8(image, HEADER_3(get_reloc)));
    }
}

static const char *machine_name(uint32_t machine) {
    switch (machine) {
    case 0x014C:
        return " (IA-32)";
    case 0x0200:
        return " (Itanium)";
    case 0x0EBC:
        return " (EFI byte code)";
    case 0x01C2:
        return " (ARM)";
    case 0x8664:
        return " (x86-64)";
    case 0xAA64:
        return " (AArch64)";
    default:
        return "";
    }
}

/* The header of an image that is not for the BIOS. */
static void show_foreign_header(const struct image *image, struct report *report) {
    uint32_t blocks = get16(image, EFI_INIT_SIZE);

    puts(code_type(image) == CODE_EFI ? "EFI header" : "ROM header");
    show_row(report, HEADER(signature), 2, "signature", "%02X %02X", get8(image, 0),
             get8(image, 1));
    if (code_type(image) == CODE_EFI) {
        show_row(report, EFI_INIT_SIZE, 2, "initialisation size", "%u blocks (%u bytes)", blocks,
                 blocks * VMI_ROM_BLOCK);
        show_row(report, EFI_SIGNATURE, 4, "EFI signature", "0x%08X", get32(image, EFI_SIGNATURE));
        show_row(report, EFI_SUBSYSTEM, 2, "subsystem", "%u", get16(image, EFI_SUBSYSTEM));
        show_row(report, EFI_MACHINE, 2, "machine", "0x%04X%s", get16(image, EFI_MACHINE),
                 machine_name(get16(image, EFI_MACHINE)));
        show_row(report, EFI_COMPRESSION, 2, "compression", "%u", get16(image, EFI_COMPRESSION));
        show_row(report, EFI_IMAGE, 2, "EFI image", "0x%04X", get16(image, EFI_IMAGE));
        show_problems(report, get16(image, EFI_IMAGE), 2);
    }
    show_pointer(image, report, HEADER(pci_offset), "PCIR", find_pcir(image));
}

/* Revision 3: the devices that the image is for besides that of PCIR. */
static void show_device_list(const struct image *image, struct report *report, uint32_t pcir) {
    uint32_t field = pcir + PCIR(device_list);
    uint32_t at = pcir + get16(image, field);
    uint32_t count = 0;

    show_row(report, field, 2, "device list", "0x%04X", get16(image, field));
    if (get16(image, field) == 0 || get8(image, pcir + PCIR(revision)) != 3) {
        return;
    }
    for (; inside(image, at, 2) && get16(image, at) != 0 && count < 64; at += 2) {
        printf("%s%04X", count++ == 0 ? "          devices              " : " ", get16(image, at));
    }
    puts(count == 0 ? "          devices              none" : "");
}

static const char *code_name(uint32_t type) {
    static const char *const names[] = {"x86 BIOS", "Open Firmware", "PA-RISC", "EFI"};

    return type < sizeof(names) / sizeof(names[0]) ? names[type] : "unknown";
}

static void show_pcir(const struct image *image, struct report *report) {
    uint32_t at = find_pcir(image);
    uint32_t indicator = get8(image, at + PCIR(indicator));

    if (at == 0) {
        return;
    }
    puts("\nPCI data structure");
    show_row(report, at + PCIR(signature), 4, "signature", "\"PCIR\"");
    show_row(report, at + PCIR(vendor), 4, "vendor:device", "%04X:%04X",
             get16(image, at + PCIR(vendor)), get16(image, at + PCIR(device)));
    show_device_list(image, report, at);
    show_row(report, at + PCIR(length), 3, "length, revision", "%u bytes, revision %u",
             get16(image, at + PCIR(length)), get8(image, at + PCIR(revision)));
    show_row(report, at + PCIR(prog_if), 3, "class", "%02X %02X %02X (base, sub, interface)",
             get8(image, at + PCIR(base_class)), get8(image, at + PCIR(subclass)),
             get8(image, at + PCIR(prog_if)));
    show_row(report, at + PCIR(image_length), 2, "image length", "%u blocks (%u bytes)",
             get16(image, at + PCIR(image_length)),
             get16(image, at + PCIR(image_length)) * VMI_ROM_BLOCK);
    show_row(report, at + PCIR(code_revision), 2, "code revision", "%u.%u",
             get8(image, at + PCIR(code_revision) + 1), get8(image, at + PCIR(code_revision)));
    show_row(report, at + PCIR(code_type), 1, "code type", "%u (%s)", code_type(image),
             code_name(code_type(image)));
    show_row(report, at + PCIR(indicator), 1, "indicator", "0x%02X (%s)", indicator,
             indicator & VMI_PCIR_LAST_IMAGE ? "last image" : "an image follows");
    if (get8(image, at + PCIR(revision)) != 3) {
        return;
    }
    show_row(report, at + PCIR(max_run_time_length), 2, "run-time length", "%u blocks",
             get16(image, at + PCIR(max_run_time_length)));
    show_row(report, at + PCIR(config_utility), 2, "configuration code", "0x%04X",
             get16(image, at + PCIR(config_utility)));
    show_row(report, at + PCIR(clp_entry), 2, "CLP entry", "0x%04X",
             get16(image, at + PCIR(clp_entry)));
}

static void show_pnp(const struct image *image, struct report *report, uint32_t at) {
    uint32_t next = get16(image, at + PNP(next));

    puts("\nPnP expansion header");
    show_row(report, at + PNP(signature), 4, "signature", "\"$PnP\"");
    show_row(report, at + PNP(revision), 2, "revision, length", "revision %u, %u bytes",
             get8(image, at + PNP(revision)), get8(image, at + PNP(length)) * VMI_PNP_UNIT);
    show_row(report, at + PNP(next), 2, "next header", "0x%04X%s", next,
             next != 0 && !is_pnp(image, next) ? " (no $PnP there)" : "");
    show_sum(image, report, at + PNP(checksum), at, get8(image, at + PNP(length)) * VMI_PNP_UNIT);
    show_row(report, at + PNP(device_id), 4, "device id", "0x%08X",
             get32(image, at + PNP(device_id)));
    show_string(image, report, at + PNP(manufacturer), "manufacturer");
    show_string(image, report, at + PNP(product), "product");
    show_row(report, at + PNP(base_class), 3, "class", "%02X %02X %02X (base, sub, interface)",
             get8(image, at + PNP(base_class)), get8(image, at + PNP(subclass)),
             get8(image, at + PNP(prog_if)));
    show_row(report, at + PNP(indicators), 1, "indicators", "0x%02X",
             get8(image, at + PNP(indicators)));
    show_row(report, at + PNP(bcv), 6, "BCV, DV, BEV", "0x%04X 0x%04X 0x%04X",
             get16(image, at + PNP(bcv)), get16(image, at + PNP(dv)), get16(image, at + PNP(bev)));
    show_row(report, at + PNP(static_resources), 2, "static resources", "0x%04X",
             get16(image, at + PNP(static_resources)));
}

static void show_trap(const struct image *image, struct report *report, uint32_t descriptor) {
    uint32_t at = descriptor + HYPERCALL(trap);
    struct trap trap = trap_of(image, descriptor);

    if (trap.kind >= VMI_TRAP_KINDS) {
        show_row(report, at, 2, "trap", "kind %u, 0x%02X", trap.kind, trap.operand);
    } else if (trap_kinds[trap.kind].operand || trap.operand != 0) {
        show_row(report, at, 2, "trap", "%s 0x%02X", trap_kinds[trap.kind].name, trap.operand);
    } else {
        show_row(report, at, 2, "trap", "%s", trap_kinds[trap.kind].name);
    }
}

static void show_slot_kinds(const struct image *image, struct report *report, uint32_t descriptor) {
    uint32_t count[UINT8_MAX + 1] = {0};

    for (uint32_t number = 0; number < VMI_CALL_SLOTS; number++) {
        count[slot_kind(image, descriptor, number)]++;
    }
    show_row(report, descriptor + HYPERCALL(kind), VMI_CALL_SLOTS, "slots",
             "%u trap, %u soft, %u nop, %u native, %u own", count[VMI_SLOT_TRAP],
             count[VMI_SLOT_SOFT], count[VMI_SLOT_NOP], count[VMI_SLOT_NATIVE],
             count[VMI_SLOT_OWN]);
}

static void show_descriptor(const struct image *image, struct report *report) {
    uint32_t at = find_descriptor(image);

    if (at == 0) {
        return;
    }
    puts("\nHypercall descriptor");
    show_row(report, at + HYPERCALL(magic), 4, "magic", "\"VmiT\"");
    show_row(report, at + HYPERCALL(version), 1, "version", "%u",
             get8(image, at + HYPERCALL(version)));
    if (find_readable_descriptor(image) == 0) {
        return;
    }
    show_trap(image, report, at);
    show_row(report, at + HYPERCALL(flags), 1, "flags", "0x%02X%s",
             get8(image, at + HYPERCALL(flags)),
             get8(image, at + HYPERCALL(flags)) & VMI_HYPERCALL_ASKS ? ", Init asks" : "");
    show_slot_kinds(image, report, at);
}

/* i: may be copied into a call site; k: a kernel may keep its own instructions there. */
static char inlining_mark(const struct image *image, uint32_t number) {
    uint32_t fact = inlining(image, number);

    if (fact == 0) {
        return ' ';
    }
    return fact == VMI_INLINE_NATIVE ? 'k' : 'i';
}

/* Whether the image answers with just the calls of this policy. */
static bool policy_is(const struct image *image, enum vmi3_reloc last) {
    for (uint32_t number = 0; number < CALLS_3; number++) {
        if (is_answered(image, number) != (vmi3_call_names[number].reloc <= last)) {
            return false;
        }
    }
    return true;
}

static void show_policy(const struct image *image, struct report *report) {
    uint32_t at = find_policy(image);
    uint32_t answered = 0, column = 0;

    if (at == 0) {
        return;
    }
    puts("\nPolicy of GetRelocationInfo");
    show_row(report, at, VMI3_POLICY_AT_CALLS, "magic, version", "\"VmiP\", %u",
             get8(image, at + VMI3_POLICY_AT_VERSION));
    for (uint32_t number = 0; number < CALLS_3; number++) {
        answered += is_answered(image, number);
    }
    show_row(report, policy_entry(0), CALLS_3, "policy", "%s: a CALL for %u of %u calls",
             policy_is(image, VMI3_RELOC_ALWAYS) ? "minimal"
             : policy_is(image, VMI3_RELOC_LEAN) ? "lean"
             : policy_is(image, VMI3_RELOC_FULL) ? "full"
                                                 : "a list",
             answered, CALLS_3);
    for (uint32_t number = 0; number < CALLS_3; number++) {
        const char *name = vmi3_call_names[number].name;

        if (!is_answered(image, number)) {
            continue;
        }
        if (column + 1 + strlen(name) > 72 || column == 0) {
            column = (uint32_t)printf("%s   ", column == 0 ? "" : "\n");
        }
        column += (uint32_t)printf(" %s", name);
    }
    if (column != 0) {
        putchar('\n');
    }
}

static void show_ring1(const struct image *image, struct report *report) {
    uint32_t at = find_ring1(image);

    if (at == 0) {
        return;
    }
    puts("\nRing 1 descriptor");
    show_row(report, at + RING1(magic), 4, "magic", "\"VmiR\"");
    show_row(report, at + RING1(version), 1, "version", "%u", get8(image, at + RING1(version)));
    if (find_readable_ring1(image) == 0) {
        return;
    }
    show_row(report, at + RING1(flags), 1, "flags", "0x%02X: interrupt control is %s",
             get8(image, at + RING1(flags)),
             get8(image, at + RING1(flags)) & VMI_RING1_INTERRUPT_CONTROL ? "on" : "off");
    show_row(report, at + RING1(first), 2, "exchanged", "slots %u to %u",
             get8(image, at + RING1(first)),
             get8(image, at + RING1(first)) + get8(image, at + RING1(count)) - 1);
    show_row(report, at + RING1(twins), 2, "twins", "0x%04X", get16(image, at + RING1(twins)));
}

static void show_slot(const struct image *image, uint32_t number) {
    static const char marks[VMI_SLOT_KINDS] = {[VMI_SLOT_NATIVE] = '#',
                                               [VMI_SLOT_TRAP] = 't',
                                               [VMI_SLOT_NOP] = 'n',
                                               [VMI_SLOT_OWN] = 'o',
                                               [VMI_SLOT_SOFT] = 's'};
    uint32_t kind = shown_kind(image, number);
    uint32_t used = slot_used(image, number);
    char bar[VMI_CALL_SIZE / 4 + 1] = "........";

    memset(bar, kind < VMI_SLOT_KINDS ? marks[kind] : '?', (used + 3) / 4);
    printf("%3u %-23.23s %2u%c%s", number, slot_name(image, number), used,
           inlining_mark(image, number), bar);
}

static bool same_slot(const struct image *image, uint32_t a, uint32_t b) {
    if (shown_kind(image, a) != shown_kind(image, b)) {
        return false;
    }
    for (uint32_t i = 0; i < VMI_CALL_SIZE; i++) {
        if (get8(image, VMI_CALL_OFFSET(a) + i) != get8(image, VMI_CALL_OFFSET(b) + i)) {
            return false;
        }
    }
    return true;
}

static void show_unnamed_slots(const struct image *image) {
    uint32_t last;

    for (uint32_t first = first_slot(image); first < VMI_CALL_SLOTS; first = last + 1) {
        uint32_t kind = shown_kind(image, first);
        const char *mark = NULL;

        last = first;
        if (slot_name(image, first)) {
            continue;
        }
        if (find_readable_descriptor(image) != 0) {
            mark = kind < VMI_SLOT_KINDS ? slot_kinds[kind] : "unknown";
        }
        while (last + 1 < VMI_CALL_SLOTS && !slot_name(image, last + 1) &&
               same_slot(image, first, last + 1)) {
            last++;
        }
        if (first == last) {
            printf("%3u no call: ", first);
        } else {
            printf("%3u to %u no calls: ", first, last);
        }
        if (mark) {
            printf("%s, ", mark);
        }
        printf("%u bytes%s\n", slot_used(image, first), first == last ? "" : " each, all alike");
    }
}

static void show_slots(const struct image *image, struct report *report) {
    uint32_t named[VMI_CALL_SLOTS];
    uint32_t count = 0, used = 0, rows;

    if (!has_slots(image)) {
        return;
    }
    for (uint32_t slot = first_slot(image); slot < VMI_CALL_SLOTS; slot++) {
        if (slot_name(image, slot)) {
            named[count++] = slot;
        }
    }
    rows = (count + 1) / 2;
    if (find_readable_ring1(image) != 0) {
        puts("\nCall slots: number, name, bytes used of 32\n"
             "(a mark = 4 bytes: # native, n nop, o own, s soft, ? unknown)");
    } else if (find_readable_descriptor(image) != 0) {
        puts("\nCall slots: number, name, bytes used of 32\n"
             "(a mark = 4 bytes: # native, t trap, n nop, o own, ? unknown)");
    } else {
        puts("\nCall slots: number, name, bytes used of 32 (# = 4 bytes)");
    }
    if (get32(image, VMI_INLINE_OFFSET) == VMI_INLINE_SIGNATURE) {
        puts("(i: kernels may inline it; k: kernels may keep their own code)");
    }
    for (uint32_t row = 0; row < rows; row++) {
        show_slot(image, named[row]);
        if (row + rows < count) {
            putchar(' ');
            show_slot(image, named[row + rows]);
        }
        putchar('\n');
    }
    show_unnamed_slots(image);
    for (uint32_t number = first_slot(image); number < VMI_CALL_SLOTS; number++) {
        used += slot_used(image, number);
    }
    printf("%u of %u bytes used in all.\n", used,
           VMI_CALLS_END - VMI_CALL_OFFSET(first_slot(image)));
    show_problems(report, VMI_CALLS_START, VMI_CALLS_END - VMI_CALLS_START);
}

static void show_space(const struct image *image, const struct report *report) {
    uint32_t end = used_end(image);

    if (end == 0) {
        return;
    }
    printf("\nLast used byte 0x%04X, %u bytes free after it.\n", report->base + end - 1,
           image->size - end);
}

static void show_rest(struct report *report) {
    bool first = true;

    for (size_t i = 0; i < report->total; i++) {
        const struct finding *f = &report->list[i];

        if (f->shown) {
            continue;
        }
        if (first) {
            puts(report->count == 0 ? "\nOther warnings" : "\nOther problems");
        }
        first = false;
        if (f->at == NOWHERE) {
            printf("    %s: %s\n", word_for(f), f->text);
        } else {
            printf("  0x%04X\n    %s: %s\n", f->at, word_for(f), f->text);
        }
    }
}

static void show_kind(const struct image *image) {
    if (is_vmi(image)) {
        printf("VMI ROM, API %u.%u", get8(image, HEADER(api_major)),
               get8(image, HEADER(api_minor)));
    } else if (get16(image, 0) != VMI_ROM_SIGNATURE) {
        printf("not an option ROM");
    } else if (is_x86(image)) {
        printf("option ROM without VMI");
    } else {
        printf("image for %s", code_name(code_type(image)));
    }
}

static void show_one(const struct image *image, struct report *report) {
    struct pnp_chain chain;

    follow_pnp(image, &chain);
    if (is_x86(image)) {
        show_header(image, report);
    } else {
        show_foreign_header(image, report);
    }
    show_pcir(image, report);
    for (uint32_t i = 0; i < chain.count; i++) {
        show_pnp(image, report, chain.at[i]);
    }
    show_descriptor(image, report);
    show_policy(image, report);
    show_ring1(image, report);
    show_slots(image, report);
    show_space(image, report);
}

static void show_counts(const struct report *report) {
    printf("; %zu problem%s", report->count, report->count == 1 ? "" : "s");
    if (report->warnings != 0) {
        printf(", %zu warning%s", report->warnings, report->warnings == 1 ? "" : "s");
    }
    puts("\n");
}

void show_image(const struct image *file, struct report *report) {
    uint32_t count = count_images(file);
    struct image image;

    first_image(file, &image);
    print_text(stdout, file->name);
    printf(": %u bytes, ", file->size);
    if (count == 1) {
        show_kind(&image);
    } else {
        printf("%u images", count);
    }
    show_counts(report);
    while (file->size >= VMI_ROM_FIELDS_END) {
        look_at(report, &image);
        if (count > 1) {
            printf("%sImage %u at 0x%04X, %u bytes: ", image.number > 1 ? "\n" : "", image.number,
                   report->base, image.size);
            show_kind(&image);
            puts(image.hidden ? ", hidden\n" : "\n");
        }
        show_one(&image, report);
        if (!next_image(file, &image)) {
            break;
        }
    }
    look_at(report, NULL);
    if (padding_of(file) != 0) {
        printf("\nPadding: %u bytes of FF after the image, from 0x%04X.\n", padding_of(file),
               report->base + file->size - padding_of(file));
    }
    show_rest(report);
}
