# SPDX-License-Identifier: GPL-2.0-only OR MIT
"""Machines under a debugger: QEMU through its gdb stub, Bochs through its own debugger.

Both offer the same: go on to the next of some linear addresses, and look at registers, memory and
the interrupt controller there. A machine that hangs is killed after LIMIT seconds.
"""
import os
import re
import socket
import subprocess
import threading
import time

LIMIT = 600
GENERAL = ("eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi", "eip", "eflags")
SEGMENTS = ("cs", "ss", "ds", "es", "fs", "gs")


class Ended(Exception):
    """The machine is gone: switched off, crashed or killed for its slowness."""


class Machine:
    """What both engines share: a process, breakpoints, and files in a directory of its own."""

    def __init__(self, directory, command, **pipes):
        self.directory = directory
        self.breakpoints = set()
        self.log = open(os.path.join(directory, "engine.log"), "wb")
        self.process = subprocess.Popen(command, cwd=directory, **{"stderr": self.log, **pipes})
        self.killer = threading.Timer(LIMIT, self.process.kill)
        self.killer.start()

    def run(self):
        """Goes on to the next breakpoint and takes it away. Returns its linear address."""
        self.go()
        registers = self.registers()
        address = (registers["cs"] << 4) + registers["eip"]
        if address not in self.breakpoints:
            address = registers["eip"]  # the BIOS in flat protected mode
        if address not in self.breakpoints:
            raise Ended(f"it stopped at {address:05X}h, where no breakpoint is")
        self.remove(address)
        return address

    def run_back(self, address, stack):
        """Goes on to where a far call returns to: address, with SS:SP at the linear address stack.

        The BIOS comes by there from its own interrupts, too, on other stacks.
        """
        while True:
            self.add(address)
            if self.run() != address:
                raise Ended(f"a call that should come back to {address:05X}h did not")
            registers = self.registers()
            if (registers["ss"] << 4) + registers["esp"] == stack:
                return
            self.step()

    def memory(self, address, size):
        """Physical memory, as the processor reads it."""
        name = os.path.join(self.directory, "memory")
        self.save(address, size, name)
        with open(name, "rb") as file:
            data = file.read()
        if len(data) != size:
            raise Ended(f"{len(data)} bytes of memory instead of {size}")
        return data

    def close(self):
        self.process.kill()
        self.process.wait()
        self.killer.cancel()
        self.log.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Qemu(Machine):
    def __init__(self, directory, options):
        where = os.path.join(directory, "gdb")
        command = [os.environ.get("QEMU", "qemu-system-i386"), "-accel", "tcg", "-display", "none",
                   "-nodefaults", "-S", "-gdb", f"unix:{where},server=on,wait=off"]
        self.buffer = b""
        self.socket = socket.socket(socket.AF_UNIX)
        super().__init__(directory, command + options, stdin=subprocess.DEVNULL,
                         stdout=subprocess.DEVNULL)
        while self.socket.connect_ex(where):
            if self.process.poll() is not None:
                raise Ended("QEMU did not start")
            time.sleep(0.005)

    def close(self):
        self.socket.close()
        super().close()

    def until(self, end):
        while end not in self.buffer:
            try:
                more = self.socket.recv(65536)
            except OSError:
                more = b""
            if not more:
                raise Ended("QEMU is gone")
            self.buffer += more
        text, self.buffer = self.buffer.split(end, 1)
        return text

    def packet(self):
        """The next packet of the remote protocol, acknowledged; its sum is of no interest here."""
        self.until(b"$")
        text = self.until(b"#")
        while len(self.buffer) < 2:
            self.buffer += self.socket.recv(2)
        self.buffer = self.buffer[2:]
        self.socket.sendall(b"+")
        return text.decode("latin-1")

    def ask(self, text):
        try:
            self.socket.sendall(b"$%s#%02x" % (text.encode(), sum(text.encode()) & 0xFF))
        except OSError as error:
            raise Ended("QEMU is gone") from error
        return self.packet()

    def command(self, text):
        """A command of QEMU's own monitor, and what it prints."""
        answer, printed = self.ask("qRcmd," + text.encode().hex()), ""
        while answer.startswith("O") and answer != "OK":
            printed += bytes.fromhex(answer[1:]).decode("latin-1")
            answer = self.packet()
        return printed

    def add(self, *addresses):
        for address in addresses:
            if self.ask(f"Z1,{address:x},1") != "OK":
                raise Ended("QEMU takes no breakpoint")
            self.breakpoints.add(address)

    def remove(self, address):
        self.ask(f"z1,{address:x},1")
        self.breakpoints.remove(address)

    def go(self):
        if not self.ask("c").startswith("T05"):
            raise Ended("QEMU is switched off")

    def step(self):
        self.ask("s")

    def registers(self):
        """By name; "rest" is all else that the stub shows: FPU, SSE and control registers."""
        data = bytes.fromhex(self.ask("g"))
        words = [int.from_bytes(data[i:i + 4], "little") for i in range(0, 64, 4)]
        return dict(zip(GENERAL + SEGMENTS, words), rest=data[64:].hex())

    def interrupts(self):
        """The masks, and the interrupts in service but the timer's, which may just come, of both controllers."""
        seen = " ".join(re.findall(r"imr=\w+|isr=\w+", self.command("info pic")))
        return re.sub(r"isr=(\w+)$", lambda last: f"isr={int(last[1], 16) & ~1:02x}", seen)

    def save(self, address, size, name):
        self.command(f'pmemsave {address} {size} "{name}"')


class Bochs(Machine):
    def __init__(self, directory, options):
        with open(os.path.join(directory, "bochsrc"), "w", encoding="ascii") as file:
            file.write("\n".join(options) + "\n")
        command = [os.environ.get("BOCHS", "bochs"), "-q", "-f", file.name]
        super().__init__(directory, command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT)  # its command `fpu` prints there
        self.prompts = 0
        self.numbers = {}
        self.answer()

    def close(self):
        super().close()
        self.process.stdin.close()
        self.process.stdout.close()

    def answer(self):
        self.prompts += 1
        prompt, text = b"<bochs:%d> " % self.prompts, b""
        while not text.endswith(prompt):
            byte = self.process.stdout.read(1)
            if not byte:
                self.log.write(text)
                self.log.flush()
                raise Ended("Bochs is gone")
            text += byte
        return text[:-len(prompt)].decode("latin-1")

    def ask(self, text):
        try:
            self.process.stdin.write(text.encode() + b"\n")
            self.process.stdin.flush()
        except OSError as error:
            raise Ended("Bochs is gone") from error
        return self.answer()

    def add(self, *addresses):
        for address in addresses:
            if "no more" in self.ask(f"lb {address:#x}"):
                raise Ended("Bochs takes no more breakpoints: it has 16")
            self.breakpoints.add(address)
            self.numbers[address] = len(self.numbers) + 1

    def remove(self, address):
        self.ask(f"d {self.numbers[address]}")
        self.breakpoints.remove(address)

    def go(self):
        self.ask("c")

    def step(self):
        self.ask("s")

    def registers(self):
        text = self.ask("r")
        result = {"e" + name: int(value, 16)
                  for name, value in re.findall(r"^r(\w\w): \w{8}_(\w{8})", text, re.M)}
        result["eflags"] = int(re.search(r"^eflags 0x(\w+)", text, re.M).group(1), 16)
        text = self.ask("sreg")
        result.update((name, int(value, 16))
                      for name, value in re.findall(r"^(\ws):0x(\w+)", text, re.M))
        result["rest"] = self.ask("creg") + self.ask("fpu") + self.ask("sse")
        return result

    def interrupts(self):
        return " ".join(re.findall(r"(?:IMR|ISR) = \w+", self.ask('info device "pic"')))

    def save(self, address, size, name):
        self.ask(f'writemem "{name}" {address:#x} {size:#x}')
