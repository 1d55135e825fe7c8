/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * machines.mjs BUILD_DIR KERNEL POLICY PLACE...: the page's machines in Node, one after the other, and with what is built for
 * the page, the kernel of the demo, the tour or the conformance disk ("cd": from its CD), or a disk's file. Prints what each says on its serial
 * line behind the place's name, and a line at its end:
 *
 *   PLACE end ok|failed REASON
 *   PLACE traps NAME...            in the hypercall ROM's place, by slot: what traps, and what was served
 *   PLACE calls NAME NUMBER...
 *
 * The place "unserved" is the hypercall ROM's where nobody serves its traps.
 */
import {readFileSync} from "node:fs";
import {resolve} from "node:path";
import {pathToFileURL} from "node:url";
import {start} from "../../examples/page/machine.mjs";

const [build, kernel, policy, ...places] = process.argv.slice(2);
const TRAP_PORT = 0xE7; /* VMI_TRAP_PORT */
const bytes = file => new Uint8Array(readFileSync(file));
const built = file => bytes(build + "/" + file);
const load = file => import(pathToFileURL(resolve(build, file)));
const {V86} = await load("page/v86/libv86.mjs");
const {calls} = await load("page/calls.mjs");
const parts = {
    V86,
    v86: new WebAssembly.Module(built("page/v86/v86.wasm")),
    kit: new WebAssembly.Module(built("page/kit.wasm")),
    bios: bytes("/usr/share/seabios/bios.bin"),
    disk: kernel.includes("/") ? bytes(kernel) : built(kernel === "cd" ? "vmi-conform.iso" : "guest/" + kernel + ".img"),
    medium: kernel === "cd" ? "cdrom" : undefined,
    native: built("vmi-native.rom"),
    ring1: built("vmi-ring1.rom"),
    calls,
};

function run(place) {
    return new Promise(done => {
        const served = new Map();
        const say = text => console.log(place + " " + text);
        const unserved = place === "unserved";
        const machine = start(parts, unserved ? "hypercall" : place, policy, {
            line(text) {
                say(text);
                if (text.startsWith("Type a line")) {
                    machine.type("hello\rexit\r");
                }
            },
            published(traps, cpu) {
                if (unserved) {
                    cpu.io.register_write(TRAP_PORT, null, () => {});
                }
                say("traps " + calls.filter(call => call.api13 !== null && traps.has(call.slot)).map(call => call.name).join(" "));
            },
            served: slot => served.set(slot, (served.get(slot) || 0) + 1),
            ended(ok, reason) {
                say("end " + (ok ? "ok" : "failed") + " " + reason);
                if (place === "hypercall") {
                    const named = calls.filter(call => call.api13 !== null && served.has(call.slot));
                    say("calls " + named.map(call => call.name + " " + served.get(call.slot)).join(" "));
                }
                done();
            },
        });
    });
}

for (const place of places) {
    await run(place);
}
process.exit(0); /* the emulator keeps a timer */
