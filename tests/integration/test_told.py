# SPDX-License-Identifier: LGPL-2.1-or-later
"""What people tell: notes of a phone, and restores that the daemon did not see."""
import json
import time

import pytest

from daemon import until

ECID = '0x001C2D6A3C8A802E'
UDID = '00008030-001C2D6A3C8A802E'
NO_NOTE = '01936f00-0000-7000-8000-000000000000'


def notes(bench, device=ECID):
    return [(note['kind'], note['text']) for note in bench.ask('case', device)['notes']]


def test_a_note_is_in_the_case(bench):
    bench.start()
    bench.triage('attempt', ECID, '--outcome', 'failed', '--error', '4013')
    bench.triage('note', ECID, 'rattles', 'when', 'shaken')
    bench.triage('note', UDID, '--history', 'liquid', '--history', 'drop', 'says the customer')
    bench.triage('note', ECID, '--history', 'liquid')
    assert sorted(notes(bench)) == [('history', 'drop'), ('history', 'liquid'), ('note', 'rattles when shaken'),
                                    ('note', 'says the customer')]
    assert 'rattles when shaken' in bench.triage('case', ECID).stdout


def test_a_word_of_history_weighs_in_the_verdict(bench):
    bench.start()
    for host in ('one', 'two'):
        bench.triage('attempt', ECID, '--outcome', 'failed', '--error', '4013', '--operation', '28', '--host', host,
                     '--cable', host, '--model', 'iPhone12,3')
    before = bench.verdict(ECID)
    bench.triage('note', ECID, '--history', 'liquid')
    rules = {finding['rule'] for cause in bench.verdict(ECID)['causes'] for finding in cause['evidence']}
    assert rules - {finding['rule'] for cause in before['causes'] for finding in cause['evidence']}


def test_a_word_that_no_rule_knows_is_kept_with_a_warning(bench):
    bench.start()
    result = bench.triage('note', ECID, '--history', 'dog-chewed')
    assert 'dog-chewed' in result.stderr and 'liquid' in result.stderr
    assert bench.triage('note', ECID, '--history', 'bent').stderr == ''


def test_a_told_attempt_is_an_attempt(bench):
    bench.start()
    answer = bench.ask('attempt', UDID, '--outcome', 'failed', '--error', '4013', '--host', 'counter Mac',
                       '--tool', 'finder 14.5', '--operation', '28', '--action', 'update', '--cable', 'L09',
                       '--display', 'disconnected', '--port', 'left', '--ticket', 'T-9', '--firmware', '17.5',
                       '--model', 'iPhone12,3', '--at', '2026-01-31 14:05')
    assert answer['added'] is True
    session, = bench.sessions()
    assert session['session'] == answer['session'] and session['ecid'] == ECID and session['udid'] == UDID
    assert (session['host'], session['tool'], session['toolVersion']) == ('counter Mac', 'finder', '14.5')
    assert (session['operation'], session['action'], session['firmware']) == (28, 'update', '17.5')
    assert session['outcome'] == 'failed' and session['ticket'] == 'T-9' and session['productType'] == 'iPhone12,3'
    assert session['startedUSec'] == time.mktime((2026, 1, 31, 14, 5, 0, 0, 0, -1)) * 1e6
    conditions = {condition['key']: condition['value'] for condition in session['conditions']}
    assert conditions['cable'] == 'L09' and conditions['display'] == 'disconnected'
    assert bench.verdict(ECID)['itunesCode'] == 4013


def test_the_model_is_that_of_any_attempt(bench):
    """Of a session, it was only that of this session: "phone of unknown model"."""
    bench.start()
    bench.triage('attempt', ECID, '--outcome', 'failed', '--model', 'iPhone12,3', '--at', '2026-01-31 14:05')
    session = bench.ask('attempt', ECID, '--outcome', 'failed', '--host', 'Mac')['session']
    device = bench.ask('diagnose', ECID)['device']
    assert device['productType'] == 'iPhone12,3'
    for arguments in [session], []:
        assert bench.ask('diagnose', *arguments)['device'] == device


def test_attempts_told_without_a_host_are_not_two_computers(bench):
    bench.start()
    for _ in range(2):
        bench.triage('attempt', ECID, '--outcome', 'failed', '--error', '4013', '--operation', '28')
    assert bench.verdict(ECID)['phase'] == 'undecided'


def test_the_phone_at_a_port_is_meant(bench, make_phone):
    phone = make_phone('success')
    bench.start()
    udid = phone.phone.identity.udid
    until(lambda: bench.sees(udid), what='the phone')
    bench.triage('attempt', udid[-6:], '--outcome', 'succeeded')
    session, = bench.sessions()
    assert session['udid'] == udid and session['ecid'] == ECID
    assert bench.triage('attempt', '1-9', '--outcome', 'failed', check=False).returncode == 4


@pytest.mark.parametrize('command', [('attempt', 'ABCD', '--outcome', 'failed'), ('note', 'ABCD', 'wet'), ('case', 'ABCD'),
                                     ('measure', '--source', 'x', 'ABCD'), ('watch', 'ABCD'), ('try', 'ABCD')])
def test_an_unknown_phone_is_answered_in_the_same_words(bench, command):
    bench.start()
    result = bench.triage(*command, check=False)
    assert result.returncode == 4
    assert result.stderr == 'idevicetriage: No device ABCD is known here; `idevicetriage sessions` lists the known ones.\n'


def test_what_makes_no_sense_is_refused(bench):
    bench.start()
    bad = [('attempt',), ('attempt', ECID), ('attempt', ECID, '--outcome', 'dunno'),
           ('attempt', ECID, '--outcome', 'failed', '--error', 'x'),
           ('attempt', ECID, '--outcome', 'failed', '--error', 'mars:1'),
           ('attempt', ECID, '--outcome', 'failed', '--at', '2999-01-01'),
           ('attempt', ECID, '--outcome', 'failed', '--at', 'soon'),
           ('attempt', ECID, '--outcome', 'failed', '--operation', '9999'),
           ('attempt', ECID, '--outcome', 'failed', '--host', 'x' * 200),
           ('note',), ('note', ECID), ('note', ECID, '--history', 'Not A Word'), ('note', ECID, 'x' * 1001)]
    for arguments in bad:
        result = bench.triage(*arguments, check=False)
        assert result.returncode == 2 and result.stderr.count('\n') == 1, (arguments, result.stderr)
    assert bench.sessions() == []


def test_notes_have_a_limit(bench):
    bench.start()
    bench.triage('attempt', ECID, '--outcome', 'failed')
    for number in range(1005):
        bench.call('AddNote', device=ECID, text=f'note {number}')
    assert len(notes(bench)) == 1000


def test_without_a_casebook_they_say_so(bench):
    (bench.state / 'casebook.db').mkdir()
    bench.start()
    for arguments in (('note', ECID, 'wet'), ('attempt', ECID, '--outcome', 'failed')):
        result = bench.triage(*arguments, check=False)
        assert result.returncode == 1 and 'casebook' in result.stderr


def living_notes(bench):
    return sorted((note['kind'], note['text']) for note in bench.ask('case', ECID)['notes']
                  if not note.get('amended') and note['kind'] != 'removal')


def test_a_note_is_corrected_and_taken_back(bench):
    bench.start()
    bench.triage('attempt', ECID, '--outcome', 'failed', '--error', '4013')
    bench.triage('note', ECID, '--history', 'liquid', 'left in the rian')
    session, = bench.sessions()
    note = next(note for note in bench.ask('case', ECID)['notes'] if note['kind'] == 'note')
    said = bench.triage('note', '--session', session['session'][-8:], '--correct', note['note'][-8:], 'left in the rain')
    assert said.stdout == 'Corrected.\n'
    bench.triage('note', ECID, '--correct', 'liquid', '--history', 'drop')
    assert living_notes(bench) == [('history', 'drop'), ('note', 'left in the rain')]
    assert bench.triage('note', ECID, '--remove', 'drop').stdout == 'The note was taken back.\n'
    assert living_notes(bench) == [('note', 'left in the rain')]
    shown = ' '.join(bench.triage('case', ECID).stdout.split())
    assert 'history: liquid' not in shown and 'liquid (corrected' in shown and 'drop (taken back' in shown
    assert all(note['by'] for note in bench.ask('case', ECID)['notes'])
    # What is not there any more cannot be corrected again.
    for arguments in (('--remove', 'drop'), ('--remove', note['note'][-8:]), ('--correct', 'liquid', 'x')):
        assert bench.triage('note', ECID, *arguments, check=False).returncode == 4
    bench.triage('note', ECID, '--history', 'liquid')
    assert ('history', 'liquid') in living_notes(bench)


def test_a_word_that_was_taken_back_weighs_no_more(bench, folder):
    bench.start()
    for host in ('one', 'two'):
        bench.triage('attempt', ECID, '--outcome', 'failed', '--error', '4013', '--operation', '28', '--host', host,
                     '--cable', host, '--model', 'iPhone12,3')
    before = bench.verdict(ECID)
    bench.triage('note', ECID, '--history', 'liquid')
    wet = bench.verdict(ECID)
    exported = folder / 'wet.json'
    bench.triage('export', '-o', exported, ECID)
    bench.triage('note', ECID, '--remove', 'liquid')
    assert before != wet and bench.verdict(ECID) == before
    # An import of what was exported before does not bring it back; the next export does not have it.
    bench.triage('import', exported)
    assert bench.verdict(ECID) == before
    exported.unlink()
    bench.triage('export', '-o', exported, ECID)
    case = json.loads(exported.read_text())
    assert case['history'] == [] and [note['kind'] for note in case['notes']] == ['history', 'removal']
    bench.stop()
    offline = bench.triage('--state-dir', bench.state, '--json', 'diagnose', ECID)
    assert json.loads(offline.stdout)['verdict'] == before


def test_a_purge_leaves_no_byte_of_a_note(bench):
    bench.start()
    bench.triage('attempt', ECID, '--outcome', 'failed')
    bench.triage('note', ECID, 'FIRSTWORDS')
    note, = bench.ask('case', ECID)['notes']
    bench.triage('note', ECID, '--correct', note['note'][-8:], 'SECONDWORDS')
    bench.triage('purge', '--yes', ECID)
    bench.stop()
    left = b''.join(path.read_bytes() for path in bench.state.iterdir() if path.is_file())
    assert b'FIRSTWORDS' not in left and b'SECONDWORDS' not in left


def test_a_note_that_does_not_exist_is_not_corrected(bench):
    bench.start()
    bench.triage('attempt', ECID, '--outcome', 'failed')
    bench.triage('note', ECID, 'one')
    note, = bench.ask('case', ECID)['notes']
    for parameters in ({'text': ''}, {'text': 'x', 'amends': 'nonsense'}, {'text': 'x', 'amends': NO_NOTE},
                       {'text': 'Not A Word', 'kind': 'history', 'amends': note['note']}, {'text': 'x', 'kind': 'removal'}):
        answer = json.loads(bench.call_raw('AddNote', device=ECID, **parameters))
        assert answer['error'].endswith('.InvalidParameter'), parameters
    for arguments in (('note', ECID, '--remove', note['note'][-8:], 'x'), ('note', ECID, '--correct', note['note'][-8:]),
                      ('note', '--remove', 'x'), ('note', ECID, '--remove', 'a', '--remove', 'b')):
        assert bench.triage(*arguments, check=False).returncode == 2, arguments
    assert bench.ask('case', ECID)['notes'] == [note]


def test_a_typo_in_a_word_of_history_is_answered(bench):
    bench.start()
    assert 'Did you mean liquid?' in bench.triage('note', ECID, '--history', 'liqiud').stderr


def test_the_error_that_a_person_reported_is_shown(bench, folder):
    """It was in no list, page or JSON: the technician could not see what was typed."""
    bench.start()
    bench.triage('attempt', ECID, '--outcome', 'failed', '--error', '4013', '--error', 'amr:11', '--operation', '28')
    session, = bench.sessions()
    assert session['errors'] == [{'domain': 'itunes', 'code': 4013}, {'domain': 'amr', 'code': 11}]
    for command in ('sessions',), ('case', ECID):
        text = bench.triage(*command).stdout
        assert 'iTunes error 4013, AMR error 11' in ' '.join(text.split()), text
        assert max(map(len, text.splitlines())) <= 80
    bench.triage('report', '-o', folder / 'page.html', ECID)
    assert 'iTunes error 4013, AMR error 11' in (folder / 'page.html').read_text()
    bench.triage('attempt', '--session', session['session'], '--error', '1015')
    assert 'iTunes error 1015\n' in bench.triage('sessions').stdout


def test_the_log_of_a_told_attempt_says_that_there_is_none(bench):
    bench.start()
    session = bench.ask('attempt', ECID, '--outcome', 'failed')['session']
    log = bench.triage('log', session)
    assert (log.returncode, log.stdout) == (0, '') and 'entered by a person' in log.stderr
    assert bench.records(session) == []
    assert bench.triage('log', '--after', '5', session).stderr == ''
    bench.triage('attempt', '--session', session, '--cable', 'A')
    log = bench.triage('log', session)
    assert 'cable' in log.stdout and log.stderr == ''


@pytest.mark.parametrize('model, nearest', [('iPhone12,33', 'iPhone12,3'), ('iPhone 11 Pro', 'iPhone12,3'),
                                            ('d421ap', 'iPhone12,3'), ('Zork', None)])
def test_an_unknown_model_is_stored_with_a_warning(bench, model, nearest):
    bench.start()
    said = bench.triage('attempt', ECID, '--outcome', 'failed', '--model', model).stderr
    assert f'{model} is not a known model' in said and (f'did you mean {nearest}?' if nearest else 'as typed') in said
    session, = bench.sessions()
    assert session['productType'] == model
    assert bench.triage('attempt', '--session', session['session'], '--model', 'iPhone12,3').stderr == ''


def test_a_port_that_is_nearly_the_name_of_one_is_asked_about(bench):
    bench.start()
    bench.triage('conditions', '1-2', '--name', 'slot 4')
    told = ('attempt', ECID, '--outcome', 'failed', '--port')
    assert 'did you mean slot 4?' in bench.triage(*told, 'slot4').stderr
    for port in '1-3', 'Slot 4', 'left':
        assert bench.triage(*told, port).stderr == '', port
    assert bench.triage(*told, 'slot4', '--host', 'Mac').stderr == ''
    session = bench.sessions()[0]['session']
    assert 'did you mean slot 4?' in bench.triage('attempt', '--session', session, '--port', 'slt 4').stderr
