# SPDX-License-Identifier: LGPL-2.1-or-later
"""The other fixed part of the test machine: a small Debian with systemd as its first process.

Everything that the packages hold, without what no service needs, and what their installation
scripts would have made. Which services start is decided here; the files are guest/system/.
"""

import fnmatch
import os
import pathlib
import stat

from . import cpio

GUEST_FOLDER = pathlib.Path(__file__).resolve().parent.parent / "guest"
# Patterns of paths. PostgreSQL works without its compiler of queries, which is larger than all the rest.
LEFT_OUT = (
    "etc/udev",
    "lib/udev/hwdb.d",
    "usr/lib/llvm-*",
    "usr/lib/locale",
    "usr/lib/postgresql/*/bitcode",
    "usr/lib/postgresql/*/llvmjit.so",
    "usr/lib/x86_64-linux-gnu/gconv",
    "usr/lib/x86_64-linux-gnu/libLLVM*",
    "usr/lib/x86_64-linux-gnu/libz3*",
    "usr/share/*",
    "var",
)
# What programs need of a folder that is left out.
KEPT = ("usr/share/perl*", "usr/share/postgresql*")
MERGED = ("bin", "sbin", "lib", "lib64")
FOLDERS = (
    "/dev",
    "/proc",
    "/sys",
    "/run",
    "/tmp",
    "/root",
    "/results",
    "/var/lib/dpkg/alternatives",
    "/var/lib/dpkg/info",
    "/var/lib/dpkg/triggers",
    "/var/lib/dpkg/updates",
    "/var/lib/lockdown",
    "/var/lib/usbmux",
    "/var/log",
    "/var/tmp",
    "/mnt",
)
# Units that take an emulated processor long, or find nothing here to work on.
MASKED = (
    "dev-hugepages.mount",
    "dev-mqueue.mount",
    "kmod-static-nodes.service",
    "ldconfig.service",
    "modprobe@.service",
    "proc-sys-fs-binfmt_misc.automount",
    "sys-fs-fuse-connections.mount",
    "sys-kernel-config.mount",
    "sys-kernel-debug.mount",
    "sys-kernel-tracing.mount",
    "systemd-binfmt.service",
    "systemd-firstboot.service",
    "systemd-hwdb-update.service",
    "systemd-journal-catalog-update.service",
    "systemd-machine-id-commit.service",
    "systemd-modules-load.service",
    "systemd-pcrphase-sysinit.service",
    "systemd-pcrphase.service",
    "systemd-pstore.service",
    "systemd-random-seed.service",
    "systemd-remount-fs.service",
    "systemd-sysctl.service",
    "systemd-sysusers.service",
    "systemd-update-done.service",
    "systemd-update-utmp.service",
)
# Made by the scripts of packages, or by those of systemd's own users at the first start.
GROUPS = {
    "root": 0,
    "disk": 6,
    "kmem": 15,
    "plugdev": 46,
    "systemd-journal": 101,
    "tty": 5,
    "nogroup": 65534,
}
MORE_GROUPS = ("audio", "cdrom", "dialout", "input", "kvm", "lp", "render", "sgx", "tape", "video")
USERS = (
    "root:x:0:0:root:/root:/bin/sh",
    "usbmux:x:102:46::/var/lib/usbmux:/usr/sbin/nologin",
    "nobody:x:65534:65534::/nonexistent:/usr/sbin/nologin",
)
MACHINE_ID = "5f1d2c3b4a59687786958473625140af"


def archive(root):
    """The archive of the whole machine, of the packages unpacked under `root`."""
    made = cpio.Archive()
    for path in FOLDERS:
        made.directory(path)
    for name in MERGED:
        made.link(f"/{name}", f"usr/{name}")
    made.link("/var/run", "/run")
    _add_tree(made, root)
    _add_settings(made)
    return made


def _add_tree(made, root):
    for folder, names, files in os.walk(root):
        relative = os.path.relpath(folder, root)
        names[:] = sorted(name for name in names if _is_wanted(relative, name))
        for name in sorted(files) + [name for name in names if os.path.islink(f"{folder}/{name}")]:
            if _is_wanted(relative, name):
                _add_file(made, pathlib.Path(folder, name), os.path.normpath(f"{relative}/{name}"))


def _is_wanted(folder, name):
    path = os.path.normpath(f"{folder}/{name}")
    return _matches(path, KEPT) or not _matches(path, LEFT_OUT)


def _matches(path, patterns):
    return any(fnmatch.fnmatchcase(path, pattern) for pattern in patterns)


def _add_file(made, source, relative):
    target = "/usr/" + relative if relative.partition("/")[0] in MERGED else "/" + relative
    if source.is_symlink():
        made.link(target, os.readlink(source))
    elif source.is_file():
        made.file(target, source.read_bytes(), stat.S_IMODE(source.stat().st_mode))


def _add_settings(made):
    groups = {**GROUPS, **{name: 200 + index for index, name in enumerate(MORE_GROUPS)}}
    made.file("/etc/passwd", "\n".join(USERS) + "\n")
    made.file("/etc/group", "".join(f"{name}:x:{number}:\n" for name, number in groups.items()))
    made.file("/etc/machine-id", MACHINE_ID + "\n")
    made.file("/etc/os-release", 'ID=debian\nVERSION_ID="12"\n')
    made.file("/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n")
    for name in ("available", "status"):
        made.file(f"/var/lib/dpkg/{name}", "")
    made.link("/usr/bin/sh", "busybox")
    for unit in MASKED:
        made.link(f"/etc/systemd/system/{unit}", "/dev/null")
    made.link("/etc/systemd/system/default.target", "case.target")
    for name in ("case.target", "case.service"):
        made.file(f"/etc/systemd/system/{name}", (GUEST_FOLDER / "system" / name).read_bytes())
    made.file("/init", (GUEST_FOLDER / "system/init").read_bytes(), 0o755)
