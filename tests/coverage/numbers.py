#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The knowledge has each number that the sources have. A list of numbers/ is copied from one source, a
fact a line; its head names the source and its commit. Prints TAP. Arguments: the folder of the
knowledge files, the folder of the lists."""

import pathlib
import sys

sys.dont_write_bytecode = True
KNOWLEDGE, LISTS = map(pathlib.Path, sys.argv[1:])
sys.path.insert(0, str(KNOWLEDGE))
import textfile  # noqa: E402


def models():
    """Product type, board, chip and board number."""
    return {" ".join(line.split()[:4]) for _, line in textfile.read_lines(KNOWLEDGE / "models.txt")}


def named(kind):
    """Number and name of each `kind` in the file of that kind; an entry may have several names."""
    known, number = set(), None
    for _, line in textfile.read_lines(KNOWLEDGE / f"{kind}s.txt"):
        key, _, value = line.strip().partition(" ")
        if key == kind:
            number = value
        elif key == "name:":
            known.add(f"{number} {value}")
    return known


def numbers(file, kind):
    """Those of entries `kind NUMBER` or `kind FIRST..LAST`."""
    known = set()
    for _, line in textfile.read_lines(KNOWLEDGE / file):
        if line.startswith(f"{kind} "):
            first, _, last = line.split()[-1].partition("..")
            known |= {str(number) for number in range(int(first, 0), int(last or first, 0) + 1)}
    return known


# The facts that the knowledge has, in the form of the list with that name.
KNOWN = {
    "models": models,
    "operations-idevicerestore": lambda: named("operation"),
    "operations-pymobiledevice3": lambda: named("operation"),
    "checkpoints": lambda: named("checkpoint"),
    "statuses": lambda: numbers("errors.txt", "error amr"),
    "irecovery": lambda: numbers("errors.txt", "error irecovery"),
}


def facts(name):
    path = LISTS / f"{name}.txt"
    text = path.read_text("utf-8")
    if "# source: " not in text or "# commit: " not in text:
        sys.exit(f"{path}: names no source and commit")
    return [line.strip() for _, line in textfile.read_lines(path)]


found = sorted(path.stem for path in LISTS.glob("*.txt"))
if found != sorted(KNOWN):
    sys.exit(f"lists {found}, readers {sorted(KNOWN)}")
print(f"1..{len(KNOWN)}")
for number, (name, known) in enumerate(KNOWN.items(), 1):
    wanted = facts(name)
    have = known()
    missing = [fact for fact in wanted if fact not in have]
    for fact in missing:
        print(f"# {name}: the knowledge lacks {fact}")
    print(f"{'ok' if wanted and not missing else 'not ok'} {number} - {name}: "
          f"{len(wanted) - len(missing)} of {len(wanted)} known")
