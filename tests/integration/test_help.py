# SPDX-License-Identifier: LGPL-2.1-or-later
"""The examples of `help COMMAND` and of idevicetriage-start(7) work as they stand there, by a shell, with a daemon, a phone at a port, a stored restore
and the files that they name; each exits with the status that the manual documents."""
import json
import os
import pathlib
import re
import select
import shutil
import signal
import subprocess
import tempfile

import pytest

from bus import Bus
from daemon import Bench, until

ROOT = pathlib.Path(__file__).resolve().parents[2]
PORT, ECID = '1-2.3', '0x00001A2B3C4D5E6F'
LOG = f'idevicerestore 1.0.0\nECID: {int(ECID, 16)}\nWaiting for NAND (28)\nERROR: Unable to restore device\n'
FILES = {'restore.log': LOG, 'panic-full.ips': (ROOT / 'tests/fuzz/corpus/panic/heat-watch.ips').read_text(), 'firmware.ipsw': '',
         'meter.txt': '- 5.01 0.48\n'}
TOOL_STATUS = 7
PROGRAMS = {'bin/idevicerestore': f'while getopts i:u:ey option; do :; done; shift $((OPTIND - 1)); test -f "$1" || exit 2; echo "{LOG}"; exit {TOOL_STATUS}', 'to-ticket': 'cat'}
# The phase of the verdict; 30 = undecided, as one failed attempt is.
PHASES = {'none': 0, 'phase1-connection': 10, 'phase1-software': 11, 'phase2-hardware': 20, 'undecided': 30}


def pytest_generate_tests(metafunc):
    if 'example' not in metafunc.fixturenames:
        return
    program = pathlib.Path(metafunc.config.getoption('--build-dir')).resolve() / 'client/idevicetriage'
    commands = re.findall(r'&command_([a-z]+),', (ROOT / 'client/help.c').read_text())
    examples = []
    for command in commands:
        text = subprocess.run([program, 'help', command], capture_output=True, text=True, check=True).stdout
        examples += re.findall(r'^  (idevicetriage .*)$', text.split('\nExamples:\n')[1], re.MULTILINE)
    assert len(examples) == 2 * len(commands)
    page = (ROOT / 'man/idevicetriage-start.7.scd').read_text()
    examples += re.findall(r'^(idevicetriage .*)$', ''.join(re.findall(r'^```\n(.*?)^```$', page, re.MULTILINE | re.DOTALL)), re.MULTILINE)
    examples = list(dict.fromkeys(examples))
    metafunc.parametrize('example', examples)


class Shop:
    """A bench with what the examples name."""

    def __init__(self, build):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix='triage-'))
        self.bus = Bus(build)
        self.bench = Bench(build, self.folder, self.folder / 'mux')
        self.bench.environment.update(self.bus.environment)
        (self.folder / 'bin').mkdir()
        (self.folder / 'bin/idevicetriage').symlink_to(build / 'client/idevicetriage')
        for name, text in FILES.items():
            (self.folder / name).write_text(text)
        for name, text in PROGRAMS.items():
            (self.folder / name).write_text(f'#!/bin/sh\n{text}\n')
            (self.folder / name).chmod(0o755)
        self.bench.environment['PATH'] = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        self.bench.start()
        self.bus.tell(f'add {PORT} recovery {ECID[6:]} iPhone12,3')
        until(lambda: [device for device in self.bench.call('ListDevices')['devices'] if device.get('port') == PORT], what='the phone')

    def session(self):
        """The end of the identifier of the stored restore, which a purge may have deleted."""
        self.bench.triage('import', '--device', ECID, 'restore.log', cwd=self.folder)
        return self.bench.sessions()[0]['session'][-8:]

    def start(self, line):
        return subprocess.Popen(['sh', '-c', f'exec {line}' if '|' not in line else line], cwd=self.folder, env=self.bench.environment,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def close(self):
        self.bench.close()
        self.bus.close()
        shutil.rmtree(self.folder)


@pytest.fixture(scope='module')
def shop(request):
    shop = Shop(pathlib.Path(request.config.getoption('--build-dir')).resolve())
    yield shop
    shop.close()


def restore_until(shop, done):
    """Restores of a ticket end, one after the other, until done()."""
    def is_done_after_one():
        shop.bench.run(['true'], '--ticket', '4711', '--ecid', ECID).communicate(timeout=30)
        return done()
    until(is_done_after_one, what='an answer')


def documented_status(shop, words):
    """That of the manual, section EXIT STATUS."""
    if words[1] == 'doctor':
        return int(answer(shop, 'doctor')['problems'] > 0)
    if words[1] in ('diagnose', 'try', 'wait'):
        return PHASES[answer(shop, *(words[1:] if words[1] == 'diagnose' else ['diagnose', ECID]))['verdict']['phase']]
    return TOOL_STATUS if words[1] == 'run' else 0


def answer(shop, *words):
    return json.loads(shop.bench.triage('--json', *words, check=False, cwd=shop.folder).stdout)


def test_an_example_works_as_it_stands(shop, example):
    line = re.sub(r'\b[0-9a-f]{8}\b', shop.session(), example)
    words = line.split()
    process = shop.start(line)
    # They follow the bench until they are stopped; `try` waits until the phone is replugged.
    if words[1] in ('hook', 'guide', 'try') or words[:3] == ['idevicetriage', 'log', '-f'] or 'watch' in words:
        def prints():
            return select.select([process.stdout], [], [], 0)[0] or process.poll() is not None
        if words[1] in ('guide', 'try'):
            until(prints, what='the first line')
        else:
            restore_until(shop, prints)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=20)
        # `try` may end by itself, with the verdict as its status.
        statuses = {0, -signal.SIGINT, 130, *(PHASES.values() if 'try' in words else ())}
        assert output and process.returncode in statuses, (process.returncode, errors)
        return
    if '--next' in words:
        restore_until(shop, lambda: process.poll() is not None)
    output, errors = process.communicate(timeout=60)
    expected = documented_status(shop, words)
    assert process.returncode == expected, errors
    assert output or '-o' in words or 'purge' in words
