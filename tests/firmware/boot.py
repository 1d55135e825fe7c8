# SPDX-License-Identifier: GPL-2.0-only OR MIT
"""One boot of a machine with option ROMs, under a debugger.

It stops where the BIOS calls a ROM, where the ROM returns, at the boot sector, and when that has
tried to write to the whole option-ROM area (boot.asm).
"""
import os
import shutil
import struct
import tempfile

from machine import Ended

AREA, AREA_END, STEP = 0xC0000, 0xE0000, 0x800  # where guests look for a ROM
PLACES_END = 0xE8000  # where SeaBIOS puts one at most
ENTRY = 3
BOOT, BOOT_DONE = 0x7C00, 0x7DF0
STACK_BYTES = 256
BOCHS_BIOS = "/usr/share/bochs/BIOS-bochs-latest"
BOCHS_VGABIOS = "/usr/share/seabios/vgabios-isavga.bin"
NO_VAPIC = ["-global", "apic-common.vapic=off"]  # no kvmvapic.bin, which makes pages writable


class Image:
    def __init__(self, path):
        self.path = path
        self.name = os.path.basename(path)
        with open(path, "rb") as file:
            self.data = file.read()
        self.resident = self.data[2] * 512

    def __repr__(self):
        return self.name


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
    old["eip"], old["cs"] = struct.unpack("<HH", before.stack[:4])
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
    """From power-on to the boot sector, which then turns over what can be written.

    runs: the ROMs in the order of their POST. area: the bytes from AREA to PLACES_END at the boot
    sector. writable: addresses of bytes that the boot sector could change. places: where a ROM may
    be.
    """

    def __init__(self, machine, images, places):
        self.runs = []
        machine.add(BOOT, *(place + ENTRY for place in places))
        while (address := machine.run()) != BOOT:
            if machine.memory(address - ENTRY, 4)[:2] == b"\x55\xAA":
                self.runs.append(self.watch(machine, address - ENTRY, images))
            else:  # the BIOS's own code is there
                machine.step()
                machine.add(address)
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
        known = [image for image in images if image.data[:image.resident] == data]
        run = Run(at, known[0] if known else None)
        if run.image is None:
            return run
        before = State(machine)
        run.ax = before.registers["eax"] & 0xFFFF
        pnp = (before.registers["es"] << 4) + (before.registers["edi"] & 0xFFFF)
        if machine.memory(pnp, 4) != b"$PnP":
            run.wrong.append("ES:DI leads to no $PnP")
        offset, segment = struct.unpack("<HH", before.stack[:4])
        machine.run_back((segment << 4) + offset, before.stack_at + 4)
        run.wrong += changes(before, State(machine, before.stack_at))
        return run

    def bytes_at(self, at, size):
        return self.area[at - AREA:at - AREA + size]


def seabios(machine, vga, *options, vapic=False):
    """QEMU's command line."""
    return ["-M", machine, "-m", "16", "-vga", vga, *([] if vapic else NO_VAPIC),
            "-drive", "if=floppy,format=raw,read-only=on,file=boot.img", "-boot", "a",
            "-chardev", "file,id=log,path=seabios.log",
            "-device", "isa-debugcon,iobase=0x402,chardev=log", *options]


def microvm(*options):
    """The same for a machine without PCI, on which nothing can make the area read-only."""
    return ["-M", "microvm,pic=on,pit=on,rtc=on", "-m", "16",
            "-bios", "/usr/share/seabios/bios-microvm.bin",
            "-drive", "if=none,id=disk,format=raw,read-only=on,file=boot.img",
            "-device", "virtio-blk-device,drive=disk",
            "-chardev", "file,id=log,path=seabios.log",
            "-device", "isa-debugcon,iobase=0x402,chardev=log", *options]


def bochs(*options, bios=BOCHS_BIOS, vgabios=BOCHS_VGABIOS):
    return ["plugin_ctrl: unmapped=true, biosdev=true, speaker=false, extfpuirq=true, "
            "parallel=false, serial=false, gameport=false, iodebug=true",
            "config_interface: textconfig", 'display_library: rfb, options="timeout=0"',
            "cpu: model=p4_prescott_celeron_336, count=1, ips=20000000, reset_on_triple_fault=0",
            "megs: 16", f"romimage: file={bios}, options=fastboot",
            *([f"vgaromimage: file={vgabios}"] if vgabios else []), "boot: disk",
            "ata0-master: type=disk, path=boot.img, mode=flat, cylinders=5, heads=16, spt=36",
            "log: bochs.log", "panic: action=fatal", "error: action=ignore",
            "info: action=ignore", "debug: action=ignore", "clock: sync=none", *options]


def boot(engine, disk, options, images, places=range(AREA, PLACES_END, STEP)):
    """(Boot, or lines on why there is none; what SeaBIOS said)"""
    with tempfile.TemporaryDirectory() as directory:
        log = os.path.join(directory, "seabios.log")
        shutil.copy(disk, os.path.join(directory, "boot.img"))
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
