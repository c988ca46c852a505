"""Records between stages: the port, and its adapters by kind."""

from flows.stream.port import Received, Stream

__all__ = ["Received", "Stream"]
