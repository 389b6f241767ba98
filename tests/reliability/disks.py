# SPDX-License-Identifier: LGPL-2.1-or-later
"""Lets each file fail, the clock leap and the computer sleep while restores run, and counts what is lost or absurd: BUILD ROUNDS [SEED].

A file fails in every call: at the start, or from some instant until it is repaired. The daemon must answer all the time; what
it answered must be there while the file fails, after it is repaired, and after the next start, if the file was repaired
before the stop. The command must end with an error or an answer, never with a signal. Prints a table, and exits with 1 if
any of this fails."""
import errno
import pathlib
import random
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing

from proof import show
from daemon import Bench, until
from faults import Faults

ECID = '0x00AA334455667788'
RING = 256 << 10
# The files of the daemon, by the end of their names, and those that the command reads without it.
FILES = ('/ring', '/ring.lock', '/casebook.db', '/casebook.db-wal', '/casebook.db-shm', '/casebook.db.reserve', '/host-id')
READ = ('/ring', '/casebook.db', '/casebook.db-wal', '/casebook.db-shm', '/host-id')
ERRORS = (errno.ENOSPC, errno.EROFS, errno.EIO, errno.EMFILE)
YEAR_US, DAY_US = 365 * 86400 * 1000000, 86400 * 1000000
RESTORING = 'Found device in Restore mode\nCreating filesystem (12)\n'
ABSURD_US = 3600 * 1000000  # no restore of this proof lasts so long


class Failing(Bench):
    """A daemon, and a command, whose files may fail."""

    def __init__(self, build, folder):
        self.faults = Faults(build, folder)
        super().__init__(build, folder, folder / 'mux', self.faults.wrapper)

    def begin(self):
        return self.start('--ring-size', str(RING))

    def command(self, *arguments):
        return subprocess.run([*self.wrapper, str(self.build / 'client' / 'idevicetriage'), *arguments], env=self.environment,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)


def restore(bench):
    session = bench.call('BeginRun', tool='x', arguments=[], conditions=[], ecid=ECID)['session']
    offset = 0
    for number in range(5):
        offset = bench.call('AppendLog', session=session, offset=offset, text=f'line {number}\n')['offset']
    bench.call('EndRun', session=session, exitStatus=1)
    return session


def is_whole(bench, session):
    records = bench.call('ReadLog', session=session).get('records', [])
    return sum(record['kind'] == 'log' for record in records) == 5 and any(record['kind'] == 'session-end' for record in records)


def listed(bench, **limit):
    """All sessions, read page by page."""
    found, cursor = [], {}
    while True:
        answer = bench.call('ListSessions', **limit, **cursor)
        found += answer['sessions']
        if 'cursor' not in answer:
            return found
        cursor = {'cursor': answer['cursor']}


def sealed(bench):
    with closing(sqlite3.connect(f'file:{bench.state}/casebook.db?mode=ro', uri=True)) as book:
        return {row[0].hex() for row in book.execute('SELECT id FROM attempts')}


def lost(bench, sessions):
    known = [session['session'] for session in listed(bench)]
    return sum(known.count(session) != 1 or not is_whole(bench, session) for session in sessions)


def fail_while_running(bench, name, error):
    """Returns how many sessions were lost, and whether the daemon ended."""
    before = [restore(bench), restore(bench)]
    bench.faults.set(name, error)
    bench.triage('note', ECID, 'a note that may be refused', check=False)
    during = [restore(bench), restore(bench)]
    # Two turns of the timers that sync, seal and repair.
    until(lambda: bench.faults.failed() > 0 or error == errno.EMFILE or name in QUIET, 5, f'a failure of {name}')
    wrong = lost(bench, before + during)
    bench.faults.set()
    after = [restore(bench)]
    wanted = {session.replace('-', '') for session in before + during + after}
    until(lambda: wanted <= sealed(bench), 30, 'the seals')
    wrong += lost(bench, before + during + after)
    bench.stop()
    wrong += bench.process.returncode != 0
    bench.begin()
    return wrong + lost(bench, before + during + after)


# Files that a running daemon does not touch.
QUIET = ('/ring.lock', '/host-id', '/casebook.db.reserve', '/casebook.db', '/casebook.db-shm', '/ring')


def fail_at_start(bench, name, error):
    """What cannot be read at the start is there at the next one."""
    sessions = [restore(bench)]
    host = bench.call('GetStatus')['hostId']
    wanted = {session.replace('-', '') for session in sessions}
    until(lambda: wanted <= sealed(bench), 30, 'the seal')
    bench.stop()
    bench.faults.set(name, error)
    try:
        bench.begin()
        bench.call('GetStatus')
    except (OSError, AssertionError):
        # It may refuse to start, with a reason, and leaves all as it is.
        if bench.process.poll() is None or bench.process.returncode < 0:
            return 1
    bench.stop()
    bench.faults.set()
    bench.begin()
    return lost(bench, sessions) + (bench.call('GetStatus')['hostId'] != host)


def fail_commands(bench, name, error):
    """Commands without a daemon."""
    wrong = 0
    session = restore(bench)
    bench.stop()
    bench.faults.set(name, error)
    for arguments in (['sessions'], ['log', session], ['case', ECID], ['diagnose', ECID], ['--json', 'status'], ['stats']):
        result = bench.command(*arguments)
        wrong += result.returncode < 0 or not (result.stdout or result.stderr)
    bench.faults.set()
    bench.begin()
    return wrong + lost(bench, [session])


def count(bench, fault, files):
    tried = wrong = 0
    for name in files:
        for error in ERRORS:
            bad = fault(bench, name, error)
            if bad:
                print(f'{fault.__name__} {name} {errno.errorcode[error]}: {bad}', file=sys.stderr)
            tried, wrong = tried + 1, wrong + bool(bad)
    return tried, wrong


def numbers(value):
    """All durations of an answer."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if isinstance(inner, int) and key.endswith(('silentUSec', 'budgetUSec', 'durationUSec', 'Milliseconds')):
                yield inner
            yield from numbers(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from numbers(inner)


def absurd(bench):
    """Sessions that lasted a negative time or for hours; texts that speak of days."""
    wrong = 0
    for session in listed(bench):
        if 'endedUSec' in session:
            wrong += not 0 <= session['endedUSec'] - session['startedUSec'] < ABSURD_US
        wrong += any(not 0 <= number < 100 * ABSURD_US for number in numbers(session))
    return wrong


def leap(bench, wall_us, chance):
    """The clock is wrong from somewhere in a restore to somewhere in another one."""
    bench.faults.clock()
    sessions = [restore(bench)]
    open_session = bench.call('BeginRun', tool='x', arguments=[], conditions=[], ecid=ECID)['session']
    offset = 0
    for number in range(5):
        if number == chance.randrange(5):
            bench.faults.clock(wall_us)
        offset = bench.call('AppendLog', session=open_session, offset=offset, text=f'line {number}\n')['offset']
    bench.faults.clock(wall_us)
    bench.call('EndRun', session=open_session, exitStatus=1)
    sessions += [open_session, restore(bench)]
    bench.call('Diagnose', device=ECID)
    # Retention looks at the clock at each start.
    if chance.random() < 0.5:
        bench.stop()
        bench.begin()
        sessions.append(restore(bench))
    bench.faults.clock()
    sessions.append(restore(bench))
    wrong = lost(bench, sessions) + absurd(bench)
    pages = [session['session'] for session in listed(bench, limit=1)]
    wrong += sum(pages.count(session) != 1 for session in sessions)
    bench.stop()
    bench.begin()
    return wrong + lost(bench, sessions) + absurd(bench)


def leaps(bench, rounds, chance):
    faults = []
    for _ in range(rounds):
        for wall_us in (YEAR_US, -YEAR_US, 60 * 1000000, -60 * 1000000):
            faults.append(leap(bench, wall_us, chance))
    return len(faults), sum(map(bool, faults))


def only(bench, session):
    return next(found for found in listed(bench) if found['session'] == session)


def is_patient(session):
    """A restore runs, and the phone still has time to report something."""
    return 'endedUSec' not in session and session['health']['silences'] == 0 and 0 <= session['silentUSec'] < session['budgetUSec']


def sleep(bench, asleep_us):
    """The computer sleeps in a restore, longer than any wait may last."""
    bench.faults.clock()
    session = bench.call('BeginRun', tool='idevicerestore', arguments=[], conditions=[], ecid=ECID)['session']
    offset = bench.call('AppendLog', session=session, offset=0, text=RESTORING)['offset']
    before = only(bench, session)
    # Otherwise this proof would show nothing.
    assert before['budget'] == 'restored-silence' and before['budgetUSec'] < asleep_us, before
    wrong = not is_patient(before)
    bench.faults.clock(0, asleep_us)
    # The tool's own line is no sign of life of the phone, but lets the daemon look at its waits.
    offset = bench.call('AppendLog', session=session, offset=offset, text='No data to read (timeout)\n')['offset']
    wrong += not is_patient(only(bench, session))
    bench.call('AppendLog', session=session, offset=offset, text='\n'.join(f'line {number}' for number in range(5)) + '\n')
    wrong += not is_patient(only(bench, session))
    bench.call('EndRun', session=session, exitStatus=1)
    records = bench.call('ReadLog', session=session)['records']
    wrong += any(record['kind'] == 'silence' for record in records)
    wrong += sum(f'line {number}' in [record.get('text') for record in records] for number in range(5)) != 5
    verdict = bench.call('Diagnose', session=session)['verdict']
    wrong += bool(verdict['silences'])
    for _ in range(2):
        ended = only(bench, session)
        # The time of day at its end is true.
        wrong += not asleep_us <= ended['endedUSec'] - ended['startedUSec'] < asleep_us + ABSURD_US
        wrong += any(not 0 <= number < asleep_us for number in numbers(ended))
        bench.stop()
        bench.begin()
    return wrong


def sleeps(bench, rounds):
    faults = [sleep(bench, hours * 3600 * 1000000) for hours in (1, 8) * rounds]
    return len(faults), sum(map(bool, faults))


def main():
    build, rounds = pathlib.Path(sys.argv[1]).resolve(), int(sys.argv[2])
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else random.SystemRandom().randrange(1 << 32)
    chance = random.Random(seed)
    print(f'{rounds} rounds, seed {seed}', flush=True)
    rows = []
    with tempfile.TemporaryDirectory(prefix='triage-') as folder:
        folder = pathlib.Path(folder)
        (folder / 'bench').mkdir()
        bench = Failing(build, folder / 'bench')
        try:
            bench.begin()
            names = FILES if rounds > 1 else ('/ring', '/casebook.db-wal', '/host-id')
            for what, fault, files in (('a file fails while restores run', fail_while_running, names),
                                       ('a file fails at the start', fail_at_start, names),
                                       ('a file fails under commands without a daemon', fail_commands, READ if rounds > 1 else ('/casebook.db',))):
                rows.append((f'{what}: {len(files)} files, ENOSPC, EROFS, EIO, EMFILE', *count(bench, fault, files)))
            rows.append(('the clock leaps by a year or a minute, forward or back', *leaps(bench, rounds, chance)))
            rows.append(('the computer sleeps for an hour or eight', *sleeps(bench, rounds)))
        finally:
            bench.close()
    return show(rows, 'one file at a time; calls of the C library, played; what a dead ring alone had is lost with the daemon')


sys.exit(main())
