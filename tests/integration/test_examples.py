# SPDX-License-Identifier: LGPL-2.1-or-later
"""The examples that are installed for shops: each script with the real daemon, and with a server where it posts."""
import http.server
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import threading

import pytest

from daemon import Bench, until, versioned

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / 'examples'
ECID = '0x001C2D6A3C8A802E'
FAILING = 'printf "Waiting for NAND (28)\\nGot status message\\nStatus: Disk Failure\\n"; exit 1'
NEEDS = {'sh': ['curl', 'jq'], 'py': [], 'php': ['php'], 'js': ['node']}
# Whatever evaluates a part of it creates a file `pwned` in the folder of the test.
HOSTILE = 'T-1\'; touch pwned; "$(touch pwned)"`touch pwned`\n<b>&amp;</b>\\u0041 %s €'


@pytest.fixture(params=NEEDS)
def language(request):
    for program in NEEDS[request.param]:
        if not shutil.which(program):
            pytest.skip(f'{program} is not installed')
    return request.param


@pytest.fixture
def server():
    """A server that keeps what it got and answers with the statuses in `answers`, then with 200. None: it waits."""
    posts, answers, done = [], [], threading.Event()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers['Content-Length']))
            posts.append((self.path, dict(self.headers), body))
            status = answers.pop(0) if answers else 200
            if status is None:
                done.wait()
                return
            self.send_response(status)
            self.send_header('Location', '/elsewhere')
            self.send_header('Content-Length', '0')
            self.end_headers()

        do_GET = do_PUT = do_POST

        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    server.posts, server.answers = posts, answers
    server.url = f'http://127.0.0.1:{server.server_port}/api/comments'
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    done.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def environment(bench, folder):
    """Of the scripts: the command under test comes first, and `folder`/bin."""
    (folder / 'bin').mkdir()
    return {**bench.environment, 'PATH': f"{bench.build / 'client'}:{folder / 'bin'}:{os.environ['PATH']}"}


def fail(bench, *options):
    """A restore under `run` that fails; gives what `run --json` prints."""
    return versioned(bench.triage('run', '--json', '--ecid', ECID, *options, '--', 'sh', '-c', FAILING, check=False).stdout)


# --- A verdict for the ticket system ------------------------------------------------------------------

@pytest.fixture
def ticket_hook(bench, folder, server, environment, language):
    """start() starts the hook with the script; `said` has its errors."""
    credentials = folder / 'credentials'
    credentials.mkdir()
    (credentials / 'ticket-token').write_text('s3cr3t+/=\n')
    hooks = []

    def start():
        with open(folder / 'said', 'ab') as said:
            hooks.append(subprocess.Popen(
                ['idevicetriage', 'hook', '--on', 'session-ended', '--cursor', folder / 'cursor', '--',
                 EXAMPLES / f'ticket/to-ticket.{language}'], cwd=folder, stdin=subprocess.DEVNULL, stderr=said,
                env={**environment, 'TICKET_URL': server.url, 'CREDENTIALS_DIRECTORY': str(credentials)}))
        until((folder / 'cursor').exists, what='the hook')
        return hooks[-1]
    yield start
    for hook in hooks:
        if hook.poll() is None:
            hook.terminate()
        hook.wait(10)


def test_a_verdict_reaches_the_ticket_system(bench, folder, server, ticket_hook):
    bench.start()
    hook = ticket_hook()
    fail(bench)
    # A server that is busy gets the post again.
    server.answers[:] = [503, 200]
    result = fail(bench, '--ticket', HOSTILE)
    until(lambda: len(server.posts) >= 2, what='the second post')
    (path, headers, body), again = server.posts
    assert (path, body) == (again[0], again[2]) == ('/api/comments', body)
    assert headers['Authorization'] == 'Bearer s3cr3t+/=' and headers['Content-Type'] == 'application/json'
    (end,) = bench.records(result['session'], 'session-end')
    assert headers['Idempotency-Key'] == again[1]['Idempotency-Key'] == f"{result['session']}-{end['sequence']}"
    verdict = result['verdict']
    # The daemon stores no control characters.
    assert json.loads(body) == {'ticket': HOSTILE.replace('\n', '?'), 'session': result['session'], 'outcome': 'failed',
                                'phase': verdict['phase'], 'strength': verdict['strength'], 'headline': verdict['summary']}
    # A refusal is final, and a redirection is one: the token is not for another address.
    del server.posts[:]
    for status in (422, 302):
        server.answers[:] = [status]
        fail(bench, '--ticket', 'T-2')
        until(lambda: f'with status {status}' in (folder / 'said').read_text(), what='the refusal')
    assert [post[0] for post in server.posts] == ['/api/comments'] * 2
    # What was interrupted comes again, recognisable.
    del server.posts[:]
    server.answers[:] = [None]
    fail(bench, '--ticket', 'T-3')
    until(lambda: server.posts, what='the post')
    hook.terminate()
    assert hook.wait(20) == -signal.SIGTERM
    ticket_hook()
    until(lambda: len(server.posts) == 2, what='the post after the interruption')
    assert len({post[1]['Idempotency-Key'] for post in server.posts}) == 1
    assert json.loads(server.posts[1][2])['ticket'] == 'T-3'
    assert not list(folder.rglob('pwned'))


# --- A batch that stops -------------------------------------------------------------------------------

TOOL = '''#!/bin/sh
echo "$2 $3" >>restored
test "$2" != 0x000A11112222333E || { printf 'Sending kernelcache...\\nERROR: Unable to connect to device in restore mode\\n'; exit 1; }
printf 'Starting restore\\nDONE\\n'
'''


def test_a_batch_stops_at_a_bad_port(bench, folder, bus, environment, language):
    phones = {'1-2.1': '001C2D6A3C8A802E', '1-2.2': '000A11112222333E', '1-2.3': '000A11112222444E'}
    firmware = 'a "firmware"; touch pwned $(touch pwned).ipsw'
    bench.start()
    for ecid in ('0xA01', '0xA02'):
        bench.triage('attempt', ecid, '--outcome', 'failed', '--error', '4013', '--host', 'bench-1', '--port', '1-2.2',
                     '--stage', 'boot-ramdisk', '--model', 'iPhone12,3')
    for port, serial in phones.items():
        bus.tell(f'add {port} recovery {serial} iPhone12,3')
    until(lambda: len([each for each in bench.call('ListDevices')['devices'] if each['mode'] == 'recovery']) == 3,
          what='the phones')
    (folder / 'bin/idevicerestore').write_text(TOOL)
    (folder / 'bin/idevicerestore').chmod(0o755)
    result = subprocess.run([EXAMPLES / f'batch/batch.{language}', firmware, '1-2.9', *phones], cwd=folder, env=environment,
                            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    assert result.returncode == 1, result.stderr
    print(result.stdout, result.stderr, bench.sessions())
    assert (folder / 'restored').read_text().splitlines() == [
        f'0x{serial} {firmware}' for serial in list(phones.values())[:2]]
    assert 'no phone with a known ECID at 1-2.9' in result.stderr
    assert 'stopped: check port 1-2.2 before the next phone' in result.stderr
    lines = result.stdout.splitlines()
    assert len(lines) == 2 and lines[1] == f"1-2.2: {bench.verdict('0x000A11112222333E')['summary']}"
    assert not list(folder.rglob('pwned'))


# --- Several benches ----------------------------------------------------------------------------------

def test_the_exchange_sends_what_is_new(bench, folder, environment, request):
    if not shutil.which('jq'):
        pytest.skip('jq is not installed')
    (folder / 'other').mkdir()
    other = Bench(bench.build, folder / 'other', folder / 'other/mux').start(name='bench-2', host_id='b' * 12 + '-' + 'b' * 12)
    request.addfinalizer(other.close)
    ssh = folder / 'bin/ssh'
    ssh.write_text(f'#!/bin/sh\n[ -e {folder}/away ] && exit 255\nshift\nIDEVICETRIAGE_SOCKET={other.socket} exec "$@"\n')
    ssh.chmod(0o755)
    bench.start()

    def exchange():
        return subprocess.run([EXAMPLES / 'benches/exchange.sh', folder / 'kept here', 'bench-2'], env=environment,
                              capture_output=True, text=True, stdin=subprocess.DEVNULL)
    bench.triage('note', ECID, '--history', 'liquid')
    assert '1 added' in exchange().stdout
    bench.triage('note', ECID, '--history', 'drop')
    (folder / 'away').touch()
    assert 'did not take everything' in exchange().stderr
    (folder / 'away').unlink()
    result = exchange()
    assert '1 added' in result.stdout and 'known' not in result.stdout, result
    assert len(other.call('GetCase', device=ECID)['notes']) == 2
    assert '0 added' in exchange().stdout


# --- A nightly export ---------------------------------------------------------------------------------

def test_the_export_has_each_ended_restore_once(bench, folder, environment, language):
    bench.start()
    target = folder / 'touch pwned; $(touch pwned)' / 'export'

    def export():
        return subprocess.run([EXAMPLES / f'export/export.{language}', target], cwd=folder, env=environment,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    sessions = [fail(bench, '--ticket', HOSTILE)['session'], fail(bench)['session']]
    tool = bench.run(['sh', '-c', 'echo "Waiting for NAND (28)"; exec sleep 1000'], '--ecid', '0xB01')
    until(lambda: len(bench.sessions()) == 3, what='the running restore')
    assert (result := export()).returncode == 0, result.stderr
    assert sorted(path.name for path in target.iterdir()) == sorted(f'{session}.json' for session in sessions)
    first = json.loads((target / f'{sessions[0]}.json').read_text())['attempts'][0]
    assert first['ticket'] == HOSTILE.replace('\n', '?')
    assert {path.stat().st_mode & 0o777 for path in target.iterdir()} == {0o600}
    assert target.stat().st_mode & 0o777 == 0o700
    # The next night: what is new, and what is gone; what is there is not touched.
    tool.send_signal(signal.SIGINT)
    tool.communicate(timeout=30)
    (target / f'{sessions[0]}.json').write_text('kept')
    (target / f'{sessions[1]}.json').unlink()
    assert (result := export()).returncode == 0, result.stderr
    assert len(list(target.iterdir())) == 3 and (target / f'{sessions[0]}.json').read_text() == 'kept'
    assert (target / f'{sessions[1]}.json').stat().st_size > 1000
    # One that cannot be exported shows, and does not stop the others.
    (target / f'{sessions[0]}.json').unlink()
    (target / f'{sessions[1]}.json').unlink()
    (folder / 'bin/idevicetriage').write_text(
        f'#!/bin/sh\ncase "$*" in "export {sessions[1]}"*) exit 4;; esac\nexec {bench.build}/client/idevicetriage "$@"\n')
    (folder / 'bin/idevicetriage').chmod(0o755)
    environment['PATH'] = f"{folder / 'bin'}:{environment['PATH']}"
    assert export().returncode == 1
    assert (target / f'{sessions[0]}.json').exists() and not (target / f'{sessions[1]}.json').exists()
    bench.stop()
    assert export().returncode != 0
    assert not list(folder.rglob('pwned'))


# --- Units --------------------------------------------------------------------------------------------

@pytest.mark.skipif(not shutil.which('systemd-analyze'), reason='systemd-analyze is not installed')
def test_systemd_accepts_the_units(bench, folder):
    """With the command where it is built instead of in a folder of the system."""
    units = [bench.build / 'systemd/idevicetriage-hook.service', bench.build / 'systemd/idevicetriaged.service',
             ROOT / 'systemd/idevicetriaged.socket', *EXAMPLES.glob('*/*.service'), *EXAMPLES.glob('*/*.timer')]
    names = [unit.name for unit in units]
    # An example is a service with its timer, or a drop-in for the hook's service.
    texts = dict(zip(names, (unit.read_text() for unit in units)))
    texts['idevicetriage-hook.service.d/ticket.conf'] = (EXAMPLES / 'ticket/ticket.conf').read_text()
    for name, text in texts.items():
        path = folder / 'units' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(re.sub(r'^ExecStart=\S+', lambda found: f"ExecStart={bench.build / 'client/idevicetriage'}"
                               if found[0].endswith('/idevicetriage') or found[0] == 'ExecStart=idevicetriage'
                               else 'ExecStart=/bin/true', text, flags=re.MULTILINE))
    result = subprocess.run(['systemd-analyze', 'verify', '--man=no', *(folder / 'units' / name for name in names)],
                            capture_output=True, text=True, timeout=60)
    assert result.returncode == 0 and str(folder) not in result.stderr, result.stderr


# --- Numbers for Prometheus ---------------------------------------------------------------------------

PROMETHEUS = EXAMPLES / 'prometheus'
PROMTOOL = pytest.mark.skipif(not shutil.which('promtool'), reason='promtool (Debian package prometheus) is not installed')


@pytest.fixture
def metrics(bench, bus):
    """What `metrics` prints, of a bench with phones on USB: one at a suspect port, and attempts on two computers by one name."""
    bench.start()
    for port, serial in (('1-2.1', '001C2D6A3C8A802E'), ('1-2.2', '000A11112222333E')):
        bus.tell(f'add {port} recovery {serial} iPhone12,3')
    until(lambda: len(bench.call('ListDevices')['devices']) == 2, what='the phones')
    for ecid in ('0xA01', '0xA02', '0x000A11112222333E'):
        bench.triage('attempt', ecid, '--outcome', 'failed', '--error', '4013', '--host', 'bench-1', '--port', '1-2.2',
                     '--stage', 'boot-ramdisk', '--model', 'iPhone12,3')
    fail(bench, '--port', '1-2.2', '--cable', 'a "b"\\c')
    return until(lambda: (text := bench.triage('metrics').stdout) and 'host_id=' in text and text, what='the stored restore')


def expressions():
    """Of the alerts and of the dashboard, which has no test of its own."""
    dashboard = json.loads((PROMETHEUS / 'dashboard.json').read_text())
    panels = [target['expr'] for panel in dashboard['panels'] for target in panel['targets']]
    (variable,) = [entry['query'] for entry in dashboard['templating']['list'] if entry['type'] == 'query']
    return (PROMETHEUS / 'rules.yml').read_text(), [*panels, re.search(r'label_values\((\w+),', variable)[1]]


def test_alerts_dashboard_and_manual_have_the_metrics_that_exist(metrics):
    printed = set(re.findall(r'^# TYPE (\w+) gauge$', metrics, re.MULTILINE))
    samples = re.findall(r'^(\w+)(?:\{(.*)\})? \d+$', metrics, re.MULTILINE)
    # No phone is hidden: test_metrics_of_phones has that.
    assert {name for name, _ in samples} == printed - {'idevicetriage_hidden_phones'}
    # One line twice would cost node_exporter the whole file.
    assert len(set(samples)) == len(samples)
    for line in ('port_suspect{port="1-2.1"} 0', 'port_suspect{port="1-2.2"} 1', 'devices 2'):
        assert f'\nidevicetriage_{line}\n' in metrics
    rules, panels = expressions()
    for text in (rules, *panels):
        used = set(re.findall(r'idevicetriage_\w+', text))
        assert used and used <= printed, used - printed
    assert set(re.findall(r'idevicetriage_\w+', rules + ''.join(panels))) == printed
    manual = (ROOT / 'man/idevicetriage.1.scd').read_text().split('\n# METRICS\n')[1].split('\n# ')[0]
    described = re.findall(r'_(idevicetriage_\w+?)(?:\{([\w,]+)\})?_(?=[,\n])', manual)
    # Only where idevicetriage-sync runs: test_sync.py has them.
    source = (ROOT / 'client/commands/metrics.c').read_text()
    shared = {f'idevicetriage_{name}' for name in re.findall(r'"(sync_\w+)"', source)}
    assert shared and shared <= {name for name, _ in described}
    described = [(name, text) for name, text in described if name not in shared]
    assert {name for name, _ in described} == printed
    labels = {name: set() for name in printed}
    for name, text in samples:
        labels[name] |= set(re.findall(r'(\w+)="(?:[^"\\]|\\.)*"', text))
    labels['idevicetriage_hidden_phones'] = {'fault'}
    assert {name: set(text.split(',')) if text else set() for name, text in described} == labels


@PROMTOOL
def test_promtool_accepts_the_metrics(metrics):
    result = subprocess.run(['promtool', 'check', 'metrics'], input=metrics, capture_output=True, text=True, timeout=60)
    assert (result.returncode, result.stdout, result.stderr) == (0, '', '')


@PROMTOOL
def test_promtool_accepts_the_alerts_and_the_dashboard(folder):
    _, panels = expressions()
    rules = [{'record': f'panel:{number}', 'expr': text} for number, text in enumerate(panels)]
    (folder / 'panels.yml').write_text(json.dumps({'groups': [{'name': 'panels', 'rules': rules}]}))
    for command in (['check', 'rules', PROMETHEUS / 'rules.yml'], ['check', 'rules', folder / 'panels.yml'],
                    ['test', 'rules', PROMETHEUS / 'rules_test.yml']):
        result = subprocess.run(['promtool', *command], capture_output=True, text=True, timeout=120)
        assert result.returncode == 0 and 'SUCCESS' in result.stdout, result.stdout + result.stderr
    # Each alert is tested to fire.
    fires = re.findall(r'alertname: (\w+)\n +eval_time: \w+\n +exp_alerts:', (PROMETHEUS / 'rules_test.yml').read_text())
    assert set(fires) == set(re.findall(r'- alert: (\w+)', (PROMETHEUS / 'rules.yml').read_text()))


def test_the_timer_writes_the_file_of_node_exporter(bench, folder):
    """The command of the unit, with another folder."""
    unit = (PROMETHEUS / 'idevicetriage-metrics.service').read_text()
    (command,) = re.findall(r'^ExecStart=idevicetriage (.*)$', unit, re.MULTILINE)
    target = re.search(r'^ReadWritePaths=(.*)$', unit, re.MULTILINE)[1]
    assert f' {target}/' in command
    words = command.replace(target, str(folder / 'textfile')).split()
    (folder / 'textfile').mkdir()
    bench.start()
    assert bench.triage(*words, umask=0o022).returncode == 0
    (written,) = (folder / 'textfile').iterdir()
    assert written.name == 'idevicetriage.prom' and written.stat().st_mode & 0o777 == 0o644
    before = written.read_text()
    assert before == bench.triage('metrics').stdout
    # The daemon is away: the last numbers stay as a whole, and their age shows.
    bench.stop()
    assert bench.triage(*words, check=False).returncode == 3
    assert written.read_text() == before and len(list((folder / 'textfile').iterdir())) == 1
