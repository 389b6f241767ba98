# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the daemon takes from idevicetriage-link, and from one that lies to it."""
import json
import os
import re
import socket
import stat
import struct
import subprocess
import sys
import time

import pytest

from daemon import processor_seconds, until

# common/model/event.c: numbers of fields; common/model/event.h: of kinds.
AT, WALL, KIND, SOURCE, ECID, UDID, PORT, CODE, NUMBER, FLAG, NAME, TEXT = 1, 2, 3, 4, 6, 7, 8, 10, 11, 12, 16, 20
WIDE = (AT, WALL, ECID, CODE)
EVENT_SOURCE, EVENT_TOOL_START, EVENT_SESSION_BEGIN, EVENT_SESSION_END, EVENT_DIAGNOSIS, LINK_ERROR = 2, 20, 60, 61, 64, 70
SOURCE_DAEMON, SOURCE_LINK = 1, 8


def encode(**values):
    """An event in its binary form; the names of fields are those above, in lower case."""
    fields = {'at': time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000, 'wall': time.time_ns() // 1000,
              'source': SOURCE_LINK, **values}
    message = b''
    for name, value in fields.items():
        number = globals()[name.upper()]
        if isinstance(value, int):
            value = struct.pack('<q' if number in WIDE else '<i', value)
        elif isinstance(value, str):
            value = value.encode()
        message += struct.pack('<BH', number, len(value)) + value
    return message


def link_error(port='1-1', **more):
    return encode(kind=LINK_ERROR, port=port, code=-71, number=2, flag=0x85, name='bulk-in', **more)


class Link:
    """A stand-in for idevicetriage-link."""

    def __init__(self, path, hello=True):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(20)
        self.socket.connect(str(path))
        if hello:
            self.state(0, 'watching')

    def send(self, *messages):
        for message in messages:
            self.socket.send(message)

    def state(self, code, reason):
        self.send(encode(kind=EVENT_SOURCE, name='link', code=code, text=reason))

    def has_ended(self):
        return self.socket.recv(1) == b''


@pytest.fixture
def path(bench, folder):
    bench.start('--link-socket', folder / 'link')
    return folder / 'link'


def source(bench):
    return next((each for each in bench.ask('status')['sources'] if each['name'] == 'link'), None)


def records(bench, kind=None):
    lines = bench.triage('--json', 'log').stdout.splitlines()
    found = [record for line in lines for record in json.loads(line)['records']]
    return [record for record in found if record.get('source') == 'link' and kind in (None, record['kind'])]


def test_without_the_program(bench, path):
    until(lambda: source(bench), what='the state of the source')
    assert source(bench) == {'name': 'link', 'up': False, 'detail': 'idevicetriage-link is not running'}
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o660


def test_the_program_is_not_installed(bench, folder):
    """Whoever leaves its package out is told once what is missing, and is not warned of a loss."""
    program = folder / 'program'
    bench.environment['IDEVICETRIAGE_LINK_PROGRAM'] = str(program)
    bench.start('--link-socket', folder / 'link')
    until(lambda: source(bench), what='the state of the source')
    told = source(bench)
    assert not told['up'] and told['absent']
    assert re.search('link +absent: idevicetriage-link is not installed', bench.triage('status').stdout)
    assert told['detail'].startswith('idevicetriage-link is not installed. Install the package idevicetriage-link')
    assert 'The source link does not work' not in (folder / 'daemon.log').read_text()
    # It is installed while the daemon runs, and removed.
    program.touch()
    link = Link(folder / 'link')
    until(lambda: source(bench)['up'], what='the program')
    link.socket.close()
    until(lambda: source(bench)['detail'] == 'idevicetriage-link is not running', what='its end')
    assert 'absent' not in source(bench)
    with Link(folder / 'link').socket:
        until(lambda: source(bench)['up'], what='the program')
        program.unlink()
    until(lambda: 'is not installed' in source(bench)['detail'], what='its removal')


def test_the_program_reports_itself(bench, path):
    link = Link(path)
    until(lambda: source(bench) == {'name': 'link', 'up': True, 'detail': 'watching'}, what='the source')
    link.state(-2, 'the kernel module usbmon is not loaded')
    until(lambda: not source(bench)['up'], what='the new state')
    assert source(bench)['detail'] == 'the kernel module usbmon is not loaded'
    # One that starts again replaces the one before it, which may hang.
    second = Link(path)
    assert link.has_ended()
    until(lambda: source(bench)['up'], what='the second one')
    second.socket.close()
    until(lambda: source(bench)['detail'] == 'idevicetriage-link is not running', what='its end')


def test_the_program_hears_where_a_restore_runs(bench, path):
    bench.call('BeginRun', tool='idevicerestore', arguments=[], conditions=[], port='1-4')
    begin = Link(path).socket.recv(8192)
    assert struct.pack('<BHi', KIND, 4, EVENT_SESSION_BEGIN) in begin
    assert struct.pack('<BH', PORT, 3) + b'1-4' in begin


def test_an_error_of_the_link(bench, path):
    Link(path).send(link_error(ecid=0x1C2D6A3C8A802E))
    error = until(lambda: records(bench, 'link-error'), what='the record')[0]
    assert (error['port'], error['ecid'], error['code'], error['name']) == ('1-1', '0x001C2D6A3C8A802E', -71, 'bulk-in')


def test_lies_are_dropped(bench, path):
    link = Link(path)
    link.send(
        encode(kind=EVENT_SESSION_END, port='1-1', number=1),
        encode(kind=EVENT_DIAGNOSIS, port='1-1', name='phase2-hardware'),
        encode(kind=EVENT_TOOL_START, port='1-1', name='idevicerestore'),
        encode(kind=99, port='1-1'),
        encode(kind=LINK_ERROR),
        link_error(port='../../etc'),
        b'\x03\xff\xff\x00',
        os.urandom(4096),
        b'x' * 16000,
        link_error(port='1-2', text=b'\x1b[2J\xff\n' + b'x' * 4000),
    )
    last = until(lambda: records(bench, 'link-error'), what='the only true record')
    assert [record['port'] for record in last] == ['1-2']
    assert set(last[0]['text'][:6]) <= set('?[2J') and len(last[0]['text']) < 600
    assert {record['kind'] for record in records(bench)} == {'source', 'link-error'}
    link.state(0, 'watching')
    until(lambda: source(bench)['detail'] == 'watching; 9 messages dropped', what='the count')


def test_a_message_cannot_be_of_another_source_or_time(bench, path):
    Link(path).send(encode(kind=LINK_ERROR, port='1-1', source=SOURCE_DAEMON, at=1, wall=1))
    error = until(lambda: records(bench, 'link-error'), what='the record')[0]
    assert error['source'] == 'link'
    assert abs(error['timeUSec'] / 1e6 - time.time()) < 60


def test_a_flood(bench, path):
    link = Link(path)
    before, began = processor_seconds(bench.process), time.monotonic()
    link.socket.setblocking(False)
    while time.monotonic() < began + 3:
        try:
            link.send(link_error())
        except BlockingIOError:
            time.sleep(0.001)
    assert processor_seconds(bench.process) - before < 1
    # 50 at once and 10 a second.
    assert 50 <= len(records(bench, 'link-error')) <= 50 + 10 * (time.monotonic() - began + 1)


@pytest.mark.skipif(os.geteuid() != 0, reason='only root can be another user')
def test_another_user_is_refused(bench, folder, path):
    os.chmod(folder, 0o755)
    os.chmod(path, 0o666)
    script = ('import os, socket, sys; os.setgid(65534); os.setuid(65534);'
              's = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); s.settimeout(20);'
              's.connect(sys.argv[1]); print(s.recv(1))')
    done = subprocess.run([sys.executable, '-c', script, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout == "b''\n"
    assert 'link: refused a connection of another user' in bench.say()
