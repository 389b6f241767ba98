# SPDX-License-Identifier: LGPL-2.1-or-later
"""The phone with its faults: which lines of the kernel and of usbmuxd tell of each, and which do not."""

import pytest

from test_modes import UDID, product

WATCH = "start_usbmuxd; start_phone; await phone 'scenario done'; idevice_id -l"


def errors(result):
    """The kernel's complaints about the phone."""
    return [line for line in result.port() if "error" in line or "unable" in line]


@pytest.mark.parametrize(
    "scenario, number",
    [("enumeration-protocol-error", -71), ("enumeration-stall", -32), ("no-answer", -110)],
)
def test_never_enumerated(machine, scenario, number):
    result = machine("start_phone; await kernel 'unable to enumerate'", scenario)

    assert product(result) == []
    assert errors(result) == (
        [f"usb 1-1: device descriptor read/64, error {number}"] * 4
        + [f"usb 1-1: device descriptor read/8, error {number}"] * 4
        + ["usb usb1-port1: unable to enumerate USB device"]
    )
    assert "usb usb1-port1: attempt power cycle" in result.port()


def test_enumeration_recovers(machine):
    result = machine("start_phone; await phone 'scenario done'", "enumeration-recovers")

    assert "usb 1-1: device descriptor read/64, error -71" in errors(result)
    assert "usb usb1-port1: unable to enumerate USB device" not in errors(result)
    assert product(result) == ["1281"]


def test_disconnect(machine):
    result = machine(WATCH, "disconnect")

    assert result.port()[-1] == "usb 1-1: USB disconnect, device number 2"
    assert errors(result) == []
    assert "Removed device 1 on location 0x10002" in result.usbmuxd()
    assert result.lines("run") == []


@pytest.mark.smoke
def test_glitch(machine):
    result = machine(WATCH + "; await usbmuxd 'Connected to v2.0 device 2'; idevice_id -l", "glitch")

    assert product(result) == ["12a8", "12a8"]
    assert "usb 1-1: USB disconnect, device number 2" in result.port()
    assert errors(result) == []
    assert result.lines("run")[-1] == UDID


def test_glitch_ends_usbmuxd(machine):
    """As Debian starts it, usbmuxd ends when its last phone goes, and stays ended when that phone is back."""
    result = machine(
        """
        start_usbmuxd --enable-exit
        start_phone
        await phone 'scenario done'
        idevice_id -l
        true
        """,
        "glitch-race",
    )

    assert product(result) == ["12a8", "12a8"]
    assert errors(result) == []
    assert result.port()[-1].startswith("usb 1-1: SerialNumber: ")
    assert "Shutdown complete" in result.usbmuxd()
    assert result.lines("run") == ["ERROR: Unable to retrieve device list!"]


def test_stall_leaves_no_kernel_line(machine):
    result = machine(WATCH, "stall")

    assert errors(result) == []
    assert "RX transfer stalled for device 1-2" in result.usbmuxd()


def test_no_mux_version(machine):
    result = machine(WATCH, "no-mux-version")

    assert product(result) == ["12a8"]
    assert "Connecting to new device on location 0x10002 as ID 1" in result.usbmuxd()
    assert not any("Connected to v2" in line for line in result.usbmuxd())
    assert result.lines("run") == []


def test_service_refused(machine):
    result = machine(WATCH, "service-refused")

    wanted = f"Could not connect to lockdownd on device {UDID}, lockdown error -8"
    assert any(wanted in line for line in result.usbmuxd())
    assert result.lines("run") == []
