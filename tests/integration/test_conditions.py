# SPDX-License-Identifier: LGPL-2.1-or-later
"""Conditions that stand: what a person tells once of a port or a phone is in every attempt there."""
import json
import signal

from daemon import until

ECID = '0x001C2D6A3C8A802E'


def attempt(bench, *options, tool=('true',)):
    """One run with a port or phone; gives its conditions as a dictionary."""
    process = bench.run(tool, *options)
    process.communicate(timeout=30)
    session = bench.sessions()[-1]
    return {condition['key']: condition['value'] for condition in session['conditions']}


def held(bench, place):
    return {condition['key']: condition['value']
            for entry in bench.ask('conditions', place)['places'] for condition in entry['conditions']}


def test_what_stands_at_a_port_is_in_each_attempt_there(bench):
    bench.start()
    bench.triage('conditions', '1-2.3', '--cable', 'L07', '--name', 'slot 4', '--minimal-boot')
    assert attempt(bench, '--port', '1-2.3') == {
        'port': '1-2.3', 'cable': 'L07', 'portName': 'slot 4', 'minimalBoot': 'true'}
    # What run itself says goes before, and so does a told "unknown".
    assert attempt(bench, '--port', '1-2.3', '--cable', 'L08')['cable'] == 'L08'
    assert attempt(bench, '--port', '1-2.3', '--condition', 'cable=unknown')['cable'] == 'unknown'
    assert attempt(bench, '--port', '1-2.4') == {'port': '1-2.4'}
    text = bench.triage('conditions').stdout
    assert 'Port 1-2.3 (slot 4)' in text and 'L07' in text


def test_what_stands_for_a_phone_goes_before_its_port(bench):
    bench.start()
    bench.triage('conditions', ECID, '--earpiece-flex', 'disconnected', '--cable', 'P')
    bench.triage('conditions', '1-2', '--cable', 'L07', '--condition', 'hub=blue')
    assert attempt(bench, '--port', '1-2', '--ecid', ECID) == {
        'port': '1-2', 'cable': 'P', 'earpieceFlex': 'disconnected', 'hub': 'blue'}
    assert ECID not in bench.triage('conditions').stdout
    assert ECID in bench.triage('conditions', '--reveal').stdout


def test_unknown_forgets(bench):
    bench.start()
    bench.triage('conditions', '1-2', '--cable', 'L07', '--display', 'connected')
    answer = bench.ask('conditions', '1-2', '--cable', 'unknown')
    assert answer['places'] == [{'port': '1-2', 'conditions': [{'key': 'display', 'value': 'connected'}]}]
    bench.triage('conditions', '1-2', '--display', 'unknown')
    assert bench.ask('conditions')['places'] == []
    assert attempt(bench, '--port', '1-2') == {'port': '1-2'}


def test_a_change_is_told_to_the_session_that_runs(bench, folder):
    bench.start()
    bench.triage('conditions', '1-2', '--cable', 'A')
    gate = folder / 'gate'
    process = bench.run(['sh', '-c', f'while ! test -e {gate}; do sleep 0.02; done'], '--port', '1-2')
    until(bench.sessions, what='the session')
    bench.triage('conditions', '1-2', '--cable', 'B')
    bench.triage('conditions', '1-3', '--cable', 'C')
    bench.triage('conditions', '1-2', '--cable', 'B')
    gate.touch()
    process.communicate(timeout=30)
    session = bench.sessions()[-1]
    told = [record['text'] for record in bench.records(session['session'], 'condition') if record['name'] == 'cable']
    assert told == ['A', 'B']
    assert {'key': 'cable', 'value': 'B'} in session['conditions']


def test_they_outlive_the_daemon(bench):
    bench.start()
    bench.triage('conditions', '1-2', '--cable', 'L07')
    bench.triage('conditions', '1-2', '--battery', 'replaced')
    bench.triage('conditions', '1-2', '--battery', 'unknown')
    bench.stop(signal.SIGKILL)
    bench.start()
    assert held(bench, '1-2') == {'cable': 'L07'}
    assert attempt(bench, '--port', '1-2') == {'port': '1-2', 'cable': 'L07'}


def test_they_hold_without_a_casebook_and_are_kept_when_it_is_back(bench):
    (bench.state / 'casebook.db').mkdir()
    bench.start()
    bench.triage('conditions', '1-2', '--cable', 'L07')
    assert attempt(bench, '--port', '1-2')['cable'] == 'L07'
    (bench.state / 'casebook.db').rmdir()
    until(lambda: [source['up'] for source in bench.ask('status')['sources'] if source['name'] == 'casebook'] == [True],
          what='the casebook')
    bench.stop()
    bench.start()
    assert held(bench, '1-2') == {'cable': 'L07'}


def test_a_purged_phone_leaves_no_conditions(bench):
    bench.start()
    bench.triage('conditions', ECID, '--cable', 'P')
    attempt(bench, '--ecid', ECID)
    bench.triage('purge', '--yes', ECID)
    assert bench.ask('conditions')['places'] == []
    bench.stop()
    bench.start()
    assert bench.ask('conditions')['places'] == []


def test_what_makes_no_sense_is_refused(bench):
    bench.start()
    assert bench.triage('conditions', '--cable', 'A', check=False).returncode == 2
    assert bench.triage('conditions', '1-2', '--cable', 'x' * 64, check=False).returncode == 2
    assert bench.triage('conditions', '1-2', '--cable', '', check=False).returncode == 2
    assert bench.triage('conditions', '1-2', '--display', 'broken', check=False).returncode == 2
    assert bench.triage('conditions', ECID, '--name', 'mine', check=False).returncode == 2
    assert bench.triage('conditions', '00008030-001C2D6A3C8A802E', '--name', 'mine', check=False).returncode == 2
    for arguments in (['nonsense', '--cable', 'A'], ['nonsense']):
        unknown = bench.triage('conditions', *arguments, check=False)
        assert unknown.returncode == 4 and 'nonsense' in unknown.stderr and unknown.stderr.count('\n') == 1
    assert bench.triage('conditions', '1-2', '--condition', 'no key=A', check=False).returncode == 2


def test_a_new_place_ends_the_conditions_of_the_oldest_phone(bench):
    """After 256 places, each new one was refused for ever. A port is there for years, a phone for days."""
    bench.start()
    bench.call('SetConditions', place='1-2', conditions=[{'key': 'cable', 'value': 'L07'}])
    for phone in range(1, 260):
        bench.call('SetConditions', place=f'0x{phone:x}', conditions=[{'key': 'battery', 'value': 'A'}])
        if phone == 200:  # The first phone is in use again.
            bench.call('SetConditions', place='0x1', conditions=[{'key': 'display', 'value': 'B'}])
    assert held(bench, '1-2') == {'cable': 'L07'} and held(bench, '0x103') == {'battery': 'A'}
    assert held(bench, '0x1') == {'battery': 'A', 'display': 'B'}
    assert [held(bench, f'0x{phone:x}') for phone in range(2, 6)] == [{}] * 4
    assert held(bench, '0x6') == {'battery': 'A'}
    assert len(bench.ask('conditions')['places']) == 256
    # The order is that of the changes after a restart too.
    bench.stop()
    bench.start()
    assert len(bench.ask('conditions')['places']) == 256
    bench.call('SetConditions', place='1-3', conditions=[{'key': 'cable', 'value': 'L08'}])
    assert held(bench, '0x6') == {} and held(bench, '0x7') == {'battery': 'A'} and held(bench, '1-2')


def test_two_ports_have_not_one_name(bench):
    """A name finds its port: with two of them, nothing by this name was found any more."""
    bench.start()
    bench.triage('conditions', '1-2', '--name', 'slot 4')
    for name in 'slot 4', 'Slot 4':
        second = bench.triage('conditions', '1-3', '--name', name, '--cable', 'L07', check=False)
        assert second.returncode == 1 and 'port 1-2 has this name' in second.stderr
        answer = bench.call_raw('SetConditions', place='1-3', conditions=[{'key': 'portName', 'value': name}])
        assert json.loads(answer)['error'].endswith('.InvalidParameter')
    assert [place['port'] for place in bench.ask('conditions')['places']] == ['1-2']
    # It may keep its name, give it back, and then another port has it.
    bench.triage('conditions', '1-2', '--name', 'Slot 4')
    bench.triage('conditions', '1-2', '--unset', 'portName')
    bench.triage('conditions', '1-3', '--name', 'slot 4')
    assert held(bench, '1-3') == {'portName': 'slot 4'} and held(bench, '1-2') == {}
