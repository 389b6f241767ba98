#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Restores the phones at these ports, one after the other, and stops when a port is suspect. For example:
  batch.py firmware.ipsw 1-2.1 1-2.2 1-2.3
As written, each restore is an Update. The exit status is 1 if it stopped early."""
import json
import subprocess
import sys


def triage(*arguments):
    """The exit status of `run` is that of the restore tool: the verdict says more."""
    output = subprocess.run(['idevicetriage', *arguments], stdout=subprocess.PIPE).stdout
    return json.loads(output or '{}')


firmware, *ports = sys.argv[1:]
for port in ports:
    ecids = [device['ecid'] for device in triage('--json', 'status').get('devices', [])
             if device.get('port') == port and device['mode'] != 'gone' and 'ecid' in device]
    if not ecids:
        print(f'batch: no phone with a known ECID at {port}', file=sys.stderr)
        continue
    result = triage('run', '--json', '--port', port, '--', 'idevicerestore', '-i', ecids[0], firmware)
    if 'verdict' not in result:
        sys.exit(f'batch: stopped at {port}: no verdict')
    print(f"{port}: {result['verdict']['summary']}", flush=True)
    for first in result['verdict']['causes'][:1]:
        if first['cause'] == 'port-hub' and first['strength'] in ('moderate', 'strong', 'conclusive'):
            sys.exit(f'batch: stopped: check port {port} before the next phone')
