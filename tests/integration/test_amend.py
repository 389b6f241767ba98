# SPDX-License-Identifier: LGPL-2.1-or-later
"""What people reported of a past attempt is corrected and taken back; who changed what is on record, and the verdict
is made again from the corrected data."""
import contextlib
import json
import pathlib
import re
import signal
import sqlite3

import pytest

from daemon import Bench, until

TOOL = ['sh', '-c', 'cat "$0"; exit 245']
ECID, OTHER = '0x001C2D6A3C8A802E', '0x0000000012345678'
FAILURE = 'About to restore device...\nWaiting for NAND (28)\nERROR: Unable to successfully restore device\n'


def fail(bench, folder, *options):
    """A watched restore that has failed and is sealed."""
    log = folder / 'tool.log'
    log.write_text(FAILURE)
    before = bench.ask('stats')['attempts']
    assert bench.run([*TOOL, log, '-i', ECID], *options).wait(60) == 245
    until(lambda: bench.ask('stats')['attempts'] == before + 1, what='the seal')
    return bench.sessions()[-1]['session']


def told(bench, *options, outcome='failed'):
    return bench.ask('attempt', ECID, '--outcome', outcome, '--error', '4013', '--model', 'iPhone12,3', *options)['session']


def session_of(bench, name):
    return next(session for session in bench.sessions() if session['session'] == name)


def conditions(session):
    return {condition['key']: condition['value'] for condition in session['conditions']}


def changes(amendments):
    return [(one['key'], one.get('before'), one.get('after')) for one in amendments]


def flat(text):
    return ' '.join(text.split())


def offline(bench, *arguments):
    """The answer with the daemon gone."""
    return json.loads(bench.triage('--state-dir', bench.state, '--json', *arguments).stdout)


def test_a_told_attempt_is_corrected(bench):
    bench.start()
    name = told(bench, '--cable', 'A', '--host', 'one', '--battery', 'original')
    answer = bench.ask('attempt', '--session', name[-8:], '--outcome', 'succeeded', '--cable', 'B', '--unset', 'battery',
                       '--tool', 'finder 14.5', '--host', 'two', '--host-os', 'macos', '--model', 'iPhone11,2',
                       '--action', 'erase', '--error', '9', '--error', 'amr:11', '--at', '2026-01-31 14:05')
    expected = [('outcome', 'failed', 'succeeded'), ('cable', 'A', 'B'), ('battery', 'original', None),
                ('tool', None, 'finder 14.5'), ('host', 'one', 'two'), ('hostOs', None, 'macos'),
                ('model', 'iPhone12,3', 'iPhone11,2'), ('action', None, 'erase'), ('error', '4013', '9 amr:11')]
    assert changes(answer['changes'])[:-1] == expected and answer['changes'][-1]['key'] == 'started'
    session = session_of(bench, name)
    assert session == answer['result'] and conditions(session) == {'cable': 'B'}
    assert (session['outcome'], session['tool'], session['toolVersion']) == ('succeeded', 'finder', '14.5')
    assert (session['host'], session['productType'], session['action']) == ('two', 'iPhone11,2', 'erase')
    records = bench.records(name, 'amendment')
    assert [(record['name'], record.get('before'), record.get('text')) for record in records][:-1] == expected
    assert all(record['by'] and record['source'] == 'person' for record in records)
    assert 'cable A → B' in flat(bench.triage('log', name).stdout)
    assert 'model iPhone12,3 → iPhone11,2' in flat(bench.triage('case', ECID).stdout)
    assert bench.verdict(ECID)['phase'] == 'none'


def test_the_verdict_is_made_from_the_corrected_attempts(bench, folder):
    bench.start()
    told(bench, '--host', 'one', '--cable', 'A')
    second = told(bench, '--host', 'one', '--cable', 'A')
    assert '2 failed' in bench.verdict(ECID)['summary']
    bench.triage('attempt', '--session', second, '--outcome', 'succeeded', '--cable', 'B')
    verdict = bench.verdict(ECID)
    assert verdict['causes'][0]['cause'] == 'cable', verdict
    until(lambda: any('cable' in record['text'] for record in bench.call('ReadLog')['records']
                      if record['kind'] == 'diagnosis'), what='the new verdict on record')
    bench.triage('conditions', '--session', second, '--unset', 'cable')
    assert conditions(session_of(bench, second)) == {}


def test_a_sealed_session_is_corrected(bench, folder):
    bench.start()
    name = fail(bench, folder, '--cable', 'A')
    answer = bench.ask('conditions', '--session', name, '--cable', 'B', '--condition', 'chargeFlex=replaced')
    assert changes(answer['changes']) == [('cable', 'A', 'B'), ('chargeFlex', None, 'replaced')]
    bench.triage('attempt', '--session', name, '--outcome', 'not-started')
    session = session_of(bench, name)
    assert session['outcome'] == 'not-started' and conditions(session)['cable'] == 'B'

    def sealed():
        with contextlib.closing(sqlite3.connect(bench.state / 'casebook.db')) as book:
            return book.execute('SELECT cable, outcome FROM attempts').fetchall() == [('B', 'not-started')]
    until(sealed, what='the second seal')
    until(lambda: len(bench.records(name, 'amendment')) == 3, what='the records')
    verdict = bench.verdict(ECID)
    bench.stop()
    assert offline(bench, 'diagnose', ECID)['verdict'] == verdict
    assert offline(bench, 'sessions')['sessions'] == [session]


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGKILL])
def test_a_restart_forgets_no_correction(bench, folder, number):
    bench.start()
    watched, added = fail(bench, folder, '--cable', 'A'), told(bench, '--cable', 'A')
    for name in watched, added:
        bench.triage('attempt', '--session', name, '--cable', 'B', '--outcome', 'aborted')
    before = bench.sessions()
    bench.stop(number)
    assert offline(bench, 'sessions')['sessions'][::-1] == before
    (bench.state / 'ring').unlink()
    bench.start()
    assert session_of(bench, added) == before[1]
    if number == signal.SIGTERM:
        assert session_of(bench, watched) == before[0]


def test_an_attempt_is_taken_back_whole_and_brought_back(bench):
    bench.start()
    first, second = told(bench, '--host', 'one'), told(bench, '--host', 'two')
    bench.triage('attempt', '--session', second, '--remove')
    assert session_of(bench, second)['outcome'] == 'withdrawn'
    assert '1 failed' in bench.verdict(ECID)['summary'] and bench.ask('stats')['attempts'] == 1
    bench.triage('attempt', '--session', first, '--remove')
    verdict = bench.triage('diagnose', ECID)
    assert verdict.returncode == 30 and 'taken back' in verdict.stdout
    bench.triage('attempt', '--session', second, '--outcome', 'failed')
    assert '1 failed' in bench.verdict(ECID)['summary'] and bench.ask('stats')['attempts'] == 1
    assert changes(session_of(bench, second)['amendments']) == [('outcome', 'failed', 'withdrawn'),
                                                               ('outcome', 'withdrawn', 'failed')]


def test_what_is_so_already_is_no_change(bench):
    bench.start()
    name = told(bench, '--cable', 'A')
    result = bench.triage('attempt', '--session', name, '--cable', 'A', '--unset', 'battery', '--outcome', 'failed')
    assert 'Nothing to correct' in result.stdout
    assert 'amendments' not in session_of(bench, name) and bench.records(name) == []


def test_import_corrects_what_it_imported_before(bench, folder):
    bench.start()
    log = folder / 'tool.log'
    log.write_text('About to restore device...\nWaiting for NAND (28)\n')
    options = 'import', '--device', ECID
    added = bench.ask(*options, log)
    assert added['added'] and added['session']['outcome'] == 'ended-unknown'
    again = bench.ask(*options, log)
    assert not again['added'] and 'corrected' not in again
    again = bench.ask(*options, '--outcome', 'failed', '--host', 'counter', '--tool', 'finder', '--model', 'iPhone12,3',
                      '--cable', 'L07', log)
    assert not again['added'] and len(again['corrected']) == 5
    session, = bench.sessions()
    assert session == again['session'] and session['session'] == added['session']['session']
    assert (session['outcome'], session['host'], session['productType']) == ('failed', 'counter', 'iPhone12,3')
    result = bench.triage(*options, '--outcome', 'aborted', log)
    said = flat(result.stdout)
    assert 'corrected as' in said and 'outcome failed → aborted' in said
    assert 'corrected' not in bench.ask(*options, '--outcome', 'aborted', log)


def test_import_corrects_a_watched_session_but_not_what_was_seen(bench, folder):
    bench.start()
    name = fail(bench, folder)
    again = bench.ask('import', '--device', ECID, '--outcome', 'aborted', '--host', 'elsewhere', '--cable', 'A',
                      folder / 'tool.log')
    assert again['session']['session'] == name and again['session']['host'] == 'bench-1'
    assert changes(again['corrected']) == [('outcome', 'failed', 'aborted'), ('cable', None, 'A')]


@pytest.fixture
def second_bench(request, folder):
    other = folder / 'other'
    other.mkdir()
    second = Bench(request.config.getoption('--build-dir'), other, folder / 'no-mux')
    second.start(name='bench-2')
    yield second
    second.close()


def test_corrections_travel_with_the_case(bench, folder, second_bench):
    bench.start()
    watched, added = fail(bench, folder, '--cable', 'A'), told(bench, '--cable', 'A')
    for name in watched, added:
        bench.triage('attempt', '--session', name, '--cable', 'B', '--host', 'two')
    until(lambda: len(bench.records(watched, 'amendment')) == 2, what='the records')
    exported = folder / 'case.json'
    bench.triage('export', '-o', exported, ECID)
    second_bench.triage('import', exported)
    here, there = bench.sessions(), second_bench.sessions()
    for one, other in zip(here, there):
        assert one['amendments'] == other['amendments'] and one['conditions'] == other['conditions']
        assert len(second_bench.records(one['session'], 'amendment')) == 2
    assert second_bench.verdict(ECID) == bench.verdict(ECID)
    # What is corrected later comes with the next export, once.
    bench.triage('attempt', '--session', added, '--outcome', 'succeeded')
    for _ in range(2):
        exported.unlink()
        bench.triage('export', '-o', exported, ECID)
        second_bench.triage('import', exported)
    assert session_of(second_bench, added) == session_of(bench, added)
    assert bench.triage('diagnose', '--case', exported).returncode == bench.triage('diagnose', ECID).returncode
    masked = folder / 'masked.json'
    bench.triage('export', '--mask', '-o', masked, ECID)
    attempts = json.loads(masked.read_text())['attempts']
    assert [len(attempt['amendments']) for attempt in attempts] == [2, 3]
    assert '"by"' not in masked.read_text()


def every_byte(folder):
    return b''.join(path.read_bytes() for path in pathlib.Path(folder).iterdir() if path.is_file())


@pytest.mark.parametrize('how', [(ECID,), ('--before', '2999-01-01')])
def test_a_purge_leaves_no_byte_of_a_correction(bench, folder, how):
    bench.start()
    watched, added = fail(bench, folder, '--cable', 'FIRSTCABLE'), told(bench, '--cable', 'FIRSTCABLE')
    for name in watched, added:
        bench.triage('attempt', '--session', name, '--cable', 'SECONDCABLE', '--host', 'CORRECTEDHOST')
        bench.triage('attempt', '--session', name, '--unset', 'cable')
    until(lambda: len(bench.records(watched, 'amendment')) == 3, what='the records')
    bench.triage('purge', '--yes', *how)
    bench.stop()
    left = every_byte(bench.state)
    assert not [word for word in (b'FIRSTCABLE', b'SECONDCABLE', b'CORRECTEDHOST') if word in left]
    assert offline(bench, 'sessions')['sessions'] == []


def test_a_running_restore_is_not_corrected(bench):
    bench.start()
    name = bench.call('BeginRun', tool='idevicerestore', arguments=[], conditions=[], ecid=ECID)['session']
    answer = json.loads(bench.call_raw('AmendAttempt', session=name, changes=[{'key': 'cable', 'value': 'A'}]))
    assert answer['error'].endswith('.DeviceBusy')
    result = bench.triage('conditions', '--session', name, '--cable', 'A', check=False)
    assert result.returncode == 1 and 'is running' in result.stderr


def test_a_call_without_sense_changes_nothing(bench):
    bench.start()
    name = told(bench, '--cable', 'A')
    before = session_of(bench, name)
    good = {'key': 'cable', 'value': 'B'}
    for change in ({'key': 'outcome', 'value': 'dunno'}, {'key': 'Cable', 'value': 'B'}, {'key': 'cable'}, {},
                   {'key': 'cable', 'value': 'x' * 64}, {'key': 'model', 'value': ''}, {'key': 'started', 'value': '-1'},
                   {'key': 'cable', 'value': 7}, {'key': 'x' * 40, 'value': 'B'}):
        answer = json.loads(bench.call_raw('AmendAttempt', session=name, changes=[good, change]))
        assert answer['error'].endswith('.InvalidParameter'), change
    for changed in ([], [good] * 49, [{'key': f'key{number}', 'value': 'x'} for number in range(48)]):
        answer = json.loads(bench.call_raw('AmendAttempt', session=name, changes=changed))
        assert answer['error'].endswith('.InvalidParameter'), changed
    assert session_of(bench, name) == before


def test_a_locked_casebook_is_named(bench, folder):
    bench.start()
    watched, added = fail(bench, folder, '--cable', 'A'), told(bench, '--cable', 'A')
    book = sqlite3.connect(bench.state / 'casebook.db', isolation_level=None)
    book.execute('BEGIN IMMEDIATE')
    result = bench.triage('conditions', '--session', added, '--cable', 'B', check=False)
    assert result.returncode == 1 and 'casebook' in result.stderr
    bench.triage('conditions', '--session', watched, '--cable', 'B')
    book.execute('ROLLBACK')
    book.close()
    assert [conditions(session)['cable'] for session in bench.sessions()] == ['B', 'A']


def test_usage_is_checked(bench):
    bench.start()
    name = told(bench)
    for arguments in (('attempt', '--session', name), ('attempt', '--remove', ECID),
                      ('attempt', '--session', name, ECID, '--cable', 'A'), ('conditions', '--session', name),
                      ('attempt', '--session', name, '--unset', 'model'), ('attempt', '--session', name, '--stage', 'moon'),
                      ('attempt', ECID, '--outcome', 'failed', '--unset', 'cable'),
                      ('attempt', ECID, '--outcome', 'failed', '--host-os', 'amiga'),
                      ('conditions', '--session', name, '--battery', 'flat')):
        result = bench.triage(*arguments, check=False)
        assert result.returncode == 2 and result.stderr.count('\n') == 1, (arguments, result.stderr)
    result = bench.triage('attempt', '--session', OTHER, '--cable', 'A', check=False)
    assert result.returncode == 4


@pytest.mark.parametrize('command', [('attempt', ECID, '--outcome', 'failed'), ('conditions', '1-2')])
def test_a_typo_is_answered_with_the_nearest_word(bench, command):
    bench.start()
    result = bench.triage(*command, '--condition', 'chargeFlexx=replaced')
    assert 'did you mean chargeFlex?' in result.stderr
    result = bench.triage(*command, '--condition', 'chargeFlex=replacd', check=False)
    assert result.returncode == 2 and 'Did you mean replaced?' in result.stderr
    assert bench.triage(*command, '--condition', 'frontCamera=disconnected', '--display', 'known-good').stderr == ''
    assert 'is not a known condition' in bench.triage(*command, '--condition', 'zork=1').stderr


@pytest.mark.parametrize('key', ['no key', 'Cable', '4th', 'usb-hub'])
def test_an_impossible_key_is_named(bench, key):
    """The daemon's refusal did not say which one it was."""
    bench.start()
    name = told(bench, '--cable', 'A')
    for command in ('conditions', '1-2'), ('conditions', '--session', name), ('attempt', '--session', name):
        result = bench.triage(*command, '--condition', f'{key}=1', check=False)
        assert result.returncode == 2 and result.stdout == '', command
        assert result.stderr.endswith(f' A key is a lower-case letter, then letters and digits, not {key}.\n'), command


def test_a_restore_starts_with_any_key(bench):
    bench.start()
    assert bench.run(['true'], '--condition', 'usb-hub=7').wait(30) == 0
    session = bench.sessions()[0]
    assert {'key': 'usb-hub', 'value': '7'} in bench.call('ListSessions', name=session['session'])['sessions'][0]['conditions']


@pytest.mark.parametrize('key', ['eror', 'host-so', 'cabel', 'foo'])
def test_a_key_that_is_not_there_is_not_deleted(bench, key):
    """A typo was answered with "has these values already", then with the nearest of all keys, which was not there."""
    bench.start()
    name = told(bench, '--cable', 'A', '--condition', 'jig=7')
    bench.triage('conditions', '1-2', '--condition', 'jig=7')
    for place in ('attempt', '--session', name), ('conditions', '--session', name), ('conditions', '1-2'):
        result = bench.triage(*place, '--cable', 'B', '--unset', key, check=False)
        assert result.returncode == 2 and result.stdout == '', place
        assert ('It has jig.' if '1-2' in place else 'It has cable, jig.') in result.stderr, place
    assert conditions(session_of(bench, name)) == {'cable': 'A', 'jig': '7'}
    bench.triage('attempt', '--session', name, '--unset', 'jig')
    bench.triage('conditions', '1-2', '--unset', 'jig')
    assert conditions(session_of(bench, name)) == {'cable': 'A'} and bench.call('GetConditions')['places'] == []


def test_the_manual_has_every_condition():
    root = pathlib.Path(__file__).parents[2]
    keys = re.findall(r'^(?:factor|part|label) (\w+)', (root / 'common/knowledge/factors.txt').read_text(), re.M)
    keys.remove('restored')  # nobody reports it: the diagnosis sees it from the action
    manual = (root / 'man/idevicetriage.1.scd').read_text()
    assert keys and not [key for key in keys if f'_{key}_' not in manual]


@pytest.mark.parametrize('before, after', [(('run',), ('--', 'true')), (('import', '--device', ECID), ('tool.log',))])
def test_run_and_import_check_conditions_too(bench, folder, before, after):
    log = folder / 'tool.log'
    log.write_text(FAILURE)
    bench.start()
    after = [log if word == 'tool.log' else word for word in after]
    result = bench.triage(*before, '--condition', 'chargeFlex=replacd', *after, check=False)
    assert result.returncode == 2 and 'Did you mean replaced?' in result.stderr
    assert bench.sessions() == []
    result = bench.triage(*before, '--condition', 'chargeFlexx=replaced', '--condition', 'rearCamera=known-good', *after)
    assert 'did you mean chargeFlex?' in result.stderr
    assert conditions(bench.sessions()[0]) == {'chargeFlexx': 'replaced', 'rearCamera': 'known-good'}


def test_a_masked_export_hides_a_corrected_ticket(bench, folder):
    bench.start()
    name = told(bench, '--ticket', 'T-12345', '--cable', 'cable of T-12345')
    bench.triage('attempt', '--session', name, '--ticket', 'T-67890')
    bench.triage('attempt', '--session', name, '--unset', 'ticket')
    exported = folder / 'masked.json'
    bench.triage('export', '--mask', '-o', exported, ECID)
    assert 'T-12345' not in exported.read_text() and 'T-67890' not in exported.read_text()
    bench.triage('export', '-o', folder / 'plain.json', ECID)
    assert 'T-12345' in (folder / 'plain.json').read_text()
