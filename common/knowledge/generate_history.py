#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Turns history.txt into the rows of a C array of struct history_word (common/model/history_word.h)
and checks that it has each word that rules and experiments ask for."""

import re

import textfile
from textfile import quote

WORD_MOST = 63  # HISTORY_WORD_SIZE less the NUL


def asked_for(path):
    """The words that a knowledge file asks for, each with its line number."""
    for number, line in textfile.read_lines(path):
        for words in re.findall(r"\bhistory=(\S+)", line):
            for word in words.split(","):
                yield number, word


def main(source, rules, experiments, target):
    words = textfile.read_words(source)
    for word in words:
        if len(word) > WORD_MOST:
            raise textfile.Bad(f"{source}: {word} has more than {WORD_MOST} characters")
    for path in (rules, experiments):
        for number, word in asked_for(path):
            if word not in words:
                raise textfile.Bad(f"{path}:{number}: {word} is not a word of history.txt")
    textfile.write(target, [f"\t{{{quote(word)}, {quote(words[word])}}}," for word in sorted(words)])


if __name__ == "__main__":
    textfile.run(main, "HISTORY.txt RULES.txt EXPERIMENTS.txt HISTORY.inc")
