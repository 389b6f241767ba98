# SPDX-License-Identifier: LGPL-2.1-or-later
"""Counts the test cases of all JUnit files of a folder and ends with "N passed, N failed".

A suite that left no file, or one that cannot be read, is a failure: it did not run.
"""
import pathlib
import sys
import xml.etree.ElementTree

EXPECTED = ('format', 'build-plain', 'plain', 'install', 'build-fuzz', 'fuzz', 'integration')
# Each of these files leaves its own result; "fast" leaves them out.
MACHINE_CASES = pathlib.Path(__file__).parent / 'vm'


def expected(mode):
    machines = () if mode == 'fast' else MACHINE_CASES.glob('test_*.py')
    return (*EXPECTED, *(path.stem.replace('test_', 'vm-', 1) for path in machines))


def main(folder, mode):
    passed = skipped = 0
    failed = []
    for name in expected(mode):
        if not (folder / f'{name}.xml').exists():
            failed.append(f'{name}: left no result')
    for path in sorted(folder.glob('*.xml')):
        try:
            cases = list(xml.etree.ElementTree.parse(path).iter('testcase'))
        except xml.etree.ElementTree.ParseError as error:
            failed.append(f'{path.stem}: unreadable result: {error}')
            continue
        if not cases:
            failed.append(f'{path.stem}: no test ran')
        for case in cases:
            name = f'{path.stem}: {case.get("classname") or ""} {case.get("name")}'
            if case.find('failure') is not None or case.find('error') is not None:
                failed.append(name)
            elif case.find('skipped') is not None:
                skipped += 1
                print(f'skipped  {name}: {case.find("skipped").get("message") or ""}')
            else:
                passed += 1
    for name in failed:
        print(f'FAILED   {name}')
    print(f'{passed} passed, {len(failed)} failed' + (f', {skipped} skipped' if skipped else ''))
    return 1 if failed else 0


sys.exit(main(pathlib.Path(sys.argv[1]), sys.argv[2]))
