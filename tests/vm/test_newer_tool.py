# SPDX-License-Identifier: LGPL-2.1-or-later
"""The newest packaged idevicerestore (tests/root) takes the phone from normal mode through recovery mode into restore mode,
with its own libirecovery and libusb on a real bus, Debian 12's usbmuxd, and a signing server."""

import plistlib

import pytest

NONCE = bytes(range(20))


@pytest.fixture
def booted(newer_machine):
    return newer_machine


@pytest.mark.smoke
def test_whole_way(restore):
    result, session, verdict = restore(
        """
        prepare_newer_tool
        start_signer nonce
        start_usbmuxd
        start_daemon
        start_phone
        restore "chroot /newer /usr/bin/idevicerestore -s http://127.0.0.1/"
        """,
        "tool-normal",
        signed=True,
    )

    tool = result.text("tool")
    assert "Personalizing IMG4 component iBEC" in tool and "Done sending RootTicket" in tool
    assert "Status: Restore Finished" in tool and result.lines("tool")[-1] == "exit status 0"
    asked = plistlib.loads(result.files["signing-request"])
    assert (asked["ApNonce"], asked["ApECID"], asked["ApBoardID"], asked["ApChipID"]) == (
        NONCE, 0x001C2D6A3C8A802E, 0x04, 0x8030)
    assert "image 100 percent" in result.phone()
    # The session ends with the tool, before the phone starts. USB alone does not tell the two modes apart.
    assert session["modes"] == ["normal", "gone", "recovery", "gone", "recovery", "gone", "restore"]
    assert result.json("diagnose")["device"]["mode"] == "normal-or-restore"
    assert session["outcome"] == "succeeded" and session["entry"] == "normal"
    assert verdict["phase"] == "none"
