"""One round of work over a folder -> a Prefect task: alone on the folder, tried again where that helps."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx
from prefect import get_client, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.concurrency.sync import concurrency
from prefect.runtime import flow_run
from prefect.states import Cancelled
from prefect.tasks import Task

from flows.home import Home, find_home, owner_of
from flows.scheduled.late import away
from flows.scheduled.logs import show_facts
from flows.settings import read_settings
from ingest.verdict import Abort, Retry

T = TypeVar("T")
TRIES_AGAIN, PAUSE_SECONDS = 4, 30.0
TURN_SECONDS = 3600.0  # how long a round waits for its turn
LEASE_SECONDS = 60.0  # so long the place of a round that was killed stays taken
FOLDER = "tocsin-folder"  # a global concurrency limit: with the embedded stores a folder has one owner


class FolderInUse(Abort):
    """Another process has the folder; another round may end soon, `tocsin run` does not."""


class Stopped(Exception):  # noqa: N818 - it is no fault
    """Somebody cancelled the run, and the round has put back what it held."""


def folder(given: str) -> Home:
    """The folder that a flow works on, as every command of `tocsin` finds it."""
    return find_home(Path(given) if given else None, os.environ)


def _helps(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    """Trying again helps where the folder is in use or a server is away; what else stops a round needs a person."""
    return isinstance(state.result(raise_on_failure=False), FolderInUse | Retry)


@task(
    task_run_name="{name}",
    retries=TRIES_AGAIN,
    retry_delay_seconds=PAUSE_SECONDS,
    retry_condition_fn=_helps,
    cache_policy=NO_CACHE,
    persist_result=False,
)
def one_round(name: str, work: Callable[[Home], T], home: Home, alone: bool = True) -> T:
    """What `work` gives; `name` is shown as the name of the task run. Not `alone`: it only reads.

    Raises: FolderInUse if another process has the folder; Stopped if the run was cancelled; else as `work` does.
    """
    show_facts()
    with _turn(limits_of(home, name) if alone else []):
        try:
            done = work(home)
        except Abort as error:
            if owner_of(home):
                raise FolderInUse(str(error)) from error
            raise
    if _is_cancelled():
        raise Stopped(f"{name} was cancelled; what it had not done waits for the next run")
    return done


def cancelled(error: Stopped) -> State[Any]:
    """How a flow ends that was cancelled: not as completed, though it ended cleanly."""
    return Cancelled(message=str(error))


@contextmanager
def _turn(names: list[str]) -> Iterator[None]:
    """Keeps flows that touch the same work apart, whatever pools and workers run them.

    A server that goes away meanwhile stops no round: the folder and the ledger keep others out too.
    """
    limits = concurrency(
        names,
        occupy=1,
        timeout_seconds=TURN_SECONDS,
        lease_duration=LEASE_SECONDS,
        strict=True,
        raise_on_lease_renewal_failure=False,
    )
    with ExitStack() as stack:
        try:
            with get_client(sync_client=True) as client:
                for limit in names:
                    client.upsert_global_concurrency_limit_by_name(limit, 1)
            stack.enter_context(limits)
        except httpx.HTTPError as error:
            raise Retry(away(error)) from error
        except TimeoutError as error:
            raise Abort(
                f"{', '.join(names)} was taken for {TURN_SECONDS:.0f} s: see under Concurrency in Prefect who holds it"
            ) from error
        yield


SHARED = {"drain index": "tocsin-index", "reindex": "tocsin-index"}  # different flows over the same store


def limits_of(home: Home, name: str) -> list[str]:
    """The global concurrency limits that a round holds, each of one slot.

    With the embedded stores one over everything; else one for each kind of work.
    """
    if not read_settings(home).ledger.url:
        return [FOLDER]
    return [SHARED.get(name, f"tocsin-{name.replace(' ', '-')}")]


def _is_cancelled() -> bool:
    """Whether somebody asked for the run to end: stages stop cleanly at SIGTERM and say nothing of it."""
    if not flow_run.id:
        return False
    try:
        with get_client(sync_client=True) as client:
            state = client.read_flow_run(flow_run.id).state
    except httpx.HTTPError:
        return False  # nobody can say: what was done is done
    return state is not None and (state.is_cancelling() or state.is_cancelled())


def say(sentences: Sequence[str]) -> None:
    """Has the run's own log show what came of it."""
    log = get_run_logger()
    for sentence in sentences:
        log.info(sentence)
