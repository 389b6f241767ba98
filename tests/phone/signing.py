#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A signing server on loopback, for one command: signing.py ANSWER COMMAND [ARGUMENTS...].

Starts the server, runs the command with `{url}` in its arguments replaced by the server's address, and exits with
the command's status. Run it without network (unshare --net): it brings loopback up first. With SIGNING_REQUESTS in the
environment, it writes each request to that folder, in turn.

The protocol, as libtatsu 1.0.3 to 1.0.5 speaks it: a property list is posted, and the answer is
STATUS=number&MESSAGE=text, with &REQUEST_STRING=property list where the status is 0. The request says which tickets it
is for: @NAME. The signing of each depends on numbers and nonces in the request."""

import fcntl
import http.server
import itertools
import os
import pathlib
import plistlib
import socket
import struct
import subprocess
import sys
import threading
import time

PORT = 8080
# idevicerestore 1.0.0 has no option for another server. This is one of those that it tries, by plain http, and the
# first that is there on a machine without network.
APPLE = ("17.171.36.30", 80)
SIOCSIFADDR = 0x8916
SIOCSIFFLAGS = 0x8914
IFF_UP = 1
HANG_SECONDS = 600


def ticket(request):
    """A ticket without a signature. It holds the ECID and the nonce that it is for: the phone checks them."""
    ecid = request.get("ApECID", 0)
    return b"ticket" + ecid.to_bytes(8, "big") + request.get("ApNonce", b"")


def signed(request):
    """Every ticket that the request names."""
    answer = {name[1:]: ticket(request) for name in request if name.startswith("@") and name.endswith("Ticket")}
    answer |= {name[1:]: ticket(request) for name in request if name.startswith("@") and ",Ticket," in name}
    if "@BBTicket" in request:
        answer["BasebandFirmware"] = {}
    return "STATUS=0&MESSAGE=SUCCESS&REQUEST_STRING=" + plistlib.dumps({**answer, "@ServerVersion": "0"}).decode()


def hang(_request):
    """No answer."""
    time.sleep(HANG_SECONDS)
    return ""


# Each takes the request (a property list, decoded) and returns the body of the answer.
ANSWERS = {
    "sign": signed,
    # The status of a firmware that is not signed any more for this model.
    "refuse": lambda request: "STATUS=94&MESSAGE=This device isn't eligible for the requested build.",
    "internal-error": lambda request: "STATUS=128&MESSAGE=An internal error occurred.",
    "html": lambda request: "<html><head><title>Sign in to the network</title></head></html>",
    "empty": lambda request: "",
    "half": lambda request: signed(request)[:200],
    "binary": lambda request: "STATUS=0&MESSAGE=SUCCESS&REQUEST_STRING=" + "\x01\x02\x03" * 1000,
    "hang": hang,
    # Nobody listens.
    "closed": None,
    # Bodies that are not as long as the head says (Handler.reply).
    "too-long": signed,
    "endless": signed,
}
# How many bytes the head of an answer says more than there are.
EXTRA_BYTES = {"too-long": -100, "endless": 1 << 40}
DRIP_SECONDS = 0.05


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers each request as `server.answer` says."""

    def do_POST(self):  # pylint: disable=invalid-name
        """The only method of the protocol."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/asset":
            self.reply(body)
            return
        if folder := os.environ.get("SIGNING_REQUESTS"):
            pathlib.Path(folder, f"{next(self.server.numbers):02}.plist").write_bytes(body)
        self.reply(self.server.answer(plistlib.loads(body)).encode(), self.server.kind)

    def do_GET(self):  # pylint: disable=invalid-name
        """What a phone has fetched for it (data_requests.py)."""
        self.reply(b"asset")

    def reply(self, answer, kind=None):
        """Sends an answer, and lies about its length where its kind says so."""
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer) + EXTRA_BYTES.get(kind, 0)))
        self.end_headers()
        self.wfile.write(answer)
        while kind == "endless":
            time.sleep(DRIP_SECONDS)
            self.wfile.write(b" " * 1000)

    def log_message(self, format, *args):  # pylint: disable=redefined-builtin
        """Silence: the output belongs to the command."""


def bring_loopback_up():
    """In a new network namespace it is down. It gets Apple's address too."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))
        address = struct.pack("HH4s8x", socket.AF_INET, 0, socket.inet_aton(APPLE[0]))
        fcntl.ioctl(control, SIOCSIFADDR, struct.pack("16s16s", b"lo:1", address))


def serve(address, kind, numbers):
    """Starts a server at an address that answers as ANSWERS says. For an answer of None there is none."""
    server = http.server.ThreadingHTTPServer(address, Handler)
    server.daemon_threads = True
    server.kind, server.answer, server.numbers = kind, ANSWERS[kind], numbers
    if server.answer:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    else:
        server.server_close()


def main():
    answer, command = sys.argv[1], sys.argv[2:]
    bring_loopback_up()
    numbers = itertools.count(1)
    for address in (("127.0.0.1", PORT), APPLE):
        serve(address, answer, numbers)
    url = f"http://127.0.0.1:{PORT}/"
    status = subprocess.run([word.replace("{url}", url) for word in command], check=False).returncode
    sys.exit(status if status >= 0 else 128 - status)


if __name__ == "__main__":
    main()
