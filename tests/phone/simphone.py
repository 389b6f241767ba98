#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The simulated phone: usbmuxd, lockdown and restored on one Unix socket, following a scripted scenario.

The real idevicerestore restores it with USBMUXD_SOCKET_ADDRESS=UNIX:SOCKET. It has no USB side: a harness
that needs one follows the "usb" events (mode, sysfs attributes) on the control socket.
"""

import argparse
import json
import signal
import sys
import threading

import models
import script
from control import ControlServer
from device import Phone
from journal import Journal
from usbmux import Usbmuxd


class Simulator:
    """One usbmuxd with its phones. Use as a context manager, or call start() and stop().

    `scenario` is a name of scenarios.json, or a list of names: one for each StartRestore, the last repeated.
    `speed` divides every pause of a script."""

    def __init__(self, socket_path, scenario="success", identity=None, speed=1.0, control_path=None, scenarios=None):
        self.scenarios = scenarios or script.load()
        self.journal = Journal()
        self.clock = script.Clock(speed)
        names = [scenario] if isinstance(scenario, str) else list(scenario)
        self.mux = Usbmuxd(str(socket_path), self.journal, self.scenarios[names[0]].get("mux"))
        self.phones = []
        self.quit = threading.Event()
        self._queues = {}
        self._control = ControlServer(str(control_path), self.journal, self.command) if control_path else None
        self.add_phone(names, identity or models.make_identity())

    @property
    def phone(self):
        """The first phone."""
        return self.phones[0]

    def add_phone(self, names, identity, port=None):
        """Adds a phone on its own port; before start(), or attach it afterwards with phone.set_mode()."""
        number = len(self.phones)
        phone = Phone(identity, self.mux, self.journal, port or f"1-{number + 2}", location=0x00010002 + 0x100 * number)
        phone.runner = self._restore
        phone.pause = self.clock.pause
        self.phones.append(phone)
        self.choose(phone, names)
        return phone

    def choose(self, phone, names):
        """Sets the scenarios of the next restores of `phone`."""
        names = [names] if isinstance(names, str) else list(names)
        self._queues[phone] = [self.scenarios[name] for name in names]
        phone.scenario = self._queues[phone][0]

    # -- life --------------------------------------------------------------------------------

    def start(self):
        """Starts usbmuxd and puts every phone on the bus."""
        self.mux.start()
        if self._control:
            self._control.start()
        for phone in self.phones:
            phone.set_mode(phone.scenario.get("startMode", "restore"))
            steps = phone.scenario["before"]
            if steps:
                threading.Thread(target=script.play, args=(steps, phone, self.clock), daemon=True).start()
        self.journal.add("ready")

    def stop(self):
        """Ends every thread, connection and socket."""
        self.clock.stopping.set()
        self.quit.set()
        self.mux.stop(unlink=True)
        if self._control:
            self._control.stop()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    # -- restores and commands -----------------------------------------------------------------

    def _restore(self, phone, frames):
        name = phone.scenario["name"]
        self.journal.add("restore-started", scenario=name, udid=phone.identity.udid)
        script.play(phone.scenario["script"], phone, self.clock, frames)
        phone.image = None
        if len(self._queues[phone]) > 1:
            self._queues[phone].pop(0)
            phone.scenario = self._queues[phone][0]
        self.journal.add("restore-ended", scenario=name, udid=phone.identity.udid)

    def command(self, command):
        """Runs one control command: a "mode", "mux" or "wait" step, {"scenario": NAME or [NAMES]}, or {"quit": true}.

        "udid" chooses the phone, else it is the first."""
        udid = command.pop("udid", self.phone.identity.udid)
        phone = next(each for each in self.phones if each.identity.udid == udid)
        if command.pop("quit", False):
            self.quit.set()
        if "scenario" in command:
            self.choose(phone, command.pop("scenario"))
        if command:
            script.play(script.expand([command], {}), phone, self.clock)
        return {"ok": True, "mode": phone.mode, "mux": self.mux.running}


def parse_arguments():
    parser = argparse.ArgumentParser(description="Simulate an iPhone in restore mode behind a usbmuxd socket.")
    parser.add_argument("--socket", help="Unix socket to serve as usbmuxd")
    parser.add_argument("--scenario", action="append", help="name; repeated: one for each restore attempt")
    parser.add_argument("--list", action="store_true", help="list the scenarios and end")
    parser.add_argument("--model", default=models.DEFAULT_MODEL, choices=sorted(models.MODELS))
    parser.add_argument("--ecid", type=lambda text: int(text, 0), default=models.DEFAULT_ECID)
    parser.add_argument("--udid", help="default: derived from chip and ECID")
    parser.add_argument("--serial-number", default=models.DEFAULT_SERIAL_NUMBER)
    parser.add_argument("--also", action="append", default=[], metavar="ECID=SCENARIO", help="one more phone")
    parser.add_argument("--listen-control", metavar="PATH", help="Unix socket for events and commands (JSON lines)")
    parser.add_argument("--speed", type=float, default=1.0, help="divides every pause (default 1)")
    parser.add_argument("--events", action="store_true", help="print every event, not only that it is ready")
    arguments = parser.parse_args()
    if not arguments.list and not arguments.socket:
        parser.error("--socket is needed")
    return arguments


def main():
    arguments = parse_arguments()
    if arguments.list:
        for name, scenario in script.load().items():
            print(f"{name:24} {scenario['about']}")
        return
    identity = models.make_identity(arguments.model, arguments.ecid, arguments.udid, arguments.serial_number)
    simulator = Simulator(
        arguments.socket,
        arguments.scenario or "success",
        identity,
        speed=arguments.speed,
        control_path=arguments.listen_control,
    )
    for number, text in enumerate(arguments.also):
        ecid, _, name = text.partition("=")
        simulator.add_phone(name, models.make_identity(arguments.model, int(ecid, 0), serial_number=f"F2LZT3A1{number:04d}"))
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: simulator.quit.set())

    def show(entry):
        if arguments.events or entry["event"] == "ready":
            print(json.dumps(entry), flush=True)

    simulator.journal.subscribe(show)
    with simulator:
        simulator.quit.wait()


if __name__ == "__main__":
    sys.exit(main())
