# SPDX-License-Identifier: LGPL-2.1-or-later
"""A film of the bench: eight simulated phones, of which one has a shorted earpiece flex, until the verdict is decided. A
technician has a terminal of 80×24; a screen of 200×60 hangs on the wall.

film.txt is what they show, frame by frame. If a change of it is right, copy what the last run of this test has seen:
    cp build/film.txt tests/integration/film.txt"""
import difflib
import pathlib
import re
import shutil

import pytest

from daemon import until
import models
import restoretool
import script
import simphone
from technician import Technician
import terminal as tmux
from test_link_source import Link

GOLDEN = pathlib.Path(__file__).with_name('film.txt')
WAIT_SECONDS = 60
# The phone of each slot: board, ECID, and what its restore does, or the mode that it is in.
SLOTS = [
    ('n104ap', 0x001C2D6A3C001111, 'paused'),
    ('d421ap', 0x001C2D6A3C002222, 'paused'),
    ('d421ap', 0x001C2D6A3C8A802E, 'early-reset-first'),
    ('n104ap', 0x001C2D6A3C004444, 'success'),
    ('n104ap', 0x001C2D6A3C005555, 'recovery'),
    ('d22ap', 0x000A111122226666, 'dfu'),
    ('d421ap', 0x001C2D6A3C007777, 'normal'),
    ('n61ap', 0x000B555566668888, 'recovery'),
]
RESTORED = 4
FAILING = 2
SCENARIOS = {
    'paused': {'about': 'success, but Creating filesystem takes until "go"',
               'script': [{'use': 'start'}, {'use': 'partition'}, {'until': 'go'}, {'use': 'image'}, {'use': 'install'},
                          {'use': 'finish'}]},
    **{mode: {'about': 'is not restored', 'startMode': mode} for mode in ('recovery', 'dfu', 'normal')},
}
# What differs from run to run, and what stands for it.
CHANGING = [
    (re.compile(r'(?<=y/n\) y\n)Found device.*?(?=^idevicetriage: idevicerestore exited)', re.M | re.S), '  [...]\n'),
    (re.compile(r'(?<=diagnose )[0-9a-f]{8}|(?<=Stored as )[0-9a-f]{8}'), '########'),
    (re.compile(r'(?<=silent )\d+ s of 2 min *'), lambda found: 'N s of 2 min'.ljust(len(found[0]))),
    (re.compile(r'\n{6,}'), lambda found: f'\n\n  [{len(found[0]) - 1} empty lines]\n\n'),
]

pytestmark = [
    tmux.needed,
    pytest.mark.skipif(not shutil.which('umockdev-wrapper'), reason='umockdev is not installed'),
    pytest.mark.skipif(restoretool.INSTALLED is not restoretool.OLDEST, reason="The film shows Debian 12's restore tool"),
]


class Film:
    """What terminals show, as text that is the same in each run. There is a dialogue in the terminal `hand`."""

    def __init__(self, hand):
        self.text = __doc__.replace('\n\n', '\n') + '\n'
        self.hand = hand
        self.seen = 0

    def frame(self, caption, lines):
        shown = '\n'.join(line.rstrip() for line in lines).rstrip()
        for pattern, replacement in CHANGING:
            shown = pattern.sub(replacement, shown)
        self.text += f'\n\n=== {caption}\n{shown}\n'

    def screen(self, caption, terminal, *texts, **options):
        """The whole screen, when it shows the texts."""
        self.frame(caption, terminal.wait(*texts, **options).splitlines())

    def lines(self):
        return self.hand.shows('-S', '-').rstrip().splitlines()

    def wait(self, text):
        """Waits for a text of the dialogue after the last frame."""
        try:
            until(lambda: text in '\n'.join(self.lines()[self.seen:]), WAIT_SECONDS, text)
        except AssertionError:
            raise AssertionError(f'{text} is not in:\n' + '\n'.join(self.lines())) from None

    def answer(self, question, *keys):
        self.wait(question)
        self.hand.press(*keys)

    def dialogue(self, caption, question):
        """The dialogue from the question of the last frame to this one."""
        self.wait(question)
        lines = self.lines()
        self.frame(caption, lines[max(self.seen - 1, 0):])
        self.seen = len(lines)


class Shop:
    """A bench whose slots all have a phone."""

    def __init__(self, bench, bus, folder, firmware):
        self.bench = bench
        self.tools = []
        self.simulator = simulate(folder / 'mux')
        bus.follow(self.simulator)
        self.simulator.start()
        fill(folder / 'bin', bench.build, f'$(mktemp -d {folder}/cache-XXXXXX)')
        bench.environment['PATH'] = f'{folder}/bin:{bench.environment["PATH"]}'
        for model in {phone.identity.model for phone in self.simulator.phones[:RESTORED]}:
            (folder / f'{model.product_type}.ipsw').symlink_to(firmware(model.board))
        bench.start('--link-socket', folder / 'link')
        self.link = Link(folder / 'link')
        for number, phone in enumerate(self.simulator.phones, 1):
            bench.triage('conditions', phone.port, '--name', f'slot {number}', '--cable', f'L{number:02}')

    def restore_all(self):
        """Two restores run on, one has failed, one has succeeded. They start one after the other."""
        for number in range(RESTORED):
            identity = self.simulator.phones[number].identity
            self.tools.append(self.bench.run(
                ['idevicerestore', '-e', '-i', f'{identity.ecid:#018x}', f'{identity.model.product_type}.ipsw'],
                '--ticket', f'471{number + 1}'))
            until(lambda: len(self.bench.sessions()) == number + 1, WAIT_SECONDS, 'the session')
        until(lambda: sorted((each['outcome'], each.get('operation', 0)) for each in self.bench.sessions()) == [
            ('failed', 28), ('running', 12), ('running', 12), ('succeeded', 29)], WAIT_SECONDS, 'the restores')

    def go(self):
        self.simulator.journal.add('go')

    def close(self):
        self.go()
        for tool in self.tools:
            tool.communicate(timeout=WAIT_SECONDS)
        self.bench.close()
        self.simulator.stop()


def simulate(socket):
    identities = [models.make_identity(board, ecid) for board, ecid, _ in SLOTS]
    simulator = simphone.Simulator(socket, SLOTS[0][2], identities[0], scenarios=script.load(more=SCENARIOS))
    simulator.phone.port = '1-2.1'
    for number in range(1, len(SLOTS)):
        simulator.add_phone(SLOTS[number][2], identities[number], f'1-2.{number + 1}')
    return simulator


def fill(programs, build, cache):
    """The programs that are typed: those that were built, and the restore tool with what the simulation needs."""
    programs.mkdir()
    (programs / 'idevicetriage').symlink_to(build / 'client/idevicetriage')
    words = [*restoretool.without_network(), restoretool.PROGRAM, '-R', '-y', '-C', cache]
    (programs / 'idevicerestore').write_text(f'#!/bin/sh\nexec {" ".join(words)} "$@"\n')
    (programs / 'idevicerestore').chmod(0o755)


@pytest.fixture
def shop(bench, restore_bus, folder, firmware):
    shop = Shop(bench, restore_bus, folder, firmware)
    yield shop
    shop.close()


def restore(film, person):
    film.wait('Start it now?')
    person.restore(lambda: film.hand.press('y'))


def another_port(film, person):
    film.wait('Waiting for it')
    person.unplug()
    film.wait('is unplugged')
    person.phone.port = '1-3'
    person.plug('recovery')
    restore(film, person)
    film.dialogue('On another port, it fails too.', 'Go on with that?')


def another_cable(film, person):
    film.wait('Waiting for it')
    person.unplug()
    film.wait('is unplugged')
    person.plug('recovery')
    film.answer('Label of the new cable', 'L12', 'Enter')
    restore(film, person)
    film.dialogue('With another cable, it fails too.', 'Go on with that?')


def another_computer(film):
    film.answer('Name of the other computer', 'front desk Mac', 'Enter')
    film.answer('Restore tool there', 'finder', 'Enter')
    film.answer('Label of the cable there', 'L20', 'Enter')
    film.answer('Did it work?', 'n')
    film.answer('Error number', '4013', 'Enter')
    film.answer('same point?', 'y')
    film.dialogue('On another computer, it fails too.', 'Go on with that?')


def without_the_flex(film, person):
    film.wait('Is it done?')
    person.replug({'flex': 'disconnected'})
    film.answer('Is it done?', 'y')
    restore(film, person)
    film.dialogue('Without the earpiece flex, it works.', 'Go on with that?')


def test_film(bench, shop, terminal):
    wall, hand = terminal(200, 60), terminal(80, 24, shell=True)
    film = Film(hand)
    person = Technician(bench, shop.simulator, lambda state: 'early-reset-first' if state['flex'] == 'connected' else None,
                        shop.simulator.phones[FAILING])
    hand.press("PS1='$ '; clear; idevicetriage watch", 'Enter')
    shop.restore_all()
    film.screen('Two restores run, one has failed, one has succeeded (80×24).', hand, *[
        'iPhone 11 …1111 · ticket 4711           iPhone 11 Pro …2222 · ticket 4712', 'Next: ', '✓ SUCCEEDED',
        'Creating filesystem            ████▒▒░░ Creating filesystem'], without=['gone'])
    film.screen('The wall (200×60).', wall, 'Next: ', '✓ SUCCEEDED', 'at Waiting for NAND',
                'Creating filesystem          ██████████▒▒▒▒▒░░░░░ Creating filesystem', without=['gone'])
    hand.press('Down', 'Enter')
    film.screen('Enter shows why the one in slot 3 has failed.', hand, 'Next step', 'q back')
    shop.go()
    hand.press('q', 'q')
    hand.wait('$', without=['slot'])
    hand.press('clear; idevicetriage try 802e', 'Enter')
    another_port(film, person)
    hand.press('y')
    another_cable(film, person)
    hand.press('y')
    another_computer(film)
    hand.press('y')
    without_the_flex(film, person)
    hand.press('n')
    hand.press('idevicetriage watch', 'Enter')
    ended = {'without': ['RESTORING', 'FAILED', 'gone']}
    film.screen('All restores have ended.', hand, 'Next: connect', 'ticket 4712', **ended)
    film.screen('The wall.', wall, 'Next: connect', 'ticket 4712', **ended)
    hand.press('Down', 'Down', 'Down', 'Down', 'Enter')
    film.screen('Enter shows the verdict about the phone on port 1-3.', hand, 'Next step', 'q back')
    made = bench.build / 'film.txt'
    made.write_text(film.text)
    if film.text != GOLDEN.read_text():
        difference = difflib.unified_diff(GOLDEN.read_text().splitlines(True), film.text.splitlines(True), 'film.txt', 'now')
        pytest.fail(f'It differs. If that is right: cp {made} {GOLDEN}\n{"".join(difference)}', pytrace=False)
