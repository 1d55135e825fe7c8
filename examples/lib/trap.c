/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Descriptor tables, trap dispatch, user-mode entry frames, the start of every kernel. */
#include "guest.h"
#include "internal.h"

_Static_assert(offsetof(struct trap_frame, eip) == 56, "glue.asm");
_Static_assert(offsetof(struct trap_frame, esp) == 68, "glue.asm");
_Static_assert(offsetof(struct trap_frame, v86_gs) == 88, "glue.asm");
_Static_assert(offsetof(struct guest_entry, kind) == 188, "glue.asm");
_Static_assert(offsetof(struct guest_entry, esp_garbage) == 196, "glue.asm");
_Static_assert(offsetof(struct call_regs, eax) == 28, "glue.asm");
_Static_assert(offsetof(struct call_regs, ds) == 40, "glue.asm");
_Static_assert(offsetof(struct guest_tss, io_map) == 104, "TSS layout");

enum { VECTOR_STUB_SIZE = 16, DF_STACK_SIZE = 2048 };
enum { IRQ_FIRST = 0x20, IRQ_LAST = 0x2F };

uint64_t guest_gdt[GUEST_GDT_ENTRIES] __attribute__((aligned(4096)));
uint64_t guest_idt[256] __attribute__((aligned(4096)));
uint8_t guest_stack16[4096] __attribute__((aligned(4096)));
struct guest_tss guest_tss __attribute__((aligned(4096)));
uint8_t guest_idt_pointer[6];
static struct guest_tss df_tss;
static uint8_t df_stack[DF_STACK_SIZE] __attribute__((aligned(16)));
static guest_handler *handlers[256];
static volatile int panicking;
int guest_has_cpuid;

uint64_t guest_descriptor(uint32_t base, uint32_t limit, uint8_t access, uint8_t flags) {
    uint32_t low = (base << 16) | (limit & 0xFFFF);
    uint32_t high = (base & 0xFF000000) | ((uint32_t)flags << 16) | (limit & 0xF0000) |
                    ((uint32_t)access << 8) | ((base >> 16) & 0xFF);
    return (uint64_t)high << 32 | low;
}

uint64_t guest_gate(const void *handler, uint8_t type, uint8_t dpl) {
    uint32_t address = (uint32_t)handler;
    uint32_t low = SEL_KCODE << 16 | (address & 0xFFFF);
    uint32_t high = (address & 0xFFFF0000) | 0x8000 | (uint32_t)dpl << 13 | (uint32_t)type << 8;
    return (uint64_t)high << 32 | low;
}

uint32_t guest_tell_gdt;

void guest_gdt_set(uint16_t selector, uint64_t descriptor) {
    typedef void write_entry(uint64_t * table, uint32_t index, uint32_t low, uint32_t high)
        __attribute__((regparm(3)));
    if (guest_tell_gdt) {
        ((write_entry *)guest_tell_gdt)(guest_gdt, selector >> 3, (uint32_t)descriptor,
                                        (uint32_t)(descriptor >> 32));
        return;
    }
    guest_gdt[selector >> 3] = descriptor;
}

const void *guest_vector_stub(uint8_t vector) {
    return guest_vector_stubs + vector * VECTOR_STUB_SIZE;
}

void guest_idt_reset(void) {
    for (uint32_t vector = 0; vector < 256; vector++) {
        uint8_t dpl = vector == 0x80 || vector == 0x81 || vector == 3 ? 3 : 0;
        guest_idt[vector] = guest_gate(guest_vector_stub((uint8_t)vector), 0xE, dpl);
    }
    /* #DF goes through a task gate: that works with any stack. */
    guest_idt[8] = (uint64_t)0x8500 << 32 | SEL_DF_TSS << 16;
}

static void load_tables(void) {
    static struct {
        uint16_t limit;
        uint8_t base[4];
    } pointer;
    uint32_t base = (uint32_t)guest_gdt;
    pointer.limit = sizeof(guest_gdt) - 1;
    memcpy(pointer.base, &base, 4);
    __asm__ volatile("lgdt %0\n\t"
                     "ljmp $0x08, $1f\n"
                     "1:\n\t"
                     "movw %w1, %%ds\n\t"
                     "movw %w1, %%es\n\t"
                     "movw %w1, %%fs\n\t"
                     "movw %w1, %%gs\n\t"
                     "movw %w1, %%ss"
                     :
                     : "m"(pointer), "r"(SEL_KDATA)
                     : "memory");
    memcpy(guest_idt_pointer, &(uint16_t){sizeof(guest_idt) - 1}, 2);
    base = (uint32_t)guest_idt;
    memcpy(guest_idt_pointer + 2, &base, 4);
    __asm__ volatile("lidt %0" : : "m"(guest_idt_pointer));
    __asm__ volatile("lldt %w0" : : "r"(0));
    __asm__ volatile("ltr %w0" : : "r"(SEL_TSS));
}

void guest_descriptors_reset(void) {
    uint32_t tss_limit = sizeof(guest_tss) - 1;
    guest_gdt_set(SEL_KCODE, guest_descriptor(0, 0xFFFFF, ACCESS_CODE, GRANULAR_4K | SIZE_32));
    guest_gdt_set(SEL_KDATA, guest_descriptor(0, 0xFFFFF, ACCESS_DATA, GRANULAR_4K | SIZE_32));
    guest_gdt_set(SEL_UCODE,
                  guest_descriptor(0, 0xFFFFF, ACCESS_CODE | ACCESS_DPL3, GRANULAR_4K | SIZE_32));
    guest_gdt_set(SEL_UDATA,
                  guest_descriptor(0, 0xFFFFF, ACCESS_DATA | ACCESS_DPL3, GRANULAR_4K | SIZE_32));
    guest_gdt_set(SEL_TSS, guest_descriptor((uint32_t)&guest_tss, tss_limit, ACCESS_TSS, 0));
    guest_gdt_set(SEL_DF_TSS, guest_descriptor((uint32_t)&df_tss, tss_limit, ACCESS_TSS, 0));
    guest_gdt_set(SEL_CODE16, guest_descriptor(0, 0xFFFF, ACCESS_CODE, 0));
    guest_gdt_set(SEL_STACK16, guest_descriptor((uint32_t)guest_stack16, 0xFFF, ACCESS_DATA, 0));
    guest_gdt_set(SEL_DATA16, guest_descriptor(0, 0xFFFF, ACCESS_DATA, 0));

    guest_tss.ss0 = SEL_KDATA;
    guest_tss.esp0 = (uint32_t)guest_stack_top;
    guest_tss.io_map_base = offsetof(struct guest_tss, io_map);
    memset(guest_tss.io_map, 0xFF, sizeof(guest_tss.io_map));

    df_tss.eip = (uint32_t)guest_double_fault_entry;
    df_tss.esp = (uint32_t)df_stack + sizeof(df_stack);
    df_tss.eflags = EFLAGS_FIXED;
    df_tss.cs = SEL_KCODE;
    df_tss.ss = df_tss.ds = df_tss.es = df_tss.fs = df_tss.gs = SEL_KDATA;
    df_tss.io_map_base = sizeof(df_tss);
    guest_idt_reset();
    load_tables();
}

void guest_descriptors_reload(void) {
    __asm__ volatile("lidt %0" : : "m"(guest_idt_pointer));
}

void guest_double_fault_space(uint32_t cr3) {
    df_tss.cr3 = cr3; /* a task switch loads it */
}

guest_handler *guest_set_handler(uint8_t vector, guest_handler *handler) {
    guest_handler *old = handlers[vector];
    handlers[vector] = handler;
    return old;
}

static void dump(const struct trap_frame *f) {
    static const char *const names[] = {"DE", "DB", "NMI", "BP", "OF", "BR", "UD",
                                        "NM", "DF", "-",   "TS", "NP", "SS", "GP",
                                        "PF", "-",  "MF",  "AC", "MC", "XM"};
    const char *name = f->vector < sizeof(names) / sizeof(names[0]) ? names[f->vector] : "INT";
    int outer = (f->cs & 2) || (f->eflags & EFLAGS_VM);
    guest_printf("# trap %u (#%s) error %08x at %04x:%08x eflags %08x%s\n", f->vector, name,
                 f->error, f->cs & 0xFFFF, f->eip, f->eflags, guest_on_ap() ? " on the AP" : "");
    guest_printf("# eax %08x ebx %08x ecx %08x edx %08x\n", f->eax, f->ebx, f->ecx, f->edx);
    guest_printf("# esi %08x edi %08x ebp %08x esp %08x\n", f->esi, f->edi, f->ebp,
                 outer ? f->esp : (uint32_t)&f->esp);
    guest_printf("# ds %04x es %04x fs %04x gs %04x ss %04x\n", f->ds & 0xFFFF, f->es & 0xFFFF,
                 f->fs & 0xFFFF, f->gs & 0xFFFF, outer ? f->ss & 0xFFFF : SEL_KDATA);
    guest_printf("# cr0 %08x cr2 %08x cr3 %08x cr4 %08x\n", read_cr0(), read_cr2(), read_cr3(),
                 guest_has_cpuid ? read_cr4() : 0);
}

void guest_panic(const struct trap_frame *frame, const char *format, ...) {
    va_list args;
    native_cli();
    if (panicking) {
        guest_exit(1);
    }
    panicking = 1;
    guest_console_select(GUEST_TO_E9 | GUEST_TO_COM1 | GUEST_TO_VGA);
    guest_puts("\n# panic: ");
    va_start(args, format);
    guest_vprintf(format, args);
    va_end(args);
    guest_putc('\n');
    if (frame) {
        dump(frame);
    }
    guest_exit(1);
}

void guest_double_fault(void) {
    guest_console_select(GUEST_TO_E9 | GUEST_TO_COM1 | GUEST_TO_VGA);
    guest_puts("\n# panic: double fault; the interrupted task:\n");
    guest_printf("# eip %04x:%08x eflags %08x cr3 %08x cr2 %08x\n", guest_tss.cs, guest_tss.eip,
                 guest_tss.eflags, guest_tss.cr3, read_cr2());
    guest_printf("# eax %08x ebx %08x ecx %08x edx %08x\n", guest_tss.eax, guest_tss.ebx,
                 guest_tss.ecx, guest_tss.edx);
    guest_printf("# esi %08x edi %08x ebp %08x esp %04x:%08x\n", guest_tss.esi, guest_tss.edi,
                 guest_tss.ebp, guest_tss.ss, guest_tss.esp);
    guest_exit(1);
}

static void leave_entry(struct trap_frame *f) {
    struct guest_entry *entry = ((struct guest_entry **)guest_enter_esp)[7];
    size_t size = offsetof(struct trap_frame, esp);
    if (f->eflags & EFLAGS_VM) {
        size = sizeof(*f);
    } else if (f->cs & 2) {
        size = offsetof(struct trap_frame, v86_es);
    }
    memset(&entry->out, 0, sizeof(entry->out));
    memcpy(&entry->out, f, size);
    guest_enter_resume(f->vector);
}

static void leave_try(struct trap_frame *f) {
    struct guest_fault *fault = ((struct guest_fault **)guest_try_esp)[9];
    size_t size =
        (f->cs & 2) || (f->eflags & EFLAGS_VM) ? sizeof(*f) : offsetof(struct trap_frame, esp);
    memset(fault, 0, sizeof(*fault));
    fault->cr2 = read_cr2();
    fault->dr6 = read_dr6();
    memcpy(&fault->frame, f, size);
    guest_try_resume();
}

static void handle(struct trap_frame *f) {
    guest_handler *handler = handlers[f->vector & 0xFF];
    int irq = f->vector >= IRQ_FIRST && f->vector <= IRQ_LAST;
    f->cs &= 0xFFFF;
    f->ds &= 0xFFFF;
    f->es &= 0xFFFF;
    f->fs &= 0xFFFF;
    f->gs &= 0xFFFF;
    if (irq && !guest_irq_is_real((uint8_t)(f->vector - IRQ_FIRST))) {
        return;
    }
    if (irq) {
        guest_irq_count[f->vector - IRQ_FIRST]++;
    }
    if (handler) {
        handler(f);
    }
    if (irq) {
        guest_irq_acknowledge((uint8_t)(f->vector - IRQ_FIRST));
        return;
    }
    if (handler) {
        return;
    }
    if (guest_on_ap()) {
        guest_panic(f, "unexpected trap on the AP");
    }
    if (guest_enter_esp) {
        leave_entry(f);
    }
    if (guest_try_esp) {
        leave_try(f);
    }
    guest_panic(f, "unexpected trap");
}

void guest_trap(struct trap_frame *f) {
    handle(f);
    if (f->eflags & EFLAGS_IF && guest_flag_is_kept()) {
        native_sti(); /* the IRETD behind this does not, in ring 1 */
    }
}

static void pattern_registers(struct trap_frame *in) {
    in->eax = 0xA1B2C3D4;
    in->ebx = 0xB5B6B7B8;
    in->ecx = 0xC9CACBCC;
    in->edx = 0xDDDEDFD0;
    in->esi = 0x51525354;
    in->edi = 0xD1D2D3D4;
    in->ebp = 0xEBEBEBEB;
    in->eflags = EFLAGS_FIXED;
}

void guest_entry_user(struct guest_entry *entry, const void *eip, void *esp) {
    memset(entry, 0, sizeof(*entry));
    pattern_registers(&entry->in);
    entry->in.eip = (uint32_t)eip;
    entry->in.cs = SEL_UCODE;
    entry->in.esp = (uint32_t)esp;
    entry->in.ss = entry->in.ds = entry->in.es = entry->in.fs = entry->in.gs = SEL_UDATA;
}

void guest_entry_kernel(struct guest_entry *entry, const void *eip) {
    memset(entry, 0, sizeof(*entry));
    pattern_registers(&entry->in);
    entry->in.eip = (uint32_t)eip;
    entry->in.cs = SEL_KCODE;
    entry->in.ds = entry->in.es = entry->in.fs = entry->in.gs = SEL_KDATA;
}

void guest_entry_v86(struct guest_entry *entry, const void *code, void *stack) {
    uint32_t top = (uint32_t)stack;
    memset(entry, 0, sizeof(*entry));
    pattern_registers(&entry->in);
    entry->in.cs = (uint32_t)code >> 4;
    entry->in.eip = (uint32_t)code & 15;
    entry->in.ss = (top - 4096) >> 4;
    entry->in.esp = top - (entry->in.ss << 4);
    entry->in.eflags = EFLAGS_FIXED | EFLAGS_VM | EFLAGS_IOPL;
    entry->in.ds = entry->in.es = entry->in.fs = entry->in.gs = SEL_KDATA;
}

static void sysenter_entry(void) {
    guest_panic(NULL, "SYSENTER was executed");
}

void guest_sysenter_setup(void) {
    native_wrmsr(0x174, SEL_KCODE);
    native_wrmsr(0x175, (uint32_t)guest_stack16 + sizeof(guest_stack16));
    native_wrmsr(0x176, (uint32_t)sysenter_entry);
}

void guest_call_regs_init(struct call_regs *r, uint32_t seed) {
    uint32_t *words = (uint32_t *)r;
    memset(r, 0, sizeof(*r));
    for (uint32_t i = 0; i < 8; i++) {
        seed = seed * 1664525 + 1013904223;
        words[i] = seed;
    }
    r->eflags = EFLAGS_FIXED;
    r->ds = r->es = r->fs = r->gs = SEL_KDATA;
}

static void detect_a20(void) {
    volatile uint32_t *low = guest_at((uint32_t)guest_stack16);
    volatile uint32_t *high = guest_at((uint32_t)guest_stack16 + 0x100000);
    uint32_t old = *high;
    *low = 0x13572468;
    *high = 0x87654321;
    int wraps = *low != 0x13572468;
    *high = old;
    if (wraps) {
        guest_panic(NULL, "the A20 line is off");
    }
}

static int can_change_id(void) {
    uint32_t flags = read_eflags();
    write_eflags(flags ^ EFLAGS_ID);
    uint32_t changed = read_eflags() ^ flags;
    write_eflags(flags);
    return (changed & EFLAGS_ID) != 0;
}

void guest_start(const char *cmdline) {
    guest_has_cpuid = can_change_id();
    guest_descriptors_reset();
    guest_pic_init();
    detect_a20();
    guest_main(cmdline);
    guest_exit(0);
}
