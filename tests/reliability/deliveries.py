#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Delivers attempts of three benches to the server of the shop again and again, in other orders, with killed programs, broken
connections and a server that forgets how far it was, while people correct attempts. Then the server has the newest revision
of each attempt once, and each bench has the attempts of all.

Usage: deliveries.py BUILD_FOLDER COUNT
"""
import pathlib
import random
import shutil
import signal
import sys
import tempfile
import time
import uuid

from proof import show

import postgres
from daemon import until
from shop import Shop

PHONES = [f'0x{0x1C2D6A3C8A8000 + number:016X}' for number in range(12)]
# Counts each delivery, also those of transactions that end with nothing.
COUNTER = """
CREATE SEQUENCE idevicetriage.delivered;
CREATE FUNCTION idevicetriage.count_it() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
    $$ BEGIN PERFORM nextval('idevicetriage.delivered'); RETURN NEW; END $$;
CREATE TRIGGER a_count BEFORE INSERT ON idevicetriage.attempt FOR EACH ROW EXECUTE FUNCTION idevicetriage.count_it();
"""


def add_attempts(bench, count, number):
    """As people enter them, of phones that all benches have had."""
    for index in range(count):
        session = str(uuid.UUID(int=(0x019a0000 << 96) + (number << 80) + (7 << 76) + (2 << 62) + index))
        case = {'format': 'idevicetriage-case', 'version': 1, 'device': {'ecid': PHONES[index % len(PHONES)]},
                'attempts': [{'session': session, 'outcome': 'failed', 'startedAt': f'2026-11-{index % 28 + 1:02}T10:00:00Z',
                              'tool': 'idevicerestore 1.0.1', 'conditions': {'cable': f'L{index % 7}'}}]}
        assert bench.call('AddAttempt', case=case)['added']


def revisions(bench, own=False):
    """Session to revision, of all that the bench has, or only of what it writes itself."""
    found, cursor = {}, None
    while True:
        given = {'cursor': cursor} if cursor else {}
        reply = bench.call('ListChanges', kinds=['attempt'], limit=1000, **given)
        for listed in reply['changes']:
            change = bench.call('ExportChange', **listed)['change']
            if not own or change['writer'] == bench.host_id:
                found[change['id']] = change['revision']
        if not reply['changes']:
            return found
        cursor = reply['cursor']


class Trouble:
    """What happens to the deliveries, and how often."""

    def __init__(self, shop, seed):
        self.shop = shop
        self.random = random.Random(seed)
        self.times = {'killed programs': 0, 'broken connections': 0, 'servers set back': 0, 'corrections': 0}
        self.next = []
        self.cursors = {bench.name: [] for bench in shop.benches}

    def restart(self, bench):
        bench.stop_sync(signal.SIGKILL)
        bench.start_sync(wait=False)

    def killed_programs(self, bench):
        self.restart(bench)

    def broken_connections(self, bench):
        self.shop.server.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{bench.name}'")

    def servers_set_back(self, bench):
        """To nothing, or to a point that it once was at."""
        now = self.shop.server.sql(f"SELECT coalesce(pushed, '') FROM idevicetriage.bench WHERE name = '{bench.name}'")[0]
        self.cursors[bench.name].append(now)
        cursor = self.random.choice(self.cursors[bench.name]) if self.random.random() < 0.3 else ''
        self.shop.server.sql(f"UPDATE idevicetriage.bench SET pushed = nullif('{cursor}', '') WHERE name = '{bench.name}'")
        self.restart(bench)

    def corrections(self, bench):
        session = self.random.choice(sorted(bench.own))
        bench.call('AmendAttempt', session=session,
                   changes=[{'key': 'cable', 'value': f'C{self.random.randrange(1000)}'}])

    def happen(self):
        """Each in turn, in a random order; the server is set back more often, so that there is something to deliver."""
        if not self.next:
            self.next = list(self.times) + ['servers set back'] * 2
            self.random.shuffle(self.next)
        what = self.next.pop()
        benches = self.shop.benches if what == 'servers set back' else [self.random.choice(self.shop.benches)]
        for bench in benches:
            getattr(self, what.replace(' ', '_'))(bench)
            self.times[what] += 1


class Counter:
    """Asks the server on one connection: a program for each question would cost more than the deliveries."""

    def __init__(self, server):
        server.sql(COUNTER)
        self.psql = server.session()

    def read(self):
        self.psql.stdin.write('SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM idevicetriage.delivered;\n')
        self.psql.stdin.flush()
        return int(self.psql.stdout.readline())

    def close(self):
        self.psql.communicate()


def await_some(shop, counter, number):
    """Waits until as many were delivered; where all have arrived already, there are none."""
    end, wanted = time.monotonic() + 2 + number / 100, counter.read() + number
    while counter.read() < wanted and time.monotonic() < end and \
            not all(bench.status().get('backlog') == 0 for bench in shop.benches):
        time.sleep(0.02)


def settle(shop):
    """The last delivery of each bench, from the beginning."""
    for bench in shop.benches:
        bench.stop_sync()
    shop.server.sql('UPDATE idevicetriage.bench SET pushed = NULL')
    for bench in shop.benches:
        bench.start_sync()
    union = {session: revision for bench in shop.benches for session, revision in revisions(bench, own=True).items()}
    for bench in shop.benches:
        until(lambda found=bench: found.status().get('backlog') == 0, 600, f'the rest of {bench.name}')
    for bench in shop.benches:
        until(lambda found=bench: revisions(found) == union, 600, f'the union on {bench.name}')


def judge(shop):
    """The numbers of lost, doubled and old attempts, and of verdicts that differ between the benches."""
    expected = revisions(shop.benches[0])
    rows = [line.split('|') for line in shop.server.sql('SELECT id, revision FROM idevicetriage.attempt')]
    found = {session: int(revision) for session, revision in rows}
    verdicts = [[bench.verdict(phone) for bench in shop.benches] for phone in PHONES]
    return {'lost attempts': len(expected.keys() - found.keys()),
            'doubled attempts': len(rows) - len(found) + len(found.keys() - expected.keys()),
            'old revisions': sum(found.get(session) != revision for session, revision in expected.items()),
            'verdicts that differ': sum(any(one['summary'] != row[0]['summary'] for one in row) for row in verdicts),
            'broken connections for which the daemon was blamed': sum(bench.sync_log().count('the daemon did not answer')
                                                                      for bench in shop.benches)}


def prove(build, folder, count):
    server = postgres.Postgres(folder / 'pg').create()
    shop = Shop(build, folder, server).create()
    try:
        counter = Counter(server)
        each = max(60, min(1500, count // 60))
        for number in range(3):
            bench = shop.add(start=False)
            add_attempts(bench, each, number + 1)
            bench.own = set(bench.ids())
        for bench in shop.benches:
            bench.start_sync()
        trouble = Trouble(shop, count)
        deadline = time.monotonic() + 90 + count / 50
        while (counter.read() < count or not all(trouble.times.values())) and time.monotonic() < deadline:
            trouble.happen()
            await_some(shop, counter, trouble.random.randrange(1, 3 * each))
        times = counter.read()
        counter.close()
        settle(shop)
        faults = judge(shop)
        lost = sum(faults.values()) + (times < count)
        print(*(f'{name}: {number}' for name, number in faults.items()), sep=', ', file=sys.stderr)
        rows = [('deliveries of attempts to the server of the shop', times, lost)]
        return rows + [(f'deliveries: {name}', number, 0) for name, number in trouble.times.items()]
    finally:
        shop.close()
        server.stop()


def main(build, count):
    if not postgres.installed():
        print('| deliveries | not run: PostgreSQL 15 or later is not installed | 0 | |')
        return 0
    folder = pathlib.Path(tempfile.mkdtemp(prefix='triage-'))
    try:
        return show(prove(pathlib.Path(build).resolve(), folder, count), 'three benches and their server on one computer')
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == '__main__':
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
