# SPDX-License-Identifier: LGPL-2.1-or-later
"""The real idevicerestore takes the phone from recovery or DFU mode into restore mode, watched.

Over the real libirecovery and usbmuxd; its firmware file is the tiny one of tests/phone, for which a
signing server is asked from DFU mode alone. It is made of dummies: the phone counts them and shows
what the scenario says.
"""

import pytest

# Started past the daemon, which sees the modes alone.
UNTOLD = """
    start_usbmuxd
    start_daemon
    start_phone
    await phone 'configured 1'
    cd /tmp
    idevicerestore -d -e -y -i 0x001C2D6A3C8A802E /case/mini.ipsw >/results/tool 2>&1
    echo "exit status $?" >>/results/tool
    await phone 'scenario done'
    await_session_end
    """


def commands(result):
    """What the tool told the boot loader to do with the files that it sent."""
    wanted = ("go", "ramdisk", "devicetree", "bootx")
    told = [line.removeprefix("command ") for line in result.phone()]
    return [command for command in told if command in wanted]


@pytest.mark.smoke
def test_success(restore):
    result, session, verdict = restore(UNTOLD, "tool-success")

    assert commands(result) == ["go", "ramdisk", "devicetree", "bootx"]
    assert "image 100 percent" in result.phone()
    assert "Status: Restore Finished" in result.text("tool")
    assert result.lines("tool")[-1] == "exit status 0"
    assert session["modes"] == ["recovery", "gone", "recovery", "gone", "restore", "gone", "normal"]
    assert session["outcome"] == "succeeded"
    assert verdict["phase"] == "none"


def test_detach_while_restoring(restore):
    result, session, verdict = restore(UNTOLD, "tool-detach")

    assert "Creating filesystem (12)" in result.text("tool")
    assert "ERROR: Unable to restore device" in result.text("tool")
    assert result.lines("tool")[-1] == "exit status 245"
    assert session["outcome"] == "failed"
    assert session["stage"] == "restore"
    assert verdict["phase"] == "undecided"


def test_bounce_to_recovery(restore):
    result, session, verdict = restore(UNTOLD, "tool-bounce")

    assert commands(result) == ["go", "ramdisk", "devicetree", "bootx"]
    assert "Status: Restore Finished" not in result.text("tool")
    assert session["outcome"] == "failed"
    assert session["itunesCode"] == 4013
    assert verdict["phase"] == "undecided"


def test_from_dfu(restore):
    result, session, verdict = restore(
        "start_signer empty; start_usbmuxd; start_daemon; start_phone; restore", "tool-dfu"
    )

    # iBSS and iBEC go to the DFU mode, the rest to the recovery mode that iBEC makes.
    assert result.phone().count("manifest") == 2
    assert commands(result) == ["ramdisk", "devicetree", "bootx"]
    assert "<key>ApNonce</key>" in result.text("signing-request")
    assert "Status: Restore Finished" in result.text("tool")
    assert session["entry"] == "dfu"
    assert session["modes"][:7] == ["dfu", "gone", "dfu", "gone", "recovery", "gone", "restore"]
    assert session["outcome"] == "succeeded"
    assert verdict["phase"] == "none"
