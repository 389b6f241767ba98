# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tools that are newer than this program, and tools that end with 0 whatever happened."""
import json

import pytest

from test_import import DEVICE, FAILED, RUN, imports, text  # noqa: F401 (imports is a fixture)

NEWER = 'is newer than this program'
LOGGER = '2026-08-22 10:15:0{} bench Task-1-pymobiledevice3.restore.restore[77] INFO {}\n'
BEGUN = ['connected device: <Device ecid: async hardware_model: async image4-support: async>',
         "hardware info: {'BoardID': 6, 'UniqueChipID': 7931233653391406}",
         'About to send filesystem...']


def later(lines):
    return ''.join(json.dumps({'lvl': 3, 'at': f'10:15:{second:02}', 'text': line}) + '\n'
                   for second, line in enumerate(lines))


def ended(bench, script):
    """The session of a script that ran as a tool, and its verdict."""
    bench.run(['sh', '-c', script], '--ecid', DEVICE).communicate(timeout=20)
    (session,) = bench.sessions()
    verdict = bench.triage('--json', 'diagnose', session['session'], check=False)
    return session, json.loads(verdict.stdout)['verdict']


def test_a_later_log_is_told_once_and_is_no_success(bench, imports):
    bench.start()
    log = imports.write('tool.log', later([*RUN, 'Status: Restore Finished', 'DONE']))
    session, verdict = ended(bench, f'cat {log}')
    assert session['outcome'] == 'ended-unknown'
    assert [NEWER in sentence for sentence in verdict['missing']].count(True) == 1


def test_a_log_that_is_read_is_not_called_newer(bench, imports):
    bench.start()
    log = imports.write('tool.log', text(FAILED) + '{"a": "10:15:00"}\n')
    verdict = ended(bench, f'cat {log}; exit 1')[1]
    assert not any(NEWER in sentence for sentence in verdict.get('missing', []))


def test_an_imported_later_log(bench, imports):
    bench.start()
    for name, content in ('mixed.log', text(RUN) + later(FAILED)), ('whole.log', later(FAILED)):
        imported = imports('--json', imports.write(name, content), '--device', DEVICE)
        session = json.loads(imported.stdout)['session']
        assert session['outcome'] == 'failed'
        verdict = bench.triage('--json', 'diagnose', session['session'], check=False)
        assert NEWER in json.dumps(json.loads(verdict.stdout)['verdict']['missing'])
    unread = imports(imports.write('unread.log', later(['text'] * 9)), '--device', DEVICE)
    assert unread.returncode == 1
    assert '9 of its 9 lines begin in an unknown form' in unread.stderr


def test_a_log_of_go_ios_is_no_restore(bench, imports):
    """It erases phones, and restores none."""
    bench.start()
    lines = [{'time': f'2026-08-22T10:15:0{second}Z', 'level': 'INFO', 'msg': message, 'udid': 'x'}
             for second, message in enumerate(['start erasing', 'device should be rebooting now'])]
    log = imports.write('ios.log', ''.join(json.dumps(line, separators=(',', ':')) + '\n' for line in lines))
    result = imports('--json', log, '--device', DEVICE)
    assert result.returncode == 0, result.stderr
    session = json.loads(result.stdout)['session']
    assert (session['tool'], session['outcome']) == ('go-ios', 'not-started')


@pytest.mark.parametrize('last, outcome', [
    # What it prints of a link that is lost, and of a success: nothing.
    ('ERROR Connection was terminated abruptly', 'failed'), ('', 'ended-unknown')])
def test_pymobiledevice3_ends_with_0(bench, imports, last, outcome):
    bench.start()
    lines = ''.join(LOGGER.format(second, line) for second, line in enumerate(BEGUN))
    if last:
        lines += LOGGER.format(9, '').replace('INFO \n', f'{last}\n')
    session, _ = ended(bench, f'cat {imports.write("tool.log", lines)}; exit 0')
    assert (session['outcome'], session['tool']) == (outcome, 'pymobiledevice3')
