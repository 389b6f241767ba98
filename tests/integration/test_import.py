# SPDX-License-Identifier: LGPL-2.1-or-later
"""`import`: what becomes of the logs of all development cases, of packed ones and of several in
one, and of mistakes."""
import gzip
import io
import json
import lzma
import os
import pathlib
import pty
import re
import socket
import subprocess
import tarfile
import threading
import zipfile

import pytest

from daemon import until

CASES = pathlib.Path(__file__).resolve().parent.parent / 'cases' / 'dev'
TABLE = CASES.parent.parent / 'unit' / 'toollog_cases.inc'
DEVICE = '0x001C2D6A3C8A802E'

OUTCOMES = {'UNKNOWN': 'ended-unknown', 'SUCCEEDED': 'succeeded', 'FAILED': 'failed'}
STAGES = {'NONE': 'none', 'DFU': 'dfu', 'RECOVERY': 'recovery', 'BOOT_RAMDISK': 'boot-ramdisk',
          'RESTORE': 'restore'}

RUN = ['Found device in Recovery mode', 'ECID: 7931233653391406',
       'Identified device as d421ap, iPhone12,3', 'Sending iBEC (656950 bytes)...',
       'About to restore device... ', 'Waiting for device to enter restore mode...',
       'Connected to com.apple.mobile.restored, version 15', 'Waiting for NAND (28)']
FAILED = [*RUN, 'ERROR: Unable to successfully restore device', 'ERROR: Unable to restore device']
SUCCEEDED = [*RUN, 'Got status message', 'Status: Restore Finished', 'DONE']


def text(*runs):
    return ''.join(f'{line}\n' for run in runs for line in run)


def expected():
    """The rows of the unit test's table: file, attempt, what is read."""
    pattern = re.compile(r'\{"([^"]+)", (\d+), OUTCOME_(\w+), STAGE_(\w+),\s+'
                         r'(\d+), (0x[0-9a-f]+), (NO_STATUS|-?\d+),')
    for match in pattern.finditer(TABLE.read_text()):
        name, attempt, outcome, stage, operation, checkpoint, status = match.groups()
        yield pytest.param(CASES / name, int(attempt), {
            'outcome': OUTCOMES[outcome], 'stage': STAGES[stage],
            'operation': int(operation) or None,
            'checkpoint': int(checkpoint, 16) or None,
            'status': None if status == 'NO_STATUS' else int(status)}, id=f'{name}-{attempt}')


class Import:
    """The command, in a folder of its own, with no daemon."""

    def __init__(self, bench, folder):
        self.bench = bench
        self.command = bench.build / 'client' / 'idevicetriage'
        self.folder = folder / 'logs'
        self.folder.mkdir()

    def write(self, name, content):
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def __call__(self, *arguments, **options):
        return self.bench.triage('import', *arguments, check=False, **options)

    def dry(self, *arguments, code=0):
        """What would be made."""
        result = self('--json', '--dry-run', *arguments)
        assert result.returncode == code, result.stderr
        return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture
def imports(bench, folder):
    return Import(bench, folder)


def test_the_table_is_read():
    assert len(list(expected())) == len(TABLE.read_text().split('{"')) - 1


@pytest.mark.parametrize('case,number,wanted', expected())
def test_a_log_of_a_development_case(imports, case, number, wanted):
    lines = json.loads(case.read_text())['attempts'][number]['log']['lines']
    log = imports.write('tool.log', text(lines))
    ecids = re.findall(r'(?:ECID: (\d+)|device ([0-9a-f]{16}) )', text(lines))
    device = [] if ecids else ['--device', DEVICE]
    made, = imports.dry(*device, log)
    session = made['session']
    told = json.loads(case.read_text())['attempts'][number]['outcome']
    ends = {'ended-unknown': {'ended-unknown', 'failed'} if told == 'failed' else {'ended-unknown'},
            'failed': {'failed', 'not-started'} if wanted['stage'] == 'none' else {'failed'}}
    # Its table row tells of the lines alone: an attempt whose last words are an error has failed, and one that came
    # to nothing but them has not begun.
    assert session['outcome'] in ends.get(wanted['outcome'], {wanted['outcome']})
    assert {key: session.get(key) for key in wanted if key != 'outcome'} == {
        key: value for key, value in wanted.items() if key != 'outcome'}
    assert made['dryRun'] and session['ecid']


@pytest.mark.parametrize('case', sorted(CASES.glob('*.json')), ids=lambda path: path.stem)
def test_a_development_case(imports, case):
    attempts = json.loads(case.read_text())['attempts']
    made = imports.dry('--device', DEVICE, case)
    outcomes = [item.get('outcome', 'unknown') for item in attempts]
    assert [item['session']['outcome'] for item in made] == outcomes
    assert len({item['session']['session'] for item in made}) == len(attempts)


def sessions(made):
    return [item['session']['session'] for item in made]


def zipped(**members):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, 'w', zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace('__', '/') + '.log', content)
    return packed.getvalue()


def test_however_it_is_packed_it_is_the_same_attempt(imports):
    log = text(FAILED)
    plain = imports.dry(imports.write('a.log', log))
    assert len(plain) == 1 and plain[0]['session']['operation'] == 28
    copies = {
        'a.log.gz': gzip.compress(log.encode()),
        'a.log.xz': lzma.compress(log.encode()),
        'a.zip': zipped(folder__a=log),
        'windows.log': log.replace('\n', '\r\n').encode(),
        'marked.log': b'\xef\xbb\xbf' + log.encode(),
        'wide.log': log.encode('utf-16'),
        'wide.zip': zipped(a=('\ufeff' + log).encode('utf-16-be')),
    }
    for name, packed in copies.items():
        made = imports.dry(imports.write(name, packed))
        assert sessions(made) == sessions(plain), name


def test_standard_input(imports):
    log = imports.write('a.log', text(FAILED))
    with open(log, 'rb') as stream:
        result = subprocess.run([imports.command, '--json', 'import', '--dry-run', '-'],
                                stdin=stream, capture_output=True, text=True, timeout=20)
    assert sessions([json.loads(result.stdout)]) == sessions(imports.dry(log))
    packed = subprocess.run([imports.command, '--json', 'import', '--dry-run', '-'],
                            input=gzip.compress(log.read_bytes()), capture_output=True, timeout=20)
    assert sessions([json.loads(packed.stdout)]) == sessions(imports.dry(log))


def test_a_log_of_several_restores(imports):
    made = imports.dry(imports.write('a.log', text(FAILED, FAILED, SUCCEEDED)))
    assert [item['session']['outcome'] for item in made] == ['failed', 'failed', 'succeeded']
    assert [item['attempt'] for item in made] == [1, 2, 3]
    assert len(set(sessions(made))) == 3
    alone = imports.dry(imports.write('b.log', text(FAILED)),
                        imports.write('c.log', text(SUCCEEDED)))
    assert sessions(alone) == [sessions(made)[0], sessions(made)[2]]


def test_a_zip_of_several_logs_and_other_things(imports):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, 'w') as archive:
        archive.writestr('one.log', text(FAILED))
        archive.writestr('folder/', '')
        archive.writestr('screen.png', os.urandom(5000))
        archive.writestr('empty.txt', '')
        archive.writestr('readme.txt', 'The phone does not restore.\n')
        archive.writestr('folder/two.log', text(SUCCEEDED))
    made = imports.dry(imports.write('a.zip', packed.getvalue()))
    assert [item['file'].rsplit(':')[-1] for item in made] == ['one.log', 'folder/two.log']


def test_what_is_asked_for_is_added(imports):
    made, = imports.dry('--host', 'counter Mac', '--tool', 'finder 15.1', '--cable', 'L07',
                        '--earpiece-flex', 'disconnected', '--minimal-boot',
                        '--condition', 'chargeFlex=replaced', '--port', '1-2',
                        '--ticket', 'T-1', imports.write('a.log', text(FAILED)))
    session = made['session']
    assert session['host'] == 'counter Mac'
    assert session['tool'] == 'finder' and session['toolVersion'] == '15.1'
    assert session['port'] == '1-2' and session['ticket'] == 'T-1'
    assert {item['key']: item['value'] for item in session['conditions']} == {
        'cable': 'L07', 'earpieceFlex': 'disconnected', 'minimalBoot': 'true',
        'chargeFlex': 'replaced'}


def test_what_is_empty_was_not_told(imports):
    log = imports.write('a.log', text(['idevicerestore 1.0.0', *FAILED]))
    made, = imports.dry('--tool', '', '--host', '', '--ticket', '', '--device', '', log)
    assert made['session']['tool'] == 'idevicerestore'
    assert 'host' not in made['session'] and 'ticket' not in made['session']


def seconds(when):
    """The seconds since 1970 of local time."""
    import time
    return int(time.mktime(time.strptime(when, '%Y-%m-%d %H:%M:%S')))


def test_when_it_began(imports):
    clocks = text(['10:15:00.500    <Info> Found device in DFU mode',
                   '10:15:01.000    <Info> ECID: 7931233653391406',
                   '10:15:09.500   <Error> Unable to restore device'])
    log = imports.write('a.log', clocks)

    def began(path):
        session = imports.dry(path)[0]['session']
        assert session['endedUSec'] - session['startedUSec'] == 9_000_000
        return session['startedUSec'] / 1e6

    # The last such time before the file was written, also on the day before.
    os.utime(log, (0, seconds('2024-03-05 10:15:09')))
    assert began(log) == seconds('2024-03-05 10:15:00') + .5
    os.utime(log, (0, seconds('2024-03-05 09:00:00')))
    assert began(log) == seconds('2024-03-04 10:15:00') + .5
    # A name that tells.
    named = imports.write('restore_001c2d6a3c8a802e_1732307100.log', clocks)
    assert began(named) == 1732307100
    # Lines that tell.
    dated = imports.write('b.log', re.sub(r' +<\w+> ', ' ', clocks)
                          .replace('10:15', '2019-11-03 10:15'))
    assert began(dated) == seconds('2019-11-03 10:15:00') + .5


def test_the_name_of_a_log_names_the_phone(imports):
    lines = [line for line in FAILED if not line.startswith('ECID')]
    made, = imports.dry(imports.write('restore_001c2d6a3c8a802e_1732307100.log', text(lines)))
    assert made['session']['ecid'] == DEVICE


def tarball():
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode='w:gz') as archive:
        member = tarfile.TarInfo('a.log')
        member.size = len(text(FAILED))
        archive.addfile(member, io.BytesIO(text(FAILED).encode()))
    return packed.getvalue()


MISTAKES = {
    'empty.log': (b'', 'empty'),
    'blank.log': (b'\r\n \n', 'empty'),
    'binary': (bytes(range(256)) * 64, 'not a log'),
    'tar.gz': (tarball(), 'not a log'),
    'story.txt': (b'The customer says that it fell into a lake.\n' * 20, 'no line of a known'),
    'crash.ips': (b'{"bug_type":"109","timestamp":"2026-11-22"}\n{"procName":"Safari"}\n',
                  'report of the phone'),
    'other.json': (b'{"format": "something", "version": 1}', 'not a case file'),
    'half.json': (b'{"format": "idevicetriage-case", "version": 1, "att', 'not JSON'),
    'none.json': (b'{"format": "idevicetriage-case", "version": 1, "attempts": []}', 'no attempts'),
    'unnamed.log': (text([line for line in FAILED if 'ECID' not in line]).encode(), '--device'),
    'cut.log.gz': (gzip.compress(text(FAILED).encode())[:-20], 'gzip'),
    'twice.log.gz': (gzip.compress(gzip.compress(text(FAILED).encode())), 'more than once'),
    'crowded.zip': (zipped(**{f'm{number}': '' for number in range(10001)}), 'too many members'),
    'nothing.zip': (zipped(empty=''), 'it contains nothing'),
}


@pytest.mark.parametrize('name', MISTAKES)
def test_a_mistake(imports, name):
    content, sentence = MISTAKES[name]
    path = imports.write(name, content)
    result = imports('--dry-run', path)
    assert result.returncode == 1
    assert str(path) in result.stderr and sentence in result.stderr
    assert result.stderr.count('\n') == 1 and not result.stdout
    # Other files are imported all the same.
    assert len(imports.dry(path, imports.write('good.log', text(FAILED)), code=1)) == 1


def test_files_that_cannot_be_read(imports):
    locked = imports.write('locked.log', text(FAILED))
    locked.chmod(0)
    cases = [(imports.folder / 'missing.log', 'No such file'), (imports.folder, 'folder')]
    if os.geteuid() != 0:
        cases.append((locked, 'Permission denied'))
    for path, sentence in cases:
        result = imports('--dry-run', path)
        assert result.returncode == 1 and str(path) in result.stderr and sentence in result.stderr


def test_wrong_usage(imports):
    log = imports.write('a.log', text(FAILED))
    for arguments in ([], ['--battery', 'full', log], ['--condition', 'x', log],
                      ['--device', 'Bob', '--dry-run', log],
                      ['--no-such-option', log], ['--host', b'\xff', log]):
        result = subprocess.run([imports.command, 'import', *arguments],
                                capture_output=True, timeout=20, stdin=subprocess.DEVNULL)
        assert result.returncode == 2, arguments


def test_another_phone_than_that_of_the_log(imports):
    result = imports('--dry-run', '--device', '0xDEADBEEF99', imports.write('a.log', text(FAILED)))
    assert result.returncode == 1 and 'another phone' in result.stderr


def test_many_attempts_of_nobody_are_refused_in_few_words(imports):
    unnamed = [line for line in FAILED if 'ECID' not in line]
    result = imports('--dry-run', imports.write('a.log', text(*[unnamed] * 500)))
    assert result.returncode == 1 and result.stderr.count('\n') == 2
    assert 'attempt 1 names no phone' in result.stderr
    assert '500 of its 500 attempts' in result.stderr
    made = imports.dry('--device', DEVICE, imports.folder / 'a.log')
    assert len(set(sessions(made))) == 500


def test_no_daemon(imports):
    result = imports(imports.write('a.log', text(FAILED)))
    assert result.returncode == 3 and 'Cannot reach the daemon' in result.stderr


def test_a_case_that_was_imported_is_diagnosed(imports, bench):
    bench.start()
    log = imports.write('a.log', text(FAILED, SUCCEEDED))
    first = imports('--json', '--host', 'bench-2', '--cable', 'L07', log)
    assert first.returncode == 0, first.stderr
    made = [json.loads(line) for line in first.stdout.splitlines()]
    assert [item['added'] for item in made] == [True, True]
    known = {item['session']: item for item in bench.call('ListSessions')['sessions']}
    for item in made:
        kept = known[item['session']['session']]
        for key in ('ecid', 'productType', 'host', 'tool', 'outcome', 'stage', 'operation',
                    'conditions', 'startedUSec'):
            assert kept.get(key) == item['session'].get(key), key
    again = [json.loads(line) for line in imports('--json', log).stdout.splitlines()]
    assert [item['added'] for item in again] == [False, False] and sessions(again) == sessions(made)
    assert len(bench.call('ListSessions')['sessions']) == 2
    assert bench.verdict(DEVICE)['phase'] != 'phase2-hardware'


def test_the_records_of_an_import_are_its_lines(imports, bench):
    bench.start()
    long = [f'line {number} of a long log "quoted" \\ é' for number in range(3000)]
    lines = [*FAILED[:-1], *long, FAILED[-1]]
    log = imports.write('a.log', text(lines))
    made = [json.loads(line) for line in imports('--json', log).stdout.splitlines()]
    for _ in range(2):
        records = bench.records(made[0]['session']['session'])
        assert [record['text'] for record in records if record['kind'] == 'log'] == lines
        sequences = [record['sequence'] for record in records]
        assert sequences == sorted(set(sequences))
        operation, = [record for record in records if record['kind'] == 'operation']
        assert operation['number'] == 28 and records[-1]['kind'] == 'session-end'
        assert imports(log).returncode == 0
    text_output = imports(log)
    assert 'is already known' in text_output.stdout and '802E' in text_output.stdout
    assert '001C2D6A3C8A802E' not in text_output.stdout


def test_a_log_of_a_windows_console(imports):
    lines = [*FAILED[:-1], 'Gerät größer \N{SMILING FACE WITH SUNGLASSES} 復元',
             *['<data>' + 'x' * 60] * 3000, FAILED[-1]]
    narrow = imports.dry(imports.write('a.log', text(lines)))
    for encoding in ('utf-16-le', 'utf-16-be'):
        content = '\ufeff' + text(lines).replace('\n', '\r\n')
        wide = imports.write('b.log', content.encode(encoding))
        assert sessions(imports.dry(wide)) == sessions(narrow)
    # Halves of characters, and half a character at the end.
    odd = ('\ufeff' + text(FAILED[:-1])).encode('utf-16-le') + b'\x3d\xd8\x41\x00\x00\xdc\n\x00' + \
        text(FAILED[-1:]).encode('utf-16-le') + b'\x3d\xd8\x41'
    made, = imports.dry(imports.write('c.log', odd))
    assert made['session']['outcome'] == 'failed' and made['lines'] == len(FAILED) + 1


@pytest.mark.parametrize('encoding', ['utf-8', 'utf-16-le'])
def test_a_report_that_is_too_long(imports, encoding):
    """Its reader once asked for less room than a wide text needs, and the command fell over."""
    report = '{"bug_type":"210"}\n{"panicString":"' + 'x' * (17 << 20) + '"}\n'
    result = imports('--dry-run', imports.write('long.ips', ('\ufeff' + report).encode(encoding)))
    assert result.returncode in (0, 1), result.stderr


def test_many_attempts_of_any_length(imports, bench):
    """They are sent together as far as they fit into a message."""
    bench.start()
    lengths = [number * 37 % 11 * 40 for number in range(60)]
    logs = [[*FAILED[:-1], *(f'line {line} of restore {number}' for line in range(length)), FAILED[-1]]
            for number, length in enumerate(lengths)]
    log = imports.write('many.log', text(*logs))
    for added in True, False:
        made = [json.loads(line) for line in imports('--json', log).stdout.splitlines()]
        assert [item['attempt'] for item in made] == list(range(1, 61))
        assert {item['added'] for item in made} == {added}
    for item, wanted in zip(made, logs):
        records = bench.records(item['session']['session'])
        assert [record['text'] for record in records if record['kind'] == 'log'] == wanted
        assert [record['sequence'] for record in records] == sorted({record['sequence'] for record in records})


def test_an_import_that_broke_off_is_completed(imports, bench):
    """As after a cut of the network between the attempt and the last of its records."""
    bench.start()
    lines = [*FAILED[:-1], *(f'line {number} of a long log' for number in range(2000)), FAILED[-1]]
    case = {'format': 'idevicetriage-case', 'version': 1, 'device': {'ecid': DEVICE}, 'attempts': [
        {'session': '01936f00-0000-7000-8000-000000000001', 'outcome': 'failed',
         'log': {'lines': lines}}]}
    bench.call('AddAttempt', case=case)
    bench.call('AddRecords', session=case['attempts'][0]['session'], records=[
        {'sequence': 1, 'timeUSec': 0, 'monotonicUSec': 1_000_000_000, 'kind': 'log',
         'source': 'tool', 'text': lines[0]}])
    for _ in range(2):
        result = imports('--json', imports.write('case.json', json.dumps(case)))
        assert result.returncode == 0 and json.loads(result.stdout)['added'] is False, result.stderr
        records = bench.records(case['attempts'][0]['session'])
        assert [record['text'] for record in records if record['kind'] == 'log'] == lines


def test_what_is_too_much_is_left_out_and_told(imports, bench):
    bench.start()
    records = [{'sequence': number, 'timeUSec': 0, 'monotonicUSec': 1, 'kind': 'log',
                'source': 'tool', 'text': 'x' * size}
               for number, size in ((1, 10), (2, 70000), (3, 10))]
    case = {'format': 'idevicetriage-case', 'version': 1, 'device': {'ecid': DEVICE},
            'attempts': [{'outcome': 'failed', 'records': records}]}
    result = imports('--json', imports.write('case.json', json.dumps(case)))
    made = json.loads(result.stdout)
    assert result.returncode == 0 and made['recordsLeftOut'] == 1
    sequences = [record['sequence'] for record in bench.records(made['session']['session'])]
    assert sequences == [1, 3]
    assert 'were not stored' in imports('--cable', 'B', imports.write('b.json', json.dumps(
        {**case, 'attempts': [{**case['attempts'][0], 'host': 'b'}]}))).stdout


def test_what_the_bench_watched_itself_stays_as_it_is(imports, bench, folder):
    bench.start()
    log = folder / 'tool.log'
    log.write_text(text(FAILED))
    assert bench.run(['sh', '-c', 'cat "$0"; exit 1', log]).wait(60) == 1
    session = bench.sessions()[0]['session']
    # The last thing that is recorded of a session, a moment after its end.
    until(lambda: bench.records(session, 'diagnosis'), what='the diagnosis')
    records = bench.records(session)
    case = bench.call('ExportAttempt', session=session)['case']
    case['attempts'][0]['records'] = records
    case['device']['ecid'] = DEVICE
    result = imports('--json', imports.write('case.json', json.dumps(case)))
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)['added'] is False
    assert bench.records(session) == records and len(bench.sessions()) == 1


def test_no_room_for_temporary_things(imports, bench):
    bench.start()
    bench.environment['TMPDIR'] = str(imports.folder / 'missing')
    result = imports(imports.write('a.log', text(FAILED)))
    assert result.returncode == 1 and 'TMPDIR' in result.stderr


def test_a_case_file_is_imported_with_its_history(imports, bench):
    bench.start()
    case = {'format': 'idevicetriage-case', 'version': 1,
            'device': {'ecid': DEVICE, 'productType': 'iPhone12,3'}, 'history': ['liquid'],
            'attempts': [
                {'startedAt': '2026-11-20T10:15:00Z', 'host': 'a', 'outcome': 'failed',
                 'tool': 'idevicerestore 1.0.0', 'error': {'domain': 'itunes', 'code': 4013},
                 'log': {'lines': FAILED}},
                {'startedAt': '2026-11-21T10:15:00Z', 'host': 'b', 'outcome': 'succeeded'}]}
    path = imports.write('case.json', json.dumps(case))
    result = imports('--json', path)
    assert result.returncode == 0, result.stderr
    made = [json.loads(line) for line in result.stdout.splitlines()]
    assert [item['session']['outcome'] for item in made] == ['failed', 'succeeded']
    records = bench.records(made[0]['session']['session'])
    assert [record['text'] for record in records if record['kind'] == 'log'] == FAILED
    assert records[0]['timeUSec'] == made[0]['session']['startedUSec'] > 0
    again = [json.loads(line) for line in imports('--json', path).stdout.splitlines()]
    assert [item['added'] for item in again] == [False, False]


def test_attempts_with_the_same_time_keep_their_order(imports, bench):
    bench.start()
    hosts = [f'host-{number}' for number in range(8)]
    case = {'format': 'idevicetriage-case', 'version': 1, 'device': {'ecid': DEVICE},
            'attempts': [{'startedAt': '2026-11-20T10:15:00Z', 'host': host, 'outcome': 'failed'} for host in hosts]}
    assert imports(imports.write('case.json', json.dumps(case))).returncode == 0
    told = json.loads(bench.triage('export', DEVICE).stdout)['attempts']
    assert [attempt['host'] for attempt in told] == hosts


def test_a_lost_connection_is_reported_once(imports, bench):
    path = imports.write('case.json', json.dumps({
        'format': 'idevicetriage-case', 'version': 1, 'device': {'ecid': DEVICE},
        'attempts': [{'outcome': 'failed', 'tool': f'x {number}'} for number in range(40)]}))
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(bench.socket))
        server.listen()
        threading.Thread(target=lambda: server.accept()[0].close(), daemon=True).start()
        result = imports(path)
    assert result.returncode == 3 and len(result.stderr.splitlines()) == 1, result.stderr


def test_a_bar_shows_how_far_it_is(imports):
    big = text(['<data>' + 'A' * 64] * 16) * 8000
    log = imports.write('big.log', text(FAILED) + big)
    control, terminal = pty.openpty()
    process = subprocess.Popen([imports.command, 'import', '--dry-run', log],
                               stderr=terminal, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    os.close(terminal)
    shown = b''

    def read():
        nonlocal shown
        try:
            piece = os.read(control, 4096)
        except OSError:
            piece = b''
        shown += piece
        return not piece

    until(read, what='the end of the command')
    output, _ = process.communicate(timeout=20)
    os.close(control)
    assert process.returncode == 0 and b'would be imported' in output
    assert re.search(rb'\] \d+ % big\.log', shown), shown
    assert shown.endswith(b'\r\x1b[K')


def test_a_phone_that_is_where_it_was_due_did_not_reset(imports):
    """It came back in recovery mode after iBEC, as it should, and the tool gave up there."""
    (attempt,) = imports.dry(CASES.parent / 'minimal' / 'm11.log')
    assert attempt['session']['outcome'] == 'failed'
    assert attempt['session']['modes'] == ['dfu', 'gone', 'recovery', 'gone', 'recovery']
    assert 'itunesCode' not in attempt['session']


@pytest.mark.parametrize('lines, code, outcome', [
    (['ERROR: Unable to discover device mode. Please make sure a device is attached.'], 0, 'not-started'),
    (['ERROR: Unable to successfully restore device'] * 500, 0, 'failed'),
    (['idevicerestore 1.0.1', 'ERROR: a', 'ERROR: b'], 0, 'failed'),
    ([f'ERROR: something odd {number}' for number in range(500)], 1, None),
    (['Traceback (most recent call last):', '  File "x.py", line 3', 'ConnectionAbortedError'], 1, None),
])
def test_a_log_of_errors_alone(bench, folder, lines, code, outcome):
    """It failed or never began, whatever the errors say; a log of no known tool is refused."""
    log = folder / 'tool.log'
    log.write_text('\n'.join(lines) + '\n')
    bench.start()
    result = bench.triage('import', '--device', DEVICE, log, check=False)
    assert result.returncode == code
    assert [session['outcome'] for session in bench.sessions()] == ([outcome] if outcome else [])
    judged = bench.triage('diagnose', '--log', log, check=False)
    assert judged.returncode == (30 if outcome else 1)
    if not outcome:
        assert 'no line of a known restore tool' in result.stderr and 'no line of a known' in judged.stderr


def test_the_lines_of_two_phones_mixed_are_refused(bench, folder):
    log = folder / 'tool.log'
    one = ['Found device in Recovery mode', 'ECID: 7931233653391406', 'ERROR: Unable to restore device'] * 3
    two = [line.replace('7931233653391406', '305419896') for line in one]
    log.write_text(''.join(f'{line}\n' for pair in zip(one, two) for line in pair))
    bench.start()
    result = bench.triage('import', log, check=False)
    assert result.returncode == 1 and 'two phones' in result.stderr, result.stdout
    assert bench.sessions() == []


@pytest.mark.parametrize('end, why', [
    (['ERROR: Unable to successfully restore device'], 'the restore tool reported a failure'),
    (['ERROR: Unable to send data'], 'the log of the restore ends with an error'),
    (['Segmentation fault'], 'the restore tool crashed'),
    (['<key>AMRError</key>', '<integer>14</integer>', 'ERROR: Unable to successfully restore device'],
     'the phone reported a failure')])
def test_the_end_says_who_reported_the_failure(bench, imports, end, why):
    """A crash, and the phone's own error, were reports of the tool."""
    bench.start()
    imports(imports.write('tool.log', text(RUN, end)))
    session, = bench.sessions()
    assert bench.records(session['session'], 'session-end')[0]['text'] == why


@pytest.mark.parametrize('log, why', [
    ([], 'the case file says that it failed'),
    (['Sending filesystem'], 'the case file says that it failed'),
    (['Sending filesystem', 'ERROR: Unable to send data'], 'the log of the restore ends with an error')])
def test_a_failure_that_a_case_file_states_is_no_report_of_the_tool(bench, imports, log, why):
    bench.start()
    case = {'format': 'idevicetriage-case', 'version': 1, 'device': {'ecid': DEVICE},
            'attempts': [{'outcome': 'failed', 'log': {'format': 'auto', 'lines': log}}]}
    imports(imports.write('case.json', json.dumps(case)))
    session, = bench.sessions()
    assert bench.records(session['session'], 'session-end')[0]['text'] == why


def test_a_dry_run_accepts_the_end_of_an_identifier(bench, imports):
    log = imports.write('a.log', text([line for line in FAILED if 'ECID' not in line]))
    result = imports('--dry-run', '--device', DEVICE[-4:], log)
    assert result.returncode == 2 and 'the end of one that the daemon knows' in result.stderr
    bench.start()
    bench.triage('attempt', DEVICE, '--outcome', 'failed')
    result = bench.triage('--json', 'import', '--dry-run', '--device', DEVICE[-4:], log)
    assert json.loads(result.stdout)['session']['ecid'] == DEVICE
    assert len(bench.sessions()) == 1


def test_a_file_that_cannot_be_named_or_read_is_answered_in_plain_words(imports):
    """They were "Cannot read : ..." and "Error reading fd 5"."""
    empty = imports('--dry-run', '')
    assert empty.returncode == 2
    assert empty.stderr == 'idevicetriage: import has an empty argument; see `idevicetriage import --help`.\n'
    assert imports.bench.triage('diagnose', '--log', '', check=False).stderr == (
        'idevicetriage: diagnose needs a value after --log; see `idevicetriage diagnose --help`.\n')
    # Nothing is mapped where it begins.
    assert imports('--dry-run', '/proc/self/mem').stderr == 'idevicetriage: Cannot read /proc/self/mem: Input/output error.\n'
