# SPDX-License-Identifier: LGPL-2.1-or-later
"""The errors that the kernel corrects: they are only in the trace of an xHCI controller, which this machine has."""

import json

import pytest


@pytest.fixture
def booted(xhci_machine):
    return xhci_machine


# The phone's transfers begin with usbmuxd, so its errors do too: by then, the program follows it as the phone of a run.
# A failure shows the console, and so the last command.
CORRECTED = """
    exec 2>/dev/ttyS0
    set -x
    mount -t tracefs tracefs /sys/kernel/tracing
    insmod /usr/lib/modules/case/xhci-hcd.ko
    systemctl mask --runtime usbmuxd.service
    install_daemon
    udevadm trigger --settle --subsystem-match=usbmon
    systemctl start idevicetriage-link.service
    watching() { idevicetriage --json status | grep -q '"name":"link","up":true'; }
    poll watching
    instance=/sys/kernel/tracing/instances/idevicetriage-link
    stat -c '%a %U %G' $instance/trace_pipe >/results/pipe
    insmod /usr/lib/modules/case/xhci-pci.ko
    seen() { idevicetriage --json status | grep -q '"mode":"normal-or-restore"'; }
    poll seen
    udevadm settle
    idevicetriage run --ecid 0x001C2D6A3C8A802E -- sleep 600 >/results/tool 2>&1 &
    pid=$(property idevicetriage-link.service MainPID)
    followed() { ls -l /proc/$pid/fd | grep -q /dev/usbmon; }
    poll followed
    systemctl unmask --runtime usbmuxd.service
    systemctl start usbmuxd.service
    corrected() { idevicetriage --json log | grep -q '"kind":"link-corrected".*"number":[34],'; }
    poll corrected
    idevicetriage --json log >/results/records
    idevicetriage --json doctor >/results/doctor || true
    idevicetriage --json status >/results/told
    cat $instance/per_cpu/cpu0/stats >/results/stats
    kill -KILL $pid
    poll is idevicetriage-link.service NRestarts 1
    poll [ -d $instance ]
    systemctl stop idevicetriage-link.service
    ls -d $instance >/results/left 2>/dev/null || true
    """


def records(result, kind):
    """The records of the link of one kind."""
    found = [record for line in result.lines("records") for record in json.loads(line)["records"]]
    return [record for record in found if record.get("source") == "link" and record["kind"] == kind]


@pytest.mark.smoke
def test_corrected_errors(machine):
    """Errors that the kernel repeats without a word are recorded for the phone's port, and `doctor` warns."""
    result = machine(CORRECTED, corrected=4)
    print(result.text("stats"), result.text("told"), result.text("doctor"), result.text("records"))

    (device,) = result.json("told")["devices"]
    corrected = records(result, "link-corrected")
    assert {record["port"] for record in corrected} == {device["port"]}
    assert {record["limit"] for record in corrected} == {4}
    assert corrected[-1]["number"] in (3, 4)
    assert not records(result, "link-error")
    (link,) = (source for source in result.json("told")["sources"] if source["name"] == "link")
    assert (link["up"], link["detail"]) == (True, "watching")
    (warning,) = (check for check in result.json("doctor")["checks"] if check["check"] == "port-errors")
    assert warning["result"] == "warning"
    assert f"Port {device['port']}: the computer corrected" in warning["text"]
    assert result.text("pipe") == "440 root idevicetriage-link\n"
    assert result.text("left") == ""


def test_without_a_trace(machine):
    """Where the kernel has no tracepoints of xHCI, the program works, and `status` and `doctor` report what is missing."""
    result = machine(
        """
        mount -t tracefs tracefs /sys/kernel/tracing
        install_daemon
        udevadm trigger --settle --subsystem-match=usbmon
        systemctl start idevicetriage-link.service
        limited() { idevicetriage --json status | grep -q 'without the errors that the kernel corrects'; }
        poll limited
        idevicetriage status >/results/told
        idevicetriage doctor >/results/doctor || true
        ls /sys/kernel/tracing/instances >/results/left
        """,
    )

    for name in ("told", "doctor"):
        words = " ".join(result.text(name).split())
        assert "watching, without the errors that the kernel corrects: there is no trace of the xHCI controller" in words
    assert "the kernel has no xHCI controller or no tracepoints of it" in result.text("journal")
    assert result.text("left") == ""
