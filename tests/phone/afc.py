# SPDX-License-Identifier: LGPL-2.1-or-later
"""The phone's file service (AFC): lists and reads what stands in a dictionary.

Protocol facts: a 40-byte little-endian header (magic, length of all, length of header and header
payload, packet number, operation), as libimobiledevice's afc.h has it.
"""

import struct

from usbmux import receive_exactly, send_all

HEADER = struct.Struct("<8sQQQQ")
MAGIC = b"CFA6LPAA"
STATUS, DATA, READ_DIR = 1, 2, 3
FILE_OPEN, FILE_OPEN_RESULT, FILE_READ, FILE_CLOSE = 0xD, 0xE, 0xF, 0x14
NOT_FOUND, NOT_SUPPORTED = 8, 9
LIMIT_BYTES = 1 << 20


class FileService:
    """Serves `files`, a dictionary of path to bytes, on one connection until it ends."""

    def __init__(self, files):
        self.files = files
        self._open = {}

    def __call__(self, connection):
        while True:
            header = HEADER.unpack(receive_exactly(connection, HEADER.size))
            _, whole, here, number, operation = header
            if not HEADER.size <= here <= whole <= LIMIT_BYTES:
                return
            body = receive_exactly(connection, whole - HEADER.size)
            kind, head, data = self._answer(operation, body)
            here = HEADER.size + len(head)
            packet = HEADER.pack(MAGIC, here + len(data), here, number, kind)
            send_all(connection, packet + head + data)

    def _answer(self, operation, body):
        if operation == READ_DIR:
            return self._list(body.split(b"\0")[0].decode())
        if operation == FILE_OPEN:
            path = body[8:].split(b"\0")[0].decode("utf-8", "surrogateescape")
            if path not in self.files:
                return STATUS, struct.pack("<Q", NOT_FOUND), b""
            handle = len(self._open) + 1
            self._open[handle] = [self.files[path], 0]
            return FILE_OPEN_RESULT, struct.pack("<Q", handle), b""
        if operation == FILE_READ:
            handle, length = struct.unpack("<QQ", body[:16])
            content, at = self._open[handle]
            self._open[handle][1] += length
            return DATA, b"", content[at:at + length]
        if operation == FILE_CLOSE:
            return STATUS, struct.pack("<Q", 0), b""
        return STATUS, struct.pack("<Q", NOT_SUPPORTED), b""

    def _list(self, folder):
        inside = folder.rstrip("/") + "/"
        names = {path[len(inside):].split("/")[0] for path in self.files if path.startswith(inside)}
        if not names and folder != "/":
            return STATUS, struct.pack("<Q", NOT_FOUND), b""
        text = "".join(name + "\0" for name in [".", "..", *sorted(names)])
        return DATA, b"", text.encode("utf-8", "surrogateescape")
