# SPDX-License-Identifier: LGPL-2.1-or-later
"""One simulated phone: its mode, and the services behind its ports (lockdown, restored, image receiver, FDR).

What it does in a restore is told by a script (script.py, scenarios.json); this file knows only how to speak.
Protocol facts, all seen with idevicerestore 1.0.0: restored and lockdown frames are a 4-byte big-endian
length and an XML property list; the image receiver (ASR) sends bare property lists and takes raw bytes.
"""

import hashlib
import plistlib
import queue
import struct
import threading

import models
from afc import FileService
from usbmux import Closed, receive_exactly, send_all, shut

PORT_LOCKDOWN = 62078
PORT_IMAGE = 12345
PORT_DATA = 51000
PORT_REPORTS = 50001
PORT_REPORT_MOVER = 50002
NONCE = bytes(range(32))
HOST_ID = "6F9619FF-8B86-D011-B42D-00CF4FC964FF"
PORT_FDR_CONTROL = 1082
PORT_FDR_CONNECTION = 49153

# plistlib writes valid text only, so a name that is none is put in afterwards.
DEVICE_NAME_MARK = b"%device-name%"

FRAME_LIMIT_BYTES = 64 * 1024 * 1024
IMAGE_CHUNK_BYTES = 131072
CHECKSUM_BYTES = 20

FDR_END_SECONDS = 0.05
FDR_SYNC = 0x1
FDR_PLIST = 0xBBAA


class PlistConnection:
    """A connection that carries frames of a big-endian length and a property list; sending is thread-safe."""

    def __init__(self, connection):
        self.connection = connection
        self._sending = threading.Lock()

    def send(self, message, device_name=b""):
        """Sends one message, with `device_name` (bytes, UTF-8 or not) where DEVICE_NAME_MARK stands."""
        body = plistlib.dumps(message).replace(DEVICE_NAME_MARK, device_name)
        self.send_raw(struct.pack(">I", len(body)) + body)

    def send_raw(self, data):
        """Sends bytes as they are."""
        with self._sending:
            send_all(self.connection, data)

    def receive(self):
        """Reads one message; raises Closed at the end or on anything malformed."""
        (length,) = struct.unpack(">I", receive_exactly(self.connection, 4))
        if length > FRAME_LIMIT_BYTES:
            raise Closed("oversize frame from host")
        try:
            return plistlib.loads(receive_exactly(self.connection, length))
        except Closed:
            raise
        except Exception as error:  # plistlib lets several parser errors through
            raise Closed("bad property list from host") from error


class ImageTransfer:
    """One transfer of the system image: what the script asked for, and how it ended."""

    def __init__(self, options):
        self.options = options
        self.done = threading.Event()
        self.complete = False


class DataPort:
    """A port that the phone opens for the answer to one request: hands over the connection of the tool."""

    def __init__(self):
        self._connections = queue.Queue()
        self._done = threading.Event()

    def __call__(self, connection):
        """The service behind the port."""
        self._connections.put(connection)
        self._done.wait()

    def accept(self, seconds):
        """The tool's connection; raises queue.Empty where none came in time."""
        return self._connections.get(timeout=seconds)

    def close(self):
        """Ends the service."""
        self._done.set()


class Phone:
    """A phone on one port of one simulated usbmuxd.

    `runner(phone, connection)` is called for each StartRestore. `pause(seconds)` waits for phone time."""

    def __init__(self, identity, mux, journal, port="1-2", location=0x00010002, speed_bits=480000000):
        self.identity = identity
        self.mux = mux
        self.journal = journal
        self.port = port
        self.location = location
        self.speed_bits = speed_bits
        self.device_id = None
        self.mode = "gone"
        self.scenario = {}
        self.runner = None
        self.pause = None
        self.image = None
        self.data_port = None
        self._lock = threading.Lock()
        self._streams = {}
        self._session = False

    # -- the bus -----------------------------------------------------------------------------

    def set_mode(self, mode, visible=True):
        """Moves the phone to `mode`: normal and restore show in usbmuxd (unless not `visible`), recovery, dfu, gone do not."""
        self.end_fdr()
        self.mux.detach(self)
        with self._lock:
            streams, self._streams = list(self._streams), {}
            self.mode = mode
        for stream in streams:
            shut(stream)
        self.location += 1
        on_usb = {} if mode == "gone" else self.usb_attributes(mode)
        self.journal.add("usb", mode=mode, port=self.port, udid=self.identity.udid, **on_usb)
        if visible and mode in ("normal", "restore"):
            self.mux.attach(self)

    def usb_attributes(self, mode):
        """What sysfs would show of the phone in `mode`."""
        return {
            "idVendor": "05ac",
            "idProduct": f"{models.USB_PRODUCT[mode]:04x}",
            "serial": self.identity.usb_serial(mode),
            "speed": str(self.speed_bits // 1000000),
        }

    def show(self):
        """Shows a phone that is on the bus to a usbmuxd that was (re)started."""
        if self.mode in ("normal", "restore"):
            self.mux.attach(self)

    # -- services ----------------------------------------------------------------------------

    def service(self, port):
        """The service behind `port` in the present mode, or None when a connection is refused."""
        if port == PORT_LOCKDOWN and "answers" in self.scenario:
            return self._answer_badly
        if self.mode == "normal":
            services = {PORT_LOCKDOWN: self._lockdown}
            if self._session:
                services[PORT_REPORTS] = FileService(self.scenario.get("reports", {}))
                services[PORT_REPORT_MOVER] = self._move_reports
            return services.get(port)
        services = {PORT_LOCKDOWN: self._restored}
        if self.image and not self.image.options.get("refuse"):
            services[self.image.options.get("port", PORT_IMAGE)] = self._image_receiver
        if self.data_port:
            services[PORT_DATA] = self.data_port
        fdr = self.scenario.get("fdr", "ok")
        if fdr != "refuse":
            services[PORT_FDR_CONTROL] = self._fdr_control if fdr == "ok" else self._mute
            services[PORT_FDR_CONNECTION] = self._fdr_connection
        return services.get(port)

    def run_service(self, service, connection):
        """Runs a service until either end closes the connection."""
        with self._lock:
            self._streams[connection] = service
        try:
            service(connection)
        finally:
            with self._lock:
                self._streams.pop(connection, None)

    def end_fdr(self):
        """Closes the FDR connections, as a restored does that has ended its restore.

        Done a moment before a link is cut: idevicerestore 1.0.0 uses freed memory, and sometimes dies of
        SIGSEGV, when its FDR thread ends while it is itself in the image transfer or at its own end."""
        with self._lock:
            streams = [each for each, service in self._streams.items() if service in self._fdr_services()]
        for stream in streams:
            shut(stream)
        if streams:
            self.pause(FDR_END_SECONDS, scaled=False)

    def _fdr_services(self):
        return (self._fdr_control, self._fdr_connection)

    @staticmethod
    def _mute(connection):
        while receive_exactly(connection, 1):
            pass

    def _hardware_info(self):
        return {
            "BoardID": self.identity.model.board_id,
            "ChipID": self.identity.model.chip_id,
            "ProductionMode": True,
            "SupportsImage4": True,
            "UniqueChipID": self.identity.ecid,
        }

    def _restored(self, connection):
        frames = PlistConnection(connection)
        while True:
            request = frames.receive()
            kind = request.get("Request")
            if kind == "QueryType":
                frames.send(self._restored_type())
            elif kind == "QueryValue":
                self._query_value(frames, request.get("QueryKey"))
            elif kind == "StartRestore":
                self.runner(self, frames)
                return
            elif kind == "Reboot":
                frames.send({"Request": kind, "Result": "Success"})
                self.set_mode("recovery")
                return
            elif kind == "Goodbye":
                frames.send({"Request": kind, "Result": "Success"})
                return
            else:
                self.journal.add("unrecognized-request", request=kind)
                return

    def _restored_type(self):
        model = self.identity.model
        return {
            "HardwareModel": model.board.upper(),
            "Request": "QueryType",
            "RestoreProtocolVersion": self.scenario.get("protocolVersion", model.protocol_version),
            "Result": "Success",
            "SerialNumber": self.identity.serial_number,
            "Type": "com.apple.mobile.restored",
        }

    def _query_value(self, frames, key):
        values = {"HardwareInfo": self._hardware_info()}
        if "savedDebugInfo" in self.scenario:
            values["SavedDebugInfo"] = self.scenario["savedDebugInfo"]
        answer = {"Request": "QueryValue"}
        if key in values:
            answer.update({key: values[key], "Result": "Success"})
        else:
            answer["Error"] = "InvalidKey"
        frames.send(answer)

    def _answer_badly(self, connection):
        """A lockdown or restored that has lost its mind: see "answers" in README.md."""
        frames = PlistConnection(connection)
        for action in self.scenario["answers"]:
            frames.receive()
            self.journal.add("misbehaved", request="lockdown")
            if action == "hold":
                self._mute(connection)
            elif action == "close":
                return
            elif action == "drip":
                while True:
                    frames.send_raw(b"\x00")
                    threading.Event().wait(0.2)
            elif "message" in action:
                frames.send(action["message"])
            else:
                middle = action.get("middle", "") * action.get("middleTimes", 1)
                text = action.get("body", "") + middle + action.get("end", "")
                body = text.encode("latin-1")
                frames.send_raw(struct.pack(">I", action.get("length", len(body))) + body)
        self._mute(connection)

    def _lockdown(self, connection):
        frames = PlistConnection(connection)
        while True:
            request = frames.receive()
            kind = request.get("Request")
            answer = {"Request": kind}
            if kind == "QueryType":
                answer.update({"Result": "Success", "Type": "com.apple.mobile.lockdown"})
            elif kind == "GetValue":
                self._get_value(request, answer)
            elif kind == "EnterRecovery":
                answer["Result"] = "Success"
            elif kind == "StartSession":
                self._start_session(request, answer)
            elif kind == "StopSession":
                answer["Result"] = "Success"
            elif kind == "StartService" and self._session:
                self._start_service(request.get("Service"), answer)
            elif kind in ("Pair", "ValidatePair"):
                self.journal.add("pair-asked")
                answer["Error"] = "PairingDialogResponsePending"
            else:
                answer["Error"] = "InvalidService"
            frames.send(answer, self.scenario.get("deviceName", "iPhone").encode("latin-1"))
            if kind == "EnterRecovery":
                self.set_mode("recovery")
            if kind in ("EnterRecovery", "Goodbye"):
                return

    def pair_record(self):
        """What usbmuxd keeps of the pairing with this computer; None where there is none."""
        if "pairing" not in self.scenario:
            return None
        return plistlib.dumps({"HostID": HOST_ID, "SystemBUID": "30142955-444094379208051516"})

    def _start_session(self, request, answer):
        """A session without TLS: libimobiledevice believes a phone that needs none."""
        pairing = self.scenario.get("pairing")
        if pairing != "trusted" or request.get("HostID") != HOST_ID:
            answer["Error"] = "PasswordProtected" if pairing == "locked" else "InvalidHostID"
            return
        self._session = True
        answer.update({"Result": "Success", "SessionID": "1", "EnableSessionSSL": False})

    def _start_service(self, service, answer):
        ports = {
            "com.apple.crashreportcopymobile": PORT_REPORTS,
            "com.apple.crashreportmover": PORT_REPORT_MOVER,
        }
        if service in ports:
            answer.update({"Result": "Success", "Service": service, "Port": ports[service]})
        else:
            answer["Error"] = "InvalidService"

    def _move_reports(self, connection):
        send_all(connection, b"ping")
        self._mute(connection)

    def _get_value(self, request, answer):
        model = self.identity.model
        values = {
            "DeviceClass": "iPhone",
            "DeviceName": DEVICE_NAME_MARK.decode(),
            "HardwareModel": model.board.upper(),
            "PasswordProtected": False,
            "ProductType": model.product_type,
            "ProductVersion": "14.8.1",
            "BuildVersion": "18H107",
            "BoardId": model.board_id,
            "ChipID": model.chip_id,
            "Image4Supported": True,
            "ApNonce": NONCE,
            "SEPNonce": NONCE[:20],
            "SerialNumber": self.identity.serial_number,
            "UniqueChipID": self.identity.ecid,
            "UniqueDeviceID": self.identity.udid,
        }
        key = request.get("Key")
        if key is None:
            answer.update({"Result": "Success", "Value": values})
        elif key in values:
            answer.update({"Key": key, "Result": "Success", "Value": values[key]})
        else:
            answer.update({"Key": key, "Error": "MissingValue"})

    # -- image receiver (ASR) ----------------------------------------------------------------

    def _image_receiver(self, connection):
        transfer, self.image = self.image, None
        try:
            self._receive_image(connection, transfer)
        finally:
            transfer.done.set()

    def _receive_image(self, connection, transfer):
        options = transfer.options
        if options.get("mute"):
            self._mute(connection)
        send_all(connection, plistlib.dumps({"Checksum Chunks": True, "Command": "Initiate"}))
        packets = plistlib.loads(self._receive_document(connection))
        size = packets["Payload"]["Size"]
        for offset in (0, size // 2, max(size - 4096, 0)):
            length = min(4096, size - offset)
            request = {"Command": "OOBData", "OOB Length": length, "OOB Offset": offset}
            send_all(connection, plistlib.dumps(request))
            receive_exactly(connection, length)
        send_all(connection, plistlib.dumps({"Command": "Payload"}))
        if self._receive_chunks(connection, size, options):
            transfer.complete = True

    @staticmethod
    def _receive_document(connection):
        """Reads one bare XML property list: its own end (with libplist's newline) tells where it ends."""
        data = b""
        while not data.endswith(b"</plist>\n"):
            data += receive_exactly(connection, 1)
        return data

    def _receive_chunks(self, connection, size, options):
        received = 0
        while received < size:
            fraction = received / size
            if fraction >= options.get("detachAt", 2):
                self.journal.add("image-detach", fraction=fraction)
                self.set_mode("gone")
                return False
            if fraction >= options.get("dropAt", 2):
                self.journal.add("image-drop", fraction=fraction)
                self.end_fdr()
                shut(connection)
                return False
            if fraction >= options.get("stallAt", 2):
                self.journal.add("image-stall", fraction=fraction)
                self.pause(options.get("stallSeconds", 3.0), scaled=False)
                return False
            chunk = receive_exactly(connection, min(IMAGE_CHUNK_BYTES, size - received))
            checksum = receive_exactly(connection, CHECKSUM_BYTES)
            if hashlib.sha1(chunk).digest() != checksum:
                self.journal.add("image-checksum-wrong", offset=received)
                return False
            received += len(chunk)
            self.pause(options.get("chunkSeconds", 0.015))
        return True

    # -- FDR ---------------------------------------------------------------------------------

    @staticmethod
    def _fdr_send(connection, message):
        body = plistlib.dumps(message, fmt=plistlib.FMT_BINARY)
        send_all(connection, struct.pack("<I", len(body)))
        send_all(connection, body)

    @staticmethod
    def _fdr_receive(connection):
        (length,) = struct.unpack("<I", receive_exactly(connection, 4))
        return plistlib.loads(receive_exactly(connection, min(length, FRAME_LIMIT_BYTES)))

    def _fdr_control(self, connection):
        receive_exactly(connection, len(b"BeginCtrl\0"))
        self._fdr_receive(connection)
        self._fdr_send(connection, {"Command": "BeginCtrl", "ConnPort": PORT_FDR_CONNECTION})
        self.pause(0.05)
        send_all(connection, struct.pack("<HH", FDR_SYNC, 1))
        self._mute(connection)

    def _fdr_connection(self, connection):
        receive_exactly(connection, len(b"HelloConn\0"))
        self._fdr_send(connection, {"Command": "HelloConn", "Identifier": self.identity.udid})
        send_all(connection, struct.pack("<H", FDR_PLIST))
        self._fdr_send(connection, {"Command": "Ping"})
        self._fdr_receive(connection)
