/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The calls of VMI, the Virtual Machine Interface for i386, by number. Generated from calls.tsv: edit calls.tsv instead. */
#ifndef VMI_CALLS_H
#define VMI_CALLS_H

/* clang-format off */

/* API 13.0 to 13.3: call N is the code at ROM start + N * 32. */
#define VMI_CALL_Init                          4 /* - -> EAX=status */
#define VMI_CALL_CPUID                         5 /* EAX=leaf ECX=subleaf -> EAX=eax EBX=ebx ECX=ecx EDX=edx */
#define VMI_CALL_WRMSR                         6 /* ECX=msr EAX=low EDX=high -> - */
#define VMI_CALL_RDMSR                         7 /* ECX=msr -> EAX=low EDX=high */
#define VMI_CALL_SetGDT                        8 /* EAX=dtr -> - */
#define VMI_CALL_SetLDT                        9 /* AX=selector -> - */
#define VMI_CALL_SetIDT                       10 /* EAX=dtr -> - */
#define VMI_CALL_SetTR                        11 /* AX=selector -> - */
#define VMI_CALL_GetGDT                       12 /* EAX=buffer -> [EAX]=dtr */
#define VMI_CALL_GetLDT                       13 /* - -> EAX=selector */
#define VMI_CALL_GetIDT                       14 /* EAX=buffer -> [EAX]=dtr */
#define VMI_CALL_GetTR                        15 /* - -> EAX=selector */
#define VMI_CALL_WriteGDTEntry                16 /* EAX=table EDX=index ECX=low stack: high -> [EAX]=entry */
#define VMI_CALL_WriteLDTEntry                17 /* EAX=table EDX=index ECX=low stack: high -> [EAX]=entry */
#define VMI_CALL_WriteIDTEntry                18 /* EAX=table EDX=index ECX=low stack: high -> [EAX]=entry */
#define VMI_CALL_UpdateKernelStack            19 /* EAX=tss EDX=esp0 -> - */
#define VMI_CALL_SetCR0                       20 /* EAX=value -> - */
#define VMI_CALL_SetCR2                       21 /* EAX=value -> - */
#define VMI_CALL_SetCR3                       22 /* EAX=value -> - */
#define VMI_CALL_SetCR4                       23 /* EAX=value -> - */
#define VMI_CALL_GetCR0                       24 /* - -> EAX=value */
#define VMI_CALL_GetCR2                       25 /* - -> EAX=value */
#define VMI_CALL_GetCR3                       26 /* - -> EAX=value */
#define VMI_CALL_GetCR4                       27 /* - -> EAX=value */
#define VMI_CALL_INVD                         28 /* - -> - */
#define VMI_CALL_WBINVD                       29 /* - -> - */
#define VMI_CALL_SetDR                        30 /* EAX=number EDX=value -> - */
#define VMI_CALL_GetDR                        31 /* EAX=number -> EAX=value */
#define VMI_CALL_RDPMC                        32 /* ECX=counter -> EAX=low EDX=high */
#define VMI_CALL_RDTSC                        33 /* - -> EAX=low EDX=high */
#define VMI_CALL_CLTS                         34 /* - -> - */
#define VMI_CALL_EnableInterrupts             35 /* - -> - */
#define VMI_CALL_DisableInterrupts            36 /* - -> - */
#define VMI_CALL_GetInterruptMask             37 /* - -> EAX=mask */
#define VMI_CALL_SetInterruptMask             38 /* EAX=mask -> - */
#define VMI_CALL_IRET                         39 /* stack: eip cs eflags -> - */
#define VMI_CALL_SYSEXIT                      40 /* EDX=eip ECX=esp -> - */
#define VMI_CALL_Pause                        41 /* - -> - */
#define VMI_CALL_Halt                         42 /* - -> - */
#define VMI_CALL_Reboot                       43 /* EAX=how -> - */
#define VMI_CALL_Shutdown                     44 /* - -> - */
#define VMI_CALL_SetPxE0                      45 /* EAX=ptep EDX=pte -> [EAX]=entry */
#define VMI_CALL_GetPxE                       46 /* EAX=ptep -> EAX=pte */
#define VMI_CALL_SwapPxE                      47 /* EAX=ptep EDX=pte -> EAX=old [EAX]=entry */
#define VMI_CALL_SetPxELong0                  48 /* EAX=low EDX=high ECX=ptep -> [ECX]=entry */
#define VMI_CALL_GetPxELong                   49 /* EAX=ptep -> EAX=low EDX=high */
#define VMI_CALL_SwapPxELongAtomic            50 /* EAX=low EDX=high ECX=ptep -> EAX=old_low EDX=old_high [ECX]=entry */
#define VMI_CALL_TestAndSetPxEBit             51 /* EAX=ptep EDX=bit -> EAX=was_set [EAX]=entry */
#define VMI_CALL_TestAndClearPxEBit           52 /* EAX=ptep EDX=bit -> EAX=was_set [EAX]=entry */
#define VMI_CALL_AllocatePage                 53 /* EAX=pfn EDX=flags ECX=clone_pfn stack: first count -> - */
#define VMI_CALL_ReleasePage                  54 /* EAX=pfn EDX=flags -> - */
#define VMI_CALL_InvalPage                    55 /* EAX=linear -> - */
#define VMI_CALL_FlushTLB                     56 /* EAX=flags -> - */
#define VMI_CALL_FlushDeferredCalls           57 /* EAX=what -> EAX=zero */
#define VMI_CALL_SetLinearMapping             58 /* EAX=slot EDX=linear ECX=pages stack: pfn -> - */
#define VMI_CALL_IN                           59 /* DX=port -> EAX=data */
#define VMI_CALL_INB                          60 /* DX=port -> AL=data */
#define VMI_CALL_INW                          61 /* DX=port -> AX=data */
#define VMI_CALL_INS                          62 /* DX=port EDI=buffer ECX=count -> EDI=end ECX=zero [EDI]=data */
#define VMI_CALL_INSB                         63 /* DX=port EDI=buffer ECX=count -> EDI=end ECX=zero [EDI]=data */
#define VMI_CALL_INSW                         64 /* DX=port EDI=buffer ECX=count -> EDI=end ECX=zero [EDI]=data */
#define VMI_CALL_OUT                          65 /* DX=port EAX=data -> - */
#define VMI_CALL_OUTB                         66 /* DX=port AL=data -> - */
#define VMI_CALL_OUTW                         67 /* DX=port AX=data -> - */
#define VMI_CALL_OUTS                         68 /* DX=port ESI=buffer ECX=count -> ESI=end ECX=zero */
#define VMI_CALL_OUTSB                        69 /* DX=port ESI=buffer ECX=count -> ESI=end ECX=zero */
#define VMI_CALL_OUTSW                        70 /* DX=port ESI=buffer ECX=count -> ESI=end ECX=zero */
#define VMI_CALL_SetIOPLMask                  71 /* EAX=iopl -> - */
#define VMI_CALL_DeactivatePxELongAtomic      72 /* EAX=ptep -> EAX=old_low EDX=old_high [EAX]=entry */
#define VMI_CALL_TestAndSetPxELongBit         73 /* EAX=ptep EDX=bit -> EAX=was_set [EAX]=entry */
#define VMI_CALL_TestAndClearPxELongBit       74 /* EAX=ptep EDX=bit -> EAX=was_set [EAX]=entry */
#define VMI_CALL_SetInitialAPState            75 /* EAX=apstate EDX=apic_id -> - */
#define VMI_CALL_APICWrite                    76 /* EAX=register EDX=value -> [EAX]=value */
#define VMI_CALL_APICRead                     77 /* EAX=register -> EAX=value */
#define VMI_CALL_IODelay                      78 /* - -> - */
#define VMI_CALL_GetCycleFrequency            79 /* - -> EAX=low EDX=high */
#define VMI_CALL_GetCycleCounter              80 /* EAX=counter -> EAX=low EDX=high */
#define VMI_CALL_SetAlarm                     81 /* EAX=flags EDX=expiry_low ECX=expiry_high stack: period_low period_high -> - */
#define VMI_CALL_CancelAlarm                  82 /* EAX=flags -> EAX=was_armed */
#define VMI_CALL_GetWallclockTime             83 /* - -> EAX=low EDX=high */
#define VMI_CALL_WallclockUpdated             84 /* - -> EAX=jumped */
#define VMI_CALL_GetRelocationInfo            85 /* EAX=number -> EAX=eip EDX=type */
#define VMI_CALL_SetPxE                       86 /* EAX=pte EDX=ptep ECX=flags -> [EDX]=entry */
#define VMI_CALL_SetPxELong                   87 /* EAX=low EDX=high ECX=ptep stack: flags -> [ECX]=entry */

#define VMI_CALL_LAST                         87 /* the first is VMI_CALL_FIRST in rom.h */

/* API 3.0: call numbers for GetRelocationInfo; the calls have no fixed place. */
#define VMI3_CALL_CPUID                        0 /* EAX=leaf ECX=subleaf -> EAX=eax EBX=ebx ECX=ecx EDX=edx */
#define VMI3_CALL_WRMSR                        1 /* ECX=msr EAX=low EDX=high -> - */
#define VMI3_CALL_RDMSR                        2 /* ECX=msr -> EAX=low EDX=high */
#define VMI3_CALL_SetGDT                       3 /* EAX=dtr -> - */
#define VMI3_CALL_SetLDT                       4 /* AX=selector -> - */
#define VMI3_CALL_SetIDT                       5 /* EAX=dtr -> - */
#define VMI3_CALL_SetTR                        6 /* AX=selector -> - */
#define VMI3_CALL_GetGDT                       7 /* EAX=buffer -> [EAX]=dtr */
#define VMI3_CALL_GetLDT                       8 /* - -> EAX=selector */
#define VMI3_CALL_GetIDT                       9 /* EAX=buffer -> [EAX]=dtr */
#define VMI3_CALL_GetTR                       10 /* - -> EAX=selector */
#define VMI3_CALL_WriteGDTEntry               11 /* EAX=table EDX=index ECX=low stack: high -> [EAX]=entry */
#define VMI3_CALL_WriteLDTEntry               12 /* EAX=table EDX=index ECX=low stack: high -> [EAX]=entry */
#define VMI3_CALL_WriteIDTEntry               13 /* EAX=table EDX=index ECX=low stack: high -> [EAX]=entry */
#define VMI3_CALL_UpdateKernelStack           14 /* AX=ss EDX=esp0 -> - */
#define VMI3_CALL_SetCR0                      15 /* EAX=value -> - */
#define VMI3_CALL_SetCR2                      16 /* EAX=value -> - */
#define VMI3_CALL_SetCR3                      17 /* EAX=value -> - */
#define VMI3_CALL_SetCR4                      18 /* EAX=value -> - */
#define VMI3_CALL_GetCR0                      19 /* - -> EAX=value */
#define VMI3_CALL_GetCR2                      20 /* - -> EAX=value */
#define VMI3_CALL_GetCR3                      21 /* - -> EAX=value */
#define VMI3_CALL_GetCR4                      22 /* - -> EAX=value */
#define VMI3_CALL_WBINVD                      23 /* - -> - */
#define VMI3_CALL_SetDR                       24 /* EAX=number EDX=value -> - */
#define VMI3_CALL_GetDR                       25 /* EAX=number -> EAX=value */
#define VMI3_CALL_RDPMC                       26 /* ECX=counter -> EAX=low EDX=high */
#define VMI3_CALL_RDTSC                       27 /* - -> EAX=low EDX=high */
#define VMI3_CALL_CLTS                        28 /* - -> - */
#define VMI3_CALL_EnableInterrupts            29 /* - -> - */
#define VMI3_CALL_DisableInterrupts           30 /* - -> - */
#define VMI3_CALL_GetInterruptMask            31 /* - -> EAX=mask */
#define VMI3_CALL_SetInterruptMask            32 /* EAX=mask -> - */
#define VMI3_CALL_IRET                        33 /* stack: eip cs eflags -> - */
#define VMI3_CALL_SYSEXIT                     34 /* EDX=eip ECX=esp -> - */
#define VMI3_CALL_Halt                        35 /* - -> - */
#define VMI3_CALL_Reboot                      36 /* EAX=how -> - */
#define VMI3_CALL_Shutdown                    37 /* - -> - */
#define VMI3_CALL_SetPxE                      38 /* EAX=pte EDX=ptep ECX=flags -> [EDX]=entry */
#define VMI3_CALL_SetPxELong                  39 /* EAX=low EDX=high ECX=ptep stack: flags -> [ECX]=entry */
#define VMI3_CALL_UpdatePxE                   40 /* EAX=ptep EDX=flags -> - */
#define VMI3_CALL_UpdatePxELong               41 /* EAX=ptep EDX=flags -> - */
#define VMI3_CALL_MachineToPhysical           42 /* EAX=value -> EAX=translated */
#define VMI3_CALL_PhysicalToMachine           43 /* EAX=value -> EAX=translated */
#define VMI3_CALL_AllocatePage                44 /* EAX=pfn EDX=flags ECX=clone_pfn stack: first count -> - */
#define VMI3_CALL_ReleasePage                 45 /* EAX=pfn EDX=flags -> - */
#define VMI3_CALL_InvalPage                   46 /* EAX=linear -> - */
#define VMI3_CALL_FlushTLB                    47 /* EAX=flags -> - */
#define VMI3_CALL_SetLinearMapping            48 /* EAX=slot EDX=linear ECX=pages stack: pfn -> - */
#define VMI3_CALL_IN                          49 /* DX=port -> EAX=data */
#define VMI3_CALL_INB                         50 /* DX=port -> AL=data */
#define VMI3_CALL_INW                         51 /* DX=port -> AX=data */
#define VMI3_CALL_INS                         52 /* DX=port EDI=buffer ECX=count -> EDI=end ECX=zero [EDI]=data */
#define VMI3_CALL_INSB                        53 /* DX=port EDI=buffer ECX=count -> EDI=end ECX=zero [EDI]=data */
#define VMI3_CALL_INSW                        54 /* DX=port EDI=buffer ECX=count -> EDI=end ECX=zero [EDI]=data */
#define VMI3_CALL_OUT                         55 /* DX=port EAX=data -> - */
#define VMI3_CALL_OUTB                        56 /* DX=port AL=data -> - */
#define VMI3_CALL_OUTW                        57 /* DX=port AX=data -> - */
#define VMI3_CALL_OUTS                        58 /* DX=port ESI=buffer ECX=count -> ESI=end ECX=zero */
#define VMI3_CALL_OUTSB                       59 /* DX=port ESI=buffer ECX=count -> ESI=end ECX=zero */
#define VMI3_CALL_OUTSW                       60 /* DX=port ESI=buffer ECX=count -> ESI=end ECX=zero */
#define VMI3_CALL_SetIOPLMask                 61 /* EAX=iopl -> - */
#define VMI3_CALL_SetInitialAPState           62 /* EAX=apstate EDX=apic_id -> - */
#define VMI3_CALL_APICWrite                   63 /* EAX=offset EDX=value -> - */
#define VMI3_CALL_APICRead                    64 /* EAX=offset -> EAX=value */
#define VMI3_CALL_IODelay                     65 /* - -> - */
#define VMI3_CALL_GetCycleFrequency           66 /* - -> EAX=low EDX=high */
#define VMI3_CALL_GetCycleCounter             67 /* EAX=counter -> EAX=low EDX=high */
#define VMI3_CALL_SetAlarm                    68 /* EAX=flags EDX=expiry_low ECX=expiry_high stack: period_low period_high -> - */
#define VMI3_CALL_CancelAlarm                 69 /* EAX=flags -> EAX=was_armed */
#define VMI3_CALL_GetWallclockTime            70 /* - -> EAX=low EDX=high */
#define VMI3_CALL_WallclockUpdated            71 /* - -> EAX=jumped */
#define VMI3_CALL_SetCallbacks                72 /* - -> EAX=zero */
#define VMI3_CALL_SetLazyMode                 73 /* EAX=mode -> - */

#define VMI3_CALL_LAST                        73

/* Slots of the calls that only API 3.0 has, or takes other arguments for. */
#define VMI3_SLOT_UpdateKernelStack           88
#define VMI3_SLOT_UpdatePxE                   89
#define VMI3_SLOT_UpdatePxELong               90
#define VMI3_SLOT_MachineToPhysical           91
#define VMI3_SLOT_PhysicalToMachine           92
#define VMI3_SLOT_AllocatePage                93
#define VMI3_SLOT_ReleasePage                 94
#define VMI3_SLOT_SetInitialAPState           95
#define VMI3_SLOT_APICWrite                   96
#define VMI3_SLOT_APICRead                    97
#define VMI3_SLOT_SetCallbacks                98
#define VMI3_SLOT_SetLazyMode                 99

#define VMI_SLOT_LAST                         99 /* the last slot that a call of either API has */

#endif
