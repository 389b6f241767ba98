#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes a C file with the bytes of text files: embed.py OUTPUT HEADER NAME=FILE..."""
import sys


def literal(text):
    """The text as C string literals, a line each."""
    lines = text.splitlines(keepends=True)
    return '\n'.join('\t"' + ''.join(escape(byte) for byte in line.encode()) + '"' for line in lines)


def escape(byte):
    if byte == 0x0a:
        return '\\n'
    if byte in b'"\\?' or not 0x20 <= byte < 0x7f:
        return f'\\{byte:03o}'
    return chr(byte)


output, header, *items = sys.argv[1:]
parts = [f'/* Made by embed.py. */\n#include "{header}"\n']
for item in items:
    name, path = item.split('=', 1)
    with open(path, encoding='utf-8', newline='') as file:
        parts.append(f'const char {name}[] =\n{literal(file.read())};\n')
with open(output, 'w', encoding='utf-8') as file:
    file.write('\n'.join(parts))
