# SPDX-License-Identifier: LGPL-2.1-or-later
"""A PostgreSQL server of its own for a test, in a private folder: on a Unix socket, and with TLS on 127.0.0.1.

As a program, for the demo: runs one in FOLDER, on a Unix socket alone, until it is stopped. When the server is ready, it
prints the connection string of the administrator.
"""
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import sys

from daemon import until

PROGRAMS = sorted(pathlib.Path('/usr/lib/postgresql').glob('*/bin'), key=lambda path: int(path.parent.name))
CONFIGURATION = """
port = {port}
unix_socket_directories = '{folder}'
fsync = off
synchronous_commit = off
max_connections = {connections}
shared_buffers = 32MB
log_line_prefix = '%t %u '
"""
NO_NETWORK = """
listen_addresses = ''
"""
TLS = """
listen_addresses = '127.0.0.1'
ssl = on
ssl_cert_file = '{folder}/server.crt'
ssl_key_file = '{folder}/server.key'
"""
# As the manual page says.
ACCESS = """
local   all            {owner}                                    trust
local   idevicetriage  +idevicetriage_bench                       scram-sha-256
hostssl idevicetriage  +idevicetriage_bench       127.0.0.1/32    scram-sha-256
"""


def installed():
    """Whether a server of version 15 or later is here."""
    return bool(PROGRAMS) and int(PROGRAMS[-1].parent.name) >= 15 and shutil.which('openssl') and shutil.which('psql')


def free_port():
    with socket.socket() as listener:
        listener.bind(('127.0.0.1', 0))
        return listener.getsockname()[1]


class Postgres:
    """A cluster. PostgreSQL refuses to run as root: as root, it runs as another user."""

    def __init__(self, folder, connections=50, network=True):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir()
        self.data = self.folder / 'data'
        self.port = free_port()
        self.connections = connections
        self.network = network
        self.owner, self.prefix = self.find_owner()
        self.process = None
        self.log = self.folder / 'server.log'

    def find_owner(self):
        if os.getuid() != 0:
            return pwd.getpwuid(os.getuid()).pw_name, []
        names = {entry.pw_name for entry in pwd.getpwall()}
        user = pwd.getpwnam('postgres' if 'postgres' in names else 'nobody')
        os.chown(self.folder, user.pw_uid, user.pw_gid)
        # The folder above is a test's own: others may pass through it.
        self.folder.parent.chmod(0o711)
        return user.pw_name, ['setpriv', f'--reuid={user.pw_uid}', f'--regid={user.pw_gid}', '--clear-groups']

    def program(self, name, *arguments, **options):
        return subprocess.run([*self.prefix, str(PROGRAMS[-1] / name), *map(str, arguments)], cwd=self.folder, text=True,
                              capture_output=True, timeout=120, check=False, **options)

    def create(self):
        result = self.program('initdb', '-D', self.data, '-U', self.owner, '--no-sync', '-A', 'trust', '-E', 'UTF8',
                              '--locale=C.UTF-8')
        assert result.returncode == 0, f'initdb failed: {result.stderr}'
        if self.network:
            self.make_certificates()
        (self.data / 'postgresql.conf').write_text((CONFIGURATION + (TLS if self.network else NO_NETWORK)).format(
            port=self.port, folder=self.folder, connections=self.connections))
        (self.data / 'pg_hba.conf').write_text(ACCESS.format(owner=self.owner))
        self.start()
        self.sql('CREATE DATABASE idevicetriage', database='postgres')
        return self

    def make_certificates(self):
        """An authority, and a certificate of localhost. `other.crt` is an authority that signed nothing here."""
        def openssl(*arguments):
            subprocess.run([*self.prefix, 'openssl', *arguments], cwd=self.folder, capture_output=True, check=True)
        for name in ('ca', 'other'):
            openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30',
                    '-subj', f'/CN={name}', '-keyout', f'{name}.key', '-out', f'{name}.crt')
        openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=localhost',
                '-keyout', 'server.key', '-out', 'server.csr')
        openssl('x509', '-req', '-in', 'server.csr', '-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial',
                '-days', '30', '-out', 'server.crt')

    def start(self):
        # Not at /tmp's mercy: the socket is in the folder.
        self.process = subprocess.Popen([*self.prefix, str(PROGRAMS[-1] / 'postgres'), '-D', str(self.data)],
                                        cwd=self.folder, stdout=open(self.log, 'ab'), stderr=subprocess.STDOUT)
        until(lambda: self.program('pg_isready', '-h', self.folder, '-p', self.port).returncode == 0, 60, 'PostgreSQL')

    def start_again(self):
        """If a test stopped it."""
        if self.process.poll() is not None:
            self.start()

    def clear(self):
        """Forgets everything: the next test begins with an empty database."""
        self.start_again()
        self.sql('DROP DATABASE IF EXISTS idevicetriage WITH (FORCE)', database='postgres')
        roles = self.sql(f"SELECT quote_ident(rolname) FROM pg_roles WHERE rolname !~ '^pg_' AND rolname <> '{self.owner}'",
                         database='postgres')
        for role in roles:
            self.sql(f'DROP ROLE {role}', database='postgres')
        self.sql('CREATE DATABASE idevicetriage', database='postgres')

    def stop(self, number=signal.SIGINT):
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(30)

    def admin(self):
        """The connection string of the administrator."""
        return f'host={self.folder} port={self.port} dbname=idevicetriage user={self.owner}'

    def sql(self, statement, database='idevicetriage', user=None, password=None, check=True, host=None, timeout=120):
        """Runs a statement; gives the lines of its result."""
        environment = {**os.environ, **({'PGPASSWORD': password} if password else {})}
        result = subprocess.run(
            ['psql', '-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-h', str(host or self.folder), '-p', str(self.port),
             '-U', user or self.owner, '-d', database, '-f', '-'], input=statement, env=environment, text=True,
            capture_output=True, timeout=timeout, check=False)
        if check:
            assert result.returncode == 0, result.stderr
            return result.stdout.splitlines()
        return result

    def session(self):
        """A psql that answers statements on its standard input, one line each."""
        return subprocess.Popen(['psql', '-X', '-q', '-A', '-t', '-h', str(self.folder), '-p', str(self.port), '-U', self.owner, '-d',
                                 'idevicetriage'], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def dump(self):
        """Everything that the server has, as text."""
        result = self.program('pg_dumpall', '-h', self.folder, '-p', self.port, '-U', self.owner)
        assert result.returncode == 0, result.stderr
        return result.stdout


def main(folder):
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit())
    if not installed():
        sys.exit('PostgreSQL 15 or later is not installed')
    server = Postgres(folder, network=False)
    try:
        server.create()
        print(server.admin(), flush=True)
        server.process.wait()
    except (AssertionError, OSError) as error:
        sys.exit(' '.join(str(error).split()))
    finally:
        server.stop()


if __name__ == '__main__':
    main(sys.argv[1])
