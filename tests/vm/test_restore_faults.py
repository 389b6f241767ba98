# SPDX-License-Identifier: LGPL-2.1-or-later
"""The real idevicerestore, started through `idevicetriage run`, fails over each fault of the bus
and of usbmuxd: the daemon's verdict names the right side, and no part of a phone that is sound.
"""

import pytest

RESTORE = "start_usbmuxd; start_daemon; start_phone; restore"
TO_RESTORE = ["recovery", "gone", "recovery", "gone", "restore"]
OUTSIDE_THE_PHONE = {
    "cable",
    "port-hub",
    "host-software",
    "tool",
    "firmware-signing",
    "network",
    "user-error",
}


def causes(verdict):
    """The causes that a verdict names, the first suspect first."""
    return [cause["cause"] for cause in verdict["causes"]]


def rules(verdict):
    """The rules that speak for the first suspect."""
    return {evidence["rule"] for evidence in verdict["causes"][0]["evidence"]}


def assert_usbmuxd_is_blamed(session, verdict, rule):
    """The bench failed, as `rule` says: that says nothing of the phone."""
    assert session["outcome"] == "failed"
    assert session["health"]["usbmuxdFaults"] > 0
    assert verdict["phase"] == "phase1-software"
    assert causes(verdict)[0] == "host-software"
    assert {"bench-fault", rule} <= rules(verdict)
    assert set(causes(verdict)) <= OUTSIDE_THE_PHONE
    assert verdict["nextStep"]["experiment"] == "restart-usbmuxd"


@pytest.mark.parametrize(
    "scenario, last_mode, code",
    [
        ("tool-bounce", "recovery", 4013),
        ("tool-bounce-to-dfu", "dfu", 4014),
        ("tool-no-return", "gone", 4005),
    ],
)
def test_no_restore_mode(restore, scenario, last_mode, code):
    result, session, verdict = restore(RESTORE, scenario)

    assert "ERROR: Device failed to enter restore mode." in result.text("tool")
    came_back = [] if last_mode == "gone" else [last_mode]
    assert session["modes"] == TO_RESTORE[:4] + came_back
    assert session["itunesCode"] == verdict["itunesCode"] == code
    # One attempt, with no part named by the phone, proves no hardware.
    assert verdict["phase"] == "undecided"
    assert verdict["nextStep"]["experiment"] == "swap-cable"


def test_image_transfer_dies(restore):
    result, session, verdict = restore(RESTORE, "tool-image-lost")

    assert "image 50 percent" in result.phone() and "image 75 percent" not in result.phone()
    assert "ERROR: Unable to send payload to ASR" in result.text("tool")
    assert session["modes"] == TO_RESTORE + ["gone"]
    assert session["operationName"] == "Restoring image"
    assert session["itunesCode"] == 4010
    assert session["health"]["grade"] == "lost"
    # Debian's usbmuxd may die of the phone's going: that is not what broke the restore.
    assert session["health"]["usbmuxdFaults"] == 0
    assert verdict["phase"] == "undecided"
    assert causes(verdict)[0] == "cable"
    assert verdict["nextStep"]["experiment"] == "swap-cable"


def test_cable_carries_nothing_at_the_ramdisk(restore):
    result, session, verdict = restore(RESTORE, "tool-cable-fault")

    assert "ERROR: Device failed to enter restore mode." in result.text("tool")
    assert session["modes"] == TO_RESTORE[:4]
    assert session["itunesCode"] == 4005
    # Eight failed reads, one power cycle, one surrender.
    assert session["health"]["usbErrors"] == 10
    assert verdict["phase"] != "phase2-hardware"
    assert causes(verdict)[0] == "cable"
    assert "link-faulty" in rules(verdict)
    assert set(causes(verdict)) <= OUTSIDE_THE_PHONE


def test_cable_fails_in_the_restore(restore):
    # The tool gives up at the unplugging; what the kernel says of the cable comes after that.
    result, session, verdict = restore(RESTORE + "; await_usb_errors 10", "tool-cable-fault-late")

    assert "ERROR: Unable to restore device" in result.text("tool")
    assert session["modes"] == TO_RESTORE + ["gone"]
    assert session["health"]["usbErrors"] == 10
    assert session["health"]["grade"] == "lost"
    assert verdict["phase"] != "phase2-hardware"
    assert causes(verdict)[0] == "cable"
    assert "link-faulty" in rules(verdict)


def test_usbmuxd_ends_while_the_phone_is_back(restore):
    """Debian's usbmuxd is told to end when its last phone goes; 20 ms later the phone is back."""
    result, session, verdict = restore(
        "start_usbmuxd --enable-exit; start_daemon; start_phone; restore; await_mux_fault",
        "tool-race",
    )

    assert "Shutdown complete" in result.usbmuxd()
    # The tool has given up by then, and nobody tells any more which of the two modes it is.
    assert session["modes"][-2:] == ["gone", "normal-or-restore"]
    assert_usbmuxd_is_blamed(session, verdict, "usbmuxd-ended")


@pytest.mark.smoke
def test_usbmuxd_dies(restore):
    result, session, verdict = restore(
        """
        start_usbmuxd
        start_daemon
        start_phone
        (await phone 'scenario done'; usleep 3000000; killall -SEGV usbmuxd) &
        restore
        """,
        "tool-mux-ends",
    )

    assert "usbmuxd: ended" in result.text("daemon")
    assert session["modes"] == TO_RESTORE
    assert_usbmuxd_is_blamed(session, verdict, "usbmuxd-ended")


def test_usbmuxd_hides_the_phone(restore):
    result, session, verdict = restore(RESTORE, "tool-invisible")

    assert "ERROR: Device failed to enter restore mode." in result.text("tool")
    assert not any("Connected to v2" in line for line in result.usbmuxd())
    assert_usbmuxd_is_blamed(session, verdict, "usbmuxd-hid-phone")
