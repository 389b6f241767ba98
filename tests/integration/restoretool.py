# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs the real idevicerestore against a simulated phone, without network, with its output in a file.

It judges nothing: what an output means is for the tests and the product.
"""

import os
import pathlib
import subprocess
import time
from dataclasses import dataclass

TOOL = "/usr/bin/idevicerestore"


def without_network():
    """The command prefix that takes the network away from a program, as root or as an ordinary user."""
    return ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--net"]


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


def start_restore(folder, mux_path, identity, firmware, debug=False):
    """Starts an erase restore of the phone `identity`, working in `folder`, which may hold nothing else's files."""
    output = pathlib.Path(folder) / "restore.log"
    command = without_network() + ["stdbuf", "-oL", TOOL] + (["-d"] if debug else [])
    command += ["-R", "-e", "-y", "-i", f"{identity.ecid:#x}", "-C", str(folder), str(firmware)]
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
