# SPDX-License-Identifier: LGPL-2.1-or-later
"""A stand-in for the daemon: speaks its interface on a socket with answers that a test chooses.

It lets the command be tested against answers that the real daemon gives only in rare cases, and against a daemon that
dies at a chosen moment.
"""
import json
import os
import socket
import threading

INTERFACE = "io.github.idevicetriage."
SESSION = "01936f00-1111-7222-8333-444455556666"
OTHER = "01936f00-aaaa-7bbb-8ccc-ddddeeee0002"
ECID = "0x001C2D6A3C8A802E"
UDID = "00008030-001C2D6A3C8A802E"

HEALTH = {"grade": "good", "attaches": 2, "expectedDetaches": 1, "unexpectedDetaches": 0, "silences": 0,
          "usbErrors": 0, "usbErrorsMasked": 0, "usbmuxdFaults": 0}
DEVICE = {"ecid": ECID, "udid": UDID, "productType": "iPhone12,3", "name": "iPhone 11 Pro", "mode": "restore",
          "port": "1-2.3", "session": SESSION}


def session(**changes):
    """A Session, running unless told otherwise."""
    return {"session": SESSION, "ecid": ECID, "udid": UDID, "productType": "iPhone12,3", "host": "bench-1",
            "tool": "idevicerestore", "toolVersion": "1.0.0", "port": "1-2.3", "startedUSec": 1795380000000000,
            "outcome": "running", "stage": "restore", "operation": 12, "operationName": "Creating filesystem",
            "permille": 450, "silentUSec": 12000000, "budget": "operation", "budgetUSec": 300000000,
            "modes": ["recovery", "restore"], "conditions": [{"key": "cable", "value": "L07"}], "health": HEALTH,
            **changes}


FAILED = session(outcome="failed", endedUSec=1795380600000000, itunesCode=4013, session=OTHER)

VERDICT = {
    "phase": "undecided", "strength": "weak", "itunesCode": 4013,
    "summary": "Undecided after 1 failed attempt; first suspect (weak): the earpiece (front sensor) flex.",
    "causes": [
        {"cause": "earpiece-flex", "title": "the earpiece (front sensor) flex", "strength": "weak",
         "evidence": [{"text": f"The phone {ECID} came back in recovery mode 14 s after the kernelcache.", "weight": 3,
                       "rule": "bounce-face-id", "records": [12, 15], "source": "https://example.org/rule"}],
         "counterEvidence": [{"text": "Only one computer and one cable were tried.", "weight": -1, "rule": "one-host",
                              "records": [], "source": "https://example.org/other"}]},
        {"cause": "cable", "title": "the cable", "strength": "none", "untested": "another cable",
         "evidence": [], "counterEvidence": []},
    ],
    "nextStep": {"experiment": "swap-cable", "title": "use another cable",
                 "text": "Restore again with another cable that is known to be good.",
                 "outcomes": [{"if": "it succeeds", "then": "the cable was the cause"},
                              {"if": "it fails at the same step", "then": "the cable is cleared"}]},
    "advice": ["Do not buy a recovery tool for this: it only starts the same restore again."],
}


def record(sequence, kind="log", **fields):
    """A Record."""
    return {"sequence": sequence, "timeUSec": 1795380000000000 + sequence * 1000, "monotonicUSec": sequence * 1000,
            "kind": kind, "source": "tool", "session": SESSION, **fields}


class Refusal(Exception):
    """Answered as an error of the interface."""

    def __init__(self, error, **parameters):
        super().__init__(error)
        self.error = error
        self.parameters = parameters


class StandIn:
    """Listens at `path`. What a run sends is kept over stop() and start(), as the daemon keeps it."""

    def __init__(self, path):
        self.path = str(path)
        self.calls = []  # (method, parameters)
        self.begun = []  # parameters of each BeginRun
        self.log = b""
        self.ended = None  # parameters of EndRun
        self.verdict = VERDICT
        self.sessions = [session(), FAILED]
        self.devices = [DEVICE]
        self.groups = []  # of GetStatistics
        self.status = {}  # what GetStatus answers beside or instead of the usual
        self.records = [record(1, "tool-start", name="idevicerestore", text=f"idevicerestore -i {ECID}"),
                        record(2, "operation", name="Creating filesystem", number=12),
                        record(3, "log", text="About to restore device...")]
        self.result = session(outcome="failed", itunesCode=4013, exitStatus=7)
        self.die_at = None  # bytes of the log after which the next answer is a closed connection
        self.forget = False  # BeginRun's session is not known to AppendLog
        self.hang_at = None  # the method that is never answered
        self.take = None  # most bytes that are taken of a piece
        self.condition = threading.Condition()
        self.listener = None
        self.connections = []
        self.start()

    def start(self):
        """Begins to listen, again after stop()."""
        if os.path.exists(self.path):
            os.unlink(self.path)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(self.path)
        self.listener.listen(16)
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()

    def stop(self):
        """Goes away as a killed daemon does: every connection is cut, the socket file stays."""
        with self.condition:
            listener, self.listener = self.listener, None
            connections, self.connections = self.connections, []
        for each in ([listener] if listener else []) + connections:
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            each.close()

    def wait_for(self, condition, seconds=20):
        """Waits until condition() is true; it is looked at after every call."""
        with self.condition:
            assert self.condition.wait_for(condition, seconds), "it did not happen"

    def _accept(self, listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with self.condition:
                self.connections.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        received = b""
        try:
            while data := connection.recv(1 << 16):
                received += data
                *messages, received = received.split(b"\0")
                for message in messages:
                    self._answer(connection, message)
        except OSError:
            pass

    def _answer(self, connection, message):
        assert len(message) <= 64 << 10, "past the limit of a request"
        call = json.loads(message)
        method, parameters = call["method"].removeprefix(INTERFACE), call.get("parameters") or {}
        with self.condition:
            self.calls.append((method, parameters))
            try:
                replies = getattr(self, "_" + method)(parameters, call.get("more", False))
                replies = [{"parameters": reply, "continues": True} for reply in replies] if call.get("more") else \
                    [{"parameters": replies}]
            except Refusal as refusal:
                replies = [{"error": INTERFACE + refusal.error, "parameters": refusal.parameters}]
            dies = self.die_at is not None and len(self.log) >= self.die_at
            self.condition.notify_all()
        if method == self.hang_at:
            return
        if dies:
            self.die_at = None
            self.stop()
            with self.condition:
                self.condition.notify_all()
            return
        for reply in replies:
            connection.sendall(json.dumps(reply, ensure_ascii=False).encode() + b"\0")

    def _GetStatus(self, parameters, more):
        return {"bench": "bench-1", "hostId": "0123456789ab-cdefcdefcdef", "version": "0.1.0", "startedUSec": 1795380000000000,
                "sources": [{"name": "usbmuxd", "up": True}, {"name": "journal", "up": False,
                                                              "detail": "not in the group systemd-journal"}],
                "deviceCount": len(self.devices), "runningSessions": [SESSION], "ringBytes": 16 << 20,
                "firstSequence": 1, "lastSequence": 3, "damagedRecords": 0, **self.status}

    def _GetStatistics(self, parameters, more):
        return {"by": parameters["by"], "groups": self.groups, "attempts": 0, "cut": False}

    def _ListDevices(self, parameters, more):
        return {"devices": self.devices}

    def _Find(self, parameters, more):
        end = parameters["name"].lower()
        def ends(item, *keys):
            return len(end) >= 4 and any((item.get(key) or "").lower().endswith(end) for key in keys)
        phones = {item["ecid"]: item for item in [*self.sessions, *self.devices] if ends(item, "ecid", "udid")}
        return {"devices": list(phones.values()), "ports": [end] if end == "1-2.3" else [],
                "sessions": [item for item in self.sessions if ends(item, "session")], "ticketSessions": [], "cut": False}

    def _ListSessions(self, parameters, more):
        device = parameters.get("device")
        if device and device not in (ECID, UDID, "1-2.3"):
            raise Refusal("NoSuchDevice", device=device)
        return {"sessions": self.sessions[:parameters.get("limit", 1000)]}

    def _ReadLog(self, parameters, more):
        if parameters.get("session") not in (None, SESSION, OTHER):
            raise Refusal("NoSuchSession", session=parameters["session"])
        records = [each for each in self.records if each["sequence"] > parameters.get("after", 0)]
        reply = {"records": records[:2], "lost": 0}
        return [reply] if more else reply

    def _Watch(self, parameters, more):
        return [{"event": "state", "sequence": 2, "devices": self.devices, "sessions": [session()]},
                {"event": "record", "sequence": 3, "record": self.records[2]}]

    def _Diagnose(self, parameters, more):
        if parameters.get("session") not in (None, SESSION, OTHER):
            raise Refusal("NoSuchSession", session=parameters["session"])
        if parameters.get("device") not in (None, ECID, UDID, "1-2.3"):
            raise Refusal("NoSuchDevice", device=parameters["device"])
        return {"verdict": self.verdict, "device": DEVICE, "sessions": [FAILED]}

    def _BeginRun(self, parameters, more):
        self.begun.append(parameters)
        self.forget = False
        return {"session": SESSION}

    def _AppendLog(self, parameters, more):
        if self.forget:
            self.log = self.log[:0]  # of its own type
            raise Refusal("NoSuchSession", session=parameters["session"])
        text, offset = parameters["text"].encode(), parameters["offset"]
        if offset <= len(self.log):
            fresh = text[len(self.log) - offset:]
            self.log += fresh[:self.take] if self.take else fresh
        return {"offset": len(self.log), "progress": session()}

    def _EndRun(self, parameters, more):
        self.ended = parameters
        return {"result": self.result}
