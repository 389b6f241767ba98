#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Turns operations.txt into the rows of a C array of struct operation (common/triage/operation.h).

Usage: generate_operations.py operations.txt operations.inc
Stops with file, line and reason where a line is not "number | name | what it exercises".
"""
import json
import re
import sys


def main(source, target):
    names, rows = set(), []
    with open(source, encoding='ascii') as text:
        for number, line in enumerate(text, 1):
            line = line.strip()
            if not line or line.startswith('#'):
                continue
            cells = re.fullmatch(r'(\d+) *\| ([^|]+) \| ([^|]+)', line)
            if not cells:
                sys.exit(f'{source}:{number}: not "number | name | what it exercises": {line}')
            if cells[2] in names:
                sys.exit(f'{source}:{number}: {cells[2]} is there twice')
            names.add(cells[2])
            exercises = 'NULL' if cells[3] == '-' else json.dumps(cells[3])
            rows.append(f'\t{{{cells[1]}, {json.dumps(cells[2])}, {exercises}}},\n')
    with open(target, 'w', encoding='ascii') as out:
        out.writelines(rows)


main(*sys.argv[1:])
