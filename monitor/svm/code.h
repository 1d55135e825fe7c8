/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* Decodes the instruction at the guest's RIP, in every mode of the processor, as far as the exit
 * does not report it. */
#ifndef MONITOR_CODE_H
#define MONITOR_CODE_H

#include "vcpu.h"

#define INSTRUCTION_MAX 15u

struct instruction {
    uint8_t bytes[INSTRUCTION_MAX];
    unsigned size;     /* bytes that could be read */
    unsigned prefixes; /* of these, before the opcode; REX is one */
    uint8_t rex;       /* 0: none */
    bool is_64;        /* 64-bit mode */
    bool is_locked, operand_16, address_16;
};

void read_instruction(const struct vcpu *vcpu, struct instruction *instruction);

/* The guest's general register of that number; RAX and RSP are in the VMCB. */
uint64_t *general_register(struct vcpu *vcpu, unsigned number);

/* A store of a dword: MOV or XCHG from a register, MOV of a constant. False: it is none of them.
 * `exchanged`, when it is not NULL, takes what was there. */
struct store {
    uint32_t value;
    uint64_t *exchanged;
    unsigned length; /* of the instruction */
};
bool decode_store(struct vcpu *vcpu, struct store *store);

#endif
