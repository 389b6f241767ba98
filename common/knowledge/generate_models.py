#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Turns models.txt into the rows of a C array of struct model (common/model/phone_model.h).
Stops with file, line and reason where the text is not as its head describes."""

import re

import textfile

CONNECTORS = {
    "30-pin": "CONNECTOR_30_PIN",
    "lightning": "CONNECTOR_LIGHTNING",
    "usb-c": "CONNECTOR_USB_C",
}
MARKS = {
    "face-id": "has_face_id",
    "audio-ic": "audio_ic_comes_loose",
    "layered": "layered_board",
    "flex-i2c": "front_sensor_flex_on_i2c",
}
SHAPES = (
    ("product type", r"i(Phone|Pad|Pod)\d+,\d+"),
    ("board", r"[a-z]\d+[a-z]*ap"),
    ("chip", r"0x[0-9a-f]{4}"),
    ("board number", r"0x[0-9a-f]{2}"),
    ("connector", "|".join(CONNECTORS)),
    ("family", r"[a-z0-9_]+"),
    ("marks", r"-|[a-z0-9-]+(,[a-z0-9-]+)*"),
    ("name", r"[A-Za-z0-9 .,()-]+"),
)


def read_row(line):
    """Returns the C initialiser of one line and what must be unique in the table."""
    fields = line.split(None, len(SHAPES) - 1)
    if len(fields) != len(SHAPES):
        raise ValueError(f"{len(SHAPES)} columns are due, {len(fields)} are there")
    for (title, shape), field in zip(SHAPES, fields):
        if not re.fullmatch(shape, field):
            raise ValueError(f"{title} is not well-formed: {field}")
    product, board, chip, number, connector, family, marks, name = fields
    flags = [] if marks == "-" else marks.split(",")
    unknown = set(flags) - set(MARKS)
    if unknown:
        raise ValueError(f"unknown mark: {', '.join(sorted(unknown))}")
    cells = [
        f'.product = "{product}"',
        f'.board = "{board}"',
        f'.name = "{name}"',
        f'.family = "{family}"',
        f".chip_id = {chip}",
        f".board_id = {number}",
        f".connector = {CONNECTORS[connector]}",
    ] + [f".{MARKS[flag]} = true" for flag in flags]
    return "\t{" + ", ".join(cells) + "},", {board, (chip, number)}


def main(source, target):
    rows, seen = [], set()
    for number, line in textfile.read_lines(source):
        try:
            row, keys = read_row(line)
            if keys & seen:
                raise ValueError("board or (chip, board number) stands twice")
        except ValueError as error:
            raise textfile.Bad(f"{source}:{number}: {error}") from error
        seen |= keys
        rows.append(row)
    if not rows:
        raise textfile.Bad(f"{source}:1: no model in it")
    textfile.write(target, ["/* Made by generate_models.py from models.txt. */", *rows])


if __name__ == "__main__":
    textfile.run(main, "MODELS.txt MODELS.inc")
