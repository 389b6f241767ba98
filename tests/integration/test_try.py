# SPDX-License-Identifier: LGPL-2.1-or-later
"""`try` at a terminal: a technician does what it says, on a bench with one planted cause, until the verdict is decided. The
restore tool is the real one, on the simulated phone."""
import dataclasses
import fcntl
import os
import pty
import re
import select
import shlex
import shutil
import signal
import subprocess
import termios
import time

import pytest

from daemon import until
import debian
import restoretool
import script
from technician import Technician

ECID = '0x001C2D6A3C8A802E'
FAILS = 'early-reset-first'
LAST_PROMPT_SECONDS = 60
SLOW, FAST = 12000000, 480000000  # bits per second: full speed and high speed
# Where a person plugs a phone in, one after the other.
PORTS = ('1-3', '2-1', '2-2')


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

    def echoes(self):
        return bool(termios.tcgetattr(self.master)[3] & termios.ECHO)

    def end(self):
        until(lambda: not self.read(), what=self.text)
        os.close(self.master)
        return self.process.wait(10)


class Follower(Technician):
    """Does what `try` says."""

    def __init__(self, bench, simulator, fails, answers):
        super().__init__(bench, simulator, fails)
        self.answers = answers
        self.ports = list(PORTS)
        self.steps = []
        self.speed = lambda state: FAST

    def change(self):
        title = self.steps[-1]
        if 'cable' in title:
            self.replug({'cable': chr(ord(self.state['cable']) + 1)})
        elif 'port' in title:
            self.replug({'port': self.ports.pop(0)})
        else:
            assert 'usbmuxd' not in title
            self.replug({})

    def plug(self, mode):
        self.phone.speed_bits = self.speed(self.state)
        super().plug(mode)

    def follow(self, terminal):
        """Follows it until the verdict is decided. Returns the verdict."""
        prompts = [
            (r'Try this: ([^.]*)\.', lambda: self.steps.append(re.findall(r'Try this: ([^.]*)\.', terminal.text)[-1])),
            (r'Waiting for it\..*\n', self.change),
            (r'on port \S+ again\. |is behind a hub\. ', self.change),
            (r'press y to restore', lambda: terminal.type('y')),
            (r'Is it done\? \(y/n\) ', lambda: (self.open(), terminal.type('y'))),
            (r'The last attempt has no label .*\] ', lambda: terminal.type('\n')),
            (r'Label of the new [a-z ]*: \[[A-Z]\] ', lambda: terminal.type('\n')),
            (r'Restore tool \(Enter.*\] ', lambda: self.replace(terminal, 'tool')),
            (r'Firmware file \(Enter.*\] ', lambda: self.replace(terminal, 'firmware')),
            (r'Name of the other computer: ', lambda: (self.state.update(computer='other'), terminal.type('counter Mac\n'))),
            (r'Restore tool there.*\] ', lambda: terminal.type('finder\n')),
            (r'Label of the cable there.*\] ', lambda: terminal.type('\n')),
            (r'Did it work\? \(y/n\) ', lambda: terminal.type('n' if self.fails(self.state) else 'y')),
            (r'Error number .*: ?(\[.*\])? ', lambda: terminal.type('4013\n')),
            (r'Did it stop at the same point\? \(y/n\) ', lambda: terminal.type('y')),
            (r'Start it now\? \(y/n\) ', lambda: (self.prepare(), terminal.type('y'))),
            (r'Go on with that\? \(y/n\) ', lambda: (self.settle(), terminal.type('n' if self.is_decided() else 'y'))),
        ]
        while (number := terminal.prompt(*[pattern for pattern, _ in prompts])) >= 0:
            prompts[number][1]()
        self.code = terminal.end()
        self.settle()
        print(self.steps, terminal.text)  # shown if the test fails
        return self.bench.verdict(ECID)

    def replace(self, terminal, what):
        """Names another tool or file, where there is one; else it stays."""
        self.state[what] = self.answers.get(what)
        terminal.type(f'{self.answers.get(what, "")}\n')

    def open(self):
        if 'flex' in self.steps[-1]:
            self.state['flex'] = 'connected' if 'again' in self.steps[-1] else 'disconnected'

    def is_decided(self):
        verdict = self.bench.verdict(ECID)
        return verdict['phase'] != 'undecided' and verdict['strength'] != 'weak'


@pytest.fixture
def technician(bench, restore_bus, make_phone, folder, firmware):
    """technician(fails, *options) makes the first attempt and returns who follows `try`. On a played USB bus, the phone begins
    at `port`, with speed(state). `answers`: the other tool or firmware file that is named when `try` asks for it; `program`: a
    program in place of the tool."""
    def start(fails, *options, port='1-2', speed=None, answers=None, tool=restoretool.INSTALLED,
              program=restoretool.PROGRAM, file=None, **more):
        simulator = make_phone('success', **more)
        identity = simulator.phone.identity
        simulator.phone.port = port
        restore_bus.follow(simulator)
        bench.start()
        person = Follower(bench, simulator, fails, answers or {})
        person.speed = speed or person.speed
        person.prepare()
        command = tool.command(bench.build, folder, identity, file or firmware(identity.model.board))
        command = [program if word == restoretool.PROGRAM else word for word in command]
        restoretool.finish(bench, bench.run(command, *options))
        person.settle()
        return person

    return start


def is_here(state, **where):
    """Whether the phone is at such a place of this computer."""
    return all(state[key] == value for key, value in {'computer': 'bench', **where}.items())


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


def test_a_bad_port_is_found(bench, technician):
    """Its wires carry full speed only, and break off. The bench sees port and speed: no label is asked for, and the same port
    again is not accepted."""
    person = technician(lambda state: 'detach' if is_here(state, port='1-2') else None, '--cable', 'A',
                        speed=lambda state: SLOW if is_here(state, port='1-2') else FAST)
    person.ports.insert(0, '1-2')
    terminal = Terminal(bench)
    verdict = person.follow(terminal)
    assert 'The phone is on port 1-2 again. Plug it into another port.' in terminal.text
    assert 'Seen: the phone is on port 1-3.' in terminal.text
    assert 'The phone connects at 12 Mbit/s instead of 480.' in terminal.text
    assert 'use another port of the same computer' in person.steps
    assert (verdict['phase'], first_cause(verdict)) == ('phase1-connection', 'port-hub') and person.code == 10
    assert {each['port'] for each in bench.sessions() if each['outcome'] == 'succeeded'} == {'1-3'}


def test_a_phone_that_restarts_by_itself_is_not_replugged(bench, technician):
    person = technician(lambda state: FAILS, '--cable', 'A')
    terminal = Terminal(bench, 'swap-cable')
    assert terminal.prompt(r'Waiting for it\..*\n') == 0
    person.replug({}, 'normal')
    assert terminal.prompt('perhaps by itself', 'Seen') == 0
    person.replug({'cable': 'B'})
    assert terminal.prompt('perhaps by itself', 'Seen: the phone is on port 1-2') == 1
    terminal.type('\x03')
    assert terminal.end() == 30
    # Nobody saw in which mode it left.
    person.unplug()
    terminal = Terminal(bench, 'swap-cable')
    assert terminal.prompt(r'Waiting for it\..*\n') == 0
    person.plug('normal')
    assert terminal.prompt('perhaps by itself', 'Seen') == 0
    terminal.type('y')
    assert terminal.prompt('Label of the new cable', 'Seen') == 0
    terminal.type('\x03')
    assert terminal.end() == 30


def test_a_bad_hub_is_found(bench, technician):
    """Behind the hub it fails on each port; only a port of the computer itself is accepted."""
    person = technician(lambda state: 'detach' if is_here(state) and '.' in state['port'] else None, '--cable', 'A', port='1-1.2')
    person.ports.insert(0, '1-1.3')
    terminal = Terminal(bench)
    verdict = person.follow(terminal)
    assert person.steps == ['connect to a port of the computer itself']
    assert 'Port 1-1.3 is behind a hub.' in terminal.text
    assert (verdict['phase'], first_cause(verdict)) == ('phase1-connection', 'port-hub') and person.code == 10
    assert [session['port'] for session in bench.sessions()] == ['1-1.2', '1-3']


NEWEST = 'forky'


@pytest.fixture
def newer_tool(bench, folder):
    """A newer idevicerestore than this Debian's: a program in a folder, as a technician unpacks it."""
    if debian.installed() == NEWEST:
        pytest.skip('no newer tool is known')
    path = folder / 'newer' / 'idevicerestore'
    path.parent.mkdir()
    words = shlex.join(map(str, debian.command_in(NEWEST, bench.build, restoretool.PROGRAM)))
    path.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
    path.chmod(0o755)
    return path


def test_an_old_tool_is_found(bench, technician, newer_tool):
    person = technician(lambda state: None if state['tool'] else FAILS, '--cable', 'A', answers={'tool': newer_tool},
                        # The newer one needs an option that the older one only allows.
                        tool=dataclasses.replace(restoretool.INSTALLED, wants_ticket=True))
    verdict = person.follow(Terminal(bench, 'update-tool'))
    assert (verdict['phase'], first_cause(verdict)) == ('phase1-software', 'tool')
    assert len({session['toolVersion'] for session in bench.sessions()[:2]}) == 2


ASKS = {'asks': {'about': 'makes a request that a newer tool answers', 'script': [
    {'use': 'start'}, {'request': 'a later request', 'patience': 2}, {'mode': 'gone'}, {'wait': 0.4}, {'mode': 'recovery'}]}}


@pytest.fixture
def versions(bench, folder):
    """Two versions of the restore tool."""
    paths = []
    for version in '1.0.0-17-g0123456', '1.0.0-300-g0123456':
        paths.append(folder / version / 'idevicerestore')
        paths[-1].parent.mkdir()
        shutil.copy(bench.build / 'tests/integration/versioned_tool', paths[-1])
        (paths[-1].parent / 'version').write_text(version)
    return paths


def test_a_tool_that_lacks_an_answer_is_found(bench, technician, versions):
    old, new = versions
    person = technician(lambda state: None if state['tool'] else 'asks', '--cable', 'A', answers={'tool': new}, program=old,
                        scenarios=script.load(more=ASKS))
    verdict = person.follow(Terminal(bench))
    assert person.steps == ['use the newest restore tool']
    assert (verdict['phase'], first_cause(verdict)) == ('phase1-software', 'tool') and person.code == 11
    assert [session['toolVersion'] for session in bench.sessions()] == [path.parent.name for path in versions]


def cut_off(content):
    return content[:len(content) // 2]


def change_the_middle(content):
    middle = len(content) // 2
    return content[:middle] + bytes(byte ^ 0xFF for byte in content[middle:middle + 8]) + content[middle + 8:]


@pytest.mark.parametrize('damage', [cut_off, change_the_middle])
def test_a_corrupt_firmware_file_is_found(bench, technician, folder, firmware, damage):
    """The phone is whole; the file on the disk of the computer is not."""
    whole, damaged = firmware(), folder / 'damaged.ipsw'
    damaged.write_bytes(damage(whole.read_bytes()))
    person = technician(lambda state: None, '--cable', 'A', answers={'firmware': whole}, file=damaged)
    verdict = person.follow(Terminal(bench))
    assert person.steps == ['use the current firmware, freshly downloaded']
    assert [session['outcome'] for session in bench.sessions()] == ['failed', 'succeeded']
    assert (verdict['phase'], first_cause(verdict)) == ('phase1-software', 'firmware-signing')


def stop_and_continue(terminal):
    """Ctrl-Z: the shell has the terminal as it was, until the program continues."""
    until(lambda: not terminal.echoes(), what='single keys')
    terminal.type('\x1a')
    until(lambda: os.waitid(os.P_PID, terminal.process.pid, os.WSTOPPED | os.WNOHANG), what='the stop')
    assert terminal.echoes()
    terminal.process.send_signal(signal.SIGCONT)
    until(lambda: not terminal.echoes(), what='single keys again')


def test_stopped_it_changes_nothing_and_says_how_to_continue(bench, technician):
    technician(lambda state: FAILS, '--cable', 'A')
    for key in ('q', '\x03', '\x1c'):
        terminal = Terminal(bench)
        assert terminal.prompt(r'Waiting for it\..*\n') == 0
        if key == 'q':
            stop_and_continue(terminal)
        terminal.type(key)
        until(terminal.echoes, what='the terminal as it was')
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


def test_a_step_that_is_no_experiment_is_named(bench):
    """After a tool that never began, it said that this program was older than the daemon."""
    bench.start()
    for options in [], ['--ecid', ECID]:
        assert bench.run(['sh', '-c', 'echo ERROR: Unable to open the firmware file; exit 3'], *options).wait(30) == 3
        said = bench.triage('try')
        assert (said.returncode, said.stderr) == (30, '')
        assert 'Try this: fix the error and start the restore again.' in said.stdout
        step = bench.ask('try')
        assert step['experiment'] == 'start-again' and step.get('device') == (ECID if options else None)
    wrong = bench.triage('try', 'swap-cabel', ECID, check=False)
    assert wrong.returncode == 2 and 'Unknown experiment swap-cabel' in wrong.stderr


def test_only_known_options_are_changed(bench, technician, folder):
    technician(lambda state: FAILS, '--cable', 'A')
    assert ' -R -e -y ' in bench.ask('try', 'disconnect-earpiece-flex', '--yes', ECID)['command']
    assert ' -R -y ' in bench.ask('try', 'update-instead-of-erase', '--yes', ECID)['command']
    assert '/idevicerestore -d -R -e -y ' in bench.ask('try', 'show-server-answer', '--yes', ECID)['command']
    # What -e and -d are to another tool, nobody knows.
    tool = folder / 'restore-all'
    tool.write_text('#!/bin/sh\ncat tool.log\nexit 1\n')
    tool.chmod(0o755)
    (folder / 'tool.log').write_text('idevicerestore 1.0.0\nERROR: Unable to restore device\n')
    assert bench.run([tool, '-e', '-i', ECID]).wait(60) == 1
    for experiment in 'update-instead-of-erase', 'show-server-answer':
        result = bench.triage('try', experiment, '--yes', ECID, check=False)
        assert result.returncode == 1 and 'Start' in result.stderr and 'with `idevicetriage run`' in result.stderr
