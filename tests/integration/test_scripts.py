# SPDX-License-Identifier: LGPL-2.1-or-later
"""What scripts wait for and read."""
import pathlib
import re

from daemon import until, versioned

ROOT = pathlib.Path(__file__).resolve().parents[2]
ECID = '0x001C2D6A3C8A802E'
FAILING = 'printf "Waiting for NAND (28)\\nGot status message\\nStatus: Disk Failure\\n"; exit 1'


def fail(bench, *options):
    """A restore under `run` that fails; gives what `run --json` prints."""
    return versioned(bench.triage('run', '--json', '--ecid', ECID, *options, '--', 'sh', '-c', FAILING, check=False).stdout)


# Commands that print no JSON of this format: a case file, the format of node_exporter, text, or nothing.
OTHERS = {'export', 'metrics', 'help', 'hook'}


def test_each_line_of_json_begins_with_the_version_of_the_format(bench, folder):
    bench.start()
    session = fail(bench)['session']
    log = folder / 'tool.log'
    log.write_text(bench.records(session) and 'INFO: idevicerestore 1.0.0\nWaiting for NAND (28)\nERROR: Unable to restore\n')
    panic = next((ROOT / 'tests/fuzz/corpus/panic').glob('heat-watch.ips'))
    calls = [['status'], ['sessions'], ['log'], ['log', session], ['diagnose', session], ['case', ECID],
             ['report', '-o', folder / 'page.html', session], ['explain', '4013', '28'],
             ['conditions', '1-2', '--cable', 'L07'], ['conditions'], ['note', ECID, 'wet'], ['stats'], ['doctor'],
             ['attempt', ECID, '--outcome', 'failed'], ['attempt', '--session', session, '--cable', 'L08'],
             ['import', '--device', ECID, log], ['panics', '--file', panic], ['run', '--', 'true'],
             ['purge', '--yes', ECID]]
    commands = set(re.findall(r'&command_([a-z]+),', (ROOT / 'client/help.c').read_text()))
    assert {call[0] for call in calls} | {'watch'} | OTHERS == commands
    for call in calls:
        lines = bench.triage('--json', *call, check=False).stdout.splitlines()
        assert lines, call
        for line in lines:
            versioned(line)


# --- The end of a session -----------------------------------------------------------------------------

def test_a_second_end_names_the_first(bench, make_phone, folder):
    phone = make_phone().phone
    phone.set_mode('restore')
    bench.start()
    until(lambda: bench.sees(phone.identity.udid), what='the phone')
    tool = bench.run(['sh', '-c', f'echo "Waiting for NAND (28)"; until test -e {folder}/go; do sleep 0.05; done; exit 1'],
                     '--ecid', hex(phone.identity.ecid))
    (session,) = until(lambda: [each for each in bench.sessions() if each.get('operation')], what='the restore')
    phone.set_mode('gone')
    until(lambda: not bench.sees(phone.identity.udid), what='the detach')
    (folder / 'go').touch()
    tool.communicate(timeout=30)
    phone.set_mode('restore')
    until(lambda: bench.records(session['session'], 'session-end')[1:], what='the second end')
    first, second = bench.records(session['session'], 'session-end')
    assert first['state'] == second['state'] == second['before'] == 'failed' and 'before' not in first
