# SPDX-License-Identifier: LGPL-2.1-or-later
"""The commands and options that the programs accept are those of --help, the manual pages and the completion.
The same for the words of the API: kinds of records, modes, errors.
No daemon is needed: an option that is accepted gives another error than an unknown one."""
import functools
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
MANUAL = (ROOT / 'man/idevicetriage.1.scd').read_text()
COMMANDS = [name.replace('_', '-') for name in re.findall(r'&command_([a-z_]+),', (ROOT / 'client/help.c').read_text())]
# "The conditions of *run*" in the manual.
CONDITIONS = {'cable', 'earpiece-flex', 'display', 'battery', 'minimal-boot', 'condition'}


def headings(text):
    """The options that a part of a manual page describes: long names, and letters."""
    found = set()
    for line in re.findall(r'^\t?(\*-.*)', text, re.MULTILINE):
        found |= {long or letter for long, letter in re.findall(r'\*--([a-z-]+)\*|\*-([a-zA-Z])\*', line)}
    return found


def part(title):
    return re.search(rf'^# {title}\n(.*?)(?=^# |\Z)', MANUAL, re.MULTILINE | re.DOTALL).group(1)


SHARED = headings(part('OPTIONS'))


def manual_options(command):
    """The command's own options in the manual."""
    text = ''.join(re.findall(rf'^\*{command}\*.*\n((?:(?:\t.*)?\n|\*{command}\*.*\n)*)', part('COMMANDS'), re.MULTILINE))
    found = headings(text)
    if re.search(r'\bconditions of \*run\*|options of \*run\*', text):
        found |= CONDITIONS
    if command == 'attempt':
        assert '*--port* and *--ticket*' in text
        found |= {'port', 'ticket'}
    if command == 'run':
        found |= headings(part('RUNNING A RESTORE TOOL'))
    if command == 'import':
        imports = part('IMPORTING LOGS')
        mentioned = re.search(r'with the options of \*run\*:(.*?)\.', imports, re.DOTALL).group(1)
        found |= headings(imports) | set(re.findall(r'\*--([a-z-]+)\*', mentioned))
    return found


@pytest.fixture(scope='module')
def command(request, tmp_path_factory):
    """Runs the command where it reaches no daemon."""
    program = pathlib.Path(request.config.getoption('--build-dir')).resolve() / 'client/idevicetriage'
    folder = tmp_path_factory.mktemp('options')

    def run(*arguments):
        return subprocess.run([program, '--socket', folder / 'none', '--state-dir', folder / 'none', *arguments],
                              cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20)
    return run


@functools.cache
def listed_options(command, name):
    """The options that the help of a command lists: long names, and letters."""
    text = command('help', name).stdout
    return {word for pair in re.findall(r'^  (?:-([a-zA-Z]), |    )--([a-z-]+)', text, re.MULTILINE) for word in pair if word}


@functools.cache
def accepted_options(command, name):
    """A second unknown option lets no command begin, even where the first one is the value of `option`."""
    candidates = SHARED.union(*(listed_options(command, other) for other in COMMANDS))
    return {option for option in candidates
            if not re.search(rf'has no option -{{1,2}}{option}[.;]',
                             command(name, f"{'--' if option[1:] else '-'}{option}", '--no-such-option', '--no-such-option').stderr)}


@pytest.mark.parametrize('name', COMMANDS)
def test_the_options_of_a_command_are_in_its_help_and_in_the_manual(command, name):
    assert accepted_options(command, name) == listed_options(command, name) | SHARED
    assert listed_options(command, name) == manual_options(name)


@pytest.mark.parametrize('name', COMMANDS)
def test_the_help_of_a_command_has_its_usage_its_options_and_two_examples(command, name):
    text = command('help', name).stdout
    assert command(name, '--help').stdout == command(name, '-h').stdout == text
    usage, _, summary, *_ = text.splitlines()
    assert usage.startswith(f'Usage: idevicetriage {name}')
    assert ('[OPTIONS]' in usage) == bool(listed_options(command, name))
    assert re.fullmatch(r'[A-Z].*\.', summary)
    # A session may stand for the device that is named without it.
    assert ('--session SESSION' in usage) == ('session' in listed_options(command, name))
    assert len(re.findall(rf'^  idevicetriage (?:--json )?{name}\b.*\n      \S', text.split('\nExamples:\n')[1], re.MULTILINE)) == 2
    assert max(map(len, text.splitlines())) <= 80


def completed(command, *words):
    """What the completion offers in place of the last word."""
    kind, *lines = command('__complete', *words).stdout.splitlines()
    assert kind == 'words'
    return [line.split('\t')[0] for line in lines]


@pytest.mark.parametrize('name', COMMANDS)
def test_the_completion_offers_the_options_of_a_command(command, name):
    assert set(completed(command, name, '--')) == {f'--{option}' for option in accepted_options(command, name) if option[1:]}


# A wrong value of each option with fixed words is answered with a sentence that names them all.
FIXED = [('attempt', '1-2', option) for option in ('outcome', 'host-os', 'action', 'stage', 'entry', 'display', 'battery', 'earpiece-flex')] \
    + [('stats', 'by'), ('hook', 'on'), ('status', 'color')]


@pytest.mark.parametrize('words', FIXED, ids=lambda words: words[-1])
def test_the_completion_offers_the_words_that_an_option_accepts(command, words):
    *line, option = words
    message = command(*line, f'--{option}', 'nonsense').stderr
    wanted = re.search(r'must (?:be|list) (.*?), not nonsense', message).group(1)
    assert set(completed(command, *line, f'--{option}', '')) == set(re.split(r', | or | and ', re.sub(r' \(.*?\)', '', wanted)))


def test_the_commands_are_in_the_help_the_manual_and_the_completion(command):
    help_text = command('--help').stdout
    assert help_text == command('help').stdout
    assert COMMANDS and re.findall(r'(?:^|  )  ([a-z][a-z-]*)  ', help_text, re.MULTILINE) == COMMANDS
    assert set(re.findall(r'^\*idevicetriage\* \[_options_\] \*([a-z-]+)\*', MANUAL, re.MULTILINE)) == set(COMMANDS)
    assert set(re.findall(r'^\*([a-z-]+)\*', part('COMMANDS'), re.MULTILINE)) == set(COMMANDS)
    assert completed(command, '') == COMMANDS


def test_the_help_is_one_screen_with_the_options_of_every_command(command):
    lines = command('--help').stdout.splitlines()
    assert len(lines) < 24  # the prompt needs a line, too
    assert max(map(len, lines)) <= 80
    text = '\n'.join(lines)
    assert set(re.findall(r'--([a-z-]+)', text)) | set(re.findall(r'(?<!\S)-([a-zA-Z])\b', text)) == SHARED


def test_a_mistake_names_the_help_of_the_command(command):
    assert command('sessions', '-n').stderr.endswith('sessions needs a value after -n; see `idevicetriage sessions --help`.\n')
    assert command('stats', 'extra').stderr.endswith('unexpected argument extra; see `idevicetriage stats --help`.\n')
    assert command('--xyzzy').stderr.endswith('idevicetriage has no option --xyzzy; see `idevicetriage --help`.\n')


def test_the_help_and_the_manual_have_the_exit_codes_of_diagnose(command):
    codes = set(re.findall(r'EXIT_[A-Z]+ = (\d\d)\b', (ROOT / 'client/client.h').read_text()))
    assert codes and codes == set(re.findall(r'^(\d\d)\s', part('EXIT STATUS'), re.MULTILINE))
    texts = {name: command('help', name).stdout for name in COMMANDS}
    of_phase = {name for name in COMMANDS if 'It exits' in texts[name]}
    assert of_phase >= {'diagnose', 'wait', 'try'}
    for name in of_phase:
        assert codes <= set(re.findall(r'\b\d\d\b', texts[name].split('It exits')[1]))
    assert of_phase == set(re.findall(r'\*([a-z]+)\*', part('EXIT STATUS').split('return the phase')[0]))


def test_the_daemon_has_the_options_of_its_manual(request):
    build = pathlib.Path(request.config.getoption('--build-dir')).resolve()
    help_text = subprocess.run([build / 'daemon/idevicetriaged', '--help'], capture_output=True, text=True, check=True).stdout
    listed = set(re.findall(r'--([a-z-]+)', help_text))
    manual = (ROOT / 'man/idevicetriaged.8.scd').read_text()
    assert listed == headings(manual.split('# OPTIONS')[1].split('\n# ')[0]) - {'v', 'h', 'V'}
    assert listed == set(re.findall(r'\{"([a-z-]+)"', (ROOT / 'daemon/options.c').read_text())) | {'help'}
    keys = (ROOT / 'man/idevicetriaged.conf.5.scd').read_text().split('# KEYS')[1].split('\n# ')[0]
    assert set(re.findall(r'^\*([a-z-]+)\*', keys, re.MULTILINE)) \
        == listed - {'config', 'verbose', 'help', 'version'}


# --- The words of the API ------------------------------------------------------------------------------

API = (ROOT / 'man/idevicetriage-api.7.scd').read_text()
EVENTS = (ROOT / 'common/model/event.c').read_text()
DIAGNOSE = (ROOT / 'common/diagnosis/diagnose.c').read_text()
SHAPES = (ROOT / 'common/wire/records.c').read_text()
# What a field of a record's shape is in the record.
MEMBERS = {'HAS_NAME': 'name', 'HAS_NUMBER': 'number', 'HAS_CODE': 'code', 'HAS_KNOWN_CODE': 'code', 'HAS_PERMILLE': 'permille',
           'HAS_HUB_DEPTH': 'hubDepth', 'HAS_SILENCE': 'silentUSec', 'HAS_LIMIT': 'limit'}


def table(name, source=EVENTS):
    """The words of a table in C."""
    found = re.findall(r'"([^"]+)"', re.search(rf'\b{name}\[\] = \{{\n(.*?)\n\}};', source, re.DOTALL).group(1))
    assert found, name
    return found


def entries(title):
    """The entries of a section of idevicetriage-api(7): name -> text."""
    text = re.search(rf'^# {title}\n(.*?)(?=^# )', API, re.MULTILINE | re.DOTALL).group(1)
    found = {}
    for names, told in re.findall(r'^(\*.*\*)\n((?:\t.*\n)+)', text, re.MULTILINE):
        found |= {name: told for name in re.findall(r'\*([A-Za-z-]+)\*', names)}
    return found


def listed(title):
    text = re.search(rf'^{title}: (.*?)\.(?:\+\+)?$', API, re.MULTILINE | re.DOTALL).group(1)
    return [word.strip() for word in re.sub(r'\([^)]*\)', '', text).split(',')]


def test_each_kind_of_record_is_in_the_manual():
    assert set(entries('RECORDS')) == set(table('kinds'))


def test_the_members_of_each_kind_are_in_the_manual():
    names = dict(re.findall(r'\{(EVENT_[A-Z_]+), "([a-z-]+)"\}', EVENTS))
    rows = re.findall(r'^\t\{(EVENT_[A-Z_]+), (.*)\},$', SHAPES, re.MULTILINE)
    assert {kind for kind, _ in rows} == set(names)
    for kind, row in rows:
        told = entries('RECORDS')[names[kind]]
        wanted = {MEMBERS[field] for field in re.findall(r'HAS_[A-Z_]+', row)} - {'hubDepth'}
        wanted |= {'state'} if 'WORDS' in row or '.state' in row else set()
        assert wanted <= set(re.findall(r'_([a-zA-Z]+)_', told)), kind
        for words in re.findall(r'WORDS\((\w+)\)', row):
            used = set(table(words, SHAPES))
            # Of a wait, only its end is a state.
            assert {word for word in used if word in told} >= ({'done'} if kind == 'EVENT_WAIT' else used), kind


def test_each_word_of_the_sets_is_in_the_manual():
    assert set(listed('Modes')) == {*table('modes'), 'unknown'}
    assert set(listed('Stages')) == {*table('stages'), 'unknown'}
    assert set(listed('Sources of records')) == {*table('sources'), 'unknown'}
    assert set(listed('Outcomes')) == {*table('outcomes'), 'running', 'unknown'}
    assert set(listed('Phases')) == set(table('phase_names', DIAGNOSE))
    assert set(listed('Strengths')) == set(table('strength_names', DIAGNOSE))


def test_each_error_is_in_the_manual_and_the_interface():
    own, foreign = (set(re.findall(rf'VARLINK_{prefix} "\.([A-Za-z]+)"', (ROOT / 'common/wire/api_error.c').read_text()))
                    for prefix in ('INTERFACE', 'SERVICE'))
    interface = (ROOT / 'common/wire/io.github.idevicetriage.varlink').read_text()
    assert own == set(re.findall(r'^error ([A-Za-z]+)', interface, re.MULTILINE))
    assert set(entries('ERRORS')) == own | foreign and list(entries('ERRORS'))[:len(own)] == [*dict.fromkeys(
        name for name in entries('ERRORS') if name in own)]
    assert 'The first thirteen' in API and len(own) == 13
