# SPDX-License-Identifier: LGPL-2.1-or-later
"""The layers are law: reads the static libraries of a build folder and checks what each calls.

A library may use symbols of the libraries it stands on, and of the C library less what its layer
forbids. A header needs a reason to exist. Prints TAP.
"""
import pathlib
import re
import subprocess
import sys

# The C library's doors to the outside: files, clocks, sockets, processes, the log.
OUTSIDE = re.compile(
    r'^(open(at)?(64)?|f(d|re)?open(64)?|read|write|pread(64)?|pwrite(64)?|mmap(64)?|socket|connect'
    r'|accept4?|fork|execv.*|system|popen|time|gettimeofday|clock_gettime|getrandom|getenv|syslog'
    r'|v?f?printf|__(v?f)?printf_chk|puts|putchar|perror|stderr|stdout)$')
LIBRARIES = re.compile(r'^(event_|evbuffer_|bufferevent_|evutil_|json_|sd_|plist_|sqlite3_|idevice_|lockdownd_)')

# Called in another way in Debian 13's libraries than in Debian 12's.
CHANGING = {'plist_from_memory'}

# library: (what it stands on, pattern of what it must not call beside that)
# Adapters stand on the loop and the heart, and on no buffered socket and no JSON.
ADAPTER = re.compile(r'^(json_|evbuffer_|bufferevent_|event_(add|del|new|base|free))')
CLIENT = re.compile(r'^(event_|evbuffer_|bufferevent_|sd_|plist_|idevice_|lockdownd_|sqlite3_)')
CLIENT_BELOW = ('base', 'model', 'logs', 'diagnosis', 'casefile', 'json', 'wire', 'connection')
PURE = re.compile(f'{LIBRARIES.pattern}|{OUTSIDE.pattern}|^(clock_(?:now|used_us)|file_read|log_write)$')
LAYERS = {
    'base': ((), LIBRARIES),
    'ring': (('base',), re.compile(f'{LIBRARIES.pattern}|{OUTSIDE.pattern}')),
    'model': (('base',), PURE),
    'logs': (('base', 'model'), PURE),
    'link_reader': (('base', 'model'), PURE),
    'diagnosis': (('base', 'model'), PURE),
    'json': (('base',), re.compile(r'^(event_|evbuffer_|bufferevent_|sd_|plist_|sqlite3_|clock_(?:now|used_us)|log_write)')),
    'casefile': (('base', 'model', 'logs', 'diagnosis', 'json'), re.compile(r'^(event_base|evbuffer_|sd_|plist_|sqlite3_|clock_(?:now|used_us)|log_write)')),
    'panicfile': (('base',), re.compile(r'^(event_base|evbuffer_|sd_|plist_|sqlite3_|clock_(?:now|used_us)|log_write)')),
    'store': (('base', 'ring', 'model', 'diagnosis', 'casefile'), re.compile(r'^(event_base|evbuffer_|json_|sd_|plist_|log_write)')),
    'store_writer': (('base', 'ring', 'model', 'diagnosis', 'casefile', 'store'), ADAPTER),
    'query': (('base', 'model', 'diagnosis', 'casefile', 'store', 'json', 'wire'), re.compile(r'^(event_base|evbuffer_|bufferevent_|sd_|plist_|sqlite3_|log_write)')),
    'recorder': (('base', 'ring', 'model', 'logs', 'diagnosis', 'store', 'store_writer', 'loop'), ADAPTER),
    'wire': (('base', 'model', 'diagnosis', 'json'), re.compile(r'^(event_base|evbuffer_|bufferevent_|sd_|plist_|sqlite3_|log_write$)')),
    'phone_program': (('base',), LIBRARIES),
    'phone_answer': (('base', 'json', 'wire'), re.compile(r'^(event_|evbuffer_|sd_|plist_|sqlite3_|idevice_|lockdownd_|clock_(?:now|used_us)|log_write)')),
    'phone_values': (('base', 'model'), re.compile(r'^(event_|json_|sd_|sqlite3_|idevice_|lockdownd_|clock_(?:now|used_us)|log_write)')),
    'phone_talk': (('base', 'phone_answer', 'phone_values'), re.compile(r'^(event_|json_|sd_|sqlite3_|log_write)')),
    'path_watch': (('base', 'loop'), ADAPTER),
    'source': (('base', 'model'), ADAPTER),
    'usbmux': (('base', 'model', 'logs', 'loop', 'path_watch', 'source'), ADAPTER),
    'phone_source': (('base', 'model', 'logs', 'loop', 'source', 'phone_answer', 'phone_program'), ADAPTER),
    'usb': (('base', 'model', 'logs', 'loop', 'source'), ADAPTER),
    'journal': (('base', 'model', 'logs', 'loop', 'path_watch', 'source'), ADAPTER),
    'kmsg': (('base', 'model', 'logs', 'loop', 'source'), ADAPTER),
    'link_source': (('base', 'model', 'loop', 'source'), ADAPTER),
    'link_program': (('base', 'model', 'loop', 'link_reader'), ADAPTER),
    'sync': (('base', 'model', 'json', 'wire', 'connection', 'loop'), re.compile(r'^(evbuffer_|bufferevent_|event_|sd_|plist_|sqlite3_)')),
    'systemd': (('base', 'loop'), ADAPTER),
    'message': (('base',), ADAPTER),
    'announcer': (('base', 'ring', 'model', 'diagnosis', 'store', 'recorder', 'message'), ADAPTER),
    'api': (('base', 'ring', 'model', 'diagnosis', 'casefile', 'store', 'store_writer', 'query', 'json', 'wire', 'recorder', 'loop'),
            re.compile(r'^(sd_|plist_|sqlite3_)')),
    'connection': (('base', 'json', 'wire'), CLIENT),
    'client_base': (('base', 'model', 'logs', 'diagnosis', 'casefile', 'store', 'json', 'wire', 'connection', 'query', 'phone_program', 'phone_answer', 'panicfile'), CLIENT),
    'client_output': (('client_base', *CLIENT_BELOW), CLIENT),
    'client_report': (('client_base', *CLIENT_BELOW), CLIENT),
    # No more than numbers and text: it asks no clock and no terminal.
    'client_board': (('client_base', *CLIENT_BELOW), re.compile(f'{CLIENT.pattern}|{OUTSIDE.pattern}|^clock_now$')),
    'client_screen': (('client_base', 'client_board', 'client_output', *CLIENT_BELOW), CLIENT),
    'client_run': (('client_base', *CLIENT_BELOW), CLIENT),
    'client_try': (('client_base', 'client_run', *CLIENT_BELOW), CLIENT),
    'client_doctor': (('client_base', 'client_run', 'phone_program', *CLIENT_BELOW), CLIENT),
    'client_firmware': (('client_base', *CLIENT_BELOW), re.compile(r'^(event_|evbuffer_|bufferevent_|sd_|idevice_|lockdownd_|sqlite3_)')),
    'client_import': (('client_base', 'panicfile', 'query', *CLIENT_BELOW), CLIENT),
    'client_commands': (('client_base', 'client_output', 'client_report', 'client_run', 'client_doctor', 'client_firmware', 'client_import', 'client_screen', 'client_try',
                         'panicfile', 'phone_program', 'phone_answer', *CLIENT_BELOW), CLIENT),
}


def symbols(archive):
    """The symbols that an archive defines, and those it needs and does not define."""
    output = subprocess.run(['nm', '-P', archive], check=True, capture_output=True, text=True).stdout
    defined, needed = set(), set()
    for line in output.splitlines():
        fields = line.split()
        if len(fields) < 2 or len(fields[1]) != 1:
            continue
        if fields[1] == 'U':
            needed.add(fields[0])
        elif fields[1].isupper():
            defined.add(fields[0])
    return defined, needed - defined


# The programs that run all day or as any user link these and nothing else of weight; what talks to phones and
# brings TLS with it stays in idevicetriage-phone.
LINKED = {
    'daemon/idevicetriaged': {'event_core-2.1', 'inih', 'json-c', 'nettle', 'plist-2.0', 'sqlite3', 'systemd', 'z'},
    'link/idevicetriage-link': {'event_core-2.1', 'systemd'},
    'sync/idevicetriage-sync': {'event_core-2.1', 'inih', 'json-c', 'nettle', 'pq'},
    'client/idevicetriage': {'archive', 'json-c', 'nettle', 'plist-2.0', 'sqlite3', 'z', 'zip'},
}
# The C library and the compilers' own.
RUNTIME = re.compile(r'^(c|m|gcc_s|asan|ubsan|pthread|rt|dl|stdc\+\+)$|^ld-')
HEAVY = re.compile(r'^(imobiledevice|usbmuxd|ssl|crypto|gcrypt|gnutls)\b')


def needed(path):
    """The libraries that a program or library asks for itself, by their short names."""
    output = subprocess.run(['readelf', '-d', path], check=True, capture_output=True, text=True).stdout
    return {re.sub(r'^lib|\.so.*$', '', name) for name in re.findall(r'\(NEEDED\).*\[(.*)\]', output)}


def loaded(path):
    """All that is loaded with a program or library: short name to file."""
    output = subprocess.run(['ldd', path], check=True, capture_output=True, text=True).stdout
    return {re.sub(r'^lib|\.so.*$', '', name): file for name, file in re.findall(r'(\S+) => (/\S+)', output)}


def linked_problems(program, allowed):
    problems = [f'links {name}' for name in sorted(needed(program) - allowed) if not RUNTIME.match(name)]
    files = loaded(program)
    # Debian 12's libsystemd, libarchive and libzip bring cryptography of their own for what is not used here; libpq
    # brings TLS, for the one program that uses the network.
    for name in sorted(needed(program) & set(files) - {'systemd', 'archive', 'zip', 'pq'}):
        problems += [f'{name} brings {heavy}' for heavy in sorted(loaded(files[name])) if HEAVY.match(heavy)]
    return problems


# Where a header may be included from; the C file of its own name does not count.
SOURCES = ('client', 'common', 'daemon', 'link', 'phone', 'sync', 'tests')


def idle_headers(root):
    """The headers with no type of their own (defined, or opaque) and fewer than two includers: static functions."""
    texts = {str(path.relative_to(root)): path.read_text()
             for folder in SOURCES for path in (root / folder).rglob('*.[ch]')}
    for header in sorted(name for name in texts if name.endswith('.h') and not name.startswith('tests/')):
        own = header[:-2] + '.c'
        users = [name for name, text in texts.items() if name != own and f'#include "{header}"' in text]
        declared = re.findall(r'^(?:struct|enum|union) (\w+)(?: \{|;)', texts[header], re.M)
        defined = texts[header] + texts.get(own, '')
        types = [name for name in declared if re.search(rf'^(?:struct|enum|union) {name} \{{', defined, re.M)]
        if len(users) < 2 and not types:
            yield f'{header} has no type and serves {users[0] if users else "nobody"} alone'


def main(build):
    archives = {path.stem[3:]: symbols(path) for path in build.rglob('lib*.a')}
    print(f'1..{len(LAYERS) + 2 + len(LINKED)}')
    failures = 0
    for number, (name, (below, forbidden)) in enumerate(LAYERS.items(), 1):
        problems = []
        if name not in archives:
            problems.append('the library was not built')
        else:
            for symbol in sorted(archives[name][1]):
                owners = [other for other, (defined, _) in archives.items() if symbol in defined]
                if owners and not set(owners) & set(below):
                    problems.append(f'{symbol} belongs to {owners[0]}')
                elif not owners and forbidden.search(symbol):
                    problems.append(f'{symbol} is not for this layer')
        for problem in problems:
            print(f'# {name}: {problem}')
        failures += bool(problems)
        print(f'{"not ok" if problems else "ok"} {number} - {name}')
    changing = [(name, symbol) for name, (_, needed) in archives.items() for symbol in needed & CHANGING]
    for name, symbol in changing:
        print(f'# {name}: {symbol} builds with one Debian alone')
    print(f'{"not ok" if changing else "ok"} {len(LAYERS) + 1} - builds with both Debians')
    for number, (name, allowed) in enumerate(LINKED.items(), len(LAYERS) + 2):
        problems = linked_problems(build / name, allowed)
        for problem in problems:
            print(f'# {name}: {problem}')
        failures += bool(problems)
        print(f'{"not ok" if problems else "ok"} {number} - {name} links what it needs alone')
    idle = list(idle_headers(pathlib.Path(__file__).resolve().parent.parent))
    for problem in idle:
        print(f'# {problem}')
    print(f'{"not ok" if idle else "ok"} {len(LAYERS) + 2 + len(LINKED)} - each header has a reason')
    return 1 if failures or changing or idle else 0


sys.exit(main(pathlib.Path(sys.argv[1])))
