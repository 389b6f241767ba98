# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the benches of the daemon and the tests of its speed share: big logs, a full ring, and what a process takes."""
import contextlib
import pathlib
import re
import socket
import sqlite3
import subprocess
import time

from daemon import Bench, until

AHEAD_OF_OTHERS = ('chrt', '--fifo', '50')
DEVICE = '0x1234'
LINE = 'Waiting for NAND (28) and the rest of a usual line of such a log, which says little'
ATTEMPT = """idevicerestore 1.0.1-{number}
Found device in Recovery mode
ECID: {ecid}
Identified device as n104ap, iPhone12,1
Extracting BuildManifest from IPSW
Entering restore mode...
About to restore device...
Waiting for NAND (28)
ERROR: Unable to restore device, code {number}
"""


def row(figure, value, aim, met, limit):
    """One row of the table: tests/bench/table.py."""
    print(f'| {figure} | {value} | {aim} | {"yes" if met else "no"} | {limit} |', flush=True)


def bench_ahead(build, folder):
    """A bench whose daemon runs ahead of all other programs, where that is allowed: what else the computer does is no
    stall of its loop."""
    try:
        allowed = subprocess.run([*AHEAD_OF_OTHERS, 'true'], capture_output=True, check=False)
        wrapper = AHEAD_OF_OTHERS if allowed.returncode == 0 else ()
    except FileNotFoundError:
        wrapper = ()
    return Bench(build, folder, folder / 'mux', wrapper)


@contextlib.contextmanager
def lldpd(folder):
    """An lldpd of its own, to compare with: its process, and the command that asks it; None and None where it is not
    installed or there is no root."""
    folder.chmod(0o755)  # it has a user of its own
    command = ['lldpcli', '-u', folder / 'lldpd', '-f', 'json']
    try:
        process = subprocess.Popen(['lldpd', '-d', '-u', folder / 'lldpd', '-I', 'lo'], stderr=subprocess.DEVNULL)
    except FileNotFoundError:
        yield None, None
        return
    try:
        until(lambda: process.poll() is not None or not subprocess.run(
            [*command, 'show', 'configuration'], capture_output=True, check=False).returncode, what='lldpd')
        yield (process, command) if process.poll() is None else (None, None)
    finally:
        process.terminate()
        process.wait()


def processor_ms(pid):
    """The processor time of all threads: what it costs, however busy the computer is."""
    return sum(int(path.read_text().split()[0]) for path in pathlib.Path(f'/proc/{pid}/task').glob('*/schedstat')) / 1e6


def ring_kib(pid):
    """The pages of the ring that are mapped in the process."""
    total, counted = 0, False
    for line in pathlib.Path(f'/proc/{pid}/smaps').read_text().splitlines():
        if re.match(r'^[0-9a-f]+-[0-9a-f]+ ', line):
            counted = line.endswith('/ring')
        elif line.startswith('Rss:') and counted:
            total += int(line.split()[1])
    return total


def write_log(path, attempts, phones):
    """A log of many failed restores, without times."""
    with path.open('w', encoding='ascii') as log:
        for number in range(attempts):
            log.write(ATTEMPT.format(number=number, ecid=4096 + number % phones))


def fill_ring(bench, lines=60000):
    """Runs a tool that prints many lines, until the ring has lost its first record."""
    while bench.call('GetStatus')['firstSequence'] == 1:
        bench.run(['sh', '-c', f'yes "{LINE}" | head -n {lines}; exit 255'], '--ecid', DEVICE).communicate()


def copy_attempts(casebook, count):
    """Copies an attempt of the casebook until it has so many; no daemon may run."""
    with sqlite3.connect(casebook) as book:
        columns = [name for _, name, *_ in book.execute('PRAGMA table_info(attempts)')
                   if name not in ('number', 'id', 'ecid')]
        names = ', '.join(columns)
        book.execute('WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)'
                     f' INSERT INTO attempts (id, ecid, {names})'
                     f' SELECT randomblob(16), 1 + i % 10000, {names} FROM n, (SELECT * FROM attempts LIMIT 1)', [count])
    book.close()


def start_measured(bench, *options):
    """Starts the daemon. Gives it, and the milliseconds until READY=1: of the clock, and of its processor time."""
    path = bench.folder / 'notify'
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(str(path))
        notify.settimeout(60)
        began = time.monotonic()
        bench.process = subprocess.Popen(
            [str(bench.build / 'daemon' / 'idevicetriaged'), '--socket', str(bench.socket), '--state-dir',
             str(bench.state), '--bench-name', 'bench-1', *options],
            env={**bench.environment, 'NOTIFY_SOCKET': str(path)}, stderr=bench.log, stdin=subprocess.PIPE)
        while b'READY=1' not in notify.recv(4096):
            pass
        taken = time.monotonic() - began
    path.unlink()
    return taken * 1e3, processor_ms(bench.process.pid)
