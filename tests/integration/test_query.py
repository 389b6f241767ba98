# SPDX-License-Identifier: LGPL-2.1-or-later
"""The reading methods: the daemon's answer and, with the daemon gone, the command's own are the same bytes."""
import json
import re
import subprocess

import pytest

from daemon import until
from test_api import INTERFACE, ROOT

TOOL = ['sh', '-c', 'cat "$0"; exit 245']
ECID, TOLD, NOBODY = '0x001C2D6A3C8A802E', '0x00000000DEADBEEF', '0x0000000012345678'
NO_SESSION = '01936f00-0000-7000-8000-000000000000'

# Only a living daemon knows who is on the bench now, and in which mode: common/query/query.h.
LIVING = {'ListDevices': ['devices'], 'Find': ['devices'], 'Diagnose': ['device.mode'], 'GetCase': ['device.mode']}


KINDS = ['attempt', 'note', 'correction', 'condition', 'purge']
PURGED = '0x00000000ABCDEF12'


def fail(bench, folder, *options, ecid=ECID):
    log = folder / 'tool.log'
    log.write_text('About to restore device...\nWaiting for NAND (28)\nERROR: Unable to successfully restore device\n')
    identity = ['-i', ecid] if ecid else []
    assert bench.run([*TOOL, log, *identity], *options).wait(60) == 245


@pytest.fixture
def state(bench, folder):
    """A named port, two phones with attempts, one of them told; a session whose phone gave no name; notes."""
    bench.start()
    bench.triage('conditions', '1-2', '--cable', 'L07', '--name', 'left')
    fail(bench, folder, '--cable', 'A', '--port', '1-2')
    fail(bench, folder, '--ticket', 'T-1')
    fail(bench, folder, '--port', '3-1', ecid=None)
    bench.triage('note', ECID, 'fell into the pool')
    bench.triage('note', ECID, '--history', 'liquid')
    told = bench.ask('attempt', TOLD, '--outcome', 'failed', '--error', '4013', '--host', 'other')['session']
    bench.triage('attempt', '--session', told, '--error', '9')
    bench.triage('note', PURGED, 'gone')
    bench.triage('purge', '--yes', PURGED)
    until(lambda: bench.ask('stats')['attempts'] == 4, what='all sessions in the casebook')
    until(lambda: {record.get('ecid') for record in bench.call('ReadLog')['records'] if record['kind'] == 'diagnosis'}
          >= {ECID, TOLD}, what='the verdicts')
    return bench


def questions(bench):
    session = bench.call('ListSessions')['sessions'][-1]['session']
    devices = [ECID, TOLD, ECID[-4:], NOBODY, '1-2', '3-1', '9-9', 'nonsense', '']
    sessions = [session, NO_SESSION, 'nonsense']
    yield from (('ListDevices', {}), ('ListSessions', {}), ('ListSessions', {'limit': 2}), ('ListSessions', {'limit': 0}),
                ('ListSessions', {'limit': 2, 'cursor': session}), ('ListSessions', {'cursor': NO_SESSION}),
                ('ListSessions', {'cursor': 'nonsense'}),
                ('ListSessions', {'ticket': 'T-1'}), ('ListSessions', {'port': 'left', 'outcome': 'failed'}),
                ('ListSessions', {'name': '802e', 'limit': 1}), ('ListSessions', {'model': 'nothing'}),
                ('ListSessions', {'untilUSec': 1}),
                ('ListChanges', {}), ('ListChanges', {'limit': 1}), ('ListChanges', {'kinds': KINDS}),
                ('ListChanges', {'kinds': ['x']}), ('ExportChange', {'kind': 'note', 'id': NO_SESSION}),
                ('ExportChange', {'kind': 'x', 'id': NO_SESSION}), ('ExportChange', {'kind': 'note', 'id': 'x'}), ('ListChanges', {'cursor': '7'}),
                ('ListChanges', {'cursor': '-7'}), ('ListChanges', {'cursor': '9' * 30}), ('ListChanges', {'cursor': str(1 << 62)}),
                ('ReadLog', {}), ('ReadLog', {'after': 7}), ('ReadLog', {'limit': 3}), ('ReadLog', {'limit': 0}),
                ('Diagnose', {}), ('GetConditions', {}), ('GetConditions', {'place': '1-2'}),
                ('GetConditions', {'place': 'nonsense'}), ('GetStatistics', {}), ('GetStatistics', {'by': 'colour'}),
                ('GetStatistics', {'sinceUSec': 1 << 60}), ('GetCase', {}), ('ListSessions', {'unknown': 1}))
    yield from (('GetStatistics', {'by': by}) for by in ('port', 'cable', 'bench', 'model', 'week', 'tool'))
    yield from (('Find', {'name': name}) for name in [*devices, 'T-1', 'left', session[-8:], 'x' * 300])
    yield from (('ExportChange', change) for change in bench.call('ListChanges', kinds=KINDS)['changes'])
    for device in devices:
        yield from ((method, {'device': device}) for method in ('ListSessions', 'Diagnose', 'GetCase'))
    for session in sessions:
        yield from ((method, {'session': session}) for method in ('ReadLog', 'Diagnose', 'ExportAttempt'))


def without(answer, paths):
    answer = json.loads(answer)
    for path in paths:
        inner = answer
        *way, last = path.split('.')
        for name in way:
            inner = inner.get(name, {})
        inner.pop(last, None)
    return json.dumps(answer)


def test_online_and_offline_answers_are_the_same_bytes(state):
    asked = list(questions(state))
    table = (ROOT / 'common' / 'query' / 'query.c').read_text()
    assert {method for method, _ in asked} == set(re.findall(r'^\t\{"(\w+)", \w+_parameters', table, re.M))
    online = [state.call_raw(method, **parameters) for method, parameters in asked]
    state.stop()
    for (method, parameters), answer in zip(asked, online):
        result = subprocess.run([state.build / 'tests/integration/offline_call', state.state, method, json.dumps(parameters)],
                                capture_output=True, text=True, check=True)
        error, offline = result.stdout.splitlines()
        prefix = '{"error":"%s","parameters":' % error if error else '{"parameters":'
        assert answer.startswith(prefix), (method, parameters, answer[:200], result.stdout[:200])
        answer = answer[len(prefix):-1]
        if method in LIVING and not error:
            answer, offline = without(answer, LIVING[method]), without(offline, LIVING[method])
        assert answer == offline, (method, parameters)


def test_only_the_daemon_answers_the_others(state):
    state.stop()
    for method in ('GetStatus', 'Watch', 'Purge'):
        result = subprocess.run([state.build / 'tests/integration/offline_call', state.state, method, '{}'],
                                capture_output=True, text=True, check=True)
        assert result.stdout.startswith('org.varlink.service.MethodNotImplemented')


def test_the_sentences_are_the_same_too(bench):
    """With nothing known, "No session yet is known" stood where a session's name belongs."""
    bench.start()
    for arguments in (['diagnose'], ['diagnose', '1-2'], ['diagnose', NOBODY], ['sessions', NOBODY]):
        online = bench.triage(*arguments, check=False)
        assert online.returncode == 4 and ' yet is known' not in online.stderr
        bench.stop()
        offline = bench.triage('--state-dir', bench.state, *arguments, check=False)
        assert (offline.returncode, offline.stdout) == (4, online.stdout)
        assert offline.stderr.splitlines()[-1] == online.stderr.splitlines()[-1]
        bench.start()


def test_pages_of_sessions_hold_each_once_while_others_start(state):
    whole = [each['session'] for each in state.call('ListSessions')['sessions']]
    read, cursor = [], {}
    while True:
        reply = state.call('ListSessions', limit=1, **cursor)
        read += [each['session'] for each in reply['sessions']]
        if 'cursor' not in reply:
            break
        cursor = {'cursor': reply['cursor']}
        state.triage('attempt', TOLD, '--outcome', 'failed', '--error', '4013', '--host', 'other')
    assert len(whole) == 4 and read == whole


def test_the_command_lists_more_sessions_than_a_reply_holds(bench):
    bench.start()
    bench.triage('attempt', TOLD, '--outcome', 'failed', '--error', '4013')
    first = bench.call('ListSessions')['sessions'][0]['session']
    case = json.dumps(bench.call('ExportAttempt', session=first)['case'])
    added = [first] + [f'{i:08x}{first[8:]}' for i in range(1, 250)]
    for session in added[1:]:
        bench.call('AddAttempt', case=json.loads(case.replace(first, session)))
    assert len(bench.call('ListSessions', limit=100000)['sessions']) == 200
    for options in (['-n', '100000'], [], [TOLD]):
        reply = bench.ask('sessions', *options)
        assert sorted(each['session'] for each in reply['sessions']) == sorted(added) and 'cursor' not in reply
    assert len(bench.ask('sessions', '-n', '220')['sessions']) == 220
