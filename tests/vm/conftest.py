# SPDX-License-Identifier: LGPL-2.1-or-later
"""Gives each case its machine: `machine(script, scenario)` runs both and returns what was written.

The environment variable IDEVICETRIAGE_BUILD names the build folder ("build" when it is not set),
IDEVICETRIAGE_VM_IMAGE where the machine's fixed part is kept (in the build folder). Where RECORD
names a folder, the journal that each scenario would have left is written there.
"""

import os
import pathlib
import subprocess
import sys

import pytest

FOLDER = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER))
sys.path.insert(0, str(FOLDER.parent / "phone"))
sys.path.insert(0, str(FOLDER.parent / "integration"))

import debian  # noqa: E402
import ipsw  # noqa: E402
from rig import image, journal, machine as rig_machine, other_system  # noqa: E402

PHONE = "tests/vm/vhci-phone"
HOLDER = "tests/vm/hold-threads"
WITNESSES = ("tests/vm/count-text", "tests/vm/relay-datagrams", "tests/vm/usb-say")
PROGRAMS = (PHONE, *WITNESSES, "daemon/idevicetriaged", "client/idevicetriage", "link/idevicetriage-link")
EXIT_SKIPPED = 77  # what meson takes for "skipped"
# Many of the pieces in which the tool sends it.
IMAGE_BYTES = 4 << 20


def pytest_sessionfinish(session, exitstatus):
    """A run in which nothing could be tried must not look like a pass."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if exitstatus == 0 and reporter and reporter.stats.get("skipped") and not reporter.stats.get("passed"):
        session.exitstatus = EXIT_SKIPPED


def pytest_configure(config):
    config.addinivalue_line("markers", "smoke: one of the few cases that ./check runs; ./check long runs all")


@pytest.fixture(scope="session")
def build():
    """The build folder."""
    return pathlib.Path(os.environ.get("IDEVICETRIAGE_BUILD", "build")).resolve()


@pytest.fixture(scope="session")
def base_image(build):
    """The fixed part of the machine; made once and kept."""
    made = image.Image(os.environ.get("IDEVICETRIAGE_VM_IMAGE", build / "tests/vm/image"))
    try:
        rig_machine.require_emulator()
        made.ensure()
    except image.Unavailable as reason:
        pytest.skip(str(reason))
    return made


@pytest.fixture(scope="session")
def start_machine(base_image, build):
    """start_machine(…): a machine with our programs, booted where its state is not there yet."""

    def start(programs, **more):
        try:
            return rig_machine.Machine(
                base_image,
                build / "tests/vm/machines",
                programs=[build / program for program in programs],
                packaged=["/usr/bin/idevicerestore"],
                **more,
            )
        except image.Unavailable as reason:
            pytest.skip(str(reason))

    return start


@pytest.fixture(scope="session")
def small_machine(start_machine):
    """The machine that starts nothing but udevd."""
    return start_machine(PROGRAMS)


@pytest.fixture(scope="session")
def installed(build, tmp_path_factory):
    """A folder in which the build folder is installed: programs, units and all."""
    folder = tmp_path_factory.mktemp("installed")
    subprocess.run(
        ["meson", "install", "-C", build, "--no-rebuild", "--quiet", "--destdir", folder],
        check=True,
    )
    return folder


@pytest.fixture(scope="session")
def system_machine(start_machine, installed):
    """The machine with systemd, in which all is installed."""
    return start_machine([PHONE, HOLDER], installed=installed)


@pytest.fixture(scope="session")
def xhci_machine(start_machine, installed):
    """The same with an xHCI controller."""
    return start_machine([PHONE, HOLDER], installed=installed, xhci=True)


@pytest.fixture(scope="session")
def newer_machine(start_machine, build):
    """The same with the restore tool of the newest Debian."""
    return start_machine(PROGRAMS, newer=debian.root_of("forky", build))


@pytest.fixture(scope="session")
def other_machine(base_image, build):
    """other_machine(name, needed, suite, files): the machine with systemd, of other packages and with nothing of ours."""

    def start(name, needed, suite=None, files=()):
        made = other_system.OtherImage(base_image.cache.with_name(f"{base_image.cache.name}-{name}"), base_image, needed, suite)
        try:
            made.ensure()
        except image.Unavailable as reason:
            pytest.skip(str(reason))
        return rig_machine.Machine(made, build / "tests/vm/machines", [build / PHONE], bare=name, files=files)

    return start


@pytest.fixture(scope="session")
def built_package(tmp_path_factory):
    """built_package(name): the path of one of our Debian packages."""
    folder = pathlib.Path(os.environ.get("IDEVICETRIAGE_PACKAGE", tmp_path_factory.mktemp("package")))
    if not list(folder.glob("*.deb")):
        subprocess.run([FOLDER.parents[1] / "package", folder], check=True)
    return lambda name: next(folder.glob(f"{name}_*.deb"))


@pytest.fixture
def booted(small_machine):
    """The machine of the cases; a file whose cases need the other one overrides this."""
    return small_machine


@pytest.fixture
def machine(booted):
    """Runs a case; see rig/machine.py. `scenario` is the name of a file in scenarios/, or the lines of one."""

    def run(script, scenario=None, files=(), corrected=None):
        files = list(files)
        if scenario is not None:
            lines = scenario if "\n" in scenario else (FOLDER / "scenarios" / scenario).read_text()
            files.append(("scenario", lines))
        result = booted.run(script, files, corrected)
        # Shown by pytest when the case fails.
        print(result)
        if os.environ.get("RECORD") and scenario is not None and "\n" not in scenario:
            text = journal.export(result)
            pathlib.Path(os.environ["RECORD"], f"{scenario}.export").write_text(text, encoding="utf-8")
        assert result.status() == 0, "the script of the case failed"
        return result

    return run


@pytest.fixture
def firmware(tmp_path):
    """The bytes of a firmware file for the phone."""
    return ipsw.build(tmp_path / "mini.ipsw", "n104ap", IMAGE_BYTES).read_bytes()


@pytest.fixture
def restore(machine, tmp_path):
    """restore(script, scenario): a restore by the real idevicerestore; gives the run, what the
    daemon told of the only session, and its verdict. With a `signed` firmware file the tool asks its signing server."""

    def run(script, scenario, signed=False, more=()):
        firmware = ipsw.build(tmp_path / "mini.ipsw", "n104ap", IMAGE_BYTES, signed)
        result = machine(
            script + "\nask sessions\nask diagnose\ntrue\n",
            scenario,
            files=[("mini.ipsw", firmware.read_bytes()), *more],
        )
        print("== tool", *result.lines("tool")[-25:], sep="\n")
        sessions = result.json("sessions")["sessions"]
        assert len(sessions) == 1
        return result, sessions[0], result.json("diagnose")["verdict"]

    return run
