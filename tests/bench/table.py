#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs the benches that compare and prints their rows as one table: the figure, its aim, whether it is met, and what
limits it. Ratios are of one run, so a busy machine changes them little; figures of processor time do not count other
programs; all others need a quiet machine.

Usage: table.py BUILD_FOLDER [NAME...]     all benches take some five minutes
"""
import pathlib
import subprocess
import sys

FOLDER = pathlib.Path(__file__).resolve().parent
BENCHES = {
    'ring': ['{build}/tests/bench/bench_ring'],
    'import': ['{build}/tests/bench/bench_import', '{build}/client/idevicetriage', '1000'],
    'casebook': ['{build}/tests/bench/bench_casebook'],
    'status': [sys.executable, '-B', f'{FOLDER}/bench_status.py', '{build}'],
    'idle': [sys.executable, '-B', f'{FOLDER}/bench_idle.py', '{build}'],
    'phones': [sys.executable, '-B', f'{FOLDER}/bench_phones.py', '{build}'],
    'start': [sys.executable, '-B', f'{FOLDER}/bench_start.py', '{build}'],
    'attempts': [sys.executable, '-B', f'{FOLDER}/bench_attempts.py', '{build}'],
    'sync': [sys.executable, '-B', f'{FOLDER}/bench_sync.py', '{build}'],
}


def rows(build, name):
    """The rows that a bench prints among its details."""
    command = [word.format(build=build) for word in BENCHES[name]]
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    found = [line for line in result.stdout.splitlines() if line.startswith('| ')]
    return found or [f'| {name} | failed: {(result.stderr.strip() or "no row").splitlines()[-1]} | | no | |']


def main(build, names):
    print('| figure | now | aim | met | limited by |\n|---|---|---|---|---|', flush=True)
    for name in names or BENCHES:
        print(*rows(build, name), sep='\n', flush=True)


main(pathlib.Path(sys.argv[1]).resolve(), sys.argv[2:])
