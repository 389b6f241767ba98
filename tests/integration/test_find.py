# SPDX-License-Identifier: LGPL-2.1-or-later
"""Finding sessions: by each form of a name, by each filter, in pages; with the daemon and without it."""
import datetime
import json
import sqlite3
import time

import pytest

from daemon import processor_seconds

# A phone whose identifiers have letters, and one whose decimal ECID has the same last digits as its hexadecimal one.
ONE, TWO, THREE = '0x001C2D6A3C8A802E', '0x000A11223344B00C', '0x000000112233802E'
UDID = '00008030-001C2D6A3C8A802E'
MOMENT = 1_790_000_000_000_000  # the first attempt of `many`, in microseconds


def instant(at_us):
    return datetime.datetime.fromtimestamp(at_us / 1e6, datetime.timezone.utc).strftime('%Y-%m-%dT%H:%M:%S.%fZ')


def attempt(number, ecid=ONE, product='iPhone12,3', **members):
    """A case file with one attempt, as AddAttempt takes it."""
    return {'format': 'idevicetriage-case', 'version': 1, 'device': {'ecid': ecid, 'productType': product},
            'attempts': [{'session': f'01936f00-0000-7000-8000-{number:012x}', 'outcome': 'failed',
                          'startedAt': instant(MOMENT + number * 1_000_000), **members}]}


def add(bench, number, *arguments, **members):
    session = bench.call('AddAttempt', case=attempt(number, *arguments, **members))['session']
    return session


@pytest.fixture
def shop(bench):
    """Five attempts of three phones: two phones have the ticket 17."""
    bench.start()
    bench.triage('conditions', '1-2', '--name', 'slot 4')
    bench.numbers = {name: add(bench, number, *rest, **members) for number, (name, rest, members) in enumerate([
        ('first', (ONE,), {'ticket': '17', 'conditions': {'port': '1-2', 'portName': 'slot 4'}}),
        ('second', (ONE,), {'ticket': 'R-2026/5', 'conditions': {'port': '1-3'}, 'outcome': 'succeeded'}),
        ('third', (TWO, 'iPhone10,4'), {'ticket': '17', 'conditions': {'port': '1-2', 'portName': 'bench left'}}),
        ('fourth', (TWO, 'iPhone10,1'), {'outcome': 'aborted'}),
        ('fifth', (THREE, 'iPhone8,1'), {}),
    ], 0x4100)}
    return bench


def found(bench, *arguments):
    """The names in `shop` of the sessions that the command lists, oldest first."""
    names = {session: name for name, session in bench.numbers.items()}
    listed = bench.ask('--state-dir', bench.state, 'sessions', *arguments)['sessions']
    return [names[session['session']] for session in listed[::-1]]


FILTERS = [
    (('--ticket', '17'), ['first', 'third']),
    (('--ticket', '170'), []),
    (('--port', '1-2'), ['first', 'third']),
    (('--port', 'slot 4'), ['first']),
    (('--model', 'iPhone12,3'), ['first', 'second']),
    (('--model', 'iphone 11 pro'), ['first', 'second']),
    (('--model', 'D421AP'), ['first', 'second']),
    (('--model', 'iPhone 8'), ['third', 'fourth']),
    (('--model', 'iPhone10,4'), ['third']),
    (('--model', 'iPhone99,9'), []),
    (('--outcome', 'aborted'), ['fourth']),
    (('--outcome', 'running'), []),
    (('--ticket', '17', '--model', 'iPhone 8'), ['third']),
    (('--outcome', 'failed', '--port', '1-2', ONE), ['first']),
    ((ONE,), ['first', 'second']),
    (('001c2d6a3c8a802e',), ['first', 'second']),
    ((str(int(ONE, 16)),), ['first', 'second']),
    ((str(int(THREE, 16)),), ['fifth']),
    ((UDID,), ['first', 'second']),
    (('8a802e',), ['first', 'second']),
    (('802e',), ['first', 'second', 'fifth']),
    (('…B00C',), ['third', 'fourth']),
    (('..b00c',), ['third', 'fourth']),
    (('17',), ['first', 'third']),
    (('R-2026/5',), ['second']),
    (('01936f00-0000-7000-8000-000000004101',), ['second']),
    (('00004102',), ['third']),
]


@pytest.mark.parametrize('online', [True, False], ids=['online', 'offline'])
def test_sessions_are_selected_by_each_form_and_filter(shop, online):
    if not online:
        shop.stop()
    assert {words: found(shop, *words) for words, _ in FILTERS} == dict(FILTERS)


def test_a_range_of_time_selects_sessions(shop):
    starts = {name: next(s['startedUSec'] for s in shop.sessions() if s['session'] == session)
              for name, session in shop.numbers.items()}
    at = time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(starts['third'] / 1e6))
    assert found(shop, '--since', at) == ['third', 'fourth', 'fifth']
    assert found(shop, '--until', at) == ['first', 'second', 'third']
    assert found(shop, '--since', at, '--until', at) == ['third']


def test_times_are_read_as_people_write_them(bench):
    bench.start()
    now = int(time.time() * 1_000_000)
    hours = {'new': 1, 'older': 3, 'days': 49}
    ids = {}
    for number, (name, age) in enumerate(hours.items(), 0x4200):
        case = attempt(number)
        case['attempts'][0]['startedAt'] = instant(now - age * 3_600_000_000)
        ids[bench.call('AddAttempt', case=case)['session']] = name

    def since(word):
        return sorted(ids[s['session']] for s in bench.ask('sessions', '--since', word)['sessions'])

    assert since('2h') == since('2 h ago') == since('120min ago') == ['new']
    assert since('4h') == since('1d') == ['new', 'older']
    assert since('3d ago') == since('1w') == ['days', 'new', 'older']
    midnight = time.mktime((*time.localtime()[:3], 0, 0, 0, 0, 0, -1))
    today = sorted(name for name, age in hours.items() if now / 1e6 - age * 3600 >= midnight)
    assert since('today') == today
    assert set(today) <= set(since('yesterday')) and 'days' not in since('yesterday')
    for wrong in ('tomorrow', '3', '-2h', '2x ago', '99999999h', '2h before', ''):
        result = bench.triage('sessions', '--since', wrong, check=False)
        assert (result.returncode, 'Cannot read the time' in result.stderr) == (2, True), wrong


@pytest.mark.parametrize('command', ['diagnose', 'case', 'export', 'report'])
def test_a_ticket_of_two_phones_is_no_silent_choice(shop, command):
    options = ['-o', shop.folder / 'report.html'] if command == 'report' else []
    result = shop.triage(command, *options, '17', check=False)
    assert result.returncode == 4
    assert result.stderr.startswith('idevicetriage: Cannot choose: "17" may be ')
    assert 'iPhone 11 Pro …802E' in result.stderr and 'iPhone 8 (GSM) …B00C' in result.stderr
    assert ONE not in result.stderr


def test_a_session_is_named_by_its_ticket_where_that_has_one(shop):
    assert 'No records of 00004101 are stored' in shop.triage('log', 'R-2026/5').stderr
    result = shop.triage('log', '17', check=False)
    assert result.returncode == 4
    assert 'session 00004100 of ' in result.stderr and 'session 00004102 of ' in result.stderr


@pytest.mark.parametrize('text', [str(int(TWO, 16)), '000a11223344b00c', '…B00C', '..b00c', 'b00c', '3344b00c'])
def test_each_form_of_an_identifier_names_the_phone(shop, text):
    assert shop.ask('case', text)['device']['ecid'].lower() == TWO.lower()
    assert shop.ask('diagnose', text)['device']['ecid'].lower() == TWO.lower()


def test_the_end_of_two_identifiers_is_ambiguous(shop):
    result = shop.triage('diagnose', '802e', check=False)
    assert (result.returncode, 'iPhone 6s …802E' in result.stderr) == (4, True), result.stderr


def test_a_phone_is_named_by_the_label_of_its_port(shop, folder):
    assert shop.call('Find', name='SLOT 4')['ports'] == ['1-2']
    shop.triage('conditions', 'slot 4', '--cable', 'L12')
    places = shop.call('GetConditions', place='1-2')['places']
    assert {'key': 'cable', 'value': 'L12'} in places[0]['conditions']


def test_an_unknown_name_is_refused(shop):
    for text in ('nobody', '…', '..', '%', "' OR 1=1 --", 'x' * 100, '0x', '1e5', '…0000'):
        for command in ('sessions', 'case', 'diagnose'):
            result = shop.triage(command, text, check=False)
            assert result.returncode == 4, (command, text, result.stdout)
            assert result.stderr.count('\n') == 1, result.stderr


@pytest.mark.parametrize('command', ['case', 'diagnose', 'export', 'report', 'purge', 'log', 'wait', 'sessions', 'attempt',
                                     'conditions', 'explain', 'note', 'measure', 'try', 'watch'])
def test_an_empty_name_is_a_mistake_of_usage(shop, command):
    """A variable of the shell that is not set: "No device is known here" was not true."""
    result = shop.triage(command, '', check=False)
    assert (result.returncode, result.stdout) == (2, '')
    assert result.stderr == f'idevicetriage: {command} has an empty argument; see `idevicetriage {command} --help`.\n'


def test_an_empty_session_is_a_mistake_of_usage(shop):
    result = shop.triage('attempt', '--session', '', '--cable', 'B', check=False)
    assert (result.returncode, result.stdout) == (2, '')
    assert result.stderr == 'idevicetriage: attempt needs a value after --session; see `idevicetriage attempt --help`.\n'


HOSTILE = ["' OR 1=1 --", '%', '_', '*', '\u202e17', '17\n', ' 17', '🂡' * 200, 'A' * 10000, '"', '0x' + 'f' * 16]


@pytest.mark.parametrize('key', ['name', 'ticket', 'port'])
def test_hostile_values_select_nothing(shop, key):
    for value in HOSTILE:
        assert shop.call('ListSessions', **{key: value})['sessions'] == [], value


@pytest.mark.parametrize('key, value', [
    ('name', ''), ('ticket', ''), ('port', ''), ('model', ''), ('model', "iPhone' OR 1=1"), ('model', 'iPhone 8 Pro Max'),
    ('model', 'iPhone10,'*200 + 'x'), ('outcome', ''), ('outcome', 'Failed'), ('outcome', 'failed OR 1=1'),
    ('sinceUSec', -1), ('untilUSec', '5'), ('limit', 0), ('cursor', 'x'),
    ('cursor', '01936f00-0000-7000-8000-00000000ffff')])
def test_wrong_values_are_refused(shop, key, value):
    answer = json.loads(shop.call_raw('ListSessions', **{key: value}))
    assert answer['error'] == 'org.varlink.service.InvalidParameter'
    assert answer['parameters'] == {'parameter': key}


@pytest.mark.parametrize('option, value, right', [
    ('--outcome', 'fail', 'withdrawn or unknown'), ('--model', 'iPhone 99', 'iPhone10,4'), ('--cursor', 'x', '-n NUMBER'),
    ('--cursor', '01936f00-0000-7000-8000-00000000ffff', '-n NUMBER')])
def test_a_wrong_filter_is_answered_with_the_right_ones(bench, option, value, right):
    bench.start()
    result = bench.triage('sessions', option, value, check=False)
    assert result.returncode == 2 and f'{option} must be' in result.stderr and right in result.stderr


# Many sessions

@pytest.fixture
def many(bench):
    """2,500 attempts of 50 phones, written as the daemon would."""
    bench.start()
    add(bench, 1)
    bench.stop()
    fill(bench, 2500)
    return bench.start()


def fill(bench, count, phones=50):
    """Puts `count` attempts into the casebook of a stopped daemon: the first one has the ticket "first"."""
    with sqlite3.connect(bench.state / 'casebook.db') as book:
        book.execute('DELETE FROM attempts')
        book.executemany(
            'INSERT INTO attempts (id, origin, ecid, product, started_us, ended_us, outcome, told, ticket)'
            ' VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)', rows(count, phones))
    book.close()


def rows(count, phones):
    for number in range(count):
        ticket = f't{number}' if number else 'first'
        case = attempt(number, f'0x{0xA0000000 + number % phones:016X}', ticket=ticket)
        # Ten at a time begin in the same microsecond.
        case['attempts'][0]['startedAt'] = instant(MOMENT + number // 10)
        yield (bytes.fromhex(case['attempts'][0]['session'].replace('-', '')), 'told', 0xA0000000 + number % phones,
               'iPhone12,3', MOMENT + number // 10, MOMENT + number, 'failed', json.dumps(case), ticket)


def pages(bench, limit, between=lambda number: None, **filters):
    """The sessions of all pages."""
    sessions, cursor, number = [], {}, 0
    while True:
        page = bench.call('ListSessions', limit=limit, **cursor, **filters)
        sessions += [session['session'] for session in page['sessions']]
        if 'cursor' not in page:
            return sessions
        assert len(page['sessions']) == limit
        cursor = {'cursor': page['cursor']}
        between(number)
        number += 1


def test_pages_lose_and_double_nothing_while_sessions_arrive(many):
    def arrive(number):
        case = attempt(0x10000 + number)
        case['attempts'][0]['startedAt'] = instant(MOMENT + 1_000_000 + number)
        many.call('AddAttempt', case=case)

    sessions = pages(many, 97, arrive)
    assert len(sessions) == len(set(sessions)) == 2500
    assert len(pages(many, 200)) == 2500 + 2500 // 97
    mine = pages(many, 7, device='0x00000000A0000007')
    assert len(mine) == len(set(mine)) == 50
    assert pages(many, 9, outcome='failed', untilUSec=MOMENT + 20) == sessions[-210:]


def test_names_work_at_any_age(many):
    assert len(many.ask('sessions')['sessions']) == 2500
    assert [s['ticket'] for s in many.ask('sessions', 'first')['sessions']] == ['first']
    assert many.ask('diagnose', 'first')['device']['ecid'].lower() == '0x00000000a0000000'
    assert many.triage('--json', 'log', '8000-000000000000').returncode == 0
    many.stop()
    assert [s['ticket'] for s in many.ask('--state-dir', many.state, 'sessions', 'first')['sessions']] == ['first']


def test_the_command_continues_at_a_cursor(many):
    first = many.ask('sessions', '-n', '1200')
    rest = many.ask('sessions', '-n', '2000', '--cursor', first['cursor'])
    assert 'cursor' not in rest
    assert len({s['session'] for s in first['sessions'] + rest['sessions']}) == 2500


def test_a_case_of_more_than_a_page_has_a_cursor(many):
    page = many.call('GetCase', device='0x00000000A0000007', limit=20)
    rest = many.call('ListSessions', device='0x00000000A0000007', cursor=page['cursor'])['sessions']
    assert len({s['session'] for s in page['sessions'] + rest}) == 50


def test_a_filter_of_many_attempts_uses_an_index(bench):
    bench.start()
    add(bench, 1)
    bench.stop()
    fill(bench, 100_000, 5_000)
    bench.start()

    def seconds(**parameters):
        began = processor_seconds(bench.process)
        for _ in range(10):
            assert 'sessions' in bench.call('ListSessions', limit=50, **parameters)
        return processor_seconds(bench.process) - began

    def best(**parameters):
        return min(seconds(**parameters) for _ in range(5))

    # Reading all 100,000 attempts takes hundreds of times as long as one page of them.
    page = best()
    for parameters in ({'ticket': 'first'}, {'ticket': 'nobody'}, {'name': 'first'}, {'name': 'nobody'}, {'port': '9-9'},
                       {'model': 'iPhone8,1'}, {'outcome': 'aborted'}, {'device': '0x00000000A0000001'},
                       {'outcome': 'failed', 'model': 'iPhone12,3'}, {'untilUSec': MOMENT + 1}):
        assert best(**parameters) < 5 * page + 0.02, parameters
    assert best(model='iPhone 8') < 5 * page + 0.2


def test_case_and_export_have_all_pages(bench):
    bench.start()
    add(bench, 1)
    bench.stop()
    fill(bench, 1200, phones=1)
    bench.start()
    case = bench.ask('case', 'first')
    assert len(case['sessions']) == 1200 and 'cursor' not in case
    case = json.loads(bench.triage('export', case['device']['ecid']).stdout)
    assert len({each['session'] for each in case['attempts']}) == 1200
