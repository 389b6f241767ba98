# SPDX-License-Identifier: LGPL-2.1-or-later
"""What people come for, one test a use case, through the real daemon, the real command, and the real restore tool
on the simulated phone (or a played USB bus, where no tool takes part)."""
import pytest

from daemon import until
import models
import restoretool

ECID = '0x001C2D6A3C8A802E'


@pytest.fixture
def restored(bench, make_phone, folder, firmware):
    """restored(scenario, *options) restores the simulated phone under `run`, and gives its verdict."""
    def restore(scenario, *options):
        simulator = make_phone(scenario)
        identity = simulator.phone.identity
        until(lambda: bench.sees(identity.udid), what='the phone')
        tool = restoretool.INSTALLED.command(bench.build, folder, identity, firmware(identity.model.board))
        restoretool.finish(bench, bench.run(tool, *options))
        simulator.stop()
        return bench.verdict(ECID)

    return restore


def first_cause(verdict):
    return verdict['causes'][0]['cause'] if verdict['causes'] else None


def rules(verdict, cause):
    """The rules that speak for a cause."""
    return {finding['rule'] for entry in verdict['causes'] if entry['cause'] == cause for finding in entry['evidence']}


def test_u1_one_command_tells_phase_evidence_and_next_step(bench, restored):
    bench.start()
    restored('disk-failure-detach', '--cable', 'A')
    result = bench.triage('diagnose', check=False)
    assert result.returncode == 20
    lines = result.stdout.splitlines()
    assert 'Phase 2' in lines[0] and 'NAND' in lines[0] and 'moderate' in lines[0]
    assert any('Evidence' in line for line in lines) and 'Next step' in lines
    # Also of a restore that another program did: its log is enough.
    log = bench.folder / 'restore.log'
    log.write_text('Waiting for NAND (28)\nERROR: Unable to restore device\n')
    bench.triage('import', '--device', '0x0000000000000A01', '--tool', 'idevicerestore', log)
    result = bench.triage('diagnose', '0x0000000000000A01', check=False)
    assert result.returncode == 30
    assert result.stdout.startswith('Undecided') and 'Next step' in result.stdout


def test_u2_the_second_verdict_counts_the_first(bench, restored):
    bench.start()
    verdict = restored('early-reset-first', '--cable', 'A')
    assert verdict['phase'] == 'undecided' and verdict['nextStep']['experiment'] == 'swap-cable'
    assert restored('early-reset-first', '--cable', 'B')['nextStep']['experiment'] == 'other-port'
    # The computer at the counter runs no daemon of ours.
    bench.triage('attempt', ECID, '--outcome', 'failed', '--error', '4013', '--operation', '28', '--host', 'counter Mac',
                 '--tool', 'finder', '--cable', 'B')
    verdict = bench.verdict(ECID)
    assert (verdict['phase'], verdict['strength']) == ('phase2-hardware', 'strong')
    assert '3 attempts' in bench.triage('diagnose', ECID, check=False).stdout


# The flex of the front sensors goes with the display of this model.
@pytest.mark.parametrize('part', ['earpieceFlex', 'display'])
def test_u3_a_success_with_the_part_out_blames_the_flex(bench, restored, part):
    option = '--earpiece-flex' if part == 'earpieceFlex' else '--display'
    bench.start()
    restored('early-reset-first', '--cable', 'A')
    bench.triage('attempt', ECID, '--outcome', 'failed', '--error', '4013', '--operation', '28', '--host', 'counter Mac',
                 '--tool', 'finder', '--cable', 'B')
    # Told once of the phone, it holds in the next restore.
    bench.triage('conditions', ECID, option, 'disconnected')
    verdict = restored('success', '--cable', 'A')
    session = bench.sessions()[-1]
    assert session['outcome'] == 'succeeded' and {'key': part, 'value': 'disconnected'} in session['conditions']
    assert verdict['phase'] == 'phase2-hardware' and first_cause(verdict) == 'earpiece-flex'
    assert 'nand' not in [entry['cause'] for entry in verdict['causes'] if entry['strength'] in ('strong', 'conclusive')]


def bounce(bench, bus, port, serial):
    """A phone at `port` goes from iBEC back into its own recovery mode: what iTunes calls 4013."""
    ecid = f'0x{serial}'

    def is_there():
        return any(device.get('ecid') == ecid and device['mode'] == 'recovery'
                   for device in bench.call('ListDevices')['devices'])

    for program in ('recovery', 'ibec'):
        bus.tell(f'add {port} {program} {serial} iPhone12,3')
        until(is_there, what='the phone')
        bus.tell(f'remove {port}')
        until(lambda: not is_there(), what='its going')
    bus.tell(f'add {port} recovery {serial} iPhone12,3')
    until(lambda: [session['outcome'] for session in bench.sessions() if session['ecid'] == ecid] == ['failed'],
          what='the failure')
    bus.tell(f'remove {port}')


def test_u4_the_slot_is_blamed_and_not_the_phones(bench, bus):
    bench.start()
    bench.triage('conditions', '1-2.4', '--name', 'slot 4')
    serials = ['001C2D6A3C8A802E', '000A11112222333E', '000A11112222444E']
    for serial in serials:
        bounce(bench, bus, '1-2.4', serial)
    for serial in serials:
        verdict = bench.verdict(f'0x{serial}')
        assert (verdict['phase'], first_cause(verdict)) == ('phase1-connection', 'port-hub'), serial
        assert 'other-phones-port' in rules(verdict, 'port-hub')
    assert 'slot 4' in bench.triage('diagnose', f'0x{serials[0]}', check=False).stdout
    # A phone that fails alone on another port is not excused by them.
    bounce(bench, bus, '1-3', '000A11112222555E')
    assert 'other-phones-port' not in rules(bench.verdict('0x000A11112222555E'), 'port-hub')


def test_u5_a_dead_usbmuxd_is_named_and_no_part_suspected(bench, restored):
    bench.start()
    verdict = restored('mux-loses-phone', '--cable', 'A')
    assert (verdict['phase'], first_cause(verdict)) == ('phase1-software', 'host-software')
    text = bench.triage('diagnose', ECID, check=False).stdout
    assert 'usbmuxd' in text and 'systemctl' in text and 'restart' in text
    assert not {'nand', 'earpiece-flex', 'board'} & {entry['cause'] for entry in verdict['causes']}


def test_u6_an_old_tool_is_named_before_any_part(bench, restored):
    bench.start()
    verdict = restored('fdr-failure', '--cable', 'A')
    session = bench.sessions()[-1]
    assert session['tool'] == 'idevicerestore' and session['toolVersion']
    assert verdict['phase'] == 'undecided' and first_cause(verdict) == 'tool'
    assert 'tool' in verdict['nextStep']['experiment'] or 'computer' in verdict['nextStep']['experiment']


def test_u7_the_phone_that_comes_back_has_its_history(bench, restored):
    bench.start(name='bench-1')
    restored('early-reset-first', '--cable', 'A', '--ticket', 'T-1')
    bench.triage('note', ECID, '--history', 'liquid', 'fell into a pool')
    until(lambda: bench.ask('stats')['attempts'] == 1, what='the sealing')
    bench.stop()
    # A week later the ring has gone round.
    (bench.state / 'ring').unlink()
    bench.start(name='bench-1')
    phone = models.make_identity()
    for name in (ECID, phone.udid, ECID[-6:]):
        case = bench.ask('case', name)
        assert [session['ticket'] for session in case['sessions']] == ['T-1']
        assert ('note', 'fell into a pool') in [(note['kind'], note['text']) for note in case['notes']]
    restored('early-reset-first', '--cable', 'B', '--ticket', 'T-2')
    assert '2 attempts' in bench.triage('diagnose', ECID, check=False).stdout


def test_u11_failures_by_cable_port_bench_model_and_week(bench, restored):
    bench.start(name='bench-1')
    restored('early-reset-first', '--cable', 'L07', '--port', '1-4')
    restored('early-reset-first', '--cable', 'L07', '--port', '1-2')
    restored('success', '--cable', 'L08', '--port', '1-2')
    until(lambda: bench.ask('stats')['attempts'] == 3, what='the sealing')

    def counted(by):
        return {group['key']: (group['failed'], group['attempts']) for group in bench.ask('stats', '--by', by)['groups']}

    assert counted('cable') == {'L07': (2, 2), 'L08': (0, 1)}
    assert counted('port') == {'1-4': (1, 1), '1-2': (1, 2)}
    assert counted('bench') == {'bench-1': (2, 3)}
    assert counted('model') == {'iPhone12,3': (2, 3)}
    assert list(counted('week').values()) == [(2, 3)]
