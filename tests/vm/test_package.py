# SPDX-License-Identifier: LGPL-2.1-or-later
"""The Debian packages under Debian's systemd and dpkg: install, upgrade, remove, purge.

Which packages they depend on is not tested here (the machine has their libraries but no list of packages).
"""

import json
import pathlib
import shutil
import subprocess

import pytest

import debian
from rig import other_system

SCENARIOS = pathlib.Path(__file__).parent / "scenarios"
LINK = "idevicetriage-link"
PREPARE = """
    # What the other cases use, without its libraries.
    systemctl stop idevicetriaged.socket idevicetriage-link.socket 2>/dev/null
    rm -rf /usr/local/bin /usr/local/lib/udev /usr/local/lib/systemd /usr/local/lib/sysusers.d /usr/local/libexec
    systemctl daemon-reload
    link_is() { idevicetriage --json status | grep -q "$1"; }
    link_works() { link_is '"name":"link","up":true'; }
"""
INSTALL = PREPARE + "install_packages old\n"


@pytest.fixture
def booted(system_machine):
    return system_machine


@pytest.fixture
def newer_packages(build, tmp_path):
    """The two packages, built on Debian 13."""
    with debian.fresh("trixie", build, tmp_path / "debian") as run:
        run("./package")
        folder = tmp_path / "debian/work/build-package"
        yield [next(folder.glob(f"{name}_*.deb")) for name in ("idevicetriage", LINK)]


@pytest.fixture
def newer_debian(other_machine, newer_packages):
    """A machine with the systemd, udev, usbmuxd and restore tool of Debian 13, and what our packages depend on."""
    return other_machine("debian13", other_system.dependencies(newer_packages), "trixie")


def repacked(deb, target, change):
    """The package with `change` applied to the folder of its unpacked files."""
    tree = target.with_suffix("")
    subprocess.run(["dpkg-deb", "-R", deb, tree], check=True)
    change(tree)
    subprocess.run(["dpkg-deb", "--root-owner-group", "-b", tree, target], check=True, stdout=subprocess.DEVNULL)
    return target


def raise_version(tree):
    control = tree / "DEBIAN/control"
    text = control.read_text()
    version = next(line for line in text.splitlines() if line.startswith("Version: "))
    control.write_text(text.replace(version, version + "+1"))


@pytest.fixture(scope="session")
def packages(built_package, tmp_path_factory):
    """Both packages, the same with a higher version, and the one package of before they were split, as files of a case."""
    old, old_link = built_package("idevicetriage"), built_package(LINK)
    made = tmp_path_factory.mktemp("made")

    def add_link(tree):
        """As it was once: the unit, enabled and started by the daemon's package."""
        other = made / "link"
        subprocess.run(["dpkg-deb", "-R", old_link, other], check=True)
        for script in ("postinst", "prerm"):
            text = (tree / "DEBIAN" / script).read_text()
            added = (other / "DEBIAN" / script).read_text().partition("\n")[2]
            (tree / "DEBIAN" / script).write_text(text + added)
        (tree / "DEBIAN/preinst").unlink()
        shutil.rmtree(other / "DEBIAN")
        shutil.rmtree(other / "usr/share/doc")
        shutil.copytree(other, tree, dirs_exist_ok=True, symlinks=True)

    files = {
        "old": old,
        "old-link": old_link,
        "new": repacked(old, made / "new.deb", raise_version),
        "new-link": repacked(old_link, made / "new-link.deb", raise_version),
        "whole": repacked(old, made / "whole.deb", add_link),
    }
    return [(f"{name}.deb", path.read_bytes()) for name, path in files.items()]


def first(packages):
    """The two that are installed first."""
    return [file for file in packages if file[0] in ("old.deb", "old-link.deb")]


@pytest.mark.smoke
def test_install_starts_the_services(machine, packages):
    result = machine(
        PREPARE
        + """
        install_packages old old-link
        units='idevicetriaged.service idevicetriaged.socket idevicetriage-link.socket idevicetriage-link.service'
        for unit in $units; do
            property $unit ActiveState
            systemctl is-enabled $unit
        done >/results/units
        start_phone
        await phone 'scenario done'
        poll phone_seen
        poll link_works
        idevicetriage --json status >/results/told
        stat -c '%a %U %G' /dev/usbmon1 >/results/node
        """,
        "normal",
        files=first(packages),
    )

    assert result.lines("units") == ["active", "enabled"] * 4
    assert [device["port"] for device in result.json("told")["devices"]] == ["1-1"]
    assert result.text("node") == f"640 root {LINK}\n"


def test_without_the_link(machine, packages):
    """The daemon's package alone works, and reports what it lacks and the cure; installing that needs no restart."""
    result = machine(
        INSTALL
        + """
        poll link_is 'not installed'
        idevicetriage status >/results/status-text
        idevicetriage doctor >/results/doctor-text || true
        property idevicetriaged.service StatusText >/results/told
        journalctl -q -u idevicetriaged.service | grep 'does not work' >>/results/told
        id -u idevicetriage-link >/results/user 2>/dev/null
        property idevicetriaged.service MainPID >/results/pids

        install_packages old-link
        poll link_works
        stat -c '%a %U %G' /dev/usbmon1 >/results/nodes
        id -u idevicetriage-link >>/results/user

        /usr/bin/dpkg -r idevicetriage-link >>/results/dpkg 2>&1
        poll link_is 'not installed'
        stat -c '%a %U %G' /dev/usbmon1 >>/results/nodes
        ls /usr/lib/udev/rules.d /sys/kernel/tracing/instances 2>/dev/null | grep idevicetriage >/results/left
        /usr/bin/dpkg -P idevicetriage-link >>/results/dpkg 2>&1
        ls -d /etc/systemd/system/*/idevicetriage-link.service /var/lib/systemd/*/idevicetriage-link.service* \\
            >>/results/left 2>/dev/null
        property idevicetriaged.service MainPID >>/results/pids
        property idevicetriaged.service ActiveState >/results/state
        """,
        files=packages,
    )

    sentence = "idevicetriage-link is not installed. Install the package idevicetriage-link"
    assert sentence in " ".join(result.text("status-text").split())
    words = " ".join(result.text("doctor-text").split())
    assert "idevicetriage-link is not installed: errors of the USB link are not recorded" in words
    assert "Install the package idevicetriage-link." in words
    assert "link" not in result.text("told")
    assert len(result.lines("user")) == 1
    assert result.lines("nodes") == [f"640 root {LINK}", "600 root root"]
    assert result.text("left") == ""
    before, after = result.lines("pids")
    assert before == after
    assert result.text("state") == "active\n"


@pytest.mark.parametrize("order", ["new new-link", "new-link new"])
def test_upgrade_from_the_one_package(machine, packages, order):
    """In either order of unpacking, the files change hands, and the new program runs in place of the old one."""
    result = machine(
        PREPARE
        + """
        install_packages whole
        poll link_works
        property idevicetriage-link.service MainPID >/results/pids
        """
        + f"install_packages {order}\n"
        + """
        poll link_works
        property idevicetriage-link.service MainPID >>/results/pids
        systemctl is-enabled idevicetriage-link.service >/results/state
        readlink /proc/$(property idevicetriage-link.service MainPID)/exe >>/results/state
        /usr/bin/dpkg-query -S /usr/libexec/idevicetriage-link /lib/systemd/system/idevicetriage-link.* >/results/owners
        """,
        files=packages,
    )

    before, after = result.lines("pids")
    assert before != after
    assert result.lines("state") == ["enabled", "/usr/libexec/idevicetriage-link"]
    assert sorted(result.lines("owners")) == [
        f"{LINK}: /lib/systemd/system/idevicetriage-link.service",
        f"{LINK}: /usr/libexec/idevicetriage-link",
        "idevicetriage: /lib/systemd/system/idevicetriage-link.socket",
    ]


def test_upgrade_to_the_daemon_alone(machine, packages):
    """Who had the one package and installs only the daemon's: the old bus reader ends, and nothing of it is left."""
    result = machine(
        PREPARE
        + """
        install_packages whole
        poll link_works
        install_packages new
        poll link_is 'not installed'
        property idevicetriage-link.service ActiveState >/results/state
        ls -d /etc/systemd/system/*/idevicetriage-link.service /usr/lib/udev/rules.d/*idevicetriage* >/results/left 2>/dev/null
        true
        """,
        files=packages,
    )

    assert result.text("state") == "inactive\n"
    assert result.text("left") == ""


def test_upgrade_remove_purge(machine, packages):
    result = machine(
        INSTALL
        + """
        idevicetriage attempt 0x001C2D6A3C8A802E --outcome failed --cable L07 >/dev/null
        ask case 0x001C2D6A3C8A802E
        mv /results/case /results/before
        property idevicetriaged.service MainPID >/results/pids
        install_packages new
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
        install_packages new
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


# A shop's script: it keeps what it gets. The unit is the example, as its first line says.
STORY = """
    printf 'u technician -\\nm technician idevicetriage\\n' >/usr/lib/sysusers.d/case.conf
    systemd-sysusers 2>/dev/null
    # On a computer with a list of packages, systemd's own does this.
    journalctl --update-catalog

    mkdir -p /usr/local/bin
    printf '#!/bin/sh\\ncat >>$STATE_DIRECTORY/tickets\\n' >/usr/local/bin/to-ticket
    chmod +x /usr/local/bin/to-ticket
    cp /usr/share/idevicetriage/idevicetriage-hook.service /etc/systemd/system
    systemctl daemon-reload
    systemctl enable --now idevicetriage-hook.service 2>/dev/null
    hook=/var/lib/idevicetriage-hook
    poll [ -s $hook/hook-cursor ]

    start_phone
    restore
    as technician idevicetriage diagnose >/results/story || echo "exit status $?" >>/results/story
    ticketed() { [ "$(cat $hook/tickets 2>/dev/null | grep -c "$1")" -ge 1 ]; }
    poll ticketed '"event":"session-ended"'
    poll ticketed '"event":"diagnosis-changed"'
    cat $hook/tickets >/results/tickets
    told() { journalctl -q -u idevicetriaged.service | grep -q 'The verdict on'; }
    poll told
    journalctl -q -x -u idevicetriaged.service >/results/told
    # What the journal's explanation tells to do.
    sh -c "$(grep -o 'idevicetriage diagnose [0-9a-f-]*$' /results/told | head -n 1)" >/results/as-told || true
    systemctl is-failed idevicetriaged.service idevicetriage-link.service idevicetriage-hook.service >/results/failed
"""


def assert_story(result, session, verdict):
    """4013 by each way in which a shop hears of it; nobody claims to know the cause."""
    story = " ".join(result.text("story").split())
    assert "ERROR: Device failed to enter restore mode." in result.text("tool")
    assert session["itunesCode"] == 4013 and verdict["phase"] == "undecided"
    assert story.startswith("Undecided") and "error 4013 in iTunes" in story
    assert "Next step" in story and "another cable" in story
    assert result.lines("story")[-1] == "exit status 30"

    told = result.text("told")
    for words in ("failed: error 4013.", "Subject: A restore failed", f"idevicetriage diagnose {session['session']}",
                  "Subject: The verdict on a phone changed"):
        assert words in told
    assert "4013" in result.text("as-told")

    tickets = [json.loads(line) for line in result.lines("tickets")]
    ended = next(each for each in tickets if each["event"] == "session-ended")
    assert ended["record"]["session"] == session["session"]
    assert ended["verdict"]["phase"] == "undecided"
    assert "failed" not in result.lines("failed")


def test_from_the_packages_to_the_verdict(restore, packages):
    """A fresh machine: install, plug the phone in, restore, and the failure is told to the technician, in the journal and to a
    script."""
    result, session, verdict = restore(PREPARE + "install_packages old old-link" + STORY, "tool-bounce", more=packages)

    assert_story(result, session, verdict)


def test_from_the_packages_to_the_verdict_on_debian_13(newer_debian, newer_packages, firmware):
    """The same with Debian 13's systemd, dpkg, usbmuxd, libraries and restore tool, on Debian 12's kernel."""
    files = [(f"{name}.deb", path.read_bytes()) for name, path in zip(("old", "old-link"), newer_packages)]
    files += [("mini.ipsw", firmware), ("scenario", (SCENARIOS / "tool-bounce").read_text())]
    script = PREPARE + "install_packages old old-link" + STORY + "ask sessions\nask diagnose\ntrue\n"
    result = newer_debian.run(script, files)
    print(result)
    assert result.status() == 0, "the script of the case failed"

    assert_story(result, result.json("sessions")["sessions"][0], result.json("diagnose")["verdict"])
