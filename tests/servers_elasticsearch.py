"""Lines of its configuration -> how one Elasticsearch node, its whole cluster, is started and asked."""

import shutil
import subprocess
import urllib.request
from base64 import b64encode
from collections.abc import Callable, Mapping
from pathlib import Path

from servers_folder import PASSWORD, free_port, give, new_folder
from servers_process import Recipe
from servers_programs import elasticsearch, java

USER = "elastic"
MEMORY = "-Xms768m -Xmx768m"


def recipe(kind: str, port: int, settings: Mapping[str, str], *, security: bool) -> Recipe:
    """Raises: NoServerError if the program or a Java for it is not on this machine."""
    home, runtime, folder = elasticsearch(kind), java(21 if kind == "elasticsearch9" else 17), new_folder()
    lines = node(port, security=security) | {"path.data": f"{folder}/data", "path.logs": f"{folder}/logs"} | settings
    _configure(home, folder, lines)
    if security:
        _set_password(home, runtime, folder)
    give(folder)
    return Recipe(
        url=f"http://127.0.0.1:{port}",
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
        asked=asked(port, security=security),
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


def asked(port: int, *, security: bool) -> Callable[[], object]:
    """Asks the node for the health of its cluster, which must be yellow or better."""
    signed = {"Authorization": "Basic " + b64encode(f"{USER}:{PASSWORD}".encode()).decode()} if security else {}
    address = f"http://127.0.0.1:{port}/_cluster/health?wait_for_status=yellow&timeout=2s"

    def ask() -> object:
        with urllib.request.urlopen(urllib.request.Request(address, headers=signed), timeout=5) as answer:
            return answer.read()

    return ask


def _configure(home: Path, folder: Path, lines: Mapping[str, str]) -> None:
    for name in ("conf", "data", "logs", "tmp"):
        (folder / name).mkdir()
    text = "".join(f"{name}: {value}\n" for name, value in lines.items())
    (folder / "conf/elasticsearch.yml").write_text(text, encoding="utf-8")
    shutil.copy(home / "config/log4j2.properties", folder / "conf")
    options = (home / "config/jvm.options").read_text(encoding="utf-8").splitlines()
    kept = [line for line in options if "logs/" not in line]  # files in the program's folder, which others share
    (folder / "conf/jvm.options").write_text("\n".join(kept), encoding="utf-8")


def _set_password(home: Path, runtime: Path, folder: Path) -> None:
    keystore = _tool("keystore", home, runtime, folder)
    subprocess.run([*keystore, "create"], check=True, capture_output=True, cwd=home)
    words = [*keystore, "add", "--stdin", "bootstrap.password"]
    subprocess.run(words, check=True, capture_output=True, cwd=home, input=PASSWORD.encode())


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
