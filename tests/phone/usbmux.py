# SPDX-License-Identifier: LGPL-2.1-or-later
"""A simulated usbmuxd 1.1.1 on a Unix socket: listening clients, device lists, connections to phones.

Knows nothing about restores: what answers behind a connection is the phone's business (device.py).
Protocol facts: 16-byte little-endian header (length, version 1, type 8, tag) and an XML property list;
port numbers in Connect are in network byte order; device ids start at 1 with every usbmuxd.
"""

import os
import plistlib
import socket
import struct
import threading

HEADER = struct.Struct("<IIII")
VERSION_PLIST = 1
TYPE_PLIST = 8
REQUEST_LIMIT_BYTES = 1024 * 1024
LISTEN_BACKLOG = 5

RESULT_OK = 0
RESULT_BAD_COMMAND = 1
RESULT_BAD_DEVICE = 2
RESULT_REFUSED = 3


class Closed(Exception):
    """The other end of a connection has gone, or this end was shut down."""


def receive_exactly(connection, count):
    """Reads `count` bytes, or raises Closed."""
    data = b""
    while len(data) < count:
        try:
            part = connection.recv(min(count - len(data), 262144))
        except OSError as error:
            raise Closed(str(error)) from error
        if not part:
            raise Closed("end of stream")
        data += part
    return data


def send_all(connection, data):
    """Writes all of `data`, or raises Closed."""
    try:
        connection.sendall(data)
    except OSError as error:
        raise Closed(str(error)) from error


def shut(connection):
    """Ends both directions, which also wakes a thread that is blocked on the connection."""
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass


def swap_port(number):
    """Turns a port in network byte order into the host's, and back."""
    return struct.unpack("<H", struct.pack(">H", number & 0xFFFF))[0]


class Client:
    """One accepted connection. It is a control connection until a Connect succeeds, then a plain stream."""

    def __init__(self, connection, number):
        self.connection = connection
        self.number = number
        self.listening = False
        self.program = "unknown"
        self._sending = threading.Lock()

    def send(self, message, tag=0):
        """Sends one well-formed property list."""
        self.send_frame(plistlib.dumps(message), tag=tag)

    def send_frame(self, body, tag=0, length=None, version=VERSION_PLIST, message_type=TYPE_PLIST, cut=None):
        """Sends a frame that may lie about its length or end early (after `cut` bytes)."""
        header = HEADER.pack(HEADER.size + len(body) if length is None else length, version, message_type, tag)
        with self._sending:
            send_all(self.connection, (header + body)[:cut])

    def receive(self):
        """Reads one request; returns (message, tag). Raises Closed on the end and on anything malformed."""
        length, _, message_type, tag = HEADER.unpack(receive_exactly(self.connection, HEADER.size))
        if not HEADER.size <= length <= REQUEST_LIMIT_BYTES or message_type != TYPE_PLIST:
            raise Closed("bad frame from client")
        body = receive_exactly(self.connection, length - HEADER.size)
        try:
            message = plistlib.loads(body)
        except Exception as error:  # plistlib lets several parser errors through
            raise Closed("bad property list from client") from error
        return message, tag


class Usbmuxd:
    """The daemon. start() and stop() may be repeated: that is a restart.

    `misbehaviour` maps a request's MessageType to actions that replace the answer (see scenarios.json),
    for the first `times` requests of any type named in it."""

    def __init__(self, path, journal, misbehaviour=None):
        self.path = path
        self.journal = journal
        self.misbehaviour = misbehaviour or {}
        self.misbehaviours_left = self.misbehaviour.get("times", 1 << 30)
        self._lock = threading.RLock()
        self._server = None
        self._clients = {}
        self._devices = {}
        self._network = {}
        self._next_client = 0
        self._next_device = 0
        self._stopping = threading.Event()

    # -- life of the daemon ------------------------------------------------------------------

    def start(self):
        """Binds the socket and serves; phones that are on the bus get new device ids."""
        with self._lock:
            if self._server:
                return
            if os.path.exists(self.path):
                os.unlink(self.path)
            self._server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self._server.bind(self.path)
            self._server.listen(LISTEN_BACKLOG)
            self._stopping = threading.Event()
            threading.Thread(target=self._accept, args=(self._server, self._stopping), daemon=True).start()
        self.journal.add("mux-up")

    def stop(self, unlink=False):
        """Closes every connection. The socket file stays, as usbmuxd leaves it, unless `unlink`."""
        with self._lock:
            server, self._server = self._server, None
            clients, self._clients = list(self._clients.values()), {}
            phones, self._devices = list(self._devices.values()), {}
            self._next_device = 0
            self._stopping.set()
        if server is None:
            return
        shut(server)
        server.close()
        if unlink and os.path.exists(self.path):
            os.unlink(self.path)
        for phone in phones:
            phone.device_id = None
        for client in clients:
            shut(client.connection)
        self.journal.add("mux-down")

    @property
    def running(self):
        """True between start() and stop()."""
        return self._server is not None

    def _accept(self, server, stopping):
        while not stopping.is_set():
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with self._lock:
                self._next_client += 1
                client = Client(connection, self._next_client)
                self._clients[client.number] = client
            threading.Thread(target=self._serve, args=(client, stopping), daemon=True).start()

    def _serve(self, client, stopping):
        try:
            while not stopping.is_set():
                message, tag = client.receive()
                if self._handle(client, message, tag, stopping):
                    break
        except Closed:
            pass
        finally:
            with self._lock:
                self._clients.pop(client.number, None)
            shut(client.connection)
            client.connection.close()
            if client.listening:
                self.journal.add("listener-gone", program=client.program)

    # -- phones ------------------------------------------------------------------------------

    def attach(self, phone):
        """Shows a phone to every listening client, under a new device id."""
        with self._lock:
            if not self._server or phone.device_id is not None:
                return
            self._next_device += 1
            phone.device_id = self._next_device
            self._devices[phone.device_id] = phone
            listeners = [client for client in self._clients.values() if client.listening]
        self._tell(listeners, self._attached(phone))
        self.journal.add("attached", udid=phone.identity.udid, device=phone.device_id)

    def detach(self, phone):
        """Takes a phone away from every listening client."""
        with self._lock:
            number, phone.device_id = phone.device_id, None
            if number is None or self._devices.pop(number, None) is None:
                return
            listeners = [client for client in self._clients.values() if client.listening]
        self._tell(listeners, {"MessageType": "Detached", "DeviceID": number})
        self.journal.add("detached", udid=phone.identity.udid, device=number)

    def show_on_network(self, udid):
        """Lists a phone that is reached by Wi-Fi, as usbmuxd2 and netmuxd do. Returns its device id."""
        with self._lock:
            self._next_device += 1
            number = self._next_device
            self._network[number] = udid
            listeners = [client for client in self._clients.values() if client.listening]
        self._tell(listeners, self._on_network(number))
        self.journal.add("network-attached", udid=udid, device=number)
        return number

    def leave_network(self, number):
        with self._lock:
            udid = self._network.pop(number)
            listeners = [client for client in self._clients.values() if client.listening]
        self._tell(listeners, {"MessageType": "Detached", "DeviceID": number})
        self.journal.add("network-detached", udid=udid, device=number)

    def _on_network(self, number):
        properties = {
            "ConnectionType": "Network",
            "DeviceID": number,
            "EscapedFullServiceName": "02:00:00:00:00:01@fe80::1._apple-mobdev2._tcp.local",
            "InterfaceIndex": 2,
            "NetworkAddress": bytes([16, 2]) + bytes(126),
            "SerialNumber": self._network[number],
        }
        return {"MessageType": "Attached", "DeviceID": number, "Properties": properties}

    @staticmethod
    def _tell(listeners, message):
        for client in listeners:
            try:
                client.send(message)
            except Closed:
                pass

    @staticmethod
    def _attached(phone):
        properties = {
            "ConnectionSpeed": phone.speed_bits,
            "ConnectionType": "USB",
            "DeviceID": phone.device_id,
            "LocationID": phone.location,
            "ProductID": 0x12A8,
            "SerialNumber": phone.identity.udid,
        }
        return {"MessageType": "Attached", "DeviceID": phone.device_id, "Properties": properties}

    # -- requests ----------------------------------------------------------------------------

    def _handle(self, client, message, tag, stopping):
        """Answers one request. Returns True when the connection is to end."""
        client.program = str(message.get("ProgName", client.program))
        kind = message.get("MessageType")
        actions = self.misbehaviour.get(kind)
        if actions and self.misbehaviours_left > 0:
            self.misbehaviours_left -= 1
            self.journal.add("misbehaved", request=kind)
            return self._misbehave(client, actions, message, tag, stopping)
        return self._answer(client, message, tag)

    def _answer(self, client, message, tag):
        answers = {
            "Listen": self._listen,
            "ListDevices": self._list_devices,
            "ListListeners": self._list_listeners,
            "ReadBUID": self._read_buid,
            "ReadPairRecord": self._read_record,
            "SavePairRecord": self._accept_record,
            "DeletePairRecord": self._accept_record,
            "Connect": self._connect,
        }
        answer = answers.get(message.get("MessageType"))
        if answer:
            return answer(client, message, tag)
        self._result(client, tag, RESULT_BAD_COMMAND)
        return False

    def _misbehave(self, client, actions, message, tag, stopping):
        for action in actions:
            if action == "answer":
                if self._answer(client, message, tag):
                    return True
            elif action == "close":
                return True
            elif action == "hold":
                while not stopping.is_set():
                    receive_exactly(client.connection, 1)
                return True
            else:
                self._send_strange_frames(client, action, tag)
        return False

    @staticmethod
    def _send_strange_frames(client, action, tag):
        """Sends a frame as the action tells: body + middle × middleTimes + end, with any header, `frames` times."""
        text = action.get("body", "") + action.get("middle", "") * action.get("middleTimes", 1) + action.get("end", "")
        for _ in range(action.get("frames", 1)):
            client.send_frame(
                text.encode("latin-1"),
                tag=action.get("tag", tag),
                length=action.get("length"),
                version=action.get("version", VERSION_PLIST),
                message_type=action.get("type", TYPE_PLIST),
                cut=action.get("cut"),
            )

    @staticmethod
    def _result(client, tag, number):
        client.send({"MessageType": "Result", "Number": number}, tag)

    def _listen(self, client, _message, tag):
        with self._lock:
            self._result(client, tag, RESULT_OK)
            for phone in list(self._devices.values()):
                client.send(self._attached(phone))
            for number in list(self._network):
                client.send(self._on_network(number))
            client.listening = True
        self.journal.add("listener", program=client.program)
        return False

    def _list_devices(self, client, _message, tag):
        with self._lock:
            devices = [self._attached(phone) for phone in self._devices.values()]
            devices += [self._on_network(number) for number in self._network]
        client.send({"DeviceList": devices}, tag)
        return False

    def _list_listeners(self, client, _message, tag):
        with self._lock:
            listeners = [
                {"Blacklisted": False, "ConnType": 0, "ID String": f"{client.number}-{each.program}", "ProgName": each.program}
                for each in self._clients.values()
                if each.listening
            ]
        client.send({"ListenerList": listeners}, tag)
        return False

    @staticmethod
    def _read_buid(client, _message, tag):
        client.send({"BUID": "30142955-444094379208051516"}, tag)
        return False

    def _read_record(self, client, message, tag):
        with self._lock:
            records = {phone.identity.udid: phone.pair_record() for phone in self._devices.values()}
        record = records.get(message.get("PairRecordID"))
        if record is None:
            return self._no_record(client, message, tag)
        client.send({"PairRecordData": record}, tag)
        return False

    def _no_record(self, client, _message, tag):
        self._result(client, tag, RESULT_BAD_DEVICE)
        return False

    def _accept_record(self, client, _message, tag):
        self._result(client, tag, RESULT_OK)
        return False

    def _connect(self, client, message, tag):
        number, port = message.get("DeviceID"), message.get("PortNumber")
        with self._lock:
            phone = self._devices.get(number)
        if number in self._network:
            self.journal.add("network-connect", device=number, program=client.program)
        if phone is None or not isinstance(port, int):
            self._result(client, tag, RESULT_BAD_DEVICE)
            return False
        port = swap_port(port)
        service = phone.service(port)
        self.journal.add("connect", port=port, program=client.program, accepted=service is not None)
        if service is None:
            self._result(client, tag, RESULT_REFUSED)
            return False
        self._result(client, tag, RESULT_OK)
        phone.run_service(service, client.connection)
        return True
