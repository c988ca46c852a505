"""The alerts of a day or a week -> a digest for a desk: as a Prefect flow."""

from datetime import date
from typing import Literal

from prefect import flow
from prefect.client.schemas.objects import State

from flows.digesting import DigestAsked, Digested, digest_once, sentences
from flows.home import Home
from flows.scheduled import showing
from flows.scheduled.rounds import Stopped, cancelled, folder, one_round, say
from search.deliver.digest_words import counted, left_out, link

TIMEOUT_SECONDS = 1800.0


@flow(name="digest", flow_run_name="digest of a {span}", timeout_seconds=TIMEOUT_SECONDS, persist_result=False)
def digest(
    desk: str = "",
    span: Literal["day", "week"] = "day",
    before: date | None = None,
    zone: str = "UTC",
    channels: list[str] | None = None,
    limit: int = 20,
    home: str = "",
    allow_loopback: bool = False,
) -> dict[str, str] | State[None]:
    """Sends a desk the alerts of a day or a week at once: counts by watch, first lines and links.

    It goes once through each channel for one desk and period, however often this runs. Gives what became of it by
    channel. Artifacts: "digest" with every line and a link to each alert, "digest-watches" with the counts.

    Args:
        desk: The desk as watches name it. Empty: the alerts of all desks.
        span: The last whole day, or the last whole week from Monday to Monday.
        before: The day or week that ends before this date. Empty: before today.
        zone: Whose midnights bound the day, such as Europe/Warsaw.
        channels: Names of channels in the settings. Empty: the channels of the desk's watches.
        limit: At most so many alerts are shown; the others are counted.
        home: The folder of this Tocsin. Empty: TOCSIN_HOME of the worker, else its data folder.
        allow_loopback: Lets receivers on this machine be reached. For tests and the demo only.
    """
    asked = DigestAsked(desk=desk, span=span, before=before, zone=zone, channels=tuple(channels or ()), limit=limit)

    def sent(home: Home) -> Digested:
        return digest_once(home, asked, allow_loopback=allow_loopback)

    try:
        done = one_round("digest", sent, folder(home))
    except Stopped as stopped:
        return cancelled(stopped)
    say([done.text.splitlines()[0], *sentences(done)])
    _show(done)
    return done.channels


def _show(done: Digested) -> None:
    made = done.digest
    rows = [{"watch": count.name, "alerts": counted(count)} for count in made.counts]
    showing.table("digest-watches", rows, f"{made.rang} alerts rang.")
    lines = [
        f"- [{_plain(line.gloss)}]({link(done.desk_url, line.alert)}): {_plain(line.watch)}, {line.severity}, "
        f"{line.rang:%Y-%m-%d %H:%M} UTC, {_plain(', '.join(line.sources))}"
        for line in made.lines
    ]
    channels = [f"- {sentence}" for sentence in sentences(done)]
    parts = [f"## {_plain(done.text.splitlines()[0])}", *lines, left_out(made), "### Sent", *channels]
    showing.page("digest", "\n".join([*parts, "", f"[The desk page]({done.desk_url})"]), done.text.splitlines()[0])


def _plain(text: str) -> str:
    """Text of others as text: no markup, no line breaks."""
    return "".join(f"\\{letter}" if letter in "\\`*_[]<>#|!" else letter for letter in " ".join(text.split()))
