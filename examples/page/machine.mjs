/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * One machine: the emulator v86 with SeaBIOS and the demo kernel's disk, in one of four places.
 *
 * `parts`: V86 (the class), v86 and kit (modules of WebAssembly), bios, disk, native, ring1 (bytes), calls (the table),
 * medium (what the disk is, in v86's words, if not a floppy disk).
 */
import {hypervisor} from "./host.mjs";

export const PLACES = ["none", "native", "hypercall", "ring1"];

const MEMORY = 32 << 20;
const EXIT_PORT = 0xF4, EXIT_OK = 0x10; /* as isa-debug-exit of QEMU: examples/demo/device.c */

/*
 * Starts the machine. The events:
 *
 *   line(text)                    a line on the serial line
 *   published(traps, cpu)         in "hypercall" alone: the slots that trap, and the emulator's processor
 *   served(slot, before, after)   there too: a call has been served
 *   ended(ok, reason)             the guest has ended
 *
 * Returns {type(text), stop()}: types on the serial line; ends the machine without an event.
 */
export function start(parts, place, policy, events) {
    let status = null, running = true, partial = "";
    const machine = {type: text => emulator.serial0_send(text), stop};
    const emulator = new parts.V86({
        wasm_fn: async imports => (await WebAssembly.instantiate(parts.v86, imports)).exports,
        memory_size: MEMORY,
        bios: {buffer: parts.bios.slice().buffer},
        [parts.medium || "fda"]: {buffer: parts.disk.slice().buffer},
        net_device: {type: "none"},
        disable_keyboard: true,
        disable_mouse: true,
        disable_speaker: true,
        autostart: false,
    });

    function stop() {
        running = false;
        if (emulator.v86) { /* else it is being loaded, and ends when it is */
            emulator.destroy();
        }
    }

    function end(reason) {
        if (running) {
            stop();
            events.ended(status === EXIT_OK && !reason, reason);
        }
    }

    function after(reason) {
        if (reason === "reboot") {
            emulator.restart();
        } else {
            end(reason === "shutdown" ? "" : reason);
        }
    }

    emulator.add_listener("emulator-loaded", () => {
        const cpu = emulator.v86.cpu;
        const roms = {
            none: () => null,
            native: () => parts.native,
            ring1: () => parts.ring1,
            hypercall: () => {
                const {rom, traps} = hypervisor({cpu, module: parts.kit, calls: parts.calls, policy,
                    served: (...call) => running && events.served(...call),
                    stopped: reason => setTimeout(after, 0, reason)}); /* behind the instruction that traps */
                events.published(traps, cpu);
                return rom;
            },
        };
        const rom = roms[place]();
        if (rom) {
            cpu.option_roms.push({name: "genroms/vmi.rom", data: rom}); /* SeaBIOS copies it, and runs it */
        }
        cpu.io.register_write(EXIT_PORT, null, value => { status = value; });
        if (running) {
            emulator.run();
        } else {
            emulator.destroy();
        }
    });
    emulator.add_listener("cpu-event-halt", () => end("")); /* it halts with interrupts off: this was Shutdown */
    emulator.add_listener("serial0-output-byte", byte => {
        const c = String.fromCharCode(byte);
        if (c === "\n") {
            if (running) {
                events.line(partial);
            }
            partial = "";
        } else if (c !== "\r") {
            partial += c;
        }
    });
    return machine;
}
