# SPDX-License-Identifier: LGPL-2.1-or-later
"""tests/root/make with a stub of debootstrap: a Debian that cannot be made is never used half-made, and the tests that need
it are skipped with the reason."""
import os
import signal
import subprocess

import pytest

import debian
from daemon import until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason='tests/root/make needs root')

SUITE = 'nowhere'
# What debootstrap does at first; the folder of the new Debian is its third argument.
BEGIN = 'mkdir -p "$3/etc"\n'
STATUS = 'Package: idevicerestore\nStatus: install ok installed\nArchitecture: all\nVersion: 1\nDescription: x\n\n'


@pytest.fixture
def make(folder, monkeypatch):
    """make(*packages) runs tests/root/make, whose debootstrap is the script that was set with make.stub(script)."""
    programs = folder / 'programs'
    programs.mkdir()
    monkeypatch.setenv('PATH', f'{programs}:{os.environ["PATH"]}')
    monkeypatch.setenv('IDEVICETRIAGE_ROOTS', str(folder / 'roots'))

    def run(*packages):
        return subprocess.run(command(*packages), capture_output=True, text=True, timeout=60, check=False)

    def command(*packages):
        return [debian.ROOT / 'make', folder / 'roots', SUITE, *packages]

    def stub(script):
        (programs / 'debootstrap').write_text(f'#!/bin/sh\n{script}')
        (programs / 'debootstrap').chmod(0o755)

    run.stub, run.command, run.root = stub, command, folder / 'roots' / SUITE
    return run


def make_whole(root):
    """A Debian as it is after tests/root/make, as far as that looks."""
    (root / 'var/lib/dpkg').mkdir(parents=True)
    (root / 'var/lib/dpkg/status').write_text(STATUS)


@pytest.mark.parametrize('script, reason', [
    ('echo "E: Failed getting release file" >&2; exit 1\n', 'debootstrap failed: E: Failed getting release file'),
    (BEGIN + 'echo "tar: write error: No space left on device"; exit 2\n', 'No space left on device'),
    # It works, but the packages cannot be installed.
    (BEGIN, 'apt-get failed: '),
], ids=['no-network', 'full-disk', 'no-packages'])
def test_what_fails_leaves_nothing(script, reason, make):
    make.stub(script)
    made = make()
    assert made.returncode == 1
    assert made.stderr.startswith('Cannot make a Debian nowhere: ') and reason in made.stderr
    assert sorted(path.name for path in make.root.parent.iterdir()) == ['nowhere.lock', 'nowhere.log']


def test_without_debootstrap(make, monkeypatch, folder):
    for name in ('dirname', 'flock', 'id', 'mkdir', 'sh'):
        (folder / 'programs' / name).symlink_to(f'/usr/bin/{name}')
    monkeypatch.setenv('PATH', str(folder / 'programs'))
    assert make().stderr == 'Cannot make a Debian nowhere: debootstrap is not installed\n'


def test_what_hangs_is_ended(make, monkeypatch):
    monkeypatch.setenv('DEBIAN_SECONDS', '1')
    make.stub(BEGIN + 'exec sleep 60\n')
    assert 'debootstrap took too long' in make().stderr
    assert not make.root.exists()


def test_what_was_interrupted_is_not_used(make):
    make.stub(BEGIN + 'echo half >"$3/etc/half"; exec sleep 60\n')
    draft = make.root.with_suffix('.draft')
    with subprocess.Popen(make.command(), start_new_session=True) as process:
        until(lambda: (draft / 'etc/half').exists(), what='the half')
        os.killpg(process.pid, signal.SIGKILL)
    assert draft.exists() and not make.root.exists()
    make.stub('[ ! -e "$3" ] || echo "E: it begins with the old half"; exit 1\n')
    assert 'old half' not in make().stderr
    assert not draft.exists() and not make.root.exists()


def test_a_whole_one_is_kept(make):
    make.stub('echo "E: called"; exit 1\n')
    make_whole(make.root)
    assert (make().returncode, make.root.exists()) == (0, True)
    # One that lacks a package is made again; as long as that fails, the old one stays.
    assert 'E: called' in make('gcc').stderr
    assert make().returncode == 0


def test_a_test_that_needs_it_is_skipped(make, folder):
    make.stub('echo "E: Failed getting release file"; exit 1\n')
    with pytest.raises(pytest.skip.Exception, match='Cannot make a Debian nowhere: debootstrap failed: E: Failed getting'):
        debian.command_in(SUITE, folder, 'true')
