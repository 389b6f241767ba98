# SPDX-License-Identifier: LGPL-2.1-or-later
"""The Varlink server: framing, limits, access, streams. The real server and methods over a ring in memory (apiserver.c)."""
import concurrent.futures
import contextlib
import json
import os
import pathlib
import re
import resource
import socket
import subprocess
import tempfile
import time

import pytest

from daemon import processor_seconds

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
INTERFACE = 'io.github.idevicetriage'
SERVICE = 'org.varlink.service'
REQUEST_MAX = 64 * 1024
UNREAD_MAX = 1024 * 1024
PEERS_MAX = 64
PEERS_PER_USER_MAX = 16
NOBODY = 65534
ECID = '0x00123456789ABCDE'
NO_SESSION = '01920000-0000-7000-8000-00000000ffff'


class Peer:
    """A connection that speaks bytes and messages."""

    def __init__(self, path, timeout=20):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(timeout)
        self.socket.connect(str(path))
        self.buffer = b''

    def write(self, data):
        self.socket.sendall(data)

    def send(self, method, parameters=None, **flags):
        if '.' not in method:
            method = f'{INTERFACE}.{method}'
        message = {'method': method, **flags}
        if parameters is not None:
            message['parameters'] = parameters
        self.write(json.dumps(message).encode() + b'\0')

    def read(self):
        """The next message, or None at the end."""
        while b'\0' not in self.buffer:
            try:
                data = self.socket.recv(1 << 20)
            except ConnectionResetError:
                data = b''
            if not data:
                assert self.buffer == b'', 'the connection ended inside a message'
                return None
            self.buffer += data
        message, self.buffer = self.buffer.split(b'\0', 1)
        return json.loads(message)

    def call(self, method, parameters=None, **flags):
        self.send(method, parameters, **flags)
        return self.read()

    def ask(self, method, parameters=None):
        """The parameters of a good answer."""
        reply = self.call(method, parameters)
        assert 'error' not in reply, reply
        assert not reply.get('continues')
        return reply['parameters']

    def call_or_none(self, method):
        """The answer, or None where the server has closed."""
        try:
            return self.call(method)
        except (BrokenPipeError, ConnectionResetError):
            return None

    def closed(self):
        """Waits for the server to close, and tells whether it did so without another message."""
        try:
            return self.read() is None
        except (ConnectionResetError, BrokenPipeError):
            return True

    def close(self):
        self.socket.close()


class Server:
    def __init__(self, build, folder):
        self.program = pathlib.Path(build).resolve() / 'tests' / 'integration' / 'apiserver'
        self.path = folder / 'api'
        self.log = folder / 'api.log'
        self.process = None
        self.peers = []

    def start(self, *options, listener=None):
        where = ['--fd', str(listener.fileno())] if listener else ['--socket', str(self.path)]
        self.process = subprocess.Popen(
            [str(self.program), *where, *map(str, options)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=open(self.log, 'ab'), text=True, pass_fds=[listener.fileno()] if listener else [])
        assert self.process.stdout.readline() == 'ready\n', self.log.read_text()
        return self

    def tell(self, command):
        self.process.stdin.write(command + '\n')
        self.process.stdin.flush()
        assert self.process.stdout.readline() == 'done\n'

    def publish(self, count=1, size=10):
        self.tell(f'publish {count} {size}')

    def peer(self, **options):
        peer = Peer(self.path, **options)
        self.peers.append(peer)
        return peer

    def stop(self):
        """Ends it in order; it must not have crashed."""
        if self.process is None:
            return
        if self.process.poll() is None:
            with contextlib.suppress(BrokenPipeError):
                self.process.stdin.close()
        code = self.process.wait(20)
        self.process.stdout.close()
        self.process = None
        assert code == 0, self.log.read_text()

    def descriptors(self):
        return len(os.listdir(f'/proc/{self.process.pid}/fd'))

    def until(self, condition, what):
        deadline = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < deadline, what
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.02)


@pytest.fixture
def make_server(request, folder):
    servers = []

    def make(*options, **how):
        server = Server(request.config.getoption('--build-dir', default=ROOT / 'build'), folder)
        servers.append(server)
        return server.start(*options, **how)

    yield make
    for server in servers:
        for peer in server.peers:
            peer.close()
        server.stop()


@pytest.fixture
def server(make_server):
    return make_server()


@pytest.fixture
def peer(server):
    return server.peer()


@pytest.fixture(scope='module', autouse=True)
def unfinished(request):
    """A peer that never ends its call, beside all other tests: the seconds until it is closed, None if it is not."""
    with tempfile.TemporaryDirectory(prefix='triage-') as folder, concurrent.futures.ThreadPoolExecutor() as waiters:
        server = Server(request.config.getoption('--build-dir', default=ROOT / 'build'), pathlib.Path(folder)).start()
        peer = server.peer()
        peer.write(b'{"method"')
        begin = time.monotonic()
        yield waiters.submit(lambda: time.monotonic() - begin if peer.closed() else None)
        peer.close()
        server.stop()


def error(reply):
    return reply['error'], reply.get('parameters', {})


def bad_parameter(name):
    return f'{SERVICE}.InvalidParameter', {'parameter': name}


# Framing

def test_one_byte_a_write(peer):
    for byte in json.dumps({'method': f'{SERVICE}.GetInfo'}).encode() + b'\0':
        peer.write(bytes([byte]))
    assert peer.read()['parameters']['product'] == 'idevicetriaged'


def test_two_calls_in_one_write(peer):
    call = json.dumps({'method': f'{INTERFACE}.GetStatus'}).encode() + b'\0'
    other = json.dumps({'method': f'{INTERFACE}.ListDevices'}).encode() + b'\0'
    peer.write(call + other + call[:10])
    assert 'bench' in peer.read()['parameters']
    assert 'devices' in peer.read()['parameters']
    peer.write(call[10:])
    assert 'bench' in peer.read()['parameters']


def test_many_pipelined_calls_are_answered_in_order(peer):
    for limit in range(1, 400):
        peer.send('ReadLog', {'after': 0, 'limit': limit} if limit % 2 else {'limit': -limit})
    for limit in range(1, 400):
        reply = peer.read()
        assert ('parameters' in reply and 'records' in reply['parameters']) == (limit % 2 == 1)


def test_half_close_is_answered(peer):
    peer.send('ListDevices')
    peer.send('ReadLog')
    peer.socket.shutdown(socket.SHUT_WR)
    assert peer.read()['parameters']['devices'][0]['ecid'] == ECID
    assert peer.read()['parameters']['records']
    assert peer.closed()


def test_half_close_with_a_half_call_closes(peer):
    peer.write(b'{"method":')
    peer.socket.shutdown(socket.SHUT_WR)
    assert peer.closed()


def test_oneway_gets_no_answer(peer):
    peer.send('GetStatus', oneway=True)
    peer.send('NoSuch', oneway=True)
    peer.send('Watch', oneway=True, more=True)
    peer.send('ListDevices', {'x': 1}, oneway=True)
    assert 'devices' in peer.call('ListDevices')['parameters']


@pytest.mark.parametrize('data', [
    b'hello\0',
    b'\0',
    b'{}\0',
    b'[]\0',
    b'"x"\0',
    b'{"method":1}\0',
    b'{"method":null}\0',
    b'{"method":"x","parameters":[]}\0',
    b'{"method":"x","more":"yes"}\0',
    b'{"method":"x"} {"method":"y"}\0',
    b"{'method':'x'}\0",
    b'{"method":"a\\u0000b"}\0',
    b'{"method":"\xff\xfe"}\0',
    b'{"method":"\xed\xa0\x80"}\0',
    b'{"method":"x","parameters":' + b'{"a":' * 20 + b'1' + b'}' * 20 + b'}\0',
    b'{"method":"x","parameters":' + b'{"a":' * 20000,
    b'{"method":"x","parameters":{"a":"' + b'a' * REQUEST_MAX + b'"}}\0',
    b'a' * (REQUEST_MAX + 1),
])
def test_what_is_no_call_closes(server, data):
    bystander = server.peer()
    peer = server.peer()
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        peer.write(data)
    assert peer.closed()
    assert 'bench' in bystander.ask('GetStatus')
    log = server.log.read_text()
    assert f'process {os.getpid()} of user {os.getuid()}' in log
    assert len(log.splitlines()) == 1


def test_the_longest_call_is_served(peer):
    def call(fill):
        return json.dumps({'method': f'{INTERFACE}.ListDevices', 'parameters': {'x': 'a' * fill}}).encode()

    peer.write(call(REQUEST_MAX - len(call(0))) + b'\0')
    assert error(peer.read()) == bad_parameter('x')


def test_nesting_within_the_limit_is_served(peer):
    nested = []
    for _ in range(12):
        nested = [nested]
    assert error(peer.call('ListDevices', {'x': nested})) == bad_parameter('x')


# Methods and parameters

def test_unknown_method_keeps_the_connection(peer):
    for name in (f'{INTERFACE}.NoSuch', 'org.example.Other.Method', 'nonsense', ''):
        assert error(peer.call(name if '.' in name else INTERFACE + '.' + name)) == (
            f'{SERVICE}.MethodNotFound', {'method': name if '.' in name else INTERFACE + '.' + name})
    assert 'bench' in peer.ask('GetStatus')


@pytest.mark.parametrize('parameters', [None, {}, {'device': None}, {'device': None, 'limit': None}])
def test_absent_null_and_empty_are_the_same(peer, parameters):
    assert len(peer.ask('ListSessions', parameters)['sessions']) == 1


def test_null_for_parameters_is_absent(peer):
    peer.write(b'{"method":"io.github.idevicetriage.GetStatus","parameters":null,"more":null}\0')
    assert peer.read()['parameters']['bench'] == 'bench-1'


@pytest.mark.parametrize('method,parameters,bad', [
    ('GetStatus', {'x': 1}, 'x'),
    ('ListSessions', {'device': 1}, 'device'),
    ('ListSessions', {'device': 'a\0b'}, 'device'),
    ('ListSessions', {'limit': '5'}, 'limit'),
    ('ListSessions', {'limit': 0}, 'limit'),
    ('ListSessions', {'limit': -1}, 'limit'),
    ('ListSessions', {'limit': 1.5}, 'limit'),
    ('ListSessions', {'limit': True}, 'limit'),
    ('ReadLog', {'after': -1}, 'after'),
    ('ReadLog', {'after': [], 'limit': 1}, 'after'),
    ('Watch', {'after': 'x'}, 'after'),
    ('BeginRun', {'arguments': [], 'conditions': []}, 'tool'),
    ('BeginRun', {'tool': '', 'arguments': [], 'conditions': []}, 'tool'),
    ('BeginRun', {'tool': 'x', 'conditions': []}, 'arguments'),
    ('BeginRun', {'tool': 'x', 'arguments': [1], 'conditions': []}, 'arguments'),
    ('BeginRun', {'tool': 'x', 'arguments': ['a\0b'], 'conditions': []}, 'arguments'),
    ('BeginRun', {'tool': 'x', 'arguments': [], 'conditions': {}}, 'conditions'),
    ('BeginRun', {'tool': 'x', 'arguments': [], 'conditions': ['cable']}, 'conditions'),
    ('BeginRun', {'tool': 'x', 'arguments': [], 'conditions': [{'key': 'cable'}]}, 'conditions'),
    ('BeginRun', {'tool': 'x', 'arguments': [], 'conditions': [{'key': 'k' * 99, 'value': ''}]}, 'conditions'),
    ('BeginRun', {'tool': 'x', 'arguments': [], 'conditions': [{'key': 'k', 'value': 'v'}] * 49}, 'conditions'),
    ('BeginRun', {'tool': 'x', 'arguments': [], 'conditions': [], 'ecid': 'none'}, 'ecid'),
    ('BeginRun', {'tool': 'x', 'arguments': [], 'conditions': [], 'udid': 'none'}, 'udid'),
    ('BeginRun', {'tool': 'x', 'arguments': [], 'conditions': [], 'port': '1' * 99}, 'port'),
    ('AppendLog', {'offset': 0, 'text': ''}, 'session'),
    ('AppendLog', {'session': NO_SESSION, 'offset': -1, 'text': ''}, 'offset'),
    ('AppendLog', {'session': NO_SESSION, 'offset': (1 << 63) - 1, 'text': 'xy'}, 'offset'),
    ('EndRun', {'session': NO_SESSION}, 'exitStatus'),
    ('EndRun', {'session': NO_SESSION, 'exitStatus': 1, 'signal': 1}, 'exitStatus'),
    ('EndRun', {'session': NO_SESSION, 'exitStatus': 256}, 'exitStatus'),
    ('EndRun', {'session': NO_SESSION, 'signal': 0}, 'signal'),
    (f'{SERVICE}.GetInterfaceDescription', {}, 'interface'),
])
def test_bad_parameters_are_named(peer, method, parameters, bad):
    assert error(peer.call(method, parameters)) == bad_parameter(bad)
    assert 'bench' in peer.ask('GetStatus')


def interface_methods():
    text = (ROOT / 'common' / 'wire' / f'{INTERFACE}.varlink').read_text()
    return set(re.findall(r'^method (\w+)', text, re.M))


def table_methods():
    changing = re.findall(r'OWN\("(\w+)"\)', (ROOT / 'daemon' / 'server' / 'methods.c').read_text())
    reading = re.findall(r'^\t\{"(\w+)", \w+_parameters, \w+(?:, true)?\}', (ROOT / 'common' / 'query' / 'query.c').read_text(), re.M)
    return {*changing, *reading}


def test_every_method_of_the_file_is_in_the_table_and_back():
    assert interface_methods() == table_methods()
    assert len(interface_methods()) > 5


@pytest.mark.parametrize('method', sorted(interface_methods()))
def test_every_method_of_the_file_is_served(peer, method):
    assert error(peer.call(method, {'noSuchParameter': 1}, more=True))[0] == f'{SERVICE}.InvalidParameter'


def test_the_errors_are_those_of_the_files():
    table = (ROOT / 'common' / 'wire' / 'api_error.c').read_text()
    for which, interface in (('INTERFACE', INTERFACE), ('SERVICE', SERVICE)):
        file = (ROOT / 'common' / 'wire' / f'{interface}.varlink').read_text()
        named = set(re.findall(rf'VARLINK_{which} "\.(\w+)"', table))
        told = set(re.findall(r'^error (\w+)\(', file, re.M))
        assert named and named <= told
        # Varlink's own file also names an error that this server has no use for.
        assert told - named <= ({'PermissionDenied'} if which == 'SERVICE' else set())


@pytest.mark.parametrize('interface', [INTERFACE, SERVICE])
def test_served_text_is_the_file(peer, interface):
    file = (ROOT / 'common' / 'wire' / f'{interface}.varlink').read_text()
    assert peer.ask(f'{SERVICE}.GetInterfaceDescription', {'interface': interface}) == {'description': file}


def test_info(peer):
    info = peer.ask(f'{SERVICE}.GetInfo')
    assert info['interfaces'] == [SERVICE, INTERFACE]
    assert info['version'] == 'test'
    assert error(peer.call(f'{SERVICE}.GetInterfaceDescription', {'interface': 'org.example'})) == (
        f'{SERVICE}.InterfaceNotFound', {'interface': 'org.example'})


# Shapes: what is served has the members that the file tells, with their types

def described_types():
    text = (ROOT / 'common' / 'wire' / f'{INTERFACE}.varlink').read_text()
    types = {}
    for name, body in re.findall(r'^type (\w+) \((.*?)^\)', text, re.M | re.S):
        types[name] = dict(re.findall(r'(\w+): ([^,\n]+)', body))
    for name, body in re.findall(r'^method (\w+)\(.*?\) -> \((.*?)\)\n', text, re.M | re.S):
        types[name] = dict(re.findall(r'(\w+): ([^,\n]+)', body))
    return types


TYPES = described_types()


def check(value, kind, where):
    if kind.startswith('?'):
        if value is None:
            return
        kind = kind[1:]
    if kind.startswith('[]'):
        assert isinstance(value, list), where
        for item in value:
            check(item, kind[2:], where)
    elif kind in ('int', 'string', 'bool'):
        assert type(value) is {'int': int, 'string': str, 'bool': bool}[kind], (where, value)
    else:
        assert set(value) <= set(TYPES[kind]), where
        for name, member in TYPES[kind].items():
            check(value.get(name), member, f'{where}.{name}')


@pytest.mark.parametrize('method', ['GetStatus', 'ListDevices', 'ListSessions', 'ReadLog', 'Diagnose'])
def test_answers_have_the_shape_of_the_file(server, peer, method):
    server.publish(3)
    check(peer.ask(method), method, method)


def test_a_failed_run_has_the_shape_of_the_file(peer):
    session = begin(peer, conditions=[{'key': 'cable', 'value': 'L07'}])
    check(peer.ask('AppendLog', {'session': session, 'offset': 0, 'text': 'x\0\n'}), 'AppendLog', 'AppendLog')
    check(peer.ask('EndRun', {'session': session, 'signal': 9}), 'EndRun', 'EndRun')
    check(peer.ask('Diagnose', {'session': session}), 'Diagnose', 'Diagnose')
    check(peer.ask('ReadLog', {'session': session}), 'ReadLog', 'ReadLog')


def test_watch_has_the_shape_of_the_file(server, peer):
    peer.send('Watch', more=True)
    check(peer.read()['parameters'], 'Watch', 'Watch')
    server.publish()
    check(peer.read()['parameters'], 'Watch', 'Watch')


def test_contents(peer):
    status = peer.ask('GetStatus')
    assert status['sources'] == [{'name': 'usbmuxd', 'up': True}, {'name': 'usb', 'up': False, 'detail': 'no udev'}]
    session = peer.ask('ListSessions', {'device': '1-2'})['sessions'][0]
    assert status['runningSessions'] == [session['session']]
    assert session['outcome'] == 'running'
    assert session['modes'] == ['recovery', 'gone', 'recovery', 'gone', 'restore']
    assert session['operation'] == 28
    answer = peer.ask('Diagnose', {'device': ECID})
    assert answer['sessions'][0]['session'] == session['session']
    assert {'phase', 'strength', 'summary', 'causes', 'advice'} <= set(answer['verdict'])


def test_a_filter_never_changes_the_shape(peer):
    assert peer.ask('ReadLog', {'after': 1000000})['records'] == []
    assert len(peer.ask('ReadLog', {'limit': 1})['records']) == 1


def test_unknown_names_are_told_back(peer):
    assert error(peer.call('Diagnose', {'device': 'nope'})) == (f'{INTERFACE}.NoSuchDevice', {'device': 'nope'})
    assert error(peer.call('ListSessions', {'device': '9-9'})) == (f'{INTERFACE}.NoSuchDevice', {'device': '9-9'})
    for method in ('Diagnose', 'ReadLog'):
        for name in ('nope', NO_SESSION):
            assert error(peer.call(method, {'session': name})) == (f'{INTERFACE}.NoSuchSession', {'session': name})


# What `run` needs

def begin(peer, **more):
    parameters = {'tool': 'idevicerestore', 'arguments': ['-e', "it's"], 'conditions': [], **more}
    return peer.ask('BeginRun', parameters)['session']


def test_a_run(peer):
    session = begin(peer, conditions=[{'key': 'cable', 'value': 'L07'}])
    assert peer.ask('AppendLog', {'session': session, 'offset': 0, 'text': 'abc'})['offset'] == 3
    assert peer.ask('AppendLog', {'session': session, 'offset': 9, 'text': 'gap'})['offset'] == 3
    again = peer.ask('AppendLog', {'session': session, 'offset': 2, 'text': 'cd'})
    assert again['offset'] == 4
    assert again['progress']['tool'] == 'idevicerestore'
    assert again['progress']['conditions'] == [{'key': 'cable', 'value': 'L07'}]
    assert peer.ask('EndRun', {'session': session, 'exitStatus': 1})['result']['exitStatus'] == 1
    for method, more in (('AppendLog', {'offset': 4, 'text': ''}), ('EndRun', {'exitStatus': 0})):
        reply = peer.call(method, {'session': session, **more})
        assert error(reply) == (f'{INTERFACE}.SessionEnded', {'session': session})


def test_too_many_runs(peer):
    for _ in range(64):
        begin(peer)
    reply = peer.call('BeginRun', {'tool': 'x', 'arguments': [], 'conditions': []})
    assert error(reply) == (f'{INTERFACE}.TooManySessions', {'limit': 64})


# Records and streams

def test_records_come_in_pieces(make_server):
    server = make_server()
    server.publish(2500)
    peer = server.peer()
    sequences, sizes, after = [], [], 0
    while True:
        records = peer.ask('ReadLog', {'after': after})['records']
        if not records:
            break
        sizes.append(len(records))
        sequences += [record['sequence'] for record in records]
        after = sequences[-1]
    assert sequences == list(range(1, len(sequences) + 1))
    assert sizes[:2] == [1000, 1000]
    assert after == peer.ask('GetStatus')['lastSequence']


def test_long_records_come_in_smaller_pieces(make_server):
    server = make_server()
    server.publish(1000, 4096)
    peer = server.peer()
    peer.send('ReadLog')
    records = peer.read()['parameters']['records']
    assert 100 < len(records) < 1000
    assert peer.ask('ReadLog', {'after': records[-1]['sequence'], 'limit': 1})['records'][0]['sequence'] == \
        records[-1]['sequence'] + 1


def test_ring_wrapped(make_server):
    server = make_server('--ring', 128 * 1024)
    server.publish(3000)
    peer = server.peer()
    last = peer.ask('GetStatus')['lastSequence']
    first = peer.ask('GetStatus')['firstSequence']
    assert 100 < last - first < 2900
    reply = peer.ask('ReadLog', {'after': 10})
    assert reply['lost'] == first - 11
    assert reply['records'][0]['sequence'] == first
    assert peer.ask('ReadLog', {'after': first - 1})['lost'] == 0
    assert peer.ask('ReadLog')['lost'] == 0
    peer.send('Watch', {'after': 10}, more=True)
    assert peer.read()['parameters']['event'] == 'state'
    lost = peer.read()['parameters']
    assert (lost['event'], lost['lost']) == ('lost', first - 11)
    assert peer.read()['parameters']['sequence'] == first


def test_watch_without_more(peer):
    assert error(peer.call('Watch')) == (f'{SERVICE}.ExpectedMore', {})
    assert 'bench' in peer.ask('GetStatus')


def test_more_on_a_method_without_stream(peer):
    reply = peer.call('GetStatus', more=True)
    assert 'error' not in reply and not reply.get('continues')


def test_watch_gives_the_state_then_changes(server, peer):
    last = peer.ask('GetStatus')['lastSequence']
    peer.send('Watch', more=True)
    state = peer.read()
    assert state['continues'] is True
    assert state['parameters']['event'] == 'state'
    assert state['parameters']['sequence'] == last
    assert state['parameters']['devices'][0]['ecid'] == ECID
    assert len(state['parameters']['sessions']) == 1
    server.publish(2)
    for number in (1, 2):
        change = peer.read()['parameters']
        assert (change['event'], change['sequence']) == ('record', last + number)
        assert change['record']['text'].startswith(f'{last + number} ')


def test_watch_resumes(server, peer):
    server.publish(2000)
    peer.send('Watch', {'after': 5}, more=True)
    state = peer.read()['parameters']
    assert (state['event'], state['sequence']) == ('state', 5)
    server.publish(10)
    last = 0
    for sequence in range(6, 2006):
        last = peer.read()['parameters']['sequence']
        assert last == sequence


def test_log_follows(server, peer):
    server.publish(2500)
    peer.send('ReadLog', {'after': 3}, more=True)
    server.publish(5)
    last = 3
    while last < 2505:
        reply = peer.read()
        assert reply['continues'] is True
        assert reply['parameters']['lost'] == 0
        for record in reply['parameters']['records']:
            assert record['sequence'] == last + 1
            last += 1


def test_log_of_one_session_follows(server, peer):
    session = begin(peer)
    follower = server.peer()
    follower.send('ReadLog', {'session': session}, more=True)
    first = follower.read()['parameters']['records']
    assert {record['session'] for record in first} == {session}
    server.publish(5)
    peer.ask('EndRun', {'session': session, 'exitStatus': 0})
    record = follower.read()['parameters']['records'][0]
    assert record['session'] == session
    assert record['sequence'] > first[-1]['sequence'] + 5


def test_an_empty_log_is_told_at_once(peer):
    peer.send('ReadLog', {'after': 1000000}, more=True)
    assert peer.read() == {'parameters': {'records': [], 'lost': 0}, 'continues': True}


def test_a_pipelined_call_waits_for_the_stream(server, peer):
    peer.send('Watch', more=True)
    peer.send('GetStatus')
    assert peer.read()['parameters']['event'] == 'state'
    server.publish(3)
    for _ in range(3):
        assert peer.read()['parameters']['event'] == 'record'
    other = server.peer()
    assert 'bench' in other.ask('GetStatus')
    peer.socket.settimeout(0.2)
    with pytest.raises(TimeoutError):
        peer.read()


def test_a_stream_that_fails_gives_the_connection_back(server, peer):
    server.publish(3000, 4000)
    peer.send('ReadLog', more=True)
    peer.send('GetStatus')
    assert peer.read()['continues']
    server.tell('break')
    reply = peer.read()
    while reply.get('continues'):
        reply = peer.read()
    assert reply['error'] == f'{INTERFACE}.Failed'
    assert reply['parameters']['reason']
    assert peer.read()['parameters']['bench'] == 'bench-1'


def test_half_closed_stream_goes_on(server, peer):
    peer.send('Watch', more=True)
    peer.socket.shutdown(socket.SHUT_WR)
    assert peer.read()['parameters']['event'] == 'state'
    server.publish()
    assert peer.read()['parameters']['event'] == 'record'


def test_half_closed_stream_that_leaves_is_noticed(server):
    before = server.descriptors()
    peer = server.peer()
    peer.send('Watch', more=True)
    peer.socket.shutdown(socket.SHUT_WR)
    assert peer.read()['parameters']['event'] == 'state'
    server.until(lambda: server.descriptors() == before + 1, 'the connection')
    peer.close()
    server.until(lambda: server.descriptors() == before, 'the connection is still there')


def test_a_reader_that_never_reads_is_told_what_it_lost(server, peer):
    other = server.peer()
    last = peer.ask('GetStatus')['lastSequence']
    peer.send('Watch', more=True)
    other.send('Watch', more=True)
    assert other.read()['parameters']['event'] == 'state'
    for _ in range(20):
        server.publish(100, 4000)
        for _ in range(100):
            assert other.read()['parameters']['event'] == 'record'
    assert peer.read()['parameters']['event'] == 'state'
    seen, lost = 0, 0
    while not lost:
        message = peer.read()['parameters']
        if message['event'] == 'lost':
            lost = message['lost']
            assert message['sequence'] == last + 2000
        else:
            seen += 1
            assert message['sequence'] == last + seen
    assert lost > 0
    assert seen + lost == 2000
    assert seen * 4000 >= UNREAD_MAX / 2
    server.publish()
    message = peer.read()['parameters']
    assert (message['event'], message['sequence']) == ('record', last + 2001)
    again = server.peer()
    records = again.ask('ReadLog', {'after': last + seen, 'limit': 10})['records']
    assert records[0]['sequence'] == last + seen + 1


def test_a_caller_that_never_reads_is_closed(server, peer):
    server.publish(1000, 4000)
    peer.socket.settimeout(10)
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        for _ in range(200):
            peer.send('ReadLog')
    server.until(lambda: 'does not read' in server.log.read_text(), 'it was not closed')
    assert 'bench' in server.peer().ask('GetStatus')


def test_restart_during_a_stream(make_server):
    server = make_server()
    server.publish(50)
    peer = server.peer()
    peer.send('Watch', more=True)
    last = peer.read()['parameters']['sequence']
    server.publish(5)
    for _ in range(5):
        last = peer.read()['parameters']['sequence']
    server.stop()
    assert peer.closed()
    server.start()
    server.publish(60)
    peer = server.peer()
    peer.send('Watch', {'after': last}, more=True)
    assert peer.read()['parameters'] | {'devices': 0, 'sessions': 0} == \
        {'event': 'state', 'sequence': last, 'devices': 0, 'sessions': 0}
    assert peer.read()['parameters']['sequence'] == last + 1


# Peers

def fill(server, count):
    peers = [server.peer() for _ in range(count)]
    for peer in peers:
        assert 'bench' in peer.ask('GetStatus')
    return peers


def test_the_peer_past_the_limit_is_closed(server):
    most = PEERS_MAX if os.getuid() == 0 else PEERS_PER_USER_MAX
    peers = fill(server, most)
    for _ in range(3):
        assert server.peer().closed()
    assert len(server.log.read_text().splitlines()) == 1
    assert 'bench' in peers[0].ask('GetStatus')
    peers[1].close()
    server.until(lambda: server.peer().call_or_none('GetStatus') is not None, 'a place did not become free')


def test_running_out_of_descriptors_pauses(server):
    peers = fill(server, 2)
    used = server.descriptors()
    resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (used + 3, 1024))
    peers += [server.peer() for _ in range(10)]
    for peer in peers:
        peer.send('GetStatus')
    for peer in peers[:5]:
        assert 'bench' in peer.read()['parameters']
    server.until(lambda: 'Cannot accept' in server.log.read_text(), 'nothing was said')
    for peer in peers[:5]:
        peer.close()
    resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (1024, 1024))
    for peer in peers[5:]:
        assert 'bench' in peer.read()['parameters']
    assert server.log.read_text().count('Cannot accept') < 10


OTHER_USER = '''
import json, os, socket, sys
os.setgid(%d); os.setuid(%d)
def connect():
    peer = socket.socket(socket.AF_UNIX)
    peer.settimeout(20)
    peer.connect(sys.argv[1])
    return peer
def call(peer, method):
    try:
        peer.sendall(json.dumps({'method': method}).encode() + b'\\0')
        return json.loads(peer.recv(65536).rstrip(b'\\0') or 'null')
    except (BrokenPipeError, ConnectionResetError):
        return None
peers = [connect() for _ in range(20)]
answers = [call(peer, 'io.github.idevicetriage.GetStatus') for peer in peers]
print(sum(answer is not None and 'parameters' in answer for answer in answers))
''' % (NOBODY, NOBODY)


@pytest.mark.skipif(os.getuid() != 0, reason='needs two users')
def test_one_user_cannot_take_every_place(server):
    os.chmod(server.path.parent, 0o755)
    os.chmod(server.path, 0o666)
    result = subprocess.run(['python3', '-c', OTHER_USER, str(server.path)], capture_output=True, text=True, timeout=60)
    assert result.stdout.strip() == str(PEERS_PER_USER_MAX), result.stderr
    assert f'of user {NOBODY}' in server.log.read_text()
    assert 'bench' in server.peer().ask('GetStatus')


FLOOD = '''
import json, os, select, socket, sys
os.setgid(%d); os.setuid(%d)
def message(method, oneway, **parameters):
    return json.dumps({'method': 'io.github.idevicetriage.' + method, 'oneway': oneway, 'parameters': parameters}).encode() + b'\\0'
block = (message('ReadLog', True) + message('Diagnose', True)) * 40 + message('ReadLog', False)
peers = {}
for _ in range(16):
    peer = socket.socket(socket.AF_UNIX)
    peer.connect(sys.argv[1])
    peer.setblocking(False)
    peers[peer] = block
print('floods', flush=True)
while peers:
    readable, writable, _ = select.select(peers, peers, [])
    for peer in readable:
        peer.recv(1 << 20)
    for peer in writable:
        peers[peer] = peers[peer][peer.send(peers[peer]):] or block
''' % (NOBODY, NOBODY)


@pytest.mark.skipif(os.getuid() != 0, reason='needs two users')
def test_a_flood_of_one_user_does_not_stall_another(server):
    """Sixteen connections that asked for all records without wanting them held others for up to 26 s."""
    server.publish(4000, 200)
    os.chmod(server.path.parent, 0o755)
    os.chmod(server.path, 0o666)
    peer = server.peer()
    with subprocess.Popen(['python3', '-c', FLOOD, str(server.path)], stdout=subprocess.PIPE, text=True) as flood:
        try:
            assert flood.stdout.readline() == 'floods\n'
            began = processor_seconds(server.process)
            for _ in range(20):
                assert 'bench' in peer.ask('GetStatus')
            assert processor_seconds(server.process) - began < 1.5
        finally:
            flood.kill()


def test_closed_connections_do_not_flood_the_log(server):
    """Each line of a caller that speaks no Varlink was one of the journal."""
    for _ in range(100):
        with socket.socket(socket.AF_UNIX) as other:
            other.settimeout(20)
            other.connect(str(server.path))
            other.sendall(b'nonsense\0')
            assert other.recv(1) == b''
    lines = [line for line in server.log.read_text().splitlines() if 'does not speak Varlink' in line]
    assert len(lines) == 20 and 'More are not logged' in lines[-1]


def test_a_question_without_an_answer_costs_nothing(server, peer):
    """Such calls change nothing and answer nothing: they are dropped unread."""
    server.publish(4000, 200)
    began = time.monotonic()
    peer.ask('ReadLog')
    once = time.monotonic() - began
    call = json.dumps({'method': f'{INTERFACE}.ReadLog', 'oneway': True}).encode() + b'\0'
    began = time.monotonic()
    peer.write(call * 2000)
    peer.ask('GetStatus')
    assert time.monotonic() - began < 100 * once


def test_the_socket_is_for_owner_and_group(server):
    assert server.path.stat().st_mode & 0o777 == 0o660


def vanish_at_once(server, peer):
    pass


def vanish_in_a_call(server, peer):
    peer.write(b'{"method":"io.github')


def vanish_before_the_answer(server, peer):
    for _ in range(20):
        peer.send('ReadLog')


def vanish_in_a_stream(server, peer):
    peer.send('Watch', more=True)
    peer.read()


def vanish_behind_a_stream(server, peer):
    peer.send('ReadLog', more=True)
    peer.write(b'x' * 100000)


def vanish_while_records_wait(server, peer):
    peer.send('Watch', more=True)
    peer.read()
    server.publish(500, 4000)


def vanish_half_closed(server, peer):
    peer.send('ReadLog')
    peer.socket.shutdown(socket.SHUT_WR)


@pytest.mark.parametrize('state', [
    vanish_at_once, vanish_in_a_call, vanish_before_the_answer, vanish_in_a_stream, vanish_behind_a_stream,
    vanish_while_records_wait, vanish_half_closed], ids=lambda state: state.__name__)
def test_a_peer_that_vanishes(server, state):
    server.publish(200, 2000)
    assert 'bench' in server.peer().ask('GetStatus')
    before = server.descriptors()
    for _ in range(10):
        peer = server.peer()
        state(server, peer)
        peer.close()
        server.publish(1)
    server.publish(10)
    server.until(lambda: server.descriptors() == before, 'connections stayed open')
    assert 'bench' in server.peer().ask('GetStatus')


# Listening

def test_socket_activation_with_a_call_queued(make_server, folder):
    path = folder / 'activated'
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(8)
    early = Peer(path)
    early.send('GetStatus')
    early.socket.shutdown(socket.SHUT_WR)
    make_server(listener=listener)
    assert early.read()['parameters']['bench'] == 'bench-1'
    assert early.closed()
    assert path.exists()


def test_a_descriptor_that_does_not_listen_is_refused(request, folder):
    program = Server(request.config.getoption('--build-dir', default=ROOT / 'build'), folder).program
    with socket.socket(socket.AF_UNIX) as unbound:
        result = subprocess.run([program, '--fd', str(unbound.fileno())], pass_fds=[unbound.fileno()],
                                capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL)
    assert result.returncode == 1
    assert 'socket' in result.stderr


def test_a_stale_socket_is_replaced_and_a_live_one_not(make_server, folder, request):
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(str(folder / 'api'))
    stale.close()
    server = make_server()
    assert 'bench' in server.peer().ask('GetStatus')
    second = subprocess.run([server.program, '--socket', str(server.path)], capture_output=True, text=True,
                            timeout=20, stdin=subprocess.DEVNULL)
    assert second.returncode == 1
    assert 'in use' in second.stderr
    assert 'bench' in server.peer().ask('GetStatus')


def test_what_is_no_socket_is_left_alone(request, folder):
    program = Server(request.config.getoption('--build-dir', default=ROOT / 'build'), folder).program
    (folder / 'api').write_text('precious')
    result = subprocess.run([program, '--socket', str(folder / 'api')], capture_output=True, text=True, timeout=20,
                            stdin=subprocess.DEVNULL)
    assert result.returncode == 1
    assert (folder / 'api').read_text() == 'precious'


def test_the_socket_goes_with_the_server(make_server):
    server = make_server()
    server.stop()
    assert not server.path.exists()


# Last: by now most of its seconds have passed.

def test_an_unfinished_call_is_closed(unfinished):
    assert 8 < unfinished.result() < 15
