# SPDX-License-Identifier: LGPL-2.1-or-later
"""Benches exchange what they stored: a union in any order, any number of times, through the methods of the socket."""
import copy
import gzip
import hashlib
import json
import os
import pathlib
import sqlite3
import subprocess

import pytest

from daemon import Bench, until
from faults import Faults

ECID, OTHER = '0x001C2D6A3C8A802E', '0x00002B3C4D5E6F70'
UDID = '00008030-001C2D6A3C8A802E'
KINDS = ['attempt', 'note', 'correction', 'condition', 'purge']
LOG = 'Restoring image (13)\nERROR: Unable to successfully restore device\n'


@pytest.fixture
def benches(request, folder):
    """Three computers of a shop."""
    made = []
    for number, name in enumerate('abc'):
        (folder / name).mkdir()
        bench = Bench(pathlib.Path(request.config.getoption('--build-dir')).resolve(), folder / name, folder / name / 'mux')
        made.append(bench.start(name=f'bench-{name}', host_id=f'{number:012x}-00000000000{name}'))
    yield made
    for bench in made:
        bench.close()


def host_id(bench):
    return bench.environment['IDEVICETRIAGE_HOST_ID']


def changes(bench, cursor=None):
    """All changes as objects, without their records; and the cursor."""
    listed, reply = [], {'cursor': cursor} if cursor else {}
    while reply.get('changes', True):
        reply = bench.call('ListChanges', kinds=KINDS, **{key: reply[key] for key in reply if key == 'cursor'})
        listed += reply['changes']
    return [bench.call('ExportChange', **change)['change'] for change in listed], reply['cursor']


def add(bench, change):
    return bench.call('AddChange', change=change)['result']


def give(source, target):
    """All of one bench for another: how often there was each result."""
    results = [add(target, change) for change in changes(source)[0]]
    return {result: results.count(result) for result in sorted(set(results))}


def of_kind(bench, kind):
    return [change for change in changes(bench)[0] if change['kind'] == kind]


def fail(bench, ecid=ECID, *options):
    """A watched restore that has failed and is sealed."""
    before = len(of_kind(bench, 'attempt'))
    log = bench.folder / 'tool.log'
    log.write_text(LOG)
    assert bench.run(['sh', '-c', 'cat "$0"; exit 1', log, '-i', ecid], *options).wait(60) == 1
    until(lambda: len(of_kind(bench, 'attempt')) > before, what='the seal')
    return bench.sessions()[-1]['session']


def test_a_foreign_attempt_keeps_its_writer_and_its_revision(benches):
    a, b, c = benches
    session = fail(a)
    first, = of_kind(a, 'attempt')
    assert first['writer'] == host_id(a) and first['revision'] > 0 and first['id'] == session
    assert give(a, b) == {'added': 1} and give(b, c) == {'added': 1}
    assert of_kind(c, 'attempt') == [first] == of_kind(b, 'attempt')
    a.triage('conditions', '--session', session, '--cable', 'L07')
    until(lambda: of_kind(a, 'attempt') != [first], what='the second seal')
    later, = of_kind(a, 'attempt')
    assert later['revision'] > first['revision']
    assert add(c, later) == 'replaced' and add(c, first) == 'present' and add(c, later) == 'present'
    assert of_kind(c, 'attempt') == [later]


def test_what_comes_back_is_no_change(benches):
    a, b, _ = benches
    fail(a)
    a.triage('attempt', OTHER, '--outcome', 'failed')
    a.triage('note', ECID, '--history', 'liquid')
    a.triage('conditions', ECID, '--battery', 'original')
    cursor = changes(a)[1]
    assert give(a, b) == {'added': 4}
    assert give(b, a) == {'present': 4} == give(a, b)
    assert changes(a, cursor) == ([], cursor)
    cursor = changes(b)[1]
    give(a, b)
    assert changes(b, cursor) == ([], cursor)


def test_nobody_changes_what_this_bench_watched(benches):
    a, b, _ = benches
    fail(a)
    ours, = of_kind(a, 'attempt')
    forged = copy.deepcopy(ours)
    forged['revision'] += 10**9
    forged['case']['attempts'][0]['outcome'] = 'succeeded'
    for writer in host_id(a), host_id(b), '0' * 12 + '-' + '0' * 12:
        assert add(a, {**forged, 'writer': writer}) == 'present'
    assert of_kind(a, 'attempt') == [ours]
    a.stop()
    (a.state / 'ring').unlink()
    a.start(name='bench-a')
    assert add(a, forged) == 'present' and of_kind(a, 'attempt') == [ours]


def test_a_correction_may_arrive_before_its_attempt(benches):
    a, b, c = benches
    session = fail(a)
    give(a, b)
    b.triage('attempt', '--session', session, '--outcome', 'succeeded', '--cable', 'B')
    for correction in of_kind(b, 'correction'):
        assert add(c, correction) == 'added' and add(a, correction) == 'added'
    assert c.sessions() == []
    give(a, c)
    for bench in benches:
        seen, = bench.sessions()
        assert seen['outcome'] == 'succeeded' and {'key': 'cable', 'value': 'B'} in seen['conditions'], bench.folder
        assert [(one['key'], one.get('before')) for one in seen['amendments']] == [('outcome', 'failed'), ('cable', None)]


def test_of_two_corrections_the_later_one_holds_everywhere(benches):
    a, b, c = benches
    session = fail(a)
    give(a, b)
    for bench, cable in (a, 'A'), (b, 'B'), (a, 'C'):
        bench.triage('conditions', '--session', session, '--cable', cable)
    give(b, c)
    give(a, c)
    give(b, a)
    give(a, b)
    for bench in benches:
        assert {'key': 'cable', 'value': 'C'} in bench.sessions()[0]['conditions'], bench.folder
        bench.stop()
        bench.start(name=bench.folder.name)
        assert {'key': 'cable', 'value': 'C'} in bench.sessions()[0]['conditions'], bench.folder
        assert [one['after'] for one in bench.sessions()[0]['amendments']] == ['A', 'B', 'C']


def test_a_bench_whose_clock_is_behind_has_the_last_word_too(benches):
    a, b, _ = benches
    session = fail(a)
    give(a, b)
    ahead = {'formatVersion': 1, 'kind': 'correction', 'id': '01936f00-0000-7000-8000-000000000001', 'session': session,
             'timeUSec': 4_000_000_000_000_000, 'key': 'cable', 'after': 'Z'}
    assert add(a, ahead) == add(b, ahead) == 'added'
    b.triage('conditions', '--session', session, '--cable', 'B')
    give(b, a)
    assert {'key': 'cable', 'value': 'B'} in a.sessions()[0]['conditions']


def test_a_phones_conditions_travel_and_those_of_ports_stay(benches):
    a, b, c = benches
    a.triage('conditions', '1-2', '--cable', 'L07')
    b.triage('conditions', '1-2', '--cable', 'L08')
    a.triage('conditions', ECID, '--battery', 'replaced')
    a.triage('conditions', ECID, '--display', 'original')
    a.triage('conditions', ECID, '--display', 'unknown')
    give(a, b)
    give(b, c)
    places = {place.get('port') or place['ecid']: place['conditions'] for place in b.call('GetConditions')['places']}
    assert places == {'1-2': [{'key': 'cable', 'value': 'L08'}], ECID: [{'key': 'battery', 'value': 'replaced'}]}
    assert [place.get('port') for place in c.call('GetConditions')['places']] == [None]
    assert len(of_kind(c, 'condition')) == 4
    c.triage('conditions', ECID, '--battery', 'original')
    fail(c)
    assert {'key': 'battery', 'value': 'original'} in c.sessions()[0]['conditions']
    give(c, b)
    give(a, b)
    b.stop()
    b.start(name='bench-b')
    assert {'key': 'battery', 'value': 'original'} in b.call('GetConditions', place=ECID)['places'][0]['conditions']
    assert give(c, a) == {'added': 3, 'present': 2}


def test_with_conditions_of_too_many_phones_the_last_ones_hold(benches):
    """A bench gets those of another one later than it set its own: the time counts, not the order in which they come."""
    a, b, _ = benches
    phones = [f'0x{0x1C2D6A3C8A0000 + number:016X}' for number in range(330)]
    for number, phone in enumerate(phones):
        (a if number < 256 else b).call('SetConditions', place=phone, conditions=[{'key': 'battery', 'value': 'replaced'}])
    for source, target in (a, b), (b, a), (a, b):
        give(source, target)
    for bench in a, b:
        assert [place['ecid'] for place in bench.call('GetConditions')['places']] == phones[-256:]
        bench.stop()
        bench.start(name='bench')
        assert [place['ecid'] for place in bench.call('GetConditions')['places']] == phones[-256:]
    assert give(a, b) == {'present': 330} == give(b, a)


def told(device, **attempt):
    return {'format': 'idevicetriage-case', 'version': 1, 'device': device, 'attempts': [{'outcome': 'failed', **attempt}]}


def test_of_two_models_the_newest_attempt_names_the_phones(benches):
    a, b, c = benches
    at = '2026-11-20T10:15:00Z'
    for bench, last, model in (a, '1', 'iPhone12,3'), (b, '2', 'iPhone9,1'):
        bench.call('AddAttempt', case=told({'ecid': ECID, 'productType': model}, startedAt=at,
                                           session=f'01936f00-0000-7000-8000-00000000000{last}'))
    session = fail(a)
    a.triage('attempt', '--session', session, '--model', 'iPhone10,6')
    c.call('AddAttempt', case=told({'ecid': ECID, 'productType': 'iPhone8,1'}, startedAt=at,
                                   session='01936f00-0000-7000-8000-000000000003'))

    def names():
        return {bench.call('GetCase', device=ECID)['device']['productType'] for bench in benches}
    until(lambda: of_kind(a, 'attempt')[-1]['case']['device']['productType'] == 'iPhone10,6', what='the second seal')
    for source, target in (c, a), (a, b), (b, c):
        give(source, target)
    assert names() == {'iPhone10,6'}
    b.call('AmendAttempt', session=session, changes=[{'key': 'outcome', 'value': 'withdrawn'}])
    assert names() == {'iPhone10,6'}
    a.stop()
    (a.state / 'ring').unlink()
    a.start(name='bench')
    assert names() == {'iPhone10,6'}


def test_a_bench_with_many_attempts_counts_those_that_all_count(benches):
    """Of the failures of other phones the newest ones count, also those that this bench watched."""
    a, b, _ = benches
    for number in range(3):
        fail(a, f'0x{0x1C2D6A3C8A0000 + number:016X}', '--cable', 'A')
    for page in range(35):
        cases = [told({'ecid': f'0x{0x1C2D6A3C8B0000 + 16 * page + number:016X}'}, startedAt='2100-01-01T00:00:00Z',
                      session=f'01936f00-0000-7000-8000-{16 * page + number:012x}', host='far') for number in range(16)]
        assert all(a.call('AddAttempts', attempts=[{'case': case} for case in cases])['added'])
    fail(a, ECID, '--cable', 'A')
    give(a, b)
    assert a.verdict(ECID)['causes'] == b.verdict(ECID)['causes']


def test_attempts_of_one_instant_are_not_cut_by_arrival(benches):
    """Of 560 attempts that began at once, all count, not those that arrived last."""
    a, b, _ = benches
    for page in range(35):
        cases = [told({'ecid': f'0x{0x1C2D6A3C8B0000 + 16 * page + number:016X}'}, startedAt='2100-01-01T00:00:00Z',
                      session=f'01936f00-0000-7000-8000-{16 * page + number:012x}', host='far',
                      conditions={'cable': 'A' if page == 0 else 'B'}) for number in range(16)]
        assert all(a.call('AddAttempts', attempts=[{'case': case} for case in cases])['added'])
    a.call('AddAttempt', case=told({'ecid': ECID}, startedAt='2100-01-01T00:00:01Z', error={'domain': 'itunes', 'code': 4013},
                                   session='01936f00-0000-7000-8000-000000001000', host='bench-a', conditions={'cable': 'A'}))
    for change in reversed(changes(a)[0]):
        add(b, change)
    rules = {evidence['rule'] for cause in a.verdict(ECID)['causes'] for evidence in cause['evidence']}
    assert 'other-phones-cable' in rules
    assert a.verdict(ECID)['causes'] == b.verdict(ECID)['causes']


def test_attempts_have_the_order_of_the_clock_on_every_bench(benches):
    """Also on the one that watched them: its clock was set back between two restores."""
    a, b, _ = benches
    faults = Faults(a.build, a.folder)
    a.stop()
    a.wrapper = faults.wrapper
    a.start(name='bench-a')
    later = fail(a, ECID, '--cable', 'A')
    faults.clock(-3600 * 1000000)
    fail(a, ECID, '--cable', 'B')
    give(a, b)
    for bench in (a, b):
        assert [session['session'] == later for session in bench.sessions()] == [False, True]
    page = a.call('ListSessions', limit=1)
    rest = a.call('ListSessions', cursor=page['cursor'])
    assert [len(page['sessions']), page['sessions'][0]['session'], len(rest['sessions'])] == [1, later, 1]
    assert a.verdict(ECID)['causes'] == b.verdict(ECID)['causes']


def test_one_phone_with_two_names_blames_no_cable(benches):
    """Another phone failed twice with the cable: known by its ECID, and by its UDID. An attempt elsewhere shows that it is one."""
    a, _, _ = benches
    udid = f'{0xAB:040x}'

    def tell(device, number, host, cable):
        a.call('AddAttempt', case=told(device, host=host, error={'domain': 'itunes', 'code': 4013}, conditions={'cable': cable},
                                       session=f'01936f00-0000-7000-8000-00000000000{number}'))

    def blamed():
        return {evidence['rule'] for cause in a.verdict(ECID)['causes'] for evidence in cause['evidence']}
    for number, device in enumerate([{'ecid': ECID}, {'ecid': OTHER}, {'udid': udid}]):
        tell(device, number, 'bench-a', 'A')
    assert 'other-phones-cable' in blamed()
    tell({'ecid': OTHER, 'udid': udid}, 3, 'far', 'B')
    assert 'other-phones-cable' not in blamed()


def test_a_verdict_counts_attempts_that_know_the_phone_by_its_other_name(benches):
    """Also the one that the daemon makes by itself, where nothing has told it both names since its start."""
    a, _, _ = benches
    udid = f'{0xAB:040x}'

    def tell(number, **device):
        a.call('AddAttempt', case=told(device, error={'domain': 'itunes', 'code': 4013}, host='bench-a',
                                       session=f'01936f00-0000-7000-8000-00000000000{number}'))
    tell(1, ecid=OTHER)
    tell(2, ecid=OTHER, udid=udid)
    a.stop()
    (a.state / 'ring').unlink()
    a.start(name='bench-a')
    tell(3, udid=udid)

    def said():
        return [record['text'] for record in a.call('ReadLog')['records'] if record['kind'] == 'diagnosis']
    until(said, what='the verdict')
    assert said() == [a.call('Diagnose', device=OTHER)['verdict']['summary']]
    assert ' 3 failed attempts' in said()[0]


def on_disk(bench, *texts):
    return [(path.name, text) for path in bench.state.iterdir() for text in texts if text in path.read_bytes()]


SECRETS = [ECID[4:].encode(), ECID[4:].lower().encode(), str(int(ECID, 16)).encode(), int(ECID, 16).to_bytes(8, 'little'),
           int(ECID, 16).to_bytes(8, 'big'), b'T-of-Jane', b'left in the rain', b'desk-of-Jane', b'label-of-Jane']


def test_a_purge_erases_on_every_bench(benches):
    a, b, c = benches
    sessions = [fail(bench, ECID, '--ticket', 'T-of-Jane') for bench in (a, b)]
    fail(b, OTHER)
    a.triage('note', ECID, 'left in the rain')
    a.triage('conditions', ECID, '--condition', 'stand=desk-of-Jane')
    for source, target in (a, b), (b, a), (b, c):
        give(source, target)
    c.triage('conditions', '--session', sessions[0], '--cable', 'label-of-Jane')
    corrections = of_kind(c, 'correction')
    old = changes(c)[0]
    assert on_disk(c, *SECRETS) and on_disk(b, *SECRETS)
    a.triage('purge', '--yes', ECID)
    give(a, b)
    assert [each['ecid'] for each in b.sessions()] == [OTHER]
    for change in changes(a)[0] + changes(b)[0]:
        add(c, change)
    for bench in benches:
        assert {result for result in (add(bench, change) for change in old)} <= {'purged', 'added', 'present'}
        assert add(bench, corrections[0]) == 'purged'
        assert on_disk(bench, *SECRETS) == [], bench.folder
    assert [each['ecid'] for each in c.sessions()] == [OTHER]
    bench = c
    fail(c)
    assert give(c, a)['added'] == 1  # what the phone did after the purge is stored
    assert len(a.sessions()) == 2


def test_a_purge_finds_an_attempt_that_only_the_other_bench_has(benches):
    a, b, _ = benches
    fail(a)
    fail(b, ECID, '--ticket', 'T-of-Jane')
    b.triage('note', ECID, 'left in the rain')
    b.stop()
    (b.state / 'ring').unlink()
    b.start(name='bench-b')
    a.triage('purge', '--yes', ECID)
    tombstone, = of_kind(a, 'purge')
    assert ECID not in json.dumps(tombstone) and str(int(ECID, 16)) not in json.dumps(tombstone)
    salted = bytes.fromhex(tombstone['salt']) + int(ECID, 16).to_bytes(8, 'little')
    assert tombstone['ecidHash'] == hashlib.sha256(salted).hexdigest()
    logs = [path for path in (b.folder / 'home/idevicetriage/logs').iterdir()]
    answer = b.call('AddChange', change=tombstone)
    assert answer['result'] == 'added' and answer['attempts'] == 1
    assert [log['path'] for log in answer['toolLogs']] == [str(path) for path in logs]
    assert on_disk(b, *SECRETS) == [] and b.sessions() == []
    assert add(b, tombstone) == 'present'


def test_a_purge_of_an_unknown_phone_forgets_no_other(benches):
    a, b, _ = benches
    a.triage('attempt', OTHER, '--outcome', 'failed')
    session = fail(b)
    assert 'SessionEnded' in b.call_raw('EndRun', session=session, exitStatus=1)
    a.triage('purge', '--yes', OTHER)
    assert give(a, b) == {'added': 1}
    assert 'SessionEnded' in b.call_raw('EndRun', session=session, exitStatus=1)


def test_a_purge_by_date_names_what_it_deleted(benches):
    a, b, _ = benches
    fail(a)
    fail(b, OTHER)
    give(a, b)
    give(b, a)
    a.call('Purge', beforeUSec=a.sessions()[0]['startedUSec'] + 1)
    assert give(a, b)['added'] == 1
    assert [each['ecid'] for each in b.sessions()] == [OTHER]
    fail(b)
    assert give(b, a) == {'added': 1, 'present': 2}


@pytest.mark.parametrize('bad', [
    {}, {'formatVersion': 1}, {'formatVersion': 2, 'kind': 'note'}, {'formatVersion': 1, 'kind': 'x'},
    {'formatVersion': 1, 'kind': 'note', 'id': 'x'}, {'formatVersion': '1', 'kind': 'note'},
])
def test_what_is_no_change_is_refused(benches, bad):
    assert 'InvalidParameter' in benches[0].call_raw('AddChange', change=bad)


def test_a_changed_member_is_refused_or_harmless(benches):
    """Each member of a change, left out or of another type, long or negative: the daemon answers."""
    a, b, _ = benches
    session = fail(a)
    a.triage('note', ECID, '--history', 'liquid')
    a.triage('conditions', ECID, '--battery', 'original')
    a.triage('conditions', '--session', session, '--cable', 'A')
    a.triage('attempt', OTHER, '--outcome', 'failed')
    a.triage('purge', '--yes', OTHER)
    for change in changes(a)[0]:
        for key in change:
            for value in None, 7, -1, 2**53, 2**63 - 1, 'x' * 5000, '', [], [7], {}, True, 'é\x01':
                broken = {**change, key: value}
                if value is None:
                    del broken[key]
                b.call_raw('AddChange', change=broken)
    assert b.triage('status').returncode == 0
    with sqlite3.connect(b.state / 'casebook.db') as book:
        assert book.execute('PRAGMA integrity_check').fetchone() == ('ok',)


def export(bench, *options):
    return bench.triage('export', '--all', *options).stdout


def take_in(bench, text, *options, check=True):
    """`import -` of an export; the summary."""
    result = subprocess.run([bench.build / 'client' / 'idevicetriage', '--json', 'import', *options, '-'], input=text,
                            env=bench.environment, capture_output=True, text=True, timeout=120)
    assert not check or result.returncode == 0, result.stderr
    return result


def summary(bench, text, *options):
    return {key: value for key, value in json.loads(take_in(bench, text, *options).stdout.splitlines()[-1]).items()
            if key in ('added', 'replaced', 'present', 'purged', 'refused', 'changes') and value}


def test_a_pipe_makes_a_union(benches):
    a, b, c = benches
    sessions = [fail(a, ECID, '--cable', 'A'), fail(b, OTHER)]
    a.triage('note', ECID, '--history', 'liquid')
    a.triage('conditions', '1-2', '--cable', 'L07')
    b.triage('attempt', ECID, '--outcome', 'succeeded', '--host', 'counter', '--cable', 'B')
    a.triage('attempt', '--session', sessions[0], '--error', '4013')
    assert summary(b, export(a)) == {'added': 4}
    assert summary(c, export(b)) == {'added': 6}
    assert summary(a, export(c)) == {'added': 2, 'present': 4}
    assert summary(a, export(c)) == {'present': 6}
    cursor = json.loads(export(a).splitlines()[-1])['cursor']
    assert export(a, '--since', cursor) == json.dumps({'formatVersion': 1, 'cursor': cursor}) + '\n'
    for bench in b, c:
        assert bench.verdict(ECID) == a.verdict(ECID) and bench.verdict(OTHER) == a.verdict(OTHER)
        for session in sessions:
            lines = [record['text'] for record in bench.records(session, 'log')]
            assert lines == LOG.splitlines()
    c.triage('note', ECID, 'said the customer')
    assert summary(a, export(c)) == {'added': 1, 'present': 6}


def test_what_arrives_by_a_pipe_is_compressed_too(benches, folder):
    a, b, _ = benches
    fail(a)
    path = folder / 'a.jsonl.gz'
    path.write_bytes(gzip.compress(export(a).encode()))
    assert '1 added' in b.triage('import', path).stdout
    assert '1 already known' in b.triage('import', path).stdout
    assert '1 changes would be imported' in b.triage('import', '--dry-run', path).stdout


def test_a_purge_goes_through_the_pipe_with_its_logs(benches):
    a, b, _ = benches
    fail(a)
    fail(b)
    log, = (b.folder / 'home/idevicetriage/logs').iterdir()
    a.triage('purge', '--yes', ECID)
    assert summary(b, export(a)) == {'added': 1}
    assert not log.exists() and b.sessions() == []


def test_a_stream_that_is_cut_off_is_not_complete(benches):
    a, b, c = benches
    fail(a)
    a.triage('note', ECID, 'wet')
    whole = export(a)
    for cut in len(whole) - 1, len(whole) - 30, whole.index('\n') + 1, whole.index('\n') - 5:
        result = take_in(b, whole[:cut], check=False)
        if cut == len(whole) - 1:
            assert result.returncode == 0  # only the last line end
        else:
            assert result.returncode == 1 and 'ends without a cursor' in result.stderr, cut
    assert summary(c, whole) == {'added': 2}
    assert of_kind(b, 'attempt') == of_kind(a, 'attempt') and of_kind(b, 'note') == of_kind(a, 'note')


def test_a_bad_line_costs_only_itself(benches):
    a, b, _ = benches
    fail(a)
    whole = export(a).splitlines()
    bad = ['{', '[]', 'x', '{"formatVersion": 1}', '{"formatVersion": 1, "kind": "x", "id": "y"}', '{"a": ' * 40 + '1' + '}' * 40,
           '{"formatVersion": 1, "kind": "note", "id": "01936f00-0000-7000-8000-000000000001", "text": "%s"}' % ('x' * 70000)]
    result = take_in(b, '\n'.join([whole[0], *bad, whole[-1]]), check=False)
    assert result.returncode == 1 and 'line 2: it is not an object of JSON' in result.stderr
    assert '7 lines were refused' in result.stderr and len(of_kind(b, 'attempt')) == 1
    result = take_in(b, '{"formatVersion": 2, "kind": "attempt"}\n{"formatVersion": 2, "cursor": "7"}\n', check=False)
    assert result.returncode == 1 and 'of a later version of this program' in result.stderr


def test_options_of_attempts_are_not_for_another_bench(benches):
    a, b, _ = benches
    fail(a)
    assert take_in(b, export(a), '--cable', 'B', check=False).returncode == 2 and b.sessions() == []


def test_an_export_of_an_earlier_version_is_imported(benches):
    a, b, _ = benches
    session = fail(a)
    *lines, cursor = export(a).splitlines()
    old = [{key: value for key, value in json.loads(line).items()
            if key not in ('formatVersion', 'kind', 'id', 'writer', 'revision')} for line in lines]
    # A line alone, as such an export begins.
    take_in(b, json.dumps(old[0]))
    assert b.sessions()[0]['session'] == session
    assert give(a, b) == {'replaced': 1}
    assert of_kind(b, 'attempt') == of_kind(a, 'attempt')


def test_only_the_administrator_imports_purges(benches):
    a, b, _ = benches
    if os.getuid() != 0:
        pytest.skip('needs two users')
    a.triage('note', ECID, 'wet')
    a.triage('purge', '--yes', ECID)
    os.chmod(b.folder.parent, 0o755)
    os.chmod(b.folder, 0o755)
    os.chmod(b.socket, 0o666)
    result = subprocess.run(['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups',
                             b.build / 'client' / 'idevicetriage', 'import', '-'],
                            input=export(a), env={**b.environment, 'TMPDIR': '/tmp'}, capture_output=True, text=True)
    assert result.returncode == 1 and 'Run the import as root' in result.stderr, result.stderr
    assert of_kind(b, 'purge') == []


def test_a_correction_reaches_a_session_that_may_end_again(benches):
    """Its phone may return for some minutes: the verdict of its own bench is made from the session, not from the casebook."""
    a, b, _ = benches
    session = fail(a)
    give(a, b)
    b.triage('attempt', '--session', session, '--outcome', 'withdrawn')
    give(b, a)
    assert a.sessions()[0]['outcome'] == 'withdrawn' and a.verdict(ECID)['phase'] == b.verdict(ECID)['phase']


def test_nobody_corrects_a_running_restore(benches):
    a = benches[0]
    session = a.call('BeginRun', tool='idevicerestore', arguments=[], conditions=[], ecid=ECID)['session']
    change = {'formatVersion': 1, 'kind': 'correction', 'id': '01936f00-0000-7000-8000-000000000001', 'session': session,
              'timeUSec': 1_700_000_000_000_000, 'key': 'outcome', 'after': 'succeeded'}
    assert json.loads(a.call_raw('AddChange', change=change)) == {
        'error': 'io.github.idevicetriage.DeviceBusy', 'parameters': {'device': session}}
    assert a.call('EndRun', session=session, exitStatus=1)['result']['outcome'] != 'succeeded'
    assert add(a, change) == 'added' and a.sessions()[0]['outcome'] == 'succeeded'


def test_of_two_case_files_of_a_computer_that_exchanges_nothing_the_fuller_one_holds(benches):
    a, b, c = benches
    brief = told({'ecid': ECID}, session='01936f00-0000-7000-8000-000000000001', hostId='1234567890ab-1234567890ab')
    full = copy.deepcopy(brief)
    full['attempts'][0]['error'] = {'domain': 'itunes', 'code': 4013}
    for bench, case in (a, brief), (b, full):
        assert bench.call('AddAttempt', case=case)['added']
    assert [give(a, b), give(b, a)] == [{'present': 1}, {'replaced': 1}]
    # It was stored at another time here: both count the same one.
    assert c.call('AddAttempt', case=full)['added']
    give(b, c)
    give(c, a)
    assert of_kind(a, 'attempt') == of_kind(b, 'attempt') == of_kind(c, 'attempt')
    assert of_kind(a, 'attempt')[0]['case']['attempts'][0]['errors'] == [{'domain': 'itunes', 'code': 4013}]


def test_another_computer_stays_another_computer(benches):
    """A person said so; a restart gave the attempt the id of this bench again."""
    a, _, _ = benches
    session = fail(a)
    a.triage('attempt', '--session', session, '--host', 'two')
    until(lambda: 'hostId' not in of_kind(a, 'attempt')[0]['case']['attempts'][0], what='the second seal')
    a.stop()
    (a.state / 'ring').unlink()
    a.start(name='bench-a')
    assert a.sessions()[0]['host'] == 'two' and 'hostId' not in a.sessions()[0]
