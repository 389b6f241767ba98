# SPDX-License-Identifier: LGPL-2.1-or-later
"""Searches every output of every command for what came in through every channel: BUILD PHONES.

Each channel of each phone gets a text of its own: a marker, and behind it something that a terminal, a browser, a shell or a
collector of metrics obeys. With fewer phones than kinds of such things, several of them are in one text. Prints a
table, and exits with 1 if such a thing comes out raw, or if a text is nowhere at all."""
import html.parser
import itertools
import json
import os
import pathlib
import pty
import re
import select
import signal
import subprocess
import sys
import tempfile
import time
import zipfile

from proof import show
from daemon import Bench, until

# What is obeyed: by a terminal, as C1 controls too; by an eye that reads a turned line; by a reader of lines; by a browser; by
# Prometheus; by a shell. The last one is no text.
PAYLOADS = {
    'colour': '\x1b[5;7;41m', 'title': '\x1b]0;owned\x07', 'C1': '\x9b5m\x9d0;owned\x9c', 'turned': '\u202edetrunt', 'isolate': '\u2066x\u2067',
    'mark': '\u200e\u200f', 'line': '\r\nINJECTED 1\n', 'separator': '\u2028INJECTED\u2029', 'erased': '\x7f\x08\x08',
    'element': '<img src=injected onerror=alert(1)>', 'attribute': '" onload=\'alert(1)\' x="', 'metric': '"} 1\nidevicetriage_injected{x="\\',
    'shell': "'$(touch injected)`touch injected`;touch injected #", 'NUL': 'a\0b', 'bytes': '\udcff\udcc2\udc9b5m',
}
OBEYED = re.compile('[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]')
INJECTED = re.compile(r'^(INJECTED|idevicetriage_injected)', re.M)
METRIC = re.compile(r'idevicetriage_\w+(\{(\w+="([^"\\\n]|\\["\\n])*",?)*\})? -?[0-9.e+]+')
OWN_SEQUENCES = re.compile(r'\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>(][0-9A-Z]?|\x1b[78]|\r')
SECONDS = 20

# The channels, and the outputs that must show its text: 'json' any with --json, 'text' any without. None: it only may.
CHANNELS = {
    'tool': 'json', 'argument': 'json', 'version': 'json', 'ticket': 'text json', 'cable': 'text json', 'condition': 'text json',
    'line': 'text json', 'error': 'text json', 'device line': 'text json', 'note': 'text json', 'author': 'json',
    'port cable': 'text json', 'port name': 'text json', 'case host': 'text json', 'case tool': 'text json', 'case os': 'json',
    'case firmware': 'json', 'case ticket': 'text json', 'case cable': 'text json', 'case name': None, 'case word': None,
    'case log': None, 'amended tool': 'text json', 'amended host': 'text json', 'corrector': 'json', 'file': 'text',
    'file line': 'text json', 'report': 'text', 'archive': None, 'unknown name': 'text', 'letterhead': 'text', 'tool output': 'text json',
    'setting': 'text', 'option': 'text',
}


class Page(html.parser.HTMLParser):
    """Collects the elements and attributes of a page."""

    def __init__(self):
        super().__init__()
        self.bad = []

    def handle_starttag(self, tag, attributes):
        if tag in ('img', 'script', 'iframe') or any(name.startswith('on') or 'injected' in (value or '') for name, value in attributes):
            self.bad.append((tag, attributes))


class Proof:
    def __init__(self, bench, phones):
        self.bench, self.phones = bench, phones
        self.outputs, self.faults = 0, []
        self.seen = {'text': set(), 'json': set()}
        self.markers = {}
        self.refused = set()

    def text(self, channel, phone):
        """The text of a channel: the marker comes first, for some channels have little room."""
        number = list(CHANNELS).index(channel)
        marker = f'MK{number:02}P{phone:02}'
        self.markers[marker] = channel
        return marker + ''.join(PAYLOADS[kind] for kind in self.kinds(phone))

    def kinds(self, phone):
        return list(PAYLOADS)[phone::self.phones]

    def call(self, channel_marker, method, **parameters):
        """A call with hostile texts. The daemon may refuse it as a whole."""
        answer = json.loads(self.bench.call_raw(method, **parameters))
        if 'error' in answer:
            assert answer['error'].endswith('InvalidParameter'), answer
            self.refused.update(marker for marker in self.markers if marker in json.dumps(parameters) and channel_marker)
            return None
        return answer['parameters']

    def check(self, name, kind, raw, own_sequences=False):
        """Looks at one output."""
        self.outputs += 1
        text = raw.decode(errors='surrogateescape')
        self.seen[kind].update(re.findall(r'MK\d\dP\d\d', text))
        if own_sequences:
            text = OWN_SEQUENCES.sub('', text)
        found = OBEYED.search(text)
        if found:
            self.faults.append((name, repr(text[max(0, found.start() - 60):found.end() + 20])))
        if INJECTED.search(text):
            self.faults.append((name, 'a line of its own', repr(text[max(0, INJECTED.search(text).start() - 80):][:160])))

    def run(self, *arguments, **options):
        """Runs a command and looks at what it prints. Its JSON lines must be JSON."""
        result = subprocess.run([str(self.bench.build / 'client/idevicetriage'), *map(os.fsencode, map(str, arguments))],
                                env=self.bench.environment, cwd=self.bench.folder, capture_output=True, timeout=60,
                                stdin=subprocess.DEVNULL, **options)
        name = ' '.join(str(argument)[:30] for argument in arguments)
        is_json = '--json' in arguments or 'export' in arguments
        self.check(name, 'json' if is_json else 'text', result.stdout)
        self.check(name, 'text', result.stderr)
        # A case file alone has several lines.
        whole = is_json and 'export' in arguments and '--all' not in arguments
        for line in [result.stdout] if whole and result.stdout else result.stdout.splitlines() if is_json else []:
            json.loads(line)
        if result.returncode < 0:
            self.faults.append((name, f'signal {-result.returncode}'))
        return result


def ecid_of(phone):
    return f'0x00AA33445566{phone:04X}'


def watched(proof, phone):
    """A restore under the API of `run`."""
    def text(channel):
        return proof.text(channel, phone)

    ecid = ecid_of(phone)
    begun = proof.call(True, 'BeginRun', tool=text('tool'), toolVersion=text('version'), arguments=[text('argument')], ecid=ecid,
                       ticket=text('ticket'), conditions=[{'key': 'cable', 'value': text('cable')},
                                                          {'key': 'stand', 'value': text('condition')}])
    if not begun:
        begun = proof.call(True, 'BeginRun', tool='idevicerestore', arguments=[], ecid=ecid, conditions=[])
    log = (f'{text("line")}\nFound device: {text("device line")}\nAbout to restore device... \nWaiting for NAND (28)\n'
           f'ERROR: {text("error")}\nERROR: Unable to restore device\n')
    proof.call(True, 'AppendLog', session=begun['session'], offset=0, text=log)
    proof.call(True, 'EndRun', session=begun['session'], exitStatus=1)
    proof.call(True, 'AddNote', device=ecid, text=text('note'), by=text('author'))
    until(lambda: any(session['session'] == begun['session'] for session in proof.bench.call('ListSessions', device=ecid)['sessions']))
    proof.call(True, 'AmendAttempt', session=begun['session'], by=text('corrector'), changes=[
        {'key': 'tool', 'value': text('amended tool')}, {'key': 'host', 'value': text('amended host')}])
    proof.call(True, 'SetConditions', place=f'1-{1 + phone}', conditions=[{'key': 'cable', 'value': text('port cable')},
                                                                         {'key': 'portName', 'value': text('port name')}])
    return begun['session']


def told(proof, phone):
    """An attempt of a case file, by the command. Words and numbers may be refused: those texts only may come out."""
    def text(channel):
        return proof.text(channel, phone).replace('\0', '\\u0000')

    attempt = {'session': f'01900000-0000-7000-8000-0000000000{phone:02x}', 'outcome': 'failed', 'host': text('case host'),
               'tool': text('case tool'), 'hostOs': text('case os'), 'firmware': text('case firmware'), 'ticket': text('case ticket'),
               'stage': text('case word'), 'conditions': {'cable': text('case cable')}, 'log': [{'text': text('case log')}]}
    case = {'format': 'idevicetriage-case', 'version': 1, 'history': ['liquid'], 'attempts': [attempt],
            'device': {'ecid': ecid_of(phone), 'name': text('case name'), 'productType': 'iPhone12,3'}}
    path = proof.bench.folder / f'case{phone}.json'
    path.write_bytes(json.dumps(case, ensure_ascii=False).encode(errors='surrogateescape'))
    proof.run('import', path)
    proof.run('diagnose', '--case', path)
    proof.run('--json', 'import', '--dry-run', path)


def files(proof, phone):
    """A log, a panic report, a firmware file; their names are hostile too."""
    def text(channel):
        return proof.text(channel, phone)

    name = os.fsencode(text('file').replace('/', '').replace('\0', ''))
    log = os.path.join(os.fsencode(proof.bench.folder), name)
    with open(log, 'wb') as file:
        file.write(f'idevicerestore 1.0.0\nAbout to restore device...\nERROR: {text("file line")}\n'.encode(errors='surrogateescape'))
    for options in (['import', '--dry-run', '--device', ecid_of(phone)], ['import', '--device', ecid_of(phone)],
                    ['diagnose', '--log'], ['--json', 'diagnose', '--log'], ['panics', '--file'], ['check-firmware'],
                    ['--json', 'check-firmware']):
        proof.run(*options, os.fsdecode(log))
    report = proof.bench.folder / f'panic{phone}.ips'
    report.write_bytes(b'{"os_version":"iPhone OS 17.2 (21C62)"}\n' + json.dumps(
        {'product': 'iPhone14,5', 'panicString': f'panic(cpu 0 caller 0x0): {text("report")} "userspace watchdog timeout: no '
         'successful checkins from thermalmonitord service"'}, ensure_ascii=False).encode(errors='surrogateescape'))
    proof.run('panics', '--file', report)
    proof.run('--json', 'panics', '-v', '--file', report)
    archive = proof.bench.folder / f'firmware{phone}.ipsw'
    with zipfile.ZipFile(archive, 'w') as file:
        file.writestr(text('archive').encode(errors='replace').decode().replace('\0', ''), b'x')
        file.writestr('BuildManifest.plist', f'<plist><dict><key>{text("archive")}</key></dict></plist>'.encode(errors='replace'))
    proof.run('check-firmware', archive)


def letterhead(proof):
    folder = proof.bench.folder / 'config/idevicetriage'
    folder.mkdir(parents=True, exist_ok=True)
    lines = ''.join(proof.text('letterhead', phone).split('\n')[0] + '\n' for phone in range(min(3, proof.phones)))
    (folder / 'letterhead').write_bytes(lines.encode(errors='surrogateescape'))


def run_tool(proof, phone):
    """A tool under the real `run`: its name and its output."""
    name = proof.text('tool output', phone).split('\n')[0].replace('/', '').replace('\0', '').replace('\r', '')
    tool = os.path.join(os.fsencode(proof.bench.folder), os.fsencode(name))
    with open(tool, 'w', encoding='ascii') as file:
        file.write('#!/bin/sh\nexit 1\n')
    os.chmod(tool, 0o755)
    proof.run('run', '--ecid', ecid_of(phone), '--', os.fsdecode(tool))


def settings(proof, phone):
    """Messages of the daemon about its configuration and its command line, and of the command about its own."""
    text = proof.text('setting', phone).replace('\0', '').replace('\n', ' ').replace('\r', ' ')
    path = proof.bench.folder / 'broken.conf'
    daemon = str(proof.bench.build / 'daemon/idevicetriaged')
    option = os.fsencode(proof.text('option', phone).replace('\0', ''))
    for line in (f'{text} = 1', f'ring-size = {text}', f'[{text}]\nx = 1'):
        path.write_bytes(line.encode(errors='surrogateescape') + b'\n')
        proof.check('daemon --config', 'text', subprocess.run([daemon, '--config', path], capture_output=True, timeout=60).stderr)
    for words in ([option], [b'--' + option], [b'--ring-size', option], [b'--config', option]):
        proof.check('daemon OPTION', 'text', subprocess.run([daemon, *words], capture_output=True, timeout=60).stderr)
    for words in ([], ['--'], ['help'], ['sessions', '--since'], ['explain'], ['conditions'], ['purge', '--yes'], ['wait', '--ticket'],
                  ['hook', '--on'], ['stats', '--by'], ['log'], ['--color'], ['note', ecid_of(phone), '--history']):
        proof.run(*words, os.fsdecode(option), *(['--timeout', '1'] if words[:1] == ['wait'] else []))


def ask_everything(proof, phone, session):
    """Every command that prints something of a phone."""
    ecid, unknown = ecid_of(phone), proof.text('unknown name', phone).replace('\0', '')
    for words in (['log', session], ['diagnose', ecid], ['diagnose', session], ['case', ecid], ['sessions', ecid], ['export', ecid],
                  ['report', ecid, '-o', '-'], ['conditions', f'1-{1 + phone}'], ['conditions', ecid]):
        proof.run(*words)
        if words[0] != 'report':
            proof.run('--json', *words)
    for other in proof.bench.call('ListSessions', device=ecid)['sessions']:
        if other['session'] != session:
            proof.run('log', other['session'])
            proof.run('--json', 'log', other['session'])
    proof.run('export', '--mask', ecid)
    for words in (['case'], ['diagnose'], ['sessions', '--ticket'], ['sessions', '--port'], ['note'], ['export'], ['explain'], ['log']):
        proof.run(*words, os.fsdecode(os.fsencode(unknown)))
    page = Page()
    page.feed(proof.run('--reveal', 'report', ecid, '-o', '-').stdout.decode())
    if page.bad:
        proof.faults.append(('report', page.bad[:2]))


def ask_bench(proof):
    """Every command about the bench as a whole."""
    for words in (['status'], ['sessions'], ['conditions'], ['export', '--all'], ['doctor'],
                  *(['stats', '--by', by] for by in ('port', 'cable', 'bench', 'model', 'week', 'tool'))):
        proof.run(*words)
        if words[0] != 'export':
            proof.run('--json', *words)
    lines = proof.run('metrics').stdout.decode().splitlines()
    proof.faults += [('metrics', line) for line in lines if not line.startswith('# ') and not METRIC.fullmatch(line)]
    for words in (['sessions', ''], ['case', ''], ['log', ''], ['conditions', ''], ['sessions', '--ticket', ''], ['run', '--cable', ''],
                  ['wait', '--ticket', ''], ['sessions', '--port', ''], ['conditions', '1-1', '--cable', '']):
        proof.run('__complete', *words)


def offline(proof, session):
    for words in (['status'], ['sessions'], ['case', ecid_of(0)], ['log', session], ['diagnose', ecid_of(0)], ['export', ecid_of(0)],
                  ['conditions']):
        proof.run('--state-dir', proof.bench.state, *words)
        proof.run('--json', '--state-dir', proof.bench.state, *words)


def on_terminal(proof, seconds, *words):
    """The output of a command that runs on a terminal, in colour. Only what it draws itself may be obeyed."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(proof.bench.folder)
        program = str(proof.bench.build / 'client/idevicetriage')
        os.execve(program, [program, '--no-pager', '--color', 'always', *words], {**proof.bench.environment, 'TERM': 'xterm'})
    raw, until_s = b'', time.monotonic() + seconds
    while time.monotonic() < until_s and select.select([terminal], [], [], max(0, until_s - time.monotonic()))[0]:
        try:
            piece = os.read(terminal, 65536)
        except OSError:
            break
        if not piece:
            break
        raw += piece
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os.close(terminal)
    if PAYLOADS['colour'].encode() in raw:
        proof.faults.append((words, 'the colour of a foreign text'))
    proof.check(' '.join(words), 'text', raw, own_sequences=True)


class Following:
    """A command that follows the bench: what it prints while everything comes in."""

    def __init__(self, proof, *words):
        self.proof, self.words = proof, words
        self.out = tempfile.TemporaryFile()
        self.process = subprocess.Popen([str(proof.bench.build / 'client/idevicetriage'), *map(str, words)],
                                        env=proof.bench.environment, cwd=proof.bench.folder, stdin=subprocess.DEVNULL, stdout=self.out,
                                        stderr=self.out)

    def end(self):
        self.process.terminate()
        self.process.wait(SECONDS)
        self.out.seek(0)
        self.proof.check(' '.join(map(str, self.words[:3])), 'json' if '--json' in self.words else 'text', self.out.read())
        self.out.close()


def prove(proof):
    letterhead(proof)
    bench = proof.bench
    bench.start(name='bench')
    cursor = bench.folder / 'cursor'
    following = [Following(proof, 'watch'), Following(proof, '--json', 'watch'),
                 Following(proof, 'hook', '--cursor', cursor, '--', 'sh', '-c', 'cat; env | grep ^IDEVICETRIAGE_')]
    until(cursor.exists, SECONDS, 'the hook')
    sessions = []
    for phone in range(proof.phones):
        sessions.append(watched(proof, phone))
        for channel in (told, files, run_tool, settings):
            channel(proof, phone)
    bench.process.send_signal(signal.SIGUSR1)
    for phone, session in enumerate(sessions):
        ask_everything(proof, phone, session)
    ask_bench(proof)
    on_terminal(proof, 5, 'status')
    on_terminal(proof, 5, 'sessions')
    on_terminal(proof, 1, 'watch')
    for one in following:
        one.end()
    bench.stop()
    offline(proof, sessions[0])
    proof.check('the journal', 'text', bench.say().encode(errors='surrogateescape'))
    if (bench.folder / 'injected').exists():
        proof.faults.append(('a shell', 'the file of the payload exists'))


def missing(proof):
    """The markers that are nowhere where they should be."""
    lost = []
    for marker, channel in sorted(proof.markers.items()):
        # A case file that is no UTF-8 is refused as a whole.
        refused = channel.startswith('case') and 'bytes' in proof.kinds(int(marker[5:]))
        for kind in (CHANNELS[channel] or '').split() * (not refused):
            if marker not in proof.seen[kind] and marker not in proof.refused:
                lost.append((marker, channel, *proof.kinds(int(marker[5:])), kind))
    return lost


def main():
    build, phones = sys.argv[1], int(sys.argv[2])
    with tempfile.TemporaryDirectory(prefix='triage-') as folder:
        bench = Bench(build, folder, os.path.join(folder, 'mux'))
        bench.folder = pathlib.Path(folder)
        proof = Proof(bench, phones)
        try:
            prove(proof)
        finally:
            bench.close()
    lost = missing(proof)
    for fault in itertools.chain(proof.faults, lost):
        print(*fault, file=sys.stderr)
    return show([(f'outputs of commands with texts of {len(PAYLOADS)} hostile kinds', proof.outputs, len(proof.faults)),
                 (f'texts through {len(CHANNELS)} channels that must come out somewhere', len(proof.markers), len(lost))],
                f'{phones} phones')


sys.exit(main())
