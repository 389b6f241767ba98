# SPDX-License-Identifier: LGPL-2.1-or-later
"""The Debian packages on a fresh Debian 13: built by the one command, clean for its lintian, installed with the packages that they
name. tests/vm/test_package.py has the services; ./check builds and checks them on Debian 12."""
import json
import pathlib
import re
import subprocess

import pytest
from debian import SOURCE, fresh


def owner(name):
    """The Debian package of a dependency that pkg-config knows."""
    folder = subprocess.run(['pkg-config', '--variable=pcfiledir', name], check=True, capture_output=True, text=True)
    file = f'{folder.stdout.strip()}/{name}.pc'
    found = subprocess.run(['dpkg-query', '-S', file], check=True, capture_output=True, text=True)
    return found.stdout.partition(':')[0]


def test_the_build_without_tests_needs_what_the_package_names(folder):
    subprocess.run(['meson', 'setup', '-Dtests=false', folder / 'build', SOURCE], check=True, capture_output=True)
    told = subprocess.run(['meson', 'introspect', '--dependencies', folder / 'build'], check=True, capture_output=True)
    needed = {dependency['name'] for dependency in json.loads(told.stdout)} - {'threads'}
    control = (SOURCE / 'debian/control').read_text()
    named = set(re.findall(r'^ ([a-z0-9-]+)', control.partition('\nPackage:')[0], re.MULTILINE))
    assert 'libsystemd' in needed
    assert {owner(name) for name in needed} <= named
    assert not any(word in needed for word in ('cmocka', 'umockdev-1.0'))
    # Nor does the build need a program of the tests.
    assert not any(word in named for word in ('libcmocka-dev', 'libumockdev-dev', 'python3-pytest', 'umockdev'))


@pytest.fixture(scope='module')
def debian(request, tmp_path_factory):
    """run(command): in a Debian 13 of its own, in a folder with the sources of this tree."""
    build = pathlib.Path(request.config.getoption('--build-dir')).resolve()
    with fresh('trixie', build, tmp_path_factory.mktemp('debian')) as run:
        yield run


@pytest.mark.long
def test_one_command_builds_them(debian):
    """With the packages that it names and no other one of the tests."""
    debian('apt-get -q purge -y --autoremove libcmocka-dev libumockdev-dev umockdev python3-pytest meson')
    debian('./package')
    assert debian("dpkg-query -W -f '${db:Status-Status}\\n' libcmocka-dev python3-pytest umockdev 2>&1 || true").count('installed') == 0
    debian('apt-get -q install -y --no-install-recommends lintian')
    debian('lintian --fail-on error,warning,pedantic build-package/*.changes')


@pytest.mark.long
def test_two_builds_give_the_same_bytes(debian):
    debian('umask 027; TZ=Asia/Tokyo LC_ALL=C ./package build-second/elsewhere >/dev/null')
    for name in ('idevicetriage', 'idevicetriage-link', 'idevicetriage-sync'):
        for package in (name, f'{name}-dbgsym'):
            debian(f'cmp build-package/{package}_*.deb build-second/elsewhere/{package}_*.deb')


@pytest.mark.long
def test_they_install_with_what_they_name(debian):
    debian('apt-get -q install -y --no-install-recommends ./build-package/idevicetriage_*.deb')
    assert debian('idevicetriage --version').startswith('idevicetriage ')
    debian('idevicetriaged --version; ldd /usr/libexec/idevicetriage-phone')
    # The groups are there, and the messages have their explanations; the user and the rights of the other package are not.
    assert debian('getent group idevicetriage').startswith('idevicetriage:')
    assert debian('getent group idevicetriage-link').startswith('idevicetriage-link:')
    assert 'A restore failed' in debian('journalctl --dump-catalog')
    # Every example can be started where it is.
    debian('cd /usr/share/doc/idevicetriage/examples; for script in */*.sh */*.py */*.php */*.js; do test -x $script; done')
    debian('! getent passwd idevicetriage-link; test ! -e /usr/lib/udev/rules.d/70-idevicetriage-link.rules')
    debian('apt-get -q install -y --no-install-recommends ./build-package/idevicetriage-link_*.deb')
    group = debian('getent group idevicetriage-link').split(':')[2]
    assert debian('getent passwd idevicetriage-link').split(':')[3] == group
    debian('/usr/libexec/idevicetriage-link --version; test -e /usr/lib/udev/rules.d/70-idevicetriage-link.rules')
    debian('apt-get -q install -y --no-install-recommends ./build-package/idevicetriage-sync_*.deb')
    debian('idevicetriage-sync --version; getent passwd idevicetriage-sync; test -e /usr/share/idevicetriage-sync/schema.sql')


@pytest.mark.long
def test_remove_keeps_and_purge_deletes(debian):
    debian('mkdir -p /var/lib/idevicetriage /etc/idevicetriage/sync; touch /var/lib/idevicetriage/ring /etc/idevicetriage/x')
    debian('touch /etc/idevicetriage/sync.conf; apt-get -q remove -y idevicetriage-sync; test -e /etc/idevicetriage/sync')
    debian('dpkg --purge idevicetriage-sync; test ! -e /etc/idevicetriage/sync -a ! -e /etc/idevicetriage/sync.conf')
    debian('apt-get -q purge -y idevicetriage-link; test -e /usr/bin/idevicetriage -a ! -e /usr/libexec/idevicetriage-link')
    debian('apt-get -q install -y --no-install-recommends ./build-package/idevicetriage-link_*.deb')
    # The reader does not work without the daemon.
    debian('apt-get -q remove -y idevicetriage; test -e /var/lib/idevicetriage/ring -a -e /etc/idevicetriage/x')
    debian('test ! -e /usr/libexec/idevicetriage-link')
    debian('dpkg --purge idevicetriage; test ! -e /var/lib/idevicetriage -a ! -e /etc/idevicetriage')
