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
