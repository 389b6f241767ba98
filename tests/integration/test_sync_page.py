# SPDX-License-Identifier: LGPL-2.1-or-later
"""The ten minutes of idevicetriage-sync(8), line by line as they are written, with Debian's PostgreSQL: in namespaces in which
this computer is the server, and also the bench. What a test cannot have, it stands in for: apt, sudo, ssh, systemctl."""
import os
import pathlib
import re
import shutil
import subprocess

import pytest

from daemon import Bench, until

SOURCE = pathlib.Path(__file__).parents[2]
PAGE = SOURCE / 'man' / 'idevicetriage-sync.8.scd'
NEEDED = ('pg_createcluster', 'pg_ctlcluster', 'openssl', 'setpriv', 'unshare', 'ip', 'psql')

pytestmark = pytest.mark.skipif(os.getuid() != 0 or not all(map(shutil.which, NEEDED)),
                                reason='needs root and Debian\'s PostgreSQL')

STUBS = {
    'apt': 'exit 0',
    'ssh': 'shift; exec "$@"',
    'sudo': '''if [ "$1" = -u ]; then
    user=$2; shift 2
    cd /
    exec setpriv --reuid="$user" --regid="$user" --init-groups env HOME=/var/lib/postgresql "$@"
fi
exec "$@"''',
    'systemctl': '''set -e
case $* in
"restart postgresql") pg_ctlcluster "$VERSION" main restart ;;
"restart idevicetriage-sync")
    # As the unit says.
    test -e "$(sed -n 's/^ConditionPathExists=//p' "$UNIT")"
    program=$(sed -n 's/^ExecStart=//p' "$UNIT")
    folder=$(sed -n 's/^LoadCredential=sync://p' "$UNIT")
    mkdir "$WORK/credentials"
    for file in "$folder"/*; do cp "$file" "$WORK/credentials/sync_${file##*/}"; done
    CREDENTIALS_DIRECTORY="$WORK/credentials" setsid ${program##*/} >"$WORK/sync.log" 2>&1 </dev/null &
    tries=0
    until grep -q '"connected".*"backlog":0' /run/idevicetriage-sync/status.json 2>/dev/null; do
        tries=$((tries + 1)); [ $tries -lt 300 ] || exit 1
        sleep 0.1
    done ;;
*) echo "systemctl $*: not on the page" >&2; exit 1 ;;
esac''',
}

# What a Debian machine has before the page begins.
MACHINE = '''set -e
mount --make-rprivate /
for folder in /etc/postgresql /var/lib/postgresql /var/log/postgresql /run/postgresql /etc/idevicetriage /run/idevicetriage-sync; do
    mkdir -p $folder
    mount -t tmpfs tmpfs $folder
done
chown postgres:postgres /var/lib/postgresql /var/log/postgresql /run/postgresql
hostname server.shop.example
ip link set lo up
printf '127.0.0.1 server.shop.example server bench-2\\n127.0.0.1 localhost\\n' >$WORK/hosts
mount --bind $WORK/hosts /etc/hosts
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=server.shop.example \\
    -addext subjectAltName=DNS:server.shop.example -addext basicConstraints=CA:FALSE \\
    -keyout $WORK/key.pem -out $WORK/cert.pem 2>/dev/null
cp -a /etc/ssl/certs $WORK/certs
mount --bind $WORK/certs /etc/ssl/certs
mount -t tmpfs tmpfs /etc/ssl/private
cp $WORK/cert.pem /etc/ssl/certs/ssl-cert-snakeoil.pem
cp $WORK/key.pem /etc/ssl/private/ssl-cert-snakeoil.key
chown root:ssl-cert /etc/ssl/private /etc/ssl/private/*; chmod 710 /etc/ssl/private; chmod 640 /etc/ssl/private/*
pg_createcluster $VERSION main --start >/dev/null
'''


def lines_of_the_page():
    section = PAGE.read_text().split('# TEN MINUTES ON DEBIAN')[1].split('\n# ')[0]
    return [line for block in re.findall(r'^```\n(.*?)^```', section, re.S | re.M) for line in block.splitlines()]


def test_the_page_as_written(request, folder):
    build = pathlib.Path(request.config.getoption('--build-dir')).resolve()
    (folder / 'bin').mkdir()
    for name, text in STUBS.items():
        (folder / 'bin' / name).write_text(f'#!/bin/sh\n{text}\n')
        (folder / 'bin' / name).chmod(0o755)
    shutil.copy(build / 'sync' / 'idevicetriage-sync', folder / 'bin')
    folder.chmod(0o755)
    bench = Bench(build, folder, folder / 'mux').start()
    bench.triage('attempt', '0x001C2D6A3C8A802E', '--outcome', 'failed')
    lines = lines_of_the_page()
    assert len(lines) == 13, lines
    end = '''
    sudo -u postgres psql -qAt -d idevicetriage -c 'SELECT count(*) FROM idevicetriage.attempt' >$WORK/count
    sudo -u postgres psql -qAt -c "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = 'bench-2'" >$WORK/tls
    pg_ctlcluster $VERSION main stop -m immediate
    '''
    script = MACHINE + 'set -x\n' + '\n'.join(lines) + '\nset +x\n' + end
    version = sorted(pathlib.Path('/usr/lib/postgresql').iterdir(), key=lambda path: int(path.name))[-1].name
    environment = {**bench.environment, 'PATH': f'{folder}/bin:{os.environ["PATH"]}:/usr/sbin:/sbin', 'VERSION': version,
                   'WORK': str(folder), 'UNIT': str(build / 'systemd' / 'idevicetriage-sync.service')}
    result = subprocess.run(['unshare', '--mount', '--net', '--uts', '--pid', '--fork', '--kill-child', '--mount-proc', 'bash', '-c',
                             script], env=environment, text=True, capture_output=True, timeout=120, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert 'Created the schema' in result.stdout and 'Enrolled bench-2' in result.stdout
    assert 'with TLS and a verified certificate' in result.stdout
    assert re.search(r'^State +connected', result.stdout, re.M)
    assert (folder / 'tls').read_text() == 't\n' and (folder / 'count').read_text() == '1\n'
    bench.close()
