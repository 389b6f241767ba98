# SPDX-License-Identifier: LGPL-2.1-or-later
"""The simulated phone by itself and with the real idevicerestore: the simulated usbmuxd, its restarts, several phones, and
the command line. What each scenario does is in test_restore.py."""

import json
import os
import pathlib
import plistlib
import signal
import socket
import struct
import subprocess
import sys
import threading

import device
import models
import pytest
import restoretool
import script
import simphone
import usbmux
from daemon import until

PHONE_FOLDER = pathlib.Path(simphone.__file__).resolve().parent
SCENARIOS = script.load()
HOSTILE = [name for name, scenario in SCENARIOS.items() if scenario.get("hostile")]
TOOL_LIMIT_SECONDS = 90
LOST_STATUS = restoretool.INSTALLED.exit_status(restoretool.LOST)


@restoretool.needs_end
@pytest.mark.long
def test_silence_has_no_end(make_phone, restore):
    """The tool says nothing of a silent phone but a debug line each 30 s, and would wait for ever."""
    simulator = make_phone("silent")
    tool = restore(simulator, debug=True)
    simulator.journal.wait("silence", 20)
    until(lambda: "Creating filesystem (12)" in tool.text(), 5, "the operation")
    assert "No data to read (timeout)" not in tool.text()
    until(lambda: "No data to read (timeout)" in tool.text(), 45, "the debug line")
    assert tool.process.poll() is None and "Restoring image" not in tool.text()
    simulator.phone.set_mode("gone")
    assert tool.wait(30) == LOST_STATUS
    assert "Could not read data (-256). Aborting." in tool.text()


def test_interrupted_tool_claims_success(make_phone, restore):
    """After SIGTERM the tool prints DONE and ends with 0, though nothing was restored."""
    tool = restore(make_phone("success", speed=0.2))
    until(lambda: "Creating partition map (11)" in tool.text(), 20, "the operation")
    tool.process.send_signal(signal.SIGTERM)
    assert tool.wait(TOOL_LIMIT_SECONDS) == 0
    assert "DONE" in tool.text() and "Status: Restore Finished" not in tool.text()


@restoretool.needs_end
def test_same_phone_fails_three_times_then_works(make_phone, restore):
    """The demo's phone: one reset after another at the same operation, until the flex is out."""
    simulator = make_phone(["early-reset-first", "early-reset", "early-reset", "success"])
    for attempt in range(1, 4):
        tool = restore(simulator)
        assert tool.wait(30) == LOST_STATUS
        simulator.journal.wait("usb", 10, mode="recovery", count=attempt)
        assert ("Previous restore exit status: 0x60d" in tool.text()) == (attempt > 1)
        assert tool.text().rstrip().endswith("Unable to restore device")
        simulator.phone.set_mode("restore")
    tool = restore(simulator)
    assert tool.wait(30) == 0
    assert "Status: Restore Finished" in tool.text()


@restoretool.needs_end
def test_two_phones_at_once(make_phone, restore):
    """Each run of the tool restores its own phone, though both are on the same usbmuxd."""
    simulator = make_phone("success")
    other = simulator.add_phone("disk-failure-detach", models.make_identity(ecid=0x0011223344556677, serial_number="F2LZT3A10001"))
    other.set_mode("restore")
    good, bad = restore(simulator), restore(simulator, other)
    assert (good.wait(30), bad.wait(30)) == (0, LOST_STATUS)
    assert "Status: Restore Finished" in good.text() and "UniqueChipID: 7931233653391406" in good.text()
    assert "Status: Disk Failure" in bad.text() and f"UniqueChipID: {0x0011223344556677}" in bad.text()
    assert {phone.port for phone in simulator.phones} == {"1-2", "1-3"}


@pytest.mark.parametrize("board", sorted(set(models.MODELS) - {models.DEFAULT_MODEL}))
def test_other_models(board, make_phone, restore):
    simulator = make_phone("success", identity=models.make_identity(board))
    tool = restore(simulator)
    assert tool.wait(30) == 0
    assert f"Identified device as {board}, {models.MODELS[board].product_type}" in tool.text()


# -- usbmuxd by itself -----------------------------------------------------------------------


class MuxClient:
    """A bare usbmux client, to see exactly what the simulator sends."""

    def __init__(self, path, timeout=10):
        self.connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.connection.settimeout(timeout)
        self.connection.connect(str(path))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def send(self, message, tag=1):
        body = plistlib.dumps(message)
        self.connection.sendall(usbmux.HEADER.pack(usbmux.HEADER.size + len(body), 1, 8, tag) + body)

    def receive(self):
        length, _, _, tag = usbmux.HEADER.unpack(usbmux.receive_exactly(self.connection, usbmux.HEADER.size))
        return plistlib.loads(usbmux.receive_exactly(self.connection, length - usbmux.HEADER.size)), tag

    def ask(self, message, tag=1):
        self.send(message, tag)
        answer, answered = self.receive()
        assert answered == tag
        return answer


def test_listeners_see_attach_and_detach(make_phone):
    simulator = make_phone("success")
    with MuxClient(simulator.mux.path) as first, MuxClient(simulator.mux.path) as second:
        for client in (first, second):
            assert client.ask({"MessageType": "Listen"}) == {"MessageType": "Result", "Number": 0}
            attached, _ = client.receive()
            assert attached["Properties"]["SerialNumber"] == "00008030-001C2D6A3C8A802E"
            assert attached["Properties"]["DeviceID"] == 1
        simulator.journal.wait("listener", 5, count=2)
        simulator.phone.set_mode("recovery")
        simulator.phone.set_mode("normal")
        for client in (first, second):
            assert client.receive()[0] == {"MessageType": "Detached", "DeviceID": 1}
            assert client.receive()[0]["DeviceID"] == 2


def test_requests_of_a_bare_client(make_phone):
    simulator = make_phone("success")
    with MuxClient(simulator.mux.path) as client:
        assert client.ask({"MessageType": "ReadBUID"})["BUID"]
        assert len(client.ask({"MessageType": "ListDevices"}, tag=7)["DeviceList"]) == 1
        assert client.ask({"MessageType": "Nonsense"})["Number"] == usbmux.RESULT_BAD_COMMAND
        assert client.ask({"MessageType": "Connect", "DeviceID": 9, "PortNumber": 1})["Number"] == usbmux.RESULT_BAD_DEVICE
        refused = {"MessageType": "Connect", "DeviceID": 1, "PortNumber": usbmux.swap_port(22)}
        assert client.ask(refused)["Number"] == usbmux.RESULT_REFUSED


def test_lockdown_in_normal_mode(make_phone):
    simulator = make_phone("success")
    simulator.phone.set_mode("normal")
    with MuxClient(simulator.mux.path) as client:
        connect = {"MessageType": "Connect", "DeviceID": 2, "PortNumber": usbmux.swap_port(62078)}
        assert client.ask(connect)["Number"] == 0
        frames = device.PlistConnection(client.connection)
        frames.send({"Request": "QueryType"})
        assert frames.receive()["Type"] == "com.apple.mobile.lockdown"
        frames.send({"Request": "GetValue", "Key": "ProductType"})
        assert frames.receive()["Value"] == "iPhone12,3"
        frames.send({"Request": "GetValue", "Key": "DeviceName"})
        assert frames.receive()["Value"] == "iPhone"
        frames.send({"Request": "GetValue", "Key": "NoSuchKey"})
        assert frames.receive()["Error"] == "MissingValue"


def test_restarts_leave_nothing_behind(make_phone):
    """A thousand restarts of usbmuxd: device ids begin anew, and no descriptor or thread is kept."""
    simulator = make_phone("success")
    descriptors, threads = len(os.listdir("/proc/self/fd")), threading.active_count()
    for _ in range(1000):
        simulator.mux.stop()
        simulator.mux.start()
        simulator.phone.show()
    assert simulator.phone.device_id == 1
    until(lambda: threading.active_count() <= threads + 1, 10, "end of old threads")
    assert len(os.listdir("/proc/self/fd")) <= descriptors
    with MuxClient(simulator.mux.path) as client:
        assert len(client.ask({"MessageType": "ListDevices"})["DeviceList"]) == 1


def test_stopped_usbmuxd_refuses_or_is_absent(make_phone):
    simulator = make_phone("success")
    simulator.mux.stop()
    with pytest.raises(ConnectionRefusedError):
        MuxClient(simulator.mux.path)
    simulator.mux.start()
    simulator.mux.stop(unlink=True)
    with pytest.raises(FileNotFoundError):
        MuxClient(simulator.mux.path)


def test_hostile_device_name_is_no_utf8(make_phone):
    simulator = make_phone("hostile-device-name")
    with MuxClient(simulator.mux.path) as client:
        connect = {"MessageType": "Connect", "DeviceID": 1, "PortNumber": usbmux.swap_port(62078)}
        assert client.ask(connect)["Number"] == 0
        device.PlistConnection(client.connection).send({"Request": "GetValue", "Key": "DeviceName"})
        (length,) = struct.unpack(">I", usbmux.receive_exactly(client.connection, 4))
        with pytest.raises(UnicodeDecodeError):
            usbmux.receive_exactly(client.connection, length).decode()


def last_bytes(action):
    """The last bytes that a strange frame puts on the wire: its body's end, or what is left of a cut frame."""
    text = action.get("body", "") + action.get("middle", "") * action.get("middleTimes", 1) + action.get("end", "")
    body = text.encode("latin-1")
    if "cut" in action:
        body = body[: max(action["cut"] - usbmux.HEADER.size, 0)]
    return body[-64:]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_usbmuxd_sends_what_its_data_says(name, make_phone):
    """The simulator misbehaves towards one listener, and goes on serving the others well."""
    simulator = make_phone(name)
    actions = simulator.mux.misbehaviour["Listen"]
    frames = [action for action in actions if isinstance(action, dict)]
    with MuxClient(simulator.mux.path) as victim, MuxClient(simulator.mux.path) as other:
        victim.send({"MessageType": "Listen"})
        simulator.journal.wait("misbehaved", 5, request="Listen")
        assert len(other.ask({"MessageType": "ListDevices"})["DeviceList"]) == 1
        received = b""
        for frame in frames:
            while last_bytes(frame) not in received or not received:
                part = victim.connection.recv(1 << 20)
                assert part, "hung up before the whole frame"
                received += part
        if actions[-1] == "close":
            while victim.connection.recv(1 << 20):
                pass


def test_scenario_data_is_sound():
    """Every scenario tells what it is about; a step with a wrong verb is refused."""
    for name, scenario in SCENARIOS.items():
        assert scenario["about"], name
        # A phone in normal mode restores nothing by itself.
        assert scenario.get("hostile") or scenario.get("expect") or scenario.get("startMode") == "normal", name
    with pytest.raises(ValueError):
        script.expand([{"explode": 1}], {})


# -- command line ----------------------------------------------------------------------------


def test_command_line_and_control_socket(folder):
    """The harness's way in: wait for the ready line, follow events, move the phone, end it."""
    command = [sys.executable, str(PHONE_FOLDER / "simphone.py"), "--socket", str(folder / "mux")]
    command += ["--scenario", "success", "--listen-control", str(folder / "control"), "--also", "0x77=success"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert json.loads(process.stdout.readline())["event"] == "ready"
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as control:
                control.settimeout(10)
                control.connect(str(folder / "control"))
                lines = map(json.loads, control.makefile("r"))
                control.sendall(b'{"mode": "recovery"}\n{"nonsense": 1}\n{"quit": true}\n')
                recovery = next(each for each in lines if each["event"] == "usb" and each["mode"] == "recovery")
                assert recovery["idProduct"] == "1281" and "ECID:001C2D6A3C8A802E" in recovery["serial"]
                answers = [each for each in lines if each["event"] == "answer"]
                assert "error" in answers[1] and answers[-1]["ok"]
            assert process.wait(10) == 0
        finally:
            process.kill()


def test_firmware_command_line(folder):
    command = [sys.executable, str(PHONE_FOLDER / "ipsw.py"), str(folder / "mini.ipsw"), "--model", "d22ap"]
    subprocess.run(command, check=True, timeout=30)
    assert 4096 < (folder / "mini.ipsw").stat().st_size < 100_000
