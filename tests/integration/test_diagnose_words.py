# SPDX-License-Identifier: LGPL-2.1-or-later
"""How `diagnose` speaks: its first lines for each small input, the one line of --short, what --all adds, and a log that is
judged without a daemon."""
import gzip
import json
import pathlib

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
        assert result.returncode == 30 and '2 attempts' in result.stdout
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
    result = words.bench.triage('diagnose', '--log', MINIMAL / 'm05.log', '--case', MINIMAL / 'disp-dock.json', check=False)
    assert result.returncode == 2


# --- After `run` --------------------------------------------------------------------------------------

@pytest.mark.parametrize('log', ['m05.log', 'm06.log', 'm19.log'])
def test_run_ends_with_what_diagnose_says(bench, log):
    """The verdict of a failed restore stands below its end, from the real daemon, and leaves the tool's status alone."""
    bench.start()
    result = bench.triage('run', '--', 'sh', '-c', f'cat {MINIMAL / log}; exit 9', check=False)
    short = bench.triage('diagnose', '--short')
    assert result.returncode == 9 and short.stdout.count('\n') == 1
    assert result.stderr.endswith(f'idevicetriage: {short.stdout}'), result.stderr
