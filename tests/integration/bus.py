# SPDX-License-Identifier: LGPL-2.1-or-later
"""A played USB bus for the real daemon (mockusb.c has the words of its commands)."""
import pathlib
import subprocess


class Bus:
    """mockusb, without a command of its own: the daemon joins by environment."""

    def __init__(self, build):
        self.process = subprocess.Popen(['umockdev-wrapper', build / 'tests/integration/mockusb'],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        word, folder = self.process.stdout.readline().split()
        assert word == 'testbed'
        self.sysfs = pathlib.Path(folder) / 'sys/bus/usb/devices'
        self.environment = {'UMOCKDEV_DIR': folder, 'LD_PRELOAD': 'libumockdev-preload.so.0'}

    def tell(self, line):
        self.process.stdin.write(line + '\n')
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer.startswith('ok'), f'{line}: {answer}'

    def write(self, path, value):
        """Gives a file of sysfs, such as 1-2/urbnum, this content, which no reader finds empty."""
        path = self.sysfs / path
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix('.fresh')
        fresh.write_text(f'{value}\n')
        fresh.replace(path)

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()
