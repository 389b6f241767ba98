# SPDX-License-Identifier: LGPL-2.1-or-later
"""A busy bench's day through the real daemon, as fast as it goes: BUILD SESSIONS. Phones come, fail to restore and leave,
people ask and add notes. Neither the file descriptors nor the threads may grow, nor, beyond the sessions that the bench
remembers, the memory. Prints a table."""
import pathlib
import random
import sys
import tempfile

from proof import TESTS, show
from daemon import Bench, own_kib, until

sys.path.insert(0, str(TESTS / 'phone'))
import simphone  # noqa: E402
from test_api import Peer  # noqa: E402

PHONES, SAMPLES = 200, 40
# The bench keeps its newest sessions in memory: common/model/bench.c.
REMEMBERED, SESSION_KIB, GROWTH_KIB = 1024, 36, 512
SEAL_SECONDS = 600  # on a busy computer
LOG = ['idevicerestore 1.0.0', 'Entering restore mode...', 'About to restore device... ', 'Creating partition map (11)',
       'Creating filesystem (12)', 'Waiting for NAND (28)', 'ERROR: Unable to successfully restore device']


def count(pid, folder):
    return len(list(pathlib.Path(f'/proc/{pid}/{folder}').iterdir()))


class Day:
    def __init__(self, bench, simulator):
        self.bench, self.simulator, self.chance = bench, simulator, random.Random(1)
        self.peer = Peer(bench.socket, 60)
        self.refused = 0
        self.cursor, self.in_casebook = None, set()

    def ask(self, method, **parameters):
        answer = self.peer.call(method, parameters)
        self.refused += 'error' in answer
        return answer['parameters']

    def session(self, number):
        ecid = f'0x{0x1000 + number % PHONES:016X}'
        if number % 5 == 0:
            self.simulator.mux.attach(self.simulator.phone)
        conditions = [{'key': 'cable', 'value': f'L{number % 7}'}]
        session = self.ask('BeginRun', tool='idevicerestore', arguments=['-e', 'x.ipsw'], conditions=conditions, ecid=ecid,
                           ticket=f'T-{number}', port=f'1-{number % 4 + 1}')['session']
        offset = 0
        for line in LOG * 2:
            offset = self.ask('AppendLog', session=session, offset=offset, text=f'{line}\n')['offset']
        self.ask('EndRun', session=session, exitStatus=1 if number % 3 else 0)
        if number % 5 == 0:
            self.simulator.mux.detach(self.simulator.phone)
        if number % 10 == 0:
            self.people(ecid, session)

    def people(self, ecid, session):
        self.ask('AddNote', device=ecid, text='the screen is broken')
        self.ask('SetConditions', place=ecid, conditions=[{'key': 'display', 'value': self.chance.choice(['connected', 'disconnected'])}])
        for method, parameters in (('Diagnose', {'device': ecid}), ('GetCase', {'device': ecid}), ('ListSessions', {}),
                                   ('ReadLog', {'session': session}), ('GetStatistics', {'by': 'cable'}), ('GetStatus', {})):
            self.ask(method, **parameters)
        with_own = Peer(self.bench.socket, 60)  # a command of its own
        with_own.ask('ListDevices')
        with_own.socket.close()

    def sealed(self):
        """The sessions of the casebook: those that it told before, and those of the next page of changes."""
        page = self.ask('ListChanges', **({'cursor': self.cursor} if self.cursor else {}))
        self.cursor = page['cursor']
        self.in_casebook.update(page['sessions'])
        return len(self.in_casebook)


def growth(samples):
    """From the second to the last quarter."""
    quarter = len(samples) // 4
    return sum(samples[-quarter:]) / quarter - sum(samples[quarter:2 * quarter]) / quarter


def remembered_kib(sessions):
    return min(sessions, REMEMBERED) * SESSION_KIB


def play(bench, simulator, sessions):
    pid, memory, beyond, fds, threads = bench.process.pid, [], [], [], []
    day = Day(bench, simulator)
    for number in range(sessions):
        day.session(number)
        if (number + 1) % max(1, sessions // SAMPLES) == 0:
            until(lambda: day.sealed() >= number + 1, SEAL_SECONDS, 'the seals')
            memory.append(own_kib(pid))
            beyond.append(memory[-1] - remembered_kib(number + 1))
            fds.append(count(pid, 'fd'))
            threads.append(count(pid, 'task'))
    return [(f'sessions of a busy bench: {memory[-1]} KiB of memory, {growth(memory):+.0f} KiB from the second to the last '
             'quarter', sessions, int(growth(beyond) > GROWTH_KIB)),
            (f'samples of {max(fds)} file descriptors', len(fds), int(growth(fds) >= 1)),
            (f'samples of {max(threads)} threads', len(threads), int(growth(threads) >= 1)),
            ('sessions sealed, calls refused', day.sealed(), day.refused)]


def main():
    build, sessions = pathlib.Path(sys.argv[1]).resolve(), int(sys.argv[2])
    with tempfile.TemporaryDirectory(prefix='triage-') as folder:
        bench = Bench(build, folder, pathlib.Path(folder) / 'mux')
        simulator = simphone.Simulator(bench.folder / 'mux', 'success')
        simulator.start()
        try:
            bench.start('--ring-size', '1048576')
            rows = play(bench, simulator, sessions)
        finally:
            bench.close()
            simulator.stop()
    return show(rows, 'the day is as long as the daemon needs for it')


sys.exit(main())
