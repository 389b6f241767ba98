# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes the archives that the kernel unpacks as its first root file system.

The kernel takes several such archives one after the other, so a large fixed one can be followed
by a small one per test. Only what a test image needs: directories, files and symbolic links, all
owned by root.
"""

import stat


class Archive:
    """One archive in the "newc" form (Documentation/driver-api/early-userspace/buffer-format.rst)."""

    def __init__(self):
        self._parts = []
        self._seen = set()

    def directory(self, path):
        """Adds a directory and those above it, once."""
        path = path.strip("/")
        if not path or path in self._seen:
            return
        self.directory(path.rpartition("/")[0])
        self._record(path, stat.S_IFDIR | 0o755, b"")

    def has(self, path):
        """Whether something was added at `path`."""
        return path.strip("/") in self._seen

    def file(self, path, data, mode=0o644):
        """Adds a file with `data` (bytes or text) in it."""
        path = path.strip("/")
        self.directory(path.rpartition("/")[0])
        self._record(path, stat.S_IFREG | mode, data.encode() if isinstance(data, str) else data)

    def link(self, path, target):
        """Adds a symbolic link at `path`."""
        path = path.strip("/")
        self.directory(path.rpartition("/")[0])
        self._record(path, stat.S_IFLNK | 0o777, target.encode())

    def bytes(self):
        """The archive, closed; more can still be added and the bytes asked for again."""
        return b"".join(self._parts) + _record("TRAILER!!!", 0, b"", 0)

    def _record(self, path, mode, data):
        self._seen.add(path)
        self._parts.append(_record(path, mode, data, len(self._parts) + 1))


def _record(path, mode, data, inode):
    name = path.encode() + b"\0"
    fields = (inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name), 0)
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + name
    return head + b"\0" * (-len(head) % 4) + data + b"\0" * (-len(data) % 4)
