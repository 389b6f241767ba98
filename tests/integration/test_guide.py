# SPDX-License-Identifier: LGPL-2.1-or-later
"""`guide` on a played USB bus: it says which buttons, and what the phone became."""
import json
import subprocess

import pytest

from daemon import until, versioned
from test_usb_modes import PHONE, UDID, mode_at

PORT = '1-2'


def become(bench, bus, mode):
    """The phone leaves USB and comes back in this mode."""
    bus.tell(f'remove {PORT}')
    until(lambda: mode_at(bench, PORT) == 'gone', what='the removal')
    bus.tell(f'add {PORT} {mode} {UDID if mode in ("normal", "restore") else PHONE}')
    until(lambda: mode_at(bench, PORT) in (mode, f'{mode}-or-restore'), what=mode)


class Guide:
    def __init__(self, bench, *arguments):
        self.process = subprocess.Popen([bench.build / 'client' / 'idevicetriage', *arguments], env=bench.environment,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.first = self.process.stdout.readline() if '--json' not in arguments else ''

    def end(self):
        output, errors = self.process.communicate(timeout=60)
        assert not errors
        return self.process.returncode, output if output.startswith('{') else ' '.join(output.split())


@pytest.fixture
def phone(bench, bus):
    """A phone in normal mode, which has been in recovery mode: its model is known."""
    bench.start()
    bus.tell(f'add {PORT} recovery {PHONE}')
    until(lambda: mode_at(bench, PORT) == 'recovery', what='the phone')
    become(bench, bus, 'normal')
    return '802E'


@pytest.mark.parametrize('name', ['802E', 'iPhone12,3', 'iphone 11 pro'])
def test_a_phone_in_dfu_mode(bench, bus, phone, name):
    guide = Guide(bench, 'guide', 'dfu', name)
    assert 'Connect the phone' in guide.first
    become(bench, bus, 'dfu')
    assert guide.end() == (0, 'The phone is in DFU mode.')


def test_recovery_instead_of_dfu(bench, bus, phone):
    """Known only when the last step is reached: the steps before it take their time."""
    guide = Guide(bench, 'guide', 'dfu', 'iPhone 7')
    shown = [guide.process.stdout.readline() for _ in range(2)]
    assert [line.split(' (')[0] for line in shown] == [
        'Hold the side button and volume down.', 'Release the side button. Keep holding volume down.']
    become(bench, bus, 'recovery')
    assert guide.end() == (1, 'This is recovery mode, not DFU mode: the side button was probably released too late.')


def test_a_phone_that_leaves_early_ends_its_step(bench, bus, phone):
    guide = Guide(bench, 'guide', 'leave-recovery', 'iPhone 7')
    bus.tell(f'remove {PORT}')
    assert guide.process.stdout.readline().startswith('Wait until the phone has started.')
    bus.tell(f'add {PORT} recovery {PHONE}')
    status, output = guide.end()
    assert status == 1 and output.startswith('It is in recovery mode again: its system does not start')


def test_a_phone_with_another_identifier_in_each_mode(bench, bus, folder):
    """An older phone shows its ECID in recovery mode and its UDID in normal mode."""
    udid = '8a802e' * 6 + '8a80'
    case = {'format': 'idevicetriage-case', 'version': 1, 'id': 'older', 'device': {
        'productType': 'iPhone10,3', 'ecid': '0x001C2D6A3C8A802E', 'udid': udid}, 'attempts': [{'outcome': 'failed'}]}
    (folder / 'case.json').write_text(json.dumps(case))
    bench.start()
    bench.triage('import', folder / 'case.json')
    bus.tell(f'add {PORT} recovery 001C2D6A3C8A802E iPhone10,3')
    until(lambda: mode_at(bench, PORT) == 'recovery', what='the phone')
    guide = Guide(bench, 'guide', 'leave-recovery', '802E')
    bus.tell(f'remove {PORT}')
    bus.tell(f'add {PORT} normal {udid}')
    assert guide.end() == (0, 'The phone is in normal mode.')


def test_the_end_for_scripts(bench, bus, phone):
    guide = Guide(bench, '--json', 'guide', 'dfu', phone)
    become(bench, bus, 'dfu')
    status, output = guide.end()
    end = versioned(output)
    assert (status, end['reached'], end['mode'], end['productType']) == (0, True, 'dfu', 'iPhone12,3')
    assert [step['seconds'] for step in end['steps']] == [2, 2, 10, 5, 15] and end['steps'][2]['until'] == 'gone'


@pytest.mark.parametrize('words, status, said', [
    (['dfu'], 2, 'guide needs dfu'), (['sleep', 'iPhone12,3'], 2, 'Cannot guide to sleep: choose dfu'),
    (['dfu', 'Watch6,1'], 1, 'Cannot guide to dfu: no key sequence is known for'), (['dfu', '1234'], 4, 'No ')])
def test_what_cannot_be_guided(bench, bus, words, status, said):
    bench.start()
    result = bench.triage('guide', *words, check=False)
    assert result.returncode == status and said in result.stderr
