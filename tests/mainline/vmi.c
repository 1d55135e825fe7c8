/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The ROM, as mainline goes about it: looks from C0000h to DFFFFh through the direct map, takes the
 * first ROM that passes every test, calls Init with interrupts off, asks for each call, and treats
 * what it is answered with as section 8 of the ABI notes says: what trips a BUG there, panics here.
 */
#include "kernel.h"
#include "vmi/api.h"
#include "vmi/calls.h"
#include "vmi/rom.h"

typedef uint64_t REGPARM rom_function(uint32_t);

static const struct vmi_rom_header_3 *rom;

/* The calls that need a function around them: their arguments are not those of the operation. */
static struct {
    void(REGPARM *set_ldt)(uint32_t selector);
    void(REGPARM *set_tr)(uint32_t selector);
    void(REGPARM *write_gdt)(uint64_t *table, uint32_t index, uint32_t low, uint32_t high);
    void(REGPARM *write_idt)(uint64_t *table, uint32_t index, uint32_t low, uint32_t high);
    void(REGPARM *kernel_stack)(uint32_t selector, uint32_t esp0);
    void(REGPARM *allocate)(uint32_t frame, uint32_t flags, uint32_t clone, uint32_t first,
                            uint32_t count);
    void(REGPARM *release)(uint32_t frame, uint32_t flags);
    void(REGPARM *set_pte)(uint32_t pte, uint32_t *entry, uint32_t flags);
    void(REGPARM *set_pte_long)(uint32_t low, uint32_t high, uint32_t *entry, uint32_t flags);
    void(REGPARM *update_pte)(uint32_t *entry, uint32_t flags);
    void(REGPARM *linear_mapping)(uint32_t slot, uint32_t linear, uint32_t pages, uint32_t frame);
    void(REGPARM *flush)(uint32_t what);
    void(REGPARM *lazy_mode)(uint32_t mode);
    void(REGPARM *ap_state)(struct vmi_ap_state *state, uint32_t apic_id);
    uint64_t(REGPARM *cycle_frequency)(void);
    uint64_t(REGPARM *cycle_counter)(uint32_t counter);
    void(REGPARM *set_alarm)(uint32_t flags, uint32_t expiry_low, uint32_t expiry_high,
                             uint32_t period_low, uint32_t period_high);
    uint32_t(REGPARM *cancel_alarm)(uint32_t flags);
    void *cpuid;
} vmi;

/* ---- Wrappers ---- */

static REGPARM void wrap_cpuid(uint32_t *regs) {
    __asm__ volatile("call *%4"
                     : "+a"(regs[0]), "=b"(regs[1]), "+c"(regs[2]), "=d"(regs[3])
                     : "S"(vmi.cpuid)
                     : "cc");
}
static REGPARM void wrap_load_tr(void) {
    vmi.set_tr(SEL_TSS | 0xABCD0000); /* AX is all that counts */
}
static REGPARM void wrap_set_ldt(uint64_t *table, uint32_t entries) {
    uint64_t d = guest_descriptor((uint32_t)table, entries * 8 - 1, ACCESS_LDT, 0);
    PV_CALL(PV_WRITE_GDT_ENTRY, guest_gdt, SEL_LDT / 8, &d);
    vmi.set_ldt(entries ? SEL_LDT : 0);
}
/* One generation of kernels takes the dword at offset 8 for the high one. */
int vmi_wrong_descriptors;

static uint32_t high_dword(const uint32_t *words) {
    return words[vmi_wrong_descriptors ? 2 : 1];
}
static REGPARM void wrap_write_gdt(uint64_t *table, uint32_t index, const uint32_t *words) {
    vmi.write_gdt(table, index, words[0], high_dword(words));
}
static REGPARM void wrap_write_idt(uint64_t *table, uint32_t index, const uint32_t *words) {
    vmi.write_idt(table, index, words[0], high_dword(words));
}
static REGPARM void wrap_load_sp0(uint32_t esp0) {
    guest_tss.esp0 = esp0;
    vmi.kernel_stack(SEL_KDATA, esp0);
}
static REGPARM void wrap_flush_user(void) {
    vmi.flush(VMI_FLUSH_TLB);
}
static REGPARM void wrap_flush_kernel(void) {
    vmi.flush(VMI_FLUSH_TLB | VMI_FLUSH_GLOBAL);
}
static REGPARM void wrap_lazy_mode(uint32_t mode) {
    vmi.lazy_mode(mode);
}
static REGPARM void wrap_alloc_pt(uint32_t frame) {
    vmi.allocate(frame, VMI3_PAGE_PT | VMI3_PAGE_ZEROED | (is_pae ? VMI3_PAGE_PAE : 0), 0, 0, 0);
}
static REGPARM void wrap_alloc_pd(uint32_t frame) {
    vmi.allocate(frame, VMI3_PAGE_PD | (is_pae ? VMI3_PAGE_PAE : 0), 0, 0, 0);
}
static REGPARM void wrap_alloc_pd_clone(uint32_t frame, uint32_t clone) {
    vmi.allocate(frame, VMI3_PAGE_PD | VMI3_PAGE_CLONE | (is_pae ? VMI3_PAGE_PAE : 0), clone, 0x300,
                 0x100);
}
static REGPARM void wrap_release_pt(uint32_t frame) {
    vmi.release(frame, VMI3_PAGE_PT);
}
static REGPARM void wrap_release_pd(uint32_t frame) {
    vmi.release(frame, VMI3_PAGE_PD);
}
static void set_entry(uint32_t *entry, uint32_t low, uint32_t high, uint32_t flags) {
    if (is_pae) {
        vmi.set_pte_long(low, high, entry, flags);
    } else {
        vmi.set_pte(low, entry, flags);
    }
}
static REGPARM void wrap_set_pte(uint32_t *entry, uint32_t low, uint32_t high) {
    set_entry(entry, low, high, VMI_PAGE_PT);
}
static REGPARM void wrap_set_pte_at(uint32_t *entry, uint32_t low, uint32_t address) {
    set_entry(entry, low, 0, VMI_PAGE_PT | VMI_PAGE_CURRENT_AS | (address & VMI_PAGE_VA_MASK));
}
static REGPARM void wrap_set_pte_present(uint32_t *entry, uint32_t low, uint32_t address) {
    set_entry(entry, low, 0,
              VMI_PAGE_PT | VMI_PAGE_CURRENT_AS | VMI_PAGE_DEFER | (address & VMI_PAGE_VA_MASK));
}
static REGPARM void wrap_set_pmd(uint32_t *entry, uint32_t low, uint32_t address) {
    (void)address;
    set_entry(entry, low, 0, VMI_PAGE_PD);
}
static REGPARM void wrap_set_pud(uint32_t *entry, uint32_t low, uint32_t address) {
    (void)address;
    set_entry(entry, low, 0, VMI_PAGE_PDP);
}
static REGPARM void wrap_pte_clear(uint32_t *entry, uint32_t address) {
    wrap_set_pte_at(entry, 0, address);
}
static REGPARM void wrap_pte_update(uint32_t *entry, uint32_t address) {
    vmi.update_pte(entry, VMI_PAGE_PT | VMI_PAGE_CURRENT_AS | (address & VMI_PAGE_VA_MASK));
}
struct vmi_ap_state vmi_ap_state;

static REGPARM void wrap_startup_ipi(uint32_t apic_id) {
    vmi.ap_state(&vmi_ap_state, apic_id);
}
static REGPARM void do_nothing(void) {
}

/* ---- Asking ---- */

static uint64_t ask(uint32_t call) {
    return ((rom_function *)(uint32_t)rom->get_reloc)(call);
}

/* An operation that a call serves as it stands. */
static void fill(enum pv_op op, uint32_t call) {
    uint64_t answer = ask(call);
    switch (VMI_RELOCATION_TYPE(answer)) {
    case VMI_RELOCATION_CALL_REL:
        pv_ops[op] = (void *)VMI_RELOCATION_EIP(answer);
        pv_in_rom[op] = 1;
        break;
    case VMI_RELOCATION_NOP:
        pv_ops[op] = (void *)do_nothing;
        break;
    case VMI_RELOCATION_NONE:
        break;
    default:
        guest_printf("VMI: Unknown relocation type %u for call %u\n", VMI_RELOCATION_TYPE(answer),
                     call);
    }
}

/* A call's address, NULL when it is kept native. */
static void *get_function(uint32_t call) {
    uint64_t answer = ask(call);
    if (VMI_RELOCATION_TYPE(answer) == VMI_RELOCATION_JUMP_REL) {
        guest_panic(NULL, "call %u is to be jumped to", call);
    }
    return VMI_RELOCATION_TYPE(answer) == VMI_RELOCATION_CALL_REL
               ? (void *)VMI_RELOCATION_EIP(answer)
               : NULL;
}

/* An operation that needs a wrapper around the call. */
static void wrap(enum pv_op op, void *wrapper, void *function, uint32_t call) {
    void *address = get_function(call);
    if (address) {
        *(void **)function = address;
        pv_ops[op] = wrapper;
        pv_in_rom[op] = 1;
    }
}

static void use(enum pv_op op, void *wrapper) {
    pv_ops[op] = wrapper;
    pv_in_rom[op] = 1;
}

/* ---- The six places that are patched ---- */

static const struct {
    uint8_t op, call;
} patched[] = {{PV_IRQ_DISABLE, VMI3_CALL_DisableInterrupts},
               {PV_IRQ_ENABLE, VMI3_CALL_EnableInterrupts},
               {PV_SAVE_FL, VMI3_CALL_GetInterruptMask},
               {PV_RESTORE_FL, VMI3_CALL_SetInterruptMask},
               {PV_IRET, VMI3_CALL_IRET},
               {PV_SYSEXIT, VMI3_CALL_SYSEXIT}};

static uint32_t patch_site(uint32_t call, uint8_t *buffer, uint32_t address, uint32_t length) {
    uint64_t answer = ask(call);
    uint32_t eip = VMI_RELOCATION_EIP(answer);
    switch (VMI_RELOCATION_TYPE(answer)) {
    case VMI_RELOCATION_CALL_REL:
        return pv_put_branch(buffer, 0xE8, address, eip);
    case VMI_RELOCATION_JUMP_REL:
        return pv_put_branch(buffer, 0xE9, address, eip);
    case VMI_RELOCATION_NOP:
        return 0;
    case VMI_RELOCATION_NONE:
        return length;
    default:
        guest_panic(NULL, "relocation of type %u", VMI_RELOCATION_TYPE(answer));
    }
}

static uint32_t patch(enum pv_op op, uint8_t *buffer, uint32_t address, uint32_t length) {
    for (uint32_t i = 0; i < sizeof(patched) / sizeof(patched[0]); i++) {
        if (patched[i].op == op) {
            return patch_site(patched[i].call, buffer, address, length);
        }
    }
    return length;
}

/* ---- Switching ---- */

static void fill_all(void) {
    static const struct {
        uint8_t op, call;
    } filled[] = {{PV_CLTS, VMI3_CALL_CLTS},
                  {PV_GET_DR, VMI3_CALL_GetDR},
                  {PV_SET_DR, VMI3_CALL_SetDR},
                  {PV_READ_CR0, VMI3_CALL_GetCR0},
                  {PV_READ_CR2, VMI3_CALL_GetCR2},
                  {PV_READ_CR3, VMI3_CALL_GetCR3},
                  {PV_READ_CR4, VMI3_CALL_GetCR4},
                  {PV_WRITE_CR0, VMI3_CALL_SetCR0},
                  {PV_WRITE_CR2, VMI3_CALL_SetCR2},
                  {PV_WRITE_CR3, VMI3_CALL_SetCR3},
                  {PV_WRITE_CR4, VMI3_CALL_SetCR4},
                  {PV_SAVE_FL, VMI3_CALL_GetInterruptMask},
                  {PV_RESTORE_FL, VMI3_CALL_SetInterruptMask},
                  {PV_IRQ_DISABLE, VMI3_CALL_DisableInterrupts},
                  {PV_IRQ_ENABLE, VMI3_CALL_EnableInterrupts},
                  {PV_WBINVD, VMI3_CALL_WBINVD},
                  {PV_READ_TSC, VMI3_CALL_RDTSC},
                  {PV_LOAD_GDT, VMI3_CALL_SetGDT},
                  {PV_LOAD_IDT, VMI3_CALL_SetIDT},
                  {PV_STORE_GDT, VMI3_CALL_GetGDT},
                  {PV_STORE_IDT, VMI3_CALL_GetIDT},
                  {PV_STORE_TR, VMI3_CALL_GetTR},
                  {PV_SET_IOPL, VMI3_CALL_SetIOPLMask},
                  {PV_IO_DELAY, VMI3_CALL_IODelay},
                  {PV_FLUSH_SINGLE, VMI3_CALL_InvalPage},
                  {PV_APIC_READ, VMI3_CALL_APICRead},
                  {PV_APIC_WRITE, VMI3_CALL_APICWrite},
                  {PV_SAFE_HALT, VMI3_CALL_Halt}};
    for (uint32_t i = 0; i < sizeof(filled) / sizeof(filled[0]); i++) {
        fill(filled[i].op, filled[i].call);
    }
}

static void wrap_all(void) {
    wrap(PV_CPUID, wrap_cpuid, &vmi.cpuid, VMI3_CALL_CPUID);
    wrap(PV_LOAD_TR, wrap_load_tr, &vmi.set_tr, VMI3_CALL_SetTR);
    wrap(PV_SET_LDT, wrap_set_ldt, &vmi.set_ldt, VMI3_CALL_SetLDT);
    wrap(PV_WRITE_GDT_ENTRY, wrap_write_gdt, &vmi.write_gdt, VMI3_CALL_WriteGDTEntry);
    wrap(PV_WRITE_IDT_ENTRY, wrap_write_idt, &vmi.write_idt, VMI3_CALL_WriteIDTEntry);
    wrap(PV_LOAD_SP0, wrap_load_sp0, &vmi.kernel_stack, VMI3_CALL_UpdateKernelStack);
    wrap(PV_LAZY_CPU, wrap_lazy_mode, &vmi.lazy_mode, VMI3_CALL_SetLazyMode);
    wrap(PV_LAZY_MMU, wrap_lazy_mode, &vmi.lazy_mode, VMI3_CALL_SetLazyMode);
    wrap(PV_FLUSH_USER, wrap_flush_user, &vmi.flush, VMI3_CALL_FlushTLB);
    wrap(PV_FLUSH_KERNEL, wrap_flush_kernel, &vmi.flush, VMI3_CALL_FlushTLB);
    wrap(PV_STARTUP_IPI, wrap_startup_ipi, &vmi.ap_state, VMI3_CALL_SetInitialAPState);
}

static void get_page_table_calls(void) {
    void *set = get_function(is_pae ? VMI3_CALL_SetPxELong : VMI3_CALL_SetPxE);
    *(void **)(is_pae ? (void *)&vmi.set_pte_long : (void *)&vmi.set_pte) = set;
    if (set) {
        use(PV_SET_PTE, wrap_set_pte);
        use(PV_SET_PTE_AT, wrap_set_pte_at);
        use(PV_SET_PTE_PRESENT, wrap_set_pte_present);
        use(PV_SET_PMD, wrap_set_pmd);
        use(PV_SET_PUD, wrap_set_pud);
        use(PV_PTE_CLEAR, wrap_pte_clear);
    }
    vmi.update_pte = get_function(is_pae ? VMI3_CALL_UpdatePxELong : VMI3_CALL_UpdatePxE);
    if (vmi.update_pte) {
        use(PV_PTE_UPDATE, wrap_pte_update);
    }
    vmi.allocate = get_function(VMI3_CALL_AllocatePage);
    if (vmi.allocate) {
        use(PV_ALLOC_PT, wrap_alloc_pt);
        use(PV_ALLOC_PD, wrap_alloc_pd);
        use(PV_ALLOC_PD_CLONE, wrap_alloc_pd_clone);
    }
    vmi.release = get_function(VMI3_CALL_ReleasePage);
    if (vmi.release) {
        use(PV_RELEASE_PT, wrap_release_pt);
        use(PV_RELEASE_PD, wrap_release_pd);
    }
    vmi.linear_mapping = get_function(VMI3_CALL_SetLinearMapping);
}

/* All or none: a kernel that has one of them calls them all. */
static void get_timer_calls(void) {
    void *counter = get_function(VMI3_CALL_GetCycleCounter);
    void *set = get_function(VMI3_CALL_SetAlarm), *cancel = get_function(VMI3_CALL_CancelAlarm);
    if (!counter || !set || !cancel || !get_function(VMI3_CALL_GetWallclockTime) ||
        !get_function(VMI3_CALL_WallclockUpdated)) {
        guest_panic(NULL, "the ROM offers a part of a timer");
    }
    *(void **)&vmi.cycle_frequency = get_function(VMI3_CALL_GetCycleFrequency);
    *(void **)&vmi.cycle_counter = counter;
    *(void **)&vmi.set_alarm = set;
    *(void **)&vmi.cancel_alarm = cancel;
}

int vmi_alarm_start(uint32_t hz) {
    uint64_t now, period;
    if (!vmi.set_alarm) {
        return 0;
    }
    period = guest_divide(vmi.cycle_frequency(), hz, NULL);
    now = vmi.cycle_counter(VMI_CYCLES_AVAILABLE) + period;
    vmi.set_alarm(VMI_CYCLES_AVAILABLE | VMI_ALARM_WIRED_IRQ0 | VMI_ALARM_IS_PERIODIC,
                  (uint32_t)now, (uint32_t)(now >> 32), (uint32_t)period, (uint32_t)(period >> 32));
    return 1;
}

void vmi_alarm_stop(void) {
    if (!vmi.cancel_alarm(VMI_CYCLES_AVAILABLE)) {
        guest_panic(NULL, "the alarm was not armed");
    }
}

static int activate(void) {
    uint32_t status = (uint32_t)((rom_function *)(uint32_t)rom->init)(0);
    if (status) {
        guest_printf("VMI ROM failed to initialize! (%08x)\n", status);
        return 0;
    }
    pv_name = "vmi";
    fill_all();
    wrap_all();
    get_page_table_calls();
    /* Nothing but a patch can make these right: what is not patched leads astray. */
    pv_ops[PV_SYSEXIT] = (void *)0xFEEDBAB0;
    pv_ops[PV_IRET] = (void *)0x0BADBAB0;
    pv_in_rom[PV_SYSEXIT] = pv_in_rom[PV_IRET] = 1;
    if (VMI_RELOCATION_TYPE(ask(VMI3_CALL_GetCycleFrequency)) != VMI_RELOCATION_NONE) {
        guest_puts("the ROM offers a timer\n"); /* a hypervisor's; this kernel may keep its own */
        get_timer_calls();
    }
    pv_apply(patch);
    if (vmi.linear_mapping) {
        vmi.linear_mapping(0, DIRECT_MAP, 0x1000, 0);
    }
    return 1;
}

/* ---- Looking ---- */

static const char *rom_string(const struct vmi_rom_header_3 *r, uint32_t offset) {
    return offset ? (const char *)r + offset : "UNKNOWN";
}

static int is_acceptable(const struct vmi_rom_header_3 *r) {
    if (r->signature != VMI_ROM_SIGNATURE || r->vmi_signature != VMI_SIGNATURE) {
        return 0;
    }
    if (r->api_major != VMI_API_MAJOR_3) {
        guest_printf("VMI: Found mismatched rom version %u.%u\n", r->api_major, r->api_minor);
        return 0;
    }
    if (!r->pci_offset) {
        guest_puts("VMI: ROM does not contain PCI header.\n");
        return 0;
    }
    const struct vmi_pci_data *pci = (const void *)((const uint8_t *)r + r->pci_offset);
    if (pci->vendor != VMI_PCI_VENDOR || pci->device != VMI_PCI_DEVICE) {
        guest_puts("VMI: ROM from unknown manufacturer\n");
    }
    const struct vmi_pnp_header *pnp = (const void *)((const uint8_t *)r + r->pnp_offset);
    guest_printf("VMI: Found %s %s, API version %u.%u, ROM version %u.%u\n",
                 rom_string(r, r->pnp_offset ? pnp->manufacturer : 0),
                 rom_string(r, r->pnp_offset ? pnp->product : 0), r->api_major, r->api_minor,
                 pci->code_revision >> 8, pci->code_revision & 0xFF);
    const char *license = r->license_offset ? rom_string(r, r->license_offset) : "unspecified";
    if (strcmp(license, "GPL") != 0 && strcmp(license, "GPL v2") != 0) {
        guest_printf("VMI: Non GPL license `%s' found for ROM. Not used.\n", license);
        return 0;
    }
    return 1;
}

uint32_t vmi_rom_physical(void) {
    return rom ? (uint32_t)rom - DIRECT_MAP : 0;
}

void vmi_init(void) {
    for (uint32_t base = VMI_SCAN_START; base < VMI_SCAN_END && !rom; base += VMI_SCAN_STEP) {
        const struct vmi_rom_header_3 *r = guest_at(DIRECT_MAP + base);
        if (is_acceptable(r)) {
            rom = r;
        }
    }
    if (!rom) {
        return;
    }
    if (rom->virtual_top) {
        guest_printf("the ROM keeps linear space from %08x on\n", rom->virtual_top);
    }
    uint32_t flags = save_flags();
    irq_disable();
    if (!activate()) {
        rom = NULL;
    }
    restore_flags(flags & EFLAGS_IF); /* a bare 0 or 200h */
}
