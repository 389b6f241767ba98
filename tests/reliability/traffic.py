# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every request that the daemon serves, for the proofs that perform them all: over a failing call, or under a checker."""
import json
import random
import re
import sys
import time

from proof import TESTS
from daemon import Bench, until

sys.path.insert(0, str(TESTS / 'phone'))
import simphone  # noqa: E402
from test_api import Peer  # noqa: E402

ECID, OTHER = '0x00AA334455667788', '0x00000000DEADBEEF'
RUN = {'tool': 'idevicerestore', 'arguments': [], 'conditions': [], 'ecid': ECID}
ANSWER_SECONDS = 20


class Traffic(Bench):
    """A bench with a simulated usbmuxd, and a connection that stays. `lines` and `ended` are what the daemon has answered,
    `sealed` is a session of its casebook."""

    def __init__(self, build, folder, wrapper=()):
        super().__init__(build, folder, folder / 'mux', wrapper)
        self.lines, self.ended, self.peer, self.sealed = {}, set(), None, None
        self.cursor, self.in_casebook = None, set()
        self.simulator = simphone.Simulator(self.folder / 'mux', 'success')
        self.simulator.start()

    def prepare(self):
        """After the start."""
        self.connect()
        self.sealed = self.whole_session()
        until(lambda: self.is_sealed(self.sealed), what='the seal')

    def close(self):
        super().close()
        self.simulator.stop()

    def ended_by_itself(self):
        return self.process.poll() is not None

    def answers(self):
        try:
            return 'parameters' in json.loads(self.call_raw('GetStatus'))
        except (OSError, AssertionError):
            return False

    def ask_for(self, method, more=False, **parameters):
        """An answer (the first one of a stream) with its error; None if the daemon hung up."""
        try:
            self.peer.send(method, parameters, **({'more': True} if more else {}))
            answer = self.peer.read()
        except TimeoutError:
            raise
        except (OSError, AssertionError):
            answer = None
        if answer is None:
            self.peer.socket.close()
        elif 'error' not in answer:
            self.remember(method, parameters)
        return answer

    def connect(self):
        """A new connection, which the daemon has accepted."""
        if self.peer:
            self.peer.socket.close()
        self.peer = Peer(self.socket, ANSWER_SECONDS)
        self.peer.ask('ListDevices')

    def await_phone(self):
        """After a start, usbmuxd tells a little later which phones it has."""
        until(lambda: self.simulator.phone.device_id is None or self.call('ListDevices')['devices'], what='the phone')

    def remember(self, method, parameters):
        if method == 'AppendLog':
            self.lines.setdefault(parameters['session'], []).extend(parameters['text'].splitlines())
        elif method == 'EndRun':
            self.ended.add(parameters['session'])

    def begin(self):
        return self.call('BeginRun', **RUN)['session']

    def whole_session(self):
        session = self.begin()
        self.ask_for('AppendLog', session=session, offset=0, text='Waiting for NAND (28)\nERROR: Unable to restore device\n')
        self.ask_for('EndRun', session=session, exitStatus=1)
        return session

    def end_all(self):
        for session in self.call('GetStatus')['runningSessions']:
            self.ask_for('EndRun', session=session, exitStatus=1)

    def is_sealed(self, session):
        """Whether the casebook has it, as far as the next page of changes tells."""
        answer = self.ask_for('ListChanges', **({'cursor': self.cursor} if self.cursor else {})) or {}
        page = answer.get('parameters', {})
        self.cursor = page.get('cursor', self.cursor)
        self.in_casebook.update(page.get('sessions', []))
        return session in self.in_casebook

    def lost(self):
        """What was answered and is not there. What was found is not looked for again."""
        problems = []
        for session, lines in self.lines.items():
            records = self.call('ReadLog', session=session, limit=1000).get('records', [])
            kept = [record['text'] for record in records if record['kind'] == 'log']
            if kept != lines:
                problems.append(f'{session} has the lines {kept} instead of {lines}')
        for session in self.ended:
            kinds = [record['kind'] for record in self.call('ReadLog', session=session).get('records', [])]
            if 'session-end' not in kinds:
                problems.append(f'the end of {session} is lost')
        self.lines.clear()
        self.ended.clear()
        return problems


# -- the requests of the daemon: what stands before the yield is not under test ------------------

def reading(method, **parameters):
    def request(bench):
        fixed = {key: value(bench) if callable(value) else value for key, value in parameters.items()}
        bench.await_phone()
        yield
        yield bench.ask_for(method, **fixed)
    request.exact = True
    return request


def status(bench):
    """Its answer is written anew only after a change."""
    bench.ask_for('SetConditions', place='9-9', conditions=[{'key': 'cable', 'value': str(time.monotonic_ns())}])
    yield
    yield bench.ask_for('GetStatus')


def following(method):
    def request(bench):
        yield
        yield bench.ask_for(method, more=True)
    return request


def begin_run(bench):
    yield
    yield bench.ask_for('BeginRun', **RUN, ticket='T-1', port='1-2')


def append_log(bench):
    session = bench.begin()
    yield
    yield bench.ask_for('AppendLog', session=session, offset=0, text='Waiting for NAND (28)\n' * 3)


def end_run(bench):
    session = bench.begin()
    yield
    yield bench.ask_for('EndRun', session=session, exitStatus=1)


def seal(bench):
    """From the end of a session to its row in the casebook."""
    session = bench.begin()
    yield
    yield bench.ask_for('EndRun', session=session, exitStatus=1)
    deadline = time.monotonic() + 3
    while time.monotonic() < deadline and not bench.ended_by_itself() and not bench.is_sealed(session):
        time.sleep(0.02)


def add_note(bench):
    yield
    yield bench.ask_for('AddNote', device=ECID, text='wet')


def set_conditions(bench):
    cable = f'L{random.randrange(1 << 30)}'
    yield
    yield bench.ask_for('SetConditions', place='1-2', conditions=[{'key': 'cable', 'value': cable}])


def add_measurement(bench):
    bench.begin()
    yield
    yield bench.ask_for('AddMeasurement', device=ECID, source='meter', millivolts=4200, microamperes=90000)


def renamed(bench, content):
    """The same of a session that nobody has."""
    return json.loads(json.dumps(content).replace(bench.sealed[:8], f'{random.randrange(1 << 32):08x}'))


def fresh_case(bench):
    return renamed(bench, bench.call('ExportAttempt', session=bench.sealed)['case'])


def add_attempts(bench):
    attempts = [{'case': fresh_case(bench)} for _ in range(2)]
    yield
    yield bench.ask_for('AddAttempts', attempts=attempts)


def add_change(bench):
    change = renamed(bench, bench.call('ExportChange', kind='attempt', id=bench.sealed)['change'])
    yield
    yield bench.ask_for('AddChange', change=change)


def add_attempt(bench):
    case = fresh_case(bench)
    yield
    yield bench.ask_for('AddAttempt', case=case)


def amend_attempt(bench):
    yield
    yield bench.ask_for('AmendAttempt', session=bench.sealed, changes=[{'key': 'ticket', 'value': 'T-2'}])


def records(bench):
    return [{**record, 'sequence': (1 << 40) + number} for number, record in
            enumerate(bench.call('ReadLog', session=bench.sealed)['records']) if record['kind'] == 'log']


def add_records(bench):
    session = bench.call('AddAttempt', case=fresh_case(bench))['session']
    added = records(bench)
    yield
    yield bench.ask_for('AddRecords', session=session, records=added)


def merge_records(bench):
    added = records(bench)
    yield
    yield bench.ask_for('MergeRecords', session=bench.sealed, records=added)


def purge(bench):
    bench.call('AddNote', device=OTHER, text='broken')
    yield
    yield bench.ask_for('Purge', device=OTHER)


def phone_comes_and_goes(bench):
    simulator = bench.simulator
    yield
    simulator.mux.attach(simulator.phone)
    yield bench.ask_for('ListDevices')
    simulator.mux.detach(simulator.phone)
    yield bench.ask_for('ListDevices')


def usbmuxd_restarts(bench):
    yield
    bench.simulator.mux.stop()
    yield bench.ask_for('GetStatus')
    bench.simulator.mux.start()
    yield bench.ask_for('GetStatus')


REQUESTS = {
    'GetStatus': status,
    'ListDevices': reading('ListDevices'),
    'ListSessions': reading('ListSessions', outcome='failed'),
    'Find': reading('Find', name='7788'),
    'ReadLog': reading('ReadLog', session=lambda bench: bench.sealed),
    'Diagnose': reading('Diagnose', device=ECID),
    'GetCase': reading('GetCase', device=ECID),
    'ExportAttempt': reading('ExportAttempt', session=lambda bench: bench.sealed),
    'ListChanges': reading('ListChanges'),
    'ExportChange': reading('ExportChange', kind='attempt', id=lambda bench: bench.sealed),
    'GetStatistics': reading('GetStatistics', by='port'),
    'GetConditions': reading('GetConditions'),
    'Watch': following('Watch'),
    'ReadLog with more': following('ReadLog'),
    'BeginRun': begin_run,
    'AppendLog': append_log,
    'EndRun': end_run,
    'AddNote': add_note,
    'SetConditions': set_conditions,
    'AddAttempt': add_attempt,
    'AddAttempts': add_attempts,
    'AddChange': add_change,
    'AddMeasurement': add_measurement,
    'AmendAttempt': amend_attempt,
    'AddRecords': add_records,
    'MergeRecords': merge_records,
    'Purge': purge,
    'seal': seal,
    'usbmuxd shows a phone': phone_comes_and_goes,
    'usbmuxd restarts': usbmuxd_restarts,
}


def methods_not_performed():
    text = (TESTS.parent / 'common/wire/io.github.idevicetriage.varlink').read_text()
    return sorted(set(re.findall(r'^method (\w+)', text, re.MULTILINE)) - set(REQUESTS))
