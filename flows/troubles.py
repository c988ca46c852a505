"""What is wrong with Tocsin now -> told to the operator once for each occurrence, and once more when it is over."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from html import escape
from typing import Any

from sqlalchemy import Connection

from ingest import wire
from ingest.clock import to_ms
from ingest.identity import digest
from ingest.ledger import Ledger
from ingest.ledger.facts import fact, put_fact
from search.deliver.message import one_line
from search.deliver.notices import Notice, tell

FACT = "troubles"
SHOWN = 20  # sentences in one notice; the others are counted


@dataclass(frozen=True, slots=True, kw_only=True)
class OperateSettings:
    """Who is told when something is wrong with Tocsin itself."""

    channels: tuple[str, ...] = ()  # names of channels; empty: nobody, it only stands in what `maintain` shows
    silent_feeds: bool = True  # tell of feeds that show nothing new for much longer than usual
    late_minutes: int = 10  # a scheduled flow that has not started for so long is late

    def __post_init__(self) -> None:
        if self.late_minutes < 1:
            raise ValueError(f"operate: late_minutes is {self.late_minutes}; write 1 or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One thing that is wrong. The same key and mark is the same occurrence."""

    key: str  # area and what: "feed 4c1e...", "check disk", "flow drain, enrich"
    mark: str  # changes when it is another occurrence
    said: str  # what is wrong, and what to do
    passed: bool = False  # it is over already: told once all the same, where nobody heard of it while it lasted

    @property
    def area(self) -> str:
        return self.key.partition(" ")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What one look found."""

    new: tuple[Trouble, ...]  # told now
    standing: tuple[Trouble, ...]  # told before, and still so
    over: tuple[str, ...]  # sentences of what is no longer so
    notice: str = ""  # id of what went out; empty where nothing was to be told


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What was found, and in which areas somebody looked: what stands in another area is neither told nor over."""

    troubles: Sequence[Trouble]
    areas: Collection[str]
    at: datetime


def tell_troubles(ledger: Ledger, look: Look, settings: OperateSettings, desk_url: str) -> Told:
    """Compares with what stood at the last look, and tells the difference in one notice, in one transaction.

    Where no channel is set nothing is remembered, so that all is told once one is.
    """
    with ledger.begin() as transaction:
        before = _remembered(transaction)
        told = _compared(before, look)
        if not settings.channels:
            return told
        put_fact(transaction, FACT, wire.encode(_after(before, look)).decode(), to_ms(look.at))
        if not (told.new or told.over):
            return told
        notice = _notice(told, look.at, desk_url)
        tell(transaction, notice, settings.channels)
    return replace(told, notice=notice.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """What the ledger keeps of a trouble that was told."""

    mark: str
    said: str
    passed: bool = False


def _remembered(transaction: Connection) -> dict[str, _Kept]:
    value = fact(transaction, FACT)
    return wire.decode(value.encode(), dict[str, _Kept]) if value else {}


def _compared(before: dict[str, _Kept], look: Look) -> Told:
    found = {trouble.key: trouble for trouble in look.troubles}
    new = [trouble for trouble in look.troubles if _is_new(before.get(trouble.key), trouble)]
    over = [
        kept.said
        for key, kept in before.items()
        if not kept.passed and (found[key].passed if key in found else key.partition(" ")[0] in look.areas)
    ]
    return Told(
        new=tuple(new),
        standing=tuple(trouble for trouble in look.troubles if trouble not in new and not trouble.passed),
        over=tuple(f"over: {said}" for said in over),
    )


def _is_new(before: _Kept | None, trouble: Trouble) -> bool:
    if before is None:
        return True
    if trouble.passed and not before.passed:
        return False  # it was told while it lasted: now it is over
    return before.mark != trouble.mark


def _after(before: dict[str, _Kept], look: Look) -> dict[str, _Kept]:
    elsewhere = {key: kept for key, kept in before.items() if key.partition(" ")[0] not in look.areas}
    return elsewhere | {
        trouble.key: _Kept(mark=trouble.mark, said=trouble.said, passed=trouble.passed) for trouble in look.troubles
    }


def _notice(told: Told, at: datetime, desk_url: str) -> Notice:
    sentences = [*(trouble.said for trouble in told.new), *told.over]
    shown = [one_line(sentence) for sentence in sentences[:SHOWN]]
    more = len(sentences) - len(shown)
    if more:
        shown.append(f"{more} more: `tocsin maintain` and `tocsin doctor` show all")
    counts = ", ".join(f"{len(some)} {name}" for some, name in ((told.new, "new"), (told.over, "over")) if some)
    subject = f"Tocsin: {one_line(sentences[0]) if len(sentences) == 1 else counts}"
    items = "".join(f"<li>{escape(sentence)}</li>" for sentence in shown)
    return Notice(
        id=digest("trouble", str(to_ms(at)), *(f"{trouble.key} {trouble.mark}" for trouble in told.new), *told.over),
        kind="trouble",
        at=at,
        subject=subject,
        text="\n".join([*shown, "", desk_url]) + "\n",
        html=f"<ul>{items}</ul>",
        url=desk_url,
        data={"new": [_plain(trouble) for trouble in told.new], "over": list(told.over)},
    )


def _plain(trouble: Trouble) -> dict[str, Any]:
    return {"key": trouble.key, "said": trouble.said}


def mark_of(sentence: str) -> str:
    """A mark that stays while only the numbers in a sentence change.

    >>> mark_of("3 of 12 fail") == mark_of("4 of 12 fail")
    True
    """
    return digest("".join(letter for letter in sentence if not letter.isdigit()))


def listed(told: Told) -> Iterable[str]:
    """What was found, for people."""
    yield from (f"new: {trouble.said}" for trouble in told.new)
    yield from (f"still: {trouble.said}" for trouble in told.standing)
    yield from told.over
