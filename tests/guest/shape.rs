// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! A kernel in Rust: the macros of GNU as are its sites, and the archive finds and links. The assembler keeps the macros for
//! one unit of code, so there is one (-C codegen-units=1).

#![no_std]
#![no_main]
#![allow(bad_asm_style)] // the macros change the syntax and back

use core::arch::{asm, global_asm};
use core::ptr::{addr_of, addr_of_mut, null, null_mut};

global_asm!(include_str!("vmi/site-macros-gas.inc"), options(att_syntax));
global_asm!(include_str!("vmi/sites-gas.inc"), options(att_syntax));

const COM1: u16 = 0x3F8;
const END: u16 = 0xF4;
const PAGE: u32 = 4096;
const CODE: u32 = 0x08;
const DATA: u32 = 0x10;
const TSS: u32 = 0x18;
const VECTOR: usize = 0x40;
const WINDOW: u32 = 1023;
const SPEAKS_13: u32 = 1;

/// struct vmi_linkage of vmi/guest.h.
#[repr(C)]
struct Linkage {
    first: *const u8,
    end: *const u8,
    translations: *const u8,
    translations_end: *const u8,
    text: *const u8,
    text_end: *const u8,
    saved: *mut u8,
    saved_end: *mut u8,
    thunks: *mut u8,
    thunks_end: *mut u8,
    alone: *const u8,
    count: [u32; 3],
    bad: *const u8,
    rom: *const u8,
    next: *const u8,
}

#[repr(C, align(4096))]
struct Page([u32; 1024]);

#[repr(C, packed)]
struct Pointer(u16, u32);

extern "C" {
    static text: u8;
    static text_end: u8;
    fn handler();
    fn vmi_boot(
        linkage: *mut Linkage,
        first_mib: *const u8,
        roms: *mut u32,
        max: u32,
        apis: u32,
        print: extern "C" fn(*const u8),
    ) -> *const u8;
    fn vmi_link(linkage: *mut Linkage, rom: *const u8) -> i32;
}

#[no_mangle]
static mut interrupts: u32 = 0;

static mut DIRECTORY: Page = Page([0; 1024]);
static mut TABLE: Page = Page([0; 1024]);
static mut FRAMES: [Page; 2] = [Page([0; 1024]), Page([0; 1024])];
static mut GDT: [u32; 8] = [0; 8];
static mut IDT: [u32; 512] = [0; 512];
static mut STATE: [u32; 26] = [0; 26];
static mut SAVED: [u8; 2048] = [0; 2048];
static mut THUNKS: [u8; 2048] = [0; 2048];
static mut ROMS: [u32; 16] = [0; 16];
static mut WRONG: u32 = 0;

// Operands as the compiler has them, where the native form is an ordinary instruction.
unsafe fn set_pxe(pte: u32, ptep: *mut u32, flags: u32) {
    asm!("vmi_set_pxe {0}, \"({1})\", {2}", in(reg) pte, in(reg) ptep, in(reg) flags, options(att_syntax));
}

unsafe fn get_pxe(ptep: *const u32) -> u32 {
    let pte: u32;
    asm!("vmi_get_pxe {0}, \"({1})\"", out(reg) pte, in(reg) ptep, options(att_syntax));
    pte
}

unsafe fn allocate_page(pfn: u32, flags: u32) {
    asm!("vmi_allocate_page {0}, {1}, $0, $0, $0", in(reg) pfn, in(reg) flags, options(att_syntax));
}

unsafe fn set_cr3(value: u32) {
    asm!("vmi_set_cr3 {0}", in(reg) value, options(att_syntax));
}

unsafe fn get_cr3() -> u32 {
    let value: u32;
    asm!("vmi_get_cr3 {0}", out(reg) value, options(att_syntax));
    value
}

unsafe fn set_cr0(value: u32) {
    asm!("vmi_set_cr0 {0}", in(reg) value, options(att_syntax));
}

unsafe fn get_cr0() -> u32 {
    let value: u32;
    asm!("vmi_get_cr0 {0}", out(reg) value, options(att_syntax));
    value
}

unsafe fn disable_interrupts() {
    asm!("vmi_disable_interrupts", options(att_syntax));
}

// Others are in the registers of the call, and lose what the table says.
unsafe fn outb(port: u16, data: u8) {
    asm!("vmi_outb", in("dx") port, in("al") data, options(att_syntax));
}

unsafe fn set_gdt(pointer: *const Pointer) {
    asm!("vmi_set_gdt", inout("eax") pointer => _, out("ecx") _, out("edx") _, options(att_syntax));
}

unsafe fn set_idt(pointer: *const Pointer) {
    asm!("vmi_set_idt", inout("eax") pointer => _, out("ecx") _, out("edx") _, options(att_syntax));
}

unsafe fn set_tr(selector: u32) {
    asm!("vmi_set_tr", inout("eax") selector => _, out("ecx") _, out("edx") _, options(att_syntax));
}

unsafe fn inval_page(linear: u32) {
    asm!("vmi_inval_page \"({0})\"", in(reg) linear, options(att_syntax));
}

unsafe fn rdtsc() -> u64 {
    let (low, high): (u32, u32);
    asm!("vmi_rdtsc", out("eax") low, out("edx") high, out("ecx") _, options(att_syntax));
    (high as u64) << 32 | low as u64
}

/// The DS prefix tells vmi-lint that it is meant.
unsafe fn kernel_ring() -> u32 {
    let cs: u32;
    asm!(".byte 0x3e", "movl %cs, {0}", out(reg) cs, options(att_syntax));
    cs & 3
}

extern "C" fn print(mut line: *const u8) {
    unsafe {
        while *line != 0 {
            outb(COM1, *line);
            line = line.offset(1);
        }
    }
}

fn say(line: &'static [u8]) {
    print(line.as_ptr());
}

unsafe fn must(good: bool, what: &'static [u8]) {
    if !good {
        say(b"wrong: \0");
        say(what);
        say(b"\n\0");
        WRONG = WRONG.wrapping_add(1);
    }
}

unsafe fn tables() {
    let ring = kernel_ring();
    let at = handler as usize as u32;
    let gate = (addr_of_mut!(IDT) as *mut u32).add(2 * VECTOR);
    *gate = (CODE | ring) << 16 | (at & 0xFFFF);
    *gate.add(1) = (at & 0xFFFF0000) | 0x8E00;
    set_idt(&Pointer(2047, addr_of!(IDT) as u32));
    *(addr_of_mut!(STATE) as *mut u32).add(2) = DATA | ring;
}

unsafe fn machine() {
    let at = addr_of!(STATE) as u32;
    let gdt = addr_of_mut!(GDT) as *mut u32;
    *gdt.add(2) = 0x0000FFFF;
    *gdt.add(3) = 0x00CF9B00;
    *gdt.add(4) = 0x0000FFFF;
    *gdt.add(5) = 0x00CF9300;
    *gdt.add(6) = (at & 0xFFFF) << 16 | 103;
    *gdt.add(7) = (at & 0xFF000000) | 0x8900 | (at >> 16 & 0xFF);
    set_gdt(&Pointer(31, gdt as u32));
    asm!(".byte 0xea", ".long 1f", ".word 8", "1:", "mov {0:e}, %ds", "mov {0:e}, %es", "mov {0:e}, %ss", in(reg) DATA, options(att_syntax));
    tables();
    set_tr(TSS);
    let table = addr_of_mut!(TABLE) as *mut u32;
    let mut i: u32 = 0;
    while i < 1024 {
        *table.add(i as usize) = i.wrapping_mul(PAGE) | 3;
        i = i.wrapping_add(1);
    }
    *(addr_of_mut!(DIRECTORY) as *mut u32) = table as u32 | 3;
    set_cr3(addr_of!(DIRECTORY) as u32);
    set_cr0(get_cr0() | 0x80000000);
}

unsafe fn show(frame: *const u32) {
    let entry = (addr_of_mut!(TABLE) as *mut u32).add(WINDOW as usize);
    set_pxe(frame as u32 | 3, entry, 0x11 | WINDOW.wrapping_mul(PAGE));
    inval_page(WINDOW.wrapping_mul(PAGE));
}

unsafe fn work(when: &'static [u8]) {
    let before = WRONG;
    let window = WINDOW.wrapping_mul(PAGE) as *mut u32;
    let first = addr_of_mut!(FRAMES) as *mut u32;
    let second = first.add(1024);
    show(first);
    window.write_volatile(0x1234);
    show(second);
    window.write_volatile(0x5678);
    must(first.read_volatile() == 0x1234 && second.read_volatile() == 0x5678, b"a page mapped anew\0");
    must(get_pxe((addr_of!(TABLE) as *const u32).add(WINDOW as usize)) & 0x40 != 0, b"the dirty bit\0");
    first.write_volatile(0);
    second.write_volatile(0);
    set_cr3(addr_of!(DIRECTORY) as u32);
    must(get_cr3() == addr_of!(DIRECTORY) as u32, b"CR3\0");
    let times = rdtsc();
    let counted = addr_of!(interrupts).read_volatile();
    asm!("int $0x40", options(att_syntax));
    must(addr_of!(interrupts).read_volatile() == counted.wrapping_add(1), b"an interrupt returns\0");
    must(rdtsc() > times, b"RDTSC\0");
    say(when);
    say(if WRONG == before { b": all is as it should\n\0" } else { b": something is wrong\n\0" });
}

#[no_mangle]
unsafe extern "C" fn shape() {
    let saved = addr_of_mut!(SAVED) as *mut u8;
    let thunks = addr_of_mut!(THUNKS) as *mut u8;
    let mut linkage = Linkage {
        first: null(),
        end: null(),
        translations: null(),
        translations_end: null(),
        text: addr_of!(text),
        text_end: addr_of!(text_end),
        saved,
        saved_end: saved.add(2048),
        thunks,
        thunks_end: thunks.add(2048),
        alone: null(),
        count: [0; 3],
        bad: null(),
        rom: null(),
        next: null(),
    };
    disable_interrupts();
    machine();
    work(b"before\0");
    let rom = vmi_boot(&mut linkage, null(), addr_of_mut!(ROMS) as *mut u32, 4, SPEAKS_13, print);
    tables();
    allocate_page(addr_of!(TABLE) as u32 / PAGE, 1);
    allocate_page(addr_of!(DIRECTORY) as u32 / PAGE, 2);
    work(if rom.is_null() { b"not linked\0" } else { b"linked\0" });
    must(vmi_link(&mut linkage, null_mut()) == 0, b"unlinking\0");
    work(b"unlinked\0");
    say(if WRONG == 0 { b"shape: right\n\0" } else { b"shape: wrong\n\0" });
    outb(END, 0x10);
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}
