"""A request -> who asks, by a session, an API token, a trusted proxy, the folder's own token, or on an open page."""

import hmac
import ipaddress

from fastapi import HTTPException, Request

from ingest.clock import to_ms
from search.desk.bind import has_tls, is_loopback, name_of, reachable
from search.desk.context import Desk, DeskSettings, lasting
from search.desk.rendering import person
from search.people.person import Person, Visitor, known_as, may_act_for, may_change_for, secret_digest
from search.people.sessions import Browser, note_use, session_of
from search.people.store import People
from search.people.tokens import PREFIX, borne_by, note_token_use

COMMAND = "command"  # who did it, where a command gives no name
NAME_FIRST = "Say your name first: it stands beside what you do."
PASSIVE = ("/live",)  # an open page asks for it by itself: no sign that someone is there


class Refused(Exception):  # noqa: N818 - an answer
    """Whoever this is, they are not let in."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(said)
        self.status, self.said = status, said


class Access:
    """Knows who asks. It reads the ledger: call it from a thread."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._settings = desk, desk.settings
        self._proxies = [ipaddress.ip_network(address) for address in desk.settings.proxy_addresses]
        self._people = People(desk.ledger, clock=desk.clock)

    def visitor(self, request: Request) -> Visitor | None:
        """Who asks; None where nobody is signed in and somebody has to be.

        Raises: Refused if they say who they are and that cannot be believed.
        """
        return self._bearer(request) or self._proxied(request) or self._session(request) or self._open(request)

    def address(self, request: Request) -> str:
        """Where the request comes from: behind a proxy that is believed, what it says."""
        peer = _address(request.client.host if request.client else "")
        said = ",".join(request.headers.getlist("x-forwarded-for")).split(",") if self._believed(peer) else []
        for hop in reversed(said):
            if not self._believed(peer):
                break
            peer = _address(hop.strip()) or peer
        return peer

    def browser(self, request: Request) -> Browser:
        """What is kept of where someone signs in."""
        agent = "".join(letter for letter in request.headers.get("user-agent", "") if letter.isprintable())
        return Browser(address=self.address(request), agent=agent)

    def nobody_yet(self) -> bool:
        """Whether there is nobody who could sign in."""
        return not self._people.any()

    def _bearer(self, request: Request) -> Visitor | None:
        given = request.headers.get("authorization", "")
        if not given:
            return None
        folder = f"Bearer {self._desk.token}" if self._desk.token else ""
        if folder and hmac.compare_digest(given.encode(), folder.encode()):
            if not is_loopback(self.address(request)):
                raise Refused(403, "The token of the folder is for commands on its own machine.")
            return Visitor(name="", role="operator", way="folder")
        scheme, _, rest = given.partition(" ")
        secret, now_ms = rest.strip(), to_ms(self._desk.clock())
        if scheme.lower() != "bearer" or not secret.startswith(PREFIX):
            return None  # proxies pass on credentials of their own
        found = borne_by(self._desk.ledger, secret, now_ms)
        if found is None:
            raise Refused(401, "This API token is not good: it was revoked, is over, or never was one.")
        token, whose = found
        note_token_use(self._desk.ledger, secret, now_ms)
        return Visitor(
            name=whose.name,
            display=whose.display,
            role=token.role,
            desks=token.desks,
            way="token",
            token=token.name,
        )

    def _proxied(self, request: Request) -> Visitor | None:
        header = self._settings.proxy_header
        values = request.headers.getlist(header) if header else []
        if not values:
            return None
        peer = _address(request.client.host if request.client else "")
        if not self._believed(peer):
            raise Refused(403, f"The header {header} comes from {peer}, which is not among desk.proxy_addresses.")
        name = known_as(_as_text(values[0])) if len(values) == 1 else ""
        if not name:
            raise Refused(403, f"The proxy must send {header} once, with a name in it.")
        found = self._people.get(name)
        if found is not None and found.disabled is None:
            return _visitor(found, "proxy")
        if found is not None or not self._settings.proxy_role:
            raise Refused(403, f"{name} may not use this desk page. An operator lets them in: tocsin people add.")
        return Visitor(name=name, role=self._settings.proxy_role, way="proxy")

    def _session(self, request: Request) -> Visitor | None:
        token = request.cookies.get(session_cookie(self._settings), "")
        if not token:
            return None
        session, now_ms = secret_digest(token), to_ms(self._desk.clock())
        found = session_of(self._desk.ledger, session, lasting(self._settings), now_ms)
        if found is None:
            return None
        if request.scope["path"] not in PASSIVE:
            note_use(self._desk.ledger, session, now_ms)
        return _visitor(found, "session", session)

    def _open(self, request: Request) -> Visitor | None:
        return Visitor(name=person(request), role="operator", way="open") if self._is_open(request) else None

    def _is_open(self, request: Request) -> bool:
        """Whether nobody has to sign in: only on this machine, under its own name, and while there are no people."""
        named_here = is_loopback(name_of(request.headers.get("host", "")))
        return named_here and not reachable(self._settings) and self.nobody_yet()

    def _believed(self, address: str) -> bool:
        return bool(address) and any(ipaddress.ip_address(address) in network for network in self._proxies)


def visitor_of(request: Request) -> Visitor:
    """Who asks, once the request was let in."""
    found: Visitor = request.state.visitor
    return found


def named(request: Request) -> str:
    """Who acts, or an answer that asks for the name."""
    name = visitor_of(request).name
    if not name:
        raise HTTPException(403, NAME_FIRST)
    return name


def in_whose_name(request: Request, given: str) -> str:
    """Who acts: as they signed in, and as they say only where nobody has to."""
    return visitor_of(request).name or given or COMMAND


def owning(request: Request, desk: str, *, change: bool = False) -> None:
    """Lets those through who may act on the alerts of `desk`, or change its watches; others are told who can."""
    visitor = visitor_of(request)
    if not (may_change_for if change else may_act_for)(visitor, desk):
        of = f"belongs to the desk {desk}" if desk else "belongs to no desk"
        raise HTTPException(
            403, f"This {of}; yours: {', '.join(visitor.desks)}. An operator can add you to other desks, under People."
        )


def session_cookie(settings: DeskSettings) -> str:
    """The name of the cookie that holds a session's token. With TLS no other host and no plain page can set it."""
    return "__Host-tocsin_session" if has_tls(settings) else "tocsin_session"


def _visitor(found: Person, way: str, session: str = "") -> Visitor:
    return Visitor(
        name=found.name,
        display=found.display,
        role=found.role,
        desks=found.desks,
        way=way,  # type: ignore[arg-type]  # "session" or "proxy"
        session=session,
    )


def _address(text: str) -> str:
    """An address in its plain form; empty where it is none."""
    try:
        found = ipaddress.ip_address(text.split("%")[0])
    except ValueError:
        return ""
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return str(mapped or found)


def _as_text(value: str) -> str:
    try:
        return value.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return value
