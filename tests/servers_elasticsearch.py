"""Lines of its configuration -> how one Elasticsearch node, its whole cluster, is started and asked."""

import shutil
import urllib.request
from base64 import b64encode
from collections.abc import Callable, Mapping
from pathlib import Path

from servers_folder import PASSWORD, free_port, give, new_folder, prepare
from servers_process import Recipe
from servers_programs import elasticsearch, java
from servers_tls import Certificate, certificate, trusting

USER = "elastic"
MEMORY = "-Xms256m -Xmx768m"


def recipe(kind: str, port: int, settings: Mapping[str, str], *, security: bool, tls: bool) -> Recipe:
    """Raises: NoServerError if the program or a Java for it is not on this machine."""
    home, runtime, folder = elasticsearch(kind), java(21 if kind == "elasticsearch9" else 17), new_folder()
    for name in ("conf", "data", "logs", "tmp"):
        (folder / name).mkdir()
    trusted = certificate(folder / "conf") if tls else None
    lines = node(port, security=security) | {"path.data": f"{folder}/data", "path.logs": f"{folder}/logs"}
    lines = lines | (encrypted(trusted) if trusted else {}) | settings
    _configure(home, folder, lines)
    if security:
        _set_password(home, runtime, folder)
    give(folder)
    return Recipe(
        url=f"{'https' if tls else 'http'}://127.0.0.1:{port}",
        user=USER if security else "",
        password=PASSWORD if security else "",
        folder=folder,
        command=_tool("server", home, runtime, folder),
        working=home,
        environment={
            "ES_JAVA_HOME": str(runtime),
            "ES_PATH_CONF": f"{folder}/conf",
            "ES_JAVA_OPTS": MEMORY,
            "ES_TMPDIR": f"{folder}/tmp",
        },
        certificate=trusted.path if trusted else None,
        asked=asked(port, security=security, trusted=trusted.path if trusted else None),
    )


def node(port: int, *, security: bool) -> dict[str, str]:
    """The lines of a node alone, whatever else fills the disk of this machine."""
    return {
        "cluster.name": "tocsin",
        "discovery.type": "single-node",
        "network.host": "127.0.0.1",
        "http.port": str(port),
        "transport.port": str(free_port()),
        "cluster.routing.allocation.disk.threshold_enabled": "false",
        "xpack.security.enabled": str(security).lower(),
    }


def encrypted(trusted: Certificate) -> dict[str, str]:
    """The lines of a node that speaks HTTPS; Elasticsearch does so only with its security on."""
    return {
        "xpack.security.http.ssl.enabled": "true",
        "xpack.security.http.ssl.certificate": str(trusted.path),
        "xpack.security.http.ssl.key": str(trusted.key),
    }


def asked(port: int, *, security: bool, trusted: Path | None = None) -> Callable[[], object]:
    """Asks the node for the health of its cluster, which must be yellow or better."""
    signed = {"Authorization": "Basic " + b64encode(f"{USER}:{PASSWORD}".encode()).decode()} if security else {}
    address = f"{'https' if trusted else 'http'}://127.0.0.1:{port}/_cluster/health?wait_for_status=yellow&timeout=2s"

    def ask() -> object:
        request = urllib.request.Request(address, headers=signed)
        with urllib.request.urlopen(request, timeout=5, context=trusting(trusted)) as answer:
            return answer.read()

    return ask


def _configure(home: Path, folder: Path, lines: Mapping[str, str]) -> None:
    text = "".join(f"{name}: {value}\n" for name, value in lines.items())
    (folder / "conf/elasticsearch.yml").write_text(text, encoding="utf-8")
    shutil.copy(home / "config/log4j2.properties", folder / "conf")
    options = (home / "config/jvm.options").read_text(encoding="utf-8").splitlines()
    kept = [line for line in options if "logs/" not in line]  # files in the program's folder, which others share
    (folder / "conf/jvm.options").write_text("\n".join(kept), encoding="utf-8")


def _set_password(home: Path, runtime: Path, folder: Path) -> None:
    keystore = _tool("keystore", home, runtime, folder)
    words = [*keystore, "add", "--force", "--stdin", "bootstrap.password"]  # makes the keystore too
    prepare(folder, words, cwd=home, input=PASSWORD)


def _tool(name: str, home: Path, runtime: Path, folder: Path) -> list[str]:
    """What the scripts in bin/ run; SonarQube's copy has no such scripts."""
    return [
        str(runtime / "bin/java"),
        "-Xmx64m",
        "-XX:+UseSerialGC",
        f"-Dcli.name={name}",
        f"-Dcli.script=bin/elasticsearch-{name}",
        f"-Dcli.libs=lib/tools/{name}-cli",
        f"-Des.path.home={home}",
        f"-Des.path.conf={folder}/conf",
        "-Des.distribution.type=zip",
        "-cp",
        "lib/*:lib/cli-launcher/*",
        "org.elasticsearch.launcher.CliToolLauncher",
    ]
