# SPDX-License-Identifier: LGPL-2.1-or-later
"""What scripts wait for and read."""
import fcntl
import os
import pathlib
import pty
import re
import shutil
import signal
import struct
import subprocess
import termios

import pytest

from daemon import until, versioned

ROOT = pathlib.Path(__file__).resolve().parents[2]
ECID = '0x001C2D6A3C8A802E'
FAILING = 'printf "Waiting for NAND (28)\\nGot status message\\nStatus: Disk Failure\\n"; exit 1'


def fail(bench, *options):
    """A restore under `run` that fails; gives what `run --json` prints."""
    return versioned(bench.triage('run', '--json', '--ecid', ECID, *options, '--', 'sh', '-c', FAILING, check=False).stdout)


# Commands that print no JSON of this format: a case file, the format of node_exporter, text, or nothing.
OTHERS = {'export', 'metrics', 'help', 'hook'}


def test_each_line_of_json_begins_with_the_version_of_the_format(bench, folder):
    bench.start()
    session = fail(bench)['session']
    log = folder / 'tool.log'
    log.write_text(bench.records(session) and 'INFO: idevicerestore 1.0.0\nWaiting for NAND (28)\nERROR: Unable to restore\n')
    panic = next((ROOT / 'tests/fuzz/corpus/panic').glob('heat-watch.ips'))
    calls = [['status'], ['sessions'], ['log'], ['log', session], ['diagnose', session], ['case', ECID],
             ['report', '-o', folder / 'page.html', session], ['explain', '4013', '28'],
             ['conditions', '1-2', '--cable', 'L07'], ['conditions'], ['note', ECID, 'wet'], ['stats'], ['doctor'],
             ['attempt', ECID, '--outcome', 'failed'], ['attempt', '--session', session, '--cable', 'L08'],
             ['import', '--device', ECID, log], ['panics', '--file', panic], ['run', '--', 'true'],
             ['measure', ECID, '--source', 'meter'], ['wait', session], ['purge', '--yes', ECID]]
    commands = set(re.findall(r'&command_([a-z]+),', (ROOT / 'client/help.c').read_text()))
    # The first three follow the bench; their own tests read what they print.
    assert {call[0] for call in calls} | {'guide', 'try', 'watch'} | OTHERS == commands
    for call in calls:
        lines = bench.triage('--json', *call, check=False).stdout.splitlines()
        assert lines, call
        for line in lines:
            versioned(line)


# --- The end of a session -----------------------------------------------------------------------------

def test_a_second_end_names_the_first(bench, make_phone, folder):
    phone = make_phone().phone
    phone.set_mode('restore')
    bench.start()
    until(lambda: bench.sees(phone.identity.udid), what='the phone')
    tool = bench.run(['sh', '-c', f'echo "Waiting for NAND (28)"; until test -e {folder}/go; do sleep 0.05; done; exit 1'],
                     '--ecid', hex(phone.identity.ecid))
    (session,) = until(lambda: [each for each in bench.sessions() if each.get('operation')], what='the restore')
    phone.set_mode('gone')
    until(lambda: not bench.sees(phone.identity.udid), what='the detach')
    (folder / 'go').touch()
    tool.communicate(timeout=30)
    phone.set_mode('restore')
    until(lambda: bench.records(session['session'], 'session-end')[1:], what='the second end')
    first, second = bench.records(session['session'], 'session-end')
    assert first['state'] == second['state'] == second['before'] == 'failed' and 'before' not in first


# --- wait ----------------------------------------------------------------------------------------------

class Wait:
    """A running `wait`."""

    def __init__(self, bench, *arguments):
        self.process = subprocess.Popen([str(bench.build / 'client/idevicetriage'), 'wait', *arguments],
                                        env=bench.environment, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.bench = bench

    def follows(self):
        """Whether it has asked about the past, and now waits for an event: it has two connections to the daemon."""
        sockets = [link for link in pathlib.Path(f'/proc/{self.process.pid}/fd').iterdir()
                   if os.readlink(link).startswith('socket:')]
        return self.process.poll() is None and len(sockets) == 2 and self.sleeps()

    def sleeps(self):
        return pathlib.Path(f'/proc/{self.process.pid}/stat').read_text().rpartition(') ')[2][0] == 'S'

    def end(self):
        out, said = self.process.communicate(timeout=30)
        return self.process.returncode, out, said


@pytest.fixture
def wait(bench):
    waits = []

    def start(*arguments):
        waits.append(Wait(bench, *arguments))
        until(waits[-1].follows, what='the wait')
        return waits[-1]
    yield start
    for one in waits:
        one.process.kill()
        one.process.communicate()


@pytest.fixture
def restore(bench, folder):
    """restore(*options, script=FAILING) starts a restore; its end() lets it go on with the script, and gives the session."""
    tools = []

    def start(*options, script=FAILING):
        go = folder / f'go{len(tools)}'
        known = len(bench.sessions())
        tool = bench.run(['sh', '-c', f'until test -e {go}; do sleep 0.02; done\n{script}'], *([] if '--ecid' in options else ['--ecid', ECID]), *options)
        tools.append(tool)
        tool.session = until(lambda: bench.sessions()[known:], what='the session')[0]['session']

        def end():
            go.touch()
            tool.communicate(timeout=30)
            return tool.session
        tool.end = end
        return tool
    yield start
    for tool in tools:
        # Not killed: a tool survives its `run`.
        tool.terminate()
        tool.communicate(timeout=30)


def test_wait_ends_with_the_session_and_exits_as_diagnose(bench, wait, restore):
    bench.start()
    tool = restore()
    waits = [wait(tool.session), wait(tool.session[-8:], '--json')]
    tool.end()
    diagnosed = bench.triage('diagnose', '--short', tool.session)
    code, line, said = waits[0].end()
    assert (code, line, said) == (diagnosed.returncode, diagnosed.stdout, '') and code in (10, 11, 20, 30)
    code, line, said = waits[1].end()
    found = versioned(line)
    assert found['session'] == found['result']['session'] == tool.session and found['result']['outcome'] == 'failed'
    assert found['verdict'] == bench.verdict(tool.session) and code == diagnosed.returncode


def test_wait_for_a_session_that_has_ended(bench):
    bench.start()
    session = fail(bench, '--ticket', '4711')['session']
    diagnosed = bench.triage('diagnose', '--short', session)
    for words in ([session], ['--ticket', '4711'], [session, '--timeout', '0'], ['--ticket', '4711', '--timeout', '0']):
        found = bench.triage('wait', *words)
        assert (found.returncode, found.stdout, found.stderr) == (diagnosed.returncode, diagnosed.stdout, ''), words


def test_wait_exits_with_the_verdict_although_the_next_restore_runs(bench, restore):
    bench.start()
    session = fail(bench)['session']
    code = bench.triage('diagnose').returncode
    restore()
    assert bench.triage('diagnose').returncode == 40
    assert bench.triage('wait', session).returncode == code


def test_wait_exits_with_0_after_a_success(bench, wait, restore):
    bench.start()
    tool = restore(script='printf "Got status message\nStatus: Restore Finished\n"')
    found = wait(tool.session)
    tool.end()
    assert found.end()[0] == 0


def test_wait_for_a_ticket_that_has_no_session_yet(bench, wait, restore):
    bench.start()
    fail(bench, '--ticket', '47')
    found = wait('--ticket', '4711', '--json')
    other = restore('--ticket', '4712')
    other.end()
    session = restore('--ticket', '4711').end()
    code, line, said = found.end()
    assert versioned(line)['session'] == session and said == '' and code == bench.triage('diagnose', session).returncode


def test_wait_for_the_next_session_of_a_ticket(bench, wait, restore):
    bench.start()
    earlier = fail(bench, '--ticket', '4711')['session']
    found = wait('--ticket', '4711', '--next', '--json')
    session = restore('--ticket', '4711').end()
    assert versioned(found.end()[1])['session'] == session != earlier
    # One that runs has not ended yet.
    tool = restore('--ticket', '4711')
    found = wait('--ticket', '4711', '--next', '--json')
    tool.end()
    assert versioned(found.end()[1])['session'] == tool.session


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGKILL])
def test_wait_goes_on_over_a_restart_of_the_daemon(bench, wait, restore, number):
    bench.start()
    tool = restore('--ticket', '4711')
    waits = [wait(tool.session, '--json'), wait('--ticket', '4711', '--json'), wait('--ticket', '4712', '--json')]
    bench.stop(number)
    bench.start()
    tool.end()
    for found in waits[:2]:
        code, line, said = found.end()
        assert versioned(line)['session'] == tool.session and 'waiting for the daemon' in said
        assert code == bench.triage('diagnose', tool.session).returncode
    # What ended while it heard nothing, and before another restart.
    waits[2].process.send_signal(signal.SIGSTOP)
    later = restore('--ticket', '4712').end()
    bench.stop(number)
    bench.start()
    waits[2].process.send_signal(signal.SIGCONT)
    assert versioned(waits[2].end()[1])['session'] == later


def test_wait_gives_up_after_its_time(bench, restore):
    bench.start()
    tool = restore()
    found = bench.triage('wait', tool.session, '--timeout', '1', check=False)
    assert found.returncode == 40 and found.stdout.startswith('A restore is running')
    found = bench.triage('wait', '--ticket', '4711', '--timeout', '1', check=False)
    assert (found.returncode, found.stdout) == (4, '')
    assert found.stderr == 'idevicetriage: No restore of the ticket 4711 has begun within 1 s.\n'


def test_wait_gives_up_although_the_daemon_is_away(bench, wait, restore):
    bench.start()
    found = wait(restore().session, '--timeout', '2')
    bench.stop()
    code, out, said = found.end()
    assert (code, out) == (3, '') and 'Cannot reach the daemon' in said


def test_wait_for_what_does_not_exist(bench, wait, restore):
    bench.start()
    for name in ('01936f00-1111-7222-8333-444455556666', 'nonsense'):
        found = bench.triage('wait', name, check=False)
        assert (found.returncode, found.stdout) == (4, '') and f'No session {name} is known here' in found.stderr
    for words in ([], ['--next', ECID], ['--ticket', '4711', ECID], [ECID, ECID]):
        assert bench.triage('wait', *words, check=False).returncode == 2
    bench.stop()
    assert bench.triage('wait', '--ticket', '4711', check=False).returncode == 3


# --- watch ---------------------------------------------------------------------------------------------

class Watch:
    """A running `watch`, with its lines so far."""

    def __init__(self, bench, folder, *arguments):
        self.path = folder / f'watch{len(list(folder.glob("watch*")))}'
        with open(self.path, 'wb') as out:
            self.process = subprocess.Popen([str(bench.build / 'client/idevicetriage'), 'watch', *arguments],
                                            env={**bench.environment}, stdin=subprocess.DEVNULL, stdout=out)

    def lines(self):
        """The entries: a line that begins with blanks continues the one before."""
        return re.sub(r'\n +', ' ', self.path.read_text()).splitlines()


@pytest.fixture
def watch(bench, folder):
    watches = []

    def start(*arguments):
        watches.append(Watch(bench, folder, *arguments))
        until(watches[-1].lines, what='the state')
        return watches[-1]
    yield start
    for one in watches:
        one.process.kill()
        one.process.wait()


class Phone:
    def __init__(self, ecid, product, port, slot):
        self.ecid, self.product, self.port, self.slot = f'0x{ecid}', product, port, slot
        self.usb = f'{port} recovery {ecid} {product}'


@pytest.fixture
def phones(bench, bus):
    """Two phones on the bench, at ports with names."""
    found = [Phone('001C2D6A3C8A802E', 'iPhone12,3', '1-2.3', 'slot 4'), Phone('001122334455667F', 'iPhone10,3', '1-2.4', 'slot 5')]
    for phone in found:
        bus.tell(f'add {phone.usb}')
    bench.start()
    for phone in found:
        bench.triage('conditions', phone.port, '--name', phone.slot)
    return found


def test_status_names_the_slots(bench, phones, restore):
    restore('--ecid', phones[0].ecid)
    text = until(lambda: 'slot 4, ' in (text := bench.triage('status').stdout) and text, what='the slot of the restore')
    for phone in phones:
        assert f'…{phone.ecid[-4:]}, recovery, port {phone.port} ({phone.slot})' in text
    assert [each['portName'] for each in bench.ask('status')['devices']] == ['slot 4', 'slot 5']


def test_each_line_of_watch_names_phone_slot_and_session(phones, watch, restore):
    found = watch()
    tools = [restore('--ecid', phone.ecid) for phone in phones]
    for phone, tool in zip(phones, tools):
        tool.end()
        label = f'[{phone.slot} …{phone.ecid[-4:]} {tool.session[-8:]}]'
        lines = until(lambda: [line for line in found.lines() if label in line and ' session-end ' in line]
                      and [line for line in found.lines() if tool.session[-8:] in line], what='the end')
        assert not [line for line in lines if label not in line], found.lines()
        assert any(' operation ' in line for line in lines)


def test_watch_of_one_phone_shows_only_that(bench, phones, watch, restore):
    names = [phones[0].port, phones[0].ecid.lower(), phones[0].ecid[-6:], phones[0].slot]
    found = [watch('--json', name) for name in names]
    tools = [restore('--ecid', phone.ecid) for phone in phones]
    by_session = watch('--json', tools[0].session[-8:])
    for tool in reversed(tools):
        tool.end()
    for one in [*found, by_session]:
        changes = until(lambda: [change for change in map(versioned, one.lines())
                                 if change.get('record', {}).get('kind') == 'session-end']
                        and list(map(versioned, one.lines())), what='the end')
        assert [device['ecid'] for device in changes[0]['devices']] == [phones[0].ecid] or one == by_session
        records = [change['record'] for change in changes if 'record' in change]
        assert {record['session'] for record in records if 'session' in record} == {tools[0].session}
        assert {record['ecid'] for record in records if 'ecid' in record} == {phones[0].ecid}
        assert 'operation' in {record['kind'] for record in records}
    assert bench.triage('watch', 'nonsense', check=False).returncode == 4


def test_each_restore_has_a_live_line_that_names_its_phone(bench, phones, restore):
    for phone in phones:
        restore('--ecid', phone.ecid)
    until(lambda: all(session['conditions'] for session in bench.sessions()), what='the slots')
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(bench.build / 'client/idevicetriage', ['idevicetriage', 'watch', '--lines'], {**bench.environment, 'TERM': 'xterm'})
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack('HHHH', 24, 80, 0, 0))
    shown = ''
    try:
        while len(frames := [re.split(r'\r?\n', frame) for frame in re.split(r'\r\x1b\[J', shown)[1:-1]]) < 8:
            shown += os.read(terminal, 65536).decode(errors='replace')
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(terminal)
    lines = [line.replace('\x1b[1A', '') for line in frames[-1]]
    assert sorted(line.split(': ')[0] for line in lines) == [
        f'{phone.slot} …{phone.ecid[-4:]}' for phone in phones]
    assert all(len(line) < 80 for line in lines)


# --- The examples of idevicetriage-api(7) --------------------------------------------------------------

EXAMPLES = re.search(r'^# EXAMPLES\n(.*?)^# ', (ROOT / 'man/idevicetriage-api.7.scd').read_text(), re.MULTILINE | re.DOTALL).group(1)


@pytest.mark.parametrize('program', ['idevicetriage', 'socat', 'nc'])
def test_the_examples_of_the_manual_list_the_sessions(bench, program):
    """varlinkctl has a test of its own, in Debian 13."""
    if program != 'idevicetriage' and not shutil.which(program):
        pytest.skip(f'{program} is not installed')
    bench.start()
    session = fail(bench)['session']
    (line,) = [each for block in re.findall(r'```\n(.*?)```', EXAMPLES, re.DOTALL)
               for each in block.replace('|\n', '|').split('\n\n') if re.search(rf'(^|\|\s*){program} ', each)]
    line = line.replace('\\\\', '\\').replace('/run/idevicetriage/io.github.idevicetriage', str(bench.socket))
    found = subprocess.run(['sh', '-c', line], capture_output=True, text=True, check=True, timeout=30,
                           env={**bench.environment, 'PATH': f'{bench.build / "client"}:{os.environ["PATH"]}'})
    assert session in found.stdout
