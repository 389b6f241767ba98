# SPDX-License-Identifier: LGPL-2.1-or-later
"""The command `panics`: what reports say about a phone's parts, from files and from the phone."""
import json
import os
import pathlib
import time

import pytest
from daemon import until
import restoretool

REPORTS = pathlib.Path(__file__).resolve().parent.parent / 'fuzz/corpus/panic'


def panics(bench, *arguments):
    return bench.triage('panics', *arguments, check=False)


def write_report(path, panic, product='iPhone14,5'):
    path.write_text('{"os_version":"iPhone OS 17.2 (21C62)"}\n'
                    + json.dumps({'product': product, 'panicString': panic}))
    return path


def test_a_report_names_the_suspect_part_of_its_model(bench):
    result = panics(bench, '--file', REPORTS / 'heat-watch.ips')
    assert result.returncode == 0, result.stderr
    assert 'iPhone 12, iPhone OS 17.2 (21C62)' in result.stdout
    assert 'prs0: charge port flex' in result.stdout
    # The sources do not agree on this one: both parts stand there, and who says what.
    assert 'Disputed:' in result.stdout
    assert 'https://' not in result.stdout
    assert 'https://' in panics(bench, '-v', '--file', REPORTS / 'heat-watch.ips').stdout


def test_json_has_one_object_a_report(bench):
    result = panics(bench, '--json', '--file', *sorted(REPORTS.iterdir()))
    assert result.returncode == 0, result.stderr
    reports = [json.loads(line) for line in result.stdout.splitlines()]
    assert len(reports) == len(list(REPORTS.iterdir()))
    heat = next(report for report in reports if report['missingSensors'])
    assert heat['productType'] == 'iPhone13,2'
    mic2 = next(finding for finding in heat['findings'] if finding['id'] == 'mic2')
    assert len(mic2['parts']) == 2 and mic2['forThisModel'] and mic2['disagreements']


def test_what_is_no_report_does_not_keep_the_others_from_it(bench, folder):
    (folder / 'bad.ips').write_text('{"bug_type":"109"}\nno such thing')
    good = write_report(folder / 'good.ips', 'panic(cpu 0): ANS2 Recoverable Panic')
    result = panics(bench, '--file', folder / 'bad.ips', folder / 'none.ips', good)
    assert result.returncode == 1
    assert 'bad.ips as a panic report: there is no panic in it' in result.stderr
    assert 'No such file' in result.stderr
    assert 'ANS2: storage (NAND)' in result.stdout


def test_what_a_report_says_cannot_command_the_terminal(bench, folder):
    evil = write_report(folder / 'evil.ips',
                        'panic(cpu 0): \x1b[2J\u009b31m Missing sensor(s): \x07mic1',
                        'x\x1b]0;t\x07')
    result = panics(bench, '--file', evil)
    assert result.returncode == 0
    assert not set(result.stdout) & {'\x1b', '\x07', '\x9b'}


def test_a_report_too_large_is_refused(bench, folder):
    path = folder / 'large.ips'
    with open(path, 'wb') as file:
        os.truncate(file.fileno(), 1 << 30)
    result = panics(bench, '--file', path)
    assert result.returncode == 1
    assert 'too large' in result.stderr


def test_usage(bench):
    assert panics(bench).returncode == 2
    assert panics(bench, '--file').returncode == 2


def test_an_imported_report_is_evidence(bench, folder):
    bench.start()
    device = '0x001C2D6A3C8A802E'
    path = folder / 'panic-full-1.ips'
    path.write_bytes(b'{"bug_type":"210"}\n' + REPORT.split(b'\n')[1])
    # A report does not say whose it is.
    result = bench.triage('import', path, check=False)
    assert result.returncode == 1 and '--device' in result.stderr
    for _ in range(2):
        result = bench.triage('import', '--device', device, path)
        assert 'ANS2: storage (NAND)' in result.stdout
    bench.triage('attempt', device, '--outcome', 'failed', '--error', '4013')
    notes = bench.call('GetCase', device=device)['notes']
    assert [note['text'] for note in notes if note['kind'] == 'history'] == ['panics-storage']
    causes = bench.verdict(device)['causes']
    nand = next(cause for cause in causes if cause['cause'] == 'nand')
    assert any(finding['rule'] == 'panics-storage' for finding in nand['evidence'])


def report(panic):
    return ('{"os_version":"iPhone OS 17.2 (21C62)"}\n'
            + json.dumps({'product': 'iPhone12,3', 'panicString': panic})).encode()


def phone_with(make_phone, **scenario):
    simulator = make_phone('success')
    simulator.phone.scenario = {**simulator.phone.scenario, **scenario}
    simulator.phone.set_mode('normal')
    return simulator


REPORT = report('panic(cpu 0 caller 0x1): ANS2 Recoverable Panic')


def test_the_reports_of_a_paired_phone(make_phone, bench, folder):
    old = report('panic(cpu 0 caller 0x1): AOP PANIC i2cscm1')
    simulator = phone_with(make_phone, pairing='trusted', reports={
        '/panic-full-2024-01-02-030405.ips': REPORT,
        '/Retired/panic-full-2023-01-02-030405.ips.synced': old,
        '/Safari-2024-01-02.ips': b'of no interest',
    })
    result = panics(bench, simulator.phone.identity.udid, '-o', folder / 'reports')
    assert result.returncode == 0, result.stderr
    assert 'ANS2: storage (NAND)' in result.stdout and 'i2cscm1: front sensor flex' in result.stdout
    kept = {path.name: path.read_bytes() for path in (folder / 'reports').iterdir()}
    assert kept == {'panic-full-2024-01-02-030405.ips': REPORT,
                    'panic-full-2023-01-02-030405.ips.synced': old}
    # Once more: what is there already stays. The end of its UDID, or its ECID, names it as well.
    identity = simulator.phone.identity
    assert panics(bench, identity.udid[-6:], '-o', folder / 'reports').returncode == 0
    assert panics(bench, f'0x{identity.ecid:X}').returncode == 0
    assert not simulator.journal.entries('pair-asked')


def test_the_daemon_knows_the_phone_by_more_names(make_phone, bench):
    import models
    identity = models.make_identity(udid='0123456789abcdef' * 2 + '01234567')
    simulator = make_phone('success', identity=identity)
    simulator.phone.scenario = {**simulator.phone.scenario, 'pairing': 'trusted',
                                'reports': {'/panic-full-1.ips': REPORT}}
    simulator.phone.set_mode('normal')
    bench.start()
    until(lambda: bench.sees(simulator.phone.identity.udid), what='the phone')
    assert 'ANS2' in panics(bench, '01234567').stdout


def test_a_phone_is_never_paired(make_phone, bench):
    for pairing, sentence in ((None, 'is not paired with this computer'),
                              ('forgotten', 'no longer trusts'), ('locked', 'is locked')):
        simulator = phone_with(make_phone, **({'pairing': pairing} if pairing else {}))
        result = panics(bench, simulator.phone.identity.udid)
        assert result.returncode == 1
        assert sentence in ' '.join(result.stderr.split()), result.stderr
        assert not simulator.journal.entries('pair-asked')
        simulator.stop()


def test_a_phone_that_is_not_there(make_phone, bench):
    simulator = phone_with(make_phone)
    assert panics(bench, '0x1234567890ABC').returncode == 4
    simulator.phone.scenario = {**simulator.phone.scenario, 'pairing': 'trusted'}
    simulator.phone.set_mode('restore')
    result = panics(bench, simulator.phone.identity.udid)
    assert result.returncode == 1
    assert 'not in normal mode' in result.stderr
    simulator.mux.stop(unlink=True)
    result = panics(bench, simulator.phone.identity.udid)
    assert result.returncode == 4
    assert len(result.stderr.splitlines()) == 1


def test_names_of_reports_stay_in_the_folder(make_phone, bench, folder):
    simulator = phone_with(make_phone, pairing='trusted', reports={
        '/panic-x\x1b[2J; rm.ips': REPORT, '/panic-' + 'y' * 300 + '.ips': REPORT})
    inside = folder / 'reports'
    inside.mkdir()
    (folder / 'target').write_text('mine')
    (inside / 'panic-x__2J__rm.ips').symlink_to(folder / 'target')
    result = panics(bench, simulator.phone.identity.udid, '-o', inside)
    assert result.returncode == 0, result.stderr
    assert (folder / 'target').read_text() == 'mine'
    assert [path.name for path in inside.iterdir()] == ['panic-x__2J__rm.ips']
    assert '\x1b' not in result.stdout


def test_a_phone_without_panics(make_phone, bench):
    simulator = phone_with(make_phone, pairing='trusted', reports={'/other.ips': b'x'})
    result = panics(bench, simulator.phone.identity.udid)
    assert result.returncode == 0
    assert 'no panic reports' in result.stderr


@restoretool.needs_end
def test_a_phone_that_goes_in_between(make_phone, bench):
    class Fading(bytes):
        def __getitem__(self, part):
            simulator.phone.set_mode('gone')
            return super().__getitem__(part)

    simulator = phone_with(make_phone, pairing='trusted',
                           reports={'/panic-full-1.ips': Fading(REPORT)})
    result = panics(bench, simulator.phone.identity.udid)
    assert result.returncode == 1
    assert 'disconnected while reading' in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.long
def test_a_phone_that_falls_silent(make_phone, bench):
    simulator = phone_with(make_phone, pairing='trusted', answers=['hold'])
    result = panics(bench, simulator.phone.identity.udid)
    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1
    assert 'did not answer for 20 seconds. Replug it' in result.stderr


@pytest.mark.parametrize('answer', [
    {'body': '<plist><dict><key>Type</key><string>com.apple\x00x</string></dict></plist>'},
    {'body': '<plist>', 'middle': '<array>', 'middleTimes': 500000},
    {'length': 0xffffffff},
    {'body': 'garbage'},
    'close',
])
def test_a_phone_that_answers_nonsense(make_phone, bench, answer):
    simulator = phone_with(make_phone, pairing='trusted', answers=[answer, 'close'])
    result = panics(bench, simulator.phone.identity.udid)
    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith('idevicetriage: The phone ')


def use_program(bench, script):
    """`list` is answered by the real program, `reports` by this shell script."""
    path = bench.folder / 'program'
    real = bench.build / 'phone' / 'idevicetriage-phone'
    path.write_text(f'#!/bin/sh\n[ "$1" = list ] && exec {real} list\n{script}\n')
    path.chmod(0o755)
    bench.environment['IDEVICETRIAGE_PHONE_PROGRAM'] = str(path)


@pytest.mark.parametrize('script, sentence', [
    ('exec head -c 4000 /dev/urandom', 'cannot read'),
    ('exec head -c 104857600 /dev/zero', 'cannot read'),
    ('kill -SEGV $$', 'cannot read'),
    ("""echo '{"report":"../x","bytes":1}'; echo x""", 'cannot read'),
    ("""echo '{"report":"panic-1.ips","bytes":999999999}'; exec cat /dev/zero""", 'cannot read'),
    ("""echo '{"report":"panic-1.ips","bytes":100}'; echo x""", 'cannot read'),
    ("""echo '{"error":"is \\u001b[2J gone."}'; exec sleep 1000""", 'The phone is ?[2J gone.'),
    ("""echo '{"error":"is gone."}'; sleep 1000 & sleep 1000""", 'The phone is gone.'),
])
def test_a_program_that_answers_nonsense(make_phone, bench, folder, script, sentence):
    simulator = phone_with(make_phone)
    use_program(bench, script)
    result = panics(bench, simulator.phone.identity.udid, '-o', folder / 'reports')
    assert result.returncode == 1
    assert sentence in result.stderr and '\x1b' not in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not list((folder / 'reports').iterdir()) and not (folder / 'x').exists()


def test_a_program_that_is_missing(make_phone, bench, folder):
    simulator = phone_with(make_phone)
    bench.environment['IDEVICETRIAGE_PHONE_PROGRAM'] = str(folder / 'none')
    result = panics(bench, simulator.phone.identity.udid)
    assert result.returncode == 1
    assert f'Cannot start {folder}/none: No such file' in result.stderr


def test_usbmuxd_that_hangs(make_phone, bench):
    simulator = phone_with(make_phone)
    simulator.mux.misbehaviour = {'ListDevices': ['hold']}
    began = time.monotonic()
    result = panics(bench, simulator.phone.identity.udid)
    assert time.monotonic() - began < 15
    assert result.returncode == 4
    assert 'usbmuxd does not answer' in result.stderr
