# SPDX-License-Identifier: LGPL-2.1-or-later
"""What numbers, steps and models mean, from the command alone: no daemon runs in these tests."""
import json
import pathlib

import pytest

SOURCE = pathlib.Path(__file__).resolve().parents[2]

# What is asked for, and what it may mean: numbering and number.
KNOWN = [
    (['4013'], [('itunes', 4013)]),
    (['4014'], [('itunes', 4014)]),
    (['4005'], [('itunes', 4005)]),
    (['9'], [('amr', 9)]),
    (['28'], [('amr', 28), ('operation', 28)]),
    (['operation 28'], [('operation', 28)]),
    (['operation', '28'], [('operation', 28)]),
    (['OPERATION', '28'], [('operation', 28)]),
    (['Waiting for NAND'], [('operation', 28)]),
    (['Waiting', 'for', 'NAND'], [('operation', 28)]),
    (['Waiting for NAND (28)'], [('operation', 28)]),
    (['error 28'], [('amr', 28)]),
    (['0x60D'], [('checkpoint', 0x60d)]),
    (['0x060d'], [('checkpoint', 0x60d)]),
    (['1549'], [('checkpoint', 0x60d)]),
    (['checkpoint', '1549'], [('checkpoint', 0x60d)]),
    (['wait_for_storage'], [('checkpoint', 0x60d)]),
    (['-4294965672'], [('checkpoint', 0x658)]),
    (['18446744069414585944'], [('checkpoint', 0x658)]),
    (['-1'], [('itunes', -1), ('amr', -1), ('irecovery', -1)]),
    (['--', '-1'], [('itunes', -1), ('amr', -1), ('irecovery', -1)]),
    (['amr', '-1'], [('amr', -1)]),
    (['-9807'], [('itunes', -9807)]),
    (['-53'], [('amr', 53)]),
    (['3194'], [('tss', 3194)]),
    (['0xE8000004'], [('service', 0xe8000004)]),
    (['Disk Failure'], [('amr', 6)]),
]
UNKNOWN = ['4999', ' ', '-', 'nonsense', 'savage', 'operation', 'operation 99', 'checkpoint 28', '28a', '4013x',
           '-4999999', 9 * '9', 99 * '9', 5000 * 'x', 'ü', '\033[31m\a', '%s%n%s', '4013\n4014', '$(reboot)', 'iPhone99,9']


def explain(bench, *words):
    """The objects that the command prints for the words, and the result."""
    result = bench.triage('--json', 'explain', *words, check=False)
    return [json.loads(line) for line in result.stdout.splitlines()], result


@pytest.mark.parametrize('words, meanings', KNOWN)
def test_known(bench, words, meanings):
    answers, result = explain(bench, *words)
    assert result.returncode == 0 and not result.stderr
    assert len(answers) == 1
    assert [(meaning['numbering'], meaning['number']) for meaning in answers[0]['meanings']] == meanings
    for meaning in answers[0]['meanings']:
        assert meaning['means'].endswith('.') and meaning['sources'] and meaning['caution']


@pytest.mark.parametrize('text', UNKNOWN)
def test_unknown(bench, text):
    answers, result = explain(bench, '--', text)
    assert result.returncode == 4
    assert len(answers) == 1 and not answers[0]['meanings'] and not answers[0]['models']
    # One clean sentence, and short.
    assert result.stderr.startswith('idevicetriage: Cannot explain "')
    assert result.stderr.count('\n') == 1 and result.stderr[:-1].isprintable() and len(result.stderr) < 500
    shown = bench.triage('explain', '--', text, check=False)
    assert shown.returncode == 4 and shown.stdout == ''


def test_usage(bench):
    result = bench.triage('explain', check=False)
    assert result.returncode == 2 and 'explain 4013' in result.stderr
    assert bench.triage('explain', '--nonsense', check=False).returncode == 2


def test_hints_are_names_and_never_near_numbers(bench):
    assert 'Updating Savage (Operation 60)' in bench.triage('explain', 'savage', check=False).stderr
    assert '4013' not in bench.triage('explain', '4019000', check=False).stderr


def test_several_questions(bench):
    answers, result = explain(bench, '4013', 'operation', '13', '-1', 'nonsense', 'checkpoint', '28', '9')
    assert [answer['query'] for answer in answers] == ['4013', 'operation 13', '-1', 'nonsense', 'checkpoint 28', '9']
    assert result.returncode == 4
    assert 'nonsense' in result.stderr and '"checkpoint 28"' in result.stderr
    assert [len(answer['meanings']) for answer in answers] == [1, 1, 3, 0, 0, 1]


def test_4013_alone_decides_nothing(bench):
    answers, _ = explain(bench, '4013')
    meaning = answers[0]['meanings'][0]
    assert {suspect['phase'] for suspect in meaning['suspects']} == {
        'phase1-connection', 'phase1-software', 'phase2-hardware'}
    assert 'decides nothing' in meaning['note']
    text = bench.triage('explain', '4013').stdout
    assert 'decides nothing' in text and 'diagnose' in text
    for title in ('the cable', 'the earpiece (front sensor) flex', 'the storage chip (NAND)'):
        assert title in ' '.join(text.split())


def test_text(bench):
    bench.environment['COLUMNS'] = '80'
    text = bench.triage('explain', '28').stdout
    assert text.startswith('28 has 2 meanings')
    assert 'Restore error 28\n' in text and 'Operation 28: Waiting for NAND' in text
    assert 'stopped, not why' in text
    assert bench.triage('explain', 'operation 28').stdout.startswith('Operation 28: Waiting for NAND')
    for word in ('4013', '28', '-1', '0x60D', 'iPhone12,3'):
        for line in bench.triage('explain', word).stdout.splitlines():
            assert len(line) <= 80 or line[13:].startswith('https://') and ' ' not in line[13:]


def test_model(bench):
    for words in (['iPhone12,3'], ['d421ap'], ['iPhone', '11', 'Pro']):
        answers, _ = explain(bench, *words)
        model = answers[0]['models'][0]
        assert (model['product'], model['connector'], model['faceId']) == ('iPhone12,3', 'Lightning', True)
    assert 'Lightning' in bench.triage('explain', 'iphone12,3').stdout


def test_no_daemon_and_no_state_are_needed(bench):
    bench.environment['IDEVICETRIAGE_SOCKET'] = '/nonexistent'
    result = bench.triage('--state-dir', '/nonexistent', 'explain', '4013')
    assert result.returncode == 0 and not result.stderr


def models(bench, *words):
    answers, result = explain(bench, *words)
    assert result.returncode == 0, words
    return [model['product'] for answer in answers for model in answer['models']]


def test_every_model_has_its_explanation(bench):
    """By product type, board and name, and readable at 80 columns."""
    rows = (SOURCE / 'common' / 'knowledge' / 'models.txt').read_text().splitlines()
    rows = [row.split(None, 8) for row in rows if not row.startswith('#')]
    assert len(rows) >= 318
    words = [word for product, board, *_, name in rows for word in (product, board, name)]
    answers, result = explain(bench, *words)
    assert result.returncode == 0 and len(answers) == len(words)
    for answer, word in zip(answers, words):
        assert answer['models'], word
        for model in answer['models']:
            assert word.lower() in (model['product'].lower(), model['board'], model['name'].lower()), word
            assert model['connector'] and model['released'] and model['chipId'] and model['boardId'], word
    text = bench.triage('explain', *(product for product, *_ in rows)).stdout
    assert all(len(line) <= 80 for line in text.splitlines())


@pytest.mark.parametrize('words, products', [
    (['iPhone X'], ['iPhone10,3', 'iPhone10,6']),
    (['iphone', '15', 'pro', 'max'], ['iPhone16,2']),
    (['iPad mini 6'], ['iPad14,1', 'iPad14,2']),
    (['ipad pro 11 m4 cellular'], ['iPad16,4']),
    (['Apple Watch Ultra 2'], ['Watch7,5']),
    (['macbook air m2'], ['Mac14,2', 'Mac14,15']),
    (['J273AAP'], ['ADP3,2']),
])
def test_usual_names_of_models(bench, words, products):
    assert models(bench, *words) == products


def test_a_name_of_too_many_models(bench):
    result = bench.triage('explain', 'ipad', 'pro', check=False)
    assert result.returncode == 4 and 'models have it in their names' in result.stderr


def test_models_say_what_a_technician_needs(bench):
    text = bench.triage('explain', 'iPhone17,3').stdout
    for words in ('USB-C', 'Face ID, no home button', 'CPID:8140 BDID:08', 'two soldered layers', '2024-09',
                  'hold the side button until'):
        assert words in ' '.join(text.split()), words
    text = ' '.join(bench.triage('explain', 'Watch6,1', 'AppleTV2,1', 'Macmini9,1').stdout.split())
    assert 'adapter: diagnostic contacts' in text and 'micro-USB' in text and 'DFU port' in text
    assert 'Face ID' not in text and 'ear speaker' not in text and 'earpiece' not in text.lower()
