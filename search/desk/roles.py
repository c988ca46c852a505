"""A route -> the role that it needs: the one place where that is decided. What is not listed needs an operator."""

from typing import Literal

from starlette.routing import compile_path

from search.people.person import Role, at_least

ANYBODY: Literal["anybody"] = "anybody"  # who is signed in or not
Needed = Role | Literal["anybody"]

# Readers act on alerts of their desks, editors change watches of theirs: the routes themselves look at the desk.
_BY_ROLE: dict[Needed, str] = {
    "anybody": """
        GET /healthz
        GET /heartbeat
        GET /sign-in
        POST /sign-in
    """,
    "reader": """
        GET /
        GET /live
        GET /alerts/{alert}
        GET /alerts/{alert}/card
        GET /alerts/{alert}/detail
        POST /alerts/{alert}/{act}
        GET /articles/{article}
        GET /stories
        GET /stories/{story}
        GET /search
        GET /search/forms
        GET /watches
        GET /watches/{watch}
        GET /why-not
        GET /feeds
        GET /rejected
        GET /rejected/{name}
        GET /channels
        GET /me
        POST /me
        POST /me/password
        POST /me/sessions/end
        POST /sign-out
    """,
    "editor": """
        GET /watches/new
        POST /watches
        POST /watches/preview
        POST /watches/{watch}/{state}
        POST /feeds
        POST /api/watches
        POST /api/watches/{watch}/{state}
        POST /api/feeds
    """,
    "operator": """
        POST /channels/hold
        POST /channels/release
        POST /channels/{channel}/test
        POST /rejected/{name}/retry
        GET /people
        POST /people/{order}
        GET /audit
        POST /api/deliveries/{act}
        POST /api/operate/{what}
        POST /api/channels/{channel}/test
        POST /api/rejected/{name}/retry
        POST /api/people/{order}
    """,
}
ROUTES: dict[tuple[str, str], Needed] = {
    (method, path): role
    for role, lines in _BY_ROLE.items()
    for method, path in (line.split() for line in lines.strip().splitlines())
}
_COMPILED = [(method, compile_path(path)[0], role) for (method, path), role in ROUTES.items()]


def needed(method: str, path: str) -> Needed | None:
    """The role that a request needs, the highest where several routes could be meant; None: there is no such route.

    >>> needed("GET", "/watches/potash"), needed("GET", "/watches/new"), needed("PUT", "/watches/potash")
    ('reader', 'editor', None)
    """
    wanted = "GET" if method == "HEAD" else method
    found = [role for known, pattern, role in _COMPILED if known == wanted and pattern.match(path)]
    highest: Needed | None = None
    for role in found:
        if highest is None or highest == ANYBODY or (role != ANYBODY and at_least(role, highest)):
            highest = role
    return highest
