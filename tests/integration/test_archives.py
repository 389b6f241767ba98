# SPDX-License-Identifier: LGPL-2.1-or-later
"""Hostile archives for `import` and `check-firmware`: bombs, names that lead outside, links, absurd numbers. Nothing is written
anywhere, memory is bounded, and what is refused is said."""
import gzip
import os
import plistlib
import stat
import struct
import subprocess
import time
import zipfile
import zlib

import pytest

ECID = '0x00AA334455667788'
LOG = b'About to restore device...\nWaiting for NAND (28)\nERROR: Unable to restore device\n'
MIB, MEMORY_MIB, SECONDS = 1 << 20, 200, 60


def make_zip(path, members, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, 'w', compression, compresslevel=1) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return path


def member(name, mode):
    """A member that is no plain file."""
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = mode << 16
    return info


def overlapping(path, count=2000, size=4 * MIB):
    """Each entry of the directory names the same compressed bytes: little on the disk, gigabytes if it is believed."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = packer.compress(b'\0' * size) + packer.flush()
    check, name = zlib.crc32(b'\0' * size), b'a'
    local = struct.pack('<IHHHHHIIIHH', 0x04034b50, 20, 0, 8, 0, 0, check, len(data), size, len(name), 0) + name + data
    entries = b''.join(struct.pack('<IHHHHHHIIIHHHHHII', 0x02014b50, 20, 20, 0, 8, 0, 0, check, len(data), size, 7, 0, 0, 0, 0, 0, 0)
                       + b'%07d' % number for number in range(count))
    path.write_bytes(local + entries + struct.pack('<IHHHHIIH', 0x06054b50, 0, 0, count, count, len(entries), len(local), 0))
    return path


def absurd_sizes(path):
    """Sizes and offsets of the directory are the greatest possible."""
    make_zip(path, [('a.log', LOG), ('b.log', LOG)])
    data = bytearray(path.read_bytes())
    at = data.find(b'PK\x01\x02')
    data[at + 20:at + 28] = b'\xfe\xff\xff\xff' * 2
    data[at + 42:at + 46] = b'\xf0\xff\xff\xff'
    path.write_bytes(data)
    return path


def bomb(path):
    with gzip.open(path, 'wb', compresslevel=1) as file:
        for _ in range(64):
            file.write(b'\0' * MIB)
    return path


def nested(path, levels=6):
    data = LOG
    for _ in range(levels):
        data = gzip.compress(data)
    path.write_bytes(data)
    return path


ARCHIVES = {
    'traversal': lambda path: make_zip(path, [('../../outside.log', LOG), ('/tmp/absolute.log', LOG), ('..\\..\\x.log', LOG)]),
    'link': lambda path: make_zip(path, [(member('link.log', stat.S_IFLNK | 0o777), b'/etc/passwd'),
                                         (member('device', stat.S_IFCHR | 0o666), b''), ('link.log', LOG)]),
    'many': lambda path: make_zip(path, [(f'{number}', b'') for number in range(10001)], zipfile.ZIP_STORED),
    'bomb': bomb,
    'zip bomb': lambda path: make_zip(path, [(f'{number}', b'\0' * 8 * MIB) for number in range(8)]),
    'overlapping': overlapping,
    'nested': nested,
    'absurd': absurd_sizes,
    'same names': lambda path: make_zip(path, [('BuildManifest.plist', LOG)] * 200),
    'long name': lambda path: make_zip(path, [('x' * 60000, LOG), ('a/' * 20000, b'')]),
    'manifest bomb': lambda path: make_zip(path, [('BuildManifest.plist', b'<plist>' + b'<array>' * 4 * MIB)]),
    'deep manifest': lambda path: make_zip(path, [('BuildManifest.plist', b'<plist>' + b'<dict><key>a</key>' * 50000)]),
    'manifest that lists much': lambda path: make_zip(path, [('BuildManifest.plist', plistlib.dumps({
        'ProductVersion': '1', 'ProductBuildVersion': '1', 'SupportedProductTypes': ['iPhone12,3'] * 5000, 'BuildIdentities': [
            {'Manifest': {f'C{n}': {'Info': {'Path': f'../{n}'}} for n in range(5000)}}]}))]),
}


def run(bench, *arguments):
    """Gives the exit status, what was said, and the most memory of the command in MiB."""
    out = open(bench.folder / 'said', 'w+b')
    began_s = time.monotonic()
    process = subprocess.Popen([str(bench.build / 'client/idevicetriage'), *map(str, arguments)], env=bench.environment,
                               cwd=bench.folder / 'inside', stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    out.seek(0)
    said = out.read().decode()
    out.close()
    assert time.monotonic() - began_s < SECONDS
    return process.returncode, said, usage.ru_maxrss // 1024


@pytest.mark.parametrize('name', ARCHIVES)
def test_a_hostile_archive(bench, folder, name):
    (folder / 'inside').mkdir()
    archive = ARCHIVES[name](folder / 'archive.zip')
    before = sorted(path.name for path in folder.iterdir())
    for arguments in (['import', '--dry-run', '--device', ECID], ['diagnose', '--log'], ['check-firmware'],
                      ['check-firmware', '--quick'], ['panics', '--file']):
        status, said, memory = run(bench, *arguments, archive)
        assert status in (0, 1, 2, 10, 11, 20, 30), (arguments, status, said)
        assert said.strip() and memory < MEMORY_MIB, (arguments, memory, said[:300])
    assert sorted(path.name for path in folder.iterdir()) == sorted([*before, 'said']) and not list((folder / 'inside').iterdir())


def test_members_of_a_hostile_archive_are_still_read(bench, folder):
    """The names lead nowhere, and the logs are logs."""
    (folder / 'inside').mkdir()
    status, said, _ = run(bench, 'import', '--dry-run', '--device', ECID, ARCHIVES['traversal'](folder / 'archive.zip'))
    assert status == 0 and said.count('operation 28') + said.count('NAND') >= 1, said


def test_more_members_than_the_limit_are_named(bench, folder):
    (folder / 'inside').mkdir()
    archive = ARCHIVES['many'](folder / 'archive.zip')
    assert 'members' in run(bench, 'import', '--dry-run', '--device', ECID, archive)[1]
