# SPDX-License-Identifier: LGPL-2.1-or-later
"""The daemon beside a restore that it only sees on the USB bus: every change of mode, and its verdict."""

import pytest

SCRIPT = """
    start_usbmuxd
    start_daemon
    start_phone
    forge_kernel_lines
    boot_ramdisk
    await phone 'scenario done'
    await_session_end
    ask sessions
    ask diagnose
    true
    """
TO_RESTORE = ["recovery", "gone", "recovery", "gone", "restore"]


@pytest.fixture
def watch(machine):
    """watch(scenario): what the daemon told of the only session, and its verdict."""

    def run(scenario):
        result = machine(SCRIPT, scenario)
        sessions = result.json("sessions")["sessions"]
        assert len(sessions) == 1
        assert sessions[0]["ecid"] == "0x001C2D6A3C8A802E"
        assert sessions[0]["port"] == "1-1"
        return sessions[0], result.json("diagnose")["verdict"]

    return run


@pytest.mark.parametrize(
    "scenario, last_mode, code",
    [
        pytest.param("bounce-to-recovery", "recovery", 4013, marks=pytest.mark.smoke),
        ("bounce-to-dfu", "dfu", 4014),
        ("no-return", "gone", 4005),
    ],
)
def test_no_restore_mode(watch, scenario, last_mode, code):
    session, verdict = watch(scenario)

    came_back = [] if last_mode == "gone" else [last_mode]
    assert session["modes"] == TO_RESTORE[:4] + came_back
    assert session["outcome"] == "failed"
    assert session["itunesCode"] == code
    # One attempt, with no part named by the phone, proves no hardware.
    assert verdict["phase"] == "undecided"
    assert verdict["itunesCode"] == code
    assert verdict["nextStep"]["experiment"] == "swap-cable"


def test_success(watch):
    session, verdict = watch("success")

    assert session["modes"] == TO_RESTORE + ["gone", "normal"]
    assert session["outcome"] == "succeeded"
    assert session["health"]["grade"] == "good"
    assert verdict["phase"] == "none"


def test_ramdisk_vanishes(watch):
    session, verdict = watch("ramdisk-vanishes")

    assert session["modes"] == TO_RESTORE + ["gone"]
    assert session["outcome"] == "failed"
    assert session["stage"] == "restore"
    assert session["health"]["grade"] == "lost"
    assert verdict["phase"] == "undecided"


def test_cable_fault(watch):
    session, verdict = watch("cable-fault")

    assert session["modes"] == TO_RESTORE[:4]
    assert session["itunesCode"] == 4005
    # Eight failed reads, one power cycle, one surrender; there is no journald, so that the kernel's own
    # log tells. What a program wrote there in the kernel's name does not count.
    assert session["health"]["usbErrors"] == 10
    assert verdict["causes"][0]["cause"] == "cable"
    assert "link-faulty" in [evidence["rule"] for evidence in verdict["causes"][0]["evidence"]]
