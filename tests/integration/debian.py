# SPDX-License-Identifier: LGPL-2.1-or-later
"""Small Debians with the restore tools that they package: where they are kept, and how a command runs in one.

They are made where they are missing (tests/root/make) and kept between runs in IDEVICETRIAGE_ROOTS, or in the build
folder."""
import functools
import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent / 'root'
MAKE_SECONDS = 600


@functools.cache
def root_of(suite, build):
    """The folder of a Debian; skips the test with the reason where none can be made."""
    roots = pathlib.Path(os.environ.get('IDEVICETRIAGE_ROOTS', build / 'tests' / 'roots'))
    made = subprocess.run([ROOT / 'make', roots, suite], capture_output=True, text=True, timeout=MAKE_SECONDS,
                          check=False)
    if made.returncode != 0:
        pytest.skip(made.stderr.strip())
    entered = subprocess.run(command_in(roots / suite, 'true'), cwd='/tmp', capture_output=True, text=True, check=False)
    if entered.returncode != 0:
        pytest.skip(f'Cannot enter {roots / suite}: {entered.stderr.strip()}')
    return roots / suite


def command_in(root, *command):
    """The command that runs `command` in a Debian."""
    return [ROOT / 'enter', root, *command]
