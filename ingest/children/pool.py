"""Items of several jobs -> answers, by a few child processes that are kept warm and take turns."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from ingest.children.answers import Answer, Died, Done, Failed
from ingest.children.process import Child, Gone
from ingest.children.settings import ChildrenSettings, child_count
from ingest.verdict import Abort, Reject, Retry

log = logging.getLogger(f"tocsin.{__name__}")

BeforeAlone = Callable[[int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """What a child made of a message: answers to its first items, and how it died under the next one, if it did."""

    answers: list[Answer]
    death: str = ""
    aged: bool = False  # the child had worked on other items before


@dataclass(frozen=True, slots=True, kw_only=True)
class _Message:
    """Items that go to a child together; `fresh` asks for one that has not worked yet."""

    job: str
    items: list[object]
    fresh: bool
    outcome: "asyncio.Future[_Outcome]"


@dataclass(slots=True)
class _Seat:
    """A place for one child at a time."""

    child: Child | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """One call of `run`."""

    job: str
    items: Sequence[object]
    before_alone: BeforeAlone | None
    answers: dict[int, Answer] = field(default_factory=dict)
    suspects: list[int] = field(default_factory=list)  # a child died under them, and they were not alone


class Children:
    """Runs jobs, each "module:function", in child processes; to be used from one event loop.

    The function is imported in the child, takes one item and gives one value; both are pickled, and a value may hold
    plain values and records of the packages that the jobs are in. Children are started when there is work for them.
    Messages of different jobs take turns, so that a long batch of one does not hold up another.
    Children end with the thread that runs the loop, even by kill -9.
    """

    def __init__(self, jobs: Mapping[str, str], settings: ChildrenSettings | None = None) -> None:
        self._jobs, self._settings = dict(jobs), settings or ChildrenSettings()
        self._packages = frozenset(["ingest", *(target.split(".")[0].split(":")[0] for target in jobs.values())])
        self._waiting: dict[str, deque[_Message]] = {job: deque() for job in jobs}
        self._idle = [_Seat() for _ in range(child_count(self._settings))]
        self._seats = tuple(self._idle)
        self._working: set[asyncio.Task[None]] = set()
        self._cpu: dict[str, float] = dict.fromkeys(jobs, 0.0)
        self._closed = False

    async def start(self) -> None:
        """Starts the first child, so that what keeps children from starting shows at once.

        Raises: Abort if it cannot be started.
        """
        await self._child(self._seats[0], fresh=False)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends all children at once, whatever they do; runs that wait for them raise Retry."""
        self._closed = True
        for queue in self._waiting.values():
            for message in queue:
                _give_up(message)
            queue.clear()
        working = tuple(self._working)
        for task in working:
            task.cancel()
        await asyncio.gather(*working, return_exceptions=True)
        await asyncio.gather(*(self._end(seat) for seat in self._seats))
        log.info("children ended", extra={f"seconds_{job}": round(spent, 2) for job, spent in self._cpu.items()})

    def usage(self) -> dict[str, float]:
        """Seconds of processor time that the answered items of each job took, imports included."""
        return dict(self._cpu)

    async def run(self, job: str, items: Sequence[object], before_alone: BeforeAlone | None = None) -> list[Answer]:
        """One answer an item, in order.

        Items travel a few together. Where a child dies under one of them, that item is tried alone in a fresh child
        after `before_alone(i)`, called in a thread; where that raises Reject, the item has failed with its reason. The
        others go on without it. An item that was alone from the start is not tried again.
        Raises: Abort if the job cannot be imported or no child started; Retry once closed; what `before_alone` raises.
        """
        run = _Run(job=job, items=items, before_alone=before_alone)
        await _all(self._together(run, numbers) for numbers in self._portions(len(items)))
        await _all(self._alone(run, number) for number in run.suspects)
        return [run.answers[number] for number in range(len(items))]

    def _portions(self, total: int) -> Iterator[range]:
        """Messages of about the same size, enough for every child; never one of several items alone."""
        share = -(-total // len(self._seats))
        size = min(self._settings.message_items, max(share, 2))
        return (range(start, min(start + size, total)) for start in range(0, total, size))

    async def _together(self, run: _Run, numbers: Sequence[int]) -> None:
        """Answers all but those under which a child died."""
        if len(numbers) == 1:
            run.answers[numbers[0]] = await self._single(run, numbers[0])
            return
        while numbers:
            outcome = await self._submit(run, numbers)
            run.answers.update(zip(numbers, outcome.answers, strict=False))
            numbers = numbers[len(outcome.answers) :]
            if outcome.death:
                run.suspects.append(numbers[0])
                numbers = numbers[1:]

    async def _alone(self, run: _Run, number: int) -> None:
        if run.before_alone is not None:
            try:
                await asyncio.to_thread(run.before_alone, number)
            except Reject as verdict:
                run.answers[number] = Failed(reason=str(verdict))
                return
        run.answers[number] = await self._single(run, number, fresh=True)

    async def _single(self, run: _Run, number: int, *, fresh: bool = False) -> Answer:
        outcome = await self._submit(run, (number,), fresh=fresh)
        if outcome.death and outcome.aged:  # others may have worn that child out
            outcome = await self._submit(run, (number,), fresh=True)
        return Died(reason=outcome.death) if outcome.death else outcome.answers[0]

    async def _submit(self, run: _Run, numbers: Sequence[int], *, fresh: bool = False) -> _Outcome:
        if self._closed:
            raise Retry("the children have been ended; nothing was done")
        message = _Message(
            job=run.job,
            items=[run.items[number] for number in numbers],
            fresh=fresh,
            outcome=asyncio.get_running_loop().create_future(),
        )
        self._waiting[run.job].append(message)
        self._dispatch()
        return await message.outcome

    def _dispatch(self) -> None:
        """Gives waiting messages to idle children, the warmest first."""
        while self._idle and (message := self._next()) is not None:
            task = asyncio.create_task(self._work(self._idle.pop(), message))
            self._working.add(task)
            task.add_done_callback(self._working.discard)

    def _next(self) -> _Message | None:
        """The next message whose run still waits for it; the jobs take turns."""
        for job in tuple(self._waiting):
            queue = self._waiting[job]
            while queue:
                message = queue.popleft()
                if not message.outcome.done():
                    self._waiting[job] = self._waiting.pop(job)  # last in turn from now on
                    return message
        return None

    async def _work(self, seat: _Seat, message: _Message) -> None:
        """Has the child of `seat` answer the message; whatever ends this, the run hears of it."""
        try:
            outcome = await self._converse(seat, message)
        except asyncio.CancelledError:
            _give_up(message)
            raise
        except Exception as error:  # noqa: BLE001 - handed to the run, which raises it
            if not message.outcome.done():
                message.outcome.set_exception(error)
        else:
            if not message.outcome.done():
                message.outcome.set_result(outcome)
        self._idle.append(seat)
        self._dispatch()

    async def _converse(self, seat: _Seat, message: _Message) -> _Outcome:
        child = await self._child(seat, fresh=message.fresh)
        answers: list[Answer] = []
        aged = child.answered > 0
        try:
            await child.send((message.job, self._jobs[message.job], message.items))
            if message.job not in child.loaded:
                await self._load(child, message.job)
            while len(answers) < len(message.items):
                said = await child.receive(self._settings.wall_seconds)
                answers.append(self._answer(message.job, said))
                child.answered += 1
        except Gone as gone:
            seat.child = None
            return _Outcome(answers=answers, death=str(gone), aged=aged)
        except BaseException:
            await self._end(seat)
            raise
        return _Outcome(answers=answers)

    async def _child(self, seat: _Seat, *, fresh: bool) -> Child:
        """The child of `seat`, another one where it has done enough."""
        if seat.child is not None:
            if seat.child.answered < (1 if fresh else self._settings.recycle_items):
                return seat.child
            await self._end(seat)
        seat.child = await Child.start(self._settings, self._packages)
        return seat.child

    async def _load(self, child: Child, job: str) -> None:
        said = await child.receive(self._settings.start_seconds)
        match said:
            case ("loaded", float(seconds)):
                child.loaded.add(job)
                self._cpu[job] += seconds
            case (_, reason, detail):
                raise Abort(f"the job {job} ({self._jobs[job]}) cannot be imported: {reason}\n{detail}")

    def _answer(self, job: str, said: Sequence[object]) -> Answer:
        match said:
            case ("done", value, float(seconds)):
                self._cpu[job] += seconds
                return Done(value=value)
            case ("failed", str(reason), str(detail), float(seconds)):
                self._cpu[job] += seconds
                return Failed(reason=reason, detail=detail)
        return Failed(reason="the child said something that is no answer")

    async def _end(self, seat: _Seat) -> None:
        child, seat.child = seat.child, None
        if child is not None:
            await child.end()


def _give_up(message: _Message) -> None:
    if not message.outcome.done():
        message.outcome.set_exception(Retry("the children have been ended; nothing was done"))


async def _all(works: Iterable[Coroutine[None, None, None]]) -> None:
    """Does all at once; where one raises, the others are stopped first."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
