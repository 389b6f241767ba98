# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is kept of a phone outlives the ring, the daemon, a crash, a damaged file and a full disk."""
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from daemon import until

ECID = '0x001C2D6A3C8A802E'
OTHER = '0x00002B3C4D5E6F70'
TOOL = ['sh', '-c', 'cat "$0"; exit 245']
LOG = ['About to restore device... ', 'Creating partition map (11)', 'Creating filesystem (12)',
       'Waiting for NAND (28)', 'ERROR: Unable to successfully restore device', '']


@pytest.fixture
def tool(folder):
    log = folder / 'tool.log'
    log.write_text('\n'.join(LOG))
    return [*TOOL, log]


def fail(bench, tool, ecid=ECID, cable='A'):
    """A restore that fails."""
    assert bench.run([*tool, '-i', ecid], '--cable', cable).wait(60) == 245


def sealed(bench):
    """The sessions in the casebook, oldest first."""
    path = bench.state / 'casebook.db'
    if not path.exists():
        return []
    with closing(sqlite3.connect(f'file:{path}?mode=ro', uri=True)) as book:
        return [row[0].hex() for row in book.execute('SELECT id FROM attempts ORDER BY started_us')]


def wait_sealed(bench, count):
    until(lambda: len(sealed(bench)) == count, what=f'{count} sealed sessions')


def casebook_source(bench):
    return next(source for source in bench.ask('status')['sources'] if source['name'] == 'casebook')


def story(bench):
    """All that the command tells of the phone, but that a verdict changed, which comes a moment later."""
    sessions = bench.ask('sessions')
    return {
        'sessions': sessions,
        'diagnosis': bench.triage('--json', 'diagnose', ECID, check=False).stdout,
        'logs': [[record for record in bench.records(session['session'])
                  if record['kind'] != 'diagnosis'] for session in sessions['sessions']],
    }


def test_a_session_outlives_the_ring(bench, tool):
    bench.start()
    for cable in 'AB':
        fail(bench, tool, cable=cable)
    wait_sealed(bench, 2)
    told = story(bench)
    bench.stop()
    (bench.state / 'ring').unlink()
    bench.start()
    assert story(bench) == told
    assert bench.triage('diagnose', ECID, check=False).stdout.count('records') == 0


def begin(bench, ecid=ECID):
    return bench.call('BeginRun', tool='x', arguments=[], conditions=[], ecid=ecid)['session']


def flood(bench, session, lines):
    """Appends that many lines as fast as the daemon takes them."""
    offset = 0
    for first in range(0, lines, 1000):
        text = ''.join(f'line {number} of a log that is long\n' for number in range(first, first + 1000))
        offset = bench.call('AppendLog', session=session, offset=offset, text=text)['offset']


def read_log(bench, session):
    """All records of a session, and how many are said to be lost."""
    records, lost, after = [], 0, 0
    while True:
        answer = bench.call('ReadLog', session=session, after=after)
        lost += answer['lost']
        if not answer['records']:
            return records, lost
        records += answer['records']
        after = records[-1]['sequence']


SMALL_RING = ('--ring-size', '131072')


def test_a_log_that_arrives_faster_than_it_is_sealed_is_whole(bench):
    """The ring overwrote what the casebook did not have yet: 8,000 of 60,000 lines with a ring of 1 MiB."""
    bench.start(*SMALL_RING)
    session = begin(bench)
    flood(bench, session, 10000)
    records, lost = read_log(bench, session)
    assert (sum(record['kind'] == 'log' for record in records), lost) == (10000, 0)


def test_records_of_a_quiet_session_outlive_the_flood_of_another(bench):
    """They waited in memory for more of their session, while the ring overwrote them."""
    bench.start(*SMALL_RING)
    quiet = begin(bench)
    bench.call('AppendLog', session=quiet, offset=0, text='ERROR: it failed\n')
    before = bench.call('ReadLog', session=quiet)['records']
    flood(bench, begin(bench, OTHER), 10000)
    assert read_log(bench, quiet) == (before, 0)


def test_lost_records_are_counted_where_no_casebook_has_them(bench):
    """`lost` was 0, whatever the ring had overwritten of the session."""
    (bench.state / 'casebook.db').mkdir()
    bench.start(*SMALL_RING)
    session = begin(bench)
    flood(bench, session, 10000)
    records, lost = read_log(bench, session)
    # The first of its records is that of its beginning; no other session ran.
    assert lost > 5000 and 10000 < len(records) + lost < 10020


def test_the_phone_that_comes_back_next_week_has_its_history(bench, tool):
    bench.start()
    fail(bench, tool)
    wait_sealed(bench, 1)
    bench.stop()
    (bench.state / 'ring').unlink()
    bench.start()
    fail(bench, tool, cable='B')
    reply = bench.ask('diagnose', ECID)
    cables = [condition['value'] for session in reply['sessions']
              for condition in session['conditions'] if condition['key'] == 'cable']
    assert cables == ['B', 'A']
    assert '2 attempts' in bench.triage('case', ECID).stdout


def test_what_a_crash_kept_from_the_casebook_is_sealed_from_the_ring(bench, tool):
    bench.start()
    fail(bench, tool)
    wait_sealed(bench, 1)
    bench.stop(signal.SIGKILL)
    told = bench.triage('--state-dir', bench.state, '--json', 'sessions').stdout
    for path in bench.state.glob('casebook.db*'):
        path.unlink()
    bench.start()
    wait_sealed(bench, 1)
    bench.stop()
    (bench.state / 'ring').unlink()
    assert bench.triage('--state-dir', bench.state, '--json', 'sessions').stdout == told


def test_a_damaged_casebook_is_set_aside_and_sealed_anew(bench, tool):
    bench.start()
    fail(bench, tool)
    wait_sealed(bench, 1)
    before = sealed(bench)
    bench.stop()
    path = bench.state / 'casebook.db'
    content = bytearray(path.read_bytes())
    content[:100] = os.urandom(100)
    path.write_bytes(content)
    bench.start()
    wait_sealed(bench, 1)
    assert sealed(bench) == before
    assert (bench.state / 'casebook.db.bad').exists()
    assert 'was damaged' in bench.say()
    assert casebook_source(bench)['up']


def test_damaged_records_of_the_ring_are_counted(bench, tool):
    bench.start()
    fail(bench, tool)
    bench.stop()
    path = bench.state / 'ring'
    content = path.read_bytes()
    assert content.count(b'Waiting for NAND (28)') >= 1
    path.write_bytes(content.replace(b'Waiting for NAND (28)', b'Waiting for N?ND (28)', 1))
    bench.start()
    assert bench.ask('status')['damagedRecords'] == 1
    assert 'Skipped damaged records of the ring: 1.' in bench.say()
    bench.stop()
    bench.start()
    assert bench.ask('status')['damagedRecords'] == 1


def test_damage_while_the_daemon_runs_costs_no_answer(bench, tool):
    bench.start()
    fail(bench, tool)
    wait_sealed(bench, 1)
    path = bench.state / 'casebook.db'
    with open(path, 'r+b') as file:
        file.truncate(4096)
    assert bench.ask('sessions')['sessions'][0]['outcome'] == 'failed'
    fail(bench, tool, cable='B')
    until(lambda: len(bench.ask('sessions')['sessions']) == 2, what='both sessions')
    assert bench.triage('diagnose', ECID, check=False).returncode in (10, 11, 20, 30)
    bench.stop()
    bench.start()
    wait_sealed(bench, 2)


def test_a_locked_casebook_is_waited_for(bench, tool):
    bench.start()
    with closing(sqlite3.connect(bench.state / 'casebook.db', isolation_level=None)) as book:
        book.execute('BEGIN IMMEDIATE')
        fail(bench, tool)
        until(lambda: not casebook_source(bench)['up'], what='the source down')
        assert bench.ask('sessions')['sessions'][0]['outcome'] == 'failed'
        book.execute('ROLLBACK')
    wait_sealed(bench, 1)
    until(lambda: casebook_source(bench)['up'], what='the source up')


def test_a_full_disk_costs_only_the_casebook(bench, tool):
    # The tables are there before the disk is full: their size is not the matter here.
    bench.start('--ring-size', '393216')
    bench.stop()
    size = (bench.state / 'casebook.db').stat().st_size
    bench.wrapper = ['prlimit', f'--fsize={size + 400_000}', '--']
    bench.start('--ring-size', '393216')
    for i in range(120):
        fail(bench, tool, ecid=f'0x00000001{i:08x}')
        if not casebook_source(bench)['up']:
            break
    # The sealer may be behind.
    until(lambda: not casebook_source(bench)['up'], what='the full disk')
    assert bench.process.poll() is None
    assert bench.ask('sessions')['sessions'][0]['ecid'] == f'0x00000001{i:08X}'
    # Some are sealed; most often not all, unless the daemon tried again by now.
    assert sealed(bench)
    bench.stop()
    bench.wrapper = []
    bench.start()
    wait_sealed(bench, i + 1)


def test_a_casebook_of_a_later_version_is_left_alone(bench, tool):
    bench.start()
    fail(bench, tool)
    wait_sealed(bench, 1)
    bench.stop()
    with closing(sqlite3.connect(bench.state / 'casebook.db')) as book:
        book.execute('PRAGMA user_version = 99')
    before = (bench.state / 'casebook.db').read_bytes()
    bench.start()
    assert not casebook_source(bench)['up']
    assert 'later version' in casebook_source(bench)['detail']
    fail(bench, tool, cable='B')
    bench.stop()
    assert (bench.state / 'casebook.db').read_bytes() == before


def test_export_purge_import_gives_the_same_verdict(bench, tool, folder):
    bench.start()
    for cable in 'AB':
        fail(bench, tool, cable=cable)
    fail(bench, tool, ecid=OTHER)
    wait_sealed(bench, 3)
    before = story(bench)
    bench.triage('export', ECID, '-o', folder / 'case.json')
    assert (folder / 'case.json').stat().st_mode & 0o777 == 0o600  # it names the phone and its owner's ticket
    assert bench.verdict('--case', folder / 'case.json') == bench.verdict(ECID)
    assert 'Purged 2 attempts' in bench.triage('purge', ECID, '--yes').stdout
    assert bench.triage('diagnose', ECID, check=False).returncode == 4
    assert [session['ecid'] for session in bench.ask('sessions')['sessions']] == [OTHER]
    bench.triage('import', folder / 'case.json')
    after = story(bench)
    assert json.loads(after['diagnosis'])['verdict'] == json.loads(before['diagnosis'])['verdict']
    assert after['logs'][-2:] == before['logs'][-2:]
    assert bench.triage('import', folder / 'case.json').stdout.count('already known') == 2


def test_a_purge_leaves_no_byte_of_the_phone(bench, tool):
    bench.start()
    fail(bench, tool)
    fail(bench, tool, ecid=OTHER)
    wait_sealed(bench, 2)
    bench.triage('purge', ECID, '--yes')
    bench.stop()
    content = b''.join(path.read_bytes() for path in bench.state.iterdir())
    assert ECID[4:].encode() not in content
    assert int(ECID, 16).to_bytes(8, 'little') not in content
    assert OTHER[4:].encode() in content
    bench.start()
    assert [session['ecid'] for session in bench.ask('sessions')['sessions']] == [OTHER]
    assert 'Purged 1 attempt of a device.' in bench.say()


def on_disk(bench, text):
    return [path.name for path in bench.state.iterdir() if text.encode() in path.read_bytes()]


def test_a_purge_beside_a_restore_leaves_no_byte_of_the_phone(bench, tool, folder):
    """Another phone is being restored: its records arrive, and are written to disk, all the time. When the purge returns, no
    file has anything of the purged phone. The ring is small, so that it has overwritten some records in part."""
    log = folder / 'other.log'
    log.write_text('\n'.join([*LOG[:2], *(f'ECID: {int(ECID, 16)} F17Z30R0N6XW {"x" * (i % 97)}' for i in range(400)), *LOG]))
    bench.start('--ring-size', '131072')
    (folder / 'goes-on').touch()
    running = bench.run(['sh', '-c', 'while [ -e "$0" ]; do seq 100; sleep 0.01; done', folder / 'goes-on', '-i', OTHER])
    until(lambda: bench.ask('status')['runningSessions'], what='the run')
    for turn in range(4):
        for cable in 'AB':
            assert bench.run([*TOOL, log, '-i', ECID], '--cable', cable, '--ticket', 'T-of-Jane').wait(60) == 245
        bench.triage('conditions', ECID, '--condition', 'stand=desk-of-Jane')
        bench.triage('note', ECID, 'left in the rain')
        until(lambda: on_disk(bench, 'T-of-Jane') and on_disk(bench, 'left in the rain'), what='the data on the disk')
        bench.triage('purge', ECID, '--yes')
        content = {path.name: path.read_bytes() for path in bench.state.iterdir()}
        for secret in [ECID[4:].encode(), ECID[4:].lower().encode(), str(int(ECID, 16)).encode(), b'F17Z30R0N6XW',
                       int(ECID, 16).to_bytes(8, 'little'), int(ECID, 16).to_bytes(8, 'big'), b'T-of-Jane', b'desk-of-Jane',
                       b'left in the rain', b'other.log']:
            assert [name for name, data in content.items() if secret in data] == [], (turn, secret)
    assert running.poll() is None and bench.ask('status')['runningSessions']
    (folder / 'goes-on').unlink()
    running.communicate(timeout=30)
    assert [session['ecid'] for session in bench.ask('sessions')['sessions']] == [OTHER]


def test_a_purge_right_after_a_note_leaves_no_byte_of_it(bench):
    """The sync thread writes the note to disk at that moment: the purge waits for it."""
    bench.start()
    for turn in range(40):
        bench.triage('note', ECID, f'left in the rain {turn}')
        bench.triage('purge', ECID, '--yes')
        assert not on_disk(bench, 'left in the rain')


def test_a_purge_beside_a_reader_is_finished_later(bench, tool):
    """Another program reads the casebook: it is asked for nothing, and the bytes go when it ends."""
    bench.start()
    bench.triage('note', ECID, 'left in the rain')
    reader = sqlite3.connect(bench.state / 'casebook.db')
    reader.execute('BEGIN')
    assert reader.execute('SELECT text FROM notes').fetchall() == [('left in the rain',)]
    purged = bench.triage('purge', ECID, '--yes', check=False)
    assert purged.returncode == 1 and 'Another program reads the casebook' in purged.stderr
    assert bench.triage('diagnose', ECID, check=False).returncode == 4
    assert 'Purged data stays' in bench.say()
    reader.close()
    # The end of the purge, beside these, refuses none of them.
    for turn in range(8):
        assert 'error' not in bench.call_raw('AddNote', device=OTHER, text=f'dry {turn}')
    until(lambda: not on_disk(bench, 'left in the rain'), what='the end of the purge')


def test_a_purge_inside_a_session_is_no_half_purge(bench, tool):
    """The session began before the day and ended after it: all of it is gone, also after a restart."""
    bench.start()
    fail(bench, tool)
    wait_sealed(bench, 1)
    session = bench.ask('sessions')['sessions'][0]
    middle = session['startedUSec'] + 1
    assert bench.call('Purge', beforeUSec=middle)['attempts'] == 1
    assert not on_disk(bench, 'idevicerestore')
    bench.stop()
    bench.start()
    assert bench.ask('sessions')['sessions'] == []


def test_a_purge_removes_damaged_files(bench, tool):
    bench.start()
    fail(bench, tool)
    for name in ['ring.bad', 'casebook.db.bad', 'casebook.db.bad-wal']:
        (bench.state / name).write_text(f'of {ECID}')
    bench.triage('purge', ECID, '--yes')
    assert not on_disk(bench, ECID)
    assert not [path for path in bench.state.iterdir() if 'bad' in path.name]


def tool_logs(bench):
    """The files in which `run` keeps the logs of tools."""
    return sorted(bench.folder.glob('home/idevicetriage/logs/*'))


def test_a_purge_deletes_the_tool_logs_of_its_sessions(bench, tool, folder):
    bench.start()
    fail(bench, tool)
    fail(bench, tool, ecid=OTHER)
    others = tool_logs(bench)[1:]
    assert bench.run([*tool, '-i', ECID], '--log', 'named.log').wait(60) == 245
    fail(bench, tool, cable='B')
    assert len(tool_logs(bench)) == 3 and 'NAND' in (folder / 'named.log').read_text()
    tool_logs(bench)[-1].unlink()  # somebody else deleted it: nothing to say
    purged = bench.triage('purge', ECID, '--yes')
    assert purged.stdout == 'Purged 3 attempts and 2 tool logs.\n'
    assert tool_logs(bench) == others and not (folder / 'named.log').exists()
    purged = bench.triage('--json', 'purge', '--before', '2099-01-01', '--yes')
    assert json.loads(purged.stdout)['toolLogs'] == [
        {'path': str(others[0]), 'user': os.geteuid(), 'deleted': True}]
    assert tool_logs(bench) == []


def test_a_purge_finds_the_tool_logs_of_an_earlier_daemon(bench, tool):
    """The ring is gone: the casebook alone has the path, also after a correction of the attempt."""
    bench.start()
    fail(bench, tool)
    wait_sealed(bench, 1)
    bench.stop()
    (bench.state / 'ring').unlink()
    bench.start()
    bench.triage('attempt', '--session', bench.sessions()[0]['session'], '--ticket', 'T-1')
    assert 'and 1 tool log.' in bench.triage('purge', ECID, '--yes').stdout
    assert tool_logs(bench) == []


def test_a_purge_names_the_tool_logs_that_it_cannot_delete(bench, tool, folder):
    """A log that is no longer a file of its user stays, and so does what a link leads to."""
    (folder / 'precious').write_text('not a log')
    bench.start()
    fail(bench, tool)
    log = tool_logs(bench)[0]
    log.unlink()
    log.symlink_to(folder / 'precious')
    purged = bench.triage('purge', ECID, '--yes', check=False)
    assert purged.returncode == 1 and purged.stdout == 'Purged 1 attempt.\n'
    assert f'Cannot delete the tool log {log} of ' in purged.stderr
    assert (folder / 'precious').exists() and log.is_symlink()


@pytest.mark.skipif(os.geteuid() != 0, reason='becomes another user')
def test_a_purge_by_root_has_no_more_rights_than_the_user_of_a_log(bench, tool, folder):
    """A user may name any path as his log: root deletes only what that user may delete."""
    bench.start()
    mine, theirs = folder / 'root.log', folder / 'open' / 'theirs.log'
    theirs.parent.mkdir()
    theirs.parent.chmod(0o777)
    mine.write_text('precious')
    theirs.write_text('their log')
    os.chown(theirs, 65534, 65534)
    os.chmod(bench.socket, 0o666)
    for path in (bench.folder, *bench.folder.parents):
        if not os.stat(path).st_mode & 0o001:
            os.chmod(path, os.stat(path).st_mode | 0o011)
    call = ('import json, socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])\n'
            'for log in sys.argv[2:]:\n'
            '    s.sendall(json.dumps({"method": "io.github.idevicetriage.BeginRun", "parameters": {"tool": "x",'
            ' "arguments": [], "conditions": [], "ecid": "%s", "log": log}}).encode() + b"\\0")\n'
            '    s.sendall(json.dumps({"method": "io.github.idevicetriage.EndRun", "parameters": {"exitStatus": 1,'
            ' "session": json.loads(s.recv(4096)[:-1])["parameters"]["session"]}}).encode() + b"\\0")\n'
            '    s.recv(65536)\n' % ECID)
    subprocess.run(['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', sys.executable, '-c', call,
                    bench.socket, mine, theirs], check=True, timeout=30)
    until(lambda: len(bench.ask('sessions')['sessions']) == 2, what='both sessions')
    purged = bench.triage('purge', ECID, '--yes', check=False)
    assert mine.read_text() == 'precious' and str(mine) in purged.stderr
    assert purged.stdout == 'Purged 2 attempts and 1 tool log.\n' and not theirs.exists()


def test_purge_by_day(bench, tool):
    bench.start()
    fail(bench, tool)
    assert 'Purged 0 attempts' in bench.triage('purge', '--before', '2020-01-01', '--yes').stdout
    assert 'Purged 1 attempt and 1 tool log.' in bench.triage('purge', '--before', '2099-01-01', '--yes').stdout
    assert bench.ask('sessions')['sessions'] == []


def test_purge_refuses(bench, tool, folder):
    bench.start()
    fail(bench, tool)
    assert bench.triage('purge', check=False).returncode == 2
    assert bench.triage('purge', ECID, check=False).returncode == 2  # no terminal, no --yes
    assert bench.triage('purge', '--before', 'soon', '--yes', check=False).returncode == 2
    assert bench.triage('purge', OTHER, '--yes', check=False).returncode == 4
    (folder / 'wait').touch()
    running = bench.run(['sh', '-c', 'while [ -e "$0" ]; do :; done', folder / 'wait', '-i', ECID])
    until(lambda: bench.ask('status')['runningSessions'], what='the run')
    refused = bench.triage('purge', ECID, '--yes', check=False)
    assert refused.returncode == 1 and 'A restore of' in refused.stderr
    (folder / 'wait').unlink()
    running.wait(30)
    assert len(bench.ask('sessions')['sessions']) == 2


@pytest.mark.skipif(os.geteuid() != 0, reason='becomes another user')
def test_only_the_administrator_may_purge(bench, tool):
    bench.start()
    fail(bench, tool)
    os.chmod(bench.socket, 0o666)
    for path in (bench.folder, *bench.folder.parents):
        if not os.stat(path).st_mode & 0o001:
            os.chmod(path, os.stat(path).st_mode | 0o011)
    command = shutil.copy(bench.build / 'client' / 'idevicetriage', bench.folder)
    refused = subprocess.run(
        ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', command, 'purge', ECID,
         '--yes'], env=bench.environment, capture_output=True, text=True, timeout=30)
    assert refused.returncode == 1 and 'may not call' in refused.stderr
    assert len(bench.ask('sessions')['sessions']) == 1


def test_export_with_a_mask_names_no_phone(bench, tool, folder):
    log = folder / 'tool.log'
    log.write_text('\n'.join([f'ECID: {int(ECID, 16)}', f'Found device {ECID}', *LOG]))
    bench.start()
    assert bench.run([*tool, '-i', ECID], '--ticket', 'Jane Roe').wait(60) == 245
    text = bench.triage('export', '--mask', ECID).stdout
    case = json.loads(text)
    assert ECID[6:] not in text.upper() and str(int(ECID, 16)) not in text
    assert 'Jane Roe' not in text
    assert 'Jane Roe' in bench.triage('export', ECID).stdout
    assert case['attempts'][0]['log']['lines'][-1] == LOG[-2]
    assert ECID in bench.triage('export', ECID).stdout


def test_a_mask_covers_labels_notes_and_file_names(bench, tool, folder):
    """An identifier is masked wherever a person or a tool wrote it."""
    forms = [ECID[2:].lower(), ECID[2:].upper(), str(int(ECID, 16)), ECID]
    log = folder / 'tool.log'
    log.write_text('\n'.join([f'ECID_iPhone8,1_{forms[0]}.shsh2', f'restore_{forms[2]}_x.log', *LOG]))
    bench.start()
    args = ['--ticket', 'T-1042', '--condition', f'cable=of-{forms[0]}',
            '--condition', f'port=T-1042 {forms[2]}']
    assert bench.run([*tool, f'-i{ECID}', f'/tmp/{forms[1]}_Restore.ipsw'], *args).wait(60) == 245
    bench.triage('note', ECID, f'the phone {forms[2]} of ticket T-1042')
    plain, text = (bench.triage('export', *mask, ECID).stdout for mask in ([], ['--mask']))
    case = json.loads(text)
    assert case['attempts'][0]['conditions']['cable'].startswith('of-')
    for secret in [*forms, 'T-1042']:
        assert secret.lower() not in text.lower(), secret
    assert forms[0] in plain.lower() and 'T-1042' in plain


def test_a_mask_hides_every_form_of_every_identifier(bench, tool, folder):
    """A tool prints the serial number once after its name; people write it, and the UDID, anywhere and in any way."""
    udid, serial = '00008030-001C2D6A3C8A802E', 'F17Z30R0N6XW'
    log = folder / 'tool.log'
    log.write_text('\n'.join([f'ECID: {int(ECID, 16)}', f'Serial Number: {serial}', f'UDID: {udid}', *LOG]))
    bench.start()
    forms = [ECID, ECID.lower(), ECID[2:], ECID[2:].lower(), ECID[4:], f'{int(ECID, 16):x}', str(int(ECID, 16)),
             udid, udid.lower(), udid.replace('-', ''), serial, serial.lower()]
    for form in forms:
        assert bench.run([*tool, '-i', ECID, f'/tmp/{form}.ipsw'], '--condition', f'cable=of-{form}', '--condition',
                         f'stand={form}_x', '--ticket', f'for {form}').wait(60) == 245
    bench.triage('note', ECID, ' '.join(forms))
    text = bench.triage('export', '--mask', ECID).stdout.lower()
    assert len(text) > 10000 and [form for form in forms if form.lower() in text] == []
    # The customer's sheet hides by form alone, which a serial number has not.
    sheet = bench.triage('report', '-o', '-', ECID).stdout.lower().partition('class="sheet annex"')[0]
    assert [form for form in forms[:-2] if form.lower() in sheet] == []


def test_export_is_read_by_other_readers_of_case_files(bench, tool):
    bench.start()
    fail(bench, tool)
    case = json.loads(bench.triage('export', ECID).stdout)
    assert case['format'] == 'idevicetriage-case' and case['version'] == 1
    attempt = case['attempts'][0]
    assert attempt['outcome'] == 'failed' and attempt['conditions']['cable'] == 'A'
    assert attempt['log']['lines'] == [line.rstrip() for line in LOG[:-1]] or \
        attempt['log']['lines'] == LOG[:-1]


def test_export_refuses(bench, tool, folder):
    bench.start()
    fail(bench, tool)
    assert bench.triage('export', check=False).returncode == 2
    assert bench.triage('export', OTHER, check=False).returncode == 4
    refused = bench.triage('export', ECID, '-o', folder, check=False)
    assert refused.returncode == 1 and 'not a regular file' in refused.stderr
    refused = bench.triage('export', ECID, '-o', folder / 'none' / 'x', check=False)
    assert refused.returncode == 1 and 'Cannot write' in refused.stderr


def test_added_attempts_are_checked(bench):
    bench.start()

    def add(case):
        return bench.call('AddAttempt', case=case)

    case = {'format': 'idevicetriage-case', 'version': 1, 'device': {'ecid': ECID},
            'attempts': [{'session': '01936f00-0000-7000-8000-000000000001', 'outcome': 'failed'}]}
    for bad in ({}, {**case, 'device': {}}, {**case, 'attempts': []}, {**case, 'version': 2},
                {**case, 'attempts': [{'outcome': 'failed'}]}, {**case, 'attempts': case['attempts'] * 2}):
        assert add(bad) == {'parameter': 'case'}
    assert add(case) == {'session': '01936f00-0000-7000-8000-000000000001', 'added': True}
    assert add(case)['added'] is False
    record = {'sequence': 1, 'kind': 'log', 'source': 'tool', 'text': 'a line'}
    session = case['attempts'][0]['session']
    assert bench.call('AddRecords', session=session, records=[record, {**record, 'sequence': 2}]) == {}
    assert bench.call('AddRecords', session=session, records=[{**record, 'text': 'again'}]) == {}
    assert bench.call('AddRecords', session=session, records=[{}]) == {'parameter': 'records'}
    assert [r['text'] for r in bench.records(session)] == ['a line', 'a line']


def added_case(number, ecid=ECID):
    return {'format': 'idevicetriage-case', 'version': 1, 'device': {'ecid': ecid},
            'attempts': [{'session': f'01936f00-0000-7000-8000-{number:012}', 'outcome': 'failed'}]}


def test_attempts_are_added_together_or_not_at_all(bench):
    bench.start()
    record = {'sequence': 1, 'kind': 'log', 'source': 'tool', 'text': 'a line'}
    attempts = [{'case': added_case(number), 'records': [record, {**record, 'sequence': 2}]} for number in range(16)]
    for bad in ({}, {'case': {}}, {'case': added_case(99), 'records': 1}, {'case': added_case(99), 'records': [{}]}):
        assert bench.call('AddAttempts', attempts=[*attempts[:15], bad]) == {'parameter': 'attempts'}
    assert bench.call('AddAttempts', attempts=[*attempts, {'case': added_case(99)}]) == {'parameter': 'attempts'}
    assert bench.call('ListSessions')['sessions'] == []
    assert bench.call('AddAttempts', attempts=attempts[:2]) == {'added': [True, True]}
    assert bench.call('AddAttempts', attempts=attempts) == {'added': [False] * 2 + [True] * 14}
    longer = {'case': added_case(0), 'records': [{**record, 'sequence': 2}, {**record, 'sequence': 3, 'text': 'new'}]}
    assert bench.call('AddAttempts', attempts=[longer]) == {'added': [False]}
    lines = [[r['text'] for r in bench.records(added_case(number)['attempts'][0]['session'])] for number in range(16)]
    assert lines == [['a line', 'a line', 'new']] + [['a line'] * 2] * 15


def test_attempts_with_a_watched_session_among_them(bench, tool):
    bench.start()
    fail(bench, tool)
    wait_sealed(bench, 1)
    session = bench.ask('sessions')['sessions'][0]['session']
    watched = added_case(1)
    watched['attempts'][0]['session'] = session
    record = {'sequence': 10 ** 6, 'kind': 'log', 'source': 'tool', 'text': 'a lie'}
    assert bench.call('AddAttempts', attempts=[
        {'case': watched, 'records': [record]}, {'case': added_case(2), 'records': [record]}]) == {'added': [False, True]}
    assert 'a lie' not in bench.triage('log', session).stdout


def test_nothing_is_added_to_a_watched_session(bench, tool):
    bench.start()
    fail(bench, tool)
    wait_sealed(bench, 1)
    session = bench.ask('sessions')['sessions'][0]['session']
    record = {'sequence': 10 ** 6, 'kind': 'log', 'source': 'tool', 'text': 'a lie'}
    assert bench.call('AddRecords', session=session, records=[record]) == {'session': session}
    assert 'a lie' not in bench.triage('log', session).stdout


def age(bench, statement, *values):
    """Changes a stopped daemon's casebook, and takes its ring away."""
    (bench.state / 'ring').unlink()
    with closing(sqlite3.connect(bench.state / 'casebook.db')) as book:
        book.execute(statement, values)
        book.commit()


def test_records_and_attempts_expire(bench, tool):
    day = 86400 * 10 ** 6
    bench.start()
    fail(bench, tool)
    fail(bench, tool, ecid=OTHER)
    wait_sealed(bench, 2)
    old = bench.ask('sessions', ECID)['sessions'][0]['session']
    bench.stop()
    age(bench, 'UPDATE records SET kept_us = kept_us - ? WHERE attempt = ?', 31 * day,
        bytes.fromhex(old.replace('-', '')))
    bench.start()
    until(lambda: bench.records(old) == [], what='the end of the records')
    assert bench.records(bench.ask('sessions', OTHER)['sessions'][0]['session'])
    bench.stop()
    age(bench, 'UPDATE attempts SET started_us = started_us - ? WHERE id = ?', 731 * day,
        bytes.fromhex(old.replace('-', '')))
    bench.start('--keep-attempts', '0')
    assert len(bench.ask('sessions')['sessions']) == 2
    bench.stop()
    bench.start()
    until(lambda: [session['ecid'] for session in bench.ask('sessions')['sessions']] == [OTHER],
          what='the end of the attempt')


def test_a_clock_that_is_years_ahead_erases_nothing(bench, tool):
    bench.start()
    fail(bench, tool)
    wait_sealed(bench, 1)
    bench.stop()
    # For the casebook it is the same whether it is old or the clock is ahead.
    years = 10 * 365 * 86400 * 10 ** 6
    with closing(sqlite3.connect(bench.state / 'casebook.db')) as book:
        book.execute('UPDATE records SET kept_us = kept_us - ?', (years,))
        book.execute('UPDATE clock SET at_us = at_us - ?1, trusted_us = trusted_us - ?1', (years,))
        book.commit()
    age(bench, 'UPDATE attempts SET started_us = started_us - ?', years)
    bench.start()
    session = bench.ask('sessions')['sessions'][0]['session']
    fail(bench, tool, ecid=OTHER)
    assert bench.records(session)
    assert session in {session['session'] for session in bench.ask('sessions')['sessions']}


def test_a_renamed_computer_is_one_computer(bench, tool):
    """The id goes with the attempts: in the casebook, in the ring, without a daemon and after a restart."""
    bench.start(name='old')
    own = bench.ask('status')['hostId']
    fail(bench, tool)
    bench.stop()
    bench.start(name='new')
    fail(bench, tool, cable='B')
    sessions = bench.sessions()
    assert [session['host'] for session in sessions] == ['old', 'new']
    assert {session['hostId'] for session in sessions} == {own}
    wait_sealed(bench, 2)
    assert [group['key'] for group in bench.ask('stats', '--by', 'bench')['groups']] == ['new']
    verdict = bench.verdict(ECID)
    # Two cables, but one computer.
    assert verdict['phase'] == 'undecided'
    bench.stop()
    offline = json.loads(bench.triage('--state-dir', bench.state, '--json', 'sessions').stdout)['sessions']
    assert {session['hostId'] for session in offline} == {own}


def test_a_lost_id_is_no_second_computer(bench, tool):
    bench.start()
    fail(bench, tool)
    own = bench.ask('status')['hostId']
    bench.stop()
    (bench.state / 'host-id').write_text('nonsense\n')
    bench.start(name='new')
    fail(bench, tool, cable='B')
    drawn = bench.ask('status')['hostId']
    assert drawn != own and drawn[:12] == own[:12]
    assert bench.verdict(ECID)['phase'] == 'undecided'
    checks = json.loads(bench.triage('--json', 'doctor', check=False).stdout)['checks']
    (found,) = [check for check in checks if check['check'] == 'computer-id']
    assert found['result'] == 'warning'
