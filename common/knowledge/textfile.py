# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads the text format of the knowledge files and writes C. Knows no entry's meaning: what may
stand in an entry its generator says.

An entry is a head line and indented `key: value` lines; # begins a comment line. What is wrong
ends the build with file, line and reason."""

import pathlib
import re
import sys

SLUG = r"[a-z0-9]+(?:-[a-z0-9]+)*"


# What an entry of a file may say by itself: enum says in common/model/says.h.
SAYS = {
    "errors.txt": "part reset link volume server file server-or-part",
    "signs.txt": "volume server file tool host user unseen link-lost custom step",
    "linksigns.txt": "link bench mux-ended mux-hides",
    "operations.txt": "leaves",
    "checkpoints.txt": "clean-up around",
    "tools.txt": "community custom",
}


class Bad(Exception):
    """What is wrong, after file:line."""


class Block:
    """One entry: its kind, name and `key: value` lines, each with its line number."""

    def __init__(self, path, line, kind, name):
        self.path, self.line, self.kind, self.name = path, line, kind, name
        self.values = {}

    def bad(self, message, key=None):
        line = self.values[key][0][0] if key in self.values else self.line
        raise Bad(f"{self.path}:{line}: {self.kind} {self.name}: {message}")

    def all(self, key, least=0, most=None):
        found = [value for _, value in self.values.get(key, [])]
        if len(found) < least:
            self.bad(f"{key} is missing")
        if most is not None and len(found) > most:
            self.bad(f"more than {most} of {key}", key)
        return found

    def one(self, key, default=None):
        found = self.all(key)
        if len(found) > 1:
            self.bad(f"{key} stands twice", key)
        if not found and default is None:
            self.bad(f"{key} is missing")
        return found[0] if found else default

    def shaped(self, key, shape, default=None):
        """One value that matches a pattern."""
        value = self.one(key, default)
        if value != default and not re.fullmatch(shape, value):
            self.bad(f"{key} is not well-formed: {value}", key)
        return value

    def word(self, key, known, default=None):
        """What `known` has for the one word that stands there."""
        value = self.one(key, default)
        if value not in known:
            self.bad(f"unknown {key} '{value}'", key)
        return known[value]

    def says(self, default=None):
        """The C constant of what the entry says by itself."""
        known = SAYS[self.path.name].split() + ([default] if default else [])
        return self.word("says", {word: f"SAYS_{word.upper().replace('-', '_')}"
                                  for word in known}, default)

    def number(self, key, low, high):
        value = self.one(key)
        if not re.fullmatch(r"[0-9]+", value) or not low <= int(value) <= high:
            self.bad(f"{key} is not from {low} to {high}", key)
        return int(value)


def read_lines(path):
    """The lines that say something, each with its number."""
    for number, line in enumerate(pathlib.Path(path).read_text("utf-8").splitlines(), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            yield number, line


def read_blocks(path, kinds):
    """The entries of a file. `kinds` has for each kind its keys, and may have a pattern for its
    name: {kind: keys} or {kind: (keys, pattern)}."""
    blocks, names = [], set()
    for number, line in read_lines(path):
        if line[0].isspace():
            match = re.fullmatch(r"\s+([a-z]+): (.*\S.*)", line)
            if not match or not blocks:
                raise Bad(f"{path}:{number}: expected '  key: value'")
            if match[1] not in keys:
                raise Bad(f"{path}:{number}: unknown key '{match[1]}'")
            blocks[-1].values.setdefault(match[1], []).append((number, match[2]))
            continue
        kind, _, name = line.rstrip().partition(" ")
        if kind not in kinds or not name:
            raise Bad(f"{path}:{number}: expected '{' or '.join(kinds)}' and a name")
        keys, shape = kinds[kind] if isinstance(kinds[kind], tuple) else (kinds[kind], SLUG)
        if not re.fullmatch(shape, name):
            raise Bad(f"{path}:{number}: bad name '{name}'")
        if (kind, name) in names:
            raise Bad(f"{path}:{number}: {name} stands twice")
        names.add((kind, name))
        blocks.append(Block(path, number, kind, name))
    if not blocks:
        raise Bad(f"{path}:1: no entry in it")
    return blocks


def read_words(path):
    """Lines of `word  meaning`, as a dictionary."""
    words = {}
    for number, line in read_lines(path):
        match = re.fullmatch(rf"({SLUG})\s+(\S.*)", line)
        if not match:
            raise Bad(f"{path}:{number}: expected 'word  meaning'")
        if match[1] in words:
            raise Bad(f"{path}:{number}: {match[1]} stands twice")
        words[match[1]] = match[2]
    return words


def quote(text):
    """A C string; NULL for None."""
    if text is None:
        return "NULL"
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def quote_all(texts):
    """A C initialiser of an array of strings."""
    return "{" + ", ".join(map(quote, texts)) + "}" if texts else "{NULL}"


def write(path, lines):
    pathlib.Path(path).write_text("\n".join(lines) + "\n", "utf-8")


def run(main, usage):
    """Calls main with the arguments; says what is wrong and ends the build."""
    if len(sys.argv) - 1 != len(usage.split()):
        sys.exit(f"usage: {pathlib.Path(sys.argv[0]).name} {usage}")
    try:
        main(*map(pathlib.Path, sys.argv[1:]))
    except Bad as error:
        sys.exit(str(error))
