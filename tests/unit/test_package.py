# SPDX-License-Identifier: LGPL-2.1-or-later
"""The catalog of the journal, the table of messages and idevicetriaged(8) name the same messages, and the package has the
version of the program. Prints TAP. Arguments: the source folder, the version of meson.build."""
import pathlib
import re
import sys

ROOT = pathlib.Path(sys.argv[1])
TABLE = (ROOT / 'daemon/message.c').read_text()
ANNOUNCER = (ROOT / 'daemon/announcer.c').read_text()
CATALOG = (ROOT / 'systemd/idevicetriage.catalog').read_text()
MANUAL = (ROOT / 'man/idevicetriaged.8.scd').read_text()

# name in C -> id
IDS = dict(re.findall(r'\[MESSAGE_([A-Z_]+)\] = \{"([0-9a-f]{32})"', TABLE))
ENTRIES = {entry[:32]: entry for entry in re.split(r'^-- ', CATALOG, flags=re.MULTILINE)[1:]}


def sent_fields(name):
    """The fields that each call with this message sends."""
    calls = re.findall(rf'message_write\(MESSAGE_{name},(.*?)\n\t\t\}},\n', ANNOUNCER, re.DOTALL)
    return [set(re.findall(r'"(TRIAGE_[A-Z_]+)"', call)) for call in calls]


def manual_row(ident):
    """The entry of the manual page with this id, up to the next one."""
    found = re.search(rf'^{ident}\n((?:\t.*\n)+)', MANUAL, re.MULTILINE)
    return found.group(1) if found else ''


def check_ids():
    assert len(IDS) == len(set(IDS.values())) >= 5
    assert set(re.findall(r'MESSAGE_([A-Z_]+),', (ROOT / 'daemon/message.h').read_text())) == set(IDS)


def check_catalog():
    assert set(ENTRIES) == set(IDS.values())


def check_catalog_fields():
    for name, ident in IDS.items():
        wanted = set(re.findall(r'@([A-Z_]+)@', ENTRIES[ident]))
        assert sent_fields(name), f'{name} is never sent'
        for sent in sent_fields(name):
            assert wanted <= sent, f'{name}: the catalog shows {wanted - sent}, which is not sent'


def check_catalog_lines():
    long = [line for line in CATALOG.splitlines() if len(line) > 100]
    assert not long, long


def check_manual():
    assert set(re.findall(r'^([0-9a-f]{32})$', MANUAL, re.MULTILINE)) == set(IDS.values())
    for name, ident in IDS.items():
        subject = re.search(r'Subject: (.*)', ENTRIES[ident]).group(1)
        assert subject in manual_row(ident), f'{name}: {subject}'
        for field in set.union(*sent_fields(name)):
            assert field in manual_row(ident), f'{name}: {field}'


def check_version():
    first = (ROOT / 'debian/changelog').read_text().splitlines()[0]
    assert first.split()[:2] == ['idevicetriage', f'({sys.argv[2]})'], first


TESTS = {
    'one id a message': check_ids,
    'the catalog has each message': check_catalog,
    'the catalog shows only fields that are sent': check_catalog_fields,
    'the catalog fits the screen': check_catalog_lines,
    'the manual has each message with its fields': check_manual,
    'the package has the version of the program': check_version,
}
print(f'1..{len(TESTS)}')
for number, (title, test) in enumerate(TESTS.items(), 1):
    try:
        test()
        print(f'ok {number} - {title}')
    except AssertionError as error:
        print(f'not ok {number} - {title}\n# {error}')
