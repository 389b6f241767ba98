# SPDX-License-Identifier: LGPL-2.1-or-later
"""`report`: the page that a customer takes home. Its structure, what it must never show or load,
and how it looks in a real browser: no overflow on a phone, the customer's part on one sheet."""
import html.parser
import json
import os
import pathlib
import re
import stat
import subprocess
import time

import pytest

import browser
from daemon import until
from restoretool import finish
from test_link_source import Link, encode, link_error, records
from test_restore import restore_at  # noqa: F401 (a fixture)

ECID, SERIAL = '001C2D6A3C8A802E', 'F17Z30R0N6XW'
UDID = '00008030-001C2D6A3C8A802E'
# What a log may hold that a page must not let through.
HOSTILE = [
    '<script>alert(1)</script>', '</style><img src=x onerror=alert(2)>', '"><svg onload=alert(3)>',
    "'-alert(4)-'", '<!-- ', ']]>', '&lt;b&gt;', '\x1b[31mred\x07\x00', '\u202egnp.exe',
    'https://example.org/beacon.gif',
]
TOOL = ['sh', '-c', 'cat "$0"; exit 245']
CASES = pathlib.Path(__file__).resolve().parents[1] / 'cases' / 'dev'
VOID = {'meta'}
LINK_RATE = 73  # common/model/event.h
ALLOWED = set(
    'article b body code dd div dl dt figcaption figure footer g h1 h2 h3 h4 head header html i li '
    'line main meta ol p path q rect section span strong style svg table tbody td text th thead '
    'time title tr ul'.split())


class Reader(html.parser.HTMLParser):
    """Reads a page strictly: every element is closed where it has to be."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.open, self.words = [], [], {'customer': [], 'annex': []}
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append((tag, dict(attrs).get('class') or ''))

    def handle_endtag(self, tag):
        assert self.open and self.open[-1][0] == tag, f'</{tag}> closes {self.open[-1:]}'
        self.open.pop()

    def handle_data(self, data):
        for part, words in self.words.items():
            if any(part in classes.split() for _, classes in self.open):
                words.append(data)

    def text(self, part):
        return ' '.join(' '.join(self.words[part]).split())

    def count(self, tag):
        return sum(1 for name, _ in self.elements if name == tag)


def check_safe(page):
    """Nothing that runs, and nothing that is fetched."""
    for tag, attributes in page.elements:
        assert tag in ALLOWED, tag
        for name, value in attributes.items():
            assert not name.startswith('on') and name not in ('href', 'src', 'style', 'action')
            assert 'url(' not in (value or '')


def report(bench, *arguments):
    """Runs `report`; the page as text and as read."""
    file = bench.folder / 'report.html'
    result = bench.triage('report', '-o', file, *arguments)
    assert result.returncode == 0, result.stderr
    text = file.read_text(encoding='utf-8')
    return text, Reader(text)


def write_log(folder, *lines):
    log = folder / 'tool.log'
    log.write_text('\n'.join([
        'About to restore device... ', 'Creating partition map (11)', *lines,
        'Waiting for NAND (28)', 'ERROR: Unable to successfully restore device', '']),
        encoding='utf-8')
    return log


@pytest.fixture
def failed(bench, folder):
    """A bench that has seen two failed runs of one phone, the log of which is told by `sh`."""
    bench.start(name='counter <b>1</b>')
    for cable in ('A', 'B <script>alert(0)</script>'):
        log = write_log(folder, f'Found device with ECID 0x{ECID}, SRNM:[{SERIAL}]', *HOSTILE)
        run = bench.run([*TOOL, log, '-i', f'0x{ECID}'], '--cable', cable, '--ticket', 'T-<17>')
        assert run.wait(60) == 245
    return bench


def test_structure(failed):
    text, page = report(failed)
    check_safe(page)
    assert text.startswith('<!DOCTYPE html>')
    customer, annex = page.text('customer'), page.text('annex')
    verdict = failed.verdict()
    assert 'The cause is not certain yet' in customer and verdict['strength'] in customer
    assert all(verdict['nextStep']['text'] in part for part in (customer, annex))
    assert 'cable A' in customer and 'T-<17>' in customer and customer.count('Failed') == 2
    assert verdict['summary'] in annex
    for cause in verdict['causes']:
        assert cause['title'] in annex or cause['untested'] in annex
        for finding in cause['evidence'] + cause['counterEvidence']:
            assert all(finding[key] in annex for key in ('text', 'rule', 'source'))
            for sequence in finding['records']:
                assert f'#{sequence} attempt' in annex
    assert page.count('figure') == 2
    assert 'idevicetriaged 0.' in annex and 'counter <b>1</b>' in annex
    assert 'Waiting for NAND (28)' in annex and 'Creating partition map (11)' in annex


def test_nothing_of_a_log_becomes_markup(failed):
    text, page = report(failed, '--reveal')
    check_safe(page)
    assert 'B <script>alert(0)</script>' in page.text('customer')
    assert not any(ord(character) < 32 and character not in '\n\t' for character in text)
    assert not re.search('[\u202a-\u202e\u2066-\u2069\u0080-\u009f]', text)


def test_hostile_words_reach_the_page_as_words(bench, folder):
    """Each hostile text as the last step, which every part of the page shows."""
    bench.start()
    for text in HOSTILE:
        log = folder / 'tool.log'
        log.write_bytes(f'About to restore device... \n{text} (77)\nStatus: {text}\n'.encode())
        condition = f'network={text[:40]}'.replace('\0', '')
        assert bench.run([*TOOL, log, '-i', f'0x{ECID}'], '--condition', condition).wait(60) == 245
    text, page = report(bench)
    check_safe(page)
    assert 'network <script>alert(1)</script>' in page.text('annex')
    assert '&lt;b&gt;' in page.text('annex')
    assert page.count('figure') == len(HOSTILE)


def test_identifiers_are_masked(failed):
    """On the customer's page always; in the annex unless it is wanted."""
    _, page = report(failed)
    for part in ('customer', 'annex'):
        for secret in (ECID, SERIAL, UDID):
            assert secret.lower() not in page.text(part).lower()
    assert '…802E' in page.text('customer')
    _, page = report(failed, '--reveal')
    assert ECID in page.text('annex')
    for secret in (ECID, SERIAL, UDID):
        assert secret.lower() not in page.text('customer').lower()


def test_the_same_without_the_daemon(failed):
    online, _ = report(failed)
    failed.stop()
    offline, page = report(failed, '--state-dir', failed.state)
    check_safe(page)
    assert 'which did not run' in page.text('annex')

    def body(text):
        """All but what says where it comes from, and when."""
        text = re.sub(r'<section><h2>Where this.*?</section>', '', text, flags=re.DOTALL)
        return re.sub(r'\d{4}-\d\d-\d\d \d\d:\d\d', 'TIME', text)

    assert body(offline) == body(online)


def test_names(failed):
    session = failed.sessions()[0]['session']
    for name in (session, session[-8:], f'0x{ECID}', '802e'):
        assert '…802E' in report(failed, name)[1].text('customer')
    assert failed.triage('report', '0xDEADBEEF99', check=False).returncode == 4
    assert failed.triage('report', 'a-1', 'b', check=False).returncode == 2
    failed.stop()
    nowhere = failed.folder / 'none'
    assert failed.triage('report', '--state-dir', nowhere, check=False).returncode == 3


def test_where_it_is_written(failed):
    """A new file, one that is replaced, standard output; nothing but ordinary files are touched."""
    folder = failed.folder / 'out'
    folder.mkdir()
    result = failed.triage('report', cwd=folder)
    assert re.fullmatch('Wrote report.html: .*…802E, 2 attempts.\n', result.stdout)
    file = folder / 'report.html'
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(file.stat().st_mode) == 0o666 & ~mask
    file.write_text('old')
    written = json.loads(failed.triage('--json', 'report', '-o', file).stdout)
    assert written['file'] == str(file)
    assert (written['attempts'], written['attemptsLeftOut']) == (2, 0)
    assert file.read_text(encoding='utf-8').startswith('<!DOCTYPE')
    assert failed.triage('report', '-o', '-').stdout.startswith('<!DOCTYPE')
    for bad in (folder, '/dev/null', folder / 'none' / 'x.html'):
        result = failed.triage('report', '-o', bad, check=False)
        assert result.returncode == 1 and str(bad) in result.stderr
    assert stat.S_ISCHR(os.stat('/dev/null').st_mode)
    assert sorted(path.name for path in folder.iterdir()) == ['report.html']


def test_a_full_disk_leaves_the_old_page(failed):
    """A page that cannot be written whole is not written at all."""
    file = failed.folder / 'out' / 'report.html'
    file.parent.mkdir()
    file.write_text('old')
    command = [failed.build / 'client' / 'idevicetriage', 'report', '-o']
    limited = ['sh', '-c', 'trap "" XFSZ; ulimit -f 8; exec "$@"', 'sh']
    result = subprocess.run([*limited, *command, file], env=failed.environment,
                            capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 1 and 'File too large' in result.stderr
    assert file.read_text() == 'old' and len(list(file.parent.iterdir())) == 1
    with open('/dev/full', 'w', encoding='utf-8') as full:
        result = subprocess.run([*command, '-'], env=failed.environment, stdout=full,
                                stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert result.returncode == 1 and 'No space left' in result.stderr


def test_an_imported_case(bench):
    """Its attempts count their records anew: each finding still shows those of its own attempts.
    What nobody has seen, a date or how long it took, is not made up."""
    bench.start()
    bench.triage('import', '--device', f'0x{ECID}', CASES / 'forum-ipadrehab-1850.json')
    text, page = report(bench)
    check_safe(page)
    sessions = [session['session'] for session in bench.sessions()]
    for cause in bench.verdict()['causes']:
        for finding in cause['evidence'] + cause['counterEvidence']:
            assert len(finding['records']) == len(finding['sessions'])
    told = {(record, sessions.index(session) + 1)
            for cause in bench.verdict()['causes'] for finding in cause['evidence']
            for record, session in zip(finding['records'], finding['sessions'])}
    shown = {(int(record), int(attempt))
             for record, attempt in re.findall(r'#(\d+) attempt (\d+)', page.text('annex'))}
    assert shown >= told and len({record for record, _ in told}) < len(told)
    assert shown <= {(record['sequence'], number + 1) for number, session in enumerate(sessions)
                     for record in bench.records(session)}
    assert 'date not known' in page.text('customer') and ':00:00 h' not in page.text('annex')
    assert 'history: ' in page.text('annex')


def test_an_attempt_whose_log_is_gone(bench):
    """It is in the table, and the page says why no course is drawn and no records are shown."""
    bench.start()
    bench.call('AddAttempt', case={
        'format': 'idevicetriage-case', 'version': 1, 'device': {'ecid': f'0x{ECID}'},
        'attempts': [{
            'session': '01936f00-0000-7000-8000-000000000001',
            'host': 'counter Mac', 'tool': 'itunes',
            'action': 'erase', 'outcome': 'failed', 'error': {'domain': 'itunes', 'code': 4013},
            'stage': 'restore', 'observed': {'endSequence': 77}}]})
    _, page = report(bench)
    annex = page.text('annex')
    assert 'counter Mac' in annex and 'counter Mac' in page.text('customer')
    assert 'Its log was deleted' in annex and '#77: not shown' in annex
    assert page.count('figure') == 1 and page.count('rect') == 0


@pytest.fixture
def watched(bench, folder, make_phone):
    """A failed run of which the bus was watched: data that slows down, and two failed transfers."""
    phone = make_phone('success')
    udid = phone.phone.identity.udid
    bench.start('--link-socket', folder / 'link')
    until(lambda: bench.sees(udid), what='the phone')
    run = bench.call('BeginRun', tool='idevicerestore', arguments=[], conditions=[], udid=udid)['session']
    link = Link(folder / 'link')
    for percent in range(100, 20, -5):
        link.send(encode(kind=LINK_RATE, port='1-2', udid=udid, code=percent * 20_000, number=60, flag=4, name='restore'))
        # The records have the time at which they arrive.
        time.sleep(0.06)
    link.send(link_error('1-2', udid=udid))
    until(lambda: [each for each in records(bench) if each['kind'] == 'link-error'], what='the error')
    bench.call('EndRun', session=run, exitStatus=245)
    return bench


def test_the_link_has_a_graph(watched):
    _, page = report(watched)
    check_safe(page)
    assert 'Data on USB, up to 33' in page.text('annex')
    assert '2 failed USB transfers while the phone stayed: bulk-in, error -71' in page.text('annex')
    mode, *heights = (float(attributes['height']) for tag, attributes in page.elements
                      if tag == 'rect' and attributes.get('class') == 'bar')
    assert mode == 20
    assert len(heights) == 16 and heights[0] == 20 and heights == sorted(heights, reverse=True)


@pytest.mark.skipif(not browser.CHROMIUM, reason='chromium is not installed')
def test_the_graph_in_a_browser(watched):
    report(watched)
    shots = os.environ.get('REPORT_SHOTS')
    with browser.Browser(watched.folder / 'report.html') as view:
        for width in (320, 1280):
            for dark in (False, True):
                view.look(width, dark)
                assert view.value('document.documentElement.scrollWidth') <= width
                assert view.value(STICKS_OUT) == [], f'at {width}'
                if shots:
                    pathlib.Path(shots, f'graph-{width}-{dark}.png').write_bytes(view.screenshot())
        view.ask('Emulation.clearDeviceMetricsOverride')
        view.ask('Emulation.setEmulatedMedia', media='print')
        if shots:
            pathlib.Path(shots, 'graph-print.png').write_bytes(view.screenshot())
        assert 1 <= pages(view.pdf(browser.A4)) <= 3


def test_a_phone_without_attempts(bench, make_phone):
    phone = make_phone('success')
    bench.start()
    until(lambda: bench.sees(phone.phone.identity.udid), what='the phone')
    _, page = report(bench, phone.phone.identity.udid)
    check_safe(page)
    assert 'No failed restore was seen' in page.text('customer')


def test_many_attempts_and_endless_logs_are_bounded(bench, folder):
    """131 attempts, one with 2,000 changes of operation: the page says what it leaves out."""
    bench.start()
    log = write_log(folder)
    for _ in range(130):
        session = bench.call('BeginRun', tool='idevicerestore', arguments=[], conditions=[],
                             ecid=f'0x{ECID}')['session']
        bench.call('AppendLog', session=session, offset=0, text=log.read_text())
        bench.call('EndRun', session=session, exitStatus=245)
    long = write_log(folder, *['Creating filesystem (12)', 'Verifying restore (14)'] * 1000)
    assert bench.run([*TOOL, long, '-i', f'0x{ECID}']).wait(60) == 245
    text, page = report(bench)
    check_safe(page)
    assert 'newest 8 of 131 attempts' in page.text('customer')
    assert '31 older attempts are left out' in page.text('annex')
    assert 'more events are not drawn' in page.text('annex')
    assert page.count('figure') == 30 and len(text) < 2_000_000


@pytest.fixture
def restored(bench, make_phone, restore_at):  # noqa: F811
    """Three real runs of the tool on the simulated phone: with another cable, with words that no
    line has room for, and with the flex out."""
    bench.start('--budget-percent', '1')
    for scenario, *conditions in (
            ('early-reset-first', '--cable', 'A'),
            ('disk-failure-detach', '--cable', 'B', '--condition', 'shelf=' + 'x' * 60,
             '--ticket', 'T' * 80),
            ('success', '--cable', 'B', '--earpiece-flex', 'disconnected')):
        # Slow enough for a silence before the phone resets.
        phone = make_phone(scenario, speed=0.2 if scenario == 'disk-failure-detach' else 1)
        until(lambda: bench.sees(phone.phone.identity.udid), what='the phone')
        finish(bench, restore_at(bench, phone, *conditions, debug=True))
        phone.stop()
    return bench


@pytest.mark.skipif(not browser.CHROMIUM, reason='chromium is not installed')
def test_in_a_browser(restored):
    """Themes, a phone's width, and paper."""
    text, page = report(restored)
    check_safe(page)
    annex = page.text('annex')
    for words in ('silence of', 'checkpoint failed: wait_for_storage', 'link lost',
                  'mode: restore', "the phone's last word: Disk Failure (6)"):
        assert words in annex
    shots = os.environ.get('REPORT_SHOTS')
    with browser.Browser(restored.folder / 'report.html') as view:
        colours = set()
        for width in (320, 360, 768, 1280):
            for dark in (False, True):
                view.look(width, dark)
                wide = view.value('document.documentElement.scrollWidth')
                assert wide <= width, f'{width - wide} pixels stand out at {width}'
                assert view.value(STICKS_OUT) == [], f'at {width}'
                colours.add(view.value(
                    'getComputedStyle(document.querySelector(".sheet")).backgroundColor'))
                if shots:
                    pathlib.Path(shots, f'report-{width}-{"dark" if dark else "light"}.png').write_bytes(
                        view.screenshot())
        assert len(colours) == 2
        assert view.value('document.scripts.length') == 0
        assert view.requests == [f'file://{restored.folder}/report.html']
        view.ask('Emulation.clearDeviceMetricsOverride')
        for name, paper in (('a4', browser.A4), ('letter', browser.LETTER)):
            whole = view.pdf(paper)
            if shots:
                pathlib.Path(shots, f'report-{name}.pdf').write_bytes(whole)
            assert 3 <= pages(whole) <= 6
        # What the customer gets is one sheet.
        view.value('document.querySelector(".annex").remove()')
        assert [pages(view.pdf(paper)) for paper in (browser.A4, browser.LETTER)] == [1, 1]


LETTERHEAD = ['Bär & Söhne <b>Handyklinik</b>', 'Am Alten Güterbahnhof 117 a', '80331 Musterstadt an der Musterau',
              'Telefon 00498912345678', 'werkstatt@handyklinik.example', 'Mo-Fr 9-18 Uhr']


def write_letterhead(bench, lines):
    folder = bench.folder / 'config' / 'idevicetriage'
    folder.mkdir(parents=True)
    (folder / 'letterhead').write_text('\n'.join(lines) + '\n', encoding='utf-8')


def reported(bench, count):
    """That many reported attempts with all that a bench knows of its ports."""
    attempts = [{
        'host': 'bench Mac' if number % 3 else 'counter PC', 'tool': 'idevicerestore', 'version': '1.0.0-229',
        'action': 'update', 'firmware': '18.3', 'entry': 'recovery', 'outcome': 'failed', 'stage': 'boot-ramdisk',
        'error': {'domain': 'itunes', 'code': 4013},
        'conditions': {'cable': f'L0{number % 3}', 'port': f'1-2.{number % 4}', 'portName': 'bench left',
                       'hub': '05e3:0610', 'hubDepth': '1', 'battery': 'known-good'}} for number in range(count)]
    bench.start()
    path = bench.folder / 'reported.json'
    path.write_text(json.dumps({'format': 'idevicetriage-case', 'version': 1, 'attempts': attempts,
                                'device': {'productType': 'iPhone12,3'}, 'history': ['liquid', 'boot-loop']}))
    bench.triage('import', '--device', f'0x{ECID}', path)
    return bench


@pytest.fixture
def ten(bench):
    return reported(bench, 10)


def test_the_page_speaks_in_words(ten):
    """No key of a condition, no USB ID, no reference to another sentence; and the order of the text."""
    _, page = report(ten)
    customer, annex = page.text('customer'), page.text('annex')
    for key in ('portName', 'hubDepth', 'earpieceFlex'):
        assert key not in customer + annex
    assert '05e3' not in customer and 'port "bench left", behind 1 hub, known-good battery' in customer
    assert re.search(r'port "bench left", behind 1 hub', annex)
    assert not re.search(r'As E\d', annex)
    assert customer.index('The next step') < customer.index('What this means') < customer.index('What was tried')
    evidence = annex.index('Evidence and counter-evidence')
    assert annex.index('Next step') < evidence < annex.index('Attempts side by side')


def test_what_an_imported_failure_cites_is_a_failure(ten):
    """Nothing was recorded of it but its end, which must not contradict what was reported."""
    _, page = report(ten)
    assert 'session-end failed' in page.text('annex') and 'not-started' not in page.text('annex')


def test_the_letterhead_of_the_shop(failed):
    """The user's own file; its lines are words, whatever they contain, and are not masked."""
    text, page = report(failed)
    assert '<div class="shop">' not in text
    write_letterhead(failed, ['', *HOSTILE[:3], LETTERHEAD[3], 'sixth', 'last', 'left out'])
    text, page = report(failed)
    check_safe(page)
    assert page.text('customer').startswith(' '.join([*HOSTILE[:3], LETTERHEAD[3], 'sixth', 'last']))
    assert 'left out' not in text and ECID not in text
    (failed.folder / 'config/idevicetriage/letterhead').unlink()
    (failed.folder / 'config/idevicetriage/letterhead').mkdir()
    refused = failed.triage('report', '-o', failed.folder / 'other.html', check=False)
    assert refused.returncode == 1 and 'Cannot read the letterhead' in refused.stderr


@pytest.mark.parametrize('case', ['e14-two-hosts.json', 'g29-replaced.json', 'disp-dock.json', 'minboot-goodparts-fails.json'])
def test_the_customers_sheet_has_one_strength(bench, case):
    """That of the result, or of the first suspect where the cause is not certain yet."""
    bench.start()
    bench.triage('import', '--device', f'0x{ECID}', CASES.parent / 'minimal' / case)
    text, page = report(bench)
    verdict = bench.verdict()
    suspect = verdict['causes'][0]['strength']
    assert re.findall('class="scale"><span class="label">(How sure .*?): </span><strong>(.*?)<', text) == [
        ('How sure the suspect is', suspect) if verdict['phase'] == 'undecided'
        else ('How sure this is', verdict['strength'])]
    # A suspect that is less sure than the result is no part of the result.
    less = verdict['phase'] != 'undecided' and suspect != verdict['strength']
    assert ('This is less sure than the result itself.' in page.text('customer')) == less
    assert 'First suspect (' not in page.text('customer')


@pytest.mark.skipif(not browser.CHROMIUM, reason='chromium is not installed')
@pytest.mark.parametrize('count', [1, 8, 30])
def test_the_customers_sheet_of_many_attempts(bench, count):
    """One sheet on either paper, with a letterhead too, and no number of an attempt broken in two."""
    write_letterhead(bench, LETTERHEAD)
    report(reported(bench, count))
    shots = os.environ.get('REPORT_SHOTS')
    with browser.Browser(bench.folder / 'report.html') as view:
        for width in (320, 800, 1280):
            view.look(width)
            assert view.value('document.documentElement.scrollWidth') <= width
            assert view.value(STICKS_OUT) == [], f'at {width}'
        view.ask('Emulation.setDeviceMetricsOverride', width=700, height=900, deviceScaleFactor=1, mobile=False)
        view.ask('Emulation.setEmulatedMedia', media='print')
        assert view.value(BROKEN_NUMBERS) == []
        view.ask('Emulation.clearDeviceMetricsOverride')
        for name, paper in (('a4', browser.A4), ('letter', browser.LETTER)):
            if shots:
                pathlib.Path(shots, f'{count}-{name}.pdf').write_bytes(view.pdf(paper))
        view.value('document.querySelector(".annex").remove()')
        assert [pages(view.pdf(paper)) for paper in (browser.A4, browser.LETTER)] == [1, 1]


# Numbers of attempts that take more than a line.
BROKEN_NUMBERS = """[...document.querySelectorAll('.attempts tbody th')].filter(element => {
    const range = document.createRange();
    range.selectNodeContents(element);
    return range.getClientRects().length > 1;
}).map(element => element.textContent)"""

# Elements that stand out of the sheet at the side. Signs of the timeline may, by half their width.
STICKS_OUT = """[...document.querySelectorAll('body *')].filter(element => {
    const box = element.getBoundingClientRect();
    return box.width && (box.left < -9 || box.right > innerWidth + 9);
}).map(element => element.outerHTML.slice(0, 100))"""


def pages(pdf):
    return len(re.findall(rb'/Type\s*/Page\b', pdf))
