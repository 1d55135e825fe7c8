/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * A hypervisor in JavaScript on the emulator v86: the kit (kit.c) publishes the hypercall ROM, decodes its traps and serves
 * the calls with its default handlers, over the functions below. The trap is an OUT to a port that is ours. Behind it the
 * emulator has advanced EIP, and its processor is ours to change; what is an instruction of the processor's, the emulator
 * executes for us.
 */

const EAX = 0, EDX = 2, ESP = 4; /* in dwords: struct vmi_frame, and v86's registers */
const REGISTERS = 8, EIP = 8, EFLAGS = 9;
const TR = 6, LDTR = 7; /* v86's segment registers */
const IF = 0x200, IOPL = 0x3000, PAGE = 4096;

/* As in include/vmi/. */
const RETURNS = 0, REPEATS = 1, TRANSFERS = 2, STOPS = 3, ERROR_FAULT = -29;
const SLOT_TRAP = 1, POLICIES = {default: 0, all: 1, tuned: 2, hosted: 4};
const CONTROL_REGISTERS = [0, 2, 3, 4], DEBUG_REGISTERS = [0, 1, 2, 3, 6, 7]; /* as enum vmi_register has them */
const FLUSH_PAGE = 0, FLUSH_NOT_GLOBAL = 1;
const CALL = 0xE8, CALL_SIZE = 5;
const VECTOR_GP = 13, VECTOR_PF = 14, FAULT_WRITE = 2; /* the latter in a page fault's error code */

export const ROM_AT = 0xC0000; /* where SeaBIOS puts the first option ROM, as no graphics card has one here */

/* These stay native: counters that are the emulator's, and the local APIC and other processors, which there are none of. */
const NATIVE = new Set(["RDPMC", "RDTSC", "SetInitialAPState", "APICRead", "APICWrite"]);

/* What the kit's default handlers ask for. */
function accessors_of({cpu, instructions, end}) {
    const inputs = {1: instructions.instr_EC, 2: instructions.instr16_ED, 4: instructions.instr32_ED};
    const outputs = {1: instructions.instr_EE, 2: instructions.instr16_EF, 4: instructions.instr32_EF};
    const reaches = (at, size) => at <= cpu.memory_size[0] && size <= cpu.memory_size[0] - at;

    return {
        get_register: which => which < 4 ? cpu.cr[CONTROL_REGISTERS[which]] : cpu.dreg[DEBUG_REGISTERS[which - 4]],
        /* By MOV from EAX, which is set again behind the call. */
        set_register(which, value) {
            const at = cpu.instruction_pointer[0];
            cpu.reg32[EAX] = value;
            if (which >= 4) {
                instructions.instr_0F23(EAX, DEBUG_REGISTERS[which - 4]);
            } else {
                instructions.instr_0F22(EAX, CONTROL_REGISTERS[which]);
            }
            return cpu.instruction_pointer[0] === at;
        },
        flush(what, linear) {
            if (what === FLUSH_PAGE) {
                instructions.instr32_0F01_7_mem(linear); /* INVLPG */
            } else if (what === FLUSH_NOT_GLOBAL) {
                cpu.clear_tlb();
            } else {
                cpu.full_clear_tlb();
            }
        },
        /* Some devices are the emulator's own, behind its instructions. */
        port_in(port, size) {
            cpu.reg32[EDX] = port;
            inputs[size]();
            return cpu.reg32[EAX];
        },
        port_out(port, size, value) {
            cpu.reg32[EDX] = port;
            cpu.reg32[EAX] = value;
            outputs[size]();
        },
        halt() {
            cpu.in_hlt[0] = 1; /* until the emulator has an interrupt, which is taken at the RET */
        },
        stop: how => { end(how === 2 ? "shutdown" : "reboot"); },
        time_stamp: () => instructions.read_tsc(),
        wallclock: () => BigInt(Date.now()) * 1000000n,
        /* Guest-physical memory. */
        read(at, to) {
            if (!reaches(at, to.length)) {
                return false;
            }
            to.set(cpu.mem8.subarray(at, at + to.length));
            return true;
        },
        write(at, from) {
            if (!reaches(at, from.length)) {
                return false;
            }
            cpu.write_blob(from, at); /* which drops code compiled from there */
            return true;
        },
    };
}

/* A dword of the guest's memory, at a linear address; null where there is none. */
function guest_dword(kit, linear) {
    return kit.read_guest(linear, 4) ? new DataView(kit.memory.buffer, kit.bytes(), 4).getInt32(0, true) : null;
}

/* The calls that the emulator's instructions serve better, by name: `f` is the frame. One that returns nothing is done. */
function handlers_of({cpu, instructions, kit}) {
    /* The processor executes an instruction with the guest's registers. Where it faults the guest's handler is next. */
    const execute = instruction => f => {
        const at = cpu.instruction_pointer[0];
        instruction();
        if (cpu.instruction_pointer[0] !== at) {
            return TRANSFERS;
        }
        f.set(cpu.reg32.subarray(0, REGISTERS));
    };
    const dtr = () => new DataView(kit.memory.buffer, kit.bytes(), 6);
    const set_table = (size, offset) => f => {
        if (!kit.read_guest(f[EAX], 6)) {
            return ERROR_FAULT;
        }
        size[0] = dtr().getUint16(0, true);
        offset[0] = dtr().getInt32(2, true);
    };
    const get_table = (size, offset) => f => {
        dtr().setUint16(0, size[0], true);
        dtr().setInt32(2, offset[0], true);
        return kit.write_guest(f[EAX], 6) ? RETURNS : ERROR_FAULT;
    };

    return {
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
        IRET: f => {
            const back = cpu.stack_size_32[0] ? guest_dword(kit, f[ESP]) : null, site = back - CALL_SIZE;
            if (back !== null) { /* a return that faults does so where the guest has its fix-up; from a 16-bit stack here */
                cpu.previous_ip[0] = (guest_dword(kit, site) & 0xFF) === CALL ? site : back;
            }
            cpu.reg32[ESP] += 4; /* the call's return address */
            instructions.instr32_CF();
            return TRANSFERS;
        },
        SYSEXIT: () => {
            instructions.instr_0F35();
            if (cpu.cpl[0]) { /* else it has faulted */
                cpu.flags[0] |= IF;
            }
            return TRANSFERS;
        },
    };
}

/* Injects an exception at EIP; false where the emulator has memory that the kit has not found: a device's. */
function inject({cpu, instructions}, eip, {vector, error, address}) {
    const offset = eip & PAGE - 1;
    cpu.instruction_pointer[0] = eip;
    if (vector === VECTOR_PF) {
        const access = error & FAULT_WRITE ? instructions.writable_or_pagefault_jit : instructions.readable_or_pagefault_jit;
        instructions.instr32_0F01_7_mem(address); /* INVLPG: it has to walk as the kit has */
        if (!access(address, 1, offset)) {
            return false;
        }
    } else if (vector === VECTOR_GP) {
        instructions.trigger_gp_jit(error, offset);
    } else {
        instructions.instr_CD(vector); /* INT: the others have no error code */
        return true;
    }
    instructions.exit_jit(); /* which delivers it */
    return true;
}

/*
 * Publishes the ROM for the machine whose processor is `cpu`, and serves its calls from now on. `module` is kit.c compiled,
 * `calls` the table of calls. Returns the ROM's bytes, for the BIOS, and the slots that trap.
 *
 *   served(slot, before, after)   a call has been served: registers as eight dwords
 *   stopped(reason)               the processor stands still: "reboot", "shutdown", or why the guest cannot be served
 */
export function hypervisor({cpu, module, calls, policy, served, stopped}) {
    let raised = null; /* the exception that a handler has raised last */
    let failed = null; /* an exception must not go through the emulator's and the kit's frames */
    const end = reason => {
        cpu.flags[0] &= ~IF;
        cpu.in_hlt[0] = 1; /* nothing more of the guest is executed */
        stopped(reason);
        return STOPS;
    };
    const instructions = cpu.wm.exports, accessors = accessors_of({cpu, end, instructions});
    const guarded = (otherwise, serve) => (...given) => {
        try {
            return serve(...given);
        } catch (error) {
            failed = error;
            return otherwise;
        }
    };
    const host = {
        call: guarded(STOPS, slot => handlers[names.get(slot)](frame()) || RETURNS),
        read: guarded(0, (at, to, size) => accessors.read(at >>> 0, bytes(to, size))),
        write: guarded(0, (at, from, size) => accessors.write(at >>> 0, bytes(from, size))),
        raise: (vector, error, address) => { raised = {vector, error, address}; },
        time_stamp: accessors.time_stamp,
        wallclock: accessors.wallclock,
    };
    for (const name of ["get_register", "set_register", "flush", "port_in", "port_out", "halt", "stop"]) {
        host[name] = guarded(0, accessors[name]);
    }
    const instance = new WebAssembly.Instance(module, {host});
    const kit = instance.exports;
    const bytes = (at, size) => new Uint8Array(kit.memory.buffer, at, size);
    const frame = () => new Int32Array(kit.memory.buffer, kit.frame(), EFLAGS + 1);
    const text = at => new TextDecoder().decode(bytes(at, 80)).split("\0")[0];
    const check = error => {
        if (error < 0) {
            throw new Error(text(kit.error_text(error)));
        }
    };

    const handlers = handlers_of({cpu, kit, instructions});
    const names = new Map(calls.filter(call => call.api13 !== null).map(call => [call.slot, call.name]));

    check(kit.open(POLICIES[policy]));
    const traps = new Set();
    for (const [slot, name] of names) {
        if (kit.kind(slot) === SLOT_TRAP && NATIVE.has(name)) {
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
        const at = f[EIP], had_if = f[EFLAGS] & IF;
        const outcome = kit.serve(cpu.cpl[0]);
        if (failed) {
            end(failed.message);
            failed = null;
            return;
        }
        if (outcome === ERROR_FAULT) {
            cpu.reg32[EAX] = before[EAX];
            cpu.reg32[EDX] = before[EDX];
            /* Else the processor has faulted by itself. */
            if (cpu.instruction_pointer[0] === at && !inject({cpu, instructions}, f[EIP], raised)) {
                end("a call's memory is not there: " + names.get(slot_of(f[EIP])));
            }
            return; /* it has not happened */
        }
        if (outcome < 0) {
            return; /* not a call: then this is a port where nothing is */
        }
        if (outcome === RETURNS || outcome === REPEATS) {
            cpu.reg32.set(f.subarray(0, REGISTERS));
            cpu.instruction_pointer[0] = f[EIP];
            cpu.flags[0] = cpu.flags[0] & ~(IF | IOPL) | f[EFLAGS] & (IF | IOPL);
        } /* else the processor has made the transfer, or stands still */
        served(slot_of(f[EIP]), before, cpu.reg32);
        if (cpu.flags[0] & IF && !had_if) {
            /* The RET first, as behind STI. Where its stack is not there the processor faults by itself. */
            const back = outcome === RETURNS && !cpu.in_hlt[0] ? guest_dword(kit, cpu.reg32[ESP]) : null;
            if (back !== null) {
                cpu.instruction_pointer[0] = back;
                cpu.reg32[ESP] += 4;
            }
            cpu.handle_irqs(); /* those that have waited */
        }
    });
    const slot_of = eip => (eip & PAGE - 1) >> 5;

    return {rom: bytes(kit.rom(), kit.rom_size()).slice(), traps};
}
