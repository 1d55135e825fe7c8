/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* Each fault is decoded by its bytes, and its length and operands by Capstone. */

#define _GNU_SOURCE /* NOLINT(bugprone-reserved-identifier): the library wants this name */
#include <capstone/capstone.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "bare.h"

#define APIC      0xFEE00000u
#define PAGE      4096u
#define BIOS_SIZE 0x20000u
#define MSRS      64u

uint8_t bare_ports[0x10000];
void (*bare_before_in)(uint16_t port);
uint64_t bare_dr[8];
unsigned bare_wbinvds, bare_count;
struct bare_event bare_events[4096];

static struct {
    uint32_t msr;
    uint64_t value;
} msrs[MSRS];
static unsigned msr_count;
static uint8_t *apic; /* the page, where it can be written */
static csh capstone;

void bare_set_msr(uint32_t msr, uint64_t value) {
    for (unsigned i = 0; i < msr_count; i++) {
        if (msrs[i].msr == msr) {
            msrs[i].value = value;
            return;
        }
    }
    msrs[msr_count].msr = msr;
    msrs[msr_count++].value = value;
}

bool bare_msr(uint32_t msr, uint64_t *value) {
    for (unsigned i = 0; i < msr_count; i++) {
        if (msrs[i].msr == msr) {
            *value = msrs[i].value;
            return true;
        }
    }
    return false;
}

static void note(enum bare_kind kind, uint32_t where, uint32_t size, uint64_t value) {
    if (bare_count < sizeof(bare_events) / sizeof(*bare_events)) {
        bare_events[bare_count++] = (struct bare_event){kind, where, size, value};
    }
}

unsigned bare_times(enum bare_kind kind, uint32_t where) {
    unsigned times = 0;
    for (unsigned i = 0; i < bare_count; i++) {
        times += bare_events[i].kind == kind && bare_events[i].where == where;
    }
    return times;
}

uint32_t *bare_apic(uint32_t reg) {
    return (uint32_t *)(apic + reg);
}

/* --- faults --- */

_Noreturn static void give_up(const uint8_t *code) {
    fprintf(stderr, "the made-up machine does not know %02x %02x %02x %02x\n", code[0], code[1],
            code[2], code[3]);
    _exit(1);
}

static greg_t *reg_of(ucontext_t *u, unsigned number) {
    static const int names[] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP,
                                REG_RSI, REG_RDI, REG_R8,  REG_R9,  REG_R10, REG_R11,
                                REG_R12, REG_R13, REG_R14, REG_R15};
    return &u->uc_mcontext.gregs[names[number]];
}

static unsigned do_port(ucontext_t *u, const uint8_t *code, unsigned prefix) {
    greg_t *rax = reg_of(u, 0);
    uint8_t op = code[prefix];
    bool is_imm = op < 0xE8;
    uint32_t size = op & 1 ? prefix ? 2 : 4 : 1;
    uint16_t port = is_imm ? code[prefix + 1] : (uint16_t)*reg_of(u, 2);
    if (op & 2) {
        note(BARE_OUT, port, size,
             (uint64_t)*rax & (size == 4   ? 0xFFFFFFFF
                               : size == 2 ? 0xFFFF
                                           : 0xFF));
        memcpy(bare_ports + port, rax, size);
    } else {
        if (bare_before_in) {
            bare_before_in(port);
        }
        memcpy(rax, bare_ports + port, size);
    }
    return prefix + 1 + is_imm;
}

static unsigned do_system(ucontext_t *u, const uint8_t *code) {
    uint64_t value;
    unsigned rex = (code[0] & 0xF0) == 0x40, at = rex + 2, number;
    const uint8_t *op = code + rex;
    switch (op[1]) {
    case 0x01: /* VMLOAD and its kin */
        return at + 1;
    case 0x09:
        bare_wbinvds++;
        return at;
    case 0x21:
    case 0x23:
        number = (op[2] & 7) + (rex && code[0] & 1 ? 8 : 0);
        if (op[1] == 0x21) {
            *reg_of(u, number) = (greg_t)bare_dr[op[2] >> 3 & 7];
        } else {
            bare_dr[op[2] >> 3 & 7] = (uint64_t)*reg_of(u, number);
        }
        return at + 1;
    case 0x30:
        value = (uint64_t)(uint32_t)*reg_of(u, 2) << 32 | (uint32_t)*reg_of(u, 0);
        note(BARE_WRMSR, (uint32_t)*reg_of(u, 1), 8, value);
        bare_set_msr((uint32_t)*reg_of(u, 1), value);
        return at;
    case 0x32:
        if (!bare_msr((uint32_t)*reg_of(u, 1), &value)) {
            give_up(code);
        }
        *reg_of(u, 0) = (uint32_t)value;
        *reg_of(u, 2) = (greg_t)(value >> 32);
        return at;
    default:
        give_up(code);
    }
}

/* A store, of a constant or a register; what the registers are named, Capstone says. */
static uint64_t operand(ucontext_t *u, const cs_x86_op *op) {
    static const char *const names[] = {"ax", "cx", "dx", "bx", "sp", "bp", "si", "di"};
    const char *name;
    if (op->type == X86_OP_IMM) {
        return (uint64_t)op->imm;
    }
    name = cs_reg_name(capstone, op->reg);
    for (unsigned i = 0; i < 8; i++) {
        if (strstr(name, names[i])) {
            return (uint64_t)*reg_of(u, i);
        }
    }
    if (name[0] == 'r') {
        return (uint64_t)*reg_of(u, (unsigned)atoi(name + 1));
    }
    return (uint64_t)*reg_of(u, (unsigned)(strchr("acdb", name[0]) - "acdb")); /* a byte register */
}

static unsigned do_memory(ucontext_t *u, const uint8_t *code, uint32_t address) {
    cs_insn *insn;
    unsigned length;
    if (!cs_disasm(capstone, code, 15, 0, 1, &insn)) {
        give_up(code);
    }
    length = insn->size;
    if (address / PAGE == APIC / PAGE) {
        uint32_t value = (uint32_t)operand(u, &insn->detail->x86.operands[1]);
        note(BARE_STORE, address - APIC, insn->detail->x86.operands[0].size, value);
        memcpy(apic + address % PAGE, &value, sizeof(value));
    }
    cs_free(insn, 1);
    return length;
}

static void on_fault(int number, siginfo_t *info, void *context) {
    ucontext_t *u = context;
    greg_t *rip = &u->uc_mcontext.gregs[REG_RIP];
    const uint8_t *code = (const uint8_t *)*rip;
    unsigned prefix = code[0] == 0x66;
    uint64_t address = (uint64_t)info->si_addr;
    (void)number;
    if ((code[prefix] & 0xF4) == 0xE4 && (code[prefix] < 0xE8 || code[prefix] > 0xEB)) {
        *rip += do_port(u, code, prefix);
    } else if (code[0] == 0x0F ||
               ((code[0] & 0xF0) == 0x40 && code[1] == 0x0F && code[2] != 0xB6)) {
        *rip += do_system(u, code);
    } else if (code[0] == 0xF4 || code[0] == 0xFA || code[0] == 0xFB) {
        ++*rip;
    } else if (address < PAGE || address / PAGE == APIC / PAGE ||
               (address >= BARE_BIOS && address < BARE_BIOS + BIOS_SIZE)) {
        *rip += do_memory(u, code, (uint32_t)address);
    } else {
        give_up(code);
    }
}

/* --- start --- */

static void map(uint64_t at, uint64_t size, int rights) {
    if (mmap((void *)at, size, rights, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) !=
        (void *)at) {
        perror("the made-up machine's memory");
        exit(1);
    }
}

void bare_start(void) {
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER};
    int file = memfd_create("apic", 0);
    if (file < 0 || ftruncate(file, PAGE) || cs_open(CS_ARCH_X86, CS_MODE_64, &capstone)) {
        perror("the made-up machine");
        exit(1);
    }
    cs_option(capstone, CS_OPT_DETAIL, CS_OPT_ON);
    apic = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (mmap((void *)(uintptr_t)APIC, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED_NOREPLACE, file, 0) ==
        MAP_FAILED) {
        perror("the made-up machine's local APIC");
        exit(1);
    }
    map(BARE_BIOS, BIOS_SIZE, PROT_READ | PROT_WRITE);
    mprotect((void *)(uintptr_t)(BARE_BIOS + BIOS_SIZE / 2), BIOS_SIZE / 2, PROT_READ);
    map(BARE_MEMORY, BARE_MEMORY, PROT_READ | PROT_WRITE);
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGILL, &action, NULL);
}

void bare_reset(void) {
    memset(bare_ports, 0, sizeof(bare_ports));
    memset(bare_dr, 0, sizeof(bare_dr));
    memset(apic, 0, PAGE);
    memset((void *)(uintptr_t)BARE_MEMORY, 0, BARE_MEMORY);
    bare_count = bare_wbinvds = msr_count = 0;
}
