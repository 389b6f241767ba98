# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs tools that write, with their output in a file and under `run`, in turns: BUILD MEGABYTES ROUNDS.

Prints whether the log file has every byte of a long output, and the most memory that `run`, its children and the daemon had for
it. Then the ratio of the tools' own times, and how often the tool lost the processor: those who read its output may not take it
from a tool that computes between its lines."""
import os
import pathlib
import random
import subprocess
import statistics
import sys
import tempfile
import time

from proof import pace, show
from daemon import Bench

LINE = b'x' * 63 + b'\n'
# Writes pieces of some lines, computes after each, and at the end writes the seconds that all this took, and how often another
# process got the processor instead of this one.
TOOL = f"""
import os, resource, sys, time
pieces, lines, work = map(int, sys.argv[1:4])
piece = {LINE!r} * lines
start = time.monotonic()
for _ in range(pieces):
    os.write(1, piece)
    for _ in range(work):
        pass
open(sys.argv[4], 'w').write(f'{{time.monotonic() - start}} {{resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw}}')
"""
PIECE_LINES = 1024
# More lines in a second than a restore tool writes.
CHATTERS = (20000, 1, 800)
WRITES = (8 * 16, PIECE_LINES, 0)
# In 1,000 lines, beyond those of a tool with its output in a file.
INTERRUPTS_MORE = 50
# Memory holds up to a sixteenth of the computer's while the disk is slower than the tool, and the tool is ahead of what gives
# it back.
MEMORY_LIMIT = (os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') // 16) + (64 << 20)


class Tools:
    """Runs tools in a folder."""

    def __init__(self, bench, folder):
        self.bench, self.took, self.log, self.file = bench, folder / 'took', folder / 'log', folder / 'file'

    def command(self, tool):
        return [sys.executable, '-c', TOOL, *map(str, tool), str(self.took)]

    def start(self, tool):
        """Under `run`."""
        return subprocess.Popen(
            [self.bench.build / 'client' / 'idevicetriage', 'run', '--log', self.log, '--', *self.command(tool)],
            env=self.bench.environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def measure(self, tool, under_run):
        """The tool's own time, and its interrupts."""
        if under_run:
            self.start(tool).wait()
            self.log.unlink()
        else:
            with open(self.file, 'wb') as file:
                subprocess.run(self.command(tool), stdout=file, check=True)
            self.file.unlink()
        return [float(number) for number in self.took.read_text().split()]

    def compare(self, tool, rounds):
        """The ratios of the times of all rounds, and the medians of the interrupts, with a file and under `run`."""
        found = {False: [], True: []}
        for _ in range(rounds):
            for form in random.sample((False, True), 2):
                found[form].append(self.measure(tool, form))
        return ([under[0] / alone[0] for alone, under in zip(found[False], found[True])],
                *(statistics.median(each[1] for each in found[form]) for form in (False, True)))


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


def is_whole(log, megabytes):
    whole = log.stat().st_size == megabytes << 20
    with open(log, 'rb') as file:
        while whole and (piece := file.read(len(LINE) * PIECE_LINES)):
            whole = piece == LINE * PIECE_LINES
    return whole


def write(tools, megabytes):
    """The rows of a long output."""
    process, most = tools.start((megabytes * 16, PIECE_LINES, 0)), 0
    while process.poll() is None:
        most = max(most, memory([*family(process.pid), tools.bench.process.pid]))
        time.sleep(0.02)
    whole = is_whole(tools.log, megabytes)
    tools.log.unlink()
    return [('megabytes of output under `run`: exit status, and each byte in the log file', megabytes,
             int(process.returncode != 0) + int(not whole)),
            (f'of these in memory at once, with all processes: {most >> 20} MiB', megabytes, int(most > MEMORY_LIMIT))]


def main():
    build, megabytes, rounds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    with tempfile.TemporaryDirectory(prefix='triage-') as folder:
        folder, bench = pathlib.Path(folder), Bench(build, folder, f'{folder}/mux')
        try:
            bench.start('--ring-size', '1048576')
            tools = Tools(bench, folder)
            rows = write(tools, megabytes)
            beside, lines = 'under `run`; time beside the tool with its output in a file:', CHATTERS[0] / 1000
            ratios, alone, under = tools.compare(CHATTERS, rounds)
            rows.append((f'a tool that computes between its lines, {beside} {pace(ratios)[0]}; interrupted {under / lines:.0f} '
                         f'times in 1,000 lines, with a file {alone / lines:.0f}', rounds,
                         int(under > alone + INTERRUPTS_MORE * lines)))
            ratios, _, _ = tools.compare(WRITES, rounds)
            rows.append((f'a tool that only writes, as fast as it can, {beside} {pace(ratios)[0]}', rounds, 0))
        finally:
            bench.close()
    return show(rows, 'times are not judged; a tool that only writes shares the processors with those who read its output')


sys.exit(main())
