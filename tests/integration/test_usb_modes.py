# SPDX-License-Identifier: LGPL-2.1-or-later
"""The real daemon on a played USB bus: phones in every mode, and restores that end in the wrong one. No restore tool
and no usbmuxd take part, so whatever is known here comes from USB alone."""
import itertools
import json
import os
import select
import signal

import pytest

from daemon import until

ECID = '0x001C2D6A3C8A802E'
UDID = '00008030-001C2D6A3C8A802E'
PHONE = '001C2D6A3C8A802E iPhone12,3'


def devices(bench):
    return {device['port']: device for device in bench.call('ListDevices')['devices'] if device.get('port')}


def mode_at(bench, port):
    return devices(bench).get(port, {}).get('mode')


def go_through(bench, bus, port, modes):
    """Takes a phone that is at `port` through the modes, one after the other."""
    for mode in modes:
        bus.tell(f'remove {port}')
        until(lambda: mode_at(bench, port) == 'gone', what='the removal')
        if mode != 'gone':
            bus.tell(f'add {port} {mode} {UDID if mode in ("normal", "restore") else PHONE}')
            until(lambda: mode_at(bench, port) != 'gone', what=mode)


def test_phones_at_start(bench, bus):
    bus.tell(f'add 1-2.3 recovery {PHONE}')
    bus.tell('add 3-1 dfu 000A11112222333E iPhone10,3')
    bus.tell('add 1-4 05ac:024f KEYBOARD')
    bench.start()
    found = devices(bench)
    assert set(found) == {'1-2.3', '3-1'}
    assert found['1-2.3']['mode'] == 'recovery'
    assert found['1-2.3']['ecid'] == ECID
    assert found['1-2.3']['productType'] == 'iPhone12,3'
    assert found['3-1']['mode'] == 'dfu'
    assert found['3-1']['productType'] == 'iPhone10,3'


def test_one_phone_in_all_modes(bench, bus):
    bench.start()
    bus.tell(f'add 1-2 dfu {PHONE}')
    until(lambda: mode_at(bench, '1-2') == 'dfu', what='DFU mode')
    bus.tell('remove 1-2')
    bus.tell(f'add 1-2 recovery {PHONE}')
    until(lambda: mode_at(bench, '1-2') == 'recovery', what='recovery mode')
    assert len(bench.call('ListDevices')['devices']) == 1


def test_a_phone_on_usb_has_the_model_of_its_attempts(bench, bus):
    """In normal mode USB does not show the model. Its attempts may come from another bench."""
    bench.start()
    bench.triage('attempt', ECID, '--outcome', 'failed', '--model', 'iPhone12,3')
    bus.tell(f'add 1-2 normal {UDID}')
    until(lambda: mode_at(bench, '1-2'), what='the phone')
    for command in ('diagnose', 'case'):
        device = bench.ask(command, ECID)['device']
        assert (device.get('productType'), device['port']) == ('iPhone12,3', '1-2'), command


def test_a_port_is_not_guessed_from_the_last_one(bench, bus, make_phone):
    """usbmuxd may see a phone before USB shows where it is now."""
    simulator = make_phone()
    phone = simulator.phone
    bus.follow(simulator)
    bench.start()
    phone.set_mode('gone')
    phone.set_mode('restore')
    until(lambda: mode_at(bench, '1-2') != 'gone' and bench.sees(phone.identity.udid), what='the phone')
    phone.set_mode('gone')
    until(lambda: not bench.sees(phone.identity.udid), what='its going')
    simulator.mux.attach(phone)
    until(lambda: bench.sees(phone.identity.udid), what='the phone in usbmuxd')
    assert not devices(bench)
    bus.tell(f'add 1-3 restore {phone.identity.udid}')
    until(lambda: mode_at(bench, '1-3'), what='its port')


@pytest.mark.parametrize('port, depth, hubs', [('1-2.3', 1, ['05e3:0610']), ('1-4', 0, [])])
def test_the_hub_is_named(bench, bus, port, depth, hubs):
    bench.start()
    bus.tell(f'add {port} recovery {PHONE}')
    until(lambda: mode_at(bench, port) == 'recovery', what='the phone')
    go_through(bench, bus, port, ['ibec', 'restore'])
    session = until(bench.sessions, what='the session')[-1]
    assert [condition['value'] for condition in session['conditions']
            if condition['key'] == 'hub'] == hubs
    assert session['health']['hubDepth'] == depth


def test_two_phones_keep_apart(bench, bus):
    bench.start()
    bus.tell(f'add 1-2 recovery {PHONE}')
    bus.tell('add 1-3 recovery 000A11112222333E iPhone10,3')
    until(lambda: len(devices(bench)) == 2, what='two phones')
    bus.tell('remove 1-3')
    until(lambda: mode_at(bench, '1-3') == 'gone', what='the removal')
    assert mode_at(bench, '1-2') == 'recovery'


@pytest.mark.parametrize('modes, code', [
    (['ibec', 'recovery'], 4013),
    (['ibec', 'dfu'], 4014),
])
def test_bounce(bench, bus, modes, code):
    """The phone was due in restore mode and came back in another: the number that iTunes shows."""
    bench.start()
    bus.tell(f'add 1-2 recovery {PHONE}')
    until(lambda: mode_at(bench, '1-2') == 'recovery', what='recovery mode')
    go_through(bench, bus, '1-2', modes)
    session = until(lambda: next((s for s in bench.sessions() if s['outcome'] == 'failed'), None), what='the end')
    assert session['ecid'] == ECID
    assert session['itunesCode'] == code
    assert len(bench.sessions()) == 1


@pytest.mark.parametrize('modes', [
    ['recovery'], ['recovery'] * 2, ['recovery'] * 10, ['recovery', 'normal', 'gone'], ['dfu', 'dfu', 'recovery', 'dfu']
], ids=['once', 'twice', 'ten times', 'irecovery -n', 'DFU mode'])
def test_a_replugged_phone_is_no_restore(bench, bus, modes):
    """A failed restore with 4013 was invented, and a session that ran on kept purge from its work."""
    bench.start()
    bus.tell(f'add 1-2 recovery {PHONE}')
    until(lambda: mode_at(bench, '1-2') == 'recovery', what='recovery mode')
    go_through(bench, bus, '1-2', modes)
    assert bench.sessions() == []
    attaches = [record for record in bench.call('ReadLog', after=0, limit=200)['records'] if record['kind'] == 'attach']
    # What names the phone is not kept.
    assert attaches[0]['text'] == 'IBFL:3D SRNM'
    assert not any('MOCKUSB' in str(record) for record in attaches)


def test_bus_survives_the_daemon(bench, bus):
    """Killed in the middle, the daemon finds the phone again at its start."""
    bench.start()
    bus.tell(f'add 1-2 recovery {PHONE}')
    until(lambda: mode_at(bench, '1-2') == 'recovery', what='recovery mode')
    bench.process.kill()
    bench.process.wait(10)
    bus.tell('remove 1-2')
    bus.tell(f'add 1-2 dfu {PHONE}')
    bench.start()
    until(lambda: mode_at(bench, '1-2') == 'dfu', what='DFU mode')


def test_usbmuxd_is_blamed_for_a_phone_that_it_ought_to_show(bench, bus):
    """No restore goes on, and nobody runs usbmuxd: status and device say so, and how to start it."""
    bench.start()
    bus.tell(f'add 1-2 normal {UDID}')
    bus.tell('add 1-3 recovery 000A11112222333E iPhone10,3')
    until(lambda: len(devices(bench)) == 2, what='two phones')
    fault = until(lambda: devices(bench)['1-2'].get('fault'), what='the fault')
    assert fault['fault'] == 'usbmuxd-down'
    (sequence,) = fault['records']
    (record,) = bench.call('ReadLog', after=sequence - 1, limit=1)['records']
    assert (record['kind'], record['name'], record['port']) == ('mux-error', 'usbmuxd-down', '1-2')
    assert 'fault' not in devices(bench)['1-3']
    text = ' '.join(bench.triage('status').stdout.split())
    assert 'usbmuxd is not running. This says nothing about the phone. Start it: systemctl start usbmuxd' in text
    assert bench.sessions() == []


@pytest.fixture
def restoring(bench, bus):
    """A session in which the phone at 1-2 restores and the tool waits; gives the session as it stands."""
    bus.tell(f'add 1-2 normal {UDID}')
    bus.write('1-2/urbnum', 500)
    bus.write('1-2/power/runtime_status', 'active')
    bus.write('1-0:1.0/usb1-port2/over_current_count', 2)
    # A silence is due in 2.4 s.
    bench.start('--budget-percent', '2')
    script = 'echo "Creating filesystem (12)"; exec sleep 1000'
    process = bench.run(['sh', '-c', script], '--ecid', ECID)
    until(lambda: bench.sessions() and bench.sessions()[0].get('operation'), what='the restore')
    yield lambda: bench.sessions()[0]
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)


def test_a_silence_with_no_transfers(bench, restoring):
    health = until(lambda: restoring()['health']['silences'] and restoring()['health'], what='the silence')
    assert health['stalls'] == 1
    (record,) = bench.records(restoring()['session'], 'silence')
    assert record['state'] == 'no-transfers'
    assert '1 silence, 1 stall' in ' '.join(bench.triage('sessions').stdout.split())


def test_a_restore_past_its_time_is_a_finding_at_once(bench, folder, restoring):
    answer = bench.triage('--json', 'diagnose', check=False)
    assert answer.returncode == 40 and 'No failure' not in answer.stdout
    until(lambda: restoring()['health']['silences'], what='the silence')
    answer = bench.triage('--json', 'diagnose', check=False)
    verdict = json.loads(answer.stdout)['verdict']
    assert (answer.returncode, verdict['running'], verdict['phase']) == (41, 'hung', 'undecided')
    (silence,) = verdict['silences']
    assert silence['text'].startswith('Creating filesystem: the phone has reported nothing while it restores')
    (record,) = bench.records(restoring()['session'], 'silence')
    assert silence['records'] == [record['sequence']]
    text = ' '.join(bench.triage('diagnose', check=False).stdout.split())
    assert silence['text'] in text and 'No failure' not in text
    until(lambda: bench.records(restoring()['session'], 'diagnosis'), what='the news of the verdict')
    page = folder / 'page.html'
    bench.triage('report', '-o', page)
    assert 'here has failed' not in page.read_text() and 'The phone has reported nothing' not in page.read_text()
    assert 'the phone has reported nothing' in page.read_text()


def test_a_silence_is_evidence_after_the_end(bench, bus, folder):
    bus.tell(f'add 1-2 normal {UDID}')
    bench.start('--budget-percent', '2')
    process = bench.run(['sh', '-c', 'echo "Creating filesystem (12)"; exec sleep 1000'], '--ecid', ECID)
    until(lambda: bench.sessions() and bench.sessions()[0]['health']['silences'], what='the silence')
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    answer = bench.triage('--json', 'diagnose', check=False)
    verdict = json.loads(answer.stdout)['verdict']
    assert (answer.returncode, verdict.get('running'), len(verdict['silences'])) == (30, None, 1)
    # As a case file holds it too.
    exported = folder / 'exported.json'
    exported.write_text(bench.triage('export', ECID).stdout)
    again = json.loads(bench.triage('--json', 'diagnose', '--case', exported).stdout)['verdict']
    assert again['silences'][0]['text'] == verdict['silences'][0]['text']


def test_a_watched_restore_that_falls_silent_and_leaves(bench, bus):
    """Without a tool's log, USB transfers are all that is heard of the phone. It was "running, good" all the time."""
    bus.tell(f'add 1-2 recovery {PHONE}')
    bench.start('--budget-percent', '2')
    until(lambda: mode_at(bench, '1-2') == 'recovery', what='the phone')
    go_through(bench, bus, '1-2', ['ibec', 'restore'])
    bus.write('1-2/urbnum', 500)
    until(lambda: bench.sessions()[0].get('silentUSec') is not None, what='the wait')
    assert bench.triage('diagnose').returncode == 40
    health = until(lambda: bench.sessions()[0]['health']['silences'] and bench.sessions()[0]['health'],
                   what='the silence')
    assert (health['stalls'], health['grade']) == (1, 'lost')
    assert bench.triage('diagnose').returncode == 41
    bus.write('1-2/urbnum', 501)
    until(lambda: bench.sessions()[0]['health']['grade'] == 'degraded', what='transfers')
    assert bench.triage('diagnose').returncode == 40
    go_through(bench, bus, '1-2', ['gone'])
    session = until(lambda: bench.sessions()[0]['outcome'] != 'running' and bench.sessions()[0], what='the end')
    assert (session['outcome'], session['itunesCode'], session['health']['grade']) == ('failed', 4010, 'lost')
    assert [silence['rule'] for silence in bench.verdict()['silences']] == ['reboot', 'watched-silence']


# What a restore tool with libusbmuxd 2.1.0 does once its phone has left.
DEAF = 'trap "echo caught" INT; trap "" TERM; echo "Creating filesystem (12)"; while :; do sleep 0.05; done'


@pytest.mark.parametrize('back', [None, 'recovery'])
def test_a_tool_that_outlives_its_phone(bench, bus, back):
    """It was "running, no failure was seen" for as long as the tool lived, and "aborted" once it was killed."""
    bus.tell(f'add 1-2 normal {UDID}')
    bench.start('--budget-percent', '2')
    process = bench.run(['sh', '-c', DEAF], '--ecid', ECID)
    until(lambda: bench.sessions() and bench.sessions()[0].get('operation'), what='the restore')
    go_through(bench, bus, '1-2', [back or 'gone'])
    session = until(lambda: bench.sessions()[0]['outcome'] == 'failed' and bench.sessions()[0], what='the judgement')
    assert session['itunesCode'] == 4010 and session['health']['grade'] == 'lost' and 'exitStatus' not in session
    assert process.poll() is None
    answer = bench.triage('--json', 'diagnose', check=False)
    verdict = json.loads(answer.stdout)['verdict']
    assert answer.returncode == 30 and 'running' not in verdict and len(verdict['silences']) == 1
    # A daemon that is restarted still reads the tool's log.
    bench.stop(signal.SIGKILL)
    bench.start('--budget-percent', '2')
    shown = ''
    while 'third Ctrl-C kills it' not in shown:
        shown += read_some(process.stdout)
    for word in ('caught', 'caught', None):
        process.send_signal(signal.SIGINT)
        while word and word not in shown:
            shown += read_some(process.stdout)
        shown = ''
    process.communicate(timeout=20)
    assert process.returncode == 128 + signal.SIGKILL
    (session,) = bench.sessions()
    assert session['outcome'] == 'failed' and session['exitStatus'] == -signal.SIGKILL


def read_some(stream, seconds=20):
    assert select.select([stream], [], [], seconds)[0]
    piece = os.read(stream.fileno(), 65536).decode()
    assert piece
    return piece


def test_a_silence_while_transfers_go_on(bench, bus, restoring):
    numbers = itertools.count(501)

    def silence():
        bus.write('1-2/urbnum', next(numbers))
        return restoring()['health']['silences'] and restoring()['health']

    assert until(silence, what='the silence')['stalls'] == 0
    (record,) = bench.records(restoring()['session'], 'silence')
    assert record['state'] == 'transfers'


def test_what_the_port_shows_in_a_session(bench, bus, restoring):
    until(lambda: restoring()['health'].get('overCurrents') == 0, what='the count of before')
    bus.write('1-0:1.0/usb1-port2/over_current_count', 3)
    bus.write('1-2/power/runtime_status', 'suspended')
    until(lambda: restoring()['health'].get('overCurrents') == 1, what='the over-current')
    health = until(lambda: restoring()['health'].get('suspends') and restoring()['health'], what='the sleep')
    assert (health['suspends'], health['grade']) == (1, 'degraded')
    records = bench.records(restoring()['session'], 'port')
    assert {(record['name'], record['number'], record['port']) for record in records} == {
        ('over-current', 0, '1-2'), ('over-current', 1, '1-2'), ('suspended', 1, '1-2')}


def test_run_names_its_phone_by_the_port(bench, bus):
    bench.start()
    bus.tell(f'add 1-2 recovery {PHONE}')
    bus.tell('add 1-3 recovery 000A11112222333E iPhone10,3')
    until(lambda: len(devices(bench)) == 2, what='two phones')
    process = bench.run(['/bin/true'], '--port', '1-2')
    process.communicate(timeout=20)
    (session,) = bench.sessions()
    assert session['ecid'] == ECID and session['port'] == '1-2'
    assert {'key': 'port', 'value': '1-2'} in session['conditions']


def test_a_phone_in_restore_mode_that_a_tool_finds_by_its_ecid(bench, bus):
    """It shows only a UDID that has no ECID in it; its port and the cable that hangs there are known nevertheless."""
    bench.start()
    bus.tell('add 1-2 restore 2b6f0cc904d137be2e1730235f5664094b831186')
    bus.tell(f'add 1-3 recovery {PHONE}')
    until(lambda: len(devices(bench)) == 2, what='two phones')
    bench.triage('conditions', '1-2', '--cable', 'L07')
    process = bench.run(['sh', '-c', 'echo "idevicerestore 1.0.0"; echo "Found device in Restore mode"; exit 1', '-i',
                         '0x000A11112222333E'])
    process.communicate(timeout=20)
    (session,) = bench.sessions()
    assert (session['ecid'], session['port']) == ('0x000A11112222333E', '1-2')
    assert {'key': 'cable', 'value': 'L07'} in session['conditions']
