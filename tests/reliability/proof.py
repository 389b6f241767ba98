# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the proofs of this folder share: the table that each of them prints, and the programs under test."""
import pathlib
import statistics
import sys

TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TESTS / 'integration'))

# A median of fewer rounds says nothing on a machine that does other things too.
ROUNDS_TO_JUDGE = 20


def pace(ratios, limit=None):
    """Times beside others, each pair measured in one round: in words, and 1 if their median is a fault. Without a limit
    none is."""
    middle = statistics.median(ratios)
    slow = limit is not None and len(ratios) >= ROUNDS_TO_JUDGE and middle > limit
    return f'{middle:.2f} ({min(ratios):.2f}-{max(ratios):.2f}{f"), SLOWER THAN {limit:.2f}" if slow else ")"}', int(slow)


def judged(rounds, limit):
    """What the table says of its times."""
    return (f'a median time over {limit:.2f} is a fault' if rounds >= ROUNDS_TO_JUDGE
            else f'times are not judged: fewer than {ROUNDS_TO_JUDGE} rounds')


def show(rows, limits):
    """Prints what was done, how many times, and how many faults it showed. Returns the exit status: a proof that found
    a fault, or that did nothing, fails. `limits` says what the figures do not show."""
    print('| what | times | faults | limited by |\n|---|---|---|---|')
    for what, times, faults in rows:
        print(f'| {what} | {times} | {faults} | {limits} |', flush=True)
    return int(any(faults or not times for _, times, faults in rows))
