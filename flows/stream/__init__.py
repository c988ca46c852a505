"""Records between stages: the port, and its adapters by kind."""

from flows.stream.port import Holdings, Received, Stream

__all__ = ["Holdings", "Received", "Stream"]
