# SPDX-License-Identifier: LGPL-2.1-or-later
"""Each error of the interface is provoked once on the socket of the real daemon; a casebook that another program has
locked is named as that by every command that meets it."""
import contextlib
import json
import os
import re
import sqlite3
import subprocess

import pytest

from daemon import until
from test_api import INTERFACE, NOBODY, ROOT, SERVICE

ECID, NOBODYS, NO_SESSION = '0x001C2D6A3C8A802E', '0x0000000012345678', '01936f00-0000-7000-8000-000000000000'
RUN = {'tool': 'idevicerestore', 'arguments': [], 'conditions': []}
RECORD = {'sequence': 1 << 40, 'timeUSec': 1, 'monotonicUSec': 1, 'kind': 'note', 'source': 'person'}

AS_NOBODY = '''
import os, socket, sys
os.setgid(%d); os.setuid(%d)
peer = socket.socket(socket.AF_UNIX)
peer.settimeout(20)
peer.connect(sys.argv[1])
peer.sendall(sys.argv[2].encode() + b'\\0')
print(peer.recv(65536).rstrip(b'\\0').decode())
''' % (NOBODY, NOBODY)


def raw(bench, method, **parameters):
    return json.loads(bench.call_raw(method, **parameters))


@contextlib.contextmanager
def locked(bench):
    """Another program writes to the casebook and does not end."""
    book = sqlite3.connect(bench.state / 'casebook.db', isolation_level=None)
    book.execute('BEGIN IMMEDIATE')
    yield
    book.execute('ROLLBACK')
    book.close()


def ended_session(bench):
    session = bench.call('BeginRun', **RUN, ecid=ECID)['session']
    bench.call('AppendLog', session=session, offset=0, text='Waiting for NAND (28)\nERROR: Unable to restore device\n')
    bench.call('EndRun', session=session, exitStatus=1)
    return session


def session_ended(bench):
    return raw(bench, 'AppendLog', session=ended_session(bench), offset=0, text='x'), 'session'


def session_watched(bench):
    session = ended_session(bench)
    until(lambda: bench.call('GetStatistics')['attempts'] == 1, what='the seal')
    return raw(bench, 'AddRecords', session=session, records=[RECORD]), 'session'


def session_foreign(bench):
    """An attempt of another bench: its case names another computer, which writes it."""
    session, writer = '01936f00-0000-7000-8000-000000000001', 'b' * 12 + '-' + 'b' * 12
    case = {'format': 'idevicetriage-case', 'version': 1, 'device': {'ecid': ECID},
            'attempts': [{'session': session, 'outcome': 'failed', 'hostId': writer}]}
    change = {'formatVersion': 1, 'kind': 'attempt', 'id': session, 'writer': writer, 'revision': 7, 'case': case}
    assert bench.call('AddChange', change=change) == {'result': 'added'}
    assert 'error' not in raw(bench, 'AddRecords', session=session, records=[RECORD])
    return raw(bench, 'MergeRecords', session=session, records=[RECORD]), 'session'


def device_busy(bench):
    bench.call('BeginRun', **RUN, ecid=ECID)
    return raw(bench, 'Purge', device=ECID), 'device'


def too_many_sessions(bench):
    for _ in range(64):
        bench.call('BeginRun', **RUN)
    return raw(bench, 'BeginRun', **RUN), 'limit'


def casebook_unavailable(bench):
    with locked(bench):
        return raw(bench, 'AddNote', device=ECID, text='wet'), 'reason'


def raw_as_nobody(bench, method, **parameters):
    if os.getuid() != 0:
        pytest.skip('needs two users')
    os.chmod(bench.folder, 0o755)
    os.chmod(bench.socket, 0o666)
    message = json.dumps({'method': f'{INTERFACE}.{method}', 'parameters': parameters})
    result = subprocess.run(['python3', '-c', AS_NOBODY, bench.socket, message], capture_output=True, text=True, check=True)
    return json.loads(result.stdout)


def casebook_full(bench):
    bench.stop()
    bench.start('--casebook-size', str(1 << 20))
    answers = (raw(bench, 'AddNote', device=f'0x{1 + number // 500:016X}', text='x' * 990) for number in range(5000))
    return next(answer for answer in answers if 'error' in answer), 'limit'


def daily_limit(bench):
    bench.stop()
    bench.start('--daily-limit', str(1 << 20))
    for number in range(20):
        answer = raw_as_nobody(bench, 'BeginRun', **{**RUN, 'arguments': ['x' * 60000]})
    return answer, 'limit'


def not_allowed(bench):
    return raw_as_nobody(bench, 'Purge', device=ECID), 'method'


def failed(bench):
    """The ring's bounds are nonsense from now on."""
    bench.call('BeginRun', **RUN)
    with open(bench.state / 'ring', 'r+b') as ring:
        ring.write(b'\xff' * 4096)
    return raw(bench, 'ReadLog'), 'reason'


def service(bench, method, **parameters):
    message = json.dumps({'method': method, 'parameters': parameters})
    result = subprocess.run(['python3', '-c', AS_NOBODY.replace('os.setgid', '#'), bench.socket, message],
                            capture_output=True, text=True, check=True)
    return json.loads(result.stdout)


PROVOKED = {
    f'{INTERFACE}.NoSuchDevice': lambda bench: (raw(bench, 'GetCase', device=NOBODYS), 'device'),
    f'{INTERFACE}.NoSuchSession': lambda bench: (raw(bench, 'ExportAttempt', session=NO_SESSION), 'session'),
    f'{INTERFACE}.SessionEnded': session_ended,
    f'{INTERFACE}.SessionWatched': session_watched,
    f'{INTERFACE}.SessionForeign': session_foreign,
    f'{INTERFACE}.NoSuchChange': lambda bench: (raw(bench, 'ExportChange', kind='note', id=NO_SESSION), 'id'),
    f'{INTERFACE}.DeviceBusy': device_busy,
    f'{INTERFACE}.TooManySessions': too_many_sessions,
    f'{INTERFACE}.CasebookUnavailable': casebook_unavailable,
    f'{INTERFACE}.CasebookFull': casebook_full,
    f'{INTERFACE}.DailyLimit': daily_limit,
    f'{INTERFACE}.NotAllowed': not_allowed,
    f'{INTERFACE}.Failed': failed,
    f'{SERVICE}.InvalidParameter': lambda bench: (raw(bench, 'GetCase'), 'parameter'),
    f'{SERVICE}.MethodNotFound': lambda bench: (raw(bench, 'NoSuchMethod'), 'method'),
    f'{SERVICE}.ExpectedMore': lambda bench: (raw(bench, 'Watch'), None),
    f'{SERVICE}.InterfaceNotFound':
        lambda bench: (service(bench, f'{SERVICE}.GetInterfaceDescription', interface='x.y'), 'interface'),
}


@pytest.mark.parametrize('name', sorted(PROVOKED))
def test_error(bench, name):
    bench.start()
    answer, member = PROVOKED[name](bench)
    assert answer['error'] == name, answer
    assert set(answer['parameters']) == ({member} if member else set())
    assert member is None or answer['parameters'][member]


def test_a_run_belongs_to_the_user_who_began_it(bench):
    """A member of the group could end the run of another, or add lines to its log."""
    bench.start()
    session = bench.call('BeginRun', **RUN, ecid=ECID)['session']
    for again in range(2):
        for method, parameters in (('AppendLog', {'offset': 0, 'text': 'ERROR: forged\n'}), ('EndRun', {'exitStatus': 1})):
            answer = raw_as_nobody(bench, method, session=session, **parameters)
            assert answer == {'error': f'{INTERFACE}.NotAllowed', 'parameters': {'method': f'{INTERFACE}.{method}'}}
        # The owner of a run is in its records.
        bench.stop()
        bench.start()
    theirs = raw_as_nobody(bench, 'BeginRun', **RUN)['parameters']['session']
    bench.stop()
    bench.start()
    log = {'session': theirs, 'offset': 0, 'text': 'ERROR: it failed\n'}
    assert raw_as_nobody(bench, 'AppendLog', **log)['parameters']['offset'] == 17
    # The administrator may.
    assert bench.call('EndRun', session=theirs, exitStatus=1)['result']['session'] == theirs


def test_one_user_cannot_hold_all_sessions(bench):
    bench.start()
    for _ in range(32):
        assert 'session' in raw_as_nobody(bench, 'BeginRun', **RUN)['parameters']
    refused = {'error': f'{INTERFACE}.TooManySessions', 'parameters': {'limit': 32}}
    assert raw_as_nobody(bench, 'BeginRun', **RUN) == refused
    assert bench.call('BeginRun', **RUN)['session']


def test_every_error_of_the_table_is_provoked():
    """But for the one that the command alone answers where no daemon runs: test_query.py has it."""
    table = (ROOT / 'common' / 'wire' / 'api_error.c').read_text()
    named = {f'{INTERFACE if which == "INTERFACE" else SERVICE}.{name}'
             for which, name in re.findall(r'VARLINK_(\w+) "\.(\w+)"', table)}
    assert named - set(PROVOKED) == {f'{SERVICE}.MethodNotImplemented'}


def test_a_locked_casebook_is_named_and_nothing_is_lost(bench, folder):
    """Each said "The daemon already watches 64 running sessions, its limit"."""
    log = folder / 'restore.log'
    log.write_text('About to restore device...\nWaiting for NAND (28)\nERROR: Unable to successfully restore device\n')
    refused = [('note', ECID, 'wet'), ('note', ECID, '--history', 'liquid'),
               ('attempt', ECID, '--outcome', 'failed', '--host', 'other'),
               ('import', log, '--device', ECID), ('purge', '--yes', '--before', '2020-01-01'),
               ('purge', '--yes', ECID)]
    bench.start()
    ended_session(bench)
    until(lambda: bench.call('GetStatistics')['attempts'] == 1, what='the seal')
    with locked(bench):
        for arguments in refused:
            result = bench.triage(*arguments, check=False)
            assert result.returncode == 1 and 'another program has locked it' in result.stderr, (arguments, result)
        # What holds at a port holds at once, and is written when the lock goes.
        bench.triage('conditions', '1-2', '--cable', 'L07')
        session = ended_session(bench)
        assert bench.call('GetConditions')['places'][0]['conditions'] == [{'key': 'cable', 'value': 'L07'}]
    until(lambda: bench.call('GetStatistics')['attempts'] == 2, what='the seal')
    bench.stop()
    bench.start()
    assert bench.call('GetConditions')['places'][0]['conditions'] == [{'key': 'cable', 'value': 'L07'}]
    assert bench.call('ExportAttempt', session=session)['case']
    assert bench.call('GetCase', device=ECID)['notes'] == []
    bench.triage('note', ECID, 'wet')
    assert [note['text'] for note in bench.call('GetCase', device=ECID)['notes']] == ['wet']
