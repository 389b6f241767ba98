# SPDX-License-Identifier: LGPL-2.1-or-later
"""`hook`: a command for each event, at least once, whatever the command does."""
import json
import pathlib
import re
import signal
import subprocess

import pytest

from daemon import until, versioned

ECID = '0x001C2D6A3C8A802E'
OTHERS = ['0x0000000000000A01', '0x0000000000000A02']
FAILING = 'printf "Waiting for NAND (28)\\nGot status message\\nStatus: Disk Failure\\n"; exit 1'
ROOT = pathlib.Path(__file__).resolve().parents[2]
UNIT = ROOT / 'systemd/idevicetriage-hook.service.in'


class Hook:
    """A running hook. `seen` has the name of the event and the object of each run of SCRIPT."""

    def __init__(self, bench, folder, options, command, before):
        self.bench, self.seen_file, self.said_file = bench, folder / 'seen', folder / 'said'
        self.cursor = folder / 'cursor'
        with open(self.said_file, 'ab') as said:
            self.process = subprocess.Popen(
                [str(bench.build / 'client/idevicetriage'), 'hook', '--cursor', str(self.cursor), *options, '--', *command],
                env={**bench.environment, 'SEEN': str(self.seen_file)}, stdin=subprocess.DEVNULL, stderr=said, preexec_fn=before)

    def seen(self):
        text = self.seen_file.read_text() if self.seen_file.exists() else ''
        return [(line.split(' ', 1)[0], versioned(line.split(' ', 1)[1])) for line in text.splitlines()]

    def events(self):
        return [event for event, _ in self.seen()]

    def said(self):
        return self.said_file.read_text() if self.said_file.exists() else ''

    def position(self):
        return int(self.cursor.read_text()) if self.cursor.exists() else -1

    def stop(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(20)


WRITE = ['sh', '-c', 'read -r line; printf "%s %s\\n" "$IDEVICETRIAGE_EVENT" "$line" >>"$SEEN"']


@pytest.fixture
def hook(bench, folder):
    """hook(options, command) starts one that is ready for events."""
    hooks = []

    def start(*options, command=WRITE, before=None):
        found = Hook(bench, folder, options, command, before)
        hooks.append(found)
        until(lambda: found.position() >= 0, what='the hook')
        return found
    yield start
    for one in hooks:
        one.stop(signal.SIGKILL)


def fail(bench, *options):
    """A restore under `run` that fails; gives its session."""
    bench.run(['sh', '-c', FAILING], '--ecid', ECID, *options).communicate(timeout=30)
    return until(lambda: [session for session in bench.sessions()[-1:] if session['outcome'] != 'running'],
                 what='the end')[0]['session']


def test_an_ended_session_comes_with_its_record_and_verdict(bench, hook):
    bench.start()
    fail(bench)
    found = hook('--on', 'session-ended')
    session = fail(bench, '--ticket', 'T-1; touch /tmp/$(id)')
    until(found.seen, what='the event')
    (event, told), = found.seen()
    assert event == told['event'] == 'session-ended'
    assert told['record']['kind'] == 'session-end' and told['record']['session'] == session
    assert told['session']['session'] == session and told['session']['ticket'] == 'T-1; touch /tmp/$(id)'
    assert told['session']['outcome'] == 'failed' and told['device']['ecid'] == ECID
    assert told['verdict'] == bench.verdict(session)
    until(lambda: found.position() == told['record']['sequence'], what='the cursor')


def test_a_changed_verdict_and_a_suspect_port(bench, hook):
    bench.start()
    found = hook('--on', 'diagnosis-changed,port-suspect')
    point = ('--outcome', 'failed', '--error', '4013', '--model', 'iPhone8,1', '--host', 'bench-1', '--port', '1-4',
             '--stage', 'boot-ramdisk')
    bench.triage('attempt', ECID, *point)
    until(found.seen, what='the verdict')
    until(lambda: found.position() == found.seen()[0][1]['record']['sequence'], what='the cursor')
    # One failure alone accuses no port.
    assert found.events() == ['diagnosis-changed']
    for device in OTHERS:
        bench.triage('attempt', device, *point)
    until(lambda: 'port-suspect' in found.events(), what='the suspect port')
    assert 'session-ended' not in found.events()
    for event, told in found.seen():
        first = told['verdict']['causes'][0]
        assert told['record']['kind'] == 'diagnosis' and told['record']['ecid'] == told['device']['ecid']
        if event == 'port-suspect':
            assert first['cause'] == 'port-hub' and first['strength'] in ('moderate', 'strong', 'conclusive')


def test_what_happened_while_it_was_stopped_comes_once(bench, hook):
    bench.start()
    found = hook('--on', 'session-ended')
    sessions = [fail(bench)]
    until(found.seen, what='the event')
    until(lambda: found.position() == found.seen()[0][1]['record']['sequence'], what='the cursor')
    assert found.stop() == -signal.SIGTERM
    sessions.append(fail(bench))
    bench.stop()
    bench.start()
    sessions.append(fail(bench))
    found = hook('--on', 'session-ended')
    sessions.append(fail(bench))
    until(lambda: len(found.seen()) >= 4, what='all events')
    assert [told['record']['session'] for _, told in found.seen()] == sessions
    assert found.said() == ''


def test_it_reconnects_when_the_daemon_restarts(bench, hook):
    bench.start()
    found = hook('--on', 'session-ended')
    first = fail(bench)
    until(found.seen, what='the event')
    bench.stop(signal.SIGKILL)
    bench.start()
    second = fail(bench)
    until(lambda: len(found.seen()) == 2, what='the event after the restart')
    assert [told['record']['session'] for _, told in found.seen()] == [first, second]
    assert 'waiting for the daemon' in found.said() and found.process.poll() is None


def test_a_command_that_hangs_is_killed_with_its_group(bench, hook, folder):
    bench.start()
    # The first run ignores SIGTERM, and so does what it started.
    script = ('if test -e "$SEEN.first"; then exec "$@"; fi; trap "" TERM; '
              'sh -c \'trap "" TERM; echo $$ >"$SEEN.pid"; while :; do sleep 1; done\' & : >"$SEEN.first"; while :; do sleep 1; done')
    found = hook('--on', 'session-ended', '--timeout', '1', command=['sh', '-c', script, 'sh', *WRITE])
    fail(bench)
    second = fail(bench)
    until(found.seen, what='the second event')
    (_, told), = found.seen()
    assert told['record']['session'] == second
    assert 'did not end within 1 s and was killed (session-ended, record ' in found.said()
    child = int((folder / 'seen.pid').read_text())
    until(lambda: not pathlib.Path(f'/proc/{child}').exists()
          or ') Z ' in pathlib.Path(f'/proc/{child}/stat').read_text(), what='the end of the group')


@pytest.mark.parametrize('command, words', [
    (['true'], ''),
    (['sh', '-c', 'exec <&-; exit 3'], 'sh failed with status 3 (session-ended, record '),
    (['sh', '-c', 'kill -9 $$'], 'sh was ended by signal 9 (session-ended, record '),
])
def test_a_command_that_fails_or_ignores_its_input_stops_nothing(bench, hook, command, words):
    bench.start()
    found = hook('--on', 'session-ended', command=command)
    for _ in range(2):
        fail(bench)
        last = [record for line in bench.triage('--json', 'log').stdout.splitlines()
                for record in json.loads(line)['records'] if record['kind'] == 'session-end'][-1]['sequence']
        until(lambda: found.position() >= last, what='the cursor')
    assert found.said().count(words) == 2 if words else found.said() == ''
    assert found.process.poll() is None


def test_a_caller_that_ignores_its_children_does_not_hide_the_end_of_a_command(bench, hook):
    bench.start()
    found = hook('--on', 'session-ended', command=['sh', '-c', 'exit 3'], before=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))
    fail(bench)
    until(lambda: 'sh failed with status 3 (session-ended, record ' in found.said(), what='the failure')


def test_an_interrupted_command_comes_again(bench, hook, folder):
    bench.start()
    script = 'test -e "$SEEN.first" && exec "$@"; echo $$ >"$SEEN.pid"; : >"$SEEN.first"; sleep 600'
    command = ['sh', '-c', script, 'sh', *WRITE]
    found = hook('--on', 'session-ended', '--timeout', '600', command=command)
    session = fail(bench)
    until((folder / 'seen.first').exists, what='the command')
    before = found.position()
    assert found.stop() == -signal.SIGTERM
    assert not pathlib.Path(f'/proc/{(folder / "seen.pid").read_text().strip()}').exists()
    assert found.position() == before
    found = hook('--on', 'session-ended', command=command)
    until(found.seen, what='the event')
    assert [told['record']['session'] for _, told in found.seen()] == [session]


def test_a_slow_command_misses_nothing_of_a_busy_daemon(bench, hook, folder):
    bench.start()
    found = hook('--on', 'session-ended', command=['sh', '-c', 'while ! test -e "$SEEN.gate"; do sleep 0.05; done; exec "$@"',
                                                   'sh', *WRITE])
    sessions = [fail(bench)]
    # More than the daemon buffers for a reader, and the socket with it.
    flood = 'i=0; while test $i -lt 30000; do echo "line $i of a long log, long enough to fill what is between"; i=$((i+1)); done; '
    bench.run(['sh', '-c', flood + FAILING], '--ecid', ECID).communicate(timeout=60)
    sessions.append(until(lambda: [session for session in bench.sessions()[-1:] if session['outcome'] != 'running'],
                          what='the end')[0]['session'])
    sessions.append(fail(bench))
    (folder / 'seen.gate').touch()
    until(lambda: len(found.seen()) >= 3, 60, what='all events')
    assert [told['record']['session'] for _, told in found.seen()] == sessions


def test_records_that_the_daemon_lost_do_not_silence_it(bench, hook):
    bench.start()
    found = hook('--on', 'session-ended')
    found.stop()
    found.cursor.write_text('1000000\n')
    found = hook('--on', 'session-ended')
    until(lambda: 'lost or replaced its last records' in found.said(), what='the report')
    session = fail(bench)
    until(found.seen, what='the event')
    assert found.seen()[0][1]['record']['session'] == session


def test_what_cannot_begin_says_why(bench, hook, folder):
    assert bench.triage('hook', '--', 'true', check=False).returncode == 3
    bench.start()
    for arguments, words in [(['hook'], 'needs a command'), (['hook', '--on', 'weather', '--', 'true'], 'not weather'),
                             (['hook', '--on', 'session-ended,', '--', 'true'], '--on must list'),
                             (['hook', '--timeout', '0', '--', 'true'], '--timeout must be')]:
        result = bench.triage(*arguments, check=False)
        assert result.returncode == 2 and words in result.stderr
    found = hook()
    result = bench.triage('hook', '--cursor', found.cursor, '--', 'true', check=False)
    assert result.returncode == 1 and 'another hook uses it' in result.stderr
    found.stop()
    (folder / 'cursor').write_text('12 monkeys')
    result = bench.triage('hook', '--cursor', found.cursor, '--', 'true', check=False)
    assert result.returncode == 1 and 'hook did not write it' in result.stderr


def test_a_command_that_cannot_start_is_not_skipped(bench, hook):
    bench.start()
    found = hook('--on', 'session-ended', command=['/nonexistent/command'])
    before = found.position()
    fail(bench)
    assert found.process.wait(20) == 1
    assert 'Cannot run /nonexistent/command: No such file' in found.said() and found.position() == before


def test_a_unit_with_a_state_directory_has_its_cursor_there(bench, folder):
    bench.start()
    assert 'StateDirectory=' in UNIT.read_text()
    for variable, path in [('STATE_DIRECTORY', folder / 'unit/state'), ('', folder / 'home/idevicetriage')]:
        environment = {**bench.environment, **({variable: f'{path}:/other'} if variable else {})}
        process = subprocess.Popen([str(bench.build / 'client/idevicetriage'), 'hook', '--', 'true'], env=environment)
        try:
            until((path / 'hook-cursor').exists, what='the cursor')
        finally:
            process.terminate()
            process.wait(10)


def test_each_event_is_in_the_help_the_manual_the_completion_and_the_example():
    source = (ROOT / 'client/commands/hook.c').read_text()
    events = re.findall(r'\{"([a-z-]+)", EVENT_', source)
    assert len(events) == 3
    manual = (ROOT / 'man/idevicetriage.1.scd').read_text()
    chapter = manual.split('# RUNNING A COMMAND FOR EACH EVENT')[1].split('\n# ')[0]
    assert re.findall(r'^_([a-z-]+)_$', chapter, re.MULTILINE) == events
    assert f'"{" ".join(events)}"' in source.split('own[] =')[1]
    assert f"--on {','.join(events)}" in UNIT.read_text()
