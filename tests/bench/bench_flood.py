#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A flood of uevents on the real daemon: phones come and go as fast as udev can tell. Prints how long the loop stalled
at worst, and what CPU time and memory it took. Usage: bench_flood.py BUILD_FOLDER"""
import os
import pathlib
import re
import shutil
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'integration'))

from bus import Bus  # noqa: E402
from daemon import Bench, until  # noqa: E402

EVENTS = 1000
PHONES = 8
LIMIT_US = 10000


def cpu_seconds(pid):
    fields = pathlib.Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def memory_kib(pid):
    """Anonymous memory: the ring's file is not in it."""
    status = pathlib.Path(f'/proc/{pid}/status').read_text()
    return int(re.search(r'RssAnon:\s+(\d+)', status)[1])


def flood(bench, bus):
    for number in range(EVENTS // 2):
        port = f'1-{number % PHONES + 1}'
        bus.tell(f'add {port} recovery {number % PHONES + 1:016X} iPhone12,3')
        bus.tell(f'remove {port}')
    bus.tell('add 2-1 recovery 00000000000000FF iPhone12,3')
    until(lambda: any(device.get('port') == '2-1' for device in bench.call('ListDevices')['devices']),
          what='the last phone')


def main(build):
    folder = tempfile.mkdtemp(prefix='triage-')
    bus = Bus(pathlib.Path(build))
    bench = Bench(build, folder, pathlib.Path(folder) / 'mux')
    bench.environment.update(bus.environment)
    try:
        bench.start('--verbose')
        pid = bench.process.pid
        memory, cpu, began = memory_kib(pid), cpu_seconds(pid), time.monotonic()
        flood(bench, bus)
        wall = time.monotonic() - began
        cpu = cpu_seconds(pid) - cpu
        grown = memory_kib(pid) - memory
        bench.stop()
        stall = int(re.search(r"longest stall was (\d+) us", bench.say())[1])
    finally:
        bench.close()
        bus.close()
        shutil.rmtree(folder, ignore_errors=True)
    print(f'{EVENTS} uevents in {wall:.2f} s: {cpu:.2f} s of CPU ({cpu / EVENTS * 1e6:.0f} us each), '
          f'{grown} KiB more memory')
    print(f'longest stall of the loop: {stall} us ({"within" if stall <= LIMIT_US else "OVER"} the {LIMIT_US} us limit)')


main(sys.argv[1])
