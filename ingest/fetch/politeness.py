"""Hosts -> who may start a request now: one in flight a host, a pause between starts, across processes and restarts."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import update

from ingest.clock import Clock, now, to_ms
from ingest.fetch.guard import names_loopback
from ingest.fetch.hosts import put, row
from ingest.fetch.settings import FetchSettings
from ingest.ledger import Ledger
from ingest.ledger.tables.feeds import hosts

LOOK_AGAIN_MS = 500  # while another request is in flight: nobody knows for how long
LOOPBACK_LOOK_AGAIN_MS = 20
OTHERS_LOOK_AGAIN_MS = 5_000  # while another process has the host, which may give it back before its lease ends
MOST_REMEMBERED = 10_000


@dataclass(slots=True)
class _Host:
    leased_until: int = 0  # ms since 1970; until then no other process starts requests here
    next_start: int = 0
    flights: list[int] = field(default_factory=list)  # when each counts as lost, if nobody frees it


class Politeness:
    """Paces the requests to each host.

    A process leases a host in the ledger for `lease_seconds`, and within the lease keeps starts and flights in
    memory: one small transaction a host and minute, none a page. The price is paid after a crash only, by waiting
    longer: the next process of the same `owner` calls `release_all`, which lets a host go that was leased at the
    crash after one full pause from then; other owners wait for the end of the lease. Starts are never lost.
    Where other processes fetch too, what is not used is given back now and then (`idle`, `give_back`), so that pages
    need not wait for the lease of the process that polled their feed. For one thread, or one loop.
    """

    def __init__(self, ledger: Ledger, settings: FetchSettings, clock: Clock = now, owner: str = "tocsin") -> None:
        self._ledger, self._settings, self._clock, self._owner = ledger, settings, clock, owner
        self._hosts: dict[str, _Host] = {}
        self._pause = round(settings.pause_seconds * 1000)
        self._lease = round(settings.lease_seconds * 1000)

    def take(self, host: str) -> float:
        """0.0 if a request to `host` may start now, and then it counts as in flight until `free`; else the seconds
        after which to ask again. `host` is a name with its port, as host_of gives it.
        """
        at = to_ms(self._clock())
        if self._is_own(host):
            return self._take_own(host, at)
        state = self._hosts.get(host) or self._remember(host, at)
        state.flights = [lost for lost in state.flights if lost > at]
        waits = max(state.next_start - at, LOOK_AGAIN_MS if state.flights else 0)
        # Enough must be left of the lease for the pause and for most requests, so that it outlives what it started.
        if waits <= 0 and state.leased_until - at < self._lease // 2:
            waits = self._renew(host, state, at)
        if waits > 0:
            return waits / 1000
        state.flights.append(at + self._lease)
        state.next_start = at + self._pause
        return 0.0

    def free(self, host: str) -> None:
        """Says that a request to `host` has ended, however it ended."""
        state = self._hosts.get(host)
        if state is not None and state.flights:
            state.flights.pop(0)

    def hold(self, host: str, seconds: float) -> None:
        """Lets no request to `host` start for `seconds`: it asked for time (Retry-After, Crawl-delay). Durable."""
        at = to_ms(self._clock())
        state = self._hosts.get(host) or self._remember(host, at)
        state.next_start = max(state.next_start, at + round(seconds * 1000))
        with self._ledger.begin("hosts") as transaction:
            put(transaction, host, next_start=state.next_start)

    def release_all(self) -> None:
        """Frees what a process of this owner held when it died; to be called before the first `take`."""
        at = to_ms(self._clock())
        self._hosts.clear()
        held = (hosts.c.leased_by == self._owner) & (hosts.c.lease > at)
        with self._ledger.begin("hosts") as transaction:
            soon = held & (hosts.c.next_start < at + self._pause)
            transaction.execute(update(hosts).where(soon).values(next_start=at + self._pause))
            transaction.execute(update(hosts).where(held).values(lease=0))

    def idle(self) -> dict[str, int]:
        """Hosts whose lease is of no use here now, with its end, for `give_back`; they are leased anew when wanted."""
        at = to_ms(self._clock())
        found = {
            host: state.leased_until
            for host, state in self._hosts.items()
            if state.leased_until > at and not state.flights and state.next_start <= at
        }
        for host in found:
            self._hosts[host].leased_until = 0
        return found

    def give_back(self, leases: Mapping[str, int]) -> None:
        """Lets other processes have the hosts, unless they were leased anew here since. Safe in another thread."""
        with self._ledger.begin("hosts") as transaction:
            for host, until in leases.items():
                mine = (hosts.c.host == host) & (hosts.c.leased_by == self._owner) & (hosts.c.lease == until)
                transaction.execute(update(hosts).where(mine).values(lease=0))

    def close(self) -> None:
        """Gives all leases back with the true next starts: after it, a restart waits for nothing but the pauses."""
        at = to_ms(self._clock())
        leased = {host: state for host, state in self._hosts.items() if state.leased_until > at}
        if leased:
            with self._ledger.begin("hosts") as transaction:
                for host, state in leased.items():
                    put(transaction, host, next_start=state.next_start, lease=0)
        self._hosts.clear()

    def _is_own(self, host: str) -> bool:
        return self._settings.allow_loopback and names_loopback(host)

    def _take_own(self, host: str, at: int) -> float:
        state = self._hosts.setdefault(host, _Host())
        state.flights = [lost for lost in state.flights if lost > at]
        if len(state.flights) >= self._settings.loopback_parallel:
            return LOOPBACK_LOOK_AGAIN_MS / 1000
        state.flights.append(at + self._lease)
        return 0.0

    def _remember(self, host: str, at: int) -> _Host:
        if len(self._hosts) >= MOST_REMEMBERED:
            self._hosts = {
                name: state
                for name, state in self._hosts.items()
                if state.flights or state.next_start > at or state.leased_until > at
            }
        with self._ledger.read() as connection:
            found = row(connection, host)
        self._hosts[host] = _Host(next_start=found["next_start"] if found else 0)
        return self._hosts[host]

    def _renew(self, host: str, state: _Host, at: int) -> int:
        """Leases `host` until a full lease from `at`; the ms to wait where another process has it."""
        with self._ledger.begin("hosts") as transaction:
            found = row(transaction, host)
            if found is not None:
                others = found["leased_by"] != self._owner and found["lease"] > at
                busy = min(found["lease"] - at, OTHERS_LOOK_AGAIN_MS) if others else 0
                waits = max(busy, found["next_start"] - at)
                if waits > 0:
                    state.next_start = max(state.next_start, found["next_start"])
                    return int(waits)
            put(transaction, host, lease=at + self._lease, leased_by=self._owner)
        state.leased_until = at + self._lease
        return 0
