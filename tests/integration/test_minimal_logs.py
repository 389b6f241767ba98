# SPDX-License-Identifier: LGPL-2.1-or-later
"""The small logs of tests/cases/minimal, each of a kind of log that got a wrong verdict: judged as a technician would."""
import json
import pathlib

import pytest

MINIMAL = pathlib.Path(__file__).resolve().parent.parent / 'cases' / 'minimal'
LINK = {'cable', 'port-hub'}
# Outcome, phase, cause first named, next step, model, tool; what ended it cannot be the cable.
LOGS = [
    ('m01', 'failed', 'undecided', 'tool', 'check-mode', 'iPhone12,3', 'idevicerestore', False),
    ('m02', 'failed', 'phase1-software', None, None, 'iPhone12,3', 'idevicerestore', True),
    ('m05', 'failed', 'phase1-software', 'tool', 'update-tool', 'iPhone12,3', 'idevicerestore', True),
    ('m06', 'failed', 'undecided', None, None, 'iPhone12,3', 'futurerestore', False),
    ('m07', 'failed', 'phase1-software', 'firmware-signing', 'fresh-firmware', 'iPhone12,3', 'futurerestore', True),
    ('m11', 'failed', 'undecided', None, None, 'iPhone17,2', 'idevicerestore', False),
    ('m14', 'failed', 'undecided', None, None, 'iPhone10,4', 'futurerestore', False),
    ('m19', 'failed', 'undecided', 'tool', 'update-tool', 'iPhone12,3', 'idevicerestore', True),
    ('m21', 'failed', 'phase1-software', 'user-error', 'unlock-phone', 'iPhone12,3', 'idevicerestore', True),
]


def judged(bench, name):
    reply = json.loads(bench.triage('--json', 'diagnose', '--log', MINIMAL / f'{name}.log', check=False).stdout)
    return reply, bench.triage('diagnose', '--all', '--log', MINIMAL / f'{name}.log', check=False).stdout


@pytest.mark.parametrize('name,outcome,phase,cause,step,model,tool,off_link', LOGS, ids=[log[0] for log in LOGS])
def test_a_minimal_log(bench, name, outcome, phase, cause, step, model, tool, off_link):
    reply, page = judged(bench, name)
    session, verdict = reply['sessions'][0], reply['verdict']
    assert (session['outcome'], verdict['phase']) == (outcome, phase)
    assert reply['device']['productType'] == model and reply['device'].get('ecid')
    assert session['tool'] == tool
    assert verdict['strength'] in ('none', 'weak', 'moderate')
    if cause:
        assert verdict['causes'][0]['cause'] == cause
    if step:
        assert verdict['nextStep']['experiment'] == step
    if off_link:
        assert verdict['nextStep']['experiment'] not in ('swap-cable', 'other-port', 'direct-port')
        assert verdict['causes'][0]['cause'] not in LINK
        assert 'another cable' not in page and 'The cable of' not in page


def test_futurerestores_number_is_no_signal(bench):
    reply, page = judged(bench, 'm06')
    assert 'crash' not in page
    assert not any(error['domain'] == 'tool-exit' for error in reply['sessions'][0].get('errors', []))


def test_a_step_that_failed_in_a_restore_that_finished(bench):
    reply, page = judged(bench, 'm17')
    assert reply['sessions'][0]['outcome'] == 'succeeded' and '0x132A' in page
