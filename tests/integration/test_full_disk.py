# SPDX-License-Identifier: LGPL-2.1-or-later
"""A purge deletes on a disk that is full to the last byte: a customer's data need not wait until somebody makes room."""
import os
import pathlib
import random
import subprocess

import pytest

from daemon import until

ECID, OTHER = '0x00AA334455667788', '0x00BB334455667799'
RESERVE = 4 << 20
SECRET = 'left-in-the-rain'


def mounted(bench, size):
    """A disk of that size, which only the daemon and its children see."""
    bench.wrapper = ['unshare', '--mount', 'sh', '-c', f'mount -t tmpfs -o size={size} none {bench.state} && exec "$@"', 'sh']
    if subprocess.run([*bench.wrapper, 'true'], capture_output=True, check=False).returncode != 0:
        pytest.skip('mounting a small tmpfs is not allowed here')


def disk(bench):
    return pathlib.Path(f'/proc/{bench.process.pid}/root{bench.state}')


def fill(path):
    """Takes the last byte."""
    with open(path, 'wb', buffering=0) as file:
        for length in (1 << 20, 4096):
            try:
                while file.write(b'x' * length) == length:
                    pass
            except OSError:
                pass


def free_bytes(folder):
    about = os.statvfs(folder)
    return about.f_bavail * about.f_frsize


def watch_restore(bench, ecid, lines=300):
    """A restore whose log does not pack."""
    text = ''.join(f'{SECRET} {random.randbytes(60).hex()}\n' for _ in range(lines))
    text += 'Waiting for NAND (28)\nERROR: Unable to restore device\n'
    return bench.watch_failure(text, arguments=[SECRET], ecid=ecid, ticket=SECRET)


def sealed(bench):
    return bench.call('GetStatistics')['attempts']


def on_disk(bench, text):
    return [path.name for path in disk(bench).iterdir() if text.encode() in path.read_bytes()]


def assert_purged(bench, **parameters):
    answer = bench.call('Purge', **parameters)
    assert 'attempts' in answer, answer
    assert not on_disk(bench, SECRET) and not on_disk(bench, ECID[4:])
    return answer['attempts']


@pytest.mark.parametrize('parameters', [{'device': ECID}, {'beforeUSec': 1 << 52}], ids=['device', 'time'])
def test_a_purge_on_a_full_disk(bench, parameters):
    mounted(bench, '16m')
    bench.start('--ring-size', '1048576')
    for _ in range(60):
        watch_restore(bench, ECID)
    bench.call('AddNote', device=ECID, text=SECRET)
    until(lambda: sealed(bench) == 60, what='the seals')
    fill(disk(bench) / 'filler')
    assert free_bytes(disk(bench)) == 0 and on_disk(bench, SECRET)
    assert 'CasebookUnavailable' in bench.call_raw('AddNote', device=ECID, text='more')
    assert assert_purged(bench, **parameters) == 60
    # It has room for the next one, and the daemon goes on when there is room for the rest.
    assert (disk(bench) / 'casebook.db.reserve').stat().st_size == RESERVE
    (disk(bench) / 'filler').unlink()
    watch_restore(bench, OTHER)
    until(lambda: sealed(bench) == 1, what='the seal')
    assert bench.call('GetCase', device=OTHER)['sessions'] and bench.process.poll() is None


def test_a_purge_of_what_a_full_disk_did_not_take(bench):
    """Restores ended that could not be sealed: their records are in the ring alone."""
    mounted(bench, '16m')
    bench.start('--ring-size', '1048576')
    first = watch_restore(bench, OTHER)
    until(lambda: sealed(bench) == 1, what='the seal')
    fill(disk(bench) / 'filler')
    # The write-ahead log may have room for some.
    for _ in range(24):
        watch_restore(bench, ECID)
    until(lambda: any(source['name'] == 'casebook' and not source['up'] for source in bench.call('GetStatus')['sources']),
          what='the full disk')
    bench.call('Purge', device=ECID)
    assert not on_disk(bench, ECID[4:])
    (disk(bench) / 'filler').unlink()
    until(lambda: all(source['up'] for source in bench.call('GetStatus')['sources'] if source['name'] == 'casebook'),
          what='the casebook')
    assert [session['session'] for session in bench.call('ListSessions')['sessions']] == [first]


def test_a_purge_after_a_start_on_a_full_disk(bench):
    """The casebook is opened, which takes some room, and read, and purged."""
    mounted(bench, '16m')
    # It holds the disk while the daemon starts again.
    holder = subprocess.Popen([*bench.wrapper, 'sleep', '600'])
    try:
        bench.wrapper = ['nsenter', f'--mount=/proc/{holder.pid}/ns/mnt', '--']
        until(lambda: str(bench.state) in pathlib.Path(f'/proc/{holder.pid}/mountinfo').read_text(), what='the disk')
        bench.start('--ring-size', '1048576')
        for _ in range(20):
            watch_restore(bench, ECID)
        until(lambda: sealed(bench) == 20, what='the seals')
        bench.stop()
        fill(pathlib.Path(f'/proc/{holder.pid}/root{bench.state}/filler'))
        bench.start('--ring-size', '1048576')
        assert len(bench.call('GetCase', device=ECID)['sessions']) == 20
        assert assert_purged(bench, device=ECID) == 20
    finally:
        bench.stop()
        holder.kill()
        holder.wait()
