#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Exports each ended restore into this folder, unless its file is there. For example:
  export.py /var/backups/idevicetriage
The files have customers' identifiers (export --mask omits them), and purge does not delete them.
The exit status is 1 if a restore could not be exported; the next start tries it again."""
import json
import pathlib
import subprocess
import sys

folder = pathlib.Path(sys.argv[1])
folder.mkdir(mode=0o700, parents=True, exist_ok=True)
listing = subprocess.run(['idevicetriage', '--json', 'sessions'], stdout=subprocess.PIPE, check=True).stdout
failed = False
for session in json.loads(listing)['sessions']:
    path = folder / f"{session['session']}.json"
    if session['outcome'] != 'running' and not path.exists():
        # The file is written as a whole or not at all.
        failed |= subprocess.run(['idevicetriage', 'export', session['session'], '-o', path]).returncode != 0
sys.exit(failed)
