#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Starts a daemon and has bench_status compare its GetStatus with a bare libevent echo.

Usage: bench_status.py BUILD_FOLDER
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

from daemon import Bench  # noqa: E402
from load import lldpd, row  # noqa: E402

LLDP_CALLS = 2000


def lldpcli_calls(folder):
    """How many commands a second lldpcli has answered over one connection to an lldpd of its own; None without one."""
    with lldpd(folder) as (_, command):
        if not command:
            return None
        began = time.monotonic()
        subprocess.run(command, input=b'show configuration\n' * LLDP_CALLS, stdout=subprocess.DEVNULL, check=True)
        return LLDP_CALLS / (time.monotonic() - began)


def main(build):
    # The client and both servers take turns: on two processors, the ratio would be that of waking the other one.
    os.sched_setaffinity(0, [max(os.sched_getaffinity(0))])
    folder = pathlib.Path(tempfile.mkdtemp(prefix='status-'))
    (folder / 'journal').mkdir()
    os.environ['IDEVICETRIAGE_JOURNAL_DIR'] = str(folder / 'journal')
    bench = Bench(build, folder, folder / 'mux')
    try:
        bench.start()
        printed = subprocess.run(
            [pathlib.Path(build) / 'tests/bench/bench_status', bench.socket, str(bench.process.pid)], check=True,
            stdout=subprocess.PIPE, text=True).stdout
        print(printed, end='', flush=True)
        calls, theirs = int(re.search(r'pipelined: (\d+)', printed)[1]), lldpcli_calls(folder)
        row('pipelined status calls a second', f'{calls:,}', f'> {theirs:,.0f} (lldpcli)' if theirs else 'lldpcli: not here',
            not theirs or calls > theirs, 'JSON')
    finally:
        bench.close()
        shutil.rmtree(folder, ignore_errors=True)


main(sys.argv[1])
