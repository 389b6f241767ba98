#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Puts the interface description into the page about it: one text, never two."""
import sys

page, interface, output = sys.argv[1:]
with open(interface, encoding="utf-8") as file:
    text = file.read().rstrip("\n")
with open(page, encoding="utf-8") as file:
    whole = file.read().replace("@interface@", text)
with open(output, "w", encoding="utf-8") as file:
    file.write(whole)
