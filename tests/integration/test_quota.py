# SPDX-License-Identifier: LGPL-2.1-or-later
"""Members of the group can fill neither the casebook nor the disk: one user sends a limited number of bytes a day, and the
casebook has a size. What the daemon watches is stored all the same; the oldest goes for it."""
import json
import os
import random
import re
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from daemon import until
from test_api import INTERFACE, NOBODY, ROOT

MIB = 1 << 20
ECID = '0x00AA334455667788'
RUN = {'tool': 'x', 'arguments': [], 'conditions': []}
ROW = 4096  # what a call that stores something costs beside its bytes

AS_USER = '''
import json, os, socket, sys
os.setgid(%d); os.setuid(%d)
peer = socket.socket(socket.AF_UNIX)
peer.settimeout(20)
peer.connect(sys.argv[1])
stream = peer.makefile('rb')
def call(method, **parameters):
    peer.sendall(json.dumps({'method': 'io.github.idevicetriage.' + method, 'parameters': parameters}).encode() + b'\\0')
    answer = b''
    while not answer.endswith(b'\\0'):
        answer += peer.recv(1 << 20)
    return json.loads(answer[:-1])
'''


def as_user(bench, user, text):
    """Runs Python in a process of that user, with a function call(); gives what it printed as JSON."""
    if os.getuid() != 0:
        pytest.skip('needs two users')
    os.chmod(bench.folder, 0o755)
    os.chmod(bench.socket, 0o666)
    result = subprocess.run([sys.executable, '-c', AS_USER % (user, user) + text, str(bench.socket)],
                            capture_output=True, text=True, check=True)
    return json.loads(result.stdout)


def in_use(bench):
    with closing(sqlite3.connect(bench.state / 'casebook.db')) as book:
        pages, free = (book.execute(f'PRAGMA {name}').fetchone()[0] for name in ('page_count', 'freelist_count'))
    return (pages - free) * 4096


def fill(bench):
    """Adds notes until they are refused. Gives the answer, and how many were stored."""
    for number in range(5000):
        answer = json.loads(bench.call_raw('AddNote', device=f'0x{1 + number // 500:016X}', text='x' * 990))
        if 'error' in answer:
            return answer, number
    raise AssertionError('nothing was refused')


def test_a_full_casebook_refuses_what_people_add(bench):
    bench.start('--casebook-size', str(MIB))
    answer, stored = fill(bench)
    assert answer == {'error': f'{INTERFACE}.CasebookFull', 'parameters': {'limit': MIB}}
    assert stored > 500 and MIB <= in_use(bench) < MIB + 65536
    status = bench.call('GetStatus')
    assert status['casebookLimit'] == MIB <= status['casebookBytes']
    # The command says what to do, and doctor says it before.
    result = bench.triage('note', ECID, 'wet', check=False)
    assert result.returncode == 1 and 'has reached its limit of 1048576 bytes. Delete old attempts' in result.stderr
    found = {check['check']: check for check in json.loads(bench.triage('--json', 'doctor', check=False).stdout)['checks']}
    assert found['casebook']['result'] == 'problem' and 'notes and imports are refused' in found['casebook']['text']
    # What is purged makes room, and so does a greater limit.
    bench.triage('purge', '--yes', f'0x{1:016X}')
    bench.triage('note', ECID, 'wet')


def watch_restore(bench, chance, lines=400):
    text = ''.join(f'{chance.randbytes(60).hex()}\n' for _ in range(lines - 2))
    text += 'Waiting for NAND (28)\nERROR: Unable to restore device\n'
    return bench.watch_failure(text, ecid=ECID)


def test_what_the_daemon_watches_has_room_in_a_full_casebook(bench):
    """Its oldest records go for it, and no others."""
    bench.start('--casebook-size', str(2 * MIB), '--ring-size', '1048576')
    fill(bench)
    chance = random.Random(1)
    sessions = [watch_restore(bench, chance) for _ in range(24)]
    until(lambda: bench.call('GetStatistics')['attempts'] == 24, what='the seals')
    assert in_use(bench) < 2.5 * MIB + 131072
    assert len(bench.records(sessions[-1], 'log')) == 400
    assert bench.call('GetCase', device=f'0x{1:016X}')['notes'], 'what people said goes last'
    with closing(sqlite3.connect(bench.state / 'casebook.db')) as book:
        oldest = {row[0].hex() for row in book.execute('SELECT DISTINCT attempt FROM records')}
    kept = [session.replace('-', '') in oldest for session in sessions]
    assert kept == sorted(kept) and not kept[0] and kept[-1]


def test_a_user_has_a_limit_for_each_day(bench):
    bench.start('--daily-limit', str(MIB))
    refused = {'error': f'{INTERFACE}.DailyLimit', 'parameters': {'limit': MIB}}
    answer, stored, later, run = as_user(bench, NOBODY, '''
run = call('BeginRun', tool='x', arguments=[], conditions=[])['parameters']['session']
for number in range(1000):
    answer = call('AddNote', device='0x%016X' % (1 + number), text='x')
    if 'error' in answer:
        break
later = [call(*each) if isinstance(each, str) else call(each[0], **each[1]) for each in (
    ('SetConditions', {'place': '1-2', 'conditions': []}), ('AppendLog', {'session': run, 'offset': 0, 'text': 'x' * 4096}),
    ('EndRun', {'session': run, 'exitStatus': 1}), ('GetStatus', {}))]
print(json.dumps([answer, number, later, run]))
''')
    assert answer == refused
    assert abs(stored - MIB // ROW) < 20
    conditions, log, end, status = later
    assert conditions == log == refused
    # The restore ends, and questions are free.
    assert end['parameters']['result']['session'] == run and 'parameters' in status
    # Other users and the administrator have their own.
    assert as_user(bench, NOBODY - 1, "print(json.dumps(call('AddNote', device='0x1', text='x')))") == {'parameters': {}}
    bench.triage('note', ECID, 'wet')


def test_run_goes_on_without_its_log(bench, folder):
    """Its user has sent the bytes of a day: the restore is not disturbed, and its end is known."""
    if os.getuid() != 0:
        pytest.skip('needs two users')
    bench.start('--daily-limit', str(MIB))
    os.chmod(bench.folder, 0o777)
    os.chmod(bench.socket, 0o666)
    tool = folder / 'tool'
    tool.write_text('#!/bin/sh\nhead -c 2000000 /dev/zero | tr "\\0" x | fold -w 99\nexit 3\n')
    tool.chmod(0o755)
    result = subprocess.run(['setpriv', f'--reuid={NOBODY}', f'--regid={NOBODY}', '--clear-groups', '--',
                             str(bench.build / 'client' / 'idevicetriage'), 'run', '--', str(tool)],
                            env={**bench.environment, 'HOME': str(folder)}, cwd=folder, capture_output=True, text=True)
    assert result.returncode == 3 and result.stdout.count('x' * 99) > 20000
    assert 'accepts no more from this user today' in result.stderr
    session = until(lambda: bench.call('ListSessions')['sessions'])[0]
    assert session['outcome'] != 'running' and not session.get('running')


@pytest.mark.parametrize('option', ['--casebook-size', '--daily-limit'])
def test_limits_change_with_the_configuration(bench, folder, option):
    config = folder / 'daemon.conf'
    config.write_text(f'{option[2:]} = {MIB}\n')
    bench.start('--config', str(config))
    if option == '--casebook-size':
        fill(bench)
        assert bench.call('GetStatus')['casebookLimit'] == MIB
    config.write_text(f'{option[2:]} = 0\n')
    bench.process.send_signal(1)
    until(lambda: 'Reloaded the configuration.' in bench.say(), what='the reload')
    if option == '--casebook-size':
        assert bench.call('GetStatus')['casebookLimit'] == 0
        bench.triage('note', ECID, 'wet')
    else:
        assert as_user(bench, NOBODY, '''
print(json.dumps(sum('error' in call('AddNote', device='0x%016X' % (1 + n), text='x') for n in range(400))))''') == 0
    for value in ('1', '-1', 'x', '1048575', '1099511627777'):
        result = subprocess.run([bench.build / 'daemon' / 'idevicetriaged', option, value], capture_output=True, text=True)
        assert result.returncode == 2 and 'bytes, from 1048576' in result.stderr


def test_others_are_served_when_four_members_hold_all_connections(bench):
    bench.start()
    held = """
peers = [peer]
for _ in range(15):
    peers.append(socket.socket(socket.AF_UNIX))
    peers[-1].connect(sys.argv[1])
print('[]', flush=True)
sys.stdin.read()
"""
    if os.getuid() != 0:
        pytest.skip('needs two users')
    os.chmod(bench.folder, 0o755)
    os.chmod(bench.socket, 0o666)
    holders = [subprocess.Popen([sys.executable, '-c', AS_USER % (user, user) + held, str(bench.socket)], stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, text=True) for user in range(NOBODY - 4, NOBODY)]
    for holder in holders:
        assert holder.stdout.readline() == '[]\n'
    assert 'parameters' in as_user(bench, NOBODY, "print(json.dumps(call('GetStatus')))")
    assert bench.triage('status').returncode == 0
    for holder in holders:
        holder.communicate()


def test_a_piece_of_a_log_has_a_limit_of_lines(bench):
    """20,000 lines in one call kept all others waiting for 30 ms."""
    bench.start()
    session = bench.call('BeginRun', **RUN)['session']
    offsets, text = [0], 'x\n' * 2500
    while offsets[-1] < len(text):
        offsets.append(bench.call('AppendLog', session=session, offset=offsets[-1], text=text[offsets[-1]:])['offset'])
    assert offsets == [0, 2000, 4000, 5000]
    assert len(bench.records(session, 'log')) == 2500


def test_each_method_that_stores_something_has_its_cost():
    """Else a member could fill the casebook with it. EndRun is paid by BeginRun: a restore always ends."""
    text = (ROOT / 'daemon/server/methods.c').read_text()
    rows = re.findall(r'\{OWN\("(\w+)"\), ACCESS_WRITE,(.*?)\}', text, re.S)
    assert len(rows) > 8 and [name for name, row in rows if 'COST_' not in row] == ['EndRun']
