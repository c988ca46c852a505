"""What the Kafka client says when it cannot go on -> the verdict, with what to do."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

from kafka import errors

from ingest.verdict import Abort, Retry

log = logging.getLogger(f"tocsin.{__name__}")

SAID_AGAIN_SECONDS = 300.0  # the client repeats itself several times a second while a broker is away
REFUSED = (
    errors.SaslAuthenticationFailedError,
    errors.UnsupportedSaslMechanismError,
    errors.IllegalSaslStateError,
    errors.UnacceptableCredentialError,
)
MISSING = (errors.UnknownTopicOrPartitionError, errors.InvalidTopicError)
MOVED_ON = (
    errors.CommitFailedError,
    errors.IllegalGenerationError,
    errors.UnknownMemberIdError,
    errors.FencedInstanceIdError,
    errors.StaleMemberEpochError,
)
TOO_LARGE = (errors.MessageSizeTooLargeError, errors.RecordListTooLargeError)
SETTLING = (  # a group's coordinator that is being chosen or made, which takes a moment
    errors.CoordinatorNotAvailableError,
    errors.CoordinatorLoadInProgressError,
    errors.NotCoordinatorError,
)
AWAY = (  # beside all that the client itself calls retriable
    errors.BrokerNotAvailableError,
    errors.UnknownBrokerIdError,
    errors.UnknownError,
    errors.IllegalStateError,  # closed meanwhile
    errors.OutOfOrderSequenceNumberError,  # a producer that the broker has forgotten; the next one begins anew
    errors.UnknownProducerIdError,
    errors.InvalidProducerEpochError,
    errors.ProducerFencedError,
    errors.RebalanceInProgressError,
    OSError,
)


def verdict(error: Exception, url: str) -> Abort | Retry:
    """What a stage does about an error of the client."""
    if isinstance(error, REFUSED):
        return Abort(
            f"the brokers at {url} refuse this user: set user, password, mechanism and security in [stream] as the "
            "brokers expect them"
        )
    if isinstance(error, errors.AuthorizationError):
        return Abort(
            f"the user of [stream] may not do this at {url} ({_said(error)}): give it the right to read and write the "
            "topics and groups with this prefix"
        )
    if isinstance(error, MISSING):
        return Abort(f"a topic is missing at {url} ({_said(error)}): run `tocsin stream apply`")
    if isinstance(error, errors.UnsupportedVersionError):
        return Abort(f"the brokers at {url} are too old ({_said(error)}): Kafka 3.0 or newer is needed")
    if isinstance(error, AWAY) or getattr(error, "retriable", False):
        return Retry(f"the brokers at {url} do not answer ({_said(error)}): are they running, and is `security` right?")
    return Abort(f"the brokers at {url} say {_said(error)}: mend it there, then start again; nothing was lost")


@contextmanager
def told(url: str) -> Iterator[None]:
    """Raises: Abort or Retry in place of an error of the client."""
    began = time.monotonic()
    try:
        yield
    except (errors.KafkaError, OSError) as error:
        raise verdict(_ours.refused_since(began) or error, url) from error


def _said(error: Exception) -> str:
    text = " ".join(str(error).split())
    name = type(error).__name__
    return (text if text.startswith(name) else f"{name}: {text}")[:200].rstrip(": ")


class Quieted(logging.Handler):
    """The client's warnings, each kind once in a while, as warnings of ours."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._last: dict[tuple[str, str], float] = {}
        self._refused: tuple[float, Exception] = (0.0, Exception())

    def refused_since(self, moment: float) -> Exception | None:
        """How the brokers refused this user since then: a client that starts only logs it, and says that it waited."""
        at, error = self._refused
        return error if at >= moment and isinstance(error, REFUSED) else None

    def emit(self, record: logging.LogRecord) -> None:
        kind, now = (record.name, str(record.msg)[:40]), time.monotonic()
        for part in record.args if isinstance(record.args, tuple) else ():
            if isinstance(part, REFUSED):
                self._refused = (now, part)
        if now - self._last.get(kind, -SAID_AGAIN_SECONDS) < SAID_AGAIN_SECONDS:
            return
        self._last[kind] = now
        log.warning("kafka client", extra={"said": record.getMessage()[:300], "part": record.name})


_ours = Quieted()


def quiet() -> None:
    """Has the client's own loggers say warnings only, each kind once in five minutes; below, they tell passwords."""
    theirs = logging.getLogger("kafka")
    theirs.setLevel(logging.WARNING)
    theirs.propagate = False
    if _ours not in theirs.handlers:
        theirs.addHandler(_ours)
