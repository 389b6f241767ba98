# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs one case in the test machine and brings back what its programs and its kernel wrote.

The machine counts instructions instead of time (unless KVM=1), so a case with minutes of kernel
timeouts takes seconds, and its times repeat.
"""

import io
import json
import os
import pathlib
import shutil
import subprocess
import tarfile
import tempfile

from . import cpio
from .image import Unavailable

QEMU = "qemu-system-x86_64"
# The last two spare an emulated processor a second of work that has nothing to do with USB.
KERNEL_ARGUMENTS = "console=ttyS0 quiet panic=-1 cryptomgr.notests=1 mitigations=off"
# Many times what a case takes on a computer with nothing else to do.
TIME_LIMIT_SECONDS = 400
MEMORY_MEBIBYTES = 384
SYSTEM_MEMORY_MEBIBYTES = 640
GUEST_FOLDER = pathlib.Path(__file__).resolve().parent.parent / "guest"
GUEST_FILES = ("functions", "signer", "system/functions", "system/session")


class Failure(Exception):
    """The machine did not come to the end of the case."""


class Result:
    """What one run left behind: files by name, and the console for a look at failures."""

    def __init__(self, files, console):
        self.files = files
        self.console = console

    def text(self, name):
        """The whole text of a result file; empty when the case wrote none."""
        return self.files.get(name, b"").decode("utf-8", "replace")

    def json(self, name):
        """What a result file says in JSON."""
        return json.loads(self.text(name))

    def lines(self, name):
        """The lines of a result file."""
        return self.text(name).splitlines()

    def kernel(self):
        """The kernel's messages without their head, from the first module of ours on."""
        return [line.partition(";")[2] for line in self.lines("kernel") if not line.startswith(" ")]

    def port(self):
        """The kernel's messages about the phone and its port."""
        return [line for line in self.kernel() if line.startswith(("usb 1-1: ", "usb usb1-port1: "))]

    def phone(self):
        """What the phone reported, without times."""
        return [line.partition("] ")[2] for line in self.lines("phone")]

    def usbmuxd(self):
        """What usbmuxd wrote, without times and levels."""
        return [line.rpartition("]")[2].strip() if line.startswith("[") else line for line in self.lines("usbmuxd")]

    def __str__(self):
        shown = ("run", "phone", "usbmuxd", "daemon")
        parts = [f"== {name}\n{self.text(name)}" for name in shown]
        return "\n".join(parts + ["== port", *self.port(), "== console", self.console])

    def status(self):
        """Exit status of the script of the case."""
        return int(self.text("status") or -1)


def require_emulator():
    """Raises Unavailable where this computer cannot run a machine."""
    if shutil.which(QEMU) is None:
        raise Unavailable(f"{QEMU} is not installed")


def run(image, script, files=(), programs=(), packaged=(), installed=None):
    """Runs `script` (shell) in a fresh machine.

    `files` are more files for its folder /case, as (name, text or bytes); `programs` are programs of
    the build tree that are put into /usr/bin, as paths, with the libraries that they need; `packaged`
    are programs of the packages (image.py) that the fixed part is without, by their path. With
    `installed`, a folder into which the build tree was installed, systemd is the machine's first
    process, and what is in that folder is installed there.
    """
    require_emulator()
    overlay = cpio.Archive()
    if installed is None:
        overlay.file("/init", (GUEST_FOLDER / "init").read_bytes(), 0o755)
    else:
        _add_installed(image, overlay, installed)
    for name in GUEST_FILES:
        overlay.file(f"/case/{name.replace('/', '-')}", (GUEST_FOLDER / name).read_bytes())
    overlay.file("/case/run", script)
    for name, text in files:
        overlay.file(f"/case/{name}", text)
    for program in programs:
        image.add_program(overlay, f"/usr/bin/{program.name}", program)
    for path in packaged:
        image.add_program(overlay, path)

    with tempfile.TemporaryDirectory(prefix="idevicetriage-vm-") as folder:
        folder = pathlib.Path(folder)
        initial = folder / "initrd"
        fixed = image.base if installed is None else image.system
        initial.write_bytes(fixed.read_bytes() + overlay.bytes())
        memory = MEMORY_MEBIBYTES if installed is None else SYSTEM_MEMORY_MEBIBYTES
        console = _boot(image.kernel, initial, folder, memory)
        results = (folder / "results").read_bytes()
    try:
        return Result(_unpack(results), console)
    except tarfile.TarError as error:
        raise Failure(f"the machine handed over no results; its console:\n{console}") from error


def _add_installed(image, overlay, folder):
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        target = f"/{path.relative_to(folder)}"
        if os.access(path, os.X_OK):
            image.add_program(overlay, target, path)
        else:
            overlay.file(target, path.read_bytes())


def _boot(kernel, initial, folder, memory):
    command = [QEMU, "-nodefaults", "-display", "none", "-no-reboot", "-m", str(memory)]
    command += _acceleration()
    command += ["-kernel", str(kernel), "-initrd", str(initial)]
    command += ["-append", KERNEL_ARGUMENTS]
    command += ["-rtc", "base=2026-01-01,clock=vm"]
    command += ["-serial", f"file:{folder}/console", "-serial", f"file:{folder}/results"]
    try:
        subprocess.run(command, check=True, timeout=TIME_LIMIT_SECONDS, stdin=subprocess.DEVNULL)
    except subprocess.SubprocessError as error:
        raise Failure(f"{error}; console:\n{(folder / 'console').read_text(errors='replace')}") from error
    return (folder / "console").read_text(errors="replace")


def _acceleration():
    if os.environ.get("KVM") == "1":
        return ["-accel", "kvm"]
    return ["-accel", "tcg", "-icount", "shift=0,sleep=off", "-smp", "1"]


def _unpack(results):
    with tarfile.open(fileobj=io.BytesIO(results)) as archive:
        return {
            os.path.normpath(member.name): archive.extractfile(member).read()
            for member in archive
            if member.isfile()
        }
