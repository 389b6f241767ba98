# SPDX-License-Identifier: LGPL-2.1-or-later
"""How an attempt ended: failed by the shape of its last words, not started, or not known; and a step that failed in a
restore that finished. Each of them was "No failure was seen", or a failed restore of the phone."""
import pathlib

import pytest

MINIMAL = pathlib.Path(__file__).resolve().parent.parent / 'cases' / 'minimal'
HEAD = ['Found device in Recovery mode', 'ECID: 7325489102334998', 'Identified device as d421ap, iPhone12,3',
        'IPSW Product Version: 18.3', 'Variant: Customer Erase Install (IPSW)', 'Sending iBEC (1057708 bytes)...']
FINISHED = ['Connected to com.apple.mobile.restored, version 15', 'Status: Restore Finished', 'DONE']


def told(bench, folder, *lines, options=()):
    """What becomes of a log with these lines: its session and its verdict."""
    if not bench.process:
        bench.start()
    log = folder / 'tool.log'
    log.write_text(''.join(f'{line}\n' for line in lines))
    session = bench.ask('import', *options, log)['session']
    return session, bench.ask('diagnose', session['session'])['verdict']


@pytest.mark.parametrize('name', ['m01', 'm02', 'm19', 'm21'])
def test_a_log_that_ends_in_an_error_has_failed(bench, name):
    bench.start()
    session = bench.ask('import', MINIMAL / f'{name}.log')['session']
    assert session['outcome'] == 'failed'
    assert bench.triage('diagnose', session['session']).returncode not in (0, 1)


@pytest.mark.parametrize('last', [
    ['ERROR: Whatever this version calls it'],
    ['10:15:00.123   <Error> Whatever this version calls it'],
    ['Unable to do what has no severity before it'],
    ['Traceback (most recent call last):', '  File "cli.py", line 3, in main', '    run()', 'oh.dear.OddThing: 7',
     'pymobiledevice3.exceptions.NoDeviceConnectedError'],
    ["terminate called after throwing an instance of 'std::runtime_error'"],
    ['Exit code: 139'],
    ['Checkpoint started   id: 0x624 (restore_images)', 'Checkpoint completed id: 0x624 (restore_images) result=14'],
    ['[10:32:09.0877-GMT]{1>3} CHECKPOINT FAILURE:(FAILURE:6) RESTORED:[0x060D] wait_for_storage [0]D(storage)'],
    ['ASR STATUS: fail'],
    ['ERROR: Whatever this version calls it', 'A hint behind it.', 'Cleaning up...', 'DONE'],
])
def test_the_shape_of_the_last_words_decides(bench, tmp_path, last):
    session, verdict = told(bench, tmp_path, *HEAD, *last)
    assert session['outcome'] == 'failed'
    assert verdict['phase'] != 'none'


@pytest.mark.parametrize('after', [
    ['Waiting for NAND (28)'],
    [f'Line {number} of a verbose log' for number in range(20)],
])
def test_an_error_that_the_restore_survived_is_no_last_word(bench, tmp_path, after):
    session, verdict = told(bench, tmp_path, *HEAD, 'ERROR: Whatever this version calls it', *after)
    assert session['outcome'] == 'ended-unknown'
    assert verdict['phase'] == 'undecided' and 'how the restore ended is not known' in verdict['summary']
    assert bench.triage('diagnose', session['session']).returncode == 30


@pytest.mark.parametrize('last', [
    ['WARNING: Unable to find what nobody needs'], ['10:15:00.123    <Info> error count: 0'],
    ['ERROR: FDR timeout waiting for command'],
])
def test_what_is_no_error_ends_unknown(bench, tmp_path, last):
    assert told(bench, tmp_path, *HEAD, *last)[0]['outcome'] == 'ended-unknown'


def test_an_error_before_the_phones_last_word_is_a_success(bench, tmp_path):
    session, verdict = told(bench, tmp_path, *HEAD, 'ERROR: Whatever this version calls it', *FINISHED)
    assert (session['outcome'], verdict['phase']) == ('succeeded', 'none')


def test_the_customer_reads_no_good_end_of_what_is_not_known(bench, tmp_path):
    session, _ = told(bench, tmp_path, *HEAD)
    page = tmp_path / 'report.html'
    bench.triage('report', session['session'], '--output', page)
    html = page.read_text()
    assert 'The result is not known yet' in html and 'how the restore ended is not known' in html
    assert 'here has failed' not in html and 'Nothing is left to do' not in html


@pytest.mark.parametrize('word, code', [('succeeded', 0), ('failed', 30), ('aborted', 30), ('not-started', 30)])
def test_a_person_says_how_it_ended(bench, tmp_path, word, code):
    session, _ = told(bench, tmp_path, *HEAD, options=['--outcome', word])
    assert session['outcome'] == word
    assert bench.triage('diagnose', session['session']).returncode == code


def test_a_word_that_is_no_outcome_is_refused(bench, tmp_path):
    refused = bench.triage('import', '--outcome', 'melted', tmp_path / 'tool.log', check=False)
    assert refused.returncode == 2 and 'aborted, not-started or ended-unknown, not melted' in refused.stderr


COMPLAINTS = [
    ('Firmware file typo.ipsw cannot be opened.', 'Correct the name of the firmware file'),
    ("idevicerestore: unrecognized option '--oops'", 'Correct the command'),
    ('ERROR: Unable to discover device mode. Please make sure a device is attached.', 'Connect the phone'),
    ('ERROR: LIBUSB_ERROR_ACCESS', 'Start the tool as a user'),
]


@pytest.mark.parametrize('complaint, remedy', COMPLAINTS)
def test_a_tool_that_never_began_says_nothing_about_the_phone(bench, tmp_path, complaint, remedy):
    """Four of them opened the phone."""
    bench.start()
    for number in range(4):
        run = bench.run(['sh', '-c', 'echo "$0"; exit 255', complaint], '--ecid', '7325489102334998',
                        '--cable', f'L0{number % 2}')
        said = run.communicate(timeout=30)[0]
        assert run.returncode == 255 and 'the restore did not start' in said
    assert {session['outcome'] for session in bench.sessions()} == {'not-started'}
    verdict = bench.verdict()
    assert (verdict['phase'], verdict['causes']) == ('undecided', [])
    assert complaint in verdict['summary'] and remedy in verdict['nextStep']['text']
    assert bench.ask('stats', '--by', 'cable')['groups'] == []


@pytest.mark.parametrize('complaint, remedy', COMPLAINTS)
def test_nor_does_its_log(bench, tmp_path, complaint, remedy):
    session, verdict = told(bench, tmp_path, 'idevicerestore 1.0.1 (libirecovery 1.2.1, libtatsu 1.0.4)', complaint,
                            options=['--device', '7325489102334998'])
    assert (session['outcome'], verdict['phase']) == ('not-started', 'undecided')
    assert remedy in verdict['nextStep']['text']


def test_a_success_does_not_hide_a_failed_step(bench):
    bench.start()
    session = bench.ask('import', MINIMAL / 'm17.log')['session']
    verdict = bench.ask('diagnose', session['session'])['verdict']
    assert (session['outcome'], verdict['phase']) == ('succeeded', 'undecided')
    assert 'await_update_baseband_legacy (checkpoint 0x132A) failed' in verdict['summary']
    assert 'modem' in verdict['summary'] and 'the data that the tool supplied' in verdict['nextStep']['text']


def test_a_step_that_completed_later_did_not_fail(bench, tmp_path):
    step = 'Checkpoint completed id: 0x132A (await_update_baseband_legacy) result='
    session, verdict = told(bench, tmp_path, *HEAD, step + '-1', step + '0', *FINISHED)
    assert (session['outcome'], verdict['phase']) == ('succeeded', 'none')


def test_an_exit_status_that_no_file_has_is_not_known(bench, tmp_path):
    """A failed attempt of a case file got the exit status 1, also one of iTunes, and a record of it."""
    case = tmp_path / 'case.json'
    case.write_text('{"format": "idevicetriage-case", "version": 1, "device": {"ecid": "0x001C2D6A3C8A802E"}, "attempts": ['
                    '{"tool": "itunes", "outcome": "failed", "error": {"domain": "itunes", "code": 56}}]}')
    bench.start()
    session = bench.ask('import', case)['session']
    assert session['outcome'] == 'failed' and 'exitStatus' not in session
    assert bench.records(session['session'], 'tool-end') == []
