# SPDX-License-Identifier: LGPL-2.1-or-later
"""The daemon asks phones only where that is switched on, once, and nothing that they answer holds
it up."""
import json
import os
import pathlib
import signal
import subprocess
import time

import models
import pytest
from daemon import until

ANSWER_SECONDS = 1.0
PORT = '1-2'


class Guest:
    """A simulated phone that comes and goes on USB and in usbmuxd alike."""

    def __init__(self, simulator, bus, bench):
        self.simulator, self.bus, self.bench = simulator, bus, bench
        self.phone, self.journal = simulator.phone, simulator.journal
        self.udid = simulator.phone.identity.udid

    def sees(self, mode):
        devices = self.bench.call('ListDevices')['devices']
        gone = [device['mode'] == 'gone' for device in devices if device.get('port') == PORT]
        return (mode == 'gone') in gone

    def come(self, mode, program=None):
        identity = self.phone.identity
        serial = (self.udid if mode in ('normal', 'restore')
                  else f'{identity.ecid:X} {identity.model.product_type}')
        self.bus.tell(f'add {PORT} {program or mode} {serial}')
        until(lambda: self.sees(mode), what=f'the phone in {mode} mode')
        self.phone.set_mode(mode)

    def go(self):
        self.phone.set_mode('gone')
        self.bus.tell(f'remove {PORT}')
        until(lambda: self.sees('gone'), what='the phone to go')

    def connects(self):
        return self.journal.entries('connect')


@pytest.fixture
def phone(make_phone, bench, bus):
    """watch(*options): a started daemon, and a phone that comes when it is told to."""
    def watch(*options, **identity):
        simulator = make_phone('success', **identity)
        simulator.phone.set_mode('gone')
        bench.start(*options)
        return Guest(simulator, bus, bench)
    return watch


def records(bench, kind, told_by='phone'):
    lines = bench.triage('--json', 'log').stdout.splitlines()
    found = [record for line in lines for record in json.loads(line)['records']]
    return [record for record in found if record['kind'] == kind and record['source'] == told_by]


def source_up(bench):
    sources = bench.call('GetStatus')['sources']
    return next(source['up'] for source in sources if source['name'] == 'phone')


def test_by_default_no_phone_is_asked(phone, bench):
    guest = phone()
    for count, mode in enumerate(('normal', 'restore'), 1):
        guest.come(mode)
        until(lambda: len(records(bench, 'mux-attach', 'usbmuxd')) == count, what='usbmuxd')
        guest.go()
    bench.stop()
    assert guest.connects() == []


def test_a_phone_on_the_network_is_on_no_port(phone, bench):
    """usbmuxd2 and netmuxd list phones by Wi-Fi too: they are not on USB."""
    guest = phone('--phone-query', 'yes')
    mux = guest.simulator.mux
    alone = mux.show_on_network('00008110-000A1B2C3D4E801E')
    guest.come('restore')
    until(lambda: len(records(bench, 'mux-attach', 'usbmuxd')) == 1, what='usbmuxd')
    twin = mux.show_on_network(guest.udid)
    mux.leave_network(twin)
    mux.leave_network(alone)
    guest.go()
    until(lambda: len(records(bench, 'mux-detach', 'usbmuxd')) == 1, what='usbmuxd')
    assert [record['udid'] for record in records(bench, 'mux-attach', 'usbmuxd')] == [guest.udid]
    assert len(bench.call('ListDevices')['devices']) == 1
    assert not guest.journal.entries('network-connect')
    assert not bench.call('ListSessions')['sessions']


def test_a_phone_that_is_on_the_network_before_the_daemon(make_phone, bench):
    simulator = make_phone('success')
    simulator.phone.set_mode('gone')
    simulator.mux.show_on_network(simulator.phone.identity.udid)
    bench.start()
    until(lambda: simulator.journal.entries('listener'), what='the daemon')
    simulator.phone.set_mode('normal')
    until(lambda: len(records(bench, 'mux-attach', 'usbmuxd')) == 1, what='the phone on USB')
    assert len(bench.call('ListDevices')['devices']) == 1


def test_a_phone_in_normal_mode_tells_what_it_is(phone, bench):
    guest = phone('--phone-query', 'yes')
    guest.come('normal')
    system = until(lambda: records(bench, 'system'), what='the answer')[0]
    assert (system['name'], system['text']) == ('14.8.1', '18H107')
    product = guest.phone.identity.model.product_type
    assert records(bench, 'identity')[0]['name'] == product
    device = bench.call('ListDevices')['devices'][0]
    assert (device['mode'], device['productType']) == ('normal', product)
    assert len(guest.connects()) == 1


def test_what_an_older_phone_tells_joins_its_modes(phone, bench):
    identity = models.make_identity(udid='0123456789abcdef0123456789abcdef01234567')
    guest = phone('--phone-query', 'yes', identity=identity)
    guest.come('normal')
    until(lambda: records(bench, 'identity'), what='the answer')
    assert bench.call('ListDevices')['devices'][0]['ecid'] == f'0x{identity.ecid:016X}'


def test_a_phone_that_comes_from_recovery_is_not_asked_what_it_is(phone, bench):
    """It may be in a restore: then no connection at all is opened to it."""
    guest = phone('--phone-query', 'yes')
    guest.come('recovery')
    guest.go()
    guest.come('restore')
    guest.go()
    # A phone that may be asked is: so the one before would have been by now.
    guest.phone.identity = models.make_identity(ecid=0x1122334455667)
    guest.udid = guest.phone.identity.udid
    guest.come('normal')
    until(lambda: records(bench, 'system'), what='the other phone')
    assert len(guest.connects()) == 1


def test_a_phone_that_was_there_before_is_not_asked(phone, bench):
    guest = phone('--phone-query', 'yes', '--probe-restore', 'attach')
    bench.stop()
    guest.bus.tell(f'add {PORT} restore {guest.udid}')
    guest.phone.set_mode('restore')
    bench.start('--phone-query', 'yes', '--probe-restore', 'attach')
    until(lambda: bench.sees(guest.udid), what='the phone')
    guest.go()
    assert guest.connects() == []


def test_a_phone_in_restore_mode_tells_what_it_remembers(phone, bench):
    guest = phone('--probe-restore', 'attach')
    guest.phone.scenario = {**guest.phone.scenario, 'savedDebugInfo': {
        'PreviousExitStatus': '0x60d',
        'USBLog': 'AppleSynopsysOTGDevice::handleUSBReset\nnext line',
        'PanicLog': 'x' * 100000 + 'panic(cpu 1 caller 0x1): AOP PANIC\nDebugger message: x'}}
    guest.come('restore')
    until(lambda: len(records(bench, 'saved')) == 3, what='the answers')
    saved = records(bench, 'saved')
    texts = {record['name']: record['text'] for record in saved}
    assert texts['exit-status'] == '0x60d'
    assert texts['usb-log'] == 'AppleSynopsysOTGDevice::handleUSBReset next line'
    assert texts['panic-log'].startswith('panic(cpu 1 caller 0x1): AOP PANIC')
    assert bench.call('ListDevices')['devices'][0]['mode'] == 'restore'
    assert len(guest.connects()) == 1


def test_a_saved_panic_is_evidence_of_the_restore_it_comes_before(phone, bench):
    guest = phone('--probe-restore', 'attach')
    guest.phone.scenario = {**guest.phone.scenario, 'savedDebugInfo': {
        'PanicLog': 'panic(cpu 1 caller 0x1): AOP PANIC - i2cscm1 global-errors - prox als'}}
    for mode, program in (('recovery', None), ('recovery', 'ibec'), ('restore', None)):
        guest.come(mode, program)
        if mode != 'restore':
            guest.go()
    until(lambda: records(bench, 'saved'), what='the answer')
    guest.go()
    guest.come('recovery')
    until(lambda: bench.verdict(guest.udid)['phase'] == 'phase2-hardware', what='the verdict')
    verdict = bench.verdict(guest.udid)
    flex = next(cause for cause in verdict['causes'] if cause['cause'] == 'earpiece-flex')
    assert any(finding['rule'] == 'front-sensor-panic' and finding['records']
               for finding in flex['evidence'])


def test_a_phone_is_asked_once_an_attach(phone, bench):
    guest = phone('--probe-restore', 'attach')
    guest.come('restore')
    until(lambda: records(bench, 'identity'), what='the answer')
    # usbmuxd restarts and lists it anew: the phone did not come.
    guest.simulator.mux.stop()
    guest.simulator.mux.start()
    guest.phone.show()
    until(lambda: len(guest.journal.entries('listener')) >= 2, what='the daemon')
    listed = len(guest.journal.entries('attached'))
    assert listed >= 3
    until(lambda: bench.call('ListDevices')['devices'][0]['mode'] == 'normal-or-restore',
          what='the phone')
    guest.go()
    assert len(guest.connects()) == 1


DEEP = {'body': '<plist>', 'middle': '<array>', 'middleTimes': 50000}
HIDDEN = {'body': '<plist>', 'middle': '<array><!--</array>-->', 'middleTimes': 40000}
BAD_ANSWERS = {
    'nothing': ['hold'],
    'close': ['close'],
    'drip': ['drip'],
    'huge-length': [{'length': 0xffffffff}],
    'huge-answer': [{'middle': 'x', 'middleTimes': 32 << 20}],
    'no-length': [{'length': 0}],
    'half': [{'length': 1000, 'body': '<?xml version="1.0"?><plist><dict>'}],
    'garbage': [{'body': '\x00\xff garbage \x1b[2J'}],
    'nul': [{'body': '<plist><dict><key>Type</key><string>com.apple\x00x</string></dict></plist>'}],
    'no-dict': [{'body': '<plist version="1.0"><string>x</string></plist>'}],
    'binary': [{'body': 'bplist00\xd1\x01\x02'}],
    'deep': [DEEP],
    'hidden-depth': [HIDDEN],
    'stranger': [{'message': {'Request': 'QueryType', 'Type': 'com.example.other'}}],
    'wrong-types': [{'message': {'Type': 'com.apple.mobile.restored'}},
                    {'message': {'HardwareInfo': ['x'], 'Result': 5}},
                    {'message': {'SavedDebugInfo': {'PanicLog': 7, 'USBLog': {},
                                                    'PreviousExitStatus': []}}}],
    'silent-then': [{'message': {'Type': 'com.apple.mobile.lockdown'}}, 'hold'],
    'evil-text': [{'message': {'Type': 'com.apple.mobile.lockdown'}}]
                 + [{'message': {'Value': '\u009b31m' + 'A' * 500000}}] * 5,
}


@pytest.mark.parametrize('name', sorted(BAD_ANSWERS))
def test_the_daemon_goes_on_whatever_a_phone_answers(phone, bench, name):
    guest = phone('--phone-query', 'yes', '--probe-restore', 'attach')
    good = guest.phone.scenario
    guest.phone.scenario = {**good, 'answers': BAD_ANSWERS[name]}
    guest.come('normal')
    until(lambda: guest.journal.entries('misbehaved'), what='the bad answer')
    for _ in range(20):
        began = time.monotonic()
        bench.call('GetStatus')
        assert time.monotonic() - began < ANSWER_SECONDS
    guest.phone.scenario = good

    def answers():
        """Later a phone makes sense, and is asked as if nothing had been."""
        guest.go()
        guest.come('normal')
        deadline = time.monotonic() + 0.5
        while time.monotonic() < deadline:
            if any(record['name'] == '14.8.1' for record in records(bench, 'system')):
                return True
            time.sleep(0.05)
        return False
    until(answers, what='a good answer')
    assert bench.process.poll() is None
    memory = int(open(f'/proc/{bench.process.pid}/statm').read().split()[1]) * 4096
    assert memory < 200 << 20, 'grown by what a phone said'
    assert all(not set(record.get('name', '') + record.get('text', '')) & {'\x1b', '\x9b'}
               for record in records(bench, 'system') + records(bench, 'identity'))


def left_over(bench):
    """The processes that the daemon started and that still run, also those of a daemon that has ended."""
    mark, found = f'IDEVICETRIAGE_SOCKET={bench.socket}'.encode(), []
    for folder in pathlib.Path('/proc').iterdir():
        if not folder.name.isdigit() or int(folder.name) == bench.process.pid:
            continue
        try:
            state = (folder / 'stat').read_text().rpartition(')')[2].split()
            mine = mark in (folder / 'environ').read_bytes() or int(state[1]) == bench.process.pid
        except (OSError, ValueError):
            continue
        if mine:
            found.append((int(folder.name), state[0]))
    return found


def descriptors(bench):
    """How many pipes and processes the daemon holds; its sockets and files come and go."""
    folder, count = f'/proc/{bench.process.pid}/fd', 0
    for name in os.listdir(folder):
        try:
            target = os.readlink(f'{folder}/{name}')
        except FileNotFoundError:
            continue
        count += target.startswith('pipe:') or 'pidfd' in target
    return count


def use_program(bench, script=None):
    """The program that asks phones is this shell script, or the real one."""
    path = bench.folder / 'program'
    path.unlink(missing_ok=True)
    if script is None:
        path.symlink_to(bench.build / 'phone' / 'idevicetriage-phone')
    else:
        path.write_text(f'#!/bin/sh\n{script}\n')
        path.chmod(0o755)
    bench.environment['IDEVICETRIAGE_PHONE_PROGRAM'] = str(path)


# With both, a phone is asked again whose mode nobody learned.
BOTH = ('--phone-query', 'yes', '--probe-restore', 'attach')

# What the program does, and what the daemon then says in its log.
BAD_PROGRAMS = {
    'hangs': ('trap "" TERM INT HUP; while :; do sleep 1; done', 'was killed'),
    # As with libusbmuxd 2.1.0, whose send never fails.
    'spins': ('trap "" TERM INT HUP; while :; do :; done', 'was killed'),
    'closes its output and hangs': ('exec >&-; while :; do sleep 1; done', 'was killed'),
    'prints nothing': ('exit 0', 'invalid answer'),
    'prints garbage': ('exec head -c 4000 /dev/urandom', 'invalid answer'),
    'prints 100 MB': ('exec head -c 104857600 /dev/zero', 'failed at'),
    'prints for ever': ('exec yes', 'failed at'),
    'prints too much JSON': ("echo '{\"kind\":\"normal\",\"name\":\"Ann\"}'", 'invalid answer'),
    'nests': ("printf '%070000d' 0 | tr 0 '['", 'failed at'),
    'dies by a signal': ('kill -SEGV $$', 'failed at'),
    'fails with an answer': ("echo '{\"kind\":\"normal\",\"version\":\"9.9\"}'; exit 3", 'failed at'),
    'leaves children that hold its output': ('sleep 1000 & sleep 1000 & exit 0', 'invalid answer'),
    'leaves children that write': ('yes & exit 0', ' one ending in '),
}


@pytest.mark.parametrize('name', sorted(BAD_PROGRAMS))
def test_the_daemon_goes_on_whatever_the_program_does(phone, bench, name):
    script, words = BAD_PROGRAMS[name]
    use_program(bench, script)
    guest = phone(*BOTH)
    before = descriptors(bench)
    guest.come('normal')

    def is_over():
        began = time.monotonic()
        bench.call('GetStatus')
        assert time.monotonic() - began < ANSWER_SECONDS
        return words in bench.say()
    until(is_over, what='the end of the question')
    until(lambda: not left_over(bench), seconds=5, what='the end of all that was started')
    until(lambda: descriptors(bench) == before, what='no descriptor more')
    assert records(bench, 'identity') == [] and records(bench, 'system') == []
    # That program failed, which says nothing of the next question.
    use_program(bench)
    guest.go()
    guest.come('normal')
    until(lambda: records(bench, 'system'), what='a good answer')
    assert source_up(bench)


def test_what_the_program_prints_cannot_command_a_terminal(phone, bench):
    use_program(bench, """printf '{"kind":"normal","version":"\\\\u001b[2J\\\\u009b31m","product":"%0500d"}' 0""")
    guest = phone(*BOTH)
    guest.come('normal')
    system = until(lambda: records(bench, 'system'), what='the answer')[0]
    assert system['name'] == '?[2J?31m'
    assert len(records(bench, 'identity')[0]['name']) < 100


def test_a_question_ends_when_its_phone_leaves(phone, bench):
    use_program(bench, 'trap "" TERM INT HUP; while :; do sleep 1; done')
    guest = phone(*BOTH)
    guest.come('normal')
    until(lambda: left_over(bench), what='the question')
    guest.go()
    until(lambda: not left_over(bench), seconds=2, what='the end of the question')
    assert 'was killed' not in bench.say()


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGKILL])
def test_no_question_outlives_the_daemon(phone, bench, number):
    guest = phone(*BOTH)
    guest.simulator.mux.misbehaviour = {'ListDevices': ['hold'], 'Connect': ['hold']}
    guest.come('normal')
    until(lambda: guest.journal.entries('misbehaved') and left_over(bench), what='the question')
    began = time.monotonic()
    bench.stop(number)
    # The end does not wait for it either.
    assert time.monotonic() - began < 2
    assert bench.process.returncode == (0 if number == signal.SIGTERM else -number)
    until(lambda: not left_over(bench), seconds=2, what='the end of the question')


def test_a_question_that_is_stuck_in_usbmuxd_is_given_up(phone, bench):
    guest = phone(*BOTH)
    guest.simulator.mux.misbehaviour = {'ListDevices': ['hold'], 'Connect': ['hold']}
    guest.come('normal')
    until(lambda: 'did not answer' in bench.say(), what='the question to be given up')
    assert not left_over(bench)
    guest.simulator.mux.misbehaviour = {}
    guest.go()
    guest.come('normal')
    until(lambda: records(bench, 'system'), what='the answer to the next question')


def test_a_program_that_is_missing_is_said(phone, bench):
    use_program(bench)
    (bench.folder / 'program').unlink()
    guest = phone(*BOTH)
    assert not source_up(bench)
    status = ' '.join(bench.triage('status').stdout.split())
    assert f'phone down: cannot start {bench.folder}/program: No such file' in status, status
    use_program(bench)
    guest.come('normal')
    until(lambda: records(bench, 'system'), what='the answer')
    assert source_up(bench)


def test_the_configuration_takes_no_other_word(bench):
    for words in (['--phone-query', 'maybe'], ['--probe-restore', 'always']):
        result = subprocess.run([str(bench.build / 'daemon' / 'idevicetriaged'), *words],
                                capture_output=True, text=True, timeout=10)
        assert result.returncode == 2
        assert 'is not' in result.stderr
