# SPDX-License-Identifier: LGPL-2.1-or-later
"""Damages the files of the daemon and of `hook`, one at a time, and starts the programs on them: BUILD MUTATIONS [SEED].

Each must start or refuse with a sentence, in time, and without growing; the offline command and `hook` too. Prints a table,
and exits with 1 if one crashes, hangs, stays silent or grows."""
import collections
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile

from proof import show
from daemon import Bench, until

ECID = '0x00AA334455667788'
CONFIG = 'bench-name = bench-1\nring-size = 131072\nkeep-records = 30\nphone-query = no\ncasebook-size = 67108864\n'
SECONDS, MEMORY_MIB, STATE_BYTES = 30, 160, 24 << 20
STORES = ('ring', 'casebook.db', 'casebook.db-wal', 'casebook.db-shm')  # damaged more often
# A command that answers, one that refuses, a verdict.
GOOD_EXITS = {0, 1, 2, 3, 4, 10, 11, 20, 30, 40, 41}


def make_state(bench):
    """What a killed daemon leaves: a ring, a casebook with a write-ahead log, the id of the computer, cursors."""
    bench.start('--ring-size', '131072')
    for number in range(12):
        session = bench.call('BeginRun', tool='idevicerestore', arguments=['-e'], conditions=[{'key': 'cable', 'value': 'L07'}],
                             ecid=f'0x00AA33445566{number % 4:04X}', ticket=f'T-{number}')['session']
        text = ''.join(f'line {line} of the restore\n' for line in range(40)) + 'Waiting for NAND (28)\nERROR: Unable to restore\n'
        bench.call('AppendLog', session=session, offset=0, text=text)
        bench.call('EndRun', session=session, exitStatus=1)
    bench.call('AddNote', device='0x00AA334455660000', text='left in the rain')
    bench.call('SetConditions', place='1-2', conditions=[{'key': 'cable', 'value': 'L08'}])
    until(lambda: bench.call('GetStatistics')['attempts'] == 12, what='the seals')
    bench.stop(signal.SIGKILL)
    (bench.state / 'journal-cursor').write_text('s=0123456789abcdef0123456789abcdef;i=1f;b=0;m=1;t=2;x=3\n')
    (bench.folder / 'daemon.conf').write_text(CONFIG)
    (bench.folder / 'hook.cursor').write_text('17\n')


def mutate(data, chance, other):
    """One kind of damage."""
    data = bytearray(data)
    at = chance.randrange(len(data) + 1)
    length = min(len(data) - at, chance.choice((1, 4, 8, 64, 512, 4096, 65536)))
    kind = chance.randrange(9)
    if kind == 0:
        for _ in range(chance.choice((1, 1, 8, 200))):
            if data:
                data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    elif kind == 1:
        data[at:at + length] = chance.randbytes(length)
    elif kind == 2:
        data[at:at + length] = chance.choice((b'\0', b'\xff', b'\x7f')) * length
    elif kind == 3:
        del data[at:]
    elif kind == 4:
        del data[at:at + length]
    elif kind == 5:
        data[at:at] = chance.randbytes(length or 8)
    elif kind == 6:
        data += chance.choice((b'\0', b'\xff', b'9', b'=', b'[')) * chance.choice((1, 100, 4096, 1 << 20))
    elif kind == 7:
        data[at:at + length] = other[at:at + length]
    else:
        data[at:at + length] = data[:length]
    return bytes(data)


class QuickBench(Bench):
    """Notices at once that the daemon has ended."""

    def start(self, *options, name='bench-1', host_id=None):
        self.process = subprocess.Popen(
            [str(self.build / 'daemon/idevicetriaged'), '--socket', str(self.socket), '--state-dir', str(self.state), *options],
            env=self.environment, stderr=self.log, stdin=subprocess.PIPE)

        def answers():
            assert self.process.poll() is None, 'the daemon ended'
            try:
                return 'parameters' in self.call_raw('GetStatus')
            except OSError:
                return False
        until(answers, SECONDS, 'the daemon')
        return self


class Trial:
    """The programs on one damaged copy of the state."""

    def __init__(self, build, base, folder, faults):
        self.base, self.faults = base, faults
        shutil.copytree(base / 'state', folder / 'state')
        for name in ('daemon.conf', 'hook.cursor'):
            shutil.copy(base / name, folder / name)
        self.bench = QuickBench(build, folder, folder / 'mux')
        self.folder = folder

    def files(self):
        return sorted((self.folder / 'state').iterdir()) + [self.folder / 'daemon.conf', self.folder / 'hook.cursor']

    def fault(self, what):
        self.faults.append(what)

    def command(self, *words):
        try:
            result = subprocess.run([str(self.bench.build / 'client/idevicetriage'), *map(str, words)], env=self.bench.environment,
                                    cwd=self.folder, capture_output=True, timeout=SECONDS, stdin=subprocess.DEVNULL)
        except subprocess.TimeoutExpired:
            return self.fault(f'{words} hangs')
        if result.returncode not in GOOD_EXITS:
            self.fault(f'{words} exits with {result.returncode}: {result.stderr[-300:]}')
        elif not result.stdout + result.stderr:
            self.fault(f'{words} says nothing')
        return None

    def daemon(self):
        """Starts it, asks it, and stops it. Returns whether it started."""
        try:
            self.bench.start('--config', str(self.folder / 'daemon.conf'))
        except AssertionError:
            status = self.bench.process.poll()
            if status is None:
                self.fault('the daemon hangs at its start')
            elif status not in (1, 2):
                self.fault(f'the daemon ends with {status} at its start: {self.bench.say()[-300:]}')
            elif not self.bench.say():
                self.fault('the daemon refuses without a sentence')
            return False
        try:
            self.use()
        except (AssertionError, OSError, KeyError) as error:
            self.fault(f'the daemon does not answer: {error!r}, {self.bench.process.poll()}: {self.bench.say()[-300:]}')
        self.bench.stop()
        if self.bench.process.returncode != 0:
            self.fault(f'the daemon ends with {self.bench.process.returncode}: {self.bench.say()[-300:]}')
        return True

    def use(self):
        bench = self.bench
        for method in ('ListSessions', 'ReadLog', 'GetConditions', 'GetStatistics', 'ListChanges'):
            bench.call_raw(method)
        bench.call_raw('GetCase', device='0x00AA334455660000')
        session = bench.call('BeginRun', tool='x', arguments=[], conditions=[], ecid=ECID)['session']
        bench.call('AppendLog', session=session, offset=0, text='Waiting for NAND (28)\nERROR: Unable to restore\n')
        assert bench.call('EndRun', session=session, exitStatus=1)['result']['outcome'] == 'failed'
        with open(f'/proc/{bench.process.pid}/status', encoding='ascii') as status:
            peak = next(int(line.split()[1]) for line in status if line.startswith('VmHWM'))
        if peak > 1024 * MEMORY_MIB:
            self.fault(f'the daemon grew to {peak} KiB')

    def close(self):
        self.bench.close()
        if sum(path.stat().st_size for path in (self.folder / 'state').iterdir() if path.is_file()) > STATE_BYTES:
            self.fault('its folder grew')


def try_one(build, base, chance, faults, counts):
    """Damages one file of a copy."""
    with tempfile.TemporaryDirectory(prefix='triage-') as name:
        trial = Trial(build, base, pathlib.Path(name), faults)
        try:
            files = trial.files()
            path = chance.choice([file for file in files for _ in range(4 if file.name in STORES else 1)])
            other = chance.choice(files)
            path.write_bytes(mutate(path.read_bytes(), chance, other.read_bytes()))
            before = len(faults)
            trial.command('--state-dir', trial.bench.state, chance.choice(('sessions', 'status', 'conditions')))
            trial.command('--state-dir', trial.bench.state, *chance.choice((
                ('diagnose', '0x00AA334455660000'), ('case', '0x00AA334455660001'), ('log', 'T-3'), ('export', '0x00AA334455660002'))))
            if path.name == 'hook.cursor':
                trial.command('hook', '--cursor', path, '--', 'true')
            counts[path.name] += 1
            counts['started'] += trial.daemon()
        finally:
            trial.close()
        for index in range(before, len(faults)):
            faults[index] = f'{path.name}: {faults[index]}'


def main():
    build, number = sys.argv[1], int(sys.argv[2])
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else random.SystemRandom().randrange(1 << 32)
    print(f'{number} mutations, seed {seed}', flush=True)
    chance, faults, counts = random.Random(seed), [], collections.Counter()
    with tempfile.TemporaryDirectory(prefix='triage-') as folder:
        bench = QuickBench(build, folder, os.path.join(folder, 'mux'))
        try:
            make_state(bench)
        finally:
            bench.close()
        for _ in range(number):
            try_one(build, pathlib.Path(folder), chance, faults, counts)
    for fault in faults:
        print(fault, file=sys.stderr)
    started = counts.pop('started')
    rows = [(f'damaged {name}', times, sum(fault.startswith(f'{name}:') for fault in faults))
            for name, times in sorted(counts.items())]
    return show([*rows, ('starts of the daemon on them; it refused the others', started, 0)],
                'one damage each; the computer itself is whole')


sys.exit(main())
