# SPDX-License-Identifier: LGPL-2.1-or-later
"""The completion in the real shells: bash and zsh at a terminal, where a person types a line and Tab, and fish, which
answers a question of its own. The words come from the command's tables and from a real daemon."""
import fcntl
import os
import pathlib
import re
import select
import shutil
import struct
import subprocess
import tempfile
import termios
import time

import pytest

from daemon import Bench

CLIENT = pathlib.Path(__file__).resolve().parents[2] / 'client'
ECID = '0x001C2D6A3C8A802E'
ANSWER_SECONDS = 15
READLINE = 'set completion-query-items 0\nset page-completions off\nset show-all-if-ambiguous on\nset enable-bracketed-paste off\n'
START = {
    'bash': 'source {client}/completion.bash',
    'bash-completion': 'source /usr/share/bash-completion/bash_completion; source {client}/completion.bash',
    'zsh': 'fpath=({functions} $fpath); autoload -U compinit; compinit -u -D; LISTMAX=1000; setopt no_list_ambiguous',
}


class Terminal:
    """A shell at a terminal of 150 columns."""

    def __init__(self, name, bench, functions):
        self.name = name
        self.process = os.forkpty()
        if self.process[0] == 0:
            os.chdir(bench.folder / 'work')
            shell = [name, '-f', '-i'] if name == 'zsh' else ['bash', '--norc', '--noprofile', '-i']
            os.execvpe(shell[0], shell, {**bench.environment, 'TERM': 'dumb', 'PS1': '$ ', 'INPUTRC': str(bench.folder / 'inputrc')})
        fcntl.ioctl(self.process[1], termios.TIOCSWINSZ, struct.pack('HHHH', 60, 150, 0, 0))
        self.write(START[name].format(client=CLIENT, functions=functions) + "; PS1='$ '; echo rea''dy\n")
        assert 'ready\n' in self.read('ready\n')

    def write(self, text):
        os.write(self.process[1], text.encode())

    def read(self, *wanted):
        """What it prints until all of `wanted` is there."""
        text, deadline = '', time.monotonic() + ANSWER_SECONDS
        while not all(word in text for word in wanted) and time.monotonic() < deadline:
            if select.select([self.process[1]], [], [], 0.1)[0]:
                text += re.sub(r'\x1b\[[0-9;?]*[a-zA-Z]|\a|.\x08', '', os.read(self.process[1], 65536).decode(errors='replace')).replace('\r', '\n')
        return text

    def complete(self, line, *wanted):
        """The words that Tab shows or inserts, after the wanted ones have come."""
        self.write(line + '\t')
        text = self.read(*wanted)
        self.write('\x15\x0becho e""nd\n')  # empties the line
        end = self.read('\nend\n')
        assert '\nend\n' in end, text + end
        text += end
        return set(re.split(r'\s{2,}|\n|\t|(?<!\\) ', text))

    def close(self):
        os.kill(self.process[0], 9)
        os.waitpid(self.process[0], 0)
        os.close(self.process[1])


class Fish:
    def __init__(self, bench):
        self.bench = bench

    def complete(self, line, *wanted):
        script = f'source {CLIENT}/completion.fish; complete -C $argv[1]'
        result = subprocess.run(['fish', '--no-config', '-c', script, line], env={**self.bench.environment, 'HOME': str(self.bench.folder)},
                                cwd=self.bench.folder / 'work', capture_output=True, text=True, timeout=60)
        assert not result.stderr, result.stderr
        return {answer.split('\t')[0] for answer in result.stdout.splitlines()}

    def close(self):
        pass


@pytest.fixture(scope='module')
def bench(request):
    folder = pathlib.Path(tempfile.mkdtemp(prefix='triage-'))
    bench = Bench(pathlib.Path(request.config.getoption('--build-dir')).resolve(), folder, folder / 'mux').start()
    tools = folder / 'bin'
    tools.mkdir()
    (tools / 'idevicetriage').symlink_to(bench.build / 'client/idevicetriage')
    (tools / 'idevicerestore').write_text('#!/bin/sh\n')
    (tools / 'idevicerestore').chmod(0o755)
    bench.environment['PATH'] = f"{tools}:{os.environ['PATH']}"
    (folder / 'inputrc').write_text(READLINE)
    (folder / 'work').mkdir()
    for name in ('restore.log', 'two words.log'):
        (folder / 'work' / name).touch()
    (folder / 'work/reports').mkdir()
    bench.triage('attempt', ECID, '--outcome', 'failed', '--error', '4013', '--ticket', 'T 1042', '--cable', 'L07', '--port', '1-2.3')
    bench.triage('conditions', '1-2.3', '--name', 'slot 4')
    yield bench
    bench.close()
    shutil.rmtree(folder)


@pytest.fixture(scope='module', params=['bash', 'bash-completion', 'zsh', 'fish'])
def shell(request, bench):
    functions = bench.folder / 'functions'
    functions.mkdir(exist_ok=True)
    shutil.copy(CLIENT / 'completion.zsh', functions / '_idevicetriage')
    shell = Fish(bench) if request.param == 'fish' else Terminal(request.param, bench, functions)
    yield shell
    shell.close()


@pytest.mark.parametrize('line, offered, not_offered', [
    ('idevicetriage d', {'diagnose', 'doctor'}, {'status', '--json'}),
    ('idevicetriage help ex', {'explain', 'export'}, {'status'}),
    ('idevicetriage --color ', {'auto', 'always', 'never'}, {'status'}),
    ('idevicetriage log --', {'--follow', '--after', '--socket'}, {'--limit', 'restore.log'}),
    ('idevicetriage import ', {'restore.log', 'reports/'}, {'--dry-run', '--cable'}),
    ('idevicetriage import a.log r', {'restore.log', 'reports/'}, set()),
    ('idevicetriage diagnose --case r', {'restore.log', 'reports/'}, set()),
    ('idevicetriage panics --file r', {'restore.log', 'reports/'}, set()),
    ('idevicetriage stats --by ', {'port', 'cable', 'bench', 'model', 'week', 'tool'}, {'restore.log'}),
    ('idevicetriage run --display re', {'replaced'}, {'reports/'}),
    ('idevicetriage run --condition chargeF', {'chargeFlex='}, set()),
    ('idevicetriage note 802E --history loops-o', {'loops-on-charger-only'}, set()),
    ('idevicetriage run -- idevicer', {'idevicerestore'}, {'restore.log'}),
    ('idevicetriage run --cable L07 idevicer', {'idevicerestore'}, {'restore.log'}),
    ('idevicetriage run -- idevicerestore res', {'restore.log'}, {'--cable'}),
    ('idevicetriage conditions ', {'1-2.3'}, {'--cable'}),
    ('idevicetriage run --cable L', {'L07'}, set()),
    ('idevicetriage case 80', {'802E'}, set()),
])
def test_tab_offers_what_may_follow(shell, line, offered, not_offered):
    words = shell.complete(line, *offered)
    assert offered <= words and not words & not_offered, words


def test_a_folder_is_wanted_where_no_file_fits(shell):
    words = shell.complete('idevicetriage panics --output rep', 'reports/')
    assert 'reports/' in words and 'restore.log' not in words


def test_the_sessions_are_those_of_the_daemon(shell, bench):
    session, = bench.sessions()
    end = session['session'][-8:]
    assert end in shell.complete(f'idevicetriage log {end[:3]}', end)


def test_a_ticket_with_a_blank_is_one_word(shell):
    word = 'T 1042' if isinstance(shell, Fish) else 'T\\ 1042'
    assert word in shell.complete('idevicetriage run --ticket T', word)


@pytest.mark.parametrize('line, completed', [
    ('run --display=re', '--display=replaced'), ('diagnose --case=resto', '--case=restore.log'),
    ('run --condition chargeFlex=known', 'chargeFlex=known-good'), ('hook --on session-ended,po', 'session-ended,port-suspect')])
def test_a_word_is_completed_after_its_first_part(shell, line, completed):
    assert completed in shell.complete(f'idevicetriage {line}', completed)


def ask(bench, *words, socket=None):
    """What the shells ask, and how long it takes."""
    begin = time.monotonic()
    result = subprocess.run([bench.build / 'client/idevicetriage', '__complete', *words], capture_output=True, text=True, timeout=20,
                            env={**bench.environment, 'IDEVICETRIAGE_SOCKET': str(socket or bench.socket)})
    assert result.returncode == 0 and result.stderr == ''
    return result.stdout.splitlines(), time.monotonic() - begin


def test_without_a_daemon_nothing_is_offered_or_said(bench):
    assert ask(bench, 'diagnose', '', socket=bench.folder / 'none')[0] == ['words']


def test_a_daemon_that_hangs_costs_a_moment(bench):
    import socket
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(bench.folder / 'silent'))
        silent.listen(8)
        words, seconds = ask(bench, 'diagnose', '', socket=bench.folder / 'silent')
        assert words == ['words'] and seconds < 2
        # The option names the daemon, too.
        assert ask(bench, '--socket', str(bench.socket), 'case', '', socket=bench.folder / 'silent')[0][1].startswith('802E\t')


def test_a_phone_is_shown_as_in_the_other_outputs(bench):
    words, _ = ask(bench, 'diagnose', '')
    assert words[0] == 'words' and '001C2D6A3C8A' not in '\n'.join(words)
    assert any(re.fullmatch(r'802E\tphone \.\.802E failed [-0-9]+ [0-9:]+, ticket T 1042', word) for word in words), words
