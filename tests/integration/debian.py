# SPDX-License-Identifier: LGPL-2.1-or-later
"""Small Debians with the restore tools that they package: where they are kept, and how a command runs in one.

They are made where they are missing (tests/root/make) and kept between runs in IDEVICETRIAGE_ROOTS, or in the build
folder."""
import contextlib
import functools
import os
import pathlib
import platform
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent / 'root'
SOURCE = ROOT.parents[1]
MAKE_SECONDS = 900
STEP_SECONDS = 1500


def installed():
    """The suite of the Debian that the tests run on."""
    return platform.freedesktop_os_release().get('VERSION_CODENAME')


@functools.cache
def make(suite, build):
    """Makes a Debian where it is missing. Returns its folder and why it cannot be used, None if it can."""
    roots = pathlib.Path(os.environ.get('IDEVICETRIAGE_ROOTS', build / 'tests' / 'roots'))
    made = subprocess.run([ROOT / 'make', roots, suite], capture_output=True, text=True, timeout=MAKE_SECONDS,
                          check=False)
    if made.returncode != 0:
        return roots / suite, made.stderr.strip()
    entered = subprocess.run([ROOT / 'enter', roots / suite, 'true'], cwd='/tmp', capture_output=True, text=True,
                             check=False)
    reason = f'Cannot enter {roots / suite}: {entered.stderr.strip()}' if entered.returncode != 0 else None
    return roots / suite, reason


def root_of(suite, build):
    """The folder of a Debian; skips the test with the reason where none can be made."""
    root, reason = make(suite, build)
    if reason:
        pytest.skip(reason)
    return root


def command_in(suite, build, *command):
    """The command that runs `command` in the Debian of a suite, which may be this machine's own."""
    return [*command] if suite == installed() else [ROOT / 'enter', root_of(suite, build), *command]


@contextlib.contextmanager
def fresh(suite, build, folder):
    """Gives run(command): in a copy of a Debian, in `folder`/work, which has the sources of this tree."""
    root, work = folder / 'root', folder / 'work'
    subprocess.run(['cp', '-a', '--reflink=auto', root_of(suite, build), root], check=True)
    shutil.copy('/etc/resolv.conf', root / 'etc/resolv.conf')
    work.mkdir()
    names = subprocess.run(['git', 'ls-files', '-z'], cwd=SOURCE, check=True, capture_output=True).stdout
    packed = subprocess.run(['tar', '-c', '--null', '-T', '-'], cwd=SOURCE, input=names, check=True, capture_output=True)
    subprocess.run(['tar', '-x'], cwd=work, input=packed.stdout, check=True)

    def run(command):
        done = subprocess.run([ROOT / 'enter', root, 'env', 'DEBIAN_FRONTEND=noninteractive', 'LC_ALL=C.UTF-8',
                               'sh', '-ec', command], cwd=work, capture_output=True, text=True, timeout=STEP_SECONDS, check=False)
        print(done.stdout[-4000:], done.stderr[-4000:])
        assert done.returncode == 0, command
        return done.stdout

    yield run
    shutil.rmtree(folder, ignore_errors=True)
