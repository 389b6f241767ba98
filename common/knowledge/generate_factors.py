#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Turns factors.txt into the rows of a C array of struct factor (common/model/factor.h). Checks the
causes and experiments that they name."""

import re

import textfile
from textfile import quote, quote_all

KEY = r"[a-z][A-Za-z]*"
KEY_MOST = 31  # CONDITION_KEY_SIZE less the NUL
SIDES = ("link", "host", "tool", "firmware", "network", "action")
SOURCES = {"host", "port", "hubDepth", "hub", "tool", "version", "libraries", "package", "firmware", "build",
           "action", "restored"}
STATES = ["connected", "original", "replaced", "disconnected", "known-good"]
PHASES = {"phase1-connection", "phase1-software", "phase2-hardware"}
READS_MOST, VALUES_MOST = 4, 7
FACTORS_MOST = 56  # CASE_FACTORS_MAX less room for conditions that are not known
COMMON = {"name", "values", "source"}
EXPLAINS = COMMON | {"change", "cause", "reads", "step"}
KINDS = {
    "factor": (EXPLAINS | {"side", "doubt", "brings"}, KEY),
    "part": (EXPLAINS | {"otherwise", "minimal", "needed", "once"}, KEY),
    "label": (COMMON, KEY),
}
YES = {"yes": "true", "": "false"}


def read_factors(path):
    """The entries in their order: the number of one is its place here."""
    factors = textfile.read_blocks(path, KINDS)
    for number, factor in enumerate(factors):
        if len(factor.name) > KEY_MOST:
            factor.bad(f"the key has more than {KEY_MOST} characters")
        if any(factor.name == other.name for other in factors[:number]):
            factor.bad("stands twice")
    return factors


def values(factor):
    """Whether it has a usual value, and the words that it takes; none = any."""
    words = factor.one("values", "state" if factor.kind == "part" else "label").split()
    usual = "true" if factor.kind == "part" or words[0].startswith("(") else "false"
    words = [word for word in words if not word.startswith("(")]
    if words == ["label"]:
        words = []
    if words[:1] == ["state"]:
        words = STATES + words[1:]
    for word in words:
        if not re.fullmatch(textfile.SLUG, word) or word == "label":
            factor.bad(f"bad value '{word}'", "values")
    if len(words) > VALUES_MOST:
        factor.bad(f"more than {VALUES_MOST} values", "values")
    return usual, words


def reads(factor):
    words = factor.one("reads", factor.name).split()
    for word in words:
        if word not in SOURCES and word != factor.name:
            factor.bad(f"reads from '{word}', which nothing knows", "reads")
    if len(words) > READS_MOST:
        factor.bad(f"reads from more than {READS_MOST}", "reads")
    return words


def side(factor):
    if factor.kind == "factor":
        return factor.word("side", {word: f"FACTOR_{word.upper()}" for word in SIDES})
    return "FACTOR_PART" if factor.kind == "part" else "FACTOR_LABEL"


def bits(numbers):
    """A C constant: a set of factors by their numbers."""
    return f"UINT64_C({sum(1 << number for number in numbers):#x})"


def brings(factor, keys):
    words = factor.one("brings", "").split()
    for word in words:
        if word not in keys:
            factor.bad(f"unknown factor '{word}'", "brings")
    return bits(keys.index(word) for word in words)


def enum_name(key):
    return "FACTOR_ID_" + re.sub(r"([A-Z])", r"_\1", key).upper()


def row(factor, keys, causes, steps):
    factor.one("source")
    explains = factor.kind != "label"
    usual, words = values(factor)
    cells = {
        "key": quote(factor.name),
        "name": quote(factor.one("name")),
        "change": quote(factor.one("change", "") or None),
        "side": side(factor),
        "cause": factor.word("cause", causes) if explains else "NULL",
        "otherwise": factor.word("otherwise", {**causes, "": "NULL"}, ""),
        "reads": quote_all(reads(factor) if explains else []),
        "values": quote_all(words),
        "has_usual": usual,
        "brings": brings(factor, keys),
        "doubt": factor.word("doubt", YES, ""),
        "minimal_off": factor.word("minimal", {"off": "true", "good": "false", "": "false"}, ""),
        "minimal_good": factor.word("minimal", {"good": "true", "off": "false", "": "false"}, ""),
        "needed": factor.word("needed", YES, ""),
        "once_strong": factor.word("once", {"strong": "true", "": "false"}, ""),
        "step": factor.word("step", steps) if explains else "NULL",
    }
    return "\t{" + ", ".join(f".{name} = {cell}" for name, cell in cells.items()) + "},"


def words_of(path, kind):
    """The names of a file's entries of one kind."""
    return {line.split()[1]: quote(line.split()[1]) for _, line in textfile.read_lines(path)
            if line.startswith(kind + " ")}


def main(source, causes, experiments, target, header):
    known = words_of(causes, "cause") | {word: quote(word) for word in PHASES}
    steps = words_of(experiments, "experiment")
    factors = read_factors(source)
    keys = [factor.name for factor in factors]
    if len(keys) > FACTORS_MOST:
        raise textfile.Bad(f"{source}:1: more than {FACTORS_MOST} entries")
    textfile.write(target, [row(factor, keys, known, steps) for factor in factors])
    textfile.write(header, [
        "/* Generated from common/knowledge/factors.txt. */", "#pragma once", "",
        "enum factor_id {", *[f"\t{enum_name(key)}," for key in keys], "\tFACTOR_ID_COUNT", "};"])


if __name__ == "__main__":
    textfile.run(main, "FACTORS.txt CAUSES.txt EXPERIMENTS.txt FACTORS.inc FACTORS.h")
