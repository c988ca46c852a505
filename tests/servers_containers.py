"""A kind of server -> how it is started in a container, where docker or podman has an engine that answers.

It has not been tried: no machine that built this had an engine. The container uses this machine's network, so that
the server's own lines (ports on loopback) are those of the programs.
"""

import shutil
import subprocess
from collections.abc import Callable, Mapping
from functools import cache
from secrets import token_hex

import servers_elasticsearch
import servers_kafka
import servers_postgresql
from servers_folder import PASSWORD, USER, new_folder
from servers_process import Recipe
from servers_programs import ELASTICSEARCHES, NoServerError, needed

IMAGES = {
    "kafka": "apache/kafka:4.1.1",
    "postgresql": "postgres:15",
    **{kind: f"docker.elastic.co/elasticsearch/elasticsearch:{version}" for kind, version in ELASTICSEARCHES.items()},
}


@cache
def engine() -> str | None:
    """The command of the engine that answers; a docker without its daemon does not."""
    for name in ("docker", "podman"):
        if shutil.which(name) and not subprocess.run([name, "ps", "-q"], capture_output=True, timeout=30).returncode:
            return name
    return None


def recipe(kind: str, port: int, settings: Mapping[str, str], *, security: bool) -> Recipe:
    """Raises: NoServerError if no engine answers, or if it has no such image and may not or cannot fetch it."""
    command = engine()
    if not command:
        raise NoServerError("neither docker nor podman answers")
    environment, words = _inside(kind, port, settings, security)
    given = [f"--env={name}={value}" for name, value in environment.items()]
    name, pull = f"tocsin-test-{token_hex(6)}", "missing" if needed() else "never"
    create = [command, "create", "--network=host", f"--pull={pull}", f"--name={name}", *given, IMAGES[kind], *words]
    done = subprocess.run(create, capture_output=True, text=True)
    if done.returncode:
        raise NoServerError(f"{command} has no {IMAGES[kind]}: {done.stderr.strip()[-300:]}")
    elastic = kind in ELASTICSEARCHES
    user = servers_elasticsearch.USER if elastic else USER
    url = f"http://127.0.0.1:{port}" if elastic else f"127.0.0.1:{port}"
    return Recipe(
        url=servers_postgresql.address(port, security=security) if kind == "postgresql" else url,
        user=user if security else "",
        password=PASSWORD if security else "",
        folder=new_folder(),
        command=[command, "start", "--attach", name],  # passes signals on to the server
        kills_by=[command, "kill", name],
        removes_by=[command, "rm", "--force", "--volumes", name],
        asked=_asked(kind, port, security),
        ends_by=servers_postgresql.ENDS_BY if kind == "postgresql" else Recipe.ends_by,
    )


def _inside(kind: str, port: int, settings: Mapping[str, str], security: bool) -> tuple[dict[str, str], list[str]]:
    """The environment and the words that the image takes for the same lines as the program's configuration."""
    if kind == "kafka":
        lines = servers_kafka.broker(port, security=security) | settings
        return {"KAFKA_" + name.upper().replace(".", "_"): value for name, value in lines.items()}, []
    if kind == "postgresql":
        lines = servers_postgresql.options(port) | settings
        access = {} if security else {"POSTGRES_HOST_AUTH_METHOD": "trust"}
        words = [word for name, value in lines.items() for word in ("-c", f"{name}={value}")]
        return {"POSTGRES_USER": USER, "POSTGRES_PASSWORD": PASSWORD, "POSTGRES_DB": "postgres"} | access, words
    lines = servers_elasticsearch.node(port, security=security) | settings
    return lines | {"ES_JAVA_OPTS": servers_elasticsearch.MEMORY, "ELASTIC_PASSWORD": PASSWORD}, []


def _asked(kind: str, port: int, security: bool) -> Callable[[], object]:
    if kind == "kafka":
        return servers_kafka.asked(port, security=security)
    if kind == "postgresql":
        return servers_postgresql.asked(port, security=security)
    return servers_elasticsearch.asked(port, security=security)
