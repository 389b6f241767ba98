#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The import of many attempts out of one log: of one phone, and of as many phones.

Usage: bench_attempts.py BUILD_FOLDER [ATTEMPTS]
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

ATTEMPTS = 2000
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
             f'{(command + daemon) * whole:.0f} s of processor time, {wall * whole:.0f} s', '< 60 s',
             (command + daemon) * whole < 60, 'a transaction and three JSON messages an attempt')


def main(build, attempts):
    for phones in 1, attempts:
        bench_import(build, attempts, phones)


main(pathlib.Path(sys.argv[1]).resolve(), int(sys.argv[2]) if len(sys.argv) > 2 else ATTEMPTS)
