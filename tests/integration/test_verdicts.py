# SPDX-License-Identifier: LGPL-2.1-or-later
"""Live verdicts: each change is told once, with its phone, in the stream and in the log."""
import json
import signal
import socket

import pytest

from daemon import until

ECID = '0x001C2D6A3C8A802E'
OTHERS = ['0x0000000000000A01', '0x0000000000000A02']


class Watcher:
    """A Watch stream."""

    def __init__(self, bench):
        self.connection = socket.socket(socket.AF_UNIX)
        self.connection.settimeout(10)
        self.connection.connect(str(bench.socket))
        self.connection.sendall(json.dumps({'method': 'io.github.idevicetriage.Watch', 'more': True}).encode() + b'\0')
        self.buffer = b''
        assert self.read()['event'] == 'state'

    def read(self):
        while b'\0' not in self.buffer:
            piece = self.connection.recv(65536)
            assert piece, 'the daemon hung up'
            self.buffer += piece
        message, self.buffer = self.buffer.split(b'\0', 1)
        return json.loads(message)['parameters']

    def verdict(self):
        """The next change of a verdict: its phase, strength and message."""
        while (message := self.read())['event'] != 'diagnosisChanged':
            assert message.get('record', {}).get('kind') != 'diagnosis'
        record = message['record']
        return record['name'], record['state'], message

    def verdicts_before(self, marker, bench):
        """The changes that come before a note that is made now."""
        bench.call('AddNote', device=ECID, text=marker)
        found = []
        while (message := self.read()).get('record', {}).get('text') != marker:
            if message['event'] == 'diagnosisChanged':
                found.append(message['record']['name'])
        return found


@pytest.fixture
def watch(bench):
    bench.start()
    watcher = Watcher(bench)
    yield watcher
    watcher.connection.close()


def tell(bench, *options, device=ECID, point=('--operation', '28')):
    bench.triage('attempt', device, '--outcome', 'failed', '--error', '4013', '--model', 'iPhone8,1', *point, *options)


def test_a_changed_verdict_is_told_with_its_phone(watch, bench):
    tell(bench, '--host', 'one', '--cable', 'A')
    phase, strength, message = watch.verdict()
    assert (phase, strength) == ('undecided', 'weak')
    assert message['device']['ecid'] == ECID and message['device']['mode'] == 'gone'
    assert message['record']['text'].startswith(bench.verdict(ECID)['summary']) and message['sequence'] > 0
    tell(bench, '--host', 'two', '--cable', 'B')
    phase, strength, message = watch.verdict()
    assert (phase, strength) == (bench.verdict(ECID)['phase'], bench.verdict(ECID)['strength'])
    assert phase == 'phase2-hardware'
    assert 'verdict' in bench.triage('log').stdout


def test_what_changes_nothing_is_not_told(watch, bench):
    tell(bench, '--host', 'one', '--cable', 'A')
    watch.verdict()
    tell(bench, '--host', 'one', '--cable', 'A')
    bench.triage('note', ECID, '--history', 'no-charge')
    bench.run(['true'], '--ecid', ECID).communicate(timeout=30)
    until(lambda: bench.sessions()[-1]['outcome'] != 'running', what='the end of the run')
    assert watch.verdicts_before('first marker', bench) == []
    # The verdicts are made a little after the news.
    tell(bench, '--host', 'two', '--cable', 'B')
    assert watch.verdict()[0] == 'phase2-hardware'


def test_a_session_that_ends_is_judged(watch, bench):
    log = 'printf "Waiting for NAND (28)\\nGot status message\\nStatus: Disk Failure\\n"; exit 1'
    bench.run(['sh', '-c', log], '--ecid', ECID).communicate(timeout=30)
    _, _, message = watch.verdict()
    assert message['record']['session'] == bench.sessions()[-1]['session']
    assert message['device']['ecid'] == ECID


def test_phones_that_failed_in_a_bad_place_are_judged_again(watch, bench):
    ramdisk = ('--stage', 'boot-ramdisk')
    tell(bench, '--host', 'bench-1', '--port', '1-4', point=ramdisk)
    first = watch.verdict()[2]
    assert first['device']['ecid'] == ECID
    for device in OTHERS:
        tell(bench, '--host', 'bench-1', '--port', '1-4', device=device, point=ramdisk)
    revised = {}
    until(lambda: revised.update({(message := watch.verdict()[2])['device']['ecid']: message['record']['text']})
          or ECID in revised, what='the verdict of the first phone')
    assert 'the USB port or hub' in revised[ECID] and 'port' not in first['record']['text']


def test_a_restart_tells_nothing_anew(bench):
    bench.start()
    watcher = Watcher(bench)
    tell(bench, '--host', 'one', '--cable', 'A')
    tell(bench, '--host', 'two', '--cable', 'B')
    while watcher.verdict()[0] != 'phase2-hardware':
        pass
    bench.stop(signal.SIGKILL)
    bench.start()
    watcher = Watcher(bench)
    bench.triage('note', ECID, '--history', 'no-charge')
    tell(bench, '--host', 'three', '--cable', 'C')
    assert 'phase2-hardware' not in watcher.verdicts_before('marker', bench)
    lines = bench.triage('--json', 'log').stdout.splitlines()
    kinds = [record['name'] for line in lines for record in json.loads(line)['records'] if record['kind'] == 'diagnosis']
    assert kinds.count('phase2-hardware') == 1, kinds


def test_a_purged_phone_is_forgotten(watch, bench):
    tell(bench, '--host', 'one', '--cable', 'A')
    watch.verdict()
    bench.triage('purge', '--yes', ECID)
    assert bench.triage('log').stdout.count('verdict') == 0
    tell(bench, '--host', 'one', '--cable', 'A')
    assert watch.verdict()[0] == 'undecided'
