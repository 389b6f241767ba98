# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the daemon is as a service, without systemd: signals, and what it reports. tests/vm has the rest."""
import signal
import socket

import pytest
from daemon import until


@pytest.fixture
def service(bench, folder):
    """A daemon with a configuration file and a service manager; `say(signal)` sends, `heard` has the words to the manager."""
    bench.config = folder / 'config'
    bench.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    bench.manager.bind(str(folder / 'notify'))
    bench.manager.setblocking(False)
    bench.environment['NOTIFY_SOCKET'] = str(folder / 'notify')
    bench.heard = []

    def hear():
        try:
            while True:
                bench.heard.append(bench.manager.recv(4096).decode())
        except BlockingIOError:
            return bench.heard
    bench.hear = hear
    bench.said = lambda: (folder / 'daemon.log').read_text()
    yield bench
    bench.manager.close()


def has_source(bench, name):
    return any(source['name'] == name for source in bench.ask('status')['sources'])


def start(service, text):
    service.config.write_text(text)
    service.start('--config', str(service.config))


def reload(service, text):
    service.config.write_text(text)
    before = service.said().count('eload')
    service.process.send_signal(signal.SIGHUP)
    until(lambda: service.said().count('eload') > before, what='the reload')


def test_reload_puts_settings_in_force(service):
    start(service, 'keep-records = 30\n')
    assert not has_source(service, 'phone')
    service.hear().clear()
    reload(service, 'phone-query = yes\n')
    assert has_source(service, 'phone')
    # A manager that waits for the end of the reload gets both words.
    until(lambda: 'READY=1' in service.hear(), what='the end of the reload')
    assert service.heard[0].startswith('RELOADING=1\nMONOTONIC_USEC=')
    reload(service, 'phone-query = no\n')
    assert not has_source(service, 'phone')
    assert 'needs a restart' not in service.said()


@pytest.mark.parametrize('setting', ['ring-size = 262144', 'link-socket = /nonexistent/link'])
def test_reload_names_what_needs_a_restart(service, setting):
    start(service, '')
    reload(service, setting + '\n')
    assert 'needs a restart' in service.said()


def test_a_wrong_configuration_changes_nothing(service):
    start(service, 'phone-query = yes\n')
    reload(service, 'phone-query = no\nkeep-records = many\n')
    assert 'Cannot reload the configuration' in service.said()
    assert 'line 2' in service.said()
    assert has_source(service, 'phone')
    assert service.process.poll() is None


def test_state_dump_and_status_name_no_phone(service, make_phone):
    phone = make_phone('success').phone
    start(service, '')
    until(lambda: service.sees(phone.identity.udid), what='the phone')
    until(lambda: any('1 phone, 0 restores running' in word for word in service.hear()), what='the status line')
    service.process.send_signal(signal.SIGUSR1)
    until(lambda: 'state: ring' in service.said(), what='the dump')
    dump = [line for line in service.said().splitlines() if 'state: ' in line]
    assert any('mode' in line and 'listed by usbmuxd' in line for line in dump)
    assert any('source usbmuxd: works' in line for line in dump)
    told = '\n'.join(dump + service.heard).upper()
    assert phone.identity.udid.upper() not in told
    assert f'{phone.identity.ecid:X}' not in told
    assert str(phone.identity.ecid) not in told
