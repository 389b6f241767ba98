#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A signing server on loopback, for one command: signing.py ANSWER COMMAND [ARGUMENTS...].

Starts the server, runs the command with `{url}` in its arguments replaced by the server's address, and exits with
the command's status. Run it without network (unshare --net): it brings loopback up first.

The protocol, as libtatsu 1.0.3 to 1.0.5 speaks it: a property list is posted, and the answer is
STATUS=number&MESSAGE=text, with &REQUEST_STRING=property list where the status is 0."""

import fcntl
import http.server
import plistlib
import socket
import struct
import subprocess
import sys
import threading
import time

SIOCSIFFLAGS = 0x8914
IFF_UP = 1
TICKET = bytes(range(256))
HANG_SECONDS = 600


def signed(_request):
    """A ticket without a valid signature: the simulated phone does not look at it."""
    answer = {"ApImg4Ticket": TICKET, "@ServerVersion": "0"}
    return "STATUS=0&MESSAGE=SUCCESS&REQUEST_STRING=" + plistlib.dumps(answer).decode()


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
}


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers each request as `server.answer` says."""

    def do_POST(self):  # pylint: disable=invalid-name
        """The only method of the protocol."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        answer = self.server.answer(plistlib.loads(body)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format, *args):  # pylint: disable=redefined-builtin
        """Silence: the output belongs to the command."""


def bring_loopback_up():
    """In a new network namespace it is down."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))


def main():
    answer, command = sys.argv[1], sys.argv[2:]
    bring_loopback_up()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    url = f"http://127.0.0.1:{server.server_port}/"
    if answer == "closed":
        server.server_close()
    else:
        server.answer = ANSWERS[answer]
        threading.Thread(target=server.serve_forever, daemon=True).start()
    status = subprocess.run([word.replace("{url}", url) for word in command], check=False).returncode
    sys.exit(status if status >= 0 else 128 - status)


if __name__ == "__main__":
    main()
