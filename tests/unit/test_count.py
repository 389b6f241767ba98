# SPDX-License-Identifier: LGPL-2.1-or-later
"""Guards tests/count.py: what did not run, died or hung never counts as passed. Prints TAP."""
import json
import pathlib
import subprocess
import sys
import tempfile

COUNT = pathlib.Path(__file__).resolve().parent.parent / 'count.py'
STEPS = ('format', 'build-plain', 'install', 'package', 'lintian', 'diff-clean', 'build-newer', 'build-fuzz')
GOOD, BAD, SKIPPED = '<testcase name="a"/>', '<testcase name="b"><failure/></testcase>', '<testcase name="c"><skipped/></testcase>'

OUTPUT = ''.join(f'line {number}\n' for number in range(100))


def junit(*cases, name='idevicetriage.t'):
    return f'<testsuites><testsuite name="{name}">{"".join(cases)}</testsuite></testsuites>'


def make(folder):
    """Results in which every step passed and each run had one test with one good case: 13 passed."""
    for name in STEPS:
        (folder / f'{name}.xml').write_text(f'<testsuite>{GOOD}</testsuite>')
    (folder / 'registered.json').write_text('[{"cmd": ["pytest-3", "tests/x/test_x.py"]}]')
    for name in ('plain', 'newer', 'newer-programs', 'machines', 'fuzz'):
        write_run(folder, name)


def write_run(folder, name, result='OK', command=('t',), wanted='t\n', xml=junit(GOOD)):
    (folder / f'{name}.list').write_text(wanted)
    (folder / f'{name}.json').write_text(json.dumps({'name': 't', 'result': result, 'command': command, 'stdout': OUTPUT}) + '\n')
    (folder / f'{name}.xml').write_text(xml)


def skip_run(folder, name):
    for path in folder.glob(f'{name}.*'):
        path.unlink()
    (folder / f'{name}.skip').write_text('no Debian 13 could be made\n')


def pytest_run(folder, text, result='OK'):
    """The run `plain` is of one test of pytest that left this text, or no file."""
    path = folder / 'pytest.junit'
    if text is not None:
        path.write_text(text)
    write_run(folder, 'plain', result, ['pytest-3', 'tests/x/test_x.py', f'--junitxml={path}'], xml=junit())


# What is done to the good results, and the last line that must come of it.
CASES = {
    'all passed': (lambda f: None, '13 passed, 0 failed'),
    'a run that could not be': (lambda f: skip_run(f, 'newer'), '12 passed, 0 failed, 1 skipped'),
    'a failed case': (lambda f: write_run(f, 'plain', 'FAIL', xml=junit(GOOD, BAD)), '13 passed, 1 failed'),
    'a skipped case': (lambda f: write_run(f, 'plain', xml=junit(GOOD, SKIPPED)), '13 passed, 0 failed, 1 skipped'),
    'a skipped test': (lambda f: write_run(f, 'plain', 'SKIP', xml=junit()), '12 passed, 0 failed, 1 skipped'),
    'died after its last good case': (lambda f: write_run(f, 'plain', 'ERROR'), '13 passed, 1 failed'),
    'hung after good cases': (lambda f: write_run(f, 'plain', 'TIMEOUT'), '13 passed, 1 failed'),
    'hung, with no cases of its own': (lambda f: write_run(f, 'plain', 'TIMEOUT', xml=junit(name='idevicetriage')), '12 passed, 1 failed'),
    'was asked for and did not run': (lambda f: write_run(f, 'plain', wanted='t\nother\n'), '13 passed, 1 failed'),
    'nothing was asked for': (lambda f: write_run(f, 'plain', wanted=''), '12 passed, 1 failed'),
    'a run left no log': (lambda f: (f / 'plain.json').unlink(), '12 passed, 1 failed'),
    'a run left half a file': (lambda f: (f / 'plain.xml').write_text('<testsuites>'), '12 passed, 1 failed'),
    'a step left no result': (lambda f: (f / 'format.xml').unlink(), '12 passed, 1 failed'),
    'a step failed': (lambda f: (f / 'format.xml').write_text(f'<testsuite>{BAD}</testsuite>'), '12 passed, 1 failed'),
    'cases of pytest one by one': (lambda f: pytest_run(f, junit(GOOD, GOOD, SKIPPED)), '14 passed, 0 failed, 1 skipped'),
    'a failed case of pytest': (lambda f: pytest_run(f, junit(GOOD, BAD), 'FAIL'), '13 passed, 1 failed'),
    'pytest left no file': (lambda f: pytest_run(f, None), '12 passed, 1 failed'),
    'pytest had no case': (lambda f: pytest_run(f, junit()), '12 passed, 1 failed'),
    'pytest hung after it wrote its file': (lambda f: pytest_run(f, junit(GOOD), 'TIMEOUT'), '13 passed, 1 failed'),
    'a file of pytest that only ./check long runs': (lambda f: add_file(f, 'test_x.py'), '13 passed, 0 failed'),
    'no list of the tests': (lambda f: (f / 'registered.json').unlink(), '13 passed, 1 failed'),
    'a file of pytest that is no test': (lambda f: add_file(f, 'test_y.py'), '13 passed, 1 failed'),
}


# In these, meson itself says that the test failed.
FAILED_TESTS = ('a failed case', 'died after its last good case', 'hung after good cases', 'hung, with no cases of its own',
                'a failed case of pytest', 'pytest hung after it wrote its file')


def add_file(folder, name):
    (folder / 'x').mkdir()
    (folder / 'x' / name).touch()


print(f'1..{len(CASES)}')
status = 0
for number, (name, (damage, wanted)) in enumerate(CASES.items(), 1):
    with tempfile.TemporaryDirectory(prefix='triage-count-') as temporary:
        folder = pathlib.Path(temporary)
        make(folder)
        damage(folder)
        done = subprocess.run([sys.executable, COUNT, folder, folder / 'x'], capture_output=True, text=True, check=False)
    last = done.stdout.splitlines()[-1] if done.stdout else done.stderr
    good = last == wanted and done.returncode == (0 if ' 0 failed' in wanted else 1)
    # The end of the output of a failed test, and no more of it, is among the last lines, which a log of CI keeps.
    good &= ('line 99' in done.stdout) == (name in FAILED_TESTS) and 'line 50' not in done.stdout
    status |= not good
    print(f'{"ok" if good else "not ok"} {number} - {name}' + ('' if good else f'\n# {last}'))
sys.exit(status)
