/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine.h"

#define MAX_INSTRUCTIONS 2000
#define MSR_IA32_PAT     0x277
#define DS_PREFIX        0x3E
#define VECTOR_DB        1
#define MSR_SYSENTER_CS  0x174
#define IMAGE_MAP        (IMAGE_MAX + 0x1000) /* with what is in front, in the first page */
#define CR0_PG           0x80000000u
#define CR4_OF_ENGINE    0x7FFu

static const int gpr_ids[8] = {UC_X86_REG_EAX, UC_X86_REG_ECX, UC_X86_REG_EDX, UC_X86_REG_EBX,
                               UC_X86_REG_ESP, UC_X86_REG_EBP, UC_X86_REG_ESI, UC_X86_REG_EDI};
static const int seg_ids[6] = {UC_X86_REG_ES, UC_X86_REG_CS, UC_X86_REG_SS,
                               UC_X86_REG_DS, UC_X86_REG_FS, UC_X86_REG_GS};
static const int dr_ids[8] = {UC_X86_REG_DR0, UC_X86_REG_DR1, UC_X86_REG_DR2, UC_X86_REG_DR3,
                              UC_X86_REG_DR4, UC_X86_REG_DR5, UC_X86_REG_DR6, UC_X86_REG_DR7};

static void must(uc_err err, const char *what) {
    if (err != UC_ERR_OK) {
        fprintf(stderr, "unicorn: %s: %s\n", what, uc_strerror(err));
        exit(2);
    }
}

static uint32_t read_reg(struct machine *m, int id) {
    uint64_t value = 0;
    must(uc_reg_read(m->uc, id, &value), "reading a register");
    return (uint32_t)value;
}

static void write_reg(struct machine *m, int id, uint32_t value) {
    uint64_t wide = value;
    must(uc_reg_write(m->uc, id, &wide), "writing a register");
}

static void read_mmr(struct machine *m, int id, uc_x86_mmr *mmr) {
    memset(mmr, 0, sizeof(*mmr));
    must(uc_reg_read(m->uc, id, mmr), "reading a table register");
}

static void write_mmr(struct machine *m, int id, struct table_register table) {
    uc_x86_mmr mmr = {.base = table.base, .limit = table.limit};
    must(uc_reg_write(m->uc, id, &mmr), "writing a table register");
}

uint32_t world_load(const struct world *w, uint32_t address) {
    const uint8_t *p = w->ram + (address - RAM_BASE);
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

uint32_t machine_port_value(const struct machine *m, unsigned nth, uint16_t port, uint8_t size) {
    uint32_t x = m->port_seed + nth * 0x9E3779B9u + port * 0x85EBCA6Bu;
    x ^= x >> 15;
    x *= 0x2C1B3C6Du;
    x ^= x >> 12;
    return size == 4 ? x : x & ((1u << 8 * size) - 1);
}

static struct port_access *note_port(struct machine *m, bool out, uint32_t port, int size,
                                     uint32_t value) {
    static struct port_access overflow;
    struct port_access *p = m->n_ports < MAX_ACCESSES ? &m->ports[m->n_ports] : &overflow;
    *p = (struct port_access){
        .out = out, .size = (uint8_t)size, .port = (uint16_t)port, .value = value};
    m->n_ports++;
    return p;
}

uint32_t machine_get(struct machine *m, int unicorn_register) {
    return read_reg(m, unicorn_register);
}

void machine_put(struct machine *m, int unicorn_register, uint32_t value) {
    write_reg(m, unicorn_register, value);
}

/* Whether the instruction at `address` of the image is the trap that a hypervisor published. */
static bool is_trap_site(struct machine *m, uint32_t address) {
    static const uint8_t opcode[VMI_TRAP_KINDS][2] = {
        {0x0F, 0x01}, {0x0F, 0x01}, {0xCD, 0}, {0xE6, 0}};
    uint8_t code[3] = {0};
    if (!m->serve || address - m->base >= m->image_size) {
        return false;
    }
    uc_mem_read(m->uc, address, code, sizeof(code));
    switch (m->publication->trap) {
    case VMI_TRAP_VMMCALL:
        return code[0] == 0x0F && code[1] == 0x01 && code[2] == 0xD9;
    case VMI_TRAP_VMCALL:
        return code[0] == 0x0F && code[1] == 0x01 && code[2] == 0xC1;
    default:
        return code[0] == opcode[m->publication->trap][0] && code[1] == m->publication->operand;
    }
}

uint32_t machine_in(struct machine *m, uint16_t port, uint8_t size) {
    uint32_t value = machine_port_value(m, m->n_ports, port, size);
    note_port(m, false, port, size, value);
    return value;
}

void machine_out(struct machine *m, uint16_t port, uint8_t size, uint32_t value) {
    note_port(m, true, port, size, size == 4 ? value : value & ((1u << 8 * size) - 1));
}

static uint32_t on_in(uc_engine *uc, uint32_t port, int size, void *user) {
    (void)uc;
    return machine_in(user, (uint16_t)port, (uint8_t)size);
}

static void on_out(uc_engine *uc, uint32_t port, int size, uint32_t value, void *user) {
    struct machine *m = user;
    if (is_trap_site(m, m->at)) {
        m->trapped = true;
        m->trap_at = m->at;
        uc_emu_stop(uc);
        return;
    }
    machine_out(m, (uint16_t)port, (uint8_t)size, value);
}

static bool in_image(const struct machine *m, uint32_t address) {
    return address - m->base < m->image_size ||
           (m->ring && address >= SHARED_CODE && address < SHARED_END);
}

static void write_signature(struct machine *m, const char *text) {
    static const int ids[3] = {UC_X86_REG_EBX, UC_X86_REG_ECX, UC_X86_REG_EDX};
    for (int i = 0; i < 3; i++, text += 4) {
        write_reg(m, ids[i],
                  (uint8_t)text[0] | (uint32_t)(uint8_t)text[1] << 8 |
                      (uint32_t)(uint8_t)text[2] << 16 | (uint32_t)(uint8_t)text[3] << 24);
    }
}

/* Serves leaf 1; a processor without CPUID also has no CR4. */
static int on_cpuid(uc_engine *uc, void *user) {
    struct machine *m = user;
    (void)uc;
    if (m->cpuid == CPUID_ENGINE) {
        return 0;
    }
    uint32_t leaf = read_reg(m, UC_X86_REG_EAX);
    bool leaf_1 = leaf == 1;
    write_reg(m, UC_X86_REG_EAX, 0x543);
    write_reg(m, UC_X86_REG_EBX, 0xB0B0B0B0);
    write_reg(m, UC_X86_REG_ECX, 0x40C0C0FF);
    write_reg(m, UC_X86_REG_EDX, leaf_1 && m->cpuid == CPUID_WITH_PSE ? 0xFFFFFFFF : 0xFFFFFFF7);
    if (m->cpuid == CPUID_EVERY_BIT) {
        write_reg(m, UC_X86_REG_EBX, 0xFFFFFFFF);
        write_reg(m, UC_X86_REG_ECX, 0xFFFFFFFF);
        write_reg(m, UC_X86_REG_EDX, 0xFFFFFFFF);
    }
    if (m->cpuid == CPUID_HYPERVISOR && leaf_1 && !m->hypervisor_hidden) {
        write_reg(m, UC_X86_REG_ECX, 0x80000000);
    }
    if (m->cpuid == CPUID_HYPERVISOR && leaf == 0x40000000) {
        write_signature(m, "SomeoneElses");
    }
    if (m->cpuid == CPUID_HYPERVISOR && leaf == m->hypervisor_leaf) {
        write_signature(m, m->hypervisor_signature);
    }
    return 1;
}

/* On a processor of before CPUID the ID flag is stuck, and CPUID and CR4 are not there. */
static void be_old(struct machine *m, uint32_t address) {
    uint8_t code[3] = {0}, before = 0;
    uc_mem_read(m->uc, address, code, sizeof(code));
    uc_mem_read(m->uc, address - 1, &before, 1);
    if (before == 0x9D) { /* POPFD */
        write_reg(m, UC_X86_REG_EFLAGS, read_reg(m, UC_X86_REG_EFLAGS) & ~EFLAGS_ID);
    }
    if (code[0] == 0x0F &&
        (code[1] == 0xA2 || ((code[1] & 0xFD) == 0x20 && (code[2] & 0x38) == 0x20))) {
        m->stop = STOP_EXCEPTION;
        m->exception = 6;
        uc_emu_stop(m->uc);
    }
}

/* Whether the instruction at `address` is MOV r32,CR0, MOV r32,CR4 or MOV CR4,r32, and which. */
enum control { NONE, GET_CR0, GET_CR4, SET_CR4 };
static enum control control_access(struct machine *m, uint32_t address, int *gpr) {
    uint8_t code[3] = {0};
    uc_mem_read(m->uc, address, code, sizeof(code));
    *gpr = gpr_ids[code[2] & 7];
    if (code[0] != 0x0F || (code[1] != 0x20 && code[1] != 0x22)) {
        return NONE;
    }
    switch (code[2] & 0xF8) {
    case 0xC0:
        return code[1] == 0x20 ? GET_CR0 : NONE;
    case 0xE0:
        return code[1] == 0x20 ? GET_CR4 : SET_CR4;
    default:
        return NONE;
    }
}

static bool pretend_paging(struct machine *m, uint32_t address) {
    int gpr;
    switch (control_access(m, address, &gpr)) {
    case GET_CR0:
        write_reg(m, gpr, read_reg(m, UC_X86_REG_CR0) | CR0_PG);
        break;
    case GET_CR4:
        write_reg(m, gpr, read_reg(m, UC_X86_REG_CR4) | m->cr4_more);
        break;
    case SET_CR4:
        m->cr4_more = read_reg(m, gpr) & ~CR4_OF_ENGINE;
        write_reg(m, UC_X86_REG_CR4, read_reg(m, gpr) & CR4_OF_ENGINE);
        break;
    default:
        return false;
    }
    write_reg(m, UC_X86_REG_EIP, address + 3);
    m->served = true;
    return true;
}

static void note_control(struct machine *m, uint32_t address) {
    int gpr;
    m->flags_seen |= read_reg(m, UC_X86_REG_EFLAGS);
    if (control_access(m, address, &gpr) == SET_CR4) {
        m->cr4_changed |= read_reg(m, gpr) ^ read_reg(m, UC_X86_REG_CR4);
    }
}

static void note_flags(struct machine *m, uint32_t address) {
    uint8_t code = 0;
    uc_mem_read(m->uc, address, &code, 1);
    if (code == 0xCF) { /* IRETD */
        m->flags_at_return = read_reg(m, UC_X86_REG_EFLAGS);
    }
}

static bool is_prefix(uint8_t byte) {
    static const uint8_t prefixes[] = {0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65,
                                       0x66, 0x67, 0xF0, 0xF2, 0xF3};
    return memchr(prefixes, byte, sizeof(prefixes)) != NULL;
}

static void watch(struct machine *m, uint32_t address) {
    uint8_t bytes[16] = {0}, *code = bytes;
    uc_mem_read(m->uc, address, bytes, sizeof(bytes) - 4);
    m->locked_now = false;
    while (is_prefix(*code) && code < bytes + sizeof(bytes) - 4) {
        m->locked_now |= *code++ == 0xF0;
    }
    unsigned reg = code[2] >> 3 & 7;
    if ((code[0] & 0xFE) == 0x86) { /* XCHG */
        m->locked_now = true;
    } else if ((code[0] & 0xFE) == 0xE6 && code[1] != 0x80) {
        m->seen |= SEEN_OUT;
        m->seen_out_at = address;
    } else if (code[0] != 0x0F) {
        return;
    } else if (code[1] == 0x08 || code[1] == 0x09) {
        m->seen |= code[1] == 0x08 ? SEEN_INVD : SEEN_WBINVD;
    } else if (code[1] == 0x01 && reg == 7 && code[2] < 0xC0) {
        m->seen |= SEEN_INVLPG;
    } else if (code[1] == 0x22 && (reg == 3 || reg == 4)) {
        m->seen |= reg == 3 ? SEEN_TO_CR3 : SEEN_TO_CR4;
    }
}

/* VMMCALL and VMCALL fault here, and INT goes through the IDT. */
static bool is_foreign_trap(struct machine *m, uint32_t address) {
    uint8_t code[3] = {0};
    uc_mem_read(m->uc, address, code, sizeof(code));
    return m->watch &&
           ((code[0] == 0x0F && code[1] == 0x01 && (code[2] == 0xC1 || code[2] == 0xD9)) ||
            code[0] == 0xCD);
}

static void on_code(uc_engine *uc, uint64_t address, uint32_t size, void *user) {
    struct machine *m = user;
    (void)size;
    if ((uint32_t)address == m->until ||
        m->trapped) { /* OUT stops the engine one instruction late */
        return;
    }
    m->at = (uint32_t)address;
    bool monitor = m->serve && address - MONITOR < MONITOR_SIZE;
    if (!in_image(m, (uint32_t)address) && m->base && !monitor) {
        m->stop = STOP_LOST;
        m->lost_at = (uint32_t)address;
        m->lost_by = LOST_RUNNING;
        uc_emu_stop(uc);
        return;
    }
    if (m->watch) {
        watch(m, (uint32_t)address);
    }
    if (m->notes_control) {
        note_control(m, (uint32_t)address);
    }
    if (m->pretend_paging && pretend_paging(m, (uint32_t)address)) {
        return;
    }
    if (m->cpuid == CPUID_ABSENT) {
        be_old(m, (uint32_t)address);
    }
    if (m->flags_at_return) {
        note_flags(m, (uint32_t)address);
    }
    if (!monitor && ++m->instructions > MAX_INSTRUCTIONS) {
        m->stop = STOP_TOO_LONG;
        uc_emu_stop(uc);
    }
}

static void on_exception(uc_engine *uc, uint32_t vector, void *user) {
    struct machine *m = user;
    if (vector == VECTOR_DB && m->single_step) {
        return;
    }
    if (is_trap_site(m, m->at)) {
        m->trapped = true;
        m->trap_at = m->at;
    } else if (is_foreign_trap(m, m->at)) {
        m->stop = STOP_TRAPPED;
    } else {
        m->stop = STOP_EXCEPTION;
        m->exception = vector;
    }
    uc_emu_stop(uc);
}

/* RDPMC is not in this engine: the test's value is served instead. */
static bool on_invalid(uc_engine *uc, void *user) {
    struct machine *m = user;
    uint8_t code[2] = {DS_PREFIX};
    uint32_t eip = read_reg(m, UC_X86_REG_EIP);
    if (is_trap_site(m, eip)) {
        m->trapped = true;
        m->trap_at = m->at;
        uc_emu_stop(uc);
        return true;
    }
    if (is_foreign_trap(m, eip)) {
        m->stop = STOP_TRAPPED;
        return false;
    }
    while (code[0] == DS_PREFIX) { /* call sites are padded with them */
        uc_mem_read(uc, eip++, code, sizeof(code));
    }
    if (code[0] != 0x0F || code[1] != 0x33) {
        m->stop = STOP_EXCEPTION;
        m->exception = 6;
        return false;
    }
    uint64_t value = m->rdpmc_value ^ read_reg(m, UC_X86_REG_ECX);
    write_reg(m, UC_X86_REG_EAX, (uint32_t)value);
    write_reg(m, UC_X86_REG_EDX, (uint32_t)(value >> 32));
    write_reg(m, UC_X86_REG_EIP, eip + 1);
    m->served = true;
    return true;
}

static bool on_bad_memory(uc_engine *uc, uc_mem_type type, uint64_t address, int size,
                          int64_t value, void *user) {
    struct machine *m = user;
    (void)uc, (void)size, (void)value;
    m->stop = STOP_LOST;
    m->lost_at = (uint32_t)address;
    m->lost_by = type == UC_MEM_WRITE_UNMAPPED || type == UC_MEM_WRITE_PROT ? LOST_WRITING
                 : type == UC_MEM_READ_UNMAPPED || type == UC_MEM_READ_PROT ? LOST_READING
                                                                            : LOST_RUNNING;
    return false;
}

static void note_store(struct machine *m, uint32_t address, uint32_t size, uint32_t value) {
    if (address < DATA_BASE || address >= DATA_BASE + DATA_SIZE) {
        return;
    }
    if (m->n_stores < MAX_ACCESSES) {
        m->stores[m->n_stores] = (struct store){.address = address, .size = size, .value = value};
        m->locked[m->n_stores] = m->locked_now;
    }
    m->n_stores++;
}

static void on_write(uc_engine *uc, uc_mem_type type, uint64_t address, int size, int64_t value,
                     void *user) {
    (void)uc, (void)type;
    note_store(user, (uint32_t)address, (uint32_t)size, (uint32_t)value);
}

/* Runs before the load: the second look at the entry sees another processor's change. */
static void note_load(struct machine *m, uint32_t address) {
    if (!m->running || !m->change_after_read) {
        return;
    }
    if (address - m->change_after_read >= 8 || m->reads_of_entry++ == 0) {
        return;
    }
    uc_mem_write(m->uc, m->change_after_read, m->change_to, sizeof(m->change_to));
    m->change_after_read = 0;
}

static void on_read(uc_engine *uc, uc_mem_type type, uint64_t address, int size, int64_t value,
                    void *user) {
    (void)uc, (void)type, (void)size, (void)value;
    note_load(user, (uint32_t)address);
}

bool machine_read(struct machine *m, uint32_t linear, void *to, uint32_t size) {
    note_load(m, linear);
    return uc_mem_read(m->uc, linear, to, size) == UC_ERR_OK;
}

bool machine_write(struct machine *m, uint32_t linear, const void *from, uint32_t size) {
    if (linear - RAM_BASE >= RAM_SIZE || size > RAM_SIZE - (linear - RAM_BASE)) {
        return false;
    }
    uint32_t value = 0;
    for (uint32_t i = 0; i < size && i < 4; i++) {
        value |= (uint32_t)((const uint8_t *)from)[i] << 8 * i;
    }
    note_store(m, linear, size, value);
    return uc_mem_write(m->uc, linear, from, size) == UC_ERR_OK;
}

uint64_t machine_descriptor(uint32_t base, uint32_t limit, uint8_t access, uint8_t flags) {
    return (limit & 0xFFFF) | (uint64_t)(base & 0xFFFFFF) << 16 | (uint64_t)access << 40 |
           (uint64_t)(limit >> 16 & 0xF) << 48 | (uint64_t)flags << 52 |
           (uint64_t)(base >> 24) << 56;
}

static void build_gdt(uint8_t *ram, uint32_t ring) {
    uint64_t gdt[16] = {0};
    uint8_t dpl = (uint8_t)(ring << 5);
    gdt[SEL_CODE / 8] = machine_descriptor(0, 0xFFFFF, 0x9B | dpl, 0xC);
    gdt[SEL_DATA / 8] = machine_descriptor(0, 0xFFFFF, 0x93 | dpl, 0xC);
    gdt[SEL_UCODE / 8] = machine_descriptor(0, 0xFFFFF, 0xFB, 0xC);
    gdt[SEL_UDATA / 8] = machine_descriptor(0, 0xFFFFF, 0xF3, 0xC);
    gdt[SEL_TSS / 8] = machine_descriptor(TSS_BASE, 0x67, 0x89, 0);
    gdt[SEL_LDT / 8] = machine_descriptor(DATA_BASE, 0xFF, 0x82, 0);
    gdt[SEL_NOWHERE / 8] = machine_descriptor(0x40000000, 0xFFFFF, 0xF3, 0xC);
    gdt[SEL_STACK16 / 8] = machine_descriptor(STACK16_BASE, 0xFFFFF, 0x93 | dpl, 0x8);
    for (size_t i = 0; i < sizeof(gdt); i++) {
        ram[GDT_BASE - RAM_BASE + i] = (uint8_t)(gdt[i / 8] >> 8 * (i % 8));
    }
}

static void hook(struct machine *m, int type, void *function, int insn) {
    uc_hook handle;
    if (type == UC_HOOK_INSN) {
        must(uc_hook_add(m->uc, &handle, type, function, m, 1, 0, insn), "adding a hook");
    } else {
        must(uc_hook_add(m->uc, &handle, type, function, m, 1, 0), "adding a hook");
    }
}

static void map_image(struct machine *m, uint32_t base) {
    uint32_t page = base & ~0xFFFu;
    must(uc_mem_map(m->uc, page, IMAGE_MAP, UC_PROT_READ | UC_PROT_EXEC), "mapping the image");
    must(uc_mem_write(m->uc, base, m->image, m->image_size), "loading the image");
}

void machine_open(struct machine *m, const uint8_t *image, uint32_t image_size, uint32_t low) {
    memset(m, 0, sizeof(*m));
    m->image = image;
    m->image_size = image_size;
    m->places[0] = low;
    m->places[1] = IMAGE_HIGH;
    if (image_size > IMAGE_MAX) {
        fprintf(stderr, "the image has %u bytes, more than the tests' %u\n", image_size, IMAGE_MAX);
        exit(2);
    }
    must(uc_open(UC_ARCH_X86, UC_MODE_32, &m->uc), "opening");
    m->ram = aligned_alloc(0x1000, RAM_SIZE);
    if (!m->ram) {
        perror("RAM");
        exit(2);
    }
    must(uc_mem_map_ptr(m->uc, RAM_BASE, RAM_SIZE, UC_PROT_READ | UC_PROT_WRITE, m->ram),
         "mapping RAM");
    must(uc_mem_map_ptr(m->uc, RAM_AGAIN, RAM_SIZE, UC_PROT_READ | UC_PROT_WRITE, m->ram),
         "mapping RAM again");
    must(uc_mem_map(m->uc, LANDING, LANDING_SIZE, UC_PROT_ALL), "mapping the landing page");
    must(uc_mem_map(m->uc, MONITOR, MONITOR_SIZE, UC_PROT_ALL), "mapping the monitor's page");
    map_image(m, low);
    map_image(m, IMAGE_HIGH);

    uint8_t gdt[GDT_LIMIT + 1 + (GDT_BASE - RAM_BASE)];
    build_gdt(gdt, 0);
    must(uc_mem_write(m->uc, GDT_BASE, gdt, sizeof(gdt)), "writing the GDT");
    write_mmr(m, UC_X86_REG_GDTR, (struct table_register){GDT_BASE, GDT_LIMIT});
    write_reg(m, UC_X86_REG_CS, SEL_CODE);
    write_reg(m, UC_X86_REG_SS, SEL_DATA);
    write_reg(m, UC_X86_REG_DS, SEL_DATA);
    write_reg(m, UC_X86_REG_ES, SEL_DATA);
    must(uc_context_alloc(m->uc, &m->initial), "allocating a context");
    must(uc_context_save(m->uc, m->initial), "saving the context");

    hook(m, UC_HOOK_INSN, (void *)on_in, UC_X86_INS_IN);
    hook(m, UC_HOOK_INSN, (void *)on_out, UC_X86_INS_OUT);
    hook(m, UC_HOOK_INSN, (void *)on_cpuid, UC_X86_INS_CPUID);
    hook(m, UC_HOOK_CODE, (void *)on_code, 0);
    hook(m, UC_HOOK_INTR, (void *)on_exception, 0);
    hook(m, UC_HOOK_INSN_INVALID, (void *)on_invalid, 0);
    hook(m, UC_HOOK_MEM_INVALID, (void *)on_bad_memory, 0);
    hook(m, UC_HOOK_MEM_WRITE, (void *)on_write, 0);
    hook(m, UC_HOOK_MEM_READ, (void *)on_read, 0);
}

/* By an IRETD: no register's name leads to another ring. */
static void go_to_ring_1(struct machine *m) {
    static const uint8_t iretd = 0xCF;
    uint8_t gdt[GDT_LIMIT + 1];
    uint32_t frame[5] = {LANDING + 16, SEL_CODE | 1, 2 | IOPL_1, STACK_TOP, SEL_DATA | 1};
    build_gdt(gdt, 0);
    must(uc_mem_write(m->uc, GDT_BASE, gdt, sizeof(gdt)), "writing the GDT");
    gdt[SEL_CODE + 5] |= 0x20;
    gdt[SEL_DATA + 5] |= 0x20;
    must(uc_mem_write(m->uc, GDT_BASE + SEL_CODE, gdt + SEL_CODE, 16), "writing descriptors");
    must(uc_mem_write(m->uc, LANDING, &iretd, 1), "writing code");
    must(uc_mem_write(m->uc, STACK_TOP - sizeof(frame), frame, sizeof(frame)), "writing a frame");
    write_reg(m, UC_X86_REG_ESP, STACK_TOP - sizeof(frame));
    m->base = 0;
    m->until = LANDING + 16;
    must(uc_emu_start(m->uc, LANDING, LANDING + 16, 0, 1), "going to ring 1");
    if ((read_reg(m, UC_X86_REG_CS) & 3) != 1) {
        fprintf(stderr, "unicorn: this is not ring 1\n");
        exit(2);
    }
}

void machine_lower(struct machine *m, const uint8_t *pages, uint32_t size) {
    must(uc_mem_map(m->uc, SHARED, 0x1000, UC_PROT_READ | UC_PROT_WRITE), "mapping shared data");
    must(uc_mem_map(m->uc, SHARED_CODE, SHARED_END - SHARED_CODE, UC_PROT_READ | UC_PROT_EXEC),
         "mapping shared code");
    must(uc_mem_write(m->uc, SHARED, pages, size), "writing the shared pages");
    must(uc_context_restore(m->uc, m->initial), "restoring the context");
    go_to_ring_1(m);
    m->ring = 1;
    must(uc_context_save(m->uc, m->initial), "saving the context");
}

void machine_close(struct machine *m) {
    uc_context_free(m->initial);
    uc_close(m->uc);
    free(m->ram);
}

void machine_reset(struct machine *m, struct world *w) {
    memset(w, 0, sizeof(*w));
    build_gdt(w->ram, m->ring);
    w->gpr[ESP] = STACK_TOP;
    w->eflags = 2 | m->ring * IOPL_1;
    w->seg[CS] = (uint16_t)(SEL_CODE | m->ring);
    w->seg[SS] = w->seg[DS] = w->seg[ES] = (uint16_t)(SEL_DATA | m->ring);
    w->cr0 = 0x11;
    w->dr[6] = 0xFFFF0FF0;
    w->dr[7] = 0x400;
    w->gdtr = (struct table_register){GDT_BASE, GDT_LIMIT};
    w->idtr = (struct table_register){0x1000, 0x7FF};
    m->rdpmc_value = 0;
    m->single_step = false;
    m->flags_at_return = 0;
    m->port_seed = 0;
    m->change_after_read = 0;
    m->cpuid = CPUID_ENGINE;
    m->hypervisor_hidden = false;
    m->hypervisor_signature = "vmiromvmirom";
    m->pretend_paging = false;
    m->notes_control = false;
    m->elsewhere = 0;
}

static void put_world(struct machine *m, const struct world *w) {
    must(uc_context_restore(m->uc, m->initial), "restoring the context");
    must(uc_mem_write(m->uc, RAM_BASE, w->ram, RAM_SIZE), "writing RAM");
    write_mmr(m, UC_X86_REG_GDTR, w->gdtr);
    write_mmr(m, UC_X86_REG_IDTR, w->idtr);
    static const int order[6] = {CS, SS, DS, ES, FS, GS};
    for (int i = 0; i < 6; i++) {
        write_reg(m, seg_ids[order[i]], w->seg[order[i]]);
    }
    write_reg(m, UC_X86_REG_CR0, w->cr0);
    write_reg(m, UC_X86_REG_CR2, w->cr2);
    write_reg(m, UC_X86_REG_CR3, w->cr3);
    write_reg(m, UC_X86_REG_CR4, w->cr4 & CR4_OF_ENGINE);
    m->cr4_more = w->cr4 & ~CR4_OF_ENGINE;
    for (int i = 0; i < 8; i++) {
        if (i != 4 && i != 5) {
            write_reg(m, dr_ids[i], w->dr[i]);
        }
    }
    uc_x86_mmr ldtr = {
        .selector = w->ldtr, .base = DATA_BASE, .limit = w->ldtr ? 0xFF : 0, .flags = 0x8200};
    uc_x86_mmr tr = {.selector = w->tr, .base = TSS_BASE, .limit = 0x67, .flags = 0x8B00};
    must(uc_reg_write(m->uc, UC_X86_REG_LDTR, &ldtr), "writing LDTR");
    must(uc_reg_write(m->uc, UC_X86_REG_TR, &tr), "writing TR");
    uc_x86_msr pat = {.rid = MSR_IA32_PAT, .value = w->msr_pat};
    uc_x86_msr sysenter = {.rid = MSR_SYSENTER_CS, .value = SEL_CODE};
    must(uc_reg_write(m->uc, UC_X86_REG_MSR, &pat), "writing an MSR");
    must(uc_reg_write(m->uc, UC_X86_REG_MSR, &sysenter), "writing an MSR");
    for (int i = 0; i < 8; i++) {
        write_reg(m, gpr_ids[i], w->gpr[i]);
    }
    write_reg(m, UC_X86_REG_EFLAGS, w->eflags);
    write_reg(m, UC_X86_REG_EIP, w->eip);
}

static void get_world(struct machine *m, struct world *w) {
    must(uc_mem_read(m->uc, RAM_BASE, w->ram, RAM_SIZE), "reading RAM");
    for (int i = 0; i < 8; i++) {
        w->gpr[i] = read_reg(m, gpr_ids[i]);
    }
    w->eip = read_reg(m, UC_X86_REG_EIP);
    w->eflags = read_reg(m, UC_X86_REG_EFLAGS);
    for (int i = 0; i < 6; i++) {
        w->seg[i] = (uint16_t)read_reg(m, seg_ids[i]);
    }
    w->cr0 = read_reg(m, UC_X86_REG_CR0);
    w->cr2 = read_reg(m, UC_X86_REG_CR2);
    w->cr3 = read_reg(m, UC_X86_REG_CR3);
    w->cr4 = read_reg(m, UC_X86_REG_CR4) | m->cr4_more;
    for (int i = 0; i < 8; i++) {
        if (i != 4 && i != 5) {
            w->dr[i] = read_reg(m, dr_ids[i]);
        }
    }
    uc_x86_mmr mmr;
    read_mmr(m, UC_X86_REG_GDTR, &mmr);
    w->gdtr = (struct table_register){(uint32_t)mmr.base, (uint16_t)mmr.limit};
    read_mmr(m, UC_X86_REG_IDTR, &mmr);
    w->idtr = (struct table_register){(uint32_t)mmr.base, (uint16_t)mmr.limit};
    read_mmr(m, UC_X86_REG_LDTR, &mmr);
    w->ldtr = mmr.selector;
    read_mmr(m, UC_X86_REG_TR, &mmr);
    w->tr = mmr.selector;
    uc_x86_msr pat = {.rid = MSR_IA32_PAT};
    must(uc_reg_read(m->uc, UC_X86_REG_MSR, &pat), "reading an MSR");
    w->msr_pat = pat.value;
}

static enum stop go(struct machine *m, struct world *w, uint32_t from) {
    uc_err err;
    bool again;
    m->stop = STOP_ARRIVED;
    do {
        m->served = m->trapped = false;
        m->running = true;
        err = uc_emu_start(m->uc, from, m->until, 0, 0);
        again = m->served; /* a served instruction ends the engine's run */
        if (m->trapped && m->stop == STOP_ARRIVED) {
            m->traps++;
            again = m->serve(m);
            err = UC_ERR_OK;
        }
        m->running = false;
        from = read_reg(m, UC_X86_REG_EIP);
    } while (again && err == UC_ERR_OK && m->stop == STOP_ARRIVED);
    get_world(m, w);
    if (m->stop != STOP_ARRIVED) {
        return m->stop;
    }
    if (err != UC_ERR_OK) {
        m->stop = STOP_LOST;
        m->lost_at = w->eip;
    } else if (w->eip != m->until) {
        m->stop = STOP_HALTED;
    }
    return m->stop;
}

enum stop machine_run(struct machine *m, struct world *w, uint32_t base, uint32_t until) {
    m->base = base;
    m->until = until;
    m->instructions = 0;
    m->n_ports = 0;
    m->n_stores = 0;
    m->seen = 0;
    m->locked_now = false;
    m->reads_of_entry = 0;
    m->traps = 0;
    m->flags_seen = m->cr4_changed = 0;
    put_world(m, w);
    if (!m->elsewhere) {
        return go(m, w, w->eip);
    }
    map_image(m, m->elsewhere);
    enum stop stop = go(m, w, w->eip);
    must(uc_mem_unmap(m->uc, m->elsewhere & ~0xFFFu, IMAGE_MAP), "unmapping the image");
    return stop;
}

enum stop machine_resume(struct machine *m, struct world *w) {
    return go(m, w, w->eip);
}

void machine_probe(struct machine *m, const void *code, size_t size, uint32_t eax, uint32_t ecx,
                   uint32_t result[4]) {
    /* A place that no run returns to: the engine remembers where it was told to stop. */
    uint32_t at = LANDING + 0x400 + 16 * (*((const uint8_t *)code + 1) & 0xF);
    struct world w;
    machine_reset(m, &w);
    must(uc_mem_write(m->uc, at, code, size), "writing a probe");
    w.gpr[EAX] = eax;
    w.gpr[ECX] = ecx;
    w.eip = at;
    machine_run(m, &w, 0, at + (uint32_t)size);
    result[0] = w.gpr[EAX];
    result[1] = w.gpr[EBX];
    result[2] = w.gpr[ECX];
    result[3] = w.gpr[EDX];
}
