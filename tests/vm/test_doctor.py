# SPDX-License-Identifier: LGPL-2.1-or-later
"""`doctor` and the named states of usbmuxd, on the kernel's own sysfs and with Debian's usbmuxd."""

import pytest


def wrong(result, name="doctor"):
    """What doctor found: its results and sentences, by check."""
    found = {}
    for each in result.json(name)["checks"]:
        found.setdefault(each["check"], []).append((each["result"], each["text"]))
    return found


def fault(result, name):
    (device,) = result.json(name)["devices"]
    return device.get("fault", {}).get("fault")


@pytest.mark.smoke
def test_planted_faults(machine):
    result = machine(
        """
        start_usbmuxd
        start_daemon
        start_phone
        await usbmuxd 'Connected to v2'
        ask status
        mv /results/status /results/before
        ask doctor || true
        mv /results/doctor /results/sound
        echo auto >/sys/bus/usb/devices/1-1/power/control
        sleep 100000 </dev/bus/usb/001/002 &
        killall -KILL usbmuxd
        poll sh -c 'idevicetriage --json status | grep -q usbmuxd-left-phone'
        ask doctor || true
        ask status
        mv /results/status /results/after
        true
        """,
        "normal",
    )

    sound = wrong(result, "sound")
    for check in ("daemon", "usbmuxd", "usb-power", "usb-speed", "hubs", "usb-holders"):
        assert [each for each, _ in sound[check]] == ["ok"], sound[check]
    assert fault(result, "before") is None

    found = wrong(result)
    assert found["usbmuxd"][0][0] == "problem"
    assert "not running with a phone attached (port 1-1" in found["usbmuxd"][0][1]
    assert found["usb-power"][0][0] == "problem" and "port 1-1" in found["usb-power"][0][1]
    assert found["usb-holders"][0][0] == "problem" and "port 1-1" in found["usb-holders"][0][1]
    assert fault(result, "after") == "usbmuxd-left-phone"


@pytest.mark.parametrize(
    "scenario, line, state",
    [
        ("no-mux-version", "Connecting to new device", "usbmuxd-hides-phone"),
    ],
)
def test_phone_that_usbmuxd_does_not_show(machine, scenario, line, state):
    result = machine(
        f"""
        start_usbmuxd
        start_daemon
        start_phone
        await usbmuxd '{line}'
        poll sh -c 'idevicetriage --json status | grep -q {state}'
        ask status
        mv /results/status /results/told
        true
        """,
        scenario,
    )

    assert fault(result, "told") == state
    assert not any("Connected to v2" in each for each in result.usbmuxd())
