"""What a stage says of work that it could not do: Reject, Retry or Abort."""


class Reject(Exception):  # noqa: N818 - a verdict, named as the stages say it
    """This record never: it is kept with its bytes and this reason, and shown to people."""


class Retry(Exception):  # noqa: N818
    """Nothing was done; try the same later."""

    def __init__(self, reason: str, *, after_seconds: float | None = None) -> None:
        super().__init__(reason)
        self.after_seconds = after_seconds


class Abort(Exception):  # noqa: N818
    """Stop and call someone: the message says what, where, and what to do."""
