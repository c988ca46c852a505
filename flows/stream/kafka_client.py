"""Clients of kafka-python 3.0.12 -> the same, closed whole when they fail, and told why a broker hangs up."""

from collections.abc import Callable, Mapping
from typing import Any

from kafka.net.compat import KafkaNetClient
from kafka.net.transport import KafkaSSLTransport, KafkaTCPTransport

Received = tuple[bytes, Exception | None]


def made(kind: Callable[..., Any], config: Mapping[str, Any]) -> Any:
    """A consumer, a producer or an admin client.

    A constructor of theirs that finds no broker would leave its thread and its sockets behind.
    """
    mend()
    begun: list[Any] = []

    def network(**given: Any) -> Any:
        begun.append(KafkaNetClient(**given))
        return begun[-1]

    try:
        return kind(**config, kafka_client=network)
    except BaseException:
        for client in begun:
            client.close()
        raise


def mend() -> None:
    """Has what a broker says right before it hangs up read, such as that it refuses the password.

    The client throws away what it received together with the end of the connection.
    """
    for transport in (KafkaTCPTransport, KafkaSSLTransport):
        if not getattr(transport._sock_recv, "mended", False):
            transport._sock_recv = _mended(transport._sock_recv)


def _mended(received: Callable[[Any], Received]) -> Callable[[Any], Received]:
    def receive(transport: Any) -> Received:
        data, error = received(transport)
        return (data, None) if data else (data, error)  # the end is met again by the next call

    receive.mended = True  # type: ignore[attr-defined]
    return receive
