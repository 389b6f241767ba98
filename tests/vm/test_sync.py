# SPDX-License-Identifier: LGPL-2.1-or-later
"""The service of idevicetriage-sync under Debian's systemd, with Debian's PostgreSQL: a computer that is server and bench, set up
from the packages as idevicetriage-sync(8) says."""

import re

import pytest

from rig import other_system
from test_sync_page import lines_of_the_page
from test_system import fields

NAMES = ("idevicetriage", "idevicetriage-sync")
PHONE = "0x001C2D6A3C8A802E"
# What the scripts of Debian's packages do, and programs that this machine does not have.
SERVER = """
    export LC_ALL=C
    printf '%s\\n' 'g ssl-cert -' 'u postgres - - /var/lib/postgresql' 'm postgres ssl-cert' 'u stranger -' \\
        >/usr/lib/sysusers.d/case.conf
    systemd-sysusers 2>/dev/null
    mkdir -p /var/lib/postgresql
    chown postgres:postgres /var/lib/postgresql
    systemd-tmpfiles --create postgresql-common.conf
    hostname server
    printf '127.0.0.1 %s\\n' 'server.shop.example server bench-2' localhost >/etc/hosts
    mkdir -p /etc/ssl/certs /etc/ssl/private
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=server.shop.example \\
        -addext subjectAltName=DNS:server.shop.example -addext basicConstraints=CA:FALSE \\
        -keyout /etc/ssl/private/ssl-cert-snakeoil.key -out /etc/ssl/certs/ssl-cert-snakeoil.pem
    chown -R root:ssl-cert /etc/ssl/private
    chmod 710 /etc/ssl/private
    chmod 640 /etc/ssl/private/*
    pg_createcluster --locale C --encoding UTF8 $(ls /usr/lib/postgresql) main >/dev/null
    systemctl daemon-reload
    systemctl start postgresql

    apt() {
        install_packages idevicetriage-sync
        property idevicetriage-sync.service ActiveState >>/results/installed
        systemctl is-enabled idevicetriage-sync.service >>/results/installed
    }
    ssh() { shift; "$@"; }
    sudo() {
        [ "$1" != -u ] || { shift; set -- as "$@"; }
        "$@"
    }
"""
FUNCTIONS = """
    sql() { as postgres /usr/lib/postgresql/*/bin/psql -qAtX -h /run/postgresql -d idevicetriage -c "$1"; }
    # says STATEMENT RESULT: whether the server answers that.
    says() { [ "$(sql "$1")" = "$2" ]; }
    sync_is() { is idevicetriage-sync.service "$1" "$2"; }
    # Whether the service is connected and nothing waits.
    shared() { idevicetriage-sync status >/dev/null; }
    reported() { idevicetriage-sync status --json | grep -q "$1"; }
    fail() { idevicetriage attempt PHONE --outcome failed --cable "$1" >/dev/null; }
    restores='SELECT count(*), count(DISTINCT id) FROM idevicetriage.attempt'
""".replace("PHONE", PHONE)
PREPARE = "install_packages idevicetriage\n" + SERVER + "{\n" + "\n".join(lines_of_the_page()) + "\n} >/results/page 2>&1\n"


@pytest.fixture(scope="module")
def server_machine(built_package, other_machine):
    """A bench that has just been set up."""
    packages = [built_package(name) for name in NAMES]
    needed = {"postgresql", *other_system.dependencies(packages)}
    files = [(f"{name}.deb", path.read_bytes()) for name, path in zip(NAMES, packages)]
    return other_machine("server", needed, files=[*files, ("prepare", PREPARE)])


@pytest.fixture
def booted(server_machine):
    return server_machine


@pytest.fixture
def shop(machine):
    """shop(script): the case, after the service has connected."""
    return lambda script: machine(FUNCTIONS + "poll shared\n" + script)


def test_the_page_under_systemd(shop):
    """From the packages to a restore on the server: enabled, in its sandbox, with the secrets from systemd."""
    result = shop(
        """
        fail L07
        poll says "$restores" '1|1'
        poll shared
        sql "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = 'bench-2'" >/results/tls
        as stranger idevicetriage-sync status >/results/shared
        idevicetriage status >/results/daemon-status

        unit=idevicetriage-sync.service
        pid=$(property $unit MainPID)
        cat /proc/$pid/status >/results/process
        id -u idevicetriage-sync >/results/ids
        getent group idevicetriage | cut -d : -f 3 >>/results/ids
        ls /run/credentials/$unit >/results/credentials
        as stranger cat /run/credentials/$unit/sync_password /etc/idevicetriage/sync/password 2>/results/stranger
        inside() { nsenter -t $pid -m "$@" 2>&1; }
        inside touch /etc/idevicetriage/sync.conf /usr/bin/idevicetriage /var/lib/case >/results/written
        ls /var/lib/idevicetriage /dev/bus/usb >/results/outside
        inside ls -A /var/lib/idevicetriage /home /root >/results/inside
        inside ls -d /dev/bus /dev/usbmon0 /proc/sys >>/results/inside
        systemd-analyze security --no-pager $unit | tail -n 1 >/results/exposure
        cat /sys/fs/cgroup$(property $unit ControlGroup)/memory.peak >/results/memory

        # Another bench has purged the restore: this service may delete it here.
        session=$(sql 'SELECT id FROM idevicetriage.attempt')
        known() { idevicetriage --json case PHONE | grep -q "$session"; }
        unknown() { ! known; }
        known && echo known >/results/purged
        sql "SELECT idevicetriage.purge(ARRAY['$session'::uuid], false, NULL)" >/dev/null
        poll unknown && echo unknown >>/results/purged

        systemctl stop $unit
        for name in Result ExecMainStatus NRestarts; do property $unit $name; done >/results/end
        idevicetriage-sync status >/results/stopped
        ask doctor || true
        /usr/bin/dpkg -r idevicetriage-sync >>/results/dpkg 2>&1
        ls -d /etc/idevicetriage/sync >/results/kept
        /usr/bin/dpkg -P idevicetriage-sync >>/results/dpkg 2>&1
        find /etc/idevicetriage /etc/systemd /var/lib/systemd -name '*sync*' ! -name '*timesync*' >/results/left
        true
        """.replace("PHONE", PHONE)
    )

    # On the server, without settings; then on the bench, which has got them.
    assert result.lines("installed") == ["inactive", "enabled", "active", "enabled"]
    assert "Connected to the server as bench-2, with TLS and a verified certificate." in result.text("page")
    assert result.text("tls") == "t\n"
    assert "connected" in result.text("shared")
    assert "shared as bench-2" in result.text("daemon-status")

    process = fields(result.text("process"))
    user, group = result.lines("ids")
    assert set(process["Uid"].split()) == {user} and group in process["Groups"].split()
    assert process["CapEff"] == process["CapBnd"] == "0000000000000000"
    assert process["NoNewPrivs"] == "1"
    assert process["Seccomp"] == "2"
    assert result.lines("credentials") == ["sync_ca.crt", "sync_password", "sync_shop-key"]
    assert result.text("stranger").count("Permission denied") == 2
    assert result.text("written").count("Read-only file system") == 3
    assert "casebook.db" in result.text("outside") and "001" in result.text("outside")
    assert result.lines("inside")[:5] == ["/home:", "", "/root:", "", "/var/lib/idevicetriage:"]
    assert result.text("inside").count("No such file or directory") == 3
    # As the unit's own test says.
    assert float(re.search(r"[\d.]+", result.text("exposure").partition(":")[2])[0]) <= 1.3
    # Less than a tenth of what it may use.
    assert int(result.text("memory")) < 6 << 20
    assert result.lines("purged") == ["known", "unknown"]

    assert result.lines("end") == ["success", "0", "0"]
    assert "not running" in result.text("stopped")
    found = next(each for each in result.json("doctor")["checks"] if each["check"] == "other-benches")
    assert "idevicetriage-sync is not running" in found["text"]
    assert result.text("kept") == "/etc/idevicetriage/sync\n"
    assert result.text("left") == ""


def test_the_server_is_lost(shop):
    """The bench works on, and what waits arrives once, whatever ends meanwhile: the server, the service, the daemon."""
    result = shop(
        """
        fail L01
        poll says "$restores" '1|1'
        systemctl stop postgresql
        poll reported '"state":"waiting"'
        fail L02
        fail L03
        poll reported '"backlog":2'
        idevicetriage status >/results/waiting

        kill -KILL $(property idevicetriage-sync.service MainPID)
        poll sync_is NRestarts 1
        poll reported '"state":"waiting"'
        systemctl restart idevicetriaged.service
        fail L04
        property idevicetriage-sync.service ActiveState >/results/state
        systemctl start postgresql
        poll says "$restores" '4|4'
        poll shared

        # As in a power cut.
        systemctl kill -s KILL 'postgresql@*.service'
        poll reported '"state":"waiting"'
        fail L05
        systemctl stop postgresql
        systemctl start postgresql
        poll says "$restores" '5|5'
        poll shared
        sql 'SELECT cable FROM idevicetriage.attempt ORDER BY 1' >/results/cables
        for unit in idevicetriage-sync.service idevicetriaged.service; do property $unit NRestarts; done >>/results/state
        true
        """
    )

    words = " ".join(result.text("waiting").split())
    assert "Benches not connected: connection to server" in words
    assert "Connection refused, 2 changes wait" in words
    # Only the killed one was started again.
    assert result.lines("state") == ["active", "1", "0"]
    assert result.lines("cables") == ["L01", "L02", "L03", "L04", "L05"]
