# SPDX-License-Identifier: LGPL-2.1-or-later
"""`export --all`: what changed since a cursor, each restore as a case file in a line, for nightly scripts."""
import json

import pytest

from daemon import Bench, until

ECIDS = ['0x001C2D6A3C8A802E', '0x00002B3C4D5E6F70']


@pytest.fixture
def filled(bench):
    bench.start()
    for ecid in ECIDS:
        bench.triage('attempt', ecid, '--outcome', 'failed', '--cable', 'A')
    bench.triage('note', ECIDS[0], '--history', 'liquid')
    return bench


@pytest.fixture
def second_bench(request, folder):
    (folder / 'second').mkdir()
    bench = Bench(request.config.getoption('--build-dir'), folder / 'second', folder / 'second/mux').start(name='bench-2')
    yield bench
    bench.close()


def export(bench, *options, cursor=None):
    """The lines: attempts and cursors; and the last cursor."""
    since = ['--since', cursor] if cursor else []
    lines = [json.loads(line) for line in bench.triage('export', '--all', *since, *options).stdout.splitlines()]
    assert 'cursor' in lines[-1] and all(line['formatVersion'] == 1 for line in lines)
    assert all('cursor' in line or 'id' in line for line in lines)
    return [line for line in lines if line.get('kind', 'attempt') == 'attempt'], lines[-1]['cursor']


def sessions(lines):
    return [line['attempts'][0]['session'] for line in lines if 'cursor' not in line]


def test_only_what_changed_is_exported_again(filled):
    lines, cursor = export(filled)
    known = [session['session'] for session in filled.sessions()]
    assert sessions(lines) == known
    assert [line['history'] for line in lines[:2]] == [['liquid'], []]
    assert export(filled, cursor=cursor) == ([{'formatVersion': 1, 'cursor': cursor}], cursor)
    filled.triage('attempt', '--session', known[0], '--cable', 'B')
    lines, later = export(filled, cursor=cursor)
    assert sessions(lines) == known[:1] and int(later) > int(cursor)
    filled.triage('purge', '--yes', ECIDS[0])
    assert sessions(export(filled, cursor=cursor)[0]) == []
    assert sessions(export(filled)[0]) == known[1:]


def test_a_watched_restore_is_exported_when_it_has_ended(filled, folder):
    cursor = export(filled)[1]
    log = folder / 'tool.log'
    log.write_text('Restoring image (13)\nERROR: Unable to successfully restore device\n')
    assert filled.run(['sh', '-c', 'cat "$0"; exit 1', log, '-i', ECIDS[1]]).wait(60) == 1
    until(lambda: sessions(export(filled, cursor=cursor)[0]), what='the sealed session')
    (line, _), later = export(filled, cursor=cursor)
    assert 'Restoring image (13)' in line['attempts'][0]['log']['lines']
    assert export(filled, cursor=later)[1] == later


def test_each_line_is_imported_elsewhere(filled, folder, second_bench):
    *lines, cursor = filled.triage('export', '--all').stdout.splitlines()
    for number, line in enumerate(lines):
        (folder / f'{number}.json').write_text(f'{line}\n{cursor}\n')
        second_bench.triage('import', folder / f'{number}.json')
    assert [each['session'] for each in second_bench.sessions()] == [each['session'] for each in filled.sessions()]
    assert second_bench.verdict(ECIDS[0])['phase'] == filled.verdict(ECIDS[0])['phase']
    again = export(second_bench)[1]
    second_bench.triage('import', folder / '0.json')
    assert export(second_bench, cursor=again)[1] == again


def test_a_stream_is_resumed_after_any_cursor(bench):
    bench.start()
    for number in range(230):
        attempt = {'session': f'01936f00-0000-7000-8000-{number:012x}', 'outcome': 'failed'}
        bench.call('AddAttempt', case={'format': 'idevicetriage-case', 'version': 1, 'device': {'ecid': ECIDS[number % 2]},
                                       'attempts': [attempt]})
    lines, last = export(bench)
    cursors = [number for number, line in enumerate(lines) if 'cursor' in line]
    assert cursors == [100, 201, 232]
    assert len(set(sessions(lines))) == 230
    assert export(bench, cursor=lines[100]['cursor'])[0] == lines[101:]
    online = bench.triage('export', '--all').stdout
    bench.stop()
    assert bench.triage('--state-dir', bench.state, 'export', '--all').stdout == online


def test_the_cursor_of_a_lost_casebook_goes_on(filled):
    cursor = export(filled)[1]
    filled.stop()
    for file in filled.state.glob('casebook.db*'):
        file.unlink()
    filled.start()
    filled.triage('attempt', ECIDS[0], '--outcome', 'failed')
    assert len(sessions(export(filled, cursor=cursor)[0])) == 1


def test_masks_hide_each_phone_in_its_line(filled):
    text = filled.triage('export', '--all', '--mask').stdout
    assert len(text.splitlines()) == 3
    assert not any(ecid[4:].lower() in text.lower() for ecid in ECIDS)


@pytest.mark.parametrize('arguments', [['--since', '7'], ['--all', 'x'], []])
def test_wrong_usage(filled, arguments):
    assert filled.triage('export', *arguments, check=False).returncode == 2


@pytest.mark.parametrize('cursor', ['x', '-1', '9' * 40, '1 ', ''])
def test_a_cursor_that_is_none_is_refused(filled, cursor):
    result = filled.triage('export', '--all', '--since', cursor, check=False)
    assert result.returncode == 2 and '--since must be the cursor' in result.stderr and not result.stdout
