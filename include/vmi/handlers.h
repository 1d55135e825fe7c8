/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* What serves each call in a hypervisor, and what a slot may hold. Generated from calls.tsv: edit calls.tsv instead. */
#ifndef VMI_HANDLERS_H
#define VMI_HANDLERS_H

/* clang-format off */

#include <stddef.h>
#include <stdint.h>

#include "vmi/hypercall.h"

/* Serves one call; hypervisor.h says what it gets and what it returns. */
struct vmi_frame;
typedef int vmi_handler(void *context, struct vmi_frame *frame);

/* By slot. The calls of API 13 serve API 3.0 too; a 3 behind a name marks the call that takes other arguments there. */
struct vmi_handlers {
    vmi_handler *Init;                       /*   4: - -> EAX=status */
    vmi_handler *CPUID;                      /*   5: EAX=leaf ECX=subleaf -> EAX=eax EBX=ebx ECX=ecx EDX=edx */
    vmi_handler *WRMSR;                      /*   6: ECX=msr EAX=low EDX=high -> - */
    vmi_handler *RDMSR;                      /*   7: ECX=msr -> EAX=low EDX=high */
    vmi_handler *SetGDT;                     /*   8: EAX=dtr -> - */
    vmi_handler *SetLDT;                     /*   9: AX=selector -> - */
    vmi_handler *SetIDT;                     /*  10: EAX=dtr -> - */
    vmi_handler *SetTR;                      /*  11: AX=selector -> - */
    vmi_handler *GetGDT;                     /*  12: EAX=buffer -> [EAX]=dtr */
    vmi_handler *GetLDT;                     /*  13: - -> EAX=selector */
    vmi_handler *GetIDT;                     /*  14: EAX=buffer -> [EAX]=dtr */
    vmi_handler *GetTR;                      /*  15: - -> EAX=selector */
    vmi_handler *WriteGDTEntry;              /*  16: EAX=table EDX=index ECX=low stack: high -> [EAX]=entry */
    vmi_handler *WriteLDTEntry;              /*  17: EAX=table EDX=index ECX=low stack: high -> [EAX]=entry */
    vmi_handler *WriteIDTEntry;              /*  18: EAX=table EDX=index ECX=low stack: high -> [EAX]=entry */
    vmi_handler *UpdateKernelStack;          /*  19: EAX=tss EDX=esp0 -> - */
    vmi_handler *SetCR0;                     /*  20: EAX=value -> - */
    vmi_handler *SetCR2;                     /*  21: EAX=value -> - */
    vmi_handler *SetCR3;                     /*  22: EAX=value -> - */
    vmi_handler *SetCR4;                     /*  23: EAX=value -> - */
    vmi_handler *GetCR0;                     /*  24: - -> EAX=value */
    vmi_handler *GetCR2;                     /*  25: - -> EAX=value */
    vmi_handler *GetCR3;                     /*  26: - -> EAX=value */
    vmi_handler *GetCR4;                     /*  27: - -> EAX=value */
    vmi_handler *INVD;                       /*  28: - -> - */
    vmi_handler *WBINVD;                     /*  29: - -> - */
    vmi_handler *SetDR;                      /*  30: EAX=number EDX=value -> - */
    vmi_handler *GetDR;                      /*  31: EAX=number -> EAX=value */
    vmi_handler *RDPMC;                      /*  32: ECX=counter -> EAX=low EDX=high */
    vmi_handler *RDTSC;                      /*  33: - -> EAX=low EDX=high */
    vmi_handler *CLTS;                       /*  34: - -> - */
    vmi_handler *EnableInterrupts;           /*  35: - -> - */
    vmi_handler *DisableInterrupts;          /*  36: - -> - */
    vmi_handler *GetInterruptMask;           /*  37: - -> EAX=mask */
    vmi_handler *SetInterruptMask;           /*  38: EAX=mask -> - */
    vmi_handler *IRET;                       /*  39: stack: eip cs eflags -> - */
    vmi_handler *SYSEXIT;                    /*  40: EDX=eip ECX=esp -> - */
    vmi_handler *Pause;                      /*  41: - -> - */
    vmi_handler *Halt;                       /*  42: - -> - */
    vmi_handler *Reboot;                     /*  43: EAX=how -> - */
    vmi_handler *Shutdown;                   /*  44: - -> - */
    vmi_handler *SetPxE0;                    /*  45: EAX=ptep EDX=pte -> [EAX]=entry */
    vmi_handler *GetPxE;                     /*  46: EAX=ptep -> EAX=pte */
    vmi_handler *SwapPxE;                    /*  47: EAX=ptep EDX=pte -> EAX=old [EAX]=entry */
    vmi_handler *SetPxELong0;                /*  48: EAX=low EDX=high ECX=ptep -> [ECX]=entry */
    vmi_handler *GetPxELong;                 /*  49: EAX=ptep -> EAX=low EDX=high */
    vmi_handler *SwapPxELongAtomic;          /*  50: EAX=low EDX=high ECX=ptep -> EAX=old_low EDX=old_high [ECX]=entry */
    vmi_handler *TestAndSetPxEBit;           /*  51: EAX=ptep EDX=bit -> EAX=was_set [EAX]=entry */
    vmi_handler *TestAndClearPxEBit;         /*  52: EAX=ptep EDX=bit -> EAX=was_set [EAX]=entry */
    vmi_handler *AllocatePage;               /*  53: EAX=pfn EDX=flags ECX=clone_pfn stack: first count -> - */
    vmi_handler *ReleasePage;                /*  54: EAX=pfn EDX=flags -> - */
    vmi_handler *InvalPage;                  /*  55: EAX=linear -> - */
    vmi_handler *FlushTLB;                   /*  56: EAX=flags -> - */
    vmi_handler *FlushDeferredCalls;         /*  57: EAX=what -> EAX=zero */
    vmi_handler *SetLinearMapping;           /*  58: EAX=slot EDX=linear ECX=pages stack: pfn -> - */
    vmi_handler *IN;                         /*  59: DX=port -> EAX=data */
    vmi_handler *INB;                        /*  60: DX=port -> AL=data */
    vmi_handler *INW;                        /*  61: DX=port -> AX=data */
    vmi_handler *INS;                        /*  62: DX=port EDI=buffer ECX=count -> EDI=end ECX=zero [EDI]=data */
    vmi_handler *INSB;                       /*  63: DX=port EDI=buffer ECX=count -> EDI=end ECX=zero [EDI]=data */
    vmi_handler *INSW;                       /*  64: DX=port EDI=buffer ECX=count -> EDI=end ECX=zero [EDI]=data */
    vmi_handler *OUT;                        /*  65: DX=port EAX=data -> - */
    vmi_handler *OUTB;                       /*  66: DX=port AL=data -> - */
    vmi_handler *OUTW;                       /*  67: DX=port AX=data -> - */
    vmi_handler *OUTS;                       /*  68: DX=port ESI=buffer ECX=count -> ESI=end ECX=zero */
    vmi_handler *OUTSB;                      /*  69: DX=port ESI=buffer ECX=count -> ESI=end ECX=zero */
    vmi_handler *OUTSW;                      /*  70: DX=port ESI=buffer ECX=count -> ESI=end ECX=zero */
    vmi_handler *SetIOPLMask;                /*  71: EAX=iopl -> - */
    vmi_handler *DeactivatePxELongAtomic;    /*  72: EAX=ptep -> EAX=old_low EDX=old_high [EAX]=entry */
    vmi_handler *TestAndSetPxELongBit;       /*  73: EAX=ptep EDX=bit -> EAX=was_set [EAX]=entry */
    vmi_handler *TestAndClearPxELongBit;     /*  74: EAX=ptep EDX=bit -> EAX=was_set [EAX]=entry */
    vmi_handler *SetInitialAPState;          /*  75: EAX=apstate EDX=apic_id -> - */
    vmi_handler *APICWrite;                  /*  76: EAX=register EDX=value -> [EAX]=value */
    vmi_handler *APICRead;                   /*  77: EAX=register -> EAX=value */
    vmi_handler *IODelay;                    /*  78: - -> - */
    vmi_handler *GetCycleFrequency;          /*  79: - -> EAX=low EDX=high */
    vmi_handler *GetCycleCounter;            /*  80: EAX=counter -> EAX=low EDX=high */
    vmi_handler *SetAlarm;                   /*  81: EAX=flags EDX=expiry_low ECX=expiry_high stack: period_low period_high -> - */
    vmi_handler *CancelAlarm;                /*  82: EAX=flags -> EAX=was_armed */
    vmi_handler *GetWallclockTime;           /*  83: - -> EAX=low EDX=high */
    vmi_handler *WallclockUpdated;           /*  84: - -> EAX=jumped */
    vmi_handler *GetRelocationInfo;          /*  85: EAX=number -> EAX=eip EDX=type */
    vmi_handler *SetPxE;                     /*  86: EAX=pte EDX=ptep ECX=flags -> [EDX]=entry */
    vmi_handler *SetPxELong;                 /*  87: EAX=low EDX=high ECX=ptep stack: flags -> [ECX]=entry */
    vmi_handler *UpdateKernelStack3;         /*  88: AX=ss EDX=esp0 -> - */
    vmi_handler *UpdatePxE;                  /*  89: EAX=ptep EDX=flags -> - */
    vmi_handler *UpdatePxELong;              /*  90: EAX=ptep EDX=flags -> - */
    vmi_handler *MachineToPhysical;          /*  91: EAX=value -> EAX=translated */
    vmi_handler *PhysicalToMachine;          /*  92: EAX=value -> EAX=translated */
    vmi_handler *AllocatePage3;              /*  93: EAX=pfn EDX=flags ECX=clone_pfn stack: first count -> - */
    vmi_handler *ReleasePage3;               /*  94: EAX=pfn EDX=flags -> - */
    vmi_handler *SetInitialAPState3;         /*  95: EAX=apstate EDX=apic_id -> - */
    vmi_handler *APICWrite3;                 /*  96: EAX=offset EDX=value -> - */
    vmi_handler *APICRead3;                  /*  97: EAX=offset -> EAX=value */
    vmi_handler *SetCallbacks;               /*  98: - -> EAX=zero */
    vmi_handler *SetLazyMode;                /*  99: EAX=mode -> - */
};

/* What a slot may hold, and who calls it. */
#define VMI_CALL_IN_13   0x01 /* a call of API 13 */
#define VMI_CALL_IN_3    0x02 /* a call of API 3.0 */
#define VMI_MAY_TRAP     0x04
#define VMI_MAY_NATIVE   0x08
#define VMI_MAY_NOP      0x10 /* a bare return does: it gives nothing back */
#define VMI_CALL_NORET   0x20 /* never returns to its caller */

struct vmi_slot {
    uint16_t handler;  /* offset of its member in struct vmi_handlers */
    uint8_t kind;      /* VMI_SLOT_... by default */
    uint8_t tuned;     /* VMI_SLOT_... with nested paging and devices passed through */
    uint8_t hosted;    /* VMI_SLOT_... in user space above KVM and the like */
    uint8_t flags;     /* the above; with none the slot has no call, without MAY it is never exchanged */
    uint8_t arguments; /* dwords on the stack from [ESP+4] up */
};

#ifndef __cplusplus /* which has no such initialisers */
#ifndef VMI_SLOTS /* who wants one table for several files defines it, and a table of another name */
#define VMI_SLOTS static const struct vmi_slot vmi_slots[128]
#endif
VMI_SLOTS = {
    [4] = {offsetof(struct vmi_handlers, Init), VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_13, 0},
    [5] = {offsetof(struct vmi_handlers, CPUID), VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_13 | VMI_CALL_IN_3 | VMI_MAY_TRAP | VMI_MAY_NATIVE, 0},
    [6] = {offsetof(struct vmi_handlers, WRMSR), VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_13 | VMI_CALL_IN_3 | VMI_MAY_TRAP | VMI_MAY_NATIVE, 0},
    [7] = {offsetof(struct vmi_handlers, RDMSR), VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_13 | VMI_CALL_IN_3 | VMI_MAY_TRAP | VMI_MAY_NATIVE, 0},
    [8] = {offsetof(struct vmi_handlers, SetGDT), VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_13 | VMI_CALL_IN_3 | VMI_MAY_TRAP | VMI_MAY_NATIVE, 0},
    [9] = {offsetof(struct vmi_handlers, SetLDT), VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_13 | VMI_CALL_IN_3 | VMI_MAY_TRAP | VMI_MAY_NATIVE, 0},
    [10] = {offsetof(struct vmi_handlers, SetIDT), VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_13 | VMI_CALL_IN_3 | VMI_MAY_TRAP | VMI_MAY_NATIVE, 0},
    [11] = {offsetof(struct vmi_handlers, SetTR), VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_13 | VMI_CALL_IN_3 | VMI_MAY_TRAP | VMI_MAY_NATIVE, 0},
    [12] = {offsetof(struct vmi_handlers, GetGDT), VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_13 | VMI_CALL_IN_3 | VMI_MAY_TRAP | VMI_MAY_NATIVE, 0},
    [13] = {offsetof(struct vmi_handlers, GetLDT), VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_13 | VMI_CALL_IN_3 | VMI_MAY_TRAP | VMI_MAY_NATIVE, 0},
    [14] = {offsetof(struct vmi_handlers, GetIDT), VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_13 | VMI_CALL_IN_3 | VMI_MAY_TRAP | VMI_MAY_NATIVE, 0},
    [15] = {offsetof(struct vmi_handlers, GetTR), VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_13 | VMI_CALL_IN_3 | VMI_MAY_TRAP | VMI_MAY_NATIVE, 0},
    [16] = {offsetof(struct vmi_handlers, WriteGDTEntry), VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_13 | VMI_CALL_IN_3 | VMI_MAY_TRAP | VMI_MAY_NATIVE, 1},
    [17] = {offsetof(struct vmi_handlers, WriteLDTEntry), VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_13 | VMI_CALL_IN_3 | VMI_MAY_TRAP | VMI_MAY_NATIVE, 1},
    [18] = {offsetof(struct vmi_handlers, WriteIDTEntry), VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_13 | VMI_CALL_IN_3 | VMI_MAY_TRAP | VMI_MAY_NATIVE, 1},
    [19] = {offsetof(struct vmi_handlers, UpdateKernelStack), VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_13 | VMI_MAY_TRAP | VMI_MAY_NATIVE | VMI_MAY_NOP, 0},
    [20] = {offsetof(struct vmi_handlers, SetCR0), VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_13 | VMI_CALL_IN_3 | VMI_MAY_TRAP | VMI_MAY_NATIVE, 0},
    [21] = {offsetof(struct vmi_handlers, SetCR2), VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_13 | VMI_CALL_IN_3 | VMI_MAY_TRAP | VMI_MAY_NATIVE, 0},
    [22] = {offsetof(struct vmi_handlers, SetCR3), VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_13 | VMI_CALL_IN_3 | VMI_MAY_TRAP | VMI_MAY_NATIVE, 0},
    [23] = {offsetof(struct vmi_handlers, SetCR4), VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_13 | VMI_CALL_IN_3 | VMI_MAY_TRAP | VMI_MAY_NATIVE, 0},
    [24] = {offsetof(struct vmi_handlers, GetCR0), VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_13 | VMI_CALL_IN_3 | VMI_MAY_TRAP | VMI_MAY_NATIVE, 0},
    [25] = {offsetof(struct vmi_handlers, GetCR2), VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_13 | VMI_CALL_IN_3 | VMI_MAY_TRAP | VMI_MAY_NATIVE, 0},
    [26] = {offsetof(struct vmi_handlers, GetCR3), VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_13 | VMI_CALL_IN_3 | VMI_MAY_TRAP | VMI_MAY_NATIVE, 0},
    [27] = {offsetof(struct vmi_handlers, GetCR4), VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_13 | VMI_CALL_IN_3 | VMI_MAY_TRAP | VMI_MAY_NATIVE, 0},
    [28] = {offsetof(struct vmi_handlers, INVD), VMI_SLOT_NOP, VMI_SLOT_NOP, VMI_SLOT_NOP, VMI_CALL_IN_13 | VMI_MAY_TRAP | VMI_MAY_NATIVE | VMI_MAY_NOP, 0},
    [29] = {offsetof(struct vmi_handlers, WBINVD), VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_13 | VMI_CALL_IN_3 | VMI_MAY_TRAP | VMI_MAY_NATIVE, 0},
    [30] = {offsetof(struct vmi_handlers, SetDR), VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_13 | VMI_CALL_IN_3 | VMI_MAY_TRAP | VMI_MAY_NATIVE, 0},
    [31] = {offsetof(struct vmi_handlers, GetDR), VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_13 | VMI_CALL_IN_3 | VMI_MAY_TRAP | VMI_MAY_NATIVE, 0},
    [32] = {offsetof(struct vmi_handlers, RDPMC), VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_13 | VMI_CALL_IN_3 | VMI_MAY_TRAP | VMI_MAY_NATIVE, 0},
    [33] = {offsetof(struct vmi_handlers, RDTSC), VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_13 | VMI_CALL_IN_3 | VMI_MAY_TRAP | VMI_MAY_NATIVE, 0},
    [34] = {offsetof(struct vmi_handlers, CLTS), VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_13 | VMI_CALL_IN_3 | VMI_MAY_TRAP | VMI_MAY_NATIVE, 0},
    [35] = {offsetof(struct vmi_handlers, EnableInterrupts), VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_13 | VMI_CALL_IN_3 | VMI_MAY_TRAP | VMI_MAY_NATIVE, 0},
    [36] = {offsetof(struct vmi_handlers, DisableInterrupts), VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_13 | VMI_CALL_IN_3 | VMI_MAY_TRAP | VMI_MAY_NATIVE, 0},
    [37] = {offsetof(struct vmi_handlers, GetInterruptMask), VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_13 | VMI_CALL_IN_3 | VMI_MAY_TRAP | VMI_MAY_NATIVE, 0},
    [38] = {offsetof(struct vmi_handlers, SetInterruptMask), VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_13 | VMI_CALL_IN_3 | VMI_MAY_TRAP | VMI_MAY_NATIVE, 0},
    [39] = {offsetof(struct vmi_handlers, IRET), VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_13 | VMI_CALL_IN_3 | VMI_MAY_TRAP | VMI_MAY_NATIVE | VMI_CALL_NORET, 3},
    [40] = {offsetof(struct vmi_handlers, SYSEXIT), VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_13 | VMI_CALL_IN_3 | VMI_MAY_TRAP | VMI_MAY_NATIVE | VMI_CALL_NORET, 0},
    [41] = {offsetof(struct vmi_handlers, Pause), VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_13 | VMI_MAY_TRAP | VMI_MAY_NATIVE, 0},
    [42] = {offsetof(struct vmi_handlers, Halt), VMI_SLOT_TRAP, VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_CALL_IN_13 | VMI_CALL_IN_3 | VMI_MAY_TRAP | VMI_MAY_NATIVE, 0},
    [43] = {offsetof(struct vmi_handlers, Reboot), VMI_SLOT_TRAP, VMI_SLOT_TRAP, VMI_SLOT_TRAP, VMI_CALL_IN_13 | VMI_CALL_IN_3 | VMI_MAY_TRAP | VMI_MAY_NATIVE, 0},
    [44] = {offsetof(struct vmi_handlers, Shutdown), VMI_SLOT_TRAP, VMI_SLOT_TRAP, VMI_SLOT_TRAP, VMI_CALL_IN_13 | VMI_CALL_IN_3 | VMI_MAY_TRAP | VMI_MAY_NATIVE, 0},
    [45] = {offsetof(struct vmi_handlers, SetPxE0), VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_13 | VMI_MAY_TRAP | VMI_MAY_NATIVE, 0},
    [46] = {offsetof(struct vmi_handlers, GetPxE), VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_13 | VMI_MAY_TRAP | VMI_MAY_NATIVE, 0},
    [47] = {offsetof(struct vmi_handlers, SwapPxE), VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_13 | VMI_MAY_TRAP | VMI_MAY_NATIVE, 0},
    [48] = {offsetof(struct vmi_handlers, SetPxELong0), VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_13 | VMI_MAY_TRAP | VMI_MAY_NATIVE, 0},
    [49] = {offsetof(struct vmi_handlers, GetPxELong), VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_13 | VMI_MAY_TRAP | VMI_MAY_NATIVE, 0},
    [50] = {offsetof(struct vmi_handlers, SwapPxELongAtomic), VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_13 | VMI_MAY_TRAP | VMI_MAY_NATIVE, 0},
    [51] = {offsetof(struct vmi_handlers, TestAndSetPxEBit), VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_13 | VMI_MAY_TRAP | VMI_MAY_NATIVE, 0},
    [52] = {offsetof(struct vmi_handlers, TestAndClearPxEBit), VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_13 | VMI_MAY_TRAP | VMI_MAY_NATIVE, 0},
    [53] = {offsetof(struct vmi_handlers, AllocatePage), VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_13 | VMI_MAY_TRAP | VMI_MAY_NATIVE | VMI_MAY_NOP, 2},
    [54] = {offsetof(struct vmi_handlers, ReleasePage), VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_13 | VMI_MAY_TRAP | VMI_MAY_NATIVE | VMI_MAY_NOP, 0},
    [55] = {offsetof(struct vmi_handlers, InvalPage), VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_13 | VMI_CALL_IN_3 | VMI_MAY_TRAP | VMI_MAY_NATIVE, 0},
    [56] = {offsetof(struct vmi_handlers, FlushTLB), VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_13 | VMI_CALL_IN_3 | VMI_MAY_TRAP | VMI_MAY_NATIVE, 0},
    [57] = {offsetof(struct vmi_handlers, FlushDeferredCalls), VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_13 | VMI_MAY_TRAP | VMI_MAY_NATIVE, 0},
    [58] = {offsetof(struct vmi_handlers, SetLinearMapping), VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_13 | VMI_CALL_IN_3 | VMI_MAY_TRAP | VMI_MAY_NATIVE | VMI_MAY_NOP, 1},
    [59] = {offsetof(struct vmi_handlers, IN), VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_13 | VMI_CALL_IN_3 | VMI_MAY_TRAP | VMI_MAY_NATIVE, 0},
    [60] = {offsetof(struct vmi_handlers, INB), VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_13 | VMI_CALL_IN_3 | VMI_MAY_TRAP | VMI_MAY_NATIVE, 0},
    [61] = {offsetof(struct vmi_handlers, INW), VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_13 | VMI_CALL_IN_3 | VMI_MAY_TRAP | VMI_MAY_NATIVE, 0},
    [62] = {offsetof(struct vmi_handlers, INS), VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_13 | VMI_CALL_IN_3 | VMI_MAY_TRAP | VMI_MAY_NATIVE, 0},
    [63] = {offsetof(struct vmi_handlers, INSB), VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_13 | VMI_CALL_IN_3 | VMI_MAY_TRAP | VMI_MAY_NATIVE, 0},
    [64] = {offsetof(struct vmi_handlers, INSW), VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_13 | VMI_CALL_IN_3 | VMI_MAY_TRAP | VMI_MAY_NATIVE, 0},
    [65] = {offsetof(struct vmi_handlers, OUT), VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_13 | VMI_CALL_IN_3 | VMI_MAY_TRAP | VMI_MAY_NATIVE, 0},
    [66] = {offsetof(struct vmi_handlers, OUTB), VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_13 | VMI_CALL_IN_3 | VMI_MAY_TRAP | VMI_MAY_NATIVE, 0},
    [67] = {offsetof(struct vmi_handlers, OUTW), VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_13 | VMI_CALL_IN_3 | VMI_MAY_TRAP | VMI_MAY_NATIVE, 0},
    [68] = {offsetof(struct vmi_handlers, OUTS), VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_13 | VMI_CALL_IN_3 | VMI_MAY_TRAP | VMI_MAY_NATIVE, 0},
    [69] = {offsetof(struct vmi_handlers, OUTSB), VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_13 | VMI_CALL_IN_3 | VMI_MAY_TRAP | VMI_MAY_NATIVE, 0},
    [70] = {offsetof(struct vmi_handlers, OUTSW), VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_13 | VMI_CALL_IN_3 | VMI_MAY_TRAP | VMI_MAY_NATIVE, 0},
    [71] = {offsetof(struct vmi_handlers, SetIOPLMask), VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_13 | VMI_CALL_IN_3 | VMI_MAY_TRAP | VMI_MAY_NATIVE, 0},
    [72] = {offsetof(struct vmi_handlers, DeactivatePxELongAtomic), VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_13 | VMI_MAY_TRAP | VMI_MAY_NATIVE, 0},
    [73] = {offsetof(struct vmi_handlers, TestAndSetPxELongBit), VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_13 | VMI_MAY_TRAP | VMI_MAY_NATIVE, 0},
    [74] = {offsetof(struct vmi_handlers, TestAndClearPxELongBit), VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_13 | VMI_MAY_TRAP | VMI_MAY_NATIVE, 0},
    [75] = {offsetof(struct vmi_handlers, SetInitialAPState), VMI_SLOT_TRAP, VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_CALL_IN_13 | VMI_MAY_TRAP | VMI_MAY_NATIVE | VMI_MAY_NOP, 0},
    [76] = {offsetof(struct vmi_handlers, APICWrite), VMI_SLOT_TRAP, VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_CALL_IN_13 | VMI_MAY_TRAP | VMI_MAY_NATIVE, 0},
    [77] = {offsetof(struct vmi_handlers, APICRead), VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_13 | VMI_MAY_TRAP | VMI_MAY_NATIVE, 0},
    [78] = {offsetof(struct vmi_handlers, IODelay), VMI_SLOT_NOP, VMI_SLOT_NOP, VMI_SLOT_NOP, VMI_CALL_IN_13 | VMI_CALL_IN_3 | VMI_MAY_TRAP | VMI_MAY_NATIVE | VMI_MAY_NOP, 0},
    [79] = {offsetof(struct vmi_handlers, GetCycleFrequency), VMI_SLOT_TRAP, VMI_SLOT_TRAP, VMI_SLOT_TRAP, VMI_CALL_IN_13 | VMI_CALL_IN_3 | VMI_MAY_TRAP, 0},
    [80] = {offsetof(struct vmi_handlers, GetCycleCounter), VMI_SLOT_TRAP, VMI_SLOT_TRAP, VMI_SLOT_TRAP, VMI_CALL_IN_13 | VMI_CALL_IN_3 | VMI_MAY_TRAP, 0},
    [81] = {offsetof(struct vmi_handlers, SetAlarm), VMI_SLOT_TRAP, VMI_SLOT_TRAP, VMI_SLOT_TRAP, VMI_CALL_IN_13 | VMI_CALL_IN_3 | VMI_MAY_TRAP, 2},
    [82] = {offsetof(struct vmi_handlers, CancelAlarm), VMI_SLOT_TRAP, VMI_SLOT_TRAP, VMI_SLOT_TRAP, VMI_CALL_IN_13 | VMI_CALL_IN_3 | VMI_MAY_TRAP, 0},
    [83] = {offsetof(struct vmi_handlers, GetWallclockTime), VMI_SLOT_TRAP, VMI_SLOT_TRAP, VMI_SLOT_TRAP, VMI_CALL_IN_13 | VMI_CALL_IN_3 | VMI_MAY_TRAP, 0},
    [84] = {offsetof(struct vmi_handlers, WallclockUpdated), VMI_SLOT_TRAP, VMI_SLOT_TRAP, VMI_SLOT_TRAP, VMI_CALL_IN_13 | VMI_CALL_IN_3 | VMI_MAY_TRAP, 0},
    [85] = {offsetof(struct vmi_handlers, GetRelocationInfo), VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_13, 0},
    [86] = {offsetof(struct vmi_handlers, SetPxE), VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_13 | VMI_CALL_IN_3 | VMI_MAY_TRAP | VMI_MAY_NATIVE, 0},
    [87] = {offsetof(struct vmi_handlers, SetPxELong), VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_13 | VMI_CALL_IN_3 | VMI_MAY_TRAP | VMI_MAY_NATIVE, 1},
    [88] = {offsetof(struct vmi_handlers, UpdateKernelStack3), VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_3 | VMI_MAY_TRAP | VMI_MAY_NATIVE | VMI_MAY_NOP, 0},
    [89] = {offsetof(struct vmi_handlers, UpdatePxE), VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_3 | VMI_MAY_TRAP | VMI_MAY_NATIVE | VMI_MAY_NOP, 0},
    [90] = {offsetof(struct vmi_handlers, UpdatePxELong), VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_3 | VMI_MAY_TRAP | VMI_MAY_NATIVE | VMI_MAY_NOP, 0},
    [91] = {offsetof(struct vmi_handlers, MachineToPhysical), VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_3 | VMI_MAY_TRAP | VMI_MAY_NATIVE, 0},
    [92] = {offsetof(struct vmi_handlers, PhysicalToMachine), VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_3 | VMI_MAY_TRAP | VMI_MAY_NATIVE, 0},
    [93] = {offsetof(struct vmi_handlers, AllocatePage3), VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_3 | VMI_MAY_TRAP | VMI_MAY_NATIVE | VMI_MAY_NOP, 2},
    [94] = {offsetof(struct vmi_handlers, ReleasePage3), VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_3 | VMI_MAY_TRAP | VMI_MAY_NATIVE | VMI_MAY_NOP, 0},
    [95] = {offsetof(struct vmi_handlers, SetInitialAPState3), VMI_SLOT_TRAP, VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_CALL_IN_3 | VMI_MAY_TRAP | VMI_MAY_NATIVE | VMI_MAY_NOP, 0},
    [96] = {offsetof(struct vmi_handlers, APICWrite3), VMI_SLOT_TRAP, VMI_SLOT_TRAP, VMI_SLOT_TRAP, VMI_CALL_IN_3 | VMI_MAY_TRAP | VMI_MAY_NATIVE | VMI_MAY_NOP, 0},
    [97] = {offsetof(struct vmi_handlers, APICRead3), VMI_SLOT_TRAP, VMI_SLOT_TRAP, VMI_SLOT_TRAP, VMI_CALL_IN_3 | VMI_MAY_TRAP | VMI_MAY_NATIVE, 0},
    [98] = {offsetof(struct vmi_handlers, SetCallbacks), VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_3, 0},
    [99] = {offsetof(struct vmi_handlers, SetLazyMode), VMI_SLOT_TRAP, VMI_SLOT_NATIVE, VMI_SLOT_NATIVE, VMI_CALL_IN_3 | VMI_MAY_TRAP | VMI_MAY_NATIVE | VMI_MAY_NOP, 0},
};
#endif

#endif
