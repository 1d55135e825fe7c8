/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * The instructions that fault in ring 1 and do not in ring 0, and those of ring 3 that a TSS may
 * allow, decoded (Intel SDM volume 2; AMD64 APM volume 3). A pure function: the tests have it on
 * any host.
 */
#ifndef RING1_DECODE_H
#define RING1_DECODE_H

#include <stdbool.h>
#include <stdint.h>

enum operation {
    OP_NONE, /* not one of these, or not within the bytes given */
    OP_HLT,
    OP_CLTS,
    OP_LGDT,
    OP_LIDT,
    OP_LLDT,
    OP_LTR,
    OP_LMSW,
    OP_INVLPG,
    OP_INVD,
    OP_WBINVD,
    OP_READ_CR,
    OP_WRITE_CR,
    OP_READ_DR,
    OP_WRITE_DR,
    OP_RDMSR,
    OP_WRMSR,
    OP_RDPMC,
    OP_RDTSC,
    OP_XSETBV,
    OP_MONITOR,
    OP_MWAIT,
    OP_SYSEXIT,
    OP_MOV_SS,
    OP_POP_SS,
    OP_LSS,
    OP_CLI,
    OP_STI,
    OP_IRET,
    OP_RETF,
    OP_INT,
    OP_IN,
    OP_OUT,
    OP_INS,
    OP_OUTS
};

/* Segment registers in the order of their encoding. */
enum { SEGMENT_ES, SEGMENT_CS, SEGMENT_SS, SEGMENT_DS, SEGMENT_FS, SEGMENT_GS };

/* In the order of their encoding: EAX ECX EDX EBX ESP EBP ESI EDI. */
struct registers {
    uint32_t value[8];
};

struct instruction {
    uint8_t operation; /* enum operation */
    uint8_t length;
    uint8_t size;    /* of the operand: 1, 2, 4 bytes */
    uint8_t address; /* size of addresses: 2, 4 */
    uint8_t reg;     /* the register field, or the number of the control or debug register */
    uint8_t rm;      /* the register, unless it is in memory */
    bool memory;
    bool repeat;
    uint8_t segment; /* of the operand in memory */
    uint32_t offset; /* of it */
    uint16_t port;   /* of IN and OUT with an immediate port, else DX says it; INT's vector */
    bool port_is_dx;
};

#define INSTRUCTION_MAX 15u

/* Decodes what begins at `code`, of which `size` bytes can be read; `wide`: a segment of 32 bits.
 */
struct instruction decode(const uint8_t *code, uint32_t size, bool wide,
                          const struct registers *registers);

#endif
