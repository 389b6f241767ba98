# SPDX-License-Identifier: LGPL-2.1-or-later
"""Ends and starts the simulated usbmuxd, with a phone, RESTARTS times under the daemon: BUILD RESTARTS.

After each start the daemon must see the phone again. Compares its descriptors and its memory after a third of the restarts
with those at the end. A connection that the daemon is just trying comes and goes; a descriptor that leaks stays."""
import os
import pathlib
import sys
import tempfile

from proof import TESTS, show

sys.path.insert(0, str(TESTS / 'phone'))
import simphone  # noqa: E402
from daemon import Bench, until  # noqa: E402

# The allocator's own; a leak of one record for each restart would be more.
PAGES = 64 << 10


def descriptors(process):
    return len(os.listdir(f'/proc/{process.pid}/fd'))


def memory(process):
    """The bytes of pages that are the process's own, without the ring."""
    rollup = pathlib.Path(f'/proc/{process.pid}/smaps_rollup').read_text()
    return sum(int(line.split()[1]) << 10 for line in rollup.splitlines() if line.startswith('Anonymous:'))


def comes_true(condition):
    try:
        return until(condition, 10)
    except AssertionError:
        return False


def main():
    build, restarts = sys.argv[1], int(sys.argv[2])
    with tempfile.TemporaryDirectory(prefix='triage-') as folder:
        bench, unseen = Bench(build, folder, f'{folder}/mux'), 0
        try:
            bench.start('--ring-size', '1048576')
            for number in range(restarts):
                with simphone.Simulator(pathlib.Path(folder) / 'mux', 'success') as simulator:
                    unseen += not comes_true(lambda: bench.sees(simulator.phone.identity.udid))
                unseen += not comes_true(lambda: not bench.sees(simulator.phone.identity.udid))
                if number == restarts // 3:
                    fds, bytes_before = descriptors(bench.process), memory(bench.process)
            comes_true(lambda: descriptors(bench.process) <= fds)
            fds, grown = descriptors(bench.process) - fds, memory(bench.process) - bytes_before
        finally:
            bench.close()
    return show([('restarts of usbmuxd: the daemon sees the phone go and come', restarts, unseen),
                 (f'of these, descriptors of the daemon more: {fds}', restarts, max(0, fds)),
                 (f'of these, memory of the daemon more: {grown >> 10} KiB', restarts, int(grown > PAGES))],
                'a simulated usbmuxd')


sys.exit(main())
