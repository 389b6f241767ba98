#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The import of many attempts out of one log: of one phone, and of as many phones. The command reads while the daemon
stores, so the longer of both is the time on a quiet machine with two processors.

Usage: bench_attempts.py BUILD_FOLDER [ATTEMPTS...]     100000 is the whole log and takes minutes
"""
import os
import pathlib
import resource
import shutil
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'integration'))

from daemon import Bench  # noqa: E402
import load  # noqa: E402

ATTEMPTS = 1000, 10000
WHOLE = 100000


def bench_import(build, attempts, phones):
    folder = pathlib.Path(tempfile.mkdtemp(prefix='attempts-', dir='/var/tmp'))
    (folder / 'journal').mkdir()
    os.environ['IDEVICETRIAGE_JOURNAL_DIR'] = str(folder / 'journal')
    bench = Bench(build, folder, folder / 'mux')
    load.write_log(folder / 'big.log', attempts, phones)
    try:
        bench.start()
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        began = time.monotonic()
        bench.triage('import', folder / 'big.log')
        wall = time.monotonic() - began
        now = resource.getrusage(resource.RUSAGE_CHILDREN)
        command = now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime
        daemon = load.processor_ms(bench.process.pid) / 1e3
    finally:
        bench.close()
        shutil.rmtree(folder, ignore_errors=True)
    whole = WHOLE / attempts
    load.row(f'import of {WHOLE:,} attempts of {"one phone" if phones == 1 else "many phones"} (from {attempts:,})',
             f'{daemon * whole:.0f} s of the daemon beside {command * whole:.0f} s of the command; {wall * whole:.0f} s',
             '< 60 s', max(daemon, command) * whole < 60, 'the indexes of the casebook, and JSON')


def main(build, sizes):
    for attempts in sizes:
        for phones in 1, attempts:
            bench_import(build, attempts, phones)


main(pathlib.Path(sys.argv[1]).resolve(), [int(word) for word in sys.argv[2:]] or ATTEMPTS)
