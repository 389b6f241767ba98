#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Inserts the interface description into idevicetriage-api(7), so that the text exists once."""
import sys

page, interface, output = sys.argv[1:]
with open(interface, encoding="utf-8") as file:
    text = file.read().rstrip("\n")
with open(page, encoding="utf-8") as file:
    whole = file.read().replace("@interface@", text)
with open(output, "w", encoding="utf-8") as file:
    file.write(whole)
