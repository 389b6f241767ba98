# SPDX-License-Identifier: LGPL-2.1-or-later
"""`diagnose --case`: judges a case file with no daemon and no ring, as the accuracy tool does."""
import collections
import json
import pathlib
import re
import subprocess

import pytest

CASES = pathlib.Path(__file__).resolve().parent.parent / 'cases' / 'dev'
MINIMAL = CASES.parent / 'minimal'
CODES = {'none': 0, 'phase1-connection': 10, 'phase1-software': 11, 'phase2-hardware': 20, 'undecided': 30}


def judged(bench, path):
    result = bench.triage('--json', 'diagnose', '--case', path, check=False)
    assert result.stderr == ''
    reply = json.loads(result.stdout)
    assert result.returncode == CODES[reply['verdict']['phase']]
    return reply


def test_verdicts_are_those_of_the_accuracy_tool(bench):
    """Each case that the tool lists, and the number of each verdict over all of them."""
    told = subprocess.run([bench.build / 'tests' / 'accuracy' / 'accuracy', CASES], capture_output=True, text=True,
                          timeout=120).stdout
    verdicts = {path.name: judged(bench, path)['verdict'] for path in sorted(CASES.glob('*.json'))}

    table = told[told.index('Truth (rows)'):told.index('Beside baselines')].splitlines()[2:]
    rows = [[int(number) for number in line.split()[1:]] for line in table if line]
    phases = collections.Counter(verdict['phase'] for verdict in verdicts.values())
    assert [sum(column) for column in zip(*rows)] == [phases[phase] for phase in CODES]
    assert sum(map(sum, rows)) == len(verdicts)


@pytest.mark.parametrize('name, phase, first, step', [
    ('e14-two-hosts', 'undecided', 'user-error', 'make-room'),
    ('full-phone-log', 'phase1-software', 'user-error', 'make-room'),
])
def test_a_full_phone_is_no_fault_of_a_part(bench, name, phase, first, step):
    """Its storage was full: that opened the phone, or blamed the computer's disk."""
    verdict = judged(bench, MINIMAL / f'{name}.json')['verdict']
    assert (verdict['phase'], verdict['causes'][0]['cause']) == (phase, first)
    assert verdict['nextStep']['experiment'] == step
    assert 'consent' in verdict['nextStep']['text']


@pytest.mark.parametrize('name, phase, strength, first', [
    ('board-half', 'phase2-hardware', 'moderate', 'board'),
    ('cam-out-twice', 'phase2-hardware', 'strong', 'other-flex'),
    ('cam-out-back-fails', 'phase2-hardware', 'conclusive', 'other-flex'),
    ('disp-dock', 'phase2-hardware', 'moderate', 'other-flex'),
    ('minboot-batt', 'phase2-hardware', 'moderate', None),
    ('g29-replaced', 'phase2-hardware', 'moderate', 'battery-gauge'),
    ('ipadpro-flexout', 'phase2-hardware', 'strong', 'earpiece-flex'),
    ('itunes-newer', 'phase1-software', 'moderate', 'tool'),
    ('e14-erase-ok', 'phase1-software', 'moderate', 'user-error'),
    ('minboot-goodparts-fails', 'phase2-hardware', 'moderate', 'board'),
])
def test_every_change_counts(bench, name, phase, strength, first):
    """Cameras, board halves, tools' versions: what the enumeration of changes did not have was dropped."""
    verdict = judged(bench, MINIMAL / f'{name}.json')['verdict']
    assert (verdict['phase'], verdict['strength']) == (phase, strength)
    assert first in (None, verdict['causes'][0]['cause'])
    assert not any('Face ID sensor assembly' in finding['text']
                   for cause in verdict['causes'] for finding in cause['counterEvidence'] if name == 'ipadpro-flexout')


def test_a_replaced_battery_clears_no_gauge(bench):
    """It is merely the battery that the phone has."""
    causes = judged(bench, MINIMAL / 'g29-replaced.json')['verdict']['causes']
    assert not [cause for cause in causes if cause['cause'] == 'battery-gauge'][0]['counterEvidence']


def test_the_reply_tells_the_phone_and_its_attempts(bench):
    path = CASES / 'lik-475-iphone4-nand28-bounce.json'
    case, reply = json.loads(path.read_text()), judged(bench, path)
    assert reply['device']['productType'] == case['device']['productType'] == 'iPhone3,1'
    assert reply['device']['name'] == 'iPhone 4 (GSM)'
    assert len(reply['sessions']) == len(case['attempts'])
    assert [session['outcome'] for session in reply['sessions']] == [
        attempt['outcome'] for attempt in reversed(case['attempts'])]
    text = bench.triage('diagnose', '--case', path)
    assert text.stdout.split()[:len(reply['verdict']['summary'].split())] == reply['verdict']['summary'].split()
    assert 'iPhone 4 (GSM), 3 attempts' in text.stdout
    assert max(map(len, text.stdout.splitlines())) <= 80


def write_case(bench, *attempts, **members):
    path = bench.folder / 'written.json'
    path.write_text(json.dumps({'format': 'idevicetriage-case', 'version': 1, 'attempts': attempts, **members}))
    return path


def test_missing_labels_are_told(bench):
    """Two attempts of which one names no cable: the verdict says which, and that its label would count."""
    failed = {'outcome': 'failed', 'host': 'one', 'error': {'domain': 'itunes', 'code': 4013}}
    path = write_case(bench, {**failed, 'conditions': {'cable': 'A'}}, {**failed, 'host': 'two'})
    sentence, = judged(bench, path)['verdict']['missing']
    assert sentence.startswith('The cable of attempt 2 is unknown')
    text = bench.triage('diagnose', '--case', path, check=False).stdout
    assert 'Not known' in text and 'cable of attempt 2' in ' '.join(text.split())
    path = write_case(bench, {**failed, 'conditions': {'cable': 'A'}},
                      {**failed, 'host': 'two', 'conditions': {'cable': 'B'}})
    verdict = judged(bench, path)['verdict']
    assert (verdict['phase'], verdict['strength'], verdict['missing']) == ('phase2-hardware', 'strong', [])


def test_an_outdated_tool_is_told_before_hardware(bench):
    """Debian 12's idevicerestore is of 2020: it fails with later firmware on every computer and cable."""
    failed = {'outcome': 'failed', 'tool': 'idevicerestore 1.0.0', 'error': {'domain': 'itunes', 'code': 4013}}
    attempts = [{**failed, 'host': host, 'conditions': {'cable': host, 'firmware': '21F90'}} for host in 'AB']
    path = write_case(bench, *attempts, device={'productType': 'iPhone12,3'})
    verdict = judged(bench, path)['verdict']
    assert (verdict['phase'], verdict['causes'][0]['cause']) == ('undecided', 'tool')
    assert verdict['nextStep']['experiment'] == 'update-tool'
    path = write_case(bench, *attempts, {**failed, 'host': 'B', 'tool': 'finder', 'conditions': {'cable': 'B'}},
                      device={'productType': 'iPhone12,3'})
    verdict = judged(bench, path)['verdict']
    assert (verdict['phase'], verdict['causes'][0]['cause']) == ('phase2-hardware', 'earpiece-flex')


def test_what_the_file_says_the_truth_is_changes_nothing(bench):
    path = CASES / 'lik-475-iphone4-nand28-bounce.json'
    case = json.loads(path.read_text())
    del case['truth']
    blind = bench.folder / 'blind.json'
    blind.write_text(json.dumps(case))
    assert judged(bench, blind) == judged(bench, path)


@pytest.mark.parametrize('content, reason', [
    (None, 'No such file or directory'),
    (b'', ''),
    (b'Waiting for NAND (28)\n', ''),
    (b'[]', 'not a JSON object'),
    (b'{}', 'not a case file'),
    (b'{"format": "idevicetriage-case", "version": 2, "attempts": []}', 'another version'),
    (b'{"format": "idevicetriage-case", "version": 1, "attempts": [7]}', 'an attempt is not an object'),
    (b'{"format": "idevicetriage-case", "version": 1, "attempts": [', ''),
    pytest.param(b'[' * 10000, '', id='deep'),
])
def test_a_file_that_is_no_case_is_refused_with_the_reason(bench, content, reason):
    path = bench.folder / 'a file.json'
    if content is not None:
        path.write_bytes(content)
    result = bench.triage('--json', 'diagnose', '--case', path, check=False)
    assert (result.returncode, result.stdout) == (1, '')
    assert re.fullmatch(rf'idevicetriage: Cannot read a case from {re.escape(str(path))}: \S.*\.\n', result.stderr)
    assert reason in result.stderr


def test_a_folder_is_refused(bench):
    result = bench.triage('diagnose', '--case', bench.folder, check=False)
    assert result.returncode == 1 and 'Is a directory' in result.stderr


def test_a_case_and_a_device_are_too_many(bench):
    result = bench.triage('diagnose', '--case', CASES / 'fr-153-bb-dead.json', '1-2.3', check=False)
    assert (result.returncode, result.stdout) == (2, '') and '1-2.3' in result.stderr
    assert bench.triage('diagnose', '--case', check=False).returncode == 2
