# SPDX-License-Identifier: LGPL-2.1-or-later
"""Cuts the power at recorded instants, and counts what is lost: BUILD CUTS [SEED].

A daemon watches restores while disk_order.c records each of its writes and syncs. Then the disk is rebuilt as a power cut
may leave it: what was synced is there; of the rest each sector of 512 bytes, each length and each name is there or not. The
daemon starts on it. The promise is that of ring.h and casebook_file.h: it always starts, with the files as they are; what a
sync brought to the disk after it was answered is there, as is what the casebook took over from the ring; what was purged
stays purged; no number of a record is used twice. Prints a table, and exits with 1 if any of this fails."""
import bisect
import json
import pathlib
import random
import shutil
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time
from contextlib import closing

from proof import show
from daemon import Bench, until

ECID, OTHER = '0x00AA334455667788', '0x00BB334455667799'
SECRET = 'left-in-the-rain'
RING = 256 << 10
STEP = struct.Struct('<B3xIQQQ')
SECTOR = 512
DAMAGED = 'ring.bad'
QUIET_SECONDS = 2.5  # after which all that was answered is on the disk
# What a sync of each file brings to the disk: a fact that was answered before it began.
FILES = {'ring': 'ring', 'casebook.db-wal': 'casebook'}


def now_us():
    return int(time.monotonic() * 1e6)


class Facts:
    """What the daemon answered, and when: (time, which file has it, check(bench) -> whether it is there). No file: it is on
    the disk before the answer."""

    def __init__(self):
        self.kept, self.numbers, self.sessions = [], [], set()
        self.purged_us, self.quiet_us = None, []
        self.purged = set()

    def keep(self, file, what, check):
        self.kept.append((now_us(), file, what, check))

    def be_quiet(self):
        """After this, all that was answered is on the disk."""
        time.sleep(QUIET_SECONDS)  # the limit itself, not a wait for something
        self.quiet_us.append(now_us())


def line(number):
    return f'line {number} {random.Random(number).randbytes(40).hex()}'


def has_lines(session, count):
    def check(bench):
        texts = [record['text'] for record in bench.read(session) if record['kind'] == 'log' and record['text'].startswith('line')]
        return texts[:count] == [line(number) for number in range(count)]
    return check


def has_end(session):
    return lambda bench: any(record['kind'] == 'session-end' for record in bench.read(session))


def restore(bench, facts, ecid, lines, end=True):
    session = bench.call('BeginRun', tool='x', arguments=[], conditions=[], ecid=ecid, ticket=SECRET if ecid == OTHER else 'T')['session']
    facts.sessions.add(session)
    offset = 0
    for number in range(lines):
        offset = bench.call('AppendLog', session=session, offset=offset, text=line(number) + '\n')['offset']
        if number % 10 == 9 and ecid == ECID:
            facts.keep('ring', 'lines of a log', has_lines(session, number + 1))
    if end:
        bench.call('EndRun', session=session, exitStatus=1)
        if ecid == ECID:
            facts.keep('ring', 'ends of restores', has_end(session))
        else:
            facts.purged.add(session)
    facts.numbers.append((now_us(), bench.call('GetStatus')['lastSequence']))
    return session


def tell(bench, facts, number):
    """What is in the casebook alone."""
    bench.call('AddNote', device=ECID, text=f'note {number}')
    facts.keep('casebook', 'notes', lambda bench: f'note {number}' in json.dumps(bench.call('GetCase', device=ECID)))
    bench.call('SetConditions', place=f'1-{number}', conditions=[{'key': 'cable', 'value': f'L{number}'}])
    facts.keep('casebook', 'conditions', lambda bench: f'"L{number}"' in json.dumps(bench.call('GetConditions', place=f'1-{number}')))
    session = bench.ask('attempt', ECID, '--outcome', 'failed', '--host', f'H{number}')['session']
    facts.sessions.add(session)
    facts.keep('casebook', 'attempts by hand', lambda bench: session in listed(bench))
    return session


def listed(bench):
    found, cursor = [], {}
    while True:
        answer = bench.call('ListSessions', **cursor)
        found += [session['session'] for session in answer['sessions']]
        if 'cursor' not in answer:
            return found
        cursor = {'cursor': answer['cursor']}


def play(bench, facts):
    """A day of a bench: starts, restores that wrap the ring, facts of people, a purge, another size of the ring."""
    # A file that was given up earlier: a purge removes it.
    (bench.state / DAMAGED).write_text(SECRET)
    bench.start('--ring-size', str(RING))
    host = bench.call('GetStatus')['hostId']
    facts.keep(None, 'ids of the computer', lambda bench: bench.call('GetStatus')['hostId'] == host)
    for turn in range(4):
        for _ in range(4):
            restore(bench, facts, ECID, 60)
        restore(bench, facts, OTHER, 20)
        bench.call('AddNote', device=OTHER, text=SECRET)
        tell(bench, facts, turn)
    bench.call('Purge', device=OTHER)
    facts.purged_us = now_us()
    # No record of the ring follows: it is synced nevertheless.
    session = tell(bench, facts, 8)
    time.sleep(QUIET_SECONDS / 2)
    bench.call('AddRecords', session=session, records=[{'sequence': 1, 'kind': 'log', 'source': 'tool', 'text': 'line of an import'}])
    facts.keep('casebook', 'records of an import', lambda bench: 'line of an import' in json.dumps(bench.read(session)))
    facts.be_quiet()
    # A restore that runs is in the ring alone.
    restore(bench, facts, ECID, 10, end=False)
    facts.be_quiet()
    bench.stop()
    bench.start('--ring-size', str(2 * RING))
    for _ in range(8):
        restore(bench, facts, ECID, 60)
    tell(bench, facts, 9)
    restore(bench, facts, ECID, 30, end=False)
    bench.stop(signal.SIGKILL)
    bench.start('--ring-size', str(2 * RING))
    restore(bench, facts, ECID, 30)
    # A ring that was closed cleanly is opened, and the power is cut before its first sync.
    bench.stop()
    bench.start('--ring-size', str(2 * RING))
    restore(bench, facts, ECID, 30)
    bench.stop(signal.SIGKILL)


class File:
    """What a file has on the disk, and the writes that may be lost."""

    def __init__(self):
        self.disk, self.writes, self.gone = bytearray(), [], 0
        self.syncs, self.synced_us = {}, 0

    def begin_sync(self, thread, time_us):
        self.syncs[thread] = (self.gone + len(self.writes), time_us)

    def end_sync(self, thread):
        until_write, time_us = self.syncs.pop(thread)
        count = until_write - self.gone
        for write in self.writes[:max(count, 0)]:
            apply(self.disk, *write)
        if count > 0:
            self.writes, self.gone = self.writes[count:], until_write
        self.synced_us = max(self.synced_us, time_us)

    def after_cut(self, chance, share):
        """`share` of the unsynced sectors are on the disk."""
        if share == 0 or not self.writes:
            return self.disk
        found = bytearray(self.disk)
        for offset, data in self.writes:
            if data is None:
                if share == 1 or chance.random() < share:
                    apply(found, offset, None)
                continue
            at = 0
            while at < len(data):
                end = min(len(data), at + SECTOR - (offset + at) % SECTOR)
                if share == 1 or chance.random() < share:
                    apply(found, offset + at, data[at:end])
                at = end
        return found


def apply(content, offset, data):
    """A write, or with no data a change of the length."""
    length = offset if data is None else offset + len(data)
    if len(content) < length:
        content.extend(bytes(length - len(content)))
    if data is None:
        del content[offset:]
    else:
        content[offset:length] = data


class Disk:
    """The folder: the names that are on the disk, and the changes that may be lost."""

    def __init__(self):
        self.names, self.now, self.changes, self.syncs = {}, {}, [], {}
        self.files = {}
        self.names[DAMAGED] = self.now[DAMAGED] = File()
        self.names[DAMAGED].disk += SECRET.encode()
        self.synced_us = dict.fromkeys(FILES, 0)

    def change(self, *pairs):
        """(name, file or None) of one change."""
        self.changes.append(pairs)
        rename(self.now, pairs)

    def step(self, kind, number, time_us, offset, data):
        if kind in 'CO':
            name = data.decode()
            if kind == 'C':
                self.files[number] = File()
                self.change((name, self.files[number]))
            else:
                self.files[number] = self.now[name]
        elif kind == 'W':
            self.files[number].writes.append((offset, data))
        elif kind == 'T':
            self.files[number].writes.append((offset, None))
        elif kind == 'U':
            self.change((data.decode(), None))
        elif kind == 'R':
            old, new = data.decode().split('/')
            self.change((new, self.now[old]), (old, None))
        elif kind == 'S':
            if number:
                self.files[number].begin_sync(offset, time_us)
            else:
                self.syncs[offset] = len(self.changes)
        elif kind == 'E':
            self.end_sync(number, offset)

    def end_sync(self, number, thread):
        if number:
            self.files[number].end_sync(thread)
        else:
            for pairs in self.changes[:self.syncs[thread]]:
                rename(self.names, pairs)
            self.changes = self.changes[self.syncs.pop(thread):]
        for name in FILES:
            if name in self.names:
                self.synced_us[name] = max(self.synced_us[name], self.names[name].synced_us)

    def after_cut(self, chance, kind):
        """The files as a cut leaves them. `kind`: all writes, none that is not synced, some in each file, or all of some files."""
        share = {'all': lambda: 1, 'none': lambda: 0, 'some': lambda: chance.choice((0.1, 0.5, 0.9)),
                 'files': lambda: chance.choice((0, 1))}[kind]
        names = dict(self.names)
        for pairs in self.changes:
            if chance.random() < {'all': 1, 'none': 0}.get(kind, 0.7):
                rename(names, pairs)
        return {name: file.after_cut(chance, share()) for name, file in names.items()}


def rename(names, pairs):
    for name, file in pairs:
        if file:
            names[name] = file
        else:
            names.pop(name, None)


def read_trace(path):
    data, at, steps = path.read_bytes(), 0, []
    while at + STEP.size <= len(data):
        kind, number, time_us, offset, length = STEP.unpack_from(data, at)
        at += STEP.size
        steps.append((chr(kind), number, time_us, offset, data[at:at + length]))
        at += length
    return steps


class Trial(Bench):
    """A daemon on a disk after a cut; every start is another boot."""

    def __init__(self, build, folder, preload):
        super().__init__(build, folder, folder / 'mux')
        self.boot = folder / 'boot'
        self.preload = preload

    def start_on(self, files, number):
        shutil.rmtree(self.state)
        self.state.mkdir()
        for name, content in files.items():
            (self.state / name).write_bytes(content)
        self.boot.write_text(f'00000000-0000-4000-8000-{number:012x}\n')
        environment = {**self.environment, 'LD_PRELOAD': str(self.preload), 'CUTS_BOOT': str(self.boot)}
        self.log.truncate(0)
        self.process = subprocess.Popen(
            [str(self.build / 'daemon' / 'idevicetriaged'), '--socket', str(self.socket), '--state-dir', str(self.state),
             '--bench-name', 'bench-1', '--ring-size', str(2 * RING)], env=environment, stderr=self.log, stdin=subprocess.DEVNULL)
        until(lambda: self.answers() or self.process.poll() is not None, 30, 'an answer')
        return self.process.poll() is None

    def answers(self):
        with socket.socket(socket.AF_UNIX) as connection:
            return connection.connect_ex(str(self.socket)) == 0


# What the daemon says if it gave up a file.
GIVEN_UP = ('Renamed it', 'Cannot use', 'Cannot store the id')


def faults_of(trial, facts, disk, time_us, files):
    """What is wrong after this cut: texts."""
    wrong = [text for text in GIVEN_UP if text in trial.say()]
    synced_us = {None: time_us, **{FILES[name]: when for name, when in disk.synced_us.items()}}
    checks = {}
    for answered_us, file, what, check in facts.kept:
        if answered_us < synced_us[file]:
            checks.setdefault(what, []).append(check)
    for what, found in checks.items():
        # A later line of the same log says more than an earlier one; all are checked.
        wrong += [f'{what} lost'] * sum(not check(trial) for check in found)
    strangers = set(listed(trial)) - facts.sessions
    if strangers:
        wrong.append('a session that never was')
    seen = [number for at, number in facts.numbers if at <= time_us]
    if seen and not any(record['kind'] == 'bench' for record in trial.call('ReadLog', after=seen[-1])['records']):
        wrong.append('a number used twice')
    if facts.purged_us and time_us > facts.purged_us:
        if set(listed(trial)) & facts.purged:
            wrong.append('a purged session is back')
        wrong += [f'purged text in {name}' for name, content in files.items() if SECRET.encode() in content]
    return wrong


def try_cut(trial, facts, disk, time_us, chance, kind, number):
    files = disk.after_cut(chance, kind)
    if not trial.start_on(files, number):
        return [f'it ended with {trial.process.returncode}']
    try:
        wrong = faults_of(trial, facts, disk, time_us, files)
    except (OSError, AssertionError) as error:
        return [f'no answer: {error}']
    trial.stop()
    if trial.process.returncode != 0:
        wrong.append(f'it stopped with {trial.process.returncode}')
    with closing(sqlite3.connect(trial.state / 'casebook.db')) as book:
        if book.execute('PRAGMA integrity_check').fetchone() != ('ok',):
            wrong.append('a damaged casebook')
    return wrong


KINDS = ('all', 'none', 'some', 'files')


def late(trial, steps, facts, chance, quiet_us):
    """How many answers of the time before a quiet one there were, and how many of them were not on the disk at its end."""
    disk = Disk()
    for step in steps[:bisect.bisect([step[2] for step in steps], quiet_us)]:
        disk.step(*step)
    before = [check for answered_us, _, _, check in facts.kept if answered_us < quiet_us]
    if not trial.start_on(disk.after_cut(chance, 'none'), 0):
        return len(before), len(before)
    lost = sum(not check(trial) for check in before)
    trial.stop()
    return len(before), lost


def choose(steps, cuts, facts, chance):
    """(number of steps, kind of cut), sorted: half of them beside a step that is more than a write."""
    turns = [i + after for i, step in enumerate(steps) if step[0] not in 'WO' for after in (0, 1)]
    # Right after the answer to the purge, where what it wrote last is at stake, and after the last number of a record.
    chosen = [min(bisect.bisect([step[2] for step in steps], at_us) + i // len(KINDS), len(steps))
              for at_us in (facts.purged_us, facts.numbers[-1][0]) for i in range(2 * len(KINDS))]
    chosen += [chance.choice(turns) for _ in range(cuts // 2 - len(chosen))]
    chosen += [chance.randrange(len(steps)) for _ in range(cuts - len(chosen))]
    return sorted((at, KINDS[i % len(KINDS)]) for i, at in enumerate(chosen))


def replay(trial, steps, facts, cuts, chance):
    disk, at, faults, checked = Disk(), 0, {}, 0
    for number, (count, kind) in enumerate(cuts, 1):
        for step in steps[at:count]:
            disk.step(*step)
        at = max(at, count)
        # Right before the next step: what was answered meanwhile counts.
        time_us = steps[at][2] - 1 if at < len(steps) else now_us()
        wrong = try_cut(trial, facts, disk, time_us, chance, kind, number)
        if wrong:
            print(f'cut after step {count} of {len(steps)} ({kind}): {", ".join(sorted(set(wrong)))}', file=sys.stderr)
        faults.setdefault(kind, []).append(bool(wrong))
        checked += sum(answered_us < disk.synced_us[name] for answered_us, file, _, _ in facts.kept
                       for name, kept in FILES.items() if kept == file)
    return faults, checked


NAMES = {'all': 'power cuts after which all that was written is there', 'none': 'power cuts that lost all that was not synced',
         'some': 'power cuts that tore and mixed sectors', 'files': 'power cuts that lost the writes of some files'}


def main():
    build, cuts = pathlib.Path(sys.argv[1]).resolve(), int(sys.argv[2])
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else random.SystemRandom().randrange(1 << 32)
    chance = random.Random(seed)
    preload = build / 'tests' / 'reliability' / 'disk_order.so'
    print(f'{cuts} cuts, seed {seed}', flush=True)
    facts = Facts()
    with tempfile.TemporaryDirectory(prefix='triage-') as folder:
        folder = pathlib.Path(folder)
        (folder / 'day').mkdir()
        (folder / 'trial').mkdir()
        bench = Bench(build, folder / 'day', folder / 'mux')
        bench.wrapper = ['env', f'LD_PRELOAD={preload}', f'CUTS_TRACE={folder}/trace', f'CUTS_FOLDER={bench.state}']
        try:
            play(bench, facts)
        finally:
            bench.close()
        steps = read_trace(folder / 'trace')
        trial = Trial(build, folder / 'trial', preload)
        try:
            faults, checked = replay(trial, steps, facts, choose(steps, cuts, facts, chance), chance)
            quiet = [late(trial, steps, facts, chance, quiet_us) for quiet_us in facts.quiet_us]
        finally:
            trial.close()
    rows = [(NAMES[kind], len(faults[kind]), sum(faults[kind])) for kind in KINDS if kind in faults]
    rows.append((f'answers that were synced {QUIET_SECONDS} s after the last one', *map(sum, zip(*quiet))))
    print(f'{checked} facts checked', flush=True)
    return show(rows, f'instants among {len(steps)} recorded steps of one day; sectors of 512 bytes; a disk that keeps what it synced')


sys.exit(main())
