# SPDX-License-Identifier: LGPL-2.1-or-later
"""Long output on a terminal goes through a pager; nothing else changes, whatever becomes of the pager."""
import fcntl
import os
import pathlib
import select
import signal
import struct
import subprocess
import termios
import time

import pytest

LOG = 'Waiting for NAND (28)\nERROR: Unable to restore device\n'
MARK = 'cat; echo THROUGH THE PAGER'


@pytest.fixture
def terminal(request, folder):
    """terminal(*arguments, rows=24, keys=(), **environment): runs the command at a terminal of 80 columns; gives its
    exit status and what was on the screen. `keys` are typed one by one once the output has come, the last one again and again."""
    program = pathlib.Path(request.config.getoption('--build-dir')).resolve() / 'client/idevicetriage'
    (folder / 'restore.log').write_text(LOG)

    def run(*arguments, rows=24, keys=(), **environment):
        hidden = {'IDEVICETRIAGE_PAGER', 'PAGER', 'LESS', 'NO_COLOR', 'SUDO_UID', 'COLUMNS'}
        environment = {**{name: value for name, value in os.environ.items() if name not in hidden},
                       'TERM': 'xterm', 'LC_ALL': 'C.UTF-8', **environment}
        master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack('HHHH', rows, 80, 0, 0))
        process = subprocess.Popen([program, '--socket', folder / 'none', '--state-dir', folder / 'none', *arguments],
                                   stdin=slave, stdout=slave, stderr=slave, cwd=folder, env=environment, start_new_session=True,
                                   preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(slave)
        text, deadline = b'', time.monotonic() + 20
        while time.monotonic() < deadline:
            if not select.select([master], [], [], 0.1)[0]:
                if keys and text:
                    os.write(master, keys[0])
                    keys = keys[1:] or keys
                continue
            try:
                piece = os.read(master, 65536)
            except OSError:  # the last one has closed the terminal
                break
            if not piece:
                break
            text += piece
        os.close(master)
        try:
            return process.wait(1), text.decode().replace('\r\n', '\n')
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)

    return run


def test_long_output_goes_through_the_pager_with_the_headline_first(terminal):
    code, text = terminal('diagnose', '--log', 'restore.log', rows=10, IDEVICETRIAGE_PAGER=MARK)
    assert code == 30 and text.endswith('THROUGH THE PAGER\n')
    assert text.splitlines()[0].lstrip('\x1b[0123456789;m').startswith('Undecided')
    plain_code, plain = terminal('--no-pager', 'diagnose', '--log', 'restore.log', rows=10, IDEVICETRIAGE_PAGER=MARK)
    assert plain_code == 30 and plain + 'THROUGH THE PAGER\n' == text


@pytest.mark.parametrize('arguments', [('explain', '4013'), ('help', 'attempt'), ('attempt', '--help'), ('doctor',),
                                       ('diagnose', '--all', '--log', 'restore.log')])
def test_each_long_output_goes_through_it(terminal, arguments):
    assert terminal(*arguments, rows=8, IDEVICETRIAGE_PAGER=MARK)[1].endswith('THROUGH THE PAGER\n')


def test_output_that_fits_the_screen_needs_no_pager(terminal):
    _, text = terminal('help', 'sessions', rows=60, IDEVICETRIAGE_PAGER=MARK)
    rows = text.count('\n')
    assert 5 < rows and 'PAGER' not in text
    assert 'PAGER' not in terminal('help', 'sessions', rows=rows + 1, IDEVICETRIAGE_PAGER=MARK)[1]
    assert 'PAGER' in terminal('help', 'sessions', rows=rows, IDEVICETRIAGE_PAGER=MARK)[1]
    # One line that wraps over the screen is long, too.
    assert 'PAGER' in terminal('diagnose', '--short', '--log', 'restore.log', rows=2, IDEVICETRIAGE_PAGER=MARK)[1]
    assert 'PAGER' not in terminal('--help', IDEVICETRIAGE_PAGER=MARK)[1]


def test_scripts_get_no_pager(terminal, request, folder):
    assert 'PAGER' not in terminal('--json', 'explain', '4013', rows=2, IDEVICETRIAGE_PAGER=MARK)[1]
    assert 'PAGER' not in terminal('explain', '4013', rows=2, IDEVICETRIAGE_PAGER=MARK, TERM='dumb')[1]
    program = pathlib.Path(request.config.getoption('--build-dir')).resolve() / 'client/idevicetriage'
    output = subprocess.run([program, 'explain', '4013'], capture_output=True, text=True, check=True,
                            env={**os.environ, 'IDEVICETRIAGE_PAGER': MARK}).stdout
    assert 'PAGER' not in output and output.count('\n') > 8


@pytest.mark.parametrize('pager', ['/nonexistent/pager', 'true', 'head -n 1', 'exit 3', 'kill -9 $$'])
def test_a_pager_that_is_missing_or_quits_is_no_error(terminal, pager):
    code, text = terminal('diagnose', '--log', 'restore.log', rows=10, IDEVICETRIAGE_PAGER=pager)
    assert code == 30
    # Without a pager, the output is there as a whole.
    assert (text.count('\n') > 10) == ('nonexistent' in pager)


def test_less_is_the_default_and_its_absence_is_silent(terminal, folder):
    code, text = terminal('diagnose', '--log', 'restore.log', rows=10, PATH=str(folder))
    assert code == 30 and 'less' not in text.split('Undecided')[0] and text.count('\n') > 10
    less = folder / 'less'
    less.write_text('#!/bin/sh\n/bin/cat\necho "$LESS,$LESSSECURE"\n')
    less.chmod(0o755)
    assert terminal('explain', '4013', rows=10, PATH=str(folder))[1].endswith('\nFRX,\n')
    assert terminal('explain', '4013', rows=10, PATH=str(folder), LESS='S')[1].endswith('\nS,\n')
    # Who may run this program as root gets no other program from it.
    assert terminal('explain', '4013', rows=10, PATH=str(folder), SUDO_UID='1000', PAGER='/bin/sh')[1].endswith('\nFRX,1\n')


def test_the_variables_choose_the_pager(terminal):
    own, other = 'cat; echo OWN', 'cat; echo OTHER'
    assert terminal('explain', '4013', rows=10, IDEVICETRIAGE_PAGER=own, PAGER=other)[1].endswith('OWN\n')
    assert terminal('explain', '4013', rows=10, PAGER=other)[1].endswith('OTHER\n')
    for none in ('', 'cat'):
        assert 'OTHER' not in terminal('explain', '4013', rows=10, IDEVICETRIAGE_PAGER=none, PAGER=other)[1]


def test_the_real_less_shows_the_headline_and_ends_with_q(terminal):
    code, text = terminal('diagnose', '--log', 'restore.log', rows=10, keys=[b'q'])
    assert code == 30 and 'Undecided' in text and text.count('\n') < 15


def test_an_interrupt_does_not_leave_the_pager_behind(terminal):
    # less stays at Ctrl-C; the command must stay with it.
    code, text = terminal('diagnose', '--log', 'restore.log', rows=10, keys=[b'\x03', b'q'])
    assert code == 30 and 'Undecided' in text
