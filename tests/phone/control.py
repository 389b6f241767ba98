# SPDX-License-Identifier: LGPL-2.1-or-later
"""The simulator's control socket: JSON lines out (every event of the journal), JSON lines in (commands).

It only passes commands on; what they mean is the simulator's business.
"""

import json
import os
import socket
import threading

from usbmux import Closed, send_all, shut


class ControlServer:
    """Serves any number of control clients. `command(dict)` is called for each line and returns an answer dict."""

    def __init__(self, path, journal, command):
        self.path = path
        self.journal = journal
        self.command = command
        self._server = None
        self._clients = set()
        self._lock = threading.Lock()

    def start(self):
        """Binds the socket and begins to serve."""
        if os.path.exists(self.path):
            os.unlink(self.path)
        self._server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._server.bind(self.path)
        self._server.listen(5)
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self):
        """Ends every client and removes the socket."""
        shut(self._server)
        self._server.close()
        if os.path.exists(self.path):
            os.unlink(self.path)
        with self._lock:
            clients, self._clients = list(self._clients), set()
        for connection in clients:
            shut(connection)

    def _accept(self):
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            with self._lock:
                self._clients.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        sending = threading.Lock()

        def tell(entry):
            with sending:
                try:
                    send_all(connection, json.dumps(entry).encode() + b"\n")
                except Closed:
                    pass

        self.journal.subscribe(tell)
        try:
            for line in connection.makefile("rb"):
                tell(self._run(line))
        except OSError:
            pass
        finally:
            self.journal.unsubscribe(tell)
            with self._lock:
                self._clients.discard(connection)
            connection.close()

    def _run(self, line):
        try:
            return {"event": "answer", **self.command(json.loads(line))}
        except (ValueError, KeyError, TypeError) as error:
            return {"event": "answer", "error": f"{type(error).__name__}: {error}"}
