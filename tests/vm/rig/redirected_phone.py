#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A phone for QEMU's `usb-redir` device on its xHCI: redirected_phone.py SOCKET ERRORS

It enumerates as a phone in normal or restore mode and answers the first ERRORS bulk-in transfers with an input/output
error, which the guest's controller reports as "USB Transaction Error" and the guest's kernel retries. Later bulk-in
transfers stay pending. QEMU: -device qemu-xhci,id=xhci -chardev socket,id=phone,path=SOCKET
-device usb-redir,chardev=phone,bus=xhci.0. The protocol: usbredir's docs/usb-redirection-protocol.md.
"""

import socket
import struct
import sys

HELLO, CONNECT, INTERFACES, ENDPOINTS = 0, 1, 4, 5
SET_CONFIGURATION, GET_CONFIGURATION, CONFIGURATION = 6, 7, 8
SET_ALTERNATE, GET_ALTERNATE, ALTERNATE = 9, 10, 11
CANCEL = 21
CONTROL, BULK = 100, 101
# Packet sizes of endpoints, 64-bit numbers, 32-bit lengths: QEMU's xHCI refuses a server without them.
CAPABILITIES = 1 << 4 | 1 << 5 | 1 << 6
SUCCESS, IO_ERROR, STALL = 0, 3, 4
HIGH_SPEED = 2
VENDOR, PRODUCT = 0x05AC, 0x12A8
BULK_OUT, BULK_IN = 0x04, 0x85
CONTROL_HEADER, BULK_HEADER = "<BBBBHHH", "<BBHIH"


def _string(text):
    data = text.encode("utf-16le")
    return bytes([2 + len(data), 3]) + data


DEVICE = struct.pack("<BBHBBBBHHHBBBB", 18, 1, 0x200, 0, 0, 0, 64, VENDOR, PRODUCT, 0x1401, 1, 2, 3, 1)
CONFIGURATION_DATA = (
    struct.pack("<BBHBBBBB", 9, 2, 32, 1, 1, 0, 0xC0, 250)
    + bytes([9, 4, 0, 0, 2, 255, 254, 2, 0])
    + struct.pack("<BBBBHB", 7, 5, BULK_OUT, 2, 512, 0)
    + struct.pack("<BBBBHB", 7, 5, BULK_IN, 2, 512, 0)
)
STRINGS = {
    0: bytes([4, 3, 9, 4]),
    1: _string("Apple Inc."),
    2: _string("iPhone"),
    3: _string("00008030001C2D6A3C8A802E"),
}


def _descriptor(value):
    kind, index = value >> 8, value & 0xFF
    return {1: DEVICE, 2: CONFIGURATION_DATA, 3: STRINGS.get(index)}.get(kind)


class Phone:
    """Answers one QEMU."""

    def __init__(self, connection, errors):
        self._connection = connection
        self._errors = errors
        self._failed = set()  # packets that were answered with an error
        self._greeted = False

    def serve(self):
        """Returns when QEMU ends."""
        self._send(HELLO, b"phone".ljust(64, b"\0") + struct.pack("<I", CAPABILITIES))
        while (header := self._read(16 if self._greeted else 12)) is not None:
            kind, length, number = struct.unpack("<IIQ" if self._greeted else "<III", header)
            self._greeted = True
            self._answer(kind, self._read(length), number)

    def _read(self, length):
        data = b""
        while len(data) < length:
            part = self._connection.recv(length - len(data))
            if not part:
                return None
            data += part
        return data

    def _send(self, kind, data, number=0):
        head = "<IIQ" if self._greeted else "<III"
        self._connection.sendall(struct.pack(head, kind, len(data), number) + data)

    def _answer(self, kind, data, number):
        if kind == HELLO:
            self._connect()
        elif kind == SET_CONFIGURATION:
            self._send(CONFIGURATION, bytes([SUCCESS, data[0]]), number)
        elif kind == GET_CONFIGURATION:
            self._send(CONFIGURATION, bytes([SUCCESS, 1]), number)
        elif kind == SET_ALTERNATE:
            self._send(ALTERNATE, bytes([SUCCESS, *data[:2]]), number)
        elif kind == GET_ALTERNATE:
            self._send(ALTERNATE, bytes([SUCCESS, data[0], 0]), number)
        elif kind == CONTROL:
            self._control(data, number)
        elif kind == BULK:
            self._bulk(data, number)
        elif kind == CANCEL and number in self._failed:
            # QEMU drops the answer to a packet that it cancelled before: the guest does not see this error.
            self._failed.remove(number)
            self._errors += 1

    def _connect(self):
        types = [255] * 32  # OUT endpoints, then IN
        types[0] = types[16] = 0
        types[BULK_OUT & 15] = types[16 + (BULK_IN & 15)] = 2
        sizes = [64 if kind == 0 else 512 for kind in types]
        one = [bytes([value]).ljust(32, b"\0") for value in (0, 255, 254, 2)]
        self._send(INTERFACES, struct.pack("<I", 1) + b"".join(one))
        self._send(ENDPOINTS, bytes(types) + bytes(64) + struct.pack("<32H", *sizes))
        self._send(CONNECT, struct.pack("<BBBBHH", HIGH_SPEED, 0, 0, 0, VENDOR, PRODUCT))

    def _control(self, data, number):
        endpoint, request, kind, _, value, index, length = struct.unpack(CONTROL_HEADER, data[:10])
        status, answer = SUCCESS, b""
        if kind == 0x80 and request == 6:
            answer = (_descriptor(value) or b"")[:length]
            status = SUCCESS if answer else STALL
        if kind & 0x80:
            length = len(answer)
        head = struct.pack(CONTROL_HEADER, endpoint, request, kind, status, value, index, length)
        self._send(CONTROL, head + answer, number)

    def _bulk(self, data, number):
        endpoint, _, length, stream, high = struct.unpack(BULK_HEADER, data[:10])
        if endpoint & 0x80 == 0:
            self._send(BULK, struct.pack(BULK_HEADER, endpoint, SUCCESS, length, stream, high), number)
        elif self._errors > 0:
            self._errors -= 1
            self._failed.add(number)
            self._send(BULK, struct.pack(BULK_HEADER, endpoint, IO_ERROR, 0, stream, 0), number)


def main():
    """Serves one connection at the socket."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(sys.argv[1])
        listener.listen(1)
        listener.settimeout(60)
        connection, _ = listener.accept()
        connection.settimeout(None)
        Phone(connection, int(sys.argv[2])).serve()


if __name__ == "__main__":
    main()
