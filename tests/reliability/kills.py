# SPDX-License-Identifier: LGPL-2.1-or-later
"""Kills the daemon with SIGKILL at random instants while restores run, and counts what is lost: BUILD KILLS [SEED].

What counts as kept is what the daemon has answered: the bytes of a log by AppendLog, the end of a restore by EndRun.
Prints a table, and exits with 1 if anything is lost."""
import os
import random
import signal
import sqlite3
import sys
import tempfile
import threading
import time
from contextlib import closing

from proof import show
from daemon import Bench, until

ECID, LINES = '0x00AA334455667788', 20


class Load(threading.Thread):
    """Restores one after the other until the daemon is gone. `lines` and `ended` are what was answered."""

    def __init__(self, bench, lines, ended):
        super().__init__()
        self.bench, self.lines, self.ended = bench, lines, ended

    def run(self):
        try:
            while True:
                self.restore()
        except (OSError, AssertionError):
            return  # it was killed

    def restore(self):
        session = self.bench.call('BeginRun', tool='x', arguments=[], conditions=[], ecid=ECID)['session']
        self.lines[session] = offset = 0
        for number in range(LINES):
            offset = self.bench.call('AppendLog', session=session, offset=offset, text=f'line {number} of {LINES}\n')['offset']
            self.lines[session] = number + 1
        self.bench.call('EndRun', session=session, exitStatus=1)
        self.ended.add(session)


def sealed(bench):
    with closing(sqlite3.connect(f'file:{bench.state}/casebook.db?mode=ro', uri=True)) as book:
        return {row[0].hex() for row in book.execute('SELECT id FROM attempts WHERE ended_us IS NOT NULL')}


def lost_lines(bench, lines):
    return sum(max(0, count - sum(record['kind'] == 'log' for record in bench.read(session)))
               for session, count in lines.items())


def lost_ends(bench, ended):
    return sum(sum(record['kind'] == 'session-end' for record in bench.read(session)) != 1 for session in ended)


def play(bench, kills, chance):
    """Returns the rows of the table: what, how many, how many of them are lost."""
    lines, ended, total = {}, set(), [0, 0, 0]
    known = set()
    bench.start('--ring-size', '1048576')
    for _ in range(kills):
        load = Load(bench, lines, ended)
        load.start()
        time.sleep(chance.uniform(0, 0.1))  # the instant of the kill, not a wait for something
        bench.stop(signal.SIGKILL)
        load.join()
        bench.start('--ring-size', '1048576')
        total[0] += sum(lines.values())
        total[1] += lost_lines(bench, lines)
        total[2] += lost_ends(bench, ended)
        known |= ended
        lines.clear()
        ended.clear()
    wanted = {session.replace('-', '') for session in known}
    until(lambda: wanted <= sealed(bench), 60, 'the seals of all sessions that ended')
    sealed_ones = chance.sample(sorted(known), min(100, len(known)))
    shown = lost_ends(bench, sealed_ones), lost_lines(bench, dict.fromkeys(sealed_ones, LINES))
    with closing(sqlite3.connect(bench.state / 'casebook.db')) as book:
        broken = book.execute('PRAGMA integrity_check').fetchone() != ('ok',)
    return [(f'lines of logs that were answered before {kills} kills', total[0], total[1]),
            ('restores that ended, after the next start', len(known), total[2]),
            ('restores that ended, read from the casebook at the end', len(sealed_ones), shown[0]),
            ('lines of their logs', LINES * len(sealed_ones), shown[1]),
            ('casebooks checked by SQLite', 1, int(broken))]


def main():
    build, kills = sys.argv[1], int(sys.argv[2])
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else random.SystemRandom().randrange(1 << 32)
    print(f'{kills} kills, seed {seed}', flush=True)
    with tempfile.TemporaryDirectory(prefix='triage-') as folder:
        bench = Bench(build, folder, os.path.join(folder, 'mux'))
        try:
            rows = play(bench, kills, random.Random(seed))
        finally:
            bench.close()
    return show(rows, 'the machine keeps running: what the kernel holds is not lost')


sys.exit(main())
