#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A thousand phones that a simulated usbmuxd reports at once, as many at a time as the daemon watches: the time until the
last of them is listed, and the longest stall of the daemon's loop.

Usage: bench_phones.py BUILD_FOLDER
"""
import os
import pathlib
import plistlib
import re
import shutil
import socket
import struct
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'integration'))

from daemon import until  # noqa: E402
import load  # noqa: E402

PHONES = 1000
AT_ONCE = 250  # the daemon watches 256
STALL_US = 5000


def frame(message, tag=0):
    body = plistlib.dumps(message)
    return struct.pack('<IIII', 16 + len(body), 1, 8, tag) + body


def udid(number):
    return f'00008030-{number:016X}'


def attached(number):
    return frame({'MessageType': 'Attached', 'DeviceID': number, 'Properties': {
        'ConnectionType': 'USB', 'ConnectionSpeed': 480000000, 'DeviceID': number, 'LocationID': number,
        'ProductID': 0x12A8, 'SerialNumber': udid(number).replace('-', '')}})


def all_phones():
    """What usbmuxd would send: each group leaves when the next one comes."""
    for first in range(1, PHONES + 1, AT_ONCE):
        for number in range(first, first + AT_ONCE):
            if number > AT_ONCE:
                yield frame({'MessageType': 'Detached', 'DeviceID': number - AT_ONCE})
            yield attached(number)


def serve(listener, listening):
    """Accepts clients, and hands over the one that listens. Others get no answer."""
    while True:
        client, _ = listener.accept()
        request = client.recv(65536)
        if b'Listen' in request:
            client.sendall(frame({'MessageType': 'Result', 'Number': 0}, struct.unpack_from('<I', request, 12)[0]))
            listening.append(client)
        else:
            client.close()


def measure(bench, listening):
    until(lambda: listening, what='the daemon at usbmuxd')
    data = b''.join(all_phones())
    last = udid(PHONES)
    began = time.monotonic()
    listening[0].sendall(data)
    until(lambda: any(device.get('udid') == last for device in bench.call('ListDevices')['devices']), seconds=60,
          what='the last phone')
    taken = time.monotonic() - began
    bench.stop()
    return taken, int(re.search(r'longest stall was (\d+) us', bench.say())[1])


def main(build):
    folder = pathlib.Path(tempfile.mkdtemp(prefix='phones-'))
    (folder / 'journal').mkdir()
    os.environ['IDEVICETRIAGE_JOURNAL_DIR'] = str(folder / 'journal')
    bench = load.bench_ahead(build, folder)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(folder / 'mux'))
    listener.listen(8)
    listening = []
    threading.Thread(target=serve, args=(listener, listening), daemon=True).start()
    try:
        bench.start('--verbose', '--phone-query', 'no')
        seconds, stall_us = measure(bench, listening)
    finally:
        bench.close()
        shutil.rmtree(folder, ignore_errors=True)
    load.row(f'{PHONES:,} phones attach, {AT_ONCE} at a time: to the last one', f'{seconds * 1e3:.0f} ms', '< 1 s',
             seconds < 1, 'property lists')
    load.row('the same, longest stall of the loop', f'{stall_us / 1e3:.1f} ms', f'< {STALL_US / 1e3:.0f} ms',
             stall_us < STALL_US, 'the messages of one read')


main(pathlib.Path(sys.argv[1]).resolve())
