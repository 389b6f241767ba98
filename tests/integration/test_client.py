# SPDX-License-Identifier: LGPL-2.1-or-later
"""The command `idevicetriage` against a stand-in for the daemon: what it prints, what it exits with, and that `run`
never harms the tool that it runs."""
import json
import os
import pathlib
import pty
import re
import select
import signal
import stat
import subprocess
import sys
import time

import pytest

import standin
from daemon import versioned

LIMIT = 60  # seconds for anything that a test waits for


def until(condition, what, seconds=LIMIT):
    """Polls until condition() is true, and gives its value."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.01)
    return value


class Client:
    """The command, in an environment of its own."""

    def __init__(self, command, folder):
        self.command = str(command)
        self.folder = folder
        self.socket = folder / "s"
        self.environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TZ": "UTC", "HOME": str(folder),
                            "IDEVICETRIAGE_SOCKET": str(self.socket)}
        self.started = []

    def __call__(self, *arguments, **environment):
        return subprocess.run([self.command, *map(str, arguments)], env={**self.environment, **environment},
                              capture_output=True, text=True, timeout=LIMIT, stdin=subprocess.DEVNULL)

    def json(self, *arguments):
        result = self("--json", *arguments)
        return [versioned(line) for line in result.stdout.splitlines()]

    def start(self, *arguments, **options):
        process = subprocess.Popen([self.command, *map(str, arguments)],
                                   **{"env": self.environment, "stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE,
                                      "stderr": subprocess.PIPE, **options})
        self.started.append(process)
        return process

    def run_shell(self, script, *options):
        """`run` with a shell script as the tool."""
        return self("run", *options, "--", "sh", "-c", script)

    def start_shell(self, script, *options, **more):
        return self.start("run", *options, "--", "sh", "-c", script, **more)


@pytest.fixture
def client(request, folder):
    build = pathlib.Path(request.config.getoption("--build-dir")).resolve()
    client = Client(build / "client" / "idevicetriage", folder)
    yield client
    for process in client.started:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def daemon(client):
    daemon = standin.StandIn(client.socket)
    yield daemon
    daemon.stop()


def tool_that_waits(folder, before="", after=""):
    """A script that runs `before`, says so with the file `ready`, and goes on to `after` once the file `go` is there.

    It ends with the folder: a test may kill `run`, and its tool lives on."""
    return (f"{before}\n: > {folder}/ready; while [ -d {folder} ] && ! [ -e {folder}/go ]; do "
            f"{sys.executable} -c 'import select; select.select([], [], [], .01)'; done\n{after}")


# What is printed.

def test_status_tells_bench_sources_phones_and_restores(client, daemon):
    text = client("status").stdout
    assert "bench-1" in text and "usbmuxd" in text
    assert "down: not in the group systemd-journal" in text
    assert "iPhone 11 Pro …802E, restore, port 1-2.3" in text
    assert "Creating filesystem (12) 45 %" in text


def test_status_as_json_is_one_object_with_devices_and_running_sessions(client, daemon):
    (status,) = client.json("status")
    assert status["bench"] == "bench-1"
    assert [device["ecid"] for device in status["devices"]] == [standin.ECID]
    assert [each["session"] for each in status["sessions"]] == [standin.SESSION]


def test_lists_keep_their_shape_when_empty(client, daemon):
    daemon.sessions, daemon.devices, daemon.records = [], [], []
    (status,) = client.json("status")
    assert status["devices"] == [] and status["sessions"] == []
    assert client.json("sessions") == [{"sessions": []}]
    assert client.json("log") == [{"records": [], "lost": 0}]
    # True of an empty casebook and of a filter that nothing fits.
    for filter in ([], ["--ticket", "4711"]):
        assert client("sessions", *filter).stdout.startswith("No attempt found.")


def test_the_log_says_whether_a_source_works(client, daemon):
    daemon.records = [standin.record(1, "source", name="journal", state="down", text="no entry is readable")]
    assert re.search("source +journal down no entry", client("log").stdout)


def test_identifiers_are_masked_in_text_unless_revealed(client, daemon):
    for command in (["status"], ["sessions"], ["log"], ["diagnose", "-v"]):
        text = client(*command).stdout
        assert standin.ECID[2:] not in text and "802E" in text, command
        text = client("--reveal", *command).stdout
        assert standin.ECID in text, command


def test_sessions_limit_and_device(client, daemon):
    assert len(client.json("sessions", "-n", 1)[0]["sessions"]) == 1
    client("sessions", "802e")
    assert daemon.calls[-1] == ("ListSessions", {"name": "802e"})


def test_log_asks_until_all_is_read(client, daemon):
    replies = client.json("log", standin.SESSION[-8:])
    assert [record["sequence"] for reply in replies for record in reply["records"]] == [1, 2, 3]
    assert daemon.calls[-1][1] == {"session": standin.SESSION, "after": 3}
    assert "About to restore device..." in client("log").stdout


def test_log_tells_the_outcome_that_a_tool_told(client, daemon):
    daemon.records = [standin.record(1, "outcome", state="failed")]
    assert "outcome        failed" in client("log").stdout


def test_log_begins_after_a_sequence(client, daemon):
    (reply,) = client.json("log", "--after", 2)
    assert [record["sequence"] for record in reply["records"]] == [3]


def test_follow_goes_on_over_a_restart_of_the_daemon(client, daemon):
    process = client.start("--json", "log", "-f")
    assert versioned(process.stdout.readline())["records"][-1]["sequence"] == 2
    daemon.stop()
    daemon.start()
    assert versioned(process.stdout.readline())["records"][0]["sequence"] == 3
    process.terminate()
    assert process.stderr.read().count(b"broke") == 1


def test_watch_prints_each_change_at_once(client, daemon):
    process = client.start("--json", "watch")
    assert versioned(process.stdout.readline())["event"] == "state"
    assert versioned(process.stdout.readline())["record"]["sequence"] == 3
    process.terminate()


def test_watch_warns_before_a_port_fails(client, daemon):
    """Of a port that is worse than the others, and of corrected errors that are nearly used up."""
    daemon.groups = [{"key": port, "host": "bench-1", "attempts": 9, "failed": 1, "succeeded": 8, "phones": 5,
                      "linkErrors": errors, "linkBytes": 10**10, "linkMilliseconds": 60_000}
                     for port, errors in (("1-2", 9), ("1-3", 0))]
    daemon.records[2] = standin.record(3, "link-corrected", source="link", port="1-2.3", number=3, limit=4)
    process = client.start("watch", text=True)
    warning = process.stderr.readline()
    assert "Port 1-2 of bench-1: 9 failed USB transfers, 0.9 per gigabyte" in warning and "doctor" in warning
    for line in process.stdout:
        if "error corrected" in line:
            break
    assert "3 of 4 port 1-2.3: 2 more end the transfer" in " ".join(line.split())
    process.terminate()


def test_watch_and_doctor_go_on_where_ports_have_no_counts(client, daemon):
    def refuse(parameters, more):
        raise standin.Refusal("CasebookUnavailable", reason="full")

    daemon._GetStatistics = refuse
    process = client.start("watch", text=True)
    assert process.stdout.readline()
    process.terminate()
    assert process.communicate(timeout=LIMIT)[1] == ""
    assert client("doctor").stderr == ""


def test_diagnosis_leads_with_one_line_and_says_why_and_what_next(client, daemon):
    daemon.verdict = {**standin.VERDICT, "phase": "phase2-hardware", "strength": "strong",
                      "summary": "Phase 2 (hardware): the earpiece flex, strong evidence."}
    result = client("diagnose")
    lines = result.stdout.splitlines()
    assert lines[0] == "Phase 2 (hardware): the earpiece flex, strong evidence."
    assert any(line.strip().startswith("+ The phone") for line in lines)
    assert any(line.strip().startswith("− Only one computer") for line in lines)
    assert "Next step" in lines and "Advice" in lines
    assert "if it succeeds: the cable was the cause" in result.stdout
    assert "rule" not in result.stdout
    assert "records 12, 15" in client("diagnose", "--verbose").stdout


@pytest.mark.parametrize("phase, code", [("none", 0), ("phase1-connection", 10), ("phase1-software", 11),
                                         ("phase2-hardware", 20), ("undecided", 30), ("of-a-later-version", 30)])
def test_diagnose_exits_with_the_phase(client, daemon, phase, code):
    daemon.verdict = {**standin.VERDICT, "phase": phase}
    assert client("diagnose").returncode == code
    assert client("--json", "diagnose").returncode == code
    assert client.json("diagnose")[0]["verdict"]["phase"] == phase


def test_diagnose_names_device_or_session(client, daemon):
    for name, parameters in (("1-2.3", {"device": "1-2.3"}), ("802E", {"device": standin.ECID}),
                             (standin.UDID, {"device": standin.UDID}), (standin.OTHER, {"session": standin.OTHER}),
                             (standin.OTHER[-8:], {"session": standin.OTHER})):
        client("diagnose", name)
        assert [call for call in daemon.calls if call[0] == "Diagnose"][-1] == ("Diagnose", parameters)


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_text_keeps_to_the_width(client, daemon, columns):
    for command in ("status", "sessions", "log", "diagnose"):
        for line in client(command, COLUMNS=str(columns)).stdout.splitlines():
            assert len(line) <= columns, line


def test_no_control_character_of_an_answer_reaches_the_terminal(client, daemon):
    daemon.records = [standin.record(1, text="\x1b[2Jgone\x07 \u009b31m")]
    daemon.devices = [{**standin.DEVICE, "name": "\x1b]0;title\x07"}]
    for command in ("log", "status"):
        assert not any(ord(c) < 32 and c != "\n" or 127 <= ord(c) < 160 for c in client(command).stdout)


def test_colour_only_where_wanted(client, daemon):
    assert "\x1b" not in client("diagnose").stdout
    assert "\x1b" in client("--color", "always", "diagnose").stdout
    for environment, colour in (({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)):
        assert (b"\x1b" in on_terminal(client, ["diagnose"], environment)[0]) == colour, environment


def start_on_terminal(client, *arguments, environment=None):
    """Starts the command on a terminal of its own. Gives its process and the terminal's other end."""
    pid, terminal = pty.fork()
    if pid == 0:
        try:
            os.execve(client.command, [client.command, *map(str, arguments)],
                      {**client.environment, "TERM": "xterm", **(environment or {})})
        finally:
            os._exit(127)  # the tests go on in the parent alone
    return pid, terminal


def on_terminal(client, arguments, environment=None, input=b""):
    """Runs the command on a terminal of its own; gives what the terminal showed, and the exit status."""
    pid, terminal = start_on_terminal(client, *arguments, environment=environment)
    os.write(terminal, input)
    shown = b""
    try:
        while data := os.read(terminal, 65536):
            shown += data
    except OSError:
        pass
    os.close(terminal)
    return shown, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


# What goes wrong.

@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["status", "extra"], ["--color", "pink", "status"],
                                       ["sessions", "-n", "x"], ["log", "--after", "-1"], ["run"],
                                       ["run", "--earpiece-flex", "bent", "--", "true"],
                                       ["run", "--condition", "novalue", "--", "true"],
                                       ["run", "--ecid", "hello", "--", "true"], ["run", "--port", "slot4", "--", "true"],
                                       ["--unknown"], ["import", ""], ["panics", "--file", ""],
                                       ["diagnose", "--log", ""],
                                       ["export", "-o", "", "1-2"], ["--socket", "", "status"],
                                       ["sessions", "-n", "0"], ["sessions", "--limit"], ["status", "-x"],
                                       ["log", "--json", "-fx"], ["status", "--json=yes"]])
def test_wrong_usage(client, daemon, arguments):
    result = client(*arguments)
    assert result.returncode == 2 and not result.stdout
    assert result.stderr.startswith("idevicetriage: ") and result.stderr.count("\n") == 1
    assert not daemon.calls


@pytest.mark.parametrize("arguments, command, option", [
    (["--unknown"], "idevicetriage", "--unknown"), (["status", "--unknown"], "status", "--unknown"),
    (["log", "--json", "-fx"], "log", "-x"), (["status", "--json=yes"], "status", "--json=yes"),
    (["sessions", "-n"], "sessions", "-n"), (["sessions", "--limit"], "sessions", "--limit"),
    (["status", "--socket"], "status", "--socket")])
def test_an_option_that_is_wrong_is_named_with_its_command(client, daemon, arguments, command, option):
    message = client(*arguments).stderr
    assert f"idevicetriage: {command}" in message and f" {option}" in message
    assert f"idevicetriage{'' if command == 'idevicetriage' else ' ' + command} --help" in message


@pytest.mark.parametrize("command", ["status", "watch", "sessions", "log", "diagnose"])
def test_no_daemon(client, command):
    result = client("--state-dir", client.folder, command)
    assert result.returncode == 3
    assert str(client.socket) in result.stderr and result.stderr.count("\n") == 1


@pytest.mark.parametrize("arguments", [["diagnose", "0xDEADBEEF99"], ["diagnose", "9-9"], ["diagnose", "ffffffff"],
                                       ["log", "01936f00-0000-7000-8000-000000000000"], ["log", "ffff0000"],
                                       ["sessions", "0xDEADBEEF99"]])
def test_unknown_names(client, daemon, arguments):
    result = client(*arguments)
    assert result.returncode == 4 and arguments[-1] in result.stderr


def test_an_ambiguous_name(client, daemon):
    daemon.sessions = [standin.session(session=f"01936f00-{i}111-7222-8333-44445555abcd") for i in range(2)]
    result = client("diagnose", "abcd")
    assert result.returncode == 4 and "Cannot choose" in result.stderr


def test_a_daemon_that_refuses(client, daemon):
    def refuse(parameters, more):
        raise standin.Refusal("NotAllowed", method="Diagnose")
    daemon._Diagnose = refuse
    result = client("diagnose")
    assert result.returncode == 1 and "may not" in result.stderr


@pytest.mark.parametrize("answer", [b"nonsense\0", b"[]\0", b"\0", b'{"parameters":\xff}\0', b"x" * 100, b""])
def test_a_daemon_that_answers_nonsense(client, daemon, answer):
    def answer_nonsense(connection, message):
        connection.sendall(answer)
        connection.close()
    daemon._answer = answer_nonsense
    result = client("status")
    assert result.returncode == 3 and result.stderr.count("\n") == 1


def test_a_full_disk_under_the_output_is_no_success(client, daemon):
    with open("/dev/full", "wb") as full:
        process = client.start("--json", "status", stdout=full)
        assert process.wait(LIMIT) == 1


def test_help_and_version(client):
    assert "diagnose" in client("--help").stdout
    assert client("--version").stdout.startswith("idevicetriage ")


# Running a tool.

def test_run_shows_the_output_and_brings_it_to_the_daemon(client, daemon):
    result = client.run_shell("echo out; echo err >&2; printf 'ä%s' end")
    assert result.stdout == "out\nerr\näend"
    assert daemon.log.decode() == "out\nerr\näend"
    assert daemon.ended == {"session": standin.SESSION, "exitStatus": 0}


@pytest.mark.parametrize("status", [0, 1, 7, 255])
def test_run_exits_as_the_tool_does(client, daemon, status):
    assert client.run_shell(f"exit {status}").returncode == status
    assert daemon.ended["exitStatus"] == status


def test_run_of_a_tool_that_is_killed(client, daemon):
    assert client.run_shell("kill -KILL $$").returncode == 128 + signal.SIGKILL
    assert daemon.ended == {"session": standin.SESSION, "signal": signal.SIGKILL}


def test_run_tells_what_holds_in_the_attempt(client, daemon):
    result = client("run", "--cable", "L07", "--port", "1-2.3", "--earpiece-flex", "disconnected", "--display",
                    "replaced", "--battery", "known-good", "--minimal-boot", "--condition", "chargeFlex=replaced",
                    "--ticket", "T-1", "--", "sh", "-c", "true", "-i", "0x1A2B3C4D5E6F")
    assert result.returncode == 0
    (begun,) = daemon.begun
    assert begun["tool"] == "sh" and begun["arguments"][0] == "-c"
    assert begun["ticket"] == "T-1" and begun["port"] == "1-2.3"
    assert begun["ecid"] == "0x00001A2B3C4D5E6F"
    assert {each["key"]: each["value"] for each in begun["conditions"]} == {
        "cable": "L07", "earpieceFlex": "disconnected", "display": "replaced", "battery": "known-good",
        "minimalBoot": "true", "chargeFlex": "replaced"}


@pytest.mark.parametrize("arguments, key, value", [
    (["-u", standin.UDID], "udid", standin.UDID), ([f"--udid={standin.UDID}"], "udid", standin.UDID),
    (["-i0x1A2B3C4D5E6F"], "ecid", "0x00001A2B3C4D5E6F"), (["--ecid", "1A2B3C4D5E6F"], "ecid", "0x00001A2B3C4D5E6F"),
    (["-u", "firmware.ipsw"], "ecid", None), (["-i"], "ecid", None)])
def test_run_takes_the_phone_from_the_tools_arguments(client, daemon, arguments, key, value):
    assert client("run", "--", "true", *arguments).returncode == 0
    assert daemon.begun[0].get(key) == value


END = ("idevicetriage: sh exited with 7; the restore failed at Creating filesystem (12). "
       "See `idevicetriage diagnose 55556666`.\n")


def test_run_ends_with_the_verdict_and_the_next_step(client, daemon):
    """The command that failed says what to do next; its status is the tool's."""
    result = client.run_shell("exit 7")
    assert result.returncode == 7
    assert result.stderr == f'{END}idevicetriage: {standin.VERDICT["summary"]} Next: use another cable.\n'
    assert ("Diagnose", {"session": standin.SESSION}) in daemon.calls


@pytest.mark.parametrize("outcome", ["succeeded", "aborted"])
def test_run_gives_no_verdict_where_nothing_failed(client, daemon, outcome):
    daemon.result = standin.session(outcome=outcome)
    assert client.run_shell("exit 7").stderr.count("\n") == 1
    (end,) = client.json("run", "--", "sh", "-c", "exit 7")
    assert end["result"]["outcome"] == outcome and end["verdict"]["phase"]


def test_run_ends_without_a_verdict_that_is_refused(client, daemon):
    def refuse(parameters, more):
        raise standin.Refusal("CasebookUnavailable", reason="full")

    daemon._Diagnose = refuse
    assert client.run_shell("exit 7").stderr == END


def test_run_as_json_has_standard_output_for_the_end_alone(client, daemon):
    result = client("--json", "run", "--", "sh", "-c", "echo out; exit 7")
    assert result.returncode == 7 and result.stderr == "out\n"
    end = versioned(result.stdout)
    assert end["session"] == standin.SESSION and end["exitStatus"] == 7
    assert end["result"]["outcome"] == "failed" and "problem" not in end
    assert end["verdict"]["nextStep"]["experiment"] == "swap-cable"
    assert pathlib.Path(end["log"]).read_text() == "out\n"


@pytest.mark.parametrize("status", [0, 7])
def test_run_as_json_exits_as_the_tool_even_if_nobody_reads_its_end(client, daemon, status):
    with open("/dev/full", "w") as full:
        process = client.start("--json", "run", "--", "sh", "-c", f"exit {status}", stdout=full)
        _, errors = process.communicate(timeout=LIMIT)
    assert process.returncode == status
    assert errors == b"idevicetriage: Cannot write the output (No space left on device).\n"


def test_run_keeps_the_log_for_its_owner_alone(client, daemon):
    client.run_shell("echo out")
    (log,) = (client.folder / ".local/state/idevicetriage/logs").iterdir()
    assert log.read_text() == "out\n"
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert stat.S_IMODE(log.parent.stat().st_mode) == 0o700


def test_run_does_not_overwrite_a_log(client, daemon):
    log = client.folder / "log"
    log.write_text("dear")
    result = client.run_shell(f"touch {client.folder}/started", "--log", log)
    assert result.returncode == 1 and str(log) in result.stderr
    assert log.read_text() == "dear" and not (client.folder / "started").exists()


@pytest.mark.parametrize("tool, status", [("no-such-tool", 127), ("/etc/passwd", 126)])
def test_run_of_what_cannot_be_run(client, daemon, tool, status):
    result = client("run", "--", tool)
    assert result.returncode == status and tool in result.stderr


def test_run_gives_the_tool_standard_input(client, daemon):
    process = client.start_shell("read a; echo got $a", stdin=subprocess.PIPE)
    assert process.communicate(b"word\n", LIMIT)[0] == b"got word\n"


def test_run_buffers_the_tool_by_lines(client, daemon):
    """A C program on a file writes in blocks: its words must not wait for its end."""
    fifo = client.folder / "fifo"
    os.mkfifo(fifo)
    process = client.start("run", "--", "cut", "-b1-", fifo)
    with open(fifo, "wb", buffering=0) as writer:
        writer.write(b"live\n")
        daemon.wait_for(lambda: daemon.log == b"live\n")
    assert process.wait(LIMIT) == 0


def test_run_without_a_daemon(client):
    result = client.run_shell("echo out; exit 7")
    assert result.returncode == 7 and result.stdout == "out\n"
    assert result.stderr.count("not reachable") == 1 and "the daemon did not watch" in result.stderr
    assert "`idevicetriage diagnose --log /" in result.stderr and "Next:" not in result.stderr


def test_run_finds_a_daemon_that_comes_later(client):
    process = client.start_shell(tool_that_waits(client.folder, "echo early", "echo late; exit 3"))
    assert b"not reachable" in process.stderr.readline()
    daemon = standin.StandIn(client.socket)
    daemon.wait_for(lambda: daemon.log == b"early\n")
    (client.folder / "go").touch()
    assert process.wait(LIMIT) == 3
    assert daemon.log == b"early\nlate\n" and daemon.ended["exitStatus"] == 3
    daemon.stop()


def test_run_goes_on_where_the_daemon_was_when_it_restarts(client, daemon):
    process = client.start_shell(tool_that_waits(client.folder, "echo one; echo two", "echo three; exit 5"))
    daemon.wait_for(lambda: daemon.log == b"one\ntwo\n")
    daemon.stop()
    daemon.log = b"one\n"  # its disk lost the end
    assert b"broke" in process.stderr.readline()
    (client.folder / "go").touch()
    daemon.start()
    output, errors = process.communicate(timeout=LIMIT)
    assert process.returncode == 5 and output == b"one\ntwo\nthree\n"
    assert daemon.log == b"one\ntwo\nthree\n" and len(daemon.begun) == 1
    assert b"broke" not in errors


def test_run_survives_daemons_that_die_in_the_middle_of_an_answer(client, daemon):
    daemon.die_at = 300_000
    process = client.start_shell("seq 200000")
    for die_at in (700_000, None):
        daemon.wait_for(lambda: daemon.listener is None)
        daemon.die_at = die_at
        daemon.start()
    output, _ = process.communicate(timeout=LIMIT)
    expected = b"".join(b"%d\n" % i for i in range(1, 200001))
    assert process.returncode == 0 and output == expected
    assert daemon.log == expected and daemon.ended["exitStatus"] == 0


def test_run_begins_anew_when_the_daemon_forgot_the_session(client, daemon):
    process = client.start_shell(tool_that_waits(client.folder, "echo one", "echo two"))
    daemon.wait_for(lambda: daemon.log == b"one\n")
    daemon.forget = True
    (client.folder / "go").touch()
    assert process.wait(LIMIT) == 0
    assert daemon.log == b"one\ntwo\n" and len(daemon.begun) == 2


def test_run_with_a_daemon_that_takes_little(client, daemon):
    daemon.take = 1000
    client.run_shell("seq 10000")
    assert daemon.log == b"".join(b"%d\n" % i for i in range(1, 10001))


def test_run_gives_up_on_a_daemon_that_takes_nothing(client, daemon):
    daemon._AppendLog = lambda parameters, more: {"offset": 0, "progress": standin.session()}
    result = client.run_shell("echo out; exit 4")
    assert result.returncode == 4 and result.stdout == "out\n"
    assert "has only part of it" in result.stderr


def test_run_is_told_of_an_offset_past_the_log(client, daemon):
    daemon._AppendLog = lambda parameters, more: {"offset": 1 << 40, "progress": standin.session()}
    assert client.run_shell("echo out; exit 4").returncode == 4


def test_run_of_a_tool_that_writes_what_is_no_text(client, daemon):
    process = client.start_shell(r"printf '\377\000\001\303'; printf '\244 \360\237\230'; printf '\200\033\r\042\134'")
    output, _ = process.communicate(timeout=LIMIT)
    assert output == b"\xff\x00\x01\xc3\xa4 \xf0\x9f\x98\x80\x1b\r\"\\"
    assert daemon.log == "??\x01ä \U0001f600\x1b\r\"\\".encode()


def test_run_of_a_tool_that_writes_control_characters_alone(client, daemon):
    """JSON makes six bytes of each: a piece must stay below the limit of a request."""
    client.run_shell(r"head -c 300000 /dev/zero | tr '\000' '\001'")
    assert daemon.log == b"\x01" * 300000


def test_run_of_a_tool_that_writes_50_megabytes_fast(client, daemon):
    daemon.log = bytearray()
    size = 50 << 20
    started = time.monotonic()
    process = client.start_shell(f"yes 'Sending image data, part of many' | head -c {size}")
    received = 0
    while data := process.stdout.read(1 << 20):
        received += len(data)
    assert process.wait(LIMIT) == 0 and received == size
    assert len(daemon.log) == size
    assert time.monotonic() - started < LIMIT


def test_run_does_not_wait_for_a_reader_of_its_output(client, daemon):
    """Whoever reads our output may stop; the tool writes to its file and ends."""
    done = client.folder / "done"
    process = client.start_shell(f"seq 300000; : > {done}")
    until(done.exists, "the tool's end")
    daemon.wait_for(lambda: daemon.ended is not None)
    output, _ = process.communicate(timeout=LIMIT)
    assert process.returncode == 0 and output.endswith(b"\n300000\n")


def test_run_goes_on_when_nobody_reads_any_more(client, daemon):
    process = client.start_shell(tool_that_waits(client.folder, "echo one", "seq 100000; exit 6"))
    assert process.stdout.readline() == b"one\n"
    process.stdout.close()
    (client.folder / "go").touch()
    assert process.wait(LIMIT) == 6
    assert daemon.log.endswith(b"\n100000\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_run_passes_signals_on_and_waits(client, daemon, number):
    process = client.start_shell(tool_that_waits(client.folder, f"trap 'echo caught; touch {client.folder}/go' "
                                                                f"INT TERM HUP QUIT", "exit 9"))
    until((client.folder / "ready").exists, "the tool")
    process.send_signal(number)
    output, _ = process.communicate(timeout=LIMIT)
    assert process.returncode == 9 and output == b"caught\n"


def read_until(stream, wanted):
    """What comes from a stream up to some bytes."""
    shown = b""
    while wanted not in shown:
        assert select.select([stream], [], [], LIMIT)[0], shown
        piece = os.read(stream.fileno(), 65536)
        assert piece, shown
        shown += piece
    return shown


def test_the_third_interrupt_kills_a_tool_that_ends_at_none(client, daemon):
    """With libusbmuxd 2.1.0 a tool whose phone has left ends at no other signal."""
    process = client.start_shell("trap 'echo caught' INT; trap '' TERM; echo ready; while :; do sleep 0.05; done",
                                 stderr=subprocess.PIPE)
    read_until(process.stdout, b"ready\n")
    process.send_signal(signal.SIGINT)
    read_until(process.stdout, b"caught\n")
    process.send_signal(signal.SIGTERM)  # counts for nothing
    process.send_signal(signal.SIGINT)
    read_until(process.stdout, b"caught\n")
    assert read_until(process.stderr, b"The next Ctrl-C kills it.")
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=LIMIT)
    assert process.returncode == 128 + signal.SIGKILL and b"caught" not in output
    assert daemon.ended["signal"] == signal.SIGKILL


@pytest.mark.parametrize("outcome, sentence", [
    ("failed", "The restore has failed: the phone left and did not return"),
    ("succeeded", "The restore has succeeded: the phone reported that it has finished")])
def test_run_says_once_that_the_tool_outlives_the_restore(client, daemon, outcome, sentence):
    asked = []

    def append(parameters, more):
        asked.append(parameters)
        (client.folder / f"asked-{len(asked)}").touch()
        return {"offset": parameters["offset"] + len(parameters["text"]),
                "progress": standin.session(outcome=outcome, endedUSec=1795380600000000)}
    daemon._AppendLog = append
    wait = "until [ -e '{}/asked-{}' ]; do sleep 0.02; done"
    result = client.run_shell("; ".join(("echo one", wait.format(client.folder, 1), "echo two", wait.format(client.folder, 2),
                                         "echo three")))
    assert len(asked) > 2
    assert result.stderr.count(sentence) == 1
    assert "press Ctrl-C" in result.stderr and result.stdout == "one\ntwo\nthree\n"


def test_run_ends_with_the_silence_of_its_phone(client, daemon):
    daemon.result = standin.session(outcome="aborted", health={**standin.HEALTH, "silences": 1})
    assert "aborted at Creating filesystem (12), with the phone silent past its time." in client.run_shell("true").stderr
    daemon.result["outcome"] = "succeeded"
    assert "silent" not in client.run_shell("true").stderr


def test_run_says_once_that_the_phone_is_silent_past_its_time(client, daemon):
    daemon._AppendLog = lambda parameters, more: {
        "offset": parameters["offset"] + len(parameters["text"]), "progress": standin.session(silentUSec=301_000_000)}
    result = client.run_shell("echo one; sleep 0.3; echo two; sleep 0.3; echo three")
    assert result.stderr.count("The phone has been silent for 5 min (limit: 5 min)") == 1


@pytest.mark.parametrize("running, status", [("on-time", 40), ("hung", 41)])
def test_diagnose_of_a_restore_that_runs(client, daemon, running, status):
    finding = {"text": "Creating filesystem: the phone has reported nothing while it restores, for more than 2 min; "
                       "2 min allowed.", "weight": 0, "rule": "restored-silence", "records": [7], "sessions": [""],
               "source": "restored"}
    daemon.verdict = {**standin.VERDICT, "running": running, "silences": [finding] if status == 41 else []}
    result = client("diagnose")
    assert result.returncode == status
    assert ("for more than 2 min; 2 min allowed" in " ".join(result.stdout.split())) == (status == 41)
    assert client("--json", "diagnose").returncode == status


def test_run_killed_leaves_the_tool_alone(client, daemon):
    process = client.start_shell(tool_that_waits(client.folder, "echo one", f"echo two; : > {client.folder}/survived"),
                                 "--log", client.folder / "log")
    until((client.folder / "ready").exists, "the tool")
    process.kill()
    process.wait(LIMIT)
    (client.folder / "go").touch()
    until((client.folder / "survived").exists, "the tool's end")
    until(lambda: (client.folder / "log").read_text() == "one\ntwo\n", "the end of the log")


# Leaves the terminal's foreground group, so that only `run` can tell it of a signal. Each signal that arrives adds its
# number, a byte, to the file `signals`.
COUNT_SIGNALS = """
import os, signal, sys
folder = sys.argv[1]
os.setpgid(0, 0)
signal.set_wakeup_fd(os.open(folder + "/signals", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NONBLOCK))
signal.signal(signal.SIGINT, lambda number, frame: None)
signal.signal(signal.SIGTERM, lambda number, frame: os._exit(9))
open(folder + "/ready", "w").close()
while True:
    signal.pause()
"""


def test_what_the_terminal_sends_is_not_sent_again(client, daemon):
    """Ctrl-C reaches every process of the foreground group by itself; twice can mean "now really" to a tool."""
    pid, terminal = start_on_terminal(client, "run", "--", sys.executable, "-c", COUNT_SIGNALS, client.folder)
    until((client.folder / "ready").exists, "the tool")
    os.write(terminal, b"\x03")
    shown = b""
    while b"^C" not in shown:  # echoed once the signal is sent
        assert select.select([terminal], [], [], LIMIT)[0], shown
        shown += os.read(terminal, 65536)
    # `run` takes and passes on signals in their order: nothing can come after this one.
    os.kill(pid, signal.SIGTERM)
    try:
        while os.read(terminal, 65536):
            pass
    except OSError:
        pass
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 9
    assert (client.folder / "signals").read_bytes() == bytes([signal.SIGTERM])


def test_interrupt_at_the_terminal_reaches_the_tool(client, daemon):
    script = tool_that_waits(client.folder, f"trap 'echo caught; : > {client.folder}/go' INT", "exit 9")
    pid, terminal = start_on_terminal(client, "run", "--", "sh", "-c", script)
    until((client.folder / "ready").exists, "the tool")
    os.write(terminal, b"\x03")
    shown = b""
    try:
        while data := os.read(terminal, 65536):
            shown += data
    except OSError:
        pass
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 9
    assert b"caught" in shown


def test_live_line_on_a_terminal(client, daemon):
    """Below the tool's output, and taken away at the end."""
    shown, status = on_terminal(client, ["run", "--", "sh", "-c", tool_that_waits(
        client.folder, "echo one", "echo two; exit 3").replace("while", f"(sleep 1; : > {client.folder}/go) & while")])
    assert status == 3
    assert b"one\r\n" in shown and b"two\r\n" in shown
    assert b"Creating filesystem (12) 45 %" in shown and b"phone silent 12 s of 5 min" in shown
    assert shown.rstrip().endswith(b"Next: use another cable.")


def test_live_line_of_a_phone_over_its_budget(client, daemon):
    daemon._AppendLog = lambda parameters, more: {
        "offset": parameters["offset"] + len(parameters["text"]), "progress": standin.session(silentUSec=301_000_000)}
    shown, _ = on_terminal(client, ["run", "--", "sleep", "0.7"])
    assert b"phone SILENT 5 min of 5 min" in shown


def test_watch_on_a_terminal_has_a_live_line(client, daemon):
    pid, terminal = start_on_terminal(client, "watch", "--lines")
    shown = b""
    while b"phone silent 1" not in shown:
        assert select.select([terminal], [], [], LIMIT)[0], shown
        shown += os.read(terminal, 65536)
    os.kill(pid, signal.SIGTERM)
    os.waitpid(pid, 0)
    os.close(terminal)
    assert b"Creating filesystem (12) 45 %" in shown
    assert b"About to restore" not in shown  # `log` has that


def test_no_live_line_where_no_terminal_is(client, daemon):
    result = client.run_shell("echo one")
    assert "\x1b" not in result.stdout + result.stderr and "\r" not in result.stdout + result.stderr


@pytest.mark.parametrize("arguments, meant", [(["diagnoze"], "diagnose"), (["sesions"], "sessions"), (["help", "wach"], "watch"),
                                              (["sessions", "--limti", "2"], "--limit"), (["status", "--jsno"], "--json")])
def test_a_misspelled_word_is_answered_with_the_nearest(client, daemon, arguments, meant):
    result = client(*arguments)
    assert result.returncode == 2 and result.stderr.endswith(f"Did you mean {meant}?\n"), result.stderr


def test_help_shows_the_usage_of_a_command(client, daemon):
    assert client("help").stdout == client("--help").stdout
    assert "idevicetriage sessions [OPTIONS] [DEVICE|SESSION|TICKET]\n" in client("help", "sessions").stdout
    assert "Did you mean" not in client("xyzzy").stderr


def test_metrics_of_phones(client, daemon):
    """Each port and each reason has one line, however many phones have it: one line twice would spoil the whole file."""
    port = {"cause": "port-hub", "title": "the USB port or hub", "strength": "moderate", "evidence": [], "counterEvidence": []}
    daemon.verdict = {**standin.VERDICT, "running": "hung", "causes": [port]}
    hidden = {**standin.DEVICE, "fault": {"fault": "usbmuxd-down", "text": "", "advice": "", "source": "", "sinceUSec": 0,
                                          "records": []}}
    # The second is a phone whose identity is not known yet; for 1-9, the daemon knows no phone any more.
    daemon.devices = [hidden, {"mode": "usb-only", "port": "1-2.3", "fault": hidden["fault"]}, {"mode": "dfu", "port": "1-9"},
                      {"mode": "recovery"}, {**standin.DEVICE, "mode": "gone", "port": "1-7"}]
    lines = client("metrics").stdout.splitlines()
    found = [line for line in lines if line.split("{")[0] in ("idevicetriage_port_suspect", "idevicetriage_hidden_phones")]
    assert found == ['idevicetriage_hidden_phones{fault="usbmuxd-down"} 2', 'idevicetriage_port_suspect{port="1-2.3"} 1',
                     'idevicetriage_port_suspect{port="1-9"} 0']
    assert "idevicetriage_hung_restores 1" in lines
