# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the command tells with the daemon stopped, from its ring: the same as with the daemon running."""
import json
import os
import re
import signal
import sqlite3
from contextlib import closing

import pytest

from daemon import until

OTHER = '0x00000000DEADBEEF'
TOOL = ['sh', '-c', 'cat "$0"; exit 245']


@pytest.fixture
def past(bench, folder):
    """A bench whose daemon has watched a failed restore and was killed; with the answers that it gave."""
    log = folder / 'tool.log'
    log.write_text('\n'.join(['About to restore device... ', 'Creating partition map (11)', 'Creating filesystem (12)',
                              'Waiting for NAND (28)', 'ERROR: Unable to successfully restore device', '']))
    bench.start()
    for cable in 'AB':
        assert bench.run([*TOOL, log, '-i', '0x001C2D6A3C8A802E'], '--cable', cable).wait(60) == 245
    bench.told = {name: bench.triage('--json', *name.split(), check=False).stdout
                  for name in ('log', 'sessions', 'diagnose')}
    bench.stop(signal.SIGKILL)
    return bench


def offline(bench, *arguments):
    return bench.triage('--state-dir', bench.state, *arguments, check=False)


def evidence(text):
    """All records but that a verdict changed, which comes a moment later."""
    return [record for line in text.splitlines() for record in json.loads(line)['records']
            if record['kind'] != 'diagnosis']


def test_log(past):
    result = offline(past, '--json', 'log')
    assert result.returncode == 0 and 'not reachable' in result.stderr
    told = evidence(past.told['log'])
    assert len(told) > 10
    assert evidence(result.stdout) == told


def test_log_of_one_session(past):
    session = json.loads(past.told['sessions'])['sessions'][0]['session']
    for name in (session, session[-8:]):
        result = offline(past, '--json', 'log', name)
        records = [record for line in result.stdout.splitlines() for record in json.loads(line)['records']]
        assert records and {record['session'] for record in records} == {session}
    assert offline(past, 'log', '01936f00-0000-7000-8000-000000000000').returncode == 4
    assert 'Waiting for NAND' in offline(past, 'log', session).stdout


def test_log_after_a_sequence(past):
    result = offline(past, '--json', 'log', '--after', '5')
    assert json.loads(result.stdout.splitlines()[0])['records'][0]['sequence'] > 5


def test_sessions(past):
    assert json.loads(offline(past, '--json', 'sessions').stdout) == json.loads(past.told['sessions'])
    assert len(json.loads(offline(past, '--json', 'sessions', '-n', '1').stdout)['sessions']) == 1
    assert len(json.loads(offline(past, '--json', 'sessions', '802E').stdout)['sessions']) == 2
    assert offline(past, 'sessions', '0xDEADBEEF99').returncode == 4


@pytest.mark.parametrize('name', [[], ['0x001C2D6A3C8A802E'], ['802e']])
def test_diagnosis(past, name):
    result = offline(past, '--json', 'diagnose', *name)
    verdict, told = json.loads(result.stdout)['verdict'], json.loads(past.told['diagnose'])['verdict']
    assert verdict == told and verdict['phase'] == 'undecided'
    assert result.returncode == 30


def test_follow_needs_the_daemon(past):
    assert offline(past, 'log', '-f').returncode == 3


def test_a_damaged_ring_is_no_crash(past):
    ring = past.state / 'ring'
    content = bytearray(ring.read_bytes())
    for at in range(4096, len(content), 997):
        content[at] ^= 0x5a
    ring.write_bytes(content)
    for command in ('log', 'sessions', 'diagnose'):
        assert offline(past, command).returncode in (0, 3, 4, 30, 40)
    ring.write_bytes(b'nonsense' * 4096)
    for command in ('log', 'sessions', 'diagnose'):
        result = offline(past, command)
        assert result.returncode in (0, 4, 30, 40) and 'ring there cannot be read' in result.stderr
    for name in past.state.glob('casebook.db*'):
        name.unlink()
    for command in ('log', 'sessions', 'diagnose'):
        result = offline(past, command)
        assert result.returncode == 3 and str(past.state) in result.stderr


def test_an_unreadable_casebook_is_reported(past):
    """Its attempts were missing, and nothing said so."""
    (past.state / 'casebook.db-wal').unlink()
    for damage in (lambda book: book.write_bytes(b'nonsense' * 4096), lambda book: book.unlink()):
        damage(past.state / 'casebook.db')
        result = offline(past, 'sessions')
        assert result.returncode == 0 and 'casebook there cannot be read' in result.stderr


def damage_casebook(bench):
    """The daemon reads its pages again after the write of another program, and they are damaged."""
    with closing(sqlite3.connect(bench.state / 'casebook.db')) as book:
        until(lambda: book.execute('PRAGMA wal_checkpoint(TRUNCATE)').fetchone()[0] == 0, what='an empty write-ahead log')
        version, = book.execute('PRAGMA user_version').fetchone()
        book.execute(f'PRAGMA user_version = {version}')
        with open(bench.state / 'casebook.db', 'r+b') as file:
            file.seek(4096)
            file.write(bytes(os.fstat(file.fileno()).st_size - 4096))


def test_a_log_says_that_a_part_of_it_cannot_be_read(bench):
    """The ring had lost its begin, and the casebook could not be read: the rest looked like all that there was."""
    bench.start('--ring-size', '131072')
    session = bench.call('BeginRun', tool='x', arguments=[], conditions=[], ecid=OTHER)['session']
    offset = 0
    for _ in range(40):
        offset = bench.call('AppendLog', session=session, offset=offset, text=f'{"x" * 60}\n' * 100)['offset']
    bench.call('EndRun', session=session, exitStatus=1)
    until(lambda: session in bench.call('ListChanges')['sessions'], what='the seal')
    whole = bench.call('ReadLog', session=session)
    assert whole['lost'] == 0 and 'incomplete' not in whole
    damage_casebook(bench)
    rest = bench.call('ReadLog', session=session)
    assert rest['lost'] > 0 and rest['records'] and rest['incomplete']
    assert 'records are missing' in bench.triage('log', session).stderr


def test_an_answer_says_that_something_cannot_be_read(bench):
    """A list without those attempts, or a verdict on the others, looked complete."""
    bench.start()
    for _ in range(40):
        bench.triage('attempt', OTHER, '--outcome', 'failed', '--error', '4013', '--host', 'x' * 60)
    damage_casebook(bench)
    assert bench.ask('sessions')['incomplete']
    assert 'cannot be read' in bench.triage('sessions').stderr
    # Nobody knows whether the casebook has the phone.
    for arguments in (['diagnose', OTHER], ['case', OTHER], ['export', OTHER]):
        result = bench.triage(*arguments, check=False)
        assert result.returncode == 1 and 'Cannot use the casebook' in result.stderr, (arguments, result)
        assert not result.stdout


def test_a_ring_that_a_daemon_writes_to_is_read(past):
    past.start()
    until(lambda: past.triage('status').returncode == 0)
    past.environment['IDEVICETRIAGE_SOCKET'] = str(past.folder / 'elsewhere')
    result = offline(past, 'log')
    assert result.returncode == 0 and re.search(r'Waiting for NAND', result.stdout)


def test_a_tool_that_restores_nothing_has_no_outcome(bench):
    bench.start()
    output, _ = bench.run(['/bin/true']).communicate(timeout=20)
    assert 'true exited with 0; the restore has no known outcome.' in output


@pytest.mark.parametrize('name', ['', '1-2', '0'])
def test_a_name_of_nobody_is_refused_and_ends_nothing(bench, name):
    """An empty name met the empty port of a run whose phone is unknown, and the daemon fell over."""
    bench.start()
    bench.call('BeginRun', tool='idevicerestore', arguments=[], conditions=[])
    assert bench.call('Diagnose', device=name) == {'device': name}
    assert bench.call('ListSessions', device=name) == {'device': name}
    assert bench.process.poll() is None


RUN = {'tool': 'idevicerestore', 'arguments': [], 'conditions': [], 'ecid': '0x001C2D6A3C8A802E'}


@pytest.mark.parametrize('log, outcome, code', [
    ('About to restore device...\nCreating filesystem (12)\n', 'ended-unknown', 30),
    ('About to restore device...\nCreating filesystem (12)\nERROR: something odd\n', 'ended-unknown', 30),
    ('About to restore device...\nStatus: Restore Finished\n', 'succeeded', 0),
])
def test_a_restore_without_its_daemon_is_not_running(bench, log, outcome, code):
    """The daemon was killed in its middle: how it ended is known only if the phone had reported it."""
    bench.start()
    session = bench.call('BeginRun', **RUN)['session']
    bench.call('AppendLog', session=session, offset=0, text=log)
    running = bench.triage('diagnose', check=False)
    assert running.returncode == 40
    # The same files while the daemon has them: it is only this socket that nobody listens on.
    elsewhere = bench.triage('--socket', bench.folder / 'nobody', '--state-dir', bench.state, 'diagnose', check=False)
    assert elsewhere.returncode == 40
    bench.stop(signal.SIGKILL)
    result = offline(bench, 'diagnose')
    assert result.returncode == code, result.stdout
    assert json.loads(offline(bench, '--json', 'sessions').stdout)['sessions'][0]['outcome'] == outcome
    # With a daemon again, it continues.
    bench.start()
    assert bench.sessions()[0]['outcome'] == 'running'
    bench.call('AppendLog', session=session, offset=len(log), text='ERROR: Unable to restore device\n')
    bench.call('EndRun', session=session, exitStatus=1)
    assert bench.sessions()[0]['outcome'] == ('succeeded' if code == 0 else 'failed')
