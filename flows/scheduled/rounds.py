"""One round of work over a folder -> a Prefect task that tries again while it is in use, and a table of counts."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from prefect import task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.tasks import Task

from flows.home import Home, find_home, owner_of
from ingest.verdict import Abort

TRIES_AGAIN, PAUSE_SECONDS = 4, 30.0


class FolderInUse(Abort):
    """Another process has the folder; another round may end soon, `tocsin run` does not."""


def folder(given: str) -> Home:
    """The folder that a flow works on, as every command of `tocsin` finds it."""
    return find_home(Path(given) if given else None, os.environ)


def _ends_soon(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    """Trying again helps where the folder is in use; what else stops a round needs a person, or the next round."""
    return isinstance(state.result(raise_on_failure=False), FolderInUse)


@task(
    task_run_name="{name}",
    retries=TRIES_AGAIN,
    retry_delay_seconds=PAUSE_SECONDS,
    retry_condition_fn=_ends_soon,
    cache_policy=NO_CACHE,
)
def one_round(name: str, work: Callable[[Home], Mapping[str, int]], home: Home) -> dict[str, int]:
    """The counts of `work`; `name` is shown as the name of the task run.

    Raises: FolderInUse if another process has the folder; Abort as `work` does.
    """
    try:
        return {str(what): count for what, count in work(home).items()}
    except Abort as error:
        if owner_of(home):
            raise FolderInUse(str(error)) from error
        raise


def show(name: str, rows: list[dict[str, object]], description: str) -> None:
    """Keeps the counts as an artifact of the flow run, a table under `name`."""
    create_table_artifact(key=name, table=rows, description=description)
