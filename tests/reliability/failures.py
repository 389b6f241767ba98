# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes the n-th allocation, write, sync, open, mapping or read fail, in each request of the daemon and in each command:
BUILD COUNT [--each] [--seed SEED] [--only NAME...]. COUNT: how many calls fail for each request, each in a request of its
own: allocations, and any others; `--each`: of every kind, once and from then on.

A request must be refused, or the process must end with a sentence and a status. No signal, no hang, no answer that looks
complete and is not; and what was answered before is there after the next start. Prints a table, and each fault to stderr."""
import argparse
import json
import mmap
import pathlib
import random
import re
import resource
import shutil
import signal
import struct
import subprocess
import sys
import tempfile

from proof import TESTS, show
from daemon import until
from traffic import ANSWER_SECONDS, ECID, OTHER, REQUESTS, Traffic
import ipsw
import models

# In the order of fault.c.
KINDS = ['memory', 'write', 'short', 'sync', 'open', 'map', 'read']
WORDS = {'memory': 'allocations', 'write': 'writes', 'short': 'writes cut short', 'sync': 'syncs to disk',
         'open': 'new file descriptors', 'map': 'new mappings, threads and processes',
         'read': 'reads of files', 'output': 'bytes of output'}
LAYOUT = struct.Struct(f'<{4 + len(KINDS)}Q')
LOG = f'idevicerestore 1.0.0\nECID: {int(OTHER, 16)}\nWaiting for NAND (28)\nERROR: Unable to restore device\n'
TOOL_STATUS, CANNOT_START = 7, (126, 127)


class Control:
    """What is to fail, shared with the processes under test."""

    def __init__(self, path):
        self.path = path
        path.write_bytes(bytes(LAYOUT.size))
        with path.open('r+b') as file:
            self.memory = mmap.mmap(file.fileno(), LAYOUT.size)

    def arm(self, kind, nth, for_ever):
        self.memory[:] = LAYOUT.pack(KINDS.index(kind), 0, for_ever, *[0] * len(KINDS), 0)
        self.memory[8:16] = struct.pack('<Q', nth)

    def disarm(self):
        self.memory[8:16] = bytes(8)

    def calls(self):
        return dict(zip(KINDS, LAYOUT.unpack(self.memory)[3:-1]))


class Faulty(Traffic):
    """A bench whose daemon fails as the control says."""

    def __init__(self, build, folder):
        super().__init__(build, folder)
        self.control, self.command_control = Control(folder / 'control'), Control(folder / 'command-control')

    def boot(self, ready=None):
        """Starts the daemon, and waits until it answers, or ready(), or it ends."""
        self.process = subprocess.Popen(
            [str(self.build / 'daemon/idevicetriaged'), '--socket', str(self.socket), '--state-dir', str(self.state),
             '--bench-name', 'bench-1', '--ring-size', '1048576'], stderr=self.log, stdin=subprocess.DEVNULL,
            env=self.faulty('idevicetriaged', self.control))
        until(lambda: self.ended_by_itself() or (ready or self.answers)(), ANSWER_SECONDS, 'the start')

    def faulty(self, program, control):
        """The environment in which a program fails as the control says."""
        return {**self.environment, 'LD_PRELOAD': str(self.build / 'tests/reliability/fault.so'),
                'FAULT_PROGRAM': program, 'FAULT_CONTROL': str(control.path)}


# -- the commands ------------------------------------------------------------------------------------

def commands(bench):
    """Each command, with what has to be there before it; `True`: also without a daemon."""
    log, panic, firmware, report = (bench.folder / name for name in ('restore.log', 'panic.ips', 'firmware.ipsw', 'report.html'))
    log.write_text(LOG)
    panic.write_text((TESTS / 'fuzz/corpus/panic/heat-watch.ips').read_text())
    ipsw.build(firmware, models.DEFAULT_MODEL)
    tool = f'touch {bench.folder}/began; echo "Waiting for NAND (28)"; echo "ERROR: Unable to restore device"; ' \
           f'touch {bench.folder}/done; exit {TOOL_STATUS}'
    note = ['note', OTHER, 'broken']
    for words, before, offline in (
            (['status'], None, True), (['sessions'], None, True), (['log', bench.sealed], None, True),
            (['diagnose', ECID], None, True), (['diagnose', bench.sealed], None, True), (['case', ECID], None, True),
            (['report', ECID, '-o', report], None, True), (['explain', '4013'], None, False), (['conditions'], None, True),
            (['conditions', '1-2', '--cable', 'L07'], None, False), (['note', ECID, 'wet'], None, False),
            (['attempt', OTHER, '--outcome', 'failed', '--error', '4013'], None, False),
            (['run', '--ecid', ECID, '--', 'sh', '-c', tool], None, False),
            (['import', log], None, False), (['import', '--dry-run', log], None, False), (['diagnose', '--log', log], None, False),
            (['export', ECID], None, True), (['export', '--all'], None, True), (['purge', '--yes', OTHER], note, False),
            (['stats'], None, True), (['metrics'], None, False), (['doctor'], None, False), (['panics', '--file', panic], None, False),
            (['check-firmware', firmware], None, False), (['help', 'run'], None, False)):
        yield words, before, False
        if offline:
            yield words, before, True


class Command:
    """A command of the list, and what it prints and ends with if nothing fails."""

    def __init__(self, bench, words, before, offline, json_wanted):
        self.bench, self.control, self.before, self.is_run = bench, bench.command_control, before, words[0] == 'run'
        self.checks, self.is_json = words[0] in ('doctor', 'check-firmware'), json_wanted
        self.line = [str(bench.build / 'client/idevicetriage'), *(['--json'] if json_wanted else []),
                     *(['--socket', bench.folder / 'nowhere', '--state-dir', bench.copy] if offline else []), *words]
        self.name = f'{"--json " if json_wanted else ""}{" ".join(map(str, words[:2]))}{", offline" if offline else ""}'
        self.run('memory', 0, False)  # the first import is not the second one
        self.status, self.output, _ = self.run('memory', 0, False)
        self.calls = {**self.control.calls(), 'output': len(self.output)}

    def run(self, kind, nth, for_ever, limit=None):
        """Returns the status, what was printed, and the errors. `limit`: so many bytes of a file can be written."""
        bench = self.bench
        if self.before:
            bench.triage(*self.before)
        for name in ('began', 'done'):
            (bench.folder / name).unlink(missing_ok=True)
        self.control.arm(kind, nth, for_ever)
        with tempfile.TemporaryFile(dir=bench.folder) as output:
            result = subprocess.run(
                list(map(str, self.line)), stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.PIPE, cwd=bench.folder,
                timeout=ANSWER_SECONDS, check=False, preexec_fn=None if limit is None else lambda: limit_files(limit),
                env=bench.faulty('idevicetriage', self.control))
            self.control.disarm()
            output.seek(0)
            return result.returncode, output.read(), result.stderr.decode(errors='replace')

    def problems(self, status, output, errors):
        if self.is_run and (self.bench.folder / 'began').exists():
            until((self.bench.folder / 'done').exists, 5, 'the end of the tool')
        if status < 0:
            yield f'ended with {status}: {errors[-300:]}'
        elif status != self.status and status not in (1, 2, 3, 4, *CANNOT_START):
            yield f'ended with {status} instead of {self.status}: {errors[-300:]}'
        elif status != self.status and not errors:
            yield f'failed with {status} and without a sentence'
        elif status == self.status and not self.is_complete(output, errors):
            yield f'ended with {status}, and printed {output[-300:]} instead of {self.output[-300:]}: {errors[-300:]}'


    def is_complete(self, output, errors):
        if self.checks:  # a check that could not be made is one of its findings
            return is_json(output) or bool(errors) if self.is_json else bool(output or errors)
        # An offline answer without one of the two files says so.
        return self.is_run or shape(output) == shape(self.output) or 'are missing.' in errors


def is_json(output):
    try:
        return bool(json.loads(output))
    except ValueError:
        return False


def limit_files(size):
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def shape(output):
    """What it prints each time."""
    return re.sub(rb'[0-9a-f-]{8,}|\d+', b'#', output)


def differs(request, answer, good):
    """Whether an answer lacks a part of the good one. Writing requests answer with what others have changed."""
    if 'incomplete' in answer['parameters']:
        return False
    if getattr(request, 'exact', False):
        return shape(json.dumps(answer).encode()) != shape(json.dumps(good).encode())
    return answer['parameters'].keys() != good.get('parameters', {}).keys()


# -- the life of the daemon: it runs before --------------------------------------------------------

def start(bench, kind, nth, for_ever):
    bench.stop()
    said = len(bench.say())
    bench.control.arm(kind, nth, for_ever)
    bench.boot(lambda: 'watches as bench-1' in bench.say()[said:])


def stop(bench, kind, nth, for_ever):
    bench.control.arm(kind, nth, for_ever)
    bench.stop()


class Prover:
    """Counts what was tried and what went wrong."""

    def __init__(self, bench, wanted):
        self.bench, self.count, self.each, self.chance = bench, wanted.count, wanted.each, random.Random(wanted.seed)
        self.rows, self.seed = {}, wanted.seed

    def row(self, where, kind):
        return self.rows.setdefault((where, kind), [0, 0])

    def fault(self, where, kind, text):
        self.row(where, kind)[1] += 1
        print(f'FAULT with seed {self.seed}, {where} {kind}: {text}', file=sys.stderr, flush=True)

    def failures(self, calls):
        """Which calls are to fail: kind, number, and whether all later ones fail too."""
        kinds = [(kind, for_ever) for kind in calls if calls[kind]
                 for for_ever in ((False,) if kind in ('memory', 'output') else (False, True))]
        if not self.each:
            kinds = [*kinds[:1], self.chance.choice(kinds)]
        for kind, for_ever in kinds:
            for nth in self.chance.sample(range(1, calls[kind] + 1), min(self.count, calls[kind])):
                yield kind, nth, for_ever

    def prove_request(self, name, request):
        reference, calls = self.play(request, 'memory', 0, False)
        for failure in self.failures(calls):
            self.try_request(name, request, *failure, reference)

    def play(self, request, kind, nth, for_ever):
        steps = request(self.bench)
        next(steps)
        self.bench.connect()
        self.bench.control.arm(kind, nth, for_ever)
        try:
            return [answer for answer in steps], self.bench.control.calls()
        finally:
            self.bench.control.disarm()

    def try_request(self, name, request, kind, nth, for_ever, reference):
        bench, what = self.bench, f'{name}, the {nth}th{" and all later" if for_ever else ""}'
        self.row('daemon', kind)[0] += 1
        said = len(bench.say())
        try:
            answers, _ = self.play(request, kind, nth, for_ever)
        except TimeoutError:
            self.fault('daemon', kind, f'{what}: hangs')
            answers = []
        for answer, good in zip(answers, reference):
            if answer and 'error' not in answer and differs(request, answer, good):
                self.fault('daemon', kind, f'{what}: answered {answer} instead of {good}')
        for problem in self.problems(bench.say()[said:]):
            self.fault('daemon', kind, f'{what}: {problem}')

    def prove_life(self):
        """The start and the end of the daemon."""
        for name, live in (('start', start), ('stop', stop)):
            live(self.bench, 'memory', 0, False)
            calls = self.bench.control.calls()
            if self.bench.ended_by_itself():
                self.bench.boot()
            for failure in self.failures(calls):
                self.try_life(name, live, *failure)

    def try_life(self, name, live, kind, nth, for_ever):
        bench, what = self.bench, f'{name}, the {nth}th{" and all later" if for_ever else ""}'
        self.row('daemon', kind)[0] += 1
        bench.connect()
        session = bench.whole_session()
        said = len(bench.say())
        try:
            live(bench, kind, nth, for_ever)
        except subprocess.TimeoutExpired:
            self.fault('daemon', kind, f'{what}: does not end')
            bench.stop(signal.SIGKILL)
        bench.control.disarm()
        said = bench.say()[said:]
        if name == 'start' and not bench.ended_by_itself():
            bench.stop()
        if bench.process.returncode not in (0, 1, 2) or (bench.process.returncode and not said):
            self.fault('daemon', kind, f'{what}: ended with {bench.process.returncode}: {said[-300:]}')
        bench.boot()
        for problem in bench.lost():
            self.fault('daemon', kind, f'{what}: {problem}')
        bench.connect()
        until(lambda: bench.is_sealed(session), what='the seal')

    def problems(self, said):
        bench = self.bench
        try:
            until(lambda: bench.ended_by_itself() or bench.answers(), 10, 'an answer')
        except AssertionError:
            yield 'does not answer any more'
            bench.stop(signal.SIGKILL)
        if bench.ended_by_itself():
            if bench.process.returncode != 1:
                yield f'ended with {bench.process.returncode}: {said[-300:]}'
            elif 'memory' not in said:
                yield f'ended without a sentence: {said[-300:]}'
            bench.boot()
            if bench.ended_by_itself():
                yield 'does not start again'
                return
        bench.connect()
        yield from bench.lost()
        bench.end_all()


    def prove_command(self, command):
        for failure in self.failures(command.calls):
            self.try_command(command, *failure)
        if command.is_run:  # what a run that failed has left open would end minutes later, as lost
            self.bench.connect()
            self.bench.end_all()

    def try_command(self, command, kind, nth, for_ever):
        what = f'{command.name}, the {nth}th{" and all later" if for_ever else ""}'
        self.row('command', kind)[0] += 1
        try:
            if kind == 'output':
                outcome = command.run('memory', 0, False, nth - 1)
            else:
                outcome = command.run(kind, nth, for_ever)
        except subprocess.TimeoutExpired:
            self.fault('command', kind, f'{what}: hangs')
            return
        for problem in command.problems(*outcome):
            self.fault('command', kind, f'{what}: {problem}')


def prove_commands(bench, prover, names):
    """The offline ones read a copy of the daemon's folder."""
    bench.copy = bench.folder / 'copy'
    bench.stop()
    shutil.copytree(bench.state, bench.copy)
    bench.boot()
    for words, before, offline in commands(bench):
        for json_wanted in (False, True):
            if not names or words[0] in names:
                prover.prove_command(Command(bench, words, before, offline, json_wanted))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('build', type=lambda path: pathlib.Path(path).resolve())
    parser.add_argument('count', type=int)
    parser.add_argument('--each', action='store_true')
    parser.add_argument('--seed', type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument('--only', nargs='+', default=[])
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix='triage-') as folder:
        bench = Faulty(wanted.build, pathlib.Path(folder))
        try:
            bench.boot()
            bench.prepare()
            prover = Prover(bench, wanted)
            for name, request in REQUESTS.items():
                if not wanted.only or name in wanted.only:
                    prover.prove_request(name, request)
            if not wanted.only or 'life' in wanted.only:
                prover.prove_life()
            prove_commands(bench, prover, wanted.only)
        finally:
            bench.close()
    rows = [(f'{where}: failed {WORDS[kind]}', *counts) for (where, kind), counts in prover.rows.items()]
    return show(rows, 'calls inside the C library do not fail')


sys.exit(main())
