#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs the proofs of this folder and prints their rows as one table. Exits with 1 if one of them fails.

Usage: table.py BUILD_FOLDER [--long] [NAME...]     the long forms take hours
"""
import os
import pathlib
import subprocess
import sys

FOLDER = pathlib.Path(__file__).resolve().parent
# The arguments of the short form and of the long form, after the build folder.
PROOFS = {
    'checked': (['1'], ['20']),
    'cuts': (['40'], ['5000']),
    'disks': (['1'], ['25']),
    'deliveries': (['600'], ['1000000']),
    'day': (['200'], ['10000']),
    'failures': (['1'], ['1000', '--each']),
    'harm': (['1'], ['25']),
    'kills': (['60'], ['10000']),
    'output': (['64', '5'], ['1024', '25']),
    'markers': (['5'], ['15']),
    'mutations': (['60'], ['10000']),
    'peers': (['8'], ['600']),
    'usbmuxd': (['50'], ['1000']),
}


def run(build, name, long):
    """Prints the rows of a proof without their head. Returns whether it failed."""
    command = [sys.executable, str(FOLDER / f'{name}.py'), build, *PROOFS[name][long]]
    result = subprocess.run(command, env={**os.environ, 'PYTHONDONTWRITEBYTECODE': '1'}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True, check=False)
    rows = [line for line in result.stdout.splitlines() if line.startswith('| ') and not line.startswith('| what |')]
    if result.returncode:
        rows.append(f'| {name} {" ".join(PROOFS[name][long])} | | failed | see below |')
        rows += [line for line in result.stdout.splitlines() + result.stderr.splitlines() if not line.startswith('|')]
    print(*rows, sep='\n', flush=True)
    return bool(result.returncode)


def main(build, words):
    names = [word for word in words if word != '--long'] or PROOFS
    print('| what | times | faults | limited by |\n|---|---|---|---|', flush=True)
    return any([run(build, name, '--long' in words) for name in names])


sys.exit(main(str(pathlib.Path(sys.argv[1]).resolve()), sys.argv[2:]))
