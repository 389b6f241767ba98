# SPDX-License-Identifier: LGPL-2.1-or-later
"""Several benches of a shop, each with a daemon and idevicetriage-sync, and their PostgreSQL server."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

import pytest

import postgres
from daemon import Bench, until

ECID = '0x001C2D6A3C8A802E'
UDID = '00008030-001C2D6A3C8A802E'
OTHER = '0x00002B3C4D5E6F70'
LOG = 'Restoring image (13)\nERROR: Unable to successfully restore device\n'


class SyncedBench(Bench):
    """A bench that exchanges with the server."""

    def __init__(self, shop, name, number):
        folder = shop.folder / name
        folder.mkdir()
        super().__init__(shop.build, folder, folder / 'mux')
        self.shop = shop
        self.name = name
        self.host_id = f'{number:012x}-{number:012x}'
        self.status_file = folder / 'status.json'
        self.config = folder / 'sync.conf'
        self.environment['CREDENTIALS_DIRECTORY'] = str(folder / 'credentials')
        self.environment['IDEVICETRIAGE_SYNC_STATUS'] = str(self.status_file)
        self.sync = None

    def start_daemon(self, *options):
        return self.start(*options, name=self.name, host_id=self.host_id)

    def take_settings(self, site=None, extra=''):
        """What the owner copies to /etc/idevicetriage, as systemd passes it."""
        source = self.shop.folder / 'shop' / self.name
        text = (source / 'sync.conf').read_text()
        if site is not None:
            text = '\n'.join(line for line in text.splitlines() if not line.startswith('site'))
            text += f'\nsite = {site}\n'
        self.config.write_text(text + extra)
        credentials = pathlib.Path(self.environment['CREDENTIALS_DIRECTORY'])
        shutil.rmtree(credentials, ignore_errors=True)
        credentials.mkdir()
        for path in (source / 'sync').iterdir():
            shutil.copy(path, credentials / f'sync_{path.name}')

    def command(self, *arguments, check=True, **options):
        result = subprocess.run(
            [str(self.shop.program), *map(str, arguments), '--config', str(self.config), '--socket', str(self.socket),
             '--status', str(self.status_file)], env=self.environment, text=True, capture_output=True, timeout=60,
            check=False, **options)
        if check:
            assert result.returncode == 0, result.stderr
        return result

    def start_sync(self, wait=True, prefix=()):
        self.status_file.unlink(missing_ok=True)
        self.sync = subprocess.Popen(
            [*prefix, str(self.shop.program), 'run', '--config', str(self.config), '--socket', str(self.socket), '--status',
             str(self.status_file)], env=self.environment, stderr=open(self.folder / 'sync.log', 'ab'))
        if wait:
            self.wait_state('connected')
        return self

    def stop_sync(self, number=signal.SIGTERM):
        if self.sync and self.sync.poll() is None:
            self.sync.send_signal(number)
            self.sync.wait(30)

    def status(self):
        try:
            return json.loads(self.status_file.read_text())
        except FileNotFoundError:
            return {'state': 'none'}

    def wait_state(self, state, seconds=30.0):
        until(lambda: self.status()['state'] == state, seconds, f'{self.name}: state {state}, not {self.status()}')

    def sync_log(self):
        return (self.folder / 'sync.log').read_text(errors='replace')

    def close(self):
        self.stop_sync(signal.SIGKILL)
        super().close()

    def ids(self):
        """The sessions in its casebook."""
        ids, cursor = set(), None
        while True:
            given = {'cursor': cursor} if cursor else {}
            reply = self.call('ListChanges', limit=1000, **given)
            ids |= set(reply['sessions'])
            if not reply['sessions']:
                return ids
            cursor = reply['cursor']

    def fail(self, ecid, *options):
        """A watched restore that failed and is sealed; gives its session."""
        before = self.ids()
        log = self.folder / 'tool.log'
        log.write_text(LOG)
        assert self.run(['sh', '-c', 'cat "$0"; exit 1', log, '-i', ecid], *options).wait(60) == 1
        return until(lambda: self.ids() - before, what='the seal').pop()

    def told(self, ecid, *options):
        """An attempt that a person enters; gives its session."""
        before = self.ids()
        self.triage('attempt', ecid, '--outcome', 'failed', *options)
        return (self.ids() - before).pop()


class Shop:
    """`server`: a running PostgreSQL server with an empty database."""

    def __init__(self, build, folder, server):
        self.build = pathlib.Path(build)
        self.folder = pathlib.Path(folder)
        self.program = self.build / 'sync' / 'idevicetriage-sync'
        self.server = server
        self.benches = []

    def create(self):
        self.owner('init')
        return self

    def owner(self, *arguments, check=True):
        """A command of the shop's owner."""
        result = subprocess.run(
            [str(self.program), *map(str, arguments), '--server', self.server.admin(), '--folder',
             str(self.folder / 'shop'), '--config', '/dev/null'], text=True, capture_output=True, timeout=60, check=False)
        if check:
            assert result.returncode == 0, result.stderr
        return result

    def add(self, name=None, tls=False, start=True, site=None, extra=''):
        number = len(self.benches) + 1
        name = name or f'bench-{number}'
        self.owner('enrol', name, *(['--host', 'localhost', '--ca', self.server.folder / 'ca.crt'] if tls else []))
        bench = SyncedBench(self, name, number)
        self.benches.append(bench)
        bench.take_settings(site, extra)
        bench.start_daemon()
        return bench.start_sync() if start else bench

    def stored(self):
        """The attempts on the server: those of each bench count by themselves."""
        return set(self.server.sql('SELECT id FROM idevicetriage.attempt'))

    def close(self):
        """What they said is shown with a test that fails."""
        for bench in self.benches:
            bench.close()
            if (bench.folder / 'sync.log').exists():
                print(f'{bench.name}: {bench.sync_log()} {bench.status()}')


@pytest.fixture(scope='module')
def cluster():
    """One server for all tests of a file; each has a database of its own."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix='triage-pg-'))
    server = postgres.Postgres(folder / 'pg').create()
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def shop(request, folder, cluster):  # pylint: disable=redefined-outer-name
    cluster.start_again()
    made = Shop(pathlib.Path(request.config.getoption('--build-dir')).resolve(), folder, cluster).create()
    yield made
    made.close()
    cluster.clear()


def stored(made, session):
    until(lambda: session in made.stored(), what='the attempt on the server')


def comes(bench, session, seconds=20.0):
    until(lambda: session in bench.ids(), seconds, f'{session} on {bench.name}')
