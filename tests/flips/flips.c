/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * flips IMAGE DIRECTORY STEP SLOT:OFFSET:SIZE...: flips every bit of these parts of an image, one
 * at a time, and runs the slot's suite. STEP takes every STEPth flip only. An image of API 3.0 has
 * to answer with all its calls. A flip whose instructions decode as before is equivalent. Survivors
 * are printed as `survives SLOT OFFSET BIT instruction -> instruction`, and written to DIRECTORY,
 * for the tests on a machine, as SLOT-OFFSET-BIT.bin.
 */

#include <capstone/capstone.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "calls.h"
#include "image_file.h"
#include "vmi/calls.h"
#include "vmi/rom.h"

#define ROUNDS  40
#define SECONDS 20 /* for one flip: an instruction may repeat forever */
#define TEXT    128

enum fate { KILLED, DECODED, SURVIVES };
#define STATUS                                                                                     \
    10 /* of a child: this and its verdict; 2 is an error of the engine's                          \
        */

struct part {
    unsigned slot;
    uint32_t at, size;
};

static uint8_t image[IMAGE_MAX], flipped[IMAGE_MAX];
static uint32_t image_size;

/* The instruction of `code` that holds the byte at `at`, walking from the start of its part; of a
 * conditional jump also what is in front of it, as the flags are that one's. */
static void instruction_at(csh handle, const uint8_t *code, const struct part *part, uint32_t at,
                           char text[TEXT]) {
    const uint8_t *p = code + part->at;
    size_t left = part->size;
    uint64_t address = part->at;
    char before[TEXT] = "";
    cs_insn *insn = cs_malloc(handle);
    snprintf(text, TEXT, "?");
    while (cs_disasm_iter(handle, &p, &left, &address, insn)) {
        if (address > at) {
            snprintf(text, TEXT, "%.20s%.20s %.60s", insn->mnemonic[0] == 'j' ? before : "",
                     insn->mnemonic, insn->op_str);
            break;
        }
        snprintf(before, TEXT, "%.20s: ", insn->mnemonic);
    }
    cs_free(insn, 1);
}

/* Whether a jump leads into the middle of an instruction of the same part, which else is as it was.
 */
static bool jumps_into_one(csh handle, const struct part *part) {
    cs_insn *insn;
    size_t n = cs_disasm(handle, flipped + part->at, part->size, part->at, 0, &insn);
    bool found = false;
    for (size_t i = 0; i < n; i++) {
        if (insn[i].mnemonic[0] != 'j' || strncmp(insn[i].op_str, "0x", 2) != 0) {
            continue;
        }
        uint32_t target = (uint32_t)strtoul(insn[i].op_str, NULL, 16);
        bool is_start = target - part->at >= part->size;
        for (size_t k = 0; k < n && !is_start; k++) {
            is_start = insn[k].address == target;
        }
        found = found || !is_start;
    }
    if (n) {
        cs_free(insn, n);
    }
    return found;
}

/* Whether the part decodes to the same instructions at the same places. */
static bool decodes_alike(csh handle, const struct part *part) {
    cs_insn *a, *b;
    size_t n = cs_disasm(handle, image + part->at, part->size, part->at, 0, &a);
    size_t m = cs_disasm(handle, flipped + part->at, part->size, part->at, 0, &b);
    bool alike = n == m && n > 0;
    for (size_t i = 0; alike && i < n; i++) {
        alike = a[i].address == b[i].address && strcmp(a[i].mnemonic, b[i].mnemonic) == 0 &&
                strcmp(a[i].op_str, b[i].op_str) == 0;
    }
    if (n) {
        cs_free(a, n);
    }
    if (m) {
        cs_free(b, m);
    }
    return alike;
}

static enum fate look(unsigned slot, uint32_t at) {
    char why[WHY_SIZE];
    struct machine m;
    if (at == slot * VMI_CALL_SIZE + VMI_INLINE_AT) {
        return check_inlining(flipped, image_size, slot, why) ? SURVIVES : DECODED;
    }
    machine_open(&m, flipped, image_size, IMAGE_LOW);
    bool ran_well = check_slot(&m, slot, ROUNDS, 1, why);
    machine_close(&m);
    if (!ran_well) {
        return KILLED;
    }
    return check_decoding(flipped, image_size, slot, why) &&
                   check_kind(flipped, image_size, slot, why) &&
                   check_inlining(flipped, image_size, slot, why)
               ? SURVIVES
               : DECODED;
}

/* In a process of its own: a flip that hangs or crashes the engine is killed. */
static enum fate judge(unsigned slot, uint32_t at) {
    int status;
    fflush(stdout);
    pid_t child = fork();
    if (child < 0) {
        perror("fork");
        exit(2);
    }
    if (child == 0) {
        alarm(SECONDS);
        _exit(STATUS + (int)look(slot, at));
    }
    waitpid(child, &status, 0);
    int verdict = WIFEXITED(status) ? WEXITSTATUS(status) - STATUS : KILLED;
    return verdict == DECODED || verdict == SURVIVES ? (enum fate)verdict : KILLED;
}

static void write_survivor(const char *directory, unsigned slot, uint32_t at, unsigned bit) {
    char path[512];
    snprintf(path, sizeof(path), "%s/%u-%x-%u.bin", directory, slot, at, bit);
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(flipped, 1, image_size, f) != image_size || fclose(f) != 0) {
        perror(path);
        exit(2);
    }
}

int main(int argc, char **argv) {
    unsigned long step = argc > 3 ? strtoul(argv[3], NULL, 0) : 0, count = 0;
    unsigned total = 0, alike = 0, seen[SURVIVES + 1] = {0};
    csh handle;
    if (step == 0 || argc < 5) {
        fprintf(stderr, "usage: %s IMAGE DIRECTORY STEP SLOT:OFFSET:SIZE...\n", argv[0]);
        return 2;
    }
    image_size = image_load(argv[1], image, sizeof(image));
    if (image[offsetof(struct vmi_rom_header, api_major)] == VMI_API_MAJOR_3) {
        choose_policy("all");
    }
    if (cs_open(CS_ARCH_X86, CS_MODE_32, &handle) != CS_ERR_OK) {
        return 2;
    }
    for (int i = 4; i < argc; i++) {
        struct part part;
        if (sscanf(argv[i], "%u:%x:%x", &part.slot, &part.at, &part.size) != 3 ||
            part.slot >= VMI_CALL_SLOTS || part.at + part.size > image_size) {
            fprintf(stderr, "%s: not SLOT:OFFSET:SIZE inside the image\n", argv[i]);
            return 2;
        }
        for (uint32_t bit = 0; bit < part.size * 8; bit++) {
            uint32_t at = part.at + bit / 8;
            if (count++ % step) {
                continue;
            }
            memcpy(flipped, image, sizeof(flipped));
            flipped[at] ^= (uint8_t)(1u << bit % 8);
            total++;
            if (at != part.slot * VMI_CALL_SIZE + VMI_INLINE_AT && decodes_alike(handle, &part)) {
                alike++;
                continue;
            }
            enum fate verdict = judge(part.slot, at);
            if (verdict == SURVIVES && jumps_into_one(handle, &part)) {
                verdict = DECODED;
            }
            seen[verdict]++;
            if (verdict == SURVIVES) {
                char before[TEXT], after[TEXT];
                instruction_at(handle, image, &part, at, before);
                instruction_at(handle, flipped, &part, at, after);
                printf("survives %u %x %u %s -> %s\n", part.slot, at, bit % 8, before, after);
                write_survivor(argv[2], part.slot, at, bit % 8);
            }
        }
    }
    cs_close(&handle);
    printf("flips %u killed %u decoded %u alike %u survived %u\n", total, seen[KILLED],
           seen[DECODED], alike, seen[SURVIVES]);
    return 0;
}
