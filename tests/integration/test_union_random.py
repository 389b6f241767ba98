# SPDX-License-Identifier: LGPL-2.1-or-later
"""Three benches do anything and exchange in any order: then all have the same, and say the same of each phone. The same as
a bench that got the union in yet another order. Their clocks leap."""
import json
import os
import pathlib
import random
import time

import pytest

from daemon import Bench, until
from faults import Faults

KINDS = ['attempt', 'note', 'correction', 'condition', 'purge']
PHONES = [f'0x{0x1C2D6A3C8A8000 + number:016X}' for number in range(5)]
# Phones whose UDID does not tell the ECID: some attempts know only one of the two.
UDIDS = {ecid: f'{number:040x}' for number, ecid in enumerate(PHONES[2:], 0xAB0000)}
MODELS = ['iPhone12,3', 'iPhone9,1', None]
CABLES, HOSTS = ['A', 'B', 'L07', ''], ['counter', 'Mac']
LOGS = ['Restoring image (13)\nERROR: Unable to successfully restore device\n',
        'About to restore device...\nWaiting for NAND (28)\nERROR: Unable to successfully restore device\n',
        'Status: Restore Finished\nDONE\n']
LOCAL = ('sequence', 'conditionSequences', 'operationSequence', 'checkpointSequence', 'statusSequence', 'endSequence',
         'firstFaultSequence')


def now():
    return time.time_ns() // 1000


class Shop:
    """The benches, and what may happen on them."""

    def __init__(self, build, folder, seed):
        self.random = random.Random(seed)
        self.leaps = seed % 2
        self.build, self.folder = build, folder
        self.benches = [self.start(name) for name in 'abc']
        self.purged = set()

    def start(self, name):
        folder = self.folder / name
        folder.mkdir()
        faults = Faults(self.build, folder)
        bench = Bench(self.build, folder, folder / 'mux', faults.wrapper)
        bench.faults = faults
        return bench.start(name=f'bench-{name}', host_id=f'{ord(name):012x}-{ord(name):012x}')

    def close(self):
        for bench in self.benches:
            bench.close()

    def session(self, bench):
        sessions = bench.call('ListSessions')['sessions']
        return self.random.choice(sessions)['session'] if sessions else None

    # What happens on a bench.

    def restore(self, bench):
        session = bench.call('BeginRun', tool='idevicerestore', arguments=['idevicerestore'], ecid=self.random.choice(PHONES),
                             conditions=[{'key': 'cable', 'value': self.random.choice(CABLES) or 'C'}])['session']
        bench.call('AppendLog', session=session, offset=0, text=self.random.choice(LOGS))
        bench.call('EndRun', session=session, exitStatus=self.random.choice([0, 1]))

    def tell(self, bench):
        at, ecid = self.random.random(), self.random.choice(PHONES)
        keys = {'ecid': ecid, 'udid': UDIDS.get(ecid), 'productType': self.random.choice(MODELS)}
        keys.pop(self.random.choice(['ecid', 'udid', 'none']) if keys['udid'] else 'udid', None)
        attempt = {'session': f'{self.random.getrandbits(128):032x}', 'outcome': self.random.choice(['failed', 'succeeded']),
                   'host': self.random.choice(HOSTS), 'conditions': {'cable': self.random.choice(CABLES) or 'D'}}
        attempt['session'] = '-'.join(attempt['session'][i:j] for i, j in ((0, 8), (8, 12), (12, 16), (16, 20), (20, 32)))
        if at < 0.3:
            attempt['startedAt'] = time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime()) + f'.{now() % 10**6:06d}Z'
        elif at < 0.6:
            # What a purge would have deleted stays where it is entered after that, and only there: idevicetriage(1).
            past = [] if ecid in self.purged else ['2026-06-01T10:00:00Z']
            attempt['startedAt'] = self.random.choice([*past, '2099-06-01T10:00:00Z'])
        bench.call('AddAttempt', case={'format': 'idevicetriage-case', 'version': 1, 'attempts': [attempt],
                                       'device': {key: value for key, value in keys.items() if value}})

    def import_log(self, bench):
        """Two benches may import the same log, with other words about it."""
        log = self.folder / 'shared.log'
        log.write_text(f'ECID: {int(PHONES[0], 16)}\n{LOGS[0]}')
        bench.triage('import', '--host', self.random.choice(HOSTS), log)

    def import_case(self, bench):
        """Two benches may import different versions of a case file of a computer that exchanges nothing."""
        attempt = {'session': f'01936f00-0000-7000-8000-00000000000{self.random.choice("12")}', 'hostId': '1234567890ab-1234567890ab',
                   'outcome': 'failed', 'conditions': {'cable': self.random.choice(CABLES[:2])}}
        if self.random.random() < 0.5:
            attempt['error'] = {'domain': 'itunes', 'code': self.random.choice([9, 4013])}
        # What is imported by hand after a purge is stored there: idevicetriage(1).
        if PHONES[1] not in self.purged:
            bench.call('AddAttempt', case={'format': 'idevicetriage-case', 'version': 1, 'attempts': [attempt],
                                           'device': {'ecid': PHONES[1]}})

    def amend(self, bench):
        session = self.session(bench)
        change = self.random.choice([('cable', self.random.choice(CABLES)), ('outcome', 'succeeded'), ('outcome', 'withdrawn'),
                                     ('outcome', 'failed'), ('host', 'two'), ('model', 'iPhone11,2'), ('error', '4013'),
                                     ('battery', 'replaced'), ('ticket', 'T-1')])
        if session:
            bench.call_raw('AmendAttempt', session=session, changes=[{'key': change[0], 'value': change[1]}])

    def note(self, bench):
        bench.call('AddNote', device=self.random.choice(PHONES), **self.random.choice([
            {'text': 'left in the rain'}, {'text': 'liquid', 'kind': 'history'}, {'text': 'drop', 'kind': 'history'}]))

    def correct_note(self, bench):
        notes = json.loads(bench.call_raw('GetCase', device=self.random.choice(PHONES))).get('parameters', {}).get('notes')
        if notes:
            bench.call_raw('AddNote', device=self.random.choice(PHONES), text=self.random.choice(['', 'repaired']),
                           amends=self.random.choice(notes)['note'])

    def condition(self, bench):
        bench.call('SetConditions', place=self.random.choice(['1-2', *PHONES]), conditions=[
            {'key': self.random.choice(['battery', 'display']), 'value': self.random.choice(['original', 'replaced', 'unknown'])}])

    def purge(self, bench):
        phone = self.random.choice(PHONES[1:])
        bench.call_raw('Purge', device=phone)
        self.purged.add(phone)

    def leap(self, bench):
        bench.faults.clock(self.random.choice([0, 3600, -3600]) * 1000000)

    def restart(self, bench):
        bench.faults.clock()
        bench.stop()
        if self.random.random() < 0.3:
            (bench.state / 'ring').unlink()
        bench.start(name=self.random.choice(['renamed', 'bench']))

    def give(self, bench, shuffled=True):
        """All that another bench has, or a part of it, in any order."""
        target = self.random.choice([other for other in self.benches if other is not bench])
        known = [change['change'] for change in changes(bench)]
        self.random.shuffle(known)
        for change in known[:self.random.choice([3, 10, 1000])]:
            target.call('AddChange', change=change)

    def pipe(self, bench):
        target = self.random.choice([other for other in self.benches if other is not bench])
        (self.folder / 'pipe').write_text(bench.triage('export', '--all').stdout)
        assert target.triage('import', self.folder / 'pipe').returncode == 0

    def play(self, steps):
        happens = [self.restore] * 4 + [self.tell] * 3 + [self.amend] * 4 + [self.note] * 2 + [self.give] * 3 + [
            self.correct_note, self.correct_note, self.condition, self.condition, self.import_log, self.import_case,
            self.pipe]
        # A purge deletes by the clock. Where that is wrong, so is what it deletes: idevicetriage(1).
        happens += [self.leap] * 3 if self.leaps else [self.purge]
        for _ in range(steps):
            self.random.choice(happens)(self.random.choice(self.benches))
        for bench in self.benches:
            if self.random.random() < 0.5:
                self.restart(bench)
            bench.faults.clock()


def list_changes(bench):
    """All changes, and the cursor behind them."""
    until(lambda: not bench.call('GetStatus')['runningSessions'], what='the end of all restores')
    listed, reply = [], {}
    while reply.get('changes', True):
        reply = bench.call('ListChanges', kinds=KINDS, **({'cursor': reply['cursor']} if reply else {}))
        listed += reply['changes']
    return listed, reply['cursor']


def changes(bench):
    return [bench.call('ExportChange', **change) for change in list_changes(bench)[0]]


def without_local(value):
    if isinstance(value, dict):
        return {key: without_local(inner) for key, inner in value.items() if key not in LOCAL}
    return [without_local(inner) for inner in value] if isinstance(value, list) else value


def content(bench):
    """What the bench has, by its identifiers; the revision counts only between two of one writer."""
    return {change['change']['id']: without_local({**change['change'], 'revision': 0}) for change in changes(bench)}


def verdicts(bench):
    found = {}
    for phone in [*PHONES, *UDIDS.values()]:
        case = json.loads(bench.call_raw('GetCase', device=phone))
        if 'error' in case:
            continue
        case, verdict = case['parameters'], bench.call('Diagnose', device=phone)['verdict']
        found[phone] = (without_records(verdict), case['device'].get('name'), [note['text'] for note in case['notes']])
    return found


def without_records(value):
    """A record that a verdict cites has a number of its own on each bench, where a person corrected something."""
    if isinstance(value, dict):
        return {key: without_records(inner) for key, inner in value.items() if key not in ('records', 'sessions')}
    return [without_records(inner) for inner in value] if isinstance(value, list) else value


def exchange_all(shop, benches):
    for _ in range(3):
        pairs = [(a, b) for a in benches for b in benches if a is not b]
        shop.random.shuffle(pairs)
        for source, target in pairs:
            known = changes(source)
            shop.random.shuffle(known)
            for change in known:
                target.call('AddChange', **change)


def goes_around(shop):
    """The benches on which an exchange still changes something."""
    before = [list_changes(bench)[1] for bench in shop.benches]
    exchange_all(shop, shop.benches)
    return [bench for bench, cursor in zip(shop.benches, before) if list_changes(bench)[1] != cursor]


def sealed(bench):
    """Each watched session is in the casebook."""
    def all_in():
        stored = set(bench.call('ListChanges')['sessions'])
        return all(session['session'] in stored for session in bench.call('ListSessions')['sessions'])
    until(all_in, what='the seals')


def play(build, folder, seed, steps):
    shop = Shop(build, folder, seed)
    try:
        shop.play(steps)
        for bench in shop.benches:
            sealed(bench)
        exchange_all(shop, shop.benches)
        fresh = shop.start('d')
        union = [change for bench in shop.benches for change in changes(bench)]
        shop.random.shuffle(union)
        for change in union:
            fresh.call('AddChange', **change)
        shop.benches.append(fresh)
        whole, said = content(fresh), verdicts(fresh)
        for bench in shop.benches:
            found = content(bench)
            assert {id for id in found} == {id for id in whole}, (seed, bench.folder.name)
            for id, change in found.items():
                assert change == whole[id], (seed, bench.folder.name)
            assert verdicts(bench) == said, (seed, bench.folder.name)
        # A verdict that changed is a record of its session, which may be stored later.
        until(lambda: goes_around(shop) == [], what='an exchange that changes nothing')
    finally:
        shop.close()


@pytest.mark.parametrize('seed', range(int(os.environ.get('UNION_SEEDS', '2'))))
def test_all_benches_become_one(request, folder, seed):
    play(pathlib.Path(request.config.getoption('--build-dir')).resolve(), folder, seed, 40)


@pytest.mark.long
@pytest.mark.parametrize('seed', range(1000, 1040))
def test_many_shops_become_one(request, folder, seed):
    play(pathlib.Path(request.config.getoption('--build-dir')).resolve(), folder, seed, 120)
