# SPDX-License-Identifier: LGPL-2.1-or-later
"""The real idevicerestore takes the phone from recovery mode into restore mode, with the daemon beside it.

Over the real libirecovery and usbmuxd; its firmware file is the tiny one of tests/phone, which asks no
signing server. The file is made of dummies: the phone counts them and shows what the scenario says.
"""

import sys

import pytest

from conftest import FOLDER

sys.path.insert(0, str(FOLDER.parent / "phone"))

import ipsw  # noqa: E402

SCRIPT = """
    start_usbmuxd
    start_daemon
    start_phone
    await phone 'configured 1'
    cd /tmp
    idevicerestore -d -e -y -i 0x001C2D6A3C8A802E /case/mini.ipsw >/results/tool 2>&1
    echo "exit status $?" >>/results/tool
    await phone 'scenario done'
    await_session_end
    ask sessions
    ask diagnose
    true
    """
IMAGE_BYTES = 65536


@pytest.fixture
def restore(machine, build, tmp_path):
    """restore(scenario): the run, what the daemon told of the only session, and its verdict."""

    def run(scenario):
        firmware = ipsw.build(tmp_path / "mini.ipsw", "n104ap", IMAGE_BYTES)
        result = machine(
            SCRIPT,
            scenario,
            files=[("mini.ipsw", firmware.read_bytes())],
            programs=[build / "daemon/idevicetriaged", build / "client/idevicetriage"],
            packaged=["/usr/bin/idevicerestore"],
        )
        print("== tool", *result.lines("tool")[-25:], sep="\n")
        sessions = result.json("sessions")["sessions"]
        assert len(sessions) == 1
        return result, sessions[0], result.json("diagnose")["verdict"]

    return run


def commands(result):
    """What the tool told the boot loader to do with the files that it sent."""
    wanted = ("go", "ramdisk", "devicetree", "bootx")
    return [line.partition(" ")[2] for line in result.phone() if line.removeprefix("command ") in wanted]


def test_success(restore):
    result, session, verdict = restore("tool-success")

    assert commands(result) == ["go", "ramdisk", "devicetree", "bootx"]
    assert "Status: Restore Finished" in result.text("tool")
    assert result.lines("tool")[-1] == "exit status 0"
    assert session["modes"] == ["recovery", "gone", "recovery", "gone", "restore", "gone", "normal"]
    assert session["outcome"] == "succeeded"
    assert verdict["phase"] == "none"


def test_detach_while_restoring(restore):
    result, session, verdict = restore("tool-detach")

    assert "Creating filesystem (12)" in result.text("tool")
    assert "ERROR: Unable to restore device" in result.text("tool")
    assert result.lines("tool")[-1] == "exit status 245"
    assert session["outcome"] == "failed"
    assert session["stage"] == "restore"
    assert verdict["phase"] == "undecided"


def test_bounce_to_recovery(restore):
    result, session, verdict = restore("tool-bounce")

    assert commands(result) == ["go", "ramdisk", "devicetree", "bootx"]
    assert "Status: Restore Finished" not in result.text("tool")
    assert session["outcome"] == "failed"
    assert session["itunesCode"] == 4013
    assert verdict["phase"] == "undecided"
