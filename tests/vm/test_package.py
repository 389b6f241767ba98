# SPDX-License-Identifier: LGPL-2.1-or-later
"""The Debian package under Debian's systemd and dpkg: install, upgrade, remove, purge.

Which packages it depends on is not tested here (the machine has their libraries but no list of packages).
"""

import os
import pathlib
import subprocess

import pytest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
INSTALL = """
    # What the other cases use, without its libraries.
    systemctl stop idevicetriaged.socket 2>/dev/null
    rm -rf /usr/local/bin /usr/local/lib/udev /usr/local/lib/systemd /usr/local/lib/sysusers.d /usr/local/libexec
    systemctl daemon-reload
    # Neither a list of packages nor ldconfig is here.
    mkdir -p /etc/dpkg/dpkg.cfg.d
    printf 'force-depends\\nforce-bad-path\\n' >/etc/dpkg/dpkg.cfg.d/case
    # By its path: the shell has a dpkg of its own.
    install_package() {
        /usr/bin/dpkg -i "/case/$1.deb" >>/results/dpkg 2>&1 || { cat /results/dpkg; exit 1; }
    }
    install_package old
"""


@pytest.fixture
def booted(system_machine):
    return system_machine


@pytest.fixture(scope="session")
def packages(tmp_path_factory):
    """The package, and the same with a higher version, as files of a case."""
    folder = pathlib.Path(os.environ.get("IDEVICETRIAGE_PACKAGE", tmp_path_factory.mktemp("package")))
    if not list(folder.glob("idevicetriage_*.deb")):
        subprocess.run([SOURCE / "package", folder], check=True)
    old = next(folder.glob("idevicetriage_*.deb"))
    tree = tmp_path_factory.mktemp("higher") / "tree"
    subprocess.run(["dpkg-deb", "-R", old, tree], check=True)
    control = tree / "DEBIAN/control"
    text = control.read_text()
    version = next(line for line in text.splitlines() if line.startswith("Version: "))
    control.write_text(text.replace(version, version + "+1"))
    new = tree.parent / "new.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "-b", tree, new], check=True, stdout=subprocess.DEVNULL)
    return [("old.deb", old.read_bytes()), ("new.deb", new.read_bytes())]


@pytest.mark.smoke
def test_install_starts_the_service(machine, packages):
    result = machine(
        INSTALL
        + """
        property idevicetriaged.service ActiveState >/results/state
        for unit in idevicetriaged.service idevicetriaged.socket; do
            systemctl is-enabled $unit
        done >/results/enabled
        start_phone
        await phone 'scenario done'
        poll phone_seen
        idevicetriage --json status >/results/told
        """,
        "normal",
        files=packages,
    )

    assert result.text("state") == "active\n"
    assert result.lines("enabled") == ["enabled", "enabled"]
    assert [device["port"] for device in result.json("told")["devices"]] == ["1-1"]


def test_upgrade_remove_purge(machine, packages):
    result = machine(
        INSTALL
        + """
        idevicetriage attempt 0x001C2D6A3C8A802E --outcome failed --cable L07 >/dev/null
        ask case 0x001C2D6A3C8A802E
        mv /results/case /results/before
        property idevicetriaged.service MainPID >/results/pids
        install_package new
        property idevicetriaged.service ActiveState >/results/state
        property idevicetriaged.service MainPID >>/results/pids
        ask case 0x001C2D6A3C8A802E
        mv /results/case /results/upgraded
        mkdir -p /etc/idevicetriage
        echo 'keep-records = 7' >/etc/idevicetriage/idevicetriaged.conf

        /usr/bin/dpkg -r idevicetriage >>/results/dpkg 2>&1
        property idevicetriaged.service ActiveState >/results/removed
        property idevicetriaged.socket ActiveState >>/results/removed
        ls /run/idevicetriage /run/varlink/registry >>/results/removed
        ls /var/lib/idevicetriage /etc/idevicetriage >/results/kept
        install_package new
        ask case 0x001C2D6A3C8A802E
        mv /results/case /results/again
        /usr/bin/dpkg -P idevicetriage >>/results/dpkg 2>&1
        ls -d /var/lib/idevicetriage /etc/idevicetriage /etc/systemd/system/*/idevicetriaged* >/results/purged 2>/dev/null
        true
        """,
        files=packages,
    )

    before, after = result.lines("pids")
    assert before != after
    assert result.text("state") == "active\n"
    assert len(result.json("before")["sessions"]) == 1
    assert result.json("upgraded") == result.json("again") == result.json("before")
    assert result.lines("removed")[:2] == ["inactive", "inactive"]
    assert "io.github.idevicetriage" not in result.text("removed")
    assert {"ring", "casebook.db", "idevicetriaged.conf"} <= set(result.lines("kept"))
    assert result.text("purged") == ""
