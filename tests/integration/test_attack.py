# SPDX-License-Identifier: LGPL-2.1-or-later
"""What gets in the way of the daemon and the command on purpose, or by a slip of the hand."""
import json
import os
import pty
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import threading
import zipfile
from contextlib import ExitStack, closing

import pytest

from daemon import until

ECID = '0x00AA334455667788'
# What a terminal obeys: colours, a title, an erased screen, C1 controls, a turned line, line ends.
EVIL = '\x1b[31mred\x1b]0;title\x07\x1b[2J\x9b31m\x85\u202eder\u2066\u2028\r\nA LINE\x7f\x08'
OBEYED = re.compile('[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]')


def run_once(bench):
    """A restore that fails at once; gives its session."""
    session = bench.call('BeginRun', tool='x', arguments=[], conditions=[], ecid=ECID)['session']
    bench.call('AppendLog', session=session, offset=0, text='ERROR: it failed\n')
    bench.call('EndRun', session=session, exitStatus=1)
    return session


def source(bench, name):
    return next(source for source in bench.call('GetStatus')['sources'] if source['name'] == name)


def dangle(path):
    path.symlink_to(path.with_name('nowhere') / 'at-all')


@pytest.mark.parametrize('name', ['ring', 'casebook.db'])
@pytest.mark.parametrize('put, reason', [
    (os.mkfifo, None), (os.mkdir, 'directory'), (dangle, None)], ids=['fifo', 'folder', 'link'])
def test_something_else_in_the_place_of_a_file(bench, name, put, reason):
    """The daemon watches all the same and says what is wrong; nobody waits for a FIFO."""
    put(bench.state / name)
    bench.start()
    session = run_once(bench)
    assert bench.call('ListSessions')['sessions'][0]['session'] == session
    assert not source(bench, name.partition('.')[0])['up']
    assert reason is None or f'Cannot use {bench.state}/{name}: Is a {reason}' in bench.say()
    assert 'temporarily' not in bench.say()
    bench.stop()
    offline = bench.triage('--state-dir', bench.state, 'sessions')
    assert 'newest records are missing' in offline.stderr or name == 'casebook.db'


def evil_case():
    """A case file in which each text is hostile, also where it should be a word."""
    session = '01900000-0000-7000-8000-00000000000'
    words = ['host', 'hostOs', 'tool', 'action', 'entry', 'firmware', 'firmwareBuild', 'ticket',
             'stage']
    attempts = [{'session': f'{session}{i}', 'outcome': 'failed', **dict.fromkeys(words, EVIL),
                 'conditions': {'cable': EVIL, 'port': EVIL, EVIL: EVIL},
                 'errors': [{'domain': EVIL, 'code': -1}], 'log': [{'text': EVIL}]}
                for i in range(3)]
    attempts[1]['observed'] = {'signs': [{'sign': EVIL, 'count': 2}], 'modes': [{'mode': EVIL}],
                               'operationName': EVIL, 'grade': EVIL}
    return {'format': 'idevicetriage-case', 'version': 1, 'history': [EVIL, 'liquid'],
            'attempts': attempts,
            'device': {'ecid': ECID, 'productType': EVIL, 'model': EVIL, 'name': EVIL}}


def test_no_foreign_text_reaches_the_terminal_raw(bench, folder):
    """From a case file, a log, a note, a condition, or the command line itself."""
    case, log = folder / 'case.json', folder / 'tool.log'
    case.write_text(json.dumps(evil_case()))
    log.write_bytes(f'idevicerestore {EVIL}\nERROR: {EVIL}\n'.encode() * 9 + b'\xff\xc2\x9b31m\n')
    bench.start()
    said = []

    def say(*arguments):
        result = bench.triage(*arguments, check=False)
        assert result.returncode in (*range(5), 10, 11, 20, 30), (arguments, result)
        said.append((arguments, result.stdout + result.stderr))

    say('import', case)
    say('import', '--device', ECID, log)
    say('note', ECID, EVIL)
    say('conditions', '1-2', '--cable', EVIL, '--condition', f'a={EVIL}')
    say('attempt', ECID, '--outcome', 'failed', '--host', EVIL, '--tool', EVIL)
    for command in ('conditions', 'status', 'sessions', 'log', EVIL):
        say(command)
    for session in bench.call('ListSessions')['sessions']:
        say('log', session['session'])
        say('diagnose', session['session'])
    for command in ('diagnose', 'case', 'sessions', 'export', 'report'):
        say(command, ECID, *(['-o', '-'] if command == 'report' else []))
    for arguments in (['diagnose', '--case', case], ['panics', '--file', log], ['explain', EVIL],
                      ['case', EVIL], ['import', folder / EVIL], ['--reveal', 'case', ECID]):
        say(*arguments)
    for arguments, text in said:
        # What JSON escapes is data for programs.
        found = None if arguments[0] == 'export' else OBEYED.search(text)
        assert not found, (arguments, text[max(0, found.start() - 40):found.end() + 40])
    assert sum('red' in text for _, text in said) > 10
    assert not OBEYED.search(bench.say())
    assert bench.process.poll() is None


def test_texts_of_a_run_are_kept_clean(bench):
    """Scripts that print records, and other readers of the ring, see no control character either."""
    bench.start()
    session = bench.call('BeginRun', tool=EVIL, toolVersion=EVIL, arguments=[EVIL], ticket=EVIL, port='1-2',
                         ecid=ECID, conditions=[{'key': 'cable', 'value': EVIL}])['session']
    kept = bench.call('ReadLog', session=session)['records']
    kinds = {record['kind'] for record in kept if 'red' in json.dumps(record)}
    assert {'tool-start', 'tool-version', 'ticket', 'condition'} <= kinds
    for record in kept:
        for value in record.values():
            assert not isinstance(value, str) or value.isprintable(), record


def cut(bench):
    os.truncate(bench.state / 'ring', 0)


def cut_half(bench):
    os.truncate(bench.state / 'ring', 8192)


def remove_folder(bench):
    shutil.rmtree(bench.state)


def sealed(bench):
    """The sessions in the casebook that has the name now."""
    try:
        with closing(sqlite3.connect(f'file:{bench.state}/casebook.db?mode=ro', uri=True)) as book:
            return [row[0].hex() for row in book.execute('SELECT id FROM attempts')]
    except sqlite3.OperationalError:
        return []


@pytest.mark.parametrize('take', [cut, cut_half, remove_folder])
def test_files_are_taken_from_under_the_daemon(bench, take):
    """It goes on, in new files: a run that is in the middle ends as ever, and is kept."""
    bench.start()
    run = bench.call('BeginRun', tool='x', arguments=[], conditions=[], ecid=ECID)['session']
    until(lambda: (bench.state / 'casebook.db').exists())
    take(bench)
    text = 'ERROR: Unable to restore device\n'
    bench.call('AppendLog', session=run, offset=0, text=text)
    until(lambda: 'Started a new one' in bench.say(), what='a new ring')
    bench.call('EndRun', session=run, exitStatus=1)
    second = run_once(bench)
    wanted = sorted(session.replace('-', '') for session in (run, second))
    until(lambda: sorted(sealed(bench)) == wanted, what='a casebook with both')
    assert source(bench, 'ring')['up']
    bench.stop()
    assert bench.process.returncode == 0
    bench.start()
    assert [session['session'] for session in bench.sessions()] == [run, second]
    assert [record['kind'] for record in bench.records(run)].count('session-end') == 1
    assert any(record.get('text') == text.strip() for record in bench.records(run))


def test_another_file_in_the_place_of_the_ring(bench):
    """Somebody else's is left alone, and it is said."""
    bench.start()
    ring = bench.state / 'ring'
    ring.unlink()
    ring.write_text('mine')
    run_once(bench)
    until(lambda: not source(bench, 'ring')['up'])
    assert 'another file was put in its place' in bench.say()
    assert ring.read_text() == 'mine'


def test_an_archive_of_nothing_known_is_refused(bench, folder):
    """Not taken in silence, whatever its members look like."""
    path = folder / 'odd.zip'
    with zipfile.ZipFile(path, 'w') as archive:
        archive.writestr('../../up.txt', 'shopping list')
        archive.writestr('in.zip', bytes(range(256)))
    result = bench.triage('import', '--dry-run', '--device', ECID, path, check=False)
    assert result.returncode == 1
    assert 'it contains nothing that can be imported' in result.stderr


def test_killed_at_any_moment(bench):
    """Each session whose end was answered is there once, with one end; the casebook is whole."""
    ended = []

    def restore_until_it_dies(rounds):
        for _ in range(rounds):
            try:
                ended.append(run_once(bench))
            except (OSError, AssertionError):
                return

    bench.start()
    for rounds in (3, 40, 7, 100, 1, 20):
        thread = threading.Thread(target=restore_until_it_dies, args=(rounds,))
        thread.start()
        known = len(ended)
        until(lambda: len(ended) > known + rounds // 2 or not thread.is_alive())
        bench.stop(signal.SIGKILL)
        thread.join()
        bench.start()
    until(lambda: set(sealed(bench)) >= {session.replace('-', '') for session in ended})
    shown = [session['session'] for session in bench.call('ListSessions')['sessions']]
    assert len(shown) == len(set(shown))
    assert set(ended) <= set(shown)
    for session in ended[::10]:
        assert [record['kind'] for record in bench.records(session)].count('session-end') == 1
    with closing(sqlite3.connect(bench.state / 'casebook.db')) as book:
        assert book.execute('PRAGMA integrity_check').fetchone() == ('ok',)


def test_purge_under_load(bench):
    """While others watch and the phone's records are read: nothing stays, and nobody is cut off."""
    bench.start()
    with ExitStack() as stack:
        streams = []
        for method in ('Watch', 'ReadLog') * 3:
            stream = stack.enter_context(socket.socket(socket.AF_UNIX))
            stream.connect(str(bench.socket))
            call = {'method': f'io.github.idevicetriage.{method}', 'parameters': {}, 'more': True}
            stream.sendall(json.dumps(call).encode() + b'\0')
            streams.append(stream)
        for _ in range(10):
            run_once(bench)
            bench.call('Purge', device=ECID)
        for stream in streams:
            stream.settimeout(5)
            assert stream.recv(10)
    assert bench.call('ListSessions')['sessions'] == []
    bench.stop()
    kept = b''.join(path.read_bytes() for path in bench.state.iterdir())
    assert ECID[2:].encode() not in kept
    assert int(ECID, 16).to_bytes(8, 'little') not in kept


def test_causes_stand_before_effects_in_the_log(bench):
    """"kmsg up" stood before the "journal down" that it replaced: the source's state was fed back in the middle of it."""
    bench.environment['IDEVICETRIAGE_JOURNAL_DIR'] = str(bench.folder / 'no-journal')
    bench.start()

    def states():
        return [record['name'] for record in bench.call('ReadLog')['records'] if record['kind'] == 'source']

    until(lambda: {'journal', 'kmsg'} <= set(states()), what='both sources')
    assert states().index('journal') < states().index('kmsg')


def test_the_log_on_a_terminal_carries_the_name_of_the_program(bench):
    """The daemon's lines carried the name of the command."""
    master, terminal = pty.openpty()
    with subprocess.Popen([bench.build / 'daemon' / 'idevicetriaged', '--state-dir', bench.state, '--socket', '/nowhere/at/all'],
                          env=bench.environment, stderr=terminal) as daemon:
        os.close(terminal)
        assert daemon.wait(20) != 0
    text = os.read(master, 65536).decode()
    os.close(master)
    assert 'idevicetriaged: Cannot listen on /nowhere/at/all' in text
