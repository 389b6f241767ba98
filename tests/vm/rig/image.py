# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes the fixed part of the test machine out of Debian packages: kernel and root file system.

Packages are downloaded and unpacked into a cache folder, never installed; nothing from them is run
on this computer. Not part of this: what a single test adds (machine.py).
"""

import fcntl
import hashlib
import lzma
import os
import pathlib
import shutil
import struct
import subprocess
import tarfile

from . import cpio, system

KERNEL_PACKAGE = "linux-image-amd64"
PACKAGES = (
    "busybox-static",
    "coreutils",
    "dpkg",
    "idevicerestore",
    "init-system-helpers",
    "irecovery",
    "libimobiledevice-utils",
    "perl-base",
    "systemd",
    "tar",
    "udev",
    "usbmuxd",
)
PROGRAMS = (
    "/bin/udevadm",
    "/lib/systemd/systemd-udevd",
    "/usr/bin/idevice_id",
    "/usr/bin/ideviceinfo",
    "/usr/bin/irecovery",
    "/usr/bin/stdbuf",
    "/usr/sbin/usbmuxd",
)
# In the order in which they have to be loaded.
MODULES = ("usb-common", "usbcore", "usbip-core", "vhci-hcd", "usbmon")
# Loaded by a machine that waits for its case, or by a case.
CASE_MODULES = ("qemu_fw_cfg", "xhci-hcd", "xhci-pci")
UDEV_RULES = ("/lib/udev/rules.d/39-usbmuxd.rules", "/lib/udev/rules.d/50-udev-default.rules")
# Loaded by name when a thread is cancelled.
MORE_LIBRARIES = ("libgcc_s.so.1",)
# Loaded by name by the program before it.
MORE_FILES = ("/usr/libexec/coreutils/libstdbuf.so",)
LIBRARY_FOLDERS = (
    "/lib/x86_64-linux-gnu",
    "/usr/lib/x86_64-linux-gnu",
    "/lib/x86_64-linux-gnu/systemd",
    "/usr/lib/x86_64-linux-gnu/systemd",
)
RECIPE = (
    pathlib.Path(__file__),
    pathlib.Path(system.__file__),
    *sorted((system.GUEST_FOLDER / "system").iterdir()),
)
LOADER = "/lib64/ld-linux-x86-64.so.2"


class Unavailable(Exception):
    """This computer lacks something without which no test machine can be made; says what."""


class Image:
    """A kernel and a base archive in a cache folder, made when they are not there yet."""

    def __init__(self, cache):
        self.cache = pathlib.Path(cache)
        self.kernel = self.cache / "vmlinux"
        self.base = self.cache / "base.cpio"
        self.system = self.cache / "system.cpio"
        self.root = self.cache / "root"
        self._apt = ["-o", "Debug::NoLocking=1", "-o", "APT::Sandbox::User="]

    def ensure(self):
        """Makes what is missing or was made by another version of this file."""
        self.cache.parent.mkdir(parents=True, exist_ok=True)
        with open(self.cache.with_suffix(".lock"), "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._make()

    def _make(self):
        recipe = hashlib.sha256(b"".join(path.read_bytes() for path in RECIPE)).hexdigest()
        stamp = self.cache / "recipe"
        if stamp.exists() and stamp.read_text() == recipe:
            return
        self._clear()
        try:
            self._unpack_packages()
            self._unpack_kernel()
        except Unavailable:
            # This computer's package lists are missing or old: with lists of our own, once more.
            self._clear()
            self._update_lists()
            self._unpack_packages()
            self._unpack_kernel()
        self._write_base()
        self._write_system()
        stamp.write_text(recipe)

    def _clear(self):
        shutil.rmtree(self.cache, ignore_errors=True)
        self.cache.mkdir(parents=True)

    def _update_lists(self):
        lists = self.cache / "lists"
        (lists / "partial").mkdir(parents=True)
        self._apt += ["-o", f"Dir::State::Lists={lists}"]
        self._apt += ["-o", "Dir::Cache::pkgcache=", "-o", "Dir::Cache::srcpkgcache="]
        # Otherwise it succeeds with what it could not fetch left out.
        _run(["apt-get", "update", "--error-on=any", *self._apt])

    def add_program(self, archive, path, source=None):
        """Adds a program to `archive`, from the packages or from `source` on this computer.

        The shared libraries that it needs go along, those of the packages first.
        """
        source = source or self._in_root(path)
        if source is None:
            raise Unavailable(f"{path} is in none of the packages")
        archive.file(path, source.read_bytes(), 0o755)
        for name, library in sorted(self._libraries_of(source).items()):
            target = f"/usr/lib/x86_64-linux-gnu/{name}"
            if not archive.has(target):
                archive.file(target, library.read_bytes(), 0o755)

    def _unpack_packages(self):
        debs = self.cache / "debs"
        (debs / "partial").mkdir(parents=True)
        status = debs / "status"
        status.touch()
        # An empty list of installed packages makes apt fetch the dependencies too.
        _run(
            ["apt-get", "install", "--download-only", "--yes", "--quiet", "--no-install-recommends"]
            + ["-o", f"Dir::State::Status={status}", "-o", f"Dir::Cache::Archives={debs}"]
            + [*self._apt, *PACKAGES]
        )
        for deb in sorted(debs.glob("*.deb")):
            _run(["dpkg-deb", "-x", str(deb), str(self.root)])
        shutil.rmtree(debs)

    def _unpack_kernel(self):
        depends = _run(["apt-cache", "depends", "--important", *self._apt, KERNEL_PACKAGE])
        package = next((word for word in depends.split() if word.startswith("linux-image-6")), None)
        if package is None:
            raise Unavailable(f"{KERNEL_PACKAGE} names no kernel package")
        folder = self.cache / "kernel"
        folder.mkdir()
        _run(["apt-get", "download", *self._apt, package], cwd=folder)
        deb = next(folder.glob("*.deb"))
        wanted = {f"{name}.ko" for name in (*MODULES, *CASE_MODULES)}
        with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(deb)], stdout=subprocess.PIPE) as unpacker:
            with tarfile.open(fileobj=unpacker.stdout, mode="r|") as archive:
                for member in archive:
                    name = os.path.basename(member.name)
                    if not member.isfile() or not (name in wanted or name.startswith("vmlinuz-")):
                        continue
                    data = archive.extractfile(member).read()
                    if name in wanted:
                        (folder / name).write_bytes(data)
                    else:
                        self.kernel.write_bytes(_unpacked_kernel(data))
        deb.unlink()

    def _write_base(self):
        archive = cpio.Archive()
        for path in ("/dev", "/proc", "/sys", "/run", "/tmp", "/root", "/results", "/var/lib/lockdown", "/etc"):
            archive.directory(path)
        # The distribution's own merged layout, so that every package's paths hold.
        for name in ("bin", "sbin", "lib", "lib64"):
            archive.link(f"/{name}", f"usr/{name}")
        archive.link("/var/run", "/run")
        archive.file("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n")
        archive.file("/etc/group", "root:x:0:\n")
        archive.file("/usr/bin/busybox", self._in_root("/bin/busybox").read_bytes(), 0o755)
        archive.link("/usr/bin/sh", "busybox")
        archive.file("/usr" + LOADER, self._in_root(LOADER).read_bytes(), 0o755)
        for path in PROGRAMS:
            self.add_program(archive, path if path.startswith("/usr") else "/usr" + path, self._in_root(path))
        for name in MORE_LIBRARIES:
            archive.file(f"/usr/lib/x86_64-linux-gnu/{name}", self._find_library(name).read_bytes())
        for path in MORE_FILES:
            archive.file(path, self._in_root(path).read_bytes())
        for path in UDEV_RULES:
            archive.file("/usr" + path, self._in_root(path).read_bytes())
        self._add_modules(archive)
        self.base.write_bytes(archive.bytes())

    def _write_system(self):
        archive = system.archive(self.root)
        self._add_modules(archive)
        self.system.write_bytes(archive.bytes())

    def _add_modules(self, archive):
        for index, name in enumerate(MODULES):
            module = self.cache / "kernel" / f"{name}.ko"
            archive.file(f"/usr/lib/modules/{index}-{name}.ko", module.read_bytes())
        for name in CASE_MODULES:
            module = self.cache / "kernel" / f"{name}.ko"
            archive.file(f"/usr/lib/modules/case/{name}.ko", module.read_bytes())

    def _libraries_of(self, program):
        found = {}
        waiting = [program]
        while waiting:
            for name in _needed(waiting.pop()):
                if name in found or name == os.path.basename(LOADER):
                    continue
                library = self._find_library(name)
                found[name] = library
                waiting.append(library)
        return found

    def _find_library(self, name):
        for folder in LIBRARY_FOLDERS:
            path = self._in_root(f"{folder}/{name}")
            if path is not None:
                return path
        for folder in LIBRARY_FOLDERS:
            path = pathlib.Path(folder, name)
            if path.exists():
                return path
        raise Unavailable(f"library {name} not found")

    def _in_root(self, path):
        """Where `path` of the test machine lies in the cache; links are followed inside it."""
        for _ in range(8):
            full = self.root / path.lstrip("/")
            if not full.is_symlink():
                return full if full.exists() else None
            path = os.path.normpath(os.path.join(os.path.dirname(path), os.readlink(full)))
        return None


def _unpacked_kernel(packed):
    """The kernel without its own unpacker, which takes an emulated processor many seconds.

    Source of the offsets: Documentation/x86/boot.rst. A kernel not packed with xz stays as it is.
    """
    setup_sectors = packed[0x1F1] or 4
    offset, size = struct.unpack_from("<II", packed, 0x248)
    start = (setup_sectors + 1) * 512 + offset
    payload = packed[start : start + size]
    if not payload.startswith(b"\xfd7zXZ\0"):
        return packed
    # Four bytes with the unpacked size follow the packed data.
    return lzma.LZMADecompressor().decompress(payload)


def _needed(path):
    """The libraries that a program or library names as needed."""
    lines = _run(["readelf", "--dynamic", "--wide", str(path)]).splitlines()
    return [line.partition("[")[2].partition("]")[0] for line in lines if "(NEEDED)" in line]


def _run(command, **more):
    try:
        done = subprocess.run(command, check=True, text=True, capture_output=True, **more)
    except FileNotFoundError as error:
        raise Unavailable(f"{command[0]} is not installed") from error
    except subprocess.CalledProcessError as error:
        reason = (error.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise Unavailable(f"{command[0]} failed: {reason}") from error
    return done.stdout
