/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* What the known guests make of an image: guests.h. */

#include <stdarg.h>
#include <stdio.h>

#include "calls.h"
#include "guests.h"

const char *const guest_names[GUESTS] = {
    "Linux 2.6.16 with API 13.0",
    "Sanos",
    "mainline Linux, 2.6.21 to 2.6.36",
};

const char *const taking_names[] = {"takes",   "other-api", "natively",
                                    "refuses", "dies",      "not-judged"};

#define SANOS_MINOR 3u

__attribute__((format(printf, 3, 4))) static void say(struct guest_verdict *v, enum taking taking,
                                                      const char *format, ...) {
    va_list args;
    v->taking = taking;
    va_start(args, format);
    vsnprintf(v->why, sizeof(v->why), format, args);
    va_end(args);
}

static uint32_t major_of(const struct image *image) {
    return get8(image, HEADER(api_major));
}

/* What every guest looks at first; false: it goes no further. */
static bool is_seen(const struct image *image, uint32_t major, struct guest_verdict *v) {
    if (get16(image, 0) != VMI_ROM_SIGNATURE) {
        say(v, REFUSES, "does not see it: the signature is %02X %02X, not 55 AA", get8(image, 0),
            get8(image, 1));
    } else if (major_of(image) != major) {
        say(v, NOT_FOR_IT, "not for it: API %u.%u", major_of(image),
            get8(image, HEADER(api_minor)));
    } else {
        return true;
    }
    return false;
}

/* `refused`: which results of Init mean that it did not start. */
static bool is_started(const struct facts *f, bool only_negative, struct guest_verdict *v) {
    bool refused = only_negative ? f->status >> 31 : f->status != 0;
    if (!f->started) {
        say(v, NOT_KNOWN, "not judged: it calls Init, which does not come back here");
    } else if (refused) {
        say(v, NATIVELY, "goes on natively: Init returns %d here", (int)f->status);
    } else {
        return true;
    }
    return false;
}

/* The record in /proc has both strings, untested. */
static bool has_strings(const struct image *image) {
    uint32_t at = get16(image, HEADER(pnp_offset));
    return at == 0 || (inside(image, at, PNP_SIZE) &&
                       string_length(image, get16(image, at + PNP(manufacturer))) != NOWHERE &&
                       string_length(image, get16(image, at + PNP(product))) != NOWHERE);
}

static void judge_linux_13(const struct facts *f, struct guest_verdict *v) {
    const struct image *image = f->image;
    uint32_t blocks = get8(image, HEADER(length));
    if (!is_seen(image, VMI_API_MAJOR_13, v)) {
        return;
    }
    if (blocks > 0x7F) {
        say(v, DIES, "resets the machine: a length of %u blocks is negative there", blocks);
    } else if (blocks > VMI_ROM_MAX_BLOCKS_13) {
        say(v, DIES, "panics: %u blocks are more than %u", blocks, VMI_ROM_MAX_BLOCKS_13);
    } else if (!is_started(f, false, v)) {
        return;
    } else if (blocks < VMI_ROM_MIN_BLOCKS_13) {
        say(v, DIES, "dies: its own calls from slot %u up stay where it copies the ROM's",
            blocks * VMI_ROM_BLOCK / VMI_CALL_SIZE);
    } else if (!has_strings(image)) {
        say(v, TAKES, "takes it; its file in /proc reads $PnP strings that do not end");
    } else {
        say(v, TAKES, "takes it");
    }
}

static const char *type_name(uint8_t type, char text[16]) {
    static const char *const names[] = {"NONE", "CALL_REL", "JUMP_REL", "NOP"};
    snprintf(text, 16, "type %u", type);
    return type <= VMI_RELOCATION_NOP ? names[type] : text;
}

static void judge_sanos(const struct facts *f, struct guest_verdict *v) {
    char type[16];
    if (!is_seen(f->image, VMI_API_MAJOR_13, v)) {
        return;
    }
    v->counts = get8(f->image, HEADER(api_minor)) >= SANOS_MINOR;
    if (!is_started(f, true, v)) {
        return;
    }
    if (!f->asked) {
        if (v->counts) {
            say(v, NOT_KNOWN,
                "not judged: it asks GetRelocationInfo, which does not come back here");
        } else {
            say(v, DIES, "panics: API 13.%u has no GetRelocationInfo, call 85",
                get8(f->image, HEADER(api_minor)));
        }
        return;
    }
    for (uint32_t n = VMI_CALL_FIRST; n <= VMI_CALL_LAST; n++) {
        const struct answer *a = &f->answers[n];
        if (!a->known) {
            say(v, NOT_KNOWN, "not judged: GetRelocationInfo does not come back for call %u", n);
            return;
        }
        if (a->type != VMI_RELOCATION_CALL_REL) {
            say(v, DIES, "panics: call %u, %s, is answered with %s", n, expect_of(n)->name,
                type_name(a->type, type));
            return;
        }
    }
    if (!f->outlives) {
        say(v, DIES, "dies: it unmaps its low 4 MiB, and IRET is answered with %08Xh",
            f->short_lived);
        return;
    }
    say(v, TAKES, "takes it");
}

/* False: mainline Linux stops at one of them, or they are not known. */
static bool answers_are_taken(const struct facts *f, struct guest_verdict *v) {
    char type[16];
    uint32_t timer = VMI3_CALL_GetCycleFrequency;
    if (!f->asked) {
        say(v, NOT_KNOWN, "not judged: it asks GetRelocationInfo, which does not come back here");
        return false;
    }
    for (size_t i = 0; i < sizeof(expect_calls_3) / sizeof(expect_calls_3[0]); i++) {
        const struct expect *e = &expect_calls_3[i];
        if (e->call3 < 0) {
            continue;
        }
        const struct answer *a = &f->answers[e->call3];
        if (!a->known) {
            say(v, NOT_KNOWN, "not judged: GetRelocationInfo does not come back for call %d",
                e->call3);
            return false;
        }
        bool calls = a->type == VMI_RELOCATION_CALL_REL || a->type == VMI_RELOCATION_JUMP_REL;
        bool of_timer = e->number > VMI_CALL_GetCycleFrequency &&
                        e->number <= VMI_CALL_WallclockUpdated && f->answers[timer].type;
        if (e->reloc == RELOC_ALWAYS && !calls) {
            say(v, DIES, "dies: call %d, %s, is answered with %s, and it has none of its own",
                e->call3, e->name, type_name(a->type, type));
        } else if (a->type > VMI_RELOCATION_NOP ||
                   (a->type == VMI_RELOCATION_JUMP_REL && e->returns == RETURNS_RET)) {
            say(v, DIES, "stops at a BUG: call %d, %s, is answered with %s", e->call3, e->name,
                type_name(a->type, type));
        } else if (of_timer && a->type != VMI_RELOCATION_CALL_REL) {
            say(v, DIES,
                "dies: call %u, GetCycleFrequency, is answered, so it uses call %d, %s, too, "
                "which is answered with %s",
                timer, e->call3, e->name, type_name(a->type, type));
        } else {
            continue;
        }
        return false;
    }
    return true;
}

static void say_that_it_takes(const struct image *image, uint32_t pcir, struct guest_verdict *v) {
    uint32_t vendor = get16(image, pcir + PCIR(vendor)), device = get16(image, pcir + PCIR(device));
    if (vendor != VMI_PCI_VENDOR || device != VMI_PCI_DEVICE) {
        say(v, TAKES, "takes it, and warns of PCI %04X:%04X", vendor, device);
    } else {
        say(v, TAKES, "takes it");
    }
}

static void judge_linux_3(const struct facts *f, struct guest_verdict *v) {
    const struct image *image = f->image;
    uint32_t pcir = get16(image, HEADER(pci_offset));
    if (!is_seen(image, VMI_API_MAJOR_3, v)) {
        return;
    }
    if (!is_licensed(image)) {
        say(v, REFUSES, "refuses it: the licence is neither \"GPL\" nor \"GPL v2\"");
    } else if (pcir == 0) {
        say(v, REFUSES, "refuses it: the PCIR offset is 0");
    } else if (is_started(f, false, v) && answers_are_taken(f, v)) {
        say_that_it_takes(image, pcir, v);
    }
}

void judge_guests(const struct facts *facts, struct guest_verdict verdicts[GUESTS]) {
    for (int i = 0; i < GUESTS; i++) {
        verdicts[i] = (struct guest_verdict){.counts = true};
    }
    judge_linux_13(facts, &verdicts[LINUX_13]);
    judge_sanos(facts, &verdicts[SANOS]);
    judge_linux_3(facts, &verdicts[LINUX_3]);
}
