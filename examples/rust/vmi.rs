// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! What the example needs of include/vmi/hypervisor.h, defaults.h and embed.h: the structures as
//! they are in C, and the functions. `main --layout` prints their layout; a test compares it with C's.

#![allow(dead_code)]

use std::ffi::c_void;
use std::os::raw::{c_char, c_int};

pub const API_13: u32 = 13;
pub const EMBED_NATIVE: u16 = 0;
pub const EMBED_HYPERCALL: u16 = 1;
pub const TRAP_OUT: u8 = 3;
pub const TRAP_PORT: u8 = 0xE7;
pub const POLICY_ALL: c_int = 1;
pub const PAGE_UNKNOWN: u64 = u64::MAX;
pub const CALL_SIZE: u32 = 32;
pub const CALL_SLOTS: usize = 128;

pub const CALL_SETCR3: u32 = 22;
pub const CALL_GETCR3: u32 = 26;
pub const CALL_DISABLE_INTERRUPTS: u32 = 36;
pub const CALL_SHUTDOWN: u32 = 44;
pub const CALL_SETPXE: u32 = 86;
pub const CALL_OUTB: u32 = 66;
pub const CALL_OUTSB: u32 = 69;

/// What a handler, and serving, returns; errors are below 0.
pub const RETURNS: c_int = 0;
pub const REPEATS: c_int = 1;
pub const TRANSFERS: c_int = 2;
pub const STOPS: c_int = 3;

pub type Handler = unsafe extern "C" fn(*mut c_void, *mut Frame) -> c_int;

/// struct vmi_handlers: pointers, in the order of the header. The kit fills it; members of one's own
/// are set by the offsets that `layout` names.
#[repr(C)]
pub struct Handlers {
    pub by_order: [Option<Handler>; HANDLERS],
}
pub const HANDLERS: usize = 96;
/// Of OUTB, as the example sets that one itself.
pub const HANDLER_OUTB: usize = 62;

#[repr(C)]
pub struct Image {
    pub bytes: *const u8,
    pub size: u32,
    pub descriptor: u32,
    pub api: u8,
}

#[repr(C)]
pub struct Plan {
    pub trap: u8,
    pub operand: u8,
    pub policy: c_int,
    pub kinds: *const u8,
    pub soft: *const [u8; CALL_SIZE as usize],
    pub asks: bool,
}

#[repr(C)]
pub struct Publication {
    pub address: u32,
    pub size: u32,
    pub api: u8,
    pub trap: u8,
    pub operand: u8,
    pub flags: u8,
    pub kind: [u8; CALL_SLOTS],
}

#[repr(C)]
pub struct Frame {
    pub eax: u32,
    pub ecx: u32,
    pub edx: u32,
    pub ebx: u32,
    pub esp: u32,
    pub ebp: u32,
    pub esi: u32,
    pub edi: u32,
    pub eip: u32,
    pub eflags: u32,
    pub es: u16,
    pub cs: u16,
    pub ss: u16,
    pub ds: u16,
    pub fs: u16,
    pub gs: u16,
    pub ss_base: u32,
    pub ss_16bit: bool,
    pub slot: u8,
    pub guest: *const Guest,
    pub context: *mut c_void,
}

#[repr(C)]
pub struct Guest {
    pub read: Option<unsafe extern "C" fn(*mut c_void, u32, *mut c_void, u32) -> bool>,
    pub write: Option<unsafe extern "C" fn(*mut c_void, u32, *const c_void, u32) -> bool>,
    pub accessors: *const Accessors,
}

#[repr(C)]
pub struct Trap {
    pub cpl: u8,
    pub read_code: bool,
    pub page: u64,
    pub code: *const c_void,
}

#[repr(C)]
pub struct Segment {
    pub selector: u16,
    pub attributes: u16,
    pub limit: u32,
    pub base: u32,
}

#[repr(C)]
pub struct Accessors {
    pub get_register: Option<unsafe extern "C" fn(*mut c_void, u32) -> u32>,
    pub set_register: Option<unsafe extern "C" fn(*mut c_void, u32, u32) -> bool>,
    pub get_segment: Option<unsafe extern "C" fn(*mut c_void, u32, *mut Segment)>,
    pub set_segment: Option<unsafe extern "C" fn(*mut c_void, u32, *const Segment)>,
    pub get_msr: Option<unsafe extern "C" fn(*mut c_void, u32, *mut u64) -> bool>,
    pub set_msr: Option<unsafe extern "C" fn(*mut c_void, u32, u64) -> bool>,
    pub get_performance_counter: Option<unsafe extern "C" fn(*mut c_void, u32, *mut u64) -> bool>,
    pub get_time_stamp: Option<unsafe extern "C" fn(*mut c_void) -> u64>,
    pub cpuid: Option<unsafe extern "C" fn(*mut c_void, *mut u32)>,
    pub port_in: Option<unsafe extern "C" fn(*mut c_void, u32, u32) -> u32>,
    pub port_out: Option<unsafe extern "C" fn(*mut c_void, u32, u32, u32)>,
    pub apic_read: Option<unsafe extern "C" fn(*mut c_void, u32) -> u32>,
    pub apic_write: Option<unsafe extern "C" fn(*mut c_void, u32, u32)>,
    pub compare_exchange:
        Option<unsafe extern "C" fn(*mut c_void, u32, u32, *mut u64, u64) -> c_int>,
    pub flush: Option<unsafe extern "C" fn(*mut c_void, u32, u32)>,
    pub raise: Option<unsafe extern "C" fn(*mut c_void, u32, u32, u32)>,
    pub halt: Option<unsafe extern "C" fn(*mut c_void, *mut Frame) -> c_int>,
    pub stop: Option<unsafe extern "C" fn(*mut c_void, u32)>,
    pub wallclock: Option<unsafe extern "C" fn(*mut c_void) -> u64>,
    pub unblock_nmi: Option<unsafe extern "C" fn(*mut c_void)>,
    pub string_elements: u32,
}

#[repr(C)]
pub struct EmbeddedRom {
    pub name: *const c_char,
    pub bytes: *const u8,
    pub size: u32,
    pub api: u16,
    pub kind: u16,
}

pub type Write = unsafe extern "C" fn(*mut c_void, u32, *const c_void, u32) -> bool;

extern "C" {
    pub fn vmi_hv_error_text(error: c_int) -> *const c_char;
    pub fn vmi_hv_open(image: *mut Image, bytes: *const c_void, size: usize) -> c_int;
    pub fn vmi_hv_open_twin(
        twin: *mut Image,
        image: *const Image,
        bytes: *const c_void,
        size: usize,
    ) -> c_int;
    pub fn vmi_hv_publish(
        publication: *mut Publication,
        image: *const Image,
        twin: *const Image,
        plan: *const Plan,
        address: u32,
        write: Write,
        context: *mut c_void,
        scratch: *mut c_void,
        scratch_size: usize,
    ) -> c_int;
    pub fn vmi_hv_serve(
        publication: *const Publication,
        handlers: *const Handlers,
        guest: *const Guest,
        context: *mut c_void,
        trap: *const Trap,
        frame: *mut Frame,
    ) -> c_int;
    pub fn vmi_hv_default_handlers(handlers: *mut Handlers);
    pub fn vmi_hv_return_eax(frame: *mut Frame, value: u32);

    pub static vmi_embedded_roms: [EmbeddedRom; 4];
}

/// Offsets and sizes, a line each, as tests/bindings/layout.c prints them.
pub fn layout() {
    macro_rules! offsets {
        ($type:ty, $name:literal: $($field:ident),*) => {{
            let place = std::mem::MaybeUninit::<$type>::zeroed();
            let base = place.as_ptr();
            println!("{} {}", $name, std::mem::size_of::<$type>());
            $(
                // Safe: no reference is made, and nothing is read.
                let field = unsafe { std::ptr::addr_of!((*base).$field) } as usize;
                println!("{}.{} {}", $name, stringify!($field), field - base as usize);
            )*
        }};
    }
    offsets!(Image, "vmi_image": bytes, size, descriptor, api);
    offsets!(Plan, "vmi_plan": trap, operand, policy, kinds, soft, asks);
    offsets!(Publication, "vmi_publication": address, size, api, trap, operand, flags, kind);
    offsets!(Frame, "vmi_frame": eax, ecx, edx, ebx, esp, ebp, esi, edi, eip, eflags, es, cs, ss,
             ds, fs, gs, ss_base, ss_16bit, slot, guest, context);
    offsets!(Guest, "vmi_guest": read, write, accessors);
    offsets!(Trap, "vmi_trap": cpl, read_code, page, code);
    offsets!(Segment, "vmi_segment": selector, attributes, limit, base);
    offsets!(Accessors, "vmi_accessors": get_register, set_register, get_segment, set_segment,
             get_msr, set_msr, get_performance_counter, get_time_stamp, cpuid, port_in, port_out,
             apic_read, apic_write, compare_exchange, flush, raise, halt, stop, wallclock,
             unblock_nmi, string_elements);
    offsets!(EmbeddedRom, "vmi_embedded_rom": name, bytes, size, api, kind);
    println!("vmi_handlers {}", std::mem::size_of::<Handlers>());
    println!("vmi_handlers.OUTB {}", HANDLER_OUTB * std::mem::size_of::<Option<Handler>>());
}
