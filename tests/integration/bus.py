# SPDX-License-Identifier: LGPL-2.1-or-later
"""A played USB bus for the real daemon (mockusb.c has the words of its commands)."""
import pathlib
import subprocess
import threading


class Bus:
    """mockusb, without a command of its own: the daemon joins by environment."""

    def __init__(self, build):
        self.process = subprocess.Popen(['umockdev-wrapper', build / 'tests/integration/mockusb'],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        word, folder = self.process.stdout.readline().split()
        assert word == 'testbed'
        self.sysfs = pathlib.Path(folder) / 'sys/bus/usb/devices'
        own_mask = pathlib.Path(build).resolve() / 'tests/integration/own_mask.so'
        self.environment = {'UMOCKDEV_DIR': folder, 'LD_PRELOAD': f'{own_mask}:libumockdev-preload.so.0'}
        self.telling = threading.Lock()

    def tell(self, line):
        """Gives the words of the answer."""
        with self.telling:
            self.process.stdin.write(line + '\n')
            self.process.stdin.flush()
            answer = self.process.stdout.readline()
        assert answer.startswith('ok'), f'{line}: {answer}'
        return answer.split()[1:]

    def follow(self, simulator):
        """Shows the phones of a simulator on this bus, too."""
        ports = {}

        def show(entry):
            if entry['event'] != 'usb':
                return
            phone = next(each for each in simulator.phones if each.identity.udid == entry['udid'])
            identity = phone.identity
            if phone in ports:
                self.tell(f'remove {ports.pop(phone)}')
            if phone.mode == 'gone':
                return
            ports[phone] = phone.port
            name = identity.udid
            if phone.mode in ('recovery', 'dfu'):
                name = f'{identity.ecid:016X} {identity.model.product_type}'
            self.tell(f"speed {entry['speed']}")
            bus, address = self.tell(f'add {phone.port} {phone.mode} {name}')
            phone.location = int(bus) << 16 | int(address)
        simulator.journal.subscribe(show)

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
