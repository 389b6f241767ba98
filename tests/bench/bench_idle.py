#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The daemon with nothing to do: no usbmuxd, no phone, no journal that may be read. Prints how often it woke up and what
memory it takes, beside other daemons of this machine where they run, and on a machine where no other program maps its
libraries. Fails where it wakes up on its own.

Usage: bench_idle.py BUILD_FOLDER [SECONDS]
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'integration'))

from daemon import Bench, own_kib  # noqa: E402
from load import lldpd, row  # noqa: E402

SETTLE_SECONDS = 5  # the first sync of the ring, the first look at everything
LLDPD_KIB = 5100  # of another computer, where none can run here
OTHERS = ('usbmuxd', 'smartd', 'upowerd', 'systemd-journald')


def wake_ups(pid):
    """Times that a thread gave up the processor by itself."""
    statuses = [path.read_text() for path in pathlib.Path(f'/proc/{pid}/task').glob('*/status')]
    return sum(int(re.search(r'^voluntary_ctxt_switches:\s+(\d+)', status, re.M)[1]) for status in statuses)


def running(name):
    for path in pathlib.Path('/proc').glob('[0-9]*/comm'):
        try:
            if path.read_text().strip() == name[:15]:
                return path.parent.name
        except OSError:  # it has just ended
            continue
    return None


def family_kib(pid):
    """The memory of a process and its children."""
    children = pathlib.Path(f'/proc/{pid}/task/{pid}/children').read_text().split()
    return own_kib(pid) + sum(own_kib(child) for child in children)


def copy_libraries(build, folder):
    """Copies of what the daemon loads, which it alone will map; every program maps the C library."""
    folder.mkdir()
    loaded = subprocess.run(['ldd', pathlib.Path(build) / 'daemon/idevicetriaged'], check=True, capture_output=True,
                            text=True).stdout
    for library in re.findall(r'=> (/\S+)', loaded):
        if not re.search(r'/lib(c|m)\.so', library):
            shutil.copy(library, folder)


def pss_alone(build, folder):
    folder.mkdir()
    copy_libraries(build, folder / 'lib')
    bench = Bench(build, folder, folder / 'mux')
    bench.environment['LD_LIBRARY_PATH'] = str(folder / 'lib')
    try:
        bench.start()
        time.sleep(SETTLE_SECONDS)
        return own_kib(bench.process.pid)
    finally:
        bench.close()


def main(build, seconds):
    folder = pathlib.Path(tempfile.mkdtemp(prefix='idle-'))
    (folder / 'journal').mkdir()
    os.environ['IDEVICETRIAGE_JOURNAL_DIR'] = str(folder / 'journal')
    bench = Bench(build, folder, folder / 'mux')
    try:
        bench.start()
        time.sleep(SETTLE_SECONDS)
        pid, before = bench.process.pid, wake_ups(bench.process.pid)
        time.sleep(seconds)
        count = wake_ups(pid) - before
        row('wake-ups when idle, without usbmuxd', f'{count} in {seconds} s', '0', count == 0, 'nothing')
        with lldpd(folder) as (other, _):
            ours, theirs = own_kib(pid), family_kib(other.pid) if other else LLDPD_KIB
        row('PSS when idle, without the ring', f'{ours} KiB', f'< {theirs} KiB (lldpd)', ours < theirs,
            'pages of libraries that no other program maps')
        for other in OTHERS:
            theirs = running(other) and own_kib(running(other))
            row(f'the same of {other}', f'{theirs} KiB' if theirs else 'not running', '-', True, '-')
        bench.stop()
        print(f'  with libraries that no other program maps: {pss_alone(build, folder / "alone")} KiB')
    finally:
        bench.close()
        shutil.rmtree(folder, ignore_errors=True)
    return count > 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 60))
