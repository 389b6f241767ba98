# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads scenarios.json and plays one scenario of it: the steps that a phone takes after StartRestore.

A step is a JSON object with one verb and its options; STEPS below lists them all. Adding a scenario is
adding data; adding a verb is adding one function here.
"""

import json
import pathlib
import queue
import select
import threading

from data_requests import CPIO, DATA_REQUESTS, FILE
from device import PORT_DATA, DataPort, ImageTransfer, PlistConnection
from usbmux import Closed, receive_exactly, shut

HERE = pathlib.Path(__file__).parent
SCENARIO_FILE = HERE / "scenarios.json"
LOG_FOLDER = HERE / "logs"

# Operation numbers of restored, protocol version 14 and newer; before, those above 35 were one lower.
OPERATIONS = {
    "Creating partition map": 11,
    "Creating filesystem": 12,
    "Restoring image": 13,
    "Verifying restore": 14,
    "Checking filesystems": 15,
    "Mounting filesystems": 16,
    "Fixing up /var": 17,
    "Flashing firmware": 18,
    "Updating baseband": 19,
    "Modifying persistent boot-args": 25,
    "Installing kernelcache": 27,
    "Waiting for NAND": 28,
    "Unmounting filesystems": 29,
    "Requesting FUD data": 36,
    "Checking for uncollected logs": 44,
    "Updating gas gauge software": 47,
    "Preparing for baseband update": 48,
    "Creating system key bag": 50,
    "Updating Stockholm": 55,
    "Certifying SEP": 57,
    "Updating NAND Firmware": 58,
    "Updating Savage": 60,
    "Installing DeviceTree": 61,
    "Creating Protected Volume": 67,
}
OPERATION_SHIFT_BEFORE_VERSION = 14
OPERATION_SHIFT_ABOVE = 35
UNKNOWN_PROGRESS = (1 << 64) - 1
# How long a phone waits for an answer unless the step says so.
PATIENCE_SECONDS = 600


class Stopped(Exception):
    """The simulator is being shut down."""


class Clock:
    """Phone time: pauses are divided by `speed`, and end at once when the simulator stops."""

    def __init__(self, speed=1.0):
        self.speed = speed
        self.stopping = threading.Event()

    def pause(self, seconds, scaled=True):
        """Waits; raises Stopped when the simulator ends. Not `scaled` = seconds of the host's clock."""
        if self.stopping.wait(seconds / self.speed if scaled else seconds):
            raise Stopped


def load(path=SCENARIO_FILE, more=None):
    """All scenarios by name, and those of `more`, with the named sequences and ends put in their places."""
    data = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    scenarios = {}
    for name, scenario in {**data["scenarios"], **(more or {})}.items():
        scenario = dict(scenario, name=name)
        for part in ("before", "script"):
            scenario[part] = expand(scenario.get(part, []), data["sequences"])
        if "like" in scenario.get("expect", {}):
            scenario["expect"] = {**data["ends"][scenario["expect"]["like"]], **scenario["expect"]}
        scenarios[name] = scenario
    return scenarios


def expand(steps, sequences):
    """Replaces {"use": name} by the steps of that sequence; refuses unknown verbs."""
    result = []
    for step in steps:
        if "use" in step:
            result += expand(sequences[step["use"]], sequences)
            continue
        if len(STEPS.keys() & step.keys()) != 1:
            raise ValueError(f"a step needs exactly one known verb: {step}")
        result.append(step)
    return result


def play(steps, phone, clock, frames=None):
    """Plays steps in order. Steps that talk need `frames`, the connection that sent StartRestore.

    Returns when the script is over or the host has gone."""
    try:
        for step in steps:
            (verb,) = STEPS.keys() & step.keys()
            STEPS[verb](phone, clock, frames, step)
    except Closed as error:
        phone.journal.add("host-gone", reason=str(error))
    except Stopped:
        pass


def _wait(_phone, clock, _frames, step):
    """Waits in phone time, or with "host" in seconds of the host's clock, which --speed leaves alone."""
    clock.pause(step["wait"], scaled=not step.get("host", False))


def _until(phone, clock, _frames, step):
    """Waits until a harness has added this event to the journal."""
    while not phone.journal.entries(step["until"]):
        clock.pause(0.05, scaled=False)


def _operation(phone, clock, frames, step):
    number = OPERATIONS[step["operation"]]
    version = phone.scenario.get("protocolVersion", phone.identity.model.protocol_version)
    if version < OPERATION_SHIFT_BEFORE_VERSION and number > OPERATION_SHIFT_ABOVE:
        number -= 1
    phone.journal.add("operation", name=step["operation"], number=number)
    for percent in step.get("percent", [-1]):
        progress = UNKNOWN_PROGRESS if percent < 0 else percent
        frames.send({"MsgType": "ProgressMsg", "Operation": number, "Progress": progress})
        clock.pause(step.get("each", 0.02))


def _checkpoint(_phone, _clock, frames, step):
    message = {"MsgType": "CheckpointMsg", "CHECKPOINT_ID": int(step["checkpoint"], 16)}
    for key in ("CHECKPOINT_NAME", "CHECKPOINT_RESULT", "CHECKPOINT_COMPLETE", "CHECKPOINT_FAILURE", "CHECKPOINT_ERROR"):
        if key in step:
            message[key] = step[key]
    frames.send(message)


def _data(phone, clock, frames, step):
    """Asks the host for data and takes the answers ("replies", 1 unless told)."""
    phone.journal.add("data-request", type=step["data"])
    request = {"DataType": step["data"], "MsgType": "DataRequestMsg"}
    if "arguments" in step:
        request["Arguments"] = step["arguments"]
    frames.send(request)
    for _ in range(step.get("replies", 1)):
        frames.receive()
    clock.pause(0.01)


def _request(phone, clock, frames, step):
    """Makes a request of data_requests.py, and waits "patience" seconds for each part of the answer.

    The phone goes on without an answer: what it does then are the next steps. A wrong answer stops the script."""
    row = DATA_REQUESTS[step["request"]]
    message = {"MsgType": row.message, **({"Arguments": row.arguments} if row.arguments else {})}
    if row.type:
        message["DataType"] = row.type
    if row.port:
        message["DataPort"] = PORT_DATA
        phone.data_port = DataPort()
    phone.journal.add("data-request", type=row.type or row.message)
    frames.send(message)
    seconds = step.get("patience", PATIENCE_SECONDS) / clock.speed
    try:
        source = PlistConnection(phone.data_port.accept(seconds)) if row.port else frames
        for key in row.answer:
            _receive_part(source, key, seconds)
        phone.journal.add("answered", request=step["request"])
    except (queue.Empty, TimeoutError):
        phone.journal.add("unanswered", request=step["request"])
    finally:
        if row.port:
            phone.data_port.close()
            phone.data_port = None


def _receive_part(source, key, seconds):
    """Receives what data_requests.py calls one message of an answer."""
    if key == CPIO:
        archive = b""
        while not archive.endswith(b"TRAILER!!!\0"):
            archive += receive_exactly(source.connection, 1)
        return
    if not select.select([source.connection], [], [], seconds)[0]:
        raise TimeoutError
    message = source.receive()
    while key == FILE and FILE not in message:
        message = source.receive()
    for name in filter(None, key.split("/")):
        if name not in message:
            raise Closed(f"no {name} in the answer, but {sorted(message)}")
        message = message[name]


def _image(phone, clock, frames, step):
    """Asks for the system image and receives it; options as in device.Phone._receive_chunks."""
    transfer = phone.image = ImageTransfer(step["image"])
    phone.journal.add("data-request", type="SystemImageData")
    port = {"DataPort": step["image"]["port"]} if "port" in step["image"] else {}
    frames.send({"DataType": "SystemImageData", "MsgType": "DataRequestMsg", **port})
    while not transfer.done.is_set():
        if step["image"].get("refuse") or step["image"].get("mute"):
            return
        clock.pause(0.01, scaled=False)
    phone.journal.add("image-done", complete=transfer.complete)


def _status(phone, _clock, frames, step):
    message = {"MsgType": "StatusMsg", "Status": step["status"]}
    if "amrError" in step:
        message["AMRError"] = step["amrError"]
    if "log" in step:
        message["Log"] = (LOG_FOLDER / step["log"]).read_text(encoding="utf-8")
    phone.journal.add("status", status=step["status"])
    frames.send(message)


def _baseband_status(_phone, _clock, frames, step):
    """"refused", "progress" or "done"."""
    word = step["basebandStatus"]
    frames.send({"Accepted": word != "refused", "MsgType": "BBUpdateStatusMsg", "Output": {"done": word == "done"}})


def _message(_phone, _clock, frames, step):
    frames.send(step["message"])


def _previous_log(_phone, _clock, frames, step):
    text = (LOG_FOLDER / step["previousLog"]).read_text(encoding="utf-8")
    frames.send({"MsgType": "PreviousRestoreLogMsg", "PreviousRestoreLog": text})


def _bytes(_phone, _clock, frames, step):
    frames.send_raw(step["bytes"].encode("latin-1") * step.get("repeat", 1))


def _final(_phone, _clock, frames, _step):
    """Waits for the host's word that it has read the final status."""
    while frames.receive().get("MsgType") != "ReceivedFinalStatusMsg":
        pass


def _silence(phone, _clock, frames, _step):
    """Says nothing until the host hangs up; the connection stays."""
    phone.journal.add("silence")
    try:
        while True:
            frames.receive()
    except Closed:
        phone.journal.add("silence-over")


def _idle(phone, _clock, frames, _step):
    """The restore is over on the phone: it ends FDR, says nothing more, and answers Goodbye."""
    phone.end_fdr()
    phone.journal.add("idle")
    try:
        while True:
            request = frames.receive().get("Request")
            if request:
                frames.send({"Request": request, "Result": "Success"})
    except Closed:
        pass


def _mode(phone, _clock, _frames, step):
    phone.set_mode(step["mode"], visible=step.get("visible", True))


def _mux(phone, clock, _frames, step):
    """usbmuxd dies ("down"), comes back with the phone ("up") or without it ("up-without-phone"), or "restart"s."""
    action = step["mux"]
    if action in ("down", "restart"):
        phone.end_fdr()
        phone.mux.stop(unlink=step.get("unlink", False))
    if action == "restart":
        clock.pause(step.get("seconds", 0.2))
    if action in ("up", "restart", "up-without-phone"):
        phone.mux.start()
    if action in ("up", "restart"):
        phone.show()


def _hang_up(_phone, _clock, frames, _step):
    """Ends the restored connection while the phone stays on the bus."""
    shut(frames.connection)


STEPS = {
    "wait": _wait,
    "until": _until,
    "operation": _operation,
    "checkpoint": _checkpoint,
    "data": _data,
    "request": _request,
    "image": _image,
    "status": _status,
    "basebandStatus": _baseband_status,
    "message": _message,
    "previousLog": _previous_log,
    "bytes": _bytes,
    "final": _final,
    "silence": _silence,
    "idle": _idle,
    "mode": _mode,
    "mux": _mux,
    "hangUp": _hang_up,
}
