"""A server's folder -> a certificate for loopback that signs itself, its key, and who trusts it."""

import ssl
from dataclasses import dataclass
from pathlib import Path

from servers_folder import prepare


@dataclass(frozen=True)
class Certificate:
    path: Path  # PEM; a client takes it as its file of certificate authorities
    key: Path  # PEM, PKCS 8, no password


def certificate(folder: Path) -> Certificate:
    """A new one in `folder`, for 127.0.0.1 and localhost, good for two days."""
    made = Certificate(folder / "certificate.pem", folder / "key.pem")
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    names = ["-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]
    prepare(folder, [*words, *names, "-out", str(made.path), "-keyout", str(made.key)])
    return made


def trusting(path: Path | None) -> ssl.SSLContext | None:
    """What `urllib` takes to trust that certificate alone; nothing where there is none."""
    return ssl.create_default_context(cafile=str(path)) if path else None
