# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs a tool that writes MEGABYTES as fast as it can, once with its output in a file and once under `run`: BUILD MEGABYTES.

Prints the ratio of the tool's own times, the most memory that `run`, its children and the daemon had, and whether the log file
has every byte."""
import os
import pathlib
import subprocess
import sys
import tempfile
import time

from proof import show
from daemon import Bench

LINE = b'x' * 63 + b'\n'
# Writes the lines in pieces of 64 KB, and at the end the seconds that this took.
TOOL = f"""
import os, sys, time
start = time.monotonic()
for _ in range(int(sys.argv[1]) * 16):
    os.write(1, {LINE!r} * 1024)
open(sys.argv[2], 'w').write(str(time.monotonic() - start))
"""
# Memory holds up to 256 MiB of a log while the disk is slower than the tool, and the tool is ahead of what gives it back.
MEMORY_LIMIT = 320 << 20


def tool(megabytes, ended):
    return [sys.executable, '-c', TOOL, str(megabytes), str(ended)]


def family(pid):
    """The process and its children."""
    try:
        children = pathlib.Path(f'/proc/{pid}/task/{pid}/children').read_text().split()
    except OSError:
        return [pid]
    return [pid] + [each for child in children for each in family(child)]


def memory(pids):
    """The bytes of the processes' own pages, and of the memory that is the tool's output."""
    total, output = 0, 0
    for pid in pids:
        try:
            rollup = pathlib.Path(f'/proc/{pid}/smaps_rollup').read_text()
            total += sum(int(line.split()[1]) << 10 for line in rollup.splitlines() if line.startswith('Private'))
            if 'memfd' in os.readlink(f'/proc/{pid}/fd/1'):
                output = os.stat(f'/proc/{pid}/fd/1').st_blocks * 512
        except OSError:
            pass
    return total + output


def main():
    build, megabytes = sys.argv[1], int(sys.argv[2])
    with tempfile.TemporaryDirectory(prefix='triage-') as folder:
        folder, bench = pathlib.Path(folder), Bench(build, folder, f'{folder}/mux')
        alone, under, log = folder / 'alone', folder / 'under', folder / 'log'
        with open(folder / 'file', 'wb') as file:
            subprocess.run(tool(megabytes, alone), stdout=file, check=True)
        os.unlink(folder / 'file')
        try:
            bench.start('--ring-size', '1048576')
            process = subprocess.Popen(
                [bench.build / 'client' / 'idevicetriage', 'run', '--log', log, '--', *tool(megabytes, under)],
                env=bench.environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            most = 0
            while process.poll() is None:
                most = max(most, memory([*family(process.pid), bench.process.pid]))
                time.sleep(0.02)
            ratio = float(under.read_text()) / float(alone.read_text())
        finally:
            bench.close()
        whole = log.stat().st_size == megabytes << 20
        with open(log, 'rb') as file:
            while whole and (piece := file.read(len(LINE) * 1024)):
                whole = piece == LINE * 1024
    return show([(f'megabytes of output under `run`: exit status, and each byte in the log file; the tool took {ratio:.2f} of '
                  'its time with a file', megabytes, int(process.returncode != 0) + int(not whole)),
                 (f'of these in memory at once, with all processes: {most >> 20} MiB', megabytes, int(most > MEMORY_LIMIT))],
                'one tool that computes nothing; time and memory are of this run')


sys.exit(main())
