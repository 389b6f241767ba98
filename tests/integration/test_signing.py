# SPDX-License-Identifier: LGPL-2.1-or-later
"""The newest packaged idevicerestore asks a signing server on loopback: what the verdict says of each answer."""
import json
import pathlib
import plistlib

import pytest

import debian
import device
import ipsw
from daemon import until
import restoretool
from restoretool import without_network

SIGNING = pathlib.Path(__file__).resolve().parent.parent / 'phone' / 'signing.py'
SUITE = 'forky'

# The answer and the tool's options, then the first suspect, its strength and the next step. Without -d
# the tool does not print why it got no ticket.
ANSWERS = {
    'refuse': (['-d'], 'firmware-signing', 'moderate', 'fresh-firmware'),
    'html': (['-d'], 'network', 'moderate', 'other-network'),
    'closed': (['-d'], 'network', 'moderate', 'other-network'),
    'internal-error': (['-d'], 'tool', 'weak', 'update-tool'),
    'half': ([], 'tool', 'weak', 'show-server-answer'),
    'binary': ([], 'tool', 'weak', 'show-server-answer'),
    'too-long': ([], 'tool', 'weak', 'show-server-answer'),
}


@pytest.fixture
def restore_signed(folder):
    """restore_signed(bench, phone, answer, *options): starts the tool under `run`."""

    def start(bench, phone, answer, *options):
        firmware = ipsw.build(folder / 'mini.ipsw', phone.identity.model.board, signed=True)
        (folder / 'cache').mkdir()
        tool = [*debian.command_in(SUITE, bench.build, 'idevicerestore'), *options, '-s', '{url}', '-e', '-y', '-i',
                f'{phone.identity.ecid:#x}', '-C', folder / 'cache', firmware]
        (folder / 'requests').mkdir()
        bench.environment['SIGNING_REQUESTS'] = str(folder / 'requests')
        return bench.run([*without_network(), SIGNING, answer, *tool])

    yield start
    restoretool.kill(folder)


def finish(process):
    """The exit status and the output of a run."""
    output, _ = process.communicate(timeout=120)
    return process.returncode, output


@pytest.mark.parametrize('answer', ANSWERS)
def test_no_ticket(answer, bench, make_phone, restore_signed):
    options, cause, strength, step = ANSWERS[answer]
    phone = make_phone('normal-mode')
    bench.start()
    until(lambda: bench.sees(phone.phone.identity.udid), what='the phone')
    status, output = finish(restore_signed(bench, phone.phone, answer, *options))
    assert status == 1, output
    session = bench.sessions()[-1]
    assert session['outcome'] == 'failed' and session['stage'] != 'restore'
    answered = bench.triage('--json', 'diagnose', session['session'])
    verdict = json.loads(answered.stdout)['verdict']
    assert answered.returncode == 11 and verdict['phase'] == 'phase1-software'
    suspect = verdict['causes'][0]
    assert (suspect['cause'], suspect['strength'], verdict['nextStep']['experiment']) == (cause, strength, step), output


HUNG, PHASE_1_SOFTWARE = 41, 11


@pytest.mark.parametrize('options', ([], ['-d']), ids=('plain', 'debug'))
@pytest.mark.parametrize('answer', ('hang', 'endless'))
def test_a_server_that_does_not_answer(answer, options, bench, make_phone, restore_signed, folder):
    """The tool waits for ever. The silence is the server's, also after the tool is killed: no cable is in question."""
    phone = make_phone('normal-mode')
    bench.start('--budget-percent', '2')
    until(lambda: bench.sees(phone.phone.identity.udid), what='the phone')
    process = restore_signed(bench, phone.phone, answer, *options)
    running = until(lambda: hung(bench), seconds=60, what='the silence')
    session = bench.sessions()[-1]
    assert session['budget'] == 'signing' and session['outcome'] == 'running' and not session['health']['silences']
    assert [silence['rule'] for silence in running['silences']] == ['signing']
    assert 'signing server' in running['summary'] and 'phone' not in running['summary']
    assert 'signing server silent for' in ' '.join(bench.triage('status').stdout.split())
    restoretool.kill(folder)
    _, output = finish(process)
    assert 'phone has been silent' not in output and 'phone silent' not in output
    session = bench.sessions()[-1]
    assert session['outcome'] == 'aborted' and session['health']['grade'] != 'lost'
    answered = bench.triage('--json', 'diagnose', session['session'])
    verdict = json.loads(answered.stdout)['verdict']
    assert answered.returncode == PHASE_1_SOFTWARE and verdict['phase'] == 'phase1-software'
    assert verdict['causes'][0]['cause'] == 'network' and verdict['nextStep']['experiment'] == 'other-network'


def hung(bench):
    """The verdict on a restore that is past its time."""
    if not bench.sessions():
        return None
    answered = bench.triage('--json', 'diagnose')
    return json.loads(answered.stdout)['verdict'] if answered.returncode == HUNG else None


def test_a_ticket(bench, make_phone, restore_signed, folder):
    """It is for this phone and its nonce. The tool saves it and ends: that is no restore."""
    phone = make_phone('normal-mode')
    bench.start()
    until(lambda: bench.sees(phone.phone.identity.udid), what='the phone')
    status, output = finish(restore_signed(bench, phone.phone, 'sign', '-t'))
    assert status == 0 and list((folder / 'cache').rglob('*.shsh*')), output
    (request,) = (folder / 'requests').iterdir()
    asked = plistlib.loads(request.read_bytes())
    model = phone.phone.identity.model
    assert [asked[key] for key in ('ApECID', 'ApBoardID', 'ApChipID', 'ApNonce', 'SepNonce')] == [
        phone.phone.identity.ecid, model.board_id, model.chip_id, device.NONCE, device.NONCE[:20]]
