#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR MIT
"""paths.py BUILD DOCUMENT [BIOS]: every way by which a firmware takes a ROM. TAP.

With BIOS, a SeaBIOS that carries the ROMs inside (seabios/build.sh), that way alone. What is seen
becomes a row of BUILD/firmware/table.md (with BIOS carried.md), which has to stand in DOCUMENT.
"""
import fnmatch
import os
import subprocess
import sys
import tempfile

import boot
from boot import AREA, AREA_END, NO_VAPIC, STEP, Image, bochs, microvm, seabios
from machine import Bochs, Qemu

IMAGES = ("native", "hypercall", "3-native", "3-hypercall")
TESTDEV = (0x1B36, 0x0005)  # QEMU's pci-testdev
FOR_TESTDEV = "1b36-0005-"

BUILD, DOCUMENT = sys.argv[1:3]
CARRYING_BIOS = sys.argv[3] if len(sys.argv) > 3 else None
OUT = os.path.join(os.path.abspath(BUILD), "firmware")
HERE = os.path.dirname(os.path.abspath(__file__))


# --- TAP ------------------------------------------------------------------------------------------

class Tap:
    """TEST in the environment, a name or a pattern, chooses: no other test is counted or printed."""
    number = failures = 0
    test = os.environ.get("TEST")

    @classmethod
    def verdict(cls, name, wrong):
        """Passes when nothing is wrong: wrong is a list of lines."""
        if cls.test and name != cls.test and not fnmatch.fnmatchcase(name, cls.test):
            return
        cls.number += 1
        print("ok" if not wrong else "not ok", cls.number, "-", name, flush=True)
        for line in wrong:
            print("#", line)
        cls.failures += bool(wrong)

    @classmethod
    def same(cls, name, expected, seen):
        wrong = [f"expected: {expected}", f"seen:     {seen}"]
        cls.verdict(name, [] if expected == seen else wrong)


# --- images ---------------------------------------------------------------------------------------

def shipped(name):
    return Image(os.path.join(os.path.abspath(BUILD), f"vmi-{name}.rom"))


def romsum(image_path, name, *options):
    """What romsum makes of a file, as another file."""
    path = os.path.join(OUT, name)
    subprocess.run([os.path.join(BUILD, "romsum"), *options, image_path, "-o", path], check=True)
    return Image(path)


def corrupted(image, name):
    """A copy with one bit wrong, in the padding, so that it runs all the same."""
    path = os.path.join(OUT, name)
    with open(path, "wb") as file:
        file.write(image.data[:-1] + bytes([image.data[-1] ^ 1]))
    return Image(path)


def plain_rom(name, blocks, body="nop"):
    """rom.asm: a ROM that does no harm, or the harm that is its body."""
    path = os.path.join(OUT, name)
    subprocess.run(["nasm", "-Werror", "-f", "bin", f"-DBLOCKS={blocks}", f"-DBODY={body}",
                    "-o", path, os.path.join(HERE, "rom.asm")], check=True)
    return romsum(path, name)


# --- judging --------------------------------------------------------------------------------------

ROWS = []


def row(path, label, image, result, at=None, resident=None, behind=None):
    def place(address):
        return f"{address:05X}h" if address is not None else "-"

    machine, _, front = label.partition(", ")
    firmware = "Bochs BIOS" if "Bochs" in machine and "SeaBIOS" not in path else "SeaBIOS"
    name = image.name.removesuffix(".rom").replace(FOR_TESTDEV, "")
    ROWS.append((path, firmware, machine, front or "VGA BIOS", name, result, place(at),
                 f"{resident:,}" if resident is not None else "-", place(behind)))


def run(case, engine, options, images, *places):
    """(Boot, or None where the machine did not get there; what SeaBIOS said)"""
    result, said = boot.boot(engine, os.path.join(OUT, "boot.img"), options, images, *places)
    if isinstance(result, list):
        Tap.verdict(f"{case}: the machine boots", result)
        return None, said
    return result, said


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
    result, said = run(case, Qemu, options, [image])
    if not result:
        return
    Tap.same(f"{case}: the image is not run", [], [post.at for post in result.runs if post.image])
    if complaint:
        Tap.verdict(f"{case}: SeaBIOS says why",
                    [] if complaint in said else said.splitlines()[-8:])
    Tap.same(f"{case}: a guest finds none", [], vmi_roms(result))
    row(path, label, image, result_text)


def stayed(result, images, locked):
    """What is wrong with the images after the boot: their bytes, or that they can be changed.
    Without locked all of them can be, and it would be wrong if not.
    """
    wrong = []
    for post in result.runs:
        image = post.image
        if image not in images:
            continue
        if result.bytes_at(post.at, image.resident) != image.data[:image.resident]:
            wrong.append(f"{image} at {post.at:05X}h differs from its file")
        written = [at for at in result.writable if post.at <= at < post.at + image.resident]
        if len(written) != (0 if locked else image.resident):
            wrong.append(f"{len(written)} bytes of {image} can be written to")
    return wrong


def takes(path, label, engine, options, images, ax=0, places=None, found=True, sum_right=True,
          locked=True):
    """A path on which all images run, in this order of their addresses.

    ax: what ours get in AX; None: not looked at. Without places each ROM lies right behind the one
    before, the first at C0000h; else the images are where they were put. An image that is not ours
    shows where the next ROM lands. found: whether a guest finds ours. sum_right: whether SeaBIOS
    finds all checksums right, before POST and after. locked: whether the area is read-only.
    """
    case = f"{path}, {label}"
    ours = [image for image in images if image.name.startswith("vmi")]
    failures = Tap.failures
    result, said = run(case, engine, options, images, *([places] if places else []))
    if not result:
        return
    Tap.same(f"{case}: the ROMs run, the lower one first", images,
             [post.image for post in result.runs if post.image])
    if ax is not None:
        Tap.same(f"{case}: AX is {ax:04X}h at the POST entry", [ax] * len(ours),
                 [post.ax for post in result.runs if post.image in ours])
    expected, seen = places, [post.at for post in result.runs if post.image]
    if not places:
        at, expected = AREA, []
        for post in result.runs:
            expected.append(at)
            at += rounded(result.bytes_at(post.at, 4)[2] * 512)
        seen = [post.at for post in result.runs]
    Tap.same(f"{case}: each lies where it should", [f"{at:05X}h" for at in expected],
             [f"{at:05X}h" for at in seen])
    Tap.verdict(f"{case}: POST leaves everything as it was",
                [f"{post.image}: {line}" for post in result.runs for line in post.wrong])
    Tap.verdict(f"{case}: the images are what their files are"
                + (", and read-only" if locked else ""), stayed(result, ours, locked))
    if engine is Qemu:
        Tap.same(f"{case}: SeaBIOS looks at the checksums before POST and after",
                 0 if sum_right else 2,
                 said.count("bad checksum") if "Booting from" in said else "it did not boot")
    seen = [at for at, _ in vmi_roms(result)]
    Tap.same(f"{case}: a guest finds {'it' if found else 'none'}",
             [post.at for post in result.runs if post.image in ours] if found else [], seen)
    behind = {a.at: b.at for a, b in zip(result.runs, result.runs[1:])}
    what = "runs, stays" if locked else "runs; can be written to"
    if not found:
        what += "; no guest finds it"
    if Tap.failures != failures:
        what = "FAILS"
    for post in result.runs:
        if post.image in ours:
            row(path, label, post.image, what, post.at, post.image.resident, behind.get(post.at))


def tells(case, options, line):
    """The tour, booted so, prints the line."""
    with tempfile.TemporaryDirectory() as directory:
        out = os.path.join(directory, "out")
        command = [os.environ.get("QEMU", "qemu-system-i386"), "-accel", "tcg", "-display", "none",
                   "-nodefaults", *NO_VAPIC,
                   "-drive", f"format=raw,snapshot=on,file={BUILD}/guest/tour.img",
                   "-device", "isa-debug-exit,iobase=0xf4,iosize=1", "-debugcon", f"file:{out}"]
        subprocess.run(command + options, check=False, timeout=600, stdin=subprocess.DEVNULL)
        with open(out, encoding="latin-1") as file:
            seen = file.read().splitlines()
    Tap.verdict(f"{case}: the tour says `{line}`",
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
CORRUPT = corrupted(NATIVE, "vmi-native-corrupt.rom")
LARGE = plain_rom("z-large.rom", 255)  # it sorts last, so SeaBIOS takes it first
MACHINES = {"pc": "i440fx", "q35": "q35"}
VGA = {"std": "", "none": ", nothing"}


def for_testdev(image):
    return romsum(image.path, image.name.replace("vmi-", "vmi-" + FOR_TESTDEV), "--pci",
                  "%04x:%04x" % TESTDEV)


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


def other_builds_of_seabios():
    """The one of 128 KiB, for old machines, and the one for a machine without PCI."""
    for machine, label in MACHINES.items():
        takes("`-option-rom`, BIOS of 128 KiB", label, Qemu, seabios(
            machine, "std", "-bios", "/usr/share/seabios/bios.bin", *option_rom(NATIVE), *BEHIND),
              [NATIVE, AFTER])
    takes("`-option-rom`", "microvm, nothing", Qemu, microvm(*option_rom(NATIVE), *BEHIND),
          [NATIVE, AFTER], locked=False)


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
        takes("PCI `romfile`, `rombar=0`: QEMU gives it by fw_cfg", label, Qemu, seabios(
            machine, "std", *romfile(NATIVE, "05.0", ",rombar=0"), *BEHIND), [NATIVE, AFTER])


def changed_by_romsum():
    """What a PCI device's BAR or a chip wants: --pad, --sum-at."""
    for machine, label in MACHINES.items():
        padded = romsum(for_testdev(NATIVE).path, "vmi-1b36-0005-native-64K.rom", "--pad", "64K")
        takes("PCI `romfile`, padded to 64 KiB", label, Qemu, seabios(
            machine, "std", *romfile(padded), *BEHIND), [padded, AFTER], 0x0028)
        padded = romsum(NATIVE.path, "vmi-native-64K.rom", "--pad", "64K")
        takes("`-option-rom`, padded to 64 KiB", label, Qemu, seabios(
            machine, "std", *option_rom(padded), *BEHIND), [padded, AFTER])
        at_end = romsum(NATIVE.path, "vmi-native-sum-at-end.rom", "--sum-at", "end")
        takes("`-option-rom`, sum in the last byte", label, Qemu, seabios(
            machine, "std", *option_rom(at_end), *BEHIND), [at_end, AFTER])


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
                ("`-option-rom`, one bit wrong", "std", option_rom(CORRUPT), CORRUPT, "refused",
                 "bad checksum")):
            refuses(path, label + (", other ROMs" if vga == "none" else ""),
                    seabios(machine, vga, *options), image, what, complaint)
            if machine == "pc":
                tells(path, ["-M", machine, "-vga", vga, *options], none)


def no_sum_enforced():
    off = os.path.join(OUT, "zero8")
    with open(off, "wb") as file:
        file.write(bytes(8))
    off = ["-fw_cfg", f"name=etc/optionroms-checksum,file={off}"]
    for machine, label in MACHINES.items():
        for image in (NATIVE, CORRUPT):
            takes("`-option-rom`, checksums not enforced", label, Qemu, seabios(
                machine, "std", *off, *option_rom(image), *BEHIND), [image, AFTER],
                  sum_right=image is NATIVE)


def at_the_end_of_the_area():
    """Above DFFFFh no guest looks. What crosses E0000h is taken by Linux and refused by ours."""
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
    path = "`-option-rom`, beside `kvmvapic.bin`"
    options = seabios("pc", "std", *option_rom(NATIVE), vapic=True)
    result, _ = run(path, Qemu, options, [NATIVE])
    if not result:
        return
    posts = [post for post in result.runs if post.image]
    Tap.same(f"{path}: the image runs", [NATIVE], [post.image for post in posts])
    Tap.verdict(f"{path}: POST leaves everything as it was",
                [line for post in posts for line in post.wrong])
    for post in posts:
        end = post.at + NATIVE.resident
        Tap.same(f"{path}: the image is what its file is", NATIVE.data.hex(),
                 result.bytes_at(post.at, NATIVE.resident).hex())
        written = [at for at in result.writable if post.at <= at < end]
        Tap.same(f"{path}: what can be written to is the page that both are on",
                 list(range(end & ~0xFFF, end)), written)
        row(path, "i440fx", NATIVE, f"runs; its last {len(written):,} bytes can be written to",
            post.at, NATIVE.resident)


def optrom(image, address, number=1):
    return f"optromimage{number}: file={image.path}, address={address:#x}"


def under_bochs():
    """The images are true ROM, where the configuration puts them."""
    for image in SHIPPED:
        takes("`optromimage1`", "Bochs", Bochs, bochs(
            optrom(image, 0xCA000), optrom(AFTER, 0xCB800, 2)), [image, AFTER], 0xF000,
              [0xCA000, 0xCB800])
    takes("`optromimage1`", "Bochs (legacy BIOS)", Bochs, bochs(
        optrom(NATIVE, 0xCA000), bios="/usr/share/bochs/BIOS-bochs-legacy"), [NATIVE], 0xF000,
          [0xCA000])
    for path, image, bios, found, what in (
            ("`optromimage1`, one bit wrong", CORRUPT, boot.BOCHS_BIOS, [(0xCA000, 13)],
             ("refused; a guest finds it", 0xCA000, CORRUPT.resident)),
            ("`optromimage1` under SeaBIOS", NATIVE, "/usr/share/seabios/bios.bin", [],
             ("not looked at",))):
        result, _ = run(path, Bochs, bochs(optrom(image, 0xCA000), bios=bios), [image], [0xCA000])
        if result:
            Tap.same(f"{path}, Bochs: it is not run", [], result.runs)
            Tap.same(f"{path}, Bochs: what guests find", found, vmi_roms(result))
            row(path, "Bochs", image, *what)
    takes("`optromimage1` and `2`", "Bochs", Bochs,
          bochs(optrom(NATIVE, 0xD0000), optrom(NATIVE_3, 0xD1800, 2)), [NATIVE, NATIVE_3], 0xF000,
          [0xD0000, 0xD1800])
    takes("`vgaromimage`", "Bochs, nothing", Bochs, bochs(vgabios=NATIVE.path), [NATIVE], 0xF000,
          [0xC0000])


DAMAGES = (  # what a POST entry does, and what is said of it; AX is 0 there, DX FFFFh under SeaBIOS
    ("mov ax,20h", "EAX"), ("bts eax,16", "EAX"), ("inc cx", "ECX"), ("bts ecx,31", "ECX"),
    ("dec dx", "EDX"), ("bts edx,31", "EDX"), ("dec bx", "EBX"), ("bts ebx,16", "EBX"),
    ("inc bp", "EBP"), ("bts ebp,16", "EBP"), ("inc si", "ESI"), ("bts esi,31", "ESI"),
    ("inc di", "EDI"), ("bts edi,31", "EDI"),
    ("mov ds,dx", "DS"), ("mov es,ax", "ES"), ("mov fs,dx", "FS"), ("mov gs,dx", "GS"),
    ("cli", "EFLAGS"), ("std", "EFLAGS"), ("stc", "EFLAGS"), ("fld1", "FPU"),
    ("not byte [esp+4]", "the stack"), ("not byte [esp+255]", "the stack"),
    ("not byte [3FFh]", "the interrupt vectors"), ("out 21h,al", "PIC"), ("out 0A1h,al", "PIC"))


BOCHS_DAMAGES = (
    ("bts ebx,16", "EBX"), ("cli", "EFLAGS"), ("fld1", "FPU"), ("out 21h,al", "PIC"),
    ("not byte [esp+4]", "the stack"), ("not byte [3FFh]", "the interrupt vectors"))


def damaged():
    """The judge detects a ROM that does damage."""
    for engine, name, damages in ((Qemu, "SeaBIOS", DAMAGES), (Bochs, "Bochs", BOCHS_DAMAGES)):
        for number, (body, complaint) in enumerate(damages):
            image = plain_rom(f"damage-{name}-{number}.rom", 2, body)
            wrong, said = post_alone(engine, image)
            Tap.verdict(f"a ROM that does `{body}` in {name} is detected",
                        [] if any(line.startswith(complaint) for line in wrong)
                        else wrong or ["it was not detected"])
    image = plain_rom("damage-itself.rom", 2, "not byte [cs:100h]")
    wrong, said = post_alone(Qemu, image)
    Tap.same("a ROM that writes to itself in SeaBIOS is detected",
             ["1 bytes of the ROM area changed, first at C0100h"], wrong)
    Tap.same("SeaBIOS' second look finds its sum wrong", 1, said.count("bad checksum"))
    Tap.same("Bochs has the image in true ROM: it cannot write to itself", [],
             post_alone(Bochs, image)[0])


def post_alone(engine, image):
    """(What was wrong with the POST of a ROM that is alone in its machine, what SeaBIOS said)"""
    if engine is Qemu:
        options, places = seabios("pc", "none", *option_rom(image)), [AREA]
    else:
        options, places = bochs(optrom(image, 0xCA000)), [0xCA000]
    result, said = run(image.name, engine, options, [image], places)
    return result.runs[0].wrong if result else [], said


HEAD = ("path", "firmware", "machine", "in front", "image", "result", "at", "resident bytes",
        "next ROM at")


def merged(rows, column):
    """Rows that differ in one column only become one, with all that the column had."""
    groups = {}
    for cells in rows:
        groups.setdefault((*cells[:column], *cells[column + 1:]), []).append(cells[column])
    return [(*rest[:column], ", ".join(dict.fromkeys(values)), *rest[column:])
            for rest, values in groups.items()]


def write_table(name):
    rows = merged(merged(ROWS, HEAD.index("image")), HEAD.index("machine"))
    rows = [HEAD, ["---"] * len(HEAD), *rows]
    table = "".join("| " + " | ".join(cells) + " |\n" for cells in rows)
    with open(os.path.join(OUT, name + ".md"), "w", encoding="ascii") as file:
        file.write(table)
    with open(DOCUMENT, encoding="ascii") as file:
        Tap.verdict(f"the table ({name}) in {os.path.basename(DOCUMENT)} is what was measured",
                    [] if table in file.read() else ["`make firmware-docs` renews it"])


def carried(bios):
    """A SeaBIOS that has the ROMs inside: nothing is given to QEMU, or to Bochs, but the BIOS."""
    for machine, vga in ((machine, vga) for machine in MACHINES for vga in VGA):
        takes("inside SeaBIOS", MACHINES[machine] + VGA[vga], Qemu,
              seabios(machine, vga, "-bios", bios, *BEHIND), [NATIVE, NATIVE_3, AFTER])
    takes("inside SeaBIOS", "Bochs, nothing", Bochs, bochs(bios=bios), [NATIVE, NATIVE_3],
          places=[0xC0000, 0xC1800])
    tells("inside SeaBIOS", ["-M", "pc", "-vga", "std", "-bios", bios],
          "VMI API 13.3, checksum right")


if CARRYING_BIOS:
    carried(os.path.abspath(CARRYING_BIOS))
    write_table("carried")
else:
    every_path()
    other_builds_of_seabios()
    every_place_of_a_device()
    changed_by_romsum()
    two_roms()
    refused()
    no_sum_enforced()
    at_the_end_of_the_area()
    beside_kvmvapic()
    under_bochs()
    damaged()
    write_table("table")

print(f"1..{Tap.number}")
sys.exit(Tap.failures != 0)
