# SPDX-License-Identifier: LGPL-2.1-or-later
"""idevicetriage-link reads the bus: what it sees of a restore that nobody told the daemon of, and that the restore does
not notice it."""

import contextlib
import json
import pathlib
import re
import sqlite3
import zlib

import pytest

START = "start_usbmuxd; start_link; start_phone; await phone 'configured 1'; cd /tmp"
TOOL = "idevicerestore -d -e -y -i 0x001C2D6A3C8A802E /case/mini.ipsw >/results/tool 2>&1"
RECORDS = "idevicetriage --json log >/results/records; cat /proc/$link_pid/status >/results/link-process"
UNTOLD = f"""
    {START}
    {TOOL} || true
    await phone 'scenario done'
    await_session_end
    {RECORDS}
    """
# The tool waits for ever: once the daemon has reported the silence, it has to go.
HUNG = f"""
    {START}
    {TOOL} &
    tool=$!
    await phone 'scenario done'
    reported() {{ idevicetriage --json log | grep -q '"kind":"silence"'; }}
    poll reported
    {RECORDS}
    """

BOOT = """
attach recovery
wait command go
detach
after 2000 ms
attach ibec
wait command bootx
detach
after 8000 ms
attach restore
wait request StartRestore
progress 11 100
after 2000 ms
"""


def records(result, kind=None, source="link"):
    """The daemon's records of a source, of one kind where it is given."""
    found = [record for line in result.lines("records") for record in json.loads(line)["records"]]
    for record in found:
        print({name: value for name, value in record.items() if name not in ("ecid", "udid", "session", "timeUSec")})
    return [record for record in found if record.get("source") == source and kind in (None, record["kind"])]


def memory_kilobytes(result):
    """The largest memory that the program had."""
    line = next(line for line in result.lines("link-process") if line.startswith("VmHWM:"))
    return int(line.split()[1])


@pytest.mark.smoke
def test_success(restore):
    """The whole dialogue without a log of the tool."""
    result, session, verdict = restore(UNTOLD, "tool-success")

    assert "Status: Restore Finished" in result.text("tool")
    assert session["tool"] == "idevicerestore"
    assert session["outcome"] == "succeeded"
    assert session["operationName"] == "Flashing firmware"
    assert session["status"] == 0
    assert verdict["phase"] == "none"
    assert [record["name"] for record in records(result, "operation")] == [
        "Creating partition map", "Creating filesystem", "Restoring image", "Flashing firmware",
    ]
    assert [record["name"] for record in records(result, "transfer")] == ["filesystem"] * 2
    assert not records(result, "link-error") and not records(result, "link-quiet")
    assert memory_kilobytes(result) < 6000


def test_phone_falls_silent(restore):
    """The tool waits for ever: the daemon reports at which step, and whose turn it was."""
    result, session, verdict = restore(HUNG, BOOT + "progress 12 30\n")

    (quiet, *_, last) = records(result, "link-quiet")
    assert {record["name"] for record in records(result, "link-quiet")} == {"phone"}
    assert quiet["number"] == 10 and last["state"] == "phones-turn"
    assert session["operation"] == 12 and session["permille"] == 300
    assert verdict["running"] == "hung"
    assert "Creating filesystem" in verdict["summary"]
    assert verdict["phase"] == "undecided"


# Where a fault begins, in which words the phone says so, and what follows it.
STAGES = {
    "dialogue": BOOT.replace("wait request StartRestore\nprogress 11 100\nafter 2000 ms\n", "wait request QueryType\n"),
    "operation": BOOT + "progress 12 30\nafter 2000 ms\n",
    "image": BOOT + "progress 13 0\nask SystemImageData\nwait image 50 percent\n",
}
# The phone has something to say, so that a transfer is under way.
AFTER = {"operation": "progress 12 40\n"}
CODES = {"protocol": -71, "stall": -32, "timeout": -110}
# The error counts once the phone has stayed on the bus.
REPORTED = """
    reported() { idevicetriage --json log | grep -q '"kind":"link-error"'; }
    poll reported
    """
# The tool may end or hang: it is over when the daemon says so, which does not see the tool.
FAULTY = f"""
    {START}
    {TOOL} &
    await phone 'scenario done'
    {REPORTED}
    over() {{ ! idevicetriage --json diagnose | grep -q '"running":"on-time"'; }}
    poll over
    {RECORDS}
    """
CONNECTION = {"cable", "port-hub"}


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("kind", CODES)
@pytest.mark.parametrize("part", ["bulk-in", "bulk-out"])
def test_transfers_fail(restore, stage, part, kind):
    """The kernel's log has nothing of these; the bus names endpoint and code, and the verdict the connection."""
    scenario = STAGES[stage] + f"fault {part} {kind}\n" + AFTER.get(stage, "")
    result, session, verdict = restore(FAULTY, scenario)

    error = records(result, "link-error")[0]
    print(session, verdict)
    assert (error["name"], error["code"]) == (part, CODES[kind])
    # Before the restore began, the tool may still wait: then the verdict waits too.
    waits = stage == "dialogue" and verdict["running"] == "hung"
    assert verdict["phase"] == ("undecided" if waits else "phase1-connection")
    assert {cause["cause"] for cause in verdict["causes"][:1]} <= CONNECTION


@pytest.mark.parametrize("kind", CODES)
def test_upload_fails(machine, firmware, kind):
    """In recovery mode, before anything tells a restore from a command by hand: the error is recorded."""
    result = machine(
        f"{START}\n{TOOL} || true\n{REPORTED}\n{RECORDS}",
        f"attach recovery\nwait upload started\nfault bulk-out {kind}\n",
        files=[("mini.ipsw", firmware)],
    )

    error = records(result, "link-error")[0]
    assert (error["name"], error["code"], error["port"]) == ("bulk-out", CODES[kind], "1-1")


def test_phone_takes_no_data(restore):
    """The image's transfers stay pending: it is the phone that takes nothing, and not the tool that sends nothing."""
    script = HUNG.replace('"kind":"silence"', '"kind":"link-quiet"')
    result, session, verdict = restore(script, STAGES["image"] + "fault bulk-out silent\n")

    quiet = records(result, "link-quiet")
    assert quiet and {record["name"] for record in quiet} == {"phone"}
    assert quiet[0]["state"] in ("takes-nothing", "only-sends")
    assert session["operationName"] == "Restoring image"


MEASURED = """
    start_usbmuxd
    start_link
    await link watching
    {before}
    start_phone
    await phone 'configured 1'
    cd /tmp
    ({meanwhile}) &
    begin=$(cut -d ' ' -f 1 /proc/uptime)
    idevicerestore -d -e -y -i 0x001C2D6A3C8A802E /case/mini.ipsw >/results/tool 2>&1
    echo "exit status $?" >>/results/tool
    echo "$begin $(cut -d ' ' -f 1 /proc/uptime)" >/results/times
    await phone 'scenario done'
    kill -CONT $link_pid 2>/dev/null
    await_session_end
    """
# What happens to the program before the restore, and during it.
FATES = {
    "absent": ("kill $link_pid", "true"),
    "running": ("true", "true"),
    "stopped": ("kill -STOP $link_pid", "true"),
    # The kernel has no room for most of the image's transfers.
    "overrun": ("true", "await phone 'request StartRestore'; kill -STOP $link_pid; await phone 'image 100'; kill -CONT $link_pid"),
    "killed": ("true", "await phone 'image 25'; kill -KILL $link_pid"),
}


def plain(line):
    """A line of the tool without what differs from run to run."""
    return re.sub(r"0x[0-9a-f]+|\d\d:\d\d:\d\d\.\d+|\b\d+\.\d+%|[0-9A-F-]{36}", "…", line)


def test_the_tool_notices_nothing(restore):
    lines, seconds = {}, {}
    for fate, (before, meanwhile) in FATES.items():
        result, session, verdict = restore(MEASURED.format(before=before, meanwhile=meanwhile), "tool-success")
        assert session["outcome"] == "succeeded"
        lines[fate] = [plain(line) for line in result.lines("tool")]
        begin, end = map(float, result.text("times").split())
        seconds[fate] = end - begin
    for fate in FATES:
        print(f"{fate:8} {seconds[fate]:.2f} s, {seconds[fate] / seconds['absent']:.4f} of the time without it, {len(lines[fate])} lines")
        assert lines[fate] == lines["absent"], fate
        assert seconds[fate] <= 1.02 * seconds["absent"], fate


# To a boot loader, in turns without the program and with it: 128 MiB each time.
TRANSFER = """
    start_daemon --link-socket $LINK_SOCKET
    start_phone
    await phone 'configured 1'
    head -c 8388608 /dev/zero >/tmp/file
    irecovery -f /tmp/file
    send() {
        begin=$(cut -d ' ' -f 1 /proc/uptime)
        for part in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do irecovery -f /tmp/file >/dev/null; done
        echo "$1 $begin $(cut -d ' ' -f 1 /proc/uptime)" >>/results/times
    }
    for turn in 1 2; do
        send without
        idevicetriage-link --verbose --socket $LINK_SOCKET >/results/link-$turn 2>&1 &
        link_pid=$!
        await link-$turn watching
        usleep 300000
        send with
        cat /proc/$link_pid/stat >>/results/stat
        cat /proc/$link_pid/status >/results/link-process
        kill $link_pid
        wait $link_pid
    done
    """
MEBIBYTES = 2 * 128
USB2_MEBIBYTES_PER_SECOND = 40
TICKS_PER_SECOND = 100


def test_a_large_transfer(machine):
    """The machine has one emulated processor, which the transfer keeps busy at several times the speed of USB 2. So what
    the program takes is compared with the time that the same transfer takes on USB 2. At that speed the kernel's ring is
    full within milliseconds, and some records are lost: that must cost the transfer nothing."""
    result = machine(TRANSFER, "attach recovery\nwait command never\n")

    seconds = {"with": 0, "without": 0}
    for line in result.lines("times"):
        name, begin, end = line.split()
        seconds[name] += float(end) - float(begin)
    ticks = sum(sum(map(int, line.rpartition(")")[2].split()[11:13])) for line in result.lines("stat"))
    lost = [int(re.search(r"(\d+) lost", result.text(f"link-{turn}")).group(1)) for turn in (1, 2)]
    bus = MEBIBYTES / USB2_MEBIBYTES_PER_SECOND
    extra = seconds["with"] - seconds["without"]
    print(f"{MEBIBYTES} MiB: {seconds['without']:.2f} s without, {seconds['with']:.2f} s with it; lost {lost};"
          f" its processor time {ticks / TICKS_PER_SECOND:.2f} s; ratio on USB 2 {1 + extra / bus:.4f}")
    assert extra <= 0.02 * bus
    assert ticks / TICKS_PER_SECOND <= 0.02 * bus


# A device of another maker beside the phone, which takes what is sent to it.
FOREIGN = """
    start_foreign() {
        vhci-phone /case/foreign 1 1209 >/results/foreign 2>&1 &
        await foreign 'configured 1'
        foreign_device=/dev/bus/usb/001/$(printf %03d "$(cat /sys/bus/usb/devices/1-2/devnum)")
    }
    """
FOREIGN_FILE = ("foreign", "attach recovery\nwait command never\n")
# What nobody but the phone's owner may see, and where it crosses the bus.
PRIVATE = {"file": "MARK-FILE", "lockdown": "Phone-of-Marta", "log": "MARK-LOG", "foreign": "MARK-FOREIGN"}
# Something of the restore that the daemon is to have.
PUBLIC = "Flashing firmware"
PRIVATE_SCRIPT = f"""
    {FOREIGN}
    start_usbmuxd
    start_daemon --verbose --link-socket $LINK_SOCKET
    relay-datagrams /run/relay $LINK_SOCKET >/results/datagrams &
    poll [ -S /run/relay ]
    idevicetriage-link --all-modes --verbose --socket /run/relay >/results/link 2>&1 &
    link_pid=$!
    await daemon 'link: watching'
    cat /dev/usbmon1 >/tmp/stream &
    recorder=$!
    start_phone
    start_foreign
    await phone 'request StartService'
    ideviceinfo -s >/results/info
    usb-say mux 50000 {PRIVATE["file"]}
    usb-say bulk $foreign_device {PRIVATE["foreign"]} 4
    await phone 'attached recovery'
    cd /tmp
    {TOOL} || true
    await phone 'scenario done'
    await_session_end
    kill $recorder
    cd /var/lib/idevicetriage
    poll grep -q '{PUBLIC}' casebook.db casebook.db-wal
    {RECORDS}
    daemon=$(pidof idevicetriaged)
    for text in {" ".join(PRIVATE.values())} '{PUBLIC}'; do
        count-text "$text" /tmp/stream ring /proc/$daemon/mem >"/results/count $text"
    done
    kill $daemon
    wait $daemon
    cp casebook.db /results/casebook
    """
PRIVATE_SCENARIO = (
    "attach normal\nwait connect 50000\nafter 3000 ms\ndetach\nafter 4000 ms\n"
    + BOOT + f"log {PRIVATE['log']}\nafter 1000 ms\nprogress 18 50\nafter 2000 ms\nstatus 0\n"
    "after 2000 ms\ndetach\nafter 10000 ms\nattach normal\nwait request StartService\n"
)


def counts(result, text):
    """How often the text is in each place, by the place's name."""
    return {pathlib.PurePath(path).name: int(count) for path, count in map(str.split, result.lines(f"count {text}"))}


def casebook(result, folder):
    """All that is in the casebook, and its records, which it has compressed."""
    (folder / "casebook").write_bytes(result.files["casebook"])
    with contextlib.closing(sqlite3.connect(folder / "casebook")) as book:
        unpacked = [zlib.decompress(packed) for (packed,) in book.execute("SELECT packed FROM records")]
        return "\n".join(book.iterdump()).encode(), b"".join(unpacked)


@pytest.mark.smoke
def test_private_data_stays_on_the_bus(machine, firmware, tmp_path):
    """Files, the phone's name, an old log and another device's data cross the bus that the program reads."""
    result = machine(PRIVATE_SCRIPT, PRIVATE_SCENARIO, files=[("mini.ipsw", firmware), FOREIGN_FILE])

    written = {name: result.files[name] for name in ("records", "datagrams")}
    written["attempts"], written["packed"] = casebook(result, tmp_path)
    assert all(PUBLIC.encode() in content for content in written.values())
    written |= {name: result.files[name] for name in ("daemon", "link")}
    assert all(written.values())
    known = counts(result, PUBLIC)
    assert known["ring"] and known["mem"]
    for text in PRIVATE.values():
        found = counts(result, text) | {name: content.count(text.encode()) for name, content in written.items()}
        print(text, found)
        assert found.pop("stream") > 0
        assert not any(found.values())


FLOODED = MEASURED.replace("start_link\n", "start_link --verbose\n") + """
    kill $link_pid 2>/dev/null
    wait $link_pid
    ask sessions
    """
# From before the image until the phone has it.
FLOOD = """
    await phone 'request StartRestore'
    await phone 'ready for the flood'
    until has_lines phone 'image 100 percent'; do
        usb-say bulk $foreign_device x 100 || exit 1
        cut -d ' ' -f 1 /proc/uptime >>/results/flood
    done
    """
FLOODED_SCENARIO = pathlib.Path(__file__).with_name("scenarios").joinpath("tool-success").read_text().replace(
    "progress 13 0\n", "say ready for the flood\nafter 1000 ms\nprogress 13 0\n"
)


def test_another_device_floods_the_bus(machine, firmware):
    """Records are lost, and counted; the restore and the daemon go on."""
    lines = {}
    for name, before, flood in (("alone", "kill $link_pid", "true"), ("flooded", "true", FLOOD)):
        script = FOREIGN + FLOODED.format(before=f"start_foreign; {before}", meanwhile=flood)
        result = machine(script, FLOODED_SCENARIO, files=[("mini.ipsw", firmware), FOREIGN_FILE])
        lines[name] = [plain(line) for line in result.lines("tool")]
        (session,) = result.json("sessions")["sessions"]
        assert session["outcome"] == "succeeded"
    floods = [float(line) for line in result.lines("flood")]
    (image,) = [float(line[1:].partition("]")[0]) for line in result.lines("phone") if line.endswith("connect 12345")]
    print(len(floods), floods[0], floods[-1], image, result.text("link"))
    assert lines["flooded"] == lines["alone"]
    assert floods[0] < image < floods[-1]
    assert int(re.search(r"(\d+) lost", result.text("link")).group(1)) > 0


OVERLOADED = f"""
    {FOREIGN}
    start_link
    start_phone
    start_foreign
    overload() {{
        kill -STOP $link_pid
        usb-say bulk $foreign_device x 200
        kill -CONT $link_pid
        has_lines link 'switched off'
    }}
    poll overload
    await daemon 'switched off'
    idevicetriage --json status >/results/state
    await link watching 3
    {RECORDS}
    """


def test_the_bus_is_too_fast(machine):
    """The program switches itself off for a minute, and says so."""
    result = machine(OVERLOADED, "attach recovery\nwait command never\n", files=[FOREIGN_FILE])

    (source,) = [source for source in result.json("state")["sources"] if source["name"] == "link"]
    print(source)
    assert not source["up"]
    assert re.search(r"too slow .*\(\d+ of \d+ records lost", source["detail"])
    _, down, up = records(result, "source")
    assert (down["state"], up["state"]) == ("down", "up")
    assert up["monotonicUSec"] - down["monotonicUSec"] >= 60e6


PHONES = 30
CROWD = f"""
    start_usbmuxd
    start_link
    for port in $(grep -h '^hs' /sys/devices/platform/vhci_hcd.0/status* | cut -d ' ' -f 3 | head -n {PHONES}); do
        vhci-phone /case/scenario $port >/results/phone-$port 2>&1 &
    done
    all_seen() {{ [ $(idevicetriage --json log | grep -o '"identity","source":"link"' | wc -l) -ge {PHONES} ]; }}
    poll all_seen
    idevicetriage --json status >/results/state
    {RECORDS}
    """
UNIT = pathlib.Path(__file__).parents[2] / "systemd/idevicetriage-link.service.in"


def test_thirty_phones(machine):
    """All are read within the unit's memory, and the daemon answers."""
    modes = ("attach recovery", "attach ibec", "attach restore")
    result = machine(CROWD, "\nwait configured 1\nafter 1000 ms\ndetach\nafter 1000 ms\n".join(modes) + "\n")

    assert len({record["port"] for record in records(result, "identity")}) == PHONES
    state = result.json("state")
    assert len(state["devices"]) == len(state["runningSessions"]) == PHONES
    print(memory_kilobytes(result), "KiB")
    maximum = re.search(r"^MemoryMax=(\d+)M$", UNIT.read_text(), re.MULTILINE)
    assert memory_kilobytes(result) < int(maximum.group(1)) * 1024
