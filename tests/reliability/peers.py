# SPDX-License-Identifier: LGPL-2.1-or-later
"""64 hostile connections of four members of the group, while another member's restore is watched: BUILD SECONDS.

They are slow, silent, flooding, half-closed, never reading, pipelining, sending garbage, oneway or connecting without end, and
forge the log and the end of the restore. Prints a table, and exits with 1 if a record is lost, a forged line is stored, an
outsider gets in, or 1 of 100 status calls takes longer than 10 ms."""
import contextlib
import itertools
import json
import multiprocessing
import os
import random
import resource
import socket
import subprocess
import sys
import tempfile
import threading
import time

from proof import TESTS, show
from daemon import Bench, processor_seconds, until

sys.path.insert(0, str(TESTS / 'phone'))
import models  # noqa: E402
import simphone  # noqa: E402

GROUP, OWNER, OUTSIDER = 65500, 65501, 65502
HOSTILE = (65510, 65511, 65512, 65513)
ECID, FORGED = f'0x{models.DEFAULT_ECID:016X}', 'FORGED'
LINE_PAUSE, PLUG_PAUSE, ASK_PAUSE = 0.005, 0.05, 0.004
STATUS_MS, MEMORY_MIB = 10, 192
LOG_LINES = 200  # a minute
CALLS_MANY = 5000  # of fewer, what else this computer does decides the slowest hundredth: then half of them must be fast
LINE = 'line {} of the restore'


def become(user, group=GROUP):
    os.setgroups([group] if group else [])
    os.setgid(group or user)
    os.setuid(user)


def message(method, more=None, **parameters):
    return json.dumps({'method': f'io.github.idevicetriage.{method}', 'parameters': parameters, **(more or {})}).encode() + b'\0'


class Peer:
    """A connection of a member who behaves."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(30)
        until(lambda: self.connects(path), 30, 'the connection')

    def connects(self, path):
        try:
            self.socket.connect(path)
        except BlockingIOError:
            return False  # the daemon has too many callers just now
        return True

    def ask(self, request):
        self.socket.sendall(request)
        answer = b''
        while not answer.endswith(b'\0'):
            piece = self.socket.recv(1 << 20)
            if not piece:
                raise ConnectionError('closed')
            answer += piece
        return answer

    def call(self, method, **parameters):
        return json.loads(self.ask(message(method, **parameters))[:-1])['parameters']


# The hostile kinds: each gets a new connection and the session of the owner, and may raise OSError when it is closed.

def connect(path):
    peer = socket.socket(socket.AF_UNIX)
    peer.settimeout(5)
    peer.connect(path)
    return peer


def silent(peer, session):
    peer.recv(1)


def slow(peer, session):
    for byte in message('GetStatus'):
        peer.sendall(bytes([byte]))
        time.sleep(0.2)


def flooding(peer, session):
    for method in itertools.cycle(('GetStatus', 'ListSessions', 'Diagnose', 'ListDevices', 'GetStatistics')):
        peer.sendall(message(method))
        peer.recv(1 << 20)


def reading_all(peer, session):
    while True:
        peer.sendall(message('ReadLog'))
        while not peer.recv(1 << 20).endswith(b'\0'):
            pass


def half_closed(peer, session):
    peer.sendall(message('ReadLog') * 50)
    peer.shutdown(socket.SHUT_WR)
    while peer.recv(4096):
        time.sleep(0.05)


def never_reading(peer, session):
    while True:
        peer.sendall(message('ReadLog'))


def watching_unread(peer, session):
    peer.sendall(message('Watch', {'more': True}, after=0))
    time.sleep(3600)


def pipelining(peer, session):
    while True:
        peer.sendall(message('Diagnose', device=ECID) * 400)
        for _ in range(400):
            peer.recv(1 << 20)


def garbage(peer, session):
    while True:
        peer.sendall(random.randbytes(random.randrange(1, 100000)) + b'\0')


def oneway(peer, session):
    while True:
        peer.sendall(message('ReadLog', {'oneway': True}) * 20 + message('AddNote', {'oneway': True}, device=ECID, text=FORGED))


def connecting(peer, session):
    """Does nothing with it, and makes the next one."""


def forging(peer, session):
    """The log and the end of another member's restore."""
    while True:
        for method, parameters in (('AppendLog', {'offset': 0, 'text': f'ERROR: {FORGED}\n' * 50}), ('EndRun', {'exitStatus': 0})):
            peer.sendall(message(method, session=session, **parameters))
            if b'NotAllowed' not in peer.recv(65536):
                os.abort()


def restoring(peer, session):
    """Restores of its own, with as many lines as fit into a call."""
    while True:
        phone = f'0x{random.getrandbits(64):016X}'
        peer.sendall(message('BeginRun', tool='x', arguments=[], conditions=[], ecid=random.choice((ECID, phone, phone, phone))))
        own = json.loads(peer.recv(65536)[:-1])['parameters']['session']
        for number in range(50):
            peer.sendall(message('AppendLog', session=own, offset=2000 * number, text='x\n' * 1000))
            peer.recv(65536)
        peer.sendall(message('EndRun', session=own, exitStatus=1))
        peer.recv(65536)


KINDS = (silent, slow, flooding, reading_all, half_closed, never_reading, watching_unread, pipelining, garbage, oneway, connecting,
         forging, restoring, flooding, never_reading, pipelining)


def play(kind, path, session, attacks):
    """Begins again as soon as the daemon has closed the connection."""
    while True:
        try:
            with connect(path) as peer:
                attacks[KINDS.index(kind)] += 1
                kind(peer, session)
        except (OSError, ValueError, KeyError):
            time.sleep(0.01)


def attack(user, path, session, attacks):
    """A process with the 16 connections of one member. It leaves the processor to those who behave: on a computer of its own
    an attacker would have no other one."""
    become(user)
    os.nice(19)
    threads = [threading.Thread(target=play, args=(kind, path, session, attacks), daemon=True) for kind in KINDS]
    for thread in threads:
        thread.start()
    threads[0].join()


def processor_ms(process):
    """What a process has used of a processor so far, to this moment: its clock of clock_getcpuclockid(3). What /proc says is up
    to a tick of the kernel, some milliseconds, too old."""
    return time.clock_gettime_ns(~process << 3 | 2) / 1e6


def measure(path, daemon, stop, results):
    """Asks for the status. Gives, for each call, the processor time that the daemon used from the call to its answer, for others
    before it too, and the time by the clock, which this computer has a part in."""
    os.setgroups([GROUP])
    os.setegid(GROUP)
    os.seteuid(OWNER)
    peer, status, times = Peer(path), message('GetStatus'), []
    os.seteuid(0)
    # It has to see the answer at once: what the daemon uses while this process waits for a processor is of other calls. Where it
    # may not be first, as in some containers, the times are longer than the truth.
    with contextlib.suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    while not stop.is_set():
        used, began = processor_ms(daemon), time.perf_counter()
        peer.ask(status)
        times.append((processor_ms(daemon) - used, 1000 * (time.perf_counter() - began)))
        time.sleep(ASK_PAUSE)
    results.put(times)


def percentile(values, part):
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


def measured(bench, seconds, work):
    """Does `work` while the times are measured."""
    stop, results = multiprocessing.Event(), multiprocessing.Queue()
    process = multiprocessing.Process(target=measure, args=(str(bench.socket), bench.process.pid, stop, results))
    process.start()
    work(time.monotonic() + seconds)
    stop.set()
    times = results.get(timeout=60)
    process.join()
    return times


class Restore:
    """The watched restore: lines of the tool's log, and a phone that comes and goes."""

    def __init__(self, bench, simulator):
        self.bench, self.simulator = bench, simulator
        self.offset = self.lines = self.plugs = 0

    def begin(self):
        os.setegid(GROUP)
        os.seteuid(OWNER)
        self.peer = Peer(str(self.bench.socket))
        os.seteuid(0)
        os.setegid(0)
        return self.peer.call('BeginRun', tool='idevicerestore', arguments=[], conditions=[], ecid=ECID)['session']

    def append(self, session, text):
        self.offset = self.peer.call('AppendLog', session=session, offset=self.offset, text=text)['offset']

    def feed(self, session, until_s):
        plugged_s = time.monotonic()
        while time.monotonic() < until_s:
            self.append(session, LINE.format(self.lines) + '\n')
            self.lines += 1
            if time.monotonic() - plugged_s > PLUG_PAUSE:
                plugged_s = time.monotonic()
                self.simulator.mux.detach(self.simulator.phone)
                self.simulator.mux.attach(self.simulator.phone)
                self.plugs += 1
            time.sleep(LINE_PAUSE)

    def end(self, session):
        self.append(session, 'Waiting for NAND (28)\nERROR: Unable to restore device\n')
        self.peer.call('EndRun', session=session, exitStatus=1)
        self.peer.socket.close()


def records(bench, **parameters):
    """All records, and the number of lost ones."""
    found, lost, after = [], 0, 0
    while True:
        answer = bench.call('ReadLog', after=after, **parameters)
        lost += answer['lost']
        if not answer['records']:
            return found, lost
        found += answer['records']
        after = found[-1]['sequence']


def outsider_gets_in(bench):
    """Whether a user who is not in the group can connect, or ask without connecting."""
    program = f'''import os, socket
os.setgroups([]); os.setgid({OUTSIDER}); os.setuid({OUTSIDER})
try:
    socket.socket(socket.AF_UNIX).connect({str(bench.socket)!r})
except PermissionError:
    raise SystemExit(7)'''
    return subprocess.run([sys.executable, '-c', program], check=False).returncode != 7


def open_files(bench):
    return len(os.listdir(f'/proc/{bench.process.pid}/fd'))


def memory(bench, key):
    with open(f'/proc/{bench.process.pid}/status', encoding='ascii') as status:
        return next(int(line.split()[1]) for line in status if line.startswith(key))


def start(bench):
    """The group is that of the package; that others may not connect is up to the daemon."""
    bench.start()
    os.chmod(bench.folder, 0o755)
    os.chown(bench.socket, 0, GROUP)


def begin_attack(bench, session, attacks):
    processes = [multiprocessing.Process(target=attack, args=(user, str(bench.socket), session, attacks)) for user in HOSTILE]
    for process in processes:
        process.start()
    until(lambda: open_files(bench) > 64, 60, 'the connections of the attackers')
    return processes


def end_attack(bench, processes, files):
    for process in processes:
        process.kill()
        process.join()
    until(lambda: open_files(bench) <= files, 60, 'the end of the connections')


def play_all(bench, simulator, seconds):
    """Gives the figures of a quiet and of an attacked daemon."""
    restore, attacks = Restore(bench, simulator), multiprocessing.Array('L', len(KINDS), lock=False)
    idle = measured(bench, max(1, seconds / 10), lambda until_s: time.sleep(until_s - time.monotonic()))
    session, files = restore.begin(), open_files(bench)
    processes = begin_attack(bench, session, attacks)
    began_s, used_s = time.monotonic(), processor_seconds(bench.process)
    try:
        busy = measured(bench, seconds, lambda until_s: restore.feed(session, until_s))
        share = (processor_seconds(bench.process) - used_s) / (time.monotonic() - began_s)
        restore.end(session)
    finally:
        end_attack(bench, processes, files)
    return restore, session, list(attacks), idle, busy, share


def rows_of(bench, seconds, restore, session, attacks, idle, busy, share):
    found, lost = records(bench, session=session)
    texts = {record.get('text') for record in found if record['kind'] == 'log'}
    missing = [line for line in range(restore.lines) if LINE.format(line) not in texts]
    attached = sum(record['kind'] == 'mux-attach' for record in found)
    ends = [record for record in found if record['kind'] == 'session-end']
    result = bench.call('ListSessions', name=session)['sessions'][0]  # attackers have sessions too
    used, clock = ([call[i] for call in busy] for i in range(2))
    quiet = [call[0] for call in idle]
    logged = len(bench.say().splitlines())
    calls = (f'status calls of a member meanwhile: half after {percentile(used, 0.5):.2f} ms of the daemon, 99 % after '
             f'{percentile(used, 0.99):.2f} ms ({percentile(clock, 0.99):.0f} ms by the clock); without the others '
             f'{percentile(quiet, 0.5):.2f} and {percentile(quiet, 0.99):.2f} ms; it used {100 * share:.0f} % of a core')
    return [('lines of the watched restore', restore.lines, len(missing) + lost),
            ('attaches of its phone', restore.plugs, abs(attached - restore.plugs)),
            ('ends of the restore, with its result', 1, int(len(ends) != 1 or (result['outcome'], result.get('operation')) !=
                                                             ('failed', 28))),
            ('connections of 64 hostile peers', sum(attacks), int(bench.process.poll() is not None)),
            (calls, len(busy), int(percentile(used, 0.99 if len(used) > CALLS_MANY else 0.5) > STATUS_MS)),
            ('attempts to forge its log and end', attacks[KINDS.index(forging)],
             sum(FORGED in (record.get('text') or '') for record in found if record['kind'] != 'note')),
            ('connections of a user outside the group', 1, int(outsider_gets_in(bench))),
            ('MiB of memory that the daemon had at most', memory(bench, 'VmHWM') // 1024,
             int(memory(bench, 'VmHWM') > 1024 * MEMORY_MIB)),
            ('lines that the daemon logged', logged, int(logged > LOG_LINES * max(1, seconds / 60)))]


def main():
    build, seconds = sys.argv[1], float(sys.argv[2])
    if os.getuid() != 0:
        print('| 64 hostile peers | | skipped | several users need root |')
        return 0
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
    with tempfile.TemporaryDirectory(prefix='triage-') as folder:
        bench = Bench(build, folder, os.path.join(folder, 'mux'))
        try:
            with simphone.Simulator(os.path.join(folder, 'mux')) as simulator:
                start(bench)
                rows = rows_of(bench, seconds, *play_all(bench, simulator, seconds))
        finally:
            bench.close()
    return show(rows, 'attackers yield the processor; a call takes what the daemon uses of one until it answers')


sys.exit(main())
