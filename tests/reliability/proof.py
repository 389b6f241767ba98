# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the proofs of this folder share: the table that each of them prints, and the programs under test."""
import pathlib
import sys

TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TESTS / 'integration'))


def show(rows, limits):
    """Prints what was done, how many times, and how many faults it showed. Returns the exit status: a proof that found
    a fault, or that did nothing, fails. `limits` says what the figures do not show."""
    print('| what | times | faults | limited by |\n|---|---|---|---|')
    for what, times, faults in rows:
        print(f'| {what} | {times} | {faults} | {limits} |', flush=True)
    return int(any(faults or not times for _, times, faults in rows))
