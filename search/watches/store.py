"""The watches in force, in the ledger: each change a version with a name to it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

from sqlalchemy import Connection, func, insert, select

from ingest import wire
from ingest.clock import Clock, now, to_ms
from ingest.ledger import Ledger
from ingest.ledger.tables import alerts as tables
from ingest.ledger.upsert import upsert
from search.alerts.acts import record
from search.watch import Watch
from search.watches.valid import Parse, WatchError, check_watch

FILE = "file"  # origin, and the name that stands beside versions that came from a file
LOOK_SECONDS = 1.0  # between two looks for what other processes changed
MISSING = "missing"  # origin of a watch that stood in the file and does no more


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One state that a watch was in."""

    watch: Watch
    by: str
    at_ms: int


class WatchStore:
    """The watches of a ledger. Safe to share between threads."""

    def __init__(self, ledger: Ledger, parse: Parse, *, clock: Clock = now, shared: bool = False) -> None:
        """`parse` raises ValueError where a query cannot be used.

        Where other processes change watches too (`shared`), it looks for their changes, at most once a second.
        """
        self._ledger, self._parse, self._clock = ledger, parse, clock
        self._cache: dict[str, Watch] | None = None
        self._revision = 0
        self._shared, self._versions, self._looked = shared, -1, -LOOK_SECONDS

    @property
    def revision(self) -> int:
        """Another number whenever a watch has changed."""
        self._look()
        return self._revision

    def listing(self) -> list[Watch]:
        """All watches, switched off ones too, by name."""
        return sorted(self._all().values(), key=lambda watch: (watch.name.casefold(), watch.id))

    def get(self, watch: str) -> Watch | None:
        """The watch as it is now."""
        return self._all().get(watch)

    def version(self, watch: str, number: int) -> Watch | None:
        """The watch as it was in that version."""
        return next((found.watch for found in self.versions(watch) if found.watch.version == number), None)

    def versions(self, watch: str) -> list[Version]:
        """All versions of a watch, newest first."""
        rows = tables.watch_versions.c
        query = select(tables.watch_versions).where(rows.watch == watch).order_by(rows.version.desc())
        with self._ledger.read() as connection:
            found = connection.execute(query).all()
        return [Version(watch=wire.decode(row.body, Watch), by=row.by, at_ms=row.at) for row in found]

    def put(self, watch: Watch, *, by: str) -> Watch:
        """Stores the watch as a new version, unless it says what the last one does; gives what is stored.

        Raises: WatchError.
        """
        check_watch(watch, self._parse)
        with self._ledger.begin() as transaction:
            stored = self._put(transaction, watch, by=by, origin=FILE if by == FILE else "desk")
        self._changed()
        return stored

    def switch(self, watch: str, *, enabled: bool, by: str) -> None:
        """Switches a watch on or off.

        Raises: WatchError if there is none.
        """
        with self._ledger.begin() as transaction:
            row = transaction.execute(select(tables.watches).where(tables.watches.c.id == watch)).one_or_none()
            if row is None:
                raise WatchError(f"there is no watch {watch!r}; see `tocsin watch list`")
            self._put(transaction, replace(wire.decode(row.body, Watch), enabled=enabled), by=by, origin=row.origin)
        self._changed()

    def synchronise(self, watches: Sequence[Watch]) -> list[str]:
        """Takes over a file's watches; gives a sentence for each that changed.

        What stands in the file as it did before overrides nobody who changed the watch since. A watch that left the
        file is switched off, and on again when it comes back.
        """
        said: list[str] = []
        with self._ledger.begin() as transaction:
            for watch in watches:
                said += self._take_over(transaction, watch)
            listed = {watch.id for watch in watches}
            rows = tables.watches.c
            for row in transaction.execute(select(tables.watches).where(rows.origin == FILE)).all():
                if row.id not in listed:
                    off = replace(wire.decode(row.body, Watch), enabled=False)
                    self._put(transaction, off, by=FILE, origin=MISSING)
                    said.append(f"{row.id}: switched off, it stands in the file no more")
        self._changed()
        return said

    def _take_over(self, transaction: Connection, watch: Watch) -> list[str]:
        rows = tables.watch_versions.c
        query = select(rows.body).where(rows.watch == watch.id, rows.by == FILE).order_by(rows.version.desc())
        body = transaction.execute(query.limit(1)).scalar()
        origin = transaction.execute(select(tables.watches.c.origin).where(tables.watches.c.id == watch.id)).scalar()
        if body is not None and origin != MISSING and content(wire.decode(body, Watch)) == content(watch):
            return []
        stored = self._put(transaction, watch, by=FILE, origin=FILE)
        return [f"{watch.id}: version {stored.version} from the file"]

    def _put(self, transaction: Connection, watch: Watch, *, by: str, origin: str) -> Watch:
        found = transaction.execute(select(tables.watches).where(tables.watches.c.id == watch.id)).one_or_none()
        before = wire.decode(found.body, Watch) if found else None
        if before is not None and content(before) == content(watch) and found is not None and found.origin == origin:
            return before
        at = to_ms(self._clock())
        stored = replace(watch, version=before.version + 1 if before else 1, by=by)
        body = wire.encode(stored)
        row = {
            "id": stored.id,
            "version": stored.version,
            "enabled": int(stored.enabled),
            "body": body,
            "origin": origin,
            "at": at,
        }
        transaction.execute(
            upsert(transaction, tables.watches).values(row).on_conflict_do_update(index_elements=["id"], set_=row)
        )
        version = {"watch": stored.id, "version": stored.version, "body": body, "by": by, "at": at}
        transaction.execute(insert(tables.watch_versions).values(version))
        what = "watch changed" if before else "watch made"
        record(transaction, who=by, what=what, subject=stored.id, detail=difference(before, stored), at_ms=at)
        return stored

    def _look(self) -> None:
        """Notices what another process changed: every change is a version more."""
        if not self._shared or time.monotonic() - self._looked < LOOK_SECONDS:
            return
        self._looked = time.monotonic()
        with self._ledger.read() as connection:
            count = connection.execute(select(func.count()).select_from(tables.watch_versions)).scalar_one()
        if count != self._versions:
            self._versions = count
            self._changed()

    def _all(self) -> dict[str, Watch]:
        self._look()
        cache, revision = self._cache, self._revision
        if cache is None:
            with self._ledger.read() as connection:
                bodies = connection.execute(select(tables.watches.c.body)).scalars().all()
            cache = {watch.id: watch for watch in (wire.decode(body, Watch) for body in bodies)}
            if revision == self._revision:  # else one was changed while they were read
                self._cache = cache
        return cache

    def _changed(self) -> None:
        self._cache = None
        self._revision += 1


def content(watch: Watch) -> Watch:
    """What a watch says, without who said it when."""
    return replace(watch, version=0, by="")


def difference(before: Watch | None, after: Watch) -> str:
    """The fields in which two versions differ."""
    if before is None:
        return f"version {after.version}"
    changed = [
        field.name
        for field in fields(Watch)
        if field.name not in ("version", "by") and getattr(before, field.name) != getattr(after, field.name)
    ]
    return f"version {after.version}: {', '.join(changed) or 'back in the file'}"
