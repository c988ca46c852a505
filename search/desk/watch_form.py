"""What the page or a command sends of a watch -> the watch, stored with a name to it."""

from pydantic import BaseModel

from search.desk.context import Desk
from search.watch import Watch
from search.watches import WatchError, slug


class WatchForm(BaseModel):
    """A watch as a command sends it."""

    id: str = ""
    name: str = ""
    query: str = ""
    desk: str = ""
    severity: str = "medium"
    enabled: bool = True
    channels: list[str] = []
    note: str = ""
    must_ring: str = ""  # a sentence a line
    must_not_ring: str = ""
    by: str = ""

    def watch(self) -> Watch:
        """The watch that it describes, not yet looked at."""
        return Watch(
            id=self.id.strip() or (slug(self.name) if self.name.strip() else ""),
            name=self.name.strip(),
            query=" ".join(self.query.split()),
            desk=self.desk.strip(),
            severity=self.severity,  # type: ignore[arg-type]  # `check_watch` says what is wrong with another word
            enabled=self.enabled,
            channels=tuple(self.channels),
            note=self.note.strip(),
            must_ring=_lines(self.must_ring),
            must_not_ring=_lines(self.must_not_ring),
        )


class PageForm(WatchForm):
    """A watch as the page sends it: a box that is not ticked is not sent."""

    enabled: bool = False
    new: bool = False  # made on the page: it must not replace another


def store(desk: Desk, form: WatchForm, by: str) -> Watch:
    """The watch as it is stored.

    Raises: WatchError saying what is wrong with it, or that a new one would replace another.
    """
    watch = form.watch()
    if isinstance(form, PageForm) and form.new and desk.watches.get(watch.id) is not None:
        raise WatchError(f"there is a watch {watch.id!r} already: give this one another name, or change that one")
    return desk.watches.put(watch, by=by)


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.splitlines() if line.strip())
