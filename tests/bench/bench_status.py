#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Starts a daemon and has bench_status compare its GetStatus with a bare libevent echo.

Usage: bench_status.py BUILD_FOLDER
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'integration'))

from daemon import Bench  # noqa: E402


def main(build):
    folder = pathlib.Path(tempfile.mkdtemp(prefix='status-'))
    (folder / 'journal').mkdir()
    os.environ['IDEVICETRIAGE_JOURNAL_DIR'] = str(folder / 'journal')
    bench = Bench(build, folder, folder / 'mux')
    try:
        bench.start()
        return subprocess.run([pathlib.Path(build) / 'tests/bench/bench_status', bench.socket, str(bench.process.pid)],
                              check=False).returncode
    finally:
        bench.close()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == '__main__':
    sys.exit(main(sys.argv[1]))
