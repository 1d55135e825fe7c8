/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* The verdict on a file: judge.h. */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "../romsum/check.h"
#include "apart.h"
#include "judge.h"

#define TOP_64_MIB 0xFC000000u /* what hypervisors of API 13 keep of linear space */

/* --- calls --- */

/* Whether a process that came to a bad end later has judged it already. */
static bool is_done(const struct judged *j, const struct result *r) {
    return (unsigned)(r - j->results) < j->done;
}

static struct result *add(struct judged *j, const struct expect *e, uint32_t number, bool answered,
                          uint32_t at) {
    struct result *r = &j->results[j->count++];
    if (is_done(j, r)) {
        return r;
    }
    *r = (struct result){
        .call = e, .number = number, .answered = answered, .at = at, .free = free_of(e->number)};
    return r;
}

/* Where GetRelocationInfo leads. */
static struct result *add_answered(const struct machine *m, struct judged *j,
                                   const struct expect *e, uint32_t number,
                                   const struct answer *a) {
    uint32_t offset = a->eip[0] - m->places[0];
    struct result *r = add(j, e, number, true, offset - j->within);
    r->outside = offset >= m->image_size;
    r->at = r->outside ? a->eip[0] : r->at;
    return r;
}

static void conclude(struct judged *j, const struct result *r) {
    if (!is_done(j, r)) {
        j->outcomes[r->outcome]++;
        j->done++;
    }
}

__attribute__((format(printf, 4, 5))) static void
note(struct judged *j, struct result *r, enum outcome outcome, const char *format, ...) {
    va_list args;
    if (is_done(j, r)) {
        return;
    }
    r->outcome = outcome;
    va_start(args, format);
    vsnprintf(r->why, sizeof(r->why), format, args);
    va_end(args);
    conclude(j, r);
}

/* A result that is wrong already stays so, with what the call does as the reason if that is wrong,
 * too. */
static void judge_one(struct machine *m, struct judged *j, struct result *r,
                      const struct call_entry *entry, uint32_t seed, unsigned rounds) {
    static const enum outcome outcomes[] = {[VERDICT_RIGHT] = CALL_RIGHT,
                                            [VERDICT_WRONG] = CALL_WRONG,
                                            [VERDICT_NONE] = CALL_NOT_JUDGED};
    char why[WHY_SIZE];
    if (is_done(j, r)) {
        return;
    }
    enum outcome does = outcomes[judge_call(m, r->call->number, entry, rounds, seed, why)];
    if (does == CALL_WRONG || r->outcome != CALL_WRONG) {
        r->outcome = does;
        memcpy(r->why, why, sizeof(r->why));
    }
    conclude(j, r);
}

/* --- API 13 --- */

/* The call in its slot, and where GetRelocationInfo leads elsewhere, there too. */
static void judge_13(struct machine *m, const struct facts *f, struct judged *j, uint32_t seed,
                     unsigned rounds) {
    unsigned last = j->minor >= 3 ? VMI_CALL_LAST : VMI_CALL_WallclockUpdated;
    bool inlined = get32(f->image, VMI_INLINE_OFFSET) == VMI_INLINE_SIGNATURE;
    for (unsigned n = VMI_CALL_FIRST; n <= last; n++) {
        uint32_t at = VMI_CALL_OFFSET(n);
        struct result *r = add(j, expect_of(n), n, false, at);
        struct call_entry slot = {{m->places[0] + at, m->places[1] + at}, false};
        if (at + VMI_CALL_SIZE > m->image_size) {
            note(j, r, CALL_WRONG, "its slot lies outside the image (%u bytes)", m->image_size);
            continue;
        }
        if (inlined && !is_done(j, r) && !check_copy(f->image->bytes, m->image_size, n, r->why)) {
            r->outcome = CALL_WRONG;
        }
        judge_one(m, j, r, &slot, seed, rounds);
        const struct answer *a = &f->answers[n];
        bool calls = a->type == VMI_RELOCATION_CALL_REL || a->type == VMI_RELOCATION_JUMP_REL;
        bool elsewhere = a->eip[0] != slot.at[0] || a->eip[1] != slot.at[1];
        if (f->asked && a->known && calls && elsewhere) {
            struct call_entry entry = {{a->eip[0], a->eip[1]}, a->type == VMI_RELOCATION_JUMP_REL};
            judge_one(m, j, add_answered(m, j, expect_of(n), n, a), &entry, seed, rounds);
        }
    }
}

/* --- API 3.0 --- */

static void judge_entry_3(struct machine *m, struct judged *j, uint32_t at, unsigned slot,
                          uint32_t seed, unsigned rounds) {
    uint32_t there = j->within + at;
    struct call_entry entry = {{m->places[0] + there, m->places[1] + there}, false};
    judge_one(m, j, add(j, expect_of(slot), slot, false, at), &entry, seed, rounds);
}

static void judge_answered_3(struct machine *m, const struct facts *f, struct judged *j,
                             const struct expect *e, uint32_t seed, unsigned rounds) {
    const struct answer *a = &f->answers[e->call3];
    struct result *r = add_answered(m, j, e, (uint32_t)e->call3, a);
    struct call_entry entry = {{a->eip[0], a->eip[1]}, a->type == VMI_RELOCATION_JUMP_REL};
    if (!f->asked || !a->known) {
        note(j, r, CALL_NOT_JUDGED, "GetRelocationInfo does not say where it is");
    } else if (a->type == VMI_RELOCATION_NONE || a->type == VMI_RELOCATION_NOP) {
        note(j, r, CALL_ABSENT, "answered with %s",
             a->type == VMI_RELOCATION_NOP ? "NOP: the guest leaves it out"
                                           : "NONE: the guest has its own");
    } else if (a->type > VMI_RELOCATION_NOP) {
        note(j, r, CALL_WRONG, "answered with type %u, which there is not", a->type);
    } else if (e->reloc == RELOC_HOST) {
        note(j, r, CALL_NOT_JUDGED, "only a hypervisor can serve it");
    } else {
        judge_one(m, j, r, &entry, seed, rounds);
    }
}

static void judge_3(struct machine *m, const struct facts *f, struct judged *j, uint32_t seed,
                    unsigned rounds) {
    judge_entry_3(m, j, HEADER_3(init), VMI_CALL_Init, seed, rounds);
    judge_entry_3(m, j, HEADER_3(get_reloc), VMI_CALL_GetRelocationInfo, seed, rounds);
    for (size_t i = 0; i < sizeof(expect_calls_3) / sizeof(expect_calls_3[0]); i++) {
        if (expect_calls_3[i].call3 >= 0) {
            judge_answered_3(m, f, j, &expect_calls_3[i], seed, rounds);
        }
    }
}

/* --- an image --- */

struct start {
    struct machine *m;
    struct facts *facts;
    const struct judged *j;
};

/* What it does when a guest starts it. What it does not come back from is left as it was. */
static void find_facts(void *context) {
    const struct start *start = context;
    struct machine *m = start->m;
    struct facts *f = start->facts;
    const struct judged *j = start->j;
    uint32_t result[2] = {0, 0};
    bool is_3 = j->major == VMI_API_MAJOR_3;
    uint32_t init = is_3 ? HEADER_3(init) : VMI_CALL_OFFSET(VMI_CALL_Init);
    uint32_t offset = is_3 ? HEADER_3(get_reloc) : VMI_CALL_OFFSET(VMI_CALL_GetRelocationInfo);
    init += j->within;
    offset += j->within;
    f->started = ask(m, 1, init, 0, result);
    f->status = result[0];
    f->asked = (is_3 || j->minor >= 3) && ask(m, 0, offset, 0xFFFFFFFF, result);
    if (!f->asked) {
        return;
    }
    for (uint32_t n = 0; n < ANSWERS; n++) {
        f->answers[n] = answer_of(m, offset, n);
    }
    if (!is_3 && ask_with_paging(m, offset, VMI_CALL_IRET, &f->short_lived)) {
        f->outlives = f->short_lived >= 4u << 20;
    }
}

struct calls {
    struct machine *m;
    const struct facts *facts;
    struct judged *j; /* shared */
    uint32_t seed;
    unsigned rounds;
};

static void judge_calls(void *context) {
    const struct calls *c = context;
    c->j->count = 0;
    if (c->j->major == VMI_API_MAJOR_3) {
        judge_3(c->m, c->facts, c->j, c->seed, c->rounds);
    } else {
        judge_13(c->m, c->facts, c->j, c->seed, c->rounds);
    }
}

/* Goes on behind each call that ends its process. */
static void judge_calls_apart(struct machine *m, const struct facts *f, struct judged *j,
                              uint32_t seed, unsigned rounds) {
    static struct judged *shared;
    shared = shared ? shared : shared_memory(sizeof(*shared));
    *shared = *j;
    while (!run_apart(judge_calls, &(struct calls){m, f, shared, seed, rounds}) &&
           shared->count == shared->done + 1) {
        struct result *r = &shared->results[shared->done];
        if (r->outcome == CALL_WRONG) {
            conclude(shared, r);
        } else {
            note(shared, r, CALL_NOT_JUDGED, "the emulator gives up on its code");
        }
    }
    *j = *shared;
}

static void judge_machine(const struct image *outer, struct judged *j, struct facts *f,
                          uint32_t seed, unsigned rounds) {
    static struct machine m;
    machine_open(&m, outer->bytes, outer->size, IMAGE_LOW);
    m.watch = true;
    choose_api(j->major == VMI_API_MAJOR_3 ? API_3 : API_13, RELOC_NONE);
    judge_by_abi(f->hypervisor_area);
    run_apart(find_facts, &(struct start){&m, f, j});
    judge_guests(f, j->guests);
    judge_calls_apart(&m, f, j, seed, rounds);
    machine_close(&m);
}

/* Whether the calls can be looked at; else says why not. */
static bool has_calls(const struct image *outer, const struct image *image, struct judged *j) {
    if (j->major != VMI_API_MAJOR_13 && j->major != VMI_API_MAJOR_3) {
        snprintf(j->unjudged, sizeof(j->unjudged), "API %u is not known (13 and 3 are)", j->major);
    } else if (outer->size > IMAGE_MAX) {
        snprintf(j->unjudged, sizeof(j->unjudged), "%u bytes are more than this program runs (%u)",
                 outer->size, IMAGE_MAX);
    } else if (image->size < sizeof(struct vmi_rom_header_3)) {
        snprintf(j->unjudged, sizeof(j->unjudged), "%u bytes are no image", image->size);
    }
    return j->unjudged[0] == 0;
}

static void judge_image(const struct image *outer, const struct image *image, uint32_t seed,
                        unsigned rounds, struct judged *j) {
    static struct facts *facts;
    facts = facts ? facts : shared_memory(sizeof(*facts));
    *facts = (struct facts){.image = image, .outlives = true};
    facts->hypervisor_area =
        j->major == VMI_API_MAJOR_3 ? get32(image, HEADER_3(virtual_top)) : TOP_64_MIB;
    if (has_calls(outer, image, j)) {
        judge_machine(outer, j, facts, seed, rounds);
    } else {
        judge_guests(facts, j->guests);
    }
}

/* --- a file --- */

/* As guests look for it; at the beginning also with a signature that is spoilt. */
static bool is_vmi_rom(const struct image *file, uint32_t at) {
    return get32(file, at + HEADER(vmi_signature)) == VMI_SIGNATURE &&
           (at == 0 || get16(file, at) == VMI_ROM_SIGNATURE);
}

/* Whether there are some, and not too many; else says why not. */
static bool has_vmi_roms(const struct image *file, char why[WHY_SIZE]) {
    const uint32_t field = HEADER(vmi_signature);
    uint32_t count = 0;
    for (uint32_t at = 0; at < file->size; at += IMAGE_STEP) {
        count += is_vmi_rom(file, at);
        if (count > VMI_IMAGES) {
            snprintf(why, WHY_SIZE, "at 0x%X: more than %u VMI ROMs", at, VMI_IMAGES);
            return false;
        }
    }
    if (file->size < field + 4) {
        snprintf(why, WHY_SIZE, "%u byte%s, no VMI ROM", file->size, file->size == 1 ? "" : "s");
    } else if (count == 0) {
        snprintf(why, WHY_SIZE, "at 0x%X: %02X %02X %02X %02X, not \"cVmi\": no VMI ROM", field,
                 get8(file, field), get8(file, field + 1), get8(file, field + 2),
                 get8(file, field + 3));
    }
    return count > 0;
}

static struct image image_at(const struct image *file, uint32_t at) {
    struct image image = {.name = file->name, .bytes = file->bytes + at, .size = file->size - at};
    uint32_t stated = stated_size(&image);
    image.size = stated != 0 && stated < image.size ? stated : image.size;
    return image;
}

bool judge_file(const struct image *file, uint32_t seed, unsigned rounds, struct judgement *j,
                char why[WHY_SIZE]) {
    struct image outer = {.size = 0};
    uint32_t outer_at = 0;
    if (!has_vmi_roms(file, why)) {
        return false;
    }
    memset(j, 0, sizeof(*j)); /* too large for the stack */
    j->name = file->name;
    for (uint32_t at = 0; at < file->size; at += IMAGE_STEP) {
        if (!is_vmi_rom(file, at)) {
            continue;
        }
        struct image image = image_at(file, at);
        struct judged *judged = &j->image[j->images++];
        judged->at = at;
        judged->size = image.size;
        judged->major = get8(&image, HEADER(api_major));
        judged->minor = get8(&image, HEADER(api_minor));
        bool is_inside = outer.size && at + image.size <= outer_at + outer.size;
        if (!is_inside || j->images == 1) {
            outer = image;
            outer_at = at;
        }
        judged->within = at - outer_at;
        judge_image(&outer, &image, seed, rounds, judged);
    }
    check_image(file, &j->firmware);
    return true;
}

void judgement_end(struct judgement *j) {
    clear_report(&j->firmware);
}

/* --- whether it is wrong --- */

/* Slots are judged by what they do. */
bool is_of_firmware(const struct finding *finding) {
    return finding->severity == PROBLEM && strcmp(finding->code, "empty") != 0;
}

bool guest_is_wrong(const struct guest_verdict *v) {
    return v->counts && (v->taking == REFUSES || v->taking == DIES);
}

bool image_is_wrong(const struct judged *image) {
    bool wrong = image->outcomes[CALL_WRONG] != 0;
    for (int i = 0; i < GUESTS; i++) {
        wrong |= guest_is_wrong(&image->guests[i]);
    }
    return wrong;
}

bool is_wrong(const struct judgement *j) {
    bool wrong = false;
    for (size_t i = 0; i < j->firmware.total; i++) {
        wrong |= is_of_firmware(&j->firmware.list[i]);
    }
    for (unsigned i = 0; i < j->images; i++) {
        wrong |= image_is_wrong(&j->image[i]);
    }
    return wrong;
}
