#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two floods on the real daemon: phones that come and go as fast as udev can tell, and a journal into
which 10000 lines a second are written, most of them of no interest and some forged. Prints how long
the loop stalled at worst, and what CPU time and memory each took.

Usage: bench_flood.py BUILD_FOLDER
"""
import contextlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'integration'))

from bus import Bus  # noqa: E402
from daemon import until  # noqa: E402
import load  # noqa: E402

EVENTS = 1000
PHONES = 8
BURST = 4  # phones that come and go before the daemon is waited for
LINES_A_SECOND = 10000
SECONDS = 3
LIMIT_US = 10000
ANNOUNCE_SECONDS = 0.25
FLOOD_SECONDS = 60.0  # a busy computer takes longer
JOURNAL_WRITER = '/lib/systemd/systemd-journal-remote'

KERNEL = '_TRANSPORT=kernel\nSYSLOG_FACILITY=0\nSYSLOG_IDENTIFIER=kernel\n'
USBMUXD = '_TRANSPORT=stdout\n_SYSTEMD_UNIT=usbmuxd.service\nSYSLOG_IDENTIFIER=usbmuxd\n'
ERROR = 'device descriptor read/64, error -71'
# Ten lines, of which one is to be told. The others say nothing of a link, or come from another
# program than they say: /dev/kmsg (facility 1), syslog, a unit of another name.
LINES = (
    f'{KERNEL}MESSAGE=usb 1-1: {ERROR}\n',
    f'{KERNEL}MESSAGE=usb 1-1: new high-speed USB device number 7 using xhci_hcd\n',
    f'{KERNEL}MESSAGE=audit: type=1400 audit(1767225600.340:1): apparmor="STATUS"\n',
    f'{KERNEL}MESSAGE=usb 1-1: Product: {ERROR}\n',
    f'{USBMUXD}MESSAGE=[12:00:00.000][4] Client 9 accepted: idevicerestore[168]\n',
    f'{USBMUXD}MESSAGE=[12:00:00.000][4] Client 9 connection closed\n',
    f'_TRANSPORT=kernel\nSYSLOG_FACILITY=1\nMESSAGE=usb 6-6: {ERROR}\n',
    f'_TRANSPORT=syslog\nSYSLOG_FACILITY=0\nSYSLOG_IDENTIFIER=kernel\nMESSAGE=usb 6-6: {ERROR}\n',
    '_TRANSPORT=stdout\n_SYSTEMD_UNIT=evil.service\nMESSAGE=RX transfer timed out for device 6-6\n',
    '_TRANSPORT=syslog\nSYSLOG_IDENTIFIER=cron\nMESSAGE=(root) CMD (run-parts /etc/cron.hourly)\n',
)
FORGED_PORT = '6-6'
LAST_PORT = '9-9'


def cpu_seconds(pid):
    fields = pathlib.Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def memory_kib(pid):
    """Anonymous memory: the ring's file is not in it."""
    status = pathlib.Path(f'/proc/{pid}/status').read_text()
    return int(re.search(r'RssAnon:\s+(\d+)', status)[1])


@contextlib.contextmanager
def measured(bench, count, what):
    """Prints what `count` of something cost the daemon, which ends with it."""
    pid = bench.process.pid
    memory, cpu, began = memory_kib(pid), cpu_seconds(pid), time.monotonic()
    yield
    wall = time.monotonic() - began
    cpu = cpu_seconds(pid) - cpu
    grown = memory_kib(pid) - memory
    bench.stop()
    stall = int(re.search(r"longest stall was (\d+) us", bench.say())[1])
    verdict = 'within' if stall <= LIMIT_US else 'OVER'
    print(f'{count} {what} in {wall:.2f} s ({count / wall:.0f} a second): {cpu:.2f} s of CPU '
          f'({cpu / count * 1e6:.0f} us each), {grown} KiB more memory')
    print(f'longest stall of the loop: {stall} us ({verdict} the {LIMIT_US} us limit)')


def seen_at(bench, port):
    """The mode in which the daemon sees the phone of a port."""
    modes = [device['mode'] for device in bench.call('ListDevices')['devices']
             if device.get('port') == port]
    return modes[0] if modes else None


def flood_usb(bench, bus):
    for number in range(EVENTS // 2):
        port = f'1-{number % PHONES + 1}'
        bus.tell(f'add {port} recovery {number % PHONES + 1:016X} iPhone12,3')
        bus.tell(f'remove {port}')
        # umockdev gives up where its queue is full, which holds some ten events.
        if number % BURST == BURST - 1:
            until(lambda: seen_at(bench, port) == 'gone', what='the end of a burst')
    bus.tell('add 2-1 recovery 00000000000000FF iPhone12,3')
    until(lambda: seen_at(bench, '2-1') == 'recovery', what='the last phone')


class Journal:
    """A journal of this boot that is written while the daemon reads it.

    The writer announces each line to those who watch the file; journald does so four times a second
    at most (systemd 252, journald-server.c). So the writer writes past the daemon's folder,
    and announce() tells of it there."""

    def __init__(self, folder):
        self.boot = pathlib.Path('/proc/sys/kernel/random/boot_id').read_text().strip()
        written = folder.with_name('written')
        written.mkdir()
        self.file = folder / 'x.journal'
        self.announced = 0
        self.writer = subprocess.Popen(
            [JOURNAL_WRITER, '-o', str(written / 'x.journal'), '-'],
            stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.write(LINES[1])
        until(lambda: (written / 'x.journal').exists(), what='the journal')
        os.link(written / 'x.journal', self.file)

    def announce(self):
        if time.monotonic() >= self.announced + ANNOUNCE_SECONDS:
            self.announced = time.monotonic()
            os.utime(self.file)

    def write(self, fields):
        self.writer.stdin.write((
            f'__REALTIME_TIMESTAMP={time.time_ns() // 1000}\n'
            f'__MONOTONIC_TIMESTAMP={time.monotonic_ns() // 1000}\n'
            f'_BOOT_ID={self.boot.replace("-", "")}\n{fields}\n').encode())
        self.writer.stdin.flush()

    def close(self):
        self.writer.stdin.close()
        self.writer.wait(60)


def last_port(bench):
    """The port of the daemon's newest record."""
    newest = bench.call('GetStatus')['lastSequence']
    return bench.call('ReadLog', after=newest - 1)['records'][-1].get('port')


def flood_journal(bench, journal, count):
    began = time.monotonic()
    for number in range(count):
        if number % len(LINES) == 0:
            time.sleep(max(0, began + number / LINES_A_SECOND - time.monotonic()))
            journal.announce()
        journal.write(LINES[number % len(LINES)])
    journal.write(f'{KERNEL}MESSAGE=usb {LAST_PORT}: {ERROR}\n')
    until(lambda: journal.announce() or last_port(bench) == LAST_PORT, seconds=FLOOD_SECONDS,
          what='the last line')


def told(bench):
    """How many errors the daemon told of the flooded port, and of the forged one."""
    pages = bench.triage('--json', '--state-dir', bench.state, 'log').stdout.splitlines()
    records = [record for page in pages for record in json.loads(page)['records']]
    ports = [record.get('port') for record in records if record['kind'] == 'usb-error']
    return ports.count('1-1'), ports.count(FORGED_PORT)


def bench_usb(build, folder):
    bus = Bus(build)
    bench = load.bench_ahead(build, folder)
    bench.environment.update(bus.environment)
    try:
        bench.start('--verbose')
        with measured(bench, EVENTS, 'uevents'):
            flood_usb(bench, bus)
    finally:
        bench.close()
        bus.close()


def bench_journal(build, folder):
    if not os.access(JOURNAL_WRITER, os.X_OK):
        print(f'{JOURNAL_WRITER} is missing: no flood of the journal')
        return
    (folder / 'journal').mkdir()
    journal = Journal(folder / 'journal')
    bench = load.bench_ahead(build, folder)
    bench.environment['IDEVICETRIAGE_JOURNAL_DIR'] = str(folder / 'journal')
    count = LINES_A_SECOND * SECONDS
    try:
        bench.start('--verbose')
        until(lambda: 'journal: reading' in bench.say(), what='the journal in the daemon')
        with measured(bench, count, 'lines of the journal'):
            flood_journal(bench, journal, count)
        real, forged = told(bench)
    finally:
        journal.close()
        bench.close()
    print(f'{real} of {count // len(LINES)} errors of the link told, {forged} forged ones')
    if forged or real != count // len(LINES):
        sys.exit('the daemon told something else than the kernel said')


def main(build):
    for bench in (bench_usb, bench_journal):
        folder = pathlib.Path(tempfile.mkdtemp(prefix='triage-'))
        try:
            bench(pathlib.Path(build), folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


main(sys.argv[1])
