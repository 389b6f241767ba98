#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The time from the start of the daemon to READY=1 with a full ring of default size and 100,000 attempts, and what
the ring takes of its memory afterwards.

Usage: bench_start.py BUILD_FOLDER
"""
import os
import pathlib
import shutil
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'integration'))

from daemon import Bench, until  # noqa: E402
import load  # noqa: E402

ATTEMPTS = 100000
ROUNDS = 5


def main(build):
    folder = pathlib.Path(tempfile.mkdtemp(prefix='start-', dir='/var/tmp'))
    (folder / 'journal').mkdir()
    os.environ['IDEVICETRIAGE_JOURNAL_DIR'] = str(folder / 'journal')
    bench = Bench(build, folder, folder / 'mux')
    try:
        bench.start()
        load.fill_ring(bench)
        bench.stop()
        load.copy_attempts(bench.state / 'casebook.db', ATTEMPTS)
        times = []
        for _ in range(ROUNDS):
            times.append(load.start_measured(bench))
            until(lambda: load.ring_kib(bench.process.pid) == 0, what='a ring that takes no memory')
            bench.stop()
        wall, processor = min(wall for wall, _ in times), min(processor for _, processor in times)
        load.row(f'READY with a full ring and {ATTEMPTS:,} attempts',
                 f'{processor:.0f} ms of processor time, {wall:.0f} ms', '< 50 ms', processor < 50,
                 'the disk (fdatasync), and reading each record twice')
        load.row('pages of the idle ring in memory', '0 KiB', '0 KiB', True, 'nothing: they are in the cache of the file')
    finally:
        bench.close()
        shutil.rmtree(folder, ignore_errors=True)


main(pathlib.Path(sys.argv[1]).resolve())
