"""Lines of its configuration -> how one Kafka broker, its own controller, is started and asked."""

import socket
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from pathlib import Path
from uuid import uuid4

from servers_folder import PASSWORD, USER, free_port, give, new_folder, prepare
from servers_process import Recipe
from servers_programs import java, kafka
from servers_tls import Certificate, certificate

MODULE = "org.apache.kafka.common.security.plain.PlainLoginModule"


def recipe(port: int, settings: Mapping[str, str], *, security: bool, tls: bool) -> Recipe:
    """Raises: NoServerError if the program or a Java for it is not on this machine."""
    classes, program = f"{kafka()}/*", str(java(17) / "bin/java")
    folder = new_folder()
    trusted = certificate(folder) if tls else None
    lines = broker(port, security=security, tls=tls) | {"log.dirs": f"{folder}/log"}
    lines = lines | (encrypted(trusted) if trusted else {}) | settings
    configuration = folder / "server.properties"
    configuration.write_text("".join(f"{name}={value}\n" for name, value in lines.items()), encoding="utf-8")
    cluster = (
        "T" + urlsafe_b64encode(uuid4().bytes).decode().rstrip("=")[1:]
    )  # a first "-" would be taken for an option
    tool = [program, "-cp", classes, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(configuration)]
    prepare(folder, tool)
    give(folder)
    return Recipe(
        url=f"127.0.0.1:{port}",
        user=USER if security else "",
        password=PASSWORD if security else "",
        folder=folder,
        command=[program, "-Xmx512m", "-cp", classes, "kafka.Kafka", str(configuration)],
        certificate=trusted.path if trusted else None,
        asked=asked(port, security=security, trusted=trusted.path if trusted else None),
    )


def protocol(*, security: bool, tls: bool) -> str:
    """Kafka's name for what its clients speak."""
    return ("SASL_" if security else "") + ("SSL" if tls else "PLAINTEXT")


def broker(port: int, *, security: bool, tls: bool = False) -> dict[str, str]:
    """The lines of a broker alone; its listener CLIENTS is plain, or takes one user's password."""
    control = free_port()
    lines = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@127.0.0.1:{control}",
        "listeners": f"CLIENTS://127.0.0.1:{port},CONTROLLER://127.0.0.1:{control}",
        "advertised.listeners": f"CLIENTS://127.0.0.1:{port}",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "CLIENTS",
        "listener.security.protocol.map": f"CONTROLLER:PLAINTEXT,CLIENTS:{protocol(security=security, tls=tls)}",
        "offsets.topic.replication.factor": "1",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        "group.initial.rebalance.delay.ms": "0",
        "auto.create.topics.enable": "false",
    }
    if security:
        lines["sasl.enabled.mechanisms"] = lines["sasl.mechanism.inter.broker.protocol"] = "PLAIN"
        login = f'{MODULE} required username="{USER}" password="{PASSWORD}" user_{USER}="{PASSWORD}";'
        lines["listener.name.clients.plain.sasl.jaas.config"] = login
    return lines


def encrypted(trusted: Certificate) -> dict[str, str]:
    """The lines of a broker that speaks TLS, to its clients and so to itself."""
    both = trusted.path.with_name("both.pem")
    both.write_text(trusted.key.read_text() + trusted.path.read_text(), encoding="utf-8")
    return {
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(both),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(trusted.path),
    }


def asked(port: int, *, security: bool, trusted: Path | None = None) -> Callable[[], object]:
    """Asks the broker for the description of its cluster."""
    how = {"security_protocol": protocol(security=security, tls=trusted is not None)}
    if security:
        how |= {"sasl_mechanism": "PLAIN", "sasl_plain_username": USER, "sasl_plain_password": PASSWORD}
    if trusted:
        how["ssl_cafile"] = str(trusted)

    def ask() -> object:
        from kafka import KafkaAdminClient

        socket.create_connection(("127.0.0.1", port), 2).close()  # the client would write warnings until it is there
        admin = KafkaAdminClient(bootstrap_servers=f"127.0.0.1:{port}", **how)
        try:
            return admin.describe_cluster()
        finally:
            admin.close()

    return ask
