/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * A hypervisor in JavaScript on the emulator v86: the kit (kit.c) publishes the hypercall ROM and decodes its traps, the
 * functions below serve the calls. The trap is an OUT to a port that is ours. Behind it the emulator has advanced EIP, and
 * its processor is ours to change; what is an instruction of the processor's, the emulator executes for us.
 */

const EAX = 0, ECX = 1, EDX = 2, ESP = 4, ESI = 6, EDI = 7; /* in dwords: struct vmi_frame, and v86's registers */
const REGISTERS = 8, EIP = 8, EFLAGS = 9;
const TR = 6, LDTR = 7; /* v86's segment registers */
const IF = 0x200, IOPL = 0x3000, CR0_PG = 0x80000000, CR4_PSE = 0x10, CR4_PAE = 0x20;
const PTE_P = 1, PTE_A = 0x20, PTE_D = 0x40, PTE_PS = 0x80, PAGE = 4096;

/* As in include/vmi/. */
const RETURNS = 0, REPEATS = 1, TRANSFERS = 2, STOPS = 3, ERROR_FAULT = -29;
const SLOT_TRAP = 1, POLICIES = {default: 0, all: 1, tuned: 2, hosted: 4};

export const ROM_AT = 0xC0000; /* where SeaBIOS puts the first option ROM, as no graphics card has one here */

/* Guest memory by linear address, through the guest's page tables: they are walked here because the emulator would raise
 * page faults. */
function guest_memory(cpu) {
    /* Levels of page tables from the top: where an index begins in the address, how many bits it has, and whether an entry
     * may be a page. An entry's upper half is zero here: there is no such memory. */
    const LEGACY = {base: -PAGE, size: 4, levels: [[22, 10, CR4_PSE], [12, 10, 0]]};
    const PAE = {base: -32, size: 8, levels: [[30, 2, 0], [21, 9, CR4_PAE], [12, 9, 0]]};

    function translate(linear, write) {
        if (!(cpu.cr[0] & CR0_PG)) {
            return linear;
        }
        const paging = cpu.cr[4] & CR4_PAE ? PAE : LEGACY;
        let table = cpu.cr[3] & paging.base;
        for (const [shift, bits, large] of paging.levels) {
            const at = table + (linear >>> shift & (1 << bits) - 1) * paging.size >>> 2;
            const entry = cpu.mem32s[at];
            if (!(entry & PTE_P)) {
                return null;
            }
            const page = shift === 12 || entry & PTE_PS && cpu.cr[4] & large;
            if (shift !== 30) {
                cpu.mem32s[at] = entry | PTE_A | (page && write ? PTE_D : 0);
            }
            if (page) {
                const offset = (1 << shift) - 1;
                return (entry & ~offset | linear & offset) >>> 0;
            }
            table = entry & -PAGE;
        }
        return null;
    }

    /* All bytes or none. */
    function places(linear, size, write) {
        const at = [];
        for (let i = 0; i < size; i++) {
            const place = translate(linear + i >>> 0, write);
            if (place === null || place >= cpu.memory_size[0]) {
                return null;
            }
            at.push(place);
        }
        return at;
    }

    return {
        translate,
        read(linear, to) {
            const at = places(linear, to.length, false);
            if (at) {
                at.forEach((place, i) => { to[i] = cpu.mem8[place]; });
            }
            return !!at;
        },
        write(linear, from) {
            const at = places(linear, from.length, true);
            if (at) {
                at.forEach((place, i) => cpu.write_blob([from[i]], place)); /* which drops code compiled from there */
            }
            return !!at;
        },
    };
}

/*
 * What serves each call, by name: `f` is the frame, `host` the machine. A handler that returns nothing has done its call.
 * Calls that are not here stay native: those of the local APIC and of other processors, which this machine has not.
 */
function handlers_of(host) {
    const {cpu, memory, instructions, kit} = host;

    class Fault extends Error {}

    const read = (linear, size) => {
        const bytes = new Uint8Array(4);
        if (!memory.read(linear, bytes.subarray(0, size))) {
            throw new Fault();
        }
        return new DataView(bytes.buffer).getUint32(0, true);
    };
    const write_bytes = (linear, size, ...values) => {
        if (!memory.write(linear, new Uint8Array(Uint32Array.from(values).buffer, 0, size))) {
            throw new Fault();
        }
    };
    const read32 = linear => read(linear, 4);
    const write = (linear, ...values) => write_bytes(linear, 4 * values.length, ...values);
    const argument = n => {
        const value = kit.argument(n);
        if (kit.argument_error()) {
            throw new Fault();
        }
        return value;
    };

    /* The processor executes an instruction with the guest's registers. Where it faults the guest's handler is next. */
    const execute = instruction => f => {
        const at = cpu.instruction_pointer[0];
        instruction(f);
        if (cpu.instruction_pointer[0] !== at) {
            return TRANSFERS;
        }
        f.set(cpu.reg32.subarray(0, REGISTERS));
    };

    /* Ports too: some devices are the emulator's own, behind its instructions. */
    const port_in = {1: execute(() => instructions.instr_EC()), 2: execute(() => instructions.instr16_ED()),
        4: execute(() => instructions.instr32_ED())};
    const port_out = {1: execute(() => instructions.instr_EE()), 2: execute(() => instructions.instr16_EF()),
        4: execute(() => instructions.instr32_EF())};

    /* One element a trap, so that interrupts get in between; the last one ends the call. */
    const string_out = size => f => {
        if (f[ECX]) {
            const kept = f[EAX];
            cpu.reg32[EAX] = read(f[ESI], size);
            port_out[size](f);
            f[EAX] = kept;
            f[ESI] += size;
            f[ECX]--;
        }
        return f[ECX] ? REPEATS : RETURNS;
    };
    const string_in = size => f => {
        if (f[ECX]) {
            const kept = f[EAX];
            write_bytes(f[EDI], size, read(f[EDI], size)); /* before a device gives a value away there has to be a place */
            port_in[size](f);
            write_bytes(f[EDI], size, f[EAX]);
            f[EAX] = kept;
            f[EDI] += size;
            f[ECX]--;
        }
        return f[ECX] ? REPEATS : RETURNS;
    };

    const nothing = () => {};
    const zero = f => { f[EAX] = 0; };
    const zeros = f => { f[EAX] = f[EDX] = 0; };
    const set_cr = number => execute(() => instructions.instr_0F22(EAX, number)); /* MOV CRn, EAX */
    const get_cr = number => f => { f[EAX] = cpu.cr[number]; };
    const set_table = (size, offset) => f => {
        const low = read32(f[EAX]), high = read32(f[EAX] + 2);
        size[0] = low & 0xFFFF;
        offset[0] = high;
    };
    const get_table = (size, offset) => f => write_bytes(f[EAX], 6, size[0] & 0xFFFF | offset[0] << 16, offset[0] >>> 16);
    const write_entry = f => write(f[EAX] + 8 * f[EDX], f[ECX], argument(0));
    const set_flags = (f, mask, value) => { f[EFLAGS] = f[EFLAGS] & ~mask | value & mask; };

    /* Page-table entries: there is one processor, and nothing gets between two of our accesses. */
    const set_long = f => write(f[ECX], f[EAX], f[EDX]);
    const get_long = linear => [read32(linear), read32(linear + 4)];
    const give_long = (f, [low, high]) => {
        f[EAX] = low;
        f[EDX] = high;
    };
    const change_bit = value => f => {
        const dword = f[EAX] + (f[EDX] >>> 5 << 2), bit = 1 << (f[EDX] & 31), old = read32(dword);
        write(dword, value ? old | bit : old & ~bit);
        f[EAX] = old & bit ? 1 : 0;
    };

    const handlers = {
        CPUID: execute(() => instructions.instr_0FA2()),
        WRMSR: execute(() => instructions.instr_0F30()),
        RDMSR: execute(() => instructions.instr_0F32()),
        SetGDT: set_table(cpu.gdtr_size, cpu.gdtr_offset),
        SetIDT: set_table(cpu.idtr_size, cpu.idtr_offset),
        GetGDT: get_table(cpu.gdtr_size, cpu.gdtr_offset),
        GetIDT: get_table(cpu.idtr_size, cpu.idtr_offset),
        SetLDT: execute(() => instructions.instr32_0F00_2_reg(EAX)), /* LLDT AX */
        SetTR: execute(() => instructions.instr32_0F00_3_reg(EAX)), /* LTR AX */
        GetLDT: f => { f[EAX] = cpu.sreg[LDTR]; },
        GetTR: f => { f[EAX] = cpu.sreg[TR]; },
        WriteGDTEntry: write_entry,
        WriteLDTEntry: write_entry,
        WriteIDTEntry: write_entry,
        UpdateKernelStack: nothing, /* the guest writes its TSS itself, and the emulator's processor reads that */
        SetCR0: set_cr(0),
        SetCR2: f => { cpu.cr[2] = f[EAX]; },
        SetCR3: set_cr(3),
        SetCR4: set_cr(4),
        GetCR0: get_cr(0),
        GetCR2: get_cr(2),
        GetCR3: get_cr(3),
        GetCR4: get_cr(4),
        CLTS: execute(() => instructions.instr_0F06()),
        WBINVD: nothing, /* the emulator has no caches */
        SetDR: execute(f => f[EAX] >>> 0 < 8 && instructions.instr_0F23(EDX, f[EAX])), /* MOV DRn, EDX */
        GetDR: f => { f[EAX] = f[EAX] >>> 0 < 8 ? cpu.dreg[f[EAX]] : 0; },
        EnableInterrupts: f => set_flags(f, IF, IF),
        DisableInterrupts: f => set_flags(f, IF, 0),
        GetInterruptMask: f => { f[EAX] = f[EFLAGS] & IF; },
        SetInterruptMask: f => set_flags(f, IF, f[EAX]),
        SetIOPLMask: f => set_flags(f, IOPL, f[EAX]),
        IRET: () => {
            cpu.reg32[ESP] += 4; /* the call's return address */
            instructions.instr32_CF();
            return TRANSFERS;
        },
        SYSEXIT: () => {
            cpu.flags[0] |= IF;
            instructions.instr_0F35();
            return TRANSFERS;
        },
        Pause: nothing,
        Halt: f => {
            set_flags(f, IF, IF);
            cpu.in_hlt[0] = 1; /* until the emulator has an interrupt, which is taken at the RET */
        },
        Reboot: () => host.end("reboot"),
        Shutdown: () => host.end("shutdown"),
        SetPxE0: f => write(f[EAX], f[EDX]),
        SetPxE: f => write(f[EDX], f[EAX]), /* the other way round */
        GetPxE: f => { f[EAX] = read32(f[EAX]); },
        SwapPxE: f => {
            const old = read32(f[EAX]);
            write(f[EAX], f[EDX]);
            f[EAX] = old;
        },
        SetPxELong0: set_long,
        SetPxELong: set_long,
        GetPxELong: f => give_long(f, get_long(f[EAX])),
        SwapPxELongAtomic: f => {
            const old = get_long(f[ECX]);
            set_long(f);
            give_long(f, old);
        },
        DeactivatePxELongAtomic: f => {
            const old = get_long(f[EAX]);
            write(f[EAX], 0, 0);
            give_long(f, old);
        },
        TestAndSetPxEBit: change_bit(true),
        TestAndClearPxEBit: change_bit(false),
        TestAndSetPxELongBit: change_bit(true),
        TestAndClearPxELongBit: change_bit(false),
        AllocatePage: nothing, /* the page tables are the processor's: there is no shadow to prepare */
        ReleasePage: nothing,
        InvalPage: f => instructions.instr32_0F01_7_mem(f[EAX]),
        FlushTLB: f => f[EAX] & 2 ? cpu.full_clear_tlb() : cpu.clear_tlb(),
        FlushDeferredCalls: zero,
        SetLinearMapping: nothing,
        INB: port_in[1],
        INW: port_in[2],
        IN: port_in[4],
        OUTB: port_out[1],
        OUTW: port_out[2],
        OUT: port_out[4],
        INSB: string_in(1),
        INSW: string_in(2),
        INS: string_in(4),
        OUTSB: string_out(1),
        OUTSW: string_out(2),
        OUTS: string_out(4),
        IODelay: nothing,
        GetCycleFrequency: zeros, /* no VMI timer: the guest keeps its own */
        GetCycleCounter: zeros,
        SetAlarm: nothing,
        CancelAlarm: zero,
        GetWallclockTime: f => {
            const now = BigInt(Date.now()) * 1000000n;
            f[EAX] = Number(BigInt.asIntN(32, now));
            f[EDX] = Number(BigInt.asIntN(32, now >> 32n));
        },
        WallclockUpdated: zero,
    };

    return {
        has: name => name in handlers,
        serve(name, f) {
            try {
                return handlers[name](f) || RETURNS;
            } catch (error) {
                if (error instanceof Fault) {
                    return ERROR_FAULT;
                }
                throw error;
            }
        },
    };
}

/*
 * Publishes the ROM for the machine whose processor is `cpu`, and serves its calls from now on. `module` is kit.c compiled,
 * `calls` the table of calls. Returns the ROM's bytes, for the BIOS, and the slots that trap.
 *
 *   served(slot, before, after)   a call has been served: registers as eight dwords
 *   stopped(reason)               the processor stands still: "reboot", "shutdown", or why the guest cannot be served
 */
export function hypervisor({cpu, module, calls, policy, served, stopped}) {
    let failed = null; /* an exception must not go through the emulator's and the kit's frames */
    const instance = new WebAssembly.Instance(module, {host: {
        call(slot) {
            try {
                return handlers.serve(names.get(slot), frame());
            } catch (error) {
                failed = error;
                return STOPS;
            }
        },
        read: (linear, to, size) => memory.read(linear >>> 0, bytes(to, size)),
        write: (linear, from, size) => memory.write(linear >>> 0, bytes(from, size)),
    }});
    const kit = instance.exports;
    const bytes = (at, size) => new Uint8Array(kit.memory.buffer, at, size);
    const frame = () => new Int32Array(kit.memory.buffer, kit.frame(), EFLAGS + 1);
    const text = at => new TextDecoder().decode(bytes(at, 80)).split("\0")[0];
    const check = error => {
        if (error < 0) {
            throw new Error(text(kit.error_text(error)));
        }
    };

    const memory = guest_memory(cpu);
    const end = reason => {
        cpu.flags[0] &= ~IF;
        cpu.in_hlt[0] = 1; /* nothing more of the guest is executed */
        stopped(reason);
        return STOPS;
    };
    const handlers = handlers_of({cpu, memory, kit, end, instructions: cpu.wm.exports});
    const names = new Map(calls.filter(call => call.api13 !== null).map(call => [call.slot, call.name]));

    check(kit.open(POLICIES[policy]));
    const traps = new Set();
    for (const [slot, name] of names) {
        if (kit.kind(slot) === SLOT_TRAP && !handlers.has(name)) {
            check(kit.leave(slot));
        }
        if (kit.kind(slot) === SLOT_TRAP) {
            traps.add(slot);
        }
    }
    check(kit.publish(ROM_AT));

    cpu.io.register_write(kit.trap_port(), null, () => {
        const f = frame();
        const before = Int32Array.from(cpu.reg32.subarray(0, REGISTERS));
        f.set(before);
        f[EIP] = cpu.instruction_pointer[0]; /* CS is flat in every call */
        f[EFLAGS] = cpu.get_eflags();
        const had_if = f[EFLAGS] & IF;
        const page = memory.translate(f[EIP] >>> 0, false);
        const outcome = kit.serve(cpu.cpl[0], page);
        if (failed) {
            end(failed.message);
            failed = null;
            return;
        }
        if (outcome === ERROR_FAULT) {
            end("a call's memory is not there: " + names.get(slot_of(f[EIP])));
        } else if (outcome < 0) {
            return; /* not a call: then this is a port where nothing is */
        } else if (outcome === RETURNS || outcome === REPEATS) {
            cpu.reg32.set(f.subarray(0, REGISTERS));
            cpu.instruction_pointer[0] = f[EIP];
            cpu.flags[0] = cpu.flags[0] & ~(IF | IOPL) | f[EFLAGS] & (IF | IOPL);
        } /* else the processor has made the transfer, or stands still */
        served(slot_of(f[EIP]), before, cpu.reg32);
        if (outcome === RETURNS && f[EFLAGS] & IF && !had_if) {
            cpu.handle_irqs(); /* those that have waited */
        }
    });
    const slot_of = eip => (eip & PAGE - 1) >> 5;

    return {rom: bytes(kit.rom(), kit.rom_size()).slice(), traps};
}
