# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the integration tests share: the simulated phone's modules, a short folder, firmware, phones, runs of the tool."""

import os
import pathlib
import shutil
import signal
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "phone"))

import ipsw  # noqa: E402
from bus import Bus  # noqa: E402
from daemon import Bench  # noqa: E402
import models  # noqa: E402
import restoretool  # noqa: E402
import simphone  # noqa: E402
from terminal import Terminal  # noqa: E402


def pytest_configure(config):
    # A shell without job control starts what it puts in the background with these ignored, and so would every
    # program under test be: what is caught here is at its default again in the programs.
    for number in (signal.SIGINT, signal.SIGQUIT):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)
    # Likewise under nohup, which goes on to hold for the tests themselves.
    if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda number, frame: None)
    config.addinivalue_line("markers", "long: waits for limits that no option shortens; not part of the fast gate")


def pytest_terminal_summary(terminalreporter, config):
    """The table of test_restore.py, where all tools were played: what each tool's exit status was for each scenario."""
    table = getattr(config, "scenario_table", {})
    if any(len(row) > 1 for row in table.values()):
        for name, row in table.items():
            cells = "  ".join(f"{suite} {word}" for suite, word in row.items())
            terminalreporter.write_line(f"{name:26} {cells}")


def pytest_addoption(parser):
    parser.addoption("--build-dir", default="build", help="meson's build folder")


@pytest.fixture
def bench(request, folder):
    """A daemon (not started) that listens to the simulated usbmuxd at `folder`/mux, and its command."""
    build = pathlib.Path(request.config.getoption("--build-dir")).resolve()
    bench = Bench(build, folder, folder / "mux")
    yield bench
    bench.close()


def end_processes(folder):
    """Kills what still runs with the environment of a test's bench: a tool survives its `run`, and one that waits for a file
    of the test would wait for ever."""
    for environment in pathlib.Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"={folder}/".encode() in environment.read_bytes():
                os.kill(int(environment.parent.name), signal.SIGKILL)
        except OSError:
            pass  # it has ended


@pytest.fixture
def folder():
    """A private folder with a path short enough for Unix sockets."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="triage-"))
    yield path
    end_processes(path)
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def firmware():
    """make(board) gives a tiny firmware file for that board, built once a session."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="triage-ipsw-"))
    built = {}

    def make(board=models.DEFAULT_MODEL):
        if board not in built:
            built[board] = ipsw.build(path / f"{board}.ipsw", board)
        return built[board]

    yield make
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def make_phone(folder):
    """make(scenario, …) starts a simulator on a socket in `folder`; all end with the test."""
    simulators = []

    def make(scenario="success", name="mux", **options):
        simulator = simphone.Simulator(folder / name, scenario, **options)
        simulators.append(simulator)
        simulator.start()
        return simulator

    yield make
    for simulator in simulators:
        simulator.stop()


@pytest.fixture
def bus(bench):
    """A played USB bus, which the daemon and the command see."""
    if not shutil.which("umockdev-wrapper"):
        pytest.skip("umockdev is not installed")
    bus = Bus(bench.build)
    bench.environment.update(bus.environment)
    yield bus
    bench.close()
    bus.close()


@pytest.fixture
def restore_bus(bench, folder):
    """A played USB bus that the daemon alone sees: a restore tool would look for its phones there."""
    if not shutil.which("umockdev-wrapper"):
        pytest.skip("umockdev is not installed")
    bus = Bus(bench.build)
    bench.daemon_environment = {**bus.environment, "IDEVICETRIAGE_JOURNAL_DIR": str(folder / "no-journal")}
    yield bus
    bench.close()
    bus.close()


@pytest.fixture
def terminal(bench, folder):
    """terminal(width, height, *arguments, **environment) starts `watch` in a terminal, or with `shell` a shell."""
    opened = []

    def start(*arguments, **environment):
        opened.append(Terminal(bench, folder, *arguments, **environment))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


@pytest.fixture
def restore(folder, firmware, request):
    """restore(simulator, phone=None, debug=False) starts the real tool on a simulated phone; it ends with the test."""
    tools = []

    def start(simulator, phone=None, debug=False):
        identity = (phone or simulator.phone).identity
        work = folder / f"run{len(tools)}"
        work.mkdir()
        build = pathlib.Path(request.config.getoption("--build-dir")).resolve()
        tool = restoretool.start_restore(build, work, simulator.mux.path, identity, firmware(identity.model.board), debug)
        tools.append(tool)
        return tool

    yield start
    for tool in tools:
        tool.end()
