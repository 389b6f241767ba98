# SPDX-License-Identifier: LGPL-2.1-or-later
"""`try` at a terminal: a technician does what it says, on a bench with one planted cause, until the verdict is decided. The
restore tool is the real one, on the simulated phone."""
import fcntl
import os
import pty
import re
import select
import subprocess
import termios
import time

import pytest

import restoretool
from technician import Technician

ECID = '0x001C2D6A3C8A802E'
FAILS = 'early-reset-first'
LAST_PROMPT_SECONDS = 60


class Terminal:
    """`try` in a terminal of 80 columns, and what it has written."""

    def __init__(self, bench, *arguments):
        self.master, slave = pty.openpty()
        self.text, self.answered = '', 0
        self.process = subprocess.Popen([bench.build / 'client' / 'idevicetriage', 'try', *arguments],
                                        env={**bench.environment, 'COLUMNS': '80', 'TERM': 'xterm'}, cwd=bench.folder,
                                        stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
                                        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY))
        os.close(slave)

    def read(self):
        """Reads what is there. Returns False at the end."""
        if not select.select([self.master], [], [], 0.05)[0]:
            return self.process.poll() is None
        try:
            piece = os.read(self.master, 65536)
        except OSError:
            return False
        self.text += piece.decode(errors='replace').replace('\r', '')
        return bool(piece)

    def prompt(self, *patterns):
        """Waits for the next prompt, one of the patterns: returns its number. -1 at the end of the program."""
        deadline = time.monotonic() + LAST_PROMPT_SECONDS
        while True:
            open_ended = self.read()
            found = [(match.start(), number, match) for number, pattern in enumerate(patterns)
                     if (match := re.compile(pattern).search(self.text, self.answered))]
            if found:
                _, number, match = min(found, key=lambda each: each[:2])
                self.answered = match.end()
                return number
            if not open_ended:
                return -1
            assert time.monotonic() < deadline, self.text

    def type(self, text):
        os.write(self.master, text.encode())

    def end(self):
        while self.read():
            pass
        os.close(self.master)
        return self.process.wait(10)


class Follower(Technician):
    """Does what `try` says."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.steps = []

    def change(self):
        title = self.steps[-1]
        if 'cable' in title:
            self.replug({'cable': chr(ord(self.state['cable']) + 1)})
        elif 'port' in title:
            self.replug({'port': self.state['port'] + 1})
        else:
            assert 'usbmuxd' not in title
            self.replug({})

    def follow(self, terminal):
        """Follows it until the verdict is decided. Returns the verdict."""
        prompts = [
            (r'Try this: ([^.]*)\.', lambda: self.steps.append(re.findall(r'Try this: ([^.]*)\.', terminal.text)[-1])),
            (r'Waiting for it\..*\n', self.change),
            (r'Is it done\? \(y/n\) ', lambda: (self.open(), terminal.type('y'))),
            (r'The last attempt has no label .*\] ', lambda: terminal.type('\n')),
            (r'Label of the new [a-z ]*: \[[A-Z]\] ', lambda: terminal.type('\n')),
            (r'(Firmware file|Restore tool) \(Enter.*\] ', lambda: terminal.type('\n')),
            (r'Name of the other computer: ', lambda: (self.state.update(computer='other'), terminal.type('counter Mac\n'))),
            (r'Restore tool there.*\] ', lambda: terminal.type('finder\n')),
            (r'Label of the cable there.*\] ', lambda: terminal.type('\n')),
            (r'Did it work\? \(y/n\) ', lambda: terminal.type('n' if self.fails(self.state) else 'y')),
            (r'Error number .*: ?(\[.*\])? ', lambda: terminal.type('4013\n')),
            (r'Did it stop at the same point\? \(y/n\) ', lambda: terminal.type('y')),
            (r'Start it now\? \(y/n\) ', lambda: (self.prepare(), terminal.type('y'))),
            (r'Go on with that\? \(y/n\) ', lambda: terminal.type('n' if self.is_decided() else 'y')),
        ]
        while (number := terminal.prompt(*[pattern for pattern, _ in prompts])) >= 0:
            prompts[number][1]()
        self.code = terminal.end()
        print(self.steps, terminal.text)  # shown if the test fails
        return self.bench.verdict(ECID)

    def open(self):
        if 'flex' in self.steps[-1]:
            self.state['flex'] = 'connected' if 'again' in self.steps[-1] else 'disconnected'

    def is_decided(self):
        verdict = self.bench.verdict(ECID)
        return verdict['phase'] != 'undecided' and verdict['strength'] != 'weak'


@pytest.fixture
def technician(bench, make_phone, folder, firmware):
    """technician(fails, *options) makes the first attempt and returns who follows `try`."""
    def start(fails, *options):
        simulator = make_phone('success')
        identity = simulator.phone.identity
        bench.start()
        person = Follower(bench, simulator, fails)
        person.prepare()
        tool = restoretool.INSTALLED.command(bench.build, folder, identity, firmware(identity.model.board))
        restoretool.finish(bench, bench.run(tool, *options))
        return person

    return start


def first_cause(verdict):
    return verdict['causes'][0]['cause']


def test_a_bad_cable_is_found(bench, technician):
    person = technician(lambda state: FAILS if state['cable'] == 'A' else None)
    terminal = Terminal(bench)
    verdict = person.follow(terminal)
    assert (verdict['phase'], first_cause(verdict)) == ('phase1-connection', 'cable')


def test_a_shorted_flex_is_found(bench, technician):
    person = technician(lambda state: FAILS if state['flex'] == 'connected' else None, '--cable', 'A')
    terminal = Terminal(bench, 'disconnect-earpiece-flex')
    verdict = person.follow(terminal)
    assert (verdict['phase'], first_cause(verdict)) == ('phase2-hardware', 'earpiece-flex') and person.code == 20
    assert {'key': 'earpieceFlex', 'value': 'disconnected'} in bench.sessions()[-1]['conditions']


def test_a_bad_computer_is_found(bench, technician):
    person = technician(lambda state: FAILS if state['computer'] == 'bench' else None, '--cable', 'A')
    verdict = person.follow(Terminal(bench, 'other-computer'))
    assert verdict['phase'] == 'phase1-software' and bench.sessions()[-1]['host'] == 'counter Mac'
    assert 'host-software' in [cause['cause'] for cause in verdict['causes'] if cause['strength'] != 'none']


def test_a_dead_storage_is_found(bench, technician):
    person = technician(lambda state: 'disk-failure-detach', '--cable', 'A')
    terminal = Terminal(bench)
    verdict = person.follow(terminal)
    assert person.steps == ['repeat the Update once'] and person.code == 20
    assert (verdict['phase'], first_cause(verdict)) == ('phase2-hardware', 'nand')
    assert 'The restore failed at the same point' in terminal.text


def test_stopped_it_changes_nothing_and_says_how_to_continue(bench, technician):
    technician(lambda state: FAILS, '--cable', 'A')
    for key in ('q', '\x03'):
        terminal = Terminal(bench)
        assert terminal.prompt(r'Waiting for it\..*\n') == 0
        terminal.type(key)
        assert terminal.end() == 30
        assert 'Continue with:\n  idevicetriage try swap-cable' in terminal.text
    assert len(bench.sessions()) == 1 and bench.ask('conditions')['places'] == []


def test_a_script_gets_the_command_and_starts_it_itself(bench, technician):
    technician(lambda state: FAILS, '--cable', 'A', '--ticket', '4711')
    result = bench.ask('try', 'disconnect-earpiece-flex', '--yes', ECID)
    assert result['experiment'] == 'disconnect-earpiece-flex' and result['device'] == ECID
    assert result['command'].startswith('idevicetriage run --cable A --ticket 4711 -- unshare --net ')
    place, = bench.ask('conditions', ECID)['places']
    assert place['conditions'] == [{'key': 'earpieceFlex', 'value': 'disconnected'}]
    assert len(bench.sessions()) == 1
    result = bench.triage('try', 'minimal-boot', ECID, check=False)
    assert result.returncode == 1 and 'Cannot ask whether it is done' in result.stderr and '--yes' in result.stderr
    bench.triage('--json', 'conditions', ECID, '--earpiece-flex', 'connected')
    assert bench.triage('try', 'no-such-experiment', ECID, check=False).returncode == 2
