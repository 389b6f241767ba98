# SPDX-License-Identifier: LGPL-2.1-or-later
"""A terminal of tmux: a person's keys, and what they see."""
import shutil
import subprocess

import pytest

from daemon import until

needed = pytest.mark.skipif(not shutil.which('tmux'), reason='tmux is not installed')


class Terminal:
    """A terminal of tmux in which `watch` runs, and then a shell that shows what is left of it."""

    def __init__(self, bench, folder, width, height, *arguments, shell=False, **environment):
        self.socket = folder / f'tmux{len(list(folder.glob("tmux*")))}'
        command = f'{bench.build}/client/idevicetriage watch {" ".join(arguments)}; echo ended with $?; stty -a; cat'
        if shell:
            command = 'sh -i'
        settings = {**bench.environment, 'LC_ALL': 'C.UTF-8', **environment}
        subprocess.run(['tmux', '-u', '-S', self.socket, '-f', '/dev/null', 'new-session', '-d', '-x', str(width),
                        '-y', str(height), command], env=settings, cwd=folder, check=True, stdin=subprocess.DEVNULL)

    def tmux(self, *arguments, check=True):
        return subprocess.run(['tmux', '-S', self.socket, *map(str, arguments)], capture_output=True, text=True,
                              check=check).stdout

    def shows(self, *options):
        return self.tmux('capture-pane', '-p', *options)

    def wait(self, *texts, without=()):
        """Waits until all texts are shown, and gives the screen."""
        shown = ''

        def complete():
            nonlocal shown
            shown = self.shows()
            return all(text in shown for text in texts) and not any(text in shown for text in without)
        try:
            until(complete, what=f'{texts}')
        except AssertionError:
            raise AssertionError(f'{texts} without {without}:\n{shown}') from None
        return shown

    def press(self, *keys):
        self.tmux('send-keys', *keys)

    def program(self):
        """The process of `watch`."""
        shell = self.tmux('display-message', '-p', '#{pane_pid}').strip()
        return int(until(lambda: subprocess.run(['pgrep', '-P', shell, 'idevicetriage'], capture_output=True,
                                                text=True).stdout.strip(), what='watch'))

    def close(self):
        self.tmux('kill-server', check=False)
