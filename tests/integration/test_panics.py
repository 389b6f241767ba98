# SPDX-License-Identifier: LGPL-2.1-or-later
"""The command `panics`: what reports of a phone say about its parts, with no daemon."""
import json
import os
import pathlib

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
    assert 'bad.ips cannot be read as a panic report: there is no panic in it' in result.stderr
    assert 'No such file' in result.stderr
    assert 'ANS2: storage (NAND)' in result.stdout


def test_what_a_report_says_cannot_command_the_terminal(bench, folder):
    evil = write_report(folder / 'evil.ips',
                        'panic(cpu 0): \x1b[2J\u009b31m Missing sensor(s): \x07mic1', 'x\x1b]0;t\x07')
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
