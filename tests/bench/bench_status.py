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

from daemon import Bench, until  # noqa: E402
from load import row  # noqa: E402

LLDP_CALLS = 2000


def lldpcli_calls(folder):
    """How many commands a second lldpcli has answered over one connection to an lldpd of its own; None without one."""
    try:
        lldpd = subprocess.Popen(['lldpd', '-d', '-u', folder / 'lldpd', '-I', 'lo'], stderr=subprocess.DEVNULL)
    except FileNotFoundError:
        return None
    command = ['lldpcli', '-u', folder / 'lldpd', '-f', 'json']
    try:
        until(lambda: subprocess.run([*command, 'show', 'configuration'], capture_output=True, check=False).returncode == 0,
              what='lldpd')
        began = time.monotonic()
        subprocess.run(command, input=b'show configuration\n' * LLDP_CALLS, stdout=subprocess.DEVNULL, check=True)
        return LLDP_CALLS / (time.monotonic() - began)
    except AssertionError:  # it needs root
        return None
    finally:
        lldpd.terminate()
        lldpd.wait()


def main(build):
    # The client and both servers take turns: on two processors, the ratio would be that of waking the other one.
    os.sched_setaffinity(0, [max(os.sched_getaffinity(0))])
    folder = pathlib.Path(tempfile.mkdtemp(prefix='status-'))
    folder.chmod(0o755)  # lldpd has a user of its own
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
