# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs cases in the test machine and brings back what its programs and its kernel wrote.

The machine is booted once and its state saved; each case is a machine that goes on from there, so that no
case sees what another did.

The machine counts instructions instead of time (unless KVM=1), so a case with minutes of kernel
timeouts takes seconds, and its times repeat.
"""

import contextlib
import fcntl
import hashlib
import io
import json
import os
import pathlib
import shutil
import stat
import subprocess
import sys
import tarfile
import tempfile
import time

from . import cpio
from .image import Unavailable

QEMU = "qemu-system-x86_64"
# The last two spare an emulated processor a second of work that has nothing to do with USB.
KERNEL_ARGUMENTS = "console=ttyS0 quiet panic=-1 cryptomgr.notests=1 mitigations=off"
# Many times what a case takes on a computer with nothing else to do.
TIME_LIMIT_SECONDS = 480
MEMORY_MEBIBYTES = 384
SYSTEM_MEMORY_MEBIBYTES = 896
GUEST_FOLDER = pathlib.Path(__file__).resolve().parent.parent / "guest"
ENTER = GUEST_FOLDER.parent.parent / "root" / "enter"
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
        shown = ("prepare", "run", "phone", "usbmuxd", "daemon")
        parts = [f"== {name}\n{self.text(name)}" for name in shown]
        return "\n".join(parts + ["== port", *self.port(), "== console", self.console])

    def status(self):
        """Exit status of the script of the case."""
        return int(self.text("status") or -1)


def require_emulator():
    """Raises Unavailable where this computer cannot run a machine."""
    if shutil.which(QEMU) is None:
        raise Unavailable(f"{QEMU} is not installed")


class Machine:
    """A machine that was booted once, and whose cases all go on from the state in which it was then.

    The state is a file of `folder`, made anew where what the machine consists of has changed. `programs` are
    programs of the build tree that are put into /usr/bin, as paths, with the libraries that they need;
    `packaged` are programs of the packages (image.py) that the fixed part is without, by their path; `newer` is a newer
    Debian's root (tests/root), whose restore tool becomes /newer/usr/bin/idevicerestore. With `installed`, a folder into which the build tree was installed, systemd is the machine's first
    process, and what is in that folder is installed there; with `bare`, a name for the machine, systemd is it too, and nothing is
    installed. `files` are more for its folder /case, as (name, text or bytes): if there is a script `prepare`, the machine has run it when
    its state is saved. With `xhci`, it has such a controller, whose driver a case
    loads. The phone there is another program, so this machine runs in real time, and boots for each case.
    """

    def __init__(self, image, folder, programs=(), packaged=(), installed=None, newer=None, xhci=False, bare=None, files=()):
        require_emulator()
        self._xhci = xhci
        self._kernel = image.kernel
        has_systemd = bool(installed or bare)
        self._memory = SYSTEM_MEMORY_MEBIBYTES if has_systemd or newer else MEMORY_MEBIBYTES
        name = bare or ("system" if installed else "newer" if newer else "small")
        self._state = pathlib.Path(folder) / f"{name}.state"
        fixed = image.system if has_systemd else image.base
        overlay = _overlay(image, programs, packaged, installed, newer)
        for file, content in files:
            overlay.file(f"/case/{file}", content)
        if not has_systemd:
            overlay.file("/init", (GUEST_FOLDER / "init").read_bytes(), 0o755)
        initial = fixed.read_bytes() + overlay.bytes()
        self._initial = initial if xhci else None
        if xhci:
            return
        self._state.parent.mkdir(parents=True, exist_ok=True)
        with open(self._state.with_suffix(".lock"), "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._ensure_state(initial)

    def run(self, script, files=(), corrected=None):
        """Runs `script` (shell) in the machine; `files` are more for its folder /case, as (name, text or bytes).

        With `corrected`, a number of errors, a phone that has them is on the xHCI controller (redirected_phone.py).
        """
        with tempfile.TemporaryDirectory(prefix="idevicetriage-vm-") as folder:
            folder = pathlib.Path(folder)
            (folder / "case").write_bytes(_pack([("run", script), *files]))
            command = self._command(folder) + self._start(folder)
            command += ["-fw_cfg", f"name=opt/case,file={folder}/case"]
            try:
                with contextlib.ExitStack() as stack:
                    if corrected is not None:
                        command = stack.enter_context(_redirected_phone(command, folder, corrected))
                    subprocess.run(command, check=True, timeout=TIME_LIMIT_SECONDS, stdin=subprocess.DEVNULL)
            except subprocess.SubprocessError as error:
                raise Failure(f"{error}; console:\n{_console(folder)}") from error
            results, console = (folder / "results").read_bytes(), _console(folder)
            # What a machine that boots says before its case.
            results = results.removeprefix(b"ready\n")
        try:
            return Result(_unpack(results), console)
        except tarfile.TarError as error:
            raise Failure(f"the machine handed over no results; its console:\n{console}") from error

    def _start(self, folder):
        """How a case begins: from the saved state, or with a boot."""
        if self._initial is None:
            return ["-incoming", f"exec:cat {self._state}"]
        (folder / "initrd").write_bytes(self._initial)
        return ["-initrd", f"{folder}/initrd"]

    def _ensure_state(self, initial):
        key = self._state.with_suffix(".key")
        command = " ".join(self._command(pathlib.Path(".")))
        wanted = hashlib.sha256(initial + command.encode()).hexdigest()
        if self._state.exists() and key.exists() and key.read_text() == wanted:
            return
        key.unlink(missing_ok=True)
        # Another session may still read the one that is replaced.
        self._state.unlink(missing_ok=True)
        self._boot(initial)
        key.write_text(wanted)

    def _boot(self, initial):
        """Boots the machine until it waits for its case, and saves its state."""
        with tempfile.TemporaryDirectory(prefix="idevicetriage-vm-") as folder:
            folder = pathlib.Path(folder)
            (folder / "initrd").write_bytes(initial)
            command = self._command(folder) + ["-initrd", f"{folder}/initrd", "-monitor", "stdio"]
            with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as emulator:
                try:
                    self._await_ready(emulator, folder)
                    emulator.communicate(f'migrate "exec:cat >{self._state}"\nquit\n', TIME_LIMIT_SECONDS)
                finally:
                    emulator.kill()
            if emulator.returncode != 0 or not self._state.exists():
                raise Failure(f"the machine's state could not be saved; its console:\n{_console(folder)}")

    @staticmethod
    def _await_ready(emulator, folder):
        deadline = time.monotonic() + TIME_LIMIT_SECONDS
        results = folder / "results"
        while not (results.exists() and b"ready" in results.read_bytes()):
            if emulator.poll() is not None or time.monotonic() > deadline:
                raise Failure(f"the machine did not come up; its console:\n{_console(folder)}")
            time.sleep(0.05)

    def _command(self, folder):
        """What every start of the machine has in common: the saved state fits no other one."""
        command = [QEMU, "-nodefaults", "-display", "none", "-no-reboot", "-m", str(self._memory)]
        command += _acceleration(self._xhci)
        command += ["-kernel", str(self._kernel), "-append", KERNEL_ARGUMENTS]
        command += ["-rtc", "base=2026-01-01,clock=vm"]
        if self._xhci:
            command += ["-device", "qemu-xhci,id=xhci"]
        return command + ["-serial", f"file:{folder}/console", "-serial", f"file:{folder}/results"]


@contextlib.contextmanager
def _redirected_phone(command, folder, errors):
    """Starts the phone; gives the command of a machine that has it."""
    path = folder / "phone"
    program = [sys.executable, pathlib.Path(__file__).with_name("redirected_phone.py"), path, str(errors)]
    with subprocess.Popen(program) as phone:
        try:
            deadline = time.monotonic() + TIME_LIMIT_SECONDS
            while not path.exists():
                if phone.poll() is not None or time.monotonic() > deadline:
                    raise Failure("the redirected phone did not start")
                time.sleep(0.05)
            more = ["-chardev", f"socket,id=phone,path={path}", "-device", "usb-redir,chardev=phone,bus=xhci.0"]
            yield command + more
        finally:
            phone.kill()


def _overlay(image, programs, packaged, installed, newer):
    """What the machine has besides the fixed part."""
    overlay = cpio.Archive()
    if installed:
        _add_installed(image, overlay, installed)
    for name in GUEST_FILES:
        overlay.file(f"/case/{name.replace('/', '-')}", (GUEST_FOLDER / name).read_bytes())
    for program in programs:
        image.add_program(overlay, f"/usr/bin/{program.name}", program)
    for path in packaged:
        image.add_program(overlay, path)
    if newer:
        _add_newer_tool(overlay, newer)
    return overlay


def _add_newer_tool(overlay, root):
    """The tool with its own loader and libraries, as `ldd` in that root finds them."""
    tool = "/usr/bin/idevicerestore"
    listed = subprocess.run([ENTER, root, "ldd", tool], check=True, capture_output=True, text=True, cwd="/tmp").stdout
    paths = [word for line in listed.splitlines() for word in line.split() if word.startswith("/")]
    # Loaded by name when a thread is cancelled.
    paths.append("/usr/lib/x86_64-linux-gnu/libgcc_s.so.1")
    for path in (tool, *sorted(set(paths))):
        overlay.file(f"/newer{path}", (root / path.lstrip("/")).resolve().read_bytes(), 0o755)


def _add_installed(image, overlay, folder):
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        target = f"/{path.relative_to(folder)}"
        if path.read_bytes().startswith(b"\x7fELF"):
            image.add_program(overlay, target, path)
        else:
            overlay.file(target, path.read_bytes(), stat.S_IMODE(path.stat().st_mode))


def _pack(files):
    """A tar archive of (name, text or bytes)."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, content in files:
            data = content.encode() if isinstance(content, str) else content
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return packed.getvalue()


def _console(folder):
    return (folder / "console").read_text(errors="replace")


def _acceleration(real_time):
    if os.environ.get("KVM") == "1":
        return ["-accel", "kvm"]
    if real_time:
        return ["-accel", "tcg", "-smp", "1"]
    return ["-accel", "tcg", "-icount", "shift=0,sleep=off", "-smp", "1"]


def _unpack(results):
    with tarfile.open(fileobj=io.BytesIO(results)) as archive:
        return {
            os.path.normpath(member.name): archive.extractfile(member).read()
            for member in archive
            if member.isfile()
        }
