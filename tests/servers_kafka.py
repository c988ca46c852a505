"""Lines of its configuration -> how one Kafka broker, its own controller, is started and asked."""

import socket
import subprocess
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from uuid import uuid4

from servers_folder import PASSWORD, USER, free_port, give, new_folder
from servers_process import Recipe
from servers_programs import java, kafka

MODULE = "org.apache.kafka.common.security.plain.PlainLoginModule"


def recipe(port: int, settings: Mapping[str, str], *, security: bool) -> Recipe:
    """Raises: NoServerError if the program or a Java for it is not on this machine."""
    classes, program = f"{kafka()}/*", str(java(17) / "bin/java")
    folder = new_folder()
    lines = broker(port, security=security) | {"log.dirs": f"{folder}/log"} | settings
    configuration = folder / "server.properties"
    configuration.write_text("".join(f"{name}={value}\n" for name, value in lines.items()), encoding="utf-8")
    cluster = urlsafe_b64encode(uuid4().bytes).decode().rstrip("=")
    tool = [program, "-cp", classes, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(configuration)]
    subprocess.run(tool, check=True, capture_output=True)
    give(folder)
    return Recipe(
        url=f"127.0.0.1:{port}",
        user=USER if security else "",
        password=PASSWORD if security else "",
        folder=folder,
        command=[program, "-Xmx512m", "-cp", classes, "kafka.Kafka", str(configuration)],
        asked=asked(port, security=security),
    )


def broker(port: int, *, security: bool) -> dict[str, str]:
    """The lines of a broker alone; its listener CLIENTS is plain, or takes one user's password."""
    control = free_port()
    protocol = "SASL_PLAINTEXT" if security else "PLAINTEXT"
    lines = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@127.0.0.1:{control}",
        "listeners": f"CLIENTS://127.0.0.1:{port},CONTROLLER://127.0.0.1:{control}",
        "advertised.listeners": f"CLIENTS://127.0.0.1:{port}",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "CLIENTS",
        "listener.security.protocol.map": f"CONTROLLER:PLAINTEXT,CLIENTS:{protocol}",
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


def asked(port: int, *, security: bool) -> Callable[[], object]:
    """Asks the broker for the description of its cluster."""
    signed = {
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "PLAIN",
        "sasl_plain_username": USER,
        "sasl_plain_password": PASSWORD,
    }

    def ask() -> object:
        from kafka import KafkaAdminClient

        socket.create_connection(("127.0.0.1", port), 2).close()  # the client would write warnings until it is there
        admin = KafkaAdminClient(bootstrap_servers=f"127.0.0.1:{port}", **(signed if security else {}))
        try:
            return admin.describe_cluster()
        finally:
            admin.close()

    return ask
