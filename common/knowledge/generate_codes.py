#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Turns errors.txt, operations.txt and checkpoints.txt into the rows of a C array of struct code
(common/diagnosis/code.h), the names of operations into those of struct operation,
and what checkpoints say into those of common/model/operation.c."""

import re

import textfile
from generate_diagnosis import read_causes, read_experiments
from textfile import quote, quote_all

NUMBERINGS = ("itunes", "amr", "tss", "irecovery", "service", "operation", "checkpoint")
NAMES_MAX, CHECKS_MAX, SOURCES_MAX = 4, 4, 12
TEXT_MAX = 240
KEYS = {"name", "means", "says", "suspects", "check", "try", "note", "like", "source"}
NUMBER = r"-?[0-9]+|0x[0-9A-F]{8}"
FILES = (
    ("errors.txt", "error", KEYS | {"stage"},
     rf"({'|'.join(NUMBERINGS[:5])}) ({NUMBER})(\.\.({NUMBER}))?"),
    ("operations.txt", "operation", KEYS | {"exercises"}, r"[1-9][0-9]*"),
    ("checkpoints.txt", "checkpoint", KEYS | {"exercises"}, r"0x[0-9A-F]{4}"),
)


class Code:
    """An entry, with what it takes over from the entry that it is like."""

    def __init__(self, block, model):
        self.block, self.model = block, model
        head = block.name.split()
        self.numbering = head[0] if block.kind == "error" else block.kind
        first, _, last = head[-1].partition("..")
        self.first, self.last = int(first, 0), int(last or first, 0)
        if self.first > self.last:
            block.bad("the first number is above the last")

    def holder(self, key):
        return self.block if key in self.block.values or not self.model else \
            self.model.holder(key)

    def texts(self, key, most, least=0):
        block = self.holder(key)
        found = block.all(key, least=least, most=most)
        for text in found:
            if len(text) > TEXT_MAX:
                block.bad(f"{key} is longer than {TEXT_MAX} characters", key)
            if "%" in text:
                block.bad("no percentages: no counted rates exist", key)
        return found

    def text(self, key, least=0):
        found = self.texts(key, 1, least)
        return quote(found[0] if found else None)

    def bits(self, key, entries, word):
        """The bit set of the entries that are named."""
        block, bits = self.holder(key), 0
        names = [entry.name for entry in entries]
        for name in block.one(key, "").split():
            if name not in names:
                block.bad(f"unknown {word} '{name}'", key)
            bits |= 1 << names.index(name)
        return f"{bits:#x}"

    def sources(self, known):
        block = self.holder("source")
        found = []
        for text in block.all("source", least=1):
            if text.startswith("argument: "):
                found.append(text)
                continue
            for word in text.split():
                if word not in known:
                    block.bad(f"unknown source '{word}'", "source")
                found.append(known[word])
        if len(found) > SOURCES_MAX:
            block.bad(f"more than {SOURCES_MAX} sources", "source")
        return quote_all(found)

    def row(self, causes, experiments, sources):
        cells = {
            "numbering": f"NUMBERING_{self.numbering.upper()}",
            "first": self.first,
            "last": self.last,
            "names": quote_all(self.block.all("name", most=NAMES_MAX)),
            "means": self.text("means", least=1),
            "says": self.block.says("nothing"),
            "stage": self.text("stage"),
            "exercises": self.text("exercises"),
            "suspects": self.bits("suspects", causes, "cause"),
            "checks": quote_all(self.texts("check", CHECKS_MAX)),
            "experiments": self.bits("try", experiments, "experiment"),
            "note": self.text("note"),
            "sources": self.sources(sources),
        }
        return "\t{" + ", ".join(f".{name} = {cell}" for name, cell in cells.items()) + "},"


def read_codes(path, kind, keys, shape):
    """The entries of a file, each after the one that it is like."""
    codes, known = [], {}
    for block in textfile.read_blocks(path, {kind: (keys, shape)}):
        like = block.one("like", "")
        prefix = block.name.rpartition(" ")[0]
        model = known.get(f"{prefix} {like}".strip()) if like else None
        if like and not model:
            block.bad(f"like {like}: no such entry before it", "like")
        code = Code(block, model)
        codes.append(code)
        known[block.name] = code
    return codes


def operation_rows(codes):
    """Number, name and what it says, and each name once: a log names an operation by it."""
    rows, names = [], set()
    for code in codes:
        if code.numbering == "operation":
            for name in code.block.all("name", least=1):
                if name in names:
                    code.block.bad(f"{name} is another operation too", "name")
                names.add(name)
                rows.append(f"\t{{{code.first}, {quote(name)}, {code.block.says('nothing')}}},")
    return rows


def checkpoint_rows(codes):
    """What checkpoints say; most say nothing."""
    return [f"\t{{{code.first:#x}, {code.block.says()}}}," for code in codes
            if code.numbering == "checkpoint" and code.block.all("says")]


def main(folder, target, operations, checkpoints):
    causes, experiments = read_causes(folder), read_experiments(folder)
    sources = textfile.read_words(folder / "sources.txt")
    codes = [code for name, kind, keys, shape in FILES
             for code in read_codes(folder / name, kind, keys, shape)]
    textfile.write(target, [code.row(causes, experiments, sources) for code in codes])
    textfile.write(operations, operation_rows(codes))
    textfile.write(checkpoints, checkpoint_rows(codes))


if __name__ == "__main__":
    textfile.run(main, "FOLDER CODES.inc OPERATIONS.inc CHECKPOINTS.inc")
