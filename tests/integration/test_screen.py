# SPDX-License-Identifier: LGPL-2.1-or-later
"""`watch` on a terminal: what a person sees and presses, in tmux, with eight phones on a played USB bus."""
import os
import pathlib
import re
import resource
import shutil
import signal
import socketserver
import threading
import time

import pytest

from bus import Bus
from daemon import until
import terminal as tmux
from test_link_source import Link, encode

LINK_RATE, LINK_CORRECTED = 73, 71  # common/model/event.h
PRODUCTS = ['iPhone12,3', 'iPhone10,3', 'iPhone14,5', 'iPhone9,1', 'iPhone13,2', 'iPhone11,8', 'iPhone12,1']
RESTORING = 'printf "Sending Ramdisk\\nCreating filesystem (12)\\n"; until test -e {go}; do sleep 0.1; done; exit 1'
FAILING = 'printf "Waiting for NAND (28)\\nGot status message\\nStatus: Disk Failure\\n"; exit 1'
SUCCEEDING = 'printf "About to restore device...\\nStatus: Restore Finished\\nDONE\\n"'
COLOR = re.compile(r'\x1b\[[0-9;]*\b(3[1-7]|4[1-7])m')

pytestmark = [tmux.needed, pytest.mark.skipif(not shutil.which('umockdev-wrapper'), reason='umockdev is not installed')]


class Ports:
    """Eight named ports with phones; what runs on them ends when the file `go` exists."""

    def __init__(self, bench, folder):
        self.bench, self.folder = bench, folder
        self.bus = Bus(bench.build)
        bench.environment.update(self.bus.environment)
        # The eighth port is empty.
        self.ecids = [f'{0x1C2D6A3C000000 + number * 0x1111:016X}' for number in range(7)]
        for number, ecid in enumerate(self.ecids):
            self.bus.tell(f'add {self.port(number)} recovery {ecid} {PRODUCTS[number]}')
        bench.start('--link-socket', folder / 'link')
        self.link = Link(folder / 'link')
        for number in range(8):
            bench.triage('conditions', self.port(number), '--name', f'slot {number + 1}', '--cable', f'L{number + 1:02}')
        self.tools = []

    def port(self, number):
        return f'1-2.{number + 1}'

    def run(self, number, script, *options):
        script = script.format(go=self.folder / 'go')
        self.tools.append(self.bench.run(['sh', '-c', script], '--ecid', f'0x{self.ecids[number]}', *options))

    def tell(self, index, kind, **fields):
        self.link.send(encode(kind=kind, port=self.port(index), ecid=int(self.ecids[index], 16), **fields))

    def close(self):
        (self.folder / 'go').touch()
        for tool in self.tools:
            tool.communicate(timeout=30)
        self.bench.close()
        self.bus.close()


@pytest.fixture
def ports(bench, folder):
    ports = Ports(bench, folder)
    yield ports
    ports.close()


@pytest.fixture
def busy(ports):
    """Two restores run, one has failed, one has succeeded."""
    for number, script in enumerate([RESTORING, RESTORING, FAILING, SUCCEEDING]):
        ports.run(number, script, '--ticket', f'471{number}')
    until(lambda: sorted(each['outcome'] for each in ports.bench.sessions()) == ['failed', 'running', 'running', 'succeeded']
          and all(each.get('operation') for each in ports.bench.sessions() if each['outcome'] == 'running'), what='the restores')
    return ports


def line_of(shown, text):
    return next(line for line in shown.splitlines() if text in line)


def test_eight_ports_at_80x24(busy, terminal):
    screen = terminal(80, 24)
    screen.wait('slot 8', 'Next: ')
    busy.tell(1, LINK_CORRECTED, number=2, flag=4)
    busy.tell(1, LINK_RATE, code=14_200_000, number=1000, flag=4, name='restore')
    shown = screen.wait('2 corrected · 14.2 MB/s')
    lines = shown.splitlines()
    assert len(lines) == 24 and all(len(line) <= 80 for line in lines)
    assert [re.findall(r'slot \d', line) for line in lines if 'slot' in line] == [
        ['slot 1', 'slot 2'], ['slot 3', 'slot 4'], ['slot 5', 'slot 6'], ['slot 7', 'slot 8']]
    assert re.search(r'slot 3 .*✗ FAILED .*slot 4 .*✓ SUCCEEDED', shown)
    assert re.search(r'slot 7 .*● RECOVERY .*slot 8 .*· empty', shown)
    assert '████▒▒░░ Creating filesystem' in shown and re.search(r'phone silent \d+ s of 2 min', shown)
    assert 'Phase 2 (hardware): the storage chip' in shown and 'iPhone 13 …2222 · ticket 4712' in shown
    assert 'usbmuxd DOWN' in lines[22] and 'q quit' in lines[23]
    # Identifiers are masked.
    assert busy.ecids[2] not in shown and busy.ecids[2][2:] not in shown


def test_sizes(busy, terminal):
    """One terminal that is made larger and smaller."""
    screen = terminal(200, 60)
    shown = screen.wait('slot 8', 'Next: ', 'iPhone 13 …2222 · ticket 4712 · cable L03')
    assert len(re.findall(r'slot \d', line_of(shown, 'slot 1 '))) == 4
    screen.tmux('resize-window', '-x', 40, '-y', 24)
    shown = screen.wait('slot 8', without=['· cable L01'])
    assert [re.findall(r'slot \d', line) for line in shown.splitlines() if 'slot' in line] == [
        [f'slot {number + 1}'] for number in range(8)]
    assert '   ████▒▒░░ Creating filesystem' in shown
    screen.tmux('resize-window', '-x', 80, '-y', 24)
    shown = screen.wait('slot 8', 'iPhone 13 …2222 · ticket 4712')
    assert len(re.findall(r'slot \d', line_of(shown, 'slot 1 '))) == 2
    # Smaller than anything that makes sense.
    screen.tmux('resize-window', '-x', 3, '-y', 1)
    screen.tmux('resize-window', '-x', 80, '-y', 24)
    screen.wait('slot 8', 'q quit')


def test_keys(busy, bench, folder, terminal):
    screen = terminal(80, 24)
    screen.wait('slot 8', 'Next: ')
    screen.press('Down')
    screen.wait('▌  slot 3')
    screen.press('Enter')
    shown = screen.wait('Phase 2 (hardware)', 'iPhone 13 …2222, 1 attempt', 'Next step', without=['slot 8'])
    if 'lines 1-' in shown:
        screen.press('Down')
        screen.wait('lines 2-')
    screen.press('q', '?')
    screen.wait('select a port', 'idevicetriage-link', without=['Next step'])
    screen.press('Escape')
    screen.wait('slot 8')
    screen.press('n')
    screen.wait('Note about iPhone 13 …2222:')
    screen.press('fell off the roof, größer als', 'BSpace', 'BSpace', 'BSpace', 'BSpace', 'BSpace', 'BSpace', 'BSpace', 'Enter')
    screen.wait('Noted.')
    assert bench.ask('case', f'0x{busy.ecids[2]}')['notes'][0]['text'] == 'fell off the roof, grö'
    screen.press('c', 'L99', 'Enter')
    screen.wait('cable L99')
    assert bench.ask('conditions', '1-2.3')['places'][0]['conditions'][-1] == {'key': 'cable', 'value': 'L99'}
    # That is the next attempt's cable: the one that failed keeps its own.
    assert {'key': 'cable', 'value': 'L03'} in next(each for each in bench.sessions() if each['outcome'] == 'failed')['conditions']
    screen.press('r')
    screen.wait('Write the report to: report-')
    screen.press('Enter')
    screen.wait('Wrote report-')
    assert list(folder.glob('report-*.html'))
    screen.press('n', 'Escape', 'q')
    screen.wait('ended with 0', ' icanon', ' echo ')


def test_what_is_typed_is_stored(ports, bench, terminal):
    """Neither the end of the screen nor the next key ends a command of ours."""
    screen = terminal(80, 24, shell=True)
    screen.press(f'{bench.build}/client/idevicetriage watch', 'Enter')
    screen.wait('slot 8')
    bench.process.send_signal(signal.SIGSTOP)
    screen.press('n', 'first', 'Enter')
    screen.wait('...')
    screen.press('n')
    screen.wait('The last command has not ended yet.')
    bench.process.send_signal(signal.SIGCONT)
    screen.wait('Noted.')
    screen.press('n', 'second', 'Enter', 'q')
    screen.wait('Noted.', without=['slot 8'])
    notes = bench.ask('case', f'0x{ports.ecids[0]}')['notes']
    assert [note['text'] for note in notes] == ['first', 'second']


def test_a_daemon_that_refuses_is_not_asked_all_the_time(bench, folder, terminal):
    connected = []

    class Refusal(socketserver.StreamRequestHandler):
        def handle(self):
            if b'Watch' in read_message(self.rfile):
                connected.append(time.monotonic())
                self.wfile.write(b'{"error":"org.varlink.service.MethodNotFound","parameters":{}}\0')

    def read_message(stream):
        return b''.join(iter(lambda: stream.read(1), b'\0')) if stream.peek(1) else b''

    with socketserver.ThreadingUnixStreamServer(str(bench.socket), Refusal) as server:
        threading.Thread(target=server.serve_forever).start()
        terminal(80, 24)
        until(lambda: len(connected) >= 6, what='six calls')
        server.shutdown()
    assert connected[5] - connected[0] > 2


def test_e_corrects_the_attempt(busy, bench, terminal):
    screen = terminal(80, 24)
    screen.wait('slot 8', 'Next: ')
    screen.press('e')
    screen.wait('This tile shows no restore that has ended.')
    screen.press('Down', 'e', 'L07', 'Enter')
    screen.wait('NAME=VALUE')
    screen.press('e', 'outcome=succeeded', 'Enter')
    shown = screen.wait('failed → succeeded')
    screen.wait('✓ SUCCEEDED', without=['FAILED'])
    assert [each['outcome'] for each in bench.sessions()].count('succeeded') == 2, shown


def test_sessions_says_how_to_correct_one(busy, bench, terminal):
    screen = terminal(100, 40, shell=True)
    screen.press(f'{bench.build}/client/idevicetriage --no-pager sessions', 'Enter')
    screen.wait(f"To correct one: `idevicetriage attempt --session {bench.sessions()[-1]['session'][-8:]}")
    assert 'To correct' not in bench.triage('sessions').stdout


@pytest.mark.parametrize('environment, colors, ascii', [
    ({'NO_COLOR': ''}, True, False), ({'NO_COLOR': '1'}, False, False), ({'NO_COLOR': '1', 'LC_ALL': 'C'}, False, True)])
def test_colors_and_locales(busy, terminal, environment, colors, ascii):
    screen = terminal(80, 24, **environment)
    shown = screen.wait('slot 8', 'X FAILED' if ascii else '✗ FAILED', 'Next: ')
    painted = screen.shows('-e')
    assert bool(COLOR.search(painted)) == colors
    # A terminal without colours has the words, and titles that stand out.
    assert '\x1b[7m' in painted or ';7m' in painted
    assert not ascii or shown.isascii()


def test_one_phone(busy, terminal):
    screen = terminal(80, 24, "'slot 3'")
    shown = screen.wait('✗ FAILED', 'Next: ')
    assert 'slot 1' not in shown


def test_a_screen_on_the_wall_has_no_keys(busy, terminal):
    screen = terminal(80, 24, '</dev/null')
    shown = screen.wait('✗ FAILED', 'Next: ')
    assert 'quit' not in shown
    os.kill(screen.program(), signal.SIGTERM)
    screen.wait('ended with 143', ' icanon', ' echo ', without=['slot 8'])


def test_a_phone_that_comes_and_goes(ports, terminal):
    screen = terminal(80, 24)
    screen.wait('● RECOVERY     slot 8  1-2.8               · empty')
    ports.bus.tell('add 1-2.8 recovery 001C2D6A3CFFFFFF iPhone15,2')
    screen.wait('iPhone 14 Pro …FFFF')
    ports.bus.tell('remove 1-2.8')
    screen.wait('· empty', without=['FFFF'])


def test_the_daemon_restarts(ports, bench, terminal):
    ports.run(0, RESTORING)
    screen = terminal(80, 24)
    screen.wait('▶ RESTORING')
    bench.stop(signal.SIGKILL)
    # What is not seen is not claimed.
    screen.wait('? NOT WATCHED', 'NO DAEMON', without=['RESTORING'])
    bench.start('--link-socket', ports.folder / 'link')
    screen.wait('▶ RESTORING', without=['NO DAEMON'])


def test_a_signal_restores_the_terminal(ports, terminal):
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGSEGV):
        screen = terminal(80, 24)
        screen.wait('slot 8')
        os.kill(screen.program(), number)
        screen.wait(f'ended with {128 + number}', ' icanon', ' echo ', without=['slot 8'])


def test_no_memory_restores_the_terminal(ports, terminal):
    screen = terminal(80, 24)
    screen.wait('slot 8')
    resource.prlimit(screen.program(), resource.RLIMIT_AS, (1, 1))
    screen.tmux('resize-window', '-x', 900, '-y', 400)
    screen.wait('ut of memory', 'ended with 1', ' icanon', ' echo ', without=['slot 8'])


def test_it_stops_and_continues(ports, bench, terminal):
    """Only a shell with job control can stop a program."""
    screen = terminal(80, 24, shell=True)
    screen.press(f'{bench.build}/client/idevicetriage watch', 'Enter')
    screen.wait('slot 8')
    screen.press('C-z')
    screen.wait('Stopped', without=['slot 8'])
    screen.press('stty -a; fg', 'Enter')
    screen.wait('slot 8', 'q quit')
    screen.press('q')
    screen.wait(' icanon', ' echo ', without=['slot 8'])


def wakes(process):
    status = pathlib.Path(f'/proc/{process}/status').read_text()
    return int(re.search(r'^voluntary_ctxt_switches:\s*(\d+)', status, re.MULTILINE)[1])


def test_no_work_while_nothing_changes(ports, terminal):
    screen = terminal(80, 24)
    screen.wait('slot 8', 'usbmuxd DOWN')
    process = screen.program()
    seen = [0]

    def is_quiet():
        """It has not woken for a second."""
        seen.append(wakes(process))
        time.sleep(1)
        return wakes(process) == seen[-1]
    until(is_quiet, what='quiet')
    # A restore: one wake a second for its silence, and a few for its questions and lines.
    ports.run(0, RESTORING)
    screen.wait('▶ RESTORING', 'phone silent 3 s')
    before, started = wakes(process), time.monotonic()
    screen.wait('phone silent 6 s')
    assert wakes(process) - before <= 6 * (time.monotonic() - started) + 6


def test_hostile_names(ports, bench, terminal):
    """Nothing from a phone or a person moves the cursor, and a wide name stays in its tile."""
    bench.triage('conditions', '1-2.1', '--name', '\x1b[31m電話電話電話電話電話')
    screen = terminal(80, 24)
    shown = screen.wait('電話', 'slot 2', 'slot 8')
    assert '\x1b' not in shown and '?[31m電話' in shown
    assert line_of(shown, '電話').index('slot 2') < 45
