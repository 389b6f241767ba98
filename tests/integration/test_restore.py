# SPDX-License-Identifier: LGPL-2.1-or-later
"""The real daemon, the real command and the real idevicerestore on the simulated phone: for each scenario
what the session, its health and the verdict say."""
import json
import os
import pathlib
import shutil
import signal
import subprocess

import pytest

import debian
from daemon import until
from restoretool import TOOL, without_network

# What each scenario must give: the tool's exit status, then what the session and its verdict say. `operation`
# is the last one; a word that is None must be absent; `diagnose` is the exit status of that command.
SUCCESS = dict(exit=0, outcome='succeeded', grade='good', operation=29, status=0, itunesCode=None, phase='none',
               strength='none', cause=None, diagnose=0)
# The phone spoke to the end, and what it said names no part: the first failure is nobody's yet.
TOLD = dict(exit=245, outcome='failed', grade='good', itunesCode=None, phase='undecided', strength='weak', diagnose=30)
# The link broke without a final status.
LOST = dict(exit=245, outcome='failed', grade='lost', status=None, itunesCode=4010, phase='undecided',
            strength='weak', cause='cable', diagnose=30)
STORAGE = dict(TOLD, operation=28, status=6, phase='phase2-hardware', strength='moderate', cause='nand', diagnose=20)
USBMUXD = dict(exit=245, outcome='failed', grade='degraded', operation=12, status=None, itunesCode=None,
               phase='phase1-software', strength='strong', cause='host-software', diagnose=11)

SCENARIOS = {
    'success': SUCCESS,
    'success-noisy': SUCCESS,
    'success-protocol-13': SUCCESS,
    'disk-failure-detach': STORAGE,
    'disk-failure-overwritten': dict(TOLD, exit=0, operation=29, status=6),
    'detach': dict(LOST, operation=13),
    'image-drop': dict(LOST, operation=13),
    'verify-failure': dict(TOLD, operation=14, status=14),
    'fdr-failure': dict(TOLD, operation=16, status=53, cause='tool'),
    'baseband-failure': dict(TOLD, exit=255, operation=19, status=1015, phase='phase2-hardware',
                             strength='moderate', cause='baseband', diagnose=20),
    'status-without-amr-error': dict(TOLD, operation=58, status=27),
    'bounce-to-recovery': dict(LOST, operation=14),
    'bounce-to-dfu': dict(LOST, operation=58),
    'vanish': dict(LOST, operation=16),
    'early-reset-first': dict(LOST, operation=28),
    'restored-garbage': dict(LOST, operation=58),
    'mux-restart': USBMUXD,
    'mux-loses-phone': USBMUXD,
}

# These wait for the tool's own time limits, 6-30 s.
SLOW = {
    'restored-hangs-up': dict(TOLD, operation=58, status=None, cause='cable'),
    'fdr-refused': SUCCESS,
    'fdr-mute': SUCCESS,
    'image-refused': dict(LOST, operation=13),
    'image-stall': dict(LOST, exit=254, operation=13),
    'disk-failure': dict(STORAGE, exit=250),
}


# Newer packages of the tool. They want a ticket, and end with 1 where the older one shows its error number.
NEWER = ['trixie', 'forky']
FIRST = ['success', 'disk-failure-detach', 'detach']
# With its libusbmuxd (2.1.0), trixie's tool ends only if the restore succeeds or the phone answers to the end.
ENDS = [*(name for name, row in {**SCENARIOS, **SLOW}.items() if row['exit'] == 0), 'baseband-failure', 'restored-garbage',
        'disk-failure']


@pytest.fixture
def restore_at(folder, firmware, request):
    """restore_at(bench, phone, *options) starts the real tool under `run`: the installed one, or a suite's."""

    def start(bench, simulator, *options, debug=False, suite=None):
        identity = simulator.phone.identity
        cache = folder / 'cache'
        cache.mkdir(exist_ok=True)
        tool = [TOOL]
        if suite:
            root = debian.root_of(suite, pathlib.Path(request.config.getoption('--build-dir')).resolve())
            (folder / 'ticket').write_bytes(bytes(100))
            tool = [*debian.command_in(root, TOOL), '-T', folder / 'ticket']
        command = [*without_network(), *tool, *(['-d'] if debug else []), '-R', '-e', '-y', '-i', f'{identity.ecid:#x}',
                   '-C', cache, firmware(identity.model.board)]
        return bench.run(command, *options)

    yield start
    kill_tool(folder)


def kill_tool(folder):
    """Kills the restore tool that works in `folder`, and not what started it."""
    for process in pathlib.Path('/proc').glob('[0-9]*'):
        try:
            if (process / 'comm').read_text() == 'idevicerestore\n' and str(folder) in (process / 'cmdline').read_text():
                os.kill(int(process.name), signal.SIGKILL)
        except (FileNotFoundError, ProcessLookupError):
            pass


def finish(process, seconds=120):
    """The exit status and the output of a run."""
    output, _ = process.communicate(timeout=seconds)
    return process.returncode, output


def check(bench, expected, returncode, output):
    """Compares the newest session and its verdict with a row of the tables."""
    session = bench.sessions()[-1]
    answer = bench.triage('--json', 'diagnose', session['session'])
    verdict = json.loads(answer.stdout)['verdict']
    seen = {
        'exit': returncode, 'outcome': session['outcome'], 'grade': session['health']['grade'],
        'operation': session.get('operation'), 'status': session.get('status'),
        'itunesCode': session.get('itunesCode'), 'phase': verdict['phase'], 'diagnose': answer.returncode,
        'strength': verdict['strength'],
        'cause': verdict['causes'][0]['cause'] if verdict['causes'] else None,
    }
    assert {key: seen[key] for key in expected} == expected, output
    assert session['exitStatus'] == (-signal.SIGKILL if returncode == 128 + signal.SIGKILL else returncode)
    assert session['ecid'] == '0x001C2D6A3C8A802E' and session['productType'] == 'iPhone12,3'
    assert session['stage'] in ('restore', 'reboot', 'normal')


@pytest.mark.parametrize('scenario', [*SCENARIOS, *(pytest.param(name, marks=pytest.mark.long) for name in SLOW)])
def test_scenario(scenario, bench, make_phone, restore_at):
    phone = make_phone(scenario)
    bench.start()
    until(lambda: bench.sees(phone.phone.identity.udid), what='the phone')
    status, output = finish(restore_at(bench, phone, '--cable', 'A'))
    check(bench, {**SCENARIOS, **SLOW}[scenario], status, output)
    conditions = bench.sessions()[-1]['conditions']
    assert {'key': 'cable', 'value': 'A'} in conditions


@pytest.mark.parametrize('suite', NEWER)
@pytest.mark.parametrize('scenario', [*FIRST, *(pytest.param(name, marks=pytest.mark.long)
                                                for name in {**SCENARIOS, **SLOW} if name not in FIRST)])
def test_scenario_with_a_newer_tool(suite, scenario, bench, make_phone, restore_at):
    phone = make_phone(scenario)
    hangs = suite == 'trixie' and scenario not in ENDS
    bench.start(*(['--budget-percent', '10'] if hangs else []))
    until(lambda: bench.sees(phone.phone.identity.udid), what='the phone')
    process = restore_at(bench, phone, '--cable', 'A', suite=suite)
    expected = {**SCENARIOS, **SLOW}[scenario]
    expected = {**expected, 'exit': 1 if expected['exit'] else 0}
    if hangs:
        # Its log does not say that the link was lost.
        if expected.get('itunesCode') == 4010:
            expected['strength'] = 'none'
        until(lambda: bench.sessions() and bench.sessions()[-1]['outcome'] == 'failed', seconds=60, what='the failure')
        assert process.poll() is None
        kill_tool(bench.folder)
        expected['exit'] = 137
    status, output = finish(process)
    check(bench, expected, status, output)


def test_debug_log_tells_link_events(bench, make_phone, restore_at):
    phone = make_phone('detach')
    bench.start()
    finish(restore_at(bench, phone, debug=True))
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
    subprocess.run(['pkill', '-KILL', '-f', f'^{TOOL} .*{bench.folder}'], check=True)
    finish(process)
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
    status, output = finish(process)
    assert status == 0, output
    sessions = bench.sessions()
    assert len(sessions) == 1
    assert sessions[0]['outcome'] == 'succeeded' and sessions[0]['ticket'] == 'T-17'
    lines = [record['text'] for record in bench.records(sessions[0]['session'], 'log')]
    assert len([line for line in lines if line == 'Creating filesystem (12)']) == 1
    assert lines[-1] == 'DONE'


def test_log_without_daemon(bench, make_phone, restore_at):
    phone = make_phone('early-reset-first')
    bench.start()
    finish(restore_at(bench, phone))
    session = bench.sessions()[-1]['session']
    until(lambda: bench.records(session, 'diagnosis'), what='the verdict')
    online = bench.records(session)
    bench.stop()
    offline = bench.triage('--json', 'log', '--state-dir', str(bench.state), session)
    records = [record for line in offline.stdout.splitlines() for record in json.loads(line)['records']]
    assert records == online


def test_two_phones_at_once(bench, make_phone, restore_at, folder, firmware):
    import models
    phone = make_phone('early-reset-first')
    other = phone.add_phone('success', models.make_identity('n104ap', 0x0011223344556677, serial_number='F2LZT3A10001'))
    other.set_mode('restore')
    bench.start()
    cache = folder / 'cache2'
    cache.mkdir()
    tool = [*without_network(), TOOL, '-R', '-e', '-y', '-i', f'{other.identity.ecid:#x}', '-C', cache,
            firmware('n104ap')]
    processes = [restore_at(bench, phone), bench.run(tool)]
    for process in processes:
        finish(process)
    outcomes = {session['ecid']: session['outcome'] for session in bench.sessions()}
    assert outcomes == {'0x001C2D6A3C8A802E': 'failed', '0x0011223344556677': 'succeeded'}


def test_the_article(bench, make_phone, restore_at):
    """The four attempts of the demo, and the flex back in."""
    bench.start(name='bench-1')

    def attempt(scenario, *options):
        phone = make_phone(scenario, name='mux')
        until(lambda: bench.sees(phone.phone.identity.udid), what='the phone')
        finish(restore_at(bench, phone, *options))
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
    bench.start(name='bench-2')
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
    finish(restore_at(bench, phone))
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
