# SPDX-License-Identifier: LGPL-2.1-or-later
"""Small Debians with the restore tools that they package: where they are kept, and how a command runs in one.

They are made where they are missing (tests/root/make) and kept between runs in IDEVICETRIAGE_ROOTS, or in the build
folder."""
import functools
import os
import pathlib
import platform
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent / 'root'
MAKE_SECONDS = 900


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
