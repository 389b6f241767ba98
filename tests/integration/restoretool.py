# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs the real idevicerestores that Debian packages against a simulated phone, without network.

It judges nothing: what an output means is for the tests and the product.
"""

import os
import pathlib
import signal
import subprocess
import time
from dataclasses import dataclass

import debian
import pytest
from daemon import until

PROGRAM = "/usr/bin/idevicerestore"
# The exit status of the oldest tool after it has lost restored.
LOST = 245
# The exit status of a tool that finish() killed.
KILLED = 128 + signal.SIGKILL
# A tool needs no longer to end after the phone's final word.
ENDS_SECONDS = 5


@dataclass(frozen=True)
class Tool:
    """What the package of a suite does in another way than the others."""

    suite: str
    wants_ticket: bool = True
    # Its exit status is the number of its error; else 1.
    has_numbers: bool = False
    # It ends when it has lost restored.
    notices_loss: bool = True

    def command(self, build, folder, identity, firmware, *options):
        """The command for an erase restore of a phone in restore mode, with its files in `folder`."""
        (folder / "cache").mkdir(exist_ok=True)
        if self.wants_ticket:
            # The simulated phone does not look at it.
            (folder / "ticket").write_bytes(bytes(100))
            options = ["-T", folder / "ticket", *options]
        words = ["-R", "-e", "-y", "-i", f"{identity.ecid:#x}", "-C", folder / "cache", firmware]
        return [*without_network(), *debian.command_in(self.suite, build, PROGRAM, *options, *words)]

    def exit_status(self, number):
        """Its exit status where the oldest ends with `number`; None if it does not end."""
        if number is None or number == LOST and not self.notices_loss:
            return None
        return number if self.has_numbers else int(number != 0)


TOOLS = {
    tool.suite: tool
    for tool in (
        Tool("bookworm", wants_ticket=False, has_numbers=True),
        # libusbmuxd 2.1.0 returns a lost connection as bytes that were read: the tool reads on and on.
        Tool("trixie", notices_loss=False),
        Tool("forky"),
    )
}
OLDEST = TOOLS["bookworm"]
INSTALLED = TOOLS[debian.installed()]
needs_end = pytest.mark.skipif(
    not INSTALLED.notices_loss, reason="With this Debian's libusbmuxd a program never learns that its phone has left"
)


def is_left_behind(bench):
    """The phone of the newest session has left for good, and the tool has not ended."""
    session = (bench.sessions() or [{"exitStatus": 0}])[-1]
    if "exitStatus" in session or session["modes"][-1:] == ["restore"]:
        return False
    return session["health"]["unexpectedDetaches"] > 0 or "status" in session


def finish(bench, process, tool=INSTALLED, seconds=120):
    """Waits for a `run` of the tool: its exit status and output. A tool that does not notice that its phone has left is killed
    when the daemon has; after the phone's final word, only if it does not end by itself soon."""
    if not tool.notices_loss:
        until(lambda: process.poll() is not None or is_left_behind(bench), seconds)
        try:
            process.wait(ENDS_SECONDS if "status" in (bench.sessions() or [{}])[-1] else 0)
        except subprocess.TimeoutExpired:
            kill(bench.folder)
    output, _ = process.communicate(timeout=seconds)
    return process.returncode, output


def without_network():
    """The command prefix that takes the network away from a program, as root or as an ordinary user."""
    return ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--net"]


def kill(folder):
    """Kills the restore tools that work in `folder`, and not what started them."""
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if (process / "comm").read_text() == "idevicerestore\n" and f"{folder}/" in (process / "cmdline").read_text():
                os.kill(int(process.name), signal.SIGKILL)
        except (FileNotFoundError, ProcessLookupError):
            pass


@dataclass
class RestoreTool:
    """One run of the tool. `output` is the file that both its streams go to, line by line."""

    process: subprocess.Popen
    output: pathlib.Path
    started: float

    def text(self):
        """What the tool has printed so far."""
        return self.output.read_text(encoding="utf-8", errors="replace")

    def wait(self, timeout):
        """Waits for the end and returns the exit status; kills the tool and raises after `timeout` seconds."""
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.end()
            raise

    def end(self):
        """Kills the tool if it still runs."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def start_restore(build, folder, mux_path, identity, firmware, debug=False):
    """Starts an erase restore of the phone `identity`, working in `folder`, which may hold nothing else's files."""
    output = pathlib.Path(folder) / "restore.log"
    command = ["stdbuf", "-oL", *INSTALLED.command(build, folder, identity, firmware, *(["-d"] if debug else []))]
    with output.open("wb") as sink:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, "USBMUXD_SOCKET_ADDRESS": f"UNIX:{mux_path}", "LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
        )
    return RestoreTool(process, output, time.monotonic())
