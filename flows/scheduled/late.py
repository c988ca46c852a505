"""What Prefect knows of our flows -> which are late, failed or crashed, as troubles for the operator."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import httpx
from prefect import get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterEndTime,
    FlowRunFilterExpectedStartTime,
    FlowRunFilterState,
    FlowRunFilterStateName,
    FlowRunFilterStateType,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.settings import PREFECT_API_URL

from flows.maintaining import Seen
from flows.troubles import Trouble, mark_of

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

TAG = "tocsin"  # on every deployment of ours, and so on each of its runs
WINDOW = timedelta(hours=24)  # failures that are looked at
MOST = 200
FAILED = [StateType.FAILED, StateType.CRASHED]


def flows_in_trouble(now: datetime, late_minutes: int) -> Seen:
    """Which flows are late now, failed last, or failed and went well since; that the server is away, where it is."""
    try:
        with get_client(sync_client=True) as client:
            names = _Names(client)
            troubles = [*_late(names, now - timedelta(minutes=late_minutes)), *_failed(names, now - WINDOW)]
    except httpx.HTTPError as error:
        return Seen(areas=("prefect",), troubles=(Trouble(key="prefect server", mark="away", said=away(error)),))
    return Seen(areas=("prefect", "flow"), troubles=tuple(troubles))


def away(error: Exception) -> str:
    """That the server cannot be asked: where it is looked for, and what to do."""
    url = PREFECT_API_URL.value() or "no address"
    return (
        f"the Prefect server at {url.partition('@')[2] or url} does not answer ({type(error).__name__}): start it with "
        "`prefect server start`, or set PREFECT_API_URL"
    )


class _Names:
    """The flows of runs by name, each asked for once."""

    def __init__(self, client: "SyncPrefectClient") -> None:
        self.client, self._flows = client, dict[UUID, str]()

    def name(self, run: FlowRun) -> str:
        """The flow as an operator knows it: one that does several kinds of work is told with which."""
        if run.flow_id not in self._flows:
            self._flows[run.flow_id] = self.client.read_flow(run.flow_id).name
        stage = run.parameters.get("stage")
        return f"{self._flows[run.flow_id]} {stage}" if stage else self._flows[run.flow_id]

    def group(self, runs: Sequence[FlowRun]) -> dict[str, list[FlowRun]]:
        found: dict[str, list[FlowRun]] = {}
        for run in runs:
            found.setdefault(self.name(run), []).append(run)
        return found


def _late(names: _Names, before: datetime) -> Iterator[Trouble]:
    runs = names.client.read_flow_runs(
        flow_run_filter=FlowRunFilter(
            tags=FlowRunFilterTags(all_=[TAG]),
            state=FlowRunFilterState(name=FlowRunFilterStateName(any_=["Late"])),
            expected_start_time=FlowRunFilterExpectedStartTime(before_=before),  # type: ignore[arg-type]  # pydantic takes every aware time
        ),
        sort=FlowRunSort.EXPECTED_START_TIME_ASC,
        limit=MOST,
    )
    for name, some in names.group(runs).items():
        since = some[0].expected_start_time
        said = f"the flow {name} should have started at {_moment(since)} and has not ({len(some)} late runs): "
        said += "is a worker running? `prefect worker start --pool tocsin`; see under Work Pools in Prefect"
        yield Trouble(key=f"flow late {name}", mark="late", said=said)


def _failed(names: _Names, since: datetime) -> Iterator[Trouble]:
    runs = names.client.read_flow_runs(
        flow_run_filter=FlowRunFilter(
            tags=FlowRunFilterTags(all_=[TAG]),
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=FAILED)),
            end_time=FlowRunFilterEndTime(after_=since),  # type: ignore[arg-type]  # as above
        ),
        sort=FlowRunSort.END_TIME_DESC,
        limit=MOST,
    )
    for name, some in names.group(runs).items():
        newest, times = some[0], f", {len(some)} times" if len(some) > 1 else ""
        why = f"{newest.state_name}: {(newest.state.message if newest.state else '') or 'no reason given'}"
        said = f"the flow {name} failed at {_moment(newest.end_time)}{times}: {' '.join(why.split())[:300]}"
        if _went_well_since(names, newest, name):
            yield Trouble(key=f"flow {name}", mark=str(newest.id), said=f"{said}; it has gone well since", passed=True)
        else:
            yield Trouble(key=f"flow {name}", mark=mark_of(why), said=f"{said}; see its run in Prefect")


def _went_well_since(names: _Names, failed: FlowRun, name: str) -> bool:
    if failed.deployment_id is None or failed.end_time is None:
        return False
    later = names.client.read_flow_runs(
        flow_run_filter=FlowRunFilter(
            deployment_id=FlowRunFilterDeploymentId(any_=[failed.deployment_id]),
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.COMPLETED])),
            end_time=FlowRunFilterEndTime(after_=failed.end_time),
        ),
        sort=FlowRunSort.END_TIME_DESC,
        limit=MOST,
    )
    return any(names.name(run) == name for run in later)


def _moment(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC" if at else "an unknown time"
