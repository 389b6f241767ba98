# SPDX-License-Identifier: LGPL-2.1-or-later
"""The Debian package on a fresh Debian 13: built by the one command, clean for its lintian, installed with the packages that it
names. tests/vm/test_package.py has the service; ./check builds and checks it on Debian 12."""
import json
import pathlib
import re
import shutil
import subprocess

import pytest
from debian import ROOT, root_of

SOURCE = pathlib.Path(__file__).resolve().parents[2]
RUN_SECONDS = 1500


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


@pytest.fixture(scope='module')
def debian(request, tmp_path_factory):
    """run(command): in a Debian 13 of its own, in a folder with the sources of this tree."""
    build = pathlib.Path(request.config.getoption('--build-dir')).resolve()
    fresh = root_of('trixie', build)
    folder = tmp_path_factory.mktemp('debian')
    root, work = folder / 'root', folder / 'work'
    subprocess.run(['cp', '-a', '--reflink=auto', fresh, root], check=True)
    shutil.copy('/etc/resolv.conf', root / 'etc/resolv.conf')
    work.mkdir()
    names = subprocess.run(['git', 'ls-files', '-z'], cwd=SOURCE, check=True, capture_output=True).stdout
    packed = subprocess.run(['tar', '-c', '--null', '-T', '-'], cwd=SOURCE, input=names, check=True, capture_output=True)
    subprocess.run(['tar', '-x'], cwd=work, input=packed.stdout, check=True)

    def run(command):
        done = subprocess.run([ROOT / 'enter', root, 'env', 'DEBIAN_FRONTEND=noninteractive', 'LC_ALL=C.UTF-8',
                               'sh', '-ec', command], cwd=work, capture_output=True, text=True, timeout=RUN_SECONDS, check=False)
        print(done.stdout[-4000:], done.stderr[-4000:])
        assert done.returncode == 0, command
        return done.stdout

    yield run
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.long
def test_one_command_builds_it(debian):
    debian('./package')
    debian('apt-get -q install -y --no-install-recommends lintian')
    debian('lintian --fail-on error,warning,pedantic build-package/*.changes')


@pytest.mark.long
def test_it_installs_with_what_it_names(debian):
    debian('apt-get -q install -y --no-install-recommends ./build-package/idevicetriage_*.deb')
    assert debian('idevicetriage --version').startswith('idevicetriage ')
    debian('idevicetriaged --version; ldd /usr/libexec/idevicetriage-phone')
    # The group is there, and the messages have their explanations.
    assert debian('getent group idevicetriage').startswith('idevicetriage:')
    assert 'A restore failed' in debian('journalctl --dump-catalog')


@pytest.mark.long
def test_remove_keeps_and_purge_deletes(debian):
    debian('mkdir -p /var/lib/idevicetriage /etc/idevicetriage; touch /var/lib/idevicetriage/ring /etc/idevicetriage/x')
    debian('apt-get -q remove -y idevicetriage; test -e /var/lib/idevicetriage/ring -a -e /etc/idevicetriage/x')
    debian('dpkg --purge idevicetriage; test ! -e /var/lib/idevicetriage -a ! -e /etc/idevicetriage')
