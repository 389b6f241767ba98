# SPDX-License-Identifier: LGPL-2.1-or-later
"""`doctor` on a played system: a tree of files stands for /sys, /proc, /etc and the rest. On a good
bench it finds nothing; each fault that is planted it finds, and says what to change."""
import json
import os
import pathlib
import shutil
import socket
import subprocess
import time

import pytest

import standin

DEBIAN_START = "/usr/sbin/usbmuxd --user usbmux --systemd"
EXAMPLE = pathlib.Path(__file__).resolve().parents[2] / "systemd" / "usbmuxd-always-on.conf"
RULES = ('# comment\nSUBSYSTEM=="usb", ENV{PRODUCT}=="5ac/12[9a][0-9a-f]/*", OWNER="usbmux", '
         'ENV{SYSTEMD_WANTS}="usbmuxd.service"\n')
UP = [{"name": name, "up": True, "detail": "fine"} for name in ("usb", "usbmuxd", "journal", "link", "ring", "casebook")]


class Tree:
    """A bench where all is well, below `root`; what a test changes is a fault."""

    def __init__(self, root, build):
        self.root = root
        self.command = root / "bin" / "idevicetriage"
        self.environment = {"PATH": str(root / "bin"), "LC_ALL": "C.UTF-8", "TZ": "UTC", "HOME": str(root),
                            "IDEVICETRIAGE_PHONE_PROGRAM": "/usr/libexec/idevicetriage-phone",
                            "IDEVICETRIAGE_SYSROOT": str(root), "IDEVICETRIAGE_SOCKET": str(root / "s")}
        self.state = "/var/lib/idevicetriage"
        self.listener = None
        (root / "bin").mkdir(parents=True)
        # A copy, so that a test may change how old it is.
        shutil.copy2(build / "client" / "idevicetriage", self.command)
        self.tool("idevicerestore", "idevicerestore 1.0.0-271-g45145e9 (libirecovery 1.3.1)")
        self.write("/etc/passwd", "root:x:0:0::/root:/bin/sh\ntina:x:1000:1000::/home/tina:/bin/sh\n")
        self.write("/etc/group", "root:x:0:\nidevicetriage:x:990:max,tina\n")
        self.caller(1000, [1000, 990])
        self.write("/run/systemd/timesync/synchronized", "")
        self.write("/run/udev/control", "")
        self.write("/proc/sys/kernel/osrelease", "6.1.0-49-amd64\n")
        self.controller("0000:00:14.0", "0x8086", "0xa36d")
        self.write("/usr/libexec/idevicetriage-phone", "")
        self.write("/usr/sbin/usbmuxd", "")
        (root / "bin/readlink").symlink_to(shutil.which("readlink"))
        self.packages(usbmuxd=("/usr/sbin/usbmuxd", "1.1.1-2+deb12u1"))
        self.write("/usr/lib/x86_64-linux-gnu/libusbmuxd-2.0.so.6.0.0", "")
        (root / "usr/sbin/usbmuxd").chmod(0o755)
        self.write("/lib/systemd/system/usbmuxd.service", f"[Unit]\nDescription=x\n\n[Service]\nExecStart={DEBIAN_START}\n")
        self.write("/etc/systemd/system/usbmuxd.service.d/always-on.conf", EXAMPLE.read_text())
        self.write("/lib/udev/rules.d/39-usbmuxd.rules", RULES)
        self.process(71, "usbmuxd", "/usr/sbin/usbmuxd", "--user", "usbmux", "--foreground", "-v")
        self.phone("1-2")
        self.port_count("1-0:1.0/usb1-port2", 0)
        (root / "var/lib/idevicetriage").mkdir(parents=True)
        self.listen()

    def write(self, path, text):
        path = self.root / path.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def link(self, path, target):
        path = self.root / path.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(target)

    def remove(self, path):
        path = self.root / path.lstrip("/")
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    def tool(self, name, answer):
        self.write(f"/bin/{name}", f"#!/bin/sh\necho '{answer}'\n")
        (self.root / "bin" / name).chmod(0o755)

    def packages(self, **packages):
        """dpkg that knows these packages: a file and the version of each."""
        script = "#!/bin/sh\n"
        for name, (path, version) in packages.items():
            path = os.path.realpath(self.root / path.lstrip("/"))
            script += (f'[ "$1 $2" = "-S {path}" ] && echo "{name}: {path}" && exit 0\n'
                       f'[ "$1 $4" = "-W {name}" ] && echo "{version}" && exit 0\n')
        self.write("/bin/dpkg-query", script + "exit 1\n")
        (self.root / "bin/dpkg-query").chmod(0o755)

    def caller(self, uid, groups):
        self.write("/proc/self/status", f"Name:\tx\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\n"
                                        f"Groups:\t{' '.join(map(str, groups))} \n")

    def process(self, pid, name, *arguments):
        self.write(f"/proc/{pid}/comm", name[:15] + "\n")
        self.write(f"/proc/{pid}/cmdline", "".join(f"{word}\0" for word in arguments))
        (self.root / f"proc/{pid}/fd").mkdir(exist_ok=True)

    def device(self, port, **attributes):
        for name, value in attributes.items():
            self.write(f"/sys/bus/usb/devices/{port}/{name.replace('__', '/')}", f"{value}\n")

    def phone(self, port, product="12a8", **attributes):
        self.device(port, **{"idVendor": "05ac", "idProduct": product, "busnum": 1, "devnum": 5, "speed": 480,
                             "power__control": "on", "power__runtime_status": "active", **attributes})

    def hub(self, port, **attributes):
        self.device(port, **{"idVendor": "05e3", "idProduct": "0610", "busnum": 1, "devnum": 3, "speed": 480,
                             "bmAttributes": "e0", "power__control": "auto", "power__runtime_status": "active",
                             **attributes})

    def controller(self, address, vendor, device):
        self.write(f"/sys/bus/pci/drivers/xhci_hcd/{address}/vendor", f"{vendor}\n")
        self.write(f"/sys/bus/pci/drivers/xhci_hcd/{address}/device", f"{device}\n")

    def port_count(self, port, count):
        self.write(f"/sys/bus/usb/devices/{port}/over_current_count", f"{count}\n")

    def listen(self):
        self.close()
        path = self.root / "var/run/usbmuxd"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen(8)

    def close(self):
        """usbmuxd ends; as the real one it leaves its socket behind."""
        if self.listener:
            self.listener.close()
            self.listener = None

    def run(self, *arguments, **environment):
        return subprocess.run([self.command, *arguments, "--state-dir", self.state, "doctor"],
                              env={**self.environment, **environment}, capture_output=True, text=True, timeout=60,
                              stdin=subprocess.DEVNULL)

    def findings(self, **environment):
        """What is wrong: (check, result, text and advice) of all that is not ok."""
        self.result = self.run("--json", **environment)
        assert self.result.stdout, self.result.stderr
        found = json.loads(self.result.stdout)
        for word, key in (("problem", "problems"), ("warning", "warnings"), ("not-checkable", "notCheckable")):
            assert found[key] == sum(each["result"] == word for each in found["checks"])
        assert self.result.returncode == (1 if found["problems"] else 0)
        return [(each["check"], each["result"], f'{each["text"]} {each.get("advice", "")}')
                for each in found["checks"] if each["result"] != "ok"]


@pytest.fixture
def tree(request, folder):
    tree = Tree(folder / "t", pathlib.Path(request.config.getoption("--build-dir")).resolve())
    yield tree
    tree.close()


@pytest.fixture
def daemon(tree):
    daemon = standin.StandIn(tree.root / "s")
    version = subprocess.run([tree.command, "--version"], capture_output=True, text=True).stdout.split()[1]
    daemon.status = {"version": version, "sources": UP}
    daemon.sessions = []
    yield daemon
    daemon.stop()


def test_a_good_bench(tree, daemon):
    assert tree.findings() == []
    text = tree.run().stdout
    assert "0 problems, 0 warnings, 0 not-checkable" in text
    assert "PROBLEM" not in text


def test_nothing_is_changed(tree, daemon):
    def state():
        return {path: (path.lstat().st_mtime_ns, path.lstat().st_size) for path in tree.root.rglob("*")}
    before = state()
    tree.findings()
    assert state() == before


def start_as_debian(tree):
    tree.remove("/etc/systemd/system/usbmuxd.service.d")
    tree.process(71, "usbmuxd", *DEBIAN_START.split())


def usbmuxd_dies(tree):
    tree.close()
    tree.remove("/proc/71")


def usbmuxd_is_not_started(tree):
    usbmuxd_dies(tree)
    tree.remove("/sys/bus/usb/devices/1-2")


def usbmuxd_is_not_installed(tree):
    usbmuxd_dies(tree)
    tree.remove("/usr/sbin/usbmuxd")


def no_phone(tree):
    tree.remove("/sys/bus/usb/devices/1-2")


def other_holder(tree):
    tree.process(99, "indexer", "indexer")
    tree.link("/proc/99/fd/7", "/dev/bus/usb/001/005")


def two_hubs(tree):
    no_phone(tree)
    tree.hub("1-2")
    tree.hub("1-2.1")
    tree.phone("1-2.1.4")


def hub_without_supply(tree):
    no_phone(tree)
    tree.hub("1-2", bmAttributes="80")
    tree.phone("1-2.1")


def hub_sleeps(tree):
    no_phone(tree)
    tree.hub("1-2", power__runtime_status="suspended")
    tree.phone("1-2.1")


def rules_masked(tree):
    tree.link("/etc/udev/rules.d/39-usbmuxd.rules", "/dev/null")


def old_clock(tree):
    later = time.time() + 400 * 86400
    os.utime(tree.command, (later, later))


def sync_reports(**report):
    """What idevicetriage-sync reported a moment ago."""
    now = int(time.time() * 1e6)
    report = {"state": "connected", "bench": "bench-1", "backlog": 0, "updatedUSec": now, **report}
    return lambda tree: tree.write("/run/idevicetriage-sync/status.json", json.dumps(report))


# What is planted; the check that finds it; how bad it is; words of the sentence and of the advice.
FAULTS = [
    (usbmuxd_dies, "usbmuxd", "problem", ["not running with a phone attached", "port 1-2", "systemctl restart usbmuxd"]),
    (usbmuxd_is_not_started, "usbmuxd", "problem", ["not running", "systemctl restart usbmuxd"]),
    (usbmuxd_is_not_installed, "usbmuxd", "problem", ["not installed", "apt-get install usbmuxd"]),
    (start_as_debian, "usbmuxd-start", "warning", ["exits with the last phone", "usbmuxd-always-on.conf"]),
    (lambda tree: tree.process(71, "usbmuxd", "usbmuxd", "-U", "usbmux", "-fz"), "usbmuxd-start", "warning",
     ["process 71", "exits with the last phone", "restart usbmuxd"]),
    (lambda tree: tree.write("/etc/systemd/system/usbmuxd.service.d/always-on.conf",
                             "[Service]\nExecStart=\nExecStart=/usr/sbin/usbmuxd -f\n"), "usbmuxd-start", "warning",
     ["not restarted", "usbmuxd-always-on.conf"]),
    (lambda tree: tree.link("/etc/systemd/system/usbmuxd.service", "/dev/null"), "usbmuxd-start", "problem",
     ["masked", "systemctl unmask usbmuxd"]),
    (lambda tree: tree.remove("/lib/udev/rules.d/39-usbmuxd.rules"), "udev-rules", "problem", ["no udev rules", "reinstall"]),
    (rules_masked, "udev-rules", "problem", ["/etc/udev/rules.d/39-usbmuxd.rules hides", "Remove"]),
    (lambda tree: tree.remove("/run/udev/control"), "udev-rules", "problem", ["udev is not running"]),
    (lambda tree: tree.phone("1-2", power__control="auto"), "usb-power", "problem",
     ["port 1-2", "autosuspend", "echo on > /sys/bus/usb/devices/1-2/power/control"]),
    (lambda tree: tree.phone("1-2", power__runtime_status="suspended"), "usb-power", "problem",
     ["phone at port 1-2 is suspended"]),
    (hub_sleeps, "usb-power", "problem", ["hub at port 1-2 is suspended", "devices/1-2/power/control"]),
    (lambda tree: tree.phone("1-2", speed=12), "usb-speed", "problem", ["port 1-2", "12 Mbit/s", "another cable"]),
    (two_hubs, "hubs", "warning", ["port 1-2.1.4", "2 hubs", "port of the computer"]),
    (hub_without_supply, "hubs", "warning", ["port 1-2.1", "(port 1-2)", "own power supply"]),
    (lambda tree: tree.port_count("1-0:1.0/usb1-port2", 3), "over-current", "warning", ["usb1-port2", "3 times"]),
    (lambda tree: tree.controller("0000:02:00.0", "0x1022", "0x43bb"), "usb-retry", "warning",
     ["Controller 0000:02:00.0", "AMD Promontory", "another controller"]),
    (lambda tree: tree.controller("0000:03:00.0", "0x1b6f", "0x7023"), "usb-retry", "warning", ["Etron"]),
    (lambda tree: tree.remove("/proc/sys/kernel/osrelease"), "usb-retry", "not-checkable", ["version of the kernel"]),
    (other_holder, "usb-holders", "problem", ["indexer", "process 99", "port 1-2", "Stop it"]),
    (lambda tree: tree.tool("idevicerestore", "idevicerestore 1.0.0"), "restore-tool", "warning", ["1.0.0", "2020"]),
    (lambda tree: tree.write("/usr/lib/x86_64-linux-gnu/libusbmuxd-2.0.so.7.0.0", ""), "usbmuxd-library", "warning",
     ["libusbmuxd 2.1.0", "never ends", "2.1.1"]),
    (lambda tree: tree.packages(usbmuxd=("/usr/sbin/usbmuxd", "1.1.1-2")), "usbmuxd-version", "warning",
     ["usbmuxd 1.1.1-2 is installed", "CVE-2025-66004", "write and delete files", "1.1.1-6+deb13u1"]),
    (lambda tree: tree.packages(usbmuxd=("/usr/sbin/usbmuxd", "1.1.1-6+b2")), "usbmuxd-version", "warning",
     ["usbmuxd 1.1.1-6+b2 is installed", "CVE-2025-66004"]),
    (lambda tree: tree.remove("/bin/dpkg-query"), "usbmuxd-version", "not-checkable", ["dpkg lists no package of usbmuxd"]),
    (lambda tree: tree.write("/usr/local/lib/libusbmuxd-2.0.so.7.0.0", ""), "usbmuxd-library", "warning",
     ["libusbmuxd 2.1.0"]),
    (lambda tree: tree.remove("/usr/lib/x86_64-linux-gnu"), "usbmuxd-library", "not-checkable", ["No libusbmuxd"]),
    (lambda tree: tree.remove("/usr/libexec/idevicetriage-phone"), "phone-program", "warning",
     ["/usr/libexec/idevicetriage-phone is missing", "`panics`", "Install idevicetriage again"]),
    (lambda tree: tree.remove("/bin/idevicerestore"), "restore-tool", "warning", ["no known restore tool"]),
    (old_clock, "clock", "problem", ["before this program was built", "set-ntp"]),
    (lambda tree: tree.remove("/run/systemd/timesync/synchronized"), "clock", "warning", ["nothing synchronises it"]),
    (lambda tree: tree.write("/etc/idevicetriage/sync.conf", "server = host=db\n"), "other-benches", "warning",
     ["idevicetriage-sync is not running", "systemctl restart idevicetriage-sync"]),
    (sync_reports(updatedUSec=1), "other-benches", "warning", ["idevicetriage-sync is not running"]),
    (sync_reports(state="stopped"), "other-benches", "warning", ["idevicetriage-sync is not running"]),
    (sync_reports(state="waiting", lastError="the connection ended", backlog=12), "other-benches", "warning",
     ["No connection to the server of the shop: the connection ended", "12 changes wait", "journalctl"]),
    (sync_reports(backlog=3, behindSinceUSec=1), "other-benches", "warning", ["3 changes have been waiting"]),
    (sync_reports(clockAheadSeconds=31536000), "other-benches", "warning", ["31536000 s ahead of", "set-ntp"]),
    (lambda tree: setattr(tree, "state", "/full"), "disk", "problem", ["Free some space"]),
    (lambda tree: tree.environment.update(XDG_STATE_HOME="/proc"), "log-disk", "problem",
     ["Free some space", "/proc/idevicetriage/logs", "incomplete"]),
]


@pytest.mark.parametrize("plant, check, result, words", FAULTS)
def test_a_planted_fault_is_found(tree, daemon, plant, check, result, words):
    # A file system with no room at all, which needs no rights to be had.
    tree.link("/full", "/proc")
    plant(tree)
    found = [each for each in tree.findings() if each[0] == check]
    assert len(found) == 1, tree.result.stdout
    assert found[0][1] == result
    for word in words:
        assert word in found[0][2]
    assert words[0].split()[0] in tree.run().stdout


@pytest.mark.parametrize("source, check, result", [
    ("usb", "usb-source", "problem"),
    ("journal", "journal", "problem"),
    ("link", "link", "warning"),
    ("ring", "ring", "problem"),
    ("casebook", "casebook", "problem"),
])
def test_a_source_that_is_down(tree, daemon, source, check, result):
    daemon.status["sources"] = [{**each, "up": each["name"] != source, "detail": "the reason"} for each in UP]
    ((found, how, text),) = tree.findings()
    assert (found, how) == (check, result)
    assert "the reason" in text


def test_a_bench_without_the_link(tree, daemon):
    detail = "idevicetriage-link is not installed. Install the package idevicetriage-link to record errors of the USB link"
    daemon.status["sources"] = [{**each, "up": each["name"] != "link", "absent": each["name"] == "link", "detail": detail} for each in UP]
    ((check, result, text),) = tree.findings()
    assert (check, result) == ("link", "warning")
    assert "is not installed: errors of the USB link are not recorded" in text
    assert "Install the package idevicetriage-link." in text
    assert "systemctl" not in text


def test_a_link_without_corrected_errors(tree, daemon):
    """The source works, so that is no warning; what it lacks is shown."""
    daemon.status["sources"] = [{**each, "detail": "watching, without a part: the reason"} for each in UP]
    assert tree.findings() == []
    assert "It is watching, without a part: the reason." in " ".join(tree.run().stdout.split())


def test_a_journal_that_kmsg_stands_in_for(tree, daemon):
    daemon.status["sources"] = [{**each, "up": each["name"] != "journal"} for each in UP]
    daemon.status["sources"].append({"name": "kmsg", "up": True})
    ((check, result, text),) = tree.findings()
    assert (check, result) == ("journal", "warning")
    assert "systemd-journal" in text


def test_a_daemon_that_cannot_ask_phones(tree, daemon):
    daemon.status["sources"] = [*UP, {"name": "phone", "up": False, "detail": "cannot start it: Permission denied"}]
    ((check, result, text),) = tree.findings()
    assert (check, result) == ("phone-program", "warning")
    assert "cannot start it: Permission denied. Install" in text


def test_firmware_that_is_newer_than_the_tool(tree, daemon):
    tree.tool("idevicerestore", "idevicerestore 1.0.0")
    daemon.sessions = [standin.session(firmware="17.5.1"), standin.session(firmware="14.8")]
    ((check, result, text),) = tree.findings()
    assert (check, result) == ("restore-tool", "problem")
    assert "17.5.1 from 2023" in text


def packaged(tree, version="1.0.0+git20240709-1+b1"):
    """The tool comes from a package."""
    tree.packages(idevicerestore=("/bin/idevicerestore", version), usbmuxd=("/usr/sbin/usbmuxd", "1.1.1-2+deb12u1"))


@pytest.mark.parametrize("answer", ["idevicerestore 1.0.0", "idevicerestore 1.0.1 (libirecovery 1.2.1)"])
def test_a_package_shows_the_tool_s_age(tree, daemon, answer):
    tree.tool("idevicerestore", answer)
    packaged(tree)
    ((check, result, text),) = tree.findings()
    assert (check, result) == ("restore-tool", "warning")
    assert "(package 1.0.0+git20240709-1+b1) is from 2024" in text


def test_a_tool_of_no_package_has_no_age(tree, daemon):
    tree.tool("idevicerestore", "idevicerestore 1.0.1")
    assert not tree.findings()
    assert "1.0.1 is installed; its age is unknown" in " ".join(tree.run().stdout.split())
    packaged(tree, version="1.0.1-1")
    assert not tree.findings()
    assert "its age is unknown" in " ".join(tree.run().stdout.split())


@pytest.mark.parametrize("product, name", [
    ("iPhone17,3", "iPhone 16 (iPhone17,3) was released in 2024-09"), ("iPhone16,1", None), ("iPhone99,1", None)])
def test_a_model_that_is_newer_than_the_tool(tree, daemon, product, name):
    tree.tool("idevicerestore", "idevicerestore 1.0.1")
    packaged(tree)
    daemon.devices = [{**standin.DEVICE, "productType": product, "port": "1-2"}]
    ((check, result, text),) = tree.findings()
    assert (check, result) == ("restore-tool", "problem" if name else "warning")
    assert name is None or (name in text and "A NEWER RESTORE TOOL" in text)


def test_usb_shows_the_model_without_the_daemon(tree):
    tree.tool("idevicerestore", "idevicerestore 1.0.1")
    packaged(tree)
    tree.phone("1-2", product="1281", serial="CPID:8150 CPRV:11 BDID:08 ECID:001C2D6A3C8A802E IBFL:3D SRNM:[X]")
    texts = [text for check, result, text in tree.findings() if check == "restore-tool"]
    assert len(texts) == 1 and "iPhone 17 (iPhone18,3) was released in 2025-09" in texts[0]


@pytest.mark.parametrize("version", ["1.1.1-2+deb12u1", "1.1.1-2+deb12u2", "1.1.1-6+deb13u1", "1.1.1-7", "1.2.0-1"])
def test_a_usbmuxd_without_known_faults(tree, daemon, version):
    tree.packages(usbmuxd=("/usr/sbin/usbmuxd", version))
    assert not tree.findings()


def test_a_tool_that_hangs_is_left(tree, daemon):
    tree.write("/bin/idevicerestore", "#!/bin/sh\nexec sleep 1000\n")
    started = time.monotonic()
    ((check, result, _),) = tree.findings(PATH=f"{tree.root}/bin:/usr/bin:/bin")
    assert (check, result) == ("restore-tool", "not-checkable")
    assert time.monotonic() - started < 30


def group(port, errors, gigabytes, host="bench-1"):
    return {"key": port, "host": host, "attempts": 9, "failed": 1, "succeeded": 8, "phones": 5, "linkErrors": errors,
            "linkBytes": int(gigabytes * 1e9), "linkMilliseconds": 60_000}


def test_a_port_that_fails_more_transfers_than_the_others(tree, daemon):
    daemon.groups = [group("1-2", 6, 20), group("1-3", 1, 30), group("1-4", 0, 10), group("1-2", 2, 9, "bench-2"),
                     {"host": "bench-1", "attempts": 1, "failed": 0, "succeeded": 1, "phones": 1}]
    ((check, result, text),) = tree.findings()
    assert (check, result) == ("port-errors", "warning")
    assert text.startswith("Port 1-2 of bench-1: 6 failed USB transfers, 0.3 per gigabyte; the other ports: 0.0 per gigabyte.")
    assert "another cable" in text


@pytest.mark.parametrize("groups", [
    [group("1-2", 2, 1), group("1-3", 0, 100)],  # too few
    [group("1-2", 9, 1), group("1-3", 0, 0.5)],  # the others moved too little data
    [group("1-2", 9, 1), group("1-3", 9, 1)],  # all are alike
    [group("1-2", 9, 1), group("1-3", 0, 100, "bench-2")],  # another computer
])
def test_ports_that_chance_explains(tree, daemon, groups):
    daemon.groups = groups
    assert tree.findings() == []


@pytest.mark.parametrize("other, word", [
    ("0123456789ab-ffffffffffff", "machine id"),
    ("ffffffffffff-cdefcdefcdef", "host-id"),
    ("ffffffffffff-eeeeeeeeeeee", None),
    ("0123456789ab-cdefcdefcdef", None),
])
def test_a_copy_of_this_computer(tree, daemon, other, word):
    daemon.status["hostId"] = "0123456789ab-cdefcdefcdef"
    daemon.groups = [group("1-2", 0, 1), {**group("1-2", 0, 1, "bench-2"), "hostId": other}]
    found = tree.findings()
    assert [(check, result) for check, result, _ in found] == ([("computer-id", "warning")] if word else [])
    assert not word or "bench-2" in found[0][2] and word in found[0][2]


def test_corrected_errors(tree, daemon):
    """The newest attempt on a port counts: a cable may have been changed since the others."""
    many, few = ({**standin.HEALTH, "linkCorrected": number} for number in (3, 2))
    daemon.sessions = [standin.session(health=many), standin.session(health=many), standin.session(health=few, port="1-3"),
                       standin.session(health=many, port="1-3")]
    ((check, result, text),) = tree.findings()
    assert (check, result) == ("port-errors", "warning")
    assert "Port 1-2.3: the computer corrected 3 USB errors" in text and "Do not interrupt a running restore" in text


@pytest.mark.parametrize("used, result", [(79, None), (80, "warning"), (99, "warning"), (100, "problem"), (125, "problem")])
def test_a_casebook_near_its_limit(tree, daemon, used, result):
    daemon.status.update(casebookBytes=used * 10485760, casebookLimit=1048576000)
    found = tree.findings()
    assert [(check, how) for check, how, _ in found] == ([("casebook", result)] if result else [])
    assert not result or "raise casebook-size" in found[0][2] and "notes and imports are refused" in found[0][2]


def test_no_daemon(tree):
    found = {check: (result, text) for check, result, text in tree.findings()}
    assert found.pop("daemon")[0] == "problem"
    assert {result for result, _ in found.values()} == {"not-checkable"}
    assert set(found) == {"usb-source", "journal", "link", "ring", "casebook", "computer-id"}


def test_a_daemon_of_another_version(tree, daemon):
    daemon.status["version"] = "0.0.9"
    ((check, result, text),) = tree.findings()
    assert (check, result) == ("daemon", "warning")
    assert "0.0.9" in text and "systemctl restart idevicetriaged" in text


@pytest.mark.parametrize("groups, members, result, word", [
    ([1000, 990], "", None, None),
    ([1000], "tina", "problem", "Log out"),
    ([1000], "max,tin,tinas", "problem", "usermod -a -G idevicetriage tina"),
])
def test_group_of_the_caller(tree, groups, members, result, word):
    tree.caller(1000, groups)
    tree.write("/etc/group", f"idevicetriage:x:990:{members}\n")
    found = [each for each in tree.findings() if each[0] == "caller-group"]
    assert [each[1] for each in found] == ([result] if result else [])
    assert not word or word in found[0][2]


def test_no_group_at_all(tree):
    tree.write("/etc/group", "root:x:0:\n")
    assert ("caller-group", "problem") in [each[:2] for each in tree.findings()]


def test_no_phone_and_no_usb(tree, daemon):
    no_phone(tree)
    checks = {"usb-power", "usb-speed", "hubs", "usb-holders"}
    assert {each[:2] for each in tree.findings()} == {(check, "not-checkable") for check in checks}
    tree.remove("/sys")
    assert {each[:2] for each in tree.findings()} == {(check, "not-checkable") for check in checks | {"over-current"}}


def test_usbmuxd_that_waits_for_a_phone_is_well(tree, daemon):
    start_as_debian(tree)
    usbmuxd_is_not_started(tree)
    assert [each for each in tree.findings() if each[0] == "usbmuxd"] == []


@pytest.mark.parametrize("name", ["usbmuxd", "idevicerestore", "gvfsd-afc"])
def test_programs_that_may_hold_a_phone(tree, daemon, name):
    tree.process(99, name, name)
    tree.link("/proc/99/fd/7", "/dev/bus/usb/001/005")
    assert tree.findings() == []


def test_another_program_on_usbmuxd(tree, daemon, folder):
    """The kernel's own list of connections, so with the real /proc."""
    tree.remove("/proc")
    tree.link("/proc", "/proc")
    shutil.copy2(shutil.which("sleep"), folder / "fileindexer")
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(str(tree.root / "var/run/usbmuxd"))
    accepted, _ = tree.listener.accept()
    assert [each for each in tree.findings() if each[0] == "mux-clients" and "fileindexer" in each[2]] == []
    intruder = subprocess.Popen([str(folder / "fileindexer"), "1000"], pass_fds=[connection.fileno()])
    try:
        found = [each for each in tree.findings() if each[0] == "mux-clients" and "fileindexer" in each[2]]
        assert found and found[0][1] == "problem"
        assert f"process {intruder.pid}" in found[0][2]
    finally:
        intruder.kill()
        intruder.wait()
        connection.close()
        accepted.close()


def test_hostile_names_stay_text(tree, daemon):
    tree.process(99, "x\x1b[31m\nöl", "x")
    tree.link("/proc/99/fd/7", "/dev/bus/usb/001/005")
    assert "\x1b" not in tree.run().stdout
    assert [each[:2] for each in tree.findings()] == [("usb-holders", "problem")]


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
def test_the_example_is_a_valid_unit(tree):
    shutil.copytree("/lib/systemd/system", tree.root / "lib/systemd/system", symlinks=True, dirs_exist_ok=True)
    # From Debian 13 on, systemd looks only here.
    (tree.root / "usr/lib").mkdir(parents=True, exist_ok=True)
    (tree.root / "usr/lib/systemd").symlink_to("../../lib/systemd")
    result = subprocess.run(["systemd-analyze", "verify", "--man=no", f"--root={tree.root}", "usbmuxd.service"],
                            capture_output=True, text=True, timeout=60)
    assert (result.returncode, result.stdout + result.stderr) == (0, "")
    subprocess.run(["systemctl", f"--root={tree.root}", "enable", "usbmuxd.service"], check=True, capture_output=True)
    assert (tree.root / "etc/systemd/system/multi-user.target.wants/usbmuxd.service").is_symlink()
