# SPDX-License-Identifier: LGPL-2.1-or-later
"""Counts the test cases of a folder of results and ends with "N passed, N failed".

    count.py FOLDER [PYTEST_FOLDER...]

Above that line stand the names of what failed or was skipped, and the end of the output of each test that failed.
In FOLDER lie NAME.xml of a step that passes or fails as a whole, and of each run of `meson test`
three files: RUN.list (the tests that were asked for), RUN.json (what became of each) and RUN.xml (its cases).
A test of pytest has its cases in a JUnit file of its own, which its command names. The word of meson counts where
it is worse than the cases: a program that dies or hangs after its last good case has failed. What was asked for
and left no result did not run, and is a failure, except where NAME.skip says why it could not run. So is a test_*.py of a
PYTEST_FOLDER that meson does not know: registered.json has its tests, also those that ./check leaves to ./check long.
"""
import contextlib
import json
import pathlib
import sys
import xml.etree.ElementTree

STEPS = ('format', 'build-plain', 'install', 'package', 'lintian', 'diff-clean', 'build-newer', 'build-fuzz')
RUNS = ('plain', 'newer', 'newer-programs', 'machines', 'fuzz')
GOOD = ('OK', 'SKIP', 'EXPECTEDFAIL')
PASSED, FAILED, SKIPPED = 'passed', 'failed', 'skipped'
OUTPUT_LINES = 20


def outcome(case):
    if case.find('failure') is not None or case.find('error') is not None:
        return FAILED, ''
    if case.find('skipped') is not None:
        return SKIPPED, case.find('skipped').get('message') or ''
    return PASSED, ''


def cases(element, test):
    """(name, outcome, reason) of each case of a JUnit suite."""
    return [(f'{test}: {case.get("name")}', *outcome(case)) for case in element.iter('testcase')]


def read_xml(path):
    """The root of a JUnit file, or None where there is no whole one."""
    try:
        return xml.etree.ElementTree.parse(path).getroot()
    except (OSError, xml.etree.ElementTree.ParseError):
        return None


def junit_of(command):
    """The JUnit file that a command of pytest names."""
    names = [word.partition('=')[2] for word in command if word.startswith('--junitxml=')]
    return pathlib.Path(names[0]) if names else None


def count_test(test, run, suites):
    """The cases of one test; `run` is meson's record of it, None where there is none."""
    if run is None:
        return [(f'{test}: did not run', FAILED, '')]
    result, junit = run['result'], junit_of(run['command'])
    if junit:
        root = read_xml(junit)
        found = [] if root is None else cases(root, test)
        if not found and result != 'SKIP':
            found = [(f'{test}: no case left a result', FAILED, '')]
    else:
        found = [case for suite in suites if suite.get('name') == f'idevicetriage.{test}' for case in cases(suite, test)]
    if not found and result in GOOD:
        return [(test, SKIPPED if result == 'SKIP' else PASSED, '')]
    if result not in GOOD and not any(word == FAILED for _, word, _ in found):
        found.append((f'{test}: {result}', FAILED, ''))
    return found


def read_records(folder, name):
    """What meson wrote of each test of a run."""
    return [json.loads(line) for line in (folder / f'{name}.json').read_text().splitlines()]


def print_output(folder, name):
    """The end of what each failed test of a run printed: what `meson test` printed of it is far above, or cut off."""
    with contextlib.suppress(OSError, ValueError):
        for record in read_records(folder, name):
            if record['result'] not in GOOD:
                lines = (record.get('stdout', '') + record.get('stderr', '')).splitlines()
                print(f'== end of the output of {record["name"]}', *lines[-OUTPUT_LINES:], sep='\n')


def count_run(folder, name):
    """The cases of one run of `meson test`."""
    try:
        wanted = (folder / f'{name}.list').read_text().splitlines()
        records = read_records(folder, name)
    except (OSError, ValueError):
        return [(f'{name}: left no result', FAILED, '')]
    suites = read_xml(folder / f'{name}.xml')
    if suites is None or not wanted:
        return [(f'{name}: left no result', FAILED, '')]
    runs = {record['name']: record for record in records}
    return [case for test in wanted for case in count_test(test, runs.get(test), suites)]


def count_step(folder, name):
    root = read_xml(folder / f'{name}.xml')
    return [(f'{name}: left no result', FAILED, '')] if root is None else cases(root, name)


def forgotten(folder, pytest_folders):
    """Files of pytest that are missing in meson.build."""
    try:
        commands = (folder / 'registered.json').read_text()
    except OSError:
        return [('the tests of meson: left no list', FAILED, '')]
    return [(f'{path}: is no test of meson', FAILED, '') for pytest_folder in pytest_folders
            for path in sorted(pathlib.Path(pytest_folder).glob('test_*.py'))
            if f'{path.parent.name}/{path.name}"' not in commands]


def main(folder, pytest_folders):
    skips = {path.stem: path.read_text().strip() for path in folder.glob('*.skip')}
    found = [(name, SKIPPED, reason) for name, reason in skips.items()]
    found += [case for name in STEPS if name not in skips for case in count_step(folder, name)]
    found += [case for name in RUNS if name not in skips for case in count_run(folder, name)]
    found += forgotten(folder, pytest_folders)
    for name in RUNS:
        print_output(folder, name)
    numbers = {word: sum(case[1] == word for case in found) for word in (PASSED, FAILED, SKIPPED)}
    for name, word, reason in sorted(found, key=lambda case: case[1] == FAILED):
        if word != PASSED:
            print(f'{word.upper() if word == FAILED else word}  {name}{": " if reason else ""}{reason}')
    print(f'{numbers[PASSED]} passed, {numbers[FAILED]} failed'
          + (f', {numbers[SKIPPED]} skipped' if numbers[SKIPPED] else ''))
    return 1 if numbers[FAILED] else 0


if __name__ == '__main__':
    sys.exit(main(pathlib.Path(sys.argv[1]), sys.argv[2:]))
