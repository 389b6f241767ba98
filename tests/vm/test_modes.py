# SPDX-License-Identifier: LGPL-2.1-or-later
"""The phone in each of its modes, as the kernel, udev, usbmuxd and libirecovery see it."""

import pytest

ECID = "001C2D6A3C8A802E"
UDID = "00008030-001C2D6A3C8A802E"


def product(result):
    """The USB product numbers with which a device of Apple was found, in order."""
    found = [line for line in result.port() if "New USB device found, idVendor=05ac" in line]
    return [line.partition("idProduct=")[2][:4] for line in found]


def test_dfu(machine):
    result = machine("start_phone; await phone 'scenario done'; irecovery -q", "dfu")

    assert product(result) == ["1227"]
    assert f"ECID: 0x{ECID.lower()}" in result.lines("run")
    assert "MODE: DFU" in result.lines("run")
    serial = next(line for line in result.port() if "SerialNumber: " in line)
    assert f"ECID:{ECID} IBFL:3C SRTG:[iBoot-" in serial


def test_dfu_takes_a_file(machine):
    result = machine(
        """
        start_phone
        await phone 'configured 1'
        head -c 5000 /dev/zero >/tmp/file
        irecovery -f /tmp/file
        """,
        "dfu",
    )

    # libirecovery appends the 16 bytes of a DFU suffix to what it sends.
    assert "file 5016 bytes" in result.phone()
    assert "manifest" in result.phone()


def test_recovery(machine):
    result = machine(
        """
        start_phone
        await phone 'configured 1'
        irecovery -q
        irecovery -c 'setenv auto-boot false'
        irecovery -c 'getenv auto-boot'
        await phone 'scenario done'
        """,
        "recovery",
    )

    assert product(result) == ["1281"]
    assert f"ECID: 0x{ECID.lower()}" in result.lines("run")
    assert "MODE: Recovery" in result.lines("run")
    assert "command setenv auto-boot false" in result.phone()


def test_recovery_takes_a_file(machine):
    result = machine(
        """
        start_phone
        await phone 'configured 1'
        head -c 100000 /dev/zero >/tmp/file
        irecovery -f /tmp/file
        irecovery -c 'setenv auto-boot false'
        """,
        "recovery",
    )

    assert result.phone().index("upload started") < result.phone().index("file 100000 bytes")


def test_recovery_is_not_for_usbmuxd(machine):
    result = machine("start_usbmuxd; start_phone; await phone 'configured 1'; idevice_id -l", "recovery")

    assert result.lines("run") == []
    assert not any("Connecting to new device" in line for line in result.usbmuxd())


@pytest.mark.smoke
def test_normal(machine):
    result = machine(
        """
        start_usbmuxd
        start_phone
        await phone 'scenario done'
        idevice_id -l
        ideviceinfo -s
        """,
        "normal",
    )

    assert product(result) == ["12a8"]
    assert f"Connected to v2.0 device 1 on location 0x10002 with serial number {UDID}" in result.usbmuxd()
    assert result.lines("run")[0] == UDID
    assert "ProductType: iPhone12,1" in result.lines("run")


def test_restore(machine):
    result = machine(
        """
        start_usbmuxd
        start_phone
        await phone 'scenario done'
        await usbmuxd 'Finished preflight'
        idevice_id -l
        """,
        "restore",
    )

    # Restore mode has the product number of normal mode; only the service tells them apart.
    assert product(result) == ["12a8"]
    assert result.lines("run") == [UDID]
    assert "request QueryType" in result.phone()
    assert "request GetValue" not in result.phone()
