/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * A hypervisor in JavaScript on the emulator v86: the kit (kit.c) publishes the hypercall ROM and decodes its traps, the
 * functions below serve the calls. The trap is an OUT to a port that is ours. Behind it the emulator has advanced EIP, and
 * its processor is ours to change; what is an instruction of the processor's, the emulator executes for us.
 */

const EAX = 0, ECX = 1, EDX = 2, ESP = 4, EIP = 8, EFLAGS = 9; /* in dwords: struct vmi_frame; v86's registers too */
const REGISTERS = 8;
const IF = 0x200, CR0_PG = 0x80000000, CR4_PSE = 0x10, CR4_PAE = 0x20;
const PTE_P = 1, PTE_A = 0x20, PTE_D = 0x40, PTE_PS = 0x80, PAGE = 4096;

/* As in include/vmi/. */
const RETURNS = 0, TRANSFERS = 2, STOPS = 3, ERROR_FAULT = -29;
const SLOT_TRAP = 1, POLICIES = {default: 0, all: 1, tuned: 2, hosted: 4};

export const ROM_AT = 0xC0000; /* where SeaBIOS puts the first option ROM, as no graphics card has one here */

/*
 * The emulator's module with our signature in CPUID leaf 40000000h, where Init looks for it. This is a change to the
 * emulator, which tells guests of VMware's port there: three constants of one instruction, each found once or it is another
 * version. Such a constant is the byte 41h and the dword in LEB128, of five bytes here.
 */
const I32_CONST = 0x41;
const SIGNATURES = [["VMwa", "vmir"], ["reVM", "omvm"], ["ware", "irom"]]; /* EBX, ECX, EDX */

export function announce(v86) {
    const module = v86.slice();
    const constant = text => {
        const dword = [...text].reduceRight((value, c) => value << 8 | c.charCodeAt(0), 0);
        return [I32_CONST, ...[0, 7, 14, 21].map(bit => dword >>> bit & 0x7F | 0x80), dword >> 28 & 0x7F];
    };
    for (const [theirs, ours] of SIGNATURES) {
        const wanted = constant(theirs), places = [];
        for (let at = module.indexOf(I32_CONST); at >= 0; at = module.indexOf(I32_CONST, at + 1)) {
            if (wanted.every((byte, i) => module[at + i] === byte)) {
                places.push(at);
            }
        }
        if (places.length !== 1) {
            throw new Error("the emulator's CPUID has another form");
        }
        module.set(constant(ours), places[0]);
    }
    return module;
}

/* Guest memory by linear address, through the guest's page tables: they are walked here because the emulator would raise
 * page faults. */
function guest_memory(cpu) {
    function translate(linear, write) {
        if (!(cpu.cr[0] & CR0_PG)) {
            return linear;
        }
        if (cpu.cr[4] & CR4_PAE) {
            throw new Error("the guest's page tables are PAE's");
        }
        const walk = (table, index) => {
            const at = (table & -PAGE) + index * 4 >>> 2;
            const entry = cpu.mem32s[at];
            if (entry & PTE_P) {
                cpu.mem32s[at] = entry | PTE_A | (write ? PTE_D : 0);
            }
            return entry;
        };
        const directory = walk(cpu.cr[3], linear >>> 22);
        if (!(directory & PTE_P)) {
            return null;
        }
        if (directory & PTE_PS && cpu.cr[4] & CR4_PSE) {
            return (directory & 0xFFC00000 | linear & 0x3FFFFF) >>> 0;
        }
        const page = walk(directory, linear >>> 12 & 0x3FF);
        return page & PTE_P ? (page & -PAGE | linear & PAGE - 1) >>> 0 : null;
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

/* What serves each call, by name: `f` is the frame, `host` the machine. A handler that returns nothing has done its call. */
function handlers_of(host) {
    const {cpu, memory, instructions, kit} = host;

    class Fault extends Error {}

    const read32 = linear => {
        const bytes = new Uint8Array(4);
        if (!memory.read(linear, bytes)) {
            throw new Fault();
        }
        return new DataView(bytes.buffer).getUint32(0, true);
    };
    const write = (linear, ...values) => {
        if (!memory.write(linear, new Uint8Array(Uint32Array.from(values).buffer))) {
            throw new Fault();
        }
    };
    const argument = n => {
        const value = kit.argument(n);
        if (kit.argument_error()) {
            throw new Fault();
        }
        return value;
    };

    const nothing = () => {};
    const set_cr = number => f => instructions.instr_0F22(EAX, number); /* MOV CRn, EAX: the register is the guest's own */
    const get_cr = number => f => { f[EAX] = cpu.cr[number]; };
    const set_table = (size, offset) => f => {
        const low = read32(f[EAX]), high = read32(f[EAX] + 2);
        size[0] = low & 0xFFFF;
        offset[0] = high;
    };
    const write_entry = f => write(f[EAX] + 8 * f[EDX], f[ECX], argument(0));
    const set_interrupt_flag = (f, value) => { f[EFLAGS] = f[EFLAGS] & ~IF | value & IF; };

    const handlers = {
        SetGDT: set_table(cpu.gdtr_size, cpu.gdtr_offset),
        SetIDT: set_table(cpu.idtr_size, cpu.idtr_offset),
        SetLDT: () => instructions.instr32_0F00_2_reg(EAX), /* LLDT AX */
        SetTR: () => instructions.instr32_0F00_3_reg(EAX), /* LTR AX */
        WriteGDTEntry: write_entry,
        WriteLDTEntry: write_entry,
        WriteIDTEntry: write_entry,
        UpdateKernelStack: nothing, /* the guest writes its TSS itself, and the emulator's processor reads that */
        SetCR0: set_cr(0),
        SetCR3: set_cr(3),
        SetCR4: set_cr(4),
        SetCR2: f => { cpu.cr[2] = f[EAX]; },
        GetCR0: get_cr(0),
        GetCR2: get_cr(2),
        GetCR3: get_cr(3),
        GetCR4: get_cr(4),
        CLTS: () => instructions.instr_0F06(),
        EnableInterrupts: f => set_interrupt_flag(f, IF),
        DisableInterrupts: f => set_interrupt_flag(f, 0),
        GetInterruptMask: f => { f[EAX] = f[EFLAGS] & IF; },
        SetInterruptMask: f => set_interrupt_flag(f, f[EAX]),
        IRET: f => {
            cpu.reg32[ESP] += 4; /* the call's return address */
            instructions.instr32_CF();
            return TRANSFERS;
        },
        Pause: nothing,
        Halt: f => {
            set_interrupt_flag(f, IF);
            cpu.in_hlt[0] = 1; /* until the emulator has an interrupt, which is taken at the RET */
        },
        Shutdown: () => STOPS,
        SetPxE0: f => write(f[EAX], f[EDX]),
        SetPxE: f => write(f[EDX], f[EAX]), /* the other way round */
        GetPxE: f => { f[EAX] = read32(f[EAX]); },
        AllocatePage: nothing, /* the page tables are the processor's: there is no shadow to prepare */
        ReleasePage: nothing,
        InvalPage: f => instructions.instr32_0F01_7_mem(f[EAX]),
        FlushTLB: f => f[EAX] & 2 ? cpu.full_clear_tlb() : cpu.clear_tlb(),
        FlushDeferredCalls: f => { f[EAX] = 0; },
        SetLinearMapping: nothing,
        INB: f => { /* IN AL, DX: some devices are the emulator's own, behind its instructions */
            instructions.instr_EC();
            f[EAX] = cpu.reg32[EAX];
        },
        OUTB: () => instructions.instr_EE(), /* OUT DX, AL */
        IODelay: nothing,
        GetCycleFrequency: f => { f[EAX] = f[EDX] = 0; }, /* no VMI timer: the guest keeps its own */
        GetCycleCounter: f => { f[EAX] = f[EDX] = 0; },
        SetAlarm: nothing,
        CancelAlarm: f => { f[EAX] = 0; },
        GetWallclockTime: f => {
            const now = BigInt(Date.now()) * 1000000n;
            f[EAX] = Number(BigInt.asIntN(32, now));
            f[EDX] = Number(BigInt.asIntN(32, now >> 32n));
        },
        WallclockUpdated: f => { f[EAX] = 0; },
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
 *   stopped(reason)               the guest has called Shutdown (""), or cannot be served
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
    const handlers = handlers_of({cpu, memory, kit, instructions: cpu.wm.exports});
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
            stopped(failed.message);
            failed = null;
        } else if (outcome === RETURNS) {
            cpu.reg32.set(f.subarray(0, REGISTERS));
            cpu.instruction_pointer[0] = f[EIP];
            cpu.flags[0] = cpu.flags[0] & ~IF | f[EFLAGS] & IF;
            served(slot_of(f[EIP]), before, cpu.reg32);
            if (f[EFLAGS] & IF && !had_if) {
                cpu.handle_irqs(); /* those that have waited */
            }
        } else if (outcome === TRANSFERS) { /* the processor has made it */
            served(slot_of(f[EIP]), before, cpu.reg32);
        } else if (outcome === STOPS) {
            served(slot_of(f[EIP]), before, cpu.reg32);
            stopped("");
        } else if (outcome === ERROR_FAULT) {
            stopped("a call's memory is not there: " + names.get(slot_of(f[EIP])));
        } /* another error: not a call, and a port where nothing is */
    });
    const slot_of = eip => (eip & PAGE - 1) >> 5;

    return {rom: bytes(kit.rom(), kit.rom_size()).slice(), traps};
}
