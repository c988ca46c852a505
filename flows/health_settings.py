"""Where a process answers monitors."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthSettings:
    """/metrics, /healthz and /readyz; the desk page answers monitors of this machine too."""

    host: str = "127.0.0.1"
    port: int = 0  # 0: only the desk page answers
    allow: tuple[str, ...] = ()  # networks whose monitors may ask the desk page without signing in, "10.1.0.0/16"
