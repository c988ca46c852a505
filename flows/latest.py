"""A question that may take long -> its latest answer, asked again only after a while and never waited for too long."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")


class Latest(Generic[T]):
    """One question. Safe to share between threads; one thread at a time asks it, however many want to know."""

    def __init__(self, ask: Callable[[], T], *, keep_seconds: float, wait_seconds: float) -> None:
        self._ask, self._keep_seconds, self._wait_seconds = ask, keep_seconds, wait_seconds
        self._lock = threading.Lock()
        self._answer: Future[T] | None = None
        self._asked = 0.0

    def get(self) -> T:
        """The answer, at most `keep_seconds` old when it was asked for.

        Raises: TimeoutError if there is none within `wait_seconds`; what the question raised.
        """
        with self._lock:
            answer = self._answer
            if answer is None or (answer.done() and time.monotonic() - self._asked >= self._keep_seconds):
                answer = self._answer = Future()
                self._asked = time.monotonic()
                # A daemon: a server that never answers must not keep the process from ending.
                threading.Thread(target=self._run, args=(answer,), name="latest", daemon=True).start()
        return answer.result(self._wait_seconds)

    def _run(self, answer: "Future[T]") -> None:
        try:
            answer.set_result(self._ask())
        except BaseException as error:  # noqa: BLE001 - it is raised where the answer is wanted
            answer.set_exception(error)
