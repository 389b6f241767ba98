# SPDX-License-Identifier: LGPL-2.1-or-later
"""Gives each case its machine: `machine(script, scenario=…)` runs both and returns what was written.

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

import ipsw  # noqa: E402
from rig import image, journal, machine as rig_machine  # noqa: E402

EXIT_SKIPPED = 77  # what meson takes for "skipped"
# Many of the pieces in which the tool sends it.
IMAGE_BYTES = 4 << 20


def pytest_sessionfinish(session, exitstatus):
    """A run in which nothing could be tried must not look like a pass."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if exitstatus == 0 and reporter and reporter.stats.get("skipped") and not reporter.stats.get("passed"):
        session.exitstatus = EXIT_SKIPPED


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
def installed(build, tmp_path_factory):
    """A folder into which the build folder is installed: programs, units and all."""
    folder = tmp_path_factory.mktemp("installed")
    subprocess.run(
        ["meson", "install", "-C", build, "--no-rebuild", "--quiet", "--destdir", folder],
        check=True,
    )
    return folder


@pytest.fixture
def machine(base_image, build):
    """Runs a case; see rig/machine.py. `scenario` is the name of a file in scenarios/."""

    def run(script, scenario=None, files=(), **more):
        files = list(files)
        if scenario is not None:
            files.append(("scenario", (FOLDER / "scenarios" / scenario).read_text()))
        programs = [build / "tests/vm/vhci-phone", *more.pop("programs", ())]
        try:
            result = rig_machine.run(base_image, script, files=files, programs=programs, **more)
        except image.Unavailable as reason:
            pytest.skip(str(reason))
        # Shown by pytest when the case fails.
        print(result)
        if os.environ.get("RECORD") and scenario is not None:
            text = journal.export(result)
            pathlib.Path(os.environ["RECORD"], f"{scenario}.export").write_text(text, encoding="utf-8")
        assert result.status() == 0, "the script of the case failed"
        return result

    return run


@pytest.fixture
def restore(machine, build, tmp_path):
    """restore(script, scenario): a restore by the real idevicerestore; gives the run, what the
    daemon told of the only session, and its verdict."""

    def run(script, scenario, **more):
        firmware = ipsw.build(tmp_path / "mini.ipsw", "n104ap", IMAGE_BYTES)
        result = machine(
            script + "\nask sessions\nask diagnose\ntrue\n",
            scenario,
            files=[("mini.ipsw", firmware.read_bytes())],
            programs=[build / "daemon/idevicetriaged", build / "client/idevicetriage"],
            packaged=["/usr/bin/idevicerestore"],
            **more,
        )
        print("== tool", *result.lines("tool")[-25:], sep="\n")
        sessions = result.json("sessions")["sessions"]
        assert len(sessions) == 1
        return result, sessions[0], result.json("diagnose")["verdict"]

    return run
