/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * Linking. All sites are walked twice, first to check that everything can be done, then to write.
 * The native bytes are saved behind a byte with the site's kind, in the records' order.
 * Size matters here, not speed: the code runs once, and stays in every kernel's image.
 */

#include "bytes.h"
#include "thunk.h"
#include "vmi/guest.h"

#define RET          0xC3
#define NOP          0x90
#define CALL_REL32   0xE8
#define JMP_REL32    0xE9
#define JMP_REL8     0xEB
#define PUSH_EAX     0x50 /* to PUSH_EAX + 7, EDI */
#define PUSH_ESP     0x54
#define DS_PREFIX    0x3E
#define LEA_ESP      0x0024648Du /* LEA ESP,[ESP + disp8], without the fourth byte */
#define CALL_SIZE    5
#define LOAD_SIZE    8  /* of a memory operation with a segment override and a distance */
#define PUSHES_MAX   31 /* the LEA removes up to 127 bytes */
#define REMOVAL_SIZE 4  /* of the LEA */

#define PREFIXES_MAX 10 /* with an instruction of five bytes they reach the limit of 15 */

#define NOINLINE __attribute__((noinline)) /* the code is smaller so */

/* --- records --- */

/* Where the call is in a translation: behind one-byte argument pushes, before their removal. */
static uint32_t call_at(const struct vmi_annotation *r) {
    uint32_t size = r->translation_size;
    return size == CALL_SIZE ? 0 : size - CALL_SIZE - REMOVAL_SIZE;
}

/* Pushes of any register but ESP, the call with its number, the removal of what was pushed. */
static NOINLINE bool translation_is_good(const struct vmi_annotation *r) {
    const uint8_t *at = r->translation;
    uint32_t pushes = call_at(r);
    if (pushes > PUSHES_MAX) {
        return false;
    }
    for (uint32_t i = 0; i < pushes; i++, at++) {
        if ((*at & 0xF8) != PUSH_EAX || *at == PUSH_ESP) {
            return false;
        }
    }
    if (at[0] != CALL_REL32 || read_dword(at + 1) != r->call) {
        return false;
    }
    return pushes == 0 || read_dword(at + CALL_SIZE) == (LEA_ESP | pushes << 26);
}

static bool is_within(const uint8_t *at, uint32_t size, const uint8_t *start, const uint8_t *end) {
    uint32_t room = (uint32_t)(end - start), offset = (uint32_t)(at - start);
    return offset <= room && size <= room - offset;
}

/* Padding fills a site up to a call's size, or to what an inlined load has. */
static NOINLINE bool sizes_agree(const struct vmi_annotation *r) {
    int native = r->translation_size - r->padding;
    if (r->form & THUNK_FORM) {
        return r->form <= (THUNK_FORM | THUNK_CHANGES) && r->padding < r->size &&
               (r->padding > 0 ? r->size == CALL_SIZE || r->size == LOAD_SIZE
                               : r->padding == 0 && r->size >= CALL_SIZE);
    }
    return r->form == 0 && native >= 0 &&
           r->size == (r->padding > 0 ? r->translation_size : native);
}

/* If the record's called form is a thunk, it is made. */
static NOINLINE int check_record(const struct vmi_linkage *l, const struct vmi_annotation *r,
                                 struct vmi_kit_thunk *thunk) {
    if (r->call <= VMI_CALL_Init || r->call > VMI_SITE_CALL_LAST) {
        return VMI_LINK_CALL;
    }
    if (!sizes_agree(r) || r->size > VMI_SITE_MAX) {
        return VMI_LINK_SIZE;
    }
    if (!is_within(r->site, r->size, l->text, l->text_end) ||
        !is_within(r->translation, r->translation_size, l->translations, l->translations_end)) {
        return VMI_LINK_OUTSIDE;
    }
    if (r->form ? !vmi_kit_make_thunk(r, thunk) : !translation_is_good(r)) {
        return VMI_LINK_TRANSLATION;
    }
    for (const struct vmi_annotation *other = l->first; other < r; other++) {
        if (r->site < other->site + other->size && other->site < r->site + r->size) {
            return VMI_LINK_OVERLAP;
        }
    }
    return 0;
}

/* --- what the ROM offers --- */

struct target {
    uint32_t address;
    uint32_t type;       /* VMI_RELOCATION_... */
    const uint8_t *slot; /* if the image has inlining data for it, or NULL */
};

static uint32_t ask(const struct vmi_rom *rom, uint32_t number, uint32_t *type) {
    uint32_t address;
    __asm__ volatile("call *%2"
                     : "=a"(address), "=d"(*type)
                     : "r"(((const struct vmi_rom_header_3 *)rom->base)->get_reloc), "a"(number)
                     : "ecx", "memory", "cc");
    return address;
}

/* The body of an omitted operation. */
static const uint8_t nothing = RET;

static int find_in_3(const struct vmi_rom *rom, uint32_t call, struct target *target) {
    static const uint8_t numbers[VMI_SITE_CALL_LAST + 1] = VMI_NUMBERS_IN_3;
    if (numbers[call] == VMI_NOT_IN_3) {
        return 0;
    }
    target->address = ask(rom, numbers[call], &target->type);
    target->type &= 0xFF;
    return target->type > VMI_RELOCATION_NOP ? VMI_LINK_TYPE : 0;
}

static void find_in_13(const struct vmi_rom *rom, uint32_t call, struct target *target) {
    uint32_t last = rom->minor < 3 ? VMI_CALL_WallclockUpdated : VMI_CALL_LAST;
    if (call > last) {
        return;
    }
    target->address = (uint32_t)rom->base + VMI_CALL_OFFSET(call);
    target->type = VMI_RELOCATION_CALL_REL;
}

static NOINLINE int find_target(const struct vmi_rom *rom, uint32_t call, struct target *target) {
    int error = 0;
    target->type = VMI_RELOCATION_NONE;
    target->slot = NULL;
    if (!rom) {
        return 0;
    }
    if (rom->major == VMI_API_MAJOR_3) {
        error = find_in_3(rom, call, target);
    } else {
        find_in_13(rom, call, target);
    }
    if (error || target->type == VMI_RELOCATION_NONE) {
        return error;
    }
    if (target->type == VMI_RELOCATION_NOP) {
        target->slot = &nothing;
        return 0;
    }
    if (target->type == VMI_RELOCATION_JUMP_REL && call != VMI_CALL_IRET &&
        call != VMI_CALL_SYSEXIT) {
        return VMI_LINK_TYPE;
    }

    uint32_t offset = target->address - (uint32_t)rom->base;
    if (offset >= rom->size) {
        uint32_t top = ((const struct vmi_rom_header_3 *)rom->base)->virtual_top;
        return top != 0 && target->address >= top ? 0 : VMI_LINK_ADDRESS;
    }
    if (offset >= VMI_CALLS_START && offset < VMI_CALLS_END && offset % VMI_CALL_SIZE == 0 &&
        read_dword(rom->base + VMI_INLINE_OFFSET) == VMI_INLINE_SIGNATURE) {
        target->slot = rom->base + offset;
    }
    return 0;
}

/* --- what a site will hold --- */

/*
 * Puts `size` bytes of code, or a NOP for none, at the end of a site of `room` bytes and returns
 * their address. Prefixes without effect fill the front; if they are more than an instruction can
 * have, a jump skips them.
 */
static NOINLINE uint8_t *put_code(uint8_t *site, uint32_t room, const uint8_t *code,
                                  uint32_t size) {
    uint32_t front = room - size;
    fill_bytes(site, DS_PREFIX, front);
    if (size == 0) {
        site[front - 1] = NOP;
    }
    if (front > PREFIXES_MAX + (size == 0)) {
        site[0] = JMP_REL8;
        site[1] = (uint8_t)(front - 2);
    }
    copy_bytes(site + front, code, size);
    return site + front;
}

/* Replaces the RET and NOP in the middle of a body by a jump to the end of the site. */
static bool put_leave(uint8_t *body, uint32_t size, const uint8_t *site_end) {
    for (uint8_t *at = body; at + 2 <= body + size; at++) {
        if (at[0] == RET && at[1] == NOP) {
            at[0] = JMP_REL8;
            at[1] = (uint8_t)(site_end - (at + 2));
            return true;
        }
    }
    return false;
}

/* `site` holds the native bytes. Returns VMI_SITE_CALLED if the slot cannot be inlined in it. */
static int try_inline(const struct vmi_annotation *r, const uint8_t *slot, uint8_t *site,
                      const uint8_t *native) {
    uint8_t fact = slot[0] == RET ? 1 : slot[VMI_INLINE_AT];
    uint32_t size = fact & ~VMI_INLINE_LEAVES;
    if (fact == VMI_INLINE_NATIVE) {
        return VMI_SITE_NATIVE;
    }
    if (size == 0 || size > VMI_INLINE_MAX) {
        return VMI_SITE_CALLED;
    }
    if (slot[--size] != RET) {
        return VMI_LINK_INLINE;
    }
    if (size > r->size) {
        return VMI_SITE_CALLED;
    }
    uint8_t *body = put_code(site, r->size, slot, size);
    if (fact & VMI_INLINE_LEAVES && !put_leave(body, size, site + r->size)) {
        return VMI_LINK_INLINE;
    }
    return are_equal(site, native, r->size) ? VMI_SITE_NATIVE : VMI_SITE_INLINED;
}

static void put_call(const struct vmi_annotation *r, const struct target *target, uint8_t *site) {
    uint8_t *at = put_code(site, r->size, r->translation, r->translation_size) + call_at(r);
    if (target->type == VMI_RELOCATION_JUMP_REL) {
        *at = JMP_REL32;
    }
    write_dword(at + 1, target->address - (uint32_t)(r->site + (at - site) + CALL_SIZE));
}

/* --- sites whose operands may be anywhere --- */

/* Whether the body does what the native instructions do, in the call's registers. */
static NOINLINE bool is_native(uint32_t call, const uint8_t *slot) {
    static const uint8_t bodies[] = VMI_NATIVE_BODIES;
    const uint8_t *body = bodies;
    while (*body != 0 && *body != call) {
        body += 2 + body[1];
    }
    if (slot[0] == RET) {
        return *body != 0 && body[1] == 0;
    }
    return slot[VMI_INLINE_AT] == VMI_INLINE_NATIVE ||
           (*body != 0 && slot[body[1]] == RET &&
            (slot[VMI_INLINE_AT] & ~VMI_INLINE_LEAVES) == body[1] + 1u &&
            are_equal(slot, body + 2, body[1]));
}

/*
 * GetInterruptMask as one load from a fixed address, MOV or MOVZX, in the register that the site
 * pops. Nothing else of a body is known well enough to be changed.
 */
static int try_inline_load(const struct vmi_annotation *r, const uint8_t *slot, uint8_t *site,
                           const uint8_t *native) {
    uint8_t code[VMI_CALL_SIZE], *at = code;
    uint8_t reg = (uint8_t)((native[r->size - 1] & 7) << 3);
    copy_bytes(code, slot, VMI_CALL_SIZE);
    at += at[0] == 0x65 || at[0] == 0x64 || (at[0] & 0xE7) == 0x26; /* a segment's prefix */
    if (at[0] == 0xA1) {
        copy_bytes(at + 2, slot + (at - code) + 1, VMI_CALL_SIZE - 4);
        *at++ = 0x8B;
    } else if (at[0] == 0x8B && at[1] == 0x05) {
        at++;
    } else if (at[0] == 0x0F && (at[1] & 0xFE) == 0xB6 && at[2] == 0x05) {
        at += 2;
    } else {
        return VMI_SITE_CALLED;
    }
    *at = 0x05 | reg;
    at += 1 + sizeof(uint32_t);
    if (*at != RET || at > code + r->size) {
        return VMI_SITE_CALLED;
    }
    put_code(site, r->size, code, (uint32_t)(at - code));
    return VMI_SITE_INLINED;
}

/* Such a site keeps its registers: it takes a body that neither has operands nor changes any. */
static int try_inline_free(const struct vmi_annotation *r, const struct vmi_kit_thunk *thunk,
                           const uint8_t *slot, uint8_t *site, const uint8_t *native) {
    bool takes_any = thunk->size == 0 && r->form == THUNK_FORM;
    if (is_native(r->call, slot)) {
        return VMI_SITE_NATIVE;
    }
    if (slot[0] == RET || takes_any) {
        return try_inline(r, slot, site, native);
    }
    uint32_t end = (slot[VMI_INLINE_AT] & ~VMI_INLINE_LEAVES) - 1u;
    if (end < VMI_INLINE_MAX && slot[end] != RET) {
        return VMI_LINK_INLINE;
    }
    return r->call == VMI_CALL_GetInterruptMask ? try_inline_load(r, slot, site, native)
                                                : VMI_SITE_CALLED;
}

static const uint8_t *called_by(const struct vmi_annotation *r) {
    const uint8_t *end = r->site + r->size;
    return end + read_dword(end - sizeof(uint32_t));
}

/* --- all sites --- */

struct walk {
    struct vmi_linkage *l;
    bool write;
    uint8_t *thunks; /* behind the last one made */
    struct vmi_kit_thunk thunk;
    uint8_t site[VMI_SITE_MAX]; /* what it will hold */
};

/* The thunk's code goes to memory, if no earlier site has made the same one. */
static int put_thunk(struct walk *w, const struct vmi_annotation *r, const struct target *target) {
    const struct vmi_annotation *same = vmi_kit_same_thunk(w->l->first, r);
    uint8_t *thunk = w->thunks, *distance = w->thunk.code + w->thunk.target;
    uint32_t size = w->thunk.size, to = target->address;
    if (size != 0 && same != r) {
        to = (uint32_t)called_by(same);
    } else if (size != 0) {
        if (size > (uint32_t)(w->l->thunks_end - thunk)) {
            return VMI_LINK_SPACE;
        }
        w->thunks += size;
        if (w->write) {
            write_dword(distance, to - (uint32_t)(thunk + w->thunk.target + 4));
            copy_bytes(thunk, w->thunk.code, size);
        }
        to = (uint32_t)thunk;
    }
    write_dword(w->site + r->size - sizeof(uint32_t), to - (uint32_t)(r->site + r->size));
    return VMI_SITE_CALLED;
}

static int plan_call(struct walk *w, const struct vmi_annotation *r, const struct target *target) {
    static const uint8_t call[CALL_SIZE] = {CALL_REL32};
    if (!r->form) {
        put_call(r, target, w->site);
        return VMI_SITE_CALLED;
    }
    put_code(w->site, r->size, call, sizeof(call));
    return put_thunk(w, r, target);
}

/* What GetInterruptMask gives is more than the mask where it is native, and less than what a native
 * SetInterruptMask takes where it is not. */
static bool masks_are_flags(const struct vmi_rom *rom) {
    struct target target;
    return find_target(rom, VMI_CALL_GetInterruptMask, &target) == 0 &&
           (target.type == VMI_RELOCATION_NONE ||
            (target.slot && is_native(VMI_CALL_GetInterruptMask, target.slot)));
}

/* Computes what the site will hold. Returns its kind or an error. */
static int plan(struct walk *w, const struct vmi_annotation *r, const uint8_t *native) {
    struct target target;
    const struct vmi_rom *rom = w->l->next;
    int kind = find_target(rom, r->call, &target);
    copy_bytes(w->site, native, r->size);
    if (r->padding > 0 && (native[r->padding - 1] != DS_PREFIX || native[0] != DS_PREFIX)) {
        return VMI_LINK_SITE;
    }
    if (kind < 0) {
        return kind;
    }
    if (target.type == VMI_RELOCATION_NONE) {
        return VMI_SITE_NATIVE;
    }
    kind = !target.slot ? VMI_SITE_CALLED
           : r->form    ? try_inline_free(r, &w->thunk, target.slot, w->site, native)
                        : try_inline(r, target.slot, w->site, native);
    if (kind == VMI_SITE_NATIVE && r->form && r->call == VMI_CALL_SetInterruptMask &&
        !masks_are_flags(rom)) {
        kind = VMI_SITE_CALLED;
    }
    return kind == VMI_SITE_CALLED ? plan_call(w, r, &target) : kind;
}

/* Checks whether each site can be linked, and if `write` links it. */
static int walk(struct vmi_linkage *l, bool write) {
    uint8_t *native = l->saved + 1;
    struct walk w;
    const struct vmi_annotation *r;
    w.l = l;
    w.write = write;
    w.thunks = l->thunks;
    for (r = l->first; r < l->end; native += r->size + 1, r++) {
        l->bad = r;
        int kind = check_record(l, r, &w.thunk);
        if (kind < 0) {
            return kind;
        }
        if (r->size > l->saved_end - native) {
            return VMI_LINK_SPACE;
        }
        if (!write && !l->rom) {
            copy_bytes(native, r->site, r->size);
        }
        kind = plan(&w, r, native);
        if (kind < 0) {
            return kind;
        }
        if (write) {
            copy_bytes(r->site, w.site, r->size);
            native[-1] = (uint8_t)kind;
            l->count[kind]++;
        }
    }
    l->bad = NULL;
    return 0;
}

/* A ROM that answers differently than before gets no site. Where the native bytes cannot be
 * restored either, because the records have changed since, that is all: `bad` says where. */
static VMI_CDECL void write_sites(void *linkage) {
    struct vmi_linkage *l = linkage;
    while (fill_bytes(l->count, 0, sizeof(l->count)), walk(l, true) != 0 && l->next) {
        l->next = NULL;
    }
    vmi_serialize();
}

VMI_CDECL int vmi_link(struct vmi_linkage *l, const struct vmi_rom *rom) {
    l->next = rom;
    int error = walk(l, false);
    if (error) {
        return error;
    }
    if (l->alone) {
        l->alone(write_sites, l);
    } else {
        write_sites(l);
    }
    l->rom = l->next;
    return l->next == rom && !l->bad ? 0 : VMI_LINK_CHANGED;
}
