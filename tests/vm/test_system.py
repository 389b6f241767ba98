# SPDX-License-Identifier: LGPL-2.1-or-later
"""The daemon as it is installed: our units under Debian's systemd, journald, udev and usbmuxd.

The real idevicerestore restores the phone there too; usbmuxd is started and ended by udev alone.
"""

import pytest

READY = "install_daemon; idevicetriage --json status >/dev/null"
RESTORE = READY + "; start_phone; restore"


@pytest.fixture
def booted(system_machine):
    return system_machine


def fields(text):
    """What lines of KEY: VALUE or KEY=VALUE say."""
    pairs = (line.replace("=", ":", 1).partition(":") for line in text.splitlines())
    return {key: value.strip() for key, _, value in pairs}


def sources(status):
    """The sources of which a status tells that they work."""
    return {source["name"] for source in status["sources"] if source["up"]}


@pytest.mark.smoke
def test_socket_starts_the_daemon(machine):
    result = machine(
        """
        install_daemon
        property idevicetriaged.service ActiveState >/results/before
        as technician idevicetriage status >/results/text
        property idevicetriaged.service ActiveState >/results/after
        as stranger idevicetriage status >/results/stranger 2>&1
        echo $? >>/results/stranger
        cat /proc/$(property idevicetriaged.service MainPID)/status >/results/process
        stat -c '%a %U %G' /var/lib/idevicetriage >/results/folder
        start_phone
        await phone 'scenario done'
        poll phone_seen
        idevicetriage --json status >/results/told
        """,
        "normal",
    )

    assert result.text("before") == "inactive\n"
    assert result.text("after") == "active\n"
    assert "Sources" in result.text("text")
    # The socket is the group's alone.
    assert "join the group idevicetriage" in result.text("stranger")
    assert result.lines("stranger")[-1] == "3"
    assert result.text("folder") == "750 idevicetriage idevicetriage\n"
    process = fields(result.text("process"))
    assert "0" not in process["Uid"].split()
    assert process["CapEff"] == process["CapBnd"] == "0000000000000000"
    assert process["NoNewPrivs"] == "1"
    assert process["Seccomp"] == "2"
    status = result.json("told")
    assert sources(status) >= {"ring", "usb", "journal", "usbmuxd"}
    assert [device["port"] for device in status["devices"]] == ["1-1"]
    # udev started usbmuxd for the phone.
    assert "Started usbmuxd.service" in result.text("journal")


def test_restart_and_watchdog(machine):
    """A daemon that is well stays; systemd kills one that hangs, and starts it again."""
    result = machine(
        READY
        + """
        start_phone
        await phone 'scenario done'
        poll phone_seen
        property idevicetriaged.service MainPID >/results/pids
        systemctl restart idevicetriaged.service
        property idevicetriaged.service MainPID >>/results/pids
        poll phone_seen
        property idevicetriaged.service WatchdogUSec >/results/limit
        usleep 45000000
        property idevicetriaged.service NRestarts >/results/restarts
        kill -STOP $(property idevicetriaged.service MainPID)
        usleep 31000000
        poll is idevicetriaged.service NRestarts 1
        poll is idevicetriaged.service ActiveState active
        as technician idevicetriage status >/results/text
        """,
        "normal",
    )

    before, after = result.lines("pids")
    assert before != after
    assert result.text("limit") == "30s\n"
    assert result.text("restarts") == "0\n"
    assert "idevicetriaged.service: Watchdog timeout" in result.text("journal")
    assert "Sources" in result.text("text")


def test_a_hanging_thread_ends_the_watchdog(machine):
    """The loop goes on, but what it has to write to disk waits for a thread that does not run."""
    result = machine(
        READY
        + """
        hold-threads $(property idevicetriaged.service MainPID) >/results/held &
        await held holds
        start_phone
        await phone 'scenario done'
        poll phone_seen
        usleep 55000000
        property idevicetriaged.service NRestarts >/results/early
        poll is idevicetriaged.service NRestarts 1
        poll is idevicetriaged.service ActiveState active
        poll phone_seen
        """,
        "normal",
    )

    assert int(result.text("held").split()[1]) >= 1
    assert result.text("early") == "0\n"
    assert "idevicetriaged.service: Watchdog timeout" in result.text("journal")


def test_the_administrator_is_told(restore):
    """Status line, messages with their explanation, reload, state dump and the registry, under the real systemd."""
    result, session, _ = restore(
        RESTORE
        + """
        journalctl --update-catalog
        told() { journalctl -q -u idevicetriaged.service | grep -q 'The verdict on'; }
        poll told
        status_told() { property idevicetriaged.service StatusText | grep -q 'last verdict'; }
        poll status_told
        property idevicetriaged.service StatusText >/results/status-text
        systemctl reload idevicetriaged.service
        reloaded() { journalctl -q -u idevicetriaged.service | grep -q 'Reloaded the configuration'; }
        poll reloaded
        poll is idevicetriaged.service ActiveState active
        systemctl kill -s USR1 --kill-whom=main idevicetriaged.service
        dumped() { journalctl -q -u idevicetriaged.service | grep -q 'state: ring'; }
        poll dumped
        journalctl -q -x -u idevicetriaged.service >/results/told
        readlink -f /run/varlink/registry/io.github.idevicetriage >/results/registry
        """,
        "tool-bounce",
    )

    told = result.text("told")
    assert "failed: error 4013." in told
    assert "Subject: A restore failed" in told
    assert f"idevicetriage diagnose {session['session']}" in told
    assert "Subject: The verdict on a phone changed" in told
    assert "0 restores running; last verdict: undecided" in result.text("status-text")
    assert "state: source usbmuxd" in told
    assert result.text("registry") == "/run/idevicetriage/io.github.idevicetriage\n"
    # What everybody in the journal's group reads names no phone.
    assert "001C2D6A3C8A802E" not in (told + result.text("status-text")).upper()


def test_each_other_message_is_explained(machine):
    """What the test above does not cause: a source that is lost, a dead usbmuxd, a suspect port."""
    result = machine(
        READY
        + """
        journalctl --update-catalog
        says() { journalctl -q -u idevicetriaged.service | grep -q "$1"; }
        poll says 'The source link does not work'

        systemctl start usbmuxd.service
        poll is usbmuxd.service ActiveState active
        kill -SEGV $(property usbmuxd.service MainPID)
        poll says 'usbmuxd does not serve its phones'

        tell() { idevicetriage attempt 0x001C2D6A3C8A802E --model iPhone12,3 --host bench --cable L07 "$@"; }
        tell --port 1-1 --outcome failed --error 4013
        tell --port 1-2 --outcome succeeded
        poll says 'The first suspect for a failed restore is port'
        journalctl -q -x -u idevicetriaged.service >/results/told
        """
    )

    told = result.text("told")
    for words in (
        "Subject: The daemon lost a source", "The source link does not work: idevicetriage-link is not running.",
        "Subject: usbmuxd does not serve a phone", "systemctl restart usbmuxd",
        "Subject: A USB port or hub is the first suspect", "idevicetriage stats --by port",
    ):
        assert words in told
    # No field of an explanation is left open.
    assert "@TRIAGE" not in told
    assert "001C2D6A3C8A802E" not in told.upper()


def test_a_phone_is_asked_from_the_sandbox(machine):
    result = machine(
        """
        mkdir -p /etc/idevicetriage
        echo 'phone-query = yes' >/etc/idevicetriage/idevicetriaged.conf
        """
        + READY
        + """
        start_phone
        asked() { idevicetriage --json log | grep -q '"kind":"system"'; }
        poll asked
        idevicetriage --json log >/results/records
        idevicetriage --json status >/results/told
        wc -l </sys/fs/cgroup$(property idevicetriaged.service ControlGroup)/cgroup.procs >/results/processes
        """,
        "normal",
    )

    assert "phone" in sources(result.json("told"))
    assert '"14.8.1"' in result.text("records")
    # The program that asked has ended.
    assert result.text("processes").strip() == "1"


def test_kernel_and_usbmuxd_in_the_journal(machine):
    result = machine(
        READY
        + """
        idevicetriage --json watch >/results/watch &
        forge_kernel_lines
        start_phone
        await watch enumeration-failed
        systemctl start usbmuxd.service
        kill -SEGV $(property usbmuxd.service MainPID)
        await watch usbmuxd-crashed
        """,
        "enumeration-protocol-error",
    )

    told = result.lines("watch")
    # What programs wrote in the kernel's name is in the journal, and is not believed.
    assert result.text("journal").count("error -99") == 3
    assert "-99" not in result.text("watch")
    assert sum('"descriptor-read"' in line for line in told) == 8
    assert any('"usbmuxd-crashed"' in line for line in told)


@pytest.mark.smoke
def test_bounce_to_recovery(restore):
    result, session, verdict = restore(RESTORE, "tool-bounce")

    assert "idevicetriaged" in result.text("journal")
    assert session["tool"] == "idevicerestore"
    assert session["itunesCode"] == 4013
    assert verdict["phase"] == "undecided"
    assert verdict["itunesCode"] == 4013


def test_restart_in_a_restore(restore):
    result, session, verdict = restore(
        READY
        + """
        start_phone
        (await phone 'request StartRestore'; systemctl restart idevicetriaged.service) &
        restore
        """,
        "tool-detach",
    )

    assert result.text("journal").count("Started idevicetriaged.service") == 2
    assert session["outcome"] == "failed"
    assert session["operationName"] == "Creating filesystem"
    assert session["health"]["grade"] == "lost"
    assert verdict["phase"] == "undecided"


def test_usbmuxd_stays_ended(restore):
    """As Debian starts it, usbmuxd ends with the phone attached, when that was gone for 20 ms."""
    result, session, verdict = restore(
        RESTORE + "; await_mux_fault; property usbmuxd.service ActiveState >/results/usbmuxd-state",
        "tool-race",
    )

    assert result.text("usbmuxd-state") == "inactive\n"
    assert session["outcome"] == "failed"
    assert verdict["phase"] == "phase1-software"
    assert verdict["causes"][0]["cause"] == "host-software"
    assert verdict["nextStep"]["experiment"] == "restart-usbmuxd"


def test_usbmuxd_is_kept_running(restore):
    """With the drop-in that `doctor` proposes, usbmuxd is there when the phone is back."""
    result, session, verdict = restore(
        """
        install -D -m 644 /usr/local/share/idevicetriage/usbmuxd-always-on.conf \\
            /etc/systemd/system/usbmuxd.service.d/always-on.conf
        systemctl daemon-reload
        systemctl start usbmuxd.service
        """
        + RESTORE
        + """
        usleep 15000000
        property usbmuxd.service ActiveState >/results/usbmuxd-state
        idevice_id -l >/results/listed
        """,
        "tool-race",
    )

    assert result.text("usbmuxd-state") == "active\n"
    assert result.lines("listed") == ["00008030-001C2D6A3C8A802E"]
    assert session["outcome"] == "failed"
    assert session["health"]["usbmuxdFaults"] == 0
    assert verdict["causes"][0]["cause"] == "cable"
    # It tells who connects: nobody but the tool did while that restored.
    assert "accepted: idevicerestore[" in result.text("journal")
    rules = {each["rule"] for cause in verdict["causes"] for each in cause["evidence"]}
    assert "other-program" not in rules


def test_doctor_on_debian(machine):
    """What Debian installs is sound but for usbmuxd's start, which the drop-in cures."""
    result = machine(
        READY
        + """
        start_phone
        await phone 'scenario done'
        poll phone_seen
        ask doctor || true
        mv /results/doctor /results/debian
        as stranger idevicetriage doctor >/results/stranger || true
        install -D -m 644 /usr/local/share/idevicetriage/usbmuxd-always-on.conf \\
            /etc/systemd/system/usbmuxd.service.d/always-on.conf
        systemctl daemon-reload
        systemctl enable usbmuxd.service
        systemctl restart usbmuxd.service
        ask doctor || true
        systemctl is-enabled usbmuxd.service >/results/enabled
        """,
        "normal",
    )

    def found(name):
        return {each["check"]: each["result"] for each in result.json(name)["checks"]}

    sound = dict.fromkeys(
        ("daemon", "caller-group", "usb-source", "journal", "ring", "casebook", "phone-program", "usbmuxd", "udev-rules", "usb-power",
         "usb-speed", "hubs", "usb-holders"),
        "ok",
    )
    assert sound.items() <= found("debian").items()
    assert found("debian")["usbmuxd-start"] == "warning"
    assert sound.items() <= found("doctor").items()
    assert found("doctor")["usbmuxd-start"] == "ok"
    assert result.text("enabled") == "enabled\n"
    words = " ".join(result.text("stranger").split())
    assert "PROBLEM your group: You are not in the group idevicetriage." in words
    assert "usermod -a -G idevicetriage stranger" in words
    assert "processes of other users could not be inspected" in words
    assert "ok usbmuxd: usbmuxd answers" in words


LINK = READY + """
    udevadm trigger --settle --subsystem-match=usbmon
    systemctl start idevicetriage-link.service
    watching() { idevicetriage --json status | grep -q '"name":"link","up":true'; }
    poll watching
    """


@pytest.mark.smoke
def test_link_in_its_sandbox(restore):
    """The program has the right to read buses, and no other."""
    result, session, verdict = restore(
        LINK
        + """
        cat /proc/$(property idevicetriage-link.service MainPID)/status >/results/process
        stat -c '%a %U %G' /dev/usbmon1 /dev/usbmon0 /run/idevicetriage/link >/results/nodes
        as stranger cat /dev/usbmon1 2>/results/stranger || true
        start_phone
        await phone 'configured 1'
        cd /tmp
        idevicerestore -d -e -y -i 0x001C2D6A3C8A802E /case/mini.ipsw >/results/tool 2>&1
        await phone 'scenario done'
        await_session_end
        idevicetriage --json status >/results/told
        property idevicetriage-link.service NRestarts >/results/restarts
        """,
        "tool-success",
    )

    process = fields(result.text("process"))
    assert "0" not in process["Uid"].split()
    assert process["CapEff"] == process["CapBnd"] == "0000000000000000"
    assert process["NoNewPrivs"] == "1"
    assert process["Seccomp"] == "2"
    assert result.lines("nodes") == [
        "640 root idevicetriage-link", "600 root root", "660 root idevicetriage-link",
    ]
    assert "Permission denied" in result.text("stranger")
    # What only the bus shows: nobody started the tool through `run`.
    assert session["tool"] == "idevicerestore"
    assert session["operationName"] == "Flashing firmware"
    assert "link" in sources(result.json("told"))
    assert result.text("restarts") == "0\n"


def test_link_comes_and_goes(machine):
    """Without usbmon, and while the daemon restarts, `status` says so; neither takes the other with it."""
    result = machine(
        READY
        + """
        rmmod usbmon
        systemctl start idevicetriage-link.service
        link_is() { idevicetriage --json status | grep -q "$1"; }
        poll link_is 'modprobe usbmon'
        idevicetriage status >/results/absent
        insmod /usr/lib/modules/*-usbmon.ko
        udevadm settle
        systemctl stop idevicetriage-link.service
        poll link_is 'is not running'
        idevicetriage status >/results/stopped
        systemctl start idevicetriage-link.service
        poll link_is '"name":"link","up":true'
        kill -KILL $(property idevicetriage-link.service MainPID)
        poll is idevicetriage-link.service NRestarts 1
        poll link_is '"name":"link","up":true'
        systemctl restart idevicetriaged.service
        poll link_is '"name":"link","up":true'
        kill -STOP $(property idevicetriage-link.service MainPID)
        poll link_is 'does not answer'
        property idevicetriaged.service NRestarts >/results/restarts
        """
    )

    assert "modprobe usbmon" in " ".join(result.text("absent").split())
    assert "idevicetriage-link is not running" in " ".join(result.text("stopped").split())
    assert result.text("restarts") == "0\n"
