# SPDX-License-Identifier: LGPL-2.1-or-later
"""idevicetriage-sync between benches, with a real PostgreSQL server: what travels, and what must not."""
import json
import os
import pathlib
import re
import subprocess
import time

import pytest

import models
import postgres
import simphone
from daemon import Bench, until
from shop import ECID, OTHER, UDID, cluster, comes, shop, stored  # noqa: F401

pytestmark = pytest.mark.skipif(not postgres.installed(), reason='PostgreSQL 15 or later is not installed')

WITHIN = 10.0  # seconds until another bench knows, on a busy machine; bench_sync.py measures it


@pytest.fixture
def attach():
    """attach(bench) puts a phone on it; gives the simulator."""
    made = []

    def start(bench, ecid=ECID):
        simulator = simphone.Simulator(bench.folder / 'mux', 'success', models.make_identity(ecid=int(ecid, 16)))
        simulator.start()
        made.append(simulator)
        until(lambda: any(device.get('ecid') == ecid for device in bench.call('ListDevices')['devices']), what='the phone')
        return simulator
    yield start
    for simulator in made:
        simulator.stop()



# What travels


def test_a_phone_brings_the_failure_of_another_bench(shop, attach):
    a, b = shop.add(tls=True), shop.add()
    session = a.fail(ECID, '--cable', 'L07')
    stored(shop, session)
    assert session not in b.ids()
    attach(b)
    began = time.monotonic()
    comes(b, session)
    assert time.monotonic() - began < WITHIN
    case = b.call('GetCase', device=ECID)
    assert [(found['host'], found['hostId'], found['outcome']) for found in case['sessions']] == [
        ('bench-1', a.host_id, 'failed')]
    # The same verdict as where it failed, and it says where that was.
    assert b.verdict(ECID)['phase'] == a.verdict(ECID)['phase']
    assert 'bench-1' in b.triage('report', ECID, '--output', '-').stdout
    assert ', 1 attempt, 1 on bench-1 (today)' in b.triage('diagnose', ECID).stdout
    assert ' on bench-1' not in a.triage('diagnose', ECID).stdout.splitlines()[1]


def test_an_attached_phone_is_announced(shop, attach):
    a, b = shop.add(), shop.add()
    attach(b)
    session = a.fail(ECID)
    comes(b, session)
    # A correction makes a new revision.
    a.triage('attempt', '--session', session, '--outcome', 'succeeded')
    until(lambda: b.call('GetCase', device=ECID)['sessions'][0]['outcome'] == 'succeeded', what='the correction')


def test_the_second_bench_counts_both_failures(shop, attach):
    a, b = shop.add(), shop.add()
    session = a.fail(ECID)
    stored(shop, session)
    attach(b)
    comes(b, session)
    second = b.fail(ECID)
    comes(a, second)
    assert a.ids() == b.ids() == shop.stored() == {session, second}
    verdicts = [bench.verdict(ECID) for bench in (a, b)]
    assert verdicts[0]['phase'] == verdicts[1]['phase'] and verdicts[0]['summary'] == verdicts[1]['summary']


def test_history_travels_and_notes_do_not(shop):
    a, b = shop.add(), shop.add()
    a.told(ECID)
    a.triage('note', ECID, '--history', 'liquid')
    a.triage('note', ECID, 'belongs to Mrs Miller')
    b.told(ECID)
    until(lambda: b.call('GetCase', device=ECID)['notes'], what='the note')
    assert [note['text'] for note in b.call('GetCase', device=ECID)['notes']] == ['liquid']


def test_cable_labels_are_of_a_site(shop):
    a, b, c = shop.add(site='north'), shop.add(site='north'), shop.add(site='south')
    session = a.fail(ECID, '--cable', 'L07')
    stored(shop, session)
    assert shop.server.sql('SELECT cable FROM idevicetriage.attempt') == ['north/L07']
    for bench, label in ((b, 'L07'), (c, 'north/L07')):
        bench.told(ECID)
        comes(bench, session)
        found, = [found for found in bench.call('GetCase', device=ECID)['sessions'] if found['session'] == session]
        assert {'key': 'cable', 'value': label} in found['conditions']


def test_failures_of_cables_over_all_benches(shop):
    a, b = shop.add(), shop.add(start=False)
    stored(shop, a.fail(ECID, '--cable', 'L07'))
    # It asks on connecting, then once a day.
    session = b.fail(OTHER, '--cable', 'L07')
    b.start_sync()
    stored(shop, session)
    b.stop_sync()
    b.start_sync()
    group, = until(lambda: [group for group in b.status().get('shop', []) if group['kind'] == 'cable'], what='the cables')
    assert group == {'kind': 'cable', 'key': 'L07', 'attempts': 2, 'failed': 2, 'phones': 2, 'benches': 2}
    assert 'cable L07: 2 of 2 restores failed, 2 phones, 2 benches' in b.command('status', check=False).stdout


def test_of_many_attempts_the_newest_count(shop):
    """A tool may have millions: all of them would take the server longer than a bench waits for an answer."""
    a = shop.add(start=False)
    shop.server.sql("""
        SET session_replication_role = replica;
        INSERT INTO idevicetriage.attempt (bench, id, revision, device, received, outcome, tool, content)
        SELECT 'bench-1', gen_random_uuid(), 1, repeat('ab', 32), now() - i * interval '1 second',
        CASE WHEN i < 1000 THEN 'failed' ELSE 'succeeded' END, 'idevicerestore 1.0.1', '{}' FROM generate_series(0, 1200) i""")
    a.start_sync()
    group, = until(lambda: a.status().get('shop'), what='the tools')
    assert (group['attempts'], group['failed']) == (1000, 1000)
    assert '1000 of 1000 restores failed, 1 phones, 1 benches (the newest 1000)' in a.command('status', check=False).stdout


@pytest.mark.parametrize('function,conditions', [
    ('memory', ['((device = ANY ']), ('failures', ['(bench = SESSION_USER)', '((cable = ', '((tool = '])])
def test_the_server_looks_along_indexes(shop, function, conditions):
    """What benches ask often never reads all attempts, however many there are."""
    body = '\n'.join(shop.server.sql(f"SELECT prosrc FROM pg_proc WHERE proname = '{function}'"))
    body = re.sub(r'\bdevices\b', "'{ab}'", re.sub(r'\bsince\b', "'-infinity'", body))
    plan = '\n'.join(shop.server.sql(f'SET enable_seqscan = off; EXPLAIN {body}'))
    assert 'Seq Scan on attempt' not in plan
    for condition in conditions:
        assert f'Index Cond: {condition}' in plan, plan


def test_status_doctor_and_metrics_report_it(shop):
    a = shop.add()
    stored(shop, a.told(ECID))
    until(lambda: a.status().get('backlog') == 0, what='the end of the batch')
    assert a.command('status').stdout.startswith('State         connected\nServer        ')
    assert json.loads(a.command('status', '--json').stdout)['bench'] == 'bench-1'
    assert 'shared as bench-1' in a.triage('status').stdout
    assert a.ask('status')['sync'] == {'connected': True, 'bench': 'bench-1', 'waiting': 0}
    assert 'idevicetriage_sync_connected 1\n' in a.triage('metrics').stdout
    assert 'idevicetriage_sync_waiting 0\n' in a.triage('metrics').stdout
    assert 'nothing waits' in ' '.join(a.triage('doctor', check=False).stdout.split())
    shop.server.stop()
    a.wait_state('waiting')
    a.told(ECID)
    # It counts once a minute: a new start counts at once.
    assert 'not connected: ' in a.triage('status').stdout
    assert 'idevicetriage_sync_connected 0\n' in a.triage('metrics').stdout
    assert 'No connection to the server of the shop' in ' '.join(a.triage('doctor', check=False).stdout.split())


# Privacy


def test_the_server_has_no_identifier(shop):
    a = shop.add()
    log = a.folder / 'tool.log'
    log.write_text(f'Found device {UDID} serial F2LXQ0ABCDEF\nRestoring image (13)\n'
                   f'ERROR: Unable to restore {ECID} of Mrs Miller\n')
    before = a.ids()
    assert a.run(['sh', '-c', 'cat "$0"; exit 1', log, '-i', ECID, '-u', UDID], '--ticket', 'R-4711').wait(60) == 1
    session = until(lambda: a.ids() - before, what='the seal').pop()
    a.triage('attempt', '--session', session, '--ticket', 'R-4712')
    a.triage('note', ECID, 'call 030-123456')
    a.triage('conditions', ECID, '--earpiece-flex', 'disconnected')
    a.triage('note', ECID, '--history', 'drop')
    until(lambda: a.status().get('backlog') == 0 and a.status()['sent'] >= 3, what='all of it')
    dump = shop.server.dump()
    assert session in dump and 'drop' in dump and 'earpieceFlex' in dump
    number = int(ECID, 16)
    for secret in (UDID, UDID.replace('-', ''), ECID, f'{number:x}', f'{number:X}', str(number), 'R-4711', 'R-4712',
                   'F2LXQ0ABCDEF', 'Miller', '030-123456', 'Unable to restore'):
        assert secret.lower() not in dump.lower(), secret


def test_texts_are_shared_where_the_shop_says_so(shop):
    a, b = shop.add(extra='share-text = yes\n'), shop.add()
    session = a.fail(ECID)
    a.triage('note', ECID, 'screen was replaced')
    stored(shop, session)
    b.told(ECID)
    until(lambda: b.call('GetCase', device=ECID)['notes'], what='the note')
    assert 'Unable to successfully restore' in shop.server.dump() and ECID.lower() not in shop.server.dump().lower()


def test_a_purge_erases_everywhere(shop, attach):
    a, b = shop.add(), shop.add()
    attach(b)
    first = a.fail(ECID)
    comes(b, first)
    second = b.fail(ECID)
    comes(a, second)
    other = a.fail(OTHER)
    a.triage('note', ECID, '--history', 'liquid')
    stored(shop, other)
    # One that the purging bench never saw, for it was away.
    a.stop_sync()
    third = b.told(ECID)
    b.triage('attempt', '--session', third, '--outcome', 'succeeded')
    b.triage('conditions', ECID, '--battery', 'replaced')
    b.triage('note', ECID, '--history', 'drop')
    stored(shop, third)
    until(lambda: shop.server.sql('SELECT count(*) FROM idevicetriage.note') == ['4'], what='the words')
    a.triage('purge', ECID, '--yes')
    a.start_sync()
    until(lambda: shop.stored() == {other}, what='the purge on the server')
    until(lambda: not b.ids(), what='the purge on the other bench')
    assert a.ids() == {other}
    rows = shop.server.sql('SELECT content::text FROM idevicetriage.attempt UNION ALL SELECT content::text FROM '
                           'idevicetriage.note')
    assert len(rows) == 1 and other in rows[0]
    for bench in (a, b):
        assert bench.call('GetConditions', place=ECID)['places'] == []
    for bench in (a, b):
        assert bench.call_raw('GetCase', device=ECID).startswith('{"error":') or bench is b
    # Delivered again by a bench that had it, it stays deleted.
    shop.server.sql("UPDATE idevicetriage.bench SET pushed = NULL")
    b.stop_sync()
    b.start_sync()
    until(lambda: b.status().get('backlog') == 0, what='the repetition')
    assert shop.stored() == {other}


def test_a_purge_by_date_leaves_what_is_later_and_what_holds(shop):
    a, b = shop.add(), shop.add()
    old, late = a.told(ECID, '--at', '2025-12-01 12:00'), a.told(ECID)
    a.triage('conditions', ECID, '--battery', 'replaced')
    b.told(ECID, '--at', '2025-12-02 12:00')
    comes(b, late)
    until(lambda: b.call('GetConditions', place=ECID)['places'], what='the condition')
    a.call('Purge', device=ECID, beforeUSec=1_770_000_000_000_000)
    until(lambda: shop.stored() == {late}, what='the purge on the server')
    until(lambda: b.ids() == {late} == a.ids(), what='the purge on the benches')
    assert old not in b.call_raw('GetCase', device=ECID)
    for bench in (a, b):
        assert bench.call('GetConditions', place=ECID)['places'][0]['conditions'] == [{'key': 'battery', 'value': 'replaced'}]


def test_a_purge_finds_a_phone_that_was_never_restored(shop):
    a = shop.add()
    a.triage('note', ECID, '--history', 'drop')
    a.triage('conditions', ECID, '--battery', 'replaced')
    until(lambda: shop.server.sql('SELECT count(*) FROM idevicetriage.note') == ['2'], what='the words')
    a.triage('purge', ECID, '--yes')
    until(lambda: shop.server.sql('SELECT count(*) FROM idevicetriage.note') == ['0'], what='the purge')


@pytest.mark.skipif(os.getuid() != 0, reason='needs root, for another user')
def test_its_user_may_deliver_purges(request, folder):
    """The daemon looks for the user by its name: here in a namespace with a user of that name."""
    passwd = folder / 'passwd'
    passwd.write_text(pathlib.Path('/etc/passwd').read_text() + 'idevicetriage-sync:x:59999:59999::/:/usr/sbin/nologin\n')
    bench = Bench(pathlib.Path(request.config.getoption('--build-dir')).resolve(), folder, folder / 'mux',
                  ['unshare', '--mount', 'sh', '-c', f'mount --bind {passwd} /etc/passwd && exec "$@"', 'sh'])
    bench.start()
    folder.chmod(0o755)
    bench.socket.chmod(0o666)
    bench.triage('attempt', ECID, '--outcome', 'failed')
    change = {'formatVersion': 1, 'kind': 'purge', 'id': '019a0000-0000-7000-8000-000000000001',
              'timeUSec': int(time.time() * 1e6), 'items': bench.call('ListChanges')['sessions']}

    def add(user):
        call = f'import daemon, json, pathlib; b = daemon.Bench.__new__(daemon.Bench); b.socket = pathlib.Path("{bench.socket}"); ' \
            f'print(b.call_raw("AddChange", change=json.loads({json.dumps(json.dumps(change))})))'
        return subprocess.run(['setpriv', f'--reuid={user}', '--clear-groups', '/usr/bin/python3', '-B', '-c', call], text=True,
                              env={'PYTHONPATH': str(pathlib.Path(__file__).parent)}, capture_output=True, check=True).stdout
    assert 'NotAllowed' in add(59998) and bench.call('ListChanges')['sessions']
    assert '"result":"added"' in add(59999) and not bench.call('ListChanges')['sessions']
    bench.close()
