# SPDX-License-Identifier: LGPL-2.1-or-later
"""Each request that a phone makes of the restore tool (tests/phone/data_requests.py), with each packaged idevicerestore: what
it answers, and what is said where it does not."""
import json
import pathlib

import pytest

import debian
import ipsw
import script
from daemon import until
from data_requests import DATA_REQUESTS, DEBIANS
import restoretool
from restoretool import PROGRAM, without_network

SIGNING = pathlib.Path(__file__).resolve().parent.parent / 'phone' / 'signing.py'
OLDEST = 'bookworm'
PATIENCE_SECONDS = 2
GIVES_UP = [{'mode': 'gone'}, {'wait': 0.4}, {'mode': 'recovery'}]


@pytest.fixture
def restore_with(folder):
    """restore_with(bench, phone, suite): starts a restore under `run` with the tool of a Debian and a signing server."""

    def start(bench, simulator, suite, *options):
        identity = simulator.phone.identity
        (folder / 'cache').mkdir()
        (folder / 'ticket').write_bytes(bytes(100))
        # The oldest tool would ask the server for the phone's own ticket too, with a nonce that is not there any more.
        firmware = ipsw.build(folder / 'mini.ipsw', identity.model.board, signed=suite != OLDEST)
        tool = debian.command_in(suite, bench.build, PROGRAM, '-T', folder / 'ticket')
        if suite != OLDEST:
            tool += ['-s', '{url}']
        tool += [*options, '-R', '-e', '-y', '-i', f'{identity.ecid:#x}', '-C', folder / 'cache', firmware]
        return bench.run([*without_network(), SIGNING, 'sign', *tool])

    yield start
    restoretool.kill(folder)


@pytest.fixture
def make_asking_phone(make_phone):
    """make_asking_phone(names, patience, ending): a phone that makes these requests of data_requests.py in a restore; after the
    first that gets no answer in `patience` seconds it does what `ending` says, if anything."""

    def make(names, patience=60, ending=()):
        asked = [{'request': name, 'patience': patience} for name in names]
        rest = list(ending) or [{'use': 'partition'}, {'use': 'image'}, {'use': 'install'}, {'use': 'finish'}]
        steps = [{'use': 'start'}, *asked, *rest]
        return make_phone('asks', scenarios=script.load(more={'asks': {'about': 'makes requests', 'script': steps}}))

    return make


def known(suite, signed):
    """The requests that the tool of a Debian answers, with the signing server's help or without."""
    return [name for name, row in DATA_REQUESTS.items() if row.answered_by(suite) and signed in (None, row.signed)]


# The oldest tool tries four addresses for each ticket, in ten seconds.
@pytest.mark.parametrize('suite, signed', [
    (OLDEST, False), ('trixie', None), ('forky', None), pytest.param(OLDEST, True, marks=pytest.mark.long)])
def test_known(suite, signed, bench, make_asking_phone, restore_with):
    names = known(suite, signed)
    phone = make_asking_phone(names)
    bench.start()
    until(lambda: bench.sees(phone.phone.identity.udid), what='the phone')
    process = restore_with(bench, phone, suite)
    tool = restoretool.TOOLS[suite]
    _, output = restoretool.finish(bench, process, tool, 240)
    answered = [entry['request'] for entry in phone.journal.entries('answered')]
    assert answered == names, output
    session = bench.sessions()[-1]
    assert (session['outcome'], session['health']['grade']) == ('succeeded', 'good'), output
    # After a success, the tool ends or hangs.
    assert process.returncode == 0 or (not tool.notices_loss and process.returncode == restoretool.KILLED), output
    answer = bench.triage('--json', 'diagnose', session['session'])
    assert (answer.returncode, json.loads(answer.stdout)['verdict']['phase']) == (0, 'none')


def is_silent(name):
    """The oldest tool says nothing of such a request, or answers it where the phone does not listen."""
    row = DATA_REQUESTS[name]
    return row.message != 'DataRequestMsg' or (row.port and row.type in OLDEST_TYPES)


OLDEST_TYPES = {row.type for row in DATA_REQUESTS.values() if row.answered_by(OLDEST) and row.type}
UNKNOWN = [(suite, name) for suite in DEBIANS for name, row in DATA_REQUESTS.items() if not row.answered_by(suite)]
FIRST = [(OLDEST, 'PersonalizedData'), (OLDEST, 'Centauri'), (OLDEST, 'KernelCache at a port'),
         ('trixie', 'a later request'), ('forky', 'a later request')]


@pytest.mark.parametrize('suite, name', [*FIRST, *(pytest.param(*case, marks=pytest.mark.long)
                                                   for case in UNKNOWN if case not in FIRST)])
def test_unknown(suite, name, bench, make_asking_phone, restore_with, folder):
    """The phone gives up after a while, and comes back in recovery mode. That is the tool's fault as far as its log says so."""
    phone = make_asking_phone([name], PATIENCE_SECONDS, GIVES_UP)
    bench.start('--budget-percent', '10')
    until(lambda: bench.sees(phone.phone.identity.udid), what='the phone')
    process = restore_with(bench, phone, suite)
    until(lambda: bench.sessions() and bench.sessions()[-1]['outcome'] == 'failed', seconds=60, what='the failure')
    restoretool.kill(folder)
    output, _ = process.communicate(timeout=60)
    session = bench.sessions()[-1]
    assert session['outcome'] == 'failed' and not phone.journal.entries('answered'), output
    answer = bench.triage('--json', 'diagnose', session['session'])
    verdict = json.loads(answer.stdout)['verdict']
    if is_silent(name):
        assert (answer.returncode, verdict['phase']) == (30, 'undecided')
    else:
        assert (answer.returncode, verdict['phase']) == (11, 'phase1-software'), output
        assert verdict['causes'][0]['cause'] == 'tool' and verdict['nextStep']['experiment'] == 'update-tool'


@pytest.mark.parametrize('suite', DEBIANS)
def test_a_phone_that_waits_for_its_answer(suite, bench, make_asking_phone, restore_with, folder):
    """Neither side ends it. The restore hangs, and once it is ended the verdict names the tool."""
    phone = make_asking_phone(['a later request'], patience=600)
    bench.start('--budget-percent', '2')
    until(lambda: bench.sees(phone.phone.identity.udid), what='the phone')
    process = restore_with(bench, phone, suite)
    until(lambda: bench.sessions() and bench.sessions()[-1]['health']['silences'], seconds=60, what='the silence')
    answer = bench.triage('--json', 'diagnose', check=False)
    verdict = json.loads(answer.stdout)['verdict']
    assert (answer.returncode, verdict['running']) == (41, 'hung')
    restoretool.kill(folder)
    process.communicate(timeout=60)
    answer = bench.triage('--json', 'diagnose', check=False)
    verdict = json.loads(answer.stdout)['verdict']
    assert (answer.returncode, verdict['phase'], verdict['causes'][0]['cause']) == (11, 'phase1-software', 'tool')


@pytest.mark.parametrize('suite', DEBIANS[1:])
def test_image_at_a_port(suite, bench, make_asking_phone, restore_with):
    phone = make_asking_phone([], ending=[
        {'use': 'partition'}, {'operation': 'Restoring image', 'percent': [0]}, {'image': {'port': 51001}},
        {'use': 'install'}, {'use': 'finish'}])
    bench.start()
    process = restore_with(bench, phone, suite)
    _, output = restoretool.finish(bench, process, restoretool.TOOLS[suite])
    assert phone.journal.entries('image-done')[0]['complete'], output
    assert any(entry['port'] == 51001 and entry['accepted'] for entry in phone.journal.entries('connect'))
    assert bench.sessions()[-1]['outcome'] == 'succeeded'
