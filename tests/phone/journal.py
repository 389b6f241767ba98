# SPDX-License-Identifier: LGPL-2.1-or-later
"""What happened in the simulator, in order, so that a test can wait for it.

Each entry is a dict with `t` (seconds, CLOCK_MONOTONIC) and `event`; it is kept in memory only.
"""

import threading
import time


class Journal:
    """An append-only list of events that threads can wait on and readers can subscribe to."""

    def __init__(self):
        self._changed = threading.Condition()
        self._entries = []
        self._readers = []

    def add(self, event, **fields):
        """Appends one event and hands it to every subscriber."""
        entry = {"t": time.monotonic(), "event": event, **fields}
        with self._changed:
            self._entries.append(entry)
            readers = list(self._readers)
            self._changed.notify_all()
        for reader in readers:
            reader(entry)

    def entries(self, event=None):
        """A copy of the events so far, all or those of one kind."""
        with self._changed:
            return [entry for entry in self._entries if event in (None, entry["event"])]

    def wait(self, event, timeout, count=1, **fields):
        """Waits until `count` events of this kind with these fields are there; returns the last of them.

        Raises TimeoutError after `timeout` seconds."""
        found = []

        def enough():
            found[:] = [
                entry
                for entry in self._entries
                if entry["event"] == event and all(entry.get(key) == value for key, value in fields.items())
            ]
            return len(found) >= count

        with self._changed:
            if not self._changed.wait_for(enough, timeout):
                raise TimeoutError(f"no {event} {fields} within {timeout} s; events: {self._entries[-20:]}")
        return found[count - 1]

    def subscribe(self, reader):
        """Calls reader(entry) for every event so far and from now on."""
        with self._changed:
            past = list(self._entries)
            self._readers.append(reader)
        for entry in past:
            reader(entry)

    def unsubscribe(self, reader):
        """Ends a subscription; unknown readers are ignored."""
        with self._changed:
            if reader in self._readers:
                self._readers.remove(reader)
