# SPDX-License-Identifier: LGPL-2.1-or-later
"""How `diagnose` speaks: its first lines for each small input, the one line of --short, what --all adds, and a log
that is judged without a daemon."""
import gzip
import json
import pathlib
import resource

import pytest

MINIMAL = pathlib.Path(__file__).resolve().parent.parent / 'cases' / 'minimal'
CODES = {'none': 0, 'phase1-connection': 10, 'phase1-software': 11, 'phase2-hardware': 20, 'undecided': 30}
LOGS = sorted(MINIMAL.glob('*.log'))
ECID = '7325489102334998'
OTHER = '7325489102334999'


class Words:
    """Diagnoses files without a daemon."""

    def __init__(self, bench, folder):
        self.bench = bench
        self.folder = folder

    def write(self, name, content):
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def text(self, path, *options, **how):
        kind = '--log' if path == '-' or not str(path).endswith('.json') else '--case'
        return self.bench.triage('diagnose', *options, kind, path, check=False, **how)

    def verdict(self, path, **how):
        result = self.bench.triage('--json', 'diagnose', '--log' if path == '-' or path.suffix != '.json' else '--case',
                                   path, check=False, **how)
        assert result.stderr == ''
        verdict = json.loads(result.stdout)['verdict']
        assert result.returncode == CODES[verdict['phase']]
        return verdict


@pytest.fixture
def words(bench, folder):
    return Words(bench, folder)


# --- The words ---------------------------------------------------------------------------------------

# Of each small input, what its first line says and the next step: phrases that a better text may keep.
MINIMAL_WORDS = {
    'board-half.json': ('has worked since attempt 3', 'logic board', 'known-good part of the board'),
    'cam-out-back-fails.json': ('Phase 2', 'conclusive', 'fit a new part'),
    'cam-out-twice.json': ('has worked since attempt 2', 'rear camera', 'connect the parts that are off again'),
    'disp-dock.json': ('has worked since attempt 2', 'display', 'Hand the phone over'),
    'e14-erase-ok.json': ('has worked since attempt 2', 'an erase', 'hand it over'),
    'e14-two-hosts.json': ('Undecided after 2 failed', 'how the restore was started', 'storage was nearly full'),
    'e53-ios91.json': ('Phase 1 (software)', 'firmware file', 'newest firmware'),
    'full-phone-log.json': ('Phase 1 (software)', 'how the restore was started', 'storage was nearly full'),
    'g29-replaced.json': ('Phase 2 (hardware)', 'gauge', 'before anything is opened'),
    'ip8-liquid.json': ('Undecided after 1 failed attempt', 'logic board', 'Do not charge it'),
    'ipadpro-flexout.json': ('has worked since attempt 2', 'earpiece', 'connect the earpiece flex again'),
    'itunes-newer.json': ('has worked since attempt 2', 'restore tool', 'Repeat the restore'),
    'minboot-batt.json': ('has worked since attempt 2', 'minimal boot', 'connect the parts that are off again'),
    'minboot-goodparts-fails.json': ('Phase 2 (hardware)', 'logic board', 'board shop'),
    'm17.log': ('The restore finished, but its step', 'modem', 'newest tool'),
}
# Logs of tools that ended in an error: of the tool, the file or the phone's owner, and never a part or the cable.
SOFTWARE_LOGS = ['m02.log', 'm05.log', 'm06.log', 'm07.log', 'm14.log', 'm19.log', 'm21.log']


def joined(text):
    return ' '.join(text.split())


@pytest.mark.parametrize('name', sorted(MINIMAL_WORDS))
def test_the_verdict_leads_and_the_next_step_follows(words, name):
    first, named, step = MINIMAL_WORDS[name]
    verdict = words.verdict(MINIMAL / name)
    text = words.text(MINIMAL / name).stdout
    assert joined(text).startswith(verdict['summary'])
    assert first in verdict['summary'] and named in verdict['summary']
    assert joined(text.split('Next step\n')[1].split('\n\n')[0]).find(step) >= 0
    assert text.index('Next step') < text.find('Evidence') or 'Evidence' not in text


@pytest.mark.parametrize('name', SOFTWARE_LOGS)
def test_an_error_of_the_tool_names_no_part_and_no_cable(words, name):
    line = words.text(MINIMAL / name, '--short').stdout
    assert 'tool' in line or 'Phase 1 (software)' in line
    assert 'flex' not in line and 'the cable' not in line.split('Next:')[0]


@pytest.mark.parametrize('path', sorted(MINIMAL.iterdir()), ids=lambda path: path.name)
def test_what_every_text_keeps_to(words, path):
    """Short is one line with the headline; no text refers to another place, or shows a missing test as evidence."""
    verdict = words.verdict(path)
    short = words.text(path, '--short').stdout
    assert short.count('\n') == 1 and short.startswith(verdict['summary'])
    assert ('Next: ' in short) == ('nextStep' in verdict)
    for options in ([], ['--all']):
        lines = words.text(path, *options).stdout.splitlines()
        assert not any('see the' in line.lower() or 'same reason' in line for line in lines)
        assert not any(line.strip().startswith('+ No ') for line in lines)
        assert sum(line.startswith('Not tested yet: ') for line in lines) <= 1
        assert max(map(len, lines)) <= 80
    assert len(words.text(path, '--all').stdout) >= len(words.text(path).stdout)


@pytest.mark.parametrize('columns', [40, 80])
def test_the_texts_fit_the_terminal(words, columns):
    words.bench.environment['COLUMNS'] = str(columns)
    for path in MINIMAL.iterdir():
        assert max(map(len, words.text(path).stdout.splitlines())) <= columns, path.name


def suspects(text):
    """The titles under the heading of the evidence, in a text that is not wrapped."""
    lines = text.splitlines()
    start = next((number for number, line in enumerate(lines) if line.startswith('Evidence (+)')), len(lines))
    end = lines.index('', start) if '' in lines[start:] else len(lines)
    titles = [line.strip() for line in lines[start + 1:end] if not line.startswith('   ')]
    return [title for line in titles if not line.startswith(('Also', 'Equally', 'each of'))
            for title in line.split('; ')]


def test_at_most_three_suspects_are_shown(words):
    """Of all development cases; --all shows each cause that the verdict suspects, and no suspect is surer than it."""
    order = ['none', 'weak', 'moderate', 'strong', 'conclusive']
    more = 0
    words.bench.environment['COLUMNS'] = '1000'
    for path in sorted((MINIMAL.parent / 'dev').glob('*.json')):
        verdict = words.verdict(path)
        named = [cause['title'] for cause in verdict['causes'] if cause['strength'] != 'none']
        assert all(order.index(cause['strength']) <= order.index(verdict['strength']) for cause in verdict['causes'])
        shown = suspects(words.text(path).stdout)
        assert len(shown) == min(len(named), 3), path.name
        text = joined(words.text(path, '--all').stdout)
        assert all(title in text for title in named), path.name
        more += len(named) > 3
    assert more > 0


# --- A log without a daemon -------------------------------------------------------------------------

def test_a_log_gives_the_verdict_that_its_import_gives(bench, words):
    """Each small log as that of a phone of its own: the same verdict, sentence by sentence, from both."""
    bench.start()
    compared = 0
    for number, path in enumerate(LOGS):
        name = f'{path.stem}.log'
        log = words.write(name, path.read_text().replace(ECID, str(int(OTHER) + number)))
        imported = bench.triage('import', log, check=False)
        if 'names no phone' in imported.stderr:
            continue
        session = json.loads(bench.triage('--json', 'import', '--dry-run', log).stdout)['session']['session']
        theirs = json.loads(bench.triage('--json', 'diagnose', session, check=False).stdout)['verdict']
        assert words.verdict(log) == theirs, path.name
        compared += 1
    assert compared >= len(LOGS) - 1


@pytest.mark.parametrize('shape', ['twice', 'packed', 'standard input'])
def test_several_attempts_and_other_ways_in(words, shape):
    log = (MINIMAL / 'm05.log').read_bytes()
    once = words.verdict(MINIMAL / 'm05.log')
    if shape == 'twice':
        result = words.text(words.write('two.log', log + (MINIMAL / 'm06.log').read_bytes()))
        assert result.returncode == 11 and '2 attempts' in result.stdout
    elif shape == 'packed':
        assert words.verdict(words.write('packed.log.gz', gzip.compress(log))) == once
    else:
        with open(MINIMAL / 'm05.log', 'rb') as stream:
            assert words.verdict('-', stdin=stream) == once


@pytest.mark.parametrize('name, content, reason', [
    ('empty.log', b'', 'it contains nothing'),
    ('blank.log', b'\n \n', 'it is empty'),
    ('prose.log', b'Dear customer,\nyour phone is ready.\n', 'no line of a known restore tool'),
    ('binary.log', bytes(range(256)) * 40, 'not a log'),
    ('cut.log.gz', gzip.compress((MINIMAL / 'm05.log').read_bytes())[:-20], 'Cannot read'),
])
def test_what_is_no_log_is_refused(words, name, content, reason):
    result = words.text(words.write(name, content))
    assert (result.returncode, result.stdout) == (1, '')
    assert reason in result.stderr


def test_the_lines_of_two_phones_give_no_verdict(words):
    """One after the other, and mixed line by line: neither is the story of one phone."""
    one = (MINIMAL / 'm06.log').read_text().splitlines()
    two = [line.replace(ECID, OTHER) for line in one]
    mixed = [line for pair in zip(one, two) for line in pair]
    for name, lines in (('apart.log', one + two), ('mixed.log', mixed)):
        result = words.text(words.write(name, ''.join(f'{line}\n' for line in lines)))
        assert (result.returncode, result.stdout) == (1, ''), name
        assert 'phone' in result.stderr and 'in a separate file' in result.stderr, name


def test_a_log_that_is_given_as_a_case_names_the_option(words):
    result = words.bench.triage('diagnose', '--case', MINIMAL / 'm05.log', check=False)
    assert result.returncode == 1 and '--log' in result.stderr
    result = words.bench.triage('diagnose', '--log', MINIMAL / 'm05.log', '--case', MINIMAL / 'disp-dock.json',
                                check=False)
    assert result.returncode == 2


# --- After `run` --------------------------------------------------------------------------------------

@pytest.mark.parametrize('log', ['m05.log', 'm06.log', 'm19.log'])
def test_run_ends_with_what_diagnose_says(bench, log):
    """The verdict of a failed restore stands below its end; the status stays the tool's."""
    bench.start()
    result = bench.triage('run', '--', 'sh', '-c', f'cat {MINIMAL / log}; exit 9', check=False)
    short = bench.triage('diagnose', '--short')
    assert result.returncode == 9 and short.stdout.count('\n') == 1
    assert result.stderr.endswith(f'idevicetriage: {short.stdout}'), result.stderr


# --- Many attempts --------------------------------------------------------------------------------------

def test_a_phone_of_many_attempts_is_judged_at_once(words):
    """The daemon diagnoses between its events: to find what the sentences cite took seconds of processor time."""
    attempts = [{
        'outcome': 'failed' if number % 5 else 'succeeded', 'host': f'h{number % 7}', 'tool': 'idevicerestore',
        'version': f'1.{number % 9}', 'action': 'update' if number % 2 else 'erase', 'firmware': f'18.{number % 4}',
        'conditions': {'cable': f'L{number % 13}', 'battery': ['original', 'known-good', 'replaced'][number % 3]},
        **({'error': {'domain': 'itunes', 'code': 4013}} if number % 5 else {})} for number in range(256)]
    path = words.write('many.json', json.dumps({'format': 'idevicetriage-case', 'version': 1, 'attempts': attempts}))
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    words.verdict(path)
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before < 2
