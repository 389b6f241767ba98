# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the bus shows of a restore by the real idevicerestore is what its log says.

The conversation of the tool with the simulated phone is recorded as usbmon would show it (linktap.py). The events that
the watcher of the bus makes of it are compared with those that the log's reader makes of the tool's output."""
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import debian
import linktap
import pytest
import restoretool
import script
import simphone

SCENARIOS = script.load()
# Those in which the tool and the phone talk until an end; what usbmuxd itself does is not on this bus.
NAMES = ['success', 'success-noisy', 'success-protocol-13', 'disk-failure-detach', 'disk-failure-overwritten', 'detach',
         'image-drop', 'verify-failure', 'fdr-failure', 'baseband-failure', 'status-without-amr-error', 'bounce-to-recovery',
         'bounce-to-dfu', 'vanish', 'early-reset', 'early-reset-panic', 'restored-garbage']
# The newest tool says what it does in other words, to the same phone.
NEWEST = restoretool.TOOLS['forky']
NEWEST_NAMES = ['success', 'success-protocol-13', 'disk-failure-detach', 'verify-failure', 'early-reset']
CASES = [(restoretool.OLDEST, name) for name in NAMES] + [(NEWEST, name) for name in NEWEST_NAMES]
SECONDS = 90


def run(tool, name, firmware, build):
    """A restore in its own folder. Returns the lines of both readers, and the text of the tool."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix='triage-'))
    try:
        with simphone.Simulator(folder / 'mux', name) as simulator:
            recording = linktap.tap(simulator.phone)
            command = tool.command(build, folder, simulator.phone.identity, firmware)
            with (folder / 'log').open('wb') as log:
                subprocess.run(['stdbuf', '-oL', *command], cwd=folder, stdin=subprocess.DEVNULL, stdout=log, check=False,
                               stderr=subprocess.STDOUT, timeout=SECONDS,
                               env={**os.environ, 'USBMUXD_SOCKET_ADDRESS': f'UNIX:{folder / "mux"}', 'LC_ALL': 'C.UTF-8'})
            simulator.journal.wait('restore-ended', 10)
        recording.write(folder / 'bus')
        lines = {}
        for kind in 'bus', 'log':
            out = subprocess.run([build / 'tests/integration/link_events', kind, folder / kind], check=True, capture_output=True,
                                 text=True)
            lines[kind] = [line.split('|') for line in out.stdout.splitlines()]
        return lines['bus'], lines['log'], (folder / 'log').read_text(errors='replace')
    finally:
        restoretool.kill(folder)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope='module')
def runs(request, firmware):
    build = pathlib.Path(request.config.getoption('--build-dir')).resolve()
    path = firmware()
    debian.make(NEWEST.suite, build)
    with concurrent.futures.ThreadPoolExecutor(len(CASES)) as pool:
        yield {(tool.suite, name): pool.submit(run, tool, name, path, build) for tool, name in CASES}


def distinct(lines, kind, *fields):
    """The values of these fields in the events of a kind; the same value twice in a row is one."""
    values = [tuple(line[field] for field in fields) for line in lines if line[0] == kind]
    return [value for i, value in enumerate(values) if i == 0 or value != values[i - 1]]


@pytest.mark.parametrize('suite, name', [(tool.suite, name) for tool, name in CASES])
def test_bus_says_what_the_log_says(runs, suite, name):
    bus, log, _ = runs[suite, name].result()
    # A tool that has given up prints no more.
    assert distinct(bus, 'operation', 1, 2)[:len(distinct(log, 'operation', 1, 2))] == distinct(log, 'operation', 1, 2)
    known = distinct(log, 'status', 3)
    assert distinct(bus, 'status', 3)[:len(known)] == known
    if known:
        assert distinct(bus, 'outcome', 2)[:1] == distinct(log, 'outcome', 2)[:1]
    assert distinct(bus, 'transfer', 1, 4) == distinct(log, 'transfer', 1, 4) or not known
    assert set(distinct(log, 'transfer', 1, 4)) <= set(distinct(bus, 'transfer', 1, 4))
    assert [line[1] for line in bus if line[0] == 'tool-version'] == ['idevicerestore']
    assert ['stage', '', '4', '0', '0', '0'] in bus
    assert not [line for line in bus if line[0].startswith('link-error')]


@pytest.mark.parametrize('name', ['disk-failure-detach', 'verify-failure', 'early-reset-panic', 'success-noisy'])
def test_no_word_of_the_phones_log(runs, name):
    """The log that a phone sends with its status, or of an earlier attempt, and its answers stay where they are."""
    bus, _, text = runs[restoretool.OLDEST.suite, name].result()
    words = set(re.findall(r'[A-Za-z_]{9,}', ' '.join(' '.join(line) for line in bus)))
    said = set(re.findall(r'[A-Za-z_]{9,}', '\n'.join(text.split('Log is available:')[1:])))
    steps = {word for line in bus if line[0] in ('operation', 'checkpoint', 'transfer', 'wait') for word in line[1].split()}
    kinds = {line[0] for line in bus} | {word for kind in {line[0] for line in bus} for word in kind.split('-')}
    assert not (words & said) - steps - kinds - {'idevicerestore'}
