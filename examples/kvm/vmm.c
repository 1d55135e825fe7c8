/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * vmm [OPTION...] DISK: a small hypervisor on Linux' KVM, with SeaBIOS and a disk, that serves VMI
 * calls with the kit.
 *
 *   --bios FILE    SeaBIOS (/usr/share/seabios/bios.bin)
 *   --api 13|3     which hypercall ROM (13)
 *   --slots POLICY hosted, tuned, all or default (hosted)
 *   --trap N,...   the slots of these numbers trap as well
 *   --no-rom       no VMI ROM at all
 *   --ask          CPUID tells nothing: the ROM's Init asks by its trap
 *   --unserved     the ROM is there and nobody serves it, as on another host
 *   --lose         do not end exits as KVM needs it, to show what then is lost
 *   --tss-available   for an AMD processor that QEMU emulates: it takes no busy TSS
 *
 * The guest's COM1 is standard output. Ends with the status that the guest writes to port F4h, as
 * under QEMU's isa-debug-exit, or with 0 when it calls Shutdown; 1: something failed, 2: usage.
 * What was served is told at the end, on standard error.
 */
#include "vmm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "calls.h"
#include "devices.h"

#define PAGE       4096u
#define ROM_AT     0xC0000u /* where SeaBIOS puts the first ROM where no graphics card has one */
#define LOW_BIOS   0x20000u /* of SeaBIOS, below 1 MiB */
#define CPUID_LEAF (VMI_HYPERVISOR_LEAF_FIRST + VMI_HYPERVISOR_LEAF_STEP) /* behind KVM's own */
#define VECTOR_UD  6
#define VECTOR_TS  10
#define VECTOR_PF  14
#define CR3_PWT    8u
#define TSS_BUSY   2u

static struct {
    const char *bios, *disk, *trap;
    enum vmi_policy policy;
    uint32_t api;
    bool no_rom, lose, tss_available, ask, unserved;
} options = {
    .bios = "/usr/share/seabios/bios.bin", .policy = VMI_POLICY_HOSTED, .api = VMI_API_MAJOR_13};

static struct vmi_handlers handlers; /* none of our own: the kit's */
static uint8_t *bios, rom[0x10000];
static uint32_t bios_size;

void die(const char *what) {
    fprintf(stderr, "vmm: %s: %s\n", what, strerror(errno));
    exit(1);
}

int control(int file, unsigned long request, void *argument, const char *name) {
    int result = ioctl(file, request, argument);
    if (result < 0) {
        die(name);
    }
    return result;
}

/* --- memory --- */

static void map(struct vmm *vmm, uint32_t slot, uint64_t at, uint64_t size, void *host) {
    struct kvm_userspace_memory_region region = {.slot = slot,
                                                 .guest_phys_addr = at,
                                                 .memory_size = size,
                                                 .userspace_addr = (uintptr_t)host};
    CONTROL(vmm->vm, KVM_SET_USER_MEMORY_REGION, &region);
}

static void *allocate(uint64_t size) {
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) {
        die("memory");
    }
    return at;
}

static void load_bios(void) {
    FILE *f = fopen(options.bios, "rb");
    long size;
    if (!f || fseek(f, 0, SEEK_END) != 0 || (size = ftell(f)) < (long)LOW_BIOS ||
        size % PAGE != 0) {
        die(options.bios);
    }
    bios_size = (uint32_t)size;
    bios = allocate(bios_size);
    rewind(f);
    if (fread(bios, 1, bios_size, f) != bios_size) {
        die(options.bios);
    }
    fclose(f);
}

/* --- the ROM: published into a buffer, which SeaBIOS gets as a file and copies --- */

static bool write_buffer(void *context, uint32_t address, const void *from, uint32_t size) {
    (void)context;
    memcpy(rom + (address - ROM_AT), from, size);
    return true;
}

static void check(int error) {
    if (error) {
        fprintf(stderr, "vmm: the ROM: %s\n", vmi_hv_error_text(error));
        exit(1);
    }
}

static void publish(struct vmm *vmm) {
    static uint8_t scratch[sizeof(rom)];
    const struct vmi_embedded_rom *hypercall = vmi_embedded_rom(options.api, VMI_EMBED_HYPERCALL);
    const struct vmi_embedded_rom *native = vmi_embedded_rom(options.api, VMI_EMBED_NATIVE);
    struct vmi_image image, twin;
    uint8_t kinds[VMI_CALL_SLOTS];
    struct vmi_plan plan = {.trap = VMI_TRAP_OUT,
                            .operand = VMI_TRAP_PORT,
                            .policy = VMI_POLICY_LIST,
                            .kinds = kinds,
                            .asks = options.ask};
    char *text = (char *)options.trap, *end;
    check(vmi_hv_open(&image, hypercall->bytes, hypercall->size));
    check(vmi_hv_open_twin(&twin, &image, native->bytes, native->size));
    check(vmi_hv_kinds(&image, options.policy, kinds));
    while (text && *text) {
        check(vmi_hv_choose(&image, kinds, (uint32_t)strtoul(text, &end, 10), VMI_SLOT_TRAP));
        text = *end == ',' ? end + 1 : end;
        if (end == text && *end) {
            fprintf(stderr, "vmm: --trap: numbers with commas between\n");
            exit(2);
        }
    }
    check(vmi_hv_publish(&vmm->publication, &image, &twin, &plan, ROM_AT, write_buffer, NULL,
                         scratch, sizeof(scratch)));
    vmm->published = !options.unserved;
    rom_offer(rom, vmm->publication.size);
}

/* --- the processor --- */

static void set_cpuid(struct vmm *vmm) {
    enum { ENTRIES = 256 };
    struct kvm_cpuid2 *all = calloc(1, sizeof(*all) + ENTRIES * sizeof(all->entries[0]));
    if (!all) {
        die("memory");
    }
    all->nent = ENTRIES - 1;
    CONTROL(vmm->kvm, KVM_GET_SUPPORTED_CPUID, all);
    for (uint32_t i = 0; i < all->nent; i++) {
        if (all->entries[i].function == 1) {
            all->entries[i].ecx |= 1u << 31;
        }
    }
    if (vmm->published && !options.ask) {
        all->entries[all->nent++] = (struct kvm_cpuid_entry2){.function = CPUID_LEAF,
                                                              .eax = CPUID_LEAF,
                                                              .ebx = VMI_HYPERVISOR_EBX,
                                                              .ecx = VMI_HYPERVISOR_ECX,
                                                              .edx = VMI_HYPERVISOR_EDX};
    }
    CONTROL(vmm->cpu, KVM_SET_CPUID2, all);
    vmm->cpuid = all;
}

static void create(struct vmm *vmm) {
    struct kvm_pit_config pit = {.flags = KVM_PIT_SPEAKER_DUMMY}; /* port 61h too */
    int size;
    vmm->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (vmm->kvm < 0) {
        die("/dev/kvm");
    }
    vmm->vm = CONTROL(vmm->kvm, KVM_CREATE_VM, 0);
    ioctl(vmm->vm, KVM_SET_TSS_ADDR, 0xFFFB0000ul); /* for processors that need it */
    CONTROL(vmm->vm, KVM_CREATE_IRQCHIP, 0);
    CONTROL(vmm->vm, KVM_CREATE_PIT2, &pit);
    vmm->memory = allocate(MEMORY_SIZE);
    map(vmm, 0, 0, MEMORY_SIZE, vmm->memory);
    map(vmm, 1, (1ull << 32) - bios_size, bios_size, bios);
    vmm->cpu = CONTROL(vmm->vm, KVM_CREATE_VCPU, 0);
    size = CONTROL(vmm->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
    vmm->run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, vmm->cpu, 0);
    if (vmm->run == MAP_FAILED) {
        die("the processor's page");
    }
    set_cpuid(vmm);
}

/* The state at power-up, for resets; memory stays but for the BIOS. */
static struct kvm_regs reset_regs;
static struct kvm_sregs reset_sregs;

static void reset(struct vmm *vmm) {
    struct kvm_vcpu_events events = {0};
    struct kvm_mp_state state = {KVM_MP_STATE_RUNNABLE};
    memcpy(vmm->memory + (1u << 20) - LOW_BIOS, bios + bios_size - LOW_BIOS, LOW_BIOS);
    memset(vmm->memory + ROM_AT, 0, (1u << 20) - LOW_BIOS - ROM_AT);
    CONTROL(vmm->cpu, KVM_SET_SREGS, &reset_sregs);
    CONTROL(vmm->cpu, KVM_SET_REGS, &reset_regs);
    CONTROL(vmm->cpu, KVM_SET_VCPU_EVENTS, &events);
    CONTROL(vmm->cpu, KVM_SET_MP_STATE, &state);
    vmm->end = VMM_RUNS;
}

static void inject(struct vmm *vmm, const struct fault *fault) {
    struct kvm_vcpu_events events;
    CONTROL(vmm->cpu, KVM_GET_VCPU_EVENTS, &events);
    events.exception.injected = 1;
    events.exception.nr = fault->vector;
    events.exception.has_error_code = fault->vector >= VECTOR_TS && fault->vector <= VECTOR_PF;
    events.exception.error_code = fault->error;
    CONTROL(vmm->cpu, KVM_SET_VCPU_EVENTS, &events);
}

/* --- a trap --- */

static void load_frame(struct vmi_frame *f, const struct kvm_regs *r, const struct kvm_sregs *s) {
    memset(f, 0, sizeof(*f));
    f->eax = (uint32_t)r->rax, f->ecx = (uint32_t)r->rcx, f->edx = (uint32_t)r->rdx,
    f->ebx = (uint32_t)r->rbx;
    f->esp = (uint32_t)r->rsp, f->ebp = (uint32_t)r->rbp, f->esi = (uint32_t)r->rsi,
    f->edi = (uint32_t)r->rdi;
    f->eip = (uint32_t)r->rip, f->eflags = (uint32_t)r->rflags;
    f->es = s->es.selector, f->cs = s->cs.selector, f->ss = s->ss.selector;
    f->ds = s->ds.selector, f->fs = s->fs.selector, f->gs = s->gs.selector;
    f->ss_base = (uint32_t)s->ss.base, f->ss_16bit = !s->ss.db;
}

static void store_frame(struct kvm_regs *r, const struct vmi_frame *f) {
    r->rax = f->eax, r->rcx = f->ecx, r->rdx = f->edx, r->rbx = f->ebx;
    r->rsp = f->esp, r->rbp = f->ebp, r->rsi = f->esi, r->rdi = f->edi;
    r->rip = f->eip, r->rflags = f->eflags;
}

/* KVM has stopped at the OUT, and skips it at the next run if EIP is still there: it has to do that
 * now, before the registers are set. */
static void end_exit(struct vmm *vmm) {
    vmm->run->immediate_exit = 1;
    if (ioctl(vmm->cpu, KVM_RUN, 0) >= 0 || errno != EINTR) {
        die("the end of an exit");
    }
    vmm->run->immediate_exit = 0;
    vmm->ended_exits++;
}

/* A CR3 that is the same drops nothing. */
static void flush_tlb(struct vmm *vmm) {
    struct kvm_sregs other = vmm->sregs;
    other.cr3 ^= CR3_PWT;
    CONTROL(vmm->cpu, KVM_SET_SREGS, &other);
    vmm->sregs_changed = true;
}

static void store_sregs(struct vmm *vmm) {
    if (options.tss_available) {
        vmm->sregs.tr.type &= ~TSS_BUSY & 0xFu;
    }
    if (vmm->flush) {
        flush_tlb(vmm);
    }
    if (vmm->sregs_changed) {
        CONTROL(vmm->cpu, KVM_SET_SREGS, &vmm->sregs);
    }
}

static bool serve(struct vmm *vmm) {
    static const struct fault undefined = {.vector = VECTOR_UD};
    struct vmi_trap trap = {.page = VMI_PAGE_UNKNOWN, .read_code = true};
    struct vmi_frame frame;
    struct kvm_regs regs;
    int outcome;
    CONTROL(vmm->cpu, KVM_GET_REGS, &regs);
    CONTROL(vmm->cpu, KVM_GET_SREGS, &vmm->sregs);
    vmm->sregs_changed = vmm->flush = vmm->fault.raised = false;
    load_frame(&frame, &regs, &vmm->sregs);
    trap.cpl = vmm->sregs.ss.dpl; /* not CS' RPL: V86 mode */
    outcome = vmi_hv_serve(&vmm->publication, &handlers, &call_guest, vmm, &trap, &frame);
    if (outcome < 0 && outcome != VMI_ERROR_FAULT && outcome != VMI_ERROR_HANDLER) {
        return false; /* another OUT to this port: no call */
    }
    if (vmi_hv_must_end_exit(outcome) && !options.lose) {
        end_exit(vmm);
    }
    if (outcome != VMI_ERROR_FAULT && outcome != VMI_TRANSFERS) {
        vmm->fault.raised = false;
    }
    if (vmm->fault.raised && vmm->fault.vector == VECTOR_PF) {
        vmm->sregs.cr2 = vmm->fault.address, vmm->sregs_changed = true;
    }
    vmm->faults += vmm->fault.raised;
    if (outcome >= 0) {
        vmm->calls[frame.slot]++;
        vmm->repeats += outcome == VMI_REPEATS;
    }
    store_frame(&regs, &frame);
    CONTROL(vmm->cpu, KVM_SET_REGS, &regs);
    store_sregs(vmm);
    if (vmm->fault.raised) {
        inject(vmm, &vmm->fault);
    } else if (outcome == VMI_ERROR_HANDLER) {
        fprintf(stderr, "vmm: no handler for the call of slot %u\n",
                (frame.eip % PAGE) / VMI_CALL_SIZE);
        inject(vmm, &undefined);
    }
    return true;
}

/* --- exits --- */

static void handle_io(struct vmm *vmm) {
    struct kvm_run *run = vmm->run;
    uint8_t *data = (uint8_t *)run + run->io.data_offset;
    if (vmm->published && run->io.direction == KVM_EXIT_IO_OUT && run->io.port == VMI_TRAP_PORT &&
        serve(vmm)) {
        return;
    }
    for (uint32_t i = 0; i < run->io.count; i++, data += run->io.size) {
        uint32_t value = 0;
        if (run->io.direction == KVM_EXIT_IO_OUT) {
            memcpy(&value, data, run->io.size);
            port_out(vmm, run->io.port, run->io.size, value);
        } else {
            value = port_in(run->io.port, run->io.size);
            memcpy(data, &value, run->io.size);
        }
    }
}

static void report(const struct vmm *vmm) {
    unsigned long sum = 0;
    for (uint32_t n = 0; n < VMI_CALL_SLOTS; n++) {
        if (vmm->calls[n]) {
            fprintf(stderr, "vmm: slot %u: %lu\n", n, vmm->calls[n]);
        }
        sum += vmm->calls[n];
    }
    fprintf(stderr, "vmm: %lu calls served, %lu repeated, %lu faults, %lu exits ended\n", sum,
            vmm->repeats, vmm->faults, vmm->ended_exits);
}

static void execute(struct vmm *vmm) {
    while (vmm->end != VMM_OFF) {
        if (ioctl(vmm->cpu, KVM_RUN, 0) < 0 && errno != EINTR && errno != EAGAIN) {
            die("KVM_RUN");
        }
        switch (vmm->run->exit_reason) {
        case KVM_EXIT_IO:
            handle_io(vmm);
            break;
        case KVM_EXIT_MMIO:
            memset(vmm->run->mmio.data, 0xFF, sizeof(vmm->run->mmio.data));
            break;
        case KVM_EXIT_INTR:
            break;
        case KVM_EXIT_SHUTDOWN: /* a triple fault resets a PC */
            vmm->end = VMM_RESET;
            break;
        default:
            fprintf(stderr, "vmm: exit %u of KVM\n", vmm->run->exit_reason);
            exit(1);
        }
        if (vmm->end == VMM_RESET) {
            reset(vmm);
        }
    }
}

/* --- options --- */

static bool parse_policy(const char *text) {
    static const struct {
        const char *name;
        enum vmi_policy policy;
    } policies[] = {{"hosted", VMI_POLICY_HOSTED},
                    {"tuned", VMI_POLICY_TUNED},
                    {"all", VMI_POLICY_ALL},
                    {"default", VMI_POLICY_DEFAULT}};
    for (size_t n = 0; n < sizeof(policies) / sizeof(policies[0]); n++) {
        if (!strcmp(policies[n].name, text)) {
            options.policy = policies[n].policy;
            return true;
        }
    }
    return false;
}

static bool parse_value(const char *name, const char *value) {
    if (!strcmp(name, "--bios")) {
        options.bios = value;
        return true;
    }
    if (!strcmp(name, "--trap")) {
        options.trap = value;
        return true;
    }
    if (!strcmp(name, "--api")) {
        options.api = value[0] == '3' ? VMI_API_MAJOR_3 : VMI_API_MAJOR_13;
        return !strcmp(value, "3") || !strcmp(value, "13");
    }
    return !strcmp(name, "--slots") && parse_policy(value);
}

static bool parse_flag(const char *text) {
    static const struct {
        const char *name;
        bool *flag;
    } flags[] = {{"--no-rom", &options.no_rom},
                 {"--ask", &options.ask},
                 {"--unserved", &options.unserved},
                 {"--lose", &options.lose},
                 {"--tss-available", &options.tss_available}};
    for (size_t n = 0; n < sizeof(flags) / sizeof(flags[0]); n++) {
        if (!strcmp(flags[n].name, text)) {
            return *flags[n].flag = true;
        }
    }
    return false;
}

static bool parse(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        if (parse_flag(argv[i])) {
            continue;
        }
        if (argv[i][0] != '-' && !options.disk) {
            options.disk = argv[i];
            continue;
        }
        if (argv[i][0] != '-' || i + 1 == argc || !parse_value(argv[i], argv[i + 1])) {
            return false;
        }
        i++;
    }
    return options.disk;
}

int main(int argc, char **argv) {
    static struct vmm vmm;
    if (!parse(argc, argv)) {
        fprintf(stderr, "usage: vmm [--bios FILE] [--api 13|3] [--slots hosted|tuned|all|default] "
                        "[--trap N,...] [--no-rom] [--ask] [--unserved] "
                        "[--lose] [--tss-available] DISK\n");
        return 2;
    }
    vmi_hv_default_handlers(&handlers);
    load_bios();
    disk_open(options.disk);
    if (!options.no_rom) {
        publish(&vmm);
    }
    create(&vmm);
    CONTROL(vmm.cpu, KVM_GET_REGS, &reset_regs);
    CONTROL(vmm.cpu, KVM_GET_SREGS, &reset_sregs);
    reset(&vmm);
    execute(&vmm);
    fflush(stdout);
    report(&vmm);
    return vmm.status;
}
