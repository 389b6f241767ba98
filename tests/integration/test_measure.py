# SPDX-License-Identifier: LGPL-2.1-or-later
"""`measure`: lines of a meter beside a restore. They are shown and never judged."""
import json
import resource
import subprocess
import time

import pytest

from daemon import until
from test_report import Reader, check_safe

ECID, OTHER = '0x001C2D6A3C8A802E', '0x0000000012345678'
TOOL = 'printf "About to restore device...\\nWaiting for NAND (28)\\n"; until test -e {go}; do sleep 0.05; done; echo "Status: Disk Failure"; exit 1'


@pytest.fixture
def restore(bench, folder):
    """restore(ecid=ECID) starts one, and gives its session; end() ends all."""
    bench.start()
    tools = []

    def start(ecid=ECID):
        known = {each['session'] for each in bench.sessions()}
        tools.append(bench.run(['sh', '-c', TOOL.format(go=folder / 'go')], '--ecid', ecid, '--port', '1-2.1'))
        return until(lambda: [each for each in bench.sessions() if each['session'] not in known and each.get('operation')],
                     what='the restore')[0]['session']

    def end():
        (folder / 'go').touch()
        for tool in tools:
            tool.communicate(timeout=30)
    start.end = end
    yield start
    end()


def measure(bench, lines, *options, device=ECID, source='meter 1'):
    command = [bench.build / 'client/idevicetriage', *options, 'measure', device, '--source', source]
    return subprocess.run(command, input=lines, env=bench.environment, capture_output=True, text=True, timeout=30)


def samples(bench, session):
    return [(each['name'], each['number'], each['code']) for each in bench.records(session, 'measurement')]


def test_the_forms_of_lines(bench, restore):
    session = restore()
    now = time.time()
    until(lambda: time.time() > now + 1.5, what='time for three windows')
    result = measure(bench, f'time,volt,ampere\n{now + .1:.3f},5.01,0.25\n{int(now * 1000) + 900}\t4,98\t1,5\n\n- 5 -0.1\n- 500 1\nnan 1 1\n')
    assert (result.returncode, result.stderr) == (0, '')
    assert result.stdout == 'Stored 3 measurements. 4 lines had no time, volts and amperes.\n'
    assert samples(bench, session) == [('meter 1', 5010, 250000), ('meter 1', 4980, 1500000), ('meter 1', 5000, -100000)]
    assert 'measured       meter 1 5.01 V, 0.250 A' in bench.triage('log', session).stdout


def test_the_highest_current_of_half_a_second_is_kept(bench, restore):
    session = restore()
    start = time.time()
    until(lambda: time.time() > start + 2.1, what='time for the lines')
    lines = ''.join(f'{start + each / 100:.2f} 5 {1.9 if each == 77 else 0.5}\n' for each in range(200))
    assert measure(bench, lines).returncode == 0
    found = samples(bench, session)
    assert 3 <= len(found) <= 5 and [code for _, _, code in found].count(1900000) == 1


def test_a_line_without_an_end_takes_no_memory(bench, restore):
    restore()
    command = [bench.build / 'client/idevicetriage', '--json', 'measure', ECID, '--source', 'meter 1']
    result = subprocess.run(command, input=b'x' * (128 << 20) + b'\n- 5.0 1.0\n', env=bench.environment, capture_output=True,
                            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (100 << 20, 100 << 20)), timeout=30)
    counts = json.loads(result.stdout)
    assert (counts['stored'], counts['linesIgnored']) == (1, 1)


def test_without_a_restore(bench, restore):
    restore()
    result = measure(bench, '- 5 1\n', '--json', device=OTHER)
    assert result.returncode == 0 and '"stored":0,"notStored":1' in result.stdout
    assert measure(bench, '- 5 1\n', device='nonsense').returncode == 4
    assert bench.triage('measure', ECID, check=False).returncode == 2
    assert bench.triage('measure', '--source', 'x', check=False).returncode == 2


def test_it_goes_on_while_the_daemon_is_away(bench, restore):
    session = restore()
    command = [bench.build / 'client/idevicetriage', 'measure', ECID, '--source', 'meter']
    process = subprocess.Popen(command, env=bench.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def measured(count):
        process.stdin.write('- 5 1\n')
        process.stdin.flush()
        return len(samples(bench, session)) >= count
    until(lambda: measured(1), what='a measurement')
    before = len(samples(bench, session))
    bench.stop()
    bench.start()
    until(lambda: measured(before + 1), what='another one')
    assert process.communicate(timeout=30)[0].startswith('Stored ')


def test_it_is_never_judged(bench, restore):
    """The same restore on two phones, one with a meter that shows a short circuit."""
    plain, measured = restore(OTHER), restore()
    for _ in range(3):
        assert measure(bench, '- 0.2 9.9\n').returncode == 0
    assert samples(bench, measured) and not samples(bench, plain)
    restore.end()
    verdicts = [bench.verdict(session) for session in (plain, measured)]
    for verdict in verdicts:
        for cause in verdict['causes']:
            for finding in cause['evidence'] + cause['counterEvidence']:
                finding.pop('records'), finding.pop('sessions', None)
    assert verdicts[0]['causes'] == verdicts[1]['causes'] and verdicts[0]['phase'] == verdicts[1]['phase']


def test_the_screen_and_the_report_show_it(bench, folder, restore, terminal):
    session = restore()
    screen = terminal(80, 24)
    screen.wait('RESTORING')
    start = time.time()
    until(lambda: time.time() > start + 2.5, what='time for the lines')
    measure(bench, ''.join(f'{start + at * 0.6:.3f} 5.02 {current}\n' for at, current in enumerate((0.1, 0.5, 1.0, 0.3))),
            source='<b>meter')
    assert [code for _, _, code in samples(bench, session)] == [100000, 500000, 1000000, 300000]
    screen.wait('▂▅█▃ 0.30 A, 5.02 V')
    restore.end()
    bench.triage('report', '-o', folder / 'page.html', session)
    page = Reader((folder / 'page.html').read_text())
    check_safe(page)
    assert 'Current, up to 1.00 A; 5.02 to 5.02 V; measured by <b>meter' in page.text('annex')
    at = next(at for at, (tag, attributes) in enumerate(page.elements) if attributes.get('class') == 'supply')
    curve = page.elements[at + 1][1]['d']
    points = [tuple(map(float, each.split())) for each in curve[1:].split('L')]
    assert [y for _, y in points] == [90, 50, 0, 70] and points == sorted(points)
