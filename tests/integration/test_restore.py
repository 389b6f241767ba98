# SPDX-License-Identifier: LGPL-2.1-or-later
"""The real daemon, the real command and the real idevicerestores on the simulated phone. For each scenario and
tool: what the tool does, and what the session, its health and the verdict say, as scenarios.json expects it."""
import concurrent.futures
import json
import pathlib
import shutil
import signal
import subprocess
import tempfile

import pytest

import debian
import restoretool
import script
import simphone
from daemon import Bench, until

SCENARIOS = {name: scenario['expect'] for name, scenario in script.load().items()
             if 'exit' in scenario.get('expect', {})}
# What the session and the verdict say. `operation` is the last one, `cause` the first suspect, `diagnose` the exit status
# of that command.
FACTS = ('outcome', 'grade', 'operation', 'status', 'itunesCode', 'phase', 'strength', 'cause', 'diagnose')
# The fast gate plays all scenarios that take no more than a few seconds with the oldest tool, these with the others.
FIRST = ('success', 'disk-failure-detach', 'detach')
PARALLEL_RUNS = 12
# Of diagnose: a restore runs, within its time.
RUNNING = 40


def is_long(tool, name):
    return SCENARIOS[name].get('slow') or tool != restoretool.OLDEST and name not in FIRST


CASES = [pytest.param(tool, name, id=f'{tool.suite}-{name}', marks=pytest.mark.long if is_long(tool, name) else ())
         for name in SCENARIOS for tool in restoretool.TOOLS.values()]


def expected_of(tool, name):
    """The row of a scenario; a tool may differ from it, with a reason."""
    row = SCENARIOS[name]
    return {**row, 'exit': tool.exit_status(row['exit']), **row.get('tools', {}).get(tool.suite, {})}


def finish_endless(bench, process, outcome):
    """The exit status and the output of a tool that does not end, and the session and the verdict before it is killed."""

    def seen():
        if not bench.sessions() or bench.sessions()[-1]['outcome'] != outcome:
            return None
        answer = bench.triage('--json', 'diagnose')
        return answer if answer.returncode != RUNNING else None

    answer = until(seen, seconds=60, what=f'the outcome {outcome}')
    session = bench.sessions()[-1]
    assert process.poll() is None
    restoretool.kill(bench.folder)
    output, _ = process.communicate(timeout=20)
    return process.returncode, output, session, answer


def play(tool, name, build, firmware):
    """One restore of its own phone on its own bench. Returns the output, what was seen, the session and the conditions."""
    expected = expected_of(tool, name)
    folder = pathlib.Path(tempfile.mkdtemp(prefix='triage-'))
    bench = Bench(build, folder, folder / 'mux')
    try:
        with simphone.Simulator(folder / 'mux', name) as simulator:
            if 'after' in expected:
                event, count = expected['after']
                simulator.journal.wait(event, 10, count=count)
                simulator.journal.wait('attached', 10, count=count)
            bench.start(*(['--budget-percent', '10'] if expected['exit'] is None else []))
            until(lambda: bench.sees(simulator.phone.identity.udid), what='the phone')
            process = bench.run(tool.command(build, folder, simulator.phone.identity, firmware), '--cable', 'A')
            if expected['exit'] is None:
                status, output, session, answer = finish_endless(bench, process, expected['outcome'])
                mode = simulator.phone.mode
                # To kill it changes no verdict.
                if session['outcome'] != 'running':
                    session, answer = bench.sessions()[-1], bench.triage('--json', 'diagnose')
            else:
                status, output = restoretool.finish(bench, process, tool)
                simulator.journal.wait('restore-ended', 10)
                session, answer, mode = bench.sessions()[-1], bench.triage('--json', 'diagnose'), simulator.phone.mode
            return output, status, session, answer, mode
    finally:
        restoretool.kill(folder)
        bench.close()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope='module')
def runs(request, firmware):
    """The restores of all cases that were asked for, side by side: most of their time is waiting."""
    build = pathlib.Path(request.config.getoption('--build-dir')).resolve()
    wanted = [(item.callspec.params['tool'], item.callspec.params['name']) for item in request.session.items
              if item.module is request.module and item.originalname == 'test_scenario']
    for suite in {tool.suite for tool, _ in wanted} - {debian.installed()}:
        debian.make(suite, build)
    with concurrent.futures.ThreadPoolExecutor(PARALLEL_RUNS) as pool:
        by_length = sorted(wanted, key=lambda case: not SCENARIOS[case[1]].get('slow', False))
        yield {case: pool.submit(play, *case, build, firmware()) for case in by_length}


@pytest.mark.parametrize('tool, name', CASES)
def test_scenario(tool, name, runs, request):
    table = request.config.__dict__.setdefault('scenario_table', {}).setdefault(name, {})
    table[tool.suite] = 'not played'
    output, status, session, answer, mode = runs[tool, name].result()
    table[tool.suite] = 'not as expected'
    expected = expected_of(tool, name)
    verdict = json.loads(answer.stdout)['verdict']
    seen = {
        **{key: session.get(key) for key in FACTS}, 'grade': session['health']['grade'],
        'phase': verdict['phase'], 'strength': verdict['strength'], 'diagnose': answer.returncode,
        'cause': verdict['causes'][0]['cause'] if verdict['causes'] else None,
    }
    assert {key: seen[key] for key in FACTS if key in expected} == {key: expected[key] for key in FACTS if key in expected}, output
    # After a success, the tool ends or hangs.
    may_hang = not tool.notices_loss and seen['outcome'] == 'succeeded'
    right = restoretool.KILLED if expected['exit'] is None else expected['exit']
    assert status == right or (may_hang and status == restoretool.KILLED), output
    if session['outcome'] != 'running':
        assert session['exitStatus'] == (-signal.SIGKILL if status == restoretool.KILLED else status)
    assert session['ecid'] == '0x001C2D6A3C8A802E' and session['productType'] == 'iPhone12,3'
    assert session['stage'] in ('restore', 'reboot', 'normal')
    assert {'key': 'cable', 'value': 'A'} in session['conditions']
    assert mode == expected.get('mode', mode)
    # The others say it in other words.
    if tool == restoretool.OLDEST:
        for line in expected['lines']:
            assert line in output, output
        for line in expected.get('absent', []):
            assert line not in output, output
    table[tool.suite] = f'{status}: {seen["outcome"]} {seen["operation"]} {seen["status"]} {seen["phase"]} {seen["strength"]}'


@pytest.fixture
def restore_at(folder, firmware, request):
    """restore_at(bench, phone, *options) starts the installed tool under `run`."""
    build = pathlib.Path(request.config.getoption('--build-dir')).resolve()

    def start(bench, simulator, *options, identity=None, debug=False):
        identity = identity or simulator.phone.identity
        return bench.run(restoretool.INSTALLED.command(build, folder, identity, firmware(identity.model.board),
                                                       *(['-d'] if debug else [])), *options)

    yield start
    restoretool.kill(folder)


def test_debug_log_tells_link_events(bench, make_phone, restore_at):
    phone = make_phone('detach')
    bench.start()
    restoretool.finish(bench, restore_at(bench, phone, debug=True))
    session = bench.sessions()[-1]
    assert session['modes'][:2] == ['restore', 'gone']
    assert session['health']['unexpectedDetaches'] == 1


def test_silence_is_told_while_it_lasts(bench, make_phone, restore_at):
    phone = make_phone('silent')
    bench.start('--budget-percent', '1')
    process = restore_at(bench, phone)
    until(lambda: bench.sessions() and bench.sessions()[-1]['health']['silences'] > 0, what='the silence')
    session = bench.sessions()[-1]
    assert session['outcome'] == 'running' and session['operation'] == 12
    assert session['budget'] == 'restored-silence' and session['silentUSec'] > session['budgetUSec'] > 0
    silence = bench.records(session['session'], 'silence')
    assert len(silence) == 1 and silence[0]['name'] == 'restored-silence'
    assert bench.triage('diagnose').returncode == 41
    restoretool.kill(bench.folder)
    restoretool.finish(bench, process)
    assert bench.sessions()[-1]['outcome'] == 'aborted'
    verdict = bench.verdict()
    assert verdict['phase'] == 'undecided' and verdict['silences'][0]['rule'] == 'restored-silence'


def test_restart_of_the_daemon_in_a_restore(bench, make_phone, restore_at):
    """kill -9 in the middle: the restore does not notice, and the session is whole."""
    phone = make_phone('success', speed=0.3)
    bench.start()
    process = restore_at(bench, phone, '--ticket', 'T-17')
    until(lambda: bench.sessions() and bench.sessions()[-1].get('operation') == 13, what='the image')
    bench.stop(signal.SIGKILL)
    bench.start()
    status, output = restoretool.finish(bench, process)
    assert status == 0 or not restoretool.INSTALLED.notices_loss, output
    sessions = bench.sessions()
    assert len(sessions) == 1
    assert sessions[0]['outcome'] == 'succeeded' and sessions[0]['ticket'] == 'T-17'
    lines = [record['text'] for record in bench.records(sessions[0]['session'], 'log')]
    assert len([line for line in lines if line == 'Creating filesystem (12)']) == 1
    assert lines[-1] == 'DONE'


def test_log_without_daemon(bench, make_phone, restore_at):
    phone = make_phone('early-reset-first')
    bench.start()
    restoretool.finish(bench, restore_at(bench, phone))
    session = bench.sessions()[-1]['session']
    until(lambda: bench.records(session, 'diagnosis'), what='the verdict')
    online = bench.records(session)
    bench.stop()
    offline = bench.triage('--json', 'log', '--state-dir', str(bench.state), session)
    records = [record for line in offline.stdout.splitlines() for record in json.loads(line)['records']]
    assert records == online


@restoretool.needs_end
def test_two_phones_at_once(bench, make_phone, restore_at, folder, firmware):
    import models
    phone = make_phone('early-reset-first')
    other = phone.add_phone('success', models.make_identity('n104ap', 0x0011223344556677, serial_number='F2LZT3A10001'))
    other.set_mode('restore')
    bench.start()
    for process in [restore_at(bench, phone), restore_at(bench, phone, identity=other.identity)]:
        restoretool.finish(bench, process)
    outcomes = {session['ecid']: session['outcome'] for session in bench.sessions()}
    assert outcomes == {'0x001C2D6A3C8A802E': 'failed', '0x0011223344556677': 'succeeded'}


def test_the_article(bench, make_phone, restore_at):
    """The four attempts of the demo, and the flex back in."""
    bench.start(name='bench-1')

    def attempt(scenario, *options):
        phone = make_phone(scenario, name='mux')
        until(lambda: bench.sees(phone.phone.identity.udid), what='the phone')
        restoretool.finish(bench, restore_at(bench, phone, *options))
        phone.stop()
        verdict = bench.verdict()
        cause = verdict['causes'][0]['cause'] if verdict['causes'] else None
        step = (verdict.get('nextStep') or {}).get('experiment')
        return verdict['phase'], verdict['strength'], cause, step

    phase, _, _, step = attempt('early-reset-first', '--cable', 'A')
    assert (phase, step) == ('undecided', 'swap-cable')
    phase, _, _, step = attempt('early-reset', '--cable', 'B')
    assert phase in ('undecided', 'phase1-connection') and step == 'other-port'
    bench.stop()
    bench.start(name='bench-2', host_id='222222222222-222222222222')
    assert attempt('early-reset', '--cable', 'B') == (
        'phase2-hardware', 'strong', 'earpiece-flex', 'disconnect-earpiece-flex')
    # A cause stands in one place of the text: it was a suspect and equally possible at once.
    lines = bench.triage('diagnose').stdout.splitlines()
    assert any('the cable' in line for line in lines[lines.index('Less likely'):])
    assert not any('Equally possible' in line and 'the cable' in line for line in lines)
    phase, strength, cause, step = attempt('success', '--cable', 'B', '--earpiece-flex', 'disconnected')
    assert (phase, strength, cause) == ('phase2-hardware', 'strong', 'earpiece-flex')
    assert step == 'reconnect-earpiece-flex'
    phase, strength, cause, _ = attempt('early-reset', '--cable', 'B', '--earpiece-flex', 'connected')
    assert (phase, strength, cause) == ('phase2-hardware', 'conclusive', 'earpiece-flex')


@pytest.mark.parametrize('scenario', [
    'hostile-malformed-plist', 'hostile-not-xml', 'hostile-oversize-header', 'hostile-undersize-header',
    'hostile-half-header', 'hostile-half-message', 'hostile-nonsense-answer', 'hostile-refuses-listen',
    'hostile-wrong-version', 'hostile-serial-utf8', 'hostile-serial-long', 'hostile-serial-control',
    'hostile-types', 'hostile-no-properties', 'hostile-many-devices', 'hostile-deep-plist', 'hostile-closes',
    'hostile-mute'])
def test_hostile_usbmuxd(scenario, bench, make_phone, folder):
    """Whatever usbmuxd says, the daemon lives, says so at most once, and sees the phone of a good one."""
    phone = make_phone(scenario)
    bench.start()
    phone.journal.wait('misbehaved', 20)
    phone.stop()
    good = make_phone('success')
    until(lambda: bench.sees(good.phone.identity.udid), what='the phone of a good usbmuxd')
    assert bench.process.poll() is None
    assert bench.say().count('\n') < 40, bench.say()


def test_full_disk_under_the_ring(bench, make_phone, restore_at, folder):
    """No room for the ring: told once, and the restore is watched all the same."""
    phone = make_phone('early-reset-first')
    mount = ['unshare', '--mount', 'sh', '-c', f'mount -t tmpfs -o size=64k none {bench.state} && exec "$@"', 'sh']
    if subprocess.run([*mount, 'true'], capture_output=True, check=False).returncode != 0:
        pytest.skip('mounting a small tmpfs is not allowed here')
    bench.wrapper = mount
    bench.start()
    restoretool.finish(bench, restore_at(bench, phone))
    assert bench.sessions()[-1]['outcome'] == 'failed'
    ring = [source for source in bench.ask('status')['sources'] if source['name'] == 'ring'][0]
    assert not ring['up'] and ring['detail']
    assert bench.say().count('ring: No space left on device') == 1


def test_garbage_and_endless_lines(bench, folder):
    """A tool that prints rubbish, and a line of 100 MB, costs nothing but its own understanding."""
    bench.start()
    script = ("import sys; w = sys.stdout.buffer.write; w(bytes(range(256)) * 64); w(b'\\n'); "
              "[w(b'x' * 1048576) for _ in range(100)]; w(b'\\nWaiting for NAND (28)\\n')")
    process = bench.run([shutil.which('python3'), '-c', script])
    process.stdout.read()
    assert process.wait(120) == 0
    session = bench.sessions()[-1]
    assert session['operation'] == 28
    with open(f'/proc/{bench.process.pid}/status', encoding='ascii') as status:
        peak = [int(line.split()[1]) for line in status if line.startswith('VmHWM')][0]
    assert peak < 128 * 1024, f'the daemon grew to {peak} KiB'
