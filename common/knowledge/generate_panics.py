#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Turns panics.txt into the rows of two C arrays (common/logs/panic.h): struct panic_word and
struct panic_mask. Models are checked against models.txt."""

import re

import textfile
from textfile import Bad, SLUG, quote

SHARED = {"part", "on", "class", "sure", "sign", "history", "disputed", "source"}
KINDS = {
    "panic": {"text", "means", "unless"} | SHARED,
    "sensor": {"also"} | SHARED,
    "mask": {"models", "bit", "whole", "class", "sure", "disputed", "source"},
}
CLASSES = {"hardware": "false", "either": "true"}
STRENGTHS = {word: word for word in ("weak", "moderate", "strong")}
# The sizes of the arrays in panic.h, less the end mark where they have one.
TEXTS, PARTS, DISPUTED, SOURCES = 12, 6, 2, 4
TEXT_SHAPE = r"[A-Za-z0-9].{2,47}"
PART_SHAPE = r"[^|]{3,160}"


def read_models(path):
    """The words that stand for models: product types and families."""
    known = set()
    for _, line in textfile.read_lines(path):
        fields = line.split()
        known |= {fields[0], fields[6]}
    return known


def check_models(entry, key, words, known):
    for word in words.split():
        if word not in known:
            entry.bad(f"no such model or family: {word}", key)
    return words


def shape_all(entry, key, shape, least, most):
    found = entry.all(key, least=least, most=most)
    for value in found:
        if not re.fullmatch(shape, value):
            entry.bad(f"{key} is not well-formed: {value}", key)
    return found


def split(entry, key, value):
    left, equals, right = value.partition(" = ")
    if not equals or not re.fullmatch(PART_SHAPE, right):
        entry.bad(f"{key} is not '... = part': {value}", key)
    return left, right


def braces(cells):
    return "{" + ", ".join(cells) + "}" if cells else "{0}"


def opinion(entry):
    """What a word and a mask say alike."""
    return [
        f'.either = {entry.word("class", CLASSES)}',
        f'.sure = {quote(entry.word("sure", STRENGTHS))}',
        ".disputed = " + braces([quote(text) for text in shape_all(
            entry, "disputed", r"[A-Z].*\.", 0, DISPUTED)]),
        ".sources = " + braces([quote(text) for text in entry.all("source", 1, SOURCES)]),
    ]


def word_row(entry, known, names):
    sensor = entry.kind == "sensor"
    texts = ([entry.name, *entry.one("also", "").split()] if sensor
             else shape_all(entry, "text", TEXT_SHAPE, 1, TEXTS))
    if len(texts) > TEXTS:
        entry.bad(f"more than {TEXTS} names")
    parts = [("", part) for part in shape_all(entry, "part", PART_SHAPE, 1, PARTS)]
    for value in entry.all("on"):
        models, part = split(entry, "on", value)
        parts.append((check_models(entry, "on", models, known), part))
    if len(parts) > PARTS:
        entry.bad(f"more than {PARTS} parts")
    sign = entry.shaped("sign", SLUG, "")
    history = entry.shaped("history", SLUG, "")
    unless = entry.shaped("unless", SLUG, "")
    if unless and ("panic", unless) not in names:
        entry.bad(f"no such entry: {unless}", "unless")
    return "\t{" + ", ".join([
        f".id = {quote(entry.name)}",
        f'.sensor = {"true" if sensor else "false"}',
        ".texts = " + braces([quote(text) for text in texts]),
        ".means = " + (quote("The phone's heat watch misses this sensor.") if sensor
                       else quote(entry.shaped("means", r"[A-Z].*\."))),
        ".parts = " + braces([f"{{{quote(models or None)}, {quote(part)}}}"
                              for models, part in parts]),
        f".sign = {quote(sign or None)}",
        f".history = {quote(history or None)}",
        f".unless = {quote(unless or None)}",
        *opinion(entry)]) + "},"


def mask_rows(entry, known):
    models = check_models(entry, "models", entry.one("models"), known)
    seen = set()
    for key in ("whole", "bit"):
        for value in entry.all(key):
            number, part = split(entry, key, value)
            if not re.fullmatch(r"0x[0-9a-f]{1,8}", number):
                entry.bad(f"not a number such as 0x800: {number}", key)
            if key == "bit" and int(number, 16).bit_count() != 1:
                entry.bad(f"{number} is not one bit", key)
            if number in seen:
                entry.bad(f"{number} stands twice", key)
            seen.add(number)
            yield "\t{" + ", ".join([
                f".id = {quote(entry.name)}", f".models = {quote(models)}",
                f".value = {number}", f'.whole = {"true" if key == "whole" else "false"}',
                f".part = {quote(part)}", *opinion(entry)]) + "},"
    if not seen:
        entry.bad("bit is missing")


def main(source, models, words_target, masks_target):
    known = read_models(models)
    entries = textfile.read_blocks(source, KINDS)
    names = {(entry.kind, entry.name) for entry in entries}
    named = set()
    for entry in (entry for entry in entries if entry.kind == "sensor"):
        for name in [entry.name, *entry.one("also", "").split()]:
            if name in named:
                raise Bad(f"{source}:{entry.line}: sensor {name} stands twice")
            named.add(name)
    textfile.write(words_target, [word_row(entry, known, names)
                                  for entry in entries if entry.kind != "mask"])
    textfile.write(masks_target, [row for entry in entries if entry.kind == "mask"
                                  for row in mask_rows(entry, known)])


if __name__ == "__main__":
    textfile.run(main, "PANICS.txt MODELS.txt WORDS.inc MASKS.inc")
