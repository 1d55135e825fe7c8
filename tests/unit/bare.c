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

#define APIC         0xFEE00000u
#define PAGE         4096u
#define BIOS_SIZE    0x20000u
#define IO_APIC      0xFEC00000u
#define IO_APIC_DATA 0x10u
#define MSRS         256u
#define LEAVES       1024u
#define PATCHES      4096u

uint8_t bare_ports[0x10000];
void (*bare_before_in)(uint16_t port);
uint64_t bare_dr[8];
unsigned bare_wbinvds, bare_count;
struct bare_event bare_events[4096];

bool (*bare_port_hook)(uint16_t port, unsigned size, bool write, uint32_t *value);
void (*bare_tsc_hook)(void);
void (*bare_store_hook)(uint32_t reg);
uint64_t bare_tsc, bare_tsc_step = 1, bare_cr[9];
uint8_t bare_low[PAGE];
uint32_t bare_io_apic[256];
struct bare_svm bare_svm[256];
struct bare_idtr bare_idtr;

static uint32_t (*apic_hook)(uint32_t reg);
static uint32_t io_apic_select;

static struct { uint32_t leaf, subleaf, registers[4]; } leaves[LEAVES];
static unsigned leaf_count;

/* Instructions that have become UD2. */
static struct {
    uint64_t at;
    bool is_cpuid;
} patches[PATCHES];
static unsigned patch_count;

static struct {
    uint32_t msr;
    uint64_t value;
} msrs[MSRS];
static unsigned msr_count;
static uint32_t kept_msr, refused_msr;
static uint64_t kept_bits;
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

void bare_keep_bits(uint32_t msr, uint64_t bits) {
    kept_msr = msr;
    kept_bits = bits;
}

void bare_refuse(uint32_t msr) {
    refused_msr = msr;
}

bool bare_refuses(uint32_t msr) {
    return refused_msr && msr == refused_msr;
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

static void access_port(uint16_t port, uint32_t size, bool write, void *at) {
    uint32_t value = 0;
    memcpy(&value, at, write ? size : 0);
    if (write) {
        note(BARE_OUT, port, size, value);
    }
    if (!write && bare_before_in) {
        bare_before_in(port);
    }
    if (bare_port_hook && bare_port_hook(port, size, write, &value)) {
        memcpy(at, &value, write ? 0 : size);
    } else if (write) {
        memcpy(bare_ports + port, at, size);
    } else {
        memcpy(at, bare_ports + port, size);
    }
}

static unsigned do_port(ucontext_t *u, const uint8_t *code, unsigned prefix) {
    greg_t *rax = reg_of(u, 0);
    uint8_t op = code[prefix];
    bool is_imm = op < 0xE8;
    uint32_t size = op & 1 ? prefix ? 2 : 4 : 1;
    uint16_t port = is_imm ? code[prefix + 1] : (uint16_t)*reg_of(u, 2);
    access_port(port, size, op & 2, rax);
    return prefix + 1 + is_imm;
}

/* REP INS, REP OUTS: upwards. */
static unsigned do_string(ucontext_t *u, const uint8_t *code) {
    unsigned prefixes = code[0] == 0x66 || code[1] == 0x66 ? 2 : 1;
    uint8_t op = code[prefixes];
    uint32_t size = !(op & 1) ? 1 : prefixes == 2 ? 2 : 4;
    greg_t *at = reg_of(u, op & 2 ? 6 : 7), *count = reg_of(u, 1);
    for (; *count; --*count) {
        access_port((uint16_t)*reg_of(u, 2), size, op & 2, (void *)*at);
        *at += size;
    }
    return prefixes + 1;
}

static void do_cpuid(ucontext_t *u) {
    static const uint32_t none[4];
    static const unsigned order[] = {0, 3, 1, 2}; /* EAX, EBX, ECX, EDX */
    const uint32_t *registers = none;
    for (unsigned i = 0; i < leaf_count; i++) {
        if (leaves[i].leaf == (uint32_t)*reg_of(u, 0) &&
            leaves[i].subleaf == (uint32_t)*reg_of(u, 1)) {
            registers = leaves[i].registers;
        }
    }
    for (unsigned i = 0; i < 4; i++) {
        *reg_of(u, order[i]) = registers[i];
    }
}

static void do_patched(ucontext_t *u, uint64_t at) {
    unsigned i = 0;
    while (i < patch_count && patches[i].at != at) {
        i++;
    }
    if (i == patch_count) {
        give_up((const uint8_t *)at);
    } else if (patches[i].is_cpuid) {
        do_cpuid(u);
        return;
    }
    if (bare_tsc_hook) {
        bare_tsc_hook();
    }
    bare_tsc += bare_tsc_step;
    *reg_of(u, 0) = (uint32_t)bare_tsc;
    *reg_of(u, 2) = (greg_t)(bare_tsc >> 32);
}

/* What the registers are named, Capstone says. */
static greg_t *named(ucontext_t *u, const char *name) {
    static const char *const names[] = {"ax", "cx", "dx", "bx", "sp", "bp", "si", "di"};
    for (unsigned i = 0; i < 8; i++) {
        if (strstr(name, names[i])) {
            return reg_of(u, i);
        }
    }
    return reg_of(u, name[0] == 'r' ? (unsigned)atoi(name + 1)
                                    : (unsigned)(strchr("acdb", name[0]) - "acdb"));
}

/* What stands there stays, but for the bytes that tests put there, which are not executed. */
static const cs_insn *decode(const uint8_t *code) {
    static struct {
        const uint8_t *code;
        cs_insn *insn;
    } kept[1024];
    unsigned n = (unsigned)((uintptr_t)code % 1024);
    if (kept[n].code == code) {
        return kept[n].insn;
    }
    if (kept[n].insn) {
        cs_free(kept[n].insn, 1);
    }
    if (!cs_disasm(capstone, code, 15, 0, 1, &kept[n].insn)) {
        give_up(code);
    }
    kept[n].code = code;
    return kept[n].insn;
}

/* LIDT, of an address that is a register and a distance. */
static unsigned load_idtr(ucontext_t *u, const uint8_t *code) {
    const cs_insn *insn = decode(code);
    const x86_op_mem *mem = &insn->detail->x86.operands[0].mem;
    const char *name = mem->base == X86_REG_INVALID ? "" : cs_reg_name(capstone, mem->base);
    uint64_t at = (uint64_t)mem->disp;
    if (insn->id == X86_INS_LIDT && mem->index == X86_REG_INVALID) {
        at += !strcmp(name, "rip") ? (uint64_t)code + insn->size
              : *name              ? (uint64_t)*named(u, name)
                                   : 0;
        memcpy(&bare_idtr.limit, (void *)at, 2);
        memcpy(&bare_idtr.base, (void *)(at + 2), 8);
        bare_idtr.loads++;
    }
    return insn->size;
}

static unsigned do_system(ucontext_t *u, const uint8_t *code) {
    uint64_t value;
    unsigned rex = (code[0] & 0xF0) == 0x40, at = rex + 2, number;
    const uint8_t *op = code + rex;
    switch (op[1]) {
    case 0x01: /* VMLOAD and its kin; LIDT */
        if (op[2] >> 6 != 3) {
            return load_idtr(u, code);
        }
        bare_svm[op[2]].times++;
        bare_svm[op[2]].rax = (uint64_t)*reg_of(u, 0);
        bare_svm[op[2]].ecx = (uint32_t)*reg_of(u, 1);
        return at + 1;
    case 0x0B:
        do_patched(u, (uint64_t)code);
        return at;
    case 0x20:
        *reg_of(u, (op[2] & 7) + (rex && code[0] & 1 ? 8 : 0)) = (greg_t)bare_cr[op[2] >> 3 & 7];
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
            note(BARE_DR, op[2] >> 3 & 7, 8, bare_dr[op[2] >> 3 & 7]);
        }
        return at + 1;
    case 0x30:
        value = (uint64_t)(uint32_t)*reg_of(u, 2) << 32 | (uint32_t)*reg_of(u, 0);
        note(BARE_WRMSR, (uint32_t)*reg_of(u, 1), 8, value);
        if ((uint32_t)*reg_of(u, 1) == kept_msr) {
            value &= kept_bits;
        }
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

/* A store, of a constant or a register. */
static uint64_t operand(ucontext_t *u, const cs_x86_op *op) {
    return op->type == X86_OP_IMM ? (uint64_t)op->imm
                                  : (uint64_t)*named(u, cs_reg_name(capstone, op->reg));
}

static uint32_t load(uint32_t address, uint32_t size) {
    uint32_t value = 0;
    if (address < PAGE) {
        memcpy(&value, bare_low + address, size);
    } else if (address / PAGE == IO_APIC / PAGE) {
        value = address % PAGE == 0              ? io_apic_select
                : address % PAGE == IO_APIC_DATA ? bare_io_apic[io_apic_select & 0xFF]
                                                 : 0;
    } else {
        value = apic_hook ? apic_hook(address - APIC) : 0;
    }
    return value;
}

static void store(uint32_t address, uint32_t size, uint32_t value) {
    if (address < PAGE) {
        memcpy(bare_low + address, &value, size);
    } else if (address / PAGE == APIC / PAGE) {
        note(BARE_STORE, address - APIC, size, value);
        memcpy(apic + address % PAGE, &value, sizeof(value));
        if (bare_store_hook) {
            bare_store_hook(address - APIC);
        }
    } else if (address == IO_APIC) {
        io_apic_select = value;
    }
}

/* MOV, MOVZX, and OR of what is read. */
static unsigned do_memory(ucontext_t *u, const uint8_t *code, uint32_t address) {
    const cs_insn *insn = decode(code);
    const cs_x86_op *ops = insn->detail->x86.operands;
    if (ops[0].type == X86_OP_MEM) {
        store(address, ops[0].size, (uint32_t)operand(u, &ops[1]));
    } else if (ops[1].type == X86_OP_MEM) {
        uint32_t value = load(address, ops[1].size);
        greg_t *to = named(u, cs_reg_name(capstone, ops[0].reg));
        if (insn->id != X86_INS_MOV && insn->id != X86_INS_MOVABS && insn->id != X86_INS_MOVZX &&
            insn->id != X86_INS_OR) {
            give_up(code);
        }
        value |= insn->id == X86_INS_OR ? (uint32_t)*to : 0;
        if (ops[0].size >= 4) {
            *to = value;
        } else {
            memcpy(to, &value, ops[0].size);
        }
    } else {
        give_up(code);
    }
    return insn->size;
}

static void on_fault(int number, siginfo_t *info, void *context) {
    ucontext_t *u = context;
    greg_t *rip = &u->uc_mcontext.gregs[REG_RIP];
    const uint8_t *code = (const uint8_t *)*rip;
    unsigned prefix = code[0] == 0x66, rex = (code[0] & 0xF0) == 0x40;
    uint64_t address = (uint64_t)info->si_addr;
    (void)number;
    if ((code[0] == 0xF3 && (code[1] & 0xFC) == 0x6C) ||
        ((code[0] == 0xF3 || code[1] == 0xF3) && (code[0] ^ code[1]) == (0xF3 ^ 0x66) &&
         (code[2] & 0xFC) == 0x6C)) {
        *rip += do_string(u, code);
    } else if ((code[prefix] & 0xF4) == 0xE4 && (code[prefix] < 0xE8 || code[prefix] > 0xEB)) {
        *rip += do_port(u, code, prefix);
    } else if (code[rex] == 0x0F && (code[rex + 1] & 0xFE) != 0xB6) { /* MOVZX */
        *rip += do_system(u, code);
    } else if (code[0] == 0xF4 || code[0] == 0xFA || code[0] == 0xFB) {
        ++*rip;
    } else if (address < PAGE || address / PAGE == APIC / PAGE ||
               address / PAGE == IO_APIC / PAGE ||
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

void bare_hook_apic(uint32_t (*hook)(uint32_t reg)) {
    apic_hook = hook;
    mprotect((void *)(uintptr_t)APIC, PAGE, hook ? PROT_NONE : PROT_READ);
}

void bare_set_cpuid(uint32_t leaf, uint32_t subleaf, const uint32_t registers[4]) {
    leaves[leaf_count].leaf = leaf;
    leaves[leaf_count].subleaf = subleaf;
    memcpy(leaves[leaf_count++].registers, registers, sizeof(leaves[0].registers));
}

extern const uint8_t etext;
extern const uint8_t __executable_start; /* NOLINT(bugprone-reserved-identifier): the linker's */

/* The program's own text: data does not stand in it. */
void bare_take_cpuid_and_tsc(void) {
    const uint8_t *code = &__executable_start;
    size_t left = (size_t)(&etext - code);
    uint64_t address = (uint64_t)code;
    cs_insn *insn;
    uint64_t first = address & -(uint64_t)PAGE;
    cs_option(capstone, CS_OPT_SKIPDATA, CS_OPT_ON);
    insn = cs_malloc(capstone);
    mprotect((void *)first, (uint64_t)&etext - first, PROT_READ | PROT_WRITE | PROT_EXEC);
    while (cs_disasm_iter(capstone, &code, &left, &address, insn)) {
        uint8_t *at = (uint8_t *)insn->address;
        if (insn->id != X86_INS_CPUID && insn->id != X86_INS_RDTSC) {
            continue;
        }
        if (patch_count == PATCHES) {
            give_up(at);
        }
        patches[patch_count].at = insn->address;
        patches[patch_count++].is_cpuid = insn->id == X86_INS_CPUID;
        at[0] = 0x0F;
        at[1] = 0x0B;
    }
    cs_free(insn, 1);
    cs_option(capstone, CS_OPT_SKIPDATA, CS_OPT_OFF);
}

void bare_reset(void) {
    memset(bare_ports, 0, sizeof(bare_ports));
    memset(bare_dr, 0, sizeof(bare_dr));
    memset(apic, 0, PAGE);
    memset((void *)(uintptr_t)BARE_MEMORY, 0, BARE_MEMORY);
    memset(bare_low, 0, sizeof(bare_low));
    memset(bare_io_apic, 0, sizeof(bare_io_apic));
    memset(bare_svm, 0, sizeof(bare_svm));
    memset(bare_cr, 0, sizeof(bare_cr));
    memset(&bare_idtr, 0, sizeof(bare_idtr));
    bare_hook_apic(NULL);
    kept_msr = refused_msr = 0;
    bare_port_hook = NULL;
    bare_tsc_hook = NULL;
    bare_store_hook = NULL;
    bare_tsc_step = 1;
    bare_count = bare_wbinvds = msr_count = leaf_count = 0;
}
