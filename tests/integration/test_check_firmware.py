# SPDX-License-Identifier: LGPL-2.1-or-later
"""A firmware file that is damaged, incomplete or for another model is named before a restore."""
import json
import os
import plistlib
import pty
import shutil
import struct
import subprocess
import zipfile
import zlib

import ipsw
import pytest

BOARD = 'n104ap'
PRODUCT = 'iPhone12,1'
ECID = '0x001C2D6A3C8A802E'
# Python refuses members that need a later program; libzip reads them.
zipfile.MAX_EXTRACT_VERSION = 255


@pytest.fixture
def firmware(folder):
    return ipsw.build(folder / 'whole.ipsw', BOARD, image_bytes=20_000, signed=True)


@pytest.fixture
def check(bench):
    """Runs the check; gives the exit status and the findings: check to (result, text), the last of each."""
    def run(*arguments):
        result = bench.triage('--json', 'check-firmware', *arguments, check=False)
        assert result.returncode in (0, 11), result.stderr
        answer = json.loads(result.stdout)
        return result.returncode, {each['check']: (each['result'], each['text']) for each in answer['checks']}
    return run


def rebuild(path, change):
    """The same file with other members: `change` gets the dict of path to bytes."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def contents(path):
    """What a restore tool gets: it looks up a file in the directory, and skips the file's own header unread. None if a file
    cannot be unpacked."""
    data, found = path.read_bytes(), {}
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                start = member.header_offset + 30 + sum(struct.unpack_from('<HH', data, member.header_offset + 26))
                packed = data[start:start + member.compress_size]
                content = zlib.decompressobj(-15).decompress(packed, member.file_size) if member.compress_type else packed
                if len(content) != member.file_size or zlib.crc32(content) != member.CRC:
                    return None
                found[member.filename] = content
    except (zipfile.BadZipFile, zlib.error, struct.error, NotImplementedError, UnicodeDecodeError):
        return None
    return found


def test_a_whole_file(check, firmware):
    status, found = check(firmware, '--device', PRODUCT)
    assert status == 0
    assert {result for name, (result, _) in found.items() if name != 'restore-tool'} == {'ok'}
    assert set(found) == {'archive', 'manifest', 'model', 'components', 'contents', 'digests', 'restore-tool', 'disk'}
    assert '14.8.1 (18H107)' in found['manifest'][1]


def test_another_model(check, firmware):
    status, found = check(firmware, '--device', 'iPhone10,1')
    assert status == 11
    assert found['model'] == ('problem', 'It is for other models than iPhone 8 (Global) (iPhone10,1).')


def test_the_model_of_a_known_phone(bench, check, firmware):
    bench.start()
    bench.triage('attempt', ECID, '--outcome', 'failed', '--model', 'iPhone10,1')
    assert check(firmware, '--device', ECID)[1]['model'][0] == 'problem'
    assert 'No ' in bench.triage('check-firmware', firmware, '--device', '0x001C2D6A3C8A8FFF', check=False).stderr


def test_a_cut_download(check, firmware):
    with open(firmware, 'r+b') as file:
        file.truncate(os.stat(firmware).st_size * 2 // 3)
    status, found = check(firmware)
    assert status == 11 and found['archive'][0] == 'problem'


def test_a_damaged_component_has_its_name(check, firmware):
    with zipfile.ZipFile(firmware) as archive:
        member = archive.getinfo('Firmware/dfu/iBSS.n104ap.RELEASE.im4p')
    data = bytearray(firmware.read_bytes())
    data[member.header_offset + 30 + len(member.filename) + member.compress_size // 2] ^= 0xff
    firmware.write_bytes(data)
    status, found = check(firmware)
    assert status == 11
    assert found['contents'] == ('problem', 'iBSS (Firmware/dfu/iBSS.n104ap.RELEASE.im4p) is damaged.')
    # The list and the manifest say nothing of it.
    assert check('--quick', firmware)[0] == 0


def test_a_member_that_unpacks_without_end_is_damaged(bench, firmware):
    """Its size in the directory is a lie: 64 GiB would take a minute or more."""
    packer = zlib.compressobj(wbits=-15)
    packer.compress(bytes(1 << 20)), packer.flush(zlib.Z_FULL_FLUSH)
    packed = (packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)) * (64 << 10) + packer.flush()
    with zipfile.ZipFile(firmware, 'a') as archive:
        archive.writestr('bomb', packed)
        offset, directory = archive.getinfo('bomb').header_offset, archive.start_dir
    with open(firmware, 'r+b') as file:
        data = file.seek(directory), file.read()
        for at, method, size in ((offset, 8, 22), (directory + data[1].rindex(b'PK\x01\x02'), 10, 24)):
            for place, form, value in ((method, '<H', zipfile.ZIP_DEFLATED), (size, '<I', 10)):
                file.seek(at + place)
                file.write(struct.pack(form, value))
    result = subprocess.run([bench.build / 'client' / 'idevicetriage', 'check-firmware', firmware], env=bench.environment,
                            capture_output=True, text=True, timeout=20)
    assert result.returncode == 11 and 'bomb is damaged.' in result.stdout


def test_an_exchanged_component_has_its_name(check, firmware):
    rebuild(firmware, lambda members: members.update({'Firmware/dfu/iBSS.n104ap.RELEASE.im4p': ipsw.payload('other')}))
    status, found = check(firmware)
    assert status == 11
    assert found['digests'][0] == 'problem' and found['digests'][1].startswith('iBSS (')


def test_a_missing_component_has_its_name(check, firmware):
    rebuild(firmware, lambda members: members.pop('018-00001-001.dmg'))
    for arguments in ([firmware], ['--quick', firmware]):
        status, found = check(*arguments)
        assert (status, found['components']) == (11, ('problem', 'OS is missing (018-00001-001.dmg).'))


@pytest.mark.parametrize('bytes_of_it', ids=lambda _: 'x', argvalues=[
    None,
    b'',
    b'<plist',
    b'<plist><dict>' + b'<array>' * 100_000,
    plistlib.dumps({}),
    plistlib.dumps({'BuildIdentities': 3}),
    plistlib.dumps({'BuildIdentities': [3, [], {'Info': 1, 'Manifest': {'OS': 1, 'iBSS': {'Info': {'Path': 7}}}}]}),
    plistlib.dumps({'BuildIdentities': [{}]}, fmt=plistlib.FMT_BINARY),
    plistlib.dumps({'BuildIdentities': [{'Manifest': {
        f'c{i}': {'Info': {'Path': f'p{i}'}} for i in range(5000)}}]}),
])
def test_a_manifest_that_is_none(check, firmware, bytes_of_it):
    def change(members):
        members.pop('BuildManifest.plist')
        if bytes_of_it is not None:
            members['BuildManifest.plist'] = bytes_of_it
    status, found = check(rebuild(firmware, change))
    assert status == 11 and found['manifest'][0] == 'problem'


def test_names_in_the_file_are_only_text(bench, firmware):
    def change(members):
        members['BuildManifest.plist'] = members['BuildManifest.plist'].replace(b'14.8.1', '\u202e14'.encode())
        members['Firmware/dfu/\x1b[31mred'] = b''
    text = bench.triage('check-firmware', rebuild(firmware, change), check=False).stdout
    assert '14 (18H107)' in text.replace('?', '') and '\x1b' not in text and '\u202e' not in text


@pytest.mark.parametrize('name', ['nothing.ipsw', '.', '/dev/null'])
def test_what_is_no_file(bench, folder, name):
    result = bench.triage('check-firmware', folder / name, check=False)
    assert result.returncode == 1 and 'Cannot read' in result.stderr


def test_no_zip_archive(check, folder):
    (folder / 'page.ipsw').write_text('<html>Please log in</html>' * 100)
    status, found = check(folder / 'page.ipsw')
    assert status == 11 and list(found) == ['archive']


def test_the_progress_is_for_a_terminal(bench, firmware):
    leader, follower = pty.openpty()
    process = subprocess.run([bench.build / 'client' / 'idevicetriage', 'check-firmware', firmware], env=bench.environment,
                             stdout=subprocess.PIPE, stderr=follower)
    os.close(follower)
    assert process.returncode == 0
    assert b'100 %' in os.read(leader, 65536)
    os.close(leader)
    assert bench.triage('check-firmware', firmware).stderr == ''


def test_every_flipped_byte_is_found(check, folder, firmware):
    """But one that no reader of the archive notices: a time, an attribute, the name in a file's own header."""
    whole, expected = firmware.read_bytes(), contents(firmware)
    path = folder / 'flipped.ipsw'
    missed = found = 0
    for at in range(0, len(whole), max(1, len(whole) // 150)):
        data = bytearray(whole)
        data[at] ^= 0xff
        path.write_bytes(data)
        status, result = check(path)
        if status == 11 or result['archive'][0] == 'warning':
            found += 1
        else:
            assert contents(path) == expected, f'byte {at}'
            missed += 1
    print(f'{found} of {found + missed} found, {missed} without an effect')
    assert found > 100


@pytest.mark.long
def test_every_thousandth_byte_of_a_large_file(check, folder):
    firmware = ipsw.build(folder / 'large.ipsw', BOARD, image_bytes=4 << 20, signed=True)
    shutil.copy(firmware, folder / 'flipped.ipsw')
    expected = contents(firmware)
    size = os.stat(firmware).st_size
    with open(folder / 'flipped.ipsw', 'r+b') as file:
        for at in range(0, size, 1000):
            file.seek(at)
            byte = file.read(1)
            file.seek(at)
            file.write(bytes([byte[0] ^ 0xff]))
            file.flush()
            status, result = check(folder / 'flipped.ipsw')
            if status != 11 and result['archive'][0] == 'ok':
                assert contents(folder / 'flipped.ipsw') == expected, f'byte {at}'
            file.seek(at)
            file.write(byte)


@pytest.fixture
def restore(bench):
    """Runs a tool under `run` that fails; gives what `run` says, as text or as JSON. The tool takes longer than the check
    beside it, however busy the computer is: it makes the same check twenty times."""
    program = bench.build / 'client' / 'idevicetriage'
    tool = f'for i in $(seq 20); do {program} check-firmware "$2" >"$2.checked"; done; exit 3'

    def run(firmware, *options):
        return bench.triage(*options, 'run', '--', 'sh', '-c', tool, 'sh', '-e', firmware, check=False)
    bench.start()
    return run


def test_run_names_a_cut_download_at_once_and_at_the_end(restore, firmware):
    with open(firmware, 'r+b') as file:
        file.truncate(os.stat(firmware).st_size * 2 // 3)
    result = restore(firmware)
    assert result.returncode == 3
    assert result.stderr.count(f'The firmware file {firmware}: It is damaged, incomplete or not a firmware file') == 2


def test_run_says_what_its_check_of_the_firmware_does_not_show(restore, firmware):
    assert f'its contents were not read. See `idevicetriage check-firmware {firmware}`' in restore(firmware).stderr
    answer = json.loads(restore(firmware, '--json').stdout)
    assert (answer['exitStatus'], answer['firmware']['problems']) == (3, 0)


def test_run_says_nothing_of_a_file_that_is_not_there(restore, folder):
    result = restore(folder / 'none.ipsw')
    assert result.returncode == 3 and 'firmware' not in result.stderr.replace('none.ipsw', '')
