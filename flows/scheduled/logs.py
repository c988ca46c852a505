"""What the stages log -> lines of the flow run with their facts, as Prefect shows messages only."""

import logging

_KNOWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
ONE_A_FEED = "tocsin.ingest.feeds.collect"  # the artifact counts them; thousands of lines help nobody


class Facts(logging.Filter):
    """Puts the facts of an event into its message."""

    def filter(self, record: logging.LogRecord) -> bool:
        if not record.name.startswith("tocsin"):
            return True  # handlers are shared with Prefect's own loggers
        if record.name == ONE_A_FEED and record.levelno < logging.WARNING:
            return False
        facts = {name: value for name, value in vars(record).items() if name not in _KNOWN and name != "told_facts"}
        if facts and not hasattr(record, "told_facts"):
            said = " ".join(f"{name}={value!r}" for name, value in facts.items())
            record.msg, record.args = f"{record.getMessage()} {said}", ()
            record.told_facts = True
        return True


def show_facts() -> None:
    """Has every handler of ours show events and their facts from now on."""
    ours = logging.getLogger("tocsin")
    if ours.handlers and ours.level == logging.NOTSET:
        ours.setLevel(logging.INFO)  # Prefect gives the logger a handler, and leaves its level to the root's
    for handler in ours.handlers:
        if not any(isinstance(kept, Facts) for kept in handler.filters):
            handler.addFilter(Facts())
