# SPDX-License-Identifier: LGPL-2.1-or-later
"""`run` does no harm: nothing that happens to the disk, to readers, to the daemon or to `run` itself reaches the tool."""
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time

import pytest

import standin
from test_client import LIMIT, client, daemon, on_terminal, tool_that_waits, until  # noqa: F401

LINES = 4000
OUTPUT = b"".join(b"%059d\n" % i for i in range(LINES))
# Ends with 0 only if each write succeeds.
WRITES = f'import sys\nfor i in range({LINES}): print(f"{{i:059d}}", flush=True)\nopen(sys.argv[1], "w").close()'
MORE = 80 << 20  # bytes, more than `run` holds in memory


def on_small_disk(client, options="size=64k"):
    """Makes all that the client starts see a disk of 64 KB at `folder`/disk."""
    disk = client.folder / "disk"
    disk.mkdir()
    mount = ["unshare", "--mount", "sh", "-c", f'mount -t tmpfs -o {options} none {disk} && exec "$@"', "sh"]
    if subprocess.run([*mount, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting a small tmpfs is not allowed here")
    client.environment["XDG_STATE_HOME"] = str(disk)
    command = client.command
    client.command = mount[0]
    return [*mount[1:], command]


def run_tool(client, prefix, *options):
    done = client.folder / "done"
    result = client(*prefix, *options, "run", "--", sys.executable, "-c", WRITES, done)
    assert done.exists() and result.returncode == 0, result.stderr
    assert (result.stderr if "--json" in options else result.stdout).encode() == OUTPUT
    return result


def logs(client):
    return list((client.folder / ".local/state/idevicetriage/logs").iterdir())


def memory_of(pid):
    """The memory that holds the tool's output, as /proc of one of its writers shows it."""
    return os.stat(f"/proc/{pid}/fd/1")


def test_a_full_disk_is_not_the_tools_trouble(client, daemon):
    """The tool used to be killed by its own log, and the cable was suspected."""
    prefix, done = on_small_disk(client), client.folder / "done"
    process = client.start(*prefix, "run", "--", "sh", "-c", tool_that_waits(
        client.folder, f"{sys.executable} -c '{WRITES}' {done} || exit 1", "echo end"))
    said = process.stderr.readline().decode()
    assert "Cannot write the log of the restore tool to " in said
    assert said.endswith("No space left on device. The restore continues.\n")
    (client.folder / "go").touch()
    output, errors = process.communicate(timeout=LIMIT)
    assert process.returncode == 0 and done.exists() and output == daemon.log == OUTPUT + b"end\n"
    assert daemon.ended["exitStatus"] == 0 and b"Cannot write" not in errors
    assert b"is incomplete: No space left on device. The daemon has the whole log." in errors


def test_a_full_disk_is_in_the_end_for_scripts(client, daemon):
    result = run_tool(client, on_small_disk(client), "--json")
    assert json.loads(result.stdout)["logProblem"] == "No space left on device"


def test_a_full_disk_without_a_daemon_does_not_claim_that_the_log_is_kept(client):
    result = run_tool(client, on_small_disk(client))
    assert "is incomplete" in result.stderr and "has the whole log" not in result.stderr


@pytest.mark.parametrize("options", ["size=64k,ro", "size=64k,nr_inodes=1"])
def test_a_disk_that_takes_no_file_is_not_the_tools_trouble(client, daemon, options):
    result = run_tool(client, on_small_disk(client, options))
    assert daemon.log == OUTPUT and "The restore continues." in result.stderr


def test_a_folder_that_is_no_folder_is_not_the_tools_trouble(client, daemon):
    (client.folder / "file").touch()
    client.environment["XDG_STATE_HOME"] = str(client.folder / "file")
    assert "Not a directory. The restore continues." in run_tool(client, []).stderr
    assert daemon.log == OUTPUT


def test_a_log_that_is_removed_while_the_tool_runs(client, daemon):
    process = client.start_shell(tool_that_waits(client.folder, "echo one", "echo two; exit 3"))
    until(lambda: daemon.log == b"one\n", "the first line")
    shutil.rmtree(client.folder / ".local")
    (client.folder / "go").touch()
    output, errors = process.communicate(timeout=LIMIT)
    assert process.returncode == 3 and output == b"one\ntwo\n" and daemon.log == b"one\ntwo\n"
    assert b"is incomplete: No such file or directory" in errors


def test_a_disk_with_room_again_gets_the_whole_log(client, daemon):
    prefix = on_small_disk(client)
    process = client.start(*prefix, "run", "--", "sh", "-c", tool_that_waits(
        client.folder, f"exec 3>$XDG_STATE_HOME/fills; head -c 60000 /dev/zero >&3; echo begin; seq 2000",
        # The file that filled the disk goes; the copy of the log is made whole.
        f"rm $XDG_STATE_HOME/fills; exec 3>&-; until [ $(cat $XDG_STATE_HOME/idevicetriage/logs/*.log | wc -l) "
        f"-gt 2000 ]; do sleep 0.05; done; cp $XDG_STATE_HOME/idevicetriage/logs/*.log {client.folder}/copy"))
    assert b"No space left on device" in process.stderr.readline()
    (client.folder / "go").touch()
    _, errors = process.communicate(timeout=LIMIT)
    assert process.returncode == 0 and b"incomplete" not in errors
    assert (client.folder / "copy").read_bytes() == b"begin\n" + b"".join(b"%d\n" % i for i in range(1, 2001))


@pytest.mark.parametrize("harm, reason", [(": > own.log", "another program shortened it"),
                                          ("mv own.log other.log", "No such file or directory"),
                                          ("mv own.log other.log; echo > own.log", "No such file or directory")])
def test_a_log_that_others_change_is_incomplete(client, daemon, harm, reason):
    process = client.start_shell(tool_that_waits(client.folder, "echo one", "echo two; exit 3"), "--log", "own.log",
                                 cwd=client.folder)
    until(lambda: daemon.log == b"one\n", "the first line")
    until(lambda: (client.folder / "own.log").read_bytes() == b"one\n", "the first line in the file")
    subprocess.run(["sh", "-c", harm], cwd=client.folder, check=True)
    (client.folder / "go").touch()
    output, errors = process.communicate(timeout=LIMIT)
    assert process.returncode == 3 and output == b"one\ntwo\n"
    assert f"own.log is incomplete: {reason}." in errors.decode()


def test_two_runs_do_not_mix_their_logs(client, daemon):
    """Both used to find the file empty, and it then held the lines of two phones."""
    process = client.start_shell(tool_that_waits(client.folder, "", "echo one"), "--log", "own.log", cwd=client.folder)
    until((client.folder / "ready").exists, "the tool")
    second = client("run", "--log", client.folder / "own.log", "--", "echo", "two")
    assert second.returncode == 1 and not second.stdout
    assert "own.log: another run writes to it. Name another with --log." in second.stderr
    (client.folder / "go").touch()
    process.communicate(timeout=LIMIT)
    until(lambda: (client.folder / "own.log").read_bytes() == b"one\n", "the log")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_streams_that_are_closed_do_not_lose_the_log(client, daemon, closed):
    """The tool's output used to get the number of a closed stream, and was closed at its start."""
    script = f'exec "$0" run -- sh -c "test ! -e /proc/self/fd/0 && echo closed; echo one; echo two >&2; exit 3" {closed}'
    result = subprocess.run(["sh", "-c", script, client.command], env=client.environment, stdin=subprocess.DEVNULL,
                            capture_output=True, timeout=LIMIT, check=False)
    lines = (b"closed\n" if "<" in closed else b"") + b"one\ntwo\n"
    assert result.returncode == 3 and daemon.log == lines and logs(client)[0].read_bytes() == lines
    assert result.stdout == (b"" if " >" in f" {closed}" else lines)


# A limit of its own does not become one of the tool.

@pytest.mark.parametrize("limit, most, reason", [
    (resource.RLIMIT_NOFILE, 6, "Too many open files"), (resource.RLIMIT_NOFILE, 8, "Too many open files"),
    (resource.RLIMIT_FSIZE, 4096, "File too large")])
def test_a_tool_runs_without_a_record_where_run_lacks_the_means(client, limit, most, reason):
    """It used to be refused, or to be ended by SIGXFSZ because its output is a file."""
    process = client.start("run", "--", "sh", "-c", "head -c 9000 /dev/zero; exit 7",
                           preexec_fn=lambda: resource.setrlimit(limit, (most, most)))
    output, errors = process.communicate(timeout=LIMIT)
    assert (process.returncode, len(output)) == (7, 9000)
    assert errors.decode().splitlines() == [f"idevicetriage: Cannot record the output of sh: {reason}. It runs without a record."]


# Signals and the terminal.

@pytest.mark.parametrize("ignored", [signal.SIGCHLD, signal.SIGPIPE, signal.SIGTTOU])
def test_the_tool_ignores_what_its_caller_ignores(client, daemon, ignored):
    """`run` used to wait for ever for a tool whose end it was not told, and gave it SIGPIPE, which systemd ignores."""
    process = client.start("run", "--", "grep", "SigIgn", "/proc/self/status", restore_signals=False,
                           preexec_fn=lambda: signal.signal(ignored, signal.SIG_IGN))
    output, _ = process.communicate(timeout=LIMIT)
    assert process.returncode == 0 and int(output.split()[1], 16) & 1 << ignored - 1


def test_ctrl_c_does_not_kill_what_ignores_it(client, daemon):
    """As a script starts its background: three Ctrl-C, meant for others, used to kill the restore."""
    process = client.start_shell(tool_that_waits(client.folder, "echo one", "echo two; exit 3"), start_new_session=True,
                                 preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN))
    until((client.folder / "ready").exists, "the tool")
    for count in range(3):
        os.killpg(process.pid, signal.SIGINT)
        until(lambda: not pending(process.pid, signal.SIGINT), f"signal {count}")
    (client.folder / "go").touch()
    output, errors = process.communicate(timeout=LIMIT)
    assert process.returncode == 3 and output == b"one\ntwo\n" and b"kills it" not in errors


def pending(pid, number):
    return any(int(line.split()[1], 16) & 1 << number - 1
               for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith(("SigPnd", "ShdPnd")))


def test_a_silent_tool_in_the_background_is_not_stopped(client, daemon):
    """With `stty tostop`, the live line of `run` used to stop the whole job."""
    script = 'stty tostop; set -m; "$0" run -- sh -c "sleep 1; exit 3" & wait $!; echo "status $?"'
    client.command, command = shutil.which("bash"), client.command
    shown, _ = on_terminal(client, ["--norc", "-c", script, command])
    assert b"status 3" in shown


def test_the_log_outlives_run(client, daemon):
    """Killed with no chance to do anything, `run` takes neither the tool nor the log along."""
    process = client.start_shell(tool_that_waits(client.folder, "echo one", f"seq 100000; : > {client.folder}/done"))
    until((client.folder / "ready").exists, "the tool")
    process.kill()
    process.wait(LIMIT)
    (client.folder / "go").touch()
    until((client.folder / "done").exists, "the tool's end")
    (log,) = logs(client)
    until(lambda: log.read_bytes().endswith(b"\n100000\n"), "the end of the log")


def test_a_log_file_that_the_tool_writes_itself_is_watched_too(client, daemon):
    """idevicerestore does so since June 2025: what it prints besides stands only there, with time and level."""
    own = client.folder / "own.log"
    process = client.start_shell(tool_that_waits(
        client.folder,
        f'exec 2> {own}; echo "08:00:00.100    <Info> Found device" >&2; echo "Found device"; '
        f'echo "08:00:00.200   <Debug> Sending" >&2; printf "[==] 50%%\\r"',
        'echo "08:00:00.300   <Error> Unable to go on" >&2; echo "Unable to go on"; echo "not in the file"; exit 1'))
    until(lambda: b"Sending" in daemon.log, "the line of the file")
    (client.folder / "go").touch()
    output, _ = process.communicate(timeout=LIMIT)
    assert process.returncode == 1
    assert output == b"Found device\n[==] 50%\rUnable to go on\nnot in the file\n"
    lines = daemon.log.replace(b"\r", b"\n").splitlines()
    # Once each: as output, if it was sent before the file was found, or as the file has it.
    assert len([line for line in lines if line.endswith(b"Found device")]) == 1
    assert sorted(line for line in lines if not line.endswith(b"Found device")) == [
        b"08:00:00.200   <Debug> Sending", b"08:00:00.300   <Error> Unable to go on", b"[==] 50%", b"not in the file"]
    assert own.read_bytes().count(b"\n") == 3


def test_bars_keep_their_place_between_the_lines_of_a_file(client, daemon):
    """Only the output has them. Late ones would be those of the next step, however late `run` reads both."""
    own = client.folder / "own.log"
    process = client.start_shell(tool_that_waits(
        client.folder, f'exec 2> {own}; echo "08:00:00.100   <Debug> Begin" >&2',
        'for i in 1 2 3; do echo "08:00:00.200    <Info> Step $i" >&2; echo "Step $i"; printf "[==] $i\\r"; '
        f'echo "08:00:00.200   <Debug> More" >&2; done; : > {client.folder}/done; exit 1'))
    until(lambda: b"Begin" in daemon.log, "the line of the file")
    process.send_signal(signal.SIGSTOP)
    (client.folder / "go").touch()
    until((client.folder / "done").exists, "the tool's end")
    process.send_signal(signal.SIGCONT)
    process.communicate(timeout=LIMIT)
    lines = [line[-6:] for line in daemon.log.decode().replace("\r", "\n").splitlines()]
    assert [line for line in lines if line[-1].isdigit()] == ["Step 1", "[==] 1", "Step 2", "[==] 2", "Step 3", "[==] 3"]
    assert len(lines) == 10


def test_what_stood_in_an_appended_file_is_not_of_this_restore(client, daemon):
    own = client.folder / "own.log"
    own.write_text("of an older restore\n")
    process = client.start_shell(tool_that_waits(
        client.folder, f"exec 2>> {own}; while [ -d {client.folder} ] && ! [ -e {client.folder}/more ]; do :; done; "
        "echo new >&2", "exit 1"))
    inode = own.stat().st_ino

    def is_followed():
        files = pathlib.Path(f"/proc/{process.pid}/fd").iterdir()
        return any(file.exists() and file.stat().st_ino == inode for file in files)

    until(is_followed, "the file to be followed")
    (client.folder / "more").touch()
    until(lambda: b"new" in daemon.log, "the new line")
    (client.folder / "go").touch()
    process.communicate(timeout=LIMIT)
    assert daemon.log == b"new\n"


def copier_of(process):
    """The process that copies the output of the tool to the file."""
    def copiers():
        children = open(f"/proc/{process.pid}/task/{process.pid}/children").read().split()
        return [int(pid) for pid in children if os.readlink(f"/proc/{pid}/fd/1") == "/dev/null"]
    until(lambda: len(copiers()) == 1, "the copying process")
    return copiers()[0]


def test_a_log_that_is_still_written_is_not_said_to_be_lost(client, daemon):
    process = client.start_shell(tool_that_waits(client.folder, "echo one", "echo two"))
    copier = copier_of(process)
    os.kill(copier, signal.SIGSTOP)
    (client.folder / "go").touch()
    _, errors = process.communicate(timeout=LIMIT)
    assert process.returncode == 0 and b"is incomplete: the disk is slow, and a process still writes to it. " in errors
    os.kill(copier, signal.SIGCONT)
    until(lambda: logs(client)[0].read_bytes() == b"one\ntwo\n", "the whole log")


def test_the_tool_outlives_the_process_that_writes_its_log(client, daemon):
    process = client.start_shell(tool_that_waits(client.folder, "echo one", "echo two; exit 5"))
    until(lambda: daemon.log == b"one\n", "the first line")
    os.kill(copier_of(process), signal.SIGKILL)
    (client.folder / "go").touch()
    output, errors = process.communicate(timeout=LIMIT)
    assert process.returncode == 5 and output == b"one\ntwo\n" and daemon.log == b"one\ntwo\n"
    assert b"is incomplete" in errors


def test_nobody_waits_for_the_process_that_writes_the_log(client, daemon):
    """It must not hold the caller's pipes open: $(idevicetriage run …) ends with `run`."""
    process = client.start_shell(tool_that_waits(client.folder, "exec >/dev/null 2>&1"))
    until((client.folder / "ready").exists, "the tool")
    process.kill()
    assert process.stdout.read() == b"" and process.stderr.read() == b""
    (client.folder / "go").touch()


def test_memory_is_given_back_and_the_file_has_all(client, daemon):
    daemon.log = bytearray()
    script = f"import sys\nfor i in range({MORE} >> 20): sys.stdout.buffer.write(b'%01023d\\n' % i * 1024)"
    process = client.start_shell(tool_that_waits(client.folder, f'{sys.executable} -c "{script}"'),
                                 stdout=subprocess.DEVNULL)
    until((client.folder / "ready").exists, "the output")
    (tool,) = [pid for pid in open(f"/proc/{process.pid}/task/{process.pid}/children").read().split()
               if "memfd" in os.readlink(f"/proc/{pid}/fd/1")]
    assert memory_of(tool).st_size == MORE
    until(lambda: memory_of(tool).st_blocks * 512 <= 64 << 20, "memory given back")
    (client.folder / "go").touch()
    assert process.wait(LIMIT) == 0
    (log,) = logs(client)
    expected = b"".join(b"%01023d\n" % i * 1024 for i in range(MORE >> 20))
    assert log.read_bytes() == expected and daemon.log == expected


def test_a_disk_that_hangs_does_not_fill_the_memory(client):
    """The process that writes the file hangs with it; `run` gives back what it would not."""
    unwritten = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 16
    os.mkfifo(client.folder / "end")
    process = client.start_shell(tool_that_waits(
        client.folder, "echo one", f"yes line | head -c {unwritten + (150 << 20)}; : > {client.folder}/over; read line < {client.folder}/end"),
        stdout=subprocess.DEVNULL)
    until((client.folder / "ready").exists, "the tool")
    children = [int(pid) for pid in open(f"/proc/{process.pid}/task/{process.pid}/children").read().split()]
    (copier,) = [pid for pid in children if os.readlink(f"/proc/{pid}/fd/1") == "/dev/null"]
    (tool,) = [pid for pid in children if "memfd" in os.readlink(f"/proc/{pid}/fd/1")]
    os.kill(copier, signal.SIGSTOP)
    (client.folder / "go").touch()
    until((client.folder / "over").exists, "the output")
    until(lambda: memory_of(tool).st_blocks * 512 <= unwritten + (9 << 20), "memory given back")
    os.kill(copier, signal.SIGCONT)
    (client.folder / "end").write_text("go on\n")
    assert process.wait(LIMIT) == 0
    assert b"is incomplete: the disk is slower than the tool" in process.stderr.read()
    (log,) = logs(client)
    assert b"\0" not in log.read_bytes()


def test_a_daemon_that_forgot_the_session_gets_what_is_not_in_memory_any_more(client, daemon):
    daemon.log = bytearray()
    process = client.start_shell(tool_that_waits(client.folder, f"yes line | head -c {MORE}", "echo end"),
                                 stdout=subprocess.DEVNULL)
    until(lambda: len(daemon.log) == MORE, "the output")
    daemon.forget = True
    (client.folder / "go").touch()
    assert process.wait(LIMIT) == 0
    assert len(daemon.begun) == 2 and daemon.log == b"line\n" * (MORE // 5) + b"l"[:MORE % 5] + b"end\n"


# A restore has the processor first.

# Writes lines for some time, each after a short computation, and then the seconds that this took.
CHATTERS = """import os, sys, time
start = time.monotonic()
for i in range(5000):
    os.write(1, b"%059d\\n" % i)
    for _ in range(500):
        pass
open(sys.argv[1] + "/part", "w").write(str(time.monotonic() - start))
os.rename(sys.argv[1] + "/part", sys.argv[1] + "/took")
open(sys.argv[1] + "/end").read()
"""


def switches(pid):
    """How often a process waited."""
    return int(re.search(r"^voluntary_ctxt_switches:\s*(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text(), re.M)[1])


def test_many_lines_do_not_wake_their_readers_each_time(client, daemon):
    """And a reader that wakes does not take the processor from the tool."""
    os.mkfifo(client.folder / "end")
    process = client.start("run", "--", sys.executable, "-c", CHATTERS, client.folder, stdout=subprocess.DEVNULL)
    until((client.folder / "took").exists, "the output")
    children = [int(pid) for pid in open(f"/proc/{process.pid}/task/{process.pid}/children").read().split()]
    (copier,) = [pid for pid in children if os.readlink(f"/proc/{pid}/fd/1") == "/dev/null"]
    (tool,) = [pid for pid in children if "memfd" in os.readlink(f"/proc/{pid}/fd/1")]
    looks = float((client.folder / "took").read_text()) / 0.010
    policies = {name: os.sched_getscheduler(pid) for name, pid in {"run": process.pid, "copier": copier, "tool": tool}.items()}
    counts = [switches(process.pid), switches(copier)]
    (client.folder / "end").write_text("")
    assert process.wait(LIMIT) == 0
    assert policies == {"run": os.SCHED_BATCH, "copier": os.SCHED_BATCH, "tool": os.SCHED_OTHER}
    # Each look may wait a few times: for output, for the daemon, for the pause.
    assert max(counts) < 4 * looks + 100, (counts, looks)


# Neither the daemon nor a version delays anything.

def test_a_tool_that_hangs_at_its_version_delays_nothing(client, daemon):
    tool = build_tool(client.folder, "if (argc > 1 && !strcmp(argv[1], \"--version\")) for (;;) pause();"
                                     "signal(SIGTERM, ended); puts(\"started\"); fflush(stdout); for (;;) pause();")
    started = time.monotonic()
    process = client.start("run", "--", tool)
    assert process.stdout.readline() == b"started\n"
    process.send_signal(signal.SIGTERM)
    assert process.wait(LIMIT) == 9
    assert time.monotonic() - started < 3
    assert "toolVersion" not in daemon.begun[0]


def test_the_version_of_a_tool_that_answers(client, daemon):
    tool = build_tool(client.folder, "if (argc > 1 && !strcmp(argv[1], \"--version\")) puts(\"idevicerestore 1.0.1-x\");"
                                     "else { puts(\"started\"); sleep(1); }")
    assert client("run", "--", tool).returncode == 0
    assert daemon.begun[0]["toolVersion"] == "1.0.1-x"


def with_dpkg(client, script):
    """A dpkg before that of the system."""
    folder = client.folder / "bin"
    folder.mkdir()
    (folder / "dpkg-query").write_text("#!/bin/sh\n" + script)
    (folder / "dpkg-query").chmod(0o755)
    client.environment["PATH"] = f"{folder}:{os.environ['PATH']}"


def test_the_package_of_a_tool(client, daemon):
    tool = build_tool(client.folder, "if (argc > 1 && !strcmp(argv[1], \"--version\")) puts(\"idevicerestore 1.0.1\");"
                                     "else { puts(\"idevicerestore 1.0.1 (libirecovery 1.2.1)\"); sleep(1); }")
    with_dpkg(client, f'[ "$1 $2" = "-S {os.path.realpath(tool)}" ] && echo "idevicerestore: $2"\n'
                      '[ "$1 $4" = "-W idevicerestore" ] && echo 1.0.0+git20240709-1\nexit 0\n')
    assert client("run", "--", tool).returncode == 0
    assert daemon.begun[0]["toolVersion"] == "1.0.1 (package 1.0.0+git20240709-1)"


@pytest.mark.parametrize("script", ["exit 1", "echo 'no path found' >&2; exit 1", "echo garbage", ""])
def test_a_tool_of_no_package(client, daemon, script):
    tool = build_tool(client.folder, "if (argc > 1 && !strcmp(argv[1], \"--version\")) puts(\"idevicerestore 1.0.1\");"
                                     "else { puts(\"started\"); sleep(1); }")
    with_dpkg(client, script)
    assert client("run", "--", tool).returncode == 0
    assert daemon.begun[0]["toolVersion"] == "1.0.1"


def test_a_dpkg_that_hangs_delays_nothing(client, daemon):
    tool = build_tool(client.folder, "if (argc > 1 && !strcmp(argv[1], \"--version\")) puts(\"idevicerestore 1.0.1\");"
                                     "else { puts(\"started\"); fflush(stdout); sleep(1); }")
    with_dpkg(client, "exec sleep 1000")
    started = time.monotonic()
    assert client("run", "--", tool).returncode == 0
    assert time.monotonic() - started < 8
    assert daemon.begun[0]["toolVersion"] == "1.0.1"


def test_a_tool_that_is_no_program_but_a_script(client, daemon):
    """It is not asked for its version, only its package is: `run` crashed at that."""
    tool = client.folder / "idevicerestore"
    tool.write_text("#!/bin/sh\necho started\n")
    tool.chmod(0o755)
    assert client("run", "--", tool).returncode == 0
    assert daemon.ended["exitStatus"] == 0 and "toolVersion" not in daemon.begun[0]


def build_tool(folder, body):
    """A program by the name of a tool that is asked for its version."""
    source, tool = folder / "tool.c", folder / "idevicerestore"
    source.write_text("#include <signal.h>\n#include <stdio.h>\n#include <string.h>\n#include <unistd.h>\n"
                      "static void ended(int number) { (void)number; _exit(9); }\n"
                      f"int main(int argc, char **argv) {{ (void)ended; {body} return 0; }}\n")
    subprocess.run(["cc", "-o", tool, source], check=True)
    return tool


@pytest.mark.parametrize("hangs_at", ["connecting", "BeginRun", "AppendLog", "EndRun", "Diagnose"])
def test_a_daemon_that_hangs_delays_nothing(client, daemon, hangs_at):
    """A daemon that is stopped, or busy for long, used to hold the caller for 30 s."""
    if hangs_at == "connecting":
        daemon.stop()
        os.unlink(client.socket)
        silent = socket.socket(socket.AF_UNIX)
        silent.bind(str(client.socket))
        silent.listen(1)
    else:
        daemon.hang_at = hangs_at
    started = time.monotonic()
    result = client.run_shell("echo out; exit 7")
    assert result.returncode == 7 and result.stdout == "out\n"
    # It waits 2 s for an answer; the rest is for a busy machine.
    assert time.monotonic() - started < 10
    assert "Next:" not in result.stderr
    if hangs_at != "Diagnose":
        assert "diagnose --log" in result.stderr or "has only part of it" in result.stderr


def is_alive(pid):
    return pathlib.Path(f"/proc/{pid}").exists() and "\nState:\tZ" not in pathlib.Path(f"/proc/{pid}/status").read_text()


@pytest.mark.parametrize("leave", ["{child} & exit 4", "setsid {child} & exit 4"], ids=["forks", "daemonises"])
def test_run_ends_with_the_tool_and_leaves_its_children_alone(client, daemon, leave):
    """What they write later is not of this restore."""
    child = client.folder / "child"
    child.write_text(tool_that_waits(client.folder, f"echo $$ > {client.folder}/pid", "echo late"))
    process = client.start_shell("echo first\n" + leave.format(child=f"sh {child}"))
    assert process.wait(LIMIT) == 4
    until((client.folder / "ready").exists, "the child")
    assert daemon.ended["exitStatus"] == 4 and b"late" not in daemon.log
    pid = int((client.folder / "pid").read_text())
    assert is_alive(pid)
    (client.folder / "go").touch()
    until(lambda: not is_alive(pid), "the end of the child")


def test_run_of_a_tool_that_closes_its_output(client, daemon):
    process = client.start_shell(tool_that_waits(client.folder, "echo one; exec >&- 2>&-", "exit 7"))
    until((client.folder / "ready").exists, "the tool")
    assert process.poll() is None
    (client.folder / "go").touch()
    assert process.communicate(timeout=LIMIT)[0] == b"one\n" and process.returncode == 7
    assert daemon.log == b"one\n" and daemon.ended["exitStatus"] == 7


def test_run_stops_and_continues_with_its_tool(client, daemon):
    """As with Ctrl-Z and fg: the terminal's signals reach the whole process group."""
    process = client.start_shell(tool_that_waits(client.folder, "echo one", "echo two; exit 3"), start_new_session=True)
    until((client.folder / "ready").exists, "the tool")
    # A process group that no shell controls ignores SIGTSTP.
    os.killpg(process.pid, signal.SIGSTOP)
    (client.folder / "go").touch()
    until(lambda: "\nState:\tT" in pathlib.Path(f"/proc/{process.pid}/status").read_text(), "the stop")
    assert not daemon.ended
    os.killpg(process.pid, signal.SIGCONT)
    assert process.communicate(timeout=LIMIT)[0] == b"one\ntwo\n" and process.returncode == 3
    assert daemon.log == b"one\ntwo\n"


def test_a_stopped_run_does_not_stop_its_tool(client, daemon):
    process = client.start_shell(tool_that_waits(client.folder, "echo one", f"seq 200000; touch {client.folder}/over; exit 3"))
    until((client.folder / "ready").exists, "the tool")
    process.send_signal(signal.SIGSTOP)
    (client.folder / "go").touch()
    until((client.folder / "over").exists, "the tool's end")
    process.send_signal(signal.SIGCONT)
    assert process.communicate(timeout=LIMIT)[0].endswith(b"\n200000\n") and process.returncode == 3
    assert daemon.log.endswith(b"\n200000\n")


def test_a_resized_terminal_is_no_trouble(client, daemon):
    process = client.start_shell(tool_that_waits(client.folder, "echo one", "exit 3"))
    until((client.folder / "ready").exists, "the tool")
    process.send_signal(signal.SIGWINCH)
    (client.folder / "go").touch()
    assert process.wait(LIMIT) == 3
