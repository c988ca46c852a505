"""`tocsin people` and `tocsin audit`: who may come to the desk page and do what, and who did."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from flows.commands.options import HomeOption, JsonOption, LimitOption, home, print_json, say, say_left_out

people = typer.Typer(
    no_args_is_help=True,
    help=(
        "Who may come to the desk page, and do what. As soon as there are people, everybody signs in.\n\n"
        "reader: looks, searches, acts on alerts of their desks. editor: also changes watches of their desks and adds "
        "feeds. operator: everything.\n\n"
        "`tocsin people add ana --role operator`"
    ),
)
token = typer.Typer(
    no_args_is_help=True,
    help="API tokens: what a program sends as `Authorization: Bearer TOKEN`, in a person's name.",
)
NameArgument = Annotated[str, typer.Argument(help="The name that they sign in with.")]
RoleOption = Annotated[str, typer.Option("--role", help="reader, editor or operator.")]
DesksOption = Annotated[
    list[str] | None, typer.Option("--desk", help="A desk that they belong to; repeatable. None: all desks.")
]
PasswordOption = Annotated[
    Path | None,
    typer.Option("--password-file", help="A file whose first line is the password; `-` reads it. Else it is asked."),
]
ByOption = Annotated[str, typer.Option("--by", help="Your name: it stands in the audit.")]


def register(app: typer.Typer) -> None:
    people.add_typer(token, name="token")
    app.add_typer(people, name="people")
    app.command("audit")(audit)


@people.command("add")
def add(
    name: NameArgument,
    role: RoleOption,
    desks: DesksOption = None,
    display: Annotated[str, typer.Option("--display", help="How the page calls them: Ana Petrova.")] = "",
    password_file: PasswordOption = None,
    no_password: Annotated[
        bool, typer.Option("--no-password", help="They come through the trusted proxy of the settings alone.")
    ] = False,
    by: ByOption = "command",
    folder: HomeOption = None,
) -> None:
    """Adds someone. The password has at least 12 characters: four words in a row are a good one.

    `tocsin people add ben --role editor --desk Sanctions --desk Prisoners`
    """
    from flows.admission import admit

    password = "" if no_password else _password(password_file)
    asked = {"name": name, "display": display, "role": role, "desks": desks or [], "password": password, "by": by}
    admit(home(folder), "add", asked)
    say(f"{name} is {role} of {', '.join(desks or []) or 'all desks'}; everybody signs in at the desk page now")


@people.command("list")
def listing(folder: HomeOption = None, limit: LimitOption = 200, as_json: JsonOption = False) -> None:
    """Everybody who may sign in, with their role and desks."""
    from flows.opening import reading
    from search.people.store import People

    with reading(home(folder)) as ledger:
        found = People(ledger).listing()
    columns = ("name", "display", "role", "desks", "has_password", "disabled", "added")
    rows = [{column: getattr(one, column) for column in columns} for one in found]
    if as_json:
        print_json("tocsin.person/1", rows[:limit])
    else:
        _table(("name", "role", "desks", "signs in with", "since"), [_line(row) for row in rows[:limit]])
        if not found:
            say("nobody has to sign in; `tocsin people add NAME --role operator` adds the first")
    say_left_out(min(limit, len(found)), len(found))


def _line(row: dict[str, Any]) -> tuple[str, ...]:
    with_what = "disabled" if row["disabled"] else "a password" if row["has_password"] else "the proxy"
    called = f"{row['name']} ({row['display']})" if row["display"] else row["name"]
    return called, row["role"], ", ".join(row["desks"]) or "all", with_what, f"{row['added']:%Y-%m-%d}"


@people.command("role")
def role(
    name: NameArgument,
    role: Annotated[str, typer.Argument(help="reader, editor or operator.")],
    desks: DesksOption = None,
    all_desks: Annotated[bool, typer.Option("--all-desks", help="They belong to all desks.")] = False,
    by: ByOption = "command",
    folder: HomeOption = None,
) -> None:
    """Gives someone another role, and other desks where `--desk` or `--all-desks` says so. It holds at once."""
    from flows.admission import admit

    chosen = [] if all_desks else desks
    admit(home(folder), "role", {"name": name, "role": role, "desks": chosen, "by": by})
    say(f"{name} is {role}")


@people.command("password")
def password(
    name: NameArgument, password_file: PasswordOption = None, by: ByOption = "command", folder: HomeOption = None
) -> None:
    """Gives someone a new password; all their sessions end."""
    from flows.admission import admit

    admit(home(folder), "password", {"name": name, "password": _password(password_file), "by": by})
    say(f"{name} has a new password; their sessions are ended")


@people.command("disable")
def disable(name: NameArgument, by: ByOption = "command", folder: HomeOption = None) -> None:
    """Lets someone in no more: their sessions end, and their tokens are refused. Nothing they did is lost."""
    from flows.admission import admit

    admit(home(folder), "disable", {"name": name, "by": by})
    say(f"{name} is disabled; `tocsin people enable {name}` lets them in again")


@people.command("enable")
def enable(name: NameArgument, by: ByOption = "command", folder: HomeOption = None) -> None:
    """Lets someone in again."""
    from flows.admission import admit

    admit(home(folder), "enable", {"name": name, "by": by})
    say(f"{name} is enabled")


@people.command("sign-out")
def sign_out(name: NameArgument, by: ByOption = "command", folder: HomeOption = None) -> None:
    """Ends all sessions of someone."""
    from flows.admission import admit

    admit(home(folder), "sign-out", {"name": name, "by": by})
    say(f"all sessions of {name} are ended")


@people.command("sessions")
def sessions(name: NameArgument, folder: HomeOption = None, as_json: JsonOption = False) -> None:
    """Where someone is signed in."""
    from flows.opening import reading
    from flows.settings import read_settings
    from ingest.clock import now, to_ms
    from search.desk.context import lasting
    from search.people.sessions import sessions_of

    place = home(folder)
    with reading(place) as ledger:
        found = sessions_of(ledger, name, lasting(read_settings(place).desk), to_ms(now()))
    if as_json:
        columns = ("person", "made", "used", "until", "address", "agent")
        print_json("tocsin.session/1", ({column: getattr(one, column) for column in columns} for one in found))
        return
    rows = [(f"{one.made:%Y-%m-%d %H:%M}", f"{one.used:%Y-%m-%d %H:%M}", one.address, one.agent) for one in found]
    _table(("since", "last used", "from", "browser"), rows)
    if not found:
        say(f"{name} is not signed in anywhere")


@token.command("add")
def token_add(
    person: Annotated[str, typer.Argument(help="In whose name; it never may do more than they may.")],
    name: Annotated[str, typer.Argument(help="What it is for, such as the program that will use it.")],
    role: RoleOption = "reader",
    desks: DesksOption = None,
    days: Annotated[int, typer.Option("--days", min=0, help="It is over after so many; 0: until revoked.")] = 365,
    by: ByOption = "command",
    folder: HomeOption = None,
) -> None:
    """Makes a token and prints it, once: only its digest is kept.

    `curl -H "Authorization: Bearer $TOKEN" https://desk.example/search?q=potash`
    """
    from flows.admission import admit

    asked = {"person": person, "name": name, "role": role, "desks": desks or [], "days": days, "by": by}
    typer.echo(str(admit(home(folder), "add-token", asked)["token"]))
    say(f"keep it now: it is not shown again; `tocsin people token revoke {person} {name!r}` takes it back")


@token.command("list")
def token_list(folder: HomeOption = None, limit: LimitOption = 200, as_json: JsonOption = False) -> None:
    """The tokens, without what is sent."""
    from flows.opening import reading
    from search.people.tokens import listed_tokens

    with reading(home(folder)) as ledger:
        found = listed_tokens(ledger)
    columns = ("person", "name", "role", "desks", "made", "used", "until")
    rows = [{column: getattr(one, column) for column in columns} for one in found[:limit]]
    if as_json:
        print_json("tocsin.token/1", rows)
    else:
        _table(columns, [tuple(_shown(row[column]) for column in columns) for row in rows])
    say_left_out(len(rows), len(found))


@token.command("revoke")
def token_revoke(
    person: Annotated[str, typer.Argument(help="In whose name it is.")],
    name: Annotated[str, typer.Argument(help="Its name.")],
    by: ByOption = "command",
    folder: HomeOption = None,
) -> None:
    """Takes a token back; it is refused from now on."""
    from flows.admission import admit

    admit(home(folder), "revoke-token", {"person": person, "name": name, "by": by})
    say(f"{name} is revoked")


def audit(
    who: Annotated[str, typer.Option("--who", help="A person, `command`, `file`, or `unknown`.")] = "",
    what: Annotated[str, typer.Option("--what", help="Such as `sign-in failed` or `watch changed`.")] = "",
    about: Annotated[str, typer.Option("--about", help="A watch, an alert, a person, an address.")] = "",
    folder: HomeOption = None,
    limit: LimitOption = 50,
    as_json: JsonOption = False,
) -> None:
    """Who did what and when, newest first.

    `tocsin audit --what 'sign-in failed' --json`
    """
    from flows.opening import reading
    from search.people.audit import Sought, listing

    with reading(home(folder)) as ledger:
        found, total = listing(ledger, Sought(who=who, what=what, subject=about), limit)
    columns = ("at", "who", "what", "subject", "detail")
    rows = [{column: getattr(one, column) for column in columns} for one in found]
    if as_json:
        print_json("tocsin.done/1", rows)
    else:
        _table(columns, [tuple(_shown(row[column]) for column in columns) for row in rows])
    say_left_out(len(found), total)


def _password(file: Path | None) -> str:
    from ingest.verdict import Abort

    if file is None:
        if not sys.stdin.isatty():
            raise Abort("a password is asked at a terminal: give --password-file FILE, or - for standard input")
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
    try:
        text = sys.stdin.readline() if str(file) == "-" else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Abort(f"cannot read a password from {file}: {error}") from error
    return text.splitlines()[0] if text.strip() else ""


def _table(columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    from rich.table import Table

    from flows.commands.showing import console

    table = Table(box=None, header_style="dim")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*row)
    console().print(table)


def _shown(value: object) -> str:
    from datetime import datetime

    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return ", ".join(value) if isinstance(value, tuple) else "" if value is None else str(value)
