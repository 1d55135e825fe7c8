/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* What an image answers: answers.h. */

#include "answers.h"
#include "vmi/rom.h"

#define BACK           (LANDING + 0x30)
#define PAGE_DIRECTORY (RAM_BASE + 0x8000)
#define PAGE_TABLE     (RAM_BASE + 0x9000)
#define PRESENT        0x63u

static bool run(struct machine *m, struct world *w, unsigned place, uint32_t offset, uint32_t eax,
                uint32_t result[2]) {
    w->gpr[EAX] = eax;
    w->gpr[ESP] -= 4;
    world_store(w, w->gpr[ESP], BACK);
    w->eip = m->places[place] + offset;
    if (machine_run(m, w, m->places[place], BACK) != STOP_ARRIVED) {
        return false;
    }
    result[0] = w->gpr[EAX];
    result[1] = w->gpr[EDX];
    return true;
}

bool ask(struct machine *m, unsigned place, uint32_t offset, uint32_t eax, uint32_t result[2]) {
    static struct world w;
    machine_reset(m, &w);
    return run(m, &w, place, offset, eax, result);
}

struct answer answer_of(struct machine *m, uint32_t offset, uint32_t number) {
    struct answer a = {.known = true};
    for (unsigned place = 0; place < 2; place++) {
        uint32_t result[2];
        if (!ask(m, place, offset, number, result)) {
            a.known = false;
            return a;
        }
        uint8_t type = (uint8_t)result[1];
        a.known = place == 0 || type == a.type;
        a.type = type;
        a.eip[place] = result[0];
    }
    return a;
}

bool ask_with_paging(struct machine *m, uint32_t offset, uint32_t number, uint32_t *eip) {
    static struct world w;
    uint32_t result[2];
    machine_reset(m, &w);
    m->cpuid = CPUID_WITH_PSE;
    m->pretend_paging = true;
    w.cr3 = PAGE_DIRECTORY;
    for (uint32_t i = 0; i < 1024; i++) {
        world_store(&w, PAGE_TABLE + i * 4, i << 12 | PRESENT);
    }
    world_store(&w, PAGE_DIRECTORY, PAGE_TABLE | PRESENT);
    if (!run(m, &w, 0, offset, number, result) || (result[1] & 0xFF) != VMI_RELOCATION_CALL_REL) {
        return false;
    }
    *eip = result[0];
    return true;
}
