/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/* The page: four machines side by side, the calls as they are served, and the table of calls. */
import {calls} from "./calls.mjs";
import {PLACES, start} from "./machine.mjs";

const ABOUT = {
    none: ["No ROM", "The kernel finds no ROM and keeps its own instructions."],
    native: ["Native ROM", "vmi-native.rom: bare instructions in each slot. The call sites keep them: no call is made."],
    hypercall: ["Hypercall ROM", "vmi-hypercall.rom: a slot traps by an OUT, and a hypervisor in JavaScript, in this page, serves the call."],
    ring1: ["Ring 1", "vmi-ring1.rom: Init starts a hypervisor that takes ring 0. The kernel goes on in ring 1."],
};
const LOG_LINES = 1000, RUN = 3, CYCLE = 4, NAMES = ["EAX", "ECX", "EDX", "EBX", "ESP", "EBP", "ESI", "EDI"];
const element = id => document.getElementById(id);

function make(tag, className, text) {
    const e = document.createElement(tag);
    e.className = className || "";
    e.textContent = text === undefined || text === null ? "" : text;
    return e;
}

/* --- what the page carries: bytes, compressed, as text --- */

async function unpack(id) {
    const packed = Uint8Array.from(atob(element("bytes-" + id).textContent.trim()), c => c.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
}

/* --- a call in words: NAME meaning=value... = results --- */

/* "EAX=ptep DX=port" as register, width and meaning; what is in memory is not shown. */
function fields(cell) {
    return (cell || "").split(" ").filter(field => /^E?[A-D][XLSDIP]+=/.test(field)).map(field => {
        const [register, meaning] = field.split("=");
        const number = NAMES.findIndex(name => name === register || name === "E" + register || name === "E" + register[0] + "X");
        return {number, meaning, digits: register.length === 3 ? 8 : register[1] === "L" ? 2 : 4};
    });
}

const words = new Map(calls.filter(call => call.api13 !== null).map(call =>
    [call.slot, {name: call.name, inputs: fields(call.in), results: fields(call.out), ports: call.group === "io"}]));

const hex = (value, digits) => (value >>> 0).toString(16).toUpperCase().padStart(8, "0").slice(-digits);

function in_words(slot, before, after) {
    const {name, inputs, results} = words.get(slot);
    const said = (list, registers) => list.map(field => field.meaning + "=" + hex(registers[field.number], field.digits)).join(" ");
    return [name, said(inputs, before), results.length ? "\u2192 " + said(results, after) : ""].filter(Boolean).join(" ");
}

/* --- the calls, as they happen: drawn once a frame --- */

const log = {lines: [], count: 0, by_slot: new Map(), recent: new Set(), pending: false};

function log_clear() {
    Object.assign(log, {lines: [], count: 0, by_slot: new Map(), recent: new Set()});
    log_draw();
}

/* What repeats is one line: of a run of one call the first ones are shown and the last; cycles are counted. */
function log_line(name, text) {
    const lines = log.lines;
    const last = lines[lines.length - 1];
    if (lines.length >= RUN && lines.slice(-RUN).every(line => line.name === name)) {
        Object.assign(last, {text, times: last.times + 1});
        return;
    }
    lines.push({number: log.count, name, text, times: 1});
    for (let length = 1; length <= CYCLE && 2 * length <= lines.length; length++) {
        const now = lines.slice(-length), before = lines.slice(-2 * length, -length);
        if (now.every((line, i) => line.text === before[i].text)) {
            before.forEach((line, i) => { line.times += now[i].times; });
            lines.length -= length;
            break;
        }
    }
    lines.splice(0, lines.length - LOG_LINES);
}

function log_call(slot, before, after) {
    const {name, ports} = words.get(slot);
    log.count++;
    log.by_slot.set(slot, (log.by_slot.get(slot) || 0) + 1);
    log.recent.add(slot);
    if (!ports || element("ports").checked) {
        log_line(name, in_words(slot, before, after));
    }
    if (!log.pending) {
        log.pending = true;
        requestAnimationFrame(log_draw);
    }
}

function log_draw() {
    log.pending = false;
    element("served").textContent = log.count + " served";
    element("log").textContent = log.lines.map(line => String(line.number).padStart(6) + "  " + line.text +
        (line.times > 1 ? "  \u00D7" + line.times : "")).join("\n");
    element("log").scrollTop = element("log").scrollHeight;
    for (const [slot, row] of rows) {
        row.served.textContent = log.by_slot.get(slot) || "";
        row.line.classList.toggle("now", log.recent.has(slot));
    }
    log.recent.clear();
}

/* --- the table --- */

const rows = new Map(); /* of API 13, by slot */

function table_make() {
    for (const call of calls) {
        const line = make("tr");
        const cell = (className, text) => line.appendChild(make("td", className, text));
        cell("number", call.api13);
        cell("number", call.api3);
        cell("", call.name).title = call.summary + (call.replaces ? "\nInstead of: " + call.replaces : "");
        cell("registers", [call.in, call.stack && "stack: " + call.stack].filter(Boolean).join(" ") + (call.out ? " \u2192 " + call.out : ""));
        cell("clobbers", call.clobbers);
        cell("bytes", call.bytes);
        cell("code", call.code.replaceAll("\n", "; "));
        cell("number", call.instructions);
        cell("number", call.trip);
        const kind = cell("", "");
        const served = cell("number", "");
        const ring1 = cell("number", "");
        line.dataset.text = [call.name, call.group, call.summary, call.code, call.in, call.out, call.replaces].join(" ").toLowerCase();
        element("table").append(line);
        if (call.api13 !== null) {
            rows.set(call.slot, {line, kind, served, ring1, name: call.name, fixed: call.trap === "fixed"});
        }
    }
    find();
}

function find() {
    const wanted = element("find").value.toLowerCase();
    let found = 0;
    for (const line of element("table").rows) {
        line.hidden = !line.dataset.text.includes(wanted);
        found += line.hidden ? 0 : 1;
    }
    element("found").textContent = found + " calls";
}

/* Ring 1 tells at its end: "# monitor: calls: SetGDT 1 SetLDT 1". */
function ring1_counts(text) {
    const told = /^# monitor: calls: (.*)$/.exec(text);
    if (told) {
        const counts = new Map([...told[1].matchAll(/(\S+) (\d+)/g)].map(([, name, count]) => [name, count]));
        for (const row of rows.values()) {
            if (counts.has(row.name)) {
                row.ring1.textContent = counts.get(row.name);
            }
        }
    }
}

/* --- the machines --- */

const cards = new Map();
let parts, machines = new Map(), results;

function cards_make() {
    for (const place of PLACES) {
        const card = make("article", "place");
        const title = make("h2", "", ABOUT[place][0]);
        const state = make("span", "state");
        const screen = make("pre");
        card.id = place;
        title.append(state);
        card.append(title, make("p", "", ABOUT[place][1]), screen);
        element("places").append(card);
        cards.set(place, {state, screen});
    }
}

function set_state(place, className, text) {
    const {state} = cards.get(place);
    state.className = "state " + className;
    state.textContent = text;
}

/* What the processes computed has to be the same in all places; which of them ends first is the clock's. */
function verdict() {
    const all = PLACES.map(place => results.get(place));
    const same = all.every(one => one.ok && one.computed.length === 2 && String(one.computed.sort()) === String(all[0].computed));
    element("verdict").className = same ? "ok" : "bad";
    element("verdict").textContent = same ? "The four did the same: " + all[0].computed.map(line => line.split(",")[0]).join(", ") + "."
        : "The four did not do the same.";
    document.body.dataset.ended = same ? "same" : "different"; /* for tests */
}

function run(place) {
    const {screen} = cards.get(place);
    const result = {ok: false, computed: []};
    let ended = false;
    screen.textContent = "";
    results.delete(place);
    set_state(place, "", "runs");
    const machine = start(parts, place, element("policy").value, {
        line(text) {
            const below = screen.scrollHeight - screen.scrollTop - screen.clientHeight < 20;
            screen.append(make("div", "", text.replace(/^ {4,}/, "    "))); /* narrower than the kernel's screen */
            if (below) { /* unless someone reads further up */
                screen.scrollTop = screen.scrollHeight;
            }
            if (/^(primes|queens): result/.test(text)) {
                result.computed.push(text);
            }
            if (place === "ring1") {
                ring1_counts(text);
            }
        },
        served: log_call,
        published(traps) {
            for (const [slot, row] of rows) {
                row.kind.textContent = traps.has(slot) ? "traps" : row.fixed ? "fixed" : "native";
            }
        },
        ended(ok, reason) {
            if (!ended) {
                ended = true;
                result.ok = ok;
                results.set(place, result);
                set_state(place, ok ? "ok" : "bad", ok ? "ended: OK" : reason || "ended: FAILED");
                if (results.size === PLACES.length) {
                    verdict();
                }
            }
        },
    });
    machines.set(place, machine);
}

function run_all() {
    for (const machine of machines.values()) {
        machine.stop();
    }
    machines.clear();
    results = new Map();
    delete document.body.dataset.ended;
    element("verdict").className = "";
    element("verdict").textContent = "running";
    log_clear();
    for (const row of rows.values()) {
        row.ring1.textContent = "";
    }
    PLACES.forEach(run);
}

element("again").onclick = run_all;
element("policy").onchange = run_all;
element("find").oninput = find;
element("controls").onsubmit = event => {
    event.preventDefault();
    for (const machine of machines.values()) {
        machine.type(element("typed").value + "\r");
    }
    element("typed").value = "";
};

try {
    cards_make();
    table_make();
    const [v86, kit, bios, disk, native, ring1] = await Promise.all(["v86", "kit", "bios", "disk", "native", "ring1"].map(unpack));
    parts = {V86: globalThis.V86, v86: await WebAssembly.compile(v86), kit: await WebAssembly.compile(kit), bios, disk, native, ring1, calls};
    run_all();
} catch (error) {
    element("verdict").className = "bad";
    element("verdict").textContent = String(error);
    document.body.dataset.ended = "error";
}
