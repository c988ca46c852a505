"""What tests of the whole route share: the real command in processes of its own, and its answers read back."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flows.demo.newsroom import Newsroom

COMMAND = str(Path(sys.executable).with_name("tocsin"))
SHARED = Path(__file__).parents[2] / "shared"


def tocsin(*arguments, home=None, code=0, given=None, timeout=120, **environment):
    """Runs the command to its end and gives its standard output; `code` is the exit code that it must have."""
    done = finished(*arguments, home=home, given=given, timeout=timeout, **environment)
    assert done.returncode == code, f"{arguments}: {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done.stdout


def finished(*arguments, home=None, given=None, timeout=120, **environment):
    return subprocess.run(
        [COMMAND, *arguments],
        input=given,
        capture_output=True,
        text=True,
        timeout=timeout,
        env=environ(home, environment),
        check=False,
    )


def environ(home, more=()):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TOCSIN")}
    return {**kept, **({"TOCSIN_HOME": str(home)} if home else {}), **dict(more)}


def objects(text):
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def found(home, query="*", limit=100_000, **environment):
    """What `tocsin find` gives, a row each."""
    return objects(tocsin("find", query, "--limit", str(limit), "--json", home=home, **environment))


def alerts(home, *options, **environment):
    return objects(tocsin("alerts", "--limit", "100000", "--json", *options, home=home, **environment))


def rejected(home, **environment):
    return objects(
        tocsin("rejected", "list", "--state", "all", "--limit", "100000", "--json", home=home, **environment)
    )


@contextmanager
def running(*arguments, home, wait_for="the desk page:", timeout=60, **environment):
    """The command while it runs; gives the process and the lines that it said until `wait_for` was among them."""
    process = subprocess.Popen(
        [COMMAND, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environ(home, environment),
        start_new_session=True,
    )
    try:
        yield process, said_until(process, wait_for, timeout)
    finally:
        end(process)


def said_until(process, wanted, timeout=60):
    lines, deadline = [], time.monotonic() + timeout
    while time.monotonic() < deadline:
        line = process.stdout.readline()
        lines.append(line)
        if wanted in line:
            return lines
        if not line and process.poll() is not None:
            break
    raise AssertionError(f"{wanted!r} was not said:\n{''.join(lines)}")


def end(process):
    """Stops a process that this test started, and its children, the hard way if need be."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            kill_tree(process)
    if process.stdout:
        process.stdout.close()


def kill_tree(process):
    """kill -9 of the process and of everything that it started: they share its session."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(20)


@contextmanager
def bundled_newsroom(**how):
    """The newsroom of `tocsin demo`, which publishes from now on."""
    newsroom = Newsroom(**{"opened": datetime.now(UTC), **how})
    newsroom.start()
    try:
        yield newsroom
    finally:
        newsroom.stop()


def published_newsroom():
    """The same, where everything was published an hour ago."""
    return bundled_newsroom(opened=datetime.now(UTC) - timedelta(hours=1))


def read_whole_newsroom(folder, *options):
    """Has the command read the whole bundled newsroom into the folder; gives the folder."""
    with published_newsroom() as newsroom:
        arguments = ("--feeds", newsroom.feeds_url, *options, "--allow-loopback", "--until-idle")
        tocsin("run", *arguments, home=folder)
    return folder


@contextmanager
def shared_newsroom(*options):
    """The shared newsroom on a free port: the address of its list of feeds, or None where it is absent."""
    script = SHARED / "newsroom" / "serve.py"
    if not script.exists():
        yield None
        return
    process = subprocess.Popen(
        [sys.executable, str(script), "--port", "0", *options], stdout=subprocess.PIPE, text=True
    )
    try:
        yield process.stdout.readline().rsplit(" ", 1)[-1].strip()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
