# SPDX-License-Identifier: LGPL-2.1-or-later
"""A log of a restore that the daemon watched itself: imported, it makes no second attempt of it, and
no second computer."""
import json
import shutil
import signal
import time

import pytest

from daemon import until
from test_import import DEVICE, FAILED, imports, text  # noqa: F401 (imports is a fixture)
from test_usb_modes import PHONE, go_through, mode_at


def watch(bench, script):
    """Runs a script through `run` and gives its session."""
    process = bench.run(['sh', '-c', script], '--ecid', DEVICE)
    process.communicate(timeout=20)
    (session,) = bench.sessions()
    return session


def imported(imports, *arguments):
    result = imports('--json', *arguments)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def clock(microseconds):
    """As the tools of 2025 begin their lines."""
    seconds = time.localtime(microseconds // 1000000)
    return f'{time.strftime("%H:%M:%S", seconds)}.{microseconds // 1000 % 1000:03}'


def log_between(session):
    """A log of that time, with other lines than the session has."""
    began, ended = session['startedUSec'], session['endedUSec']
    step = (ended - began) / len(FAILED)
    return ''.join(f'{clock(int(began + step * i))}    <Info> {line}\n' for i, line in enumerate(FAILED))


def test_the_same_lines_are_the_same_restore(bench, imports):
    bench.start()
    log = imports.write('restore.log', text(FAILED))
    session = watch(bench, f'cat {log}; exit 255')
    result = imports(log, '--host', 'counter Mac')
    assert result.returncode == 0, result.stderr
    assert f'is already known as\n  {session["session"][-8:]}' in result.stdout
    assert imported(imports, log, '--host', 'counter Mac')['session']['session'] == session['session']
    assert [each['session'] for each in bench.sessions()] == [session['session']]


def test_other_lines_are_another_restore(bench, imports):
    bench.start()
    log = imports.write('restore.log', text(FAILED))
    watch(bench, f'cat {log}; exit 255')
    for name, lines in ('longer', [*FAILED, 'DONE']), ('shorter', FAILED[:-1]):
        assert imported(imports, imports.write(name, text(lines)))['added']
    assert len(bench.sessions()) == 3


def test_the_same_time_is_the_same_restore(bench, imports):
    bench.start()
    session = watch(bench, 'echo "Creating filesystem (12)"; sleep 1; exit 255')
    # Its first line may seem to begin a millisecond before the session.
    log = imports.write('restore.log', log_between(session))
    assert imported(imports, log)['session']['session'] == session['session']
    assert len(bench.sessions()) == 1


@pytest.mark.skipif(not shutil.which('umockdev-wrapper'), reason='umockdev is not installed')
def test_a_restore_whose_modes_were_seen_is_no_second_computer(bench, bus, imports):
    bench.start()
    bus.tell(f'add 1-2 recovery {PHONE}')
    until(lambda: mode_at(bench, '1-2') == 'recovery', what='recovery mode')
    go_through(bench, bus, '1-2', ['ibec', 'recovery'])
    session = until(lambda: next((s for s in bench.sessions() if s['outcome'] == 'failed'), None), what='the end')
    made = imported(imports, imports.write('restore.log', log_between(session)), '--host', 'counter Mac')
    assert made['added']
    assert (made['session']['host'], made['session']['port']) == (session['host'], '1-2')


CHECKPOINTS = ['Checkpoint started   id: 0x60D (wait_for_storage)',
               'Checkpoint completed id: 0x60D (wait_for_storage) result=6',
               "This device isn't eligible for the requested build"]


def own_log(began, step):
    """The tool's own log of FAILED: each line with a time, and lines that its console does not show."""
    end = FAILED.index('Waiting for NAND (28)') + 1
    lines = [('   <Info>', line) for line in FAILED[:end]]
    lines += [('<Verbose>', line) for line in CHECKPOINTS]
    lines += [('  <Error>', line.removeprefix('ERROR: ')) for line in FAILED[end:]]
    return ''.join(f'{clock(int(began + step * i))} {level} {line}\n' for i, (level, line) in enumerate(lines))


def name_of(session):
    return f'restore_001c2d6a3c8a802e_{session["startedUSec"] // 1000000}.log'


def texts(bench, session):
    return [record['text'] for record in bench.call('ReadLog', session=session)['records'] if record['kind'] == 'log']


def check_merged(bench, session):
    (now,) = bench.sessions()
    assert now['session'] == session['session'] and now['outcome'] == 'failed'
    assert (now['operation'], now['checkpoint'], now['checkpointName']) == (28, 0x60d, 'wait_for_storage')
    lines = texts(bench, session['session'])
    assert len(lines) == len(FAILED) + len(CHECKPOINTS)
    signs = [record['name'] for record in bench.call('ReadLog', session=session['session'])['records']
             if record['kind'] == 'sign']
    assert signs.count('signing-refused') == 1 and len(signs) == len(set(signs))
    return now


@pytest.mark.parametrize('restarted', [False, True])
def test_the_own_log_of_a_tool_adds_to_its_session(bench, imports, restarted):
    bench.start()
    bar = 'Waiting for NAND (28)\n'
    console = imports.write('console.log', text(FAILED).replace(bar, bar + '[===   ]  43.0% '))
    session = watch(bench, f'cat {console}; sleep 0.5; exit 255')
    assert 'checkpoint' not in session
    log = imports.write(name_of(session), own_log(session['startedUSec'], 10000))
    if restarted:
        until(lambda: bench.triage('--state-dir', bench.state, 'sessions', check=False).returncode == 0, what='a seal')
        bench.stop()
        bench.start()
    made = imported(imports, log)
    assert (made['added'], made['linesMerged']) == (False, len(CHECKPOINTS))
    merged = check_merged(bench, session)
    assert merged['permille'] == 430
    assert (merged['startedUSec'], merged['exitStatus']) == (session['startedUSec'], 255)
    assert 'linesMerged' not in imported(imports, log)
    assert check_merged(bench, session) == merged
    bench.stop()
    bench.start()
    assert check_merged(bench, session) == merged


def test_a_console_log_and_the_own_log_are_one_restore(bench, imports):
    bench.start()
    console = imports.write('console.log', text(FAILED))
    session = imported(imports, console)['session']
    log = imports.write(name_of(session), own_log(session['startedUSec'], 10000))
    made = imported(imports, log)
    assert made['linesMerged'] == len(CHECKPOINTS)
    merged = check_merged(bench, session)
    for again in log, console:
        assert 'linesMerged' not in imported(imports, again)
    assert bench.sessions() == [merged]


def test_the_console_log_comes_later(bench, imports):
    bench.start()
    now = int(time.time() * 1000000)
    log = imports.write(name_of({'startedUSec': now}), own_log(now - 10000000, 10000))
    session = imported(imports, log)['session']
    made = imported(imports, imports.write('console.log', text(FAILED)))
    assert not made['added'] and 'linesMerged' not in made
    assert bench.sessions() == [session]


def test_logs_of_two_times_are_two_restores(bench, imports):
    bench.start()
    now = int(time.time() * 1000000)
    for before in 3600, 60:
        began = now - before * 1000000
        assert imported(imports, imports.write(name_of({'startedUSec': began}), own_log(began, 10000)))['added']
    assert len(bench.sessions()) == 2


def test_what_cannot_be_merged(bench):
    bench.start()
    record = {'sequence': 1, 'timeUSec': 1, 'kind': 'log', 'source': 'tool', 'text': 'x'}
    run = {'tool': 'x', 'arguments': [], 'conditions': []}
    session = bench.call('BeginRun', **run, ecid=DEVICE)['session']
    assert bench.call('MergeRecords', session=session, records=[record]) == {'device': session}
    bench.call('EndRun', session=session, exitStatus=1)
    for kind in 'session-end', 'diagnosis', 'amendment', 'tool-end', 'no such kind':
        assert bench.call('MergeRecords', session=session, records=[record, {**record, 'kind': kind}]) == \
            {'parameter': 'records'}
    unknown = '00000000-0000-4000-8000-000000000000'
    assert bench.call('MergeRecords', session=unknown, records=[record]) == {'session': unknown}
    assert texts(bench, session) == []
    assert bench.call('MergeRecords', session=session, records=[record])['result']['session'] == session
    assert texts(bench, session) == ['x']


def test_an_end_that_is_known_stays(bench):
    bench.start()
    record = {'sequence': 1, 'timeUSec': 1, 'kind': 'log', 'source': 'tool', 'text': 'x'}
    session = bench.call('BeginRun', tool='x', arguments=[], conditions=[], ecid=DEVICE)['session']
    bench.call('EndRun', session=session, exitStatus=128 + signal.SIGINT)
    assert bench.sessions()[0]['outcome'] == 'aborted'
    forged = [record, {**record, 'sequence': 2, 'kind': 'outcome', 'state': 'succeeded'}]
    assert bench.call('MergeRecords', session=session, records=forged) == {'parameter': 'records'}
    bench.stop()
    bench.start()
    assert bench.call('MergeRecords', session=session, records=forged) == {'parameter': 'records'}
    assert bench.sessions()[0]['outcome'] == 'aborted' and texts(bench, session) == []
