# SPDX-License-Identifier: LGPL-2.1-or-later
"""varlinkctl of systemd 257 (Debian 13) reads our interface and calls our socket."""
import json
import subprocess

import pytest

import debian

INTERFACE = 'io.github.idevicetriage'


@pytest.fixture
def varlinkctl(bench):
    """varlinkctl(*words): its exit status and what it printed."""

    def call(*words):
        command = debian.command_in('trixie', bench.build, 'varlinkctl', *words)
        return subprocess.run(command, cwd=bench.folder, capture_output=True, text=True, timeout=60, check=False)

    if call('--version').returncode != 0:
        pytest.skip('varlinkctl is not in this Debian 13: its package systemd is not installed')
    bench.start()
    return call


def test_it_reads_the_interface(bench, varlinkctl):
    interfaces = varlinkctl('list-interfaces', bench.socket)
    assert (interfaces.returncode, interfaces.stdout.split()) == (0, [INTERFACE, 'org.varlink.service']), interfaces.stderr
    described = varlinkctl('introspect', bench.socket, INTERFACE)
    assert described.returncode == 0 and 'method Diagnose(' in described.stdout, described.stderr
    assert 'idevicetriaged' in varlinkctl('info', bench.socket).stdout


def test_it_calls_a_method(bench, varlinkctl):
    answer = varlinkctl('call', bench.socket, f'{INTERFACE}.GetStatus', '{}')
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout)['bench'] == 'bench-1'


def test_it_shows_an_error(bench, varlinkctl):
    answer = varlinkctl('call', bench.socket, f'{INTERFACE}.Diagnose', '{"device": "1-9"}')
    assert answer.returncode != 0 and f'{INTERFACE}.NoSuchDevice' in answer.stderr
