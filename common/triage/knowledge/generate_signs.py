#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Turns signs.txt into the rows of a C array of struct sign (common/triage/sign.h).

Usage: generate_signs.py signs.txt signs.inc
Stops with file, line and reason where the text is not as its head describes.
"""
import json
import re
import sys


def read_signs(lines):
    """The signs, as dictionaries with their texts in a list."""
    signs = []
    for number, line in enumerate(lines, 1):
        line = line.rstrip('\n')
        if not line or line.startswith('#'):
            continue
        head = re.fullmatch(r'sign ([a-z0-9-]+)', line)
        field = re.fullmatch(r'  (text|noise|means|source): (.+)', line)
        if head:
            if any(sign['id'] == head[1] for sign in signs):
                raise ValueError(number, f'{head[1]} is there twice')
            signs.append({'id': head[1], 'text': [], 'noise': 'no', 'line': number})
        elif not field or not signs:
            raise ValueError(number, f'not a sign and not a field of one: {line}')
        elif field[1] == 'text' and not 6 <= len(field[2]) <= 255:
            raise ValueError(number, 'a text has 6 to 255 characters: shorter ones slow the search')
        elif field[1] == 'text':
            signs[-1]['text'].append(field[2])
        elif field[1] == 'noise' and field[2] != 'yes':
            raise ValueError(number, 'noise is yes or is left out')
        elif field[1] != 'noise' and field[1] in signs[-1]:
            raise ValueError(number, f'{field[1]} is there twice')
        else:
            signs[-1][field[1]] = field[2]
    for sign in signs:
        for field in ('text', 'means', 'source'):
            if not sign.get(field):
                raise ValueError(sign['line'], f'{sign["id"]} has no {field}')
    return signs


def main(source, target):
    with open(source, encoding='ascii') as text:
        try:
            signs = read_signs(text)
        except ValueError as error:
            sys.exit(f'{source}:{error.args[0]}: {error.args[1]}')
    with open(target, 'w', encoding='ascii') as out:
        for sign in signs:
            for text in sign['text']:
                cells = ', '.join(json.dumps(cell) for cell in (sign['id'], text))
                rest = ', '.join(json.dumps(cell) for cell in (sign['means'], sign['source']))
                out.write(f'\t{{{cells}, {"true" if sign["noise"] == "yes" else "false"}, {rest}}},\n')


main(*sys.argv[1:])
