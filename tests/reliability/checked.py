# SPDX-License-Identifier: LGPL-2.1-or-later
"""Performs every request of the daemon under valgrind: BUILD ROUNDS. memcheck also looks for leaks at the end, drd for races
of the threads. A daemon that was built with sanitizers runs as it is: they report at once, and leaks at the end. The other
programs must have no threads. Prints a table, and the errors to stderr."""
import pathlib
import re
import subprocess
import sys
import tempfile

from proof import show
from traffic import REQUESTS, Traffic, methods_not_performed

# SQLite's processes share the index of its log without locks, and so do its threads: what drd sees inside is meant.
SUPPRESSED = '{\n sqlite\n drd:ConflictingAccess\n obj:*libsqlite3.so*\n}\n'
TOOLS = {
    'memcheck': ['--leak-check=full', '--show-leak-kinds=definite,indirect,possible',
                 '--errors-for-leak-kinds=definite,indirect,possible'],
    'drd': [],
}
PROGRAMS = ['client/idevicetriage', 'link/idevicetriage-link', 'phone/idevicetriage-phone']
START_SECONDS, DISK_THREADS, LIMITS = 120, 2, 'the paths that the requests take'


def needs(build, program, symbol):
    symbols = subprocess.run(['nm', '-P', build / program], capture_output=True, text=True, check=True).stdout
    return re.search(rf'^{symbol}\b', symbols, re.MULTILINE) is not None


def perform(bench, rounds):
    for _ in range(rounds):
        for request in REQUESTS.values():
            steps = request(bench)
            next(steps)
            bench.connect()
            yield from steps
            bench.end_all()


def check(build, rounds, tool, wrapper, log):
    """The row of one tool, which writes its errors to the log, and ends with a status if it found some."""
    with tempfile.TemporaryDirectory(prefix='triage-') as folder:
        bench = Traffic(build, pathlib.Path(folder), wrapper)
        try:
            bench.start('--ring-size', '1048576', seconds=START_SECONDS)
            bench.prepare()
            answers = [answer for answer in perform(bench, rounds) if answer]
            bench.process.terminate()
            status = bench.process.wait(START_SECONDS)
            found = log.read_text() if log else bench.say()
        finally:
            bench.close()
    if status:
        print(found, file=sys.stderr)
    return f'answers under {tool}', len(answers), int(status != 0) + sum('error' in answer for answer in answers)


def check_leak(build, wrapper):
    """Whether a leak would be found."""
    status = subprocess.run([*wrapper, build / 'tests/reliability/leak'], capture_output=True, check=False).returncode
    return 'planted leaks that are found', 1, int(status == 0)


def check_threads(build):
    """Those of `watch`, and whether a program can make one."""
    with tempfile.TemporaryDirectory(prefix='triage-') as folder:
        bench = Traffic(build, pathlib.Path(folder))
        try:
            bench.start('--ring-size', '1048576')
            watch = subprocess.Popen([build / 'client/idevicetriage', '--json', 'watch'], env=bench.environment,
                                     stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
            watch.stdout.readline()
            threads = {process.pid: len(list(pathlib.Path(f'/proc/{process.pid}/task').iterdir()))
                       for process in (watch, bench.process)}
            watch.terminate()
            watch.communicate()
        finally:
            bench.close()
    faults = int(threads[watch.pid] != 1) + int(threads[bench.process.pid] != 1 + DISK_THREADS)
    return ('programs other than the daemon, without threads', len(PROGRAMS),
            faults + sum(needs(build, program, 'pthread_create') for program in PROGRAMS))


def main():
    build, rounds = pathlib.Path(sys.argv[1]).resolve(), int(sys.argv[2])
    performed = ('kinds of requests, with each method of the interface', len(REQUESTS), len(methods_not_performed()))
    if needs(build, 'daemon/idevicetriaged', '__asan_init'):
        return show([check(build, rounds, 'the sanitizers', (), None), check_leak(build, ()), performed], LIMITS)
    with tempfile.TemporaryDirectory(prefix='triage-') as folder:
        log, suppressed = pathlib.Path(folder) / 'log', pathlib.Path(folder) / 'suppressed'
        suppressed.write_text(SUPPRESSED)
        wrappers = {tool: ['valgrind', f'--tool={tool}', '--error-exitcode=99', f'--log-file={log}',
                           f'--suppressions={suppressed}', *options] for tool, options in TOOLS.items()}
        rows = [check(build, rounds, tool, wrapper, log) for tool, wrapper in wrappers.items()]
        rows.append(check_leak(build, wrappers['memcheck']))
    return show([*rows, check_threads(build), performed], LIMITS)


sys.exit(main())
