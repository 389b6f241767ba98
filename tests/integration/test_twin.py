# SPDX-License-Identifier: LGPL-2.1-or-later
"""A log of a restore that the daemon watched itself: imported, it makes no second attempt of it, and
no second computer."""
import json
import shutil
import time

import pytest

from daemon import until
from test_import import DEVICE, FAILED, imports, text  # noqa: F401 (imports is a fixture)
from test_usb_modes import PHONE, bus, go_through, mode_at  # noqa: F401 (bus is a fixture)


def watch(bench, script):
    """Runs a script through `run` and gives its session."""
    process = bench.run(['sh', '-c', script], '--ecid', DEVICE)
    process.communicate(timeout=20)
    (session,) = bench.sessions()
    return session


def imported(imports, *arguments):
    result = imports('--json', *arguments)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def clock(microseconds):
    """As the tools of 2025 begin their lines."""
    seconds = time.localtime(microseconds // 1000000)
    return f'{time.strftime("%H:%M:%S", seconds)}.{microseconds // 1000 % 1000:03}'


def log_between(session):
    """A log of that time, with other lines than the session has."""
    began, ended = session['startedUSec'], session['endedUSec']
    step = (ended - began) / len(FAILED)
    return ''.join(f'{clock(int(began + step * i))}    <Info> {line}\n' for i, line in enumerate(FAILED))


def test_the_same_lines_are_the_same_restore(bench, imports):
    bench.start()
    log = imports.write('restore.log', text(FAILED))
    session = watch(bench, f'cat {log}; exit 255')
    result = imports(log, '--host', 'counter Mac')
    assert result.returncode == 0, result.stderr
    assert f'is already known as\n  {session["session"][-8:]}' in result.stdout
    assert imported(imports, log, '--host', 'counter Mac')['session']['session'] == session['session']
    assert [each['session'] for each in bench.sessions()] == [session['session']]


def test_other_lines_are_another_restore(bench, imports):
    bench.start()
    log = imports.write('restore.log', text(FAILED))
    watch(bench, f'cat {log}; exit 255')
    for name, lines in ('longer', [*FAILED, 'DONE']), ('shorter', FAILED[:-1]):
        assert imported(imports, imports.write(name, text(lines)))['added']
    assert len(bench.sessions()) == 3


def test_the_same_time_is_the_same_restore(bench, imports):
    bench.start()
    session = watch(bench, 'echo "Creating filesystem (12)"; sleep 1; exit 255')
    # Its first line may seem to begin a millisecond before the session.
    log = imports.write('restore.log', log_between(session))
    assert imported(imports, log)['session']['session'] == session['session']
    assert len(bench.sessions()) == 1


@pytest.mark.skipif(not shutil.which('umockdev-wrapper'), reason='umockdev is not installed')
def test_a_restore_whose_modes_were_seen_is_no_second_computer(bench, bus, imports):
    bench.start()
    bus.tell(f'add 1-2 recovery {PHONE}')
    until(lambda: mode_at(bench, '1-2') == 'recovery', what='recovery mode')
    go_through(bench, bus, '1-2', ['ibec', 'recovery'])
    session = until(lambda: next((s for s in bench.sessions() if s['outcome'] == 'failed'), None), what='the end')
    made = imported(imports, imports.write('restore.log', log_between(session)), '--host', 'counter Mac')
    assert made['added']
    assert (made['session']['host'], made['session']['port']) == (session['host'], '1-2')
