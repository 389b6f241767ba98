#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Turns linksigns.txt into the rows of a C array of struct link_sign (common/triage/linksign.h).

Usage: generate_linksigns.py linksigns.txt linksigns.inc
Stops with file, line and reason where the text is not as its head describes.
"""
import json
import re
import sys

WRITERS = {'kernel': 'LINK_KERNEL', 'usbmuxd': 'LINK_USBMUXD', 'manager': 'LINK_MANAGER'}
KINDS = {'link': 'EVENT_USB_ERROR', 'bench': 'EVENT_MUX_ERROR'}
FIELDS = {
    'from': '|'.join(WRITERS),
    'says': '|'.join(KINDS),
    'text': r'.*\S',
    'ignore': r'-\d+',
    'means': r'[A-Za-z].*\.',
    'source': r'.*\S',
}


def read_signs(lines):
    """The signs, as dictionaries with their texts in a list."""
    signs = []
    for number, line in enumerate(lines, 1):
        line = line.rstrip('\n')
        if not line or line.startswith('#'):
            continue
        head = re.fullmatch(r'sign ([a-z0-9-]+)', line)
        field = re.fullmatch(r'  ([a-z]+): (.*)', line)
        if head:
            if any(sign['id'] == head[1] for sign in signs):
                raise ValueError(number, f'{head[1]} is there twice')
            signs.append({'id': head[1], 'text': [], 'line': number})
        elif not field or not signs or field[1] not in FIELDS:
            raise ValueError(number, f'not a sign and not a field of one: {line}')
        elif not re.fullmatch(FIELDS[field[1]], field[2]):
            raise ValueError(number, f'{field[1]} is not well-formed')
        elif field[1] == 'text':
            signs[-1]['text'].append(field[2])
        elif field[1] in signs[-1]:
            raise ValueError(number, f'{field[1]} is there twice')
        else:
            signs[-1][field[1]] = field[2]
    for sign in signs:
        for field in FIELDS:
            if field != 'ignore' and not sign.get(field):
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
                id_, text, means, origin = (
                    json.dumps(cell)
                    for cell in (sign['id'], text, sign['means'], sign['source']))
                out.write(f'\t{{{id_}, {WRITERS[sign["from"]]}, {KINDS[sign["says"]]}, {text}, '
                          f'{sign.get("ignore", 0)}, {means}, {origin}}},\n')


if __name__ == '__main__':
    main(*sys.argv[1:])
