"""Flows run in this process over folders -> what came of them, as JSON. Run as a program of its own, with a server."""

import json
import sys
import time
from pathlib import Path

from flows.home import Home, Ownership, owner_of


def inside(home, silent):
    """`silent` is a folder whose feed never answers."""
    from prefect.client.orchestration import get_client

    from flows.scheduled.collect import collect
    from flows.scheduled.drain import drain

    seen = {"in use": _in_use(home, collect)}
    seen["freed"] = _freed(home, collect)
    seen["silent"] = _timed_out(silent, collect)
    seen["no such stage"] = _refusal(drain, home)
    seen["live members"] = _live(home)
    with get_client(sync_client=True) as client:
        seen["task runs"] = sorted((run.name, run.state_name, run.run_count) for run in client.read_task_runs())
    return seen


def _in_use(home, collect):
    from flows.scheduled.rounds import one_round

    one_round.retries, one_round.retry_delay_seconds = 1, 0.1
    ownership = Ownership.take(home)
    try:
        state = collect(str(home.path), return_state=True)
    finally:
        ownership.release()
    return [state.name, state.message]


def _freed(home, collect):
    from flows.scheduled.rounds import one_round

    ownership, helps = Ownership.take(home), one_round.retry_condition_fn

    def let_go(*arguments):
        """Called once the first try has failed."""
        ownership.release()
        return helps(*arguments)

    one_round.retry_condition_fn = let_go
    return collect(str(home.path), allow_loopback=True, return_state=True).name


def _timed_out(silent, collect):
    started = time.monotonic()
    state = collect.with_options(timeout_seconds=2)(str(silent.path), allow_loopback=True, return_state=True)
    return [state.name, time.monotonic() - started, owner_of(silent) is None]


def _refusal(drain, home):
    from prefect.exceptions import ParameterTypeError

    try:
        drain("nonsense", str(home.path))
    except ParameterTypeError as error:
        return str(error)
    return ""


def _live(home):
    """The stage's group has members: the drain leaves it to them."""
    from flows.scheduled import drain as module

    module.LIVE_MEMBERS = lambda _home, stage: f"2 members of group {stage}"
    state = module.drain("enrich", str(home.path), return_state=True)
    return [state.name, state.message]


if __name__ == "__main__":
    print(json.dumps(inside(*(Home(Path(word)) for word in sys.argv[1:]))))
