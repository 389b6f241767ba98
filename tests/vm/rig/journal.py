# SPDX-License-Identifier: LGPL-2.1-or-later
"""Turns what a run wrote into the journal that journald would have kept of it.

The text is the journal's export format (systemd.io/JOURNAL_EXPORT_FORMATS): systemd-journal-remote makes
a journal file of it. Only what is about the phone is kept; the fields are those of Debian 12's journald.
"""

import datetime
import re

COMMON = {
    "_BOOT_ID": "3c9b0e9c5d2f4f0a8e4d6b7a1f203040",
    "_MACHINE_ID": "5f1d2c3b4a59687786958473625140af",
    "_HOSTNAME": "bench",
}
BASE = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)  # where the machine's clock starts
USBMUXD_LINE = re.compile(r"\[(\d\d):(\d\d):(\d\d)\.(\d\d\d)\]\[\d\] ")


def export(result):
    """The journal of one run as export text, in order of time."""
    ahead_us = int(re.search(r"wall clock is (\d+) us ahead", result.text("phone")).group(1))
    entries = [*_kernel(result), *_usbmuxd(result, ahead_us)]
    entries.sort(key=lambda entry: entry[0])
    return "\n".join(_entry(at_us, ahead_us, fields) for at_us, fields in entries)


def _entry(at_us, ahead_us, fields):
    stamps = {"__REALTIME_TIMESTAMP": at_us + ahead_us, "__MONOTONIC_TIMESTAMP": at_us}
    return "".join(f"{name}={value}\n" for name, value in {**stamps, **COMMON, **fields}.items())


def _kernel(result):
    """Records of /dev/kmsg about the phone and its port (Documentation/ABI/testing/dev-kmsg)."""
    for record in re.split(r"\n(?! )", result.text("kernel")):
        head, _, rest = record.partition(";")
        message, *more = rest.split("\n")
        if not message.startswith(("usb 1-1: ", "usb usb1-port1: ")):
            continue
        priority, _, at_us = head.split(",")[:3]
        fields = {
            "_TRANSPORT": "kernel",
            "SYSLOG_FACILITY": int(priority) >> 3,
            "SYSLOG_IDENTIFIER": "kernel",
            "PRIORITY": int(priority) & 7,
            "_SOURCE_MONOTONIC_TIMESTAMP": at_us,
        }
        for line in more:
            name, _, value = line.strip().partition("=")
            if name in ("SUBSYSTEM", "DEVICE"):
                fields[f"_KERNEL_{name}"] = value
        yield int(at_us), {**fields, "MESSAGE": message}


def _usbmuxd(result, ahead_us):
    """Lines of usbmuxd, as journald has them of its standard output; those without a time take the last one."""
    at_us = 0
    for line in result.lines("usbmuxd"):
        match = USBMUXD_LINE.match(line)
        if match:
            hours, minutes, seconds, milliseconds = map(int, match.groups())
            since = datetime.timedelta(hours=hours, minutes=minutes, seconds=seconds, milliseconds=milliseconds)
            at_us = (BASE + since - datetime.datetime.fromtimestamp(0, datetime.timezone.utc)) // datetime.timedelta(
                microseconds=1
            ) - ahead_us
        yield at_us, {
            "_TRANSPORT": "stdout",
            "_SYSTEMD_UNIT": "usbmuxd.service",
            "SYSLOG_IDENTIFIER": "usbmuxd",
            "PRIORITY": 6,
            "MESSAGE": line,
        }
