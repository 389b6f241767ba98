# SPDX-License-Identifier: LGPL-2.1-or-later
"""idevicetriage-sync when something fails: the server, the network, the other bench, its own process, its configuration."""
import collections
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import socketserver
import subprocess
import threading

import pytest

import postgres
from daemon import until
from shop import ECID, OTHER, UDID, cluster, comes, shop, stored  # noqa: F401

pytestmark = pytest.mark.skipif(not postgres.installed(), reason='PostgreSQL 15 or later is not installed')

def test_killed_in_the_middle_nothing_is_lost_or_doubled(shop):
    a = shop.add(start=False)
    sessions = {a.told(ECID if number % 2 else OTHER) for number in range(40)}
    for _ in range(6):
        a.start_sync(wait=False)
        until(lambda: a.status()['state'] == 'connected' or len(shop.stored()) == 40, what='the connection')
        a.stop_sync(signal.SIGKILL)
    a.start_sync()
    until(lambda: a.status().get('backlog') == 0, what='the rest')
    assert shop.server.sql('SELECT count(*), count(DISTINCT id) FROM idevicetriage.attempt') == ['40|40']
    assert shop.stored() == sessions


def test_a_server_that_is_away_gets_the_rest_later(shop):
    a = shop.add()
    first = a.told(ECID)
    stored(shop, first)
    shop.server.stop()
    a.wait_state('waiting')
    second = a.told(ECID)
    result = a.command('status', check=False)
    assert result.returncode == 1 and 'waiting' in result.stdout
    # One line of what libpq says.
    until(lambda: a.status()['lastError'].endswith('No such file or directory'), what='the error of a new attempt to connect')
    shop.server.start()
    # Pauses grow to five minutes; a new start has the shortest.
    a.stop_sync()
    assert re.search('^State +not running$', a.command('status', check=False).stdout, re.M)
    a.start_sync()
    stored(shop, second)
    assert shop.stored() == {first, second}


def test_it_connects_again_by_itself(shop):
    a = shop.add()
    shop.server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'bench-1'")
    until(lambda: a.sync_log().count('Connected') == 2, 30, 'the second connection')
    stored(shop, a.told(ECID))


def test_a_server_restored_from_a_backup_gets_the_rest_again(shop):
    a = shop.add()
    first = a.told(ECID)
    stored(shop, first)
    until(lambda: a.status().get('backlog') == 0, what='the end of the batch')
    backup = shop.server.program('pg_dump', '-h', shop.server.folder, '-p', shop.server.port, '-U', shop.server.owner,
                                 'idevicetriage').stdout
    second = a.told(ECID)
    stored(shop, second)
    a.stop_sync()
    shop.server.sql('DROP DATABASE idevicetriage WITH (FORCE)', database='postgres')
    shop.server.sql('CREATE DATABASE idevicetriage', database='postgres')
    shop.server.sql(backup)
    assert shop.stored() == {first}
    a.start_sync()
    stored(shop, second)
    assert shop.stored() == {first, second}


def test_all_that_waits_is_counted(shop):
    a = shop.add(start=False)
    for number in range(450):
        a.call('AddNote', device=ECID, text=f'note {number}')
    shop.server.sql("""CREATE OR REPLACE FUNCTION idevicetriage.advance(reached text) RETURNS void LANGUAGE sql AS
                       $$ SELECT pg_sleep(60) $$""")
    a.start_sync()
    until(lambda: a.status().get('backlog') == 450, what='the number')


class Relay(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Between the service and the daemon: it answers some calls itself, as if the casebook were locked."""
    daemon_threads = True

    def __init__(self, bench, refused):
        """`refused`: how often a method is refused."""
        self.path, bench.socket = bench.socket, bench.folder / 'relay'
        self.refused, self.calls = refused, collections.Counter()
        super().__init__(str(bench.socket), None)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def finish_request(self, request, client_address):
        def forward():
            while piece := daemon.recv(65536):
                request.sendall(piece)
        with socket.socket(socket.AF_UNIX) as daemon:
            daemon.connect(str(self.path))
            threading.Thread(target=forward, daemon=True).start()
            for call in iter(lambda: self.read(request), b''):
                method = json.loads(call)['method'].rpartition('.')[2]
                self.calls[method] += 1
                if self.calls[method] <= self.refused.get(method, 0):
                    request.sendall(b'{"error":"io.github.idevicetriage.CasebookUnavailable","parameters":{"reason":"x"}}\0')
                else:
                    daemon.sendall(call + b'\0')
            daemon.shutdown(socket.SHUT_RDWR)

    @staticmethod
    def read(request):
        call = b''
        while (byte := request.recv(1)) not in (b'', b'\0'):
            call += byte
        return call


def test_a_correction_waits_for_a_locked_casebook(shop):
    a = shop.add(start=False)
    session = a.told(ECID)
    a.triage('attempt', '--session', session, '--outcome', 'succeeded')
    with Relay(a, {'ExportAttempt': 1}) as relay:
        a.start_sync(wait=False)
        until(lambda: shop.server.sql('SELECT content->>\'key\' FROM idevicetriage.note') == ['outcome'], what='the correction')
        assert relay.calls['ExportAttempt'] == 2
        relay.shutdown()


def test_a_locked_casebook_is_not_asked_all_the_time(shop):
    a = shop.add(start=False)
    with Relay(a, {'ListSessions': 1000}) as relay:
        a.start_sync()
        until(lambda: relay.calls['ListDevices'] >= 8, what='some looks')
        assert relay.calls['ListSessions'] == 1
        relay.shutdown()


def test_a_name_with_a_dead_address_is_reached(shop):
    """libpq tries the next address with a new socket, which has the number of the old one."""
    a = shop.add(tls=True, start=False)
    hosts = a.folder / 'hosts'
    hosts.write_text('::1 localhost\n127.0.0.1 localhost\n')
    a.start_sync(prefix=['unshare', '--mount', 'sh', '-c', f'mount --bind {hosts} /etc/hosts && exec "$@"', 'sh'])


def test_the_server_notices_a_bench_that_lost_its_power(shop):
    """Else it refuses the bench as a second computer, for hours."""
    a = shop.add(tls=True, start=False)
    shop.server.sql("""CREATE TABLE seen (idle text); GRANT INSERT ON seen TO PUBLIC;
                       CREATE OR REPLACE FUNCTION idevicetriage.advance(reached text) RETURNS void LANGUAGE sql AS
                       $$ INSERT INTO public.seen VALUES (current_setting('tcp_keepalives_idle')) $$""")
    a.told(ECID)
    a.start_sync()
    until(lambda: shop.server.sql('SELECT DISTINCT idle FROM seen') == ['30'], what='the setting')


def test_a_newer_schema_is_refused(shop):
    a = shop.add(start=False)
    session = a.told(ECID)
    shop.server.sql('UPDATE idevicetriage.schema_version SET version = 2')
    a.start_sync(wait=False)
    a.wait_state('refused')
    assert 'schema version 2; this program knows 1. Upgrade idevicetriage-sync' in a.status()['lastError']
    assert shop.stored() == set()
    assert 'schema version 2' in a.command('check', check=False).stderr
    assert shop.owner('enrol', 'bench-9', check=False).returncode == 1
    shop.server.sql('UPDATE idevicetriage.schema_version SET version = 1')
    a.stop_sync()
    a.start_sync()
    stored(shop, session)


def copy_settings(a, b):
    """The computer of b gets those of a."""
    shutil.copy(a.config, b.config)
    shutil.rmtree(b.environment['CREDENTIALS_DIRECTORY'])
    shutil.copytree(a.environment['CREDENTIALS_DIRECTORY'], b.environment['CREDENTIALS_DIRECTORY'])


def test_one_computer_is_one_bench(shop):
    a = shop.add()
    assert shop.owner('enrol', 'bench-1', check=False).returncode == 1
    # A second name for the same computer.
    b = shop.add(start=False)
    b.stop()
    b.start(name='bench-2', host_id=a.host_id)
    b.start_sync(wait=False)
    b.wait_state('refused')
    assert 'This computer writes as the bench bench-1 already' in b.status()['lastError']
    b.stop_sync()
    # A second computer with the settings of the first.
    b.stop()
    b.start_daemon()
    copy_settings(a, b)
    b.start_sync(wait=False)
    b.wait_state('refused')
    assert 'Another computer writes as the bench bench-1' in b.status()['lastError']
    # A whole clone: the first one is connected.
    b.stop_sync()
    b.stop()
    b.start(name='bench-1', host_id=a.host_id)
    b.start_sync(wait=False)
    b.wait_state('refused')
    assert 'Another computer is connected as the bench bench-1' in b.status()['lastError']
    assert 'Another computer' in b.sync_log() and '..' not in b.sync_log()
    # One that replaces it.
    b.stop_sync()
    a.stop_sync()
    b.stop()
    b.start_daemon()
    shop.owner('enrol', 'bench-1', '--again')
    a.take_settings()
    copy_settings(a, b)
    b.start_sync()


def test_a_change_that_the_server_refuses_holds_nothing_back(shop):
    a = shop.add(start=False)
    sessions = [a.told(ECID) for _ in range(5)]
    shop.server.sql(f"ALTER TABLE idevicetriage.attempt ADD CONSTRAINT test CHECK (id <> '{sessions[2]}')")
    a.start_sync()
    until(lambda: shop.stored() == set(sessions) - {sessions[2]}, what='the others')
    until(lambda: a.status()['leftOut'] == 1, what='the report')
    assert 'It is left out' in a.sync_log()


HOSTILE = """
CREATE OR REPLACE FUNCTION idevicetriage.memory(devices text[], since timestamptz)
RETURNS TABLE (device text, id uuid, content jsonb) LANGUAGE sql SECURITY DEFINER AS $$
    SELECT d.device, i.id, i.content FROM unnest(devices) AS d (device), idevicetriage.attempt a,
    LATERAL (VALUES %s) AS i (id, content) WHERE a.bench = 'bench-1' $$;
"""


def hostile_changes(own, session):
    """What a server may send: nothing of it may be stored."""
    return [
        "a.id, jsonb_set(a.content, '{writer}', '\"%s\"')" % own,
        "gen_random_uuid(), a.content",
        f"'{session}', jsonb_set(jsonb_set(a.content, '{{id}}', '\"{session}\"'), '{{case,attempts,0,session}}', "
        f"'\"{session}\"')",
        "a.id, jsonb_set(a.content, '{kind}', '\"purge\"')",
        "a.id, jsonb_set(a.content, '{case}', '[]')",
        "a.id, jsonb_set(a.content, '{case,attempts}', '[]')",
        "a.id, jsonb_set(a.content, '{case,attempts}', '[1, null]')",
        "a.id, jsonb_set(a.content, '{case,attempts,0,host}', to_jsonb(repeat('x', 200000)))",
        "a.id, (repeat('[', 5000) || repeat(']', 5000))::jsonb",
        "a.id, '{}'::jsonb",
        "a.id, 'null'::jsonb",
        "NULL::uuid, NULL::jsonb",
        f"a.id, jsonb_build_object('formatVersion', 1, 'kind', 'purge', 'id', a.id, 'timeUSec', 1, 'items', "
        f"jsonb_build_array('{session}'))",
    ]


def test_the_words_of_a_hostile_server_are_clean_and_short(shop):
    """They are in a file that is read by all, and on terminals."""
    a = shop.add(start=False)
    shop.server.sql("""CREATE OR REPLACE FUNCTION idevicetriage.failures() RETURNS TABLE (kind text, key text, attempts bigint,
                       failed bigint, phones bigint, benches bigint) LANGUAGE sql SECURITY DEFINER AS $$
                       VALUES ('cable', E'L\x1b[2J07', 1::bigint, 1::bigint, 1::bigint, 1::bigint),
                       ('cable', repeat('x', 100000), 1, 1, 1, 1), ('tool', NULL, 1, 1, 1, 1) $$""")
    a.start_sync()
    group, = until(lambda: a.status().get('shop'), what='the words')
    assert group['key'] == 'L?[2J07'


@pytest.mark.parametrize('number', ['-9223372036854775808', '9223372036854775807', '0'])
def test_a_hostile_server_has_no_clock(shop, number):
    a = shop.add(start=False)
    shop.server.sql(f"""CREATE OR REPLACE FUNCTION idevicetriage.hello(wanted_host_id text, OUT refusal text, OUT pushed text,
                        OUT purged bigint, OUT now_us bigint) LANGUAGE sql AS
                        $$ SELECT NULL::text, NULL::text, 0::bigint, '{number}'::bigint $$""")
    a.start_sync()
    assert a.status()['clockAheadSeconds'] <= 0


def test_a_hostile_server_changes_nothing(shop):
    a, b = shop.add(), shop.add(start=False)
    stored(shop, a.fail(ECID))
    own = b.fail(ECID)
    before = b.call_raw('GetCase', device=ECID)
    rows = hostile_changes(b.host_id, own)
    shop.server.sql(HOSTILE % ', '.join(f'({row})' for row in rows))
    b.start_sync()
    until(lambda: b.status()['leftOut'] >= len(rows) - 4, what='all of it')
    assert b.call_raw('GetCase', device=ECID) == before and b.sync.poll() is None


def test_the_phone_is_the_one_that_was_asked_for(shop):
    a, b = shop.add(), shop.add(start=False)
    session = a.fail(ECID)
    stored(shop, session)
    b.told(ECID)
    shop.server.sql(HOSTILE % f"""(a.id, jsonb_set(a.content, '{{case,device}}', '{{"ecid": "{OTHER}", "udid": "{UDID}",
                    "productType": "iPhone10,1"}}'))""")
    b.start_sync()
    comes(b, session)
    case = b.call('GetCase', device=ECID)
    assert session in [found['session'] for found in case['sessions']] and 'udid' not in case['device']
    assert b.call_raw('GetCase', device=OTHER).startswith('{"error"')


def test_a_clock_that_is_a_year_off(shop):
    a, b = shop.add(start=False), shop.add()
    session = a.told(ECID, '--at', '2025-12-01 12:00')
    shop.server.sql("ALTER FUNCTION idevicetriage.hello RENAME TO real_hello")
    shop.server.sql("""CREATE FUNCTION idevicetriage.hello(wanted text, OUT refusal text, OUT pushed text, OUT purged bigint,
                       OUT now_us bigint) LANGUAGE sql AS $$ SELECT h.refusal, h.pushed, h.purged, h.now_us - 31536000000000
                       FROM idevicetriage.real_hello(wanted) h $$;
                       GRANT EXECUTE ON FUNCTION idevicetriage.hello TO idevicetriage_bench""")
    a.start_sync()
    stored(shop, session)
    b.told(ECID)
    comes(b, session)
    assert abs(a.status()['clockAheadSeconds'] - 31536000) < 60
    assert re.search(r"^Clock +this computer's is 315\d+ s ahead of the server's", a.command('status', check=False).stdout, re.M)


def test_a_bench_writes_and_reads_its_own_rows_alone(shop):
    a, b = shop.add(), shop.add()
    stored(shop, a.fail(ECID))
    password = (shop.folder / 'shop' / 'bench-2' / 'sync' / 'password').read_text().strip()

    def ask(statement):
        return shop.server.sql(statement, user='bench-2', password=password, check=False)
    assert ask('SELECT id FROM idevicetriage.attempt').stdout == ''
    values = "gen_random_uuid(), 1, repeat('a', 64), '{}'"
    assert ask(f'INSERT INTO idevicetriage.attempt (id, revision, device, content) VALUES ({values})').returncode == 0
    for statement in (f"INSERT INTO idevicetriage.attempt (bench, id, revision, device, content) VALUES ('bench-1', {values})",
                      "UPDATE idevicetriage.attempt SET bench = 'bench-1'", 'DELETE FROM idevicetriage.attempt',
                      'SELECT * FROM idevicetriage.bench', 'SELECT * FROM idevicetriage.purge',
                      'CREATE TABLE idevicetriage.t ()', 'UPDATE idevicetriage.schema_version SET version = 9'):
        result = ask(statement)
        assert result.returncode != 0 and ('denied' in result.stderr or 'policy' in result.stderr), statement
    assert ask('UPDATE idevicetriage.attempt SET revision = 99').returncode == 0
    assert shop.server.sql("SELECT count(*) FROM idevicetriage.attempt WHERE revision = 99") == ['1']
    # Not even as its own role does the other's password help it.
    assert shop.server.sql('SELECT 1', user='bench-1', password=password, check=False).returncode != 0
    assert b.sync.poll() is None


def test_a_purge_beside_a_delivery_deletes_it(shop):
    """Whichever of the two transactions ends first."""
    shop.add(start=False)
    session = '019a0000-0000-7000-8000-000000000001'
    password = (shop.folder / 'shop' / 'bench-1' / 'sync' / 'password').read_text().strip()

    def psql(user, **environment):
        return subprocess.Popen(['psql', '-X', '-q', '-h', shop.server.folder, '-p', str(shop.server.port), '-U', user, '-d',
                                 'idevicetriage'], stdin=subprocess.PIPE, text=True, env={**os.environ, **environment})
    delivery, purge = psql('bench-1', PGPASSWORD=password), psql(shop.server.owner)
    delivery.stdin.write(f"BEGIN; INSERT INTO idevicetriage.attempt (id, revision, device, content) VALUES ('{session}', 1, "
                         "repeat('a', 64), '{}');\n")
    delivery.stdin.flush()
    idle = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'bench-1' AND state = 'idle in transaction'"
    until(lambda: shop.server.sql(idle) == ['1'], what='the delivery')
    purge.stdin.write(f"SELECT idevicetriage.purge(ARRAY['{session}']::uuid[], false, NULL);\n")
    purge.stdin.close()
    waits = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%idevicetriage.purge(ARRAY%' AND wait_event_type = 'Lock'"
    until(lambda: purge.poll() is not None or shop.server.sql(waits) == ['1'], what='the purge')
    delivery.stdin.write('COMMIT;\n')
    delivery.stdin.close()
    assert delivery.wait(30) == 0 and purge.wait(30) == 0
    assert shop.stored() == set()


def test_a_dropped_role_is_refused(shop):
    a = shop.add()
    session = a.told(ECID)
    stored(shop, session)
    # As the manual says.
    page = (pathlib.Path(__file__).parents[2] / 'man' / 'idevicetriage-sync.8.scd').read_text()
    for statement in re.findall(r'^((?:ALTER|SELECT|DROP) .*);$', page.replace('bench-2', 'bench-1'), re.M):
        shop.server.sql(statement)
    assert shop.server.sql("SELECT count(*) FROM pg_roles WHERE rolname = 'bench-1'") == ['0']
    until(lambda: a.status()['state'] == 'waiting' and 'lastError' in a.status(), what='the refusal')
    assert shop.stored() == {session}


@pytest.mark.parametrize('change, reason', [
    (lambda shop, text: text.replace('host=localhost', 'host=127.0.0.1'), 'does not match host name'),
    (lambda shop, text: text.replace(' user', f' sslrootcert={shop.server.folder}/other.crt user'), 'certificate verify failed'),
])
def test_a_server_that_does_not_prove_itself_is_refused(shop, change, reason):
    a = shop.add(tls=True, start=False)
    a.config.write_text(change(shop, a.config.read_text()))
    assert reason in a.command('check', check=False).stderr
    a.start_sync(wait=False)
    a.wait_state('waiting')
    assert reason in a.status()['lastError']


@pytest.mark.parametrize('text, reason', [
    ('host=db.example sslmode=require', 'sslmode=require, but a server on the network must prove who it is'),
    ('host=db.example sslmode=disable', 'sslmode=disable'),
    ('host=/run/postgresql,db.example', 'more than one host'),
    ('hostaddr=192.0.2.1', 'hostaddr, which is not accepted'),
    ('service=other', 'service, which is not accepted'),
    ('postgresql://db.example/x?sslmode=prefer', 'sslmode=prefer'),
    ('nonsense', 'no connection string'),
])
def test_an_unsafe_configuration_is_refused(shop, text, reason):
    a = shop.add(start=False)
    a.config.write_text(f'server = {text}\n')
    for command in ('check', 'run'):
        result = a.command(command, check=False)
        assert result.returncode == 1 and reason in result.stderr, result.stderr


def test_the_environment_does_not_weaken_it(shop):
    a = shop.add(tls=True, start=False)
    a.environment |= {'PGSSLMODE': 'disable', 'PGHOSTADDR': '192.0.2.1', 'PGSERVICE': 'x', 'PGSSLROOTCERT': '/dev/null'}
    assert 'with TLS and a verified certificate' in a.command('check').stdout


def test_missing_secrets_are_named(shop):
    a = shop.add(start=False)
    (pathlib.Path(a.environment['CREDENTIALS_DIRECTORY']) / 'sync_shop-key').write_text('short\n')
    result = a.command('run', check=False)
    assert result.returncode == 1 and 'Cannot read the shop key: its content is wrong' in result.stderr


def test_init_and_enrol_say_what_is_wrong(shop):
    assert 'exists already' in shop.owner('init').stdout
    for name in ('Bench', 'a"b', "x'y", '', '1st', 'x' * 41):
        result = shop.owner('enrol', name, check=False)
        assert result.returncode == 1 and 'name of a bench' in result.stderr, name
    shop.server.sql('CREATE ROLE taken')
    assert 'of another purpose' in shop.owner('enrol', 'taken', check=False).stderr
    shop.server.sql('DROP ROLE taken')
    # The server has no password, and nobody else can read the key.
    shop.owner('enrol', 'bench-1')
    folder = shop.folder / 'shop'
    password = (folder / 'bench-1' / 'sync' / 'password').read_text().strip()
    key = (folder / 'shop-key').read_text().strip()
    assert len(password) == 48 and len(key) == 64
    assert password not in shop.server.dump() and key not in shop.server.dump()
    assert 'SCRAM-SHA-256$' in shop.server.dump()
    for path in (folder, folder / 'shop-key', folder / 'bench-1' / 'sync', folder / 'bench-1' / 'sync' / 'shop-key'):
        assert path.stat().st_mode & 0o077 == 0, path


def test_half_a_key_is_no_key(shop):
    """On a full disk."""
    def full():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (8, 8))
    folder = shop.folder / 'second'
    arguments = [str(shop.program), 'init', '--server', shop.server.admin(), '--folder', str(folder), '--config', '/dev/null']
    result = subprocess.run(arguments, preexec_fn=full, text=True, capture_output=True, timeout=60, check=False)
    assert result.returncode == 1 and 'Cannot write' in result.stderr
    result = subprocess.run(arguments, text=True, capture_output=True, timeout=60, check=True)
    assert "Made the shop's key" in result.stdout and len((folder / 'shop-key').read_text()) == 65


def test_a_certificate_is_copied_whole_or_not_at_all(shop):
    bundle = shop.folder / 'bundle.crt'
    bundle.write_text('x' * 70000)
    result = shop.owner('enrol', 'bench-1', '--ca', bundle, check=False)
    assert result.returncode == 1 and 'File too large' in result.stderr
    assert not (shop.folder / 'shop' / 'bench-1' / 'sync' / 'ca.crt').exists()


def test_check_asks_the_daemon(shop):
    a = shop.add(start=False)
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(a.folder / 'silent'))
        silent.listen()
        a.socket = a.folder / 'silent'
        result = a.command('check', check=False)
    assert result.returncode == 1 and 'The daemon at' in result.stderr and 'does not answer' in result.stderr


def test_without_a_daemon_it_waits(shop):
    a = shop.add()
    a.stop(signal.SIGKILL)
    a.stop_sync()
    a.start_sync(wait=False)
    until(lambda: 'Cannot reach the daemon' in a.status().get('lastError', ''), what='the report')
    a.start_daemon()
    a.wait_state('connected')
    stored(shop, a.told(ECID))


def test_its_options_are_in_the_manual(request):
    build = pathlib.Path(request.config.getoption('--build-dir')).resolve()
    page = (pathlib.Path(__file__).parents[2] / 'man' / 'idevicetriage-sync.8.scd').read_text()
    usage = subprocess.run([build / 'sync' / 'idevicetriage-sync', '--help'], text=True, capture_output=True, check=True).stdout
    options = set(re.findall(r'(?<!\w)--[a-z]+', usage))
    assert options and options == set(re.findall(r'^\*(?:-\w\*, \*)?(--[a-z]+)\*', page, re.M)) | {'--version'}
    for command in ('init', 'enrol', 'run', 'status', 'check'):
        assert f'*{command}*' in page and f'  {command}' in usage
