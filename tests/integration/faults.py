# SPDX-License-Identifier: LGPL-2.1-or-later
"""A daemon's disk and clock, which fail and leap when a test says so: the control file of tests/rig/disk_fault.c."""
import mmap
import struct

NAME_BYTES = 64


class Faults:
    """Of the programs that `wrapper` starts."""

    def __init__(self, build, folder):
        path = folder / 'faults'
        path.write_bytes(bytes(4096))
        with open(path, 'r+b') as file:
            self.map = mmap.mmap(file.fileno(), 4096)
        preload = build / 'tests' / 'rig' / 'disk_fault.so'
        self.wrapper = ['env', f'LD_PRELOAD={preload}', f'DISKS_CONTROL={path}']

    def set(self, name='', error=0):
        """Each call for a file whose name ends with `name` fails."""
        self.map[:NAME_BYTES] = bytes(NAME_BYTES)
        self.map[NAME_BYTES:NAME_BYTES + 16] = struct.pack('<qq', error, 0)
        self.map[:len(name)] = name.encode()

    def failed(self):
        """The number of calls that failed."""
        return struct.unpack_from('<q', self.map, NAME_BYTES + 8)[0]

    def clock(self, wall_us=0, asleep_us=0):
        """The wall clock is wrong by the one, and the computer slept for the other."""
        self.map[NAME_BYTES + 16:NAME_BYTES + 32] = struct.pack('<qq', wall_us, asleep_us)
