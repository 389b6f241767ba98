#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Several benches: how soon a failure on one bench is on another, while 500 simulated benches are connected and store as many
attempts as they do on a busy day, in a server with many attempts; how long the server takes for what benches ask; and the memory of idevicetriage-sync.

Usage: bench_sync.py BUILD_FOLDER [BENCHES] [STORED]
"""
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'integration'))

from daemon import until  # noqa: E402
import load  # noqa: E402
import postgres  # noqa: E402
from shop import LOG, Shop  # noqa: E402

BENCHES, STORED = 500, 200000
SAMPLES = 60
FILLED_AT_ONCE = 200000
LOOKUPS, FAILURES = 1000, 20
ATTEMPTS_A_DAY = 60
ECID = '0x001C2D6A3C8A802E'

# As the program does: it listens, and stores an attempt of its own now and then.
SCRIPT = """
\\set number random(1, 1000000)
INSERT INTO idevicetriage.attempt AS a (id, revision, device, outcome, content)
    VALUES (gen_random_uuid(), 1, md5(:number::text) || md5(:number::text), 'failed', :content) ON CONFLICT (bench, id)
    DO UPDATE SET revision = excluded.revision WHERE excluded.revision > a.revision;
\\sleep {pause} ms
"""


def fill(shop, content, count):
    """What 500 benches stored until now, of a fifth as many phones. The indexes are made afterwards: that is many times as fast."""
    phone, past = f'md5((i % {count // 5})::text)', f"i * interval '1 day' / {BENCHES * ATTEMPTS_A_DAY}"
    indexes = shop.server.sql("SELECT indexname || '|' || indexdef FROM pg_indexes WHERE schemaname = 'idevicetriage' "
                              "AND tablename = 'attempt' AND indexname <> 'attempt_pkey'")
    names, definitions = zip(*(line.split('|', 1) for line in indexes))
    shop.server.sql('ALTER TABLE idevicetriage.attempt DROP CONSTRAINT attempt_pkey;'
                    + ''.join(f'DROP INDEX idevicetriage.{name};' for name in names))
    for first in range(1, count + 1, FILLED_AT_ONCE):
        shop.server.sql(f"""
            SET session_replication_role = replica;
            INSERT INTO idevicetriage.attempt (bench, id, revision, device, started, received, outcome, cable, tool, content)
            SELECT 'bench-' || i % {BENCHES} + 1, gen_random_uuid(), 1, {phone} || {phone}, now() - {past}, now() - {past}, 'failed',
            'L' || i % 2000, 'idevicerestore 1.0.' || i % 3, {content}
            FROM generate_series({first}, {min(count, first + FILLED_AT_ONCE - 1)}) i""", timeout=1200)
    for statement in ('ALTER TABLE idevicetriage.attempt ADD PRIMARY KEY (bench, id)', *definitions):
        shop.server.sql(f"SET maintenance_work_mem = '256MB'; {statement}", timeout=1200)
    shop.server.sql('VACUUM ANALYZE idevicetriage.attempt', timeout=1200)


def start_load(shop, content, benches, seconds):
    """Their attempts of a day, 0.35 in a second with 500. They are one role here: its rows count the same."""
    pause = max(1, round(86400 / ATTEMPTS_A_DAY * 1000))
    # Each begins at its own time, as benches do: within the first pause.
    script = shop.folder / 'pg' / 'load.sql'
    text = '\\set first random(1, {pause})\nLISTEN idevicetriage;\n\\sleep :first ms\n' + SCRIPT
    script.write_text(text.replace('{pause}', str(pause)).replace(':content', content))
    server = shop.server
    return subprocess.Popen([*server.prefix, str(postgres.PROGRAMS[-1] / 'pgbench'), '-n', '-h', str(server.folder), '-p',
                             str(server.port), '-U', server.owner, '-c', str(benches), '-j', '2', '-T', str(seconds), '-f',
                             str(script), 'idevicetriage'], cwd=server.folder, stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL)


def time_calls(server, call, count):
    """How long the server takes for a call as bench-2, which may have a random number from 0 to 1 in it, in milliseconds."""
    return sorted(float(line) for line in server.sql(f"""
        SET SESSION AUTHORIZATION 'bench-2';
        CREATE TEMP TABLE times (ms float8);
        DO $$ DECLARE began timestamptz; BEGIN FOR i IN 1..{count} LOOP
            began := clock_timestamp();
            PERFORM count(*) FROM {call};
            INSERT INTO times SELECT 1000 * extract(epoch FROM clock_timestamp() - began);
        END LOOP; END $$;
        SELECT ms FROM times""", timeout=1200))


def pss_mb(process):
    rollup = pathlib.Path(f'/proc/{process.pid}/smaps_rollup').read_text()
    return int(next(line for line in rollup.splitlines() if line.startswith('Pss:')).split()[1]) / 1024


def delay(a, b):
    """From the seal of a failure on one bench until it is on the other, in seconds."""
    log = a.folder / 'tool.log'
    log.write_text(LOG)
    before = b.ids()
    assert a.run(['sh', '-c', 'cat "$0"; exit 1', log, '-i', ECID]).wait(60) == 1
    began = time.monotonic()
    until(lambda: b.ids() - before, 60, 'the attempt')
    return time.monotonic() - began


def measure(build, folder, benches, stored):
    server = postgres.Postgres(folder / 'pg', benches + 20).create()
    shop = Shop(build, folder, server).create()
    try:
        a, b = shop.add(tls=True), shop.add(tls=True)
        a.told(ECID)
        b.told(ECID)
        until(lambda: server.sql('SELECT count(*) FROM idevicetriage.attempt') == ['2'], what='the first attempts')
        content = server.sql('SELECT quote_literal(content) FROM idevicetriage.attempt LIMIT 1')[0] + '::jsonb'
        fill(shop, content, stored)
        others = start_load(shop, content, benches, 3600)
        count = 'SELECT count(*) FROM pg_stat_activity WHERE application_name = \'pgbench\''
        until(lambda: int(server.sql(count)[0]) >= benches, 120, 'the other benches')
        delays = sorted(delay(a, b) for _ in range(SAMPLES))
        # Alone: a second one would share its libraries.
        a.stop_sync()
        memory = pss_mb(b.sync)
        phone = f'md5(floor(random() * {stored // 5})::text)'
        lookups = time_calls(server, f"idevicetriage.memory(ARRAY[{phone} || {phone}], '-infinity')", LOOKUPS)
        failures = time_calls(server, 'idevicetriage.failures()', FAILURES)
        others.terminate()
        others.wait()
        return delays, memory, lookups, failures
    finally:
        shop.close()
        server.stop()


def middle_and_p99(times):
    return times[len(times) // 2], times[int(len(times) * 0.99)]


def main(build, benches, stored):
    if not postgres.installed():
        print('PostgreSQL 15 or later is not installed')
        return
    folder = pathlib.Path(tempfile.mkdtemp(prefix='shop-', dir='/var/tmp'))
    try:
        delays, memory, lookups, failures = measure(build, folder, benches, stored)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    median, slowest = middle_and_p99(delays)
    load.row(f'a failure is on another bench, with {benches} benches and {stored:,} attempts (p50, p99 of {SAMPLES})',
             f'{median:.2f} s, {slowest:.2f} s', '< 2 s', slowest < 2, 'the daemon seals after 0.2 s, the next look of the service')
    median, slowest = middle_and_p99(lookups)
    load.row(f'the server finds the attempts of a phone among {stored:,} (p50, p99 of {LOOKUPS})', f'{median:.1f} ms, {slowest:.1f} ms',
             '< 20 ms', slowest < 20, 'one place on the disk per attempt')
    median, slowest = middle_and_p99(failures)
    load.row(f'the failures by cable and tool of a bench (p50, p99 of {FAILURES})', f'{median:.0f} ms, {slowest:.0f} ms', '< 10 s',
             slowest < 10000, 'the attempts of the bench in 90 days, 1,000 of each cable and tool')
    load.row('memory of idevicetriage-sync with TLS (PSS)', f'{memory:.1f} MB', '< 6 MB', memory < 6, 'libpq and OpenSSL')


if __name__ == '__main__':
    main(pathlib.Path(sys.argv[1]).resolve(), int(sys.argv[2]) if len(sys.argv) > 2 else BENCHES,
         int(sys.argv[3]) if len(sys.argv) > 3 else STORED)
