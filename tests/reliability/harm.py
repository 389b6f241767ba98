# SPDX-License-Identifier: LGPL-2.1-or-later
"""Restores the simulated phone with the real idevicerestore while the daemon is absent, at work or in trouble: BUILD ROUNDS.

In each round, every state is played once without `run` and once under it, in a random order. The output is compared line by
line with that of the first restore without a daemon, the exit status too. Prints the ratio of the times. A fault is an output
that differs, or, after enough rounds, a median slower than LIMIT."""
import contextlib
import difflib
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

from proof import TESTS, judged, pace, show

sys.path.insert(0, str(TESTS / 'phone'))
import ipsw  # noqa: E402
import models  # noqa: E402
import restoretool  # noqa: E402
import simphone  # noqa: E402
from daemon import Bench, until  # noqa: E402

IMAGE_BYTES = 4_000_000
DISK = '8M'
PEERS = 16
LIMIT = 1.10
STATES = ('absent', 'present', 'killed', 'stopped', 'flooded', 'disk full')


# A thread of the tool writes it between the others' words, a different number of times in each restore.
FDR = re.compile(r'ERROR: Unable to receive message from FDR \S+ \(-\d+\)\. \d+/\d+ bytes\n?')


def comparable(output):
    """The lines, without addresses in memory."""
    return re.split(r'[\r\n]+', re.sub(r'0x[0-9a-f]+', '0x', FDR.sub('', output)))


# Peers that ask without an end and read nothing; one that is refused comes again.
FLOOD = """
import socket, sys, time
call = b'{"method":"io.github.idevicetriage.GetStatus"}\\0' * 500
peers = [None] * int(sys.argv[2])
while True:
    for i, peer in enumerate(peers):
        try:
            if peer is None:
                peers[i] = socket.socket(socket.AF_UNIX)
                peers[i].connect(sys.argv[1])
                peers[i].setblocking(False)
            peers[i].send(call)
        except BlockingIOError:
            pass
        except OSError:
            peers[i] = None
    time.sleep(0.01)
"""


def fill(folder):
    with open(folder / 'ballast', 'wb', buffering=0) as file, contextlib.suppress(OSError):
        while file.write(b'x' * 4096):
            pass


class Play:
    """One restore in a folder of its own."""

    def __init__(self, build, firmware, state, under_run):
        self.build, self.firmware, self.state, self.under_run = build, firmware, state, under_run
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix='triage-'))

    @contextlib.contextmanager
    def trouble(self, bench, simulator):
        """What happens to the daemon before or during the restore."""
        flood = None
        if self.state == 'stopped':
            bench.process.send_signal(signal.SIGSTOP)
        elif self.state == 'flooded':
            flood = subprocess.Popen([sys.executable, '-c', FLOOD, str(bench.socket), str(PEERS)])
        elif self.state == 'disk full':
            fill(self.folder / 'disk')
        elif self.state == 'killed':
            threading.Thread(target=lambda: simulator.journal.wait('restore-started', 60) and bench.process.kill(),
                             daemon=True).start()
        yield
        if flood:
            flood.kill()
            flood.wait()
        assert self.state not in ('present', 'flooded', 'disk full') or bench.process.poll() is None, 'the daemon has ended'
        assert self.state != 'killed' or bench.process.wait(5) == -signal.SIGKILL

    def restore(self, bench, simulator):
        """The exit status, the output and the seconds until the tool's end: `run` may wait a little for the daemon's answer
        after that."""
        (self.folder / 'work').mkdir()
        ended = self.folder / 'ended'
        tool = list(map(str, restoretool.INSTALLED.command(
            self.build, self.folder / 'work', simulator.phone.identity, self.firmware)))
        # With a status that nobody else has: one that `run` lost would be another one.
        command = ['sh', '-c', 'stdbuf -oL "$@"; status=$?; touch "$ENDED"; exit $((64 + status))', 'sh', *tool]
        if self.under_run:
            command = [str(self.build / 'client' / 'idevicetriage'), 'run', '--', *command]
        with self.trouble(bench, simulator):
            start = time.time()
            done = subprocess.run(command, cwd=self.folder, env={**bench.environment, 'ENDED': str(ended)}, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, timeout=300, stderr=subprocess.DEVNULL if self.under_run else subprocess.STDOUT, check=False)
            return done.returncode, comparable(done.stdout.decode(errors='replace')), ended.stat().st_mtime - start

    def play(self):
        disk = self.folder / 'disk'
        disk.mkdir()
        if self.state == 'disk full':
            subprocess.run(['mount', '-t', 'tmpfs', '-o', f'size={DISK}', 'none', disk], check=True)
        bench = Bench(self.build, disk, self.folder / 'mux')
        bench.socket = self.folder / 'triage'
        bench.environment['IDEVICETRIAGE_SOCKET'] = str(bench.socket)
        try:
            with simphone.Simulator(self.folder / 'mux', 'success') as simulator:
                if self.state != 'absent':
                    bench.start('--ring-size', '1048576')
                    until(lambda: bench.sees(simulator.phone.identity.udid), what='the phone')
                return self.restore(bench, simulator)
        finally:
            bench.close()
            if self.state == 'disk full':
                subprocess.run(['umount', '--lazy', disk], check=True)
            shutil.rmtree(self.folder, ignore_errors=True)


def apart():
    """A mount namespace of its own, for the full disk."""
    if os.geteuid() != 0:
        print('only root may mount a small disk: the state `disk full` is not played', flush=True)
        return [state for state in STATES if state != 'disk full']
    if 'PROOF_APART' not in os.environ:
        os.execvpe('unshare', ['unshare', '--mount', sys.executable, *sys.argv], {**os.environ, 'PROOF_APART': '1'})
    return STATES


def main():
    states = apart()
    build, rounds = pathlib.Path(sys.argv[1]).resolve(), int(sys.argv[2])
    cases = [(state, under_run) for state in states for under_run in (False, True)]
    seconds, differ, expected = {case: [] for case in cases}, dict.fromkeys(cases, 0), None
    with tempfile.TemporaryDirectory(prefix='triage-') as folder:
        firmware = ipsw.build(pathlib.Path(folder) / 'firmware.ipsw', models.DEFAULT_MODEL, image_bytes=IMAGE_BYTES)
        for _ in range(rounds):
            for case in [cases[0], *random.sample(cases[1:], len(cases) - 1)]:
                status, output, took = Play(build, firmware, *case).play()
                expected = expected or (status, output)
                if (status, output) != expected:
                    differ[case] += 1
                    print(f'{case}: {status}', *difflib.unified_diff(expected[1], output, n=1, lineterm=''), sep='\n', flush=True)
                seconds[case].append(took)
    rows = []
    for state, under_run in cases:
        ratios = [mine / alone for mine, alone in zip(seconds[state, under_run], seconds[cases[0]])]
        times, slow = pace(ratios, None if state == 'flooded' else LIMIT)
        rows.append((f'restores{" under `run`" if under_run else ""}, daemon {state}; time beside the tool alone: {times}',
                     rounds, differ[state, under_run] + slow))
    return show(rows, f'a simulated phone without USB, an image of {IMAGE_BYTES // 1_000_000} MB; {judged(rounds, LIMIT)}; never '
                'in a flood, whose peers need processor time of their own')


sys.exit(main())
