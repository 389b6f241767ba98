#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How many functions of ours a log line of `run` passes, from libevent's dispatch to the append to the ring and to the
write to a follower's socket, as gdb sees the stack: the line itself, and what a parser reads in it. Inlined functions
count. Fails above the limits.

Usage: bench_frames.py BUILD_FOLDER [-v]
"""
import collections
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'integration'))

from daemon import Bench, until  # noqa: E402

RING, FOLLOWER = 'ring_append', 'bufferevent_write'
LIMITS = {RING: (12, 17), FOLLOWER: (15, 20)}  # of the line itself, and of its meaning
COMMANDS = f"""
set pagination off
set confirm off
set breakpoint pending on
handle SIGPIPE nostop noprint
break {RING}
commands
silent
printf "stopped-at {RING}\\n"
bt
continue
end
break {FOLLOWER}
commands
silent
printf "stopped-at {FOLLOWER}\\n"
bt
continue
end
continue
"""
LINES = r'printf "Waiting for NAND (28)\nstatus: 6\nplain words\n[==  ]  12.5%%\n"'


def stacks(text):
    """Each stop: where it was, and the functions from there to libevent."""
    for stop in text.split('stopped-at ')[1:]:
        target, *lines = stop.splitlines()
        names = []
        for line in lines:
            # "#1  0x… in name (…) at file" is ours; a library's frame ends in "from /…".
            if not (frame := re.match(r'#\d+\s+(?:0x[0-9a-f]+ in )?(\w+|\?\?) \(', line)):
                continue
            if '/libevent' in line or frame[1] == '??':
                if names:
                    break
                continue
            if frame[1] != target:
                names.append(frame[1])
        yield target, tuple(names)


def follow(bench):
    """A reader of the whole log that stays."""
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(str(bench.socket))
    connection.sendall(json.dumps({'method': 'io.github.idevicetriage.ReadLog', 'more': True}).encode() + b'\0')
    assert connection.recv(65536)
    return connection


def trace(build, folder):
    bench = Bench(build, folder, folder / 'mux')
    (folder / 'commands').write_text(COMMANDS)
    output = folder / 'gdb'
    try:
        bench.start()
        connection = follow(bench)
        with output.open('wb') as file:
            debugger = subprocess.Popen(
                ['gdb', '-q', '-batch', '-nx', '-p', str(bench.process.pid), '-x', folder / 'commands'],
                stdout=file, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        until(lambda: b'Breakpoint 2' in output.read_bytes(), what='gdb')
        bench.run(['sh', '-c', LINES]).communicate(timeout=60)
        until(lambda: b'session-end' in connection.recv(65536), what='the end at the follower')
        bench.stop()
        debugger.wait(20)
        return output.read_text(errors='replace')
    finally:
        bench.close()


def main(build, verbose):
    folder = pathlib.Path(tempfile.mkdtemp(prefix='frames-'))
    (folder / 'journal').mkdir()
    os.environ['IDEVICETRIAGE_JOURNAL_DIR'] = str(folder / 'journal')
    try:
        text = trace(build, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    seen = collections.defaultdict(set)
    for target, names in stacks(text):
        # Of a line that `run` hands over; not of the daemon's own events.
        if 'methods_append_log' in names:
            seen[target].add(names)
    missed = False
    for target, (of_line, of_meaning) in LIMITS.items():
        ways = sorted(seen[target], key=len)
        print(f'frames to {target}: {len(ways[0])} of a line (limit {of_line}), '
              f'{len(ways[-1])} of what it means (limit {of_meaning})')
        for names in ways if verbose else ():
            print('  ' + ' < '.join(names))
        missed |= len(ways[0]) > of_line or len(ways[-1]) > of_meaning
    return missed


if __name__ == '__main__':
    sys.exit(main(pathlib.Path(sys.argv[1]).resolve(), '-v' in sys.argv[2:]))
