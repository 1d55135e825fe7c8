/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * browser.mjs PAGE PICTURE: opens the page in Chromium, without a window, over a pipe (its DevTools protocol needs no library
 * there), waits until its machines have ended, and prints a line for each thing that tests want to know:
 *
 *   verdict WHAT               as the page says it
 *   PLACE STATE
 *   PLACE: LINE                what its machine has said
 *   served N, log N, rows N    calls served, lines in the log, rows of the table
 *   row NAME NUMBER BYTES      of the table
 *   slot NAME KIND
 *   again ...                  all that for a second run, where only what the policy "hosted" has traps
 *   request URL                of anything that is not in the page
 *   error TEXT                 from the page's scripts, and of what its policy refuses
 */
import {spawn} from "node:child_process";
import {mkdtempSync, rmSync, writeFileSync} from "node:fs";
import {tmpdir} from "node:os";
import {join, resolve} from "node:path";
import {pathToFileURL} from "node:url";

const [page, picture] = process.argv.slice(2);
const profile = mkdtempSync(join(tmpdir(), "page-"));
const chromium = spawn("chromium", ["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "--no-first-run",
    "--hide-scrollbars", "--user-data-dir=" + profile, "about:blank"], {stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"]});

/* --- messages: JSON with a zero byte behind it --- */

let last = 0, held = "";
const waiting = new Map();

function send(method, params = {}, sessionId = undefined) {
    const id = ++last;
    chromium.stdio[3].write(JSON.stringify({id, method, params, sessionId}) + "\0");
    return new Promise((done, fail) => waiting.set(id, {done, fail}));
}

let when_loaded = () => {};

function event({method, params}) {
    if (method === "Page.loadEventFired") {
        when_loaded();
    } else if (method === "Network.requestWillBeSent" && !/^(data|blob):/.test(params.request.url) && params.request.url !== url) {
        console.log("request " + params.request.url);
    } else if (method === "Runtime.exceptionThrown") {
        console.log("error " + params.exceptionDetails.text + " " + (params.exceptionDetails.exception?.description ?? ""));
        chromium.kill(); /* a page without its script never ends */
    } else if (method === "Log.entryAdded" && params.entry.level === "error") {
        console.log("error " + params.entry.text);
    }
}

chromium.stdio[4].on("data", data => {
    const messages = (held + data).split("\0");
    held = messages.pop();
    for (const message of messages.map(text => JSON.parse(text))) {
        const one = waiting.get(message.id);
        waiting.delete(message.id);
        if (!one) {
            event(message);
        } else if (message.error) {
            one.fail(new Error(message.error.message));
        } else {
            one.done(message.result);
        }
    }
});

/* --- the page --- */

/* Looks at the page once its machines have ended: the lines to print. */
const look = `(async () => {
    while (!document.body.dataset.ended) {
        await new Promise(done => setTimeout(done, 100));
    }
    await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
    const text = e => e.textContent.replace(/\\s+/g, " ").trim();
    const lines = ["verdict " + text(document.getElementById("verdict"))];
    for (const place of document.querySelectorAll(".place")) {
        lines.push(place.id + " " + text(place.querySelector(".state")));
        for (const line of place.querySelectorAll("pre div")) {
            lines.push(place.id + ": " + line.textContent);
        }
    }
    const rows = [...document.getElementById("table").rows];
    lines.push("served " + parseInt(text(document.getElementById("served"))) + ", log " +
        document.getElementById("log").textContent.split("\\n").length + ", rows " + rows.length);
    for (const row of rows) {
        lines.push("row " + row.cells[2].textContent + " " + row.cells[0].textContent + " " + row.cells[5].textContent,
            "slot " + row.cells[2].textContent + " " + row.cells[9].textContent);
    }
    return lines.join("\\n");
})()`;

const url = pathToFileURL(resolve(page)).href;
let status = 1;
try {
    const {targetId} = await send("Target.createTarget", {url: "about:blank"});
    const {sessionId} = await send("Target.attachToTarget", {targetId, flatten: true});
    for (const domain of ["Page", "Runtime", "Network", "Log"]) {
        await send(domain + ".enable", {}, sessionId);
    }
    await send("Emulation.setDeviceMetricsOverride", {width: 1680, height: 1120, deviceScaleFactor: 1, mobile: false}, sessionId);
    const loaded = new Promise(done => { when_loaded = done; });
    await send("Page.navigate", {url}, sessionId);
    await loaded;
    const {result, exceptionDetails} = await send("Runtime.evaluate",
        {expression: look, awaitPromise: true, returnByValue: true}, sessionId);
    console.log(exceptionDetails ? "error " + exceptionDetails.text : result.value);
    const {data} = await send("Page.captureScreenshot", {format: "png"}, sessionId);
    writeFileSync(picture, Buffer.from(data, "base64"));
    const again = await send("Runtime.evaluate",
        {expression: `(() => {
            const policy = document.getElementById("policy");
            policy.value = "hosted";
            policy.dispatchEvent(new Event("change"));
        })(), ` + look, awaitPromise: true, returnByValue: true}, sessionId);
    console.log(again.result.value.replace(/^/gm, "again "));
    status = 0;
} catch (error) {
    console.log("error " + error.message);
}
chromium.kill();
chromium.on("exit", () => {
    rmSync(profile, {recursive: true, force: true});
    process.exit(status);
});
