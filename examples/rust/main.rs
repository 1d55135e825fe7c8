// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! The hypervisor's kit from Rust, without crates: publishes the ROM with its images linked in, and
//! serves calls with the kit's default handlers, over accessors in Rust, and one handler of its own.
//! There is no processor: the guest is a list of calls, each with the registers of its trap.

mod vmi;

use std::ffi::{c_void, CStr};
use std::os::raw::c_int;
use std::ptr::null;
use vmi::*;

const MEMORY: usize = 0x100000;
const ROM: u32 = 0xD0000;
const CR3: u32 = 2;
const MESSAGE: u32 = 0x3000;
const ENTRY: u32 = 0x4000;

struct Machine {
    memory: Vec<u8>, // the guest's: linear = physical here
    cr3: u32,
    text: String,
    flushes: u32,
    fault: Option<(u32, u32)>,
    stopped: bool,
}

/// Safe as long as the kit gets the address of a Machine, and nobody else uses it meanwhile.
unsafe fn machine<'a>(context: *mut c_void) -> &'a mut Machine {
    &mut *(context as *mut Machine)
}

fn range(linear: u32, size: u32) -> Option<std::ops::Range<usize>> {
    let from = linear as usize;
    let to = from.checked_add(size as usize)?;
    (to <= MEMORY).then(|| from..to)
}

unsafe extern "C" fn read(context: *mut c_void, linear: u32, to: *mut c_void, size: u32) -> bool {
    match range(linear, size) {
        Some(r) => {
            let from = machine(context).memory[r].as_ptr();
            std::ptr::copy_nonoverlapping(from, to as *mut u8, size as usize);
            true
        }
        None => {
            raise(context, 14, 0, linear);
            false
        }
    }
}

unsafe extern "C" fn write(
    context: *mut c_void,
    linear: u32,
    from: *const c_void,
    size: u32,
) -> bool {
    match range(linear, size) {
        Some(r) => {
            let from = std::slice::from_raw_parts(from as *const u8, size as usize);
            machine(context).memory[r].copy_from_slice(from);
            true
        }
        None => {
            raise(context, 14, 2, linear);
            false
        }
    }
}

unsafe extern "C" fn raise(context: *mut c_void, vector: u32, _error: u32, address: u32) {
    machine(context).fault = Some((vector, address));
}

unsafe extern "C" fn get_register(context: *mut c_void, which: u32) -> u32 {
    if which == CR3 { machine(context).cr3 } else { 0 }
}

unsafe extern "C" fn set_register(context: *mut c_void, which: u32, value: u32) -> bool {
    if which == CR3 {
        machine(context).cr3 = value;
    }
    which == CR3
}

unsafe extern "C" fn flush(context: *mut c_void, _what: u32, _linear: u32) {
    machine(context).flushes += 1;
}

unsafe extern "C" fn port_out(context: *mut c_void, port: u32, _size: u32, value: u32) {
    if port == 0x3F8 {
        machine(context).text.push(value as u8 as char);
    }
}

unsafe extern "C" fn stop(context: *mut c_void, _how: u32) {
    machine(context).stopped = true;
}

/// A handler of one's own: OUTB in capitals.
unsafe extern "C" fn outb(context: *mut c_void, frame: *mut Frame) -> c_int {
    machine(context).text.push((*frame).eax as u8 as char);
    let upper = machine(context).text.pop().map(|c| c.to_ascii_uppercase());
    machine(context).text.extend(upper);
    RETURNS
}

fn check(result: c_int, what: &str) {
    if result < 0 {
        let text = unsafe { CStr::from_ptr(vmi_hv_error_text(result)) };
        eprintln!("{}: {}", what, text.to_string_lossy());
        std::process::exit(1);
    }
}

fn embedded(kind: u16) -> &'static EmbeddedRom {
    let all = unsafe { &vmi_embedded_roms };
    all.iter().find(|r| r.api == 13 && r.kind == kind).expect("an image")
}

fn publish(m: &mut Machine) -> Publication {
    let mut image = Image { bytes: null(), size: 0, descriptor: 0, api: 0 };
    let mut twin = Image { bytes: null(), size: 0, descriptor: 0, api: 0 };
    let mut publication: Publication = unsafe { std::mem::zeroed() };
    let mut scratch = vec![0u8; 0x10000];
    let (hypercall, native) = (embedded(EMBED_HYPERCALL), embedded(EMBED_NATIVE));
    let plan = Plan {
        trap: TRAP_OUT,
        operand: TRAP_PORT,
        policy: POLICY_ALL,
        kinds: null(),
        soft: null(),
        asks: true,
    };
    unsafe {
        check(vmi_hv_open(&mut image, hypercall.bytes as _, hypercall.size as usize), "open");
        check(vmi_hv_open_twin(&mut twin, &image, native.bytes as _, native.size as usize), "twin");
        check(
            vmi_hv_publish(
                &mut publication,
                &image,
                &twin,
                &plan,
                ROM,
                write,
                m as *mut Machine as *mut c_void,
                scratch.as_mut_ptr() as _,
                scratch.len(),
            ),
            "publish",
        );
    }
    publication
}

fn main() {
    if std::env::args().nth(1).as_deref() == Some("--layout") {
        layout();
        return;
    }
    let mut m = Machine {
        memory: vec![0; MEMORY],
        cr3: 0,
        text: String::new(),
        flushes: 0,
        fault: None,
        stopped: false,
    };
    let publication = publish(&mut m);
    let mut accessors: Accessors = unsafe { std::mem::zeroed() };
    accessors.get_register = Some(get_register);
    accessors.set_register = Some(set_register);
    accessors.flush = Some(flush);
    accessors.port_out = Some(port_out);
    accessors.raise = Some(raise);
    accessors.stop = Some(stop);
    let guest = Guest { read: Some(read), write: Some(write), accessors: &accessors };
    let mut handlers: Handlers = unsafe { std::mem::zeroed() };
    handlers.by_order[HANDLER_OUTB] = Some(outb);
    unsafe { vmi_hv_default_handlers(&mut handlers) };

    let text = b" served from Rust";
    m.memory[MESSAGE as usize..MESSAGE as usize + text.len()].copy_from_slice(text);
    let trap = Trap { cpl: 0, read_code: false, page: ROM as u64, code: null() };
    let call = |m: &mut Machine, slot: u32, eax: u32, edx: u32, ecx: u32| {
        let mut f: Frame = unsafe { std::mem::zeroed() };
        f.eax = eax;
        f.edx = edx;
        f.ecx = ecx;
        f.esi = MESSAGE;
        f.eflags = 0x202;
        f.eip = ROM + slot * CALL_SIZE;
        m.fault = None;
        let context = m as *mut Machine as *mut c_void;
        let outcome =
            unsafe { vmi_hv_serve(&publication, &handlers, &guest, context, &trap, &mut f) };
        (outcome, f)
    };

    for c in "ok,".bytes() {
        assert_eq!(call(&mut m, CALL_OUTB, c as u32, 0x3F8, 0).0, RETURNS);
    }
    let (outcome, f) = call(&mut m, CALL_OUTSB, 0, 0x3F8, text.len() as u32);
    assert_eq!((outcome, f.ecx, f.esi), (RETURNS, 0, MESSAGE + text.len() as u32));
    println!("{}", m.text);

    call(&mut m, CALL_SETCR3, 0x5000, 0, 0);
    println!("CR3 {:x}, {} flush", call(&mut m, CALL_GETCR3, 0, 0, 0).1.eax, m.flushes);
    println!("IF {}", call(&mut m, CALL_DISABLE_INTERRUPTS, 0, 0, 0).1.eflags >> 9 & 1);
    call(&mut m, CALL_SETPXE, 0x12345067, ENTRY, 0);
    println!("entry {:02x?}", &m.memory[ENTRY as usize..ENTRY as usize + 4]);
    let (outcome, f) = call(&mut m, CALL_SETPXE, 1, MEMORY as u32, 0);
    println!("outcome {}, EIP {:x}, fault {:x?}", outcome, f.eip, m.fault);
    let (outcome, _) = call(&mut m, CALL_SHUTDOWN, 0, 0, 0);
    println!("outcome {}, stopped {}", outcome, m.stopped);
    let mut f: Frame = unsafe { std::mem::zeroed() };
    unsafe { vmi_hv_return_eax(&mut f, 7) };
    println!("EAX {}", f.eax);
}
