# SPDX-License-Identifier: LGPL-2.1-or-later
"""Starts the real daemon and the real command for the tests, in a private folder."""
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import time


def until(condition, seconds=20.0, what='the condition'):
    """Polls until condition() is true and returns its value; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f'{what} did not come true within {seconds} s'
        time.sleep(0.02)


def versioned(line):
    """The object of a line of JSON, without the version of the format that each has."""
    found = json.loads(line)
    assert list(found)[0] == 'formatVersion' and found.pop('formatVersion') == 1, line
    return found


def processor_seconds(process):
    """The processor time of a process so far: what it costs, however busy the computer is."""
    with open(f'/proc/{process.pid}/stat', encoding='ascii') as stat:
        fields = stat.read().rpartition(')')[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def own_kib(pid):
    """Proportional memory, without the mapping of a ring: that is a file of a size that the administrator chose."""
    total, counted = 0, True
    for line in pathlib.Path(f'/proc/{pid}/smaps').read_text().splitlines():
        if re.match(r'^[0-9a-f]+-[0-9a-f]+ ', line):
            counted = not line.endswith('/ring')
        elif line.startswith('Pss:') and counted:
            total += int(line.split()[1])
    return total


class Bench:
    """A daemon with its socket and state, and the command that asks it."""

    def __init__(self, build, folder, mux, wrapper=()):
        self.build = pathlib.Path(build)
        self.folder = pathlib.Path(folder)
        self.socket = self.folder / 'triage'
        self.state = self.folder / 'state'
        self.state.mkdir(exist_ok=True)
        self.wrapper = list(wrapper)
        self.environment = {
            **os.environ,
            'USBMUXD_SOCKET_ADDRESS': f'UNIX:{mux}',
            'IDEVICETRIAGE_SOCKET': str(self.socket),
            'IDEVICETRIAGE_PHONE_PROGRAM': str(self.build / 'phone' / 'idevicetriage-phone'),
            'IDEVICETRIAGE_LINK_PROGRAM': str(self.build / 'link' / 'idevicetriage-link'),
            'XDG_STATE_HOME': str(self.folder / 'home'),
            'XDG_CONFIG_HOME': str(self.folder / 'config'),
            'LC_ALL': 'C.UTF-8',
            'NO_COLOR': '1',
        }
        self.daemon_environment = {}  # of the daemon alone
        self.process = None
        self.log = open(self.folder / 'daemon.log', 'ab')

    def start(self, *options, name='bench-1', host_id=None, seconds=20.0):
        """`host_id`: another computer, with the same state. `seconds`: the longest wait, under a checker."""
        if host_id:
            self.environment['IDEVICETRIAGE_HOST_ID'] = host_id
        self.process = subprocess.Popen(
            [*self.wrapper, str(self.build / 'daemon' / 'idevicetriaged'), '--socket', str(self.socket),
             '--state-dir', str(self.state), '--bench-name', name, *options],
            env={**self.environment, **self.daemon_environment}, stderr=self.log, stdin=subprocess.PIPE)
        until(lambda: self.triage('status', check=False).returncode == 0, seconds, 'the daemon')
        return self

    def stop(self, number=signal.SIGTERM):
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                tasks = pathlib.Path(f'/proc/{self.process.pid}/task')
                threads = [(task / 'wchan').read_text() + re.sub('(?s).*(SigBlk.*?)\n.*', r' \1', (task / 'status').read_text())
                           for task in tasks.iterdir()]
                raise AssertionError(f'the daemon does not end: its threads wait in {threads}\n{self.say()}') from None

    def close(self):
        self.stop(signal.SIGKILL)
        self.log.close()

    def triage(self, *arguments, check=True, stdin=subprocess.DEVNULL, **options):
        """Runs the command to its end."""
        result = subprocess.run([str(self.build / 'client' / 'idevicetriage'), *map(str, arguments)],
                                env=self.environment, capture_output=True, text=True, timeout=120,
                                stdin=stdin, **options)
        if check:
            assert result.returncode in (0, 10, 11, 20, 30, 40, 41), result.stderr
        return result

    def ask(self, *arguments):
        """Runs the command with --json and gives what it printed."""
        return versioned(self.triage('--json', *arguments).stdout)

    def call(self, method, **parameters):
        """One call on the socket; gives the parameters of its answer."""
        return json.loads(self.call_raw(method, **parameters))['parameters']

    def call_raw(self, method, **parameters):
        """The same; gives the bytes of the answer."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(20)
            connection.connect(str(self.socket))
            message = {'method': f'io.github.idevicetriage.{method}', 'parameters': parameters}
            connection.sendall(json.dumps(message).encode() + b'\0')
            answer = b''
            while not answer.endswith(b'\0'):
                piece = connection.recv(65536)
                assert piece, 'the daemon hung up'
                answer += piece
        return answer[:-1].decode()

    def sees(self, udid):
        """True where the phone is on the bench."""
        return any(device.get('udid') == udid and device['mode'] != 'gone'
                   for device in self.call('ListDevices')['devices'])

    def sessions(self):
        """All sessions, oldest first."""
        return self.ask('sessions')['sessions'][::-1]

    def verdict(self, *arguments):
        return self.ask('diagnose', *arguments)['verdict']

    def records(self, session, kind=None):
        """The records of a session, of one kind where it is given."""
        lines = self.triage('--json', 'log', session).stdout.splitlines()
        records = [record for line in lines for record in json.loads(line)['records']]
        return [record for record in records if kind in (None, record['kind'])]

    def read(self, session):
        """All records of a session from the daemon, page by page; none if it does not know the session."""
        records, after = [], 0
        while True:
            answer = self.call('ReadLog', session=session, after=after)
            if not answer.get('records'):
                return records
            records += answer['records']
            after = records[-1]['sequence']

    def watch_failure(self, text, **run):
        """A failed restore of a tool that prints the text; gives its session."""
        session = self.call('BeginRun', tool='x', conditions=[], **{'arguments': [], **run})['session']
        offset = 0
        while offset < len(text):
            offset = self.call('AppendLog', session=session, offset=offset, text=text[offset:offset + 32768])['offset']
        self.call('EndRun', session=session, exitStatus=1)
        return session

    def run(self, tool, *options):
        """Starts `run` with a tool; the caller waits for it."""
        return subprocess.Popen([str(self.build / 'client' / 'idevicetriage'), 'run', *options, '--', *map(str, tool)],
                                env=self.environment, cwd=self.folder, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors='replace')

    def say(self):
        """What the daemon wrote to its log so far."""
        return (self.folder / 'daemon.log').read_text(errors='replace')
