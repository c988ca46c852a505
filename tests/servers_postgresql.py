"""Lines of its configuration -> how one PostgreSQL is started and asked."""

import signal
from collections.abc import Callable, Mapping

import psycopg
from servers_folder import PASSWORD, USER, give, new_folder, owner, prepare
from servers_process import Recipe
from servers_programs import postgresql
from servers_tls import Certificate, certificate

ENDS_BY = signal.SIGINT  # ends its connections; TERM would wait for them


def recipe(port: int, settings: Mapping[str, str], *, security: bool, tls: bool) -> Recipe:
    """Raises: NoServerError if there is no PostgreSQL server on this machine."""
    programs, folder = postgresql(), new_folder()
    trusted = certificate(folder) if tls else None
    (folder / "password").write_text(PASSWORD, encoding="utf-8")
    give(folder)
    access = ["-A", "scram-sha-256", "--pwfile", f"{folder}/password"] if security else ["-A", "trust"]
    words = ["-D", f"{folder}/db", "-U", USER, "-E", "UTF8", "--locale=C.UTF-8", *access]
    prepare(folder, [f"{programs}/initdb", *words], cwd=folder, **owner(folder))
    lines = options(port) | (encrypted(trusted) if trusted else {}) | settings
    return Recipe(
        url=address(port, security=security),
        user=USER if security else "",
        password=PASSWORD if security else "",
        folder=folder,
        command=[f"{programs}/postgres", "-D", f"{folder}/db", *(f"--{name}={value}" for name, value in lines.items())],
        certificate=trusted.path if trusted else None,
        asked=asked(port, security=security),
        ends_by=ENDS_BY,
    )


def options(port: int) -> dict[str, str]:
    """The lines of a server that listens on loopback only."""
    return {"port": str(port), "listen_addresses": "127.0.0.1", "unix_socket_directories": ""}


def encrypted(trusted: Certificate) -> dict[str, str]:
    """The lines of a server that also speaks TLS; a client that wants it says so in its URL."""
    return {"ssl": "on", "ssl_cert_file": str(trusted.path), "ssl_key_file": str(trusted.key)}


def address(port: int, *, security: bool) -> str:
    """The URL, in the form that SQLAlchemy takes."""
    return f"postgresql+psycopg://{USER}{':' + PASSWORD if security else ''}@127.0.0.1:{port}/postgres"


def asked(port: int, *, security: bool) -> Callable[[], object]:
    """Asks the server for one row."""
    plain = address(port, security=security).replace("+psycopg", "")

    def ask() -> object:
        with psycopg.connect(plain, connect_timeout=5) as connection:
            return connection.execute("SELECT 1").fetchone()

    return ask
