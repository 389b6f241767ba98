#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Turns kinds.txt and models.txt into the rows of C arrays of struct model_kind and struct model
(common/model/phone_model.h). Stops with file, line and reason where a text is not as its head
describes."""

import re

import textfile
from textfile import quote

CONNECTORS = {
    "30-pin": "CONNECTOR_30_PIN",
    "lightning": "CONNECTOR_LIGHTNING",
    "usb-c": "CONNECTOR_USB_C",
    "micro-usb": "CONNECTOR_MICRO_USB",
    "adapter": "CONNECTOR_ADAPTER",
    "none": "CONNECTOR_NONE",
}
HARDWARE = ("battery", "screen", "modem", "nfc", "home-button", "face-id", "flexes", "front-flex",
            "flex-i2c", "layered", "audio-ic")
SHAPES = (
    ("product type", r"[A-Za-z]+\d+,\d+"),
    ("board", r"[a-z]+\d+[a-z]*ap"),
    ("chip", r"0x[0-9a-f]{4}"),
    ("board number", r"0x[0-9a-f]{2}"),
    ("connector", "|".join(CONNECTORS)),
    ("month of release", r"20\d\d-(0[1-9]|1[0-2])"),
    ("family", r"[a-z0-9_]+"),
    ("marks", r"-|[a-z0-9-]+(,[a-z0-9-]+)*"),
    ("name", r"[A-Za-z0-9 .,()-]+"),
)


def hardware_bits(words):
    """A C expression; ValueError for a word that is no hardware."""
    unknown = set(words) - set(HARDWARE)
    if unknown:
        raise ValueError(f"unknown mark: {', '.join(sorted(unknown))}")
    return " | ".join("HARDWARE_" + word.upper().replace("-", "_") for word in words) or "0"


def needs(block, key="needs"):
    """The hardware that an entry names, as C."""
    try:
        return hardware_bits(block.one(key, "").split())
    except ValueError as error:
        block.bad(str(error), key)


def read_kinds(path):
    """The entries, and the kind of each family as its number and hardware."""
    kinds = textfile.read_blocks(path, {
        "kind": {"families", "has", "enter", "adapter", "without", "source"}})
    families = {}
    for number, kind in enumerate(kinds):
        kind.one("source")
        for family in kind.one("families").split():
            if family in families:
                kind.bad(f"family {family} has two kinds", "families")
            families[family] = number, kind.one("has", "").split()
        needs(kind, "has")
    return kinds, families


def kind_row(kind):
    texts = [quote(kind.one(key, "")) for key in ("enter", "adapter", "without")]
    return f"\t{{{quote(kind.name)}, {', '.join(texts)}}},"


def read_row(line, families):
    """Returns the C initialiser of one line and what must be unique in the table."""
    fields = line.split(None, len(SHAPES) - 1)
    if len(fields) != len(SHAPES):
        raise ValueError(f"{len(SHAPES)} columns are due, {len(fields)} are there")
    for (title, shape), field in zip(SHAPES, fields):
        if not re.fullmatch(shape, field):
            raise ValueError(f"{title} is not well-formed: {field}")
    product, board, chip, number, connector, released, family, marks, name = fields
    if family not in families:
        raise ValueError(f"family {family} is of no kind")
    kind, has = families[family]
    cells = [
        f'.product = "{product}"',
        f'.board = "{board}"',
        f'.name = "{name}"',
        f'.family = "{family}"',
        f".kind = &model_kinds[{kind}]",
        f".chip_id = {chip}",
        f".board_id = {number}",
        f".released = {released.replace('-', '')}",
        f".connector = {CONNECTORS[connector]}",
        f".has = {hardware_bits(has + ([] if marks == '-' else marks.split(',')))}",
    ]
    return "\t{" + ", ".join(cells) + "},", {board, (chip, number)}


def main(kinds_source, source, kinds_target, target):
    kinds, families = read_kinds(kinds_source)
    rows, seen = [], set()
    for number, line in textfile.read_lines(source):
        try:
            row, keys = read_row(line, families)
            if keys & seen:
                raise ValueError("board or (chip, board number) stands twice")
        except ValueError as error:
            raise textfile.Bad(f"{source}:{number}: {error}") from error
        seen |= keys
        rows.append(row)
    if not rows:
        raise textfile.Bad(f"{source}:1: no model in it")
    made = "/* Made by generate_models.py from kinds.txt and models.txt. */"
    textfile.write(kinds_target, [made, *map(kind_row, kinds)])
    textfile.write(target, [made, *rows])


if __name__ == "__main__":
    textfile.run(main, "KINDS.txt MODELS.txt KINDS.inc MODELS.inc")
