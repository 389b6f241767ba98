# SPDX-License-Identifier: LGPL-2.1-or-later
"""Records what a simulated phone and its programs say to each other, as usbmon would show it on a bus.

The simulated usbmuxd has no USB: each connection is wrapped into the packets that a real usbmuxd would send. Facts of
the records: usbmon.rst; of the packets: usbmuxd, device.c."""
import itertools
import struct
import threading
import time

RECORD = struct.Struct('<QBBBBHbbqiiII8siiII')
BULK, IN_PROGRESS = 3, -115
OUT, IN = 0x04, 0x85
TCP = 6
SYN, RST, ACK = 2, 4, 16
STEP_RECORD, STEP_ATTACH, STEP_PASS = 0, 1, 5
SEGMENT = 16000
START_US = 100_000_000
WALL_US = 1_700_000_000_000_000


class Recording:
    """The steps of a recording (link_events.c reads them). Thread-safe."""

    def __init__(self):
        self.steps = bytearray()
        self.lock = threading.Lock()
        self.started = self.last = time.monotonic()
        self.ids = itertools.count(1)
        self.ports = itertools.count(1)
        self.passed_ms = 0
        self._step(STEP_ATTACH, 4)
        self._packet(OUT, 0, struct.pack('>III', 2, 0, 0))
        self._packet(IN, 0, struct.pack('>III', 2, 0, 0))

    def _step(self, kind, number, data=b''):
        self.steps += struct.pack('<BH', kind, number) + data

    def _pass(self):
        ms = int((time.monotonic() - self.started) * 1000) - self.passed_ms
        while ms > 0:
            self._step(STEP_PASS, min(ms, 65535))
            self.passed_ms += min(ms, 65535)
            ms -= min(ms, 65535)

    def _record(self, kind, identity, endpoint, status, length, data):
        us = WALL_US + START_US + self.passed_ms * 1000
        header = RECORD.pack(identity, ord(kind), BULK, endpoint, 1, 1, ord('-'), 0 if data else ord('<'), us // 1_000_000,
                             us % 1_000_000, status, length, len(data), bytes(8), 0, 0, 0, 0)
        self._step(STEP_RECORD, len(header) + len(data), header + data)

    def _packet(self, endpoint, protocol, body):
        self._pass()
        size = 8 if protocol == 0 else 16
        header = struct.pack('>II', protocol, size + len(body)) + (b'' if protocol == 0 else struct.pack('>IHH', 0xfeedface, 0, 0))
        packet = header + body
        identity = next(self.ids)
        self._record('S', identity, endpoint, IN_PROGRESS, len(packet), packet if endpoint == OUT else b'')
        self._record('C', identity, endpoint, 0, len(packet), packet if endpoint == IN else b'')

    def segment(self, endpoint, host, phone, sequence, acknowledged, flags, data=b''):
        """One segment of TCP between these ports."""
        ports = (host, phone) if endpoint == OUT else (phone, host)
        header = struct.pack('>HHIIBBHHH', *ports, sequence, acknowledged, 5 << 4, flags, 512, 0, 0)
        with self.lock:
            self._packet(endpoint, TCP, header + data)

    def write(self, path):
        with self.lock:
            self._pass()
            path.write_bytes(self.steps)


class TappedConnection:
    """A socket of the simulated usbmuxd, with a copy of all that passes in the recording."""

    def __init__(self, connection, recording, port):
        self.connection = connection
        self.recording = recording
        self.port = port
        self.host = next(recording.ports)
        self.sent = {OUT: 1, IN: 1}
        recording.segment(OUT, self.host, port, 0, 0, SYN)
        recording.segment(IN, self.host, port, 0, 1, SYN | ACK)

    def _copy(self, endpoint, data):
        other = IN if endpoint == OUT else OUT
        for at in range(0, len(data), SEGMENT):
            part = bytes(data[at:at + SEGMENT])
            self.recording.segment(endpoint, self.host, self.port, self.sent[endpoint], self.sent[other], ACK, part)
            self.sent[endpoint] = (self.sent[endpoint] + len(part)) & 0xffffffff
            self.recording.segment(other, self.host, self.port, self.sent[other], self.sent[endpoint], ACK)

    def recv(self, count):
        data = self.connection.recv(count)
        if data:
            self._copy(OUT, data)
        return data

    def sendall(self, data):
        self._copy(IN, data)
        self.connection.sendall(data)

    def end(self):
        self.recording.segment(OUT, self.host, self.port, self.sent[OUT], self.sent[IN], RST)

    def __getattr__(self, name):
        return getattr(self.connection, name)


def tap(phone):
    """Records the connections of a simulated phone from now on."""
    recording, chosen = Recording(), threading.local()
    service, run_service = phone.service, phone.run_service

    def choose(port):
        chosen.port = port
        return service(port)

    def run(found, connection):
        tapped = TappedConnection(connection, recording, chosen.port)
        try:
            run_service(found, tapped)
        finally:
            tapped.end()

    phone.service, phone.run_service = choose, run
    return recording
