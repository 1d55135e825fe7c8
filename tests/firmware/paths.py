#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR MIT
"""paths.py BUILD DOCUMENT: every way by which a firmware takes a ROM. TAP.

Each case boots a machine under a debugger (machine.py). The debugger stops it where the BIOS calls a
ROM, where the ROM returns, at the boot sector, and when that has tried to write to the whole area
(boot.asm). What is seen becomes a row of BUILD/firmware/table.md, which has to stand in DOCUMENT.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

from machine import Bochs, Ended, Qemu

AREA, AREA_END, STEP = 0xC0000, 0xE0000, 0x800  # where guests look for a ROM
PLACES_END = 0xE8000  # where SeaBIOS puts one at most
ENTRY = 3
BOOT, BOOT_DONE = 0x7C00, 0x7DF0
STACK_BYTES = 256
TESTDEV = (0x1B36, 0x0005)  # QEMU's pci-testdev
FOR_TESTDEV = "1b36-0005-"
IMAGES = ("native", "hypercall", "3-native", "3-hypercall")
BOCHS_BIOS = "/usr/share/bochs/BIOS-bochs-latest"
BOCHS_VGABIOS = "/usr/share/seabios/vgabios-isavga.bin"

BUILD, DOCUMENT = sys.argv[1:]
OUT = os.path.join(os.path.abspath(BUILD), "firmware")
HERE = os.path.dirname(os.path.abspath(__file__))


# --- TAP ------------------------------------------------------------------------------------------

class Tap:
    number = failures = 0

    @classmethod
    def verdict(cls, name, wrong):
        """Passes when nothing is wrong: wrong is a list of lines."""
        cls.number += 1
        print("ok" if not wrong else "not ok", cls.number, "-", name, flush=True)
        for line in wrong:
            print("#", line)
        cls.failures += bool(wrong)

    @classmethod
    def same(cls, name, expected, seen):
        cls.verdict(name, [] if expected == seen else [f"expected: {expected}", f"seen:     {seen}"])


# --- images ---------------------------------------------------------------------------------------

class Image:
    def __init__(self, path):
        self.path = path
        self.name = os.path.basename(path)
        with open(path, "rb") as file:
            self.data = file.read()
        self.resident = self.data[2] * 512

    def __repr__(self):
        return self.name


def shipped(name):
    return Image(os.path.join(os.path.abspath(BUILD), f"vmi-{name}.rom"))


def seal(path, *options):
    subprocess.run([os.path.join(BUILD, "romsum"), *options, path, "-o", path], check=True)
    return Image(path)


def made_of(image, name, change):
    """A copy of the image that change, a function of a bytearray, has been at."""
    data = bytearray(image.data)
    change(data)
    path = os.path.join(OUT, name)
    with open(path, "wb") as file:
        file.write(data)
    return Image(path)


def with_identity(image, identity, name):
    def change(data):
        at = int.from_bytes(data[0x18:0x1A], "little") + 4
        data[at:at + 4] = b"".join(number.to_bytes(2, "little") for number in identity)
    return seal(made_of(image, name, change).path)


def plain_rom(name, blocks, body="nop"):
    """rom.asm: a ROM that does no harm, or the harm that is its body."""
    path = os.path.join(OUT, name)
    subprocess.run(["nasm", "-Werror", "-f", "bin", f"-DBLOCKS={blocks}", f"-DBODY={body}",
                    "-o", path, os.path.join(HERE, "rom.asm")], check=True)
    return seal(path)


# --- one boot -------------------------------------------------------------------------------------

class State:
    """What the call of a POST entry may not change, and the registers."""

    def __init__(self, machine, stack_at=None):
        self.registers = machine.registers()
        self.stack_at = stack_at or (self.registers["ss"] << 4) + self.registers["esp"]
        self.stack = machine.memory(self.stack_at, STACK_BYTES)
        self.vectors = machine.memory(0, 0x400)
        self.area = machine.memory(AREA, AREA_END - AREA)
        self.interrupts = machine.interrupts()


def changes(before, after):
    """What a POST entry has left other than it was, beside AX = 0 and the far return."""
    wrong = []
    old, new = dict(before.registers), dict(after.registers)
    old["eax"] &= ~0xFFFF
    old["esp"] += 4
    old["eip"] = int.from_bytes(before.stack[0:2], "little")
    old["cs"] = int.from_bytes(before.stack[2:4], "little")
    for name, value in old.items():
        if value != new[name]:
            if name == "rest":
                wrong.append("FPU, SSE or control registers changed")
            else:
                wrong.append(f"{name.upper()}: expected {value:08x}, seen {new[name]:08x}")
    if before.stack != after.stack:
        wrong.append("the stack changed above SP")
    if before.vectors != after.vectors:
        wrong.append("the interrupt vectors changed")
    if before.interrupts != after.interrupts:
        wrong.append(f"PIC: expected {before.interrupts}, seen {after.interrupts}")
    at = [i for i, (a, b) in enumerate(zip(before.area, after.area)) if a != b]
    if at:
        wrong.append(f"{len(at)} bytes of the ROM area changed, first at {AREA + at[0]:05X}h")
    return wrong


class Run:
    """A ROM's POST: where, which image (None: not one that was asked for), what it changed."""

    def __init__(self, at, image):
        self.at, self.image, self.ax, self.wrong = at, image, None, []


class Boot:
    """From power-on to the boot sector, which then turns over what can be written."""

    def __init__(self, machine, images, places):
        self.runs = []
        machine.add(BOOT, *(place + ENTRY for place in places))
        while (address := machine.run()) != BOOT:
            self.runs.append(self.watch(machine, address - ENTRY, images))
        self.area = machine.memory(AREA, PLACES_END - AREA)
        machine.add(BOOT_DONE)
        machine.run()
        turned = machine.memory(AREA, AREA_END - AREA)
        self.writable = [AREA + i for i, (a, b) in enumerate(zip(self.area, turned)) if a != b]

    @staticmethod
    def watch(machine, at, images):
        size = machine.memory(at, 4)[2] * 512
        for place in [place for place in machine.breakpoints if at <= place < at + size]:
            machine.remove(place)  # code of the ROM stands there
        data = machine.memory(at, size)
        run = Run(at, next((image for image in images if image.data[:size] == data), None))
        if run.image is None:
            return run
        before = State(machine)
        run.ax = before.registers["eax"] & 0xFFFF
        pnp = (before.registers["es"] << 4) + (before.registers["edi"] & 0xFFFF)
        if machine.memory(pnp, 4) != b"$PnP":
            run.wrong.append("ES:DI leads to no $PnP")
        back = int.from_bytes(before.stack[0:2], "little") + (
            int.from_bytes(before.stack[2:4], "little") << 4)
        machine.run_back(back, before.stack_at + 4)
        run.wrong += changes(before, State(machine, before.stack_at))
        return run

    def bytes_at(self, at, size):
        return self.area[at - AREA:at - AREA + size]


NO_VAPIC = ["-global", "apic-common.vapic=off"]  # no kvmvapic.bin, which makes pages writable


def seabios(machine, vga, *options, vapic=False):
    """QEMU's command line."""
    return ["-M", machine, "-m", "16", "-vga", vga, *([] if vapic else NO_VAPIC),
            "-drive", "if=floppy,format=raw,read-only=on,file=boot.img", "-boot", "a",
            "-chardev", "file,id=log,path=seabios.log",
            "-device", "isa-debugcon,iobase=0x402,chardev=log", *options]


def bochs(*options, bios=BOCHS_BIOS, vgabios=BOCHS_VGABIOS):
    return ["plugin_ctrl: unmapped=true, biosdev=true, speaker=false, extfpuirq=true, "
            "parallel=false, serial=false, gameport=false, iodebug=true",
            "config_interface: textconfig", 'display_library: rfb, options="timeout=0"',
            "cpu: model=p4_prescott_celeron_336, count=1, ips=50000000, reset_on_triple_fault=0",
            "megs: 16", f"romimage: file={bios}",
            *([f"vgaromimage: file={vgabios}"] if vgabios else []), "boot: disk",
            "ata0-master: type=disk, path=boot.img, mode=flat, cylinders=5, heads=16, spt=36",
            "log: bochs.log", "panic: action=fatal", "error: action=ignore",
            "info: action=ignore", "debug: action=ignore", "clock: sync=none", *options]


def boot(engine, options, images, places=range(AREA, PLACES_END, STEP)):
    """(Boot or what went wrong, what SeaBIOS said)"""
    with tempfile.TemporaryDirectory() as directory:
        log = os.path.join(directory, "seabios.log")
        shutil.copy(os.path.join(OUT, "boot.img"), directory)
        result = None
        try:
            with engine(directory, options) as machine:
                result = Boot(machine, images, places)
        except Ended as error:
            with open(os.path.join(directory, "engine.log"), encoding="latin-1") as file:
                result = [str(error), *file.read().splitlines()[-5:]]
        said = ""
        if os.path.exists(log):
            with open(log, encoding="latin-1") as file:
                said = file.read()
        return result, said


# --- judging --------------------------------------------------------------------------------------

ROWS = []
MACHINE_COLUMN, IMAGE_COLUMN = 2, 4


def row(path, label, image, result, at=None, resident=None, behind=None):
    def place(address):
        return f"{address:05X}h" if address is not None else "-"

    machine, _, front = label.partition(", ")
    firmware = "Bochs BIOS" if "Bochs" in machine else "SeaBIOS"
    name = image.name.removesuffix(".rom").replace(FOR_TESTDEV, "")
    ROWS.append((path, firmware, machine, front or "VGA BIOS", name, result, place(at),
                 f"{resident:,}" if resident is not None else "-", place(behind)))


def rounded(size):
    return (size + STEP - 1) // STEP * STEP


def vmi_roms(result):
    """What guests find, by their rules: (address, API major), the lowest first."""
    area = result.area[:AREA_END - AREA]
    return [(AREA + at, area[at + 13]) for at in range(0, len(area), STEP)
            if area[at:at + 2] == b"\x55\xAA" and area[at + 8:at + 12] == b"cVmi"]


def refuses(path, label, options, image, result_text, complaint):
    """A path on which the image does not run: the machine boots, and no guest finds the image.
    complaint: what SeaBIOS says, if it says why.
    """
    case = f"{path}, {label}"
    result, said = boot(Qemu, options, [image])
    if isinstance(result, list):
        Tap.verdict(f"{case}: the machine boots", result)
        return
    Tap.same(f"{case}: the image is not run", [], [run.at for run in result.runs if run.image])
    if complaint:
        Tap.verdict(f"{case}: SeaBIOS says why", [] if complaint in said else said.splitlines()[-8:])
    Tap.same(f"{case}: a guest finds none", [], vmi_roms(result))
    row(path, label, image, result_text)


def stayed(result, images):
    """What is wrong with the images after the boot: each is where it ran, the file's bytes, read-only."""
    wrong = []
    for run in result.runs:
        if run.image not in images:
            continue
        if result.bytes_at(run.at, run.image.resident) != run.image.data[:run.image.resident]:
            wrong.append(f"{run.image} at {run.at:05X}h differs from its file")
        written = [at for at in result.writable if run.at <= at < run.at + run.image.resident]
        if written:
            wrong.append(f"{len(written)} bytes of {run.image} can be written to")
    return wrong


def takes(path, label, engine, options, images, ax=0, places=None, found=True, sum_right=True):
    """A path on which all images run, in this order of their addresses; ax: what ours get in AX
    (None: not looked at).

    Without places each ROM lies right behind the one before, the first at C0000h; else the images
    are where they were put. An image that is not ours shows where the next ROM lands. found: whether
    a guest finds ours. sum_right: whether SeaBIOS finds all checksums right, before POST and after.
    """
    case = f"{path}, {label}"
    ours = [image for image in images if image.name.startswith("vmi")]
    result, said = boot(engine, options, images, *([places] if places else []))
    if isinstance(result, list):
        Tap.verdict(f"{case}: the machine boots", result)
        return
    Tap.same(f"{case}: the ROMs run, the lower one first", images,
             [run.image for run in result.runs if run.image])
    if ax is not None:
        Tap.same(f"{case}: AX is {ax:04X}h at the POST entry", [ax] * len(ours),
                 [run.ax for run in result.runs if run.image in ours])
    expected, seen = places, [run.at for run in result.runs if run.image]
    if not places:
        at, expected = AREA, []
        for run in result.runs:
            expected.append(at)
            at += rounded(result.bytes_at(run.at, 4)[2] * 512)
        seen = [run.at for run in result.runs]
    Tap.same(f"{case}: each lies where it should", [f"{at:05X}h" for at in expected],
             [f"{at:05X}h" for at in seen])
    Tap.verdict(f"{case}: POST leaves everything as it was",
                [f"{run.image}: {line}" for run in result.runs for line in run.wrong])
    Tap.verdict(f"{case}: the images are what their files are, and read-only", stayed(result, ours))
    if engine is Qemu:
        Tap.same(f"{case}: SeaBIOS looks at the checksums before POST and after", 0 if sum_right else 2,
                 said.count("bad checksum") if "Booting from" in said else "it did not boot")
    seen = [at for at, _ in vmi_roms(result)]
    Tap.same(f"{case}: a guest finds {'it' if found else 'none'}",
             [run.at for run in result.runs if run.image in ours] if found else [], seen)
    behind = {a.at: b.at for a, b in zip(result.runs, result.runs[1:])}
    for run in result.runs:
        if run.image in ours:
            row(path, label, run.image, "runs, stays" + ("" if found else "; no guest finds it"), run.at, run.image.resident,
                behind.get(run.at))


def tells(case, options, line):
    """The demo guest, booted so, prints the line."""
    with tempfile.TemporaryDirectory() as directory:
        out = os.path.join(directory, "out")
        subprocess.run([os.environ.get("QEMU", "qemu-system-i386"), "-accel", "tcg", "-display", "none",
                        "-nodefaults", *NO_VAPIC, "-drive", "format=raw,snapshot=on,file="
                        f"{BUILD}/guest/demo.img", "-device", "isa-debug-exit,iobase=0xf4,iosize=1",
                        "-debugcon", f"file:{out}", *options], check=False, timeout=60,
                       stdin=subprocess.DEVNULL)
        with open(out, encoding="latin-1") as file:
            seen = file.read().splitlines()
    Tap.verdict(f"{case}: the demo guest says `{line}`",
                [] if any(line in text for text in seen) else seen)


# --- the paths ------------------------------------------------------------------------------------

os.makedirs(OUT, exist_ok=True)
subprocess.run(["nasm", "-Werror", "-f", "bin", "-o", f"{OUT}/boot.img", f"{HERE}/boot.asm"],
               check=True)
os.truncate(f"{OUT}/boot.img", 5 * 16 * 36 * 512)

SHIPPED = [shipped(name) for name in IMAGES]
NATIVE, HYPERCALL, NATIVE_3, HYPERCALL_3 = SHIPPED
AFTER = plain_rom("after.rom", 4)  # it sorts first, so SeaBIOS takes it last
BEHIND = ["-option-rom", AFTER.path]
SPOILT = made_of(NATIVE, "vmi-native-spoilt.rom",
                 lambda data: data.__setitem__(-1, data[-1] ^ 1))  # padding: it runs all the same
LARGE = plain_rom("z-large.rom", 255)  # it sorts last, so SeaBIOS takes it first
MACHINES = {"pc": "i440fx", "q35": "q35"}
VGA = {"std": "", "none": ", nothing"}


def for_testdev(image):
    return with_identity(image, TESTDEV, image.name.replace("vmi-", "vmi-" + FOR_TESTDEV))


def option_rom(image):
    return ["-option-rom", image.path]


def genroms(image):
    return ["-fw_cfg", f"name=genroms/{image.name},file={image.path}"]


def romfile(image, addr="05.0", more=""):
    return ["-device", f"pci-testdev,addr={addr},romfile={image.path}{more}"]


def pci_file(image):
    return ["-device", "pci-testdev,addr=05.0",
            "-fw_cfg", "name=pci%04x,,%04x.rom,file=%s" % (*TESTDEV, image.path)]


def every_path():
    for machine, vga in ((machine, vga) for machine in MACHINES for vga in VGA):
        label = MACHINES[machine] + VGA[vga]
        for image in SHIPPED if vga == "std" else [NATIVE]:
            changed = for_testdev(image)
            for path, options, taken, ax in (
                    ("`-option-rom`", option_rom(image), image, 0),
                    ("fw_cfg `genroms/`", genroms(image), image, 0),
                    ("PCI `romfile`", romfile(changed), changed, 0x0028),
                    ("fw_cfg `pciVVVV,DDDD.rom`", pci_file(image), image, 0x0028)):
                takes(path, label, Qemu, seabios(machine, vga, *options, *BEHIND),
                      [taken, AFTER], ax)


def every_place_of_a_device():
    """AX is the device's bus, device and function."""
    changed = for_testdev(NATIVE)
    bridge = ["-device", "pci-bridge,id=bridge,chassis_nr=1,addr=06.0"]
    for machine, label in MACHINES.items():
        takes("PCI `romfile`, function 1", label, Qemu, seabios(
            machine, "std", "-device", "pci-testdev,addr=05.0,multifunction=on",
            *romfile(changed, "05.1"), *BEHIND), [changed, AFTER], 0x0029)
        takes("PCI `romfile`, behind a bridge", label, Qemu, seabios(
            machine, "std", *bridge, *romfile(changed, "03.0", ",bus=bridge"), *BEHIND),
              [changed, AFTER], 0x0118)


def two_roms():
    """API 13 has to be at the lower address: Linux of API 13 looks at the first VMI ROM only."""
    one, other = for_testdev(NATIVE), for_testdev(NATIVE_3)
    for machine, label in MACHINES.items():
        for first, second in ((NATIVE, NATIVE_3), (NATIVE_3, NATIVE)):
            takes("two `-option-rom`, in either order", label, Qemu, seabios(
                machine, "std", *option_rom(first), *option_rom(second), *BEHIND),
                  [NATIVE, NATIVE_3, AFTER])
    takes("two `-option-rom`", "i440fx", Qemu, seabios(
        "pc", "std", *option_rom(HYPERCALL_3), *option_rom(HYPERCALL), *BEHIND),
          [HYPERCALL, HYPERCALL_3, AFTER])
    takes("two `genroms/`", "i440fx", Qemu, seabios(
        "pc", "std", *genroms(NATIVE_3), *genroms(NATIVE), *BEHIND), [NATIVE, NATIVE_3, AFTER])
    takes("two PCI `romfile`, API 13 on the lower device", "i440fx", Qemu, seabios(
        "pc", "std", *romfile(other, "07.0"), *romfile(one, "05.0"), *BEHIND),
          [one, other, AFTER], None)
    takes("PCI `romfile` and `-option-rom`, API 13 on the device", "i440fx", Qemu, seabios(
        "pc", "std", *option_rom(NATIVE_3), *romfile(one), *BEHIND), [one, NATIVE_3, AFTER], None)
    takes("PCI `romfile` and `-option-rom`, API 3.0 on the device: wrong order", "i440fx", Qemu,
          seabios("pc", "std", *option_rom(NATIVE), *romfile(other), *BEHIND),
          [other, NATIVE, AFTER], None)


def refused():
    """Where the image is not run, the machine boots on and the guest says that there is no ROM."""
    none = "No VMI ROM from C0000h to DFFFFh; going on natively."
    # 255 blocks from C0000h on, and what leaves 2 KiB below E8000h.
    full = [*option_rom(LARGE), *option_rom(plain_rom("y-rest.rom", 60)), *option_rom(NATIVE)]
    for machine, label in MACHINES.items():
        for path, vga, options, image, what, complaint in (
                ("`-option-rom`, no room", "none", full, NATIVE, "not loaded",
                 "Unable to allocate resource at deploy_romfile"),
                ("PCI `romfile`, IDs of another device", "std", romfile(NATIVE), NATIVE,
                 "passed over", None),
                ("`-option-rom`, one bit wrong", "std", option_rom(SPOILT), SPOILT, "refused",
                 "bad checksum")):
            refuses(path, label + (", other ROMs" if vga == "none" else ""), seabios(machine, vga, *options), image, what, complaint)
            if machine == "pc":
                tells(path, ["-M", machine, "-vga", vga, *options], none)


def no_sum_enforced():
    off = os.path.join(OUT, "zero8")
    with open(off, "wb") as file:
        file.write(bytes(8))
    off = ["-fw_cfg", f"name=etc/optionroms-checksum,file={off}"]
    for machine, label in MACHINES.items():
        for image in (NATIVE, SPOILT):
            takes("`-option-rom`, checksums not enforced", label, Qemu, seabios(
                machine, "std", *off, *option_rom(image), *BEHIND), [image, AFTER],
                  sum_right=image is NATIVE)


def at_the_end_of_the_area():
    """Above DFFFFh no guest looks. What crosses E0000h is found there by Linux, and refused by ours."""
    path, label, options = "`-option-rom`, only E0000h on is free", "i440fx, other ROMs", [
        *option_rom(LARGE), *option_rom(NATIVE)]
    takes(path, label, Qemu, seabios("pc", "none", *options, *BEHIND), [NATIVE, AFTER], found=False)
    tells(path, ["-M", "pc", "-vga", "none", *options], "No VMI ROM from C0000h to DFFFFh")
    path, options = "`-option-rom`, across E0000h", [
        *option_rom(plain_rom("z-large-252.rom", 252)), *option_rom(NATIVE)]
    takes(path, label, Qemu, seabios("pc", "none", *options, *BEHIND), [NATIVE, AFTER])
    tells(path, ["-M", "pc", "-vga", "none", *options], "its length is wrong; going on natively")


def beside_kvmvapic():
    """kvmvapic.bin, which QEMU adds unasked: the pages that it shares with others are writable."""
    path, label = "`-option-rom`, beside `kvmvapic.bin`", "i440fx"
    result, _ = boot(Qemu, seabios("pc", "std", *option_rom(NATIVE), vapic=True), [NATIVE])
    if isinstance(result, list):
        Tap.verdict(f"{path}: the machine boots", result)
        return
    runs = [run for run in result.runs if run.image]
    Tap.verdict(f"{path}: POST leaves everything as it was", [line for run in runs for line in run.wrong])
    Tap.same(f"{path}: the image is what its file is", [NATIVE.data],
             [result.bytes_at(run.at, NATIVE.resident) for run in runs])
    for run in runs:
        written = [at for at in result.writable if run.at <= at < run.at + NATIVE.resident]
        row(path, label, NATIVE, f"runs; its last {len(written):,} bytes can be written to", run.at,
            NATIVE.resident)
        Tap.same(f"{path}: what can be written to is the page that both are on",
                 list(range((run.at + NATIVE.resident) & ~0xFFF, run.at + NATIVE.resident)), written)


def under_bochs():
    for image in SHIPPED:
        takes("`optromimage1`", "Bochs", Bochs, bochs(
            f"optromimage1: file={image.path}, address=0xca000",
            f"optromimage2: file={AFTER.path}, address=0xcb800"),
              [image, AFTER], 0xF000, [0xCA000, 0xCB800])
    takes("`optromimage1`", "Bochs (legacy BIOS)", Bochs, bochs(
        f"optromimage1: file={NATIVE.path}, address=0xca000",
        bios="/usr/share/bochs/BIOS-bochs-legacy"), [NATIVE], 0xF000, [0xCA000])
    path, label = "`optromimage1`, one bit wrong", "Bochs"
    result, _ = boot(Bochs, bochs(f"optromimage1: file={SPOILT.path}, address=0xca000"), [SPOILT],
                     [0xCA000])
    if isinstance(result, list):
        Tap.verdict(f"{path}, {label}: the machine boots", result)
    else:
        Tap.same(f"{path}, {label}: it is not run, and is in its place", ([], [(0xCA000, 13)]),
                 (result.runs, vmi_roms(result)))
        row(path, label, SPOILT, "refused; a guest finds it", 0xCA000, SPOILT.resident)
    takes("`optromimage1` and `2`", "Bochs", Bochs, bochs(
        f"optromimage1: file={NATIVE.path}, address=0xd0000",
        f"optromimage2: file={NATIVE_3.path}, address=0xd1800"),
          [NATIVE, NATIVE_3], 0xF000, [0xD0000, 0xD1800])
    takes("`vgaromimage`", "Bochs, nothing", Bochs, bochs(vgabios=NATIVE.path), [NATIVE], 0xF000,
          [0xC0000])


DAMAGES = (  # what a POST entry does, and what is said of it; AX is 0 there, DX FFFFh under SeaBIOS
    ("mov ax,20h", "EAX"), ("bts eax,16", "EAX"), ("inc cx", "ECX"), ("bts ecx,31", "ECX"),
    ("dec dx", "EDX"), ("bts edx,31", "EDX"), ("dec bx", "EBX"), ("bts ebx,16", "EBX"),
    ("inc bp", "EBP"), ("inc si", "ESI"), ("bts edi,31", "EDI"),
    ("mov ds,dx", "DS"), ("mov es,ax", "ES"), ("mov fs,dx", "FS"), ("mov gs,dx", "GS"),
    ("cli", "EFLAGS"), ("std", "EFLAGS"), ("stc", "EFLAGS"), ("fld1", "FPU"),
    ("not byte [esp+4]", "the stack"), ("not byte [esp+255]", "the stack"),
    ("not byte [3FFh]", "the interrupt vectors"), ("out 21h,al", "PIC"), ("out 0A1h,al", "PIC"),
    ("not byte [cs:100h]", "1 bytes of the ROM area"))


def damaged():
    """The judge notices a ROM that does damage."""
    for number, (body, complaint) in enumerate(DAMAGES):
        image = plain_rom(f"damage-{number}.rom", 2, body)
        result, said = boot(Qemu, seabios("pc", "none", *option_rom(image)), [image])
        wrong = result if isinstance(result, list) else result.runs[0].wrong
        Tap.verdict(f"a ROM that does `{body}` in SeaBIOS is noticed",
                    [] if any(line.startswith(complaint) for line in wrong) else wrong or ["it was not"])
    Tap.same("SeaBIOS' second look finds the sum of a ROM wrong that has written to itself", 1,
             said.count("bad checksum"))
    for body, complaint in (("bts ebx,16", "EBX"), ("cli", "EFLAGS"), ("fld1", "FPU"), ("out 21h,al", "PIC"),
                            ("not byte [esp+4]", "the stack"), ("not byte [cs:100h]", None)):
        image = plain_rom("damage-bochs.rom", 2, body)
        result, _ = boot(Bochs, bochs(f"optromimage1: file={image.path}, address=0xca000"), [image],
                         [0xCA000])
        wrong = result if isinstance(result, list) else result.runs[0].wrong
        if complaint:
            Tap.verdict(f"a ROM that does `{body}` in Bochs is noticed",
                        [] if any(line.startswith(complaint) for line in wrong) else wrong or ["it was not"])
        else:
            Tap.verdict("Bochs has the image in true ROM during POST: it cannot write to itself", wrong)


HEAD = """| path | firmware | machine | in front | image | result | at | resident bytes | next ROM at |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
"""


def merged(rows, column):
    """Rows that differ in one column only become one, with all that the column had."""
    groups = {}
    for cells in rows:
        groups.setdefault((*cells[:column], *cells[column + 1:]), []).append(cells[column])
    return [(*rest[:column], ", ".join(dict.fromkeys(values)), *rest[column:])
            for rest, values in groups.items()]


def write_table():
    table = HEAD + "".join("| " + " | ".join(cells) + " |\n"
                           for cells in merged(merged(ROWS, IMAGE_COLUMN), MACHINE_COLUMN))
    with open(os.path.join(OUT, "table.md"), "w", encoding="ascii") as file:
        file.write(table)
    with open(DOCUMENT, encoding="ascii") as file:
        Tap.verdict(f"the table in {os.path.basename(DOCUMENT)} is what was measured",
                    [] if table in file.read() else ["`make firmware-docs` renews it"])


every_path()
every_place_of_a_device()
two_roms()
refused()
no_sum_enforced()
at_the_end_of_the_area()
beside_kvmvapic()
under_bochs()

damaged()
write_table()

print(f"1..{Tap.number}")
sys.exit(Tap.failures != 0)
