# SPDX-License-Identifier: LGPL-2.1-or-later
"""Counts of what was restored: by port, cable, bench, model, week and tool, and as metrics."""
import contextlib
import re
import sqlite3

from daemon import processor_seconds, until

ECIDS = [f'0x{number:016X}' for number in range(0xA01, 0xA06)]


def tell(bench, device, outcome, *options):
    bench.triage('attempt', device, '--outcome', outcome, *options)


def groups(bench, *options):
    answer = bench.ask('stats', *options)
    assert answer['cut'] is False
    return {group.get('key'): (group['attempts'], group['failed'], group['succeeded'], group['phones'])
            for group in answer['groups']}


def fill(bench):
    bench.triage('conditions', '1-4', '--name', 'slot 4')
    for device in ECIDS[:3]:
        tell(bench, device, 'failed', '--host', 'bench-1', '--port', '1-4', '--cable', 'L07', '--model', 'iPhone12,3',
             '--tool', 'idevicerestore 1.0.0', '--at', '2026-01-28 10:00')
    tell(bench, ECIDS[3], 'succeeded', '--host', 'bench-1', '--port', '1-2', '--cable', 'L08', '--at', '2026-02-03 10:00')
    tell(bench, ECIDS[3], 'aborted', '--host', 'counter Mac', '--cable', 'L07', '--at', '2026-02-04 10:00')


def test_counts(bench):
    bench.start()
    fill(bench)
    assert groups(bench) == {'1-4': (3, 3, 0, 3), '1-2': (1, 0, 1, 1), None: (1, 0, 0, 1)}
    assert groups(bench, '--by', 'cable') == {'L07': (4, 3, 0, 4), 'L08': (1, 0, 1, 1)}
    assert groups(bench, '--by', 'bench') == {'bench-1': (4, 3, 1, 4), 'counter Mac': (1, 0, 0, 1)}
    assert groups(bench, '--by', 'model') == {'iPhone12,3': (3, 3, 0, 3), None: (2, 0, 1, 1)}
    assert groups(bench, '--by', 'tool') == {'idevicerestore 1.0.0': (3, 3, 0, 3), None: (2, 0, 1, 1)}
    assert groups(bench, '--by', 'week') == {'2026-01-26': (3, 3, 0, 3), '2026-02-02': (2, 0, 1, 1)}
    assert groups(bench, '--by', 'cable', '--since', '2026-02-04') == {'L07': (1, 0, 0, 1)}
    assert groups(bench, '--since', '2026-03-01') == {}


def test_the_table_is_for_eyes(bench):
    bench.start()
    fill(bench)
    text = bench.triage('stats').stdout
    assert re.search(r'^port +attempts +failed +succeeded +phones$', text, re.M)
    assert re.search(r'^1-4 \(slot 4\) of bench-1 +3 +3 +0 +3$', text, re.M)
    assert 'not given' in text
    assert 'iPhone12,3 (iPhone 11 Pro)' in bench.triage('stats', '--by', 'model').stdout
    assert 'no attempts' in bench.triage('stats', '--since', '2026-03-01').stdout


def test_the_table_fits_a_terminal(bench):
    """With long names of models it had 84 columns, and a terminal of 80 broke each line."""
    bench.start()
    tell(bench, ECIDS[0], 'failed', '--model', 'MacBookPro18,1')
    lines = bench.triage('stats', '--by', 'model').stdout.splitlines()
    assert max(map(len, lines)) <= 80 and 'MacBookPro18,1 (MacBook Pro (M1 Pro, 16-inch, 2021))' in lines
    assert re.fullmatch(' +1 +1 +0 +1', lines[-1]) and len(lines[-1]) == len(lines[0])


def test_errors_on_the_bus(bench):
    """Where the bus was watched: failed transfers per gigabyte and per hour."""
    bench.start()
    fill(bench)
    bench.stop()
    with contextlib.closing(sqlite3.connect(bench.state / 'casebook.db')) as book, book:
        book.execute("UPDATE attempts SET link_errors = 3, link_bytes = 2000000000, link_ms = 1800000 WHERE cable = 'L07'"
                     " AND outcome = 'failed'")
    answer = bench.ask('stats', '--by', 'cable', '--state-dir', bench.state)
    by_cable = {group['key']: group for group in answer['groups']}
    assert (by_cable['L07']['linkErrors'], by_cable['L07']['linkBytes'], by_cable['L07']['linkMilliseconds']) \
        == (9, 6_000_000_000, 5_400_000)
    assert 'linkErrors' not in by_cable['L08']
    text = bench.triage('stats', '--by', 'cable', '--state-dir', bench.state).stdout
    assert re.search(r'^cable .* phones +errors/GB +errors/h$', text, re.M)
    assert re.search(r'^L07 .* 1\.5 +6\.0$', text, re.M)
    assert re.search(r'^L08 .* - +-$', text, re.M)


def test_with_the_daemon_stopped(bench):
    bench.start()
    fill(bench)
    online = bench.ask('stats', '--by', 'model')
    bench.stop()
    assert bench.ask('stats', '--by', 'model', '--state-dir', bench.state) == online


def test_a_session_that_was_watched_is_counted(bench):
    bench.start()
    for command in ('exit 1', 'echo "Sending iBEC (1 bytes)..."; exit 1'):
        bench.run(['sh', '-c', command], '--ecid', ECIDS[0], '--cable', 'L07').communicate(timeout=30)
    until(lambda: groups(bench, '--by', 'cable'), what='the count')
    # The first one did not start a restore.
    assert groups(bench, '--by', 'cable')['L07'][0] == 1
    assert [session['outcome'] for session in bench.sessions()] == ['not-started', 'failed']


def test_many_attempts_do_not_stall(bench):
    """Only the newest are counted, and the answer says so."""
    bench.start()
    fill(bench)
    bench.stop()
    with sqlite3.connect(bench.state / 'casebook.db') as book:
        row = book.execute('SELECT told FROM attempts LIMIT 1').fetchone()[0]
        book.executemany(
            'INSERT INTO attempts (id, origin, ecid, started_us, ended_us, host, port, cable, outcome, told)'
            " VALUES (?, 'told', ?, ?, 0, ?, ?, ?, 'failed', ?)",
            ((number.to_bytes(16, 'big'), number % 700, 1_800_000_000_000_000 + number, f'b{number % 9}',
              f'1-{number % 30}', f'L{number % 40}', row) for number in range(1, 5_001)))
    bench.start()
    answer = bench.ask('stats', '--by', 'cable')
    assert answer['cut'] is True and answer['attempts'] == 4_000
    begun = processor_seconds(bench.process)
    for _ in range(10):
        bench.call('GetStatistics', by='port')
    assert (processor_seconds(bench.process) - begun) / 10 < 0.1
    assert '4000' in bench.triage('stats').stdout


def test_what_makes_no_sense_is_refused(bench):
    bench.start()
    assert bench.triage('stats', '--by', 'weather', check=False).returncode == 2
    assert bench.triage('stats', '--since', 'then', check=False).returncode == 2
    assert 'parameter' in bench.call('GetStatistics', by='weather')


def test_without_a_casebook(bench):
    (bench.state / 'casebook.db').mkdir()
    bench.start()
    assert bench.triage('stats', check=False).returncode == 1
    text = bench.triage('metrics').stdout
    assert 'idevicetriage_source_up{source="casebook"} 0' in text


def test_metrics(bench, folder):
    bench.start()
    fill(bench)
    tell(bench, ECIDS[4], 'failed', '--host', 'a "b" \\ c')
    path = folder / 'triage.prom'
    bench.triage('metrics', '-o', path)
    text = path.read_text()
    assert 'idevicetriage_attempts{by="port",key="1-4",host="bench-1",outcome="failed"} 3\n' in text
    assert r'key="a \"b\" \\ c"' in text
    assert 'idevicetriage_running_restores 0\n' in text
    for line in text.splitlines():
        assert line.startswith('#') or re.fullmatch(r'idevicetriage_[a-z_]+(\{.*\})? \d+', line), line
    assert not any(ecid[2:] in text for ecid in ECIDS)
