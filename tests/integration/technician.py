# SPDX-License-Identifier: LGPL-2.1-or-later
"""A technician with a simulated phone that has one planted cause."""
from daemon import until


class Technician:
    """Changes what holds for a phone. `fails(state)` is the planted cause: the scenario of a restore with that state."""

    def __init__(self, bench, simulator, fails, phone=None):
        self.bench, self.simulator, self.fails = bench, simulator, fails
        self.phone = phone or simulator.phone
        self.state = {'cable': 'A', 'port': self.phone.port, 'flex': 'connected', 'computer': 'bench', 'tool': None,
                      'firmware': None}

    def prepare(self):
        """The phone as it is before a restore."""
        self.settle()
        self.simulator.choose(self.phone, self.fails(self.state) or 'success')
        self.replug({}, 'restore')

    def entries(self, event):
        """Those of the simulator's journal about this phone."""
        return [each for each in self.simulator.journal.entries(event) if each['udid'] == self.phone.identity.udid]

    def settle(self):
        """Waits until the phone has done all that its last restore makes it do."""
        until(lambda: len(self.entries('restore-started')) == len(self.entries('restore-ended')), what='the end')
        until(lambda: self.phone.mode == 'gone' or self.bench.sees(self.phone.identity.udid), what='the phone')

    def restore(self, start):
        """Starts a restore. Returns when the phone has done all that it does, and the bench sees it again."""
        self.prepare()
        ended = len(self.entries('restore-ended'))
        start()
        until(lambda: len(self.entries('restore-ended')) > ended, 60, 'the end of the restore')
        until(lambda: self.bench.sees(self.phone.identity.udid), what='the phone')

    def unplug(self):
        self.settle()
        self.phone.set_mode('gone')
        until(lambda: not self.bench.sees(self.phone.identity.udid), what='its going')

    def plug(self, mode):
        self.phone.set_mode(mode)
        until(lambda: self.bench.sees(self.phone.identity.udid), what='the phone')

    def replug(self, change, mode=None):
        """It stays in its mode, but for another one."""
        self.settle()
        mode = mode or self.phone.mode
        self.unplug()
        self.state.update(change)
        self.phone.port = change.get('port', self.phone.port)
        self.plug(mode)
