# SPDX-License-Identifier: LGPL-2.1-or-later
"""The machine with systemd, of other packages: of a newer Debian, with its systemd, udev, usbmuxd and restore tool, or with more
of this computer's Debian.

The kernel is that of the other machines: a newer one is not covered.
"""

import hashlib
import pathlib
import shutil
import subprocess

from . import image

SOURCE = "deb http://deb.debian.org/debian {suite} main\n"


def dependencies(debs):
    """The names of the packages that these need, without these themselves."""
    depends = ",".join(
        subprocess.run(["dpkg-deb", "-f", path, "Depends"], check=True, capture_output=True, text=True).stdout for path in debs
    )
    return {each.split()[0] for each in depends.split(",")} - {path.name.partition("_")[0] for path in debs}


class OtherImage(image.Image):
    """`base` is the image with the kernel, `needed` are names of more packages; without a `suite`, they are of this computer's."""

    def __init__(self, cache, base, needed, suite=None):
        super().__init__(cache)
        self.kernel = base.kernel
        self._base = base
        self._suite = suite
        self._needed = sorted(needed)

    def _make(self):
        parts = [path.read_bytes() for path in (pathlib.Path(__file__), *image.RECIPE)]
        parts += [(self._base.cache / "recipe").read_bytes(), repr((self._suite, self._needed)).encode()]
        recipe = hashlib.sha256(b"".join(parts)).hexdigest()
        stamp = self.cache / "recipe"
        if stamp.exists() and stamp.read_text() == recipe:
            return
        self._clear()
        if self._suite:
            source = self.cache / "sources.list"
            source.write_text(SOURCE.format(suite=self._suite))
            self._apt += ["-o", f"Dir::Etc::SourceList={source}", "-o", "Dir::Etc::SourceParts=/dev/null"]
        self._update_lists()
        # apt-get takes names of packages between its options.
        self._apt += self._needed
        self._unpack_packages()
        shutil.copytree(self._base.cache / "kernel", self.cache / "kernel")
        self._write_system()
        stamp.write_text(recipe)
